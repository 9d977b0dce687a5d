/* See recording.h. */
#include "audio/recording.h"

#include <math.h>

#include "audio/perturb.h"
#include "audio/resample.h"
#include "audio/sound.h"
#include "base/file.h"
#include "base/number.h"

pt_status_t pt__recording_check(const pt_audio_options_t *options)
{
    const uint32_t known = PT_AUDIO_STRICT | PT_AUDIO_CUT;
    if (options->flags & ~known)
        return pt__fail(PT_ERR_ARGUMENT, "pt_audio_options.flags has 0x%lx, which means nothing here",
                        (unsigned long)(options->flags & ~known));
    if (!(options->longest_seconds >= 0 && options->longest_seconds <= 1e6))
        return pt__fail(PT_ERR_ARGUMENT, "pt_audio_options.longest_seconds is %g, expected 0 to 1e6",
                        pt__number_shown(options->longest_seconds));
    if (options->most_samples < 1 || options->most_samples > INT64_C(1) << 40)
        return pt__fail(PT_ERR_ARGUMENT, "pt_audio_options.most_samples is %lld, expected 1 to 2^40",
                        (long long)options->most_samples);
    if ((options->flags & PT_AUDIO_CUT) && options->longest_seconds == 0)
        return pt__fail(PT_ERR_ARGUMENT, "pt_audio_options: PT_AUDIO_CUT needs longest_seconds");
    PT__TRY(pt__perturb_check(options));
    return pt__features_check(options);
}

/* ---- The part that is meant ---- */

typedef struct part {
    int64_t first, count; /* samples of the file; count -1: as many as there are */
} part_t;

static pt_status_t open_file(const pt__features_t *features, const pt__clip_t *clip, pt__sound_t **out)
{
    pt__file_about_t about;
    *out = NULL;
    PT__TRY(pt__file_look(clip->path, &about));
    if (!about.is_regular) /* a pipe would wait, a device may have no end */
        return pt__fail(PT_ERR_FORMAT, "no regular file");
    if (about.size == 0)
        return pt__fail(PT_ERR_FORMAT, "the file is empty");
    return pt__sound_open(features->memory, clip->path, out);
}

/* `samples` of the whole file; -1: not known. */
static pt_status_t find_part(const pt__clip_t *clip, int64_t samples, int32_t rate, part_t *part)
{
    *part = (part_t){.count = samples};
    if (clip->offset == 0 && clip->duration == 0)
        return PT_OK;
    const double whole = (double)samples, first = rint(clip->offset * rate), wanted = rint(clip->duration * rate);
    if (!(first < whole))
        return pt__fail(PT_ERR_FORMAT, "begins at second %g, but the recording has %g seconds", clip->offset,
                        whole / rate);
    part->first = (int64_t)first;
    part->count = clip->duration > 0 && wanted < whole - first ? (int64_t)wanted : samples - part->first;
    return PT_OK;
}

static pt_status_t count_samples(const pt__features_t *features, const pt__clip_t *clip, int64_t *samples)
{
    pt__sound_t *sound;
    PT__TRY(open_file(features, clip, &sound));
    pt_status_t status = pt__sound_count(sound, features->options.most_samples, samples);
    pt__sound_close(sound);
    return status;
}

/* *sound is the caller's. counts: the part's count is to be known. */
static pt_status_t open_part(const pt__features_t *features, const pt__clip_t *clip, int32_t counts,
                             pt__sound_t **sound, part_t *part)
{
    PT__TRY(open_file(features, clip, sound));
    const pt__sound_about_t *about = pt__sound_about(*sound);
    int64_t samples = about->samples;
    pt_status_t status = PT_OK;
    if (samples < 0 && (counts || clip->offset > 0 || clip->duration > 0))
        status = count_samples(features, clip, &samples);
    else if (samples > features->options.most_samples)
        status = pt__fail(PT_ERR_FORMAT, "%lld samples are more than the limit of %lld (most_samples)",
                          (long long)samples, (long long)features->options.most_samples);
    if (status == PT_OK)
        status = find_part(clip, samples, about->rate, part);
    if (status != PT_OK) {
        pt__sound_close(*sound);
        *sound = NULL;
    }
    return status;
}

static pt_status_t too_short(const pt__features_t *features, int64_t samples)
{
    return pt__fail(PT_ERR_FORMAT, "%lld samples at %ld Hz are too few for a row of %ld", (long long)samples,
                    (long)features->options.rate, (long)features->fft);
}

