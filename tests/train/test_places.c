/* Files in memory and in callbacks' hands: the bytes of a file by its path, the same checks, and what fails on the
 * way. And what the options choose: names, dtypes, what is trained. */
#include <stdio.h>
#include <stdlib.h>

#include "base/dtype.h"
#include "base/file.h"
#include "formats/tensors.h"
#include "support/failing_allocator.h"
#include "support/networks.h"
#include "train/model.h"

typedef struct tape { /* what a host keeps bytes in */
    unsigned char *bytes;
    int64_t size, room;
    int64_t calls, fail_at; /* the call that fails; -1: none */
    int64_t most;           /* bytes that a read gives at most; 0: all */
    int64_t end;            /* where reading finds an end; 0: none */
    int64_t total;
    pt_model_t *model; /* is used from within; NULL: not */
    pt_status_t within;
} tape_t;

static void tape_write(void *user, pt_write_t *write)
{
    tape_t *tape = user;
    ck_assert_int_eq(write->offset, tape->size);
    ck_assert_int_ge(write->bytes, 1);
    ck_assert_int_le(write->bytes, 1 << 20);
    tape->total = write->total;
    if (tape->calls++ == tape->fail_at) {
        write->user_code = 1234;
        return;
    }
    if (tape->model != NULL)
        tape->within = pt_model_load(tape->model, "nowhere", NULL);
    ck_assert_int_le(tape->size + write->bytes, tape->room);
    memcpy(tape->bytes + tape->size, write->data, (size_t)write->bytes);
    tape->size += write->bytes;
    write->status = PT_OK;
}

static void tape_read(void *user, pt_read_t *read)
{
    tape_t *tape = user;
    int64_t end = tape->end > 0 ? tape->end : tape->size, left = end - read->offset;
    ck_assert_int_eq(read->status, PT_ERR_CALLBACK);
    if (tape->calls++ == tape->fail_at) {
        read->user_code = 4321;
        return;
    }
    if (tape->model != NULL)
        tape->within = pt_model_set_trainable(tape->model, "*", 1, NULL);
    read->filled = read->bytes < left ? read->bytes : left;
    if (tape->most > 0 && read->filled > tape->most)
        read->filled = tape->most;
    memcpy(read->data, tape->bytes + read->offset, (size_t)read->filled);
    read->status = PT_OK;
}

static tape_t new_tape(int64_t room)
{
    tape_t tape = {.bytes = malloc((size_t)room), .room = room, .fail_at = -1};
    ck_assert_ptr_nonnull(tape.bytes);
    return tape;
}

static pt_save_options_t to_tape(tape_t *tape)
{
    return (pt_save_options_t){.struct_size = sizeof(pt_save_options_t), .write = tape_write, .user = tape};
}

static pt_load_options_t from_tape(tape_t *tape)
{
    tape->calls = 0;
    return (pt_load_options_t){
        .struct_size = sizeof(pt_load_options_t), .read = tape_read, .user = tape, .bytes = tape->size};
}

static pt_load_options_t from_memory(const void *data, int64_t bytes)
{
    return (pt_load_options_t){.struct_size = sizeof(pt_load_options_t), .data = data, .bytes = bytes};
}

/* What a call leaves under a path. */
static char *read_file(const pt_model_t *model, const char *path, int64_t *size)
{
    char *bytes;
    ck_ok(pt__file_read(&model->context->memory, path, 0, &bytes, size));
    return bytes;
}

static pt_model_t *classifier(pt_context_t *context)
{
    pt_model_t *model = network_gpt(context);
    network_set_task(model, PT_TASK_CLASSIFICATION, 3);
    return model;
}

typedef pt_status_t (*save_t)(const pt_model_t *model, const pt_optimizer_t *optimizer, const char *path,
                              const pt_save_options_t *options);

static pt_status_t save_model(const pt_model_t *model, const pt_optimizer_t *optimizer, const char *path,
                              const pt_save_options_t *options)
{
    (void)optimizer;
    return pt_model_save(model, path, options);
}

