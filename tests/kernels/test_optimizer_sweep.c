/* The optimizers' sweeps against PyTorch's formulas in double precision, several steps on end. */
#include "kernels/every_device.h"

enum { STEPS = 5 };

typedef struct optimizer_case {
    pt__update_t update; /* options only, as of the one that is there */
    const pt__sgd_t *sgd;
    const pt__adam_t *adam;
    const float *gradients; /* [STEPS, count] */
} optimizer_case_t;

/* out is the parameters, then three slots */
static void run_steps(pt__dev device, const void *argument, float *out)
{
    const optimizer_case_t *c = argument;
    pt__update_t update = c->update;
    int64_t n = update.count;
    update.parameter = out;
    for (int step = 0; step < STEPS; step++) {
        update.gradient = c->gradients + step * n;
        if (c->adam != NULL) {
            pt__adam_t adam = *c->adam;
            adam.exp_avg = out + n;
            adam.exp_avg_sq = out + 2 * n;
            adam.max_exp_avg_sq = c->adam->max_exp_avg_sq != NULL ? out + 3 * n : NULL;
            adam.bias_correction1 = 1.0 - pow(adam.beta1, step + 1);
            adam.bias_correction2 = 1.0 - pow(adam.beta2, step + 1);
            device->kernels->adam(device, &update, &adam);
        } else {
            pt__sgd_t sgd = *c->sgd;
            sgd.momentum_buffer = out + n;
            sgd.first_step = step == 0;
            device->kernels->sgd(device, &update, &sgd);
        }
    }
}

/* slots[0] and slots[n] are Adam's moments, slots[2 * n] amsgrad's; slots[0] is the momentum buffer. */
static void expect_step(const optimizer_case_t *c, int step, double gradient, double *p, double *slots)
{
    const pt__update_t *u = &c->update;
    const pt__sgd_t *sgd = c->sgd;
    const pt__adam_t *adam = c->adam;
    int64_t n = u->count;
    double g = gradient * (double)u->gradient_scale, limit = (double)u->clip_value;
    if (limit > 0.0)
        g = g > limit ? limit : g < -limit ? -limit : g;
    if (adam != NULL && adam->decoupled)
        *p *= 1.0 - (double)u->rate * (double)u->weight_decay;
    else
        g += (double)u->weight_decay * *p;
    if (adam != NULL) {
        slots[0] = adam->beta1 * slots[0] + (1.0 - adam->beta1) * g;
        slots[n] = adam->beta2 * slots[n] + (1.0 - adam->beta2) * g * g;
        if (adam->max_exp_avg_sq != NULL)
            slots[2 * n] = fmax(slots[2 * n], slots[n]);
        double second = adam->max_exp_avg_sq != NULL ? slots[2 * n] : slots[n];
        double root = sqrt(second / (1.0 - pow(adam->beta2, step + 1))) + (double)adam->epsilon;
        *p -= (double)u->rate * slots[0] / (1.0 - pow(adam->beta1, step + 1)) / root;
        return;
    }
    if (sgd->momentum != 0.0f) {
        slots[0] = step == 0 ? g : (double)sgd->momentum * slots[0] + (1.0 - (double)sgd->dampening) * g;
        g = sgd->nesterov ? g + (double)sgd->momentum * slots[0] : slots[0];
    }
    *p -= (double)u->rate * g;
}

static void check_optimizer(const char *what, const pt__update_t *update, const pt__sgd_t *sgd, const pt__adam_t *adam)
{
    int64_t n = update->count;
    float *gradients = draw_values(STEPS * n), *before = draw_values(4 * n);
    double *expected = zero_doubles(4 * n);
    optimizer_case_t c = {.update = *update, .sgd = sgd, .adam = adam, .gradients = gradients};
    for (int64_t i = 0; i < n; i++) {
        for (int s = 1; s < 4 && adam != NULL; s++)
            before[s * n + i] = 0.0f;
        for (int s = 0; s < 4; s++)
            expected[s * n + i] = (double)before[s * n + i];
        for (int step = 0; step < STEPS; step++)
            expect_step(&c, step, (double)gradients[step * n + i], &expected[i], &expected[n + i]);
    }
    on_every_device(what, run_steps, &c, 4 * n, before, expected, 2e-6);
    free(gradients), free(before), free(expected);
}

