/* Weights used straight from a mapped file: the same results as from memory, hardly any memory, and a file that
 * changes is noticed. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dtype.h"
#include "support/failing_allocator.h"
#include "support/networks.h"
#include "train/model.h"
#include "support/views.h"

enum { TRUNK = 28 }; /* tensors of network_gpt() */

/* A file with the weights of network_gpt() from a seed of its own. */
static const char *weights_file(const char *name, uint64_t seed)
{
    pt_context_t *context = network_context(1, seed);
    pt_model_t *model = network_gpt(context);
    const char *path = suite_path(name);
    ck_ok(pt_model_save(model, path, NULL));
    pt_model_free(model);
    pt_context_free(context);
    return path;
}

static pt_model_t *classifier(pt_context_t *context)
{
    pt_model_t *model = network_gpt(context);
    network_set_task(model, PT_TASK_CLASSIFICATION, 3);
    return model;
}

static pt_status_t step(pt_model_t *model, pt_optimizer_t *optimizer)
{
    static const int32_t tokens[] = {1, 2, 3, 4, 5, 6, 7, 8}, label[] = {0, 2};
    static const int64_t lengths[] = {3, 5};
    const pt_array_t values[] = {
        {.name = "tokens", .data = view_data(tokens), .lengths = view_data(lengths), .dtype = PT_INT32},
        {.name = "label", .data = view_data(label), .dtype = PT_INT32}};
    return pt_train_step(model, optimizer, values, 2, sizeof(pt_array_t), 2, 0, NULL);
}

static pt_status_t language_step(pt_model_t *model, pt_optimizer_t *optimizer)
{
    static const int32_t tokens[] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const int64_t lengths[] = {3, 5};
    const pt_array_t value = {
        .name = "tokens", .data = view_data(tokens), .lengths = view_data(lengths), .dtype = PT_INT32};
    return pt_train_step(model, optimizer, &value, 1, sizeof(pt_array_t), 2, 0, NULL);
}

static int64_t count_mapped(const pt_model_t *model)
{
    int64_t count = 0;
    for (int64_t i = 0; i < model->store.count; i++)
        count += model->store.tensors[i].mapped != NULL;
    return count;
}

/* Two models with the same weights, one of them in the file; trained beside each other, frozen and then thawed. */
START_TEST(test_same_bits_as_in_memory)
{
    const char *path = weights_file("trunk.safetensors", 3);
    pt_context_t *context = network_context(2, 2);
    pt_model_t *mapped = classifier(context), *copied = classifier(context);
    pt_optimizer_t *one = network_optimizer(context, PT_OPTIMIZER_ADAMW, 1e-2);
    pt_optimizer_t *other = network_optimizer(context, PT_OPTIMIZER_ADAMW, 1e-2);
    int64_t matched;
    ck_ok(pt_model_load(mapped, path, LOADING(PT_LOAD_MAPPED)));
    ck_assert_int_eq(count_mapped(mapped), TRUNK);
    ck_assert_int_eq(pt_model_transfer_count(mapped, PT_TRANSFER_COPIED), TRUNK);
    ck_ok(pt_model_load(copied, path, NULL));
    ck_ok(pt_model_set_trainable(copied, "transformer.*", 0, NULL));
    for (int i = 0; i < 5; i++) {
        ck_ok(step(mapped, one));
        ck_ok(step(copied, other));
    }
    ck_assert_uint_eq(network_fingerprint(mapped), network_fingerprint(copied));
    ck_assert_int_eq(count_mapped(mapped), TRUNK);
    ck_ok(pt_model_set_trainable(mapped, "transformer.h.1.*", 1, &matched));
    ck_ok(pt_model_set_trainable(copied, "transformer.h.1.*", 1, NULL));
    ck_assert_int_eq(count_mapped(mapped), TRUNK - matched);
    ck_assert_uint_eq(network_fingerprint(mapped), network_fingerprint(copied));
    for (int i = 0; i < 5; i++) {
        ck_ok(step(mapped, one));
        ck_ok(step(copied, other));
    }
    ck_assert_uint_eq(network_fingerprint(mapped), network_fingerprint(copied));
    ck_ok(pt_model_set_trainable(mapped, "transformer.h.1.*", 0, NULL));
    network_set_task(mapped, PT_TASK_CAUSAL_LM, 0);
    network_set_task(copied, PT_TASK_CAUSAL_LM, 0);
    ck_assert_int_eq(count_mapped(mapped), TRUNK - matched);
    ck_assert_uint_eq(network_fingerprint(mapped), network_fingerprint(copied));
    pt_optimizer_free(one);
    pt_optimizer_free(other);
    pt_model_free(mapped);
    pt_model_free(copied);
    pt_context_free(context);
}
END_TEST

