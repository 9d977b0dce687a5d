/* Llama and its relatives: names, shapes and initial values; which layers have a window, and which rotary positions;
 * configurations that are wrong in every way, by family. (That outputs and training agree with transformers is tested
 * in tests/train/.) */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "graph/op.h"
#include "models/models.h"
#include "support/failing_allocator.h"
#include "support/suite.h"

#define SIZES                                                                                        \
    "\"vocab_size\": 20, \"hidden_size\": 24, \"intermediate_size\": 28, \"num_hidden_layers\": 4, " \
    "\"num_attention_heads\": 3, \"num_key_value_heads\": 1, \"head_dim\": 8, \"max_position_embeddings\": 32"

static pt_status_t build_within(pt_context_t *context, const char *family, const char *keys, pt_graph_t **graph)
{
    char config[2048];
    pt__json_document_t *document;
    const pt__json_t *root;
    snprintf(config, sizeof config, "{\"model_type\": \"%s\"%s%s}", family, *keys != 0 ? ", " : "", keys);
    *graph = NULL;
    PT__TRY(pt__json_parse(&context->memory, "config.json", config, (int64_t)strlen(config), &document, &root));
    pt_status_t status = pt_graph_create(context, graph);
    if (status == PT_OK)
        status = pt__family_find(family)->build(root, *graph);
    pt__json_free(document);
    return status;
}

typedef struct built {
    pt_context_t *context;
    pt_graph_t *graph;
} built_t;

static built_t build(const char *family, const char *keys)
{
    built_t built;
    ck_ok(pt_context_create(NULL, &built.context));
    pt_status_t status = build_within(built.context, family, keys, &built.graph);
    ck_assert_msg(status == PT_OK, "%s, %s: %s", family, keys, pt_last_error());
    return built;
}

static void end(built_t *built)
{
    pt_graph_free(built->graph);
    pt_context_free(built->context);
}

static void expect_parameter(const built_t *built, const char *name, int64_t rows, int64_t columns, double value)
{
    const pt__parameter_t *parameter = pt__graph_parameter(built->graph, name);
    ck_assert_msg(parameter != NULL, "no parameter %s", name);
    const pt__shape_t *shape = &pt__graph_tensor(built->graph, parameter->tensor)->shape;
    ck_assert_msg(shape->size[0] == rows && (columns == 0 ? shape->rank == 1 : shape->size[1] == columns), "%s", name);
    ck_assert_msg(parameter->initializer == (columns != 0 ? PT_INIT_NORMAL : PT_INIT_CONSTANT), "%s", name);
    ck_assert_msg(parameter->value == value, "%s: %g", name, parameter->value);
}

/* The first rule that fits, each way; theirs NULL: any name. */
static void expect_gguf_name(const pt__renaming_t *rules, const char *ours, const char *theirs)
{
    char written[128] = "", read[128] = "";
    for (const pt__renaming_t *rule = rules; rule->theirs != NULL && *written == 0; rule++)
        if (!pt__renaming_apply(rule->ours, rule->theirs, ours, written, sizeof written))
            *written = 0;
    for (const pt__renaming_t *rule = rules; rule->theirs != NULL && *read == 0; rule++)
        if (!pt__renaming_apply(rule->theirs, rule->ours, written, read, sizeof read))
            *read = 0;
    ck_assert_msg(strcmp(read, ours) == 0 && (theirs == NULL || strcmp(written, theirs) == 0),
                  "%s is written as %s, "
                  "and read as %s",
                  ours, written, read);
}

static void expect_gguf_names(const built_t *built, const char *family)
{
    for (int64_t i = 0; i < built->graph->n_parameters; i++)
        expect_gguf_name(pt__family_find(family)->gguf, built->graph->parameters[i].name, NULL);
}

