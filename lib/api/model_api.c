/* pt_model_*: check, call down, report. */
#include <math.h>
#include <string.h>

#include "api/handle.h"
#include "base/text.h"

static pt_status_t create_model(pt_context_t *context, const pt_graph_t *graph, pt_model_t **out)
{
    if (graph == NULL)
        return pt__handle_null("pt_model_create", "graph");
    if (graph->context != context)
        return pt__fail(PT_ERR_ARGUMENT, "pt_model_create: the graph belongs to another context");
    PT__TRY(pt__graph_ready(graph, "pt_model_create"));
    if (graph->n_parameters == 0)
        return pt__fail(PT_ERR_ARGUMENT, "pt_model_create: the graph has no parameters");
    if (graph->n_inputs == 0)
        return pt__fail(PT_ERR_ARGUMENT, "pt_model_create: the graph has no inputs");
    if (graph->loss == PT_NO_TENSOR && graph->n_outputs == 0)
        return pt__fail(PT_ERR_ARGUMENT, "pt_model_create: the graph has neither a loss nor an output");
    return pt__model_create(context, graph, NULL, NULL, out);
}

pt_status_t pt_model_create(pt_context_t *context, const pt_graph_t *graph, pt_model_t **out)
{
    pt__error_clear();
    if (out == NULL)
        return pt__handle_null("pt_model_create", "out");
    *out = NULL;
    if (context == NULL)
        return pt__handle_null("pt_model_create", "context");
    return pt__context_keep(context, create_model(context, graph, out));
}

pt_status_t pt_model_create_from_config(pt_context_t *context, const char *json, size_t length, pt_model_t **out)
{
    pt__error_clear();
    if (out == NULL)
        return pt__handle_null("pt_model_create_from_config", "out");
    *out = NULL;
    if (context == NULL)
        return pt__handle_null("pt_model_create_from_config", "context");
    return pt__context_keep(context, json == NULL ? pt__handle_null("pt_model_create_from_config", "json")
                                                  : pt__model_from_config(context, json, (int64_t)length, out));
}

static pt_status_t share(pt_context_t *context, pt_model_t *model, pt_model_t **out)
{
    if (out == NULL)
        return pt__handle_null("pt_model_share", "out");
    *out = NULL;
    return pt__model_share(context == NULL ? model->context : context, model, out);
}

pt_status_t pt_model_share(pt_context_t *context, pt_model_t *model, pt_model_t **out)
{
    if (out != NULL)
        *out = NULL;
    PT__TRY(pt__handle_enter(model, 1, "pt_model_share"));
    return pt__handle_leave(model, share(context, model, out));
}

void pt_model_free(pt_model_t *model)
{
    if (model == NULL)
        return;
    if (model->busy) /* from within a callback of its own stage: it ends with the stage */
        model->free_when_idle = 1;
    else
        pt__model_free(model);
}

const char *pt_model_last_error(const pt_model_t *model)
{
    return model == NULL ? "" : model->message;
}

static pt_status_t set_task(pt_model_t *model, const char *task, const void *options)
{
    pt__memory_t *memory = &model->context->memory;
    pt__task_options_t chosen;
    float *class_weights;
    PT__TRY(pt__task_choose(memory, task, options, &chosen, &class_weights));
    pt_status_t status = pt__model_set_task(model, &chosen);
    pt__release(memory, class_weights);
    return status;
}

pt_status_t pt_model_set_task(pt_model_t *model, const char *task, const void *options)
{
    PT__TRY(pt__handle_enter(model, 1, "pt_model_set_task"));
    return pt__handle_leave(model, set_task(model, task, options));
}

const char *pt_model_task(const pt_model_t *model)
{
    return model == NULL ? NULL : model->task.task;
}

int64_t pt_model_metric_count(const pt_model_t *model)
{
    return model == NULL || model->graph->loss == PT_NO_TENSOR ? 0 : 1 + model->graph->n_metrics;
}

