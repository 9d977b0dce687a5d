/* Rows that nobody reads: attention gets the queries of those that are read, where each of them sees all keys, and
 * gives the same numbers and gradients. */
#include "plan/layout.h"
#include "support/networks.h"
#include "train/model.h"

enum { WIDTH = 8, SAMPLES = 3, ROWS_IN_ALL = 2 + 5 + 9, CAPACITY = 16 };

typedef struct machine {
    pt_context_t *context;
    pt_model_t *model;
    pt_optimizer_t *optimizer;
} machine_t;

/* Scores of two classes from a row of attention, the first or the last of each sample. `spoilt`: another part of the
 * loss, which is 0, reads all rows. */
static machine_t make(int32_t pooling, uint32_t flags, int32_t masked, int32_t spoilt)
{
    machine_t machine = {.context = network_context(2, 3)};
    pt_graph_t *graph;
    pt_attention_options_t options;
    ck_ok(pt_graph_create(machine.context, &graph));
    ck_ok(pt_attention_options_init(&options, sizeof options));
    options.heads = 2;
    options.flags = flags;
    pt_tensor_t x = pt_input(graph, "x", PT_FLOAT32, 2, (int64_t[]){PT_DIM_TOKENS, WIDTH});
    pt_tensor_t label = pt_input(graph, "label", PT_INT32, 1, (int64_t[]){PT_DIM_BATCH});
    pt_tensor_t mask = pt_input(graph, "mask", PT_FLOAT32, 1, (int64_t[]){PT_DIM_TOKENS});
    if (masked)
        options.key_mask = mask;
    pt_tensor_t query = pt_linear_layer(graph, "query", x, WIDTH, PT_ACTIVATION_NONE);
    pt_tensor_t key = pt_linear_layer(graph, "key", x, WIDTH, PT_ACTIVATION_NONE);
    pt_tensor_t value = pt_linear_layer(graph, "value", x, WIDTH, PT_ACTIVATION_NONE);
    pt_tensor_t hidden = pt_add(graph, x, pt_attention(graph, query, key, value, &options));
    pt_tensor_t row = pt_pool(graph, hidden, pooling);
    if (spoilt)
        row = pt_add(graph, row, pt_scale(graph, pt_pool(graph, hidden, PT_POOL_MEAN), 0.0));
    pt_tensor_t logits = pt_linear_layer(graph, "head", row, 2, PT_ACTIVATION_NONE);
    pt_graph_set_output(graph, "logits", logits);
    ck_ok(pt_graph_set_loss(graph, pt_cross_entropy_loss(graph, logits, label, NULL)));
    ck_ok(pt_model_create(machine.context, graph, &machine.model));
    pt_graph_free(graph);
    machine.optimizer = network_optimizer(machine.context, PT_OPTIMIZER_SGD, 0.5);
    return machine;
}

static void release(machine_t *machine)
{
    pt_optimizer_free(machine->optimizer);
    pt_model_free(machine->model);
    pt_context_free(machine->context);
}

/* How many queries the plan's attention is made for. */
static int64_t queries_of(const machine_t *machine)
{
    pt__plan_t *plan;
    ck_ok(pt__plans_prepare(machine->model, PT__MODE_TRAIN, PT_NO_TENSOR, ROWS(SAMPLES, CAPACITY), &plan));
    for (int64_t i = 0; i < plan->n_steps; i++)
        if (strcmp(plan->calls[i].op->name, "attention") == 0)
            return pt__view_rows(&plan->calls[i].inputs[0], 1);
    ck_abort_msg("a plan without attention");
    return 0;
}

/* A few steps; the weights that they leave. */
static int64_t train(machine_t *machine, float *weights, int64_t capacity)
{
    static float x[ROWS_IN_ALL * WIDTH], mask[ROWS_IN_ALL];
    int64_t lengths[SAMPLES] = {2, 5, 9}, at = 0;
    int32_t labels[SAMPLES] = {0, 1, 1};
    for (int i = 0; i < ROWS_IN_ALL * WIDTH; i++)
        x[i] = (float)((i * 37 + i / 5) % 29) / 14.5f - 1.0f;
    for (int i = 0; i < ROWS_IN_ALL; i++)
        mask[i] = i % 3 == 1 ? 0.0f : 1.0f;
    pt_array_t values[] = {{.name = "x", .data = x, .lengths = lengths, .dtype = PT_FLOAT32},
                           {.name = "label", .data = labels, .dtype = PT_INT32},
                           {.name = "mask", .data = mask, .lengths = lengths, .dtype = PT_FLOAT32}};
    for (int step = 0; step < 5; step++)
        ck_ok(pt_train_step(machine->model, machine->optimizer, values, 3, sizeof values[0], SAMPLES, 0, NULL));
    for (int64_t i = 0; i < pt_model_parameter_count(machine->model); i++) {
        pt_parameter_info_t info = {.struct_size = sizeof info};
        ck_ok(pt_model_parameter_info(machine->model, i, &info));
        ck_assert_int_le(at + info.elements, capacity);
        ck_ok(get_parameter(machine->model, i, weights + at, info.elements));
        at += info.elements;
    }
    return at;
}

START_TEST(test_attention_of_chosen_queries)
{
    static const int32_t poolings[] = {PT_POOL_FIRST, PT_POOL_LAST};
    for (int i = 0; i < 4; i++) {
        float weights[2][512];
        int64_t count = 0;
        for (int spoilt = 0; spoilt < 2; spoilt++) {
            machine_t machine = make(poolings[i % 2], 0, i / 2, spoilt);
            ck_assert_int_eq(queries_of(&machine), spoilt ? CAPACITY : SAMPLES);
            count = train(&machine, weights[spoilt], 512);
            release(&machine);
        }
        for (int64_t k = 0; k < count; k++)
            ck_assert_float_eq_tol(weights[0][k], weights[1][k], 1e-5f);
    }
}
END_TEST

/* Where a query's place says what it sees, all of them stay. */
START_TEST(test_causal_queries_stay)
{
    machine_t machine = make(PT_POOL_FIRST, PT_ATTENTION_CAUSAL, 0, 0);
    ck_assert_int_eq(queries_of(&machine), CAPACITY);
    release(&machine);
}
END_TEST

SUITE("select", 60, test_attention_of_chosen_queries, test_causal_queries_stay)
