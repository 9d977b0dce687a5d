/* pretrain evaluate: a model's loss and metrics on data. */
#include <string.h>

#include "commands.h"
#include "data_files.h"
#include "evaluate_neighbours.h"
#include "output.h"
#include "session.h"

static void print_result(const settings_t *settings, const pt_model_t *model, int64_t samples)
{
    if (settings->json) {
        writer_t writer;
        json_open(&writer, stdout);
        json_begin(&writer, NULL, '{');
        json_text(&writer, "task", pt_model_task(model));
        json_whole(&writer, "samples", samples);
        json_metrics(&writer, "metrics", model);
        json_end(&writer, '}');
        json_close(&writer);
        return;
    }
    printf("task       %s\nsamples    %lld\n", pt_model_task(model), (long long)samples);
    for (int64_t i = 0; i < pt_model_metric_count(model); i++) {
        pt_metric_info_t info = {.struct_size = sizeof info};
        if (pt_model_metric_info(model, i, &info) == PT_OK)
            printf("%-10s %.9g\n", info.name, plain_number(info.value));
    }
}

int command_evaluate(const settings_t *settings)
{
    pt_context_t *context;
    opened_model_t opened = {0};
    pt_dataset_t *dataset = NULL;
    data_files_t files = {0};
    names_t names = {NULL, 0};
    pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
    if (settings->neighbours > 0 && !settings->reference)
        return usage_error(settings->command, "--neighbours without --reference, expected both");
    int status = session_open(settings, &context);
    if (status == EXIT_DONE)
        status = opened_model_open(context, settings, settings->arguments[0], OPEN_MAPPED, &opened);
    if (status != EXIT_DONE)
        goto out;
    if (settings->reference) {
        status = evaluate_neighbours(context, settings, &opened);
        goto out;
    }
    if (!pt_model_task(opened.model) && opened.reads_tokens && /* a published trunk */
        strcmp(opened_model_language_task(&opened), PT_TASK_CAUSAL_LM) == 0)
        TRY(pt_model_set_task(opened.model, PT_TASK_CAUSAL_LM, NULL));
    if (!pt_model_task(opened.model)) {
        status = fail("%s: the model has no task, so that nothing can be evaluated; finetune gives it one",
                      opened.path);
        goto out;
    }
    if (!names_of_model(opened.model, &names))
        status = fail("no memory for the classes");
    const reading_t reading = {.context = context,
                               .settings = settings,
                               .opened = &opened,
                               .task = pt_model_task(opened.model),
                               .stride = settings->stride,
                               .names = &names};
    if (status == EXIT_DONE) {
        uint32_t formats = data_formats(settings, &opened, settings->arguments + 1, settings->n_arguments - 1);
        status = formats ? data_check_use(&reading, formats) : EXIT_USAGE;
    }
    if (status == EXIT_DONE)
        status = data_files_open(&reading, settings->arguments + 1, settings->n_arguments - 1, 0, 1, &files);
    if (status == EXIT_DONE)
        status = data_files_join(&reading, &files, &names, &dataset);
    if (status != EXIT_DONE)
        goto out;
    interrupts_watch(opened.model, 0);
    TRY(pt_evaluate(opened.model, dataset, settings->batch, &evaluation));
    print_result(settings, opened.model, evaluation.samples);
out:
    interrupts_watch(NULL, 0);
    if (interrupted())
        status = EXIT_INTERRUPTED + interrupted();
    names_free(&names);
    data_files_close(&files);
    pt_dataset_free(dataset);
    opened_model_close(&opened);
    pt_context_free(context);
    return status;
}
