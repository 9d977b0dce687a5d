/* Results as bars, curves, and whether certainties hold. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report_drawings.h"

enum { WIDTH = 460, LEFT = 62, RIGHT = WIDTH - 8, TOP = 28, BOTTOM = 236, LEGEND_ROW = 19 };
static const canvas_style_t tick_style = {14, CANVAS_SOFT, CANVAS_END, 0, 0},
                            middle_style = {13, CANVAS_SOFT, CANVAS_MIDDLE, 0, 0},
                            label_style = {14, CANVAS_SOFT, CANVAS_START, 0, 0},
                            value_style = {14, CANVAS_INK, CANVAS_MIDDLE, 1, 0};
static const canvas_stroke_t grid_stroke = {CANVAS_LINE, 1, 0, 0}, reference_stroke = {CANVAS_INK, 1, 5, 4},
                             whisker_stroke = {CANVAS_INK, 2, 0, 0};

/* Of one axis: values to places. */
typedef struct scale {
    double least, most, from, to;
} scale_t;

static double place(const scale_t *scale, double value)
{
    double range = scale->most - scale->least;
    return scale->from + (scale->to - scale->from) * (range > 0 ? (value - scale->least) / range : 0);
}

/* 1, 2 or 5 times a power of ten, so that `range` has about five of them. */
static double tick_of(double range)
{
    double power = pow(10, floor(log10(range > 0 ? range / 4 : 1))), fraction = range > 0 ? range / 4 / power : 1;
    return power * (fraction >= 5 ? 5 : fraction >= 2 ? 2 : 1);
}

static void draw_grid(canvas_t *canvas, const scale_t *y, const char *label, const char *unit)
{
    const double tick = tick_of(y->most - y->least), first = ceil(y->least / tick);
    char number[64];
    for (int i = 0; (first + i) * tick <= y->most + tick / 1000; i++) {
        const double at = place(y, (first + i) * tick);
        canvas_line(canvas, LEFT, at, RIGHT, at, &grid_stroke);
        snprintf(number, sizeof number, "%g%s", (first + i) * tick + 0.0, unit);
        canvas_text(canvas, LEFT - 6, at + 4, LEFT - 6, &tick_style, number);
    }
    canvas_text(canvas, 0, 13, WIDTH, &label_style, label);
}

static void draw_ticks(canvas_t *canvas, const scale_t *x, const char *label, const char *unit)
{
    const double tick = tick_of(x->most - x->least), first = ceil(x->least / tick);
    const canvas_style_t style = {14, CANVAS_SOFT, CANVAS_END, 0, 0};
    char number[64];
    for (int i = 0; x->most > x->least && (first + i) * tick <= x->most + tick / 1000; i++) {
        const double at = place(x, (first + i) * tick);
        snprintf(number, sizeof number, "%g%s", (first + i) * tick + 0.0, unit);
        /* the last one does not stand out on the right */
        const double half = canvas_text_width(number, 13, 0) / 2;
        canvas_text(canvas, fmin(at, WIDTH - half), BOTTOM + 17, WIDTH, &middle_style, number);
    }
    canvas_text(canvas, RIGHT, BOTTOM + 36, RIGHT, &style, label);
}

/* ---- Results ----------------------------------------------------------------------------------------------------- */

drawing_size_t results_size(const report_t *report)
{
    (void)report;
    return (drawing_size_t){WIDTH, BOTTOM + 40};
}

/* Below a bar, on two lines where one is too short for it. */
static void draw_name(canvas_t *canvas, double middle, double room, const char *name)
{
    char first[128] = "";
    size_t cut = 0;
    name = name ? name : "";
    for (size_t i = 0; name[i] && i + 1 < sizeof first && canvas_text_width(name, 13, 0) > room; i++) {
        snprintf(first, i + 1, "%s", name);
        if (name[i] == ' ' && (cut == 0 || canvas_text_width(first, 13, 0) <= room))
            cut = i;
    }
    snprintf(first, cut + 1, "%s", name);
    if (cut > 0)
        canvas_text(canvas, middle, BOTTOM + 18, room, &middle_style, first);
    canvas_text(canvas, middle, BOTTOM + (cut > 0 ? 34 : 18), room, &middle_style, cut > 0 ? name + cut + 1 : name);
}

