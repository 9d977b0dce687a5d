/* How parameters and states begin: by an initializer or with values of the host's, learning or frozen; and what becomes
 * of that in training, in files and under another task. */
#include <math.h>
#include <string.h>

#include "support/failing_allocator.h"
#include "support/networks.h"
#include "support/views.h"

enum { IN = 3, OUT = 2, SAMPLES = 4 };

static const int64_t of_weight[] = {OUT, IN};
/* among them a denormal number and a negative zero, which must come out as they went in */
static const float given[OUT * IN] = {0.5f, -1.25f, 1e-40f, -0.0f, 3.0000002f, -7};

static pt_parameter_options_t options_of(const pt_array_t *values, uint32_t flags)
{
    pt_parameter_options_t options;
    ck_ok(pt_parameter_options_init(&options, sizeof options));
    options.flags = flags;
    options.values = values;
    options.array_size = (uint32_t)sizeof *values;
    return options;
}

static pt_graph_t *fresh(pt_context_t *context)
{
    pt_graph_t *graph;
    ck_ok(pt_graph_create(context, &graph));
    return graph;
}

/* Of as many columns as there are numbers in a row of a weight. */
static pt_tensor_t input(pt_graph_t *graph, int64_t width)
{
    return pt_input(graph, "x", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, width});
}

/* x [B, IN] -> batch norm, whose states are given -> "given", times a weight -> "hidden"; and "free", added. */
static pt_model_t *make_model(pt_context_t *context, uint32_t flags)
{
    pt_graph_t *graph = fresh(context);
    pt_model_t *model;
    const pt_array_t values = {.dtype = PT_FLOAT32, .data = view_data(given), .elements = OUT * IN};
    const double means[IN] = {0.25, -1, 2};
    const pt_array_t mean = {.dtype = PT_FLOAT64, .rank = 1, .shape = {IN}, .data = view_data(means)};
    pt_parameter_options_t options = options_of(&values, flags), state = options_of(&mean, flags);
    const int64_t width[] = {IN}, outputs[] = {OUT};
    pt_tensor_t x = input(graph, IN);
    pt_tensor_t y = pt_input(graph, "y", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, OUT});
    pt_tensor_t running_mean = pt_state(graph, "mean", 1, width, &state);
    pt_tensor_t variance = pt_state(graph, "variance", 1, width, INITIAL(PT_INIT_CONSTANT, 1));
    pt_tensor_t weight = pt_parameter(graph, "given", 2, of_weight, &options);
    pt_tensor_t bias = pt_parameter(graph, "free", 1, outputs, NULL);
    x = pt_batch_norm(graph, x, running_mean, variance, PT_NO_TENSOR, PT_NO_TENSOR, 0.5, 1e-5);
    pt_tensor_t hidden = pt_linear(graph, x, weight, bias, PT_ACTIVATION_NONE);
    ck_ok(pt_graph_set_output(graph, "hidden", hidden));
    ck_ok(pt_graph_set_loss(graph, pt_mse_loss(graph, hidden, y, NULL)));
    ck_ok(pt_model_create(context, graph, &model));
    pt_graph_free(graph);
    return model;
}

static pt_parameter_info_t get(const pt_model_t *model, const char *name, float *values)
{
    pt_parameter_info_t info = {.struct_size = sizeof info};
    int64_t index;
    ck_ok(pt_model_parameter_find(model, name, &index));
    ck_ok(pt_model_parameter_info(model, index, &info));
    ck_ok(get_parameter(model, index, values, info.elements));
    return info;
}

static void train(pt_model_t *model, pt_optimizer_t *optimizer)
{
    static const float x[SAMPLES * IN] = {1, 2, 3, -1, 0, 2, 5, 1, -2, 0, 1, 1},
                                   y[SAMPLES * OUT] = {1, 0, -2, 1, 3, 1, 0, 2};
    const pt_array_t values[] = {{.name = "x", .dtype = PT_FLOAT32, .data = view_data(x)},
                                 {.name = "y", .dtype = PT_FLOAT32, .data = view_data(y)}};
    for (int i = 0; i < 3; i++)
        ck_ok(pt_train_step(model, optimizer, values, 2, sizeof values[0], SAMPLES, 0, NULL));
}

