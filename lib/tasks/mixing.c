/* mixup (Zhang 2018) and CutMix (Yun 2019): samples of a micro-batch with parts of each other, and labels with the same
 * shares. λ is drawn from Beta(α, α), one for a micro-batch; where both are asked for, a coin decides between them.
 *
 *   mixup    x_i = λ x_i + (1 - λ) x_(i-1)
 *   CutMix   a rectangle of (1 - λ) of the picture's area, its middle anywhere and cut off at the borders, is
 *            x_(i-1)'s; λ becomes what is really left
 *
 * In an evaluation nothing is mixed: shares are 1 for the label, and pixels stay. */
#include "tasks/mixing.h"

#include <math.h>
#include <string.h>

#include "base/random.h"

/* Marsaglia and Tsang 2000; below 1 by the power of a uniform number. */
static double draw_gamma(pt__random_t *random, double shape)
{
    double factor = 1;
    if (shape < 1) {
        factor = pow(1 - pt__random_uniform(random), 1 / shape);
        shape += 1;
    }
    const double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        const double x = pt__random_normal(random), root = 1 + c * x, v = root * root * root;
        if (root > 0 && log(1 - pt__random_uniform(random)) < x * x / 2 + d - d * v + d * log(v))
            return factor * d * v;
    }
}

static double draw_beta(pt__random_t *random, double alpha)
{
    const double a = draw_gamma(random, alpha), b = draw_gamma(random, alpha);
    return a + b > 0 ? a / (a + b) : 0.5; /* a tiny alpha: both may be 0 */
}

/* From the middle, as much to both sides, within [0, size). */
static void cut(pt__random_t *random, double part, int64_t size, int64_t *begin, int64_t *length)
{
    const int64_t half = (int64_t)(part * (double)size) / 2, middle = pt__random_below(random, size);
    const int64_t from = middle - half > 0 ? middle - half : 0, to = middle + half < size ? middle + half : size;
    *begin = from;
    *length = to - from;
}

pt__mixture_t pt__mixing_draw(const pt__task_options_t *options, uint64_t key, int64_t height, int64_t width)
{
    pt__random_t random = pt__random_start(key);
    const int32_t heads = pt__random_uniform(&random) < 0.5;
    pt__mixture_t mixture = {.is_cut = options->cutmix > 0 && (options->mixup <= 0 || heads)};
    mixture.share = draw_beta(&random, mixture.is_cut ? options->cutmix : options->mixup);
    if (!mixture.is_cut)
        return mixture;
    const double part = sqrt(1 - mixture.share);
    cut(&random, part, height, &mixture.top, &mixture.height);
    cut(&random, part, width, &mixture.left, &mixture.width);
    mixture.share = 1 - (double)(mixture.height * mixture.width) / (double)(height * width);
    return mixture;
}

static const char pixels_field[] = "pixel_values";

/* Of the field [samples, height, width, channels]. */
static void sizes_of(const pt__derivation_t *derivation, int64_t *height, int64_t *width, int64_t *channels)
{
    const pt__input_t *input = pt__graph_input(derivation->graph, pixels_field);
    const pt__shape_t *shape = &pt__graph_tensor(derivation->graph, input->tensor)->shape;
    *height = shape->size[1];
    *width = shape->size[2];
    *channels = shape->size[3];
}

static pt__mixture_t mixture_of(const pt__derivation_t *derivation)
{
    int64_t height, width, channels;
    sizes_of(derivation, &height, &width, &channels);
    return derivation->is_training ? pt__mixing_draw(derivation->options, derivation->key, height, width)
                                   : (pt__mixture_t){.share = 1};
}

static int64_t partner(const pt__derivation_t *derivation, int64_t sample)
{
    return sample > 0 ? sample - 1 : derivation->samples - 1;
}

static void mix_pixels(const pt__derivation_t *derivation, void *values)
{
    int64_t height, width, channels;
    const pt__mixture_t mixture = mixture_of(derivation);
    sizes_of(derivation, &height, &width, &channels);
    const int64_t row = width * channels, picture = height * row;
    const float share = (float)mixture.share;
    for (int64_t i = 0; i < derivation->samples; i++) {
        const float *own = (const float *)derivation->from + i * picture,
                    *other = (const float *)derivation->from + partner(derivation, i) * picture;
        float *to = (float *)values + i * picture;
        for (int64_t j = 0; j < picture && !mixture.is_cut; j++)
            to[j] = share * own[j] + (1 - share) * other[j];
        if (!mixture.is_cut)
            continue;
        memcpy(to, own, (size_t)picture * sizeof *to);
        for (int64_t y = mixture.top; y < mixture.top + mixture.height; y++)
            memcpy(to + y * row + mixture.left * channels, other + y * row + mixture.left * channels,
                   (size_t)(mixture.width * channels) * sizeof *to);
    }
}

static int32_t is_counted(const int32_t *labels, int64_t sample)
{
    return labels[sample] != PT_IGNORE_INDEX;
}

/* [samples, classes]; of a sample without a label the partner's alone. */
static void share_classes(const pt__derivation_t *derivation, void *values)
{
    const pt__task_options_t *options = derivation->options;
    const int32_t *labels = derivation->from;
    const double share = mixture_of(derivation).share;
    memset(values, 0, (size_t)(derivation->samples * options->outputs) * sizeof(float));
    for (int64_t i = 0; i < derivation->samples; i++) {
        float *row = (float *)values + i * options->outputs;
        const int64_t other = partner(derivation, i);
        const int32_t has_own = is_counted(labels, i), has_other = is_counted(labels, other) && share < 1;
        if (has_own)
            row[labels[i]] += (float)(has_other ? share : 1);
        if (has_other)
            row[labels[other]] += (float)(has_own ? 1 - share : 1);
    }
}

static void count_samples(const pt__derivation_t *derivation, void *values)
{
    const int32_t *labels = derivation->from;
    const double share = mixture_of(derivation).share;
    for (int64_t i = 0; i < derivation->samples; i++)
        ((float *)values)[i] = (float)(is_counted(labels, i) ||
                                       (share < 1 && is_counted(labels, partner(derivation, i))));
}

static int32_t is_asked(const void *options)
{
    return pt__mixing_is_asked(options);
}

const pt__derived_t pt__mixing_derived[PT__MIXING_FIELDS] = {
    {.field = pixels_field, .from = pixels_field, .applies = is_asked, .in_training_only = 1, .derive = mix_pixels},
    {.field = "class_shares", .from = "label", .unless = "class_shares", .applies = is_asked, .derive = share_classes},
    {.field = "counts", .from = "label", .unless = "counts", .applies = is_asked, .derive = count_samples},
};
