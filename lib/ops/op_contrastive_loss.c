/* contrastive_loss: how well rows tell the rows that follow them from all others of their sample   (van den Oord 2018)
 *
 *   query [R, K·D] and key [R, D] of rows R, K steps: of row t of a sample with T rows, and k = 1 .. K
 *     s_j = query_t,k · key_j / temperature, j over all T rows,   l = log Σ_j exp(s_j) - s_(t+k)
 *   loss = mean l over all t and k with t + k <= T (InfoNCE; the negatives are the sample's other rows)
 *
 * Outputs: 0 mean loss, 1 number of l that count, 2 d_query and 3 d_key of the *sum*, 4 how many s_(t+k) are the
 * largest. See op.h on losses. */
#include "base/number.h"
#include "ops/op_rules.h"

enum { TEMPERATURE }; /* reals */
enum { QUERY, KEY };
enum { LOSS, COUNT, D_QUERY, D_KEY, HITS };

pt_tensor_t pt_contrastive_loss(pt_graph_t *graph, pt_tensor_t query, pt_tensor_t key, double temperature)
{
    pt__attributes_t attributes = {.reals = {[TEMPERATURE] = temperature}};
    return pt__build_binary(graph, "contrastive_loss", query, key, &attributes);
}

static pt_status_t loss_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    const double temperature = node->attributes.reals[TEMPERATURE];
    int64_t width = 0, queries = 0;
    if (!(temperature >= 1e-6 && temperature <= 1e6))
        return pt__refuse_attribute(node, "temperature %g, expected 1e-6 to 1e6", pt__number_shown(temperature));
    PT__TRY(pt__expect_rows(graph, node, KEY, "key", &width));
    PT__TRY(pt__expect_rows(graph, node, QUERY, "query", &queries));
    const pt__shape_t *query = &pt__input_of(graph, node, QUERY)->shape, *key = &pt__input_of(graph, node, KEY)->shape;
    if (key->rank != 2 || !pt__shape_is_ragged(key) || key->size[0] != 1 || width < 1)
        return pt__refuse(graph, node, KEY, "key", "[PT_DIM_TOKENS, D], or another dimension of rows");
    if (query->rank != 2 || query->dimension != key->dimension || query->size[0] != 1 || queries < width ||
        queries % width != 0)
        return pt__refuse(graph, node, QUERY, "query", "as many rows as key, of one or several times %lld elements",
                          (long long)width);
    outputs[D_QUERY].shape = *query;
    outputs[D_KEY].shape = *key;
    return PT_OK;
}

/* Places for the two scalars, which the kernel always writes, then for a block of scores: at least a row of the longest
 * sample's. */
enum { SCALAR_BYTES = 64, BLOCK = 1 << 17 };

static int64_t block_elements(const pt__call_t *call)
{
    const int64_t rows = pt__view_rows(&call->inputs[KEY], 1);
    return rows > BLOCK ? rows : BLOCK;
}

static int64_t loss_scratch(const pt__call_t *call)
{
    return SCALAR_BYTES + block_elements(call) * (int64_t)sizeof(float);
}

static void loss_run(const pt__call_t *call, const pt__run_t *run)
{
    const pt__view_t *query = &call->inputs[QUERY], *key = &call->inputs[KEY];
    float *unread = call->scratch;
    const pt__contrastive_t description = {.samples = run->count[PT__DIMENSION_BATCH],
                                           .offsets = run->offsets[key->dimension],
                                           .steps = pt__last_size(query) / pt__last_size(key),
                                           .width = pt__last_size(key),
                                           .scale = (float)(1 / call->attributes->reals[TEMPERATURE]),
                                           .query = query->data,
                                           .key = key->data,
                                           .loss = call->outputs[LOSS].data != NULL ? call->outputs[LOSS].data : unread,
                                           .weight = call->outputs[COUNT].data != NULL ? call->outputs[COUNT].data
                                                                                       : unread + 1,
                                           .hits = call->outputs[HITS].data,
                                           .d_query = call->outputs[D_QUERY].data,
                                           .d_key = call->outputs[D_KEY].data,
                                           .chunk = (float *)(void *)((char *)call->scratch + SCALAR_BYTES),
                                           .chunk_elements = block_elements(call)};
    pt__kernels_of(run)->contrastive(run->device, &description);
}

/* As of one sample with all rows: how they are cut is not known. */
static double loss_operations(const pt__call_t *call)
{
    const double rows = (double)pt__view_rows(&call->inputs[KEY], 1);
    return 6.0 * rows * (double)pt__view_elements(&call->inputs[QUERY]);
}

static const pt__case_t cases[] = {
    {"f[T,10] f[T,5]", {.reals = {1}}},
    {"f[T,7] f[T,7]", {.reals = {0.5}}},
    {"f[T,36] f[T,9]", {.reals = {2}}},
    {"f[T,6] f[T,1]", {.reals = {1.5}}},
};

static const pt__op_t ops[] = {
    {.name = "contrastive_loss",
     .flags = PT__OP_LOSS,
     .min_inputs = 2,
     .max_inputs = 2,
     .n_outputs = 5,
     .needs_gradient_of = 1u << QUERY | 1u << KEY,
     .shape = loss_shape,
     .run = loss_run,
     .scratch = loss_scratch,
     .operations = loss_operations,
     PT__CASES(cases)},
};

PT__OP_FAMILY(op_contrastive_loss, ops)