/* One parameter of these options, as a model has it. */
static void get_only(pt_context_t *context, const pt_parameter_options_t *options, int64_t size, float *values)
{
    pt_graph_t *graph = fresh(context);
    pt_model_t *model;
    pt_tensor_t parameter = pt_parameter(graph, "p", 1, &size, options);
    ck_ok(pt_graph_set_output(graph, "y", pt_mul(graph, input(graph, 1), parameter)));
    ck_ok(pt_model_create(context, graph, &model));
    pt_graph_free(graph);
    get(model, "p", values);
    pt_model_free(model);
}

START_TEST(test_values)
{
    pt_context_t *context = network_context(1, 1), *other = network_context(2, 99);
    pt_graph_t *graph = fresh(context);
    pt_model_t *models[4];
    float lent[OUT * IN], values[OUT * IN];
    memcpy(lent, given, sizeof lent);
    const pt_array_t view = {.dtype = PT_FLOAT32, .rank = 2, .shape = {OUT, IN}, .data = lent};
    const pt_parameter_options_t options = options_of(&view, 0);
    pt_tensor_t weight = pt_parameter(graph, "w", 2, of_weight, &options);
    ck_ok(pt_graph_set_output(graph, "y", pt_linear(graph, input(graph, IN), weight, PT_NO_TENSOR, 0)));
    memset(lent, 0xFF, sizeof lent); /* they were copied */
    ck_ok(pt_model_create(context, graph, &models[0]));
    ck_ok(pt_model_create(context, graph, &models[1]));
    pt_graph_free(graph);
    ck_ok(pt_model_share(NULL, models[0], &models[2]));
    ck_ok(pt_model_share(other, models[0], &models[3]));
    for (int i = 0; i < 4; i++) {
        const pt_parameter_info_t info = get(models[i], "w", values);
        ck_assert_mem_eq(values, given, sizeof given);
        ck_assert_int_eq(info.trainable, 1);
        ck_assert_int_eq(info.dtype, PT_FLOAT32);
        pt_model_free(models[i]);
    }
    pt_context_free(context);
    pt_context_free(other);
}
END_TEST

/* What a dataset's fields must be for a model. */
START_TEST(test_inputs)
{
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = network_gpt(context), *linear = network_linear(context);
    pt_input_info_t info = {.struct_size = sizeof info};
    ck_assert_int_eq(pt_model_input_count(model), 1);
    ck_ok(pt_model_input_info(model, 0, &info));
    ck_assert_str_eq(info.name, "tokens");
    ck_assert(info.dtype == PT_INT32 && info.rank == 1 && info.shape[0] == PT_DIM_TOKENS);
    ck_assert(info.index_limit == 17 && info.row_limit == 12);
    ck_ok(pt_model_set_task(model, PT_TASK_CAUSAL_LM, NULL));
    ck_assert_int_eq(pt_model_input_count(model), 2);
    ck_ok(pt_model_input_info(model, 1, &info));
    ck_assert_str_eq(info.name, "labels");
    ck_ok(pt_model_input_info(linear, 0, &info));
    ck_assert(info.dtype == PT_FLOAT32 && info.rank == 1 && info.shape[0] == 10);
    ck_assert(info.index_limit == 0 && info.row_limit == 0);
    pt_model_free(model);
    pt_model_free(linear);
    pt_context_free(context);
}
END_TEST

