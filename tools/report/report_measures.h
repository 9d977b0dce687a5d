/* What a report counts from guesses: classes, pairs that are taken for each other, and whether certainties hold. */
#ifndef REPORT_MEASURES_H
#define REPORT_MEASURES_H

#include "report.h"

/* NaN: nothing was of the class, or guessed to be. */
typedef struct report_class {
    double precision, recall, f1;
    int64_t support;
} report_class_t;
void report_class(const report_t *report, int64_t class, report_class_t *out);
/* The classes of the lowest F1, lowest first; those that no sample is of are left out. Returns how many, at most
 * `capacity`. */
int64_t report_worst_classes(const report_t *report, int64_t *classes, int64_t capacity);

/* Samples of a class that were taken for another. */
typedef struct report_pair {
    int64_t truth, guess, count;
} report_pair_t;
/* The pairs of the most samples, most first. Returns how many, at most `capacity`. */
int64_t report_confused_pairs(const report_t *report, report_pair_t *pairs, int64_t capacity);

enum { REPORT_BINS = 15 };
/* Guesses of like certainty: how many, how sure on average, and what part of them is right. */
typedef struct report_bin {
    int64_t count;
    double certainty, accuracy;
} report_bin_t;
/* Cuts 0 to 1 into bins of the same width, each with its upper bound (0 is in the first). Returns the expected
 * calibration error, the mean over guesses of how far accuracy is from certainty in their bin; NaN without guesses. */
double report_calibration(const report_t *report, report_bin_t bins[REPORT_BINS]);

#endif
