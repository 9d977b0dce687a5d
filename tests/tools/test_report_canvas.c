/* What reports are drawn with: text cut to its room, shapes as pixels and as SVG, pictures made smaller, PNG, base 64;
 * and which examples are chosen. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../tools/report/canvas.h"
#include "../../tools/report/report.h"
#include "support/suite.h"
#ifdef PT__PNG
#include <png.h>
#endif

/* ---- Text -------------------------------------------------------------------------------------------------------- */

static char told[512];
static double told_x, told_y;
static void tell(canvas_t *canvas, double x, double y, const canvas_style_t *style, const char *text)
{
    (void)canvas;
    (void)style;
    told_x = x;
    told_y = y;
    snprintf(told, sizeof told, "%s", text);
}
static const canvas_calls_t telling = {.text = tell};
static const canvas_style_t plain = {14, CANVAS_INK, CANVAS_START, 0, 0};

START_TEST(test_text_is_cut_to_its_room)
{
    canvas_t canvas = {&telling, 3, 4, 0};
    canvas_text(&canvas, 1, 2, 1e9, &plain, "as long as it is");
    ck_assert_str_eq(told, "as long as it is");
    ck_assert_double_eq(told_x, 4);
    ck_assert_double_eq(told_y, 6);
    const double whole = canvas_text_width("as long as it is", 14, 0);
    canvas_text(&canvas, 0, 0, whole, &plain, "as long as it is");
    ck_assert_str_eq(told, "as long as it is");
    canvas_text(&canvas, 0, 0, whole - 1, &plain, "as long as it is");
    ck_assert_str_eq(told, "as long as it...");
    canvas_text(&canvas, 0, 0, 1, &plain, "as long as it is");
    ck_assert_str_eq(told, "...");
    canvas_text(&canvas, 0, 0, 100, &plain, NULL);
    ck_assert_str_eq(told, "");
    canvas_text(&canvas, 0, 0, 1e9, &plain, "a\nb\tc");
    ck_assert_str_eq(told, "a b c");
    /* no character is cut in two */
    const char *four = "\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80";
    canvas_text(&canvas, 0, 0, canvas_text_width(four, 14, 0) - 1, &plain, four);
    ck_assert_str_eq(told, "\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80...");
    ck_assert_double_eq_tol(canvas_text_width(four, 14, 0), 4 * 14 * 1.17, 1e-9);
    ck_assert_double_gt(canvas_text_width("wide", 14, 1), canvas_text_width("wide", 14, 0));
    canvas.failed = ENOMEM;
    canvas_text(&canvas, 0, 0, 1e9, &plain, "not any more");
    ck_assert_str_eq(told, "\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80...");
}
END_TEST

START_TEST(test_text_of_any_length_is_cut)
{
    static char text[100001];
    canvas_t canvas = {&telling, 0, 0, 0};
    memset(text, 'x', sizeof text - 1);
    canvas_text(&canvas, 0, 0, 1e9, &plain, text);
    ck_assert_uint_eq(strspn(told, "x"), strlen(told) - 3);
    ck_assert_str_eq(told + strlen(told) - 3, "...");
    ck_assert_uint_gt(strlen(told), 400);
}
END_TEST

START_TEST(test_glyphs_stand_within_their_advance)
{
    double points[2 * CANVAS_GLYPH_POINTS];
    int lengths[CANVAS_GLYPH_POINTS];
    for (uint32_t character = 0; character < 300; character++) {
        const int lines = canvas_glyph(character, points, lengths);
        int count = 0;
        for (int i = 0; i < lines; i++) {
            ck_assert_int_ge(lengths[i], 2);
            count += lengths[i];
        }
        ck_assert_int_eq(lines == 0, character == ' ');
        ck_assert_int_lt(count, CANVAS_GLYPH_POINTS);
        for (int i = 0; i < count; i++) {
            ck_assert(points[2 * i] >= 0 && points[2 * i] <= canvas_glyph_advance(character) - 3.5);
            ck_assert(points[2 * i + 1] >= -4 && points[2 * i + 1] <= CANVAS_CAPITAL + 2);
        }
    }
    /* digits of one width, so that numbers stand below one another */
    for (uint32_t digit = '0'; digit <= '9'; digit++)
        ck_assert_double_eq(canvas_glyph_advance(digit), canvas_glyph_advance('0'));
    ck_assert_double_eq(canvas_glyph_advance(0xe9), canvas_glyph_advance(0x4e00));
}
END_TEST

