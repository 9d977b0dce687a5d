/* A BERT of one's own, from text to a classifier of sentences. Learns a tokenizer from the text files of a directory,
 * pretrains a small BERT on them from scratch (masked language modelling), and saves both as a model directory of
 * Hugging Face's kind. Then makes a classifier of it from 200 JSON lines such as {"text": "...", "label": "..."}: the
 * other lines tell how often it is right, beside the same network that was not pretrained, several times with other
 * lines. Each of the two has the learning rate that is best on 50 of the 200, which are learnt from afterwards too. The
 * last classifier is saved in the directory.
 *
 *   cc sentences.c $(pkg-config --cflags --libs pretrain) -lm -o sentences
 *   ./sentences MODEL_DIRECTORY LABELS_FILE RUNS TEXTS [STEPS]
 *   ./sentences MODEL_DIRECTORY LABELS_FILE RUNS           of a directory that is there, as the one above or MiniLM
 *
 * A Debian machine has texts for it: `sh examples/quickstart_packages.sh OUT` writes what Debian says of its packages
 * to OUT/labelled.jsonl, with their sections, and OUT/unlabelled.txt, which goes into a directory TEXTS of its own. */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "example.h"

enum { LABELLED = 200, MOST_RUNS = 100, MOST_FILES = 1000, PATH = 4096 };

static const char network[] = "{\"model_type\": \"bert\", \"vocab_size\": %d, \"hidden_size\": 128, "
                              "\"num_hidden_layers\": 1, \"num_attention_heads\": 4, \"intermediate_size\": 256, "
                              "\"max_position_embeddings\": 128, \"initializer_range\": 0.05, "
                              "\"hidden_dropout_prob\": 0, \"attention_probs_dropout_prob\": 0}";

typedef struct path {
    char text[PATH];
} path_t;

static path_t path_in(const char *directory, const char *name)
{
    path_t path;
    snprintf(path.text, sizeof path.text, "%s/%s", directory, name);
    return path;
}

/* A rate that rises at first and falls to nothing. */
static pt_status_t make_optimizer(pt_context_t *context, double rate, int64_t warmup, pt_optimizer_t **out)
{
    pt_optimizer_options_t options;
    pt_schedule_options_t schedule;
    pt_optimizer_options_init(&options, sizeof options); /* AdamW */
    pt_schedule_options_init(&schedule, sizeof schedule);
    options.learning_rate = rate;
    options.clip_norm = 1;
    options.flags = PT_OPTIMIZER_DECAY_MATRICES;
    schedule.kind = PT_SCHEDULE_LINEAR;
    schedule.warmup_steps = warmup;
    pt_status_t status = pt_optimizer_create(context, &options, out);
    return status == PT_OK ? pt_optimizer_set_schedule(*out, &schedule) : status;
}

/* ---- Pretraining ------------------------------------------------------------------------------------------------- */

/* From the text files that stand in the directory itself. */
static pt_status_t learn_tokenizer(pt_context_t *context, const char *texts, pt_tokenizer_t **out)
{
    static char *paths[MOST_FILES];
    int count = 0;
    DIR *directory = opendir(texts);
    for (struct dirent *entry; directory && count < MOST_FILES && (entry = readdir(directory));) {
        struct stat about;
        path_t path = path_in(texts, entry->d_name);
        if (entry->d_name[0] != '.' && stat(path.text, &about) == 0 && S_ISREG(about.st_mode) &&
            (paths[count] = malloc(strlen(path.text) + 1)))
            strcpy(paths[count++], path.text);
    }
    if (directory)
        closedir(directory);
    pt_tokenizer_train_options_t options;
    pt_tokenizer_train_options_init(&options, sizeof options);
    options.kind = PT_TOKENIZER_WORDPIECE;
    options.vocabulary = 4000;
    pt_status_t status = pt_tokenizer_train_files(context, (const char *const *)paths, count, &options, out);
    while (count > 0)
        free(paths[--count]);
    return status;
}

/* The task needs to know what hides a token, and which tokens are none of the text's. */
static pt_status_t set_masked_lm(pt_model_t *model, pt_tokenizer_t *tokenizer)
{
    uint8_t kinds[1 << 14];
    pt_array_t token_kinds = {.dtype = PT_UINT8, .data = kinds, .capacity = sizeof kinds};
    pt_masked_lm_options_t task;
    pt_masked_lm_options_init(&task, sizeof task);
    task.probability = 0.3; /* more to learn from each text; a network as small learns better from that */
    task.mask_token = pt_tokenizer_id(tokenizer, "[MASK]");
    task.token_kinds = &token_kinds;
    task.array_size = sizeof token_kinds;
    pt_status_t status = pt_tokenizer_kinds(tokenizer, &token_kinds, sizeof token_kinds);
    return status == PT_OK ? pt_model_set_task(model, PT_TASK_MASKED_LM, &task) : status;
}

