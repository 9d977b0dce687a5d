/* A device that fails, at each of its calls in turn (support/guarded_device.h): the stage ends with a status, the
 * weights stand at the last completed step, the model goes on, a resumed training comes to the same bits, and nothing
 * is lost. */
#include <stdio.h>

#include "support/failing_io.h"
#include "support/guarded_device.h"
#include "support/networks.h"
#include "support/views.h"

enum { STEPS = 3 };
typedef enum network { LINEAR, NORM, GPT } network_t;
static const char *const network_names[] = {"linear", "norm", "gpt"};

static pt_context_t *make_context(void)
{
    pt_context_options_t options;
    pt_context_t *context;
    failing_io_skip_fsync();
    ck_ok(pt_context_options_init(&options, sizeof options));
    options.threads = 1;
    options.seed = 11;
    ck_ok(guarded_context(&options, &context));
    return context;
}

typedef struct rig {
    pt_context_t *context;
    pt_model_t *model;
    pt_optimizer_t *optimizer;
    pt_dataset_t *data, *evaluation;
    uint64_t after[STEPS + 1]; /* bits of the weights after so many steps */
    int64_t steps;
} rig_t;

/* Rows normalized over the micro-batch, whose statistics every run updates. */
static pt_model_t *make_norm(pt_context_t *context)
{
    pt_graph_t *graph;
    pt_model_t *model;
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t x = pt_input(graph, "x", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 10});
    pt_tensor_t y = pt_input(graph, "y", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 1});
    pt_tensor_t normal = pt_batch_norm_layer(graph, "norm", x, 0.1, 1e-5);
    pt_graph_set_loss(graph,
                      pt_mse_loss(graph, pt_linear_layer(graph, "linear", normal, 1, PT_ACTIVATION_NONE), y, NULL));
    ck_ok(pt_model_create(context, graph, &model));
    pt_graph_free(graph);
    return model;
}

/* LINEAR and NORM: one sweep an update. GPT: with dropout, and biases that decay otherwise, so that an update has
 * several. */
static void rig_up(rig_t *rig, pt_context_t *context, network_t network)
{
    pt_group_options_t group;
    *rig = (rig_t){.context = context};
    rig->model = network == GPT      ? network_gpt(context)
                 : network == LINEAR ? network_linear(context)
                                     : make_norm(context);
    if (network == GPT)
        network_set_task(rig->model, PT_TASK_CAUSAL_LM, 0);
    rig->optimizer = network_optimizer(context, PT_OPTIMIZER_ADAMW, 1e-2);
    ck_ok(pt_group_options_init(&group, sizeof group));
    group.weight_decay = 0.5;
    if (network == GPT)
        ck_ok(pt_optimizer_add_group(rig->optimizer, "*.bias", &group));
    rig->data = network != GPT ? network_linear_data(context, 20) : network_text_data(context, 20, 1);
    rig->evaluation = network != GPT ? network_linear_data(context, 5) : network_text_data(context, 5, 1);
}

static void rig_down(rig_t *rig)
{
    pt_dataset_free(rig->evaluation);
    pt_dataset_free(rig->data);
    pt_optimizer_free(rig->optimizer);
    pt_model_free(rig->model);
}

static void take_note(void *user, pt_event_t *event)
{
    rig_t *rig = user;
    event->action = PT_ACTION_GO_ON;
    if (event->kind == PT_EVENT_STEP)
        rig->steps = event->step;
}

/* Takes note of the weights too: reading them is a call of the device. */
static void take_note_of_weights(void *user, pt_event_t *event)
{
    rig_t *rig = user;
    take_note(user, event);
    if (event->kind == PT_EVENT_STEP)
        rig->after[event->step] = network_fingerprint(rig->model);
}

static pt_status_t train(rig_t *rig, const char *directory, uint32_t flags, pt_event_fn event)
{
    pt_train_options_t options;
    ck_ok(pt_train_options_init(&options, sizeof options));
    options.flags = flags;
    options.steps = STEPS;
    options.batch = 4;
    options.micro_batch = 2;
    options.evaluation = rig->evaluation;
    options.evaluate_every = 1;
    options.checkpoint_directory = directory;
    options.checkpoint_every = 1;
    options.checkpoints_kept = 10;
    options.event = event;
    options.event_user = rig;
    return pt_pretrain(rig->model, rig->optimizer, rig->data, &options, NULL);
}

static const char *directory_of(const char *name, int64_t number)
{
    char text[64];
    snprintf(text, sizeof text, "%s-%lld", name, (long long)number);
    return suite_path(text);
}

