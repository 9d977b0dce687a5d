/* Checkpoints in a directory: whatever is wrong with the newest, the one before is tried; one stage has the directory;
 * what cannot be written is known before the first step, what cannot be removed ends nothing. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "support/failing_io.h"
#include "support/rig.h"
#include "train/model.h"

typedef struct told { /* by the log */
    int passed_over, stays;
} told_t;

static void note(void *user, int32_t level, const char *message)
{
    told_t *told = user;
    if (level == PT_LOG_WARNING) {
        told->passed_over += strstr(message, "checkpoint passed over") != NULL;
        told->stays += strstr(message, "an old checkpoint stays") != NULL;
    }
}

static rig_t rig_that_tells(told_t *told)
{
    pt_context_options_t options;
    rig_t rig = {0};
    ck_ok(pt_context_options_init(&options, sizeof options));
    options.threads = 1;
    options.seed = 7;
    options.log = note;
    options.log_user = told;
    ck_ok(pt_context_create(&options, &rig.context));
    rig.model = network_linear(rig.context);
    rig.optimizer = network_optimizer(rig.context, PT_OPTIMIZER_ADAM, 0.01);
    rig.data = network_linear_data(rig.context, 16);
    return rig;
}

static pt_train_options_t options_of(const char *directory, int64_t steps)
{
    pt_train_options_t options = rig_options(steps, 4);
    options.checkpoint_directory = directory;
    options.checkpoint_every = 1;
    options.flags = PT_TRAIN_RESUME;
    return options;
}

static pt_status_t train(rig_t *rig, const char *directory, int64_t steps)
{
    pt_train_options_t options = options_of(directory, steps);
    return pt_pretrain(rig->model, rig->optimizer, rig->data, &options, NULL);
}

/* A directory with steps 4 and 5, of which the first ends an epoch: it is gone on from with any data. */
static const char *two_checkpoints(const char *name)
{
    static char directory[512];
    rig_t rig = rig_linear(16);
    snprintf(directory, sizeof directory, "%s", suite_path(name));
    ck_ok(train(&rig, directory, 5));
    rig_free(&rig);
    return directory;
}

static char *read_file(const char *path, int64_t *size)
{
    pt__memory_t memory;
    char *bytes, *copy;
    pt__memory_init(&memory, NULL, NULL, NULL);
    ck_ok(pt__file_read(&memory, path, 0, &bytes, size));
    copy = malloc((size_t)*size + 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes, (size_t)*size + 1);
    pt__release(&memory, bytes);
    return copy;
}

/* Every bit of the length and of the header; then some of what follows, and every one of the checksum. */
START_TEST(test_every_bit_of_the_newest)
{
    told_t told = {0};
    rig_t rig = rig_that_tells(&told);
    const char *directory = two_checkpoints("bits");
    char path[600], found_path[PT__PATH_SIZE];
    int64_t size, wrong = 0, tried = 0;
    snprintf(path, sizeof path, "%s/step-000000000005.safetensors", directory);
    char *bytes = read_file(path, &size);
    int64_t head;
    memcpy(&head, bytes, sizeof head);
    head += 8;
    ck_assert(head > 1000 && head < size);
    ck_ok(pt__model_bind_optimizer(rig.model, rig.optimizer));
    int file = open(path, O_WRONLY);
    ck_assert_int_ge(file, 0);
    for (int64_t bit = 0; bit < 8 * size; bit += bit < 8 * head || bit >= 8 * (size - 8) ? 1 : 8 * 7 + 1, tried++) {
        char damaged = (char)(bytes[bit / 8] ^ (char)(1 << bit % 8));
        pt__progress_t progress = {0};
        int32_t found = 0;
        ck_assert_int_eq(pwrite(file, &damaged, 1, bit / 8), 1);
        pt_status_t status = pt__rotation_resume(rig.model, rig.optimizer, &progress, directory, found_path, &found);
        if (status != PT_OK || !found || progress.step != 4)
            wrong++;
        ck_assert_int_eq(pwrite(file, &bytes[bit / 8], 1, bit / 8), 1);
    }
    close(file);
    ck_assert_msg(wrong == 0, "%lld of %lld bits", (long long)wrong, (long long)tried);
    ck_assert_int_eq(told.passed_over, tried);
    pt_train_result_t result = {.struct_size = sizeof result};
    pt_train_options_t options = options_of(directory, 8);
    ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, &result));
    ck_assert_int_eq(result.steps, 3); /* it is whole again */
    free(bytes);
    rig_free(&rig);
}
END_TEST

