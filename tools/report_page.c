#include "report_page.h"

#include <math.h>
#include <string.h>

void report_mean(const double *values, int64_t count, double *mean, double *standard_error)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < count; i++)
        sum += values[i];
    *mean = count > 0 ? sum / (double)count : NAN;
    for (int64_t i = 0; i < count; i++)
        squares += (values[i] - *mean) * (values[i] - *mean);
    *standard_error = count > 1 ? sqrt(squares / (double)(count - 1) / (double)count) : NAN;
}

void report_class(const report_t *report, int64_t class, report_class_t *out)
{
    int64_t truth = 0, guessed = 0, right = report->confusion[class * report->n_classes + class];
    for (int64_t i = 0; i < report->n_classes; i++) {
        truth += report->confusion[class * report->n_classes + i];
        guessed += report->confusion[i * report->n_classes + class];
    }
    out->support = truth;
    out->precision = guessed > 0 ? (double)right / (double)guessed : NAN;
    out->recall = truth > 0 ? (double)right / (double)truth : NAN;
    out->f1 = truth + guessed > 0 ? 2 * (double)right / (double)(truth + guessed) : NAN;
}

/* ---- Characters -------------------------------------------------------------------------------------------------- */

/* Bytes of the UTF-8 character at text; 0: there is none. */
static int character_size(const unsigned char *text)
{
    int size = text[0] < 0x80 ? 1 : text[0] >= 0xc2 && text[0] < 0xe0 ? 2 : text[0] >= 0xe0 && text[0] < 0xf0 ? 3 : 4;
    if (size == 4 && (text[0] < 0xf0 || text[0] > 0xf4))
        return 0;
    for (int i = 1; i < size; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
        (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
        return 0;
    return size;
}

static const char replacement[] = "\xef\xbf\xbd";

static void json_string(FILE *file, const char *text)
{
    fputc('"', file);
    for (const unsigned char *at = (const unsigned char *)(text ? text : ""); *at;) {
        int size = character_size(at);
        if (*at == '"' || *at == '\\')
            fprintf(file, "\\%c", *at);
        else if (*at < ' ')
            fprintf(file, "\\u%04x", (unsigned)*at);
        else if (size == 0)
            fputs(replacement, file);
        else
            fwrite(at, 1, (size_t)size, file);
        at += size ? size : 1;
    }
    fputc('"', file);
}

/* Text of the page, and between quotation marks. */
static void html_text(FILE *file, const char *text)
{
    for (const unsigned char *at = (const unsigned char *)(text ? text : ""); *at;) {
        int size = character_size(at);
        if (strchr("<>&\"'", *at))
            fprintf(file, "&#%d;", *at);
        else if (size == 0 || (*at < ' ' && *at != '\n' && *at != '\t') || *at == 0x7f)
            fputs(replacement, file);
        else
            fwrite(at, 1, (size_t)size, file);
        at += size ? size : 1;
    }
}

/* ---- report.json ------------------------------------------------------------------------------------------------- */

static void json_number(FILE *file, double value)
{
    if (isfinite(value))
        fprintf(file, "%.9g", value);
    else
        fputs("null", file);
}

static void json_member(FILE *file, const char *name, double value)
{
    fprintf(file, ", \"%s\": ", name);
    json_number(file, value);
}

static void json_numbers(FILE *file, const double *values, int64_t count)
{
    fputc('[', file);
    for (int64_t i = 0; i < count; i++) {
        fputs(i ? ", " : "", file);
        json_number(file, values[i]);
    }
    fputc(']', file);
}

static void json_facts(FILE *file, const char *name, const report_fact_t *facts, int64_t count)
{
    fprintf(file, ",\n  \"%s\": [", name);
    for (int64_t i = 0; i < count; i++) {
        fputs(i ? ",\n    {\"name\": " : "\n    {\"name\": ", file);
        json_string(file, facts[i].name);
        fputs(", \"value\": ", file);
        json_string(file, facts[i].value);
        fputc('}', file);
    }
    fputc(']', file);
}

static void json_results(FILE *file, const report_t *report)
{
    fputs(",\n  \"results\": [", file);
    for (int64_t i = 0; i < report->n_results; i++) {
        const report_result_t *result = &report->results[i];
        double mean, error;
        report_mean(result->values, result->count, &mean, &error);
        fputs(i ? ",\n    {\"name\": " : "\n    {\"name\": ", file);
        json_string(file, result->name);
        json_member(file, "mean", mean);
        json_member(file, "standard_error", error);
        fputs(", \"values\": ", file);
        json_numbers(file, result->values, result->count);
        fputs(", \"how\": ", file);
        json_string(file, result->how);
        fputc('}', file);
    }
    fputs("],\n  \"references\": [", file);
    for (int64_t i = 0; i < report->n_references; i++) {
        fputs(i ? ", {\"name\": " : "{\"name\": ", file);
        json_string(file, report->references[i].name);
        json_member(file, "value", report->references[i].value);
        fputc('}', file);
    }
    fputc(']', file);
}

static void json_charts(FILE *file, const report_t *report)
{
    fputs(",\n  \"charts\": [", file);
    for (int64_t i = 0; i < report->n_charts; i++) {
        const report_chart_t *chart = &report->charts[i];
        fputs(i ? ",\n    {\"title\": " : "\n    {\"title\": ", file);
        json_string(file, chart->title);
        fputs(", \"x_label\": ", file);
        json_string(file, chart->x_label);
        fputs(", \"y_label\": ", file);
        json_string(file, chart->y_label);
        fputs(", \"curves\": [", file);
        for (int64_t j = 0; j < chart->count; j++) {
            fputs(j ? ",\n      {\"name\": " : "\n      {\"name\": ", file);
            json_string(file, chart->curves[j].name);
            fputs(", \"x\": ", file);
            json_numbers(file, chart->curves[j].x, chart->curves[j].count);
            fputs(", \"y\": ", file);
            json_numbers(file, chart->curves[j].y, chart->curves[j].count);
            fputc('}', file);
        }
        fputs("]}", file);
    }
    fputc(']', file);
}

static void json_classes(FILE *file, const report_t *report)
{
    fputs(",\n  \"classified\": ", file);
    json_string(file, report->classified);
    fputs(",\n  \"classes\": [", file);
    for (int64_t i = 0; i < report->n_classes; i++) {
        report_class_t class;
        report_class(report, i, &class);
        fputs(i ? ",\n    {\"name\": " : "\n    {\"name\": ", file);
        json_string(file, report->classes[i]);
        json_member(file, "precision", class.precision);
        json_member(file, "recall", class.recall);
        json_member(file, "f1", class.f1);
        fprintf(file, ", \"support\": %lld, \"guesses\": [", (long long)class.support);
        for (int64_t j = 0; j < report->n_classes; j++)
            fprintf(file, "%s%lld", j ? ", " : "", (long long)report->confusion[i * report->n_classes + j]);
        fputs("]}", file);
    }
    fputs("],\n  \"examples\": [", file);
    for (int64_t i = 0; i < report->n_examples; i++) {
        const report_example_t *example = &report->examples[i];
        fputs(i ? ",\n    {\"text\": " : "\n    {\"text\": ", file);
        json_string(file, example->text);
        fputs(", \"truth\": ", file);
        json_string(file, example->truth);
        fputs(", \"guess\": ", file);
        json_string(file, example->guess);
        json_member(file, "certainty", example->certainty);
        fputc('}', file);
    }
    fputc(']', file);
}

void report_json(const report_t *report, FILE *file)
{
    fputs("{\n  \"title\": ", file);
    json_string(file, report->title);
    fputs(",\n  \"answer\": ", file);
    json_string(file, report->answer);
    fputs(",\n  \"summary\": ", file);
    json_string(file, report->summary);
    fputs(",\n  \"measure\": ", file);
    json_string(file, report->measure);
    json_results(file, report);
    json_charts(file, report);
    json_classes(file, report);
    json_facts(file, "facts", report->facts, report->n_facts);
    json_facts(file, "next", report->next, report->n_next);
    fputs("\n}\n", file);
}

/* ---- report.html ------------------------------------------------------------------------------------------------- */

static const char style[] =
    ":root{--ink:#1c2330;--soft:#5b6472;--line:#e0e4ea;--page:#f7f8fa;--card:#fff;--s0:#7a8699;--s1:#d9722b;"
    "--s2:#2563eb;--s3:#0f9d6e;--s4:#a23bb8;--s5:#b8860b}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e9ef;--soft:#a5aebd;--line:#2b3342;--page:#11151c;--card:#181e28;"
    "--s0:#9aa5b5;--s1:#f0a063;--s2:#6b9bff;--s3:#4fd1a1;--s4:#d58be6;--s5:#e0bb4d}}\n"
    "*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 "
    "system-ui,sans-serif}\n"
    "main{max-width:62rem;margin:0 auto;padding:1.5rem 1rem 3rem}h1{font-size:1.8rem;line-height:1.2;margin:0 0 "
    ".5rem}h2{font-size:1.1rem;margin:0 0 .6rem}p{margin:.3rem 0 .8rem}.soft{color:var(--soft)}.answer{font-size:"
    "1.15rem;font-weight:600}\n"
    ".grid{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(27rem,100%),1fr));margin-top:1rem}\n"
    ".card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:1rem;min-width:0;"
    "overflow-x:auto}.wide{grid-column:1/-1}\n"
    "svg{display:block;width:100%;height:auto;font:15px system-ui,sans-serif}svg text{fill:var(--soft)}svg "
    ".value{fill:var(--ink);font-weight:600}\n"
    "table{border-collapse:collapse;width:100%;font-size:.92rem}th,td{padding:.25rem "
    ".45rem;border-bottom:1px solid var(--line);vertical-align:top;text-align:left;overflow-wrap:anywhere}\n"
    ".numbers td+td,.numbers th+th{text-align:right;font-variant-numeric:tabular-nums;overflow-wrap:normal}\n"
    ".diagonal{font-weight:700;background:var(--line)}pre,code{white-space:pre-wrap;overflow-wrap:anywhere;font:.9rem/"
    "1.5 ui-monospace,monospace}pre{margin:0}\n";

enum { LEFT = 58, TOP = 26, WIDTH = 520, HEIGHT = 320, RIGHT = WIDTH - 16, BOTTOM = HEIGHT - 50, COLORS = 6 };

static void open_card(FILE *file, const char *title, const char *kind)
{
    fprintf(file, "<section class=\"card%s\"><h2>", kind);
    html_text(file, title);
    fputs("</h2>\n", file);
}

static void paragraph(FILE *file, const char *kind, const char *text)
{
    if (!text || !*text)
        return;
    fprintf(file, "<p class=\"%s\">", kind);
    html_text(file, text);
    fputs("</p>\n", file);
}

static void percent(FILE *file, double value)
{
    if (isfinite(value))
        fprintf(file, "%.1f %%", 100 * value);
    else
        fputs("&#8211;", file);
}

typedef struct scale { /* of one axis: values to places */
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

static void draw_grid(FILE *file, const scale_t *y, const char *label, const char *unit)
{
    double tick = tick_of(y->most - y->least);
    for (double value = ceil(y->least / tick) * tick; value <= y->most + tick / 1000; value += tick)
        fprintf(file,
                "<path d=\"M%d %.1fH%d\" stroke=\"var(--line)\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g%s"
                "</text>\n",
                LEFT, place(y, value), RIGHT, LEFT - 6, place(y, value) + 5, fabs(value) < tick / 1000 ? 0 : value,
                unit);
    fprintf(file, "<text x=\"4\" y=\"15\">");
    html_text(file, label);
    fputs("</text>\n", file);
}

/* Bars with a dot for each seed, a whisker of one standard error in their middle, and the references' lines. */
static void draw_results(FILE *file, const report_t *report)
{
    scale_t y = {0, 0, BOTTOM, TOP + 12};
    for (int64_t i = 0; i < report->n_results; i++) {
        for (int64_t j = 0; j < report->results[i].count; j++)
            y.most = fmax(y.most, isfinite(report->results[i].values[j]) ? report->results[i].values[j] : 0);
    }
    y.most = fmin(100, ceil(y.most * 10 + 0.5) * 10);
    fputs("<svg viewBox=\"0 0 520 320\" role=\"img\" aria-label=\"", file);
    html_text(file, report->measure);
    fputs("\">\n", file);
    draw_grid(file, &y, report->measure, " %");
    double step = (double)(RIGHT - LEFT) / (double)report->n_results;
    for (int64_t i = 0; i < report->n_results; i++) {
        const report_result_t *result = &report->results[i];
        double mean, error, middle = LEFT + step * ((double)i + 0.5), half = fmin(55, 0.36 * step);
        report_mean(result->values, result->count, &mean, &error);
        if (!isfinite(mean))
            continue;
        double top = place(&y, 100 * mean), spread = isfinite(error) ? place(&y, 0) - place(&y, 100 * error) : 0;
        fprintf(file,
                "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"4\" fill=\"var(--s%d)\" "
                "opacity=\".8\"/><path d=\"M%.1f %.1fv%.1fm-7 0h14m-14 %.1fh14\" stroke=\"var(--ink)\" "
                "stroke-width=\"2\" fill=\"none\"/>\n",
                middle - half, top, 2 * half, BOTTOM - top, (int)(i % COLORS), middle, top + spread, -2 * spread,
                2 * spread);
        double highest = top - spread;
        for (int64_t j = 0; j < result->count; j++) {
            double x = middle - 0.8 * half + 1.6 * half * ((double)j + 0.5) / (double)result->count;
            if (!isfinite(result->values[j]))
                continue;
            highest = fmin(highest, place(&y, 100 * result->values[j]));
            fprintf(file, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" fill=\"var(--card)\" stroke=\"var(--ink)\"/>\n", x,
                    place(&y, 100 * result->values[j]));
        }
        fprintf(file, "<text class=\"value\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%.1f %%</text>", middle,
                highest - 9, 100 * mean);
        fprintf(file, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">", middle, BOTTOM + 20);
        html_text(file, result->name);
        fputs("</text>\n", file);
    }
    for (int64_t i = 0; i < report->n_references; i++) {
        if (!isfinite(report->references[i].value))
            continue;
        double at = place(&y, 100 * report->references[i].value);
        fprintf(file, "<path d=\"M%d %.1fH%d\" stroke=\"var(--ink)\" stroke-dasharray=\"5 4\"><title>", LEFT, at,
                RIGHT);
        html_text(file, report->references[i].name);
        fputs("</title></path>\n", file);
    }
    fputs("</svg>\n", file);
}

static void draw_chart(FILE *file, const report_chart_t *chart)
{
    scale_t x = {0, 0, LEFT, RIGHT}, y = {0, 0, BOTTOM, TOP + 8};
    for (int64_t i = 0; i < chart->count; i++) {
        for (int64_t j = 0; j < chart->curves[i].count; j++) {
            double at = chart->curves[i].x[j], value = chart->curves[i].y[j];
            if (!isfinite(at) || !isfinite(value))
                continue;
            x.most = fmax(x.most, at);
            y.most = fmax(y.most, value);
            y.least = fmin(y.least, value);
        }
    }
    open_card(file, chart->title, "");
    fputs("<svg viewBox=\"0 0 520 320\" role=\"img\" aria-label=\"", file);
    html_text(file, chart->title);
    fputs("\">\n", file);
    draw_grid(file, &y, chart->y_label, "");
    double tick = tick_of(x.most);
    for (double at = 0; x.most > 0 && at <= x.most * 1.0001; at += tick)
        fprintf(file, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%g</text>\n", place(&x, at), BOTTOM + 20, at);
    fprintf(file, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">", RIGHT, HEIGHT - 8);
    html_text(file, chart->x_label);
    fputs("</text>\n", file);
    for (int64_t i = 0; i < chart->count; i++) {
        fprintf(file, "<polyline fill=\"none\" stroke=\"var(--s%d)\" stroke-width=\"2\" points=\"",
                (int)((chart->count == 1 ? 2 : i) % COLORS));
        for (int64_t j = 0; j < chart->curves[i].count; j++) {
            if (isfinite(chart->curves[i].x[j]) && isfinite(chart->curves[i].y[j]))
                fprintf(file, "%.1f,%.1f ", place(&x, chart->curves[i].x[j]), place(&y, chart->curves[i].y[j]));
        }
        fputs("\"/>\n", file);
    }
    fputs("</svg><p class=\"soft\">", file);
    for (int64_t i = 0; i < chart->count; i++) {
        fprintf(file, "<span style=\"color:var(--s%d)\">&#9632;</span> ", (int)((chart->count == 1 ? 2 : i) % COLORS));
        html_text(file, chart->curves[i].name);
        fputc(' ', file);
    }
    fputs("</p></section>\n", file);
}

static void write_results(FILE *file, const report_t *report)
{
    open_card(file, report->measure, "");
    draw_results(file, report);
    paragraph(file, "soft",
              "Dots: one a seed. Whisker: one standard error of the mean. Dashed: what needs no learning.");
    fputs("<table class=\"numbers\"><tr><th></th><th>mean</th><th>standard error</th></tr>\n", file);
    for (int64_t i = 0; i < report->n_results; i++) {
        double mean, error;
        report_mean(report->results[i].values, report->results[i].count, &mean, &error);
        fputs("<tr><td>", file);
        html_text(file, report->results[i].name);
        if (report->results[i].how && *report->results[i].how) {
            fputs("<br><span class=\"soft\">", file);
            html_text(file, report->results[i].how);
            fputs("</span>", file);
        }
        fputs("</td><td>", file);
        percent(file, mean);
        fputs("</td><td>", file);
        percent(file, error);
        fputs("</td></tr>\n", file);
    }
    for (int64_t i = 0; i < report->n_references; i++) {
        fputs("<tr><td>", file);
        html_text(file, report->references[i].name);
        fputs("</td><td>", file);
        percent(file, report->references[i].value);
        fputs("</td><td></td></tr>\n", file);
    }
    fputs("</table></section>\n", file);
}

static void write_classes(FILE *file, const report_t *report)
{
    open_card(file, "Class by class", "");
    paragraph(file, "soft", report->classified);
    fputs("<table class=\"numbers\"><tr><th>class</th><th>precision</th><th>recall</th><th>F1</th><th>samples</th></tr>"
          "\n",
          file);
    for (int64_t i = 0; i < report->n_classes; i++) {
        report_class_t class;
        report_class(report, i, &class);
        const double values[] = {class.precision, class.recall, class.f1};
        fputs("<tr><td>", file);
        html_text(file, report->classes[i]);
        for (int j = 0; j < 3; j++) {
            fputs("</td><td>", file);
            percent(file, values[j]);
        }
        fprintf(file, "</td><td>%lld</td></tr>\n", (long long)class.support);
    }
    fputs("</table></section>\n", file);
    open_card(file, "What was taken for what", " wide");
    paragraph(file, "soft", "A row for each class, a column for each guess: samples.");
    fputs("<table class=\"numbers\"><tr><th></th>", file);
    for (int64_t i = 0; i < report->n_classes; i++) {
        fputs("<th>", file);
        html_text(file, report->classes[i]);
        fputs("</th>", file);
    }
    fputs("</tr>\n", file);
    for (int64_t i = 0; i < report->n_classes; i++) {
        fputs("<tr><td>", file);
        html_text(file, report->classes[i]);
        fputs("</td>", file);
        for (int64_t j = 0; j < report->n_classes; j++)
            fprintf(file, "<td%s>%lld</td>", i == j ? " class=\"diagonal\"" : "",
                    (long long)report->confusion[i * report->n_classes + j]);
        fputs("</tr>\n", file);
    }
    fputs("</table></section>\n", file);
}

static void write_examples(FILE *file, const report_t *report)
{
    for (int wrong = 0; wrong < 2; wrong++) {
        open_card(file, wrong ? "Examples that it got wrong" : "Examples that it got right", "");
        fputs("<table>\n", file);
        for (int64_t i = 0; i < report->n_examples; i++) {
            const report_example_t *example = &report->examples[i];
            if ((strcmp(example->truth, example->guess) != 0) != wrong)
                continue;
            fputs("<tr><td><b>", file);
            html_text(file, example->guess);
            fputs("</b> ", file);
            percent(file, example->certainty);
            if (wrong) {
                fputs(", but is <b>", file);
                html_text(file, example->truth);
                fputs("</b>", file);
            }
            fputs("<br><span class=\"soft\">", file);
            html_text(file, example->text);
            fputs("</span></td></tr>\n", file);
        }
        fputs("</table></section>\n", file);
    }
}

static void write_facts(FILE *file, const report_t *report)
{
    if (report->n_next > 0)
        open_card(file, "What to type next", " wide");
    for (int64_t i = 0; i < report->n_next; i++) {
        paragraph(file, "soft", report->next[i].name);
        fputs("<pre>", file);
        html_text(file, report->next[i].value);
        fputs("</pre>\n", file);
    }
    fputs(report->n_next > 0 ? "</section>\n" : "", file);
    open_card(file, "How it was made", " wide");
    fputs("<table>\n", file);
    for (int64_t i = 0; i < report->n_facts; i++) {
        fputs("<tr><td class=\"soft\">", file);
        html_text(file, report->facts[i].name);
        fputs("</td><td>", file);
        html_text(file, report->facts[i].value);
        fputs("</td></tr>\n", file);
    }
    fputs("</table></section>\n", file);
}

void report_html(const report_t *report, FILE *file)
{
    fputs("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
          "content=\"width=device-width, initial-scale=1\">\n<title>",
          file);
    html_text(file, report->title);
    fprintf(file, "</title>\n<style>\n%s</style></head><body><main>\n<h1>", style);
    html_text(file, report->title);
    fputs("</h1>\n", file);
    paragraph(file, "answer", report->answer);
    paragraph(file, "soft", report->summary);
    fputs("<div class=\"grid\">\n", file);
    if (report->n_results > 0)
        write_results(file, report);
    for (int64_t i = 0; i < report->n_charts; i++)
        draw_chart(file, &report->charts[i]);
    if (report->n_classes > 0)
        write_classes(file, report);
    if (report->n_examples > 0)
        write_examples(file, report);
    write_facts(file, report);
    fputs("</div></main></body></html>\n", file);
}

int report_write(const report_t *report, const char *directory, char *path, size_t size)
{
    static const char *const names[] = {"report.json", "report.html"};
    for (int i = 0; i < 2; i++) {
        snprintf(path, size, "%s/%s", directory, names[i]);
        FILE *file = fopen(path, "w");
        if (!file)
            return -1;
        if (i == 0)
            report_json(report, file);
        else
            report_html(report, file);
        int failed = ferror(file);
        if (fclose(file) != 0 || failed)
            return -1;
    }
    return 0;
}
