/* pretrain predict: what a model makes of each sample. */
#include <string.h>

#include "commands.h"
#include "data_files.h"
#include "output.h"
#include "outputs.h"
#include "picture_files.h"
#include "session.h"
#include "text_lines.h"

/* What is needed all along. */
typedef struct predicting {
    const settings_t *settings;
    pt_context_t *context;
    opened_model_t opened;
    /* one of the classes, any of them, or else numbers */
    int32_t has_classes, has_several;
    outputs_t outputs;
} predicting_t;

/* ---- Results ----------------------------------------------------------------------------------------------------- */

static const char *class_name(const predicting_t *self, int64_t number, char buffer[32])
{
    const char *name = pt_model_class_name(self->opened.model, number);
    if (name)
        return name;
    snprintf(buffer, 32, "%lld", (long long)number);
    return buffer;
}

/* A sample's line: of a picture it begins with its file. */
static void begin_line(const predicting_t *self, const char *name, writer_t *writer)
{
    if (!self->settings->json) {
        if (name)
            printf("%s\t", name);
        return;
    }
    json_open(writer, stdout);
    json_begin(writer, NULL, '{');
    if (name)
        json_text(writer, "image", name);
}

static void end_line(const predicting_t *self, writer_t *writer)
{
    if (!self->settings->json)
        return;
    json_end(writer, '}');
    json_close(writer);
}

/* A picture that cannot be read: another stood in for it, whose result is not its own. The library has warned of it. */
static void print_broken(const predicting_t *self, const char *name, const char *why)
{
    writer_t writer;
    if (!self->settings->json)
        return;
    begin_line(self, name, &writer);
    json_text(&writer, "error", why);
    end_line(self, &writer);
}

static void add_scores(const predicting_t *self, writer_t *writer, const float *scores, int64_t count)
{
    char buffer[32];
    json_begin(writer, "scores", '{');
    for (int64_t i = 0; i < count; i++)
        json_number(writer, class_name(self, i, buffer), (double)scores[i]);
    json_end(writer, '}');
}

static void print_classes(const predicting_t *self, writer_t *writer, const float *scores, int64_t count)
{
    char buffer[32];
    int64_t best = 0;
    for (int64_t i = 1; i < count; i++)
        best = scores[i] > scores[best] ? i : best;
    if (!self->settings->json) {
        printf("%s\t%.9g\n", class_name(self, best, buffer), (double)scores[best]);
        return;
    }
    json_text(writer, "label", class_name(self, best, buffer));
    add_scores(self, writer, scores, count);
}

/* Those that are said to hold, separated by commas; with --json all with their probabilities. */
static void print_several(const predicting_t *self, writer_t *writer, const float *scores, int64_t count)
{
    enum { HOLDS_ABOVE_PERCENT = 50 };
    char buffer[32];
    if (self->settings->json)
        json_begin(writer, "label", '[');
    for (int64_t i = 0, told = 0; i < count; i++) {
        if (100 * scores[i] <= HOLDS_ABOVE_PERCENT)
            continue;
        if (self->settings->json)
            json_text(writer, NULL, class_name(self, i, buffer));
        else
            printf("%s%s", told++ ? "," : "", class_name(self, i, buffer));
    }
    if (!self->settings->json) {
        putchar('\n');
        return;
    }
    json_end(writer, ']');
    add_scores(self, writer, scores, count);
}

static void print_numbers(const predicting_t *self, writer_t *writer, const float *values, int64_t count)
{
    if (!self->settings->json) {
        outputs_print_row(values, count);
        return;
    }
    if (count != 1)
        json_begin(writer, "label", '[');
    for (int64_t i = 0; i < count; i++)
        json_number(writer, count == 1 ? "label" : NULL, (double)values[i]);
    if (count != 1)
        json_end(writer, ']');
}

static void print_sample(const predicting_t *self, const char *name, const float *row, int64_t count)
{
    writer_t writer;
    begin_line(self, name, &writer);
    if (self->has_classes)
        print_classes(self, &writer, row, count);
    else if (self->has_several)
        print_several(self, &writer, row, count);
    else
        print_numbers(self, &writer, row, count);
    end_line(self, &writer);
}

