/* Two contexts on two threads at once through the cblas backend, against double precision, once for every BLAS that the
 * system has in Debian's places: a serial OpenBLAS called by two threads at once gives wrong products silently, and
 * which flavour runs is settled at run time. */
#include <glob.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernels/cpu/cpu_device.h"
#include "kernels/cpu/gemm_backend.h"
#include "support/suite.h"

enum { ROUNDS = 300, REPEATS = 100, LARGEST = 96, SAMPLES = 40 };

typedef struct host { /* one thread of a host, with a context's parts of its own */
    pthread_t thread;
    uint64_t state;
    int wrong, done;
} host_t;

static uint64_t draw(host_t *host, uint64_t bound)
{
    host->state = host->state * 6364136223846793005u + 1442695040888963407u;
    return (host->state >> 33) % bound;
}

typedef struct sample { /* an element of dst */
    int64_t i, j;
    double value, tolerance;
} sample_t;

static sample_t draw_sample(host_t *host, const pt__gemm_t *g)
{
    sample_t sample = {.i = (int64_t)draw(host, (uint64_t)g->m), .j = (int64_t)draw(host, (uint64_t)g->n)};
    const float *a = g->a.data, *b = g->b.data;
    double size = 1.0;
    for (int64_t k = 0; k < g->k; k++) {
        double x = g->a.transposed ? a[k * g->a.stride + sample.i] : a[sample.i * g->a.stride + k];
        double y = g->b.transposed ? b[sample.j * g->b.stride + k] : b[k * g->b.stride + sample.j];
        sample.value += x * y;
        size += fabs(x * y);
    }
    sample.tolerance = 2e-6 * size;
    return sample;
}

/* Products of changing sizes, many so small that BLAS is mostly busy getting buffers, some large enough to be cut over
 * the pool. */
static void multiply_often(host_t *host, pt__device_t *device, float *a, float *b, float *dst)
{
    for (int round = 0; round < ROUNDS; round++) {
        int64_t bound = round % 16 == 0 ? 4 * LARGEST : round % 2 ? 16 : LARGEST;
        pt__gemm_t g = {.m = 1 + (int64_t)draw(host, (uint64_t)bound), .n = 1 + (int64_t)draw(host, (uint64_t)bound)};
        g.k = 1 + (int64_t)draw(host, round % 2 ? 16 : LARGEST);
        g.a.data = a;
        g.b.data = b;
        g.dst = dst;
        g.a.transposed = (int32_t)draw(host, 2);
        g.b.transposed = (int32_t)draw(host, 2);
        g.a.stride = g.a.transposed ? g.m : g.k;
        g.b.stride = g.b.transposed ? g.k : g.n;
        g.dst_stride = g.n;
        for (int64_t i = 0; i < g.m * g.k; i++)
            a[i] = (float)draw(host, 2001) * 1e-3f - 1.0f;
        for (int64_t i = 0; i < g.k * g.n; i++)
            b[i] = (float)draw(host, 2001) * 1e-3f - 1.0f;
        sample_t samples[SAMPLES];
        for (int s = 0; s < SAMPLES; s++)
            samples[s] = draw_sample(host, &g);
        for (int repeat = 0; repeat < REPEATS; repeat++) {
            pt__gemm(device, &g);
            for (int s = 0; s < SAMPLES; s++) {
                double value = (double)g.dst[samples[s].i * g.dst_stride + samples[s].j];
                host->wrong += !(fabs(samples[s].value - value) <= samples[s].tolerance);
            }
        }
    }
}

static void *be_host(void *argument)
{
    host_t *host = argument;
    pt__memory_t memory;
    pt__pool_t *pool;
    pt__device_t *device;
    const size_t floats = 16 * LARGEST * LARGEST;
    float *values = malloc(3 * floats * sizeof(float));
    pt__memory_init(&memory, NULL, NULL, NULL);
    if (values && pt__pool_create(&memory, 2, &pool) == PT_OK) {
        if (pt__cpu_create(&memory, pool, PT__LEVEL_COUNT, PT__GEMM_CBLAS, &device) == PT_OK) {
            multiply_often(host, device, values, values + floats, values + 2 * floats);
            host->done = 1;
            pt__device_free(device);
        }
        pt__pool_free(pool);
    }
    free(values);
    return NULL;
}

START_TEST(test_blas_stress_here)
{
    host_t hosts[2] = {{.state = 1}, {.state = 2}};
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&hosts[i].thread, NULL, be_host, &hosts[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(hosts[i].thread, NULL);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(hosts[i].done, 1);
        ck_assert_msg(hosts[i].wrong == 0, "%s: %d wrong elements", pt__gemm_cblas_name(), hosts[i].wrong);
    }
}
END_TEST

/* This program again, with the BLAS of another directory and a number of BLAS threads. */
static void run_with(const char *directory, const char *blas_threads)
{
    char self[4096];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    int status;
    if (length <= 0)
        return; /* not Linux: the linked BLAS was tested */
    self[length] = '\0';
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        setenv("LD_LIBRARY_PATH", directory, 1);
        setenv("OPENBLAS_NUM_THREADS", blas_threads, 1);
        setenv("OMP_NUM_THREADS", blas_threads, 1);
        setenv("PT_TEST_BLAS", "1", 1);
        if (pt__level_supported(PT__LEVEL_AVX2)) /* OpenBLAS's kernels for AVX-512 do small products without buffers */
            setenv("OPENBLAS_CORETYPE", "Haswell", 1);
        execl(self, self, (char *)NULL);
        _exit(127);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "failed with the BLAS in %s, %s BLAS threads",
                  directory, blas_threads);
}

START_TEST(test_blas_stress_others)
{
    static const char *const patterns[] = {"/usr/lib/*/openblas-*", "/usr/lib/*/blas"};
    glob_t found;
    if (getenv("PT_TEST_BLAS"))
        return;
    for (size_t p = 0; p < sizeof patterns / sizeof patterns[0]; p++) {
        if (glob(patterns[p], 0, NULL, &found) != 0)
            continue;
        for (size_t i = 0; i < found.gl_pathc; i++) {
            run_with(found.gl_pathv[i], "1");
            run_with(found.gl_pathv[i], "2");
        }
        globfree(&found);
    }
}
END_TEST

SUITE("blas_stress", 400, test_blas_stress_here, test_blas_stress_others)
