/* Mistral (Jiang 2023): a decoder (decoder.c) whose layers all have a window, where there is one. */
#include "models/decoder.h"

static const pt__decoder_t decoder = {.vocabulary = 32000,
                                      .width = 4096,
                                      .inner = 14336,
                                      .layers = 32,
                                      .heads = 32,
                                      .kv_heads = 8,
                                      .positions = 131072,
                                      .window = 4096,
                                      .base = 10000,
                                      .windows = PT__WINDOWS_ALL};

static pt_status_t build(const struct pt__json *config, pt_graph_t *graph)
{
    return pt__decoder_build(&decoder, config, graph);
}

const pt__family_t pt__family_mistral = {
    .name = "mistral",
    .default_task = PT_TASK_CAUSAL_LM,
    .build = build,
    .trunk = "model.",
    .tables = {"*rotary_emb.inv_freq", "rope_freqs.weight"},
    .honours = {"rope_scaling", "rope_parameters", "sliding_window"},
    .gguf = pt__decoder_gguf,
    .classes = {"MistralModel", "MistralForCausalLM", "MistralForSequenceClassification"},
    .pooling = PT_POOL_LAST};
