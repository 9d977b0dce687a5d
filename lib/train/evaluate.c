/* Forward only, over a dataset: the weighted loss and the metrics, or a named output's rows. */
#include "train/tally.h"

#include <string.h>

/* A loader over all samples once, in order, with a plan that has room for its batches. */
static pt_status_t open_pass(pt_model_t *model, pt__mode_t mode, pt_tensor_t tensor, pt_dataset_t *dataset,
                             pt__portion_t portion, const pt__wants_t **wants, pt__loader_t **loader)
{
    pt__cursor_t start = {0};
    if (dataset->length >= 0 && portion.samples > dataset->length)
        portion.samples = dataset->length > 0 ? dataset->length : 1;
    pt__loader_options_t options = {.batch = portion.samples,
                                    .micro_batch = portion.samples,
                                    .batch_rows = portion.rows,
                                    .epochs = 1,
                                    .in_order = 1,
                                    .prefetch = 1};
    PT__TRY(pt__engine_loader(model, mode, tensor, dataset, &options, &start, wants, loader));
    const pt__rows_t rows = pt__loader_capacity(*loader);
    pt_status_t status = pt__engine_prepare(model, mode, tensor, &rows, NULL);
    if (status != PT_OK) {
        pt__loader_free(*loader);
        *loader = NULL;
    }
    return status;
}

int32_t pt__metric_index(const pt_model_t *model, const char *name)
{
    if (model->graph->loss == PT_NO_TENSOR)
        return -1;
    for (int32_t i = 0; i <= model->graph->n_metrics; i++)
        if (strcmp(pt__metric_name(model, i), name) == 0)
            return i;
    return -1;
}

const char *pt__metric_name(const pt_model_t *model, int32_t index)
{
    return index == 0 ? "loss" : model->graph->metrics[index - 1].name;
}

int32_t pt__metric_direction(const pt_model_t *model, int32_t index)
{
    const pt__metric_t *metric = index == 0 ? NULL : &model->graph->metrics[index - 1];
    if (metric == NULL)
        return PT_METRIC_LOWER;
    return metric->direction != 0 ? metric->direction : pt__metric_find(metric->kind)->direction;
}

pt_status_t pt__evaluate(pt_model_t *model, pt_dataset_t *dataset, pt__portion_t portion, pt_evaluation_t *result)
{
    const pt__wants_t *wants;
    pt__loader_t *loader;
    pt__loaded_t loaded;
    pt_status_t status;
    pt__tally_t tally;
    double started = pt__clock_seconds();
    PT__TRY(pt__class_names_check(model, dataset));
    PT__TRY(open_pass(model, PT__MODE_EVALUATE, PT_NO_TENSOR, dataset, portion, &wants, &loader));
    *result = (pt_evaluation_t){.struct_size = (uint32_t)sizeof *result};
    PT__TRY_OUT(pt__tally_start(model, &tally));
    while ((status = pt__loader_next(loader, &loaded)) == PT_OK) {
        PT__TRY_OUT(pt__engine_prepare(model, PT__MODE_EVALUATE, PT_NO_TENSOR, &loaded.rows, NULL));
        PT__TRY_OUT(pt__engine_run(model, PT__MODE_EVALUATE, wants, &loaded));
        PT__TRY_OUT(pt__tally_add(&tally, wants, &loaded));
        result->samples += loaded.rows.count[PT__DIMENSION_BATCH];
        result->tokens += loaded.rows.count[PT__DIMENSION_TOKENS];
        if (atomic_exchange(&model->cancelled, 0)) {
            status = pt__fail(PT_ERR_CANCELLED, "cancelled after %lld samples", (long long)result->samples);
            goto out;
        }
    }
    if (status != PT_END)
        goto out;
    if (result->samples == 0) {
        status = pt__fail(PT_ERR_ARGUMENT, "the dataset has no samples");
        goto out;
    }
    status = PT_OK;
    pt__tally_finish(&tally);
    result->loss = model->metrics[0];
    result->seconds = pt__clock_seconds() - started;
out:
    pt__tally_free(&tally);
    pt__loader_free(loader);
    return status;
}

pt_status_t pt__predict(pt_model_t *model, pt_dataset_t *dataset, pt_tensor_t output, int64_t batch, float *values,
                        int64_t capacity, int64_t *elements)
{
    const pt__wants_t *wants;
    pt__loader_t *loader;
    pt__loaded_t loaded;
    pt_status_t status;
    *elements = 0;
    PT__TRY(open_pass(model, PT__MODE_OUTPUT, output, dataset, (pt__portion_t){batch, 0}, &wants, &loader));
    const pt__shape_t *shape = &model->graph->tensors[output].shape;
    int64_t multiplier = pt__shape_elements(shape);
    while ((status = pt__loader_next(loader, &loaded)) == PT_OK) {
        int64_t rows = pt__shape_is_ragged(shape)
                           ? pt__graph_count_rows(model->graph, shape->dimension,
                                                  loaded.rows.count[PT__DIMENSION_BATCH], loaded.offsets)
                           : loaded.rows.count[shape->dimension];
        int64_t count = rows * multiplier;
        if (values != NULL) {
            if (count > capacity - *elements) {
                status = pt__fail(PT_ERR_ARGUMENT, "values has room for %lld elements, expected at least %lld",
                                  (long long)capacity, (long long)(*elements + count));
                goto out;
            }
            PT__TRY_OUT(pt__engine_prepare(model, PT__MODE_OUTPUT, output, &loaded.rows, NULL));
            PT__TRY_OUT(pt__engine_run(model, PT__MODE_OUTPUT, wants, &loaded));
            PT__TRY_OUT(pt__engine_read(model, PT__MODE_OUTPUT, output, values + *elements));
        }
        *elements += count;
        if (atomic_exchange(&model->cancelled, 0)) {
            status = pt__fail(PT_ERR_CANCELLED, "cancelled after %lld elements", (long long)*elements);
            goto out;
        }
    }
    if (status == PT_END)
        status = PT_OK;
out:
    pt__loader_free(loader);
    return status;
}
