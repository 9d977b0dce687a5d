/* Datasets, for hosts: pointers, sizes and flags are checked here, what is in the structs by the sources of
 * lib/data/. */
#include <string.h>

#include "api/api.h"
#include "base/number.h"
#include "data/sources.h"
#include "text/tokenizer.h"
#include "train/token_run.h"

static const pt_window_options_t window_defaults = {
    .struct_size = (uint32_t)sizeof(pt_window_options_t), .length = 128, .end = 1, .dtype = PT_UINT16};

static pt_status_t check_flags(const char *function, uint32_t flags, uint32_t known)
{
    if (flags & ~known)
        return pt__fail(PT_ERR_ARGUMENT, "%s: flags has 0x%lx, which means nothing here", function,
                        (unsigned long)(flags & ~known));
    return PT_OK;
}

static pt_status_t check_counts(const char *function, const char *what, int32_t count)
{
    if (count < 1)
        return pt__fail(PT_ERR_ARGUMENT, "%s: %s is %ld, expected at least 1", function, what, (long)count);
    return PT_OK;
}

/* ---- From callbacks and arrays ---- */

static pt_status_t create_callback(pt_context_t *context, pt_dataset_t *origin, const pt_field_spec_t *fields,
                                   int32_t n_fields, uint32_t field_size, int64_t length, uint32_t flags,
                                   const pt__callback_t *callback, pt_dataset_t **out)
{
    pt_field_spec_t *specs;
    PT__TRY(
        pt__elements_copy(&context->memory, fields, n_fields, field_size, (uint32_t)sizeof *specs, "fields", &specs));
    pt_status_t status = pt__callback_create(context, origin, specs, n_fields, length, flags, callback, out);
    pt__release(&context->memory, specs);
    return status;
}

static pt_status_t dataset_create_map(const char *function, pt_context_t *context, const pt_field_spec_t *fields,
                                      int32_t n_fields, uint32_t field_size, int64_t length, uint32_t flags,
                                      pt_fetch_fn fetch, void *user, pt_destroy_fn destroy, pt_dataset_t **out)
{
    PT__NEED_IN(function, fields);
    PT__NEED_IN(function, fetch);
    PT__TRY(check_counts(function, "n_fields", n_fields));
    PT__TRY(check_flags(function, flags, PT_DATASET_THREAD_SAFE | PT_DATASET_CONCURRENT));
    if (length < 1)
        return pt__fail(PT_ERR_ARGUMENT, "%s: length is %lld, expected at least 1", function, (long long)length);
    return create_callback(context, NULL, fields, n_fields, field_size, length, flags,
                           &(const pt__callback_t){fetch, user, destroy}, out);
}

pt_status_t pt_dataset_create_map(pt_context_t *context, const pt_field_spec_t *fields, int32_t n_fields,
                                  uint32_t field_size, int64_t length, uint32_t flags, pt_fetch_fn fetch, void *user,
                                  pt_destroy_fn destroy, pt_dataset_t **out)
{
    PT__ENTER();
    PT__NEED_OUT(out);
    PT__NEED(context);
    return pt__context_keep(context, dataset_create_map(__func__, context, fields, n_fields, field_size, length, flags,
                                                        fetch, user, destroy, out));
}

static pt_status_t dataset_create_stream(const char *function, pt_context_t *context, const pt_field_spec_t *fields,
                                         int32_t n_fields, uint32_t field_size, uint32_t flags, pt_next_fn next,
                                         void *user, pt_destroy_fn destroy, pt_dataset_t **out)
{
    PT__NEED_IN(function, fields);
    PT__NEED_IN(function, next);
    PT__TRY(check_counts(function, "n_fields", n_fields));
    PT__TRY(check_flags(function, flags, PT_DATASET_THREAD_SAFE | PT_DATASET_CONCURRENT));
    return create_callback(context, NULL, fields, n_fields, field_size, -1, flags,
                           &(const pt__callback_t){next, user, destroy}, out);
}

