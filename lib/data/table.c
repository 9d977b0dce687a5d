/* Columns of decoded values, and the dataset they become. See table.h. */
#include "data/table.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/number.h"
#include "data/classes.h"

struct pt__table_column {
    pt_column_t column;
    void *values; /* TEXT: bytes; TOKENS: int32; NUMBER: float; CLASS: int32 */
    int64_t used, capacity;
    int64_t *begins; /* TEXT, TOKENS: [rows + 1] element with which each row begins */
    int64_t begins_capacity;
    int64_t *middles; /* TEXT with a pair: [rows] element with which each row's second text begins */
    int64_t middles_capacity;
    int32_t *marks;     /* of a second field: as many as values, in the end */
    int32_t mark_field; /* its number; 0: none, as a column comes before it */
    pt__classes_t classes;
};

static int32_t is_ragged(const pt_column_t *column)
{
    return column->kind == PT_COLUMN_TEXT || column->kind == PT_COLUMN_TOKENS;
}

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

static pt_status_t check_column(const pt_column_t *column, int32_t number, int32_t tokens)
{
    if (column->field == NULL || (column->source == NULL && column->sources == NULL))
        return pt__fail(PT_ERR_ARGUMENT, "column %ld: field or source is NULL", (long)number);
    if (column->sources != NULL)
        PT__TRY(check_sources(column));
    const char *name = column->source != NULL ? column->source : column->sources[0];
    if (column->kind < PT_COLUMN_TEXT || column->kind > PT_COLUMN_TOKENS)
        return pt__fail(PT_ERR_ARGUMENT, "column \"%s\": %ld is no PT_COLUMN_ kind", name, (long)column->kind);
    if (column->kind == PT_COLUMN_TOKENS && !tokens)
        return pt__fail(PT_ERR_ARGUMENT, "column \"%s\": PT_COLUMN_TOKENS is for JSON lines only", column->source);
    PT__TRY(check_flags(column, name));
    PT__TRY(check_pair(column, name));
    if (column->tokenizer != NULL && column->kind != PT_COLUMN_TEXT)
        return pt__fail(PT_ERR_ARGUMENT, "column \"%s\": tokenizer is set, which is for PT_COLUMN_TEXT", name);
    if (is_ragged(column) ? column->max_length < 1 || column->max_length > INT32_MAX : column->max_length != 0)
        return pt__fail(PT_ERR_ARGUMENT, "column \"%s\": max_length is %lld, expected %s", name,
                        (long long)column->max_length,
                        is_ragged(column) ? "1 to 2147483647" : "0: it is for PT_COLUMN_TEXT and PT_COLUMN_TOKENS");
    if (column->kind == PT_COLUMN_NUMBER ? column->count < 0 || column->count > INT32_MAX : column->count != 0)
        return pt__fail(PT_ERR_ARGUMENT, "column \"%s\": count is %lld, expected %s", name, (long long)column->count,
                        column->kind == PT_COLUMN_NUMBER ? "0 to 2147483647" : "0: it is for PT_COLUMN_NUMBER");
    return PT_OK;
}

