#include "report_sheets.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report_drawings.h"
#include "report_text.h"

enum {
    MARGIN = 20,
    PADDING = 16,
    COLUMN = 460,
    TITLE = 28,
    /* two columns in cards of their own, and what a card over both has room for */
    PAGE = 2 * COLUMN + 4 * PADDING + 3 * MARGIN,
    WIDE = PAGE - 2 * MARGIN - 2 * PADDING,
    TILE_GAP = 18,
    SCALE = 2,
    /* a drawing of more pixels is no use to anybody */
    HIGHEST = 16000,
};

enum {
    PANEL_RESULTS,
    PANEL_CHART,
    PANEL_MATRIX,
    PANEL_PAIRS,
    PANEL_CALIBRATION,
    PANEL_WRONG,
    PANEL_RIGHT,
    PANEL_FILTERS
};

/* A drawing with its title. */
typedef struct panel {
    int kind;
    const char *title;
    drawing_size_t size;
    const report_chart_t *chart;
} panel_t;

typedef struct panels {
    panel_t *items;
    int64_t count;
} panels_t;

static void add(panels_t *panels, int kind, const char *title, drawing_size_t size, const report_chart_t *chart)
{
    panels->items[panels->count++] = (panel_t){kind, title, size, chart};
}

/* ---- Pictures side by side --------------------------------------------------------------------------------------- */

/* Those that were guessed wrong, or right. canvas NULL: only counts them. */
static int64_t draw_examples(canvas_t *canvas, const report_t *report, int wrong)
{
    const drawing_size_t size = example_size();
    const int64_t columns = (int64_t)((WIDE + TILE_GAP) / (size.width + TILE_GAP));
    int64_t n = 0;
    for (int64_t i = 0; i < report->n_examples; i++) {
        const report_example_t *example = &report->examples[i];
        if (!example->picture.bytes || example_is_wrong(example) != wrong)
            continue;
        if (canvas) {
            const double left = canvas->left, top = canvas->top;
            /* from border to border */
            canvas->left += (double)(n % columns) * (WIDE - size.width) / (double)(columns - 1);
            canvas->top += (double)(n / columns) * (size.height + TILE_GAP);
            draw_example(canvas, example);
            canvas->left = left;
            canvas->top = top;
        }
        n++;
    }
    return n;
}

static void add_examples(panels_t *panels, const report_t *report, int wrong)
{
    const drawing_size_t size = example_size();
    const int64_t n = draw_examples(NULL, report, wrong),
                  columns = (int64_t)((WIDE + TILE_GAP) / (size.width + TILE_GAP)), rows = (n + columns - 1) / columns;
    if (n > 0)
        add(panels, wrong ? PANEL_WRONG : PANEL_RIGHT,
            wrong ? "What it got wrong, the surest mistakes first" : "Some that it got right",
            (drawing_size_t){WIDE, (double)rows * (size.height + TILE_GAP) - TILE_GAP}, NULL);
}

/* ---- The parts of a sheet ---------------------------------------------------------------------------------------- */

static void list_panels(panels_t *panels, const report_t *report, unsigned parts)
{
    if ((parts & SHEET_CURVES) && report->n_results > 0)
        add(panels, PANEL_RESULTS, report->measure, results_size(report), NULL);
    for (int64_t i = 0; i < report->n_charts && (parts & SHEET_CURVES); i++)
        add(panels, PANEL_CHART, report->charts[i].title, chart_size(&report->charts[i]), &report->charts[i]);
    if ((parts & SHEET_CONFUSION) && report->n_classes > 0) {
        if (report->n_classes <= MATRIX_CLASSES)
            add(panels, PANEL_MATRIX, "What was taken for what", matrix_size(report), NULL);
        else
            add(panels, PANEL_PAIRS, "What was most often taken for what", pairs_size(report), NULL);
    }
    if ((parts & SHEET_CONFUSION) && has_calibration(report))
        add(panels, PANEL_CALIBRATION, "Is it right as often as it is sure?", calibration_size(), NULL);
    if (parts & SHEET_PREDICTIONS) {
        add_examples(panels, report, 1);
        add_examples(panels, report, 0);
    }
    if ((parts & SHEET_FILTERS) && report->filters.name)
        add(panels, PANEL_FILTERS, "What the first layer looks for", filters_size(&report->filters), NULL);
}

static void draw_panel(canvas_t *canvas, const report_t *report, const panel_t *panel)
{
    switch (panel->kind) {
    case PANEL_RESULTS:
        draw_results(canvas, report);
        break;
    case PANEL_CHART:
        draw_chart(canvas, panel->chart);
        break;
    case PANEL_MATRIX:
        draw_matrix(canvas, report);
        break;
    case PANEL_PAIRS:
        draw_pairs(canvas, report);
        break;
    case PANEL_CALIBRATION:
        draw_calibration(canvas, report);
        break;
    case PANEL_FILTERS:
        draw_filters(canvas, &report->filters);
        break;
    default:
        draw_examples(canvas, report, panel->kind == PANEL_WRONG);
    }
}

