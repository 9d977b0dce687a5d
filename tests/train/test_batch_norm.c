/* State, proved by batch norm: beside PyTorch over 20 steps, with statistics that learn and that are held
 * (tests/golden/batch_norm.txt, by make_batch_norm.py there); what recomputation, threads, checkpoints, skipped and
 * failing steps do to it; and what is refused. */
#include <math.h>

#include "support/golden.h"
#include "support/rig.h"
#include "train/model.h"
#include "support/views.h"

enum { STEPS = 20, HELD = 5, BATCH = 7, WIDTH = 6, HIDDEN = 8, CLASSES = 3, SAMPLES = 4, MOST = 512 };

static const char *key_of(const char *prefix, const char *what, int step)
{
    static char key[96];
    if (step < 0)
        snprintf(key, sizeof key, "%s %s", prefix, what);
    else
        snprintf(key, sizeof key, "%s %s %d", prefix, what, step);
    return key;
}

static int64_t find(const pt_model_t *model, const char *name)
{
    int64_t index;
    ck_ok(pt_model_parameter_find(model, name, &index));
    return index;
}

/* x -> linear a -> batch norm n -> relu or tanh -> linear b, with cross-entropy by rows or squared errors of
 * samples' means. */
static pt_model_t *make(pt_context_t *context, int32_t ragged)
{
    pt_graph_t *graph;
    pt_model_t *model;
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t x = pt_input(graph, "x", PT_FLOAT32, 2, (int64_t[]){ragged ? PT_DIM_TOKENS : PT_DIM_BATCH, WIDTH});
    pt_tensor_t hidden = pt_linear_layer(graph, "a", x, HIDDEN, PT_ACTIVATION_NONE);
    hidden = pt_batch_norm_layer(graph, "n", hidden, 0.1, 1e-5);
    if (ragged) {
        pt_tensor_t y = pt_input(graph, "y", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 1});
        hidden = pt_pool(graph, pt_tanh(graph, hidden), PT_POOL_MEAN);
        pt_tensor_t out = pt_linear_layer(graph, "b", hidden, 1, PT_ACTIVATION_NONE);
        pt_graph_set_loss(graph, pt_mse_loss(graph, out, y, NULL));
    } else {
        pt_tensor_t label = pt_input(graph, "label", PT_INT32, 1, (int64_t[]){PT_DIM_BATCH});
        pt_tensor_t out = pt_linear_layer(graph, "b", pt_relu(graph, hidden), CLASSES, PT_ACTIVATION_NONE);
        pt_graph_set_output(graph, "out", out);
        pt_graph_set_loss(graph, pt_cross_entropy_loss(graph, out, label, NULL));
    }
    ck_ok(pt_graph_status(graph));
    ck_ok(pt_model_create(context, graph, &model));
    pt_graph_free(graph);
    return model;
}

static pt_optimizer_t *make_sgd(pt_context_t *context)
{
    pt_optimizer_options_t options;
    pt_optimizer_t *optimizer;
    ck_ok(pt_optimizer_options_init(&options, sizeof options));
    options.kind = PT_OPTIMIZER_SGD;
    options.learning_rate = 0.1;
    options.momentum = 0.9;
    ck_ok(pt_optimizer_create(context, &options, &optimizer));
    return optimizer;
}

static const char *const weights[] = {"a.weight", "a.bias", "n.weight", "n.bias", "b.weight", "b.bias"};

static void load_begin(pt_model_t *model, const char *prefix)
{
    float values[MOST];
    for (size_t i = 0; i < sizeof weights / sizeof weights[0]; i++) {
        char what[64];
        snprintf(what, sizeof what, "begin %s", weights[i]);
        int64_t count = golden_floats(key_of(prefix, what, -1), values, MOST);
        ck_ok(set_parameter(model, find(model, weights[i]), values, count));
    }
}

