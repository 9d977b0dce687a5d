/* One side of the table of matrix products, which `run.py gemm` puts together: our own kernels and cblas, through
 * the same door.
 *
 *   gemm_table shapes              the products of the performance table's cases, a line each: name, product, m n k,
 *                                  whether a and
 *                                  b are transposed, and whether the pool takes part (fewer operations are done by
 *                                  one core)
 *   gemm_table turns THREADS [LEVEL]
 *                                  for each line "m n k a_transposed b_transposed" on standard input a line on
 *                                  standard output: operations a second of the peak (peak.c), of our own kernels and
 *                                  of cblas, one short turn after the other
 *
 * Reaches inside the library (links the static one). OpenBLAS, where it is the BLAS, is set to one thread, so that the
 * library's threads call it. With one thread, time is that thread's processor time. */
#include "peak.h"

#include "kernels/cpu/cpu_device.h"
#include "kernels/cpu/gemm_backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

extern void openblas_set_num_threads(int threads) PT__WEAK;

static const double turn_seconds = 0.02;

typedef struct layer {
    const char *name;
    int64_t rows, outputs, inputs; /* a linear layer: src [rows, inputs] */
    int in_out;                    /* weight [inputs, outputs], not [outputs, inputs] */
    int first;                     /* its src needs no gradient */
} layer_t;

static const layer_t layers[] = {
    {"linear 10-1", 64, 1, 10, 0, 1},
    {"MLP 784-256", 64, 256, 784, 0, 1},
    {"MLP 256-10", 64, 10, 256, 0, 0},
    {"GPT 4x128 qkv", 768, 384, 128, 1, 0},
    {"GPT 4x128 projection", 768, 128, 128, 1, 0},
    {"GPT 4x128 up", 768, 512, 128, 1, 0},
    {"GPT 4x128 down", 768, 128, 512, 1, 0},
    {"GPT 4x128 logits", 512, 65, 128, 0, 0}, /* logits are made in chunks of rows: op_cross_entropy.c */
    {"GPT 6x384 qkv", 2048, 1152, 384, 1, 0},
    {"GPT 6x384 projection", 2048, 384, 384, 1, 0},
    {"GPT 6x384 up", 2048, 1536, 384, 1, 0},
    {"GPT 6x384 down", 2048, 384, 1536, 1, 0},
    {"GPT 6x384 logits", 512, 65, 384, 0, 0},
    {"GPT-2 4x64 qkv", 256, 2304, 768, 1, 0},
    {"GPT-2 4x64 projection", 256, 768, 768, 1, 0},
    {"GPT-2 4x64 up", 256, 3072, 768, 1, 0},
    {"GPT-2 4x64 down", 256, 768, 3072, 1, 0},
    {"GPT-2 logits", 256, 50257, 768, 0, 0},
    {"GPT-2 1x1024 qkv", 1024, 2304, 768, 1, 0},
    {"GPT-2 1x1024 projection", 1024, 768, 768, 1, 0},
    {"GPT-2 1x1024 up", 1024, 3072, 768, 1, 0},
    {"GPT-2 1x1024 down", 1024, 768, 3072, 1, 0},
};

/* The three products of a layer's training step, as its ops ask for them. */
static int print_shapes(void)
{
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
        const layer_t *layer = &layers[i];
        int64_t rows = layer->rows, outputs = layer->outputs, inputs = layer->inputs;
        int spread = rows * outputs * (inputs + 4) >= PT__GEMM_SPREAD;
        const char *form = "%s\t%s\t%lld %lld %lld %d %d\t%d\n";
        printf(form, layer->name, "forward", (long long)rows, (long long)outputs, (long long)inputs, 0, !layer->in_out,
               spread);
        if (!layer->first)
            printf(form, layer->name, "d_src", (long long)rows, (long long)inputs, (long long)outputs, 0, layer->in_out,
                   spread);
        if (layer->in_out) /* src^T · d_dst */
            printf(form, layer->name, "d_weight", (long long)inputs, (long long)outputs, (long long)rows, 1, 0, spread);
        else /* d_dst^T · src */
            printf(form, layer->name, "d_weight", (long long)outputs, (long long)inputs, (long long)rows, 1, 0, spread);
    }
    return EXIT_SUCCESS;
}

