/* The multi-layer perceptron: features [B, input_size] -> hidden [B, the last of hidden_sizes], every layer linear
 * with the activation and dropout behind it. Parameters are named "layers.0.weight", "layers.0.bias", ..., with
 * PyTorch's layouts and initial values.
 *
 * Keys: input_size and hidden_sizes (an array of sizes) are needed; activation_function ("relu" without one),
 * dropout (none without one). */
#include <stdio.h>

#include "models/config.h"
#include "models/models.h"

enum { WIDEST = 1 << 24, DEEPEST = 256, NAME_SIZE = 32 };

typedef struct mlp {
    int64_t inputs;
    const pt__json_t *sizes; /* checked: 1 to DEEPEST sizes from 1 to WIDEST */
    int32_t activation;
    double dropout;
} mlp_t;

static pt_status_t read_config(const pt__json_t *config, mlp_t *model)
{
    PT__TRY(pt__json_get_integer(config, "input_size", PT__JSON_REQUIRED, 1, WIDEST, &model->inputs));
    PT__TRY(pt__json_get_array(config, "hidden_sizes", PT__JSON_REQUIRED, &model->sizes));
    PT__TRY(pt__config_activation(config, "activation_function", &model->activation));
    PT__TRY(pt__config_probability(config, "dropout", &model->dropout));
    if (model->sizes->length < 1 || model->sizes->length > DEEPEST)
        return pt__json_fail(model->sizes, PT_ERR_FORMAT, "expected 1 to %d sizes, found %lld", DEEPEST,
                             (long long)model->sizes->length);
    for (const pt__json_t *size = model->sizes->first; size != NULL; size = size->next) {
        if (size->kind != PT__JSON_NUMBER)
            return pt__json_fail(size, PT_ERR_FORMAT, "expected a whole number from 1 to %d, found %s", WIDEST,
                                 pt__json_kind_name(size->kind));
        if (!size->is_integer || size->integer < 1 || size->integer > WIDEST)
            return pt__json_fail(size, PT_ERR_FORMAT, "expected a whole number from 1 to %d, found %g", WIDEST,
                                 size->number);
    }
    return PT_OK;
}

static pt_status_t build(const struct pt__json *config, pt_graph_t *graph)
{
    mlp_t model = {.activation = PT_ACTIVATION_RELU};
    char name[NAME_SIZE];
    int32_t number = 0;
    PT__TRY(read_config(config, &model));
    pt_tensor_t hidden = pt_input(graph, "features", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, model.inputs});
    for (const pt__json_t *size = model.sizes->first; size != NULL; size = size->next) {
        snprintf(name, sizeof name, "layers.%d", (int)number++);
        hidden = pt_linear_layer(graph, name, hidden, size->integer, model.activation);
        if (model.dropout > 0)
            hidden = pt_dropout(graph, hidden, model.dropout);
    }
    pt_graph_set_output(graph, "hidden", hidden);
    return pt_graph_status(graph);
}

const pt__family_t pt__family_mlp = {.name = "mlp", .build = build};
