/* What the calls around datasets, metrics and generators refuse, each with the message that says why. NULL in the
 * place of a model, an optimizer or a buffer: test_misuse. */
#include <math.h>
#include <stdio.h>

#include "support/rig.h"

#define REFUSED(call, part) ck_fails(call, PT_ERR_ARGUMENT, part)

static void fetch(void *user, pt_batch_t *batch)
{
    (void)user;
    batch->status = PT_END;
}

static const pt_field_spec_t fields[] = {{.name = "x", .dtype = PT_FLOAT32, .rank = 1, .shape = {10}}};

START_TEST(test_callback_datasets)
{
    pt_context_t *context = network_context(1, 1);
    const uint32_t size = sizeof(pt_field_spec_t);
    pt_dataset_t *data = NULL;
    REFUSED(pt_dataset_create_map(context, fields, 1, size, 4, 0, fetch, NULL, NULL, NULL), "out is NULL");
    REFUSED(pt_dataset_create_map(NULL, fields, 1, size, 4, 0, fetch, NULL, NULL, &data), "context is NULL");
    REFUSED(pt_dataset_create_map(context, NULL, 1, size, 4, 0, fetch, NULL, NULL, &data), "fields is NULL");
    REFUSED(pt_dataset_create_map(context, fields, 1, size, 4, 0, NULL, NULL, NULL, &data), "fetch is NULL");
    REFUSED(pt_dataset_create_map(context, fields, 0, size, 4, 0, fetch, NULL, NULL, &data), "n_fields");
    REFUSED(pt_dataset_create_map(context, fields, 1, size, 4, 0x80, fetch, NULL, NULL, &data), "flags");
    REFUSED(pt_dataset_create_map(context, fields, 1, size, -4, 0, fetch, NULL, NULL, &data), "length");
    REFUSED(pt_dataset_create_stream(context, fields, 1, size, 0, fetch, NULL, NULL, NULL), "out is NULL");
    REFUSED(pt_dataset_create_stream(NULL, fields, 1, size, 0, fetch, NULL, NULL, &data), "context is NULL");
    REFUSED(pt_dataset_create_stream(context, NULL, 1, size, 0, fetch, NULL, NULL, &data), "fields is NULL");
    REFUSED(pt_dataset_create_stream(context, fields, 1, size, 0, NULL, NULL, NULL, &data), "next is NULL");
    REFUSED(pt_dataset_create_stream(context, fields, 0, size, 0, fetch, NULL, NULL, &data), "n_fields");
    REFUSED(pt_dataset_create_stream(context, fields, 1, size, 0x80, fetch, NULL, NULL, &data), "flags");
    ck_assert_ptr_null(data);
    pt_dataset_t *rows = network_linear_data(context, 8);
    REFUSED(pt_dataset_map(NULL, fields, 1, size, 0, NULL, NULL, NULL, &data), "dataset is NULL");
    REFUSED(pt_dataset_map(rows, NULL, 1, size, 0, NULL, NULL, NULL, &data), "is NULL");
    REFUSED(pt_dataset_map(rows, fields, 1, size, 0, NULL, NULL, NULL, &data), "is NULL");
    REFUSED(pt_dataset_map(rows, fields, 1, size, 0, NULL, NULL, NULL, NULL), "out is NULL");
    pt_dataset_free(rows);
    pt_context_free(context);
}
END_TEST

