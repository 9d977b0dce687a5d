#include "report_tables.h"

#include <math.h>

#include "report_drawings.h"
#include "report_text.h"

void open_card(FILE *file, const char *title, const char *kind)
{
    fprintf(file, "<section class=\"card%s\"><h2>", kind);
    report_html_text(file, title);
    fputs("</h2>\n", file);
}

void close_card(FILE *file)
{
    fputs("</section>\n", file);
}

void write_paragraph(FILE *file, const char *kind, const char *text)
{
    if (!text || !*text)
        return;
    fprintf(file, "<p class=\"%s\">", kind);
    report_html_text(file, text);
    fputs("</p>\n", file);
}

static void percent(FILE *file, double value)
{
    if (isfinite(value))
        fprintf(file, "%.1f %%", 100 * value);
    else
        fputs("&#8211;", file);
}

int has_seeds(const report_t *report)
{
    for (int64_t i = 0; i < report->n_results; i++) {
        if (report->results[i].count > 1)
            return 1;
    }
    return 0;
}

void write_results_table(FILE *file, const report_t *report)
{
    const int shows_errors = has_seeds(report);
    fprintf(file, "<table class=\"numbers\">%s\n",
            shows_errors ? "<tr><th></th><th>mean</th><th>standard error</th></tr>" : "");
    for (int64_t i = 0; i < report->n_results; i++) {
        double mean, error;
        report_mean(report->results[i].values, report->results[i].count, &mean, &error);
        fputs("<tr><td>", file);
        report_html_text(file, report->results[i].name);
        if (report->results[i].how && *report->results[i].how) {
            fputs("<br><span class=\"soft\">", file);
            report_html_text(file, report->results[i].how);
            fputs("</span>", file);
        }
        fputs("</td><td>", file);
        percent(file, mean);
        if (shows_errors) {
            fputs("</td><td>", file);
            percent(file, error);
        }
        fputs("</td></tr>\n", file);
    }
    for (int64_t i = 0; i < report->n_references; i++) {
        fputs("<tr><td>", file);
        report_html_text(file, report->references[i].name);
        fputs("</td><td>", file);
        percent(file, report->references[i].value);
        fputs(shows_errors ? "</td><td></td></tr>\n" : "</td></tr>\n", file);
    }
    fputs("</table>\n", file);
}

static void write_class(FILE *file, const report_t *report, int64_t number)
{
    report_class_t class;
    report_class(report, number, &class);
    const double values[] = {class.precision, class.recall, class.f1};
    fputs("<tr><td>", file);
    report_html_text(file, report->classes[number]);
    for (int j = 0; j < 3; j++) {
        fputs("</td><td>", file);
        percent(file, values[j]);
    }
    fprintf(file, "</td><td>%lld</td></tr>\n", (long long)class.support);
}

void write_classes(FILE *file, const report_t *report)
{
    enum { WORST = 20 };
    int64_t worst[WORST], n = 0;
    char words[128];
    open_card(file, "Class by class", "");
    write_paragraph(file, "soft", report->classified);
    if (report->n_classes > MATRIX_CLASSES) {
        n = report_worst_classes(report, worst, WORST);
        snprintf(words, sizeof words, "The %lld of %lld classes with the lowest F1; the report as JSON has all.",
                 (long long)n, (long long)report->n_classes);
        write_paragraph(file, "soft", words);
    }
    fputs("<table class=\"numbers\"><tr><th>class</th><th>precision</th><th>recall</th><th>F1</th><th>samples</th></tr>"
          "\n",
          file);
    for (int64_t i = 0; i < (report->n_classes > MATRIX_CLASSES ? n : report->n_classes); i++)
        write_class(file, report, report->n_classes > MATRIX_CLASSES ? worst[i] : i);
    fputs("</table>\n", file);
    close_card(file);
}

void write_examples_table(FILE *file, const report_t *report, int wrong)
{
    const int shows_pictures = report_has_png();
    int64_t n = 0;
    for (int64_t i = 0; i < report->n_examples; i++) {
        const report_example_t *example = &report->examples[i];
        if (example_is_wrong(example) != wrong || (example->picture.bytes && shows_pictures))
            continue;
        if (n++ == 0) {
            open_card(file, wrong ? "What it got wrong, the surest mistakes first" : "Some that it got right", "");
            fputs("<table>\n", file);
        }
        fputs("<tr><td><b>", file);
        report_html_text(file, example->guess);
        fputs("</b> ", file);
        percent(file, example->certainty);
        if (wrong) {
            fputs(", but is <b>", file);
            report_html_text(file, example->truth);
            fputs("</b>", file);
        }
        fputs("<br><span class=\"soft\">", file);
        report_html_text(file, example->text);
        fputs("</span></td></tr>\n", file);
    }
    if (n > 0) {
        fputs("</table>\n", file);
        close_card(file);
    }
}

void write_facts(FILE *file, const report_t *report)
{
    if (report->n_next > 0)
        open_card(file, "What to type next", " wide");
    for (int64_t i = 0; i < report->n_next; i++) {
        write_paragraph(file, "soft", report->next[i].name);
        fputs("<pre>", file);
        report_html_text(file, report->next[i].value);
        fputs("</pre>\n", file);
    }
    fputs(report->n_next > 0 ? "</section>\n" : "", file);
    if (report->n_facts == 0)
        return;
    open_card(file, "How it was made", " wide");
    fputs("<table>\n", file);
    for (int64_t i = 0; i < report->n_facts; i++) {
        fputs("<tr><td class=\"soft\">", file);
        report_html_text(file, report->facts[i].name);
        fputs("</td><td>", file);
        report_html_text(file, report->facts[i].value);
        fputs("</td></tr>\n", file);
    }
    fputs("</table>\n", file);
    close_card(file);
}
