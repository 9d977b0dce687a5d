/* Metrics of a host's own network: pt_graph_set_metric and pt_graph_set_metric_ratio check what the kinds in
 * lib/metrics/ rely on. */
#include <stdio.h>
#include <string.h>

#include "base/dtype.h"
#include "graph/builder.h"
#include "metrics/metrics.h"

static pt_status_t unknown_metric(const char *name)
{
    char known[256] = "";
    const pt__metric_kind_t *kind;
    for (int32_t i = 0; (kind = pt__metric_at(i)) != NULL; i++) {
        size_t used = strlen(known);
        if (kind->direction != 0)
            snprintf(known + used, sizeof known - used, "%s\"%s\"", used == 0 ? "" : ", ", kind->name);
    }
    return pt__fail(PT_ERR_NOT_FOUND,
                    "pt_graph_set_metric: \"%.64s\" is no metric of the library, expected %s; one of your own is set "
                    "with pt_graph_set_metric_ratio",
                    name, known);
}

static pt_status_t check_given(const pt_graph_t *graph, const char *name, int32_t n_sources, pt_tensor_t value,
                               pt_tensor_t target)
{
    if (n_sources == 0 && (value != PT_NO_TENSOR || target != PT_NO_TENSOR))
        return pt__fail(PT_ERR_ARGUMENT, "metric \"%s\": reads the loss alone, expected PT_NO_TENSOR for both tensors",
                        name);
    if (n_sources > 0 && (pt__graph_tensor(graph, value) == NULL || pt__graph_tensor(graph, target) == NULL))
        return pt__fail(PT_ERR_ARGUMENT, "metric \"%s\": tensors %d and %d, expected two of this graph's", name,
                        (int)value, (int)target);
    return PT_OK;
}

/* Scores [..., C] and labels int32 [...], which are checked against C before a run. */
static pt_status_t check_labels(pt_graph_t *graph, const char *name, pt_tensor_t value, pt_tensor_t target)
{
    const pt__tensor_t *scores = pt__graph_tensor(graph, value), *labels = pt__graph_tensor(graph, target);
    pt__shape_t rows = scores->shape;
    char found[96], other[96];
    rows.rank--;
    if (scores->dtype != PT_FLOAT32 || labels->dtype != PT_INT32 || scores->shape.rank < 1 ||
        (scores->shape.rank == 1 && scores->shape.dimension != PT__DIMENSION_NONE) ||
        !pt__shape_equal(&rows, &labels->shape))
        return pt__fail(PT_ERR_SHAPE, "metric \"%s\": %s and %s, expected float32 [..., classes] and int32 [...]", name,
                        pt__graph_shape_print(graph, &scores->shape, scores->dtype, found, sizeof found),
                        pt__graph_shape_print(graph, &labels->shape, labels->dtype, other, sizeof other));
    const pt__index_t index = {.role = "labels",
                               .limit = scores->shape.size[rows.rank],
                               .ignore = labels->index_limit == 0 ? PT_IGNORE_INDEX : labels->index_ignore};
    pt__graph_bound(graph, target, &index);
    return PT_OK;
}

static pt_status_t check_pair(const pt_graph_t *graph, const char *name, pt_tensor_t value, pt_tensor_t target)
{
    const pt__tensor_t *a = pt__graph_tensor(graph, value), *b = pt__graph_tensor(graph, target);
    char found[96], other[96];
    if (a->dtype == PT_FLOAT32 && b->dtype == PT_FLOAT32 && pt__shape_equal(&a->shape, &b->shape))
        return PT_OK;
    return pt__fail(PT_ERR_SHAPE, "metric \"%s\": %s and %s, expected float32 of one shape", name,
                    pt__graph_shape_print(graph, &a->shape, a->dtype, found, sizeof found),
                    pt__graph_shape_print(graph, &b->shape, b->dtype, other, sizeof other));
}

static pt_status_t set_metric(pt_graph_t *graph, const char *name, pt_tensor_t value, pt_tensor_t target)
{
    const pt__metric_kind_t *kind = name == NULL ? NULL : pt__metric_find(name);
    if (name == NULL)
        return pt__fail(PT_ERR_ARGUMENT, "pt_graph_set_metric: name is NULL");
    if (kind == NULL || kind->direction == 0)
        return unknown_metric(name);
    PT__TRY(check_given(graph, name, kind->n_sources, value, target));
    if (kind->n_sources > 0)
        PT__TRY(kind->target_dtype == PT_INT32 ? check_labels(graph, name, value, target)
                                               : check_pair(graph, name, value, target));
    return pt__graph_add_metric(graph, kind->name, kind->name, kind->direction, value, target);
}

static pt_status_t check_scalar(const pt_graph_t *graph, const char *role, pt_tensor_t tensor)
{
    const pt__tensor_t *found = pt__graph_tensor(graph, tensor);
    char shape[96];
    if (found == NULL)
        return pt__fail(PT_ERR_ARGUMENT, "pt_graph_set_metric_ratio: %s is tensor %d, which is not one of this graph's",
                        role, (int)tensor);
    if (found->dtype == PT_FLOAT32 && found->shape.dimension == PT__DIMENSION_NONE &&
        pt__shape_elements(&found->shape) == 1)
        return PT_OK;
    return pt__fail(PT_ERR_SHAPE, "pt_graph_set_metric_ratio: %s is %s, expected one float32", role,
                    pt__graph_shape_print(graph, &found->shape, found->dtype, shape, sizeof shape));
}

static pt_status_t set_ratio(pt_graph_t *graph, const char *name, pt_tensor_t numerator, pt_tensor_t denominator,
                             int32_t direction)
{
    if (direction != PT_METRIC_LOWER && direction != PT_METRIC_HIGHER)
        return pt__fail(PT_ERR_ARGUMENT,
                        "pt_graph_set_metric_ratio: direction is %d, expected PT_METRIC_LOWER or PT_METRIC_HIGHER",
                        (int)direction);
    PT__TRY(check_scalar(graph, "numerator", numerator));
    if (denominator != PT_NO_TENSOR)
        PT__TRY(check_scalar(graph, "denominator", denominator));
    return pt__graph_add_metric(graph, name, "ratio", direction, numerator, denominator);
}

/* As with every builder call the first error sticks. */
static pt_status_t leave(pt_graph_t *graph, pt_status_t status)
{
    if (status != PT_OK)
        pt__graph_stick(graph, status);
    return status;
}

pt_status_t pt_graph_set_metric(pt_graph_t *graph, const char *name, pt_tensor_t value, pt_tensor_t target)
{
    PT__TRY(pt__graph_ready(graph, "pt_graph_set_metric"));
    return leave(graph, set_metric(graph, name, value, target));
}

pt_status_t pt_graph_set_metric_ratio(pt_graph_t *graph, const char *name, pt_tensor_t numerator,
                                      pt_tensor_t denominator, int32_t direction)
{
    PT__TRY(pt__graph_ready(graph, "pt_graph_set_metric_ratio"));
    return leave(graph, set_ratio(graph, name, numerator, denominator, direction));
}
