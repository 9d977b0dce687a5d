/* Tokenizers, for hosts. */
#include <string.h>

#include "api/api.h"
#include "api/arguments.h"
#include "base/gguf_container.h"
#include "base/array.h"
#include "base/file.h"
#include "formats/tensors.h"
#include "text/foreign.h"
#include "text/tokenizer.h"
#include "text/tokenizer_config.h"
#include "train/model.h"

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
    (*out)->path = file;
    file = NULL;
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

/* Into the directory of a model, which may not be there yet. */
static pt_status_t save_directory(const pt_tokenizer_t *tokenizer, const char *path, const pt_save_options_t *to_file)
{
    pt_context_t *context = tokenizer->context;
    char name[PT__PATH_SIZE];
    char *config = NULL;
    int64_t length;
    pt_status_t status;
    PT__TRY(pt__directory_make(&context->memory, path));
    PT__TRY(pt__tokenizer_config_write(tokenizer, &config, &length));
    PT__TRY_OUT(pt__path_join(path, "tokenizer.json", name, PT__PATH_SIZE));
    PT__TRY_OUT(pt__place_write_bytes(context, name, to_file, tokenizer->json, tokenizer->json_size));
    PT__TRY_OUT(pt__path_join(path, "tokenizer_config.json", name, PT__PATH_SIZE));
    PT__TRY_OUT(pt__place_write_bytes(context, name, to_file, config, length));
out:
    pt__release(&context->memory, config);
    return status;
}

