/* What is drawn for each picture, as torchvision's transforms of the same names draw it. */
#include <math.h>

#include "image/edit.h"
#include "image/sample.h"

enum { TRIES = 10, JITTERS = 4 };

static double between(pt__random_t *random, double low, double high)
{
    return low + (high - low) * pt__random_uniform(random);
}

/* Draws nothing where it is never or always. */
static int32_t happens(pt__random_t *random, double probability)
{
    return probability >= 1 || (probability > 0 && pt__random_uniform(random) < probability);
}

pt__crop_t pt__draw_crop(const pt_image_options_t *options, pt__random_t *random, int32_t width, int32_t height)
{
    const double area = (double)width * height, low = log(options->ratio_least), high = log(options->ratio_most);
    for (int32_t i = 0; i < TRIES; i++) {
        const double part = area * between(random, options->scale_least, options->scale_most),
                     ratio = exp(between(random, low, high)), wide = rint(sqrt(part * ratio)),
                     tall = rint(sqrt(part / ratio));
        if (!(wide >= 1 && wide <= width && tall >= 1 && tall <= height))
            continue;
        pt__crop_t crop = {.width = (int32_t)wide, .height = (int32_t)tall};
        crop.top = (int32_t)pt__random_below(random, (int64_t)height - crop.height + 1);
        crop.left = (int32_t)pt__random_below(random, (int64_t)width - crop.width + 1);
        return crop;
    }
    /* The middle, as much of it as the ratios allow. */
    pt__crop_t crop = {.width = width, .height = height};
    const double ratio = (double)width / height;
    if (ratio < options->ratio_least)
        crop.height = (int32_t)fmin(height, fmax(1, rint(width / options->ratio_least)));
    else if (ratio > options->ratio_most)
        crop.width = (int32_t)fmin(width, fmax(1, rint(height * options->ratio_most)));
    crop.top = (height - crop.height) / 2;
    crop.left = (width - crop.width) / 2;
    return crop;
}

static float factor(pt__random_t *random, double spread)
{
    return (float)between(random, spread < 1 ? 1 - spread : 0, 1 + spread);
}

static void jitter(const pt_image_options_t *options, pt__random_t *random, const pt__picture_t *picture)
{
    int32_t order[JITTERS] = {0, 1, 2, 3};
    if (!happens(random, options->jitter))
        return;
    for (int32_t i = JITTERS - 1; i > 0; i--) {
        const int64_t other = pt__random_below(random, i + 1);
        const int32_t kept = order[i];
        order[i] = order[other];
        order[other] = kept;
    }
    for (int32_t i = 0; i < JITTERS; i++) {
        if (order[i] == 0 && options->brightness > 0)
            pt__picture_brightness(picture, factor(random, options->brightness));
        else if (order[i] == 1 && options->contrast > 0)
            pt__picture_contrast(picture, factor(random, options->contrast));
        else if (order[i] == 2 && options->saturation > 0)
            pt__picture_saturation(picture, factor(random, options->saturation));
        else if (order[i] == 3 && options->hue > 0)
            pt__picture_hue(picture, between(random, -options->hue, options->hue));
    }
}

pt_status_t pt__augment(pt__memory_t *memory, const pt_image_options_t *options, pt__random_t *random,
                        const pt__picture_t *picture)
{
    if (happens(random, options->flip_horizontally))
        pt__picture_flip_horizontally(picture);
    if (happens(random, options->flip_vertically))
        pt__picture_flip_vertically(picture);
    for (int32_t i = 0; i < options->randaugment; i++)
        PT__TRY(pt__randaugment(memory, options->randaugment_strength, random, picture));
    if (options->brightness > 0 || options->contrast > 0 || options->saturation > 0 || options->hue > 0)
        jitter(options, random, picture);
    if (happens(random, options->grayscale))
        pt__picture_make_gray(picture);
    if (!happens(random, options->blur))
        return PT_OK;
    const int32_t size = options->blur_size != 0 ? options->blur_size : picture->width / 20 * 2 + 1;
    return pt__picture_blur(memory, picture, size, between(random, options->blur_least, options->blur_most));
}
