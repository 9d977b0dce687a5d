/* See cache.h. What is kept stands in one block of the device's, state after state; the plans' parameters are the
 * model's, followed by these states. */
#include "train/cache.h"

#include "kernels/device.h"

typedef struct cached_plan {
    pt__plan_t *plan;
    int64_t samples, rows; /* its capacity */
    uint64_t bound;        /* model->store.moves, and ... */
    uint64_t bound_here;   /* ... cache->moves when its addresses were set */
} cached_plan_t;

struct pt__cache {
    pt_model_t *model;
    pt__incremental_t network;
    int64_t tokens; /* the graph's input */
    int64_t rows;
    char *block;
    int64_t bytes;
    void *arena;
    int64_t arena_bytes;
    uint64_t moves; /* of block and arena */
    cached_plan_t plans[PT__CACHED_PLANS];
    float **values;      /* [graph->n_parameters] */
    const void **inputs; /* [graph->n_inputs] */
};

/* Bytes of a row of the state that is the graph's parameter `place`. */
static int64_t row_bytes(const pt__cache_t *cache, int64_t place)
{
    const pt_graph_t *graph = cache->network.graph;
    return graph->tensors[graph->parameters[place].tensor].shape.size[1] * (int64_t)sizeof(float);
}

pt_status_t pt__cache_create(pt_model_t *model, pt_tensor_t output, int64_t tokens, pt__cache_t **out)
{
    pt__memory_t *memory = &model->context->memory;
    pt__incremental_t network;
    pt__cache_t *cache = NULL;
    pt_status_t status;
    *out = NULL;
    PT__TRY(pt__graph_incremental(model->graph, output, &network));
    if (network.graph == NULL)
        return PT_OK;
    PT__TRY_OUT(pt__allocate(memory, 1, sizeof *cache, "cache", &cache));
    *cache = (pt__cache_t){.model = model, .network = network, .tokens = tokens, .moves = 1};
    network.graph = NULL;
    PT__TRY_OUT(pt__allocate(memory, (size_t)cache->network.graph->n_parameters, sizeof *cache->values, "cache",
                             &cache->values));
    PT__TRY_OUT(
        pt__allocate(memory, (size_t)cache->network.graph->n_inputs, sizeof *cache->inputs, "cache", &cache->inputs));
    *out = cache;
    cache = NULL;
out:
    pt__cache_free(cache);
    pt_graph_free(network.graph);
    return status;
}

static void drop_plans(pt__cache_t *cache)
{
    for (int32_t i = 0; i < PT__CACHED_PLANS; i++) {
        pt__plan_free(cache->plans[i].plan);
        cache->plans[i] = (cached_plan_t){0};
    }
}

void pt__cache_free(pt__cache_t *cache)
{
    if (cache == NULL)
        return;
    pt__memory_t *memory = &cache->model->context->memory;
    pt__device_t *device = cache->model->context->device;
    drop_plans(cache);
    pt__device_release(device, cache->block);
    pt__device_release(device, cache->arena);
    pt_graph_free(cache->network.graph);
    pt__release(memory, cache->values);
    pt__release(memory, cache->inputs);
    pt__release(memory, cache);
}

/* Bytes of all states with so many rows. */
static pt_status_t count_bytes(const pt__cache_t *cache, int64_t rows, int64_t *bytes)
{
    const double most = (double)((int64_t)1 << 48);
    const int64_t begin = cache->model->graph->n_parameters, end = cache->network.graph->n_parameters;
    double all = 0;
    *bytes = 0;
    for (int64_t i = begin; i < end; i++)
        all += (double)rows * (double)row_bytes(cache, i);
    if (rows > INT32_MAX || all > most)
        return pt__fail(PT_ERR_MEMORY, "the keys and values of %lld tokens take %g bytes, more than any machine has",
                        (long long)rows, all);
    for (int64_t i = begin; i < end; i++)
        *bytes += pt__padded_bytes(rows * row_bytes(cache, i));
    return PT_OK;
}

/* The spans of every state from where it stands now to where it stands among states of so many rows. */
static pt_status_t move_spans(const pt__cache_t *cache, char *block, int64_t rows, const pt__cached_span_t *spans,
                              int64_t count)
{
    char *to = block;
    for (int64_t i = cache->model->graph->n_parameters; i < cache->network.graph->n_parameters; i++) {
        const int64_t row = row_bytes(cache, i);
        const char *from = (const char *)cache->values[i];
        for (int64_t k = 0; k < count; k++)
            if (spans[k].rows > 0)
                PT__TRY(pt__device_copy(cache->model->context->device, to + spans[k].to * row,
                                        from + spans[k].from * row, spans[k].rows * row));
        to += pt__padded_bytes(rows * row);
    }
    return PT_OK;
}

