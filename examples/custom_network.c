/* The smallest training there is: a network of the host's own, one linear layer from 10 numbers to 1, taught by mean
 * squared error and SGD to add up its inputs.
 *
 *   cc custom_network.c $(pkg-config --cflags --libs pretrain) -o custom_network && ./custom_network */
#include "example.h"

enum { SAMPLES = 1000, INPUTS = 10, EPOCHS = 20 };

int main(void)
{
    int result = 1;
    pt_context_t *context = NULL;
    pt_graph_t *graph = NULL;
    pt_model_t *model = NULL;
    pt_dataset_t *dataset = NULL;
    pt_optimizer_t *optimizer = NULL;
    TRY(pt_context_create(NULL, &context));

    /* The network. An error in any of these calls sticks; pt_model_create reports it. */
    TRY(pt_graph_create(context, &graph));
    pt_tensor_t x = pt_input(graph, "x", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, INPUTS});
    pt_tensor_t y = pt_input(graph, "y", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 1});
    pt_tensor_t prediction = pt_linear_layer(graph, "linear", x, 1, PT_ACTIVATION_NONE);
    pt_graph_set_output(graph, "prediction", prediction);
    pt_graph_set_loss(graph, pt_mse_loss(graph, prediction, y, NULL));
    TRY(pt_model_create(context, graph, &model));

    /* The data: arrays of ours, which the dataset borrows. */
    static float xs[SAMPLES][INPUTS], ys[SAMPLES];
    uint32_t random = 1;
    for (int i = 0; i < SAMPLES; i++) {
        for (int j = 0; j < INPUTS; j++) {
            random = random * 1664525u + 1013904223u;
            xs[i][j] = (float)(random >> 8) / (float)(1 << 23) - 1;
            ys[i] += xs[i][j];
        }
    }
    pt_array_t arrays[] = {
        {.name = "x", .dtype = PT_FLOAT32, .rank = 1, .shape = {INPUTS}, .data = xs},
        {.name = "y", .dtype = PT_FLOAT32, .rank = 1, .shape = {1}, .data = ys},
    };
    TRY(pt_dataset_create_from_arrays(context, arrays, 2, sizeof arrays[0], SAMPLES, 0, &dataset));

    pt_optimizer_options_t rule;
    pt_optimizer_options_init(&rule, sizeof rule);
    rule.kind = PT_OPTIMIZER_SGD;
    rule.learning_rate = 0.1;
    TRY(pt_optimizer_create(context, &rule, &optimizer));

    progress_t progress = {.title = "linear"};
    pt_train_options_t train;
    pt_train_options_init(&train, sizeof train);
    train.epochs = EPOCHS;
    train.batch = 64;
    train.event = show_progress;
    train.event_user = &progress;
    pt_train_result_t trained = {.struct_size = sizeof trained};
    TRY(pt_finetune(model, optimizer, dataset, &train, &trained));

    float weight[INPUTS], sums[3];
    int64_t index = 0;
    pt_array_t weights = {.dtype = PT_FLOAT32, .data = weight, .capacity = INPUTS};
    TRY(pt_model_parameter_find(model, "linear.weight", &index));
    TRY(pt_model_parameter_get(model, index, &weights, sizeof weights));
    printf("loss %.6f after %lld steps; weights, which should all be 1:", trained.loss, (long long)trained.steps);
    for (int j = 0; j < INPUTS; j++)
        printf(" %.3f", (double)weight[j]);

    pt_array_t value = {.name = "x", .dtype = PT_FLOAT32, .data = xs, .elements = 3 * INPUTS};
    pt_array_t predicted = {.dtype = PT_FLOAT32, .data = sums, .capacity = 3};
    TRY(pt_forward(model, &value, 1, sizeof value, 3, "prediction", &predicted));
    printf("\n%.3f %.3f %.3f should be %.3f %.3f %.3f\n", (double)sums[0], (double)sums[1], (double)sums[2],
           (double)ys[0], (double)ys[1], (double)ys[2]);
    result = 0;
out:
    pt_optimizer_free(optimizer);
    pt_dataset_free(dataset);
    pt_model_free(model);
    pt_graph_free(graph);
    pt_context_free(context);
    return result;
}