pt_status_t pt_dataset_create_stream(pt_context_t *context, const pt_field_spec_t *fields, int32_t n_fields,
                                     uint32_t field_size, uint32_t flags, pt_next_fn next, void *user,
                                     pt_destroy_fn destroy, pt_dataset_t **out)
{
    PT__ENTER();
    PT__NEED_OUT(out);
    PT__NEED(context);
    return pt__context_keep(context, dataset_create_stream(__func__, context, fields, n_fields, field_size, flags, next,
                                                           user, destroy, out));
}

static pt_status_t dataset_map(const char *function, pt_dataset_t *dataset, const pt_field_spec_t *fields,
                               int32_t n_fields, uint32_t field_size, uint32_t flags, pt_map_fn map, void *user,
                               pt_destroy_fn destroy, pt_dataset_t **out)
{
    PT__NEED_IN(function, fields);
    PT__NEED_IN(function, map);
    PT__TRY(check_counts(function, "n_fields", n_fields));
    PT__TRY(check_flags(function, flags, PT_DATASET_THREAD_SAFE | PT_DATASET_CONCURRENT));
    return create_callback(dataset->context, dataset, fields, n_fields, field_size, dataset->length, flags,
                           &(const pt__callback_t){map, user, destroy}, out);
}

pt_status_t pt_dataset_map(pt_dataset_t *dataset, const pt_field_spec_t *fields, int32_t n_fields, uint32_t field_size,
                           uint32_t flags, pt_map_fn map, void *user, pt_destroy_fn destroy, pt_dataset_t **out)
{
    PT__ENTER();
    PT__NEED_OUT(out);
    PT__NEED(dataset);
    return pt__error_keep_on(
        dataset->message, dataset_map(__func__, dataset, fields, n_fields, field_size, flags, map, user, destroy, out));
}

uint64_t pt_batch_key(const pt_batch_t *batch, int64_t i)
{
    return batch == NULL || i < 0 || i >= batch->capacity ? 0 : pt__batch_key(batch, i);
}

static pt_status_t dataset_create_from_arrays(const char *function, pt_context_t *context, const pt_array_t *arrays,
                                              int32_t n_arrays, uint32_t array_size, int64_t samples, uint32_t flags,
                                              pt_dataset_t **out)
{
    pt_array_t *copies;
    PT__NEED_IN(function, arrays);
    PT__TRY(check_counts(function, "n_arrays", n_arrays));
    PT__TRY(check_flags(function, flags, PT_DATASET_COPY));
    PT__TRY(
        pt__elements_copy(&context->memory, arrays, n_arrays, array_size, (uint32_t)sizeof *copies, "arrays", &copies));
    pt_status_t status = pt__arrays_create(context, copies, n_arrays, samples, (flags & PT_DATASET_COPY) != 0, out);
    pt__release(&context->memory, copies);
    return status;
}

pt_status_t pt_dataset_create_from_arrays(pt_context_t *context, const pt_array_t *arrays, int32_t n_arrays,
                                          uint32_t array_size, int64_t samples, uint32_t flags, pt_dataset_t **out)
{
    PT__ENTER();
    PT__NEED_OUT(out);
    PT__NEED(context);
    return pt__context_keep(
        context, dataset_create_from_arrays(__func__, context, arrays, n_arrays, array_size, samples, flags, out));
}

/* ---- From files ---- */

pt_status_t pt_window_options_init(pt_window_options_t *options, uint32_t struct_size)
{
    PT__ENTER();
    return pt__options_init(options, struct_size, &window_defaults, (uint32_t)sizeof window_defaults,
                            "pt_window_options_t");
}

static pt_status_t create_windows(const char *function, pt_context_t *context, const char *path,
                                  const pt_window_options_t *options, int32_t is_text, pt_dataset_t **out)
{
    pt_window_options_t known = window_defaults;
    PT__NEED_IN(function, path);
    PT__TRY(pt__options_read(options, &known, (uint32_t)sizeof known, "pt_window_options_t"));
    pt__token_run_t run;
    PT__TRY(pt__windows_check(&known));
    PT__TRY(is_text ? pt__token_run_of_text(context, path, &known, &run)
                    : pt__token_run_of_tokens(context, path, &known, &run));
    return pt__windows_create(context, &run, &known, out);
}

