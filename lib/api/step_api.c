/* Single steps on values that the host hands over, and what a step would cost: pt_train_step, pt_forward, pt_loss,
 * pt_model_estimate. */
#include <math.h>
#include <string.h>

#include "api/arguments.h"
#include "api/handle.h"

static pt_status_t train_step(pt_model_t *model, pt_optimizer_t *optimizer, const pt__given_t *given, uint32_t flags,
                              pt_step_result_t *result)
{
    const pt__requests_t *requests;
    pt__loaded_t loaded;
    pt__update_result_t update = {0};
    pt_step_result_t found = {0};
    double loss, weight;
    if (optimizer == NULL)
        return pt__handle_null("pt_train_step", "optimizer");
    PT__TRY(pt__result_write(result, &found, (uint32_t)sizeof found, "pt_step_result"));
    PT__TRY(pt__check_context(model, pt__optimizer_context(optimizer), "pt_train_step", "optimizer"));
    if (flags & ~(uint32_t)(PT_STEP_ACCUMULATE | PT_STEP_NORM))
        return pt__fail(PT_ERR_ARGUMENT, "pt_train_step: flags has unknown bits: %#x", (unsigned)flags);
    PT__TRY(pt__engine_take(model, PT__MODE_TRAIN, PT_NO_TENSOR, given, &requests, &loaded));
    if (!(flags & PT_STEP_ACCUMULATE)) /* first what can fail, so that a step that is tried again is not added twice */
        PT__TRY(pt__model_bind_optimizer(model, optimizer));
    PT__TRY(pt__step_accumulate(model, requests, &loaded, &loss, &weight));
    if (!(flags & PT_STEP_ACCUMULATE))
        PT__TRY(pt__step_update(model, optimizer, NULL, (flags & PT_STEP_NORM) != 0, &update));
    if (result == NULL)
        return PT_OK;
    found = (pt_step_result_t){.skipped = update.skipped,
                               .loss = weight > 0 ? loss : (double)NAN,
                               .gradient_norm = update.gradient_norm,
                               .learning_rate = update.learning_rate};
    return pt__result_write(result, &found, (uint32_t)sizeof found, "pt_step_result");
}

pt_status_t pt_train_step(pt_model_t *model, pt_optimizer_t *optimizer, const pt_array_t *values, int32_t n_values,
                          uint32_t array_size, int64_t samples, uint32_t flags, pt_step_result_t *result)
{
    const pt__given_t given = {values, n_values, array_size, samples};
    PT__TRY(pt__handle_begin_stage(model, "pt_train_step"));
    return pt__handle_end_stage(model, train_step(model, optimizer, &given, flags, result));
}

static pt_status_t forward(pt_model_t *model, const pt__given_t *given, const char *output, pt_array_t *result)
{
    pt_tensor_t tensor;
    pt__receiver_t receiver;
    PT__TRY(pt__receiver_open(result, given->size, "pt_forward: result", &receiver));
    PT__TRY(pt__find_output(model, output, &tensor));
    return pt__receiver_close(&receiver, result, given->size, pt__forward(model, given, tensor, &receiver));
}

pt_status_t pt_forward(pt_model_t *model, const pt_array_t *values, int32_t n_values, uint32_t array_size,
                       int64_t samples, const char *output, pt_array_t *result)
{
    const pt__given_t given = {values, n_values, array_size, samples};
    PT__TRY(pt__handle_begin_stage(model, "pt_forward"));
    return pt__handle_end_stage(model, forward(model, &given, output, result));
}

static pt_status_t find_loss(pt_model_t *model, const pt__given_t *given, double *loss)
{
    const pt__requests_t *requests;
    pt__loaded_t loaded;
    double weight;
    if (loss == NULL)
        return pt__handle_null("pt_loss", "loss");
    PT__TRY(pt__engine_take(model, PT__MODE_EVALUATE, PT_NO_TENSOR, given, &requests, &loaded));
    PT__TRY(pt__engine_run(model, PT__MODE_EVALUATE, requests, &loaded));
    PT__TRY(pt__engine_loss(model, PT__MODE_EVALUATE, loaded.rows.count[PT__DIMENSION_BATCH], loss, &weight));
    if (!(weight > 0))
        *loss = (double)NAN;
    return PT_OK;
}

pt_status_t pt_loss(pt_model_t *model, const pt_array_t *values, int32_t n_values, uint32_t array_size, int64_t samples,
                    double *loss)
{
    const pt__given_t given = {values, n_values, array_size, samples};
    PT__TRY(pt__handle_begin_stage(model, "pt_loss"));
    return pt__handle_end_stage(model, find_loss(model, &given, loss));
}