pt_status_t pt__recording_measure(const pt__features_t *features, const pt__clip_t *clip, double *seconds,
                                  int64_t *rows, int64_t *most)
{
    pt__sound_t *sound;
    part_t part;
    PT__TRY(open_part(features, clip, 1, &sound, &part));
    const int32_t rate = pt__sound_about(sound)->rate;
    pt__sound_close(sound);
    const double to = features->options.rate, slowest = fmin(features->options.speed_least, 1);
    const int64_t samples = pt__resampled(part.count, rate, to);
    *seconds = (double)part.count / rate;
    *rows = pt__features_rows(features, samples);
    *most = pt__features_rows(features, pt__resampled(part.count, rate * slowest, to));
    return *rows > 0 ? PT_OK : too_short(features, samples);
}

/* ---- Samples ---- */

/* Samples at the options' rate. */
static pt_status_t change_rate(const pt__features_t *features, double from, float **samples, int64_t *count)
{
    const double to = features->options.rate;
    pt__resampler_t *resampler;
    float *changed = NULL;
    int64_t used = 0, capacity = 0;
    if (from == to)
        return PT_OK;
    PT__TRY(pt__resampler_create(features->memory, from, to, &resampler));
    pt_status_t status = pt__resampler_push(resampler, *samples, *count, 1, &changed, &used, &capacity);
    pt__resampler_free(resampler);
    if (status != PT_OK) {
        pt__release(features->memory, changed);
        return status;
    }
    pt__release(features->memory, *samples);
    *samples = changed;
    *count = used;
    return PT_OK;
}

static pt_status_t read_part(const pt__features_t *features, const pt__clip_t *clip, int32_t *rate, float **samples,
                             int64_t *count)
{
    pt__sound_t *sound;
    part_t part;
    *samples = NULL;
    PT__TRY(open_part(features, clip, 0, &sound, &part));
    *rate = pt__sound_about(sound)->rate;
    pt_status_t status = pt__sound_read(sound, part.first, part.count, features->options.most_samples, samples, count);
    pt__sound_close(sound);
    return status;
}

/* The samples of a recording at the options' rate; released by the caller in any case. */
static pt_status_t read_at_rate(const pt__features_t *features, const pt__clip_t *clip, double speed, float **samples,
                                int64_t *count)
{
    int32_t rate;
    PT__TRY(read_part(features, clip, &rate, samples, count));
    const double to = features->options.rate;
    if (pt__features_rows(features, pt__resampled(*count, rate * speed, to)) == 0)
        speed = 1; /* so short that nothing would be left */
    return change_rate(features, rate * speed, samples, count);
}

pt_status_t pt__recording_probe(const pt__features_t *features, const pt__clip_t *clip)
{
    float *samples, loudest = 0;
    int64_t count = 0;
    pt_status_t status = read_at_rate(features, clip, 1, &samples, &count);
    for (int64_t i = 0; i < count && status == PT_OK; i++)
        loudest = fmaxf(loudest, fabsf(samples[i]));
    pt__release(features->memory, samples);
    return status != PT_OK || loudest > 0 ? status : pt__fail(PT_ERR_FORMAT, "silence, expected noise");
}

static pt_status_t add_noise(const pt__features_t *features, const pt__clip_t *clip, pt__random_t *random,
                             float *samples, int64_t count)
{
    float *noise = NULL;
    int64_t noise_count = 0;
    pt_status_t status = PT_OK;
    if (!pt__perturb_has_noise(&features->options, random))
        return PT_OK;
    if (clip != NULL) {
        status = read_at_rate(features, clip, 1, &noise, &noise_count);
        if (status == PT_OK && noise_count == 0)
            status = pt__fail(PT_ERR_FORMAT, "there is no sample");
        if (status != PT_OK)
            pt__fail_within(status, "its noise, %s", clip->path);
    }
    if (status == PT_OK)
        status = pt__perturb_noise(features->memory, &features->options, random, noise, noise_count, samples, count);
    pt__release(features->memory, noise);
    return status;
}

/* ---- Rows ---- */

pt_status_t pt__recording_make(const pt__features_t *features, const pt__clip_t *clip, const pt__clip_t *noise,
                               uint64_t key, int64_t most, float *to, int64_t *rows)
{
    const pt_audio_options_t *options = &features->options;
    pt__random_t random = pt__random_start(key);
    float *samples;
    int64_t count = 0;
    pt_status_t status;
    PT__TRY_OUT(read_at_rate(features, clip, pt__perturb_speed(options, &random), &samples, &count));
    *rows = pt__features_rows(features, count);
    if (*rows == 0)
        PT__TRY_OUT(too_short(features, count));
    if (*rows > most)
        PT__TRY_OUT(
            pt__fail(PT_ERR_FORMAT, "%lld rows, of at most %lld: the file changed", (long long)*rows, (long long)most));
    pt__perturb_gain(options, &random, samples, count);
    PT__TRY_OUT(add_noise(features, noise, &random, samples, count));
    PT__TRY_OUT(pt__features_make(features, samples, count, to));
    pt__perturb_mask(options, &random, to, *rows, features->bins);
out:
    pt__release(features->memory, samples);
    return status;
}
