/* tests/golden/pictures.safetensors: files of pictures and the pixels that they are. */
#ifndef PICTURES_GOLDEN_H
#define PICTURES_GOLDEN_H

#include <stdio.h>
#include <string.h>

#include "base/bitmap.h"
#include "formats/tensors.h"
#include "support/samples.h"

typedef struct golden_pictures {
    pt_context_t *context;
    int64_t held; /* bytes, by the context itself */
    pt__file_tensors_t *file;
} golden_pictures_t;

static inline golden_pictures_t golden_pictures_open(void)
{
    golden_pictures_t golden = {.context = samples_context()};
    golden.held = pt_context_bytes(golden.context);
    ck_ok(pt__file_tensors_open(golden.context, &pt__format_safetensors,
                                suite_source("tests/golden/pictures.safetensors"), 0, &golden.file));
    return golden;
}

static inline void golden_pictures_close(golden_pictures_t *golden)
{
    pt__file_tensors_close(golden->file);
    ck_assert_int_eq(pt_context_bytes(golden->context), golden->held);
    pt_context_free(golden->context);
}

/* "KIND/NAME" */
static inline const pt__entry_t *golden_entry(const golden_pictures_t *golden, const char *kind, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", kind, name);
    const pt__entry_t *entry = pt__tensors_find(pt__file_tensors_table(golden->file), path);
    ck_assert_msg(entry != NULL, "no %s", path);
    return entry;
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
