/* The network of every tutorial with data, optimizer and options: for tests of what stages do around the training
 * itself. */
#ifndef SUPPORT_RIG_H
#define SUPPORT_RIG_H

#include "support/networks.h"

typedef struct rig {
    pt_context_t *context;
    pt_model_t *model;
    pt_optimizer_t *optimizer;
    pt_dataset_t *data;
} rig_t;

static inline rig_t rig_linear(int64_t samples)
{
    rig_t rig = {.context = network_context(1, 7)};
    rig.model = network_linear(rig.context);
    rig.optimizer = network_optimizer(rig.context, PT_OPTIMIZER_ADAM, 0.01);
    rig.data = network_linear_data(rig.context, samples);
    return rig;
}

static inline void rig_free(rig_t *rig)
{
    pt_dataset_free(rig->data);
    pt_optimizer_free(rig->optimizer);
    pt_model_free(rig->model);
    pt_context_free(rig->context);
}

static inline pt_train_options_t rig_options(int64_t steps, int64_t batch)
{
    pt_train_options_t options;
    ck_ok(pt_train_options_init(&options, sizeof options));
    options.steps = steps;
    options.batch = batch;
    return options;
}

/* A stream of `length` samples a pass, for the same network. */
typedef struct rig_stream {
    int64_t length, passes;
} rig_stream_t;

static inline void rig_next(void *user, pt_batch_t *batch)
{
    rig_stream_t *stream = user;
    stream->passes += batch->position == 0;
    int64_t left = stream->length - batch->position;
    batch->filled = batch->capacity < left ? batch->capacity : left;
    for (int64_t i = 0; i < batch->filled; i++) {
        float *x = (float *)batch->fields[0].data + i * 10, *y = (float *)batch->fields[1].data + i;
        *y = 0;
        for (int k = 0; k < 10; k++)
            *y += x[k] = (float)((batch->position + i) * 3 + k) / 40;
        if (stream->passes == 1)
            *y += 1000; /* the first pass' loss is by far the greatest */
    }
    batch->status = batch->filled == left ? PT_END : PT_OK;
}

static inline pt_dataset_t *rig_stream(pt_context_t *context, rig_stream_t *stream)
{
    static const pt_field_spec_t fields[] = {{.name = "x", .dtype = PT_FLOAT32, .rank = 1, .shape = {10}},
                                             {.name = "y", .dtype = PT_FLOAT32, .rank = 1, .shape = {1}}};
    pt_dataset_t *data;
    ck_ok(pt_dataset_create_stream(context, fields, 2, sizeof(pt_field_spec_t), 0, rig_next, stream, NULL, &data));
    return data;
}

#endif
