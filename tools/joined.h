/* Datasets of several files as one, and classes numbered as a model numbers them: each file numbers its own labels by
 * their order in that file. */
#ifndef JOINED_H
#define JOINED_H

#include <pretrain.h>

/* Names of classes, in the order of their numbers. */
typedef struct names {
    char **items;
    int64_t count;
} names_t;

void names_free(names_t *names);
/* Copies one to the end. 0 where there is no memory. */
int names_add(names_t *names, const char *name);
/* All classes of the datasets' field "label": whole numbers in the order of their values, else strings by their bytes.
 * 0 where there is no memory. */
int names_of_datasets(pt_dataset_t *const *datasets, int64_t count, names_t *names);
/* A model's; none where its classes have no names. 0 where there is no memory. */
int names_of_model(const pt_model_t *model, names_t *names);
/* The number of a name, or -1. */
int64_t names_find(const names_t *names, const char *name);

/* The samples of all datasets one after the other, which are freed with it or where this fails. Where names has some,
 * labels are numbered by them: a label that is none of them is a failure that names the file. One dataset that is
 * numbered so is given back as it is. paths: of the datasets, for messages. EXIT_DONE, or a status after a message. */
int joined_create(pt_context_t *context, pt_dataset_t **datasets, const char *const *paths, int64_t count,
                  const names_t *names, pt_dataset_t **out);

#endif
