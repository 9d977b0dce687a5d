/* Tasks on unlabelled frames: what is hidden and what is asked for, of networks with as many rows as frames and with
 * fewer; that a run which goes on draws what it would have drawn, at any number of threads; that evaluations always
 * hide the same; that they learn; and that what was learnt goes on to a classification. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "support/networks.h"
#include "support/views.h"
#include "tasks/frame_spans.h"
#include "train/model.h"

enum { BINS = 3, WIDTH = 8, SAMPLES = 48, LONGEST = 24, CLASSES = 2 };

/* frames -> a convolution over 3 of them, every second row of it where `stride` is 2 -> hidden. */
static pt_graph_t *make_trunk(pt_context_t *context, int64_t stride)
{
    pt_graph_t *graph;
    pt_convolution_options_t options;
    ck_ok(pt_graph_create(context, &graph));
    ck_ok(pt_convolution_options_init(&options, sizeof options));
    options.stride[0] = stride;
    options.padding[0] = options.padding[1] = 1;
    pt_tensor_t rows = pt_input(graph, "frames", PT_FLOAT32, 2, (int64_t[]){PT_DIM_TOKENS, BINS});
    rows = pt_convolution_layer(graph, "first", rows, WIDTH, 3, 1, &options);
    rows = pt_dropout(graph, pt_gelu(graph, rows), 0.05);
    options.stride[0] = 1;
    options.padding[0] = options.padding[1] = 2;
    rows = pt_gelu(graph, pt_convolution_layer(graph, "second", rows, WIDTH, 5, 1, &options));
    ck_ok(pt_graph_set_output(graph, "hidden", rows));
    return graph;
}

static pt_model_t *make_model(pt_context_t *context, int64_t stride, const char *task, const void *options)
{
    pt_graph_t *graph = make_trunk(context, stride);
    pt_model_t *model;
    ck_ok(pt_model_create(context, graph, &model));
    pt_graph_free(graph);
    ck_ok(pt_model_set_task(model, task, options));
    return model;
}

/* Waves of two speeds, which are the classes, at any phase. */
static float frames[SAMPLES * LONGEST * BINS];
static int64_t lengths[SAMPLES], all_frames;
static int32_t labels[SAMPLES];

static void make_frames(void)
{
    pt__random_t random = pt__random_start(3);
    all_frames = 0;
    for (int32_t s = 0; s < SAMPLES; s++) {
        const double phase = 6 * pt__random_uniform(&random);
        labels[s] = s % CLASSES;
        lengths[s] = 9 + s * 5 % (LONGEST - 8);
        for (int64_t i = 0; i < lengths[s]; i++, all_frames++)
            for (int32_t b = 0; b < BINS; b++)
                frames[all_frames * BINS + b] = (float)(sin(phase + 0.4 * (double)(i * (1 + labels[s]) + 2 * b)) +
                                                        0.1 * pt__random_normal(&random));
    }
}

static pt_dataset_t *make_data(pt_context_t *context)
{
    pt_dataset_t *dataset;
    make_frames();
    const pt_array_t arrays[] = {{.name = "frames",
                                  .dtype = PT_FLOAT32,
                                  .rank = 2,
                                  .shape = {PT_DIM_TOKENS, BINS},
                                  .data = frames,
                                  .elements = all_frames * BINS,
                                  .lengths = lengths,
                                  .samples = SAMPLES},
                                 {.name = "label", .dtype = PT_INT32, .rank = 0, .data = labels}};
    ck_ok(pt_dataset_create_from_arrays(context, arrays, 2, sizeof arrays[0], SAMPLES, PT_DATASET_COPY, &dataset));
    return dataset;
}

static pt_array_t view_of(int32_t samples)
{
    return (pt_array_t){.name = "frames", .dtype = PT_FLOAT32, .data = frames, .lengths = lengths, .samples = samples};
}

static pt_optimizer_t *make_optimizer(pt_context_t *context)
{
    pt_optimizer_options_t options;
    pt_optimizer_t *optimizer;
    ck_ok(pt_optimizer_options_init(&options, sizeof options));
    options.learning_rate = 0.01;
    ck_ok(pt_optimizer_create(context, &options, &optimizer));
    return optimizer;
}

