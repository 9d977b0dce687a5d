#include "training.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "out_directory.h"
#include "output.h"
#include "report_destination.h"
#include "session.h"
#include "training_report.h"
#include "training_run.h"

enum { CHECKPOINT_SECONDS = 300, EVALUATIONS = 10, WARMUP_PART = 20, LONGEST_WARMUP = 1000 };

/* ---- Data -------------------------------------------------------------------------------------------------------- */

/* The datasets, and the task that their labels ask for. A fraction of one text is its end, since windows that begin
 * closer than they are long would stand in both parts; of other data it is drawn. */
static int open_data(run_t *run)
{
    const settings_t *settings = run->settings;
    const reading_t reading = {.context = run->context,
                               .settings = settings,
                               .opened = &run->opened,
                               .task = run->task,
                               .stride = settings->stride,
                               .cache = settings->cache};
    reading_t held_out = reading;
    held_out.stride = 0; /* no token counts twice */
    const double fraction = evaluation_fraction(settings);
    const char *const *paths = settings->arguments + 1;
    const int64_t count = settings->n_arguments - 1;
    data_files_t files = {0}, evaluation = {0};
    pt_dataset_t *all = NULL;
    int status = EXIT_DONE;
    uint32_t formats = data_formats(settings, &run->opened, paths, count), evaluated = 0;
    const int has_file = settings->evaluation && fraction == 0;
    if (formats == 0 || (has_file && (evaluated = data_formats(settings, &run->opened, &settings->evaluation, 1)) == 0))
        return EXIT_USAGE;
    if ((status = data_check_use(&reading, formats | evaluated)) != EXIT_DONE)
        return status;
    if (formats & (uint32_t)1 << FORMAT_PICTURES)
        return pictures_open(run);
    const int format = data_format(settings, &run->opened, paths[0]),
              is_long = format == FORMAT_TEXT || format == FORMAT_TOKENS, cuts = fraction > 0 && count == 1 && is_long;
    if (settings->cache && (count > 1 || format != FORMAT_TEXT || !run->opened.tokenizer))
        return usage_error(settings->command, "--cache: expected one text file or directory, and a tokenizer");
    status = data_files_open(&reading, paths, count, 0, cuts ? 1 - fraction : 1, &files);
    if (status == EXIT_DONE && cuts)
        status = data_files_open(&held_out, paths, count, 1 - fraction, 1, &evaluation);
    held_out.cache = NULL;
    if (status == EXIT_DONE && has_file)
        status = data_files_open(&held_out, &settings->evaluation, 1, 0, 1, &evaluation);
    if (status == EXIT_DONE && settings->probe)
        status = freeze_trunk(run->opened.model);
    if (status == EXIT_DONE)
        status = set_task(run, &files, &evaluation);
    if (status == EXIT_DONE)
        status = data_files_join(&reading, &files, &run->names, &run->dataset);
    if (status == EXIT_DONE && evaluation.count > 0)
        status = data_files_join(&reading, &evaluation, &run->names, &run->evaluation);
    if (status == EXIT_DONE && fraction > 0 && !cuts) {
        all = run->dataset;
        run->dataset = NULL;
        TRY(pt_dataset_split(all, 1 - fraction, settings->seed > 0 ? (uint64_t)settings->seed : 0, &run->dataset,
                             &run->evaluation));
    }
out:
    pt_dataset_free(all);
    data_files_close(&files);
    data_files_close(&evaluation);
    return status;
}

/* ---- The stage --------------------------------------------------------------------------------------------------- */

static const choice_t optimizers[] = {{"adamw", PT_OPTIMIZER_ADAMW},
                                      {"adam", PT_OPTIMIZER_ADAM},
                                      {"sgd", PT_OPTIMIZER_SGD},
                                      {"adafactor", PT_OPTIMIZER_ADAFACTOR}};
static const choice_t schedules[] = {{"constant", PT_SCHEDULE_CONSTANT},
                                     {"linear", PT_SCHEDULE_LINEAR},
                                     {"cosine", PT_SCHEDULE_COSINE},
                                     {"one-cycle", PT_SCHEDULE_ONE_CYCLE}};

