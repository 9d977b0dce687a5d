/* A state dict in a pickle: which dict it is, and its tensors, in place where they are contiguous. */
#include <string.h>

#include "base/dtype.h"
#include "base/utf8.h"
#include "formats/torch.h"

enum { NAME_SHOWN = 80, FREE_COPIES = 1 << 26 /* bytes, beside as many as the file has */ };

/* ---- Names ---- */

/* Of pt__torch_globals the first name storages, the next dtypes: both in the order of `dtypes`. */
enum { DTYPES = 16, STORAGES = 12, UNTYPED = STORAGES, DTYPE_NAMES, OTHERS = DTYPE_NAMES + DTYPES };

static const struct {
    int32_t dtype; /* 0: the library has none */
    int32_t element;
} dtypes[DTYPES] = {{PT_FLOAT32, 4}, {PT_FLOAT16, 2}, {PT_BFLOAT16, 2}, {PT_FLOAT64, 8}, {PT_INT64, 8}, {PT_INT32, 4},
                    {PT_INT16, 2},   {PT_INT8, 1},    {PT_UINT8, 1},    {PT_BOOL, 1},    {0, 8},        {0, 16},
                    {PT_UINT16, 2},  {PT_UINT32, 4},  {PT_UINT64, 8},   {0, 1}};

enum {
    REBUILD_TENSOR = OTHERS,
    REBUILD_TENSOR_2,
    REBUILD_TENSOR_3,
    REBUILD_PARAMETER,
    SIZE,
};

const pt__pickle_global_t pt__torch_globals[] = {
    {"torch.FloatStorage", PT__PICKLE_NAMED},
    {"torch.HalfStorage", PT__PICKLE_NAMED},
    {"torch.BFloat16Storage", PT__PICKLE_NAMED},
    {"torch.DoubleStorage", PT__PICKLE_NAMED},
    {"torch.LongStorage", PT__PICKLE_NAMED},
    {"torch.IntStorage", PT__PICKLE_NAMED},
    {"torch.ShortStorage", PT__PICKLE_NAMED},
    {"torch.CharStorage", PT__PICKLE_NAMED},
    {"torch.ByteStorage", PT__PICKLE_NAMED},
    {"torch.BoolStorage", PT__PICKLE_NAMED},
    {"torch.ComplexFloatStorage", PT__PICKLE_NAMED},
    {"torch.ComplexDoubleStorage", PT__PICKLE_NAMED},
    {"torch.storage.UntypedStorage", PT__PICKLE_NAMED},
    {"torch.float32", PT__PICKLE_NAMED},
    {"torch.float16", PT__PICKLE_NAMED},
    {"torch.bfloat16", PT__PICKLE_NAMED},
    {"torch.float64", PT__PICKLE_NAMED},
    {"torch.int64", PT__PICKLE_NAMED},
    {"torch.int32", PT__PICKLE_NAMED},
    {"torch.int16", PT__PICKLE_NAMED},
    {"torch.int8", PT__PICKLE_NAMED},
    {"torch.uint8", PT__PICKLE_NAMED},
    {"torch.bool", PT__PICKLE_NAMED},
    {"torch.complex64", PT__PICKLE_NAMED},
    {"torch.complex128", PT__PICKLE_NAMED},
    {"torch.uint16", PT__PICKLE_NAMED},
    {"torch.uint32", PT__PICKLE_NAMED},
    {"torch.uint64", PT__PICKLE_NAMED},
    {"torch.float8_e4m3fn", PT__PICKLE_NAMED},
    {"torch._utils._rebuild_tensor", PT__PICKLE_CALLED},
    {"torch._utils._rebuild_tensor_v2", PT__PICKLE_CALLED},
    {"torch._utils._rebuild_tensor_v3", PT__PICKLE_CALLED},
    {"torch._utils._rebuild_parameter", PT__PICKLE_CALLED},
    {"torch.Size", PT__PICKLE_CALLED},
    {"collections.OrderedDict", PT__PICKLE_MAKES_DICT},
    {"collections.Counter", PT__PICKLE_MAKES_DICT},
};
const int32_t pt__torch_n_globals = sizeof pt__torch_globals / sizeof pt__torch_globals[0];

