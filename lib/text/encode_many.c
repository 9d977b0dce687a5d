/* Many texts at once, on the pool's threads; and the rows of a table's column. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "text/tokenizer.h"

enum { AT_ONCE = 4096 /* rows that are encoded before they are put end to end */ };

/* The first text of a thread's that failed. */
typedef struct failure {
    int64_t index;
    pt_status_t status; /* PT_OK: none has */
    char message[PT__MESSAGE_SIZE];
} failure_t;

typedef struct job {
    pt_tokenizer_t *tokenizer;
    const pt_text_t *texts;
    uint32_t flags;
    int64_t most;
    pt__encoding_t *encodings;
    failure_t *failures;                /* [threads] */
    atomic_int_least64_t first_failure; /* texts behind it are passed over: they may take long to fail too */
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
    job_t *job = argument;
    failure_t *failure = &job->failures[worker];
    int_least64_t first = atomic_load(&job->first_failure);
    if (index > first)
        return;
    const pt_status_t status = encode_one(job, index, worker, &job->encodings[index]);
    if (status == PT_OK)
        return;
    while (index < first && !atomic_compare_exchange_weak(&job->first_failure, &first, index))
        ;
    if (failure->status != PT_OK && failure->index < index)
        return;
    failure->index = index;
    failure->status = status;
    snprintf(failure->message, sizeof failure->message, "%s", pt__error_message());
}

static pt_status_t check(const job_t *job, int32_t threads, const char *what, int64_t first)
{
    const failure_t *found = NULL;
    for (int32_t i = 0; i < threads; i++)
        if (job->failures[i].status != PT_OK && (found == NULL || job->failures[i].index < found->index))
            found = &job->failures[i];
    if (found == NULL)
        return PT_OK;
    pt__fail(found->status, "%s", found->message);
    return pt__fail_within(found->status, "%s %lld", what, (long long)(first + found->index));
}

pt_status_t pt__tokenizer_encode_many(pt_tokenizer_t *tokenizer, const pt_text_t *texts, int64_t count, uint32_t flags,
                                      int64_t most, pt__encoding_t *encodings, const char *what, int64_t first)
{
    pt__memory_t *memory = &tokenizer->context->memory;
    const int32_t threads = pt__pool_threads(tokenizer->context->pool);
    job_t job = {.tokenizer = tokenizer, .texts = texts, .flags = flags, .most = most, .encodings = encodings};
    atomic_init(&job.first_failure, count);
    PT__TRY(pt__allocate(memory, (size_t)threads, sizeof *job.failures, "encoded texts", &job.failures));
    pt__pool_run(tokenizer->context->pool, count, encode_task, &job);
    pt_status_t status = check(&job, threads, what, first);
    pt__release(memory, job.failures);
    return status;
}

/* ---- Rows ---- */

typedef struct rows {
    const pt__text_rows_t *given;
    pt__token_rows_t *made;
    int64_t ids_capacity, marks_capacity;
    pt_text_t *texts;          /* [AT_ONCE] */
    pt__encoding_t *encodings; /* [AT_ONCE] */
} rows_t;

static void set_text(rows_t *rows, int64_t row, int64_t i)
{
    const pt__text_rows_t *given = rows->given;
    const int64_t begin = given->begins[row], end = given->begins[row + 1];
    const int32_t is_pair = given->middles != NULL && !given->is_answer;
    pt_text_t *text = &rows->texts[i];
    *text = (pt_text_t){.text = given->texts + begin, .bytes = end - begin};
    if (is_pair) {
        text->bytes = given->middles[row] - begin;
        text->pair = given->texts + given->middles[row];
        text->pair_bytes = end - given->middles[row];
    }
    rows->encodings[i].wants_segments = is_pair;
    rows->encodings[i].wants_spans = given->middles != NULL && given->is_answer;
}

/* An answer's tokens are those from the first one on that has a byte of it, the ones that the file puts behind the text
 * among them. */
