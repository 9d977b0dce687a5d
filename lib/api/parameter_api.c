/* pt_model_parameter_*, gradients and what learns. */
#include <math.h>

#include "api/handle.h"
#include "kernels/device.h"

static pt_status_t check_index(const pt_model_t *model, int64_t index, const char *function)
{
    if (index >= 0 && index < model->store.count)
        return PT_OK;
    return pt__fail(PT_ERR_ARGUMENT, "%s: index %lld, the model has %lld parameters", function, (long long)index,
                    (long long)model->store.count);
}

static pt_status_t check_values(const pt_model_t *model, int64_t index, const float *values, int64_t elements,
                                const char *function)
{
    PT__TRY(check_index(model, index, function));
    if (values == NULL)
        return pt__handle_null(function, "values");
    const pt__stored_t *parameter = &model->store.tensors[index];
    if (elements != parameter->elements)
        return pt__fail(PT_ERR_SHAPE, "%s: elements is %lld, \"%s\" has %lld", function, (long long)elements,
                        parameter->name, (long long)parameter->elements);
    return PT_OK;
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
    pt_parameter_info_t found = {.dtype = parameter->dtype,
                                 .rank = parameter->shape.rank,
                                 .trainable = parameter->trainable,
                                 .elements = parameter->elements,
                                 .name = parameter->name,
                                 .role = parameter->role == PT__ROLE_STATE ? PT_ROLE_STATE : PT_ROLE_LEARNS,
                                 .owner = parameter->mapped != NULL                    ? PT_OWNER_FILE
                                          : pt__store_shares(&model->store, parameter) ? PT_OWNER_SHARED
                                                                                       : PT_OWNER_MODEL};
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

pt_status_t pt_model_parameter_get(const pt_model_t *model, int64_t index, float *values, int64_t elements)
{
    PT__TRY(pt__handle_enter(model, 0, "pt_model_parameter_get"));
    pt_status_t status = check_values(model, index, values, elements, "pt_model_parameter_get");
    if (status == PT_OK) /* the initial values may have to be drawn yet */
        status = pt__store_settle((pt__store_t *)(uintptr_t)&model->store);
    if (status == PT_OK)
        status = pt__stored_get(&model->store, &model->store.tensors[index], values);
    return pt__handle_leave(model, status);
}

pt_status_t pt_model_parameter_set(pt_model_t *model, int64_t index, const float *values, int64_t elements)
{
    PT__TRY(pt__handle_enter(model, 1, "pt_model_parameter_set"));
    pt_status_t status = check_values(model, index, values, elements, "pt_model_parameter_set");
    for (int64_t i = 0; status == PT_OK && i < elements; i++)
        if (!isfinite(values[i]))
            status = pt__fail(PT_ERR_NONFINITE, "pt_model_parameter_set: \"%s\": value %lld is not finite",
                              model->store.tensors[index].name, (long long)i);
    if (status == PT_OK)
        status = pt__store_own_one(&model->store, index);
    if (status == PT_OK)
        status = pt__model_renew_dtypes(model);
    if (status == PT_OK)
        status = pt__stored_set(&model->store, &model->store.tensors[index], PT_FLOAT32, values);
    return pt__handle_leave(model, status);
}

pt_status_t pt_model_gradient_get(const pt_model_t *model, int64_t index, float *values, int64_t elements)
{
    PT__TRY(pt__handle_enter(model, 0, "pt_model_gradient_get"));
    pt_status_t status = check_values(model, index, values, elements, "pt_model_gradient_get");
    if (status != PT_OK)
        return pt__handle_leave(model, status);
    const pt__stored_t *parameter = &model->store.tensors[index];
    if (parameter->gradient == NULL || model->accumulated == 0 || !(model->weight > 0))
        return pt__handle_leave(
            model,
            pt__fail(PT_ERR_STATE, "pt_model_gradient_get: no gradient is accumulated for \"%s\"", parameter->name));
    status = pt__device_download(model->context->device, values, parameter->gradient,
                                 elements * (int64_t)sizeof(float));
    for (int64_t i = 0; status == PT_OK && i < elements; i++)
        values[i] = (float)((double)values[i] / model->weight);
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
    pt__model_set_recompute(model, recompute);
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
