/* Nearest neighbours of features: the classes that a search by hand gives, at any batch and thread count; names of
 * classes; and what is refused. */
#include <math.h>
#include <string.h>

#include "support/failing_allocator.h"
#include "support/networks.h"
#include "support/views.h"

enum { WIDTH = 5, REFERENCES = 37, ASKED = 300, CLASSES = 3 };

static float reference_rows[REFERENCES * WIDTH], asked_rows[ASKED * WIDTH];
static int32_t reference_labels[REFERENCES], asked_labels[ASKED];

/* x [WIDTH] goes out as "hidden", and as pairs of rows that are none of a sample's. */
static pt_model_t *mirror(pt_context_t *context)
{
    pt_graph_t *graph;
    pt_model_t *model;
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t one = pt_parameter(graph, "one", 1, &(const int64_t){1}, INITIAL(PT_INIT_CONSTANT, 1));
    pt_tensor_t x = pt_input(graph, "x", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, WIDTH});
    pt_tensor_t hidden = pt_mul(graph, x, one);
    pt_graph_set_output(graph, "hidden", hidden);
    pt_graph_set_output(graph, "wide", pt_reshape(graph, hidden, 3, (int64_t[]){PT_DIM_BATCH, 1, WIDTH}));
    pt_graph_set_output(graph, "negative", pt_scale(graph, hidden, -1));
    ck_ok(pt_model_create(context, graph, &model));
    pt_graph_free(graph);
    return model;
}

static pt_dataset_t *dataset_of(pt_context_t *context, const float *rows, const int32_t *labels, int64_t samples)
{
    pt_dataset_t *data;
    pt_array_t arrays[] = {
        {.name = "x", .dtype = PT_FLOAT32, .rank = 1, .shape = {WIDTH}, .data = view_data(rows)},
        {.name = "label", .dtype = PT_INT32, .rank = 0, .data = view_data(labels)},
    };
    ck_ok(pt_dataset_create_from_arrays(context, arrays, labels != NULL ? 2 : 1, sizeof arrays[0], samples,
                                        PT_DATASET_COPY, &data));
    return data;
}

static void draw(void)
{
    uint64_t state = 7;
    for (int32_t i = 0; i < REFERENCES * WIDTH; i++)
        reference_rows[i] = (float)((state = state * 6364136223846793005u + 1442695040888963407u) >> 40) / 8388608 - 1;
    for (int32_t i = 0; i < ASKED * WIDTH; i++)
        asked_rows[i] = (float)((state = state * 6364136223846793005u + 1442695040888963407u) >> 40) / 8388608 - 1;
    for (int32_t i = 0; i < REFERENCES; i++)
        reference_labels[i] = i % CLASSES;
    for (int32_t i = 0; i < ASKED; i++)
        asked_labels[i] = i % CLASSES;
}

static double cosine(const float *a, const float *b)
{
    double product = 0, squares[2] = {0, 0};
    for (int32_t i = 0; i < WIDTH; i++) {
        product += (double)a[i] * (double)b[i];
        squares[0] += (double)a[i] * (double)a[i];
        squares[1] += (double)b[i] * (double)b[i];
    }
    return product / sqrt(squares[0] * squares[1]);
}

/* By sorting all similarities anew for each neighbour. */
static double by_hand(int64_t neighbours, double temperature)
{
    int64_t right = 0;
    for (int32_t i = 0; i < ASKED; i++) {
        double votes[CLASSES] = {0}, similar[REFERENCES];
        int32_t best = 0;
        for (int32_t j = 0; j < REFERENCES; j++)
            similar[j] = cosine(asked_rows + i * WIDTH, reference_rows + j * WIDTH);
        for (int64_t k = 0; k < neighbours; k++) {
            int32_t nearest = 0;
            for (int32_t j = 1; j < REFERENCES; j++)
                nearest = similar[j] > similar[nearest] ? j : nearest;
            votes[reference_labels[nearest]] += temperature > 1e-4 ? exp(similar[nearest] / temperature) : 1;
            similar[nearest] = -2;
        }
        for (int32_t c = 1; c < CLASSES; c++)
            best = votes[c] > votes[best] ? c : best;
        right += best == asked_labels[i];
    }
    return (double)right / ASKED;
}

