/* The store: values of new parameters are what was described, whoever draws them and when; what a change of task
 * keeps. */
#include <stdlib.h>

#include "base/hash.h"
#include "base/random.h"
#include "support/networks.h"
#include "train/model.h"
#include "support/views.h"

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
    pt_tensor_t normal = pt_parameter(graph, "normal", 2, shape, INITIAL(PT_INIT_NORMAL, 0.02));
    pt_tensor_t uniform = pt_parameter(graph, "uniform", 2, shape, INITIAL(PT_INIT_UNIFORM, 0.5));
    pt_tensor_t linear = pt_parameter(graph, "linear", 2, shape, INITIAL(PT_INIT_LINEAR, 16));
    pt_tensor_t constant = pt_parameter(graph, "constant", 1, row, INITIAL(PT_INIT_CONSTANT, 1.5));
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

static const float *values_of(const pt_model_t *model, int64_t index)
{
    return model->store.tensors[index].value;
}

/* Tensors from first to before end follow each other in one block, gaps zero. */
static void check_gaps(const pt_model_t *model, int64_t first, int64_t end)
{
    for (int64_t i = first; i < end; i++) {
        int64_t elements = model->store.tensors[i].elements;
        for (int64_t k = elements; k < pt__padded(elements); k++)
            ck_assert(values_of(model, i)[k] == 0);
        if (i + 1 < end)
            ck_assert_ptr_eq(values_of(model, i) + pt__padded(elements), values_of(model, i + 1));
    }
}

START_TEST(test_values_are_as_described_at_any_thread_count)
{
    static float expected[OUT * WIDTH];
    static const int32_t threads[] = {1, 2, 5};
    for (int k = 0; k < 3; k++) {
        pt_context_t *context = dirty_context(threads[k]);
        pt_model_t *model = make(context);
        ck_ok(pt__store_materialize(&model->store));
        pt__random_fill_normal(key_of("normal"), 0, OUT * WIDTH, 0, 0.02, expected);
        ck_assert_mem_eq(model->store.tensors[0].value, expected, sizeof expected);
        pt__random_fill_uniform(key_of("uniform"), 0, OUT * WIDTH, -0.5, 0.5, expected);
        ck_assert_mem_eq(model->store.tensors[1].value, expected, sizeof expected);
        pt__random_fill_uniform(key_of("linear"), 0, OUT * WIDTH, -0.25, 0.25, expected);
        ck_assert_mem_eq(model->store.tensors[2].value, expected, sizeof expected);
        for (int i = 0; i < WIDTH; i++)
            ck_assert(values_of(model, 3)[i] == 1.5f);
        check_gaps(model, 0, 4);
        pt_model_free(model);
        pt_context_free(context);
    }
}
END_TEST

/* A change of task moves no trunk: only the new head is drawn, in memory of its own, and the old one's is given
 * back. */
START_TEST(test_a_change_of_task_moves_no_trunk)
{
    pt_context_t *context = dirty_context(2);
    pt_model_t *model = network_gpt(context);
    const float *before[64];
    float trunk[17 * 16], head[3 * 16];
    ck_ok(pt__store_materialize(&model->store));
    const int64_t count = model->store.count;
    ck_assert_int_lt(count, 64);
    check_gaps(model, 0, count);
    for (int64_t i = 0; i < count; i++)
        before[i] = values_of(model, i);
    memcpy(trunk, before[0], sizeof trunk);
    network_set_task(model, PT_TASK_CAUSAL_LM, 0);
    ck_ok(pt__store_materialize(&model->store));
    int64_t held = 0;
    for (int32_t round = 0; round < 6; round++) {
        network_set_task(model, PT_TASK_CLASSIFICATION, 3 + round % 2);
        for (int64_t i = 0; i < count; i++)
            ck_assert_ptr_eq(values_of(model, i), before[i]);
        ck_assert_ptr_null(values_of(model, count));
        ck_ok(pt__store_materialize(&model->store));
        ck_assert_mem_eq(before[0], trunk, sizeof trunk);
        check_gaps(model, 0, count);
        check_gaps(model, count, model->store.count);
        if (round == 0)
            held = pt_context_bytes(context);
        if (round % 2 == 0) {
            ck_assert_int_eq(pt_context_bytes(context), held);
            int64_t index = pt__store_find(&model->store, "score.weight");
            ck_assert_int_ge(index, 0);
            pt__random_fill_normal(key_of("score.weight"), 0, 3 * 16, 0, 0.02, head);
            ck_assert_mem_eq(values_of(model, index), head, sizeof head);
        }
    }
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* Nothing is held for values before they are needed; what a host sets is not drawn over; and what is not set is
 * drawn as ever. */
START_TEST(test_memory_and_values_come_when_needed)
{
    static float ones[OUT * WIDTH], found[OUT * WIDTH], expected[OUT * WIDTH];
    pt_context_t *context = dirty_context(2);
    int64_t empty = pt_context_bytes(context);
    pt_model_t *model = make(context);
    ck_assert_int_lt(pt_context_bytes(context) - empty, OUT * WIDTH * 4);
    for (int i = 0; i < OUT * WIDTH; i++)
        ones[i] = 1;
    ck_ok(set_parameter(model, 1, ones, OUT * WIDTH));
    ck_assert_int_gt(pt_context_bytes(context) - empty, 3 * OUT * WIDTH * 4);
    ck_ok(get_parameter(model, 1, found, OUT * WIDTH));
    ck_assert_mem_eq(found, ones, sizeof ones);
    pt__random_fill_normal(key_of("normal"), 0, OUT * WIDTH, 0, 0.02, expected);
    ck_ok(get_parameter(model, 0, found, OUT * WIDTH));
    ck_assert_mem_eq(found, expected, sizeof expected);
    pt_model_t *other = make(context);
    ck_ok(pt_model_copy(other, model));
    ck_ok(get_parameter(other, 1, found, OUT * WIDTH));
    ck_assert_mem_eq(found, ones, sizeof ones);
    pt_model_free(other);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

START_TEST(test_names_are_found)
{
    pt_context_t *context = dirty_context(1);
    pt_model_t *model = network_gpt(context);
    for (int64_t i = 0; i < model->store.count; i++)
        ck_assert_int_eq(pt__store_find(&model->store, model->store.tensors[i].name), i);
    ck_assert_int_eq(pt__store_find(&model->store, ""), -1);
    ck_assert_int_eq(pt__store_find(&model->store, "transformer"), -1);
    ck_assert_int_eq(pt__store_find(&model->store, "zzz"), -1);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

SUITE("store", 60, test_values_are_as_described_at_any_thread_count, test_a_change_of_task_moves_no_trunk,
      test_memory_and_values_come_when_needed, test_names_are_found)
