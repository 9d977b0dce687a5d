/* Pictures with what was said of them, and what a first layer looks for. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report_drawings.h"

enum { SIDE = 128, TILE_HEIGHT = 174, FILTERS = 256 };

int example_is_wrong(const report_example_t *example)
{
    return strcmp(example->truth ? example->truth : "", example->guess ? example->guess : "") != 0;
}

/* In the middle of a square; small ones larger by a whole number, so that all pixels are as large. */
static void draw_in_square(canvas_t *canvas, double x, double y, double side, const pixels_t *pixels)
{
    const double larger = (double)(pixels->width > pixels->height ? pixels->width : pixels->height),
                 scale = fmax(1, floor(side / larger)), width = scale * (double)pixels->width,
                 height = scale * (double)pixels->height;
    canvas_picture(canvas, x + floor((side - width) / 2), y + floor((side - height) / 2), width, height, pixels);
}

void example_words(const report_example_t *example, char *words, size_t size)
{
    snprintf(words, size, "said %.200s, is %.200s", example->guess ? example->guess : "",
             example->truth ? example->truth : "");
}

drawing_size_t example_size(void)
{
    return (drawing_size_t){SIDE, TILE_HEIGHT};
}

void draw_example(canvas_t *canvas, const report_example_t *example)
{
    const int is_wrong = example_is_wrong(example);
    const canvas_style_t guess = {13, is_wrong ? CANVAS_WRONG : CANVAS_INK, CANVAS_START, 1, 0},
                         certainty = {13, CANVAS_SOFT, CANVAS_END, 0, 0}, truth = {13, CANVAS_SOFT, CANVAS_START, 0, 0};
    char words[512], number[32] = "";
    double room = SIDE;
    if (example->certainty >= 0 && example->certainty <= 1) {
        snprintf(number, sizeof number, "%.1f %%", 100 * example->certainty);
        room -= canvas_text_width(number, 13, 0) + 6;
    }
    example_words(example, words, sizeof words);
    canvas_tip(canvas, words);
    canvas_rectangle(canvas, 0, 0, SIDE, SIDE, 3, (canvas_fill_t){CANVAS_LINE, 0.45});
    pixels_t pixels;
    if (pixels_of_picture(&example->picture, SIDE, &pixels) == 0)
        draw_in_square(canvas, 0, 0, SIDE, &pixels);
    else if (errno != EINVAL)
        canvas->failed = errno;
    pixels_free(&pixels);
    canvas_text(canvas, 0, SIDE + 18, room, &guess, example->guess);
    canvas_text(canvas, SIDE, SIDE + 18, SIDE, &certainty, number);
    snprintf(words, sizeof words, "is %.500s", example->truth ? example->truth : "");
    canvas_text(canvas, 0, SIDE + 36, SIDE, &truth, is_wrong ? words : "is right");
    canvas_tip_end(canvas);
}

/* ---- Filters ----------------------------------------------------------------------------------------------------- */

static int64_t filters_shown(const report_filters_t *filters)
{
    return filters->outputs < FILTERS ? filters->outputs : FILTERS;
}

/* Few are shown larger. */
static int64_t filters_columns(const report_filters_t *filters)
{
    return filters_shown(filters) <= 32 ? 8 : 12;
}

static double filters_field(const report_filters_t *filters)
{
    return 456.0 / (double)filters_columns(filters);
}

drawing_size_t filters_size(const report_filters_t *filters)
{
    const int64_t columns = filters_columns(filters);
    return (drawing_size_t){456, filters_field(filters) * (double)((filters_shown(filters) + columns - 1) / columns)};
}

void filters_words(const report_filters_t *filters, char *words, size_t size)
{
    const int64_t shown = filters_shown(filters);
    char first[64] = "";
    if (shown < filters->outputs)
        snprintf(first, sizeof first, "The first %lld of %lld filters", (long long)shown, (long long)filters->outputs);
    else
        snprintf(first, sizeof first, "%lld filters", (long long)shown);
    snprintf(words, size, "%s of %lld x %lld in %.200s, each from its least weight to its greatest%s.", first,
             (long long)filters->width, (long long)filters->height, filters->name,
             filters->inputs == 3   ? ", inputs as red, green and blue"
             : filters->inputs == 1 ? ""
                                    : ", the average over its inputs");
}

void draw_filters(canvas_t *canvas, const report_filters_t *filters)
{
    const int64_t columns = filters_columns(filters);
    const double field = filters_field(filters), side = field - 4;
    char words[64];
    for (int64_t i = 0; i < filters_shown(filters); i++) {
        const double x = field * (double)(i % columns) + 2, y = field * (double)(i / columns) + 2;
        pixels_t pixels;
        snprintf(words, sizeof words, "filter %lld", (long long)i);
        if (pixels_of_filter(filters, i, (int64_t)side, &pixels) == 0) {
            canvas_tip(canvas, words);
            draw_in_square(canvas, x, y, side, &pixels);
        } else {
            const canvas_stroke_t stroke = {CANVAS_WRONG, 1.5, 0, 0};
            snprintf(words, sizeof words, "filter %lld has weights that are no numbers", (long long)i);
            canvas_tip(canvas, words);
            canvas->failed = errno == EDOM ? canvas->failed : errno;
            canvas_rectangle(canvas, x, y, side, side, 2, (canvas_fill_t){CANVAS_LINE, 1});
            canvas_line(canvas, x + 4, y + 4, x + side - 4, y + side - 4, &stroke);
            canvas_line(canvas, x + 4, y + side - 4, x + side - 4, y + 4, &stroke);
        }
        pixels_free(&pixels);
        canvas_tip_end(canvas);
    }
}
