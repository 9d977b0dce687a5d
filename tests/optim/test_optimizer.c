/* Optimizers against torch.optim (tests/golden/make_optimizers.py), and what they promise beyond it: parameters that
 * come later, joined sweeps, gradients that are not finite, state for checkpoints, the same bits at any thread
 * count. Long, as every promise is held against every kind of optimizer in the same small world. */
#include <math.h>

#include "optim/optimizer.h"
#include "support/failing_allocator.h"
#include "support/golden.h"

enum { STEPS = 20, A = 15, B = 7, APART = 64 };

static const int64_t A_SIZE[] = {3, 5}, B_SIZE[] = {B};

typedef struct world { /* two parameters, in one block as a model has them, or far from each other */
    pt_context_t *context;
    pt_optimizer_t *optimizer;
    float values[256], gradients[256];
    pt__learnable_t learnables[2];
    uint64_t identity;
} world_t;

static void place(world_t *world, int64_t distance)
{
    world->learnables[0] = (pt__learnable_t){.name = "a.weight",
                                             .rank = 2,
                                             .size = A_SIZE,
                                             .elements = A,
                                             .value = world->values,
                                             .gradient = world->gradients};
    world->learnables[1] = (pt__learnable_t){.name = "b.bias",
                                             .rank = 1,
                                             .size = B_SIZE,
                                             .elements = B,
                                             .value = world->values + distance,
                                             .gradient = world->gradients + distance};
}

static void begin_with(world_t *world, const pt_optimizer_options_t *options, int64_t distance, int32_t threads)
{
    pt_context_options_t context_options;
    memset(world, 0, sizeof *world);
    ck_ok(pt_context_options_init(&context_options, sizeof context_options));
    context_options.threads = threads;
    ck_ok(pt_context_create(&context_options, &world->context));
    ck_ok(pt_optimizer_create(world->context, options, &world->optimizer));
    place(world, distance);
}

static void begin(world_t *world, const pt_optimizer_options_t *options, int64_t distance)
{
    begin_with(world, options, distance, 1);
}

static void end(world_t *world)
{
    pt_optimizer_free(world->optimizer);
    pt_context_free(world->context);
}

static pt_optimizer_options_t options_of(int32_t kind)
{
    pt_optimizer_options_t options;
    ck_ok(pt_optimizer_options_init(&options, sizeof options));
    options.kind = kind;
    return options;
}

static void bind(world_t *world, int64_t count)
{
    ck_ok(pt__optimizer_bind(world->optimizer, world->learnables, count, NULL, 0, ++world->identity));
}

static pt_status_t update(world_t *world, double weight, pt__update_result_t *result)
{
    return pt__optimizer_update(world->optimizer, world->context->device, weight, NULL, 0, result);
}

/* NULL where there is none. */
static float *slot_of(const world_t *world, int64_t index, int32_t number)
{
    pt__slot_t slot;
    return pt__optimizer_slot(world->optimizer, index, number, &slot) ? slot.data : NULL;
}

static void set_gradients(world_t *world, float value)
{
    for (int64_t i = 0; i < A; i++)
        ((float *)world->gradients)[i] = value;
    for (int64_t i = 0; i < B; i++)
        world->gradients[(world->learnables[1].gradient - world->gradients) + i] = value;
}

/* ---- PyTorch ---- */

enum {
    KIND,
    RATE,
    MOMENTUM,
    DAMPENING,
    NESTEROV,
    BETA1,
    BETA2,
    EPSILON,
    DECAY,
    CLIP_NORM,
    CLIP_VALUE,
    FACTOR_B,
    DECAY_B,
    LATE,
    FLAGS,
    BETA2_DECAY,
    SCALE_FLOOR,
    UPDATE_LIMIT,
    KIND_B,
    NESTEROV_B,
    BETA1_B,
    BETA2_B,
    EPSILON_B,
    MOMENTUM_B,
    SETTINGS
};

static const char *key(const char *name, const char *what, const char *parameter)
{
    static char joined[128];
    snprintf(joined, sizeof joined, "%s %s%s%s", name, what, *parameter != 0 ? " " : "", parameter);
    return joined;
}

static void compare(const char *where, const float *found, int64_t count)
{
    double expected[A];
    ck_assert_int_eq(golden_numbers(where, expected, A), count);
    for (int64_t i = 0; i < count; i++)
        ck_assert_msg(fabs((double)found[i] - expected[i]) <= 2e-6 * fmax(1.0, fabs(expected[i])),
                      "%s[%d]: %.9g, expected %.9g", where, (int)i, (double)found[i], expected[i]);
}

