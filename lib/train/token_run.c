/* See token_run.h. A token file is a safetensors file with one tensor, "tokens", and in its metadata what it was made
 * of: the tokenizer's fingerprint, the text's (names, sizes and times of its files), and the separator. */
#include "train/token_run.h"

#include <string.h>

#include "base/dtype.h"
#include "base/file.h"
#include "base/text.h"
#include "formats/tensors.h"
#include "text/corpus.h"

static const char FORMAT[] = "pretrain tokens 1";
enum { PAIRS = 4, HEX = 17 };

typedef struct owner { /* one of the three holds the bytes */
    pt_context_t *context;
    char *name;
    pt__mapping_t mapping;
    uint8_t *block;
    pt__file_tensors_t *file;
} owner_t;

static void release_owner(void *user)
{
    owner_t *owner = user;
    pt__memory_t *memory = &owner->context->memory;
    pt__file_unmap(&owner->mapping);
    pt__file_tensors_close(owner->file);
    pt__release(memory, owner->block);
    pt__release(memory, owner->name);
    pt__release(memory, owner);
}

/* The dataset holds the context for as long as there is a run. */
static pt_status_t make_owner(pt_context_t *context, const char *path, owner_t **out)
{
    PT__TRY(pt__allocate(&context->memory, 1, sizeof **out, "tokens", out));
    (*out)->context = context;
    pt_status_t status = pt__string_copy(&context->memory, path, &(*out)->name);
    if (status != PT_OK)
        release_owner(*out);
    return status;
}

static void give(owner_t *owner, const uint8_t *bytes, int64_t size, int32_t dtype, pt__token_run_t *run)
{
    *run = (pt__token_run_t){
        .name = owner->name, .bytes = bytes, .size = size, .dtype = dtype, .release = release_owner, .owner = owner};
}

/* ---- Files as they are ---- */

static pt_status_t map(pt_context_t *context, const char *path, int32_t dtype, pt__token_run_t *run)
{
    owner_t *owner;
    PT__TRY(make_owner(context, path, &owner));
    pt_status_t status = pt__file_map(&context->memory, path, &owner->mapping);
    if (status == PT_OK)
        give(owner, owner->mapping.bytes, owner->mapping.size, dtype, run);
    else
        release_owner(owner);
    return status;
}

pt_status_t pt__token_run_of_tokens(pt_context_t *context, const char *path, const pt_window_options_t *options,
                                    pt__token_run_t *run)
{
    if (options->dtype != PT_UINT16 && options->dtype != PT_UINT32)
        return pt__fail(PT_ERR_ARGUMENT, "pt_window_options: dtype is %s (%ld), expected PT_UINT16 or PT_UINT32",
                        pt__dtype_name(options->dtype), (long)options->dtype);
    if (options->tokenizer != NULL || options->separator != NULL || options->cache != NULL)
        return pt__fail(PT_ERR_ARGUMENT, "pt_window_options: %s means nothing for a file of tokens",
                        options->tokenizer != NULL   ? "tokenizer"
                        : options->separator != NULL ? "separator"
                                                     : "cache");
    return map(context, path, options->dtype, run);
}

/* ---- Encoded texts ---- */

typedef struct encoding { /* what text becomes tokens, and where they go */
    pt_tokenizer_t *tokenizer;
    pt__corpus_t corpus;
    int32_t separator, dtype;
    pt__memory_t *memory; /* into a block: */
    uint8_t *block;
    int64_t size, capacity;
    pt__tensor_stream_t *stream; /* or, where not NULL, into a file */
} encoding_t;

/* Little-endian, as the dtype is. */
static void store(const encoding_t *encoding, const int32_t *ids, int64_t count, uint8_t *to)
{
    const int64_t bytes = pt__dtype_size(encoding->dtype);
    for (int64_t i = 0; i < count; i++)
        for (int64_t byte = 0; byte < bytes; byte++)
            to[i * bytes + byte] = (uint8_t)((uint32_t)ids[i] >> (8 * byte));
}

