/* Datasets, and the loader that makes batches of them.
 *
 * A dataset is a list of declared fields and a source that fills a pt_batch_t: a host's callback, arrays in memory, a
 * file, or a view on another dataset. A loader draws the samples' order, asks the source for them, checks everything
 * that came (counts, lengths, ranges of indices, finite numbers), converts dtypes, and hands out buffers that a plan
 * can read in place. */
#ifndef PT__DATA_H
#define PT__DATA_H

#include "base/array.h"
#include "base/context.h"
#include "base/dimension.h"
#include "base/text_rows.h"

typedef struct pt__source { /* how a kind of dataset works */
    const char *name;
    /* Fills batch (status preset to PT_ERR_CALLBACK, fields with buffers). A host's failure is reported by the batch; a
     * source's own failure by its return value. */
    pt_status_t (*fetch)(pt_dataset_t *dataset, pt_batch_t *batch);
    /* Views: turns positions within the view into positions of dataset->origin, in place. A view has no fetch. Any
     * thread. */
    void (*translate)(const pt_dataset_t *dataset, int64_t *indices, int64_t count);
    void (*destroy)(pt_dataset_t *dataset); /* releases dataset->state */
    /* Rows of these samples in a ragged field; any thread. NULL: known only when they are fetched. */
    void (*lengths)(const pt_dataset_t *dataset, int32_t field, const int64_t *indices, int64_t count, int64_t *out);
    int64_t (*class_count)(const pt_dataset_t *dataset, const char *field); /* may be NULL */
    const char *(*class_name)(const pt_dataset_t *dataset, const char *field, int64_t index);
    /* What of its files was passed over, and why; may be NULL. Any thread. */
    int64_t (*skipped_count)(const pt_dataset_t *dataset);
    const char *(*sample_name)(const pt_dataset_t *dataset, int64_t sample); /* of a file; may be NULL */
    const char *(*skipped)(const pt_dataset_t *dataset, int64_t index);
    /* Whether every number that a sample can have is from 0 to limit - 1: said at little cost, of a source whose fields
     * are all indices. NULL: not known. */
    int32_t (*is_below)(const pt_dataset_t *dataset, int64_t limit);
    /* fetch calls the host, on threads that the dataset's flags allow; else on any, several at once */
    int32_t is_hosts;
    /* Whether `lengths` is only what samples are sorted by, and what is fetched may have others. NULL: it is exact. */
    int32_t (*lengths_vary)(const pt_dataset_t *dataset);
} pt__source_t;

struct pt_dataset {
    pt_context_t *context;
    atomic_int references;
    const pt__source_t *source;
    void *state;
    pt_dataset_t *origin;    /* what a view looks at, or a map is made from, retained; else NULL */
    pt_field_spec_t *fields; /* names owned */
    int32_t n_fields;
    uint32_t flags;             /* PT_DATASET_THREAD_SAFE, PT_DATASET_CONCURRENT: what threads of the loader may do */
    int64_t length;             /* -1: a stream */
    atomic_uint_least64_t fits; /* what its samples were last found to meet (survey.c); 0: nothing */
    char message[PT__MESSAGE_SIZE]; /* of the last call on this handle that failed */
};

pt_dataset_t *pt__dataset_retain(pt_dataset_t *dataset);
void pt__dataset_release(pt_dataset_t *dataset);
/* A use that begins with a reference and ends by giving it back, also where a callback meanwhile never returns. */
void pt__dataset_begin(pt_dataset_t *dataset);
void pt__dataset_end(pt_dataset_t *dataset);
/* For sources: checks and copies the specs; the dataset owns nothing of `state` until this succeeds. */
pt_status_t pt__dataset_make(pt_context_t *context, const pt__source_t *source, void *state,
                             const pt_field_spec_t *fields, int32_t n_fields, int64_t length, uint32_t flags,
                             pt_dataset_t **out);
