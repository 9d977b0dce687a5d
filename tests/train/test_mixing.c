/* Mixtures of pictures: what is drawn, what becomes of pixels and labels, that evaluations mix nothing, that a run is
 * the same at any number of threads and learns, and what is refused. */
#include "tasks/mixing.h"

#include <math.h>
#include <string.h>

#include "support/networks.h"
#include "support/views.h"
#include "train/model.h"

enum { SIDE = 6, PIXELS = SIDE * SIDE, SAMPLES = 24, CLASSES = 3, DRAWS = 4000 };

/* A picture's pixels, then sums of them over its rows: enough of a network to learn from. */
static pt_model_t *make_model(pt_context_t *context, double mixup, double cutmix)
{
    pt_graph_t *graph;
    pt_model_t *model;
    pt_classification_options_t task;
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t pixels = pt_input(graph, "pixel_values", PT_FLOAT32, 4, (int64_t[]){PT_DIM_BATCH, SIDE, SIDE, 1});
    pt_tensor_t rows = pt_reshape(graph, pixels, 2, (int64_t[]){PT_DIM_BATCH, PIXELS});
    pt_graph_set_output(graph, "hidden", pt_linear_layer(graph, "trunk", rows, 8, PT_ACTIVATION_RELU));
    ck_ok(pt_model_create(context, graph, &model));
    pt_graph_free(graph);
    ck_ok(pt_classification_options_init(&task, sizeof task));
    task.classes = CLASSES;
    task.mixup = mixup;
    task.cutmix = cutmix;
    ck_ok(pt_model_set_task(model, PT_TASK_CLASSIFICATION, &task));
    return model;
}

/* Class k: bright in the rows 2k and 2k + 1. */
static pt_dataset_t *make_data(pt_context_t *context, int32_t ignored)
{
    static uint8_t pixels[SAMPLES * PIXELS];
    static int32_t labels[SAMPLES];
    pt_dataset_t *data;
    for (int32_t i = 0; i < SAMPLES; i++) {
        labels[i] = i < ignored ? PT_IGNORE_INDEX : i % CLASSES;
        for (int32_t j = 0; j < PIXELS; j++)
            pixels[i * PIXELS + j] = (uint8_t)(j / SIDE / 2 == i % CLASSES ? 200 + (i * 7 + j) % 50 : (i + j) % 20);
    }
    const pt_array_t arrays[] = {
        {.name = "pixel_values", .dtype = PT_UINT8, .rank = 3, .shape = {SIDE, SIDE, 1}, .data = pixels},
        {.name = "label", .dtype = PT_INT32, .rank = 0, .data = labels},
    };
    ck_ok(pt_dataset_create_from_arrays(context, arrays, 2, sizeof arrays[0], SAMPLES, PT_DATASET_COPY, &data));
    return data;
}

/* Beta(α, α): a half on average, with a variance of 1 / (4 (2 α + 1)); of CutMix before the borders cut it. */
START_TEST(test_draws)
{
    static const double alphas[] = {0.1, 0.5, 1, 4};
    for (size_t a = 0; a < sizeof alphas / sizeof alphas[0]; a++) {
        const pt__task_options_t both = {.mixup = alphas[a], .cutmix = alphas[a]}, one = {.mixup = alphas[a]};
        double sum = 0, squares = 0;
        int64_t cuts = 0;
        for (uint64_t key = 0; key < DRAWS; key++) {
            const pt__mixture_t mixture = pt__mixing_draw(&one, key * 0x9E3779B97F4A7C15u, 10, 12);
            ck_assert(!mixture.is_cut && mixture.share >= 0 && mixture.share <= 1);
            sum += mixture.share;
            squares += (mixture.share - 0.5) * (mixture.share - 0.5);
            const pt__mixture_t other = pt__mixing_draw(&both, key * 0x9E3779B97F4A7C15u, 10, 12);
            cuts += other.is_cut;
            if (!other.is_cut)
                continue;
            ck_assert(other.top >= 0 && other.height >= 0 && other.top + other.height <= 10);
            ck_assert(other.left >= 0 && other.width >= 0 && other.left + other.width <= 12);
            ck_assert_double_eq(other.share, 1 - (double)(other.height * other.width) / 120);
        }
        const double variance = 1 / (4 * (2 * alphas[a] + 1));
        ck_assert_double_eq_tol(sum / DRAWS, 0.5, 4 * sqrt(variance / DRAWS));
        ck_assert_double_eq_tol(squares / DRAWS, variance, 0.08 * variance);
        ck_assert_int_lt(cuts > DRAWS / 2 ? cuts - DRAWS / 2 : DRAWS / 2 - cuts, 4 * 32);
    }
}
END_TEST

static pt__derivation_t derivation_of(const pt_model_t *model, const void *from, int32_t training)
{
    return (pt__derivation_t){.from = from,
                              .samples = 3,
                              .key = 12345,
                              .options = &model->task,
                              .graph = model->graph,
                              .is_training = training};
}

