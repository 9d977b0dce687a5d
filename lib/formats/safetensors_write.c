/* Writing safetensors, byte for byte as the reference does: tensors of larger elements first, then by name; a
 * compact header, filled up with blanks to a multiple of 8. The byte layout is shown in safetensors.c. */
#include <string.h>

#include "base/dtype.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/sort.h"
#include "base/text.h"
#include "base/utf8.h"
#include "formats/safetensors.h"

static const uint8_t zeros[8];

static pt_status_t check_entry(const pt__entry_t *entry)
{
    int64_t elements;
    if (pt__safetensors_dtype_name(entry->dtype) == NULL || entry->rank < 0 || entry->rank > PT_MAX_RANK)
        return pt__fail(PT_ERR_ARGUMENT,
                        "tensor \"%.80s\": dtype %ld and rank %ld, expected a PT_ dtype and a rank of 0 to %d",
                        entry->name, (long)entry->dtype, (long)entry->rank, PT_MAX_RANK);
    PT__TRY(pt__sizes_elements(entry->name, entry->rank, entry->shape, &elements));
    if (elements > INT64_MAX / 8 || elements * pt__dtype_size(entry->dtype) != entry->bytes)
        return pt__fail(PT_ERR_SHAPE, "tensor \"%.80s\": %lld bytes, expected %lld elements of %lld", entry->name,
                        (long long)entry->bytes, (long long)elements, (long long)pt__dtype_size(entry->dtype));
    if (strcmp(entry->name, PT__SAFETENSORS_METADATA) == 0 || strcmp(entry->name, PT__SAFETENSORS_CHECKSUM) == 0 ||
        strcmp(entry->name, PT__SAFETENSORS_PADDING) == 0)
        return pt__fail(PT_ERR_ARGUMENT, "a tensor cannot be named \"%s\"", entry->name);
    if (!pt__utf8_is(entry->name))
        return pt__fail(PT_ERR_ARGUMENT, "the name of tensor \"%s\" is not UTF-8", entry->name);
    return PT_OK;
}

/* What the reader would refuse, or read as something else. */
static pt_status_t check_pairs(const pt__tensors_t *tensors)
{
    for (int64_t i = 0; i < tensors->n_pairs; i++)
        if (!pt__utf8_is(tensors->pairs[i].key) || !pt__utf8_is(tensors->pairs[i].value))
            return pt__fail(PT_ERR_ARGUMENT, "metadata \"%s\": \"%.80s\" is not UTF-8", tensors->pairs[i].key,
                            tensors->pairs[i].value);
    return PT_OK;
}

/* The reference's order. */
static int compare(const void *a, const void *b, void *user)
{
    const pt__entry_t *x = a, *y = b;
    int32_t x_rank = pt__safetensors_dtype_rank(x->dtype), y_rank = pt__safetensors_dtype_rank(y->dtype);
    (void)user;
    return x_rank != y_rank ? (x_rank < y_rank ? 1 : -1) : strcmp(x->name, y->name);
}

static int compare_names(const void *a, const void *b, void *user)
{
    (void)user;
    return strcmp(((const pt__entry_t *)a)->name, ((const pt__entry_t *)b)->name);
}

static pt_status_t check_entries(const pt__tensors_t *tensors, const void **sorted)
{
    PT__TRY(check_pairs(tensors));
    for (int64_t i = 0; i < tensors->n_entries; i++) {
        PT__TRY(check_entry(&tensors->entries[i]));
        sorted[i] = &tensors->entries[i];
    }
    pt__sort(sorted, tensors->n_entries, compare_names, NULL);
    for (int64_t i = 1; i < tensors->n_entries; i++) {
        if (compare_names(sorted[i - 1], sorted[i], NULL) == 0)
            return pt__fail(PT_ERR_ARGUMENT, "two tensors are named \"%.80s\"", ((const pt__entry_t *)sorted[i])->name);
    }
    pt__sort(sorted, tensors->n_entries, compare, NULL);
    return PT_OK;
}

