/* Every field of a checkpoint that is missing, damaged or of another model is refused with a message that names it, and
 * the model stays as it is. Files are made from a whole one, with one field changed, and have right checksums: a bit
 * that flips is seen by those (test_checkpoint). */
#include <stdio.h>

#include "base/file.h"
#include "formats/tensors.h"
#include "support/rig.h"

#define STEP "step-000000000004.safetensors"

/* Writes `path` again with `change` made to its table; pairs and entries are copies that may be written to. */
typedef struct table {
    pt__pair_t pairs[64];
    pt__entry_t entries[64];
    pt__tensors_t tensors;
} table_t;

static pt__entry_t *entry_of(table_t *table, const char *name)
{
    for (int64_t i = 0; i < table->tensors.n_entries; i++)
        if (strcmp(table->entries[i].name, name) == 0)
            return &table->entries[i];
    ck_abort_msg("no tensor %s", name);
    return NULL;
}

/* value NULL: the pair is taken out. */
static void set_value(table_t *table, const char *key, const char *value)
{
    for (int64_t i = 0; i < table->tensors.n_pairs; i++)
        if (strcmp(table->pairs[i].key, key) == 0) {
            if (value != NULL)
                table->pairs[i].value = value;
            else
                table->pairs[i] = table->pairs[--table->tensors.n_pairs];
            return;
        }
    ck_abort_msg("no metadata %s", key);
}

static void take_out(table_t *table, const char *name)
{
    pt__entry_t *entry = entry_of(table, name);
    *entry = table->entries[--table->tensors.n_entries];
}

static pt__file_tensors_t *open_table(pt_context_t *context, const char *path, table_t *table)
{
    pt__file_tensors_t *file;
    ck_ok(pt__file_tensors_open(context, &pt__format_safetensors, path, 0, &file));
    table->tensors = *pt__file_tensors_table(file);
    table->tensors.sorted = 0;
    ck_assert_int_le(table->tensors.n_pairs, 64);
    ck_assert_int_le(table->tensors.n_entries, 64);
    memcpy(table->pairs, table->tensors.pairs, (size_t)table->tensors.n_pairs * sizeof(pt__pair_t));
    memcpy(table->entries, table->tensors.entries, (size_t)table->tensors.n_entries * sizeof(pt__entry_t));
    table->tensors.pairs = table->pairs;
    table->tensors.entries = table->entries;
    return file;
}

/* Adam after 4 steps of a stage that keeps its best weights, 12 of 16 samples into an epoch of batches of 3. */
static rig_t rig_trained(char *path, size_t size)
{
    rig_t rig = rig_linear(16);
    pt_train_options_t options = rig_options(4, 3);
    options.checkpoint_directory = suite_path("whole");
    options.flags = PT_TRAIN_KEEP_BEST;
    options.evaluation = rig.data;
    options.evaluate_every = 1;
    ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, NULL));
    snprintf(path, size, "%s/" STEP, suite_path("whole"));
    return rig;
}

typedef struct damage {
    const char *key, *value; /* of the metadata; value NULL: missing */
    pt_status_t status;
    const char *part;
} damage_t;

#define PREFIX "pretrain."

