/* A host's program in what C99 and C++11 have in common: a network of its own learns y = 2 x1 - x2 + 0.5, and the
 * program says so. Built in every standard, and by every way of finding the library. */
#include <pretrain.h>
#include <stdio.h>
#include <string.h>

enum { SAMPLES = 64, STEPS = 400 };

static float x[SAMPLES][2], y[SAMPLES];

static pt_tensor_t make_field(pt_graph_t *graph, const char *name, int64_t width)
{
    int64_t shape[2];
    shape[0] = PT_DIM_BATCH;
    shape[1] = width;
    return pt_input(graph, name, PT_FLOAT32, 2, shape);
}

static pt_status_t make_model(pt_context_t *context, pt_model_t **model)
{
    pt_graph_t *graph = NULL;
    pt_status_t status = pt_graph_create(context, &graph);
    if (status != PT_OK)
        return status;
    pt_tensor_t out = pt_linear_layer(graph, "linear", make_field(graph, "x", 2), 1, PT_ACTIVATION_NONE);
    pt_graph_set_loss(graph, pt_mse_loss(graph, out, make_field(graph, "y", 1), NULL));
    status = pt_model_create(context, graph, model);
    pt_graph_free(graph);
    return status;
}

static pt_status_t train(pt_context_t *context, pt_model_t *model, double *loss)
{
    pt_optimizer_options_t rule;
    pt_optimizer_t *optimizer = NULL;
    pt_array_t values[2];
    pt_step_result_t result;
    pt_status_t status = pt_optimizer_options_init(&rule, (uint32_t)sizeof rule);
    rule.learning_rate = 0.05;
    rule.weight_decay = 0;
    if (status == PT_OK)
        status = pt_optimizer_create(context, &rule, &optimizer);
    memset(values, 0, sizeof values);
    values[0].name = "x";
    values[0].data = x;
    values[0].dtype = PT_FLOAT32;
    values[1].name = "y";
    values[1].data = y;
    values[1].dtype = PT_FLOAT32;
    memset(&result, 0, sizeof result);
    result.struct_size = (uint32_t)sizeof result;
    for (int step = 0; step < STEPS && status == PT_OK; step++)
        status = pt_train_step(model, optimizer, values, 2, (uint32_t)sizeof values[0], SAMPLES, 0, &result);
    *loss = result.loss;
    pt_optimizer_free(optimizer);
    return status;
}

int main(void)
{
    pt_context_t *context = NULL;
    pt_model_t *model = NULL;
    double loss = 1;
    for (int i = 0; i < SAMPLES; i++) {
        x[i][0] = (float)(i % 8) / 4 - 1;
        x[i][1] = (float)(i / 8) / 4 - 1;
        y[i] = 2 * x[i][0] - x[i][1] + 0.5f;
    }
    pt_status_t status = pt_context_create(NULL, &context);
    if (status == PT_OK)
        status = make_model(context, &model);
    if (status == PT_OK)
        status = train(context, model, &loss);
    if (status != PT_OK)
        fprintf(stderr, "%s: %s\n", pt_status_name(status), pt_last_error());
    else
        printf("%s, %s: loss %g\n", pt_version(), pt_context_describe(context), loss);
    pt_model_free(model);
    pt_context_free(context);
    return status == PT_OK && loss < 1e-4 ? 0 : 1;
}
