/* Drawings as pixels. Each shape is a distance: a pixel is covered as far as its middle lies inside, up to half a pixel
 * from the border, which smooths borders. Text is lines of the font's strokes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "canvas.h"
#include "report_text.h"

static canvas_raster_t *raster_of(canvas_t *canvas)
{
    return (canvas_raster_t *)canvas;
}

static void colour_of(int colour, uint8_t rgb[3])
{
    const unsigned long number = strtoul(canvas_colour_light(colour) + 1, NULL, 16);
    for (int i = 0; i < 3; i++)
        rgb[i] = (uint8_t)(number >> (16 - 8 * i) & 0xff);
}

/* The pixels of an area that has places from, to, and one more around; none of those outside of the picture. */
typedef struct area {
    int64_t left, top, right, bottom;
} area_t;

static area_t area_of(const canvas_raster_t *raster, double left, double top, double right, double bottom)
{
    const double width = (double)raster->pixels.width, height = (double)raster->pixels.height;
    return (area_t){(int64_t)fmin(fmax(floor(left) - 1, 0), width), (int64_t)fmin(fmax(floor(top) - 1, 0), height),
                    (int64_t)fmin(fmax(ceil(right) + 1, 0), width), (int64_t)fmin(fmax(ceil(bottom) + 1, 0), height)};
}

/* distance: of a pixel's middle from the shape's border, in pixels, negative inside. */
static void cover(canvas_raster_t *raster, int64_t x, int64_t y, double distance)
{
    uint8_t *at = &raster->cover[y * raster->pixels.width + x];
    const uint8_t value = distance >= 0.5 ? 0 : distance <= -0.5 ? 255 : (uint8_t)(255 * (0.5 - distance) + 0.5);
    *at = value > *at ? value : *at;
}

static void touch(canvas_raster_t *raster, const area_t *area)
{
    int64_t *touched = raster->touched;
    touched[0] = area->left < touched[0] ? area->left : touched[0];
    touched[1] = area->top < touched[1] ? area->top : touched[1];
    touched[2] = area->right > touched[2] ? area->right : touched[2];
    touched[3] = area->bottom > touched[3] ? area->bottom : touched[3];
}

/* Puts a colour where the shapes since the last call cover pixels. */
static void paint(canvas_raster_t *raster, canvas_fill_t fill)
{
    uint8_t rgb[3];
    colour_of(fill.colour, rgb);
    for (int64_t y = raster->touched[1]; y < raster->touched[3]; y++) {
        for (int64_t x = raster->touched[0]; x < raster->touched[2]; x++) {
            uint8_t *part = &raster->cover[y * raster->pixels.width + x],
                    *pixel = &raster->pixels.bytes[(y * raster->pixels.width + x) * 3];
            const double weight = fill.opacity * *part / 255;
            if (weight >= 1)
                memcpy(pixel, rgb, sizeof rgb);
            for (int i = 0; i < 3 && weight > 0 && weight < 1; i++)
                pixel[i] = (uint8_t)(pixel[i] + weight * (rgb[i] - pixel[i]) + 0.5);
            *part = 0;
        }
    }
    raster->touched[0] = raster->pixels.width;
    raster->touched[1] = raster->pixels.height;
    raster->touched[2] = raster->touched[3] = 0;
}

static void rectangle(canvas_t *canvas, double x, double y, double width, double height, double radius,
                      canvas_fill_t fill)
{
    canvas_raster_t *raster = raster_of(canvas);
    const double scale = raster->scale, left = x * scale, top = y * scale, right = (x + width) * scale,
                 bottom = (y + height) * scale, round = fmin(radius, fmin(width, height) / 2) * scale;
    const area_t area = area_of(raster, left, top, right, bottom);
    for (int64_t i = area.top; i < area.bottom; i++) {
        for (int64_t j = area.left; j < area.right; j++) {
            /* from the rectangle within, whose corners are the middles of the arcs */
            const double at_x = (double)j + 0.5, at_y = (double)i + 0.5, from_left = left + round - at_x,
                         from_right = at_x - right + round, from_top = top + round - at_y,
                         from_bottom = at_y - bottom + round, out_x = from_left > from_right ? from_left : from_right,
                         out_y = from_top > from_bottom ? from_top : from_bottom;
            cover(raster, j, i, (out_x > 0 && out_y > 0 ? hypot(out_x, out_y) : out_x > out_y ? out_x : out_y) - round);
        }
    }
    touch(raster, &area);
    paint(raster, fill);
}

