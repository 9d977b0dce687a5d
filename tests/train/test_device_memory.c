/* The whole training path on a device of its own memory (support/guarded_device.h): the same bits as on the CPU,
 * nothing of it touched but by kernels and memory calls. And a device that fails at any of its calls. */
#include <stdio.h>
#include <stdlib.h>

#include "support/failing_allocator.h"
#include "support/guarded_device.h"
#include "support/networks.h"
#include "support/views.h"

static pt_context_t *context_on(int32_t guarded)
{
    pt_context_options_t options;
    pt_context_t *context;
    if (!guarded)
        return network_context(2, 5);
    ck_ok(pt_context_options_init(&options, sizeof options));
    options.threads = 2;
    options.seed = 5;
    ck_ok(guarded_context(&options, &context));
    return context;
}

/* What a run leaves to be compared: bits of weights and numbers. */
typedef struct notes {
    uint64_t value[64];
    int32_t count;
} notes_t;

static void note_bits(notes_t *notes, uint64_t bits)
{
    ck_assert_int_lt(notes->count, 64);
    notes->value[notes->count++] = bits;
}

static void note_bytes(notes_t *notes, const void *bytes, size_t size)
{
    uint64_t sum = 1469598103934665603u;
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ ((const unsigned char *)bytes)[i]) * 1099511628211u;
    note_bits(notes, sum);
}

static void note_number(notes_t *notes, double value)
{
    note_bytes(notes, &value, sizeof value);
}

static void run_on_both(void (*run)(pt_context_t *context, const char *place, notes_t *notes))
{
    notes_t notes[2] = {{{0}, 0}, {{0}, 0}};
    for (int32_t guarded = 0; guarded < 2; guarded++) {
        pt_context_t *context = context_on(guarded);
        run(context, guarded ? "guarded" : "cpu", &notes[guarded]);
        if (guarded)
            ck_assert_int_eq(guarded_blocks(context), 0);
        pt_context_free(context);
    }
    ck_assert_int_gt(notes[0].count, 0);
    ck_assert_int_eq(notes[0].count, notes[1].count);
    for (int32_t i = 0; i < notes[0].count; i++)
        ck_assert_msg(notes[0].value[i] == notes[1].value[i], "note %d differs", i);
}

static const char *place_in(const char *place, const char *name)
{
    static char path[4][512];
    static int next;
    char *chosen = path[next++ % 4];
    snprintf(chosen, sizeof path[0], "%s-%s", suite_path(place), name);
    return chosen;
}

/* Its gradients are clipped; its bias vectors decay otherwise than the rest, so that there are several sweeps. */
static pt_optimizer_t *make_optimizer(pt_context_t *context)
{
    pt_optimizer_options_t options;
    pt_group_options_t group;
    pt_optimizer_t *optimizer;
    ck_ok(pt_optimizer_options_init(&options, sizeof options));
    options.kind = PT_OPTIMIZER_ADAMW;
    options.learning_rate = 1e-2;
    options.clip_norm = 1;
    ck_ok(pt_optimizer_create(context, &options, &optimizer));
    ck_ok(pt_group_options_init(&group, sizeof group));
    group.weight_decay = 0.5;
    ck_ok(pt_optimizer_add_group(optimizer, "*.bias", &group));
    return optimizer;
}

static pt_model_t *make_gpt(pt_context_t *context)
{
    pt_model_t *model = network_gpt(context);
    network_set_task(model, PT_TASK_CAUSAL_LM, 0);
    return model;
}

static pt_train_options_t stage_options(const char *directory, pt_dataset_t *evaluation, int64_t steps)
{
    pt_train_options_t options;
    ck_ok(pt_train_options_init(&options, sizeof options));
    options.flags = PT_TRAIN_RESUME | PT_TRAIN_KEEP_BEST;
    options.steps = steps;
    options.batch = 5;
    options.micro_batch = 3;
    options.evaluation = evaluation;
    options.evaluate_every = 2;
    options.patience = 3;
    options.checkpoint_directory = directory;
    options.checkpoint_every = 2;
    return options;
}