static void make_other_optimizer(const char *path) /* whole, and no use here */
{
    rig_t rig = rig_linear(16);
    pt_optimizer_free(rig.optimizer);
    rig.optimizer = network_optimizer(rig.context, PT_OPTIMIZER_SGD, 0.01);
    ck_ok(pt_checkpoint_save(rig.model, rig.optimizer, path, NULL));
    rig_free(&rig);
}

/* What stands where the newest was: of every kind. */
static void spoil(int kind, const char *path)
{
    if (kind != 0)
        ck_assert_int_eq(unlink(path), 0);
    switch (kind) {
    case 0:
        ck_assert_int_eq(truncate(path, 100), 0);
        break;
    case 1:
        fclose(fopen(path, "w"));
        break;
    case 2:
        ck_assert_int_eq(symlink("gone", path), 0);
        break; /* as one that vanishes after it was listed */
    case 3:
        ck_assert_int_eq(mkdir(path, 0700), 0);
        break;
    case 4:
        ck_assert_int_eq(mkfifo(path, 0600), 0);
        break;
    case 5:
        make_other_optimizer(path);
        break;
    default: {
        rig_t rig = rig_linear(16); /* saved outside of a stage */
        ck_ok(pt_checkpoint_save(rig.model, rig.optimizer, path, NULL));
        rig_free(&rig);
    }
    }
}

START_TEST(test_whatever_is_wrong_with_the_newest)
{
    for (int kind = 0; kind <= 6; kind++) {
        told_t told = {0};
        char name[32], path[600];
        rig_t rig = rig_that_tells(&told);
        snprintf(name, sizeof name, "spoilt%d", kind);
        const char *directory = two_checkpoints(name);
        snprintf(path, sizeof path, "%s/step-000000000005.safetensors", directory);
        spoil(kind, path);
        pt_train_result_t result = {.struct_size = sizeof result};
        pt_train_options_t options = options_of(directory, 4); /* the name of step 5 stays as it is */
        ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, &result));
        ck_assert_int_eq(result.steps, 0);
        ck_assert_int_eq(told.passed_over, 1);
        /* without an older one it is said what is wrong */
        snprintf(path, sizeof path, "%s/step-000000000004.safetensors", directory);
        ck_assert_int_eq(unlink(path), 0);
        pt_status_t status = pt_pretrain(rig.model, rig.optimizer, rig.data, &options, &result);
        ck_assert(status != PT_OK && strstr(pt_last_error(), "no checkpoint in ") != NULL);
        ck_assert_ptr_nonnull(strstr(pt_last_error(), "step-000000000005.safetensors: "));
        rig_free(&rig);
    }
}
END_TEST

/* Names that only look like a checkpoint's are somebody else's. */
START_TEST(test_names_of_others)
{
    static const char *const others[] = {"step-4.safetensors",
                                         "step-0000000000009.safetensors",
                                         "step-00000000000x.safetensors",
                                         "step-+00000000009.safetensors",
                                         "xstep-000000000009.safetensors",
                                         "step-000000000009.safetensors~"};
    char path[600];
    rig_t rig = rig_linear(16);
    const char *directory = two_checkpoints("others");
    for (int i = 0; i < 6; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, others[i]);
        fclose(fopen(path, "w"));
    }
    pt_train_result_t result = {.struct_size = sizeof result};
    pt_train_options_t options = options_of(directory, 9);
    options.checkpoints_kept = 1;
    ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, &result));
    ck_assert_int_eq(result.steps, 4);
    ck_assert_str_eq(suite_listing(directory),
                     "step-+00000000009.safetensors step-0000000000009.safetensors step-000000000009.safetensors "
                     "step-000000000009.safetensors~ step-00000000000x.safetensors step-4.safetensors "
                     "xstep-000000000009.safetensors");
    rig_free(&rig);
}
END_TEST

/* A directory stands where an old checkpoint did: no process may unlink that. */
START_TEST(test_old_file_that_cannot_be_removed)
{
    told_t told = {0};
    rig_t rig = rig_that_tells(&told);
    const char *directory = two_checkpoints("stuck");
    char path[600];
    snprintf(path, sizeof path, "%s/step-000000000001.safetensors", directory);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    ck_ok(train(&rig, directory, 12));
    ck_assert_int_eq(told.stays, 1); /* not at each checkpoint */
    ck_assert_str_eq(suite_listing(directory), "step-000000000001.safetensors step-000000000011.safetensors "
                                               "step-000000000012.safetensors");
    rig_free(&rig);
}
END_TEST

typedef struct second { /* a stage that begins while another one runs */
    rig_t rig;
    const char *directory;
    pt_status_t status;
    char message[1024];
} second_t;

