/* Handles that share a model's stored tensors: what they predict, from several threads at once; that none sees what
 * becomes of another; and what sharing costs. */
#include <pthread.h>
#include <stdio.h>

#include "base/hash.h"
#include "support/failing_allocator.h"
#include "support/guarded_device.h"
#include "support/networks.h"
#include "train/model.h"
#include "support/views.h"

enum { SAMPLES = 12, MOST = 256, ROUNDS = 40, THREADS = 3 };

static pt_model_t *classifier(pt_context_t *context)
{
    pt_model_t *model = network_gpt(context);
    network_set_task(model, PT_TASK_CLASSIFICATION, 3);
    return model;
}

static int64_t predict(pt_model_t *model, pt_dataset_t *data, float *values)
{
    int64_t count = 0;
    ck_ok(predict_floats(model, data, NULL, 4, values, MOST, &count));
    return count;
}

typedef struct reader { /* a thread that predicts with a handle of its own */
    pt_model_t *model;
    pt_dataset_t *data;
    const float *expected;
    int64_t count, wrong;
    pt_status_t status;
} reader_t;

static void *read_on(void *argument)
{
    reader_t *reader = argument;
    float values[MOST];
    int64_t count = 0;
    for (int32_t i = 0; i < ROUNDS && reader->status == PT_OK; i++) {
        reader->status = predict_floats(reader->model, reader->data, NULL, 4, values, MOST, &count);
        reader->wrong += count != reader->count || memcmp(values, reader->expected, (size_t)count * sizeof(float)) != 0;
    }
    return NULL;
}

static pt_status_t train(pt_model_t *model, pt_optimizer_t *optimizer, pt_dataset_t *data, int64_t steps)
{
    pt_train_options_t options;
    ck_ok(pt_train_options_init(&options, sizeof options));
    options.steps = steps;
    options.batch = 4;
    return pt_finetune(model, optimizer, data, &options, NULL);
}

/* Several threads predict, each in a context of its own, while the owner trains, which changes nothing for them. */
START_TEST(test_threads)
{
    pt_context_t *context = network_context(2, 3), *contexts[THREADS];
    pt_model_t *model = classifier(context);
    pt_dataset_t *data = network_text_data(context, SAMPLES, 3);
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAMW, 1e-2);
    static float expected[MOST], after[MOST];
    const int64_t count = predict(model, data, expected);
    reader_t readers[THREADS];
    pthread_t threads[THREADS];
    for (int32_t i = 0; i < THREADS; i++) {
        contexts[i] = network_context(1, 99);
        readers[i] = (reader_t){.expected = expected, .count = count};
        readers[i].data = network_text_data(contexts[i], SAMPLES, 3);
        ck_ok(pt_model_share(contexts[i], i == 0 ? model : readers[i - 1].model, &readers[i].model));
    }
    for (int32_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, read_on, &readers[i]), 0);
    ck_ok(train(model, optimizer, data, 8));
    ck_assert_int_eq(predict(model, data, after), count);
    ck_assert_mem_ne(after, expected, (size_t)count * sizeof(float));
    pt_optimizer_free(optimizer);
    pt_dataset_free(data);
    pt_model_free(model); /* while the others go on */
    pt_context_free(context);
    for (int32_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        ck_ok(readers[i].status);
        ck_assert_int_eq(readers[i].wrong, 0);
    }
    for (int32_t i = 0; i < THREADS; i++) {
        pt_model_free(readers[i].model);
        pt_dataset_free(readers[i].data);
        pt_context_free(contexts[i]);
    }
}
END_TEST

/* All that changes a model's tensors. */
enum { SET, COPY, LOAD, LOAD_CHECKPOINT, STEP, STAGE, TASK, NO_TASK, FREEZE, CHANGES };

