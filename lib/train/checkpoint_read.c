/* Reads checkpoints: checks everything first and then copies, all or nothing. checkpoint.h says what stands in
 * them. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "formats/tensors.h"
#include "kernels/device.h"
#include "train/checkpoint.h"
#include "train/model.h"

typedef struct reader {
    pt__device_t *device;
    const char *path;
    const pt__file_tensors_t *file;
    const pt__tensors_t *table;
} reader_t;

static pt_status_t read_integer(const reader_t *reader, const char *key, int64_t *value)
{
    const char *text = pt__tensors_value(reader->table, key);
    if (text == NULL)
        return pt__fail(PT_ERR_FORMAT, "%s: no metadata \"%s\"", reader->path, key);
    if (!pt__number_parse_int64(text, (int64_t)strlen(text), value))
        return pt__fail(PT_ERR_FORMAT, "%s: metadata \"%s\" is \"%.40s\", expected a whole number", reader->path, key,
                        text);
    return PT_OK;
}

static pt_status_t read_double(const reader_t *reader, const char *key, double *value)
{
    int64_t bits;
    PT__TRY(read_integer(reader, key, &bits));
    memcpy(value, &bits, sizeof bits);
    return PT_OK;
}

/* The entry prefix + middle + own, checked against dtype and shape. */
static pt_status_t find_tensor(const reader_t *reader, const char *prefix, const char *middle, const char *own,
                               int32_t dtype, const pt__shape_t *shape, const pt__entry_t **out)
{
    char name[PT_MAX_NAME + 96];
    snprintf(name, sizeof name, "%s%s%s", prefix, middle, own);
    const pt__entry_t *entry = pt__tensors_find(reader->table, name);
    if (entry == NULL)
        return pt__fail(PT_ERR_NOT_FOUND, "%s: no tensor \"%s\"", reader->path, name);
    pt__shape_t found = pt__shape_make(PT__DIMENSION_NONE, entry->rank, entry->shape);
    if (entry->dtype != dtype || !pt__shape_equal(&found, shape)) {
        char is[96], expected[96];
        return pt__fail(PT_ERR_SHAPE, "%s: tensor \"%s\" is %s, expected %s", reader->path, name,
                        pt__shape_print(&found, entry->dtype, is, sizeof is),
                        pt__shape_print(shape, dtype, expected, sizeof expected));
    }
    *out = entry;
    return PT_OK;
}

static pt_status_t find_entry(const reader_t *reader, const char *prefix, const char *middle,
                              const pt__stored_t *parameter, const pt__entry_t **out)
{
    return find_tensor(reader, prefix, middle, parameter->name, PT_FLOAT32, &parameter->shape, out);
}

/* With dst, the device's, it is copied. */
static pt_status_t read_entry(const reader_t *reader, const char *prefix, const char *middle,
                              const pt__stored_t *parameter, float *dst)
{
    const pt__entry_t *entry;
    PT__TRY(find_entry(reader, prefix, middle, parameter, &entry));
    return dst == NULL ? PT_OK : pt__device_upload(reader->device, dst, entry->data, entry->bytes);
}

/* The slots of one learnable, the `index`th: by name, dtype and shape. */
static pt_status_t read_slots(const reader_t *reader, const pt__stored_t *stored, int64_t index,
                              const pt_optimizer_t *optimizer, int32_t copy)
{
    const pt__learnable_t learnable = pt__stored_learnable(stored);
    const pt__entry_t *entry;
    pt__slot_t slot;
    char middle[64];
    for (int32_t number = 0; number < PT__MOST_SLOTS; number++) {
        if (!pt__optimizer_slot_of(optimizer, &learnable, number, &slot))
            continue;
        const pt__shape_t shape = pt__shape_make(PT__DIMENSION_NONE, slot.rank, slot.size);
        snprintf(middle, sizeof middle, "slot.%s.", slot.name);
        PT__TRY(find_tensor(reader, PT__CHECKPOINT_PREFIX, middle, stored->name, slot.dtype, &shape, &entry));
        if (copy && pt__optimizer_slot(optimizer, index, number, &slot))
            PT__TRY(pt__device_upload(reader->device, slot.data, entry->data, entry->bytes));
    }
    return PT_OK;
}

