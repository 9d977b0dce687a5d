/* pad, upsample: pictures of another size, whose pixels are the source's, or blends of them.
 *
 *   src [B, height, width, C] -> dst [B, height', width', C], or src [B, length, C] -> [B, length', C]; B: any leading
 *   size
 *   pad: so many pixels before and behind are added, or where negative taken off; place i is the source's place
 *     i - before; beyond its ends a constant's, the mirrored place's, the nearest one's, or the opposite end's
 *   upsample: nearest: place floor(i n / m), of n places becoming m; bilinear: the two nearest to
 *     (i + 1/2) n / m - 1/2, or where corners meet to i (n - 1) / (m - 1), in proportion; as PyTorch's interpolate
 *
 * Gradient (pixels_gradient): d_src += share · d_dst for each of the places that dst is made of. */
#include <math.h>

#include "base/number.h"
#include "ops/op_rules.h"

/* integers: KIND a pt__pixels_kind_t; SIZES what the result has, or what padding adds: top, bottom, left, right, of a
 * length before, behind; SHAPE: pixels_gradient's, of src */
enum { KIND, SIZES, SHAPE = 5 };
enum { VALUE }; /* reals */
enum { LARGEST = 1 << 20 };

static int32_t pads(const pt__attributes_t *attributes)
{
    return attributes->integers[KIND] <= PT__PIXELS_CIRCULAR;
}

/* ---- Builder calls ---- */

pt_tensor_t pt_upsample(pt_graph_t *graph, pt_tensor_t src, int64_t height, int64_t width, int32_t mode)
{
    static const pt__pixels_kind_t kinds[] = {[PT_UPSAMPLE_NEAREST] = PT__PIXELS_NEAREST,
                                              [PT_UPSAMPLE_BILINEAR] = PT__PIXELS_LINEAR,
                                              [PT_UPSAMPLE_BILINEAR_CORNERS] = PT__PIXELS_LINEAR_CORNERS};
    int32_t known = mode >= PT_UPSAMPLE_NEAREST && mode <= PT_UPSAMPLE_BILINEAR_CORNERS;
    pt__attributes_t attributes = {
        .integers = {[KIND] = known ? (int64_t)kinds[mode] : PT__PIXELS_KINDS, [SIZES] = height, [SIZES + 1] = width}};
    return pt__build_unary(graph, "upsample", src, &attributes);
}

pt_tensor_t pt_pad(pt_graph_t *graph, pt_tensor_t src, const int64_t padding[4], int32_t mode, double value)
{
    static const pt__pixels_kind_t kinds[] = {[PT_PAD_CONSTANT] = PT__PIXELS_CONSTANT,
                                              [PT_PAD_REFLECT] = PT__PIXELS_REFLECT,
                                              [PT_PAD_REPLICATE] = PT__PIXELS_REPLICATE,
                                              [PT_PAD_CIRCULAR] = PT__PIXELS_CIRCULAR};
    int32_t known = mode >= PT_PAD_CONSTANT && mode <= PT_PAD_CIRCULAR;
    pt__attributes_t attributes = {.integers = {[KIND] = known ? (int64_t)kinds[mode] : PT__PIXELS_KINDS},
                                   .reals = {[VALUE] = value}};
    if (pt__graph_ready(graph, "pt_pad") != PT_OK)
        return PT_NO_TENSOR;
    if (padding == NULL)
        return pt__graph_fail(graph, PT_ERR_ARGUMENT, "pt_pad: padding is NULL");
    for (int32_t i = 0; i < 4; i++)
        attributes.integers[SIZES + i] = padding[i];
    return pt__build_unary(graph, "pad", src, &attributes);
}

/* ---- Shapes ---- */