static void add_string(pt__text_t *text, const char *string)
{
    pt__json_add_string(text, string, (int64_t)strlen(string));
}

/* One member of the header; `at` moves behind the tensor's data. */
static void add_entry(pt__text_t *text, const pt__entry_t *entry, int64_t *at)
{
    pt__text_add(text, text->length > 1 ? "," : "");
    add_string(text, entry->name);
    pt__text_add(text, ":{\"dtype\":\"%s\",\"shape\":[", pt__safetensors_dtype_name(entry->dtype));
    for (int32_t i = 0; i < entry->rank; i++)
        pt__text_add(text, "%s%lld", i > 0 ? "," : "", (long long)entry->shape[i]);
    pt__text_add(text, "],\"data_offsets\":[%lld,%lld]}", (long long)*at, (long long)(*at + entry->bytes));
    *at += entry->bytes;
}

static void add_metadata(pt__text_t *text, const pt__tensors_t *tensors)
{
    if (tensors->n_pairs == 0)
        return;
    pt__text_add(text, "\"" PT__SAFETENSORS_METADATA "\":{");
    for (int64_t i = 0; i < tensors->n_pairs; i++) {
        pt__text_add(text, i > 0 ? "," : "");
        add_string(text, tensors->pairs[i].key);
        pt__text_add(text, ":");
        add_string(text, tensors->pairs[i].value);
    }
    pt__text_add(text, "}");
}

/* The whole header with its length before it. *padding: zeros between the tensors and the checksum. */
static pt_status_t make_header(pt__memory_t *memory, const pt__tensors_t *tensors, const void **sorted,
                               int32_t checksum, char **out, int64_t *length, int64_t *padding)
{
    pt__text_t text = pt__text_start(memory);
    int64_t at = 0;
    pt__text_add_bytes(&text, "{", 1);
    add_metadata(&text, tensors);
    for (int64_t i = 0; i < tensors->n_entries; i++)
        add_entry(&text, sorted[i], &at);
    *padding = checksum ? (8 - at % 8) % 8 : 0;
    if (*padding > 0)
        add_entry(
            &text,
            &(pt__entry_t){
                .name = PT__SAFETENSORS_PADDING, .dtype = PT_UINT8, .rank = 1, .shape = {*padding}, .bytes = *padding},
            &at);
    if (checksum)
        add_entry(
            &text,
            &(pt__entry_t){.name = PT__SAFETENSORS_CHECKSUM, .dtype = PT_UINT64, .rank = 1, .shape = {1}, .bytes = 8},
            &at);
    pt__text_add_bytes(&text, "}", 1);
    while (text.status == PT_OK && text.length % 8 != 0)
        pt__text_add_bytes(&text, " ", 1);
    if (text.length > PT__SAFETENSORS_LARGEST_HEADER) {
        pt__text_free(&text);
        return pt__fail(PT_ERR_UNSUPPORTED,
                        "the header of these tensors is longer than the %d bytes that the format allows",
                        PT__SAFETENSORS_LARGEST_HEADER);
    }
    return pt__text_take(&text, out, length);
}

/* Everything that is written goes through here, so that the checksum covers it. */
static pt_status_t write_hashed(const pt__sink_t *sink, pt__hash_t *hash, int32_t checksum, const void *bytes,
                                int64_t size)
{
    if (checksum)
        pt__hash_add(hash, bytes, (size_t)size);
    return sink->write(sink->user, bytes, size);
}

static pt_status_t write_entry(const pt__sink_t *sink, pt__hash_t *hash, int32_t checksum, const pt__tensors_t *tensors,
                               const pt__entry_t *entry)
{
    const void *bytes;
    if (!entry->is_away)
        return write_hashed(sink, hash, checksum, entry->data, entry->bytes);
    PT__TRY(tensors->bring(tensors->user, entry, &bytes));
    pt_status_t status = write_hashed(sink, hash, checksum, bytes, entry->bytes);
    tensors->let_go(tensors->user, bytes);
    return status;
}

