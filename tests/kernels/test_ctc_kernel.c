/* CTC's loss and gradient: PyTorch's of a thousand drawn cases; published ones; many rows, over which states must keep
 * their digits; logits that are infinite. */
#include "kernels/every_device.h"
#include "support/golden.h"

typedef struct ctc_case { /* of one sample */
    int64_t rows, classes, targets;
    float *logits, *along;
    int32_t *target;
    int32_t blank, zero_infinite;
} ctc_case_t;

/* out: loss, weight, the sample's loss, gradient */
static void run_case(pt__dev device, const void *argument, float *out)
{
    const ctc_case_t *c = argument;
    const int32_t offsets[] = {0, (int32_t)c->rows}, borders[] = {0, (int32_t)c->targets};
    pt__ctc_t ctc = {.samples = 1,
                     .classes = c->classes,
                     .blank = c->blank,
                     .offsets = offsets,
                     .target_offsets = borders,
                     .logits = c->logits,
                     .targets = c->target,
                     .zero_infinite = c->zero_infinite,
                     .loss = out,
                     .weight = out + 1,
                     .sample_loss = out + 2,
                     .d_logits = out + 3};
    ctc.scratch = malloc((size_t)pt__ctc_scratch(1, c->rows, c->targets) * sizeof(float));
    ck_assert(ctc.scratch != NULL);
    device->kernels->ctc(device, &ctc);
    free(ctc.scratch);
}

/* ---- PyTorch's: make_ctc.py draws the same */

enum { CASES = 1000 };
static uint32_t state;

static int32_t draw(int64_t below)
{
    state = state * 1664525u + 1013904223u;
    return (int32_t)((int64_t)(state >> 8) * below >> 24);
}

static float real(void)
{
    return (float)(draw(1 << 20) - (1 << 19)) / (float)(1 << 17);
}

static ctc_case_t draw_case(void)
{
    ctc_case_t c = {.zero_infinite = 1};
    c.rows = 1 + draw(40);
    c.classes = 2 + draw(1 + draw(30));
    c.targets = draw(1 + c.rows * (1 + draw(4)) / 4);
    c.blank = draw(c.classes);
    c.logits = malloc((size_t)(c.rows * c.classes) * sizeof(float));
    c.along = malloc((size_t)(c.rows * c.classes) * sizeof(float));
    c.target = malloc((size_t)(c.targets + 1) * sizeof(int32_t));
    ck_assert(c.logits != NULL && c.along != NULL && c.target != NULL);
    for (int64_t i = 0; i < c.rows * c.classes; i++)
        c.logits[i] = real();
    for (int64_t i = 0; i < c.targets; i++) {
        c.target[i] = draw(c.classes - 1);
        c.target[i] += c.target[i] >= c.blank;
    }
    for (int64_t i = 0; i < c.rows * c.classes; i++)
        c.along[i] = real();
    return c;
}

static void free_case(ctc_case_t *c)
{
    free(c->logits), free(c->along), free(c->target);
}

typedef struct sums {
    const ctc_case_t *c;
    float *out;
} sums_t;

/* out: loss, the gradient along a direction, its square */
static void run_sums(pt__dev device, const void *argument, float *out)
{
    const sums_t *s = argument;
    double along = 0, square = 0;
    run_case(device, s->c, s->out);
    for (int64_t i = 0; i < s->c->rows * s->c->classes; i++) {
        along += (double)s->out[3 + i] * (double)s->c->along[i];
        square += (double)s->out[3 + i] * (double)s->out[3 + i];
    }
    out[0] = s->out[0];
    out[1] = (float)along;
    out[2] = (float)square;
}

START_TEST(test_pytorch)
{
    state = 7;
    golden_read("tests/golden/ctc.txt");
    for (int32_t i = 0; i < CASES; i++) {
        char name[16];
        double expected[3];
        ctc_case_t c = draw_case();
        sums_t sums = {&c, malloc((size_t)(3 + c.rows * c.classes) * sizeof(float))};
        snprintf(name, sizeof name, "%d", i);
        ck_assert_int_eq(golden_numbers(name, expected, 3), 3);
        on_every_device(name, run_sums, &sums, 3, NULL, expected, 1e-5);
        free(sums.out);
        free_case(&c);
    }
}
END_TEST

/* ---- Published ones */