static void pretrain(pt_model_t *model, pt_dataset_t *dataset, int64_t steps, const char *directory, uint32_t flags)
{
    pt_optimizer_t *optimizer = make_optimizer(model->context);
    pt_train_options_t options;
    ck_ok(pt_train_options_init(&options, sizeof options));
    options.steps = steps;
    options.batch = 8;
    options.checkpoint_directory = directory;
    options.flags = flags;
    ck_ok(pt_pretrain(model, optimizer, dataset, &options, NULL));
    pt_optimizer_free(optimizer);
}

/* All that is stored: parameters and states. The caller frees it. */
static float *stored(const pt_model_t *model, int64_t *elements)
{
    *elements = 0;
    for (int64_t i = 0; i < model->store.count; i++)
        *elements += model->store.tensors[i].elements;
    float *values = malloc((size_t)*elements * sizeof *values);
    ck_assert_ptr_nonnull(values);
    int64_t at = 0;
    for (int64_t i = 0; i < model->store.count; i++) {
        ck_ok(pt__stored_get(&model->store, &model->store.tensors[i], values + at));
        at += model->store.tensors[i].elements;
    }
    return values;
}

static float *trained(const char *task, int64_t stride, int32_t threads, int64_t steps, const char *directory,
                      uint32_t flags, int64_t *elements)
{
    pt_context_t *context = network_context(threads, 11);
    pt_model_t *model = make_model(context, stride, task, NULL);
    pt_dataset_t *dataset = make_data(context);
    pretrain(model, dataset, steps, directory, flags);
    float *values = stored(model, elements);
    pt_dataset_free(dataset);
    pt_model_free(model);
    pt_context_free(context);
    return values;
}

static const char *const tasks[] = {PT_TASK_MASKED_FRAMES, PT_TASK_CONTRASTIVE, PT_TASK_DATA2VEC};
enum { TASKS = sizeof tasks / sizeof tasks[0] };

START_TEST(test_resume_and_threads)
{
    for (int32_t t = 0; t < TASKS; t++)
        for (int64_t stride = 1; stride <= 2; stride++) {
            int64_t elements, again;
            char name[64];
            snprintf(name, sizeof name, "%s_%d", tasks[t], (int)stride);
            const char *directory = suite_path(name);
            float *whole = trained(tasks[t], stride, 1, 9, NULL, 0, &elements);
            float *threads = trained(tasks[t], stride, 3, 9, NULL, 0, &again);
            ck_assert_int_eq(elements, again);
            ck_assert_mem_eq(whole, threads, (size_t)elements * sizeof *whole);
            free(trained(tasks[t], stride, 1, 4, directory, 0, &again));
            float *resumed = trained(tasks[t], stride, 2, 9, directory, PT_TRAIN_RESUME, &again);
            ck_assert_mem_eq(whole, resumed, (size_t)elements * sizeof *whole);
            free(resumed);
            free(threads);
            free(whole);
        }
}
END_TEST

/* What a task's own measure says of data that hides the same however its batches are cut; it learns; and the trunk goes
 * on to a classification. */
START_TEST(test_learns_and_goes_on)
{
    for (int32_t t = 0; t < TASKS; t++)
        for (int64_t stride = 1; stride <= 2; stride++) {
            pt_context_t *context = network_context(2, 5);
            pt_model_t *model = make_model(context, stride, tasks[t], NULL);
            pt_dataset_t *dataset = make_data(context);
            pt_evaluation_t before = {.struct_size = sizeof before}, after = before;
            pt_classification_options_t task;
            ck_ok(pt_evaluate(model, dataset, 16, &before));
            ck_ok(pt_evaluate(model, dataset, 7, &after));
            ck_assert_double_eq_tol(before.loss, after.loss, 1e-5);
            pretrain(model, dataset, 400, NULL, 0);
            ck_ok(pt_evaluate(model, dataset, 16, &after));
            ck_assert_msg(after.loss < 0.7 * before.loss, "%s, stride %d: loss %g to %g", tasks[t], (int)stride,
                          before.loss, after.loss);
            ck_ok(pt_classification_options_init(&task, sizeof task));
            task.classes = CLASSES;
            ck_ok(pt_model_set_task(model, PT_TASK_CLASSIFICATION, &task));
            pt_optimizer_t *optimizer = make_optimizer(context);
            pt_train_options_t options;
            ck_ok(pt_train_options_init(&options, sizeof options));
            options.steps = 100;
            options.batch = 8;
            ck_ok(pt_finetune(model, optimizer, dataset, &options, NULL));
            ck_ok(pt_evaluate(model, dataset, 16, &after));
            ck_assert_double_gt(pt_model_metric_value(model, "accuracy"), 0.9);
            pt_optimizer_free(optimizer);
            pt_dataset_free(dataset);
            pt_model_free(model);
            pt_context_free(context);
        }
}
END_TEST