static void note_predictions(pt_model_t *model, pt_dataset_t *data, const char *output, notes_t *notes)
{
    int64_t elements;
    ck_ok(predict_floats(model, data, output, 4, NULL, 0, &elements));
    float *values = malloc((size_t)elements * sizeof(float));
    ck_assert(values != NULL);
    ck_ok(predict_floats(model, data, output, 4, values, elements, &elements));
    note_bytes(notes, values, (size_t)elements * sizeof(float));
    free(values);
}

static void note_generated(pt_model_t *model, notes_t *notes)
{
    static const int32_t prompt[] = {1, 2, 3};
    pt_generate_options_t options;
    int32_t tokens[16];
    int64_t count;
    ck_ok(pt_generate_options_init(&options, sizeof options));
    options.count = 12; /* beyond the 12 positions that the network has */
    options.temperature = 0.8;
    ck_ok(generate_tokens(model, prompt, 3, &options, tokens, 16, &count));
    note_bytes(notes, tokens, (size_t)count * sizeof tokens[0]);
}

/* Stages with all that they do at their borders; one that is resumed; evaluation, prediction, generation. */
static void run_gpt(pt_context_t *context, const char *place, notes_t *notes)
{
    pt_dataset_t *data = network_text_data(context, 40, 1), *evaluation = network_text_data(context, 11, 1);
    for (int32_t resumed = 0; resumed < 2; resumed++) {
        const char *directory = place_in(place, resumed ? "resumed" : "whole");
        pt_train_result_t result = {.struct_size = sizeof result};
        for (int64_t steps = resumed ? 3 : 8; steps <= 8; steps += 5) {
            pt_model_t *model = make_gpt(context);
            pt_optimizer_t *optimizer = make_optimizer(context);
            pt_evaluation_t found = {.struct_size = sizeof found};
            pt_train_options_t options = stage_options(directory, evaluation, steps);
            ck_ok(pt_pretrain(model, optimizer, data, &options, &result));
            note_bits(notes, network_fingerprint(model));
            note_number(notes, result.loss);
            note_number(notes, result.best_value);
            ck_ok(pt_evaluate(model, evaluation, 4, &found));
            note_number(notes, found.loss);
            note_predictions(model, evaluation, NULL, notes);
            note_generated(model, notes);
            pt_optimizer_free(optimizer);
            pt_model_free(model);
        }
    }
    pt_dataset_free(evaluation);
    pt_dataset_free(data);
}

static pt_array_t text_value(const int32_t *tokens, const int64_t *lengths)
{
    return (pt_array_t){.name = "tokens", .data = view_data(tokens), .lengths = view_data(lengths), .dtype = PT_INT32};
}

static void note_gradients(const pt_model_t *model, notes_t *notes)
{
    static float values[1 << 16];
    for (int64_t i = 0; i < 3; i++) {
        pt_parameter_info_t info = {.struct_size = sizeof info};
        ck_ok(pt_model_parameter_info(model, i, &info));
        ck_ok(get_gradient(model, i, values, info.elements));
        note_bytes(notes, values, (size_t)info.elements * sizeof values[0]);
    }
}

static void shift_parameter(pt_model_t *model, int64_t index)
{
    static float values[1 << 16];
    pt_parameter_info_t info = {.struct_size = sizeof info};
    ck_ok(pt_model_parameter_info(model, index, &info));
    ck_ok(get_parameter(model, index, values, info.elements));
    for (int64_t i = 0; i < info.elements; i++)
        values[i] += 0.25f;
    ck_ok(set_parameter(model, index, values, info.elements));
}