static int shown(int64_t length)
{
    return (int)(length < NAME_SHOWN ? length : NAME_SHOWN);
}

/* ---- Storages ---- */

static pt_status_t read_part(const pt__pickle_t *part, pt__torch_storage_t *out)
{
    if (part->kind == PT__PICKLE_NONE)
        return PT_OK;
    if (part->kind != PT__PICKLE_TUPLE || part->count != 3 || part->items[1]->kind != PT__PICKLE_INTEGER ||
        part->items[2]->kind != PT__PICKLE_INTEGER)
        return pt__fail(PT_ERR_FORMAT, "a storage's view is %s, expected (key, begin, elements)",
                        pt__pickle_kind_name(part));
    out->part_begin = part->items[1]->integer;
    out->part_elements = part->items[2]->integer;
    if (out->part_begin < 0 || out->part_begin > out->elements || out->part_elements < 0 ||
        out->part_elements > out->elements - out->part_begin)
        return pt__fail(PT_ERR_FORMAT, "a storage's view has elements %lld to %lld, but there are %lld",
                        (long long)out->part_begin, (long long)out->part_elements, (long long)out->elements);
    return PT_OK;
}

pt_status_t pt__torch_storage_read(const pt__pickle_t *reference, pt__torch_storage_t *out)
{
    const pt__pickle_t *id = reference->of;
    if (id->kind != PT__PICKLE_TUPLE || id->count < 5 || id->count > 6 || id->items[0]->kind != PT__PICKLE_STRING ||
        id->items[0]->length != 7 || memcmp(id->items[0]->bytes, "storage", 7) != 0)
        return pt__fail(PT_ERR_UNSUPPORTED,
                        "the pickle refers to something else than a storage, as that of a whole module does: "
                        "save its state_dict()");
    const pt__pickle_t *type = id->items[1], *key = id->items[2], *elements = id->items[4];
    if (type->kind != PT__PICKLE_GLOBAL || type->global > UNTYPED || key->kind != PT__PICKLE_STRING ||
        elements->kind != PT__PICKLE_INTEGER)
        return pt__fail(PT_ERR_FORMAT, "a storage is (%s, %s, %s), expected (type of storage, key, elements)",
                        pt__pickle_kind_name(type), pt__pickle_kind_name(key), pt__pickle_kind_name(elements));
    const int32_t is_typed = type->global != UNTYPED;
    *out = (pt__torch_storage_t){.key = key,
                                 .dtype = is_typed ? dtypes[type->global].dtype : 0,
                                 .element = is_typed ? dtypes[type->global].element : 1,
                                 .elements = elements->integer,
                                 .part_elements = elements->integer};
    if (out->elements < 0 || out->elements > INT64_MAX / 16)
        return pt__fail(PT_ERR_FORMAT, "storage \"%.*s\" has %lld elements", shown(key->length), key->bytes,
                        (long long)out->elements);
    return id->count == 6 ? read_part(id->items[5], out) : PT_OK;
}

/* ---- Tensors ---- */

typedef struct reader {
    pt__file_tensors_t *file;
    pt__torch_find_fn *find;
    void *user;
    int64_t copied; /* bytes */
} reader_t;

typedef struct view { /* of a storage, counted in elements */
    int32_t rank, is_too_high;
    int64_t offset, elements;
    int64_t shape[PT_MAX_RANK], strides[PT_MAX_RANK];
} view_t;

/* The call that makes a tensor; NULL: the value is none. */
static const pt__pickle_t *tensor_call(const pt__pickle_t *value)
{
    if (value->kind == PT__PICKLE_CALL && value->global == REBUILD_PARAMETER && value->of->count > 0)
        value = value->of->items[0];
    return value->kind == PT__PICKLE_CALL && value->global >= REBUILD_TENSOR && value->global <= REBUILD_TENSOR_3
               ? value
               : NULL;
}