pt_status_t pt_dataset_create_from_text(pt_context_t *context, const char *path, const pt_window_options_t *options,
                                        pt_dataset_t **out)
{
    PT__ENTER();
    PT__NEED_OUT(out);
    PT__NEED(context);
    return pt__context_keep(context, create_windows(__func__, context, path, options, 1, out));
}

pt_status_t pt_dataset_create_from_tokens(pt_context_t *context, const char *path, const pt_window_options_t *options,
                                          pt_dataset_t **out)
{
    PT__ENTER();
    PT__NEED_OUT(out);
    PT__NEED(context);
    return pt__context_keep(context, create_windows(__func__, context, path, options, 0, out));
}

pt_status_t pt_table_options_init(pt_table_options_t *options, uint32_t struct_size)
{
    static const pt_table_options_t defaults = {.struct_size = (uint32_t)sizeof defaults};
    PT__ENTER();
    return pt__options_init(options, struct_size, &defaults, (uint32_t)sizeof defaults, "pt_table_options_t");
}

static pt_status_t read_options(const char *function, const pt_table_options_t *options, uint32_t flags,
                                pt_table_options_t *known)
{
    *known = (pt_table_options_t){.struct_size = (uint32_t)sizeof *known};
    PT__TRY(pt__options_read(options, known, (uint32_t)sizeof *known, "pt_table_options_t"));
    if (known->reserved != 0)
        return pt__fail(PT_ERR_VERSION, "pt_table_options_t: reserved is %ld, expected 0", (long)known->reserved);
    return check_flags(function, known->flags, flags);
}

static pt_status_t copy_columns(pt_context_t *context, const pt_column_t *columns, int32_t n_columns,
                                uint32_t column_size, pt_column_t **out)
{
    if (n_columns < 1)
        return pt__fail(PT_ERR_ARGUMENT, "%ld columns, expected at least 1", (long)n_columns);
    PT__TRY(
        pt__elements_copy(&context->memory, columns, n_columns, column_size, (uint32_t)sizeof **out, "columns", out));
    for (int32_t i = 0; i < n_columns; i++)
        if ((*out)[i].tokenizer != NULL && (*out)[i].tokenizer->context != context) {
            pt__release(&context->memory, *out);
            return pt__fail(PT_ERR_ARGUMENT, "column %ld: the tokenizer is of another context", (long)i);
        }
    return PT_OK;
}

static pt_status_t dataset_create_from_jsonl(const char *function, pt_context_t *context, const char *path,
                                             const pt_column_t *columns, int32_t n_columns, uint32_t column_size,
                                             const pt_table_options_t *options, pt_dataset_t **out)
{
    pt_column_t *copies;
    pt_table_options_t known;
    PT__NEED_IN(function, path);
    PT__NEED_IN(function, columns);
    PT__TRY(read_options(function, options, 0, &known));
    if (known.separator != 0 || known.missing != NULL)
        return pt__fail(PT_ERR_ARGUMENT, "%s: separator and missing are for CSV", function);
    PT__TRY(copy_columns(context, columns, n_columns, column_size, &copies));
    pt_status_t status = pt__jsonl_create(context, path, copies, n_columns, pt__tokenizer_encode_rows, out);
    pt__release(&context->memory, copies);
    return status;
}

pt_status_t pt_dataset_create_from_jsonl(pt_context_t *context, const char *path, const pt_column_t *columns,
                                         int32_t n_columns, uint32_t column_size, const pt_table_options_t *options,
                                         pt_dataset_t **out)
{
    PT__ENTER();
    PT__NEED_OUT(out);
    PT__NEED(context);
    return pt__context_keep(
        context, dataset_create_from_jsonl(__func__, context, path, columns, n_columns, column_size, options, out));
}

static pt_status_t dataset_create_from_csv(const char *function, pt_context_t *context, const char *path,
                                           const pt_column_t *columns, int32_t n_columns, uint32_t column_size,
                                           const pt_table_options_t *options, pt_dataset_t **out)
{
    pt_column_t *copies;
    pt_table_options_t known;
    PT__NEED_IN(function, path);
    PT__NEED_IN(function, columns);
    PT__TRY(read_options(function, options, PT_TABLE_NO_HEADINGS, &known));
    PT__TRY(copy_columns(context, columns, n_columns, column_size, &copies));
    pt_status_t status = pt__csv_create(context, path, copies, n_columns, &known, pt__tokenizer_encode_rows, out);
    pt__release(&context->memory, copies);
    return status;
}