/* Number of the field with this name, -1: none. */
int32_t pt__dataset_find(const pt_dataset_t *dataset, const char *name);
/* Follows views down to the dataset that fetches or maps, turning indices into its own on the way, in place. */
pt_dataset_t *pt__dataset_resolve(pt_dataset_t *dataset, int64_t *indices, int64_t count);
/* Whether samples may be made on other threads than the caller's, and *worth whether that is expected to save time. */
int32_t pt__dataset_leaves_thread(pt_dataset_t *dataset, int32_t *worth);
/* pt_dataset_read, its arguments checked: field is a number. */
pt_status_t pt__dataset_read(pt_dataset_t *dataset, const int64_t *indices, int64_t count, int32_t field,
                             pt__receiver_t *receiver);

/* The hosts' datasets within whose callbacks this thread runs, those of the thread that it works for among them:
 * whoever starts a thread for its own work hands them on, so that a dataset asked for samples from within its own
 * callback is found out by whichever thread asks. */
enum { PT__MOST_NESTED = 8 };
typedef struct pt__nesting {
    const void *within[PT__MOST_NESTED];
    int32_t depth;
} pt__nesting_t;
pt__nesting_t *pt__nesting(void);

/* pt_batch_key */
uint64_t pt__batch_key(const pt_batch_t *batch, int64_t i);

/* 1 where shape[0] is PT_DIM_TOKENS. */
int32_t pt__shape_ragged(int32_t rank, const int64_t *shape);
/* Elements of a row of a ragged field, or of a whole sample of any other. The shape has been checked. */
int64_t pt__shape_inner(int32_t rank, const int64_t *shape);

typedef struct pt__request { /* a field that a network reads */
    const char *name;
    int32_t dtype;     /* PT_FLOAT32 or PT_INT32 */
    int32_t rank;      /* of one sample */
    int32_t dimension; /* that its rows count (base/dimension.h): PT__DIMENSION_BATCH, or a ragged one's number */
    int64_t shape[PT_MAX_RANK];      /* of one sample; shape[0] = PT_DIM_TOKENS: ragged, whatever dimension it counts */
    int64_t index_limit;             /* int32: values in [0, limit) or == index_ignore; 0: any */
    int32_t index_ignore;            /* INT32_MIN: none */
    int32_t may_be_empty;            /* samples may have no rows of a ragged one */
    const struct pt__normal *normal; /* what its values go through (normal.h), float32 only; NULL: nothing */
} pt__request_t;

/* Where a pass over the data stands; written into checkpoints. Samples [0, position) of epoch's order have been
 * used. */
typedef struct pt__cursor {
    int64_t epoch, position;
    uint64_t seed;
} pt__cursor_t;

/* Passes are counted over all resumes: the loader ends when the cursor's epoch reaches `epochs`.
 *
 * A batch is what an update is made of, a micro-batch what is loaded at a time. By samples, batches lie at multiples of
 * `batch` from an epoch's begin and never cross its end. By rows, a batch is the longest run of samples in the epoch's
 * order of which no ragged dimension has more than batch_rows, and a micro-batch the longest such run within the batch;
 * a sample that is longer by itself is refused. Where both are given, whichever is reached first ends it. A stream is
 * asked one micro-batch ahead (with drop_partial one batch), so that the last one is known. */
typedef struct pt__loader_options {
    int64_t batch, micro_batch;     /* samples; 0 (with the rows given): no limit. 1 <= micro_batch <= batch */
    int64_t batch_rows, micro_rows; /* rows; 0: no limit, for micro_rows batch_rows. micro_rows <= batch_rows */
    int64_t bucket; /* so many samples of the epoch's order are sorted by length before batches are cut; 0: none */
    int64_t epochs; /* passes until PT_END; 0: without end */
    int64_t length_limit[PT__DIMENSIONS]; /* the most rows of a sample, by dimension; 0: as the dataset declares */
    int32_t in_order;
    int32_t drop_partial; /* by samples: an epoch's last batch that is not full is left out; else it is smaller */
    int32_t prefetch;     /* on a thread of the loader, where the dataset allows it and it is expected to save time */
    int32_t producers;    /* threads that make samples, where the dataset allows it; 0: by prefetch */
} pt__loader_options_t;

