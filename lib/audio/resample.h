/* From one rate of sampling to another, by libsoxr: of its 20 bits of quality, the samples come out the same however
 * the input is cut into pieces. (libsamplerate was measured at a tenth to a fiftieth of its speed.) */
#ifndef PT__RESAMPLE_H
#define PT__RESAMPLE_H

#include "base/memory.h"

typedef struct pt__resampler pt__resampler_t;

/* n samples become this many: n * to / from, rounded up. */
int64_t pt__resampled(int64_t samples, double from, double to);
/* PT_ERR_UNSUPPORTED in a build without libsoxr. */
pt_status_t pt__resampler_create(pt__memory_t *memory, double from, double to, pt__resampler_t **out);
void pt__resampler_free(pt__resampler_t *resampler); /* NULL is ignored */
/* The next `count` samples go in, is_last: the last ones; what is ready is put behind the *used samples of *out, which
 * grows. In the end there are pt__resampled of all that went in. */
pt_status_t pt__resampler_push(pt__resampler_t *resampler, const float *samples, int64_t count, int32_t is_last,
                               float **out, int64_t *used, int64_t *capacity);

#endif
