/* What was taken for what. */
#include <math.h>
#include <stdio.h>

#include "report_drawings.h"

enum { LABEL = 13, LONGEST_LABEL = 120, AXIS = 20, GAP = 6, WIDTH = 460, ROW = 22 };

/* How the matrix stands. */
typedef struct layout {
    double cell, left, top;
    /* names of columns read upwards */
    int is_turned;
} layout_t;

static layout_t layout_of(const report_t *report)
{
    const int64_t n = report->n_classes;
    layout_t layout = {.cell = n <= 12 ? 38 : n <= 20 ? 28 : 18};
    double longest = 0;
    for (int64_t i = 0; i < n; i++)
        longest = fmax(longest, canvas_text_width(report->classes[i] ? report->classes[i] : "", LABEL, 0));
    layout.left = AXIS + fmin(longest, LONGEST_LABEL) + GAP;
    /* few classes have the width of a column */
    if (n <= 10)
        layout.cell = fmin(72, floor((WIDTH - layout.left) / (double)n));
    layout.is_turned = longest > layout.cell - 4;
    layout.top = AXIS + 4 + (layout.is_turned ? fmin(longest, LONGEST_LABEL) : LABEL) + GAP;
    return layout;
}

drawing_size_t matrix_size(const report_t *report)
{
    const layout_t layout = layout_of(report);
    const double side = layout.cell * (double)report->n_classes;
    /* room for the words above */
    return (drawing_size_t){fmax(layout.left + side, layout.left + 60), layout.top + side};
}

/* As many digits as there is room for. */
static void write_count(int64_t count, double room, double size, char *words, size_t bytes)
{
    static const char units[] = "kMGTPE";
    double value = (double)count;
    snprintf(words, bytes, "%lld", (long long)count);
    for (int i = 0; units[i] && canvas_text_width(words, size, 0) > room; i++) {
        value /= 1000;
        snprintf(words, bytes, "%.*f%c", value < 10 && room > 30 ? 1 : 0, value, units[i]);
    }
}

static void draw_cell(canvas_t *canvas, const report_t *report, const layout_t *layout, int64_t truth, int64_t guess,
                      int64_t of_class)
{
    const int64_t count = report->confusion[truth * report->n_classes + guess];
    const double x = layout->left + layout->cell * (double)guess, y = layout->top + layout->cell * (double)truth,
                 part = of_class > 0 ? (double)count / (double)of_class : 0, size = layout->cell > 30 ? 13 : 10,
                 inner = layout->cell - 2;
    const char *const names[] = {report->classes[truth] ? report->classes[truth] : "",
                                 report->classes[guess] ? report->classes[guess] : ""};
    char words[512];
    snprintf(words, sizeof words, "%.200s, taken for %.200s: %lld", names[0], truth == guess ? "what it is" : names[1],
             (long long)count);
    canvas_tip(canvas, words);
    canvas_rectangle(canvas, x + 1, y + 1, inner, inner, 2, (canvas_fill_t){CANVAS_LINE, 0.45});
    if (count > 0) /* a single one can be seen */
        canvas_rectangle(canvas, x + 1, y + 1, inner, inner, 2,
                         (canvas_fill_t){truth == guess ? CANVAS_SERIES + 2 : CANVAS_WRONG,
                                         truth == guess ? part : 0.12 + 0.88 * part});
    if (layout->cell >= 28) {
        /* what is darker on a light screen is lighter on a dark one, as the card is */
        const int is_deep = part > (truth == guess ? 0.75 : 0.6), colour = is_deep ? CANVAS_CARD : CANVAS_INK;
        const canvas_style_t style = {size, count == 0 ? CANVAS_SOFT : colour, CANVAS_MIDDLE, truth == guess, 0};
        write_count(count, layout->cell - 4, size, words, sizeof words);
        canvas_text(canvas, x + layout->cell / 2, y + layout->cell / 2 + 0.36 * size, layout->cell, &style, words);
    }
    canvas_tip_end(canvas);
}

