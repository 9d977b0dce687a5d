/* attention_cached: causal attention where a run brings only the further rows of each sample: their keys and values are
 * stored behind the earlier ones, and the queries see both. What graph/incremental.c makes of attention.
 *
 *   keys [rows, G·W], values [rows, G·U]: states, in which sample s has the rows from first[s] on, past[s] of them from
 *   earlier runs; written here, and valid as far as the host that counts `past` on takes them to be
 *   q [T, H·W], k [T, G·W], v [T, G·U], or q, k and v side by side -> dst [T, H·U]; output 1: unused, [T, H] as
 *   attention's
 *   Heads, scale, window: attention's. No gradient. */
#include <math.h>

#include "ops/attention_places.h"
#include "ops/op_rules.h"

enum { KEYS, VALUES, FIRST, PAST, Q, K, V }; /* inputs */

static pt_status_t cached_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    const int64_t heads = node->attributes.integers[HEADS], kv_heads = node->attributes.integers[KV_HEADS];
    const pt__shape_t *q = &pt__input_of(graph, node, Q)->shape;
    const pt__shape_t *values = &pt__input_of(graph, node, VALUES)->shape;
    PT__TRY(pt__expect_dtype(graph, node, FIRST, "first", PT_INT32));
    PT__TRY(pt__expect_dtype(graph, node, PAST, "past", PT_INT32));
    outputs[0].shape = pt__shape_with_last(q, values->size[1] / kv_heads * heads);
    outputs[1].shape = pt__shape_with_last(q, heads);
    return PT_OK;
}

/* Stores a run's rows of one operand where the samples' rows go on. */
static void store(const pt__call_t *call, const pt__run_t *run, int32_t state, const float *rows, int64_t stride)
{
    const pt__view_t *to = &call->inputs[state];
    pt__kernels_of(run)->store_rows(run->device, run->count[PT__DIMENSION_BATCH], run->offsets[PT__DIMENSION_TOKENS],
                                    call->inputs[FIRST].data, call->inputs[PAST].data, to->size[1], rows, stride,
                                    to->data);
}

static void cached_run(const pt__call_t *call, const pt__run_t *run)
{
    const int64_t *integers = call->attributes->integers, heads = integers[HEADS], kv_heads = integers[KV_HEADS];
    const pt__view_t *q = &call->inputs[Q], *keys = &call->inputs[KEYS], *values = &call->inputs[VALUES];
    const int64_t width = keys->size[1] / kv_heads, value_width = values->size[1] / kv_heads;
    const double scale = call->attributes->reals[SCALE];
    if (call->n_inputs > K) {
        store(call, run, KEYS, call->inputs[K].data, keys->size[1]);
        store(call, run, VALUES, call->inputs[V].data, values->size[1]);
    } else {
        const float *packed = q->data;
        store(call, run, KEYS, packed + heads * width, pt__last_size(q));
        store(call, run, VALUES, packed + heads * width + keys->size[1], pt__last_size(q));
    }
    const pt__attention_t attention = {
        .samples = run->count[PT__DIMENSION_BATCH],
        .offsets = run->offsets[PT__DIMENSION_TOKENS],
        .key_first = call->inputs[FIRST].data,
        .query_offsets = call->inputs[PAST].data,
        .heads = heads,
        .kv_heads = kv_heads,
        .width = width,
        .value_width = value_width,
        .scale = (float)(scale == 0 && !(integers[FLAGS] & PT_ATTENTION_SCALE) ? 1 / sqrt((double)width) : scale),
        .causal = 1,
        .window = integers[WINDOW],
        .q = q->data,
        .k = keys->data,
        .v = values->data,
        .q_stride = pt__last_size(q),
        .k_stride = keys->size[1],
        .v_stride = values->size[1],
        .dst = call->outputs[0].data,
        .dst_stride = heads * value_width};
    pt__kernels_of(run)->attention(run->device, &attention);
}

/* At most: as if every sample's rows had come at once. */
static double cached_operations(const pt__call_t *call)
{
    const pt__view_t *keys = &call->inputs[KEYS], *dst = &call->outputs[0];
    const int64_t limit = call->attributes->integers[LENGTH_LIMIT];
    const int64_t seen = limit > 0 && limit < keys->size[0] ? limit : keys->size[0];
    return 4.0 * (double)pt__view_elements(dst) * (double)seen;
}

static const pt__op_t ops[] = {
    {.name = "attention_cached",
     .flags = PT__OP_INTERNAL,
     .min_inputs = 5,
     .max_inputs = 7,
     .n_outputs = 2,
     .shape = cached_shape,
     .run = cached_run,
     .operations = cached_operations},
};

PT__OP_FAMILY(op_attention_cached, ops)
