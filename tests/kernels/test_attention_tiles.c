/* Attention, forward and backward, against sums in double precision: ragged samples, causal or not, grouped heads,
 * masked keys, widths that are no multiple of a vector, strides as in a fused q-k-v matrix; keys of other lengths than
 * the queries', offsets of the queries, windows, values of another width; dropout, whose mask is drawn here again. */
#include "base/random.h"
#include "kernels/every_device.h"

enum { SAMPLES = 7 };

typedef struct shape {
    int64_t samples, heads, kv_heads, width, length; /* length 0: ragged, of these offsets */
    int32_t offsets[SAMPLES + 1];
    int32_t causal, masked;
    /* where these are 0: keys' rows are the queries', values are as wide as keys */
    int64_t key_length, value_width;
    int32_t key_offsets[SAMPLES + 1];
    int32_t align_last;
    int64_t window;
    int32_t query_offsets[SAMPLES]; /* where one is not 0 */
    float dropout;
} shape_t;

/* q, k and v stand side by side in one matrix `fused` [rows, (heads + 2 kv_heads) width + 3]; where keys have rows of
 * their own, those of q come first, then those of k and v, each with gaps at their ends. Results likewise. */
typedef struct problem {
    const shape_t *shape;
    int64_t rows, key_rows, q_stride, kv_stride, k_first, v_first, elements, dst_stride, value_width;
    float *fused, *d_dst, *mask;
    double *dst, *log_sum, *d_fused; /* expected; dst and d_fused with the gaps between rows */
} problem_t;

static const uint64_t random_key = UINT64_C(0x123456789ABCDEF0);

static int64_t begin_of(const shape_t *s, int64_t sample)
{
    return s->length > 0 ? s->length * sample : s->offsets[sample];
}

static int32_t apart(const shape_t *s) /* keys have rows of their own */
{
    return s->key_length > 0 || s->key_offsets[s->samples] > 0 || s->value_width > 0;
}

static int64_t key_begin_of(const shape_t *s, int64_t sample)
{
    return s->key_length > 0                ? s->key_length * sample
           : s->key_offsets[s->samples] > 0 ? s->key_offsets[sample]
                                            : begin_of(s, sample);
}

static int32_t has_query_offsets(const shape_t *s)
{
    int32_t any = 0;
    for (int64_t i = 0; i < s->samples; i++)
        any |= s->query_offsets[i] != 0;
    return any;
}

/* What dropout multiplies a probability with. */
static double kept(const shape_t *s, int64_t sample, int64_t head, int64_t query, int64_t key)
{
    uint32_t words[4];
    if (s->dropout == 0.0f)
        return 1.0;
    pt__random_block(random_key, (uint64_t)key << 32 | (uint64_t)query / 4, (uint64_t)sample << 32 | (uint64_t)head,
                     words);
    return (double)words[query % 4] >= (double)s->dropout * 4294967296.0 ? 1.0 / (1.0 - (double)s->dropout) : 0.0;
}

static int32_t seen(const problem_t *p, int64_t sample, int64_t query, int64_t key)
{
    const shape_t *s = p->shape;
    int64_t first = key_begin_of(s, sample), keys = key_begin_of(s, sample + 1) - first;
    int64_t queries = begin_of(s, sample + 1) - begin_of(s, sample);
    int64_t place = query + (has_query_offsets(s) ? s->query_offsets[sample] : s->align_last ? keys - queries : 0);
    return (!s->causal || (key <= place && (s->window == 0 || key > place - s->window))) &&
           (p->mask == NULL || p->mask[first + key] != 0.0f);
}

