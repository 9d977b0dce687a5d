/* Gradients tell when they are complete: each that learns once, and nothing writes to it afterwards in that run; on the
 * first micro-batch and on one that adds to it; as early as the backward pass allows; who is told may end the run. */
#include "kernels/device.h"
#include "plan/plan.h"
#include "support/networks.h"
#include "train/model.h"

enum { SAMPLES = 6, WIDE = 8, MOST = 16 };

typedef struct told {
    const pt_model_t *model;
    int32_t parameters[MOST];
    float values[MOST][WIDE * WIDE]; /* of the gradients when they were told */
    int32_t count, refuse_at;
} told_t;

static pt_status_t tell(void *user, int32_t parameter)
{
    told_t *told = user;
    const pt__stored_t *stored = &told->model->store.tensors[parameter];
    if (told->count == told->refuse_at)
        return pt__fail(PT_ERR_UNSUPPORTED, "refused");
    ck_assert_int_lt(told->count, MOST);
    ck_assert_ptr_nonnull(stored->gradient);
    memcpy(told->values[told->count], stored->gradient, (size_t)stored->elements * sizeof(float));
    told->parameters[told->count++] = parameter;
    return PT_OK;
}

/* Three layers, the middle one of which is used twice, and a norm whose gradients come as two outputs of one node. */
static pt_model_t *network(pt_context_t *context)
{
    pt_graph_t *graph;
    pt_model_t *model;
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t x = pt_input(graph, "x", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, WIDE});
    pt_tensor_t y = pt_input(graph, "y", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, WIDE});
    pt_tensor_t hidden = pt_linear_layer(graph, "a", x, WIDE, PT_ACTIVATION_TANH);
    pt_tensor_t weight = pt_parameter(graph, "b", 2, (int64_t[]){WIDE, WIDE}, INITIAL(PT_INIT_NORMAL, 0.3));
    hidden = pt_linear(graph, hidden, weight, PT_NO_TENSOR, PT_ACTIVATION_TANH);
    hidden = pt_linear(graph, hidden, weight, PT_NO_TENSOR, PT_ACTIVATION_TANH);
    hidden = pt_layer_norm_layer(graph, "norm", hidden, 1e-5);
    hidden = pt_linear_layer(graph, "c", hidden, WIDE, PT_ACTIVATION_NONE);
    ck_ok(pt_graph_set_loss(graph, pt_mse_loss(graph, hidden, y, NULL)));
    ck_ok(pt_model_create(context, graph, &model));
    pt_graph_free(graph);
    return model;
}

static pt_status_t run_plan(pt_model_t *model, pt__plan_t *plan, int32_t accumulate, told_t *told)
{
    float x[SAMPLES * WIDE], y[SAMPLES * WIDE];
    const void *inputs[] = {x, y};
    for (int i = 0; i < SAMPLES * WIDE; i++) {
        x[i] = (float)(i * 7 % 13) / 13 - 0.5f;
        y[i] = (float)(i * 5 % 11) / 11;
    }
    pt__run_t run = {.device = model->context->device,
                     .count = {1, SAMPLES},
                     .training = 1,
                     .accumulate = accumulate,
                     .finished = tell,
                     .finished_user = told};
    ck_ok(pt__device_enter(run.device));
    pt_status_t status = pt__plan_run(plan, &run, inputs);
    ck_ok(pt__device_leave(run.device));
    return status;
}

static void check_told(const pt_model_t *model, const told_t *told, int32_t learning)
{
    ck_assert_int_eq(told->count, learning);
    for (int32_t i = 0; i < told->count; i++) {
        const pt__stored_t *stored = &model->store.tensors[told->parameters[i]];
        ck_assert(stored->learnable);
        ck_assert_mem_eq(told->values[i], stored->gradient, (size_t)stored->elements * sizeof(float));
        for (int32_t k = 0; k < i; k++)
            ck_assert_int_ne(told->parameters[i], told->parameters[k]);
    }
}

START_TEST(test_each_once_and_for_good)
{
    pt_context_t *context = network_context(2, 3);
    pt_model_t *model = network(context);
    pt__plan_t *plan;
    for (int frozen = 0; frozen < 2; frozen++) {
        int32_t learning = frozen ? 5 : 7;
        if (frozen)
            ck_ok(pt_model_set_trainable(model, "a.*", 0, NULL));
        ck_ok(pt__plans_prepare(model, PT__MODE_TRAIN, PT_NO_TENSOR, ROWS(SAMPLES, 0), &plan));
        for (int micro_batch = 0; micro_batch < 2; micro_batch++) {
            told_t told = {.model = model, .refuse_at = -1};
            ck_ok(run_plan(model, plan, micro_batch, &told));
            check_told(model, &told, learning);
        }
        /* The last layer's are complete first, and steps before the end. */
        int32_t steps = 0, total = 0, count;
        for (int64_t i = 0; i < pt__plan_steps(plan); i++) {
            const int32_t *parameters = pt__plan_finished(plan, i, &count);
            if (steps == 0 && count > 0) {
                ck_assert_str_eq(model->store.tensors[parameters[0]].name, "c.weight");
                ck_assert_int_lt(i, pt__plan_steps(plan) - 3);
            }
            steps += count > 0;
            total += count;
        }
        ck_assert_int_eq(total, learning);
        ck_assert_int_ge(steps, frozen ? 3 : 4);
    }
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

START_TEST(test_refusal_ends_the_run)
{
    pt_context_t *context = network_context(1, 3);
    pt_model_t *model = network(context);
    pt__plan_t *plan;
    told_t told = {.model = model, .refuse_at = 2};
    ck_ok(pt__plans_prepare(model, PT__MODE_TRAIN, PT_NO_TENSOR, ROWS(SAMPLES, 0), &plan));
    ck_fails(run_plan(model, plan, 0, &told), PT_ERR_UNSUPPORTED, "refused");
    ck_assert_int_eq(told.count, 2);
    ck_ok(pt__plans_prepare(model, PT__MODE_EVALUATE, PT_NO_TENSOR, ROWS(SAMPLES, 0), &plan));
    told = (told_t){.model = model, .refuse_at = 0};
    ck_ok(run_plan(model, plan, 0, &told)); /* no gradients, nothing to tell */
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

SUITE("finished", 60, test_each_once_and_for_good, test_refusal_ends_the_run)
