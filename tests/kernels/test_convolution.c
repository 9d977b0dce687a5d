/* Convolution's three kernels against sums in double precision, by every way that a shape chooses: patches, matrix
 * products, each channel by itself, Winograd's tiles that a worker takes by itself and that all share; with what ends
 * them. */
#include "kernels/convolution.h"
#include "kernels/every_device.h"

typedef struct shape {
    int64_t samples, size[2], channels, outputs, groups, kernel[2], stride[2], dilation[2], before[2], after[2];
} shape_t;

#define THREE(samples, height, width, channels, outputs, before, after)                           \
    {                                                                                             \
        samples, {height, width}, channels, outputs, 1, {3, 3}, {1, 1}, {1, 1}, {before, before}, \
        {                                                                                         \
            after, after                                                                          \
        }                                                                                         \
    }

static const shape_t shapes[] = {
    THREE(2, 4, 4, 8, 8, 1, 1),
    THREE(3, 9, 7, 9, 17, 1, 1),
    THREE(2, 8, 5, 8, 11, 0, 2),
    THREE(1, 6, 7, 21, 8, 2, 0),
    THREE(1, 5, 6, 8, 9, 3, 4),
    THREE(7, 16, 8, 8, 8, 1, 1), /* several blocks */
    THREE(2, 5, 4, 8, 264, 1, 1),
    THREE(2, 4, 7, 263, 8, 1, 1),                                     /* shared by all */
    THREE(1, 4, 4, 520, 8, 1, 1),                                     /* in two passes */
    THREE(30, 1, 3, 8, 8, 1, 1),                                      /* too little of a tile */
    {2, {9, 21}, 11, 11, 11, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}}, /* each channel by itself */
    {3, {8, 19}, 16, 16, 16, {3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}},
    {1, {7, 3}, 5, 5, 5, {2, 7}, {1, 3}, {2, 1}, {3, 2}, {0, 3}},
    {1, {5, 6}, 9, 9, 9, {1, 2}, {2, 3}, {1, 2}, {0, 0}, {1, 0}},
    {2, {7, 9}, 5, 18, 1, {3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}},
    {40, {3, 3}, 6, 5, 1, {1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}},
    {2, {8, 8}, 3, 33, 1, {7, 7}, {2, 2}, {1, 1}, {3, 3}, {3, 3}},
    {1, {5, 9}, 6, 4, 2, {2, 3}, {3, 1}, {1, 2}, {0, 2}, {1, 1}},
    {1, {2, 3}, 530, 2, 1, {2, 2}, {1, 1}, {1, 1}, {1, 0}, {0, 1}},
};

typedef struct problem {
    pt__convolution_t convolution;
    int64_t src, dst, weight; /* elements */
    const float *residual;    /* that out begins as */
} problem_t;

static problem_t make(const shape_t *shape)
{
    problem_t problem = {.convolution = {.samples = shape->samples,
                                         .channels = shape->channels,
                                         .outputs = shape->outputs,
                                         .groups = shape->groups}};
    pt__convolution_t *convolution = &problem.convolution;
    for (int32_t i = 0; i < 2; i++) {
        convolution->src_size[i] = shape->size[i];
        convolution->kernel[i] = shape->kernel[i];
        convolution->stride[i] = shape->stride[i];
        convolution->dilation[i] = shape->dilation[i];
        convolution->padding[i] = shape->before[i];
        int64_t reach = shape->dilation[i] * (shape->kernel[i] - 1) + 1;
        convolution->dst_size[i] = (shape->size[i] + shape->before[i] + shape->after[i] - reach) / shape->stride[i] + 1;
    }
    problem.src = pt__convolution_src_rows(convolution) * shape->channels;
    problem.dst = pt__convolution_dst_rows(convolution) * shape->outputs;
    problem.weight = shape->outputs * (shape->channels / shape->groups) * pt__convolution_taps(convolution);
    return problem;
}

/* For each product of the convolution: forward dst += src * weight, by src d_src += d_dst * weight, by the weight
 * d_weight += d_dst * src. */
static void add_up(const problem_t *problem, double *dst, double *d_src, double *d_weight)
{
    const pt__convolution_t *c = &problem->convolution;
    const int64_t depth = c->channels / c->groups, wide = c->outputs / c->groups, taps = pt__convolution_taps(c);
    for (int64_t row = 0; row < pt__convolution_dst_rows(c); row++)
        for (int64_t tap = 0; tap < taps; tap++) {
            int64_t sample = row / c->dst_size[0] / c->dst_size[1];
            int64_t y = row / c->dst_size[1] % c->dst_size[0] * c->stride[0] + tap / c->kernel[1] * c->dilation[0] -
                        c->padding[0];
            int64_t x = row % c->dst_size[1] * c->stride[1] + tap % c->kernel[1] * c->dilation[1] - c->padding[1];
            if (y < 0 || x < 0 || y >= c->src_size[0] || x >= c->src_size[1])
                continue;
            for (int64_t o = 0; o < c->outputs; o++)
                for (int64_t k = 0; k < depth; k++) {
                    int64_t at = ((sample * c->src_size[0] + y) * c->src_size[1] + x) * c->channels + o / wide * depth +
                                 k;
                    int64_t w = (o * depth + k) * taps + tap, to = row * c->outputs + o;
                    dst[to] += (double)c->src[at] * (double)c->weight[w];
                    d_src[at] += (double)c->d_dst[to] * (double)c->weight[w];
                    d_weight[w] += (double)c->d_dst[to] * (double)c->src[at];
                }
        }
}