/* query: of the sample. weight [2 · keys]: room */
static void expect_query(problem_t *p, int64_t sample, int64_t head, int64_t query, double *weight)
{
    const shape_t *s = p->shape;
    int64_t width = s->width, value_width = p->value_width, kv = head / (s->heads / s->kv_heads);
    int64_t row = begin_of(s, sample) + query, first = key_begin_of(s, sample);
    int64_t keys = key_begin_of(s, sample + 1) - first;
    double *factor = weight + keys;
    int64_t q_at = row * p->q_stride + head * width;
    int64_t k_at = p->k_first + first * p->kv_stride + kv * width;
    int64_t v_at = p->v_first + first * p->kv_stride + kv * value_width;
    double scale = 1.0 / sqrt((double)width), max = -INFINITY, sum = 0.0, delta = 0.0;
    double *dst = p->dst + row * p->dst_stride + head * value_width;
    const float *d_dst = p->d_dst + row * p->dst_stride + head * value_width;
    for (int64_t j = 0; j < keys; j++) {
        double score = 0.0;
        for (int64_t c = 0; c < width; c++)
            score += (double)p->fused[q_at + c] * (double)p->fused[k_at + j * p->kv_stride + c];
        weight[j] = seen(p, sample, query, j) ? score * scale : -INFINITY;
        max = weight[j] > max ? weight[j] : max;
    }
    for (int64_t c = 0; c < value_width; c++)
        dst[c] = 0.0;
    p->log_sum[row * s->heads + head] = -INFINITY;
    if (max == -INFINITY)
        return;
    for (int64_t j = 0; j < keys; j++)
        sum += exp(weight[j] - max);
    p->log_sum[row * s->heads + head] = max + log(sum);
    for (int64_t j = 0; j < keys; j++) {
        weight[j] = exp(weight[j] - max) / sum;
        factor[j] = kept(s, sample, head, query, j);
        for (int64_t c = 0; c < value_width; c++)
            dst[c] += weight[j] * factor[j] * (double)p->fused[v_at + j * p->kv_stride + c];
    }
    for (int64_t c = 0; c < value_width; c++)
        delta += dst[c] * (double)d_dst[c];
    for (int64_t j = 0; j < keys; j++) {
        double d_weight = 0.0;
        for (int64_t c = 0; c < value_width; c++) {
            d_weight += factor[j] * (double)d_dst[c] * (double)p->fused[v_at + j * p->kv_stride + c];
            p->d_fused[v_at + j * p->kv_stride + c] += weight[j] * factor[j] * (double)d_dst[c];
        }
        double d_score = weight[j] * (d_weight - delta) * scale;
        for (int64_t c = 0; c < width; c++) {
            p->d_fused[q_at + c] += d_score * (double)p->fused[k_at + j * p->kv_stride + c];
            p->d_fused[k_at + j * p->kv_stride + c] += d_score * (double)p->fused[q_at + c];
        }
    }
}

static void lay_out(problem_t *p)
{
    const shape_t *s = p->shape;
    int64_t kv_size = s->kv_heads * (s->width + p->value_width);
    p->rows = begin_of(s, s->samples);
    p->key_rows = key_begin_of(s, s->samples);
    p->q_stride = s->heads * s->width + 3;
    p->kv_stride = kv_size + 2;
    p->k_first = p->rows * p->q_stride;
    p->elements = p->k_first + p->key_rows * p->kv_stride;
    if (!apart(s)) {
        p->q_stride = p->kv_stride = s->heads * s->width + kv_size + 3;
        p->k_first = s->heads * s->width;
        p->elements = p->rows * p->q_stride;
    }
    p->v_first = p->k_first + s->kv_heads * s->width;
    p->dst_stride = s->heads * p->value_width + 2;
}

/* Gaps stay as they were: NaN. */
static void open_gaps(double *values, int64_t rows, int64_t size, int64_t stride)
{
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = size; i < stride; i++)
            values[r * stride + i] = NAN;
}

static problem_t make_problem(const shape_t *s)
{
    problem_t p = {.shape = s, .value_width = s->value_width > 0 ? s->value_width : s->width};
    int64_t kv_size = s->kv_heads * (s->width + p.value_width);
    lay_out(&p);
    p.fused = draw_values(p.elements);
    p.d_dst = draw_values(p.rows * p.dst_stride);
    for (int64_t i = 0; i < p.elements; i++)
        p.fused[i] *= 2.0f;
    if (s->masked) {
        p.mask = draw_values(p.key_rows);
        for (int64_t i = 0; i < p.key_rows; i++) /* the first sample's keys are all masked: queries without any key */
            p.mask[i] = i < key_begin_of(s, 1) && s->masked == 2 ? 0.0f : p.mask[i] < -0.4f ? 0.0f : 1.0f;
    }
    p.dst = zero_doubles(p.rows * p.dst_stride);
    p.log_sum = zero_doubles(p.rows * s->heads);
    p.d_fused = zero_doubles(p.elements);
    open_gaps(p.dst, p.rows, s->heads * p.value_width, p.dst_stride);
    if (apart(s)) {
        open_gaps(p.d_fused, p.rows, s->heads * s->width, p.q_stride);
        open_gaps(p.d_fused + p.k_first, p.key_rows, kv_size, p.kv_stride);
    } else
        open_gaps(p.d_fused, p.rows, s->heads * s->width + kv_size, p.q_stride);
    double *weight = zero_doubles(2 * p.key_rows);
    for (int64_t sample = 0; sample < s->samples; sample++)
        for (int64_t head = 0; head < s->heads; head++)
            for (int64_t query = 0; query < begin_of(s, sample + 1) - begin_of(s, sample); query++)
                expect_query(&p, sample, head, query, weight);
    free(weight);
    return p;
}

