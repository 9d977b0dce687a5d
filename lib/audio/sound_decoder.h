/* Libraries that decode recordings, one file each, and what they read from. Messages name no file. */
#ifndef PT__SOUND_DECODER_H
#define PT__SOUND_DECODER_H

#include <stdio.h>

#include "audio/sound.h"

enum { PT__SOUND_MOST_CHANNELS = 1024, PT__SOUND_MOST_RATE = 4000000 };

typedef struct pt__sound_input { /* a file, or bytes in memory */
    FILE *file;                  /* NULL: */
    const uint8_t *bytes;
    int64_t size, at;
} pt__sound_input_t;

/* Bytes that were read, fewer at the end; -1: the file cannot be read. */
int64_t pt__sound_input_read(pt__sound_input_t *input, void *to, int64_t count);
/* The new place; -1: there is none. whence: SEEK_SET, SEEK_CUR, SEEK_END. */
int64_t pt__sound_input_seek(pt__sound_input_t *input, int64_t offset, int whence);

typedef struct pt__sound_decoder {
    const char *library; /* NULL: this build has none */
    const char *kind;    /* what it decodes */
    int32_t (*is)(pt__sound_input_t *input);
    /* The input stands at its begin. */
    pt_status_t (*open)(pt__sound_input_t *input, pt__sound_about_t *about, void **handle);
    void (*close)(void *handle);
    pt_status_t (*seek)(void *handle, int64_t sample);
    /* Numbers of all channels; *got: samples of each, 0 at the end. */
    pt_status_t (*read)(void *handle, float *to, int64_t samples, int32_t channels, int64_t *got);
} pt__sound_decoder_t;
extern const pt__sound_decoder_t pt__sound_sndfile, pt__sound_mpg123;

#endif
