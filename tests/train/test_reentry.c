/* A table of every callback against every kind of call: from within each callback each call is made, on the callback's
 * own thread and on another one that the callback waits for. Nothing hangs; a call is done or refused as busy; the
 * stage that called back ends as if nothing had happened, with the same bits. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "support/rig.h"
#include "support/views.h"

enum { SAMPLES = 32, STEPS = 6 };

typedef enum place {
    IN_EVENT,
    IN_RATE,
    IN_FETCH,      /* on the thread of the stage */
    IN_SAFE_FETCH, /* on a thread of the library */
    IN_CONCURRENT, /* on several */
    IN_NEXT,       /* of a stream */
    IN_MAP,
    IN_LOG,
    IN_DESTROY,
    PLACES
} place_t;

typedef struct world {
    pt_context_t *context;
    pt_model_t *model, *other;         /* the one that trains, and one that does nothing */
    pt_optimizer_t *optimizer, *spare; /* the same */
    pt_dataset_t *data, *arrays;       /* what the stage reads, and what nobody does */
    place_t place;
    int32_t call;
    int32_t on_other_thread;
    pthread_mutex_t once;
    int made;
    pt_status_t found;
} world_t;

/* ---- The calls ---- */

static pt_status_t train_on(pt_model_t *model, pt_optimizer_t *optimizer, pt_dataset_t *data)
{
    pt_train_options_t options = rig_options(1, 4);
    return pt_pretrain(model, optimizer, data, &options, NULL);
}

static pt_status_t evaluate_on(pt_model_t *model, pt_dataset_t *data)
{
    pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
    return pt_evaluate(model, data, 4, &evaluation);
}

static pt_status_t predict_on(pt_model_t *model, pt_dataset_t *data)
{
    float values[SAMPLES];
    int64_t elements;
    return predict_floats(model, data, NULL, 4, values, SAMPLES, &elements);
}

static pt_status_t read_of(pt_dataset_t *data)
{
    float y[1];
    int64_t first = 0, elements;
    return read_field(data, &first, 1, "y", y, 1, &elements, NULL);
}

static pt_status_t view_of(pt_dataset_t *data)
{
    pt_dataset_t *view = NULL;
    pt_status_t status = pt_dataset_length(data) < 0 ? PT_OK : pt_dataset_subset(data, 1, 2, &view);
    pt_dataset_free(view);
    return status;
}

static pt_status_t step_of(pt_model_t *model, pt_optimizer_t *optimizer)
{
    static const float x[10], y[1];
    const pt_array_t values[] = {{.name = "x", .data = view_data(x), .dtype = PT_FLOAT32},
                                 {.name = "y", .data = view_data(y), .dtype = PT_FLOAT32}};
    return pt_train_step(model, optimizer, values, 2, sizeof(pt_array_t), 1, 0, NULL);
}

static pt_status_t get_of(const pt_model_t *model)
{
    float weights[10];
    char text[64];
    size_t length;
    int64_t index;
    PT__TRY(pt_model_parameter_find(model, "linear.weight", &index));
    PT__TRY(get_parameter(model, index, weights, 10));
    PT__TRY(pt_model_describe(model, PT_DESCRIBE_SUMMARY, text, sizeof text, &length));
    return pt_model_metric_count(model) > 0 && pt_model_last_error(model) != NULL ? PT_OK : PT_ERR_INTERNAL;
}

static pt_status_t set_of(pt_model_t *model)
{
    float bias[1] = {0.5f};
    int64_t index;
    PT__TRY(pt_model_parameter_find(model, "linear.bias", &index));
    return set_parameter(model, index, bias, 1);
}

static pt_status_t another_world(void)
{
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model = network_linear(context);
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_SGD, 0.1);
    pt_status_t status = step_of(model, optimizer);
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
    return status;
}

typedef enum reach {             /* what a call touches */
                     NOTHING,    /* that is in use: done from everywhere */
                     BUSY_MODEL, /* the model that trains, as more than a getter: refused */
                     BUSY_DATA, /* the data that the callback serves: refused from within its own callback, else done */
                     BUSY_RATE, /* the optimizer's settings: refused from its schedule's callback */
} reach_t;

