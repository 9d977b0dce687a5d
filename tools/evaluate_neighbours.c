#include "evaluate_neighbours.h"

#include <stdlib.h>
#include <string.h>

#include "data_files.h"
#include "output.h"
#include "picture_files.h"
#include "session.h"

typedef struct sides {
    data_files_t reference, asked;
    names_t names;
    pt_dataset_t *references, *samples;
} sides_t;

static void print_result(const settings_t *settings, const pt_neighbour_options_t *options,
                         const pt_neighbour_result_t *result)
{
    if (!settings->json) {
        printf("samples    %lld\nreferences %lld\nneighbours %lld\naccuracy   %.9g\n", (long long)result->samples,
               (long long)result->references, (long long)options->neighbours, result->accuracy);
        return;
    }
    writer_t writer;
    json_open(&writer, stdout);
    json_begin(&writer, NULL, '{');
    json_whole(&writer, "samples", result->samples);
    json_whole(&writer, "references", result->references);
    json_whole(&writer, "neighbours", options->neighbours);
    json_begin(&writer, "metrics", '{');
    json_number(&writer, "accuracy", result->accuracy);
    json_end(&writer, '}');
    json_end(&writer, '}');
    json_close(&writer);
}

/* Classes of both sides, so that both are numbered by the same names. */
static int name_classes(sides_t *sides)
{
    const int64_t n_references = sides->reference.count, n_asked = sides->asked.count;
    pt_dataset_t **all = calloc((size_t)(n_references + n_asked), sizeof *all);
    int done = all != NULL;
    if (done) {
        memcpy(all, sides->reference.datasets, (size_t)n_references * sizeof *all);
        memcpy(all + n_references, sides->asked.datasets, (size_t)n_asked * sizeof *all);
        done = names_of_datasets(all, n_references + n_asked, &sides->names);
    }
    free(all);
    return done ? EXIT_DONE : fail("no memory for the classes");
}

static int open_sides(const reading_t *reading, sides_t *sides)
{
    const settings_t *settings = reading->settings;
    const char *const *paths = settings->arguments + 1;
    const int64_t count = settings->n_arguments - 1;
    const uint32_t reference = data_formats(settings, reading->opened, &settings->reference, 1);
    const uint32_t asked = reference ? data_formats(settings, reading->opened, paths, count) : 0;
    int status = asked ? data_check_use(reading, reference | asked) : EXIT_USAGE;
    if (status == EXIT_DONE)
        status = data_files_open(reading, &settings->reference, 1, 0, 1, &sides->reference);
    if (status == EXIT_DONE)
        status = data_files_open(reading, paths, count, 0, 1, &sides->asked);
    if (status == EXIT_DONE)
        status = name_classes(sides);
    if (status == EXIT_DONE)
        status = data_files_join(reading, &sides->reference, &sides->names, &sides->references);
    if (status == EXIT_DONE)
        status = data_files_join(reading, &sides->asked, &sides->names, &sides->samples);
    return status;
}

int evaluate_neighbours(pt_context_t *context, const settings_t *settings, const opened_model_t *opened)
{
    sides_t sides = {0};
    pt_neighbour_options_t options;
    pt_neighbour_result_t result = {.struct_size = sizeof result};
    const reading_t reading = {
        .context = context, .settings = settings, .opened = opened, .task = PT_TASK_CLASSIFICATION};
    int status = open_sides(&reading, &sides);
    if (status == EXIT_DONE && opened->channels > 0) /* a published trunk may lack it */
        status = picture_files_normalize(opened);
    if (status != EXIT_DONE)
        goto out;
    TRY(pt_neighbour_options_init(&options, sizeof options));
    options.batch = settings->batch;
    if (settings->neighbours > 0)
        options.neighbours = settings->neighbours;
    interrupts_watch(opened->model, 0);
    TRY(pt_evaluate_neighbours(opened->model, sides.references, sides.samples, &options, &result));
    print_result(settings, &options, &result);
out:
    interrupts_watch(NULL, 0);
    names_free(&sides.names);
    data_files_close(&sides.reference);
    data_files_close(&sides.asked);
    pt_dataset_free(sides.references);
    pt_dataset_free(sides.samples);
    return status;
}
