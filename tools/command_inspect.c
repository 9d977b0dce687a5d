/* pretrain inspect: what is in a model. */
#include <string.h>
#include <stdlib.h>

#include "commands.h"
#include "data_files.h"
#include "output.h"
#include "session.h"

enum { MOST_DTYPES = 32 };

/* Of all tensors. */
typedef struct sums {
    int64_t parameters, bytes;
    /* which most elements have; NULL: there are none */
    const char *dtype;
} sums_t;

static int add_up(const pt_model_t *model, sums_t *sums)
{
    const char *names[MOST_DTYPES];
    int64_t elements[MOST_DTYPES] = {0}, most = 0;
    int count = 0, status = EXIT_DONE;
    *sums = (sums_t){0};
    for (int64_t i = 0; i < pt_model_parameter_count(model); i++) {
        pt_parameter_info_t info = {.struct_size = sizeof info};
        int at = 0;
        TRY(pt_model_parameter_info(model, i, &info));
        sums->parameters += info.elements;
        sums->bytes += info.bytes;
        while (at < count && strcmp(names[at], info.dtype_name) != 0)
            at++;
        if (at == MOST_DTYPES)
            continue;
        names[at] = info.dtype_name;
        elements[at] += info.elements;
        count = at == count ? at + 1 : count;
        if (elements[at] > most) {
            most = elements[at];
            sums->dtype = names[at];
        }
    }
out:
    return status;
}

/* The tokenizer's file, "bytes" where bytes are tokens, or NULL. */
static const char *tokenizer_name(const opened_model_t *opened)
{
    if (opened->tokenizer)
        return opened->tokenizer_path;
    return opened->reads_tokens && opened->vocabulary == 256 ? "bytes" : NULL;
}

static int print_json(const opened_model_t *opened, const sums_t *sums)
{
    const pt_model_t *model = opened->model;
    writer_t writer;
    int status = EXIT_DONE;
    json_open(&writer, stdout);
    json_begin(&writer, NULL, '{');
    json_text(&writer, "family", opened->family);
    json_text(&writer, "task", pt_model_task(model));
    json_whole(&writer, "parameters", sums->parameters);
    json_whole(&writer, "bytes", sums->bytes);
    json_text(&writer, "dtype", sums->dtype);
    json_text(&writer, "tokenizer", tokenizer_name(opened));
    json_begin(&writer, "labels", '[');
    for (int64_t i = 0; i < pt_model_class_count(model); i++)
        json_text(&writer, NULL, pt_model_class_name(model, i));
    json_end(&writer, ']');
    json_begin(&writer, "tensors", '[');
    for (int64_t i = 0; i < pt_model_parameter_count(model); i++) {
        pt_parameter_info_t info = {.struct_size = sizeof info};
        TRY(pt_model_parameter_info(model, i, &info));
        json_begin(&writer, NULL, '{');
        json_text(&writer, "name", info.name);
        json_text(&writer, "dtype", info.dtype_name);
        json_begin(&writer, "shape", '[');
        for (int32_t d = 0; d < info.rank; d++)
            json_whole(&writer, NULL, info.shape[d]);
        json_end(&writer, ']');
        json_end(&writer, '}');
    }
    json_end(&writer, ']');
    json_end(&writer, '}');
    json_close(&writer);
out:
    return status;
}

static int print_tensors(const pt_model_t *model)
{
    int status = EXIT_DONE;
    for (int64_t i = 0; i < pt_model_parameter_count(model); i++) {
        pt_parameter_info_t info = {.struct_size = sizeof info};
        TRY(pt_model_parameter_info(model, i, &info));
        printf("  %-44s %s [", info.name, info.dtype_name);
        for (int32_t d = 0; d < info.rank; d++)
            printf("%s%lld", d ? ", " : "", (long long)info.shape[d]);
        puts("]");
    }
out:
    return status;
}

