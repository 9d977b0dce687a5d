/* Gradients through every output of an op: what several outputs give is one gradient, outputs that nothing reads
 * give none, and an output that has no gradient is refused by name where one is looked for, never passed over. */
#include <math.h>

#include "graph/builder.h"
#include "support/networks.h"
#include "train/model.h"
#include "support/views.h"

enum { WIDE = 9, SAMPLES = 3 };

/* x · w, split into parts of 2, 3 and 4 columns: the first is read twice, the second by nobody, the third once. */
static pt_model_t *network_of_parts(pt_context_t *context)
{
    pt_graph_t *graph;
    pt_model_t *model;
    pt_tensor_t parts[3];
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t x = pt_input(graph, "x", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 2});
    pt_tensor_t y = pt_input(graph, "y", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 4});
    pt_tensor_t wide = pt_linear_layer(graph, "a", x, WIDE, PT_ACTIVATION_NONE);
    ck_ok(pt_split(graph, wide, -1, 3, (int64_t[]){2, 3, 4}, parts));
    ck_assert_int_eq(parts[2], parts[0] + 2);
    pt_tensor_t doubled = pt_concat(graph, (pt_tensor_t[]){pt_tanh(graph, parts[0]), parts[0]}, 2, 1);
    ck_ok(pt_graph_set_loss(graph, pt_mse_loss(graph, pt_mul(graph, doubled, parts[2]), y, NULL)));
    ck_ok(pt_model_create(context, graph, &model));
    pt_graph_free(graph);
    return model;
}

START_TEST(test_split)
{
    pt_context_t *context = network_context(1, 3);
    pt_model_t *model = network_of_parts(context);
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_SGD, 0);
    float xs[SAMPLES * 2], ys[SAMPLES * 4], gradient[WIDE * 2], twice[WIDE * 2], weight[WIDE * 2];
    for (int i = 0; i < SAMPLES * 2; i++)
        xs[i] = (float)((i * 5 + 2) % 7) / 5 - 0.6f;
    for (int i = 0; i < SAMPLES * 4; i++)
        ys[i] = (float)((i * 3 + 1) % 5) / 4 - 0.4f;
    pt_array_t values[] = {{.name = "x", .data = xs, .dtype = PT_FLOAT32},
                           {.name = "y", .data = ys, .dtype = PT_FLOAT32}};
    ck_ok(pt_train_step(model, optimizer, values, 2, sizeof(pt_array_t), SAMPLES, PT_STEP_ACCUMULATE, NULL));
    ck_ok(get_gradient(model, 0, gradient, WIDE * 2));
    ck_ok(pt_train_step(model, optimizer, values, 2, sizeof(pt_array_t), SAMPLES, PT_STEP_ACCUMULATE, NULL));
    ck_ok(get_gradient(model, 0, twice, WIDE * 2)); /* a mean over twice the samples */
    ck_ok(get_parameter(model, 0, weight, WIDE * 2));
    for (int i = 0; i < WIDE * 2; i++) {
        double losses[2];
        for (int side = 0; side < 2; side++) {
            float moved[WIDE * 2];
            memcpy(moved, weight, sizeof moved);
            moved[i] += side ? 1e-2f : -1e-2f;
            ck_ok(set_parameter(model, 0, moved, WIDE * 2));
            ck_ok(pt_loss(model, values, 2, sizeof(pt_array_t), SAMPLES, &losses[side]));
        }
        ck_assert_double_eq_tol((losses[1] - losses[0]) / 2e-2, (double)gradient[i], 1e-3);
        ck_assert_double_eq_tol((double)gradient[i], (double)twice[i], 1e-6);
        if (i / 2 >= 2 && i / 2 < 5) /* rows of the weight whose part nobody reads */
            ck_assert_float_eq(gradient[i], 0);
    }
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

static pt_graph_t *with_layer(pt_context_t *context, pt_tensor_t *layer, pt_tensor_t *y)
{
    pt_graph_t *graph;
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t x = pt_input(graph, "x", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 2});
    *y = pt_input(graph, "y", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 3});
    *layer = pt_linear_layer(graph, "layer", x, 3, PT_ACTIVATION_TANH);
    return graph;
}

/* The value before a layer's activation is an output, without a gradient of its own. */
START_TEST(test_outputs_without_gradient)
{
    pt_context_t *context = network_context(1, 3);
    int32_t all[4] = {1, 1, 1, 1}, last[4] = {0, 0, 1, 1}, reached[4];
    pt_tensor_t layer, y;
    for (int frozen = 0; frozen < 2; frozen++) {
        pt_graph_t *graph = with_layer(context, &layer, &y);
        pt_tensor_t next = pt_linear_layer(graph, "next", pt__build_output(layer, 1), 3, PT_ACTIVATION_NONE);
        ck_ok(pt_graph_set_loss(graph, pt_mse_loss(graph, pt_add(graph, next, layer), y, NULL)));
        if (!frozen)
            ck_fails(pt__graph_append_gradients(graph, all, NULL, reached), PT_ERR_UNSUPPORTED,
                     "linear: output 1 has no gradient, but linear reads it");
        else {
            ck_ok(pt__graph_append_gradients(graph, last, NULL, reached));
            ck_assert(!reached[0] && !reached[1] && reached[2] && reached[3]);
        }
        pt_graph_free(graph);
    }
    /* A training that needs it is refused by the model, with the same words. */
    pt_model_t *model;
    pt_graph_t *graph = with_layer(context, &layer, &y);
    ck_ok(pt_graph_set_loss(graph, pt_mse_loss(graph, pt__build_output(layer, 1), y, NULL)));
    ck_ok(pt_model_create(context, graph, &model));
    ck_fails(pt__plans_prepare(model, PT__MODE_TRAIN, PT_NO_TENSOR, ROWS(3, 0), NULL), PT_ERR_UNSUPPORTED,
             "linear: output 1 has no gradient, but mse_loss reads it");
    ck_ok(pt__plans_prepare(model, PT__MODE_EVALUATE, PT_NO_TENSOR, ROWS(3, 0), NULL));
    pt_model_free(model);
    pt_graph_free(graph);
    pt_context_free(context);
}
END_TEST

/* A loss' sum of weights is made of data: to divide by it needs no gradient. Its own gradients have none. */
START_TEST(test_outputs_of_losses)
{
    pt_context_t *context = network_context(1, 3);
    int32_t all[2] = {1, 1}, reached[2];
    pt_tensor_t layer, y;
    for (int output = 1; output < 3; output++) {
        pt_graph_t *graph = with_layer(context, &layer, &y);
        pt_tensor_t loss = pt_mse_loss(graph, layer, y, NULL);
        pt_tensor_t other = pt__build_output(loss, output);
        if (output == 1)
            ck_ok(pt_graph_set_loss(graph, pt_div(graph, loss, other)));
        else
            ck_ok(pt_graph_set_loss(graph, pt_mean(graph, pt_mean(graph, other, 1, 0), 0, 0)));
        if (output == 1) {
            ck_ok(pt__graph_append_gradients(graph, all, NULL, reached));
            ck_assert(reached[0] && reached[1]);
        } else
            ck_fails(pt__graph_append_gradients(graph, all, NULL, reached), PT_ERR_UNSUPPORTED,
                     "mse_loss: output 2 has no gradient, but mean reads it");
        pt_graph_free(graph);
    }
    pt_context_free(context);
}
END_TEST

SUITE("gradient", 60, test_split, test_outputs_without_gradient, test_outputs_of_losses)