static pt_status_t keep(void *user, const int32_t *ids, int64_t count)
{
    encoding_t *encoding = user;
    const int64_t bytes = count * pt__dtype_size(encoding->dtype);
    if (encoding->stream == NULL) {
        PT__TRY(pt__grow(encoding->memory, &encoding->block, &encoding->capacity, encoding->size + bytes, 1, "tokens"));
        store(encoding, ids, count, encoding->block + encoding->size);
        encoding->size += bytes;
        return PT_OK;
    }
    uint8_t some[4096];
    const int64_t most = (int64_t)sizeof some / pt__dtype_size(encoding->dtype);
    for (int64_t at = 0; at < count; at += most) {
        const int64_t now = count - at < most ? count - at : most;
        store(encoding, ids + at, now, some);
        PT__TRY(pt__tensor_stream_add(encoding->stream, some, now));
    }
    return PT_OK;
}

/* Without a tokenizer: the files' bytes. */
static pt_status_t keep_bytes(encoding_t *encoding)
{
    PT__TRY(pt__grow(encoding->memory, &encoding->block, &encoding->capacity, encoding->corpus.bytes, 1, "tokens"));
    for (int64_t i = 0; i < encoding->corpus.count; i++) {
        pt__mapping_t file;
        PT__TRY(pt__file_map(encoding->memory, encoding->corpus.paths[i], &file));
        pt_status_t status = pt__grow(encoding->memory, &encoding->block, &encoding->capacity,
                                      encoding->size + file.size, 1, "tokens");
        if (status == PT_OK) {
            memcpy(encoding->block + encoding->size, file.bytes, (size_t)file.size);
            encoding->size += file.size;
        }
        pt__file_unmap(&file);
        PT__TRY(status);
    }
    return PT_OK;
}

static pt_status_t encode_to_memory(encoding_t *encoding, owner_t *owner)
{
    pt_status_t status = encoding->tokenizer == NULL ? keep_bytes(encoding)
                                                     : pt__corpus_encode(&encoding->corpus, encoding->tokenizer,
                                                                         encoding->separator, keep, encoding);
    owner->block = encoding->block;
    return status;
}

/* ---- Token files ---- */

static void describe(const encoding_t *encoding, char texts[PAIRS][HEX + 1], pt__pair_t pairs[PAIRS])
{
    static const char *const keys[PAIRS] = {"format", "tokenizer", "text", "separator"};
    const uint64_t numbers[PAIRS] = {0, encoding->tokenizer->fingerprint, encoding->corpus.fingerprint,
                                     (uint64_t)(encoding->separator + 1)};
    for (int32_t i = 0; i < PAIRS; i++) {
        for (int32_t digit = 0; digit < HEX - 1; digit++)
            texts[i][digit] = "0123456789abcdef"[numbers[i] >> (60 - 4 * digit) & 15];
        texts[i][HEX - 1] = 0;
        pairs[i] = (pt__pair_t){keys[i], i == 0 ? FORMAT : texts[i]};
    }
}

static int32_t is_same(const pt__tensors_t *table, const pt__pair_t *pair)
{
    const char *value = pt__tensors_value(table, pair->key);
    return value != NULL && strcmp(value, pair->value) == 0;
}

/* *is_current is 0 where the text has changed since. */
static pt_status_t open_cache(pt_context_t *context, const char *path, const pt__pair_t pairs[PAIRS], owner_t *owner,
                              int32_t *is_current)
{
    PT__TRY(pt__file_tensors_open(context, &pt__format_safetensors, path, 0, &owner->file));
    const pt__tensors_t *table = pt__file_tensors_table(owner->file);
    const pt__entry_t *tokens = pt__tensors_find(table, "tokens");
    if (!is_same(table, &pairs[0]) || tokens == NULL || (tokens->dtype != PT_UINT16 && tokens->dtype != PT_UINT32))
        return pt__fail(PT_ERR_FORMAT, "%s: no token file (format \"%.40s\", expected \"%s\"); it is not written over",
                        path, pt__tensors_value(table, "format") == NULL ? "" : pt__tensors_value(table, "format"),
                        FORMAT);
    if (!is_same(table, &pairs[1]) || !is_same(table, &pairs[3]))
        return pt__fail(PT_ERR_FORMAT,
                        "%s: the tokens of another tokenizer or separator (%.16s, expected %s); it is not written "
                        "over: remove it, or name another cache",
                        path,
                        pt__tensors_value(table, "tokenizer") == NULL ? "" : pt__tensors_value(table, "tokenizer"),
                        pairs[1].value);
    *is_current = is_same(table, &pairs[2]);
    if (!*is_current) {
        pt__file_tensors_close(owner->file);
        owner->file = NULL;
    }
    return PT_OK;
}

