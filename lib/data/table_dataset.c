/* The dataset that a table becomes. See table.h. */
#include <string.h>

#include "data/table_column.h"

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

/* 1 where a class is among the row's. */
static void fetch_sets(const pt__table_column_t *column, const pt_batch_t *batch, float *dst)
{
    const int64_t classes = column->classes.n_ordered;
    for (int64_t sample = 0; sample < batch->capacity; sample++, dst += classes) {
        const int64_t row = batch->indices[sample];
        memset(dst, 0, (size_t)classes * sizeof *dst);
        for (int64_t i = column->begins[row]; i < column->begins[row + 1]; i++)
            dst[((const int32_t *)column->values)[i]] = 1;
    }
}

static pt_status_t fetch(pt_dataset_t *dataset, pt_batch_t *batch)
{
    const pt__table_t *table = dataset->state;
    for (int32_t i = 0; i < table->n_columns; i++) {
        const pt__table_column_t *column = &table->columns[i];
        if (pt__column_is_ragged(&column->column))
            fetch_ragged(column, batch, &batch->fields[i]);
        else if (column->column.kind == PT_COLUMN_NUMBER)
            fetch_numbers(column, pt__table_numbers(table, i), batch, batch->fields[i].data);
        else if (column->column.kind == PT_COLUMN_CLASSES)
            fetch_sets(column, batch, batch->fields[i].data);
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

static int32_t has_classes(const pt_column_t *column)
{
    return column->kind == PT_COLUMN_CLASS || column->kind == PT_COLUMN_CLASSES;
}

static const pt__classes_t *find_classes(const pt_dataset_t *dataset, const char *field)
{
    const pt__table_t *table = dataset->state;
    int32_t number = pt__dataset_find(dataset, field);
    return number < 0 || number >= table->n_columns || !has_classes(&table->columns[number].column)
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
static pt_status_t order_classes(pt__table_column_t *column, int32_t names_are_numbers)
{
    int32_t *values = column->values;
    PT__TRY(pt__classes_finish(&column->classes, names_are_numbers));
    for (int64_t i = 0; i < column->used; i++)
        values[i] = column->classes.list[values[i]].place;
    if (column->column.kind != PT_COLUMN_CLASSES)
        return PT_OK;
    if (column->classes.n_ordered == 0)
        return pt__fail(PT_ERR_FORMAT, "column \"%s\": no row has a class", column->column.source);
    if (column->classes.n_ordered > INT32_MAX / (int64_t)sizeof(float))
        return pt__fail(PT_ERR_UNSUPPORTED, "column \"%s\": %lld classes are too many for a row of them",
                        column->column.source, (long long)column->classes.n_ordered);
    return PT_OK;
}

static pt_field_spec_t describe(const pt__table_column_t *self)
{
    const pt_column_t *column = &self->column;
    const int32_t is_float = column->kind == PT_COLUMN_NUMBER || column->kind == PT_COLUMN_CLASSES;
    pt_field_spec_t field = {.name = column->field, .dtype = is_float ? PT_FLOAT32 : PT_INT32};
    if (pt__column_is_ragged(column)) {
        field.rank = 1;
        field.shape[0] = PT_DIM_TOKENS;
        field.max_length = column->max_length;
    } else if (column->count > 0 || column->kind == PT_COLUMN_CLASSES) {
        field.rank = 1;
        field.shape[0] = column->count > 0 ? column->count : self->classes.n_ordered;
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
    fields[*n_fields] = describe(column);
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
        if (has_classes(&table->columns[i].column))
            PT__TRY_OUT(order_classes(&table->columns[i], names_are_numbers));
        fields[i] = describe(&table->columns[i]);
        if (table->columns[i].column.tokenizer != NULL)
            PT__TRY_OUT(encode_column(table, &table->columns[i], encode));
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
