/* Writes a report into the directory that is given: hostile strings, one seed, numbers that are not finite, a class
 * that nothing is of; with "empty" behind it a report of nothing. report_page.py reads them. */
#include "../../tools/report_page.h"

#include <errno.h>
#include <math.h>
#include <string.h>

int main(int argc, char **argv)
{
    char path[4096];
    const double three[] = {0.5, 0.7, 0.6}, one[] = {NAN}, x[] = {1, 2, 3}, y[] = {2, INFINITY, 0.5};
    const report_result_t results[] = {{"a<b", three, 3, "rate 3 & \"x\""}, {"b", one, 1, NULL}};
    const report_reference_t references[] = {{"chance", 0.25}, {"majority", NAN}};
    const report_curve_t curves[] = {{"</svg><script>alert(1)</script>", x, y, 3}, {"none", x, y, 0}};
    const report_chart_t charts[] = {{"loss", "steps", "loss in nats", curves, 2}};
    const char *const classes[] = {"cat", "dog \"'", "empty"};
    const int64_t confusion[] = {8, 2, 0, 1, 9, 0, 0, 0, 0};
    const report_example_t examples[] = {
        {"<img src=x onerror=alert(1)> \xff\xc3(\xed\xa0\x80 \x01\x1b[2J caf\xc3\xa9", "cat", "cat", 0.9},
        {"]]>--><b>", "cat", "dog \"'", NAN}};
    const report_fact_t facts[] = {{"version", "0.1"}, {"\\\"\n\t", "\xf0\x9f\x98\x80 & \xf5"}};
    const report_t report = {.title = "Is <it>?",
                             .answer = "Yes & no",
                             .summary = "",
                             .measure = "accuracy",
                             .results = results,
                             .n_results = 2,
                             .references = references,
                             .n_references = 2,
                             .charts = charts,
                             .n_charts = 1,
                             .classified = "seed 1",
                             .classes = classes,
                             .confusion = confusion,
                             .n_classes = 3,
                             .examples = examples,
                             .n_examples = 2,
                             .facts = facts,
                             .n_facts = 2,
                             .next = facts,
                             .n_next = 2};
    const report_t empty = {.title = "nothing"};
    if (argc < 2 || report_write(argc > 2 ? &empty : &report, argv[1], path, sizeof path) != 0) {
        fprintf(stderr, "%s: %s\n", argc < 2 ? "usage: report_page_sample DIRECTORY [empty]" : path, strerror(errno));
        return 1;
    }
    return 0;
}
