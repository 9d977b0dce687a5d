/* tests/golden/pictures.safetensors: files of pictures and the pixels that they are. */
#ifndef PICTURES_GOLDEN_H
#define PICTURES_GOLDEN_H

#include "base/bitmap.h"
#include "support/golden_tensors.h"

static inline golden_tensors_t golden_pictures_open(void)
{
    return golden_tensors_open("tests/golden/pictures.safetensors");
}

static inline pt__picture_t golden_picture(const pt__entry_t *entry)
{
    const int32_t channels = entry->rank == 3 ? (int32_t)entry->shape[2] : 1;
    return (pt__picture_t){.pixels = (uint8_t *)(uintptr_t)entry->data,
                           .stride = entry->shape[1] * channels,
                           .width = (int32_t)entry->shape[1],
                           .height = (int32_t)entry->shape[0],
                           .channels = channels};
}

/* Pixels are the same, or differ by at most `within`. */
static inline void golden_expect(const pt__picture_t *picture, const pt__entry_t *entry, int32_t within)
{
    const pt__picture_t expected = golden_picture(entry);
    ck_assert_msg(picture->width == expected.width && picture->height == expected.height &&
                      picture->channels == expected.channels,
                  "%s: %d x %d x %d, expected %d x %d x %d", entry->name, (int)picture->width, (int)picture->height,
                  (int)picture->channels, (int)expected.width, (int)expected.height, (int)expected.channels);
    for (int32_t y = 0; y < expected.height; y++)
        for (int32_t i = 0; i < expected.width * expected.channels; i++) {
            const int found = pt__picture_row(picture, y)[i], wanted = pt__picture_row(&expected, y)[i];
            ck_assert_msg(found - wanted <= within && wanted - found <= within, "%s: row %d, byte %d: %d, expected %d",
                          entry->name, (int)y, (int)i, found, wanted);
        }
}

#endif
