/* Attention of one tile of queries, forward, and of one key-value head, backward (Dao 2022, 2023): scores exist for
 * PT__ATTENTION_TILE keys by as many queries at a time. A level's part of pt__vector_t.
 *
 *   s = scale q·k    p = e^(s - log_sum)    o = sum p v    delta = d_o·o
 *   d_v = sum p d_o    d_s = p (d_o·v - delta) scale    d_q = sum d_s k    d_k = sum d_s q
 *
 * Scores are kept transposed, [key][query]: the largest and the sum over keys are then taken lane by lane, and every
 * product below reads its left operand with broadcasts and its right one in rows, as they lie in memory. Only queries
 * and d_o are transposed, once a tile; the rows of a tile are brought together first. Exponentials are powers of 2:
 * queries are scaled by log2(e) as well. On the causal diagonal, queries in groups of GRANULE see the keys up to the
 * group's last; the mask does the rest. */
#include "base/portability.h"
#include "kernels/cpu/level/rows.h"
#include "kernels/cpu/level/transpose_block.h"
#include "kernels/cpu/vector.h"

enum {
    TILE = PT__ATTENTION_TILE,
    GRANULE = 16, /* a multiple of LANES and of ROWS at every level */
#if LANES == 16 || defined(__aarch64__)
    ROWS = 8, /* of a product's register tile; by two vectors */
#else
    ROWS = 4,
#endif
};

#define LOWEST (-1e30f) /* where the running maximum starts: a tile without any key gives e^(-infinity - LOWEST) = 0 */
#define LOG2_E 1.44269504f

/* ---- products */

typedef struct operand { /* element (m, k) stands at data[m * row + k * step] */
    const float *data;
    int64_t row, step;
} operand_t;

/* dst[rows, vectors] = a · b, added to factor[m] · dst (factor NULL: 1) where `accumulate`. All but pointers and sizes
 * are known where this is inlined. */
