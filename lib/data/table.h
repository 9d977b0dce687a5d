/* Tables: what JSON lines and CSV have in common. A reader adds the values of one row after the other, column by
 * column; the table keeps them decoded in one array a column, numbers the distinct values of class columns, and
 * becomes a dataset. The file itself is not needed any more then. Failures name the column; the reader puts file and
 * line before that. */
#ifndef PT__TABLE_H
#define PT__TABLE_H

#include "data/data.h"

typedef struct pt__table_column pt__table_column_t;

typedef struct pt__table {
    pt__memory_t *memory;
    int64_t rows;
    int32_t n_columns;
    pt__table_column_t *columns;
} pt__table_t;

/* Checks what the host asked for; lists: whether PT_COLUMN_TOKENS and PT_COLUMN_CLASSES are possible. The
 * strings are borrowed until the table becomes a dataset. */
pt_status_t pt__table_create(pt__memory_t *memory, const pt_column_t *columns, int32_t n_columns, int32_t lists,
                             pt__table_t **out);
void pt__table_free(pt__table_t *table);

const pt_column_t *pt__table_column(const pt__table_t *table, int32_t column);
/* The column's name in the file, of its value `place` where it has a list; in messages. */
const char *pt__table_source(const pt__table_t *table, int32_t column, int64_t place);
/* Values a sample of a NUMBER column, a scalar's 1 included. */
int64_t pt__table_numbers(const pt__table_t *table, int32_t column);

/* What is added to the column's row from now on is its second text. */
pt_status_t pt__table_begin_pair(pt__table_t *table, int32_t column);
/* Called once a row for each TEXT and CLASS column, twice for one with a pair, pt__table_numbers() times for NUMBER,
 * once for each token of TOKENS and each class of CLASSES. */
pt_status_t pt__table_add_text(pt__table_t *table, int32_t column, const char *bytes, int64_t length);
pt_status_t pt__table_add_number(pt__table_t *table, int32_t column, double value);
/* One that the file lacks: PT_ERR_FORMAT where the host gave no value for it. */
pt_status_t pt__table_add_missing(pt__table_t *table, int32_t column);
pt_status_t pt__table_add_token(pt__table_t *table, int32_t column, int64_t token);
/* A class by a name; names_are_numbers at the end decides whether such names count as numbers where all are. */
pt_status_t pt__table_add_class(pt__table_t *table, int32_t column, const char *name, int64_t length);
pt_status_t pt__table_add_class_number(pt__table_t *table, int32_t column, int64_t number);
/* Ends the row: ragged columns must have something in it. */
pt_status_t pt__table_end_row(pt__table_t *table);

/* On success the dataset owns the table. `encode` is called for columns with a tokenizer. */
pt_status_t pt__table_finish(pt__table_t *table, pt_context_t *context, int32_t names_are_numbers,
                             pt__encode_fn *encode, pt_dataset_t **out);

#endif
