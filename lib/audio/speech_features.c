/* What rows are made with: sizes, windows, cosines; see speech_features.h. */
#include "audio/speech_features.h"

#include <math.h>
#include <string.h>

#include "base/number.h"
#include "base/option_bounds.h"

enum { MOST_RATE = 384000, MOST_FFT = 1 << 16, MOST_BANDS = 4096 };

/* ---- Options ---- */

static const char struct_name[] = "pt_audio_options";

static int32_t window_samples(const pt_audio_options_t *options)
{
    return (int32_t)lrint(options->window_seconds * options->rate);
}

/* Even, and of no other primes than 2, 3 and 5: of others KISS FFT takes memory of its own while it runs. */
static int32_t is_transformed(int32_t size)
{
    if (size < 2 || size % 2 != 0)
        return 0;
    static const int32_t primes[3] = {2, 3, 5};
    for (int32_t i = 0; i < 3; i++)
        while (size % primes[i] == 0)
            size /= primes[i];
    return size == 1;
}

static int32_t fft_size(const pt_audio_options_t *options)
{
    int32_t size = options->fft_size != 0 ? options->fft_size : window_samples(options);
    while (options->fft_size == 0 && !is_transformed(size))
        size++;
    return size;
}

static pt_status_t check_frames(const pt_audio_options_t *options)
{
    PT__TRY(pt__option_whole(struct_name, "rate", options->rate, 1000, MOST_RATE));
    PT__TRY(pt__option_within(struct_name, "window_seconds", options->window_seconds, 2.0 / options->rate,
                              (double)MOST_FFT / 2 / options->rate));
    PT__TRY(pt__option_within(struct_name, "step_seconds", options->step_seconds, 1.0 / options->rate, 60));
    PT__TRY(pt__option_whole(struct_name, "window", options->window, PT_AUDIO_HANN, PT_AUDIO_RECTANGLE));
    PT__TRY(pt__option_whole(struct_name, "edges", options->edges, PT_AUDIO_EDGES_INSIDE, PT_AUDIO_EDGES_REFLECT));
    PT__TRY(pt__option_whole(struct_name, "fft_size", options->fft_size, 0, MOST_FFT));
    if (options->fft_size != 0 && (options->fft_size < window_samples(options) || !is_transformed(options->fft_size)))
        return pt__fail(PT_ERR_ARGUMENT,
                        "pt_audio_options.fft_size is %ld, expected 0 or an even number of no prime factors but 2, 3 "
                        "and 5, at least the window's %ld samples",
                        (long)options->fft_size, (long)window_samples(options));
    return pt__option_within(struct_name, "preemphasis", options->preemphasis, 0, 1);
}

static pt_status_t check_bands(const pt_audio_options_t *options)
{
    PT__TRY(pt__option_whole(struct_name, "mel_bands", options->mel_bands, 1, MOST_BANDS));
    PT__TRY(pt__option_whole(struct_name, "coefficients", options->coefficients, 1, MOST_BANDS));
    if (options->features == PT_AUDIO_MFCC && options->coefficients > options->mel_bands)
        return pt__fail(PT_ERR_ARGUMENT, "pt_audio_options.coefficients is %ld, expected at most mel_bands, %ld",
                        (long)options->coefficients, (long)options->mel_bands);
    PT__TRY(pt__option_whole(struct_name, "mel_scale", options->mel_scale, PT_AUDIO_MEL_SLANEY, PT_AUDIO_MEL_HTK));
    PT__TRY(pt__option_whole(struct_name, "mel_area", options->mel_area, PT_AUDIO_AREA_DEFAULT, PT_AUDIO_AREA_NONE));
    PT__TRY(pt__option_within(struct_name, "high_hertz", options->high_hertz, 0, options->rate / 2.0));
    const double high = options->high_hertz > 0 ? options->high_hertz : options->rate / 2.0;
    if (!(options->low_hertz >= 0 && options->low_hertz < high))
        return pt__fail(PT_ERR_ARGUMENT, "pt_audio_options.low_hertz is %g, expected at least 0 and below %g",
                        pt__number_shown(options->low_hertz), high);
    return PT_OK;
}

static pt_status_t check_scale(const pt_audio_options_t *options)
{
    PT__TRY(pt__option_whole(struct_name, "power", options->power, 0, 2));
    PT__TRY(pt__option_whole(struct_name, "scale", options->scale, PT_AUDIO_SCALE_DEFAULT, PT_AUDIO_SCALE_LINEAR));
    PT__TRY(pt__option_within(struct_name, "floor", options->floor, 1e-37, 1e30));
    PT__TRY(pt__option_within(struct_name, "range_decibels", options->range_decibels, 0, 1e6));
    const int32_t is_decibel = options->scale == PT_AUDIO_SCALE_DECIBEL ||
                               (options->scale == PT_AUDIO_SCALE_DEFAULT && options->features == PT_AUDIO_MFCC);
    if (options->range_decibels > 0 && !is_decibel)
        return pt__fail(PT_ERR_ARGUMENT,
                        "pt_audio_options.range_decibels is %g, which is for PT_AUDIO_SCALE_DECIBEL alone",
                        options->range_decibels);
    return pt__option_whole(struct_name, "normalization", options->normalization, PT_AUDIO_NORMALIZE_NONE,
                            PT_AUDIO_NORMALIZE_BINS);
}