static void load_gradients(world_t *world, int64_t step, double weight, int64_t distance)
{
    char name[32];
    snprintf(name, sizeof name, "gradient %d", (int)step);
    golden_floats(key(name, "a", ""), world->gradients, A);
    golden_floats(key(name, "b", ""), world->gradients + distance, B);
    for (int64_t i = 0; i < 256; i++) /* gradients come as those of a weighted sum */
        world->gradients[i] *= (float)weight;
}

static void compare_slots(const world_t *world, const char *name)
{
    pt__slot_t slot;
    for (int32_t number = 0; number < PT__MOST_SLOTS; number++)
        for (int64_t i = 0; i < 2; i++)
            if (pt__optimizer_slot(world->optimizer, i, number, &slot))
                compare(key(name, slot.name, i == 0 ? "a" : "b"), slot.data, slot.elements);
}

/* For b, where it is treated differently. */
static void add_group_of(world_t *world, const double *settings)
{
    pt_group_options_t group;
    ck_ok(pt_group_options_init(&group, sizeof group));
    group.learning_rate_factor = settings[FACTOR_B];
    group.weight_decay = settings[DECAY_B];
    group.kind = (int32_t)settings[KIND_B];
    group.nesterov = (int32_t)settings[NESTEROV_B];
    group.beta1 = settings[BETA1_B];
    group.beta2 = settings[BETA2_B];
    group.epsilon = settings[EPSILON_B];
    group.momentum = settings[MOMENTUM_B];
    int32_t differs = group.learning_rate_factor != 1 || group.weight_decay != settings[DECAY];
    for (int32_t i = KIND_B; i <= MOMENTUM_B; i++)
        differs |= settings[i] != -1;
    if (differs)
        ck_ok(pt_optimizer_add_group(world->optimizer, "b.*", &group));
}

static void check_case(const char *name, int64_t distance, double weight)
{
    double settings[SETTINGS];
    world_t world;
    pt__update_result_t result;
    golden_read("tests/golden/optimizers.txt");
    ck_assert_int_eq(golden_numbers(key(name, "settings", ""), settings, SETTINGS), SETTINGS);
    pt_optimizer_options_t options = options_of((int32_t)settings[KIND]);
    options.learning_rate = settings[RATE];
    options.momentum = settings[MOMENTUM];
    options.dampening = settings[DAMPENING];
    options.nesterov = (int32_t)settings[NESTEROV];
    options.beta1 = settings[BETA1];
    options.beta2 = settings[BETA2];
    options.epsilon = settings[EPSILON];
    options.weight_decay = settings[DECAY];
    options.clip_norm = settings[CLIP_NORM];
    options.clip_value = settings[CLIP_VALUE];
    options.flags = (uint32_t)settings[FLAGS];
    options.beta2_decay = settings[BETA2_DECAY];
    options.scale_floor = settings[SCALE_FLOOR];
    options.update_limit = settings[UPDATE_LIMIT];
    begin(&world, &options, distance);
    add_group_of(&world, settings);
    golden_floats("a", world.values, A);
    golden_floats("b", world.values + distance, B);
    for (int64_t step = 0; step < STEPS; step++) {
        if (step == 0 || step == (int64_t)settings[LATE])
            bind(&world, step < (int64_t)settings[LATE] ? 1 : 2);
        load_gradients(&world, step, weight, distance);
        ck_ok(update(&world, weight, &result));
        ck_assert_int_eq(result.skipped, 0);
        ck_assert_double_eq(result.learning_rate, settings[RATE]);
    }
    compare(key(name, "a", ""), world.values, A);
    compare(key(name, "b", ""), world.values + distance, B);
    compare_slots(&world, name);
    for (int64_t i = 0; i < 256; i++) /* gaps stay zero */
        ck_assert(i < A || (i >= distance && i < distance + B) || world.values[i] == 0);
    end(&world);
}

START_TEST(test_torch)
{
    static const char *const names[] = {"sgd",
                                        "sgd_decay",
                                        "sgd_momentum",
                                        "sgd_dampening",
                                        "sgd_nesterov",
                                        "sgd_late",
                                        "adam",
                                        "adam_decay",
                                        "adam_late",
                                        "adamw",
                                        "adamw_groups",
                                        "adamw_late",
                                        "clip_norm",
                                        "clip_value",
                                        "clip_both",
                                        "sgd_maximize",
                                        "sgd_group",
                                        "adam_amsgrad",
                                        "adam_maximize",
                                        "adamw_amsgrad",
                                        "adamw_betas",
                                        "kind_group",
                                        "adam_beta2",
                                        "adafactor",
                                        "adafactor_decay",
                                        "adafactor_options",
                                        "adafactor_late",
                                        "adafactor_group"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        check_case(names[i], 16, 1.0);
        check_case(names[i], APART, 1.0);
        check_case(names[i], 16, 4.0);
    }
}
END_TEST

