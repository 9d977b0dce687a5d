/* Drawings as SVG within a page of HTML, whose styles say what colours are. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "canvas.h"
#include "report_text.h"

static FILE *file_of(canvas_t *canvas)
{
    return ((canvas_svg_t *)canvas)->file;
}

static void write_fill(FILE *file, canvas_fill_t fill)
{
    fprintf(file, " fill=\"var(--%s)\"", canvas_colour_name(fill.colour));
    if (fill.opacity < 1)
        fprintf(file, " fill-opacity=\"%.3g\"", fill.opacity);
}

static void rectangle(canvas_t *canvas, double x, double y, double width, double height, double radius,
                      canvas_fill_t fill)
{
    FILE *file = file_of(canvas);
    fprintf(file, "<rect x=\"%.5g\" y=\"%.5g\" width=\"%.5g\" height=\"%.5g\"", x, y, width, height);
    if (radius > 0)
        fprintf(file, " rx=\"%.5g\"", radius);
    write_fill(file, fill);
    fputs("/>\n", file);
}

static void lines(canvas_t *canvas, const double *points, int64_t count, const canvas_stroke_t *stroke)
{
    FILE *file = file_of(canvas);
    fprintf(file, "<path fill=\"none\" stroke=\"var(--%s)\"", canvas_colour_name(stroke->colour));
    if (stroke->width != 1)
        fprintf(file, " stroke-width=\"%.3g\" stroke-linejoin=\"round\"", stroke->width);
    if (stroke->dash > 0)
        fprintf(file, " stroke-dasharray=\"%.3g %.3g\"", stroke->dash, stroke->gap);
    fputs(" d=\"", file);
    for (int64_t i = 0; i < count; i++)
        fprintf(file, "%c%.5g %.5g", i ? 'L' : 'M', canvas->left + points[2 * i], canvas->top + points[2 * i + 1]);
    fputs("\"/>\n", file);
}

static void circle(canvas_t *canvas, double x, double y, double radius, canvas_fill_t fill, int line)
{
    FILE *file = file_of(canvas);
    fprintf(file, "<circle cx=\"%.5g\" cy=\"%.5g\" r=\"%.3g\" stroke=\"var(--%s)\"", x, y, radius,
            canvas_colour_name(line));
    write_fill(file, fill);
    fputs("/>\n", file);
}

static void text(canvas_t *canvas, double x, double y, const canvas_style_t *style, const char *words)
{
    static const char *const anchors[] = {"", " text-anchor=\"middle\"", " text-anchor=\"end\""};
    FILE *file = file_of(canvas);
    fprintf(file, "<text x=\"%.5g\" y=\"%.5g\" font-size=\"%.3g\" fill=\"var(--%s)\"%s%s", x, y, style->size,
            canvas_colour_name(style->colour), anchors[style->anchor], style->is_bold ? " font-weight=\"600\"" : "");
    if (style->is_turned)
        fprintf(file, " transform=\"rotate(-90 %.5g %.5g)\"", x, y);
    fputc('>', file);
    report_html_text(file, words);
    fputs("</text>\n", file);
}

static void picture(canvas_t *canvas, double x, double y, double width, double height, const pixels_t *pixels)
{
    FILE *file = file_of(canvas);
    size_t size;
    uint8_t *png = pixels_png(pixels, &size);
    if (!png) {
        canvas->failed = errno == ENOTSUP ? 0 : errno;
        return;
    }
    fprintf(file,
            "<image x=\"%.5g\" y=\"%.5g\" width=\"%.5g\" height=\"%.5g\" preserveAspectRatio=\"none\"%s "
            "href=\"data:image/png;base64,",
            x, y, width, height, width < 2 * (double)pixels->width ? "" : " style=\"image-rendering:pixelated\"");
    pixels_base64(file, png, size);
    fputs("\"/>\n", file);
    free(png);
}

static void tip(canvas_t *canvas, const char *words)
{
    fputs("<g><title>", file_of(canvas));
    report_html_text(file_of(canvas), words);
    fputs("</title>\n", file_of(canvas));
}

static void tip_end(canvas_t *canvas)
{
    fputs("</g>\n", file_of(canvas));
}

static const canvas_calls_t calls = {rectangle, lines, circle, text, picture, tip, tip_end};

canvas_t *canvas_svg_begin(canvas_svg_t *svg, FILE *file, double width, double height, double least, double most,
                           const char *label)
{
    *svg = (canvas_svg_t){.canvas = {.calls = &calls}, .file = file};
    fprintf(file, "<svg viewBox=\"0 0 %.5g %.5g\" role=\"img\"", width, height);
    if (least > 0 || most > 0)
        fputs(" style=\"", file);
    if (least > 0)
        fprintf(file, "min-width:%.5gpx;", least);
    if (most > 0)
        fprintf(file, "max-width:%.5gpx", most);
    fprintf(file, "%s aria-label=\"", least > 0 || most > 0 ? "\"" : "");
    report_html_text(file, label);
    fputs("\">\n", file);
    return &svg->canvas;
}

int canvas_svg_end(canvas_svg_t *svg)
{
    fputs("</svg>\n", svg->file);
    errno = svg->canvas.failed;
    return svg->canvas.failed ? -1 : 0;
}
