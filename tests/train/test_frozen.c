/* Parameters that are frozen for some steps and then learn again: torch's optimizers keep their moments and how many
 * updates they have seen, and so must a checkpoint that is written meanwhile. */
#include <math.h>

#include "support/networks.h"

enum { SAMPLES = 4, STEPS = 14 };

static const float x[SAMPLES] = {1, -2, 0.5f, 3}, z[SAMPLES] = {0.25f, 1, -1, 2}, y[SAMPLES] = {2, 0, -1, 1};
static const int32_t is_frozen[STEPS] = {0, 0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 0, 0, 0};

/* prediction = a x + b z, against y */
static pt_model_t *make_model(pt_context_t *context)
{
    pt_graph_t *graph;
    pt_model_t *model;
    const int64_t rows[] = {PT_DIM_BATCH, 1}, one[] = {1, 1};
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t left = pt_linear(graph, pt_input(graph, "x", PT_FLOAT32, 2, rows),
                                 pt_parameter(graph, "a", 2, one, INITIAL(PT_INIT_CONSTANT, 0.5)), PT_NO_TENSOR, 0);
    pt_tensor_t right = pt_linear(graph, pt_input(graph, "z", PT_FLOAT32, 2, rows),
                                  pt_parameter(graph, "b", 2, one, INITIAL(PT_INIT_CONSTANT, -0.25)), PT_NO_TENSOR, 0);
    pt_tensor_t target = pt_input(graph, "y", PT_FLOAT32, 2, rows);
    pt_graph_set_loss(graph, pt_mse_loss(graph, pt_add(graph, left, right), target, NULL));
    ck_ok(pt_model_create(context, graph, &model));
    pt_graph_free(graph);
    return model;
}

static pt_optimizer_t *make_optimizer(pt_context_t *context, int32_t kind)
{
    pt_optimizer_options_t options;
    pt_optimizer_t *optimizer;
    ck_ok(pt_optimizer_options_init(&options, sizeof options));
    options.kind = kind;
    options.learning_rate = 0.05;
    options.momentum = kind == PT_OPTIMIZER_SGD ? 0.9 : -1;
    ck_ok(pt_optimizer_create(context, &options, &optimizer));
    return optimizer;
}

static void step(pt_model_t *model, pt_optimizer_t *optimizer, int32_t number)
{
    const pt_array_t values[] = {{.name = "x", .data = view_data(x), .dtype = PT_FLOAT32},
                                 {.name = "z", .data = view_data(z), .dtype = PT_FLOAT32},
                                 {.name = "y", .data = view_data(y), .dtype = PT_FLOAT32}};
    ck_ok(pt_model_set_trainable(model, "a", !is_frozen[number], NULL));
    ck_ok(pt_train_step(model, optimizer, values, 3, sizeof(pt_array_t), SAMPLES, 0, NULL));
}

static float get(const pt_model_t *model, const char *name)
{
    float value;
    int64_t index;
    ck_ok(pt_model_parameter_find(model, name, &index));
    ck_ok(get_parameter(model, index, &value, 1));
    return value;
}

typedef struct state { /* of one parameter, in double */
    double value, first, second;
    int updates;
} state_t;

static void update(state_t *state, int32_t kind, double gradient)
{
    state->updates++;
    if (kind == PT_OPTIMIZER_SGD) {
        state->first = state->updates == 1 ? gradient : 0.9 * state->first + gradient;
        state->value -= 0.05 * state->first;
        return;
    }
    state->first += 0.1 * (gradient - state->first);
    state->second = 0.999 * state->second + 0.001 * gradient * gradient;
    state->value *= kind == PT_OPTIMIZER_ADAMW ? 1 - 0.05 * 0.01 : 1;
    state->value -= 0.05 * state->first / (1 - pow(0.9, state->updates)) /
                    (sqrt(state->second / (1 - pow(0.999, state->updates))) + 1e-8);
}

static const int32_t kinds[] = {PT_OPTIMIZER_ADAMW, PT_OPTIMIZER_ADAM, PT_OPTIMIZER_SGD};

