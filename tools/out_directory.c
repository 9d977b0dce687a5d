#include "out_directory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output.h"

int out_directory_make(const char *option, const char *path)
{
    char part[PATH_SIZE];
    if (strlen(path) > PATH_SIZE - 256)
        return fail("%s: a path of %lld bytes", option, (long long)strlen(path));
    snprintf(part, sizeof part, "%s", path);
    for (char *at = part + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = 0;
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return fail("%s: %s", part, strerror(errno));
        *at = '/';
    }
    if (mkdir(part, 0777) != 0 && errno != EEXIST)
        return fail("%s: %s", path, strerror(errno));
    if (!path_is_directory(path))
        return fail("%s: a file is there, expected a directory or nothing", path);
    if (access(path, W_OK | X_OK) != 0)
        return fail("%s: %s", path, strerror(errno));
    return EXIT_DONE;
}

int out_file_check(const char *option, const char *path)
{
    char directory[PATH_SIZE];
    if (strlen(path) > PATH_SIZE - 256)
        return fail("%s: a path of %lld bytes", option, (long long)strlen(path));
    path_of_directory(directory, path);
    if (path_is_directory(path))
        return fail("%s %s: a directory is there, expected the name of a file", option, path);
    if (!path_exists(path))
        return out_directory_make(option, directory);
    if (access(path, W_OK) != 0)
        return fail("%s %s: %s", option, path, strerror(errno));
    return EXIT_DONE;
}

int out_directory_prepare(const settings_t *settings, const opened_model_t *opened, char checkpoints[PATH_SIZE])
{
    char path[PATH_SIZE];
    int status = EXIT_DONE;
    checkpoints[0] = 0;
    if (!settings->out)
        return EXIT_DONE;
    if ((status = out_directory_make("--out", settings->out)) != EXIT_DONE)
        return status;
    if (settings->checkpoints != 0)
        path_join(checkpoints, settings->out, "checkpoints");
    const int has_checkpoint = checkpoints[0] && newest_checkpoint(path, checkpoints);
    if (has_checkpoint && !settings->resume)
        return fail("%s: an earlier training has left it; --resume goes on from there, or give another --out", path);
    if (settings->resume && !has_checkpoint)
        note("%s has no checkpoint to go on from: the training begins", checkpoints);
    path_join(path, settings->out, "tokenizer.json");
    if (opened->tokenizer && strcmp(path, opened->tokenizer_path) != 0) {
        pt_save_options_t options;
        TRY(pt_save_options_init(&options, sizeof options));
        options.format = PT_FORMAT_DIRECTORY; /* with how it is read, which a model may bring a file of its own for */
        TRY(pt_tokenizer_save(opened->tokenizer, settings->out, &options));
    }
out:
    return status;
}

static int write_config(const settings_t *settings, const opened_model_t *opened)
{
    char path[PATH_SIZE], *text = model_text(opened->model, PT_DESCRIBE_CONFIG);
    if (!text)
        return EXIT_FAILED;
    path_join(path, settings->out, "config.json");
    FILE *file = fopen(path, "w");
    int written = file && fprintf(file, "%s\n", text) > 0;
    written &= !file || fclose(file) == 0;
    free(text);
    return written ? EXIT_DONE : fail("%s: %s", path, strerror(errno));
}

int out_directory_save(const settings_t *settings, const opened_model_t *opened)
{
    char path[PATH_SIZE];
    pt_save_options_t options;
    int status = EXIT_DONE;
    if (!settings->out)
        return EXIT_DONE;
    path_join(path, settings->out, "model.safetensors");
    TRY(pt_save_options_init(&options, sizeof options));
    options.format = PT_FORMAT_DIRECTORY;
    pt_status_t saving = pt_model_save(opened->model, settings->out, &options);
    if (saving == PT_ERR_UNSUPPORTED) { /* no class of the transformers library is this network */
        saving = pt_model_save(opened->model, path, NULL);
        status = write_config(settings, opened);
    }
    TRY(saving);
    if (status == EXIT_DONE)
        note("saved to %s", path);
out:
    return status;
}
