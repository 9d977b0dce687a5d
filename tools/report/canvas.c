#include "canvas.h"

#include <math.h>
#include <string.h>

#include "report_text.h"

static const struct {
    const char *name, *light, *dark;
} colours[CANVAS_COLOURS] = {
    {"ink", "#1c2330", "#e6e9ef"},  {"soft", "#5b6472", "#a5aebd"}, {"line", "#e0e4ea", "#2b3342"},
    {"page", "#f7f8fa", "#11151c"}, {"card", "#ffffff", "#181e28"}, {"wrong", "#c2362f", "#ff8f85"},
    {"s0", "#7a8699", "#9aa5b5"},   {"s1", "#d9722b", "#f0a063"},   {"s2", "#2563eb", "#6b9bff"},
    {"s3", "#0f9d6e", "#4fd1a1"},   {"s4", "#a23bb8", "#d58be6"},   {"s5", "#b8860b", "#e0bb4d"},
};

const char *canvas_colour_name(int colour)
{
    return colours[colour].name;
}

const char *canvas_colour_light(int colour)
{
    return colours[colour].light;
}

const char *canvas_colour_dark(int colour)
{
    return colours[colour].dark;
}

void canvas_rectangle(canvas_t *canvas, double x, double y, double width, double height, double radius,
                      canvas_fill_t fill)
{
    if (!canvas->failed && width > 0 && height > 0)
        canvas->calls->rectangle(canvas, canvas->left + x, canvas->top + y, width, height, radius, fill);
}

void canvas_lines(canvas_t *canvas, const double *points, int64_t count, const canvas_stroke_t *stroke)
{
    if (!canvas->failed && count > 0)
        canvas->calls->lines(canvas, points, count, stroke);
}

void canvas_line(canvas_t *canvas, double x, double y, double to_x, double to_y, const canvas_stroke_t *stroke)
{
    const double points[] = {x, y, to_x, to_y};
    canvas_lines(canvas, points, 2, stroke);
}

void canvas_circle(canvas_t *canvas, double x, double y, double radius, canvas_fill_t fill, int line)
{
    if (!canvas->failed)
        canvas->calls->circle(canvas, canvas->left + x, canvas->top + y, radius, fill, line);
}

void canvas_picture(canvas_t *canvas, double x, double y, double width, double height, const pixels_t *pixels)
{
    if (!canvas->failed)
        canvas->calls->picture(canvas, canvas->left + x, canvas->top + y, width, height, pixels);
}

void canvas_tip(canvas_t *canvas, const char *text)
{
    canvas->calls->tip(canvas, text);
}

void canvas_tip_end(canvas_t *canvas)
{
    canvas->calls->tip_end(canvas);
}

/* ---- Text -------------------------------------------------------------------------------------------------------- */

/* Fonts of screens are up to a sixth wider than ours; bold ones more. */
static double advance_of(uint32_t character, double size, int is_bold)
{
    /* East Asian characters and what stands behind them are as wide as high */
    const double width = character >= 0x1100 ? size : canvas_glyph_advance(character) * canvas_glyph_unit(size);
    return width * (is_bold ? 1.3 : 1.17);
}

double canvas_text_width(const char *text, double size, int is_bold)
{
    double width = 0;
    uint32_t character;
    for (int bytes; (bytes = report_next_character(text, &character)) > 0; text += bytes)
        width += advance_of(character, size, is_bold);
    return width;
}

void canvas_text(canvas_t *canvas, double x, double y, double most, const canvas_style_t *style, const char *text)
{
    enum { SIZE = 512, LONGEST = SIZE - 8 };
    char fitting[SIZE];
    size_t length = 0, end = 0;
    double width = 0;
    uint32_t character;
    const double dots = 3 * advance_of('.', style->size, style->is_bold);
    int is_whole = 1;
    text = text ? text : "";
    for (int bytes; (bytes = report_next_character(text, &character)) > 0; text += bytes) {
        width += advance_of(character, style->size, style->is_bold);
        if (width > most || length > LONGEST) {
            is_whole = 0;
            break;
        }
        memcpy(fitting + length, text, (size_t)bytes);
        if (character < ' ')
            fitting[length] = ' ';
        length += (size_t)bytes;
        end = width + dots <= most ? length : end;
    }
    while (end > 0 && fitting[end - 1] == ' ')
        end--;
    memcpy(fitting + (is_whole ? length : end), is_whole ? "" : "...", is_whole ? 1 : 4);
    if (!canvas->failed)
        canvas->calls->text(canvas, canvas->left + x, canvas->top + y, style, fitting);
}
