/* Many texts at once, for a column of a table. */
#include <string.h>

#include "text/tokenizer.h"

enum { AT_ONCE = 4096 /* rows that are encoded before they are put end to end */ };

typedef struct job {
    pt_tokenizer_t *tokenizer;
    const char *texts;
    const int64_t *begins; /* of the rows of this turn */
    int64_t max_length;
    pt__encoding_t *encodings; /* [AT_ONCE] */
    pt_status_t *statuses;
} job_t;

static pt_status_t encode_row(const job_t *job, int64_t index, int32_t worker)
{
    const char *const texts[2] = {job->texts + job->begins[index], NULL};
    const int64_t lengths[2] = {job->begins[index + 1] - job->begins[index], 0};
    pt__encoding_free(&job->encodings[index]);
    return pt__tokenizer_encode_whole(job->tokenizer, worker, texts, lengths, 0, job->max_length,
                                      &job->encodings[index]);
}

static void encode_task(void *argument, int64_t index, int32_t worker)
{
    const job_t *job = argument;
    job->statuses[index] = encode_row(job, index, worker);
}

/* A row that failed is encoded once more on this thread, for its message. */
static pt_status_t check_row(const job_t *job, int64_t index, int64_t row)
{
    pt_status_t status = job->statuses[index];
    if (status != PT_OK && encode_row(job, index, 0) == PT_OK)
        pt__fail(status, "it could not be encoded at first");
    if (status == PT_OK && job->encodings[index].count == 0)
        status = pt__fail(PT_ERR_FORMAT, "the text has no token, expected at least one");
    return status == PT_OK ? PT_OK : pt__fail_within(status, "row %lld", (long long)row);
}

typedef struct rows {
    int32_t *ids;
    int64_t capacity;
    int64_t *begins;
} rows_t;

static pt_status_t run(job_t *job, int64_t first, int64_t count, rows_t *rows)
{
    pt__pool_run(job->tokenizer->context->pool, count, encode_task, job);
    for (int64_t i = 0; i < count; i++) {
        const pt__encoding_t *encoding = &job->encodings[i];
        const int64_t before = rows->begins[first + i];
        PT__TRY(check_row(job, i, first + i));
        PT__TRY(pt__grow(&job->tokenizer->context->memory, &rows->ids, &rows->capacity, before + encoding->count,
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
    job_t job = {.tokenizer = tokenizer, .texts = texts, .max_length = max_length};
    rows_t made = {.begins = token_begins};
    const int64_t added = pt__template_tokens(&tokenizer->post_processor, 0);
    pt_status_t status;
    *ids = NULL;
    if (added >= max_length)
        return pt__fail(PT_ERR_ARGUMENT, "max_length is %lld, expected more than the %lld tokens around a text",
                        (long long)max_length, (long long)added);
    PT__TRY_OUT(pt__allocate(memory, AT_ONCE, sizeof *job.encodings, "encoded texts", &job.encodings));
    PT__TRY_OUT(pt__allocate(memory, AT_ONCE, sizeof *job.statuses, "encoded texts", &job.statuses));
    token_begins[0] = 0;
    for (int64_t first = 0; first < rows; first += AT_ONCE) {
        job.begins = begins + first;
        PT__TRY_OUT(run(&job, first, rows - first < AT_ONCE ? rows - first : AT_ONCE, &made));
    }
    *ids = made.ids;
out:
    for (int64_t i = 0; job.encodings != NULL && i < AT_ONCE; i++)
        pt__encoding_free(&job.encodings[i]);
    pt__release(memory, job.statuses);
    pt__release(memory, job.encodings);
    if (status != PT_OK)
        pt__release(memory, made.ids);
    return status;
}
