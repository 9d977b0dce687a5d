/* Shapes with a symbolic leading size: making, comparing, counting, printing. */
#include <stdio.h>
#include <string.h>

#include "base/dtype.h"
#include "graph/graph.h"

pt__shape_t pt__shape_make(int32_t dimension, int32_t rank, const int64_t *size)
{
    pt__shape_t shape = {.rank = rank, .dimension = dimension};
    for (int32_t i = 0; i < rank; i++)
        shape.size[i] = size[i];
    return shape;
}

pt__shape_t pt__shape_scalar(void)
{
    return (pt__shape_t){.rank = 0, .dimension = PT__DIMENSION_NONE};
}

int32_t pt__shape_equal(const pt__shape_t *a, const pt__shape_t *b)
{
    return a->rank == b->rank && a->dimension == b->dimension &&
           memcmp(a->size, b->size, (size_t)a->rank * sizeof a->size[0]) == 0;
}

int64_t pt__shape_rows(const pt__shape_t *shape, int32_t last)
{
    int64_t rows = 1;
    for (int32_t i = 0; i < shape->rank - last; i++)
        rows *= shape->size[i];
    return rows;
}

int64_t pt__shape_elements(const pt__shape_t *shape)
{
    return pt__shape_rows(shape, 0);
}

char *pt__graph_shape_print(const pt_graph_t *graph, const pt__shape_t *shape, int32_t dtype, char *buffer, size_t size)
{
    char name[64];
    int written = snprintf(buffer, size, "%s[", pt__dtype_name(dtype));
    for (int32_t i = 0; i < shape->rank && written >= 0 && (size_t)written < size; i++) {
        const char *comma = i == 0 ? "" : ", ";
        int32_t counts = i == 0 ? shape->dimension : PT__DIMENSION_NONE;
        if (counts != PT__DIMENSION_NONE)
            pt__dimension_print(graph, counts, name, sizeof name);
        else
            name[0] = 0;
        if (counts != PT__DIMENSION_NONE && shape->size[i] == 1)
            written += snprintf(buffer + written, size - (size_t)written, "%s%s", comma, name);
        else
            written += snprintf(buffer + written, size - (size_t)written, "%s%lld%s%s", comma,
                                (long long)shape->size[i], strlen(name) > 1 ? " " : "", name);
    }
    if (written >= 0 && (size_t)written < size)
        snprintf(buffer + written, size - (size_t)written, "]");
    return buffer;
}

char *pt__shape_print(const pt__shape_t *shape, int32_t dtype, char *buffer, size_t size)
{
    return pt__graph_shape_print(NULL, shape, dtype, buffer, size);
}
