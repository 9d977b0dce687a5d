/* cross_entropy_loss, linear_cross_entropy_loss: weighted mean over rows of the cross-entropy of softmax(logits)
 *
 *   C classes, p = softmax(logits), class weights w (1 where there are none), smoothing s (PyTorch's definition):
 *     labels y:         l = -(1 - s) w_y log p_y - s/C Σ_c w_c log p_c     weight of the row: w_y; 0 where y is ignored
 *     probabilities t:  l = -Σ_c w_c t'_c log p_c, t' = (1 - s) t + s/C    weight of the row: 1
 *   and with row weights v both times v_r
 *
 *   cross_entropy_loss:        logits [..., C], target int32 [...] or float32 [..., C], class weights [C] or none, row
 *                              weights [...] or none
 *   linear_cross_entropy_loss: logits = src · weightᵀ + bias, src [..., D], weight [C, D], bias [C] or none: made, used
 *                              and dropped in chunks of rows, and only for rows that count
 *
 * linear_cross_entropy_loss has a last output more: of how many rows the first largest logit is the label's.
 * Outputs: 0 mean loss, 1 sum of the rows' weights, then the gradients of the weighted *sum*: of logits; or of src,
 * weight and bias. See op.h. With t' one-hot and smoothed for labels:
 *   d_logits = Σ_c w_c t'_c · p - w t'
 *   d_src = d_logits · weight     d_weight = d_logitsᵀ · src     d_bias = Σ_rows d_logits */
#include "base/options.h"
#include "base/number.h"
#include "ops/op_rules.h"

enum { IGNORE_INDEX };                                                /* integers */
enum { SMOOTHING };                                                   /* reals */
enum { LOGITS, TARGET, CLASS_WEIGHTS, ROW_WEIGHTS };                  /* inputs of cross_entropy_loss */
enum { SRC, WEIGHT, L_TARGET, BIAS, L_CLASS_WEIGHTS, L_ROW_WEIGHTS }; /* of linear_cross_entropy_loss */
enum { LOSS, SUM_OF_WEIGHTS, D_LOGITS, D_SRC = D_LOGITS, D_WEIGHT, D_BIAS, HITS };

static const pt_cross_entropy_options_t defaults = {.struct_size = sizeof defaults, .ignore_index = PT_IGNORE_INDEX};

pt_status_t pt_cross_entropy_options_init(pt_cross_entropy_options_t *options, uint32_t struct_size)
{
    pt__error_clear();
    return pt__options_init(options, struct_size, &defaults, sizeof defaults, "pt_cross_entropy_options_t");
}

/* Reads the options into attributes and the two inputs that they name; an error sticks to the graph. 0: failed. */
static int32_t read_options(pt_graph_t *graph, const pt_cross_entropy_options_t *given, pt__attributes_t *attributes,
                            pt_tensor_t *class_weights, pt_tensor_t *row_weights)
{
    pt_cross_entropy_options_t options = defaults;
    if (graph == NULL || graph->status != PT_OK)
        return 1; /* pt__build tells */
    pt_status_t status = pt__options_read(given, &options, sizeof options, "pt_cross_entropy_options_t");
    if (status == PT_OK && options.flags != 0)
        status = pt__fail(PT_ERR_ARGUMENT, "cross_entropy_loss: flags are 0x%lx, expected 0",
                          (unsigned long)options.flags);
    if (status == PT_OK && options.reserved != 0)
        status = pt__fail(PT_ERR_ARGUMENT, "cross_entropy_loss: reserved is %ld, expected 0", (long)options.reserved);
    if (status == PT_OK && options.ignore_index == INT32_MIN)
        status = pt__fail(PT_ERR_ARGUMENT, "cross_entropy_loss: ignore_index is %ld, expected more than that",
                          (long)options.ignore_index);
    if (status != PT_OK) {
        pt__graph_stick(graph, status);
        return 0;
    }
    attributes->integers[IGNORE_INDEX] = options.ignore_index;
    attributes->reals[SMOOTHING] = options.label_smoothing;
    *class_weights = options.class_weights;
    *row_weights = options.weights;
    return 1;
}