/* A frozen tensor that the file leaves out: the model has it already, with the values that it had. */
static pt_status_t check_hash(const reader_t *reader, const pt_model_t *model, const pt__stored_t *stored)
{
    static const int64_t one = 1;
    const pt__shape_t shape = pt__shape_make(PT__DIMENSION_NONE, 1, &one);
    const pt__entry_t *entry;
    uint64_t expected, found;
    PT__TRY(find_tensor(reader, PT__CHECKPOINT_PREFIX, "hash.", stored->name, PT_UINT64, &shape, &entry));
    if (pt__stored_changes(stored))
        return pt__fail(PT_ERR_NOT_FOUND, "%s: tensor \"%s\" was frozen and is left out; in the model it learns",
                        reader->path, stored->name);
    PT__TRY(pt__store_hash(&model->store, stored, &found));
    memcpy(&expected, entry->data, sizeof expected);
    if (expected != found)
        return pt__fail(PT_ERR_STATE,
                        "%s: tensor \"%s\" is left out, being frozen, and the model's has other values: their hash is "
                        "%016llx, expected %016llx",
                        reader->path, stored->name, (unsigned long long)found, (unsigned long long)expected);
    return PT_OK;
}

static int32_t leaves_out(const reader_t *reader, const pt__stored_t *stored)
{
    char name[PT_MAX_NAME + 96];
    if (pt__tensors_find(reader->table, stored->name) != NULL)
        return 0;
    snprintf(name, sizeof name, PT__CHECKPOINT_PREFIX "hash.%s", stored->name);
    return pt__tensors_find(reader->table, name) != NULL;
}

/* The tensor itself: in the dtype that a mapped one had, or as float32. */
static pt_status_t read_stored(const reader_t *reader, pt_model_t *model, pt__stored_t *stored, int32_t copy)
{
    const pt__entry_t *entry = pt__tensors_find(reader->table, stored->name);
    if (leaves_out(reader, stored))
        return copy ? PT_OK : check_hash(reader, model, stored);
    const int32_t is_narrow = entry != NULL && (entry->dtype == PT_FLOAT16 || entry->dtype == PT_BFLOAT16);
    PT__TRY(find_tensor(reader, "", "", stored->name, is_narrow ? entry->dtype : PT_FLOAT32, &stored->shape, &entry));
    return copy ? pt__stored_set(&model->store, stored, entry->dtype, entry->data) : PT_OK;
}

/* Everything that a checkpoint's reading touches; run once to check, once more to copy. */
static pt_status_t read_tensors(const reader_t *reader, pt_model_t *model, pt_optimizer_t *optimizer,
                                int64_t accumulated, float *best, int32_t copy)
{
    for (int64_t i = 0, learnable = 0; i < model->store.count; i++) {
        pt__stored_t *parameter = &model->store.tensors[i];
        PT__TRY(read_stored(reader, model, parameter, copy));
        if (best != NULL && pt__stored_changes(parameter)) {
            const pt__entry_t *entry;
            PT__TRY(find_entry(reader, PT__CHECKPOINT_PREFIX, "best.", parameter, &entry));
            if (copy)
                memcpy(best, entry->data, (size_t)entry->bytes);
            best += parameter->elements;
        }
        if (!parameter->learnable)
            continue;
        if (optimizer != NULL)
            PT__TRY(read_slots(reader, parameter, learnable, optimizer, copy));
        if (accumulated > 0)
            PT__TRY(
                read_entry(reader, PT__CHECKPOINT_PREFIX, "gradient.", parameter, copy ? parameter->gradient : NULL));
        learnable++;
    }
    return PT_OK;
}

static pt_status_t read_optimizer_counts(const reader_t *reader, const pt_optimizer_t *optimizer,
                                         pt__optimizer_counts_t *counts)
{
    const char *kind = pt__tensors_value(reader->table, PT__CHECKPOINT_PREFIX "optimizer");
    if (kind == NULL || strcmp(kind, pt__optimizer_kind_of(optimizer)->name) != 0)
        return pt__fail(PT_ERR_STATE, "%s: the optimizer is \"%s\", expected \"%s\"", reader->path,
                        kind == NULL ? "missing" : kind, pt__optimizer_kind_of(optimizer)->name);
    PT__TRY(read_integer(reader, PT__CHECKPOINT_PREFIX "optimizer.steps", &counts->steps));
    PT__TRY(read_integer(reader, PT__CHECKPOINT_PREFIX "optimizer.skipped", &counts->skipped));
    PT__TRY(read_integer(reader, PT__CHECKPOINT_PREFIX "optimizer.skipped_in_a_row", &counts->skipped_in_a_row));
    if (counts->steps < 0 || counts->skipped < 0 || counts->skipped_in_a_row < 0)
        return pt__fail(PT_ERR_FORMAT, "%s: the optimizer's steps or skipped steps are negative", reader->path);
    return PT_OK;
}

