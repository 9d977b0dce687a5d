/* Rewriting graphs: what is kept is equal, what is put in trains as PyTorch trains it, what goes is told. The rewrite
 * that is proved here puts low-rank additions beside linear layers (Hu 2021):
 *
 *   linear(x, W, b) -> linear(x, W, b) + alpha / rank · linear(linear(x, A), B)     A, B new, W and b frozen */
#include "graph/rewrite.h"

#include <math.h>

#include "support/failing_allocator.h"
#include "support/golden.h"
#include "support/networks.h"
#include "train/model.h"
#include "support/views.h"

enum { RANK = 2, STEPS = 20, SAMPLES = 5 };
static const double alpha = 3;

static pt_status_t keep(pt__rewrite_t *self, const pt__node_t *node)
{
    return pt__rewrite_keep(self, node);
}

static char *print(const pt_graph_t *graph)
{
    static char text[2][40000];
    static int turn;
    size_t length;
    turn = !turn;
    ck_ok(pt_graph_print(graph, text[turn], sizeof text[turn], &length));
    ck_assert_uint_lt(length, sizeof text[turn]);
    return text[turn];
}

/* Everything that a graph can have: the family's network with its task, and what hosts add. */
static pt_graph_t *everything(const pt_model_t *model)
{
    pt_graph_t *graph;
    ck_ok(pt__graph_copy(model->graph, &graph));
    pt_tensor_t extra = pt_input(graph, "extra", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 3});
    pt_tensor_t shift = constant_of(graph, PT_FLOAT32, 1, (int64_t[]){3}, (float[]){1, 2, 3});
    pt_tensor_t scaled = pt_mul(graph, pt_dropout(graph, extra, 0.5), shift);
    pt_parameter(graph, "unused", 1, (int64_t[]){3}, INITIAL(PT_INIT_CONSTANT, 2));
    ck_ok(pt_graph_set_output(graph, "scaled", scaled));
    return graph;
}