START_TEST(test_file_datasets)
{
    static const pt_column_t columns[] = {{.field = "x", .source = "x", .kind = PT_COLUMN_NUMBER}};
    pt_context_t *context = network_context(1, 1);
    const uint32_t size = sizeof(pt_column_t);
    float x[10] = {0};
    const pt_array_t array = {.name = "x", .dtype = PT_FLOAT32, .rank = 1, .shape = {10}, .data = x};
    pt_dataset_t *data = NULL;
    pt_window_options_t windows;
    ck_ok(pt_window_options_init(&windows, sizeof windows));
    REFUSED(pt_dataset_create_from_arrays(context, &array, 1, sizeof array, 1, 0, NULL), "out is NULL");
    REFUSED(pt_dataset_create_from_arrays(NULL, &array, 1, sizeof array, 1, 0, &data), "context is NULL");
    REFUSED(pt_dataset_create_from_arrays(context, NULL, 1, sizeof array, 1, 0, &data), "arrays is NULL");
    REFUSED(pt_dataset_create_from_arrays(context, &array, 0, sizeof array, 1, 0, &data), "n_arrays");
    REFUSED(pt_dataset_create_from_arrays(context, &array, 1, sizeof array, 1, 0x800, &data), "flags");
    REFUSED(pt_dataset_create_from_text(context, "x", &windows, NULL), "out is NULL");
    REFUSED(pt_dataset_create_from_text(NULL, "x", &windows, &data), "context is NULL");
    REFUSED(pt_dataset_create_from_text(context, NULL, &windows, &data), "path is NULL");
    REFUSED(pt_dataset_create_from_tokens(context, "x", &windows, NULL), "out is NULL");
    REFUSED(pt_dataset_create_from_tokens(NULL, "x", &windows, &data), "context is NULL");
    REFUSED(pt_dataset_create_from_tokens(context, NULL, &windows, &data), "path is NULL");
    REFUSED(pt_dataset_create_from_jsonl(context, "x", columns, 1, size, 0, NULL), "out is NULL");
    REFUSED(pt_dataset_create_from_jsonl(NULL, "x", columns, 1, size, 0, &data), "context is NULL");
    REFUSED(pt_dataset_create_from_jsonl(context, NULL, columns, 1, size, 0, &data), "path is NULL");
    REFUSED(pt_dataset_create_from_jsonl(context, "x", NULL, 1, size, 0, &data), "columns is NULL");
    REFUSED(pt_dataset_create_from_csv(context, "x", columns, 1, size, 0, NULL), "out is NULL");
    REFUSED(pt_dataset_create_from_csv(NULL, "x", columns, 1, size, 0, &data), "context is NULL");
    REFUSED(pt_dataset_create_from_csv(context, NULL, columns, 1, size, 0, &data), "path is NULL");
    REFUSED(pt_dataset_create_from_csv(context, "x", NULL, 1, size, 0, &data), "columns is NULL");
    ck_assert_ptr_null(data);
    pt_context_free(context);
}
END_TEST

