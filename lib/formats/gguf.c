/* Reading GGUF (ggml's docs/gguf.md): header, metadata, descriptions of tensors, and their data, each at a multiple of
 * the alignment behind the beginning of the data, which is one itself. Nothing in the file is trusted: places and
 * sizes are checked against the file, tensors do not overlap, names are there once. Shapes are turned round, so that a
 * matrix is [rows, columns]. Blocks stay blocks (base/dtype.h); types of which the library has no dtype are refused by
 * name. */
#include "formats/gguf.h"

#include <string.h>

#include "base/dtype.h"
#include "base/sort.h"
#include "formats/format.h"

enum { LARGEST_ALIGNMENT = 1 << 20, SHOWN = 80 /* bytes of a name */ };

static const struct {
    const char *name;
    uint32_t type;
    int32_t dtype; /* 0: unknown here */
} types[] = {{"F32", 0, PT_FLOAT32},
             {"F16", 1, PT_FLOAT16},
             {"Q4_0", 2, PT__BLOCK_Q4_0},
             {"Q4_1", 3, PT__BLOCK_Q4_1},
             {"Q5_0", 6, PT__BLOCK_Q5_0},
             {"Q5_1", 7, PT__BLOCK_Q5_1},
             {"Q8_0", 8, PT__BLOCK_Q8_0},
             {"Q8_1", 9, 0},
             {"Q2_K", 10, 0},
             {"Q3_K", 11, 0},
             {"Q4_K", 12, PT__BLOCK_Q4_K},
             {"Q5_K", 13, PT__BLOCK_Q5_K},
             {"Q6_K", 14, PT__BLOCK_Q6_K},
             {"Q8_K", 15, 0},
             {"IQ2_XXS", 16, 0},
             {"IQ2_XS", 17, 0},
             {"IQ3_XXS", 18, 0},
             {"IQ1_S", 19, 0},
             {"IQ4_NL", 20, 0},
             {"IQ3_S", 21, 0},
             {"IQ2_S", 22, 0},
             {"IQ4_XS", 23, 0},
             {"I8", 24, PT_INT8},
             {"I16", 25, PT_INT16},
             {"I32", 26, PT_INT32},
             {"I64", 27, PT_INT64},
             {"F64", 28, PT_FLOAT64},
             {"IQ1_M", 29, 0},
             {"BF16", 30, PT_BFLOAT16},
             {"TQ1_0", 34, 0},
             {"TQ2_0", 35, 0},
             {"MXFP4", 39, 0}};

enum { TYPES = sizeof types / sizeof types[0] };

int32_t pt__gguf_type_of(int32_t dtype)
{
    for (int32_t i = 0; i < TYPES; i++)
        if (types[i].dtype == dtype)
            return (int32_t)types[i].type;
    return -1;
}

static pt_status_t find_dtype(uint32_t type, int32_t *dtype)
{
    static const char known[] = "F32, F16, BF16, F64, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K or a whole number";
    for (int32_t i = 0; i < TYPES; i++)
        if (types[i].type == type && types[i].dtype != 0) {
            *dtype = types[i].dtype;
            return PT_OK;
        } else if (types[i].type == type)
            return pt__fail(PT_ERR_UNSUPPORTED, "of type %s, which is not known here, expected %s", types[i].name,
                            known);
    return pt__fail(PT_ERR_UNSUPPORTED, "of type %u, expected %s", (unsigned)type, known);
}

/* ---- One tensor ---- */

typedef struct reading {
    pt__file_tensors_t *file;
    pt__gguf_t gguf;
    int64_t alignment;
    const uint8_t *data;
    int64_t data_size;
} reading_t;

static pt_status_t read_shape(const pt__gguf_tensor_t *tensor, pt__entry_t *entry, int64_t *elements)
{
    entry->rank = tensor->rank;
    for (int32_t i = 0; i < tensor->rank; i++) {
        if (tensor->sizes[i] > INT64_MAX)
            return pt__fail(PT_ERR_FORMAT, "size %d is %llu, more than 63 bits hold", (int)i,
                            (unsigned long long)tensor->sizes[i]);
        entry->shape[tensor->rank - 1 - i] = (int64_t)tensor->sizes[i];
    }
    if (pt__sizes_elements("its shape", entry->rank, entry->shape, elements) != PT_OK)
        return pt__fail_within(PT_ERR_FORMAT, "shape");
    return PT_OK;
}

