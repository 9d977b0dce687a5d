/* Datasets from JSON lines (json_lines.h). Everything is read and checked when the dataset is made; the first line that
 * is wrong is reported with its number. */
#include <math.h>
#include <string.h>

#include "data/json_lines.h"
#include "data/sources.h"
#include "data/table.h"

static pt_status_t add_class(pt__table_t *table, int32_t column, const pt__json_t *value)
{
    if (value->kind == PT__JSON_STRING)
        return pt__table_add_class(table, column, value->string, value->length);
    if (value->kind == PT__JSON_NUMBER && value->is_integer)
        return pt__table_add_class_number(table, column, value->integer);
    return pt__fail(PT_ERR_FORMAT, "expected a string or a whole number, found %s",
                    value->kind == PT__JSON_NUMBER ? "another number" : pt__json_kind_name(value->kind));
}

static pt_status_t add_numbers(pt__table_t *table, int32_t column, const pt__json_t *value)
{
    int64_t count = pt__table_column(table, column)->count;
    if (value->kind == PT__JSON_NUMBER && count <= 1)
        return pt__table_add_number(table, column, value->number);
    if (count == 0 || value->kind != PT__JSON_ARRAY)
        return pt__fail(PT_ERR_FORMAT, "expected %s, found %s", count == 0 ? "a number" : "an array of numbers",
                        pt__json_kind_name(value->kind));
    if (value->length != count)
        return pt__fail(PT_ERR_FORMAT, "expected an array of %lld numbers, found %lld elements", (long long)count,
                        (long long)value->length);
    for (const pt__json_t *element = value->first; element != NULL; element = element->next) {
        if (element->kind != PT__JSON_NUMBER && element->kind != PT__JSON_NULL)
            return pt__fail(PT_ERR_FORMAT, "expected an array of numbers, found %s in it",
                            pt__json_kind_name(element->kind));
        PT__TRY(element->kind == PT__JSON_NULL ? pt__table_add_missing(table, column)
                                               : pt__table_add_number(table, column, element->number));
    }
    return PT_OK;
}

static pt_status_t add_tokens(pt__table_t *table, int32_t column, const pt__json_t *value)
{
    if (value->kind != PT__JSON_ARRAY)
        return pt__fail(PT_ERR_FORMAT, "expected an array of whole numbers, found %s", pt__json_kind_name(value->kind));
    for (const pt__json_t *element = value->first; element != NULL; element = element->next) {
        if (element->kind != PT__JSON_NUMBER || !element->is_integer)
            return pt__fail(PT_ERR_FORMAT, "expected an array of whole numbers, found %s in it",
                            element->kind == PT__JSON_NUMBER ? "another number" : pt__json_kind_name(element->kind));
        PT__TRY(pt__table_add_token(table, column, element->integer));
    }
    return PT_OK;
}

static pt_status_t add_classes(pt__table_t *table, int32_t column, const pt__json_t *value)
{
    if (value->kind != PT__JSON_ARRAY)
        return pt__fail(PT_ERR_FORMAT, "expected an array of strings or whole numbers, found %s",
                        pt__json_kind_name(value->kind));
    for (const pt__json_t *element = value->first; element != NULL; element = element->next)
        PT__TRY(add_class(table, column, element));
    return PT_OK;
}

static pt_status_t add_value(pt__table_t *table, int32_t column, const pt__json_t *value)
{
    switch (pt__table_column(table, column)->kind) {
    case PT_COLUMN_CLASS:
        return add_class(table, column, value);
    case PT_COLUMN_CLASSES:
        return add_classes(table, column, value);
    case PT_COLUMN_NUMBER:
        return add_numbers(table, column, value);
    case PT_COLUMN_TOKENS:
        return add_tokens(table, column, value);
    default:
        if (value->kind != PT__JSON_STRING)
            return pt__fail(PT_ERR_FORMAT, "expected a string, found %s", pt__json_kind_name(value->kind));
        return pt__table_add_text(table, column, value->string, value->length);
    }
}

/* What stands under a key: of a list of keys one number each. */
static pt_status_t add_key(pt__table_t *table, int32_t column, const char *key, const pt__json_t *object)
{
    const pt_column_t *asked = pt__table_column(table, column);
    const pt__json_t *value = pt__json_find(object, key);
    pt_status_t status = PT_OK;
    if (value == NULL && !(asked->flags & PT_COLUMN_FILL))
        return pt__fail(PT_ERR_FORMAT, "the object has no key \"%s\"", key);
    if (value == NULL || (value->kind == PT__JSON_NULL && asked->kind == PT_COLUMN_NUMBER)) {
        int64_t count = asked->sources != NULL ? 1 : pt__table_numbers(table, column);
        for (int64_t i = 0; i < count && status == PT_OK; i++)
            status = pt__table_add_missing(table, column);
    } else if (asked->sources == NULL)
        status = add_value(table, column, value);
    else if (value->kind == PT__JSON_NUMBER)
        status = pt__table_add_number(table, column, value->number);
    else
        status = pt__fail(PT_ERR_FORMAT, "expected a number, found %s", pt__json_kind_name(value->kind));
    return status == PT_OK ? PT_OK : pt__fail_within(status, "key \"%s\"", key);
}

static pt_status_t add_object(void *user, const pt__json_t *object)
{
    pt__table_t *table = user;
    if (object->kind != PT__JSON_OBJECT)
        return pt__fail(PT_ERR_FORMAT, "expected an object, found %s", pt__json_kind_name(object->kind));
    for (int32_t i = 0; i < table->n_columns; i++) {
        const pt_column_t *column = pt__table_column(table, i);
        int64_t count = column->sources != NULL ? column->count : 1;
        for (int64_t k = 0; k < count; k++)
            PT__TRY(add_key(table, i, pt__table_source(table, i, k), object));
        if (column->pair != NULL) {
            PT__TRY(pt__table_begin_pair(table, i));
            PT__TRY(add_key(table, i, column->pair, object));
        }
    }
    return pt__table_end_row(table);
}

pt_status_t pt__jsonl_create(pt_context_t *context, const char *path, const pt_column_t *columns, int32_t n_columns,
                             pt__encode_fn *encode, pt_dataset_t **out)
{
    pt__table_t *table;
    pt_status_t status;
    *out = NULL;
    PT__TRY(pt__table_create(&context->memory, columns, n_columns, 1, &table));
    PT__TRY_OUT(pt__json_lines_read(&context->memory, path, add_object, table));
    status = pt__table_finish(table, context, 0, encode, out);
    if (status != PT_OK)
        pt__fail_within(status, "%s", path);
out:
    if (status != PT_OK)
        pt__table_free(table);
    return status;
}
