/* Binary operations with broadcasting. Axes of size 1 are dropped and neighbours that both operands walk as one are
 * joined; the innermost axis that is left is a serial loop, the others are counted off. Called through the table. */
#include "kernels/cpu/chunks.h"
#include "kernels/cpu/kernels_cpu.h"

typedef struct axis {
    int64_t size, a, b;
} axis_t;

typedef struct sweep {
    pt__combine_fn combine;
    int32_t rank; /* of the outer axes */
    axis_t axis[PT__KERNEL_RANK];
    axis_t inner;
    const float *a, *b;
    float *dst;
} sweep_t;

static void reduce_axes(const pt__broadcast_t *shape, sweep_t *sweep)
{
    axis_t *axis = sweep->axis;
    int32_t rank = 0;
    for (int32_t d = 0; d < shape->rank; d++) {
        axis_t next = {shape->size[d], shape->a_stride[d], shape->b_stride[d]};
        if (next.size == 1)
            continue;
        axis_t *last = rank > 0 ? &axis[rank - 1] : NULL;
        if (last != NULL && last->a == next.a * next.size && last->b == next.b * next.size)
            *last = (axis_t){last->size * next.size, next.a, next.b};
        else
            axis[rank++] = next;
    }
    sweep->inner = rank > 0 ? axis[rank - 1] : (axis_t){1, 1, 1};
    sweep->rank = rank > 0 ? rank - 1 : 0;
}

/* Elements [begin, end) of the single axis that is left. */
static void sweep_elements(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const sweep_t *s = argument;
    (void)chunk, (void)worker;
    s->combine(end - begin, s->a + begin * s->inner.a, s->inner.a, s->b + begin * s->inner.b, s->inner.b,
               s->dst + begin);
}

/* Rows [begin, end): one for each index of the outer axes. */
static void sweep_rows(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const sweep_t *s = argument;
    int64_t index[PT__KERNEL_RANK], rest = begin, a = 0, b = 0;
    (void)chunk, (void)worker;
    for (int32_t d = s->rank - 1; d >= 0; d--) {
        index[d] = rest % s->axis[d].size;
        rest /= s->axis[d].size;
        a += index[d] * s->axis[d].a;
        b += index[d] * s->axis[d].b;
    }
    for (int64_t r = begin; r < end; r++) {
        s->combine(s->inner.size, s->a + a, s->inner.a, s->b + b, s->inner.b, s->dst + r * s->inner.size);
        for (int32_t d = s->rank - 1; d >= 0; d--) {
            a += s->axis[d].a;
            b += s->axis[d].b;
            if (++index[d] < s->axis[d].size)
                break;
            a -= s->axis[d].a * index[d];
            b -= s->axis[d].b * index[d];
            index[d] = 0;
        }
    }
}

void pt__cpu_binary(pt__dev device, pt__binary_t binary, const pt__broadcast_t *shape, const float *a, const float *b,
                    float *dst)
{
    sweep_t sweep = {.combine = pt__cpu(device)->vector->map->binary[binary], .a = a, .b = b, .dst = dst};
    reduce_axes(shape, &sweep);
    int64_t rows = 1;
    for (int32_t d = 0; d < sweep.rank; d++)
        rows *= sweep.axis[d].size;
    if (sweep.rank == 0)
        pt__chunks_run(device, sweep.inner.size, PT__CHUNK_CHEAP, sweep_elements, &sweep);
    else if (sweep.inner.size > 0)
        pt__chunks_run(device, rows, pt__chunks_rows(sweep.inner.size, PT__CHUNK_CHEAP), sweep_rows, &sweep);
}
