/* Stopping and going on, in all ways at once: every sample is read as often as there are epochs, stages end where their
 * schedules do, and what a host changed meanwhile is there again or refused. */
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "support/failing_io.h"
#include "support/rig.h"

enum { MOST = 40 };

typedef struct reader {
    int64_t length;
    int seen[MOST];
} reader_t;

static void give(pt_batch_t *batch, int64_t place, int64_t sample)
{
    float *x = (float *)batch->fields[0].data + place * 10, *y = (float *)batch->fields[1].data + place;
    *y = (float)sample / MOST;
    for (int k = 0; k < 10; k++)
        x[k] = (float)((sample * 7 + k * 3) % 11) / 11;
}

static void fetch(void *user, pt_batch_t *batch)
{
    reader_t *reader = user;
    for (int64_t i = 0; i < batch->capacity; i++) {
        give(batch, i, batch->indices[i]);
        reader->seen[batch->indices[i]]++;
    }
    batch->filled = batch->capacity;
    batch->status = PT_OK;
}

/* A stream is asked ahead of what is trained on: what was read counts by the position that a resume goes on from. */
static void next(void *user, pt_batch_t *batch)
{
    reader_t *reader = user;
    int64_t left = reader->length - batch->position;
    batch->filled = left < batch->capacity ? left : batch->capacity;
    for (int64_t i = 0; i < batch->filled; i++)
        give(batch, i, batch->position + i);
    batch->status = batch->filled == left ? PT_END : PT_OK;
}

typedef struct way { /* of training in two starts */
    int64_t length, batch[2], micro[2], stop, epochs;
    uint32_t flags;
    int32_t stream;
} way_t;

typedef struct ending {
    int64_t stop, last_step, total_steps;
    double rate; /* of the last update */
} ending_t;

static void on_event(void *user, pt_event_t *event)
{
    ending_t *ending = user;
    event->action = PT_ACTION_GO_ON;
    if (event->kind != PT_EVENT_STEP)
        return;
    ending->last_step = event->step;
    ending->total_steps = event->total_steps;
    ending->rate = event->learning_rate;
    if (event->step == ending->stop)
        event->action = PT_ACTION_STOP;
}

static pt_dataset_t *make_data(pt_context_t *context, reader_t *reader, int32_t stream)
{
    static const pt_field_spec_t fields[] = {{.name = "x", .dtype = PT_FLOAT32, .rank = 1, .shape = {10}},
                                             {.name = "y", .dtype = PT_FLOAT32, .rank = 1, .shape = {1}}};
    pt_dataset_t *data;
    if (stream)
        ck_ok(pt_dataset_create_stream(context, fields, 2, sizeof(pt_field_spec_t), 0, next, reader, NULL, &data));
    else
        ck_ok(pt_dataset_create_map(context, fields, 2, sizeof(pt_field_spec_t), reader->length, 0, fetch, reader, NULL,
                                    &data));
    return data;
}

/* One start of two; returns the samples that it trained on. */
static int64_t train(const way_t *way, int32_t start, reader_t *reader, ending_t *ending)
{
    rig_t rig = {.context = network_context(1, 7)};
    pt_schedule_options_t schedule;
    pt_train_options_t options = rig_options(0, way->batch[start]);
    pt_train_result_t result = {.struct_size = sizeof result};
    rig.model = network_linear(rig.context);
    rig.optimizer = network_optimizer(rig.context, PT_OPTIMIZER_SGD, 0.01);
    rig.data = make_data(rig.context, reader, way->stream);
    ck_ok(pt_schedule_options_init(&schedule, sizeof schedule));
    schedule.kind = way->stream ? PT_SCHEDULE_CONSTANT : PT_SCHEDULE_LINEAR;
    ck_ok(pt_optimizer_set_schedule(rig.optimizer, &schedule));
    options.flags = way->flags | PT_TRAIN_RESUME;
    options.micro_batch = way->micro[start];
    options.epochs = way->epochs;
    options.checkpoint_directory = suite_path("resume");
    options.event = on_event;
    options.event_user = ending;
    ending->stop = start == 0 ? way->stop : 0;
    ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, &result));
    ck_assert_int_eq(result.reason, start == 0 && result.steps == way->stop ? PT_REASON_HOST : PT_REASON_DONE);
    rig_free(&rig);
    return result.samples;
}

