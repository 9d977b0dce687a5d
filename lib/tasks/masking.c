/* See masking.h. */
#include "tasks/masking.h"

#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/random.h"
#include "tasks/tasks.h"

const pt__masking_t pt__masking_published = {.probability = 0.15, .masked = 0.8, .random = 0.1, .mask_token = -1};

enum { TRIES = 64 }; /* of drawing a token that is not special, before the chosen one stays */

pt_status_t pt__masking_check(const void *options)
{
    const pt__masking_t *masking = &((const pt__task_options_t *)options)->masking;
    if (masking->mask_token >= 0 || masking->masked == 0)
        return PT_OK;
    return pt__fail(PT_ERR_ARGUMENT,
                    "task masked_lm: mask_token is not given: set the task with that of the tokenizer, "
                    "or give the field \"masked_labels\"");
}

static int32_t kind_of(const pt__task_options_t *options, int32_t token)
{
    return token < options->outputs ? (int32_t)options->per_output[token] : 0;
}

/* A sample whose tokens are being hidden; of the two results one may be NULL. */
typedef struct sample {
    const pt__task_options_t *options;
    const int32_t *tokens;
    int64_t length, vocabulary;
    int32_t *labels, *shown;
    pt__random_t random;
} sample_t;

static void hide(sample_t *sample, int64_t i)
{
    const pt__masking_t *masking = &sample->options->masking;
    const double drawn = pt__random_uniform(&sample->random);
    int32_t shown = sample->tokens[i];
    if (drawn < masking->masked)
        shown = masking->mask_token;
    else if (drawn < masking->masked + masking->random)
        for (int32_t tries = 0; tries < TRIES; tries++) {
            const int32_t other = (int32_t)pt__random_below(&sample->random, sample->vocabulary);
            if (kind_of(sample->options, other) & PT_TOKEN_SPECIAL)
                continue;
            shown = other;
            break;
        }
    if (sample->labels != NULL)
        sample->labels[i] = sample->tokens[i];
    if (sample->shown != NULL)
        sample->shown[i] = shown;
}

/* Where the word that begins at i ends: by itself a token is one. */
static int64_t end_of_word(const sample_t *sample, int64_t i)
{
    const int32_t whole = sample->options->masking.whole_words;
    int64_t end = i + 1;
    while (whole && end < sample->length && kind_of(sample->options, sample->tokens[end]) == PT_TOKEN_CONTINUES)
        end++;
    return end;
}

/* One word after the other, each with the chance that leaves as many for the rest as are to be chosen: every set of so
 * many tokens is as likely as any other, where words are single tokens. */
static void hide_some(sample_t *sample)
{
    int64_t left = 0, wanted, hidden = 0;
    for (int64_t i = 0; i < sample->length; i++)
        left += (kind_of(sample->options, sample->tokens[i]) & PT_TOKEN_SPECIAL) == 0;
    if (left == 0 || sample->options->masking.probability == 0)
        return;
    wanted = (int64_t)floor(sample->options->masking.probability * (double)left + 0.5);
    wanted = wanted < 1 ? 1 : wanted;
    for (int64_t i = 0, end; i < sample->length; i = end) {
        end = i + 1;
        if (kind_of(sample->options, sample->tokens[i]) & PT_TOKEN_SPECIAL)
            continue;
        end = end_of_word(sample, i);
        const int32_t is_last = end - i == left && hidden == 0;
        if (is_last || pt__random_uniform(&sample->random) * (double)left < (double)(wanted - hidden))
            for (int64_t k = i; k < end; k++, hidden++)
                hide(sample, k);
        left -= end - i;
    }
}

static void hide_in_all(const pt__derivation_t *derivation, int32_t *labels, int32_t *shown, int64_t vocabulary)
{
    const int32_t *tokens = derivation->from;
    for (int64_t s = 0; s < derivation->samples; s++) {
        const int32_t at = derivation->offsets[s], length = derivation->offsets[s + 1] - at;
        const uint64_t content = pt__hash_bytes(0, tokens + at, (size_t)length * sizeof *tokens);
        sample_t sample = {.options = derivation->options,
                           .tokens = tokens + at,
                           .length = length,
                           .vocabulary = vocabulary,
                           .labels = labels == NULL ? NULL : labels + at,
                           .shown = shown == NULL ? NULL : shown + at,
                           .random = pt__random_start(pt__random_key(derivation->key, content))};
        hide_some(&sample);
    }
}

void pt__masking_labels(const pt__derivation_t *derivation, void *values)
{
    int32_t *labels = values;
    const int64_t rows = derivation->offsets[derivation->samples];
    for (int64_t i = 0; i < rows; i++)
        labels[i] = PT_IGNORE_INDEX;
    hide_in_all(derivation, labels, NULL, derivation->limit);
}

void pt__masking_tokens(const pt__derivation_t *derivation, void *values)
{
    memcpy(values, derivation->from, (size_t)derivation->offsets[derivation->samples] * sizeof(int32_t));
    hide_in_all(derivation, NULL, values, derivation->limit);
}

void pt__masking_places(const pt__derivation_t *derivation, void *values)
{
    const int32_t *labels = derivation->from;
    int32_t *places = values, count = 0;
    derivation->chosen[0] = 0;
    for (int64_t s = 0; s < derivation->samples; s++) {
        for (int32_t i = derivation->offsets[s]; i < derivation->offsets[s + 1]; i++)
            if (labels[i] != PT_IGNORE_INDEX)
                places[count++] = i;
        derivation->chosen[s + 1] = count;
    }
}
