/* A table's column, for what adds rows to it (table.c) and the dataset that it becomes (table_dataset.c). */
#ifndef PT__TABLE_COLUMN_H
#define PT__TABLE_COLUMN_H

#include "data/classes.h"
#include "data/table.h"

struct pt__table_column {
    pt_column_t column;
    void *values; /* TEXT: bytes; TOKENS, CLASS, CLASSES: int32; NUMBER: float */
    int64_t used, capacity;
    int64_t *begins; /* TEXT, TOKENS, CLASSES: [rows + 1] element with which each row begins */
    int64_t begins_capacity;
    int64_t *middles; /* TEXT with a pair: [rows] element with which each row's second text begins */
    int64_t middles_capacity;
    int32_t *marks;     /* of a second field: as many as values, in the end */
    int32_t mark_field; /* its number; 0: none, as a column comes before it */
    pt__classes_t classes;
};

/* Whose field is ragged. */
static inline int32_t pt__column_is_ragged(const pt_column_t *column)
{
    return column->kind == PT_COLUMN_TEXT || column->kind == PT_COLUMN_TOKENS;
}

/* Of whose values each row has as many as it likes. */
static inline int32_t pt__column_has_begins(const pt_column_t *column)
{
    return pt__column_is_ragged(column) || column->kind == PT_COLUMN_CLASSES;
}

#endif
