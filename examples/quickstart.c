/* The quickstart: is pretraining worth it? A small GPT reads unlabelled text, byte by byte. Then a classifier learns
 * from a few labelled texts a class, once on top of that network and once from scratch, with several seeds, and both
 * are tested on the same texts that nothing was trained on. Writes report.json, report.html and model.safetensors. Run
 * by quickstart.sh. */
#include "example.h"
#include "quickstart.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* ---- Events: the progress bar, and the curves for the report ----------------------------------------------------- */

typedef struct watcher {
    progress_t progress;
    curve_t *curve;
} watcher_t;

static void watch(void *user, pt_event_t *event)
{
    watcher_t *watcher = user;
    curve_t *curve = watcher->curve;
    show_progress(&watcher->progress, event);
    if (event->kind != PT_EVENT_STEP || !curve)
        return;
    if (curve->count == curve->capacity) {
        int64_t capacity = 2 * curve->capacity + 64;
        double *steps = realloc(curve->steps, (size_t)capacity * sizeof *steps);
        curve->steps = steps ? steps : curve->steps;
        double *losses = realloc(curve->losses, (size_t)capacity * sizeof *losses);
        curve->losses = losses ? losses : curve->losses;
        if (!steps || !losses) {
            event->action = PT_ACTION_STOP;
            return;
        }
        curve->capacity = capacity;
    }
    curve->steps[curve->count] = (double)event->step;
    curve->losses[curve->count++] = event->loss;
}

/* ---- The network and its stages ---------------------------------------------------------------------------------- */

static pt_status_t make_model(pt_context_t *context, const quickstart_t *q, pt_model_t **out)
{
    char config[512];
    int length = snprintf(
        config, sizeof config,
        "{\"model_type\": \"gpt2\", \"vocab_size\": 256, \"n_positions\": %lld, \"n_embd\": %lld, \"n_layer\": %lld, "
        "\"n_head\": %lld, \"resid_pdrop\": 0.0, \"embd_pdrop\": 0.0, \"attn_pdrop\": 0.0}",
        (long long)q->length, (long long)q->width, (long long)q->layers, (long long)q->heads);
    return pt_model_create_from_config(context, config, (size_t)length, out);
}

static pt_status_t make_optimizer(pt_context_t *context, double learning_rate, double weight_decay,
                                  int32_t schedule_kind, int64_t warmup_steps, pt_optimizer_t **out)
{
    pt_optimizer_options_t rule;
    pt_optimizer_options_init(&rule, sizeof rule);
    rule.flags = PT_OPTIMIZER_DECAY_MATRICES;
    rule.learning_rate = learning_rate;
    rule.weight_decay = weight_decay;
    rule.beta2 = 0.95;
    rule.clip_norm = 1;
    pt_schedule_options_t schedule;
    pt_schedule_options_init(&schedule, sizeof schedule);
    schedule.kind = schedule_kind;
    schedule.warmup_steps = warmup_steps;
    schedule.minimum_factor = schedule_kind == PT_SCHEDULE_COSINE ? 0.1 : 0;
    pt_status_t status = pt_optimizer_create(context, &rule, out);
    return status == PT_OK ? pt_optimizer_set_schedule(*out, &schedule) : status;
}

static void note_peak(quickstart_t *q, const pt_context_t *context)
{
    int64_t peak = pt_context_peak_bytes(context);
    q->peak_bytes = peak > q->peak_bytes ? peak : q->peak_bytes;
}

/* How many steps of pretraining fit into the time: a few are made on a network that is then thrown away. A step of
 * fine-tuning costs about as much as one of pretraining, and a seed's two tests as much as the passes over their texts.
 */
static pt_status_t plan_steps(pt_context_t *context, quickstart_t *q, pt_dataset_t *windows, double began)
{
    pt_model_t *model = NULL;
    pt_optimizer_t *optimizer = NULL;
    pt_train_options_t train;
    pt_train_result_t trained = {.struct_size = sizeof trained};
    pt_train_options_init(&train, sizeof train);
    train.steps = 12;
    train.batch = q->batch;
    pt_status_t status = make_model(context, q, &model);
    if (status == PT_OK)
        status = make_optimizer(context, 1e-3, 0, PT_SCHEDULE_CONSTANT, 0, &optimizer);
    if (status == PT_OK)
        status = pt_pretrain(model, optimizer, windows, &train, &trained);
    if (status == PT_OK) {
        double second = (double)trained.steps / trained.seconds, left = 60 * q->minutes - (now() - began);
        double others = 2 * (double)q->seeds * ((double)q->finetune_steps + (double)q->held_out / (double)q->batch / 3);
        int64_t fit = (int64_t)(0.9 * left * second - others), least = q->steps < 200 ? q->steps : 200;
        if (fit < q->steps) {
            q->steps = fit > least ? fit : least;
            printf("%.1f steps a second here: pretraining is cut to %lld steps; all of it takes about %.1f minutes\n",
                   second, (long long)q->steps, (now() - began + ((double)q->steps + others) / second) / 60);
        }
    }
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    return status;
}

