/* What a recording becomes: a row of numbers for each step of its time. The same rows come of a whole recording and of
 * one that comes in pieces (stream.c). */
#ifndef PT__FEATURES_H
#define PT__FEATURES_H

#include "base/memory.h"

typedef struct pt__band { /* of the spectrum, with the place of its weights */
    int32_t begin, count;
    int64_t weights;
} pt__band_t;

typedef struct pt__features { /* made once, then read by any thread */
    pt__memory_t *memory;
    pt_audio_options_t options; /* its strings and handles are not looked at */
    int32_t fft, step;          /* samples */
    int32_t pad;                /* samples that stand before the first one */
    int32_t spectrum;           /* numbers of a spectrum: fft / 2 + 1 */
    int32_t bins;               /* numbers of a row */
    int32_t power, scale;       /* as they are meant where the options leave them */
    float *window;              /* [fft] */
    pt__band_t *bands;          /* [mel_bands]; NULL: the spectrum itself */
    float *weights;
    float *cosines; /* [coefficients, mel_bands]; NULL: none */
} pt__features_t;

/* What is wrong with options that a host gave. */
pt_status_t pt__features_check(const pt_audio_options_t *options);
/* PT_ERR_UNSUPPORTED in a build without KISS FFT. The options have been checked. */
pt_status_t pt__features_create(pt__memory_t *memory, const pt_audio_options_t *options, pt__features_t **out);
void pt__features_free(pt__features_t *features); /* NULL is ignored */

/* Rows that so many samples at the options' rate give; 0: they are too few. */
int64_t pt__features_rows(const pt__features_t *features, int64_t samples);
/* mel.c: the bands and their weights. */
pt_status_t pt__features_create_bands(pt__features_t *features);

/* ---- analysis.c: piece by piece ---- */

typedef struct pt__analysis pt__analysis_t; /* what one thread needs for a row */
pt_status_t pt__analysis_create(const pt__features_t *features, pt__analysis_t **out);
void pt__analysis_free(pt__analysis_t *analysis); /* NULL is ignored */
/* A row of `fft` samples. */
void pt__analysis_row(pt__analysis_t *analysis, const float *samples, float *row);
/* All rows of a recording, [rows, bins] into `rows`; samples at the options' rate are changed. */
pt_status_t pt__features_make(const pt__features_t *features, float *samples, int64_t count, float *rows);

/* ---- spectrum.c, whose loops are optimised further ---- */

/* to[i] = samples[i] * window[i] */
void pt__spectrum_window(const float *samples, const float *window, int32_t count, float *to);
/* The squares of complex numbers' sizes, or their sizes. */
void pt__spectrum_power(const float *pairs, int32_t count, int32_t power, float *to);
void pt__spectrum_bands(const pt__features_t *features, const float *spectrum, float *to);
void pt__spectrum_scale(const pt__features_t *features, float *values, int32_t count);
void pt__spectrum_cosines(const pt__features_t *features, const float *bands, float *to);
/* Changes samples, the first being behind `before`. */
void pt__spectrum_emphasise(float *samples, int64_t count, float by, float before);
/* Limits decibels to a range below the loudest. */
void pt__spectrum_limit(float *values, int64_t count, float range);
/* Mean 0 and deviation 1 of all values, or of each column. */
void pt__spectrum_normalize(float *rows, int64_t count, int32_t bins, int32_t by_bins);

#endif
