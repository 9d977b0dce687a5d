/* Tasks: what each adds to a trunk, which trunks and options it refuses. (That losses and outputs are right is
 * tested in tests/train/.) */
#include "base/text.h"
#include "graph/op.h"
#include "support/failing_allocator.h"
#include "support/suite.h"
#include "tasks/tasks.h"

#include <string.h>

enum { WIDTH = 6, WORDS = 11 };

static pt_context_t *context;

/* tokens -> an embedding, offered as the tied weight where `tied` */
static pt_graph_t *text_trunk(int32_t tied)
{
    pt_graph_t *graph;
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t tokens = pt_input(graph, "tokens", PT_INT32, 1, (int64_t[]){PT_DIM_TOKENS});
    pt_tensor_t weight = pt_parameter(graph, "wte.weight", 2, (int64_t[]){WORDS, WIDTH}, INITIAL(PT_INIT_NORMAL, 0.02));
    ck_ok(pt_graph_set_output(graph, "hidden", pt_embedding(graph, tokens, weight)));
    graph->offer.output_weight = tied ? weight : PT_NO_TENSOR;
    return graph;
}

static pt_graph_t *feature_trunk(void)
{
    pt_graph_t *graph;
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t features = pt_input(graph, "features", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 4});
    ck_ok(pt_graph_set_output(graph, "hidden", pt_linear_layer(graph, "trunk", features, WIDTH, PT_ACTIVATION_RELU)));
    return graph;
}

static pt__task_options_t options_of(const char *task, int64_t outputs)
{
    return (pt__task_options_t){.task = task, .outputs = outputs};
}

static pt_status_t add(const pt__task_options_t *options, pt_graph_t *graph)
{
    const pt__task_t *task;
    pt__error_clear();
    PT__TRY(pt__task_check(options, &task));
    return task->build(options, graph);
}

static void check_shape(const pt_graph_t *graph, pt_tensor_t tensor, int64_t first, int64_t second)
{
    int64_t shape[PT_MAX_RANK] = {0};
    ck_assert_int_eq(pt_graph_shape(graph, tensor, shape), second == 0 ? 1 : 2);
    ck_assert_int_eq(shape[0], first);
    ck_assert_int_eq(shape[1], second);
}

static int64_t count_ops(const pt_graph_t *graph, const char *name)
{
    int64_t count = 0;
    for (int64_t i = 0; i < graph->n_nodes; i++)
        count += strcmp(graph->nodes[i].op->name, name) == 0;
    return count;
}

static void check_trains(
    pt_graph_t *graph) /* a graph that the verifier accepts and whose parameters all get a gradient */
{
    int32_t wanted[8], reached[8] = {0};
    ck_assert_int_le(graph->n_parameters, 8);
    for (int32_t i = 0; i < 8; i++)
        wanted[i] = 1;
    ck_ok(pt__graph_verify(graph));
    ck_ok(pt__graph_append_gradients(graph, wanted, NULL, reached));
    for (int64_t i = 0; i < graph->n_parameters; i++)
        ck_assert_msg(reached[i], "%s", graph->parameters[i].name);
}

START_TEST(test_causal_lm)
{
    ck_ok(pt_context_create(NULL, &context));
    for (int32_t tied = 0; tied < 2; tied++) {
        pt_graph_t *graph = text_trunk(tied);
        pt__task_options_t options = options_of(PT_TASK_CAUSAL_LM, 0);
        ck_ok(add(&options, graph));
        check_shape(graph, pt__graph_output(graph, "logits"), PT_DIM_TOKENS, WORDS);
        check_shape(graph, pt__graph_output(graph, "next_logits"), PT_DIM_BATCH, WORDS);
        ck_assert_int_eq(pt__graph_output(graph, NULL), pt__graph_output(graph, "logits"));
        const pt__tensor_t *labels = pt__graph_tensor(graph, pt__graph_input(graph, "labels")->tensor);
        ck_assert(labels->index_limit == WORDS && labels->index_ignore == PT_IGNORE_INDEX &&
                  labels->shape.dimension == PT__DIMENSION_TOKENS);
        ck_assert(graph->loss != PT_NO_TENSOR && graph->n_metrics == 1);
        ck_assert_str_eq(graph->metrics[0].name, "perplexity");
        ck_assert_int_eq(pt__graph_parameter(graph, "lm_head.weight") == NULL, tied);
        ck_assert_int_eq(graph->n_parameters, tied ? 1 : 2);
        check_trains(graph);
        pt_graph_free(graph);
    }
    pt_context_free(context);
}
END_TEST

