/* Configurations that a GGUF file cannot say, or that contradict themselves: each made from one that can be written by
 * exchanging a part. A model would refuse some of them before, for its own reasons. */
#include <stdio.h>
#include <string.h>

#include "base/context.h"
#include "base/gguf_metadata.h"
#include "formats/tensors.h"
#include "support/failing_allocator.h"
#include "support/suite.h"

enum { LONGEST = 1024, MOST_PLANES = 8 };

static const char llama[] =
    "{\"model_type\": \"llama\", \"vocab_size\": 9, \"hidden_size\": 32, \"intermediate_size\": 8, "
    "\"num_hidden_layers\": 1, \"num_attention_heads\": 4, \"num_key_value_heads\": 2, \"head_dim\": 8, "
    "\"max_position_embeddings\": 64, \"rms_norm_eps\": 1e-5, \"rope_theta\": 100.0, \"hidden_act\": \"silu\", "
    "\"layer_types\": [\"full_attention\"], \"rope_scaling\": {\"type\": \"llama3\", \"rope_theta\": 50.0, "
    "\"factor\": 8.0, \"low_freq_factor\": 1.0, \"high_freq_factor\": 3.0, \"original_max_position_embeddings\": 16}}";
static const char yarn[] =
    "{\"model_type\": \"qwen3\", \"vocab_size\": 9, \"hidden_size\": 32, \"intermediate_size\": 8, "
    "\"num_hidden_layers\": 1, \"num_attention_heads\": 4, \"max_position_embeddings\": 64, \"rms_norm_eps\": 1e-5, "
    "\"sliding_window\": null, \"layer_types\": [\"full_attention\"], \"rope_parameters\": {\"rope_type\": \"yarn\", "
    "\"factor\": 8.0, \"beta_fast\": 32.0, \"beta_slow\": 1.0, \"truncate\": true, "
    "\"original_max_position_embeddings\": 16}}";
static const char smollm[] =
    "{\"model_type\": \"smollm3\", \"vocab_size\": 9, \"hidden_size\": 32, \"intermediate_size\": 8, "
    "\"num_hidden_layers\": 1, \"num_attention_heads\": 4, \"max_position_embeddings\": 64, \"rms_norm_eps\": 1e-5, "
    "\"no_rope_layer_interval\": 4, \"no_rope_layers\": [1]}";
static const char mistral[] =
    "{\"model_type\": \"mistral\", \"vocab_size\": 9, \"hidden_size\": 32, \"intermediate_size\": 8, "
    "\"num_hidden_layers\": 1, \"num_attention_heads\": 4, \"max_position_embeddings\": 64, \"rms_norm_eps\": 1e-5, "
    "\"sliding_window\": 3}";
static const char gpt2[] = "{\"model_type\": \"gpt2\", \"vocab_size\": 9, \"n_embd\": 8, \"n_layer\": 1, \"n_head\": "
                           "2, \"n_positions\": 9, \"n_inner\": 16, \"scale_attn_weights\": true, "
                           "\"activation_function\": \"gelu_new\"}";
static const char bert[] =
    "{\"model_type\": \"bert\", \"vocab_size\": 9, \"hidden_size\": 8, \"intermediate_size\": 8, "
    "\"num_hidden_layers\": 1, \"num_attention_heads\": 2, \"max_position_embeddings\": 9, \"type_vocab_size\": 2, "
    "\"layer_norm_eps\": 1e-12}";

/* ---- Writing ---- */

static pt_context_t *context;

static pt_status_t write_in(pt_context_t *of, const char *config)
{
    float factors[MOST_PLANES];
    int64_t planes = 0;
    pt__gguf_metadata_t metadata = {.text = pt__text_start(&of->memory)};
    pt_status_t status = pt__gguf_put_config(of, config, &metadata);
    if (status == PT_OK)
        status = metadata.text.status;
    pt__text_free(&metadata.text);
    return status == PT_OK ? pt__gguf_rope_factors(of, config, factors, MOST_PLANES, &planes) : status;
}

/* `from` must be in the text, and the text itself be one that is written. */
static const char *exchange(const char *config, const char *from, const char *to)
{
    static char made[LONGEST];
    const char *at = strstr(config, from);
    ck_ok(write_in(context, config));
    ck_assert_msg(at != NULL, "no %s", from);
    const int length = snprintf(made, sizeof made, "%.*s%s%s", (int)(at - config), config, to, at + strlen(from));
    ck_assert_int_lt(length, LONGEST);
    return made;
}

