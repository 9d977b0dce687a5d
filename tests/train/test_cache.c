/* Generation with a cache of keys and values: the same tokens and scores as without, whatever the network, the prompts,
 * when texts end, and where windows slide; what it takes, and which networks have none. */
#include <stdio.h>

#include "support/networks.h"
#include "support/views.h"
#include "train/model.h"

enum { WORDS = 17, WIDTH = 16, HEADS = 4, PROMPTS = 40, MOST = 700 };

typedef struct network {
    int64_t limit; /* of positions; 0: there are none */
    int32_t kv_heads, packed;
    int64_t window;
    int32_t rotary;
    int32_t not_causal; /* and so without a cache */
} network_t;

static pt_tensor_t linear(pt_graph_t *graph, int layer, const char *name, pt_tensor_t src, int64_t outputs)
{
    char joined[64];
    snprintf(joined, sizeof joined, "%d.%s", layer, name);
    return pt_linear_layer(graph, joined, src, outputs, PT_ACTIVATION_NONE);
}

static pt_tensor_t turn(pt_graph_t *graph, pt_tensor_t src, int32_t heads)
{
    pt_rotary_options_t options;
    ck_ok(pt_rotary_options_init(&options, sizeof options));
    options.heads = heads;
    options.limit = 128;
    options.base = 100;
    return pt_rotary(graph, src, &options);
}

static pt_tensor_t attend(pt_graph_t *graph, int layer, const network_t *kind, pt_tensor_t hidden)
{
    pt_attention_options_t options;
    ck_ok(pt_attention_options_init(&options, sizeof options));
    options.heads = HEADS;
    options.kv_heads = kind->kv_heads;
    options.flags = kind->not_causal ? 0 : PT_ATTENTION_CAUSAL;
    options.window = kind->window;
    const int64_t width = WIDTH / HEADS * kind->kv_heads;
    if (kind->packed)
        return pt_attention_packed(graph, linear(graph, layer, "qkv", hidden, WIDTH + 2 * width), &options);
    /* through reshapes, slices and concatenations, which keep rows */
    pt_tensor_t q = linear(graph, layer, "q", hidden, WIDTH);
    q = pt_reshape(graph, q, 3, (int64_t[]){PT_DIM_TOKENS, HEADS, WIDTH / HEADS});
    q = pt_reshape(graph, pt_rms_norm(graph, q, PT_NO_TENSOR, 1e-5), 2, (int64_t[]){PT_DIM_TOKENS, WIDTH});
    pt_tensor_t k = linear(graph, layer, "k", hidden, width), v = linear(graph, layer, "v", hidden, kind->kv_heads * 3);
    if (kind->rotary) {
        q = turn(graph, q, HEADS);
        k = turn(graph, k, kind->kv_heads);
    }
    return pt_attention(graph, q, k, v, &options);
}

/* Two layers, each a different one from the seed; 17 words. */
static pt_model_t *make(pt_context_t *context, const network_t *kind)
{
    pt_graph_t *graph;
    pt_model_t *model;
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t tokens = pt_input(graph, "tokens", PT_INT32, 1, (int64_t[]){PT_DIM_TOKENS});
    pt_tensor_t hidden = pt_embedding_layer(graph, "words", tokens, WORDS, WIDTH);
    if (kind->limit > 0)
        hidden = pt_add(
            graph, hidden,
            pt_embedding_layer(graph, "places", pt_positions(graph, tokens, kind->limit), kind->limit, WIDTH));
    for (int layer = 0; layer < 2; layer++) {
        pt_tensor_t branch = attend(graph, layer, kind, pt_layer_norm(graph, hidden, PT_NO_TENSOR, PT_NO_TENSOR, 1e-5));
        hidden = pt_add(graph, hidden, linear(graph, layer, "out", branch, WIDTH));
        branch = pt_gelu(graph, linear(graph, layer, "fc", hidden, WIDTH));
        hidden = pt_add(graph, hidden, pt_dropout(graph, branch, 0.1));
    }
    pt_graph_set_output(graph, "hidden", hidden);
    ck_ok(pt_graph_status(graph));
    ck_ok(pt_model_create(context, graph, &model));
    pt_graph_free(graph);
    network_set_task(model, PT_TASK_CAUSAL_LM, 0);
    /* livelier than N(0, 0.02): texts that do not repeat one token */
    for (int64_t i = 0; i < pt_model_parameter_count(model); i++) {
        static float values[1 << 14];
        pt_parameter_info_t info = {.struct_size = sizeof info};
        ck_ok(pt_model_parameter_info(model, i, &info));
        ck_assert_int_le(info.elements, 1 << 14);
        ck_ok(get_parameter(model, i, values, info.elements));
        for (int64_t k = 0; k < info.elements; k++)
            values[k] = (float)((i * 7 + k * 31 + k * k % 13) % 19 - 9) / 12;
        ck_ok(set_parameter(model, i, values, info.elements));
    }
    return model;
}

