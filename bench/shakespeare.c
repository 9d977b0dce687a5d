/* How well a small GPT learns: the quality bar, which needs a text of the host's (the tiny Shakespeare of 1,115,394
 * characters).
 *
 *   shakespeare FILE [SEEDS [STEPS [THREADS]]]      default: 3 seeds, 2000 steps, 2 threads
 *
 * Characters become ids in the order of their codes. The first nine tenths train; 4 layers, 4 heads, 128 wide, 64
 * long, batches of 12 windows that begin anywhere, AdamW from 1e-3 to 1e-4 by cosine after 100 steps of warm-up,
 * betas 0.9 and 0.99, decay 0.1 on matrices, gradient norm at most 1, no dropout. The loss is that of the whole last
 * tenth in consecutive windows of 64 after the last step. Ends with a failure where the mean over the seeds is above
 * 1.90. Written with the public interface alone, as a host would. */
#include "pretrain.h"

#include <stdio.h>
#include <stdlib.h>

enum { LENGTH = 64, BATCH = 12 };
static const double bar = 1.90;

typedef struct characters {
    uint8_t *ids; /* [size] */
    int64_t size;
    int vocabulary;
} characters_t;

static void must(pt_status_t status, const char *what)
{
    if (status == PT_OK)
        return;
    fprintf(stderr, "%s: %s: %s\n", what, pt_status_name(status), pt_last_error());
    exit(EXIT_FAILURE);
}

static characters_t read_characters(const char *path)
{
    characters_t characters = {0};
    unsigned char id[256] = {0};
    int present[256] = {0};
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0 || (characters.size = ftell(file)) < 100 * LENGTH) {
        fprintf(stderr, "%s: cannot be read, or is too short\n", path);
        exit(EXIT_FAILURE);
    }
    rewind(file);
    characters.ids = malloc((size_t)characters.size);
    if (!characters.ids || fread(characters.ids, 1, (size_t)characters.size, file) != (size_t)characters.size) {
        fprintf(stderr, "%s: cannot be read\n", path);
        exit(EXIT_FAILURE);
    }
    fclose(file);
    for (int64_t i = 0; i < characters.size; i++)
        present[characters.ids[i]] = 1;
    for (int i = 0; i < 256; i++)
        if (present[i])
            id[i] = (unsigned char)characters.vocabulary++;
    for (int64_t i = 0; i < characters.size; i++)
        characters.ids[i] = id[characters.ids[i]];
    return characters;
}

/* ---- Windows of the text, as a map-style dataset ---- */

typedef struct windows {
    const uint8_t *ids;
    int64_t stride;
} windows_t;

static void fetch(void *user, pt_batch_t *batch)
{
    const windows_t *windows = user;
    int32_t *tokens = batch->fields[0].data, *labels = batch->fields[1].data;
    for (int64_t i = 0; i < batch->capacity; i++) {
        const uint8_t *window = windows->ids + batch->indices[i] * windows->stride;
        for (int64_t j = 0; j < LENGTH; j++) {
            tokens[i * LENGTH + j] = window[j];
            labels[i * LENGTH + j] = window[j + 1];
        }
        batch->fields[0].lengths[i] = batch->fields[1].lengths[i] = LENGTH;
    }
    batch->filled = batch->capacity;
    batch->status = PT_OK;
}

/* size: characters from ids on. */
static pt_dataset_t *make_windows(pt_context_t *context, windows_t *windows, int64_t size)
{
    const pt_field_spec_t fields[] = {
        {.name = "tokens", .dtype = PT_INT32, .rank = 1, .shape = {PT_DIM_TOKENS}, .max_length = LENGTH},
        {.name = "labels", .dtype = PT_INT32, .rank = 1, .shape = {PT_DIM_TOKENS}, .max_length = LENGTH},
    };
    pt_dataset_t *dataset;
    int64_t count = (size - LENGTH - 1) / windows->stride + 1;
    must(pt_dataset_create_map(context, fields, 2, sizeof(pt_field_spec_t), count, 0, fetch, windows, NULL, &dataset),
         "dataset");
    return dataset;
}

/* ---- One seed ---- */

static pt_model_t *make_model(pt_context_t *context, int vocabulary)
{
    char config[256];
    pt_model_t *model;
    int length = snprintf(config, sizeof config,
                          "{\"model_type\": \"gpt2\", \"vocab_size\": %d, \"n_positions\": %d, \"n_embd\": 128, "
                          "\"n_layer\": 4, \"n_head\": 4,"
                          " \"resid_pdrop\": 0, \"embd_pdrop\": 0, \"attn_pdrop\": 0}",
                          vocabulary, LENGTH);
    must(pt_model_create_from_config(context, config, (size_t)length, &model), "model");
    must(pt_model_set_task(model, PT_TASK_CAUSAL_LM, NULL), "task");
    return model;
}