static pt_status_t save(const pt_tokenizer_t *tokenizer, const char *path, const pt_save_options_t *options)
{
    pt_save_options_t effective;
    PT__TRY(pt__read_save_options("pt_tokenizer_save", path, options, 0, PT_FORMAT_DIRECTORY, &effective));
    if (effective.dtype != 0 || effective.names != NULL || effective.shard_bytes != 0)
        return pt__fail(PT_ERR_ARGUMENT, "pt_tokenizer_save: pt_save_options.%s is set, but a tokenizer has no tensors",
                        effective.dtype != 0      ? "dtype"
                        : effective.names != NULL ? "names"
                                                  : "shard_bytes");
    if (effective.format == PT_FORMAT_DIRECTORY)
        return save_directory(tokenizer, path, &effective);
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

static pt_status_t give_kinds(pt_tokenizer_t *tokenizer, pt_array_t *kinds, uint32_t size)
{
    pt__memory_t *memory = &tokenizer->context->memory;
    const int64_t count = tokenizer->vocabulary.count;
    uint8_t *values;
    PT__TRY(pt__allocate(memory, (size_t)count, 1, "kinds of tokens", &values));
    for (int32_t i = 0; i < count; i++)
        values[i] = (uint8_t)pt__tokenizer_kind(tokenizer, i);
    const pt_array_t all = {.dtype = PT_UINT8, .rank = 1, .shape = {count}, .data = values, .elements = count};
    pt_status_t status = pt__array_give(&all, "pt_tokenizer_kinds: kinds", kinds, size);
    pt__release(memory, values);
    return status;
}

pt_status_t pt_tokenizer_kinds(pt_tokenizer_t *tokenizer, pt_array_t *kinds, uint32_t array_size)
{
    PT__ENTER();
    PT__NEED(tokenizer);
    PT__NEED(kinds);
    return pt__error_keep_on(tokenizer->message, give_kinds(tokenizer, kinds, array_size));
}

/* ---- Encoding ---- */

enum { IDS, SPANS, SEGMENTS, MASK, SOURCES, RESULTS };

/* What was encoded of the texts from `first` on. */
typedef struct encoded {
    const pt__encoding_t *encodings;
    int64_t first, count;
    const pt__padding_t *padding; /* NULL: there is none */
    int64_t padded;               /* the length that it brings to */
} encoded_t;

static int64_t part_begin(const pt__encoding_t *encoding, int64_t part)
{
    return part == 0 ? 0 : encoding->ends[part - 1];
}

static int64_t part_length(const pt__encoding_t *encoding, int64_t part)
{
    return (encoding->parts == 1 ? encoding->count : encoding->ends[part]) - part_begin(encoding, part);
}

/* The length of all texts' longest first encoding, or encoding. */
static int64_t longest(const encoded_t *encoded, int32_t is_first)
{
    int64_t most = 0;
    for (int64_t i = 0; i < encoded->count; i++) {
        const pt__encoding_t *encoding = &encoded->encodings[i];
        for (int64_t part = 0; part < (is_first ? 1 : encoding->parts); part++)
            if (part_length(encoding, part) > most)
                most = part_length(encoding, part);
    }
    return most;
}

/* The same value many times, or two of them. */
static pt_status_t repeat(pt__receiver_t *receiver, int32_t which, int32_t value, int64_t count)
{
    enum { AT_ONCE = 256 };
    int32_t ids[AT_ONCE] = {0};
    uint8_t bytes[AT_ONCE];
    pt_status_t status = PT_OK;
    memset(bytes, value & 0xFF, sizeof bytes);
    for (int32_t i = 0; i < AT_ONCE && which == IDS; i++)
        ids[i] = value;
    for (int64_t done = 0; done < count && status == PT_OK; done += AT_ONCE) {
        const int64_t now = count - done < AT_ONCE ? count - done : AT_ONCE;
        status = pt__receiver_put(receiver, which == IDS || which == SPANS ? (void *)ids : bytes, now);
        pt__receiver_count(receiver, now, 0);
    }
    return status;
}

/* Tokens of one encoding; the mask's have no values. */
static pt_status_t put(pt__receiver_t *receiver, const pt__encoding_t *encoding, int32_t which, int64_t begin,
                       int64_t count)
{
    const int64_t width = which == SPANS ? 2 : 1;
    if (count == 0)
        return PT_OK;
    if (which == MASK)
        return repeat(receiver, which, 1, count);
    PT__TRY(pt__receiver_put(receiver,
                             which == IDS     ? (void *)(encoding->ids + begin)
                             : which == SPANS ? (void *)(encoding->spans + begin)
                                              : encoding->segments + begin,
                             width * count));
    pt__receiver_count(receiver, width * count, 0);
    return PT_OK;
}

static pt_status_t give_part(const encoded_t *encoded, int64_t text, int64_t part, int32_t which,
                             pt__receiver_t *receiver)
{
    const pt__encoding_t *encoding = &encoded->encodings[text];
    const int64_t width = which == SPANS ? 2 : 1, count = part_length(encoding, part);
    const int64_t padding = encoded->padded > count ? encoded->padded - count : 0;
    const int64_t elements = which == SOURCES ? 1 : width * (count + padding);
    if (!pt__receiver_takes(receiver, elements, 1)) {
        pt__receiver_count(receiver, elements, 1);
        return PT_OK;
    }
    int64_t *length = pt__receiver_lengths(receiver);
    if (length != NULL)
        *length = which == SOURCES ? 1 : count + padding;
    if (which == SOURCES) {
        const int64_t source = encoded->first + text;
        PT__TRY(pt__receiver_put(receiver, &source, 1));
        pt__receiver_count(receiver, 1, 1);
        return PT_OK;
    }
    const int32_t is_left = padding > 0 && encoded->padding->is_left;
    const int32_t value = padding == 0        ? 0
                          : which == IDS      ? encoded->padding->id
                          : which == SEGMENTS ? encoded->padding->segment
                                              : 0;
    if (is_left)
        PT__TRY(repeat(receiver, which, value, width * padding));
    PT__TRY(put(receiver, encoding, which, part_begin(encoding, part), count));
    if (!is_left)
        PT__TRY(repeat(receiver, which, value, width * padding));
    pt__receiver_count(receiver, 0, 1);
    return PT_OK;
}

/* The views of all results, those that are wanted. */
typedef struct views {
    pt_array_t *given[RESULTS]; /* NULL: not wanted */
    uint32_t size;
    pt__receiver_t receivers[RESULTS];
} views_t;

static void describe(views_t *views, int32_t which, int64_t longest)
{
    static const int32_t dtypes[] = {PT_INT32, PT_UINT32, PT_UINT8, PT_UINT8, PT_INT64}, ranks[] = {1, 2, 1, 1, 0};
    static const int64_t shape[2] = {PT_DIM_TOKENS, 2};
    pt__receiver_describe(&views->receivers[which], dtypes[which], ranks[which], shape, which == SOURCES ? 0 : longest);
}

static pt_status_t open_views(views_t *views)
{
    static const char *const names[] = {"pt_tokenizer_encode: ids", "pt_tokenizer_encode: spans",
                                        "pt_tokenizer_encode: segments", "pt_tokenize_options.mask",
                                        "pt_tokenize_options.sources"};
    for (int32_t which = IDS; which < RESULTS; which++) {
        if (views->given[which] == NULL)
            continue;
        PT__TRY(pt__receiver_open(views->given[which], views->size, names[which], &views->receivers[which]));
        describe(views, which, 0);
    }
    return PT_OK;
}

/* One result of some texts to its view. */
static pt_status_t give(const encoded_t *encoded, int32_t which, pt__receiver_t *receiver)
{
    for (int64_t i = 0; i < encoded->count; i++)
        for (int64_t part = 0; part < encoded->encodings[i].parts; part++)
            PT__TRY(give_part(encoded, i, part, which, receiver));
    return PT_OK;
}

static pt_status_t close_views(views_t *views, int64_t longest)
{
    for (int32_t which = IDS; which < RESULTS; which++) {
        pt__receiver_t *receiver = &views->receivers[which];
        if (views->given[which] == NULL)
            continue;
        describe(views, which, longest);
        PT__TRY(pt__receiver_close(receiver, views->given[which], views->size, pt__receiver_finish(receiver)));
    }
    return PT_OK;
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

static pt_status_t check_flags(const pt_tokenizer_t *tokenizer, uint32_t flags)
{
    if (flags & ~(uint32_t)(PT_TOKENIZE_PLAIN | PT_TOKENIZE_PAD | PT_TOKENIZE_OVERFLOW))
        return pt__fail(PT_ERR_ARGUMENT,
                        "pt_tokenize_options.flags is %u, expected 0 or several of PT_TOKENIZE_PLAIN, PT_TOKENIZE_PAD "
                        "and PT_TOKENIZE_OVERFLOW",
                        (unsigned)flags);
    if ((flags & PT_TOKENIZE_PAD) && !tokenizer->padding.is_given)
        return pt__fail(PT_ERR_ARGUMENT,
                        "pt_tokenize_options.flags has PT_TOKENIZE_PAD, but the tokenizer's file has no padding");
    if ((flags & PT_TOKENIZE_OVERFLOW) && !tokenizer->truncation.is_asked)
        return pt__fail(PT_ERR_ARGUMENT,
                        "pt_tokenize_options.flags has PT_TOKENIZE_OVERFLOW, but the tokenizer's file has no "
                        "truncation");
    return PT_OK;
}

/* How many of the texts are encoded before what they gave is handed on: so many bytes that it still stands in the
 * processor's caches then, and that all threads have some. */
static int64_t texts_at_once(const pt_text_t *texts, int64_t count, int32_t threads)
{
    enum { BYTES = 1 << 18, TEXTS = 1 << 12 };
    int64_t bytes = 0, texts_taken = 0;
    while (texts_taken < count && texts_taken < TEXTS && bytes < (int64_t)BYTES * threads) {
        const pt_text_t *text = &texts[texts_taken++];
        bytes += text->bytes < 0 ? (int64_t)strlen(text->text) : text->bytes;
        if (text->pair != NULL)
            bytes += text->pair_bytes < 0 ? (int64_t)strlen(text->pair) : text->pair_bytes;
    }
    return texts_taken;
}

/* Encodes texts[first ..), `count` of them at most, and hands on what they gave. */
static pt_status_t encode_some(pt_tokenizer_t *tokenizer, const pt_text_t *texts, uint32_t flags,
                               pt__encoding_t *encodings, encoded_t *encoded, views_t *views, int64_t *most)
{
    PT__TRY(pt__tokenizer_encode_many(tokenizer, texts + encoded->first, encoded->count,
                                      flags & PT_TOKENIZE_PLAIN ? PT__ENCODE_PLAIN : 0, 0, encodings,
                                      "pt_tokenizer_encode: text", encoded->first));
    if (flags & PT_TOKENIZE_PAD) {
        encoded->padding = &tokenizer->padding;
        encoded->padded = pt__padding_length(encoded->padding, longest(encoded, 1));
    }
    const int64_t length = longest(encoded, 0) > encoded->padded ? longest(encoded, 0) : encoded->padded;
    *most = length > *most ? length : *most;
    for (int32_t which = IDS; which < RESULTS; which++)
        if (views->given[which] != NULL)
            PT__TRY(give(encoded, which, &views->receivers[which]));
    return PT_OK;
}

static pt_status_t encode(pt_tokenizer_t *tokenizer, const pt_text_t *given, uint32_t text_size, int64_t count,
                          const pt_tokenize_options_t *options, views_t *views)
{
    pt__memory_t *memory = &tokenizer->context->memory;
    pt_tokenize_options_t effective = {0};
    pt_text_t *texts = NULL;
    pt__encoding_t *encodings = NULL;
    int64_t n_encodings = 0, most = 0;
    pt_status_t status;
    if (given == NULL)
        return pt__fail(PT_ERR_ARGUMENT, "pt_tokenizer_encode: texts is NULL");
    PT__TRY(pt__check_range("pt_tokenizer_encode: count", count, 0));
    PT__TRY(pt__options_read(options, &effective, (uint32_t)sizeof effective, "pt_tokenize_options"));
    PT__TRY(check_flags(tokenizer, effective.flags));
    views->given[MASK] = effective.mask;
    views->given[SOURCES] = effective.sources;
    PT__TRY(read_texts(memory, given, text_size, count, &texts));
    PT__TRY_OUT(open_views(views));
    for (encoded_t encoded = {0}; encoded.first < count; encoded.first += encoded.count) {
        const int64_t before = n_encodings;
        encoded.count = count - encoded.first;
        if (!(effective.flags & PT_TOKENIZE_PAD))
            encoded.count = texts_at_once(texts + encoded.first, encoded.count,
                                          pt__pool_threads(tokenizer->context->pool));
        PT__TRY_OUT(pt__grow(memory, &encodings, &n_encodings, encoded.count, sizeof *encodings, "encoded texts"));
        for (int64_t i = before; i < n_encodings; i++) {
            encodings[i].wants_spans = views->given[SPANS] != NULL;
            encodings[i].wants_segments = views->given[SEGMENTS] != NULL;
            encodings[i].wants_overflow = (effective.flags & PT_TOKENIZE_OVERFLOW) != 0;
        }
        encoded.encodings = encodings;
        PT__TRY_OUT(encode_some(tokenizer, texts, effective.flags, encodings, &encoded, views, &most));
    }
    status = close_views(views, most);
out:
    for (int64_t i = 0; i < n_encodings; i++)
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
    views_t views = {.given = {ids, spans, segments, NULL, NULL}, .size = array_size};
    return pt__error_keep_on(tokenizer->message, encode(tokenizer, texts, text_size, count, options, &views));
}
