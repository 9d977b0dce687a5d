/* Rows of a recording that comes in pieces: the bits of pt__recording_make, in memory that does not grow with what has
 * gone through. */
#ifndef PT__AUDIO_STREAM_H
#define PT__AUDIO_STREAM_H

#include "audio/speech_features.h"

typedef struct pt__audio_stream pt__audio_stream_t;

/* What of the options is for whole recordings, or for datasets, is refused (PT_ERR_ARGUMENT). rate, channels: of what
 * comes. */
pt_status_t pt__audio_stream_create(pt__memory_t *memory, const pt_audio_options_t *options, double rate,
                                    int32_t channels, pt__audio_stream_t **out);
void pt__audio_stream_free(pt__audio_stream_t *stream); /* NULL is ignored */
int32_t pt__audio_stream_bins(const pt__audio_stream_t *stream);
int32_t pt__audio_stream_channels(const pt__audio_stream_t *stream);
/* [count, channels]; is_last: nothing follows. After a failure of memory the stream is at its end, and gives what it
 * had. PT_ERR_NONFINITE: nothing was taken. PT_ERR_STATE: it has ended. */
pt_status_t pt__audio_stream_push(pt__audio_stream_t *stream, const float *samples, int64_t count, int32_t is_last);
/* How many rows can be taken. */
int64_t pt__audio_stream_ready(const pt__audio_stream_t *stream);
/* Takes the next `count`, at most those that are ready. */
void pt__audio_stream_take(pt__audio_stream_t *stream, int64_t count, float *rows);

#endif
