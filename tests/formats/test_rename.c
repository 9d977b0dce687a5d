/* Tensors of an open file under other names: turned, cut, twice there; and the memory for it missing. */
#include "base/renaming.h"
#include "formats/tensors.h"
#include "support/failing_allocator.h"
#include "support/samples.h"

static const float values[] = {0, 1, 2, 3, 4, 5};

static const pt__renaming_t rules[] = {{.theirs = "layer.*.qkv", .ours = "h.*.q", .part = 0, .parts = 3},
                                       {.theirs = "layer.*.qkv", .ours = "h.*.k", .part = 1, .parts = 3},
                                       {.theirs = "layer.*.qkv", .ours = "h.*.v", .part = 2, .parts = 3},
                                       {.theirs = "*.kernel", .ours = "*.weight", .is_transposed = 1},
                                       {.theirs = "*.gamma", .ours = "*.weight"},
                                       {0}};

/* A file with tensors of these names, all of them [3, 2]. */
static const char *write_file(pt_context_t *context, const char *const *names, int64_t count)
{
    pt__entry_t entries[4];
    const char *path = suite_path("named.safetensors");
    for (int64_t i = 0; i < count; i++)
        entries[i] = (pt__entry_t){.name = names[i],
                                   .dtype = PT_FLOAT32,
                                   .rank = 2,
                                   .shape = {3, 2},
                                   .data = values,
                                   .bytes = (int64_t)sizeof values};
    const pt__tensors_t table = {.entries = entries, .n_entries = count};
    ck_ok(pt__safetensors_write(context, path, &table, 0));
    return path;
}

static pt_status_t open_renamed(pt_context_t *context, const char *path, pt__file_tensors_t **file)
{
    PT__TRY(pt__file_tensors_open(context, NULL, path, 0, file));
    return pt__file_tensors_rename(*file, rules);
}

START_TEST(test_names)
{
    static const char *const names[] = {"layer.7.qkv", "a.kernel", "b.gamma", "other"};
    pt_context_t *context = samples_context();
    pt__file_tensors_t *file;
    ck_ok(open_renamed(context, write_file(context, names, 4), &file));
    const pt__tensors_t *table = pt__file_tensors_table(file);
    ck_assert_int_eq(table->n_entries, 6);
    ck_assert_ptr_nonnull(pt__tensors_find(table, "other"));
    ck_assert_int_eq(pt__tensors_find(table, "b.weight")->is_transposed, 0);
    const pt__entry_t *turned = pt__tensors_find(table, "a.weight");
    ck_assert(turned->is_transposed && turned->shape[0] == 2 && turned->shape[1] == 3);
    const pt__entry_t *value = pt__tensors_find(table, "h.7.v");
    ck_assert(value->rank == 2 && value->shape[0] == 1 && value->shape[1] == 2 && value->bytes == 8);
    ck_assert_mem_eq(value->data, values + 4, 8);
    ck_assert_mem_eq(pt__tensors_find(table, "h.7.q")->data, values, 8);
    ck_ok(pt__file_tensors_rename(file, rules)); /* nothing is left to do */
    ck_ok(pt__file_tensors_rename(file, NULL));
    ck_assert_int_eq(pt__file_tensors_table(file)->n_entries, 6);
    pt__file_tensors_close(file);
    pt_context_free(context);
}
END_TEST

START_TEST(test_refused)
{
    static const char *const twice[] = {"a.gamma", "a.weight"}, *const whole[] = {"layer.0.qkv"};
    static const pt__renaming_t halves[] = {{.theirs = "layer.0.qkv", .ours = "q", .parts = 2}, {0}};
    pt_context_t *context = samples_context();
    pt__file_tensors_t *file;
    ck_fails(open_renamed(context, write_file(context, twice, 2), &file), PT_ERR_FORMAT, "\"a.weight\" is there twice");
    pt__file_tensors_close(file);
    ck_ok(pt__file_tensors_open(context, NULL, write_file(context, whole, 1), 0, &file));
    ck_fails(pt__file_tensors_rename(file, halves), PT_ERR_SHAPE, "\"layer.0.qkv\" holds 2 parameters");
    pt__file_tensors_close(file);
    pt_context_free(context);
}
END_TEST

static pt_status_t open_with(failing_allocator_t *allocator, const char *path)
{
    pt_context_options_t options;
    pt_context_t *context = NULL;
    pt__file_tensors_t *file = NULL;
    pt_status_t status;
    ck_ok(pt_context_options_init(&options, sizeof options));
    failing_allocator_hooks(allocator, &options);
    options.threads = 1;
    PT__TRY_OUT(pt_context_create(&options, &context));
    PT__TRY_OUT(open_renamed(context, path, &file));
out:
    pt__file_tensors_close(file);
    pt_context_free(context);
    return status;
}

START_TEST(test_every_allocation_may_fail)
{
    static const char *const names[] = {"layer.7.qkv", "a.kernel", "b.gamma", "other"};
    failing_allocator_t allocator;
    pt_context_t *context = samples_context();
    const char *path = write_file(context, names, 4);
    pt_status_t status;
    FOR_EACH_FAILING_ALLOCATION(allocator, status = open_with(&allocator, path), status);
    pt_context_free(context);
}
END_TEST

SUITE("rename", 30, test_names, test_refused, test_every_allocation_may_fail)
