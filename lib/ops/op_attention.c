/* attention: for every head, within each sample: dst = dropout(softmax(scale · q kᵀ)) v
 * (Vaswani 2017), in tiles (Dao 2022)
 *
 *   q [queries, H·W], k [keys, G·W], v [keys, G·U], G key heads, a divisor of H -> dst [queries, H·U]; output 1:
 *   log_sum [queries, H], the logarithm of each softmax' denominator
 *   attention_packed takes q, k and v side by side: [..., (H + 2G)·W]
 *   key_mask: float32, one element a key: a key whose value is 0 is not attended to
 *   causal: query i sees the keys j <= i + offset of its sample; offset 0, or keys - queries where aligned to the last
 *   key; with a window, of these only the last so many
 *   dropout: while training, probabilities are multiplied by 1/(1 - dropout) or by 0, after the softmax; see kernels.h
 *   Leading sizes: ragged rows, with samples by the run's offsets, or [N, T] with samples of T rows; queries and keys
 *   may be either, where they have the same samples.
 *
 * Gradient (attention_gradient, attention_packed_gradient), with p = exp(scale · q kᵀ - log_sum) recomputed in tiles,
 * m what dropout multiplies with, drawn anew, and g = d_dst:
 *   d_v = (m p)ᵀ g     d_s = p · (m g vᵀ - Σ_U g · dst)     d_q = scale · d_s k     d_k = scale · d_sᵀ q */
#include <math.h>

#include "base/options.h"
#include "base/number.h"
#include "ops/attention_places.h"
#include "ops/op_rules.h"

enum { Q, K, V, MASK };                         /* inputs of attention */
enum { G_DST = 3, G_LOG_SUM, G_D_DST, G_MASK }; /* of attention_gradient, after Q, K, V */
enum { QKV, PACKED_MASK };                      /* of attention_packed */
enum { P_DST = 1, P_LOG_SUM, P_D_DST, P_MASK }; /* of attention_packed_gradient, after QKV */

#define ALL_FLAGS (PT_ATTENTION_CAUSAL | PT_ATTENTION_ALIGN_LAST | PT_ATTENTION_SCALE)

static const pt_attention_options_t defaults = {.struct_size = sizeof defaults, .key_mask = PT_NO_TENSOR};

pt_status_t pt_attention_options_init(pt_attention_options_t *options, uint32_t struct_size)
{
    pt__error_clear();
    return pt__options_init(options, struct_size, &defaults, sizeof defaults, "pt_attention_options_t");
}

/* Reads the options into attributes and *mask; an error sticks to the graph. 0: failed. */
static int32_t read_options(pt_graph_t *graph, const pt_attention_options_t *given, pt_tensor_t key,
                            pt__attributes_t *attributes, pt_tensor_t *mask)
{
    pt_attention_options_t options = defaults;
    if (graph == NULL || graph->status != PT_OK)
        return 1; /* pt__build tells */
    const pt__tensor_t *keys = pt__graph_tensor(graph, key);
    pt_status_t status = given == NULL
                             ? pt__fail(PT_ERR_ARGUMENT, "attention: options is NULL, expected the number of heads")
                             : pt__options_read(given, &options, sizeof options, "pt_attention_options_t");
    if (status == PT_OK && (options.flags & ~(uint32_t)ALL_FLAGS) != 0)
        status = pt__fail(PT_ERR_ARGUMENT, "attention: flags are 0x%lx, expected PT_ATTENTION_... or 0",
                          (unsigned long)options.flags);
    if (status != PT_OK) {
        pt__graph_stick(graph, status);
        return 0;
    }
    attributes->integers[HEADS] = options.heads;
    attributes->integers[KV_HEADS] = options.kv_heads != 0 ? options.kv_heads : options.heads;
    attributes->integers[FLAGS] = options.flags;
    attributes->integers[WINDOW] = options.window;
    attributes->integers[NUMBER] = options.dropout > 0 ? pt__graph_draw(graph) : 0;
    attributes->integers[LENGTH_LIMIT] = keys != NULL && pt__shape_is_ragged(&keys->shape)
                                             ? graph->length_limit[keys->shape.dimension]
                                             : 0;
    attributes->reals[SCALE] = options.scale;
    attributes->reals[DROPOUT] = options.dropout;
    *mask = options.key_mask;
    return 1;
}

