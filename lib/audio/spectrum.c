/* Loops over spectra and over the rows that they become; see speech_features.h. */
#include <math.h>

#include "audio/speech_features.h"

void pt__spectrum_window(const float *samples, const float *window, int32_t count, float *to)
{
    for (int32_t i = 0; i < count; i++)
        to[i] = samples[i] * window[i];
}

void pt__spectrum_power(const float *pairs, int32_t count, int32_t power, float *to)
{
    for (int32_t i = 0; i < count; i++)
        to[i] = pairs[2 * i] * pairs[2 * i] + pairs[2 * i + 1] * pairs[2 * i + 1];
    for (int32_t i = 0; power == 1 && i < count; i++)
        to[i] = sqrtf(to[i]);
}

void pt__spectrum_bands(const pt__features_t *features, const float *spectrum, float *to)
{
    for (int32_t i = 0; i < features->options.mel_bands; i++) {
        const pt__band_t *band = &features->bands[i];
        const float *weights = features->weights + band->weights;
        float sum = 0;
        for (int32_t k = 0; k < band->count; k++)
            sum += weights[k] * spectrum[band->begin + k];
        to[i] = sum;
    }
}

void pt__spectrum_scale(const pt__features_t *features, float *values, int32_t count)
{
    const float least = (float)features->options.floor;
    const double decibel = 20.0 / features->power;
    switch (features->scale) {
    case PT_AUDIO_SCALE_LOG1P:
        for (int32_t i = 0; i < count; i++)
            values[i] = log1pf(values[i]);
        break;
    case PT_AUDIO_SCALE_LOG:
        for (int32_t i = 0; i < count; i++)
            values[i] = logf(values[i] > least ? values[i] : least);
        break;
    case PT_AUDIO_SCALE_DECIBEL:
        for (int32_t i = 0; i < count; i++)
            values[i] = (float)(decibel * (double)log10f(values[i] > least ? values[i] : least));
        break;
    default:
        break;
    }
}

void pt__spectrum_cosines(const pt__features_t *features, const float *bands, float *to)
{
    const int32_t count = features->options.mel_bands;
    for (int32_t i = 0; i < features->options.coefficients; i++) {
        const float *cosines = features->cosines + (int64_t)i * count;
        float sum = 0;
        for (int32_t k = 0; k < count; k++)
            sum += cosines[k] * bands[k];
        to[i] = sum;
    }
}

void pt__spectrum_emphasise(float *samples, int64_t count, float by, float before)
{
    for (int64_t i = count - 1; i > 0; i--)
        samples[i] -= by * samples[i - 1];
    if (count > 0)
        samples[0] -= by * before;
}

void pt__spectrum_limit(float *values, int64_t count, float range)
{
    float most = values[0];
    for (int64_t i = 1; i < count; i++)
        most = values[i] > most ? values[i] : most;
    for (int64_t i = 0; i < count; i++)
        values[i] = values[i] > most - range ? values[i] : most - range;
}

/* Of values a `stride` apart. */
static void normalize(float *values, int64_t count, int64_t stride)
{
    double mean = 0, squares = 0;
    for (int64_t i = 0; i < count; i++)
        mean += (double)values[i * stride];
    mean /= (double)count;
    for (int64_t i = 0; i < count; i++)
        squares += ((double)values[i * stride] - mean) * ((double)values[i * stride] - mean);
    const double deviation = sqrt(squares / (double)count), by = deviation > 1e-5 ? 1 / deviation : 1;
    for (int64_t i = 0; i < count; i++)
        values[i * stride] = (float)(((double)values[i * stride] - mean) * by);
}

void pt__spectrum_normalize(float *rows, int64_t count, int32_t bins, int32_t by_bins)
{
    if (!by_bins)
        normalize(rows, count * bins, 1);
    for (int32_t i = 0; by_bins && i < bins; i++)
        normalize(rows + i, count, bins);
}
