/* Data from files, told by their endings or --format, in the form that a model and its task read. */
#ifndef DATA_FILES_H
#define DATA_FILES_H

#include "joined.h"
#include "opened_model.h"

enum { FORMAT_TEXT = 1, FORMAT_JSONL = 2, FORMAT_CSV = 3, FORMAT_TOKENS = 4, FORMAT_PICTURES = 5 };

/* What is to be read. */
typedef struct reading {
    pt_context_t *context;
    const settings_t *settings;
    const opened_model_t *opened;
    /* PT_TASK_...: which labels are read; NULL: none */
    const char *task;
    /* of windows of a text; 0: their length */
    int64_t stride;
    /* with the tokens of the one text that is read, from call to call; NULL: none */
    const char *cache;
    /* pictures are varied as --augment says, and numbered by these classes where there are some */
    int32_t learns;
    const names_t *names;
} reading_t;

/* Files that were opened, each a dataset. */
typedef struct data_files {
    pt_dataset_t **datasets;
    const char *const *paths;
    int64_t count;
    /* of a regression: numbers a sample */
    int64_t outputs;
    /* of texts in tables: the key or heading of a second text, which all files have or none; NULL: none */
    const char *second;
} data_files_t;

/* Whether a task, PT_TASK_..., learns from labels that the data has. NULL: no. */
int needs_labels(const char *task);
/* FORMAT_... of a file for this model, or 0 after a message about wrong usage. */
int data_format(const settings_t *settings, const opened_model_t *opened, const char *path);
/* Bits 1 << FORMAT_... of several; 0 after a message. */
uint32_t data_formats(const settings_t *settings, const opened_model_t *opened, const char *const *paths,
                      int64_t count);
/* An option that would have no effect on data of these formats is refused: it was meant to have one. EXIT_DONE, or a
 * status after a message. */
int data_check_use(const reading_t *reading, uint32_t formats);
/* Opens files whose names the caller keeps. start, end: the part of a text or token file, as fractions. EXIT_DONE, or a
 * status after a message. */
int data_files_open(const reading_t *reading, const char *const *paths, int64_t count, double start, double end,
                    data_files_t *files);
void data_files_close(data_files_t *files);
/* All as one dataset, with classes numbered by names where there are some. The files' handles are then gone. */
int data_files_join(const reading_t *reading, data_files_t *files, const names_t *names, pt_dataset_t **out);
/* Tokens of a sample at most: --length, or what the model can read. */
int64_t data_sample_length(const settings_t *settings, const opened_model_t *opened);
/* Whether texts become tokens, by a tokenizer or as bytes. EXIT_DONE, or a status after a message. */
int data_check_text(const opened_model_t *opened, const char *path);
/* --evaluation as a fraction: 0 where it is not given or a file. */
double evaluation_fraction(const settings_t *settings);

#endif