static void change(pt_model_t *model, pt_model_t *other, int32_t how)
{
    static float values[1 << 12];
    pt_context_t *context = model->context;
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAMW, 1e-2);
    pt_dataset_t *data = network_text_data(context, SAMPLES, 3);
    const char *path = suite_path("other.safetensors");
    static const int32_t tokens[] = {1, 2, 3, 4}, label[] = {1};
    static const int64_t lengths[] = {4};
    const pt_array_t step[] = {
        {.name = "tokens", .data = view_data(tokens), .lengths = view_data(lengths), .dtype = PT_INT32},
        {.name = "label", .data = view_data(label), .dtype = PT_INT32}};
    if (how == SET)
        for (int64_t i = 0; i < model->store.count; i++)
            ck_ok(set_parameter(model, i, values, model->store.tensors[i].elements));
    else if (how == COPY)
        ck_ok(pt_model_copy(model, other));
    else if (how == LOAD) {
        ck_ok(pt_model_save(other, path, NULL));
        ck_ok(pt_model_load(model, path, NULL));
    } else if (how == LOAD_CHECKPOINT) {
        ck_ok(pt_checkpoint_save(other, NULL, path, NULL));
        ck_ok(pt_checkpoint_load(model, NULL, path, NULL));
    } else if (how == STEP)
        ck_ok(pt_train_step(model, optimizer, step, 2, sizeof(pt_array_t), 1, 0, NULL));
    else if (how == STAGE)
        ck_ok(train(model, optimizer, data, 3));
    else if (how == TASK) {
        network_set_task(model, PT_TASK_REGRESSION, 2);
        network_set_task(model, PT_TASK_CLASSIFICATION, 3);
        ck_ok(train(model, optimizer, data, 2));
    } else if (how == NO_TASK)
        network_set_task(model, NULL, 0);
    else {
        ck_ok(pt_model_set_trainable(model, "transformer.*", 0, NULL));
        ck_ok(train(model, optimizer, data, 2));
    }
    pt_dataset_free(data);
    pt_optimizer_free(optimizer);
}

START_TEST(test_no_handle_sees_anothers_changes)
{
    pt_context_t *context = network_context(1, 3), *elsewhere = network_context(1, 4);
    pt_model_t *other = classifier(elsewhere);
    for (int32_t how = 0; how < CHANGES; how++)
        for (int32_t is_sharer = 0; is_sharer < 2; is_sharer++)
            for (int32_t same_context = 0; same_context < 2; same_context++) {
                pt_model_t *model = classifier(context), *alone = classifier(context), *shared;
                ck_ok(pt_model_share(same_context ? NULL : elsewhere, model, &shared));
                pt_model_t *changed = is_sharer ? shared : model, *kept = is_sharer ? model : shared;
                ck_assert_ptr_eq(changed->store.tensors[0].value, kept->store.tensors[0].value);
                const uint64_t before = network_fingerprint(kept);
                change(changed, other, how);
                ck_assert_uint_eq(network_fingerprint(kept), before);
                if (how != STAGE && how != TASK && how != FREEZE) { /* whose shuffling is the context's */
                    change(alone, other, how);                      /* and sharing changes no bit of what comes out */
                    ck_assert_uint_eq(network_fingerprint(changed), network_fingerprint(alone));
                }
                pt_model_free(alone);
                pt_model_free(model);
                pt_model_free(shared);
            }
    pt_model_free(other);
    pt_context_free(elsewhere);
    pt_context_free(context);
}
END_TEST

/* An optimizer goes on with its slots when what it works on has moved, and an accumulation is kept. */
START_TEST(test_training_goes_on_beside_a_share)
{
    static const int32_t tokens[] = {1, 2, 3, 4, 5, 6}, labels[] = {1, 2};
    static const int64_t lengths[] = {4, 2};
    const pt_array_t values[] = {
        {.name = "tokens", .data = view_data(tokens), .lengths = view_data(lengths), .dtype = PT_INT32},
        {.name = "label", .data = view_data(labels), .dtype = PT_INT32}};
    uint64_t prints[2];
    for (int32_t shares = 0; shares < 2; shares++) {
        pt_context_t *context = network_context(1, 3);
        pt_model_t *model = classifier(context), *shared[4] = {0};
        pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAMW, 1e-2);
        for (int32_t i = 0; i < 3; i++) {
            if (shares)
                ck_ok(pt_model_share(NULL, model, &shared[i]));
            ck_ok(pt_train_step(model, optimizer, values, 2, sizeof(pt_array_t), 2, PT_STEP_ACCUMULATE, NULL));
            if (shares && i == 1)
                ck_ok(pt_model_share(NULL, shared[0], &shared[3]));
            ck_ok(pt_train_step(model, optimizer, values, 2, sizeof(pt_array_t), 2, 0, NULL));
        }
        prints[shares] = network_fingerprint(model);
        for (int32_t i = 0; i < 4; i++)
            pt_model_free(shared[i]);
        pt_optimizer_free(optimizer);
        pt_model_free(model);
        pt_context_free(context);
    }
    ck_assert_uint_eq(prints[0], prints[1]);
}
END_TEST

