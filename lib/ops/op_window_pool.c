/* max_pool, average_pool: each window of a picture becomes a pixel, channel by channel.
 *
 *   src [B, height, width, channels] -> dst [B, windows down, windows across, channels]
 *   src [B, length, channels]        -> dst [B, windows, channels]                       (B: any leading size)
 *
 *   Along an axis of n places with `before` and `after` of padding, windows of k places, d apart, begin every s places:
 *     windows = floor((n + before + after - (d (k - 1) + 1)) / s) + 1, with ceil for floor where the flag says so, but
 *     none begins behind src
 *   Adaptive: window i of m has the places from floor(i n / m) to ceil((i + 1) n / m).
 *   max: padding is -inf, and output 1 [like dst] is which of its window's places each maximum comes from, for the
 *   gradient: uint8, or int32 where a window may have more than 256.
 *   average: padding is 0 and counts, or does not; or the sum over `divisor`.
 *
 * Gradient (window_pool_gradient): of average d_src += d_dst / count at each place of the window; of max d_src += d_dst
 * at the first place that has it. */
#include "base/options.h"
#include "ops/op_rules.h"

/* integers: pairs of height and width, or of a length and nothing; SHAPE: window_pool_gradient's, of src */
enum { SIZE, STRIDE = 2, DILATION = 4, PADDING = 6, FLAGS = 10, DIVISOR, ADAPTIVE, REDUCE = 14, SHAPE };
enum { SRC };               /* inputs */
enum { DST, PLACES };       /* outputs; the second of a maximum alone */
enum { D_DST, G_PLACES };   /* inputs of window_pool_gradient; the second of a maximum alone */
enum { LARGEST = 1 << 20 }; /* of an attribute */
enum { BYTE = 256 };        /* places that a byte tells apart */

static const pt_pool_options_t defaults = {.struct_size = sizeof defaults, .dilation = {1, 1}};

pt_status_t pt_pool_options_init(pt_pool_options_t *options, uint32_t struct_size)
{
    pt__error_clear();
    return pt__options_init(options, struct_size, &defaults, sizeof defaults, "pt_pool_options_t");
}

static int32_t is_max(const pt__node_t *node)
{
    return node->attributes.integers[REDUCE] == PT__REDUCE_MAX;
}

/* ---- Builder calls ---- */

static pt_tensor_t build(pt_graph_t *graph, pt_tensor_t src, const pt_pool_options_t *given, pt__reduce_t reduce)
{
    static const char *const functions[] = {[PT__REDUCE_MEAN] = "pt_average_pool", [PT__REDUCE_MAX] = "pt_max_pool"};
    pt_pool_options_t options;
    if (pt__graph_ready(graph, functions[reduce]) != PT_OK)
        return PT_NO_TENSOR;
    pt_status_t status = given == NULL ? pt__fail(PT_ERR_ARGUMENT, "%s: options is NULL", functions[reduce])
                                       : pt__options_read(given, &options, sizeof options, "pt_pool_options_t");
    if (status != PT_OK)
        return pt__graph_stick(graph, status);
    pt__attributes_t attributes = {
        .integers = {[FLAGS] = options.flags, [DIVISOR] = options.divisor, [REDUCE] = reduce}};
    for (int32_t i = 0; i < 2; i++) {
        attributes.integers[SIZE + i] = options.size[i];
        attributes.integers[STRIDE + i] = options.stride[i] != 0 ? options.stride[i] : options.size[i];
        attributes.integers[DILATION + i] = options.dilation[i];
    }
    for (int32_t i = 0; i < 4; i++)
        attributes.integers[PADDING + i] = options.padding[i];
    return pt__build_unary(graph, reduce == PT__REDUCE_MAX ? "max_pool" : "average_pool", src, &attributes);
}

pt_tensor_t pt_max_pool(pt_graph_t *graph, pt_tensor_t src, const pt_pool_options_t *options)
{
    return build(graph, src, options, PT__REDUCE_MAX);
}

