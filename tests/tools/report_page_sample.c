/* Writes a report into the directory that is given, and all drawings of "pictures" as all.png beside it. The kinds:
 * "hostile" has strings and numbers that nobody wishes for, "empty" nothing, "pictures" ten classes of pictures,
 * "classes" as many as are given, "text" what a training on texts has. report_page.py reads them. */
#include "../../tools/report/report.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What main gives back. */
static void *held[3];
static uint32_t drawn = 1;
/* 0 to 1, the same in each run. */
static double draw(void)
{
    drawn = drawn * 1664525u + 1013904223u;
    return (drawn >> 8) / 16777216.0;
}

/* ---- Strings and numbers that nobody wishes for ------------------------------------------------------------------ */

static const double three[] = {0.5, 0.7, 0.6}, one[] = {NAN}, x[] = {1, 2, 3}, y[] = {2, INFINITY, 0.5},
                    far[] = {-1e308, 1e308, 1e299};
static const report_result_t results[] = {{"a<b", three, 3, "rate 3 & \"x\""}, {"b", one, 1, NULL}};
static const report_reference_t references[] = {{"chance", 0.25}, {"majority", NAN}};
static const report_curve_t curves[] = {
    {"</svg><script>alert(1)</script>", x, y, 3}, {"none", x, y, 0}, {NULL, far, x, 3}, {"a point", x, x, 1}};
static const report_chart_t charts[] = {{"loss", "steps", "loss in nats", curves, 4}, {NULL, NULL, NULL, NULL, 0}};
static const char *const classes[] = {"cat", "dog \"'", "empty"};
static const int64_t confusion[] = {8, 2, 0, 1, 9, 0, 0, 0, 0};
static const double certainties[] = {0.9, 1.0000001, 0, NAN, 2, 0.5};
static const signed char outcomes[] = {REPORT_RIGHT, REPORT_WRONG, REPORT_RIGHT,
                                       REPORT_WRONG, REPORT_RIGHT, REPORT_UNKNOWN};
static const report_fact_t facts[] = {{"version", "0.1"}, {"\\\"\n\t", "\xf0\x9f\x98\x80 & \xf5"}};
static const float weights[] = {1, 1, 0, NAN};

static report_t hostile_report(void)
{
    static report_example_t examples[5] = {
        {.text = "<img src=x onerror=alert(1)> \xff\xc3(\xed\xa0\x80 \x01\x1b[2J caf\xc3\xa9",
         .truth = "cat",
         .guess = "cat",
         .certainty = 0.9},
        {.text = "]]>--><b>", .truth = "cat", .guess = "dog \"'", .certainty = NAN},
        {.truth = "</text><script>alert(2)</script>", .guess = "cat", .certainty = 1e9, .picture = {NULL, 1, 1, 2}},
        {.truth = "wide", .guess = NULL, .certainty = 0.5, .picture = {NULL, 4000, 3000, 4}},
        {.truth = "no pixels", .guess = "no pixels", .certainty = 0.5, .picture = {NULL, 0, 3, 3}}};
    uint8_t *bytes = calloc(4000 * 3000, 4);
    held[0] = bytes;
    for (int i = 2; bytes && i < 5; i++)
        examples[i].picture.bytes = bytes;
    for (int64_t i = 0; bytes && i < 4000 * 3000 * 4; i++)
        bytes[i] = (uint8_t)(i >> 6);
    return (report_t){.title = "Is <it>?",
                      .answer = "Yes & no",
                      .summary = "",
                      .measure = "accuracy",
                      .results = results,
                      .n_results = 2,
                      .references = references,
                      .n_references = 2,
                      .charts = charts,
                      .n_charts = 2,
                      .classified = "seed 1",
                      .classes = classes,
                      .confusion = confusion,
                      .n_classes = 3,
                      .certainties = certainties,
                      .outcomes = outcomes,
                      .n_guesses = 6,
                      .examples = examples,
                      .n_examples = 5,
                      .filters = {"conv<1>.weight", weights, 2, 2, 1, 1},
                      .facts = facts,
                      .n_facts = 2,
                      .next = facts,
                      .n_next = 2};
}

