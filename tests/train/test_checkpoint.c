/* Checkpoints: exact in the middle of an accumulation, whole whatever fails while they are written, and passed over
 * when damaged. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/failing_allocator.h"
#include "support/failing_io.h"
#include "support/networks.h"
#include "support/views.h"

typedef struct rig {
    pt_context_t *context;
    pt_model_t *model;
    pt_optimizer_t *optimizer;
    pt_dataset_t *data;
} rig_t;

static rig_t rig_up(void)
{
    rig_t rig = {.context = network_context(1, 9)};
    rig.model = network_gpt(rig.context);
    network_set_task(rig.model, PT_TASK_CAUSAL_LM, 0);
    rig.optimizer = network_optimizer(rig.context, PT_OPTIMIZER_ADAMW, 1e-2);
    rig.data = network_text_data(rig.context, 40, 1);
    return rig;
}

static void rig_down(rig_t *rig)
{
    pt_dataset_free(rig->data);
    pt_optimizer_free(rig->optimizer);
    pt_model_free(rig->model);
    pt_context_free(rig->context);
}

/* One micro-step on 4 of the tokens' samples that begin at `first`. */
static pt_status_t micro_step(rig_t *rig, int64_t first, uint32_t flags)
{
    int32_t tokens[48];
    int64_t indices[4] = {first, first + 1, first + 2, first + 3}, lengths[4], elements;
    ck_ok(read_field(rig->data, indices, 4, "tokens", tokens, 48, &elements, lengths));
    pt_array_t value = {.name = "tokens", .data = tokens, .lengths = lengths, .dtype = PT_INT32};
    return pt_train_step(rig->model, rig->optimizer, &value, 1, sizeof(pt_array_t), 4, flags, NULL);
}

START_TEST(test_middle_of_accumulation)
{
    rig_t whole = rig_up(), first = rig_up(), second = rig_up();
    const char *path = suite_path("middle.safetensors");
    for (int64_t step = 0; step < 6; step++)
        ck_ok(micro_step(&whole, step * 4, step % 3 < 2 ? PT_STEP_ACCUMULATE : 0));
    for (int64_t step = 0; step < 4; step++) /* one update and one micro-step */
        ck_ok(micro_step(&first, step * 4, step % 3 < 2 ? PT_STEP_ACCUMULATE : 0));
    ck_ok(pt_checkpoint_save(first.model, first.optimizer, path, NULL));
    ck_ok(micro_step(&second, 0, 0)); /* what it held before is gone after loading */
    ck_ok(pt_checkpoint_load(second.model, second.optimizer, path, NULL));
    ck_assert_int_eq(pt_optimizer_steps(second.optimizer), 1);
    for (int64_t step = 4; step < 6; step++)
        ck_ok(micro_step(&second, step * 4, step % 3 < 2 ? PT_STEP_ACCUMULATE : 0));
    ck_assert_uint_eq(network_fingerprint(whole.model), network_fingerprint(second.model));
    rig_down(&whole);
    rig_down(&first);
    rig_down(&second);
}
END_TEST

static void use_adafactor(rig_t *rig, int32_t biases)
{
    pt_group_options_t group;
    pt_optimizer_free(rig->optimizer);
    rig->optimizer = network_optimizer(rig->context, PT_OPTIMIZER_ADAFACTOR, 1e-2);
    ck_ok(pt_group_options_init(&group, sizeof group));
    group.kind = biases;
    group.momentum = 0.9;
    ck_ok(pt_optimizer_add_group(rig->optimizer, "*.bias", &group));
}

