/* One side of the table of convolutions, which convolution_table.py puts together: our kernels, as ops call them.
 *
 *   convolution_table shapes       the convolutions of a training step of some networks, a line each: network, how
 *                                  many there are, whether src needs a gradient, and samples, height, width, channels,
 *                                  outputs, kernel, stride, padding, groups
 *   convolution_table turns THREADS
 *                                  for each line "samples ... groups" on standard input a line on standard output:
 *                                  operations a second of the peak (peak.c), and of the convolution, its gradient by
 *                                  src and by the weight, as a direct convolution has them
 *
 * Reaches inside the library (links the static one). */
#include "peak.h"

#include "kernels/convolution.h"
#include "kernels/cpu/cpu_device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const double turn_seconds = 0.15;

typedef struct layer {
    const char *network;
    int count, has_gradient;
    int64_t samples, size, channels, outputs, kernel, stride, groups; /* pictures are squares; padding kernel / 2 */
} layer_t;

#define RESNET20(count, size, channels, outputs, kernel, stride, groups)                      \
    {                                                                                         \
        "resnet20", count, channels > 3, 128, size, channels, outputs, kernel, stride, groups \
    }
#define RESNET18(count, size, channels, outputs, kernel, stride, groups)                     \
    {                                                                                        \
        "resnet18", count, channels > 3, 16, size, channels, outputs, kernel, stride, groups \
    }
#define VGG11(count, size, channels, outputs, kernel, stride, groups)                    \
    {                                                                                    \
        "vgg11", count, channels > 3, 8, size, channels, outputs, kernel, stride, groups \
    }
#define MOBILENET(count, size, channels, outputs, kernel, stride, groups)                        \
    {                                                                                            \
        "mobilenet_v2", count, channels > 3, 16, size, channels, outputs, kernel, stride, groups \
    }

static const layer_t layers[] = {
    RESNET20(1, 32, 3, 16, 3, 1, 1),       RESNET20(6, 32, 16, 16, 3, 1, 1),      RESNET20(1, 32, 16, 32, 3, 2, 1),
    RESNET20(5, 16, 32, 32, 3, 1, 1),      RESNET20(1, 16, 32, 64, 3, 2, 1),      RESNET20(5, 8, 64, 64, 3, 1, 1),
    RESNET18(1, 224, 3, 64, 7, 2, 1),      RESNET18(4, 56, 64, 64, 3, 1, 1),      RESNET18(1, 56, 64, 128, 3, 2, 1),
    RESNET18(1, 56, 64, 128, 1, 2, 1),     RESNET18(3, 28, 128, 128, 3, 1, 1),    RESNET18(1, 28, 128, 256, 3, 2, 1),
    RESNET18(1, 28, 128, 256, 1, 2, 1),    RESNET18(3, 14, 256, 256, 3, 1, 1),    RESNET18(1, 14, 256, 512, 3, 2, 1),
    RESNET18(1, 14, 256, 512, 1, 2, 1),    RESNET18(3, 7, 512, 512, 3, 1, 1),     VGG11(1, 224, 3, 64, 3, 1, 1),
    VGG11(1, 112, 64, 128, 3, 1, 1),       VGG11(1, 56, 128, 256, 3, 1, 1),       VGG11(1, 56, 256, 256, 3, 1, 1),
    VGG11(1, 28, 256, 512, 3, 1, 1),       VGG11(1, 28, 512, 512, 3, 1, 1),       VGG11(2, 14, 512, 512, 3, 1, 1),
    MOBILENET(1, 224, 3, 32, 3, 2, 1),     MOBILENET(1, 112, 32, 32, 3, 1, 32),   MOBILENET(1, 112, 32, 16, 1, 1, 1),
    MOBILENET(1, 112, 16, 96, 1, 1, 1),    MOBILENET(1, 112, 96, 96, 3, 2, 96),   MOBILENET(1, 56, 96, 24, 1, 1, 1),
    MOBILENET(2, 56, 24, 144, 1, 1, 1),    MOBILENET(1, 56, 144, 144, 3, 1, 144), MOBILENET(1, 56, 144, 24, 1, 1, 1),
    MOBILENET(1, 56, 144, 144, 3, 2, 144), MOBILENET(1, 28, 144, 32, 1, 1, 1),    MOBILENET(3, 28, 32, 192, 1, 1, 1),
    MOBILENET(2, 28, 192, 192, 3, 1, 192), MOBILENET(2, 28, 192, 32, 1, 1, 1),    MOBILENET(1, 28, 192, 192, 3, 2, 192),
    MOBILENET(1, 14, 192, 64, 1, 1, 1),    MOBILENET(4, 14, 64, 384, 1, 1, 1),    MOBILENET(4, 14, 384, 384, 3, 1, 384),
    MOBILENET(3, 14, 384, 64, 1, 1, 1),    MOBILENET(1, 14, 384, 96, 1, 1, 1),    MOBILENET(3, 14, 96, 576, 1, 1, 1),
    MOBILENET(2, 14, 576, 576, 3, 1, 576), MOBILENET(2, 14, 576, 96, 1, 1, 1),    MOBILENET(1, 14, 576, 576, 3, 2, 576),
    MOBILENET(1, 7, 576, 160, 1, 1, 1),    MOBILENET(3, 7, 160, 960, 1, 1, 1),    MOBILENET(3, 7, 960, 960, 3, 1, 960),
    MOBILENET(2, 7, 960, 160, 1, 1, 1),    MOBILENET(1, 7, 960, 320, 1, 1, 1),    MOBILENET(1, 7, 320, 1280, 1, 1, 1),
};