INLINE void tile_product(int rows, int vectors, int64_t depth, operand_t a, const float *b, int64_t b_stride,
                         int accumulate, const float *factor, float *dst, int64_t dst_stride)
{
    floats_t total[8][2];
#pragma GCC unroll 8
    for (int m = 0; m < rows; m++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) {
            total[m][v] = accumulate ? load(dst + m * dst_stride + v * LANES) : (floats_t){0};
            if (accumulate && factor != NULL)
                total[m][v] *= factor[m];
        }
    for (int64_t k = 0; k < depth; k++) {
        floats_t right[2];
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            right[v] = load(b + k * b_stride + v * LANES);
#pragma GCC unroll 8
        for (int m = 0; m < rows; m++) {
            floats_t left = broadcast(a.data[m * a.row + k * a.step]);
#pragma GCC unroll 2
            for (int v = 0; v < vectors; v++)
                total[m][v] += left * right[v];
        }
    }
#pragma GCC unroll 8
    for (int m = 0; m < rows; m++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            store(dst + m * dst_stride + v * LANES, total[m][v]);
}

/* What part of the depth the rows of a product need, where a causal mask leaves the rest 0. */
typedef enum depth_range { DEPTH_ALL, DEPTH_UP_TO_ROW, DEPTH_FROM_ROW } depth_range_t;

/* Rows [m, m + rows) of one strip of columns. */
INLINE void tile_rows(int rows, int vectors, int64_t m, int64_t depth, depth_range_t range, operand_t a, const float *b,
                      int64_t b_stride, int accumulate, const float *factor, float *dst, int64_t dst_stride)
{
    int64_t from = range == DEPTH_FROM_ROW ? m : 0;
    if (range == DEPTH_UP_TO_ROW && m + rows < depth)
        depth = m + rows;
    a.data += m * a.row + from * a.step;
    tile_product(rows, vectors, depth - from, a, b + from * b_stride, b_stride, accumulate,
                 factor != NULL ? factor + m : NULL, dst + m * dst_stride, dst_stride);
}

INLINE void strip_product(int vectors, int64_t rows, int64_t depth, depth_range_t range, operand_t a, const float *b,
                          int64_t b_stride, int accumulate, const float *factor, float *dst, int64_t dst_stride)
{
    int64_t m = 0;
    for (; m + ROWS <= rows; m += ROWS)
        tile_rows(ROWS, vectors, m, depth, range, a, b, b_stride, accumulate, factor, dst, dst_stride);
    if (ROWS == 8 && m + 4 <= rows) {
        tile_rows(4, vectors, m, depth, range, a, b, b_stride, accumulate, factor, dst, dst_stride);
        m += 4;
    }
    for (; m < rows; m++)
        tile_rows(1, vectors, m, depth, range, a, b, b_stride, accumulate, factor, dst, dst_stride);
}

/* dst [rows, columns] = a · b or added to it, columns being whole vectors: strips of two, whose part of b stays in the
 * cache. */
INLINE void product(int64_t rows, int64_t columns, int64_t depth, depth_range_t range, operand_t a, const float *b,
                    int64_t b_stride, int accumulate, const float *factor, float *dst, int64_t dst_stride)
{
    int64_t n = 0;
    for (; n + 2 * LANES <= columns; n += 2 * LANES)
        strip_product(2, rows, depth, range, a, b + n, b_stride, accumulate, factor, dst + n, dst_stride);
    if (n < columns)
        strip_product(1, rows, depth, range, a, b + n, b_stride, accumulate, factor, dst + n, dst_stride);
}

/* ---- a tile's parts */

/* Rows of one head, brought together: dst [rows, padded], zeros beyond width. Rows that lie a multiple of a page apart,
 * as they do in a fused matrix of queries, keys and values, would push each other out of the first cache. */
static void pack_rows(int64_t rows, int64_t width, const float *src, int64_t stride, float *dst, int64_t padded)
{
    for (int64_t r = 0; r < rows; r++) {
        const float *from = src + r * stride;
        float *to = dst + r * padded;
        int64_t c = 0;
        for (; c + LANES <= width; c += LANES)
            store(to + c, load(from + c));
        if (c < width)
            store(to + c, load_part(from + c, width - c, 0.0f));
    }
}

/* The keys that queries [i, i + LANES) of a tile may see: all, or on the diagonal those up to their group's end. */
INLINE int64_t keys_seen(int diagonal, int64_t keys, int64_t i)
{
    int64_t end = (i / GRANULE + 1) * GRANULE;
    return diagonal && end < keys ? end : keys;
}

typedef struct rows { /* [.., width] or, with zeros beyond, [.., padded] */
    const float *data;
    int64_t stride;
} rows_t;

/* Rows that are read once or twice stay where they are, unless the last vector of a row would reach beyond it. */
INLINE rows_t bring_rows(int in_place, int64_t rows, int64_t width, const float *src, int64_t stride, float *buffer,
                         int64_t padded)
{
    if (in_place && width == padded)
        return (rows_t){src, stride};
    pack_rows(rows, width, src, stride, buffer, padded);
    return (rows_t){buffer, padded};
}

/* Rows that will be wanted: they lie far apart, where no processor looks ahead by itself. `write`: to be written. */
INLINE void fetch_rows(int write, int64_t rows, int64_t width, const float *src, int64_t stride)
{
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < width; c += PT__CACHE_LINE / (int64_t)sizeof(float))
            fetch(src + r * stride + c, write);
}

/* The other way: dst (+)= src [rows, padded]. */
static void put_rows(int64_t rows, int64_t width, const float *src, int64_t padded, int32_t accumulate, float *dst,
                     int64_t stride)
{
    for (int64_t r = 0; r < rows; r++) {
        const float *from = src + r * padded;
        float *to = dst + r * stride;
        int64_t c = 0;
        for (; c + LANES <= width; c += LANES)
            store(to + c, accumulate ? load(to + c) + load(from + c) : load(from + c));
        if (c < width)
            store_part(to + c, accumulate ? load_part(to + c, width - c, 0.0f) + load(from + c) : load(from + c),
                       width - c);
    }
}

/* dst [width][TILE] = factor · src^T, src [rows, width]; columns up to the next multiple of LANES are 0 */
static void pack_transposed(int64_t rows, int64_t width, const float *src, int64_t stride, float factor, float *dst)
{
    for (int64_t r = 0; r < rows; r += LANES) {
        int64_t count = rows - r < LANES ? rows - r : LANES, c = 0;
        if (count == LANES)
            for (; c + LANES <= width; c += LANES)
                transpose_block_scaled(src + r * stride + c, stride, factor, dst + c * TILE + r, TILE);
        for (; c < width; c++)
            for (int64_t i = 0; i < LANES; i++)
                dst[c * TILE + r + i] = i < count ? src[(r + i) * stride + c] * factor : 0.0f;
    }
}

