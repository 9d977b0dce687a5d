/* A table of matrix products over the shapes of the performance table's cases: our own kernels, cblas through the same
 * door, and the share of the peak that peak.c measures in the same run.
 *
 *   gemm_table [THREADS [SECONDS [FILTER [LEVEL]]]]   default: 1 thread, 0.1 seconds a number, all shapes, best level
 *
 * Reaches inside the library (links the static one). OpenBLAS, where it is the BLAS, is set to one thread, so that the
 * library's threads call it. Peak, ours and cblas take short turns one after the other, so that all see the same clock and
 * the same other load; ratio and share are medians over the rounds of turns. With one thread, time is that thread's
 * processor time. */
#include "peak.h"

#include "kernels/device.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

extern void openblas_set_num_threads(int threads) PT__WEAK;

enum { ROUNDS = 21 };

typedef struct layer {
    const char *name;
    int64_t rows, outputs, inputs; /* a linear layer: src [rows, inputs], weight [outputs, inputs] */
} layer_t;

static const layer_t layers[] = {
    {"linear 10-1", 64, 1, 10},
    {"mlp 784-256", 64, 256, 784},
    {"mlp 256-10", 64, 10, 256},
    {"gpt 4x128 qkv", 768, 384, 128},
    {"gpt 4x128 projection", 768, 128, 128},
    {"gpt 4x128 up", 768, 512, 128},
    {"gpt 4x128 down", 768, 128, 512},
    {"gpt 4x128 logits", 768, 65, 128},
    {"gpt 6x384 qkv", 2048, 1152, 384},
    {"gpt 6x384 projection", 2048, 384, 384},
    {"gpt 6x384 up", 2048, 1536, 384},
    {"gpt 6x384 down", 2048, 384, 1536},
    {"gpt 6x384 logits", 2048, 65, 384},
    {"gpt2 4x64 qkv", 256, 2304, 768},
    {"gpt2 4x64 projection", 256, 768, 768},
    {"gpt2 4x64 up", 256, 3072, 768},
    {"gpt2 4x64 down", 256, 768, 3072},
    {"gpt2 4x64 logits", 256, 50257, 768},
    {"gpt2 1x1024 qkv", 1024, 2304, 768},
    {"gpt2 1x1024 projection", 1024, 768, 768},
    {"gpt2 1x1024 up", 1024, 3072, 768},
    {"gpt2 1x1024 down", 1024, 768, 3072},
    {"gpt2 1x1024 logits", 1024, 50257, 768},
};

static float *filled(int64_t n)
{
    float *values = malloc((size_t)n * sizeof(float));
    for (int64_t i = 0; values && i < n; i++)
        values[i] = (float)(i % 17) * 0.125f - 1.0f;
    return values;
}

/* The three products of a layer's training step, as its ops ask for them. */
static pt__gemm_t form_of(const layer_t *layer, int form, const float *src, const float *weight, float *dst)
{
    int64_t rows = layer->rows, outputs = layer->outputs, inputs = layer->inputs;
    if (form == 0) /* forward: src · weight^T */
        return (pt__gemm_t){.m = rows,
                            .n = outputs,
                            .k = inputs,
                            .a = src,
                            .b = weight,
                            .dst = dst,
                            .a_stride = inputs,
                            .b_stride = inputs,
                            .dst_stride = outputs,
                            .b_transposed = 1};
    if (form == 1) /* d_src: d_dst · weight */
        return (pt__gemm_t){.m = rows,
                            .n = inputs,
                            .k = outputs,
                            .a = src,
                            .b = weight,
                            .dst = dst,
                            .a_stride = outputs,
                            .b_stride = inputs,
                            .dst_stride = inputs};
    return (pt__gemm_t){.m = outputs,
                        .n = inputs,
                        .k = rows,
                        .a = src,
                        .b = weight,
                        .dst = dst,
                        .a_stride = outputs,
                        .b_stride = inputs,
                        .dst_stride = inputs,
                        .a_transposed = 1}; /* d_weight: d_dst^T · src */
}

