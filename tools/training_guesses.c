#include "training_guesses.h"

#include <stdlib.h>

#include "output.h"

/* Scores that are held at once: those of a thousand classes and all samples would be gigabytes. */
enum { SCORES_AT_ONCE = 4 << 20 };

void guesses_free(guesses_t *guesses)
{
    free(guesses->labels);
    free(guesses->guesses);
    free(guesses->outcomes);
    free(guesses->certainties);
    free(guesses->confusion);
}

static int allocate(guesses_t *guesses)
{
    const size_t n = (size_t)guesses->samples, classes = (size_t)guesses->classes;
    guesses->labels = malloc(n * sizeof *guesses->labels);
    guesses->guesses = malloc(n * sizeof *guesses->guesses);
    guesses->outcomes = malloc(n);
    guesses->certainties = malloc(n * sizeof *guesses->certainties);
    if (guesses->classes <= GUESSED_CLASSES)
        guesses->confusion = calloc(classes * classes, sizeof *guesses->confusion);
    return guesses->labels && guesses->guesses && guesses->outcomes && guesses->certainties &&
           (guesses->confusion || guesses->classes > GUESSED_CLASSES);
}

static int read_labels(pt_dataset_t *dataset, guesses_t *guesses)
{
    pt_array_t labels = {.dtype = PT_INT32, .data = guesses->labels, .capacity = guesses->samples};
    int64_t *indices = malloc((size_t)guesses->samples * sizeof *indices);
    int status = EXIT_DONE;
    if (!indices)
        return fail("no memory for a report of %lld samples", (long long)guesses->samples);
    for (int64_t i = 0; i < guesses->samples; i++)
        indices[i] = i;
    TRY(pt_dataset_read(dataset, indices, guesses->samples, "label", &labels, sizeof labels));
out:
    free(indices);
    return status;
}

/* The guesses of the samples first to first + count - 1. */
static int read_scores(const opened_model_t *opened, pt_dataset_t *dataset, int64_t first, int64_t count, int64_t batch,
                       float *scores, guesses_t *guesses)
{
    const int64_t classes = guesses->classes;
    pt_array_t values = {.dtype = PT_FLOAT32, .data = scores, .capacity = count * classes};
    pt_dataset_t *part = NULL;
    int status = EXIT_DONE;
    TRY(pt_dataset_subset(dataset, first, count, &part));
    TRY(pt_predict(opened->model, part, "probabilities", batch, &values, sizeof values));
    for (int64_t i = 0; i < count; i++) {
        int64_t best = 0;
        for (int64_t j = 1; j < classes; j++)
            best = scores[i * classes + j] > scores[i * classes + best] ? j : best;
        guesses->guesses[first + i] = (int32_t)best;
        guesses->certainties[first + i] = (double)scores[i * classes + best];
    }
out:
    pt_dataset_free(part);
    return status;
}

static int count_outcomes(guesses_t *guesses)
{
    const int64_t classes = guesses->classes;
    int64_t *of_class = calloc((size_t)classes, sizeof *of_class);
    if (!of_class)
        return fail("no memory for a report of %lld classes", (long long)classes);
    for (int64_t i = 0; i < guesses->samples; i++) {
        const int32_t label = guesses->labels[i], guess = guesses->guesses[i];
        guesses->outcomes[i] = REPORT_UNKNOWN;
        if (label < 0 || label >= classes)
            continue;
        guesses->outcomes[i] = guess == label ? REPORT_RIGHT : REPORT_WRONG;
        guesses->counted++;
        guesses->right += guess == label;
        of_class[label]++;
        if (guesses->confusion)
            guesses->confusion[label * classes + guess]++;
    }
    for (int64_t i = 0; i < classes; i++)
        guesses->most = of_class[i] > guesses->most ? of_class[i] : guesses->most;
    free(of_class);
    return EXIT_DONE;
}

int guesses_read(const opened_model_t *opened, pt_dataset_t *dataset, int64_t classes, int64_t batch,
                 guesses_t *guesses)
{
    const int64_t length = pt_dataset_length(dataset), fitting = SCORES_AT_ONCE / classes,
                  least = fitting > batch ? fitting : batch;
    *guesses = (guesses_t){.samples = length < GUESSED_SAMPLES ? length : GUESSED_SAMPLES, .classes = classes};
    const int64_t at_once = least < guesses->samples ? least : guesses->samples;
    float *scores = malloc((size_t)(at_once * classes) * sizeof *scores);
    int status = EXIT_DONE;
    if (!allocate(guesses) || !scores)
        status = fail("no memory for a report of %lld samples", (long long)guesses->samples);
    if (status == EXIT_DONE)
        status = read_labels(dataset, guesses);
    for (int64_t i = 0; status == EXIT_DONE && i < guesses->samples; i += at_once) {
        const int64_t left = guesses->samples - i;
        status = read_scores(opened, dataset, i, left < at_once ? left : at_once, batch, scores, guesses);
    }
    free(scores);
    return status == EXIT_DONE ? count_outcomes(guesses) : status;
}