/* Slots of other shapes than their parameters', and of other kinds from one parameter to the next. */
START_TEST(test_slots_of_several_kinds)
{
    rig_t whole = rig_up(), resumed = rig_up(), other = rig_up();
    const char *path = suite_path("adafactor.safetensors");
    use_adafactor(&whole, PT_OPTIMIZER_SGD);
    use_adafactor(&resumed, PT_OPTIMIZER_SGD);
    use_adafactor(&other, PT_OPTIMIZER_ADAM);
    for (int64_t step = 0; step < 3; step++)
        ck_ok(micro_step(&whole, step * 4, 0));
    ck_ok(pt_checkpoint_save(whole.model, whole.optimizer, path, NULL));
    ck_ok(pt_checkpoint_load(resumed.model, resumed.optimizer, path, NULL));
    for (int64_t step = 3; step < 6; step++) {
        ck_ok(micro_step(&whole, step * 4, 0));
        ck_ok(micro_step(&resumed, step * 4, 0));
    }
    ck_assert_uint_eq(network_fingerprint(whole.model), network_fingerprint(resumed.model));
    uint64_t before = network_fingerprint(other.model);
    ck_fails(pt_checkpoint_load(other.model, other.optimizer, path, NULL), PT_ERR_NOT_FOUND, "pretrain.slot.exp_avg.");
    ck_assert_uint_eq(network_fingerprint(other.model), before);
    rig_down(&whole);
    rig_down(&resumed);
    rig_down(&other);
}
END_TEST

static void classify(pt_model_t *model, pt_optimizer_t *optimizer, int32_t steps)
{
    static const int32_t tokens[] = {1, 2, 3, 4, 5, 6, 7, 8}, label[] = {0, 2};
    static const int64_t lengths[] = {3, 5};
    const pt_array_t values[] = {
        {.name = "tokens", .data = view_data(tokens), .lengths = view_data(lengths), .dtype = PT_INT32},
        {.name = "label", .data = view_data(label), .dtype = PT_INT32}};
    for (int32_t i = 0; i < steps; i++)
        ck_ok(pt_train_step(model, optimizer, values, 2, sizeof(pt_array_t), 2, 0, NULL));
}

/* A head that came later than its trunk is younger: its bias corrections go on where they stood. */
START_TEST(test_head_younger_than_trunk)
{
    rig_t whole = rig_up(), resumed = rig_up();
    for (int64_t step = 0; step < 4; step++)
        ck_ok(micro_step(&whole, step * 4, 0));
    network_set_task(whole.model, PT_TASK_CLASSIFICATION, 3);
    classify(whole.model, whole.optimizer, 2);
    ck_ok(pt_checkpoint_save(whole.model, whole.optimizer, suite_path("younger.safetensors"), NULL));
    network_set_task(resumed.model, PT_TASK_CLASSIFICATION, 3);
    ck_ok(pt_checkpoint_load(resumed.model, resumed.optimizer, suite_path("younger.safetensors"), NULL));
    classify(whole.model, whole.optimizer, 2);
    classify(resumed.model, resumed.optimizer, 2);
    ck_assert_uint_eq(network_fingerprint(whole.model), network_fingerprint(resumed.model));
    rig_down(&whole);
    rig_down(&resumed);
}
END_TEST

/* Files in a directory; with_aside counts what is not a checkpoint. */
static int count_files(const char *directory, int with_aside)
{
    int count = 0;
    DIR *open = opendir(directory);
    ck_assert(open != NULL);
    for (struct dirent *entry; (entry = readdir(open)) != NULL;) {
        size_t length = strlen(entry->d_name);
        int is_checkpoint = length > 12 && strcmp(entry->d_name + length - 12, ".safetensors") == 0;
        count += entry->d_name[0] != '.' || strlen(entry->d_name) > 2 ? (with_aside ? !is_checkpoint : is_checkpoint)
                                                                      : 0;
    }
    closedir(open);
    return count;
}

static pt_status_t train(rig_t *rig, const char *directory, int64_t steps, pt_train_result_t *result)
{
    pt_train_options_t options;
    ck_ok(pt_train_options_init(&options, sizeof options));
    options.steps = steps;
    options.batch = 4;
    options.checkpoint_directory = directory;
    options.checkpoint_every = 2;
    options.checkpoints_kept = 3;
    options.flags = PT_TRAIN_RESUME;
    return pt_pretrain(rig->model, rig->optimizer, rig->data, &options, result);
}

