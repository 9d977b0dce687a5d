/* Many texts at once, on the pool's threads; and the rows of a table's column. */
#include <string.h>

#include "text/tokenizer.h"

enum { AT_ONCE = 4096 /* rows that are encoded before they are put end to end */ };

typedef struct job {
    pt_tokenizer_t *tokenizer;
    const pt_text_t *texts;
    uint32_t flags;
    int64_t most;
    pt__encoding_t *encodings;
    pt_status_t *statuses;
} job_t;

static pt_status_t encode_one(const job_t *job, int64_t index, int32_t worker, pt__encoding_t *to)
{
    const pt_text_t *text = &job->texts[index];
    const char *const texts[2] = {text->text, text->pair};
    const int64_t lengths[2] = {text->bytes < 0 ? (int64_t)strlen(text->text) : text->bytes,
                                text->pair == NULL     ? 0
                                : text->pair_bytes < 0 ? (int64_t)strlen(text->pair)
                                                       : text->pair_bytes};
    PT__TRY(pt__tokenizer_encode_whole(job->tokenizer, worker, texts, lengths, (job->flags & PT__ENCODE_PLAIN) != 0,
                                       job->most, to));
    return to->count == 0 && (job->flags & PT__ENCODE_SOME)
               ? pt__fail(PT_ERR_FORMAT, "the text has no token, expected at least one")
               : PT_OK;
}

static void encode_task(void *argument, int64_t index, int32_t worker)
{
    const job_t *job = argument;
    job->statuses[index] = encode_one(job, index, worker, &job->encodings[index]);
}

/* The first text that failed is encoded once more on this thread, for its message. */
static pt_status_t check(const job_t *job, int64_t count, const char *what, int64_t first)
{
    for (int64_t i = 0; i < count; i++) {
        const pt__encoding_t *made = &job->encodings[i];
        pt__encoding_t again = {.wants_spans = made->wants_spans,
                                .wants_segments = made->wants_segments,
                                .wants_overflow = made->wants_overflow};
        if (job->statuses[i] == PT_OK)
            continue;
        if (encode_one(job, i, 0, &again) == PT_OK)
            pt__fail(job->statuses[i], "it could not be encoded at first");
        pt__encoding_free(&again);
        return pt__fail_within(job->statuses[i], "%s %lld", what, (long long)(first + i));
    }
    return PT_OK;
}

pt_status_t pt__tokenizer_encode_many(pt_tokenizer_t *tokenizer, const pt_text_t *texts, int64_t count, uint32_t flags,
                                      int64_t most, pt__encoding_t *encodings, const char *what, int64_t first)
{
    pt__memory_t *memory = &tokenizer->context->memory;
    job_t job = {.tokenizer = tokenizer, .texts = texts, .flags = flags, .most = most, .encodings = encodings};
    PT__TRY(pt__allocate(memory, (size_t)count, sizeof *job.statuses, "encoded texts", &job.statuses));
    pt__pool_run(tokenizer->context->pool, count, encode_task, &job);
    pt_status_t status = check(&job, count, what, first);
    pt__release(memory, job.statuses);
    return status;
}

/* ---- Rows ---- */

typedef struct rows {
    int32_t *ids;
    int64_t capacity;
    int64_t *begins;
    pt_text_t *texts;          /* [AT_ONCE] */
    pt__encoding_t *encodings; /* [AT_ONCE] */
} rows_t;

/* Rows [first, first + count), `begins` those of their texts. */
static pt_status_t run(pt_tokenizer_t *tokenizer, const char *texts, const int64_t *begins, int64_t first,
                       int64_t count, int64_t max_length, rows_t *rows)
{
    for (int64_t i = 0; i < count; i++)
        rows->texts[i] = (pt_text_t){.text = texts + begins[i], .bytes = begins[i + 1] - begins[i]};
    PT__TRY(pt__tokenizer_encode_many(tokenizer, rows->texts, count, PT__ENCODE_SOME, max_length, rows->encodings,
                                      "row", first));
    for (int64_t i = 0; i < count; i++) {
        const pt__encoding_t *encoding = &rows->encodings[i];
        const int64_t before = rows->begins[first + i];
        PT__TRY(pt__grow(&tokenizer->context->memory, &rows->ids, &rows->capacity, before + encoding->count,
                         sizeof *rows->ids, "tokens of a column"));
        memcpy(rows->ids + before, encoding->ids, (size_t)encoding->count * sizeof *rows->ids);
        rows->begins[first + i + 1] = before + encoding->count;
    }
    return PT_OK;
}

pt_status_t pt__tokenizer_encode_rows(pt_tokenizer_t *tokenizer, const char *texts, const int64_t *begins, int64_t rows,
                                      int64_t max_length, int32_t **ids, int64_t *token_begins)
{
    pt__memory_t *memory = &tokenizer->context->memory;
    rows_t made = {.begins = token_begins};
    const int64_t added = pt__template_tokens(&tokenizer->post_processor, 0);
    pt_status_t status;
    *ids = NULL;
    if (added >= max_length)
        return pt__fail(PT_ERR_ARGUMENT, "max_length is %lld, expected more than the %lld tokens around a text",
                        (long long)max_length, (long long)added);
    PT__TRY_OUT(pt__allocate(memory, AT_ONCE, sizeof *made.texts, "texts", &made.texts));
    PT__TRY_OUT(pt__allocate(memory, AT_ONCE, sizeof *made.encodings, "encoded texts", &made.encodings));
    token_begins[0] = 0;
    for (int64_t first = 0; first < rows; first += AT_ONCE)
        PT__TRY_OUT(run(tokenizer, texts, begins + first, first, rows - first < AT_ONCE ? rows - first : AT_ONCE,
                        max_length, &made));
    *ids = made.ids;
out:
    for (int64_t i = 0; made.encodings != NULL && i < AT_ONCE; i++)
        pt__encoding_free(&made.encodings[i]);
    pt__release(memory, made.encodings);
    pt__release(memory, made.texts);
    if (status != PT_OK)
        pt__release(memory, made.ids);
    return status;
}
