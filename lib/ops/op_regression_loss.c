/* Losses over elements, means of l over all of them, with e = prediction - target:
 *
 *   mse_loss    l = e²                                           d = 2e
 *   l1_loss     l = |e|                                          d = sign(e)
 *   huber_loss  l = e²/2 where |e| < delta, else delta (|e| - delta/2)   d = e limited to ±delta
 *   bce_loss    l = -(w t log σ(x) + (1 - t) log(1 - σ(x))), x the logit, t the target, w the positive weight
 *               d = (1 + (w - 1) t) σ(x) - w t
 *
 * With weights v, of elements or of rows of them, both the loss and the count of an element are times its v.
 *
 * Outputs: 0 mean loss, 1 number of elements or sum of their weights, 2 d_prediction of the *sum*; mse, l1 and huber:
 * 3 d_target = -d_prediction. See op.h on losses. */
#include "base/options.h"
#include "base/number.h"
#include "ops/op_rules.h"

enum { NUMBER }; /* reals: huber's delta, bce's positive weight */
enum { PREDICTION, TARGET, WEIGHTS };
enum { LOSS, WEIGHT, D_PREDICTION, D_TARGET };

static const pt_loss_options_t defaults = {.struct_size = sizeof defaults};

pt_status_t pt_loss_options_init(pt_loss_options_t *options, uint32_t struct_size)
{
    pt__error_clear();
    return pt__options_init(options, struct_size, &defaults, sizeof defaults, "pt_loss_options_t");
}

static pt_tensor_t build(pt_graph_t *graph, const char *op, pt_tensor_t prediction, pt_tensor_t target, double number,
                         const pt_loss_options_t *given)
{
    pt__attributes_t attributes = {.reals = {[NUMBER] = number}};
    pt_tensor_t inputs[WEIGHTS + 1] = {[PREDICTION] = prediction, [TARGET] = target};
    if (pt__build_is_ready(graph)) {
        pt_loss_options_t options = defaults;
        pt_status_t status = pt__options_read(given, &options, sizeof options, "pt_loss_options_t");
        if (status == PT_OK && (options.flags != 0 || options.reserved != 0))
            status = pt__fail(PT_ERR_ARGUMENT, "%s: flags are 0x%lx and reserved %ld, expected 0", op,
                              (unsigned long)options.flags, (long)options.reserved);
        if (status != PT_OK)
            return pt__graph_stick(graph, status);
        inputs[WEIGHTS] = options.weights;
    }
    return pt__build(graph, op, WEIGHTS + 1, inputs, &attributes);
}

pt_tensor_t pt_mse_loss(pt_graph_t *graph, pt_tensor_t prediction, pt_tensor_t target, const pt_loss_options_t *options)
{
    return build(graph, "mse_loss", prediction, target, 1, options);
}

pt_tensor_t pt_l1_loss(pt_graph_t *graph, pt_tensor_t prediction, pt_tensor_t target, const pt_loss_options_t *options)
{
    return build(graph, "l1_loss", prediction, target, 1, options);
}

pt_tensor_t pt_huber_loss(pt_graph_t *graph, pt_tensor_t prediction, pt_tensor_t target, double delta,
                          const pt_loss_options_t *options)
{
    return build(graph, "huber_loss", prediction, target, delta, options);
}

pt_tensor_t pt_bce_loss(pt_graph_t *graph, pt_tensor_t logits, pt_tensor_t target, double positive_weight,
                        const pt_loss_options_t *options)
{
    return build(graph, "bce_loss", logits, target, positive_weight, options);
}

static int32_t has_weights(const pt__node_t *node)
{
    return node->n_inputs > WEIGHTS && node->inputs[WEIGHTS] != PT_NO_TENSOR;
}

