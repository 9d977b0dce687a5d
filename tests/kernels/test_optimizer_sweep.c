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

SUITE("optimizer sweep", 60, test_optimizers, test_not_a_number_comes_through)
