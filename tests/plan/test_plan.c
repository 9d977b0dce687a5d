/* The planner: what is alive at the same time shares no memory, capacity does not change results, unread things are
 * not computed. */
#include <math.h>

#include "plan/layout.h"
#include "support/networks.h"
#include "train/model.h"
#include "support/views.h"

static pt_array_t tokens_value(int32_t *tokens, int64_t *lengths, int64_t samples, int64_t length)
{
    for (int64_t i = 0; i < samples; i++) {
        lengths[i] = length;
        for (int64_t k = 0; k < length; k++)
            tokens[i * length + k] = (int32_t)((i * 5 + k * 3) % 17);
    }
    return (pt_array_t){.name = "tokens", .data = tokens, .lengths = lengths, .dtype = PT_INT32};
}

static void check_disjoint(const pt__plan_t *plan)
{
    int64_t arena = 0;
    for (int64_t i = 0; i < plan->n_storages; i++) {
        const pt__storage_t *a = &plan->storages[i];
        if (a->place != PT__PLACE_ARENA)
            continue;
        arena++;
        ck_assert_int_eq(a->offset % PT__ALIGNMENT, 0);
        ck_assert_int_le(a->offset + a->bytes, plan->arena_bytes);
        for (int64_t k = 0; k < i; k++) {
            const pt__storage_t *b = &plan->storages[k];
            int32_t together = b->place == PT__PLACE_ARENA && a->first <= b->last && b->first <= a->last;
            ck_assert(!together || a->offset + a->bytes <= b->offset || b->offset + b->bytes <= a->offset);
        }
    }
    ck_assert_int_gt(arena, 3);
}

START_TEST(test_no_overlap)
{
    pt_context_t *context = network_context(1, 3);
    pt_model_t *model = network_gpt(context);
    network_set_task(model, PT_TASK_CAUSAL_LM, 0);
    pt__plan_t *plan;
    ck_ok(pt__plans_prepare(model, PT__MODE_TRAIN, PT_NO_TENSOR, ROWS(4, 40), &plan));
    check_disjoint(plan);
    int64_t training = pt__plan_arena_bytes(plan);
    ck_ok(pt__plans_prepare(model, PT__MODE_EVALUATE, PT_NO_TENSOR, ROWS(4, 40), &plan));
    check_disjoint(plan);
    ck_assert_int_lt(pt__plan_arena_bytes(plan), training / 2); /* nothing is kept for a backward pass */
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* The same rows through a plan made for them and through one made for more: the same bits. */
START_TEST(test_capacity_changes_nothing)
{
    uint64_t fingerprints[2];
    for (int large = 0; large < 2; large++) {
        int32_t tokens[8 * 12];
        int64_t lengths[8];
        pt_context_t *context = network_context(2, 3);
        pt_model_t *model = network_gpt(context);
        network_set_task(model, PT_TASK_CAUSAL_LM, 0);
        pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAMW, 1e-2);
        if (large)
            ck_ok(pt__plans_prepare(model, PT__MODE_TRAIN, PT_NO_TENSOR, ROWS(50, 600), NULL));
        for (int64_t step = 1; step < 8; step++) {
            pt_array_t value = tokens_value(tokens, lengths, step, 5 + step % 3);
            ck_ok(pt_train_step(model, optimizer, &value, 1, sizeof(pt_array_t), step, 0, NULL));
        }
        fingerprints[large] = network_fingerprint(model);
        pt_optimizer_free(optimizer);
        pt_model_free(model);
        pt_context_free(context);
    }
    ck_assert_uint_eq(fingerprints[0], fingerprints[1]);
}
END_TEST

static int64_t count_steps(const pt__plan_t *plan, const char *op)
{
    int64_t count = 0;
    for (int64_t i = 0; i < plan->n_steps; i++)
        count += strcmp(plan->calls[i].op->name, op) == 0;
    return count;
}

