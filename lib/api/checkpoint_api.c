/* Checkpoints, for hosts: pt_checkpoint_save and pt_checkpoint_load. */
#include "api/arguments.h"
#include "api/handle.h"

pt_status_t pt_checkpoint_save(const pt_model_t *model, const pt_optimizer_t *optimizer, const char *path)
{
    PT__TRY(pt__handle_enter(model, 0, "pt_checkpoint_save"));
    if (path == NULL)
        return pt__handle_leave(model, pt__handle_null("pt_checkpoint_save", "path"));
    if (optimizer != NULL) {
        pt_status_t status = pt__check_context(model, pt__optimizer_context(optimizer), "pt_checkpoint_save",
                                               "optimizer");
        /* An optimizer that has not stepped on this model yet has no slots: binding makes them, all zero. */
        if (status == PT_OK)
            status = pt__model_bind_optimizer((pt_model_t *)(uintptr_t)model, (pt_optimizer_t *)(uintptr_t)optimizer);
        if (status != PT_OK)
            return pt__handle_leave(model, status);
    }
    return pt__handle_leave(model, pt__checkpoint_write((pt_model_t *)(uintptr_t)model, optimizer, NULL, 0, path));
}

pt_status_t pt_checkpoint_load(pt_model_t *model, pt_optimizer_t *optimizer, const char *path)
{
    PT__TRY(pt__handle_enter(model, 1, "pt_checkpoint_load"));
    if (path == NULL)
        return pt__handle_leave(model, pt__handle_null("pt_checkpoint_load", "path"));
    if (optimizer != NULL) {
        pt_status_t status = pt__check_context(model, pt__optimizer_context(optimizer), "pt_checkpoint_load",
                                               "optimizer");
        if (status != PT_OK)
            return pt__handle_leave(model, status);
    }
    return pt__handle_leave(model, pt__checkpoint_read(model, optimizer, NULL, path));
}