/* ---- Bindings ---- */

START_TEST(test_neighbours_share_a_sweep)
{
    world_t world;
    pt_optimizer_options_t options = options_of(PT_OPTIMIZER_ADAMW);
    begin(&world, &options, 16);
    bind(&world, 2);
    ck_assert_int_eq(world.optimizer->binding->n_sweeps, 1);
    ck_assert_int_eq(world.optimizer->binding->n_spans, 1);
    ck_assert_int_eq(world.optimizer->binding->sweeps[0].count, 16 + B);
    place(&world, APART);
    bind(&world, 2);
    ck_assert_int_eq(world.optimizer->binding->n_sweeps, 2);
    ck_assert_int_eq(world.optimizer->binding->n_spans, 2);
    place(&world, 16);
    world.learnables[1].value = world.values + APART; /* only the gradients are neighbours */
    bind(&world, 2);
    ck_assert_int_eq(world.optimizer->binding->n_sweeps, 2);
    ck_assert_int_eq(world.optimizer->binding->n_spans, 1);
    end(&world);

    options.flags = PT_OPTIMIZER_DECAY_MATRICES; /* treated differently, whether neighbours or not */
    begin(&world, &options, 16);
    bind(&world, 2);
    ck_assert_int_eq(world.optimizer->binding->n_sweeps, 2);
    ck_assert_int_eq(world.optimizer->binding->n_spans, 1);
    end(&world);
}
END_TEST

/* Without an epsilon, or with one that is taken as zero, a sweep across a gap would divide 0 by 0 there. */
START_TEST(test_no_epsilon)
{
    static const double epsilons[] = {0, 1e-40};
    for (int k = 0; k < 2; k++) {
        world_t world;
        pt__update_result_t result;
        pt_optimizer_options_t options = options_of(PT_OPTIMIZER_ADAM);
        options.epsilon = epsilons[k];
        begin(&world, &options, 16);
        set_gradients(&world, 1.0f);
        bind(&world, 2);
        ck_assert_int_eq(world.optimizer->binding->n_sweeps, 2);
        ck_ok(update(&world, 1.0, &result));
        for (int64_t i = 0; i < 256; i++)
            ck_assert(isfinite(world.values[i]));
        end(&world);
    }
}
END_TEST

START_TEST(test_same_identity_changes_nothing)
{
    world_t world;
    pt_optimizer_options_t options = options_of(PT_OPTIMIZER_ADAM);
    begin(&world, &options, 16);
    bind(&world, 2);
    ck_assert(pt__optimizer_is_bound(world.optimizer, world.identity) &&
              !pt__optimizer_is_bound(world.optimizer, world.identity + 1));
    ck_ok(pt__optimizer_bind(world.optimizer, NULL, 0, NULL, 0, world.identity));
    ck_assert_int_eq(world.optimizer->binding->count, 2);
    end(&world);
}
END_TEST

START_TEST(test_slots_follow_names_and_sizes)
{
    world_t world;
    pt_optimizer_options_t options = options_of(PT_OPTIMIZER_SGD);
    options.momentum = 0.5;
    begin(&world, &options, 16);
    bind(&world, 2);
    float *kept = slot_of(&world, 0, 0);
    for (int64_t i = 0; i < A; i++)
        kept[i] = (float)i;
    slot_of(&world, 1, 0)[B - 1] = 5.0f;
    place(&world, APART); /* moved, otherwise the same: the slots need not move */
    bind(&world, 2);
    ck_assert_ptr_eq(slot_of(&world, 0, 0), kept);

    pt__learnable_t a = world.learnables[0];
    world.learnables[0] = world.learnables[1]; /* another order */
    world.learnables[1] = a;
    bind(&world, 2);
    ck_assert_float_eq(slot_of(&world, 0, 0)[B - 1], 5.0f);
    ck_assert_float_eq(slot_of(&world, 1, 0)[A - 1], (float)(A - 1));

    const int64_t smaller[] = {B - 1}, turned[] = {5, 3};
    world.learnables[0].elements = B - 1; /* another size: new */
    world.learnables[0].size = smaller;
    bind(&world, 2);
    for (int64_t i = 0; i < B - 1; i++)
        ck_assert_float_eq(slot_of(&world, 0, 0)[i], 0.0f);
    ck_assert_float_eq(slot_of(&world, 1, 0)[A - 1], (float)(A - 1));
    world.learnables[1].size = turned; /* another shape of as many elements: new */
    bind(&world, 2);
    for (int64_t i = 0; i < A; i++)
        ck_assert_float_eq(slot_of(&world, 1, 0)[i], 0.0f);
    ck_assert_ptr_null(slot_of(&world, 2, 0));
    ck_assert_ptr_null(slot_of(&world, 0, 1));
    ck_assert_ptr_null(slot_of(&world, -1, 0));
    bind(&world, 0);
    ck_assert_ptr_null(slot_of(&world, 0, 0));
    end(&world);
}
END_TEST