/* Mapped tensors take nothing of the context's memory, also where they had some before; and what is set is the
 * model's own. */
START_TEST(test_memory_and_owners)
{
    const char *path = weights_file("owners.safetensors", 3), *others = weights_file("others.safetensors", 4);
    pt_context_t *context = network_context(1, 2);
    pt_model_t *model = classifier(context), *source = classifier(context);
    float values[17 * 16] = {1, 2, 3}, found[17 * 16], untouched[17 * 16];
    ck_ok(pt_model_load(source, others, NULL));
    ck_ok(pt__store_materialize(&model->store));
    int64_t block = pt__store_bytes(&model->store);
    ck_ok(pt_model_load(model, path, LOADING(PT_LOAD_MAPPED)));
    ck_assert_int_lt(pt__store_bytes(&model->store), block / 10);
    ck_ok(get_parameter(model, 0, untouched, 17 * 16));
    ck_ok(set_parameter(model, 0, values, 17 * 16));
    ck_ok(get_parameter(model, 0, found, 17 * 16));
    ck_assert_mem_eq(found, values, sizeof values);
    ck_assert_int_eq(count_mapped(model), TRUNK - 1);
    pt_parameter_info_t info = {.struct_size = sizeof info};
    ck_ok(pt_model_parameter_info(model, 0, &info));
    ck_assert_int_eq(info.trainable, 0);
    ck_ok(pt_model_load(model, path, LOADING(PT_LOAD_MAPPED))); /* once more: the file is what counts again */
    ck_ok(get_parameter(model, 0, found, 17 * 16));
    ck_assert_mem_eq(found, untouched, sizeof found);
    ck_ok(pt_model_copy(model, source)); /* over mapped ones, the head too */
    ck_assert_int_eq(count_mapped(model), 0);
    ck_assert_uint_eq(network_fingerprint(model), network_fingerprint(source));
    ck_ok(pt_model_load(model, path, LOADING(PT_LOAD_MAPPED)));
    ck_ok(pt_model_copy(source, model)); /* and from them */
    ck_assert_uint_eq(network_fingerprint(model), network_fingerprint(source));
    ck_ok(pt_model_copy(model, model));
    ck_assert_int_eq(count_mapped(model), TRUNK);
    ck_ok(pt_model_load(model, others, NULL)); /* a load that copies, over mapped ones */
    ck_assert_int_eq(count_mapped(model), 0);
    ck_ok(pt_model_load(source, others, NULL));
    ck_assert_uint_eq(network_fingerprint(model), network_fingerprint(source));
    pt_model_free(model);
    pt_model_free(source);
    pt_context_free(context);
}
END_TEST

