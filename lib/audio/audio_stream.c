/* See audio_stream.h. Samples are kept until no row needs them: a window of them, and of recordings that are mirrored
 * at their ends half of one more; and what is ready and was not taken. */
#include "audio/audio_stream.h"

#include <math.h>
#include <string.h>

#include "audio/perturb.h"
#include "audio/recording.h"
#include "audio/resample.h"
#include "base/number.h"

enum { MOST_CHANNELS = 1024 };

struct pt__audio_stream {
    pt__memory_t *memory;
    pt__features_t *features;
    pt__analysis_t *analysis;
    pt__resampler_t *resampler; /* NULL: the rate is the options' */
    int32_t channels;
    int32_t has_ended;
    float before;     /* the sample before the next one, as it was before pre-emphasis */
    int64_t taken;    /* samples, at the options' rate, without padding */
    int32_t is_begun; /* what stands before the first sample is there */
    float *samples;   /* [used] the next row begins with the first of `next` */
    int64_t used, capacity, next;
};

/* ---- Beginning and ending ---- */

static pt_status_t check(const pt_audio_options_t *options, double rate, int32_t channels)
{
    PT__TRY(pt__recording_check(options));
    const struct {
        const char *name;
        int32_t is_set;
    } others[] = {{"flags", options->flags != 0},
                  {"normalization", options->normalization != PT_AUDIO_NORMALIZE_NONE},
                  {"range_decibels", options->range_decibels != 0},
                  {"longest_seconds", options->longest_seconds != 0},
                  {"tokenizer", options->tokenizer != NULL},
                  {"path_key", options->path_key != NULL},
                  {"text_key", options->text_key != NULL},
                  {"label_key", options->label_key != NULL},
                  {"classes", options->classes != NULL || options->n_classes != 0},
                  {"speed, gain, noise or a mask", pt__perturb_draws(options)}};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (others[i].is_set)
            return pt__fail(PT_ERR_ARGUMENT, "pt_audio_options: %s is set, which needs whole recordings",
                            others[i].name);
    if (!(rate >= 1 && rate <= 4e6))
        return pt__fail(PT_ERR_ARGUMENT, "rate is %g, expected 1 to 4e6", pt__number_shown(rate));
    if (channels < 1 || channels > MOST_CHANNELS)
        return pt__fail(PT_ERR_ARGUMENT, "channels is %ld, expected 1 to %ld", (long)channels, (long)MOST_CHANNELS);
    return PT_OK;
}

pt_status_t pt__audio_stream_create(pt__memory_t *memory, const pt_audio_options_t *options, double rate,
                                    int32_t channels, pt__audio_stream_t **out)
{
    pt__audio_stream_t *stream;
    pt_status_t status;
    *out = NULL;
    PT__TRY(check(options, rate, channels));
    PT__TRY(pt__allocate(memory, 1, sizeof *stream, "stream of a recording", &stream));
    stream->memory = memory;
    stream->channels = channels;
    PT__TRY_OUT(pt__features_create(memory, options, &stream->features));
    PT__TRY_OUT(pt__analysis_create(stream->features, &stream->analysis));
    if (rate != options->rate)
        PT__TRY_OUT(pt__resampler_create(memory, rate, options->rate, &stream->resampler));
    *out = stream;
    return PT_OK;
out:
    pt__audio_stream_free(stream);
    return status;
}

void pt__audio_stream_free(pt__audio_stream_t *stream)
{
    if (stream == NULL)
        return;
    pt__analysis_free(stream->analysis);
    pt__features_free(stream->features);
    pt__resampler_free(stream->resampler);
    pt__release(stream->memory, stream->samples);
    pt__release(stream->memory, stream);
}

int32_t pt__audio_stream_bins(const pt__audio_stream_t *stream)
{
    return stream->features->bins;
}

int32_t pt__audio_stream_channels(const pt__audio_stream_t *stream)
{
    return stream->channels;
}

/* ---- Samples ---- */

static pt_status_t mix(const pt__audio_stream_t *stream, const float *samples, int64_t count, float **out)
{
    float *mixed;
    for (int64_t i = 0; i < count * stream->channels; i++)
        if (!isfinite(samples[i]))
            return pt__fail(PT_ERR_NONFINITE, "number %lld is %g, expected a finite one", (long long)i,
                            pt__number_shown((double)samples[i]));
    PT__TRY(pt__allocate_uninitialised(stream->memory, (size_t)count, sizeof *mixed, "samples of a recording", &mixed));
    for (int64_t i = 0; i < count; i++) {
        double sum = 0;
        for (int32_t c = 0; c < stream->channels; c++)
            sum += (double)samples[i * stream->channels + c];
        mixed[i] = (float)(sum / stream->channels);
    }
    *out = mixed;
    return PT_OK;
}

