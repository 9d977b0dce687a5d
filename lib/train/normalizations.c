/* See normalizations.h. */
#include "train/normalizations.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "train/model.h"

#define KEY "pretrain.normalization"

static void release_one(pt__memory_t *memory, pt__normalization_t *one)
{
    pt__release(memory, one->field);
    pt__release(memory, one->values);
}

void pt__normalizations_release(pt__memory_t *memory, pt__normalizations_t *all)
{
    for (int64_t i = 0; i < all->count; i++)
        release_one(memory, &all->list[i]);
    pt__release(memory, all->list);
    *all = (pt__normalizations_t){0};
}

void pt__normalizations_replace(pt_model_t *model, pt__normalizations_t *all)
{
    if (model->normalizations.count > 0 || all->count > 0)
        pt__plans_drop(model); /* the fields that plans read point to the old ones */
    pt__normalizations_release(&model->context->memory, &model->normalizations);
    model->normalizations = *all;
    *all = (pt__normalizations_t){0};
}

static int64_t find_input(const pt_graph_t *graph, const char *field)
{
    for (int64_t i = 0; i < graph->n_inputs; i++)
        if (strcmp(graph->inputs[i].name, field) == 0)
            return i;
    return -1;
}

pt_status_t pt__normalizations_check(const pt_model_t *model, const char *field, int64_t *features)
{
    const int64_t index = find_input(model->trunk, field);
    if (index < 0 && find_input(model->graph, field) >= 0)
        return pt__fail(PT_ERR_ARGUMENT,
                        "field \"%s\" is the task's: the model's outputs would no longer mean what they are trained on",
                        field);
    if (index < 0)
        return pt__fail(PT_ERR_NOT_FOUND, "the network has no field \"%s\"", field);
    const pt__tensor_t *tensor = &model->trunk->tensors[model->trunk->inputs[index].tensor];
    if (tensor->dtype != PT_FLOAT32)
        return pt__fail(PT_ERR_ARGUMENT, "field \"%s\" has whole numbers, expected one of PT_FLOAT32", field);
    *features = tensor->shape.rank > 1 ? tensor->shape.size[tensor->shape.rank - 1] : 1;
    return PT_OK;
}

/* A copy of its own of each. */
static pt_status_t make(pt__memory_t *memory, const char *field, const pt__normal_t *normal, pt__normalization_t *out)
{
    const int64_t count = normal->count;
    pt__normalization_t one = {.normal = {.count = count}};
    pt_status_t status;
    PT__TRY(pt__string_copy(memory, field, &one.field));
    PT__TRY_OUT(pt__allocate(memory, (size_t)count, 3 * sizeof *one.values, "normalisation", &one.values));
    memcpy(one.values, normal->shift, (size_t)count * sizeof *one.values);
    memcpy(one.values + count, normal->scale, (size_t)count * sizeof *one.values);
    one.normal.shift = one.values;
    one.normal.scale = one.values + count;
    if (normal->fill != NULL) {
        memcpy(one.values + 2 * count, normal->fill, (size_t)count * sizeof *one.values);
        one.normal.fill = one.values + 2 * count;
    }
    *out = one;
    return PT_OK;
out:
    release_one(memory, &one);
    return status;
}

/* All of `source` but one field's, with room for another. */
static pt_status_t copy_others(pt__memory_t *memory, const pt__normalizations_t *source, const char *without,
                               pt__normalizations_t *out)
{
    *out = (pt__normalizations_t){0};
    PT__TRY(pt__allocate(memory, (size_t)source->count + 1, sizeof *out->list, "normalisations", &out->list));
    for (int64_t i = 0; i < source->count; i++) {
        if (without != NULL && strcmp(source->list[i].field, without) == 0)
            continue;
        pt_status_t status = make(memory, source->list[i].field, &source->list[i].normal, &out->list[out->count]);
        if (status != PT_OK) {
            pt__normalizations_release(memory, out);
            return status;
        }
        out->count++;
    }
    return PT_OK;
}

pt_status_t pt__normalizations_set(pt_model_t *model, const char *field, const pt__normal_t *normal)
{
    pt__memory_t *memory = &model->context->memory;
    pt__normalizations_t all;
    PT__TRY(copy_others(memory, &model->normalizations, field, &all));
    pt_status_t status = normal == NULL ? PT_OK : make(memory, field, normal, &all.list[all.count]);
    if (status == PT_OK) {
        all.count += normal != NULL;
        pt__normalizations_replace(model, &all);
    }
    pt__normalizations_release(memory, &all);
    return status;
}

