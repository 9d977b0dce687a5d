/* A stage's checkpoints in a directory: DIRECTORY/step-000000001000.safetensors. The newest whole one is where a
 * stage goes on; the last few are kept, so that a damaged newest one costs steps and not the training. */
#include "train/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/number.h"
#include "formats/tensors.h"

#define SUFFIX ".safetensors"
enum { DIGITS = 12, NAME_SIZE = 64 };

static void write_name(int64_t step, char name[NAME_SIZE])
{
    snprintf(name, NAME_SIZE, "step-%0*" PRId64 SUFFIX, DIGITS, step);
}

/* Of a directory that a stage has opened: its path is not too long. */
static void write_path(const char *directory, int64_t step, char path[PT__PATH_SIZE])
{
    char name[NAME_SIZE];
    write_name(step, name);
    snprintf(path, PT__PATH_SIZE, "%s/%s", directory, name);
}

pt_status_t pt__rotation_path(const char *directory, int64_t step, char path[PT__PATH_SIZE])
{
    if (strlen(directory) > PT__PATH_SIZE - NAME_SIZE)
        return pt__fail(PT_ERR_ARGUMENT, "the path of the checkpoint directory is too long: %.80s...", directory);
    write_path(directory, step, path);
    return PT_OK;
}

/* The step in a checkpoint's name, or -1: some other file. */
static int64_t read_name(const char *name, size_t length)
{
    char expected[NAME_SIZE];
    int64_t step;
    if (length < 5 + DIGITS + sizeof SUFFIX - 1 ||
        !pt__number_parse_int64(name + 5, (int64_t)(length - 5 - (sizeof SUFFIX - 1)), &step) || step < 0)
        return -1;
    write_name(step, expected);
    return strlen(expected) == length && memcmp(name, expected, length) == 0 ? step : -1;
}

/* The steps of all checkpoints in a directory, in rising order: names are sorted by bytes, and with equal digits that
 * is by step. The caller releases them. */
static pt_status_t list_steps(pt_context_t *context, const char *directory, int64_t **steps, int64_t *count)
{
    char **names;
    int64_t all;
    *steps = NULL;
    *count = 0;
    PT__TRY(pt__directory_list(&context->memory, directory, &names, &all));
    pt_status_t status = pt__allocate(&context->memory, (size_t)all, sizeof **steps, "checkpoints", steps);
    for (int64_t i = 0; i < all && status == PT_OK; i++) {
        (*steps)[*count] = read_name(names[i], strlen(names[i]));
        *count += (*steps)[*count] >= 0;
    }
    pt__release(&context->memory, names);
    return status;
}

/* ---- A stage's own ---- */

static int32_t is_checkpoint(const void *user, const char *name, size_t length)
{
    (void)user;
    return read_name(name, length) >= 0;
}

pt_status_t pt__rotation_open(pt_context_t *context, const char *directory, int *lock)
{
    char path[PT__PATH_SIZE];
    pt__writer_t *writer;
    PT__TRY(pt__directory_make(&context->memory, directory));
    PT__TRY(pt__directory_lock(&context->memory, directory, lock));
    if (*lock < 0)
        pt__log(context, PT_LOG_WARNING,
                "%s: the file system has no locks: another stage that writes there would not be noticed", directory);
    pt__writer_clear(directory, is_checkpoint, NULL);
    PT__TRY(pt__rotation_path(directory, 0, path)); /* any step's name shows what may be written there */
    PT__TRY(pt__writer_begin(&context->memory, path, &writer));
    pt__writer_abandon(&writer);
    return PT_OK;
}

/* ---- Going on ---- */

/* Whatever is wrong with one file, an older one may be sound. What the machine lacks it lacks for all. */
static int32_t is_of_file(pt_status_t status)
{
    return status != PT_ERR_MEMORY && status != PT_ERR_DEVICE;
}

static pt_status_t read_one(pt_model_t *model, pt_optimizer_t *optimizer, pt__progress_t *progress, const char *path)
{
    if (pt__file_exists(path) && !pt__file_is_regular(path)) /* opening a FIFO waits for ever */
        return pt__fail(PT_ERR_FORMAT, "%s: not a regular file", path);
    return pt__checkpoint_read(model, optimizer, progress, path, &(pt_load_options_t){0});
}