pt_tensor_t pt_cross_entropy_loss(pt_graph_t *graph, pt_tensor_t logits, pt_tensor_t target,
                                  const pt_cross_entropy_options_t *options)
{
    pt__attributes_t attributes = {.reals = {0}};
    pt_tensor_t inputs[ROW_WEIGHTS + 1] = {[LOGITS] = logits, [TARGET] = target};
    if (!read_options(graph, options, &attributes, &inputs[CLASS_WEIGHTS], &inputs[ROW_WEIGHTS]))
        return PT_NO_TENSOR;
    return pt__build(graph, "cross_entropy_loss", ROW_WEIGHTS + 1, inputs, &attributes);
}

pt_tensor_t pt_linear_cross_entropy_loss(pt_graph_t *graph, pt_tensor_t src, pt_tensor_t weight, pt_tensor_t bias,
                                         pt_tensor_t target, const pt_cross_entropy_options_t *options)
{
    pt__attributes_t attributes = {.reals = {0}};
    pt_tensor_t inputs[L_ROW_WEIGHTS + 1] = {[SRC] = src, [WEIGHT] = weight, [L_TARGET] = target, [BIAS] = bias};
    if (!read_options(graph, options, &attributes, &inputs[L_CLASS_WEIGHTS], &inputs[L_ROW_WEIGHTS]))
        return PT_NO_TENSOR;
    return pt__build(graph, "linear_cross_entropy_loss", L_ROW_WEIGHTS + 1, inputs, &attributes);
}

/* Weights that are one float a row, where they are there. */
static pt_status_t check_row_weights(const pt_graph_t *graph, const pt__node_t *node, int32_t weights,
                                     const pt__shape_t *rows)
{
    if (weights >= node->n_inputs || node->inputs[weights] == PT_NO_TENSOR)
        return PT_OK;
    PT__TRY(pt__expect_dtype(graph, node, weights, "weights", PT_FLOAT32));
    if (!pt__shape_equal(&pt__input_of(graph, node, weights)->shape, rows))
        return pt__refuse(graph, node, weights, "weights", "one number a row of the logits");
    return pt__expect_no_gradient(graph, node, weights, "weights");
}

/* target and weights against `logits`, the shape that the logits have or would have. */
static pt_status_t check_target(const pt_graph_t *graph, const pt__node_t *node, int32_t target, int32_t class_weights,
                                int32_t row_weights, const pt__shape_t *logits)
{
    double smoothing = node->attributes.reals[SMOOTHING];
    int64_t classes = logits->size[logits->rank - 1];
    pt__shape_t rows = pt__shape_without_last(logits);
    if (!(smoothing >= 0 && smoothing < 1))
        return pt__refuse_attribute(node, "label_smoothing %g, expected a number in [0, 1)",
                                    pt__number_shown(smoothing));
    PT__TRY(pt__expect_vector(graph, node, class_weights, "class_weights", classes));
    PT__TRY(pt__expect_no_gradient(graph, node, class_weights, "class_weights"));
    PT__TRY(check_row_weights(graph, node, row_weights, &rows));
    const pt__tensor_t *found = pt__input_of(graph, node, target);
    if (found->dtype == PT_INT32) {
        if (!pt__shape_equal(&found->shape, &rows))
            return pt__refuse(graph, node, target, "target", "one label a row of the logits");
        return PT_OK;
    }
    PT__TRY(pt__expect_dtype(graph, node, target, "target", PT_FLOAT32));
    if (!pt__shape_equal(&found->shape, logits))
        return pt__refuse(graph, node, target, "target", "%lld probabilities a row of the logits", (long long)classes);
    return pt__expect_no_gradient(graph, node, target, "target");
}

static pt_status_t cross_entropy_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    int64_t classes;
    PT__TRY(pt__expect_rows(graph, node, LOGITS, "logits", &classes));
    outputs[D_LOGITS].shape = pt__input_of(graph, node, LOGITS)->shape;
    return check_target(graph, node, TARGET, CLASS_WEIGHTS, ROW_WEIGHTS, &outputs[D_LOGITS].shape);
}