/* ---- What a classifier of pictures has --------------------------------------------------------------------------- */

enum { SIDE = 32, SHOWN = 20, GUESSES = 2000, FILTERS = 64, FILTER = 7, POINTS = 400 };
static const char *const things[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                     "dog",      "frog",       "horse", "ship", "truck"};

static void draw_thing(uint8_t *bytes, int64_t width, int64_t height)
{
    const double across = draw() * 6, down = draw() * 6, middle = draw();
    for (int64_t i = 0; i < width * height * 3; i++) {
        const double at_x = (double)(i / 3 % width) / (double)width, at_y = (double)(i / 3 / width) / (double)height,
                     in = hypot(at_x - 0.5, at_y - middle) < 0.3 ? 90 : 0;
        bytes[i] = (uint8_t)(100 + in + 60 * sin(across * at_x + down * at_y + (double)(i % 3)));
    }
}

static report_t pictures_report(void)
{
    static uint8_t bytes[SHOWN][SIDE * SIDE * 3], wide[400 * 300 * 3];
    static report_example_t examples[SHOWN];
    static double sure[GUESSES], losses[POINTS], steps[POINTS], held_out[POINTS / 20], at[POINTS / 20];
    static signed char came[GUESSES];
    static int64_t counts[100];
    static float filters[FILTERS * 3 * FILTER * FILTER];
    static const double accuracy[] = {0.872};
    static const report_result_t result[] = {{"this model", accuracy, 1, NULL}};
    static const report_reference_t lines[] = {{"the most frequent class", 0.1}, {"chance", 0.1}};
    static report_curve_t loss_curves[2];
    static report_chart_t loss_chart[1];
    static const report_fact_t next[] = {{"Try it on other data", "pretrain predict run DATA"}};
    for (int i = 0; i < GUESSES; i++) {
        const int truth = i % 10, is_right = draw() < 0.87, other = (truth + 1 + (int)(draw() * 9)) % 10;
        sure[i] = fmin(1, 0.4 + 0.6 * sqrt(draw()));
        came[i] = is_right ? REPORT_RIGHT : REPORT_WRONG;
        counts[truth * 10 + (is_right ? truth : truth == 3 ? 5 : other)]++;
    }
    for (int i = 0; i < SHOWN; i++) {
        draw_thing(bytes[i], SIDE, SIDE);
        examples[i] = (report_example_t){.truth = things[i % 10],
                                         .guess = things[i < 12 ? (i + 3) % 10 : i % 10],
                                         .certainty = 1 - i * 0.013,
                                         .picture = {bytes[i], SIDE, SIDE, 3}};
    }
    draw_thing(wide, 400, 300);
    examples[3].picture = (report_picture_t){wide, 400, 300, 3};
    examples[4].picture = (report_picture_t){wide, 3, 400, 3};
    examples[5].picture = (report_picture_t){wide, 28, 28, 1};
    for (int i = 0; i < POINTS; i++) {
        steps[i] = 10.0 * i;
        losses[i] = 0.3 + 2 * exp(-i / 60.0) + 0.2 * draw();
        held_out[i / 20] = 0.45 + 1.9 * exp(-i / 60.0);
        at[i / 20] = steps[i];
    }
    for (int i = 0; i < FILTERS; i++) {
        const double angle = draw() * 6.3, rate = 0.5 + draw(), colour = draw() < 0.4;
        for (int j = 0; j < 3 * FILTER * FILTER; j++) {
            const double across = j % FILTER - FILTER / 2, down = j / FILTER % FILTER - FILTER / 2;
            filters[i * 3 * FILTER * FILTER + j] = (float)(exp(-0.12 * (across * across + down * down)) *
                                                           cos(rate * (across * cos(angle) + down * sin(angle)) +
                                                               colour * 2 * (j / (FILTER * FILTER))));
        }
    }
    loss_curves[0] = (report_curve_t){"training", steps, losses, POINTS};
    loss_curves[1] = (report_curve_t){"held out", at, held_out, POINTS / 20};
    loss_chart[0] = (report_chart_t){"Loss", "updates", "loss", loss_curves, 2};
    return (report_t){
        .title = "What has the network learnt?",
        .answer = "87.2 % of 2000 held-out samples are right, where always saying the most frequent class "
                  "would be right for 10.0 %.",
        .summary = "classification: 4000 updates with 45000 samples, in 61.2 s.",
        .measure = "accuracy on held-out samples",
        .results = result,
        .n_results = 1,
        .references = lines,
        .n_references = 2,
        .charts = loss_chart,
        .n_charts = 1,
        .classified = "this model",
        .classes = things,
        .confusion = counts,
        .n_classes = 10,
        .certainties = sure,
        .outcomes = came,
        .n_guesses = GUESSES,
        .examples = examples,
        .n_examples = SHOWN,
        .filters = {"conv1.weight", filters, FILTERS, 3, FILTER, FILTER},
        .facts = facts,
        .n_facts = 1,
        .next = next,
        .n_next = 1};
}

