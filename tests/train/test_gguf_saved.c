/* Models written as GGUF files and read again, and models of GGUF files written as directories and safetensors: the
 * same outputs, whatever order the planes of queries and keys have on the way; what cannot be written is refused by
 * name. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "pretrain.h"
#include "support/golden.h"
#include "support/suite.h"

enum { TOKENS = 6, MOST = 1024 };

#define DECODER                                                                                      \
    "\"vocab_size\": 48, \"hidden_size\": 32, \"intermediate_size\": 64, \"num_hidden_layers\": 2, " \
    "\"num_attention_heads\": 4, \"max_position_embeddings\": 64, \"rms_norm_eps\": 1e-5, \"initializer_range\": 0.3"
#define PAIRS ", \"num_key_value_heads\": 2"

static pt_context_t *context;

static pt_model_t *make(const char *config, const char *task)
{
    pt_model_t *model = NULL;
    ck_ok(pt_model_create_from_config(context, config, strlen(config), &model));
    if (task != NULL)
        ck_ok(pt_model_set_task(model, task, NULL));
    return model;
}

static pt_model_t *open_model(const char *path, uint32_t flags)
{
    pt_model_t *model = NULL;
    pt_load_options_t options;
    ck_ok(pt_load_options_init(&options, sizeof options));
    options.flags = flags;
    ck_ok(pt_model_open(context, path, &options, &model));
    return model;
}

static pt_save_options_t saving(int32_t format, int32_t dtype)
{
    pt_save_options_t options;
    ck_ok(pt_save_options_init(&options, sizeof options));
    options.format = format;
    options.dtype = dtype;
    return options;
}

static void save(pt_model_t *model, const char *path, int32_t format, int32_t dtype)
{
    const pt_save_options_t options = saving(format, dtype);
    ck_ok(pt_model_save(model, path, &options));
}

/* Of six tokens: "logits" of a language model, or "hidden". */
static int64_t compute(pt_model_t *model, const char *output, float values[MOST])
{
    int32_t tokens[TOKENS] = {1, 17, 5, 40, 5, 33};
    int64_t length = TOKENS, lengths[1];
    pt_array_t field = {.name = "tokens",
                        .data = tokens,
                        .lengths = &length,
                        .dtype = PT_INT32,
                        .rank = 1,
                        .shape = {PT_DIM_TOKENS},
                        .max_length = TOKENS,
                        .elements = TOKENS,
                        .samples = 1};
    pt_array_t view = {
        .dtype = PT_FLOAT32, .data = values, .capacity = MOST, .lengths = lengths, .lengths_capacity = 1};
    pt_dataset_t *data;
    ck_ok(pt_dataset_create_from_arrays(context, &field, 1, sizeof field, 1, 0, &data));
    ck_ok(pt_predict(model, data, output, 1, &view, sizeof view));
    pt_dataset_free(data);
    return view.elements;
}

/* How far apart the outputs are, of the largest. */
static double apart(pt_model_t *a, pt_model_t *b, const char *output)
{
    float first[MOST], second[MOST];
    double most = 0, largest = 0;
    const int64_t n = compute(a, output, first);
    ck_assert_int_eq(compute(b, output, second), n);
    for (int64_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs((double)first[i]));
        most = fmax(most, fabs((double)(first[i] - second[i])));
    }
    ck_assert(largest > 0.01);
    return most / largest;
}

/* A GGUF file of this model gives the same, copied and mapped. */
static void check_written(pt_model_t *model, const char *output, int32_t format, int32_t dtype, double tolerance)
{
    for (uint32_t flags = 0; flags <= PT_LOAD_MAPPED; flags += PT_LOAD_MAPPED) {
        save(model, suite_path("written.gguf"), format, dtype);
        pt_model_t *again = open_model(suite_path("written.gguf"), flags);
        const double found = apart(model, again, output);
        ck_assert_msg(found <= tolerance, "%g apart, expected %g", found, tolerance);
        pt_model_free(again);
    }
}

/* ---- Families ---- */