static void begin_second(void *user, pt_event_t *event)
{
    second_t *second = user;
    if (event->kind == PT_EVENT_STEP) {
        second->status = train(&second->rig, second->directory, 20);
        snprintf(second->message, sizeof second->message, "%s", pt_last_error());
    }
    event->action = PT_ACTION_GO_ON;
}

START_TEST(test_one_stage_at_a_time)
{
    rig_t rig = rig_linear(16);
    second_t second = {.rig = rig_linear(16), .directory = suite_path("shared")};
    pt_train_options_t options = options_of(second.directory, 1);
    options.event = begin_second;
    options.event_user = &second;
    ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, NULL));
    ck_assert_int_eq(second.status, PT_ERR_BUSY);
    ck_assert_ptr_nonnull(strstr(second.message, "pt_train_options.checkpoint_directory"));
    ck_assert_ptr_nonnull(strstr(second.message, "another stage"));
    ck_assert_str_eq(suite_listing(second.directory), "step-000000000001.safetensors");
    ck_ok(train(&second.rig, second.directory, 3)); /* the first is over */
    ck_ok(train(&rig, second.directory, 4));
    rig_free(&rig);
    rig_free(&second.rig);
}
END_TEST

/* A stage in another process, until it is killed; that is when its lock and what it left aside go. */
static void wait_for_the_kill(void *user, pt_event_t *event)
{
    const int *ready = user;
    pt__memory_t memory;
    pt__writer_t *writer;
    if (event->kind == PT_EVENT_CHECKPOINT) {
        pt__memory_init(&memory, NULL, NULL, NULL);
        if (pt__writer_begin(&memory, event->path, &writer) != PT_OK || write(ready[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    event->action = PT_ACTION_GO_ON;
}

START_TEST(test_lock_and_leftovers_of_a_killed_stage)
{
    rig_t rig = rig_linear(16);
    const char *directory = suite_path("killed");
    int ready[2];
    char byte, left[600];
    ck_assert_int_eq(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        rig_t own = rig_linear(16);
        pt_train_options_t options = options_of(directory, 3);
        options.event = wait_for_the_kill;
        options.event_user = ready;
        pt_pretrain(own.model, own.optimizer, own.data, &options, NULL);
        _exit(1);
    }
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    snprintf(left, sizeof left, "%s/step-000000000001.safetensors.partial-%ld-0", directory, (long)child);
    ck_assert_int_eq(access(left, F_OK), 0);
    ck_fails(train(&rig, directory, 5), PT_ERR_BUSY, "another stage");
    ck_assert_int_eq(access(left, F_OK), 0);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    ck_ok(train(&rig, directory, 1)); /* there is nothing to do, and step 1 is not written again */
    ck_assert_str_eq(suite_listing(directory), "step-000000000001.safetensors");
    rig_free(&rig);
}
END_TEST

static void count_steps(void *user, pt_event_t *event)
{
    *(int64_t *)user = event->step;
    event->action = PT_ACTION_GO_ON;
}

/* Not at the first checkpoint, which may come after hours. */
START_TEST(test_unwritable_is_known_before_the_first_step)
{
    int64_t steps = 0;
    pid_t child;
    const char *directory = suite_path("closed");
    ck_assert_int_eq(mkdir(directory, 0755), 0);
    ck_assert_int_eq(chmod(suite_directory(), 0755), 0);
    child = fork();
    if (child == 0) { /* root may write anywhere: become somebody else */
        if (geteuid() == 0 ? setuid(65534) != 0 : chmod(directory, 0555) != 0)
            _exit(2);
        rig_t rig = rig_linear(16);
        pt_train_options_t options = options_of(directory, 50);
        options.checkpoint_every = 0;
        options.event = count_steps;
        options.event_user = &steps;
        pt_status_t status = pt_pretrain(rig.model, rig.optimizer, rig.data, &options, NULL);
        if (status != PT_ERR_IO || strstr(pt_last_error(), "pt_train_options.checkpoint_directory: ") == NULL)
            _exit(3);
        _exit(steps != 0);
    }
    int state;
    waitpid(child, &state, 0);
    ck_assert_int_eq(state, 0);
    ck_assert_str_eq(suite_listing(directory), "");
}
END_TEST

SUITE("rotation", 300, test_every_bit_of_the_newest, test_whatever_is_wrong_with_the_newest, test_names_of_others,
      test_old_file_that_cannot_be_removed, test_one_stage_at_a_time, test_lock_and_leftovers_of_a_killed_stage,
      test_unwritable_is_known_before_the_first_step)
