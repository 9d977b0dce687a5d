/* What a configuration says of the network, as the metadata of a GGUF file. What llama.cpp computes otherwise, or
 * cannot be told, is refused by its key. */
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/number.h"
#include "formats/gguf.h"
#include "formats/gguf_keys.h"

enum { LARGEST = INT32_MAX };

typedef struct writing {
    const pt__json_t *config;
    const pt__gguf_architecture_t *of;
    pt__gguf_metadata_t *metadata;
} writing_t;

static void put_integer(const writing_t *writing, const char *metadata, int64_t value)
{
    char key[PT__GGUF_KEY];
    pt__gguf_put_uint32(writing->metadata, pt__gguf_full_key(writing->of, metadata, key), (uint32_t)value);
}

static void put_number(const writing_t *writing, const char *metadata, double value)
{
    char key[PT__GGUF_KEY];
    pt__gguf_put_float32(writing->metadata, pt__gguf_full_key(writing->of, metadata, key), (float)value);
}

static pt_status_t get_integer(const writing_t *writing, const char *key, int64_t *value)
{
    return pt__json_get_integer(writing->config, key, PT__JSON_OPTIONAL, 0, LARGEST, value);
}

static int32_t is_set(const pt__json_t *object, const char *key)
{
    const pt__json_t *value = pt__json_find(object, key);
    return value != NULL && value->kind != PT__JSON_NULL;
}

/* ---- Refusals ---- */

static pt_status_t refuse(const pt__json_t *object, const char *key, const char *expected)
{
    return pt__json_fail(pt__json_find(object, key), PT_ERR_UNSUPPORTED, "expected %s in a GGUF file", expected);
}

static pt_status_t check_activation(const writing_t *writing)
{
    const char *key = writing->of->activation_key, *name = writing->of->activations[0];
    PT__TRY(pt__json_get_string(writing->config, key, PT__JSON_OPTIONAL, &name));
    for (const char *const *known = writing->of->activations; *known != NULL; known++)
        if (strcmp(*known, name) == 0)
            return PT_OK;
    return pt__json_fail(pt__json_find(writing->config, key), PT_ERR_UNSUPPORTED,
                         "is \"%.40s\", expected \"%s\" in a GGUF file", name, writing->of->activations[0]);
}

/* Flags that ask for what llama.cpp's network of the same name has not; `usual` where they are missing. */
static pt_status_t check_flags(const writing_t *writing)
{
    static const struct {
        const char *key;
        int32_t usual;
    } flags[] = {{"attention_bias", 0},
                 {"mlp_bias", 0},
                 {"use_sliding_window", 0},
                 {"scale_attn_weights", 1},
                 {"scale_attn_by_inverse_layer_idx", 0}};
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        int32_t value = flags[i].usual;
        const int32_t is_bias = strstr(flags[i].key, "_bias") != NULL;
        PT__TRY(pt__json_get_bool(writing->config, flags[i].key, PT__JSON_OPTIONAL, &value));
        if (value != flags[i].usual && !(is_bias && writing->of->has_biases))
            return refuse(writing->config, flags[i].key, flags[i].usual ? "true" : "false");
    }
    return PT_OK;
}

/* Where the window is a Mistral's, all layers have it, which is checked where the network is made. */
static pt_status_t check_layers(const writing_t *writing)
{
    const pt__json_t *types = NULL, *turned = NULL;
    const int64_t interval = writing->of->unturned_interval;
    int64_t asked = interval, layer = 0;
    PT__TRY(pt__json_get_array(writing->config, "layer_types", PT__JSON_OPTIONAL, &types));
    for (const pt__json_t *type = types == NULL ? NULL : types->first; type != NULL; type = type->next)
        if (!writing->of->side_by_side &&
            (type->kind != PT__JSON_STRING || strcmp(type->string, "full_attention") != 0))
            return pt__json_fail(type, PT_ERR_UNSUPPORTED, "expected \"full_attention\" in a GGUF file");
    if (interval == 0)
        return PT_OK;
    PT__TRY(get_integer(writing, "no_rope_layer_interval", &asked));
    PT__TRY(pt__json_get_array(writing->config, "no_rope_layers", PT__JSON_OPTIONAL, &turned));
    if (turned == NULL && asked != interval)
        return refuse(writing->config, "no_rope_layer_interval", "4");
    for (const pt__json_t *one = turned == NULL ? NULL : turned->first; one != NULL; one = one->next)
        if ((one->integer != 0) != (++layer % interval != 0))
            return pt__json_fail(one, PT_ERR_UNSUPPORTED,
                                 "expected 1, and 0 for each fourth layer, as llama.cpp has them");
    return PT_OK;
}