/* torch.Size(sizes) is taken as its sizes. */
static pt_status_t read_sizes(const pt__pickle_t *list, const char *what, view_t *view, int64_t *sizes)
{
    if (list->kind == PT__PICKLE_CALL && list->global == SIZE && list->of->count == 1)
        list = list->of->items[0];
    if (list->kind != PT__PICKLE_TUPLE && list->kind != PT__PICKLE_LIST)
        return pt__fail(PT_ERR_FORMAT, "the %s is %s, expected a tuple", what, pt__pickle_kind_name(list));
    view->is_too_high = list->count > PT_MAX_RANK;
    for (int64_t i = 0; i < list->count; i++) {
        if (list->items[i]->kind != PT__PICKLE_INTEGER || list->items[i]->integer < 0)
            return pt__fail(PT_ERR_FORMAT, "the %s has something else than whole numbers from 0 on", what);
        if (i < PT_MAX_RANK)
            sizes[i] = list->items[i]->integer;
    }
    view->rank = (int32_t)(view->is_too_high ? PT_MAX_RANK : list->count);
    return PT_OK;
}

/* All elements lie within the storage. */
static pt_status_t check_view(const view_t *view, const pt__torch_storage_t *storage)
{
    int64_t last = view->offset;
    int32_t is_within = view->offset < storage->part_elements;
    for (int32_t i = 0; is_within && i < view->rank; i++) {
        const int64_t left = storage->part_elements - 1 - last, steps = view->shape[i] - 1;
        is_within = steps == 0 || view->strides[i] <= left / steps;
        if (is_within)
            last += steps * view->strides[i];
    }
    char shape[PT__SHAPE_TEXT], strides[PT__SHAPE_TEXT];
    return is_within ? PT_OK
                     : pt__fail(PT_ERR_FORMAT, "shape %s, strides %s from element %lld on, but its storage has %lld",
                                pt__sizes_print(view->rank, view->shape, shape, sizeof shape),
                                pt__sizes_print(view->rank, view->strides, strides, sizeof strides),
                                (long long)view->offset, (long long)storage->part_elements);
}

static pt_status_t read_view(const pt__pickle_t *arguments, view_t *view)
{
    const pt__pickle_t *offset = arguments->items[1];
    int64_t sizes_rank;
    if (offset->kind != PT__PICKLE_INTEGER || offset->integer < 0)
        return pt__fail(PT_ERR_FORMAT, "the offset in the storage is %s, expected a whole number from 0 on",
                        pt__pickle_kind_name(offset));
    view->offset = offset->integer;
    PT__TRY(read_sizes(arguments->items[2], "shape", view, view->shape));
    sizes_rank = view->rank;
    PT__TRY(read_sizes(arguments->items[3], "tuple of strides", view, view->strides));
    if (view->rank != sizes_rank)
        return pt__fail(PT_ERR_FORMAT, "%ld strides for %lld sizes", (long)view->rank, (long long)sizes_rank);
    return pt__sizes_elements("shape", view->rank, view->shape, &view->elements);
}

static int32_t is_contiguous(const view_t *view)
{
    int64_t expected = 1;
    for (int32_t i = view->rank - 1; i >= 0; i--) {
        if (view->shape[i] != 1 && view->strides[i] != expected)
            return 0;
        expected *= view->shape[i];
    }
    return 1;
}

/* Row by row: `counter` counts all dimensions but the last. */
static void copy_strided(const view_t *view, int64_t element, const uint8_t *from, uint8_t *to)
{
    const int32_t last = view->rank - 1;
    int64_t counter[PT_MAX_RANK] = {0};
    for (;;) {
        const uint8_t *row = from;
        for (int32_t i = 0; i < last; i++)
            row += counter[i] * view->strides[i] * element;
        for (int64_t i = 0; i < view->shape[last]; i++, to += element)
            memcpy(to, row + i * view->strides[last] * element, (size_t)element);
        int32_t i = last - 1;
        while (i >= 0 && ++counter[i] == view->shape[i])
            counter[i--] = 0;
        if (i < 0)
            return;
    }
}

/* Its elements in the order of rows, as tables have them. */
static pt_status_t straighten(reader_t *reader, const view_t *view, int64_t element, const uint8_t *from,
                              const void **data)
{
    const int64_t room = reader->file->size + FREE_COPIES - reader->copied;
    uint8_t *copy;
    if (view->elements > room / element)
        return pt__fail(
            PT_ERR_UNSUPPORTED,
            "its strides repeat elements, so that it and those before it take %lld bytes more than the file has",
            (long long)FREE_COPIES);
    PT__TRY(pt__file_tensors_allocate_uninitialised(reader->file, view->elements, element, "a strided tensor", &copy));
    reader->copied += view->elements * element;
    copy_strided(view, element, from, copy);
    *data = copy;
    return PT_OK;
}