static void free_problem(problem_t *p)
{
    free(p->fused), free(p->d_dst), free(p->mask), free(p->dst), free(p->log_sum), free(p->d_fused);
}

static pt__attention_t description(const problem_t *p)
{
    const shape_t *s = p->shape;
    int32_t others = s->key_offsets[s->samples] > 0;
    return (pt__attention_t){.samples = s->samples,
                             .offsets = s->length > 0 ? NULL : s->offsets,
                             .length = s->length,
                             .key_offsets = others                               ? s->key_offsets
                                            : s->key_length > 0 || s->length > 0 ? NULL
                                                                                 : s->offsets,
                             .key_length = s->key_length > 0 ? s->key_length : s->length,
                             .heads = s->heads,
                             .kv_heads = s->kv_heads,
                             .width = s->width,
                             .value_width = p->value_width,
                             .scale = 1.0f / sqrtf((float)s->width),
                             .causal = s->causal,
                             .align_last = s->align_last,
                             .query_offsets = has_query_offsets(s) ? s->query_offsets : NULL,
                             .window = s->window,
                             .dropout = s->dropout,
                             .random_key = random_key,
                             .q = p->fused,
                             .k = p->fused + p->k_first,
                             .v = p->fused + p->v_first,
                             .q_stride = p->q_stride,
                             .k_stride = p->kv_stride,
                             .v_stride = p->kv_stride,
                             .key_mask = p->mask,
                             .dst_stride = p->dst_stride};
}

static void run_forward(pt__dev device, const void *argument, float *out)
{
    const problem_t *p = argument;
    pt__attention_t attention = description(p);
    attention.dst = out;
    attention.log_sum = out + p->rows * p->dst_stride;
    device->kernels->attention(device, &attention);
}

static void run_backward(pt__dev device, const void *argument, float *out)
{
    const problem_t *p = argument;
    const shape_t *s = p->shape;
    pt__attention_gradient_t gradient = {.forward = description(p),
                                         .d_dst = p->d_dst,
                                         .d_q = out,
                                         .d_k = out + p->k_first,
                                         .d_v = out + p->v_first,
                                         .d_q_stride = p->q_stride,
                                         .d_k_stride = p->kv_stride,
                                         .d_v_stride = p->kv_stride};
    pt__attention_t *attention = &gradient.forward;
    attention->dst = draw_values(p->rows * p->dst_stride);
    attention->log_sum = draw_values(p->rows * s->heads);
    device->kernels->attention(device, attention);
    device->kernels->attention_gradient(device, &gradient);
    free(attention->dst), free(attention->log_sum);
}