static int make_optimizer(run_t *run)
{
    const settings_t *settings = run->settings;
    const training_defaults_t *defaults = run->defaults;
    pt_optimizer_options_t rule;
    pt_schedule_options_t schedule;
    int status = EXIT_DONE;
    TRY(pt_optimizer_options_init(&rule, sizeof rule));
    TRY(pt_schedule_options_init(&schedule, sizeof schedule));
    rule.flags = PT_OPTIMIZER_DECAY_MATRICES;
    rule.learning_rate = settings->rate >= 0       ? settings->rate
                         : run->opened.has_weights ? defaults->rate_with_weights
                                                   : defaults->rate;
    rule.weight_decay = settings->weight_decay >= 0 ? settings->weight_decay : defaults->weight_decay;
    rule.clip_norm = settings->clip;
    rule.kind = number_of(optimizers, sizeof optimizers / sizeof *optimizers, settings->optimizer, PT_OPTIMIZER_ADAMW);
    if (rule.kind == PT_OPTIMIZER_SGD)
        rule.momentum = 0.9;
    schedule.kind = number_of(schedules, sizeof schedules / sizeof *schedules,
                              settings->schedule ? settings->schedule : defaults->schedule, PT_SCHEDULE_CONSTANT);
    const int64_t part = run->steps / WARMUP_PART;
    schedule.warmup_steps = settings->warmup >= 0 ? settings->warmup : part < LONGEST_WARMUP ? part : LONGEST_WARMUP;
    schedule.minimum_factor = schedule.kind == PT_SCHEDULE_COSINE ? 0.1 : 0;
    TRY(pt_optimizer_create(run->context, &rule, &run->optimizer));
    TRY(pt_optimizer_set_schedule(run->optimizer, &schedule));
out:
    return status;
}

static int freeze(const run_t *run)
{
    const list_t *patterns = &run->settings->freeze;
    int status = EXIT_DONE;
    for (int64_t i = 0; i < patterns->count; i++) {
        int64_t matched;
        TRY(pt_model_set_trainable(run->opened.model, patterns->items[i], 0, &matched));
        note("--freeze %s: %lld tensors", patterns->items[i], (long long)matched);
    }
out:
    return status;
}

static int normalize(const run_t *run)
{
    const char *kind = run->settings->normalize;
    pt_normalize_options_t options;
    int status = EXIT_DONE;
    if (!kind)
        return EXIT_DONE;
    if (run->opened.reads_tokens)
        return usage_error(run->settings->command, "--normalize is for columns of numbers, and the model reads tokens");
    TRY(pt_normalize_options_init(&options, sizeof options));
    options.kind = strcmp(kind, "range") == 0 ? PT_NORMALIZE_RANGE : PT_NORMALIZE_STANDARD;
    TRY(pt_dataset_normalize(run->dataset, "features", &options, run->opened.model));
out:
    return status;
}

/* What --memory leaves beside what is held already but for the weights, which the budget counts. */
static int64_t memory_budget(const run_t *run)
{
    pt_estimate_t estimate = {.struct_size = sizeof estimate};
    const pt_dim_rows_t rows = {"tokens", 1};
    int32_t is_ragged = run->opened.reads_tokens;
    if (run->settings->memory == 0 || pt_model_estimate(run->opened.model, NULL, 1, is_ragged ? &rows : NULL, is_ragged,
                                                        sizeof rows, &estimate) != PT_OK)
        return 0;
    int64_t held = pt_context_bytes(run->context), reserve = run->settings->memory / 16;
    int64_t others = held > estimate.parameter_bytes ? held - estimate.parameter_bytes : 0;
    int64_t left = run->settings->memory - others - reserve;
    return left > 0 ? left : 1;
}

