/* The float mode between pt__device_enter and pt__device_leave: the host's comes back whole, denormal numbers become
 * zero, and all of it on every thread alike. */
#include "support/float_mode.h"

#include <float.h>

#include "kernels/every_device.h"

static void make(pt__memory_t *memory, int32_t threads, pt__pool_t **pool, pt__device_t **device)
{
    pt__memory_init(memory, NULL, NULL, NULL);
    ck_ok(pt__pool_create(memory, threads, pool));
    ck_ok(pt__cpu_create(memory, *pool, PT__LEVEL_COUNT, PT__GEMM_AUTO, device));
}

START_TEST(test_host_mode_comes_back)
{
    pt__memory_t memory;
    pt__pool_t *pools[2];
    pt__device_t *devices[2];
    uint64_t before = float_mode_begin();
    for (int i = 0; i < 2; i++)
        make(&memory, 2, &pools[i], &devices[i]);
    uint64_t host = pt__float_mode_get();
    pt__device_enter(devices[0]);
    ck_assert_uint_eq(pt__float_mode_get(), PT__FLOAT_MODE);
    pt__device_enter(devices[1]); /* of another context */
    ck_assert_uint_eq(pt__float_mode_get(), PT__FLOAT_MODE);
    pt__device_leave(devices[1]);
    ck_assert_uint_eq(pt__float_mode_get(), PT__FLOAT_MODE);
    pt__device_leave(devices[0]);
    ck_assert_uint_eq(pt__float_mode_get(), host); /* what exceptions had come up included */
    ck_assert_int_eq(fegetround(), FE_UPWARD);
    for (int i = 0; i < 2; i++) {
        pt__device_free(devices[i]);
        pt__pool_free(pools[i]);
    }
    float_mode_end(before);
}
END_TEST

/* ---- workers, whatever the thread had that made them */

typedef struct look {
    pt__device_t *device;
    uint64_t modes[64];
} look_t;

static void look_at_mode(void *argument, int64_t task, int32_t worker)
{
    look_t *look = argument;
    (void)worker;
    for (volatile int wait = 0; wait < 100000; wait++) /* long enough for every worker to come */
        continue;
    look->modes[task] = pt__float_mode_get();
}

START_TEST(test_all_threads_of_a_job_are_alike)
{
    pt__memory_t memory;
    pt__pool_t *pool;
    look_t look;
    uint64_t before = float_mode_begin();
    make(&memory, 5, &pool, &look.device);
    pt__device_enter(look.device);
    pt__pool_run(pool, 64, look_at_mode, &look);
    pt__device_leave(look.device);
    for (int i = 0; i < 64; i++)
        ck_assert_uint_eq(look.modes[i] & ~FLOAT_MODE_STATUS, PT__FLOAT_MODE);
    pt__device_free(look.device);
    pt__pool_free(pool);
    float_mode_end(before);
}
END_TEST

/* ---- denormal numbers */

enum { N = 1000003, ROWS = 257, COLUMNS = 129 }; /* work for long enough that every thread takes part */

/* Around the smallest normal number, 1.2e-38, most of them below it. */
static float *draw_denormals(int64_t n)
{
    float *values = draw_values(n);
    for (int64_t i = 0; i < n; i++)
        values[i] *= 2e-38f;
    return values;
}

static void decay(pt__dev device, const void *argument, float *out)
{
    pt__update_t update = {.count = N,
                           .parameter = out,
                           .gradient = argument,
                           .gradient_scale = 1.0f,
                           .rate = 1.0f};
    const pt__sgd_t sgd = {.momentum_buffer = out + N, .momentum = 0.5f};
    device->kernels->sgd(device, &update, &sgd);
}

