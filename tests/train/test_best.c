/* Named metrics from end to end: a host's own network names some, stages stop early and keep the best by one of
 * them, and data of which no label counts is told. */
#include "support/rig.h"
#include "support/views.h"

#include <math.h>

/* The network of every tutorial with r2, and the mean error, less `shift`, as a metric of the host's own. */
static pt_model_t *make_model(pt_context_t *context, float shift)
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
    pt_tensor_t error = pt_sub(graph, pt_sub(graph, prediction, y), constant_of(graph, PT_FLOAT32, 0, NULL, &shift));
    error = pt_sum(graph, pt_sum(graph, error, 1, 0), 0, 0);
    ck_ok(pt_graph_set_metric_ratio(graph, "bias", error, PT_NO_TENSOR, PT_METRIC_LOWER));
    ck_ok(pt_model_create(context, graph, &model));
    pt_graph_free(graph);
    return model;
}

START_TEST(test_best_by_r2)
{
    pt_context_t *context = network_context(1, 5);
    pt_model_t *model = make_model(context, 0);
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

/* A stage of at most 40 steps in the directory, by that metric, from a model that is made anew; `*after` is what the
 * metric says of the weights that the stage leaves. */
static pt_train_result_t go_on(const char *directory, const char *metric, int64_t steps, double rate, int32_t patience,
                               double *after)
{
    pt_context_t *context = network_context(1, 5);
    pt_model_t *model = make_model(context, 10);
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_SGD, rate);
    pt_dataset_t *data = network_linear_data(context, 64);
    pt_train_options_t options = rig_options(steps, 8);
    pt_train_result_t result = {.struct_size = sizeof result};
    pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
    options.evaluation = data;
    options.evaluate_every = 1;
    options.patience = patience;
    options.improvement = 1e-3;
    options.best_metric = metric;
    options.flags = PT_TRAIN_KEEP_BEST | PT_TRAIN_RESUME;
    options.checkpoint_directory = suite_path(directory);
    ck_ok(pt_pretrain(model, optimizer, data, &options, &result));
    ck_ok(pt_evaluate(model, data, 8, &evaluation));
    *after = pt_model_metric_value(model, metric);
    pt_dataset_free(data);
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
    return result;
}

/* What is best by one value, and for how long nothing was better, says nothing of another: a stage that goes on by the
 * same keeps it, one that goes on by another begins anew. The mean error less 10 is below zero and rises from the
 * first step on, so that no loss would ever be better than it. */
START_TEST(test_resume_by_another_metric)
{
    double after;
    for (int other = 0; other < 2; other++) {
        const char *directory = other ? "other" : "same";
        pt_train_result_t first = go_on(directory, "bias", 4, 0.1, 0, &after);
        ck_assert_int_eq(first.best_step, 1);
        ck_assert_double_lt(first.best_value, 0);
        ck_assert_double_eq_tol(after, first.best_value, 1e-6);
        pt_train_result_t second = go_on(directory, other ? "loss" : "bias", 40, 1e-12, 5, &after);
        ck_assert_int_eq(second.reason, PT_REASON_EARLY);
        ck_assert_int_eq(second.best_step, other ? 5 : 1);
        ck_assert_int_eq(second.steps, other ? 6 : 2); /* 5 without gain, or the 2 that are left after 3 before */
        ck_assert(other ? second.best_value > 0 : second.best_value == first.best_value);
        ck_assert_double_eq_tol(after, second.best_value, 1e-6);
    }
}
END_TEST

typedef struct course { /* of an evaluation's accuracy, by step */
    pt_model_t *model;
    double accuracy[100];
} course_t;

static void note_accuracy(void *user, pt_event_t *event)
{
    course_t *course = user;
    if (event->kind == PT_EVENT_EVALUATION) {
        course->accuracy[event->step] = pt_model_metric_value(course->model, "accuracy");
        ck_assert_double_eq(event->evaluation_metric, course->accuracy[event->step]);
    }
    event->action = PT_ACTION_GO_ON;
}

/* The most accurate wins, the first of several, whatever the loss goes on to do. */
START_TEST(test_early_by_accuracy)
{
    static course_t course;
    pt_context_t *context = network_context(1, 5);
    pt_dataset_t *data = network_text_data(context, 40, 2);
    pt_train_result_t results[2] = {{.struct_size = sizeof *results}, {.struct_size = sizeof *results}};
    for (int by_loss = 0; by_loss < 2; by_loss++) {
        pt_model_t *model = network_gpt(context);
        network_set_task(model, PT_TASK_CLASSIFICATION, 2);
        pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAM, 0.01);
        pt_train_options_t options = rig_options(99, 8);
        options.evaluation = data;
        options.evaluate_every = 1;
        options.patience = 6;
        options.best_metric = by_loss ? NULL : "accuracy";
        course.model = model;
        if (!by_loss) {
            options.event = note_accuracy;
            options.event_user = &course;
        }
        ck_ok(pt_finetune(model, optimizer, data, &options, &results[by_loss]));
        pt_optimizer_free(optimizer);
        pt_model_free(model);
    }
    int64_t best = 1;
    for (int64_t step = 1; step <= results[0].steps; step++)
        if (course.accuracy[step] > course.accuracy[best])
            best = step;
    ck_assert_int_eq(results[0].reason, PT_REASON_EARLY);
    ck_assert_int_gt(best, 1);
    ck_assert_int_eq(results[0].best_step, best);
    ck_assert_double_eq(results[0].best_value, course.accuracy[best]);
    ck_assert_int_eq(results[0].steps, best + 6);
    ck_assert_int_gt(results[1].steps, results[0].steps);
    pt_dataset_free(data);
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

SUITE("best", 60, test_best_by_r2, test_resume_by_another_metric, test_early_by_accuracy, test_no_label_counts)