/* dst [keys][TILE] = rows · columns, where columns [width][TILE] are packed */
static void score_product(int64_t keys, int64_t queries, int diagonal, int64_t width, rows_t rows, const float *columns,
                          float *dst)
{
    operand_t a = {rows.data, rows.stride, 1};
    for (int64_t i = 0; i < queries; i += 2 * LANES) {
        int64_t both = keys_seen(diagonal, keys, i), all = keys_seen(diagonal, keys, i + LANES);
        if (i + LANES >= queries) {
            strip_product(1, both, width, DEPTH_ALL, a, columns + i, TILE, 0, NULL, dst + i, TILE);
            continue;
        }
        strip_product(2, both, width, DEPTH_ALL, a, columns + i, TILE, 0, NULL, dst + i, TILE);
        if (both < all) { /* keys that only the second group of queries sees */
            a.data = rows.data + both * rows.stride;
            strip_product(1, all - both, width, DEPTH_ALL, a, columns + i + LANES, TILE, 0, NULL,
                          dst + both * TILE + i + LANES, TILE);
            a.data = rows.data;
        }
    }
}

/* Keys that are masked for all queries get scores of -infinity. */
static void mask_keys(const float *mask, int64_t keys, float *scores)
{
    if (mask == NULL)
        return;
    for (int64_t j = 0; j < keys; j++)
        if (mask[j] == 0.0f)
            for (int64_t i = 0; i < TILE; i += LANES)
                store(scores + j * TILE + i, broadcast(-INFINITY));
}

/* On the diagonal, query i does not see keys j > i of its tile. */
INLINE floats_t masked_score(int diagonal, const float *scores, int64_t j, int64_t i)
{
    floats_t s = load(scores + j * TILE + i);
    if (diagonal && j > i)
        s = choose(lane_numbers() + (int32_t)(i - j) < 0, broadcast(-INFINITY), s);
    return s;
}

/* ---- forward */

typedef struct running {                      /* of a tile's queries, over the keys seen so far */
    float max[TILE], sum[TILE], shrink[TILE]; /* shrink: what the results so far are multiplied by */
} running_t;

INLINE void softmax_lanes(int diagonal, int64_t keys, int64_t i, float *scores, running_t *running)
{
    floats_t before = load(running->max + i), max = before, other = before;
    int64_t seen = keys_seen(diagonal, keys, i), j = 0;
    for (; j + 2 <= seen; j += 2) {
        max = maximum(masked_score(diagonal, scores, j, i), max);
        other = maximum(masked_score(diagonal, scores, j + 1, i), other);
    }
    if (j < seen)
        max = maximum(masked_score(diagonal, scores, j, i), max);
    max = maximum(max, other);
    floats_t shrink = power_of_two(before - max), sum = {0};
    for (j = 0; j < seen; j++) {
        floats_t p = power_of_two(masked_score(diagonal, scores, j, i) - max);
        store(scores + j * TILE + i, p);
        sum += p;
    }
    store(running->max + i, max);
    store(running->shrink + i, shrink);
    store(running->sum + i, load(running->sum + i) * shrink + sum);
}

static void softmax_tile(int diagonal, int64_t keys, int64_t queries, float *scores, running_t *running)
{
    for (int64_t i = 0; i < queries; i += LANES)
        if (diagonal)
            softmax_lanes(1, keys, i, scores, running);
        else
            softmax_lanes(0, keys, i, scores, running);
}

/* Tiles that are held at once, as far as the scratch goes: of queries in the forward direction, so that each tile of
 * keys is brought together once for all of them, and of keys in the backward direction, with their gradients. */
enum { GROUP = 4, SCRATCH_FLOATS = PT__KERNEL_SCRATCH / 4 };

static int64_t group_tiles(int64_t fixed, int64_t each)
{
    int64_t tiles = (SCRATCH_FLOATS - fixed) / each;
    return tiles < GROUP ? tiles : GROUP;
}

