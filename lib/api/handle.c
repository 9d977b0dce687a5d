/* See handle.h. The message on the handle is the one thing that getters, too, write: hosts whose threads move read
 * it there. */
#include "api/handle.h"

#include <stdio.h>

#include "base/unfinished.h"

pt_status_t pt__handle_null(const char *function, const char *name)
{
    return pt__fail(PT_ERR_ARGUMENT, "%s: %s is NULL", function, name);
}

pt_status_t pt__handle_enter(const pt_model_t *model, int32_t change, const char *function)
{
    pt__error_clear();
    if (model == NULL)
        return pt__handle_null(function, "model");
    if (change && model->busy)
        return pt__handle_leave(
            model, pt__fail(PT_ERR_BUSY, "%s: the model is in use by the stage that called this callback", function));
    return PT_OK;
}

pt_status_t pt__handle_leave(const pt_model_t *model, pt_status_t status)
{
    if (status == PT_OK)
        pt__error_clear(); /* what a callback's own calls, or a checkpoint passed over, left */
    else if (model != NULL)
        snprintf(((pt_model_t *)(uintptr_t)model)->message, sizeof model->message, "%s", pt__error_message());
    return status;
}

static void end(pt_model_t *model)
{
    model->busy = 0;
    if (model->free_when_idle)
        pt__model_free(model);
}

/* Of a step that was under way nothing is kept; an accumulation that the host goes on with is. */
static pt_status_t end_unfinished(void *object)
{
    pt_model_t *model = object;
    pt_status_t status = model->pending.accumulated == 0 ? pt__state_restore(model) : PT_OK;
    end(model);
    return status;
}

pt_status_t pt__handle_begin_stage(pt_model_t *model, const char *function)
{
    PT__TRY(pt__handle_enter(model, 1, function));
    model->busy = 1;
    pt__unfinished_push(end_unfinished, model);
    return PT_OK;
}

pt_status_t pt__handle_end_stage(pt_model_t *model, pt_status_t status)
{
    pt__unfinished_pop();
    pt__handle_leave(model, status);
    end(model);
    return status;
}

pt_status_t pt__handle_begin_output(const pt_model_t *model, const char *function, int32_t *before)
{
    PT__TRY(pt__handle_enter(model, 0, function));
    *before = model->busy;
    if (*before)
        return PT_OK;
    ((pt_model_t *)(uintptr_t)model)->busy = 1;
    pt__unfinished_push(end_unfinished, (pt_model_t *)(uintptr_t)model);
    return PT_OK;
}

pt_status_t pt__handle_end_output(const pt_model_t *model, int32_t before, pt_status_t status)
{
    if (!before)
        return pt__handle_end_stage((pt_model_t *)(uintptr_t)model, status);
    return pt__handle_leave(model, status);
}
