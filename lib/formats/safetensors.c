/* Reading safetensors: the file is mapped, its header parsed and checked whole before anything is handed out.
 * Nothing in the file is trusted.
 *
 *   bytes            what
 *   0 .. 8           N, the header's length, unsigned, little-endian
 *   8 .. 8 + N       a JSON object, "{" its first byte; blanks may follow it:
 *                    {"NAME": {"dtype": "F32", "shape": [2, 3], "data_offsets": [BEGIN, END]}, ..., "__metadata__":
 *                    {"KEY": "VALUE", ...}}
 *   8 + N .. end     the tensors' data, little-endian, row-major; [BEGIN, END) counts from here. They cover it
 *                    without overlap and hole.
 *
 * The format: https://github.com/huggingface/safetensors (README, "Format"). */
#include "formats/safetensors.h"

#include <string.h>

#include "base/dtype.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/sort.h"
#include "formats/format.h"

enum { LENGTH_BYTES = 8 };

typedef struct safetensors {
    pt__json_document_t *header; /* owns names and strings */
    const uint8_t *data;
    int64_t data_size;
    pt__entry_t checksum; /* name NULL: the file has none */
} safetensors_t;

static const struct {
    const char *name;
    int32_t dtype;
} dtypes[] = {/* in the order of their rank */
              {"BOOL", PT_BOOL},   {"U8", PT_UINT8},      {"I8", PT_INT8},   {"I16", PT_INT16},  {"U16", PT_UINT16},
              {"F16", PT_FLOAT16}, {"BF16", PT_BFLOAT16}, {"I32", PT_INT32}, {"U32", PT_UINT32}, {"F32", PT_FLOAT32},
              {"F64", PT_FLOAT64}, {"I64", PT_INT64},     {"U64", PT_UINT64}};

enum { DTYPES = sizeof dtypes / sizeof dtypes[0] };

int32_t pt__safetensors_dtype_rank(int32_t dtype)
{
    for (int32_t i = 0; i < DTYPES; i++) {
        if (dtypes[i].dtype == dtype)
            return i;
    }
    return -1;
}

const char *pt__safetensors_dtype_name(int32_t dtype)
{
    int32_t rank = pt__safetensors_dtype_rank(dtype);
    return rank < 0 ? NULL : dtypes[rank].name;
}

int32_t pt__safetensors_dtype_find(const char *name)
{
    for (int32_t i = 0; i < DTYPES; i++) {
        if (strcmp(dtypes[i].name, name) == 0)
            return dtypes[i].dtype;
    }
    return 0;
}

/* ---- One tensor ---- */

static pt_status_t read_shape(const pt__json_t *info, pt__entry_t *entry)
{
    const pt__json_t *shape;
    PT__TRY(pt__json_get_array(info, "shape", PT__JSON_REQUIRED, &shape));
    for (const pt__json_t *size = shape->first; size != NULL; size = size->next) {
        if (size->kind != PT__JSON_NUMBER || !size->is_integer || size->integer < 0)
            return pt__fail(PT_ERR_FORMAT, "shape has something else than whole numbers from 0 on");
        if (entry->rank < PT_MAX_RANK)
            entry->shape[entry->rank++] = size->integer;
        else
            entry->dtype = 0; /* of no use here, as a dtype that is not known is */
    }
    return PT_OK;
}

static pt_status_t read_offsets(const pt__json_t *info, int64_t data_size, int64_t *begin, int64_t *end)
{
    const pt__json_t *offsets;
    PT__TRY(pt__json_get_array(info, "data_offsets", PT__JSON_REQUIRED, &offsets));
    int32_t valid = offsets->length == 2;
    for (const pt__json_t *offset = offsets->first; offset != NULL; offset = offset->next)
        valid = valid && offset->kind == PT__JSON_NUMBER && offset->is_integer;
    if (!valid)
        return pt__fail(PT_ERR_FORMAT, "data_offsets, expected [BEGIN, END] in whole numbers");
    *begin = offsets->first->integer;
    *end = offsets->first->next->integer;
    if (*begin < 0 || *end < *begin || *end > data_size)
        return pt__fail(PT_ERR_FORMAT,
                        "data_offsets [%lld, %lld], expected 0 <= begin <= end <= %lld, the bytes of data in the file",
                        (long long)*begin, (long long)*end, (long long)data_size);
    return PT_OK;
}

