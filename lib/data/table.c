/* Columns of decoded values, and rows added to them. See table.h. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/number.h"
#include "data/table_column.h"

/* Before anything names the column. */
static pt_status_t check_sources(const pt_column_t *column)
{
    if (column->source != NULL)
        return pt__fail(PT_ERR_ARGUMENT, "field \"%s\": source is \"%s\", expected NULL beside sources", column->field,
                        column->source);
    if (column->kind != PT_COLUMN_NUMBER || column->count < 1 || column->count > INT32_MAX)
        return pt__fail(PT_ERR_ARGUMENT, "field \"%s\": sources is set, which is for PT_COLUMN_NUMBER with a count",
                        column->field);
    for (int64_t i = 0; i < column->count; i++)
        if (column->sources[i] == NULL)
            return pt__fail(PT_ERR_ARGUMENT, "field \"%s\": sources[%lld] is NULL", column->field, (long long)i);
    return PT_OK;
}

static pt_status_t check_pair(const pt_column_t *column, const char *name)
{
    const int32_t is_answer = (column->flags & PT_COLUMN_ANSWER) != 0 && column->kind == PT_COLUMN_TEXT;
    if (column->pair == NULL)
        return column->pair_field == NULL && !is_answer
                   ? PT_OK
                   : pt__fail(PT_ERR_ARGUMENT, "column \"%s\": %s is set, but no pair", name,
                              is_answer ? "PT_COLUMN_ANSWER" : "pair_field");
    if (column->kind != PT_COLUMN_TEXT)
        return pt__fail(PT_ERR_ARGUMENT, "column \"%s\": pair is \"%s\", which is for PT_COLUMN_TEXT", name,
                        column->pair);
    return is_answer || column->tokenizer != NULL
               ? PT_OK
               : pt__fail(PT_ERR_ARGUMENT,
                          "column \"%s\": pair is \"%s\", which needs a tokenizer, as bytes have nothing between two "
                          "texts",
                          name, column->pair);
}

static pt_status_t check_flags(const pt_column_t *column, const char *name)
{
    const uint32_t known = column->kind == PT_COLUMN_NUMBER ? (uint32_t)PT_COLUMN_FILL
                           : column->kind == PT_COLUMN_TEXT ? (uint32_t)PT_COLUMN_ANSWER
                                                            : 0;
    if (column->flags & ~known)
        return pt__fail(PT_ERR_ARGUMENT,
                        "column \"%s\": flags is 0x%lx, expected 0 or, of a number, PT_COLUMN_FILL, of a text, "
                        "PT_COLUMN_ANSWER",
                        name, (unsigned long)column->flags);
    const int32_t fills = (column->flags & PT_COLUMN_FILL) != 0;
    if (fills ? fabs(column->missing) > (double)FLT_MAX : column->missing != 0)
        return pt__fail(PT_ERR_ARGUMENT, "column \"%s\": missing is %g, expected %s", name,
                        pt__number_shown(column->missing),
                        fills ? "a number within the range of float32, or NaN" : "0 without PT_COLUMN_FILL");
    return PT_OK;
}