pt_status_t pt__normalizations_measure(pt_model_t *model, pt_dataset_t *dataset, const char *field, int32_t kind,
                                       int32_t fills)
{
    pt__memory_t *memory = &model->context->memory;
    pt__request_t request = {0};
    double *values = NULL;
    int64_t count;
    pt_status_t status;
    PT__TRY(pt__normalizations_check(model, field, &count));
    PT__TRY(pt__requests_describe(model->trunk, find_input(model->trunk, field), &request));
    PT__TRY_OUT(pt__allocate(memory, (size_t)count, 3 * sizeof *values, "normalisation", &values));
    const pt__normal_t normal = {
        .count = count, .shift = values, .scale = values + count, .fill = fills ? values + 2 * count : NULL};
    PT__TRY_OUT(pt__normal_measure(dataset, &request, kind, values, values + count, fills ? values + 2 * count : NULL));
    PT__TRY_OUT(pt__normalizations_set(model, field, &normal));
out:
    pt__release(memory, values);
    pt__release(memory, (char *)(uintptr_t)request.name);
    return status;
}

pt_status_t pt__normalizations_copy(const pt_model_t *model, const pt__normalizations_t *source,
                                    pt__normalizations_t *out)
{
    int64_t features;
    *out = (pt__normalizations_t){0};
    for (int64_t i = 0; i < source->count; i++) {
        const pt__normalization_t *one = &source->list[i];
        pt_status_t status = pt__normalizations_check(model, one->field, &features);
        if (status != PT_OK || features != one->normal.count)
            return pt__fail(PT_ERR_STATE,
                            "the other model's field \"%s\" is normalised and has %lld features, which this one's "
                            "network lacks",
                            one->field, (long long)one->normal.count);
    }
    return source->count == 0 ? PT_OK : copy_others(&model->context->memory, source, NULL, out);
}

/* The graph has the trunk's tensors first. */
int32_t pt__normalizations_trunk_came(const pt_model_t *model)
{
    int64_t missing = model->trunk->n_parameters;
    for (int64_t i = 0; i < model->report.count; i++) {
        const pt__transfer_t *entry = &model->report.entries[i];
        const int64_t index = pt__store_find(&model->store, entry->name);
        missing -= entry->kind == PT_TRANSFER_COPIED && index >= 0 && index < model->trunk->n_parameters;
    }
    return missing == 0;
}

/* ---- In files ---- */

static void write_numbers(pt__text_t *text, const char *key, const double *values, int64_t count)
{
    pt__text_add(text, "\"%s\": [", key);
    for (int64_t i = 0; i < count; i++) {
        pt__text_add(text, i == 0 ? "" : ", ");
        pt__json_add_number(text, values[i]);
    }
    pt__text_add(text, "]");
}

pt_status_t pt__normalizations_write(const pt_model_t *model, char **out)
{
    const pt__normalizations_t *all = &model->normalizations;
    pt__text_t text = pt__text_start(&model->context->memory);
    *out = NULL;
    if (all->count == 0)
        return PT_OK;
    pt__text_add(&text, "{");
    for (int64_t i = 0; i < all->count; i++) {
        const pt__normalization_t *one = &all->list[i];
        pt__text_add(&text, i == 0 ? "" : ", ");
        pt__json_add_string(&text, one->field, (int64_t)strlen(one->field));
        pt__text_add(&text, ": {");
        write_numbers(&text, "shift", one->normal.shift, one->normal.count);
        pt__text_add(&text, ", ");
        write_numbers(&text, "scale", one->normal.scale, one->normal.count);
        if (one->normal.fill != NULL) {
            pt__text_add(&text, ", ");
            write_numbers(&text, "fill", one->normal.fill, one->normal.count);
        }
        pt__text_add(&text, "}");
    }
    pt__text_add(&text, "}");
    return pt__text_take(&text, out, NULL);
}

/* The first few. */
static void print_numbers(pt__text_t *text, const char *name, const double *values, int64_t count)
{
    enum { SHOWN = 4 };
    pt__text_add(text, "%s", name);
    for (int64_t i = 0; i < count && i < SHOWN; i++)
        pt__text_add(text, "%s %.6g", i == 0 ? "" : ",", values[i]);
    pt__text_add(text, count > SHOWN ? ", ..." : "");
}