/* Read by pt_checkpoint_load with an optimizer. */
static const damage_t of_the_run[] = {
    {PREFIX "format", NULL, PT_ERR_FORMAT, "no metadata \"pretrain.format\""},
    {PREFIX "format", "2", PT_ERR_VERSION, "\"2\", this library reads \"1\""},
    {PREFIX "micro_steps", NULL, PT_ERR_FORMAT, "micro_steps"},
    {PREFIX "micro_steps", "many", PT_ERR_FORMAT, "\"many\", expected a whole number"},
    {PREFIX "micro_steps", "-1", PT_ERR_FORMAT, "micro-steps made or accumulated are negative"},
    {PREFIX "seed", NULL, PT_ERR_FORMAT, "seed"},
    {PREFIX "accumulated", "-2", PT_ERR_FORMAT, "accumulated are negative"},
    {PREFIX "accumulated", "x", PT_ERR_FORMAT, "accumulated"},
    {PREFIX "accumulated.loss", NULL, PT_ERR_FORMAT, "accumulated.loss"},
    {PREFIX "accumulated.weight", "?", PT_ERR_FORMAT, "accumulated.weight"},
    {PREFIX "optimizer", NULL, PT_ERR_STATE, "missing"},
    {PREFIX "optimizer", "sgd", PT_ERR_STATE, "sgd"},
    {PREFIX "optimizer.steps", NULL, PT_ERR_FORMAT, "optimizer.steps"},
    {PREFIX "optimizer.steps", "-4", PT_ERR_FORMAT, "steps or skipped steps are negative"},
    {PREFIX "optimizer.skipped", NULL, PT_ERR_FORMAT, "optimizer.skipped"},
    {PREFIX "optimizer.skipped", "-4", PT_ERR_FORMAT, "steps or skipped steps are negative"},
    {PREFIX "optimizer.skipped_in_a_row", NULL, PT_ERR_FORMAT, "optimizer.skipped_in_a_row"},
    {PREFIX "optimizer.skipped_in_a_row", "-4", PT_ERR_FORMAT, "steps or skipped steps are negative"},
    {PREFIX "optimizer.first_rate", NULL, PT_ERR_FORMAT, "optimizer.first_rate"},
    {PREFIX "optimizer.rate", NULL, PT_ERR_FORMAT, "optimizer.rate"},
    {PREFIX "optimizer.rate", "-4616189618054758400", PT_ERR_FORMAT, "rate is -1"},       /* -1.0 */
    {PREFIX "optimizer.rate", "9218868437227405312", PT_ERR_FORMAT, "expected a finite"}, /* infinity */
};

/* Read where a stage goes on. */
static const damage_t of_the_stage[] = {
    {PREFIX "stage.step", NULL, PT_ERR_STATE, "saved outside of a stage"},
    {PREFIX "stage.step", "-1", PT_ERR_FORMAT, "step, begin, epoch or position is negative"},
    {PREFIX "stage.begin", NULL, PT_ERR_FORMAT, "stage.begin"},
    {PREFIX "stage.begin", "-1", PT_ERR_FORMAT, "is negative"},
    {PREFIX "stage.begin", "99", PT_ERR_FORMAT, "began after 99 updates, but only 4"},
    {PREFIX "stage.epoch", NULL, PT_ERR_FORMAT, "stage.epoch"},
    {PREFIX "stage.epoch", "-1", PT_ERR_FORMAT, "is negative"},
    {PREFIX "stage.position", NULL, PT_ERR_FORMAT, "stage.position"},
    {PREFIX "stage.position", "-1", PT_ERR_FORMAT, "is negative"},
    {PREFIX "stage.shuffle", NULL, PT_ERR_FORMAT, "stage.shuffle"},
    {PREFIX "stage.samples", NULL, PT_ERR_FORMAT, "stage.samples"},
    {PREFIX "stage.samples", "15", PT_ERR_STATE, "15"},
    {PREFIX "stage.order", NULL, PT_ERR_FORMAT, "stage.order"},
    {PREFIX "stage.order", "1", PT_ERR_STATE, "order"},
    {PREFIX "stage.without_gain", NULL, PT_ERR_FORMAT, "stage.without_gain"},
    {PREFIX "stage.best_step", NULL, PT_ERR_FORMAT, "stage.best_step"},
    {PREFIX "stage.evaluated_step", NULL, PT_ERR_FORMAT, "stage.evaluated_step"},
    {PREFIX "stage.best_value", NULL, PT_ERR_FORMAT, "stage.best_value"},
};