/* The tensor's own dtype, where its storage has none: the offset and all strides count in it. */
static pt_status_t read_own_dtype(const pt__pickle_t *dtype, pt__torch_storage_t *storage)
{
    if (dtype->kind != PT__PICKLE_GLOBAL || dtype->global < DTYPE_NAMES || dtype->global >= OTHERS)
        return pt__fail(PT_ERR_FORMAT, "its dtype is %s, expected a name such as torch.float32",
                        pt__pickle_kind_name(dtype));
    storage->dtype = dtypes[dtype->global - DTYPE_NAMES].dtype;
    const int64_t element = dtypes[dtype->global - DTYPE_NAMES].element;
    storage->part_elements = storage->part_elements * storage->element / element;
    storage->part_begin = 0; /* of the older kind, which has no such tensors */
    storage->element = element;
    return PT_OK;
}

static pt_status_t check_arguments(const pt__pickle_t *call)
{
    const pt__pickle_t *arguments = call->of;
    const int32_t least = call->global == REBUILD_TENSOR ? 4 : call->global == REBUILD_TENSOR_2 ? 6 : 7;
    if (arguments->count < least || arguments->items[0]->kind != PT__PICKLE_REFERENCE)
        return pt__fail(PT_ERR_FORMAT, "%s of %lld arguments, the first %s, expected at least %ld and a storage",
                        pt__torch_globals[call->global].name, (long long)arguments->count,
                        arguments->count > 0 ? pt__pickle_kind_name(arguments->items[0]) : "missing", (long)least);
    if (arguments->count > least && call->global != REBUILD_TENSOR &&
        arguments->items[least]->kind != PT__PICKLE_NONE &&
        !(arguments->items[least]->kind == PT__PICKLE_DICT && arguments->items[least]->count == 0))
        return pt__fail(PT_ERR_UNSUPPORTED, "it is conjugated, negated, or of a backend of its own");
    return PT_OK;
}

static pt_status_t read_tensor(reader_t *reader, const pt__pickle_t *call, pt__entry_t *entry)
{
    pt__torch_storage_t storage;
    view_t view = {0};
    const uint8_t *data;
    PT__TRY(check_arguments(call));
    PT__TRY(pt__torch_storage_read(call->of->items[0], &storage));
    PT__TRY(reader->find(reader->user, &storage, &data));
    if (call->global == REBUILD_TENSOR_3)
        PT__TRY(read_own_dtype(call->of->items[6], &storage));
    PT__TRY(read_view(call->of, &view));
    entry->dtype = view.is_too_high ? 0 : storage.dtype; /* of no use, as a dtype that is not known is */
    entry->rank = view.rank;
    memcpy(entry->shape, view.shape, sizeof view.shape);
    entry->data = data;
    if (entry->dtype == 0)
        return PT_OK;
    if (view.elements == 0) /* wherever it begins */
        return PT_OK;
    PT__TRY(check_view(&view, &storage));
    entry->bytes = view.elements * storage.element;
    data += (storage.part_begin + view.offset) * storage.element;
    entry->data = data;
    return is_contiguous(&view) ? PT_OK : straighten(reader, &view, storage.element, data, &entry->data);
}

/* ---- The state dict ---- */

static int64_t count_tensors(const pt__pickle_t *value)
{
    int64_t count = 0;
    for (int64_t i = 0; value->kind == PT__PICKLE_DICT && i < value->count; i += 2)
        count += value->items[i]->kind == PT__PICKLE_STRING && tensor_call(value->items[i + 1]) != NULL;
    return count;
}

/* The dict itself, or one in it under a name that training scripts give it; NULL: there is none. */
static const pt__pickle_t *find_state(const pt__pickle_t *root)
{
    static const char *const names[] = {"state_dict", "model_state_dict", "model_state", "model",
                                        "module",     "network",          "net"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const pt__pickle_t *within = pt__pickle_find(root, names[i]);
        if (within != NULL && count_tensors(within) > 0)
            return within;
    }
    return count_tensors(root) > 0 ? root : NULL;
}