/* A thousand times: a shell for each would take longer than all that is trained. */
static void clear_directory(void)
{
    const char *path = suite_path("resume");
    DIR *directory = opendir(path);
    if (directory == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            ck_assert_int_eq(unlinkat(dirfd(directory), entry->d_name, 0), 0);
    closedir(directory);
    ck_assert_int_eq(rmdir(path), 0);
}

static void check_way(const way_t *way)
{
    reader_t reader = {.length = way->length};
    ending_t ending = {0};
    char text[256];
    clear_directory();
    snprintf(text, sizeof text, "%lld samples, batches of %lld and %lld, stopped at %lld of %lld epochs, flags %u%s",
             (long long)way->length, (long long)way->batch[0], (long long)way->batch[1], (long long)way->stop,
             (long long)way->epochs, (unsigned)way->flags, way->stream ? ", stream" : "");
    int64_t samples = train(way, 0, &reader, &ending);
    if (ending.last_step == way->stop)
        samples += train(way, 1, &reader, &ending);
    if (!way->stream && ending.last_step != way->stop) { /* the second start may find nothing left that makes a batch */
        ck_assert_msg(ending.total_steps == ending.last_step, "%s: %lld steps of %lld", text,
                      (long long)ending.last_step, (long long)ending.total_steps);
        ck_assert_msg(fabs(ending.rate - 0.01 / (double)ending.total_steps) < 1e-12,
                      "%s: the schedule's last rate is %g", text, ending.rate);
    }
    if ((way->flags & PT_TRAIN_DROP_PARTIAL) == 0)
        ck_assert_msg(samples == way->length * way->epochs, "%s: trained on %lld samples", text, (long long)samples);
    for (int64_t i = 0; i < way->length && !way->stream; i++)
        ck_assert_msg((way->flags & PT_TRAIN_DROP_PARTIAL) != 0 ? reader.seen[i] <= way->epochs
                                                                : reader.seen[i] == way->epochs,
                      "%s: sample %lld was read %d times", text, (long long)i, reader.seen[i]);
}

START_TEST(test_every_way)
{
    static const int64_t lengths[] = {1, 7, 12, 26}, batches[] = {1, 4, 5, 8, 30}, stops[] = {1, 2, 3, 5};
    static const uint32_t flags[] = {0, PT_TRAIN_IN_ORDER, PT_TRAIN_DROP_PARTIAL};
    int64_t ways = 0;
    failing_io_skip_fsync();
    for (int length = 0; length < 4; length++)
        for (int first = 0; first < 5; first++)
            for (int second = 0; second < 5; second++)
                for (int stop = 0; stop < 4; stop++)
                    for (int flag = 0; flag < 4; flag++) {
                        way_t way = {.length = lengths[length],
                                     .batch = {batches[first], batches[second]},
                                     .micro = {first % 3, second % 3},
                                     .stop = stops[stop],
                                     .epochs = 1 + (first + second + stop + flag) % 3,
                                     .flags = flag < 3 ? flags[flag] : 0,
                                     .stream = flag == 3};
                        if ((way.flags & PT_TRAIN_DROP_PARTIAL) != 0 &&
                            (way.batch[0] > way.length || way.batch[1] > way.length))
                            continue; /* an epoch gives nothing: refused */
                        check_way(&way);
                        ways++;
                    }
    ck_assert_int_gt(ways, 1000);
}
END_TEST

/* ---- Other data ---- */

typedef struct start {
    int64_t samples;
    int32_t view; /* 0: none, 1: a shuffled one, 2: another, 3: the first half of twice as much */
    uint32_t flags;
    int64_t bucket, stop;
} start_t;

static pt_status_t begin(const start_t *how, reader_t *reader)
{
    rig_t rig = {.context = network_context(1, 7)};
    pt_train_options_t options = rig_options(0, 4);
    ending_t ending = {.stop = how->stop};
    reader->length = how->samples;
    rig.model = network_linear(rig.context);
    rig.optimizer = network_optimizer(rig.context, PT_OPTIMIZER_SGD, 0.01);
    pt_dataset_t *data = make_data(rig.context, reader, 0);
    if (how->view == 0)
        rig.data = data;
    else {
        if (how->view == 3)
            ck_ok(pt_dataset_subset(data, how->samples / 2, how->samples / 2, &rig.data));
        else
            ck_ok(pt_dataset_shuffle(data, (uint64_t)how->view, &rig.data));
        pt_dataset_free(data);
    }
    options.flags = how->flags | PT_TRAIN_RESUME;
    options.epochs = 2;
    options.checkpoint_directory = suite_path("resume");
    options.event = on_event;
    options.event_user = &ending;
    pt_status_t status = pt_pretrain(rig.model, rig.optimizer, rig.data, &options, NULL);
    char message[512];
    snprintf(message, sizeof message, "%s", pt_last_error());
    rig_free(&rig);
    pt__fail(status, "%s", message);
    return status;
}

START_TEST(test_other_data)
{
    static const struct {
        start_t first, second;
        const char *refusal; /* NULL: goes on */
    } cases[] = {
        {{.samples = 26, .stop = 4}, {.samples = 26}, NULL},
        {{.samples = 26, .stop = 4}, {.samples = 27}, "of 26 samples, but this one has 27"},
        {{.samples = 26, .stop = 4}, {.samples = 20}, "of 26 samples, but this one has 20"},
        {{.samples = 26, .stop = 4}, {.samples = 15}, "of 26 samples, but this one has 15"},
        {{.samples = 24, .stop = 6}, {.samples = 27}, NULL}, /* between two epochs */
        {{.samples = 26, .stop = 4, .view = 1}, {.samples = 26, .view = 1}, NULL},
        {{.samples = 26, .stop = 4, .view = 1}, {.samples = 26, .view = 2}, "another order"},
        {{.samples = 26, .stop = 4, .view = 1}, {.samples = 26}, "another order"},
        {{.samples = 20, .stop = 4}, {.samples = 40, .view = 3}, "another order"},
        {{.samples = 26, .stop = 4}, {.samples = 26, .flags = PT_TRAIN_IN_ORDER}, "another order"},
        {{.samples = 26, .stop = 4, .flags = PT_TRAIN_IN_ORDER}, {.samples = 26}, "another order"},
        {{.samples = 26, .stop = 4}, {.samples = 26, .flags = PT_TRAIN_DROP_PARTIAL}, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        reader_t reader = {0};
        clear_directory();
        ck_ok(begin(&cases[i].first, &reader));
        if (cases[i].refusal == NULL)
            ck_ok(begin(&cases[i].second, &reader));
        else
            ck_fails(begin(&cases[i].second, &reader), PT_ERR_STATE, cases[i].refusal);
    }
}
END_TEST

/* ---- The rate ---- */

typedef struct plateau {
    pt_optimizer_t *optimizer;
    int64_t lower_at, stop;
    double rates[16];
} plateau_t;

static void lower(void *user, pt_event_t *event)
{
    plateau_t *plateau = user;
    pt_schedule_options_t schedule;
    event->action = PT_ACTION_GO_ON;
    if (event->kind != PT_EVENT_STEP)
        return;
    plateau->rates[event->step] = event->learning_rate;
    if (event->step == plateau->lower_at)
        ck_ok(pt_optimizer_set_learning_rate(plateau->optimizer, 0.005));
    ck_ok(pt_schedule_options_init(&schedule, sizeof schedule));
    schedule.kind = PT_SCHEDULE_INVERSE_SQRT;
    ck_fails(pt_optimizer_set_schedule(plateau->optimizer, &schedule), PT_ERR_BUSY,
             "its schedule cannot be replaced while a stage trains"); /* no checkpoint could bring it back */
    if (event->step == plateau->stop)
        event->action = PT_ACTION_STOP;
}

/* rate 0: 0.05, left as it was made; else set before the stage */
static uint64_t descend(plateau_t *plateau, double made, double set, const char *directory)
{
    rig_t rig = rig_linear(8);
    pt_train_options_t options = rig_options(12, 4);
    pt_optimizer_free(rig.optimizer);
    rig.optimizer = network_optimizer(rig.context, PT_OPTIMIZER_ADAM, made);
    if (set > 0)
        ck_ok(pt_optimizer_set_learning_rate(rig.optimizer, set));
    plateau->optimizer = rig.optimizer;
    options.event = lower;
    options.event_user = plateau;
    options.flags = PT_TRAIN_RESUME;
    options.checkpoint_directory = suite_path(directory);
    ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, NULL));
    uint64_t fingerprint = network_fingerprint(rig.model);
    rig_free(&rig);
    return fingerprint;
}

START_TEST(test_rate_that_the_host_changed)
{
    plateau_t whole = {.lower_at = 5}, first = {.lower_at = 5, .stop = 7}, second = {0}, other = {0}, set = {0};
    uint64_t expected = descend(&whole, 0.05, 0, "whole");
    ck_assert_double_eq(whole.rates[5], 0.05);
    ck_assert_double_eq(whole.rates[6], 0.005);
    descend(&first, 0.05, 0, "resume");
    ck_assert_uint_eq(descend(&second, 0.05, 0, "resume"), expected);
    ck_assert_double_eq(second.rates[8], 0.005);
    clear_directory(); /* whoever asks for another rate than before gets that */
    descend(&first, 0.05, 0, "resume");
    descend(&other, 0.03, 0, "resume");
    ck_assert_double_eq(other.rates[8], 0.03);
    clear_directory();
    descend(&first, 0.05, 0, "resume");
    descend(&set, 0.05, 0.02, "resume");
    ck_assert_double_eq(set.rates[8], 0.02);
}
END_TEST

SUITE("resume", 240, test_every_way, test_other_data, test_rate_that_the_host_changed)