/* The same weights in another dtype. */
static const char *narrow_file(const char *name, const char *from, int32_t dtype)
{
    pt_context_t *context = network_context(1, 1);
    pt__file_tensors_t *file;
    const char *path = suite_path(name);
    static uint16_t values[64][1024];
    pt__entry_t entries[64];
    ck_ok(pt__file_tensors_open(context, &pt__format_safetensors, from, 0, &file));
    pt__tensors_t table = *pt__file_tensors_table(file);
    ck_assert_int_le(table.n_entries, 64);
    for (int64_t i = 0; i < table.n_entries; i++) {
        entries[i] = table.entries[i];
        ck_assert_int_le(entries[i].bytes, 4096);
        ck_ok(pt__dtype_convert("", PT_FLOAT32, entries[i].data, dtype, values[i], entries[i].bytes / 4));
        entries[i].dtype = dtype;
        entries[i].data = values[i];
        entries[i].bytes /= 2;
    }
    table.entries = entries;
    ck_ok(pt__safetensors_write(context, path, &table, 0));
    pt__file_tensors_close(file);
    pt_context_free(context);
    return path;
}

/* In the file's dtype: the same bits as from floats, with our own kernels for both; vectors, which kernels read as
 * floats, are converted. */
START_TEST(test_narrow_weights)
{
    static const int32_t dtypes[] = {PT_FLOAT16, PT_BFLOAT16};
    for (int k = 0; k < 2; k++) {
        const char *path = narrow_file("narrow.safetensors", weights_file("wide.safetensors", 3), dtypes[k]);
        const char *saved = suite_path("saved.safetensors");
        pt_context_t *context = network_context_with(PT_GEMM_OWN, 2, 2);
        pt_model_t *mapped = classifier(context), *copied = classifier(context);
        pt_optimizer_t *one = network_optimizer(context, PT_OPTIMIZER_ADAMW, 7e-3);
        pt_optimizer_t *other = network_optimizer(context, PT_OPTIMIZER_ADAMW, 7e-3);
        int64_t matrices = 0, index;
        pt_parameter_info_t info = {.struct_size = sizeof info};
        ck_ok(step(mapped, one)); /* with a plan for floats */
        ck_ok(step(copied, other));
        ck_ok(pt_model_load(mapped, path, LOADING(PT_LOAD_MAPPED)));
        ck_ok(pt_model_load(copied, path, NULL));
        ck_ok(pt_model_set_trainable(copied, "transformer.*", 0, NULL));
        for (int64_t i = 0; i < TRUNK; i++)
            matrices += mapped->store.tensors[i].shape.rank == 2;
        ck_assert_int_eq(count_mapped(mapped), matrices);
        ck_ok(pt_model_parameter_find(mapped, "transformer.h.0.attn.c_attn.weight", &index));
        ck_ok(pt_model_parameter_info(mapped, index, &info));
        ck_assert_int_eq(info.dtype, dtypes[k]);
        ck_assert_int_eq(info.owner, PT_OWNER_FILE);
        for (int i = 0; i < 3; i++) {
            ck_ok(step(mapped, one));
            ck_ok(step(copied, other));
        }
        ck_assert_uint_eq(network_fingerprint(mapped), network_fingerprint(copied));
        ck_ok(pt_checkpoint_save(mapped, one, saved, NULL));
        ck_ok(pt_checkpoint_load(copied, other, saved, NULL));
        ck_assert_uint_eq(network_fingerprint(mapped), network_fingerprint(copied));
        ck_ok(pt_model_set_trainable(mapped, "transformer.h.0.*", 1, NULL));
        ck_ok(pt_model_set_trainable(copied, "transformer.h.0.*", 1, NULL));
        ck_ok(pt_model_parameter_info(mapped, index, &info));
        ck_assert_int_eq(info.dtype, PT_FLOAT32);
        ck_assert_int_eq(info.owner, PT_OWNER_MODEL);
        ck_ok(step(mapped, one));
        ck_ok(step(copied, other));
        ck_assert_uint_eq(network_fingerprint(mapped), network_fingerprint(copied));
        network_set_task(mapped, PT_TASK_CAUSAL_LM, 0); /* its head reads the embedding, as it stands in the file */
        network_set_task(copied, PT_TASK_CAUSAL_LM, 0);
        ck_ok(language_step(mapped, one));
        ck_ok(language_step(copied, other));
        ck_assert_uint_eq(network_fingerprint(mapped), network_fingerprint(copied));
        ck_ok(pt_model_save(mapped, saved, NULL));
        ck_ok(pt_model_copy(mapped, mapped));
        ck_ok(pt_model_load(copied, saved, LOADING(PT_LOAD_STRICT)));
        ck_assert_uint_eq(network_fingerprint(mapped), network_fingerprint(copied));
        float ones[17 * 16];
        for (int i = 0; i < 17 * 16; i++)
            ones[i] = 1;
        ck_ok(set_parameter(mapped, 0, ones, 17 * 16));
        ck_ok(set_parameter(copied, 0, ones, 17 * 16));
        ck_ok(language_step(mapped, one));
        ck_ok(language_step(copied, other));
        ck_assert_uint_eq(network_fingerprint(mapped), network_fingerprint(copied));
        pt_optimizer_free(one);
        pt_optimizer_free(other);
        pt_model_free(mapped);
        pt_model_free(copied);
        pt_context_free(context);
    }
}
END_TEST