static pt_status_t open_windows(pt_context_t *context, const quickstart_t *q, int held_out, pt_dataset_t **out)
{
    pt_window_options_t window;
    pt_window_options_init(&window, sizeof window);
    window.length = q->length;
    window.stride = held_out ? q->length : q->length / 4;
    window.start = held_out ? 0.97 : 0;
    window.end = held_out ? 1 : 0.97;
    return pt_dataset_create_from_text(context, q->text_path, &window, out);
}

static int generate_sample(pt_model_t *model, quickstart_t *q)
{
    int result = -1;
    int32_t begin[] = {'\n', '%', '\n', 'T', 'h', 'e', ' '}, tokens[MAX_SAMPLE];
    const pt_array_t prompt = {.dtype = PT_INT32, .data = begin, .elements = 7};
    pt_array_t made = {.dtype = PT_INT32, .data = tokens, .capacity = MAX_SAMPLE};
    pt_generate_options_t generate;
    pt_generate_options_init(&generate, sizeof generate);
    generate.count = MAX_SAMPLE;
    generate.temperature = 0.7;
    generate.top_k = 30;
    generate.seed = (uint64_t)q->seed;
    TRY(pt_generate(model, &prompt, &generate, &made, sizeof made));
    memcpy(q->sample, "The ", 4);
    for (int64_t i = 0; i < made.elements; i++)
        q->sample[4 + i] = (char)(tokens[i] == '\n' || (tokens[i] >= ' ' && tokens[i] < 127) ? tokens[i] : '?');
    q->sample[4 + made.elements] = 0;
    result = 0;
out:
    return result;
}

static int pretrain(pt_context_t *context, quickstart_t *q, const char *model_path, double began)
{
    int result = -1;
    pt_dataset_t *windows = NULL, *held_out = NULL;
    pt_model_t *model = NULL;
    pt_optimizer_t *optimizer = NULL;
    watcher_t watcher = {.progress = {.title = "pretraining"}, .curve = &q->pretrain_curve};
    pt_train_result_t trained = {.struct_size = sizeof trained};
    pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
    pt_estimate_t estimate = {.struct_size = sizeof estimate};
    TRY(open_windows(context, q, 0, &windows));
    TRY(open_windows(context, q, 1, &held_out));
    TRY(plan_steps(context, q, windows, began));
    TRY(make_model(context, q, &model));
    TRY(make_optimizer(context, q->learning_rate, 0.1, PT_SCHEDULE_COSINE, q->steps / 20, &optimizer));

    pt_train_options_t train;
    pt_train_options_init(&train, sizeof train);
    train.steps = q->steps;
    train.batch = q->batch;
    train.event_every = q->steps >= 400 ? q->steps / 200 : 1;
    train.event = watch;
    train.event_user = &watcher;
    TRY(pt_pretrain(model, optimizer, windows, &train, &trained));
    TRY(pt_evaluate(model, held_out, q->batch, &evaluation));
    const pt_dim_rows_t rows = {"tokens", q->batch * q->length};
    TRY(pt_model_estimate(model, optimizer, q->batch, &rows, 1, sizeof rows, &estimate));
    TRY(pt_model_save(model, model_path, NULL));
    q->parameters = estimate.parameters;
    q->pretrain_loss = trained.loss;
    q->pretrain_held_out_loss = evaluation.loss;
    q->pretrain_seconds = trained.seconds;
    q->tokens_per_second = (double)trained.tokens / trained.seconds;
    printf("loss on text it has not seen: %.3f (an untrained network's: 5.545)\n", evaluation.loss);
    result = generate_sample(model, q);
out:
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_dataset_free(held_out);
    pt_dataset_free(windows);
    return result;
}