static pt_status_t mark_answer(const rows_t *rows, int64_t row, const pt__encoding_t *encoding, int32_t *marks)
{
    const int64_t begin = rows->given->middles[row] - rows->given->begins[row];
    int32_t is_answer = 0;
    for (int64_t i = 0; i < encoding->count; i++) {
        is_answer |= encoding->spans[i].end > begin;
        marks[i] = is_answer;
    }
    return is_answer ? PT_OK
                     : pt__fail(PT_ERR_FORMAT, "row %lld: no token of the answer is within max_length, %lld tokens",
                                (long long)row, (long long)rows->given->max_length);
}

static pt_status_t mark(rows_t *rows, int64_t row, const pt__encoding_t *encoding)
{
    pt__token_rows_t *made = rows->made;
    const int64_t before = made->begins[row];
    if (rows->given->middles == NULL)
        return PT_OK;
    PT__TRY(pt__grow(encoding->memory, &made->marks, &rows->marks_capacity, before + encoding->count,
                     sizeof *made->marks, "segments of a column"));
    if (rows->given->is_answer)
        return mark_answer(rows, row, encoding, made->marks + before);
    for (int64_t i = 0; i < encoding->count; i++)
        made->marks[before + i] = encoding->segments[i];
    return PT_OK;
}

/* Rows [first, first + count). */
static pt_status_t run(pt_tokenizer_t *tokenizer, int64_t first, int64_t count, rows_t *rows)
{
    pt__token_rows_t *made = rows->made;
    for (int64_t i = 0; i < count; i++)
        set_text(rows, first + i, i);
    PT__TRY(pt__tokenizer_encode_many(tokenizer, rows->texts, count, PT__ENCODE_SOME, rows->given->max_length,
                                      rows->encodings, "row", first));
    for (int64_t i = 0; i < count; i++) {
        const pt__encoding_t *encoding = &rows->encodings[i];
        const int64_t before = made->begins[first + i];
        PT__TRY(pt__grow(&tokenizer->context->memory, &made->ids, &rows->ids_capacity, before + encoding->count,
                         sizeof *made->ids, "tokens of a column"));
        memcpy(made->ids + before, encoding->ids, (size_t)encoding->count * sizeof *made->ids);
        PT__TRY(mark(rows, first + i, encoding));
        made->begins[first + i + 1] = before + encoding->count;
    }
    return PT_OK;
}

pt_status_t pt__tokenizer_encode_rows(pt_tokenizer_t *tokenizer, const pt__text_rows_t *texts, pt__token_rows_t *tokens)
{
    pt__memory_t *memory = &tokenizer->context->memory;
    rows_t rows = {.given = texts, .made = tokens};
    const int32_t is_pair = texts->middles != NULL && !texts->is_answer;
    const int64_t added = pt__template_tokens(&tokenizer->post_processor, is_pair);
    pt_status_t status;
    tokens->ids = tokens->marks = NULL;
    if (added >= texts->max_length)
        return pt__fail(PT_ERR_ARGUMENT, "max_length is %lld, expected more than the %lld tokens around a %s",
                        (long long)texts->max_length, (long long)added, is_pair ? "pair" : "text");
    PT__TRY_OUT(pt__allocate(memory, AT_ONCE, sizeof *rows.texts, "texts", &rows.texts));
    PT__TRY_OUT(pt__allocate(memory, AT_ONCE, sizeof *rows.encodings, "encoded texts", &rows.encodings));
    tokens->begins[0] = 0;
    for (int64_t first = 0; first < texts->rows; first += AT_ONCE)
        PT__TRY_OUT(run(tokenizer, first, texts->rows - first < AT_ONCE ? texts->rows - first : AT_ONCE, &rows));
out:
    for (int64_t i = 0; rows.encodings != NULL && i < AT_ONCE; i++)
        pt__encoding_free(&rows.encodings[i]);
    pt__release(memory, rows.encodings);
    pt__release(memory, rows.texts);
    if (status != PT_OK) {
        pt__release(memory, tokens->ids);
        pt__release(memory, tokens->marks);
    }
    return status;
}