/* A line with round ends, in pixels. */
static void stroke_line(canvas_raster_t *raster, const double from[2], const double to[2], double half)
{
    const area_t area = area_of(raster, fmin(from[0], to[0]) - half, fmin(from[1], to[1]) - half,
                                fmax(from[0], to[0]) + half, fmax(from[1], to[1]) + half);
    const double x = to[0] - from[0], y = to[1] - from[1], square = x * x + y * y;
    for (int64_t i = area.top; i < area.bottom; i++) {
        for (int64_t j = area.left; j < area.right; j++) {
            const double at_x = (double)j + 0.5 - from[0], at_y = (double)i + 0.5 - from[1],
                         part = square > 0 ? (at_x * x + at_y * y) / square : 0,
                         along = part < 0   ? 0
                                 : part > 1 ? 1
                                            : part,
                         out_x = at_x - along * x, out_y = at_y - along * y;
            cover(raster, j, i, sqrt(out_x * out_x + out_y * out_y) - half);
        }
    }
    touch(raster, &area);
}

/* The parts of a line that a dashed stroke has; `walked` is how far the stroke has come. */
static void dash_line(canvas_raster_t *raster, const double from[2], const double to[2], const canvas_stroke_t *stroke,
                      double *walked)
{
    const double length = hypot(to[0] - from[0], to[1] - from[1]), dash = stroke->dash * raster->scale,
                 period = dash + stroke->gap * raster->scale, half = stroke->width * raster->scale / 2;
    for (double begin = -fmod(*walked, period); begin < length; begin += period) {
        /* round ends are part of a dash */
        const double first = fmax(begin + half, 0) / length, last = fmin(begin + dash - half, length) / length;
        const double a[2] = {from[0] + first * (to[0] - from[0]), from[1] + first * (to[1] - from[1])},
                     b[2] = {from[0] + last * (to[0] - from[0]), from[1] + last * (to[1] - from[1])};
        if (last >= first)
            stroke_line(raster, a, b, half);
    }
    *walked += length;
}

static void lines(canvas_t *canvas, const double *points, int64_t count, const canvas_stroke_t *stroke)
{
    canvas_raster_t *raster = raster_of(canvas);
    double walked = 0, last[2] = {0, 0};
    for (int64_t i = 0; i < count; i++) {
        const double at[2] = {(canvas->left + points[2 * i]) * raster->scale,
                              (canvas->top + points[2 * i + 1]) * raster->scale};
        if (i > 0 && stroke->dash > 0)
            dash_line(raster, last, at, stroke, &walked);
        else if (i > 0 || count == 1)
            stroke_line(raster, i > 0 ? last : at, at, stroke->width * raster->scale / 2);
        memcpy(last, at, sizeof last);
    }
    paint(raster, (canvas_fill_t){stroke->colour, 1});
}

static void circle(canvas_t *canvas, double x, double y, double radius, canvas_fill_t fill, int line)
{
    canvas_raster_t *raster = raster_of(canvas);
    const double scale = raster->scale, middle[2] = {x * scale, y * scale};
    stroke_line(raster, middle, middle, (radius + 0.5) * scale);
    paint(raster, (canvas_fill_t){line, 1});
    stroke_line(raster, middle, middle, (radius - 0.5) * scale);
    paint(raster, fill);
}

static void text(canvas_t *canvas, double x, double y, const canvas_style_t *style, const char *words)
{
    canvas_raster_t *raster = raster_of(canvas);
    const double unit = canvas_glyph_unit(style->size) * raster->scale,
                 half = style->size * raster->scale * (style->is_bold ? 0.066 : 0.045);
    double points[2 * CANVAS_GLYPH_POINTS], pen = 0;
    int lengths[CANVAS_GLYPH_POINTS];
    uint32_t character;
    for (const char *at = words; style->anchor != CANVAS_START;) {
        const int bytes = report_next_character(at, &character);
        if (bytes == 0)
            break;
        pen -= canvas_glyph_advance(character) * (style->anchor == CANVAS_MIDDLE ? 0.5 : 1);
        at += bytes;
    }
    for (int bytes; (bytes = report_next_character(words, &character)) > 0; words += bytes) {
        const int count = canvas_glyph(character, points, lengths);
        const double *point = points;
        for (int i = 0; i < count; i++) {
            double last[2] = {0, 0};
            for (int j = 0; j < lengths[i]; j++, point += 2) {
                /* half of the space between characters stands before each */
                const double along = (pen + point[0] + 1.75) * unit, up = point[1] * unit;
                const double to[2] = {x * raster->scale + (style->is_turned ? -up : along),
                                      y * raster->scale - (style->is_turned ? along : up)};
                if (j > 0)
                    stroke_line(raster, last, to, half);
                memcpy(last, to, sizeof last);
            }
        }
        pen += canvas_glyph_advance(character);
    }
    paint(raster, (canvas_fill_t){style->colour, 1});
}

