/* See recording.h. */
#include "audio/recording.h"

#include <math.h>

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
                                  int64_t *rows)
{
    pt__sound_t *sound;
    part_t part;
    PT__TRY(open_part(features, clip, 1, &sound, &part));
    const int32_t rate = pt__sound_about(sound)->rate;
    pt__sound_close(sound);
    const int64_t samples = pt__resampled(part.count, rate, features->options.rate);
    *seconds = (double)part.count / rate;
    *rows = pt__features_rows(features, samples);
    return *rows > 0 ? PT_OK : too_short(features, samples);
}

/* ---- Rows ---- */

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

pt_status_t pt__recording_make(const pt__features_t *features, const pt__clip_t *clip, int64_t most, float *to,
                               int64_t *rows)
{
    float *samples;
    int64_t count;
    int32_t rate;
    pt_status_t status;
    PT__TRY(read_part(features, clip, &rate, &samples, &count));
    PT__TRY_OUT(change_rate(features, rate, &samples, &count));
    *rows = pt__features_rows(features, count);
    if (*rows == 0)
        status = too_short(features, count);
    else if (*rows > most)
        status = pt__fail(PT_ERR_FORMAT, "%lld rows, of at most %lld: the file changed", (long long)*rows,
                          (long long)most);
    else
        status = pt__features_make(features, samples, count, to);
out:
    pt__release(features->memory, samples);
    return status;
}
