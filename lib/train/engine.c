/* Between data and plans: what is loaded or handed over for the fields that a mode reads, a run, and what it leaves to
 * be read. Called by the stages. */
#include <string.h>

#include "base/dtype.h"
#include "base/random.h"
#include "kernels/device.h"
#include "train/model.h"

pt__rows_t pt__engine_sample_rows(const pt_model_t *model, const pt_dataset_t *dataset)
{
    pt__rows_t most = pt__rows_make(1, 0);
    for (int32_t i = 0; i < dataset->n_fields; i++) {
        const pt_field_spec_t *field = &dataset->fields[i];
        const pt__input_t *input = pt__graph_input(model->graph, field->name);
        int32_t dimension = input == NULL ? PT__DIMENSION_NONE : model->graph->tensors[input->tensor].shape.dimension;
        if (field->rank == 0 || dimension <= PT__DIMENSION_BATCH)
            continue;
        int64_t rows = field->shape[0] == PT_DIM_TOKENS ? field->max_length
                                                        : field->shape[0]; /* samples may be of one length */
        int64_t limit = model->graph->length_limit[dimension], *longest = &most.count[dimension];
        *longest = rows > *longest ? rows : *longest;
        *longest = limit > 0 && *longest > limit ? limit : *longest;
    }
    return most;
}

int32_t pt__engine_couples(const pt_model_t *model)
{
    const pt_graph_t *graph = model->graph;
    for (int64_t i = 0; i < graph->n_nodes; i++) {
        const pt__node_t *node = &graph->nodes[i];
        for (int32_t k = 0; k < node->n_outputs && (node->op->flags & PT__OP_COUPLES); k++) {
            int32_t input = node->op->updated_input[k];
            if (input > 0 && model->store.tensors[graph->tensors[node->inputs[input - 1]].place].trainable)
                return 1;
        }
    }
    return 0;
}

/* The dimension of the field that derived field i is made from. */
static int32_t dimension_of_origin(const pt_model_t *model, const pt__requests_t *requests, int32_t i)
{
    const int32_t from = requests->derived_from[i];
    const int32_t input = from >= 0 ? requests->input[from] : requests->derived[requests->derived_after[i]];
    return model->graph->tensors[model->graph->inputs[input].tensor].shape.dimension;
}

/* Fills the fields that the task and the family make themselves. */
static void derive(pt_model_t *model, const pt__requests_t *requests, const pt__loaded_t *loaded, uint64_t key,
                   pt__run_t *run)
{
    for (int32_t i = 0; i < PT__MAX_DERIVED; i++) {
        const int32_t input = requests->derived[i], from = requests->derived_from[i];
        if (input < 0)
            continue;
        const pt__tensor_t *tensor = &model->graph->tensors[model->graph->inputs[input].tensor];
        const pt__dimension_t *dimension = &model->graph->dimensions[tensor->shape.dimension];
        const int32_t of_task = model->task_kind != NULL && i < model->task_kind->n_derived;
        int32_t *chosen = dimension->is_chosen ? model->plans.offsets[tensor->shape.dimension] : NULL;
        const pt__derivation_t derivation = {
            .from = from >= 0 ? loaded->data[from] : model->plans.derived[requests->derived_after[i]].values,
            .offsets = run->offsets[dimension_of_origin(model, requests, i)],
            .samples = loaded->rows.count[PT__DIMENSION_BATCH],
            .limit = tensor->index_limit,
            .key = pt__random_key(key, 0x64657269u),
            .options = of_task ? &model->task : NULL,
            .graph = model->graph,
            .is_training = run->training,
            .chosen = chosen};
        pt__requests_derived(model, i)->derive(&derivation, model->plans.derived[i].values);
        model->inputs[input] = model->plans.derived[i].values;
        if (chosen != NULL) {
            run->offsets[tensor->shape.dimension] = chosen;
            run->count[tensor->shape.dimension] = chosen[derivation.samples];
        }
    }
}

/* What dropouts and derived fields draw from; 0 where nothing is drawn. */
static uint64_t run_key(const pt_model_t *model, pt__mode_t mode)
{
    if (model->graph->draws == 0 && (model->task_kind == NULL || model->task_kind->n_derived == 0))
        return 0;
    return pt__random_key(model->seed, mode == PT__MODE_TRAIN ? (uint64_t)model->micro_steps : UINT64_MAX);
}

pt_status_t pt__engine_run(pt_model_t *model, pt__mode_t mode, const pt__requests_t *requests,
                           const pt__loaded_t *loaded)
{
    uint64_t key = run_key(model, mode);
    pt__run_t run; /* large, and a step may be short: nothing is written twice, and no dimension that is not there */
    run.device = model->context->device;
    run.training = mode == PT__MODE_TRAIN;
    run.random_key = run.training ? key : 0;
    run.accumulate = run.training && model->pending.accumulated > 0;
    run.finished = NULL;
    run.finished_user = NULL;
    for (int32_t i = 0; i < model->graph->n_dimensions; i++) {
        run.offsets[i] = loaded->offsets[i];
        run.count[i] = loaded->rows.count[i];
    }
    pt__graph_derive_offsets(model->graph, run.count[PT__DIMENSION_BATCH], run.offsets, model->plans.offsets,
                             run.count);
    for (int32_t i = 0; i < requests->count; i++)
        model->inputs[requests->input[i]] = loaded->data[i];
    derive(model, requests, loaded, key, &run);
    PT__TRY(pt__device_enter(run.device));
    pt_status_t status = pt__plan_run(model->plans.planned[mode].plan, &run, model->inputs);
    pt_status_t left = pt__device_leave(run.device);
    if (status == PT_OK)
        status = left;
    model->micro_steps += status == PT_OK && mode == PT__MODE_TRAIN;
    return status;
}