void pt__normalizations_print(const pt__normalizations_t *all, pt__text_t *text)
{
    for (int64_t i = 0; i < all->count; i++) {
        const pt__normal_t *normal = &all->list[i].normal;
        pt__text_add(text, "field \"%s\" goes in as (value - shift) / scale, features %lld: ", all->list[i].field,
                     (long long)normal->count);
        print_numbers(text, "shift", normal->shift, normal->count);
        print_numbers(text, "; scale", normal->scale, normal->count);
        if (normal->fill != NULL)
            print_numbers(text, "; NaN is taken as", normal->fill, normal->count);
        pt__text_add(text, "\n");
    }
}

/* `above`: all of them are greater. */
static pt_status_t read_numbers(const pt__json_t *object, const char *key, int32_t need, int64_t count, double above,
                                double *values, int32_t *found)
{
    const pt__json_t *array = NULL;
    PT__TRY(pt__json_get_array(object, key, need, &array));
    *found = array != NULL;
    if (array == NULL)
        return PT_OK;
    if (array->length != count)
        return pt__json_fail(array, PT_ERR_FORMAT, "%lld numbers, expected %lld, one a feature of the network's field",
                             (long long)array->length, (long long)count);
    for (const pt__json_t *one = array->first; one != NULL; one = one->next, values++) {
        if (one->kind != PT__JSON_NUMBER || !isfinite(one->number) || !(one->number > above))
            return pt__json_fail(one, PT_ERR_FORMAT, "expected a finite number%s", above == 0 ? " above 0" : "");
        *values = one->number;
    }
    return PT_OK;
}

static pt_status_t read_one(const pt_model_t *model, const pt__json_t *object, pt__normalization_t *out)
{
    pt__memory_t *memory = &model->context->memory;
    double *values;
    int64_t count;
    int32_t fills = 0, found;
    pt_status_t status = pt__normalizations_check(model, object->key, &count);
    if (status != PT_OK)
        return status;
    if (object->kind != PT__JSON_OBJECT)
        return pt__json_fail(object, PT_ERR_FORMAT, "expected an object, found %s", pt__json_kind_name(object->kind));
    PT__TRY(pt__allocate(memory, (size_t)count, 3 * sizeof *values, "normalisation", &values));
    PT__TRY_OUT(read_numbers(object, "shift", PT__JSON_REQUIRED, count, -INFINITY, values, &found));
    PT__TRY_OUT(read_numbers(object, "scale", PT__JSON_REQUIRED, count, 0, values + count, &found));
    PT__TRY_OUT(read_numbers(object, "fill", PT__JSON_OPTIONAL, count, -INFINITY, values + 2 * count, &fills));
    const pt__normal_t normal = {
        .count = count, .shift = values, .scale = values + count, .fill = fills ? values + 2 * count : NULL};
    PT__TRY_OUT(make(memory, object->key, &normal, out));
out:
    pt__release(memory, values);
    return status;
}

static pt_status_t read_all(const pt_model_t *model, const pt__json_t *root, pt__normalizations_t *out)
{
    if (root->kind != PT__JSON_OBJECT)
        return pt__fail(PT_ERR_FORMAT, "expected an object, found %s", pt__json_kind_name(root->kind));
    if (root->length == 0)
        return PT_OK;
    PT__TRY(
        pt__allocate(&model->context->memory, (size_t)root->length, sizeof *out->list, "normalisations", &out->list));
    for (const pt__json_t *one = root->first; one != NULL; one = one->next, out->count++)
        PT__TRY(read_one(model, one, &out->list[out->count]));
    return PT_OK;
}

pt_status_t pt__normalizations_read_file(const pt_model_t *model, const char *path, const pt__tensors_t *table,
                                         pt__normalizations_t *out)
{
    pt__memory_t *memory = &model->context->memory;
    const char *json = pt__tensors_value(table, KEY);
    pt__json_document_t *document;
    const pt__json_t *root;
    *out = (pt__normalizations_t){0};
    if (json == NULL)
        return PT_OK;
    pt_status_t status = pt__json_parse(memory, "the text", json, (int64_t)strlen(json), &document, &root);
    if (status == PT_OK) {
        status = read_all(model, root, out);
        pt__json_free(document);
    }
    if (status == PT_OK)
        return PT_OK;
    pt__normalizations_release(memory, out);
    if (status == PT_ERR_NOT_FOUND || status == PT_ERR_ARGUMENT) /* the file's fault, not the caller's */
        status = PT_ERR_FORMAT;
    return pt__fail_within(status, "%s: metadata \"" KEY "\"", path);
}