/* Single steps with a checkpoint within an accumulation, weights to a file and from it, and from another model. */
static void run_steps(pt_context_t *context, const char *place, notes_t *notes)
{
    static const int32_t tokens[] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const int64_t lengths[] = {3, 5};
    const pt_array_t value = text_value(tokens, lengths);
    const char *path = place_in(place, "steps"), *weights = place_in(place, "weights");
    pt_model_t *model = make_gpt(context), *other = make_gpt(context);
    pt_optimizer_t *optimizer = make_optimizer(context);
    pt_dataset_t *data = network_text_data(context, 8, 1);
    double loss;
    for (int32_t i = 0; i < 4; i++)
        ck_ok(pt_train_step(model, optimizer, &value, 1, sizeof(pt_array_t), 2,
                            i % 2 == 0 ? PT_STEP_ACCUMULATE : PT_STEP_NORM, NULL));
    ck_ok(pt_train_step(model, optimizer, &value, 1, sizeof(pt_array_t), 2, PT_STEP_ACCUMULATE, NULL));
    note_gradients(model, notes);
    ck_ok(pt_checkpoint_save(model, optimizer, path, NULL));
    ck_ok(pt_train_step(model, optimizer, &value, 1, sizeof(pt_array_t), 2, 0, NULL));
    uint64_t expected = network_fingerprint(model);
    note_bits(notes, expected);
    ck_ok(pt_checkpoint_load(model, optimizer, path, NULL));
    note_gradients(model, notes);
    ck_ok(pt_train_step(model, optimizer, &value, 1, sizeof(pt_array_t), 2, 0, NULL));
    ck_assert_uint_eq(network_fingerprint(model), expected);
    shift_parameter(model, 1);
    ck_ok(pt_model_save(model, weights, NULL));
    ck_ok(pt_model_load(other, weights, LOADING(PT_LOAD_STRICT)));
    ck_assert_uint_eq(network_fingerprint(other), network_fingerprint(model));
    ck_ok(pt_model_load(other, weights, LOADING(PT_LOAD_MAPPED))); /* no device of its own memory uses it in place */
    ck_assert_uint_eq(network_fingerprint(other), network_fingerprint(model));
    note_predictions(other, data, NULL, notes);
    shift_parameter(model, 0);
    ck_ok(pt_model_copy(other, model));
    ck_assert_uint_eq(network_fingerprint(other), network_fingerprint(model));
    ck_ok(pt_loss(other, &value, 1, sizeof(pt_array_t), 2, &loss));
    note_number(notes, loss);
    pt_dataset_free(data);
    pt_optimizer_free(optimizer);
    pt_model_free(other);
    pt_model_free(model);
}

/* Other tasks on a trunk that has learnt: a new head, constants (the classes' weights), rows pooled in every way, a
 * trunk that is frozen. */
static void run_classes(pt_context_t *context, const char *place, notes_t *notes)
{
    static const float class_weights[] = {1, 2, 0.5f};
    pt_dataset_t *data = network_text_data(context, 30, 3);
    pt_model_t *model = make_gpt(context);
    pt_optimizer_t *optimizer = make_optimizer(context);
    (void)place;
    for (int32_t pooling = PT_POOL_MEAN; pooling <= PT_POOL_MAX; pooling++) {
        network_task_t task = {0};
        pt_train_options_t options;
        pt_evaluation_t found = {.struct_size = sizeof found};
        task.task = PT_TASK_CLASSIFICATION;
        task.outputs = 3;
        task.pooling = pooling;
        task.class_weights = class_weights;
        task.dropout = 0.1;
        ck_ok(network_choose_task(model, &task));
        ck_ok(pt_model_set_trainable(model, "*wte*", pooling % 2, NULL));
        ck_ok(pt_train_options_init(&options, sizeof options));
        options.steps = 2;
        ck_ok(pt_finetune(model, optimizer, data, &options, NULL));
        ck_ok(pt_evaluate(model, data, 0, &found));
        note_number(notes, found.loss);
        note_predictions(model, data, "probabilities", notes);
        note_bits(notes, network_fingerprint(model));
    }
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_dataset_free(data);
}