pt_status_t pt_dataset_create_from_csv(pt_context_t *context, const char *path, const pt_column_t *columns,
                                       int32_t n_columns, uint32_t column_size, const pt_table_options_t *options,
                                       pt_dataset_t **out)
{
    PT__ENTER();
    PT__NEED_OUT(out);
    PT__NEED(context);
    return pt__context_keep(
        context, dataset_create_from_csv(__func__, context, path, columns, n_columns, column_size, options, out));
}

/* ---- Looking inside ---- */

const char *pt_dataset_last_error(const pt_dataset_t *dataset)
{
    return dataset == NULL ? "" : dataset->message;
}

void pt_dataset_free(pt_dataset_t *dataset)
{
    pt__dataset_release(dataset);
}

int64_t pt_dataset_length(const pt_dataset_t *dataset)
{
    return dataset == NULL ? 0 : dataset->length;
}

int32_t pt_dataset_field_count(const pt_dataset_t *dataset)
{
    return dataset == NULL ? 0 : dataset->n_fields;
}

static pt_status_t dataset_field(const char *function, const pt_dataset_t *dataset, int32_t index,
                                 pt_field_spec_t *spec, uint32_t field_size)
{
    PT__NEED_IN(function, spec);
    if (index < 0 || index >= dataset->n_fields)
        return pt__fail(PT_ERR_NOT_FOUND, "%s: index is %ld, expected 0 to %ld", function, (long)index,
                        (long)dataset->n_fields - 1);
    return pt__element_write(spec, field_size, &dataset->fields[index], (uint32_t)sizeof *spec, "spec");
}

pt_status_t pt_dataset_field(const pt_dataset_t *dataset, int32_t index, pt_field_spec_t *spec, uint32_t field_size)
{
    PT__ENTER();
    PT__NEED(dataset);
    return pt__error_keep_on(((pt_dataset_t *)(uintptr_t)dataset)->message,
                             dataset_field(__func__, dataset, index, spec, field_size));
}

int64_t pt_dataset_class_count(const pt_dataset_t *dataset, const char *field)
{
    if (dataset == NULL || field == NULL || dataset->source->class_count == NULL)
        return 0;
    return dataset->source->class_count(dataset, field);
}

const char *pt_dataset_class_name(const pt_dataset_t *dataset, const char *field, int64_t index)
{
    if (dataset == NULL || field == NULL || dataset->source->class_name == NULL)
        return NULL;
    return dataset->source->class_name(dataset, field, index);
}

static pt_status_t read_samples(pt_dataset_t *dataset, const int64_t *indices, int64_t count, const char *field,
                                pt__receiver_t *receiver)
{
    static const char function[] = "pt_dataset_read";
    PT__NEED_IN(function, field);
    if (count > 0)
        PT__NEED_IN(function, indices);
    if (count < 0)
        return pt__fail(PT_ERR_ARGUMENT, "%s: count is %lld, expected at least 0", function, (long long)count);
    if (dataset->length < 0)
        return pt__fail(PT_ERR_UNSUPPORTED, "%s: a stream's samples cannot be chosen by index", function);
    int32_t number = pt__dataset_find(dataset, field);
    if (number < 0)
        return pt__fail(PT_ERR_NOT_FOUND, "%s: the dataset has no field \"%s\"", function, field);
    return pt__dataset_read(dataset, indices, count, number, receiver);
}

pt_status_t pt_dataset_read(pt_dataset_t *dataset, const int64_t *indices, int64_t count, const char *field,
                            pt_array_t *values, uint32_t array_size)
{
    pt__receiver_t receiver;
    PT__ENTER();
    PT__NEED(dataset);
    pt__dataset_begin(dataset); /* a callback may free the host's handle */
    pt_status_t status = pt__receiver_open(values, array_size, "pt_dataset_read: values", &receiver);
    if (status == PT_OK)
        status = pt__receiver_close(&receiver, values, array_size,
                                    read_samples(dataset, indices, count, field, &receiver));
    if (status == PT_OK)
        pt__error_clear(); /* of what failed within the callback */
    pt__error_keep_on(dataset->message, status);
    pt__dataset_end(dataset);
    return status;
}

