/* Memory stated by the host: met by recomputation, then by smaller micro-batches. */
#include "train/model.h"

/* Bytes of one sample's fields as the loader holds them. */
static int64_t sample_bytes(const pt_model_t *model, int64_t tokens)
{
    int64_t bytes = 0;
    for (int64_t i = 0; i < model->graph->n_inputs; i++) {
        const pt__shape_t *shape = &model->graph->tensors[model->graph->inputs[i].tensor].shape;
        bytes += pt__shape_elements(shape) * 4 * (shape->dimension == PT__DIMENSION_TOKENS ? tokens : 1);
    }
    return bytes;
}

static int64_t fixed_bytes(const pt_model_t *model, const pt_optimizer_t *optimizer)
{
    int64_t learnable = pt__store_learnable_elements(&model->store);
    return pt__store_bytes(&model->store) + learnable * (int64_t)sizeof(float) +
           pt__model_slot_bytes(model, optimizer);
}

/* A plan for so many samples of a dataset, and the samples. */
static pt_status_t measure(const pt_model_t *model, pt__mode_t mode, const pt_dataset_t *dataset, int64_t samples,
                           pt__measure_t *out, int64_t *bytes)
{
    int64_t tokens = pt__engine_sample_tokens(model, dataset);
    if (tokens > INT64_MAX / samples)
        return pt__fail(PT_ERR_MEMORY, "%lld samples of up to %lld rows are more than any machine can hold",
                        (long long)samples, (long long)tokens);
    const pt__rows_t rows = pt__rows_make(samples, samples * tokens);
    PT__TRY(pt__engine_measure(model, mode, &rows, out)); /* bounds all sizes at this capacity */
    *bytes = samples * sample_bytes(model, tokens);
    return PT_OK;
}

static pt_status_t needed_bytes(const pt_model_t *model, const pt_optimizer_t *optimizer, const pt_dataset_t *dataset,
                                const pt_train_options_t *options, int64_t micro_batch, int64_t *bytes)
{
    pt__measure_t step, evaluation = {0};
    int64_t samples, evaluated = 0;
    PT__TRY(measure(model, PT__MODE_TRAIN, dataset, micro_batch, &step, &samples));
    if (options->evaluation != NULL)
        PT__TRY(measure(model, PT__MODE_EVALUATE, options->evaluation,
                        options->evaluation_batch > 0 ? options->evaluation_batch : micro_batch, &evaluation,
                        &evaluated));
    *bytes = fixed_bytes(model, optimizer) + step.table_bytes + samples + evaluation.table_bytes + evaluated;
    *bytes += step.arena_bytes > evaluation.arena_bytes ? step.arena_bytes
                                                        : evaluation.arena_bytes; /* they share one */
    return PT_OK;
}

/* Goes over to recomputation and then to smaller micro-batches until the budget is met. */
static pt_status_t fit(pt_model_t *model, const pt_optimizer_t *optimizer, const pt_dataset_t *dataset,
                       const pt_train_options_t *options, int64_t *micro_batch)
{
    int64_t samples = *micro_batch, bytes = 0, parts = 1;
    for (;;) {
        PT__TRY(needed_bytes(model, optimizer, dataset, options, *micro_batch, &bytes));
        if (bytes <= options->memory_budget)
            return PT_OK;
        if (model->recompute != PT_RECOMPUTE_EVERYTHING) {
            /* costs less time than smaller micro-batches with their smaller products */
            pt__model_set_recompute(model, PT_RECOMPUTE_EVERYTHING);
            continue;
        }
        if (options->micro_batch > 0 || *micro_batch == 1)
            return pt__fail(PT_ERR_BUDGET,
                            "pt_train_options.memory_budget is %lld bytes; %lld samples at a time need %lld",
                            (long long)options->memory_budget, (long long)*micro_batch, (long long)bytes);
        while ((samples + parts - 1) / parts >= *micro_batch)
            parts++; /* the next smaller number of equal parts */
        *micro_batch = (samples + parts - 1) / parts;
    }
}

/* Batch norm's results depend on how a batch is cut: that is for the host to say. */
static pt_status_t refuse_cut(const pt_model_t *model, const pt_train_options_t *options, int64_t whole,
                              int64_t micro_batch)
{
    if (options->micro_batch > 0 || micro_batch >= whole || !pt__engine_couples(model))
        return PT_OK;
    return pt__fail(PT_ERR_BUDGET,
                    "pt_train_options.memory_budget is %lld bytes, which asks for %lld of %lld samples at a time, but "
                    "batch norm takes its statistics from all that are computed together: set micro_batch to cut the "
                    "batch all the same",
                    (long long)options->memory_budget, (long long)micro_batch, (long long)whole);
}

pt_status_t pt__budget_micro_batch(pt_model_t *model, const pt_optimizer_t *optimizer, const pt_dataset_t *dataset,
                                   const pt_train_options_t *options, int64_t *micro_batch)
{
    int32_t recompute = model->recompute;
    *micro_batch = options->micro_batch > 0 ? options->micro_batch : options->batch;
    if (dataset->length > 0 && *micro_batch > dataset->length)
        *micro_batch = dataset->length;
    if (options->memory_budget == 0)
        return PT_OK;
    int64_t whole = *micro_batch;
    pt_status_t status = fit(model, optimizer, dataset, options, micro_batch);
    if (status == PT_OK)
        status = refuse_cut(model, options, whole, *micro_batch);
    if (status != PT_OK)
        pt__model_set_recompute(model, recompute);
    else
        pt__model_release_plans(model); /* larger ones of before, that were not asked for now */
    return status;
}