pt_tensor_t pt_attention(pt_graph_t *graph, pt_tensor_t query, pt_tensor_t key, pt_tensor_t value,
                         const pt_attention_options_t *options)
{
    pt__attributes_t attributes = {.reals = {0}};
    pt_tensor_t inputs[] = {query, key, value, PT_NO_TENSOR};
    return read_options(graph, options, key, &attributes, &inputs[MASK])
               ? pt__build(graph, "attention", MASK + 1, inputs, &attributes)
               : PT_NO_TENSOR;
}

pt_tensor_t pt_attention_packed(pt_graph_t *graph, pt_tensor_t qkv, const pt_attention_options_t *options)
{
    pt__attributes_t attributes = {.reals = {0}};
    pt_tensor_t inputs[] = {qkv, PT_NO_TENSOR};
    return read_options(graph, options, qkv, &attributes, &inputs[PACKED_MASK])
               ? pt__build(graph, "attention_packed", PACKED_MASK + 1, inputs, &attributes)
               : PT_NO_TENSOR;
}

static pt_status_t check_attributes(const pt__node_t *node)
{
    const int64_t *integers = node->attributes.integers;
    if (integers[HEADS] < 1)
        return pt__refuse_attribute(node, "%lld heads, expected at least 1", (long long)integers[HEADS]);
    if (integers[KV_HEADS] < 1 || integers[HEADS] % integers[KV_HEADS] != 0)
        return pt__refuse_attribute(node, "%lld kv_heads, expected a divisor of the %lld heads",
                                    (long long)integers[KV_HEADS], (long long)integers[HEADS]);
    double scale = node->attributes.reals[SCALE], dropout = node->attributes.reals[DROPOUT];
    if (!isfinite(scale) || (scale < 0 && !(integers[FLAGS] & PT_ATTENTION_SCALE)))
        return pt__refuse_attribute(node, "scale %g, expected a number, of at least 0 without PT_ATTENTION_SCALE",
                                    pt__number_shown(scale));
    if (integers[WINDOW] < 0)
        return pt__refuse_attribute(node, "window %lld, expected at least 1, or 0 for none",
                                    (long long)integers[WINDOW]);
    int32_t placed = integers[WINDOW] > 0 || (integers[FLAGS] & PT_ATTENTION_ALIGN_LAST);
    if (placed && !(integers[FLAGS] & PT_ATTENTION_CAUSAL))
        return pt__refuse_attribute(node, "%s without PT_ATTENTION_CAUSAL",
                                    integers[WINDOW] > 0 ? "a window" : "PT_ATTENTION_ALIGN_LAST");
    if (!(dropout >= 0 && (float)dropout < 1))
        return pt__refuse_attribute(node, "dropout %g, expected a number in [0, 1)", pt__number_shown(dropout));
    return PT_OK;
}

/* The leading sizes are those of whole samples. */
static pt_status_t check_rows(const pt_graph_t *graph, const pt__node_t *node, int32_t input, const char *role)
{
    PT__TRY(pt__expect_float(graph, node, input, role, 2, 3));
    const pt__shape_t *shape = &pt__input_of(graph, node, input)->shape;
    int32_t ragged = pt__shape_is_ragged(shape);
    if (shape->rank == 2 ? !ragged || shape->size[0] != 1 : ragged)
        return pt__refuse(graph, node, input, role,
                          "[PT_DIM_TOKENS, C] or another dimension of rows, or [PT_DIM_BATCH, T, C]");
    return PT_OK;
}

/* How many samples there are: a symbolic size, or a fixed one. */
static pt__shape_t samples_of(const pt__shape_t *rows)
{
    int32_t ragged = pt__shape_is_ragged(rows);
    return pt__shape_make(ragged ? PT__DIMENSION_BATCH : rows->dimension, 1, ragged ? (int64_t[]){1} : rows->size);
}

