/* Normalisation: measured as scikit-learn measures, kept with the model wherever it goes, and refused where it would
 * mean nothing. */
#include <math.h>
#include <stdio.h>

#include "support/failing_allocator.h"
#include "support/golden.h"
#include "support/networks.h"
#include "train/model.h"

enum { GOLDEN_SAMPLES = 41, GOLDEN_FEATURES = 6, SAMPLES = 60, FEATURES = 4, CLASSES = 3 };

#define MLP "{\"model_type\": \"mlp\", \"input_size\": 4, \"hidden_sizes\": [8]}"

/* x [`rank` sizes] goes out as the network sees it. */
static pt_model_t *mirror(pt_context_t *context, int32_t rank, const int64_t *shape)
{
    pt_graph_t *graph;
    pt_model_t *model;
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t one = pt_parameter(graph, "one", 1, &(const int64_t){1}, INITIAL(PT_INIT_CONSTANT, 1));
    pt_graph_set_output(graph, "o", pt_mul(graph, pt_input(graph, "x", PT_FLOAT32, rank, shape), one));
    ck_ok(pt_model_create(context, graph, &model));
    pt_graph_free(graph);
    return model;
}

static pt_dataset_t *dataset_of(pt_context_t *context, int32_t dtype, int32_t rank, const int64_t *shape,
                                const void *values, int64_t samples)
{
    pt_dataset_t *data;
    pt_array_t array = {.name = "x", .dtype = dtype, .rank = rank, .data = view_data(values)};
    for (int32_t i = 0; i < rank; i++)
        array.shape[i] = shape[i];
    ck_ok(pt_dataset_create_from_arrays(context, &array, 1, sizeof array, samples, PT_DATASET_COPY, &data));
    return data;
}

static void expect_numbers(const pt_model_t *model, const double *shift, const double *scale, int64_t count)
{
    double found[2][GOLDEN_FEATURES];
    pt_array_t views[2] = {{.data = found[0], .capacity = GOLDEN_FEATURES},
                           {.data = found[1], .capacity = GOLDEN_FEATURES}};
    ck_ok(pt_model_normalization(model, "x", &views[0], &views[1], sizeof views[0]));
    ck_assert(views[0].dtype == PT_FLOAT64 && views[0].elements == count && views[1].elements == count);
    for (int64_t i = 0; i < count; i++) {
        ck_assert_msg(fabs(found[0][i] - shift[i]) <= 1e-14 * fabs(shift[i]) + 1e-16, "shift %d: %.17g, expected %.17g",
                      (int)i, found[0][i], shift[i]);
        ck_assert_msg(fabs(found[1][i] - scale[i]) <= 1e-13 * scale[i], "scale %d: %.17g, expected %.17g", (int)i,
                      found[1][i], scale[i]);
    }
}

static void compare_with_scikit_learn(int32_t kind, const char *shift_key, const char *scale_key, const char *key)
{
    static double x[GOLDEN_SAMPLES * GOLDEN_FEATURES], expected[GOLDEN_SAMPLES * GOLDEN_FEATURES];
    static float found[GOLDEN_SAMPLES * GOLDEN_FEATURES];
    double shift[GOLDEN_FEATURES], scale[GOLDEN_FEATURES];
    const int64_t width = GOLDEN_FEATURES, total = GOLDEN_SAMPLES * GOLDEN_FEATURES;
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = mirror(context, 2, (const int64_t[]){PT_DIM_BATCH, GOLDEN_FEATURES});
    pt_normalize_options_t options;
    golden_read("tests/golden/normalization.txt");
    ck_assert_int_eq(golden_numbers("x", x, total), total);
    ck_assert_int_eq(golden_numbers(shift_key, shift, width), width);
    ck_assert_int_eq(golden_numbers(scale_key, scale, width), width);
    ck_assert_int_eq(golden_numbers(key, expected, total), total);
    pt_dataset_t *data = dataset_of(context, PT_FLOAT64, 1, &width, x, GOLDEN_SAMPLES);
    ck_ok(pt_normalize_options_init(&options, sizeof options));
    options.kind = kind;
    ck_ok(pt_dataset_normalize(data, "x", &options, model));
    expect_numbers(model, shift, scale, width);
    ck_ok(predict_floats(model, data, "o", 7, found, total, NULL));
    for (int64_t i = 0; i < total; i++) /* the other side's mean of the last column is off by 2.4e-10 */
        ck_assert_msg(fabs((double)found[i] - expected[i]) <= 5e-7 * (1 + fabs(expected[i])),
                      "value %d: %.9g, expected %.9g", (int)i, (double)found[i], expected[i]);
    pt_dataset_free(data);
    pt_model_free(model);
    pt_context_free(context);
}

START_TEST(test_scikit_learn)
{
    compare_with_scikit_learn(PT_NORMALIZE_STANDARD, "mean", "deviation", "standard");
    compare_with_scikit_learn(PT_NORMALIZE_RANGE, "least", "range", "scaled");
}
END_TEST

/* ---- What is measured ---- */

static void next_values(void *user, pt_batch_t *batch)
{
    const int64_t left = *(const int64_t *)user - batch->position;
    batch->filled = left < batch->capacity ? left : batch->capacity;
    for (int64_t i = 0; i < batch->filled; i++)
        ((int32_t *)batch->fields[0].data)[i] = (int32_t)(batch->position + i);
    batch->status = left <= batch->capacity ? PT_END : PT_OK;
}

