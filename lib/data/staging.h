/* Staging: the buffers that a dataset's samples are fetched into, and one checked crossing into its source. Used by the loader (one or
 * more of them in turn) and by pt__dataset_read. */
#ifndef PT__STAGING_H
#define PT__STAGING_H

#include "data/data.h"

typedef struct pt__staging {
    pt_dataset_t *root; /* the dataset that fetches, views resolved; not retained */
    int64_t capacity;   /* samples that there is room for */
    int64_t bytes;      /* allocated */
    pt_field_t *fields; /* [root->n_fields] the buffers */
    pt_field_t *shown;  /* [root->n_fields] what the source is handed: a copy, so that a host cannot change ours */
    int64_t *inner;     /* [root->n_fields] elements of a row of a ragged field, else of a sample */
    int64_t *indices;   /* [capacity] of the root; written by the caller before a fill; not for streams */

    /* What the last fill brought. */
    int64_t filled;
    int32_t ended;     /* streams: the pass is over */
    int64_t *elements; /* [root->n_fields] of all its samples */
} pt__staging_t;

pt_status_t pt__staging_create(pt_dataset_t *dataset, int64_t capacity, pt__staging_t *out);
void pt__staging_free(pt__staging_t *staging); /* one that is all zero is ignored */
/* Fetches `count` samples: those of staging->indices, or a stream's next ones from `position` of the pass. Counts and lengths are checked. */
pt_status_t pt__staging_fill(pt__staging_t *staging, int64_t count, int64_t position);

#endif