START_TEST(test_optimizers)
{
    static const int64_t counts[] = {0, 1, 10, 33, 8192, 100001};
    float wanted; /* whose address says that there is such a slot */
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        const pt__update_t base = {.count = counts[i], .gradient_scale = 0.5f, .rate = 0.01f};
        pt__update_t update = base;
        pt__sgd_t sgd = {0};
        pt__adam_t adam = {.beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8f};
        check_optimizer("sgd", &update, &sgd, NULL);
        update.weight_decay = 0.1f;
        sgd.momentum = 0.9f;
        check_optimizer("sgd with momentum", &update, &sgd, NULL);
        sgd.dampening = 0.3f;
        update.clip_value = 0.2f;
        check_optimizer("sgd with dampening, clipped", &update, &sgd, NULL);
        sgd.dampening = 0.0f;
        sgd.nesterov = 1;
        check_optimizer("nesterov", &update, &sgd, NULL);
        update = base;
        check_optimizer("adam", &update, NULL, &adam);
        update.weight_decay = 0.1f;
        check_optimizer("adam with decay", &update, NULL, &adam);
        adam.decoupled = 1;
        update.clip_value = 0.1f;
        check_optimizer("adamw", &update, NULL, &adam);
        adam.max_exp_avg_sq = &wanted;
        adam.beta2 = 0.5; /* so that the largest is not always the last */
        check_optimizer("adamw with amsgrad", &update, NULL, &adam);
    }
}
END_TEST

START_TEST(test_not_a_number_comes_through)
{
    float gradients[STEPS * 20] = {0}, before[80] = {0};
    double expected[80] = {0};
    gradients[3] = NAN;
    expected[3] = expected[23] = expected[43] = NAN;
    pt__update_t update = {.count = 20, .gradient_scale = 1.0f, .clip_value = 0.5f, .rate = 0.1f};
    pt__adam_t adam = {.beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-8f};
    optimizer_case_t c = {.update = update, .adam = &adam, .gradients = gradients};
    on_every_device("NaN in a gradient", run_steps, &c, 80, before, expected, 0.0);
}
END_TEST

/* ---- Adafactor */

typedef struct tensor_case {
    int64_t matrices, rows, columns; /* rows 0: a vector */
    const float *gradients;
} tensor_case_t;

enum { FACTORED_STEPS = 3 };

/* out is the parameters, then the running means */
static void run_adafactor(pt__dev device, const void *argument, float *out)
{
    const tensor_case_t *c = argument;
    int64_t rows = c->rows > 0 ? c->rows : 1, n = c->matrices * rows * c->columns;
    for (int step = 1; step <= FACTORED_STEPS; step++) {
        const pt__update_t update = {.count = n,
                                     .parameter = out,
                                     .gradient = c->gradients + (step - 1) * n,
                                     .gradient_scale = -0.5f,
                                     .clip_value = 0.4f,
                                     .rate = 0.1f,
                                     .weight_decay = 0.1f};
        const pt__adafactor_t adafactor = {.matrices = c->matrices,
                                           .rows = rows,
                                           .columns = c->columns,
                                           .row_var = c->rows > 0 ? out + n : NULL,
                                           .col_var = c->rows > 0 ? out + n + c->matrices * rows : NULL,
                                           .variance = c->rows > 0 ? NULL : out + n,
                                           .weight = pow(step, -0.8),
                                           .step = 0.1,
                                           .epsilon = 1e-7,
                                           .scale_floor = 1e-3,
                                           .update_limit = 1};
        device->kernels->adafactor(device, &update, &adafactor);
    }
}

static double limited_gradient(const tensor_case_t *c, int64_t i)
{
    return fmax(-(double)0.4f, fmin((double)0.4f, -0.5 * (double)c->gradients[i]));
}

