/* A training loop of the host's own: pt_train_step at the host's pace, with a gradient accumulated over four calls for
 * each update, a checkpoint, and an exact return to it. The network learns sin(x) on [-3, 3].
 *
 *   cc training_loop.c $(pkg-config --cflags --libs pretrain) -lm -o training_loop && ./training_loop [CHECKPOINT_FILE]
 */
#include "example.h"

enum { PART = 16, PARTS = 4, UPDATES = 600 };

static pt_status_t make_model(pt_context_t *context, pt_model_t **model)
{
    pt_graph_t *graph = NULL;
    pt_status_t status = pt_graph_create(context, &graph);
    if (status != PT_OK)
        return status;
    pt_tensor_t x = pt_input(graph, "x", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 1});
    pt_tensor_t y = pt_input(graph, "y", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 1});
    pt_tensor_t hidden = pt_linear_layer(graph, "first", x, 32, PT_ACTIVATION_TANH);
    hidden = pt_linear_layer(graph, "second", hidden, 32, PT_ACTIVATION_TANH);
    pt_tensor_t prediction = pt_linear_layer(graph, "last", hidden, 1, PT_ACTIVATION_NONE);
    pt_graph_set_output(graph, "prediction", prediction);
    pt_graph_set_loss(graph, pt_mse_loss(graph, prediction, y, NULL));
    status = pt_model_create(context, graph, model);
    pt_graph_free(graph);
    return status;
}

/* PART points; the same for the same number. */
static void make_points(uint32_t number, float *x, float *y)
{
    uint32_t random = number * 2654435761u + 1;
    for (int i = 0; i < PART; i++) {
        random = random * 1664525u + 1013904223u;
        x[i] = 6 * (float)(random >> 8) / (float)(1 << 24) - 3;
        y[i] = sinf(x[i]);
    }
}

/* Updates first to last: in each, PARTS calls add up their gradients, and the last of them updates. */
static pt_status_t train(pt_model_t *model, pt_optimizer_t *optimizer, int first, int last, double *loss)
{
    pt_step_result_t step = {.struct_size = sizeof step};
    for (int update = first; update < last; update++) {
        *loss = 0;
        for (int part = 0; part < PARTS; part++) {
            float x[PART], y[PART];
            make_points((uint32_t)(update * PARTS + part), x, y);
            pt_array_t values[] = {{.name = "x", .dtype = PT_FLOAT32, .data = x, .elements = PART},
                                   {.name = "y", .dtype = PT_FLOAT32, .data = y, .elements = PART}};
            uint32_t flags = part < PARTS - 1 ? PT_STEP_ACCUMULATE : 0;
            pt_status_t status = pt_train_step(model, optimizer, values, 2, sizeof values[0], PART, flags, &step);
            if (status != PT_OK)
                return status;
            *loss += step.loss / PARTS;
        }
        if ((update + 1) % 100 == 0)
            printf("update %4d  loss %.6f  gradient norm %.4f  learning rate %.5f\n", update + 1, *loss,
                   step.gradient_norm, step.learning_rate);
    }
    return PT_OK;
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "training_loop.checkpoint";
    int result = 1;
    pt_context_t *context = NULL;
    pt_model_t *model = NULL;
    pt_optimizer_t *optimizer = NULL;
    TRY(pt_context_create(NULL, &context));
    TRY(make_model(context, &model));
    pt_optimizer_options_t rule;
    pt_optimizer_options_init(&rule, sizeof rule);
    rule.kind = PT_OPTIMIZER_ADAM;
    rule.learning_rate = 0.01;
    rule.clip_norm = 1;
    TRY(pt_optimizer_create(context, &rule, &optimizer));

    pt_estimate_t estimate = {.struct_size = sizeof estimate};
    TRY(pt_model_estimate(model, optimizer, PART, NULL, 0, 0, &estimate));
    printf("%lld parameters; a step takes %lld bytes and %.0f operations\n", (long long)estimate.parameters,
           (long long)estimate.bytes, estimate.operations);

    double once = 0, again = 0;
    TRY(train(model, optimizer, 0, UPDATES / 2, &once));
    TRY(pt_checkpoint_save(model, optimizer, path, NULL));
    TRY(train(model, optimizer, UPDATES / 2, UPDATES, &once));

    printf("back to update %d\n", UPDATES / 2);
    TRY(pt_checkpoint_load(model, optimizer, path, NULL));
    TRY(train(model, optimizer, UPDATES / 2, UPDATES, &again));
    printf("the same loss %s: %.17g and %.17g\n", once == again ? "to the last bit" : "is EXPECTED BUT NOT FOUND", once,
           again);

    float x[] = {-2, -1, 0, 1, 2}, y[5];
    pt_array_t value = {.name = "x", .dtype = PT_FLOAT32, .data = x, .elements = 5};
    pt_array_t prediction = {.dtype = PT_FLOAT32, .data = y, .capacity = 5};
    TRY(pt_forward(model, &value, 1, sizeof value, 5, "prediction", &prediction));
    for (int i = 0; i < 5; i++)
        printf("sin(%2.0f) = %7.4f, learned %7.4f\n", (double)x[i], (double)sinf(x[i]), (double)y[i]);
    result = once == again ? 0 : 1;
out:
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
    return result;
}