/* One weight an element, or a row of elements: the prediction's leading sizes, and 1 for the others or nothing. */
static pt_status_t check_weights(const pt_graph_t *graph, const pt__node_t *node)
{
    if (!has_weights(node))
        return PT_OK;
    PT__TRY(pt__expect_dtype(graph, node, WEIGHTS, "weights", PT_FLOAT32));
    PT__TRY(pt__expect_no_gradient(graph, node, WEIGHTS, "weights"));
    const pt__shape_t *weights = &pt__input_of(graph, node, WEIGHTS)->shape,
                      *prediction = &pt__input_of(graph, node, PREDICTION)->shape;
    int32_t alike = weights->rank <= prediction->rank && weights->dimension == prediction->dimension, i = 0;
    while (alike && i < weights->rank && weights->size[i] == prediction->size[i])
        i++;
    alike = alike && (i > 0 || weights->dimension == PT__DIMENSION_NONE);
    for (; i < weights->rank; i++)
        alike = alike && weights->size[i] == 1;
    if (alike)
        return PT_OK;
    char text[96];
    return pt__refuse(graph, node, WEIGHTS, "weights", "one for each element or row of %s",
                      pt__graph_shape_print(graph, prediction, PT_FLOAT32, text, sizeof text));
}

static pt_status_t loss_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    double number = node->attributes.reals[NUMBER];
    if (!(number > 0 && number < 1e30))
        return pt__refuse_attribute(node, "%g, expected a delta or positive weight above 0", pt__number_shown(number));
    PT__TRY(pt__expect_dtype(graph, node, PREDICTION, "prediction", PT_FLOAT32));
    PT__TRY(pt__expect_dtype(graph, node, TARGET, "target", PT_FLOAT32));
    PT__TRY(pt__expect_same_shape(graph, node, TARGET, "target", PREDICTION, "prediction"));
    PT__TRY(check_weights(graph, node));
    for (int32_t i = D_PREDICTION; i < node->op->n_outputs; i++)
        outputs[i].shape = pt__input_of(graph, node, PREDICTION)->shape;
    return PT_OK;
}

static pt_status_t bce_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    PT__TRY(loss_shape(graph, node, outputs));
    return pt__expect_no_gradient(graph, node, TARGET, "target");
}

/* Places for the two scalars, which the kernel always writes: 64 bytes, so that what follows them is aligned. Then,
 * where a row of elements shares a weight, the weights of all elements. */
enum { SCALAR_BYTES = 64 };

static int64_t elements_of_weight(const pt__call_t *call)
{
    int64_t weights = call->n_inputs > WEIGHTS && call->inputs[WEIGHTS].dtype != 0
                          ? pt__view_elements(&call->inputs[WEIGHTS])
                          : 0;
    return weights == 0 ? 0 : pt__view_elements(&call->inputs[PREDICTION]) / weights;
}

static int64_t loss_scratch(const pt__call_t *call)
{
    int64_t n = elements_of_weight(call) > 1 ? pt__view_elements(&call->inputs[PREDICTION]) : 0;
    return SCALAR_BYTES + n * (int64_t)sizeof(float);
}

/* A weight for each element; NULL: none. */
static const float *weights_of(const pt__call_t *call, const pt__run_t *run)
{
    int64_t row = elements_of_weight(call);
    if (row <= 1)
        return pt__input_data(call, WEIGHTS);
    float *repeated = (float *)(void *)((char *)call->scratch + SCALAR_BYTES);
    pt__copy_t copy = {.rank = 2,
                       .size = {pt__view_elements(&call->inputs[WEIGHTS]), row},
                       .src_stride = {1, 0},
                       .dst_stride = {row, 1}};
    pt__kernels_of(run)->copy(run->device, &copy, call->inputs[WEIGHTS].data, repeated);
    return repeated;
}