/* ---- Masked frames ---- */

static pt_masked_frames_options_t masked_options(double probability, int32_t span, int32_t loss)
{
    pt_masked_frames_options_t options;
    ck_ok(pt_masked_frames_options_init(&options, sizeof options));
    options.probability = probability;
    options.span = span;
    options.loss = loss;
    return options;
}

/* What is hidden of the first samples, by the task's own functions. */
typedef struct hidden {
    int32_t places[SAMPLES * LONGEST], chosen[SAMPLES + 1], offsets[SAMPLES + 1];
    float targets[SAMPLES * (LONGEST + 1) * BINS], seen[SAMPLES * LONGEST * BINS];
} hidden_t;

static void hide(const pt_model_t *model, int32_t first, int32_t samples, uint64_t key, hidden_t *hidden)
{
    int64_t before = 0;
    for (int32_t s = 0; s < first; s++)
        before += lengths[s];
    hidden->offsets[0] = 0;
    for (int32_t s = 0; s < samples; s++)
        hidden->offsets[s + 1] = hidden->offsets[s] + (int32_t)lengths[first + s];
    const pt__derivation_t derivation = {.from = frames + before * BINS,
                                         .offsets = hidden->offsets,
                                         .samples = samples,
                                         .key = key,
                                         .options = &model->task,
                                         .graph = model->graph,
                                         .chosen = hidden->chosen};
    pt__frame_spans_derive_targets(&derivation, hidden->targets);
    pt__frame_spans_derive_places(&derivation, hidden->places);
    pt__frame_spans_derive_frames(&derivation, hidden->seen);
}

/* Of every sample: spans of whole rows within it, about the asked share, their frames 0 and kept as targets, all others
 * as they are; each row as likely as another but near the ends, which fewer spans reach. */
static void check_hidden(int64_t stride, int32_t span)
{
    static hidden_t hidden;
    const pt_masked_frames_options_t options = masked_options(0.4, span, PT_FRAMES_L1);
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = make_model(context, stride, PT_TASK_MASKED_FRAMES, &options);
    make_frames();
    hide(model, 0, SAMPLES, 77, &hidden);
    int64_t rows = 0, all_rows = 0;
    for (int32_t s = 0; s < SAMPLES; s++) {
        const int64_t count = (lengths[s] + stride - 1) / stride, share = lround(0.4 * (double)count),
                      length = span > share ? share : span;
        const int64_t wanted = lround(0.4 * (double)count / (double)length);
        const int64_t most = count / length, spans = wanted < 1 ? 1 : wanted > most ? most : wanted;
        char is_hidden[LONGEST] = {0};
        ck_assert_int_eq(hidden.chosen[s + 1] - hidden.chosen[s], spans * length);
        for (int32_t i = hidden.chosen[s]; i < hidden.chosen[s + 1]; i++) {
            const int64_t row = hidden.places[i] - all_rows;
            ck_assert(row >= 0 && row < count && (i == hidden.chosen[s] || hidden.places[i] > hidden.places[i - 1]));
            for (int64_t k = 0; k < stride; k++) {
                const int64_t at = row * stride + k, frame = at < lengths[s] ? at : lengths[s] - 1;
                ck_assert_mem_eq(hidden.targets + (i * stride + k) * BINS, frames + (hidden.offsets[s] + frame) * BINS,
                                 BINS * sizeof(float));
                is_hidden[frame] = 1;
            }
        }
        for (int64_t i = 0; i < lengths[s]; i++) {
            static const float zero[BINS];
            const int64_t at = (hidden.offsets[s] + i) * BINS;
            ck_assert_mem_eq(hidden.seen + at, is_hidden[i] ? zero : frames + at, sizeof zero);
        }
        rows += spans * length;
        all_rows += count;
    }
    ck_assert_double_eq_tol((double)rows / (double)all_rows, 0.4, 0.1);
    pt_model_free(model);
    pt_context_free(context);
}

START_TEST(test_what_is_hidden)
{
    check_hidden(1, 1);
    check_hidden(1, 4);
    check_hidden(1, 1000);
}
END_TEST

