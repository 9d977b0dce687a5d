/* See gguf_keys.h. */
#include "formats/gguf_keys.h"

#include <stdio.h>
#include <string.h>

static const pt__gguf_key_t decoder_keys[] = {
    {"block_count", "num_hidden_layers", PT__GGUF_INTEGER, 1},
    {"context_length", "max_position_embeddings", PT__GGUF_INTEGER, 1},
    {"embedding_length", "hidden_size", PT__GGUF_INTEGER, 1},
    {"feed_forward_length", "intermediate_size", PT__GGUF_INTEGER, 1},
    {"attention.head_count", "num_attention_heads", PT__GGUF_INTEGER, 1},
    {"attention.head_count_kv", "num_key_value_heads", PT__GGUF_INTEGER, 0},
    {"attention.layer_norm_rms_epsilon", "rms_norm_eps", PT__GGUF_NUMBER, 1},
    {"attention.key_length", "head_dim", PT__GGUF_INTEGER, 0},
    {"attention.sliding_window", "sliding_window", PT__GGUF_INTEGER, 0},
    {"rope.freq_base", "rope_theta", PT__GGUF_NUMBER, 0},
    {"attention.value_length", NULL, PT__GGUF_APART, 0},
    {"rope.dimension_count", NULL, PT__GGUF_APART, 0},
    {"rope.scaling.type", NULL, PT__GGUF_APART, 0},
    {"rope.scaling.factor", NULL, PT__GGUF_APART, 0},
    {"rope.scaling.original_context_length", NULL, PT__GGUF_APART, 0},
    {"rope.scaling.finetuned", NULL, PT__GGUF_APART, 0},
    {"rope.scale_linear", NULL, PT__GGUF_APART, 0},
    {"vocab_size", NULL, PT__GGUF_APART, 0},
    {"tensor_data_layout", NULL, PT__GGUF_APART, 0},
    {NULL, NULL, PT__GGUF_APART, 0},
};

static const pt__gguf_key_t gpt2_keys[] = {
    {"block_count", "n_layer", PT__GGUF_INTEGER, 1},
    {"context_length", "n_positions", PT__GGUF_INTEGER, 1},
    {"embedding_length", "n_embd", PT__GGUF_INTEGER, 1},
    {"feed_forward_length", "n_inner", PT__GGUF_INTEGER, 0},
    {"attention.head_count", "n_head", PT__GGUF_INTEGER, 1},
    {"attention.layer_norm_epsilon", "layer_norm_epsilon", PT__GGUF_NUMBER, 1},
    {"vocab_size", NULL, PT__GGUF_APART, 0},
    {"tensor_data_layout", NULL, PT__GGUF_APART, 0},
    {NULL, NULL, PT__GGUF_APART, 0},
};

static const pt__gguf_key_t encoder_keys[] = {
    {"block_count", "num_hidden_layers", PT__GGUF_INTEGER, 1},
    {"context_length", "max_position_embeddings", PT__GGUF_INTEGER, 1},
    {"embedding_length", "hidden_size", PT__GGUF_INTEGER, 1},
    {"feed_forward_length", "intermediate_size", PT__GGUF_INTEGER, 1},
    {"attention.head_count", "num_attention_heads", PT__GGUF_INTEGER, 1},
    {"attention.layer_norm_epsilon", "layer_norm_eps", PT__GGUF_NUMBER, 1},
    {"attention.causal", NULL, PT__GGUF_APART, 0},
    {"pooling_type", NULL, PT__GGUF_APART, 0},
    {"vocab_size", NULL, PT__GGUF_APART, 0},
    {NULL, NULL, PT__GGUF_APART, 0},
};

#define NAMED(gguf, type, head) .name = gguf, .model_type = type, .class = head
#define DECODER(gguf, type, head)                                                                   \
    NAMED(gguf, type, head), .epsilon = 1e-6, .keys = decoder_keys, .activation_key = "hidden_act", \
                             .activations = {"silu", "swish"}, .turns = 1

static const pt__gguf_architecture_t architectures[] = {
    {DECODER("llama", "llama", "LlamaForCausalLM"), .base = 1e4, .side_by_side = 1, .has_biases = 1},
    {DECODER("llama", "mistral", "MistralForCausalLM"), .base = 1e4, .side_by_side = 1, .kv_heads = 8, .window = 4096},
    {DECODER("qwen2", "qwen2", "Qwen2ForCausalLM"), .base = 1e4, .kv_heads = 32},
    {DECODER("qwen3", "qwen3", "Qwen3ForCausalLM"), .base = 1e4, .kv_heads = 32, .head_width = 128},
    {DECODER("smollm3", "smollm3", "SmolLM3ForCausalLM"), .base = 2e6, .kv_heads = 4, .unturned_interval = 4},
    {NAMED("gpt2", "gpt2", "GPT2LMHeadModel"), .epsilon = 1e-5, .keys = gpt2_keys,
     .activation_key = "activation_function", .activations = {"gelu_new", "gelu_pytorch_tanh"}},
    {NAMED("bert", "bert", "BertModel"), .epsilon = 1e-12, .keys = encoder_keys, .activation_key = "hidden_act",
     .activations = {"gelu"}, .has_types = 1},
};

enum { ARCHITECTURES = sizeof architectures / sizeof architectures[0] };

const char *pt__gguf_full_key(const pt__gguf_architecture_t *of, const char *metadata, char key[PT__GGUF_KEY])
{
    snprintf(key, PT__GGUF_KEY, "%s.%s", of->name, metadata);
    return key;
}

const pt__gguf_architecture_t *pt__gguf_architecture_named(const char *name, int64_t length, int32_t has_window)
{
    const pt__gguf_architecture_t *found = NULL;
    for (int32_t i = 0; i < ARCHITECTURES; i++)
        if ((int64_t)strlen(architectures[i].name) == length &&
            memcmp(architectures[i].name, name, (size_t)length) == 0 && (found == NULL || has_window))
            found = &architectures[i];
    return found;
}

const pt__gguf_architecture_t *pt__gguf_architecture_of(const char *model_type)
{
    for (int32_t i = 0; i < ARCHITECTURES; i++)
        if (strcmp(architectures[i].model_type, model_type) == 0)
            return &architectures[i];
    return NULL;
}