static int set_options(run_t *run, pt_train_options_t *options)
{
    const settings_t *settings = run->settings;
    int status = EXIT_DONE;
    TRY(pt_train_options_init(options, sizeof *options));
    options->flags = (settings->resume ? PT_TRAIN_RESUME : 0) | (run->evaluation ? PT_TRAIN_KEEP_BEST : 0);
    options->steps = settings->steps > 0 ? settings->steps : 0;
    options->epochs = settings->epochs > 0 ? settings->epochs : options->steps == 0 ? run->defaults->epochs : 0;
    options->batch = settings->batch;
    options->memory_budget = memory_budget(run);
    options->time_budget = settings->time > 0 ? settings->time : 0;
    options->event_every = settings->event_every;
    options->event = progress_event;
    options->event_user = &run->progress;
    options->evaluation = run->evaluation;
    options->evaluation_batch = settings->batch;
    options->best_metric = settings->best;
    options->patience = settings->patience;
    int64_t epoch = (pt_dataset_length(run->dataset) + options->batch - 1) / options->batch;
    run->steps = options->steps > 0 ? options->steps : options->epochs * epoch;
    options->evaluate_every = settings->evaluate_every > 0 ? settings->evaluate_every : 0;
    if (run->evaluation && options->evaluate_every == 0 && options->epochs <= 1) {
        /* about a quarter of the time at most: an evaluation computes a third of what training on its data would */
        int64_t tenth = run->steps / EVALUATIONS, least = 1 + pt_dataset_length(run->evaluation) / options->batch;
        options->evaluate_every = tenth > least ? tenth : least;
    }
    options->checkpoint_directory = run->checkpoints[0] ? run->checkpoints : NULL;
    options->checkpoint_every = settings->checkpoint_every;
    if (run->checkpoints[0])
        options->checkpoint_seconds = settings->checkpoint_seconds >= 0 ? settings->checkpoint_seconds
                                                                        : CHECKPOINT_SECONDS;
    options->checkpoints_kept = settings->checkpoints > 0 ? settings->checkpoints : 0;
out:
    return status;
}

static void print_result(const run_t *run, const pt_train_result_t *result)
{
    const double tokens = result->seconds > 0 ? (double)result->tokens / result->seconds : 0;
    const int32_t has_metrics = run->defaults->has_labels || run->settings->evaluation != NULL;
    if (run->settings->json || run->settings->events) {
        writer_t writer;
        json_open(&writer, stdout);
        json_begin(&writer, NULL, '{');
        json_number(&writer, "loss", result->loss);
        json_whole(&writer, "steps", result->steps);
        json_number(&writer, "seconds", result->seconds);
        json_number(&writer, "tokens_per_second", tokens);
        json_whole(&writer, "peak_bytes", result->peak_bytes);
        if (has_metrics && run->evaluation)
            json_metrics(&writer, "metrics", run->opened.model);
        else if (has_metrics)
            json_text(&writer, "metrics", NULL);
        json_end(&writer, '}');
        json_close(&writer);
        return;
    }
    printf("loss               %.9g\nsteps              %lld\nseconds            %.3f\n", plain_number(result->loss),
           (long long)result->steps, result->seconds);
    if (tokens > 0)
        printf("tokens per second  %.0f\n", tokens);
    printf("peak bytes         %lld\n", (long long)result->peak_bytes);
    for (int64_t i = 0; run->evaluation && i < pt_model_metric_count(run->opened.model); i++) {
        pt_metric_info_t info = {.struct_size = sizeof info};
        if (pt_model_metric_info(run->opened.model, i, &info) == PT_OK)
            printf("held out: %-8s %.9g\n", info.name, plain_number(info.value));
    }
}