START_TEST(test_identity)
{
    pt_context_t *context = network_context(1, 3);
    pt_model_t *model = network_gpt(context);
    network_set_task(model, PT_TASK_CLASSIFICATION, 3);
    pt_graph_t *graph = everything(model), *rewritten, *twice;
    for (int backward = 0; backward < 2; backward++) {
        int32_t wanted[100], reached[100];
        for (int i = 0; i < 100; i++)
            wanted[i] = 1;
        if (backward)
            ck_ok(pt__graph_append_gradients(graph, wanted, NULL, reached));
        pt_tensor_t *map = calloc((size_t)graph->n_tensors, sizeof *map);
        ck_ok(pt__graph_rewrite(graph, keep, NULL, map, &rewritten));
        ck_ok(pt__graph_verify(rewritten));
        ck_assert_str_eq(print(graph), print(rewritten));
        ck_assert_int_eq(rewritten->n_tensors, graph->n_tensors);
        for (int64_t i = 0; i < graph->n_tensors; i++) {
            ck_assert_int_eq(map[i], i);
            ck_assert_int_eq(rewritten->tensors[i].index_limit, graph->tensors[i].index_limit);
            ck_assert_int_eq(rewritten->tensors[i].index_ignore, graph->tensors[i].index_ignore);
            ck_assert_int_eq(rewritten->tensors[i].differentiable, graph->tensors[i].differentiable);
        }
        ck_assert_int_eq(rewritten->loss, graph->loss);
        ck_assert_int_eq(rewritten->offer.output_weight, graph->offer.output_weight);
        ck_assert_int_eq(rewritten->draws, graph->draws);
        ck_assert_int_eq(rewritten->length_limit[PT__DIMENSION_TOKENS], 12);
        ck_ok(pt__graph_rewrite(rewritten, keep, NULL, map, &twice));
        ck_assert_str_eq(print(graph), print(twice));
        pt_graph_free(twice);
        pt_graph_free(rewritten);
        free(map);
    }
    pt_graph_free(graph);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* ---- Low-rank additions ---- */

static int32_t is_chosen(const char *name, const char *const *chosen)
{
    for (; *chosen != NULL; chosen++)
        if (strstr(name, *chosen) != NULL)
            return 1;
    return 0;
}

/* user: names of weights to add to, or parts of them, up to NULL. A: [RANK, inputs], B: [outputs, RANK], zeros. */
static pt_status_t add_low_rank(pt__rewrite_t *self, const pt__node_t *node)
{
    pt_graph_t *to = self->to;
    const pt__op_t *linear = pt__op_find("linear");
    const pt__tensor_t *weight = node->op == linear ? &self->from->tensors[node->inputs[1]] : NULL;
    if (weight == NULL || weight->kind != PT__KIND_PARAMETER ||
        !is_chosen(self->from->parameters[weight->place].name, self->user))
        return pt__rewrite_keep(self, node);
    int64_t in_out = node->attributes.integers[1];
    char name[PT_MAX_NAME];
    snprintf(name, sizeof name, "%s", self->from->parameters[weight->place].name);
    char *end = strrchr(name, '.');
    snprintf(end, sizeof name - (size_t)(end - name), ".A");
    pt_tensor_t a = pt_parameter(to, name, 2, (int64_t[]){RANK, weight->shape.size[in_out ? 0 : 1]},
                                 INITIAL(PT_INIT_NORMAL, 1));
    snprintf(end, sizeof name - (size_t)(end - name), ".B");
    pt_tensor_t b = pt_parameter(to, name, 2, (int64_t[]){weight->shape.size[in_out ? 1 : 0], RANK},
                                 INITIAL(PT_INIT_CONSTANT, 0));
    pt_tensor_t x = pt__rewrite_of(self, node->inputs[0]), inputs[PT__MAX_INPUTS];
    PT__TRY(pt__rewrite_inputs(self, node, inputs));
    pt__attributes_t attributes = node->attributes;
    attributes.integers[0] = PT_ACTIVATION_NONE;
    pt_tensor_t base = pt__graph_add(to, linear, node->n_inputs, inputs, &attributes);
    pt_tensor_t low = pt_linear(to, pt_linear(to, x, a, PT_NO_TENSOR, PT_ACTIVATION_NONE), b, PT_NO_TENSOR,
                                PT_ACTIVATION_NONE);
    pt_tensor_t sum = pt_add(to, base, pt_scale(to, low, alpha / RANK));
    self->map[node->outputs[1]] = sum;
    switch (node->attributes.integers[0]) {
    case PT_ACTIVATION_NONE:
        self->map[node->outputs[0]] = sum;
        break;
    case PT_ACTIVATION_TANH:
        self->map[node->outputs[0]] = pt_tanh(to, sum);
        break;
    default:
        return pt__fail(PT_ERR_UNSUPPORTED, "an activation that this test has no use for");
    }
    return to->status;
}

static pt_model_t *adapted(pt_context_t *context, const pt_graph_t *graph, const char *const *chosen)
{
    pt_tensor_t *map = calloc((size_t)graph->n_tensors, sizeof *map);
    pt_graph_t *rewritten;
    pt_model_t *model;
    ck_ok(pt__graph_rewrite(graph, add_low_rank, (void *)(uintptr_t)chosen, map, &rewritten));
    ck_ok(pt_model_create(context, rewritten, &model));
    pt_graph_free(rewritten);
    free(map);
    return model;
}

static void set(pt_model_t *model, const char *name)
{
    float values[64];
    int64_t index, count = golden_floats(name, values, 64);
    ck_ok(pt_model_parameter_find(model, name, &index));
    ck_ok(set_parameter(model, index, values, count));
}

static void check_final(const pt_model_t *model, const char *name)
{
    char key[64];
    float values[64], expected[64];
    int64_t index;
    snprintf(key, sizeof key, "final %s", name);
    int64_t count = golden_floats(key, expected, 64);
    ck_ok(pt_model_parameter_find(model, name, &index));
    ck_ok(get_parameter(model, index, values, count));
    for (int64_t i = 0; i < count; i++)
        ck_assert_msg(fabs((double)values[i] - (double)expected[i]) <= 1e-4, "%s[%d] is %g, expected %g", name, (int)i,
                      (double)values[i], (double)expected[i]);
}

static void build_golden(pt_graph_t *graph)
{
    pt_tensor_t x = pt_input(graph, "x", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 6});
    pt_tensor_t label = pt_input(graph, "label", PT_INT32, 1, (int64_t[]){PT_DIM_BATCH});
    pt_tensor_t hidden = pt_linear_layer(graph, "a", x, 8, PT_ACTIVATION_TANH);
    hidden = pt_add(graph, hidden, pt_linear_layer(graph, "b", hidden, 8, PT_ACTIVATION_NONE));
    pt_tensor_t logits = pt_linear_layer(graph, "c", hidden, 4, PT_ACTIVATION_NONE);
    pt_graph_set_loss(graph, pt_cross_entropy_loss(graph, logits, label, NULL));
}

