/* Forward only, over a dataset: the weighted loss and the metrics. */
#include "train/tally.h"

#include <string.h>

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
    const pt__requests_t *requests;
    pt__loader_t *loader;
    pt__loaded_t loaded;
    pt_status_t status;
    pt__tally_t tally;
    double started = pt__clock_seconds();
    PT__TRY(pt__class_names_check(model, dataset));
    PT__TRY(pt__pass_open(model, PT__MODE_EVALUATE, PT_NO_TENSOR, dataset, portion, &requests, &loader));
    *result = (pt_evaluation_t){.struct_size = (uint32_t)sizeof *result};
    PT__TRY_OUT(pt__tally_start(model, &tally));
    while ((status = pt__loader_next(loader, &loaded)) == PT_OK) {
        PT__TRY_OUT(pt__plans_prepare(model, PT__MODE_EVALUATE, PT_NO_TENSOR, &loaded.rows, NULL));
        PT__TRY_OUT(pt__engine_run(model, PT__MODE_EVALUATE, requests, &loaded));
        PT__TRY_OUT(pt__tally_add(&tally, requests, &loaded));
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
    pt__pass_close(loader);
    return status;
}
