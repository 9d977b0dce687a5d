/* Values of new parameters: what was described, whoever drew them; and what a change of task keeps. */
#include <stdlib.h>

#include "base/hash.h"
#include "base/random.h"
#include "support/networks.h"
#include "train/model.h"

enum { WIDTH = 331, OUT = 601 }; /* their product is odd and takes several pieces */

/* Memory that is never zero by chance. */
static void *allocate_dirty(void *user, size_t bytes)
{
    void *block = malloc(bytes);
    (void)user;
    return block != NULL ? memset(block, 0xA5, bytes) : NULL;
}

static void release_dirty(void *user, void *block, size_t bytes)
{
    (void)user;
    (void)bytes;
    free(block);
}

static pt_context_t *dirty_context(int32_t threads)
{
    pt_context_options_t options;
    pt_context_t *context;
    ck_ok(pt_context_options_init(&options, sizeof options));
    options.threads = threads;
    options.seed = 5;
    options.allocate = allocate_dirty;
    options.release = release_dirty;
    ck_ok(pt_context_create(&options, &context));
    return context;
}

static pt_model_t *make(pt_context_t *context)
{
    pt_graph_t *graph;
    pt_model_t *model;
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t x = pt_input(graph, "x", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, WIDTH});
    const int64_t shape[] = {OUT, WIDTH}, row[] = {WIDTH};
    pt_tensor_t normal = pt_parameter(graph, "normal", 2, shape, PT_INIT_NORMAL, 0.02);
    pt_tensor_t uniform = pt_parameter(graph, "uniform", 2, shape, PT_INIT_UNIFORM, 0.5);
    pt_tensor_t linear = pt_parameter(graph, "linear", 2, shape, PT_INIT_LINEAR, 16);
    pt_tensor_t constant = pt_parameter(graph, "constant", 1, row, PT_INIT_CONSTANT, 1.5);
    pt_tensor_t sum = pt_add(graph, normal, pt_add(graph, uniform, linear));
    pt_graph_set_output(graph, "y",
                        pt_linear(graph, pt_mul(graph, x, constant), sum, PT_NO_TENSOR, PT_ACTIVATION_NONE));
    ck_ok(pt_graph_status(graph));
    ck_ok(pt_model_create(context, graph, &model));
    pt_graph_free(graph);
    return model;
}

static uint64_t key_of(const char *name)
{
    return pt__random_key(5, pt__hash_bytes(0, name, strlen(name)));
}

START_TEST(test_values_are_as_described_at_any_thread_count)
{
    static float expected[OUT * WIDTH];
    static const int32_t threads[] = {1, 2, 5};
    for (int k = 0; k < 3; k++) {
        pt_context_t *context = dirty_context(threads[k]);
        pt_model_t *model = make(context);
        pt__random_fill_normal(key_of("normal"), 0, OUT * WIDTH, 0, 0.02, expected);
        ck_assert_mem_eq(model->parameters[0].value, expected, sizeof expected);
        pt__random_fill_uniform(key_of("uniform"), 0, OUT * WIDTH, -0.5, 0.5, expected);
        ck_assert_mem_eq(model->parameters[1].value, expected, sizeof expected);
        pt__random_fill_uniform(key_of("linear"), 0, OUT * WIDTH, -0.25, 0.25, expected);
        ck_assert_mem_eq(model->parameters[2].value, expected, sizeof expected);
        for (int i = 0; i < WIDTH; i++)
            ck_assert(model->parameters[3].value[i] == 1.5f);
        for (const float *gap = model->parameters[0].value + OUT * WIDTH; gap < model->parameters[1].value; gap++)
            ck_assert(*gap == 0);
        pt_model_free(model);
        pt_context_free(context);
    }
}
END_TEST

/* Where a task brings no parameters the block stays; where it brings some, the trunk's values go with it. */
START_TEST(test_a_change_of_task_keeps_the_values)
{
    pt_context_t *context = dirty_context(2);
    pt_model_t *model = network_gpt(context);
    const float *block = model->values;
    float trunk[17 * 16], head[3 * 16];
    memcpy(trunk, model->parameters[0].value, sizeof trunk);
    network_set_task(model, PT_TASK_CAUSAL_LM, 0);
    ck_assert_ptr_eq(model->values, block);
    ck_assert_mem_eq(model->parameters[0].value, trunk, sizeof trunk);
    network_set_task(model, PT_TASK_CLASSIFICATION, 3);
    ck_assert_mem_eq(model->parameters[0].value, trunk, sizeof trunk);
    int64_t index = pt__model_find(model, "score.weight");
    ck_assert_int_ge(index, 0);
    pt__random_fill_normal(key_of("score.weight"), 0, 3 * 16, 0, 0.02, head);
    ck_assert_mem_eq(model->parameters[index].value, head, sizeof head);
    for (int64_t i = 0; i + 1 < model->graph->n_parameters; i++) {
        const pt__stored_t *parameter = &model->parameters[i];
        for (const float *gap = parameter->value + parameter->elements; gap < parameter[1].value; gap++)
            ck_assert(*gap == 0);
    }
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

SUITE("initial", 60, test_values_are_as_described_at_any_thread_count, test_a_change_of_task_keeps_the_values)
