/* BERT, RoBERTa and DistilBERT against transformers: logits, loss, every gradient, and the losses of 20 steps of AdamW,
 * of ragged batches without padding. What transformers gives lies in tests/golden/bert, made by make_bert.py. Only the
 * public interface is used. */
#include "pretrain.h"
#include "support/golden.h"
#include "support/suite.h"
#include "support/views.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { STEPS = 20, BATCHES = 4, MOST = 1024, SAMPLES = 4 };

#define BERT_SIZES                                                                                        \
    "\"vocab_size\": 23, \"max_position_embeddings\": 14, \"hidden_size\": 8, \"num_hidden_layers\": 2, " \
    "\"num_attention_heads\": 2, \"intermediate_size\": 12, \"hidden_dropout_prob\": 0, "                 \
    "\"attention_probs_dropout_prob\": 0, \"layer_norm_eps\": 1e-12"

static const char bert[] = "{\"model_type\": \"bert\", " BERT_SIZES
                           ", \"hidden_act\": \"gelu_new\", \"use_cache\": true, "
                           "\"position_embedding_type\": \"absolute\", \"chunk_size_feed_forward\": 0}";
static const char roberta[] = "{\"model_type\": \"roberta\", " BERT_SIZES ", \"hidden_act\": \"relu\", "
                              "\"type_vocab_size\": 1, \"pad_token_id\": 1}";
static const char distilbert[] =
    "{\"model_type\": \"distilbert\", \"vocab_size\": 23, \"max_position_embeddings\": 14, \"dim\": 8, \"n_layers\": "
    "2, "
    "\"n_heads\": 2, \"hidden_dim\": 12, \"dropout\": 0, \"attention_dropout\": 0, \"seq_classif_dropout\": 0, "
    "\"activation\": \"gelu\", \"sinusoidal_pos_embds\": false, \"tie_weights_\": true}";

typedef struct kind {
    const char *name; /* of its files */
    const char *config, *task;
    int32_t has_segments;
    const char *label, *output;
} kind_t;

