/* Recordings' files: told by content, looked at without reading them whole, and decoded to one channel of numbers. The
 * bytes may be anything: what a header claims takes no memory, only what is decoded does. Nothing here prints. Any
 * thread, a handle on one at a time. */
#ifndef PT__SOUND_H
#define PT__SOUND_H

#include "base/memory.h"

typedef struct pt__sound_about {
    int64_t samples; /* of each channel; -1: known only when it is decoded */
    int32_t rate, channels;
} pt__sound_about_t;

typedef struct pt__sound pt__sound_t;

/* PT_ERR_UNSUPPORTED: no recording of a known kind, or this build has no library that reads it; PT_ERR_FORMAT: broken.
 * Messages name no file, but of what cannot be opened. The path is of a regular file. */
pt_status_t pt__sound_open(pt__memory_t *memory, const char *path, pt__sound_t **out);
/* The bytes stay the caller's, and are needed until the end. */
pt_status_t pt__sound_open_bytes(pt__memory_t *memory, const uint8_t *bytes, int64_t size, pt__sound_t **out);
void pt__sound_close(pt__sound_t *sound); /* NULL is ignored */
const pt__sound_about_t *pt__sound_about(const pt__sound_t *sound);

/* `count` samples from `first` on (-1: all that follow), the mean of the channels, in a block that the caller releases;
 * whole numbers become -1 to 1. A count of samples that are not there, one that is no finite number, and more than
 * `most` are PT_ERR_FORMAT. Once a handle. */
pt_status_t pt__sound_read(pt__sound_t *sound, int64_t first, int64_t count, int64_t most, float **out, int64_t *read);
/* How many there are, by decoding all of them. Once a handle. */
pt_status_t pt__sound_count(pt__sound_t *sound, int64_t most, int64_t *count);

/* Whether a file of this name is a recording by its ending, and can be read by this build. */
typedef enum pt__sound_named { PT__SOUND_NOT_NAMED, PT__SOUND_NAMED, PT__SOUND_NOT_BUILT } pt__sound_named_t;
pt__sound_named_t pt__sound_named(const char *name);

#endif
