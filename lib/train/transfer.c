/* Taking over weights from another model, by name, with a report. */
#include "train/model.h"

#include "base/dtype.h"
#include "kernels/device.h"

static int32_t compare(const pt__stored_t *to, const pt_model_t *source)
{
    int64_t index = pt__store_find(&source->store, to->name);
    if (index < 0)
        return PT_TRANSFER_NEW;
    return pt__shape_equal(&source->store.tensors[index].shape, &to->shape) ? PT_TRANSFER_COPIED : PT_TRANSFER_SHAPE;
}

static pt_status_t note(pt_model_t *model, const pt_model_t *source)
{
    for (int64_t i = 0; i < model->store.count; i++)
        PT__TRY(pt__report_note(model, model->store.tensors[i].name, compare(&model->store.tensors[i], source)));
    for (int64_t i = 0; i < source->store.count; i++)
        if (pt__store_find(&model->store, source->store.tensors[i].name) < 0)
            PT__TRY(pt__report_note(model, source->store.tensors[i].name, PT_TRANSFER_UNEXPECTED));
    return PT_OK;
}

static pt_status_t copy(pt_model_t *model, pt__stored_t *to, const pt__store_t *source, const pt__stored_t *from)
{
    pt_context_t *context = source->context;
    const int64_t bytes = pt__dtype_bytes(from->dtype, from->elements);
    const void *values;
    if (from == to)
        return PT_OK;
    PT__TRY(pt__device_read_begin(context->device, &context->memory, from->value, bytes, from->name, &values));
    pt_status_t status = pt__stored_set(&model->store, to, from->dtype, values);
    pt__device_read_end(context->device, &context->memory, values);
    return status;
}

/* Memory of their own for what is copied. */
static pt_status_t make_room(pt_model_t *model, const pt_model_t *source)
{
    pt__store_t *store = &model->store;
    int8_t *chosen;
    if (model == source)
        return PT_OK;
    PT__TRY(pt__allocate(&model->context->memory, (size_t)store->count, 1, "parameters", &chosen));
    for (int64_t i = 0; i < store->count; i++)
        chosen[i] = (store->tensors[i].segment == NULL || pt__store_shares(store, &store->tensors[i])) &&
                    compare(&store->tensors[i], source) == PT_TRANSFER_COPIED;
    pt_status_t status = pt__store_own(store, chosen, 0);
    pt__release(&model->context->memory, chosen);
    return status;
}

/* Rows of the one would be taken for those of the other. */
static pt_status_t check_planes(const pt_model_t *model, const pt_model_t *source)
{
    const pt__offer_t *to = &model->trunk->offer, *from = &source->trunk->offer;
    if (to->turned == NULL || from->turned == NULL || to->side_by_side == from->side_by_side)
        return PT_OK;
    return pt__fail(PT_ERR_UNSUPPORTED,
                    "rope_interleaved is true in one of the models and not in the other, so queries and keys stand in "
                    "another order: save the source, and load its file");
}

/* source may be the model itself */
pt_status_t pt__transfer_copy(pt_model_t *model, const pt_model_t *source)
{
    pt__report_t last = pt__report_begin(model);
    pt__class_names_t names = {0};
    pt__normalizations_t normalizations = {0};
    int32_t with_trunk = 0;
    pt_status_t status;
    PT__TRY_OUT(check_planes(model, source));
    PT__TRY_OUT(note(model, source));
    if (pt__class_names_head_came(model))
        PT__TRY_OUT(pt__class_names_make(&model->context->memory, source->class_names.list, source->class_names.count,
                                         PT_ERR_FORMAT, &names));
    with_trunk = model != source && pt__normalizations_trunk_came(model);
    if (with_trunk)
        PT__TRY_OUT(pt__normalizations_copy(model, &source->normalizations, &normalizations));
    PT__TRY_OUT(pt__store_materialize((pt__store_t *)(uintptr_t)&source->store)); /* its values do not change */
    PT__TRY_OUT(make_room(model, source));
    PT__TRY_OUT(pt__model_renew_dtypes(model));
    for (int64_t i = 0; i < model->store.count; i++) {
        pt__stored_t *to = &model->store.tensors[i];
        if (compare(to, source) != PT_TRANSFER_COPIED)
            continue;
        const pt__stored_t *from = &source->store.tensors[pt__store_find(&source->store, to->name)];
        PT__TRY_OUT(copy(model, to, &source->store, from));
    }
    pt__class_names_take(model, &names);
    if (with_trunk)
        pt__normalizations_replace(model, &normalizations);
    pt__state_forget_accumulation(model);
out:
    pt__class_names_release(&model->context->memory, &names);
    pt__normalizations_release(&model->context->memory, &normalizations);
    pt__report_end(model, last, status);
    return status;
}