static int print_shapes(void)
{
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
        const layer_t *layer = &layers[i];
        printf("%s\t%d\t%d\t%lld %lld %lld %lld %lld %lld %lld %lld %lld\n", layer->network, layer->count,
               layer->has_gradient, (long long)layer->samples, (long long)layer->size, (long long)layer->size,
               (long long)layer->channels, (long long)layer->outputs, (long long)layer->kernel,
               (long long)layer->stride, (long long)layer->kernel / 2, (long long)layer->groups);
    }
    return EXIT_SUCCESS;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

typedef void (*kernel_fn)(pt__dev device, const pt__convolution_t *convolution);

/* Operations a second: the best call of a few. */
static double take_turn(pt__device_t *device, kernel_fn kernel, const pt__convolution_t *convolution)
{
    double operations = 2.0 * (double)pt__convolution_dst_rows(convolution) * (double)convolution->outputs *
                        (double)(convolution->channels / convolution->groups) *
                        (double)pt__convolution_taps(convolution);
    double begin = now(), last = begin, least = 1e9;
    kernel(device, convolution); /* brings the operands and the pool's threads in */
    do {
        double from = now();
        kernel(device, convolution);
        last = now();
        least = last - from < least ? last - from : least;
    } while (last - begin < turn_seconds);
    return operations / least;
}

static float *filled(int64_t n)
{
    size_t bytes = ((size_t)n * sizeof(float) + 63) / 64 * 64;
    float *values = aligned_alloc(64, bytes);
    for (int64_t i = 0; values && i < n; i++)
        values[i] = (float)(i % 17) * 0.125f - 1.0f;
    return values;
}

/* The three kernels of one shape. 0: no memory. */
static int measure(pt__device_t *device, int threads, pt__convolution_t *convolution)
{
    int64_t src = pt__convolution_src_rows(convolution) * convolution->channels;
    int64_t dst = pt__convolution_dst_rows(convolution) * convolution->outputs;
    int64_t weight = convolution->outputs * (convolution->channels / convolution->groups) *
                     pt__convolution_taps(convolution);
    int64_t scratch = pt__convolution_scratch(convolution), other = pt__convolution_gradient_src_scratch(convolution);
    scratch = scratch > other ? scratch : other;
    other = pt__convolution_gradient_weight_scratch(convolution, pt__convolution_dst_rows(convolution));
    scratch = scratch > other ? scratch : other;
    float *buffers[] = {
        filled(src), filled(src), filled(dst), filled(dst), filled(weight), filled(weight), filled(scratch / 4 + 16)};
    int ok = 1;
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        ok = ok && buffers[i] != NULL;
    convolution->src = buffers[0];
    convolution->d_dst = buffers[2];
    convolution->weight = buffers[4];
    convolution->d_weight = buffers[5];
    convolution->scratch = buffers[6];
    convolution->dst = buffers[3];
    if (ok) {
        double peak = peak_measure(threads, 0.05);
        double forward = take_turn(device, device->kernels->convolution, convolution);
        double by_weight = take_turn(device, device->kernels->convolution_gradient_weight, convolution);
        convolution->dst = buffers[1];
        double by_src = take_turn(device, device->kernels->convolution_gradient_src, convolution);
        printf("%g %g %g %g\n", peak, forward, by_src, by_weight);
        fflush(stdout);
    }
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        free(buffers[i]);
    return ok;
}

static int take_turns(int threads)
{
    pt__memory_t memory;
    pt__pool_t *pool;
    pt__device_t *device;
    long long n[9];
    pt__memory_init(&memory, NULL, NULL, NULL);
    if (pt__pool_create(&memory, threads, &pool) != PT_OK ||
        pt__cpu_create(&memory, pool, PT__LEVEL_COUNT, PT__GEMM_OWN, &device) != PT_OK)
        return EXIT_FAILURE;
    int status = EXIT_SUCCESS;
    pt__device_enter(device);
    while (status == EXIT_SUCCESS && scanf("%lld %lld %lld %lld %lld %lld %lld %lld %lld", &n[0], &n[1], &n[2], &n[3],
                                           &n[4], &n[5], &n[6], &n[7], &n[8]) == 9) {
        pt__convolution_t convolution = {
            .samples = n[0],
            .src_size = {n[1], n[2]},
            .dst_size = {(n[1] + 2 * n[7] - n[5]) / n[6] + 1, (n[2] + 2 * n[7] - n[5]) / n[6] + 1},
            .channels = n[3],
            .outputs = n[4],
            .kernel = {n[5], n[5]},
            .stride = {n[6], n[6]},
            .padding = {n[7], n[7]},
            .dilation = {1, 1},
            .groups = n[8]};
        if (!measure(device, threads, &convolution))
            status = EXIT_FAILURE;
    }
    pt__device_leave(device);
    pt__device_free(device);
    pt__pool_free(pool);
    return status;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "shapes") == 0)
        return print_shapes();
    if (argc == 3 && strcmp(argv[1], "turns") == 0)
        return take_turns(atoi(argv[2]));
    fprintf(stderr, "usage: %s shapes | turns THREADS\n", argv[0]);
    return EXIT_FAILURE;
}
