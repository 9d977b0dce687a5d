/* Small networks and data for tests of the stages. Everything is deterministic. */
#ifndef SUPPORT_NETWORKS_H
#define SUPPORT_NETWORKS_H

#include <string.h>

#include "support/suite.h"
#include "support/views.h"

static inline pt_context_t *network_context_with(int32_t gemm, int32_t threads, uint64_t seed)
{
    pt_context_options_t options;
    pt_context_t *context;
    ck_ok(pt_context_options_init(&options, sizeof options));
    options.gemm = gemm;
    options.threads = threads;
    options.seed = seed;
    ck_ok(pt_context_create(&options, &context));
    return context;
}

static inline pt_context_t *network_context(int32_t threads, uint64_t seed)
{
    return network_context_with(PT_GEMM_AUTO, threads, seed);
}

/* Rows of the two dimensions that every graph has, for calls that take a pointer to them. */
#define ROWS(samples, tokens) (&(pt__rows_t){.count = {1, samples, tokens}})

/* The same of tokens alone, as pt_model_estimate takes them. */
#define TOKEN_ROWS(n) (&(pt_dim_rows_t){"tokens", n}), 1, sizeof(pt_dim_rows_t)

/* Options with these flags and nothing else. */
#define LOADING(chosen) (&(pt_load_options_t){.struct_size = sizeof(pt_load_options_t), .flags = (uint32_t)(chosen)})

/* x [B, 10] -> linear 10 to 1, mean squared error against y [B, 1]: the network of every tutorial. */
static inline pt_model_t *network_linear(pt_context_t *context)
{
    pt_graph_t *graph;
    pt_model_t *model;
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t x = pt_input(graph, "x", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 10});
    pt_tensor_t y = pt_input(graph, "y", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 1});
    pt_tensor_t prediction = pt_linear_layer(graph, "linear", x, 1, PT_ACTIVATION_NONE);
    pt_graph_set_output(graph, "prediction", prediction);
    pt_graph_set_loss(graph, pt_mse_loss(graph, prediction, y, NULL));
    ck_ok(pt_graph_status(graph));
    ck_ok(pt_model_create(context, graph, &model));
    pt_graph_free(graph);
    return model;
}

#define NETWORK_GPT                                                                                                    \
    "{\"model_type\": \"gpt2\", \"vocab_size\": 17, \"n_positions\": 12, \"n_embd\": 16, \"n_layer\": 2, \"n_head\": " \
    "2, "                                                                                                              \
    "\"resid_pdrop\": 0.1, \"embd_pdrop\": 0.1, \"attn_pdrop\": 0.1}"

/* A GPT of 2 layers, 17 tokens, 12 positions, with dropout; no task yet. */
static inline pt_model_t *network_gpt(pt_context_t *context)
{
    pt_model_t *model;
    ck_ok(pt_model_create_from_config(context, NETWORK_GPT, strlen(NETWORK_GPT), &model));
    return model;
}

/* A task with its options, of whichever kind; zero where it has no such option. */
typedef struct network_task {
    const char *task;
    int64_t outputs;
    int32_t pooling;
    double label_smoothing, dropout;
    const float *class_weights;
} network_task_t;

static inline pt_status_t network_choose_task(pt_model_t *model, const network_task_t *task)
{
    pt_causal_lm_options_t language;
    pt_classification_options_t classes;
    pt_regression_options_t numbers;
    ck_ok(pt_causal_lm_options_init(&language, sizeof language));
    ck_ok(pt_classification_options_init(&classes, sizeof classes));
    ck_ok(pt_regression_options_init(&numbers, sizeof numbers));
    language.label_smoothing = classes.label_smoothing = task->label_smoothing;
    language.dropout = classes.dropout = numbers.dropout = task->dropout;
    classes.classes = numbers.outputs = task->outputs;
    classes.pooling = numbers.pooling = task->pooling;
    const pt_array_t class_weights = {
        .dtype = PT_FLOAT32, .data = view_data(task->class_weights), .elements = task->outputs};
    classes.class_weights = task->class_weights == NULL ? NULL : &class_weights;
    classes.array_size = sizeof class_weights;
    return pt_model_set_task(model, task->task,
                             task->task == NULL                                ? NULL
                             : strcmp(task->task, PT_TASK_CAUSAL_LM) == 0      ? (const void *)&language
                             : strcmp(task->task, PT_TASK_CLASSIFICATION) == 0 ? (const void *)&classes
                                                                               : (const void *)&numbers);
}

