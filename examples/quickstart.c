/* The quickstart: is pretraining worth it? A small network reads texts without labels and guesses what is hidden of
 * them. Then three classifiers learn from a few labelled texts a class, with several seeds: that network, the same one
 * from scratch, and character n-grams. All are tested on the same texts that nothing was trained on. Writes
 * report.json, report.html, tokenizer.json and model.safetensors. Run by quickstart.sh. */
#include "example.h"
#include "quickstart.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

enum { FOLDS = 4 };

double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

void add_point(curve_t *curve, double step, double loss)
{
    if (curve->count == curve->capacity) {
        curve->capacity = 2 * curve->capacity + 64;
        curve->steps = checked(realloc(curve->steps, (size_t)curve->capacity * sizeof *curve->steps));
        curve->losses = checked(realloc(curve->losses, (size_t)curve->capacity * sizeof *curve->losses));
    }
    curve->steps[curve->count] = step;
    curve->losses[curve->count++] = loss;
}

void bags_free(bags_t *bags)
{
    free(bags->offsets);
    free(bags->ids);
    free(bags->weights);
    *bags = (bags_t){0};
}

/* ---- Tokens ------------------------------------------------------------------------------------------------------ */

typedef struct reader {
    pt_text_t *texts;
    int64_t count;
} reader_t;

static void give_texts(void *user, pt_text_batch_t *batch)
{
    reader_t *reader = user;
    batch->texts = reader->texts;
    batch->count = reader->count;
    batch->text_size = sizeof(pt_text_t);
    batch->status = PT_END;
}

static pt_text_t *views_of(char **texts, int64_t count)
{
    pt_text_t *views = checked(calloc((size_t)count + 1, sizeof *views));
    for (int64_t i = 0; i < count; i++)
        views[i] = (pt_text_t){.text = texts[i], .bytes = -1};
    return views;
}

int make_tokenizer(pt_context_t *context, quickstart_t *q, const texts_t *texts, pt_tokenizer_t **out)
{
    int result = -1;
    reader_t reader = {views_of(texts->unlabelled, texts->n_unlabelled), texts->n_unlabelled};
    pt_tokenizer_train_options_t options;
    pt_tokenizer_train_options_init(&options, sizeof options);
    options.kind = PT_TOKENIZER_WORDPIECE;
    options.vocabulary = (int32_t)q->vocabulary;
    TRY(pt_tokenizer_train(context, give_texts, &reader, &options, out));
    TRY(pt_tokenizer_save(*out, q->tokenizer_path, NULL));
    q->tokenizer_size = pt_tokenizer_size(*out);
    result = 0;
out:
    free(reader.texts);
    return result;
}

int encode(pt_tokenizer_t *tokenizer, char **texts, int64_t count, bags_t *out)
{
    int result = -1;
    pt_text_t *views = views_of(texts, count);
    int64_t *lengths = checked(calloc((size_t)count + 1, sizeof *lengths));
    pt_array_t ids = {.dtype = PT_INT32, .lengths = lengths, .lengths_capacity = count};
    pt_tokenize_options_t options;
    pt_tokenize_options_init(&options, sizeof options);
    options.flags = PT_TOKENIZE_PLAIN;
    TRY(pt_tokenizer_encode(tokenizer, views, sizeof *views, count, &options, &ids, NULL, NULL, sizeof ids));
    ids.capacity = ids.elements;
    ids.data = out->ids = checked(malloc((size_t)ids.elements * sizeof *out->ids + 1));
    TRY(pt_tokenizer_encode(tokenizer, views, sizeof *views, count, &options, &ids, NULL, NULL, sizeof ids));
    out->offsets = checked(calloc((size_t)count + 1, sizeof *out->offsets));
    out->count = count;
    for (int64_t i = 0; i < count; i++) {
        out->offsets[i + 1] = out->offsets[i] + lengths[i];
        out->longest = lengths[i] > out->longest ? lengths[i] : out->longest;
    }
    result = 0;
out:
    free(views);
    free(lengths);
    return result;
}

/* ---- The comparison ---------------------------------------------------------------------------------------------- */

typedef struct comparison {
    quickstart_t *q;
    const texts_t *texts;
    const bags_t *tokens; /* of the labelled texts */
} comparison_t;