START_TEST(test_votes)
{
    static const struct {
        int64_t neighbours, batch;
        double temperature;
        const char *output;
    } cases[] = {{1, 0, 0.07, NULL},           {5, 1, 0, NULL},          {7, 64, 0.2, "hidden"},
                 {REFERENCES, 300, 0.5, NULL}, {4, 8, 1e-5, "negative"}, {3, 8, 0.07, NULL}};
    draw();
    for (int32_t threads = 1; threads <= 2; threads++) {
        pt_context_t *context = network_context(threads, 1);
        pt_model_t *model = mirror(context);
        pt_dataset_t *reference = dataset_of(context, reference_rows, reference_labels, REFERENCES);
        pt_dataset_t *asked = dataset_of(context, asked_rows, asked_labels, ASKED);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            pt_neighbour_options_t options;
            pt_neighbour_result_t result = {.struct_size = sizeof result};
            ck_ok(pt_neighbour_options_init(&options, sizeof options));
            options.neighbours = cases[i].neighbours;
            options.batch = cases[i].batch;
            options.temperature = cases[i].temperature;
            options.output = cases[i].output;
            ck_ok(pt_evaluate_neighbours(model, reference, asked, &options, &result));
            ck_assert_int_eq(result.samples, ASKED);
            ck_assert_int_eq(result.references, REFERENCES);
            /* of a tiny temperature the nearest alone counts, and nothing overflows */
            const int32_t is_tiny = cases[i].temperature > 0 && cases[i].temperature < 1e-4;
            ck_assert_double_eq(result.accuracy, by_hand(is_tiny ? 1 : cases[i].neighbours, cases[i].temperature));
        }
        pt_dataset_free(reference);
        pt_dataset_free(asked);
        pt_model_free(model);
        pt_context_free(context);
    }
}
END_TEST