typedef enum change { SHORTENED, EMPTIED, WRITTEN, REPLACED, REMOVED, CHANGES } change_t;

static void change_file(const char *path, change_t change)
{
    struct stat about;
    ck_assert_int_eq(stat(path, &about), 0);
    if (change == SHORTENED || change == EMPTIED)
        ck_assert_int_eq(truncate(path, change == SHORTENED ? about.st_size - 4 : 0), 0);
    if (change == WRITTEN) {
        int file = open(path, O_RDWR);
        struct timespec times[2] = {about.st_atim, about.st_mtim};
        ck_assert_int_eq(pwrite(file, "x", 1, about.st_size - 3), 1);
        times[1].tv_nsec = (times[1].tv_nsec + 1) % 1000000000; /* as if some time had passed */
        ck_assert_int_eq(futimens(file, times), 0);
        close(file);
    }
    if (change == REPLACED)
        ck_assert_int_eq(rename(weights_file("another.safetensors", 5), path), 0);
    if (change == REMOVED)
        ck_assert_int_eq(unlink(path), 0);
}

START_TEST(test_a_file_that_changes)
{
    for (change_t change = 0; change < CHANGES; change++) {
        const char *spare = weights_file("spare.safetensors", 3), *path = weights_file("changing.safetensors", 3);
        pt_context_t *context = network_context(1, 2);
        pt_model_t *model = classifier(context), *copy = classifier(context);
        pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAMW, 1e-2);
        float values[17 * 16];
        ck_ok(pt_model_load(model, path, LOADING(PT_LOAD_MAPPED)));
        ck_ok(step(model, optimizer));
        uint64_t before = network_fingerprint(model);
        change_file(path, change);
        if (change >= REPLACED) {
            ck_assert_uint_eq(network_fingerprint(model), before);
            ck_ok(step(model, optimizer));
        } else {
            ck_fails(step(model, optimizer), PT_ERR_IO, "changing.safetensors: changed while in use");
            ck_fails(get_parameter(model, 0, values, 17 * 16), PT_ERR_IO, "changing.safetensors");
            ck_fails(pt_model_save(model, suite_path("never.safetensors"), NULL), PT_ERR_IO, "changing.safetensors");
            ck_assert_int_ne(access(suite_path("never.safetensors"), F_OK), 0);
            ck_fails(pt_checkpoint_save(model, optimizer, suite_path("never.safetensors"), NULL), PT_ERR_IO,
                     "changing");
            ck_fails(pt_model_copy(copy, model), PT_ERR_IO, "changing.safetensors");
            ck_fails(pt_model_set_trainable(model, "*", 1, NULL), PT_ERR_IO, "changing.safetensors");
            ck_ok(pt_model_load(model, spare, LOADING(change == WRITTEN ? PT_LOAD_MAPPED : 0)));
            ck_assert_uint_eq(network_fingerprint(model), before);
            ck_ok(step(model, optimizer));
        }
        pt_optimizer_free(optimizer);
        pt_model_free(model);
        pt_model_free(copy);
        pt_context_free(context);
    }
}
END_TEST

