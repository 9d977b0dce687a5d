/* Trains a network of its own on a few pictures, or on those in the directory of the second argument, and writes the
 * report to where the first argument says, as the program does after a training. training_report.py reads it. */
#include "../../tools/training_report.h"

#include <stdlib.h>
#include <string.h>

#include "../../tools/commands.h"
#include "../../tools/output.h"
#include "../../tools/report_destination.h"
#include "../../tools/settings.h"

enum { PICTURES = 60, SIDE = 8, CHANNELS = 3, SIZE = SIDE * SIDE * CHANNELS, CLASSES = 3, FILTERS = 4, UPDATES = 30 };

/* main.c has them in the program */
const command_t command_table[] = {{.name = "finetune", .bit = COMMAND_FINETUNE}};
const int64_t command_count = 1;

/* A picture's class is its brightest channel; every seventh has another label, so that there are mistakes. */
static void draw(uint8_t pixels[PICTURES][SIZE], int32_t *labels)
{
    uint32_t drawn = 1;
    for (int i = 0; i < PICTURES; i++) {
        labels[i] = (i % 7 == 6 ? i + 1 : i) % CLASSES;
        for (int j = 0; j < SIZE; j++) {
            drawn = drawn * 1664525u + 1013904223u;
            pixels[i][j] = (uint8_t)((drawn >> 26) + (j % CHANNELS == CLASSES - 1 - i % CLASSES ? 190 : 0));
        }
    }
}

static int build(pt_context_t *context, pt_model_t **model)
{
    const int64_t weight_shape[] = {FILTERS, CHANNELS, SIDE, SIDE};
    pt_parameter_options_t drawn;
    pt_classification_options_t options;
    pt_graph_t *graph = NULL;
    int status = EXIT_DONE;
    TRY(pt_graph_create(context, &graph));
    TRY(pt_parameter_options_init(&drawn, sizeof drawn));
    drawn.initializer = PT_INIT_NORMAL;
    drawn.value = 0.001;
    pt_tensor_t pixels = pt_input(graph, "pixel_values", PT_FLOAT32, 4,
                                  (int64_t[]){PT_DIM_BATCH, SIDE, SIDE, CHANNELS});
    pt_tensor_t weight = pt_parameter(graph, "first.weight", 4, weight_shape, &drawn);
    pt_tensor_t rows = pt_reshape(graph, pixels, 2, (int64_t[]){PT_DIM_BATCH, SIZE});
    pt_tensor_t matrix = pt_reshape(graph, weight, 2, (int64_t[]){FILTERS, SIZE});
    pt_graph_set_output(graph, "hidden", pt_linear(graph, rows, matrix, PT_NO_TENSOR, PT_ACTIVATION_TANH));
    TRY(pt_model_create(context, graph, model));
    TRY(pt_classification_options_init(&options, sizeof options));
    options.classes = CLASSES;
    TRY(pt_model_set_task(*model, PT_TASK_CLASSIFICATION, &options));
out:
    pt_graph_free(graph);
    return status;
}

int main(int argc, char **argv)
{
    static uint8_t pixels[PICTURES][SIZE];
    static int32_t labels[PICTURES];
    char *const items[] = {"blue", "green", "red"};
    const names_t names = {(char **)items, CLASSES};
    const pt_array_t arrays[] = {
        {.name = "pixel_values", .dtype = PT_UINT8, .rank = 3, .shape = {SIDE, SIDE, CHANNELS}, .data = pixels},
        {.name = "label", .dtype = PT_INT32, .data = labels},
    };
    pt_context_t *context = NULL;
    pt_dataset_t *all = NULL, *dataset = NULL, *evaluation = NULL;
    pt_optimizer_t *optimizer = NULL;
    pt_optimizer_options_t rule;
    pt_train_options_t options;
    pt_image_options_t pictures;
    pt_evaluation_t evaluated = {.struct_size = sizeof evaluated};
    pt_train_result_t result = {.struct_size = sizeof result};
    opened_model_t opened = {.family = "of its own"};
    progress_t progress = {0};
    settings_t settings;
    int status = EXIT_DONE;
    if (argc < 2)
        return EXIT_USAGE;
    settings_init(&settings);
    settings.command = "finetune";
    settings.report = argv[1];
    settings.batch = 16;
    if ((status = report_destination_check(&settings)) != EXIT_DONE)
        return status;
    draw(pixels, labels);
    TRY(pt_context_create(NULL, &context));
    if (argc > 2) {
        TRY(pt_image_options_init(&pictures, sizeof pictures));
        pictures.width = pictures.height = SIDE;
        TRY(pt_dataset_create_from_images(context, argv[2], &pictures, &all));
    } else {
        TRY(pt_dataset_create_from_arrays(context, arrays, 2, sizeof *arrays, PICTURES, 0, &all));
    }
    TRY(pt_dataset_split(all, 0.5, 1, &dataset, &evaluation));
    if ((status = build(context, &opened.model)) != EXIT_DONE)
        goto out;
    TRY(pt_optimizer_options_init(&rule, sizeof rule));
    rule.learning_rate = 0.003;
    TRY(pt_optimizer_create(context, &rule, &optimizer));
    TRY(pt_train_options_init(&options, sizeof options));
    options.steps = UPDATES;
    options.batch = settings.batch;
    options.event = progress_event;
    options.event_user = &progress;
    progress_begin(&progress, &settings, opened.model);
    TRY(pt_finetune(opened.model, optimizer, dataset, &options, &result));
    TRY(pt_evaluate(opened.model, evaluation, settings.batch, &evaluated));
    const training_facts_t facts = {&settings,  context,   &opened, PT_TASK_CLASSIFICATION, &names, dataset,
                                    evaluation, &progress, &result};
    status = training_report_write(&facts);
    printf("%.9g %.9g\n", pt_model_metric_value(opened.model, "accuracy"),
           pt_model_metric_value(opened.model, "calibration_error"));
out:
    progress_end(&progress);
    pt_optimizer_free(optimizer);
    pt_dataset_free(evaluation);
    pt_dataset_free(dataset);
    pt_dataset_free(all);
    pt_model_free(opened.model);
    pt_context_free(context);
    return status;
}
