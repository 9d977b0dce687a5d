/* data2vec (Baevski 2022): from what it is shown of a sample, a network tells what its teacher, the moving average of
 * itself, makes of all of it.
 *
 *   frames         float32 [frames, bins], hidden here (frame_spans.h), anew in each micro-batch
 *   whole_frames   the same with nothing hidden, made from frames: what the teacher sees
 *   target         the mean of the teacher's last layers, each normalised row by row, of hidden rows
 *   loss           mean squared error of prediction(hidden rows), a linear, against it
 *   prediction     [rows, D], of all rows, from frames as they are
 *   metrics        r2
 *
 * Layers are the trunk's outputs "layer.1", ... , rows as "hidden" has; without one "hidden" is. */
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "base/options.h"
#include "tasks/frame_spans.h"
#include "tasks/head.h"
#include "tasks/teacher.h"

enum { MOST_LAYERS = 128, NAME_SIZE = 24 };
static const double EPSILON = 1e-5; /* of the norms of layers */

pt_status_t pt_data2vec_options_init(pt_data2vec_options_t *options, uint32_t struct_size)
{
    static const pt_data2vec_options_t defaults = {.probability = 0.5, .span = 8, .decay = 0.999};
    pt__error_clear();
    return pt__options_init(options, struct_size, &defaults, (uint32_t)sizeof defaults, "pt_data2vec_options");
}

static pt_status_t read_options(const void *options, pt__task_options_t *out, pt_array_t *per_output)
{
    pt_data2vec_options_t own;
    (void)per_output;
    PT__TRY(pt_data2vec_options_init(&own, (uint32_t)sizeof own));
    PT__TRY(pt__options_read(options, &own, (uint32_t)sizeof own, "pt_data2vec_options"));
    PT__TRY(pt__head_check_flags("data2vec", own.flags, 0));
    out->masking.probability = own.probability;
    out->of_frames.span = own.span;
    out->of_frames.layers = own.layers;
    out->of_frames.decay = own.decay;
    return PT_OK;
}

static pt_status_t check(const pt__task_options_t *options)
{
    PT__TRY(pt__frame_spans_check(options));
    if (options->of_frames.layers < 0 || options->of_frames.layers > MOST_LAYERS)
        return pt__fail(PT_ERR_ARGUMENT, "task data2vec: layers is %d, expected 0 to %d",
                        (int)options->of_frames.layers, MOST_LAYERS);
    if (!(options->of_frames.decay >= 0 && options->of_frames.decay <= 1))
        return pt__fail(PT_ERR_ARGUMENT, "task data2vec: decay is %g, expected 0 to 1",
                        pt__number_shown(options->of_frames.decay));
    return PT_OK;
}

/* The last `asked` of the network's layers, all where it is 0; hidden where it names none. */
static pt_status_t find_layers(const pt_graph_t *graph, const pt__frame_rows_t *rows, int32_t asked,
                               pt_tensor_t *layers, int32_t *count)
{
    const pt__shape_t *hidden = &pt__graph_tensor(graph, rows->hidden)->shape;
    char name[NAME_SIZE], found[96];
    int32_t all = 0;
    do {
        snprintf(name, sizeof name, "layer.%d", (int)all + 1);
    } while (all < MOST_LAYERS && (layers[all] = pt__graph_output(graph, name)) != PT_NO_TENSOR && ++all);
    if (all == 0)
        layers[all++] = rows->hidden;
    if (asked > all)
        return pt__fail(PT_ERR_ARGUMENT, "task data2vec: layers is %d, the network has %d", (int)asked, (int)all);
    *count = asked == 0 ? all : asked;
    memmove(layers, layers + all - *count, (size_t)*count * sizeof *layers);
    for (int32_t i = 0; i < *count; i++) {
        const pt__tensor_t *tensor = pt__graph_tensor(graph, layers[i]);
        if (tensor->dtype != PT_FLOAT32 || !pt__shape_equal(&tensor->shape, hidden))
            return pt__fail(PT_ERR_SHAPE,
                            "task data2vec: a layer of the network is %s, expected rows as \"hidden\" has",
                            pt__graph_shape_print(graph, &tensor->shape, tensor->dtype, found, sizeof found));
    }
    return PT_OK;
}

/* The mean of the layers' rows, normalised. */
static pt_tensor_t average(pt_graph_t *graph, const pt_tensor_t *layers, int32_t count)
{
    pt_tensor_t sum = PT_NO_TENSOR;
    for (int32_t i = 0; i < count; i++) {
        pt_tensor_t level = pt_layer_norm(graph, layers[i], PT_NO_TENSOR, PT_NO_TENSOR, EPSILON);
        sum = i == 0 ? level : pt_add(graph, sum, level);
    }
    return count > 1 ? pt_scale(graph, sum, 1 / (double)count) : sum;
}

static pt_status_t build(const pt__task_options_t *options, pt_graph_t *graph)
{
    pt_tensor_t layers[MOST_LAYERS];
    pt__frame_rows_t rows;
    int32_t count = 0;
    int64_t chosen = 0;
    PT__TRY(pt__frame_rows_find(graph, "data2vec", &rows));
    PT__TRY(find_layers(graph, &rows, options->of_frames.layers, layers, &count));
    pt_tensor_t whole = pt_input(graph, "whole_frames", PT_FLOAT32, 2,
                                 (int64_t[]){pt__dimension_code(rows.frames_dimension), rows.bins});
    PT__TRY(graph->status);
    PT__TRY(pt__teacher_add(graph, "data2vec", options->of_frames.decay, rows.frames, whole, layers, count));
    pt_tensor_t places = pt__frame_places(graph, "masked_places", &rows, &chosen);
    pt_tensor_t target = pt_gather(graph, average(graph, layers, count), places);
    pt_tensor_t weight = pt_parameter(graph, "prediction.weight", 2, (int64_t[]){rows.width, rows.width},
                                      PT__INITIAL(PT_INIT_LINEAR, (double)rows.width));
    pt_tensor_t bias = pt_parameter(graph, "prediction.bias", 1, &rows.width, PT__INITIAL(PT_INIT_CONSTANT, 0));
    pt_tensor_t told = pt_linear(graph, pt_gather(graph, rows.hidden, places), weight, bias, PT_ACTIVATION_NONE);
    pt_graph_set_loss(graph, pt_mse_loss(graph, told, target, NULL));
    pt_graph_set_output(graph, "prediction", pt_linear(graph, rows.hidden, weight, bias, PT_ACTIVATION_NONE));
    PT__TRY(pt_graph_status(graph));
    pt__graph_add_metric(graph, "r2", "r2", 0, told, target);
    return pt_graph_status(graph);
}

static const pt__derived_t derived[] = {
    {.field = "masked_places", .from = PT__FRAMES, .derive = pt__frame_spans_derive_places},
    {.field = "whole_frames", .from = PT__FRAMES, .derive = pt__frame_rows_copy},
    {.field = PT__FRAMES, .from = PT__FRAMES, .derive = pt__frame_spans_derive_frames},
};

const pt__task_t pt__task_data2vec = {.name = PT_TASK_DATA2VEC,
                                      .self_supervised = 1,
                                      .derived = derived,
                                      .n_derived = 3,
                                      .read = read_options,
                                      .check = check,
                                      .build = build};