static void check_tensor(const pt_model_t *model, const char *name, const char *key)
{
    float expected[MOST], found[MOST];
    int64_t count = golden_floats(key, expected, MOST);
    ck_ok(get_parameter(model, find(model, name), found, count));
    for (int64_t i = 0; i < count; i++)
        ck_assert_msg(fabsf(found[i] - expected[i]) <= 1e-4f * fmaxf(1, fabsf(expected[i])),
                      "%s[%lld] is %.9g, PyTorch gives %.9g", name, (long long)i, (double)found[i],
                      (double)expected[i]);
}

typedef struct batch {
    float x[MOST], y[SAMPLES];
    int32_t label[BATCH];
    int64_t lengths[SAMPLES], samples;
    pt_array_t values[2];
} batch_t;

static void read_batch(batch_t *batch, int32_t ragged, int step)
{
    double numbers[MOST];
    const char *prefix = ragged ? "ragged" : "rows";
    golden_floats(key_of(prefix, "x", step), batch->x, MOST);
    batch->values[0] = (pt_array_t){.name = "x", .data = batch->x, .dtype = PT_FLOAT32};
    if (ragged) {
        batch->samples = golden_numbers(key_of(prefix, "lengths", step), numbers, MOST);
        for (int64_t i = 0; i < batch->samples; i++)
            batch->lengths[i] = (int64_t)numbers[i];
        golden_floats(key_of(prefix, "y", step), batch->y, SAMPLES);
        batch->values[0].lengths = batch->lengths;
        batch->values[1] = (pt_array_t){.name = "y", .data = batch->y, .dtype = PT_FLOAT32};
        return;
    }
    batch->samples = golden_numbers(key_of(prefix, "label", step), numbers, MOST);
    for (int64_t i = 0; i < batch->samples; i++)
        batch->label[i] = (int32_t)numbers[i];
    batch->values[1] = (pt_array_t){.name = "label", .data = batch->label, .dtype = PT_INT32};
}

static void check_against_torch(int32_t ragged)
{
    const char *prefix = ragged ? "ragged" : "rows";
    batch_t batch;
    double losses[STEPS + HELD], evaluation[3];
    golden_read("tests/golden/batch_norm.txt");
    pt_context_t *context = network_context(2, 1);
    pt_model_t *model = make(context, ragged);
    pt_optimizer_t *optimizer = make_sgd(context);
    load_begin(model, prefix);
    ck_assert_int_eq(golden_numbers(key_of(prefix, "losses", -1), losses, STEPS + HELD), STEPS + HELD);
    for (int step = 0; step < STEPS + HELD; step++) {
        pt_step_result_t result = {.struct_size = sizeof result};
        int64_t matched;
        read_batch(&batch, ragged, step);
        if (step == STEPS) {
            check_tensor(model, "n.running_mean", key_of(prefix, "running mean", -1));
            check_tensor(model, "n.running_var", key_of(prefix, "running var", -1));
            check_tensor(model, "a.weight", key_of(prefix, "middle a.weight", -1));
            ck_ok(pt_model_set_trainable(model, "n.running*", 0, &matched));
            ck_assert_int_eq(matched, 2);
        }
        ck_ok(pt_train_step(model, optimizer, batch.values, 2, sizeof(pt_array_t), batch.samples, 0, &result));
        ck_assert_msg(fabs(result.loss - losses[step]) <= 1e-4 * fmax(1, fabs(losses[step])),
                      "%s, step %d: loss %.9g, PyTorch gives %.9g", prefix, step, result.loss, losses[step]);
    }
    golden_numbers(key_of(prefix, "evaluation", -1), evaluation, 3);
    for (int i = 0; i < 3; i++) {
        double loss;
        read_batch(&batch, ragged, i);
        ck_ok(pt_loss(model, batch.values, 2, sizeof(pt_array_t), batch.samples, &loss));
        ck_assert_double_eq_tol(loss, evaluation[i], 1e-4 * fmax(1, evaluation[i]));
    }
    check_tensor(model, "n.running_mean", key_of(prefix, "held mean", -1));
    for (size_t i = 0; i < sizeof weights / sizeof weights[0]; i++) {
        char what[64];
        snprintf(what, sizeof what, "end %s", weights[i]);
        check_tensor(model, weights[i], key_of(prefix, what, -1));
    }
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
}