START_TEST(test_what_is_hidden_of_fewer_rows)
{
    static hidden_t hidden;
    const pt_masked_frames_options_t options = masked_options(0.4, 4, PT_FRAMES_L1);
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = make_model(context, 2, PT_TASK_MASKED_FRAMES, &options);
    pt__frame_rows_t rows;
    make_frames();
    ck_ok(pt__frame_rows_find(model->graph, "", &rows));
    ck_assert_int_eq(rows.stride, 2);
    ck_assert_int_eq(pt__frame_rows_count(model->graph, &rows, 9), 5);
    ck_assert_int_eq(pt__frame_rows_count(model->graph, &rows, 10), 5);
    hide(model, 0, SAMPLES, 77, &hidden);
    int32_t row = 0;
    for (int32_t s = 0; s < SAMPLES; s++)
        for (int64_t r = 0; r < (lengths[s] + 1) / 2; r++, row++) {
            int32_t is_hidden = -1;
            for (int32_t i = hidden.chosen[s]; i < hidden.chosen[s + 1]; i++)
                is_hidden = hidden.places[i] == row ? i : is_hidden;
            for (int64_t k = 0; k < 2; k++) {
                const int64_t frame = 2 * r + k < lengths[s] ? 2 * r + k : lengths[s] - 1;
                const float *was = frames + (hidden.offsets[s] + frame) * BINS;
                ck_assert(is_hidden < 0 ||
                          memcmp(hidden.targets + (is_hidden * 2 + k) * BINS, was, BINS * sizeof *was) == 0);
                if (2 * r + k < lengths[s])
                    for (int32_t b = 0; b < BINS; b++)
                        ck_assert(hidden.seen[(hidden.offsets[s] + frame) * BINS + b] == (is_hidden < 0 ? was[b] : 0));
            }
        }
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* Draws of a sample depend on the key and on it alone, not on what else is in the batch. */
START_TEST(test_cuts)
{
    static hidden_t whole, part;
    const pt_masked_frames_options_t options = masked_options(0.4, 3, PT_FRAMES_L1);
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = make_model(context, 1, PT_TASK_MASKED_FRAMES, &options);
    make_frames();
    hide(model, 0, SAMPLES, 77, &whole);
    hide(model, 20, SAMPLES - 20, 77, &part);
    ck_assert_mem_eq(whole.seen + whole.offsets[20] * BINS, part.seen,
                     (size_t)part.offsets[SAMPLES - 20] * BINS * sizeof(float));
    hide(model, 20, SAMPLES - 20, 78, &part);
    ck_assert(memcmp(whole.seen + whole.offsets[20] * BINS, part.seen,
                     (size_t)part.offsets[SAMPLES - 20] * BINS * sizeof(float)) != 0);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* With all frames hidden the loss is that of what is reconstructed of zeros; with none it counts nothing. */
START_TEST(test_loss)
{
    static float reconstructed[LONGEST * 3 * BINS], own[LONGEST * 3 * BINS];
    pt_context_t *context = network_context(1, 1);
    for (int32_t kind = PT_FRAMES_L1; kind <= PT_FRAMES_L2; kind++) {
        pt_masked_frames_options_t options = masked_options(1, 1, kind);
        pt_model_t *model = make_model(context, 1, PT_TASK_MASKED_FRAMES, &options);
        make_frames();
        double loss, sum = 0;
        int64_t elements;
        pt_array_t view = view_of(2);
        ck_ok(pt_loss(model, &view, 1, sizeof view, 2, &loss));
        memcpy(own, frames, (size_t)((lengths[0] + lengths[1]) * BINS) * sizeof *own);
        memset(frames, 0, sizeof own);
        ck_ok(forward_floats(model, &view, 1, 2, "reconstruction", reconstructed,
                             sizeof reconstructed / sizeof reconstructed[0], &elements));
        ck_assert_int_eq(elements, (lengths[0] + lengths[1]) * BINS);
        for (int64_t i = 0; i < elements; i++) {
            const double e = (double)reconstructed[i] - (double)own[i];
            sum += kind == PT_FRAMES_L1 ? fabs(e) : e * e;
        }
        ck_assert_double_eq_tol(loss, sum / (double)elements, 1e-6);
        options.probability = 0;
        ck_ok(pt_model_set_task(model, PT_TASK_MASKED_FRAMES, &options));
        ck_ok(pt_loss(model, &view, 1, sizeof view, 2, &loss));
        ck_assert(isnan(loss));
        pt_model_free(model);
    }
    pt_context_free(context);
}
END_TEST

/* ---- Rows told apart ---- */

/* Every row's frames, the last one repeated; and a network's own rows in their place. */
START_TEST(test_what_rows_stand_for)
{
    static float of_rows[SAMPLES * (LONGEST + 1) * BINS];
    static int32_t offsets[SAMPLES + 1], chosen[SAMPLES + 1];
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = make_model(context, 2, PT_TASK_CONTRASTIVE, NULL);
    make_frames();
    for (int32_t s = 0; s < SAMPLES; s++)
        offsets[s + 1] = offsets[s] + (int32_t)lengths[s];
    const pt__derivation_t derivation = {.from = frames,
                                         .offsets = offsets,
                                         .samples = SAMPLES,
                                         .options = &model->task,
                                         .graph = model->graph,
                                         .chosen = chosen};
    pt__frame_rows_derive(&derivation, of_rows);
    const float *row = of_rows;
    for (int32_t s = 0; s < SAMPLES; s++)
        for (int64_t i = 0; i < (lengths[s] + 1) / 2 * 2; i++, row += BINS) {
            const int64_t frame = i < lengths[s] ? i : lengths[s] - 1;
            ck_assert_mem_eq(row, frames + (offsets[s] + frame) * BINS, BINS * sizeof *row);
        }
    pt_model_free(model);
    pt_graph_t *graph = make_trunk(context, 2);
    pt_tensor_t hidden = pt__graph_output(graph, "hidden");
    ck_ok(pt_graph_set_output(graph, "latent", pt_linear_layer(graph, "latent", hidden, 5, PT_ACTIVATION_NONE)));
    ck_ok(pt_model_create(context, graph, &model));
    ck_ok(pt_model_set_task(model, PT_TASK_CONTRASTIVE, NULL));
    ck_assert(pt__graph_input(model->graph, "row_frames") == NULL &&
              pt__graph_input(model->graph, "row_places") == NULL);
    ck_assert(pt__graph_parameter(model->graph, "contrast.key.weight") != NULL);
    pt_model_free(model);
    ck_ok(pt_graph_set_output(graph, "latent", pt_pool(graph, hidden, PT_POOL_MEAN)));
    ck_ok(pt_model_create(context, graph, &model));
    ck_fails(pt_model_set_task(model, PT_TASK_CONTRASTIVE, NULL), PT_ERR_SHAPE, "output \"latent\"");
    pt_graph_free(graph);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* ---- A teacher ---- */

static void read_tensor(const pt_model_t *model, const char *name, float *values)
{
    const int64_t at = pt__store_find(&model->store, name);
    ck_assert_msg(at >= 0, "no tensor %s", name);
    ck_ok(pt__stored_get(&model->store, &model->store.tensors[at], values));
}

/* The average begins as the weights, goes half of the way in the second step and 1 - decay of it when that is more;
 * once a step, however many micro-batches it has. */
START_TEST(test_teacher_follows)
{
    enum { ELEMENTS = WIDTH * BINS * 3 };
    float before[ELEMENTS], teacher[ELEMENTS], expected[ELEMENTS], steps;
    pt_data2vec_options_t options;
    pt_context_t *context = network_context(1, 1);
    ck_ok(pt_data2vec_options_init(&options, sizeof options));
    options.decay = 0.6;
    pt_model_t *model = make_model(context, 1, PT_TASK_DATA2VEC, &options);
    pt_optimizer_t *optimizer = make_optimizer(context);
    make_frames();
    ck_ok(pt__store_materialize(&model->store));
    for (int32_t step = 0; step < 5; step++) {
        static const double ways[] = {1, 0.5, 0.4, 0.4, 0.4};
        pt_array_t view = view_of(4);
        double loss;
        read_tensor(model, "first.weight", before);
        for (int32_t i = 0; i < step; i++) /* an evaluation moves nothing */
            ck_ok(pt_loss(model, &view, 1, sizeof view, 4, &loss));
        if (step == 3)
            ck_ok(pt_train_step(model, optimizer, &view, 1, sizeof view, 4, PT_STEP_ACCUMULATE, NULL));
        ck_ok(pt_train_step(model, optimizer, &view, 1, sizeof view, 4, 0, NULL));
        read_tensor(model, "teacher.first.weight", teacher);
        read_tensor(model, "teacher_steps", &steps);
        ck_assert(steps == (float)(step + 1));
        for (int32_t i = 0; i < ELEMENTS; i++) {
            const double old = step == 0 ? 0 : (double)expected[i];
            expected[i] = (float)(old + ways[step] * ((double)before[i] - old));
            ck_assert_float_eq_tol(teacher[i], expected[i], 1e-6f);
        }
    }
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* Before the first step the teacher is the network, without dropout: what it is to tell of rows that hide nothing is
 * what the network's layers give, normalised and averaged. Also with a batch norm, which shares its statistics. */
START_TEST(test_target)
{
    pt_context_t *context = network_context(1, 1);
    pt_data2vec_options_t options;
    pt_graph_t *graph;
    pt_model_t *model;
    ck_ok(pt_data2vec_options_init(&options, sizeof options));
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t rows = pt_input(graph, "frames", PT_FLOAT32, 2, (int64_t[]){PT_DIM_TOKENS, BINS});
    rows = pt_batch_norm_layer(graph, "norm", pt_linear_layer(graph, "a", rows, WIDTH, PT_ACTIVATION_TANH), 0.1, 1e-5);
    ck_ok(pt_graph_set_output(graph, "layer.1", rows));
    rows = pt_dropout(graph, pt_linear_layer(graph, "b", rows, WIDTH, PT_ACTIVATION_TANH), 0.5);
    ck_ok(pt_graph_set_output(graph, "layer.2", rows));
    ck_ok(pt_graph_set_output(graph, "hidden", rows));
    ck_ok(pt_model_create(context, graph, &model));
    pt_graph_free(graph);
    for (options.layers = 0; options.layers <= 2; options.layers++) {
        static float layers[2][64 * WIDTH], prediction[64 * WIDTH];
        double loss, sum = 0;
        int64_t elements;
        pt_array_t view = view_of(2);
        make_frames();
        options.probability = 1;
        options.span = 1;
        ck_ok(pt_model_set_task(model, PT_TASK_DATA2VEC, &options));
        for (int32_t l = 0; l < 2; l++)
            ck_ok(forward_floats(model, &view, 1, 2, l == 0 ? "layer.1" : "layer.2", layers[l], 64 * WIDTH, &elements));
        ck_ok(pt_loss(model, &view, 1, sizeof view, 2, &loss)); /* all hidden: the student sees zeros */
        memset(frames, 0, 64 * BINS * sizeof *frames);
        ck_ok(forward_floats(model, &view, 1, 2, "prediction", prediction, 64 * WIDTH, &elements));
        for (int64_t r = 0; r < elements / WIDTH; r++) {
            double target[WIDTH] = {0};
            const int32_t first = options.layers == 1 ? 1 : 0;
            for (int32_t l = first; l < 2; l++) {
                double mean = 0, square = 0;
                for (int32_t c = 0; c < WIDTH; c++) {
                    const double value = (double)layers[l][r * WIDTH + c];
                    mean += value / WIDTH;
                    square += value * value / WIDTH;
                }
                for (int32_t c = 0; c < WIDTH; c++)
                    target[c] += ((double)layers[l][r * WIDTH + c] - mean) / sqrt(square - mean * mean + 1e-5) /
                                 (2 - first);
            }
            for (int32_t c = 0; c < WIDTH; c++) {
                const double e = (double)prediction[r * WIDTH + c] - target[c];
                sum += e * e;
            }
        }
        ck_assert_double_eq_tol(loss, sum / (double)elements, 1e-5 * loss);
    }
    options.layers = 3;
    ck_fails(pt_model_set_task(model, PT_TASK_DATA2VEC, &options), PT_ERR_ARGUMENT, "layers is 3, the network has 2");
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* ---- All ---- */

static pt__task_options_t through_json(const pt_model_t *model)
{
    pt__memory_t *memory = &model->context->memory;
    pt__text_t text = pt__text_start(memory);
    pt__task_options_t read;
    char *json;
    float *weights;
    pt__task_write(&model->task, &text);
    ck_ok(pt__text_take(&text, &json, NULL));
    ck_ok(pt__task_read(memory, json, (int64_t)strlen(json), &read, &weights));
    pt__release(memory, json);
    pt__text_free(&text);
    return read;
}

START_TEST(test_saved)
{
    pt_context_t *context = network_context(1, 1);
    const pt_masked_frames_options_t masked = masked_options(0.25, 5, PT_FRAMES_L2);
    pt_contrastive_options_t contrastive;
    pt_data2vec_options_t data2vec;
    ck_ok(pt_contrastive_options_init(&contrastive, sizeof contrastive));
    ck_ok(pt_data2vec_options_init(&data2vec, sizeof data2vec));
    contrastive.steps = 3;
    contrastive.width = 7;
    contrastive.temperature = 0.3;
    data2vec.probability = 0.7;
    data2vec.span = 2;
    data2vec.layers = 1;
    data2vec.decay = 0.9;
    pt_model_t *model = make_model(context, 1, PT_TASK_MASKED_FRAMES, &masked);
    pt__task_options_t read = through_json(model);
    ck_assert(read.masking.probability == 0.25 && read.of_frames.span == 5 && read.of_frames.loss == PT_FRAMES_L2);
    ck_ok(pt_model_set_task(model, PT_TASK_CONTRASTIVE, &contrastive));
    read = through_json(model);
    ck_assert(read.of_frames.steps == 3 && read.of_frames.width == 7 && read.of_frames.temperature == 0.3);
    ck_ok(pt_model_set_task(model, PT_TASK_DATA2VEC, &data2vec));
    read = through_json(model);
    ck_assert(read.masking.probability == 0.7 && read.of_frames.span == 2 && read.of_frames.layers == 1 &&
              read.of_frames.decay == 0.9);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

#define REFUSED(kind, task, change, part)                                          \
    do {                                                                           \
        pt_##kind##_options_t options;                                             \
        ck_ok(pt_##kind##_options_init(&options, sizeof options));                 \
        change;                                                                    \
        ck_fails(pt_model_set_task(model, task, &options), PT_ERR_ARGUMENT, part); \
    } while (0)

START_TEST(test_refused)
{
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = make_model(context, 1, PT_TASK_MASKED_FRAMES, NULL), *linear = network_linear(context);
    REFUSED(masked_frames, PT_TASK_MASKED_FRAMES, options.flags = 1, "flags is 1");
    REFUSED(masked_frames, PT_TASK_MASKED_FRAMES, options.probability = 1.5, "probability is 1.5, expected 0 to 1");
    REFUSED(masked_frames, PT_TASK_MASKED_FRAMES, options.probability = NAN, "probability");
    REFUSED(masked_frames, PT_TASK_MASKED_FRAMES, options.span = 0, "span is 0, expected at least 1");
    REFUSED(masked_frames, PT_TASK_MASKED_FRAMES, options.loss = 2, "loss is 2, expected PT_FRAMES_L1");
    REFUSED(contrastive, PT_TASK_CONTRASTIVE, options.flags = 1, "flags is 1");
    REFUSED(contrastive, PT_TASK_CONTRASTIVE, options.steps = 0, "steps is 0, expected 1 to 1024");
    REFUSED(contrastive, PT_TASK_CONTRASTIVE, options.width = 65537, "width is 65537, expected 1 to 65536");
    REFUSED(contrastive, PT_TASK_CONTRASTIVE, options.temperature = 0, "temperature is 0, expected 1e-6 to 1e6");
    REFUSED(data2vec, PT_TASK_DATA2VEC, options.flags = 1, "flags is 1");
    REFUSED(data2vec, PT_TASK_DATA2VEC, options.span = -1, "span is -1");
    REFUSED(data2vec, PT_TASK_DATA2VEC, options.layers = 2, "layers is 2, the network has 1");
    REFUSED(data2vec, PT_TASK_DATA2VEC, options.layers = -1, "layers is -1, expected 0 to 128");
    REFUSED(data2vec, PT_TASK_DATA2VEC, options.decay = 1.01, "decay is 1.01, expected 0 to 1");
    for (int32_t t = 0; t < TASKS; t++)
        ck_fails(pt_model_set_task(linear, tasks[t], NULL), PT_ERR_STATE, "no input \"frames\"");
    pt_model_free(linear);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

SUITE("frame_tasks", 120, test_resume_and_threads, test_learns_and_goes_on, test_what_is_hidden,
      test_what_is_hidden_of_fewer_rows, test_cuts, test_loss, test_what_rows_stand_for, test_teacher_follows,
      test_target, test_saved, test_refused)