START_TEST(test_names)
{
    static const char layer[] = "model.layers.3.";
    static const struct {
        const char *name;
        int64_t rows, columns;
    } parts[] = {{"self_attn.q_proj", 24, 24}, {"self_attn.k_proj", 8, 24}, {"self_attn.v_proj", 8, 24},
                 {"self_attn.o_proj", 24, 24}, {"mlp.gate_proj", 28, 24},   {"mlp.up_proj", 28, 24},
                 {"mlp.down_proj", 24, 28}};
    /* which of the parts have biases, and whether heads are normed */
    static const struct {
        const char *family, *keys;
        const char *biases;
        int32_t norms;
    } families[] = {
        {"llama", SIZES ", \"initializer_range\": 0.5", "0000000", 0},
        {"llama", SIZES ", \"initializer_range\": 0.5, \"attention_bias\": true", "1111000", 0},
        {"llama", SIZES ", \"initializer_range\": 0.5, \"mlp_bias\": true", "0000111", 0},
        {"mistral", SIZES ", \"initializer_range\": 0.5, \"attention_bias\": false", "0000000", 0},
        {"qwen2", SIZES ", \"initializer_range\": 0.5", "1110000", 0},
        {"qwen2", SIZES ", \"initializer_range\": 0.5, \"attention_bias\": true", "1110000", 0},
        {"qwen3", SIZES ", \"initializer_range\": 0.5", "0000000", 1},
        {"qwen3", SIZES ", \"initializer_range\": 0.5, \"attention_bias\": true", "1111000", 1},
        {"smollm3", SIZES ", \"initializer_range\": 0.5, \"mlp_bias\": true", "0000111", 0},
    };
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        char name[128];
        int64_t expected = 2;
        built_t built = build(families[i].family, families[i].keys);
        expect_parameter(&built, "model.embed_tokens.weight", 20, 24, 0.5);
        expect_parameter(&built, "model.norm.weight", 24, 0, 1);
        for (size_t k = 0; k < sizeof parts / sizeof parts[0]; k++) {
            snprintf(name, sizeof name, "%s%s.weight", layer, parts[k].name);
            expect_parameter(&built, name, parts[k].rows, parts[k].columns, 0.5);
            snprintf(name, sizeof name, "%s%s.bias", layer, parts[k].name);
            if (families[i].biases[k] == '1')
                expect_parameter(&built, name, parts[k].rows, 0, 0);
            expected += 4 * (1 + (families[i].biases[k] == '1'));
        }
        expect_parameter(&built, "model.layers.0.input_layernorm.weight", 24, 0, 1);
        expect_parameter(&built, "model.layers.0.post_attention_layernorm.weight", 24, 0, 1);
        if (families[i].norms) {
            expect_parameter(&built, "model.layers.2.self_attn.q_norm.weight", 8, 0, 1);
            expect_parameter(&built, "model.layers.2.self_attn.k_norm.weight", 8, 0, 1);
        }
        expected += 4 * (families[i].norms ? 4 : 2);
        ck_assert_int_eq(built.graph->n_parameters, expected);
        ck_assert_int_eq(built.graph->offer.output_weight != PT_NO_TENSOR, strcmp(families[i].family, "smollm3") == 0);
        ck_assert_double_eq(built.graph->offer.deviation, 0.5);
        ck_assert_int_eq(built.graph->length_limit[PT__DIMENSION_TOKENS], 32);
        expect_gguf_names(&built, families[i].family);
        end(&built);
    }
    expect_gguf_name(pt__family_find("llama")->gguf, "lm_head.weight", "output.weight");
    expect_gguf_name(pt__family_find("qwen2")->gguf, "model.layers.12.self_attn.k_proj.bias", "blk.12.attn_k.bias");
    expect_gguf_name(pt__family_find("qwen3")->gguf, "model.layers.3.self_attn.k_norm.weight",
                     "blk.3.attn_k_norm.weight");
    expect_gguf_name(pt__family_find("llama")->gguf, "model.layers.3.post_attention_layernorm.weight",
                     "blk.3.ffn_norm.weight");
}
END_TEST