START_TEST(test_values_of_other_dtypes)
{
    pt_context_t *context = network_context(1, 1);
    float values[3];
    const double doubles[] = {0.1, -2, 1e-3};
    const int8_t bytes[] = {-128, 0, 127};
    const uint16_t halves[] = {0x3C00, 0xC000, 0x0001}, brains[] = {0x3F80, 0xC000, 0x0001};
    const struct {
        pt_array_t view;
        float expected[3];
    } cases[] = {
        {{.dtype = PT_FLOAT64, .rank = 1, .shape = {3}, .data = view_data(doubles)}, {0.1f, -2, 1e-3f}},
        {{.dtype = PT_INT8, .elements = 3, .data = view_data(bytes)}, {-128, 0, 127}},
        {{.dtype = PT_FLOAT16, .elements = 3, .data = view_data(halves)}, {1, -2, 0x1p-24f}},
        {{.dtype = PT_BFLOAT16, .elements = 3, .data = view_data(brains)}, {1, -2, 0x1p-133f}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const pt_parameter_options_t options = options_of(&cases[i].view, 0);
        get_only(context, &options, 3, values);
        ck_assert_mem_eq(values, cases[i].expected, sizeof values);
    }
    pt_context_free(context);
}
END_TEST

START_TEST(test_initializers)
{
    enum { MANY = 4096 };
    static float values[MANY], again[MANY];
    pt_context_t *context = network_context(1, 1);
    static const struct {
        int32_t initializer;
        double value, deviation, bound;
    } cases[] = {{PT_INIT_CONSTANT, 1.5, 0, 1.5},
                 {PT_INIT_NORMAL, 0.5, 0.5, 5},
                 {PT_INIT_UNIFORM, 0.5, 0.5 / 1.7320508, 0.5},
                 {PT_INIT_LINEAR, 16, 0.25 / 1.7320508, 0.25}};
    get_only(context, NULL, MANY, values); /* nothing said: zeros */
    for (int i = 0; i < MANY; i++)
        ck_assert(values[i] == 0 && !signbit(values[i]));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double sum = 0, squares = 0, most = 0;
        get_only(context, INITIAL(cases[i].initializer, cases[i].value), MANY, values);
        get_only(context, INITIAL(cases[i].initializer, cases[i].value), MANY, again);
        ck_assert_mem_eq(values, again, sizeof values);
        for (int k = 0; k < MANY; k++) {
            sum += (double)values[k];
            squares += (double)values[k] * (double)values[k];
            most = fmax(most, fabs((double)values[k]));
        }
        ck_assert_double_le(most, cases[i].bound);
        double mean = sum / MANY, deviation = sqrt(fmax(squares / MANY - mean * mean, 0));
        ck_assert_double_eq_tol(mean, cases[i].initializer == PT_INIT_CONSTANT ? 1.5 : 0, 0.03);
        ck_assert_double_eq_tol(deviation, cases[i].deviation, 0.02);
    }
    pt_context_free(context);
}
END_TEST

START_TEST(test_frozen)
{
    pt_context_t *context = network_context(1, 1);
    static const float means[IN] = {0.25f, -1, 2};
    for (uint32_t flags = 0; flags <= PT_PARAMETER_FROZEN; flags += PT_PARAMETER_FROZEN) {
        const int32_t is_frozen = flags != 0;
        pt_model_t *model = make_model(context, flags);
        pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAMW, 0.1);
        float weight[OUT * IN], mean[IN], bias[OUT], variance[IN];
        pt_estimate_t estimate = {.struct_size = sizeof estimate};
        ck_ok(pt_model_estimate(model, optimizer, SAMPLES, NULL, 0, sizeof(pt_dim_rows_t), &estimate));
        ck_assert_int_eq(estimate.trainable, is_frozen ? OUT : OUT + OUT * IN);
        train(model, optimizer);
        ck_assert_int_eq(get(model, "given", weight).trainable, !is_frozen);
        const pt_parameter_info_t state = get(model, "mean", mean);
        ck_assert_int_eq(state.trainable, !is_frozen);
        ck_assert_int_eq(state.role, PT_ROLE_STATE);
        ck_assert_int_eq(memcmp(weight, given, sizeof given) == 0, is_frozen);
        ck_assert_int_eq(memcmp(mean, means, sizeof means) == 0, is_frozen);
        get(model, "free", bias);
        get(model, "variance", variance);
        ck_assert(bias[0] < 0 || bias[0] > 0);

        ck_ok(pt_model_set_trainable(model, "given", 1, NULL)); /* and learns from then on */
        train(model, optimizer);
        get(model, "given", weight);
        ck_assert(memcmp(weight, given, sizeof given) != 0);
        pt_optimizer_free(optimizer);
        pt_model_free(model);
    }
    pt_context_free(context);
}
END_TEST

