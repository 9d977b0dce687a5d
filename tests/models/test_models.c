/* Model families: names, shapes and initial values as in Hugging Face's models, configurations that are wrong in
 * every way. (That outputs and training agree with PyTorch is tested in tests/train/.) */
#include <math.h>

#include "base/json.h"
#include "graph/op.h"
#include "models/models.h"
#include "support/failing_allocator.h"
#include "support/golden.h"

typedef struct built {
    pt_context_t *context;
    pt_graph_t *graph;
    pt_status_t status;
} built_t;

static pt_status_t build_within(pt_context_t *context, const char *config, pt_graph_t **graph)
{
    pt__json_document_t *document;
    const pt__json_t *root;
    const char *type = "";
    *graph = NULL;
    PT__TRY(pt__json_parse(&context->memory, "config.json", config, (int64_t)strlen(config), &document, &root));
    pt_status_t status = pt__json_get_string(root, "model_type", PT__JSON_REQUIRED, &type);
    if (status == PT_OK)
        status = pt_graph_create(context, graph);
    if (status == PT_OK)
        status = pt__family_find(type)->build(root, *graph);
    pt__json_free(document);
    return status;
}

static built_t build(const char *config)
{
    built_t built = {.status = PT_OK};
    ck_ok(pt_context_create(NULL, &built.context));
    built.status = build_within(built.context, config, &built.graph);
    return built;
}

static void end(built_t *built)
{
    pt_graph_free(built->graph);
    pt_context_free(built->context);
}

#define GPT                                                                                                           \
    "\"model_type\": \"gpt2\", \"vocab_size\": 32, \"n_positions\": 16, \"n_embd\": 16, \"n_layer\": 2, \"n_head\": " \
    "2, \"n_inner\": 24"

#define BERT                                                                                               \
    "\"model_type\": \"bert\", \"vocab_size\": 32, \"max_position_embeddings\": 16, \"hidden_size\": 16, " \
    "\"num_hidden_layers\": 2, \"num_attention_heads\": 2, \"intermediate_size\": 24"
#define DISTILBERT "\"model_type\": \"distilbert\", \"vocab_size\": 32, \"dim\": 16, \"n_layers\": 1, \"n_heads\": 2"

START_TEST(test_gpt2_is_hugging_faces)
{
    built_t built = build("{" GPT ", \"initializer_range\": 0.05}");
    ck_assert_msg(built.status == PT_OK, "%s", pt_last_error());
    golden_read("tests/golden/gpt2_names.txt");
    int64_t lines = 0;
    for (const char *at = golden_bytes; *at != 0; at++)
        lines += *at == '\n';
    ck_assert_int_eq(built.graph->n_parameters, lines);
    for (int64_t i = 0; i < built.graph->n_parameters; i++) {
        const pt__parameter_t *parameter = &built.graph->parameters[i];
        const pt__shape_t *shape = &pt__graph_tensor(built.graph, parameter->tensor)->shape;
        double expected[1 + PT_MAX_RANK];
        ck_assert_int_eq(golden_numbers(parameter->name, expected, 1 + PT_MAX_RANK), 1 + shape->rank);
        for (int32_t d = 0; d < shape->rank; d++)
            ck_assert_msg(shape->size[d] == (int64_t)expected[1 + d], "%s: size %d", parameter->name, (int)d);
        ck_assert_msg(parameter->initializer == (shape->rank > 1 ? PT_INIT_NORMAL : PT_INIT_CONSTANT), "%s",
                      parameter->name);
        ck_assert_msg(fabs(parameter->value - expected[0]) <= 0.02 * expected[0], "%s: %g, expected %g",
                      parameter->name, parameter->value, expected[0]);
    }
    ck_assert_int_eq(built.graph->offer.output_weight,
                     pt__graph_parameter(built.graph, "transformer.wte.weight")->tensor);
    ck_assert_int_eq(built.graph->length_limit[PT__DIMENSION_TOKENS], 16);
    ck_assert_int_eq(pt__graph_tensor(built.graph, pt__graph_input(built.graph, "tokens")->tensor)->index_limit, 32);
    ck_assert_int_ne(pt__graph_output(built.graph, "hidden"), PT_NO_TENSOR);
    end(&built);
}
END_TEST

static int64_t count_nodes(const pt_graph_t *graph, const char *text)
{
    static char printed[1 << 18];
    size_t length;
    int64_t count = 0;
    ck_ok(pt_graph_print(graph, printed, sizeof printed, &length));
    ck_assert_uint_lt(length, sizeof printed);
    for (const char *at = strstr(printed, text); at != NULL; at = strstr(at + 1, text))
        count++;
    return count;
}