/* A digit a layer: the window that its attention has; and whether its queries are turned. */
static void expect_layers(const char *family, const char *keys, const char *windows, const char *turned)
{
    char all[1024], found[8] = "", found_turned[8] = "0000";
    int32_t layer = 0;
    snprintf(all, sizeof all, SIZES "%s", keys);
    built_t built = build(family, all);
    for (int64_t i = 0; i < built.graph->n_nodes; i++) {
        const pt__node_t *node = &built.graph->nodes[i];
        if (strcmp(node->op->name, "rotary") == 0)
            found_turned[layer] = '1';
        if (strcmp(node->op->name, "attention") == 0)
            found[layer++] = (char)('0' + node->attributes.integers[3]); /* heads, kv_heads, flags, window */
    }
    ck_assert_msg(strcmp(found, windows) == 0 && strcmp(found_turned, turned) == 0, "%s%s: windows %s, turned %s",
                  family, keys, found, found_turned);
    ck_assert_int_le(built.graph->n_constants, 1);
    end(&built);
}

START_TEST(test_layers)
{
    expect_layers("llama", "", "0000", "1111");
    expect_layers("llama", ", \"layer_types\": null, \"sliding_window\": null", "0000", "1111");
    expect_layers("mistral", ", \"sliding_window\": 5", "5555", "1111");
    expect_layers("mistral", ", \"sliding_window\": null", "0000", "1111");
    expect_layers("qwen2", ", \"sliding_window\": 5, \"max_window_layers\": 1", "0000", "1111");
    expect_layers("qwen2", ", \"sliding_window\": 5, \"max_window_layers\": 1, \"use_sliding_window\": true", "0555",
                  "1111");
    expect_layers("qwen2", ", \"sliding_window\": 5, \"use_sliding_window\": true", "0000", "1111");
    expect_layers("qwen3",
                  ", \"sliding_window\": 5, \"use_sliding_window\": true, \"layer_types\": [\"sliding_attention\", "
                  "\"full_attention\", \"sliding_attention\", \"full_attention\"]",
                  "5050", "1111");
    expect_layers("smollm3", "", "0000", "1110");
    expect_layers("smollm3", ", \"no_rope_layer_interval\": 2", "0000", "1010");
    expect_layers("smollm3", ", \"no_rope_layers\": [0, 1, 0, 1], \"use_sliding_window\": true, \"sliding_window\": 7",
                  "7070", "0101");
}
END_TEST

/* What is left out is as the transformers library has it. */
START_TEST(test_defaults)
{
    static const struct {
        const char *family;
        int64_t vocabulary, width, inner, keys, positions;
        double base;
    } families[] = {{"llama", 32000, 4096, 11008, 4096, 2048, 10000},
                    {"mistral", 32000, 4096, 14336, 1024, 131072, 10000},
                    {"qwen2", 151936, 4096, 22016, 4096, 32768, 10000},
                    {"qwen3", 151936, 4096, 22016, 4096, 32768, 10000},
                    {"smollm3", 128256, 2048, 11008, 512, 32768, 2000000}};
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        built_t built = build(families[i].family, "\"num_hidden_layers\": 1");
        expect_parameter(&built, "model.embed_tokens.weight", families[i].vocabulary, families[i].width, 0.02);
        expect_parameter(&built, "model.layers.0.mlp.up_proj.weight", families[i].inner, families[i].width, 0.02);
        expect_parameter(&built, "model.layers.0.self_attn.k_proj.weight", families[i].keys, families[i].width, 0.02);
        ck_assert_int_eq(built.graph->length_limit[PT__DIMENSION_TOKENS], families[i].positions);
        for (int64_t n = 0; n < built.graph->n_nodes; n++)
            if (strcmp(built.graph->nodes[n].op->name, "rotary") == 0)
                ck_assert_double_eq(built.graph->nodes[n].attributes.reals[0], families[i].base);
        end(&built);
    }
}
END_TEST