/* A channel between the four pixels around a place. */
static double between(const pixels_t *pixels, double x, double y, int channel)
{
    const double at_x = fmin(fmax(x, 0), (double)(pixels->width - 1)),
                 at_y = fmin(fmax(y, 0), (double)(pixels->height - 1));
    const int64_t left = (int64_t)at_x, top = (int64_t)at_y, right = left + (left + 1 < pixels->width),
                  bottom = top + (top + 1 < pixels->height);
    const uint8_t *bytes = pixels->bytes + channel;
    const double x_part = at_x - (double)left, y_part = at_y - (double)top,
                 upper = bytes[(top * pixels->width + left) * 3] * (1 - x_part) +
                         bytes[(top * pixels->width + right) * 3] * x_part,
                 lower = bytes[(bottom * pixels->width + left) * 3] * (1 - x_part) +
                         bytes[(bottom * pixels->width + right) * 3] * x_part;
    return upper * (1 - y_part) + lower * y_part;
}

static void picture(canvas_t *canvas, double x, double y, double width, double height, const pixels_t *pixels)
{
    canvas_raster_t *raster = raster_of(canvas);
    const int is_smooth = width < 2 * (double)pixels->width;
    const int64_t left = llround(x * raster->scale), top = llround(y * raster->scale),
                  right = llround((x + width) * raster->scale), bottom = llround((y + height) * raster->scale);
    for (int64_t i = top < 0 ? 0 : top; i < bottom && i < raster->pixels.height; i++) {
        for (int64_t j = left < 0 ? 0 : left; j < right && j < raster->pixels.width; j++) {
            const double at_x = ((double)(j - left) + 0.5) * (double)pixels->width / (double)(right - left),
                         at_y = ((double)(i - top) + 0.5) * (double)pixels->height / (double)(bottom - top);
            uint8_t *to = &raster->pixels.bytes[(i * raster->pixels.width + j) * 3];
            for (int channel = 0; channel < 3; channel++)
                to[channel] = is_smooth ? (uint8_t)lround(between(pixels, at_x - 0.5, at_y - 0.5, channel))
                                        : pixels->bytes[((int64_t)at_y * pixels->width + (int64_t)at_x) * 3 + channel];
        }
    }
}

static void tip(canvas_t *canvas, const char *words)
{
    (void)canvas;
    (void)words;
}

static void tip_end(canvas_t *canvas)
{
    (void)canvas;
}

static const canvas_calls_t calls = {rectangle, lines, circle, text, picture, tip, tip_end};

canvas_t *canvas_raster_begin(canvas_raster_t *raster, double width, double height, double scale)
{
    *raster = (canvas_raster_t){.canvas = {.calls = &calls}, .scale = scale};
    const int64_t columns = (int64_t)ceil(width * scale), rows = (int64_t)ceil(height * scale);
    uint8_t rgb[3];
    raster->pixels = (pixels_t){malloc((size_t)(columns * rows * 3)), columns, rows};
    raster->cover = calloc((size_t)(columns * rows), 1);
    raster->touched[0] = columns;
    raster->touched[1] = rows;
    if (!raster->pixels.bytes || !raster->cover) {
        canvas_raster_end(raster);
        return NULL;
    }
    colour_of(CANVAS_PAGE, rgb);
    for (int64_t i = 0; i < columns * rows; i++)
        memcpy(raster->pixels.bytes + i * 3, rgb, 3);
    return &raster->canvas;
}

void canvas_raster_end(canvas_raster_t *raster)
{
    pixels_free(&raster->pixels);
    free(raster->cover);
    raster->cover = NULL;
}
