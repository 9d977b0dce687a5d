/* What is drawn for each recording that is learnt from. Nothing is drawn where an option asks for nothing, so that
 * the same draws follow. */
#ifndef PT__PERTURB_H
#define PT__PERTURB_H

#include "base/memory.h"
#include "base/random.h"

/* What is wrong with options that a host gave. */
pt_status_t pt__perturb_check(const pt_audio_options_t *options);
/* 1 where something of a recording's time or loudness, or of its rows, is drawn. */
int32_t pt__perturb_draws(const pt_audio_options_t *options);
/* A factor, in hundredths: few ratios of rates, and small numbers in them, are cheap. */
double pt__perturb_speed(const pt_audio_options_t *options, pt__random_t *random);
void pt__perturb_gain(const pt_audio_options_t *options, pt__random_t *random, float *samples, int64_t count);
/* Whether there is to be noise. */
int32_t pt__perturb_has_noise(const pt_audio_options_t *options, pt__random_t *random);
/* noise: [noise_count] another recording, from a drawn place on and again from its begin; NULL: white noise. */
pt_status_t pt__perturb_noise(pt__memory_t *memory, const pt_audio_options_t *options, pt__random_t *random,
                              const float *noise, int64_t noise_count, float *samples, int64_t count);
/* SpecAugment (Park 2019) but for its warping: bands of columns, then runs of rows, take the means of their columns. */
void pt__perturb_mask(const pt_audio_options_t *options, pt__random_t *random, float *rows, int64_t count,
                      int32_t bins);

#endif