START_TEST(test_classification)
{
    static const float weights[] = {1, 0.5f, 2};
    ck_ok(pt_context_create(NULL, &context));
    for (int32_t pooling = PT_POOL_MEAN; pooling <= PT_POOL_MAX + 1; pooling++) {
        int32_t of_features = pooling > PT_POOL_MAX;
        pt_graph_t *graph = of_features ? feature_trunk() : text_trunk(0);
        pt__task_options_t options = options_of(PT_TASK_CLASSIFICATION, 3);
        options.pooling = of_features ? PT_POOL_MEAN : pooling;
        options.dropout = pooling == PT_POOL_LAST ? 0.5 : 0;
        options.label_smoothing = pooling == PT_POOL_LAST ? 0.1 : 0;
        options.per_output = pooling == PT_POOL_LAST ? weights : NULL;
        ck_ok(add(&options, graph));
        check_shape(graph, pt__graph_output(graph, "logits"), PT_DIM_BATCH, 3);
        check_shape(graph, pt__graph_output(graph, "probabilities"), PT_DIM_BATCH, 3);
        ck_assert_int_eq(pt__graph_output(graph, NULL), pt__graph_output(graph, "logits"));
        check_shape(graph, pt__graph_parameter(graph, "score.weight")->tensor, 3, WIDTH);
        check_shape(graph, pt__graph_parameter(graph, "score.bias")->tensor, 3, 0);
        const pt__tensor_t *label = pt__graph_tensor(graph, pt__graph_input(graph, "label")->tensor);
        ck_assert(label->index_limit == 3 && label->index_ignore == PT_IGNORE_INDEX &&
                  label->shape.dimension == PT__DIMENSION_BATCH);
        ck_assert_int_eq(graph->n_metrics, 3);
        ck_assert_str_eq(graph->metrics[0].name, "accuracy");
        ck_assert_str_eq(graph->metrics[1].name, "macro_f1");
        ck_assert_str_eq(graph->metrics[2].name, "calibration_error");
        ck_assert_int_eq(count_ops(graph, "pool"), !of_features);
        ck_assert_int_eq(count_ops(graph, "dropout"), pooling == PT_POOL_LAST);
        ck_assert_int_eq(graph->n_constants, pooling == PT_POOL_LAST);
        check_trains(graph);
        pt_graph_free(graph);
    }
    pt_context_free(context);
}
END_TEST

