/* See training_sources.h. */
#include "text/training_sources.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/elements.h"
#include "base/file_system.h"

enum { PIECE = 1 << 22 /* bytes of a file that are read at once */ };

/* ---- A callback ---- */

typedef struct caller {
    pt_texts_fn next;
    void *user;
    int64_t position;
    pt_text_t *texts; /* of the callback's last answer, as this library's struct */
} caller_t;

static void free_caller(pt__training_t *training, void *source)
{
    caller_t *caller = source;
    pt__release(&training->context->memory, caller->texts);
    pt__release(&training->context->memory, caller);
}

static pt_status_t check_batch(const pt_text_batch_t *batch)
{
    if (batch->status != PT_OK && batch->status != PT_END)
        return pt__fail(batch->status < 0 ? batch->status : PT_ERR_CALLBACK,
                        "the callback gave no texts: status %d (%s), user_code %lld", (int)batch->status,
                        pt__status_name(batch->status), (long long)batch->user_code);
    if (batch->count < 0 || (batch->count > 0 && batch->texts == NULL))
        return pt__fail(PT_ERR_ARGUMENT, "the callback gave %lld texts at %s, expected as many as texts has",
                        (long long)batch->count, batch->texts == NULL ? "NULL" : "an address");
    if (batch->count > 0 && batch->text_size < sizeof(pt_text_t))
        return pt__fail(PT_ERR_ARGUMENT, "the callback gave text_size %u, expected sizeof(pt_text_t), %u",
                        (unsigned)batch->text_size, (unsigned)sizeof(pt_text_t));
    return PT_OK;
}

static pt_status_t check_texts(const pt_text_t *texts, int64_t count, int64_t first)
{
    for (int64_t i = 0; i < count; i++)
        if (texts[i].text == NULL || texts[i].bytes < -1 || texts[i].pair_bytes < -1)
            return pt__fail(PT_ERR_ARGUMENT, "text %lld is %s of %lld bytes (pair: %lld), expected at least 0, or -1",
                            (long long)(first + i), texts[i].text == NULL ? "NULL" : "one", (long long)texts[i].bytes,
                            (long long)texts[i].pair_bytes);
    return PT_OK;
}

static pt_status_t feed_texts(pt__training_t *training, void *source, int32_t *is_over)
{
    caller_t *caller = source;
    pt__memory_t *memory = &training->context->memory;
    pt_text_batch_t batch = {.struct_size = (uint32_t)sizeof batch,
                             .status = PT_ERR_CALLBACK,
                             .position = caller->position,
                             .text_size = (uint32_t)sizeof(pt_text_t)};
    pt__pool_rest(training->context->pool);
    caller->next(caller->user, &batch);
    pt__error_clear(); /* of what the callback called */
    PT__TRY(check_batch(&batch));
    pt__release(memory, caller->texts);
    caller->texts = NULL;
    PT__TRY(pt__elements_copy(memory, batch.texts, batch.count, batch.text_size, (uint32_t)sizeof *caller->texts,
                              "texts", &caller->texts));
    PT__TRY(check_texts(caller->texts, batch.count, caller->position));
    PT__TRY(pt__word_counts_add(&training->counts, caller->texts, batch.count, caller->position));
    caller->position += batch.count;
    *is_over = batch.status == PT_END;
    return pt__training_tell(training, caller->position, 0);
}

pt_status_t pt__train_on_texts(pt_context_t *context, const pt_tokenizer_train_options_t *options, pt_texts_fn next,
                               void *user, pt_tokenizer_t **out)
{
    caller_t *caller;
    PT__TRY(pt__allocate(&context->memory, 1, sizeof *caller, "texts", &caller));
    caller->next = next;
    caller->user = user;
    return pt__train_tokenizer(context, options, feed_texts, caller, free_caller, out);
}

/* ---- Files ---- */

typedef struct files {
    const char *const *paths;
    int32_t count, now;
    FILE *file; /* paths[now]; NULL: it is not open yet */
    char *bytes;
    int64_t n_bytes, capacity; /* read, and not counted yet */
    int64_t lines;             /* of this file */
    int64_t lines_before;      /* of those before it */
} files_t;

static void free_files(pt__training_t *training, void *source)
{
    files_t *files = source;
    if (files->file != NULL)
        fclose(files->file);
    pt__release(&training->context->memory, files->bytes);
    pt__release(&training->context->memory, files);
}

/* Reads a piece and counts the lines that are whole; at the end of the file all. */
static pt_status_t feed_piece(pt__training_t *training, files_t *files, int32_t *is_end)
{
    PT__TRY(pt__training_grow(training, &files->bytes, &files->capacity, files->n_bytes + PIECE, 1, "a line"));
    errno = 0;
    const size_t got = fread(files->bytes + files->n_bytes, 1, PIECE, files->file);
    if (ferror(files->file))
        return pt__file_fail("read", files->paths[files->now], errno);
    int64_t whole = files->n_bytes + (int64_t)got;
    *is_end = got < PIECE;
    while (!*is_end && whole > files->n_bytes && files->bytes[whole - 1] != '\n')
        whole--;
    const int32_t is_cut = !*is_end && whole == files->n_bytes; /* a line that is longer than a piece */
    files->n_bytes += (int64_t)got;
    if (is_cut)
        return PT_OK;
    PT__TRY(pt__word_counts_add_lines(&training->counts, files->bytes, whole, &files->lines));
    files->n_bytes -= whole;
    memmove(files->bytes, files->bytes + whole, (size_t)files->n_bytes);
    return PT_OK;
}

static pt_status_t open_next(files_t *files)
{
    const char *path = files->paths[files->now];
    errno = 0;
    files->file = fopen(path, "rb");
    if (files->file == NULL)
        return pt__file_fail("open", path, errno);
    files->n_bytes = 0;
    files->lines_before += files->lines;
    files->lines = 0;
    return PT_OK;
}

static pt_status_t feed_files(pt__training_t *training, void *source, int32_t *is_over)
{
    files_t *files = source;
    int32_t is_end = 0;
    if (files->file == NULL)
        PT__TRY(open_next(files));
    pt_status_t status = feed_piece(training, files, &is_end);
    if (status != PT_OK)
        return status == PT_ERR_IO ? status : pt__fail_within(status, "%s", files->paths[files->now]);
    if (is_end) {
        fclose(files->file);
        files->file = NULL;
        *is_over = ++files->now == files->count;
    }
    return pt__training_tell(training, files->lines_before + files->lines, 0);
}

pt_status_t pt__train_on_files(pt_context_t *context, const pt_tokenizer_train_options_t *options,
                               const char *const *paths, int32_t count, pt_tokenizer_t **out)
{
    files_t *files;
    PT__TRY(pt__allocate(&context->memory, 1, sizeof *files, "files", &files));
    files->paths = paths;
    files->count = count;
    return pt__train_tokenizer(context, options, feed_files, files, free_files, out);
}
