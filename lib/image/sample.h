/* From a picture to a sample: the size that is wanted, and what is drawn for training. */
#ifndef PT__SAMPLE_H
#define PT__SAMPLE_H

#include "base/memory.h"
#include "base/bitmap.h"
#include "base/random.h"

/* What is wrong with options that a host gave; sizes may be 0. */
pt_status_t pt__sample_check(const pt_image_options_t *options);
/* A sample of options->height x width x channels bytes, all of them set by now. What is drawn is drawn from the key.
 * Messages of a file's name no file. */
pt_status_t pt__sample_from_file(pt__memory_t *memory, const pt_image_options_t *options, const uint8_t *bytes,
                                 int64_t size, uint64_t key, uint8_t *sample);
/* The picture has as many channels as the sample. */
pt_status_t pt__sample_from_picture(pt__memory_t *memory, const pt_image_options_t *options,
                                    const pt__picture_t *picture, uint64_t key, uint8_t *sample);

/* ---- augment.c ---- */

typedef struct pt__crop { /* which part of a picture becomes the sample */
    int32_t left, top, width, height;
} pt__crop_t;

/* The part of a picture of this size that is scaled to the sample, drawn as torchvision's RandomResizedCrop does. */
pt__crop_t pt__draw_crop(const pt_image_options_t *options, pt__random_t *random, int32_t width, int32_t height);
/* All that follows the crop, in place. */
pt_status_t pt__augment(pt__memory_t *memory, const pt_image_options_t *options, pt__random_t *random,
                        const pt__picture_t *picture);

/* ---- randaugment.c ---- */

/* One of RandAugment's changes, chosen and signed by what is drawn, of options' strength. */
enum { PT__RANDAUGMENT_CHANGES = 14 };
pt_status_t pt__randaugment(pt__memory_t *memory, int32_t strength, pt__random_t *random, const pt__picture_t *picture);
/* The change of this number, for tests: sign is 1 or -1. */
pt_status_t pt__randaugment_change(pt__memory_t *memory, int32_t change, int32_t strength, int32_t sign,
                                   const pt__picture_t *picture);

#endif