START_TEST(test_frozen_parameters_cost_nothing)
{
    pt_context_t *context = network_context(1, 3);
    pt_model_t *model = network_gpt(context);
    pt__plan_t *plan;
    network_set_task(model, PT_TASK_CLASSIFICATION, 3);
    ck_ok(pt__plans_prepare(model, PT__MODE_TRAIN, PT_NO_TENSOR, ROWS(4, 40), &plan));
    int64_t all_steps = plan->n_steps, all_bytes = pt__plan_arena_bytes(plan);
    ck_ok(pt_model_set_trainable(model, "transformer.*", 0, NULL));
    ck_ok(pt__plans_prepare(model, PT__MODE_TRAIN, PT_NO_TENSOR, ROWS(4, 40), &plan));
    ck_assert_int_eq(count_steps(plan, "attention_packed_gradient"), 0);
    ck_assert_int_lt(plan->n_steps, all_steps * 2 / 3);
    ck_assert_int_lt(pt__plan_arena_bytes(plan), all_bytes);
    ck_assert_int_eq(pt__store_learnable_elements(&model->store), 3 * 16); /* the head of this family has no bias */
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* A classifier that reads the last token's row computes the last layer's feed-forward part for one row a sample,
 * with the same results. */
START_TEST(test_unread_rows_are_not_computed)
{
    pt_context_t *context = network_context(1, 3);
    pt_model_t *model = network_gpt(context);
    network_task_t task = {0};
    pt__plan_t *plan;
    int32_t tokens[4 * 12];
    int64_t lengths[4], elements;
    float all[4 * 12 * 16], probabilities[12];
    task.task = PT_TASK_CLASSIFICATION;
    task.outputs = 3;
    double operations[2];
    for (int last = 0; last < 2; last++) {
        task.pooling = last ? PT_POOL_LAST : PT_POOL_MEAN;
        ck_ok(network_choose_task(model, &task));
        ck_ok(pt__plans_prepare(model, PT__MODE_TRAIN, PT_NO_TENSOR, ROWS(4, 48), &plan));
        operations[last] = pt__plan_operations(plan, ROWS(4, 48));
    }
    ck_assert_msg(operations[1] < 0.8 * operations[0], "%g of %g", operations[1], operations[0]);
    pt_array_t value = tokens_value(tokens, lengths, 4, 12);
    ck_ok(forward_floats(model, &value, 1, 4, "probabilities", probabilities, 12, &elements)); /* selected rows */
    ck_ok(forward_floats(model, &value, 1, 4, "hidden", all, 4 * 12 * 16, &elements));         /* all rows */
    float weight[48], bias[3] = {0};
    int64_t index;
    ck_ok(pt_model_parameter_find(model, "score.weight", &index));
    ck_ok(get_parameter(model, index, weight, 48));
    if (pt_model_parameter_find(model, "score.bias", &index) == PT_OK)
        ck_ok(get_parameter(model, index, bias, 3));
    for (int sample = 0; sample < 4; sample++) {
        double logits[3], total = 0;
        for (int c = 0; c < 3; c++) {
            logits[c] = (double)bias[c];
            for (int d = 0; d < 16; d++)
                logits[c] += (double)weight[c * 16 + d] * (double)all[(sample * 12 + 11) * 16 + d];
            total += exp(logits[c]);
        }
        for (int c = 0; c < 3; c++)
            ck_assert_double_eq_tol(exp(logits[c]) / total, (double)probabilities[sample * 3 + c], 1e-5);
    }
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* Less memory, a few more operations, the same bits. Nothing here is large enough for PT_RECOMPUTE_CHEAP: see
 * test_recompute.c. */
START_TEST(test_recomputation)
{
    uint64_t fingerprints[3];
    int64_t bytes[3];
    for (int recompute = 0; recompute < 3; recompute++) {
        int32_t tokens[8 * 12];
        int64_t lengths[8];
        pt__plan_t *plan;
        pt_context_t *context = network_context(2, 3);
        pt_model_t *model = network_gpt(context);
        pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAMW, 1e-2);
        network_set_task(model, PT_TASK_CAUSAL_LM, 0);
        ck_ok(pt_model_set_recompute(model, recompute));
        pt_array_t value = tokens_value(tokens, lengths, 8, 12);
        for (int step = 0; step < 5; step++)
            ck_ok(pt_train_step(model, optimizer, &value, 1, sizeof(pt_array_t), 8, 0, NULL));
        ck_ok(pt__plans_prepare(model, PT__MODE_TRAIN, PT_NO_TENSOR, ROWS(8, 96), &plan));
        check_disjoint(plan);
        bytes[recompute] = pt__plan_arena_bytes(plan);
        fingerprints[recompute] = network_fingerprint(model);
        pt_optimizer_free(optimizer);
        pt_model_free(model);
        pt_context_free(context);
    }
    ck_assert_int_lt(bytes[PT_RECOMPUTE_EVERYTHING], bytes[PT_RECOMPUTE_NOTHING] * 4 / 5);
    ck_assert_int_eq(bytes[PT_RECOMPUTE_CHEAP], bytes[PT_RECOMPUTE_NOTHING]);
    ck_assert_uint_eq(fingerprints[0], fingerprints[1]);
    ck_assert_uint_eq(fingerprints[0], fingerprints[2]);
}
END_TEST

/* A linear op's input gradient takes the memory of its input, which its weight gradient has read by then. */
START_TEST(test_gradient_in_place_of_input)
{
    enum { WIDTH = 64, SAMPLES = 256 };
    pt_context_t *context = network_context(1, 3);
    pt_graph_t *graph;
    pt_model_t *model;
    pt__plan_t *plan;
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t x = pt_input(graph, "x", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 2}),
                y = pt_input(graph, "y", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 1});
    pt_tensor_t first = pt_linear_layer(graph, "a", x, WIDTH, PT_ACTIVATION_NONE);
    pt_tensor_t second = pt_linear_layer(graph, "b", first, WIDTH, PT_ACTIVATION_NONE);
    pt_graph_set_loss(graph, pt_mse_loss(graph, pt_linear_layer(graph, "c", second, 1, PT_ACTIVATION_NONE), y, NULL));
    ck_ok(pt_model_create(context, graph, &model));
    pt_graph_free(graph);
    ck_ok(pt__plans_prepare(model, PT__MODE_TRAIN, PT_NO_TENSOR, ROWS(SAMPLES, 0), &plan));
    int64_t one = SAMPLES * WIDTH * (int64_t)sizeof(float); /* never three of them: input, d_dst and d_src */
    ck_assert_int_lt(pt__plan_arena_bytes(plan), 2 * one + one / 2);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* A loss of several parts, none of which is the root's own op: x·w against two targets. Its gradient by finite
 * differences. */