START_TEST(test_slot_bytes)
{
    static const struct {
        int32_t kind;
        uint32_t flags;
        double momentum;
        int64_t bytes; /* for each element */
    } cases[] = {{PT_OPTIMIZER_SGD, 0, -1, 0},
                 {PT_OPTIMIZER_SGD, 0, 0, 0},
                 {PT_OPTIMIZER_SGD, 0, 0.9, 4},
                 {PT_OPTIMIZER_ADAM, 0, 0, 8},
                 {PT_OPTIMIZER_ADAMW, 0, -1, 8},
                 {PT_OPTIMIZER_ADAM, PT_OPTIMIZER_AMSGRAD, 0, 12},
                 {PT_OPTIMIZER_ADAMW, PT_OPTIMIZER_AMSGRAD, 0, 12}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        world_t world;
        pt_optimizer_options_t options = options_of(cases[i].kind);
        options.momentum = cases[i].momentum;
        options.flags = cases[i].flags;
        begin(&world, &options, 16);
        ck_assert_int_eq(pt__optimizer_slot_bytes(world.optimizer, &world.learnables[0]), A * cases[i].bytes);
        ck_assert_ptr_null(slot_of(&world, 0, 0)); /* nothing is bound */
        end(&world);
    }
}
END_TEST

/* Of two parameters only one may have a slot; what has none takes no room. */
START_TEST(test_slots_of_some)
{
    world_t world;
    pt__slot_t slot;
    pt_group_options_t group;
    pt_optimizer_options_t options = options_of(PT_OPTIMIZER_SGD);
    begin(&world, &options, 16);
    ck_ok(pt_group_options_init(&group, sizeof group));
    group.momentum = 0.9;
    ck_ok(pt_optimizer_add_group(world.optimizer, "b.*", &group));
    ck_assert(!pt__optimizer_slot_of(world.optimizer, &world.learnables[0], 0, &slot));
    ck_assert(pt__optimizer_slot_of(world.optimizer, &world.learnables[1], 0, &slot));
    ck_assert_str_eq(slot.name, "momentum_buffer");
    ck_assert(slot.dtype == PT_FLOAT32 && slot.rank == 1 && slot.size[0] == B && slot.elements == B &&
              slot.bytes == B * 4 && slot.data == NULL);
    bind(&world, 2);
    ck_assert_ptr_null(slot_of(&world, 0, 0));
    ck_assert_ptr_nonnull(slot_of(&world, 1, 0));
    ck_assert_int_eq(world.optimizer->binding->slot_bytes, 64);
    ck_assert_int_eq(world.optimizer->binding->n_sweeps, 2);
    end(&world);
}
END_TEST

/* Adafactor: by rows and columns where there are two dimensions, whole tensors never in one sweep. */
START_TEST(test_factored_slots)
{
    static const int64_t cube[] = {2, 3, 5};
    static const char *const names[] = {"row_var", "col_var", "variance"};
    const struct {
        int32_t rank;
        const int64_t *size;
        int64_t elements[3]; /* 0: no such slot */
    } cases[] = {{0, NULL, {0, 0, 1}}, {1, B_SIZE, {0, 0, B}}, {2, A_SIZE, {3, 5, 0}}, {3, cube, {6, 10, 0}}};
    world_t world;
    pt__slot_t slot;
    pt_optimizer_options_t options = options_of(PT_OPTIMIZER_ADAFACTOR);
    begin(&world, &options, 16);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const pt__learnable_t learnable = {.name = "x", .rank = cases[i].rank, .size = cases[i].size};
        for (int32_t number = 0; number < 3; number++) {
            int32_t has = pt__optimizer_slot_of(world.optimizer, &learnable, number, &slot);
            ck_assert_int_eq(has, cases[i].elements[number] > 0);
            if (!has)
                continue;
            ck_assert_str_eq(slot.name, names[number]);
            ck_assert_int_eq(slot.rank, cases[i].rank);
            ck_assert_int_eq(slot.elements, cases[i].elements[number]);
        }
    }
    bind(&world, 2);
    ck_assert_int_eq(world.optimizer->binding->n_sweeps, 2);
    ck_assert_int_eq(world.optimizer->binding->n_spans, 1);
    ck_assert_int_eq(world.optimizer->binding->slot_bytes, 3 * 64);
    end(&world);
}
END_TEST

