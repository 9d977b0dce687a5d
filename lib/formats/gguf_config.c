/* What a GGUF file's metadata say of the network, as Hugging Face's configuration of the same model says it. Keys that
 * are about the network and have no counterpart here are refused, with their values. */
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/number.h"
#include "formats/gguf.h"
#include "formats/gguf_keys.h"

enum { LARGEST = INT32_MAX, PLANES = 1024 };

typedef struct writing {
    const pt__gguf_t *gguf;
    const pt__tensors_t *table;
    const pt__gguf_architecture_t *of;
    pt__text_t *json;
} writing_t;

static pt_status_t get_integer(const writing_t *writing, const char *metadata, int64_t *value)
{
    char key[PT__GGUF_KEY];
    return pt__gguf_get_integer(writing->gguf, pt__gguf_full_key(writing->of, metadata, key), 0, LARGEST, value);
}

static pt_status_t get_number(const writing_t *writing, const char *metadata, double *value)
{
    char key[PT__GGUF_KEY];
    return pt__gguf_get_number(writing->gguf, pt__gguf_full_key(writing->of, metadata, key), value);
}

static int32_t has(const writing_t *writing, const char *metadata)
{
    char key[PT__GGUF_KEY];
    pt__gguf_value_t value;
    return pt__gguf_find(writing->gguf, pt__gguf_full_key(writing->of, metadata, key), &value);
}

static void put_integer(pt__text_t *json, const char *key, int64_t value)
{
    pt__text_add(json, ", \"%s\": %lld", key, (long long)value);
}

static void put_number(pt__text_t *json, const char *key, double value)
{
    pt__text_add(json, ", \"%s\": ", key);
    pt__json_add_number(json, value);
}

static void put_flag(const writing_t *writing, const char *key, int32_t value)
{
    pt__text_add(writing->json, ", \"%s\": %s", key, value ? "true" : "false");
}

/* ---- Refusals ---- */

static int32_t is_known(const pt__gguf_architecture_t *of, const char *metadata, int64_t length)
{
    for (const pt__gguf_key_t *line = of->keys; line->metadata != NULL; line++)
        if ((int64_t)strlen(line->metadata) == length && memcmp(line->metadata, metadata, (size_t)length) == 0)
            return 1;
    return 0;
}

/* Keys of the architecture that are in no table would change the network. */
static pt_status_t refuse_others(const writing_t *writing)
{
    const int64_t prefix = (int64_t)strlen(writing->of->name) + 1;
    pt__gguf_string_t key;
    pt__gguf_value_t value;
    int64_t at = 0;
    while (pt__gguf_next_pair(writing->gguf, &at, &key, &value)) {
        double number = 0;
        char name[PT__GGUF_KEY] = "";
        if (key.length <= prefix || key.length >= PT__GGUF_KEY || key.bytes[prefix - 1] != '.' ||
            memcmp(key.bytes, writing->of->name, (size_t)prefix - 1) != 0 ||
            is_known(writing->of, key.bytes + prefix, key.length - prefix))
            continue;
        memcpy(name, key.bytes, (size_t)key.length);
        if (pt__gguf_get_number(writing->gguf, name, &number) != PT_OK)
            return pt__fail(PT_ERR_UNSUPPORTED, "\"%s\" is set, which is not known here", name);
        if (number != 0) /* such as no experts */
            return pt__fail(PT_ERR_UNSUPPORTED, "\"%s\" is %g, which is not known here", name,
                            pt__number_shown(number));
    }
    return PT_OK;
}

/* Widths of heads that the metadata state otherwise than that all are equal and turned whole. */
static pt_status_t check_heads(const writing_t *writing)
{
    int64_t width = 0, heads = 0, key = 0, value = 0, turned = 0;
    PT__TRY(get_integer(writing, "embedding_length", &width));
    PT__TRY(get_integer(writing, "attention.head_count", &heads));
    key = heads > 0 ? width / heads : 0;
    PT__TRY(get_integer(writing, "attention.key_length", &key));
    value = turned = key;
    PT__TRY(get_integer(writing, "attention.value_length", &value));
    PT__TRY(get_integer(writing, "rope.dimension_count", &turned));
    if (value != key || turned != key)
        return pt__fail(PT_ERR_UNSUPPORTED, "\"%s.%s\" is %lld, expected %lld, the width of a head's keys",
                        writing->of->name, value != key ? "attention.value_length" : "rope.dimension_count",
                        (long long)(value != key ? value : turned), (long long)key);
    return PT_OK;
}