typedef struct pt__loaded {                 /* one micro-batch; valid until the next call */
    pt__rows_t rows;                        /* of each dimension that a wanted field counts; samples always */
    const int32_t *offsets[PT__DIMENSIONS]; /* [samples + 1]; NULL of dimensions that no wanted field counts */
    const void *const *data;                /* [n_requests], of the wanted dtype */
    int32_t last_of_batch;                  /* the update comes after this one */
    int32_t last_of_epoch;
} pt__loaded_t;

typedef struct pt__loader pt__loader_t;

/* Compares the wanted fields with the dataset's: PT_ERR_SHAPE with a message that lists both where they do not fit.
 * Sizes 1 do not count; a field of fixed length serves where a ragged one is wanted. Fields of one dimension have the
 * same length within a sample, those of different ones need not; each has at least one row: an empty sample is refused.
 * A dataset's further fields are read into scratch and not used. start NULL: the begin, seed 0. */
pt_status_t pt__loader_create(pt_dataset_t *dataset, const pt__request_t *requests, int32_t n_requests,
                              const pt__loader_options_t *options, const pt__cursor_t *start, pt__loader_t **out);
void pt__loader_free(pt__loader_t *loader);
/* PT_END after the last epoch (or where an epoch gives no sample at all: then with a message). */
pt_status_t pt__loader_next(pt__loader_t *loader, pt__loaded_t *out);
/* Where the loader stands after the micro-batch last handed out, whatever was prefetched. By rows, a loader goes on
 * with the same batches from where a batch ended. */
pt__cursor_t pt__loader_cursor(const pt__loader_t *loader);
/* The most rows of a micro-batch: the capacity a plan needs. */
pt__rows_t pt__loader_capacity(const pt__loader_t *loader);
int64_t pt__loader_bytes(const pt__loader_t *loader);

/* ---- survey.c: before samples are fetched ---- */

/* Stands for which samples the dataset's positions mean, as far as that is known: for the views that lead down to what
 * fetches. */
uint64_t pt__dataset_order(pt_dataset_t *dataset);
/* Whether the host's code takes part in making samples; if not, they can be looked at beforehand. */
int32_t pt__dataset_asks_host(pt_dataset_t *dataset);
/* Whether a loader with these requests and options finds nothing wrong with any sample: 0 where they would have to be
 * looked at. Who did so notes it, for the next stage. */
int32_t pt__dataset_surely_fits(pt_dataset_t *dataset, const pt__request_t *requests, int32_t n_requests,
                                const pt__loader_options_t *options);
void pt__dataset_note_fits(pt_dataset_t *dataset, const pt__request_t *requests, int32_t n_requests,
                           const pt__loader_options_t *options);

/* How many batches are left from `start` to the end of options->epochs; -1 where that is known only when the samples
 * are fetched, or would take long. */
pt_status_t pt__loader_count_batches(pt_dataset_t *dataset, const pt__request_t *requests, int32_t n_requests,
                                     const pt__loader_options_t *options, const pt__cursor_t *start, int64_t *batches);

/* The same checks and conversion for values that a host hands over directly (pt_train_step, pt_forward): into loaded,
 * from values. length_limit: [PT__DIMENSIONS], as in pt__loader_options_t. */
typedef struct pt__collector pt__collector_t;
pt_status_t pt__collector_create(pt_context_t *context, const pt__request_t *requests, int32_t n_requests,
                                 const int64_t *length_limit, pt__collector_t **out);
void pt__collector_free(pt__collector_t *collector);
pt_status_t pt__collector_take(pt__collector_t *collector, const pt_array_t *values, int32_t n_values, int64_t samples,
                               pt__loaded_t *out);

/* The checks that all values pass before a kernel sees them; first_sample (or first element) counts into the
 * message. */
pt_status_t pt__check_index(const char *field, int64_t first_sample, const int32_t *values, int64_t count,
                            int64_t limit, int32_t ignore);
pt_status_t pt__check_finite(const char *field, const float *values, int64_t count);

/* Makes tokens of texts. A row without a token, or without one of its answer, is PT_ERR_FORMAT; messages begin with the
 * row. What is in lib/text/ is handed to the sources so, as no layer at their height knows another. */
typedef pt_status_t pt__encode_fn(pt_tokenizer_t *tokenizer, const pt__text_rows_t *texts, pt__token_rows_t *tokens);

#endif
