/* Qwen 3 (Yang 2025): a decoder (decoder.c) that norms each query and key, with windows from some layer on. */
#include "models/decoder.h"

static const pt__decoder_t decoder = {.vocabulary = 151936,
                                      .width = 4096,
                                      .inner = 22016,
                                      .layers = 32,
                                      .heads = 32,
                                      .kv_heads = 32,
                                      .head_width = 128,
                                      .positions = 32768,
                                      .window = 4096,
                                      .base = 10000,
                                      .attention_biases = 1,
                                      .head_norms = 1,
                                      .windows = PT__WINDOWS_FROM_LAYER};

static pt_status_t build(const struct pt__json *config, pt_graph_t *graph)
{
    return pt__decoder_build(&decoder, config, graph);
}

const pt__family_t pt__family_qwen3 = {.name = "qwen3",
                                       .default_task = PT_TASK_CAUSAL_LM,
                                       .build = build,
                                       .trunk = "model.",
                                       .tables = {"*rotary_emb.inv_freq", "rope_freqs.weight"},
                                       .honours = {"rope_scaling", "rope_parameters", "sliding_window"},
                                       .gguf = pt__decoder_gguf,
                                       .classes = {"Qwen3Model", "Qwen3ForCausalLM", "Qwen3ForSequenceClassification"},
                                       .pooling = PT_POOL_LAST};