/* ---- Groups ---- */

static void add_group(world_t *world, const char *pattern, double factor, double decay)
{
    pt_group_options_t group;
    ck_ok(pt_group_options_init(&group, sizeof group));
    group.learning_rate_factor = factor;
    group.weight_decay = decay;
    ck_ok(pt_optimizer_add_group(world->optimizer, pattern, &group));
}

START_TEST(test_groups)
{
    world_t world;
    pt__update_result_t result;
    pt_optimizer_options_t options = options_of(PT_OPTIMIZER_SGD);
    options.learning_rate = 1.0;
    options.weight_decay = 0.5;
    options.flags = PT_OPTIMIZER_DECAY_MATRICES;
    begin(&world, &options, 16);
    add_group(&world, "*", 0.125, 0.25);
    bind(&world, 2);
    add_group(&world, "b.*", 0.5, -1); /* the last that matches counts, alone; also where it comes after a binding, */
    ck_assert(!pt__optimizer_is_bound(world.optimizer, world.identity)); /* which is made anew */
    bind(&world, 2);
    const pt__bound_t *bound = world.optimizer->binding->bound;
    ck_assert_double_eq(bound[0].rule.rate_factor, 0.125);
    ck_assert_double_eq(bound[0].rule.weight_decay, 0.25);
    ck_assert_double_eq(bound[1].rule.rate_factor, 0.5);
    ck_assert_double_eq(bound[1].rule.weight_decay, 0); /* a vector */
    set_gradients(&world, 1.0f);
    ck_ok(update(&world, 1.0, &result));
    ck_assert_float_eq(world.values[0], -0.125f);
    ck_assert_float_eq(world.values[16], -0.5f);
    pt_group_options_t late;
    ck_ok(pt_group_options_init(&late, sizeof late));
    ck_fails(pt_optimizer_add_group(world.optimizer, "c", &late), PT_ERR_STATE, "\"c\"");
    end(&world);
}
END_TEST

START_TEST(test_groups_come_early)
{
    world_t world;
    pt_group_options_t group;
    pt_optimizer_options_t options = options_of(PT_OPTIMIZER_SGD);
    begin(&world, &options, 16);
    bind(&world, 2);
    ck_ok(pt_group_options_init(&group, sizeof group));
    group.kind = 99;
    ck_fails(pt_optimizer_add_group(world.optimizer, "*", &group), PT_ERR_ARGUMENT, "kind is 99");
    group.kind = -1;
    pt__optimizer_hold(world.optimizer, 1); /* as a stage does */
    ck_fails(pt_optimizer_add_group(world.optimizer, "*", &group), PT_ERR_BUSY, "while a stage runs");
    pt__optimizer_hold(world.optimizer, 0);
    ck_assert(pt__optimizer_is_bound(world.optimizer, world.identity) && world.optimizer->n_groups == 0);
    ck_ok(pt_optimizer_add_group(world.optimizer, "*", &group));
    end(&world);
}
END_TEST

/* With a gradient that stays the same each of Adam's updates is the rate, whatever the betas: at 0, and so near 1 that
 * float does not tell them from it. */
START_TEST(test_betas_at_their_borders)
{
    static const double betas[][2] = {
        {0, 0}, {0.9, 0}, {0, 0.999}, {0.9, 0.999}, {0.9, 0.9999999}, {0.99999, 0.999}, {0.9999999, 0.9999999}};
    for (size_t i = 0; i < sizeof betas / sizeof betas[0]; i++) {
        world_t world;
        pt__update_result_t result;
        pt_optimizer_options_t options = options_of(PT_OPTIMIZER_ADAM);
        options.learning_rate = 0.5;
        options.beta1 = betas[i][0];
        options.beta2 = betas[i][1];
        begin(&world, &options, 16);
        bind(&world, 2);
        for (int step = 1; step <= 5; step++) {
            for (int k = 0; k < A; k++)
                world.gradients[k] = 2;
            ck_ok(update(&world, 1, &result));
            ck_assert_msg(fabs((double)world.values[0] + 0.5 * step) < 1e-5 * step,
                          "betas %.9g and %.9g: %.9g after %d updates", betas[i][0], betas[i][1],
                          (double)world.values[0], step);
        }
        end(&world);
    }
}
END_TEST