static void run_loss(const pt__call_t *call, const pt__run_t *run, pt__pointwise_loss_t kind)
{
    int64_t n = pt__view_elements(&call->inputs[PREDICTION]);
    float number = (float)call->attributes->reals[NUMBER], *unread = call->scratch;
    float *loss = call->outputs[LOSS].data != NULL ? call->outputs[LOSS].data : unread;
    float *weight = call->outputs[WEIGHT].data != NULL ? call->outputs[WEIGHT].data : unread + 1;
    float *d_prediction = call->outputs[D_PREDICTION].data,
          *d_target = call->n_outputs > D_TARGET ? call->outputs[D_TARGET].data : NULL;
    float *gradient = d_prediction != NULL ? d_prediction : d_target;
    int32_t is_binary = kind == PT__LOSS_BINARY;
    pt__kernels_of(run)->pointwise_loss(run->device, kind, n, is_binary ? 1 : number, is_binary ? number : 1,
                                        call->inputs[PREDICTION].data, call->inputs[TARGET].data, weights_of(call, run),
                                        loss, weight, gradient);
    if (d_target != NULL)
        pt__kernels_of(run)->scale(run->device, n, -1, gradient, d_target);
}

static void mse_run(const pt__call_t *call, const pt__run_t *run)
{
    run_loss(call, run, PT__LOSS_SQUARED);
}

static void l1_run(const pt__call_t *call, const pt__run_t *run)
{
    run_loss(call, run, PT__LOSS_ABSOLUTE);
}

static void huber_run(const pt__call_t *call, const pt__run_t *run)
{
    run_loss(call, run, PT__LOSS_HUBER);
}

static void bce_run(const pt__call_t *call, const pt__run_t *run)
{
    run_loss(call, run, PT__LOSS_BINARY);
}

static double loss_operations(const pt__call_t *call)
{
    return 4.0 * (double)pt__view_elements(&call->inputs[PREDICTION]);
}

static const pt__case_t cases[] = {
    {"f[B,3] f[B,3]", {.reals = {1}}},
    {"f[T,4] c[T,4]", {.reals = {0.7}}},
    {"f[B] c[B]", {.reals = {1}}},
    {"f[5000] c[5000]", {.reals = {0.5}}},
    {"f[B,3] f[B,3] c[B,3]", {.reals = {1}}},
    {"f[T,4] f[T,4] m[T]", {.reals = {0.7}}},
    {"f[B,3,5] c[B,3,5] c[B,3,1]", {.reals = {0.7}}},
    {"f[700,9] c[700,9] m[700]", {.reals = {0.5}}},
};

static const pt__case_t bce_cases[] = {
    {"f[B,3] m[B,3]", {.reals = {1}}},        {"f[T,4] c[T,4]", {.reals = {2.5}}},
    {"f[5000] m[5000]", {.reals = {0.5}}},    {"f[B,3] m[B,3] c[B,3]", {.reals = {2.5}}},
    {"f[T,4] m[T,4] m[T]", {.reals = {0.5}}}, {"f[700,9] m[700,9] c[700,1]", {.reals = {0.5}}},
};

#define LOSS_OP \
    .flags = PT__OP_LOSS, .min_inputs = 2, .max_inputs = 3, .scratch = loss_scratch, .operations = loss_operations

static const pt__op_t ops[] = {
    {.name = "mse_loss",
     LOSS_OP,
     .n_outputs = 4,
     .needs_gradient_of = 3,
     .shape = loss_shape,
     .run = mse_run,
     PT__CASES(cases)},
    {.name = "l1_loss",
     LOSS_OP,
     .n_outputs = 4,
     .needs_gradient_of = 3,
     .shape = loss_shape,
     .run = l1_run,
     PT__CASES(cases)},
    {.name = "huber_loss",
     LOSS_OP,
     .n_outputs = 4,
     .needs_gradient_of = 3,
     .shape = loss_shape,
     .run = huber_run,
     PT__CASES(cases)},
    {.name = "bce_loss",
     LOSS_OP,
     .n_outputs = 3,
     .needs_gradient_of = 1,
     .shape = bce_shape,
     .run = bce_run,
     PT__CASES(bce_cases)},
};

PT__OP_FAMILY(op_regression_loss, ops)
