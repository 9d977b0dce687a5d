/* Callbacks that never return: they are left by longjmp, as an interpreter's error or an exception leaves them.
 * pt_recover then ends what was under way: the weights stand at the last completed step, nothing is in use any more,
 * and a training that is resumed comes to the bits of one that was never interrupted. */
#include <pthread.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "support/rig.h"
#include "support/views.h"

enum { SAMPLES = 24, STEPS = 6, BATCH = 4 };
typedef enum place { NOWHERE, IN_EVENT, IN_RATE, IN_FETCH, IN_LOG, IN_WRITE, IN_TOKEN } place_t;

typedef struct world {
    pt_context_t *context;
    pt_model_t *model;
    pt_optimizer_t *optimizer;
    pt_dataset_t *data;
    place_t place;
    int64_t steps, calls, destroyed;
    uint64_t after[STEPS + 1]; /* bits of the weights after so many steps */
} world_t;

static jmp_buf outside;

/* The memory of all contexts, so that what interrupted calls had for themselves can be counted, and freed. */
typedef struct block {
    struct block *before, *after;
    size_t bytes;
    max_align_t data[];
} block_t;
static block_t blocks = {&blocks, &blocks, 0};
static pthread_mutex_t blocks_lock = PTHREAD_MUTEX_INITIALIZER;

static void *take(void *user, size_t bytes)
{
    (void)user;
    block_t *block = malloc(sizeof *block + bytes);
    ck_assert_ptr_nonnull(block);
    pthread_mutex_lock(&blocks_lock);
    *block = (block_t){&blocks, blocks.after, bytes};
    blocks.after->before = block;
    blocks.after = block;
    pthread_mutex_unlock(&blocks_lock);
    return block->data;
}

static void give(void *user, void *data, size_t bytes)
{
    (void)user;
    block_t *block = (block_t *)(void *)((char *)data - offsetof(block_t, data));
    ck_assert_uint_eq(block->bytes, bytes);
    pthread_mutex_lock(&blocks_lock);
    block->before->after = block->after;
    block->after->before = block->before;
    pthread_mutex_unlock(&blocks_lock);
    free(block);
}

/* Bytes that nobody has given back; the blocks go. */
static size_t count_lost(void)
{
    size_t lost = 0;
    while (blocks.after != &blocks) {
        lost += blocks.after->bytes;
        give(NULL, blocks.after->data, blocks.after->bytes);
    }
    return lost;
}

static void leave_at(world_t *world, place_t place, int is_time)
{
    if (world->place == place && is_time) {
        world->place = NOWHERE;
        longjmp(outside, 1);
    }
}

static void on_event(void *user, pt_event_t *event)
{
    world_t *world = user;
    event->action = PT_ACTION_GO_ON;
    if (event->kind != PT_EVENT_STEP)
        return;
    world->steps = event->step;
    world->after[event->step] = network_fingerprint(world->model);
    leave_at(world, IN_EVENT, event->step == 3);
}

static void on_rate(void *user, pt_rate_t *rate)
{
    leave_at(user, IN_RATE, rate->step == 3);
    rate->factor = 1 / (double)(1 + rate->step);
    rate->status = PT_OK;
}

static void on_log(void *user, int32_t level, const char *message)
{
    (void)level;
    (void)message;
    world_t *world = user;
    world->calls++;
    leave_at(world, IN_LOG, 1);
}

static void on_fetch(void *user, pt_batch_t *batch)
{
    world_t *world = user;
    world->calls++;
    leave_at(world, IN_FETCH, world->calls == 4);
    for (int64_t i = 0; i < batch->capacity; i++) {
        float *x = (float *)batch->fields[0].data + i * 10, *y = (float *)batch->fields[1].data + i;
        *y = 0;
        ((int32_t *)batch->fields[2].data)[i] = (int32_t)(batch->indices[i] % 3);
        for (int k = 0; k < 10; k++)
            *y += x[k] = (float)((batch->indices[i] * 7 + k * 5) % 13) / 13;
    }
    batch->filled = batch->capacity;
    batch->status = PT_OK;
}

static void on_destroy(void *user)
{
    ((world_t *)user)->destroyed++;
}

/* Rows normalized by statistics that every step changes: states, which a step that is not completed must not keep. */
static pt_model_t *make_model(pt_context_t *context)
{
    pt_graph_t *graph;
    pt_model_t *model;
    ck_ok(pt_graph_create(context, &graph));
    pt_tensor_t x = pt_input(graph, "x", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 10});
    pt_tensor_t y = pt_input(graph, "y", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 1});
    pt_tensor_t normal = pt_batch_norm_layer(graph, "norm", x, 0.1, 1e-5);
    pt_tensor_t prediction = pt_linear_layer(graph, "linear", normal, 1, PT_ACTIVATION_NONE);
    pt_graph_set_output(graph, "prediction", prediction);
    pt_graph_set_loss(graph, pt_mse_loss(graph, prediction, y, NULL));
    ck_ok(pt_model_create(context, graph, &model));
    pt_graph_free(graph);
    return model;
}

