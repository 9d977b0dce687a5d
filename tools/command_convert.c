/* pretrain convert: a model written in another form. */
#include <string.h>

#include "commands.h"
#include "opened_model.h"
#include "output.h"
#include "session.h"

/* Bytes of an element of what --dtype asks for; of `dtype` where it asks for nothing. */
static int64_t element_bytes(const settings_t *settings, int32_t dtype)
{
    const int is_half = settings->dtype ? strcmp(settings->dtype, "float32") != 0
                                        : dtype == PT_FLOAT16 || dtype == PT_BFLOAT16;
    return is_half ? 2 : 4;
}

static int tell(const settings_t *settings, const opened_model_t *opened)
{
    const int64_t tensors = pt_model_parameter_count(opened->model);
    int64_t bytes = 0;
    int status = EXIT_DONE;
    for (int64_t i = 0; i < tensors; i++) {
        pt_parameter_info_t info = {.struct_size = sizeof info};
        TRY(pt_model_parameter_info(opened->model, i, &info));
        bytes += info.elements * element_bytes(settings, info.dtype);
    }
    if (!settings->json) {
        printf("%lld tensors, %lld bytes in %s\n", (long long)tensors, (long long)bytes, settings->arguments[1]);
        return EXIT_DONE;
    }
    writer_t writer;
    json_open(&writer, stdout);
    json_begin(&writer, NULL, '{');
    json_whole(&writer, "tensors", tensors);
    json_whole(&writer, "bytes", bytes);
    json_end(&writer, '}');
    json_close(&writer);
out:
    return status;
}

/* A directory has a tokenizer.json, be the model's tokenizer a file of another kind; what says how it is read stays
 * where it was carried along. */
static int write_tokenizer(const opened_model_t *opened, const char *directory)
{
    char path[PATH_SIZE];
    int status = EXIT_DONE;
    if (!opened->tokenizer)
        return EXIT_DONE;
    path_join(path, directory, "tokenizer.json");
    if (path_exists(path))
        return EXIT_DONE;
    pt_save_options_t options;
    char config[PATH_SIZE];
    path_join(config, directory, "tokenizer_config.json");
    TRY(pt_save_options_init(&options, sizeof options));
    options.format = path_exists(config) ? PT_FORMAT_SAFETENSORS : PT_FORMAT_DIRECTORY;
    TRY(pt_tokenizer_save(opened->tokenizer, path_exists(config) ? path : directory, &options));
out:
    return status;
}

int command_convert(const settings_t *settings)
{
    static const struct {
        const char *name;
        int32_t dtype;
    } dtypes[] = {{"float32", PT_FLOAT32}, {"float16", PT_FLOAT16}, {"bfloat16", PT_BFLOAT16}};
    const char *to = settings->to ? settings->to : "directory", *out = settings->arguments[1];
    const int is_directory = strcmp(to, "directory") == 0;
    pt_context_t *context;
    pt_save_options_t options;
    opened_model_t opened = {0};
    int status = session_open(settings, &context);
    if (status == EXIT_DONE)
        status = opened_model_open(context, settings, settings->arguments[0], OPEN_MAPPED, &opened);
    if (status != EXIT_DONE)
        goto out;
    TRY(pt_save_options_init(&options, sizeof options));
    options.format = is_directory ? PT_FORMAT_DIRECTORY : PT_FORMAT_SAFETENSORS;
    for (size_t i = 0; settings->dtype && i < sizeof dtypes / sizeof *dtypes; i++) {
        if (strcmp(settings->dtype, dtypes[i].name) == 0)
            options.dtype = dtypes[i].dtype;
    }
    TRY(pt_model_save(opened.model, out, &options));
    if (is_directory)
        status = write_tokenizer(&opened, out);
    if (status == EXIT_DONE)
        status = tell(settings, &opened);
out:
    opened_model_close(&opened);
    pt_context_free(context);
    return status;
}