static const kind_t kinds[] = {
    {"bert_classes", bert, PT_TASK_CLASSIFICATION, 1, "label", "logits"},
    {"bert_words", bert, PT_TASK_MASKED_LM, 1, "masked_labels", "logits"},
    {"roberta_words", roberta, PT_TASK_MASKED_LM, 0, "masked_labels", "logits"},
    {"distilbert_words", distilbert, PT_TASK_MASKED_LM, 0, "masked_labels", "logits"},
    {"bert_numbers", bert, PT_TASK_REGRESSION, 1, "target", "prediction"},
    {"roberta_classes", roberta, PT_TASK_CLASSIFICATION, 0, "label", "logits"},
    {"distilbert_classes", distilbert, PT_TASK_CLASSIFICATION, 0, "label", "logits"},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static pt_context_t *context;

static void start(int32_t threads)
{
    pt_context_options_t options;
    ck_ok(pt_context_options_init(&options, sizeof options));
    options.threads = threads;
    ck_ok(pt_context_create(&options, &context));
}

static pt_model_t *make(const kind_t *kind, const char *suffix)
{
    char path[160];
    pt_model_t *model;
    pt_classification_options_t classes;
    pt_regression_options_t numbers;
    const pt_load_options_t strict = {.struct_size = sizeof strict, .flags = PT_LOAD_STRICT};
    ck_ok(pt_model_create_from_config(context, kind->config, strlen(kind->config), &model));
    ck_ok(pt_classification_options_init(&classes, sizeof classes));
    ck_ok(pt_regression_options_init(&numbers, sizeof numbers));
    classes.classes = 3;
    numbers.outputs = 2;
    ck_ok(pt_model_set_task(model, kind->task,
                            strcmp(kind->task, PT_TASK_REGRESSION) == 0       ? (const void *)&numbers
                            : strcmp(kind->task, PT_TASK_CLASSIFICATION) == 0 ? (const void *)&classes
                                                                              : NULL));
    snprintf(path, sizeof path, "tests/golden/bert/%s%s.safetensors", kind->name, suffix);
    ck_ok(pt_model_load(model, suite_source(path), &strict));
    return model;
}

typedef struct batch {
    int32_t tokens[MOST], segments[MOST], labels[MOST];
    float numbers[MOST];
    int64_t lengths[SAMPLES];
    pt_array_t values[3];
    int32_t count;
} batch_t;

static int64_t integers(const char *field, int32_t number, int32_t *values)
{
    static double read[MOST];
    char key[64];
    snprintf(key, sizeof key, "%s %d", field, (int)number);
    int64_t count = golden_numbers(key, read, MOST);
    for (int64_t i = 0; i < count; i++)
        values[i] = (int32_t)read[i];
    return count;
}

/* Batch `number` of the file last read. Segments only where they are asked for. */
static void read_batch(const kind_t *kind, int32_t number, int32_t with_segments, batch_t *batch)
{
    static double read[MOST];
    char key[64];
    const int32_t of_words = strcmp(kind->task, PT_TASK_CLASSIFICATION) != 0 &&
                             strcmp(kind->task, PT_TASK_REGRESSION) != 0;
    batch->count = 0;
    ck_assert_int_eq(golden_numbers((snprintf(key, sizeof key, "lengths %d", (int)number), key), read, SAMPLES),
                     SAMPLES);
    for (int32_t i = 0; i < SAMPLES; i++)
        batch->lengths[i] = (int64_t)read[i];
    integers("tokens", number, batch->tokens);
    integers("segments", number, batch->segments);
    batch->values[batch->count++] = (pt_array_t){
        .name = "tokens", .dtype = PT_INT32, .data = batch->tokens, .lengths = batch->lengths};
    if (with_segments)
        batch->values[batch->count++] = (pt_array_t){
            .name = "segments", .dtype = PT_INT32, .data = batch->segments, .lengths = batch->lengths};
    pt_array_t *labels = &batch->values[batch->count++];
    *labels = (pt_array_t){.name = kind->label, .dtype = PT_INT32, .data = batch->labels};
    if (of_words)
        labels->lengths = batch->lengths;
    snprintf(key, sizeof key, "labels %d", (int)number);
    if (strcmp(kind->task, PT_TASK_REGRESSION) == 0) {
        golden_floats(key, batch->numbers, MOST);
        labels->dtype = PT_FLOAT32;
        labels->data = batch->numbers;
    } else
        integers("labels", number, batch->labels);
}

static double step(pt_model_t *model, pt_optimizer_t *optimizer, batch_t *batch, uint32_t flags)
{
    pt_step_result_t result = {.struct_size = sizeof result};
    ck_ok(pt_train_step(model, optimizer, batch->values, batch->count, sizeof(pt_array_t), SAMPLES, flags, &result));
    return result.loss;
}

static pt_optimizer_t *make_optimizer(void)
{
    pt_optimizer_options_t options;
    pt_optimizer_t *optimizer;
    ck_ok(pt_optimizer_options_init(&options, sizeof options));
    options.learning_rate = 0.003;
    options.weight_decay = 0.01;
    ck_ok(pt_optimizer_create(context, &options, &optimizer));
    return optimizer;
}

static void read_golden(const kind_t *kind)
{
    char path[160];
    snprintf(path, sizeof path, "tests/golden/bert/%s.txt", kind->name);
    golden_read(path);
}

static void close_to(double value, double expected, double tolerance, const kind_t *kind, const char *what)
{
    ck_assert_msg(fabs(value - expected) <= tolerance, "%s, %s: %.9g, transformers gives %.9g", kind->name, what, value,
                  expected);
}

static void compare_logits_and_gradients(const kind_t *kind)
{
    static float logits[MOST];
    static double expected[MOST];
    static batch_t batch;
    start(2);
    read_golden(kind);
    read_batch(kind, 0, kind->has_segments, &batch);
    pt_model_t *model = make(kind, ""), *gradients = make(kind, "_gradient"); /* as if they were weights */
    pt_optimizer_t *optimizer = make_optimizer();
    int64_t count = golden_numbers("logits", expected, MOST);
    double most = 0;
    for (int64_t i = 0; i < count; i++)
        most = fmax(most, fabs(expected[i]));
    pt_array_t out = {.dtype = PT_FLOAT32, .data = logits, .capacity = MOST};
    ck_ok(pt_forward(model, batch.values, batch.count - 1, sizeof(pt_array_t), SAMPLES, kind->output, &out));
    ck_assert_int_eq(out.elements, count);
    for (int64_t i = 0; i < count; i++)
        close_to((double)logits[i], expected[i], 1e-5 * most, kind, "a logit");
    ck_assert_int_eq(golden_numbers("loss", expected, 1), 1);
    close_to(step(model, optimizer, &batch, PT_STEP_ACCUMULATE), expected[0], 1e-5 * expected[0], kind, "loss");
    for (int64_t i = 0; i < pt_model_parameter_count(model); i++) {
        static float ours[MOST], theirs[MOST];
        pt_parameter_info_t info = {.struct_size = sizeof info};
        ck_ok(pt_model_parameter_info(model, i, &info));
        ck_ok(get_gradient(model, i, ours, info.elements));
        ck_ok(get_parameter(gradients, i, theirs, info.elements));
        most = 0;
        for (int64_t j = 0; j < info.elements; j++)
            most = fmax(most, fabs((double)theirs[j]));
        for (int64_t j = 0; j < info.elements; j++)
            close_to((double)ours[j], (double)theirs[j], 2e-5 * most + 1e-7, kind, info.name);
    }
    pt_optimizer_free(optimizer);
    pt_model_free(gradients);
    pt_model_free(model);
    pt_context_free(context);
}

START_TEST(test_logits_and_gradients)
{
    for (int32_t i = 0; i < KINDS; i++)
        compare_logits_and_gradients(&kinds[i]);
}
END_TEST

static void compare_training(const kind_t *kind)
{
    static double losses[STEPS];
    static batch_t batch;
    start(2);
    read_golden(kind);
    pt_model_t *model = make(kind, "");
    pt_optimizer_t *optimizer = make_optimizer();
    ck_assert_int_eq(golden_numbers("losses", losses, STEPS), STEPS);
    for (int32_t i = 0; i < STEPS; i++) {
        read_batch(kind, i % BATCHES, kind->has_segments, &batch);
        close_to(step(model, optimizer, &batch, 0), losses[i], 1e-4 * losses[i], kind, "loss of a step");
    }
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
}

START_TEST(test_training)
{
    for (int32_t i = 0; i < KINDS; i++)
        compare_training(&kinds[i]);
}
END_TEST

/* Each sample by itself gives the bits that it has in the batch. */
static void compare_samples_alone(const kind_t *kind)
{
    static float together[MOST], alone[MOST];
    static batch_t batch;
    int64_t row = 0, at = 0;
    start(1);
    read_golden(kind);
    read_batch(kind, 2, kind->has_segments, &batch);
    pt_model_t *model = make(kind, "");
    pt_array_t out = {.dtype = PT_FLOAT32, .data = together, .capacity = MOST};
    ck_ok(pt_forward(model, batch.values, batch.count - 1, sizeof(pt_array_t), SAMPLES, kind->output, &out));
    for (int32_t i = 0; i < SAMPLES; row += batch.lengths[i++]) {
        pt_array_t values[2] = {batch.values[0], batch.values[1]},
                   one = {.dtype = PT_FLOAT32, .data = alone, .capacity = MOST};
        values[0].data = batch.tokens + row;
        values[1].data = batch.segments + row;
        values[0].lengths = values[1].lengths = &batch.lengths[i];
        ck_ok(pt_forward(model, values, batch.count - 1, sizeof(pt_array_t), 1, kind->output, &one));
        for (int64_t j = 0; j < one.elements; j++)
            close_to((double)together[at + j], (double)alone[j], 1e-6, kind, "a sample in a batch");
        at += one.elements;
    }
    ck_assert_int_eq(at, out.elements);
    pt_model_free(model);
    pt_context_free(context);
}

START_TEST(test_samples_alone)
{
    for (int32_t i = 0; i < KINDS; i++)
        compare_samples_alone(&kinds[i]);
}
END_TEST

/* Segments that the data lacks are 0: for outputs, losses and evaluations. */
START_TEST(test_lacking_segments)
{
    static float with[MOST], without[MOST];
    static batch_t batch;
    const kind_t *kind = &kinds[0];
    start(1);
    read_golden(kind);
    read_batch(kind, 1, 1, &batch);
    memset(batch.segments, 0, sizeof batch.segments);
    pt_model_t *model = make(kind, "");
    pt_optimizer_t *optimizer = make_optimizer();
    pt_array_t out = {.dtype = PT_FLOAT32, .data = with, .capacity = MOST};
    ck_ok(pt_forward(model, batch.values, 2, sizeof(pt_array_t), SAMPLES, "logits", &out));
    double loss = step(model, optimizer, &batch, PT_STEP_ACCUMULATE);
    read_batch(kind, 1, 0, &batch);
    out.data = without;
    ck_ok(pt_forward(model, batch.values, 1, sizeof(pt_array_t), SAMPLES, "logits", &out));
    ck_assert_mem_eq(with, without, (size_t)out.elements * sizeof(float));
    ck_assert_double_eq(loss, step(model, optimizer, &batch, PT_STEP_ACCUMULATE));
    read_batch(kind, 1, 1, &batch);
    batch.segments[3] = 2; /* there is none of this number */
    ck_fails(pt_forward(model, batch.values, 2, sizeof(pt_array_t), SAMPLES, "logits", &out), PT_ERR_ARGUMENT,
             "segments");
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* RoBERTa's positions begin behind that of the padding token, so there are fewer of them. */
START_TEST(test_longest_sample)
{
    static const int64_t longest[] = {14, 12, 14};
    static const char *const configs[] = {bert, roberta, distilbert};
    int32_t tokens[16] = {0};
    float hidden[16 * 8];
    pt_model_t *model;
    start(1);
    for (int32_t i = 0; i < 3; i++) {
        ck_ok(pt_model_create_from_config(context, configs[i], strlen(configs[i]), &model));
        for (int64_t length = longest[i]; length <= longest[i] + 1; length++) {
            pt_array_t out = {.dtype = PT_FLOAT32, .data = hidden, .capacity = 16 * 8};
            pt_array_t values = {.name = "tokens", .dtype = PT_INT32, .data = tokens, .lengths = &length};
            pt_status_t status = pt_forward(model, &values, 1, sizeof values, 1, "hidden", &out);
            ck_assert_msg((status == PT_OK) == (length == longest[i]), "%d: %s", (int)i, pt_last_error());
        }
        pt_model_free(model);
    }
    pt_context_free(context);
}
END_TEST

/* Nothing is padded, so a token whose number is pad_token_id is one that was meant, and learns. */
START_TEST(test_padding_token_learns)
{
    static const int32_t given[] = {5, 1, 7};
    static float gradient[MOST];
    batch_t batch = {.tokens = {5, 1, 7}, .labels = {2}, .lengths = {3, 0, 0, 0}};
    const kind_t *kind = &kinds[5];
    pt_parameter_info_t info = {.struct_size = sizeof info};
    start(1);
    pt_model_t *model = make(kind, "");
    pt_optimizer_t *optimizer = make_optimizer();
    pt_step_result_t result = {.struct_size = sizeof result};
    batch.values[0] = (pt_array_t){.name = "tokens", .dtype = PT_INT32, .data = batch.tokens, .lengths = batch.lengths};
    batch.values[1] = (pt_array_t){.name = "label", .dtype = PT_INT32, .data = batch.labels};
    ck_ok(pt_train_step(model, optimizer, batch.values, 2, sizeof(pt_array_t), 1, PT_STEP_ACCUMULATE, &result));
    int64_t index;
    ck_ok(pt_model_parameter_find(model, "roberta.embeddings.word_embeddings.weight", &index));
    ck_ok(pt_model_parameter_info(model, index, &info));
    ck_ok(get_gradient(model, index, gradient, info.elements));
    double sums[3] = {0};
    for (int32_t i = 0; i < 3; i++)
        for (int32_t d = 0; d < 8; d++)
            sums[i] += fabs((double)gradient[given[i] * 8 + d]);
    ck_assert_double_gt(sums[1], 0.1 * sums[0]);
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* A directory of the hub, whose norms have the names of older files: opened with the head that its configuration names.
 * The mask token is nowhere in it. */
static void open_directory(const kind_t *kind, const char *class, int32_t has_gamma)
{
    static char bytes[1 << 15], config[2048];
    static float logits[MOST];
    static double expected[MOST];
    static batch_t batch;
    char path[160];
    pt_model_t *model;
    start(1);
    snprintf(path, sizeof path, "tests/golden/bert/%s.safetensors", kind->name);
    FILE *file = fopen(suite_source(path), "rb");
    ck_assert_ptr_nonnull(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    ck_assert_uint_lt(size, sizeof bytes);
    for (size_t i = 0; has_gamma && i + 17 < size; i++)
        if (memcmp(bytes + i, "LayerNorm.weight\"", 17) == 0)
            memcpy(bytes + i, "LayerNorm.gamma\" ", 17);
        else if (memcmp(bytes + i, "LayerNorm.bias\"", 15) == 0)
            memcpy(bytes + i, "LayerNorm.beta\"", 15);
    suite_write("model.safetensors", bytes, size);
    snprintf(config, sizeof config, "{\"architectures\": [\"%s\"], \"num_labels\": 3, %s", class, kind->config + 1);
    suite_write("config.json", config, strlen(config));
    ck_ok(pt_model_open(context, suite_directory(), NULL, &model));
    ck_assert_str_eq(pt_model_task(model), kind->task);
    read_golden(kind);
    read_batch(kind, 0, kind->has_segments, &batch);
    int64_t count = golden_numbers("logits", expected, MOST);
    pt_array_t out = {.dtype = PT_FLOAT32, .data = logits, .capacity = MOST};
    ck_ok(pt_forward(model, batch.values, batch.count - 1, sizeof(pt_array_t), SAMPLES, "logits", &out));
    for (int64_t i = 0; i < count; i++)
        close_to((double)logits[i], expected[i], 1e-4, kind, "a logit of an opened directory");
    if (strcmp(kind->task, PT_TASK_MASKED_LM) == 0) { /* what is masked already, or is told the mask token */
        pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
        pt_dataset_t *dataset;
        int64_t rows = 0;
        for (int32_t i = 0; i < SAMPLES; i++)
            rows += batch.lengths[i];
        batch.values[0].elements = rows;
        batch.values[0].rank = 1;
        batch.values[0].shape[0] = PT_DIM_TOKENS;
        batch.values[0].samples = SAMPLES;
        ck_ok(pt_dataset_create_from_arrays(context, batch.values, 1, sizeof(pt_array_t), SAMPLES, 0, &dataset));
        ck_fails(pt_evaluate(model, dataset, 2, &evaluation), PT_ERR_ARGUMENT, "mask_token is not given");
        pt_dataset_free(dataset);
    }
    pt_model_free(model);
    pt_context_free(context);
}

START_TEST(test_opened_directories)
{
    open_directory(&kinds[0], "BertForSequenceClassification", 0);
    open_directory(&kinds[0], "BertForSequenceClassification", 1);
    open_directory(&kinds[1], "BertForMaskedLM", 1);
    open_directory(&kinds[2], "RobertaForMaskedLM", 0);
    open_directory(&kinds[3], "DistilBertForMaskedLM", 0);
    open_directory(&kinds[KINDS - 1], "DistilBertForSequenceClassification", 0);
}
END_TEST

SUITE("bert", 60, test_opened_directories, test_logits_and_gradients, test_training, test_samples_alone,
      test_lacking_segments, test_longest_sample, test_padding_token_learns)