static pt_graph_t *golden_network(pt_context_t *context)
{
    pt_graph_t *graph;
    ck_ok(pt_graph_create(context, &graph));
    build_golden(graph);
    ck_ok(pt_graph_status(graph));
    return graph;
}

START_TEST(test_low_rank_as_pytorch)
{
    static const char *const held[] = {"a.weight", "a.bias", "b.weight", "b.bias", "c.weight", "c.bias"};
    static const char *const learning[] = {"a.A", "a.B", "c.A", "c.B"};
    static const char *const chosen[] = {"a.weight", "c.weight", NULL};
    float x[STEPS * SAMPLES * 6], base[64], after[64];
    double losses[STEPS], labels[STEPS * SAMPLES];
    pt_context_t *context = network_context(2, 3);
    pt_graph_t *graph = golden_network(context);
    pt_model_t *model = adapted(context, graph, chosen);
    pt_optimizer_options_t options;
    pt_optimizer_t *optimizer;
    golden_read("tests/golden/low_rank.txt");
    golden_floats("x", x, STEPS * SAMPLES * 6);
    golden_numbers("labels", labels, STEPS * SAMPLES);
    golden_numbers("loss", losses, STEPS);
    for (int i = 0; i < 6; i++)
        set(model, held[i]);
    for (int i = 0; i < 4; i++)
        set(model, learning[i]);
    ck_ok(pt_model_set_trainable(model, "*", 0, NULL));
    ck_ok(pt_model_set_trainable(model, "*.A", 1, NULL));
    ck_ok(pt_model_set_trainable(model, "*.B", 1, NULL));
    ck_assert_int_eq(pt__store_learnable_elements(&model->store), RANK * (8 + 6 + 4 + 8));
    ck_ok(pt_optimizer_options_init(&options, sizeof options));
    options.kind = PT_OPTIMIZER_ADAMW;
    options.learning_rate = 0.02;
    options.weight_decay = 0.01;
    ck_ok(pt_optimizer_create(context, &options, &optimizer));
    ck_ok(get_parameter(model, 0, base, 8 * 6));
    for (int step = 0; step < STEPS; step++) {
        int32_t label[SAMPLES];
        for (int i = 0; i < SAMPLES; i++)
            label[i] = (int32_t)labels[step * SAMPLES + i];
        pt_array_t values[] = {{.name = "x", .data = x + step * SAMPLES * 6, .dtype = PT_FLOAT32},
                               {.name = "label", .data = label, .dtype = PT_INT32}};
        pt_step_result_t result = {.struct_size = sizeof result};
        ck_ok(pt_train_step(model, optimizer, values, 2, sizeof(pt_array_t), SAMPLES, 0, &result));
        ck_assert_msg(fabs(result.loss - losses[step]) <= 1e-4, "step %d: loss %g, expected %g", step, result.loss,
                      losses[step]);
    }
    for (int i = 0; i < 4; i++)
        check_final(model, learning[i]);
    ck_ok(get_parameter(model, 0, after, 8 * 6));
    ck_assert_mem_eq(base, after, 8 * 6 * sizeof *base);
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_graph_free(graph);
    pt_context_free(context);
}
END_TEST

/* With B = 0 the forward pass has the bits that it has without additions, dropout included, whose masks are the same: a
 * trunk is rewritten, then gets its task. With another seed the loss is another one: dropout is on. */
