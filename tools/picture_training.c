/* Pictures that a network learns from, and those that it is measured with. */
#include <string.h>

#include "output.h"
#include "picture_files.h"
#include "training_run.h"

/* The same classes in the same order. */
static int are_named(const pt_dataset_t *dataset, const names_t *names)
{
    const int64_t count = pt_dataset_class_count(dataset, "label");
    for (int64_t i = 0; i < count; i++)
        if (i >= names->count || strcmp(pt_dataset_class_name(dataset, "label", i), names->items[i]) != 0)
            return 0;
    return 1;
}

/* Opens a path anew where it numbers its classes otherwise than the model does. */
static int number(const reading_t *reading, const char *path, const names_t *names, pt_dataset_t **dataset)
{
    reading_t named = *reading;
    if (names->count == 0 || are_named(*dataset, names))
        return EXIT_DONE;
    pt_dataset_free(*dataset);
    *dataset = NULL;
    named.names = names;
    return picture_files_open(&named, path, dataset);
}

/* Both parts of a split in which what is learnt from is varied, and the rest is not. */
static int split(const run_t *run, const reading_t *plain, const char *path, double fraction, pt_dataset_t **learnt,
                 pt_dataset_t **held_out)
{
    const uint64_t seed = run->settings->seed > 0 ? (uint64_t)run->settings->seed : 0;
    pt_dataset_t *all = NULL, *parts[4] = {NULL, NULL, NULL, NULL};
    int status = picture_files_open(plain, path, &all);
    if (status == EXIT_DONE)
        status = number(plain, path, &run->names, &all);
    if (status != EXIT_DONE)
        goto out;
    TRY(pt_dataset_split(*learnt, 1 - fraction, seed, &parts[0], &parts[1]));
    TRY(pt_dataset_split(all, 1 - fraction, seed, &parts[2], &parts[3]));
    pt_dataset_free(*learnt);
    *learnt = parts[0];
    *held_out = parts[3];
    parts[0] = parts[3] = NULL;
out:
    for (int i = 0; i < 4; i++)
        pt_dataset_free(parts[i]);
    pt_dataset_free(all);
    return status;
}

int pictures_open(run_t *run)
{
    const settings_t *settings = run->settings;
    const reading_t plain = {.context = run->context, .settings = settings, .opened = &run->opened, .task = run->task};
    reading_t learning = plain;
    learning.learns = 1;
    const char *path = settings->arguments[1];
    const double fraction = evaluation_fraction(settings);
    const int has_file = settings->evaluation && fraction == 0;
    pt_dataset_t *opened[2] = {NULL, NULL};
    const data_files_t files = {.datasets = &opened[0], .count = 1},
                       evaluation = {.datasets = &opened[1], .count = has_file};
    int status = EXIT_DONE;
    if (settings->n_arguments > 2)
        return usage_error(settings->command, "%s: expected one directory or file of pictures", settings->arguments[2]);
    status = picture_files_open(&learning, path, &opened[0]);
    if (status == EXIT_DONE && has_file)
        status = picture_files_open(&plain, settings->evaluation, &opened[1]);
    if (status != EXIT_DONE)
        goto out;
    picture_files_tell_skipped(opened[0]);
    if (needs_labels(run->task) && pt_dataset_class_count(opened[0], "label") == 0) {
        status = fail("%s: pictures without classes, expected a directory for each class", path);
        goto out;
    }
    if (settings->probe)
        status = freeze_trunk(run->opened.model);
    if (status == EXIT_DONE)
        status = set_task(run, &files, &evaluation);
    if (status == EXIT_DONE)
        status = number(&learning, path, &run->names, &opened[0]);
    if (status == EXIT_DONE && has_file)
        status = number(&plain, settings->evaluation, &run->names, &opened[1]);
    if (status == EXIT_DONE && fraction > 0)
        status = split(run, &plain, path, fraction, &opened[0], &opened[1]);
    if (status == EXIT_DONE)
        status = picture_files_normalize(&run->opened);
    run->dataset = opened[0];
    run->evaluation = opened[1];
    return status;
out:
    pt_dataset_free(opened[0]);
    pt_dataset_free(opened[1]);
    return status;
}