pt_status_t pt__rotation_resume(pt_model_t *model, pt_optimizer_t *optimizer, pt__progress_t *progress,
                                const char *directory, char path[PT__PATH_SIZE], int32_t *found)
{
    int64_t *steps, count;
    pt_status_t status = PT_OK, first_failure = PT_OK;
    char first_message[PT__MESSAGE_SIZE] = "";
    *found = 0;
    PT__TRY(list_steps(model->context, directory, &steps, &count));
    for (int64_t i = count; i-- > 0;) {
        write_path(directory, steps[i], path);
        pt_status_t one = read_one(model, optimizer, progress, path);
        *found = one == PT_OK;
        if (one == PT_OK)
            break;
        if (!is_of_file(one)) {
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
        status = pt__fail(first_failure, "no checkpoint in %s can be resumed; the newest: %.700s", directory,
                          first_message);
out:
    pt__release(&model->context->memory, steps);
    return status;
}

pt_status_t pt__rotation_refuse_others(pt_context_t *context, const char *directory)
{
    int64_t *steps, count;
    PT__TRY(list_steps(context, directory, &steps, &count));
    int64_t newest = count > 0 ? steps[count - 1] : -1;
    pt__release(&context->memory, steps);
    if (newest < 0)
        return PT_OK;
    return pt__fail(PT_ERR_STATE,
                    "pt_train_options.checkpoint_directory, %s, holds checkpoints of an earlier training, up to step "
                    "%lld: set PT_TRAIN_RESUME "
                    "to go on from there, or name a directory without any",
                    directory, (long long)newest);
}

/* ---- Letting go ---- */

int32_t pt__rotation_has(const char *directory, int64_t step)
{
    char path[PT__PATH_SIZE];
    write_path(directory, step, path);
    return pt__file_is_regular(path);
}

static int32_t is_whole(pt_context_t *context, const char *directory, int64_t step)
{
    char path[PT__PATH_SIZE];
    pt__file_tensors_t *file;
    int32_t has_checksum;
    write_path(directory, step, path);
    if (!pt__file_is_regular(path) || pt__file_tensors_open(context, &pt__format_safetensors, path, 0, &file) != PT_OK)
        return 0;
    int32_t whole = pt__file_tensors_verify(file, &has_checksum) == PT_OK && has_checksum;
    pt__file_tensors_close(file);
    return whole;
}

void pt__rotation_drop(pt_context_t *context, const char *directory, int64_t first, int64_t last)
{
    char path[PT__PATH_SIZE];
    int64_t *steps, count, older;
    if (list_steps(context, directory, &steps, &count) != PT_OK)
        count = 0;
    for (older = count - 1; older >= 0 && (steps[older] >= first || !is_whole(context, directory, steps[older]));)
        older--;
    for (int64_t i = older + 1; i < count && older >= 0; i++) {
        write_path(directory, steps[i], path);
        if (steps[i] >= first && steps[i] <= last && pt__file_remove(path) == PT_OK)
            pt__log(context, PT_LOG_WARNING,
                    "%s: removed: no gradient of its weights was finite; step %lld's checkpoint stays", path,
                    (long long)steps[older]);
    }
    pt__release(&context->memory, steps);
}

pt_status_t pt__rotation_prune(pt_context_t *context, const char *directory, int64_t step, int64_t kept,
                               int32_t *has_told)
{
    char path[PT__PATH_SIZE];
    int64_t *steps, count, newer = 0;
    pt_status_t status = list_steps(context, directory, &steps, &count), failure = status;
    for (int64_t i = count; i-- > 0;) {
        if (steps[i] > step || newer++ < kept)
            continue;
        write_path(directory, steps[i], path);
        if (pt__file_remove(path) != PT_OK)
            failure = PT_ERR_IO;
    }
    if (failure != PT_OK && is_of_file(failure) && !*has_told) {
        pt__log(context, PT_LOG_WARNING, "an old checkpoint stays: %s", pt__error_message());
        *has_told = 1;
    }
    pt__release(&context->memory, steps);
    return is_of_file(status) ? PT_OK : status;
}