typedef struct text {
    int32_t tokens[MOST];
    float scores[MOST];
    int64_t count;
    int32_t reason;
} text_t;

static pt_generate_options_t with(double temperature, int64_t count, uint32_t flags)
{
    pt_generate_options_t options;
    ck_ok(pt_generate_options_init(&options, sizeof options));
    options.count = count;
    options.temperature = temperature;
    options.seed = 11;
    options.flags = flags;
    return options;
}

/* Prompts of 1 to `longest` tokens. */
static void begin(pt_generator_t *generator, int64_t prompts, int64_t longest)
{
    static int32_t tokens[PROMPTS * MOST];
    int64_t lengths[PROMPTS], at = 0;
    for (int64_t i = 0; i < prompts; i++) {
        lengths[i] = 1 + i * 5 % longest;
        for (int64_t k = 0; k < lengths[i]; k++)
            tokens[at++] = (int32_t)((i * 3 + k * k) % WORDS);
    }
    ck_ok(begin_prompts(generator, tokens, lengths, prompts));
}

static void generate(pt_model_t *model, const pt_generate_options_t *options, int64_t prompts, int64_t longest,
                     text_t *texts, int64_t *cache_bytes)
{
    pt_generator_t *generator;
    ck_ok(pt_generator_create(model, options, &generator));
    begin(generator, prompts, longest);
    ck_ok(pt_generator_run(generator, NULL, NULL));
    *cache_bytes = pt_generator_cache_bytes(generator);
    for (int64_t i = 0; i < prompts; i++)
        ck_ok(read_tokens(generator, i, texts[i].tokens, texts[i].scores, MOST, &texts[i].count, &texts[i].reason));
    pt_generator_free(generator);
}

static text_t kept[PROMPTS], anew[PROMPTS];

static void expect_equal(int64_t prompts)
{
    for (int64_t i = 0; i < prompts; i++) {
        ck_assert_int_eq(kept[i].count, anew[i].count);
        ck_assert_int_eq(kept[i].reason, anew[i].reason);
        ck_assert_mem_eq(kept[i].tokens, anew[i].tokens, (size_t)anew[i].count * sizeof *anew[i].tokens);
        for (int64_t k = 0; k < anew[i].count; k++)
            ck_assert_float_eq_tol(kept[i].scores[k], anew[i].scores[k], 2e-4f);
    }
}

/* With and without a cache, greedy and drawn, where texts end at different times. */
static void check(pt_model_t *model, int64_t prompts, int64_t longest, int64_t count)
{
    const pt_array_t stops = view_of_tokens((int32_t[]){3, 9, 5}, 3, (int64_t[]){2, 1}, 2);
    for (int drawn = 0; drawn < 2; drawn++) {
        pt_generate_options_t options = with(drawn ? 1.5 : 0, count, 0);
        int64_t bytes;
        if (prompts > 1) {
            options.stops = &stops;
            options.array_size = sizeof stops;
        }
        generate(model, &options, prompts, longest, kept, &bytes);
        ck_assert_int_gt(bytes, 0);
        options.flags = PT_GENERATE_RECOMPUTE;
        generate(model, &options, prompts, longest, anew, &bytes);
        ck_assert_int_eq(bytes, 0);
        expect_equal(prompts);
    }
}