static void double_values(void *user, pt_batch_t *batch)
{
    (void)user;
    for (int64_t i = 0; i < batch->capacity; i++)
        ((float *)batch->fields[0].data)[i] = 2 * (float)((const int32_t *)batch->inputs[0].data)[i];
    batch->filled = batch->capacity;
    batch->status = PT_OK;
}

/* 0 to 199 as a stream, doubled by a map: one feature, of a scalar. */
START_TEST(test_streams_maps_and_views)
{
    const pt_field_spec_t whole = {.name = "x", .dtype = PT_INT32}, number = {.name = "x", .dtype = PT_FLOAT32};
    int64_t length = 200;
    float values[200];
    pt_context_t *context = network_context(2, 1);
    pt_model_t *model = mirror(context, 1, (const int64_t[]){PT_DIM_BATCH});
    pt_dataset_t *stream, *map, *array, *part;
    ck_ok(pt_dataset_create_stream(context, &whole, 1, sizeof whole, 0, next_values, &length, NULL, &stream));
    ck_ok(pt_dataset_normalize(stream, "x", NULL, model));
    const double deviation = sqrt((200.0 * 200 - 1) / 12);
    expect_numbers(model, &(const double){99.5}, &deviation, 1);
    ck_ok(pt_dataset_map(stream, &number, 1, sizeof number, 0, double_values, NULL, NULL, &map));
    ck_ok(pt_dataset_normalize(map, "x", NULL, model));
    const double doubled = 2 * deviation;
    expect_numbers(model, &(const double){199}, &doubled, 1);
    for (int i = 0; i < 200; i++)
        values[i] = (float)i;
    array = dataset_of(context, PT_FLOAT32, 0, NULL, values, 200);
    ck_ok(pt_dataset_subset(array, 10, 2, &part));
    ck_ok(pt_dataset_normalize(part, "x", NULL, model));
    expect_numbers(model, &(const double){10.5}, &(const double){0.5}, 1);
    ck_ok(predict_floats(model, part, "o", 0, values, 2, NULL));
    ck_assert(values[0] == -1 && values[1] == 1);
    pt_dataset_free(part);
    pt_dataset_free(array);
    pt_dataset_free(map);
    pt_dataset_free(stream);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* Features are the last dimension: over all rows of ragged samples, whatever the lengths. */
START_TEST(test_ragged_fields)
{
    const float values[10] = {0, 10, 2, 10, 4, 10, 6, 10, 8, 10};
    int64_t lengths[3] = {1, 3, 1};
    float found[10];
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = mirror(context, 2, (const int64_t[]){PT_DIM_TOKENS, 2});
    pt_dataset_t *data;
    const pt_array_t array = {.name = "x",
                              .dtype = PT_FLOAT32,
                              .rank = 2,
                              .shape = {PT_DIM_TOKENS, 2},
                              .data = view_data(values),
                              .lengths = lengths};
    ck_ok(pt_dataset_create_from_arrays(context, &array, 1, sizeof array, 3, 0, &data));
    ck_ok(pt_dataset_normalize(data, "x", &(pt_normalize_options_t){.struct_size = 16, .kind = PT_NORMALIZE_RANGE},
                               model));
    expect_numbers(model, (const double[]){0, 10}, (const double[]){8, 1}, 2);
    ck_ok(predict_floats(model, data, "o", 2, found, 10, NULL));
    for (int i = 0; i < 10; i++)
        ck_assert(found[i] == (i % 2 ? 0 : (float)i / 8));
    pt_dataset_free(data);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

START_TEST(test_missing_values)
{
    const float values[8] = {1, NAN, 3, 4, NAN, 8, NAN, 6}, nothing[2] = {NAN, NAN}, endless[2] = {1, INFINITY};
    const int64_t width = 2;
    float found[8];
    pt_normalize_options_t options;
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = mirror(context, 2, (const int64_t[]){PT_DIM_BATCH, 2}), *copy;
    pt_dataset_t *data = dataset_of(context, PT_FLOAT32, 1, &width, values, 4),
                 *empty = dataset_of(context, PT_FLOAT32, 1, &width, nothing, 1),
                 *infinite = dataset_of(context, PT_FLOAT32, 1, &width, endless, 1);
    ck_fails(pt_dataset_normalize(data, "x", NULL, model), PT_ERR_NONFINITE,
             "sample 0: field \"x\", feature 1: nan, expected a finite number; PT_NORMALIZE_FILL takes NaN");
    ck_fails(pt_model_normalization(model, "x", NULL, NULL, sizeof(pt_array_t)), PT_ERR_NOT_FOUND, "as they are");
    ck_ok(pt_normalize_options_init(&options, sizeof options));
    options.flags = PT_NORMALIZE_FILL;
    ck_fails(pt_dataset_normalize(empty, "x", &options, model), PT_ERR_ARGUMENT, "feature 0: no sample has a value");
    ck_fails(pt_dataset_normalize(infinite, "x", &options, model), PT_ERR_NONFINITE, "feature 1: inf");
    for (int32_t kind = PT_NORMALIZE_STANDARD; kind <= PT_NORMALIZE_RANGE; kind++) {
        options.kind = kind;
        ck_ok(pt_dataset_normalize(data, "x", &options, model));
        ck_ok(pt_model_share(NULL, model, &copy));
        ck_ok(predict_floats(copy, data, "o", 0, found, 8, NULL));
        if (kind == PT_NORMALIZE_STANDARD) /* of {1, 3} and {4, 6, 8} */
            ck_assert(found[0] == -1 && found[1] == 0 && found[2] == 1 && found[4] == 0 && found[6] == 0 &&
                      found[7] == 0);
        else
            ck_assert(found[0] == 0 && found[1] == 0.5F && found[2] == 1 && found[3] == 0 && found[4] == 0.5F &&
                      found[5] == 1);
        pt_model_free(copy);
    }
    /* without it NaN is refused, before the first sample is computed or with it */
    const double zero[2] = {0}, ones[2] = {1, 1};
    pt_array_t shift = {.dtype = PT_FLOAT64, .data = view_data(zero), .elements = 2},
               scale = {.dtype = PT_FLOAT64, .data = view_data(ones), .elements = 2};
    ck_ok(pt_model_set_normalization(model, "x", &shift, &scale, sizeof shift));
    ck_fails(predict_floats(model, data, "o", 0, found, 8, NULL), PT_ERR_NONFINITE, "sample 0: field \"x\"");
    pt_dataset_free(infinite);
    pt_dataset_free(empty);
    pt_dataset_free(data);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* ---- Models that learnt on raw values ---- */

/* Features of very different sizes, which no rate of learning suits as they are. */
static void fill(double *x, int32_t *label, const double *shift, const double *scale)
{
    for (int64_t i = 0; i < SAMPLES; i++) {
        label[i] = (int32_t)(i % CLASSES);
        for (int64_t k = 0; k < FEATURES; k++) {
            const double size = k == 0 ? 1 : k == 1 ? 1000 : k == 2 ? 1e-4 : 1;
            const double value = size *
                                     ((double)(label[i] * (k + 1) % CLASSES) + 0.01 * (double)((i * 7 + k * 13) % 29)) +
                                 (k == 3 ? 1e6 : 0);
            x[i * FEATURES + k] = shift == NULL ? value : (value - shift[k]) / scale[k];
        }
    }
}

static pt_dataset_t *flowers(pt_context_t *context, const double *shift, const double *scale)
{
    static double x[SAMPLES * FEATURES];
    static float rounded[SAMPLES * FEATURES];
    static int32_t label[SAMPLES];
    pt_dataset_t *data;
    fill(x, label, shift, scale);
    for (int i = 0; i < SAMPLES * FEATURES; i++)
        rounded[i] = (float)x[i];
    const pt_array_t arrays[2] = {{.name = "features",
                                   .dtype = shift == NULL ? PT_FLOAT64 : PT_FLOAT32,
                                   .rank = 1,
                                   .shape = {FEATURES},
                                   .data = shift == NULL ? (void *)x : rounded},
                                  {.name = "label", .dtype = PT_INT32, .data = label}};
    ck_ok(pt_dataset_create_from_arrays(context, arrays, 2, sizeof arrays[0], SAMPLES, PT_DATASET_COPY, &data));
    return data;
}

static pt_model_t *untrained(pt_context_t *context)
{
    pt_model_t *model;
    ck_ok(pt_model_create_from_config(context, MLP, strlen(MLP), &model));
    network_set_task(model, PT_TASK_CLASSIFICATION, CLASSES);
    return model;
}

static void train_on(pt_model_t *model, pt_dataset_t *data, int64_t steps, const char *directory, uint32_t flags)
{
    pt_optimizer_t *optimizer = network_optimizer(model->context, PT_OPTIMIZER_ADAMW, 0.03);
    pt_train_options_t options;
    ck_ok(pt_train_options_init(&options, sizeof options));
    options.steps = steps;
    options.batch = 16;
    options.checkpoint_directory = directory;
    options.flags = flags;
    options.evaluation = data;
    ck_ok(pt_finetune(model, optimizer, data, &options, NULL));
    pt_optimizer_free(optimizer);
}

static pt_model_t *trained(pt_context_t *context, pt_dataset_t *data)
{
    pt_model_t *model = untrained(context);
    ck_ok(pt_dataset_normalize(data, "features", NULL, model));
    train_on(model, data, 60, NULL, 0);
    return model;
}

static const float *answers(pt_model_t *model, pt_dataset_t *data)
{
    static float list[4][SAMPLES * CLASSES];
    static int next;
    float *found = list[next++ % 4];
    ck_ok(predict_floats(model, data, "probabilities", 9, found, SAMPLES * CLASSES, NULL));
    return found;
}

static void expect_same_answers(pt_model_t *model, pt_dataset_t *data, const float *expected)
{
    ck_assert_int_eq(memcmp(answers(model, data), expected, sizeof(float) * SAMPLES * CLASSES), 0);
}

/* The same bits as where the host normalises its data itself, by stages and by steps; and it learns. */
START_TEST(test_training_is_that_on_normalised_data)
{
    double shift[FEATURES], scale[FEATURES];
    pt_array_t views[2] = {{.data = shift, .capacity = FEATURES}, {.data = scale, .capacity = FEATURES}};
    pt_context_t *context = network_context(2, 4);
    pt_dataset_t *raw = flowers(context, NULL, NULL);
    pt_model_t *model = trained(context, raw), *other = untrained(context);
    ck_ok(pt_model_normalization(model, "features", &views[0], &views[1], sizeof views[0]));
    pt_dataset_t *normal = flowers(context, shift, scale);
    train_on(other, normal, 60, NULL, 0);
    ck_assert_uint_eq(network_fingerprint(model), network_fingerprint(other));
    ck_assert(!memcmp(answers(model, raw), answers(other, normal), sizeof(float) * SAMPLES * CLASSES));
    pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
    ck_ok(pt_evaluate(model, raw, 0, &evaluation));
    ck_assert_double_gt(pt_model_metric_value(model, "accuracy"), 0.95);

    double x[2 * FEATURES];
    int32_t label[2] = {0, 1};
    float scaled[2 * FEATURES], found[2][2 * CLASSES];
    double loss[2];
    const int64_t first[2] = {0, 1};
    pt_array_t view = {.data = x, .capacity = 2 * FEATURES};
    ck_ok(pt_dataset_read(raw, first, 2, "features", &view, sizeof view)); /* a dataset stays as it is */
    ck_assert_double_gt(x[3], 9e5);
    for (int i = 0; i < 2 * FEATURES; i++)
        scaled[i] = (float)((x[i] - shift[i % FEATURES]) / scale[i % FEATURES]);
    pt_optimizer_t *optimizers[2] = {network_optimizer(context, PT_OPTIMIZER_SGD, 0.1),
                                     network_optimizer(context, PT_OPTIMIZER_SGD, 0.1)};
    for (int i = 0; i < 2; i++) {
        const pt_array_t given[2] = {
            {.name = "features", .dtype = i == 0 ? PT_FLOAT64 : PT_FLOAT32, .data = i == 0 ? (void *)x : scaled},
            {.name = "label", .dtype = PT_INT32, .data = label}};
        pt_model_t *one = i == 0 ? model : other;
        ck_ok(pt_train_step(one, optimizers[i], given, 2, sizeof given[0], 2, 0, NULL));
        ck_ok(pt_loss(one, given, 2, sizeof given[0], 2, &loss[i]));
        ck_ok(forward_floats(one, given, 1, 2, "probabilities", found[i], 2 * CLASSES, NULL));
        pt_optimizer_free(optimizers[i]);
    }
    ck_assert(loss[0] == loss[1] && memcmp(found[0], found[1], sizeof found[0]) == 0);
    ck_assert_uint_eq(network_fingerprint(model), network_fingerprint(other));
    pt_dataset_free(normal);
    pt_dataset_free(raw);
    pt_model_free(other);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

typedef struct tape {
    unsigned char bytes[20000];
    int64_t length;
} tape_t;

static void give_back(void *user, pt_read_t *read)
{
    const tape_t *tape = user;
    const int64_t left = tape->length - read->offset;
    read->filled = read->bytes < left ? read->bytes : left;
    memcpy(read->data, tape->bytes + read->offset, (size_t)read->filled);
    read->status = PT_OK;
}

static tape_t tape_of(const pt_model_t *model)
{
    tape_t tape = {.length = 0};
    const pt_save_options_t options = {
        .struct_size = sizeof options, .data = tape.bytes, .capacity = sizeof tape.bytes, .bytes = &tape.length};
    ck_ok(pt_model_save(model, NULL, &options));
    return tape;
}

/* Elsewhere, without the data that it was measured on. */
START_TEST(test_it_goes_where_the_model_goes)
{
    pt_context_t *context = network_context(1, 4), *elsewhere = network_context(1, 77);
    pt_dataset_t *data = flowers(context, NULL, NULL), *other_data = flowers(elsewhere, NULL, NULL);
    pt_model_t *model = trained(context, data), *copy;
    const float *expected = answers(model, data);
    const char *path = suite_path("model.safetensors"), *checkpoint = suite_path("checkpoint.safetensors");
    tape_t tape = tape_of(model);
    const pt_load_options_t from[] = {
        {.struct_size = sizeof from[0]},
        {.struct_size = sizeof from[0], .flags = PT_LOAD_MAPPED},
        {.struct_size = sizeof from[0], .data = tape.bytes, .bytes = tape.length},
        {.struct_size = sizeof from[0], .read = give_back, .user = &tape, .bytes = tape.length}};
    ck_ok(pt_model_save(model, path, NULL));
    ck_ok(pt_checkpoint_save(model, NULL, checkpoint, NULL));
    for (int i = 0; i < 5; i++) {
        ck_ok(pt_model_open(elsewhere, i == 4 ? checkpoint : i < 2 ? path : NULL, i == 4 ? NULL : &from[i], &copy));
        expect_same_answers(copy, other_data, expected);
        pt_model_free(copy);
    }
    ck_ok(pt_model_share(elsewhere, model, &copy));
    expect_same_answers(copy, other_data, expected);
    pt_model_free(copy);
    for (int i = 0; i < 3; i++) { /* into a model that was measured on something else */
        copy = untrained(context);
        const double zero[FEATURES] = {0}, tens[FEATURES] = {10, 10, 10, 10};
        const pt_array_t shift = {.dtype = PT_FLOAT64, .data = view_data(zero)},
                         scale = {.dtype = PT_FLOAT64, .data = view_data(tens)};
        ck_ok(pt_model_set_normalization(copy, "features", &shift, &scale, sizeof shift));
        answers(copy, data); /* plans and fields are made for it */
        ck_ok(i == 0   ? pt_model_load(copy, path, NULL)
              : i == 1 ? pt_checkpoint_load(copy, NULL, checkpoint, NULL)
                       : pt_model_copy(copy, model));
        expect_same_answers(copy, data, expected);
        network_set_task(copy, PT_TASK_REGRESSION, 2); /* it is the trunk's, whatever the head */
        ck_ok(pt_model_normalization(copy, "features", NULL, NULL, sizeof(pt_array_t)));
        pt_model_free(copy);
    }
    pt_model_free(model);
    pt_dataset_free(other_data);
    pt_dataset_free(data);
    pt_context_free(elsewhere);
    pt_context_free(context);
}
END_TEST

/* A stage that goes on elsewhere reads raw values as the one before did. */
START_TEST(test_resuming)
{
    pt_context_t *context = network_context(1, 4);
    pt_dataset_t *data = flowers(context, NULL, NULL);
    pt_model_t *straight = untrained(context), *first = untrained(context), *second = untrained(context);
    ck_ok(pt_dataset_normalize(data, "features", NULL, straight));
    ck_ok(pt_dataset_normalize(data, "features", NULL, first));
    const char *directory = suite_path("stage");
    train_on(straight, data, 30, NULL, 0);
    train_on(first, data, 12, directory, 0);
    train_on(second, data, 30, directory, PT_TRAIN_RESUME); /* which was measured on nothing */
    ck_assert_uint_eq(network_fingerprint(straight), network_fingerprint(second));
    expect_same_answers(second, data, answers(straight, data));
    pt_model_free(second);
    pt_model_free(first);
    pt_model_free(straight);
    pt_dataset_free(data);
    pt_context_free(context);
}
END_TEST

static int is_normalised(const pt_model_t *model)
{
    return pt_model_normalization(model, "features", NULL, NULL, sizeof(pt_array_t)) == PT_OK;
}

/* Whose values the new weights expect decides. */
START_TEST(test_loading_over_it)
{
    pt_context_t *context = network_context(1, 4);
    pt_dataset_t *data = flowers(context, NULL, NULL);
    pt_model_t *model = trained(context, data), *plain = untrained(context);
    const char *with = suite_path("with.safetensors"), *without = suite_path("without.safetensors");
    ck_ok(pt_model_save(model, with, NULL));
    ck_ok(pt_model_save(plain, without, NULL));
    const pt_load_options_t head = {.struct_size = sizeof head, .names = "classifier*"},
                            part = {.struct_size = sizeof part, .names = "layers.0.weight"};
    ck_ok(pt_model_load(plain, with, &part)); /* not the whole trunk */
    ck_assert(!is_normalised(plain));
    if (pt_model_load(plain, with, &head) == PT_OK)
        ck_assert(!is_normalised(plain));
    ck_ok(pt_model_load(plain, with, NULL));
    ck_assert(is_normalised(plain));
    ck_ok(pt_model_load(plain, without, &part));
    ck_assert(is_normalised(plain));
    tape_t foreign = tape_of(model);
    ck_ok(pt_model_load(plain, without, NULL)); /* the library wrote it, and there was none */
    ck_assert(!is_normalised(plain));
    for (int64_t i = 0; i + 15 < foreign.length; i++) /* as another program writes it */
        if (memcmp(foreign.bytes + i, "pretrain.format", 15) == 0)
            memcpy(foreign.bytes + i, "pretrain.formal", 15);
    const pt_load_options_t bytes = {.struct_size = sizeof bytes, .data = foreign.bytes, .bytes = foreign.length};
    ck_ok(pt_model_load(plain, NULL, &bytes));
    ck_assert(!is_normalised(plain));
    ck_ok(pt_model_load(model, NULL, &bytes));
    ck_assert(is_normalised(model));
    ck_ok(pt_model_set_normalization(model, "features", NULL, NULL, sizeof(pt_array_t)));
    ck_assert(!is_normalised(model));
    ck_ok(pt_model_set_normalization(model, "features", NULL, NULL, sizeof(pt_array_t)));
    pt_model_free(plain);
    pt_model_free(model);
    pt_dataset_free(data);
    pt_context_free(context);
}
END_TEST

/* ---- What is refused ---- */

static pt_status_t open_changed(pt_context_t *context, const tape_t *tape, const char *from, const char *to)
{
    tape_t changed = *tape;
    pt_model_t *model = NULL;
    int64_t found = 0;
    const size_t length = strlen(from);
    ck_assert_uint_eq(length, strlen(to));
    for (int64_t i = 0; i + (int64_t)length <= changed.length; i++)
        if (memcmp(changed.bytes + i, from, length) == 0) {
            memcpy(changed.bytes + i, to, length);
            found++;
        }
    ck_assert_int_eq(found, 1);
    const pt_load_options_t options = {.struct_size = sizeof options, .data = changed.bytes, .bytes = changed.length};
    pt_status_t status = pt_model_open(context, NULL, &options, &model);
    if (status == PT_OK)
        pt_model_free(model);
    return status;
}

START_TEST(test_damaged_files)
{
    pt_context_t *context = network_context(1, 4);
    pt_model_t *model = untrained(context);
    const double shifts[FEATURES] = {1, 2, 3, 4}, scales[FEATURES] = {5, 6, 7, 8};
    const pt_array_t shift = {.dtype = PT_FLOAT64, .data = view_data(shifts)},
                     scale = {.dtype = PT_FLOAT64, .data = view_data(scales)};
    ck_ok(pt_model_set_normalization(model, "features", &shift, &scale, sizeof shift));
    const tape_t tape = tape_of(model);
#define REFUSED(from, to, part) ck_fails(open_changed(context, &tape, from, to), PT_ERR_FORMAT, part)
    ck_ok(open_changed(context, &tape, "[1, 2, 3, 4]", "[9, 2, 3, 4]"));
    REFUSED("[1, 2, 3, 4]", "[1, 2, 30004", "metadata \"pretrain.normalization\"");
    REFUSED("[1, 2, 3, 4]", "[1, 23,   4]", "\"pretrain.normalization\": features.shift: 3 numbers, expected 4");
    REFUSED("[5, 6, 7, 8]", "[5, 6, 0, 8]", "features.scale[2]: expected a finite number above 0");
    REFUSED("[5, 6, 7, 8]", "[-5,6, 7, 8]", "features.scale[0]: expected a finite number above 0");
    REFUSED("\\\"scale\\\"", "\\\"skale\\\"", "features: the key \"scale\" is missing");
    REFUSED("\\\"features\\\": {\\\"shift", "\\\"featuers\\\": {\\\"shift", "has no field \"featuers\"");
#undef REFUSED
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

static void normalise_within(void *user, pt_event_t *event)
{
    void **pair = user;
    ck_fails(pt_dataset_normalize(pair[1], "features", NULL, pair[0]), PT_ERR_BUSY, "pt_dataset_normalize");
    ck_fails(pt_model_set_normalization(pair[0], "features", NULL, NULL, sizeof(pt_array_t)), PT_ERR_BUSY,
             "pt_model_set_normalization");
    event->action = PT_ACTION_GO_ON;
}

/* The summary tells it, with the first few of many features. */
/* The same parameters, but the field is another. */
START_TEST(test_copy_to_a_network_without_the_field)
{
    pt_context_t *context = network_context(1, 1);
    pt_model_t *source = mirror(context, 2, (const int64_t[]){PT_DIM_BATCH, 2}), *other;
    const double two[2] = {2, 2};
    const pt_array_t numbers = {.dtype = PT_FLOAT64, .data = view_data(two)};
    pt_graph_t *graph;
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t one = pt_parameter(graph, "one", 1, &(const int64_t){1}, INITIAL(PT_INIT_CONSTANT, 1));
    pt_tensor_t y = pt_input(graph, "y", PT_FLOAT32, 2, (const int64_t[]){PT_DIM_BATCH, 2});
    pt_graph_set_output(graph, "o", pt_mul(graph, y, one));
    ck_ok(pt_model_create(context, graph, &other));
    pt_graph_free(graph);
    ck_ok(pt_model_set_normalization(source, "x", &numbers, &numbers, sizeof numbers));
    ck_fails(pt_model_copy(other, source), PT_ERR_STATE,
             "the other model's field \"x\" is normalised and has 2 features, which this one's network lacks");
    pt_model_free(other);
    pt_model_free(source);
    pt_context_free(context);
}
END_TEST

START_TEST(test_description)
{
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = mirror(context, 2, (const int64_t[]){PT_DIM_BATCH, 5});
    const pt_array_t shift = {.dtype = PT_FLOAT64, .data = (double[]){1, 0.25, -3, 4, 5}},
                     scale = {.dtype = PT_FLOAT64, .data = (double[]){1, 2, 1e-9, 4e20, 5}};
    char text[1000];
    size_t length;
    ck_ok(pt_model_describe(model, PT_DESCRIBE_SUMMARY, text, sizeof text, &length));
    ck_assert_ptr_null(strstr(text, "field"));
    ck_ok(pt_model_set_normalization(model, "x", &shift, &scale, sizeof shift));
    ck_ok(pt_model_describe(model, PT_DESCRIBE_SUMMARY, text, sizeof text, &length));
    ck_assert_ptr_nonnull(strstr(text, "\nfield \"x\" goes in as (value - shift) / scale, features 5: "
                                       "shift 1, 0.25, -3, 4, ...; scale 1, 2, 1e-09, 4e+20, ...\n1 parameters"));
    pt_model_free(model);
    model = mirror(context, 2, (const int64_t[]){PT_DIM_BATCH, 1});
    pt_dataset_t *data = dataset_of(context, PT_FLOAT32, 1, &(const int64_t){1}, (const float[]){1, NAN, 3}, 3);
    pt_normalize_options_t options;
    ck_ok(pt_normalize_options_init(&options, sizeof options));
    options.flags = PT_NORMALIZE_FILL;
    ck_ok(pt_dataset_normalize(data, "x", &options, model));
    ck_ok(pt_model_describe(model, PT_DESCRIBE_SUMMARY, text, sizeof text, &length));
    ck_assert_ptr_nonnull(strstr(text, "features 1: shift 2; scale 1; NaN is taken as 2\n"));
    pt_dataset_free(data);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

START_TEST(test_refusals)
{
    pt_context_t *context = network_context(1, 4), *elsewhere = network_context(1, 4);
    pt_dataset_t *data = flowers(context, NULL, NULL), *other = flowers(elsewhere, NULL, NULL);
    pt_model_t *model = untrained(context), *gpt = network_gpt(context), *numbers = untrained(context);
    pt_normalize_options_t options;
    ck_fails(pt_dataset_normalize(NULL, "features", NULL, model), PT_ERR_ARGUMENT, "dataset is NULL");
    ck_fails(pt_dataset_normalize(data, NULL, NULL, model), PT_ERR_ARGUMENT, "field is NULL");
    ck_assert_ptr_nonnull(strstr(pt_dataset_last_error(data), "field is NULL"));
    ck_assert_ptr_nonnull(strstr(pt_model_last_error(model), "field is NULL"));
    ck_fails(pt_dataset_normalize(data, "features", NULL, NULL), PT_ERR_ARGUMENT, "model is NULL");
    ck_fails(pt_dataset_normalize(other, "features", NULL, model), PT_ERR_ARGUMENT, "context");
    ck_fails(pt_dataset_normalize(data, "feature", NULL, model), PT_ERR_NOT_FOUND,
             "pt_dataset_normalize: the network has no field \"feature\"");
    ck_fails(pt_dataset_normalize(data, "label", NULL, model), PT_ERR_ARGUMENT, "field \"label\" is the task's");
    network_set_task(numbers, PT_TASK_REGRESSION, 1);
    ck_fails(pt_dataset_normalize(data, "target", NULL, numbers), PT_ERR_ARGUMENT, "field \"target\" is the task's");
    ck_fails(pt_dataset_normalize(data, "tokens", NULL, gpt), PT_ERR_ARGUMENT, "\"tokens\" has whole numbers");
    pt_model_t *wide = mirror(context, 2, (const int64_t[]){PT_DIM_BATCH, 3});
    ck_fails(pt_dataset_normalize(data, "x", NULL, wide), PT_ERR_SHAPE, "field \"x\" is missing");
    const int64_t width = 2;
    pt_dataset_t *narrow = dataset_of(context, PT_FLOAT32, 1, &width, (const float[]){1, 2}, 1);
    ck_fails(pt_dataset_normalize(narrow, "x", NULL, wide), PT_ERR_SHAPE, "field \"x\" has another shape");
    pt_dataset_t *far = dataset_of(context, PT_FLOAT64, 0, NULL, (const double[]){1.7e308, -1.7e308}, 2);
    pt_model_t *scalar = mirror(context, 1, (const int64_t[]){PT_DIM_BATCH});
    ck_fails(pt_dataset_normalize(far, "x", NULL, scalar), PT_ERR_ARGUMENT, "feature 0: its values spread too far");
    ck_ok(pt_normalize_options_init(&options, sizeof options));
#define REFUSED(status, part)                                                        \
    ck_fails(pt_dataset_normalize(data, "features", &options, model), status, part); \
    ck_ok(pt_normalize_options_init(&options, sizeof options))
    options.kind = 2;
    REFUSED(PT_ERR_ARGUMENT, "kind is 2");
    options.flags = 2;
    REFUSED(PT_ERR_ARGUMENT, "flags is 0x2");
    options.reserved = 1;
    REFUSED(PT_ERR_VERSION, "reserved is 1");
    options.struct_size = 2;
    REFUSED(PT_ERR_ARGUMENT, "struct_size is 2");
#undef REFUSED
    const double good[FEATURES] = {1, 1, 1, 1}, zero[FEATURES] = {1, 0, 1, 1}, endless[FEATURES] = {INFINITY, 1, 1, 1};
    pt_array_t shift = {.dtype = PT_FLOAT64, .data = view_data(good)}, scale = shift, bad = shift;
#define REFUSED(a, b, status, part) \
    ck_fails(pt_model_set_normalization(model, "features", a, b, sizeof shift), status, part)
    REFUSED(&shift, NULL, PT_ERR_ARGUMENT, "scale is NULL");
    REFUSED(NULL, &scale, PT_ERR_ARGUMENT, "shift is NULL");
    bad.data = view_data(zero);
    REFUSED(&shift, &bad, PT_ERR_ARGUMENT, "scale: value 1 is 0, expected above 0");
    bad.data = view_data(endless);
    REFUSED(&bad, &scale, PT_ERR_NONFINITE, "shift: value 0 is not finite");
    bad.elements = 3;
    REFUSED(&bad, &scale, PT_ERR_SHAPE, "shift");
#undef REFUSED
    ck_fails(pt_model_set_normalization(model, NULL, &shift, &scale, sizeof shift), PT_ERR_ARGUMENT, "field is NULL");
    ck_fails(pt_model_set_normalization(model, "y", &shift, &scale, sizeof shift), PT_ERR_NOT_FOUND, "\"y\"");
    ck_fails(pt_model_set_normalization(NULL, "y", &shift, &scale, sizeof shift), PT_ERR_ARGUMENT, "model is NULL");
    ck_fails(pt_model_normalization(NULL, "y", &shift, &scale, sizeof shift), PT_ERR_ARGUMENT, "model is NULL");
    ck_fails(pt_model_normalization(model, NULL, NULL, NULL, sizeof shift), PT_ERR_ARGUMENT, "field is NULL");
    ck_assert(!is_normalised(model)); /* nothing of all that has changed it */
    ck_ok(pt_model_set_normalization(model, "features", &shift, &scale, sizeof shift));
    double room[2];
    pt_array_t few = {.data = room, .capacity = 2}, ask = {0};
    ck_fails(pt_model_normalization(model, "features", &few, NULL, sizeof few), PT_ERR_ARGUMENT,
             "shift: data has room for 2 elements, expected 4");
    ck_assert_int_eq(few.elements, 4);
    ck_ok(pt_model_normalization(model, "features", NULL, &ask, sizeof ask));
    ck_assert(ask.elements == 4 && ask.dtype == PT_FLOAT64);
    void *pair[2] = {model, data};
    pt_train_options_t train;
    ck_ok(pt_train_options_init(&train, sizeof train));
    train.steps = 1;
    train.event = normalise_within;
    train.event_user = pair;
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_SGD, 0.1);
    ck_ok(pt_finetune(model, optimizer, data, &train, NULL));
    pt_optimizer_free(optimizer);
    pt_dataset_free(far);
    pt_dataset_free(narrow);
    pt_dataset_free(other);
    pt_dataset_free(data);
    pt_model_free(scalar);
    pt_model_free(wide);
    pt_model_free(numbers);
    pt_model_free(gpt);
    pt_model_free(model);
    pt_context_free(elsewhere);
    pt_context_free(context);
}
END_TEST

static void measure_itself(void *user, pt_batch_t *batch)
{
    void **pair = user;
    ck_fails(pt_dataset_normalize(pair[1], "x", NULL, pair[0]), PT_ERR_BUSY, "in use");
    ((float *)batch->fields[0].data)[0] = (float)batch->indices[0];
    batch->filled = 1;
    batch->status = batch->indices[0] == 0 ? PT_OK : PT_ERR_CALLBACK;
}

/* What a callback may not do, and what its failure leaves. */
START_TEST(test_callbacks)
{
    const pt_field_spec_t number = {.name = "x", .dtype = PT_FLOAT32};
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = mirror(context, 1, (const int64_t[]){PT_DIM_BATCH});
    pt_dataset_t *data, *bad;
    void *pair[2] = {model, NULL};
    ck_ok(pt_dataset_create_map(context, &number, 1, sizeof number, 1, 0, measure_itself, pair, NULL, &data));
    pair[1] = data;
    ck_ok(pt_dataset_normalize(data, "x", NULL, model));
    expect_numbers(model, &(const double){0}, &(const double){1}, 1);
    ck_ok(pt_model_set_normalization(model, "x", NULL, NULL, sizeof(pt_array_t)));
    const int64_t one = 1;
    ck_ok(pt_dataset_create_map(context, &number, 1, sizeof number, 2, 0, measure_itself, pair, NULL, &bad));
    pt_dataset_t *second;
    ck_ok(pt_dataset_select(bad, &one, 1, &second));
    ck_fails(pt_dataset_normalize(second, "x", NULL, model), PT_ERR_CALLBACK, "pt_dataset_normalize: ");
    ck_fails(pt_model_normalization(model, "x", NULL, NULL, sizeof(pt_array_t)), PT_ERR_NOT_FOUND, "as they are");
    pt_dataset_free(second);
    pt_dataset_free(bad);
    pt_dataset_free(data);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* Measured, written, opened, shared. */
static pt_status_t all_of_it(failing_allocator_t *allocator)
{
    pt_context_options_t options;
    pt_context_t *context = NULL;
    pt_model_t *model = NULL, *copy = NULL, *share = NULL;
    pt_dataset_t *data = NULL;
    static const float values[2 * FEATURES] = {1, 2, 3, 4, 5, 6, 7, 8};
    const pt_array_t array = {
        .name = "features", .dtype = PT_FLOAT32, .rank = 1, .shape = {FEATURES}, .data = view_data(values)};
    const char *path = suite_path("failing.safetensors");
    pt_status_t status = pt_context_options_init(&options, sizeof options);
    options.threads = 1;
    failing_allocator_hooks(allocator, &options);
    PT__TRY_OUT(pt_context_create(&options, &context));
    PT__TRY_OUT(pt_model_create_from_config(context, MLP, strlen(MLP), &model));
    PT__TRY_OUT(pt_dataset_create_from_arrays(context, &array, 1, sizeof array, 2, 0, &data));
    PT__TRY_OUT(pt_dataset_normalize(data, "features", NULL, model));
    PT__TRY_OUT(pt_dataset_normalize(data, "features", NULL, model));
    PT__TRY_OUT(pt_model_save(model, path, NULL));
    PT__TRY_OUT(pt_model_open(context, path, NULL, &copy));
    PT__TRY_OUT(pt_model_copy(copy, model));
    PT__TRY_OUT(pt_model_share(context, copy, &share));
    ck_assert(is_normalised(share));
out:
    pt_model_free(share);
    pt_model_free(copy);
    pt_model_free(model);
    pt_dataset_free(data);
    pt_context_free(context);
    return status;
}

START_TEST(test_every_allocation_may_fail)
{
    failing_allocator_t allocator;
    pt_status_t status;
    FOR_EACH_FAILING_ALLOCATION(allocator, status = all_of_it(&allocator), status);
}
END_TEST

SUITE("normalization", 120, test_scikit_learn, test_streams_maps_and_views, test_ragged_fields, test_missing_values,
      test_training_is_that_on_normalised_data, test_it_goes_where_the_model_goes, test_resuming, test_loading_over_it,
      test_damaged_files, test_copy_to_a_network_without_the_field,
      test_description, test_refusals, test_callbacks, test_every_allocation_may_fail)