static double seconds_of(int threads)
{
    struct timespec now;
    clock_gettime(threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Operations a second: the best of a few stretches. */
static double take_turn(pt__device_t *device, const pt__gemm_t *gemm)
{
    double operations = 2.0 * (double)gemm->m * (double)gemm->n * (double)gemm->k, best = 0;
    int64_t calls = (int64_t)(5e-4 * 1e11 / operations) + 1;
    int threads = pt__pool_threads(pt__cpu(device)->pool);
    double begin = seconds_of(threads), last = begin;
    pt__gemm(device, gemm); /* brings the operands and the pool's threads in */
    do {
        last = seconds_of(threads);
        for (int64_t i = 0; i < calls; i++)
            pt__gemm(device, gemm);
        double rate = operations * (double)calls / (seconds_of(threads) - last);
        best = rate > best ? rate : best;
    } while (last - begin < turn_seconds);
    return best;
}

/* Where a line of the cache begins, as tensors do, ours and PyTorch's. */
static float *filled(int64_t n)
{
    size_t bytes = ((size_t)n * sizeof(float) + 63) / 64 * 64;
    float *values = aligned_alloc(64, bytes);
    for (int64_t i = 0; values && i < n; i++)
        values[i] = (float)(i % 17) * 0.125f - 1.0f;
    return values;
}

static int take_turns(int threads, pt__level_t level)
{
    pt__memory_t memory;
    pt__pool_t *pool;
    pt__device_t *own, *cblas;
    long long m, n, k, held[3] = {0, 0, 0};
    int a_transposed, b_transposed;
    float *a = NULL, *b = NULL, *dst = NULL;
    pt__memory_init(&memory, NULL, NULL, NULL);
    if (openblas_set_num_threads)
        openblas_set_num_threads(1);
    if (pt__pool_create(&memory, threads, &pool) != PT_OK ||
        pt__cpu_create(&memory, pool, level, PT__GEMM_OWN, &own) != PT_OK ||
        pt__cpu_create(&memory, pool, level, PT__GEMM_CBLAS, &cblas) != PT_OK) {
        fprintf(stderr, "gemm_table: %s\n", pt__error_message());
        return EXIT_FAILURE;
    }
    printf("%s\n", pt__device_describe(cblas));
    fflush(stdout);
    while (scanf("%lld %lld %lld %d %d", &m, &n, &k, &a_transposed, &b_transposed) == 5) {
        if (m != held[0] || n != held[1] || k != held[2]) {
            free(a);
            free(b);
            free(dst);
            a = filled(m * k);
            b = filled(k * n);
            dst = filled(m * n);
            held[0] = m;
            held[1] = n;
            held[2] = k;
        }
        if (!a || !b || !dst) {
            fprintf(stderr, "gemm_table: out of memory\n");
            return EXIT_FAILURE;
        }
        pt__gemm_t gemm = {.m = m, .n = n, .k = k, .dst = dst};
        gemm.a.data = a;
        gemm.b.data = b;
        gemm.a.transposed = a_transposed;
        gemm.b.transposed = b_transposed;
        gemm.a.stride = a_transposed ? m : k;
        gemm.b.stride = b_transposed ? k : n;
        gemm.dst_stride = n;
        int cores = m * n * (k + 4) >= PT__GEMM_SPREAD ? threads : 1;
        double peak = peak_measure(cores, turn_seconds / 4), ours = take_turn(own, &gemm);
        printf("%g %g %g\n", peak, ours, take_turn(cblas, &gemm));
        fflush(stdout);
    }
    free(a);
    free(b);
    free(dst);
    pt__device_free(cblas);
    pt__device_free(own);
    pt__pool_free(pool);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "shapes") == 0)
        return print_shapes();
    if (argc >= 3 && strcmp(argv[1], "turns") == 0)
        return take_turns(atoi(argv[2]), argc > 3 ? pt__level_find(argv[3]) : PT__LEVEL_COUNT);
    fputs("usage: gemm_table shapes | gemm_table turns THREADS [LEVEL]\n", stderr);
    return EXIT_FAILURE;
}