pt_tensor_t pt_average_pool(pt_graph_t *graph, pt_tensor_t src, const pt_pool_options_t *options)
{
    return build(graph, src, options, PT__REDUCE_MEAN);
}

pt_tensor_t pt_adaptive_max_pool(pt_graph_t *graph, pt_tensor_t src, int64_t height, int64_t width)
{
    pt__attributes_t attributes = {
        .integers = {[SIZE] = height, [SIZE + 1] = width, [ADAPTIVE] = 1, [REDUCE] = PT__REDUCE_MAX}};
    return pt__build_unary(graph, "max_pool", src, &attributes);
}

pt_tensor_t pt_adaptive_average_pool(pt_graph_t *graph, pt_tensor_t src, int64_t height, int64_t width)
{
    pt__attributes_t attributes = {
        .integers = {[SIZE] = height, [SIZE + 1] = width, [ADAPTIVE] = 1, [REDUCE] = PT__REDUCE_MEAN}};
    return pt__build_unary(graph, "average_pool", src, &attributes);
}

/* ---- Windows ---- */

static const char *const axis_names[] = {"height", "width"};

/* The axis of an attribute pair's entry; dst is yet to be found. */
static pt__window_axis_t axis_of(const int64_t *integers, int32_t axis, int64_t places)
{
    if (integers[ADAPTIVE])
        return (pt__window_axis_t){.src = places, .dst = integers[SIZE + axis]};
    return (pt__window_axis_t){.src = places,
                               .size = integers[SIZE + axis],
                               .stride = integers[STRIDE + axis],
                               .dilation = integers[DILATION + axis],
                               .before = integers[PADDING + 2 * axis],
                               .after = integers[PADDING + 2 * axis + 1]};
}

/* Of an axis that is not adaptive; below 1: not even one. */
static int64_t windows_of(const pt__window_axis_t *axis, int32_t round_up)
{
    int64_t room = axis->src + axis->before + axis->after - (axis->dilation * (axis->size - 1) + 1);
    if (room < 0)
        return 0;
    int64_t windows = (room + (round_up ? axis->stride - 1 : 0)) / axis->stride + 1;
    return (windows - 1) * axis->stride >= axis->src + axis->before ? windows - 1 : windows;
}

/* Rows and columns of the windows over a tensor of these sizes; a length is a row of columns. Attributes are valid. */
static void find_windows(const int64_t *integers, int32_t rank, const int64_t *size, pt__window_pool_t *pool)
{
    int32_t round_up = (integers[FLAGS] & PT_POOL_CEIL) != 0;
    pool->channels = size[rank - 1];
    pool->rows = (pt__window_axis_t){.src = 1, .dst = 1, .size = 1, .stride = 1, .dilation = 1};
    if (rank == 4)
        pool->rows = axis_of(integers, 0, size[1]);
    pool->columns = axis_of(integers, rank - 3, size[rank - 2]);
    if (!integers[ADAPTIVE] && rank == 4)
        pool->rows.dst = windows_of(&pool->rows, round_up);
    if (!integers[ADAPTIVE])
        pool->columns.dst = windows_of(&pool->columns, round_up);
}

/* No window of the axis has more. */
static int64_t most_places(const pt__window_axis_t *axis)
{
    return axis->size > 0 ? axis->size : axis->src / axis->dst + 2;
}

/* ---- Shapes ---- */

static pt_status_t check_adaptive(const pt__node_t *node, int32_t axes)
{
    const int64_t *integers = node->attributes.integers;
    for (int32_t i = 0; i < axes; i++)
        if (integers[SIZE + i] < 1 || integers[SIZE + i] > LARGEST)
            return pt__refuse_attribute(node, "%s %lld, expected at least 1", axis_names[i],
                                        (long long)integers[SIZE + i]);
    if (axes == 1 && integers[SIZE + 1] != 1)
        return pt__refuse_attribute(node, "width %lld, expected 1 for rows of one length",
                                    (long long)integers[SIZE + 1]);
    return PT_OK;
}