static void to_little_endian(uint64_t value, uint8_t bytes[8])
{
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
}

/* What is known of a file before its first byte is written. */
typedef struct layout {
    const void **sorted; /* [n_entries] in the order of the file */
    char *header;
    int64_t length;  /* of the header */
    int64_t padding; /* zeros before the checksum */
    int64_t bytes;   /* of the whole file */
} layout_t;

static void release_layout(pt__memory_t *memory, layout_t *layout)
{
    pt__release(memory, layout->header);
    pt__release(memory, layout->sorted);
}

static pt_status_t make_layout(pt__memory_t *memory, const pt__tensors_t *tensors, int32_t checksum, layout_t *layout)
{
    PT__TRY(
        pt__allocate(memory, (size_t)tensors->n_entries, sizeof *layout->sorted, "order of tensors", &layout->sorted));
    PT__TRY(check_entries(tensors, layout->sorted));
    PT__TRY(make_header(memory, tensors, layout->sorted, checksum, &layout->header, &layout->length, &layout->padding));
    layout->bytes = (int64_t)sizeof(uint64_t) + layout->length +
                    (checksum ? layout->padding + (int64_t)sizeof(uint64_t) : 0);
    for (int64_t i = 0; i < tensors->n_entries; i++)
        layout->bytes += tensors->entries[i].bytes;
    return PT_OK;
}

static pt_status_t write_all(const pt__sink_t *sink, const pt__tensors_t *tensors, const layout_t *layout,
                             int32_t checksum)
{
    pt__hash_t hash = pt__hash_start(0);
    uint8_t number[8];
    to_little_endian((uint64_t)layout->length, number);
    PT__TRY(write_hashed(sink, &hash, checksum, number, sizeof number));
    PT__TRY(write_hashed(sink, &hash, checksum, layout->header, layout->length));
    for (int64_t i = 0; i < tensors->n_entries; i++)
        PT__TRY(write_entry(sink, &hash, checksum, tensors, layout->sorted[i]));
    if (!checksum)
        return PT_OK;
    PT__TRY(write_hashed(sink, &hash, checksum, zeros, layout->padding));
    to_little_endian(pt__hash_value(&hash), number);
    return sink->write(sink->user, number, sizeof number);
}

pt_status_t pt__safetensors_write_to(pt_context_t *context, const pt__sink_t *sink, const pt__tensors_t *tensors,
                                     int32_t checksum)
{
    layout_t layout = {0};
    pt_status_t status;
    PT__TRY_OUT(make_layout(&context->memory, tensors, checksum, &layout));
    if (sink->begin != NULL)
        PT__TRY_OUT(sink->begin(sink->user, layout.bytes));
    if (sink->write != NULL)
        PT__TRY_OUT(write_all(sink, tensors, &layout, checksum));
out:
    release_layout(&context->memory, &layout);
    return status;
}

static pt_status_t write_to_file(void *user, const void *bytes, int64_t size)
{
    return pt__writer_write(user, bytes, size);
}

pt_status_t pt__safetensors_write(pt_context_t *context, const char *path, const pt__tensors_t *tensors,
                                  int32_t checksum)
{
    pt__writer_t *writer = NULL;
    layout_t layout = {0};
    pt_status_t status;
    PT__TRY_OUT(make_layout(&context->memory, tensors, checksum, &layout));
    PT__TRY_OUT(pt__writer_begin(&context->memory, path, &writer));
    PT__TRY_OUT(write_all(&(pt__sink_t){.write = write_to_file, .user = writer}, tensors, &layout, checksum));
    PT__TRY_OUT(pt__writer_commit(&writer));
out:
    pt__writer_abandon(&writer);
    release_layout(&context->memory, &layout);
    return status;
}

/* ---- One tensor, piece by piece ----
 *
 * How many elements there are is known at the end. So the header has the bytes that it would need for any number of
 * them, and is written over then. */