START_TEST(test_keeps_last)
{
    rig_t rig = rig_up();
    const char *directory = suite_path("kept");
    ck_ok(train(&rig, directory, 15, NULL));
    ck_assert_int_eq(count_files(directory, 0), 3); /* 12, 14 and the last, 15 */
    ck_assert_int_eq(access(suite_path("kept/step-000000000015.safetensors"), R_OK), 0);
    ck_assert_int_eq(access(suite_path("kept/step-000000000012.safetensors"), R_OK), 0);
    rig_down(&rig);
}
END_TEST

static void damage(const char *path, long offset, int truncate_there)
{
    struct stat found;
    ck_assert_int_eq(stat(path, &found), 0);
    if (truncate_there) {
        ck_assert_int_eq(truncate(path, found.st_size / 2), 0);
        return;
    }
    int file = open(path, O_RDWR);
    char byte;
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(pread(file, &byte, 1, found.st_size - offset), 1);
    byte = (char)(byte ^ 4);
    ck_assert_int_eq(pwrite(file, &byte, 1, found.st_size - offset), 1);
    close(file);
}

static void count_warning(void *user, int32_t level, const char *message)
{
    if (level == PT_LOG_WARNING && strstr(message, "passed over") != NULL)
        ++*(int *)user;
}

START_TEST(test_damaged_newest_is_passed_over)
{
    for (int kind = 0; kind < 3; kind++) {
        char name[32];
        snprintf(name, sizeof name, "damaged%d", kind);
        rig_t rig = rig_up();
        char directory[512], newest[600];
        snprintf(directory, sizeof directory, "%s", suite_path(name));
        ck_ok(train(&rig, directory, 6, NULL));
        uint64_t after_six = network_fingerprint(rig.model);
        rig_down(&rig);
        snprintf(newest, sizeof newest, "%s/step-000000000006.safetensors", directory);
        damage(newest, kind == 0 ? 900 : 3,
               kind == 2); /* a bit of the tensors; of the checksum itself; half the file gone */
        int warnings = 0;
        pt_context_options_t options;
        ck_ok(pt_context_options_init(&options, sizeof options));
        options.threads = 1;
        options.seed = 9;
        options.log = count_warning;
        options.log_user = &warnings;
        rig = (rig_t){0};
        ck_ok(pt_context_create(&options, &rig.context));
        rig.model = network_gpt(rig.context);
        network_set_task(rig.model, PT_TASK_CAUSAL_LM, 0);
        rig.optimizer = network_optimizer(rig.context, PT_OPTIMIZER_ADAMW, 1e-2);
        rig.data = network_text_data(rig.context, 40, 1);
        pt_train_result_t result = {.struct_size = sizeof result};
        ck_ok(train(&rig, directory, 6, &result));
        ck_assert_int_eq(result.steps, 2); /* from step 4 */
        ck_assert_int_eq(warnings, 1);
        ck_assert_uint_eq(network_fingerprint(rig.model), after_six);
        rig_down(&rig);
    }
}
END_TEST

/* Whatever call of the system fails, the call that was writing reports it, the model goes on as it was, and the
 * checkpoint before is whole. */
START_TEST(test_failing_disk)
{
    rig_t rig = rig_up();
    const char *path = suite_path("disk.safetensors");
    char directory[512];
    snprintf(directory, sizeof directory, "%s", suite_directory());
    ck_ok(micro_step(&rig, 0, 0));
    ck_ok(pt_checkpoint_save(rig.model, rig.optimizer, path, NULL));
    uint64_t saved = network_fingerprint(rig.model);
    int failures = 0;
    for (failing_io_t kind = FAILING_WRITE; kind <= FAILING_RENAME; kind++)
        for (long n = 1;; n++) {
            ck_ok(micro_step(&rig, 8, 0));
            uint64_t now = network_fingerprint(rig.model);
            failing_io_arm(kind, n, kind == FAILING_WRITE ? ENOSPC : EIO);
            pt_status_t status = pt_checkpoint_save(rig.model, rig.optimizer, path, NULL);
            int failed = failing_io_calls(kind) >= n;
            failing_io_disarm();
            ck_assert_uint_eq(network_fingerprint(rig.model), now);
            rig_t other = rig_up();
            ck_ok(pt_checkpoint_load(other.model, other.optimizer, path, NULL));
            if (failed) {
                failures++;
                ck_assert_int_eq(status, PT_ERR_IO);
                uint64_t loaded = network_fingerprint(other.model);
                ck_assert(loaded == saved || loaded == now); /* the directory's fsync comes after the rename */
                saved = loaded;
            } else {
                ck_assert_int_eq(status, PT_OK);
                saved = now;
            }
            rig_down(&other);
            if (!failed)
                break;
        }
    ck_assert_int_ge(failures, 3);
    ck_assert_int_eq(count_files(directory, 1), 0); /* nothing left aside */
    rig_down(&rig);
}
END_TEST

