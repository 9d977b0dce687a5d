/* Which kind of file a tokenizer is, by its content, and what is needed beside it. */
#include <string.h>

#include "base/gguf_container.h"
#include "base/file.h"
#include "text/alphabet.h"
#include "text/foreign.h"
#include "text/tokenizer.h"

enum { MOST_BESIDE = 1 << 28 /* bytes of a file beside another */ };

/* ---- Files beside another ---- */

/* The path of `name` beside `path`, or within it. */
static pt_status_t path_beside(pt__memory_t *memory, const char *path, int32_t is_within, const char *name, char **out)
{
    const char *slash = strrchr(path, '/');
    pt__text_t whole = pt__text_start(memory);
    if (is_within)
        pt__text_add(&whole, "%s/", path);
    else if (slash != NULL)
        pt__text_add_bytes(&whole, path, slash + 1 - path);
    pt__text_add(&whole, "%s", name);
    return pt__text_take(&whole, out, NULL);
}

pt_status_t pt__tokenizer_read_beside(pt__memory_t *memory, const char *path, const char *name, int32_t is_needed,
                                      char **bytes, int64_t *size)
{
    char *other;
    *bytes = NULL;
    *size = 0;
    PT__TRY(path_beside(memory, path, 0, name, &other));
    pt_status_t status = PT_OK;
    if (is_needed || pt__file_exists(other))
        status = pt__file_read(memory, other, MOST_BESIDE, bytes, size);
    pt__release(memory, other);
    return status;
}

static int32_t is_ending(const char *name, const char *ending)
{
    const size_t length = strlen(name), tail = strlen(ending);
    return length > tail && strcmp(name + length - tail, ending) == 0;
}

/* The first file of a directory that ends so, NULL: none. */
static pt_status_t find_ending(pt__memory_t *memory, const char *path, const char *ending, char **out)
{
    char **names;
    int64_t count;
    *out = NULL;
    PT__TRY(pt__directory_list(memory, path, &names, &count));
    pt_status_t status = PT_OK;
    for (int64_t i = 0; i < count && *out == NULL && status == PT_OK; i++)
        if (is_ending(names[i], ending))
            status = path_beside(memory, path, 1, names[i], out);
    pt__release(memory, names);
    return status;
}

pt_status_t pt__tokenizer_find(pt__memory_t *memory, const char *path, char **out)
{
    static const char *const names[] = {"tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt"};
    pt__file_about_t about = {0};
    if (!pt__file_exists(path) || pt__file_is_regular(path))
        return pt__string_copy(memory, path, out);
    PT__TRY(pt__file_look(path, &about));
    if (!about.is_directory)
        return pt__fail(PT_ERR_FORMAT, "%s: it is neither a file nor a directory", path);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        PT__TRY(path_beside(memory, path, 1, names[i], out));
        if (pt__file_exists(*out))
            return PT_OK;
        pt__release(memory, *out);
    }
    PT__TRY(find_ending(memory, path, ".tiktoken", out));
    return *out != NULL ? PT_OK
                        : pt__fail(PT_ERR_NOT_FOUND,
                                   "%s: none of tokenizer.json, tokenizer.model, vocab.json, vocab.txt and *.tiktoken "
                                   "is there",
                                   path);
}

/* ---- Kinds ---- */

/* Without merges.txt beside it, and of characters alone, it is an alphabet. */
static pt_status_t read_pairs(const char *path, const uint8_t *bytes, int64_t size, pt__text_t *json)
{
    char *merges = NULL, *config = NULL;
    int64_t merges_size = 0, config_size = 0;
    int32_t is_alphabet;
    pt_status_t status;
    PT__TRY(pt__alphabet_find(json->memory, (const char *)bytes, size, &is_alphabet));
    if (path == NULL && !is_alphabet)
        return pt__fail(PT_ERR_UNSUPPORTED, "a vocab.json needs the merges.txt beside it: open it by its path");
    if (path != NULL)
        PT__TRY(pt__tokenizer_read_beside(json->memory, path, "merges.txt", !is_alphabet, &merges, &merges_size));
    if (path != NULL)
        PT__TRY_OUT(pt__tokenizer_read_beside(json->memory, path, "tokenizer_config.json", 0, &config, &config_size));
    if (merges == NULL)
        PT__TRY_OUT(pt__alphabet_to_json((const char *)bytes, size, config, config_size, json));
    else
        PT__TRY_OUT(pt__pair_list_to_json((const char *)bytes, size, merges, merges_size, config, config_size, json));
    status = PT_OK;
out:
    pt__release(json->memory, config);
    pt__release(json->memory, merges);
    return status;
}