struct pt__tensor_stream {
    pt_context_t *context; /* retained */
    pt__writer_t *writer;
    pt__entry_t entry;
    pt__tensors_t tensors;
    char *name;
    int64_t room; /* for the header */
};

static pt_status_t write_stream_header(pt__tensor_stream_t *stream, int32_t is_first)
{
    const void *sorted[1] = {&stream->entry};
    char *header = NULL;
    int64_t length, padding;
    uint8_t number[8];
    pt__text_t text = pt__text_start(&stream->context->memory);
    PT__TRY(make_header(&stream->context->memory, &stream->tensors, sorted, 0, &header, &length, &padding));
    if (is_first)
        stream->room = length;
    to_little_endian((uint64_t)stream->room, number);
    pt__text_add_bytes(&text, (const char *)number, sizeof number);
    pt__text_add_bytes(&text, header, length);
    for (; length < stream->room; length++)
        pt__text_add_bytes(&text, " ", 1);
    pt__release(&stream->context->memory, header);
    pt_status_t status = text.status;
    if (status == PT_OK && is_first)
        status = pt__writer_write(stream->writer, text.data, text.length);
    else if (status == PT_OK)
        status = pt__writer_rewrite(stream->writer, 0, text.data, text.length);
    pt__text_free(&text);
    return status;
}

pt_status_t pt__tensor_stream_begin(pt_context_t *context, const char *path, const char *name, int32_t dtype,
                                    const pt__pair_t *pairs, int64_t n_pairs, pt__tensor_stream_t **out)
{
    pt__tensor_stream_t *stream;
    pt_status_t status;
    *out = NULL;
    PT__TRY(pt__allocate(&context->memory, 1, sizeof *stream, "tensor that is written", &stream));
    stream->context = pt__context_retain(context);
    PT__TRY_OUT(pt__string_copy(&context->memory, name, &stream->name));
    /* the most bytes that a file may have: no other number is longer */
    const int64_t most = INT64_MAX / 8 / pt__dtype_size(dtype);
    stream->entry = (pt__entry_t){.name = stream->name, .dtype = dtype, .rank = 1, .shape = {most}};
    stream->entry.bytes = most * pt__dtype_size(dtype);
    stream->tensors = (pt__tensors_t){
        .entries = &stream->entry, .n_entries = 1, .pairs = (pt__pair_t *)(uintptr_t)pairs, .n_pairs = n_pairs};
    PT__TRY_OUT(check_entry(&stream->entry));
    PT__TRY_OUT(check_pairs(&stream->tensors));
    PT__TRY_OUT(pt__writer_begin(&context->memory, path, &stream->writer));
    PT__TRY_OUT(write_stream_header(stream, 1));
    stream->entry.shape[0] = stream->entry.bytes = 0;
    *out = stream;
out:
    if (status != PT_OK)
        pt__tensor_stream_abandon(&stream);
    return status;
}

pt_status_t pt__tensor_stream_add(pt__tensor_stream_t *stream, const void *elements, int64_t count)
{
    const int64_t bytes = count * pt__dtype_size(stream->entry.dtype);
    stream->entry.shape[0] += count;
    stream->entry.bytes += bytes;
    return pt__writer_write(stream->writer, elements, bytes);
}

pt_status_t pt__tensor_stream_finish(pt__tensor_stream_t **stream)
{
    pt_status_t status = write_stream_header(*stream, 0);
    if (status == PT_OK)
        status = pt__writer_commit(&(*stream)->writer);
    pt__tensor_stream_abandon(stream);
    return status;
}

void pt__tensor_stream_abandon(pt__tensor_stream_t **stream)
{
    if (*stream == NULL)
        return;
    pt_context_t *context = (*stream)->context;
    pt__writer_abandon(&(*stream)->writer);
    pt__release(&context->memory, (*stream)->name);
    pt__release(&context->memory, *stream);
    pt__context_release(context);
    *stream = NULL;
}