typedef struct exchanged {
    const char *from, *to;
    pt_status_t expected;
    const char *part; /* of the message */
} exchanged_t;

static void refuse_all(const char *config, const exchanged_t *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ck_fails(write_in(context, exchange(config, cases[i].from, cases[i].to)), cases[i].expected, cases[i].part);
}

#define REFUSE(config, ...)                                          \
    do {                                                             \
        static const exchanged_t cases[] = {__VA_ARGS__};            \
        refuse_all((config), cases, sizeof cases / sizeof cases[0]); \
    } while (0)

#define TEXT(key)                                                                       \
    {                                                                                   \
        "\"" key "\": ", "\"" key "\": \"x\", \"y\": ", PT_ERR_FORMAT, key ": expected" \
    }

static void begin(void)
{
    ck_ok(pt_context_create(NULL, &context));
}

static void end(void)
{
    pt_context_free(context);
}

/* ---- Families ---- */

START_TEST(test_llama)
{
    begin();
    REFUSE(llama, {"\"llama\"", "1", PT_ERR_FORMAT, "model_type: expected"},
           {"\"llama\"", "\"opt\"", PT_ERR_UNSUPPORTED, "model_type is \"opt\", expected llama, mistral"},
           {"\"model_type\": \"llama\", ", "", PT_ERR_NOT_FOUND, "the key \"model_type\" is missing"},
           {"}}", "}", PT_ERR_FORMAT, "config"}, {"\"silu\"", "1", PT_ERR_FORMAT, "hidden_act: expected"},
           {"\"silu\"", "\"relu\"", PT_ERR_UNSUPPORTED, "hidden_act: is \"relu\", expected \"silu\""},
           {"\"hidden_act\"", "\"attention_bias\": 1, \"hidden_act\"", PT_ERR_FORMAT, "attention_bias: expected"},
           {"[\"full_attention\"]", "1", PT_ERR_FORMAT, "layer_types: expected"},
           {"\"rms_norm_eps\": 1e-5", "\"rms_norm_eps\": -1", PT_ERR_FORMAT, "rms_norm_eps: expected"},
           TEXT("vocab_size"), TEXT("hidden_size"), TEXT("num_attention_heads"), TEXT("num_key_value_heads"),
           TEXT("head_dim"), TEXT("max_position_embeddings"), TEXT("rope_theta"), TEXT("rope_scaling"),
           {"\"rope_scaling\": {", "\"rope_parameters\": 1, \"rope_scaling\": {", PT_ERR_FORMAT,
            "rope_parameters: expected"},
           {"\"llama3\"", "1", PT_ERR_FORMAT, "type: expected"},
           {"\"type\": \"llama3\"", "\"rope_type\": 1", PT_ERR_FORMAT, "rope_type: expected"},
           {"\"rope_theta\": 50.0", "\"rope_theta\": -1", PT_ERR_FORMAT, "rope_theta: expected"});
    ck_ok(write_in(context, exchange(llama, "\"vocab_size\": 9, ", ""))); /* the table of tokens says it too */
    end();
}
END_TEST

START_TEST(test_llama3)
{
    begin();
    REFUSE(llama, TEXT("factor"), TEXT("low_freq_factor"), TEXT("high_freq_factor"),
           {"\"original_max_position_embeddings\": 16", "\"original_max_position_embeddings\": 0", PT_ERR_FORMAT,
            "original_max_position_embeddings: expected"},
           {"\"rms_norm_eps\"", "\"original_max_position_embeddings\": 0, \"rms_norm_eps\"", PT_ERR_FORMAT,
            "original_max_position_embeddings: expected"},
           {"\"hidden_size\": 32", "\"hidden_size\": 0", PT_ERR_FORMAT, "hidden_size: expected"},
           {"\"num_attention_heads\": 4", "\"num_attention_heads\": 0", PT_ERR_FORMAT, "num_attention_heads: expected"},
           {"\"head_dim\": 8", "\"head_dim\": 0", PT_ERR_FORMAT, "head_dim: expected"},
           {"\"max_position_embeddings\": 64", "\"max_position_embeddings\": 0", PT_ERR_FORMAT,
            "max_position_embeddings: expected"},
           {"\"head_dim\": 8", "\"head_dim\": 18", PT_ERR_UNSUPPORTED, "head_dim: 18, expected at most 16"});
    ck_ok(write_in(context, exchange(llama, "\"head_dim\": 8, ", "")));
    end();
}
END_TEST

