/* Configurations of any content: a model is made of one, or it is refused with a message, and its memory comes back.
 * Behind a first byte 'd' the rest is the config.json of a directory of which the weights are none: the head, the
 * classes and the task are read before those are missed. Memory is short, so that a size beyond all measure is refused
 * as a host with little of it would see it. */
#include "fuzz/fuzz.h"

#include <stdatomic.h>

#include "fuzz/fuzz_directory.h"

enum { MOST_BYTES = 32 << 20 };

#define LLAMA                                                                                                       \
    "\"model_type\":\"llama\",\"vocab_size\":9,\"hidden_size\":8,\"intermediate_size\":12,\"num_hidden_layers\":2," \
    "\"num_attention_heads\":2,\"num_key_value_heads\":1,\"max_position_embeddings\":16"
#define BERT                                                                                                       \
    "\"model_type\":\"bert\",\"vocab_size\":9,\"hidden_size\":8,\"intermediate_size\":12,\"num_hidden_layers\":1," \
    "\"num_attention_heads\":2,\"max_position_embeddings\":16"

const fuzz_seed_t fuzz_seeds[] = {
    FUZZ_SEED("{\"model_type\":\"mlp\",\"input_size\":3,\"hidden_sizes\":[4,2],\"activation_function\":\"gelu\"}"),
    FUZZ_SEED("{\"model_type\":\"gpt2\",\"vocab_size\":7,\"n_positions\":8,\"n_embd\":8,\"n_layer\":1,\"n_head\":2,"
              "\"attn_pdrop\":0.1,\"tie_word_embeddings\":false}"),
    FUZZ_SEED("{" LLAMA ",\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8.0,\"low_freq_factor\":1.0,"
              "\"high_freq_factor\":4.0,\"original_max_position_embeddings\":8},\"rope_theta\":5e5}"),
    FUZZ_SEED("{" LLAMA ",\"rope_scaling\":{\"rope_type\":\"longrope\",\"short_factor\":[1,1],\"long_factor\":[2,3],"
              "\"original_max_position_embeddings\":8},\"head_dim\":4}"),
    FUZZ_SEED("{\"model_type\":\"qwen3\",\"vocab_size\":9,\"hidden_size\":8,\"intermediate_size\":12,"
              "\"num_hidden_layers\":3,\"num_attention_heads\":2,\"num_key_value_heads\":2,\"head_dim\":6,"
              "\"use_sliding_window\":true,\"sliding_window\":3,\"max_window_layers\":1}"),
    FUZZ_SEED("{\"model_type\":\"smollm3\",\"vocab_size\":9,\"hidden_size\":8,\"intermediate_size\":12,"
              "\"num_hidden_layers\":2,\"num_attention_heads\":2,\"num_key_value_heads\":2,"
              "\"no_rope_layers\":[1,0],\"layer_types\":[\"full_attention\",\"sliding_attention\"]}"),
    FUZZ_SEED("{" BERT ",\"hidden_act\":\"relu\",\"type_vocab_size\":1}"),
    FUZZ_SEED("d{" BERT ",\"architectures\":[\"BertForSequenceClassification\"],\"id2label\":{\"0\":\"no\",\"1\":"
              "\"yes\"},\"label2id\":{\"no\":0,\"yes\":1},\"problem_type\":\"single_label_classification\"}"),
    FUZZ_SEED("d{" BERT ",\"architectures\":[\"BertForMaskedLM\"],\"num_labels\":1}"),
    FUZZ_SEED("d{" LLAMA ",\"architectures\":[\"LlamaForCausalLM\"],\"torch_dtype\":\"bfloat16\"}"),
    {NULL, 0},
};
const fuzz_seed_t fuzz_pieces[] = {
    FUZZ_SEED("{"),
    FUZZ_SEED("}"),
    FUZZ_SEED("["),
    FUZZ_SEED("]"),
    FUZZ_SEED(","),
    FUZZ_SEED("null"),
    FUZZ_SEED("-1"),
    FUZZ_SEED("9223372036854775807"),
    FUZZ_SEED("2147483648"),
    FUZZ_SEED("1e308"),
    FUZZ_SEED("1e-320"),
    FUZZ_SEED("\"model_type\":\"roberta\","),
    FUZZ_SEED("\"rope_type\":\"yarn\","),
    FUZZ_SEED("\"num_hidden_layers\":1000000000,"),
    FUZZ_SEED("\"sliding_window\":0,"),
    FUZZ_SEED("\"head_dim\":2147483647,"),
    {NULL, 0},
};

static atomic_llong allocated;

static void *allocate(void *user, size_t bytes)
{
    (void)user;
    if (bytes > MOST_BYTES || atomic_load(&allocated) + (long long)bytes > MOST_BYTES)
        return NULL;
    void *block = malloc(bytes);
    if (block)
        atomic_fetch_add(&allocated, (long long)bytes);
    return block;
}

static void release(void *user, void *block, size_t bytes)
{
    (void)user;
    if (block)
        atomic_fetch_sub(&allocated, (long long)bytes);
    free(block);
}

static pt_status_t open_directory(pt_context_t *context, const uint8_t *data, size_t size, pt_model_t **model)
{
    static const char weights[] = "\2\0\0\0\0\0\0\0{}";
    if (fuzz_directory_write("config.json", data, size))
        fuzz_directory_write("model.safetensors", weights, sizeof weights - 1);
    return pt_model_open(context, fuzz_directory, NULL, model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static pt_context_t *context;
    if (!context)
        context = fuzz_context_with(allocate, release);
    const int64_t held = pt_context_bytes(context);
    pt_model_t *model = NULL;
    const pt_status_t status = size > 0 && data[0] == 'd'
                                   ? open_directory(context, data + 1, size - 1, &model)
                                   : pt_model_create_from_config(context, (const char *)data, size, &model);
    if (status == PT_OK ? pt_model_parameter_count(model) < 0 : *pt_last_error() == 0)
        abort();
    pt_model_free(model);
    if (pt_context_bytes(context) != held)
        abort();
    return 0;
}