/* One element a row of `like`: its shape without the last dimension, or with size 1 there. */
static pt_status_t check_mask(const pt_graph_t *graph, const pt__node_t *node, int32_t input, const pt__shape_t *like)
{
    const pt__tensor_t *mask = pt__input_of(graph, node, input);
    if (mask == NULL)
        return PT_OK;
    PT__TRY(pt__expect_dtype(graph, node, input, "key_mask", PT_FLOAT32));
    pt__shape_t rows = pt__shape_without_last(like), column = pt__shape_with_last(like, 1);
    if (!pt__shape_equal(&mask->shape, &rows) && !pt__shape_equal(&mask->shape, &column))
        return pt__refuse(graph, node, input, "key_mask", "one element a row");
    return pt__expect_no_gradient(graph, node, input, "key_mask");
}

/* The last size is that of so many heads. */
static pt_status_t check_width(const pt_graph_t *graph, const pt__node_t *node, int32_t input, const char *role,
                               int64_t heads)
{
    const pt__shape_t *shape = &pt__input_of(graph, node, input)->shape;
    int64_t size = shape->size[shape->rank - 1];
    if (size % heads != 0 || size / heads > 256)
        return pt__refuse(graph, node, input, role, "%lld heads of equal widths up to 256 side by side",
                          (long long)heads);
    return PT_OK;
}

static pt_status_t attention_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    static const char *const roles[] = {"query", "key", "value"};
    PT__TRY(check_attributes(node));
    int64_t heads = node->attributes.integers[HEADS], kv_heads = node->attributes.integers[KV_HEADS];
    for (int32_t i = Q; i <= V; i++) {
        PT__TRY(check_rows(graph, node, i, roles[i]));
        PT__TRY(check_width(graph, node, i, roles[i], i == Q ? heads : kv_heads));
    }
    const pt__shape_t *q = &pt__input_of(graph, node, Q)->shape, *k = &pt__input_of(graph, node, K)->shape;
    const pt__shape_t *v = &pt__input_of(graph, node, V)->shape;
    pt__shape_t q_samples = samples_of(q), k_samples = samples_of(k);
    if (!pt__shape_equal(&q_samples, &k_samples))
        return pt__refuse(graph, node, K, roles[K], "as many samples as query has");
    if (k->size[k->rank - 1] / kv_heads != q->size[q->rank - 1] / heads)
        return pt__refuse(graph, node, K, roles[K], "%lld heads of query's width", (long long)kv_heads);
    pt__shape_t v_like_k = pt__shape_with_last(v, k->size[k->rank - 1]);
    if (!pt__shape_equal(&v_like_k, k))
        return pt__refuse(graph, node, V, roles[V], "the rows of key");
    PT__TRY(check_mask(graph, node, MASK, k));
    outputs[0].shape = pt__shape_with_last(q, v->size[v->rank - 1] / kv_heads * heads);
    outputs[1].shape = pt__shape_with_last(q, heads);
    return PT_OK;
}

static pt_status_t packed_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    PT__TRY(check_attributes(node));
    PT__TRY(check_rows(graph, node, QKV, "qkv"));
    int64_t heads = node->attributes.integers[HEADS], all = heads + 2 * node->attributes.integers[KV_HEADS];
    PT__TRY(check_width(graph, node, QKV, "qkv", all));
    const pt__shape_t *qkv = &pt__input_of(graph, node, QKV)->shape;
    PT__TRY(check_mask(graph, node, PACKED_MASK, qkv));
    outputs[0].shape = pt__shape_with_last(qkv, qkv->size[qkv->rank - 1] / all * heads);
    outputs[1].shape = pt__shape_with_last(qkv, heads);
    return PT_OK;
}