/* ---- Rotary positions ---- */

static pt_status_t put_scaling(const writing_t *writing)
{
    pt__gguf_string_t type = {"none", 4};
    char key[PT__GGUF_KEY];
    double factor = 0;
    int64_t original = 0;
    PT__TRY(pt__gguf_get_string(writing->gguf, pt__gguf_full_key(writing->of, "rope.scaling.type", key), &type));
    PT__TRY(get_number(writing, "rope.scale_linear", &factor));
    PT__TRY(get_number(writing, "rope.scaling.factor", &factor));
    PT__TRY(get_integer(writing, "rope.scaling.original_context_length", &original));
    if (!pt__gguf_equals(&type, "none") && !pt__gguf_equals(&type, "linear") && !pt__gguf_equals(&type, "yarn"))
        return pt__fail(PT_ERR_UNSUPPORTED, "\"%s\" is \"%.*s\", expected none, linear or yarn",
                        pt__gguf_full_key(writing->of, "rope.scaling.type", key),
                        type.length < 40 ? (int)type.length : 40, type.bytes);
    if (pt__gguf_equals(&type, "none") && !has(writing, "rope.scale_linear"))
        return PT_OK;
    if (factor <= 0 || factor == 1)
        return PT_OK;
    pt__text_add(writing->json, ", \"rope_scaling\": {\"rope_type\": \"%s\"",
                 pt__gguf_equals(&type, "yarn") ? "yarn" : "linear");
    put_number(writing->json, "factor", factor);
    if (pt__gguf_equals(&type, "yarn") && original > 0)
        put_integer(writing->json, "original_max_position_embeddings", original);
    pt__text_add(writing->json, "}");
    return PT_OK;
}

/* Whether the factors are those of Llama 3.1's configuration, of which the largest is one. */
static int32_t is_llama3(const writing_t *writing, const float *factors, int64_t planes, double *most)
{
    const double turn = 6.283185307179586, low = 1, high = 4, original = 8192;
    double base = 10000;
    if (get_number(writing, "rope.freq_base", &base) != PT_OK)
        return 0;
    *most = 1;
    for (int64_t i = 0; i < planes; i++)
        *most = fmax(*most, (double)factors[i]);
    for (int64_t i = 0; i < planes; i++) {
        const double turns = original * pow(base, -(double)i / (double)planes) / turn;
        const double share = fmin(fmax((turns - low) / (high - low), 0), 1);
        const double expected = 1 / ((1 - share) / *most + share);
        if (!(fabs((double)factors[i] - expected) <= 1e-5 * expected))
            return 0;
    }
    return 1;
}

static void put_list(pt__text_t *json, const char *key, const float *factors, int64_t count)
{
    pt__text_add(json, ", \"%s\": [", key);
    for (int64_t i = 0; i < count; i++) {
        pt__text_add(json, i > 0 ? ", " : "");
        pt__json_add_number(json, (double)factors[i]);
    }
    pt__text_add(json, "]");
}

/* Frequencies are divided by factors that stand in a tensor: Llama 3.1's, or any as "longrope" lists them, here the
 * same for all lengths. */
static pt_status_t put_factors(const writing_t *writing, const pt__entry_t *tensor)
{
    const int64_t planes = tensor->rank == 1 ? tensor->shape[0] : 0;
    float factors[PLANES];
    double most = 1;
    if (tensor->dtype != PT_FLOAT32 || planes < 1 || planes > PLANES)
        return pt__fail(PT_ERR_UNSUPPORTED, "tensor \"%s\", expected at most %d factors in F32", tensor->name, PLANES);
    memcpy(factors, tensor->data, (size_t)planes * sizeof *factors);
    for (int64_t i = 0; i < planes; i++)
        if (!(factors[i] > 0) || !isfinite(factors[i]))
            return pt__fail(PT_ERR_FORMAT, "tensor \"%s\": factor %lld is %g, expected a finite one above 0",
                            tensor->name, (long long)i, pt__number_shown((double)factors[i]));
    if (is_llama3(writing, factors, planes, &most)) {
        pt__text_add(writing->json, ", \"rope_scaling\": {\"rope_type\": \"llama3\"");
        put_number(writing->json, "factor", most);
        pt__text_add(writing->json, ", \"low_freq_factor\": 1.0, \"high_freq_factor\": 4.0, "
                                    "\"original_max_position_embeddings\": 8192}");
        return PT_OK;
    }
    pt__text_add(writing->json,
                 ", \"rope_scaling\": {\"rope_type\": \"longrope\", \"factor\": 1.0, \"attention_factor\": 1.0");
    put_list(writing->json, "short_factor", factors, planes);
    put_list(writing->json, "long_factor", factors, planes);
    pt__text_add(writing->json, "}");
    return PT_OK;
}

