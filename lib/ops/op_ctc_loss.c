/* ctc_loss: connectionist temporal classification (Graves et al. 2006), -ln p(targets | logits) of each sample
 *
 *   logits [R, C], R of any ragged dimension; targets int32 [S], S of a ragged dimension too; weights [B] or none
 *   p(targets) = Σ over paths π of a class a row with joined(π) = targets of Π_t softmax(logits_t)[π_t], where
 *   joined() leaves one of equal neighbours, and then no blanks
 *
 * A sample's loss l is divided by its number of targets n (1 where it has none), unless whole losses are asked for:
 * loss = Σ v l / n / Σ v, weight = Σ v, v the weights.
 *
 * Outputs: 0 mean loss, 1 sum of the weights, 2 gradient of the weighted *sum* of logits, 3 each sample's l [B]. See
 * op.h.
 *   d_logits_t = v / n (softmax(logits_t) - share of the paths that have each class at t) */
#include "base/options.h"
#include "ops/op_rules.h"

enum { BLANK, INFEASIBLE, WHOLE }; /* integers */
enum { LOGITS, TARGETS, WEIGHTS }; /* inputs */
enum { LOSS, SUM_OF_WEIGHTS, D_LOGITS, SAMPLE_LOSS, OUTPUTS };

pt_status_t pt_ctc_options_init(pt_ctc_options_t *options, uint32_t struct_size)
{
    static const pt_ctc_options_t defaults = {.struct_size = sizeof defaults, .blank = -1};
    pt__error_clear();
    return pt__options_init(options, struct_size, &defaults, sizeof defaults, "pt_ctc_options_t");
}

pt_tensor_t pt_ctc_loss(pt_graph_t *graph, pt_tensor_t logits, pt_tensor_t targets, const pt_ctc_options_t *given)
{
    pt__attributes_t attributes = {.reals = {0}};
    pt_ctc_options_t options = {.struct_size = sizeof options, .blank = -1};
    if (graph != NULL && graph->status == PT_OK) {
        pt_status_t status = pt__options_read(given, &options, sizeof options, "pt_ctc_options_t");
        if (status == PT_OK && options.flags != 0)
            status = pt__fail(PT_ERR_ARGUMENT, "ctc_loss: flags are 0x%lx, expected 0", (unsigned long)options.flags);
        if (status != PT_OK)
            return pt__graph_stick(graph, status);
    }
    attributes.integers[BLANK] = options.blank;
    attributes.integers[INFEASIBLE] = options.infeasible;
    attributes.integers[WHOLE] = options.whole != 0;
    const pt_tensor_t inputs[] = {logits, targets, options.weights};
    pt_tensor_t loss = pt__build(graph, "ctc_loss", WEIGHTS + 1, inputs, &attributes);
    if (loss != PT_NO_TENSOR)
        graph->dimensions[graph->tensors[targets].shape.dimension].may_be_empty = 1;
    return loss;
}

static pt_status_t expect_ragged(const pt_graph_t *graph, const pt__node_t *node, int32_t input, const char *role,
                                 int32_t rank, const char *expected)
{
    const pt__shape_t *shape = &pt__input_of(graph, node, input)->shape;
    if (shape->rank == rank && pt__shape_is_ragged(shape) && shape->size[0] == 1)
        return PT_OK;
    return pt__refuse(graph, node, input, role, "%s", expected);
}

static pt_status_t check_targets(const pt_graph_t *graph, const pt__node_t *node)
{
    PT__TRY(pt__expect_dtype(graph, node, TARGETS, "targets", PT_INT32));
    PT__TRY(expect_ragged(graph, node, TARGETS, "targets", 1, "[rows], of a ragged dimension"));
    if (node->attributes.integers[INFEASIBLE] == PT_CTC_INFEASIBLE_ERROR &&
        pt__input_of(graph, node, TARGETS)->kind != PT__KIND_INPUT)
        return pt__fail(
            PT_ERR_UNSUPPORTED,
            "ctc_loss: the targets are computed, so that those that no logits can give are not found before "
            "a run; expected an input, or infeasible PT_CTC_INFEASIBLE_ZERO");
    return PT_OK;
}

