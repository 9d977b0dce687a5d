/* Tokenizers, for hosts. */
#include <string.h>

#include "api/api.h"
#include "api/arguments.h"
#include "base/array.h"
#include "base/dtype.h"
#include "base/file.h"
#include "base/text.h"
#include "formats/tensors.h"
#include "text/foreign.h"
#include "text/tokenizer.h"

enum { MOST_FILE_BYTES = 1 << 30 };

pt_status_t pt_tokenize_options_init(pt_tokenize_options_t *options, uint32_t struct_size)
{
    static const pt_tokenize_options_t defaults = {0};
    PT__ENTER();
    return pt__options_init(options, struct_size, &defaults, (uint32_t)sizeof defaults, "pt_tokenize_options");
}

/* ---- Opening ---- */

/* Files with a model's weights too are only mapped: *bytes is NULL for others. */
static pt_status_t open_mapped(pt_context_t *context, const char *file, pt__mapping_t *mapping, const char **bytes,
                               int64_t *size)
{
    *bytes = NULL;
    if (file == NULL)
        return PT_OK;
    PT__TRY(pt__file_map(&context->memory, file, mapping));
    if (!pt__gguf_is(mapping->bytes, mapping->size)) {
        pt__file_unmap(mapping);
        return PT_OK;
    }
    *bytes = (const char *)mapping->bytes;
    *size = mapping->size;
    return PT_OK;
}

static pt_status_t open_tokenizer(pt_context_t *context, const char *path, const pt_load_options_t *options,
                                  pt_tokenizer_t **out)
{
    pt_load_options_t effective;
    const char *bytes;
    int64_t size;
    void *block = NULL;
    char *file = NULL;
    pt__mapping_t mapping = {0};
    pt_status_t status;
    PT__TRY(pt__read_load_options("pt_tokenizer_open", path, options, 0, 0, &effective));
    if (path != NULL)
        PT__TRY(pt__tokenizer_find(&context->memory, path, &file));
    PT__TRY_OUT(open_mapped(context, file, &mapping, &bytes, &size));
    if (bytes == NULL)
        PT__TRY_OUT(pt__place_read(context, file, &effective, MOST_FILE_BYTES, &bytes, &size, &block));
    PT__TRY_OUT(pt__tokenizer_read(context, file, pt__place_name(file, &effective), bytes, size, out));
out:
    pt__file_unmap(&mapping);
    pt__release(&context->memory, block);
    pt__release(&context->memory, file);
    return status;
}

pt_status_t pt_tokenizer_open(pt_context_t *context, const char *path, const pt_load_options_t *options,
                              pt_tokenizer_t **out)
{
    PT__ENTER();
    PT__NEED_OUT(out);
    PT__NEED(context);
    return pt__context_keep(context, open_tokenizer(context, path, options, out));
}

static pt_status_t save(const pt_tokenizer_t *tokenizer, const char *path, const pt_save_options_t *options)
{
    pt_save_options_t effective;
    PT__TRY(pt__read_save_options("pt_tokenizer_save", path, options, 0, &effective));
    if (effective.dtype != 0 || effective.names != NULL)
        return pt__fail(PT_ERR_ARGUMENT, "pt_tokenizer_save: pt_save_options.%s is set, but a tokenizer has no tensors",
                        effective.dtype != 0 ? "dtype" : "names");
    return pt__place_write_bytes(tokenizer->context, path, &effective, tokenizer->json, tokenizer->json_size);
}

pt_status_t pt_tokenizer_save(pt_tokenizer_t *tokenizer, const char *path, const pt_save_options_t *options)
{
    PT__ENTER();
    PT__NEED(tokenizer);
    return pt__error_keep_on(tokenizer->message, save(tokenizer, path, options));
}

void pt_tokenizer_free(pt_tokenizer_t *tokenizer)
{
    pt__tokenizer_free(tokenizer);
}

const char *pt_tokenizer_last_error(const pt_tokenizer_t *tokenizer)
{
    return tokenizer == NULL ? "" : tokenizer->message;
}

/* ---- Tokens ---- */

int32_t pt_tokenizer_size(const pt_tokenizer_t *tokenizer)
{
    return tokenizer == NULL ? 0 : (int32_t)tokenizer->vocabulary.count;
}