static pt_status_t read_tensor(const reading_t *reading, const pt__gguf_tensor_t *tensor, pt__entry_t *entry)
{
    int64_t elements = 0;
    PT__TRY(find_dtype(tensor->type, &entry->dtype));
    PT__TRY(read_shape(tensor, entry, &elements));
    const pt__dtype_unit_t unit = pt__dtype_unit(entry->dtype);
    const int64_t row = entry->rank > 0 ? entry->shape[entry->rank - 1] : 1;
    if (row % unit.elements != 0)
        return pt__fail(PT_ERR_FORMAT, "rows of %lld numbers, expected whole blocks of %d (%s)", (long long)row,
                        (int)unit.elements, pt__dtype_name(entry->dtype));
    if (elements / unit.elements > INT64_MAX / unit.bytes)
        return pt__fail(PT_ERR_FORMAT, "more bytes than 63 bits count");
    entry->bytes = pt__dtype_bytes(entry->dtype, elements);
    if (tensor->offset % (uint64_t)reading->alignment != 0)
        return pt__fail(PT_ERR_FORMAT, "it begins at %llu, expected a multiple of %lld",
                        (unsigned long long)tensor->offset, (long long)reading->alignment);
    if (tensor->offset > (uint64_t)reading->data_size ||
        (uint64_t)entry->bytes > (uint64_t)reading->data_size - tensor->offset)
        return pt__fail(PT_ERR_FORMAT, "%lld bytes from %llu on, but the file has %lld bytes of data",
                        (long long)entry->bytes, (unsigned long long)tensor->offset, (long long)reading->data_size);
    entry->data = reading->data + tensor->offset;
    return PT_OK;
}

/* ---- The table ---- */

static pt_status_t check_overlaps(const reading_t *reading)
{
    const pt__tensors_t *table = &reading->file->table;
    pt__memory_t *memory = &reading->file->context->memory;
    const void **sorted;
    pt_status_t status = PT_OK;
    PT__TRY(pt__allocate(memory, (size_t)table->n_entries, sizeof *sorted, "order of tensors", &sorted));
    for (int64_t i = 0; i < table->n_entries; i++)
        sorted[i] = &table->entries[i];
    pt__sort(sorted, table->n_entries, pt__entry_compare_places, NULL);
    for (int64_t i = 1; i < table->n_entries && status == PT_OK; i++) {
        const pt__entry_t *before = sorted[i - 1], *entry = sorted[i];
        if ((const uint8_t *)before->data + before->bytes > (const uint8_t *)entry->data)
            status = pt__fail(PT_ERR_FORMAT, "tensors \"%.80s\" and \"%.80s\" overlap", before->name, entry->name);
    }
    pt__release(memory, sorted);
    return status;
}

static pt_status_t keep_name(pt__file_tensors_t *file, const pt__gguf_string_t *name, const char **out)
{
    char *copy;
    if (memchr(name->bytes, 0, (size_t)name->length) != NULL)
        return pt__fail(PT_ERR_FORMAT, "a tensor's name has a byte 0 in it");
    PT__TRY(pt__file_tensors_allocate(file, name->length + 1, 1, "names of tensors", &copy));
    if (name->length > 0)
        memcpy(copy, name->bytes, (size_t)name->length);
    *out = copy;
    return PT_OK;
}

/* A description takes more bytes than this, so that no number of tensors is believed that the file has no room for. */
enum { DESCRIPTION = 8 + 4 + 4 + 8 };

