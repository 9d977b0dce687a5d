/* Pictures cut and scaled to samples; see sample.h. A file is decoded no larger than its part of the sample needs. */
#include "image/sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/option_bounds.h"
#include "image/edit.h"
#include "image/image.h"

enum { MOST_SIDE = 1 << 16, MOST_STRENGTH = 30, MOST_CHANGES = 16 };

/* ---- Options ---- */

static const char struct_name[] = "pt_image_options";

static pt_status_t check_sizes(const pt_image_options_t *options)
{
    PT__TRY(pt__option_whole(struct_name, "height", options->height, 0, MOST_SIDE));
    PT__TRY(pt__option_whole(struct_name, "width", options->width, 0, MOST_SIDE));
    if ((options->height == 0) != (options->width == 0))
        return pt__fail(PT_ERR_ARGUMENT, "pt_image_options: height is %ld and width %ld, expected both or none",
                        (long)options->height, (long)options->width);
    if (options->channels != 0 && options->channels != 1 && options->channels != 3)
        return pt__fail(PT_ERR_ARGUMENT, "pt_image_options.channels is %ld, expected 0, 1 or 3",
                        (long)options->channels);
    PT__TRY(pt__option_whole(struct_name, "shorter_side", options->shorter_side, 0, MOST_SIDE));
    const int32_t larger = options->height > options->width ? options->height : options->width;
    if (options->shorter_side != 0 && options->shorter_side < larger)
        return pt__fail(PT_ERR_ARGUMENT, "pt_image_options.shorter_side is %ld, expected 0 or at least %ld",
                        (long)options->shorter_side, (long)larger);
    PT__TRY(pt__option_whole(struct_name, "padding", options->padding, 0, MOST_SIDE));
    return pt__option_whole(struct_name, "most_pixels", options->most_pixels, 1, INT64_MAX);
}

