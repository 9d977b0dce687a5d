/* Writing GGUF, version 3: header, metadata, the tensors' descriptions, and their data, each at a multiple of the
 * alignment. */
#include <string.h>

#include "base/dtype.h"
#include "formats/gguf.h"

static const uint8_t zeros[PT__GGUF_ALIGNMENT];

static int64_t padding_of(int64_t bytes)
{
    return (PT__GGUF_ALIGNMENT - bytes % PT__GGUF_ALIGNMENT) % PT__GGUF_ALIGNMENT;
}

static void describe(pt__text_t *text, const pt__entry_t *entry, int64_t offset)
{
    const int64_t length = (int64_t)strlen(entry->name);
    pt__gguf_add_number(text, (uint64_t)length, 8);
    pt__text_add_bytes(text, entry->name, length);
    pt__gguf_add_number(text, (uint64_t)entry->rank, 4);
    for (int32_t i = entry->rank - 1; i >= 0; i--)
        pt__gguf_add_number(text, (uint64_t)entry->shape[i], 8);
    pt__gguf_add_number(text, (uint64_t)pt__gguf_type_of(entry->dtype), 4);
    pt__gguf_add_number(text, (uint64_t)offset, 8);
}

/* All that stands before the data, and how many bytes these are. */
static pt_status_t make_head(pt__memory_t *memory, const pt__gguf_metadata_t *metadata, const pt__tensors_t *tensors,
                             char **head, int64_t *length, int64_t *data)
{
    pt__text_t text = pt__text_start(memory);
    pt__text_add_bytes(&text, "GGUF", 4);
    pt__gguf_add_number(&text, 3, 4);
    pt__gguf_add_number(&text, (uint64_t)tensors->n_entries, 8);
    pt__gguf_add_number(&text, metadata->pairs, 8);
    pt__text_add_bytes(&text, metadata->text.data == NULL ? "" : metadata->text.data, metadata->text.length);
    *data = 0;
    for (int64_t i = 0; i < tensors->n_entries; i++) {
        const pt__entry_t *entry = &tensors->entries[i];
        if (entry->rank > PT__GGUF_RANK || pt__gguf_type_of(entry->dtype) < 0) {
            pt__text_free(&text);
            return pt__fail(PT_ERR_UNSUPPORTED, "tensor \"%s\" of %d dimensions in %s, which GGUF files do not have",
                            entry->name, (int)entry->rank, pt__dtype_name(entry->dtype));
        }
        describe(&text, entry, *data);
        *data += entry->bytes + padding_of(entry->bytes);
    }
    pt__text_add_bytes(&text, (const char *)zeros, padding_of(text.length));
    return pt__text_take(&text, head, length);
}

static pt_status_t write_entry(const pt__sink_t *sink, const pt__tensors_t *tensors, const pt__entry_t *entry)
{
    const void *bytes = entry->data;
    if (entry->is_away)
        PT__TRY(tensors->bring(tensors->user, entry, &bytes));
    pt_status_t status = sink->write(sink->user, bytes, entry->bytes);
    if (entry->is_away)
        tensors->let_go(tensors->user, bytes);
    return status == PT_OK ? sink->write(sink->user, zeros, padding_of(entry->bytes)) : status;
}

pt_status_t pt__gguf_write_to(pt_context_t *context, const pt__sink_t *sink, const pt__gguf_metadata_t *metadata,
                              const pt__tensors_t *tensors)
{
    char *head = NULL;
    int64_t length = 0, data = 0;
    pt_status_t status = metadata->text.status;
    PT__TRY_OUT(status);
    PT__TRY_OUT(make_head(&context->memory, metadata, tensors, &head, &length, &data));
    if (sink->begin != NULL)
        PT__TRY_OUT(sink->begin(sink->user, length + data));
    if (sink->write != NULL) {
        PT__TRY_OUT(sink->write(sink->user, head, length));
        for (int64_t i = 0; i < tensors->n_entries; i++)
            PT__TRY_OUT(write_entry(sink, tensors, &tensors->entries[i]));
    }
out:
    pt__release(&context->memory, head);
    return status;
}