START_TEST(test_unwritable_directory)
{
    rig_t rig = rig_up();
    ck_fails(train(&rig, "/proc/no-such-place/checkpoints", 4, NULL), PT_ERR_NOT_FOUND, "/proc/no-such-place");
    ck_fails(pt_checkpoint_save(rig.model, rig.optimizer, suite_path("no/such/file.safetensors"), NULL),
             PT_ERR_NOT_FOUND, "no/such");
    ck_fails(pt_checkpoint_load(rig.model, rig.optimizer, suite_path("missing.safetensors"), NULL), PT_ERR_NOT_FOUND,
             "missing.safetensors");
    ck_ok(micro_step(&rig, 0, 0));
    rig_down(&rig);
}
END_TEST

START_TEST(test_wrong_checkpoint_changes_nothing)
{
    rig_t rig = rig_up();
    const char *path = suite_path("adamw.safetensors");
    ck_ok(micro_step(&rig, 0, 0));
    ck_ok(pt_checkpoint_save(rig.model, rig.optimizer, path, NULL));
    pt_optimizer_t *sgd = network_optimizer(rig.context, PT_OPTIMIZER_SGD, 1e-2);
    ck_ok(micro_step(&rig, 4, 0));
    uint64_t before = network_fingerprint(rig.model);
    ck_fails(pt_checkpoint_load(rig.model, sgd, path, NULL), PT_ERR_STATE, "adamw");
    pt_model_t *linear = network_linear(rig.context);
    ck_fails(pt_checkpoint_load(linear, NULL, path, NULL), PT_ERR_STATE, "task");
    network_set_task(rig.model, PT_TASK_CLASSIFICATION, 2);
    ck_fails(pt_checkpoint_load(rig.model, rig.optimizer, path, NULL), PT_ERR_STATE, "task");
    network_set_task(rig.model, PT_TASK_CAUSAL_LM, 0);
    ck_assert_uint_eq(network_fingerprint(rig.model), before);
    ck_ok(pt_model_load(rig.model, path, LOADING(PT_LOAD_STRICT))); /* its weights alone */
    pt_model_free(linear);
    pt_optimizer_free(sgd);
    rig_down(&rig);
}
END_TEST

/* Killed at any moment, a training loses at most the steps since its last checkpoint, and ends with the same bits. On
 * disk there are never more than the checkpoints kept, one more, and what was being written; the next stage clears that
 * away. */
START_TEST(test_killed)
{
    rig_t whole = rig_up();
    ck_ok(train(&whole, suite_path("undisturbed"), 400, NULL));
    uint64_t expected = network_fingerprint(whole.model);
    rig_down(&whole);
    char directory[512];
    snprintf(directory, sizeof directory, "%s", suite_path("killed"));
    for (int attempt = 0; attempt < 12; attempt++) {
        pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) {
            rig_t rig = rig_up();
            _exit(train(&rig, directory, 400, NULL) == PT_OK ? 0 : 1);
        }
        nanosleep(&(struct timespec){.tv_nsec = 30000000 + 17000000L * attempt}, NULL);
        kill(child, SIGKILL);
        int state;
        ck_assert_int_eq(waitpid(child, &state, 0), child);
        ck_assert(WIFSIGNALED(state) || (WIFEXITED(state) && WEXITSTATUS(state) == 0));
        if (access(directory, F_OK) == 0) {
            ck_assert_int_le(count_files(directory, 1), 1);
            ck_assert_int_le(count_files(directory, 0), 4);
        }
    }
    rig_t rig = rig_up();
    ck_ok(train(&rig, directory, 400, NULL));
    ck_assert_uint_eq(network_fingerprint(rig.model), expected);
    ck_assert_int_eq(count_files(directory, 1), 0);
    ck_assert_int_eq(count_files(directory, 0), 3);
    rig_down(&rig);
}
END_TEST

