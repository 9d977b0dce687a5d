/* SmolLM3 (Bakouch 2025): a decoder (decoder.c) some of whose layers have no rotary positions. */
#include "models/decoder.h"

static const pt__decoder_t decoder = {.vocabulary = 128256,
                                      .width = 2048,
                                      .inner = 11008,
                                      .layers = 36,
                                      .heads = 16,
                                      .kv_heads = 4,
                                      .positions = 32768,
                                      .base = 2000000,
                                      .tied = 1,
                                      .attention_biases = 1,
                                      .inner_biases = 1,
                                      .unturned = 1,
                                      .windows = PT__WINDOWS_UNTURNED};

static pt_status_t build(const struct pt__json *config, pt_graph_t *graph)
{
    return pt__decoder_build(&decoder, config, graph);
}

const pt__family_t pt__family_smollm3 = {
    .name = "smollm3",
    .default_task = PT_TASK_CAUSAL_LM,
    .build = build,
    .trunk = "model.",
    .tables = {"*rotary_emb.inv_freq", "rope_freqs.weight"},
    .honours = {"rope_scaling", "rope_parameters", "sliding_window"},
    .gguf = pt__decoder_gguf,
    .classes = {"SmolLM3Model", "SmolLM3ForCausalLM", "SmolLM3ForSequenceClassification"},
    .pooling = PT_POOL_LAST};