static pt_status_t refuse(const pt__pickle_t *root)
{
    if (root->kind != PT__PICKLE_DICT)
        return pt__fail(PT_ERR_FORMAT, "the pickle is %s, expected a dict of tensors", pt__pickle_kind_name(root));
    if (root->count == 0)
        return PT_OK;
    const pt__pickle_t *key = root->items[0];
    const int32_t is_string = key->kind == PT__PICKLE_STRING;
    return pt__fail(PT_ERR_FORMAT,
                    "no state dict: the pickle is a dict of %lld that has no tensors, also not under state_dict, "
                    "model_state_dict, model_state, model, module, network or net; its first entry is \"%.*s\", %s",
                    (long long)root->count / 2, is_string ? shown(key->length) : 0, is_string ? key->bytes : "",
                    pt__pickle_kind_name(root->items[1]));
}

static int32_t all_begin(const pt__pickle_t *state, const char *prefix)
{
    const int64_t length = (int64_t)strlen(prefix);
    for (int64_t i = 0; i < state->count; i += 2) {
        const pt__pickle_t *key = state->items[i];
        if (tensor_call(state->items[i + 1]) == NULL || key->kind != PT__PICKLE_STRING)
            continue;
        if (key->length <= length || memcmp(key->bytes, prefix, (size_t)length) != 0)
            return 0;
    }
    return 1;
}

/* *text moves behind the name, which has a 0. */
static pt_status_t copy_name(const pt__pickle_t *key, int64_t prefix, char **text, const char **name)
{
    const int64_t length = key->length - prefix;
    memcpy(*text, key->bytes + prefix, (size_t)length);
    (*text)[length] = 0;
    *name = *text;
    *text += length + 1;
    if ((int64_t)strlen(*name) != length)
        return pt__fail(PT_ERR_FORMAT, "the name of tensor \"%.80s\" has a zero byte in it", *name);
    return pt__utf8_is(*name) ? PT_OK : pt__fail(PT_ERR_FORMAT, "the name of tensor \"%.80s\" is not UTF-8", *name);
}

static pt_status_t read_entries(reader_t *reader, const pt__pickle_t *state)
{
    pt__file_tensors_t *file = reader->file;
    const int64_t prefix = all_begin(state, "module.") ? 7 : 0; /* of what trained on several devices */
    int64_t length = 0, count = 0;
    char *text;
    for (int64_t i = 0; i < state->count; i += 2) {
        if (state->items[i]->kind == PT__PICKLE_STRING && tensor_call(state->items[i + 1]) != NULL) {
            length += state->items[i]->length + 1;
            count++;
        }
    }
    PT__TRY(
        pt__file_tensors_allocate(file, count, sizeof *file->table.entries, "tensors of a file", &file->table.entries));
    PT__TRY(pt__file_tensors_allocate_uninitialised(file, length, 1, "names of tensors", &text));
    for (int64_t i = 0; i < state->count; i += 2) {
        const pt__pickle_t *key = state->items[i], *call = tensor_call(state->items[i + 1]);
        pt__entry_t *entry = &file->table.entries[file->table.n_entries];
        if (key->kind != PT__PICKLE_STRING || call == NULL)
            continue;
        PT__TRY(copy_name(key, prefix, &text, &entry->name));
        pt_status_t status = read_tensor(reader, call, entry);
        if (status != PT_OK)
            return pt__fail_within(status == PT_ERR_SHAPE ? PT_ERR_FORMAT : status, "tensor \"%.80s\"", entry->name);
        file->table.n_entries++;
    }
    return PT_OK;
}

pt_status_t pt__torch_state_read(pt__file_tensors_t *file, const pt__pickle_t *root, pt__torch_find_fn *find,
                                 void *user)
{
    reader_t reader = {.file = file, .find = find, .user = user};
    const pt__pickle_t *state = find_state(root);
    if (state == NULL)
        PT__TRY(refuse(root));
    else
        PT__TRY(read_entries(&reader, state));
    return pt__file_tensors_sort(file);
}