static void expect_means(const tensor_case_t *c, int64_t first, double weight, double *means)
{
    for (int64_t m = 0; m < c->matrices; m++)
        for (int64_t r = 0; r < c->rows; r++) {
            double sum = 0.0;
            for (int64_t k = 0; k < c->columns; k++)
                sum += pow(limited_gradient(c, first + (m * c->rows + r) * c->columns + k), 2.0);
            means[m * c->rows + r] += weight * (sum / (double)c->columns - means[m * c->rows + r]);
        }
    means += c->matrices * c->rows;
    for (int64_t m = 0; m < c->matrices; m++)
        for (int64_t k = 0; k < c->columns; k++) {
            double sum = 0.0;
            for (int64_t r = 0; r < c->rows; r++)
                sum += pow(limited_gradient(c, first + (m * c->rows + r) * c->columns + k), 2.0);
            means[m * c->columns + k] += weight * (sum / (double)c->rows - means[m * c->columns + k]);
        }
}

/* The variance of element i, of a matrix from its rows' and columns' means. */
static double expect_variance(const tensor_case_t *c, const double *means, int64_t i)
{
    if (c->rows == 0)
        return means[i];
    int64_t row = i / c->columns, matrix = row / c->rows;
    double sum = 0.0;
    for (int64_t r = 0; r < c->rows; r++)
        sum += means[matrix * c->rows + r];
    return means[row] * means[c->matrices * c->rows + matrix * c->columns + i % c->columns] /
           fmax(sum / (double)c->rows, 1e-7);
}

static void check_adafactor(int64_t matrices, int64_t rows, int64_t columns)
{
    int64_t n = matrices * (rows > 0 ? rows : 1) * columns, more = rows > 0 ? matrices * (rows + columns) : columns;
    float *gradients = draw_values(FACTORED_STEPS * n), *before = draw_values(n + more);
    double *expected = zero_doubles(n + more), *update = zero_doubles(n);
    const tensor_case_t c = {matrices, rows, columns, gradients};
    for (int64_t i = 0; i < n + more; i++) {
        before[i] = i < n ? before[i] : 0.0f;
        expected[i] = (double)before[i];
    }
    for (int step = 1; step <= FACTORED_STEPS; step++) {
        double weight = pow(step, -0.8), parameters = 0.0, updates = 0.0, *means = expected + n;
        int64_t first = (step - 1) * n;
        if (rows > 0)
            expect_means(&c, first, weight, means);
        for (int64_t i = 0; i < n; i++) {
            double g = limited_gradient(&c, first + i);
            if (rows == 0)
                means[i] += weight * (g * g - means[i]);
            update[i] = g / sqrt(fmax(expect_variance(&c, means, i), 1e-14));
            updates += update[i] * update[i];
            parameters += expected[i] * expected[i];
        }
        double factor = 0.1 * fmax(1e-3, sqrt(parameters / (double)n)) / fmax(1.0, sqrt(updates / (double)n));
        for (int64_t i = 0; i < n; i++)
            expected[i] = expected[i] * (1.0 - (double)0.1f * (double)0.1f) - factor * update[i];
    }
    on_every_device("adafactor", run_adafactor, &c, n + more, before, expected, 2e-6);
    free(gradients), free(before), free(expected), free(update);
}

START_TEST(test_adafactor)
{
    static const int64_t sizes[][3] = {{1, 0, 1},   {1, 0, 37},    {1, 0, 100001}, {1, 1, 1}, {1, 3, 5},   {1, 1, 130},
                                       {1, 300, 1}, {1, 129, 257}, {1, 3, 20000},  {7, 3, 3}, {300, 3, 3}, {5, 33, 65}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        check_adafactor(sizes[i][0], sizes[i][1], sizes[i][2]);
}
END_TEST

/* More matrices than have room for their means at once. */
START_TEST(test_adafactor_of_many_matrices)
{
    check_adafactor(100000, 1, 2);
}
END_TEST

SUITE("optimizer sweep", 60, test_optimizers, test_not_a_number_comes_through, test_adafactor,
      test_adafactor_of_many_matrices)