/* ---- Rotary positions ---- */

/* What a configuration says of the rotation: newer ones have it, the base included, in one object. NULL: nothing. */
static pt_status_t find_rope(const pt__json_t *config, const pt__json_t **rope, const char **type)
{
    *rope = NULL;
    *type = "default";
    PT__TRY(pt__json_get_object(config, "rope_parameters", PT__JSON_OPTIONAL, rope));
    PT__TRY(pt__json_get_object(config, "rope_scaling", PT__JSON_OPTIONAL, rope));
    if (*rope == NULL)
        return PT_OK;
    PT__TRY(pt__json_get_string(*rope, "type", PT__JSON_OPTIONAL, type));
    return pt__json_get_string(*rope, "rope_type", PT__JSON_OPTIONAL, type);
}

static pt_status_t find_base(const pt__json_t *config, const pt__json_t *rope, double *base)
{
    PT__TRY(pt__json_get_number(config, "rope_theta", PT__JSON_OPTIONAL, 1e-6, 1e30, base));
    return rope == NULL ? PT_OK : pt__json_get_number(rope, "rope_theta", PT__JSON_OPTIONAL, 1e-6, 1e30, base);
}

/* llama.cpp has YaRN's other numbers for itself. */
static pt_status_t check_yarn(const pt__json_t *rope)
{
    double fast = 32, slow = 1;
    int32_t truncate = 1;
    static const char *const others[] = {"attention_factor", "mscale", "mscale_all_dim"};
    PT__TRY(pt__json_get_number(rope, "beta_fast", PT__JSON_OPTIONAL, 1e-6, 1e6, &fast));
    PT__TRY(pt__json_get_number(rope, "beta_slow", PT__JSON_OPTIONAL, 1e-6, 1e6, &slow));
    PT__TRY(pt__json_get_bool(rope, "truncate", PT__JSON_OPTIONAL, &truncate));
    if (fast != 32)
        return refuse(rope, "beta_fast", "32");
    if (slow != 1)
        return refuse(rope, "beta_slow", "1");
    if (!truncate)
        return refuse(rope, "truncate", "true");
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (is_set(rope, others[i]))
            return refuse(rope, others[i], "none");
    return PT_OK;
}

static pt_status_t put_scaling(const writing_t *writing, const pt__json_t *rope, const char *type)
{
    double factor = 1;
    int64_t original = 0;
    char key[PT__GGUF_KEY];
    PT__TRY(get_integer(writing, "max_position_embeddings", &original));
    PT__TRY(pt__json_get_integer(rope, "original_max_position_embeddings", PT__JSON_OPTIONAL, 1, LARGEST, &original));
    PT__TRY(pt__json_get_number(rope, "factor", PT__JSON_REQUIRED, 1e-6, 1e6, &factor));
    pt__gguf_put_string(writing->metadata, pt__gguf_full_key(writing->of, "rope.scaling.type", key), type,
                        (int64_t)strlen(type));
    put_number(writing, "rope.scaling.factor", factor);
    if (strcmp(type, "yarn") != 0)
        return PT_OK;
    put_integer(writing, "rope.scaling.original_context_length", original);
    return check_yarn(rope);
}

static pt_status_t put_rope(const writing_t *writing)
{
    const pt__json_t *rope;
    const char *type;
    double base = writing->of->base;
    PT__TRY(find_rope(writing->config, &rope, &type));
    PT__TRY(find_base(writing->config, rope, &base));
    put_number(writing, "rope.freq_base", base);
    if (strcmp(type, "default") == 0 || strcmp(type, "llama3") == 0) /* the second by a tensor */
        return PT_OK;
    if (strcmp(type, "linear") != 0 && strcmp(type, "yarn") != 0)
        return pt__json_fail(rope, PT_ERR_UNSUPPORTED,
                             "rope_type is \"%.40s\", expected \"default\", \"linear\", \"yarn\" or \"llama3\" in a "
                             "GGUF file",
                             type);
    return put_scaling(writing, rope, type);
}

