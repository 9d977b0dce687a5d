/* Bands of the mel scale: triangles over the spectrum, as librosa's filters.mel and torchaudio's melscale_fbanks have
 * them. Slaney 1998, "Auditory Toolbox": linear up to 1000 Hz, then logarithmic; HTK: 2595 log10(1 + f / 700). */
#include <math.h>

#include "audio/speech_features.h"

static const double linear = 200.0 / 3, corner = 1000, corner_mel = 15; /* hertz a mel; where logarithms begin */

static double mel_of(int32_t scale, double hertz)
{
    if (scale == PT_AUDIO_MEL_HTK)
        return 2595 * log10(1 + hertz / 700);
    return hertz < corner ? hertz / linear : corner_mel + log(hertz / corner) * 27 / log(6.4);
}

static double hertz_of(int32_t scale, double mel)
{
    if (scale == PT_AUDIO_MEL_HTK)
        return 700 * (pow(10, mel / 2595) - 1);
    return mel < corner_mel ? mel * linear : corner * exp((mel - corner_mel) * log(6.4) / 27);
}

/* The weight of a frequency in a band between two others. */
static double triangle(double hertz, const double *edges)
{
    const double up = (hertz - edges[0]) / (edges[1] - edges[0]), down = (edges[2] - hertz) / (edges[2] - edges[1]);
    return fmax(0, fmin(up, down));
}

static void find_edges(const pt_audio_options_t *options, int32_t band, double edges[3])
{
    const double high = options->high_hertz > 0 ? options->high_hertz : options->rate / 2.0;
    const double first = mel_of(options->mel_scale, options->low_hertz), last = mel_of(options->mel_scale, high);
    for (int32_t i = 0; i < 3; i++)
        edges[i] = hertz_of(options->mel_scale, first + (last - first) * (band + i) / (options->mel_bands + 1));
}

pt_status_t pt__features_create_bands(pt__features_t *features)
{
    const pt_audio_options_t *options = &features->options;
    const int32_t has_area = options->mel_area != PT_AUDIO_AREA_DEFAULT ? options->mel_area == PT_AUDIO_AREA_SLANEY
                                                                        : options->mel_scale == PT_AUDIO_MEL_SLANEY;
    int64_t used = 0, capacity = 0;
    PT__TRY(pt__allocate(features->memory, (size_t)options->mel_bands, sizeof *features->bands, "bands of features",
                         &features->bands));
    for (int32_t i = 0; i < options->mel_bands; i++) {
        pt__band_t *band = &features->bands[i];
        double edges[3];
        find_edges(options, i, edges);
        band->weights = used;
        for (int32_t k = 0; k < features->spectrum; k++) {
            const double weight = triangle((double)k * options->rate / features->fft, edges);
            if (weight == 0)
                continue;
            if (band->count == 0)
                band->begin = k;
            PT__TRY(pt__grow(features->memory, &features->weights, &capacity, used + 1, sizeof *features->weights,
                             "weights of features"));
            features->weights[used++] = (float)(has_area ? weight * 2 / (edges[2] - edges[0]) : weight);
            band->count++;
        }
    }
    return PT_OK;
}