/* Windows of 32 tokens: what it learns from them is which words go together, and the shorter they are, the more
 * different ones a step sees. */
static pt_status_t open_texts(pt_context_t *context, const char *texts, pt_tokenizer_t *tokenizer,
                              pt_dataset_t **training, pt_dataset_t **held_out)
{
    pt_window_options_t window;
    pt_window_options_init(&window, sizeof window);
    window.length = 32;
    window.tokenizer = tokenizer;
    window.end = 0.99;
    pt_status_t status = pt_dataset_create_from_text(context, texts, &window, training);
    window.start = 0.99;
    window.end = 1;
    return status == PT_OK ? pt_dataset_create_from_text(context, texts, &window, held_out) : status;
}

static int pretrain(const char *texts, const char *directory, int64_t steps)
{
    int result = 1;
    char config[1024];
    pt_context_t *context = NULL;
    pt_tokenizer_t *tokenizer = NULL;
    pt_model_t *model = NULL;
    pt_dataset_t *training = NULL, *held_out = NULL;
    pt_optimizer_t *optimizer = NULL;
    TRY(pt_context_create(NULL, &context));
    TRY(learn_tokenizer(context, texts, &tokenizer));
    snprintf(config, sizeof config, network, (int)pt_tokenizer_size(tokenizer));
    TRY(pt_model_create_from_config(context, config, strlen(config), &model));
    TRY(set_masked_lm(model, tokenizer));
    TRY(open_texts(context, texts, tokenizer, &training, &held_out));
    TRY(make_optimizer(context, 3e-3, steps / 10, &optimizer));
    progress_t progress = {.title = "pretraining"};
    pt_train_options_t train;
    pt_train_options_init(&train, sizeof train);
    train.steps = steps;
    train.batch = 32;
    train.event = show_progress;
    train.event_user = &progress;
    TRY(pt_pretrain(model, optimizer, training, &train, NULL));
    pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
    TRY(pt_evaluate(model, held_out, 64, &evaluation));
    printf("of the hidden tokens of held-out text %.1f %% are guessed right, loss %.3f\n",
           100 * pt_model_metric_value(model, "accuracy"), evaluation.loss);

    pt_save_options_t save;
    pt_save_options_init(&save, sizeof save);
    save.format = PT_FORMAT_DIRECTORY;
    TRY(pt_model_save(model, directory, &save));
    TRY(pt_tokenizer_save(tokenizer, directory, &save));
    result = 0;
out:
    pt_optimizer_free(optimizer);
    pt_dataset_free(held_out);
    pt_dataset_free(training);
    pt_model_free(model);
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
    return result;
}

/* ---- The classifier ---------------------------------------------------------------------------------------------- */

/* A network with the directory's weights, or, from scratch, of its configuration alone. */
static pt_status_t make_network(pt_context_t *context, const char *directory, int is_pretrained, pt_model_t **out)
{
    if (is_pretrained)
        return pt_model_open(context, directory, NULL, out);
    char *config = read_text(path_in(directory, "config.json").text);
    pt_status_t status = pt_model_create_from_config(context, config ? config : "", config ? strlen(config) : 0, out);
    free(config);
    return status;
}

typedef struct result {
    double accuracy, loss;
} result_t;

/* Learns from `training` and tells how `held_out` goes; save: where the classifier goes, or NULL. */
static int classify(pt_context_t *context, const char *directory, int is_pretrained, double rate,
                    pt_dataset_t *training, pt_dataset_t *held_out, const char *save, result_t *found)
{
    int result = 1;
    pt_model_t *model = NULL;
    pt_optimizer_t *optimizer = NULL;
    TRY(make_network(context, directory, is_pretrained, &model));
    pt_classification_options_t task;
    pt_classification_options_init(&task, sizeof task);
    task.classes = pt_dataset_class_count(held_out, "label");
    task.pooling = PT_POOL_MEAN; /* the head that BERT has reads [CLS], which texts in windows do not have */
    TRY(pt_model_set_task(model, PT_TASK_CLASSIFICATION, &task));

    pt_parameter_info_t words = {.struct_size = sizeof words}; /* the wider a network, the smaller its steps */
    TRY(pt_model_parameter_info(model, 0, &words));
    TRY(make_optimizer(context, rate / (double)words.shape[1], 20, &optimizer));
    pt_train_options_t train;
    pt_train_options_init(&train, sizeof train);
    train.epochs = 15;
    train.batch = 16;
    TRY(pt_finetune(model, optimizer, training, &train, NULL));
    pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
    TRY(pt_evaluate(model, held_out, 64, &evaluation));
    *found = (result_t){.accuracy = 100 * pt_model_metric_value(model, "accuracy"), .loss = evaluation.loss};
    if (save)
        TRY(pt_model_save(model, save, NULL));
    result = 0;
out:
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    return result;
}