static pt_optimizer_t *make_optimizer(pt_context_t *context, int64_t steps)
{
    pt_optimizer_options_t options;
    pt_schedule_options_t schedule;
    pt_optimizer_t *optimizer;
    must(pt_optimizer_options_init(&options, sizeof options), "optimizer");
    options.kind = PT_OPTIMIZER_ADAMW;
    options.flags = PT_OPTIMIZER_DECAY_MATRICES;
    options.learning_rate = 1e-3;
    options.beta1 = 0.9;
    options.beta2 = 0.99;
    options.weight_decay = 0.1;
    options.clip_norm = 1.0;
    must(pt_optimizer_create(context, &options, &optimizer), "optimizer");
    must(pt_schedule_options_init(&schedule, sizeof schedule), "schedule");
    schedule.kind = PT_SCHEDULE_COSINE;
    schedule.warmup_steps = 100;
    schedule.total_steps = steps;
    schedule.minimum_factor = 0.1;
    must(pt_optimizer_set_schedule(optimizer, &schedule), "schedule");
    return optimizer;
}

static void on_event(void *user, pt_event_t *event)
{
    const uint64_t *seed = user;
    event->action = PT_ACTION_GO_ON;
    if (event->kind == PT_EVENT_STEP)
        fprintf(stderr, "seed %llu, step %lld: loss %.4f, %.0f tokens/s\n", (unsigned long long)*seed,
                (long long)event->step, event->loss, event->tokens_per_second);
}

/* The loss over the validation part after training. */
static double run_seed(const characters_t *characters, uint64_t seed, int64_t steps, int threads)
{
    int64_t split = characters->size * 9 / 10;
    windows_t training = {characters->ids, 1}, validation = {characters->ids + split, LENGTH};
    pt_context_options_t options;
    pt_context_t *context;
    must(pt_context_options_init(&options, sizeof options), "context");
    options.threads = threads;
    options.seed = seed;
    must(pt_context_create(&options, &context), "context");
    pt_model_t *model = make_model(context, characters->vocabulary);
    pt_optimizer_t *optimizer = make_optimizer(context, steps);
    pt_dataset_t *dataset = make_windows(context, &training, split),
                 *held_out = make_windows(context, &validation, characters->size - split);

    pt_train_options_t train;
    pt_train_result_t result = {.struct_size = sizeof result};
    pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
    must(pt_train_options_init(&train, sizeof train), "options");
    train.steps = steps;
    train.batch = BATCH;
    train.event_every = 500;
    train.event = on_event;
    train.event_user = &seed;
    must(pt_pretrain(model, optimizer, dataset, &train, &result), "pt_pretrain");
    must(pt_evaluate(model, held_out, 16, &evaluation), "pt_evaluate");
    printf("{\"seed\": %llu, \"steps\": %lld, \"training_loss\": %.4f, \"validation_loss\": %.4f, "
           "\"validation_tokens\": %lld, \"seconds\": %.1f, "
           "\"peak_bytes\": %lld}\n",
           (unsigned long long)seed, (long long)result.steps, result.loss, evaluation.loss,
           (long long)evaluation.tokens, result.seconds, (long long)result.peak_bytes);
    fflush(stdout);
    pt_dataset_free(held_out);
    pt_dataset_free(dataset);
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
    return evaluation.loss;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs("usage: shakespeare FILE [SEEDS [STEPS [THREADS]]]\n", stderr);
        return EXIT_FAILURE;
    }
    int seeds = argc > 2 ? atoi(argv[2]) : 3;
    int64_t steps = argc > 3 ? atoll(argv[3]) : 2000;
    characters_t characters = read_characters(argv[1]);
    double sum = 0;
    for (int seed = 1; seed <= seeds; seed++)
        sum += run_seed(&characters, (uint64_t)seed, steps, argc > 4 ? atoi(argv[4]) : 2);
    free(characters.ids);
    if (seeds < 1)
        return EXIT_FAILURE;
    printf("{\"mean_validation_loss\": %.4f, \"bar\": %.2f, \"characters\": %d}\n", sum / seeds, bar,
           characters.vocabulary);
    return sum / seeds <= bar ? EXIT_SUCCESS : EXIT_FAILURE;
}