START_TEST(test_the_same_bytes_everywhere)
{
    static const save_t saves[] = {save_model, pt_checkpoint_save};
    pt_context_t *context = network_context(1, 5);
    pt_model_t *model = classifier(context), *opened;
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAMW, 1e-2);
    for (int32_t i = 0; i < 2; i++) {
        const char *path = suite_path("model.safetensors");
        int64_t size, told = 0;
        pt_save_options_t options = {.struct_size = sizeof options, .bytes = &told};
        ck_ok(saves[i](model, optimizer, path, &options));
        char *bytes = read_file(model, path, &size);
        ck_assert_int_eq(told, size);
        told = 0;
        ck_ok(saves[i](model, optimizer, NULL, &options)); /* only how many */
        ck_assert_int_eq(told, size);

        tape_t tape = new_tape(size + 8);
        options.data = tape.bytes;
        options.capacity = size - 1;
        told = 0;
        ck_fails(saves[i](model, optimizer, NULL, &options), PT_ERR_ARGUMENT, "capacity");
        ck_assert_int_eq(told, size);
        options.capacity = size + 8;
        memset(tape.bytes, 0x5a, (size_t)size + 8);
        ck_ok(saves[i](model, optimizer, NULL, &options));
        ck_assert_mem_eq(tape.bytes, bytes, (size_t)size);
        for (int64_t k = size; k < size + 8; k++)
            ck_assert_int_eq(tape.bytes[k], 0x5a);

        memset(tape.bytes, 0, (size_t)size);
        tape.model = model;
        options = to_tape(&tape);
        ck_ok(saves[i](model, optimizer, NULL, &options));
        ck_assert_int_eq(tape.size, size);
        ck_assert_int_eq(tape.total, size);
        ck_assert_mem_eq(tape.bytes, bytes, (size_t)size);
        ck_assert_int_eq(tape.within, PT_ERR_BUSY);

        pt_load_options_t memory = from_memory(bytes, size), callback = from_tape(&tape);
        ck_ok(pt_model_open(context, NULL, &memory, &opened));
        ck_assert_uint_eq(network_fingerprint(model), network_fingerprint(opened));
        pt_model_free(opened);
        tape.model = NULL;
        tape.most = 777;
        ck_ok(pt_model_open(context, NULL, &callback, &opened));
        ck_assert_uint_eq(network_fingerprint(model), network_fingerprint(opened));
        pt_model_free(opened);
        opened = classifier(context);
        tape.model = opened;
        callback.flags = PT_LOAD_STRICT;
        ck_ok(pt_model_load(opened, NULL, &callback));
        ck_assert_int_eq(tape.within, PT_ERR_BUSY);
        ck_assert_uint_eq(network_fingerprint(model), network_fingerprint(opened));
        pt_model_free(opened);
        free(tape.bytes);
        pt__release(&context->memory, bytes);
    }
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* A training that goes through memory between its steps ends at the same weights. */
START_TEST(test_a_checkpoint_in_memory)
{
    uint64_t prints[2];
    for (int32_t broken = 0; broken < 2; broken++) {
        pt_context_t *context = network_context(1, 5);
        pt_model_t *model = classifier(context);
        pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAMW, 1e-2);
        pt_dataset_t *data = network_text_data(context, 12, 3);
        pt_train_options_t options;
        ck_ok(pt_train_options_init(&options, sizeof options));
        options.steps = 3;
        ck_ok(pt_finetune(model, optimizer, data, &options, NULL));
        if (broken) {
            int64_t bytes = 0;
            tape_t tape = new_tape(1 << 20);
            pt_save_options_t saving = {
                .struct_size = sizeof saving, .data = tape.bytes, .capacity = tape.room, .bytes = &bytes};
            ck_ok(pt_checkpoint_save(model, optimizer, NULL, &saving));
            pt_model_free(model);
            pt_optimizer_free(optimizer);
            model = classifier(context);
            optimizer = network_optimizer(context, PT_OPTIMIZER_ADAMW, 1e-2);
            pt_load_options_t loading = from_memory(tape.bytes, bytes);
            ck_ok(pt_checkpoint_load(model, optimizer, NULL, &loading));
            free(tape.bytes);
        }
        ck_ok(pt_finetune(model, optimizer, data, &options, NULL));
        prints[broken] = network_fingerprint(model);
        pt_dataset_free(data);
        pt_optimizer_free(optimizer);
        pt_model_free(model);
        pt_context_free(context);
    }
    ck_assert_uint_eq(prints[0], prints[1]);
}
END_TEST