static const struct {
    const char *name;
    reach_t reach;
} calls[] = {
    {"version", NOTHING},
    {"getters of the model", NOTHING},
    {"getters of the other model", NOTHING},
    {"other model, step", NOTHING},
    {"other model, train", NOTHING},
    {"other model, evaluate", NOTHING},
    {"other model, save", NOTHING},
    {"other world", NOTHING},
    {"view of the data", NOTHING},
    {"optimizer's getters", NOTHING},
    {"set the rate", BUSY_RATE},
    {"model, step", BUSY_MODEL},
    {"model, train", BUSY_MODEL},
    {"model, evaluate", BUSY_MODEL},
    {"model, predict", BUSY_MODEL},
    {"model, freeze", BUSY_MODEL},
    {"model, set", BUSY_MODEL},
    {"model, copy", BUSY_MODEL},
    {"data, read", BUSY_DATA},
    {"data, evaluate", BUSY_DATA},
    {"data, train", BUSY_DATA},
    {"data, predict", BUSY_DATA},
    {"a failure", NOTHING},
};
enum { CALLS = sizeof calls / sizeof calls[0] };

static pt_status_t call(world_t *world)
{
    switch (world->call) {
    case 0:
        return pt_version_number() > 0 && pt_context_bytes(world->context) > 0 ? PT_OK : PT_ERR_INTERNAL;
    case 1:
        return get_of(world->model);
    case 2:
        return get_of(world->other);
    case 3:
        return step_of(world->other, world->spare);
    case 4:
        return train_on(world->other, world->spare, world->arrays);
    case 5:
        return evaluate_on(world->other, world->arrays);
    case 6:
        return pt_model_save(world->other, suite_path("other"), NULL);
    case 7:
        return another_world();
    case 8:
        return view_of(world->data);
    case 9:
        return pt_optimizer_steps(world->optimizer) >= 0 ? PT_OK : PT_ERR_INTERNAL;
    case 10:
        return pt_optimizer_set_learning_rate(world->optimizer, 0.01);
    case 11:
        return step_of(world->model, world->spare);
    case 12:
        return train_on(world->model, world->spare, world->arrays);
    case 13:
        return evaluate_on(world->model, world->arrays);
    case 14:
        return predict_on(world->model, world->arrays);
    case 15:
        return pt_model_set_trainable(world->model, "*", 0, NULL);
    case 16:
        return set_of(world->model);
    case 17:
        return pt_model_copy(world->model, world->other);
    case 18:
        return pt_dataset_length(world->data) < 0 ? evaluate_on(world->other, world->data) : read_of(world->data);
    case 19:
        return evaluate_on(world->other, world->data);
    case 20:
        return train_on(world->other, world->spare, world->data);
    case 21:
        return predict_on(world->other, world->data);
    default: /* leaves a message of its own */
        return pt_model_set_trainable(world->other, "no such", 0, NULL) == PT_ERR_NOT_FOUND ? PT_OK : PT_ERR_INTERNAL;
    }
}

static void *call_on_thread(void *user)
{
    world_t *world = user;
    world->found = call(world);
    return NULL;
}

/* From within a callback: the call, the first time. */
static void visit(world_t *world, place_t place)
{
    pthread_t thread;
    if (world == NULL || world->place != place || world->call < 0)
        return;
    pthread_mutex_lock(&world->once);
    int32_t is_first = world->made++ == (place == IN_DESTROY || place == IN_LOG ? 0 : 2);
    pthread_mutex_unlock(&world->once);
    if (!is_first)
        return;
    if (!world->on_other_thread)
        call_on_thread(world);
    else if (pthread_create(&thread, NULL, call_on_thread, world) == 0)
        pthread_join(thread, NULL);
}

/* ---- The callbacks ---- */

static void on_event(void *user, pt_event_t *event)
{
    visit(user, IN_EVENT);
    event->action = PT_ACTION_GO_ON;
}

static void on_rate(void *user, pt_rate_t *rate)
{
    visit(user, IN_RATE);
    rate->factor = 1;
    rate->status = PT_OK;
}