/* Rows that a task chooses among others, unless the host states them: as many as its options hide of the others, and at
 * least one a sample. */
static void count_chosen(const pt_model_t *model, pt__rows_t *rows)
{
    const pt_graph_t *graph = model->graph;
    for (int32_t i = PT__DIMENSION_TOKENS + 1; i < graph->n_dimensions; i++) {
        const int64_t samples = rows->count[PT__DIMENSION_BATCH], parent = rows->count[graph->dimensions[i].parent];
        if (!graph->dimensions[i].is_chosen || rows->count[i] > 0 || parent < samples)
            continue;
        const int64_t hidden = (int64_t)(model->task.masking.probability * (double)parent);
        rows->count[i] = hidden > samples ? hidden : samples;
    }
}

/* The rows that the host states, each dimension once, and at least one a sample of each that an input counts. */
static pt_status_t read_rows(const pt_model_t *model, const pt_dim_rows_t *given, int32_t n_given, uint32_t size,
                             pt__rows_t *rows)
{
    const pt_graph_t *graph = model->graph;
    int32_t stated[PT__DIMENSIONS] = {0};
    char name[64];
    if (n_given < 0 || (n_given > 0 && given == NULL))
        return pt__fail(PT_ERR_ARGUMENT, "pt_model_estimate: rows is NULL or n_rows, %d, is negative", (int)n_given);
    for (int32_t i = 0; i < n_given; i++) {
        pt_dim_rows_t one;
        PT__TRY(pt__element_read((const char *)given + (int64_t)size * i, size, &one, (uint32_t)sizeof one,
                                 "pt_model_estimate: rows"));
        int32_t found = one.dimension == NULL ? PT__DIMENSION_NONE : pt__dimension_named(graph, one.dimension);
        if (found < PT__DIMENSION_TOKENS)
            return pt__fail(PT_ERR_NOT_FOUND, "pt_model_estimate: the network has no dimension \"%.80s\" of rows",
                            one.dimension == NULL ? "NULL" : one.dimension);
        if (stated[found]++)
            return pt__fail(PT_ERR_ARGUMENT, "pt_model_estimate: dimension \"%.80s\" is given twice", one.dimension);
        PT__TRY(pt__check_range("pt_model_estimate: rows", one.rows, 0));
        rows->count[found] = one.rows;
    }
    count_chosen(model, rows);
    for (int64_t i = 0; i < graph->n_inputs; i++) {
        const pt__shape_t *shape = &graph->tensors[graph->inputs[i].tensor].shape;
        if (!pt__shape_is_ragged(shape) || rows->count[shape->dimension] >= rows->count[PT__DIMENSION_BATCH])
            continue;
        pt__dimension_print(graph, shape->dimension, name, sizeof name);
        return pt__fail(PT_ERR_ARGUMENT,
                        "pt_model_estimate: %lld rows of %s, expected at least one for each of %lld samples, as \"%s\" "
                        "is ragged",
                        (long long)rows->count[shape->dimension],
                        shape->dimension == PT__DIMENSION_TOKENS ? "\"tokens\"" : name,
                        (long long)rows->count[PT__DIMENSION_BATCH], graph->inputs[i].name);
    }
    return PT_OK;
}

static pt_status_t estimate(pt_model_t *model, const pt_optimizer_t *optimizer, int64_t samples,
                            const pt_dim_rows_t *given, int32_t n_given, uint32_t size, pt_estimate_t *result)
{
    pt_estimate_t found;
    pt__rows_t rows = pt__rows_make(samples, 0);
    if (result == NULL)
        return pt__handle_null("pt_model_estimate", "estimate");
    if (model->graph->loss == PT_NO_TENSOR)
        return pt__fail(PT_ERR_STATE, "pt_model_estimate: the model has no loss: set a task with pt_model_set_task");
    PT__TRY(pt__check_range("pt_model_estimate: samples", samples, 1));
    PT__TRY(read_rows(model, given, n_given, size, &rows));
    PT__TRY(pt__estimate(model, optimizer, &rows, &found));
    return pt__result_write(result, &found, (uint32_t)sizeof found, "pt_estimate");
}

pt_status_t pt_model_estimate(pt_model_t *model, const pt_optimizer_t *optimizer, int64_t samples,
                              const pt_dim_rows_t *rows, int32_t n_rows, uint32_t row_size, pt_estimate_t *result)
{
    PT__TRY(pt__handle_begin_stage(model, "pt_model_estimate"));
    return pt__handle_end_stage(model, estimate(model, optimizer, samples, rows, n_rows, row_size, result));
}
