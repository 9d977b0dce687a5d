#include "training_report.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "data_files.h"
#include "output.h"
#include "report_destination.h"
#include "training_guesses.h"
#include "training_pictures.h"

enum {
    FACTS_AT_MOST = 24,
    FACT_SIZE = 512,
    NEXT_AT_MOST = 4,
    /* of the examples: what was wrong is more telling, and pictures are seen at a glance */
    WRONG_PICTURES = 12,
    RIGHT_PICTURES = 6,
    WRONG_TEXTS = 6,
    RIGHT_TEXTS = 4,
    EXAMPLES_AT_MOST = WRONG_PICTURES + RIGHT_PICTURES,
    TEXT_SIZE = 400,
};

/* The report, and what its pointers point to. */
typedef struct page {
    const training_facts_t *facts;
    report_t report;
    char answer[FACT_SIZE], summary[FACT_SIZE];
    report_result_t result;
    double accuracy;
    report_reference_t references[2];
    report_curve_t losses[2], metrics[1];
    report_chart_t charts[2];
    char values[FACTS_AT_MOST][FACT_SIZE], commands[NEXT_AT_MOST][FACT_SIZE];
    report_fact_t rows[FACTS_AT_MOST], next[NEXT_AT_MOST];
    /* of a classifier: what each sample is and is taken for */
    guesses_t guesses;
    char texts[EXAMPLES_AT_MOST][TEXT_SIZE];
    report_example_t examples[EXAMPLES_AT_MOST];
} page_t;

/* ---- Classes ----------------------------------------------------------------------------------------------------- */

/* The beginning of a sample's text; 0 where it has none. */
static int read_text(const page_t *page, int64_t sample, char text[TEXT_SIZE])
{
    enum { MOST = TEXT_SIZE - 1 };
    int32_t ids[16 * 1024];
    int64_t length;
    pt_array_t tokens = {
        .dtype = PT_INT32, .data = ids, .capacity = 16 * 1024, .lengths = &length, .lengths_capacity = 1};
    pt_tokenizer_t *tokenizer = page->facts->opened->tokenizer;
    if (pt_dataset_read(page->facts->evaluation, &sample, 1, "tokens", &tokens, sizeof tokens) != PT_OK)
        return 0;
    tokens.elements = tokens.elements < MOST ? tokens.elements : MOST;
    if (tokenizer)
        return pt_tokenizer_decode(tokenizer, &tokens, sizeof tokens, 0, text, TEXT_SIZE, NULL) == PT_OK;
    for (int64_t i = 0; i < tokens.elements; i++)
        text[i] = (char)ids[i];
    text[tokens.elements] = 0;
    return 1;
}

/* Samples whose labels are classes, the surest mistakes first. */
static int add_examples(page_t *page)
{
    const names_t *classes = page->facts->classes;
    const guesses_t *guesses = &page->guesses;
    const int has_pictures = dataset_has_pictures(page->facts->evaluation);
    int64_t chosen[EXAMPLES_AT_MOST], n = 0;
    int status = EXIT_DONE;
    if (!has_pictures && !page->facts->opened->reads_tokens)
        return EXIT_DONE;
    const int64_t count = report_choose(guesses->certainties, guesses->outcomes, guesses->samples,
                                        has_pictures ? WRONG_PICTURES : WRONG_TEXTS,
                                        has_pictures ? RIGHT_PICTURES : RIGHT_TEXTS, chosen);
    for (int64_t i = 0; i < count && status == EXIT_DONE; i++) {
        report_example_t *example = &page->examples[n];
        const int64_t sample = chosen[i];
        *example = (report_example_t){.truth = classes->items[guesses->labels[sample]],
                                      .guess = classes->items[guesses->guesses[sample]],
                                      .certainty = guesses->certainties[sample]};
        if (has_pictures)
            status = picture_read(page->facts->evaluation, sample, &example->picture);
        else if (read_text(page, sample, page->texts[n]))
            example->text = page->texts[n];
        else
            continue;
        n++;
    }
    page->report.examples = page->examples;
    page->report.n_examples = n;
    return status;
}

