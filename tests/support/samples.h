/* Datasets for tests: a context of one thread, and a callback whose samples are known functions of their index. */
#ifndef SUPPORT_SAMPLES_H
#define SUPPORT_SAMPLES_H

#include "pretrain.h"
#include "support/failing_allocator.h"
#include "support/suite.h"
#include "support/views.h"

static inline pt_context_t *samples_context(void)
{
    pt_context_options_t options;
    pt_context_t *context;
    ck_ok(pt_context_options_init(&options, sizeof options));
    options.threads = 1;
    ck_ok(pt_context_create(&options, &context));
    return context;
}

/* For FOR_EACH_FAILING_ALLOCATION. */
static inline pt_status_t samples_failing_context(failing_allocator_t *allocator, pt_context_t **out)
{
    pt_context_options_t options;
    pt_status_t status = pt_context_options_init(&options, sizeof options);
    options.threads = 1;
    failing_allocator_hooks(allocator, &options);
    return status != PT_OK ? status : pt_context_create(&options, out);
}

/* Sample i: x = {i, i + 1/4, i + 1/2}, y = i. Counts calls; can be told to misbehave. */
typedef struct samples {
    int64_t length; /* of a stream's pass */
    int64_t calls, destroyed;
    int64_t fail_at; /* call (from 1) that reports status */
    int32_t status;  /* PT_ERR_CALLBACK with write 0: nothing is written */
    int32_t write;
    int64_t filled_more; /* added to filled at fail_at */
    int64_t at_most;     /* streams: samples a call; 0: as many as asked for */
    int32_t late_end;    /* streams: PT_END only with a call that brings nothing */
    pt_dataset_t *again; /* read from within the callback */
    pt_status_t again_status;
    int64_t last_position;
} samples_t;

enum { SAMPLES_FIELDS = 2, SAMPLES_WIDTH = 3 };
static const pt_field_spec_t samples_fields[SAMPLES_FIELDS] = {
    {.name = "x", .dtype = PT_FLOAT32, .rank = 1, .shape = {SAMPLES_WIDTH}},
    {.name = "y", .dtype = PT_INT32},
};

static inline void samples_write(pt_batch_t *batch, int64_t place, int64_t index)
{
    float *x = (float *)batch->fields[0].data + place * SAMPLES_WIDTH;
    for (int k = 0; k < SAMPLES_WIDTH; k++)
        x[k] = (float)index + 0.25F * (float)k;
    ((int32_t *)batch->fields[1].data)[place] = (int32_t)index;
}

static inline void samples_report(samples_t *samples, pt_batch_t *batch, int32_t status)
{
    if (samples->again) {
        int64_t index = 0, elements;
        int32_t y[1];
        samples->again_status = read_field(samples->again, &index, 1, "y", y, 1, &elements, NULL);
    }
    batch->status = status;
    if (samples->fail_at == samples->calls) {
        batch->user_code = 4711;
        batch->filled += samples->filled_more;
        batch->status = samples->write ? samples->status : PT_ERR_CALLBACK;
    }
}

static inline void samples_fetch(void *user, pt_batch_t *batch)
{
    samples_t *samples = user;
    samples->calls++;
    for (int64_t i = 0; i < batch->capacity; i++)
        samples_write(batch, i, batch->indices[i]);
    batch->filled = batch->capacity;
    samples_report(samples, batch, PT_OK);
}

static inline void samples_next(void *user, pt_batch_t *batch)
{
    samples_t *samples = user;
    int64_t left = samples->length - batch->position, count = batch->capacity < left ? batch->capacity : left;
    samples->calls++;
    samples->last_position = batch->position;
    if (samples->at_most > 0 && count > samples->at_most)
        count = samples->at_most;
    for (int64_t i = 0; i < count; i++)
        samples_write(batch, i, batch->position + i);
    batch->filled = count;
    samples_report(samples, batch, count == left && !(samples->late_end && count > 0) ? PT_END : PT_OK);
}

static inline void samples_destroy(void *user)
{
    ((samples_t *)user)->destroyed++;
}

#endif
