/* What an experiment found, as JSON for programs and as a page for people: one file of HTML with its styles and
 * drawings in it, that loads nothing from elsewhere. For any field: whoever fills the struct says what is measured.
 * Strings may come from anywhere; what is not UTF-8 is shown as U+FFFD. Numbers that are not finite are null, and a
 * dash. */
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

#include <stdint.h>
#include <stdio.h>

typedef struct report_result { /* one bar */
    const char *name;
    const double *values; /* [count], one a seed: parts of 1 */
    int64_t count;
    const char *how; /* what it is, how it was chosen; NULL: nothing is said */
} report_result_t;

typedef struct report_reference { /* one dashed line: chance, the majority's class */
    const char *name;
    double value;
} report_reference_t;

typedef struct report_curve {
    const char *name;
    const double *x, *y; /* [count] */
    int64_t count;
} report_curve_t;

typedef struct report_chart {
    const char *title, *x_label, *y_label; /* with units */
    const report_curve_t *curves;
    int64_t count;
} report_chart_t;

typedef struct report_example {
    const char *text, *truth, *guess;
    double certainty; /* of the guess; NaN: not known */
} report_example_t;

typedef struct report_fact {
    const char *name, *value;
} report_fact_t;

typedef struct report {
    const char *title;   /* a question */
    const char *answer;  /* in words */
    const char *summary; /* what was done */
    const char *measure; /* of the results: "accuracy on held-out texts" */
    const report_result_t *results;
    int64_t n_results;
    const report_reference_t *references;
    int64_t n_references;
    const report_chart_t *charts;
    int64_t n_charts;
    /* Of a classifier; n_classes 0: there is none. confusion [n_classes * n_classes]: samples by truth, then guess. */
    const char *classified; /* whose guesses they are */
    const char *const *classes;
    const int64_t *confusion;
    int64_t n_classes;
    const report_example_t *examples;
    int64_t n_examples;
    const report_fact_t *facts; /* settings, seeds, rates, version, date, machine, files */
    int64_t n_facts;
    const report_fact_t *next; /* what to type next: why, and the command */
    int64_t n_next;
} report_t;

/* The mean of values, and its standard error: NaN for fewer than two. */
void report_mean(const double *values, int64_t count, double *mean, double *standard_error);

typedef struct report_class { /* NaN: nothing was of the class, or guessed to be */
    double precision, recall, f1;
    int64_t support;
} report_class_t;
void report_class(const report_t *report, int64_t class, report_class_t *out);

void report_json(const report_t *report, FILE *file);
void report_html(const report_t *report, FILE *file);
/* Both, as report.json and report.html in a directory that is there. 0, or -1 with errno set and the path that failed
 * in `path`. */
int report_write(const report_t *report, const char *directory, char *path, size_t size);

#endif
