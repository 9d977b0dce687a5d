/* The dimensions of a graph beside a fixed size: samples, tokens, those that a host names, and those derived from
 * another by a stride.
 *
 *   derived: rows of a sample = max(floor((rows of the parent's sample + add) / divide) + plus, 0)
 *
 * Every one has a number, its place in graph->dimensions; hosts know it by a code, a large negative number that no
 * size can be. */
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "graph/graph.h"

int64_t pt__dimension_code(int32_t dimension)
{
    return dimension == PT__DIMENSION_BATCH ? PT_DIM_BATCH : PT_DIM_TOKENS - (dimension - PT__DIMENSION_TOKENS);
}

int32_t pt__dimension_find(const pt_graph_t *graph, int64_t code)
{
    for (int32_t i = PT__DIMENSION_BATCH; i < graph->n_dimensions; i++)
        if (pt__dimension_code(i) == code)
            return i;
    return PT__DIMENSION_NONE;
}

void pt__dimensions_start(pt_graph_t *graph)
{
    graph->n_dimensions = PT__DIMENSION_TOKENS + 1;
}

/* A new place in the table; an error sticks. */
static int32_t append(pt_graph_t *graph, const pt__dimension_t *dimension)
{
    if (graph->n_dimensions == PT__DIMENSIONS) {
        pt__graph_fail(graph, PT_ERR_UNSUPPORTED,
                       "the network counts rows of more than %d dimensions, derived ones among them",
                       PT__DIMENSIONS - 1);
        return PT__DIMENSION_NONE;
    }
    graph->dimensions[graph->n_dimensions] = *dimension;
    return graph->n_dimensions++;
}

int32_t pt__dimension_named(const pt_graph_t *graph, const char *name)
{
    if (strcmp(name, "batch") == 0)
        return PT__DIMENSION_BATCH;
    if (strcmp(name, "tokens") == 0)
        return PT__DIMENSION_TOKENS;
    for (int32_t i = PT__DIMENSION_TOKENS + 1; i < graph->n_dimensions; i++)
        if (graph->dimensions[i].name != NULL && strcmp(graph->dimensions[i].name, name) == 0)
            return i;
    return PT__DIMENSION_NONE;
}

int64_t pt_graph_dim(pt_graph_t *graph, const char *name)
{
    pt__dimension_t dimension = {.parent = PT__DIMENSION_NONE};
    if (pt__graph_ready(graph, "pt_graph_dim") != PT_OK)
        return 0;
    if (name == NULL || *name == 0 || strlen(name) >= PT_MAX_NAME) {
        pt__graph_fail(graph, PT_ERR_ARGUMENT, "pt_graph_dim: the name is %s, expected 1 to %d bytes",
                       name == NULL ? "NULL"
                       : *name == 0 ? "empty"
                                    : "too long",
                       PT_MAX_NAME - 1);
        return 0;
    }
    if (!pt__utf8_is(name)) {
        pt__graph_fail(graph, PT_ERR_ARGUMENT, "pt_graph_dim: the name \"%s\" is not UTF-8", name);
        return 0;
    }
    int32_t found = pt__dimension_named(graph, name);
    if (found != PT__DIMENSION_NONE)
        return pt__dimension_code(found);
    pt_status_t status = pt__string_copy(&graph->context->memory, name, &dimension.name);
    if (status != PT_OK) {
        pt__graph_fail(graph, status, "pt_graph_dim: out of memory: \"%.80s\"", name);
        return 0;
    }
    found = append(graph, &dimension);
    if (found == PT__DIMENSION_NONE) {
        pt__release(&graph->context->memory, dimension.name);
        return 0;
    }
    return pt__dimension_code(found);
}

int32_t pt__graph_derive_dimension(pt_graph_t *graph, int32_t parent, int64_t add, int64_t divide, int64_t plus)
{
    if (divide == 1 && add + plus == 0)
        return parent;
    for (int32_t i = PT__DIMENSION_TOKENS + 1; i < graph->n_dimensions; i++) {
        const pt__dimension_t *known = &graph->dimensions[i];
        if (!known->is_chosen && known->parent == parent && known->add == add && known->divide == divide &&
            known->plus == plus)
            return i;
    }
    return append(graph, &(pt__dimension_t){.parent = parent, .add = add, .divide = divide, .plus = plus});
}

int32_t pt__graph_choose_dimension(pt_graph_t *graph, int32_t parent)
{
    if (graph->status != PT_OK)
        return PT__DIMENSION_NONE;
    return append(graph, &(pt__dimension_t){.parent = parent, .divide = 1, .is_chosen = 1});
}