static pt_status_t check_draws(const pt_image_options_t *options)
{
    const struct {
        const char *name;
        double value, most;
    } numbers[] = {{"flip_horizontally", options->flip_horizontally, 1},
                   {"flip_vertically", options->flip_vertically, 1},
                   {"brightness", options->brightness, 100},
                   {"contrast", options->contrast, 100},
                   {"saturation", options->saturation, 100},
                   {"hue", options->hue, 0.5},
                   {"jitter", options->jitter, 1},
                   {"grayscale", options->grayscale, 1},
                   {"blur", options->blur, 1}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        PT__TRY(pt__option_within(struct_name, numbers[i].name, numbers[i].value, 0, numbers[i].most));
    PT__TRY(pt__option_range(struct_name, "scale", options->scale_least, options->scale_most, 1e-6, 1));
    PT__TRY(pt__option_range(struct_name, "ratio", options->ratio_least, options->ratio_most, 1e-3, 1e3));
    PT__TRY(pt__option_range(struct_name, "blur", options->blur_least, options->blur_most, 1e-3, 1e3));
    PT__TRY(pt__option_whole(struct_name, "randaugment", options->randaugment, 0, MOST_CHANGES));
    PT__TRY(pt__option_whole(struct_name, "randaugment_strength", options->randaugment_strength, 0, MOST_STRENGTH));
    if (options->blur_size != 0 && options->blur_size % 2 == 0)
        return pt__fail(PT_ERR_ARGUMENT, "pt_image_options.blur_size is %ld, expected an odd number",
                        (long)options->blur_size);
    return pt__option_whole(struct_name, "blur_size", options->blur_size, 0, 1001);
}

pt_status_t pt__sample_check(const pt_image_options_t *options)
{
    if (options->flags & ~(uint32_t)PT_IMAGE_STRICT)
        return pt__fail(PT_ERR_ARGUMENT, "pt_image_options.flags has 0x%lx, which means nothing here",
                        (unsigned long)(options->flags & ~(uint32_t)PT_IMAGE_STRICT));
    PT__TRY(pt__option_whole(struct_name, "crop", options->crop, PT_IMAGE_CROP_CENTER, PT_IMAGE_CROP_PADDED));
    PT__TRY(pt__option_whole(struct_name, "filter", options->filter, PT_IMAGE_BILINEAR, PT_IMAGE_BICUBIC));
    PT__TRY(check_sizes(options));
    return check_draws(options);
}

/* ---- What is scaled to what ---- */

typedef struct fitting {
    pt__crop_t crop;             /* of the picture, as it is */
    int32_t to_width, to_height; /* becomes this, of which the sample is cut out at: */
    int32_t left, top;
} fitting_t;

/* Half of it, to the even one of two that are as near. */
static int32_t half(int32_t size)
{
    const int32_t down = size / 2;
    return size % 2 != 0 && down % 2 != 0 ? down + 1 : down;
}

static int32_t in_proportion(int32_t shorter, int32_t of, int32_t by)
{
    const int64_t longer = (int64_t)shorter * of / by;
    return longer > INT32_MAX / 2 ? INT32_MAX / 2 : (int32_t)longer;
}

static fitting_t fit(const pt_image_options_t *options, pt__random_t *random, int32_t width, int32_t height)
{
    fitting_t fitting = {{0, 0, width, height}, options->width, options->height, 0, 0};
    if (options->crop == PT_IMAGE_CROP_RANDOM_RESIZED)
        fitting.crop = pt__draw_crop(options, random, width, height);
    if (options->crop == PT_IMAGE_CROP_RANDOM_RESIZED || options->crop == PT_IMAGE_CROP_STRETCH)
        return fitting;
    int32_t shorter = options->shorter_side;
    if (shorter == 0)
        shorter = options->width > options->height ? options->width : options->height;
    fitting.to_width = width <= height ? shorter : in_proportion(shorter, width, height);
    fitting.to_height = width <= height ? in_proportion(shorter, height, width) : shorter;
    fitting.left = half(fitting.to_width - options->width);
    fitting.top = half(fitting.to_height - options->height);
    return fitting;
}

/* The picture may be smaller than what was fitted, as files are decoded. */
static pt_status_t scale(pt__memory_t *memory, const pt_image_options_t *options, const fitting_t *fitting,
                         int32_t width, int32_t height, const pt__picture_t *picture, const pt__picture_t *sample)
{
    const double by_x = (double)picture->width / width, by_y = (double)picture->height / height;
    const double left = fitting->crop.left * by_x, top = fitting->crop.top * by_y,
                 right = left + fitting->crop.width * by_x, bottom = top + fitting->crop.height * by_y;
    const int32_t begin_x = (int32_t)left, begin_y = (int32_t)top;
    int32_t end_x = (int32_t)ceil(right), end_y = (int32_t)ceil(bottom);
    end_x = end_x > picture->width ? picture->width : end_x;
    end_y = end_y > picture->height ? picture->height : end_y;
    const pt__picture_t part = pt__picture_part(picture, begin_x, begin_y, end_x - begin_x, end_y - begin_y);
    const pt__scaling_t scaling = {.left = left - begin_x,
                                   .top = top - begin_y,
                                   .width = right - left,
                                   .height = bottom - top,
                                   .to_width = fitting->to_width,
                                   .to_height = fitting->to_height,
                                   .from_left = fitting->left,
                                   .from_top = fitting->top,
                                   .filter = options->filter};
    return pt__picture_scale(memory, &part, &scaling, sample);
}

/* Moves the picture by what is drawn, in place of cutting it out of a larger, padded one. */
static pt_status_t cut_padded(pt__memory_t *memory, const pt_image_options_t *options, pt__random_t *random,
                              const pt__picture_t *sample)
{
    const int64_t right = pt__random_below(random, 2 * (int64_t)options->padding + 1) - options->padding,
                  down = pt__random_below(random, 2 * (int64_t)options->padding + 1) - options->padding;
    const int64_t kept_x = sample->width - llabs(right), kept_y = sample->height - llabs(down);
    const size_t bytes = (size_t)(sample->stride * sample->height);
    uint8_t *copy;
    PT__TRY(pt__allocate_uninitialised(memory, bytes, 1, "copy of a picture", &copy));
    memcpy(copy, sample->pixels, bytes);
    memset(sample->pixels, 0, bytes);
    for (int64_t y = 0; y < kept_y && kept_x > 0; y++) {
        const int64_t from_y = y + (down > 0 ? down : 0), to_y = y - (down < 0 ? down : 0);
        memcpy(sample->pixels + to_y * sample->stride - (right < 0 ? right * sample->channels : 0),
               copy + from_y * sample->stride + (right > 0 ? right * sample->channels : 0),
               (size_t)(kept_x * sample->channels));
    }
    pt__release(memory, copy);
    return PT_OK;
}

static pt_status_t make(pt__memory_t *memory, const pt_image_options_t *options, const fitting_t *fitting,
                        int32_t width, int32_t height, const pt__picture_t *picture, pt__random_t *random,
                        uint8_t *bytes)
{
    const pt__picture_t sample = {.pixels = bytes,
                                  .stride = (int64_t)options->width * options->channels,
                                  .width = options->width,
                                  .height = options->height,
                                  .channels = options->channels};
    PT__TRY(scale(memory, options, fitting, width, height, picture, &sample));
    if (options->crop == PT_IMAGE_CROP_PADDED)
        PT__TRY(cut_padded(memory, options, random, &sample));
    return pt__augment(memory, options, random, &sample);
}

pt_status_t pt__sample_from_picture(pt__memory_t *memory, const pt_image_options_t *options,
                                    const pt__picture_t *picture, uint64_t key, uint8_t *sample)
{
    pt__random_t random = pt__random_start(key);
    const fitting_t fitting = fit(options, &random, picture->width, picture->height);
    return make(memory, options, &fitting, picture->width, picture->height, picture, &random, sample);
}

pt_status_t pt__sample_from_file(pt__memory_t *memory, const pt_image_options_t *options, const uint8_t *bytes,
                                 int64_t size, uint64_t key, uint8_t *sample)
{
    pt__random_t random = pt__random_start(key);
    pt__picture_about_t about;
    pt__picture_t picture;
    PT__TRY(pt__picture_look(bytes, size, options->most_pixels, &about));
    const fitting_t fitting = fit(options, &random, about.width, about.height);
    const double across = (double)fitting.to_width / fitting.crop.width,
                 down = (double)fitting.to_height / fitting.crop.height;
    const int32_t denominator = pt__picture_denominator(&about, across > down ? across : down);
    PT__TRY(pt__picture_decode(memory, bytes, size, &about, denominator, options->channels, &picture));
    pt_status_t status = make(memory, options, &fitting, about.width, about.height, &picture, &random, sample);
    pt__release(memory, picture.pixels);
    return status;
}