/* Where floats would stand at addresses that C does not allow, they are copied; where a tensor has another dtype,
 * converted. */
START_TEST(test_what_cannot_be_mapped)
{
    static const char header[] = "{\"linear.weight\":{\"dtype\":\"F32\",\"shape\":[1,10],\"data_offsets\":[0,40]},"
                                 "\"linear.bias\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[40,48]}}";
    for (size_t blanks = 0; blanks < 5; blanks++) {
        pt_context_t *context = network_context(1, 2);
        pt_model_t *model = network_linear(context);
        uint8_t bytes[256] = {0};
        float values[10], found[10];
        double bias = 0.5;
        size_t length = sizeof header - 1 + blanks, end = 8 + length;
        bytes[0] = (uint8_t)length;
        memset(bytes + 8, ' ', length);
        memcpy(bytes + 8, header, sizeof header - 1);
        for (int i = 0; i < 10; i++)
            values[i] = (float)i + 0.25f;
        memcpy(bytes + end, values, 40);
        memcpy(bytes + end + 40, &bias, 8);
        ck_ok(pt_model_load(model, suite_write("odd.safetensors", bytes, end + 48),
                            LOADING(PT_LOAD_MAPPED | PT_LOAD_STRICT)));
        ck_assert_int_eq(count_mapped(model), end % 4 == 0);
        ck_ok(get_parameter(model, 0, found, 10));
        ck_assert_mem_eq(found, values, sizeof values);
        ck_ok(get_parameter(model, 1, found, 1));
        ck_assert(found[0] == 0.5f);
        pt_model_free(model);
        pt_context_free(context);
    }
}
END_TEST

/* Values that a network cannot use: refused before anything is changed, whether they would be copied or used in
 * place. */
