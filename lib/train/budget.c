/* Memory stated by the host: met by recomputation, then by smaller micro-batches. */
#include "train/model.h"

static int64_t longest(const pt_model_t *model, const pt_dataset_t *dataset)
{
    const pt__rows_t rows = pt__engine_sample_rows(model, dataset);
    int64_t most = 0;
    for (int32_t i = PT__DIMENSION_BATCH + 1; i < PT__DIMENSIONS; i++)
        most = rows.count[i] > most ? rows.count[i] : most;
    return most;
}

/* The most rows of a portion: as many samples as it may have, each as long as there are, but no more rows than it may
 * have. */
static pt_status_t capacity_of(const pt_model_t *model, const pt_dataset_t *dataset, const pt__portion_t *portion,
                               pt__rows_t *capacity)
{
    int64_t samples = portion->samples;
    *capacity = pt__engine_sample_rows(model, dataset);
    if (portion->rows > 0 && (samples == 0 || samples > portion->rows))
        samples = portion->rows; /* each has at least one */
    if (portion->rows > 0 && dataset->length > 0 && samples > dataset->length)
        samples = dataset->length;
    capacity->count[PT__DIMENSION_BATCH] = samples;
    for (int32_t i = PT__DIMENSION_BATCH + 1; i < PT__DIMENSIONS; i++) {
        int64_t *rows = &capacity->count[i];
        if (portion->rows > 0 && *rows > portion->rows / samples)
            *rows = portion->rows;
        else if (*rows > INT64_MAX / samples)
            return pt__fail(PT_ERR_MEMORY, "%lld samples of up to %lld rows are more than any machine can hold",
                            (long long)samples, (long long)*rows);
        else
            *rows *= samples;
    }
    return PT_OK;
}

/* Bytes of the fields of so many rows as the loader holds them. */
static int64_t field_bytes(const pt_model_t *model, const pt__rows_t *rows)
{
    int64_t bytes = 0;
    for (int64_t i = 0; i < model->graph->n_inputs; i++) {
        const pt__shape_t *shape = &model->graph->tensors[model->graph->inputs[i].tensor].shape;
        bytes += pt__shape_elements(shape) * 4 * rows->count[shape->dimension];
    }
    return bytes;
}

static int64_t fixed_bytes(const pt_model_t *model, const pt_optimizer_t *optimizer)
{
    int64_t learnable = pt__store_learnable_elements(&model->store);
    return pt__store_bytes(&model->store) + learnable * (int64_t)sizeof(float) +
           pt__model_slot_bytes(model, optimizer);
}

/* A plan for a portion of a dataset, and what the loader holds: by rows once more, as micro-batches are put together,
 * and for each further producer. */
static pt_status_t measure(const pt_model_t *model, pt__mode_t mode, const pt_dataset_t *dataset,
                           const pt__portion_t *portion, int32_t producers, pt__measure_t *out, int64_t *bytes)
{
    pt__rows_t rows;
    PT__TRY(capacity_of(model, dataset, portion, &rows));
    PT__TRY(pt__plans_measure(model, mode, &rows, out)); /* bounds all sizes at this capacity */
    *bytes = (1 + (portion->rows > 0) + (producers > 1 ? producers - 1 : 0)) * field_bytes(model, &rows);
    return PT_OK;
}

pt__portion_t pt__budget_evaluation(const pt_model_t *model, const pt_train_options_t *options,
                                    const pt__portion_t *micro_batch)
{
    if (options->evaluation_batch > 0)
        return (pt__portion_t){.samples = options->evaluation_batch};
    pt__portion_t portion = *micro_batch;
    int64_t most = longest(model, options->evaluation); /* it may have longer samples than the training */
    if (portion.rows > 0 && portion.rows < most)
        portion.rows = most;
    return portion;
}