START_TEST(test_composed_loss)
{
    pt_context_t *context = network_context(1, 3);
    pt_graph_t *graph;
    pt_model_t *model;
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t x = pt_input(graph, "x", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 3}),
                y = pt_input(graph, "y", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 2});
    pt_tensor_t label = pt_input(graph, "label", PT_INT32, 1, (int64_t[]){PT_DIM_BATCH});
    pt_tensor_t out = pt_linear_layer(graph, "a", x, 2, PT_ACTIVATION_TANH);
    pt_tensor_t loss = pt_add(graph, pt_scale(graph, pt_mse_loss(graph, out, y, NULL), 0.3),
                              pt_cross_entropy_loss(graph, out, label, NULL));
    pt_graph_set_loss(graph, loss);
    ck_ok(pt_model_create(context, graph, &model));
    pt_graph_free(graph);
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_SGD, 0);
    float xs[] = {0.1f, -0.4f, 0.7f, 1.0f, 0.2f, -0.3f, -0.8f, 0.5f, 0.6f},
          ys[] = {0.2f, -0.1f, 0.4f, 0.9f, -0.6f, 0.3f};
    int32_t labels[] = {0, 1, 1};
    pt_array_t values[] = {{.name = "x", .data = xs, .dtype = PT_FLOAT32},
                           {.name = "y", .data = ys, .dtype = PT_FLOAT32},
                           {.name = "label", .data = labels, .dtype = PT_INT32}};
    ck_ok(pt_train_step(model, optimizer, values, 3, sizeof(pt_array_t), 3, PT_STEP_ACCUMULATE, NULL));
    float gradient[6], weight[6];
    ck_ok(get_gradient(model, 0, gradient, 6));
    ck_ok(get_parameter(model, 0, weight, 6));
    for (int i = 0; i < 6; i++) {
        double losses[2];
        for (int side = 0; side < 2; side++) {
            float moved[6];
            memcpy(moved, weight, sizeof moved);
            moved[i] += side ? 1e-2f : -1e-2f;
            ck_ok(set_parameter(model, 0, moved, 6));
            ck_ok(pt_loss(model, values, 3, sizeof(pt_array_t), 3, &losses[side]));
        }
        ck_assert_double_eq_tol((losses[1] - losses[0]) / 2e-2, (double)gradient[i], 1e-3);
    }
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

