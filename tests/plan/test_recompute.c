/* What is made again in the backward pass: the same bits whatever is, within the share of a step that it may cost,
 * and only where the arena gets smaller by it. */
#include <stdio.h>
#include <stdlib.h>

#include "plan/layout.h"
#include "support/failing_allocator.h"
#include "support/networks.h"
#include "train/model.h"

enum { SETTINGS = 3 };
static const int32_t settings[SETTINGS] = {PT_RECOMPUTE_NOTHING, PT_RECOMPUTE_CHEAP,
                                           PT_RECOMPUTE_EVERYTHING}; /* in the order of what they make again */

/* Large enough for results of more than the 64 KiB that are worth it. */
static pt_model_t *gpt(pt_context_t *context, int width)
{
    char config[256];
    pt_model_t *model;
    int length = snprintf(config, sizeof config,
                          "{\"model_type\": \"gpt2\", \"vocab_size\": 31, \"n_positions\": 64, \"n_embd\": %d, "
                          "\"n_layer\": 3, \"n_head\": 2, \"resid_pdrop\": 0.1}",
                          width);
    ck_ok(pt_model_create_from_config(context, config, (size_t)length, &model));
    network_set_task(model, PT_TASK_CAUSAL_LM, 0);
    return model;
}

static pt_status_t gpt_step(pt_model_t *model, pt_optimizer_t *optimizer)
{
    static int32_t tokens[8 * 64];
    int64_t lengths[8];
    for (int i = 0; i < 8 * 64; i++)
        tokens[i] = (i * 7 + i / 64) % 31;
    for (int i = 0; i < 8; i++)
        lengths[i] = 64;
    pt_array_t value = {.name = "tokens", .data = tokens, .lengths = lengths, .dtype = PT_INT32};
    return pt_train_step(model, optimizer, &value, 1, sizeof(pt_array_t), 8, 0, NULL);
}

/* A plan to train the parameters of a host's network but those of the layer `frozen`. */
static pt__plan_t *plan_above(const pt_graph_t *graph, const char *frozen, int32_t recompute, int64_t samples,
                              pt_tensor_t kept)
{
    int32_t wanted[16];
    pt__plan_t *plan;
    pt_tensor_t targets[] = {graph->loss, pt__graph_loss_weight(graph), kept};
    ck_ok(pt_graph_status(graph));
    ck_assert_int_le(graph->n_parameters, 16);
    for (int64_t i = 0; i < graph->n_parameters; i++)
        wanted[i] = frozen == NULL || strncmp(graph->parameters[i].name, frozen, strlen(frozen)) != 0;
    pt__plan_options_t options = {.capacity = pt__rows_make(samples, 0),
                                  .training = 1,
                                  .recompute = recompute,
                                  .wanted = wanted,
                                  .kept = targets,
                                  .n_kept = 3};
    ck_ok(pt__plan_create(graph, &options, &plan));
    return plan;
}

static pt__plan_t *plan_of(const pt_graph_t *graph, int32_t recompute, int64_t samples, pt_tensor_t kept)
{
    return plan_above(graph, NULL, recompute, samples, kept);
}

/* Steps that make something again; op NULL: of any op. */
static int64_t made_again_by(const pt__plan_t *plan, const char *op)
{
    int64_t count = 0;
    for (int64_t i = 0; i < plan->n_steps; i++)
        count += plan->graph->nodes[plan->steps[i].node].recomputed != 0 &&
                 (op == NULL || strcmp(plan->calls[i].op->name, op) == 0);
    return count;
}

static int64_t made_again(const pt__plan_t *plan)
{
    return made_again_by(plan, NULL);
}

/* Operations of those steps, with the bytes that they move at four each. */
static double price(const pt__plan_t *plan)
{
    double price = 0;
    for (int64_t i = 0; i < plan->n_steps; i++)
        if (plan->graph->nodes[plan->steps[i].node].recomputed)
            price += pt__layout_operations(&plan->calls[i]) + 4.0 * (double)pt__layout_bytes(&plan->calls[i]);
    return price;
}