/* Where the highest of what is drawn for it stands. */
static double draw_bar(canvas_t *canvas, const report_result_t *result, const scale_t *y, double middle, double half,
                       int colour)
{
    double mean, error;
    report_mean(result->values, result->count, &mean, &error);
    const double top = place(y, 100 * mean), spread = isfinite(error) ? place(y, 0) - place(y, 100 * error) : 0;
    double highest = top - spread;
    canvas_rectangle(canvas, middle - half, top, 2 * half, BOTTOM - top, 4, (canvas_fill_t){colour, 0.8});
    if (spread > 0) {
        canvas_line(canvas, middle, top - spread, middle, top + spread, &whisker_stroke);
        canvas_line(canvas, middle - 7, top - spread, middle + 7, top - spread, &whisker_stroke);
        canvas_line(canvas, middle - 7, top + spread, middle + 7, top + spread, &whisker_stroke);
    }
    for (int64_t j = 0; j < result->count && result->count > 1; j++) {
        const double x = middle - 0.8 * half + 1.6 * half * ((double)j + 0.5) / (double)result->count,
                     at = place(y, 100 * result->values[j]);
        if (!isfinite(result->values[j]))
            continue;
        highest = fmin(highest, at);
        canvas_circle(canvas, x, at, 3.5, (canvas_fill_t){CANVAS_CARD, 1}, CANVAS_INK);
    }
    return highest;
}

void draw_results(canvas_t *canvas, const report_t *report)
{
    scale_t y = {0, 0, BOTTOM, TOP};
    char number[64];
    for (int64_t i = 0; i < report->n_results; i++) {
        for (int64_t j = 0; j < report->results[i].count; j++)
            y.most = fmax(y.most, isfinite(report->results[i].values[j]) ? report->results[i].values[j] : 0);
    }
    y.most = fmin(100, ceil(y.most * 10 + 0.5) * 10);
    draw_grid(canvas, &y, "", " %");
    const double step = (double)(RIGHT - LEFT) / (double)report->n_results, half = fmin(50, 0.36 * step);
    for (int64_t i = 0; i < report->n_results; i++) {
        const report_result_t *result = &report->results[i];
        const double middle = LEFT + step * ((double)i + 0.5);
        double mean, error;
        report_mean(result->values, result->count, &mean, &error);
        canvas_tip(canvas, result->name);
        if (isfinite(mean)) {
            const double highest = draw_bar(canvas, result, &y, middle, half,
                                            CANVAS_SERIES + (int)(i % CANVAS_SERIES_COUNT));
            snprintf(number, sizeof number, "%.1f %%", 100 * mean);
            canvas_text(canvas, middle, highest - 9, WIDTH, &value_style, number);
        }
        draw_name(canvas, middle, step - 4, result->name);
        canvas_tip_end(canvas);
    }
    for (int64_t i = 0; i < report->n_references; i++) {
        const double at = place(&y, 100 * report->references[i].value);
        if (!isfinite(report->references[i].value))
            continue;
        canvas_tip(canvas, report->references[i].name);
        canvas_line(canvas, LEFT, at, RIGHT, at, &reference_stroke);
        canvas_tip_end(canvas);
    }
}

/* ---- Curves ------------------------------------------------------------------------------------------------------ */

/* A single curve is blue. */
static int colour_of(const report_chart_t *chart, int64_t curve)
{
    return CANVAS_SERIES + (int)((chart->count == 1 ? 2 : curve) % CANVAS_SERIES_COUNT);
}

/* A square of each curve's colour and its name, in rows below; canvas NULL: only counts them. Returns the rows. */
static int draw_legend(canvas_t *canvas, const report_chart_t *chart)
{
    const double most = 200;
    double x = 0;
    int rows = chart->count > 0;
    for (int64_t i = 0; i < chart->count; i++) {
        const double width = fmin(canvas_text_width(chart->curves[i].name ? chart->curves[i].name : "", 14, 0), most);
        if (x > 0 && x + 16 + width > WIDTH) {
            x = 0;
            rows++;
        }
        if (canvas) {
            const double y = BOTTOM + 42 + LEGEND_ROW * rows;
            canvas_rectangle(canvas, x, y - 10, 10, 10, 2, (canvas_fill_t){colour_of(chart, i), 1});
            canvas_text(canvas, x + 15, y, most, &label_style, chart->curves[i].name);
        }
        x += width + 31;
    }
    return rows;
}

drawing_size_t chart_size(const report_chart_t *chart)
{
    return (drawing_size_t){WIDTH, BOTTOM + 48 + LEGEND_ROW * draw_legend(NULL, chart)};
}

static int is_shown(const report_curve_t *curve, int64_t point)
{
    /* ranges of such numbers are finite too */
    return fabs(curve->x[point]) < 1e300 && fabs(curve->y[point]) < 1e300;
}