START_TEST(test_views_of_datasets)
{
    pt_context_t *context = network_context(1, 1);
    pt_dataset_t *data = network_linear_data(context, 8), *view = NULL, *other = NULL;
    pt_field_spec_t spec;
    float x[100];
    const int64_t index = 0;
    pt_array_t values = {.dtype = PT_FLOAT32, .data = x, .capacity = 100};
    REFUSED(pt_dataset_field(NULL, 0, &spec, sizeof spec), "dataset is NULL");
    REFUSED(pt_dataset_field(data, 0, NULL, sizeof spec), "spec is NULL");
    ck_fails(pt_dataset_field(data, -1, &spec, sizeof spec), PT_ERR_NOT_FOUND, "index is -1, expected 0 to 1");
    ck_fails(pt_dataset_field(data, 2, &spec, sizeof spec), PT_ERR_NOT_FOUND, "index is 2");
    ck_assert_int_eq(pt_dataset_class_count(data, NULL), 0);
    ck_assert_int_eq(pt_dataset_class_count(data, "y"), 0);
    ck_assert_ptr_null(pt_dataset_class_name(data, NULL, 0));
    ck_assert_ptr_null(pt_dataset_class_name(data, "y", 0));
    REFUSED(pt_dataset_subset(NULL, 0, 1, &view), "dataset is NULL");
    REFUSED(pt_dataset_subset(data, 0, 1, NULL), "out is NULL");
    REFUSED(pt_dataset_select(NULL, &index, 1, &view), "dataset is NULL");
    REFUSED(pt_dataset_select(data, &index, 1, NULL), "out is NULL");
    REFUSED(pt_dataset_shuffle(NULL, 1, &view), "dataset is NULL");
    REFUSED(pt_dataset_shuffle(data, 1, NULL), "out is NULL");
    REFUSED(pt_dataset_split(NULL, 0.5, 1, &view, &other), "dataset is NULL");
    REFUSED(pt_dataset_split(data, 0.5, 1, NULL, &other), "first is NULL");
    REFUSED(pt_dataset_split(data, 0.5, 1, &view, NULL), "second is NULL");
    REFUSED(pt_dataset_split(data, 0, 1, &view, &other), "fraction");
    REFUSED(pt_dataset_split(data, 1, 1, &view, &other), "fraction");
    REFUSED(pt_dataset_split(data, 0.01, 1, &view, &other), "0.01");
    REFUSED(pt_dataset_read(NULL, NULL, 8, "x", &values, sizeof values), "dataset is NULL");
    REFUSED(pt_dataset_read(data, NULL, 8, NULL, &values, sizeof values), "field is NULL");
    REFUSED(pt_dataset_read(data, NULL, 8, "x", NULL, sizeof values), "values");
    ck_assert_ptr_null(view);
    ck_assert_ptr_null(other);
    ck_assert_ptr_null(pt_batch_input(NULL, "x"));
    ck_assert_ptr_null(pt_batch_field(NULL, "x"));
    pt_dataset_free(data);
    pt_context_free(context);
}
END_TEST

/* ---- Metrics ---- */

typedef struct metrics {
    pt_graph_t *graph;
    pt_tensor_t x, y, label, score, tall, loss, parameter;
} metrics_t;

static metrics_t metrics_up(pt_context_t *context)
{
    metrics_t m;
    ck_ok(pt_graph_create(context, &m.graph));
    m.x = pt_input(m.graph, "x", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 10});
    m.y = pt_input(m.graph, "y", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 3});
    m.label = pt_input(m.graph, "label", PT_INT32, 1, (int64_t[]){PT_DIM_BATCH});
    m.tall = pt_input(m.graph, "tall", PT_INT32, 2, (int64_t[]){PT_DIM_BATCH, 2});
    m.score = pt_linear_layer(m.graph, "linear", m.x, 3, PT_ACTIVATION_NONE);
    m.parameter = pt_parameter(m.graph, "free", 1, (int64_t[]){1}, INITIAL(PT_INIT_CONSTANT, 0));
    m.loss = pt_mse_loss(m.graph, m.score, m.y, NULL);
    ck_ok(pt_graph_status(m.graph));
    return m;
}

/* Each on a graph of its own, as the first error sticks. */
#define METRIC_REFUSED(call, status, part)                \
    do {                                                  \
        metrics_t m = metrics_up(context);                \
        ck_fails(call, status, part);                     \
        ck_fails(pt_graph_status(m.graph), status, part); \
        ck_fails(call, status, part); /* it sticks */     \
        pt_graph_free(m.graph);                           \
    } while (0)

