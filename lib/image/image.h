/* Pictures' files: told by content, looked at without taking memory, and decoded to bytes of red, green and blue, or of
 * gray. The bytes may be anything: what a file claims is compared with the caller's limit and with what a file of its
 * size can hold before memory is taken. A file that ends early is broken, whatever part of it a decoder could show.
 * Nothing here prints. Any thread. */
#ifndef PT__IMAGE_H
#define PT__IMAGE_H

#include "base/memory.h"
#include "base/bitmap.h"

typedef struct pt__picture_format pt__picture_format_t;

typedef struct pt__picture_about {
    const pt__picture_format_t *format;
    int32_t width, height; /* as it is seen: turned as the orientation says */
    int32_t orientation;   /* EXIF's: 1 to 8 */
    int32_t is_bounded;    /* a pixel takes so much of the file that the file's size bounds them: */
    int64_t most_pixels;   /* the most that a file of this size can hold */
} pt__picture_about_t;

struct pt__picture_format { /* one file each; messages begin with nothing: who calls knows the file's name */
    const char *name;
    const char *library; /* that decodes it; NULL: this build has none */
    int32_t (*is)(const uint8_t *bytes, int64_t size);
    /* Fills width and height as stored, orientation, and what bounds them. */
    pt_status_t (*look)(const uint8_t *bytes, int64_t size, pt__picture_about_t *about);
    /* Into rows of picture, whose size is what the file claims divided by `denominator` and rounded up (not 1 only
     * where `scales`). */
    pt_status_t (*decode)(pt__memory_t *memory, const uint8_t *bytes, int64_t size, int32_t denominator,
                          const pt__picture_t *picture);
    int32_t scales; /* by 2, 4 and 8 while decoding */
};
extern const pt__picture_format_t pt__picture_jpeg, pt__picture_png, pt__picture_webp;

/* What the bytes are and claim. PT_ERR_UNSUPPORTED: no picture of a known kind, or of one that this build lacks the
 * library for; PT_ERR_FORMAT: broken, or more than `limit` pixels. */
pt_status_t pt__picture_look(const uint8_t *bytes, int64_t size, int64_t limit, pt__picture_about_t *about);
/* 1, 2, 4 or 8: the most by which the picture can be made smaller while it is decoded, that what comes is no smaller
 * than `scale` (at most 1) times its size. */
int32_t pt__picture_denominator(const pt__picture_about_t *about, double scale);
/* Decodes to `channels` 1 or 3, turned upright; pixels without a gap between rows, released by the caller. Transparency
 * is left out, 16 bits are cut to 8. */
pt_status_t pt__picture_decode(pt__memory_t *memory, const uint8_t *bytes, int64_t size,
                               const pt__picture_about_t *about, int32_t denominator, int32_t channels,
                               pt__picture_t *out);

/* Whether a file of this name is a picture's by its ending, and can be read by this build. */
typedef enum pt__picture_named { PT__PICTURE_NOT_NAMED, PT__PICTURE_NAMED, PT__PICTURE_NOT_BUILT } pt__picture_named_t;
pt__picture_named_t pt__picture_named(const char *name);

/* exif.c: the orientation in a block of EXIF, which begins with its byte order; 1 where it says none. */
int32_t pt__exif_orientation(const uint8_t *bytes, int64_t size);

#endif
