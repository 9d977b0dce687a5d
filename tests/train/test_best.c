/* Named metrics from end to end: a host's own network names some, stages stop early and keep the best by one of
 * them, and data of which no label counts is told. */
#include "support/rig.h"
#include "support/views.h"

#include <math.h>

/* The network of every tutorial with r2, and the mean error as a metric of the host's own. */
static pt_model_t *make_model(pt_context_t *context)
{
    pt_graph_t *graph;
    pt_model_t *model;
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t x = pt_input(graph, "x", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 10});
    pt_tensor_t y = pt_input(graph, "y", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 1});
    pt_tensor_t prediction = pt_linear_layer(graph, "linear", x, 1, PT_ACTIVATION_NONE);
    pt_graph_set_output(graph, "prediction", prediction);
    pt_graph_set_loss(graph, pt_mse_loss(graph, prediction, y, NULL));
    ck_ok(pt_graph_set_metric(graph, "r2", prediction, y));
    pt_tensor_t error = pt_sum(graph, pt_sum(graph, pt_sub(graph, prediction, y), 1, 0), 0, 0);
    ck_ok(pt_graph_set_metric_ratio(graph, "bias", error, PT_NO_TENSOR, PT_METRIC_LOWER));
    ck_ok(pt_model_create(context, graph, &model));
    pt_graph_free(graph);
    return model;
}

START_TEST(test_best_by_r2)
{
    pt_context_t *context = network_context(1, 5);
    pt_model_t *model = make_model(context);
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_SGD, 0.1);
    pt_dataset_t *data = network_linear_data(context, 64);
    pt_train_options_t options = rig_options(0, 8);
    pt_train_result_t result = {.struct_size = sizeof result};
    pt_metric_info_t info = {.struct_size = sizeof info};
    ck_assert_int_eq(pt_model_metric_count(model), 3);
    ck_ok(pt_model_metric_info(model, 1, &info));
    ck_assert_str_eq(info.name, "r2");
    ck_assert_int_eq(info.direction, PT_METRIC_HIGHER);
    ck_assert(isnan(info.value) && isnan(pt_model_metric_value(model, "loss")));
    ck_fails(pt_model_metric_info(model, 3, &info), PT_ERR_ARGUMENT, "there are 3");
    options.epochs = 1000;
    options.evaluation = data;
    options.patience = 3;
    options.improvement = 1e-3;
    options.flags = PT_TRAIN_KEEP_BEST;
    options.best_metric = "accuracy";
    ck_fails(pt_pretrain(model, optimizer, data, &options, &result), PT_ERR_NOT_FOUND, "\"loss\", \"r2\", \"bias\"");
    options.best_metric = "r2";
    ck_ok(pt_pretrain(model, optimizer, data, &options, &result));
    ck_assert_int_eq(result.reason, PT_REASON_EARLY);
    ck_assert_int_eq(result.best_step, result.steps - 3 * 8);
    ck_assert_double_gt(result.best_value, 0.99);
    pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
    ck_ok(pt_evaluate(model, data, 7, &evaluation));
    ck_assert_double_eq_tol(pt_model_metric_value(model, "r2"), result.best_value, 1e-6);
    ck_assert_double_eq(pt_model_metric_value(model, "loss"), evaluation.loss);
    ck_assert_double_lt(fabs(pt_model_metric_value(model, "bias")), 0.05);
    ck_assert(isnan(pt_model_metric_value(model, "no such")));
    pt_dataset_free(data);
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

static void count_warnings(void *user, int32_t level, const char *message)
{
    int32_t *warnings = user;
    warnings[0] += level == PT_LOG_WARNING && strstr(message, "nothing is learnt from it") != NULL;
    warnings[1] += level == PT_LOG_WARNING && strstr(message, "the evaluation's loss is NaN") != NULL;
    warnings[2] += level == PT_LOG_WARNING && strstr(message, "group \"*.wieght\" matches no parameter") != NULL;
}

START_TEST(test_no_label_counts)
{
    static const int32_t tokens[] = {1, 2, 3, 4}, labels[] = {-100, -100, -100, -100};
    static const int64_t lengths[] = {2, 2};
    int32_t warnings[3] = {0};
    pt_context_options_t hooks;
    pt_context_t *context;
    ck_ok(pt_context_options_init(&hooks, sizeof hooks));
    hooks.threads = 1;
    hooks.log = count_warnings;
    hooks.log_user = warnings;
    ck_ok(pt_context_create(&hooks, &context));
    pt_model_t *model = network_gpt(context);
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_SGD, 0.1);
    pt_array_t arrays[] = {{.name = "tokens",
                            .dtype = PT_INT32,
                            .rank = 1,
                            .shape = {PT_DIM_TOKENS},
                            .max_length = 2,
                            .data = view_data(tokens),
                            .lengths = view_data(lengths)},
                           {.name = "labels",
                            .dtype = PT_INT32,
                            .rank = 1,
                            .shape = {PT_DIM_TOKENS},
                            .max_length = 2,
                            .data = view_data(labels),
                            .lengths = view_data(lengths)}};
    pt_dataset_t *data;
    ck_ok(pt_dataset_create_from_arrays(context, arrays, 2, sizeof(pt_array_t), 2, 0, &data));
    pt_train_options_t options = rig_options(3, 2);
    pt_train_result_t result = {.struct_size = sizeof result};
    pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
    pt_group_options_t group;
    ck_ok(pt_group_options_init(&group, sizeof group));
    ck_ok(pt_optimizer_add_group(optimizer, "*.weight", &group));
    ck_ok(pt_optimizer_add_group(optimizer, "*.wieght", &group));
    options.evaluation = data;
    options.evaluate_every = 1;
    ck_ok(pt_pretrain(model, optimizer, data, &options, &result));
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(warnings[i], 1);
    ck_assert(isnan(result.loss));
    ck_ok(pt_evaluate(model, data, 0, &evaluation));
    ck_assert(isnan(evaluation.loss) && isnan(pt_model_metric_value(model, "perplexity")));
    pt_dataset_free(data);
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

SUITE("best", 60, test_best_by_r2, test_no_label_counts)