static pt_status_t open_bags(pt_context_t *context, const bags_t *bags, const int32_t *labels, pt_dataset_t **out)
{
    int64_t *lengths = checked(calloc((size_t)bags->count + 1, sizeof *lengths));
    for (int64_t i = 0; i < bags->count; i++)
        lengths[i] = bags->offsets[i + 1] - bags->offsets[i];
    const int64_t elements = bags->offsets[bags->count];
    const pt_array_t arrays[] = {
        {.name = "tokens",
         .dtype = PT_INT32,
         .rank = 1,
         .shape = {PT_DIM_TOKENS},
         .data = bags->ids,
         .elements = elements,
         .lengths = lengths,
         .samples = bags->count},
        {.name = "label", .dtype = PT_INT32, .data = (void *)labels, .elements = bags->count},
        {.name = "weights",
         .dtype = PT_FLOAT32,
         .rank = 2,
         .shape = {PT_DIM_TOKENS, 1},
         .data = bags->weights,
         .elements = elements,
         .lengths = lengths,
         .samples = bags->count},
    };
    pt_status_t status = pt_dataset_create_from_arrays(context, arrays, bags->weights ? 3 : 2, sizeof arrays[0],
                                                       bags->count, PT_DATASET_COPY, out);
    free(lengths);
    return status;
}

/* Has a method learn from some texts with a rate and guess others: how many it guesses right. guesses and certainties
 * [n_test] may be NULL. -1 after a message. */
static int64_t try_method(pt_context_t *context, const comparison_t *comparison, int method, double rate,
                          const int64_t *training, int64_t n_training, const int64_t *test, int64_t n_test,
                          lesson_t *lesson, int32_t *guesses, double *certainties)
{
    int64_t right = -1, count = n_training + n_test, found = 0, classes = comparison->texts->classes;
    int64_t *numbers = checked(malloc((size_t)count * sizeof *numbers)), *places = checked(malloc((size_t)count * 8));
    int32_t *labels = checked(malloc((size_t)count * sizeof *labels));
    float *probabilities = checked(malloc((size_t)(n_test * classes) * sizeof *probabilities));
    bags_t bags = {0};
    pt_dataset_t *all = NULL;
    memcpy(numbers, training, (size_t)n_training * sizeof *numbers);
    memcpy(numbers + n_training, test, (size_t)n_test * sizeof *numbers);
    for (int64_t i = 0; i < count; i++) {
        labels[i] = comparison->texts->labels[numbers[i]];
        places[i] = method == NGRAMS ? i : numbers[i];
    }
    lesson->quickstart = comparison->q;
    lesson->classes = classes;
    lesson->rate = rate;
    lesson->n_training = n_training;
    lesson->n_test = n_test;
    if (method == NGRAMS) {
        count_ngrams(comparison->texts->labelled, numbers, count, training, n_training, &bags, &lesson->rows);
        TRY(open_bags(context, &bags, labels, &all));
    } else {
        TRY(open_bags(context, comparison->tokens, comparison->texts->labels, &all));
    }
    TRY(pt_dataset_select(all, places, n_training, &lesson->training));
    TRY(pt_dataset_select(all, places + n_training, n_test, &lesson->test));
    if (learn(context, method, lesson, probabilities) != 0)
        goto out;
    for (int64_t i = 0; i < n_test; i++) {
        const float *of = probabilities + i * classes;
        int32_t best = 0;
        for (int32_t class = 1; class < classes; class ++)
            best = of[class] > of[best] ? class : best;
        found += best == labels[n_training + i];
        if (guesses)
            guesses[i] = best;
        if (certainties)
            certainties[i] = (double)of[best];
    }
    right = found;
out:
    pt_dataset_free(lesson->training);
    pt_dataset_free(lesson->test);
    lesson->training = lesson->test = NULL;
    pt_dataset_free(all);
    bags_free(&bags);
    free(numbers);
    free(places);
    free(labels);
    free(probabilities);
    return right;
}

/* Cross-validation on one seed's labelled texts: each fourth of them is guessed by what the others taught. */
static int validate(pt_context_t *context, const comparison_t *comparison, const int64_t *drawn, int64_t count)
{
    int result = -1;
    int64_t *training = checked(malloc((size_t)count * sizeof *training)),
            *test = checked(malloc((size_t)count * sizeof *test));
    for (int method = 0; method < METHODS; method++) {
        for (int64_t rate = 0; rate < RATES; rate++) {
            for (int64_t fold = 0; fold < FOLDS; fold++) {
                int64_t n_training = 0, n_test = 0;
                for (int64_t i = 0; i < count; i++) {
                    if (i / comparison->texts->classes % FOLDS == fold)
                        test[n_test++] = drawn[i];
                    else
                        training[n_training++] = drawn[i];
                }
                if (n_test == 0 || n_training == 0)
                    continue;
                method_t *of = &comparison->q->methods[method];
                int64_t right = try_method(context, comparison, method, of->rates[rate], training, n_training, test,
                                           n_test, &(lesson_t){0}, NULL, NULL);
                if (right < 0)
                    goto out;
                of->validated[rate] += right;
            }
        }
    }
    result = 0;
out:
    free(training);
    free(test);
    return result;
}

