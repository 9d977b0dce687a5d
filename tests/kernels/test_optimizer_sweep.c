/* The optimizers' sweeps against PyTorch's formulas in double precision, several steps on end. */
#include "kernels/every_device.h"

enum { STEPS = 5 };

typedef struct optimizer_case {
    pt__update_t update; /* options only */
    int adam;
    const float *gradients; /* [STEPS, count] */
} optimizer_case_t;

/* out is the parameters, the first slots, the second slots */
static void run_steps(pt__dev device, const void *argument, float *out)
{
    const optimizer_case_t *c = argument;
    pt__update_t update = c->update;
    int64_t n = update.count;
    update.parameter = out;
    update.first = out + n;
    update.second = out + 2 * n;
    for (int step = 0; step < STEPS; step++) {
        update.gradient = c->gradients + step * n;
        update.first_step = step == 0;
        update.bias_correction1 = 1.0 - pow(update.beta1, step + 1);
        update.bias_correction2 = 1.0 - pow(update.beta2, step + 1);
        if (c->adam)
            device->kernels->adam(device, &update);
        else
            device->kernels->sgd(device, &update);
    }
}

static void expect_step(const optimizer_case_t *c, int step, double gradient, double *p, double *first, double *second)
{
    const pt__update_t *u = &c->update;
    double g = gradient * (double)u->gradient_scale, limit = (double)u->clip_value;
    if (limit > 0.0)
        g = g > limit ? limit : g < -limit ? -limit : g;
    if (c->adam && u->decoupled)
        *p *= 1.0 - (double)u->rate * (double)u->weight_decay;
    else
        g += (double)u->weight_decay * *p;
    if (c->adam) {
        *first = u->beta1 * *first + (1.0 - u->beta1) * g;
        *second = u->beta2 * *second + (1.0 - u->beta2) * g * g;
        double root = sqrt(*second / (1.0 - pow(u->beta2, step + 1))) + (double)u->epsilon;
        *p -= (double)u->rate * *first / (1.0 - pow(u->beta1, step + 1)) / root;
        return;
    }
    if (u->momentum != 0.0f) {
        *first = step == 0 ? g : (double)u->momentum * *first + (1.0 - (double)u->dampening) * g;
        g = u->nesterov ? g + (double)u->momentum * *first : *first;
    }
    *p -= (double)u->rate * g;
}

static void check_optimizer(const char *what, const pt__update_t *update, int adam)
{
    int64_t n = update->count;
    float *gradients = draw_values(STEPS * n), *before = draw_values(3 * n);
    double *expected = zero_doubles(3 * n);
    optimizer_case_t c = {.update = *update, .adam = adam, .gradients = gradients};
    for (int64_t i = 0; i < n; i++) {
        if (adam)
            before[n + i] = before[2 * n + i] = 0.0f;
        for (int s = 0; s < 3; s++)
            expected[s * n + i] = (double)before[s * n + i];
        for (int step = 0; step < STEPS; step++)
            expect_step(&c, step, (double)gradients[step * n + i], &expected[i], &expected[n + i],
                        &expected[2 * n + i]);
    }
    on_every_device(what, run_steps, &c, 3 * n, before, expected, 2e-6);
    free(gradients), free(before), free(expected);
}

START_TEST(test_optimizers)
{
    static const int64_t counts[] = {0, 1, 10, 33, 8192, 100001};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        pt__update_t base = {
            .count = counts[i], .gradient_scale = 0.5f, .rate = 0.01f, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8f};
        pt__update_t update = base;
        check_optimizer("sgd", &update, 0);
        update.weight_decay = 0.1f;
        update.momentum = 0.9f;
        check_optimizer("sgd with momentum", &update, 0);
        update.dampening = 0.3f;
        update.clip_value = 0.2f;
        check_optimizer("sgd with dampening, clipped", &update, 0);
        update.dampening = 0.0f;
        update.nesterov = 1;
        check_optimizer("nesterov", &update, 0);
        update = base;
        check_optimizer("adam", &update, 1);
        update.weight_decay = 0.1f;
        check_optimizer("adam with decay", &update, 1);
        update.decoupled = 1;
        update.clip_value = 0.1f;
        check_optimizer("adamw", &update, 1);
    }
}
END_TEST

START_TEST(test_not_a_number_comes_through)
{
    float gradients[STEPS * 20] = {0}, before[60] = {0};
    double expected[60] = {0};
    gradients[3] = NAN;
    expected[3] = expected[23] = expected[43] = NAN;
    pt__update_t update = {.count = 20,
                           .gradient_scale = 1.0f,
                           .clip_value = 0.5f,
                           .rate = 0.1f,
                           .beta1 = 0.9,
                           .beta2 = 0.99,
                           .epsilon = 1e-8f};
    optimizer_case_t c = {.update = update, .adam = 1, .gradients = gradients};
    on_every_device("NaN in a gradient", run_steps, &c, 60, before, expected, 0.0);
}
END_TEST

SUITE("optimizer sweep", 60, test_optimizers, test_not_a_number_comes_through)
