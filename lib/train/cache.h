/* A model's network as one that goes on where it ended: keys and values of the rows that texts have had are kept, and a
 * run brings only further rows. Two plans of it, one for many rows at once and one for a row of each text, lie in one
 * arena of their own and share what is kept. */
#ifndef PT__CACHE_H
#define PT__CACHE_H

#include "train/model.h"

typedef struct pt__cache pt__cache_t;

typedef enum pt__cached_plan { PT__CACHED_PREFILL, PT__CACHED_DECODE, PT__CACHED_PLANS } pt__cached_plan_t;

typedef struct pt__cached_rows { /* what a run brings */
    int64_t samples;
    const int32_t *tokens;  /* of all samples, end to end */
    const int32_t *offsets; /* [samples + 1] */
    const int32_t *first;   /* [samples] the row of the cache where a sample's rows begin, ... */
    const int32_t *past;    /* [samples] ... and how many are there */
} pt__cached_rows_t;

typedef struct pt__cached_span { /* rows that move when the cache grows */
    int64_t from, to, rows;
} pt__cached_span_t;

/* For the model's output, which is read from its graph's input `tokens` alone. *out is NULL, and the status PT_OK,
 * where the network has no such form. The model must stay as it is while the cache lives. */
pt_status_t pt__cache_create(pt_model_t *model, pt_tensor_t output, int64_t tokens, pt__cache_t **out);
void pt__cache_free(pt__cache_t *cache);
/* Memory for so many rows, to which the spans of the present ones move; on failure nothing has changed. */
pt_status_t pt__cache_reserve(pt__cache_t *cache, int64_t rows, const pt__cached_span_t *spans, int64_t count);
/* Makes a plan able to take so many. */
pt_status_t pt__cache_prepare(pt__cache_t *cache, pt__cached_plan_t which, int64_t samples, int64_t rows);
/* Of a run that fits the plan: scores [samples, ...] of the output. */
pt_status_t pt__cache_run(pt__cache_t *cache, pt__cached_plan_t which, const pt__cached_rows_t *rows, float *scores);
/* Of what is kept, without the arena. */
int64_t pt__cache_bytes(const pt__cache_t *cache);

#endif