/* Attention within samples whose earlier rows are kept; `packed`: q, k and v lie side by side. */
static pt_tensor_t make_incremental(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *inputs,
                                    pt__increment_t *increment, int32_t packed)
{
    const int64_t *integers = node->attributes.integers;
    const pt__shape_t *q = &graph->tensors[inputs[Q]].shape;
    int32_t mask = packed ? PACKED_MASK : MASK;
    if (!(integers[FLAGS] & PT_ATTENTION_CAUSAL) || (node->n_inputs > mask && inputs[mask] != PT_NO_TENSOR))
        return PT_NO_TENSOR;
    for (int32_t i = Q; i <= (packed ? Q : V); i++) /* keys are the samples' own rows, not others' */
        if (graph->tensors[inputs[i]].shape.rank != 2 ||
            graph->tensors[inputs[i]].shape.dimension != PT__DIMENSION_TOKENS)
            return PT_NO_TENSOR;
    int64_t width = q->size[1] / (integers[HEADS] + (packed ? 2 * integers[KV_HEADS] : 0));
    int64_t keys = integers[KV_HEADS] * width, values = packed ? keys : graph->tensors[inputs[V]].shape.size[1];
    pt_tensor_t operands[] = {pt__increment_state(graph, increment, keys),
                              pt__increment_state(graph, increment, values),
                              increment->first,
                              increment->past,
                              inputs[Q],
                              packed ? PT_NO_TENSOR : inputs[K],
                              packed ? PT_NO_TENSOR : inputs[V]};
    return pt__build(graph, "attention_cached", packed ? 5 : 7, operands, &node->attributes);
}

static pt_tensor_t attention_incremental(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *inputs,
                                         pt__increment_t *increment)
{
    return make_incremental(graph, node, inputs, increment, 0);
}

static pt_tensor_t packed_incremental(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *inputs,
                                      pt__increment_t *increment)
{
    return make_incremental(graph, node, inputs, increment, 1);
}

/* Every query sees all keys of its sample. */
static int32_t attention_can_choose(const pt__node_t *node)
{
    return !(node->attributes.integers[FLAGS] & PT_ATTENTION_CAUSAL);
}

static pt_tensor_t attention_choose(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *inputs)
{
    const pt__shape_t *rows = &graph->tensors[inputs[Q]].shape;
    const int64_t width = rows->size[1];
    if (rows->dimension != PT__DIMENSION_BATCH)
        return pt__build(graph, "attention", node->n_inputs, inputs, &node->attributes);
    const pt_tensor_t query = pt_reshape(graph, inputs[Q], 3, (int64_t[]){PT_DIM_BATCH, 1, width});
    pt_tensor_t operands[] = {query, inputs[K], inputs[V], node->n_inputs > MASK ? inputs[MASK] : PT_NO_TENSOR};
    const pt_tensor_t dst = pt__build(graph, "attention", MASK + 1, operands, &node->attributes);
    return pt_reshape(graph, dst, 2, (int64_t[]){PT_DIM_BATCH, -1});
}

static pt_status_t attention_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                      const int32_t *wanted, pt_tensor_t *d_inputs)
{
    pt_tensor_t inputs[] = {node->inputs[Q],
                            node->inputs[K],
                            node->inputs[V],
                            node->outputs[0],
                            node->outputs[1],
                            d_outputs[0],
                            node->n_inputs > MASK ? node->inputs[MASK] : PT_NO_TENSOR};
    pt_tensor_t first = pt__build(graph, "attention_gradient", G_MASK + 1, inputs, &node->attributes);
    for (int32_t i = Q; i <= V; i++)
        if (wanted[i])
            d_inputs[i] = pt__build_output(first, i);
    return graph->status;
}

static pt_status_t packed_gradient(pt_graph_t *graph, const pt__node_t *node, const pt_tensor_t *d_outputs,
                                   const int32_t *wanted, pt_tensor_t *d_inputs)
{
    (void)wanted;
    pt_tensor_t inputs[] = {node->inputs[QKV], node->outputs[0], node->outputs[1], d_outputs[0],
                            node->n_inputs > PACKED_MASK ? node->inputs[PACKED_MASK] : PT_NO_TENSOR};
    d_inputs[QKV] = pt__build(graph, "attention_packed_gradient", P_MASK + 1, inputs, &node->attributes);
    return graph->status;
}