static void fill(pt_batch_t *batch, int64_t place, int64_t sample)
{
    float *x = (float *)batch->fields[0].data + place * 10, *y = (float *)batch->fields[1].data + place;
    *y = (float)sample / SAMPLES;
    for (int k = 0; k < 10; k++)
        x[k] = (float)((sample * 7 + k * 3) % 11) / 11;
}

static void on_fetch(void *user, pt_batch_t *batch)
{
    world_t *world = user;
    visit(world, world->place == IN_SAFE_FETCH || world->place == IN_CONCURRENT ? world->place : IN_FETCH);
    for (int64_t i = 0; i < batch->capacity; i++)
        fill(batch, i, batch->indices[i]);
    batch->filled = batch->capacity;
    batch->status = PT_OK;
}

static void on_next(void *user, pt_batch_t *batch)
{
    visit(user, IN_NEXT);
    int64_t left = SAMPLES - batch->position;
    batch->filled = left < batch->capacity ? left : batch->capacity;
    for (int64_t i = 0; i < batch->filled; i++)
        fill(batch, i, batch->position + i);
    batch->status = batch->filled == left ? PT_END : PT_OK;
}

static void on_map(void *user, pt_batch_t *batch)
{
    visit(user, IN_MAP);
    memcpy(batch->fields[0].data, batch->inputs[0].data, (size_t)batch->capacity * 10 * sizeof(float));
    memcpy(batch->fields[1].data, batch->inputs[1].data, (size_t)batch->capacity * sizeof(float));
    batch->filled = batch->capacity;
    batch->status = PT_OK;
}

static void on_log(void *user, int32_t level, const char *message)
{
    (void)level;
    (void)message;
    visit(user, IN_LOG);
}

static void on_destroy(void *user)
{
    visit(user, IN_DESTROY);
}

/* ---- The table ---- */

static pt_dataset_t *make_data(world_t *world)
{
    static const pt_field_spec_t fields[] = {{.name = "x", .dtype = PT_FLOAT32, .rank = 1, .shape = {10}},
                                             {.name = "y", .dtype = PT_FLOAT32, .rank = 1, .shape = {1}}};
    const uint32_t flags = world->place == IN_SAFE_FETCH   ? PT_DATASET_THREAD_SAFE
                           : world->place == IN_CONCURRENT ? PT_DATASET_CONCURRENT
                                                           : 0;
    pt_dataset_t *data;
    if (world->place == IN_NEXT)
        ck_ok(pt_dataset_create_stream(world->context, fields, 2, sizeof(pt_field_spec_t), 0, on_next, world,
                                       on_destroy, &data));
    else if (world->place == IN_MAP)
        ck_ok(pt_dataset_map(world->arrays, fields, 2, sizeof(pt_field_spec_t), 0, on_map, world, on_destroy, &data));
    else
        ck_ok(pt_dataset_create_map(world->context, fields, 2, sizeof(pt_field_spec_t), SAMPLES, flags, on_fetch, world,
                                    on_destroy, &data));
    return data;
}