START_TEST(test_gpt2_options)
{
    built_t built = build("{" GPT "}");
    ck_assert_int_eq(count_nodes(built.graph, "dropout"), 0);
    end(&built);
    built = build("{" GPT ", \"embd_pdrop\": 0.1, \"resid_pdrop\": 0.2, \"attn_pdrop\": 0.3, \"tie_word_embeddings\": "
                  "false, \"unknown\": [1]}");
    ck_assert_msg(built.status == PT_OK, "%s", pt_last_error());
    ck_assert_int_eq(count_nodes(built.graph, "dropout"), 5);
    for (int64_t i = 0; i < built.graph->n_nodes; i++) /* reals: scale, dropout */
        if (built.graph->nodes[i].op == pt__op_find("attention_packed"))
            ck_assert_double_eq(built.graph->nodes[i].attributes.reals[1], 0.3);
    ck_assert_int_eq(built.graph->offer.output_weight, PT_NO_TENSOR);
    end(&built);
    built = build("{\"model_type\": \"gpt2\", \"n_layer\": 1, \"n_inner\": null}"); /* all else is GPT-2 small's */
    ck_assert_msg(built.status == PT_OK, "%s", pt_last_error());
    const pt__shape_t *inner = &pt__graph_tensor(
                                    built.graph,
                                    pt__graph_parameter(built.graph, "transformer.h.0.mlp.c_fc.weight")->tensor)
                                    ->shape;
    ck_assert(inner->size[0] == 768 && inner->size[1] == 3072);
    ck_assert_int_eq(pt__graph_tensor(built.graph, built.graph->offer.output_weight)->shape.size[0], 50257);
    end(&built);
}
END_TEST

