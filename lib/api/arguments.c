/* See arguments.h. */
#include "api/arguments.h"

#include <math.h>

#include "base/number.h"
#include "base/text.h"
#include "train/model.h"

pt_status_t pt__check_range(const char *field, int64_t value, int64_t least)
{
    if (value >= least && value <= INT64_MAX / 1024)
        return PT_OK;
    return pt__fail(PT_ERR_ARGUMENT, "%s is %lld, expected at least %lld%s", field, (long long)value, (long long)least,
                    value < least ? "" : " and something this machine can count");
}

pt_status_t pt__check_seconds(const char *field, double value)
{
    if (value >= 0 && isfinite(value))
        return PT_OK;
    return pt__fail(PT_ERR_ARGUMENT, "%s is %g, expected a finite number of at least 0", field,
                    pt__number_shown(value));
}

pt_status_t pt__check_context(const pt_model_t *model, const pt_context_t *other, const char *function,
                              const char *what)
{
    if (model->context == other)
        return PT_OK;
    return pt__fail(PT_ERR_ARGUMENT, "%s: the %s belongs to another context than the model", function, what);
}

pt_status_t pt__find_output(const pt_model_t *model, const char *name, pt_tensor_t *output)
{
    pt__text_t text = pt__text_start(&model->context->memory);
    *output = pt__graph_output(model->graph, name);
    if (*output != PT_NO_TENSOR)
        return PT_OK;
    for (int64_t i = 0; i < model->graph->n_outputs; i++)
        pt__text_add(&text, "%s\"%s\"", i == 0 ? "" : ", ", model->graph->outputs[i].name);
    pt_status_t status = pt__fail(PT_ERR_NOT_FOUND, "the model has no output \"%.100s\"; it has %s",
                                  name == NULL ? "" : name, text.data == NULL ? "none" : text.data);
    pt__text_free(&text);
    return status;
}