static pt_status_t put_rotation(const writing_t *writing)
{
    const pt__entry_t *factors = pt__tensors_find(writing->table, PT__GGUF_ROPE_FACTORS);
    put_flag(writing, "rope_interleaved", writing->of->side_by_side);
    return factors != NULL ? put_factors(writing, factors) : put_scaling(writing);
}

/* ---- The whole ---- */

static pt_status_t put_keys(const writing_t *writing)
{
    for (const pt__gguf_key_t *line = writing->of->keys; line->metadata != NULL; line++) {
        int64_t integer = 0;
        double number = 0;
        if (line->key == NULL || !has(writing, line->metadata))
            continue;
        if (line->kind == PT__GGUF_INTEGER) {
            PT__TRY(get_integer(writing, line->metadata, &integer));
            put_integer(writing->json, line->key, integer);
        } else {
            PT__TRY(get_number(writing, line->metadata, &number));
            put_number(writing->json, line->key, number);
        }
    }
    return PT_OK;
}

static pt_status_t put_tokens(const writing_t *writing)
{
    static const char *const keys[][2] = {{"tokenizer.ggml.bos_token_id", "bos_token_id"},
                                          {"tokenizer.ggml.eos_token_id", "eos_token_id"},
                                          {"tokenizer.ggml.padding_token_id", "pad_token_id"},
                                          {"tokenizer.ggml.token_type_count", "type_vocab_size"}};
    const pt__entry_t *embedding = pt__tensors_find(writing->table, "token_embd.weight");
    if (embedding != NULL && embedding->rank == 2)
        put_integer(writing->json, "vocab_size", embedding->shape[0]);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        int64_t value = -1;
        PT__TRY(pt__gguf_get_integer(writing->gguf, keys[i][0], 0, LARGEST, &value));
        if (value >= 0)
            put_integer(writing->json, keys[i][1], value);
    }
    return PT_OK;
}

static pt_status_t write_known(writing_t *writing)
{
    int64_t window = 0;
    PT__TRY(get_integer(writing, "attention.sliding_window", &window));
    writing->of = pt__gguf_architecture_named(writing->of->name, (int64_t)strlen(writing->of->name), window > 0);
    PT__TRY(refuse_others(writing));
    pt__text_add(writing->json, "{\"model_type\": \"%s\", \"architectures\": [\"%s\"]", writing->of->model_type,
                 writing->of->class);
    PT__TRY(put_keys(writing));
    PT__TRY(put_tokens(writing));
    if (writing->of->turns) {
        PT__TRY(check_heads(writing));
        PT__TRY(put_rotation(writing));
    }
    if (!writing->of->has_types)
        put_flag(writing, "tie_word_embeddings", pt__tensors_find(writing->table, "output.weight") == NULL);
    if (writing->of->has_biases) {
        put_flag(writing, "attention_bias", pt__tensors_find(writing->table, "blk.0.attn_q.bias") != NULL);
        put_flag(writing, "mlp_bias", pt__tensors_find(writing->table, "blk.0.ffn_up.bias") != NULL);
    }
    pt__text_add(writing->json, "}");
    return PT_OK;
}

pt_status_t pt__gguf_config(const pt__gguf_t *gguf, const pt__tensors_t *table, pt__text_t *json)
{
    pt__gguf_string_t name = {"", 0};
    writing_t writing = {.gguf = gguf, .table = table, .json = json};
    PT__TRY(pt__gguf_get_string(gguf, "general.architecture", &name));
    writing.of = pt__gguf_architecture_named(name.bytes, name.length, 0);
    if (writing.of != NULL)
        return write_known(&writing);
    if (name.length == 0)
        return pt__fail(PT_ERR_UNSUPPORTED, "no \"general.architecture\" in its metadata, expected the network's name");
    pt__text_add(json, "{\"model_type\": ");
    pt__json_add_string(json, name.bytes, name.length < PT__GGUF_KEY ? name.length : PT__GGUF_KEY);
    pt__text_add(json, "}");
    return PT_OK;
}