START_TEST(test_published)
{
    /* warp-ctc's basic test */
    float logits[] = {0.1f, 0.6f, 0.1f, 0.1f, 0.1f, 0.1f, 0.1f, 0.6f, 0.1f, 0.1f};
    int32_t target[] = {1, 2};
    const double expected[] = {2.46286,  1,        2.46286,  0.177031,  -0.708125, 0.177031, 0.177031,
                               0.177031, 0.177031, 0.177031, -0.708125, 0.177031,  0.177031};
    ctc_case_t c = {.rows = 2, .classes = 5, .targets = 2, .logits = logits, .target = target};
    on_every_device("warp-ctc", run_case, &c, 13, NULL, expected, 1e-5);
    /* Graves' thesis, 7.4 */
    float paths[] = {0.633766f,  0.221185f, 0.0917319f, 0.0129757f,  0.0142857f,  0.0260553f,
                     0.111121f,  0.588392f, 0.278779f,  0.0055756f,  0.00569609f, 0.010436f,
                     0.0357786f, 0.633813f, 0.321418f,  0.00249248f, 0.00272882f, 0.0037688f,
                     0.0663296f, 0.643849f, 0.280111f,  0.00283995f, 0.0035545f,  0.00331533f,
                     0.458235f,  0.396634f, 0.123377f,  0.00648837f, 0.00903441f, 0.00623107f};
    int32_t letters[] = {0, 1, 2, 1, 0};
    double of_paths[33] = {3.34211, 1, 3.34211};
    for (int32_t i = 0; i < 30; i++) {
        of_paths[3 + i] = (double)paths[i] - (i % 6 == letters[i / 6] ? 1 : 0);
        paths[i] = logf(paths[i]);
    }
    ctc_case_t graves = {.rows = 5, .classes = 6, .targets = 5, .logits = paths, .target = letters, .blank = 5};
    on_every_device("Graves", run_case, &graves, 33, NULL, of_paths, 1e-5);
}
END_TEST

/* ---- Extremes */

/* Equal logits: each of the classes has 1/2, so that the loss is rows ln 2 - ln (paths), and paths to one target of
 * rows - 1 equal ones are all but known: those with one run, rows (rows + 1) / 2. */
START_TEST(test_many_rows)
{
    enum { ROWS = 4000 };
    int32_t target = 1;
    ctc_case_t c = {.rows = ROWS, .classes = 2, .targets = 1, .target = &target};
    c.logits = calloc(2 * ROWS, sizeof(float));
    double *expected = zero_doubles(3 + 2 * ROWS), paths = 0.5 * ROWS * (ROWS + 1.0);
    expected[0] = expected[2] = ROWS * log(2) - log(paths);
    expected[1] = 1;
    for (int64_t t = 0; t < ROWS; t++) { /* runs that hold row t, of all */
        double share = (double)(t + 1) * (double)(ROWS - t) / paths;
        expected[3 + 2 * t] = 0.5 - (1 - share);
        expected[4 + 2 * t] = 0.5 - share;
    }
    /* what states lose in a row adds up */
    on_every_device("many rows", run_case, &c, 3 + 2 * ROWS, NULL, expected, 1e-4);
    free(expected);
    free(c.logits);
}
END_TEST

START_TEST(test_infinite_logits)
{
    float logits[] = {0, -INFINITY, 0, 0, -INFINITY, 0};
    int32_t target[] = {1};
    double expected[9] = {INFINITY, 1, INFINITY, NAN, NAN, NAN, NAN, NAN, NAN}, zeros[9] = {0, 1};
    ctc_case_t c = {.rows = 2, .classes = 3, .targets = 1, .logits = logits, .target = target};
    on_every_device("no probability", run_case, &c, 9, NULL, expected, 0);
    c.zero_infinite = 1;
    on_every_device("no probability that counts", run_case, &c, 9, NULL, zeros, 0);
    /* another class' is none of the targets' business */
    target[0] = 2;
    const double half[9] = {-log(0.75),    1, -log(0.75),   0.5 - 1.0 / 3, 0, 0.5 - 2.0 / 3,
                            0.5 - 1.0 / 3, 0, 0.5 - 2.0 / 3};
    on_every_device("a class without probability", run_case, &c, 9, NULL, half, 1e-6);
    logits[0] = NAN;
    double bad[9] = {NAN, 1, NAN, NAN, NAN, NAN, NAN, 0, NAN};
    on_every_device("NaN", run_case, &c, 9, NULL, bad, 0);
}
END_TEST

SUITE("ctc kernel", 120, test_pytorch, test_published, test_many_rows, test_infinite_logits)