int32_t pt_tokenizer_id(const pt_tokenizer_t *tokenizer, const char *token)
{
    return tokenizer == NULL || token == NULL
               ? -1
               : pt__vocabulary_find_content(&tokenizer->vocabulary, token, (int64_t)strlen(token));
}

const char *pt_tokenizer_token(const pt_tokenizer_t *tokenizer, int32_t id)
{
    if (tokenizer == NULL || id < 0 || id >= tokenizer->vocabulary.count || !tokenizer->vocabulary.tokens[id].is_there)
        return NULL;
    return pt__token_content(&tokenizer->vocabulary, id);
}

/* ---- Encoding ---- */

enum { IDS, SPANS, SEGMENTS };

/* One result of all texts to its view. */
static pt_status_t give(const pt__encoding_t *encodings, int64_t count, int32_t which, pt_array_t *to, uint32_t size)
{
    static const char *const names[] = {"pt_tokenizer_encode: ids", "pt_tokenizer_encode: spans",
                                        "pt_tokenizer_encode: segments"};
    static const int32_t dtypes[] = {PT_INT32, PT_UINT32, PT_UINT8};
    const int64_t shape[2] = {PT_DIM_TOKENS, 2}, width = which == SPANS ? 2 : 1;
    pt__receiver_t receiver;
    pt_status_t status = PT_OK;
    int64_t longest = 0;
    if (to == NULL)
        return PT_OK;
    for (int64_t i = 0; i < count; i++)
        longest = encodings[i].count > longest ? encodings[i].count : longest;
    PT__TRY(pt__receiver_open(to, size, names[which], &receiver));
    pt__receiver_describe(&receiver, dtypes[which], which == SPANS ? 2 : 1, shape, longest);
    for (int64_t i = 0; i < count && status == PT_OK; i++) {
        const pt__encoding_t *encoding = &encodings[i];
        const void *values = which == IDS     ? (void *)encoding->ids
                             : which == SPANS ? (void *)encoding->spans
                                              : encoding->segments;
        if (pt__receiver_takes(&receiver, width * encoding->count, 1)) {
            int64_t *length = pt__receiver_lengths(&receiver);
            if (length != NULL)
                *length = encoding->count;
            if (encoding->count > 0)
                status = pt__receiver_put(&receiver, values, width * encoding->count);
        }
        pt__receiver_count(&receiver, width * encoding->count, 1);
    }
    if (status == PT_OK)
        status = pt__receiver_finish(&receiver);
    return pt__receiver_close(&receiver, to, size, status);
}

static pt_status_t check_texts(const pt_text_t *texts, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (texts[i].text == NULL || texts[i].bytes < -1 || texts[i].pair_bytes < -1)
            return pt__fail(
                PT_ERR_ARGUMENT,
                "pt_tokenizer_encode: text %lld is %s of %lld bytes (pair: %lld), expected at least 0, or -1",
                (long long)i, texts[i].text == NULL ? "NULL" : "one", (long long)texts[i].bytes,
                (long long)texts[i].pair_bytes);
    return PT_OK;
}

/* The host's texts as this library's struct. */
static pt_status_t read_texts(pt__memory_t *memory, const pt_text_t *given, uint32_t size, int64_t count,
                              pt_text_t **out)
{
    pt_text_t *texts;
    if (size < sizeof(pt_text_t))
        return pt__fail(PT_ERR_ARGUMENT, "pt_tokenizer_encode: text_size is %u, expected sizeof(pt_text_t), %u",
                        (unsigned)size, (unsigned)sizeof(pt_text_t));
    PT__TRY(
        pt__elements_copy(memory, given, count, size, (uint32_t)sizeof *texts, "pt_tokenizer_encode: texts", &texts));
    pt_status_t status = check_texts(texts, count);
    if (status == PT_OK)
        *out = texts;
    else
        pt__release(memory, texts);
    return status;
}

