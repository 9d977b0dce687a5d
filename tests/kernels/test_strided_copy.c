/* Copies between strided boxes and binary operations with broadcasting, of random shapes. */
#include "kernels/every_device.h"

static int64_t draw_below(int64_t n)
{
    return (int64_t)((draw_value() + 1.0f) * 0.49999f * (float)n);
}

/* ---- copies */

typedef struct copy_case {
    pt__copy_t copy;
    const float *src;
} copy_case_t;

static void run_copy(pt__dev device, const void *argument, float *out)
{
    const copy_case_t *c = argument;
    device->kernels->copy(device, &c->copy, c->src, out);
}

/* A box whose axes lie in memory in a drawn order, with gaps. */
static int64_t draw_strides(int32_t rank, const int64_t *size, int64_t gap, int64_t *stride)
{
    int32_t order[PT__KERNEL_RANK];
    int64_t next = 1;
    for (int32_t d = 0; d < rank; d++)
        order[d] = d;
    for (int32_t d = rank - 1; d > 0; d--) {
        int32_t other = (int32_t)draw_below(d + 1), kept = order[d];
        order[d] = order[other];
        order[other] = kept;
    }
    for (int32_t d = 0; d < rank; d++) {
        stride[order[d]] = next;
        next *= size[order[d]] + (draw_below(3) == 0 ? gap : 0);
    }
    return next;
}

static void check_copy(int32_t rank, const int64_t *size, int64_t gap, int32_t accumulate)
{
    copy_case_t c = {.copy = {.rank = rank, .accumulate = accumulate}};
    for (int32_t d = 0; d < rank; d++)
        c.copy.size[d] = size[d];
    int64_t src_size = draw_strides(rank, size, gap, c.copy.src_stride), elements = 1;
    int64_t dst_size = draw_strides(rank, size, gap, c.copy.dst_stride);
    float *src = draw_values(src_size), *before = draw_values(dst_size);
    double *expected = zero_doubles(dst_size);
    for (int64_t i = 0; i < dst_size; i++)
        expected[i] = (double)before[i];
    for (int32_t d = 0; d < rank; d++)
        elements *= size[d];
    for (int64_t e = 0; e < elements; e++) {
        int64_t from = 0, to = 0, rest = e;
        for (int32_t d = rank - 1; d >= 0; d--) {
            from += rest % size[d] * c.copy.src_stride[d];
            to += rest % size[d] * c.copy.dst_stride[d];
            rest /= size[d];
        }
        expected[to] = (double)src[from] + (accumulate ? (double)before[to] : 0.0);
    }
    c.src = src;
    on_every_device("copy", run_copy, &c, dst_size, before, expected, accumulate ? 1e-6 : 0.0);
    free(src), free(before), free(expected);
}

START_TEST(test_copy)
{
    static const int64_t fixed[][3] = {{1, 1, 1}, {300, 200, 1}, {12, 64, 129}, {1, 1, 70000}, {0, 3, 4}, {70, 65, 63}};
    for (size_t f = 0; f < sizeof fixed / sizeof fixed[0]; f++)
        for (int i = 0; i < 8; i++)
            check_copy(3, fixed[f], i & 2 ? 5 : 0, i & 1);
    for (int i = 0; i < 60; i++) {
        int64_t size[PT__KERNEL_RANK];
        int32_t rank = 1 + (int32_t)draw_below(6);
        for (int32_t d = 0; d < rank; d++)
            size[d] = 1 + draw_below(9);
        check_copy(rank, size, 3, i & 1);
    }
    check_copy(0, NULL, 0, 0);
}
END_TEST

/* ---- broadcasting */

typedef struct binary_case {
    pt__binary_t binary;
    pt__broadcast_t shape;
    const float *a, *b;
    int64_t n;
    int in_place; /* 1: over a, 2: over b */
} binary_case_t;

static void run_binary(pt__dev device, const void *argument, float *out)
{
    const binary_case_t *c = argument;
    if (c->in_place)
        memcpy(out, c->in_place == 1 ? c->a : c->b, (size_t)c->n * sizeof(float));
    device->kernels->binary(device, c->binary, &c->shape, c->in_place == 1 ? out : c->a, c->in_place == 2 ? out : c->b,
                            out);
}

/* Strides of a dense operand that has size 1 along the axes in `mask`. */
static int64_t operand_strides(const pt__broadcast_t *shape, int64_t mask, int64_t *stride)
{
    int64_t next = 1;
    for (int32_t d = shape->rank - 1; d >= 0; d--) {
        stride[d] = mask >> d & 1 ? 0 : next;
        next *= mask >> d & 1 ? 1 : shape->size[d];
    }
    return next;
}

static void check_binary(int32_t rank, const int64_t *size, int64_t a_mask, int64_t b_mask)
{
    for (int binary = 0; binary < PT__BINARY_COUNT; binary++)
        for (int in_place = 0; in_place < 3; in_place++) {
            if ((in_place == 1 && a_mask) || (in_place == 2 && b_mask))
                continue;
            binary_case_t c = {.binary = (pt__binary_t)binary, .shape = {.rank = rank}, .n = 1, .in_place = in_place};
            for (int32_t d = 0; d < rank; d++) {
                c.shape.size[d] = size[d];
                c.n *= size[d];
            }
            float *a = draw_values(operand_strides(&c.shape, a_mask, c.shape.a_stride));
            int64_t b_size = operand_strides(&c.shape, b_mask, c.shape.b_stride);
            float *b = draw_values(b_size);
            for (int64_t i = 0; i < b_size; i++)
                b[i] = b[i] < 0.0f ? b[i] - 0.5f : b[i] + 0.5f;
            double *expected = zero_doubles(c.n);
            for (int64_t e = 0; e < c.n; e++) {
                int64_t at_a = 0, at_b = 0, rest = e;
                for (int32_t d = rank - 1; d >= 0; d--) {
                    at_a += rest % size[d] * c.shape.a_stride[d];
                    at_b += rest % size[d] * c.shape.b_stride[d];
                    rest /= size[d];
                }
                double x = (double)a[at_a], y = (double)b[at_b], values[] = {x + y, x - y, x * y, x / y};
                expected[e] = values[binary];
            }
            c.a = a;
            c.b = b;
            on_every_device("binary", run_binary, &c, c.n, NULL, expected, 2e-7);
            free(a), free(b), free(expected);
        }
}

START_TEST(test_binary)
{
    static const int64_t plain[] = {100000}, matrix[] = {150, 331}, box[] = {3, 5, 4, 7};
    check_binary(0, NULL, 0, 0);
    for (int64_t mask = 0; mask < 2; mask++)
        check_binary(1, plain, 0, mask);
    check_binary(1, plain, 1, 1);
    for (int64_t mask = 0; mask < 4; mask++) {
        check_binary(2, matrix, mask, 0);
        check_binary(2, matrix, 2, mask);
    }
    for (int64_t mask = 0; mask < 16; mask++) {
        check_binary(4, box, mask, 0);
        check_binary(4, box, 5, mask);
    }
}
END_TEST

SUITE("strided copy", 120, test_copy, test_binary)