/* ---- The whole ---- */

static pt_status_t put_keys(const writing_t *writing)
{
    for (const pt__gguf_key_t *line = writing->of->keys; line->metadata != NULL; line++) {
        int64_t integer = 0;
        double number = writing->of->epsilon; /* the one of this kind */
        if (!line->is_needed)
            continue;
        if (!is_set(writing->config, line->key) && line->kind == PT__GGUF_INTEGER)
            return pt__fail(PT_ERR_UNSUPPORTED, "config: no \"%s\", which a GGUF file states", line->key);
        if (line->kind == PT__GGUF_INTEGER) {
            PT__TRY(get_integer(writing, line->key, &integer));
            put_integer(writing, line->metadata, integer);
        } else {
            PT__TRY(pt__json_get_number(writing->config, line->key, PT__JSON_OPTIONAL, 0, 1e30, &number));
            put_number(writing, line->metadata, number);
        }
    }
    return PT_OK;
}

/* Heads and windows, with what the family has where nothing is said. */
static pt_status_t put_heads(const writing_t *writing)
{
    const pt__gguf_architecture_t *of = writing->of;
    int64_t width = 0, heads = 1, keys = of->kv_heads, head = of->head_width, window = of->window;
    PT__TRY(get_integer(writing, "hidden_size", &width));
    PT__TRY(get_integer(writing, "num_attention_heads", &heads));
    PT__TRY(get_integer(writing, "num_key_value_heads", &keys));
    PT__TRY(get_integer(writing, "head_dim", &head));
    PT__TRY(get_integer(writing, "sliding_window", &window));
    const pt__json_t *nulls[] = {pt__json_find(writing->config, "num_key_value_heads"),
                                 pt__json_find(writing->config, "head_dim"),
                                 pt__json_find(writing->config, "sliding_window")};
    int64_t *const values[] = {&keys, &head, &window};
    for (size_t i = 0; i < sizeof nulls / sizeof nulls[0]; i++)
        if (nulls[i] != NULL && nulls[i]->kind == PT__JSON_NULL)
            *values[i] = 0;
    if (head == 0 && heads > 0)
        head = width / heads;
    put_integer(writing, "attention.head_count_kv", keys == 0 ? heads : keys);
    put_integer(writing, "attention.key_length", head);
    put_integer(writing, "attention.value_length", head);
    put_integer(writing, "rope.dimension_count", head);
    if (of->window > 0 && window > 0)
        put_integer(writing, "attention.sliding_window", window);
    return PT_OK;
}

static pt_status_t put_family(const writing_t *writing)
{
    int64_t types = 2, vocabulary = 0, width = 0, inner = 0;
    char key[PT__GGUF_KEY];
    PT__TRY(check_activation(writing));
    PT__TRY(check_flags(writing));
    PT__TRY(check_layers(writing));
    pt__gguf_put_string(writing->metadata, "general.architecture", writing->of->name,
                        (int64_t)strlen(writing->of->name));
    pt__gguf_put_string(writing->metadata, "general.type", "model", 5);
    PT__TRY(put_keys(writing));
    PT__TRY(get_integer(writing, "vocab_size", &vocabulary));
    if (vocabulary > 0)
        put_integer(writing, "vocab_size", vocabulary);
    if (writing->of->turns) {
        PT__TRY(put_heads(writing));
        return put_rope(writing);
    }
    if (writing->of->has_types) {
        PT__TRY(get_integer(writing, "type_vocab_size", &types));
        pt__gguf_put_uint32(writing->metadata, "tokenizer.ggml.token_type_count", (uint32_t)types);
        pt__gguf_put_bool(writing->metadata, pt__gguf_full_key(writing->of, "attention.causal", key), 0);
        return PT_OK;
    }
    PT__TRY(get_integer(writing, "n_embd", &width));
    PT__TRY(get_integer(writing, "n_inner", &inner));
    put_integer(writing, "feed_forward_length", inner > 0 ? inner : 4 * width);
    return PT_OK;
}

/* ---- For the caller ---- */