/* Checks the ages, and with `copy` sets them: after the counts, which make all as old as the steps. */
static pt_status_t read_ages(const reader_t *reader, const pt_model_t *model, pt_optimizer_t *optimizer,
                             const pt__optimizer_counts_t *counts, int32_t copy)
{
    const pt__entry_t *entry = pt__tensors_find(reader->table, PT__CHECKPOINT_AGES);
    int64_t learnables = 0, age;
    for (int64_t i = 0; i < model->store.count; i++)
        learnables += model->store.tensors[i].learnable;
    if (entry == NULL)
        return pt__fail(PT_ERR_NOT_FOUND, "%s: no tensor \"%s\"", reader->path, PT__CHECKPOINT_AGES);
    if (entry->dtype != PT_INT64 || entry->bytes != learnables * (int64_t)sizeof age)
        return pt__fail(PT_ERR_SHAPE, "%s: tensor \"%s\" has %lld bytes, expected int64[%lld]", reader->path,
                        PT__CHECKPOINT_AGES, (long long)entry->bytes, (long long)learnables);
    for (int64_t i = 0; i < learnables; i++) {
        memcpy(&age, (const unsigned char *)entry->data + i * (int64_t)sizeof age, sizeof age);
        if (age < 0 || age > counts->steps)
            return pt__fail(PT_ERR_FORMAT, "%s: tensor \"%s\" holds %lld, expected 0 to %lld", reader->path,
                            PT__CHECKPOINT_AGES, (long long)age, (long long)counts->steps);
        if (copy)
            pt__optimizer_age_set(optimizer, i, age);
    }
    return PT_OK;
}

/* The age of a frozen parameter whose state the file has; 0: it has none. */
static pt_status_t read_resting_age(const reader_t *reader, const pt__stored_t *stored, int64_t most, int64_t *age)
{
    static const int64_t one = 1;
    const pt__shape_t shape = pt__shape_make(PT__DIMENSION_NONE, 1, &one);
    const pt__entry_t *entry;
    char name[PT_MAX_NAME + 96];
    *age = 0;
    snprintf(name, sizeof name, PT__CHECKPOINT_PREFIX "age.%s", stored->name);
    if (stored->learnable || stored->role != PT__ROLE_LEARNS || pt__tensors_find(reader->table, name) == NULL)
        return PT_OK;
    PT__TRY(find_tensor(reader, PT__CHECKPOINT_PREFIX, "age.", stored->name, PT_INT64, &shape, &entry));
    memcpy(age, entry->data, sizeof *age);
    if (*age < 1 || *age > most)
        return pt__fail(PT_ERR_FORMAT, "%s: tensor \"%s\" holds %lld, expected 1 to %lld", reader->path, name,
                        (long long)*age, (long long)most);
    return PT_OK;
}

/* Frozen parameters that learnt before: checks their state and makes room for it, */
static pt_status_t expect_resting(const reader_t *reader, pt_model_t *model, pt_optimizer_t *optimizer, int64_t steps)
{
    pt__memory_t *memory = &model->context->memory;
    int8_t *has_state;
    int64_t age, found = 0;
    pt_status_t status;
    PT__TRY(pt__allocate(memory, (size_t)model->store.count, 1, "parameters", &has_state));
    for (int64_t i = 0; i < model->store.count; i++) {
        PT__TRY_OUT(read_resting_age(reader, &model->store.tensors[i], steps, &age));
        has_state[i] = age > 0;
        found += age > 0;
        if (age > 0)
            PT__TRY_OUT(read_slots(reader, &model->store.tensors[i], -1, optimizer, 0));
    }
    if (found > 0)
        pt__store_renew_identity(&model->store); /* a binding of before has no room for them */
    PT__TRY_OUT(pt__model_bind_optimizer_for(model, optimizer, has_state));
out:
    pt__release(memory, has_state);
    return status;
}

