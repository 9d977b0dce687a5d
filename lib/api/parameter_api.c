/* pt_model_input_*, pt_model_parameter_*, gradients and what learns. */
#include <math.h>

#include "api/handle.h"
#include "base/dtype.h"
#include "kernels/device.h"

int64_t pt_model_input_count(const pt_model_t *model)
{
    return model == NULL ? 0 : model->graph->n_inputs;
}

static void describe_input(const pt_graph_t *graph, const pt__input_t *input, pt_input_info_t *info)
{
    const pt__tensor_t *tensor = pt__graph_tensor(graph, input->tensor);
    const pt__shape_t *shape = &tensor->shape;
    const int32_t has_rows = shape->dimension != PT__DIMENSION_BATCH;
    *info = (pt_input_info_t){.dtype = tensor->dtype,
                              .index_limit = tensor->index_limit,
                              .row_limit = has_rows ? graph->length_limit[shape->dimension] : 0,
                              .name = input->name};
    if (has_rows)
        info->shape[info->rank++] = PT_DIM_TOKENS;
    for (int32_t i = 1; i < shape->rank; i++)
        info->shape[info->rank++] = shape->size[i];
}

pt_status_t pt_model_input_info(const pt_model_t *model, int64_t index, pt_input_info_t *info)
{
    PT__TRY(pt__handle_enter(model, 0, "pt_model_input_info"));
    if (info == NULL)
        return pt__handle_leave(model, pt__handle_null("pt_model_input_info", "info"));
    if (index < 0 || index >= model->graph->n_inputs)
        return pt__handle_leave(model,
                                pt__fail(PT_ERR_ARGUMENT, "pt_model_input_info: index %lld, the model has %lld inputs",
                                         (long long)index, (long long)model->graph->n_inputs));
    pt_input_info_t found;
    describe_input(model->graph, &model->graph->inputs[index], &found);
    return pt__handle_leave(model, pt__result_write(info, &found, (uint32_t)sizeof found, "pt_input_info"));
}

static pt_status_t check_index(const pt_model_t *model, int64_t index, const char *function)
{
    if (index >= 0 && index < model->store.count)
        return PT_OK;
    return pt__fail(PT_ERR_ARGUMENT, "%s: index %lld, the model has %lld parameters", function, (long long)index,
                    (long long)model->store.count);
}

int64_t pt_model_parameter_count(const pt_model_t *model)
{
    return model == NULL ? 0 : model->store.count;
}

pt_status_t pt_model_parameter_info(const pt_model_t *model, int64_t index, pt_parameter_info_t *info)
{
    PT__TRY(pt__handle_enter(model, 0, "pt_model_parameter_info"));
    pt_status_t status = info == NULL ? pt__handle_null("pt_model_parameter_info", "info")
                                      : check_index(model, index, "pt_model_parameter_info");
    if (status != PT_OK)
        return pt__handle_leave(model, status);
    const pt__stored_t *parameter = &model->store.tensors[index];
    const int32_t is_public = pt__dtype_size(parameter->dtype) > 0;
    pt_parameter_info_t found = {.dtype = is_public ? parameter->dtype : 0,
                                 .rank = parameter->shape.rank,
                                 .trainable = parameter->trainable,
                                 .elements = parameter->elements,
                                 .name = parameter->name,
                                 .role = parameter->role == PT__ROLE_STATE ? PT_ROLE_STATE : PT_ROLE_LEARNS,
                                 .owner = parameter->mapped != NULL                    ? PT_OWNER_FILE
                                          : pt__store_shares(&model->store, parameter) ? PT_OWNER_SHARED
                                                                                       : PT_OWNER_MODEL,
                                 .bytes = pt__dtype_bytes(parameter->dtype, parameter->elements),
                                 .dtype_name = pt__dtype_name(parameter->dtype)};
    for (int32_t i = 0; i < parameter->shape.rank; i++)
        found.shape[i] = parameter->shape.size[i];
    return pt__handle_leave(model, pt__result_write(info, &found, (uint32_t)sizeof found, "pt_parameter_info"));
}