/* Where the data begin is known once all are passed over. */
static pt_status_t find_data(reading_t *reading)
{
    const pt__gguf_t *gguf = &reading->gguf;
    pt__gguf_tensor_t tensor;
    int64_t at = gguf->tensors_at;
    if (gguf->n_tensors > (uint64_t)(gguf->size - at) / DESCRIPTION)
        return pt__fail(PT_ERR_FORMAT, "%llu tensors, more than %lld bytes describe",
                        (unsigned long long)gguf->n_tensors, (long long)(gguf->size - at));
    for (uint64_t i = 0; i < gguf->n_tensors; i++)
        PT__TRY(pt__gguf_next_tensor(gguf, &at, &tensor));
    const int64_t begin = (at + reading->alignment - 1) / reading->alignment * reading->alignment;
    reading->data_size = begin < gguf->size ? gguf->size - begin : 0;
    reading->data = gguf->bytes + gguf->size - reading->data_size;
    return PT_OK;
}

static pt_status_t read_tensors(reading_t *reading)
{
    pt__file_tensors_t *file = reading->file;
    const int64_t count = (int64_t)reading->gguf.n_tensors;
    int64_t at = reading->gguf.tensors_at;
    PT__TRY(
        pt__file_tensors_allocate(file, count, sizeof *file->table.entries, "tensors of a file", &file->table.entries));
    for (int64_t i = 0; i < count; i++) {
        pt__entry_t *entry = &file->table.entries[i];
        pt__gguf_tensor_t tensor;
        PT__TRY(pt__gguf_next_tensor(&reading->gguf, &at, &tensor));
        PT__TRY(keep_name(file, &tensor.name, &entry->name));
        const pt_status_t status = read_tensor(reading, &tensor, entry);
        if (status != PT_OK)
            return pt__fail_within(status, "tensor \"%.*s\"", SHOWN, entry->name);
        file->table.n_entries++;
    }
    return check_overlaps(reading);
}

/* ---- The file ---- */

static pt_status_t read_alignment(reading_t *reading)
{
    reading->alignment = PT__GGUF_ALIGNMENT;
    PT__TRY(pt__gguf_get_integer(&reading->gguf, "general.alignment", 1, LARGEST_ALIGNMENT, &reading->alignment));
    if ((reading->alignment & (reading->alignment - 1)) != 0)
        return pt__fail(PT_ERR_FORMAT, "general.alignment is %lld, expected a power of two",
                        (long long)reading->alignment);
    return PT_OK;
}

/* The configuration as others' files have it, or why there is none, stands among the metadata. */
static pt_status_t add_config(const reading_t *reading)
{
    pt__file_tensors_t *file = reading->file;
    pt__text_t json = pt__text_start(&file->context->memory);
    pt__pair_t *pair;
    char *value;
    pt_status_t status = pt__gguf_config(&reading->gguf, &file->table, &json);
    const int32_t refused = status == PT_ERR_UNSUPPORTED;
    if (status == PT_OK)
        status = json.status;
    const char *text = refused ? pt__error_message() : json.data;
    if (status == PT_OK || refused) {
        PT__TRY_OUT(pt__file_tensors_allocate(file, 1, sizeof *pair, "metadata of a file", &pair));
        const size_t size = strlen(text) + 1;
        PT__TRY_OUT(pt__file_tensors_allocate(file, (int64_t)size, 1, "metadata of a file", &value));
        memcpy(value, text, size);
        *pair = (pt__pair_t){.key = refused ? PT__CONFIG_REFUSED : PT__CONFIG_FILE, .value = value};
        file->table.pairs = pair;
        file->table.n_pairs = 1;
    }
out:
    pt__text_free(&json);
    return status;
}

static pt_status_t parse(reading_t *reading)
{
    PT__TRY(pt__gguf_open(&reading->gguf, reading->file->bytes, reading->file->size));
    PT__TRY(read_alignment(reading));
    PT__TRY(find_data(reading));
    PT__TRY(read_tensors(reading));
    PT__TRY(pt__file_tensors_sort(reading->file));
    return add_config(reading);
}

static pt_status_t open(pt__file_tensors_t *file)
{
    reading_t reading = {.file = file};
    const pt_status_t status = parse(&reading);
    return status == PT_OK ? PT_OK : pt__fail_within(status, "%s", file->name);
}

const pt__format_t pt__format_gguf = {.name = "GGUF", .probe = pt__gguf_is, .open = open};