pt_status_t pt__features_check(const pt_audio_options_t *options)
{
    PT__TRY(pt__option_whole(struct_name, "features", options->features, PT_AUDIO_SPECTROGRAM, PT_AUDIO_MFCC));
    PT__TRY(check_frames(options));
    PT__TRY(check_bands(options));
    return check_scale(options);
}

/* ---- Windows, bands and cosines ---- */

static const double pi = 3.14159265358979323846;

/* In the middle of the transformed samples, as torch.stft and librosa put it; periodic. */
static void fill_window(pt__features_t *features)
{
    const int32_t count = window_samples(&features->options), begin = (features->fft - count) / 2;
    for (int32_t i = 0; i < count; i++) {
        const double cosine = cos(2 * pi * i / count);
        features->window[begin + i] = (float)(features->options.window == PT_AUDIO_HANN      ? 0.5 - 0.5 * cosine
                                              : features->options.window == PT_AUDIO_HAMMING ? 0.54 - 0.46 * cosine
                                                                                             : 1);
    }
}

static pt_status_t create_cosines(pt__features_t *features)
{
    const int32_t rows = features->options.coefficients, count = features->options.mel_bands;
    PT__TRY(pt__allocate(features->memory, (size_t)rows * (size_t)count, sizeof *features->cosines,
                         "cosines of features", &features->cosines));
    for (int32_t k = 0; k < rows; k++)
        for (int32_t i = 0; i < count; i++)
            features->cosines[(int64_t)k * count + i] = (float)(sqrt((k == 0 ? 1.0 : 2.0) / count) *
                                                                cos(pi * k * (i + 0.5) / count));
    return PT_OK;
}

pt_status_t pt__features_create(pt__memory_t *memory, const pt_audio_options_t *options, pt__features_t **out)
{
    pt__features_t *features;
    pt_status_t status;
    *out = NULL;
#ifndef PT__KISSFFT
    return pt__fail(PT_ERR_UNSUPPORTED, "this build has no KISS FFT, which makes spectra of recordings");
#endif
    PT__TRY(pt__allocate(memory, 1, sizeof *features, "features", &features));
    features->memory = memory;
    features->options = *options;
    features->fft = fft_size(options);
    features->step = (int32_t)lrint(options->step_seconds * options->rate);
    features->pad = options->edges == PT_AUDIO_EDGES_INSIDE ? 0 : features->fft / 2;
    features->spectrum = features->fft / 2 + 1;
    const int32_t is_spectrogram = options->features == PT_AUDIO_SPECTROGRAM;
    features->power = options->power != 0 ? options->power : is_spectrogram ? 1 : 2;
    features->scale = options->scale != PT_AUDIO_SCALE_DEFAULT ? options->scale
                      : is_spectrogram                         ? PT_AUDIO_SCALE_LOG1P
                      : options->features == PT_AUDIO_MEL      ? PT_AUDIO_SCALE_LOG
                                                               : PT_AUDIO_SCALE_DECIBEL;
    features->bins = is_spectrogram                      ? features->spectrum
                     : options->features == PT_AUDIO_MEL ? options->mel_bands
                                                         : options->coefficients;
    PT__TRY_OUT(
        pt__allocate(memory, (size_t)features->fft, sizeof *features->window, "window of features", &features->window));
    fill_window(features);
    if (!is_spectrogram)
        PT__TRY_OUT(pt__features_create_bands(features));
    if (options->features == PT_AUDIO_MFCC)
        PT__TRY_OUT(create_cosines(features));
    *out = features;
    return PT_OK;
out:
    pt__features_free(features);
    return status;
}

void pt__features_free(pt__features_t *features)
{
    if (features == NULL)
        return;
    pt__release(features->memory, features->window);
    pt__release(features->memory, features->bands);
    pt__release(features->memory, features->weights);
    pt__release(features->memory, features->cosines);
    pt__release(features->memory, features);
}

/* ---- Rows ---- */

int64_t pt__features_rows(const pt__features_t *features, int64_t samples)
{
    const int32_t least = features->options.edges == PT_AUDIO_EDGES_REFLECT ? features->pad + 1 : 1;
    const int64_t padded = samples + 2 * (int64_t)features->pad;
    return samples < least || padded < features->fft ? 0 : 1 + (padded - features->fft) / features->step;
}