pt_status_t pt_model_parameter_find(const pt_model_t *model, const char *name, int64_t *index)
{
    PT__TRY(pt__handle_enter(model, 0, "pt_model_parameter_find"));
    if (name == NULL || index == NULL)
        return pt__handle_leave(model, pt__handle_null("pt_model_parameter_find", name == NULL ? "name" : "index"));
    *index = pt__store_find(&model->store, name);
    if (*index < 0)
        return pt__handle_leave(model, pt__fail(PT_ERR_NOT_FOUND, "the model has no parameter \"%.200s\"", name));
    return PT_OK;
}

/* Brings a tensor's floats to the host's memory. */
typedef pt_status_t (*fetch_fn)(const pt_model_t *model, const pt__stored_t *stored, float *values);

/* To the host: fetched where they are to stand, or aside where they are to be converted. */
static pt_status_t give_floats(const pt_model_t *model, const pt__stored_t *stored, fetch_fn fetch,
                               pt__receiver_t *receiver)
{
    void *aside = NULL;
    pt__receiver_describe(receiver, PT_FLOAT32, stored->shape.rank, stored->shape.size, 0);
    if (pt__receiver_takes(receiver, stored->elements, 0)) {
        float *values = pt__receiver_place(receiver);
        if (values == NULL) {
            PT__TRY(pt__allocate_uninitialised(&model->context->memory, (size_t)stored->elements, sizeof *values,
                                               "values of a tensor", &aside));
            values = aside;
        }
        pt_status_t status = fetch(model, stored, values);
        if (status == PT_OK)
            status = pt__receiver_put(receiver, values, stored->elements);
        pt__release(&model->context->memory, aside);
        PT__TRY(status);
    }
    pt__receiver_count(receiver, stored->elements, 0);
    return pt__receiver_finish(receiver);
}

/* One that stands in a file, in a dtype of its own and in the host's memory. */
static pt_status_t give_mapped(const pt__stored_t *stored, pt__receiver_t *receiver)
{
    pt__receiver_describe(receiver, stored->dtype, stored->shape.rank, stored->shape.size, 0);
    if (pt__receiver_takes(receiver, stored->elements, 0))
        PT__TRY(pt__receiver_put(receiver, stored->value, stored->elements));
    pt__receiver_count(receiver, stored->elements, 0);
    return pt__receiver_finish(receiver);
}

static pt_status_t fetch_value(const pt_model_t *model, const pt__stored_t *stored, float *values)
{
    return pt__stored_get(&model->store, stored, values);
}

static pt_status_t get_parameter(const pt_model_t *model, const pt__stored_t *stored, pt__receiver_t *receiver)
{
    if (stored->mapped != NULL && pt__dtype_size(stored->dtype) > 0)
        return give_mapped(stored, receiver);
    return give_floats(model, stored, fetch_value, receiver);
}

pt_status_t pt_model_parameter_get(const pt_model_t *model, int64_t index, pt_array_t *values, uint32_t array_size)
{
    pt__receiver_t receiver;
    PT__TRY(pt__handle_enter(model, 0, "pt_model_parameter_get"));
    pt_status_t status = check_index(model, index, "pt_model_parameter_get");
    if (status == PT_OK)
        status = pt__receiver_open(values, array_size, "pt_model_parameter_get: values", &receiver);
    if (status != PT_OK)
        return pt__handle_leave(model, status);
    if (!receiver.asks) /* the initial values may have to be drawn yet */
        status = pt__store_materialize((pt__store_t *)(uintptr_t)&model->store);
    if (status == PT_OK)
        status = get_parameter(model, &model->store.tensors[index], &receiver);
    return pt__handle_leave(model, pt__receiver_close(&receiver, values, array_size, status));
}

static pt_status_t set_parameter(pt_model_t *model, int64_t index, const float *values)
{
    pt__stored_t *stored = &model->store.tensors[index];
    for (int64_t i = 0; i < stored->elements; i++)
        if (!isfinite(values[i]))
            return pt__fail(PT_ERR_NONFINITE, "pt_model_parameter_set: \"%s\": value %lld is not finite", stored->name,
                            (long long)i);
    PT__TRY(pt__store_own_one(&model->store, index));
    PT__TRY(pt__model_renew_dtypes(model));
    return pt__stored_set(&model->store, stored, PT_FLOAT32, values);
}