/* Trains with one call from one callback; call -1: with none. Returns the fingerprint of the weights. */
static uint64_t run(place_t place, int32_t number, int32_t on_other_thread, pt_status_t *found)
{
    world_t world = {.place = place, .call = number, .on_other_thread = on_other_thread, .found = 1};
    pt_context_options_t context;
    pt_schedule_options_t schedule;
    pt_train_options_t options = rig_options(STEPS, 4);
    char text[200], command[400];
    snprintf(command, sizeof command, "rm -rf '%s'", suite_path("directory"));
    pthread_mutex_init(&world.once, NULL);
    ck_ok(pt_context_options_init(&context, sizeof context));
    context.threads = 2;
    context.seed = 5;
    context.log = on_log;
    context.log_user = &world;
    ck_ok(pt_context_create(&context, &world.context));
    world.model = network_linear(world.context);
    world.other = network_linear(world.context);
    world.optimizer = network_optimizer(world.context, PT_OPTIMIZER_ADAM, 0.01);
    world.spare = network_optimizer(world.context, PT_OPTIMIZER_SGD, 0.01);
    world.arrays = network_linear_data(world.context, SAMPLES);
    world.data = make_data(&world);
    ck_ok(pt_schedule_options_init(&schedule, sizeof schedule));
    schedule.kind = PT_SCHEDULE_CALLBACK;
    schedule.callback = on_rate;
    schedule.user = &world;
    ck_ok(pt_optimizer_set_schedule(world.optimizer, &schedule));
    options.event = on_event;
    options.event_user = &world;
    options.checkpoint_directory = suite_path("directory");
    options.flags = PT_TRAIN_RESUME;
    ck_assert_int_eq(system(command), 0);
    if (place == IN_LOG) { /* what is passed over is logged */
        ck_assert_int_eq(mkdir(options.checkpoint_directory, 0700), 0);
        suite_write("directory/step-000000000002.safetensors", "x", 1);
    }
    pt_status_t status = pt_pretrain(world.model, world.optimizer, world.data, &options, NULL);
    snprintf(text, sizeof text, "%s from callback %d%s", number < 0 ? "nothing" : calls[number].name, (int)place,
             on_other_thread ? " on another thread" : "");
    if (place != IN_LOG)
        ck_assert_msg(status == PT_OK, "%s: %s", text, pt_last_error());
    else {
        ck_assert_int_eq(status, PT_ERR_FORMAT);
        ck_assert_msg(strstr(pt_last_error(), "1 bytes, expected at least 8") != NULL, "%s: the message is \"%s\"",
                      text, pt_last_error());
    }
    uint64_t fingerprint = network_fingerprint(world.model);
    pt_dataset_free(world.data);
    *found = world.found;
    pt_dataset_free(world.arrays);
    pt_optimizer_free(world.spare);
    pt_optimizer_free(world.optimizer);
    pt_model_free(world.other);
    pt_model_free(world.model);
    pt_context_free(world.context);
    pthread_mutex_destroy(&world.once);
    return fingerprint;
}

static int32_t serves_data(place_t place)
{
    return place == IN_FETCH || place == IN_SAFE_FETCH || place == IN_CONCURRENT || place == IN_NEXT || place == IN_MAP;
}

/* What the header rules out: handles that another thread is using, one that is ending, and a callback that waits for
 * someone who waits for it. */
static int32_t is_ruled_out(place_t place, int32_t number, int32_t on_other_thread)
{
    int32_t is_beside_stage = place == IN_SAFE_FETCH || place == IN_CONCURRENT;
    if (is_beside_stage && (number == 1 || calls[number].reach == BUSY_RATE))
        return 1;
    if (place == IN_DESTROY && (number == 8 || calls[number].reach == BUSY_DATA))
        return 1;
    return on_other_thread && calls[number].reach == BUSY_DATA && serves_data(place) && place != IN_CONCURRENT;
}

static pt_status_t expected_status(place_t place, int32_t number, int32_t on_other_thread)
{
    switch (calls[number].reach) {
    case BUSY_MODEL:
        return place == IN_DESTROY ? PT_OK : PT_ERR_BUSY;
    case BUSY_DATA:
        return serves_data(place) && !on_other_thread ? PT_ERR_BUSY : PT_OK;
    case BUSY_RATE:
        return place == IN_RATE ? PT_ERR_BUSY : PT_OK;
    default:
        return PT_OK;
    }
}

START_TEST(test_every_call_from_every_callback)
{
    int64_t cells = 0;
    for (int32_t place = 0; place < PLACES; place++) {
        pt_status_t found;
        uint64_t fingerprint = run((place_t)place, -1, 0, &found);
        for (int32_t number = 0; number < CALLS; number++)
            for (int32_t other = 0; other < 2; other++) {
                if (is_ruled_out((place_t)place, number, other))
                    continue;
                uint64_t same = run((place_t)place, number, other, &found);
                pt_status_t expected = expected_status((place_t)place, number, other);
                ck_assert_msg(found == expected, "%s from callback %d%s gave %s, expected %s", calls[number].name,
                              (int)place, other ? " on another thread" : "", pt_status_name(found),
                              pt_status_name(expected));
                ck_assert_msg(same == fingerprint, "%s from callback %d%s changed the weights", calls[number].name,
                              (int)place, other ? " on another thread" : "");
                cells++;
            }
    }
    ck_assert_int_gt(cells, 350);
}
END_TEST

SUITE("reentry", 240, test_every_call_from_every_callback)