pt_status_t pt__cache_reserve(pt__cache_t *cache, int64_t rows, const pt__cached_span_t *spans, int64_t count)
{
    pt__device_t *device = cache->model->context->device;
    const pt_graph_t *graph = cache->network.graph;
    char *block;
    int64_t bytes;
    PT__TRY(count_bytes(cache, rows, &bytes));
    PT__TRY(pt__device_allocate(device, bytes, "keys and values of earlier tokens", &block));
    pt_status_t status = move_spans(cache, block, rows, spans, count);
    if (status != PT_OK) {
        pt__device_release(device, block);
        return status;
    }
    pt__device_release(device, cache->block);
    cache->block = block;
    cache->bytes = bytes;
    cache->rows = rows;
    cache->moves++;
    for (int64_t i = cache->model->graph->n_parameters; i < graph->n_parameters; i++) {
        cache->values[i] = (float *)(void *)block;
        block += pt__padded_bytes(rows * row_bytes(cache, i));
        graph->tensors[graph->parameters[i].tensor].shape.size[0] = rows;
    }
    drop_plans(cache); /* they know the size */
    return PT_OK;
}

/* Addresses that may have moved, and a look at mapped files. */
static pt_status_t bind_plan(pt__cache_t *cache, cached_plan_t *planned)
{
    pt_model_t *model = cache->model;
    PT__TRY(pt__store_materialize(&model->store));
    PT__TRY(pt__plans_place_constants(model));
    if (planned->bound == model->store.moves && planned->bound_here == cache->moves)
        return PT_OK;
    for (int64_t i = 0; i < model->graph->n_parameters; i++)
        cache->values[i] = model->store.tensors[i].value;
    pt__plan_bind(planned->plan, cache->arena, cache->values, NULL, model->plans.constants);
    planned->bound = model->store.moves;
    planned->bound_here = cache->moves;
    return PT_OK;
}

static pt_status_t grow_arena(pt__cache_t *cache, int64_t bytes)
{
    pt__device_t *device = cache->model->context->device;
    if (bytes <= cache->arena_bytes)
        return PT_OK;
    pt__device_release(device, cache->arena); /* first, so that old and new are never held together */
    cache->arena = NULL;
    cache->arena_bytes = 0;
    cache->moves++;
    PT__TRY(pt__device_allocate(device, bytes, "plan arena", &cache->arena));
    cache->arena_bytes = bytes;
    return PT_OK;
}

pt_status_t pt__cache_prepare(pt__cache_t *cache, pt__cached_plan_t which, int64_t samples, int64_t rows)
{
    cached_plan_t *planned = &cache->plans[which];
    if (planned->plan == NULL || samples > planned->samples || rows > planned->rows) {
        pt_tensor_t kept[] = {cache->network.output};
        pt__plan_options_t options = {.capacity = pt__rows_make(samples > planned->samples ? samples : planned->samples,
                                                                rows > planned->rows ? rows : planned->rows),
                                      .kept = kept,
                                      .n_kept = 1};
        cached_plan_t made = {.samples = options.capacity.count[PT__DIMENSION_BATCH],
                              .rows = options.capacity.count[PT__DIMENSION_TOKENS]};
        PT__TRY(pt__plan_create(cache->network.graph, &options, &made.plan));
        pt__plan_free(planned->plan);
        *planned = made;
    }
    /* the other plan's needs are met again when its turn comes */
    PT__TRY(grow_arena(cache, pt__plan_arena_bytes(planned->plan)));
    return bind_plan(cache, planned);
}

pt_status_t pt__cache_run(pt__cache_t *cache, pt__cached_plan_t which, const pt__cached_rows_t *rows, float *scores)
{
    pt__device_t *device = cache->model->context->device;
    const pt__rows_t count = pt__rows_make(rows->samples, rows->offsets[rows->samples]);
    PT__TRY(pt__cache_prepare(cache, which, rows->samples, count.count[PT__DIMENSION_TOKENS]));
    pt__plan_t *plan = cache->plans[which].plan;
    pt__run_t run = {.device = device, .offsets = {[PT__DIMENSION_TOKENS] = rows->offsets}};
    for (int32_t i = 0; i < PT__DIMENSIONS; i++)
        run.count[i] = count.count[i];
    cache->inputs[cache->tokens] = rows->tokens;
    cache->inputs[cache->network.first] = rows->first;
    cache->inputs[cache->network.past] = rows->past;
    PT__TRY(pt__device_enter(device));
    pt_status_t status = pt__plan_run(plan, &run, cache->inputs), left = pt__device_leave(device);
    PT__TRY(status);
    PT__TRY(left);
    const pt__kept_t kept = pt__plan_read(plan, cache->network.output);
    return pt__device_download(device, scores, kept.data, kept.elements * (int64_t)sizeof *scores);
}

int64_t pt__cache_bytes(const pt__cache_t *cache)
{
    return cache == NULL ? 0 : cache->bytes;
}