/* ---- Pixels ------------------------------------------------------------------------------------------------------ */

static canvas_raster_t raster;
static canvas_t *begin(double width, double height, double scale)
{
    canvas_t *canvas = canvas_raster_begin(&raster, width, height, scale);
    ck_assert_ptr_nonnull(canvas);
    return canvas;
}
static int pixel(int64_t x, int64_t y, int channel)
{
    return raster.pixels.bytes[(y * raster.pixels.width + x) * 3 + channel];
}
/* The pixels that are not of the page's colour: from and to, 0 where there are none. */
static void drawn_area(int64_t area[4])
{
    const int64_t width = raster.pixels.width, height = raster.pixels.height;
    memcpy(area, (int64_t[]){width, height, 0, 0}, 4 * sizeof *area);
    for (int64_t i = 0; i < width * height; i++) {
        const int64_t x = i % width, y = i / width;
        if (pixel(x, y, 0) == 0xf7)
            continue;
        area[0] = x < area[0] ? x : area[0];
        area[1] = y < area[1] ? y : area[1];
        area[2] = x + 1 > area[2] ? x + 1 : area[2];
        area[3] = y + 1 > area[3] ? y + 1 : area[3];
    }
}
#define ck_area(x, y, to_x, to_y)            \
    do {                                     \
        int64_t ck_drawn[4];                 \
        drawn_area(ck_drawn);                \
        ck_assert_int_eq(ck_drawn[0], x);    \
        ck_assert_int_eq(ck_drawn[1], y);    \
        ck_assert_int_eq(ck_drawn[2], to_x); \
        ck_assert_int_eq(ck_drawn[3], to_y); \
    } while (0)

START_TEST(test_rectangles_cover_what_they_say)
{
    canvas_t *canvas = begin(20, 10, 2);
    ck_assert_int_eq(raster.pixels.width, 40);
    ck_assert_int_eq(raster.pixels.height, 20);
    canvas->left = 1;
    canvas->top = 2;
    /* from (2, 3): pixels 4 to 10, 6 to 13 and half of the one behind it */
    canvas_rectangle(canvas, 1, 1, 3, 3.75, 0, (canvas_fill_t){CANVAS_INK, 1});
    ck_area(4, 6, 10, 14);
    ck_assert_int_eq(pixel(4, 6, 0), 0x1c);
    ck_assert_int_eq(pixel(9, 12, 1), 0x23);
    ck_assert_int_eq(pixel(5, 13, 2), (0xfa + 0x30 + 1) / 2);
    canvas_rectangle(canvas, 10, 0, 2, 2, 0, (canvas_fill_t){CANVAS_INK, 0.5});
    ck_assert_int_eq(pixel(23, 5, 0), (0xf7 + 0x1c + 1) / 2);
    canvas_rectangle(canvas, 10, 0, 0, 2, 0, (canvas_fill_t){CANVAS_WRONG, 1});
    ck_assert_int_eq(pixel(22, 5, 0), (0xf7 + 0x1c + 1) / 2);
    /* beyond all borders */
    canvas_rectangle(canvas, -100, -100, 1000, 1000, 5, (canvas_fill_t){CANVAS_CARD, 1});
    for (int64_t i = 0; i < 40 * 20 * 3; i++)
        ck_assert_int_eq(raster.pixels.bytes[i], 255);
    canvas_raster_end(&raster);
}
END_TEST

START_TEST(test_round_corners_are_left_out)
{
    canvas_t *canvas = begin(20, 20, 1);
    canvas_rectangle(canvas, 2, 2, 16, 16, 6, (canvas_fill_t){CANVAS_INK, 1});
    ck_area(2, 2, 18, 18);
    ck_assert_int_eq(pixel(2, 2, 0), 0xf7);
    ck_assert_int_eq(pixel(17, 17, 0), 0xf7);
    ck_assert_int_eq(pixel(2, 10, 0), 0x1c);
    ck_assert_int_eq(pixel(4, 4, 0), 0x1c);
    canvas_raster_end(&raster);
    canvas = begin(20, 20, 1);
    canvas_circle(canvas, 10, 10, 5, (canvas_fill_t){CANVAS_CARD, 1}, CANVAS_INK);
    ck_area(4, 4, 16, 16);
    ck_assert_int_eq(pixel(10, 10, 0), 255);
    ck_assert_int_eq(pixel(4, 4, 0), 0xf7);
    ck_assert_int_lt(pixel(10, 4, 0), 0xa0);
    canvas_raster_end(&raster);
}
END_TEST