static pt_status_t needed_bytes(const pt_model_t *model, const pt_optimizer_t *optimizer, const pt_dataset_t *dataset,
                                const pt_train_options_t *options, const pt__portion_t *micro_batch, int64_t *bytes)
{
    pt__measure_t step, evaluation = {0};
    int64_t samples, evaluated = 0;
    PT__TRY(measure(model, PT__MODE_TRAIN, dataset, micro_batch, options->producers, &step, &samples));
    if (options->evaluation != NULL) {
        const pt__portion_t portion = pt__budget_evaluation(model, options, micro_batch);
        PT__TRY(measure(model, PT__MODE_EVALUATE, options->evaluation, &portion, 1, &evaluation, &evaluated));
    }
    *bytes = fixed_bytes(model, optimizer) + step.table_bytes + samples + evaluation.table_bytes + evaluated;
    *bytes += step.arena_bytes > evaluation.arena_bytes ? step.arena_bytes
                                                        : evaluation.arena_bytes; /* they share one */
    return PT_OK;
}

/* Goes over to recomputation and then to smaller micro-batches, by rows no smaller than the longest sample, until the
 * budget is met. */
static pt_status_t fit(pt_model_t *model, const pt_optimizer_t *optimizer, const pt_dataset_t *dataset,
                       const pt_train_options_t *options, pt__portion_t *micro_batch)
{
    int32_t by_rows = micro_batch->rows > 0;
    int64_t *size = by_rows ? &micro_batch->rows : &micro_batch->samples, least = by_rows ? longest(model, dataset) : 1;
    int64_t whole = *size, bytes = 0, parts = 1, given = by_rows ? options->micro_batch_rows : options->micro_batch;
    for (;;) {
        PT__TRY(needed_bytes(model, optimizer, dataset, options, micro_batch, &bytes));
        if (bytes <= options->memory_budget)
            return PT_OK;
        if (model->plans.recompute != PT_RECOMPUTE_EVERYTHING) {
            /* costs less time than smaller micro-batches with their smaller products */
            pt__plans_set_recompute(model, PT_RECOMPUTE_EVERYTHING);
            continue;
        }
        if (given > 0 || *size <= least)
            return pt__fail(PT_ERR_BUDGET, "pt_train_options.memory_budget is %lld bytes; %lld %s at a time need %lld",
                            (long long)options->memory_budget, (long long)*size, by_rows ? "rows" : "samples",
                            (long long)bytes);
        while ((whole + parts - 1) / parts >= *size)
            parts++; /* the next smaller number of equal parts */
        *size = (whole + parts - 1) / parts;
        *size = *size < least ? least : *size;
    }
}

/* Batch norm's results depend on how a batch is cut: that is for the host to say. */
static pt_status_t refuse_cut(const pt_model_t *model, const pt_train_options_t *options, const pt__portion_t *whole,
                              const pt__portion_t *micro_batch)
{
    int32_t by_rows = whole->rows > 0;
    int64_t wanted = by_rows ? whole->rows : whole->samples, left = by_rows ? micro_batch->rows : micro_batch->samples;
    if (options->micro_batch > 0 || options->micro_batch_rows > 0 || left >= wanted || !pt__engine_couples(model))
        return PT_OK;
    return pt__fail(PT_ERR_BUDGET,
                    "pt_train_options.memory_budget is %lld bytes, which asks for %lld of %lld %s at a time, but "
                    "batch norm takes its statistics from all that are computed together: set %s to cut the "
                    "batch all the same",
                    (long long)options->memory_budget, (long long)left, (long long)wanted, by_rows ? "rows" : "samples",
                    by_rows ? "micro_batch_rows" : "micro_batch");
}

pt_status_t pt__budget_micro_batch(pt_model_t *model, const pt_optimizer_t *optimizer, const pt_dataset_t *dataset,
                                   const pt_train_options_t *options, pt__portion_t *micro_batch)
{
    int32_t recompute = model->plans.recompute;
    micro_batch->samples = options->micro_batch > 0 ? options->micro_batch : options->batch;
    micro_batch->rows = options->micro_batch_rows > 0 ? options->micro_batch_rows : options->batch_rows;
    if (dataset->length > 0 && micro_batch->samples > dataset->length)
        micro_batch->samples = dataset->length;
    if (options->memory_budget == 0)
        return PT_OK;
    const pt__portion_t whole = *micro_batch;
    pt_status_t status = fit(model, optimizer, dataset, options, micro_batch);
    if (status == PT_OK)
        status = refuse_cut(model, options, &whole, micro_batch);
    if (status != PT_OK)
        pt__plans_set_recompute(model, recompute);
    else
        pt__plans_release(model); /* larger ones of before, that were not asked for now */
    return status;
}
