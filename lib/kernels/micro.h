/* A processor level's part in our own matrix products: tiles of dst kept in registers, and the packing that feeds them.
 * Written once, in lib/kernels/level/gemm_lanes.c; only gemm_own.c uses the table. Everything here is serial.
 *
 * Rows are cut into tiles of at most `rows` rows, all nearly equal (pt__micro_tile), so that no tile is so small that its
 * sums wait for each other. Packed a: tile after tile, each tile depth by depth: element (i, k) of a tile that begins at
 * row r and has h rows stands at r * depth + k * h + i. Packed b: panels of `columns` columns, each depth by depth, the
 * last one filled up with zeros to whole vectors: element (k, j) of a panel stands at k * columns + j. */
#ifndef PT__MICRO_H
#define PT__MICRO_H

#include <stdint.h>

typedef enum pt__a_form {
    PT__A_ROWS = 0, /* element (i, k) at i * a_stride + k */
    PT__A_DEPTHS,   /* at k * a_stride + i */
    PT__A_PACKED
} pt__a_form_t;

/* Memory that will be wanted soon: rows of `lines` cache lines, fetched a few at a time while something else is multiplied. */
typedef struct pt__ahead {
    const float *row;
    int64_t stride, rows; /* rows: those left */
    int64_t lines, line;  /* of a row; the next one */
    int64_t pace;         /* lines each PT__MICRO_STRETCH depths of a tile */
} pt__ahead_t;

enum { PT__MICRO_STRETCH = 32 };

typedef struct pt__panel { /* dst[rows, columns] = scale * a · b + add + bias; nothing of dst outside is touched */
    int64_t rows, columns, depth; /* columns: at most the level's */
    const float *a;
    int64_t a_stride;
    pt__a_form_t a_form;
    const float *b; /* [depth, columns], rows b_stride apart */
    int64_t b_stride;
    int32_t b_filled; /* b may be read beyond `columns`, up to whole vectors */
    float scale;
    float *dst;
    const float *add; /* like dst, or NULL; may be dst */
    int64_t dst_stride;
    const float *bias;  /* [columns] or NULL */
    pt__ahead_t *ahead; /* never NULL for multiply() */
} pt__panel_t;

typedef struct pt__micro {
    int32_t rows, columns; /* of the largest tile */
    void (*multiply)(const pt__panel_t *panel);
    /* The same for any number of columns and b_form [columns, depth], rows b_stride apart; a_form is PT__A_ROWS: sums
     * along the depth, for few rows or few columns. */
    void (*dot)(const pt__panel_t *panel);
    /* Packs a of this form (not PT__A_PACKED). */
    void (*pack_a)(int64_t rows, int64_t depth, const float *a, int64_t a_stride, pt__a_form_t form, float *dst);
    /* Packs one panel: columns <= the level's; b [depth, columns], or [columns, depth] where transposed. */
    void (*pack_b)(int64_t columns, int64_t depth, const float *b, int64_t b_stride, int32_t transposed, float *dst);
} pt__micro_t;

/* First row of tile t of `tiles` */
static inline int64_t pt__micro_tile(int64_t rows, int64_t tiles, int64_t t)
{
    return rows / tiles * t + (rows % tiles < t ? rows % tiles : t);
}

extern const pt__micro_t pt__micro_portable;
#if defined(__x86_64__)
extern const pt__micro_t pt__micro_avx2, pt__micro_avx512;
#elif defined(__aarch64__)
extern const pt__micro_t pt__micro_neon;
#endif

#endif