START_TEST(test_failures_change_nothing)
{
    pt_context_t *context = network_context(1, 5), *elsewhere = network_context(1, 6);
    pt_model_t *model = classifier(context), *other = classifier(elsewhere), *opened;
    tape_t tape = new_tape(1 << 20);
    pt_save_options_t saving = to_tape(&tape);
    ck_ok(pt_checkpoint_save(model, NULL, NULL, &saving));
    const int64_t writes = tape.calls, size = tape.size;
    ck_assert_int_gt(writes, 2);
    for (int64_t i = 0; i < writes; i++) {
        tape.size = tape.calls = 0;
        tape.fail_at = i;
        ck_fails(pt_checkpoint_save(model, NULL, NULL, &saving), PT_ERR_CALLBACK, "user_code 1234");
        ck_assert_int_eq(tape.calls, i + 1); /* nothing is written after it */
    }
    tape.size = tape.calls = 0;
    tape.fail_at = -1;
    ck_ok(pt_checkpoint_save(model, NULL, NULL, &saving));
    ck_assert_int_eq(tape.size, size);

    const uint64_t before = network_fingerprint(other);
    pt_load_options_t loading = from_tape(&tape);
    tape.most = size / 3;
    for (int32_t i = 0; i < 3; i++) {
        loading = from_tape(&tape);
        tape.fail_at = i;
        ck_fails(pt_model_load(other, NULL, &loading), PT_ERR_CALLBACK, "user_code 4321");
        tape.calls = 0;
        ck_fails(pt_checkpoint_load(other, NULL, NULL, &loading), PT_ERR_CALLBACK, "user_code 4321");
        tape.calls = 0;
        ck_fails(pt_model_open(context, NULL, &loading, &opened), PT_ERR_CALLBACK, "user_code 4321");
        ck_assert_ptr_null(opened);
    }
    tape.fail_at = -1;
    tape.end = size - 9; /* shorter than was said */
    ck_fails(pt_model_load(other, NULL, &loading), PT_ERR_IO, "no more bytes from byte");
    tape.end = size + 1;
    tape.most = 0;
    loading.bytes = size - 1; /* the host says less than there is: the format notices */
    ck_fails(pt_model_load(other, NULL, &loading), PT_ERR_FORMAT, "callback");
    for (int64_t cut = 0; cut < size; cut = cut < 600 ? cut + 1 : cut + 97) {
        pt_load_options_t memory = from_memory(tape.bytes, cut);
        ck_fails(pt_model_load(other, NULL, &memory), PT_ERR_FORMAT, "memory");
        ck_fails(pt_checkpoint_load(other, NULL, NULL, &memory), PT_ERR_FORMAT, "memory");
        ck_fails(pt_model_open(context, NULL, &memory, &opened), PT_ERR_FORMAT, "memory");
        ck_assert_ptr_null(opened);
    }
    tape.bytes[size / 2] ^= 4;
    pt_load_options_t memory = from_memory(tape.bytes, size);
    ck_fails(pt_checkpoint_load(other, NULL, NULL, &memory), PT_ERR_FORMAT, "memory: damaged");
    ck_assert_uint_eq(network_fingerprint(other), before);
    free(tape.bytes);
    pt_model_free(other);
    pt_model_free(model);
    pt_context_free(context);
    pt_context_free(elsewhere);
}
END_TEST

static void overfill(void *user, pt_read_t *read)
{
    (void)user;
    read->filled = read->bytes + 1;
    read->status = PT_OK;
}