pt_status_t pt__table_create(pt__memory_t *memory, const pt_column_t *columns, int32_t n_columns, int32_t tokens,
                             pt__table_t **out)
{
    pt__table_t *table;
    pt_status_t status;
    *out = NULL;
    if (n_columns < 1)
        return pt__fail(PT_ERR_ARGUMENT, "%ld columns, expected at least 1", (long)n_columns);
    for (int32_t i = 0; i < n_columns; i++)
        PT__TRY(check_column(&columns[i], i, tokens));
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
        if (!is_ragged(&column->column))
            continue;
        if (row_elements(table, column) == 0)
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

/* ---- The dataset ---- */

static void fetch_ragged(const pt__table_column_t *column, const pt_batch_t *batch, pt_array_t *field)
{
    int32_t *dst = field->data;
    for (int64_t sample = 0; sample < batch->capacity; sample++) {
        int64_t begin = column->begins[batch->indices[sample]],
                count = column->begins[batch->indices[sample] + 1] - begin;
        if (column->column.kind == PT_COLUMN_TOKENS) {
            memcpy(dst, (const int32_t *)column->values + begin, (size_t)count * sizeof *dst);
        } else {
            const uint8_t *bytes = (const uint8_t *)column->values + begin;
            for (int64_t i = 0; i < count; i++)
                dst[i] = bytes[i];
        }
        dst += count;
        field->lengths[sample] = count;
    }
}

static void fetch_marks(const pt__table_column_t *column, const pt_batch_t *batch, pt_array_t *field)
{
    int32_t *dst = field->data;
    for (int64_t sample = 0; sample < batch->capacity; sample++) {
        int64_t begin = column->begins[batch->indices[sample]],
                count = column->begins[batch->indices[sample] + 1] - begin;
        memcpy(dst, column->marks + begin, (size_t)count * sizeof *dst);
        dst += count;
        field->lengths[sample] = count;
    }
}

static void fetch_numbers(const pt__table_column_t *column, int64_t count, const pt_batch_t *batch, float *dst)
{
    for (int64_t sample = 0; sample < batch->capacity; sample++, dst += count)
        memcpy(dst, (const float *)column->values + batch->indices[sample] * count, (size_t)count * sizeof *dst);
}

static void fetch_classes(const pt__table_column_t *column, const pt_batch_t *batch, int32_t *dst)
{
    for (int64_t sample = 0; sample < batch->capacity; sample++)
        dst[sample] = ((const int32_t *)column->values)[batch->indices[sample]];
}

static pt_status_t fetch(pt_dataset_t *dataset, pt_batch_t *batch)
{
    const pt__table_t *table = dataset->state;
    for (int32_t i = 0; i < table->n_columns; i++) {
        const pt__table_column_t *column = &table->columns[i];
        if (is_ragged(&column->column))
            fetch_ragged(column, batch, &batch->fields[i]);
        else if (column->column.kind == PT_COLUMN_NUMBER)
            fetch_numbers(column, pt__table_numbers(table, i), batch, batch->fields[i].data);
        else
            fetch_classes(column, batch, batch->fields[i].data);
        if (column->mark_field > 0)
            fetch_marks(column, batch, &batch->fields[column->mark_field]);
    }
    batch->filled = batch->capacity;
    batch->status = PT_OK;
    return PT_OK;
}

static void lengths(const pt_dataset_t *dataset, int32_t field, const int64_t *indices, int64_t count, int64_t *out)
{
    const pt__table_t *table = dataset->state;
    int32_t column = field < table->n_columns ? field : 0;
    while (field >= table->n_columns && table->columns[column].mark_field != field)
        column++;
    const int64_t *begins = table->columns[column].begins;
    for (int64_t i = 0; i < count; i++)
        out[i] = begins[indices[i] + 1] - begins[indices[i]];
}

static void destroy(pt_dataset_t *dataset)
{
    pt__table_free(dataset->state);
}

static const pt__classes_t *find_classes(const pt_dataset_t *dataset, const char *field)
{
    const pt__table_t *table = dataset->state;
    int32_t number = pt__dataset_find(dataset, field);
    return number < 0 || number >= table->n_columns || table->columns[number].column.kind != PT_COLUMN_CLASS
               ? NULL
               : &table->columns[number].classes;
}

static int64_t class_count(const pt_dataset_t *dataset, const char *field)
{
    const pt__classes_t *classes = find_classes(dataset, field);
    return classes == NULL ? 0 : classes->n_ordered;
}

static const char *class_name(const pt_dataset_t *dataset, const char *field, int64_t index)
{
    const pt__classes_t *classes = find_classes(dataset, field);
    return classes == NULL ? NULL : pt__classes_name(classes, index);
}

static const pt__source_t source = {.name = "table",
                                    .fetch = fetch,
                                    .destroy = destroy,
                                    .lengths = lengths,
                                    .class_count = class_count,
                                    .class_name = class_name};

/* Numbers of classes in the order of appearance become places in order. */
static pt_status_t order_classes(pt__table_t *table, pt__table_column_t *column, int32_t names_are_numbers)
{
    int32_t *values = column->values;
    PT__TRY(pt__classes_finish(&column->classes, names_are_numbers));
    for (int64_t row = 0; row < table->rows; row++)
        values[row] = column->classes.list[values[row]].place;
    return PT_OK;
}

static pt_field_spec_t describe(const pt_column_t *column)
{
    pt_field_spec_t field = {.name = column->field, .dtype = column->kind == PT_COLUMN_NUMBER ? PT_FLOAT32 : PT_INT32};
    if (is_ragged(column)) {
        field.rank = 1;
        field.shape[0] = PT_DIM_TOKENS;
        field.max_length = column->max_length;
    } else if (column->count > 0) {
        field.rank = 1;
        field.shape[0] = column->count;
    }
    return field;
}

/* Texts become tokens, once for all epochs; then the column is as one that had them in the file. */
static pt_status_t encode_column(pt__table_t *table, pt__table_column_t *column, pt__encode_fn *encode)
{
    pt__token_rows_t tokens = {0};
    const pt__text_rows_t texts = {.texts = column->values,
                                   .begins = column->begins,
                                   .middles = column->middles,
                                   .rows = table->rows,
                                   .max_length = column->column.max_length,
                                   .is_answer = (column->column.flags & PT_COLUMN_ANSWER) != 0};
    PT__TRY(
        pt__allocate(table->memory, (size_t)table->rows + 1, sizeof *tokens.begins, "rows of a table", &tokens.begins));
    pt_status_t status = encode(column->column.tokenizer, &texts, &tokens);
    if (status != PT_OK) {
        pt__release(table->memory, tokens.begins);
        return pt__fail_within(status, "column \"%s\"", column->column.source);
    }
    pt__release(table->memory, column->begins);
    pt__release(table->memory, column->values);
    column->begins = tokens.begins;
    column->values = tokens.ids;
    column->marks = tokens.marks;
    column->column.kind = PT_COLUMN_TOKENS;
    column->column.tokenizer = NULL;
    return PT_OK;
}

/* Without a tokenizer: which bytes are the answer's. */
static pt_status_t mark_bytes(pt__table_t *table, pt__table_column_t *column)
{
    PT__TRY(pt__allocate_uninitialised(table->memory, (size_t)column->used, sizeof *column->marks, "labels of a table",
                                       &column->marks));
    for (int64_t row = 0; row < table->rows; row++)
        for (int64_t i = column->begins[row]; i < column->begins[row + 1]; i++)
            column->marks[i] = i >= column->middles[row];
    return PT_OK;
}

/* Marks of answers become labels: the token behind each, where that is of the answer. */
static void label_answers(const pt__table_t *table, pt__table_column_t *column)
{
    const uint8_t *bytes = column->values;
    const int32_t *ids = column->values, is_bytes = column->column.kind == PT_COLUMN_TEXT;
    for (int64_t row = 0; row < table->rows; row++) {
        const int64_t end = column->begins[row + 1];
        for (int64_t i = column->begins[row]; i < end; i++)
            column->marks[i] = i + 1 == end || !column->marks[i + 1] ? PT_IGNORE_INDEX
                               : is_bytes                            ? bytes[i + 1]
                                                                     : ids[i + 1];
    }
}

/* The second field of a column with a pair. */
static pt_status_t add_marks(pt__table_t *table, pt__table_column_t *column, pt_field_spec_t *fields, int32_t *n_fields)
{
    if (column->marks == NULL)
        PT__TRY(mark_bytes(table, column));
    if (column->column.flags & PT_COLUMN_ANSWER)
        label_answers(table, column);
    column->mark_field = *n_fields;
    fields[*n_fields] = describe(&column->column);
    fields[(*n_fields)++].name = column->column.pair_field;
    return PT_OK;
}

pt_status_t pt__table_finish(pt__table_t *table, pt_context_t *context, int32_t names_are_numbers,
                             pt__encode_fn *encode, pt_dataset_t **out)
{
    pt_field_spec_t *fields;
    pt_status_t status;
    int32_t n_fields = table->n_columns;
    *out = NULL;
    PT__TRY(pt__allocate(table->memory, 2 * (size_t)table->n_columns, sizeof *fields, "fields of a dataset", &fields));
    for (int32_t i = 0; i < table->n_columns; i++) {
        fields[i] = describe(&table->columns[i].column);
        if (table->columns[i].column.tokenizer != NULL)
            PT__TRY_OUT(encode_column(table, &table->columns[i], encode));
        if (table->columns[i].column.kind == PT_COLUMN_CLASS)
            PT__TRY_OUT(order_classes(table, &table->columns[i], names_are_numbers));
    }
    for (int32_t i = 0; i < table->n_columns; i++)
        if (table->columns[i].column.pair_field != NULL)
            PT__TRY_OUT(add_marks(table, &table->columns[i], fields, &n_fields));
    PT__TRY_OUT(pt__dataset_make(context, &source, table, fields, n_fields, table->rows, 0, out));
    for (int32_t i = 0; i < table->n_columns; i++) { /* borrowed strings: the host's may go now */
        table->columns[i].column.field = table->columns[i].column.source = NULL;
        table->columns[i].column.sources = NULL;
        table->columns[i].column.pair = table->columns[i].column.pair_field = NULL;
    }
out:
    pt__release(table->memory, fields);
    return status;
}