/* How a classifier does on data that it was not trained on. */
static int add_classes(page_t *page)
{
    const training_facts_t *facts = page->facts;
    guesses_t *guesses = &page->guesses;
    const int64_t classes = facts->classes->count;
    int status = guesses_read(facts->opened, facts->evaluation, classes, facts->settings->batch, guesses);
    if (status != EXIT_DONE)
        return status;
    page->accuracy = guesses->counted > 0 ? (double)guesses->right / (double)guesses->counted : NAN;
    page->result = (report_result_t){.name = "this model", .values = &page->accuracy, .count = 1};
    page->references[0] = (report_reference_t){
        "the most frequent class", guesses->counted > 0 ? (double)guesses->most / (double)guesses->counted : 0};
    page->references[1] = (report_reference_t){"chance", 1 / (double)classes};
    page->report.measure = "accuracy on held-out samples";
    page->report.results = &page->result;
    page->report.n_results = 1;
    page->report.references = page->references;
    page->report.n_references = 2;
    page->report.certainties = guesses->certainties;
    page->report.outcomes = guesses->outcomes;
    page->report.n_guesses = guesses->samples;
    if (guesses->confusion) {
        page->report.classified = "this model";
        page->report.classes = (const char *const *)facts->classes->items;
        page->report.confusion = guesses->confusion;
        page->report.n_classes = classes;
    }
    snprintf(page->answer, FACT_SIZE,
             "%.1f %% of %lld held-out samples are right, where always saying the most frequent class would be right "
             "for %.1f %%.",
             100 * page->accuracy, (long long)guesses->counted, 100 * page->references[0].value);
    return add_examples(page);
}

/* ---- Curves and facts -------------------------------------------------------------------------------------------- */

static void add_charts(page_t *page)
{
    const progress_t *progress = page->facts->progress;
    const char *measured = page->facts->settings->best;
    page->losses[0] = (report_curve_t){"training", progress->losses.x, progress->losses.y, progress->losses.count};
    page->losses[1] = (report_curve_t){"held out", progress->held_out.x, progress->held_out.y,
                                       progress->held_out.count};
    page->charts[0] = (report_chart_t){"Loss", "updates", "loss", page->losses, progress->held_out.count > 0 ? 2 : 1};
    page->report.charts = page->charts;
    page->report.n_charts = 1;
    if (!measured || strcmp(measured, "loss") == 0 || progress->metrics.count == 0)
        return;
    page->metrics[0] = (report_curve_t){"held out", progress->metrics.x, progress->metrics.y, progress->metrics.count};
    page->charts[1] = (report_chart_t){measured, "updates", measured, page->metrics, 1};
    page->report.n_charts = 2;
}

static void add_fact(page_t *page, const char *name, const char *format, ...)
{
    va_list arguments;
    int64_t n = page->report.n_facts;
    if (n == FACTS_AT_MOST)
        return;
    va_start(arguments, format);
    vsnprintf(page->values[n], FACT_SIZE, format, arguments);
    va_end(arguments);
    page->rows[n] = (report_fact_t){name, page->values[n]};
    page->report.facts = page->rows;
    page->report.n_facts++;
}

static void add_facts(page_t *page)
{
    const training_facts_t *facts = page->facts;
    const pt_train_result_t *result = facts->result;
    const pt_model_t *model = facts->opened->model;
    pt_estimate_t estimate = {.struct_size = sizeof estimate};
    const pt_dim_rows_t rows = {"tokens", 1};
    const int64_t skipped = pt_dataset_skipped_count(facts->dataset);
    char date[64] = "";
    time_t now = time(NULL);
    struct tm calendar;
    if (localtime_r(&now, &calendar))
        strftime(date, sizeof date, "%Y-%m-%d %H:%M", &calendar);
    add_fact(page, "command", "%s", facts->settings->line ? facts->settings->line : "");
    add_fact(page, "network", "%s", facts->opened->family);
    if (pt_model_estimate(facts->opened->model, NULL, 1, facts->opened->reads_tokens ? &rows : NULL,
                          facts->opened->reads_tokens, sizeof rows, &estimate) == PT_OK)
        add_fact(page, "parameters", "%lld, of which %lld learn", (long long)estimate.parameters,
                 (long long)estimate.trainable);
    add_fact(page, "task", "%s", facts->task);
    add_fact(page, "samples", "%lld", (long long)pt_dataset_length(facts->dataset));
    if (facts->evaluation)
        add_fact(page, "held-out samples", "%lld", (long long)pt_dataset_length(facts->evaluation));
    if (skipped > 0)
        add_fact(page, "files passed over", "%lld, among them %s", (long long)skipped,
                 pt_dataset_skipped(facts->dataset, 0));
    add_fact(page, "updates", "%lld of %lld samples", (long long)result->steps, (long long)facts->settings->batch);
    add_fact(page, "loss of the last updates", "%.4f", plain_number(result->loss));
    for (int64_t i = 0; facts->evaluation && i < pt_model_metric_count(model); i++) {
        pt_metric_info_t info = {.struct_size = sizeof info};
        if (pt_model_metric_info(model, i, &info) == PT_OK)
            add_fact(page, info.name, "%.4f on held-out samples", plain_number(info.value));
    }
    add_fact(page, "time", "%.1f s", result->seconds);
    if (result->tokens > 0 && result->seconds > 0)
        add_fact(page, "speed", "%.0f tokens a second", (double)result->tokens / result->seconds);
    add_fact(page, "memory at most", "%.1f MB", (double)result->peak_bytes / 1e6);
    add_fact(page, "machine", "%s", pt_context_describe(facts->context));
    add_fact(page, "library", "libpretrain %s", pt_version());
    add_fact(page, "date", "%s", date);
    if (facts->settings->out)
        add_fact(page, "model", "%s/model.safetensors", facts->settings->out);
}