START_TEST(test_metrics)
{
    pt_context_t *context = network_context(1, 1);
    REFUSED(pt_graph_set_metric(NULL, "accuracy", 1, 2), "NULL");
    REFUSED(pt_graph_set_metric_ratio(NULL, "x", 1, 2, PT_METRIC_LOWER), "NULL");
    METRIC_REFUSED(pt_graph_set_metric(m.graph, NULL, m.score, m.label), PT_ERR_ARGUMENT, "name is NULL");
    METRIC_REFUSED(pt_graph_set_metric(m.graph, "beauty", m.score, m.label), PT_ERR_NOT_FOUND, "\"accuracy\"");
    METRIC_REFUSED(pt_graph_set_metric(m.graph, "loss", m.score, m.label), PT_ERR_NOT_FOUND, "\"loss\"");
    METRIC_REFUSED(pt_graph_set_metric(m.graph, "perplexity", m.score, PT_NO_TENSOR), PT_ERR_ARGUMENT,
                   "reads the loss alone");
    METRIC_REFUSED(pt_graph_set_metric(m.graph, "perplexity", PT_NO_TENSOR, m.score), PT_ERR_ARGUMENT,
                   "reads the loss alone");
    METRIC_REFUSED(pt_graph_set_metric(m.graph, "accuracy", PT_NO_TENSOR, m.label), PT_ERR_ARGUMENT, "expected two");
    METRIC_REFUSED(pt_graph_set_metric(m.graph, "accuracy", m.score, 9999), PT_ERR_ARGUMENT, "9999");
    METRIC_REFUSED(pt_graph_set_metric(m.graph, "accuracy", m.label, m.label), PT_ERR_SHAPE, "float32 [..., classes]");
    METRIC_REFUSED(pt_graph_set_metric(m.graph, "accuracy", m.score, m.y), PT_ERR_SHAPE, "int32");
    METRIC_REFUSED(pt_graph_set_metric(m.graph, "accuracy", m.score, m.tall), PT_ERR_SHAPE, "[B, 2]");
    METRIC_REFUSED(pt_graph_set_metric(m.graph, "accuracy", m.loss, m.label), PT_ERR_SHAPE, "int32 [...]");
    METRIC_REFUSED(pt_graph_set_metric(m.graph, "mse", m.score, m.x), PT_ERR_SHAPE, "of one shape");
    METRIC_REFUSED(pt_graph_set_metric(m.graph, "mse", m.label, m.label), PT_ERR_SHAPE, "float32 of one shape");
    METRIC_REFUSED(pt_graph_set_metric(m.graph, "mse", m.parameter, m.parameter), PT_ERR_ARGUMENT,
                   "neither an input nor computed");
    metrics_t m = metrics_up(context);
    ck_ok(pt_graph_set_metric(m.graph, "accuracy", m.score, m.label));
    ck_ok(pt_graph_set_metric(m.graph, "accuracy", m.score, m.label)); /* in place of the first */
    ck_ok(pt_graph_set_metric(m.graph, "mse", m.score, m.y));
    pt_graph_free(m.graph);
    pt_context_free(context);
}
END_TEST

START_TEST(test_ratios)
{
    pt_context_t *context = network_context(1, 1);
    char name[80];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    METRIC_REFUSED(pt_graph_set_metric_ratio(m.graph, "own", m.loss, PT_NO_TENSOR, 7), PT_ERR_ARGUMENT,
                   "direction is 7");
    METRIC_REFUSED(pt_graph_set_metric_ratio(m.graph, "own", m.score, PT_NO_TENSOR, PT_METRIC_LOWER), PT_ERR_SHAPE,
                   "numerator is ");
    METRIC_REFUSED(pt_graph_set_metric_ratio(m.graph, "own", m.loss, m.label, PT_METRIC_HIGHER), PT_ERR_SHAPE,
                   "denominator is ");
    METRIC_REFUSED(pt_graph_set_metric_ratio(m.graph, "own", 9999, PT_NO_TENSOR, PT_METRIC_LOWER), PT_ERR_ARGUMENT,
                   "numerator is tensor 9999");
    METRIC_REFUSED(pt_graph_set_metric_ratio(m.graph, NULL, m.loss, PT_NO_TENSOR, PT_METRIC_LOWER), PT_ERR_ARGUMENT,
                   "the name is NULL");
    METRIC_REFUSED(pt_graph_set_metric_ratio(m.graph, "", m.loss, PT_NO_TENSOR, PT_METRIC_LOWER), PT_ERR_ARGUMENT,
                   "the name is empty");
    METRIC_REFUSED(pt_graph_set_metric_ratio(m.graph, name, m.loss, PT_NO_TENSOR, PT_METRIC_LOWER), PT_ERR_ARGUMENT,
                   "79 bytes long, at most 63");
    METRIC_REFUSED(pt_graph_set_metric_ratio(m.graph, "\xff", m.loss, PT_NO_TENSOR, PT_METRIC_LOWER), PT_ERR_ARGUMENT,
                   "UTF-8");
    METRIC_REFUSED(pt_graph_set_metric_ratio(m.graph, "loss", m.loss, PT_NO_TENSOR, PT_METRIC_LOWER), PT_ERR_ARGUMENT,
                   "the loss' own");
    METRIC_REFUSED(pt_graph_set_metric_ratio(m.graph, "own", m.parameter, PT_NO_TENSOR, PT_METRIC_LOWER),
                   PT_ERR_ARGUMENT, "neither an input nor computed");
    metrics_t m = metrics_up(context);
    for (int i = 0; i < 16; i++) {
        snprintf(name, sizeof name, "metric %d", i);
        ck_ok(pt_graph_set_metric_ratio(m.graph, name, m.loss, i % 2 ? m.loss : PT_NO_TENSOR, PT_METRIC_LOWER));
    }
    ck_ok(pt_graph_set_metric_ratio(m.graph, name, m.loss, PT_NO_TENSOR, PT_METRIC_HIGHER));
    ck_fails(pt_graph_set_metric_ratio(m.graph, "one more", m.loss, PT_NO_TENSOR, PT_METRIC_LOWER), PT_ERR_UNSUPPORTED,
             "16 metrics");
    pt_graph_free(m.graph);
    pt_context_free(context);
}
END_TEST