START_TEST(test_same_bits)
{
    uint64_t fingerprints[SETTINGS];
    int64_t bytes[SETTINGS], count[SETTINGS];
    for (int i = 0; i < SETTINGS; i++) {
        pt__plan_t *plan;
        pt_context_t *context = network_context(2, 3);
        pt_model_t *model = gpt(context, 128);
        pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAMW, 1e-2);
        ck_ok(pt_model_set_recompute(model, settings[i]));
        for (int step = 0; step < 4; step++)
            ck_ok(gpt_step(model, optimizer));
        ck_ok(pt__plans_prepare(model, PT__MODE_TRAIN, PT_NO_TENSOR, ROWS(8, 8 * 64), &plan));
        bytes[i] = pt__plan_arena_bytes(plan);
        count[i] = made_again(plan);
        fingerprints[i] = network_fingerprint(model);
        pt_optimizer_free(optimizer);
        pt_model_free(model);
        pt_context_free(context);
    }
    ck_assert_int_eq(count[0], 0);
    ck_assert_int_gt(count[1], 0);
    ck_assert_int_gt(count[2], count[1]);
    ck_assert_int_lt(bytes[1], bytes[0]);
    ck_assert_int_lt(bytes[2], bytes[1]);
    ck_assert_uint_eq(fingerprints[1], fingerprints[0]);
    ck_assert_uint_eq(fingerprints[2], fingerprints[0]);
}
END_TEST

/* As far as a hundredth of the step goes, and no further: all of a wide network, a part of a narrow one. A new
 * model's setting. */
START_TEST(test_share_of_a_step)
{
    pt_context_t *context = network_context(1, 3);
    for (int wide = 0; wide < 2; wide++) {
        pt__plan_t *plan;
        pt_model_t *model = gpt(context, wide ? 512 : 128);
        ck_ok(pt__plans_prepare(model, PT__MODE_TRAIN, PT_NO_TENSOR, ROWS(8, 8 * 64), &plan));
        double cheap = price(plan);
        int64_t count = made_again(plan), bytes = pt__plan_arena_bytes(plan);
        ck_assert_int_gt(count, 0);
        ck_ok(pt_model_set_recompute(model, PT_RECOMPUTE_NOTHING));
        ck_ok(pt__plans_prepare(model, PT__MODE_TRAIN, PT_NO_TENSOR, ROWS(8, 8 * 64), &plan));
        double step = pt__plan_operations(plan, ROWS(8, 8 * 64));
        ck_assert_msg(cheap <= 0.01 * step, "%g of %g", cheap, step);
        ck_ok(pt_model_set_recompute(model, PT_RECOMPUTE_EVERYTHING));
        ck_ok(pt__plans_prepare(model, PT__MODE_TRAIN, PT_NO_TENSOR, ROWS(8, 8 * 64), &plan));
        if (wide)
            ck_assert_int_le(bytes, pt__plan_arena_bytes(plan));
        else
            ck_assert_msg(price(plan) > 0.01 * step && cheap > 0.005 * step && count < made_again(plan), "%g, %g of %g",
                          price(plan), cheap, step);
        pt_model_free(model);
    }
    pt_context_free(context);
}
END_TEST