static void add_next(page_t *page, const char *why, const char *format, const char *model)
{
    int64_t n = page->report.n_next;
    snprintf(page->commands[n], FACT_SIZE, format, model);
    page->next[n] = (report_fact_t){why, page->commands[n]};
    page->report.next = page->next;
    page->report.n_next++;
}

static void add_steps(page_t *page)
{
    char model[FACT_SIZE / 2];
    if (!page->facts->settings->out)
        return;
    settings_quote(page->facts->settings->out, model, sizeof model);
    if (strcmp(page->facts->task, PT_TASK_CAUSAL_LM) == 0)
        add_next(page, "Let it write", "pretrain generate %s --prompt 'The ' --temperature 0.8", model);
    if (!needs_labels(page->facts->task))
        add_next(page, "Have it learn from labels", "pretrain finetune %s LABELS.jsonl --evaluation 0.1 --out NEW",
                 model);
    else
        add_next(page, "Try it on other data", "pretrain predict %s DATA", model);
    add_next(page, "Measure it on other data", "pretrain evaluate %s DATA", model);
    add_next(page, "Look into it", "pretrain inspect %s", model);
}

/* ---- The page ---------------------------------------------------------------------------------------------------- */

static int fill(page_t *page)
{
    const training_facts_t *facts = page->facts;
    const progress_t *progress = facts->progress;
    int status = EXIT_DONE;
    page->report.title = "What has the network learnt?";
    page->report.answer = page->answer;
    page->report.summary = page->summary;
    const double first = progress->losses.count > 0 ? progress->losses.y[0] : NAN;
    if (facts->evaluation)
        snprintf(page->answer, FACT_SIZE, "The loss began at %.3f; on held-out samples it is %.3f.",
                 plain_number(first), plain_number(pt_model_metric_value(facts->opened->model, "loss")));
    else
        snprintf(page->answer, FACT_SIZE,
                 "The loss began at %.3f and is %.3f on what it was trained on; --evaluation would tell how it does on "
                 "what it has not seen.",
                 plain_number(first), plain_number(facts->result->loss));
    snprintf(page->summary, FACT_SIZE, "%s: %lld updates with %lld samples, in %.1f s.", facts->task,
             (long long)facts->result->steps, (long long)pt_dataset_length(facts->dataset), facts->result->seconds);
    if (facts->evaluation && facts->classes->count > 0 && strcmp(facts->task, PT_TASK_CLASSIFICATION) == 0)
        status = add_classes(page);
    if (status == EXIT_DONE)
        status = filters_read(facts->opened->model, &page->report.filters);
    add_charts(page);
    add_facts(page);
    add_steps(page);
    return status;
}

int training_report_write(const training_facts_t *facts)
{
    page_t *page = calloc(1, sizeof *page);
    if (!page)
        return fail("no memory for a report");
    page->facts = facts;
    int status = fill(page);
    if (status == EXIT_DONE)
        status = report_destination_write(facts->settings, &page->report);
    for (int64_t i = 0; i < EXAMPLES_AT_MOST; i++)
        free((void *)page->examples[i].picture.bytes);
    free((void *)page->report.filters.weights);
    guesses_free(&page->guesses);
    free(page);
    return status;
}