static double seconds_of(int threads)
{
    struct timespec now;
    clock_gettime(threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Operations a second: the best of a few stretches. */
static double turn(pt__device_t *device, const pt__gemm_t *gemm, double seconds)
{
    double operations = 2.0 * (double)gemm->m * (double)gemm->n * (double)gemm->k, best = 0;
    int64_t calls = (int64_t)(5e-4 * 1e11 / operations) + 1;
    int threads = pt__pool_threads(device->pool);
    double begin = seconds_of(threads), last = begin;
    do {
        for (int64_t i = 0; i < calls; i++)
            pt__gemm(device, gemm);
        double now = seconds_of(threads), rate = operations * (double)calls / (now - last);
        best = rate > best ? rate : best;
        last = now;
    } while (last - begin < seconds);
    return best;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, compare);
    return values[n / 2];
}

static void measure(pt__device_t *own, pt__device_t *cblas, const layer_t *layer, double seconds, double *log_share,
                    double *worst)
{
    static const char *const names[3] = {"forward", "d_src", "d_weight"};
    int64_t rows = layer->rows, outputs = layer->outputs, inputs = layer->inputs;
    int64_t widest = outputs > inputs ? outputs : inputs;
    for (int form = 0; form < 3; form++) {
        float *a = filled(rows * widest), *b = filled(form == 2 ? rows * inputs : outputs * inputs);
        float *dst = filled(form == 2 ? outputs * inputs : rows * widest);
        double ours[ROUNDS], theirs[ROUNDS], shares[ROUNDS], ratios[ROUNDS];
        if (!a || !b || !dst) {
            fprintf(stderr, "gemm_table: out of memory\n");
            exit(1);
        }
        pt__gemm_t gemm = form_of(layer, form, a, b, dst);
        for (int i = 0; i < ROUNDS; i++) {
            double peak = peak_measure(pt__pool_threads(own->pool), seconds / ROUNDS);
            ours[i] = turn(own, &gemm, seconds / ROUNDS);
            theirs[i] = turn(cblas, &gemm, seconds / ROUNDS);
            shares[i] = ours[i] / peak;
            ratios[i] = ours[i] / theirs[i];
        }
        double share = median(shares, ROUNDS), ratio = median(ratios, ROUNDS);
        printf("%-24s %-9s %5lld x %5lld x %5lld  own %7.1f  cblas %7.1f  ratio %5.2f  share of peak %.3f\n",
               layer->name, names[form], (long long)gemm.m, (long long)gemm.n, (long long)gemm.k,
               median(ours, ROUNDS) * 1e-9, median(theirs, ROUNDS) * 1e-9, ratio, share);
        fflush(stdout);
        *log_share += log(share);
        *worst = ratio < *worst ? ratio : *worst;
        free(a);
        free(b);
        free(dst);
    }
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : 1;
    double seconds = argc > 2 ? atof(argv[2]) : 0.1, log_share = 0, worst = HUGE_VAL;
    const char *filter = argc > 3 ? argv[3] : "";
    pt__level_t level = argc > 4 ? pt__level_find(argv[4]) : PT__LEVEL_COUNT;
    int measured = 0;
    pt__memory_t memory;
    pt__pool_t *pool;
    pt__device_t *own, *cblas;
    pt__memory_init(&memory, NULL, NULL, NULL);
    if (openblas_set_num_threads)
        openblas_set_num_threads(1);
    if (pt__pool_create(&memory, threads, &pool) != PT_OK ||
        pt__device_create(&memory, pool, level, PT__GEMM_OWN, &own) != PT_OK ||
        pt__device_create(&memory, pool, level, PT__GEMM_CBLAS, &cblas) != PT_OK) {
        fprintf(stderr, "gemm_table: %s\n", pt__error_message());
        return 1;
    }
    printf("%s\npeak of %d threads: %.1f GFLOP/s\n", pt__device_describe(own), threads,
           peak_measure(threads, 0.2) * 1e-9);
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
        if (!strstr(layers[i].name, filter))
            continue;
        measure(own, cblas, &layers[i], seconds, &log_share, &worst);
        measured += 3;
    }
    if (measured)
        printf("geometric mean of %d shares of the peak: %.3f; smallest ratio to cblas: %.2f\n", measured,
               exp(log_share / measured), worst);
    pt__device_free(cblas);
    pt__device_free(own);
    pt__pool_free(pool);
    return 0;
}
