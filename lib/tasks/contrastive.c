/* Contrastive predictive coding (van den Oord 2018): rows tell those that follow from all others of their sample.
 *
 *   frames       float32 [frames, bins]
 *   row_frames   float32 [all rows, stride · bins], what each row stands for, and row_places int32 [all rows], made of
 *                frames; only where the network has fewer rows than frames and no output "latent"
 *   loss         contrastive_loss of the context and the keys, linears of hidden and of what a row stands for, each
 *                row of `width` numbers brought to the same length
 *   context      [rows, steps · width]
 *   metrics      accuracy, how often the right one of a sample's rows is the most similar */
#include "base/number.h"
#include "base/options.h"
#include "tasks/frame_spans.h"
#include "tasks/head.h"

enum { MOST_STEPS = 1024, WIDEST = 65536 };
static const double SHORTEST = 1e-6; /* rows below this length are no longer brought to 1 */

pt_status_t pt_contrastive_options_init(pt_contrastive_options_t *options, uint32_t struct_size)
{
    static const pt_contrastive_options_t defaults = {.steps = 6, .width = 64, .temperature = 0.1};
    pt__error_clear();
    return pt__options_init(options, struct_size, &defaults, (uint32_t)sizeof defaults, "pt_contrastive_options");
}

static pt_status_t read_options(const void *options, pt__task_options_t *out, pt_array_t *per_output)
{
    pt_contrastive_options_t own;
    (void)per_output;
    PT__TRY(pt_contrastive_options_init(&own, (uint32_t)sizeof own));
    PT__TRY(pt__options_read(options, &own, (uint32_t)sizeof own, "pt_contrastive_options"));
    PT__TRY(pt__head_check_flags("contrastive", own.flags, 0));
    out->of_frames.steps = own.steps;
    out->of_frames.width = own.width;
    out->of_frames.temperature = own.temperature;
    return PT_OK;
}

static pt_status_t check(const pt__task_options_t *options)
{
    const pt__of_frames_t *own = &options->of_frames;
    PT__TRY(pt__frame_rows_check(options));
    if (own->steps < 1 || own->steps > MOST_STEPS)
        return pt__fail(PT_ERR_ARGUMENT, "task contrastive: steps is %d, expected 1 to %d", (int)own->steps,
                        MOST_STEPS);
    if (own->width < 1 || own->width > WIDEST)
        return pt__fail(PT_ERR_ARGUMENT, "task contrastive: width is %d, expected 1 to %d", (int)own->width, WIDEST);
    if (!(own->temperature >= 1e-6 && own->temperature <= 1e6))
        return pt__fail(PT_ERR_ARGUMENT, "task contrastive: temperature is %g, expected 1e-6 to 1e6",
                        pt__number_shown(own->temperature));
    return PT_OK;
}

/* What a row stands for: the network's own idea of it, or its frames. Where rows are not the frames' own, *hidden
 * becomes the rows in the dimension that frames were gathered in. */
static pt_status_t find_latent(pt_graph_t *graph, const pt__frame_rows_t *rows, pt_tensor_t *hidden,
                               pt_tensor_t *latent)
{
    char found[96];
    int64_t code = 0;
    *hidden = rows->hidden;
    *latent = pt__graph_output(graph, "latent");
    if (*latent != PT_NO_TENSOR) {
        const pt__tensor_t *tensor = pt__graph_tensor(graph, *latent);
        if (tensor->dtype == PT_FLOAT32 && tensor->shape.rank == 2 && tensor->shape.size[0] == 1 &&
            tensor->shape.dimension == rows->rows_dimension)
            return PT_OK;
        return pt__fail(PT_ERR_SHAPE,
                        "task contrastive: the network's output \"latent\" is %s, expected float32 rows as "
                        "\"hidden\" has",
                        pt__graph_shape_print(graph, &tensor->shape, tensor->dtype, found, sizeof found));
    }
    if (rows->rows_dimension == rows->frames_dimension) {
        *latent = rows->frames;
        return PT_OK;
    }
    pt_tensor_t places = pt__frame_places(graph, "row_places", rows, &code);
    *hidden = pt_gather(graph, rows->hidden, places);
    *latent = pt_input(graph, "row_frames", PT_FLOAT32, 2, (int64_t[]){code, rows->stride * rows->bins});
    return graph->status;
}

/* Every `width` numbers of a row to sqrt(width) times the length 1. */
static pt_tensor_t level(pt_graph_t *graph, pt_tensor_t src, int64_t parts, int64_t width)
{
    if (graph->status != PT_OK)
        return PT_NO_TENSOR;
    const int64_t code = pt__dimension_code(pt__graph_tensor(graph, src)->shape.dimension);
    src = pt_reshape(graph, src, 3, (int64_t[]){code, parts, width});
    src = pt_rms_norm(graph, src, PT_NO_TENSOR, SHORTEST * SHORTEST / (double)width);
    return pt_reshape(graph, src, 2, (int64_t[]){code, parts * width});
}

static pt_status_t build(const pt__task_options_t *options, pt_graph_t *graph)
{
    enum { COUNT = 1, HITS = 4 }; /* outputs of contrastive_loss */
    const int64_t steps = options->of_frames.steps, width = options->of_frames.width;
    pt__frame_rows_t rows;
    pt_tensor_t latent = PT_NO_TENSOR, hidden = PT_NO_TENSOR;
    PT__TRY(pt__frame_rows_find(graph, "contrastive", &rows));
    if (graph->offer.sees_ahead)
        return pt__fail(PT_ERR_UNSUPPORTED,
                        "task contrastive: the network's rows have seen those that follow, which they are to tell; "
                        "expected layers in one direction (\"bidirectional\": false), and no lookahead");
    PT__TRY(find_latent(graph, &rows, &hidden, &latent));
    const int64_t outputs = steps * width;
    pt_tensor_t weight = pt_parameter(graph, "contrast.context.weight", 2, (int64_t[]){outputs, rows.width},
                                      PT__INITIAL(PT_INIT_LINEAR, (double)rows.width));
    pt_tensor_t bias = pt_parameter(graph, "contrast.context.bias", 1, &outputs, PT__INITIAL(PT_INIT_CONSTANT, 0));
    pt_tensor_t context = pt_linear(graph, hidden, weight, bias, PT_ACTIVATION_NONE);
    pt_tensor_t key = pt_linear_layer(graph, "contrast.key", latent, width, PT_ACTIVATION_NONE);
    pt_tensor_t loss = pt_contrastive_loss(graph, level(graph, context, steps, width), level(graph, key, 1, width),
                                           options->of_frames.temperature * (double)width);
    pt_graph_set_loss(graph, loss);
    pt_graph_set_output(graph, "context", pt_linear(graph, rows.hidden, weight, bias, PT_ACTIVATION_NONE));
    PT__TRY(pt_graph_status(graph));
    pt__graph_add_metric(graph, "accuracy", "ratio", PT_METRIC_HIGHER, loss + HITS, loss + COUNT);
    return pt_graph_status(graph);
}

static const pt__derived_t derived[] = {
    {.field = "row_places", .from = PT__FRAMES, .derive = pt__frame_rows_derive_places},
    {.field = "row_frames", .from = PT__FRAMES, .derive = pt__frame_rows_derive},
};

const pt__task_t pt__task_contrastive = {.name = PT_TASK_CONTRASTIVE,
                                         .self_supervised = 1,
                                         .derived = derived,
                                         .n_derived = 2,
                                         .read = read_options,
                                         .check = check,
                                         .build = build};