static inline void network_set_task(pt_model_t *model, const char *task, int64_t outputs)
{
    ck_ok(network_choose_task(model, &(network_task_t){.task = task, .outputs = outputs}));
}

static inline pt_optimizer_t *network_optimizer(pt_context_t *context, int32_t kind, double rate)
{
    pt_optimizer_options_t options;
    pt_optimizer_t *optimizer;
    ck_ok(pt_optimizer_options_init(&options, sizeof options));
    options.kind = kind;
    options.learning_rate = rate;
    ck_ok(pt_optimizer_create(context, &options, &optimizer));
    return optimizer;
}

/* `samples` rows of x with y = a fixed linear function of x. */
static inline pt_dataset_t *network_linear_data(pt_context_t *context, int64_t samples)
{
    static float x[1024 * 10], y[1024];
    pt_dataset_t *dataset;
    ck_assert_int_le(samples, 1024);
    for (int64_t i = 0; i < samples; i++) {
        y[i] = 0.25f;
        for (int64_t k = 0; k < 10; k++) {
            x[i * 10 + k] = (float)((i * 37 + k * 11) % 23) / 23 - 0.5f;
            y[i] += x[i * 10 + k] * (float)(k - 4) / 5;
        }
    }
    pt_array_t arrays[] = {{.name = "x", .dtype = PT_FLOAT32, .rank = 1, .shape = {10}, .data = x},
                           {.name = "y", .dtype = PT_FLOAT32, .rank = 1, .shape = {1}, .data = y}};
    ck_ok(pt_dataset_create_from_arrays(context, arrays, 2, sizeof(pt_array_t), samples, PT_DATASET_COPY, &dataset));
    return dataset;
}

/* Ragged texts of 3 to 12 tokens below 17 with a pattern to learn, and a label of `classes` that follows from the
 * first token. */
static inline pt_dataset_t *network_text_data(pt_context_t *context, int64_t samples, int32_t classes)
{
    static int32_t tokens[1024 * 12], labels[1024];
    static int64_t lengths[1024];
    int64_t at = 0;
    pt_dataset_t *dataset;
    ck_assert_int_le(samples, 1024);
    for (int64_t i = 0; i < samples; i++) {
        lengths[i] = 3 + i * 7 % 10;
        labels[i] = (int32_t)(i % classes);
        for (int64_t k = 0; k < lengths[i]; k++)
            tokens[at++] = (int32_t)((labels[i] * 3 + k * (labels[i] + 1) + i % 2) % 17);
    }
    pt_array_t arrays[] = {{.name = "tokens",
                            .dtype = PT_INT32,
                            .rank = 1,
                            .shape = {PT_DIM_TOKENS},
                            .max_length = 12,
                            .data = tokens,
                            .lengths = lengths},
                           {.name = "label", .dtype = PT_INT32, .rank = 0, .data = labels}};
    ck_ok(pt_dataset_create_from_arrays(context, arrays, classes > 1 ? 2 : 1, sizeof(pt_array_t), samples,
                                        PT_DATASET_COPY, &dataset));
    return dataset;
}

/* A sum over all bits of all parameters: equal for equal weights, and for hardly anything else. */
static inline uint64_t network_fingerprint(const pt_model_t *model)
{
    uint64_t sum = 1469598103934665603u;
    static float values[1 << 20];
    for (int64_t i = 0; i < pt_model_parameter_count(model); i++) {
        pt_parameter_info_t info = {.struct_size = sizeof info};
        ck_ok(pt_model_parameter_info(model, i, &info));
        ck_assert_int_le(info.elements, 1 << 20);
        ck_ok(get_parameter(model, i, values, info.elements));
        const unsigned char *bytes = (const unsigned char *)values;
        for (int64_t k = 0; k < info.elements * 4; k++)
            sum = (sum ^ bytes[k]) * 1099511628211u;
    }
    return sum;
}

#endif