static int64_t floor_divide(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

int64_t pt__dimension_rows(const pt__dimension_t *dimension, int64_t parent_rows)
{
    int64_t rows = floor_divide(parent_rows + dimension->add, dimension->divide) + dimension->plus;
    return rows > 0 ? rows : 0;
}

/* a · b, or so many that no machine has them. */
static int64_t times(int64_t a, int64_t b)
{
    const int64_t most = INT64_MAX / 1024;
    return b > 0 && a > most / b ? most : a * b;
}

/* Σ max(floor((L + a) / s) + b, 0) <= (Σ L + N max(a, 0)) / s + N max(b, 0). */
void pt__graph_complete_rows(const pt_graph_t *graph, pt__rows_t *capacity)
{
    int64_t samples = capacity->count[PT__DIMENSION_BATCH];
    for (int32_t i = PT__DIMENSION_TOKENS + 1; i < graph->n_dimensions; i++) {
        const pt__dimension_t *dimension = &graph->dimensions[i];
        if (dimension->parent == PT__DIMENSION_NONE)
            continue;
        int64_t rows = capacity->count[dimension->parent] + (dimension->add > 0 ? times(samples, dimension->add) : 0);
        capacity->count[i] = rows / dimension->divide + (dimension->plus > 0 ? times(samples, dimension->plus) : 0);
    }
}

void pt__graph_derive_offsets(const pt_graph_t *graph, int64_t samples, const int32_t **offsets, int32_t **buffers,
                              int64_t *rows)
{
    for (int32_t i = PT__DIMENSION_TOKENS + 1; i < graph->n_dimensions; i++) {
        const pt__dimension_t *dimension = &graph->dimensions[i];
        const int32_t *parent = offsets[dimension->parent];
        if (dimension->parent == PT__DIMENSION_NONE || parent == NULL || dimension->is_chosen)
            continue;
        buffers[i][0] = 0;
        for (int64_t sample = 0; sample < samples; sample++)
            buffers[i][sample + 1] = buffers[i][sample] +
                                     (int32_t)pt__dimension_rows(dimension, parent[sample + 1] - parent[sample]);
        offsets[i] = buffers[i];
        rows[i] = buffers[i][samples];
    }
}

int64_t pt__graph_count_rows(const pt_graph_t *graph, int32_t dimension, int64_t samples, const int32_t *const *offsets,
                             int64_t *lengths)
{
    int32_t chain[PT__DIMENSIONS], depth = 0;
    int64_t total = 0;
    for (; graph->dimensions[dimension].parent != PT__DIMENSION_NONE; dimension = graph->dimensions[dimension].parent)
        chain[depth++] = dimension;
    for (int64_t sample = 0; sample < samples; sample++) {
        int64_t rows = offsets[dimension][sample + 1] - offsets[dimension][sample];
        for (int32_t i = depth; i-- > 0;)
            rows = pt__dimension_rows(&graph->dimensions[chain[i]], rows);
        if (lengths != NULL)
            lengths[sample] = rows;
        total += rows;
    }
    return total;
}

/* "B", "T", "frames", or what a derived one is computed from: "(frames + 1)/2". */
void pt__dimension_print(const pt_graph_t *graph, int32_t dimension, char *buffer, size_t size)
{
    char parent[48];
    if (dimension <= PT__DIMENSION_TOKENS || graph == NULL || dimension >= graph->n_dimensions) {
        snprintf(buffer, size, "%s",
                 dimension == PT__DIMENSION_BATCH    ? "B"
                 : dimension == PT__DIMENSION_TOKENS ? "T"
                                                     : "?");
        return;
    }
    const pt__dimension_t *found = &graph->dimensions[dimension];
    if (found->name != NULL) {
        snprintf(buffer, size, "%.40s", found->name);
        return;
    }
    pt__dimension_print(graph, found->parent, parent, sizeof parent);
    if (found->is_chosen) {
        snprintf(buffer, size, "some %.40s", parent);
        return;
    }
    if (found->add == 0)
        snprintf(buffer, size, "%.40s/%lld", parent, (long long)found->divide);
    else
        snprintf(buffer, size, "(%.30s%+lld)/%lld", parent, (long long)found->add, (long long)found->divide);
    if (found->plus != 0)
        snprintf(buffer + strlen(buffer), size - strlen(buffer), "%+lld", (long long)found->plus);
}