START_TEST(test_networks)
{
    static const network_t kinds[] = {
        {.limit = 40, .kv_heads = HEADS, .packed = 1},
        {.kv_heads = HEADS},
        {.kv_heads = 2, .packed = 1},
        {.limit = 64, .kv_heads = 1},
        {.kv_heads = 2, .window = 5},
        {.kv_heads = HEADS, .packed = 1, .window = 70},
        {.kv_heads = 2, .rotary = 1},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        pt_context_t *context = network_context(1 + (int32_t)(i % 2), i);
        pt_model_t *model = make(context, &kinds[i]);
        check(model, PROMPTS, 30, 20); /* more than are read together; some at the limit, where windows slide */
        check(model, 1, 1, 100);
        pt_model_free(model);
        pt_context_free(context);
    }
}
END_TEST

START_TEST(test_levels)
{
    static const char *const processors[] = {"portable", "avx2", "avx512", "neon"};
    int ran = 0;
    for (int i = 0; i < 4; i++) {
        pt_context_options_t options;
        pt_context_t *context;
        ck_ok(pt_context_options_init(&options, sizeof options));
        options.processor = processors[i];
        options.threads = 2;
        if (pt_context_create(&options, &context) != PT_OK)
            continue;
        pt_model_t *model = make(context, &(network_t){.limit = 200, .kv_heads = 2, .packed = 1, .window = 90});
        check(model, 5, 150, 60);
        pt_model_free(model);
        pt_context_free(context);
        ran++;
    }
    ck_assert_int_gt(ran, 0);
}
END_TEST

/* Windows slide several times, also those of prompts that are too long by themselves. */
START_TEST(test_windows_slide)
{
    for (int64_t limit = 1; limit <= 9; limit++) {
        pt_context_t *context = network_context(1, 3);
        pt_model_t *model = make(context, &(network_t){.limit = limit, .kv_heads = 2});
        check(model, 7, 13, 40);
        pt_model_free(model);
        pt_context_free(context);
    }
}
END_TEST

/* Long prompts are read in parts, and the cache grows under texts of different lengths, some of which are over. */
START_TEST(test_grows)
{
    pt_context_t *context = network_context(2, 3);
    pt_model_t *model = make(context, &(network_t){.kv_heads = 2, .packed = 1});
    check(model, 5, 650, 300);
    pt_generate_options_t options = with(1, 600, 0);
    pt_generator_t *generator;
    ck_ok(pt_generator_create(model, &options, &generator));
    ck_assert_int_eq(pt_generator_cache_bytes(generator), 0);
    ck_assert_int_eq(pt_generator_cache_bytes(NULL), 0);
    begin(generator, 1, 1);
    const int64_t first = pt_generator_cache_bytes(generator),
                  row = 2 * 2 * 2 * (WIDTH / HEADS) * 4; /* layers, k and v */
    ck_assert_int_ge(first, 256 * row);
    ck_assert_int_le(first, 300 * row);
    ck_ok(pt_generator_run(generator, NULL, NULL));
    ck_assert_int_ge(pt_generator_cache_bytes(generator), 600 * row);
    ck_assert_int_le(pt_generator_cache_bytes(generator), 601 * row + 4 * 64);
    pt_generator_free(generator);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* What has no cache is read anew, and flags change nothing. */
START_TEST(test_networks_without)
{
    pt_context_t *context = network_context(1, 3);
    pt_model_t *model = make(context, &(network_t){.kv_heads = HEADS, .packed = 1, .not_causal = 1});
    for (uint32_t flags = 0; flags <= PT_GENERATE_RECOMPUTE; flags++) {
        pt_generate_options_t options = with(1, 20, flags);
        int64_t bytes;
        generate(model, &options, 3, 9, flags ? anew : kept, &bytes);
        ck_assert_int_eq(bytes, 0);
    }
    expect_equal(3);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

SUITE("cache", 60, test_networks, test_levels, test_windows_slide, test_grows, test_networks_without)