/* What all four have in common: samples, heads, what is seen, dropout. `q` and `k` may be qkv. */
static pt__attention_t describe(const pt__call_t *call, const pt__run_t *run, const pt__view_t *q, const pt__view_t *k,
                                int64_t width, int32_t mask)
{
    const int64_t *integers = call->attributes->integers;
    double scale = call->attributes->reals[SCALE];
    if (scale == 0 && !(integers[FLAGS] & PT_ATTENTION_SCALE))
        scale = 1 / sqrt((double)width);
    pt__attention_t attention = {.samples = q->rank == 3 ? q->size[0] : run->count[PT__DIMENSION_BATCH],
                                 .offsets = q->rank == 3 ? NULL : run->offsets[q->dimension],
                                 .length = q->rank == 3 ? q->size[1] : 0,
                                 .key_offsets = k->rank == 3 ? NULL : run->offsets[k->dimension],
                                 .key_length = k->rank == 3 ? k->size[1] : 0,
                                 .heads = integers[HEADS],
                                 .kv_heads = integers[KV_HEADS],
                                 .width = width,
                                 .value_width = width,
                                 .scale = (float)scale,
                                 .causal = (integers[FLAGS] & PT_ATTENTION_CAUSAL) != 0,
                                 .align_last = (integers[FLAGS] & PT_ATTENTION_ALIGN_LAST) != 0,
                                 .window = integers[WINDOW],
                                 .key_mask = pt__input_data(call, mask)};
    if (run->training) {
        attention.dropout = (float)call->attributes->reals[DROPOUT];
        attention.random_key = pt__dropout_key(run, integers[NUMBER]);
    }
    return attention;
}

/* Operands of their own. */
static pt__attention_t describe_apart(const pt__call_t *call, const pt__run_t *run, int32_t mask)
{
    const pt__view_t *q = &call->inputs[Q], *k = &call->inputs[K], *v = &call->inputs[V];
    int64_t heads = call->attributes->integers[HEADS], kv_heads = call->attributes->integers[KV_HEADS];
    pt__attention_t attention = describe(call, run, q, k, pt__last_size(q) / heads, mask);
    attention.value_width = pt__last_size(v) / kv_heads;
    attention.q = q->data;
    attention.k = k->data;
    attention.v = v->data;
    attention.q_stride = pt__last_size(q);
    attention.k_stride = pt__last_size(k);
    attention.v_stride = pt__last_size(v);
    attention.dst_stride = heads * attention.value_width;
    return attention;
}

static void attention_run(const pt__call_t *call, const pt__run_t *run)
{
    pt__attention_t attention = describe_apart(call, run, MASK);
    attention.dst = call->outputs[0].data;
    attention.log_sum = call->outputs[1].data;
    pt__kernels_of(run)->attention(run->device, &attention);
}

/* Where nobody reads one of d_q, d_k, d_v, the kernel writes it into scratch. */
static int64_t gradient_scratch(const pt__call_t *call)
{
    int64_t elements = 0;
    for (int32_t i = Q; i <= V; i++)
        if (call->outputs[i].data == NULL)
            elements += pt__view_elements(&call->inputs[i]);
    return elements * (int64_t)sizeof(float);
}

static void gradient_run(const pt__call_t *call, const pt__run_t *run)
{
    pt__attention_gradient_t gradient = {.forward = describe_apart(call, run, G_MASK)};
    pt__attention_t *attention = &gradient.forward;
    float *unread = call->scratch, *d_inputs[3];
    for (int32_t i = Q; i <= V; i++) {
        d_inputs[i] = call->outputs[i].data != NULL ? call->outputs[i].data : unread;
        if (call->outputs[i].data == NULL)
            unread += pt__view_elements(&call->inputs[i]);
    }
    attention->dst = call->inputs[G_DST].data;
    attention->log_sum = call->inputs[G_LOG_SUM].data;
    gradient.d_dst = call->inputs[G_D_DST].data;
    gradient.d_q = d_inputs[Q];
    gradient.d_k = d_inputs[K];
    gradient.d_v = d_inputs[V];
    gradient.d_q_stride = attention->q_stride;
    gradient.d_k_stride = attention->k_stride;
    gradient.d_v_stride = attention->v_stride;
    pt__kernels_of(run)->attention_gradient(run->device, &gradient);
}

