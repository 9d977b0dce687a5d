/* report.json. */
#include <math.h>

#include "report_measures.h"
#include "report_text.h"

enum { PAIRS = 20 };

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
        report_json_text(file, facts[i].name);
        fputs(", \"value\": ", file);
        report_json_text(file, facts[i].value);
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
        report_json_text(file, result->name);
        json_member(file, "mean", mean);
        json_member(file, "standard_error", error);
        fputs(", \"values\": ", file);
        json_numbers(file, result->values, result->count);
        fputs(", \"how\": ", file);
        report_json_text(file, result->how);
        fputc('}', file);
    }
    fputs("],\n  \"references\": [", file);
    for (int64_t i = 0; i < report->n_references; i++) {
        fputs(i ? ", {\"name\": " : "{\"name\": ", file);
        report_json_text(file, report->references[i].name);
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
        report_json_text(file, chart->title);
        fputs(", \"x_label\": ", file);
        report_json_text(file, chart->x_label);
        fputs(", \"y_label\": ", file);
        report_json_text(file, chart->y_label);
        fputs(", \"curves\": [", file);
        for (int64_t j = 0; j < chart->count; j++) {
            fputs(j ? ",\n      {\"name\": " : "\n      {\"name\": ", file);
            report_json_text(file, chart->curves[j].name);
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
    report_pair_t pairs[PAIRS];
    fputs(",\n  \"classified\": ", file);
    report_json_text(file, report->classified);
    fputs(",\n  \"classes\": [", file);
    for (int64_t i = 0; i < report->n_classes; i++) {
        report_class_t class;
        report_class(report, i, &class);
        fputs(i ? ",\n    {\"name\": " : "\n    {\"name\": ", file);
        report_json_text(file, report->classes[i]);
        json_member(file, "precision", class.precision);
        json_member(file, "recall", class.recall);
        json_member(file, "f1", class.f1);
        fprintf(file, ", \"support\": %lld, \"guesses\": [", (long long)class.support);
        for (int64_t j = 0; j < report->n_classes; j++)
            fprintf(file, "%s%lld", j ? ", " : "", (long long)report->confusion[i * report->n_classes + j]);
        fputs("]}", file);
    }
    fputs("],\n  \"confused\": [", file);
    const int64_t n = report_confused_pairs(report, pairs, PAIRS);
    for (int64_t i = 0; i < n; i++) {
        fputs(i ? ",\n    {\"truth\": " : "\n    {\"truth\": ", file);
        report_json_text(file, report->classes[pairs[i].truth]);
        fputs(", \"guess\": ", file);
        report_json_text(file, report->classes[pairs[i].guess]);
        fprintf(file, ", \"samples\": %lld}", (long long)pairs[i].count);
    }
    fputc(']', file);
}

static void json_calibration(FILE *file, const report_t *report)
{
    report_bin_t bins[REPORT_BINS];
    const double error = report_calibration(report, bins);
    fputs(",\n  \"expected_calibration_error\": ", file);
    json_number(file, error);
    fputs(",\n  \"calibration\": [", file);
    for (int i = 0; i < REPORT_BINS && isfinite(error); i++) {
        fprintf(file, "%s\n    {\"from\": %.9g, \"to\": %.9g, \"samples\": %lld", i ? "," : "", (double)i / REPORT_BINS,
                (double)(i + 1) / REPORT_BINS, (long long)bins[i].count);
        json_member(file, "certainty", bins[i].certainty);
        json_member(file, "accuracy", bins[i].accuracy);
        fputc('}', file);
    }
    fputc(']', file);
}

/* Pictures themselves are in the page and in the PNG files. */
static void json_examples(FILE *file, const report_t *report)
{
    fputs(",\n  \"examples\": [", file);
    for (int64_t i = 0; i < report->n_examples; i++) {
        const report_example_t *example = &report->examples[i];
        fputs(i ? ",\n    {\"text\": " : "\n    {\"text\": ", file);
        report_json_text(file, example->text);
        fputs(", \"truth\": ", file);
        report_json_text(file, example->truth);
        fputs(", \"guess\": ", file);
        report_json_text(file, example->guess);
        json_member(file, "certainty", example->certainty);
        if (example->picture.bytes)
            fprintf(file, ", \"picture\": {\"width\": %lld, \"height\": %lld, \"channels\": %lld}",
                    (long long)example->picture.width, (long long)example->picture.height,
                    (long long)example->picture.channels);
        fputc('}', file);
    }
    fputs("],\n  \"filters\": ", file);
    if (report->filters.name) {
        const report_filters_t *filters = &report->filters;
        fputs("{\"name\": ", file);
        report_json_text(file, filters->name);
        fprintf(file, ", \"shape\": [%lld, %lld, %lld, %lld]}", (long long)filters->outputs, (long long)filters->inputs,
                (long long)filters->height, (long long)filters->width);
    } else {
        fputs("null", file);
    }
}

int report_json(const report_t *report, FILE *file)
{
    fputs("{\n  \"title\": ", file);
    report_json_text(file, report->title);
    fputs(",\n  \"answer\": ", file);
    report_json_text(file, report->answer);
    fputs(",\n  \"summary\": ", file);
    report_json_text(file, report->summary);
    fputs(",\n  \"measure\": ", file);
    report_json_text(file, report->measure);
    json_results(file, report);
    json_charts(file, report);
    json_classes(file, report);
    json_calibration(file, report);
    json_examples(file, report);
    json_facts(file, "facts", report->facts, report->n_facts);
    json_facts(file, "next", report->next, report->n_next);
    fputs("\n}\n", file);
    return ferror(file) ? -1 : 0;
}
