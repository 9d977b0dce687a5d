/* Copies, or sums, between strided boxes: permutations, slices, concatenation. Axes are put in the order of the
 * destination's strides and joined where both sides walk them as one. What is left is a run of plain rows, a set of
 * matrices to transpose, or single elements. Called through the table. */
#include <string.h>

#include "kernels/cpu/chunks.h"
#include "kernels/cpu/kernels_cpu.h"

enum { SQUARE = 64 }; /* side of what is transposed at once, so that both sides stay in the cache */

typedef struct axis {
    int64_t size, src, dst;
} axis_t;

typedef struct walk {
    const pt__vector_map_t *map;
    int32_t rank; /* of the outer axes */
    int32_t accumulate;
    axis_t axis[PT__KERNEL_RANK];
    axis_t row, inner; /* inner: the one with the smallest destination stride; row: where transposing, the source's */
    const float *src;
    float *dst;
} walk_t;

static int32_t sorted_axes(const pt__copy_t *copy, axis_t *axis)
{
    int32_t rank = 0, joined = 0;
    for (int32_t d = 0; d < copy->rank; d++) {
        axis_t next = {copy->size[d], copy->src_stride[d], copy->dst_stride[d]};
        if (next.size == 1)
            continue;
        int32_t at = rank++;
        for (; at > 0 && axis[at - 1].dst < next.dst; at--)
            axis[at] = axis[at - 1];
        axis[at] = next;
    }
    for (int32_t d = 0; d < rank; d++) {
        axis_t *last = joined > 0 ? &axis[joined - 1] : NULL;
        if (last != NULL && last->src == axis[d].src * axis[d].size && last->dst == axis[d].dst * axis[d].size)
            *last = (axis_t){last->size * axis[d].size, axis[d].src, axis[d].dst};
        else
            axis[joined++] = axis[d];
    }
    return joined;
}

static void copy_run(const walk_t *walk, int64_t n, const float *src, float *dst)
{
    if (walk->inner.src == 1 && walk->inner.dst == 1) {
        if (walk->accumulate)
            walk->map->add_into(n, src, dst);
        else
            memcpy(dst, src, (size_t)n * sizeof(float));
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        const float *from = src + i * walk->inner.src;
        float *to = dst + i * walk->inner.dst;
        if (walk->accumulate)
            *to += *from;
        else
            memcpy(to, from, sizeof *to); /* may be an integer: as a float most are denormal, zero to any arithmetic */
    }
}

/* A block of SQUARE of the source's rows, which lie along the axis `inner` (any source stride,
 * destination stride 1). */
static void transpose_run(const walk_t *walk, int64_t first, const float *src, float *dst)
{
    int64_t count = walk->row.size - first < SQUARE ? walk->row.size - first : SQUARE; /* along the source's rows */
    src += first;
    dst += first * walk->row.dst;
    for (int64_t i = 0; i < walk->inner.size; i += SQUARE) {
        int64_t rows = walk->inner.size - i < SQUARE ? walk->inner.size - i : SQUARE;
        const float *from = src + i * walk->inner.src;
        if (!walk->accumulate) {
            walk->map->transpose(rows, count, from, walk->inner.src, dst + i, walk->row.dst);
            continue;
        }
        float square[SQUARE * SQUARE];
        walk->map->transpose(rows, count, from, walk->inner.src, square, SQUARE);
        for (int64_t r = 0; r < count; r++)
            walk->map->add_into(rows, square + r * SQUARE, dst + i + r * walk->row.dst);
    }
}

/* Tasks are numbered over the outer axes and, innermost, the blocks of the axis `row` (one where nothing is
 * transposed). */
static void copy_rows(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const walk_t *walk = argument;
    int64_t blocks = walk->row.size > 0 ? pt__chunks_count(walk->row.size, SQUARE) : 1;
    (void)chunk, (void)worker;
    for (int64_t task = begin; task < end; task++) {
        int64_t rest = task / blocks, src = 0, dst = 0;
        for (int32_t d = walk->rank - 1; d >= 0; d--) {
            int64_t index = rest % walk->axis[d].size;
            rest /= walk->axis[d].size;
            src += index * walk->axis[d].src;
            dst += index * walk->axis[d].dst;
        }
        if (walk->row.size > 0)
            transpose_run(walk, task % blocks * SQUARE, walk->src + src, walk->dst + dst);
        else
            copy_run(walk, walk->inner.size, walk->src + src, walk->dst + dst);
    }
}

static void copy_elements(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const walk_t *walk = argument;
    (void)chunk, (void)worker;
    copy_run(walk, end - begin, walk->src + begin * walk->inner.src, walk->dst + begin * walk->inner.dst);
}

void pt__cpu_copy(pt__dev device, const pt__copy_t *copy, const float *src, float *dst)
{
    walk_t walk = {.map = pt__cpu(device)->vector->map, .accumulate = copy->accumulate, .src = src, .dst = dst};
    for (int32_t d = 0; d < copy->rank; d++)
        if (copy->size[d] == 0)
            return;
    int32_t rank = sorted_axes(copy, walk.axis);
    walk.inner = rank > 0 ? walk.axis[rank - 1] : (axis_t){1, 1, 1};
    walk.rank = rank > 0 ? rank - 1 : 0;
    if (walk.rank == 0) {
        pt__chunks_run(device, walk.inner.size, PT__CHUNK_CHEAP, copy_elements, &walk);
        return;
    }
    for (int32_t d = 0; d < walk.rank && walk.inner.dst == 1 && walk.inner.src != 1; d++)
        if (walk.axis[d].src == 1 && walk.row.size == 0) { /* a transposition: this axis leaves the outer ones */
            walk.row = walk.axis[d];
            walk.rank--;
            memmove(walk.axis + d, walk.axis + d + 1, (size_t)(walk.rank - d) * sizeof(axis_t));
        }
    int64_t tasks = walk.row.size > 0 ? pt__chunks_count(walk.row.size, SQUARE) : 1;
    for (int32_t d = 0; d < walk.rank; d++)
        tasks *= walk.axis[d].size;
    int64_t elements = walk.inner.size * (walk.row.size > 0 ? SQUARE : 1);
    pt__chunks_run(device, tasks, pt__chunks_rows(elements, PT__CHUNK_CHEAP), copy_rows, &walk);
}