START_TEST(test_what_becomes_of_samples)
{
    for (int32_t way = 0; way < 2; way++) {
        pt_context_t *context = network_context(1, 1);
        pt_model_t *model = make_model(context, way == 0, way == 1);
        float pixels[3 * PIXELS], mixed[3 * PIXELS], shares[3 * CLASSES], counts[3];
        static const int32_t labels[] = {2, PT_IGNORE_INDEX, 0}, none[] = {1, PT_IGNORE_INDEX, PT_IGNORE_INDEX};
        for (int32_t i = 0; i < 3 * PIXELS; i++)
            pixels[i] = (float)(i / PIXELS * 100 + i % PIXELS);
        for (int32_t training = 0; training < 2; training++) {
            const pt__mixture_t mixture = pt__mixing_draw(&model->task, 12345, SIDE, SIDE);
            pt__derivation_t derivation = derivation_of(model, pixels, training);
            const float share = training ? (float)mixture.share : 1;
            ck_assert(mixture.is_cut == way && mixture.share > 0.02 && mixture.share < 0.98);
            pt__mixing_derived[0].derive(&derivation, mixed);
            for (int32_t i = 0; i < 3; i++) {
                double sum = 0, own = 0, other = 0;
                for (int32_t j = 0; j < PIXELS; j++) {
                    sum += (double)mixed[i * PIXELS + j];
                    own += (double)pixels[i * PIXELS + j];
                    other += (double)pixels[(i + 2) % 3 * PIXELS + j];
                }
                if (way == 0 || !training)
                    ck_assert_double_eq_tol(sum, (double)share * own + (1 - (double)share) * other, 0.05);
                int32_t taken = 0;
                for (int32_t j = 0; j < PIXELS; j++)
                    taken += mixed[i * PIXELS + j] == pixels[(i + 2) % 3 * PIXELS + j];
                ck_assert_int_eq(way == 1 && training ? PIXELS - taken : PIXELS,
                                 way == 1 && training ? (int32_t)lround(mixture.share * PIXELS) : PIXELS);
            }
            derivation = derivation_of(model, labels, training);
            pt__mixing_derived[1].derive(&derivation, shares);
            pt__mixing_derived[2].derive(&derivation, counts);
            ck_assert_float_eq_tol(shares[2], share, 1e-6f);
            ck_assert_float_eq_tol(shares[0], training ? 1 - share : 0, 1e-6f);
            ck_assert_float_eq(shares[CLASSES + 2], training ? 1 : 0); /* it has no label: the partner's */
            ck_assert(counts[0] == 1 && counts[1] == (training ? 1.0f : 0.0f));
            ck_assert_float_eq(shares[2 * CLASSES], 1); /* its partner has none */
            derivation = derivation_of(model, none, training);
            pt__mixing_derived[2].derive(&derivation, counts);
            ck_assert_float_eq(counts[2], 0);
        }
        pt_model_free(model);
        pt_context_free(context);
    }
}
END_TEST

/* The same bits at any number of threads, other ones than without; the evaluation is that of a model without. */
START_TEST(test_training)
{
    uint64_t bits[3];
    for (int32_t run = 0; run < 3; run++) {
        pt_context_t *context = network_context(run == 1 ? 3 : 1, 5);
        pt_model_t *model = make_model(context, run < 2 ? 0.4 : 0, run < 2 ? 1 : 0);
        pt_dataset_t *data = make_data(context, 2);
        pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAM, 0.01);
        pt_train_options_t options;
        pt_evaluation_t before = {.struct_size = sizeof before}, after = before;
        ck_ok(pt_train_options_init(&options, sizeof options));
        options.epochs = 30;
        options.batch = 8;
        ck_ok(pt_evaluate(model, data, 5, &before));
        ck_ok(pt_evaluate(model, data, 8, &after)); /* nothing is mixed: it does not depend on how samples are cut */
        ck_assert_double_eq_tol(before.loss, after.loss, 1e-6);
        ck_ok(pt_finetune(model, optimizer, data, &options, NULL));
        ck_ok(pt_evaluate(model, data, 8, &after));
        ck_assert_double_lt(after.loss, before.loss / 2);
        ck_assert_double_gt(pt_model_metric_value(model, "accuracy"), 0.7);
        bits[run] = network_fingerprint(model);
        pt_optimizer_free(optimizer);
        pt_dataset_free(data);
        pt_model_free(model);
        pt_context_free(context);
    }
    ck_assert_uint_eq(bits[0], bits[1]);
    ck_assert_uint_ne(bits[0], bits[2]);
}
END_TEST

START_TEST(test_refusals)
{
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = make_model(context, 0, 0), *numbers;
    static const char mlp[] = "{\"model_type\": \"mlp\", \"input_size\": 5, \"hidden_sizes\": [3]}";
    static const struct {
        double mixup, cutmix;
        const char *part;
    } cases[] = {{-1, 0, "mixup is -1"}, {0, 1001, "cutmix is 1001"}, {(double)NAN, 0, "mixup is"}};
    pt_classification_options_t task;
    ck_ok(pt_classification_options_init(&task, sizeof task));
    task.classes = CLASSES;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        task.mixup = cases[i].mixup;
        task.cutmix = cases[i].cutmix;
        ck_fails(pt_model_set_task(model, PT_TASK_CLASSIFICATION, &task), PT_ERR_ARGUMENT, cases[i].part);
    }
    task.mixup = 0.2;
    task.cutmix = 0;
    ck_ok(pt_model_create_from_config(context, mlp, strlen(mlp), &numbers));
    ck_fails(pt_model_set_task(numbers, PT_TASK_CLASSIFICATION, &task), PT_ERR_STATE,
             "the network has no field \"pixel_values\"");
    pt_model_free(numbers);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

SUITE("mixing", 60, test_draws, test_what_becomes_of_samples, test_training, test_refusals)
