/* What an experiment found, as JSON for programs, as a page for people (one file of HTML with its styles, drawings and
 * pictures in it, that loads nothing from elsewhere) and as PNG files of the same drawings. For any field: whoever
 * fills the struct says what is measured. Strings may come from anywhere; what is not UTF-8 is shown as U+FFFD. Numbers
 * that are not finite are null, and a dash. Nothing here is copied or kept beyond a call. */
#ifndef REPORT_H
#define REPORT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* One bar. */
typedef struct report_result {
    const char *name;
    /* [count], one a seed: parts of 1 */
    const double *values;
    int64_t count;
    /* what it is, how it was chosen; NULL: nothing is said */
    const char *how;
} report_result_t;

/* One dashed line: chance, the majority's class. */
typedef struct report_reference {
    const char *name;
    double value;
} report_reference_t;

typedef struct report_curve {
    const char *name;
    /* [count] */
    const double *x, *y;
    int64_t count;
} report_curve_t;

typedef struct report_chart {
    /* labels with units */
    const char *title, *x_label, *y_label;
    const report_curve_t *curves;
    int64_t count;
} report_chart_t;

/* Rows from the top of pixels from the left, each of `channels` bytes. Three or more: red, green and blue come first;
 * else the first is gray. bytes NULL: there is none. */
typedef struct report_picture {
    const uint8_t *bytes;
    int64_t width, height, channels;
} report_picture_t;

typedef struct report_example {
    /* NULL where there is a picture */
    const char *text;
    const char *truth, *guess;
    /* of the guess; NaN: not known */
    double certainty;
    report_picture_t picture;
} report_example_t;

/* What a first layer looks for: weights [outputs, inputs, height, width]. */
typedef struct report_filters {
    /* of the parameter; NULL: there are none */
    const char *name;
    const float *weights;
    int64_t outputs, inputs, height, width;
} report_filters_t;

typedef struct report_fact {
    const char *name, *value;
} report_fact_t;

/* How a guess came out. */
enum {
    /* what is true is not known: it does not count */
    REPORT_UNKNOWN = -1,
    REPORT_WRONG = 0,
    REPORT_RIGHT = 1,
};

typedef struct report {
    /* a question, its answer in words, and what was done */
    const char *title, *answer, *summary;
    /* of the results: "accuracy on held-out texts" */
    const char *measure;
    const report_result_t *results;
    int64_t n_results;
    const report_reference_t *references;
    int64_t n_references;
    const report_chart_t *charts;
    int64_t n_charts;
    /* Of a classifier; n_classes 0: there is none. confusion [n_classes * n_classes]: samples by truth, then guess.
     * classified: whose guesses they are. */
    const char *classified;
    const char *const *classes;
    const int64_t *confusion;
    int64_t n_classes;
    /* [n_guesses]: how sure each guess was, 0 to 1, and how it came out; report_choose picks examples among them */
    const double *certainties;
    const signed char *outcomes;
    int64_t n_guesses;
    /* the surest mistakes first, then some that are right; wrong is what has another truth than guess */
    const report_example_t *examples;
    int64_t n_examples;
    report_filters_t filters;
    /* settings, seeds, rates, version, date, machine, files */
    const report_fact_t *facts;
    int64_t n_facts;
    /* what to type next: why, and the command */
    const report_fact_t *next;
    int64_t n_next;
} report_t;

/* The mean of values, and its standard error: NaN for fewer than two. */
void report_mean(const double *values, int64_t count, double *mean, double *standard_error);
/* Picks among guesses at most `wrong` mistakes, the surest first, and behind them at most `right` that are right, taken
 * evenly. chosen [wrong + right] gets their numbers. Returns how many. */
int64_t report_choose(const double *certainties, const signed char *outcomes, int64_t count, int64_t wrong,
                      int64_t right, int64_t *chosen);

/* Whether this build writes PNG files. Else pages have a line that says so in place of pictures. */
int report_has_png(void);
/* Each returns 0, or -1 with errno set. */
int report_json(const report_t *report, FILE *file);
int report_html(const report_t *report, FILE *file);
/* All drawings below one another. errno ENOTSUP: this build writes no PNG. */
int report_png(const report_t *report, FILE *file);
/* All of them in a directory that is there: report.json, report.html and, where this build writes PNG and there is
 * something to draw, curves.png, confusion.png, predictions.png and filters.png. 0, or -1 with errno set and the path
 * that failed in `path`. */
int report_write(const report_t *report, const char *directory, char *path, size_t size);

#endif