/* PT_POOL_FAMILY: the family's own head where it has one, else the mean. Another pooling is honoured in both. */
START_TEST(test_family_heads)
{
    static const pt__sample_head_t head = {
        .dense = "inner", .output = "outer", .activation = PT_ACTIVATION_TANH, .drops_first = 1};
    ck_ok(pt_context_create(NULL, &context));
    for (int32_t own = 0; own < 2; own++)
        for (int32_t pooling = PT_POOL_MEAN; pooling <= PT_POOL_FAMILY; pooling += PT_POOL_FAMILY) {
            pt_graph_t *graph = text_trunk(0);
            pt__task_options_t options = options_of(PT_TASK_CLASSIFICATION, 3);
            const int32_t uses_own = own && pooling == PT_POOL_FAMILY;
            options.pooling = pooling;
            if (own) {
                graph->offer.sample_head = &head;
                graph->offer.head = "outer";
                graph->offer.head_dropout = 0.25;
                graph->offer.deviation = 0.5;
            }
            ck_ok(add(&options, graph));
            check_shape(graph, pt__graph_output(graph, "logits"), PT_DIM_BATCH, 3);
            ck_assert_int_eq(pt__graph_parameter(graph, "inner.weight") != NULL, uses_own);
            ck_assert_int_eq(pt__graph_parameter(graph, "outer.weight") != NULL, own);
            ck_assert_int_eq(pt__graph_parameter(graph, "score.weight") != NULL, !own);
            ck_assert_int_eq(count_ops(graph, "dropout"), 2 * uses_own);
            for (int64_t i = 0; i < graph->n_nodes; i++)
                if (graph->nodes[i].op == pt__op_find("pool"))
                    ck_assert_int_eq(graph->nodes[i].attributes.integers[PT__ATTRIBUTE_POOL],
                                     uses_own ? PT_POOL_FIRST : PT_POOL_MEAN);
            if (own)
                ck_assert_double_eq(pt__graph_parameter(graph, "outer.weight")->value, 0.5);
            check_trains(graph);
            pt_graph_free(graph);
        }
    pt_graph_t *graph = feature_trunk();
    pt__task_options_t options = options_of(PT_TASK_CLASSIFICATION, 3);
    options.pooling = PT_POOL_FAMILY;
    ck_ok(add(&options, graph));
    pt_graph_free(graph);
    pt_context_free(context);
}
END_TEST

START_TEST(test_top_five)
{
    ck_ok(pt_context_create(NULL, &context));
    for (int32_t classes = 5; classes <= 6; classes++) {
        pt_graph_t *graph = feature_trunk();
        pt__task_options_t options = options_of(PT_TASK_CLASSIFICATION, classes);
        options.pooling = PT_POOL_FAMILY;
        ck_ok(add(&options, graph));
        ck_assert_int_eq(graph->n_metrics, classes > 5 ? 4 : 3);
        pt_graph_free(graph);
    }
    pt_context_free(context);
}
END_TEST

START_TEST(test_multi_label)
{
    ck_ok(pt_context_create(NULL, &context));
    for (int32_t of_features = 0; of_features < 2; of_features++) {
        pt_graph_t *graph = of_features ? feature_trunk() : text_trunk(1);
        pt__task_options_t options = options_of(PT_TASK_MULTI_LABEL, 3);
        options.positive_weight = 2;
        ck_ok(add(&options, graph));
        check_shape(graph, pt__graph_output(graph, "logits"), PT_DIM_BATCH, 3);
        check_shape(graph, pt__graph_output(graph, "probabilities"), PT_DIM_BATCH, 3);
        check_shape(graph, pt__graph_input(graph, "label")->tensor, PT_DIM_BATCH, 3);
        ck_assert_int_eq(pt__graph_tensor(graph, pt__graph_input(graph, "label")->tensor)->dtype, PT_FLOAT32);
        check_shape(graph, pt__graph_parameter(graph, "score.weight")->tensor, 3, WIDTH);
        ck_assert_int_eq(graph->n_metrics, 2);
        ck_assert_str_eq(graph->metrics[0].name, "micro_f1");
        ck_assert_str_eq(graph->metrics[1].name, "label_accuracy");
        check_trains(graph);
        pt_graph_free(graph);
    }
    pt_context_free(context);
}
END_TEST

START_TEST(test_regression)
{
    ck_ok(pt_context_create(NULL, &context));
    for (int32_t of_features = 0; of_features < 2; of_features++) {
        pt_graph_t *graph = of_features ? feature_trunk() : text_trunk(1);
        pt__task_options_t options = options_of(PT_TASK_REGRESSION, 2);
        ck_ok(add(&options, graph));
        check_shape(graph, pt__graph_output(graph, "prediction"), PT_DIM_BATCH, 2);
        check_shape(graph, pt__graph_input(graph, "target")->tensor, PT_DIM_BATCH, 2);
        check_shape(graph, pt__graph_parameter(graph, "regression.weight")->tensor, 2, WIDTH);
        ck_assert_int_eq(graph->n_metrics, 3);
        ck_assert_str_eq(graph->metrics[2].name, "r2");
        check_trains(graph);
        pt_graph_free(graph);
    }
    pt_context_free(context);
}
END_TEST