START_TEST(test_lines)
{
    canvas_t *canvas = begin(40, 10, 1);
    const double points[] = {5, 5, 15, 5, 15, 5};
    canvas_lines(canvas, points, 3, &(canvas_stroke_t){CANVAS_INK, 2, 0, 0});
    ck_area(4, 4, 16, 6);
    ck_assert_int_eq(pixel(10, 4, 0), 0x1c);
    /* a stroke of 6 and a gap of 4, round ends within the stroke */
    canvas_line(canvas, 20, 5, 40, 5, &(canvas_stroke_t){CANVAS_INK, 2, 6, 4});
    ck_assert_int_eq(pixel(22, 5, 0), 0x1c);
    ck_assert_int_eq(pixel(28, 5, 0), 0xf7);
    ck_assert_int_eq(pixel(32, 5, 0), 0x1c);
    ck_assert_int_eq(pixel(38, 5, 0), 0xf7);
    /* a point, and nothing */
    canvas_lines(canvas, points, 1, &(canvas_stroke_t){CANVAS_WRONG, 2, 0, 0});
    canvas_lines(canvas, points, 0, &(canvas_stroke_t){CANVAS_WRONG, 2, 0, 0});
    ck_assert_int_gt(pixel(4, 4, 0), 0x60);
    canvas_line(canvas, -1e6, -1e6, 1e6, 1e6, &(canvas_stroke_t){CANVAS_WRONG, 1, 0, 0});
    canvas_line(canvas, 100, 100, 200, 100, &(canvas_stroke_t){CANVAS_WRONG, 1, 0, 0});
    canvas_raster_end(&raster);
}
END_TEST

START_TEST(test_text_stands_where_it_is_anchored)
{
    int64_t areas[4][4];
    for (int i = 0; i < 4; i++) {
        const canvas_style_t style = {20, CANVAS_INK, i % 3, i == 3, i == 3};
        canvas_text(begin(200, 200, 1), 100, 100, 1e9, &style, "HIH");
        drawn_area(areas[i]);
        canvas_raster_end(&raster);
    }
    for (int i = 0; i < 3; i++) {
        ck_assert_int_le(labs((long)(areas[i][3] - 100)), 2);
        ck_assert_int_le(labs((long)(areas[i][3] - areas[i][1] - 16)), 2);
    }
    ck_assert(areas[0][0] >= 100 && areas[0][0] < 104);
    ck_assert_int_le(labs((long)(areas[1][0] + areas[1][2] - 200)), 2);
    ck_assert(areas[2][2] <= 100 && areas[2][2] > 96);
    /* turned: upwards from the place, which is on the base line */
    ck_assert(areas[3][3] <= 100 && areas[3][3] > 95);
    ck_assert_int_le(labs((long)(areas[3][2] - 100)), 2);
    ck_assert_int_gt(areas[3][3] - areas[3][1], areas[3][2] - areas[3][0]);
}
END_TEST

START_TEST(test_pictures_on_pixels)
{
    uint8_t bytes[] = {0, 0, 0, 200, 100, 50};
    const pixels_t two = {bytes, 2, 1};
    canvas_t *canvas = begin(20, 10, 1);
    canvas_tip(canvas, "no pointer rests here");
    canvas_picture(canvas, 2, 2, 8, 4, &two);
    canvas_tip_end(canvas);
    ck_area(2, 2, 10, 6);
    ck_assert_int_eq(pixel(5, 3, 0), 0);
    ck_assert_int_eq(pixel(6, 3, 0), 200);
    ck_assert_int_eq(pixel(6, 3, 2), 50);
    /* less than twice as large it is smooth */
    canvas_picture(canvas, 12, 2, 3, 4, &two);
    ck_assert_int_eq(pixel(12, 3, 0), 0);
    ck_assert_int_eq(pixel(13, 3, 0), 100);
    ck_assert_int_eq(pixel(14, 3, 0), 200);
    canvas_picture(canvas, -5, -5, 100, 100, &two);
    ck_assert_int_eq(pixel(0, 9, 0), 0);
    ck_assert_int_eq(pixel(19, 0, 0), 0);
    canvas_raster_end(&raster);
}
END_TEST

/* ---- SVG --------------------------------------------------------------------------------------------------------- */

