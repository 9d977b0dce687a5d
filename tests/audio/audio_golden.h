/* tests/golden/audio.safetensors: files of recordings, their samples, and rows of numbers. */
#ifndef AUDIO_GOLDEN_H
#define AUDIO_GOLDEN_H

#include "support/golden_tensors.h"

static inline golden_tensors_t golden_audio_open(void)
{
    return golden_tensors_open("tests/golden/audio.safetensors");
}

/* Values are those that are expected, within `within`. */
static inline void golden_expect(const float *values, int64_t count, const pt__entry_t *entry, double within)
{
    const float *expected = entry->data;
    ck_assert_msg(entry->bytes == count * (int64_t)sizeof *values, "%s: %lld values, expected %lld", entry->name,
                  (long long)count, (long long)entry->bytes / 4);
    for (int64_t i = 0; i < count; i++) {
        const double error = (double)values[i] - (double)expected[i];
        ck_assert_msg(error <= within && error >= -within, "%s: value %lld is %.9g, expected %.9g", entry->name,
                      (long long)i, (double)values[i], (double)expected[i]);
    }
}

/* Defaults, as the library's host begins with. */
static inline pt_audio_options_t audio_options(void)
{
    pt_audio_options_t options;
    ck_ok(pt_audio_options_init(&options, sizeof options));
    return options;
}

static inline int has_sndfile(void)
{
#ifdef PT__SNDFILE
    return 1;
#else
    return 0; /* skipped: this build has no libsndfile */
#endif
}

static inline int has_mpg123(void)
{
#ifdef PT__MPG123
    return 1;
#else
    return 0;
#endif
}

static inline int has_soxr(void)
{
#ifdef PT__SOXR
    return 1;
#else
    return 0;
#endif
}

static inline int has_kissfft(void)
{
#ifdef PT__KISSFFT
    return 1;
#else
    return 0;
#endif
}

#endif