/* ---- What is refused ---- */

START_TEST(test_trunks_that_do_not_fit)
{
    static const char *const tasks[] = {PT_TASK_CAUSAL_LM, PT_TASK_CLASSIFICATION, PT_TASK_REGRESSION,
                                        PT_TASK_MULTI_LABEL};
    ck_ok(pt_context_create(NULL, &context));
    for (int32_t t = 0; t < 4; t++) {
        pt_graph_t *graph;
        pt__task_options_t options = options_of(tasks[t], 2);
        options.positive_weight = t == 3;
        ck_ok(pt_graph_create(context, &graph));
        ck_fails(add(&options, graph), PT_ERR_STATE, "hidden");
        pt_tensor_t images = pt_input(graph, "images", PT_FLOAT32, 3, (int64_t[]){PT_DIM_BATCH, 4, 4});
        pt_graph_set_output(graph, "hidden", pt_relu(graph, images));
        ck_fails(add(&options, graph), PT_ERR_SHAPE, "expected float32 [PT_DIM_TOKENS, D] or [PT_DIM_BATCH, D]");
        pt_graph_free(graph);
    }
    pt__task_options_t options = options_of(PT_TASK_CAUSAL_LM, 0);
    pt_graph_t *graph = feature_trunk();
    ck_fails(add(&options, graph), PT_ERR_STATE, "tokens");
    pt_graph_free(graph);

    graph = text_trunk(0); /* tokens, but one row a sample */
    pt_graph_set_output(graph, "hidden", pt_pool(graph, pt__graph_output(graph, "hidden"), PT_POOL_MEAN));
    ck_fails(add(&options, graph), PT_ERR_SHAPE, "one a token");
    pt_graph_free(graph);

    graph = feature_trunk(); /* a network that has a field of the task's name already */
    pt_input(graph, "label", PT_INT32, 1, (int64_t[]){PT_DIM_BATCH});
    options = options_of(PT_TASK_CLASSIFICATION, 2);
    ck_fails(add(&options, graph), PT_ERR_ARGUMENT, "label");
    pt_graph_free(graph);
    pt_context_free(context);
}
END_TEST

START_TEST(test_options_that_do_not_fit)
{
    static const float weights[] = {1, 1};
    ck_ok(pt_context_create(NULL, &context));
    pt_graph_t *graph = text_trunk(1);
    pt__task_options_t options = options_of(PT_TASK_CAUSAL_LM, 2);
    options.per_output = weights;
    ck_fails(add(&options, graph), PT_ERR_ARGUMENT, "class_weights");
    options.task = PT_TASK_REGRESSION;
    ck_fails(add(&options, graph), PT_ERR_ARGUMENT, "class_weights");
    options.per_output = NULL;
    options.label_smoothing = 0.5;
    ck_fails(add(&options, graph), PT_ERR_ARGUMENT, "label_smoothing");
    options.task = PT_TASK_MULTI_LABEL;
    ck_fails(add(&options, graph), PT_ERR_ARGUMENT, "label_smoothing");
    options.label_smoothing = 0;
    options.per_output = weights;
    ck_fails(add(&options, graph), PT_ERR_ARGUMENT, "class_weights");
    options.per_output = NULL;
    ck_fails(add(&options, graph), PT_ERR_ARGUMENT, "positive_weight is 0");
    options.positive_weight = 1;
    options.outputs = 0;
    ck_fails(add(&options, graph), PT_ERR_ARGUMENT, "classes is 0");
    pt_graph_free(graph);
    ck_assert_ptr_null(pt__task_find(NULL));
    ck_assert_ptr_null(pt__task_find("no such"));
    ck_assert_ptr_null(pt__task_at(-1));
    ck_assert_int_eq(pt__task_find(PT_TASK_CAUSAL_LM)->self_supervised, 1);
    ck_assert_int_eq(pt__task_find(PT_TASK_CLASSIFICATION)->self_supervised, 0);
    pt_context_free(context);
}
END_TEST