/* The most tokens of a sample. */
START_TEST(test_lengths)
{
    static const struct {
        const char *keys;
        int64_t limit;
    } cases[] = {
        {"\"rope_scaling\": null", 32},
        {"\"rope_scaling\": {\"rope_type\": \"default\"}", 32},
        {"\"rope_scaling\": {\"type\": \"linear\", \"factor\": 4}", 32},
        {"\"rope_scaling\": {\"type\": \"dynamic\", \"factor\": 2.5}", 80},
        {"\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 4, \"original_max_position_embeddings\": 32}", 128},
        {"\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 4, \"original_max_position_embeddings\": 4}", 32},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char keys[1024];
        snprintf(keys, sizeof keys, SIZES ", %s", cases[i].keys);
        built_t built = build("llama", keys);
        ck_assert_int_eq(built.graph->length_limit[PT__DIMENSION_TOKENS], cases[i].limit);
        end(&built);
    }
}
END_TEST

#define SCALING(keys) "\"rope_scaling\": {" keys "}"
#define FACTORS       "\"short_factor\": [1, 2, 3, 4], \"long_factor\": [1, 2, 3, 4]"

START_TEST(test_wrong_configurations)
{
    static const struct {
        const char *family, *keys;
        pt_status_t status;
        const char *part;
    } cases[] = {
        {"llama", "\"hidden_size\": 25, \"head_dim\": null", PT_ERR_FORMAT, "hidden_size: expected a multiple of"},
        {"llama", "\"num_key_value_heads\": 2", PT_ERR_FORMAT, "num_key_value_heads: expected a divisor"},
        {"llama", "\"head_dim\": 7", PT_ERR_FORMAT, "head_dim: expected an even number up to 256, found 7"},
        {"llama", "\"head_dim\": 300", PT_ERR_FORMAT, "head_dim"},
        {"llama", "\"vocab_size\": 0", PT_ERR_FORMAT, "vocab_size"},
        {"llama", "\"intermediate_size\": -1", PT_ERR_FORMAT, "intermediate_size"},
        {"llama", "\"num_hidden_layers\": 5000", PT_ERR_FORMAT, "num_hidden_layers"},
        {"llama", "\"max_position_embeddings\": 1e12", PT_ERR_FORMAT, "max_position_embeddings"},
        {"llama", "\"hidden_act\": \"quick_gelu\"", PT_ERR_UNSUPPORTED, "hidden_act: \"quick_gelu\""},
        {"llama", "\"attention_dropout\": 1", PT_ERR_FORMAT, "attention_dropout"},
        {"llama", "\"rms_norm_eps\": -1", PT_ERR_FORMAT, "rms_norm_eps"},
        {"llama", "\"attention_bias\": 1", PT_ERR_FORMAT, "attention_bias"},
        {"llama", "\"tie_word_embeddings\": \"no\"", PT_ERR_FORMAT, "tie_word_embeddings"},
        {"llama", "\"use_sliding_window\": true", PT_ERR_UNSUPPORTED, "use_sliding_window: is true, which this family"},
        {"llama", "\"layer_types\": [\"sliding_attention\"]", PT_ERR_FORMAT,
         "layer_types: expected an element for each"},
        {"llama",
         "\"layer_types\": [\"sliding_attention\", \"full_attention\", \"full_attention\", \"full_attention\"]",
         PT_ERR_UNSUPPORTED, "layer_types[0]: is \"sliding_attention\", but there is no sliding_window"},
        {"llama",
         "\"layer_types\": [\"full_attention\", \"chunked_attention\", \"full_attention\", \"full_attention\"]",
         PT_ERR_UNSUPPORTED, "layer_types[1]: expected \"full_attention\" or \"sliding_attention\", found chunked"},
        {"mistral", "\"layer_types\": [\"full_attention\", \"full_attention\", \"full_attention\", \"full_attention\"]",
         PT_ERR_UNSUPPORTED, "layer_types[0]: is \"full_attention\", but every layer"},
        {"mistral", "\"attention_bias\": true", PT_ERR_UNSUPPORTED, "attention_bias: is true"},
        {"mistral", "\"sliding_window\": -4", PT_ERR_FORMAT, "sliding_window"},
        {"qwen2", "\"mlp_bias\": true", PT_ERR_UNSUPPORTED, "mlp_bias: is true"},
        {"qwen2", "\"max_window_layers\": -1", PT_ERR_FORMAT, "max_window_layers"},
        {"qwen2", "\"layer_types\": [1, 2, 3, 4]", PT_ERR_UNSUPPORTED, "layer_types[0]"},
        {"smollm3", "\"no_rope_layers\": [1, 0]", PT_ERR_FORMAT,
         "no_rope_layers: expected an element for each of the 4"},
        {"smollm3", "\"no_rope_layers\": [1, 0, 2, 1]", PT_ERR_FORMAT, "no_rope_layers[2]"},
        {"smollm3", "\"no_rope_layer_interval\": 0", PT_ERR_FORMAT, "no_rope_layer_interval"},
        {"llama", "\"partial_rotary_factor\": 0.5", PT_ERR_UNSUPPORTED, "partial_rotary_factor: is 0.5"},
        {"llama", "\"rope_theta\": 0", PT_ERR_FORMAT, "rope_theta"},
        {"llama", "\"rope_interleaved\": 1", PT_ERR_FORMAT, "rope_interleaved"},
        {"llama", "\"rope_scaling\": [1]", PT_ERR_FORMAT, "rope_scaling"},
        {"llama", SCALING("\"type\": \"mrope\""), PT_ERR_UNSUPPORTED, "rope_scaling.type: \"mrope\" is no known way"},
        {"llama", "\"rope_parameters\": {\"rope_type\": \"proportional\"}", PT_ERR_UNSUPPORTED,
         "rope_parameters.rope_type: \"proportional\""},
        {"llama", "\"rope_parameters\": {\"full_attention\": {\"rope_type\": \"default\"}}", PT_ERR_UNSUPPORTED,
         "rope_parameters.full_attention"},
        {"llama", SCALING("\"type\": \"linear\""), PT_ERR_NOT_FOUND, "rope_scaling: the key \"factor\""},
        {"llama", SCALING("\"type\": \"linear\", \"factor\": 0.5"), PT_ERR_FORMAT, "rope_scaling.factor"},
        {"llama", SCALING("\"type\": \"dynamic\""), PT_ERR_NOT_FOUND, "rope_scaling: the key \"factor\""},
        {"llama", "\"head_dim\": 2, " SCALING("\"type\": \"dynamic\", \"factor\": 2"), PT_ERR_ARGUMENT,
         "dynamic_factor 2"},
        {"llama", SCALING("\"type\": \"llama3\", \"factor\": 2"), PT_ERR_NOT_FOUND,
         "rope_scaling: the key \"low_freq_factor\""},
        {"llama", SCALING("\"type\": \"llama3\", \"factor\": 2, \"low_freq_factor\": 4, \"high_freq_factor\": 4"),
         PT_ERR_FORMAT, "rope_scaling.high_freq_factor: expected more than low_freq_factor, which is 4, found 4"},
        {"llama", SCALING("\"type\": \"yarn\", \"factor\": 4, \"attention_factor\": -1"), PT_ERR_FORMAT,
         "rope_scaling.attention_factor"},
        {"llama", "\"rope_theta\": 1, " SCALING("\"type\": \"yarn\", \"factor\": 4"), PT_ERR_FORMAT, "rope_theta: 1"},
        {"llama", SCALING("\"type\": \"longrope\", \"short_factor\": [1]"), PT_ERR_FORMAT,
         "rope_scaling.short_factor: expected 4 numbers"},
        {"llama", SCALING("\"type\": \"longrope\", \"short_factor\": [1, 2, 3, 4]"), PT_ERR_NOT_FOUND,
         "rope_scaling: the key \"long_factor\""},
        {"llama", SCALING("\"type\": \"longrope\", \"short_factor\": [1, 2, \"3\", 4]"), PT_ERR_FORMAT,
         "rope_scaling.short_factor[2]"},
        {"llama", SCALING("\"type\": \"longrope\", \"original_max_position_embeddings\": 0, " FACTORS), PT_ERR_FORMAT,
         "rope_scaling.original_max_position_embeddings"},
    };
    pt_context_t *context;
    ck_ok(pt_context_create(NULL, &context));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        /* a key twice is refused, so each case's own take the place of the size of that name */
        static const char *const sizes[] = {"\"vocab_size\": 20",
                                            "\"hidden_size\": 24",
                                            "\"intermediate_size\": 28",
                                            "\"num_hidden_layers\": 4",
                                            "\"num_attention_heads\": 3",
                                            "\"num_key_value_heads\": 1",
                                            "\"head_dim\": 8",
                                            "\"max_position_embeddings\": 32"};
        char keys[1536];
        pt_graph_t *graph;
        snprintf(keys, sizeof keys, "%s", cases[i].keys);
        for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
            char name[64];
            snprintf(name, sizeof name, "%.*s", (int)strcspn(sizes[k], ":"), sizes[k]);
            if (strstr(cases[i].keys, name) == NULL)
                snprintf(keys + strlen(keys), sizeof keys - strlen(keys), ", %s", sizes[k]);
        }
        pt_status_t status = build_within(context, cases[i].family, keys, &graph);
        ck_assert_msg(status == cases[i].status && strstr(pt_last_error(), cases[i].part) != NULL,
                      "%s, %s gave %d (%s)", cases[i].family, cases[i].keys, (int)status, pt_last_error());
        pt_graph_free(graph);
    }
    pt_context_free(context);
}
END_TEST

