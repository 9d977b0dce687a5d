/* report.html: cards of drawings and tables, for light and dark screens, from telephones to desks. */
#include "report_drawings.h"
#include "report_tables.h"
#include "report_text.h"

static const char style[] =
    "*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 "
    "system-ui,sans-serif}\n"
    "main{max-width:64rem;margin:0 auto;padding:1.5rem 1rem 3rem}h1{font-size:1.8rem;line-height:1.2;margin:0 0 "
    ".5rem}h2{font-size:1.1rem;line-height:1.3;margin:0 0 .6rem}p{margin:.3rem 0 .8rem}.soft{color:var(--soft)}.answer{"
    "font-size:1.15rem;font-weight:600}\n"
    ".grid{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(27rem,100%),1fr));margin-top:1rem}\n"
    ".card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:1rem;min-width:0;"
    "overflow-x:auto}.wide{grid-column:1/-1}\n"
    "svg{display:block;width:100%;height:auto;font-family:system-ui,sans-serif}\n"
    ".tiles{display:grid;gap:1rem;grid-template-columns:repeat(auto-fill,minmax(8rem,1fr))}\n"
    "table{border-collapse:collapse;width:100%;font-size:.92rem}th,td{padding:.25rem "
    ".45rem;border-bottom:1px solid var(--line);vertical-align:top;text-align:left;overflow-wrap:anywhere}\n"
    ".numbers td:first-child,td.soft:first-child{min-width:6.3rem}.numbers td+td,.numbers "
    "th+th{text-align:right;white-space:nowrap;"
    "font-variant-numeric:tabular-nums;overflow-wrap:normal}@media(max-width:30rem){th,td{padding:.25rem .2rem}"
    ".numbers{font-size:.8rem}.numbers td:first-child{min-width:5.4rem}}\n"
    "pre,code{white-space:pre-wrap;overflow-wrap:anywhere;font:.9rem/1.5 ui-monospace,monospace}pre{margin:0 0 "
    ".7rem}\n";

static void write_colours(FILE *file)
{
    fputs(":root{", file);
    for (int i = 0; i < CANVAS_COLOURS; i++)
        fprintf(file, "--%s:%s;", canvas_colour_name(i), canvas_colour_light(i));
    fputs("}\n@media(prefers-color-scheme:dark){:root{", file);
    for (int i = 0; i < CANVAS_COLOURS; i++)
        fprintf(file, "--%s:%s;", canvas_colour_name(i), canvas_colour_dark(i));
    fputs("}}\n", file);
}

static int write_results(FILE *file, const report_t *report)
{
    const drawing_size_t size = results_size(report);
    canvas_svg_t svg;
    open_card(file, report->measure, "");
    draw_results(canvas_svg_begin(&svg, file, size.width, size.height, 0, 0, report->measure), report);
    const int result = canvas_svg_end(&svg);
    if (has_seeds(report))
        write_paragraph(file, "soft",
                        "Dots: one a seed. Whisker: one standard error of the mean. Dashed: what needs no learning.");
    else if (report->n_references > 0)
        write_paragraph(file, "soft", "Dashed: what needs no learning.");
    write_results_table(file, report);
    close_card(file);
    return result;
}

static int write_chart(FILE *file, const report_chart_t *chart)
{
    const drawing_size_t size = chart_size(chart);
    canvas_svg_t svg;
    open_card(file, chart->title, "");
    draw_chart(canvas_svg_begin(&svg, file, size.width, size.height, 0, 0, chart->title), chart);
    const int result = canvas_svg_end(&svg);
    close_card(file);
    return result;
}

/* As many classes as can be drawn as a matrix, of more the pairs alone. */
static int write_confusion(FILE *file, const report_t *report)
{
    const int is_matrix = report->n_classes <= MATRIX_CLASSES;
    const drawing_size_t size = is_matrix ? matrix_size(report) : pairs_size(report);
    const char *title = is_matrix ? "What was taken for what" : "What was most often taken for what";
    canvas_svg_t svg;
    open_card(file, title, size.width > 460 ? " wide" : "");
    write_paragraph(file, "soft",
                    is_matrix ? "Samples; blue is what part of a class is right, red what part is taken for another."
                              : "Samples of the class on the left that were taken for the one on the right.");
    /* of a matrix that is much wider than the screen a part is seen, large enough to be read */
    canvas_t *canvas = canvas_svg_begin(&svg, file, size.width, size.height, is_matrix ? 0.7 * size.width : 0,
                                        is_matrix ? 1.1 * size.width : 0, title);
    if (is_matrix)
        draw_matrix(canvas, report);
    else
        draw_pairs(canvas, report);
    const int result = canvas_svg_end(&svg);
    close_card(file);
    return result;
}

