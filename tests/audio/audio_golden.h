/* tests/golden/audio.safetensors: files of recordings, their samples, and rows of numbers. */
#ifndef AUDIO_GOLDEN_H
#define AUDIO_GOLDEN_H

#include <stdio.h>
#include <string.h>

#include "formats/tensors.h"
#include "support/samples.h"

typedef struct golden_audio {
    pt_context_t *context;
    int64_t held; /* bytes, by the context itself */
    pt__file_tensors_t *file;
} golden_audio_t;

static inline golden_audio_t golden_audio_open(void)
{
    golden_audio_t golden = {.context = samples_context()};
    golden.held = pt_context_bytes(golden.context);
    ck_ok(pt__file_tensors_open(golden.context, &pt__format_safetensors, suite_source("tests/golden/audio.safetensors"),
                                0, &golden.file));
    return golden;
}

static inline void golden_audio_close(golden_audio_t *golden)
{
    pt__file_tensors_close(golden->file);
    ck_assert_int_eq(pt_context_bytes(golden->context), golden->held);
    pt_context_free(golden->context);
}

/* "KIND/NAME", or KIND where the name is NULL */
static inline const pt__entry_t *golden_entry(const golden_audio_t *golden, const char *kind, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, name == NULL ? "%s" : "%s/%s", kind, name);
    const pt__entry_t *entry = pt__tensors_find(pt__file_tensors_table(golden->file), path);
    ck_assert_msg(entry != NULL, "no %s", path);
    return entry;
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
