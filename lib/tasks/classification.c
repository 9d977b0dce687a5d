/* Classification: one class a sample.
 *
 *   label     int32 [PT_DIM_BATCH], PT_IGNORE_INDEX for a sample that counts nothing
 *   loss      cross-entropy of softmax(logits), with label smoothing and class weights as asked for
 *   logits    [PT_DIM_BATCH, outputs] from the head "score" (head.h);  probabilities their softmax
 *   mixing    class_shares float32 [PT_DIM_BATCH, outputs] and counts [PT_DIM_BATCH] are what the loss reads then,
 *             made from label where the data lacks them (mixing.h)
 *   metrics   accuracy, macro_f1 and calibration_error, of more than five classes top5_accuracy, of the samples that
 *             count */
#include <math.h>

#include "base/array.h"
#include "base/number.h"
#include "base/options.h"
#include "tasks/head.h"
#include "tasks/mixing.h"
#include "tasks/tasks.h"

pt_status_t pt_classification_options_init(pt_classification_options_t *options, uint32_t struct_size)
{
    static const pt_classification_options_t defaults = {.pooling = PT_POOL_FAMILY};
    pt__error_clear();
    return pt__options_init(options, struct_size, &defaults, (uint32_t)sizeof defaults, "pt_classification_options");
}

enum { TOP = 5 };

static const char weights_name[] = "task classification: class_weights";

static pt_status_t read_options(const void *options, pt__task_options_t *out, pt_array_t *per_output)
{
    pt_classification_options_t own;
    PT__TRY(pt_classification_options_init(&own, (uint32_t)sizeof own));
    PT__TRY(pt__options_read(options, &own, (uint32_t)sizeof own, "pt_classification_options"));
    PT__TRY(pt__head_check_flags("classification", own.flags, 0));
    out->outputs = own.classes;
    out->pooling = own.pooling;
    out->label_smoothing = own.label_smoothing;
    out->dropout = own.dropout;
    out->mixup = own.mixup;
    out->cutmix = own.cutmix;
    if (own.class_weights == NULL)
        return PT_OK;
    PT__TRY(pt__head_check_outputs("classification", "classes", own.classes));
    PT__TRY(pt__array_read(own.class_weights, own.array_size, weights_name, per_output));
    return pt__array_expect_stated(per_output, weights_name, 1, &own.classes, own.classes);
}

static pt_status_t check_alpha(const char *name, double alpha)
{
    if (alpha >= 0 && alpha <= PT__MIXING_LARGEST_ALPHA)
        return PT_OK;
    return pt__fail(PT_ERR_ARGUMENT, "task classification: %s is %g, expected 0 to %d", name, pt__number_shown(alpha),
                    PT__MIXING_LARGEST_ALPHA);
}

static pt_status_t check(const pt__task_options_t *options)
{
    double sum = 0;
    PT__TRY(check_alpha("mixup", options->mixup));
    PT__TRY(check_alpha("cutmix", options->cutmix));
    PT__TRY(pt__head_check_outputs("classification", "classes", options->outputs));
    for (int64_t i = 0; options->per_output != NULL && i < options->outputs; i++) {
        if (!(options->per_output[i] >= 0) || !isfinite(options->per_output[i]))
            return pt__fail(PT_ERR_ARGUMENT,
                            "task classification: class_weights[%lld] is %g, expected a finite weight of at least 0",
                            (long long)i, pt__number_shown((double)options->per_output[i]));
        sum += (double)options->per_output[i];
    }
    if (options->per_output != NULL && !(sum > 0))
        return pt__fail(PT_ERR_ARGUMENT, "task classification: class_weights are all 0, expected one above it");
    return PT_OK;
}

/* Pictures with two sizes and channels: what else has neighbours that could be cut out? */
static pt_status_t check_pixels(const pt_graph_t *graph)
{
    const pt__input_t *input = pt__graph_input(graph, "pixel_values");
    const pt__tensor_t *pixels = input == NULL ? NULL : pt__graph_tensor(graph, input->tensor);
    if (pixels != NULL && pixels->dtype == PT_FLOAT32 && pixels->shape.rank == 4)
        return PT_OK;
    return pt__fail(PT_ERR_STATE,
                    "task classification: mixup and cutmix are for pictures, but the network has no field "
                    "\"pixel_values\" of float32 [PT_DIM_BATCH, height, width, channels]");
}

/* The shares of the classes in each sample, in place of one label. */
static pt_tensor_t mixed_loss(const pt__task_options_t *options, pt_graph_t *graph, pt_tensor_t logits,
                              pt_cross_entropy_options_t *loss)
{
    loss->weights = pt_input(graph, "counts", PT_FLOAT32, 1, (int64_t[]){PT_DIM_BATCH});
    pt_tensor_t shares = pt_input(graph, "class_shares", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, options->outputs});
    return pt_cross_entropy_loss(graph, logits, shares, loss);
}

static pt_status_t build(const pt__task_options_t *options, pt_graph_t *graph)
{
    pt_tensor_t hidden;
    pt_cross_entropy_options_t loss;
    PT__TRY(pt__head_find_hidden(graph, "classification", &hidden));
    PT__TRY(pt_cross_entropy_options_init(&loss, (uint32_t)sizeof loss));
    loss.label_smoothing = options->label_smoothing;
    const pt_array_t weights = {
        .dtype = PT_FLOAT32, .rank = 1, .shape = {options->outputs}, .data = (float *)(uintptr_t)options->per_output};
    if (options->per_output != NULL)
        loss.class_weights = pt_constant(graph, PT_FLOAT32, &weights, (uint32_t)sizeof weights);
    pt_tensor_t logits = pt__head_add(graph, "score", hidden, options);
    pt_tensor_t label = pt_input(graph, "label", PT_INT32, 1, (int64_t[]){PT_DIM_BATCH});
    if (pt__mixing_is_asked(options)) {
        PT__TRY(check_pixels(graph));
        pt_graph_set_loss(graph, mixed_loss(options, graph, logits, &loss));
    } else {
        pt_graph_set_loss(graph, pt_cross_entropy_loss(graph, logits, label, &loss));
    }
    pt_graph_set_output(graph, "logits", logits);
    pt_tensor_t probabilities = pt_softmax(graph, logits);
    pt_graph_set_output(graph, "probabilities", probabilities);
    pt__graph_add_metric(graph, "accuracy", "accuracy", 0, logits, label);
    pt__graph_add_metric(graph, "macro_f1", "macro_f1", 0, logits, label);
    pt__graph_add_metric(graph, "calibration_error", "calibration_error", 0, probabilities, label);
    if (options->outputs > TOP)
        pt__graph_add_metric(graph, "top5_accuracy", "top5_accuracy", 0, logits, label);
    return pt_graph_status(graph);
}

const pt__task_t pt__task_classification = {.name = PT_TASK_CLASSIFICATION,
                                            .derived = pt__mixing_derived,
                                            .n_derived = PT__MIXING_FIELDS,
                                            .class_field = "label",
                                            .read = read_options,
                                            .check = check,
                                            .build = build};