static pt_status_t check_column(const pt_column_t *column, int32_t number, int32_t lists)
{
    if (column->field == NULL || (column->source == NULL && column->sources == NULL))
        return pt__fail(PT_ERR_ARGUMENT, "column %ld: field or source is NULL", (long)number);
    if (column->sources != NULL)
        PT__TRY(check_sources(column));
    const char *name = column->source != NULL ? column->source : column->sources[0];
    if (column->kind < PT_COLUMN_TEXT || column->kind > PT_COLUMN_CLASSES)
        return pt__fail(PT_ERR_ARGUMENT, "column \"%s\": %ld is no PT_COLUMN_ kind", name, (long)column->kind);
    if ((column->kind == PT_COLUMN_TOKENS || column->kind == PT_COLUMN_CLASSES) && !lists)
        return pt__fail(PT_ERR_ARGUMENT, "column \"%s\": PT_COLUMN_%s is for JSON lines only", column->source,
                        column->kind == PT_COLUMN_TOKENS ? "TOKENS" : "CLASSES");
    PT__TRY(check_flags(column, name));
    PT__TRY(check_pair(column, name));
    if (column->tokenizer != NULL && column->kind != PT_COLUMN_TEXT)
        return pt__fail(PT_ERR_ARGUMENT, "column \"%s\": tokenizer is set, which is for PT_COLUMN_TEXT", name);
    if (pt__column_is_ragged(column) ? column->max_length < 1 || column->max_length > INT32_MAX
                                     : column->max_length != 0)
        return pt__fail(
            PT_ERR_ARGUMENT, "column \"%s\": max_length is %lld, expected %s", name, (long long)column->max_length,
            pt__column_is_ragged(column) ? "1 to 2147483647" : "0: it is for PT_COLUMN_TEXT and PT_COLUMN_TOKENS");
    if (column->kind == PT_COLUMN_NUMBER ? column->count < 0 || column->count > INT32_MAX : column->count != 0)
        return pt__fail(PT_ERR_ARGUMENT, "column \"%s\": count is %lld, expected %s", name, (long long)column->count,
                        column->kind == PT_COLUMN_NUMBER ? "0 to 2147483647" : "0: it is for PT_COLUMN_NUMBER");
    return PT_OK;
}

pt_status_t pt__table_create(pt__memory_t *memory, const pt_column_t *columns, int32_t n_columns, int32_t lists,
                             pt__table_t **out)
{
    pt__table_t *table;
    pt_status_t status;
    *out = NULL;
    if (n_columns < 1)
        return pt__fail(PT_ERR_ARGUMENT, "%ld columns, expected at least 1", (long)n_columns);
    for (int32_t i = 0; i < n_columns; i++)
        PT__TRY(check_column(&columns[i], i, lists));
    PT__TRY(pt__allocate(memory, 1, sizeof *table, "table", &table));
    table->memory = memory;
    table->n_columns = n_columns;
    PT__TRY_OUT(pt__allocate(memory, (size_t)n_columns, sizeof *table->columns, "columns of a table", &table->columns));
    for (int32_t i = 0; i < n_columns; i++) {
        table->columns[i].column = columns[i];
        table->columns[i].classes.memory = memory;
    }
    *out = table;
    return PT_OK;
out:
    pt__table_free(table);
    return status;
}

void pt__table_free(pt__table_t *table)
{
    if (table == NULL)
        return;
    for (int32_t i = 0; table->columns != NULL && i < table->n_columns; i++) {
        pt__table_column_t *column = &table->columns[i];
        pt__release(table->memory, column->values);
        pt__release(table->memory, column->begins);
        pt__release(table->memory, column->middles);
        pt__release(table->memory, column->marks);
        pt__classes_free(&column->classes);
    }
    pt__release(table->memory, table->columns);
    pt__release(table->memory, table);
}

const pt_column_t *pt__table_column(const pt__table_t *table, int32_t column)
{
    return &table->columns[column].column;
}

const char *pt__table_source(const pt__table_t *table, int32_t column, int64_t place)
{
    const pt_column_t *asked = &table->columns[column].column;
    return asked->sources != NULL ? asked->sources[place] : asked->source;
}

int64_t pt__table_numbers(const pt__table_t *table, int32_t column)
{
    int64_t count = table->columns[column].column.count;
    return count > 0 ? count : 1;
}

/* ---- Rows ---- */

/* Room for `more` elements behind those of the column. */
static pt_status_t reserve(pt__table_t *table, pt__table_column_t *column, int64_t more, size_t size)
{
    return pt__grow(table->memory, &column->values, &column->capacity, column->used + more, size, "column of a table");
}

/* Elements of the row that is being read. */
static int64_t row_elements(const pt__table_t *table, const pt__table_column_t *column)
{
    return column->used - (table->rows > 0 ? column->begins[table->rows] : 0);
}

pt_status_t pt__table_begin_pair(pt__table_t *table, int32_t number)
{
    pt__table_column_t *column = &table->columns[number];
    PT__TRY(pt__grow(table->memory, &column->middles, &column->middles_capacity, table->rows + 1,
                     sizeof *column->middles, "rows of a table"));
    column->middles[table->rows] = column->used;
    return PT_OK;
}