static int write_calibration(FILE *file, const report_t *report)
{
    static const char title[] = "Is it right as often as it is sure?";
    const drawing_size_t size = calibration_size();
    canvas_svg_t svg;
    open_card(file, title, "");
    draw_calibration(canvas_svg_begin(&svg, file, size.width, size.height, 0, 0, title), report);
    const int result = canvas_svg_end(&svg);
    write_paragraph(
        file, "soft",
        "Bars: what part of the guesses is right, pale where they are few. Red: how sure they were. On the dashed line "
        "the two are the same.");
    close_card(file);
    return result;
}

/* A card of pictures, each with its words below. */
static int write_tiles(FILE *file, const report_t *report, int wrong)
{
    const drawing_size_t size = example_size();
    char words[512];
    int64_t n = 0;
    int result = 0;
    for (int64_t i = 0; i < report->n_examples && result == 0; i++) {
        const report_example_t *example = &report->examples[i];
        canvas_svg_t svg;
        if (!example->picture.bytes || example_is_wrong(example) != wrong)
            continue;
        if (n++ == 0) {
            open_card(file, wrong ? "What it got wrong, the surest mistakes first" : "Some that it got right", " wide");
            fputs("<div class=\"tiles\">\n", file);
        }
        example_words(example, words, sizeof words);
        draw_example(canvas_svg_begin(&svg, file, size.width, size.height, 0, size.width, words), example);
        result = canvas_svg_end(&svg);
    }
    if (n > 0) {
        fputs("</div>\n", file);
        close_card(file);
    }
    return result;
}

static int write_filters(FILE *file, const report_t *report)
{
    const drawing_size_t size = filters_size(&report->filters);
    char words[512];
    canvas_svg_t svg;
    filters_words(&report->filters, words, sizeof words);
    open_card(file, "What the first layer looks for", "");
    draw_filters(canvas_svg_begin(&svg, file, size.width, size.height, 0, 0, words), &report->filters);
    const int result = canvas_svg_end(&svg);
    write_paragraph(file, "soft", words);
    close_card(file);
    return result;
}

static int write_pictures(FILE *file, const report_t *report)
{
    int has_pictures = report->filters.name != NULL;
    for (int64_t i = 0; i < report->n_examples; i++)
        has_pictures |= report->examples[i].picture.bytes != NULL;
    if (!has_pictures)
        return 0;
    if (!report_has_png()) {
        open_card(file, "Pictures", " wide");
        write_paragraph(
            file, "soft",
            "Pictures are left out: this was built without libpng (Meson's option png), which writes them.");
        close_card(file);
        return 0;
    }
    if (report->filters.name && write_filters(file, report) != 0)
        return -1;
    return write_tiles(file, report, 1) != 0 || write_tiles(file, report, 0) != 0 ? -1 : 0;
}

static int write_cards(FILE *file, const report_t *report)
{
    if (report->n_results > 0 && write_results(file, report) != 0)
        return -1;
    for (int64_t i = 0; i < report->n_charts; i++) {
        if (write_chart(file, &report->charts[i]) != 0)
            return -1;
    }
    if (report->n_classes > 0 && write_confusion(file, report) != 0)
        return -1;
    if (has_calibration(report) && write_calibration(file, report) != 0)
        return -1;
    if (report->n_classes > 0)
        write_classes(file, report);
    if (write_pictures(file, report) != 0)
        return -1;
    write_examples_table(file, report, 1);
    write_examples_table(file, report, 0);
    write_facts(file, report);
    return 0;
}

int report_html(const report_t *report, FILE *file)
{
    fputs(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
        "content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">\n<title>",
        file);
    report_html_text(file, report->title);
    fputs("</title>\n<style>\n", file);
    write_colours(file);
    fprintf(file, "%s</style></head><body><main>\n<h1>", style);
    report_html_text(file, report->title);
    fputs("</h1>\n", file);
    write_paragraph(file, "answer", report->answer);
    write_paragraph(file, "soft", report->summary);
    fputs("<div class=\"grid\">\n", file);
    if (write_cards(file, report) != 0)
        return -1;
    fputs("</div></main></body></html>\n", file);
    return ferror(file) ? -1 : 0;
}
