/* Datasets that cut a long run of tokens into samples: the bytes of text files, token files, and what a tokenizer made
 * of texts. Nothing of it is copied before its samples are fetched.
 *
 *   run       t0 t1 t2 t3 t4 t5 t6 t7 ...          length 4, stride 4
 *   sample 0  tokens t0 t1 t2 t3, labels t1 t2 t3 t4
 *   sample 1              tokens t4 t5 t6 t7, labels t5 t6 t7 t8
 *
 * Samples all have `length` tokens and their fields a fixed shape, unless a shorter last one is kept: then the
 * fields are ragged. */
#include <string.h>

#include "base/dtype.h"
#include "base/number.h"
#include "data/sources.h"

/* From this size on, reading a mapped file is likely to wait for the disk, and a loader reads ahead on a thread of its
 * own. */
enum { LARGE_RUN = 64 << 20, AT_ONCE = 1 << 16 /* tokens */ };

typedef struct state {
    pt__token_run_t run;
    int64_t token_bytes;
    int64_t begin, end; /* tokens of the run that are used */
    int64_t length, stride;
    int32_t ragged;
} state_t;

/* Reads `count` tokens into dst; returns the bits of all of them together, to tell whether one is beyond int32. */
static uint32_t read_tokens(const uint8_t *src, int64_t token_bytes, int64_t count, int32_t *dst)
{
    uint32_t all = 0;
    for (int64_t i = 0; i < count && token_bytes == 1; i++)
        dst[i] = src[i];
    for (int64_t i = 0; i < count && token_bytes == 2; i++)
        dst[i] = (int32_t)(src[2 * i] | (uint32_t)src[2 * i + 1] << 8);
    for (int64_t i = 0; i < count && token_bytes == 4; i++) {
        uint32_t token = src[4 * i] | (uint32_t)src[4 * i + 1] << 8 | (uint32_t)src[4 * i + 2] << 16 |
                         (uint32_t)src[4 * i + 3] << 24;
        all |= token;
        dst[i] = (int32_t)(token & 0x7fffffffu);
    }
    return all;
}

static int64_t sample_length(const state_t *state, int64_t index)
{
    int64_t left = state->end - 1 - (state->begin + index * state->stride);
    return left < state->length ? left : state->length;
}

static pt_status_t fetch(pt_dataset_t *dataset, pt_batch_t *batch)
{
    const state_t *state = dataset->state;
    int32_t *tokens = batch->fields[0].data, *labels = batch->fields[1].data;
    for (int64_t sample = 0; sample < batch->capacity; sample++) {
        int64_t first = state->begin + batch->indices[sample] * state->stride;
        int64_t count = sample_length(state, batch->indices[sample]);
        const uint8_t *src = state->run.bytes + first * state->token_bytes;
        uint32_t all = read_tokens(src, state->token_bytes, count, tokens);
        all |= read_tokens(src + state->token_bytes, state->token_bytes, count, labels);
        if (all > INT32_MAX)
            return pt__fail(PT_ERR_FORMAT, "%s: sample %lld, tokens %lld to %lld: one is above 2147483647",
                            state->run.name, (long long)batch->indices[sample], (long long)first,
                            (long long)(first + count));
        tokens += count;
        labels += count;
        if (state->ragged)
            batch->fields[0].lengths[sample] = batch->fields[1].lengths[sample] = count;
    }
    batch->filled = batch->capacity;
    batch->status = PT_OK;
    return PT_OK;
}

static void lengths(const pt_dataset_t *dataset, int32_t field, const int64_t *indices, int64_t count, int64_t *out)
{
    (void)field; /* both have the same */
    for (int64_t i = 0; i < count; i++)
        out[i] = sample_length(dataset->state, indices[i]);
}

/* Looks at the part of the run that is used, once, however many samples it is in. */
static int32_t is_below(const pt_dataset_t *dataset, int64_t limit)
{
    const state_t *state = dataset->state;
    const uint8_t *src = state->run.bytes;
    const int64_t most = state->token_bytes == 1 ? UINT8_MAX : state->token_bytes == 2 ? UINT16_MAX : UINT32_MAX;
    uint32_t largest = 0;
    if (most < limit)
        return 1;
    for (int64_t i = state->begin; i < state->end && largest < limit; i += AT_ONCE) {
        int64_t end = state->end - i < AT_ONCE ? state->end : i + AT_ONCE;
        for (int64_t at = i; at < end && state->token_bytes == 1; at++)
            largest = src[at] > largest ? src[at] : largest;
        for (int64_t at = i; at < end && state->token_bytes == 2; at++) {
            uint32_t token = src[2 * at] | (uint32_t)src[2 * at + 1] << 8;
            largest = token > largest ? token : largest;
        }
        for (int64_t at = i; at < end && state->token_bytes == 4; at++) {
            uint32_t token = src[4 * at] | (uint32_t)src[4 * at + 1] << 8 | (uint32_t)src[4 * at + 2] << 16 |
                             (uint32_t)src[4 * at + 3] << 24;
            largest = token > largest ? token : largest;
        }
    }
    return largest < limit;
}