START_TEST(test_another_task)
{ /* what the model says of a tensor of the trunk goes before what its description said */
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = make_model(context, PT_PARAMETER_FROZEN);
    float values[OUT * IN];
    network_set_task(model, PT_TASK_CLASSIFICATION, 2);
    ck_assert_int_eq(get(model, "given", values).trainable, 0);
    ck_assert_mem_eq(values, given, sizeof given);
    ck_ok(pt_model_set_trainable(model, "given", 1, NULL));
    network_set_task(model, PT_TASK_CLASSIFICATION, 3);
    ck_assert_int_eq(get(model, "given", values).trainable, 1);
    ck_ok(pt_model_set_task(model, NULL, NULL));
    ck_assert_int_eq(get(model, "given", values).trainable, 1);
    ck_assert_mem_eq(values, given, sizeof given);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

START_TEST(test_files)
{ /* what a file holds goes before the values that the graph was given, and a checkpoint goes on to the same bits */
    pt_context_t *context = network_context(1, 1);
    for (uint32_t flags = 0; flags <= PT_PARAMETER_FROZEN; flags += PT_PARAMETER_FROZEN) {
        pt_model_t *model = make_model(context, flags), *loaded = make_model(context, flags),
                   *resumed = make_model(context, flags);
        pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAMW, 0.1),
                       *second = network_optimizer(context, PT_OPTIMIZER_ADAMW, 0.1);
        float values[OUT * IN];
        train(model, optimizer);
        ck_ok(pt_model_save(model, suite_path("parameters.safetensors"), NULL));
        ck_ok(pt_model_load(loaded, suite_path("parameters.safetensors"), LOADING(PT_LOAD_STRICT)));
        ck_assert_uint_eq(network_fingerprint(loaded), network_fingerprint(model));
        ck_assert_int_eq(get(loaded, "given", values).trainable, flags == 0);
        ck_ok(pt_checkpoint_save(model, optimizer, suite_path("parameters.checkpoint"), NULL));
        ck_ok(pt_checkpoint_load(resumed, second, suite_path("parameters.checkpoint"), NULL));
        ck_assert_uint_eq(network_fingerprint(resumed), network_fingerprint(model));
        ck_assert_int_eq(get(resumed, "given", values).trainable, flags == 0);
        train(model, optimizer);
        train(resumed, second);
        ck_assert_uint_eq(network_fingerprint(resumed), network_fingerprint(model));
        pt_optimizer_free(optimizer), pt_optimizer_free(second);
        pt_model_free(model), pt_model_free(loaded), pt_model_free(resumed);
    }
    pt_context_free(context);
}
END_TEST

/* pt_parameter and pt_state with these options are the first error of a graph. */
static void refuse(pt_context_t *context, const pt_parameter_options_t *options, pt_status_t status, const char *part)
{
    for (int is_state = 0; is_state < 2; is_state++) {
        pt_graph_t *graph = fresh(context);
        pt_tensor_t made = is_state ? pt_state(graph, "w", 2, of_weight, options)
                                    : pt_parameter(graph, "w", 2, of_weight, options);
        ck_assert_int_eq(made, PT_NO_TENSOR);
        ck_fails(pt_graph_status(graph), status, part);
        pt_graph_free(graph);
    }
}

static void refuse_view(pt_context_t *context, pt_array_t view, pt_status_t status, const char *part)
{
    const pt_parameter_options_t options = options_of(&view, 0);
    refuse(context, &options, status, part);
}

