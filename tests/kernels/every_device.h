/* Runs a kernel on every device this machine can be: each processor level, at 1, 2 and 5 threads. The results at one
 * thread are compared with a reference in double precision, the others bit for bit with those. */
#ifndef TESTS_EVERY_DEVICE_H
#define TESTS_EVERY_DEVICE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cpu/cpu_device.h"
#include "support/suite.h"

typedef void (*kernel_run_fn)(pt__dev device, const void *argument, float *out);

static inline void check_values(const char *what, const char *level, int64_t n, const float *out,
                                const double *expected, double tolerance)
{
    for (int64_t i = 0; i < n; i++) {
        double difference = fabs((double)out[i] - expected[i]), size = fabs(expected[i]);
        int same = (isnan(expected[i]) && isnan(out[i])) || (double)out[i] == expected[i];
        ck_assert_msg(same || difference <= tolerance * (size > 1.0 ? size : 1.0),
                      "%s, %s: element %d is %.9g, expected %.9g", what, level, (int)i, (double)out[i], expected[i]);
    }
}

/* out holds `before` [n] when the kernel begins (NULL: NaN). Errors are absolute below 1, relative above. */
static inline void on_every_device(const char *what, kernel_run_fn run, const void *argument, int64_t n,
                                   const float *before, const double *expected, double tolerance)
{
    static const int thread_counts[] = {1, 2, 5};
    size_t bytes = (size_t)(n > 0 ? n : 1) * sizeof(float);
    float *out = malloc(bytes), *first = malloc(bytes);
    ck_assert(out && first);
    for (pt__level_t level = PT__LEVEL_PORTABLE; level < PT__LEVEL_COUNT; level++) {
        if (!pt__level_supported(level))
            continue;
        for (int t = 0; t < 3; t++) {
            pt__memory_t memory;
            pt__pool_t *pool = NULL;
            pt__device_t *device = NULL;
            pt__memory_init(&memory, NULL, NULL, NULL);
            ck_ok(pt__pool_create(&memory, thread_counts[t], &pool));
            ck_ok(pt__cpu_create(&memory, pool, level, PT__GEMM_AUTO, &device));
            for (int64_t i = 0; i < n; i++)
                out[i] = before != NULL ? before[i] : NAN;
            pt__device_enter(device);
            run(device, argument, out);
            pt__device_leave(device);
            if (t == 0) {
                check_values(what, pt__level_name(level), n, out, expected, tolerance);
                memcpy(first, out, bytes);
            }
            ck_assert_msg(n == 0 || memcmp(first, out, (size_t)n * sizeof(float)) == 0,
                          "%s, %s: other bits with %d threads", what, pt__level_name(level), thread_counts[t]);
            pt__device_free(device);
            pt__pool_free(pool);
            ck_assert_int_eq(atomic_load(&memory.bytes), 0);
        }
    }
    free(out);
    free(first);
}

/* A fixed sequence of values in [-1, 1). */
static inline float draw_value(void)
{
    static uint32_t state = 1;
    state = state * 1664525u + 1013904223u;
    return (float)((int32_t)state >> 8) / 8388608.0f;
}

static inline float *draw_values(int64_t n)
{
    float *values = malloc((size_t)(n > 0 ? n : 1) * sizeof(float));
    ck_assert(values != NULL);
    for (int64_t i = 0; i < n; i++)
        values[i] = draw_value();
    return values;
}

static inline double *zero_doubles(int64_t n)
{
    double *values = calloc((size_t)(n > 0 ? n : 1), sizeof(double));
    ck_assert(values != NULL);
    return values;
}

#endif