/* What is small is kept. */
START_TEST(test_floor)
{
    pt_context_t *context = network_context(1, 3);
    pt_model_t *model = gpt(context, 512);
    pt__plan_t *plan;
    ck_ok(pt__plans_prepare(model, PT__MODE_TRAIN, PT_NO_TENSOR, ROWS(1, 7), &plan)); /* 7 · 2048 · 4 bytes at most */
    ck_assert_int_eq(made_again(plan), 0);
    ck_ok(pt__plans_prepare(model, PT__MODE_TRAIN, PT_NO_TENSOR, ROWS(1, 8), &plan));
    ck_assert_int_gt(made_again(plan), 0);
    ck_assert_int_eq(made_again_by(plan, "layer_norm"), 0); /* 8 · 512 · 4 */
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

static char *described(pt_model_t *model)
{
    size_t length;
    pt_model_describe(model, PT_DESCRIBE_PLAN, NULL, 0, &length);
    char *text = malloc(length + 1);
    ck_ok(pt_model_describe(model, PT_DESCRIBE_PLAN, text, length + 1, &length));
    return text;
}

/* Graph and capacity decide: not the number of threads. Steps that make something again are told apart. */
START_TEST(test_same_plan_everywhere)
{
    char *text[2];
    for (int i = 0; i < 2; i++) {
        pt_context_t *context = network_context(1 + 4 * i, 3);
        pt_model_t *model = gpt(context, 128);
        ck_ok(pt__plans_prepare(model, PT__MODE_TRAIN, PT_NO_TENSOR, ROWS(8, 8 * 64), NULL));
        text[i] = described(model);
        pt_model_free(model);
        pt_context_free(context);
    }
    ck_assert_str_eq(text[0], text[1]);
    ck_assert_ptr_nonnull(strstr(text[0], "again layer_norm "));
    ck_assert_ptr_null(strstr(text[0], "made again: steps 0 "));
    free(text[0]);
    free(text[1]);
}
END_TEST

static pt_tensor_t vector(pt_graph_t *graph, const char *name, int64_t size)
{
    return pt_parameter(graph, name, 1, &size, INITIAL(PT_INIT_CONSTANT, 1));
}

enum { WIDTH = 509 }; /* no multiple of any vector's lanes */
typedef pt_tensor_t (*between_t)(pt_graph_t *graph, pt_tensor_t src);

/* A wide layer below another one, with `between` in the middle, and a narrow head. Returns what `between` gave. */
static pt_tensor_t build_tower(pt_graph_t *graph, between_t between)
{
    pt_tensor_t x = pt_input(graph, "x", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 8}),
                y = pt_input(graph, "y", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 8});
    pt_tensor_t middle = between(graph, pt_linear_layer(graph, "below", x, WIDTH, PT_ACTIVATION_NONE));
    pt_tensor_t wide = pt_linear_layer(graph, "wide", middle, WIDTH, PT_ACTIVATION_NONE);
    for (int i = 0; i < 3; i++) { /* what costs enough for a hundredth of it to be of use, and leaves no memory */
        char name[] = {'m', (char)('0' + i), 0};
        wide = pt_linear_layer(graph, name, wide, WIDTH, PT_ACTIVATION_TANH);
    }
    pt_graph_set_loss(graph, pt_mse_loss(graph, pt_linear_layer(graph, "head", wide, 8, PT_ACTIVATION_NONE), y, NULL));
    return middle;
}

static pt_graph_t *tower(pt_context_t *context, between_t between, pt_tensor_t *middle)
{
    pt_graph_t *graph;
    ck_ok(pt_graph_create(context, &graph));
    *middle = build_tower(graph, between);
    return graph;
}

static pt_tensor_t gelu(pt_graph_t *graph, pt_tensor_t src)
{
    return pt_gelu_tanh(graph, src);
}

static pt_tensor_t viewed_gelu(pt_graph_t *graph, pt_tensor_t src)
{
    pt_tensor_t dst = pt_gelu_tanh(graph, src);
    pt_tensor_t view = pt_reshape(graph, dst, 2, (int64_t[]){PT_DIM_BATCH, WIDTH});
    return pt_add(graph, pt_linear_layer(graph, "of view", view, WIDTH, PT_ACTIVATION_NONE),
                  pt_linear_layer(graph, "beside it", dst, WIDTH, PT_ACTIVATION_NONE));
}

static pt_tensor_t residual_gelu(pt_graph_t *graph, pt_tensor_t src)
{
    pt_tensor_t branch = pt_linear_layer(graph, "branch", pt_gelu_tanh(graph, src), WIDTH, PT_ACTIVATION_NONE);
    return pt_add(graph, branch, src);
}

static pt_tensor_t norm_gelu(pt_graph_t *graph, pt_tensor_t src)
{
    src = pt_layer_norm(graph, src, vector(graph, "weight", WIDTH), vector(graph, "bias", WIDTH), 1e-5);
    return pt_gelu_tanh(graph, src);
}

static pt_tensor_t gelu_norm(pt_graph_t *graph, pt_tensor_t src)
{
    return pt_layer_norm(graph, pt_gelu_tanh(graph, src), vector(graph, "weight", WIDTH), vector(graph, "bias", WIDTH),
                         1e-5);
}