static void write_damaged(pt_context_t *context, const char *path, const char *to, const damage_t *damage)
{
    table_t table;
    pt__file_tensors_t *file = open_table(context, path, &table);
    set_value(&table, damage->key, damage->value);
    ck_ok(pt__safetensors_write(context, to, &table.tensors, 1));
    pt__file_tensors_close(file);
}

START_TEST(test_metadata_of_the_run)
{
    char path[512];
    rig_t rig = rig_trained(path, sizeof path);
    const uint64_t before = network_fingerprint(rig.model);
    const char *damaged = suite_path("damaged.safetensors");
    for (size_t i = 0; i < sizeof of_the_run / sizeof of_the_run[0]; i++) {
        write_damaged(rig.context, path, damaged, &of_the_run[i]);
        ck_fails(pt_checkpoint_load(rig.model, rig.optimizer, damaged, NULL), of_the_run[i].status, of_the_run[i].part);
        ck_assert_uint_eq(network_fingerprint(rig.model), before);
        ck_assert_int_eq(pt_optimizer_steps(rig.optimizer), 4);
    }
    ck_ok(pt_checkpoint_load(rig.model, rig.optimizer, path, NULL));
    rig_free(&rig);
}
END_TEST

START_TEST(test_metadata_of_the_stage)
{
    char path[512], directory[512], damaged[600];
    rig_t rig = rig_trained(path, sizeof path);
    const uint64_t before = network_fingerprint(rig.model);
    for (size_t i = 0; i < sizeof of_the_stage / sizeof of_the_stage[0]; i++) {
        char name[32];
        pt_train_options_t options = rig_options(8, 3);
        snprintf(name, sizeof name, "stage%zu", i);
        snprintf(directory, sizeof directory, "%s", suite_path(name));
        ck_ok(pt__directory_make(&rig.context->memory, directory));
        snprintf(damaged, sizeof damaged, "%s/" STEP, directory);
        write_damaged(rig.context, path, damaged, &of_the_stage[i]);
        options.checkpoint_directory = directory;
        options.flags = PT_TRAIN_RESUME | PT_TRAIN_KEEP_BEST;
        options.evaluation = rig.data;
        options.evaluate_every = 1;
        ck_fails(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, NULL), of_the_stage[i].status,
                 of_the_stage[i].part);
        ck_assert_uint_eq(network_fingerprint(rig.model), before);
    }
    rig_free(&rig);
}
END_TEST

/* ---- Tensors ---- */

typedef enum change { MISSING, OTHER_DTYPE, OTHER_SHAPE } change_t;

static void check_tensor(const rig_t *rig, const char *path, const char *name, change_t change, pt_status_t status)
{
    const char *damaged = suite_path("damaged.safetensors");
    table_t table;
    pt__file_tensors_t *file = open_table(rig->context, path, &table);
    pt__entry_t *entry = entry_of(&table, name);
    if (change == MISSING)
        take_out(&table, name);
    else if (change == OTHER_DTYPE)
        entry->dtype = entry->dtype == PT_FLOAT32 ? PT_INT32 : PT_UINT64;
    else {
        entry->rank = 1;
        entry->shape[0] = 1;
        entry->bytes = entry->dtype == PT_FLOAT32 ? 4 : 8;
    }
    ck_ok(pt__safetensors_write(rig->context, damaged, &table.tensors, 1));
    pt__file_tensors_close(file);
    ck_fails(pt_checkpoint_load(rig->model, rig->optimizer, damaged, NULL), status, name);
}

