/* Pictures as the report shows them: small, red, green and blue; as PNG and as text of a page. */
#ifndef PIXELS_H
#define PIXELS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "report.h"

typedef struct pixels {
    /* [height * width * 3] */
    uint8_t *bytes;
    int64_t width, height;
} pixels_t;

/* A picture at most `most` pixels wide and high, to be freed: a larger one is made smaller, each pixel the average of
 * the area that it stands for. 0, or -1 with errno set (EINVAL: it has no pixels). */
int pixels_of_picture(const report_picture_t *picture, int64_t most, pixels_t *out);
/* A filter [inputs, height, width], number `output` of them: its least weight is black, its greatest white; of three
 * inputs in their colours, of others the average. A filter of equal weights is gray. 0, or -1 with errno set (EDOM: not
 * all weights are finite). */
int pixels_of_filter(const report_filters_t *filters, int64_t output, int64_t most, pixels_t *out);
void pixels_free(pixels_t *pixels);

/* The bytes of a PNG file, to be freed. NULL with errno set; ENOTSUP: this build has no libpng. */
uint8_t *pixels_png(const pixels_t *pixels, size_t *size);
/* In base 64, with padding. */
void pixels_base64(FILE *file, const uint8_t *bytes, size_t size);

#endif