/* and reads it; whatever else rested is forgotten. */
static pt_status_t read_resting(const reader_t *reader, const pt_model_t *model, pt_optimizer_t *optimizer,
                                int64_t steps)
{
    for (int64_t i = 0; i < model->store.count; i++) {
        const pt__learnable_t frozen = pt__stored_learnable(&model->store.tensors[i]);
        int64_t index = model->store.tensors[i].learnable ? -1 : pt__optimizer_resting(optimizer, &frozen), age;
        if (index < 0)
            continue;
        PT__TRY(read_resting_age(reader, &model->store.tensors[i], steps, &age));
        if (age > 0)
            PT__TRY(read_slots(reader, &model->store.tensors[i], index, optimizer, 1));
        pt__optimizer_age_set(optimizer, index, age);
    }
    return PT_OK;
}

/* In the middle of an epoch the cursor means something for the same samples in the same order only. */
static pt_status_t check_data(const reader_t *reader, const pt__progress_t *own, const pt__progress_t *read)
{
    if (read->cursor.position == 0 || (own->samples == read->samples && own->order == read->order))
        return PT_OK;
    if (own->samples != read->samples)
        return pt__fail(PT_ERR_STATE,
                        "%s: the stage stands at sample %lld of epoch %lld of a dataset of %lld samples, but this one "
                        "has %lld (-1: a stream): it is another one than before",
                        reader->path, (long long)read->cursor.position, (long long)read->cursor.epoch,
                        (long long)read->samples, (long long)own->samples);
    return pt__fail(PT_ERR_STATE,
                    "%s: the stage stands at sample %lld of epoch %lld, but samples come in another order than before: "
                    "by another view of the dataset, PT_TRAIN_IN_ORDER or pt_train_options.bucket",
                    reader->path, (long long)read->cursor.position, (long long)read->cursor.epoch);
}

static pt_status_t read_progress(const reader_t *reader, const pt__progress_t *own, pt__progress_t *progress)
{
    int64_t shuffle, order;
    if (pt__tensors_value(reader->table, PT__CHECKPOINT_PREFIX "stage.step") == NULL)
        return pt__fail(PT_ERR_STATE, "%s: saved outside of a stage, so there is none to resume", reader->path);
    PT__TRY(read_integer(reader, PT__CHECKPOINT_PREFIX "stage.step", &progress->step));
    PT__TRY(read_integer(reader, PT__CHECKPOINT_PREFIX "stage.begin", &progress->begin));
    PT__TRY(read_integer(reader, PT__CHECKPOINT_PREFIX "stage.epoch", &progress->cursor.epoch));
    PT__TRY(read_integer(reader, PT__CHECKPOINT_PREFIX "stage.position", &progress->cursor.position));
    PT__TRY(read_integer(reader, PT__CHECKPOINT_PREFIX "stage.shuffle", &shuffle));
    progress->cursor.seed = (uint64_t)shuffle;
    PT__TRY(read_integer(reader, PT__CHECKPOINT_PREFIX "stage.samples", &progress->samples));
    PT__TRY(read_integer(reader, PT__CHECKPOINT_PREFIX "stage.order", &order));
    progress->order = (uint64_t)order;
    PT__TRY(read_integer(reader, PT__CHECKPOINT_PREFIX "stage.without_gain", &progress->evaluations_without_gain));
    PT__TRY(read_integer(reader, PT__CHECKPOINT_PREFIX "stage.best_step", &progress->best_step));
    PT__TRY(read_integer(reader, PT__CHECKPOINT_PREFIX "stage.evaluated_step", &progress->evaluated_step));
    if (progress->step < 0 || progress->begin < 0 || progress->cursor.epoch < 0 || progress->cursor.position < 0)
        return pt__fail(PT_ERR_FORMAT, "%s: the stage's step, begin, epoch or position is negative", reader->path);
    PT__TRY(check_data(reader, own, progress));
    return read_double(reader, PT__CHECKPOINT_PREFIX "stage.best_value", &progress->best_value);
}

