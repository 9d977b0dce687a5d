/* Classification: one class a sample.
 *
 *   label     int32 [PT_DIM_BATCH], PT_IGNORE_INDEX for a sample that counts nothing
 *   loss      cross-entropy of softmax(logits), with label smoothing and class weights as asked for
 *   logits    [PT_DIM_BATCH, outputs] from the head "score" (head.h);  probabilities their softmax
 *   accuracy  samples whose largest logit stands at their label, of those that count */
#include "graph/builder.h"
#include "tasks/head.h"
#include "tasks/tasks.h"

static pt_status_t build(const pt_task_options_t *options, pt_graph_t *graph)
{
    pt_tensor_t hidden;
    pt_cross_entropy_options_t loss;
    PT__TRY(pt__head_find_hidden(graph, "classification", &hidden));
    PT__TRY(pt_cross_entropy_options_init(&loss, (uint32_t)sizeof loss));
    loss.label_smoothing = options->label_smoothing;
    if (options->class_weights != NULL)
        loss.class_weights = pt_constant(graph, PT_FLOAT32, 1, &options->outputs, options->class_weights);
    pt_tensor_t logits = pt__head_add(graph, "score", hidden, options);
    pt_tensor_t label = pt_input(graph, "label", PT_INT32, 1, (int64_t[]){PT_DIM_BATCH});
    pt_graph_set_loss(graph, pt_cross_entropy_loss(graph, logits, label, &loss));
    pt_graph_set_output(graph, "logits", logits);
    pt_graph_set_output(graph, "probabilities", pt_softmax(graph, logits));
    pt__attributes_t ignore = {.integers = {PT_IGNORE_INDEX}};
    graph->correct = pt__build_binary(graph, "correct_count", logits, label, &ignore);
    graph->counted = pt__build_output(graph->correct, 1);
    return pt_graph_status(graph);
}

const pt__task_t pt__task_classification = {.name = "classification", .number = PT_TASK_CLASSIFICATION, .build = build};