static pt_status_t encode(pt_tokenizer_t *tokenizer, const pt_text_t *given, uint32_t text_size, int64_t count,
                          const pt_tokenize_options_t *options, pt_array_t *ids, pt_array_t *spans,
                          pt_array_t *segments, uint32_t array_size)
{
    pt__memory_t *memory = &tokenizer->context->memory;
    pt_tokenize_options_t effective = {0};
    pt_text_t *texts = NULL;
    pt__encoding_t *encodings = NULL;
    pt_status_t status;
    if (given == NULL)
        return pt__fail(PT_ERR_ARGUMENT, "pt_tokenizer_encode: texts is NULL");
    PT__TRY(pt__check_range("pt_tokenizer_encode: count", count, 0));
    PT__TRY(pt__options_read(options, &effective, (uint32_t)sizeof effective, "pt_tokenize_options"));
    if (effective.flags & ~(uint32_t)PT_TOKENIZE_PLAIN)
        return pt__fail(PT_ERR_ARGUMENT, "pt_tokenize_options.flags is %u, expected PT_TOKENIZE_PLAIN or 0",
                        (unsigned)effective.flags);
    PT__TRY(read_texts(memory, given, text_size, count, &texts));
    PT__TRY_OUT(pt__allocate(memory, (size_t)count, sizeof *encodings, "encoded texts", &encodings));
    for (int64_t i = 0; i < count; i++) {
        encodings[i].wants_spans = spans != NULL;
        encodings[i].wants_segments = segments != NULL;
    }
    PT__TRY_OUT(pt__tokenizer_encode_many(tokenizer, texts, count,
                                          effective.flags & PT_TOKENIZE_PLAIN ? PT__ENCODE_PLAIN : 0, 0, encodings,
                                          "pt_tokenizer_encode: text", 0));
    PT__TRY_OUT(give(encodings, count, IDS, ids, array_size));
    PT__TRY_OUT(give(encodings, count, SPANS, spans, array_size));
    PT__TRY_OUT(give(encodings, count, SEGMENTS, segments, array_size));
out:
    for (int64_t i = 0; encodings != NULL && i < count; i++)
        pt__encoding_free(&encodings[i]);
    pt__release(memory, encodings);
    pt__release(memory, texts);
    return status;
}

pt_status_t pt_tokenizer_encode(pt_tokenizer_t *tokenizer, const pt_text_t *texts, uint32_t text_size, int64_t count,
                                const pt_tokenize_options_t *options, pt_array_t *ids, pt_array_t *spans,
                                pt_array_t *segments, uint32_t array_size)
{
    PT__ENTER();
    PT__NEED(tokenizer);
    return pt__error_keep_on(tokenizer->message,
                             encode(tokenizer, texts, text_size, count, options, ids, spans, segments, array_size));
}

/* ---- Decoding ---- */

static pt_status_t decode(pt_tokenizer_t *tokenizer, const pt_array_t *given, uint32_t array_size, uint32_t flags,
                          char *buffer, size_t size, size_t *length)
{
    pt__memory_t *memory = &tokenizer->context->memory;
    pt__pieces_t pieces = {0};
    pt_array_t array;
    int32_t *ids = NULL;
    pt_status_t status;
    PT__TRY(pt__array_read(given, array_size, "pt_tokenizer_decode: ids", &array));
    if (flags & ~(uint32_t)PT_DECODE_SPECIAL)
        return pt__fail(PT_ERR_ARGUMENT, "pt_tokenizer_decode: flags is %u, expected PT_DECODE_SPECIAL or 0",
                        (unsigned)flags);
    PT__TRY(pt__allocate(memory, (size_t)array.elements, sizeof *ids, "ids", &ids));
    PT__TRY_OUT(pt__dtype_convert("pt_tokenizer_decode: ids", array.dtype, array.data, PT_INT32, ids, array.elements));
    PT__TRY_OUT(pt__tokenizer_decode(tokenizer, ids, array.elements, (flags & PT_DECODE_SPECIAL) != 0, &pieces));
    pt__text_t text = pt__text_start(memory);
    pt__text_add_bytes(&text, (const char *)pieces.bytes, pieces.n_bytes);
    status = pt__text_give(&text, buffer, size, length);
out:
    pt__pieces_free(&pieces);
    pt__release(memory, ids);
    return status;
}

pt_status_t pt_tokenizer_decode(pt_tokenizer_t *tokenizer, const pt_array_t *ids, uint32_t array_size, uint32_t flags,
                                char *buffer, size_t size, size_t *length)
{
    PT__ENTER();
    PT__NEED(tokenizer);
    return pt__error_keep_on(tokenizer->message, decode(tokenizer, ids, array_size, flags, buffer, size, length));
}
