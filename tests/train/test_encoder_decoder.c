/* Dimensions of rows that differ within one sample, proved by an encoder-decoder of one layer: beside PyTorch, which
 * pads and masks, for 20 steps (tests/golden/encoder_decoder.txt, by make_encoder_decoder.py there); by single steps
 * and by a stage, with the same bits. */
#include <math.h>

#include "support/golden.h"
#include "support/networks.h"
#include "support/views.h"

enum { STEPS = 20, SAMPLES = 5, WIDTH = 8, HEADS = 2, WORDS = 11, LONGEST = 9, MOST = 64 };

static pt_tensor_t linear(pt_graph_t *graph, const char *part, const char *name, pt_tensor_t src, int64_t outputs,
                          int32_t activation)
{
    char joined[64];
    snprintf(joined, sizeof joined, "%s_%s", part, name);
    return pt_linear_layer(graph, joined, src, outputs, activation);
}

static pt_tensor_t attend(pt_graph_t *graph, const char *part, pt_tensor_t queries, pt_tensor_t keys, uint32_t flags)
{
    pt_attention_options_t options;
    ck_ok(pt_attention_options_init(&options, sizeof options));
    options.heads = HEADS;
    options.flags = flags;
    pt_tensor_t q = linear(graph, part, "q", queries, WIDTH, PT_ACTIVATION_NONE);
    pt_tensor_t k = linear(graph, part, "k", keys, WIDTH, PT_ACTIVATION_NONE);
    pt_tensor_t v = linear(graph, part, "v", keys, WIDTH, PT_ACTIVATION_NONE);
    return linear(graph, part, "out", pt_attention(graph, q, k, v, &options), WIDTH, PT_ACTIVATION_NONE);
}

static pt_model_t *make(pt_context_t *context)
{
    pt_graph_t *graph;
    pt_model_t *model;
    ck_ok(pt_graph_create(context, &graph));
    int64_t sources = pt_graph_dim(graph, "source");
    pt_tensor_t source = pt_input(graph, "source", PT_INT32, 1, &sources);
    pt_tensor_t tokens = pt_input(graph, "tokens", PT_INT32, 1, (int64_t[]){PT_DIM_TOKENS});
    pt_tensor_t labels = pt_input(graph, "labels", PT_INT32, 1, (int64_t[]){PT_DIM_TOKENS});
    pt_tensor_t x = pt_embedding_layer(graph, "source", source, WORDS, WIDTH);
    pt_tensor_t normed = pt_layer_norm_layer(graph, "encode_first", x, 1e-5);
    x = pt_add(graph, x, attend(graph, "encode", normed, normed, 0));
    normed = pt_layer_norm_layer(graph, "encode_last", x, 1e-5);
    normed = linear(graph, "encode", "up", normed, 2 * WIDTH, PT_ACTIVATION_RELU);
    x = pt_add(graph, x, linear(graph, "encode", "down", normed, WIDTH, PT_ACTIVATION_NONE));
    pt_tensor_t y = pt_add(
        graph, pt_embedding_layer(graph, "target", tokens, WORDS, WIDTH),
        pt_embedding_layer(graph, "places", pt_positions(graph, tokens, LONGEST), LONGEST, WIDTH));
    normed = pt_layer_norm_layer(graph, "decode_first", y, 1e-5);
    y = pt_add(graph, y, attend(graph, "decode", normed, normed, PT_ATTENTION_CAUSAL));
    normed = pt_layer_norm_layer(graph, "cross_first", y, 1e-5);
    y = pt_add(graph, y, attend(graph, "cross", normed, x, 0));
    pt_tensor_t logits = pt_linear_layer(graph, "head", pt_layer_norm_layer(graph, "decode_last", y, 1e-5), WORDS,
                                         PT_ACTIVATION_NONE);
    pt_graph_set_output(graph, "logits", logits);
    pt_graph_set_output(graph, "memory", x);
    pt_graph_set_loss(graph, pt_cross_entropy_loss(graph, logits, labels, NULL));
    ck_ok(pt_graph_status(graph));
    ck_ok(pt_model_create(context, graph, &model));
    pt_graph_free(graph);
    ck_ok(pt_model_load(model, suite_source("tests/golden/encoder_decoder.safetensors"), LOADING(PT_LOAD_STRICT)));
    return model;
}

static const char *const fields[] = {"source", "tokens", "labels"};

typedef struct batch {
    int32_t values[3][MOST];
    int64_t lengths[3][SAMPLES], count[3];
    pt_array_t given[3];
} batch_t;

static void read_batch(batch_t *batch, int step)
{
    double numbers[MOST];
    char key[64];
    for (int f = 0; f < 3; f++) {
        snprintf(key, sizeof key, "%s %d", fields[f], step);
        batch->count[f] = golden_numbers(key, numbers, MOST);
        for (int64_t i = 0; i < batch->count[f]; i++)
            batch->values[f][i] = (int32_t)numbers[i];
        snprintf(key, sizeof key, "%s lengths %d", fields[f], step);
        ck_assert_int_eq(golden_numbers(key, numbers, MOST), SAMPLES);
        for (int64_t i = 0; i < SAMPLES; i++)
            batch->lengths[f][i] = (int64_t)numbers[i];
        batch->given[f] = (pt_array_t){
            .name = fields[f], .data = batch->values[f], .lengths = batch->lengths[f], .dtype = PT_INT32};
    }
}