static pt_status_t linear_cross_entropy_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    int64_t width = 0;
    PT__TRY(pt__expect_rows(graph, node, SRC, "src", &width));
    PT__TRY(pt__expect_float(graph, node, WEIGHT, "weight", 2, 2));
    PT__TRY(pt__expect_fixed(graph, node, WEIGHT, "weight"));
    outputs[D_SRC].shape = pt__input_of(graph, node, SRC)->shape;
    outputs[D_WEIGHT].shape = pt__input_of(graph, node, WEIGHT)->shape;
    int64_t classes = outputs[D_WEIGHT].shape.size[0];
    if (outputs[D_WEIGHT].shape.size[1] != width)
        return pt__refuse(graph, node, WEIGHT, "weight", "[classes, %lld]", (long long)width);
    PT__TRY(pt__expect_vector(graph, node, BIAS, "bias", classes));
    outputs[D_BIAS].shape = pt__shape_make(PT__DIMENSION_NONE, 1, &classes);
    pt__shape_t logits = pt__shape_with_last(&outputs[D_SRC].shape, classes);
    return check_target(graph, node, L_TARGET, L_CLASS_WEIGHTS, L_ROW_WEIGHTS, &logits);
}

/* Only labels are int32. */
static pt__index_t label_index(const pt__node_t *node, int64_t classes)
{
    return (pt__index_t){
        .role = "target", .limit = classes, .ignore = (int32_t)node->attributes.integers[IGNORE_INDEX]};
}

static pt__index_t cross_entropy_index(const pt_graph_t *graph, const pt__node_t *node, int32_t input)
{
    const pt__shape_t *logits = &pt__input_of(graph, node, LOGITS)->shape;
    (void)input;
    return label_index(node, logits->size[logits->rank - 1]);
}

static pt__index_t linear_cross_entropy_index(const pt_graph_t *graph, const pt__node_t *node, int32_t input)
{
    (void)input;
    return label_index(node, pt__input_of(graph, node, WEIGHT)->shape.size[0]);
}

/* Places for the two scalars, which the kernel always writes: 64 bytes, so that what follows them is aligned. */
enum { SCALAR_BYTES = 64 };

/* Rows of logits made at once. Every chunk reads the weight twice and its gradient's memory twice, so more rows are
 * faster until a chunk's memory counts. A function of the classes alone, so that the order of summation does not
 * depend on a plan's capacity. Processor time of loss and all gradients, by rows of a chunk (Zen 4, 32 MB of
 * last-level cache):
 *
 *   rows, classes, width     32    64    96   128   192   256   320   512  1024
 *   1024   50257     768         1.19  1.10  1.06  1.03     1  1.01  0.99  1.00
 *    256   50257     768         1.19        1.06           1
 *    256  128256    1024   1.46  1.20        1.06           1
 *    512   32000     512         1.21        1.03           1        0.98
 *   2048    4096     384                     1.01           1        0.96  0.95
 *
 * 256 rows of 50257 are 51 MB, beside 154 MB of weight. Fewer than 128 never pay: the weight is much larger then. */
enum { LEAST_ROWS = 128, MOST_ROWS = 512, MOST_BYTES = 64 << 20 };

static int64_t chunk_rows(int64_t classes)
{
    int64_t rows = MOST_ROWS;
    while (rows > LEAST_ROWS && rows * classes * (int64_t)sizeof(float) > MOST_BYTES)
        rows /= 2;
    return rows;
}

static pt__cross_entropy_t describe(const pt__call_t *call, int64_t rows, int64_t classes, int32_t target,
                                    int32_t class_weights, int32_t row_weights)
{
    float *unread = call->scratch;
    pt__cross_entropy_t description = {
        .rows = rows,
        .classes = classes,
        .ignore_index = (int32_t)call->attributes->integers[IGNORE_INDEX],
        .smoothing = (float)call->attributes->reals[SMOOTHING],
        .class_weights = pt__input_data(call, class_weights),
        .row_weights = pt__input_data(call, row_weights),
        .loss = call->outputs[LOSS].data != NULL ? call->outputs[LOSS].data : unread,
        .weight = call->outputs[SUM_OF_WEIGHTS].data != NULL ? call->outputs[SUM_OF_WEIGHTS].data : unread + 1};
    if (call->inputs[target].dtype == PT_INT32)
        description.labels = call->inputs[target].data;
    else
        description.probabilities = call->inputs[target].data;
    return description;
}