START_TEST(test_prints)
{
    pt_context_t *context = network_context(1, 3);
    pt_model_t *model = network_gpt(context);
    char text[20000];
    size_t length;
    ck_fails(pt_model_describe(model, PT_DESCRIBE_PLAN, text, sizeof text, &length), PT_ERR_STATE, "no training plan");
    network_set_task(model, PT_TASK_CAUSAL_LM, 0);
    ck_ok(pt__plans_prepare(model, PT__MODE_TRAIN, PT_NO_TENSOR, ROWS(4, 40), NULL));
    ck_ok(pt_model_describe(model, PT_DESCRIBE_PLAN, text, sizeof text, &length));
    ck_assert_ptr_nonnull(strstr(text, "attention_packed_gradient"));
    ck_assert_ptr_nonnull(strstr(text, "arena bytes"));
    ck_ok(pt_model_describe(model, PT_DESCRIBE_GRAPH, text, sizeof text, &length));
    ck_assert_ptr_nonnull(strstr(text, "\"transformer.h.1.attn.c_attn.weight\""));
    ck_ok(pt_model_describe(model, PT_DESCRIBE_SUMMARY, text, sizeof text, &length));
    ck_assert_ptr_nonnull(strstr(text, "parameters"));
    ck_assert_uint_eq(strlen(text), length);
    ck_ok(pt_model_describe(model, PT_DESCRIBE_SUMMARY, text, 10, &length));
    ck_assert_uint_eq(strlen(text), 9);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* The gradient of z is both what P's is made of and what the norm's weight and bias need, whose src is constant. */
START_TEST(test_gradient_read_beside_its_sum)
{
    enum { ROWS = 5, WIDE = 4, SAMPLES = 6 };
    float constant[ROWS * WIDE], target[SAMPLES * WIDE], once[WIDE], twice[WIDE];
    int32_t index[SAMPLES] = {0, 3, 3, 1, 4, 0};
    pt_context_t *context = network_context(1, 3);
    pt_graph_t *graph;
    pt_model_t *model;
    for (int i = 0; i < ROWS * WIDE; i++)
        constant[i] = (float)(i * 7 % 11) / 11;
    for (int i = 0; i < SAMPLES * WIDE; i++)
        target[i] = (float)(i * 5 % 7) / 7;
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t tokens = pt_input(graph, "index", PT_INT32, 1, (int64_t[]){PT_DIM_BATCH});
    pt_tensor_t wanted = pt_input(graph, "target", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, WIDE});
    pt_tensor_t table = pt_parameter(graph, "p", 2, (int64_t[]){ROWS, WIDE}, INITIAL(PT_INIT_NORMAL, 1.0));
    pt_tensor_t weight = pt_parameter(graph, "weight", 1, (int64_t[]){WIDE}, INITIAL(PT_INIT_CONSTANT, 1.0));
    pt_tensor_t bias = pt_parameter(graph, "bias", 1, (int64_t[]){WIDE}, INITIAL(PT_INIT_CONSTANT, 0.0));
    pt_tensor_t src = constant_of(graph, PT_FLOAT32, 2, (int64_t[]){ROWS, WIDE}, constant);
    pt_tensor_t normed = pt_layer_norm(graph, src, weight, bias, 1e-5);
    pt_tensor_t chosen = pt_embedding(graph, tokens, pt_add(graph, table, normed));
    ck_ok(pt_graph_set_loss(graph, pt_mse_loss(graph, chosen, wanted, NULL)));
    ck_ok(pt_model_create(context, graph, &model));
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_SGD, 0.1);
    pt_array_t values[] = {{.name = "index", .data = index, .dtype = PT_INT32},
                           {.name = "target", .data = target, .dtype = PT_FLOAT32}};
    ck_ok(pt_train_step(model, optimizer, values, 2, sizeof(pt_array_t), SAMPLES, PT_STEP_ACCUMULATE, NULL));
    ck_ok(get_gradient(model, 2, once, WIDE));
    ck_ok(pt_train_step(model, optimizer, values, 2, sizeof(pt_array_t), SAMPLES, PT_STEP_ACCUMULATE, NULL));
    ck_ok(get_gradient(model, 2, twice, WIDE)); /* a mean over twice the samples */
    for (int i = 0; i < WIDE; i++)
        ck_assert_float_eq_tol(once[i], twice[i], 1e-6f);
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_graph_free(graph);
    pt_context_free(context);
}
END_TEST