pt_status_t pt__engine_read(const pt_model_t *model, pt__mode_t mode, pt_tensor_t tensor, void *dst)
{
    pt__kept_t kept = pt__plan_read(model->plans.planned[mode].plan, tensor);
    const int64_t size = pt__dtype_size(model->graph->tensors[tensor].dtype);
    return pt__device_download(model->context->device, dst, kept.data, kept.elements * size);
}

pt_status_t pt__engine_read_scalar(const pt_model_t *model, pt__mode_t mode, pt_tensor_t tensor, double *value)
{
    float read = 0;
    PT__TRY(pt__engine_read(model, mode, tensor, &read));
    *value = (double)read;
    return PT_OK;
}

pt_status_t pt__engine_requests(pt_model_t *model, pt__mode_t mode, pt_tensor_t tensor, const pt_dataset_t *dataset,
                                const pt__requests_t **requests)
{
    uint32_t lacking = pt__requests_lacking(model, mode);
    for (int32_t i = 0; i < dataset->n_fields; i++)
        pt__requests_note_field(model, dataset->fields[i].name, &lacking);
    return pt__requests_find(model, mode, tensor, lacking, requests);
}

pt_status_t pt__engine_loader(pt_model_t *model, pt__mode_t mode, pt_tensor_t tensor, pt_dataset_t *dataset,
                              const pt__loader_options_t *options, const pt__cursor_t *start,
                              const pt__requests_t **requests, pt__loader_t **out)
{
    pt__loader_options_t limited = *options;
    memcpy(limited.length_limit, model->graph->length_limit, sizeof limited.length_limit);
    PT__TRY(pt__engine_requests(model, mode, tensor, dataset, requests));
    return pt__loader_create(dataset, (*requests)->list, (*requests)->count, &limited, start, out);
}

static pt_status_t take_values(pt_model_t *model, pt__mode_t mode, pt_tensor_t tensor, const pt_array_t *values,
                               int32_t n_values, int64_t samples, const pt__requests_t **requests, pt__loaded_t *loaded)
{
    uint32_t lacking = pt__requests_lacking(model, mode);
    for (int32_t i = 0; lacking != 0 && i < n_values; i++)
        pt__requests_note_field(model, values[i].name, &lacking);
    PT__TRY(pt__requests_find(model, mode, tensor, lacking, requests));
    if (model->collectors[mode] == NULL)
        PT__TRY(pt__collector_create(model->context, (*requests)->list, (*requests)->count, model->graph->length_limit,
                                     &model->collectors[mode]));
    PT__TRY(pt__collector_take(model->collectors[mode], values, n_values, samples, loaded));
    return pt__plans_prepare(model, mode, tensor, &loaded->rows, NULL);
}

pt_status_t pt__engine_take(pt_model_t *model, pt__mode_t mode, pt_tensor_t tensor, const pt__given_t *given,
                            const pt__requests_t **requests, pt__loaded_t *loaded)
{
    const uint32_t known = (uint32_t)sizeof *given->values;
    pt_array_t *copies = NULL;
    if (given->count < 0 || (given->count > 0 && given->values == NULL))
        return pt__fail(PT_ERR_ARGUMENT, "values is NULL or n_values, %d, is negative", (int)given->count);
    if (given->size != known) /* a host that was compiled with another version of the header */
        PT__TRY(pt__elements_copy(&model->context->memory, given->values, given->count, given->size, known, "values",
                                  &copies));
    pt_status_t status = take_values(model, mode, tensor, copies != NULL ? copies : given->values, given->count,
                                     given->samples, requests, loaded);
    pt__release(&model->context->memory, copies);
    return status;
}

pt_status_t pt__engine_values(const pt_model_t *model, pt__mode_t mode, const pt__requests_t *requests,
                              const pt__loaded_t *loaded, pt_tensor_t tensor, void *buffer, const void **values)
{
    const pt__tensor_t *found = &model->graph->tensors[tensor];
    *values = buffer;
    if (found->kind != PT__KIND_INPUT)
        return pt__engine_read(model, mode, tensor, buffer);
    for (int32_t i = 0; i < requests->count; i++)
        if (requests->input[i] == found->place)
            *values = loaded->data[i];
    for (int32_t i = 0; i < PT__MAX_DERIVED; i++)
        if (requests->derived[i] == found->place)
            *values = model->plans.derived[i].values;
    return PT_OK;
}

pt_status_t pt__engine_loss(const pt_model_t *model, pt__mode_t mode, int64_t samples, double *loss, double *weight)
{
    pt_tensor_t weight_tensor = pt__graph_loss_weight(model->graph);
    PT__TRY(pt__engine_read_scalar(model, mode, model->graph->loss, loss));
    *weight = (double)samples;
    if (weight_tensor == PT_NO_TENSOR)
        return PT_OK;
    return pt__engine_read_scalar(model, mode, weight_tensor, weight);
}