START_TEST(test_refused)
{
    pt_context_t *context = network_context(1, 5);
    pt_model_t *model = classifier(context), *opened;
    tape_t tape = new_tape(1 << 20);
    pt_save_options_t saving = to_tape(&tape);
    ck_ok(pt_model_save(model, NULL, &saving));
    pt_load_options_t loading = from_tape(&tape);
    ck_fails(pt_model_load(model, "x", &loading), PT_ERR_ARGUMENT, "expected one of path");
    loading.data = tape.bytes;
    ck_fails(pt_model_load(model, NULL, &loading), PT_ERR_ARGUMENT, "expected one of path");
    loading.data = NULL;
    loading.flags = PT_LOAD_MAPPED;
    ck_fails(pt_model_load(model, NULL, &loading), PT_ERR_ARGUMENT, "PT_LOAD_MAPPED");
    ck_fails(pt_checkpoint_load(model, NULL, NULL, &loading), PT_ERR_ARGUMENT, "flags");
    loading.flags = 0;
    loading.bytes = -1;
    ck_fails(pt_model_load(model, NULL, &loading), PT_ERR_ARGUMENT, "pt_load_options.bytes");
    loading = (pt_load_options_t){.struct_size = sizeof loading, .bytes = 5};
    ck_fails(pt_model_load(model, "x", &loading), PT_ERR_ARGUMENT, "pt_load_options.bytes");
    loading = (pt_load_options_t){.struct_size = sizeof loading, .names = "*"};
    ck_fails(pt_model_open(context, "x", &loading, &opened), PT_ERR_ARGUMENT, "names");
    ck_fails(pt_checkpoint_load(model, NULL, "x", &loading), PT_ERR_ARGUMENT, "names");
    loading = (pt_load_options_t){.struct_size = sizeof loading, .read = overfill, .bytes = 100};
    ck_fails(pt_model_open(context, NULL, &loading, &opened), PT_ERR_CALLBACK, "filled");

    ck_fails(pt_model_save(model, "x", &saving), PT_ERR_ARGUMENT, "expected one of path");
    saving = (pt_save_options_t){.struct_size = sizeof saving, .capacity = 4};
    ck_fails(pt_model_save(model, "x", &saving), PT_ERR_ARGUMENT, "capacity");
    saving = (pt_save_options_t){.struct_size = sizeof saving, .flags = 2};
    ck_fails(pt_model_save(model, "x", &saving), PT_ERR_ARGUMENT, "flags");
    saving = (pt_save_options_t){.struct_size = sizeof saving, .format = 77};
    ck_fails(pt_model_save(model, "x", &saving), PT_ERR_ARGUMENT, "format is 77");
    saving = (pt_save_options_t){.struct_size = sizeof saving, .dtype = PT_INT8};
    ck_fails(pt_model_save(model, "x", &saving), PT_ERR_ARGUMENT, "dtype");
    saving.dtype = PT_FLOAT16;
    ck_fails(pt_checkpoint_save(model, NULL, "x", &saving), PT_ERR_ARGUMENT, "dtype");
    saving = (pt_save_options_t){.struct_size = sizeof saving, .names = "*.weight"};
    ck_fails(pt_checkpoint_save(model, NULL, "x", &saving), PT_ERR_ARGUMENT, "names");
    saving.names = "nothing";
    ck_fails(pt_model_save(model, "x", &saving), PT_ERR_NOT_FOUND, "nothing");
    free(tape.bytes);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

START_TEST(test_dtypes)
{
    static const int32_t dtypes[] = {PT_FLOAT32, PT_FLOAT16, PT_BFLOAT16};
    pt_context_t *context = network_context(1, 5);
    for (int32_t d = 0; d < 3; d++) {
        pt_model_t *model = classifier(context), *opened, *narrow;
        const char *path = suite_path("stored.safetensors"), *wide = suite_path("wide.safetensors");
        pt_save_options_t saving = {.struct_size = sizeof saving, .dtype = dtypes[d]};
        pt__file_tensors_t *file;
        ck_ok(pt_model_save(model, path, &saving));
        ck_ok(pt__file_tensors_open(context, &pt__format_safetensors, path, 0, &file));
        const pt__tensors_t *table = pt__file_tensors_table(file);
        ck_assert_int_eq(table->n_entries, model->store.count);
        for (int64_t i = 0; i < model->store.count; i++) {
            const pt__stored_t *stored = &model->store.tensors[i];
            const pt__entry_t *entry = pt__tensors_find(table, stored->name);
            ck_assert_int_eq(entry->dtype, dtypes[d]);
            for (int64_t k = 0; k < stored->elements; k++) {
                float value = ((const float *)stored->value)[k], found;
                const char *at = (const char *)entry->data + k * pt__dtype_size(dtypes[d]);
                uint16_t half = dtypes[d] == PT_FLOAT16 ? pt__float_to_half(value) : pt__float_to_bfloat(value);
                if (dtypes[d] == PT_FLOAT32)
                    memcpy(&found, at, sizeof found);
                ck_assert_int_eq(memcmp(at, dtypes[d] == PT_FLOAT32 ? (const void *)&value : &half,
                                        (size_t)pt__dtype_size(dtypes[d])),
                                 0);
            }
        }
        pt__file_tensors_close(file);
        ck_ok(pt_model_open(context, path, NULL, &opened));
        ck_ok(pt_model_open(context, path, LOADING(PT_LOAD_MAPPED), &narrow)); /* and from its dtype back to float32 */
        saving.dtype = PT_FLOAT32;
        ck_ok(pt_model_save(narrow, wide, &saving));
        pt_model_free(model);
        ck_ok(pt_model_open(context, wide, NULL, &model));
        ck_assert_uint_eq(network_fingerprint(model), network_fingerprint(opened));
        ck_assert_int_eq(model->store.tensors[0].trainable, 0);
        pt_model_free(narrow);
        pt_model_free(opened);

        float *values = model->store.tensors[1].value;
        values[0] = 1e38f; /* fits bfloat16, not float16 */
        saving.dtype = dtypes[d];
        if (dtypes[d] == PT_FLOAT16)
            ck_fails(pt_model_save(model, path, &saving), PT_ERR_ARGUMENT, model->store.tensors[1].name);
        else
            ck_ok(pt_model_save(model, path, &saving));
        pt_model_free(model);
    }
    pt_context_free(context);
}
END_TEST

START_TEST(test_shards)
{
    pt_context_t *context = network_context(1, 5), *elsewhere = network_context(1, 6);
    pt_model_t *model = classifier(context), *other = classifier(elsewhere), *opened;
    char path[512], index[540], room[64];
    int64_t bytes = 0, whole = 0;
    pt_save_options_t saving = {.struct_size = sizeof saving, .bytes = &whole};
    snprintf(path, sizeof path, "%s", suite_path("cut.safetensors"));
    snprintf(index, sizeof index, "%s.index.json", path);
    ck_ok(pt_model_save(model, NULL, &saving));
    saving = (pt_save_options_t){.struct_size = sizeof saving, .bytes = &bytes, .shard_bytes = whole / 3};
    ck_ok(pt_model_save(model, path, &saving));
    ck_assert(!pt__file_exists(path) && pt__file_exists(index));
    ck_assert_int_gt(bytes, whole); /* several headers */
    ck_ok(pt_model_load(other, index, LOADING(PT_LOAD_STRICT)));
    ck_assert_uint_eq(network_fingerprint(other), network_fingerprint(model));
    for (uint32_t flags = 0; flags <= PT_LOAD_MAPPED; flags += PT_LOAD_MAPPED) {
        ck_ok(pt_model_open(context, path, LOADING(flags), &opened)); /* by the name that it was saved as */
        ck_assert_uint_eq(network_fingerprint(opened), network_fingerprint(model));
        pt_model_free(opened);
    }
    saving.shard_bytes = 2 * whole; /* it fits */
    ck_ok(pt_model_save(model, path, &saving));
    ck_assert(pt__file_exists(path) && !pt__file_exists(index));
    saving.shard_bytes = -1;
    ck_fails(pt_model_save(model, path, &saving), PT_ERR_ARGUMENT, "shard_bytes is -1");
    saving = (pt_save_options_t){.struct_size = sizeof saving, .data = room, .capacity = 64, .shard_bytes = 1};
    ck_fails(pt_model_save(model, NULL, &saving), PT_ERR_ARGUMENT, "shard_bytes is 1, expected 0 without a path");
    saving = (pt_save_options_t){.struct_size = sizeof saving, .shard_bytes = 1};
    ck_fails(pt_checkpoint_save(model, NULL, path, &saving), PT_ERR_ARGUMENT, "shard_bytes is set");
    pt_model_free(other);
    pt_model_free(model);
    pt_context_free(elsewhere);
    pt_context_free(context);
}
END_TEST

static int64_t count_kind(const pt_model_t *model, int32_t kind)
{
    return pt_model_transfer_count(model, kind);
}

START_TEST(test_names_and_what_is_trained)
{
    pt_context_t *context = network_context(1, 5), *elsewhere = network_context(1, 6);
    pt_model_t *model = classifier(context), *other = classifier(elsewhere), *opened;
    const char *path = suite_path("part.safetensors"), *whole = suite_path("whole.safetensors");
    pt_save_options_t saving = {.struct_size = sizeof saving, .names = "score.*"};
    pt_load_options_t loading = {.struct_size = sizeof loading, .names = "*.wte.weight", .flags = PT_LOAD_STRICT};
    ck_ok(pt_model_save(model, path, &saving));
    ck_ok(pt_model_load(other, path, NULL));
    ck_assert_int_eq(count_kind(other, PT_TRANSFER_UNEXPECTED), 0);
    int64_t heads = count_kind(other, PT_TRANSFER_COPIED);
    ck_assert_int_ge(heads, 1);
    ck_assert_int_eq(count_kind(other, PT_TRANSFER_NEW), other->store.count - heads);
    ck_fails(pt_model_open(context, path, NULL, &opened), PT_ERR_NOT_FOUND, "no tensor");

    ck_ok(pt_model_save(model, whole, NULL));
    ck_ok(pt_model_load(other, whole, &loading)); /* strict, about the names that are meant */
    ck_assert_int_eq(count_kind(other, 0), 1);
    network_fingerprint(other); /* all values are there */
    int64_t table = pt__store_find(&model->store, "transformer.wte.weight");
    ck_assert_mem_eq(other->store.tensors[table].value, model->store.tensors[table].value,
                     (size_t)model->store.tensors[table].elements * sizeof(float));
    ck_assert_mem_ne(other->store.tensors[table + 1].value, model->store.tensors[table + 1].value,
                     (size_t)model->store.tensors[table + 1].elements * sizeof(float));
    ck_fails(pt_model_load(other, path, &loading), PT_ERR_NOT_FOUND, "transformer.wte.weight");
    loading.names = "nothing";
    ck_fails(pt_model_load(other, whole, &loading), PT_ERR_NOT_FOUND, "nothing");
    loading.names = "*.wte.weight";
    loading.flags = 0;
    ck_fails(pt_model_load(other, path, &loading), PT_ERR_NOT_FOUND, "*.wte.weight");

    /* A head beside its frozen trunk: small, refused alone, and welcome where the trunk is. */
    ck_ok(pt_model_set_trainable(model, "transformer.*", 0, NULL));
    saving = (pt_save_options_t){.struct_size = sizeof saving, .flags = PT_SAVE_TRAINED_ONLY};
    ck_ok(pt_model_save(model, path, &saving));
    ck_fails(pt_model_open(context, path, NULL, &opened), PT_ERR_STATE, "PT_SAVE_TRAINED_ONLY");
    pt_model_free(other);
    other = classifier(elsewhere);
    ck_ok(pt_model_load(other, path, NULL));
    ck_assert_int_eq(count_kind(other, PT_TRANSFER_COPIED), heads);
    ck_ok(pt_checkpoint_save(model, NULL, path, &saving));
    ck_fails(pt_checkpoint_load(other, NULL, path, NULL), PT_ERR_NOT_FOUND, "was frozen");
    ck_ok(pt_model_set_trainable(other, "transformer.*", 0, NULL));
    ck_fails(pt_checkpoint_load(other, NULL, path, NULL), PT_ERR_STATE, "hash");
    ck_ok(pt_model_load(other, whole, NULL));
    ck_ok(pt_checkpoint_load(other, NULL, path, NULL));
    ck_assert_uint_eq(network_fingerprint(other), network_fingerprint(model));
    pt_model_free(other);
    pt_model_free(model);
    pt_context_free(context);
    pt_context_free(elsewhere);
}
END_TEST

START_TEST(test_what_was_frozen_stays_so)
{
    pt_context_t *context = network_context(1, 5);
    for (int32_t is_checkpoint = 0; is_checkpoint < 2; is_checkpoint++) {
        pt_model_t *model = classifier(context), *opened;
        const char *path = suite_path("frozen.safetensors");
        ck_ok(pt_model_set_trainable(model, "*.h.0.*", 0, NULL));
        ck_ok(is_checkpoint ? pt_checkpoint_save(model, NULL, path, NULL) : pt_model_save(model, path, NULL));
        ck_ok(pt_model_open(context, path, NULL, &opened));
        for (int64_t i = 0; i < model->store.count; i++) {
            ck_assert_int_eq(opened->store.tensors[i].trainable, model->store.tensors[i].trainable);
            ck_assert_int_eq(opened->store.tensors[i].learnable, model->store.tensors[i].learnable);
        }
        ck_ok(pt_model_set_trainable(opened, "*", 1, NULL)); /* who loads into a model of his own decides himself */
        ck_ok(pt_model_load(opened, path, NULL));
        ck_assert_int_eq(opened->store.tensors[0].trainable, 1);
        pt_model_free(opened);
        pt_model_free(model);
    }
    pt_context_free(context);
}
END_TEST

/* Where a mapped model's memory is the host's, it predicts from there. */
START_TEST(test_in_place)
{
    pt_context_t *context = network_context(1, 5);
    pt_model_t *model = classifier(context), *opened;
    tape_t tape = new_tape(1 << 20);
    pt_save_options_t saving = to_tape(&tape);
    ck_ok(pt_model_save(model, NULL, &saving));
    pt_load_options_t loading = from_memory(tape.bytes, tape.size);
    loading.flags = PT_LOAD_MAPPED;
    ck_ok(pt_model_open(context, NULL, &loading, &opened));
    const unsigned char *value = opened->store.tensors[0].value;
    ck_assert(value > tape.bytes && value < tape.bytes + tape.size);
    ck_assert_uint_eq(network_fingerprint(model), network_fingerprint(opened));
    pt_model_free(opened);
    free(tape.bytes);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

static pt_status_t save_and_open(failing_allocator_t *allocator)
{
    pt_context_options_t options;
    pt_context_t *context = NULL;
    pt_model_t *model = NULL, *opened = NULL;
    tape_t tape = new_tape(1 << 20);
    pt_save_options_t saving = to_tape(&tape);
    pt_status_t status;
    ck_ok(pt_context_options_init(&options, sizeof options));
    failing_allocator_hooks(allocator, &options);
    options.threads = 1;
    saving.dtype = PT_FLOAT16;
    PT__TRY_OUT(pt_context_create(&options, &context));
    PT__TRY_OUT(pt_model_create_from_config(context, NETWORK_GPT, strlen(NETWORK_GPT), &model));
    PT__TRY_OUT(pt_model_set_trainable(model, "*.h.0.*", 0, NULL));
    PT__TRY_OUT(pt_model_save(model, NULL, &saving));
    pt_load_options_t loading = from_tape(&tape);
    PT__TRY_OUT(pt_model_open(context, NULL, &loading, &opened));
out:
    pt_model_free(opened);
    pt_model_free(model);
    pt_context_free(context);
    free(tape.bytes);
    return status;
}

START_TEST(test_every_allocation_may_fail)
{
    failing_allocator_t allocator;
    pt_status_t status;
    FOR_EACH_FAILING_ALLOCATION(allocator, status = save_and_open(&allocator), status);
}
END_TEST

SUITE("places", 60, test_the_same_bytes_everywhere, test_a_checkpoint_in_memory, test_failures_change_nothing,
      test_refused, test_dtypes, test_shards, test_names_and_what_is_trained, test_what_was_frozen_stays_so,
      test_in_place, test_every_allocation_may_fail)