START_TEST(test_yarn)
{
    begin();
    REFUSE(yarn, TEXT("factor"), TEXT("beta_fast"), TEXT("beta_slow"), TEXT("truncate"),
           {"[\"full_attention\"]", "[1]", PT_ERR_UNSUPPORTED, "layer_types[0]: expected \"full_attention\""},
           {"[\"full_attention\"]", "[\"sliding_attention\"]", PT_ERR_UNSUPPORTED, "expected \"full_attention\""},
           {"\"beta_fast\": 32.0", "\"beta_fast\": 16.0", PT_ERR_UNSUPPORTED, "beta_fast: expected 32 in a GGUF file"},
           {"\"beta_slow\": 1.0", "\"beta_slow\": 2.0", PT_ERR_UNSUPPORTED, "beta_slow: expected 1 in a GGUF file"},
           {"\"truncate\": true", "\"truncate\": false", PT_ERR_UNSUPPORTED, "truncate: expected true"},
           {"\"truncate\": true", "\"mscale\": 1.0", PT_ERR_UNSUPPORTED, "mscale: expected none in a GGUF file"},
           {"\"original_max_position_embeddings\": 16", "\"original_max_position_embeddings\": 0", PT_ERR_FORMAT,
            "original_max_position_embeddings: expected"},
           {"\"yarn\"", "\"longrope\"", PT_ERR_UNSUPPORTED, "rope_type is \"longrope\", expected \"default\""});
    ck_ok(write_in(context, exchange(yarn, "\"truncate\": true", "\"mscale\": null")));
    ck_ok(
        write_in(context, exchange(yarn, "\"num_attention_heads\": 4", "\"head_dim\": 8, \"num_attention_heads\": 4")));
    end();
}
END_TEST

START_TEST(test_other_families)
{
    begin();
    REFUSE(smollm, TEXT("no_rope_layer_interval"), TEXT("no_rope_layers"),
           {"[1]", "[0]", PT_ERR_UNSUPPORTED, "no_rope_layers[0]: expected 1, and 0 for each fourth layer"},
           {"4, \"no_rope_layers\": [1]", "3", PT_ERR_UNSUPPORTED, "no_rope_layer_interval: expected 4"},
           {"\"rms_norm_eps\"", "\"attention_bias\": true, \"rms_norm_eps\"", PT_ERR_UNSUPPORTED,
            "attention_bias: expected false"});
    REFUSE(mistral, TEXT("sliding_window"));
    ck_ok(write_in(context, exchange(mistral, "\"sliding_window\": 3", "\"layer_types\": [\"sliding_attention\"]")));
    REFUSE(gpt2, TEXT("n_embd"), TEXT("n_inner"), {"\"gelu_new\"", "1", PT_ERR_FORMAT, "activation_function: expected"},
           {"\"n_head\": 2, ", "", PT_ERR_UNSUPPORTED, "config: no \"n_head\", which a GGUF file states"},
           {"\"n_head\": 2", "\"n_head\": null", PT_ERR_UNSUPPORTED, "config: no \"n_head\", which a GGUF file states"},
           {"\"scale_attn_weights\": true", "\"scale_attn_weights\": false", PT_ERR_UNSUPPORTED,
            "scale_attn_weights: expected true"});
    REFUSE(bert, TEXT("type_vocab_size"), TEXT("layer_norm_eps"));
    end();
}
END_TEST

START_TEST(test_order_of_planes)
{
    ck_assert_int_eq(pt__gguf_is_side_by_side("llama"), 1);
    ck_assert_int_eq(pt__gguf_is_side_by_side("qwen2"), 0);
    ck_assert_int_eq(pt__gguf_is_side_by_side("opt"), 0);
}
END_TEST

START_TEST(test_every_allocation_may_fail)
{
    static const char *const all[] = {llama, yarn, smollm, mistral, gpt2, bert};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        failing_allocator_t allocator;
        pt_status_t status;
        FOR_EACH_FAILING_ALLOCATION(allocator, {
            pt_context_options_t options;
            pt_context_t *own = NULL;
            ck_ok(pt_context_options_init(&options, sizeof options));
            options.threads = 1;
            failing_allocator_hooks(&allocator, &options);
            status = pt_context_create(&options, &own);
            if (status == PT_OK)
                status = write_in(own, all[i]);
            pt_context_free(own);
        }, status);
    }
}
END_TEST

SUITE("gguf_config", 30, test_llama, test_llama3, test_yarn, test_other_families, test_order_of_planes,
      test_every_allocation_may_fail)