/* One stage that fails at call n. 0: it has fewer. */
static int fail_once(pt_context_t *context, network_t network, int64_t n, const uint64_t *expected)
{
    const char *directory = directory_of(network_names[network], n);
    rig_t rig, fresh;
    rig_up(&rig, context, network);
    guarded_count_from_here(context, n);
    pt_status_t status = train(&rig, directory, 0, take_note);
    int64_t calls = guarded_count(context);
    guarded_count_from_here(context, 0);
    if (calls >= n) {
        char why[32];
        snprintf(why, sizeof why, "%lld", (long long)n);
        ck_assert_msg(status == PT_ERR_DEVICE, "call %s gave %s", why, pt_status_name(status));
        ck_assert_msg(strstr(pt_last_error(), "the guarded device failed") != NULL, "%s", pt_last_error());
        int is_in_update = strstr(pt_last_error(), "cannot be undone") != NULL;
        if (network != GPT || !is_in_update)
            ck_assert_msg(network_fingerprint(rig.model) == expected[rig.steps], "call %s: other weights than after %d",
                          why, (int)rig.steps);
        pt_evaluation_t found = {.struct_size = sizeof found};
        ck_ok(pt_evaluate(rig.model, rig.evaluation, 0, &found)); /* it goes on */
        rig_up(&fresh, context, network);
        ck_ok(train(&fresh, directory, PT_TRAIN_RESUME, take_note));
        ck_assert_msg(network_fingerprint(fresh.model) == expected[STEPS], "call %s: resumed to other weights", why);
        rig_down(&fresh);
    } else
        ck_ok(status);
    rig_down(&rig);
    return calls >= n;
}

/* Later calls are as earlier ones: the further, the fewer of them. */
static int64_t next_call(int64_t n)
{
    return n + 1 + n / 16;
}

static void fail_everywhere(network_t network)
{
    pt_context_t *context = make_context();
    rig_t rig;
    int64_t n = 1;
    rig_up(&rig, context, network);
    rig.after[0] = network_fingerprint(rig.model);
    ck_ok(train(&rig, directory_of(network_names[network], 0), 0, take_note_of_weights));
    ck_assert_int_eq(rig.steps, STEPS);
    rig_down(&rig);
    while (fail_once(context, network, n, rig.after))
        n = network == LINEAR ? n + 1 : next_call(n);
    ck_assert_int_gt(n, network == GPT ? 500 : 50);
    ck_assert_int_eq(guarded_blocks(context), 0);
    pt_context_free(context);
}

START_TEST(test_linear_at_every_call)
{
    fail_everywhere(LINEAR);
}
END_TEST

START_TEST(test_states_at_many_calls)
{
    fail_everywhere(NORM);
}
END_TEST

START_TEST(test_gpt_at_many_calls)
{
    fail_everywhere(GPT);
}
END_TEST

/* An update of several sweeps that fails in the middle says that it cannot be undone, and the update does not count. */
START_TEST(test_middle_of_update)
{
    pt_context_t *context = make_context();
    int64_t told = 0;
    for (int64_t n = 1;; n++) {
        static const int32_t tokens[] = {1, 2, 3, 4, 5};
        static const int64_t lengths[] = {3, 2};
        const pt_array_t value = {
            .name = "tokens", .data = view_data(tokens), .lengths = view_data(lengths), .dtype = PT_INT32};
        rig_t rig;
        rig_up(&rig, context, GPT);
        ck_ok(pt_train_step(rig.model, rig.optimizer, &value, 1, sizeof(pt_array_t), 2, 0, NULL));
        uint64_t before = network_fingerprint(rig.model);
        guarded_count_from_here(context, n);
        pt_status_t status = pt_train_step(rig.model, rig.optimizer, &value, 1, sizeof(pt_array_t), 2, 0, NULL);
        guarded_count_from_here(context, 0);
        int is_in_update = status != PT_OK && strstr(pt_last_error(), "update 2, which cannot be undone") != NULL;
        ck_assert_int_eq(pt_optimizer_steps(rig.optimizer), status == PT_OK ? 2 : 1);
        if (status != PT_OK && !is_in_update)
            ck_assert_uint_eq(network_fingerprint(rig.model), before);
        told += is_in_update;
        rig_down(&rig);
        if (status == PT_OK)
            break;
        ck_assert_int_eq(status, PT_ERR_DEVICE);
    }
    ck_assert_int_ge(told, 2); /* that many sweeps */
    pt_context_free(context);
}
END_TEST

