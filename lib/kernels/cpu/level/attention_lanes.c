/* Attention of one tile of queries, forward, and of one key-value head, backward (Dao 2022, 2023): scores exist for
 * PT__ATTENTION_TILE keys by as many queries at a time. A level's part of pt__vector_t.
 *
 *   s = scale q·k    p = e^(s - log_sum)    o = sum m p v    delta = d_o·o
 *   d_v = sum m p d_o    d_s = p (m d_o·v - delta) scale    d_q = sum d_s k    d_k = sum d_s q
 *   m: 1, or what dropout multiplies with
 *
 * Scores are kept transposed, [key][query]: the largest and the sum over keys are then taken lane by lane, and every
 * product below reads its left operand with broadcasts and its right one in rows, as they lie in memory. Only queries
 * and d_o are transposed, once a tile; the rows of a tile are brought together first. Exponentials are powers of 2:
 * queries are scaled by log2(e) as well. On the causal diagonal, queries in groups of GRANULE see the keys up to the
 * group's last; the mask does the rest. Where the first query of a tile does not stand at the first key of another, as
 * with most offsets, and at the far end of a window, a pass over the scores masks those that are not seen. */
#include "base/portability.h"
#include "kernels/cpu/level/attention_one.h"
#include "kernels/cpu/level/attention_tile.h"
#include "kernels/cpu/level/random_words.h"

/* ---- what queries see */

typedef struct view { /* keys of a sample, `end` not among them; none where both are the same */
    int64_t begin, end;
} view_t;

/* What at least one of these queries sees. */
static view_t keys_in_view(const pt__attention_t *at, const pt__attention_sample_t *sample, int64_t first,
                           int64_t queries)
{
    view_t view = {0, sample->keys};
    int64_t place = first + sample->offset;
    if (at->causal && place + queries < view.end)
        view.end = place + queries > 0 ? place + queries : 0;
    if (at->causal && at->window > 0 && place >= at->window)
        view.begin = place - at->window + 1 < view.end ? place - at->window + 1 : view.end;
    return view;
}

