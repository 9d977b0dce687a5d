/* A named output of all samples of a dataset, or of values that a host hands over: what it is like, how much there is
 * of it, and its rows, into a host's view. */
#include <string.h>

#include "base/dtype.h"
#include "base/unfinished.h"
#include "train/model.h"

static pt_status_t end_unfinished(void *loader)
{
    pt__loader_free(loader);
    return PT_OK;
}

void pt__pass_begin(pt__loader_t *loader)
{
    pt__unfinished_push(end_unfinished, loader);
}

pt_status_t pt__pass_open(pt_model_t *model, pt__mode_t mode, pt_tensor_t tensor, pt_dataset_t *dataset,
                          pt__portion_t portion, const pt__requests_t **requests, pt__loader_t **loader)
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
    PT__TRY(pt__engine_loader(model, mode, tensor, dataset, &options, &start, requests, loader));
    const pt__rows_t rows = pt__loader_capacity(*loader);
    pt_status_t status = pt__plans_prepare(model, mode, tensor, &rows, NULL);
    if (status == PT_OK)
        pt__pass_begin(*loader);
    else {
        pt__loader_free(*loader);
        *loader = NULL;
    }
    return status;
}

void pt__pass_close(pt__loader_t *loader)
{
    pt__unfinished_pop();
    pt__loader_free(loader);
}

static const pt__shape_t *shape_of(const pt_model_t *model, pt_tensor_t output)
{
    return &model->graph->tensors[output].shape;
}

/* Samples as a host sees them: a ragged dimension leads the shape, that of the samples is left out. */
static pt_status_t describe(const pt_model_t *model, pt_tensor_t output, pt__receiver_t *receiver)
{
    const pt__shape_t *shape = shape_of(model, output);
    const int32_t ragged = pt__shape_is_ragged(shape), skipped = shape->dimension == PT__DIMENSION_BATCH;
    int64_t size[PT_MAX_RANK] = {0};
    for (int32_t i = skipped; i < shape->rank; i++)
        size[i - skipped] = i == 0 && ragged ? PT_DIM_TOKENS : shape->size[i];
    pt__receiver_describe(receiver, model->graph->tensors[output].dtype, shape->rank - skipped, size, 0);
    if (shape->dimension == PT__DIMENSION_NONE && receiver->view.lengths != NULL)
        return pt__fail(PT_ERR_ARGUMENT, "%s: lengths is set, expected NULL: the output has no rows of samples",
                        receiver->what);
    return PT_OK;
}

/* Elements of the output for these samples. */
static int64_t count_elements(const pt_model_t *model, pt_tensor_t output, const pt__loaded_t *loaded, int64_t *lengths)
{
    const pt__shape_t *shape = shape_of(model, output);
    const int64_t samples = loaded->rows.count[PT__DIMENSION_BATCH], inner = pt__shape_elements(shape);
    if (pt__shape_is_ragged(shape))
        return inner * pt__graph_count_rows(model->graph, shape->dimension, samples, loaded->offsets, lengths);
    for (int64_t i = 0; lengths != NULL && i < samples; i++)
        lengths[i] = shape->rank > 1 ? shape->size[1] : 1;
    return inner * (shape->dimension == PT__DIMENSION_BATCH ? samples : 1);
}

/* The output of these samples into the receiver, where there is room; and counted. */
static pt_status_t give(pt_model_t *model, pt_tensor_t output, const pt__requests_t *requests,
                        const pt__loaded_t *loaded, pt__receiver_t *receiver)
{
    const int64_t samples = loaded->rows.count[PT__DIMENSION_BATCH];
    const int64_t elements = count_elements(model, output, loaded, NULL);
    void *scratch = NULL;
    pt_status_t status = PT_OK;
    if (pt__receiver_takes(receiver, elements, samples)) {
        void *place = pt__receiver_place(receiver);
        PT__TRY(pt__plans_prepare(model, PT__MODE_OUTPUT, output, &loaded->rows, NULL));
        PT__TRY(pt__engine_run(model, PT__MODE_OUTPUT, requests, loaded));
        if (place == NULL) {
            PT__TRY(pt__allocate_uninitialised(&model->context->memory, (size_t)elements,
                                               (size_t)pt__dtype_size(receiver->dtype), "output", &scratch));
            place = scratch;
        }
        status = pt__engine_read(model, PT__MODE_OUTPUT, output, place);
        if (status == PT_OK)
            status = pt__receiver_put(receiver, place, elements);
        pt__release(&model->context->memory, scratch);
    }
    int64_t *lengths = pt__receiver_lengths(receiver);
    if (status == PT_OK && lengths != NULL)
        count_elements(model, output, loaded, lengths);
    if (status == PT_OK)
        pt__receiver_count(receiver, elements, samples);
    return status;
}