static void cross_entropy_run(const pt__call_t *call, const pt__run_t *run)
{
    const pt__view_t *logits = &call->inputs[LOGITS];
    pt__cross_entropy_t description = describe(call, pt__view_rows(logits, 1), pt__last_size(logits), TARGET,
                                               CLASS_WEIGHTS, ROW_WEIGHTS);
    description.logits = logits->data;
    description.d_logits = call->outputs[D_LOGITS].data;
    pt__kernels_of(run)->cross_entropy(run->device, &description);
}

static int64_t cross_entropy_scratch(const pt__call_t *call)
{
    (void)call;
    return SCALAR_BYTES;
}

/* Where the kernel's scratch lies in the op's, in bytes: behind the scalars, each part aligned. */
typedef struct scratch_layout {
    int64_t rows; /* of a chunk */
    int64_t row, src, chunk, end;
} scratch_layout_t;

static int64_t aligned(int64_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

static scratch_layout_t scratch_layout(const pt__call_t *call)
{
    int64_t classes = call->inputs[WEIGHT].size[0], width = call->inputs[WEIGHT].size[1];
    int64_t rows = pt__view_rows(&call->inputs[SRC], 1), most = chunk_rows(classes);
    int32_t some_count = call->inputs[L_TARGET].dtype == PT_INT32 ||
                         (call->n_inputs > L_ROW_WEIGHTS && call->inputs[L_ROW_WEIGHTS].dtype != 0);
    scratch_layout_t layout = {.rows = rows < 1 ? 1 : rows < most ? rows : most, .row = SCALAR_BYTES};
    layout.src = layout.row + aligned(layout.rows * (int64_t)sizeof(int32_t));
    layout.chunk = layout.src + (some_count ? aligned(layout.rows * width * (int64_t)sizeof(float)) : 0);
    layout.end = layout.chunk + layout.rows * classes * (int64_t)sizeof(float);
    return layout;
}

static int64_t linear_cross_entropy_scratch(const pt__call_t *call)
{
    return scratch_layout(call).end;
}

static void linear_cross_entropy_run(const pt__call_t *call, const pt__run_t *run)
{
    const pt__view_t *src = &call->inputs[SRC], *weight = &call->inputs[WEIGHT];
    const scratch_layout_t layout = scratch_layout(call);
    char *scratch = call->scratch;
    pt__cross_entropy_t description = describe(call, pt__view_rows(src, 1), weight->size[0], L_TARGET, L_CLASS_WEIGHTS,
                                               L_ROW_WEIGHTS);
    description.src = src->data;
    description.linear = weight->data;
    description.linear_dtype = weight->dtype;
    description.bias = pt__input_data(call, BIAS);
    description.width = weight->size[1];
    description.d_src = call->outputs[D_SRC].data;
    description.d_linear = call->outputs[D_WEIGHT].data;
    description.d_bias = call->outputs[D_BIAS].data;
    description.hits = call->outputs[HITS].data;
    description.accumulate_d_linear = pt__accumulates(call, D_WEIGHT);
    description.accumulate_d_bias = pt__accumulates(call, D_BIAS);
    description.chunk_rows = layout.rows;
    description.chunk = (float *)(void *)(scratch + layout.chunk);
    description.chunk_src = (float *)(void *)(scratch + layout.src);
    description.chunk_row = (int32_t *)(void *)(scratch + layout.row);
    pt__kernels_of(run)->cross_entropy(run->device, &description);
}

static double cross_entropy_operations(const pt__call_t *call)
{
    return 10.0 * (double)pt__view_elements(&call->inputs[LOGITS]);
}

static double linear_cross_entropy_operations(const pt__call_t *call)
{
    double rows = (double)pt__view_rows(&call->inputs[SRC], 1),
           elements = (double)pt__view_elements(&call->inputs[WEIGHT]);
    int32_t products = 1 + (call->outputs[D_SRC].data != NULL) + (call->outputs[D_WEIGHT].data != NULL);
    return 2.0 * rows * elements * products + 10.0 * rows * (double)call->inputs[WEIGHT].size[0];
}

#define IGNORE .integers = {[IGNORE_INDEX] = PT_IGNORE_INDEX}

static const pt__case_t cross_entropy_cases[] = {
    {"f[B,4] i4[B]", {IGNORE}},
    {"f[T,9] l9[T]", {IGNORE}},
    {"f[T,9] l9[T] c[9]", {IGNORE, .reals = {0.1}}},
    {"f[B,3,5] c[B,3,5]", {IGNORE}},
    {"f[T,40] c[T,40] c[40]", {IGNORE, .reals = {0.2}}},
    {"f[T,6] i6[T]", {.integers = {[IGNORE_INDEX] = 2}, .reals = {0.3}}},
    {"f[300,33] l33[300]", {IGNORE}},
    {"f[T,9] l9[T] - m[T]", {IGNORE}},
    {"f[T,9] l9[T] c[9] c[T]", {IGNORE, .reals = {0.1}}},
    {"f[B,3,5] c[B,3,5] - c[B,3]", {IGNORE}},
    {"f[300,33] c[300,33] - m[300]", {IGNORE, .reals = {0.2}}},
};

static const pt__case_t linear_cross_entropy_cases[] = {
    {"f[T,5] f[9,5] l9[T]", {IGNORE}},
    {"f[B,7] f[4,7] i4[B] f[4]", {IGNORE}},
    {"f[T,6] f[11,6] l11[T] f[11] c[11]", {IGNORE, .reals = {0.1}}},
    {"f[B,3,6] f[5,6] c[B,3,5] -", {IGNORE}},
    {"f[700,10] f[33,10] l33[700] f[33]", {IGNORE}},
    {"f[130,4] f[5000,4] l5000[130] -", {IGNORE}},
    {"f[T,6] h[11,6] l11[T] f[11] c[11]", {IGNORE, .reals = {0.1}}},
    {"f[700,32] q[33,32] l33[700] f[33]", {IGNORE}},
    {"f[T,6] f[11,6] l11[T] f[11] c[11] c[T]", {IGNORE, .reals = {0.1}}},
    {"f[700,10] f[33,10] l33[700] f[33] - m[700]", {IGNORE}},
    {"f[700,6] f[5,6] c[700,5] - - m[700]", {IGNORE}},
    {"f[B,3,6] f[5,6] c[B,3,5] - - c[B,3]", {IGNORE}},
};

static const pt__op_t ops[] = {
    {.name = "cross_entropy_loss",
     .flags = PT__OP_LOSS,
     .min_inputs = 2,
     .max_inputs = 4,
     .n_outputs = 3,
     .needs_gradient_of = 1u << LOGITS,
     .shape = cross_entropy_shape,
     .index = cross_entropy_index,
     .run = cross_entropy_run,
     .scratch = cross_entropy_scratch,
     .operations = cross_entropy_operations,
     PT__CASES(cross_entropy_cases)},
    {.name = "linear_cross_entropy_loss",
     .flags = PT__OP_LOSS,
     .min_inputs = 3,
     .max_inputs = 6,
     .n_outputs = 6,
     .narrow_inputs = 1u << WEIGHT,
     .accumulates = 1u << D_WEIGHT | 1u << D_BIAS,
     .needs_gradient_of = 1u << SRC | 1u << WEIGHT | 1u << BIAS,
     .shape = linear_cross_entropy_shape,
     .index = linear_cross_entropy_index,
     .run = linear_cross_entropy_run,
     .scratch = linear_cross_entropy_scratch,
     .operations = linear_cross_entropy_operations,
     PT__CASES(linear_cross_entropy_cases)},
};

PT__OP_FAMILY(op_cross_entropy, ops)