/* ---- Numbers that are none ---- */

#define OP_REFUSED(call, part)                                                                   \
    do {                                                                                         \
        pt_graph_t *graph;                                                                       \
        ck_ok(pt_graph_create(rig.context, &graph));                                             \
        pt_tensor_t x = pt_input(graph, "x", PT_FLOAT32, 2, (const int64_t[]){PT_DIM_BATCH, 4}); \
        ck_assert_int_ne(x, PT_NO_TENSOR);                                                       \
        ck_assert_int_eq(call, PT_NO_TENSOR);                                                    \
        REFUSED(pt_graph_status(graph), part);                                                   \
        pt_graph_free(graph);                                                                    \
    } while (0)

/* A NaN's sign is chance, and no message tells it. */
START_TEST(test_nan)
{
    const double nan = copysign(NAN, -1);
    rig_t rig = rig_linear(8);
    pt_optimizer_t *optimizer = NULL;
    pt_generator_t *generator = NULL;
    pt_dataset_t *first, *second;
    pt_optimizer_options_t rule;
    pt_train_options_t train;
    pt_generate_options_t generate;
    pt_window_options_t window;
    const pt_column_t column = {.field = "x", .source = "x", .kind = PT_COLUMN_NUMBER, .missing = nan};
    pt_attention_options_t attention;
    pt_parameter_options_t parameter;
    ck_ok(pt_attention_options_init(&attention, sizeof attention));
    ck_ok(pt_parameter_options_init(&parameter, sizeof parameter));
    attention.heads = 1;
    attention.scale = nan;
    parameter.value = nan;
    OP_REFUSED(pt_parameter(graph, "p", 1, (const int64_t[]){4}, &parameter), "value nan is out of range");
    OP_REFUSED(pt_attention(graph, x, x, x, &attention), "scale nan, expected");
    attention.scale = 0;
    attention.dropout = nan;
    OP_REFUSED(pt_attention(graph, x, x, x, &attention), "dropout nan, expected");
    OP_REFUSED(pt_dropout(graph, x, nan), "probability nan, expected");
    OP_REFUSED(pt_layer_norm_layer(graph, "n", x, nan), "epsilon nan, expected");
    OP_REFUSED(pt_batch_norm_layer(graph, "n", x, 0.1, nan), "epsilon nan, expected");
    OP_REFUSED(pt_batch_norm_layer(graph, "n", x, nan, 1e-5), "momentum nan, expected");
    OP_REFUSED(pt_huber_loss(graph, x, x, nan, NULL), " nan, expected");
    const size_t offsets[] = {offsetof(pt_optimizer_options_t, learning_rate),
                              offsetof(pt_optimizer_options_t, weight_decay), offsetof(pt_optimizer_options_t, beta1),
                              offsetof(pt_optimizer_options_t, beta2_decay),
                              offsetof(pt_optimizer_options_t, update_limit)};
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        ck_ok(pt_optimizer_options_init(&rule, sizeof rule));
        memcpy((char *)&rule + offsets[i], &nan, sizeof nan);
        REFUSED(pt_optimizer_create(rig.context, &rule, &optimizer), " is nan, expected");
    }
    ck_ok(pt_train_options_init(&train, sizeof train));
    train.time_budget = nan;
    REFUSED(pt_finetune(rig.model, rig.optimizer, rig.data, &train, NULL), "time_budget is nan");
    REFUSED(pt_optimizer_set_learning_rate(rig.optimizer, nan), "learning_rate is nan");
    REFUSED(pt_dataset_split(rig.data, nan, 1, &first, &second), "fraction is nan");
    ck_ok(pt_generate_options_init(&generate, sizeof generate));
    generate.top_p = nan;
    REFUSED(pt_generator_create(rig.model, &generate, &generator), "top_p is nan");
    ck_ok(pt_window_options_init(&window, sizeof window));
    window.start = nan;
    REFUSED(pt_dataset_create_from_text(rig.context, "x", &window, &first), "start nan and end 1");
    REFUSED(pt_dataset_create_from_csv(rig.context, "x", &column, 1, sizeof column, NULL, &first), "missing is nan");
    const pt_array_t view = {.dtype = PT_FLOAT64, .data = view_data(&nan), .rank = 1, .shape = {1}};
    pt_graph_t *graph;
    ck_ok(pt_graph_create(rig.context, &graph));
    ck_assert_int_eq(pt_constant(graph, PT_INT32, &view, sizeof view), PT_NO_TENSOR);
    REFUSED(pt_graph_status(graph), "element 0 is nan (float64), which does not fit int32");
    pt_graph_free(graph);
    rig_free(&rig);
}
END_TEST

