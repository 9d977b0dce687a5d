/* Which layout images have: the three products of a convolution's training step, with pixels as rows and channels as
 * columns (NHWC) and the other way round (NCHW), for layers of ResNet-50 and VGG-16 on 8 images of 224 x 224. A
 * convolution over k x k pixels is the product of the patches, which have k x k x channels columns.
 *
 *   image_layout    prints a line a layer: operations a second of the forward product with its bias, residual and
 *                   relu, of the weight's gradient and of the input's; and how much longer NCHW takes
 *
 * On one thread, by its processor time; the median of nine, the layouts in turn. Reaches inside the library. */
#include "kernels/cpu/cpu_device.h"
#include "kernels/gemm.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { IMAGES = 8, TURNS = 9, PRODUCTS = 3 };

typedef struct layer {
    const char *name;
    int64_t pixels, inputs, outputs; /* of one image: its output's pixels, a patch's columns, channels */
} layer_t;

static const layer_t layers[] = {
    {"ResNet-50 1x1 64-64", 3136, 64, 64},      {"ResNet-50 1x1 64-256", 3136, 64, 256},
    {"ResNet-50 1x1 512-128", 784, 512, 128},   {"ResNet-50 1x1 256-1024", 196, 256, 1024},
    {"ResNet-50 1x1 512-2048", 49, 512, 2048},  {"ResNet-50 3x3 64-64", 3136, 576, 64},
    {"ResNet-50 3x3 256-256", 196, 2304, 256},  {"ResNet-50 3x3 512-512", 49, 4608, 512},
    {"VGG-16 3x3 256-256", 3136, 2304, 256},
};

typedef struct arrays {
    float *src, *weight, *bias, *residual, *dst, *d_weight, *d_src;
} arrays_t;

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* src [images x pixels, inputs], weight [outputs, inputs] */
static void pixels_as_rows(pt__device_t *device, const layer_t *layer, const arrays_t *of, int product)
{
    const int64_t pixels = IMAGES * layer->pixels, inputs = layer->inputs, outputs = layer->outputs;
    pt__gemm_t gemm;
    if (product == 0)
        gemm = (pt__gemm_t){.m = pixels, .n = outputs, .k = inputs,
                            .a = {.data = of->src, .stride = inputs},
                            .b = {.data = of->weight, .stride = inputs, .transposed = 1},
                            .dst = of->dst, .dst_stride = outputs,
                            .bias = of->bias, .residual = of->residual, .activation = PT_ACTIVATION_RELU};
    else if (product == 1)
        gemm = (pt__gemm_t){.m = outputs, .n = inputs, .k = pixels,
                            .a = {.data = of->dst, .stride = outputs, .transposed = 1},
                            .b = {.data = of->src, .stride = inputs},
                            .dst = of->d_weight, .dst_stride = inputs};
    else
        gemm = (pt__gemm_t){.m = pixels, .n = inputs, .k = outputs,
                            .a = {.data = of->dst, .stride = outputs},
                            .b = {.data = of->weight, .stride = inputs},
                            .dst = of->d_src, .dst_stride = inputs};
    pt__gemm(device, &gemm);
}