void draw_matrix(canvas_t *canvas, const report_t *report)
{
    const layout_t layout = layout_of(report);
    const canvas_style_t row = {LABEL, CANVAS_INK, CANVAS_END, 0, 0},
                         column = {LABEL, CANVAS_INK, layout.is_turned ? CANVAS_START : CANVAS_MIDDLE, 0,
                                   layout.is_turned},
                         axis = {LABEL, CANVAS_SOFT, CANVAS_START, 0, 0},
                         upward = {LABEL, CANVAS_SOFT, CANVAS_END, 0, 1};
    canvas_text(canvas, layout.left, LABEL, WIDTH, &axis, "was said");
    canvas_text(canvas, LABEL, layout.top, WIDTH, &upward, "is true");
    for (int64_t i = 0; i < report->n_classes; i++) {
        const double at = layout.cell * ((double)i + 0.5);
        const char *name = report->classes[i] ? report->classes[i] : "";
        int64_t of_class = 0;
        for (int64_t j = 0; j < report->n_classes; j++)
            of_class += report->confusion[i * report->n_classes + j];
        canvas_tip(canvas, name);
        canvas_text(canvas, layout.left - GAP, layout.top + at + 4, LONGEST_LABEL, &row, name);
        canvas_text(canvas, layout.left + at + (layout.is_turned ? 4 : 0), layout.top - GAP, LONGEST_LABEL, &column,
                    name);
        canvas_tip_end(canvas);
        for (int64_t j = 0; j < report->n_classes; j++)
            draw_cell(canvas, report, &layout, i, j, of_class);
    }
}

/* ---- Pairs ------------------------------------------------------------------------------------------------------- */

drawing_size_t pairs_size(const report_t *report)
{
    report_pair_t pairs[DRAWN_PAIRS];
    const int64_t n = report_confused_pairs(report, pairs, DRAWN_PAIRS);
    return (drawing_size_t){WIDTH, ROW * (double)(n > 0 ? n : 1)};
}

void draw_pairs(canvas_t *canvas, const report_t *report)
{
    enum { NAME = 150, BAR = 2 * NAME + 16, NUMBER = 46 };
    report_pair_t pairs[DRAWN_PAIRS];
    const int64_t n = report_confused_pairs(report, pairs, DRAWN_PAIRS);
    const canvas_style_t name_style = {13, CANVAS_INK, CANVAS_START, 0, 0},
                         number_style = {13, CANVAS_INK, CANVAS_END, 0, 0};
    char words[512];
    if (n == 0)
        canvas_text(canvas, 0, 16, WIDTH, &name_style, "Nothing was taken for what it is not.");
    for (int64_t i = 0; i < n; i++) {
        const double y = ROW * (double)i,
                     length = (WIDTH - BAR - NUMBER) * (double)pairs[i].count / (double)pairs[0].count;
        const char *const truth = report->classes[pairs[i].truth], *const guess = report->classes[pairs[i].guess];
        snprintf(words, sizeof words, "%.200s, taken for %.200s: %lld", truth ? truth : "", guess ? guess : "",
                 (long long)pairs[i].count);
        canvas_tip(canvas, words);
        canvas_text(canvas, 0, y + 16, NAME - 4, &name_style, truth);
        canvas_text(canvas, NAME, y + 16, 14, &(canvas_style_t){13, CANVAS_SOFT, CANVAS_START, 0, 0}, ">");
        canvas_text(canvas, NAME + 14, y + 16, NAME - 4, &name_style, guess);
        canvas_rectangle(canvas, BAR, y + 5, fmax(length, 2), 13, 2, (canvas_fill_t){CANVAS_WRONG, 0.6});
        write_count(pairs[i].count, NUMBER, 13, words, sizeof words);
        canvas_text(canvas, WIDTH, y + 16, NUMBER, &number_style, words);
        canvas_tip_end(canvas);
    }
}