/* What each layer multiplies its scores by. */
START_TEST(test_gpt2_scores)
{
    static const struct {
        const char *keys;
        double scale[2];
    } cases[] = {
        {"", {0.35355339059327373, 0.35355339059327373}},
        {", \"scale_attn_weights\": true, \"scale_attn_by_inverse_layer_idx\": false",
         {0.35355339059327373, 0.35355339059327373}},
        {", \"scale_attn_by_inverse_layer_idx\": true", {0.35355339059327373, 0.17677669529663687}},
        {", \"scale_attn_weights\": false", {1, 1}},
        {", \"scale_attn_weights\": false, \"scale_attn_by_inverse_layer_idx\": true", {1, 0.5}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char config[512];
        int32_t layer = 0;
        snprintf(config, sizeof config, "{" GPT "%s}", cases[i].keys);
        built_t built = build(config);
        ck_assert_msg(built.status == PT_OK, "%s: %s", config, pt_last_error());
        for (int64_t n = 0; n < built.graph->n_nodes; n++)
            if (built.graph->nodes[n].op == pt__op_find("attention_packed")) {
                double scale = built.graph->nodes[n].attributes.reals[0]; /* 0: 1/sqrt(width of a head) */
                scale = scale == 0 ? sqrt(1.0 / 8) : scale;
                ck_assert_double_eq_tol(scale, cases[i].scale[layer], 1e-12);
                layer++;
            }
        ck_assert_int_eq(layer, 2);
        end(&built);
    }
}
END_TEST

/* Dropout stands where the originals have it, and weights begin as theirs. (Names are compared by loading: see
 * tests/train/test_bert.c.) */
START_TEST(test_bert_options)
{
    built_t built = build("{" BERT "}");
    ck_assert_msg(built.status == PT_OK, "%s", pt_last_error());
    ck_assert_int_eq(count_nodes(built.graph, "dropout"), 5);
    for (int64_t i = 0; i < built.graph->n_nodes; i++) /* reals: scale, dropout */
        if (built.graph->nodes[i].op == pt__op_find("attention"))
            ck_assert_double_eq(built.graph->nodes[i].attributes.reals[1], 0.1);
    for (int64_t i = 0; i < built.graph->n_parameters; i++) {
        const pt__parameter_t *parameter = &built.graph->parameters[i];
        const int32_t is_matrix = pt__graph_tensor(built.graph, parameter->tensor)->shape.rank == 2;
        ck_assert_int_eq(parameter->initializer, is_matrix ? PT_INIT_NORMAL : PT_INIT_CONSTANT);
        ck_assert_double_eq(parameter->value, is_matrix ? 0.02 : strstr(parameter->name, "orm.weight") != NULL);
    }
    ck_assert_int_eq(built.graph->offer.output_weight,
                     pt__graph_parameter(built.graph, "bert.embeddings.word_embeddings.weight")->tensor);
    ck_assert_double_eq(built.graph->offer.head_dropout, 0.1);
    ck_assert_ptr_nonnull(pt__graph_input(built.graph, "segments"));
    end(&built);
    built = build("{" BERT ", \"hidden_dropout_prob\": 0, \"classifier_dropout\": 0.25, \"type_vocab_size\": 1, "
                  "\"attention_probs_dropout_prob\": 0.0, \"tie_word_embeddings\": false}");
    ck_assert_msg(built.status == PT_OK, "%s", pt_last_error());
    ck_assert_int_eq(count_nodes(built.graph, "dropout"), 0);
    ck_assert_double_eq(built.graph->offer.head_dropout, 0.25);
    ck_assert_int_eq(built.graph->offer.output_weight, PT_NO_TENSOR);
    ck_assert_ptr_null(pt__graph_input(built.graph, "segments"));
    end(&built);
    built = build("{\"model_type\": \"distilbert\", \"n_layers\": 1}");
    ck_assert_msg(built.status == PT_OK, "%s", pt_last_error());
    ck_assert_double_eq(built.graph->offer.head_dropout, 0.2);
    ck_assert_ptr_null(pt__graph_input(built.graph, "segments"));
    end(&built);
}
END_TEST

START_TEST(test_mlp)
{
    built_t built = build("{\"model_type\": \"mlp\", \"input_size\": 7, \"hidden_sizes\": [5, 3], "
                          "\"activation_function\": \"tanh\", \"dropout\": 0.5}");
    ck_assert_msg(built.status == PT_OK, "%s", pt_last_error());
    static const char *const names[] = {"layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"};
    static const int64_t sizes[][2] = {{5, 7}, {5, 0}, {3, 5}, {3, 0}};
    ck_assert_int_eq(built.graph->n_parameters, 4);
    for (int32_t i = 0; i < 4; i++) {
        const pt__parameter_t *parameter = &built.graph->parameters[i];
        const pt__shape_t *shape = &pt__graph_tensor(built.graph, parameter->tensor)->shape;
        ck_assert_str_eq(parameter->name, names[i]);
        ck_assert_int_eq(shape->rank, sizes[i][1] == 0 ? 1 : 2);
        ck_assert_int_eq(shape->size[0], sizes[i][0]);
        ck_assert_int_eq(parameter->initializer, PT_INIT_LINEAR);
        ck_assert_double_eq(parameter->value, i < 2 ? 7 : 5);
    }
    ck_assert_int_eq(count_nodes(built.graph, "dropout"), 2);
    ck_assert_int_eq(pt__graph_tensor(built.graph, pt__graph_output(built.graph, "hidden"))->shape.size[1], 3);
    end(&built);
}
END_TEST

/* Every activation's name, in both families. */
START_TEST(test_activations)
{
    static const char *const names[] = {"gelu_new", "gelu_pytorch_tanh", "gelu",  "relu",      "silu",  "swish",
                                        "tanh",     "sigmoid",           "relu6", "hardswish", "linear"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char config[512];
        snprintf(config, sizeof config, "{" GPT ", \"activation_function\": \"%s\"}", names[i]);
        built_t built = build(config);
        ck_assert_msg(built.status == PT_OK, "%s: %s", names[i], pt_last_error());
        end(&built);
        snprintf(config, sizeof config,
                 "{\"model_type\": \"mlp\", \"input_size\": 2, \"hidden_sizes\": [2], \"activation_function\": \"%s\"}",
                 names[i]);
        built = build(config);
        ck_assert_msg(built.status == PT_OK, "%s: %s", names[i], pt_last_error());
        end(&built);
    }
}
END_TEST

/* The message names the key. */
START_TEST(test_wrong_configurations)
{
    static const struct {
        const char *config;
        pt_status_t status;
        const char *part;
    } cases[] = {
        {"{\"model_type\": \"gpt2\", \"vocab_size\": 0}", PT_ERR_FORMAT, "vocab_size"},
        {"{\"model_type\": \"gpt2\", \"vocab_size\": -5}", PT_ERR_FORMAT, "vocab_size"},
        {"{\"model_type\": \"gpt2\", \"vocab_size\": 1e30}", PT_ERR_FORMAT, "vocab_size"},
        {"{\"model_type\": \"gpt2\", \"vocab_size\": 10.5}", PT_ERR_FORMAT, "vocab_size"},
        {"{\"model_type\": \"gpt2\", \"vocab_size\": \"many\"}", PT_ERR_FORMAT, "vocab_size"},
        {"{\"model_type\": \"gpt2\", \"n_positions\": 0}", PT_ERR_FORMAT, "n_positions"},
        {"{\"model_type\": \"gpt2\", \"n_embd\": 0}", PT_ERR_FORMAT, "n_embd"},
        {"{\"model_type\": \"gpt2\", \"n_embd\": 100}", PT_ERR_FORMAT, "n_head, which is 12, found 100"},
        {"{\"model_type\": \"gpt2\", \"n_layer\": 0}", PT_ERR_FORMAT, "n_layer"},
        {"{\"model_type\": \"gpt2\", \"n_layer\": 1000000}", PT_ERR_FORMAT, "n_layer"},
        {"{\"model_type\": \"gpt2\", \"n_head\": [12]}", PT_ERR_FORMAT, "n_head"},
        {"{\"model_type\": \"gpt2\", \"n_inner\": 0}", PT_ERR_FORMAT, "n_inner"},
        {"{\"model_type\": \"gpt2\", \"activation_function\": \"swoosh\"}", PT_ERR_UNSUPPORTED,
         "activation_function: \"swoosh\""},
        {"{\"model_type\": \"gpt2\", \"activation_function\": 3}", PT_ERR_FORMAT, "activation_function"},
        {"{\"model_type\": \"gpt2\", \"embd_pdrop\": 1.0}", PT_ERR_FORMAT, "embd_pdrop"},
        {"{\"model_type\": \"gpt2\", \"embd_pdrop\": 1.5}", PT_ERR_FORMAT, "embd_pdrop"},
        {"{\"model_type\": \"gpt2\", \"resid_pdrop\": -0.1}", PT_ERR_FORMAT, "resid_pdrop"},
        {"{\"model_type\": \"gpt2\", \"attn_pdrop\": 1.0}", PT_ERR_FORMAT, "attn_pdrop"},
        {"{\"model_type\": \"gpt2\", \"layer_norm_epsilon\": -1}", PT_ERR_FORMAT, "layer_norm_epsilon"},
        {"{\"model_type\": \"gpt2\", \"initializer_range\": -1}", PT_ERR_FORMAT, "initializer_range"},
        {"{\"model_type\": \"gpt2\", \"tie_word_embeddings\": 1}", PT_ERR_FORMAT, "tie_word_embeddings"},
        {"{\"model_type\": \"gpt2\", \"scale_attn_weights\": 1}", PT_ERR_FORMAT, "scale_attn_weights"},
        {"{\"model_type\": \"gpt2\", \"scale_attn_by_inverse_layer_idx\": 1}", PT_ERR_FORMAT,
         "scale_attn_by_inverse_layer_idx"},
        {"{\"model_type\": \"bert\", \"num_attention_heads\": 2, \"hidden_size\": 15}", PT_ERR_FORMAT,
         "num_attention_heads, which is 2, found 15"},
        {"{" BERT ", \"type_vocab_size\": 0}", PT_ERR_FORMAT, "type_vocab_size"},
        {"{" BERT ", \"hidden_act\": \"swoosh\"}", PT_ERR_UNSUPPORTED, "hidden_act: \"swoosh\""},
        {"{" BERT ", \"hidden_dropout_prob\": 1}", PT_ERR_FORMAT, "hidden_dropout_prob"},
        {"{" BERT ", \"is_decoder\": true}", PT_ERR_UNSUPPORTED, "is_decoder: true"},
        {"{" BERT ", \"position_embedding_type\": \"relative_key\"}", PT_ERR_UNSUPPORTED,
         "position_embedding_type: \"relative_key\""},
        {"{\"model_type\": \"roberta\", \"max_position_embeddings\": 2}", PT_ERR_FORMAT,
         "max_position_embeddings: expected more than pad_token_id + 1, 2, found 2"},
        {"{\"model_type\": \"roberta\", \"pad_token_id\": 50265}", PT_ERR_FORMAT, "pad_token_id"},
        {"{\"model_type\": \"distilbert\", \"n_heads\": 2, \"dim\": 15}", PT_ERR_FORMAT,
         "dim: expected a multiple of n_heads"},
        {"{" DISTILBERT ", \"sinusoidal_pos_embds\": true}", PT_ERR_UNSUPPORTED, "sinusoidal_pos_embds: true"},
        {"{\"model_type\": \"mlp\", \"hidden_sizes\": [3]}", PT_ERR_NOT_FOUND, "input_size"},
        {"{\"model_type\": \"mlp\", \"input_size\": 3}", PT_ERR_NOT_FOUND, "hidden_sizes"},
        {"{\"model_type\": \"mlp\", \"input_size\": 3, \"hidden_sizes\": 3}", PT_ERR_FORMAT, "hidden_sizes"},
        {"{\"model_type\": \"mlp\", \"input_size\": 3, \"hidden_sizes\": []}", PT_ERR_FORMAT, "hidden_sizes"},
        {"{\"model_type\": \"mlp\", \"input_size\": 3, \"hidden_sizes\": [3, 0]}", PT_ERR_FORMAT, "hidden_sizes[1]"},
        {"{\"model_type\": \"mlp\", \"input_size\": 3, \"hidden_sizes\": [3, \"4\"]}", PT_ERR_FORMAT,
         "hidden_sizes[1]"},
        {"{\"model_type\": \"mlp\", \"input_size\": 3, \"hidden_sizes\": [2.5]}", PT_ERR_FORMAT, "hidden_sizes[0]"},
        {"{\"model_type\": \"mlp\", \"input_size\": 3, \"hidden_sizes\": [3], \"dropout\": 1}", PT_ERR_FORMAT,
         "dropout"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        built_t built = build(cases[i].config);
        ck_assert_msg(built.status == cases[i].status, "%s gave %d (%s)", cases[i].config, (int)built.status,
                      pt_last_error());
        ck_assert_msg(strstr(pt_last_error(), cases[i].part) != NULL, "%s: message \"%s\"", cases[i].config,
                      pt_last_error());
        end(&built);
    }
}
END_TEST

/* Keys that make another network, in every family: refused, unless they ask for nothing. */
START_TEST(test_keys_that_change_the_network)
{
    static const char *const keys[] = {"add_cross_attention",
                                       "is_encoder_decoder",
                                       "cross_attention_hidden_size",
                                       "pruned_heads",
                                       "quantization_config",
                                       "rope_scaling",
                                       "rope_parameters",
                                       "sliding_window",
                                       "tie_encoder_decoder",
                                       "auto_map"};
    static const char *const nothing[] = {"null", "false", "0", "{}", "[]", "\"\""}, *const something[] = {
                                                                                         "true", "4", "{\"a\": 1}",
                                                                                         "[1]", "\"x\""};
    static const char *const families[] = {GPT, "\"model_type\": \"mlp\", \"input_size\": 2, \"hidden_sizes\": [2]",
                                           BERT, DISTILBERT};
    pt_context_t *context;
    pt_model_t *model;
    char config[512];
    ck_ok(pt_context_create(NULL, &context));
    for (size_t family = 0; family < sizeof families / sizeof families[0]; family++)
        for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
            for (size_t k = 0; k < sizeof nothing / sizeof nothing[0]; k++) {
                snprintf(config, sizeof config, "{%s, \"%s\": %s}", families[family], keys[i], nothing[k]);
                ck_ok(pt_model_create_from_config(context, config, strlen(config), &model));
                pt_model_free(model);
            }
            for (size_t k = 0; k < sizeof something / sizeof something[0]; k++) {
                snprintf(config, sizeof config, "{%s, \"%s\": %s}", families[family], keys[i], something[k]);
                ck_fails(pt_model_create_from_config(context, config, strlen(config), &model), PT_ERR_UNSUPPORTED,
                         keys[i]);
            }
        }
    pt_context_free(context);
}
END_TEST

START_TEST(test_table)
{
    ck_assert_ptr_nonnull(pt__family_find("gpt2"));
    ck_assert_str_eq(pt__family_find("gpt2")->default_task, PT_TASK_CAUSAL_LM);
    ck_assert_ptr_null(pt__family_find("mlp")->default_task);
    ck_assert_ptr_null(pt__family_find("gpt3"));
    ck_assert_ptr_null(pt__family_at(-1));
    int32_t count = 0;
    while (pt__family_at(count) != NULL) {
        ck_assert_ptr_eq(pt__family_find(pt__family_at(count)->name), pt__family_at(count));
        count++;
    }
    ck_assert_int_ge(count, 2);
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
            status = build_within(context, "{" GPT ", \"resid_pdrop\": 0.1}", &graph);
        pt_graph_free(graph);
        pt_context_free(context);
    }, status);
}
END_TEST

SUITE("models", 60, test_gpt2_is_hugging_faces, test_gpt2_options, test_gpt2_scores, test_bert_options, test_mlp,
      test_activations, test_wrong_configurations, test_keys_that_change_the_network, test_table,
      test_failing_allocations)