/* More neighbours than there are, rows of zeros, and themselves. */
START_TEST(test_borders)
{
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = mirror(context);
    pt_neighbour_options_t options;
    pt_neighbour_result_t result = {.struct_size = sizeof result};
    draw();
    pt_dataset_t *reference = dataset_of(context, reference_rows, reference_labels, REFERENCES);
    ck_ok(pt_neighbour_options_init(&options, sizeof options));
    options.neighbours = 1;
    ck_ok(pt_evaluate_neighbours(model, reference, reference, &options, &result));
    ck_assert_double_eq(result.accuracy, 1);
    options.neighbours = INT32_MAX;
    ck_ok(pt_evaluate_neighbours(model, reference, reference, &options, &result));
    memset(reference_rows, 0, sizeof reference_rows);
    pt_dataset_t *zeros = dataset_of(context, reference_rows, reference_labels, REFERENCES);
    options.neighbours = 1; /* all are alike: the first */
    ck_ok(pt_evaluate_neighbours(model, zeros, zeros, &options, &result));
    ck_assert_double_eq_tol(result.accuracy, 13.0 / REFERENCES, 1e-12);
    pt_dataset_free(zeros);
    pt_dataset_free(reference);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

static pt_dataset_t *named(pt_context_t *context, const char *text)
{
    static const pt_column_t columns[] = {
        {.field = "x", .source = "x", .kind = PT_COLUMN_NUMBER, .count = WIDTH},
        {.field = "label", .source = "label", .kind = PT_COLUMN_CLASS},
    };
    pt_dataset_t *data;
    ck_ok(pt_dataset_create_from_jsonl(context, suite_write("named.jsonl", text, strlen(text)), columns, 2,
                                       sizeof columns[0], NULL, &data));
    return data;
}

/* Numbers of classes differ between the files, their names do not; a class that the reference does not know is
 * wrong. */
START_TEST(test_names)
{
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = mirror(context);
    pt_neighbour_options_t options;
    pt_neighbour_result_t result = {.struct_size = sizeof result};
    pt_dataset_t *reference = named(context, "{\"x\": [1, 0, 0, 0, 0], \"label\": \"ant\"}\n"
                                             "{\"x\": [0, 1, 0, 0, 0], \"label\": \"bee\"}\n"
                                             "{\"x\": [0, 0, 1, 0, 0], \"label\": \"cow\"}\n");
    pt_dataset_t *asked = named(context, "{\"x\": [0, 0, 3, 1, 0], \"label\": \"cow\"}\n"
                                         "{\"x\": [0, 2, 0, 0, 1], \"label\": \"bee\"}\n"
                                         "{\"x\": [0, 2, 0, 0, 1], \"label\": \"dog\"}\n"
                                         "{\"x\": [0, 2, 0, 0, 1], \"label\": \"cow\"}\n");
    ck_ok(pt_neighbour_options_init(&options, sizeof options));
    options.neighbours = 1;
    ck_ok(pt_evaluate_neighbours(model, reference, asked, &options, &result));
    ck_assert_double_eq(result.accuracy, 0.5);
    ck_assert_int_eq(result.samples, 4);
    pt_dataset_free(reference);
    pt_dataset_free(asked);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* user: how many times each sample has been made. */
static void fetch(void *user, pt_batch_t *batch)
{
    float *rows = pt_batch_field(batch, "x")->data;
    int32_t *labels = pt_batch_field(batch, "label")->data;
    for (int64_t i = 0; i < batch->capacity; i++) {
        const int64_t sample = batch->indices[i];
        ((int32_t *)user)[sample]++;
        memcpy(rows + i * WIDTH, asked_rows + sample * WIDTH, WIDTH * sizeof(float));
        labels[i] = asked_labels[sample];
    }
    batch->filled = batch->capacity;
    batch->status = PT_OK;
}

/* Features and labels come from one pass, and a batch that does not divide the samples loses none. */
START_TEST(test_samples_are_made_once)
{
    const pt_field_spec_t fields[] = {{.name = "x", .dtype = PT_FLOAT32, .rank = 1, .shape = {WIDTH}},
                                      {.name = "label", .dtype = PT_INT32, .rank = 0}};
    int32_t made[ASKED] = {0};
    pt_neighbour_options_t options;
    pt_neighbour_result_t result = {.struct_size = sizeof result};
    pt_dataset_t *asked;
    draw();
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = mirror(context);
    pt_dataset_t *reference = dataset_of(context, reference_rows, reference_labels, REFERENCES);
    ck_ok(pt_dataset_create_map(context, fields, 2, sizeof fields[0], ASKED, 0, fetch, made, NULL, &asked));
    ck_ok(pt_neighbour_options_init(&options, sizeof options));
    options.neighbours = 5;
    options.batch = 7;
    ck_ok(pt_evaluate_neighbours(model, reference, asked, &options, &result));
    ck_assert(fabs(result.accuracy - by_hand(5, options.temperature)) < 1e-12);
    for (int32_t i = 0; i < ASKED; i++)
        ck_assert_int_eq(made[i], 1);
    pt_dataset_free(asked);
    pt_dataset_free(reference);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

START_TEST(test_refusals)
{
    static const struct {
        int64_t neighbours, batch;
        double temperature;
        uint32_t flags;
        const char *output;
        pt_status_t status;
        const char *part;
    } cases[] = {{0, 0, 0, 0, NULL, PT_ERR_ARGUMENT, "neighbours is 0"},
                 {1, -1, 0, 0, NULL, PT_ERR_ARGUMENT, "batch is -1"},
                 {1, 0, -1, 0, NULL, PT_ERR_ARGUMENT, "temperature is -1"},
                 {1, 0, (double)INFINITY, 0, NULL, PT_ERR_ARGUMENT, "temperature is"},
                 {1, 0, 0, 1, NULL, PT_ERR_ARGUMENT, "flags is 0x1"},
                 {1, 0, 0, 0, "no such", PT_ERR_NOT_FOUND, "no such"},
                 {1, 0, 0, 0, "wide", PT_ERR_SHAPE, "a row a sample"}};
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = mirror(context);
    pt_neighbour_result_t result = {.struct_size = sizeof result};
    draw();
    pt_dataset_t *reference = dataset_of(context, reference_rows, reference_labels, REFERENCES);
    pt_dataset_t *unlabelled = dataset_of(context, asked_rows, NULL, ASKED);
    reference_labels[3] = PT_IGNORE_INDEX;
    pt_dataset_t *ignored = dataset_of(context, reference_rows, reference_labels, REFERENCES);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pt_neighbour_options_t options;
        ck_ok(pt_neighbour_options_init(&options, sizeof options));
        options.neighbours = cases[i].neighbours;
        options.batch = cases[i].batch;
        options.temperature = cases[i].temperature;
        options.flags = cases[i].flags;
        options.output = cases[i].output;
        ck_fails(pt_evaluate_neighbours(model, reference, reference, &options, &result), cases[i].status,
                 cases[i].part);
    }
    ck_fails(pt_evaluate_neighbours(model, NULL, reference, NULL, &result), PT_ERR_ARGUMENT, "reference is NULL");
    ck_fails(pt_evaluate_neighbours(model, reference, NULL, NULL, &result), PT_ERR_ARGUMENT, "dataset is NULL");
    ck_fails(pt_evaluate_neighbours(model, reference, reference, NULL, NULL), PT_ERR_ARGUMENT, "result is NULL");
    ck_fails(pt_evaluate_neighbours(model, reference, unlabelled, NULL, &result), PT_ERR_SHAPE, "no field \"label\"");
    ck_fails(pt_evaluate_neighbours(model, ignored, reference, NULL, &result), PT_ERR_ARGUMENT,
             "the label of sample 3 is -100");
    pt_dataset_free(ignored);
    pt_dataset_free(unlabelled);
    pt_dataset_free(reference);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

static pt_status_t all_of_it(failing_allocator_t *allocator)
{
    static const char mlp[] = "{\"model_type\": \"mlp\", \"input_size\": 5, \"hidden_sizes\": [3]}";
    pt_context_options_t options;
    pt_context_t *context = NULL;
    pt_model_t *model = NULL;
    pt_dataset_t *data = NULL;
    pt_neighbour_result_t result = {.struct_size = sizeof result};
    const pt_array_t arrays[] = {
        {.name = "features", .dtype = PT_FLOAT32, .rank = 1, .shape = {WIDTH}, .data = view_data(reference_rows)},
        {.name = "label", .dtype = PT_INT32, .rank = 0, .data = view_data(reference_labels)},
    };
    pt_status_t status = pt_context_options_init(&options, sizeof options);
    options.threads = 1;
    failing_allocator_hooks(allocator, &options);
    PT__TRY_OUT(pt_context_create(&options, &context));
    PT__TRY_OUT(pt_model_create_from_config(context, mlp, strlen(mlp), &model));
    PT__TRY_OUT(pt_dataset_create_from_arrays(context, arrays, 2, sizeof arrays[0], 9, 0, &data));
    PT__TRY_OUT(pt_evaluate_neighbours(model, data, data, NULL, &result));
out:
    pt_dataset_free(data);
    pt_model_free(model);
    pt_context_free(context);
    return status;
}

START_TEST(test_every_allocation_may_fail)
{
    failing_allocator_t allocator;
    pt_status_t status;
    draw();
    FOR_EACH_FAILING_ALLOCATION(allocator, status = all_of_it(&allocator), status);
}
END_TEST

SUITE("neighbours", 60, test_votes, test_borders, test_names, test_samples_are_made_once, test_refusals,
      test_every_allocation_may_fail)