START_TEST(test_dropout_masks_stay)
{
    static const char *const chosen[] = {"c_attn.weight", "c_proj.weight", NULL};
    int32_t tokens[8 * 12];
    double losses[3];
    for (int i = 0; i < 8 * 12; i++)
        tokens[i] = (i * 7 + i / 5) % 17;
    pt_array_t value = {.name = "tokens", .data = tokens, .dtype = PT_INT32, .lengths = NULL};
    int64_t lengths[8] = {12, 12, 12, 12, 12, 12, 12, 12};
    value.lengths = lengths;
    for (int turn = 0; turn < 3; turn++) {
        pt_context_t *context = network_context(2, turn == 2 ? 4 : 3);
        pt_model_t *plain = network_gpt(context);
        pt_model_t *model = turn == 1 ? adapted(context, plain->trunk, chosen) : plain;
        if (turn == 1) {
            ck_assert_int_gt(model->trunk->n_nodes, plain->trunk->n_nodes + 2 * 3 * 3);
            ck_ok(pt_model_copy(model, plain));
        }
        pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_SGD, 0.1);
        pt_step_result_t result = {.struct_size = sizeof result};
        network_set_task(model, PT_TASK_CAUSAL_LM, 0);
        ck_ok(pt_train_step(model, optimizer, &value, 1, sizeof(pt_array_t), 8, PT_STEP_ACCUMULATE, &result));
        losses[turn] = result.loss;
        pt_optimizer_free(optimizer);
        if (turn == 1)
            pt_model_free(plain);
        pt_model_free(model);
        pt_context_free(context);
    }
    ck_assert_mem_eq(&losses[0], &losses[1], sizeof *losses);
    ck_assert_mem_ne(&losses[0], &losses[2], sizeof *losses);
}
END_TEST

/* ---- What goes wrong ---- */

static pt_status_t drop_linear(pt__rewrite_t *self, const pt__node_t *node)
{
    return node->op == pt__op_find("linear") ? PT_OK : pt__rewrite_keep(self, node);
}

static pt_status_t drop_loss(pt__rewrite_t *self, const pt__node_t *node)
{
    return node->op->flags & PT__OP_LOSS ? PT_OK : pt__rewrite_keep(self, node);
}

static pt_status_t refuse(pt__rewrite_t *self, const pt__node_t *node)
{
    (void)self;
    return pt__fail(PT_ERR_UNSUPPORTED, "no %s here", node->op->name);
}

/* Leaves the graph in error and says nothing of it. */
static pt_status_t build_wrong(pt__rewrite_t *self, const pt__node_t *node)
{
    pt_relu(self->to, 77);
    return node == NULL ? PT_ERR_INTERNAL : PT_OK;
}

START_TEST(test_what_goes_is_told)
{
    pt_context_t *context = network_context(1, 3);
    pt_graph_t *graph = golden_network(context), *rewritten;
    pt_tensor_t map[100];
    ck_fails(pt__graph_rewrite(graph, drop_linear, NULL, map, &rewritten), PT_ERR_INTERNAL, "rewrite left out tensor");
    ck_assert_ptr_null(rewritten);
    ck_fails(pt__graph_rewrite(graph, refuse, NULL, map, &rewritten), PT_ERR_UNSUPPORTED, "no linear here");
    ck_fails(pt__graph_rewrite(graph, build_wrong, NULL, map, &rewritten), PT_ERR_ARGUMENT, "77");
    ck_ok(pt__graph_rewrite(graph, drop_loss, NULL, map, &rewritten));
    ck_assert_int_eq(rewritten->loss, PT_NO_TENSOR);
    ck_assert_int_eq(map[graph->loss], PT_NO_TENSOR);
    pt_graph_free(rewritten);
    pt_relu(graph, 77); /* sticks */
    ck_fails(pt__graph_rewrite(graph, keep, NULL, map, &rewritten), PT_ERR_ARGUMENT, "77");
    pt_graph_free(graph);
    pt_context_free(context);
}
END_TEST

START_TEST(test_failing_allocations)
{
    static const char *const chosen[] = {"a.weight", "c.weight", NULL};
    failing_allocator_t allocator;
    pt_status_t status;
    FOR_EACH_FAILING_ALLOCATION(allocator, {
        pt_context_options_t options;
        pt_context_t *context = NULL;
        pt_graph_t *graph = NULL;
        pt_graph_t *rewritten = NULL;
        pt_tensor_t map[100];
        ck_ok(pt_context_options_init(&options, sizeof options));
        options.threads = 1;
        failing_allocator_hooks(&allocator, &options);
        status = pt_context_create(&options, &context);
        if (status == PT_OK)
            status = pt_graph_create(context, &graph);
        if (status == PT_OK) {
            build_golden(graph);
            status = pt_graph_status(graph);
        }
        if (status == PT_OK)
            status = pt__graph_rewrite(graph, add_low_rank, (void *)(uintptr_t)chosen, map, &rewritten);
        pt_graph_free(rewritten);
        pt_graph_free(graph);
        pt_context_free(context);
    }, status);
}
END_TEST

SUITE("rewrite", 60, test_identity, test_low_rank_as_pytorch, test_dropout_masks_stay, test_what_goes_is_told,
      test_failing_allocations)