/* Memory for all that is about to be set. */
static pt_status_t own_all(const reader_t *reader, pt__store_t *store)
{
    int8_t *chosen;
    PT__TRY(pt__allocate(&store->context->memory, (size_t)store->count, 1, "parameters", &chosen));
    for (int64_t i = 0; i < store->count; i++)
        chosen[i] = (store->tensors[i].segment == NULL || pt__store_shares(store, &store->tensors[i])) &&
                    !leaves_out(reader, &store->tensors[i]);
    pt_status_t status = pt__store_own(store, chosen, 0);
    pt__release(&store->context->memory, chosen);
    return status;
}

/* By its name: how labels are smoothed or classes weighted may change from one stage to the next. */
static pt_status_t check_task(const reader_t *reader, const pt_model_t *model)
{
    const char *own = model->task.task;
    pt__task_options_t saved;
    float *per_output;
    PT__TRY(pt__saved_task(model->context, reader->file, reader->path, &saved, &per_output));
    pt__release(&model->context->memory, per_output);
    if ((saved.task == NULL) != (own == NULL) || (own != NULL && strcmp(saved.task, own) != 0))
        return pt__fail(PT_ERR_STATE, "%s: saved with %s%.64s, the model has %s%s", reader->path,
                        saved.task == NULL ? "no task" : "task ", saved.task == NULL ? "" : saved.task,
                        own == NULL ? "none" : "task ", own == NULL ? "" : own);
    return PT_OK;
}

/* Slots and gradients have the order of the parameters' rows, which a load of weights alone would change. */
static pt_status_t check_planes(const reader_t *reader, const pt_model_t *model)
{
    static const char *const said[] = {"not ", ""};
    int32_t side_by_side = 0;
    if (model->trunk->offer.turned == NULL)
        return PT_OK;
    PT__TRY(pt__planes_said(&model->context->memory, pt__planes_config_of(reader->table), &side_by_side));
    if (side_by_side == model->trunk->offer.side_by_side)
        return PT_OK;
    return pt__fail(
        PT_ERR_STATE,
        "%s: rope_interleaved is %strue there and %strue in the model, so queries and keys stand in another "
        "order: open the model from this file, or from the one that its training began with",
        reader->path, said[side_by_side], said[model->trunk->offer.side_by_side != 0]);
}