/* A pair's entry for what a length does not have. */
static pt_status_t check_unused(const pt__node_t *node)
{
    const int64_t *integers = node->attributes.integers;
    if (integers[SIZE + 1] > 1 || integers[STRIDE + 1] > 1 || integers[DILATION + 1] != 1 ||
        integers[PADDING + 2] != 0 || integers[PADDING + 3] != 0)
        return pt__refuse_attribute(node, "size, stride, dilation or padding of a width, which src does not have");
    return PT_OK;
}

static pt_status_t check_windows(const pt__node_t *node, int32_t axes)
{
    const int64_t *integers = node->attributes.integers;
    for (int32_t i = 0; i < axes; i++) {
        int64_t size = integers[SIZE + i];
        const int64_t *padding = integers + PADDING + 2 * i;
        if (size < 1 || size > LARGEST)
            return pt__refuse_attribute(node, "size[%d] %lld, expected at least 1", (int)i, (long long)size);
        if (integers[STRIDE + i] < 1 || integers[STRIDE + i] > LARGEST)
            return pt__refuse_attribute(node, "stride[%d] %lld, expected at least 1, or 0 for the window's size",
                                        (int)i, (long long)integers[STRIDE + i]);
        if (integers[DILATION + i] < 1 || integers[DILATION + i] > LARGEST ||
            (integers[DILATION + i] > 1 && !is_max(node)))
            return pt__refuse_attribute(node, "dilation[%d] %lld, expected %s", (int)i,
                                        (long long)integers[DILATION + i], is_max(node) ? "at least 1" : "1");
        for (int32_t k = 0; k < 2; k++)
            if (padding[k] < 0 || 2 * padding[k] > size)
                return pt__refuse_attribute(node, "padding[%d] %lld, expected at most half of the window's %lld",
                                            (int)(2 * i + k), (long long)padding[k], (long long)size);
    }
    return axes == 1 ? check_unused(node) : PT_OK;
}

static pt_status_t check_flags(const pt__node_t *node)
{
    const int64_t *integers = node->attributes.integers;
    int64_t known = PT_POOL_CEIL | (is_max(node) ? 0 : PT_POOL_EXCLUDE_PADDING);
    if ((integers[FLAGS] & ~known) != 0)
        return pt__refuse_attribute(node, "flags %lld, which it does not have", (long long)(integers[FLAGS] & ~known));
    if (integers[DIVISOR] < 0 || (integers[DIVISOR] > 0 && is_max(node)))
        return pt__refuse_attribute(node, "divisor %lld, expected %s", (long long)integers[DIVISOR],
                                    is_max(node) ? "0: a maximum has none" : "at least 1, or 0 for none");
    return PT_OK;
}

static pt_status_t pool_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    pt__window_pool_t pool;
    PT__TRY(pt__expect_float(graph, node, SRC, "src", 3, 4));
    const pt__shape_t *src = &pt__input_of(graph, node, SRC)->shape;
    PT__TRY(node->attributes.integers[ADAPTIVE] ? check_adaptive(node, src->rank - 2)
                                                : check_windows(node, src->rank - 2));
    PT__TRY(check_flags(node));
    find_windows(node->attributes.integers, src->rank, src->size, &pool);
    if (pool.rows.dst < 1 || pool.columns.dst < 1)
        return pt__refuse(graph, node, SRC, "src", "at least a window's %s, with its padding",
                          pool.rows.dst < 1 ? "height"
                          : src->rank == 3  ? "length"
                                            : "width");
    outputs[DST].shape = pt__shape_with_sizes(src, pool.rows.dst, pool.columns.dst);
    if (is_max(node)) {
        outputs[PLACES].shape = outputs[DST].shape;
        outputs[PLACES].dtype = most_places(&pool.rows) * most_places(&pool.columns) > BYTE ? PT_INT32 : PT_UINT8;
    }
    return PT_OK;
}

