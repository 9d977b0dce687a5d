/* Masked frames (Liu 2020, Mockingjay): spans of unlabelled sound are hidden, and their rows tell what stood there.
 *
 *   frames          float32 [frames, bins], hidden here (frame_spans.h), anew in each micro-batch
 *   loss            mean |e| or e² of all numbers of hidden frames, e = reconstruction - frames
 *   reconstruction  [rows, stride · bins], of all rows, from frames as they are
 *   metrics         mae and mse of hidden frames
 *
 * reconstruction(row) = output(gelu(dense(row))): the trunk's rows need not be the frames' linear images. */
#include "base/options.h"
#include "tasks/frame_spans.h"
#include "tasks/head.h"

pt_status_t pt_masked_frames_options_init(pt_masked_frames_options_t *options, uint32_t struct_size)
{
    static const pt_masked_frames_options_t defaults = {.probability = 0.3, .span = 8, .loss = PT_FRAMES_L1};
    pt__error_clear();
    return pt__options_init(options, struct_size, &defaults, (uint32_t)sizeof defaults, "pt_masked_frames_options");
}

static pt_status_t read_options(const void *options, pt__task_options_t *out, pt_array_t *per_output)
{
    pt_masked_frames_options_t own;
    (void)per_output;
    PT__TRY(pt_masked_frames_options_init(&own, (uint32_t)sizeof own));
    PT__TRY(pt__options_read(options, &own, (uint32_t)sizeof own, "pt_masked_frames_options"));
    PT__TRY(pt__head_check_flags("masked_frames", own.flags, 0));
    out->masking.probability = own.probability;
    out->of_frames.span = own.span;
    out->of_frames.loss = own.loss;
    return PT_OK;
}

static pt_status_t check(const pt__task_options_t *options)
{
    PT__TRY(pt__frame_spans_check(options));
    if (options->of_frames.loss != PT_FRAMES_L1 && options->of_frames.loss != PT_FRAMES_L2)
        return pt__fail(PT_ERR_ARGUMENT, "task masked_frames: loss is %d, expected PT_FRAMES_L1 or PT_FRAMES_L2",
                        (int)options->of_frames.loss);
    return PT_OK;
}

typedef struct head {
    pt_tensor_t dense, dense_bias, output, output_bias;
} head_t;

static head_t make_head(pt_graph_t *graph, int64_t width, int64_t outputs)
{
    const int64_t inner[] = {width, width}, outer[] = {outputs, width};
    const double inputs = (double)width;
    return (head_t){
        .dense = pt_parameter(graph, "reconstruction.dense.weight", 2, inner, PT__INITIAL(PT_INIT_LINEAR, inputs)),
        .dense_bias = pt_parameter(graph, "reconstruction.dense.bias", 1, &width, PT__INITIAL(PT_INIT_CONSTANT, 0)),
        .output = pt_parameter(graph, "reconstruction.output.weight", 2, outer, PT__INITIAL(PT_INIT_LINEAR, inputs)),
        .output_bias = pt_parameter(graph, "reconstruction.output.bias", 1, &outputs,
                                    PT__INITIAL(PT_INIT_CONSTANT, 0))};
}

static pt_tensor_t reconstruct(pt_graph_t *graph, const head_t *head, pt_tensor_t rows)
{
    rows = pt_linear(graph, rows, head->dense, head->dense_bias, PT_ACTIVATION_GELU_ERF);
    return pt_linear(graph, rows, head->output, head->output_bias, PT_ACTIVATION_NONE);
}

static pt_status_t build(const pt__task_options_t *options, pt_graph_t *graph)
{
    pt__frame_rows_t rows;
    int64_t chosen = 0;
    PT__TRY(pt__frame_rows_find(graph, "masked_frames", &rows));
    const int64_t outputs = rows.stride * rows.bins;
    pt_tensor_t places = pt__frame_places(graph, "masked_places", &rows, &chosen);
    pt_tensor_t target = pt_input(graph, "masked_targets", PT_FLOAT32, 2, (int64_t[]){chosen, outputs});
    const head_t head = make_head(graph, rows.width, outputs);
    pt_tensor_t found = reconstruct(graph, &head, pt_gather(graph, rows.hidden, places));
    pt_graph_set_loss(graph, options->of_frames.loss == PT_FRAMES_L1 ? pt_l1_loss(graph, found, target, NULL)
                                                                     : pt_mse_loss(graph, found, target, NULL));
    pt_graph_set_output(graph, "reconstruction", reconstruct(graph, &head, rows.hidden));
    PT__TRY(pt_graph_status(graph));
    pt__graph_add_metric(graph, "mae", "mae", 0, found, target);
    pt__graph_add_metric(graph, "mse", "mse", 0, found, target);
    return pt_graph_status(graph);
}

static const pt__derived_t derived[] = {
    {.field = "masked_places", .from = PT__FRAMES, .derive = pt__frame_spans_derive_places},
    {.field = "masked_targets", .from = PT__FRAMES, .derive = pt__frame_spans_derive_targets},
    {.field = PT__FRAMES, .from = PT__FRAMES, .derive = pt__frame_spans_derive_frames},
};

const pt__task_t pt__task_masked_frames = {.name = PT_TASK_MASKED_FRAMES,
                                           .self_supervised = 1,
                                           .derived = derived,
                                           .n_derived = 3,
                                           .read = read_options,
                                           .check = check,
                                           .build = build};