START_TEST(test_bad_values_change_nothing)
{
    static const char header[] = "{\"linear.weight\":{\"dtype\":\"F32\",\"shape\":[1,10],\"data_offsets\":[0,40]},"
                                 "\"linear.bias\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[40,48]}}   ";
    pt_context_t *context = network_context(1, 2);
    pt_model_t *model = network_linear(context);
    const size_t end = 8 + sizeof header - 1;
    uint8_t bytes[256] = {[0] = sizeof header - 1};
    uint64_t before = network_fingerprint(model);
    for (uint32_t flags = 0; flags <= PT_LOAD_MAPPED; flags += PT_LOAD_MAPPED) {
        const float infinite = -1.0f / 0.0f, nan = 0.0f / 0.0f;
        const double large = 1e39;
        memset(bytes + 8, 0, sizeof bytes - 8);
        memcpy(bytes + 8, header, sizeof header - 1);
        memcpy(bytes + end + 36, &infinite, 4);
        ck_fails(pt_model_load(model, suite_write("bad.safetensors", bytes, end + 48), LOADING(flags)),
                 PT_ERR_NONFINITE, "bad.safetensors: tensor \"linear.weight\": element 9");
        memcpy(bytes + end + 8, &nan, 4);
        ck_fails(pt_model_load(model, suite_write("bad.safetensors", bytes, end + 48), LOADING(flags)),
                 PT_ERR_NONFINITE, "tensor \"linear.weight\": element 2");
        memset(bytes + end, 0, 40);
        memcpy(bytes + end + 40, &large, 8);
        ck_fails(pt_model_load(model, suite_write("bad.safetensors", bytes, end + 48), LOADING(flags)),
                 PT_ERR_NONFINITE, "tensor \"linear.bias\": element 0");
        ck_assert_uint_eq(network_fingerprint(model), before);
        ck_assert_int_eq(model->store.tensors[0].trainable, 1);
    }
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

static pt_status_t map_and_train(failing_allocator_t *allocator, const char *path, const char *other)
{
    pt_context_options_t options;
    pt_optimizer_options_t optimizer_options;
    network_task_t task = {0};
    pt_context_t *context = NULL;
    pt_model_t *model = NULL;
    pt_optimizer_t *optimizer = NULL;
    pt_status_t status;
    ck_ok(pt_context_options_init(&options, sizeof options));
    ck_ok(pt_optimizer_options_init(&optimizer_options, sizeof optimizer_options));
    failing_allocator_hooks(allocator, &options);
    options.threads = 1;
    task.task = PT_TASK_CLASSIFICATION;
    task.outputs = 3;
    PT__TRY_OUT(pt_context_create(&options, &context));
    PT__TRY_OUT(pt_model_create_from_config(context, NETWORK_GPT, strlen(NETWORK_GPT), &model));
    PT__TRY_OUT(pt_optimizer_create(context, &optimizer_options, &optimizer));
    PT__TRY_OUT(network_choose_task(model, &task));
    PT__TRY_OUT(step(model, optimizer));
    PT__TRY_OUT(pt_model_load(model, path, LOADING(PT_LOAD_MAPPED)));
    PT__TRY_OUT(step(model, optimizer));
    PT__TRY_OUT(pt_model_set_trainable(model, "transformer.h.0.*", 1, NULL));
    PT__TRY_OUT(step(model, optimizer));
    PT__TRY_OUT(pt_model_load(model, other, NULL));
    PT__TRY_OUT(step(model, optimizer));
out:
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
    return status;
}

START_TEST(test_every_allocation_may_fail)
{
    failing_allocator_t allocator;
    const char *path = weights_file("path.safetensors", 3), *other = weights_file("other.safetensors", 4);
    pt_status_t status;
    FOR_EACH_FAILING_ALLOCATION(allocator, status = map_and_train(&allocator, path, other), status);
}
END_TEST

/* A load that fails for want of memory leaves values, flags and places as they are. */
START_TEST(test_a_failing_load_changes_nothing)
{
    failing_allocator_t allocator;
    const char *path = weights_file("path.safetensors", 3), *other = weights_file("other.safetensors", 4);
    pt_context_options_t options;
    pt_context_t *context;
    pt_model_t *model;
    ck_ok(pt_context_options_init(&options, sizeof options));
    failing_allocator_start(&allocator, 0);
    failing_allocator_hooks(&allocator, &options);
    options.threads = 1;
    ck_ok(pt_context_create(&options, &context));
    for (int32_t was_mapped = 0; was_mapped < 2; was_mapped++)
        for (uint32_t flags = 0; flags <= PT_LOAD_MAPPED; flags += PT_LOAD_MAPPED)
            for (long n = 1;; n++) {
                model = classifier(context);
                ck_ok(pt_model_load(model, path, LOADING(was_mapped ? PT_LOAD_MAPPED : 0)));
                ck_ok(pt_model_set_trainable(model, "transformer.h.0.*", 1, NULL));
                uint64_t before = network_fingerprint(model);
                int64_t learn = pt__store_learnable_elements(&model->store), mapped = count_mapped(model);
                allocator.calls = 0;
                allocator.fail_at = n;
                pt_status_t status = pt_model_load(model, other, LOADING(flags));
                int failed = allocator.calls >= n;
                allocator.fail_at = 0;
                if (failed) {
                    ck_assert_int_eq(status, PT_ERR_MEMORY);
                    ck_assert_uint_eq(network_fingerprint(model), before);
                    ck_assert_int_eq(pt__store_learnable_elements(&model->store), learn);
                    ck_assert_int_eq(count_mapped(model), mapped);
                }
                pt_model_free(model);
                if (!failed) {
                    ck_assert_int_eq(status, PT_OK);
                    ck_assert_int_gt(n, 10);
                    break;
                }
            }
    pt_context_free(context);
    ck_assert_int_eq(allocator.live, 0);
}
END_TEST

SUITE("mapped", 120, test_same_bits_as_in_memory, test_memory_and_owners, test_narrow_weights, test_a_file_that_changes,
      test_what_cannot_be_mapped, test_bad_values_change_nothing, test_every_allocation_may_fail,
      test_a_failing_load_changes_nothing)