static pt_status_t gradient_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    (void)graph;
    outputs[0].shape = pt__attributes_get_shape(&node->attributes, SHAPE);
    return PT_OK;
}

static pt_status_t pool_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                 const int32_t *wanted, pt_tensor_t *d_inputs)
{
    (void)wanted;
    pt_tensor_t inputs[] = {[D_DST] = d_outputs[DST], [G_PLACES] = is_max(node) ? node->outputs[PLACES] : PT_NO_TENSOR};
    pt__attributes_t attributes = node->attributes;
    pt__attributes_put_shape(&attributes, SHAPE, &pt__input_of(graph, node, SRC)->shape);
    d_inputs[SRC] = pt__build(graph, "window_pool_gradient", G_PLACES + 1, inputs, &attributes);
    return graph->status;
}

/* Padding is at most half of a window: without dilation it has a place that is there. */
static int32_t max_keeps_order(const pt__node_t *node)
{
    return node->attributes.integers[DILATION] <= 1 && node->attributes.integers[DILATION + 1] <= 1;
}

/* ---- Kernel calls ---- */

static pt__window_pool_t describe(const pt__call_t *call, const pt__view_t *src)
{
    const int64_t *integers = call->attributes->integers;
    pt__window_pool_t pool = {.reduce = (pt__reduce_t)integers[REDUCE],
                              .without_padding = (integers[FLAGS] & PT_POOL_EXCLUDE_PADDING) != 0,
                              .divisor = integers[DIVISOR],
                              .pictures = src->size[0]};
    find_windows(integers, src->rank, src->size, &pool);
    return pool;
}

static void keep_places(pt__window_pool_t *pool, const pt__view_t *places)
{
    pool->places = places->data;
    pool->wide_places = places->dtype == PT_INT32;
}

static void pool_run(const pt__call_t *call, const pt__run_t *run)
{
    pt__window_pool_t pool = describe(call, &call->inputs[SRC]);
    pool.src = call->inputs[SRC].data;
    pool.dst = call->outputs[DST].data;
    if (call->n_outputs > PLACES)
        keep_places(&pool, &call->outputs[PLACES]);
    pt__kernels_of(run)->window_pool(run->device, &pool);
}

static void gradient_run(const pt__call_t *call, const pt__run_t *run)
{
    pt__window_pool_gradient_t gradient = {
        .pool = describe(call, &call->outputs[0]), .d_dst = call->inputs[D_DST].data, .d_src = call->outputs[0].data};
    if (call->n_inputs > G_PLACES)
        keep_places(&gradient.pool, &call->inputs[G_PLACES]);
    pt__kernels_of(run)->window_pool_gradient(run->device, &gradient);
}

static double pool_operations(const pt__call_t *call)
{
    const int64_t *integers = call->attributes->integers;
    if (integers[ADAPTIVE])
        return (double)pt__view_elements(&call->inputs[SRC]);
    double window = (double)integers[SIZE] * (double)(call->outputs[0].rank == 4 ? integers[SIZE + 1] : 1);
    return window * (double)pt__view_elements(&call->outputs[0]);
}

#define WINDOWS(size, stride, dilation, top, bottom, left, right, flags, divisor, reduce)              \
    {                                                                                                  \
        .integers = { size, stride, dilation, top, bottom, left, right, flags, divisor, 0, 0, reduce } \
    }
#define BOTH(a, b) a, b
#define ADAPTED(height, width, reduce)                                   \
    {                                                                    \
        .integers = { height, width, [ADAPTIVE] = 1, [REDUCE] = reduce } \
    }
#define MAX  PT__REDUCE_MAX
#define MEAN PT__REDUCE_MEAN

