/* What the quickstart found, in words on the terminal, and as tools/report writes it. */
#include "../tools/report/report.h"
#include "quickstart.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

enum { EXAMPLES = 4, EXAMPLE_BYTES = 240 };

#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
static const char *
words(char *buffer, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(buffer, size, format, arguments);
    va_end(arguments);
    return buffer;
}

/* How far the pretrained network is ahead of a method, seed by seed, in points; with the standard error of that. */
static void ahead_of(const quickstart_t *q, int method, double *points, double *error)
{
    double differences[MAX_SEEDS];
    for (int64_t i = 0; i < q->seeds; i++)
        differences[i] = 100 * (q->methods[PRETRAINED].accuracy[i] - q->methods[method].accuracy[i]);
    report_mean(differences, q->seeds, points, error);
}

/* "it beats character n-grams by 8.1 points", or the contrary. */
static const char *outcome(const quickstart_t *q, int method, char *buffer, size_t size)
{
    const char *name = method == FROM_SCRATCH ? "the same network from scratch" : q->methods[method].name;
    double points, error;
    ahead_of(q, method, &points, &error);
    if (isfinite(error) && fabs(points) <= 2 * error)
        return words(buffer, size, "cannot be told from %s (%+.1f ± %.1f points)", name, points, error);
    return words(buffer, size, "%s %s by %.1f points", points > 0 ? "beats" : "loses to", name, fabs(points));
}

static const char *answer(const quickstart_t *q, char *buffer, size_t size)
{
    double ngrams, scratch, error;
    char first[128], second[128];
    ahead_of(q, NGRAMS, &ngrams, &error);
    int won = ngrams > 0 && !(isfinite(error) && ngrams <= 2 * error);
    ahead_of(q, FROM_SCRATCH, &scratch, &error);
    won = won && scratch > 0 && !(isfinite(error) && scratch <= 2 * error);
    return words(buffer, size, "%s: with %lld labelled texts a class the pretrained network %s and %s%s.",
                 won ? "Yes" : "Not here", (long long)q->per_class, outcome(q, FROM_SCRATCH, first, sizeof first),
                 outcome(q, NGRAMS, second, sizeof second),
                 q->seeds < 2 ? "; with one seed that is only a hint (--seeds)" : "");
}

static void print_results(const quickstart_t *q, const texts_t *texts, const char *said)
{
    printf("\naccuracy on %lld held-out texts, mean of %lld seeds and its standard error (chance %.1f %%, the most "
           "frequent class %.1f %%)\n",
           (long long)texts->n_held_out, (long long)q->seeds, 100 / (double)texts->classes, 100 * majority_rate(texts));
    for (int method = 0; method < METHODS; method++) {
        double mean, error;
        report_mean(q->methods[method].accuracy, q->seeds, &mean, &error);
        printf("  %-18s %5.1f %%", q->methods[method].name, 100 * mean);
        if (isfinite(error))
            printf(" ± %.1f", 100 * error);
        printf("\n");
    }
    printf("%s\n", said);
}

/* The surest mistakes and some texts that were guessed right; of a text its beginning. Returns how many. */
static int64_t choose_examples(const quickstart_t *q, const texts_t *texts, const signed char *outcomes,
                               char cut[][EXAMPLE_BYTES + 4], report_example_t *examples)
{
    int64_t chosen[2 * EXAMPLES],
        count = report_choose(q->certainties, outcomes, texts->n_held_out, EXAMPLES, EXAMPLES, chosen);
    for (int64_t i = 0; i < count; i++) {
        int64_t at = chosen[i], text = texts->held_out[at];
        size_t length = strlen(texts->labelled[text]);
        snprintf(cut[i], EXAMPLE_BYTES + 1, "%s", texts->labelled[text]);
        if (length > EXAMPLE_BYTES) { /* not within a character */
            size_t end = EXAMPLE_BYTES;
            while (end > 0 && ((unsigned char)texts->labelled[text][end] & 0xc0u) == 0x80u)
                end--;
            memcpy(cut[i] + end, "...", 4);
        }
        examples[i] = (report_example_t){.text = cut[i],
                                         .truth = texts->class_names[texts->labels[text]],
                                         .guess = texts->class_names[q->guesses[at]],
                                         .certainty = q->certainties[at]};
    }
    return count;
}