typedef struct query_tile {
    int64_t first, queries;     /* of the sample */
    float *transposed, *result; /* [width][TILE], [TILE, padded] */
    running_t running;
} query_tile_t;

static void start_queries(const pt__attention_t *at, int64_t begin, int64_t head, query_tile_t *tile)
{
    for (int64_t i = 0; i < TILE; i++) {
        tile->running.max[i] = LOWEST;
        tile->running.sum[i] = 0.0f;
    }
    pack_transposed(tile->queries, at->width, at->q + (begin + tile->first) * at->q_stride + head * at->width,
                    at->q_stride, at->scale * LOG2_E, tile->transposed);
}

static void finish_queries(const pt__attention_t *at, int64_t begin, int64_t head, int64_t padded,
                           const query_tile_t *tile)
{
    int64_t width = at->width;
    for (int64_t i = 0; i < tile->queries; i++) {
        int64_t row = begin + tile->first + i, c = 0;
        float sum = tile->running.sum[i], *dst = at->dst + row * at->dst_stride + head * width;
        const float *result = tile->result + i * padded;
        floats_t factor = broadcast(sum == 0.0f ? 0.0f : 1.0f / sum);
        for (; c + LANES <= width; c += LANES)
            store(dst + c, load(result + c) * factor);
        if (c < width)
            store_part(dst + c, load(result + c) * factor, width - c);
        if (at->log_sum != NULL)
            at->log_sum[row * at->heads + head] = sum == 0.0f ? -INFINITY : tile->running.max[i] / LOG2_E + logf(sum);
    }
}

static int64_t forward_tiles(int64_t width)
{
    int64_t padded = (width + LANES - 1) / LANES * LANES;
    return group_tiles(TILE * TILE + 2 * TILE * padded, TILE * (width + padded));
}

static void forward(const pt__attention_t *at, int64_t begin, int64_t end, int64_t head, int64_t first, float *scratch)
{
    int64_t width = at->width, length = end - begin, tiles = 0;
    int64_t padded = (width + LANES - 1) / LANES * LANES, kv_head = head / (at->heads / at->kv_heads);
    float *scores = scratch, *k_buffer = scores + TILE * TILE, *v_buffer = k_buffer + TILE * padded;
    float *next = v_buffer + TILE * padded;
    query_tile_t tile[GROUP];
    for (int64_t at_most = forward_tiles(width); tiles < at_most && first < length; tiles++, first += TILE) {
        tile[tiles] = (query_tile_t){.first = first, .queries = length - first < TILE ? length - first : TILE};
        tile[tiles].transposed = next;
        tile[tiles].result = next + TILE * width;
        next += TILE * (width + padded);
        start_queries(at, begin, head, &tile[tiles]);
    }
    int64_t limit = at->causal ? (first < length ? first : length) : length;
    for (int64_t start = 0; start < limit; start += TILE) {
        int64_t keys = limit - start < TILE ? limit - start : TILE, row = begin + start;
        rows_t k = bring_rows(tiles == 1, keys, width, at->k + row * at->k_stride + kv_head * width, at->k_stride,
                              k_buffer, padded);
        rows_t v = bring_rows(tiles == 1, keys, width, at->v + row * at->v_stride + kv_head * width, at->v_stride,
                              v_buffer, padded);
        for (int64_t t = 0; t < tiles; t++) {
            if (at->causal && tile[t].first < start)
                continue;
            int diagonal = at->causal && tile[t].first == start;
            score_product(keys, tile[t].queries, diagonal, width, k, tile[t].transposed, scores);
            mask_keys(at->key_mask != NULL ? at->key_mask + row : NULL, keys, scores);
            softmax_tile(diagonal, keys, tile[t].queries, scores, &tile[t].running);
            product(tile[t].queries, padded, keys, diagonal ? DEPTH_UP_TO_ROW : DEPTH_ALL, (operand_t){scores, 1, TILE},
                    v.data, v.stride, start > 0, tile[t].running.shrink, tile[t].result, padded);
        }
    }
    for (int64_t t = 0; t < tiles; t++)
        finish_queries(at, begin, head, padded, &tile[t]);
}

/* ---- backward */