/* x -> batch norm -> linear, with a constant: a graph of the host's own, with states. */
static pt_model_t *normed(pt_context_t *context)
{
    pt_graph_t *graph;
    pt_model_t *model;
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t x = pt_input(graph, "x", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 10});
    pt_tensor_t y = pt_input(graph, "y", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 1});
    pt_tensor_t half = constant_of(graph, PT_FLOAT32, 1, (int64_t[]){1}, (float[]){0.5f});
    pt_tensor_t hidden = pt_batch_norm_layer(graph, "n", pt_mul(graph, x, half), 0.1, 1e-5);
    pt_tensor_t out = pt_linear_layer(graph, "linear", hidden, 1, PT_ACTIVATION_NONE);
    pt_graph_set_output(graph, "prediction", out);
    pt_graph_set_loss(graph, pt_mse_loss(graph, out, y, NULL));
    ck_ok(pt_graph_status(graph));
    ck_ok(pt_model_create(context, graph, &model));
    pt_graph_free(graph);
    return model;
}

START_TEST(test_states_and_constants)
{
    pt_context_t *context = network_context(1, 3), *elsewhere = network_context(1, 4);
    pt_model_t *model = normed(context), *shared;
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_SGD, 0.1);
    pt_dataset_t *data = network_linear_data(context, 32);
    static float before[MOST], after[MOST];
    ck_ok(pt_model_set_trainable(model, "linear.*", 0, NULL)); /* states change all the same */
    int64_t count = predict(model, data, before);
    ck_ok(pt_model_share(elsewhere, model, &shared));
    const uint64_t print = network_fingerprint(shared);
    ck_ok(train(model, optimizer, data, 3));
    ck_assert_uint_ne(network_fingerprint(model), print);
    ck_assert_uint_eq(network_fingerprint(shared), print);
    ck_assert_ptr_eq(shared->store.tensors[shared->store.count - 1].value,
                     model->store.tensors[model->store.count - 1].value); /* what is frozen is still shared */
    pt_dataset_free(data);
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
    data = network_linear_data(elsewhere, 32);
    ck_assert_int_eq(predict(shared, data, after), count);
    ck_assert_mem_eq(before, after, (size_t)count * sizeof(float));
    pt_dataset_free(data);
    pt_model_free(shared);
    pt_context_free(elsewhere);
}
END_TEST

/* A share holds no weights of its own; the last handle gives the memory back. Mapped files too. */
START_TEST(test_memory)
{
    for (int32_t mapped = 0; mapped < 2; mapped++) {
        pt_context_t *context = network_context(1, 3), *elsewhere = network_context(1, 4);
        const int64_t empty = pt_context_bytes(context), empty_elsewhere = pt_context_bytes(elsewhere);
        pt_model_t *model = classifier(context), *shared, *third;
        const char *path = suite_path("mapped.safetensors");
        ck_ok(pt_model_save(model, path, NULL));
        if (mapped)
            ck_ok(pt_model_load(model, path, LOADING(PT_LOAD_MAPPED)));
        pt_parameter_info_t info = {.struct_size = sizeof info};
        ck_ok(pt_model_share(elsewhere, model, &shared));
        ck_ok(pt_model_parameter_info(shared, 0, &info));
        ck_assert_int_eq(info.owner, mapped ? PT_OWNER_FILE : PT_OWNER_SHARED);
        ck_assert_int_eq(info.trainable, !mapped);
        ck_assert_ptr_eq(shared->store.tensors[0].value, model->store.tensors[0].value);
        ck_ok(pt_model_share(elsewhere, shared, &third));
        const uint64_t print = network_fingerprint(model);
        pt_model_free(model);
        ck_assert_uint_eq(network_fingerprint(shared), print);
        pt_model_free(shared);
        ck_assert_uint_eq(network_fingerprint(third), print);
        ck_ok(pt_model_parameter_info(third, 0, &info));
        ck_assert_int_eq(info.owner, mapped ? PT_OWNER_FILE : PT_OWNER_MODEL); /* nobody else is left */
        pt_model_free(third);
        ck_assert_int_eq(pt_context_bytes(context), empty);
        ck_assert_int_eq(pt_context_bytes(elsewhere), empty_elsewhere);
        pt_context_free(elsewhere);
        pt_context_free(context);
    }
}
END_TEST