static pt_status_t read_all(const reader_t *reader, pt_model_t *model, pt_optimizer_t *optimizer,
                            pt__progress_t *progress, pt__class_names_t *names, pt__normalizations_t *normalizations)
{
    const char *format = pt__tensors_value(reader->table, PT__CHECKPOINT_PREFIX "format");
    pt__optimizer_counts_t counts = {0};
    pt__progress_t read = {0};
    int64_t micro_steps, accumulated, seed;
    double loss_sum, weight, first_rate = 0, rate = 0;
    if (format == NULL)
        return pt__fail(PT_ERR_FORMAT, "%s: not a checkpoint of this library (no metadata \"pretrain.format\")",
                        reader->path);
    if (strcmp(format, "1") != 0)
        return pt__fail(PT_ERR_VERSION, "%s: checkpoint format \"%.16s\", this library reads \"1\"", reader->path,
                        format);
    PT__TRY(check_task(reader, model));
    PT__TRY(check_planes(reader, model));
    PT__TRY(read_integer(reader, PT__CHECKPOINT_PREFIX "micro_steps", &micro_steps));
    PT__TRY(read_integer(reader, PT__CHECKPOINT_PREFIX "seed", &seed));
    PT__TRY(read_integer(reader, PT__CHECKPOINT_PREFIX "accumulated", &accumulated));
    if (micro_steps < 0 || accumulated < 0)
        return pt__fail(PT_ERR_FORMAT, "%s: the micro-steps made or accumulated are negative", reader->path);
    PT__TRY(read_double(reader, PT__CHECKPOINT_PREFIX "accumulated.loss", &loss_sum));
    PT__TRY(read_double(reader, PT__CHECKPOINT_PREFIX "accumulated.weight", &weight));
    if (optimizer != NULL) {
        PT__TRY(read_optimizer_counts(reader, optimizer, &counts));
        PT__TRY(read_double(reader, PT__CHECKPOINT_PREFIX "optimizer.first_rate", &first_rate));
        PT__TRY(read_double(reader, PT__CHECKPOINT_PREFIX "optimizer.rate", &rate));
        if (!isfinite(rate) || rate < 0)
            return pt__fail(PT_ERR_FORMAT, "%s: the optimizer's rate is %g, expected a finite number from 0 on",
                            reader->path, rate);
        PT__TRY(read_ages(reader, model, optimizer, &counts, 0));
    }
    if (progress != NULL)
        PT__TRY(read_progress(reader, progress, &read));
    if (optimizer != NULL && read.begin > counts.steps)
        return pt__fail(PT_ERR_FORMAT, "%s: the stage began after %lld updates, but only %lld were made", reader->path,
                        (long long)read.begin, (long long)counts.steps);
    int32_t has_best = pt__tensors_value(reader->table, PT__CHECKPOINT_PREFIX "stage.keeps_best") != NULL;
    float *best = progress != NULL && has_best ? progress->best : NULL;
    const char *metric = pt__tensors_value(reader->table, PT__CHECKPOINT_PREFIX "stage.best_metric");
    int32_t is_other = progress != NULL &&
                       (metric == NULL || strcmp(metric, pt__metric_name(model, progress->best_metric)) != 0);
    best = is_other ? NULL : best;
    if (is_other || (!has_best && progress != NULL && progress->best != NULL)) {
        /* saved by a stage that did not keep them, or that meant another value: the best is yet to come */
        read.best_value = (double)NAN;
        read.best_step = read.evaluations_without_gain = 0;
    }
    for (int64_t i = 0; i < model->store.count; i++)
        if (leaves_out(reader, &model->store.tensors[i])) {
            PT__TRY(pt__store_materialize(&model->store)); /* what it expects of the model must be there */
            break;
        }
    PT__TRY(read_tensors(reader, model, optimizer, accumulated, best, 0));
    PT__TRY(pt__class_names_read_file(model, reader->path, reader->table, names));
    PT__TRY(pt__normalizations_read_file(model, reader->path, reader->table, normalizations));
    /* Everything is there: only now the optimizer lets go of what it was bound to, and makes slots to read into. */
    if (optimizer != NULL)
        PT__TRY(expect_resting(reader, model, optimizer, counts.steps));
    else if (accumulated > 0)
        PT__TRY(pt__store_make_gradients(&model->store));
    PT__TRY(own_all(reader, &model->store));
    PT__TRY(pt__model_renew_dtypes(model));
    PT__TRY(read_tensors(reader, model, optimizer, accumulated, best, 1));
    if (optimizer != NULL) {
        pt__optimizer_counts_set(optimizer, &counts);
        pt__optimizer_restore_rate(optimizer, first_rate, rate);
        PT__TRY(read_ages(reader, model, optimizer, &counts, 1)); /* checked above: cannot fail */
        PT__TRY(read_resting(reader, model, optimizer, counts.steps));
    }
    model->seed = (uint64_t)seed;
    model->micro_steps = micro_steps;
    model->pending.accumulated = accumulated;
    model->pending.loss_sum = loss_sum;
    model->pending.weight = weight;
    if (progress != NULL) {
        read.best = progress->best;
        read.best_metric = progress->best_metric;
        read.samples = progress->samples;
        read.order = progress->order;
        *progress = read;
    }
    return PT_OK;
}

pt_status_t pt__checkpoint_read(pt_model_t *model, pt_optimizer_t *optimizer, pt__progress_t *progress,
                                const char *path, const pt_load_options_t *options)
{
    pt__file_tensors_t *file;
    pt__class_names_t names = {0};
    pt__normalizations_t normalizations = {0};
    pt_status_t status;
    int32_t has_checksum;
    PT__TRY(pt__place_open(model->context, path, options, &file));
    reader_t reader = {.device = model->context->device,
                       .path = pt__place_name(path, options),
                       .file = file,
                       .table = pt__file_tensors_table(file)};
    PT__TRY_OUT(pt__file_tensors_verify(file, &has_checksum));
    if (!has_checksum && pt__tensors_value(reader.table, PT__CHECKPOINT_PREFIX "accumulated") !=
                             NULL) { /* a bit of its name may have flipped */
        status = pt__fail(PT_ERR_FORMAT, "%s: the checkpoint has no checksum", reader.path);
        goto out;
    }
    PT__TRY_OUT(read_all(&reader, model, optimizer, progress, &names, &normalizations));
    pt__class_names_take(model, &names);
    pt__normalizations_replace(model, &normalizations);
out:
    pt__class_names_release(&model->context->memory, &names);
    pt__normalizations_release(&model->context->memory, &normalizations);
    pt__file_tensors_close(file);
    return status;
}