/* ---- Models ---- */

START_TEST(test_models)
{
    rig_t rig = rig_linear(8);
    pt_context_t *elsewhere = network_context(1, 1);
    pt_dataset_t *foreign = network_linear_data(elsewhere, 8);
    pt_optimizer_t *stranger = network_optimizer(elsewhere, PT_OPTIMIZER_SGD, 0.1);
    pt_graph_t *graph;
    pt_model_t *model = NULL;
    pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
    pt_estimate_t estimate = {.struct_size = sizeof estimate};
    pt_train_options_t options = rig_options(1, 2);
    float values[16];
    REFUSED(pt_pretrain(rig.model, rig.optimizer, foreign, &options, NULL), "dataset belongs to another context");
    REFUSED(pt_pretrain(rig.model, stranger, rig.data, &options, NULL), "optimizer belongs to another context");
    options.evaluation = foreign;
    REFUSED(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, NULL), "evaluation dataset belongs to another");
    REFUSED(pt_evaluate(rig.model, foreign, 0, &evaluation), "belongs to another context");
    REFUSED(predict_floats(rig.model, foreign, NULL, 0, values, 16, NULL), "belongs to another context");
    REFUSED(pt_train_step(rig.model, stranger, NULL, 0, sizeof(pt_array_t), 1, 0, NULL), "belongs to another context");
    REFUSED(pt_model_estimate(rig.model, NULL, 1, NULL, 1, sizeof(pt_dim_rows_t), &estimate), "rows is NULL");
    ck_fails(pt_model_estimate(rig.model, NULL, 1, &(pt_dim_rows_t){NULL, 4}, 1, sizeof(pt_dim_rows_t), &estimate),
             PT_ERR_NOT_FOUND, "no dimension \"NULL\"");
    ck_fails(pt_model_estimate(rig.model, NULL, 1, &(pt_dim_rows_t){"moons", 4}, 1, sizeof(pt_dim_rows_t), &estimate),
             PT_ERR_NOT_FOUND, "moons");
    REFUSED(pt_model_estimate(rig.model, NULL, 1, &(pt_dim_rows_t){"tokens", -4}, 1, sizeof(pt_dim_rows_t), &estimate),
            "-4");
    ck_ok(pt_graph_create(rig.context, &graph));
    pt_tensor_t parameter = pt_parameter(graph, "alone", 1, (int64_t[]){4}, INITIAL(PT_INIT_CONSTANT, 0));
    ck_ok(pt_graph_set_output(graph, "out", pt_relu(graph, parameter)));
    REFUSED(pt_model_create(rig.context, graph, &model), "inputs");
    REFUSED(pt_model_create(elsewhere, graph, &model), "another context");
    pt_graph_free(graph);
    pt_model_t *gpt = network_gpt(rig.context);
    ck_fails(pt_model_estimate(gpt, NULL, 1, TOKEN_ROWS(4), &estimate), PT_ERR_STATE, "no loss");
    ck_assert_int_eq(pt_model_metric_count(NULL), 0);
    ck_assert_int_eq(pt_model_metric_count(gpt), 0);
    pt_model_free(gpt);
    pt_optimizer_free(stranger);
    pt_dataset_free(foreign);
    pt_context_free(elsewhere);
    rig_free(&rig);
}
END_TEST

