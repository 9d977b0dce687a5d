/* A row's way: the window, the Fourier transform by KISS FFT (BSD's licence, no state outside of its handle, and small,
 * where FFTW has a planner for the whole process and the GPL), and what follows; see speech_features.h. */
#include <string.h>

#include "audio/speech_features.h"

#ifdef PT__KISSFFT
#include <kiss_fftr.h>
#endif

struct pt__analysis {
    const pt__features_t *features;
    void *transform;
    float *windowed; /* [fft] */
    float *complex;  /* [spectrum, 2] */
    float *spectrum; /* [spectrum] */
    float *bands;    /* [mel_bands] */
};

#ifdef PT__KISSFFT

static pt_status_t create_transform(pt__analysis_t *analysis)
{
    size_t bytes = 0;
    kiss_fftr_alloc(analysis->features->fft, 0, NULL, &bytes); /* tells how many */
    PT__TRY(pt__allocate(analysis->features->memory, bytes, 1, "Fourier transform", &analysis->transform));
    kiss_fftr_alloc(analysis->features->fft, 0, analysis->transform, &bytes);
    return PT_OK;
}

static void transform(pt__analysis_t *analysis)
{
    kiss_fftr(analysis->transform, analysis->windowed, (kiss_fft_cpx *)(void *)analysis->complex);
}

#else

static pt_status_t create_transform(pt__analysis_t *analysis)
{
    (void)analysis;
    return pt__fail(PT_ERR_UNSUPPORTED, "this build has no KISS FFT");
}

static void transform(pt__analysis_t *analysis)
{
    (void)analysis; /* none was made */
}

#endif

pt_status_t pt__analysis_create(const pt__features_t *features, pt__analysis_t **out)
{
    pt__memory_t *memory = features->memory;
    const size_t spectrum = (size_t)features->spectrum, bands = (size_t)features->options.mel_bands;
    pt__analysis_t *analysis;
    pt_status_t status;
    *out = NULL;
    PT__TRY(pt__allocate(memory, 1, sizeof *analysis, "spectrum", &analysis));
    analysis->features = features;
    PT__TRY_OUT(create_transform(analysis));
    PT__TRY_OUT(pt__allocate(memory, (size_t)features->fft, sizeof(float), "spectrum", &analysis->windowed));
    PT__TRY_OUT(pt__allocate(memory, spectrum, 2 * sizeof(float), "spectrum", &analysis->complex));
    PT__TRY_OUT(pt__allocate(memory, spectrum, sizeof(float), "spectrum", &analysis->spectrum));
    PT__TRY_OUT(pt__allocate(memory, bands, sizeof(float), "spectrum", &analysis->bands));
    *out = analysis;
    return PT_OK;
out:
    pt__analysis_free(analysis);
    return status;
}

void pt__analysis_free(pt__analysis_t *analysis)
{
    if (analysis == NULL)
        return;
    pt__memory_t *memory = analysis->features->memory;
    pt__release(memory, analysis->transform);
    pt__release(memory, analysis->windowed);
    pt__release(memory, analysis->complex);
    pt__release(memory, analysis->spectrum);
    pt__release(memory, analysis->bands);
    pt__release(memory, analysis);
}

/* The spectrum or the bands, scaled: what a row is, or what its cosines are summed from. */
static void make_scaled(pt__analysis_t *analysis, const float *samples, float *to)
{
    const pt__features_t *features = analysis->features;
    float *spectrum = features->bands == NULL ? to : analysis->spectrum;
    pt__spectrum_window(samples, features->window, features->fft, analysis->windowed);
    transform(analysis);
    pt__spectrum_power(analysis->complex, features->spectrum, features->power, spectrum);
    if (features->bands != NULL)
        pt__spectrum_bands(features, spectrum, to);
    pt__spectrum_scale(features, to, features->bands != NULL ? features->options.mel_bands : features->spectrum);
}

void pt__analysis_row(pt__analysis_t *analysis, const float *samples, float *row)
{
    const pt__features_t *features = analysis->features;
    make_scaled(analysis, samples, features->cosines != NULL ? analysis->bands : row);
    if (features->cosines != NULL)
        pt__spectrum_cosines(features, analysis->bands, row);
}

/* ---- A whole recording ---- */

/* With what stands before its first sample and behind its last one. */
static pt_status_t pad(const pt__features_t *features, const float *samples, int64_t count, float **out)
{
    const int64_t side = features->pad;
    float *padded;
    PT__TRY(
        pt__allocate(features->memory, (size_t)(count + 2 * side), sizeof *padded, "samples of a recording", &padded));
    memcpy(padded + side, samples, (size_t)count * sizeof *padded);
    for (int64_t i = 1; i <= side && features->options.edges == PT_AUDIO_EDGES_REFLECT; i++) {
        padded[side - i] = samples[i];
        padded[side + count - 1 + i] = samples[count - 1 - i];
    }
    *out = padded;
    return PT_OK;
}

/* Where decibels are limited below the loudest of all, cosines come after that. */
static pt_status_t make_limited(pt__analysis_t *analysis, const float *padded, int64_t count, float *rows)
{
    const pt__features_t *features = analysis->features;
    const float range = (float)features->options.range_decibels;
    const int32_t width = features->cosines != NULL ? features->options.mel_bands : features->bins;
    float *scaled = rows;
    if (features->cosines != NULL)
        PT__TRY(pt__allocate(features->memory, (size_t)count * (size_t)width, sizeof *scaled, "bands of a recording",
                             &scaled));
    for (int64_t i = 0; i < count; i++)
        make_scaled(analysis, padded + i * features->step, scaled + i * width);
    pt__spectrum_limit(scaled, count * width, range);
    if (features->cosines == NULL)
        return PT_OK;
    for (int64_t i = 0; i < count; i++)
        pt__spectrum_cosines(features, scaled + i * width, rows + i * features->bins);
    pt__release(features->memory, scaled);
    return PT_OK;
}

pt_status_t pt__features_make(const pt__features_t *features, float *samples, int64_t count, float *rows)
{
    const pt_audio_options_t *options = &features->options;
    const int64_t n = pt__features_rows(features, count);
    pt__analysis_t *analysis = NULL;
    float *padded = NULL;
    pt_status_t status;
    if (options->preemphasis > 0)
        pt__spectrum_emphasise(samples, count, (float)options->preemphasis, 0);
    PT__TRY_OUT(pt__analysis_create(features, &analysis));
    PT__TRY_OUT(features->pad > 0 ? pad(features, samples, count, &padded) : PT_OK);
    const float *from = padded != NULL ? padded : samples;
    if (options->range_decibels > 0)
        PT__TRY_OUT(make_limited(analysis, from, n, rows));
    for (int64_t i = 0; i < n && options->range_decibels == 0; i++)
        pt__analysis_row(analysis, from + i * features->step, rows + i * features->bins);
    if (options->normalization != PT_AUDIO_NORMALIZE_NONE)
        pt__spectrum_normalize(rows, n, features->bins, options->normalization == PT_AUDIO_NORMALIZE_BINS);
out:
    pt__release(features->memory, padded);
    pt__analysis_free(analysis);
    return status;
}