static void release_state(pt__memory_t *memory, state_t *state)
{
    state->run.release(state->run.owner);
    pt__release(memory, state);
}

static void destroy(pt_dataset_t *dataset)
{
    release_state(&dataset->context->memory, dataset->state);
}

static const pt__source_t source = {
    .name = "windows", .fetch = fetch, .destroy = destroy, .lengths = lengths, .is_below = is_below};

pt_status_t pt__windows_check(const pt_window_options_t *options)
{
    if (options->flags != 0)
        return pt__fail(PT_ERR_ARGUMENT, "pt_window_options: flags is %lu, expected 0", (unsigned long)options->flags);
    if (options->length < 1 || options->length > INT32_MAX)
        return pt__fail(PT_ERR_ARGUMENT, "pt_window_options: length is %lld, expected 1 to 2147483647",
                        (long long)options->length);
    if (options->stride < 0)
        return pt__fail(PT_ERR_ARGUMENT, "pt_window_options: stride is %lld, expected at least 0",
                        (long long)options->stride);
    if (!(options->start >= 0 && options->start < options->end && options->end <= 1))
        return pt__fail(PT_ERR_ARGUMENT, "pt_window_options: start %g and end %g, expected 0 <= start < end <= 1",
                        pt__number_shown(options->start), pt__number_shown(options->end));
    return PT_OK;
}

/* Which tokens are used, and how many samples they give. */
static pt_status_t cut(state_t *state, const pt_window_options_t *options, int64_t *samples)
{
    int64_t tokens = state->run.size / state->token_bytes;
    if (state->run.size % state->token_bytes != 0)
        return pt__fail(PT_ERR_FORMAT, "%s: %lld bytes, expected a multiple of %lld, the bytes of a token",
                        state->run.name, (long long)state->run.size, (long long)state->token_bytes);
    state->begin = (int64_t)(options->start * (double)tokens);
    state->end = options->end >= 1 ? tokens : (int64_t)(options->end * (double)tokens);
    state->length = options->length;
    state->stride = options->stride == 0 ? options->length : options->stride;
    int64_t used = state->end - state->begin - 1; /* that have a token after them */
    int64_t full = used < state->length ? 0 : (used - state->length) / state->stride + 1;
    int32_t partial = options->keep_partial != 0 && used >= 1 && (full == 0 || used - full * state->stride >= 1);
    *samples = full + partial;
    state->ragged = partial;
    if (*samples == 0)
        return pt__fail(PT_ERR_ARGUMENT, "%s: %lld tokens from %lld on, expected at least %lld for one sample",
                        state->run.name, (long long)(used + 1), (long long)state->begin,
                        (long long)(options->keep_partial != 0 ? 2 : state->length + 1));
    return PT_OK;
}

pt_status_t pt__windows_create(pt_context_t *context, const pt__token_run_t *run, const pt_window_options_t *options,
                               pt_dataset_t **out)
{
    pt__memory_t *memory = &context->memory;
    state_t *state;
    int64_t samples;
    *out = NULL;
    pt_status_t status = pt__allocate(memory, 1, sizeof *state, "dataset of windows", &state);
    if (status != PT_OK) {
        run->release(run->owner);
        return status;
    }
    state->run = *run;
    state->token_bytes = pt__dtype_size(run->dtype);
    PT__TRY_OUT(cut(state, options, &samples));
    pt_field_spec_t fields[2] = {{.name = "tokens", .dtype = PT_INT32, .rank = 1, .shape = {state->length}},
                                 {.name = "labels"}};
    if (state->ragged) {
        fields[0].shape[0] = PT_DIM_TOKENS;
        fields[0].max_length = state->length;
    }
    fields[1] = fields[0];
    fields[1].name = "labels";
    PT__TRY_OUT(pt__dataset_make(context, &source, state, fields, 2, samples,
                                 run->size >= LARGE_RUN ? PT_DATASET_THREAD_SAFE : 0, out));
out:
    if (status != PT_OK)
        release_state(memory, state);
    return status;
}
