/* See word_counts.h. */
#include "text/word_counts.h"

#include <string.h>

enum {
    TASK_BYTES = 1 << 18, /* of text that a thread counts at a time */
    ROUND = 4,            /* tasks a thread between two looks at how large the tables have become */
    OWN_WORDS = 1 << 15,  /* in a thread's own table: it stays in the second-level cache */
    OWN_BYTES = 1 << 20
};

pt_status_t pt__word_counts_make(pt_tokenizer_t *tokenizer, pt__word_counts_t *counts)
{
    pt_context_t *context = tokenizer->context;
    const int32_t threads = pt__pool_threads(context->pool);
    memset(counts, 0, sizeof *counts);
    PT__TRY(pt__allocate(&context->memory, (size_t)threads, sizeof *counts->own, "tables of words", &counts->own));
    counts->memory = &context->memory;
    counts->tokenizer = tokenizer;
    for (int32_t i = 0; i < threads; i++)
        counts->own[i].memory = counts->memory;
    for (int32_t i = 0; i < PT__WORD_SHARES; i++)
        counts->shares[i].memory = counts->memory;
    return PT_OK;
}

void pt__word_counts_free(pt__word_counts_t *counts)
{
    if (counts->memory == NULL)
        return;
    for (int32_t i = 0; i < pt__pool_threads(counts->tokenizer->context->pool); i++)
        pt__word_table_free(&counts->own[i]);
    for (int32_t i = 0; i < PT__WORD_SHARES; i++)
        pt__word_table_free(&counts->shares[i]);
    pt__release(counts->memory, counts->own);
    memset(counts, 0, sizeof *counts);
}

static pt_status_t count_word(void *table, const uint8_t *word, int64_t length)
{
    return pt__word_table_add(table, word, length, pt__word_hash(word, length), 1);
}

static pt_status_t count_text(pt__word_counts_t *counts, int32_t worker, const char *text, int64_t length)
{
    pt__encoder_t *encoder;
    PT__TRY(pt__encoder_get(counts->tokenizer, worker, &encoder));
    return pt__encoder_words(encoder, text, length, count_word, &counts->own[worker]);
}

/* ---- From the threads' tables to the shares ---- */

typedef struct move {
    pt__word_counts_t *counts;
    int32_t threads;
    pt_status_t statuses[PT__WORD_SHARES];
} move_t;

static void move_share(void *argument, int64_t share, int32_t worker)
{
    move_t *move = argument;
    (void)worker;
    for (int32_t t = 0; t < move->threads; t++) {
        const pt__word_table_t *own = &move->counts->own[t];
        for (int64_t i = 0; i < own->n_words; i++) {
            int64_t length;
            if (pt__word_share(own->words[i].hash) != share)
                continue;
            const uint8_t *word = pt__word_table_get(own, i, &length);
            move->statuses[share] = pt__word_table_add(&move->counts->shares[share], word, length, own->words[i].hash,
                                                       own->words[i].count);
            if (move->statuses[share] != PT_OK)
                return;
        }
    }
}

pt_status_t pt__word_counts_finish(pt__word_counts_t *counts)
{
    pt__pool_t *pool = counts->tokenizer->context->pool;
    move_t move = {.counts = counts, .threads = pt__pool_threads(pool)};
    pt__pool_run(pool, PT__WORD_SHARES, move_share, &move);
    for (int32_t i = 0; i < PT__WORD_SHARES; i++)
        if (move.statuses[i] != PT_OK)
            return pt__fail(move.statuses[i], "the words of the texts could not be held");
    for (int32_t t = 0; t < move.threads; t++)
        pt__word_table_clear(&counts->own[t]);
    return PT_OK;
}

static pt_status_t move_if_large(pt__word_counts_t *counts)
{
    for (int32_t t = 0; t < pt__pool_threads(counts->tokenizer->context->pool); t++)
        if (counts->own[t].n_words > OWN_WORDS || counts->own[t].n_bytes > OWN_BYTES)
            return pt__word_counts_finish(counts);
    return PT_OK;
}

/* ---- Texts ---- */

typedef struct job {
    pt__word_counts_t *counts;
    const pt_text_t *texts; /* or */
    const char *bytes;      /* lines */
    int64_t *ends;          /* of each task's texts, or bytes; the first begins at begin */
    int64_t begin;
    pt_status_t *statuses;
    int64_t *done; /* of each task: lines or texts that were counted before it ended */
} job_t;

static int64_t length_of(const char *text, int64_t bytes)
{
    return text == NULL ? 0 : bytes < 0 ? (int64_t)strlen(text) : bytes;
}

