/* Fine-tuning a published BERT on sentences as long as they are, for ragged.py, which starts it beside torch_ragged.py.
 *
 *   ragged_case MODEL_DIRECTORY TRAIN_FILE TEST_FILE BATCH RATE THREADS
 *
 * The files have a sentence a line, its class, 0 or 1, before it. For each line "SAMPLES" on standard input it trains
 * on so many samples of a shuffled order, one part after the other, and answers with the seconds, the peak of resident
 * memory in KB, and the last loss. At the end of the input it answers with the share of the test file's sentences that
 * it classifies rightly. Written with the public interface alone, as a host would. */
#include "case_state.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MOST_LINES 100000

typedef struct sentences {
    char *text;
    pt_text_t *texts;
    int32_t *labels;
    int64_t count, tokens;
    int64_t *lengths;
    pt_dataset_t *dataset;
} sentences_t;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    size_t size = (size_t)ftell(file);
    char *text = must_allocate(size + 1, 1);
    rewind(file);
    size = fread(text, 1, size, file);
    fclose(file);
    return text;
}

/* Each line's label and text. */
static sentences_t read_sentences(const char *path)
{
    sentences_t sentences = {.text = read_file(path)};
    sentences.texts = must_allocate(MOST_LINES, sizeof *sentences.texts);
    sentences.labels = must_allocate(MOST_LINES, sizeof *sentences.labels);
    sentences.lengths = must_allocate(MOST_LINES, sizeof *sentences.lengths);
    for (char *line = strtok(sentences.text, "\n"); line && sentences.count < MOST_LINES; line = strtok(NULL, "\n")) {
        sentences.labels[sentences.count] = line[0] == '1';
        sentences.texts[sentences.count++] = (pt_text_t){.text = line + 2, .bytes = -1};
    }
    return sentences;
}

static void make_dataset(pt_context_t *context, pt_tokenizer_t *tokenizer, sentences_t *sentences)
{
    const int64_t room = (int64_t)1 << 24;
    pt_array_t fields[] = {
        {.dtype = PT_INT32, .capacity = room, .lengths = sentences->lengths, .lengths_capacity = sentences->count},
        {.name = "label", .dtype = PT_INT32, .data = sentences->labels}};
    fields[0].data = must_allocate((size_t)room, sizeof(int32_t));
    must(pt_tokenizer_encode(tokenizer, sentences->texts, sizeof(pt_text_t), sentences->count, NULL, &fields[0], NULL,
                             NULL, sizeof(pt_array_t)),
         "tokens");
    fields[0] = (pt_array_t){.name = "tokens",
                             .dtype = PT_INT32,
                             .rank = 1,
                             .shape = {PT_DIM_TOKENS},
                             .data = fields[0].data,
                             .lengths = sentences->lengths};
    must(pt_dataset_create_from_arrays(context, fields, 2, sizeof fields[0], sentences->count, PT_DATASET_COPY,
                                       &sentences->dataset),
         "dataset");
    free(fields[0].data);
}

static long peak_kilobytes(void)
{
    char line[256];
    long kilobytes = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmHWM: %ld", &kilobytes) == 1)
            break;
    if (file)
        fclose(file);
    return kilobytes;
}

static void on_event(void *user, pt_event_t *event)
{
    pt_event_t *last = user;
    *last = *event;
    event->action = PT_ACTION_GO_ON;
}

/* Trains on samples [first, first + count) of the shuffled order. */
static void train(pt_model_t *model, pt_optimizer_t *optimizer, pt_dataset_t *shuffled, int64_t first, int64_t count,
                  int64_t batch)
{
    pt_dataset_t *part;
    pt_train_options_t options;
    pt_event_t last;
    must(pt_dataset_subset(shuffled, first, count, &part), "part");
    must(pt_train_options_init(&options, sizeof options), "options");
    options.epochs = 1;
    options.batch = batch;
    options.event = on_event;
    options.event_user = &last;
    double begin = now();
    must(pt_finetune(model, optimizer, part, &options, NULL), "pt_finetune");
    printf("%.6f %ld %.6f\n", now() - begin, peak_kilobytes(), last.loss);
    fflush(stdout);
    pt_dataset_free(part);
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fputs("usage: ragged_case MODEL_DIRECTORY TRAIN_FILE TEST_FILE BATCH RATE THREADS\n", stderr);
        return EXIT_FAILURE;
    }
    pt_context_t *context;
    pt_context_options_t options;
    pt_model_t *model;
    pt_tokenizer_t *tokenizer;
    pt_optimizer_t *optimizer;
    pt_optimizer_options_t rule;
    pt_classification_options_t task;
    pt_dataset_t *shuffled;
    sentences_t training = read_sentences(argv[2]), test = read_sentences(argv[3]);
    must(pt_context_options_init(&options, sizeof options), "context");
    options.threads = atoi(argv[6]);
    options.seed = 1;
    must(pt_context_create(&options, &context), "context");
    must(pt_tokenizer_open(context, argv[1], NULL, &tokenizer), "tokenizer");
    make_dataset(context, tokenizer, &training);
    make_dataset(context, tokenizer, &test);
    must(pt_model_open(context, argv[1], NULL, &model), "model");
    must(pt_classification_options_init(&task, sizeof task), "task");
    task.classes = 2;
    if (pt_model_class_count(model) != 2)
        must(pt_model_set_task(model, PT_TASK_CLASSIFICATION, &task), "task");
    must(pt_optimizer_options_init(&rule, sizeof rule), "optimizer");
    rule.kind = PT_OPTIMIZER_ADAMW;
    rule.learning_rate = atof(argv[5]);
    rule.weight_decay = 0.01;
    must(pt_optimizer_create(context, &rule, &optimizer), "optimizer");
    must(pt_dataset_shuffle(training.dataset, 1, &shuffled), "shuffled");
    long count;
    for (int64_t first = 0; scanf("%ld", &count) == 1; first += count)
        train(model, optimizer, shuffled, first, count, atoll(argv[4]));
    pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
    must(pt_evaluate(model, test.dataset, 32, &evaluation), "pt_evaluate");
    printf("%.6f\n", pt_model_metric_value(model, "accuracy"));
    pt_dataset_free(shuffled);
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_tokenizer_free(tokenizer);
    pt_dataset_free(training.dataset);
    pt_dataset_free(test.dataset);
    pt_context_free(context);
    return EXIT_SUCCESS;
}