static void open_world(world_t *world, place_t place)
{
    static const pt_field_spec_t fields[] = {{.name = "x", .dtype = PT_FLOAT32, .rank = 1, .shape = {10}},
                                             {.name = "y", .dtype = PT_FLOAT32, .rank = 1, .shape = {1}},
                                             {.name = "label", .dtype = PT_INT32, .rank = 0}};
    pt_context_options_t options;
    pt_schedule_options_t schedule;
    *world = (world_t){.place = place};
    ck_ok(pt_context_options_init(&options, sizeof options));
    options.threads = 2;
    options.seed = 3;
    options.allocate = take;
    options.release = give;
    options.log = on_log;
    options.log_user = world;
    ck_ok(pt_context_create(&options, &world->context));
    world->model = make_model(world->context);
    world->optimizer = network_optimizer(world->context, PT_OPTIMIZER_ADAM, 0.05);
    ck_ok(pt_schedule_options_init(&schedule, sizeof schedule));
    schedule.kind = PT_SCHEDULE_CALLBACK;
    schedule.callback = on_rate;
    schedule.user = world;
    ck_ok(pt_optimizer_set_schedule(world->optimizer, &schedule));
    ck_ok(pt_dataset_create_map(world->context, fields, 3, sizeof fields[0], SAMPLES, 0, on_fetch, world, on_destroy,
                                &world->data));
}

static void close_world(world_t *world)
{
    pt_model_free(world->model);
    pt_optimizer_free(world->optimizer);
    ck_assert_int_eq(world->destroyed, 0);
    pt_dataset_free(world->data);
    ck_assert_int_eq(world->destroyed, 1); /* nobody holds it any more */
    pt_context_free(world->context);
}

static pt_status_t train(world_t *world, const char *directory)
{
    pt_train_options_t options = rig_options(STEPS, BATCH);
    options.flags = PT_TRAIN_RESUME | PT_TRAIN_KEEP_BEST;
    options.event = on_event;
    options.event_user = world;
    options.evaluation = world->data;
    options.evaluate_every = 2;
    options.checkpoint_directory = directory;
    options.checkpoint_every = 1;
    return pt_pretrain(world->model, world->optimizer, world->data, &options, NULL);
}

static int is_busy(world_t *world)
{
    pt_evaluation_t found = {.struct_size = sizeof found};
    return pt_evaluate(world->model, world->data, BATCH, &found) == PT_ERR_BUSY;
}

static uint64_t unbroken(uint64_t after[STEPS + 1])
{
    world_t world;
    open_world(&world, NOWHERE);
    after[0] = network_fingerprint(world.model);
    ck_ok(train(&world, suite_path("unbroken")));
    uint64_t last = network_fingerprint(world.model);
    memcpy(after + 1, world.after + 1, sizeof world.after - sizeof world.after[0]);
    close_world(&world);
    return last;
}

/* Left in the middle of a stage; then the same stage again, from its checkpoints. */
static void leave_stage(place_t place)
{
    static const char *const names[] = {"none", "event", "rate", "fetch"};
    static world_t world;
    uint64_t after[STEPS + 1], last = unbroken(after);
    open_world(&world, place);
    if (setjmp(outside) == 0) {
        train(&world, suite_path(names[place]));
        ck_abort_msg("the callback returned");
    }
    ck_assert_int_gt(pt_call_depth(), 0);
    ck_assert(is_busy(&world));
    ck_ok(pt_recover(0));
    ck_assert_int_eq(pt_call_depth(), 0);
    ck_assert_uint_eq(network_fingerprint(world.model), after[world.steps]);
    ck_assert(!is_busy(&world));
    ck_ok(pt_optimizer_set_learning_rate(world.optimizer, 0.05));
    ck_ok(train(&world, suite_path(names[place])));
    ck_assert_uint_eq(network_fingerprint(world.model), last);
    close_world(&world);
    ck_assert_uint_le(count_lost(), place == IN_FETCH ? 1000 : 0); /* within an evaluation */
}

START_TEST(test_event)
{
    leave_stage(IN_EVENT);
}
END_TEST

START_TEST(test_rate)
{
    leave_stage(IN_RATE);
}
END_TEST