/* The axes of a source of these sizes; a length is a row of columns. */
static void find_axes(const pt__attributes_t *attributes, int32_t rank, const int64_t *size, pt__pixels_t *pixels)
{
    const int64_t *given = attributes->integers + SIZES;
    pixels->kind = (pt__pixels_kind_t)attributes->integers[KIND];
    pixels->value = (float)attributes->reals[VALUE];
    pixels->channels = size[rank - 1];
    pixels->rows = (pt__pixel_axis_t){.src = 1, .dst = 1};
    for (int32_t i = 0; i < rank - 2; i++) {
        pt__pixel_axis_t *axis = i == rank - 3 ? &pixels->columns : &pixels->rows;
        *axis = (pt__pixel_axis_t){.src = size[1 + i], .dst = given[i]};
        if (pads(attributes)) {
            axis->before = given[2 * i];
            axis->dst = size[1 + i] + given[2 * i] + given[2 * i + 1];
        }
    }
}

/* How far beyond its ends an axis of a picture may be continued. */
static int64_t reach_of(int64_t kind, int64_t places)
{
    if (kind == PT__PIXELS_REFLECT)
        return places - 1;
    return kind == PT__PIXELS_CIRCULAR ? places : LARGEST;
}

static pt_status_t check_padding(const pt__node_t *node, const pt__shape_t *src)
{
    const int64_t *integers = node->attributes.integers, *padding = integers + SIZES;
    for (int32_t i = 0; i < 4; i++) {
        int64_t places = i / 2 < src->rank - 2 ? src->size[1 + i / 2] : 0;
        int64_t most = places > 0 ? reach_of(integers[KIND], places) : 0;
        if (padding[i] > most || (padding[i] < 0 && -padding[i] >= places))
            return pt__refuse_attribute(node, "padding[%d] %lld, expected at most %lld, and pixels that are left",
                                        (int)i, (long long)padding[i], (long long)most);
    }
    for (int32_t i = 0; i < src->rank - 2; i++)
        if (src->size[1 + i] + padding[2 * i] + padding[2 * i + 1] < 1)
            return pt__refuse_attribute(node, "padding[%d] and padding[%d] leave no pixel of %lld", (int)(2 * i),
                                        (int)(2 * i + 1), (long long)src->size[1 + i]);
    return PT_OK;
}

static pt_status_t check_sizes(const pt__node_t *node, const pt__shape_t *src)
{
    const int64_t *size = node->attributes.integers + SIZES;
    if (size[0] < 1 || size[0] > LARGEST)
        return pt__refuse_attribute(node, "height %lld, expected at least 1", (long long)size[0]);
    if (size[1] < 1 || size[1] > LARGEST || (src->rank == 3 && size[1] != 1))
        return pt__refuse_attribute(node, "width %lld, expected %s", (long long)size[1],
                                    src->rank == 3 ? "1 for rows of one length" : "at least 1");
    return PT_OK;
}

static pt_status_t pixels_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    pt__pixels_t pixels;
    int64_t kind = node->attributes.integers[KIND];
    if (kind < 0 || kind >= PT__PIXELS_KINDS)
        return pt__refuse_attribute(node, "mode is none of PT_PAD_... or PT_UPSAMPLE_...");
    if (!isfinite((float)node->attributes.reals[VALUE]) && isfinite(node->attributes.reals[VALUE]))
        return pt__refuse_attribute(node, "value %g is out of range", node->attributes.reals[VALUE]);
    PT__TRY(pt__expect_float(graph, node, 0, "src", 3, 4));
    const pt__shape_t *src = &pt__input_of(graph, node, 0)->shape;
    PT__TRY(pads(&node->attributes) ? check_padding(node, src) : check_sizes(node, src));
    find_axes(&node->attributes, src->rank, src->size, &pixels);
    outputs[0].shape = pt__shape_with_sizes(src, pixels.rows.dst, pixels.columns.dst);
    return PT_OK;
}

static pt_status_t gradient_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    (void)graph;
    outputs[0].shape = pt__attributes_get_shape(&node->attributes, SHAPE);
    return PT_OK;
}

static pt_status_t pixels_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                   const int32_t *wanted, pt_tensor_t *d_inputs)
{
    (void)wanted;
    pt__attributes_t attributes = node->attributes;
    pt__attributes_put_shape(&attributes, SHAPE, &pt__input_of(graph, node, 0)->shape);
    d_inputs[0] = pt__build_unary(graph, "pixels_gradient", d_outputs[0], &attributes);
    return graph->status;
}