static pt_status_t encode_to_cache(pt_context_t *context, encoding_t *encoding, const char *path, owner_t *owner)
{
    char texts[PAIRS][HEX + 1];
    pt__pair_t pairs[PAIRS];
    int32_t is_current = 0;
    describe(encoding, texts, pairs);
    if (pt__file_exists(path))
        PT__TRY(open_cache(context, path, pairs, owner, &is_current));
    if (is_current)
        return PT_OK;
    PT__TRY(pt__tensor_stream_begin(context, path, "tokens", encoding->dtype, pairs, PAIRS, &encoding->stream));
    pt_status_t status = pt__corpus_encode(&encoding->corpus, encoding->tokenizer, encoding->separator, keep, encoding);
    if (status == PT_OK)
        status = pt__tensor_stream_finish(&encoding->stream);
    pt__tensor_stream_abandon(&encoding->stream);
    if (status == PT_OK)
        status = open_cache(context, path, pairs, owner, &is_current);
    return status == PT_OK && !is_current ? pt__fail(PT_ERR_IO, "%s: changed while it was made", path) : status;
}

/* ---- Both ---- */

static pt_status_t read_options(pt_context_t *context, const pt_window_options_t *options, encoding_t *encoding)
{
    encoding->memory = &context->memory;
    encoding->tokenizer = options->tokenizer;
    encoding->separator = -1;
    encoding->dtype = PT_UINT8;
    if (options->tokenizer == NULL)
        return options->separator == NULL && options->cache == NULL
                   ? PT_OK
                   : pt__fail(PT_ERR_ARGUMENT, "pt_window_options: %s needs a tokenizer",
                              options->separator != NULL ? "separator" : "cache");
    if (options->tokenizer->context != context)
        return pt__fail(PT_ERR_ARGUMENT, "pt_window_options: the tokenizer is of another context");
    if (options->separator != NULL) {
        encoding->separator = pt__vocabulary_find_content(&options->tokenizer->vocabulary, options->separator,
                                                          (int64_t)strlen(options->separator));
        if (encoding->separator < 0)
            return pt__fail(PT_ERR_NOT_FOUND, "pt_window_options: separator \"%.99s\" is no token of the tokenizer",
                            options->separator);
    }
    encoding->dtype = options->tokenizer->vocabulary.count <= UINT16_MAX + 1 ? PT_UINT16 : PT_UINT32;
    return PT_OK;
}

pt_status_t pt__token_run_of_text(pt_context_t *context, const char *path, const pt_window_options_t *options,
                                  pt__token_run_t *run)
{
    encoding_t encoding = {0};
    owner_t *owner;
    pt__file_about_t about;
    pt_status_t status;
    PT__TRY(read_options(context, options, &encoding));
    PT__TRY(pt__file_look(path, &about));
    if (options->tokenizer == NULL && !about.is_directory)
        return map(context, path, PT_UINT8, run);
    PT__TRY(make_owner(context, path, &owner));
    PT__TRY_OUT(pt__corpus_find(&context->memory, path, options->cache, &encoding.corpus));
    if (options->cache == NULL)
        PT__TRY_OUT(encode_to_memory(&encoding, owner));
    else
        PT__TRY_OUT(encode_to_cache(context, &encoding, options->cache, owner));
    if (options->cache == NULL)
        give(owner, owner->block, encoding.size, encoding.dtype, run);
    else {
        const pt__entry_t *tokens = pt__tensors_find(pt__file_tensors_table(owner->file), "tokens");
        give(owner, tokens->data, tokens->bytes, tokens->dtype, run);
    }
out:
    pt__corpus_free(&encoding.corpus);
    if (status != PT_OK)
        release_owner(owner);
    return status;
}
