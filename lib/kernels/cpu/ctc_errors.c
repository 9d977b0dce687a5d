/* Texts of greedy decoding against the targets, a sample a task. Called through the table. */
#include "base/edit_distance.h"
#include "kernels/cpu/chunks.h"
#include "kernels/cpu/kernels_cpu.h"

enum { ERRORS, COMPARED, WORD_ERRORS, WORDS, SUBSTITUTIONS, DELETIONS, INSERTIONS, HITS, COUNTS };

typedef struct text { /* of classes; their words */
    const int32_t *values;
    int64_t count;
    pt__word_spans_t words;
} text_t;

typedef struct job {
    const pt__ctc_errors_t *errors;
    const pt__vector_reduce_t *reduce;
} job_t;

static int32_t kind_of(const pt__ctc_errors_t *e, int32_t value)
{
    return (int32_t)e->kinds[value];
}

/* Into `words`, of which the spans have room. */
static void find_words(const pt__ctc_errors_t *e, text_t *text, int32_t *begins, int32_t *lengths)
{
    int32_t is_within = 0;
    int64_t count = 0;
    for (int32_t i = 0; i < text->count; i++) {
        int32_t kind = kind_of(e, text->values[i]);
        if (kind == PT__WORD_PARTS) {
            is_within = 0;
            continue;
        }
        if (!is_within || kind == PT__WORD_BEGINS) {
            begins[count] = i;
            lengths[count++] = 0;
        }
        lengths[count - 1]++;
        is_within = 1;
    }
    text->words.values = text->values;
    text->words.begins = begins;
    text->words.lengths = lengths;
    text->words.count = count;
}

static int64_t decode(const job_t *job, int64_t first, int64_t end, int32_t *values)
{
    const pt__ctc_errors_t *e = job->errors;
    int64_t count = 0, before = -1, best = 0;
    for (int64_t row = first; row < end; row++, before = best) {
        job->reduce->max(e->classes, e->logits + row * e->classes, &best);
        if (best != before && best != e->blank && kind_of(e, (int32_t)best) != PT__WORD_NO_TEXT)
            values[count++] = (int32_t)best;
    }
    return count;
}

static int64_t keep_text(const pt__ctc_errors_t *e, int64_t first, int64_t end, int32_t *values)
{
    int64_t count = 0;
    for (int64_t i = first; i < end; i++)
        if (kind_of(e, e->targets[i]) != PT__WORD_NO_TEXT)
            values[count++] = e->targets[i];
    return count;
}

/* Without what parts words at its ends. */
static text_t strip(const pt__ctc_errors_t *e, const text_t *text)
{
    text_t stripped = *text;
    while (stripped.count > 0 && kind_of(e, stripped.values[0]) == PT__WORD_PARTS)
        stripped.values++, stripped.count--;
    while (stripped.count > 0 && kind_of(e, stripped.values[stripped.count - 1]) == PT__WORD_PARTS)
        stripped.count--;
    return stripped;
}

static void count_sample(const job_t *job, int64_t sample, int64_t counts[COUNTS])
{
    const pt__ctc_errors_t *e = job->errors;
    const int64_t first = e->offsets[sample], rows = e->offsets[sample + 1] - first;
    const int64_t first_target = e->target_offsets[sample], targets = e->target_offsets[sample + 1] - first_target;
    int32_t *guess = e->scratch + pt__ctc_errors_scratch(first, first_target);
    int32_t *truth = guess + 4 * rows;
    pt__edit_cell_t *cells = (pt__edit_cell_t *)(void *)(truth + 4 * targets); /* four int32_t each, as all here */
    text_t spoken = {.values = truth, .words = {.ids = truth + 3 * targets}};
    text_t heard = {.values = guess, .words = {.ids = guess + 3 * rows}};
    spoken.count = keep_text(e, first_target, first_target + targets, truth);
    heard.count = decode(job, first, first + rows, guess);
    find_words(e, &spoken, truth + targets, truth + 2 * targets);
    find_words(e, &heard, guess + rows, guess + 2 * rows);
    pt__words_number(&spoken.words, NULL);
    pt__words_number(&heard.words, &spoken.words);
    const pt__edits_t words = pt__edit_distance(spoken.words.count, spoken.words.ids, heard.words.count,
                                                heard.words.ids, cells);
    const text_t reference = strip(e, &spoken), hypothesis = strip(e, &heard);
    const pt__edits_t edits = pt__edit_distance(reference.count, reference.values, hypothesis.count, hypothesis.values,
                                                cells);
    counts[ERRORS] = edits.substitutions + edits.deletions + edits.insertions;
    counts[COMPARED] = reference.count;
    counts[WORD_ERRORS] = words.substitutions + words.deletions + words.insertions;
    counts[WORDS] = spoken.words.count;
    counts[SUBSTITUTIONS] = words.substitutions;
    counts[DELETIONS] = words.deletions;
    counts[INSERTIONS] = words.insertions;
    counts[HITS] = words.hits;
}

/* Whole numbers: their sums are the same in any order. */
static void count_samples(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const job_t *job = argument;
    const pt__ctc_errors_t *e = job->errors;
    int64_t *sums = (int64_t *)(void *)e->scratch;
    (void)chunk, (void)worker;
    for (int64_t sample = begin; sample < end; sample++) {
        int64_t counts[COUNTS];
        if (e->offsets[sample] == e->offsets[sample + 1] && e->target_offsets[sample] == e->target_offsets[sample + 1])
            continue;
        count_sample(job, sample, counts);
        for (int32_t i = 0; i < COUNTS; i++)
            __atomic_fetch_add(&sums[i], counts[i], __ATOMIC_RELAXED);
    }
}

void pt__cpu_ctc_errors(pt__dev device, const pt__ctc_errors_t *e)
{
    float *const out[COUNTS] = {e->errors,        e->compared,  e->word_errors, e->words,
                                e->substitutions, e->deletions, e->insertions,  e->hits};
    int64_t *sums = (int64_t *)(void *)e->scratch;
    job_t job = {.errors = e, .reduce = pt__cpu(device)->vector->reduce};
    for (int32_t i = 0; i < COUNTS; i++)
        sums[i] = 0;
    pt__chunks_run(device, e->samples, 1, count_samples, &job);
    for (int32_t i = 0; i < COUNTS; i++)
        if (out[i] != NULL)
            out[i][0] = (float)sums[i];
}
