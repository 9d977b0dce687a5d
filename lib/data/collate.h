/* Collate: from the values of a field as they came to what a network reads: matched by name and shape, converted,
 * checked. Shared by the loader (values from a dataset) and the collector (values from the host). */
#ifndef PT__COLLATE_H
#define PT__COLLATE_H

#include "data/data.h"

typedef struct pt__collate { /* one wanted field */
    pt__request_t request;   /* the name is owned */
    int32_t ragged;
    int32_t field;    /* loader: number of the dataset's field */
    int64_t inner;    /* elements of a row where ragged, else of a sample */
    void *buffer;     /* where values are converted into; grows */
    int64_t capacity; /* bytes of it */
} pt__collate_t;

pt_status_t pt__collates_create(pt__memory_t *memory, const pt__request_t *requests, int32_t n_requests,
                                pt__collate_t **out);
void pt__collates_free(pt__memory_t *memory, pt__collate_t *collates, int32_t n_requests);

/* Finds the dataset's field for every wanted one. */
pt_status_t pt__collates_match(pt__collate_t *collates, int32_t n_requests, const pt_dataset_t *dataset,
                               const int64_t *length_limit);

/* Whether samples of this shape serve as the wanted field's. */
int32_t pt__collate_fits(const pt__collate_t *collate, int32_t rank, const int64_t *shape);

/* Numbers of the dataset's fields that are wanted as ragged ones and are: into fields [n_requests]. Returns their
 * number. */
int32_t pt__collates_ragged(const pt__collate_t *collates, int32_t n_requests, const pt_dataset_t *dataset,
                            int32_t *fields);

/* Makes room for converting `elements` values of this dtype; *bytes grows by what was allocated. */
pt_status_t pt__collate_reserve(pt__memory_t *memory, pt__collate_t *collate, int32_t dtype, int64_t elements,
                                int64_t *bytes);

/* How samples are called in messages: by their index, or counted from `first`. */
typedef struct pt__naming {
    const int64_t *indices; /* NULL: first + number */
    int64_t first;
} pt__naming_t;

/* Checks, and converts where the dtypes differ: *out is `values` itself or the buffer, which has room. offsets:
 * [samples + 1], for ragged ones. */
pt_status_t pt__collate_take(pt__collate_t *collate, int32_t dtype, const void *values, int64_t samples,
                             const int32_t *offsets, pt__naming_t naming, const void **out);

/* Where each sample's rows begin, for each ragged dimension. */
typedef struct pt__offsets {
    int32_t *list[PT__DIMENSIONS];     /* [samples + 1]; NULL of dimensions that no wanted field counts */
    int64_t capacity[PT__DIMENSIONS];  /* of list */
    const char *first[PT__DIMENSIONS]; /* the field whose lengths the list has; NULL: none has told them yet */
    pt__rows_t rows;                   /* of the samples taken last: 0 of dimensions that none has told */
    int32_t dimensions;                /* beyond the last that has a list; 0: nothing is ragged */
} pt__offsets_t;

/* Makes room for so many samples in the dimensions that are counted; *bytes grows by what was allocated. */
pt_status_t pt__offsets_reserve(pt__memory_t *memory, pt__offsets_t *offsets, const pt__collate_t *collates,
                                int32_t n_requests, int64_t samples, int64_t *bytes);
void pt__offsets_free(pt__memory_t *memory, pt__offsets_t *offsets);
void pt__offsets_forget(pt__offsets_t *offsets); /* before the next samples */
/* Takes the lengths of a ragged field's samples (NULL: each has `fixed` rows). The first field of a dimension tells its
 * offsets; lengths outside [1, limit] and more rows than int32 counts are refused. Further ones must have the same. */
pt_status_t pt__offsets_take(pt__offsets_t *offsets, const pt__request_t *request, const int64_t *lengths,
                             int64_t fixed, int64_t samples, int64_t limit, pt__naming_t naming);
/* Rows of each dimension. */
void pt__offsets_rows(const pt__offsets_t *offsets, int64_t samples, pt__rows_t *rows);

/* "tokens int32[T], label int32" into a buffer, cut to its size. */
void pt__describe_requests(const pt__collate_t *collates, int32_t n_requests, char *buffer, size_t size);
void pt__describe_fields(const pt_field_spec_t *fields, int32_t n_fields, char *buffer, size_t size);

#endif