static const shape_t shapes[] = {
    {1, 1, 1, 32, 64, {0}, 1, 0, .window = 0},
    {3, 4, 4, 32, 64, {0}, 1, 0, .window = 0},
    {2, 2, 2, 64, 256, {0}, 1, 0, .window = 0},
    {1, 2, 1, 64, 200, {0}, 0, 0, .window = 0},
    {2, 3, 3, 16, 130, {0}, 1, 1, .window = 0},
    {4, 4, 2, 24, 0, {0, 1, 1, 70, 135}, 1, 0, .window = 0},
    {4, 2, 2, 5, 0, {0, 17, 80, 81, 100}, 0, 1, .window = 0},
    {3, 6, 2, 7, 0, {0, 65, 66, 129}, 1, 2, .window = 0},
    {2, 1, 1, 256, 70, {0}, 1, 0, .window = 0},
    {2, 2, 1, 80, 33, {0}, 0, 2, .window = 0},
    {1, 1, 1, 1, 5, {0}, 1, 0, .window = 0},
    /* keys of another length: longer, shorter, none, and samples without queries */
    {2, 2, 1, 16, 70, {0}, 0, 0, .key_length = 150},
    {2, 2, 2, 12, 150, {0}, 0, 1, .key_length = 33},
    {5, 2, 1, 8, 0, {0, 3, 70, 75, 75, 140}, 0, 0, .key_offsets = {0, 130, 133, 133, 140, 205}},
    {4, 2, 2, 20, 40, {0}, 0, 2, .key_offsets = {0, 65, 65, 66, 129}},
    {3, 1, 1, 20, 0, {0, 1, 129, 130}, 0, 0, .key_length = 65},
    /* causal: at the first key; at the last; where a whole tile of queries is before the first key */
    {2, 2, 1, 16, 70, {0}, 1, 0, .key_length = 150},
    {2, 2, 1, 16, 150, {0}, 1, 0, .key_length = 70},
    {2, 2, 1, 16, 70, {0}, 1, 1, .key_length = 150, .align_last = 1},
    {1, 2, 2, 16, 64, {0}, 1, 0, .key_length = 192, .align_last = 1},
    {2, 2, 1, 16, 200, {0}, 1, 0, .key_length = 70, .align_last = 1},
    {5, 2, 1, 8, 0, {0, 3, 70, 75, 75, 140}, 1, 0, .key_offsets = {0, 130, 133, 133, 140, 205}, .align_last = 1},
    {3, 4, 2, 32, 1, {0}, 1, 0, .key_length = 300, .align_last = 1},
    /* a cache of 100 keys a sample, of which those up to the queries' places hold something */
    {4, 2, 1, 16, 3, {0}, 1, 0, .key_length = 100, .query_offsets = {0, 5, 64, 97}},
    {4, 2, 1, 16, 0, {0, 1, 66, 66, 80}, 1, 0, .key_length = 100, .query_offsets = {99, -7, 2000000000, -2000000000}},
    /* windows: within a tile, of a tile, across tiles, wider than all; far beyond the keys */
    {2, 2, 1, 16, 150, {0}, 1, 0, .window = 1},
    {2, 2, 2, 16, 150, {0}, 1, 0, .window = 17},
    {1, 2, 1, 64, 260, {0}, 1, 0, .window = 64},
    {1, 2, 1, 64, 900, {0}, 1, 1, .window = 130},
    {2, 2, 1, 16, 70, {0}, 1, 0, .window = INT64_MAX},
    {4, 4, 2, 24, 0, {0, 1, 1, 70, 235}, 1, 0, .window = 40},
    {2, 2, 1, 16, 70, {0}, 1, 0, .key_length = 250, .align_last = 1, .window = 50},
    {3, 2, 1, 16, 0, {0, 100, 130, 290}, 1, 2, .key_offsets = {0, 30, 250, 251}, .align_last = 1, .window = 20},
    {3, 1, 1, 16, 130, {0}, 1, 0, .key_length = 90, .query_offsets = {130, -100, 40}, .window = 33},
    /* values of another width */
    {2, 2, 1, 16, 70, {0}, 1, 0, .value_width = 40},
    {1, 3, 3, 33, 130, {0}, 0, 1, .value_width = 7},
    {1, 1, 1, 256, 200, {0}, 0, 0, .value_width = 1, .key_length = 66},
    {1, 1, 1, 1, 70, {0}, 0, 0, .value_width = 256, .key_length = 129},
    /* dropout */
    {1, 1, 1, 32, 64, {0}, 1, 0, .dropout = 0.1f},
    {2, 4, 2, 16, 150, {0}, 0, 1, .dropout = 0.5f},
    {4, 4, 2, 24, 0, {0, 1, 1, 70, 335}, 1, 0, .dropout = 0.2f},
    {2, 1, 1, 256, 70, {0}, 1, 0, .dropout = 0.9f},
    {3,
     2,
     1,
     16,
     0,
     {0, 100, 130, 290},
     1,
     0,
     .key_offsets = {0, 30, 250, 251},
     .align_last = 1,
     .window = 20,
     .dropout = 0.3f},
};

static void check_shape(const shape_t *shape)
{
    problem_t p = make_problem(shape);
    int64_t dst = p.rows * p.dst_stride, sums = p.rows * shape->heads;
    double *expected = zero_doubles(dst + sums);
    memcpy(expected, p.dst, (size_t)dst * sizeof(double));
    memcpy(expected + dst, p.log_sum, (size_t)sums * sizeof(double));
    double larger = 1.0 / (1.0 - (double)shape->dropout); /* so are the terms, and what rounding leaves of them */
    on_every_device("attention", run_forward, &p, dst + sums, NULL, expected, 3e-6 * larger);
    on_every_device("attention gradient", run_backward, &p, p.elements, NULL, p.d_fused, 2e-5 * larger);
    free(expected), free_problem(&p);
}