/* The host's values as floats: where they are, or in *copy, which is to be released. */
static pt_status_t read_values(const pt_model_t *model, int64_t index, const pt_array_t *given, uint32_t size,
                               const float **values, void **copy)
{
    const pt__stored_t *stored = &model->store.tensors[index];
    pt_array_t array;
    *copy = NULL;
    PT__TRY(pt__array_read(given, size, "pt_model_parameter_set: values", &array));
    pt_status_t status = pt__array_expect(&array, "pt_model_parameter_set: values", stored->shape.rank,
                                          stored->shape.size, stored->elements);
    if (status != PT_OK)
        return pt__fail_within(status, "\"%s\"", stored->name);
    const void *floats = NULL;
    status = pt__array_convert(&model->context->memory, &array, stored->name, PT_FLOAT32, stored->elements, &floats,
                               copy);
    *values = floats;
    return status;
}

pt_status_t pt_model_parameter_set(pt_model_t *model, int64_t index, const pt_array_t *values, uint32_t array_size)
{
    const float *floats = NULL;
    void *copy = NULL;
    PT__TRY(pt__handle_enter(model, 1, "pt_model_parameter_set"));
    pt_status_t status = check_index(model, index, "pt_model_parameter_set");
    if (status == PT_OK)
        status = read_values(model, index, values, array_size, &floats, &copy);
    if (status == PT_OK)
        status = set_parameter(model, index, floats);
    pt__release(&model->context->memory, copy);
    return pt__handle_leave(model, status);
}

/* The mean over what was accumulated. */
static pt_status_t fetch_gradient(const pt_model_t *model, const pt__stored_t *stored, float *values)
{
    PT__TRY(pt__device_download(model->context->device, values, stored->gradient,
                                stored->elements * (int64_t)sizeof *values));
    for (int64_t i = 0; i < stored->elements; i++)
        values[i] = (float)((double)values[i] / model->pending.weight);
    return PT_OK;
}

static pt_status_t get_gradient(const pt_model_t *model, const pt__stored_t *stored, pt__receiver_t *receiver)
{
    if (stored->gradient == NULL || model->pending.accumulated == 0 || !(model->pending.weight > 0))
        return pt__fail(PT_ERR_STATE, "pt_model_gradient_get: no gradient is accumulated for \"%s\"", stored->name);
    return give_floats(model, stored, fetch_gradient, receiver);
}

pt_status_t pt_model_gradient_get(const pt_model_t *model, int64_t index, pt_array_t *values, uint32_t array_size)
{
    pt__receiver_t receiver;
    PT__TRY(pt__handle_enter(model, 0, "pt_model_gradient_get"));
    pt_status_t status = check_index(model, index, "pt_model_gradient_get");
    if (status == PT_OK)
        status = pt__receiver_open(values, array_size, "pt_model_gradient_get: values", &receiver);
    if (status == PT_OK)
        status = pt__receiver_close(&receiver, values, array_size,
                                    get_gradient(model, &model->store.tensors[index], &receiver));
    return pt__handle_leave(model, status);
}

pt_status_t pt_model_set_recompute(pt_model_t *model, int32_t recompute)
{
    PT__TRY(pt__handle_enter(model, 1, "pt_model_set_recompute"));
    if (recompute < PT_RECOMPUTE_NOTHING || recompute > PT_RECOMPUTE_CHEAP)
        return pt__handle_leave(model, pt__fail(PT_ERR_ARGUMENT,
                                                "pt_model_set_recompute: recompute is %d, expected one of "
                                                "PT_RECOMPUTE_NOTHING, PT_RECOMPUTE_EVERYTHING, PT_RECOMPUTE_CHEAP",
                                                (int)recompute));
    pt__plans_set_recompute(model, recompute);
    return PT_OK;
}

pt_status_t pt_model_set_trainable(pt_model_t *model, const char *pattern, int32_t trainable, int64_t *matched)
{
    PT__TRY(pt__handle_enter(model, 1, "pt_model_set_trainable"));
    int64_t count = 0;
    if (matched != NULL)
        *matched = 0;
    if (pattern == NULL)
        return pt__handle_leave(model, pt__handle_null("pt_model_set_trainable", "pattern"));
    pt_status_t status = pt__model_set_trainable(model, pattern, trainable != 0, &count);
    if (matched != NULL)
        *matched = count;
    return pt__handle_leave(model, status);
}