static pt_status_t read_entry(const pt__file_tensors_t *file, const pt__json_t *info, pt__entry_t *entry)
{
    const safetensors_t *own = file->own;
    const char *dtype;
    int64_t begin = 0, end = 0, elements;
    if (info->kind != PT__JSON_OBJECT)
        return pt__fail(PT_ERR_FORMAT, "expected an object with dtype, shape and data_offsets, found %s",
                        pt__json_kind_name(info->kind));
    PT__TRY(pt__json_get_string(info, "dtype", PT__JSON_REQUIRED, &dtype));
    *entry = (pt__entry_t){.name = info->key, .dtype = pt__safetensors_dtype_find(dtype)};
    PT__TRY(read_shape(info, entry));
    PT__TRY(read_offsets(info, own->data_size, &begin, &end));
    if (pt__sizes_elements("shape", entry->rank, entry->shape, &elements) != PT_OK)
        return pt__fail_within(PT_ERR_FORMAT, "shape");
    entry->data = own->data + begin;
    entry->bytes = end - begin;
    if (entry->dtype == 0) /* nobody may ask for this tensor; who does is told */
        return PT_OK;
    int64_t element = pt__dtype_size(entry->dtype);
    if (elements > INT64_MAX / element || elements * element != end - begin) {
        char text[PT__SHAPE_TEXT];
        return pt__fail(
            PT_ERR_FORMAT,
            "shape %s of %s needs %lld elements of %lld bytes, but data_offsets [%lld, %lld] span %lld bytes",
            pt__sizes_print(entry->rank, entry->shape, text, sizeof text), dtype, (long long)elements,
            (long long)element, (long long)begin, (long long)end, (long long)(end - begin));
    }
    return PT_OK;
}

/* ---- The table ---- */

static pt_status_t read_metadata(pt__file_tensors_t *file, const pt__json_t *metadata)
{
    if (metadata->kind != PT__JSON_OBJECT)
        return pt__fail(PT_ERR_FORMAT, "%s: " PT__SAFETENSORS_METADATA " is %s, expected an object of strings",
                        file->name, pt__json_kind_name(metadata->kind));
    PT__TRY(pt__file_tensors_allocate(file, metadata->length, sizeof *file->table.pairs, "metadata of a file",
                                      &file->table.pairs));
    for (const pt__json_t *pair = metadata->first; pair != NULL; pair = pair->next) {
        if (pair->kind != PT__JSON_STRING)
            return pt__fail(PT_ERR_FORMAT, "%s: metadata \"%.80s\" is %s, expected a string", file->name, pair->key,
                            pt__json_kind_name(pair->kind));
        if (strlen(pair->string) != (size_t)pair->length || strlen(pair->key) != (size_t)pair->key_length)
            return pt__fail(PT_ERR_FORMAT, "%s: metadata \"%.80s\" has a zero byte in it", file->name, pair->key);
        file->table.pairs[file->table.n_pairs++] = (pt__pair_t){.key = pair->key, .value = pair->string};
    }
    return PT_OK;
}

static pt_status_t read_entries(pt__file_tensors_t *file, const pt__json_t *root)
{
    PT__TRY(pt__file_tensors_allocate(file, root->length, sizeof *file->table.entries, "tensors of a file",
                                      &file->table.entries));
    for (const pt__json_t *info = root->first; info != NULL; info = info->next) {
        if (strcmp(info->key, PT__SAFETENSORS_METADATA) == 0) {
            PT__TRY(read_metadata(file, info));
            continue;
        }
        if (strlen(info->key) != (size_t)info->key_length)
            return pt__fail(PT_ERR_FORMAT, "%s: the name of tensor \"%.80s\" has a zero byte in it", file->name,
                            info->key);
        pt_status_t status = read_entry(file, info, &file->table.entries[file->table.n_entries]);
        if (status != PT_OK)
            return pt__fail_within(status == PT_ERR_NOT_FOUND ? PT_ERR_FORMAT : status, "%s: tensor \"%.80s\"",
                                   file->name, info->key);
        file->table.n_entries++;
    }
    return PT_OK;
}

/* The tensors, in the order of their places, cover the data without overlap and hole. */
static pt_status_t check_cover(const pt__file_tensors_t *file, const void **sorted)
{
    const safetensors_t *own = file->own;
    int64_t at = 0;
    const char *before = "the header";
    for (int64_t i = 0; i < file->table.n_entries; i++) {
        const pt__entry_t *entry = sorted[i];
        int64_t begin = (const uint8_t *)entry->data - own->data;
        if (begin != at)
            return pt__fail(PT_ERR_FORMAT, "%s: tensor \"%.80s\" begins at %lld, expected %lld, where %.80s ends: %s",
                            file->name, entry->name, (long long)begin, (long long)at, before,
                            begin < at ? "they overlap" : "there is a hole between them");
        at = begin + entry->bytes;
        before = entry->name;
    }
    if (at != own->data_size)
        return pt__fail(PT_ERR_FORMAT, "%s: the tensors end at %lld, but the file has %lld bytes of data", file->name,
                        (long long)at, (long long)own->data_size);
    return PT_OK;
}

/* Takes out the library's own two: the checksum must be the last in the file. */
static pt_status_t hide_own(pt__file_tensors_t *file)
{
    safetensors_t *own = file->own;
    int64_t kept = 0;
    for (int64_t i = 0; i < file->table.n_entries; i++) {
        const pt__entry_t *entry = &file->table.entries[i];
        if (strcmp(entry->name, PT__SAFETENSORS_CHECKSUM) == 0)
            own->checksum = *entry;
        else if (strcmp(entry->name, PT__SAFETENSORS_PADDING) != 0)
            file->table.entries[kept++] = *entry;
    }
    file->table.n_entries = kept;
    if (own->checksum.name == NULL)
        return PT_OK;
    if (own->checksum.dtype != PT_UINT64 || own->checksum.bytes != 8 ||
        (const uint8_t *)own->checksum.data + 8 != file->bytes + file->size)
        return pt__fail(PT_ERR_FORMAT,
                        "%s: tensor \"" PT__SAFETENSORS_CHECKSUM "\", expected one U64 at the file's end", file->name);
    return PT_OK;
}