static void draw_card(canvas_t *canvas, const report_t *report, const panel_t *panel, double x, double y, double width,
                      double height)
{
    const canvas_style_t title = {16, CANVAS_INK, CANVAS_START, 1, 0};
    canvas->left = x;
    canvas->top = y;
    canvas_rectangle(canvas, 0, 0, width, height, 10, (canvas_fill_t){CANVAS_LINE, 1});
    canvas_rectangle(canvas, 1, 1, width - 2, height - 2, 9, (canvas_fill_t){CANVAS_CARD, 1});
    canvas_text(canvas, PADDING, PADDING + 14, width - 2 * PADDING, &title, panel->title);
    canvas->left = x + PADDING;
    canvas->top = y + PADDING + TITLE;
    draw_panel(canvas, report, panel);
    canvas->left = canvas->top = 0;
}

/* Lines of words no longer than the page. canvas NULL: only measures them. Returns the place below. */
static double draw_words(canvas_t *canvas, double y, const canvas_style_t *style, const char *text)
{
    enum { LONGEST = 400, MOST_LINES = 12 };
    const double most = PAGE - 2 * MARGIN;
    char line[LONGEST + 4];
    for (int n = 0; text && *text && n < MOST_LINES; n++) {
        size_t end = 0, length = 0;
        double width = 0;
        /* as many words as fit; at least one, which canvas_text cuts */
        for (size_t at = 0; at < LONGEST; at++) {
            if (text[at] != ' ' && text[at] != 0)
                continue;
            memcpy(line, text, at);
            line[at] = 0;
            width = canvas_text_width(line, style->size, style->is_bold);
            if (end > 0 && width > most)
                break;
            end = at;
            if (text[at] == 0)
                break;
        }
        if (end == 0) {
            const char *blank = strchr(text, ' ');
            end = blank && blank > text ? (size_t)(blank - text) : blank ? 1 : strlen(text);
        }
        length = end < LONGEST ? end : LONGEST;
        memcpy(line, text, length);
        line[length] = 0;
        if (canvas)
            canvas_text(canvas, MARGIN, y + style->size, most, style, line);
        y += 1.5 * style->size;
        text += end;
        text += *text == ' ';
    }
    return y;
}

static double draw_heading(canvas_t *canvas, const report_t *report)
{
    double y = draw_words(canvas, MARGIN, &(canvas_style_t){24, CANVAS_INK, CANVAS_START, 1, 0}, report->title);
    y = draw_words(canvas, y, &(canvas_style_t){16, CANVAS_INK, CANVAS_START, 1, 0}, report->answer);
    return draw_words(canvas, y, &(canvas_style_t){14, CANVAS_SOFT, CANVAS_START, 0, 0}, report->summary);
}

static int is_narrow(const panels_t *panels, int64_t number)
{
    return number < panels->count && panels->items[number].size.width <= COLUMN;
}

/* canvas NULL: only measures. Returns the place below. */
static double draw_all(canvas_t *canvas, const report_t *report, const panels_t *panels, unsigned parts)
{
    double y = parts & SHEET_HEADING ? draw_heading(canvas, report) + MARGIN / 2.0 : MARGIN;
    for (int64_t i = 0; i < panels->count; i++) {
        const panel_t *panel = &panels->items[i], *beside = panel + 1;
        const int is_pair = is_narrow(panels, i) && is_narrow(panels, i + 1);
        const double card = is_narrow(panels, i) ? COLUMN + 2 * PADDING : WIDE + 2 * PADDING,
                     height = TITLE + 2 * PADDING +
                              (is_pair ? fmax(panel->size.height, beside->size.height) : panel->size.height);
        if (canvas)
            draw_card(canvas, report, panel, MARGIN, y, card, height);
        if (canvas && is_pair)
            draw_card(canvas, report, beside, 2 * MARGIN + card, y, card, height);
        y += height + MARGIN;
        i += is_pair;
    }
    return y;
}

static int write_png(const pixels_t *pixels, FILE *file)
{
    size_t size;
    uint8_t *png = pixels_png(pixels, &size);
    if (!png)
        return -1;
    const int is_written = fwrite(png, 1, size, file) == size;
    free(png);
    return is_written ? 0 : -1;
}

int report_sheet(const report_t *report, unsigned parts, FILE *file)
{
    enum { OTHERS = 8 };
    panels_t panels = {calloc((size_t)report->n_charts + OTHERS, sizeof *panels.items), 0};
    canvas_raster_t raster;
    int result = -1;
    if (!panels.items)
        return -1;
    list_panels(&panels, report, parts);
    if (panels.count == 0 && !(parts & SHEET_HEADING)) {
        free(panels.items);
        errno = ENODATA;
        return -1;
    }
    const int is_single = panels.count == 1 && is_narrow(&panels, 0) && !(parts & SHEET_HEADING);
    const double width = is_single ? COLUMN + 2 * PADDING + 2 * MARGIN : PAGE,
                 height = fmin(draw_all(NULL, report, &panels, parts), HIGHEST);
    if (canvas_raster_begin(&raster, width, height, SCALE)) {
        draw_all(&raster.canvas, report, &panels, parts);
        errno = raster.canvas.failed;
        result = raster.canvas.failed ? -1 : write_png(&raster.pixels, file);
        canvas_raster_end(&raster);
    }
    free(panels.items);
    return result;
}

int report_png(const report_t *report, FILE *file)
{
    if (!report_has_png()) {
        errno = ENOTSUP;
        return -1;
    }
    return report_sheet(report, SHEET_ALL, file);
}
