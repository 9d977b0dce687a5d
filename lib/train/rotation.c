/* A stage's checkpoints in a directory: DIRECTORY/step-000000001000.safetensors. The newest whole one is where a
 * stage goes on; the last few are kept, so that a damaged newest one costs steps and not the training. */
#include "train/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

#define SUFFIX ".safetensors"
enum { DIGITS = 12 };

pt_status_t pt__rotation_path(const char *directory, int64_t step, char path[PT__PATH_SIZE])
{
    int length = snprintf(path, PT__PATH_SIZE, "%s/step-%0*" PRId64 SUFFIX, directory, DIGITS, step);
    if (length < 0 || length >= PT__PATH_SIZE)
        return pt__fail(PT_ERR_ARGUMENT, "the path of the checkpoint directory is too long: %.80s...", directory);
    return PT_OK;
}

/* The step in a checkpoint's name, or -1: some other file. */
static int64_t read_name(const char *name)
{
    int64_t step;
    size_t length = strlen(name);
    if (length < 5 + DIGITS + sizeof SUFFIX - 1 || strncmp(name, "step-", 5) != 0 ||
        strcmp(name + length - (sizeof SUFFIX - 1), SUFFIX) != 0)
        return -1;
    return pt__parse_int64(name + 5, (int64_t)(length - 5 - (sizeof SUFFIX - 1)), &step) && step >= 0 ? step : -1;
}

/* Names are sorted by bytes, and with equal digits that is by step: the newest last. */
pt_status_t pt__rotation_resume(pt_model_t *model, pt_optimizer_t *optimizer, pt__progress_t *progress,
                                const char *directory, char path[PT__PATH_SIZE], int32_t *found)
{
    char **names;
    int64_t count;
    pt_status_t status = PT_OK, first_failure = PT_OK;
    char first_message[PT__MESSAGE_SIZE] = "";
    *found = 0;
    if (!pt__file_exists(directory))
        return PT_OK;
    PT__TRY(pt__directory_list(&model->context->memory, directory, &names, &count));
    for (int64_t i = count; i-- > 0 && !*found;) {
        int64_t step = read_name(names[i]);
        if (step < 0)
            continue;
        PT__TRY_OUT(pt__rotation_path(directory, step, path));
        pt_status_t one = pt__checkpoint_read(model, optimizer, progress, path, &(pt_load_options_t){0});
        *found = one == PT_OK;
        if (one == PT_OK)
            break;
        if (one != PT_ERR_FORMAT &&
            one != PT_ERR_IO) { /* whole, but of another model, or no memory: an older one will not help */
            status = one;
            goto out;
        }
        pt__log(model->context, PT_LOG_WARNING, "checkpoint passed over: %s", pt__error_message());
        if (first_failure == PT_OK) {
            first_failure = one;
            snprintf(first_message, sizeof first_message, "%s", pt__error_message());
        }
    }
    if (!*found && first_failure != PT_OK) /* starting afresh would overwrite what may still be saved by hand */
        status = pt__fail(first_failure, "no whole checkpoint in %s: %.700s", directory, first_message);
out:
    pt__release(&model->context->memory, names);
    return status;
}

pt_status_t pt__rotation_refuse_others(pt_context_t *context, const char *directory)
{
    char **names;
    int64_t count, newest = -1;
    PT__TRY(pt__directory_list(&context->memory, directory, &names, &count));
    for (int64_t i = 0; i < count; i++)
        newest = read_name(names[i]) > newest ? read_name(names[i]) : newest;
    pt__release(&context->memory, names);
    if (newest < 0)
        return PT_OK;
    return pt__fail(PT_ERR_STATE,
                    "pt_train_options.checkpoint_directory, %s, holds checkpoints of an earlier training, up to step "
                    "%lld: set PT_TRAIN_RESUME "
                    "to go on from there, or name a directory without any",
                    directory, (long long)newest);
}

pt_status_t pt__rotation_prune(pt_context_t *context, const char *directory, int64_t step, int64_t kept)
{
    char **names, path[PT__PATH_SIZE];
    int64_t count, newer = 0;
    pt_status_t status;
    PT__TRY(pt__directory_list(&context->memory, directory, &names, &count));
    status = PT_OK;
    for (int64_t i = count; i-- > 0;) {
        int64_t found = read_name(names[i]);
        if (found < 0 || found > step || newer++ < kept)
            continue;
        PT__TRY_OUT(pt__rotation_path(directory, found, path));
        PT__TRY_OUT(pt__file_remove(path));
    }
out:
    pt__release(&context->memory, names);
    return status;
}