START_TEST(test_moments_outlive_freezing)
{
    for (int k = 0; k < 3; k++) {
        pt_context_t *context = network_context(1, 1);
        pt_model_t *model = make_model(context);
        pt_optimizer_t *optimizer = make_optimizer(context, kinds[k]);
        state_t a = {.value = 0.5}, b = {.value = -0.25};
        for (int32_t i = 0; i < STEPS; i++) {
            double slope_a = 0, slope_b = 0;
            for (int n = 0; n < SAMPLES; n++) {
                double e = a.value * (double)x[n] + b.value * (double)z[n] - (double)y[n];
                slope_a += 2 * e * (double)x[n] / SAMPLES;
                slope_b += 2 * e * (double)z[n] / SAMPLES;
            }
            if (!is_frozen[i])
                update(&a, kinds[k], slope_a);
            update(&b, kinds[k], slope_b);
            step(model, optimizer, i);
            ck_assert_msg(fabs((double)get(model, "a") - a.value) < 1e-5, "kind %d, step %d: a is %g, expected %g",
                          (int)kinds[k], (int)i, (double)get(model, "a"), a.value);
            ck_assert_msg(fabs((double)get(model, "b") - b.value) < 1e-5, "kind %d, step %d: b is %g, expected %g",
                          (int)kinds[k], (int)i, (double)get(model, "b"), b.value);
        }
        pt_optimizer_free(optimizer);
        pt_model_free(model);
        pt_context_free(context);
    }
}
END_TEST

/* Saved after every step and gone on with by another model and optimizer: the same bits. */
START_TEST(test_checkpoints_hold_what_rests)
{
    const char *path = suite_path("checkpoint");
    for (int k = 0; k < 3; k++) {
        pt_context_t *context = network_context(1, 1);
        pt_model_t *whole = make_model(context), *model = make_model(context);
        pt_optimizer_t *always = make_optimizer(context, kinds[k]), *optimizer = make_optimizer(context, kinds[k]);
        for (int32_t i = 0; i < STEPS; i++) {
            step(whole, always, i);
            step(model, optimizer, i);
            ck_assert_uint_eq(network_fingerprint(model), network_fingerprint(whole));
            ck_ok(pt_checkpoint_save(model, optimizer, path, NULL));
            pt_optimizer_free(optimizer);
            pt_model_free(model);
            model = make_model(context);
            optimizer = make_optimizer(context, kinds[k]);
            ck_ok(pt_model_set_trainable(model, "a", !is_frozen[i], NULL));
            ck_ok(pt_checkpoint_load(model, optimizer, path, NULL));
        }
        pt_optimizer_free(optimizer);
        pt_model_free(model);
        pt_optimizer_free(always);
        pt_model_free(whole);
        pt_context_free(context);
    }
}
END_TEST

/* An older checkpoint, from before it learnt, forgets what rests now. */
START_TEST(test_what_rests_is_forgotten)
{
    const char *path = suite_path("checkpoint");
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = make_model(context), *fresh = make_model(context);
    pt_optimizer_t *optimizer = make_optimizer(context, PT_OPTIMIZER_ADAM),
                   *other = make_optimizer(context, PT_OPTIMIZER_ADAM);
    for (int32_t i = 4; i < 6; i++) /* frozen from the first step on */
        step(fresh, other, i);
    ck_ok(pt_checkpoint_save(fresh, other, path, NULL));
    for (int32_t i = 0; i < 6; i++)
        step(model, optimizer, i);
    ck_ok(pt_checkpoint_load(model, optimizer, path, NULL));
    for (int32_t i = 6; i < 9; i++) {
        step(model, optimizer, i);
        step(fresh, other, i);
        ck_assert_uint_eq(network_fingerprint(model), network_fingerprint(fresh));
    }
    pt_optimizer_free(optimizer);
    pt_optimizer_free(other);
    pt_model_free(model);
    pt_model_free(fresh);
    pt_context_free(context);
}
END_TEST

SUITE("frozen", 60, test_moments_outlive_freezing, test_checkpoints_hold_what_rests, test_what_rests_is_forgotten)