static const char *processor(char *buffer, size_t size)
{
    FILE *file = fopen("/proc/cpuinfo", "r");
    char line[512];
    struct utsname system;
    snprintf(buffer, size, "%s", uname(&system) == 0 ? system.machine : "not known");
    while (file && fgets(line, sizeof line, file)) {
        char *name = strstr(line, ": ");
        if (strncmp(line, "model name", 10) != 0 || !name)
            continue;
        name[strcspn(name, "\n")] = 0;
        snprintf(buffer, size, "%s", name + 2);
        break;
    }
    if (file)
        fclose(file);
    return buffer;
}

static void list_rates(const method_t *method, const quickstart_t *q, const texts_t *texts, char *buffer, size_t size)
{
    int64_t count = q->seeds * q->per_class * texts->classes;
    words(buffer, size,
          "learning rate %g, of %g, %g and %g, with which cross-validation got %lld, %lld and %lld of %lld labelled "
          "texts right",
          method->rate, method->rates[0], method->rates[1], method->rates[2], (long long)method->validated[0],
          (long long)method->validated[1], (long long)method->validated[2], (long long)count);
}

int write_report(const quickstart_t *q, const texts_t *texts)
{
    static char said[1024], summary[1024], how[METHODS][512], values[16][512], cut[2 * EXAMPLES][EXAMPLE_BYTES + 4],
        command[4096], path[4096];
    report_result_t results[METHODS];
    report_curve_t curves[METHODS];
    for (int method = 0; method < METHODS; method++) {
        const method_t *of = &q->methods[method];
        list_rates(of, q, texts, how[method], sizeof how[method]);
        results[method] = (report_result_t){of->name, of->accuracy, q->seeds, how[method]};
        curves[method] = (report_curve_t){of->name, of->curve.steps, of->curve.losses, of->curve.count};
    }
    answer(q, said, sizeof said);
    print_results(q, texts, said);
    words(summary, sizeof summary,
          "A network of %.2f million parameters read %.1f MB of text without labels and guessed hidden subwords. Then "
          "classifiers of %lld classes learned from %lld labelled texts of each: on that network, on the same one from "
          "scratch, and on character n-grams. All were tested on the same %lld texts that nothing had seen.",
          (double)q->parameters / 1e6, (double)texts->unlabelled_bytes / 1e6, (long long)texts->classes,
          (long long)q->per_class, (long long)texts->n_held_out);
    const report_reference_t references[] = {{"chance", 1 / (double)texts->classes},
                                             {"the most frequent class", majority_rate(texts)}};
    const report_curve_t read = {"pretraining", q->pretrain_curve.steps, q->pretrain_curve.losses,
                                 q->pretrain_curve.count};
    const report_chart_t charts[] = {
        {"Pretraining: hidden subwords told from others", "steps", "cross-entropy a guess, nats", &read, 1},
        {"Learning from labels: first seed", "steps", "cross-entropy a labelled text, nats", curves, METHODS}};

    const char **classes = checked(calloc((size_t)texts->classes, sizeof *classes));
    int64_t *confusion = checked(calloc((size_t)(texts->classes * texts->classes), sizeof *confusion));
    for (int64_t i = 0; i < texts->classes; i++)
        classes[i] = texts->class_names[i];
    signed char *outcomes = checked(calloc((size_t)texts->n_held_out, sizeof *outcomes));
    for (int64_t i = 0; i < texts->n_held_out; i++) {
        const int32_t label = texts->labels[texts->held_out[i]];
        confusion[label * texts->classes + q->guesses[i]]++;
        outcomes[i] = q->guesses[i] == label ? REPORT_RIGHT : REPORT_WRONG;
    }
    report_example_t examples[2 * EXAMPLES];
    int64_t n_examples = choose_examples(q, texts, outcomes, cut, examples);

    time_t clock = time(NULL);
    struct tm date;
    gmtime_r(&clock, &date);
    strftime(values[1], sizeof values[1], "%Y-%m-%d %H:%M UTC", &date);
    const report_fact_t facts[] = {
        {"command to repeat it", q->command},
        {"libpretrain", words(values[0], sizeof values[0], "%s, %s", pt_version(), q->machine)},
        {"date", values[1]},
        {"processor", processor(values[2], sizeof values[2])},
        {"time", words(values[3], sizeof values[3], "%.0f s, of which pretraining took %.0f s: %.0f windows a second",
                       q->seconds, q->pretrain_seconds, q->windows_per_second)},
        {"memory",
         words(values[4], sizeof values[4], "at most %.0f MB held by the library", (double)q->peak_bytes / 1e6)},
        {"seeds", words(values[5], sizeof values[5],
                        "%lld to %lld: each draws its own labelled texts and weights; the held-out texts are the same",
                        (long long)q->seed, (long long)(q->seed + q->seeds - 1))},
        {"how rates were chosen",
         "for each method the one of three that guessed most in 4-fold cross-validation on the labelled texts of all "
         "seeds; the held-out texts were not looked at"},
        {"unlabelled text", words(values[6], sizeof values[6], "%s: %lld texts, %.2f million subwords",
                                  q->text ? q->text : "the labelled texts that are not held out",
                                  (long long)texts->n_unlabelled, (double)q->tokens / 1e6)},
        {"labelled texts", q->labels},
        {"network", words(values[7], sizeof values[7],
                          "%lld subwords, vectors of %lld numbers; %lld steps of %lld windows at a rate of %g",
                          (long long)q->tokenizer_size, (long long)q->width, (long long)q->steps, (long long)q->batch,
                          q->learning_rate)},
        {"learning from labels", words(values[8], sizeof values[8],
                                       "%lld steps; the pretrained network's linear layer alone, as with n-grams; "
                                       "everything from scratch",
                                       (long long)q->finetune_steps)},
        {"model", q->model_path},
        {"tokenizer", q->tokenizer_path},
    };
    const report_fact_t next[] = {
        {"With texts of your own: lines like {\"text\": \"...\", \"label\": \"...\"}, and plain text.",
         "sh examples/quickstart.sh --labels labels.jsonl --text text.txt"},
        {"See the tokenizer that it learnt at work.",
         words(command, sizeof command, "echo 'plays music' | %s/installed/bin/pretrain tokenize %s", q->out,
               q->tokenizer_path)},
        {"How it is done in C.", "less examples/quickstart_network.c"},
    };
    const report_t report = {
        .title = "Is pretraining worth it?",
        .answer = said,
        .summary = summary,
        .measure = "accuracy on held-out texts",
        .results = results,
        .n_results = METHODS,
        .references = references,
        .n_references = 2,
        .charts = charts,
        .n_charts = 2,
        .classified = "The pretrained network, first seed.",
        .classes = classes,
        .confusion = confusion,
        .n_classes = texts->classes,
        .certainties = q->certainties,
        .outcomes = outcomes,
        .n_guesses = texts->n_held_out,
        .examples = examples,
        .n_examples = n_examples,
        .facts = facts,
        .n_facts = sizeof facts / sizeof *facts,
        .next = next,
        .n_next = sizeof next / sizeof *next,
    };
    int result = report_write(&report, q->out, path, sizeof path);
    if (result != 0)
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
    else
        printf("%.0f seconds; see %s/report.html\n", q->seconds, q->out);
    free(classes);
    free(confusion);
    free(outcomes);
    return result;
}
