/* Llama (Touvron 2023; Llama 2 and 3, and SmolLM, TinyLlama and others that call themselves so): see decoder.c. */
#include "models/decoder.h"

static const pt__decoder_t decoder = {.vocabulary = 32000,
                                      .width = 4096,
                                      .inner = 11008,
                                      .layers = 32,
                                      .heads = 32,
                                      .positions = 2048,
                                      .base = 10000,
                                      .attention_biases = 1,
                                      .inner_biases = 1};

static pt_status_t build(const struct pt__json *config, pt_graph_t *graph)
{
    return pt__decoder_build(&decoder, config, graph);
}

const pt__family_t pt__family_llama = {.name = "llama",
                                       .default_task = PT_TASK_CAUSAL_LM,
                                       .build = build,
                                       .trunk = "model.",
                                       .tables = {"*rotary_emb.inv_freq", "rope_freqs.weight"},
                                       .honours = {"rope_scaling", "rope_parameters"},
                                       .gguf = pt__decoder_gguf,
                                       .classes = {"LlamaModel", "LlamaForCausalLM", "LlamaForSequenceClassification"},
                                       .pooling = PT_POOL_LAST};