/* All three methods with one seed, or their cross-validation. */
static int compare(const comparison_t *comparison, int64_t seed, int validating)
{
    int result = -1;
    quickstart_t *q = comparison->q;
    const texts_t *texts = comparison->texts;
    int64_t count = texts->classes * q->per_class;
    int64_t *drawn = checked(malloc((size_t)count * sizeof *drawn));
    pt_context_t *context = NULL;
    pt_context_options_t machine;
    pt_context_options_init(&machine, sizeof machine);
    machine.seed = (uint64_t)(q->seed + seed);
    machine.threads = (int32_t)q->threads;
    TRY(pt_context_create(&machine, &context));
    draw_training(q, texts, q->seed + seed, drawn);
    if (validating) {
        result = validate(context, comparison, drawn, count);
        goto out;
    }
    for (int method = 0; method < METHODS; method++) {
        method_t *of = &q->methods[method];
        int kept = method == PRETRAINED && seed == 0;
        lesson_t lesson = {.curve = seed == 0 ? &of->curve : NULL};
        int64_t right = try_method(context, comparison, method, of->rate, drawn, count, texts->held_out,
                                   texts->n_held_out, &lesson, kept ? q->guesses : NULL, kept ? q->certainties : NULL);
        if (right < 0)
            goto out;
        of->accuracy[seed] = (double)right / (double)texts->n_held_out;
    }
    int64_t peak = pt_context_peak_bytes(context);
    q->peak_bytes = peak > q->peak_bytes ? peak : q->peak_bytes;
    result = 0;
out:
    free(drawn);
    pt_context_free(context);
    return result;
}

static int compare_all(const comparison_t *comparison)
{
    quickstart_t *q = comparison->q;
    printf("choosing each method's learning rate by cross-validation on the labelled texts of all seeds\n");
    for (int64_t seed = 0; seed < q->seeds; seed++) {
        if (compare(comparison, seed, 1) != 0)
            return -1;
    }
    for (int method = 0; method < METHODS; method++) {
        int64_t best = 0;
        for (int64_t i = 1; i < RATES; i++)
            best = q->methods[method].validated[i] > q->methods[method].validated[best] ? i : best;
        q->methods[method].rate = q->methods[method].rates[best];
    }
    for (int64_t seed = 0; seed < q->seeds; seed++) {
        if (compare(comparison, seed, 0) != 0)
            return -1;
        printf("seed %lld: character n-grams %.1f %%, from scratch %.1f %%, pretrained %.1f %%\n",
               (long long)(q->seed + seed), 100 * q->methods[NGRAMS].accuracy[seed],
               100 * q->methods[FROM_SCRATCH].accuracy[seed], 100 * q->methods[PRETRAINED].accuracy[seed]);
    }
    return 0;
}

/* ---- The command line -------------------------------------------------------------------------------------------- */