/* A network of a host: constants of both dtypes, states that runs update, momentum. */
static void run_linear(pt_context_t *context, const char *place, notes_t *notes)
{
    static const float factors[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    static const int32_t order[] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3};
    pt_graph_t *graph;
    pt_model_t *model;
    pt_optimizer_options_t sgd;
    pt_optimizer_t *optimizer;
    pt_train_options_t options;
    pt_dataset_t *data = network_linear_data(context, 50);
    (void)place;
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t x = pt_input(graph, "x", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 10});
    pt_tensor_t y = pt_input(graph, "y", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 1});
    pt_tensor_t table = constant_of(graph, PT_FLOAT32, 1, (int64_t[]){10}, factors);
    pt_tensor_t chosen = pt_gather(graph, table, constant_of(graph, PT_INT32, 1, (int64_t[]){10}, order));
    pt_tensor_t scaled = pt_mul(graph, x, chosen);
    pt_tensor_t normal = pt_batch_norm_layer(graph, "norm", scaled, 0.1, 1e-5);
    pt_tensor_t prediction = pt_linear_layer(graph, "linear", normal, 1, PT_ACTIVATION_NONE);
    pt_graph_set_output(graph, "prediction", prediction);
    pt_graph_set_loss(graph, pt_huber_loss(graph, prediction, y, 0.5, NULL));
    ck_ok(pt_model_create(context, graph, &model));
    pt_graph_free(graph);
    ck_ok(pt_optimizer_options_init(&sgd, sizeof sgd));
    sgd.kind = PT_OPTIMIZER_SGD;
    sgd.learning_rate = 1e-3;
    sgd.momentum = 0.9;
    ck_ok(pt_optimizer_create(context, &sgd, &optimizer));
    ck_ok(pt_train_options_init(&options, sizeof options));
    options.epochs = 2;
    ck_ok(pt_finetune(model, optimizer, data, &options, NULL));
    note_bits(notes, network_fingerprint(model));
    note_predictions(model, data, NULL, notes);
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_dataset_free(data);
}

/* Every kind of optimizer, with the slots that its options need; bound again to a model with another head. */
static void run_optimizers(pt_context_t *context, const char *place, notes_t *notes)
{
    static const struct {
        int32_t kind;
        uint32_t flags;
    } kinds[] = {{PT_OPTIMIZER_ADAMW, PT_OPTIMIZER_AMSGRAD}, {PT_OPTIMIZER_ADAM, 0}, {PT_OPTIMIZER_SGD, 0},
                 {PT_OPTIMIZER_ADAFACTOR, 0}};
    pt_dataset_t *data = network_text_data(context, 20, 3);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        pt_model_t *model = make_gpt(context);
        pt_optimizer_options_t options;
        pt_optimizer_t *optimizer;
        pt_train_options_t stage;
        ck_ok(pt_optimizer_options_init(&options, sizeof options));
        options.kind = kinds[i].kind;
        options.flags = kinds[i].flags;
        options.learning_rate = 1e-2;
        ck_ok(pt_optimizer_create(context, &options, &optimizer));
        ck_ok(pt_train_options_init(&stage, sizeof stage));
        stage.steps = 2;
        ck_ok(pt_pretrain(model, optimizer, data, &stage, NULL));
        ck_ok(pt_checkpoint_save(model, optimizer, place_in(place, "kind"), NULL));
        network_set_task(model, PT_TASK_CLASSIFICATION, 3);
        ck_ok(pt_finetune(model, optimizer, data, &stage, NULL));
        network_set_task(model, PT_TASK_CAUSAL_LM, 0);
        ck_ok(pt_checkpoint_load(model, optimizer, place_in(place, "kind"), NULL));
        ck_ok(pt_pretrain(model, optimizer, data, &stage, NULL));
        note_bits(notes, network_fingerprint(model));
        pt_optimizer_free(optimizer);
        pt_model_free(model);
    }
    pt_dataset_free(data);
}

START_TEST(test_stages)
{
    run_on_both(run_gpt);
}
END_TEST

START_TEST(test_steps_and_files)
{
    run_on_both(run_steps);
}
END_TEST

START_TEST(test_tasks_and_constants)
{
    run_on_both(run_classes);
    run_on_both(run_linear);
}
END_TEST

START_TEST(test_optimizers)
{
    run_on_both(run_optimizers);
}
END_TEST

SUITE("device memory", 120, test_stages, test_steps_and_files, test_tasks_and_constants, test_optimizers)
