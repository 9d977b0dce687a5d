/* A recording or a part of one: what sources of recordings and lib/audio/ tell each other. */
#ifndef PT__CLIP_H
#define PT__CLIP_H

#include "base/status.h"

typedef struct pt__clip {
    const char *path;
    double offset, duration; /* seconds; duration 0: all that follows */
} pt__clip_t;

#endif
