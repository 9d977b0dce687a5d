/* Passes over a dataset that change nothing, for hosts: pt_evaluate and pt_predict. */
#include "api/arguments.h"
#include "api/handle.h"

static pt_status_t check_pass(const pt_model_t *model, const pt_dataset_t *dataset, int64_t batch, const char *function)
{
    if (dataset == NULL)
        return pt__handle_null(function, "dataset");
    PT__TRY(pt__check_context(model, dataset->context, function, "dataset"));
    if (batch < 0 || batch > INT32_MAX)
        return pt__fail(PT_ERR_ARGUMENT, "%s: batch is %lld, expected 0 to %d", function, (long long)batch, INT32_MAX);
    return PT_OK;
}

pt_status_t pt_evaluate(pt_model_t *model, pt_dataset_t *dataset, int64_t batch, pt_evaluation_t *result)
{
    pt_evaluation_t found = {0};
    PT__TRY(pt__handle_begin_stage(model, "pt_evaluate"));
    pt_status_t status = result == NULL ? pt__handle_null("pt_evaluate", "result")
                                        : pt__result_write(result, &found, (uint32_t)sizeof found, "pt_evaluation");
    if (status == PT_OK)
        status = check_pass(model, dataset, batch, "pt_evaluate");
    if (status == PT_OK) {
        pt__dataset_begin(dataset);
        status = pt__evaluate(model, dataset, (pt__portion_t){batch == 0 ? PT__DEFAULT_BATCH : batch, 0}, &found);
        pt__dataset_end(dataset);
    }
    if (status == PT_OK)
        status = pt__result_write(result, &found, (uint32_t)sizeof found, "pt_evaluation");
    return pt__handle_end_stage(model, status);
}

static pt_status_t predict(pt_model_t *model, pt_dataset_t *dataset, const char *output, int64_t batch,
                           pt_array_t *values, uint32_t array_size)
{
    pt_tensor_t tensor;
    pt__receiver_t receiver;
    PT__TRY(pt__receiver_open(values, array_size, "pt_predict: values", &receiver));
    PT__TRY(check_pass(model, dataset, batch, "pt_predict"));
    PT__TRY(pt__find_output(model, output, &tensor));
    pt__dataset_begin(dataset);
    pt_status_t status = pt__predict(model, dataset, tensor, batch == 0 ? PT__DEFAULT_BATCH : batch, &receiver);
    pt__dataset_end(dataset);
    return pt__receiver_close(&receiver, values, array_size, status);
}

pt_status_t pt_predict(pt_model_t *model, pt_dataset_t *dataset, const char *output, int64_t batch, pt_array_t *values,
                       uint32_t array_size)
{
    PT__TRY(pt__handle_begin_stage(model, "pt_predict"));
    return pt__handle_end_stage(model, predict(model, dataset, output, batch, values, array_size));
}
