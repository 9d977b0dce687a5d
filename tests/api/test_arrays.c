/* pt_array_t in and out: dtypes, sizes, shapes, what a buffer that is too small is told, and callers that were compiled
 * with a shorter or a longer struct. */
#include <math.h>
#include <string.h>

#include "support/networks.h"
#include "support/views.h"

enum { SAMPLES = 2000 };

/* A later version of the struct. */
typedef struct longer {
    pt_array_t known;
    int64_t more[2];
} longer_t;

/* An earlier one, which ends with what goes in. */
enum { SHORTER = offsetof(pt_array_t, lengths_capacity) };

static pt_dataset_t *numbers_data(pt_context_t *context, int64_t samples)
{
    static float x[SAMPLES * 10], y[SAMPLES];
    pt_dataset_t *dataset;
    pt_array_t arrays[] = {
        {.name = "x", .dtype = PT_FLOAT32, .rank = 1, .shape = {10}, .data = x, .elements = samples * 10},
        {.name = "y", .dtype = PT_FLOAT32, .rank = 1, .shape = {1}, .data = y, .elements = samples}};
    for (int i = 0; i < SAMPLES * 10; i++)
        x[i] = (float)(i * 7919 % 1009) / 1009 - 0.5f;
    ck_ok(pt_dataset_create_from_arrays(context, arrays, 2, sizeof arrays[0], samples, PT_DATASET_COPY, &dataset));
    return dataset;
}