START_TEST(test_fetch)
{
    leave_stage(IN_FETCH);
}
END_TEST

/* What waits for the log's function is told later; the log goes on. */
START_TEST(test_log)
{
    static world_t world;
    open_world(&world, IN_LOG);
    pt_train_options_t options = rig_options(2, BATCH);
    options.checkpoint_directory = suite_path("log");
    options.checkpoint_every = 1;
    ck_ok(pt_pretrain(world.model, world.optimizer, world.data, &options, NULL));
    suite_write("log/step-000000000002.safetensors", "x", 1);
    options.flags = PT_TRAIN_RESUME;
    options.steps = 4;
    if (setjmp(outside) == 0) {
        pt_pretrain(world.model, world.optimizer, world.data, &options, NULL);
        ck_abort_msg("the callback returned");
    }
    ck_ok(pt_recover(0));
    world.calls = 0;
    suite_write("log/step-000000000002.safetensors", "x", 1);
    ck_ok(pt_pretrain(world.model, world.optimizer, world.data, &options, NULL));
    ck_assert_int_ge(world.calls, 1); /* fetches and lines */
    close_world(&world);
    ck_assert_uint_le(count_lost(), 1000);
}
END_TEST

/* Single steps, passes and reads, outside of stages. */
START_TEST(test_calls)
{
    static world_t world;
    float values[SAMPLES];
    int64_t indices[BATCH] = {0, 1, 2, 3}, elements;
    pt_evaluation_t found = {.struct_size = sizeof found};
    pt_neighbour_result_t similar = {.struct_size = sizeof similar};
    pt_neighbour_options_t features;
    ck_ok(pt_neighbour_options_init(&features, sizeof features));
    features.output = "prediction";
    for (volatile int which = 0; which < 5; which++) {
        open_world(&world, IN_FETCH);
        world.calls = 3;
        if (setjmp(outside) == 0) {
            if (which == 0)
                pt_evaluate(world.model, world.data, BATCH, &found);
            else if (which == 1)
                predict_floats(world.model, world.data, NULL, BATCH, values, SAMPLES, &elements);
            else if (which == 4)
                pt_evaluate_neighbours(world.model, world.data, world.data, &features, &similar);
            else if (which == 2)
                pt_dataset_normalize(world.data, "x", NULL, world.model);
            else
                read_field(world.data, indices, BATCH, "y", values, SAMPLES, &elements, NULL);
            ck_abort_msg("the callback returned");
        }
        ck_assert_int_eq(read_field(world.data, indices, BATCH, "y", values, SAMPLES, &elements, NULL), PT_ERR_BUSY);
        ck_ok(pt_recover(0));
        ck_ok(read_field(world.data, indices, BATCH, "y", values, SAMPLES, &elements, NULL));
        ck_ok(pt_evaluate(world.model, world.data, BATCH, &found));
        close_world(&world);
        ck_assert_uint_le(count_lost(), 4000);
    }
}
END_TEST

static pt_status_t step(world_t *world, uint32_t flags)
{
    static const float x[BATCH * 10] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, y[BATCH] = {1, 2, 3, 4};
    const pt_array_t values[] = {{.name = "x", .data = view_data(x), .dtype = PT_FLOAT32},
                                 {.name = "y", .data = view_data(y), .dtype = PT_FLOAT32}};
    return pt_train_step(world->model, world->optimizer, values, 2, sizeof values[0], BATCH, flags, NULL);
}

/* A step's schedule; states are put back, and the optimizer goes on. */
START_TEST(test_step)
{
    static world_t world;
    open_world(&world, IN_RATE);
    for (int i = 0; i < 3; i++)
        ck_ok(step(&world, 0));
    uint64_t before = network_fingerprint(world.model);
    if (setjmp(outside) == 0) {
        step(&world, 0);
        ck_abort_msg("the callback returned");
    }
    ck_assert_int_eq(step(&world, 0), PT_ERR_BUSY);
    ck_ok(pt_recover(0));
    ck_assert_uint_eq(network_fingerprint(world.model), before);
    ck_ok(step(&world, 0));
    ck_assert_uint_ne(network_fingerprint(world.model), before);
    close_world(&world);
    ck_assert_uint_eq(count_lost(), 0);
}
END_TEST

static void on_write(void *user, pt_write_t *write)
{
    leave_at(user, IN_WRITE, write->offset > 0 || write->total == write->bytes);
    write->status = PT_OK;
}