/* One classifier: the trunk of model_path, or where that is NULL a fresh one. */
static int finetune(const quickstart_t *q, const char *model_path, pt_context_t *context, pt_dataset_t *training,
                    pt_dataset_t *held_out, run_t *run)
{
    int result = -1;
    pt_model_t *model = NULL;
    pt_optimizer_t *optimizer = NULL;
    watcher_t watcher = {.progress = {.title = run->pretrained ? "pretrained" : "from scratch"}, .curve = &run->curve};
    pt_train_result_t trained = {.struct_size = sizeof trained};
    pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
    pt_classification_options_t task;
    pt_classification_options_init(&task, sizeof task);
    task.classes = q->classes;
    task.pooling = PT_POOL_MEAN;
    TRY(make_model(context, q, &model));
    TRY(pt_model_set_task(model, PT_TASK_CLASSIFICATION, &task));
    if (model_path)
        TRY(pt_model_load(model, model_path, NULL));
    TRY(make_optimizer(context, run->pretrained ? q->finetune_rate : q->scratch_rate, 0.01, PT_SCHEDULE_LINEAR,
                       q->finetune_steps / 10, &optimizer));
    pt_train_options_t train;
    pt_train_options_init(&train, sizeof train);
    train.steps = q->finetune_steps;
    train.batch = 8;
    train.event_every = q->finetune_steps >= 50 ? q->finetune_steps / 25 : 1;
    train.event = watch;
    train.event_user = &watcher;
    TRY(pt_finetune(model, optimizer, training, &train, &trained));
    TRY(pt_evaluate(model, held_out, 32, &evaluation));
    run->loss = trained.loss;
    run->held_out_loss = evaluation.loss;
    run->accuracy = pt_model_metric_value(model, "accuracy");
    run->seconds = trained.seconds;
    printf("%-12s seed %lld: %.1f %% of %lld held-out texts right\n", watcher.progress.title, (long long)run->seed,
           100 * pt_model_metric_value(model, "accuracy"), (long long)evaluation.samples);
    result = 0;
out:
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    return result;
}

/* With one seed: the same labelled texts for the network that was pretrained and for the one that was not. */
static int compare(quickstart_t *q, const char *model_path, int64_t seed)
{
    int result = -1;
    pt_context_t *context = NULL;
    pt_dataset_t *training = NULL;
    texts_t texts = {0};
    pt_context_options_t machine;
    pt_context_options_init(&machine, sizeof machine);
    machine.seed = (uint64_t)seed;
    machine.threads = (int32_t)q->threads;
    TRY(pt_context_create(&machine, &context));
    if (open_texts(context, q, &texts) != 0)
        goto out;
    TRY(draw_training(q, &texts, seed, &training));
    for (int pretrained = 1; pretrained >= 0; pretrained--) {
        run_t *run = &q->runs[q->n_runs++];
        run->pretrained = pretrained;
        run->seed = seed;
        if (finetune(q, pretrained ? model_path : NULL, context, training, texts.held_out, run) != 0)
            goto out;
    }
    note_peak(q, context);
    result = 0;
out:
    pt_dataset_free(training);
    pt_dataset_free(texts.held_out);
    pt_dataset_free(texts.all);
    free(texts.pool);
    pt_context_free(context);
    return result;
}

/* ---- The command line -------------------------------------------------------------------------------------------- */

static void print_usage(FILE *file)
{
    fputs(
        "usage: quickstart [options]\n"
        "  --text FILE         unlabelled text to pretrain on (default: Debian's fortunes)\n"
        "  --labels FILE       labelled texts, JSON lines with \"text\" and \"label\" (default: fortunes by category)\n"
        "  --out DIRECTORY     where reports and models go (build/quickstart)\n"
        "  --minutes NUMBER    about how long it may take (4)\n"
        "  --per-class NUMBER  labelled texts of each class to learn from (8)\n"
        "  --seeds NUMBER      how often the comparison is repeated (3)\n"
        "  --seed NUMBER       of the first (1)\n"
        "  --steps NUMBER      of pretraining, at most (3000)\n"
        "  --finetune-steps NUMBER (150)\n"
        "  --layers --width --heads --length --batch NUMBER   of the network (4, 128, 4, 128, 8)\n"
        "  --threads NUMBER    (as many as processors)\n",
        file);
}