static pt_status_t make_pass(pt_model_t *model, pt_dataset_t *dataset, pt_tensor_t output, int64_t batch,
                             pt__receiver_t *receiver)
{
    const pt__requests_t *requests;
    pt__loader_t *loader;
    pt__loaded_t loaded;
    pt_status_t status;
    PT__TRY(pt__pass_open(model, PT__MODE_OUTPUT, output, dataset, (pt__portion_t){batch, 0}, &requests, &loader));
    while ((status = pt__loader_next(loader, &loaded)) == PT_OK) {
        PT__TRY_OUT(give(model, output, requests, &loaded, receiver));
        if (atomic_exchange(&model->cancelled, 0)) {
            status = pt__fail(PT_ERR_CANCELLED, "cancelled after %lld samples", (long long)receiver->view.samples);
            goto out;
        }
    }
    if (status == PT_END)
        status = PT_OK;
out:
    pt__pass_close(loader);
    return status;
}

/* One row a sample, and it is known how many samples: nothing has to be read to tell how much there will be. The pass
 * is opened all the same, for its checks. */
static pt_status_t tell_need(pt_model_t *model, pt_dataset_t *dataset, pt_tensor_t output, int64_t batch,
                             pt__receiver_t *receiver)
{
    const pt__requests_t *requests;
    pt__loader_t *loader;
    PT__TRY(pt__pass_open(model, PT__MODE_OUTPUT, output, dataset, (pt__portion_t){batch, 0}, &requests, &loader));
    pt__pass_close(loader);
    pt__receiver_count(receiver, dataset->length * pt__shape_elements(shape_of(model, output)), dataset->length);
    return PT_OK;
}

/* Whether reading all data to learn how much there will be costs little beside computing it. */
static int32_t is_cheap_to_count(pt_dataset_t *dataset)
{
    return dataset->length >= 0 && pt__dataset_resolve(dataset, NULL, 0)->source->lengths != NULL;
}

pt_status_t pt__predict(pt_model_t *model, pt_dataset_t *dataset, pt_tensor_t output, int64_t batch,
                        pt__receiver_t *receiver)
{
    const pt__shape_t *shape = shape_of(model, output);
    int32_t is_known = shape->dimension == PT__DIMENSION_BATCH && dataset->length >= 0;
    PT__TRY(describe(model, output, receiver));
    if (is_known)
        pt__receiver_takes(receiver, dataset->length * pt__shape_elements(shape), dataset->length);
    else if (!receiver->asks && is_cheap_to_count(dataset)) {
        pt__receiver_t counting = {.asks = 1};
        PT__TRY(make_pass(model, dataset, output, batch, &counting));
        pt__receiver_takes(receiver, counting.view.elements, counting.view.samples);
    }
    if (is_known && (receiver->is_short || (receiver->asks && receiver->view.lengths == NULL)))
        PT__TRY(tell_need(model, dataset, output, batch, receiver));
    else
        PT__TRY(make_pass(model, dataset, output, batch, receiver));
    return pt__receiver_finish(receiver);
}

pt_status_t pt__forward(pt_model_t *model, const pt__given_t *given, pt_tensor_t output, pt__receiver_t *receiver)
{
    const pt__requests_t *requests;
    pt__loaded_t loaded;
    PT__TRY(describe(model, output, receiver));
    PT__TRY(pt__engine_take(model, PT__MODE_OUTPUT, output, given, &requests, &loaded));
    PT__TRY(give(model, output, requests, &loaded, receiver));
    return pt__receiver_finish(receiver);
}
