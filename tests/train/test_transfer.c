/* Weights taken over between tasks, models and files; what learns; gradients that are not finite. */
#include <math.h>
#include <stdio.h>

#include "support/networks.h"
#include "support/views.h"

static int32_t kind_of(const pt_model_t *model, const char *wanted)
{
    for (int64_t i = 0; i < pt_model_transfer_count(model, 0); i++) {
        const char *name;
        int32_t kind;
        ck_ok(pt_model_transfer_entry(model, i, &name, &kind));
        if (strcmp(name, wanted) == 0)
            return kind;
    }
    return 0;
}

static void get(const pt_model_t *model, const char *name, float *values, int64_t elements)
{
    int64_t index;
    ck_ok(pt_model_parameter_find(model, name, &index));
    ck_ok(get_parameter(model, index, values, elements));
}

START_TEST(test_between_tasks)
{
    pt_context_t *context = network_context(1, 2);
    pt_model_t *model = network_gpt(context);
    float before[16 * 48], after[16 * 48];
    network_set_task(model, PT_TASK_CLASSIFICATION, 3);
    ck_assert_int_eq(kind_of(model, "score.weight"), PT_TRANSFER_NEW);
    ck_assert_int_eq(kind_of(model, "transformer.wte.weight"), PT_TRANSFER_COPIED);
    get(model, "transformer.h.0.attn.c_attn.weight", before, 16 * 48);
    network_set_task(model, PT_TASK_CLASSIFICATION, 4);
    ck_assert_int_eq(kind_of(model, "score.weight"), PT_TRANSFER_SHAPE);
    network_set_task(model, PT_TASK_CAUSAL_LM, 0);
    ck_assert_int_eq(kind_of(model, "score.weight"), PT_TRANSFER_UNEXPECTED);
    get(model, "transformer.h.0.attn.c_attn.weight", after, 16 * 48);
    ck_assert_mem_eq(before, after, sizeof before);
    network_set_task(model, PT_TASK_REGRESSION, 2);
    network_set_task(model, NULL, 0);
    ck_assert_ptr_null(pt_model_task(model));
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

START_TEST(test_files)
{
    pt_context_t *context = network_context(1, 2), *other = network_context(1, 3);
    pt_model_t *model = network_gpt(context), *target = network_gpt(other), *linear = network_linear(context);
    const char *path = suite_path("weights.safetensors");
    network_set_task(model, PT_TASK_CLASSIFICATION, 3);
    network_set_task(target, PT_TASK_CLASSIFICATION, 3);
    ck_assert_uint_ne(network_fingerprint(model), network_fingerprint(target));
    ck_ok(pt_model_save(model, path, NULL));
    ck_ok(pt_model_load(target, path, LOADING(PT_LOAD_STRICT)));
    ck_assert_uint_eq(network_fingerprint(model), network_fingerprint(target));
    network_set_task(target, PT_TASK_CLASSIFICATION, 5);
    uint64_t before = network_fingerprint(target);
    ck_fails(pt_model_load(target, path, LOADING(PT_LOAD_STRICT)), PT_ERR_SHAPE, "score.");
    ck_assert_uint_eq(network_fingerprint(target), before);
    ck_ok(pt_model_load(target, path, NULL));
    ck_assert_int_eq(kind_of(target, "score.weight"), PT_TRANSFER_SHAPE);
    ck_fails(pt_model_load(linear, path, LOADING(PT_LOAD_STRICT)), PT_ERR_NOT_FOUND, "linear.");
    before = network_fingerprint(linear);
    ck_fails(pt_model_load(linear, path, NULL), PT_ERR_NOT_FOUND, "the model \"linear.weight\"");
    ck_assert_ptr_nonnull(strstr(pt_last_error(), "the file has \"score.weight\""));
    ck_assert_uint_eq(network_fingerprint(linear), before);
    ck_assert_int_eq(pt_model_transfer_count(linear, PT_TRANSFER_COPIED), 0);
    ck_assert_int_eq(pt_model_transfer_count(linear, PT_TRANSFER_NEW), 2);
    ck_assert_int_gt(pt_model_transfer_count(linear, PT_TRANSFER_UNEXPECTED), 20);
    ck_fails(pt_model_load(linear, suite_write("empty.safetensors", "", 0), NULL), PT_ERR_FORMAT, "empty.safetensors");
    ck_fails(pt_model_load(linear, suite_write("text.safetensors", "this is no tensor file", 22), NULL), PT_ERR_FORMAT,
             "text.safetensors");
    ck_ok(pt_model_copy(target, model)); /* across contexts */
    ck_assert_int_eq(kind_of(target, "transformer.wpe.weight"), PT_TRANSFER_COPIED);
    ck_ok(pt_model_copy(target, target));
    pt_model_free(model);
    pt_model_free(target);
    pt_model_free(linear);
    pt_context_free(context);
    pt_context_free(other);
}
END_TEST

START_TEST(test_what_learns)
{
    pt_context_t *context = network_context(1, 2);
    pt_model_t *model = network_gpt(context);
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAMW, 1e-2);
    pt_dataset_t *data = network_text_data(context, 20, 3);
    pt_train_options_t options;
    float head[3 * 16], trunk[17 * 16], now[17 * 16];
    int64_t matched;
    ck_ok(pt_train_options_init(&options, sizeof options));
    options.steps = 5;
    network_set_task(model, PT_TASK_CLASSIFICATION, 3);
    ck_ok(pt_model_set_trainable(model, "transformer.*", 0, &matched));
    ck_assert_int_gt(matched, 20);
    get(model, "score.weight", head, 3 * 16);
    get(model, "transformer.wte.weight", trunk, 17 * 16);
    ck_ok(pt_finetune(model, optimizer, data, &options, NULL));
    get(model, "transformer.wte.weight", now, 17 * 16);
    ck_assert_mem_eq(trunk, now, sizeof now);
    get(model, "score.weight", now, 3 * 16);
    ck_assert(memcmp(head, now, sizeof head) != 0);
    ck_ok(pt_model_set_trainable(model, "*", 0, NULL));
    ck_assert_int_ne(pt_finetune(model, optimizer, data, &options, NULL), PT_OK);
    ck_assert_ptr_nonnull(strstr(pt_last_error(), "learn"));
    ck_ok(pt_model_set_trainable(model, "transformer.wte.*", 1, NULL));
    ck_ok(pt_finetune(model, optimizer, data, &options, NULL));
    get(model, "transformer.wte.weight", now, 17 * 16);
    ck_assert(memcmp(trunk, now, sizeof now) != 0);
    pt_dataset_free(data);
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* Weights so large that the loss overflows: steps are skipped, counted, and after ten in a row the stage gives up. */
START_TEST(test_gradients_not_finite)
{
    pt_context_t *context = network_context(1, 2);
    pt_model_t *model = network_linear(context);
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_SGD, 0.1);
    pt_dataset_t *data = network_linear_data(context, 64);
    pt_train_options_t options;
    pt_train_result_t result = {.struct_size = sizeof result};
    float huge[10];
    for (int i = 0; i < 10; i++)
        huge[i] = i % 2 ? 3e38f : -3e38f;
    ck_ok(pt_train_options_init(&options, sizeof options));
    options.steps = 100;
    ck_ok(set_parameter(model, 0, huge, 10));
    uint64_t before = network_fingerprint(model);
    ck_fails(pt_pretrain(model, optimizer, data, &options, &result), PT_ERR_NONFINITE, "step 10");
    ck_assert_uint_eq(network_fingerprint(model), before);
    ck_assert_int_eq(pt_optimizer_skipped(optimizer), 10);
    pt_dataset_free(data);
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

SUITE("transfer", 60, test_between_tasks, test_files, test_what_learns, test_gradients_not_finite)