static pt_status_t check_weights(const pt_graph_t *graph, const pt__node_t *node)
{
    static const pt__shape_t samples = {.rank = 1, .dimension = PT__DIMENSION_BATCH, .size = {1}};
    if (node->n_inputs <= WEIGHTS || node->inputs[WEIGHTS] == PT_NO_TENSOR)
        return PT_OK;
    PT__TRY(pt__expect_dtype(graph, node, WEIGHTS, "weights", PT_FLOAT32));
    if (!pt__shape_equal(&pt__input_of(graph, node, WEIGHTS)->shape, &samples))
        return pt__refuse(graph, node, WEIGHTS, "weights", "[PT_DIM_BATCH]");
    return pt__expect_no_gradient(graph, node, WEIGHTS, "weights");
}

static pt_status_t ctc_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    int64_t classes, blank = node->attributes.integers[BLANK], infeasible = node->attributes.integers[INFEASIBLE];
    PT__TRY(pt__expect_rows(graph, node, LOGITS, "logits", &classes));
    PT__TRY(expect_ragged(graph, node, LOGITS, "logits", 2, "[rows, classes], rows of a ragged dimension"));
    if (classes < 1 || blank < -classes || blank >= classes)
        return pt__refuse_attribute(node,
                                    "blank %lld of %lld classes, expected %lld to %lld, or -1 to -%lld from the "
                                    "last",
                                    (long long)blank, (long long)classes, 0LL, (long long)classes - 1,
                                    (long long)classes);
    if (infeasible < PT_CTC_INFEASIBLE_ERROR || infeasible > PT_CTC_INFEASIBLE_ZERO)
        return pt__refuse_attribute(node, "infeasible %lld, expected one of PT_CTC_INFEASIBLE_...",
                                    (long long)infeasible);
    PT__TRY(check_targets(graph, node));
    PT__TRY(check_weights(graph, node));
    outputs[D_LOGITS].shape = pt__input_of(graph, node, LOGITS)->shape;
    outputs[SAMPLE_LOSS].shape = (pt__shape_t){.rank = 1, .dimension = PT__DIMENSION_BATCH, .size = {1}};
    return PT_OK;
}

static pt__index_t ctc_index(const pt_graph_t *graph, const pt__node_t *node, int32_t input)
{
    (void)input;
    return (pt__index_t){
        .role = "targets", .limit = pt__input_of(graph, node, LOGITS)->shape.size[1], .ignore = INT32_MIN};
}

static int64_t blank_of(int64_t blank, int64_t classes)
{
    return blank < 0 ? blank + classes : blank;
}

/* A sample's targets against its rows. */
static pt_status_t examine_sample(int64_t sample, int64_t rows, const int32_t *targets, int64_t count, int64_t blank)
{
    int64_t needed = count;
    for (int64_t i = 0; i < count; i++) {
        if (targets[i] == blank)
            return pt__fail(PT_ERR_ARGUMENT,
                            "ctc_loss: target %lld of sample %lld of the batch is %lld, which is the "
                            "blank, expected another class",
                            (long long)i, (long long)sample, (long long)blank);
        needed += i > 0 && targets[i] == targets[i - 1];
    }
    if (needed <= rows)
        return PT_OK;
    return pt__fail(PT_ERR_ARGUMENT,
                    "ctc_loss: sample %lld of the batch has %lld rows of logits, its %lld targets need "
                    "%lld: one each, and one between equal neighbours",
                    (long long)sample, (long long)rows, (long long)count, (long long)needed);
}

static pt_status_t ctc_examine(const pt_graph_t *graph, const pt__node_t *node, const pt__run_t *run,
                               const void *const *inputs)
{
    const pt__tensor_t *logits = pt__input_of(graph, node, LOGITS), *targets = pt__input_of(graph, node, TARGETS);
    if (node->attributes.integers[INFEASIBLE] != PT_CTC_INFEASIBLE_ERROR)
        return PT_OK;
    const int32_t *values = inputs[targets->place];
    const int32_t *rows = run->offsets[logits->shape.dimension], *borders = run->offsets[targets->shape.dimension];
    int64_t blank = blank_of(node->attributes.integers[BLANK], logits->shape.size[1]);
    for (int64_t i = 0; i < run->count[PT__DIMENSION_BATCH]; i++)
        PT__TRY(examine_sample(i, rows[i + 1] - rows[i], values + borders[i], borders[i + 1] - borders[i], blank));
    return PT_OK;
}