START_TEST(test_families)
{
    /* what a configuration leaves out is the family's */
    static const char *const configs[] = {
        "{\"model_type\": \"llama\", " DECODER "}",
        "{\"model_type\": \"llama\", " DECODER PAIRS ", \"attention_bias\": true, \"mlp_bias\": true, \"head_dim\": 6}",
        "{\"model_type\": \"mistral\", " DECODER PAIRS ", \"sliding_window\": 3}",
        "{\"model_type\": \"mistral\", " DECODER PAIRS ", \"sliding_window\": null, \"tie_word_embeddings\": true}",
        "{\"model_type\": \"qwen2\", " DECODER PAIRS ", \"rope_parameters\": {\"rope_theta\": 300.0}}",
        "{\"model_type\": \"qwen3\", " DECODER PAIRS "}",
        "{\"model_type\": \"smollm3\", " DECODER PAIRS "}",
        "{\"model_type\": \"gpt2\", \"vocab_size\": 48, \"n_embd\": 32, \"n_layer\": 2, \"n_head\": 4, "
        "\"n_positions\": "
        "64, \"initializer_range\": 0.3}",
        "{\"model_type\": \"gpt2\", \"vocab_size\": 48, \"n_embd\": 32, \"n_layer\": 2, \"n_head\": 4, "
        "\"n_positions\": "
        "64, \"layer_norm_epsilon\": 1e-5, \"n_inner\": 96, \"tie_word_embeddings\": false, \"initializer_range\": "
        "0.3}"};
    ck_ok(pt_context_create(NULL, &context));
    for (size_t i = 0; i < sizeof configs / sizeof configs[0]; i++) {
        pt_model_t *model = make(configs[i], PT_TASK_CAUSAL_LM);
        check_written(model, "logits", PT_FORMAT_GGUF, 0, 1e-5);
        check_written(model, "logits", PT_FORMAT_GGUF, PT_BFLOAT16, 0.05);
        check_written(model, "logits", PT_FORMAT_GGUF_Q8_0, 0, 0.1);
        pt_model_free(model);
    }
    pt_context_free(context);
}
END_TEST