/* What the check of all families refuses (config.c), these families read themselves; others still refuse it. */
START_TEST(test_keys_that_families_honour)
{
    static const char key[] = ", \"sliding_window\": 4, \"rope_scaling\": {\"type\": \"linear\", \"factor\": 2}}";
    static const struct {
        const char *family;
        const char *refused;
    } families[] = {
        {"llama", "sliding_window"}, {"mistral", NULL}, {"qwen2", NULL}, {"qwen3", NULL}, {"smollm3", NULL}};
    pt_context_t *context;
    ck_ok(pt_context_create(NULL, &context));
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        char config[1024];
        pt_model_t *model;
        snprintf(config, sizeof config, "{\"model_type\": \"%s\", " SIZES "%s", families[i].family, key);
        if (families[i].refused != NULL) {
            ck_fails(pt_model_create_from_config(context, config, strlen(config), &model), PT_ERR_UNSUPPORTED,
                     families[i].refused);
            continue;
        }
        ck_ok(pt_model_create_from_config(context, config, strlen(config), &model));
        pt_model_free(model);
    }
    pt_context_free(context);
}
END_TEST

START_TEST(test_failing_allocations)
{
    failing_allocator_t allocator;
    pt_status_t status;
    FOR_EACH_FAILING_ALLOCATION(allocator, {
        pt_context_options_t options;
        pt_context_t *context = NULL;
        pt_graph_t *graph = NULL;
        pt_context_options_init(&options, sizeof options);
        options.threads = 1;
        failing_allocator_hooks(&allocator, &options);
        status = pt_context_create(&options, &context);
        if (status == PT_OK)
            status = build_within(context, "qwen3", SIZES ", " SCALING("\"type\": \"linear\", \"factor\": 2"), &graph);
        pt_graph_free(graph);
        pt_context_free(context);
    }, status);
}
END_TEST

SUITE("decoder models", 60, test_names, test_layers, test_defaults, test_lengths, test_wrong_configurations,
      test_keys_that_families_honour, test_failing_allocations)
