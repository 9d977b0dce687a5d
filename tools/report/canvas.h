/* What drawings are made on: lines, rectangles, circles, text and pictures, as SVG within a page (canvas_svg.c) or as
 * pixels (canvas_raster.c). Places are in units of a pixel on a plain screen, from the upper left corner. Colours are
 * roles: a page has them for light and dark screens, pixels have the light ones. */
#ifndef CANVAS_H
#define CANVAS_H

#include <stdint.h>
#include <stdio.h>

#include "pixels.h"

enum {
    CANVAS_INK,
    CANVAS_SOFT,
    CANVAS_LINE,
    CANVAS_PAGE,
    CANVAS_CARD,
    CANVAS_WRONG,
    /* and what is added to it: one for each of what stands side by side */
    CANVAS_SERIES,
    CANVAS_SERIES_COUNT = 6,
    CANVAS_COLOURS = CANVAS_SERIES + CANVAS_SERIES_COUNT,
};

/* opacity: 0 to 1. */
typedef struct canvas_fill {
    int colour;
    double opacity;
} canvas_fill_t;

typedef struct canvas_stroke {
    int colour;
    double width;
    /* a stroke and a gap of these lengths; dash 0: whole lines */
    double dash, gap;
} canvas_stroke_t;

enum { CANVAS_START = 0, CANVAS_MIDDLE = 1, CANVAS_END = 2 };

typedef struct canvas_style {
    /* of the font */
    double size;
    int colour;
    /* CANVAS_START, ...: which point of the text's base line the place is */
    int anchor;
    int is_bold;
    /* reads upwards */
    int is_turned;
} canvas_style_t;

typedef struct canvas canvas_t;
typedef struct canvas_calls {
    void (*rectangle)(canvas_t *canvas, double x, double y, double width, double height, double radius,
                      canvas_fill_t fill);
    /* points [count * 2]: x, y, x, y, ... */
    void (*lines)(canvas_t *canvas, const double *points, int64_t count, const canvas_stroke_t *stroke);
    /* with a line of one unit around it */
    void (*circle)(canvas_t *canvas, double x, double y, double radius, canvas_fill_t fill, int line);
    void (*text)(canvas_t *canvas, double x, double y, const canvas_style_t *style, const char *text);
    /* smooth where it is made less than twice as large, else each pixel is a square */
    void (*picture)(canvas_t *canvas, double x, double y, double width, double height, const pixels_t *pixels);
    /* What is drawn from here to tip_end says this where a pointer rests on it; not where there are no pointers. */
    void (*tip)(canvas_t *canvas, const char *text);
    void (*tip_end)(canvas_t *canvas);
} canvas_calls_t;

struct canvas {
    const canvas_calls_t *calls;
    /* is added to all places */
    double left, top;
    /* an errno: what follows is left out. 0: none */
    int failed;
};

void canvas_rectangle(canvas_t *canvas, double x, double y, double width, double height, double radius,
                      canvas_fill_t fill);
void canvas_lines(canvas_t *canvas, const double *points, int64_t count, const canvas_stroke_t *stroke);
/* One line. */
void canvas_line(canvas_t *canvas, double x, double y, double to_x, double to_y, const canvas_stroke_t *stroke);
void canvas_circle(canvas_t *canvas, double x, double y, double radius, canvas_fill_t fill, int line);
/* At most `most` units long: of a longer text the beginning and "...". */
void canvas_text(canvas_t *canvas, double x, double y, double most, const canvas_style_t *style, const char *text);
void canvas_picture(canvas_t *canvas, double x, double y, double width, double height, const pixels_t *pixels);
void canvas_tip(canvas_t *canvas, const char *text);
void canvas_tip_end(canvas_t *canvas);

/* Of a text in a font of that size about how long it is: a little more than it is in most fonts. */
double canvas_text_width(const char *text, double size, int is_bold);
/* A colour's name in styles, and its values on light and dark screens as "#rrggbb". */
const char *canvas_colour_name(int colour);
const char *canvas_colour_light(int colour);
const char *canvas_colour_dark(int colour);

/* ---- SVG --------------------------------------------------------------------------------------------------------- */

typedef struct canvas_svg {
    canvas_t canvas;
    FILE *file;
} canvas_svg_t;
/* Begins a drawing. label: for who cannot see it. least: below this width on the screen it is scrolled; most: it grows
 * no wider; 0: as wide as there is room. */
canvas_t *canvas_svg_begin(canvas_svg_t *svg, FILE *file, double width, double height, double least, double most,
                           const char *label);
/* 0, or -1 with errno set where something of it failed. */
int canvas_svg_end(canvas_svg_t *svg);

/* ---- Pixels ------------------------------------------------------------------------------------------------------ */

typedef struct canvas_raster {
    canvas_t canvas;
    /* pixels a unit */
    double scale;
    pixels_t pixels;
    /* of what is being drawn, how much of each pixel it covers: 0 to 255 */
    uint8_t *cover;
    /* the pixels that it touches: from, to */
    int64_t touched[4];
} canvas_raster_t;
/* An area of the page's colour. NULL: there is no memory for it. */
canvas_t *canvas_raster_begin(canvas_raster_t *raster, double width, double height, double scale);
void canvas_raster_end(canvas_raster_t *raster);

/* ---- The font of pixels ------------------------------------------------------------------------------------------ */

/* In units of which a capital letter is 14 high, from the base line upwards. Gives lines to draw, each point x, y; what
 * is not printable ASCII is a box. */
enum { CANVAS_GLYPH_POINTS = 128, CANVAS_CAPITAL = 14 };
/* points [CANVAS_GLYPH_POINTS * 2], lengths [CANVAS_GLYPH_POINTS]: points of each line. Returns the number of lines. */
int canvas_glyph(uint32_t character, double *points, int *lengths);
/* From this character's beginning to the next one's. */
double canvas_glyph_advance(uint32_t character);
/* How large the unit is in a font of that size. */
double canvas_glyph_unit(double size);

#endif