START_TEST(test_bert)
{
    static const char config[] =
        "{\"model_type\": \"bert\", \"vocab_size\": 48, \"hidden_size\": 32, \"intermediate_size\": 64, "
        "\"num_hidden_layers\": 2, \"num_attention_heads\": 4, \"max_position_embeddings\": 64, \"layer_norm_eps\": "
        "1e-12, \"initializer_range\": 0.3}";
    ck_ok(pt_context_create(NULL, &context));
    pt_model_t *model = make(config, NULL);
    check_written(model, "hidden", PT_FORMAT_GGUF, 0, 1e-5);
    check_written(model, "hidden", PT_FORMAT_GGUF, PT_FLOAT16, 0.01);
    ck_ok(pt_model_set_task(model, PT_TASK_MASKED_LM, NULL));
    const pt_save_options_t options = saving(PT_FORMAT_GGUF, 0);
    ck_fails(pt_model_save(model, suite_path("x.gguf"), &options), PT_ERR_UNSUPPORTED,
             "tensor \"cls.predictions.transform.dense.weight\" has no name in a GGUF file of the family bert");
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* ---- Rotary positions ---- */

START_TEST(test_scaling)
{
    static const char *const scalings[] = {
        "\"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 4.0}",
        "\"rope_parameters\": {\"rope_type\": \"yarn\", \"rope_theta\": 500.0, \"factor\": 4.0, "
        "\"original_max_position_embeddings\": 16}",
        "\"rope_theta\": 500000.0, \"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 32.0, "
        "\"low_freq_factor\": "
        "1.0, \"high_freq_factor\": 4.0, \"original_max_position_embeddings\": 8192}",
        "\"rope_theta\": 100.0, \"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8.0, \"low_freq_factor\": "
        "1.0, "
        "\"high_freq_factor\": 3.0, \"original_max_position_embeddings\": 16}"};
    ck_ok(pt_context_create(NULL, &context));
    for (size_t i = 0; i < sizeof scalings / sizeof scalings[0]; i++) {
        char config[1024];
        snprintf(config, sizeof config, "{\"model_type\": \"llama\", " DECODER PAIRS ", %s}", scalings[i]);
        pt_model_t *model = make(config, PT_TASK_CAUSAL_LM);
        check_written(model, "logits", PT_FORMAT_GGUF, 0, 1e-5);
        if (i != 2) { /* 6 tokens are few of 8192 */
            pt_model_t *plain = make("{\"model_type\": \"llama\", " DECODER PAIRS "}", PT_TASK_CAUSAL_LM);
            ck_ok(pt_model_copy(plain, model));
            ck_assert_double_gt(apart(model, plain, "logits"), 1e-3);
            pt_model_free(plain);
        }
        pt_model_free(model);
    }
    pt_context_free(context);
}
END_TEST

/* Of a GGUF file, whose planes stand side by side. */
static void check_halves(pt_model_t *origin, const char *path)
{
    for (uint32_t flags = 0; flags <= PT_LOAD_MAPPED; flags += PT_LOAD_MAPPED) {
        size_t length = 0;
        char config[2048];
        pt_model_t *model = open_model(path, flags);
        ck_assert_double_le(apart(origin, model, "logits"), 1e-5);
        ck_ok(pt_model_describe(model, PT_DESCRIBE_CONFIG, config, sizeof config, &length));
        ck_assert(strstr(config, "rope_interleaved") == NULL);
        pt_model_free(model);
    }
}

/* Files of either order go into models of either. */
static void check_loads(pt_model_t *origin, const char *path, const char *model_config)
{
    pt_model_t *model = make(model_config, PT_TASK_CAUSAL_LM);
    ck_ok(pt_model_load(model, path, NULL));
    ck_assert_double_le(apart(origin, model, "logits"), 1e-5);
    pt_model_free(model);
}

START_TEST(test_planes)
{
    static const char halves[] = "{\"model_type\": \"llama\", " DECODER PAIRS ", \"attention_bias\": true}";
    static const char side_by_side[] = "{\"model_type\": \"llama\", " DECODER PAIRS
                                       ", \"attention_bias\": true, \"rope_interleaved\": true}";
    ck_ok(pt_context_create(NULL, &context));
    pt_model_t *model = make(halves, PT_TASK_CAUSAL_LM), *other;
    save(model, suite_path("planes.gguf"), PT_FORMAT_GGUF, 0);
    other = open_model(suite_path("planes.gguf"), PT_LOAD_MAPPED);
    save(other, suite_path("planes"), PT_FORMAT_DIRECTORY, 0);
    save(other, suite_path("planes.safetensors"), PT_FORMAT_SAFETENSORS, 0);
    check_halves(model, suite_path("planes"));
    check_halves(model, suite_path("planes.safetensors"));
    static const char *const files[] = {"planes.gguf", "planes.safetensors", "planes/model.safetensors"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        check_loads(model, suite_path(files[i]), halves);
        check_loads(model, suite_path(files[i]), side_by_side);
    }
    /* a part of a model keeps the order, and its file says which */
    pt_save_options_t options = saving(PT_FORMAT_SAFETENSORS, 0);
    options.names = "*_proj.*";
    ck_ok(pt_model_save(other, suite_path("part.safetensors"), &options));
    ck_ok(pt_model_load(model, suite_path("part.safetensors"), NULL));
    ck_assert_double_le(apart(other, model, "logits"), 1e-5);
    ck_fails(pt_model_copy(model, other), PT_ERR_UNSUPPORTED, "save the source, and load its file");
    ck_ok(pt_checkpoint_save(other, NULL, suite_path("checkpoint"), NULL));
    ck_fails(pt_checkpoint_load(model, NULL, suite_path("checkpoint"), NULL), PT_ERR_STATE,
             "rope_interleaved is true there and not true in the model");
    pt_model_free(model);
    pt_model_free(other);
    pt_context_free(context);
}
END_TEST

/* Blocks of a file that is mapped are written as they are. */
START_TEST(test_blocks_stay)
{
    ck_ok(pt_context_create(NULL, &context));
    pt_model_t *model = open_model(suite_source("tests/golden/gguf/llama.gguf"), PT_LOAD_MAPPED);
    save(model, suite_path("blocks.gguf"), PT_FORMAT_GGUF, 0);
    pt_model_t *again = open_model(suite_path("blocks.gguf"), PT_LOAD_MAPPED);
    pt_parameter_info_t info = {.struct_size = sizeof info};
    int64_t index;
    ck_ok(pt_model_parameter_find(again, "model.layers.1.self_attn.q_proj.weight", &index));
    ck_ok(pt_model_parameter_info(again, index, &info));
    ck_assert_int_eq(info.dtype, 0);
    ck_assert(apart(model, again, "logits") == 0);
    pt_model_free(model);
    pt_model_free(again);
    pt_context_free(context);
}
END_TEST

/* ---- Refusals ---- */

START_TEST(test_what_is_not_written)
{
    static const struct {
        const char *config, *part;
    } cases[] = {
        {"{\"model_type\": \"mlp\", \"input_size\": 3, \"hidden_sizes\": [4]}",
         "a GGUF file of mlp, expected a family"},
        {"{\"model_type\": \"roberta\", \"vocab_size\": 9, \"hidden_size\": 8, \"intermediate_size\": 8, "
         "\"num_hidden_layers\": 1, \"num_attention_heads\": 2, \"max_position_embeddings\": 9}",
         "a GGUF file of roberta, expected a family that llama.cpp knows"},
        {"{\"model_type\": \"llama\", " DECODER PAIRS ", \"hidden_act\": \"gelu\"}",
         "hidden_act: is \"gelu\", expected \"silu\" in a GGUF file"},
        {"{\"model_type\": \"gpt2\", \"vocab_size\": 9, \"n_embd\": 8, \"n_layer\": 1, \"n_head\": 2, "
         "\"n_positions\": 9, \"layer_norm_epsilon\": 1e-5, \"activation_function\": \"relu\"}",
         "activation_function: is \"relu\", expected \"gelu_new\""},
        {"{\"model_type\": \"gpt2\", \"vocab_size\": 9, \"n_embd\": 8, \"n_layer\": 1, \"n_head\": 2, "
         "\"n_positions\": 9, \"layer_norm_epsilon\": 1e-5, \"scale_attn_weights\": false}",
         "scale_attn_weights: expected true"},
        {"{\"model_type\": \"qwen3\", " DECODER PAIRS ", \"attention_bias\": true}", "attention_bias: expected false"},
        {"{\"model_type\": \"qwen2\", " DECODER PAIRS ", \"use_sliding_window\": true}",
         "use_sliding_window: expected false"},
        {"{\"model_type\": \"smollm3\", " DECODER PAIRS ", \"no_rope_layer_interval\": 2}",
         "no_rope_layer_interval: expected 4"},
        {"{\"model_type\": \"smollm3\", " DECODER PAIRS ", \"no_rope_layers\": [1, 0]}",
         "expected 1, and 0 for each fourth layer"},
        {"{\"model_type\": \"llama\", " DECODER PAIRS
         ", \"rope_scaling\": {\"rope_type\": \"dynamic\", \"factor\": 2.0}}",
         "rope_type is \"dynamic\", expected"},
        {"{\"model_type\": \"llama\", " DECODER PAIRS
         ", \"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 2.0, \"beta_fast\": 16.0}}",
         "beta_fast: expected 32"},
        {"{\"model_type\": \"llama\", \"vocab_size\": 9, \"hidden_size\": 8, \"intermediate_size\": 8, "
         "\"num_hidden_layers\": 1, \"num_attention_heads\": 2}",
         "config: no \"max_position_embeddings\""},
        {"{\"model_type\": \"qwen3\", " DECODER PAIRS ", \"rope_interleaved\": true}", "rope_interleaved is true"},
    };
    ck_ok(pt_context_create(NULL, &context));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const pt_save_options_t options = saving(PT_FORMAT_GGUF, 0);
        pt_model_t *model = make(cases[i].config, NULL);
        ck_fails(pt_model_save(model, suite_path("refused.gguf"), &options), PT_ERR_UNSUPPORTED, cases[i].part);
        pt_model_free(model);
    }
    pt_context_free(context);
}
END_TEST

SUITE("gguf_saved", 60, test_families, test_bert, test_scaling, test_planes, test_blocks_stay, test_what_is_not_written)