START_TEST(test_rows_as_torch)
{
    check_against_torch(0);
}
END_TEST

START_TEST(test_ragged_rows_as_torch)
{
    check_against_torch(1);
}
END_TEST

/* Weights and statistics after a few steps of the ragged network, by its fingerprint. */
static uint64_t run_steps(int32_t threads, int32_t recompute)
{
    batch_t batch;
    golden_read("tests/golden/batch_norm.txt");
    pt_context_t *context = network_context(threads, 1);
    pt_model_t *model = make(context, 1);
    pt_optimizer_t *optimizer = make_sgd(context);
    ck_ok(pt_model_set_recompute(model, recompute));
    for (int step = 0; step < 6; step++) {
        read_batch(&batch, 1, step);
        ck_ok(pt_train_step(model, optimizer, batch.values, 2, sizeof(pt_array_t), batch.samples, 0, NULL));
    }
    uint64_t fingerprint = network_fingerprint(model);
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
    return fingerprint;
}

START_TEST(test_bits)
{
    uint64_t once = run_steps(1, PT_RECOMPUTE_NOTHING);
    ck_assert_uint_eq(once, run_steps(1, PT_RECOMPUTE_EVERYTHING)); /* what is computed again updates nothing again */
    ck_assert_uint_eq(once, run_steps(2, PT_RECOMPUTE_NOTHING));
    ck_assert_uint_eq(once, run_steps(5, PT_RECOMPUTE_EVERYTHING));
}
END_TEST

static float mean_of(const pt_model_t *model)
{
    float mean[HIDDEN];
    ck_ok(get_parameter(model, find(model, "n.running_mean"), mean, HIDDEN));
    return mean[0];
}