/* Momentum that decays below the smallest normal number is zero, and does not move its parameter any more. */
START_TEST(test_denormal_momentum_is_zero)
{
    float *gradient = calloc(N, sizeof *gradient), *before = draw_denormals(2 * N);
    double *expected = zero_doubles(2 * N);
    ck_assert(gradient != NULL);
    for (int64_t i = 0; i < N; i++) {
        before[i] = 1.0f;
        expected[i] = 1.0;
        expected[N + i] = PT__FLOAT_MODE != 0 ? 0.0 : (double)(0.5f * before[N + i]);
        ck_assert(fabsf(before[N + i]) <= 2e-38f);
    }
    on_every_device("momentum", decay, gradient, 2 * N, before, expected, 0.0);
    free(gradient), free(before), free(expected);
}
END_TEST

static void enlarge(pt__dev device, const void *argument, float *out)
{
    device->kernels->scale(device, N, 1e30f, argument, out);
}

START_TEST(test_denormal_inputs_are_zero)
{
    float *src = draw_denormals(N);
    double *expected = zero_doubles(N);
    for (int64_t i = 0; i < N; i++)
        expected[i] = PT__FLOAT_MODE != 0 && fabsf(src[i]) < FLT_MIN ? 0.0 : (double)(1e30f * src[i]);
    on_every_device("denormals enlarged", enlarge, src, N, NULL, expected, 0.0);
    free(src), free(expected);
}
END_TEST

typedef struct operands {
    const float *a, *b, *normal;
} operands_t;

/* Kernels that would give other bits where a thread kept denormals: their results are compared over thread counts
 * only. */
static void run_all(pt__dev device, const void *argument, float *out)
{
    const operands_t *o = argument;
    const pt__kernels_t *k = device->kernels;
    pt__gemm_t gemm = {.m = ROWS, .n = COLUMNS, .k = COLUMNS, .dst = out};
    gemm.a.data = o->a;
    gemm.b.data = o->normal;
    gemm.a.stride = gemm.b.stride = gemm.dst_stride = COLUMNS;
    pt__gemm(device, &gemm);
    out += ROWS * COLUMNS;
    memcpy(out, o->a, N * sizeof(float));
    k->add_into(device, N, o->b, out);
    out += N;
    k->scale(device, N, 0.75f, o->a, out);
    out += N;
    k->unary(device, PT__UNARY_SILU, N, o->a, out);
    out += N;
    k->layer_norm(device, ROWS, COLUMNS, 1e-5f, o->a, o->normal, o->b, out, out + ROWS * COLUMNS,
                  out + ROWS * COLUMNS + ROWS);
    out += ROWS * COLUMNS + 2 * ROWS;
    k->column_sum(device, ROWS, COLUMNS, o->a, 0, out);
    out += COLUMNS;
    pt__update_t update = {.count = N,
                           .parameter = out,
                           .gradient = o->a,
                           .gradient_scale = 1.0f,
                           .rate = 1.0f};
    const pt__adam_t adam = {.exp_avg = out + N,
                             .exp_avg_sq = out + 2 * N,
                             .beta1 = 0.9,
                             .beta2 = 0.99,
                             .epsilon = 1e-8f,
                             .bias_correction1 = 0.1,
                             .bias_correction2 = 0.01};
    memcpy(out, o->b, N * sizeof(float));
    memcpy(out + N, o->b, N * sizeof(float));
    memset(out + 2 * N, 0, N * sizeof(float));
    k->adam(device, &update, &adam);
}

START_TEST(test_same_bits_with_denormals)
{
    enum { TOTAL = 2 * ROWS * COLUMNS + 2 * ROWS + COLUMNS + 6 * N };
    float *a = draw_denormals(N), *b = draw_denormals(N), *normal = draw_values(N);
    double *expected = zero_doubles(TOTAL);
    operands_t operands = {.a = a, .b = b, .normal = normal};
    uint64_t before = float_mode_begin(); /* the host's own would show in the calling thread's part */
    on_every_device("denormals", run_all, &operands, TOTAL, NULL, expected, 1e3);
    float_mode_end(before);
    free(a), free(b), free(normal), free(expected);
}
END_TEST

SUITE("device", 60, test_host_mode_comes_back, test_all_threads_of_a_job_are_alike, test_denormal_momentum_is_zero,
      test_denormal_inputs_are_zero, test_same_bits_with_denormals)