START_TEST(test_text)
{
    static const float weights[] = {1, 0.1f, 2};
    const pt__task_options_t options = {.task = PT_TASK_CLASSIFICATION,
                                        .outputs = 3,
                                        .pooling = PT_POOL_LAST,
                                        .label_smoothing = 0.1,
                                        .dropout = 1.0 / 3,
                                        .per_output = weights};
    static const char *const refused[] = {"[]", "{\"task\": \"no such\"}", "{\"task\": \"classification\"}",
                                          "{\"task\": null, \"pooling\": \"middle\"}",
                                          "{\"task\": \"classification\", \"outputs\": 2, \"class_weights\": [1]}"};
    pt__task_options_t read;
    float *read_weights;
    char *json;
    ck_ok(pt_context_create(NULL, &context));
    pt__text_t text = pt__text_start(&context->memory);
    pt__task_write(&options, &text);
    ck_ok(pt__text_take(&text, &json, NULL));
    ck_ok(pt__task_read(&context->memory, json, (int64_t)strlen(json), &read, &read_weights));
    ck_assert_str_eq(read.task, options.task);
    ck_assert(read.outputs == 3 && read.pooling == PT_POOL_LAST && read.dropout == options.dropout &&
              read.label_smoothing == options.label_smoothing);
    ck_assert_mem_eq(read.per_output, weights, sizeof weights);
    pt__release(&context->memory, json);
    pt__release(&context->memory, read_weights);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        ck_assert_int_ne(pt__task_read(&context->memory, refused[i], (int64_t)strlen(refused[i]), &read, &read_weights),
                         PT_OK);
    pt_context_free(context);
}
END_TEST

START_TEST(test_text_of_several_labels)
{
    static const struct {
        const char *json;
        double weight; /* 0: it is refused */
    } cases[] = {{"{\"task\": \"multi_label_classification\", \"outputs\": 3}", 1},
                 {"{\"task\": \"multi_label_classification\", \"outputs\": 3, \"positive_weight\": 2.5}", 2.5},
                 {"{\"task\": \"multi_label_classification\", \"outputs\": 3, \"positive_weight\": 0}", 0},
                 {"{\"task\": \"multi_label_classification\", \"outputs\": 3, \"positive_weight\": []}", 0}};
    ck_ok(pt_context_create(NULL, &context));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pt__task_options_t read, again;
        float *weights;
        char *json;
        pt_status_t status = pt__task_read(&context->memory, cases[i].json, (int64_t)strlen(cases[i].json), &read,
                                           &weights);
        ck_assert_int_eq(status == PT_OK, cases[i].weight > 0);
        if (status != PT_OK)
            continue;
        ck_assert_double_eq(read.positive_weight, cases[i].weight);
        pt__text_t text = pt__text_start(&context->memory);
        pt__task_write(&read, &text);
        ck_ok(pt__text_take(&text, &json, NULL));
        ck_ok(pt__task_read(&context->memory, json, (int64_t)strlen(json), &again, &weights));
        ck_assert(again.positive_weight == read.positive_weight && again.outputs == 3);
        ck_assert_str_eq(again.task, PT_TASK_MULTI_LABEL);
        pt__release(&context->memory, json);
    }
    pt_context_free(context);
}
END_TEST