/* An accumulation that the host has begun is kept over what only read the model. */
START_TEST(test_save)
{
    static world_t world, other;
    pt_save_options_t options;
    open_world(&world, IN_WRITE);
    open_world(&other, NOWHERE);
    ck_ok(pt_save_options_init(&options, sizeof options));
    options.write = on_write;
    options.user = &world;
    ck_ok(step(&world, PT_STEP_ACCUMULATE));
    ck_ok(step(&other, PT_STEP_ACCUMULATE));
    if (setjmp(outside) == 0) {
        pt_model_save(world.model, NULL, &options);
        ck_abort_msg("the callback returned");
    }
    ck_assert_int_eq(step(&world, 0), PT_ERR_BUSY);
    ck_ok(pt_recover(0));
    ck_ok(pt_model_save(world.model, NULL, &options));
    ck_ok(step(&world, 0));
    ck_ok(step(&other, 0));
    ck_assert_uint_eq(network_fingerprint(world.model), network_fingerprint(other.model));
    close_world(&other);
    close_world(&world);
    ck_assert_uint_le(count_lost(), 6000);
}
END_TEST

static void on_token(void *user, pt_token_t *token)
{
    token->action = PT_ACTION_GO_ON;
    leave_at(user, IN_TOKEN, token->position == 2);
}

START_TEST(test_generator)
{
    static world_t world;
    static pt_generator_t *generator;
    int64_t count;
    open_world(&world, IN_TOKEN);
    pt_model_t *model = network_gpt(world.context);
    network_set_task(model, PT_TASK_CAUSAL_LM, 0);
    ck_ok(pt_generator_create(model, NULL, &generator));
    ck_ok(begin_prompts(generator, (int32_t[]){1, 2}, (int64_t[]){2}, 1));
    if (setjmp(outside) == 0) {
        pt_generator_run(generator, on_token, &world);
        ck_abort_msg("the callback returned");
    }
    ck_assert_int_eq(pt_generator_step(generator, NULL), PT_ERR_BUSY);
    ck_ok(pt_recover(0));
    ck_ok(read_tokens(generator, 0, NULL, NULL, 0, &count, NULL));
    ck_assert_int_eq(count, 3);
    ck_ok(pt_generator_run(generator, on_token, &world)); /* goes on where it was */
    world.place = IN_TOKEN;
    ck_ok(begin_prompts(generator, (int32_t[]){1, 2}, (int64_t[]){2}, 1));
    if (setjmp(outside) == 0) {
        pt_generator_run(generator, on_token, &world);
        ck_abort_msg("the callback returned");
    }
    pt_generator_free(generator); /* is freed when it is recovered */
    ck_ok(pt_recover(0));
    pt_model_free(model);
    close_world(&world);
    ck_assert_uint_eq(count_lost(), 0);
}
END_TEST

static void on_outer_event(void *user, pt_event_t *event)
{
    world_t *inner = user;
    int32_t depth = pt_call_depth();
    event->action = PT_ACTION_GO_ON;
    if (event->kind != PT_EVENT_STEP || event->step != 2)
        return;
    ck_assert_int_gt(depth, 0);
    if (setjmp(outside) == 0) {
        train(inner, suite_path("inner"));
        ck_abort_msg("the callback returned");
    }
    ck_assert_int_gt(pt_call_depth(), depth);
    ck_ok(pt_recover(depth));
    ck_assert_int_eq(pt_call_depth(), depth);
    ck_ok(train(inner, suite_path("inner")));
}

/* Within a callback that goes on, one of another stage was left. */
START_TEST(test_nested)
{
    static world_t outer, inner;
    uint64_t after[STEPS + 1], last = unbroken(after);
    open_world(&outer, NOWHERE);
    open_world(&inner, IN_EVENT);
    pt_train_options_t options = rig_options(4, BATCH);
    options.event = on_outer_event;
    options.event_user = &inner;
    ck_ok(pt_pretrain(outer.model, outer.optimizer, outer.data, &options, NULL));
    ck_assert_uint_eq(network_fingerprint(inner.model), last);
    ck_assert_int_eq(pt_call_depth(), 0);
    close_world(&inner);
    close_world(&outer);
    ck_assert_uint_eq(count_lost(), 0);
}
END_TEST

START_TEST(test_nothing_to_recover)
{
    ck_assert_int_eq(pt_call_depth(), 0);
    ck_ok(pt_recover(0));
    ck_assert_int_eq(pt_recover(1), PT_ERR_ARGUMENT);
    ck_assert_str_eq(pt_last_error(), "pt_recover: depth is 1, expected 0 to 0, which pt_call_depth gives now");
    ck_assert_int_eq(pt_recover(-1), PT_ERR_ARGUMENT);
}
END_TEST

SUITE("recover", 60, test_event, test_rate, test_fetch, test_log, test_calls, test_step, test_save, test_generator,
      test_nested, test_nothing_to_recover)
