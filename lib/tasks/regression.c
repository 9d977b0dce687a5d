/* Regression: numbers for each sample.
 *
 *   target      float32 [PT_DIM_BATCH, outputs]
 *   loss        mean squared error over all of them
 *   prediction  [PT_DIM_BATCH, outputs] from the head "regression" (head.h)
 *   metrics     mse (which is the loss), mae and r2 */
#include "base/options.h"
#include "tasks/head.h"
#include "tasks/tasks.h"

pt_status_t pt_regression_options_init(pt_regression_options_t *options, uint32_t struct_size)
{
    static const pt_regression_options_t defaults = {.pooling = PT_POOL_FAMILY};
    pt__error_clear();
    return pt__options_init(options, struct_size, &defaults, (uint32_t)sizeof defaults, "pt_regression_options");
}

static pt_status_t read_options(const void *options, pt__task_options_t *out, pt_array_t *per_output)
{
    (void)per_output;
    pt_regression_options_t own;
    PT__TRY(pt_regression_options_init(&own, (uint32_t)sizeof own));
    PT__TRY(pt__options_read(options, &own, (uint32_t)sizeof own, "pt_regression_options"));
    PT__TRY(pt__head_check_flags("regression", own.flags, own.reserved));
    out->outputs = own.outputs;
    out->pooling = own.pooling;
    out->dropout = own.dropout;
    return PT_OK;
}

/* What a host's struct cannot ask for, a file may. */
static pt_status_t check(const pt__task_options_t *options)
{
    if (options->per_output != NULL || options->label_smoothing > 0)
        return pt__fail(PT_ERR_ARGUMENT, "task regression: %s given, expected none: it has no classes",
                        options->per_output != NULL ? "class_weights are" : "a label_smoothing is");
    return pt__head_check_outputs("regression", "outputs", options->outputs);
}

static pt_status_t build(const pt__task_options_t *options, pt_graph_t *graph)
{
    pt_tensor_t hidden;
    PT__TRY(pt__head_find_hidden(graph, "regression", &hidden));
    pt_tensor_t prediction = pt__head_add(graph, "regression", hidden, options);
    pt_tensor_t target = pt_input(graph, "target", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, options->outputs});
    pt_graph_set_loss(graph, pt_mse_loss(graph, prediction, target, NULL));
    pt_graph_set_output(graph, "prediction", prediction);
    pt__graph_add_metric(graph, "mse", "mse", 0, prediction, target);
    pt__graph_add_metric(graph, "mae", "mae", 0, prediction, target);
    pt__graph_add_metric(graph, "r2", "r2", 0, prediction, target);
    return pt_graph_status(graph);
}

const pt__task_t pt__task_regression = {
    .name = PT_TASK_REGRESSION, .read = read_options, .check = check, .build = build};