/* src [images, inputs, pixels]: a product an image. The bias goes by rows, which no epilogue does: it is left out. */
static void channels_as_rows(pt__device_t *device, const layer_t *layer, const arrays_t *of, int product)
{
    const int64_t pixels = layer->pixels, inputs = layer->inputs, outputs = layer->outputs;
    pt__gemm_t gemm;
    if (product == 0)
        gemm = (pt__gemm_t){.m = outputs, .n = pixels, .k = inputs, .count = IMAGES,
                            .a = {.data = of->weight, .stride = inputs},
                            .b = {.data = of->src, .stride = pixels, .step = inputs * pixels},
                            .dst = of->dst, .dst_stride = pixels, .dst_step = outputs * pixels,
                            .residual = of->residual, .activation = PT_ACTIVATION_RELU};
    else if (product == 1)
        gemm = (pt__gemm_t){.m = outputs, .n = inputs, .k = pixels,
                            .b = {.stride = pixels, .transposed = 1},
                            .a = {.stride = pixels},
                            .dst = of->d_weight, .dst_stride = inputs};
    else
        gemm = (pt__gemm_t){.m = inputs, .n = pixels, .k = outputs, .count = IMAGES,
                            .a = {.data = of->weight, .stride = inputs, .transposed = 1},
                            .b = {.data = of->dst, .stride = pixels, .step = outputs * pixels},
                            .dst = of->d_src, .dst_stride = pixels, .dst_step = inputs * pixels};
    for (int image = 0; image < (product == 1 ? IMAGES : 1); image++) {
        if (product == 1) {
            gemm.a.data = of->dst + image * outputs * pixels;
            gemm.b.data = of->src + image * inputs * pixels;
            gemm.accumulate = image > 0;
        }
        pt__gemm(device, &gemm);
    }
}

static float *filled(int64_t n)
{
    const size_t lines = ((size_t)n * sizeof(float) + PT__ALIGNMENT - 1) / PT__ALIGNMENT;
    float *values = aligned_alloc(PT__ALIGNMENT, lines * PT__ALIGNMENT);
    if (values == NULL) {
        fputs("image_layout: out of memory\n", stderr);
        exit(EXIT_FAILURE);
    }
    for (int64_t i = 0; i < n; i++)
        values[i] = (float)(i % 17) * 0.125f - 1.0f;
    return values;
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static void measure(pt__device_t *device, const layer_t *layer)
{
    static const char *const names[PRODUCTS] = {"forward", "d_weight", "d_src"};
    const int64_t pixels = IMAGES * layer->pixels;
    const arrays_t of = {filled(pixels * layer->inputs), filled(layer->outputs * layer->inputs), filled(layer->outputs),
                         filled(pixels * layer->outputs), filled(pixels * layer->outputs),
                         filled(layer->outputs * layer->inputs), filled(pixels * layer->inputs)};
    const double operations = 2.0 * (double)pixels * (double)layer->inputs * (double)layer->outputs;
    printf("%-24s", layer->name);
    for (int product = 0; product < PRODUCTS; product++) {
        double rows[TURNS], channels[TURNS];
        for (int turn = 0; turn < TURNS; turn++) {
            double begin = seconds();
            pixels_as_rows(device, layer, &of, product);
            double middle = seconds();
            channels_as_rows(device, layer, &of, product);
            rows[turn] = middle - begin;
            channels[turn] = seconds() - middle;
        }
        qsort(rows, TURNS, sizeof *rows, by_size);
        qsort(channels, TURNS, sizeof *channels, by_size);
        printf("  %s %4.0f GF/s, x%.2f", names[product], operations / rows[TURNS / 2] * 1e-9,
               channels[TURNS / 2] / rows[TURNS / 2]);
    }
    printf("\n");
    fflush(stdout);
    float *const arrays[] = {of.src, of.weight, of.bias, of.residual, of.dst, of.d_weight, of.d_src};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        free(arrays[i]);
}

int main(void)
{
    pt__memory_t memory;
    pt__pool_t *pool;
    pt__device_t *device;
    pt__memory_init(&memory, NULL, NULL, NULL);
    if (pt__pool_create(&memory, 1, &pool) != PT_OK ||
        pt__cpu_create(&memory, pool, PT__LEVEL_COUNT, PT__GEMM_OWN, &device) != PT_OK) {
        fprintf(stderr, "image_layout: %s\n", pt__error_message());
        return EXIT_FAILURE;
    }
    printf("%s\n", pt__device_describe(device));
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        measure(device, &layers[i]);
    pt__device_free(device);
    pt__pool_free(pool);
    return EXIT_SUCCESS;
}