static void share_within(void *user, pt_event_t *event)
{
    pt_model_t *shared = NULL, *model = user;
    ck_assert_int_eq(pt_model_share(NULL, model, &shared), PT_ERR_BUSY);
    ck_assert_ptr_null(shared);
    event->action = PT_ACTION_GO_ON;
}

START_TEST(test_refused)
{
    pt_context_t *context = network_context(1, 3), *guarded;
    pt_model_t *model = classifier(context), *shared = model;
    pt_dataset_t *data = network_text_data(context, SAMPLES, 3);
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_SGD, 0.1);
    pt_train_options_t options;
    ck_fails(pt_model_share(context, NULL, &shared), PT_ERR_ARGUMENT, "model");
    ck_assert_ptr_null(shared);
    ck_fails(pt_model_share(context, model, NULL), PT_ERR_ARGUMENT, "out");
    ck_ok(guarded_context(NULL, &guarded));
    ck_fails(pt_model_share(guarded, model, &shared), PT_ERR_UNSUPPORTED, "device");
    ck_ok(pt_train_options_init(&options, sizeof options));
    options.steps = 1;
    options.event = share_within;
    options.event_user = model;
    ck_ok(pt_finetune(model, optimizer, data, &options, NULL));
    pt_optimizer_free(optimizer);
    pt_dataset_free(data);
    pt_model_free(model);
    pt_context_free(guarded);
    pt_context_free(context);
}
END_TEST

/* Of memory as it stands: no call that would clear a message. */
static uint64_t print_of(const pt_model_t *model)
{
    uint64_t print = 0;
    for (int64_t i = 0; i < model->store.count; i++)
        print = pt__hash_bytes(print, model->store.tensors[i].value,
                               (size_t)model->store.tensors[i].elements * sizeof(float));
    return print;
}

static pt_status_t share_and_step(failing_allocator_t *allocator)
{
    static const float x[20] = {1, 2, 3}, y[2] = {1, 2};
    const pt_array_t values[] = {{.name = "x", .data = view_data(x), .dtype = PT_FLOAT32},
                                 {.name = "y", .data = view_data(y), .dtype = PT_FLOAT32}};
    pt_context_t *context = network_context(1, 3), *elsewhere = NULL;
    pt_context_options_t options;
    pt_optimizer_t *optimizer = NULL;
    pt_model_t *model = normed(context), *shared = NULL;
    uint64_t print;
    pt_status_t status;
    network_fingerprint(model); /* all is drawn */
    print = print_of(model);
    ck_ok(pt_context_options_init(&options, sizeof options));
    failing_allocator_hooks(allocator, &options);
    options.threads = 1;
    PT__TRY_OUT(pt_context_create(&options, &elsewhere));
    PT__TRY_OUT(pt_model_share(elsewhere, model, &shared));
    PT__TRY_OUT(pt_optimizer_create(elsewhere, NULL, &optimizer));
    PT__TRY_OUT(pt_train_step(shared, optimizer, values, 2, sizeof(pt_array_t), 2, 0, NULL));
out:
    ck_assert_uint_eq(print_of(model), print);
    pt_optimizer_free(optimizer);
    pt_model_free(shared);
    pt_model_free(model);
    pt_context_free(elsewhere);
    pt_context_free(context);
    return status;
}

START_TEST(test_every_allocation_may_fail)
{
    failing_allocator_t allocator;
    pt_status_t status;
    FOR_EACH_FAILING_ALLOCATION(allocator, status = share_and_step(&allocator), status);
}
END_TEST

SUITE("share", 60, test_threads, test_no_handle_sees_anothers_changes, test_training_goes_on_beside_a_share,
      test_states_and_constants, test_memory, test_refused, test_every_allocation_may_fail)
