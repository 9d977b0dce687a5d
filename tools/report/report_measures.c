#include "report_measures.h"

#include <math.h>
#include <string.h>

void report_mean(const double *values, int64_t count, double *mean, double *standard_error)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < count; i++)
        sum += values[i];
    *mean = count > 0 ? sum / (double)count : NAN;
    for (int64_t i = 0; i < count; i++)
        squares += (values[i] - *mean) * (values[i] - *mean);
    *standard_error = count > 1 ? sqrt(squares / (double)(count - 1) / (double)count) : NAN;
}

/* Of an item that is put into a list sorted by falling values, the place: behind those that are as high. */
static int64_t place_among(const double *values, int64_t count, double value)
{
    int64_t at = count;
    while (at > 0 && values[at - 1] < value)
        at--;
    return at;
}

int64_t report_choose(const double *certainties, const signed char *outcomes, int64_t count, int64_t wrong,
                      int64_t right, int64_t *chosen)
{
    int64_t n = 0, n_right = 0, passed = 0, taken = 0;
    for (int64_t i = 0; i < count; i++) {
        n_right += outcomes[i] == REPORT_RIGHT;
        if (outcomes[i] != REPORT_WRONG || isnan(certainties[i]))
            continue;
        int64_t at = n;
        while (at > 0 && certainties[chosen[at - 1]] < certainties[i])
            at--;
        if (at >= wrong)
            continue;
        n += n < wrong;
        memmove(chosen + at + 1, chosen + at, (size_t)(n - 1 - at) * sizeof *chosen);
        chosen[at] = i;
    }
    /* the middle one of each of `right` stretches of as many right guesses */
    const int64_t wanted = right < n_right ? right : n_right;
    for (int64_t i = 0; i < count && taken < wanted; i++) {
        if (outcomes[i] != REPORT_RIGHT)
            continue;
        if (passed++ == (2 * taken + 1) * n_right / (2 * wanted))
            chosen[n + taken++] = i;
    }
    return n + taken;
}

void report_class(const report_t *report, int64_t class, report_class_t *out)
{
    int64_t truth = 0, guessed = 0, right = report->confusion[class * report->n_classes + class];
    for (int64_t i = 0; i < report->n_classes; i++) {
        truth += report->confusion[class * report->n_classes + i];
        guessed += report->confusion[i * report->n_classes + class];
    }
    out->support = truth;
    out->precision = guessed > 0 ? (double)right / (double)guessed : NAN;
    out->recall = truth > 0 ? (double)right / (double)truth : NAN;
    out->f1 = truth + guessed > 0 ? 2 * (double)right / (double)(truth + guessed) : NAN;
}

int64_t report_worst_classes(const report_t *report, int64_t *classes, int64_t capacity)
{
    enum { MOST = 64 };
    double values[MOST + 1];
    int64_t n = 0;
    capacity = capacity < MOST ? capacity : MOST;
    for (int64_t i = 0; i < report->n_classes; i++) {
        report_class_t class;
        report_class(report, i, &class);
        if (class.support == 0)
            continue;
        const int64_t at = place_among(values, n, -class.f1);
        if (at >= capacity)
            continue;
        n += n < capacity;
        memmove(values + at + 1, values + at, (size_t)(n - 1 - at) * sizeof *values);
        memmove(classes + at + 1, classes + at, (size_t)(n - 1 - at) * sizeof *classes);
        values[at] = -class.f1;
        classes[at] = i;
    }
    return n;
}

int64_t report_confused_pairs(const report_t *report, report_pair_t *pairs, int64_t capacity)
{
    const int64_t classes = report->n_classes;
    int64_t n = 0;
    for (int64_t i = 0; i < classes * classes; i++) {
        const report_pair_t pair = {i / classes, i % classes, report->confusion[i]};
        if (pair.truth == pair.guess || pair.count == 0)
            continue;
        int64_t at = n;
        while (at > 0 && pairs[at - 1].count < pair.count)
            at--;
        if (at >= capacity)
            continue;
        n += n < capacity;
        memmove(pairs + at + 1, pairs + at, (size_t)(n - 1 - at) * sizeof *pairs);
        pairs[at] = pair;
    }
    return n;
}

double report_calibration(const report_t *report, report_bin_t bins[REPORT_BINS])
{
    int64_t all = 0;
    double error = 0;
    memset(bins, 0, REPORT_BINS * sizeof *bins);
    for (int64_t i = 0; i < report->n_guesses; i++) {
        const double certainty = report->certainties[i];
        /* rounding may have left a little more than 1 */
        if (report->outcomes[i] == REPORT_UNKNOWN || !(certainty >= 0 && certainty <= 1.001))
            continue;
        int bin = (int)ceil(certainty * REPORT_BINS) - 1;
        bin = bin < 0 ? 0 : bin < REPORT_BINS ? bin : REPORT_BINS - 1;
        bins[bin].count++;
        bins[bin].certainty += certainty;
        bins[bin].accuracy += report->outcomes[i] == REPORT_RIGHT;
        all++;
    }
    for (int i = 0; i < REPORT_BINS; i++) {
        const double count = (double)bins[i].count;
        error += fabs(bins[i].certainty - bins[i].accuracy);
        bins[i].certainty = count > 0 ? bins[i].certainty / count : NAN;
        bins[i].accuracy = count > 0 ? bins[i].accuracy / count : NAN;
    }
    return all > 0 ? error / (double)all : NAN;
}