pt_status_t pt__table_add_text(pt__table_t *table, int32_t number, const char *bytes, int64_t length)
{
    pt__table_column_t *column = &table->columns[number];
    const int64_t most = column->column.max_length - row_elements(table, column);
    if (column->column.tokenizer == NULL && length > most)
        length = most;
    if (length == 0)
        return PT_OK; /* refused when the row ends */
    PT__TRY(reserve(table, column, length, 1));
    memcpy((char *)column->values + column->used, bytes, (size_t)length);
    column->used += length;
    return PT_OK;
}

static pt_status_t add_float(pt__table_t *table, pt__table_column_t *column, float value)
{
    PT__TRY(reserve(table, column, 1, sizeof value));
    ((float *)column->values)[column->used++] = value;
    return PT_OK;
}

pt_status_t pt__table_add_number(pt__table_t *table, int32_t number, double value)
{
    if (!(fabs(value) <= (double)FLT_MAX))
        return pt__fail(PT_ERR_FORMAT, "expected a number within the range of float32, found %g", value);
    return add_float(table, &table->columns[number], (float)value);
}

pt_status_t pt__table_add_missing(pt__table_t *table, int32_t number)
{
    pt__table_column_t *column = &table->columns[number];
    if (!(column->column.flags & PT_COLUMN_FILL))
        return pt__fail(PT_ERR_FORMAT, "expected a number, found none; PT_COLUMN_FILL gives missing ones a value");
    return add_float(table, column, (float)column->column.missing);
}

pt_status_t pt__table_add_token(pt__table_t *table, int32_t number, int64_t token)
{
    pt__table_column_t *column = &table->columns[number];
    if (token < INT32_MIN || token > INT32_MAX)
        return pt__fail(PT_ERR_FORMAT, "expected a token within the range of int32, found %lld", (long long)token);
    if (row_elements(table, column) == column->column.max_length)
        return PT_OK; /* cut */
    PT__TRY(reserve(table, column, 1, sizeof(int32_t)));
    ((int32_t *)column->values)[column->used++] = (int32_t)token;
    return PT_OK;
}

static pt_status_t add_class(pt__table_t *table, pt__table_column_t *column, int32_t class)
{
    PT__TRY(reserve(table, column, 1, sizeof(int32_t)));
    ((int32_t *)column->values)[column->used++] = class;
    return PT_OK;
}

pt_status_t pt__table_add_class(pt__table_t *table, int32_t number, const char *name, int64_t length)
{
    int32_t class;
    PT__TRY(pt__classes_add_name(&table->columns[number].classes, name, length, &class));
    return add_class(table, &table->columns[number], class);
}

pt_status_t pt__table_add_class_number(pt__table_t *table, int32_t number, int64_t value)
{
    int32_t class;
    PT__TRY(pt__classes_add_number(&table->columns[number].classes, value, &class));
    return add_class(table, &table->columns[number], class);
}

pt_status_t pt__table_end_row(pt__table_t *table)
{
    for (int32_t i = 0; i < table->n_columns; i++) {
        pt__table_column_t *column = &table->columns[i];
        if (!pt__column_has_begins(&column->column))
            continue;
        if (pt__column_is_ragged(&column->column) && row_elements(table, column) == 0)
            return pt__fail(PT_ERR_FORMAT, "\"%s\" is empty, expected at least one %s", column->column.source,
                            column->column.kind == PT_COLUMN_TEXT ? "byte" : "token");
        if ((column->column.flags & PT_COLUMN_ANSWER) && column->middles[table->rows] == column->used)
            return pt__fail(PT_ERR_FORMAT, "\"%s\" has no byte%s, expected at least one", column->column.pair,
                            row_elements(table, column) < column->column.max_length || column->column.tokenizer != NULL
                                ? ""
                                : " within max_length");
        PT__TRY(pt__grow(table->memory, &column->begins, &column->begins_capacity, table->rows + 2,
                         sizeof *column->begins, "rows of a table"));
        column->begins[table->rows + 1] = column->used;
    }
    table->rows++;
    return PT_OK;
}