START_TEST(test_svg)
{
    static char text[4096];
    uint8_t bytes[] = {1, 2, 3};
    const pixels_t one = {bytes, 1, 1};
    const double points[] = {0, 0, 1.5, 2};
    const char *path = suite_path("drawing.svg");
    FILE *file = fopen(path, "w+");
    canvas_svg_t svg;
    canvas_t *canvas = canvas_svg_begin(&svg, file, 100.5, 50, 80, 120, "<&\"");
    canvas->left = 10;
    canvas_rectangle(canvas, 1, 2, 3, 4, 5, (canvas_fill_t){CANVAS_SERIES + 1, 0.5});
    canvas_lines(canvas, points, 2, &(canvas_stroke_t){CANVAS_INK, 2, 3, 1});
    canvas_circle(canvas, 1, 1, 2, (canvas_fill_t){CANVAS_CARD, 1}, CANVAS_INK);
    canvas_tip(canvas, "a<b");
    canvas_text(canvas, 1, 2, 100, &(canvas_style_t){12, CANVAS_SOFT, CANVAS_END, 1, 1}, "</text>");
    canvas_tip_end(canvas);
    canvas_picture(canvas, 0, 0, 9, 9, &one);
    ck_assert_int_eq(canvas_svg_end(&svg), 0);
    rewind(file);
    ck_assert_uint_gt(fread(text, 1, sizeof text - 1, file), 0);
    fclose(file);
    static const char *const parts[] = {
        "<svg viewBox=\"0 0 100.5 50\" role=\"img\" style=\"min-width:80px;max-width:120px\"",
        " aria-label=\"&#60;&#38;&#34;\">",
        "<rect x=\"11\" y=\"2\" width=\"3\" height=\"4\" rx=\"5\" fill=\"var(--s1)\" fill-opacity=\"0.5\"/>",
        "stroke-dasharray=\"3 1\" d=\"M10 0L11.5 2\"/>",
        "<circle cx=\"11\" cy=\"1\" r=\"2\" stroke=\"var(--ink)\" fill=\"var(--card)\"/>",
        "<g><title>a&#60;b</title>",
        " text-anchor=\"end\" font-weight=\"600\" transform=\"rotate(-90 11 2)\">&#60;/text&#62;</text>\n</g>",
        "</svg>"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        ck_assert_msg(strstr(text, parts[i]) != NULL, "\"%s\" lacks \"%s\"", text, parts[i]);
    ck_assert_int_eq(strstr(text, "image-rendering:pixelated\" href=\"data:image/png;base64,iVBORw0KGgo") != NULL,
                     report_has_png());
}
END_TEST

START_TEST(test_what_failed_is_told_at_the_end)
{
    canvas_svg_t svg;
    FILE *file = fopen(suite_path("failed.svg"), "w");
    canvas_svg_begin(&svg, file, 10, 10, 0, 0, "x")->failed = ENOMEM;
    errno = 0;
    ck_assert_int_eq(canvas_svg_end(&svg), -1);
    ck_assert_int_eq(errno, ENOMEM);
    fclose(file);
    /* more than any machine has */
    ck_assert_ptr_null(canvas_raster_begin(&raster, 1e9, 1e9, 1));
}
END_TEST

/* ---- Pictures ---------------------------------------------------------------------------------------------------- */

static void ck_pixels(const pixels_t *pixels, int64_t width, int64_t height, const uint8_t *grays)
{
    ck_assert_int_eq(pixels->width, width);
    ck_assert_int_eq(pixels->height, height);
    for (int64_t i = 0; i < width * height * 3; i++)
        ck_assert_int_eq(pixels->bytes[i], grays[i / 3]);
}

START_TEST(test_pictures_are_made_smaller_by_averages)
{
    const uint8_t grays[] = {0, 100, 200, 60, 20, 80, 220, 0}, three[] = {30, 90, 255};
    pixels_t pixels;
    report_picture_t picture = {grays, 4, 2, 1};
    ck_assert_int_eq(pixels_of_picture(&picture, 8, &pixels), 0);
    ck_pixels(&pixels, 4, 2, grays);
    pixels_free(&pixels);
    ck_assert_int_eq(pixels_of_picture(&picture, 2, &pixels), 0);
    ck_pixels(&pixels, 2, 1, (const uint8_t[]){50, 120});
    pixels_free(&pixels);
    /* of three pixels two: each is one and half of the middle */
    picture = (report_picture_t){three, 3, 1, 1};
    ck_assert_int_eq(pixels_of_picture(&picture, 2, &pixels), 0);
    ck_pixels(&pixels, 2, 1, (const uint8_t[]){50, 200});
    pixels_free(&pixels);
    picture = (report_picture_t){three, 1, 3, 1};
    ck_assert_int_eq(pixels_of_picture(&picture, 2, &pixels), 0);
    ck_pixels(&pixels, 1, 2, (const uint8_t[]){50, 200});
    pixels_free(&pixels);
}
END_TEST

START_TEST(test_channels_of_pictures)
{
    const uint8_t bytes[] = {10, 20, 30, 40};
    pixels_t pixels;
    report_picture_t picture = {bytes, 1, 1, 4};
    ck_assert_int_eq(pixels_of_picture(&picture, 8, &pixels), 0);
    ck_assert_mem_eq(pixels.bytes, bytes, 3);
    pixels_free(&pixels);
    picture = (report_picture_t){bytes, 2, 1, 2}; /* gray, and how solid it is */
    ck_assert_int_eq(pixels_of_picture(&picture, 8, &pixels), 0);
    ck_pixels(&pixels, 2, 1, (const uint8_t[]){10, 30});
    pixels_free(&pixels);
    const report_picture_t none[] = {{NULL, 1, 1, 1}, {bytes, 0, 1, 1}, {bytes, 1, 0, 1}, {bytes, 1, 1, 0}};
    for (int i = 0; i < 4; i++) {
        errno = 0;
        ck_assert_int_eq(pixels_of_picture(&none[i], 8, &pixels), -1);
        ck_assert_int_eq(errno, EINVAL);
        pixels_free(&pixels);
    }
}
END_TEST

START_TEST(test_large_pictures)
{
    pixels_t pixels;
    uint8_t *bytes = calloc(4000 * 3000, 3);
    ck_assert_ptr_nonnull(bytes);
    for (int64_t i = 0; i < 4000 * 3000; i++)
        bytes[3 * i + 1] = i % 4000 < 2000 ? 40 : 240;
    const report_picture_t wide = {bytes, 4000, 3000, 3}, thin = {bytes, 4000, 1, 3};
    ck_assert_int_eq(pixels_of_picture(&wide, 128, &pixels), 0);
    ck_assert_int_eq(pixels.width, 128);
    ck_assert_int_eq(pixels.height, 96);
    for (int64_t i = 0; i < 128 * 96; i++) {
        ck_assert_int_eq(pixels.bytes[3 * i], 0);
        ck_assert_int_eq(pixels.bytes[3 * i + 1], i % 128 < 64 ? 40 : 240);
    }
    pixels_free(&pixels);
    ck_assert_int_eq(pixels_of_picture(&thin, 128, &pixels), 0);
    ck_assert_int_eq(pixels.height, 1);
    pixels_free(&pixels);
    free(bytes);
}
END_TEST

START_TEST(test_filters)
{
    /* [3, 3, 1, 2]: in colours, all alike, and one that is no number */
    const float coloured[] = {-1, 0, 0, 1, 0.5f, 3, 2, 2, 2, 2, 2, 2, 0, 0, 0, 0, INFINITY, 0};
    report_filters_t filters = {"w", coloured, 3, 3, 1, 2};
    pixels_t pixels;
    ck_assert_int_eq(pixels_of_filter(&filters, 0, 8, &pixels), 0);
    ck_assert_mem_eq(pixels.bytes, ((const uint8_t[]){0, 64, 96, 64, 128, 255}), 6);
    pixels_free(&pixels);
    ck_assert_int_eq(pixels_of_filter(&filters, 1, 8, &pixels), 0);
    ck_pixels(&pixels, 2, 1, (const uint8_t[]){128, 128});
    pixels_free(&pixels);
    errno = 0;
    ck_assert_int_eq(pixels_of_filter(&filters, 2, 8, &pixels), -1);
    ck_assert_int_eq(errno, EDOM);
    pixels_free(&pixels);
    /* [1, 2, 1, 2]: the average of 1, 3 and of 5, 7 is 2 and 6 */
    const float two[] = {1, 5, 3, 7};
    filters = (report_filters_t){"w", two, 1, 2, 1, 2};
    ck_assert_int_eq(pixels_of_filter(&filters, 0, 8, &pixels), 0);
    ck_pixels(&pixels, 2, 1, (const uint8_t[]){0, 255});
    pixels_free(&pixels);
}
END_TEST

START_TEST(test_png)
{
    static const int64_t sizes[][2] = {{1, 1}, {7, 5}, {256, 3}};
    for (int i = 0; i < 3; i++) {
        const int64_t width = sizes[i][0], height = sizes[i][1];
        pixels_t pixels = {malloc((size_t)(width * height * 3)), width, height};
        size_t size = 0;
        for (int64_t j = 0; j < width * height * 3; j++)
            pixels.bytes[j] = (uint8_t)(j * j + 31 * j);
        errno = 0;
        uint8_t *png = pixels_png(&pixels, &size);
#ifdef PT__PNG
        png_image image = {.version = PNG_IMAGE_VERSION};
        uint8_t *read = malloc((size_t)(width * height * 3));
        ck_assert_ptr_nonnull(png);
        ck_assert_int_ne(png_image_begin_read_from_memory(&image, png, size), 0);
        ck_assert_uint_eq(image.width, (png_uint_32)width);
        ck_assert_uint_eq(image.height, (png_uint_32)height);
        ck_assert_uint_eq(image.format, PNG_FORMAT_RGB);
        ck_assert_int_ne(png_image_finish_read(&image, NULL, read, 0, NULL), 0);
        ck_assert_mem_eq(read, pixels.bytes, (size_t)(width * height * 3));
        free(read);
#else
        ck_assert_ptr_null(png);
        ck_assert_int_eq(errno, ENOTSUP);
#endif
        free(png);
        pixels_free(&pixels);
    }
}
END_TEST

START_TEST(test_base64)
{
    /* RFC 4648, and all digits */
    static const struct {
        const char *bytes, *text;
    } cases[] = {{"", ""},
                 {"f", "Zg=="},
                 {"fo", "Zm8="},
                 {"foo", "Zm9v"},
                 {"foob", "Zm9vYg=="},
                 {"fooba", "Zm9vYmE="},
                 {"foobar", "Zm9vYmFy"},
                 {"\xff\xff\xff\x01\x10\x83\x10\x51\x87", "////ARCDEFGH"},
                 {"\xfb\xef\xbe", "++++"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[64] = "";
        FILE *file = fopen(suite_path("base64"), "w+");
        pixels_base64(file, (const uint8_t *)cases[i].bytes, strlen(cases[i].bytes));
        rewind(file);
        text[fread(text, 1, sizeof text - 1, file)] = 0;
        fclose(file);
        ck_assert_str_eq(text, cases[i].text);
    }
}
END_TEST

/* ---- Examples ---------------------------------------------------------------------------------------------------- */

START_TEST(test_the_surest_mistakes_come_first)
{
    enum { RIGHT = REPORT_RIGHT, WRONG = REPORT_WRONG, UNKNOWN = REPORT_UNKNOWN };
    const double certainties[] = {0.5, 0.9, 0.7, 0.9, NAN, 1, 0.2, 0.3, 0.8, 0.6};
    const signed char outcomes[] = {WRONG, WRONG, RIGHT, WRONG, WRONG, UNKNOWN, RIGHT, RIGHT, WRONG, RIGHT};
    int64_t chosen[8];
    ck_assert_int_eq(report_choose(certainties, outcomes, 10, 3, 2, chosen), 5);
    ck_assert_mem_eq(chosen, ((const int64_t[]){1, 3, 8, 6, 9}), 5 * sizeof *chosen);
    ck_assert_int_eq(report_choose(certainties, outcomes, 10, 4, 4, chosen), 8);
    ck_assert_mem_eq(chosen, ((const int64_t[]){1, 3, 8, 0, 2, 6, 7, 9}), 8 * sizeof *chosen);
    ck_assert_int_eq(report_choose(certainties, outcomes, 2, 4, 4, chosen), 2);
    ck_assert_int_eq(report_choose(certainties, outcomes, 10, 0, 0, chosen), 0);
    ck_assert_int_eq(report_choose(certainties, outcomes, 0, 4, 4, chosen), 0);
}
END_TEST

SUITE("report_canvas", 60, test_text_is_cut_to_its_room, test_text_of_any_length_is_cut,
      test_glyphs_stand_within_their_advance, test_rectangles_cover_what_they_say, test_round_corners_are_left_out,
      test_lines, test_text_stands_where_it_is_anchored, test_pictures_on_pixels, test_svg,
      test_what_failed_is_told_at_the_end, test_pictures_are_made_smaller_by_averages, test_channels_of_pictures,
      test_large_pictures, test_filters, test_png, test_base64, test_the_surest_mistakes_come_first)