/* ---- Many classes, or one ---------------------------------------------------------------------------------------- */

/* is_right: nothing was taken for what it is not. */
static report_t classes_report(int64_t n, int is_right)
{
    char *names = calloc((size_t)n, 64);
    const char **pointers = calloc((size_t)n, sizeof *pointers);
    int64_t *counts = calloc((size_t)(n * n), sizeof *counts);
    held[0] = names;
    held[1] = pointers;
    held[2] = counts;
    for (int64_t i = 0; names && pointers && counts && i < n; i++) {
        snprintf(names + 64 * i, 64, i % 7 ? "class %lld" : "a class with a very long name %lld", (long long)i);
        pointers[i] = names + 64 * i;
        counts[i * n + i] = 40;
        if (!is_right)
            counts[i * n + (int64_t)(draw() * (double)n)] += i % 23;
    }
    return (report_t){.title = "Many classes", .classes = pointers, .confusion = counts, .n_classes = n};
}

static report_t text_report(void)
{
    static const report_example_t examples[] = {
        {.text = "a very sunny day", .truth = "winter", .guess = "summer", .certainty = 0.97},
        {.text = "snow", .truth = "winter", .guess = "winter", .certainty = 0.8}};
    report_t report = pictures_report();
    report.examples = examples;
    report.n_examples = 2;
    report.filters.name = NULL;
    return report;
}

int main(int argc, char **argv)
{
    char path[4096];
    const char *kind = argc > 2 ? argv[2] : "hostile";
    if (argc < 2) {
        fputs("usage: report_page_sample DIRECTORY [hostile|empty|pictures|text|classes N [right]]\n", stderr);
        return 2;
    }
    const report_t report = strcmp(kind, "hostile") == 0    ? hostile_report()
                            : strcmp(kind, "pictures") == 0 ? pictures_report()
                            : strcmp(kind, "text") == 0     ? text_report()
                            : strcmp(kind, "classes") == 0  ? classes_report(argc > 3 ? atoll(argv[3]) : 1, argc > 4)
                                                            : (report_t){.title = "nothing"};
    int result = report_write(&report, argv[1], path, sizeof path);
    if (result == 0 && report_has_png() && strcmp(kind, "pictures") == 0) {
        snprintf(path, sizeof path, "%s/all.png", argv[1]);
        FILE *file = fopen(path, "wb");
        result = file ? report_png(&report, file) : -1;
        result = file && fclose(file) != 0 ? -1 : result;
    }
    if (result != 0)
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
    for (int i = 0; i < 3; i++)
        free(held[i]);
    return result != 0;
}