/* ---- Gradients that are not finite ---- */

START_TEST(test_nonfinite_is_skipped)
{
    const float bad[] = {NAN, copysignf(NAN, -1), INFINITY, -INFINITY};
    for (size_t kind = 0; kind < 4; kind++) {
        world_t world, before;
        pt__update_result_t result;
        pt_optimizer_options_t options = options_of(PT_OPTIMIZER_ADAMW);
        options.nonfinite_limit = 3;
        begin(&world, &options, APART);
        bind(&world, 2);
        set_gradients(&world, 0.5f);
        ck_ok(update(&world, 1.0, &result));
        world.gradients[APART + B - 1] = bad[kind];
        memcpy(&before, &world, sizeof before);
        float first = slot_of(&world, 0, 0)[0];
        for (int32_t skipped = 1; skipped <= 2; skipped++) {
            ck_ok(update(&world, 1.0, &result));
            ck_assert_int_eq(result.skipped, 1);
            ck_assert_int_eq(pt_optimizer_skipped(world.optimizer), skipped);
        }
        ck_assert_int_eq(pt_optimizer_steps(world.optimizer), 1);
        ck_assert_mem_eq(before.values, world.values, sizeof before.values);
        ck_assert_float_eq(slot_of(&world, 0, 0)[0], first);
        set_gradients(&world, 0.5f); /* a good one between: the count begins anew */
        ck_ok(update(&world, 1.0, &result));
        ck_assert_int_eq(result.skipped, 0);
        world.gradients[0] = bad[kind];
        ck_ok(update(&world, 1.0, &result));
        ck_ok(update(&world, 1.0, &result));
        ck_fails(update(&world, 1.0, &result), PT_ERR_NONFINITE,
                 kind < 2 ? "norm is nan: 3 updates in a row" : "norm is inf: 3 updates in a row");
        ck_assert_int_eq(result.skipped, 1);
        ck_assert_int_eq(pt_optimizer_skipped(world.optimizer), 5);
        ck_assert_int_eq(pt_optimizer_steps(world.optimizer), 2);
        end(&world);
    }
}
END_TEST

/* Large gradients whose squares no float holds are finite all the same. */
START_TEST(test_norm)
{
    world_t world;
    pt__update_result_t result;
    pt_optimizer_options_t options = options_of(PT_OPTIMIZER_SGD);
    begin(&world, &options, 16);
    bind(&world, 2);
    set_gradients(&world, 3e38f);
    ck_ok(update(&world, 1.0, &result));
    ck_assert_int_eq(result.skipped, 0);
    ck_assert_double_eq(result.gradient_norm, 0); /* nothing asked for it */
    set_gradients(&world, 2.0f);
    ck_ok(pt__optimizer_update(world.optimizer, world.context->device, 4.0, NULL, 1, &result));
    ck_assert_double_eq_tol(result.gradient_norm, 0.5 * sqrt(A + B), 1e-12);
    end(&world);
}
END_TEST

/* ---- Schedules ---- */

typedef struct hook {
    world_t *world;
    int32_t action, destroyed, changed;
} hook_t;

enum { ANSWER, RAISE, CHANGE, FREE };

static void rate_hook(void *user, pt_rate_t *rate)
{
    hook_t *hook = user;
    if (hook->action == RAISE)
        return;
    if (hook->action == CHANGE) {
        ck_fails(pt_optimizer_set_learning_rate(hook->world->optimizer, 1.0), PT_ERR_BUSY,
                 "the optimizer is in use: its schedule's callback may not change it");
        hook->changed++;
    }
    if (hook->action == FREE) {
        pt_optimizer_free(hook->world->optimizer);
        hook->world->optimizer = NULL;
    }
    rate->factor = 0.5;
    rate->status = PT_OK;
}

static void destroy_hook(void *user)
{
    ((hook_t *)user)->destroyed++;
}