/* Operands within the rows of qkv. */
static pt__attention_t describe_packed(const pt__call_t *call, const pt__run_t *run, int32_t mask)
{
    const pt__view_t *qkv = &call->inputs[QKV];
    int64_t heads = call->attributes->integers[HEADS], kv_heads = call->attributes->integers[KV_HEADS],
            size = pt__last_size(qkv);
    int64_t width = size / (heads + 2 * kv_heads);
    pt__attention_t attention = describe(call, run, qkv, qkv, width, mask);
    attention.q = qkv->data;
    attention.k = attention.q + heads * width;
    attention.v = attention.k + kv_heads * width;
    attention.q_stride = attention.k_stride = attention.v_stride = size;
    attention.dst_stride = heads * width;
    return attention;
}

static void packed_run(const pt__call_t *call, const pt__run_t *run)
{
    pt__attention_t attention = describe_packed(call, run, PACKED_MASK);
    attention.dst = call->outputs[0].data;
    attention.log_sum = call->outputs[1].data;
    pt__kernels_of(run)->attention(run->device, &attention);
}

static void packed_gradient_run(const pt__call_t *call, const pt__run_t *run)
{
    pt__attention_gradient_t gradient = {.forward = describe_packed(call, run, P_MASK)};
    pt__attention_t *attention = &gradient.forward;
    attention->dst = call->inputs[P_DST].data;
    attention->log_sum = call->inputs[P_LOG_SUM].data;
    gradient.d_dst = call->inputs[P_D_DST].data;
    gradient.d_q = call->outputs[0].data;
    gradient.d_k = gradient.d_q + (attention->k - attention->q);
    gradient.d_v = gradient.d_q + (attention->v - attention->q);
    gradient.d_q_stride = gradient.d_k_stride = gradient.d_v_stride = attention->q_stride;
    pt__kernels_of(run)->attention_gradient(run->device, &gradient);
}

static pt_status_t gradient_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    for (int32_t i = 0; i < node->op->n_outputs; i++)
        outputs[i].shape = pt__input_of(graph, node, i)->shape;
    return PT_OK;
}

/* Operations of products of queries' rows with keys', by the elements of the former: a forward pass has one with q's
 * rows and one with dst's, a backward pass three and two. How ragged samples are cut is not known here: none is counted
 * longer than the graph allows. */
static double operations(const pt__call_t *call, const pt__view_t *k, double elements)
{
    const int64_t *integers = call->attributes->integers;
    int64_t limit = integers[LENGTH_LIMIT];
    int64_t keys = k->rank == 3 ? k->size[1] : k->size[0];
    if (limit > 0 && limit < keys)
        keys = limit;
    double seen = (double)keys * (integers[FLAGS] & PT_ATTENTION_CAUSAL ? 0.5 : 1);
    if (integers[WINDOW] > 0 && (double)integers[WINDOW] < seen)
        seen = (double)integers[WINDOW];
    return 2.0 * elements * seen;
}

static double attention_operations(const pt__call_t *call)
{
    const pt__view_t *q = &call->inputs[Q], *dst = &call->outputs[0];
    return operations(call, &call->inputs[K], (double)(pt__view_elements(q) + pt__view_elements(dst)));
}

static double gradient_operations(const pt__call_t *call)
{
    const pt__view_t *q = &call->inputs[Q], *dst = &call->inputs[G_DST];
    return operations(call, &call->inputs[K], (double)(3 * pt__view_elements(q) + 2 * pt__view_elements(dst)));
}

static double packed_operations(const pt__call_t *call)
{
    return operations(call, &call->inputs[QKV], 2 * (double)pt__view_elements(&call->outputs[0]));
}

static double packed_gradient_operations(const pt__call_t *call)
{
    return operations(call, &call->inputs[QKV], 5 * (double)pt__view_elements(&call->inputs[P_DST]));
}

enum { IS_CAUSAL = PT_ATTENTION_CAUSAL, FROM_LAST = PT_ATTENTION_CAUSAL | PT_ATTENTION_ALIGN_LAST };

