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

/* Of all tensors. */
static int count_bytes(const settings_t *settings, const pt_model_t *model, int64_t *bytes)
{
    int status = EXIT_DONE;
    for (int64_t i = 0; i < pt_model_parameter_count(model); i++) {
        pt_parameter_info_t info = {.struct_size = sizeof info};
        TRY(pt_model_parameter_info(model, i, &info));
        *bytes += info.elements * element_bytes(settings, info.dtype);
    }
out:
    return status;
}

static void tell(const settings_t *settings, const opened_model_t *opened, int64_t bytes)
{
    const int64_t tensors = pt_model_parameter_count(opened->model);
    writer_t writer;
    if (!settings->json) {
        printf("%lld tensors, %lld bytes in %s\n", (long long)tensors, (long long)bytes, settings->arguments[1]);
        return;
    }
    json_open(&writer, stdout);
    json_begin(&writer, NULL, '{');
    json_whole(&writer, "tensors", tensors);
    json_whole(&writer, "bytes", bytes);
    json_end(&writer, '}');
    json_close(&writer);
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

/* The options' words; blocks and shards are of some forms alone. */
static int read_options(const settings_t *settings, pt_save_options_t *options)
{
    static const struct {
        const char *name;
        int32_t format;
    } forms[] = {{"directory", PT_FORMAT_DIRECTORY}, {"safetensors", PT_FORMAT_SAFETENSORS}, {"gguf", PT_FORMAT_GGUF}};
    static const struct {
        const char *name;
        int32_t dtype;
    } dtypes[] = {{"float32", PT_FLOAT32}, {"float16", PT_FLOAT16}, {"bfloat16", PT_BFLOAT16}};
    const char *to = settings->to ? settings->to : "directory";
    const int is_blocks = settings->dtype && strcmp(settings->dtype, "q8_0") == 0;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (strcmp(forms[i].name, to) == 0)
            options->format = forms[i].format;
    for (size_t i = 0; settings->dtype && i < sizeof dtypes / sizeof *dtypes; i++)
        if (strcmp(settings->dtype, dtypes[i].name) == 0)
            options->dtype = dtypes[i].dtype;
    if (is_blocks && options->format != PT_FORMAT_GGUF)
        return usage_error(settings->command, "--dtype q8_0 is of --to gguf alone");
    if (settings->shard > 0 && options->format == PT_FORMAT_GGUF)
        return usage_error(settings->command, "--shard: a GGUF file is one file");
    if (is_blocks)
        options->format = PT_FORMAT_GGUF_Q8_0;
    options->shard_bytes = settings->shard;
    return EXIT_DONE;
}

int command_convert(const settings_t *settings)
{
    const char *out = settings->arguments[1];
    pt_context_t *context = NULL;
    pt_save_options_t options;
    opened_model_t opened = {0};
    int64_t bytes = 0;
    int status = EXIT_DONE;
    TRY(pt_save_options_init(&options, sizeof options));
    status = read_options(settings, &options);
    if (status == EXIT_DONE)
        status = session_open(settings, &context);
    if (status == EXIT_DONE)
        status = opened_model_open(context, settings, settings->arguments[0], OPEN_MAPPED, &opened);
    if (status != EXIT_DONE)
        goto out;
    if (options.format == PT_FORMAT_GGUF || options.format == PT_FORMAT_GGUF_Q8_0)
        options.bytes = &bytes;
    else
        status = count_bytes(settings, opened.model, &bytes);
    if (status != EXIT_DONE)
        goto out;
    TRY(pt_model_save(opened.model, out, &options));
    if (options.format == PT_FORMAT_DIRECTORY)
        status = write_tokenizer(&opened, out);
    if (status == EXIT_DONE)
        tell(settings, &opened, bytes);
out:
    opened_model_close(&opened);
    pt_context_free(context);
    return status;
}