/* Evaluation changes nothing; a skipped step and one that fails half-way change nothing either. */
START_TEST(test_state_stands_at_the_last_step)
{
    batch_t batch;
    double loss;
    golden_read("tests/golden/batch_norm.txt");
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = make(context, 0);
    pt_optimizer_t *optimizer = make_sgd(context);
    read_batch(&batch, 0, 0);
    ck_ok(pt_train_step(model, optimizer, batch.values, 2, sizeof(pt_array_t), BATCH, 0, NULL));
    float after = mean_of(model);
    ck_assert(after != 0);
    ck_ok(pt_loss(model, batch.values, 2, sizeof(pt_array_t), BATCH, &loss));
    ck_assert(mean_of(model) == after);
    read_batch(&batch, 0, 1);
    ck_ok(pt_train_step(model, optimizer, batch.values, 2, sizeof(pt_array_t), BATCH, PT_STEP_ACCUMULATE, NULL));
    ck_assert(mean_of(model) != after); /* each micro-batch has a part in it */
    ck_ok(pt_train_step(model, optimizer, batch.values, 2, sizeof(pt_array_t), BATCH, 0, NULL));
    after = mean_of(model);
    for (int64_t i = 0; i < BATCH * WIDTH; i++)
        batch.x[i] = 3e38f * (float)(i % 2 ? 1 : -1); /* the product is infinite: the step is skipped */
    pt_step_result_t result = {.struct_size = sizeof result};
    ck_ok(pt_train_step(model, optimizer, batch.values, 2, sizeof(pt_array_t), BATCH, 0, &result));
    ck_assert_int_eq(result.skipped, 1);
    ck_assert(mean_of(model) == after);
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

static pt_dataset_t *make_data(pt_context_t *context, int64_t samples)
{
    static float x[64 * WIDTH];
    static int32_t label[64];
    pt_dataset_t *data;
    for (int64_t i = 0; i < samples; i++) {
        label[i] = (int32_t)(i % CLASSES);
        for (int64_t k = 0; k < WIDTH; k++)
            x[i * WIDTH + k] = (float)((i * 13 + k * 7) % 19) / 7 - 1;
    }
    pt_array_t arrays[] = {{.name = "x", .dtype = PT_FLOAT32, .rank = 1, .shape = {WIDTH}, .data = x},
                           {.name = "label", .dtype = PT_INT32, .data = label}};
    ck_ok(pt_dataset_create_from_arrays(context, arrays, 2, sizeof(pt_array_t), samples, PT_DATASET_COPY, &data));
    return data;
}

/* Stopped and resumed, statistics and all: the same bits. */
START_TEST(test_resume)
{
    uint64_t fingerprints[2];
    for (int stopped = 0; stopped < 2; stopped++) {
        char directory[64] = "/tmp/pt_batch_norm_XXXXXX";
        ck_assert_ptr_nonnull(mkdtemp(directory));
        for (int part = 0; part <= stopped; part++) {
            pt_context_t *context = network_context(1, 1);
            pt_model_t *model = make(context, 0);
            pt_optimizer_t *optimizer = make_sgd(context);
            pt_dataset_t *data = make_data(context, 50);
            pt_train_options_t options = rig_options(stopped && part == 0 ? 7 : 16, 8);
            options.checkpoint_directory = directory;
            options.flags = PT_TRAIN_RESUME;
            ck_ok(pt_finetune(model, optimizer, data, &options, NULL));
            fingerprints[stopped] = network_fingerprint(model);
            pt_dataset_free(data);
            pt_optimizer_free(optimizer);
            pt_model_free(model);
            pt_context_free(context);
        }
    }
    ck_assert_uint_eq(fingerprints[0], fingerprints[1]);
}
END_TEST

START_TEST(test_refusals)
{
    batch_t batch;
    golden_read("tests/golden/batch_norm.txt");
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = make(context, 0);
    pt_optimizer_t *optimizer = make_sgd(context);
    pt_dataset_t *data = make_data(context, 64);
    read_batch(&batch, 0, 0);
    ck_fails(pt_train_step(model, optimizer, batch.values, 2, sizeof(pt_array_t), 1, 0, NULL), PT_ERR_SHAPE,
             "at least two");
    ck_assert(mean_of(model) == 0);

    /* a budget that only a cut would meet is refused, unless the host says how to cut or holds the statistics */
    pt__measure_t whole, half;
    ck_ok(pt__plans_measure(model, PT__MODE_TRAIN, ROWS(64, 0), &whole));
    ck_ok(pt__plans_measure(model, PT__MODE_TRAIN, ROWS(16, 0), &half));
    pt_train_options_t options = rig_options(1, 64);
    for (options.memory_budget = 1; pt_finetune(model, optimizer, data, &options, NULL) == PT_ERR_BUDGET;)
        options.memory_budget += 1024;
    int64_t enough = options.memory_budget;
    options.memory_budget = enough - (whole.arena_bytes - half.arena_bytes) / 2;
    ck_fails(pt_finetune(model, optimizer, data, &options, NULL), PT_ERR_BUDGET, "set micro_batch to cut");
    options.micro_batch = 16;
    ck_ok(pt_finetune(model, optimizer, data, &options, NULL));
    options.micro_batch = 0;
    ck_ok(pt_model_set_trainable(model, "n.running*", 0, NULL));
    ck_ok(pt_finetune(model, optimizer, data, &options, NULL));
    pt_dataset_free(data);
    pt_optimizer_free(optimizer);
    pt_model_free(model);

    pt_graph_t *graph;
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t x = pt_input(graph, "x", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 2});
    pt_tensor_t parameter = pt_parameter(graph, "p", 1, (int64_t[]){2}, INITIAL(PT_INIT_CONSTANT, 0));
    pt_tensor_t state = pt_state(graph, "s", 1, (int64_t[]){2}, INITIAL(PT_INIT_CONSTANT, 0));
    ck_assert_int_eq(pt_batch_norm(graph, x, parameter, state, PT_NO_TENSOR, PT_NO_TENSOR, 0.1, 1e-5), PT_NO_TENSOR);
    ck_fails(pt_graph_status(graph), PT_ERR_SHAPE, "expected a tensor of pt_state");
    pt_graph_free(graph);
    pt_context_free(context);
}
END_TEST

SUITE("batch norm", 60, test_rows_as_torch, test_ragged_rows_as_torch, test_bits, test_state_stands_at_the_last_step,
      test_resume, test_refusals)