static const pt__case_t attention_cases[] = {
    {"f[T,8] f[T,8] f[T,8]", {.integers = {2, 2, IS_CAUSAL}}},
    {"f[T,12] f[T,6] f[T,6]", {.integers = {4, 2, 0}, .reals = {0.5}}},
    {"f[B,5,6] f[B,5,6] f[B,5,6] m[B,5]", {.integers = {1, 1, 0}}},
    {"f[T,6] f[T,2] f[T,2] m[T,1]", {.integers = {3, 1, IS_CAUSAL}}},
    {"f[1,70,20] f[1,70,20] f[1,70,20]", {.integers = {1, 1, IS_CAUSAL}}},
    {"f[2,150,8] f[2,150,8] f[2,150,8]", {.integers = {2, 2, IS_CAUSAL}}},
    {"f[T,12] f[S,6] f[S,10] m[S]", {.integers = {4, 2, 0}}},
    {"f[S,6] f[T,6] f[T,6]", {.integers = {2, 2, IS_CAUSAL}}},
    {"f[T,6] f[S,6] f[S,6]", {.integers = {2, 2, FROM_LAST, 3}}},
    {"f[B,3,6] f[S,6] f[S,4] m[S,1]", {.integers = {2, 2, 0}}},
    {"f[T,6] f[B,5,6] f[B,5,3] m[B,5]", {.integers = {1, 1, FROM_LAST}}},
    {"f[2,4,8] f[2,70,8] f[2,70,8]", {.integers = {2, 2, FROM_LAST, 9}}},
    {"f[2B,4,8] f[2B,3,4] f[2B,3,6]", {.integers = {2, 1, IS_CAUSAL}}},
    {"f[T,8] f[T,8] f[T,8]", {.integers = {2, 2, PT_ATTENTION_SCALE}, .reals = {-0.7}}},
    {"f[T,8] f[T,8] f[T,8]", {.integers = {2, 2, PT_ATTENTION_SCALE}, .reals = {0}}},
    {"f[T,12] f[S,6] f[S,10]", {.integers = {4, 2, 0, 0, 5}, .reals = {0, 0.4}}},
    {"f[1,70,8] f[1,90,8] f[1,90,4]", {.integers = {2, 2, FROM_LAST, 30}, .reals = {0, 0.1}}},
};

static const pt__case_t packed_cases[] = {
    {"f[T,24]", {.integers = {2, 2, IS_CAUSAL}}},
    {"f[T,24]", {.integers = {4, 1, 0}, .reals = {1.5}}},
    {"f[B,9,30] m[B,9]", {.integers = {2, 2, IS_CAUSAL}}},
    {"f[B,7,15]", {.integers = {1, 1, 0}}},
    {"f[T,192] m[T]", {.integers = {1, 1, 0}}},
    {"f[1,140,48]", {.integers = {2, 2, IS_CAUSAL}}},
    {"f[T,24]", {.integers = {2, 2, FROM_LAST, 2}}},
    {"f[B,9,30]", {.integers = {2, 2, IS_CAUSAL, 4, 17}, .reals = {0, 0.25}}},
};

static const pt__op_t ops[] = {
    {.name = "attention",
     .min_inputs = 3,
     .max_inputs = 4,
     .n_outputs = 2,
     .needs_gradient_of = 7,
     .shape = attention_shape,
     .gradient = attention_gradient,
     .incremental = attention_incremental,
     .can_choose = attention_can_choose,
     .choose = attention_choose,
     .run = attention_run,
     .operations = attention_operations,
     PT__CASES(attention_cases)},
    {.name = "attention_gradient",
     .flags = PT__OP_INTERNAL,
     .min_inputs = 6,
     .max_inputs = 7,
     .n_outputs = 3,
     .shape = gradient_shape,
     .run = gradient_run,
     .scratch = gradient_scratch,
     .operations = gradient_operations},
    {.name = "attention_packed",
     .min_inputs = 1,
     .max_inputs = 2,
     .n_outputs = 2,
     .needs_gradient_of = 1,
     .shape = packed_shape,
     .gradient = packed_gradient,
     .incremental = packed_incremental,
     .run = packed_run,
     .operations = packed_operations,
     PT__CASES(packed_cases)},
    {.name = "attention_packed_gradient",
     .flags = PT__OP_INTERNAL,
     .min_inputs = 4,
     .max_inputs = 5,
     .n_outputs = 1,
     .shape = gradient_shape,
     .run = packed_gradient_run,
     .operations = packed_gradient_operations},
};

PT__OP_FAMILY(op_attention, ops)