static pt_status_t read_words(const char *path, const uint8_t *bytes, int64_t size, pt__text_t *json)
{
    char *config = NULL;
    int64_t config_size = 0;
    if (path == NULL)
        return pt__fail(PT_ERR_UNSUPPORTED,
                        "a vocab.txt needs the tokenizer_config.json that may be beside it: open it by its path");
    PT__TRY(pt__tokenizer_read_beside(json->memory, path, "tokenizer_config.json", 0, &config, &config_size));
    pt_status_t status = pt__word_list_to_json(bytes, size, config, config_size, json);
    pt__release(json->memory, config);
    return status;
}

/* A list of words is text of lines without blanks; only the first ones are looked at. */
static int32_t is_word_list(const uint8_t *bytes, int64_t size)
{
    int32_t lines = 0;
    for (int64_t at = 0; at < size && at < 4096; at++) {
        if (bytes[at] == ' ' || bytes[at] == 0)
            return 0;
        lines += bytes[at] == '\n';
    }
    return lines > 0;
}

/* A tokenizer.json, by its beginning. */
static int32_t is_json(const uint8_t *bytes, int64_t size)
{
    int64_t at = 0;
    if (pt__pair_list_is(bytes, size))
        return 0;
    while (at < size && (bytes[at] == ' ' || bytes[at] == '\n' || bytes[at] == '\r' || bytes[at] == '\t'))
        at++;
    return at == size || bytes[at] == '{' || (bytes[at] == '[' && !is_word_list(bytes, size)); /* "[PAD]" */
}

static pt_status_t to_json(const char *path, const uint8_t *bytes, int64_t size, pt__text_t *json)
{
    const char *slash = path == NULL ? NULL : strrchr(path, '/');
    if (pt__gguf_is(bytes, size))
        return pt__gguf_to_json(bytes, size, json);
    if (pt__pair_list_is(bytes, size))
        return read_pairs(path, bytes, size, json);
    if (pt__sentencepiece_is(bytes, size))
        return pt__sentencepiece_to_json(bytes, size, json);
    if (pt__tiktoken_is(bytes, size))
        return pt__tiktoken_to_json(slash != NULL ? slash + 1 : path, bytes, size, json);
    if (is_word_list(bytes, size))
        return read_words(path, bytes, size, json);
    return pt__fail(PT_ERR_FORMAT,
                    "expected a tokenizer.json, a SentencePiece model, a GGUF file, tiktoken's ranks, or "
                    "a vocab.json or vocab.txt; it begins like none of them");
}

/* A tokenizer.json as it is; another kind as one. */
static pt_status_t write_json(const char *path, const char *name, const void *bytes, int64_t size, pt__text_t *json)
{
    pt_status_t status = PT_OK;
    if (is_json(bytes, size))
        pt__text_add_bytes(json, bytes, size);
    else
        status = to_json(path, bytes, size, json);
    if (status == PT_OK)
        status = json->status;
    return status == PT_OK ? PT_OK : pt__fail_within(status, "%s", name);
}

pt_status_t pt__tokenizer_read(pt_context_t *context, const char *path, const char *name, const void *bytes,
                               int64_t size, pt_tokenizer_t **out)
{
    pt__text_t json = pt__text_start(&context->memory);
    char *text;
    int64_t length;
    if (is_json(bytes, size))
        return pt__tokenizer_read_json(context, name, bytes, size, out);
    pt_status_t status = write_json(path, name, bytes, size, &json);
    if (status != PT_OK) {
        pt__text_free(&json);
        return status;
    }
    PT__TRY(pt__text_take(&json, &text, &length));
    status = pt__tokenizer_read_json(context, name, text, length, out);
    pt__release(&context->memory, text);
    return status;
}

pt_status_t pt__tokenizer_load_json(pt__memory_t *memory, const char *path, char **json, int64_t *size)
{
    pt__mapping_t mapping = {0};
    pt__text_t text = pt__text_start(memory);
    char *file;
    pt_status_t status;
    PT__TRY(pt__tokenizer_find(memory, path, &file));
    PT__TRY_OUT(pt__file_map(memory, file, &mapping));
    PT__TRY_OUT(write_json(file, file, mapping.bytes, mapping.size, &text));
    PT__TRY_OUT(pt__text_take(&text, json, size));
out:
    pt__text_free(&text);
    pt__file_unmap(&mapping);
    pt__release(memory, file);
    return status;
}
