/* Mixtures of pictures, for a classifier to learn from. */
#ifndef PT__MIXING_H
#define PT__MIXING_H

#include "tasks/tasks.h"

/* The derived fields of a classification that mixes: pixels, the share that each class has in a sample, and whether a
 * sample counts. */
enum { PT__MIXING_FIELDS = 3 };
extern const pt__derived_t pt__mixing_derived[PT__MIXING_FIELDS];

/* Of mixup and CutMix: λ is a half all but surely then. */
enum { PT__MIXING_LARGEST_ALPHA = 1000 };

static inline int32_t pt__mixing_is_asked(const pt__task_options_t *options)
{
    return options->mixup > 0 || options->cutmix > 0;
}

/* What a micro-batch is mixed by: sample i keeps `share`, and gets the rest of sample i - 1, the first of the last. */
typedef struct pt__mixture {
    double share;
    int32_t is_cut; /* a rectangle is replaced, else all pixels are averages */
    int64_t top, left, height, width;
} pt__mixture_t;

/* Drawn by the key, for pictures of this size. */
pt__mixture_t pt__mixing_draw(const pt__task_options_t *options, uint64_t key, int64_t height, int64_t width);

#endif
