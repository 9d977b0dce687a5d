/* WebP by libwebp, whose memory is its own. */
#include <string.h>

#include "image/image.h"

#ifdef PT__WEBP
#include <webp/decode.h>
#endif

enum { CONTAINER = 12, CHUNK = 8 };

static int32_t is_webp(const uint8_t *bytes, int64_t size)
{
    return size >= CONTAINER && memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WEBP", 4) == 0;
}

#ifdef PT__WEBP
static int32_t find_orientation(const uint8_t *bytes, int64_t size)
{
    static const char exif[6] = "Exif\0";
    for (int64_t at = CONTAINER; size - at >= CHUNK;) {
        const uint8_t *chunk = bytes + at;
        int64_t length = (int64_t)((uint32_t)chunk[4] | (uint32_t)chunk[5] << 8 | (uint32_t)chunk[6] << 16 |
                                   (uint32_t)chunk[7] << 24);
        if (length > size - at - CHUNK)
            break;
        if (memcmp(chunk, "EXIF", 4) == 0) {
            const int64_t begin = length >= 6 && memcmp(chunk + CHUNK, exif, 6) == 0 ? 6 : 0;
            return pt__exif_orientation(chunk + CHUNK + begin, length - begin);
        }
        at += CHUNK + length + length % 2;
    }
    return 1;
}

static pt_status_t look(const uint8_t *bytes, int64_t size, pt__picture_about_t *about)
{
    WebPBitstreamFeatures features;
    const VP8StatusCode code = WebPGetFeatures(bytes, (size_t)size, &features);
    if (code != VP8_STATUS_OK)
        return pt__fail(PT_ERR_FORMAT,
                        code == VP8_STATUS_NOT_ENOUGH_DATA ? "the file ends early" : "the header is broken");
    if (features.has_animation)
        return pt__fail(PT_ERR_UNSUPPORTED, "the file is an animation");
    about->width = features.width;
    about->height = features.height;
    about->orientation = find_orientation(bytes, size);
    return PT_OK;
}

static pt_status_t decode(pt__memory_t *memory, const uint8_t *bytes, int64_t size, int32_t denominator,
                          const pt__picture_t *picture)
{
    const int64_t stride = 3 * (int64_t)picture->width;
    uint8_t *colors = picture->pixels;
    (void)denominator; /* 1 */
    if (picture->channels == 1)
        PT__TRY(pt__allocate_uninitialised(memory, (size_t)picture->height, (size_t)stride, "pixels of a picture",
                                           &colors));
    pt_status_t status = PT_OK;
    if (WebPDecodeRGBInto(bytes, (size_t)size, colors, (size_t)(stride * picture->height), (int)stride) == NULL)
        status = pt__fail(PT_ERR_FORMAT, "the file ends early, or its pixels are broken");
    for (int32_t y = 0; y < picture->height && status == PT_OK && picture->channels == 1; y++)
        for (int32_t x = 0; x < picture->width; x++)
            pt__picture_row(picture, y)[x] = pt__picture_gray(colors + y * stride + 3 * (int64_t)x);
    if (picture->channels == 1)
        pt__release(memory, colors);
    return status;
}

const pt__picture_format_t pt__picture_webp = {
    .name = "WebP", .library = "libwebp", .is = is_webp, .look = look, .decode = decode};
#else
const pt__picture_format_t pt__picture_webp = {.name = "WebP", .is = is_webp};
#endif