/* The learning rate that does best on a quarter of the labelled lines after the other three were learnt from. */
static int choose_rate(pt_context_t *context, const char *directory, int is_pretrained, pt_dataset_t *labelled, int run,
                       double *rate)
{
    static const double rates[] = {0.0625, 0.125, 0.25, 0.5}; /* over the network's width */
    int result = 1;
    pt_dataset_t *training = NULL, *validation = NULL;
    result_t best = {.accuracy = -1}, found;
    TRY(pt_dataset_split(labelled, 0.75, (uint64_t)run, &training, &validation));
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        if (classify(context, directory, is_pretrained, rates[i], training, validation, NULL, &found))
            goto out;
        if (found.accuracy > best.accuracy || (found.accuracy == best.accuracy && found.loss < best.loss)) {
            best = found;
            *rate = rates[i];
        }
    }
    result = 0;
out:
    pt_dataset_free(validation);
    pt_dataset_free(training);
    return result;
}

/* The mean, and its standard error. */
static void summarize(const double *values, int count, const char *title, const char *end)
{
    double mean = 0, squares = 0;
    for (int i = 0; i < count; i++)
        mean += values[i] / count;
    for (int i = 0; i < count; i++)
        squares += (values[i] - mean) * (values[i] - mean);
    printf("%s %.1f ± %.1f %%%s", title, mean, count > 1 ? sqrt(squares / (count - 1) / count) : 0.0, end);
}

/* 200 lines are labelled, the others tell who is right: right[0] from scratch, right[1] pretrained. What a run draws
 * follows from its number. */
static int compare_once(const char *directory, const char *labels, int run, const char *save, double right[2])
{
    int result = 1;
    double rates[2];
    pt_context_t *context = NULL;
    pt_tokenizer_t *tokenizer = NULL;
    pt_dataset_t *lines = NULL, *labelled = NULL, *held_out = NULL;
    pt_context_options_t options;
    pt_context_options_init(&options, sizeof options);
    options.seed = (uint64_t)run;
    TRY(pt_context_create(&options, &context));
    TRY(pt_tokenizer_open(context, directory, NULL, &tokenizer));
    pt_column_t columns[] = {
        {.field = "tokens", .source = "text", .kind = PT_COLUMN_TEXT, .max_length = 64, .tokenizer = tokenizer},
        {.field = "label", .source = "label", .kind = PT_COLUMN_CLASS},
    };
    TRY(pt_dataset_create_from_jsonl(context, labels, columns, 2, sizeof columns[0], NULL, &lines));
    double share = (double)LABELLED / (double)pt_dataset_length(lines);
    TRY(pt_dataset_split(lines, share < 0.5 ? share : 0.5, (uint64_t)run, &labelled, &held_out));
    for (int is_pretrained = 0; is_pretrained < 2; is_pretrained++) {
        result_t found;
        if (choose_rate(context, directory, is_pretrained, labelled, run, &rates[is_pretrained]) ||
            classify(context, directory, is_pretrained, rates[is_pretrained], labelled, held_out,
                     is_pretrained ? save : NULL, &found))
            goto out;
        right[is_pretrained] = found.accuracy;
    }
    printf("run %d: %.1f %% right from scratch (rate %g / width), %.1f %% pretrained (rate %g / width)\n", run + 1,
           right[0], rates[0], right[1], rates[1]);
    fflush(stdout);
    result = 0;
out:
    pt_dataset_free(held_out);
    pt_dataset_free(labelled);
    pt_dataset_free(lines);
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
    return result;
}

static int compare(const char *directory, const char *labels, int runs)
{
    double scratch[MOST_RUNS], pretrained[MOST_RUNS], gain[MOST_RUNS];
    path_t classifier = path_in(directory, "classifier.safetensors");
    for (int run = 0; run < runs; run++) {
        double right[2];
        if (compare_once(directory, labels, run, run + 1 == runs ? classifier.text : NULL, right))
            return 1;
        scratch[run] = right[0];
        pretrained[run] = right[1];
        gain[run] = right[1] - right[0];
    }
    summarize(scratch, runs, "from scratch", ", ");
    summarize(pretrained, runs, "pretrained", ", ");
    summarize(gain, runs, "gain", "\n");
    return 0;
}

int main(int argc, char **argv)
{
    int runs = argc > 3 ? atoi(argv[3]) : 0;
    if (runs < 1 || runs > MOST_RUNS) {
        fprintf(stderr, "usage: %s MODEL_DIRECTORY LABELS_FILE RUNS [TEXTS [STEPS]]\n", argv[0]);
        return 2;
    }
    return (argc > 4 && pretrain(argv[4], argv[1], argc > 5 ? atoll(argv[5]) : 8000)) ||
           compare(argv[1], argv[2], runs);
}
