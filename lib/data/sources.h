/* The constructors of all kinds of datasets, one file a kind (lib/data/sources.def). Called by
 * lib/api/dataset_api.c, which has checked pointers and flags; what is in the structs is checked here. On failure
 * *out is NULL and nothing has been taken over. */
#ifndef PT__SOURCES_H
#define PT__SOURCES_H

#include "data/data.h"

/* callback.c */
typedef struct pt__callback { /* the host's */
    pt_fetch_fn call;
    void *user;
    pt_destroy_fn destroy;
} pt__callback_t;
/* length -1: a stream. origin not NULL: a map of it, as long as it. */
pt_status_t pt__callback_create(pt_context_t *context, pt_dataset_t *origin, const pt_field_spec_t *fields,
                                int32_t n_fields, int64_t length, uint32_t flags, const pt__callback_t *callback,
                                pt_dataset_t **out);

/* arrays.c */
pt_status_t pt__arrays_create(pt_context_t *context, const pt_array_t *arrays, int32_t n_arrays, int64_t samples,
                              int32_t copy, pt_dataset_t **out);

/* windows.c: options as read from the host, checked by pt__windows_check; where tokens come from is not looked at. */
pt_status_t pt__windows_check(const pt_window_options_t *options);
typedef struct pt__token_run { /* many tokens, little-endian, one behind the other */
    const char *name;          /* for messages */
    const uint8_t *bytes;
    int64_t size;  /* in bytes */
    int32_t dtype; /* PT_UINT8, PT_UINT16, PT_UINT32 */
    void (*release)(void *owner);
    void *owner; /* of bytes and name */
} pt__token_run_t;
/* The run is the dataset's in any case. */
pt_status_t pt__windows_create(pt_context_t *context, const pt__token_run_t *run, const pt_window_options_t *options,
                               pt_dataset_t **out);

/* jsonl.c, csv.c; `encode` for columns with a tokenizer */
pt_status_t pt__jsonl_create(pt_context_t *context, const char *path, const pt_column_t *columns, int32_t n_columns,
                             pt__encode_fn *encode, pt_dataset_t **out);
pt_status_t pt__csv_create(pt_context_t *context, const char *path, const pt_column_t *columns, int32_t n_columns,
                           const pt_table_options_t *options, pt__encode_fn *encode, pt_dataset_t **out);

/* options: checked by the calls, which are copied. */
struct pt__picture_calls;
pt_status_t pt__pictures_create(pt_context_t *context, const char *path, const pt_image_options_t *options,
                                const struct pt__picture_calls *calls, pt_dataset_t **out);

/* options: checked by the calls, copied but for what is the host's. */
struct pt__recording_calls;
pt_status_t pt__recordings_create(pt_context_t *context, const char *path, const pt_audio_options_t *options,
                                  const struct pt__recording_calls *calls, pt_dataset_t **out);

/* views.c: the origin is retained. */
pt_status_t pt__view_subset(pt_dataset_t *origin, int64_t first, int64_t count, pt_dataset_t **out);
pt_status_t pt__view_select(pt_dataset_t *origin, const int64_t *indices, int64_t count, pt_dataset_t **out);
/* Samples [first, first + count) of the origin's order shuffled by the seed. */
pt_status_t pt__view_shuffle(pt_dataset_t *origin, uint64_t seed, int64_t first, int64_t count, pt_dataset_t **out);

#endif
