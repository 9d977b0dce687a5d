/* Models from GGUF files alone, mapped and copied, beside what transformers computes with the numbers that the files
 * have (tests/golden/make_gguf.py). */
#include <math.h>

#include "pretrain.h"
#include "support/golden.h"
#include "support/suite.h"

enum { MOST = 512 };

static pt_context_t *context;

static const char *path_of(const char *name)
{
    char path[96];
    snprintf(path, sizeof path, "tests/golden/gguf/%s.gguf", name);
    return suite_source(path);
}

static pt_model_t *open_model(const char *path, uint32_t flags)
{
    pt_model_t *model = NULL;
    pt_load_options_t options;
    ck_ok(pt_load_options_init(&options, sizeof options));
    options.flags = flags;
    ck_ok(pt_model_open(context, path, &options, &model));
    return model;
}

static void check_output(pt_model_t *model, const char *name)
{
    double expected[MOST], numbers[MOST], most = 0;
    int32_t tokens[MOST];
    float found[MOST];
    int64_t lengths[1], count = golden_numbers("tokens", numbers, MOST), n = golden_numbers(name, expected, MOST);
    for (int64_t i = 0; i < count; i++)
        tokens[i] = (int32_t)numbers[i];
    for (int64_t i = 0; i < n; i++)
        most = fmax(most, fabs(expected[i]));
    pt_array_t field = {.name = "tokens",
                        .data = tokens,
                        .lengths = &count,
                        .dtype = PT_INT32,
                        .rank = 1,
                        .shape = {PT_DIM_TOKENS},
                        .max_length = count,
                        .elements = count,
                        .samples = 1};
    pt_array_t view = {.dtype = PT_FLOAT32, .data = found, .capacity = MOST, .lengths = lengths, .lengths_capacity = 1};
    pt_dataset_t *data;
    ck_ok(pt_dataset_create_from_arrays(context, &field, 1, sizeof field, 1, 0, &data));
    ck_ok(pt_predict(model, data, strcmp(name, "bert") == 0 ? "hidden" : "logits", 1, &view, sizeof view));
    ck_assert_int_eq(view.elements, n);
    for (int64_t i = 0; i < n; i++)
        ck_assert_msg(fabs((double)found[i] - expected[i]) <= 1e-5 * most, "%s: number %d is %.9g, expected %.9g", name,
                      (int)i, (double)found[i], expected[i]);
    pt_dataset_free(data);
}

static const char *const names[] = {"llama", "llama_tied", "qwen2", "qwen3", "gpt2", "bert"};
enum { NAMES = sizeof names / sizeof names[0] };

START_TEST(test_outputs)
{
    ck_ok(pt_context_create(NULL, &context));
    golden_read("tests/golden/gguf.txt");
    for (int i = 0; i < NAMES; i++)
        for (int mapped = 0; mapped < 2; mapped++) {
            pt_model_t *model = open_model(path_of(names[i]), mapped ? PT_LOAD_MAPPED : 0);
            check_output(model, names[i]);
            pt_model_free(model);
        }
    pt_context_free(context);
}
END_TEST

/* What is mapped stays in the file, in its blocks; what is not is float32. */
START_TEST(test_where_weights_stand)
{
    pt_parameter_info_t info = {.struct_size = sizeof info};
    int64_t index;
    ck_ok(pt_context_create(NULL, &context));
    for (uint32_t flags = 0; flags <= PT_LOAD_MAPPED; flags += PT_LOAD_MAPPED) {
        pt_model_t *model = open_model(path_of("llama"), flags);
        ck_ok(pt_model_parameter_find(model, "model.layers.1.mlp.up_proj.weight", &index));
        ck_ok(pt_model_parameter_info(model, index, &info));
        ck_assert_int_eq(info.owner, flags != 0 ? PT_OWNER_FILE : PT_OWNER_MODEL);
        ck_assert_int_eq(info.dtype, flags != 0 ? 0 : PT_FLOAT32);
        ck_assert_str_eq(info.dtype_name, flags != 0 ? "q4_1" : "float32");
        ck_assert_int_eq(info.bytes, flags != 0 ? 64 * 20 : 64 * 32 * 4);
        ck_assert(info.rank == 2 && info.shape[0] == 64 && info.shape[1] == 32);
        pt_model_free(model);
    }
    pt_context_free(context);
}
END_TEST

/* ---- Written ---- */

static void save(pt_model_t *model, const char *path, int32_t format, int32_t dtype)
{
    pt_save_options_t options;
    ck_ok(pt_save_options_init(&options, sizeof options));
    options.format = format;
    options.dtype = dtype;
    ck_ok(pt_model_save(model, path, &options));
}

START_TEST(test_written_and_read_again)
{
    ck_ok(pt_context_create(NULL, &context));
    golden_read("tests/golden/gguf.txt");
    for (int i = 0; i < NAMES; i++) {
        const char *path = suite_path("written.gguf");
        pt_model_t *model = open_model(path_of(names[i]), 0), *again;
        save(model, path, PT_FORMAT_GGUF, 0);
        again = open_model(path, i % 2 ? PT_LOAD_MAPPED : 0);
        check_output(again, names[i]);
        pt_model_free(model);
        pt_model_free(again);
    }
    pt_context_free(context);
}
END_TEST

START_TEST(test_what_is_not_written)
{
    static const char mlp[] = "{\"model_type\": \"mlp\", \"input_size\": 4, \"hidden_sizes\": [8], \"activation\": "
                              "\"relu\"}";
    pt_save_options_t options;
    pt_model_t *model;
    ck_ok(pt_context_create(NULL, &context));
    ck_ok(pt_save_options_init(&options, sizeof options));
    model = open_model(path_of("llama"), 0);
    options.format = PT_FORMAT_GGUF_Q8_0;
    options.dtype = PT_FLOAT16;
    ck_fails(pt_model_save(model, suite_path("not.gguf"), &options), PT_ERR_ARGUMENT, "expected 0 with PT_FORMAT_GGUF");
    options.dtype = 0;
    options.names = "*q_proj*";
    ck_fails(pt_model_save(model, suite_path("not.gguf"), &options), PT_ERR_ARGUMENT, "this format has all tensors");
    pt_model_free(model);
    options.names = NULL;
    ck_ok(pt_model_create_from_config(context, mlp, strlen(mlp), &model));
    ck_fails(pt_model_save(model, suite_path("not.gguf"), &options), PT_ERR_UNSUPPORTED,
             "a GGUF file of mlp, expected a family that llama.cpp knows");
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

SUITE("gguf_models", 60, test_outputs, test_where_weights_stand, test_written_and_read_again, test_what_is_not_written)