static pt_status_t reserve(pt__audio_stream_t *stream, int64_t more)
{
    return pt__grow(stream->memory, &stream->samples, &stream->capacity, stream->used + more, sizeof *stream->samples,
                    "samples of a recording");
}

/* What stands before the first sample: of what is mirrored once there is enough of it. */
static pt_status_t begin(pt__audio_stream_t *stream)
{
    const int64_t pad = stream->features->pad;
    const int32_t mirrors = stream->features->options.edges == PT_AUDIO_EDGES_REFLECT;
    if (stream->is_begun || (mirrors && stream->used <= pad))
        return PT_OK;
    PT__TRY(reserve(stream, pad));
    memmove(stream->samples + pad, stream->samples, (size_t)stream->used * sizeof *stream->samples);
    memset(stream->samples, 0, (size_t)pad * sizeof *stream->samples);
    for (int64_t i = 1; i <= pad && mirrors; i++)
        stream->samples[pad - i] = stream->samples[pad + i];
    stream->used += pad;
    stream->is_begun = 1;
    return PT_OK;
}

/* What stands behind the last one. */
static pt_status_t end(pt__audio_stream_t *stream)
{
    const int64_t pad = stream->features->pad, last = stream->used - 1;
    const int32_t mirrors = stream->features->options.edges == PT_AUDIO_EDGES_REFLECT;
    if (!stream->is_begun || stream->taken == 0)
        return PT_OK; /* too short for a row */
    PT__TRY(reserve(stream, pad));
    for (int64_t i = 1; i <= pad; i++)
        stream->samples[last + i] = mirrors ? stream->samples[last - i] : 0;
    stream->used += pad;
    return PT_OK;
}

/* Puts samples of one channel behind those that are kept, at the options' rate. */
static pt_status_t append(pt__audio_stream_t *stream, const float *samples, int64_t count, int32_t is_last)
{
    const int64_t before = stream->used;
    if (stream->resampler != NULL) {
        PT__TRY(pt__resampler_push(stream->resampler, samples, count, is_last, &stream->samples, &stream->used,
                                   &stream->capacity));
    } else {
        PT__TRY(reserve(stream, count + 1)); /* a byte at least */
        memcpy(stream->samples + before, samples, (size_t)count * sizeof *samples);
        stream->used += count;
    }
    const int64_t added = stream->used - before;
    if (added == 0)
        return PT_OK;
    const float last = stream->samples[stream->used - 1], by = (float)stream->features->options.preemphasis;
    if (by > 0)
        pt__spectrum_emphasise(stream->samples + before, added, by, stream->before);
    stream->before = last;
    stream->taken += added;
    return PT_OK;
}

pt_status_t pt__audio_stream_push(pt__audio_stream_t *stream, const float *samples, int64_t count, int32_t is_last)
{
    float *mixed = NULL;
    if (stream->has_ended)
        return pt__fail(PT_ERR_STATE, "the stream has ended");
    PT__TRY(mix(stream, samples, count, &mixed));
    pt_status_t status = append(stream, mixed, count, is_last);
    if (status == PT_OK)
        status = begin(stream);
    if (status == PT_OK && is_last)
        status = end(stream);
    stream->has_ended = is_last || status != PT_OK;
    pt__release(stream->memory, mixed);
    return status;
}

/* ---- Rows ---- */

int64_t pt__audio_stream_ready(const pt__audio_stream_t *stream)
{
    const pt__features_t *features = stream->features;
    const int64_t left = stream->used - stream->next;
    if (!stream->is_begun || stream->taken == 0 || left < features->fft)
        return 0;
    return 1 + (left - features->fft) / features->step;
}

/* Lets go of what no row needs any more: but for the samples that may be mirrored, or that a row far on skips. */
static void let_go(pt__audio_stream_t *stream)
{
    const int64_t kept = stream->features->pad + 1,
                  passed = stream->next < stream->used - kept ? stream->next : stream->used - kept;
    if (passed <= 0)
        return;
    memmove(stream->samples, stream->samples + passed, (size_t)(stream->used - passed) * sizeof *stream->samples);
    stream->used -= passed;
    stream->next -= passed;
}

void pt__audio_stream_take(pt__audio_stream_t *stream, int64_t count, float *rows)
{
    const pt__features_t *features = stream->features;
    for (int64_t i = 0; i < count; i++) {
        pt__analysis_row(stream->analysis, stream->samples + stream->next, rows + i * features->bins);
        stream->next += features->step;
    }
    let_go(stream);
}