START_TEST(test_schedule_by_callback)
{
    world_t world;
    pt__update_result_t result;
    hook_t hook = {.world = &world};
    pt_schedule_options_t schedule;
    pt_optimizer_options_t options = options_of(PT_OPTIMIZER_SGD);
    begin(&world, &options, 16);
    bind(&world, 2);
    set_gradients(&world, 1.0f);
    ck_ok(pt_schedule_options_init(&schedule, sizeof schedule));
    schedule.kind = PT_SCHEDULE_CALLBACK;
    schedule.user = &hook;
    schedule.destroy = destroy_hook;
    ck_fails(pt_optimizer_set_schedule(world.optimizer, &schedule), PT_ERR_ARGUMENT, "callback");
    ck_assert_int_eq(hook.destroyed, 0); /* never after a registration that failed */
    schedule.callback = rate_hook;
    ck_ok(pt_optimizer_set_schedule(world.optimizer, &schedule));
    ck_ok(update(&world, 1.0, &result));
    ck_assert_double_eq(result.learning_rate, 0.0005);
    ck_assert_float_eq(world.values[0], -0.0005f);
    hook.action = RAISE;
    ck_fails(update(&world, 1.0, &result), PT_ERR_CALLBACK, "step 1");
    ck_assert_float_eq(world.values[0], -0.0005f);
    ck_assert_int_eq(pt_optimizer_steps(world.optimizer), 1);
    hook.action = CHANGE;
    ck_ok(update(&world, 1.0, &result));
    ck_assert_int_eq(hook.changed, 1);
    ck_ok(pt_optimizer_set_schedule(world.optimizer, NULL));
    ck_assert_int_eq(hook.destroyed, 1);
    ck_ok(pt_optimizer_set_schedule(world.optimizer, &schedule));
    hook.action = FREE;
    ck_ok(update(&world, 1.0, &result));
    ck_assert_int_eq(hook.destroyed, 2);
    end(&world);
}
END_TEST

START_TEST(test_schedule_total)
{
    world_t world;
    pt__update_result_t result;
    pt_schedule_options_t schedule;
    pt_optimizer_options_t options = options_of(PT_OPTIMIZER_SGD);
    options.learning_rate = 1.0;
    begin(&world, &options, 16);
    bind(&world, 2);
    ck_ok(pt_schedule_options_init(&schedule, sizeof schedule));
    schedule.kind = PT_SCHEDULE_LINEAR;
    ck_ok(pt_optimizer_set_schedule(world.optimizer, &schedule));
    ck_fails(update(&world, 1.0, &result), PT_ERR_STATE, "total_steps");
    for (int32_t stage = 0; stage < 2; stage++) { /* the schedule begins anew with each */
        const pt__horizon_t horizon = {.begin = 2 * stage, .steps = 4};
        ck_ok(pt__optimizer_update(world.optimizer, world.context->device, 1.0, &horizon, 0, &result));
        ck_assert_double_eq(result.learning_rate, 1.0);
        ck_ok(pt__optimizer_update(world.optimizer, world.context->device, 1.0, &horizon, 0, &result));
        ck_assert_double_eq(result.learning_rate, 0.75);
    }
    schedule.total_steps = 8; /* the schedule's own number comes before the stage's: over the optimizer's life */
    ck_ok(pt_optimizer_set_schedule(world.optimizer, &schedule));
    const pt__horizon_t horizon = {.begin = 4, .steps = 4};
    ck_ok(pt__optimizer_update(world.optimizer, world.context->device, 1.0, &horizon, 0, &result));
    ck_assert_double_eq(result.learning_rate, 0.5);
    end(&world);
}
END_TEST

/* ---- Checkpoints, threads, memory ---- */

/* Twelve steps at once, and six, everything carried over into a new optimizer, six more: the same bits. */
START_TEST(test_state_is_complete)
{
    world_t whole, half, rest;
    pt__update_result_t result;
    pt_optimizer_options_t options = options_of(PT_OPTIMIZER_ADAMW);
    golden_read("tests/golden/optimizers.txt");
    world_t *worlds[] = {&whole, &half, &rest};
    for (int32_t w = 0; w < 3; w++) {
        begin(worlds[w], &options, 16);
        golden_floats("a", worlds[w]->values, A);
        golden_floats("b", worlds[w]->values + 16, B);
    }
    for (int64_t step = 0; step < STEPS; step++) { /* b comes at step 3, the break at step 6 */
        world_t *second = step < 6 ? &half : &rest;
        if (step == 6) {
            bind(&rest, 2);
            memcpy(rest.values, half.values, sizeof rest.values);
            pt__optimizer_counts_t counts = pt__optimizer_counts_get(half.optimizer);
            pt__optimizer_counts_set(rest.optimizer, &counts);
            ck_assert_int_eq(pt__optimizer_age(rest.optimizer, 1), 6);
            for (int64_t i = 0; i < 2; i++) {
                pt__optimizer_age_set(rest.optimizer, i, pt__optimizer_age(half.optimizer, i));
                for (int32_t slot = 0; slot < 2; slot++)
                    memcpy(slot_of(&rest, i, slot), slot_of(&half, i, slot),
                           (size_t)rest.learnables[i].elements * sizeof(float));
            }
            ck_assert_int_eq(pt__optimizer_age(rest.optimizer, 0), 6);
            ck_assert_int_eq(pt__optimizer_age(rest.optimizer, 1), 3);
        }
        for (int32_t w = 0; w < 2; w++) {
            world_t *world = w == 0 ? &whole : second;
            if (step == 0 || step == 3)
                bind(world, step == 0 ? 1 : 2);
            load_gradients(world, step, 1.0, 16);
            ck_ok(update(world, 1.0, &result));
        }
    }
    ck_assert_mem_eq(whole.values, rest.values, sizeof whole.values);
    for (int32_t w = 0; w < 3; w++)
        end(worlds[w]);
}
END_TEST