/* What a step of AdamW would take: of the model as it would be trained, so it is opened once more, in memory. */
static int print_cost(pt_context_t *context, const settings_t *settings)
{
    opened_model_t opened;
    pt_optimizer_t *optimizer = NULL;
    pt_estimate_t estimate = {.struct_size = sizeof estimate};
    int status = opened_model_open(context, settings, settings->arguments[0], OPEN_FRESH, &opened);
    if (status != EXIT_DONE)
        goto out;
    if (!pt_model_task(opened.model) && opened.reads_tokens)
        TRY(pt_model_set_task(opened.model, opened_model_language_task(&opened), NULL));
    if (!pt_model_task(opened.model))
        goto out;
    int64_t length = settings->length > 0 ? settings->length : opened.positions > 0 ? opened.positions : 128;
    length = length < 1024 ? length : 1024;
    const pt_dim_rows_t rows = {"tokens", settings->batch * length};
    TRY(pt_optimizer_create(context, NULL, &optimizer));
    TRY(pt_model_estimate(opened.model, optimizer, settings->batch, opened.reads_tokens ? &rows : NULL,
                          opened.reads_tokens, sizeof rows, &estimate));
    printf("a step of %lld samples", (long long)settings->batch);
    if (opened.reads_tokens)
        printf(" of %lld tokens", (long long)length);
    printf(": %.3g operations and %lld bytes\n", estimate.operations, (long long)estimate.bytes);
    printf("  %lld for parameters, %lld for gradients, %lld for the optimizer (AdamW), %lld for the plan\n",
           (long long)estimate.parameter_bytes, (long long)estimate.gradient_bytes, (long long)estimate.optimizer_bytes,
           (long long)estimate.plan_bytes);
out:
    pt_optimizer_free(optimizer);
    opened_model_close(&opened);
    return status;
}

static int print_text(pt_context_t *context, const settings_t *settings, const opened_model_t *opened,
                      const sums_t *sums)
{
    const pt_model_t *model = opened->model;
    const char *task = pt_model_task(model), *tokenizer = tokenizer_name(opened);
    printf("file        %s\nfamily      %s\ntask        %s\nparameters  %lld\nbytes       %lld\ndtype       %s\n",
           opened->path, opened->family, task ? task : "none", (long long)sums->parameters, (long long)sums->bytes,
           sums->dtype ? sums->dtype : "none");
    printf("tokenizer   %s", tokenizer ? tokenizer : "none");
    if (opened->tokenizer)
        printf(" (%lld tokens)", (long long)pt_tokenizer_size(opened->tokenizer));
    printf("\nlabels      ");
    for (int64_t i = 0; i < pt_model_class_count(model); i++)
        printf("%s%s", i ? ", " : "", pt_model_class_name(model, i));
    printf("%s\ntensors     %lld\n", pt_model_class_count(model) ? "" : "none",
           (long long)pt_model_parameter_count(model));
    int status = print_tensors(model);
    return status == EXIT_DONE ? print_cost(context, settings) : status;
}

int command_inspect(const settings_t *settings)
{
    pt_context_t *context;
    opened_model_t opened = {0};
    sums_t sums;
    int status = session_open(settings, &context);
    if (status == EXIT_DONE)
        status = opened_model_open(context, settings, settings->arguments[0], OPEN_FRESH | OPEN_MAPPED | OPEN_ANYHOW,
                                   &opened);
    if (status == EXIT_DONE && !opened.reads_tokens && (settings->length > 0 || settings->tokenizer))
        status = usage_error(settings->command, "%s is for a model that reads tokens",
                             settings->length > 0 ? "--length" : "--tokenizer");
    if (status == EXIT_DONE)
        status = add_up(opened.model, &sums);
    if (status == EXIT_DONE)
        status = settings->json ? print_json(&opened, &sums) : print_text(context, settings, &opened, &sums);
    opened_model_close(&opened);
    pt_context_free(context);
    return status;
}