static pt_status_t count_texts(const job_t *job, int64_t begin, int64_t end, int32_t worker, int64_t *done)
{
    for (int64_t i = begin; i < end; i++, ++*done) {
        const pt_text_t *text = &job->texts[i];
        PT__TRY(count_text(job->counts, worker, text->text, length_of(text->text, text->bytes)));
        PT__TRY(count_text(job->counts, worker, text->pair, length_of(text->pair, text->pair_bytes)));
    }
    return PT_OK;
}

static pt_status_t count_lines(const job_t *job, int64_t begin, int64_t end, int32_t worker, int64_t *done)
{
    for (; begin < end; ++*done) {
        const char *line = job->bytes + begin, *newline = memchr(line, '\n', (size_t)(end - begin));
        const int64_t length = newline == NULL ? end - begin : newline + 1 - line;
        PT__TRY(count_text(job->counts, worker, line, length));
        begin += length;
    }
    return PT_OK;
}

static pt_status_t count_task(const job_t *job, int64_t task, int32_t worker, int64_t *done)
{
    const int64_t begin = task == 0 ? job->begin : job->ends[task - 1];
    *done = 0;
    return (job->texts != NULL ? count_texts : count_lines)(job, begin, job->ends[task], worker, done);
}

static void run_task(void *argument, int64_t task, int32_t worker)
{
    const job_t *job = argument;
    job->statuses[task] = count_task(job, task, worker, &job->done[task]);
}

/* Runs tasks; *number counts texts. What failed first is done once more on this thread, for its message. */
static pt_status_t run_round(const job_t *job, int64_t tasks, const char *what, int64_t *number)
{
    pt__pool_run(job->counts->tokenizer->context->pool, tasks, run_task, (void *)(uintptr_t)job);
    for (int64_t i = 0; i < tasks; i++) {
        const int64_t before = *number;
        *number += job->done[i];
        if (job->statuses[i] == PT_OK)
            continue;
        int64_t again;
        if (count_task(job, i, 0, &again) == PT_OK)
            pt__fail(job->statuses[i], "it could not be counted at first");
        return pt__fail_within(job->statuses[i], "%s %lld", what, (long long)(before + job->done[i]));
    }
    return move_if_large(job->counts);
}

/* Where a task that begins at `at` ends. */
static int64_t end_of_task(const job_t *job, int64_t at, int64_t count)
{
    int64_t bytes = 0;
    if (job->texts == NULL) {
        if (count - at <= TASK_BYTES)
            return count;
        const char *from = job->bytes + at + TASK_BYTES;
        const char *newline = memchr(from, '\n', (size_t)(count - at - TASK_BYTES));
        return newline == NULL ? count : newline + 1 - job->bytes;
    }
    for (; at < count && bytes < TASK_BYTES; at++)
        bytes += 64 /* for what each text costs by itself */ + length_of(job->texts[at].text, job->texts[at].bytes) +
                 length_of(job->texts[at].pair, job->texts[at].pair_bytes);
    return at;
}

static pt_status_t run(job_t *job, int64_t count, const char *what, int64_t *number)
{
    pt__memory_t *memory = job->counts->memory;
    const int64_t most = (int64_t)ROUND * pt__pool_threads(job->counts->tokenizer->context->pool);
    pt_status_t status;
    PT__TRY_OUT(pt__allocate(memory, (size_t)most, sizeof *job->ends, "tasks", &job->ends));
    PT__TRY_OUT(pt__allocate(memory, (size_t)most, sizeof *job->statuses, "tasks", &job->statuses));
    PT__TRY_OUT(pt__allocate(memory, (size_t)most, sizeof *job->done, "tasks", &job->done));
    for (int64_t at = 0; at < count;) {
        int64_t tasks = 0;
        job->begin = at;
        for (; at < count && tasks < most; tasks++)
            job->ends[tasks] = at = end_of_task(job, at, count);
        PT__TRY_OUT(run_round(job, tasks, what, number));
    }
out:
    pt__release(memory, job->done);
    pt__release(memory, job->statuses);
    pt__release(memory, job->ends);
    return status;
}

pt_status_t pt__word_counts_add(pt__word_counts_t *counts, const pt_text_t *texts, int64_t count, int64_t first)
{
    job_t job = {.counts = counts, .texts = texts};
    return count == 0 ? PT_OK : run(&job, count, "text", &first);
}

pt_status_t pt__word_counts_add_lines(pt__word_counts_t *counts, const char *bytes, int64_t length, int64_t *lines)
{
    job_t job = {.counts = counts, .bytes = bytes};
    ++*lines; /* they are named from 1 on */
    pt_status_t status = run(&job, length, "line", lines);
    --*lines;
    return status;
}
