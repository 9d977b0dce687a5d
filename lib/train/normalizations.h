/* What a model does to the values of its trunk's fields before anything else (data/normal.h), and how files have it. It
 * belongs to the trunk, and goes where that goes. */
#ifndef PT__NORMALIZATIONS_H
#define PT__NORMALIZATIONS_H

#include <string.h>

#include "base/text.h"
#include "data/normal.h"
#include "formats/tensors.h"

typedef struct pt__normalization {
    char *field;    /* owned */
    double *values; /* owned; what normal points into */
    pt__normal_t normal;
} pt__normalization_t;

typedef struct pt__normalizations {
    pt__normalization_t *list; /* owned; NULL: there are none */
    int64_t count;
} pt__normalizations_t;

/* NULL: this field's values stay as they are. */
static inline const pt__normal_t *pt__normalizations_find(const pt__normalizations_t *all, const char *field)
{
    for (int64_t i = 0; i < all->count; i++)
        if (strcmp(all->list[i].field, field) == 0)
            return &all->list[i].normal;
    return NULL;
}
void pt__normalizations_release(pt__memory_t *memory, pt__normalizations_t *all);
/* All of them become the model's; *all is empty afterwards. */
void pt__normalizations_replace(pt_model_t *model, pt__normalizations_t *all);
/* Checks that a field can be normalised: an input of the trunk, of floats; *features of a sample's row. */
pt_status_t pt__normalizations_check(const pt_model_t *model, const char *field, int64_t *features);
/* One field's, in place of what it had; NULL: none any more. */
pt_status_t pt__normalizations_set(pt_model_t *model, const char *field, const pt__normal_t *normal);
/* Measured on a dataset (pt__normal_measure), and set. */
pt_status_t pt__normalizations_measure(pt_model_t *model, pt_dataset_t *dataset, const char *field, int32_t kind,
                                       int32_t fills);
/* Those of another model, for this one, which has the other's fields or is refused: PT_ERR_STATE. */
pt_status_t pt__normalizations_copy(const pt_model_t *model, const pt__normalizations_t *source,
                                    pt__normalizations_t *out);

/* Whether the last report tells that the whole trunk was taken over, and what its fields go through with it. */
int32_t pt__normalizations_trunk_came(const pt_model_t *model);
/* The metadata "pretrain.normalization": {"FIELD": {"shift": [...], "scale": [...], "fill": [...]}, ...}. NULL: there
 * is nothing to say. */
pt_status_t pt__normalizations_write(const pt_model_t *model, char **out);
/* A line a field, for people. */
void pt__normalizations_print(const pt__normalizations_t *all, pt__text_t *text);
/* From a file's metadata; none where it has none. path is for messages. */
pt_status_t pt__normalizations_read_file(const pt_model_t *model, const char *path, const pt__tensors_t *table,
                                         pt__normalizations_t *out);

#endif
