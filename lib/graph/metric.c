/* Naming what an evaluation reads. Called by tasks, and by api/graph_metrics.c for hosts. */
#include <string.h>

#include "base/utf8.h"
#include "graph/builder.h"

static pt_status_t check_name(const char *name)
{
    if (name == NULL || *name == 0)
        return pt__fail(PT_ERR_ARGUMENT, "metric: the name is %s", name == NULL ? "NULL" : "empty");
    if (strlen(name) >= PT__METRIC_NAME)
        return pt__fail(PT_ERR_ARGUMENT, "metric: the name is %zu bytes long, at most %d are allowed", strlen(name),
                        PT__METRIC_NAME - 1);
    if (!pt__utf8_is(name))
        return pt__fail(PT_ERR_ARGUMENT, "metric \"%s\": the name is not UTF-8, and no file could hold it", name);
    if (strcmp(name, "loss") == 0)
        return pt__fail(PT_ERR_ARGUMENT, "metric \"loss\": that name is the loss' own");
    return PT_OK;
}

/* After a run, only what an op computed can be read; what the data filled is at hand. */
static pt_status_t check_source(const pt_graph_t *graph, const char *name, const char *role, pt_tensor_t tensor)
{
    const pt__tensor_t *found = pt__graph_tensor(graph, tensor);
    if (found == NULL)
        return pt__fail(PT_ERR_ARGUMENT, "metric \"%s\": its %s, tensor %d, is not one of this graph's", name, role,
                        (int)tensor);
    if (found->kind != PT__KIND_INPUT && !pt__graph_is_computed(graph, tensor))
        return pt__fail(PT_ERR_ARGUMENT, "metric \"%s\": its %s, tensor %d, is neither an input nor computed", name,
                        role, (int)tensor);
    return PT_OK;
}

static pt_status_t find_place(pt_graph_t *graph, const char *name, pt__metric_t **place)
{
    for (int32_t i = 0; i < graph->n_metrics; i++)
        if (strcmp(graph->metrics[i].name, name) == 0) {
            *place = &graph->metrics[i];
            return PT_OK;
        }
    if (graph->n_metrics == PT__MAX_METRICS)
        return pt__fail(PT_ERR_UNSUPPORTED, "metric \"%s\": there are %d metrics already, the most that a network has",
                        name, PT__MAX_METRICS);
    *place = &graph->metrics[graph->n_metrics++];
    return PT_OK;
}

static pt_status_t add(pt_graph_t *graph, const char *name, const char *kind, int32_t direction, pt_tensor_t value,
                       pt_tensor_t target)
{
    pt__metric_t *place = NULL;
    PT__TRY(check_name(name));
    if (value != PT_NO_TENSOR)
        PT__TRY(check_source(graph, name, "first tensor", value));
    if (target != PT_NO_TENSOR)
        PT__TRY(check_source(graph, name, "second tensor", target));
    PT__TRY(find_place(graph, name, &place));
    *place = (pt__metric_t){.kind = kind, .direction = direction, .value = value, .target = target};
    memcpy(place->name, name, strlen(name));
    return PT_OK;
}

pt_status_t pt__graph_add_metric(pt_graph_t *graph, const char *name, const char *kind, int32_t direction,
                                 pt_tensor_t value, pt_tensor_t target)
{
    if (graph->status != PT_OK)
        return graph->status;
    pt_status_t status = add(graph, name, kind, direction, value, target);
    if (status != PT_OK)
        pt__graph_stick(graph, status);
    return status;
}