START_TEST(test_generators)
{
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = network_gpt(context);
    pt_generator_t *generator = NULL;
    pt_generate_options_t options;
    const int32_t tokens[] = {1, 2, 3};
    int64_t lengths[] = {3}, live;
    ck_ok(pt_generate_options_init(&options, sizeof options));
    options.count = 2;
    REFUSED(pt_generator_create(NULL, &options, &generator), "model is NULL");
    REFUSED(pt_generator_create(model, &options, NULL), "out is NULL");
    ck_fails(pt_generator_create(model, &options, &generator), PT_ERR_STATE, "language model");
    network_set_task(model, PT_TASK_CAUSAL_LM, 0);
    options.top_k = -1;
    REFUSED(pt_generator_create(model, &options, &generator), "top_k");
    options.top_k = 0;
    options.top_p = -0.5;
    REFUSED(pt_generator_create(model, &options, &generator), "top_p");
    options.top_p = 0;
    options.reserved = 1;
    REFUSED(pt_generator_create(model, &options, &generator), "pt_generate_options.reserved is 1, expected 0");
    options.reserved = 0;
    ck_assert_ptr_null(generator);
    ck_ok(pt_generator_create(model, &options, &generator));
    ck_assert_int_ne(pt_generator_step(generator, &live), PT_OK); /* nothing was begun */
    REFUSED(begin_prompts(NULL, tokens, lengths, 1), "generator");
    ck_ok(begin_prompts(generator, tokens, lengths, 1));
    ck_ok(pt_generator_step(generator, NULL));
    REFUSED(pt_generator_step(NULL, &live), "generator");
    REFUSED(pt_generator_run(NULL, NULL, NULL), "generator");
    REFUSED(read_tokens(NULL, 0, NULL, NULL, 0, &live, NULL), "generator");
    REFUSED(read_tokens(generator, -1, NULL, NULL, 0, &live, NULL), "-1");
    REFUSED(read_tokens(generator, 1, NULL, NULL, 0, &live, NULL), "1");
    ck_ok(read_tokens(generator, 0, NULL, NULL, 0, &live, NULL));
    ck_assert_int_eq(live, 1);
    pt_generator_free(generator);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

SUITE("refusals", 60, test_callback_datasets, test_file_datasets, test_views_of_datasets, test_metrics, test_ratios,
      test_nan, test_models, test_generators)