static void run_forward(pt__dev device, const void *argument, float *out)
{
    const problem_t *problem = argument;
    pt__convolution_t convolution = problem->convolution;
    convolution.dst = out;
    convolution.preactivation = out + problem->dst;
    convolution.residual = out; /* in place */
    convolution.activation = PT_ACTIVATION_RELU;
    convolution.scratch = malloc((size_t)pt__convolution_scratch(&convolution) + 64);
    device->kernels->convolution(device, &convolution);
    free(convolution.scratch);
}

static void run_src(pt__dev device, const void *argument, float *out)
{
    const problem_t *problem = argument;
    pt__convolution_t convolution = problem->convolution;
    convolution.bias = NULL;
    convolution.dst = out;
    convolution.slope_source = convolution.src;
    convolution.activation = PT_ACTIVATION_RELU;
    convolution.scratch = malloc((size_t)pt__convolution_gradient_src_scratch(&convolution) + 64);
    device->kernels->convolution_gradient_src(device, &convolution);
    free(convolution.scratch);
}

static void run_weight(pt__dev device, const void *argument, float *out)
{
    const problem_t *problem = argument;
    pt__convolution_t convolution = problem->convolution;
    convolution.d_weight = out;
    convolution.d_bias = out + problem->weight;
    convolution.accumulate_d_weight = convolution.accumulate_d_bias = 1;
    convolution.scratch = malloc(
        (size_t)pt__convolution_gradient_weight_scratch(&convolution, pt__convolution_dst_rows(&convolution)) + 64);
    device->kernels->convolution_gradient_weight(device, &convolution);
    free(convolution.scratch);
}

/* Rounding is of what is added up, the largest of which the largest result stands for. */
static double tolerance(int64_t n, const double *expected)
{
    double largest = 1;
    for (int64_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(expected[i]));
    return 5e-6 * largest;
}

static void check_shape(const shape_t *shape)
{
    problem_t problem = make(shape);
    pt__convolution_t *convolution = &problem.convolution;
    const int64_t outputs = shape->outputs;
    float *src = draw_values(problem.src), *weight = draw_values(problem.weight), *bias = draw_values(outputs);
    float *d_dst = draw_values(problem.dst), *before = draw_values(2 * problem.dst + problem.weight + outputs);
    double *dst = zero_doubles(2 * problem.dst), *d_src = zero_doubles(problem.src);
    double *d_weight = zero_doubles(problem.weight + outputs);
    char what[100];
    convolution->src = src;
    convolution->weight = weight;
    convolution->bias = bias;
    convolution->d_dst = d_dst;
    add_up(&problem, dst, d_src, d_weight);
    for (int64_t i = 0; i < problem.dst; i++) {
        dst[i + problem.dst] = dst[i] + (double)bias[i % outputs] + (double)before[i];
        dst[i] = fmax(dst[i + problem.dst], 0);
        d_weight[problem.weight + i % outputs] += (double)d_dst[i];
    }
    for (int64_t i = 0; i < problem.src; i++)
        d_src[i] = src[i] > 0 ? d_src[i] : 0;
    for (int64_t i = 0; i < problem.weight + outputs; i++)
        d_weight[i] += (double)before[i];
    snprintf(what, sizeof what, "%dx%dx%dx%d to %d by %dx%d", (int)shape->samples, (int)shape->size[0],
             (int)shape->size[1], (int)shape->channels, (int)outputs, (int)shape->kernel[0], (int)shape->kernel[1]);
    on_every_device(what, run_forward, &problem, 2 * problem.dst, before, dst, tolerance(2 * problem.dst, dst));
    on_every_device(what, run_src, &problem, problem.src, NULL, d_src, tolerance(problem.src, d_src));
    on_every_device(what, run_weight, &problem, problem.weight + outputs, before, d_weight,
                    tolerance(problem.weight + outputs, d_weight));
    free(src), free(weight), free(bias), free(d_dst), free(before);
    free(dst), free(d_src), free(d_weight);
}

START_TEST(test_every_shape)
{
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        check_shape(&shapes[i]);
}
END_TEST

/* No samples: nothing is written but gradients of zero. */
START_TEST(test_nothing)
{
    static const shape_t empty[] = {THREE(0, 4, 4, 8, 8, 1, 1),
                                    THREE(0, 4, 4, 8, 264, 1, 1),
                                    THREE(0, 4, 4, 3, 4, 1, 1),
                                    {0, {3, 3}, 6, 5, 1, {1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}}};
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++)
        check_shape(&empty[i]);
}
END_TEST

/* Which way is taken: what the shapes above stand for. */
START_TEST(test_choice)
{
    problem_t own = make(&(shape_t)THREE(2, 4, 4, 8, 8, 1, 1)), shared = make(&(shape_t)THREE(2, 5, 4, 8, 264, 1, 1));
    problem_t thin = make(&(shape_t)THREE(30, 1, 3, 8, 8, 1, 1)), few = make(&(shape_t)THREE(2, 8, 8, 3, 16, 1, 1));
    problem_t many = make(&(shape_t)THREE(1, 8, 8, 4000, 97, 1, 1));
    ck_assert(pt__convolution_is_winograd(&own.convolution) && pt__winograd_shared(&own.convolution, 2) == 0);
    ck_assert(pt__convolution_is_winograd(&shared.convolution) && pt__winograd_shared(&shared.convolution, 4) > 0);
    ck_assert(!pt__convolution_is_winograd(&thin.convolution) && !pt__convolution_is_winograd(&few.convolution) &&
              !pt__convolution_is_winograd(&many.convolution));
}
END_TEST

SUITE("convolution", 120, test_every_shape, test_nothing, test_choice)
