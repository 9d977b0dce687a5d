/* Metrics: the values that scikit-learn gives, however the rows are cut; what counts nothing; what has nothing to
 * tell. */
#include "metrics/metrics.h"
#include "support/golden.h"

#include <math.h>
#include <string.h>

enum { ROWS = 40, CLASSES = 6, PAIRS = 30, OUTPUTS = 2, MOST = 64 };

static float scores[ROWS * CLASSES], probabilities[ROWS * CLASSES], prediction[PAIRS * OUTPUTS],
    target[PAIRS * OUTPUTS];
static int32_t labels[ROWS];

static void read_data(void)
{
    double numbers[ROWS];
    golden_read("tests/golden/metrics.txt");
    ck_assert_int_eq(golden_floats("scores", scores, ROWS * CLASSES), ROWS * CLASSES);
    ck_assert_int_eq(golden_floats("probabilities", probabilities, ROWS * CLASSES), ROWS * CLASSES);
    ck_assert_int_eq(golden_floats("prediction", prediction, PAIRS * OUTPUTS), PAIRS * OUTPUTS);
    ck_assert_int_eq(golden_floats("target", target, PAIRS * OUTPUTS), PAIRS * OUTPUTS);
    ck_assert_int_eq(golden_numbers("labels", numbers, ROWS), ROWS);
    for (int32_t i = 0; i < ROWS; i++)
        labels[i] = (int32_t)numbers[i];
}

/* Of `rows` rows, `cut` at a time. */
static double value_of(const char *name, int64_t rows, int64_t cut)
{
    const pt__metric_kind_t *kind = pt__metric_find(name);
    const int32_t of_classes = kind->target_dtype == PT_INT32;
    const float *values = !of_classes ? prediction : strcmp(name, "calibration_error") == 0 ? probabilities : scores;
    const int64_t columns[] = {of_classes ? CLASSES : OUTPUTS, of_classes ? 1 : OUTPUTS};
    double sums[MOST] = {0};
    ck_assert_int_le(kind->size(columns), MOST);
    for (int64_t at = 0; at < rows; at += cut) {
        int64_t count = rows - at < cut ? rows - at : cut;
        const pt__metric_source_t sources[] = {
            {.data = values + at * columns[0], .rows = count, .columns = columns[0]},
            {.data = of_classes ? (const void *)(labels + at) : (const void *)(target + at * columns[1]),
             .rows = count,
             .columns = columns[1],
             .ignore = PT_IGNORE_INDEX}};
        kind->add(sources, count, sums);
    }
    return kind->finish(sums, columns, (double)NAN);
}

START_TEST(test_scikit_learn)
{
    static const char *const names[] = {"accuracy", "macro_f1", "top5_accuracy", "calibration_error", "mse",
                                        "mae",      "r2"};
    read_data();
    for (int32_t i = 0; i < 7; i++) {
        double expected = 0;
        int64_t rows = i < 4 ? ROWS : PAIRS;
        golden_numbers(names[i], &expected, 1);
        for (int64_t cut = 1; cut <= rows; cut += 6)
            ck_assert_msg(fabs(value_of(names[i], rows, cut) - expected) < 1e-12, "%s, %d rows at a time: %g, not %g",
                          names[i], (int)cut, value_of(names[i], rows, cut), expected);
        ck_assert(isnan(value_of(names[i], 0, 1)));
    }
}
END_TEST

START_TEST(test_what_counts_nothing)
{
    read_data();
    static const char *const names[] = {"accuracy", "macro_f1", "top5_accuracy", "calibration_error"};
    double half[4];
    for (int32_t k = 0; k < 4; k++)
        half[k] = value_of(names[k], ROWS / 2, 7);
    for (int32_t i = ROWS / 2; i < ROWS; i++)
        labels[i] = PT_IGNORE_INDEX;
    for (int32_t k = 0; k < 4; k++)
        ck_assert_double_eq(value_of(names[k], ROWS, 7), half[k]);
    for (int32_t i = 0; i < ROWS / 2; i++)
        labels[i] = PT_IGNORE_INDEX;
    for (int32_t k = 0; k < 4; k++)
        ck_assert(isnan(value_of(names[k], ROWS, 7)));
}
END_TEST

