/* Readers of configuration values that several model families share. */
#include "models/config.h"

#include <string.h>

typedef struct activation {
    const char *name;
    int32_t value;
} activation_t;

static const activation_t activations[] = {
    {"gelu_new", PT_ACTIVATION_GELU_TANH}, {"gelu_pytorch_tanh", PT_ACTIVATION_GELU_TANH},
    {"gelu", PT_ACTIVATION_GELU_ERF},      {"relu", PT_ACTIVATION_RELU},
    {"silu", PT_ACTIVATION_SILU},          {"swish", PT_ACTIVATION_SILU},
    {"tanh", PT_ACTIVATION_TANH},          {"sigmoid", PT_ACTIVATION_SIGMOID},
    {"relu6", PT_ACTIVATION_RELU6},        {"hardswish", PT_ACTIVATION_HARDSWISH},
    {"linear", PT_ACTIVATION_NONE},
};

pt_status_t pt__config_activation(const pt__json_t *config, const char *key, int32_t *activation)
{
    const char *name = NULL;
    PT__TRY(pt__json_get_string(config, key, PT__JSON_OPTIONAL, &name));
    if (name == NULL)
        return PT_OK;
    for (size_t i = 0; i < sizeof activations / sizeof activations[0]; i++) {
        if (strcmp(activations[i].name, name) == 0) {
            *activation = activations[i].value;
            return PT_OK;
        }
    }
    return pt__json_fail(pt__json_find(config, key), PT_ERR_UNSUPPORTED,
                         "\"%s\" is no known activation, expected \"gelu_new\", \"gelu_pytorch_tanh\", \"gelu\", "
                         "\"relu\", \"silu\", \"swish\", \"tanh\", "
                         "\"sigmoid\", \"relu6\", \"hardswish\" or \"linear\"",
                         name);
}

pt_status_t pt__config_probability(const pt__json_t *config, const char *key, double *probability)
{
    double value = *probability;
    PT__TRY(pt__json_get_number(config, key, PT__JSON_OPTIONAL, 0.0, 1.0, &value));
    if (value >= 1.0)
        return pt__json_fail(pt__json_find(config, key), PT_ERR_FORMAT, "expected a probability in [0, 1), found %g",
                             value);
    *probability = value;
    return PT_OK;
}

typedef struct foreign {
    const char *key, *means;
} foreign_t;

/* What Hugging Face's base class of configurations, or several of its families, know and not every family here builds.
 * null, false, 0 and what is empty ask for nothing. */
static const foreign_t foreign[] = {
    {"add_cross_attention", "layers that attend to an encoder"},
    {"is_encoder_decoder", "an encoder beside the decoder"},
    {"cross_attention_hidden_size", "layers that attend to an encoder"},
    {"pruned_heads", "layers without some of their heads"},
    {"quantization_config", "weights in a quantized form"},
    {"rope_scaling", "rotary positions at another pace"},
    {"rope_parameters", "rotary positions"},
    {"sliding_window", "attention to the nearest tokens only"},
    {"tie_encoder_decoder", "weights shared by encoder and decoder"},
    {"auto_map", "code of its own"},
};

static int32_t asks_for_nothing(const pt__json_t *value)
{
    switch (value->kind) {
    case PT__JSON_NULL:
        return 1;
    case PT__JSON_BOOL:
        return value->integer == 0;
    case PT__JSON_NUMBER:
        return value->number == 0;
    default:
        return value->length == 0;
    }
}

static int32_t is_honoured(const char *key, const char *const *honours)
{
    while (*honours != NULL && strcmp(*honours, key) != 0)
        honours++;
    return *honours != NULL;
}

pt_status_t pt__config_check(const pt__json_t *config, const char *const *honours)
{
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        const pt__json_t *value = pt__json_find(config, foreign[i].key);
        if (value != NULL && !asks_for_nothing(value) && !is_honoured(foreign[i].key, honours))
            return pt__json_fail(value, PT_ERR_UNSUPPORTED, "asks for %s, which this family does not have",
                                 foreign[i].means);
    }
    return PT_OK;
}
