/* Classification with several labels: each of the classes holds for a sample or does not.
 *
 *   label          float32 [PT_DIM_BATCH, outputs], from 0 to 1
 *   loss           mean binary cross-entropy of sigmoid(logits) over all of them, that of what holds times
 *                  positive_weight
 *   logits         [PT_DIM_BATCH, outputs] from the head "score" (head.h);  probabilities their sigmoid
 *   metrics        micro_f1 and label_accuracy */
#include <math.h>

#include "base/number.h"
#include "base/options.h"
#include "tasks/head.h"
#include "tasks/tasks.h"

pt_status_t pt_multi_label_options_init(pt_multi_label_options_t *options, uint32_t struct_size)
{
    static const pt_multi_label_options_t defaults = {.pooling = PT_POOL_FAMILY, .positive_weight = 1};
    pt__error_clear();
    return pt__options_init(options, struct_size, &defaults, (uint32_t)sizeof defaults, "pt_multi_label_options");
}

static pt_status_t read_options(const void *options, pt__task_options_t *out, pt_array_t *per_output)
{
    (void)per_output;
    pt_multi_label_options_t own;
    PT__TRY(pt_multi_label_options_init(&own, (uint32_t)sizeof own));
    PT__TRY(pt__options_read(options, &own, (uint32_t)sizeof own, "pt_multi_label_options"));
    PT__TRY(pt__head_check_flags("multi_label", own.flags, own.reserved));
    out->outputs = own.classes;
    out->pooling = own.pooling;
    out->dropout = own.dropout;
    out->positive_weight = own.positive_weight;
    return PT_OK;
}

static pt_status_t check(const pt__task_options_t *options)
{
    if (options->per_output != NULL || options->label_smoothing > 0)
        return pt__fail(PT_ERR_ARGUMENT, "task %s: %s given, expected none", PT_TASK_MULTI_LABEL,
                        options->per_output != NULL ? "class_weights are" : "a label_smoothing is");
    if (!(options->positive_weight > 0) || !isfinite(options->positive_weight))
        return pt__fail(PT_ERR_ARGUMENT, "task %s: positive_weight is %g, expected a finite number above 0",
                        PT_TASK_MULTI_LABEL, pt__number_shown(options->positive_weight));
    return pt__head_check_outputs(PT_TASK_MULTI_LABEL, "classes", options->outputs);
}

static pt_status_t build(const pt__task_options_t *options, pt_graph_t *graph)
{
    pt_tensor_t hidden;
    PT__TRY(pt__head_find_hidden(graph, PT_TASK_MULTI_LABEL, &hidden));
    pt_tensor_t logits = pt__head_add(graph, "score", hidden, options);
    pt_tensor_t label = pt_input(graph, "label", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, options->outputs});
    pt_graph_set_loss(graph, pt_bce_loss(graph, logits, label, options->positive_weight, NULL));
    pt_graph_set_output(graph, "logits", logits);
    pt_graph_set_output(graph, "probabilities", pt_sigmoid(graph, logits));
    pt__graph_add_metric(graph, "micro_f1", "micro_f1", 0, logits, label);
    pt__graph_add_metric(graph, "label_accuracy", "label_accuracy", 0, logits, label);
    return pt_graph_status(graph);
}

const pt__task_t pt__task_multi_label = {
    .name = PT_TASK_MULTI_LABEL, .class_field = "label", .read = read_options, .check = check, .build = build};