/* ---- Kernel calls ---- */

static void pixels_run(const pt__call_t *call, const pt__run_t *run)
{
    const pt__view_t *src = &call->inputs[0];
    pt__pixels_t pixels = {.pictures = src->size[0], .src = src->data, .dst = call->outputs[0].data};
    find_axes(call->attributes, src->rank, src->size, &pixels);
    pt__kernels_of(run)->pixels(run->device, &pixels);
}

static void gradient_run(const pt__call_t *call, const pt__run_t *run)
{
    const pt__view_t *src = &call->outputs[0];
    pt__pixels_t pixels = {.pictures = src->size[0]};
    find_axes(call->attributes, src->rank, src->size, &pixels);
    pt__kernels_of(run)->pixels_gradient(run->device, &pixels, call->inputs[0].data, src->data);
}

static double upsample_operations(const pt__call_t *call)
{
    return 7.0 * (double)pt__view_elements(&call->outputs[0]);
}

#define PADDED(kind, top, bottom, left, right, number)                    \
    {                                                                     \
        .integers = {kind, top, bottom, left, right}, .reals = { number } \
    }
#define SIZED(kind, height, width)          \
    {                                       \
        .integers = { kind, height, width } \
    }

static const pt__case_t pad_cases[] = {
    {"f[B,3,4,5]", PADDED(PT__PIXELS_CONSTANT, 1, 2, 3, 0, 0.5)},
    {"f[B,3,4,5]", PADDED(PT__PIXELS_CONSTANT, -1, 2, 3, -2, 0)},
    {"f[B,3,4,9]", PADDED(PT__PIXELS_REFLECT, 2, 1, 0, 3, 0)},
    {"f[B,3,4,5]", PADDED(PT__PIXELS_REPLICATE, 1, 4, -1, 2, 0)},
    {"f[B,3,4,5]", PADDED(PT__PIXELS_CIRCULAR, 3, 1, 0, 4, 0)},
    {"f[B,4,5,2]", PADDED(PT__PIXELS_CIRCULAR, -2, 1, 1, -1, 0)},
    {"f[T,4,3]", PADDED(PT__PIXELS_REFLECT, 3, 1, 0, 0, 0)},
};

static const pt__case_t upsample_cases[] = {
    {"f[B,3,4,5]", SIZED(PT__PIXELS_NEAREST, 6, 8)},        {"f[B,5,3,33]", SIZED(PT__PIXELS_NEAREST, 7, 2)},
    {"f[B,3,4,5]", SIZED(PT__PIXELS_LINEAR, 6, 8)},         {"f[B,5,3,33]", SIZED(PT__PIXELS_LINEAR, 3, 7)},
    {"f[B,3,4,5]", SIZED(PT__PIXELS_LINEAR_CORNERS, 6, 1)}, {"f[B,1,3,5]", SIZED(PT__PIXELS_LINEAR_CORNERS, 2, 3)},
    {"f[2T,4,3]", SIZED(PT__PIXELS_LINEAR, 9, 1)},          {"f[2,10,20,40]", SIZED(PT__PIXELS_LINEAR, 20, 25)},
};

#define PIXELS                                                                                          \
    .flags = PT__OP_ROWWISE, .min_inputs = 1, .max_inputs = 1, .n_outputs = 1, .needs_gradient_of = 1u, \
    .shape = pixels_shape, .gradient = pixels_gradient, .run = pixels_run

static const pt__op_t ops[] = {
    {.name = "pad", PIXELS, PT__CASES(pad_cases)},
    {.name = "upsample", PIXELS, .operations = upsample_operations, PT__CASES(upsample_cases)},
    {.name = "pixels_gradient",
     .flags = PT__OP_INTERNAL,
     .min_inputs = 1,
     .max_inputs = 1,
     .n_outputs = 1,
     .shape = gradient_shape,
     .run = gradient_run},
};

PT__OP_FAMILY(op_pixels, ops)