START_TEST(test_as_torch)
{
    batch_t batch;
    double losses[STEPS];
    golden_read("tests/golden/encoder_decoder.txt");
    pt_context_t *context = network_context(2, 1);
    pt_model_t *model = make(context);
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAMW, 0.01);
    ck_assert_int_eq(golden_numbers("losses", losses, STEPS), STEPS);
    for (int step = 0; step < STEPS; step++) {
        pt_step_result_t result = {.struct_size = sizeof result};
        read_batch(&batch, step);
        ck_ok(pt_train_step(model, optimizer, batch.given, 3, sizeof(pt_array_t), SAMPLES, 0, &result));
        ck_assert_msg(fabs(result.loss - losses[step]) <= 1e-4 * losses[step], "step %d: loss %.9g, PyTorch gives %.9g",
                      step, result.loss, losses[step]);
    }
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* All steps' samples as one dataset, in order. */
static pt_dataset_t *make_data(pt_context_t *context)
{
    static int32_t values[3][STEPS * MOST];
    static int64_t lengths[3][STEPS * SAMPLES];
    static batch_t batch;
    int64_t at[3] = {0};
    pt_dataset_t *data;
    pt_array_t arrays[3];
    for (int step = 0; step < STEPS; step++) {
        read_batch(&batch, step);
        for (int f = 0; f < 3; f++) {
            memcpy(values[f] + at[f], batch.values[f], (size_t)batch.count[f] * sizeof(int32_t));
            memcpy(lengths[f] + step * SAMPLES, batch.lengths[f], sizeof batch.lengths[f]);
            at[f] += batch.count[f];
        }
    }
    for (int f = 0; f < 3; f++)
        arrays[f] = (pt_array_t){.name = fields[f],
                                 .dtype = PT_INT32,
                                 .rank = 1,
                                 .shape = {PT_DIM_TOKENS},
                                 .data = values[f],
                                 .lengths = lengths[f]};
    ck_ok(
        pt_dataset_create_from_arrays(context, arrays, 3, sizeof(pt_array_t), STEPS * SAMPLES, PT_DATASET_COPY, &data));
    return data;
}

START_TEST(test_stage_and_steps)
{
    static batch_t batch;
    uint64_t fingerprints[3];
    golden_read("tests/golden/encoder_decoder.txt");
    for (int way = 0; way < 3; way++) { /* single steps; a stage; a stage on five threads */
        pt_context_t *context = network_context(way == 2 ? 5 : 1, 1);
        pt_model_t *model = make(context);
        pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAMW, 0.01);
        pt_dataset_t *data = make_data(context);
        pt_train_options_t options;
        ck_ok(pt_train_options_init(&options, sizeof options));
        options.flags = PT_TRAIN_IN_ORDER;
        options.batch = SAMPLES;
        for (int step = 0; step < STEPS && way == 0; step++) {
            read_batch(&batch, step);
            ck_ok(pt_train_step(model, optimizer, batch.given, 3, sizeof(pt_array_t), SAMPLES, 0, NULL));
        }
        if (way > 0)
            ck_ok(pt_finetune(model, optimizer, data, &options, NULL));
        fingerprints[way] = network_fingerprint(model);
        int64_t elements;
        ck_ok(predict_floats(model, data, "memory", 4, NULL, 0, &elements)); /* rows of the source alone */
        ck_assert_int_eq(elements % WIDTH, 0);
        ck_ok(predict_floats(model, data, "logits", 4, NULL, 0, &elements));
        ck_assert_int_eq(elements % WORDS, 0);
        pt_dataset_free(data);
        pt_optimizer_free(optimizer);
        pt_model_free(model);
        pt_context_free(context);
    }
    ck_assert_uint_eq(fingerprints[0], fingerprints[1]);
    ck_assert_uint_eq(fingerprints[0], fingerprints[2]);
}
END_TEST

/* Fields of one dimension have the same lengths; those of another need not. */
START_TEST(test_lengths_that_contradict)
{
    static batch_t batch;
    golden_read("tests/golden/encoder_decoder.txt");
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = make(context);
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAMW, 0.01);
    read_batch(&batch, 3);
    batch.lengths[2][1]--;
    batch.lengths[2][2]++;
    ck_fails(pt_train_step(model, optimizer, batch.given, 3, sizeof(pt_array_t), SAMPLES, 0, NULL), PT_ERR_SHAPE,
             "labels");
    read_batch(&batch, 3);
    batch.lengths[1][0] = LONGEST + 1; /* a limit holds for its own dimension */
    ck_fails(pt_train_step(model, optimizer, batch.given, 3, sizeof(pt_array_t), SAMPLES, 0, NULL), PT_ERR_SHAPE,
             "at most 9");
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

SUITE("encoder decoder", 60, test_as_torch, test_stage_and_steps, test_lengths_that_contradict)
