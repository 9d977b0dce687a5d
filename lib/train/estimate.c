/* What a training step will cost, before it runs: from the plan that it would use. */
#include "train/model.h"

pt_status_t pt__estimate(pt_model_t *model, const pt_optimizer_t *optimizer, const pt__rows_t *rows,
                         pt_estimate_t *estimate)
{
    pt__measure_t measure;
    int64_t held = atomic_load(&model->context->memory.bytes);
    *estimate = (pt_estimate_t){.struct_size = (uint32_t)sizeof *estimate};
    const pt__store_t *store = &model->store;
    for (int64_t i = 0; i < store->count; i++)
        estimate->parameters += store->tensors[i].elements;
    estimate->trainable = pt__store_learnable_elements(store);
    estimate->parameter_bytes = pt__store_bytes(store);
    estimate->gradient_bytes = estimate->trainable * (int64_t)sizeof(float);
    estimate->optimizer_bytes = pt__model_slot_bytes(model, optimizer);
    PT__TRY(pt__plans_measure(model, PT__MODE_TRAIN, rows, &measure));
    estimate->plan_bytes = measure.arena_bytes + measure.table_bytes;
    estimate->operations = measure.operations;
    /* What the context holds already stays; what the step would add comes on top. */
    const pt__planned_t *planned = &model->plans.planned[PT__MODE_TRAIN];
    int64_t tables = planned->plan == NULL ? 0 : pt__plan_table_bytes(planned->plan);
    int32_t is_bound = optimizer != NULL && pt__optimizer_is_bound(optimizer, model->store.identity);
    int64_t slots = is_bound ? 0 : estimate->optimizer_bytes;
    estimate->bytes = held + slots + (store->gradients == NULL ? estimate->gradient_bytes : 0);
    estimate->bytes += pt__store_unplaced_bytes(store);
    estimate->bytes += measure.arena_bytes > model->plans.arena_bytes ? measure.arena_bytes - model->plans.arena_bytes
                                                                      : 0;
    estimate->bytes += measure.table_bytes > tables ? measure.table_bytes - tables : 0;
    return PT_OK;
}