static pt_status_t check_places(pt__file_tensors_t *file)
{
    pt__memory_t *memory = &file->context->memory;
    const void **sorted;
    PT__TRY(pt__allocate(memory, (size_t)file->table.n_entries, sizeof *sorted, "order of tensors", &sorted));
    for (int64_t i = 0; i < file->table.n_entries; i++)
        sorted[i] = &file->table.entries[i];
    pt__sort(sorted, file->table.n_entries, pt__entry_compare_places, NULL);
    pt_status_t status = check_cover(file, sorted);
    pt__release(memory, sorted);
    return status;
}

/* ---- The file ---- */

static uint64_t stated_length(const uint8_t *bytes)
{
    uint64_t stated = 0;
    for (int i = 0; i < LENGTH_BYTES; i++)
        stated |= (uint64_t)bytes[i] << (8 * i);
    return stated;
}

static int32_t probe(const uint8_t *bytes, int64_t size)
{
    return size > LENGTH_BYTES && bytes[LENGTH_BYTES] == '{' && stated_length(bytes) <= PT__SAFETENSORS_LARGEST_HEADER;
}

static pt_status_t find_header(const pt__file_tensors_t *file, int64_t *length)
{
    safetensors_t *own = file->own;
    if (file->size < LENGTH_BYTES)
        return pt__fail(PT_ERR_FORMAT, "%s: %lld bytes, expected at least %d: the header's length is missing",
                        file->name, (long long)file->size, LENGTH_BYTES);
    const uint64_t stated = stated_length(file->bytes);
    if (stated > PT__SAFETENSORS_LARGEST_HEADER)
        return pt__fail(PT_ERR_FORMAT, "%s: a header of %llu bytes, expected at most %d: it is no safetensors file",
                        file->name, (unsigned long long)stated, PT__SAFETENSORS_LARGEST_HEADER);
    if ((int64_t)stated > file->size - LENGTH_BYTES)
        return pt__fail(PT_ERR_FORMAT, "%s: a header of %llu bytes, but only %lld are there: the file is cut short",
                        file->name, (unsigned long long)stated, (long long)(file->size - LENGTH_BYTES));
    if (stated < 2 || file->bytes[LENGTH_BYTES] != '{')
        return pt__fail(PT_ERR_FORMAT, "%s: the header does not begin with \"{\"", file->name);
    *length = (int64_t)stated;
    own->data = file->bytes + LENGTH_BYTES + stated;
    own->data_size = file->size - LENGTH_BYTES - (int64_t)stated;
    return PT_OK;
}

static int32_t is_little_endian(void)
{
    const uint16_t one = 1;
    uint8_t first;
    memcpy(&first, &one, 1);
    return first == 1;
}

static pt_status_t open_file(pt__file_tensors_t *file)
{
    safetensors_t *own;
    const pt__json_t *root;
    int64_t length = 0;
    PT__TRY(pt__file_tensors_allocate(file, 1, sizeof *own, "file of tensors", &own));
    file->own = own;
    if (!is_little_endian())
        return pt__fail(PT_ERR_UNSUPPORTED, "%s: safetensors are little-endian, and this processor is not", file->name);
    PT__TRY(find_header(file, &length)); /* an object: it begins with a brace */
    PT__TRY(pt__json_parse(&file->context->memory, file->name, (const char *)file->bytes + LENGTH_BYTES, length,
                           &own->header, &root));
    PT__TRY(read_entries(file, root));
    PT__TRY(check_places(file));
    PT__TRY(pt__file_tensors_sort(file));
    return hide_own(file);
}

static void close_file(pt__file_tensors_t *file)
{
    safetensors_t *own = file->own;
    if (own != NULL)
        pt__json_free(own->header);
}

static pt_status_t verify(const pt__file_tensors_t *file, int32_t *present)
{
    const safetensors_t *own = file->own;
    if (present != NULL)
        *present = own->checksum.name != NULL;
    if (own->checksum.name == NULL)
        return PT_OK;
    uint64_t stored,
        found = pt__hash_bytes(0, file->bytes, (size_t)((const uint8_t *)own->checksum.data - file->bytes));
    memcpy(&stored, own->checksum.data, sizeof stored);
    if (stored != found)
        return pt__fail(PT_ERR_FORMAT, "%s: damaged: its checksum is %016llx, but its bytes give %016llx", file->name,
                        (unsigned long long)stored, (unsigned long long)found);
    return PT_OK;
}

const pt__format_t pt__format_safetensors = {
    .name = "safetensors", .probe = probe, .open = open_file, .verify = verify, .close = close_file};