/* 0; 1 where the program is to end well; -1 after a message. */
static int parse(int argc, char **argv, quickstart_t *q)
{
    struct {
        const char *name;
        int64_t *number;
        int64_t least, most;
    } numbers[] = {
        {"--per-class", &q->per_class, 1, 100000},
        {"--seeds", &q->seeds, 1, MAX_RUNS / 2},
        {"--seed", &q->seed, 0, 1000000000},
        {"--steps", &q->steps, 1, 10000000},
        {"--finetune-steps", &q->finetune_steps, 1, 1000000},
        {"--layers", &q->layers, 1, 1000},
        {"--width", &q->width, 1, 100000},
        {"--heads", &q->heads, 1, 1000},
        {"--length", &q->length, 4, 100000},
        {"--batch", &q->batch, 1, 100000},
        {"--threads", &q->threads, 0, 1024},
    };
    struct {
        const char *name, **text;
    } names[] = {{"--text", &q->text}, {"--labels", &q->labels}, {"--out", &q->out}};
    for (int i = 1; i < argc; i++) {
        const char *option = argv[i];
        if (strcmp(option, "--help") == 0) {
            print_usage(stdout);
            return 1;
        }
        char *end = argv[i];
        int known = 0;
        const char *value = i + 1 < argc ? argv[++i] : NULL;
        for (size_t j = 0; value && j < sizeof numbers / sizeof *numbers; j++) {
            if (strcmp(option, numbers[j].name) == 0) {
                long long number = strtoll(value, &end, 10);
                known = *value && !*end && number >= numbers[j].least && number <= numbers[j].most;
                *numbers[j].number = number;
            }
        }
        for (size_t j = 0; value && j < sizeof names / sizeof *names; j++) {
            if (strcmp(option, names[j].name) == 0) {
                *names[j].text = value;
                known = 1;
            }
        }
        if (value && strcmp(option, "--minutes") == 0) {
            q->minutes = strtod(value, &end);
            known = *value && !*end && q->minutes > 0 && q->minutes < 1e6;
        }
        if (!known) {
            fprintf(stderr, "quickstart: %s%s%s is not understood\n", option, value ? " " : "", value ? value : "");
            print_usage(stderr);
            return -1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    static quickstart_t q = {.out = "build/quickstart",
                             .minutes = 4,
                             .per_class = 8,
                             .seeds = 3,
                             .seed = 1,
                             .steps = 3000,
                             .finetune_steps = 150,
                             .batch = 8,
                             .length = 128,
                             .layers = 4,
                             .heads = 4,
                             .width = 128,
                             .learning_rate = 2e-3,
                             .finetune_rate = 2e-3,
                             .scratch_rate = 1e-3};
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ); /* in step with the progress bar on stderr */
    double began = now();
    int result = 1, parsed = parse(argc, argv, &q);
    if (parsed != 0)
        return parsed > 0 ? 0 : 2;
    char model_path[4096], machine_line[256];
    pt_context_t *context = NULL;
    texts_t texts = {0};
    if (mkdir(q.out, 0777) != 0 && errno != EEXIST) {
        fprintf(stderr, "%s: %s\n", q.out, strerror(errno));
        return 1;
    }
    snprintf(model_path, sizeof model_path, "%s/model.safetensors", q.out);

    pt_context_options_t machine;
    pt_context_options_init(&machine, sizeof machine);
    machine.seed = (uint64_t)q.seed;
    machine.threads = (int32_t)q.threads;
    TRY(pt_context_create(&machine, &context));
    snprintf(machine_line, sizeof machine_line, "%s", pt_context_describe(context));
    q.machine = machine_line;
    printf("libpretrain %s: %s\n", pt_version(), q.machine);

    if (prepare(context, &q, &texts) != 0)
        goto out;
    printf("%.0f kB of unlabelled text; %lld labelled texts (%lld of each of %lld classes); %lld held-out texts to "
           "test with\n",
           (double)q.text_bytes / 1e3, (long long)(q.per_class * q.classes), (long long)q.per_class,
           (long long)q.classes, (long long)q.held_out);
    if (pretrain(context, &q, model_path, began) != 0)
        goto out;
    note_peak(&q, context);
    printf("\na sample of what it writes:\n--------\n%s\n--------\n\n", q.sample);
    for (int64_t seed = q.seed; seed < q.seed + q.seeds; seed++) {
        if (compare(&q, model_path, seed) != 0)
            goto out;
    }
    q.seconds = now() - began;

    double mean[2], error[2];
    for (int pretrained = 0; pretrained < 2; pretrained++)
        accuracy_of(&q, pretrained, &mean[pretrained], &error[pretrained]);
    printf("\naccuracy on held-out texts, mean of %lld seeds: pretrained %.1f %% (± %.1f), from scratch %.1f %% (± "
           "%.1f), chance %.1f %%\n",
           (long long)q.seeds, 100 * mean[1], 100 * error[1], 100 * mean[0], 100 * error[0], 100 / (double)q.classes);
    printf("%.0f tokens a second, at most %.0f MB, %.0f seconds; see %s/report.html\n", q.tokens_per_second,
           (double)q.peak_bytes / 1e6, q.seconds, q.out);
    result = write_report(&q) == 0 ? 0 : 1;
out:
    pt_dataset_free(texts.held_out);
    pt_dataset_free(texts.all);
    free(texts.pool);
    pt_context_free(context);
    for (int64_t i = 0; i < q.n_runs; i++) {
        free(q.runs[i].curve.steps);
        free(q.runs[i].curve.losses);
    }
    free(q.pretrain_curve.steps);
    free(q.pretrain_curve.losses);
    return result;
}