START_TEST(test_a_small_buffer_is_told_the_total)
{
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = network_linear(context);
    pt_dataset_t *data = numbers_data(context, SAMPLES);
    static float values[SAMPLES];
    int64_t lengths[SAMPLES];
    pt_array_t view = {.dtype = PT_FLOAT32, .data = values, .capacity = 15};
    ck_fails(pt_predict(model, data, NULL, 16, &view, sizeof view), PT_ERR_ARGUMENT,
             "data has room for 15 elements, expected 2000 in all");
    ck_assert(view.elements == SAMPLES && view.samples == SAMPLES && values[0] == 0.0f);
    view = (pt_array_t){.dtype = PT_FLOAT32, .data = values, .capacity = SAMPLES, .lengths = lengths};
    view.lengths_capacity = SAMPLES - 1;
    ck_fails(pt_predict(model, data, NULL, 16, &view, sizeof view), PT_ERR_ARGUMENT,
             "lengths has room for 1999 samples, expected 2000 in all");
    view.lengths_capacity = SAMPLES;
    ck_ok(pt_predict(model, data, NULL, 16, &view, sizeof view));
    ck_assert(view.elements == SAMPLES && view.rank == 1 && view.shape[0] == 1 && lengths[SAMPLES - 1] == 1);
    ck_assert(values[SAMPLES - 1] != 0.0f);
    view = (pt_array_t){0};
    ck_ok(pt_predict(model, data, NULL, 16, &view, sizeof view));
    ck_assert(view.elements == SAMPLES && view.samples == SAMPLES && view.dtype == PT_FLOAT32);
    pt_dataset_free(data);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* "rows": the tokens' places, int32 and ragged; "pairs": ragged with rows of another dimension; a loss for nothing. */
static pt_model_t *ragged_model(pt_context_t *context)
{
    pt_graph_t *graph;
    pt_model_t *model;
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t tokens = pt_input(graph, "tokens", PT_INT32, 1, (int64_t[]){PT_DIM_TOKENS});
    pt_tensor_t embedded = pt_embedding_layer(graph, "embedding", tokens, 17, 3);
    ck_ok(pt_graph_set_output(graph, "embedded", embedded));
    ck_ok(pt_graph_set_output(graph, "rows", pt_positions(graph, embedded, 100)));
    ck_ok(pt_graph_set_output(graph, "pairs", pt_stack_rows(graph, embedded, 2)));
    ck_ok(pt_model_create(context, graph, &model));
    pt_graph_free(graph);
    return model;
}

static void fetch_tokens(void *user, pt_batch_t *batch)
{
    pt_array_t *field = pt_batch_field(batch, "tokens");
    int32_t *tokens = field->data;
    (void)user;
    for (int64_t i = 0; i < batch->capacity; i++) {
        field->lengths[i] = 1 + batch->indices[i] % 5;
        for (int64_t k = 0; k < field->lengths[i]; k++)
            *tokens++ = (int32_t)k;
    }
    batch->filled = batch->capacity;
    batch->status = PT_OK;
}

static const pt_field_spec_t tokens_field = {
    .name = "tokens", .dtype = PT_INT32, .rank = 1, .shape = {PT_DIM_TOKENS}, .max_length = 5};

/* 10 samples of 1 to 5 tokens: 30 tokens, 18 pairs; with lengths that are known beforehand, or not. */
static pt_dataset_t *ragged_data(pt_context_t *context, int32_t known)
{
    static int32_t tokens[30];
    static const int64_t lengths[10] = {1, 2, 3, 4, 5, 1, 2, 3, 4, 5};
    const pt_array_t array = view_of_field(&tokens_field, tokens, lengths);
    pt_dataset_t *data;
    int32_t *at = tokens;
    for (int i = 0; i < 10; i++)
        for (int k = 0; k < lengths[i]; k++)
            *at++ = k;
    if (known)
        ck_ok(pt_dataset_create_from_arrays(context, &array, 1, sizeof array, 10, 0, &data));
    else
        ck_ok(pt_dataset_create_map(context, &tokens_field, 1, sizeof tokens_field, 10, 0, fetch_tokens, NULL, NULL,
                                    &data));
    return data;
}

START_TEST(test_ragged_and_integer_results)
{
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = ragged_model(context);
    for (int32_t known = 0; known < 2; known++) {
        pt_dataset_t *data = ragged_data(context, known);
        int32_t rows[30];
        int64_t lengths[10];
        float pairs[18 * 6];
        uint8_t narrow[30];
        pt_array_t view = {.data = rows, .capacity = 30, .lengths = lengths, .lengths_capacity = 10};
        ck_ok(pt_predict(model, data, "rows", 3, &view, sizeof view));
        ck_assert(view.dtype == PT_INT32 && view.rank == 1 && view.shape[0] == PT_DIM_TOKENS);
        ck_assert(view.elements == 30 && view.samples == 10);
        for (int i = 0, at = 0; i < 10; i++) {
            ck_assert_int_eq(lengths[i], 1 + i % 5);
            for (int k = 0; k < lengths[i]; k++)
                ck_assert_int_eq(rows[at++], k);
        }
        view = (pt_array_t){.data = pairs, .capacity = 18 * 6, .lengths = lengths, .lengths_capacity = 10};
        ck_ok(pt_predict(model, data, "pairs", 3, &view, sizeof view));
        ck_assert(view.elements == 18 * 6 && view.rank == 2 && view.shape[1] == 6 && lengths[4] == 3 &&
                  lengths[5] == 1);
        view = (pt_array_t){.dtype = PT_UINT8, .data = narrow, .capacity = 30};
        ck_ok(pt_predict(model, data, "rows", 3, &view, sizeof view));
        ck_assert(narrow[29] == 4 && narrow[28] == 3);
        memset(rows, 0, sizeof rows);
        view = (pt_array_t){.data = rows, .capacity = 29};
        ck_fails(pt_predict(model, data, "rows", 3, &view, sizeof view), PT_ERR_ARGUMENT, "expected 30 in all");
        ck_assert(view.elements == 30 && view.samples == 10);
        ck_assert_int_eq(rows[2] == 1, !known); /* where lengths are known nothing was computed */
        view = (pt_array_t){0};
        ck_ok(pt_predict(model, data, "pairs", 3, &view, sizeof view));
        ck_assert(view.elements == 18 * 6 && view.samples == 10 && view.dtype == PT_FLOAT32);
        pt_dataset_free(data);
    }
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

START_TEST(test_forward_of_ragged_values)
{
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = ragged_model(context);
    int64_t tokens[6] = {1, 2, 3, 4, 5, 6}, lengths[2] = {4, 2}, out_lengths[2];
    int32_t rows[6];
    pt_array_t value = {.name = "tokens", .dtype = PT_INT64, .data = tokens, .elements = 6, .lengths = lengths};
    pt_array_t view = {.data = rows, .capacity = 6, .lengths = out_lengths, .lengths_capacity = 2};
    ck_ok(pt_forward(model, &value, 1, sizeof value, 2, "rows", &view));
    ck_assert(rows[3] == 3 && rows[4] == 0 && out_lengths[0] == 4 && out_lengths[1] == 2 && view.samples == 2);
    value.lengths = NULL; /* all of one length */
    value.rank = 1;
    value.shape[0] = 3;
    ck_ok(pt_forward(model, &value, 1, sizeof value, 2, "rows", &view));
    ck_assert(rows[2] == 2 && rows[3] == 0 && out_lengths[0] == 3 && out_lengths[1] == 3);
    view.capacity = 5;
    ck_fails(pt_forward(model, &value, 1, sizeof value, 2, "rows", &view), PT_ERR_ARGUMENT, "expected 6 in all");
    value.elements = 5;
    ck_fails(pt_forward(model, &value, 1, sizeof value, 2, "rows", &view), PT_ERR_SHAPE,
             "\"tokens\": elements is 5, expected 6");
    value.elements = 0; /* not said */
    value.rank = 2;
    value.shape[1] = 2;
    ck_fails(pt_forward(model, &value, 1, sizeof value, 2, "rows", &view), PT_ERR_SHAPE, "samples of shape [3, 2]");
    value.rank = 7;
    ck_fails(pt_forward(model, &value, 1, sizeof value, 2, "rows", &view), PT_ERR_SHAPE, "rank 7");
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

START_TEST(test_dtypes_of_parameters)
{
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = network_linear(context);
    double wide[10];
    float values[10];
    uint16_t halves[10];
    int8_t whole[10];
    for (int i = 0; i < 10; i++)
        wide[i] = i - 4.5;
    pt_array_t given = {.dtype = PT_FLOAT64, .data = wide, .elements = 10, .rank = 2, .shape = {1, 10}};
    ck_ok(pt_model_parameter_set(model, 0, &given, sizeof given));
    pt_array_t view = {.data = values, .capacity = 10};
    ck_ok(pt_model_parameter_get(model, 0, &view, sizeof view));
    ck_assert(view.dtype == PT_FLOAT32 && view.elements == 10 && values[9] == 4.5f);
    ck_assert(view.rank == 2 && view.shape[0] == 1 && view.shape[1] == 10);
    view = (pt_array_t){.dtype = PT_FLOAT16, .data = halves, .capacity = 10};
    ck_ok(pt_model_parameter_get(model, 0, &view, sizeof view));
    ck_assert_uint_eq(halves[9], 0x4480); /* 4.5 */
    view = (pt_array_t){.dtype = PT_INT8, .data = whole, .capacity = 10};
    ck_fails(pt_model_parameter_get(model, 0, &view, sizeof view), PT_ERR_ARGUMENT, "pt_model_parameter_get");
    for (int i = 0; i < 10; i++)
        whole[i] = (int8_t)(i - 5);
    given = (pt_array_t){.dtype = PT_INT8, .data = whole, .elements = 10};
    ck_ok(pt_model_parameter_set(model, 0, &given, sizeof given));
    view = (pt_array_t){.dtype = PT_FLOAT64, .data = wide, .capacity = 10};
    ck_ok(pt_model_parameter_get(model, 0, &view, sizeof view));
    ck_assert(wide[0] == -5.0 && wide[9] == 4.0);

    given.elements = 9;
    ck_fails(pt_model_parameter_set(model, 0, &given, sizeof given), PT_ERR_SHAPE, "\"linear.weight\": pt_model");
    given = (pt_array_t){.dtype = PT_FLOAT64, .data = wide, .rank = 2, .shape = {10, 1}};
    ck_fails(pt_model_parameter_set(model, 0, &given, sizeof given), PT_ERR_SHAPE, "shape [10, 1], expected [1, 10]");
    given.rank = 0;
    wide[3] = 1e300;
    ck_assert_int_eq(pt_model_parameter_set(model, 0, &given, sizeof given), PT_ERR_ARGUMENT);
    wide[3] = (double)NAN;
    ck_fails(pt_model_parameter_set(model, 0, &given, sizeof given), PT_ERR_NONFINITE, "value 3 is not finite");
    ck_ok(get_parameter(model, 0, values, 10));
    ck_assert(values[3] == -2.0f);
    view = (pt_array_t){.dtype = PT_FLOAT32, .data = values, .capacity = 9};
    ck_fails(pt_model_parameter_get(model, 0, &view, sizeof view), PT_ERR_ARGUMENT, "expected 10 in all");
    ck_assert_int_eq(view.elements, 10);
    view = (pt_array_t){.dtype = 99, .data = values, .capacity = 10};
    ck_fails(pt_model_parameter_get(model, 0, &view, sizeof view), PT_ERR_ARGUMENT,
             "values: dtype is 99, expected 0 or one of PT_FLOAT32 to PT_BOOL");
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

START_TEST(test_constants_are_converted)
{
    pt_context_t *context = network_context(1, 1);
    pt_graph_t *graph;
    int64_t shape[PT_MAX_RANK];
    double values[3] = {0, 1, 2};
    pt_array_t given = {.dtype = PT_FLOAT64, .rank = 1, .shape = {3}, .data = values, .elements = 3};
    ck_ok(pt_graph_create(context, &graph));
    ck_assert_int_ne(pt_constant(graph, PT_INT32, &given, sizeof given), PT_NO_TENSOR);
    pt_tensor_t floats = pt_constant(graph, PT_FLOAT32, &given, sizeof given);
    ck_assert(pt_graph_shape(graph, floats, shape) == 1 && shape[0] == 3);
    ck_ok(pt_graph_status(graph));
    ck_assert_int_eq(pt_constant(graph, 0, &given, sizeof given), PT_NO_TENSOR);
    ck_fails(pt_graph_status(graph), PT_ERR_UNSUPPORTED, "float64, expected float32 or int32");
    pt_graph_free(graph);
    ck_ok(pt_graph_create(context, &graph));
    values[1] = 0.5;
    ck_assert_int_eq(pt_constant(graph, PT_INT32, &given, sizeof given), PT_NO_TENSOR);
    ck_fails(pt_graph_status(graph), PT_ERR_ARGUMENT, "pt_constant: values");
    pt_graph_free(graph);
    ck_ok(pt_graph_create(context, &graph));
    given.elements = 4;
    ck_assert_int_eq(pt_constant(graph, PT_FLOAT32, &given, sizeof given), PT_NO_TENSOR);
    ck_fails(pt_graph_status(graph), PT_ERR_SHAPE, "elements is 4, expected 3");
    pt_graph_free(graph);
    pt_context_free(context);
}
END_TEST

/* Results of one forward call, whose views have `size` bytes each. */
static void check_forward(pt_model_t *model, void *values, uint32_t size, void *result, const float *expected)
{
    ck_ok(pt_forward(model, values, 2, size, 2, "prediction", result));
    ck_assert_mem_eq(((pt_array_t *)result)->data, expected, 2 * sizeof(float));
}

START_TEST(test_callers_of_other_versions)
{
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = network_linear(context);
    float x[20], y[2] = {1, 2}, out[2], expected[2];
    for (int i = 0; i < 20; i++)
        x[i] = (float)i;
    const pt_array_t mine[2] = {{.name = "y", .dtype = PT_FLOAT32, .data = y, .elements = 2},
                                {.name = "x", .dtype = PT_FLOAT32, .data = x, .elements = 20}};
    pt_array_t result = {.dtype = PT_FLOAT32, .data = expected, .capacity = 2};
    ck_ok(pt_forward(model, mine, 2, sizeof mine[0], 2, "prediction", &result));

    longer_t longer[2] = {{.known = mine[0]}, {.known = mine[1]}};
    longer_t answer = {.known = {.dtype = PT_FLOAT32, .data = out, .capacity = 2}};
    check_forward(model, longer, sizeof longer[0], &answer, expected);
    ck_assert_int_eq(answer.known.elements, 2);
    longer[1].more[1] = 1;
    ck_fails(pt_forward(model, &longer[0].known, 2, sizeof longer[0], 2, "prediction", &answer.known), PT_ERR_VERSION,
             "element 1: values: byte");
    longer[1].more[1] = 0;
    answer.more[0] = 1;
    ck_fails(pt_forward(model, &longer[0].known, 2, sizeof longer[0], 2, "prediction", &answer.known), PT_ERR_VERSION,
             "pt_forward: result: byte");

    _Alignas(8) unsigned char shorter[3 * SHORTER + 8];
    memcpy(shorter, &mine[0], SHORTER);
    memcpy(shorter + SHORTER, &mine[1], SHORTER);
    result.data = out;
    memcpy(shorter + 2 * SHORTER, &result, SHORTER);
    memset(shorter + 3 * SHORTER, 0xAA, 8);
    memset(out, 0, sizeof out);
    check_forward(model, shorter, SHORTER, shorter + 2 * SHORTER, expected);
    for (int i = 0; i < 8; i++)
        ck_assert_uint_eq(shorter[3 * SHORTER + i], 0xAA);
    ck_fails(pt_forward(model, mine, 2, 4, 2, "prediction", &result), PT_ERR_ARGUMENT, "of 4 bytes each");
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

START_TEST(test_fields_and_columns_of_other_versions)
{
    struct {
        pt_field_spec_t known;
        int64_t more;
    } fields[2] = {{.known = {.name = "a", .dtype = PT_INT32}}, {.known = {.name = "b", .dtype = PT_FLOAT32}}}, found;
    pt_context_t *context = network_context(1, 1);
    pt_dataset_t *data;
    ck_ok(pt_dataset_create_map(context, &fields[0].known, 2, sizeof fields[0], 4, 0, fetch_tokens, NULL, NULL, &data));
    memset(&found, 0xAA, sizeof found);
    ck_ok(pt_dataset_field(data, 1, &found.known, sizeof found));
    ck_assert_str_eq(found.known.name, "b");
    ck_assert(found.known.dtype == PT_FLOAT32 && found.more == 0);
    int32_t dtype[6] = {0, 0, 0, -1, -1, -1}; /* name and dtype alone, then what must stay */
    ck_ok(pt_dataset_field(data, 1, (pt_field_spec_t *)(void *)dtype, 12));
    ck_assert(dtype[2] == PT_FLOAT32 && dtype[3] == -1);
    pt_dataset_free(data);
    fields[1].more = 3;
    ck_fails(
        pt_dataset_create_map(context, &fields[0].known, 2, sizeof fields[0], 4, 0, fetch_tokens, NULL, NULL, &data),
        PT_ERR_VERSION, "element 1: fields: byte");
    ck_assert_ptr_null(data);
    fields[0].more = 3;
    ck_fails(
        pt_dataset_create_stream(context, &fields[0].known, 2, sizeof fields[0], 0, fetch_tokens, NULL, NULL, &data),
        PT_ERR_VERSION, "element 0: fields: byte");
    pt_column_t column = {.field = "x", .source = "x", .kind = PT_COLUMN_NUMBER};
    ck_fails(pt_dataset_create_from_csv(context, "/nowhere.csv", &column, 1, 3, NULL, &data), PT_ERR_ARGUMENT,
             "columns of 3 bytes each");
    ck_fails(pt_dataset_create_from_jsonl(context, "/nowhere", &column, 1, 70000, NULL, &data), PT_ERR_ARGUMENT,
             "columns of 70000 bytes each");
    pt_context_free(context);
}
END_TEST

START_TEST(test_views_that_contradict_themselves)
{
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = network_linear(context);
    float values[10];
    pt_array_t view = {.dtype = PT_FLOAT32, .data = values};
    ck_fails(pt_model_parameter_get(model, 0, &view, sizeof view), PT_ERR_ARGUMENT, "data is not NULL, but capacity");
    view = (pt_array_t){.dtype = PT_FLOAT32, .capacity = 10};
    ck_fails(pt_model_parameter_get(model, 0, &view, sizeof view), PT_ERR_ARGUMENT, "data is NULL, but capacity is 10");
    view = (pt_array_t){.dtype = PT_FLOAT32, .data = values, .capacity = -1};
    ck_fails(pt_model_parameter_get(model, 0, &view, sizeof view), PT_ERR_ARGUMENT, "capacity is -1");
    view = (pt_array_t){.lengths_capacity = 2};
    ck_fails(pt_model_parameter_get(model, 0, &view, sizeof view), PT_ERR_ARGUMENT, "lengths is NULL");
    ck_fails(pt_model_parameter_get(model, 0, NULL, sizeof view), PT_ERR_ARGUMENT, "values is NULL");
    ck_fails(pt_model_parameter_set(model, 0, NULL, sizeof view), PT_ERR_ARGUMENT, "values is NULL");
    view = (pt_array_t){.dtype = PT_FLOAT32};
    ck_fails(pt_model_parameter_set(model, 0, &view, sizeof view), PT_ERR_ARGUMENT, "data is NULL");
    ck_assert_ptr_null(pt_batch_field(NULL, "x"));
    ck_assert_ptr_null(pt_batch_input(NULL, "x"));
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

static double loss_of(pt_model_t *model, int64_t samples, const int32_t *label)
{
    static const float x[20] = {1, 2, 3, [12] = -4, [15] = 2};
    const pt_array_t values[] = {
        {.name = "features", .dtype = PT_FLOAT32, .data = view_data(x + (samples == 2 ? 0 : 10 * label[0]))},
        {.name = "label", .dtype = PT_INT32, .data = view_data(label)}};
    double loss;
    ck_ok(pt_loss(model, values, 2, sizeof values[0], samples, &loss));
    return loss;
}

/* Of any dtype; a wrong one, and wrong sizes, are told with what was expected, and leave the task as it was. */
START_TEST(test_class_weights)
{
    static const char config[] = "{\"model_type\": \"mlp\", \"input_size\": 10, \"hidden_sizes\": [4]}";
    static const int32_t label[] = {0, 1};
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model;
    pt_classification_options_t options;
    double weights[] = {1, 3, 1};
    pt_array_t view = {.dtype = PT_FLOAT64, .data = weights, .elements = 2};
    ck_ok(pt_model_create_from_config(context, config, sizeof config - 1, &model));
    ck_ok(pt_classification_options_init(&options, sizeof options));
    options.classes = 2;
    options.class_weights = &view;
    options.array_size = sizeof view;
    ck_ok(pt_model_set_task(model, PT_TASK_CLASSIFICATION, &options));
    const double first = loss_of(model, 1, label), second = loss_of(model, 1, label + 1);
    weights[1] = 1; /* it is copied */
    ck_assert_double_eq_tol(loss_of(model, 2, label), (first + 3 * second) / 4, 1e-6);
    view = (pt_array_t){.dtype = PT_UINT8, .rank = 1, .shape = {2}, .data = (uint8_t[]){1, 1}};
    ck_ok(pt_model_set_task(model, PT_TASK_CLASSIFICATION, &options));
    const double alike = loss_of(model, 2, label);
#define REFUSED(status, part)                                                               \
    do {                                                                                    \
        ck_fails(pt_model_set_task(model, PT_TASK_CLASSIFICATION, &options), status, part); \
        ck_assert_double_eq(loss_of(model, 2, label), alike);                               \
    } while (0)
    view = (pt_array_t){.dtype = PT_FLOAT64, .data = weights, .elements = 3};
    REFUSED(PT_ERR_SHAPE, "task classification: class_weights: elements is 3, expected 2");
    view.elements = 0;
    REFUSED(PT_ERR_ARGUMENT, "task classification: class_weights: elements is 0, expected 2, or a shape");
    view = (pt_array_t){.dtype = PT_FLOAT64, .data = weights, .rank = 2, .shape = {2, 1}};
    REFUSED(PT_ERR_SHAPE, "class_weights: shape [2, 1], expected [2]");
    view = (pt_array_t){.dtype = 99, .data = weights, .elements = 2};
    REFUSED(PT_ERR_ARGUMENT, "class_weights: dtype is 99, expected one of PT_FLOAT32 to PT_BOOL");
    view = (pt_array_t){.dtype = PT_FLOAT64, .elements = 2};
    REFUSED(PT_ERR_ARGUMENT, "class_weights: data is NULL");
    view = (pt_array_t){.dtype = PT_FLOAT64, .data = weights, .elements = 2};
    options.array_size = 0;
    REFUSED(PT_ERR_ARGUMENT, "class_weights of 0 bytes each, expected the struct's size");
    options.array_size = sizeof view;
    weights[1] = 1e300;
    REFUSED(PT_ERR_ARGUMENT, "class_weights: element 1 is 1");
    weights[1] = NAN;
    REFUSED(PT_ERR_ARGUMENT, "class_weights[1] is nan, expected a finite weight of at least 0");
    weights[1] = -1;
    REFUSED(PT_ERR_ARGUMENT, "class_weights[1] is -1, expected a finite weight of at least 0");
    weights[0] = weights[1] = 0;
    REFUSED(PT_ERR_ARGUMENT, "class_weights are all 0, expected one above it");
    options.classes = 0;
    REFUSED(PT_ERR_ARGUMENT, "task classification: classes is 0, expected at least 1");
#undef REFUSED
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

SUITE("arrays", 60, test_a_small_buffer_is_told_the_total, test_ragged_and_integer_results,
      test_forward_of_ragged_values, test_dtypes_of_parameters, test_constants_are_converted,
      test_callers_of_other_versions, test_fields_and_columns_of_other_versions, test_views_that_contradict_themselves,
      test_class_weights)