/* scores -> p, d_p -> d_s, in place, for queries [i, i + LANES) */
INLINE void gradient_lanes(int diagonal, int64_t keys, int64_t i, float scale, const float *log_sum, const float *delta,
                           float *scores, float *d_scores)
{
    floats_t log2_sum = load(log_sum + i), mean = load(delta + i);
    int64_t seen = keys_seen(diagonal, keys, i);
    for (int64_t j = 0; j < seen; j++) {
        floats_t p = power_of_two(masked_score(diagonal, scores, j, i) - log2_sum);
        store(scores + j * TILE + i, p);
        store(d_scores + j * TILE + i, p * (load(d_scores + j * TILE + i) - mean) * scale);
    }
}

static void gradient_tile(int diagonal, int64_t keys, int64_t queries, float scale, const float *log_sum,
                          const float *delta, float *scores, float *d_scores)
{
    for (int64_t i = 0; i < queries; i += LANES)
        if (diagonal)
            gradient_lanes(1, keys, i, scale, log_sum, delta, scores, d_scores);
        else
            gradient_lanes(0, keys, i, scale, log_sum, delta, scores, d_scores);
}

typedef struct key_tile {
    int64_t first, keys;
    rows_t k, v;
    float *k_buffer, *v_buffer, *d_k, *d_v; /* [TILE, padded] */
    int32_t started;                        /* d_k and d_v hold something */
} key_tile_t;

typedef struct backward_scratch {
    float *transposed_q, *transposed_d; /* [width][TILE] */
    float *scores, *d_scores;           /* [TILE, TILE] */
    float *q, *d, *d_q;                 /* [TILE, padded]: queries, their d_dst, their gradient */
    int64_t padded;
    key_tile_t tile[GROUP];
} backward_scratch_t;

/* The queries [first, first + TILE) of one head against a group of keys. */
static void backward_queries(const pt__attention_t *at, int64_t begin, int64_t end, int64_t head, int64_t first,
                             backward_scratch_t *s, int64_t tiles)
{
    int64_t width = at->width, padded = s->padded, row = begin + first;
    int64_t queries = end - row < TILE ? end - row : TILE;
    float log_sum[TILE], delta[TILE];
    const float *dst = at->dst + row * at->dst_stride + head * width;
    rows_t q = bring_rows(tiles == 1, queries, width, at->q + row * at->q_stride + head * width, at->q_stride, s->q,
                          padded);
    rows_t d = bring_rows(tiles == 1, queries, width, at->d_dst + row * at->dst_stride + head * width, at->dst_stride,
                          s->d, padded);
    pack_transposed(queries, width, q.data, q.stride, at->scale * LOG2_E, s->transposed_q);
    pack_transposed(queries, width, d.data, d.stride, 1.0f, s->transposed_d);
    for (int64_t i = 0; i < TILE; i++) {
        float sum = i < queries ? at->log_sum[(row + i) * at->heads + head] : -INFINITY;
        log_sum[i] = sum == -INFINITY ? INFINITY : sum * LOG2_E; /* a query without keys: every p is 0 */
        delta[i] = i < queries ? dot(width, dst + i * at->dst_stride, d.data + i * d.stride) : 0.0f;
    }
    int64_t next = row + TILE,
            after = end - next < TILE ? end - next : TILE; /* queries: fetched while these are worked on */
    fetch_rows(0, after, width, at->q + next * at->q_stride + head * width, at->q_stride);
    fetch_rows(0, after, width, at->d_dst + next * at->dst_stride + head * width, at->dst_stride);
    fetch_rows(0, after, width, at->dst + next * at->dst_stride + head * width, at->dst_stride);
    fetch_rows(1, queries, width, at->d_q + row * at->d_q_stride + head * width, at->d_q_stride);
    for (int64_t t = 0; t < tiles && (!at->causal || s->tile[t].first <= first); t++) {
        key_tile_t *tile = &s->tile[t];
        int diagonal = at->causal && tile->first == first;
        depth_range_t seen_by = diagonal ? DEPTH_FROM_ROW : DEPTH_ALL, sees = diagonal ? DEPTH_UP_TO_ROW : DEPTH_ALL;
        score_product(tile->keys, queries, diagonal, width, tile->k, s->transposed_q, s->scores);
        mask_keys(at->key_mask != NULL ? at->key_mask + begin + tile->first : NULL, tile->keys, s->scores);
        score_product(tile->keys, queries, diagonal, width, tile->v, s->transposed_d, s->d_scores);
        gradient_tile(diagonal, tile->keys, queries, at->scale, log_sum, delta, s->scores, s->d_scores);
        product(tile->keys, padded, queries, seen_by, (operand_t){s->scores, TILE, 1}, d.data, d.stride, tile->started,
                NULL, tile->d_v, padded);
        product(tile->keys, padded, queries, seen_by, (operand_t){s->d_scores, TILE, 1}, q.data, q.stride,
                tile->started, NULL, tile->d_k, padded);
        tile->started = 1;
        product(queries, padded, tile->keys, sees, (operand_t){s->d_scores, 1, TILE}, tile->k.data, tile->k.stride,
                t > 0, NULL, s->d_q, padded);
    }
    put_rows(queries, width, s->d_q, padded, s->tile[0].first > 0, at->d_q + row * at->d_q_stride + head * width,
             at->d_q_stride);
}

