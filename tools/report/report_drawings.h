/* The drawings of a report, each for any canvas and from its upper left corner; the call beside says how large it is.
 */
#ifndef REPORT_DRAWINGS_H
#define REPORT_DRAWINGS_H

#include "canvas.h"
#include "report_measures.h"

/* More classes are not drawn as a matrix. */
enum { MATRIX_CLASSES = 40, DRAWN_PAIRS = 20 };

typedef struct drawing_size {
    double width, height;
} drawing_size_t;

/* report_charts.c: bars with a dot for each seed, a whisker of one standard error in their middle, and the references'
 * lines; curves; and of certainties what part of the guesses is right. */
drawing_size_t results_size(const report_t *report);
void draw_results(canvas_t *canvas, const report_t *report);
drawing_size_t chart_size(const report_chart_t *chart);
void draw_chart(canvas_t *canvas, const report_chart_t *chart);
int has_calibration(const report_t *report);
drawing_size_t calibration_size(void);
void draw_calibration(canvas_t *canvas, const report_t *report);

/* report_matrix.c: what was taken for what, of at most MATRIX_CLASSES; and the pairs most often confused. */
drawing_size_t matrix_size(const report_t *report);
void draw_matrix(canvas_t *canvas, const report_t *report);
drawing_size_t pairs_size(const report_t *report);
void draw_pairs(canvas_t *canvas, const report_t *report);

/* report_pictures.c: a picture with what was said of it and what is true; and the first layer's filters, a field each.
 */
drawing_size_t example_size(void);
void draw_example(canvas_t *canvas, const report_example_t *example);
/* "said this, is that"; at most size bytes. */
void example_words(const report_example_t *example, char *words, size_t size);
int example_is_wrong(const report_example_t *example);
drawing_size_t filters_size(const report_filters_t *filters);
void draw_filters(canvas_t *canvas, const report_filters_t *filters);
/* In words what the fields are; at most size bytes. */
void filters_words(const report_filters_t *filters, char *words, size_t size);

#endif