/* ---- Within callbacks ---- */

/* The message of the call that the callback runs within stays as it is. */
static const pt_array_t *find_array(const pt_array_t *arrays, int32_t count, uint32_t size, const char *name)
{
    for (int32_t i = 0; arrays != NULL && name != NULL && i < count; i++) {
        const pt_array_t *array = (const pt_array_t *)(const void *)((const char *)arrays + (int64_t)size * i);
        if (strcmp(array->name, name) == 0)
            return array;
    }
    return NULL;
}

pt_array_t *pt_batch_field(const pt_batch_t *batch, const char *name)
{
    return batch == NULL ? NULL
                         : (pt_array_t *)(uintptr_t)find_array(batch->fields, batch->n_fields, batch->field_size, name);
}

const pt_array_t *pt_batch_input(const pt_batch_t *batch, const char *name)
{
    return batch == NULL ? NULL : find_array(batch->inputs, batch->n_inputs, batch->field_size, name);
}

/* ---- Views ---- */

static pt_status_t dataset_subset(pt_dataset_t *dataset, int64_t first, int64_t count, pt_dataset_t **out)
{
    return pt__view_subset(dataset, first, count, out);
}

pt_status_t pt_dataset_subset(pt_dataset_t *dataset, int64_t first, int64_t count, pt_dataset_t **out)
{
    PT__ENTER();
    PT__NEED_OUT(out);
    PT__NEED(dataset);
    return pt__error_keep_on(dataset->message, dataset_subset(dataset, first, count, out));
}

static pt_status_t dataset_select(const char *function, pt_dataset_t *dataset, const int64_t *indices, int64_t count,
                                  pt_dataset_t **out)
{
    PT__NEED_IN(function, indices);
    return pt__view_select(dataset, indices, count, out);
}

pt_status_t pt_dataset_select(pt_dataset_t *dataset, const int64_t *indices, int64_t count, pt_dataset_t **out)
{
    PT__ENTER();
    PT__NEED_OUT(out);
    PT__NEED(dataset);
    return pt__error_keep_on(dataset->message, dataset_select(__func__, dataset, indices, count, out));
}

static pt_status_t dataset_shuffle(pt_dataset_t *dataset, uint64_t seed, pt_dataset_t **out)
{
    return pt__view_shuffle(dataset, seed, 0, dataset->length, out);
}

pt_status_t pt_dataset_shuffle(pt_dataset_t *dataset, uint64_t seed, pt_dataset_t **out)
{
    PT__ENTER();
    PT__NEED_OUT(out);
    PT__NEED(dataset);
    return pt__error_keep_on(dataset->message, dataset_shuffle(dataset, seed, out));
}

static pt_status_t dataset_split(const char *function, pt_dataset_t *dataset, double fraction, uint64_t seed,
                                 pt_dataset_t **first, pt_dataset_t **second)
{
    if (!(fraction > 0 && fraction < 1))
        return pt__fail(PT_ERR_ARGUMENT, "%s: fraction is %g, expected 0 < fraction < 1", function,
                        pt__number_shown(fraction));
    int64_t length = dataset->length, count = (int64_t)(fraction * (double)length + 0.5);
    if (length >= 0 && (count < 1 || count >= length))
        return pt__fail(PT_ERR_ARGUMENT, "%s: %g of %lld samples leaves one side empty", function, fraction,
                        (long long)length);
    PT__TRY(pt__view_shuffle(dataset, seed, 0, count, first));
    pt_status_t status = pt__view_shuffle(dataset, seed, count, length - count, second);
    if (status != PT_OK) {
        pt__dataset_release(*first);
        *first = NULL;
    }
    return status;
}

pt_status_t pt_dataset_split(pt_dataset_t *dataset, double fraction, uint64_t seed, pt_dataset_t **first,
                             pt_dataset_t **second)
{
    PT__ENTER();
    PT__NEED_OUT(first);
    PT__NEED_OUT(second);
    PT__NEED(dataset);
    return pt__error_keep_on(dataset->message, dataset_split(__func__, dataset, fraction, seed, first, second));
}