static const pt__case_t max_cases[] = {
    {"f[B,6,5,3]", WINDOWS(BOTH(2, 2), BOTH(2, 2), BOTH(1, 1), 0, 0, 0, 0, 0, 0, MAX)},
    {"f[B,5,6,37]", WINDOWS(BOTH(3, 2), BOTH(2, 1), BOTH(1, 1), 1, 0, 0, 1, 0, 0, MAX)},
    {"f[2,7,8,9]", WINDOWS(BOTH(2, 3), BOTH(1, 2), BOTH(3, 2), 1, 1, 1, 1, PT_POOL_CEIL, 0, MAX)},
    {"f[1,2,3,260]", WINDOWS(BOTH(2, 2), BOTH(3, 3), BOTH(1, 1), 0, 1, 1, 0, PT_POOL_CEIL, 0, MAX)},
    {"f[T,9,5]", WINDOWS(BOTH(3, 1), BOTH(2, 1), BOTH(1, 1), 1, 1, 0, 0, 0, 0, MAX)},
    {"f[2B,5,4]", WINDOWS(BOTH(2, 1), BOTH(2, 1), BOTH(2, 1), 1, 0, 0, 0, PT_POOL_CEIL, 0, MAX)},
    {"f[3,36,35,9]", WINDOWS(BOTH(3, 3), BOTH(2, 2), BOTH(1, 1), 1, 1, 1, 1, 0, 0, MAX)},
    {"f[B,5,7,4]", ADAPTED(3, 2, MAX)},
    {"f[B,5,3]", ADAPTED(7, 1, MAX)},
    {"f[2,19,18,9]", WINDOWS(BOTH(17, 17), BOTH(2, 1), BOTH(1, 1), 1, 0, 0, 0, 0, 0, MAX)}, /* more than a byte tells */
};

static const pt__case_t average_cases[] = {
    {"f[B,6,5,3]", WINDOWS(BOTH(2, 2), BOTH(2, 2), BOTH(1, 1), 0, 0, 0, 0, 0, 0, MEAN)},
    {"f[B,5,6,37]", WINDOWS(BOTH(3, 2), BOTH(2, 1), BOTH(1, 1), 1, 0, 0, 1, 0, 0, MEAN)},
    {"f[2,7,8,9]", WINDOWS(BOTH(2, 3), BOTH(2, 2), BOTH(1, 1), 1, 1, 1, 1, PT_POOL_CEIL, 0, MEAN)},
    {"f[2,7,8,9]",
     WINDOWS(BOTH(2, 3), BOTH(2, 2), BOTH(1, 1), 1, 1, 1, 1, PT_POOL_CEIL | PT_POOL_EXCLUDE_PADDING, 0, MEAN)},
    {"f[1,3,2,260]", WINDOWS(BOTH(2, 2), BOTH(3, 3), BOTH(1, 1), 0, 0, 0, 0, 0, 3, MEAN)},
    {"f[T,9,5]", WINDOWS(BOTH(3, 1), BOTH(2, 1), BOTH(1, 1), 1, 1, 0, 0, PT_POOL_EXCLUDE_PADDING, 0, MEAN)},
    {"f[B,5,7,4]", ADAPTED(3, 2, MEAN)},
    {"f[B,7,7,40]", ADAPTED(1, 1, MEAN)},
    {"f[B,5,3]", ADAPTED(7, 1, MEAN)},
};

#define POOL                                                                                                        \
    .flags = PT__OP_ROWWISE, .min_inputs = 1, .max_inputs = 1, .needs_gradient_of = 1u << SRC, .shape = pool_shape, \
    .gradient = pool_gradient, .run = pool_run, .operations = pool_operations

static const pt__op_t ops[] = {
    {.name = "max_pool", .n_outputs = PLACES + 1, .keeps_order = max_keeps_order, POOL, PT__CASES(max_cases)},
    {.name = "average_pool", .n_outputs = DST + 1, POOL, PT__CASES(average_cases)},
    {.name = "window_pool_gradient",
     .flags = PT__OP_INTERNAL,
     .min_inputs = 1,
     .max_inputs = G_PLACES + 1,
     .n_outputs = 1,
     .shape = gradient_shape,
     .run = gradient_run},
};

PT__OP_FAMILY(op_window_pool, ops)