static void check_thread_counts(int32_t kind)
{
    enum { ROWS = 1234, N = ROWS * 243 };
    float *values[3];
    static const int32_t threads[] = {1, 2, 5};
    for (int32_t t = 0; t < 3; t++) {
        world_t world;
        pt__update_result_t result;
        pt_optimizer_options_t options = options_of(kind);
        options.clip_norm = 0.5;
        begin_with(&world, &options, 16, threads[t]);
        float *gradients = calloc(N, sizeof *gradients);
        values[t] = calloc(N, sizeof *values[t]);
        ck_assert(gradients != NULL && values[t] != NULL);
        const int64_t size[] = {ROWS, N / ROWS};
        world.learnables[0] = (pt__learnable_t){
            .name = "a", .rank = 2, .size = size, .elements = N, .value = values[t], .gradient = gradients};
        bind(&world, 1);
        for (int32_t step = 0; step < 3; step++) {
            for (int64_t i = 0; i < N; i++)
                gradients[i] = (float)((i * 7919 + step) % 1009) / 1009.0f - 0.5f;
            ck_ok(update(&world, 1.0, &result));
        }
        end(&world);
        free(gradients);
    }
    ck_assert(memcmp(values[0], values[1], N * sizeof(float)) == 0 &&
              memcmp(values[0], values[2], N * sizeof(float)) == 0);
    for (int32_t t = 0; t < 3; t++)
        free(values[t]);
}

START_TEST(test_thread_count_changes_no_bit)
{
    check_thread_counts(PT_OPTIMIZER_ADAMW);
    check_thread_counts(PT_OPTIMIZER_ADAFACTOR);
}
END_TEST

START_TEST(test_failing_allocations)
{
    failing_allocator_t allocator;
    pt_status_t status;
    FOR_EACH_FAILING_ALLOCATION(allocator, {
        pt_context_options_t context_options;
        pt_optimizer_options_t options = options_of(PT_OPTIMIZER_ADAMW);
        pt_context_t *context = NULL;
        pt_optimizer_t *optimizer = NULL;
        world_t world = {0};
        place(&world, 16);
        pt_context_options_init(&context_options, sizeof context_options);
        context_options.threads = 1;
        failing_allocator_hooks(&allocator, &context_options);
        status = pt_context_create(&context_options, &context);
        if (status == PT_OK)
            status = pt_optimizer_create(context, &options, &optimizer);
        if (status == PT_OK)
            status = pt_optimizer_add_group(optimizer, "*.bias", NULL);
        if (status == PT_OK)
            status = pt__optimizer_bind(optimizer, world.learnables, 1, NULL, 0, 1);
        if (status == PT_OK) {
            status = pt__optimizer_bind(optimizer, world.learnables, 2, NULL, 0, 2);
            /* on failure the old binding stands */
            ck_assert(pt__optimizer_is_bound(optimizer, status == PT_OK ? 2 : 1));
        }
        pt_optimizer_free(optimizer);
        pt_context_free(context);
    }, status);
}
END_TEST

SUITE("optimizer", 60, test_torch, test_betas_at_their_borders, test_neighbours_share_a_sweep, test_no_epsilon,
      test_same_identity_changes_nothing, test_slots_follow_names_and_sizes, test_slot_bytes, test_slots_of_some,
      test_factored_slots, test_groups, test_groups_come_early, test_nonfinite_is_skipped, test_norm,
      test_schedule_by_callback, test_schedule_total, test_state_is_complete, test_thread_count_changes_no_bit,
      test_failing_allocations)