/* Kinds of tokens are a text, of as many digits as there are tokens. */
START_TEST(test_text_of_kinds)
{
    static const float kinds[] = {PT_TOKEN_SPECIAL, 0, PT_TOKEN_CONTINUES, PT_TOKEN_SPECIAL | PT_TOKEN_CONTINUES};
    static const struct {
        const char *json;
        pt_status_t status;
        const char *part;
    } refused[] = {
        {"{\"task\": \"masked_lm\", \"outputs\": 3, \"token_kinds\": \"10\"}", PT_ERR_FORMAT, "3 kinds, found 2"},
        {"{\"task\": \"masked_lm\", \"outputs\": 2, \"token_kinds\": [1, 0]}", PT_ERR_FORMAT, "token_kinds"},
        {"{\"task\": \"masked_lm\", \"outputs\": 2, \"token_kinds\": \"0a\"}", PT_ERR_ARGUMENT, "token_kinds[1]"},
        {"{\"task\": \"masked_lm\", \"outputs\": 2, \"token_kinds\": \"13\"}", PT_ERR_ARGUMENT, "all 2 are special"},
    };
    pt__task_options_t options = {.task = PT_TASK_MASKED_LM, .outputs = 4, .per_output = kinds}, read;
    float *read_kinds;
    char *json;
    ck_ok(pt_context_create(NULL, &context));
    pt__text_t text = pt__text_start(&context->memory);
    options.masking = pt__masking_published;
    pt__task_write(&options, &text);
    ck_ok(pt__text_take(&text, &json, NULL));
    ck_assert_ptr_nonnull(strstr(json, "\"token_kinds\": \"1023\""));
    ck_ok(pt__task_read(&context->memory, json, (int64_t)strlen(json), &read, &read_kinds));
    ck_assert_mem_eq(read.per_output, kinds, sizeof kinds);
    pt__release(&context->memory, json);
    pt__release(&context->memory, read_kinds);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        const char *given = refused[i].json;
        ck_fails(pt__task_read(&context->memory, given, (int64_t)strlen(given), &read, &read_kinds), refused[i].status,
                 refused[i].part);
        ck_assert_ptr_null(read_kinds);
    }
    pt_context_free(context);
}
END_TEST

START_TEST(test_derived_labels)
{
    static const int32_t tokens[] = {3, 4, 5, 6, 7}, offsets[] = {0, 3, 4, 5};
    static const int32_t expected[] = {4, 5, PT_IGNORE_INDEX, PT_IGNORE_INDEX, PT_IGNORE_INDEX};
    const pt__derived_t *derived = pt__task_find(PT_TASK_CAUSAL_LM)->derived;
    const pt__derivation_t derivation = {.from = tokens, .offsets = offsets, .samples = 3};
    int32_t labels[5];
    ck_assert_str_eq(derived->field, "labels");
    ck_assert_str_eq(derived->from, "tokens");
    derived->derive(&derivation, labels);
    ck_assert_mem_eq(labels, expected, sizeof expected);
}
END_TEST

START_TEST(test_failing_allocations)
{
    static const char *const tasks[] = {PT_TASK_CAUSAL_LM, PT_TASK_CLASSIFICATION, PT_TASK_REGRESSION};
    for (int32_t t = 0; t < 3; t++) {
        failing_allocator_t allocator;
        pt_status_t status;
        FOR_EACH_FAILING_ALLOCATION(allocator, {
            pt_context_options_t options;
            pt__task_options_t task = options_of(tasks[t], 2);
            pt_graph_t *graph = NULL;
            context = NULL;
            pt_context_options_init(&options, sizeof options);
            options.threads = 1;
            failing_allocator_hooks(&allocator, &options);
            status = pt_context_create(&options, &context);
            if (status == PT_OK)
                status = pt_graph_create(context, &graph);
            if (status == PT_OK) {
                pt_tensor_t tokens = pt_input(graph, "tokens", PT_INT32, 1, (int64_t[]){PT_DIM_TOKENS});
                pt_tensor_t hidden = pt_embedding_layer(graph, "wte", tokens, WORDS, WIDTH);
                status = pt_graph_set_output(graph, "hidden", hidden);
            }
            if (status == PT_OK)
                status = pt__task_find(task.task)->build(&task, graph);
            pt_graph_free(graph);
            pt_context_free(context);
        }, status);
    }
}
END_TEST

SUITE("tasks", 60, test_causal_lm, test_classification, test_family_heads, test_top_five, test_multi_label,
      test_regression, test_trunks_that_do_not_fit, test_options_that_do_not_fit, test_text,
      test_text_of_several_labels, test_text_of_kinds, test_derived_labels, test_failing_allocations)
