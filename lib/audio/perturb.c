/* See perturb.h. */
#include "audio/perturb.h"

#include <math.h>

#include "base/option_bounds.h"

enum { MOST_MASKS = 1000, MOST_WIDTH = 1 << 20 };

/* ---- Options ---- */

static const char struct_name[] = "pt_audio_options";

static pt_status_t check_masks(const char *name, int32_t masks, int32_t width)
{
    if (masks < 0 || masks > MOST_MASKS)
        return pt__fail(PT_ERR_ARGUMENT, "pt_audio_options.%s_masks is %ld, expected 0 to %ld", name, (long)masks,
                        (long)MOST_MASKS);
    if (width < 0 || width > MOST_WIDTH || (masks > 0 && width == 0))
        return pt__fail(PT_ERR_ARGUMENT, "pt_audio_options.%s_mask is %ld, expected %ld to %ld", name, (long)width,
                        masks > 0 ? 1L : 0L, (long)MOST_WIDTH);
    return PT_OK;
}

pt_status_t pt__perturb_check(const pt_audio_options_t *options)
{
    PT__TRY(pt__option_range(struct_name, "speed", options->speed_least, options->speed_most, 0.25, 4));
    PT__TRY(pt__option_range(struct_name, "gain", options->gain_least, options->gain_most, -200, 200));
    PT__TRY(pt__option_within(struct_name, "noise", options->noise, 0, 1));
    PT__TRY(pt__option_range(struct_name, "noise", options->noise_least, options->noise_most, -200, 200));
    if (options->noise_path != NULL && options->noise == 0)
        return pt__fail(PT_ERR_ARGUMENT, "pt_audio_options.noise_path is set, but noise, its probability, is 0");
    PT__TRY(check_masks("time", options->time_masks, options->time_mask));
    PT__TRY(check_masks("frequency", options->frequency_masks, options->frequency_mask));
    PT__TRY(pt__option_within(struct_name, "time_mask_part", options->time_mask_part, 0, 1));
#ifndef PT__SOXR
    if (options->speed_least != 1 || options->speed_most != 1)
        return pt__fail(PT_ERR_UNSUPPORTED,
                        "pt_audio_options.speed_least and _most are %g and %g, and this build has "
                        "no libsoxr, which changes speeds",
                        options->speed_least, options->speed_most);
#endif
    return PT_OK;
}

int32_t pt__perturb_draws(const pt_audio_options_t *options)
{
    return options->speed_least != 1 || options->speed_most != 1 || options->gain_least != 0 ||
           options->gain_most != 0 || options->noise > 0 || options->time_masks > 0 || options->frequency_masks > 0;
}

/* ---- Samples ---- */

static double between(pt__random_t *random, double low, double high)
{
    return low + (high - low) * pt__random_uniform(random);
}

double pt__perturb_speed(const pt_audio_options_t *options, pt__random_t *random)
{
    if (options->speed_least == options->speed_most)
        return options->speed_least;
    const double speed = rint(between(random, options->speed_least, options->speed_most) * 100) / 100;
    return fmin(fmax(speed, options->speed_least), options->speed_most);
}

void pt__perturb_gain(const pt_audio_options_t *options, pt__random_t *random, float *samples, int64_t count)
{
    double decibel = options->gain_least;
    if (options->gain_least == 0 && options->gain_most == 0)
        return;
    if (options->gain_least != options->gain_most)
        decibel = between(random, options->gain_least, options->gain_most);
    const float factor = (float)pow(10, decibel / 20);
    for (int64_t i = 0; i < count; i++)
        samples[i] *= factor;
}

int32_t pt__perturb_has_noise(const pt_audio_options_t *options, pt__random_t *random)
{
    return options->noise >= 1 || (options->noise > 0 && pt__random_uniform(random) < options->noise);
}

static double power_of(const float *samples, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += (double)samples[i] * (double)samples[i];
    return sum / (double)count;
}

pt_status_t pt__perturb_noise(pt__memory_t *memory, const pt_audio_options_t *options, pt__random_t *random,
                              const float *noise, int64_t noise_count, float *samples, int64_t count)
{
    const double decibel = between(random, options->noise_least, options->noise_most);
    const uint64_t key = pt__random_u64(random);
    int64_t at = 0;
    float *added;
    PT__TRY(pt__allocate_uninitialised(memory, (size_t)count, sizeof *added, "noise", &added));
    if (noise == NULL)
        pt__random_fill_normal(key, 0, count, 0, 1, added);
    else
        at = pt__random_below(random, noise_count);
    for (int64_t i = 0; i < count && noise != NULL; i++, at = at + 1 < noise_count ? at + 1 : 0)
        added[i] = noise[at];
    const double signal_power = power_of(samples, count), noise_power = power_of(added, count);
    if (noise_power > 0) {
        const float factor = (float)sqrt(signal_power / noise_power * pow(10, -decibel / 10));
        for (int64_t i = 0; i < count; i++)
            samples[i] += factor * added[i];
    }
    pt__release(memory, added);
    return PT_OK;
}

/* ---- Rows ---- */

typedef struct span {
    int64_t begin, end;
} span_t;

/* Of at most `most` of `whole`. */
static span_t draw_span(pt__random_t *random, int64_t most, int64_t whole)
{
    most = most < whole ? most : whole;
    const int64_t width = pt__random_below(random, most + 1), begin = pt__random_below(random, whole - width + 1);
    return (span_t){begin, begin + width};
}

static float mean_of(const float *column, int64_t count, int32_t bins)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += (double)column[i * bins];
    return (float)(sum / (double)count);
}

static void mask_columns(float *rows, int64_t count, int32_t bins, span_t columns)
{
    for (int64_t k = columns.begin; k < columns.end; k++) {
        const float mean = mean_of(rows + k, count, bins);
        for (int64_t i = 0; i < count; i++)
            rows[i * bins + k] = mean;
    }
}

static void mask_rows(float *rows, int64_t count, int32_t bins, span_t masked)
{
    for (int64_t k = 0; k < bins && masked.begin < masked.end; k++) {
        const float mean = mean_of(rows + k, count, bins);
        for (int64_t i = masked.begin; i < masked.end; i++)
            rows[i * bins + k] = mean;
    }
}

void pt__perturb_mask(const pt_audio_options_t *options, pt__random_t *random, float *rows, int64_t count, int32_t bins)
{
    const int64_t part = (int64_t)(options->time_mask_part * (double)count);
    for (int32_t i = 0; i < options->frequency_masks; i++)
        mask_columns(rows, count, bins, draw_span(random, options->frequency_mask, bins));
    for (int32_t i = 0; i < options->time_masks; i++)
        mask_rows(rows, count, bins, draw_span(random, options->time_mask < part ? options->time_mask : part, count));
}
