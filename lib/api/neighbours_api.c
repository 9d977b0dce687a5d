/* pt_evaluate_neighbours, for hosts. */
#include <math.h>

#include "api/api.h"
#include "api/arguments.h"
#include "api/handle.h"
#include "base/number.h"
#include "base/options.h"
#include "train/neighbours.h"

static const pt_neighbour_options_t defaults = {.neighbours = 20, .temperature = 0.07};

pt_status_t pt_neighbour_options_init(pt_neighbour_options_t *options, uint32_t struct_size)
{
    PT__ENTER();
    return pt__options_init(options, struct_size, &defaults, (uint32_t)sizeof defaults, "pt_neighbour_options");
}

static pt_status_t read_options(const pt_neighbour_options_t *given, pt_neighbour_options_t *options)
{
    *options = defaults;
    PT__TRY(pt__options_read(given, options, (uint32_t)sizeof *options, "pt_neighbour_options"));
    if (options->flags != 0)
        return pt__fail(PT_ERR_ARGUMENT, "pt_neighbour_options: flags is 0x%lx, expected 0",
                        (unsigned long)options->flags);
    if (options->neighbours < 1 || options->neighbours > INT32_MAX)
        return pt__fail(PT_ERR_ARGUMENT, "pt_neighbour_options: neighbours is %lld, expected 1 to %d",
                        (long long)options->neighbours, INT32_MAX);
    if (options->batch < 0 || options->batch > INT32_MAX)
        return pt__fail(PT_ERR_ARGUMENT, "pt_neighbour_options: batch is %lld, expected 0 to %d",
                        (long long)options->batch, INT32_MAX);
    if (!(options->temperature >= 0) || !isfinite(options->temperature))
        return pt__fail(PT_ERR_ARGUMENT, "pt_neighbour_options: temperature is %g, expected a finite number from 0 on",
                        pt__number_shown(options->temperature));
    return PT_OK;
}

static pt_status_t check_dataset(const pt_model_t *model, const pt_dataset_t *dataset, const char *role)
{
    if (dataset == NULL)
        return pt__handle_null("pt_evaluate_neighbours", role);
    return pt__check_context(model, dataset->context, "pt_evaluate_neighbours", role);
}

static pt_status_t evaluate(pt_model_t *model, pt_dataset_t *reference, pt_dataset_t *dataset,
                            const pt_neighbour_options_t *given, pt_neighbour_result_t *result)
{
    pt_tensor_t features = PT_NO_TENSOR;
    pt_neighbour_options_t options;
    PT__TRY(check_dataset(model, reference, "reference"));
    PT__TRY(check_dataset(model, dataset, "dataset"));
    PT__TRY(read_options(given, &options));
    const char *output = options.output;
    if (output == NULL)
        output = pt__graph_output(model->graph, "embedding") != PT_NO_TENSOR ? "embedding" : "hidden";
    PT__TRY(pt__find_output(model, output, &features));
    options.batch = options.batch > 0 ? options.batch : PT__DEFAULT_BATCH;
    pt__dataset_begin(reference);
    pt__dataset_begin(dataset);
    pt_status_t status = pt__evaluate_neighbours(model, features, reference, dataset, &options, result);
    pt__dataset_end(dataset);
    pt__dataset_end(reference);
    return status;
}

pt_status_t pt_evaluate_neighbours(pt_model_t *model, pt_dataset_t *reference, pt_dataset_t *dataset,
                                   const pt_neighbour_options_t *options, pt_neighbour_result_t *result)
{
    pt_neighbour_result_t found = {0};
    PT__TRY(pt__handle_begin_stage(model, "pt_evaluate_neighbours"));
    pt_status_t status = result == NULL
                             ? pt__handle_null("pt_evaluate_neighbours", "result")
                             : pt__result_write(result, &found, (uint32_t)sizeof found, "pt_neighbour_result");
    if (status == PT_OK)
        status = evaluate(model, reference, dataset, options, &found);
    if (status == PT_OK)
        status = pt__result_write(result, &found, (uint32_t)sizeof found, "pt_neighbour_result");
    return pt__handle_end_stage(model, status);
}