/* Certainties at a bin's borders, of 1 and of what a network with weights that are not finite says. */
START_TEST(test_borders_of_bins)
{
    static const float certain[] = {1.0f / 3, 0, 1, 0, 0, 0, NAN, NAN};
    static const int32_t truths[] = {0, 1, 0, 0};
    const pt__metric_kind_t *kind = pt__metric_find("calibration_error");
    const int64_t columns[] = {2, 1};
    double sums[45] = {0};
    const pt__metric_source_t sources[] = {{.data = certain, .rows = 4, .columns = 2},
                                           {.data = truths, .rows = 4, .columns = 1, .ignore = PT_IGNORE_INDEX}};
    ck_assert_int_eq(kind->size(columns), 45);
    kind->add(sources, 4, sums);
    /* of three rows: 2/3 too few, 1 too much, 1 too few */
    ck_assert_double_eq_tol(kind->finish(sums, columns, 0), (2.0 / 3 + 1 + 1) / 3, 1e-7);
}
END_TEST

/* Of several labels a row: what holds and what is said to. */
START_TEST(test_several_labels)
{
    static const float said[] = {1, -1, 2, 0, -3, 1}, truths[] = {1, 1, 1, 0, 0, 0};
    const pt__metric_kind_t *f1 = pt__metric_find("micro_f1"), *accuracy = pt__metric_find("label_accuracy");
    const int64_t columns[] = {3, 3};
    double sums[2] = {0}, others[2] = {0};
    for (int32_t row = 0; row < 2; row++) {
        const pt__metric_source_t sources[] = {{.data = said + 3 * row, .rows = 1, .columns = 3},
                                               {.data = truths + 3 * row, .rows = 1, .columns = 3}};
        f1->add(sources, 1, sums);
        accuracy->add(sources, 1, others);
    }
    ck_assert_double_eq(f1->finish(sums, columns, 0), 2.0 * 2 / (3 + 3));
    ck_assert_double_eq(accuracy->finish(others, columns, 0), 4.0 / 6);
}
END_TEST

START_TEST(test_constant_targets)
{
    for (int32_t i = 0; i < PAIRS * OUTPUTS; i++)
        prediction[i] = target[i] = 0.1f;
    ck_assert_double_eq(value_of("r2", PAIRS, 4), 1);
    ck_assert(isnan(value_of("r2", 1, 4)));
    prediction[0] = 0.2f; /* of one of two outputs */
    ck_assert_double_eq(value_of("r2", PAIRS, 4), 0.5);
}
END_TEST

START_TEST(test_table)
{
    const int64_t columns[] = {1, 1};
    double sums[2] = {0};
    const float numerator = 3, denominator = 4;
    const pt__metric_kind_t *ratio = pt__metric_find("ratio"), *perplexity = pt__metric_find("perplexity");
    pt__metric_source_t sources[] = {{.data = &numerator, .rows = 1, .columns = 1}, {.data = &denominator, .rows = 1}};
    ck_assert_ptr_null(pt__metric_find("no such"));
    ck_assert_ptr_null(pt__metric_at(-1));
    ratio->add(sources, 10, sums);
    ck_assert_double_eq(ratio->finish(sums, columns, 0), 0.75);
    sources[1].data = NULL; /* samples */
    ratio->add(sources, 8, sums);
    ck_assert_double_eq(ratio->finish(sums, columns, 0), 0.5);
    sums[0] = 1;
    ck_assert_double_eq_tol(perplexity->finish(sums, columns, 2), exp(2.0), 1e-12);
    for (int32_t i = 0; pt__metric_at(i) != NULL; i++)
        ck_assert_ptr_eq(pt__metric_find(pt__metric_at(i)->name), pt__metric_at(i));
}
END_TEST

SUITE("metrics", 60, test_scikit_learn, test_what_counts_nothing, test_borders_of_bins, test_several_labels,
      test_constant_targets, test_table)