/* Outputs that alternate keep their plans, the least recently used of too many goes. */
START_TEST(test_plans_of_several_outputs)
{
    enum { OUTPUTS = PT__SHELVED + 2, KEPT = 77 };
    pt_context_t *context = network_context(1, 3);
    pt_graph_t *graph;
    pt_model_t *model;
    pt_tensor_t outputs[OUTPUTS];
    pt__plan_t *plans[OUTPUTS];
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t x = pt_input(graph, "x", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 4});
    for (int i = 0; i < OUTPUTS; i++) {
        const char name[] = {(char)('a' + i), 0};
        outputs[i] = x = pt_linear_layer(graph, name, x, 4, PT_ACTIVATION_TANH);
        ck_ok(pt_graph_set_output(graph, name, x));
    }
    ck_ok(pt_model_create(context, graph, &model));
    pt_graph_free(graph);
    for (int turn = 0; turn < 3; turn++)
        for (int i = 0; i < PT__SHELVED + 1; i++) {
            ck_ok(pt__plans_prepare(model, PT__MODE_OUTPUT, outputs[i], ROWS(3, 0), &plans[i]));
            ck_assert_int_eq(plans[i]->accumulate, turn == 0 ? 0 : KEPT); /* new ones are all 0 */
            plans[i]->accumulate = KEPT;
            ck_assert_ptr_nonnull(pt__plan_read(plans[i], outputs[i]).data);
        }
    /* One more: the first goes, the last of the others stay. */
    ck_ok(pt__plans_prepare(model, PT__MODE_OUTPUT, outputs[OUTPUTS - 1], ROWS(3, 0), &plans[OUTPUTS - 1]));
    ck_assert_int_eq(plans[OUTPUTS - 1]->accumulate, 0);
    ck_ok(pt__plans_prepare(model, PT__MODE_OUTPUT, outputs[1], ROWS(3, 0), &plans[1]));
    ck_assert_int_eq(plans[1]->accumulate, KEPT);
    ck_ok(pt__plans_prepare(model, PT__MODE_OUTPUT, outputs[0], ROWS(3, 0), &plans[0]));
    ck_assert_int_eq(plans[0]->accumulate, 0);
    /* Results are each output's own. */
    float values[12] = {0.5f, -0.25f, 1, 2, 0, 1, 0, 1, -1, -1, 0.5f, 0.5f}, first[12], again[12], other[12];
    pt_array_t value = {.name = "x", .data = values, .dtype = PT_FLOAT32};
    ck_ok(forward_floats(model, &value, 1, 3, "a", first, 12, NULL));
    ck_ok(forward_floats(model, &value, 1, 3, "b", other, 12, NULL));
    ck_ok(forward_floats(model, &value, 1, 3, "a", again, 12, NULL));
    ck_assert_mem_eq(first, again, sizeof first);
    ck_assert_mem_ne(first, other, sizeof first);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

SUITE("plan", 60, test_plans_of_several_outputs, test_no_overlap, test_capacity_changes_nothing,
      test_frozen_parameters_cost_nothing,
      test_unread_rows_are_not_computed, test_recomputation, test_gradient_in_place_of_input, test_composed_loss,
      test_gradient_read_beside_its_sum, test_prints)
