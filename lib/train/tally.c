/* What an evaluation adds up: the weighted loss, and the sums of the metrics that the graph names. */
#include "train/tally.h"

#include <math.h>

#include "base/portability.h"

/* Numbers a row of a tensor that a metric reads: indices, and scalars of a sample, are one a row. */
static int64_t count_columns(const pt_graph_t *graph, pt_tensor_t tensor)
{
    const pt__tensor_t *found = pt__graph_tensor(graph, tensor);
    if (found == NULL || found->dtype == PT_INT32 || found->shape.rank == 0 ||
        (found->shape.rank == 1 && found->shape.dimension != PT__DIMENSION_NONE))
        return 1;
    return found->shape.size[found->shape.rank - 1];
}

pt_status_t pt__tally_start(pt_model_t *model, pt__tally_t *tally)
{
    const pt_graph_t *graph = model->graph;
    int64_t total = 0, at[PT__MAX_METRICS];
    *tally = (pt__tally_t){.model = model};
    for (int32_t i = 0; i < graph->n_metrics; i++) {
        const pt__metric_t *metric = &graph->metrics[i];
        tally->kinds[i] = pt__metric_find(metric->kind);
        if (tally->kinds[i] == NULL)
            return pt__fail(PT_ERR_INTERNAL, "metric \"%s\": there is no kind \"%s\"", metric->name, metric->kind);
        tally->columns[i][0] = count_columns(graph, metric->value);
        tally->columns[i][1] = count_columns(graph, metric->target);
        at[i] = total;
        total += tally->kinds[i]->size(tally->columns[i]);
    }
    PT__TRY(pt__allocate(&model->context->memory, (size_t)total, sizeof *tally->block, "metrics", &tally->block));
    for (int32_t i = 0; i < graph->n_metrics; i++)
        tally->sums[i] = tally->block + at[i];
    return PT_OK;
}

/* A metric's tensor after a run; what has to be brought from the device goes into a buffer of the tally's. */
static pt_status_t read_source(pt__tally_t *tally, const pt__requests_t *requests, const pt__loaded_t *loaded,
                               pt_tensor_t tensor, int64_t columns, int32_t place, pt__metric_source_t *source)
{
    pt__memory_t *memory = &tally->model->context->memory;
    const pt__tensor_t *found = pt__graph_tensor(tally->model->graph, tensor);
    *source = (pt__metric_source_t){.columns = columns, .ignore = INT32_MIN};
    if (found == NULL)
        return PT_OK;
    int64_t elements = pt__shape_elements(&found->shape) * loaded->rows.count[found->shape.dimension];
    if (found->kind != PT__KIND_INPUT) {
        /* its rows may follow from those of the data */
        elements = pt__plan_read(tally->model->plans.planned[PT__MODE_EVALUATE].plan, tensor).elements;
        PT__TRY(pt__grow(memory, &tally->read[place], &tally->capacity[place], elements, sizeof(float), "metrics"));
    }
    source->rows = elements / columns;
    source->ignore = found->index_ignore;
    return pt__engine_values(tally->model, PT__MODE_EVALUATE, requests, loaded, tensor, tally->read[place],
                             &source->data);
}

pt_status_t pt__tally_add(pt__tally_t *tally, const pt__requests_t *requests, const pt__loaded_t *loaded)
{
    const pt_graph_t *graph = tally->model->graph;
    int64_t samples = loaded->rows.count[PT__DIMENSION_BATCH];
    double loss, weight;
    PT__TRY(pt__engine_loss(tally->model, PT__MODE_EVALUATE, samples, &loss, &weight));
    if (weight > 0)
        tally->loss += loss * weight;
    tally->weight += weight;
    for (int32_t i = 0; i < graph->n_metrics; i++) {
        const pt__metric_t *metric = &graph->metrics[i];
        pt__metric_source_t sources[PT__METRIC_SOURCES];
        PT__TRY(read_source(tally, requests, loaded, metric->value, tally->columns[i][0], 0, &sources[0]));
        PT__TRY(read_source(tally, requests, loaded, metric->target, tally->columns[i][1], 1, &sources[1]));
        uint64_t mode = pt__float_mode_get();
        pt__float_mode_set(PT__FLOAT_MODE_EXACT); /* not the host's rounding and traps */
        tally->kinds[i]->add(sources, samples, tally->sums[i]);
        pt__float_mode_set(mode);
    }
    return PT_OK;
}

void pt__tally_finish(const pt__tally_t *tally)
{
    double *metrics = tally->model->metrics;
    uint64_t mode = pt__float_mode_get();
    pt__float_mode_set(PT__FLOAT_MODE_EXACT);
    metrics[0] = tally->weight > 0 ? tally->loss / tally->weight : (double)NAN;
    for (int32_t i = 0; i < tally->model->graph->n_metrics; i++)
        metrics[1 + i] = tally->kinds[i]->finish(tally->sums[i], tally->columns[i], metrics[0]);
    pt__float_mode_set(mode);
}

void pt__tally_free(pt__tally_t *tally)
{
    pt__memory_t *memory = &tally->model->context->memory;
    pt__release(memory, tally->block);
    for (int32_t i = 0; i < PT__METRIC_SOURCES; i++)
        pt__release(memory, tally->read[i]);
}