static int predict(void *user, pt_dataset_t *dataset)
{
    predicting_t *self = user;
    outputs_t *outputs = &self->outputs;
    const char *output = self->has_classes || self->has_several ? "probabilities" : "prediction";
    int status = outputs_predict(self->opened.model, output, self->settings->batch, dataset, outputs);
    for (int64_t i = 0; status == EXIT_DONE && i < outputs->samples; i++) {
        const char *name = self->opened.channels > 0 ? pt_dataset_sample_name(dataset, i) : NULL;
        const float *row = outputs->values + i * outputs->count;
        const char *broken = name ? picture_files_broken(dataset, name) : NULL;
        if (broken)
            print_broken(self, name, broken);
        else
            print_sample(self, name, row, outputs->count);
    }
    output_flush(); /* a failure is told at the end */
    return status;
}

/* ---- Data -------------------------------------------------------------------------------------------------------- */

static int predict_table(predicting_t *self, const reading_t *reading)
{
    data_files_t files = {0};
    pt_dataset_t *dataset = NULL, *part = NULL;
    int status = data_files_open(reading, self->settings->arguments + 1, 1, 0, 1, &files);
    if (status == EXIT_DONE)
        status = data_files_join(reading, &files, NULL, &dataset);
    const int64_t samples = pt_dataset_length(dataset);
    for (int64_t first = 0; status == EXIT_DONE && first < samples && output_flush(); first += LINES_AT_ONCE) {
        int64_t count = samples - first < LINES_AT_ONCE ? samples - first : LINES_AT_ONCE;
        TRY(pt_dataset_subset(dataset, first, count, &part));
        status = predict(self, part);
        pt_dataset_free(part);
        part = NULL;
    }
out:
    pt_dataset_free(part);
    pt_dataset_free(dataset);
    data_files_close(&files);
    return status;
}

int command_predict(const settings_t *settings)
{
    predicting_t self = {.settings = settings};
    const char *data = settings->arguments[1];
    int status = session_open(settings, &self.context);
    if (status == EXIT_DONE)
        status = opened_model_open(self.context, settings, settings->arguments[0], OPEN_MAPPED, &self.opened);
    if (status != EXIT_DONE)
        goto out;
    const char *task = pt_model_task(self.opened.model);
    self.has_classes = task && strcmp(task, PT_TASK_CLASSIFICATION) == 0;
    self.has_several = task && strcmp(task, PT_TASK_MULTI_LABEL) == 0;
    if (!self.has_classes && !self.has_several && (!task || strcmp(task, PT_TASK_REGRESSION) != 0)) {
        status = fail("%s: its task is %s, expected classification, multi_label_classification or regression",
                      self.opened.path, task ? task : "none");
        goto out;
    }
    const reading_t reading = {.context = self.context, .settings = settings, .opened = &self.opened};
    int format = strcmp(data, "-") == 0 ? FORMAT_TEXT : data_format(settings, &self.opened, data);
    status = format ? data_check_use(&reading, (uint32_t)1 << format) : EXIT_USAGE;
    if (status != EXIT_DONE)
        goto out;
    interrupts_watch(self.opened.model, 0);
    if (format == FORMAT_TEXT && path_is_directory(data) && self.opened.channels == 0)
        status = fail("%s: a directory, expected a file of lines or a table", data);
    else if (format != FORMAT_TEXT)
        status = predict_table(&self, &reading);
    else if ((status = data_check_text(&self.opened, data)) == EXIT_DONE)
        status = text_lines_each(self.context, settings, &self.opened, data, predict, &self);
    interrupts_watch(NULL, 0);
    if (interrupted())
        status = EXIT_INTERRUPTED + interrupted();
out:
    outputs_free(&self.outputs);
    opened_model_close(&self.opened);
    pt_context_free(self.context);
    return status;
}