/* Floats of scratch: two scalars, of 16 for what follows to be aligned; each sample's loss; the kernel's. */
enum { SCALARS = 16 };

static int64_t sample_floats(const pt__call_t *call)
{
    return (call->outputs[SAMPLE_LOSS].size[0] + 15) / 16 * 16;
}

static int64_t ctc_scratch(const pt__call_t *call)
{
    int64_t floats = pt__ctc_scratch(call->outputs[SAMPLE_LOSS].size[0], call->inputs[LOGITS].size[0],
                                     call->inputs[TARGETS].size[0]);
    return (SCALARS + sample_floats(call) + floats) * (int64_t)sizeof(float);
}

static void ctc_run(const pt__call_t *call, const pt__run_t *run)
{
    const pt__view_t *logits = &call->inputs[LOGITS];
    const pt__attributes_t *attributes = call->attributes;
    float *unread = call->scratch;
    pt__ctc_t ctc = {.samples = run->count[PT__DIMENSION_BATCH],
                     .classes = logits->size[1],
                     .blank = blank_of(attributes->integers[BLANK], logits->size[1]),
                     .offsets = run->offsets[logits->dimension],
                     .target_offsets = run->offsets[call->inputs[TARGETS].dimension],
                     .logits = logits->data,
                     .targets = call->inputs[TARGETS].data,
                     .weights = pt__input_data(call, WEIGHTS),
                     .by_target = !attributes->integers[WHOLE],
                     .zero_infinite = attributes->integers[INFEASIBLE] == PT_CTC_INFEASIBLE_ZERO,
                     .d_logits = call->outputs[D_LOGITS].data,
                     .scratch = unread + SCALARS + sample_floats(call)};
    ctc.loss = call->outputs[LOSS].data != NULL ? call->outputs[LOSS].data : unread;
    ctc.weight = call->outputs[SUM_OF_WEIGHTS].data != NULL ? call->outputs[SUM_OF_WEIGHTS].data : unread + 1;
    ctc.sample_loss = call->outputs[SAMPLE_LOSS].data != NULL ? call->outputs[SAMPLE_LOSS].data : unread + SCALARS;
    pt__kernels_of(run)->ctc(run->device, &ctc);
}

/* Of a sample, rows times targets: taken as if all were as long. */
static double ctc_operations(const pt__call_t *call)
{
    int64_t samples = call->outputs[SAMPLE_LOSS].size[0] > 0 ? call->outputs[SAMPLE_LOSS].size[0] : 1;
    double rows = (double)call->inputs[LOGITS].size[0], targets = (double)call->inputs[TARGETS].size[0];
    return 20.0 * rows * (double)call->inputs[LOGITS].size[1] + 300.0 * rows * (1 + targets / (double)samples);
}

#define ZERO .integers = {[BLANK] = -1, [INFEASIBLE] = PT_CTC_INFEASIBLE_ZERO}
static const pt__case_t cases[] = {
    {"f[T,5] i4[S]", {ZERO}},
    {"f[S,7] i6[T]", {ZERO}},
    {"f[S,3] i2[T] c[B]", {ZERO}},
    {"f[T,33] i32[S] m[B]", {.integers = {-1, PT_CTC_INFEASIBLE_ZERO, 1}}},
    {"f[S,9] i9[T]", {.integers = {2, PT_CTC_INFEASIBLE_ZERO}}},
    {"f[T,6] i5[S]", {.integers = {-1, PT_CTC_INFEASIBLE_ERROR, 1}}},
    {"f[T,4] i3[T]", {ZERO}},
};

static const pt__op_t ops[] = {
    {.name = "ctc_loss",
     .flags = PT__OP_LOSS,
     .min_inputs = 2,
     .max_inputs = 3,
     .n_outputs = OUTPUTS,
     .needs_gradient_of = 1u << LOGITS,
     .shape = ctc_shape,
     .index = ctc_index,
     .examine = ctc_examine,
     .run = ctc_run,
     .scratch = ctc_scratch,
     .operations = ctc_operations,
     PT__CASES(cases)},
};

PT__OP_FAMILY(op_ctc_loss, ops)