/* Without dropout a step that failed before its update is tried again to the same bits: what it had accumulated is
 * gone. */
START_TEST(test_step_is_tried_again)
{
    static const float x[20] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, y[2] = {1, 2};
    const pt_array_t values[] = {{.name = "x", .data = view_data(x), .dtype = PT_FLOAT32},
                                 {.name = "y", .data = view_data(y), .dtype = PT_FLOAT32}};
    pt_context_t *context = make_context();
    uint64_t expected = 0;
    for (int64_t n = 0, is_over = 0; !is_over; n++) {
        rig_t rig;
        rig_up(&rig, context, LINEAR);
        ck_ok(pt_train_step(rig.model, rig.optimizer, values, 2, sizeof(pt_array_t), 2, 0, NULL));
        guarded_count_from_here(context, n);
        pt_status_t status = pt_train_step(rig.model, rig.optimizer, values, 2, sizeof(pt_array_t), 2, 0, NULL);
        guarded_count_from_here(context, 0);
        is_over = n > 0 && status == PT_OK;
        if (status != PT_OK)
            ck_ok(pt_train_step(rig.model, rig.optimizer, values, 2, sizeof(pt_array_t), 2, 0, NULL));
        if (n == 0)
            expected = network_fingerprint(rig.model);
        ck_assert_uint_eq(network_fingerprint(rig.model), expected);
        rig_down(&rig);
    }
    pt_context_free(context);
}
END_TEST

/* Everything else that reaches the device. */
static pt_status_t use(rig_t *rig, const char *path)
{
    static float values[4096];
    static const int32_t tokens[] = {1, 2, 3, 4, 5}, prompt[] = {1, 2};
    static const int64_t lengths[] = {3, 2};
    const pt_array_t value = {
        .name = "tokens", .data = view_data(tokens), .lengths = view_data(lengths), .dtype = PT_INT32};
    pt_parameter_info_t info = {.struct_size = sizeof info};
    pt_generate_options_t options;
    int32_t generated[4];
    int64_t count;
    ck_ok(pt_model_parameter_info(rig->model, 0, &info));
    PT__TRY(pt_train_step(rig->model, rig->optimizer, &value, 1, sizeof(pt_array_t), 2, PT_STEP_ACCUMULATE, NULL));
    PT__TRY(get_gradient(rig->model, 0, values, info.elements));
    PT__TRY(pt_checkpoint_save(rig->model, rig->optimizer, path, NULL));
    PT__TRY(pt_checkpoint_load(rig->model, rig->optimizer, path, NULL));
    PT__TRY(pt_model_save(rig->model, path, NULL));
    PT__TRY(pt_model_load(rig->model, path, NULL));
    PT__TRY(get_parameter(rig->model, 0, values, info.elements));
    PT__TRY(set_parameter(rig->model, 0, values, info.elements));
    PT__TRY(predict_floats(rig->model, rig->evaluation, NULL, 0, values, 4096, &count));
    PT__TRY(pt_generate_options_init(&options, sizeof options));
    options.count = 4;
    return generate_tokens(rig->model, prompt, 2, &options, generated, 4, &count);
}

START_TEST(test_everything_else)
{
    pt_context_t *context = make_context();
    for (int64_t n = 0, is_over = 0; !is_over; n = next_call(n)) { /* the first time nothing fails */
        rig_t rig;
        int64_t bytes = pt_context_bytes(context);
        rig_up(&rig, context, GPT);
        guarded_count_from_here(context, n);
        pt_status_t status = use(&rig, directory_of("else", 0));
        is_over = n > 0 && status == PT_OK;
        ck_assert_msg(status == PT_OK || status == PT_ERR_DEVICE, "call %d gave %s: %s", (int)n, pt_status_name(status),
                      pt_last_error());
        ck_assert_int_eq(status == PT_OK, n == 0 || guarded_count(context) < n);
        guarded_count_from_here(context, 0);
        ck_ok(use(&rig, directory_of("else", 1)));
        rig_down(&rig);
        ck_assert_int_eq(guarded_blocks(context), 0);
        ck_assert_int_eq(pt_context_bytes(context), bytes);
    }
    pt_context_free(context);
}
END_TEST

SUITE("device failure", 240, test_linear_at_every_call, test_states_at_many_calls, test_gpt_at_many_calls,
      test_middle_of_update,
      test_step_is_tried_again, test_everything_else)