static void draw_curve(canvas_t *canvas, const report_curve_t *curve, const scale_t *x, const scale_t *y, int colour)
{
    /* piece by piece, since a canvas takes the points of a line at once */
    enum { PIECE = 256 };
    double points[2 * PIECE];
    int64_t n = 0, shown = 0;
    const canvas_stroke_t stroke = {colour, 2, 0, 0};
    for (int64_t i = 0; i < curve->count; i++) {
        if (!is_shown(curve, i))
            continue;
        points[2 * n] = place(x, curve->x[i]);
        points[2 * n + 1] = place(y, curve->y[i]);
        shown++;
        if (++n < PIECE)
            continue;
        canvas_lines(canvas, points, n, &stroke);
        memcpy(points, points + 2 * (PIECE - 1), 2 * sizeof *points);
        n = 1;
    }
    if (shown == 1)
        canvas_circle(canvas, points[0], points[1], 3, (canvas_fill_t){colour, 1}, colour);
    else if (n > 1)
        canvas_lines(canvas, points, n, &stroke);
}

void draw_chart(canvas_t *canvas, const report_chart_t *chart)
{
    scale_t x = {0, 0, LEFT, RIGHT}, y = {0, 0, BOTTOM, TOP};
    for (int64_t i = 0; i < chart->count; i++) {
        const report_curve_t *curve = &chart->curves[i];
        for (int64_t j = 0; j < curve->count; j++) {
            if (!is_shown(curve, j))
                continue;
            x.most = fmax(x.most, curve->x[j]);
            x.least = fmin(x.least, curve->x[j]);
            y.most = fmax(y.most, curve->y[j]);
            y.least = fmin(y.least, curve->y[j]);
        }
    }
    draw_grid(canvas, &y, chart->y_label, "");
    draw_ticks(canvas, &x, chart->x_label, "");
    for (int64_t i = 0; i < chart->count; i++) {
        canvas_tip(canvas, chart->curves[i].name);
        draw_curve(canvas, &chart->curves[i], &x, &y, colour_of(chart, i));
        canvas_tip_end(canvas);
    }
    draw_legend(canvas, chart);
}

/* ---- Certainties ------------------------------------------------------------------------------------------------- */

int has_calibration(const report_t *report)
{
    report_bin_t bins[REPORT_BINS];
    return isfinite(report_calibration(report, bins));
}

drawing_size_t calibration_size(void)
{
    return (drawing_size_t){WIDTH, BOTTOM + 44};
}

void draw_calibration(canvas_t *canvas, const report_t *report)
{
    const scale_t x = {0, 100, LEFT, RIGHT}, y = {0, 100, BOTTOM, TOP};
    report_bin_t bins[REPORT_BINS];
    const double error = report_calibration(report, bins);
    char words[128];
    int64_t most = 1;
    for (int i = 0; i < REPORT_BINS; i++)
        most = bins[i].count > most ? bins[i].count : most;
    draw_grid(canvas, &y, "right", " %");
    draw_ticks(canvas, &x, "certainty of the guess", " %");
    for (int i = 0; i < REPORT_BINS; i++) {
        const double from = place(&x, 100.0 * i / REPORT_BINS), to = place(&x, 100.0 * (i + 1) / REPORT_BINS),
                     right = place(&y, 100 * bins[i].accuracy), certain = place(&y, 100 * bins[i].certainty);
        if (bins[i].count == 0)
            continue;
        snprintf(words, sizeof words, "%lld guesses, on average %.1f %% certain: %.1f %% are right",
                 (long long)bins[i].count, 100 * bins[i].certainty, 100 * bins[i].accuracy);
        canvas_tip(canvas, words);
        /* bars of few guesses are pale */
        const double opacity = 0.25 + 0.6 * sqrt((double)bins[i].count / (double)most);
        canvas_rectangle(canvas, from + 1, right, to - from - 2, BOTTOM - right, 0,
                         (canvas_fill_t){CANVAS_SERIES + 2, opacity});
        canvas_line(canvas, from + 2, certain, to - 2, certain, &(canvas_stroke_t){CANVAS_WRONG, 2.5, 0, 0});
        canvas_tip_end(canvas);
    }
    canvas_line(canvas, LEFT, BOTTOM, RIGHT, TOP, &reference_stroke);
    snprintf(words, sizeof words, "expected calibration error %.1f %%", 100 * error);
    canvas_text(canvas, RIGHT, 13, WIDTH, &(canvas_style_t){14, CANVAS_INK, CANVAS_END, 1, 0}, words);
}