/* Divides the scratch; returns how many tiles of keys it has room for. */
static int64_t backward_tiles(int64_t width, float *scratch, backward_scratch_t *s)
{
    int64_t padded = s->padded = (width + LANES - 1) / LANES * LANES;
    s->scores = scratch;
    s->d_scores = s->scores + TILE * TILE;
    s->transposed_q = s->d_scores + TILE * TILE;
    s->transposed_d = s->transposed_q + width * TILE;
    s->q = s->transposed_d + width * TILE;
    s->d = s->q + TILE * padded;
    s->d_q = s->d + TILE * padded;
    float *next = s->d_q + TILE * padded;
    int64_t tiles = group_tiles(next - scratch, 4 * TILE * padded);
    for (int64_t t = 0; t < tiles; t++, next += 4 * TILE * padded)
        s->tile[t] = (key_tile_t){.k_buffer = next,
                                  .v_buffer = next + TILE * padded,
                                  .d_k = next + 2 * TILE * padded,
                                  .d_v = next + 3 * TILE * padded};
    return tiles;
}

static void backward(const pt__attention_t *at, int64_t begin, int64_t end, int64_t kv_head, float *scratch)
{
    backward_scratch_t s;
    int64_t length = end - begin, width = at->width, group = at->heads / at->kv_heads, padded, tiles;
    int64_t at_most = backward_tiles(width, scratch, &s);
    padded = s.padded;
    for (int64_t start = 0; start < length; start += tiles * TILE) {
        tiles = (length - start + TILE - 1) / TILE < at_most ? (length - start + TILE - 1) / TILE : at_most;
        for (int64_t t = 0; t < tiles; t++) {
            key_tile_t *tile = &s.tile[t];
            int64_t row = begin + start + t * TILE;
            tile->first = start + t * TILE;
            tile->keys = end - row < TILE ? end - row : TILE;
            tile->started = 0;
            tile->k = bring_rows(length <= TILE, tile->keys, width, at->k + row * at->k_stride + kv_head * width,
                                 at->k_stride, tile->k_buffer, padded);
            tile->v = bring_rows(length <= TILE, tile->keys, width, at->v + row * at->v_stride + kv_head * width,
                                 at->v_stride, tile->v_buffer, padded);
        }
        for (int64_t head = kv_head * group; head < (kv_head + 1) * group; head++)
            for (int64_t first = at->causal ? start : 0; first < length; first += TILE)
                backward_queries(at, begin, end, head, first, &s, tiles);
        for (int64_t t = 0; t < tiles; t++) {
            int64_t row = begin + s.tile[t].first, keys = s.tile[t].keys;
            put_rows(keys, width, s.tile[t].d_k, padded, 0, at->d_k + row * at->d_k_stride + kv_head * width,
                     at->d_k_stride);
            put_rows(keys, width, s.tile[t].d_v, padded, 0, at->d_v + row * at->d_v_stride + kv_head * width,
                     at->d_v_stride);
        }
    }
}

extern const pt__vector_attention_t PT__LEVEL(pt__vector_attention);
const pt__vector_attention_t PT__LEVEL(pt__vector_attention) = {
    .forward_tiles = forward_tiles, .forward = forward, .backward = backward};