START_TEST(test_tensors)
{
    static const char *const names[] = {"linear.weight", PREFIX "slot.exp_avg.linear.weight",
                                        PREFIX "slot.exp_avg_sq.linear.weight"};
    char path[512];
    rig_t rig = rig_trained(path, sizeof path);
    const uint64_t before = network_fingerprint(rig.model);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        check_tensor(&rig, path, names[i], MISSING, PT_ERR_NOT_FOUND);
        check_tensor(&rig, path, names[i], OTHER_DTYPE, PT_ERR_SHAPE);
        check_tensor(&rig, path, names[i], OTHER_SHAPE, PT_ERR_SHAPE);
    }
    check_tensor(&rig, path, PREFIX "optimizer.ages", MISSING, PT_ERR_NOT_FOUND);
    check_tensor(&rig, path, PREFIX "optimizer.ages", OTHER_DTYPE, PT_ERR_SHAPE);
    check_tensor(&rig, path, PREFIX "optimizer.ages", OTHER_SHAPE, PT_ERR_SHAPE);
    ck_assert_uint_eq(network_fingerprint(rig.model), before);
    rig_free(&rig);
}
END_TEST

START_TEST(test_ages)
{
    static const int64_t wrong[] = {-1, 5};
    char path[512];
    rig_t rig = rig_trained(path, sizeof path);
    const char *damaged = suite_path("damaged.safetensors");
    for (int i = 0; i < 2; i++) {
        int64_t ages[2] = {4, wrong[i]};
        table_t table;
        pt__file_tensors_t *file = open_table(rig.context, path, &table);
        entry_of(&table, PREFIX "optimizer.ages")->data = ages;
        ck_ok(pt__safetensors_write(rig.context, damaged, &table.tensors, 1));
        pt__file_tensors_close(file);
        ck_fails(pt_checkpoint_load(rig.model, rig.optimizer, damaged, NULL), PT_ERR_FORMAT, "expected 0 to 4");
    }
    rig_free(&rig);
}
END_TEST

/* A parameter that learnt and rests now has its age in a tensor of its own. */
START_TEST(test_resting_ages)
{
    static const int64_t wrong[] = {-1, 0, 5};
    char path[512];
    rig_t rig = rig_trained(path, sizeof path);
    const char *resting = suite_path("resting.safetensors"), *damaged = suite_path("damaged.safetensors");
    int64_t matched;
    ck_ok(pt_model_set_trainable(rig.model, "*bias", 0, &matched));
    ck_ok(pt_checkpoint_save(rig.model, rig.optimizer, resting, NULL));
    ck_ok(pt_checkpoint_load(rig.model, rig.optimizer, resting, NULL));
    for (int i = 0; i < 3; i++) {
        table_t table;
        pt__file_tensors_t *file = open_table(rig.context, resting, &table);
        entry_of(&table, PREFIX "age.linear.bias")->data = &wrong[i];
        ck_ok(pt__safetensors_write(rig.context, damaged, &table.tensors, 1));
        pt__file_tensors_close(file);
        ck_fails(pt_checkpoint_load(rig.model, rig.optimizer, damaged, NULL), PT_ERR_FORMAT,
                 "age.linear.bias\" holds ");
        ck_assert_ptr_nonnull(strstr(pt_last_error(), "expected 1 to 4"));
    }
    rig_free(&rig);
}
END_TEST

/* A file that somebody else wrote, and one that lost its checksum. */
START_TEST(test_no_checkpoint)
{
    char path[512];
    rig_t rig = rig_trained(path, sizeof path);
    const char *other = suite_path("other.safetensors");
    table_t table;
    pt__file_tensors_t *file = open_table(rig.context, path, &table);
    ck_ok(pt__safetensors_write(rig.context, other, &table.tensors, 0));
    ck_fails(pt_checkpoint_load(rig.model, rig.optimizer, other, NULL), PT_ERR_FORMAT, "has no checksum");
    table.tensors.n_pairs = 0;
    ck_ok(pt__safetensors_write(rig.context, other, &table.tensors, 0));
    ck_fails(pt_checkpoint_load(rig.model, rig.optimizer, other, NULL), PT_ERR_FORMAT, "not a checkpoint");
    pt__file_tensors_close(file);
    rig_free(&rig);
}
END_TEST

SUITE("checkpoint_fields", 60, test_metadata_of_the_run, test_metadata_of_the_stage, test_tensors, test_ages,
      test_resting_ages, test_no_checkpoint)
