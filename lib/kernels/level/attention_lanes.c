/* Attention of one tile of queries, forward, and of one key-value head, backward (Dao 2022, 2023): scores exist for
 * PT__ATTENTION_TILE keys by as many queries at a time. A level's part of pt__vector_t.
 *
 *   s = scale q·k    p = e^(s - log_sum)    o = sum p v    delta = d_o·o
 *   d_v = sum p d_o    d_s = p (d_o·v - delta) scale    d_q = sum d_s k    d_k = sum d_s q
 *
 * Scores are kept transposed, [key][query]: the largest and the sum over keys are then taken lane by lane, and every
 * product below reads its left operand with broadcasts and its right one in rows, as they lie in memory. Only queries
 * and d_o are transposed, once a tile. Exponentials are powers of 2: queries are scaled by log2(e) as well. On the
 * causal diagonal, queries in groups of GRANULE see the keys up to the group's last; the mask does the rest. */
#include "kernels/level/transpose_block.h"
#include "kernels/level/functions.h"
#include "kernels/vector.h"

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

/* dst[rows, vectors] = a · b, added to factor[m] · dst (factor NULL: 1) where `accumulate`. `count`: valid columns of the
 * one vector of a partial tile, else 0. All but pointers and sizes are known where this is inlined. */
INLINE void tile_product(int rows, int vectors, int64_t count, int64_t depth, operand_t a, const float *b,
                         int64_t b_stride, int accumulate, const float *factor, float *dst, int64_t dst_stride) {
    floats_t total[8][2];
#pragma GCC unroll 8
    for (int m = 0; m < rows; m++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) {
            float *at = dst + m * dst_stride + v * LANES;
            total[m][v] = !accumulate ? (floats_t){0} : count > 0 ? load_part(at, count, 0.0f) : load(at);
            if (accumulate && factor != NULL)
                total[m][v] *= factor[m];
        }
    for (int64_t k = 0; k < depth; k++) {
        floats_t right[2];
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            right[v] = count > 0 ? load_part(b + k * b_stride, count, 0.0f) : load(b + k * b_stride + v * LANES);
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
        for (int v = 0; v < vectors; v++) {
            float *at = dst + m * dst_stride + v * LANES;
            if (count > 0)
                store_part(at, total[m][v], count);
            else
                store(at, total[m][v]);
        }
}

/* What part of the depth the rows of a product need, where a causal mask leaves the rest 0. */
typedef enum depth_range { DEPTH_ALL, DEPTH_UP_TO_ROW, DEPTH_FROM_ROW } depth_range_t;

/* Rows [m, m + rows) of one strip of columns. */
INLINE void tile_rows(int rows, int vectors, int64_t count, int64_t m, int64_t depth, depth_range_t range, operand_t a,
                      const float *b, int64_t b_stride, int accumulate, const float *factor, float *dst,
                      int64_t dst_stride) {
    int64_t from = range == DEPTH_FROM_ROW ? m : 0;
    if (range == DEPTH_UP_TO_ROW && m + rows < depth)
        depth = m + rows;
    a.data += m * a.row + from * a.step;
    tile_product(rows, vectors, count, depth - from, a, b + from * b_stride, b_stride, accumulate,
                 factor != NULL ? factor + m : NULL, dst + m * dst_stride, dst_stride);
}

INLINE void strip_product(int vectors, int64_t count, int64_t rows, int64_t depth, depth_range_t range, operand_t a,
                          const float *b, int64_t b_stride, int accumulate, const float *factor, float *dst,
                          int64_t dst_stride) {
    int64_t m = 0;
    for (; m + ROWS <= rows; m += ROWS)
        tile_rows(ROWS, vectors, count, m, depth, range, a, b, b_stride, accumulate, factor, dst, dst_stride);
    if (ROWS == 8 && m + 4 <= rows) {
        tile_rows(4, vectors, count, m, depth, range, a, b, b_stride, accumulate, factor, dst, dst_stride);
        m += 4;
    }
    for (; m < rows; m++)
        tile_rows(1, vectors, count, m, depth, range, a, b, b_stride, accumulate, factor, dst, dst_stride);
}

/* dst [rows, columns] = a · b or added to it: strips of two vectors of columns, whose part of b stays in the cache */
INLINE void product(int64_t rows, int64_t columns, int64_t depth, depth_range_t range, operand_t a, const float *b,
                    int64_t b_stride, int accumulate, const float *factor, float *dst, int64_t dst_stride) {
    int64_t n = 0;
    for (; n + 2 * LANES <= columns; n += 2 * LANES)
        strip_product(2, 0, rows, depth, range, a, b + n, b_stride, accumulate, factor, dst + n, dst_stride);
    if (n + LANES <= columns) {
        strip_product(1, 0, rows, depth, range, a, b + n, b_stride, accumulate, factor, dst + n, dst_stride);
        n += LANES;
    }
    if (n < columns)
        strip_product(1, columns - n, rows, depth, range, a, b + n, b_stride, accumulate, factor, dst + n, dst_stride);
}

/* ---- a tile's parts */

/* The keys that queries [i, i + LANES) of a tile may see: all, or on the diagonal those up to their group's end. */
INLINE int64_t keys_seen(int diagonal, int64_t keys, int64_t i) {
    int64_t end = (i / GRANULE + 1) * GRANULE;
    return diagonal && end < keys ? end : keys;
}

/* dst [width][TILE] = factor · src^T, src [rows, width]; columns up to the next multiple of LANES are 0 */
static void pack_transposed(int64_t rows, int64_t width, const float *src, int64_t stride, float factor, float *dst) {
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

/* dst [keys][TILE] = rows · columns, where rows [keys, width] stand `stride` apart and columns [width][TILE] are packed */
static void score_product(int64_t keys, int64_t queries, int diagonal, int64_t width, const float *rows, int64_t stride,
                          const float *columns, float *dst) {
    operand_t a = {rows, stride, 1};
    for (int64_t i = 0; i < queries; i += 2 * LANES) {
        int64_t seen = keys_seen(diagonal, keys, i + LANES);
        if (i + LANES < queries)
            strip_product(2, 0, seen, width, DEPTH_ALL, a, columns + i, TILE, 0, NULL, dst + i, TILE);
        else
            strip_product(1, 0, seen, width, DEPTH_ALL, a, columns + i, TILE, 0, NULL, dst + i, TILE);
    }
}

/* Keys that are masked for all queries get scores of -infinity. */
static void mask_keys(const float *mask, int64_t keys, float *scores) {
    if (mask == NULL)
        return;
    for (int64_t j = 0; j < keys; j++)
        if (mask[j] == 0.0f)
            for (int64_t i = 0; i < TILE; i += LANES)
                store(scores + j * TILE + i, broadcast(-INFINITY));
}

/* On the diagonal, query i does not see keys j > i of its tile. */
INLINE floats_t masked_score(int diagonal, const float *scores, int64_t j, int64_t i) {
    floats_t s = load(scores + j * TILE + i);
    if (diagonal && j > i)
        s = select(lane_numbers() + (int32_t)(i - j) < 0, broadcast(-INFINITY), s);
    return s;
}

/* ---- forward */

typedef struct running { /* of a tile's queries, over the keys seen so far */
    float max[TILE], sum[TILE], shrink[TILE]; /* shrink: what the results so far are multiplied by */
} running_t;

INLINE void softmax_lanes(int diagonal, int64_t keys, int64_t i, float *scores, running_t *running) {
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

static void softmax_tile(int diagonal, int64_t keys, int64_t queries, float *scores, running_t *running) {
    for (int64_t i = 0; i < queries; i += LANES)
        if (diagonal)
            softmax_lanes(1, keys, i, scores, running);
        else
            softmax_lanes(0, keys, i, scores, running);
}

static void forward(const pt__attention_t *at, int64_t begin, int64_t end, int64_t head, int64_t first,
                    float *scratch) {
    int64_t width = at->width, length = end - begin;
    int64_t queries = length - first < TILE ? length - first : TILE;
    int64_t padded = (width + LANES - 1) / LANES * LANES, kv_head = head / (at->heads / at->kv_heads);
    float *packed_q = scratch, *scores = packed_q + width * TILE, *result = scores + TILE * TILE; /* [TILE, padded] */
    running_t running;
    for (int64_t i = 0; i < TILE; i++) {
        running.max[i] = LOWEST;
        running.sum[i] = 0.0f;
    }
    const float *q = at->q + (begin + first) * at->q_stride + head * width;
    pack_transposed(queries, width, q, at->q_stride, at->scale * LOG2_E, packed_q);

    int64_t limit = at->causal ? first + queries : length;
    for (int64_t start = 0; start < limit; start += TILE) {
        int64_t keys = limit - start < TILE ? limit - start : TILE;
        int diagonal = at->causal && start == first;
        const float *k = at->k + (begin + start) * at->k_stride + kv_head * width;
        const float *v = at->v + (begin + start) * at->v_stride + kv_head * width;
        score_product(keys, queries, diagonal, width, k, at->k_stride, packed_q, scores);
        mask_keys(at->key_mask != NULL ? at->key_mask + begin + start : NULL, keys, scores);
        softmax_tile(diagonal, keys, queries, scores, &running);
        product(queries, width, keys, diagonal ? DEPTH_UP_TO_ROW : DEPTH_ALL, (operand_t){scores, 1, TILE}, v,
                at->v_stride, start > 0, running.shrink, result, padded);
    }
    for (int64_t i = 0; i < queries; i++) {
        float *dst = at->dst + (begin + first + i) * at->dst_stride + head * width;
        floats_t factor = broadcast(running.sum[i] == 0.0f ? 0.0f : 1.0f / running.sum[i]);
        int64_t c = 0;
        for (; c + LANES <= width; c += LANES)
            store(dst + c, load(result + i * padded + c) * factor);
        if (c < width)
            store_part(dst + c, load_part(result + i * padded + c, width - c, 0.0f) * factor, width - c);
        if (at->log_sum != NULL)
            at->log_sum[(begin + first + i) * at->heads + head] =
                running.sum[i] == 0.0f ? -INFINITY : running.max[i] / LOG2_E + logf(running.sum[i]);
    }
}

/* ---- backward */

/* scores -> p, d_p -> d_s, in place, for queries [i, i + LANES) */
INLINE void gradient_lanes(int diagonal, int64_t keys, int64_t i, float scale, const float *log_sum, const float *delta,
                           float *scores, float *d_scores) {
    floats_t log2_sum = load(log_sum + i), mean = load(delta + i);
    int64_t seen = keys_seen(diagonal, keys, i);
    for (int64_t j = 0; j < seen; j++) {
        floats_t p = power_of_two(masked_score(diagonal, scores, j, i) - log2_sum);
        store(scores + j * TILE + i, p);
        store(d_scores + j * TILE + i, p * (load(d_scores + j * TILE + i) - mean) * scale);
    }
}

static void gradient_tile(int diagonal, int64_t keys, int64_t queries, float scale, const float *log_sum,
                          const float *delta, float *scores, float *d_scores) {
    for (int64_t i = 0; i < queries; i += LANES)
        if (diagonal)
            gradient_lanes(1, keys, i, scale, log_sum, delta, scores, d_scores);
        else
            gradient_lanes(0, keys, i, scale, log_sum, delta, scores, d_scores);
}

static float dot(int64_t n, const float *a, const float *b) {
    floats_t sum = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        sum += load(a + i) * load(b + i);
    if (i < n)
        sum += load_part(a + i, n - i, 0.0f) * load_part(b + i, n - i, 0.0f);
    return sum_lanes(sum);
}

/* The queries [first, first + TILE) of one head against all the keys that they see. */
static void backward_tile(const pt__attention_t *at, int64_t begin, int64_t end, int64_t head, int64_t kv_head,
                          int64_t first, float *scratch) {
    int64_t width = at->width, length = end - begin;
    int64_t queries = length - first < TILE ? length - first : TILE;
    int64_t row = begin + first, padded = (width + LANES - 1) / LANES * LANES;
    float *packed_q = scratch, *packed_d = packed_q + width * TILE, *scores = packed_d + width * TILE;
    float *d_scores = scores + TILE * TILE, *d_queries = d_scores + TILE * TILE; /* [TILE, padded] */
    float log_sum[TILE], delta[TILE];
    const float *q = at->q + row * at->q_stride + head * width;
    const float *dst = at->dst + row * at->dst_stride + head * width;
    const float *d_dst = at->d_dst + row * at->dst_stride + head * width;
    for (int64_t i = 0; i < TILE; i++) {
        float sum = i < queries ? at->log_sum[(row + i) * at->heads + head] : -INFINITY;
        log_sum[i] = sum == -INFINITY ? INFINITY : sum * LOG2_E; /* a query without keys: every p is 0 */
        delta[i] = i < queries ? dot(width, dst + i * at->dst_stride, d_dst + i * at->dst_stride) : 0.0f;
    }
    pack_transposed(queries, width, q, at->q_stride, at->scale * LOG2_E, packed_q);
    pack_transposed(queries, width, d_dst, at->dst_stride, 1.0f, packed_d);

    int64_t limit = at->causal ? first + queries : length;
    for (int64_t start = 0; start < limit; start += TILE) {
        int64_t keys = limit - start < TILE ? limit - start : TILE, key_row = begin + start;
        int diagonal = at->causal && start == first;
        const float *k = at->k + key_row * at->k_stride + kv_head * width;
        const float *v = at->v + key_row * at->v_stride + kv_head * width;
        score_product(keys, queries, diagonal, width, k, at->k_stride, packed_q, scores);
        mask_keys(at->key_mask != NULL ? at->key_mask + key_row : NULL, keys, scores);
        score_product(keys, queries, diagonal, width, v, at->v_stride, packed_d, d_scores);
        gradient_tile(diagonal, keys, queries, at->scale, log_sum, delta, scores, d_scores);
        depth_range_t seen_by = diagonal ? DEPTH_FROM_ROW : DEPTH_ALL, sees = diagonal ? DEPTH_UP_TO_ROW : DEPTH_ALL;
        product(keys, width, queries, seen_by, (operand_t){scores, TILE, 1}, d_dst, at->dst_stride, 1, NULL,
                at->d_v + key_row * at->d_v_stride + kv_head * width, at->d_v_stride);
        product(keys, width, queries, seen_by, (operand_t){d_scores, TILE, 1}, q, at->q_stride, 1, NULL,
                at->d_k + key_row * at->d_k_stride + kv_head * width, at->d_k_stride);
        product(queries, width, keys, sees, (operand_t){d_scores, 1, TILE}, k, at->k_stride, start > 0, NULL, d_queries,
                padded);
    }
    for (int64_t i = 0; i < queries; i++)
        memcpy(at->d_q + (row + i) * at->d_q_stride + head * width, d_queries + i * padded,
               (size_t)width * sizeof(float));
}

static void backward(const pt__attention_t *at, int64_t begin, int64_t end, int64_t kv_head, float *scratch) {
    size_t bytes = (size_t)at->width * sizeof(float);
    for (int64_t r = begin; r < end; r++) {
        memset(at->d_k + r * at->d_k_stride + kv_head * at->width, 0, bytes);
        memset(at->d_v + r * at->d_v_stride + kv_head * at->width, 0, bytes);
    }
    int64_t group = at->heads / at->kv_heads;
    for (int64_t head = kv_head * group; head < (kv_head + 1) * group; head++)
        for (int64_t first = 0; first < end - begin; first += TILE)
            backward_tile(at, begin, end, head, kv_head, first, scratch);
}

extern const pt__vector_attention_t PT__LEVEL(pt__vector_attention);
const pt__vector_attention_t PT__LEVEL(pt__vector_attention) = {.forward = forward, .backward = backward};
