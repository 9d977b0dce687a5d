/* From a file's bytes to an upright picture, whatever its kind; see image.h. */
#include "image/image.h"

#include <string.h>
#include <strings.h>

static const pt__picture_format_t *const formats[] = {&pt__picture_jpeg, &pt__picture_png, &pt__picture_webp};
enum { FORMATS = sizeof formats / sizeof formats[0] };

pt__picture_named_t pt__picture_named(const char *name)
{
    static const struct {
        const char *ending;
        const pt__picture_format_t *format;
    } endings[] = {{".jpg", &pt__picture_jpeg},
                   {".jpeg", &pt__picture_jpeg},
                   {".jpe", &pt__picture_jpeg},
                   {".png", &pt__picture_png},
                   {".webp", &pt__picture_webp}};
    const char *ending = strrchr(name, '.');
    for (size_t i = 0; ending != NULL && i < sizeof endings / sizeof endings[0]; i++)
        if (strcasecmp(ending, endings[i].ending) == 0)
            return endings[i].format->library != NULL ? PT__PICTURE_NAMED : PT__PICTURE_NOT_BUILT;
    return PT__PICTURE_NOT_NAMED;
}

/* ---- What it is ---- */

pt_status_t pt__picture_look(const uint8_t *bytes, int64_t size, int64_t limit, pt__picture_about_t *about)
{
    *about = (pt__picture_about_t){.orientation = 1};
    for (int32_t i = 0; i < FORMATS && about->format == NULL; i++)
        if (formats[i]->is(bytes, size))
            about->format = formats[i];
    if (about->format == NULL)
        return pt__fail(PT_ERR_UNSUPPORTED, size == 0 ? "the file is empty" : "no JPEG, PNG or WebP picture");
    if (about->format->library == NULL)
        return pt__fail(PT_ERR_UNSUPPORTED, "a %s picture, and this build has no library that decodes it",
                        about->format->name);
    pt_status_t status = about->format->look(bytes, size, about);
    if (status != PT_OK)
        return pt__fail_within(status, "%s", about->format->name);
    const long long width = about->width, height = about->height;
    if (width < 1 || height < 1)
        return pt__fail(PT_ERR_FORMAT, "%s: %lld x %lld pixels, expected at least 1 x 1", about->format->name, width,
                        height);
    if (width > limit / height)
        return pt__fail(PT_ERR_FORMAT, "%s: %lld x %lld pixels are more than the limit of %lld (most_pixels)",
                        about->format->name, width, height, (long long)limit);
    if (about->is_bounded && width * height > about->most_pixels)
        return pt__fail(PT_ERR_FORMAT, "%s: %lld x %lld pixels cannot be in %lld bytes: the file ends early, or lies",
                        about->format->name, width, height, (long long)size);
    if (about->orientation > 4) {
        const int32_t stored = about->width;
        about->width = about->height;
        about->height = stored;
    }
    return PT_OK;
}

int32_t pt__picture_denominator(const pt__picture_about_t *about, double scale)
{
    int32_t denominator = 1;
    while (about->format->scales && denominator < 8 && scale * 2 * denominator <= 1)
        denominator *= 2;
    return denominator;
}

/* ---- Turning ---- */

/* How orientations are made of a mirror in each direction of what is stored, and of columns becoming rows. */
typedef struct turn {
    int32_t flips_x, flips_y, transposes;
} turn_t;

static const turn_t turns[9] = {{0, 0, 0}, {0, 0, 0}, {1, 0, 0}, {1, 1, 0}, {0, 1, 0},
                                {0, 0, 1}, {0, 1, 1}, {1, 1, 1}, {1, 0, 1}};

static void turn_pixels(const turn_t *turn, const pt__picture_t *from, const pt__picture_t *to)
{
    const int32_t channels = from->channels;
    for (int32_t y = 0; y < to->height; y++) {
        uint8_t *out = pt__picture_row(to, y);
        for (int32_t x = 0; x < to->width; x++, out += channels) {
            const int32_t column = turn->transposes ? y : x, row = turn->transposes ? x : y;
            const uint8_t *in = pt__picture_row(from, turn->flips_y ? from->height - 1 - row : row) +
                                (int64_t)(turn->flips_x ? from->width - 1 - column : column) * channels;
            for (int32_t c = 0; c < channels; c++)
                out[c] = in[c];
        }
    }
}

static pt_status_t allocate_picture(pt__memory_t *memory, int32_t width, int32_t height, int32_t channels,
                                    pt__picture_t *out)
{
    *out = (pt__picture_t){.stride = (int64_t)width * channels, .width = width, .height = height, .channels = channels};
    return pt__allocate_uninitialised(memory, (size_t)height, (size_t)out->stride, "pixels of a picture", &out->pixels);
}

pt_status_t pt__picture_decode(pt__memory_t *memory, const uint8_t *bytes, int64_t size,
                               const pt__picture_about_t *about, int32_t denominator, int32_t channels,
                               pt__picture_t *out)
{
    const turn_t *turn = &turns[about->orientation];
    const int32_t width = (about->width + denominator - 1) / denominator,
                  height = (about->height + denominator - 1) / denominator;
    pt__picture_t stored;
    *out = (pt__picture_t){0};
    PT__TRY(allocate_picture(memory, turn->transposes ? height : width, turn->transposes ? width : height, channels,
                             &stored));
    pt_status_t status = about->format->decode(memory, bytes, size, denominator, &stored);
    if (status != PT_OK)
        pt__fail_within(status, "%s", about->format->name);
    if (about->orientation == 1) {
        *out = stored;
    } else {
        if (status == PT_OK)
            status = allocate_picture(memory, width, height, channels, out);
        if (status == PT_OK)
            turn_pixels(turn, &stored, out);
        pt__release(memory, stored.pixels);
    }
    if (status != PT_OK) {
        pt__release(memory, out->pixels);
        *out = (pt__picture_t){0};
    }
    return status;
}