static pt_status_t find_architecture(const pt__json_t *config, const pt__gguf_architecture_t **of)
{
    const char *model_type = "";
    PT__TRY(pt__json_get_string(config, "model_type", PT__JSON_REQUIRED, &model_type));
    *of = pt__gguf_architecture_of(model_type);
    return *of != NULL ? PT_OK
                       : pt__fail(PT_ERR_UNSUPPORTED,
                                  "config: model_type is \"%.40s\", expected llama, mistral, qwen2, qwen3, smollm3, "
                                  "gpt2 or bert in a GGUF file",
                                  model_type);
}

static pt_status_t put_config(const pt__json_t *config, pt__gguf_metadata_t *metadata)
{
    writing_t writing = {.config = config, .metadata = metadata};
    PT__TRY(find_architecture(config, &writing.of));
    return put_family(&writing);
}

pt_status_t pt__gguf_put_config(pt_context_t *context, const char *config, pt__gguf_metadata_t *metadata)
{
    pt__json_document_t *document;
    const pt__json_t *root;
    PT__TRY(pt__json_parse(&context->memory, "config", config, (int64_t)strlen(config), &document, &root));
    const pt_status_t status = put_config(root, metadata);
    pt__json_free(document);
    return status;
}

int32_t pt__gguf_is_side_by_side(const char *family)
{
    const pt__gguf_architecture_t *of = pt__gguf_architecture_of(family);
    return of != NULL && of->side_by_side;
}

/* As the network computes its frequencies (Llama 3.1's are those of read_llama3 in models/rotary_config.c). */
static pt_status_t find_factors(const pt__json_t *config, const pt__gguf_architecture_t *of, float *factors,
                                int64_t most, int64_t *planes)
{
    const double turn = 6.283185307179586;
    double base = of->base, factor = 1, low = 1, high = 4;
    int64_t width = 0, heads = 1, head = 0, original = 0;
    const pt__json_t *rope;
    const char *type;
    *planes = 0;
    PT__TRY(find_rope(config, &rope, &type));
    if (strcmp(type, "llama3") != 0)
        return PT_OK;
    PT__TRY(find_base(config, rope, &base));
    PT__TRY(pt__json_get_integer(config, "hidden_size", PT__JSON_REQUIRED, 1, LARGEST, &width));
    PT__TRY(pt__json_get_integer(config, "num_attention_heads", PT__JSON_REQUIRED, 1, LARGEST, &heads));
    PT__TRY(pt__json_get_integer(config, "head_dim", PT__JSON_OPTIONAL, 1, LARGEST, &head));
    PT__TRY(pt__json_get_integer(config, "max_position_embeddings", PT__JSON_REQUIRED, 1, LARGEST, &original));
    PT__TRY(pt__json_get_integer(config, "original_max_position_embeddings", PT__JSON_OPTIONAL, 1, LARGEST, &original));
    PT__TRY(pt__json_get_integer(rope, "original_max_position_embeddings", PT__JSON_OPTIONAL, 1, LARGEST, &original));
    PT__TRY(pt__json_get_number(rope, "factor", PT__JSON_REQUIRED, 1, 1e6, &factor));
    PT__TRY(pt__json_get_number(rope, "low_freq_factor", PT__JSON_REQUIRED, 1e-6, 1e6, &low));
    PT__TRY(pt__json_get_number(rope, "high_freq_factor", PT__JSON_REQUIRED, 1e-6, 1e6, &high));
    *planes = (head > 0 ? head : width / heads) / 2;
    if (*planes > most)
        return pt__fail(PT_ERR_UNSUPPORTED, "head_dim: %lld, expected at most %lld with the rope_type \"llama3\"",
                        (long long)(2 * *planes), (long long)(2 * most));
    for (int64_t i = 0; i < *planes; i++) {
        const double turns = (double)original * pow(base, -(double)i / (double)*planes) / turn;
        const double share = fmin(fmax((turns - low) / (high - low), 0), 1);
        factors[i] = (float)(1 / ((1 - share) / factor + share));
    }
    return PT_OK;
}

pt_status_t pt__gguf_rope_factors(pt_context_t *context, const char *config, float *factors, int64_t most,
                                  int64_t *planes)
{
    pt__json_document_t *document;
    const pt__json_t *root;
    PT__TRY(pt__json_parse(&context->memory, "config", config, (int64_t)strlen(config), &document, &root));
    const pt__gguf_architecture_t *of = NULL;
    pt_status_t status = find_architecture(root, &of);
    if (status == PT_OK)
        status = find_factors(root, of, factors, most, planes);
    pt__json_free(document);
    return status;
}