START_TEST(test_refusals)
{
    pt_context_t *context = network_context(1, 1);
    float values[OUT * IN] = {0}, infinite[OUT * IN] = {0, 0, 0, INFINITY};
    double large[OUT * IN] = {0, 1e300};
    const double nan_values[OUT * IN] = {0, 0, NAN};
    const pt_array_t whole = {.dtype = PT_FLOAT32, .data = values, .elements = OUT * IN};
    pt_parameter_options_t options;
    ck_fails(pt_parameter_options_init(NULL, sizeof options), PT_ERR_ARGUMENT, "pt_parameter_options_t");
    refuse(context, INITIAL(4, 0), PT_ERR_ARGUMENT, "initializer 4");
    refuse(context, INITIAL(-1, 0), PT_ERR_ARGUMENT, "initializer -1");
    refuse(context, INITIAL(PT_INIT_NORMAL, -1), PT_ERR_ARGUMENT, "value -1 is out of range");
    refuse(context, INITIAL(PT_INIT_LINEAR, 0.5), PT_ERR_ARGUMENT, "value 0.5 is out of range");
    refuse(context, INITIAL(PT_INIT_CONSTANT, (double)NAN), PT_ERR_ARGUMENT, "out of range");

    options = options_of(&whole, 2);
    refuse(context, &options, PT_ERR_ARGUMENT, "parameter \"w\": flags are 0x2");
    options = options_of(&whole, 0);
    options.reserved = 7;
    refuse(context, &options, PT_ERR_ARGUMENT, "reserved 7");
    options = options_of(&whole, 0);
    options.dtype = PT_BFLOAT16;
    refuse(context, &options, PT_ERR_UNSUPPORTED, "dtype bfloat16, expected float32");
    options = options_of(&whole, 0);
    options.value = 1;
    refuse(context, &options, PT_ERR_ARGUMENT, "values and an initializer");
    options = options_of(&whole, 0);
    options.initializer = PT_INIT_NORMAL;
    refuse(context, &options, PT_ERR_ARGUMENT, "values and an initializer");
    options = options_of(&whole, 0);
    options.array_size = 0;
    refuse(context, &options, PT_ERR_ARGUMENT, "parameter \"w\": values");
    options = options_of(&whole, 0);
    options.struct_size = 2;
    refuse(context, &options, PT_ERR_ARGUMENT, "pt_parameter_options_t");

    refuse_view(context, (pt_array_t){.dtype = PT_FLOAT32, .data = values, .elements = 5}, PT_ERR_SHAPE,
                "parameter \"w\": values: elements is 5, expected 6");
    refuse_view(context, (pt_array_t){.dtype = PT_FLOAT32, .data = values}, PT_ERR_ARGUMENT,
                "elements is 0, expected 6, or a shape");
    refuse_view(context, (pt_array_t){.dtype = PT_FLOAT32, .rank = 2, .shape = {IN, OUT}, .data = values}, PT_ERR_SHAPE,
                "shape [3, 2], expected [2, 3]");
    refuse_view(context, (pt_array_t){.dtype = PT_FLOAT32, .elements = OUT * IN}, PT_ERR_ARGUMENT, "data is NULL");
    refuse_view(context, (pt_array_t){.dtype = 99, .data = values, .elements = OUT * IN}, PT_ERR_ARGUMENT,
                "values: dtype is 99, expected one of PT_FLOAT32 to PT_BOOL");
    refuse_view(context, (pt_array_t){.dtype = PT_FLOAT32, .data = infinite, .elements = OUT * IN}, PT_ERR_NONFINITE,
                "parameter \"w\": values: value 3 is not finite");
    refuse_view(context, (pt_array_t){.dtype = PT_FLOAT64, .data = view_data(nan_values), .elements = OUT * IN},
                PT_ERR_NONFINITE, "value 2 is not finite");
    refuse_view(context, (pt_array_t){.dtype = PT_FLOAT64, .data = large, .elements = OUT * IN}, PT_ERR_ARGUMENT,
                "values: element 1 is 1.0000000000000001e+300 (float64), which does not fit float32");
    pt_context_free(context);
}
END_TEST

START_TEST(test_failing_allocations)
{
    static const double values[OUT * IN] = {1, 2, 3};
    const pt_array_t view = {.dtype = PT_FLOAT64, .data = view_data(values), .elements = OUT * IN};
    failing_allocator_t allocator;
    pt_status_t status = PT_OK;
    FOR_EACH_FAILING_ALLOCATION(allocator, {
        pt_context_options_t settings;
        pt_context_t *context = NULL;
        pt_graph_t *graph = NULL;
        pt_model_t *model = NULL;
        ck_ok(pt_context_options_init(&settings, sizeof settings));
        settings.threads = 1;
        failing_allocator_hooks(&allocator, &settings);
        status = pt_context_create(&settings, &context);
        if (status == PT_OK)
            status = pt_graph_create(context, &graph);
        if (status == PT_OK) {
            const pt_parameter_options_t options = options_of(&view, PT_PARAMETER_FROZEN);
            pt_tensor_t weight = pt_parameter(graph, "w", 2, of_weight, &options);
            weight = pt_add(graph, weight, pt_state(graph, "s", 2, of_weight, &options));
            pt_graph_set_output(graph, "y", pt_linear(graph, input(graph, IN), weight, PT_NO_TENSOR, 0));
            status = pt_model_create(context, graph, &model);
        }
        pt_model_free(model);
        pt_graph_free(graph);
        pt_context_free(context);
    }, status);
}
END_TEST

SUITE("parameters", 60, test_values, test_inputs, test_values_of_other_dtypes, test_initializers, test_frozen,
      test_another_task, test_files, test_refusals, test_failing_allocations)
