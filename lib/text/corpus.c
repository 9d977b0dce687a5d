/* See corpus.h. */
#include "text/corpus.h"

#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "base/utf8.h"

enum {
    DEEPEST = 32, /* directories in one another: a link that leads upwards ends somewhere */
    AT_ONCE = 32, /* texts that are encoded side by side */
    LONGEST_TEXT = 1 << 20
};

/* ---- Files ---- */

static pt_status_t find(pt__corpus_t *corpus, pt__hash_t *hash, const char *path, const char *except, int32_t depth);

static pt_status_t find_in(pt__corpus_t *corpus, pt__hash_t *hash, const char *path, const char *except, int32_t depth)
{
    char **names;
    int64_t count;
    pt_status_t status = PT_OK;
    if (depth == DEEPEST)
        return pt__fail(PT_ERR_FORMAT, "%s: directories %d deep, expected fewer", path, DEEPEST);
    PT__TRY(pt__directory_list(corpus->memory, path, &names, &count));
    for (int64_t i = 0; i < count && status == PT_OK; i++) {
        pt__text_t text = pt__text_start(corpus->memory);
        char *whole;
        if (names[i][0] == '.')
            continue;
        pt__text_add(&text, "%s%s%s", path, path[strlen(path) - 1] == '/' ? "" : "/", names[i]);
        status = pt__text_take(&text, &whole, NULL);
        if (status == PT_OK && (except == NULL || strcmp(whole, except) != 0))
            status = find(corpus, hash, whole, except, depth + 1);
        pt__release(corpus->memory, whole);
    }
    pt__release(corpus->memory, names);
    return status;
}

static pt_status_t find(pt__corpus_t *corpus, pt__hash_t *hash, const char *path, const char *except, int32_t depth)
{
    pt__file_about_t about;
    PT__TRY(pt__file_look(path, &about));
    if (about.is_directory)
        return find_in(corpus, hash, path, except, depth);
    if (!about.is_regular)
        return pt__fail(PT_ERR_FORMAT, "%s: neither a regular file nor a directory", path);
    if (about.size == 0)
        return PT_OK;
    const int64_t numbers[3] = {about.size, about.seconds, about.nanoseconds};
    pt__hash_add(hash, path, strlen(path) + 1);
    pt__hash_add(hash, numbers, sizeof numbers);
    PT__TRY(pt__grow(corpus->memory, &corpus->paths, &corpus->capacity, corpus->count + 1, sizeof *corpus->paths,
                     "files of a corpus"));
    PT__TRY(pt__string_copy(corpus->memory, path, &corpus->paths[corpus->count]));
    corpus->count++;
    corpus->bytes += about.size;
    return PT_OK;
}

pt_status_t pt__corpus_find(pt__memory_t *memory, const char *path, const char *except, pt__corpus_t *corpus)
{
    pt__hash_t hash = pt__hash_start(0);
    *corpus = (pt__corpus_t){.memory = memory};
    pt_status_t status = find(corpus, &hash, path, except, 0);
    if (status == PT_OK && corpus->count == 0)
        status = pt__fail(PT_ERR_NOT_FOUND, "%s: no file with a byte in it, expected text", path);
    corpus->fingerprint = pt__hash_value(&hash);
    if (status != PT_OK)
        pt__corpus_free(corpus);
    return status;
}

void pt__corpus_free(pt__corpus_t *corpus)
{
    if (corpus->memory == NULL)
        return;
    for (int64_t i = 0; i < corpus->count; i++)
        pt__release(corpus->memory, corpus->paths[i]);
    pt__release(corpus->memory, corpus->paths);
    memset(corpus, 0, sizeof *corpus);
}

/* ---- Texts ---- */