static pt_tensor_t gated(pt_graph_t *graph, pt_tensor_t src)
{
    src = pt_rms_norm(graph, src, vector(graph, "weight", WIDTH), 1e-5);
    return pt_mul(graph, pt_silu(graph, pt_linear_layer(graph, "gate", src, WIDTH, PT_ACTIVATION_NONE)),
                  pt_linear_layer(graph, "up", src, WIDTH, PT_ACTIVATION_NONE));
}

START_TEST(test_only_what_saves)
{
    pt_context_t *context = network_context(1, 3);
    pt_tensor_t middle;
    pt__plan_t *plan, *keeping;

    pt_graph_t *graph = tower(context, gelu, &middle);
    plan = plan_of(graph, PT_RECOMPUTE_CHEAP, 256, PT_NO_TENSOR);
    keeping = plan_of(graph, PT_RECOMPUTE_NOTHING, 256, PT_NO_TENSOR);
    ck_assert_int_eq(made_again(plan), 1);
    ck_assert_int_eq(pt__plan_arena_bytes(keeping) - pt__plan_arena_bytes(plan), 256 * WIDTH * (int64_t)sizeof(float));
    pt__plan_free(plan);
    plan = plan_of(graph, PT_RECOMPUTE_CHEAP, 256, middle); /* a host reads it afterwards: it is kept anyway */
    ck_assert_int_eq(made_again(plan), 0);
    pt__plan_free(plan);
    pt__plan_free(keeping);

    pt_graph_free(graph);
    for (int i = 0; i < 2; i++) {
        /* What it would be made from is not read by the backward pass, and may be gone by then: to keep that instead
         * saves nothing. */
        graph = tower(context, i ? residual_gelu : gelu, &middle);
        plan = plan_above(graph, "below", PT_RECOMPUTE_CHEAP, 256, PT_NO_TENSOR);
        ck_assert_int_eq(made_again(plan), 0);
        pt__plan_free(plan);
        pt_graph_free(graph);
    }

    graph = tower(context, viewed_gelu, &middle); /* a view of it is kept, which nothing makes again */
    plan = plan_of(graph, PT_RECOMPUTE_CHEAP, 256, PT_NO_TENSOR);
    ck_assert_int_eq(made_again(plan), 0);
    pt__plan_free(plan);
    pt_graph_free(graph);

    for (int i = 0; i < 2; i++) { /* one of them, since one is made from the other; the norm, which is cheaper */
        graph = tower(context, i ? gelu_norm : norm_gelu, &middle);
        plan = plan_of(graph, PT_RECOMPUTE_CHEAP, 256, PT_NO_TENSOR);
        ck_assert_int_eq(made_again(plan), 1);
        ck_assert_int_eq(made_again_by(plan, "layer_norm"), 1);
        pt__plan_free(plan);
        pt_graph_free(graph);
    }
    pt_context_free(context);
}
END_TEST

/* Norms before activations, gates: whatever the planner does with them under each setting, the weights stay the
 * same. */
START_TEST(test_same_bits_of_hosts_networks)
{
    static const between_t middles[] = {gelu, viewed_gelu, norm_gelu, gelu_norm, gated};
    static float x[200 * 8], y[200 * 8];
    for (int i = 0; i < 200 * 8; i++) {
        x[i] = (float)(i * 37 % 101) / 50 - 1;
        y[i] = (float)(i * 53 % 89) / 44 - 1;
    }
    const pt_array_t values[] = {{.name = "x", .data = x, .dtype = PT_FLOAT32},
                                 {.name = "y", .data = y, .dtype = PT_FLOAT32}};
    for (int which = 0; which < 5; which++) {
        uint64_t fingerprints[SETTINGS];
        for (int i = 0; i < SETTINGS; i++) {
            pt_context_t *context = network_context(2, 3);
            pt_tensor_t middle;
            pt_graph_t *graph = tower(context, middles[which], &middle);
            pt_model_t *model;
            ck_ok(pt_model_create(context, graph, &model));
            pt_graph_free(graph);
            pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAMW, 1e-3);
            ck_ok(pt_model_set_recompute(model, settings[i]));
            for (int step = 0; step < 3; step++)
                ck_ok(pt_train_step(model, optimizer, values, 2, sizeof(pt_array_t), 200, 0, NULL));
            fingerprints[i] = network_fingerprint(model);
            pt_optimizer_free(optimizer);
            pt_model_free(model);
            pt_context_free(context);
        }
        ck_assert_msg(fingerprints[1] == fingerprints[0], "network %d", which);
        ck_assert_msg(fingerprints[2] == fingerprints[0], "network %d", which);
    }
}
END_TEST