/* The whole path with every allocation failing once: make, train, checkpoint, resume, evaluate, generate. */
static pt_status_t whole_path(failing_allocator_t *allocator, const char *directory)
{
    static const int32_t tokens[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 1, 2, 3, 4};
    static const int64_t lengths[] = {4, 8, 4};
    pt_context_options_t context_options;
    pt_optimizer_options_t optimizer_options;
    network_task_t task = {0};
    pt_train_options_t options;
    pt_generate_options_t generation;
    pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
    pt_context_t *context = NULL;
    pt_model_t *model = NULL;
    pt_optimizer_t *optimizer = NULL;
    pt_dataset_t *data = NULL;
    int32_t generated[4];
    int64_t count;
    pt_status_t status;
    pt_array_t array = {.name = "tokens",
                        .dtype = PT_INT32,
                        .rank = 1,
                        .shape = {PT_DIM_TOKENS},
                        .max_length = 12,
                        .data = view_data(tokens),
                        .lengths = view_data(lengths)};
    ck_ok(pt_context_options_init(&context_options, sizeof context_options));
    failing_allocator_hooks(allocator, &context_options);
    context_options.threads = 1;
    ck_ok(pt_optimizer_options_init(&optimizer_options, sizeof optimizer_options));
    ck_ok(pt_train_options_init(&options, sizeof options));
    ck_ok(pt_generate_options_init(&generation, sizeof generation));
    options.steps = 3;
    options.batch = 2;
    options.checkpoint_directory = directory;
    options.checkpoint_every = 1;
    options.flags = PT_TRAIN_RESUME;
    generation.count = 4;
    PT__TRY_OUT(pt_context_create(&context_options, &context));
    PT__TRY_OUT(pt_model_create_from_config(context, NETWORK_GPT, strlen(NETWORK_GPT), &model));
    PT__TRY_OUT(pt_optimizer_create(context, &optimizer_options, &optimizer));
    PT__TRY_OUT(pt_dataset_create_from_arrays(context, &array, 1, sizeof(pt_array_t), 3, 0, &data));
    PT__TRY_OUT(pt_pretrain(model, optimizer, data, &options, NULL));
    options.steps = 5;
    PT__TRY_OUT(pt_pretrain(model, optimizer, data, &options, NULL));
    PT__TRY_OUT(pt_evaluate(model, data, 0, &evaluation));
    PT__TRY_OUT(generate_tokens(model, tokens, 3, &generation, generated, 4, &count));
    task.task = PT_TASK_CLASSIFICATION;
    task.outputs = 2;
    task.class_weights = (const float[]){1, 3};
    PT__TRY_OUT(network_choose_task(model, &task));
out:
    pt_dataset_free(data);
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
    return status;
}

START_TEST(test_failing_allocations)
{
    failing_allocator_t allocator;
    pt_status_t status;
    long run = 0;
    char directory[512];
    failing_io_skip_fsync();
    FOR_EACH_FAILING_ALLOCATION(allocator, {
        char name[32];
        snprintf(name, sizeof name, "allocation%ld", run++);
        snprintf(directory, sizeof directory, "%s", suite_path(name));
        status = whole_path(&allocator, directory);
    }, status);
    ck_assert_int_gt(run, 200);
}
END_TEST

SUITE("checkpoint", 200, test_middle_of_accumulation, test_slots_of_several_kinds, test_head_younger_than_trunk,
      test_keeps_last, test_damaged_newest_is_passed_over, test_failing_disk, test_unwritable_directory,
      test_wrong_checkpoint_changes_nothing, test_killed, test_failing_allocations)
