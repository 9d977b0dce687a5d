/* Which of a model's stored tensors learn, and the binding of optimizers to them. */
#include "train/model.h"

pt_status_t pt__model_renew_learnables(pt_model_t *model)
{
    pt__memory_t *memory = &model->context->memory;
    pt__store_t *store = &model->store;
    int32_t *wanted = NULL, *found = NULL;
    pt_status_t status;
    PT__TRY_OUT(pt__allocate(memory, (size_t)store->count, sizeof *wanted, "parameters", &wanted));
    PT__TRY_OUT(pt__allocate(memory, (size_t)store->count, sizeof *found, "parameters", &found));
    for (int64_t i = 0; i < store->count; i++)
        wanted[i] = store->tensors[i].trainable && store->tensors[i].role == PT__ROLE_LEARNS;
    PT__TRY_OUT(pt__graph_find_learnables(model->graph, wanted, found));
    pt__plans_drop(model);
    pt__store_drop_gradients(store);
    pt__state_forget_accumulation(model);
    for (int64_t i = 0; i < store->count; i++)
        store->tensors[i].learnable = found[i];
    pt__store_renew_identity(store);
out:
    pt__release(memory, wanted);
    pt__release(memory, found);
    return status;
}

/* The stored tensors whose names match get the flag; returns how many match, and in *changed how many had another.
 * State that does not learn is not updated by runs either. */
static int64_t flag_matching(pt__store_t *store, const char *pattern, int32_t trainable, int64_t *changed)
{
    int64_t matched = 0;
    *changed = 0;
    for (int64_t i = 0; i < store->count; i++) {
        pt__stored_t *stored = &store->tensors[i];
        if (!pt__pattern_match(pattern, stored->name))
            continue;
        matched++;
        *changed += stored->trainable != trainable;
        stored->trainable = trainable;
    }
    return matched;
}

pt_status_t pt__model_renew_dtypes(pt_model_t *model)
{
    int32_t changed = 0;
    for (int64_t i = 0; i < model->store.count; i++) {
        const pt__stored_t *stored = &model->store.tensors[i];
        if (model->graph->tensors[stored->described->tensor].dtype == stored->dtype)
            continue;
        PT__TRY(pt__graph_store_as(model->graph, i, stored->dtype));
        changed = 1;
    }
    if (changed)
        pt__plans_drop(model);
    return PT_OK;
}

/* What is to learn cannot stay in a file. */
static pt_status_t own_trainable(pt__store_t *store)
{
    int8_t *chosen;
    PT__TRY(pt__allocate(&store->context->memory, (size_t)store->count, 1, "parameters", &chosen));
    for (int64_t i = 0; i < store->count; i++)
        chosen[i] = store->tensors[i].trainable && store->tensors[i].mapped != NULL;
    pt_status_t status = pt__store_own(store, chosen, 1);
    pt__release(&store->context->memory, chosen);
    return status;
}

pt_status_t pt__model_set_trainable(pt_model_t *model, const char *pattern, int32_t trainable, int64_t *matched)
{
    pt__memory_t *memory = &model->context->memory;
    pt__store_t *store = &model->store;
    int32_t *before;
    int64_t changed;
    PT__TRY(pt__allocate(memory, (size_t)store->count, sizeof *before, "parameters", &before));
    for (int64_t i = 0; i < store->count; i++)
        before[i] = store->tensors[i].trainable;
    *matched = flag_matching(store, pattern, trainable, &changed);
    pt_status_t status = PT_OK;
    if (*matched == 0)
        status = pt__fail(PT_ERR_NOT_FOUND, "no parameter matches \"%.200s\"", pattern);
    else if (changed > 0)
        status = own_trainable(store);
    if (status == PT_OK && changed > 0)
        status = pt__model_renew_dtypes(model);
    if (status == PT_OK && changed > 0)
        status = pt__model_renew_learnables(model);
    for (int64_t i = 0; status != PT_OK && i < store->count; i++)
        store->tensors[i].trainable = before[i];
    pt__release(memory, before);
    return status;
}

pt__learnable_t pt__stored_learnable(const pt__stored_t *stored)
{
    return (pt__learnable_t){.name = stored->name,
                             .rank = stored->shape.rank,
                             .size = stored->shape.size,
                             .elements = stored->elements,
                             .value = stored->value,
                             .gradient = stored->gradient};
}

int64_t pt__model_slot_bytes(const pt_model_t *model, const pt_optimizer_t *optimizer)
{
    int64_t bytes = 0;
    for (int64_t i = 0; optimizer != NULL && i < model->store.count; i++) {
        const pt__learnable_t learnable = pt__stored_learnable(&model->store.tensors[i]);
        if (model->store.tensors[i].learnable || pt__optimizer_resting(optimizer, &learnable) >= 0)
            bytes += pt__optimizer_slot_bytes(optimizer, &learnable);
    }
    return bytes;
}

pt_status_t pt__model_bind_optimizer(pt_model_t *model, pt_optimizer_t *optimizer)
{
    return pt__model_bind_optimizer_for(model, optimizer, NULL);
}

pt_status_t pt__model_bind_optimizer_for(pt_model_t *model, pt_optimizer_t *optimizer, const int8_t *has_state)
{
    pt__memory_t *memory = &model->context->memory;
    pt__learnable_t *list, *frozen;
    int64_t count = 0, n_frozen = 0;
    PT__TRY(pt__store_unshare(&model->store)); /* before a stage holds the optimizer to addresses */
    if (model->store.gradients != NULL && pt__optimizer_is_bound(optimizer, model->store.identity))
        return PT_OK;
    PT__TRY(pt__store_place(&model->store));
    PT__TRY(pt__store_make_gradients(&model->store));
    PT__TRY(pt__allocate(memory, 2 * (size_t)model->store.count, sizeof *list, "learnable parameters", &list));
    frozen = list + model->store.count;
    for (int64_t i = 0; i < model->store.count; i++) {
        const pt__stored_t *stored = &model->store.tensors[i];
        if (stored->learnable)
            list[count++] = pt__stored_learnable(stored);
        else if (stored->role == PT__ROLE_LEARNS) {
            frozen[n_frozen] = pt__stored_learnable(stored);
            frozen[n_frozen++].has_state = has_state != NULL && has_state[i];
        }
    }
    pt_status_t status = pt__optimizer_bind(optimizer, list, count, frozen, n_frozen, model->store.identity);
    pt__release(memory, list);
    return status;
}
