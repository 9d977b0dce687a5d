/* A processor level's part in our own matrix products: tiles of dst kept in registers, and the packing that feeds them.
 * Written once, in lib/kernels/level/gemm_lanes.c; only our own backend behind the matrix door uses the table.
 * Everything here is serial.
 *
 * Rows are cut into tiles of at most `rows` rows, all nearly equal (pt__micro_tile), so that no tile is so small
 * that its sums wait for each other; columns into panels of `columns`. Packed b: panel after panel, each depth by
 * depth, the last one filled up with zeros to whole vectors: element (k, j) of a panel stands at k * columns + j. */
#ifndef PT__MICRO_H
#define PT__MICRO_H

#include <stdint.h>

#include "base/dtype.h"

enum {
    PT__MICRO_DEPTH = 512,                            /* the most depth of a tile that is staged */
    PT__MICRO_WIDENED = 16 * (PT__MICRO_DEPTH + 16),  /* floats of a stage that stays in the first-level cache, */
    PT__MICRO_FEW = 4,                                /* rows for which narrow numbers become floats in registers */
    PT__MICRO_STAGE = 8 * (8 * PT__MICRO_DEPTH + 16), /* and of one that stays in the second: of several tiles */
};

/* Memory that will be wanted soon, in rows of whole cache lines: fetched a few at a time while something else is
 * multiplied. */
typedef struct pt__ahead {
    const float *row;
    int64_t stride, rows; /* rows: those left; 0: nothing to fetch */
    int64_t lines, line;  /* of a row; the next one */
} pt__ahead_t;

typedef struct pt__block { /* dst[rows, columns] = a · b + add + bias; nothing of dst outside is touched */
    int64_t rows, columns, depth;
    const float *a; /* element (i, k) at i * a_stride + k; or, transposed, at k * a_stride + i */
    int64_t a_stride;
    int32_t a_transposed;
    /* [PT__MICRO_STAGE]: a is copied there first, a tile's numbers of each depth side by side; transposed, for several
     * tiles, with rows at least as far apart as the level's vectors are long. NULL: it is not */
    float *stage;
    const float *b; /* element (k, j) of panel p at p * b_step + k * b_stride + j */
    int64_t b_stride, b_step;
    int32_t b_filled;       /* the last panel may be read up to whole vectors */
    int32_t dst_transposed; /* element (i, j) of dst and add at j * dst_stride + i, not i * dst_stride + j */
    float *dst;
    const float *add; /* like dst, or NULL; may be dst */
    int64_t dst_stride;
    const float *beside; /* like dst, or NULL: will be wanted soon after, so it is fetched */
    const float *bias;   /* along dst's rows in memory: [columns], or [rows] where it is transposed; or NULL */
    float *a_sum;        /* += sums of a over the depth [rows], or NULL */
    float *b_sum;        /* += sums of b over the depth [columns], or NULL */
    pt__ahead_t *b_next; /* what the next block reads of b, or NULL: fetched bit by bit */
} pt__block_t;

/* What pt__micro_t.dot does, of at most PT__MICRO_FEW rows, with b [columns, depth] in a format of blocks, whole ones,
 * rows b_bytes apart: the same bits as with its numbers as floats. */
typedef void (*pt__dot_narrow_fn)(const pt__block_t *block, const void *b, int64_t b_bytes);

typedef struct pt__micro {
    int32_t rows, columns;  /* of the largest tile */
    int32_t in_place_depth; /* up to this depth a is best read where it stands */
    void (*multiply)(const pt__block_t *block);
    /* The same for b [columns, depth], rows b_stride apart; neither a nor dst is transposed, no sums of a or b: sums
     * along the depth, for few rows or few columns. */
    void (*dot)(const pt__block_t *block);
    pt__dot_narrow_fn dot_narrow[PT__DTYPES]; /* by b's dtype; NULL: not from this one */
    int32_t dot_narrow_needs_f16c;            /* for these PT__FEATURE_F16C has to be there */
    /* Packs panels into dst, one dst_step after the other: b [depth, columns], or [columns, depth] where transposed. */
    void (*pack_b)(int64_t columns, int64_t depth, const float *b, int64_t b_stride, int32_t transposed, float *dst,
                   int64_t dst_step);
    /* dst[i] += sum over k of src[k * stride + i], i < n: what multiply() adds to a_sum and b_sum. */
    void (*sum_depths)(int64_t n, int64_t depth, const float *src, int64_t stride, float *dst);
} pt__micro_t;

/* First row of tile t of `tiles` */
static inline int64_t pt__micro_tile(int64_t rows, int64_t tiles, int64_t t)
{
    return rows / tiles * t + (rows % tiles < t ? rows % tiles : t);
}

/* Those that the build has (level_tables.c). */
extern const pt__micro_t pt__micro_portable;
extern const pt__micro_t pt__micro_avx2, pt__micro_avx512, pt__micro_neon;

#endif
