/* Files of a trunk alone: GPT-2 is published under names without "transformer.", with tables beside its parameters. */
#include <stdio.h>

#include "formats/tensors.h"
#include "support/networks.h"

enum { MOST = 64 };

static pt__entry_t entries[MOST];
static char names[MOST][PT_MAX_NAME];
static float values[MOST][17 * 64], table[12 * 12];
static int64_t n_entries;

static void add(const char *name, int32_t rank, const int64_t *shape, const float *data)
{
    pt__entry_t *entry = &entries[n_entries];
    snprintf(names[n_entries], PT_MAX_NAME, "%s", name);
    *entry = (pt__entry_t){.name = names[n_entries++], .dtype = PT_FLOAT32, .rank = rank, .data = data, .bytes = 4};
    for (int32_t i = 0; i < rank; i++)
        entry->bytes *= entry->shape[i] = shape[i];
}

/* The model's parameters in a file, by names without `prefix`. */
static const char *publish(const pt_model_t *model, const char *prefix)
{
    const char *path = suite_path("model.safetensors");
    n_entries = 0;
    for (int64_t i = 0; i < pt_model_parameter_count(model); i++) {
        pt_parameter_info_t info = {.struct_size = sizeof info};
        ck_ok(pt_model_parameter_info(model, i, &info));
        ck_assert_int_le(info.elements, 17 * 64);
        ck_ok(get_parameter(model, i, values[i], info.elements));
        size_t left_out = strncmp(info.name, prefix, strlen(prefix)) == 0 ? strlen(prefix) : 0;
        add(info.name + left_out, info.rank, info.shape, values[i]);
    }
    add("h.0.attn.bias", 4, (int64_t[]){1, 1, 12, 12}, table);
    add("h.1.attn.masked_bias", 0, NULL, table);
    return path;
}

static void write_entries(pt_context_t *context, const char *path)
{
    const pt__tensors_t tensors = {.entries = entries, .n_entries = n_entries};
    ck_ok(pt__safetensors_write(context, path, &tensors, 0));
}

static pt_status_t load(pt_model_t *model, const char *path, uint32_t flags)
{
    pt_load_options_t options;
    ck_ok(pt_load_options_init(&options, sizeof options));
    options.flags = flags;
    return pt_model_load(model, path, &options);
}

static pt_model_t *make_model(pt_context_t *context)
{
    pt_model_t *model = network_gpt(context);
    network_set_task(model, PT_TASK_CAUSAL_LM, 0);
    return model;
}

START_TEST(test_names_without_the_trunks)
{
    pt_context_t *one = network_context(1, 1), *two = network_context(1, 2);
    pt_model_t *source = make_model(one);
    const char *path = publish(source, "transformer.");
    write_entries(one, path);
    for (uint32_t flags = PT_LOAD_STRICT; flags <= (PT_LOAD_STRICT | PT_LOAD_MAPPED); flags += PT_LOAD_MAPPED) {
        pt_model_t *model = make_model(two);
        ck_assert_uint_ne(network_fingerprint(model), network_fingerprint(source));
        ck_ok(load(model, path, flags)); /* tables are no parameters that nobody asked for */
        ck_assert_uint_eq(network_fingerprint(model), network_fingerprint(source));
        ck_assert_int_eq(pt_model_transfer_count(model, 0), pt_model_parameter_count(model));
        ck_assert_int_eq(pt_model_transfer_count(model, PT_TRANSFER_COPIED), pt_model_parameter_count(model));
        pt_model_free(model);
    }
    pt_model_t *model = network_gpt(two); /* under another head */
    network_set_task(model, PT_TASK_CLASSIFICATION, 3);
    ck_ok(load(model, path, 0));
    ck_assert_int_eq(pt_model_transfer_count(model, PT_TRANSFER_COPIED), pt_model_parameter_count(model) - 1);
    ck_assert_int_eq(pt_model_transfer_count(model, PT_TRANSFER_NEW), 1);
    ck_assert_int_eq(pt_model_transfer_count(model, PT_TRANSFER_UNEXPECTED), 0);
    pt_model_free(model);
    pt_model_free(source);
    pt_context_free(one);
    pt_context_free(two);
}
END_TEST

/* The whole name goes before the one without its beginning, which nobody asked for then. */
START_TEST(test_both_names)
{
    static float other[16];
    const char *name;
    int32_t kind;
    pt_context_t *one = network_context(1, 1), *two = network_context(1, 2);
    pt_model_t *source = make_model(one), *model = make_model(two);
    const char *path = publish(source, "nothing");
    add("ln_f.weight", 1, (int64_t[]){16}, other);
    add("h.0.attn.c_attn.scale", 1, (int64_t[]){16}, other);
    write_entries(one, path);
    ck_ok(load(model, path, 0));
    ck_assert_uint_eq(network_fingerprint(model), network_fingerprint(source));
    ck_assert_int_eq(pt_model_transfer_count(model, PT_TRANSFER_UNEXPECTED), 2);
    for (int64_t i = 0; i < 2; i++) {
        ck_ok(pt_model_transfer_entry(model, pt_model_parameter_count(model) + i, &name, &kind));
        ck_assert_int_eq(kind, PT_TRANSFER_UNEXPECTED);
        ck_assert_str_eq(name, i == 0 ? "h.0.attn.c_attn.scale" : "ln_f.weight");
    }
    ck_fails(load(model, path, PT_LOAD_STRICT), PT_ERR_NOT_FOUND, "is not one of the model's");
    publish(source, "transformer.h."); /* another beginning is another network's */
    write_entries(one, path);
    ck_fails(load(model, path, PT_LOAD_STRICT), PT_ERR_NOT_FOUND, "is missing in the file");
    pt_model_free(model);
    pt_model_free(source);
    pt_context_free(one);
    pt_context_free(two);
}
END_TEST

SUITE("published names", 60, test_names_without_the_trunks, test_both_names)
