/* Forward only, over a dataset: the weighted loss and the accuracy, or a named output's rows. */
#include "train/model.h"

#include <math.h>

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

static pt_status_t add_scalar(const pt_model_t *model, pt_tensor_t tensor, double *sum)
{
    double value;
    PT__TRY(pt__engine_read_scalar(model, PT__MODE_EVALUATE, tensor, &value));
    *sum += value;
    return PT_OK;
}

pt_status_t pt__evaluate(pt_model_t *model, pt_dataset_t *dataset, pt__portion_t portion, pt_evaluation_t *result)
{
    const pt__wants_t *wants;
    pt__loader_t *loader;
    pt__loaded_t loaded;
    pt_status_t status;
    double started = pt__clock_seconds(), loss_sum = 0, weight_sum = 0, correct = 0, counted = 0;
    int32_t has_accuracy = model->graph->correct != PT_NO_TENSOR;
    PT__TRY(open_pass(model, PT__MODE_EVALUATE, PT_NO_TENSOR, dataset, portion, &wants, &loader));
    *result = (pt_evaluation_t){.struct_size = (uint32_t)sizeof *result};
    while ((status = pt__loader_next(loader, &loaded)) == PT_OK) {
        double loss, weight;
        PT__TRY_OUT(pt__engine_prepare(model, PT__MODE_EVALUATE, PT_NO_TENSOR, &loaded.rows, NULL));
        PT__TRY_OUT(pt__engine_run(model, PT__MODE_EVALUATE, wants, &loaded));
        PT__TRY_OUT(pt__engine_loss(model, PT__MODE_EVALUATE, loaded.rows.count[PT__DIMENSION_BATCH], &loss, &weight));
        if (weight > 0)
            loss_sum += loss * weight;
        weight_sum += weight;
        if (has_accuracy) {
            PT__TRY_OUT(add_scalar(model, model->graph->correct, &correct));
            PT__TRY_OUT(add_scalar(model, model->graph->counted, &counted));
        }
        result->samples += loaded.rows.count[PT__DIMENSION_BATCH];
        result->tokens += loaded.rows.count[PT__DIMENSION_TOKENS];
        if (atomic_exchange(&model->cancelled, 0)) {
            status = pt__fail(PT_ERR_CANCELLED, "cancelled after %lld samples", (long long)result->samples);
            goto out;
        }
    }
    if (status != PT_END)
        goto out;
    status = PT_OK;
    if (result->samples == 0)
        status = pt__fail(PT_ERR_ARGUMENT, "the dataset has no samples");
    result->loss = weight_sum > 0 ? loss_sum / weight_sum : (double)NAN;
    result->accuracy = counted > 0 ? correct / counted : (double)NAN;
    result->seconds = pt__clock_seconds() - started;
out:
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