/* The same where keys are kept from run to run: each sample's begin at a row that is told, and end with its queries. */
static void run_kept(pt__dev device, const void *argument, float *out)
{
    const problem_t *p = argument;
    const shape_t *s = p->shape;
    pt__attention_t attention = description(p);
    int32_t first[SAMPLES];
    for (int64_t i = 0; i < s->samples; i++)
        first[i] = (int32_t)key_begin_of(s, i);
    attention.key_first = first;
    attention.query_offsets = s->query_offsets;
    attention.key_offsets = NULL;
    attention.key_length = 0;
    attention.dst = out;
    device->kernels->attention(device, &attention);
}

/* One query a sample, as when a text goes on by a token, has a way of its own: widths that are no whole vectors, many
 * heads' values at once, scores in pieces, windows; beside samples of more queries. */
START_TEST(test_kept_keys)
{
    static const shape_t kept_shapes[] = {
        {3, 4, 2, 64, 1, {0}, 1, 0, .key_length = 40, .query_offsets = {0, 17, 39}},
        {3, 3, 1, 7, 1, {0}, 1, 0, .key_length = 1400, .query_offsets = {511, 512, 1399}},
        {2, 2, 2, 33, 1, {0}, 1, 0, .key_length = 1100, .value_width = 70, .query_offsets = {1, 1090}, .window = 600},
        {2, 2, 1, 128, 1, {0}, 1, 0, .key_length = 90, .value_width = 133, .query_offsets = {80, 89}, .window = 1},
        {3, 4, 4, 24, 0, {0, 1, 70, 71}, 1, 0, .key_length = 130, .query_offsets = {129, 60, 3}},
        {1, 1, 1, 256, 1, {0}, 1, 0, .key_length = 70, .value_width = 1, .query_offsets = {69}},
    };
    for (size_t i = 0; i < sizeof kept_shapes / sizeof kept_shapes[0]; i++) {
        problem_t p = make_problem(&kept_shapes[i]);
        on_every_device("attention with kept keys", run_kept, &p, p.rows * p.dst_stride, NULL, p.dst, 3e-6);
        free_problem(&p);
    }
}
END_TEST

/* One query's NaN stays with it: nothing else of the tile is touched. */
START_TEST(test_not_a_number)
{
    const shape_t *shape = &shapes[0];
    problem_t p = make_problem(shape);
    int64_t dst = p.rows * p.dst_stride, sums = p.rows * shape->heads;
    double *expected = zero_doubles(dst + sums);
    for (int64_t c = 0; c < shape->width; c++) {
        p.fused[10 * p.q_stride + c] = NAN;
        p.dst[10 * p.dst_stride + c] = NAN;
    }
    p.log_sum[10] = NAN;
    memcpy(expected, p.dst, (size_t)dst * sizeof(double));
    memcpy(expected + dst, p.log_sum, (size_t)sums * sizeof(double));
    on_every_device("attention with NaN", run_forward, &p, dst + sums, NULL, expected, 3e-6);
    free(expected), free_problem(&p);
}
END_TEST

START_TEST(test_every_shape)
{
    for (int i = 0; i < (int)(sizeof shapes / sizeof shapes[0]); i++)
        check_shape(&shapes[i]);
}
END_TEST

/* How often dropout keeps a probability, on average over many; neighbours in every direction draw for themselves. */
START_TEST(test_dropout_rate)
{
    static const shape_t shape = {2, 3, 3, 4, 256, {0}, 0, 0, .dropout = 0.3f};
    int64_t sum = 0, same[4] = {0}, n = 0;
    for (int64_t sample = 0; sample < 2; sample++)
        for (int64_t head = 0; head < 3; head++)
            for (int64_t query = 0; query < 255; query++)
                for (int64_t key = 0; key < 255; key++, n++) {
                    int32_t one = kept(&shape, sample, head, query, key) > 0;
                    sum += one;
                    same[0] += one == (kept(&shape, sample + 1, head, query, key) > 0);
                    same[1] += one == (kept(&shape, sample, head + 1, query, key) > 0);
                    same[2] += one == (kept(&shape, sample, head, query + 1, key) > 0);
                    same[3] += one == (kept(&shape, sample, head, query, key + 1) > 0);
                }
    ck_assert_double_eq_tol((double)sum / (double)n, 0.7, 5 * sqrt(0.3 * 0.7 / (double)n));
    for (int i = 0; i < 4; i++)
        ck_assert_double_eq_tol((double)same[i] / (double)n, 0.58, 5 * sqrt(0.58 * 0.42 / (double)n));
}
END_TEST

SUITE("attention tiles", 120, test_every_shape, test_kept_keys, test_not_a_number, test_dropout_rate)