pt_status_t pt_model_metric_info(const pt_model_t *model, int64_t index, pt_metric_info_t *info)
{
    PT__TRY(pt__handle_enter(model, 0, "pt_model_metric_info"));
    if (info == NULL)
        return pt__handle_leave(model, pt__handle_null("pt_model_metric_info", "info"));
    if (index < 0 || index >= pt_model_metric_count(model))
        return pt__handle_leave(model,
                                pt__fail(PT_ERR_ARGUMENT, "pt_model_metric_info: index %lld, there are %lld metrics",
                                         (long long)index, (long long)pt_model_metric_count(model)));
    const pt_metric_info_t found = {.direction = pt__metric_direction(model, (int32_t)index),
                                    .name = pt__metric_name(model, (int32_t)index),
                                    .value = model->metrics[index]};
    return pt__handle_leave(model, pt__result_write(info, &found, (uint32_t)sizeof found, "pt_metric_info"));
}

double pt_model_metric_value(const pt_model_t *model, const char *name)
{
    int32_t index = model == NULL || name == NULL ? -1 : pt__metric_index(model, name);
    return index < 0 ? (double)NAN : model->metrics[index];
}

int64_t pt_model_transfer_count(const pt_model_t *model, int32_t kind)
{
    int64_t count = 0;
    for (int64_t i = 0; model != NULL && i < model->report.count; i++)
        count += kind == 0 || model->report.entries[i].kind == kind;
    return count;
}

pt_status_t pt_model_transfer_entry(const pt_model_t *model, int64_t index, const char **name, int32_t *kind)
{
    PT__TRY(pt__handle_enter(model, 0, "pt_model_transfer_entry"));
    if (index < 0 || index >= model->report.count)
        return pt__handle_leave(model,
                                pt__fail(PT_ERR_ARGUMENT, "pt_model_transfer_entry: index %lld, there are %lld entries",
                                         (long long)index, (long long)model->report.count));
    if (name != NULL)
        *name = model->report.entries[index].name;
    if (kind != NULL)
        *kind = model->report.entries[index].kind;
    return PT_OK;
}

pt_status_t pt_model_copy(pt_model_t *model, const pt_model_t *source)
{
    PT__TRY(pt__handle_enter(model, 1, "pt_model_copy"));
    if (source == NULL)
        return pt__handle_leave(model, pt__handle_null("pt_model_copy", "source"));
    return pt__handle_leave(model, pt__transfer_copy(model, source));
}

/* With the class names that the model has. */
static void describe_config(const pt_model_t *model, pt__text_t *text)
{
    char *config = NULL;
    if (text->status == PT_OK)
        text->status = pt__class_names_config(model, &config);
    pt__text_add(text, "%s", config == NULL ? "{}" : config);
    pt__release(&model->context->memory, config);
}

pt_status_t pt_model_describe(const pt_model_t *model, int32_t what, char *buffer, size_t size, size_t *length)
{
    PT__TRY(pt__handle_enter(model, 0, "pt_model_describe"));
    pt__text_t text = pt__text_start(&model->context->memory);
    char shape[96];
    int64_t total = 0;
    if (what == PT_DESCRIBE_GRAPH)
        pt__graph_print_text(model->graph, &text);
    else if (what == PT_DESCRIBE_CONFIG)
        describe_config(model, &text);
    else if (what == PT_DESCRIBE_PLAN) {
        pt__plan_t *plan = model->plans.planned[PT__MODE_TRAIN].plan;
        if (plan == NULL)
            return pt__handle_leave(model,
                                    pt__fail(PT_ERR_STATE, "pt_model_describe: no training plan has been made yet"));
        pt__plan_print(plan, &text);
    } else if (what == PT_DESCRIBE_SUMMARY) {
        for (int64_t i = 0; i < model->store.count; i++) {
            const pt__stored_t *parameter = &model->store.tensors[i];
            total += parameter->elements;
            pt__text_add(&text, "%-44s %-22s %12lld%s\n", parameter->name,
                         pt__shape_print(&parameter->shape, PT_FLOAT32, shape, sizeof shape),
                         (long long)parameter->elements, parameter->learnable ? "" : "  fixed");
        }
        pt__normalizations_print(&model->normalizations, &text);
        pt__text_add(&text, "%lld parameters, %lld of them learn\n", (long long)total,
                     (long long)pt__store_learnable_elements(&model->store));
    } else
        return pt__handle_leave(
            model,
            pt__fail(PT_ERR_ARGUMENT, "pt_model_describe: what is %d, expected one of PT_DESCRIBE_...", (int)what));
    return pt__handle_leave(model, pt__text_give(&text, buffer, size, length));
}

void pt_model_cancel(pt_model_t *model)
{
    if (model != NULL)
        atomic_store(&model->cancelled, 1);
}