/* The stage, what it leaves, and what is told of it. */
static int train(run_t *run)
{
    pt_model_t *model = run->opened.model;
    pt_train_options_t options;
    pt_train_result_t result = {.struct_size = sizeof result};
    int status = set_options(run, &options);
    if (status != EXIT_DONE || (status = make_optimizer(run)) != EXIT_DONE)
        return status;
    progress_begin(&run->progress, run->settings, model);
    interrupts_watch(model, 1);
    pt_status_t done = !needs_labels(run->task) && !run->defaults->has_labels
                           ? pt_pretrain(model, run->optimizer, run->dataset, &options, &result)
                           : pt_finetune(model, run->optimizer, run->dataset, &options, &result);
    if (done != PT_ERR_CANCELLED)
        TRY(done);
    if ((status = out_directory_save(run->settings, &run->opened)) != EXIT_DONE)
        goto out;
    interrupts_watch(model, 0);
    if (run->evaluation && !interrupted()) {
        pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
        done = pt_evaluate(model, run->evaluation, run->settings->batch, &evaluation);
        if (done != PT_ERR_CANCELLED)
            TRY(done);
    }
    print_result(run, &result);
    if (run->settings->report) {
        const training_facts_t facts = {run->settings, run->context,    &run->opened,   run->task, &run->names,
                                        run->dataset,  run->evaluation, &run->progress, &result};
        status = training_report_write(&facts);
    }
out:
    progress_end(&run->progress);
    interrupts_watch(NULL, 0);
    if (status == EXIT_DONE && interrupted()) {
        note("interrupted after %lld steps%s", (long long)result.steps,
             run->checkpoints[0] ? "; --resume goes on" : "");
        status = EXIT_INTERRUPTED + interrupted();
    }
    return status;
}

static int check_settings(const settings_t *settings)
{
    const double fraction = evaluation_fraction(settings);
    if (settings->resume && !settings->out)
        return usage_error(settings->command, "--resume: expected --out with the directory to go on in");
    if (settings->resume && settings->checkpoints == 0)
        return usage_error(settings->command, "--resume: --checkpoints 0 leaves nothing to go on from");
    if (!settings->out &&
        (settings->checkpoint_every > 0 || settings->checkpoint_seconds >= 0 || settings->checkpoints >= 0))
        return usage_error(settings->command, "%s: expected --out with the directory to write to",
                           settings->checkpoint_every > 0      ? "--checkpoint-every"
                           : settings->checkpoint_seconds >= 0 ? "--checkpoint-seconds"
                                                               : "--checkpoints");
    if (settings->checkpoints == 0 && (settings->checkpoint_every > 0 || settings->checkpoint_seconds > 0))
        return usage_error(settings->command, "--checkpoints 0: none are written, so none can be due");
    if (fraction != 0 && !(fraction > 0 && fraction < 1))
        return usage_error(settings->command,
                           "--evaluation: expected a file or a fraction between 0 and 1, found "
                           "\"%s\"",
                           settings->evaluation);
    if (!settings->evaluation && (settings->best || settings->patience > 0 || settings->evaluate_every > 0))
        return usage_error(settings->command, "%s: expected --evaluation with it",
                           settings->best           ? "--best"
                           : settings->patience > 0 ? "--patience"
                                                    : "--evaluate-every");
    return EXIT_DONE;
}

int training_run(const settings_t *settings, const training_defaults_t *defaults)
{
    run_t run = {.settings = settings, .defaults = defaults};
    int status = check_settings(settings);
    signal(SIGPIPE, SIG_IGN); /* a reader that goes away must not cost the weights */
    if (status == EXIT_DONE && settings->report)
        status = report_destination_check(settings);
    if (status == EXIT_DONE)
        status = session_open(settings, &run.context);
    if (status == EXIT_DONE)
        status = opened_model_open(run.context, settings, settings->arguments[0], OPEN_FRESH, &run.opened);
    if (status == EXIT_DONE) {
        choose_task(&run);
        status = settings->pool && !run.opened.reads_tokens
                     ? usage_error(settings->command, "--pool: for tokens, but a \"%s\" reads numbers",
                                   run.opened.family)
                     : open_data(&run);
    }
    if (status == EXIT_DONE)
        status = freeze(&run);
    if (status == EXIT_DONE)
        status = normalize(&run);
    if (status == EXIT_DONE)
        status = out_directory_prepare(settings, &run.opened, run.checkpoints);
    if (status == EXIT_DONE)
        status = train(&run);
    pt_optimizer_free(run.optimizer);
    pt_dataset_free(run.evaluation);
    pt_dataset_free(run.dataset);
    names_free(&run.names);
    opened_model_close(&run.opened);
    pt_context_free(run.context);
    return status;
}
