/* A model's class names, for hosts: pt_model_set_class_names, pt_model_class_count, pt_model_class_name. */
#include "api/handle.h"

static pt_status_t set_class_names(pt_model_t *model, int64_t count, const char *const *names)
{
    pt__class_names_t made;
    if (count == 0) {
        pt__class_names_release(&model->context->memory, &model->class_names);
        return PT_OK;
    }
    if (pt__class_names_field(model) == NULL)
        return pt__fail(PT_ERR_STATE, "pt_model_set_class_names: the model's task, %s, has no classes",
                        model->task_kind == NULL ? "none" : model->task_kind->name);
    if (count != model->task.outputs)
        return pt__fail(PT_ERR_ARGUMENT,
                        "pt_model_set_class_names: count is %lld, expected %lld as the task has outputs",
                        (long long)count, (long long)model->task.outputs);
    if (names == NULL)
        return pt__handle_null("pt_model_set_class_names", "names");
    pt_status_t status = pt__class_names_make(&model->context->memory, names, count, PT_ERR_ARGUMENT, &made);
    if (status != PT_OK)
        return pt__fail_within(status, "pt_model_set_class_names");
    pt__class_names_replace(model, &made);
    return PT_OK;
}

pt_status_t pt_model_set_class_names(pt_model_t *model, int64_t count, const char *const *names)
{
    PT__TRY(pt__handle_enter(model, 1, "pt_model_set_class_names"));
    return pt__handle_leave(model, set_class_names(model, count, names));
}

int64_t pt_model_class_count(const pt_model_t *model)
{
    return model == NULL ? 0 : model->class_names.count;
}

const char *pt_model_class_name(const pt_model_t *model, int64_t index)
{
    return model == NULL || index < 0 || index >= model->class_names.count ? NULL : model->class_names.list[index];
}