static int in_view(view_t view, int64_t start, int64_t keys)
{
    return view.begin < view.end && start < view.end && start + keys > view.begin;
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

/* Scores of -infinity for keys beyond a query's place, and for those before its window. `ahead`: how many keys the
 * place of the tile's first query is after the tile's first key; 0 is the diagonal, which masked_score() masks. */
static void mask_edges(const pt__attention_t *at, int64_t ahead, int64_t queries, int64_t keys, float *scores)
{
    int whole = ahead == 0 || ahead >= keys - 1, within = at->window <= 0 || ahead + queries <= at->window;
    if (!at->causal || (whole && within))
        return;
    int32_t least = ahead < TILE ? (int32_t)-ahead : -TILE, limit = TILE; /* of i - j where query i sees key j */
    if (!within && at->window - ahead < TILE)
        limit = (int32_t)(at->window - ahead);
    for (int64_t j = 0; j < keys; j++)
        for (int64_t i = 0; i < queries; i += LANES) {
            ints_t past = lane_numbers() + (int32_t)(i - j);
            floats_t s = load(scores + j * TILE + i);
            store(scores + j * TILE + i, choose((past < least) | (past >= limit), broadcast(-INFINITY), s));
        }
}

/* On the diagonal, query i does not see keys j > i of its tile. */
INLINE floats_t masked_score(int diagonal, const float *scores, int64_t j, int64_t i)
{
    floats_t s = load(scores + j * TILE + i);
    if (diagonal && j > i)
        s = choose(lane_numbers() + (int32_t)(i - j) < 0, broadcast(-INFINITY), s);
    return s;
}

typedef struct meeting { /* of a tile of queries and one of keys */
    const pt__attention_sample_t *sample;
    int64_t head, first, queries, start, keys;
    int diagonal;
} meeting_t;

/* Dropout: dst = src · factor where the element is kept, else 0; src NULL: 1. Four queries of a head and a key share a
 * block of random words, whose counter is { query / 4, key, head, sample }: so the mask is the same in both directions
 * and for any tiles. */
static void drop_tile(const pt__attention_t *at, const meeting_t *meeting, const float *src, float *dst)
{
    uint64_t upper = (uint64_t)meeting->sample->number << 32 | (uint64_t)meeting->head;
    uint32_t threshold = pt__dropout_threshold(at->dropout);
    floats_t factor = broadcast(1.0f / (1.0f - at->dropout));
    for (int64_t i = 0; i < meeting->queries; i += 2 * LANES) {
        int64_t seen = keys_seen(meeting->diagonal, meeting->keys, i + 2 * LANES - 1);
        longs_t block;
        for (int b = 0; b < LANES / 2; b++)
            block[b] = (uint64_t)((meeting->first + i) / 4 + b);
        for (int64_t j = 0; j < seen; j++) {
            words_t low, high;
            random_words(at->random_key, block | (uint64_t)(meeting->start + j) << 32, upper, &low, &high);
            for (int half = 0; half < 2; half++) {
                int64_t to = j * TILE + i + half * LANES;
                store(dst + to, dropped(half ? high : low, threshold, src != NULL ? load(src + to) * factor : factor));
            }
        }
    }
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
    /* Model, cycles a vector: AVX2 5.5 on Zen 3, 4.7 on Golden Cove; AVX-512 7.0 on Zen 4, 6.5: units of e^x */
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
    int64_t first, queries; /* of the sample */
    view_t view;
    float *transposed, *result; /* [width][TILE], [TILE, value_padded] */
    int32_t started;            /* result holds something */
    running_t running;
} query_tile_t;

static void start_queries(const pt__attention_t *at, const pt__attention_sample_t *sample, int64_t head,
                          query_tile_t *tile)
{
    for (int64_t i = 0; i < TILE; i++) {
        tile->running.max[i] = LOWEST;
        tile->running.sum[i] = 0.0f;
    }
    tile->view = keys_in_view(at, sample, tile->first, tile->queries);
    pack_transposed(tile->queries, at->width, at->q + (sample->query + tile->first) * at->q_stride + head * at->width,
                    at->q_stride, at->scale * LOG2_E, tile->transposed);
}

static void finish_queries(const pt__attention_t *at, const pt__attention_sample_t *sample, int64_t head,
                           const query_tile_t *tile)
{
    int64_t width = at->value_width, padded = whole_vectors(width);
    if (!tile->started)
        memset(tile->result, 0, (size_t)(tile->queries * padded) * sizeof(float));
    for (int64_t i = 0; i < tile->queries; i++) {
        int64_t row = sample->query + tile->first + i, c = 0;
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

static int64_t forward_tiles(const pt__attention_t *at)
{
    int64_t padded = whole_vectors(at->width), value_padded = whole_vectors(at->value_width);
    return group_tiles(TILE * TILE + TILE * (padded + value_padded), TILE * (at->width + value_padded));
}

/* A tile of queries meets a tile of keys. */
static void forward_tile(const pt__attention_t *at, const meeting_t *meeting, rows_t k, rows_t v, float *scores,
                         query_tile_t *tile)
{
    int64_t queries = meeting->queries, keys = meeting->keys, padded = whole_vectors(at->value_width);
    score_product(keys, queries, meeting->diagonal, at->width, k, tile->transposed, scores);
    mask_keys(at->key_mask != NULL ? at->key_mask + meeting->sample->key + meeting->start : NULL, keys, scores);
    mask_edges(at, meeting->first + meeting->sample->offset - meeting->start, queries, keys, scores);
    softmax_tile(meeting->diagonal, keys, queries, scores, &tile->running);
    if (at->dropout > 0.0f)
        drop_tile(at, meeting, scores, scores);
    product(queries, padded, keys, meeting->diagonal ? DEPTH_UP_TO_ROW : DEPTH_ALL, (operand_t){scores, 1, TILE},
            v.data, v.stride, tile->started, tile->running.shrink, tile->result, padded);
    tile->started = 1;
}

static void forward(const pt__attention_t *at, const pt__attention_sample_t *sample, int64_t head, int64_t first,
                    float *scratch)
{
    if (at->key_first != NULL && sample->queries == 1 && at->log_sum == NULL && at->key_mask == NULL &&
        !(at->dropout > 0.0f)) {
        const view_t view = keys_in_view(at, sample, 0, 1);
        forward_one(at, sample, head, view.begin, view.end, scratch);
        return;
    }
    int64_t width = at->width, value_width = at->value_width, kv_head = head / (at->heads / at->kv_heads), tiles = 0;
    int64_t padded = whole_vectors(width), value_padded = whole_vectors(value_width);
    float *scores = scratch, *k_buffer = scores + TILE * TILE, *v_buffer = k_buffer + TILE * padded;
    float *next = v_buffer + TILE * value_padded;
    query_tile_t tile[GROUP];
    int64_t at_most = forward_tiles(at);
    do {
        int64_t queries = sample->queries - first < TILE ? sample->queries - first : TILE;
        tile[tiles] = (query_tile_t){.first = first, .queries = queries};
        tile[tiles].transposed = next;
        tile[tiles].result = next + TILE * width;
        next += TILE * (width + value_padded);
        start_queries(at, sample, head, &tile[tiles]);
        first += TILE;
    } while (++tiles < at_most && first < sample->queries);
    int64_t limit = tile[tiles - 1].view.end;
    for (int64_t start = tile[0].view.begin / TILE * TILE; start < limit; start += TILE) {
        int64_t keys = limit - start < TILE ? limit - start : TILE, row = sample->key + start;
        rows_t k = bring_rows(tiles == 1, keys, width, at->k + row * at->k_stride + kv_head * width, at->k_stride,
                              k_buffer, padded);
        rows_t v = bring_rows(tiles == 1, keys, value_width, at->v + row * at->v_stride + kv_head * value_width,
                              at->v_stride, v_buffer, value_padded);
        for (int64_t t = 0; t < tiles; t++)
            if (in_view(tile[t].view, start, keys)) {
                meeting_t meeting = {sample, head, tile[t].first, tile[t].queries, start, keys, 0};
                meeting.diagonal = at->causal && tile[t].first + sample->offset == start;
                forward_tile(at, &meeting, k, v, scores, &tile[t]);
            }
    }
    for (int64_t t = 0; t < tiles; t++)
        finish_queries(at, sample, head, &tile[t]);
}

/* ---- backward */

/* scores -> m p, d_p -> d_s, in place, for queries [i, i + LANES) */
INLINE void gradient_lanes(int diagonal, int dropout, int64_t keys, int64_t i, float scale, const float *log_sum,
                           const float *delta, const float *kept, float *scores, float *d_scores)
{
    floats_t log2_sum = load(log_sum + i), mean = load(delta + i);
    int64_t seen = keys_seen(diagonal, keys, i);
    for (int64_t j = 0; j < seen; j++) {
        floats_t p = power_of_two(masked_score(diagonal, scores, j, i) - log2_sum);
        floats_t d_p = load(d_scores + j * TILE + i), m = dropout ? load(kept + j * TILE + i) : (floats_t){0};
        store(scores + j * TILE + i, dropout ? p * m : p);
        store(d_scores + j * TILE + i, p * ((dropout ? d_p * m : d_p) - mean) * scale);
    }
}

/* kept [keys][TILE]: what dropout multiplies with, or NULL. */
static void gradient_tile(int diagonal, int64_t keys, int64_t queries, float scale, const float *log_sum,
                          const float *delta, const float *kept, float *scores, float *d_scores)
{
    for (int64_t i = 0; i < queries; i += LANES)
        if (kept != NULL && diagonal)
            gradient_lanes(1, 1, keys, i, scale, log_sum, delta, kept, scores, d_scores);
        else if (kept != NULL)
            gradient_lanes(0, 1, keys, i, scale, log_sum, delta, kept, scores, d_scores);
        else if (diagonal)
            gradient_lanes(1, 0, keys, i, scale, log_sum, delta, NULL, scores, d_scores);
        else
            gradient_lanes(0, 0, keys, i, scale, log_sum, delta, NULL, scores, d_scores);
}

typedef struct key_tile {
    int64_t first, keys;
    rows_t k, v;
    float *k_buffer, *v_buffer, *d_k, *d_v; /* [TILE, padded], and values' [TILE, value_padded] */
    int32_t started;                        /* d_k and d_v hold something */
} key_tile_t;

typedef struct backward_scratch {
    float *transposed_q, *transposed_d; /* [width][TILE], [value_width][TILE] */
    float *scores, *d_scores;           /* [TILE, TILE] */
    float *q, *d, *d_q;                 /* [TILE, padded]: queries, their d_dst (value_padded), their gradient */
    float *kept;                        /* [TILE, TILE] where there is dropout, else NULL */
    int64_t padded, value_padded;
    key_tile_t tile[GROUP];
} backward_scratch_t;

/* The queries of `meeting` against a tile of keys, to its d_k and d_v and to s->d_q; added to where `begun`. */
static void backward_tile(const pt__attention_t *at, const meeting_t *meeting, rows_t q, rows_t d, const float *log_sum,
                          const float *delta, int begun, backward_scratch_t *s, key_tile_t *tile)
{
    int64_t queries = meeting->queries, keys = meeting->keys, padded = s->padded, value_padded = s->value_padded;
    int diagonal = meeting->diagonal;
    depth_range_t seen_by = diagonal ? DEPTH_FROM_ROW : DEPTH_ALL, sees = diagonal ? DEPTH_UP_TO_ROW : DEPTH_ALL;
    score_product(keys, queries, diagonal, at->width, tile->k, s->transposed_q, s->scores);
    mask_keys(at->key_mask != NULL ? at->key_mask + meeting->sample->key + meeting->start : NULL, keys, s->scores);
    mask_edges(at, meeting->first + meeting->sample->offset - meeting->start, queries, keys, s->scores);
    score_product(keys, queries, diagonal, at->value_width, tile->v, s->transposed_d, s->d_scores);
    if (s->kept != NULL)
        drop_tile(at, meeting, NULL, s->kept);
    gradient_tile(diagonal, keys, queries, at->scale, log_sum, delta, s->kept, s->scores, s->d_scores);
    product(keys, value_padded, queries, seen_by, (operand_t){s->scores, TILE, 1}, d.data, d.stride, tile->started,
            NULL, tile->d_v, value_padded);
    product(keys, padded, queries, seen_by, (operand_t){s->d_scores, TILE, 1}, q.data, q.stride, tile->started, NULL,
            tile->d_k, padded);
    tile->started = 1;
    product(queries, padded, keys, sees, (operand_t){s->d_scores, 1, TILE}, tile->k.data, tile->k.stride, begun, NULL,
            s->d_q, padded);
}

/* The queries [first, first + TILE) of one head against a group of keys. */
static void backward_queries(const pt__attention_gradient_t *g, const pt__attention_sample_t *sample, int64_t head,
                             int64_t first, backward_scratch_t *s, int64_t tiles)
{
    const pt__attention_t *at = &g->forward;
    int64_t width = at->width, value_width = at->value_width, row = sample->query + first;
    int64_t left = sample->queries - first, queries = left < TILE ? left : TILE, start = s->tile[0].first;
    view_t view = keys_in_view(at, sample, first, queries);
    if (!in_view(view, start, tiles * TILE))
        return;
    float log_sum[TILE], delta[TILE];
    const float *dst = at->dst + row * at->dst_stride + head * value_width;
    const float *d_dst = g->d_dst + row * at->dst_stride + head * value_width;
    const float *q_rows = at->q + row * at->q_stride + head * width;
    float *d_q = g->d_q + row * g->d_q_stride + head * width;
    rows_t q = bring_rows(tiles == 1, queries, width, q_rows, at->q_stride, s->q, s->padded);
    rows_t d = bring_rows(tiles == 1, queries, value_width, d_dst, at->dst_stride, s->d, s->value_padded);
    pack_transposed(queries, width, q.data, q.stride, at->scale * LOG2_E, s->transposed_q);
    pack_transposed(queries, value_width, d.data, d.stride, 1.0f, s->transposed_d);
    for (int64_t i = 0; i < TILE; i++) {
        float sum = i < queries ? at->log_sum[(row + i) * at->heads + head] : -INFINITY;
        log_sum[i] = sum == -INFINITY ? INFINITY : sum * LOG2_E; /* a query without keys: every p is 0 */
        delta[i] = i < queries ? dot(value_width, dst + i * at->dst_stride, d.data + i * d.stride) : 0.0f;
    }
    int64_t after = left - TILE < TILE ? left - TILE : TILE; /* queries: fetched while these are worked on */
    fetch_rows(0, after, width, q_rows + TILE * at->q_stride, at->q_stride);
    fetch_rows(0, after, value_width, d_dst + TILE * at->dst_stride, at->dst_stride);
    fetch_rows(0, after, value_width, dst + TILE * at->dst_stride, at->dst_stride);
    fetch_rows(1, queries, width, d_q, g->d_q_stride);
    int begun = 0;
    for (int64_t t = 0; t < tiles; t++) {
        key_tile_t *tile = &s->tile[t];
        if (!in_view(view, tile->first, tile->keys))
            continue;
        meeting_t meeting = {sample, head, first, queries, tile->first, tile->keys, 0};
        meeting.diagonal = at->causal && first + sample->offset == tile->first;
        backward_tile(at, &meeting, q, d, log_sum, delta, begun, s, tile);
        begun = 1;
    }
    put_rows(queries, width, s->d_q, s->padded, start > view.begin, d_q, g->d_q_stride);
}

/* Divides the scratch; returns how many tiles of keys it has room for. */
static int64_t backward_tiles(const pt__attention_t *at, float *scratch, backward_scratch_t *s)
{
    int64_t padded = s->padded = whole_vectors(at->width);
    int64_t value_padded = s->value_padded = whole_vectors(at->value_width);
    s->scores = scratch;
    s->d_scores = s->scores + TILE * TILE;
    s->transposed_q = s->d_scores + TILE * TILE;
    s->transposed_d = s->transposed_q + at->width * TILE;
    s->q = s->transposed_d + at->value_width * TILE;
    s->d = s->q + TILE * padded;
    s->d_q = s->d + TILE * value_padded;
    float *next = s->d_q + TILE * padded;
    s->kept = at->dropout > 0.0f ? next : NULL;
    if (s->kept != NULL)
        next += TILE * TILE;
    int64_t each = 2 * TILE * (padded + value_padded), tiles = group_tiles(next - scratch, each);
    for (int64_t t = 0; t < tiles; t++, next += each)
        s->tile[t] = (key_tile_t){.k_buffer = next,
                                  .v_buffer = next + TILE * padded,
                                  .d_k = next + TILE * (padded + value_padded),
                                  .d_v = next + TILE * (2 * padded + value_padded)};
    return tiles;
}

/* d_q of queries that see no key. */
static void clear_blind(const pt__attention_gradient_t *g, const pt__attention_sample_t *sample, int64_t kv_head)
{
    const pt__attention_t *at = &g->forward;
    int64_t columns = at->heads / at->kv_heads * at->width;
    for (int64_t i = 0; i < sample->queries; i++) {
        int64_t first = i / TILE * TILE, queries = sample->queries - first < TILE ? sample->queries - first : TILE;
        view_t view = keys_in_view(at, sample, first, queries);
        if (view.begin == view.end)
            memset(g->d_q + (sample->query + i) * g->d_q_stride + kv_head * columns, 0,
                   (size_t)columns * sizeof(float));
    }
}

/* d_k and d_v of a tile of keys to where they belong: zeros where no query saw it. */
static void finish_keys(const pt__attention_gradient_t *g, const pt__attention_sample_t *sample, int64_t kv_head,
                        const backward_scratch_t *s, const key_tile_t *tile)
{
    const pt__attention_t *at = &g->forward;
    int64_t row = sample->key + tile->first;
    if (!tile->started) {
        memset(tile->d_k, 0, (size_t)(TILE * s->padded) * sizeof(float));
        memset(tile->d_v, 0, (size_t)(TILE * s->value_padded) * sizeof(float));
    }
    put_rows(tile->keys, at->width, tile->d_k, s->padded, 0, g->d_k + row * g->d_k_stride + kv_head * at->width,
             g->d_k_stride);
    put_rows(tile->keys, at->value_width, tile->d_v, s->value_padded, 0,
             g->d_v + row * g->d_v_stride + kv_head * at->value_width, g->d_v_stride);
}

static void backward(const pt__attention_gradient_t *g, const pt__attention_sample_t *sample, int64_t kv_head,
                     float *scratch)
{
    const pt__attention_t *at = &g->forward;
    backward_scratch_t s;
    int64_t width = at->width, value_width = at->value_width, group = at->heads / at->kv_heads, tiles;
    int64_t at_most = backward_tiles(at, scratch, &s);
    int once = sample->queries <= TILE;
    clear_blind(g, sample, kv_head);
    for (int64_t start = 0; start < sample->keys; start += tiles * TILE) {
        tiles = (sample->keys - start + TILE - 1) / TILE;
        tiles = tiles < at_most ? tiles : at_most;
        for (int64_t t = 0; t < tiles; t++) {
            key_tile_t *tile = &s.tile[t];
            int64_t left = sample->keys - start - t * TILE, row = sample->key + start + t * TILE;
            tile->first = start + t * TILE;
            tile->keys = left < TILE ? left : TILE;
            tile->started = 0;
            tile->k = bring_rows(once, tile->keys, width, at->k + row * at->k_stride + kv_head * width, at->k_stride,
                                 tile->k_buffer, s.padded);
            tile->v = bring_rows(once, tile->keys, value_width, at->v + row * at->v_stride + kv_head * value_width,
                                 at->v_stride, tile->v_buffer, s.value_padded);
        }
        for (int64_t head = kv_head * group; head < (kv_head + 1) * group; head++)
            for (int64_t first = 0; first < sample->queries; first += TILE)
                backward_queries(g, sample, head, first, &s, tiles);
        for (int64_t t = 0; t < tiles; t++)
            finish_keys(g, sample, kv_head, &s, &s.tile[t]);
    }
}

extern const pt__vector_attention_t PT__LEVEL(pt__vector_attention);
const pt__vector_attention_t PT__LEVEL(pt__vector_attention) = {
    .forward_tiles = forward_tiles, .forward = forward, .backward = backward};