static int32_t is_blank(uint8_t byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* How many bytes the text at bytes[0] has, of `size` that are left. What patterns and normalizers do at a place depends
 * on the blanks around it, so it is cut where these are as few as may be. */
static int64_t text_length(const uint8_t *bytes, int64_t size)
{
    int64_t before_word = 0, at = LONGEST_TEXT;
    if (size <= LONGEST_TEXT)
        return size;
    for (; at > LONGEST_TEXT / 2; at--)
        if (bytes[at - 1] == '\n' && !is_blank(bytes[at - 2]) && !is_blank(bytes[at]))
            return at;
        else if (before_word == 0 && is_blank(bytes[at - 1]) && !is_blank(bytes[at]))
            before_word = at;
    for (at = LONGEST_TEXT; at > LONGEST_TEXT / 2; at--)
        if (bytes[at] == ' ' && !is_blank(bytes[at - 1]) && !is_blank(bytes[at + 1]))
            return at;
    if (before_word > 0)
        return before_word;
    at = LONGEST_TEXT;
    while ((bytes[at] & 0xC0) == 0x80)
        at--;
    return at;
}

static pt_status_t check(const char *path, const pt__mapping_t *file)
{
    const int64_t valid = pt__utf8_valid((const char *)file->bytes, file->size);
    return valid == file->size ? PT_OK
                               : pt__fail(PT_ERR_FORMAT, "%s: not UTF-8 at byte %lld (0x%02x)", path, (long long)valid,
                                          (unsigned)file->bytes[valid]);
}

/* ---- Encoding ---- */

typedef struct batch {
    pt_text_t texts[AT_ONCE];
    uint8_t ends_file[AT_ONCE];
    pt__encoding_t encodings[AT_ONCE];
    int64_t count;
    pt__mapping_t files[AT_ONCE]; /* that the texts lie in */
    int64_t n_files;
} batch_t;

static pt_status_t run(batch_t *batch, pt_tokenizer_t *tokenizer, int32_t separator, pt__token_sink_fn *sink,
                       void *user)
{
    PT__TRY(pt__tokenizer_encode_many(tokenizer, batch->texts, batch->count, PT__ENCODE_PLAIN, PT__UNCUT,
                                      batch->encodings, "text", 0));
    for (int64_t i = 0; i < batch->count; i++) {
        PT__TRY(sink(user, batch->encodings[i].ids, batch->encodings[i].count));
        if (batch->ends_file[i] && separator >= 0)
            PT__TRY(sink(user, &separator, 1));
    }
    return PT_OK;
}

/* Lets go of the texts, and of all files but the last where that goes on. */
static void clear(batch_t *batch, int32_t keeps_last)
{
    for (int64_t i = 0; i < batch->count; i++)
        pt__encoding_free(&batch->encodings[i]);
    batch->count = 0;
    for (int64_t i = 0; i < batch->n_files - keeps_last; i++)
        pt__file_unmap(&batch->files[i]);
    if (keeps_last)
        batch->files[0] = batch->files[batch->n_files - 1];
    batch->n_files = keeps_last;
}

static pt_status_t encode_file(batch_t *batch, const char *path, pt_tokenizer_t *tokenizer, int32_t separator,
                               pt__token_sink_fn *sink, void *user)
{
    PT__TRY(pt__file_map(&tokenizer->context->memory, path, &batch->files[batch->n_files]));
    const pt__mapping_t file = batch->files[batch->n_files++];
    PT__TRY(check(path, &file));
    for (int64_t at = 0; at < file.size;) {
        const int64_t length = text_length(file.bytes + at, file.size - at);
        batch->texts[batch->count] = (pt_text_t){.text = (const char *)file.bytes + at, .bytes = length};
        batch->ends_file[batch->count++] = at + length == file.size;
        at += length;
        if (batch->count < AT_ONCE)
            continue;
        PT__TRY(run(batch, tokenizer, separator, sink, user));
        clear(batch, at < file.size);
    }
    return PT_OK;
}

pt_status_t pt__corpus_encode(const pt__corpus_t *corpus, pt_tokenizer_t *tokenizer, int32_t separator,
                              pt__token_sink_fn *sink, void *user)
{
    batch_t *batch;
    pt_status_t status;
    PT__TRY(pt__allocate(corpus->memory, 1, sizeof *batch, "texts of a corpus", &batch));
    for (int64_t i = 0; i < corpus->count; i++)
        PT__TRY_OUT(encode_file(batch, corpus->paths[i], tokenizer, separator, sink, user));
    PT__TRY_OUT(run(batch, tokenizer, separator, sink, user));
out:
    clear(batch, 0);
    pt__release(corpus->memory, batch);
    return status;
}