static void print_usage(FILE *file)
{
    fputs(
        "usage: quickstart --labels FILE [options]\n"
        "  --labels FILE       labelled texts, JSON lines with \"text\" and \"label\" (default: packages by section)\n"
        "  --text FILE         unlabelled text, texts parted by empty lines, to pretrain on beside the labelled ones\n"
        "  --out DIRECTORY     where reports, tokenizer and model go (build/quickstart)\n"
        "  --minutes NUMBER    about how long it may take (3)\n"
        "  --per-class NUMBER  labelled texts of each class to learn from (8)\n"
        "  --seeds NUMBER      how often the comparison is repeated (5)\n"
        "  --seed NUMBER       of the first (1)\n"
        "  --steps NUMBER      of pretraining, at most (1500)\n"
        "  --finetune-steps NUMBER (100)\n"
        "  --vocabulary --width --batch NUMBER   subwords, numbers a text becomes, windows a step (8000, 128, 1024)\n"
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
        {"--per-class", &q->per_class, 2, 100000},
        {"--seeds", &q->seeds, 1, MAX_SEEDS},
        {"--seed", &q->seed, 0, 1000000000},
        {"--steps", &q->steps, 1, 10000000},
        {"--finetune-steps", &q->finetune_steps, 1, 1000000},
        {"--vocabulary", &q->vocabulary, 1, 1000000},
        {"--width", &q->width, 1, 100000},
        {"--batch", &q->batch, 2, 100000},
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
    if (!q->labels) {
        fprintf(stderr, "quickstart: --labels FILE is needed; quickstart.sh makes one\n");
        return -1;
    }
    return 0;
}

static int run(quickstart_t *q, double began)
{
    int result = -1;
    pt_context_t *context = NULL;
    pt_tokenizer_t *tokenizer = NULL;
    texts_t texts = {0};
    bags_t unlabelled = {0}, labelled = {0};
    pt_context_options_t machine;
    pt_context_options_init(&machine, sizeof machine);
    machine.seed = (uint64_t)q->seed;
    machine.threads = (int32_t)q->threads;
    TRY(pt_context_create(&machine, &context));
    snprintf(q->machine, sizeof q->machine, "%s", pt_context_describe(context));
    printf("libpretrain %s: %s\n", pt_version(), q->machine);
    if (open_texts(context, q, &texts) != 0)
        goto out;
    printf("%.1f MB of unlabelled text; %lld labelled texts (%lld of each of %lld classes); %lld held-out texts\n",
           (double)texts.unlabelled_bytes / 1e6, (long long)(q->per_class * texts.classes), (long long)q->per_class,
           (long long)texts.classes, (long long)texts.n_held_out);
    if (make_tokenizer(context, q, &texts, &tokenizer) != 0 ||
        encode(tokenizer, texts.unlabelled, texts.n_unlabelled, &unlabelled) != 0 ||
        encode(tokenizer, texts.labelled, texts.count, &labelled) != 0)
        goto out;
    q->tokens = unlabelled.offsets[unlabelled.count];
    printf("%lld subwords learnt, %.1f million tokens, after %.0f s\n", (long long)q->tokenizer_size,
           (double)q->tokens / 1e6, now() - began);
    if (pretrain(context, q, &unlabelled, began) != 0)
        goto out;
    bags_free(&unlabelled);
    q->peak_bytes = pt_context_peak_bytes(context);
    q->guesses = checked(calloc((size_t)texts.n_held_out, sizeof *q->guesses));
    q->certainties = checked(calloc((size_t)texts.n_held_out, sizeof *q->certainties));
    if (compare_all(&(comparison_t){q, &texts, &labelled}) != 0)
        goto out;
    q->seconds = now() - began;
    result = write_report(q, &texts);
out:
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
    bags_free(&unlabelled);
    bags_free(&labelled);
    texts_free(&texts);
    return result;
}

int main(int argc, char **argv)
{
    static quickstart_t q = {.out = "build/quickstart",
                             .minutes = 3,
                             .per_class = 8,
                             .seeds = 5,
                             .seed = 1,
                             .steps = 1500,
                             .finetune_steps = 100,
                             .batch = 1024,
                             .width = 128,
                             .vocabulary = 8000,
                             .learning_rate = 5e-3,
                             .methods = {{.name = "character n-grams", .rates = {1, 3, 10}},
                                         {.name = "from scratch", .rates = {1e-3, 3e-3, 1e-2}},
                                         {.name = "pretrained", .rates = {1, 3, 10}}}};
    char command[4096] = "sh examples/quickstart.sh";
    for (int i = 1; i < argc; i++)
        snprintf(command + strlen(command), sizeof command - strlen(command), " %s", argv[i]);
    q.command = command;
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ); /* in step with the progress bar on stderr */
    double began = now();
    int parsed = parse(argc, argv, &q);
    if (parsed != 0)
        return parsed > 0 ? 0 : 2;
    if (mkdir(q.out, 0777) != 0 && errno != EEXIST) {
        fprintf(stderr, "%s: %s\n", q.out, strerror(errno));
        return 1;
    }
    snprintf(q.model_path, sizeof q.model_path, "%s/model.safetensors", q.out);
    snprintf(q.tokenizer_path, sizeof q.tokenizer_path, "%s/tokenizer.json", q.out);
    int result = run(&q, began) == 0 ? 0 : 1;
    for (int method = 0; method < METHODS; method++) {
        free(q.methods[method].curve.steps);
        free(q.methods[method].curve.losses);
    }
    free(q.pretrain_curve.steps);
    free(q.pretrain_curve.losses);
    free(q.guesses);
    free(q.certainties);
    return result;
}