/* A checkpoint knows nothing of the setting: the file is the same, and another setting goes on from it to the same
 * weights. */
START_TEST(test_checkpoints_do_not_know)
{
    uint64_t fingerprints[SETTINGS];
    static char files[SETTINGS][1 << 23];
    size_t sizes[SETTINGS];
    for (int i = 0; i < SETTINGS; i++) {
        pt_context_t *context = network_context(1, 3);
        const char *path = suite_path("setting.safetensors");
        for (int resumed = 0; resumed < 2; resumed++) {
            pt_model_t *model = gpt(context, 128);
            pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAMW, 1e-2);
            ck_ok(pt_model_set_recompute(model, settings[(i + resumed) % SETTINGS]));
            if (resumed)
                ck_ok(pt_checkpoint_load(model, optimizer, path, NULL));
            for (int step = 0; step < 2; step++)
                ck_ok(gpt_step(model, optimizer));
            if (!resumed)
                ck_ok(pt_checkpoint_save(model, optimizer, path, NULL));
            fingerprints[i] = network_fingerprint(model);
            pt_optimizer_free(optimizer);
            pt_model_free(model);
        }
        FILE *file = fopen(path, "rb");
        sizes[i] = fread(files[i], 1, sizeof files[i], file);
        fclose(file);
        ck_assert(sizes[i] > 0 && sizes[i] < sizeof files[i]);
        pt_context_free(context);
    }
    for (int i = 1; i < SETTINGS; i++) {
        ck_assert_uint_eq(sizes[i], sizes[0]);
        ck_assert(memcmp(files[i], files[0], sizes[0]) == 0);
        ck_assert_uint_eq(fingerprints[i], fingerprints[0]);
    }
}
END_TEST

/* Every allocation of a plan may fail, those of the choice among them. */
START_TEST(test_failing_allocations)
{
    failing_allocator_t allocator;
    pt_status_t status;
    FOR_EACH_FAILING_ALLOCATION(allocator, {
        pt_context_options_t options;
        pt_context_t *context = NULL;
        pt_graph_t *graph = NULL;
        pt_model_t *model = NULL;
        ck_ok(pt_context_options_init(&options, sizeof options));
        options.threads = 1;
        failing_allocator_hooks(&allocator, &options);
        status = pt_context_create(&options, &context);
        if (status == PT_OK)
            status = pt_graph_create(context, &graph);
        if (status == PT_OK) {
            build_tower(graph, norm_gelu);
            status = pt_model_create(context, graph, &model);
        }
        if (status == PT_OK) {
            pt__plan_t *plan;
            status = pt__plans_prepare(model, PT__MODE_TRAIN, PT_NO_TENSOR, ROWS(256, 0), &plan);
            if (status == PT_OK)
                ck_assert_int_eq(made_again(plan), 1);
        }
        pt_model_free(model);
        pt_graph_free(graph);
        pt_context_free(context);
    }, status);
}
END_TEST

START_TEST(test_other_settings)
{
    pt_context_t *context = network_context(1, 3);
    pt_model_t *model = network_gpt(context);
    ck_fails(pt_model_set_recompute(model, 3), PT_ERR_ARGUMENT, "recompute is 3, expected one of PT_RECOMPUTE_");
    ck_fails(pt_model_set_recompute(model, -1), PT_ERR_ARGUMENT, "-1");
    ck_assert_int_eq(model->plans.recompute, PT_RECOMPUTE_CHEAP);
    for (int i = 0; i < SETTINGS; i++) {
        ck_ok(pt_model_set_recompute(model, settings[i]));
        ck_assert_int_eq(model->plans.recompute, settings[i]);
    }
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

SUITE("recompute", 60, test_same_bits, test_share_of_a_step, test_floor, test_same_plan_everywhere,
      test_only_what_saves, test_same_bits_of_hosts_networks, test_checkpoints_do_not_know, test_failing_allocations,
      test_other_settings)
