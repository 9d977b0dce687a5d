/* A masked language model that is opened from a directory knows from the tokenizer there what hides tokens. */
#include <stdio.h>
#include <sys/stat.h>

#include "formats/tensors.h"
#include "support/failing_allocator.h"
#include "support/networks.h"
#include "train/model.h"

#define CONFIG                                                                                                   \
    "{\"model_type\": \"bert\", \"architectures\": [\"BertForMaskedLM\"], \"vocab_size\": 9, "                   \
    "\"max_position_embeddings\": 8, \"hidden_size\": 4, \"num_hidden_layers\": 1, \"num_attention_heads\": 2, " \
    "\"intermediate_size\": 4}"
/* Of WordPiece: six tokens, of which the first three are special and the last goes on with a word. */
#define TOKENIZER(mask, more)                                                                                          \
    "{\"added_tokens\": [{\"id\": 0, \"content\": \"[UNK]\", \"special\": true}, {\"id\": 1, \"content\": \"[SEP]\", " \
    "\"special\": true}, {\"id\": 2, \"content\": \"" mask "\", \"special\": true}], \"model\": {\"type\": "           \
    "\"WordPiece\", \"unk_token\": \"[UNK]\", \"continuing_subword_prefix\": \"##\", "                                 \
    "\"max_input_chars_per_word\": 9, \"vocab\": {\"[UNK]\": 0, \"[SEP]\": 1, \"" mask "\": 2, \"a\": 3, "             \
    "\"[MASK]x\": 4, \"##b\": 5" more "}}}"

static const pt_save_options_t as_directory = {.struct_size = sizeof as_directory, .format = PT_FORMAT_DIRECTORY};

/* A directory of the model as others write them: its weights have no metadata. */
static void write_theirs(pt_model_t *model, const char *name)
{
    char path[512];
    pt__file_tensors_t *file;
    ck_ok(pt_model_save(model, suite_path(name), &as_directory));
    snprintf(path, sizeof path, "%s/model.safetensors", suite_path(name));
    ck_ok(pt__file_tensors_open(model->context, NULL, path, 0, &file));
    pt__tensors_t table = *pt__file_tensors_table(file);
    table.n_pairs = 0;
    ck_ok(pt__safetensors_write(model->context, path, &table, 0));
    pt__file_tensors_close(file);
}

static pt_model_t *make(pt_context_t *context, int32_t mask_token)
{
    pt_model_t *model;
    pt_masked_lm_options_t options;
    ck_ok(pt_model_create_from_config(context, CONFIG, strlen(CONFIG), &model));
    ck_ok(pt_masked_lm_options_init(&options, sizeof options));
    options.mask_token = mask_token;
    ck_ok(pt_model_set_task(model, PT_TASK_MASKED_LM, &options));
    return model;
}

START_TEST(test_mask_token)
{
    static const struct {
        const char *tokenizer, *config;
        int32_t noted, token; /* what the weights say, and what the opened model does */
    } cases[] = {
        {NULL, NULL, -1, -1},
        {TOKENIZER("[MASK]", ""), NULL, -1, 2},
        {TOKENIZER("<mask>", ""), NULL, -1, 2},
        {TOKENIZER("<mask>", ""), "{\"mask_token\": \"a\"}", -1, 3},
        {TOKENIZER("<mask>", ""), "{\"mask_token\": {\"content\": \"[MASK]x\"}}", -1, 4},
        {TOKENIZER("[MASK]", ""), "{\"mask_token\": \"not there\"}", -1, 2},
        {TOKENIZER("[MASK]", ""), "{\"mask_token\": null}", -1, 2},
        {TOKENIZER("[MASK]", ""), NULL, 6, 6},
        {TOKENIZER("none", ""), NULL, -1, -1},
        {TOKENIZER("[MASK]", ", \"c\": 9"), NULL, -1, -1}, /* of another model: it has more tokens */
        {"{\"model\": 3}", NULL, -1, -1},
        {TOKENIZER("[MASK]", ""), "{\"mask_token\": 7}", -1, -1},
    };
    pt_context_t *context = network_context(1, 2);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pt_model_t *opened, *model = make(context, cases[i].noted);
        char name[32], path[64];
        snprintf(name, sizeof name, "case%d", (int)i);
        if (cases[i].noted >= 0)
            ck_ok(pt_model_save(model, suite_path(name), &as_directory));
        else
            write_theirs(model, name);
        snprintf(path, sizeof path, "%s/tokenizer.json", name);
        if (cases[i].tokenizer != NULL)
            suite_write(path, cases[i].tokenizer, strlen(cases[i].tokenizer));
        snprintf(path, sizeof path, "%s/tokenizer_config.json", name);
        if (cases[i].config != NULL)
            suite_write(path, cases[i].config, strlen(cases[i].config));
        ck_ok(pt_model_open(context, suite_path(name), NULL, &opened));
        ck_assert_str_eq(pt_last_error(), "");
        ck_assert_msg(opened->task.masking.mask_token == cases[i].token, "%d: %d", (int)i,
                      (int)opened->task.masking.mask_token);
        ck_assert(opened->task.masking.probability == 0.15 && opened->task.masking.masked == 0.8);
        const int32_t has_kinds = cases[i].noted < 0 && cases[i].token >= 0;
        ck_assert_int_eq(opened->task.outputs, has_kinds ? 9 : 0);
        for (int32_t k = 0; has_kinds && k < 9; k++) {
            const float kind = k < 3 || k > 5 ? PT_TOKEN_SPECIAL : k == 5 ? PT_TOKEN_CONTINUES : 0;
            ck_assert_msg(opened->task.per_output[k] == kind, "%d: token %d", (int)i, (int)k);
        }
        pt_model_free(opened);
        pt_model_free(model);
    }
    pt_context_free(context);
}
END_TEST

/* What is opened so can be trained as it is, and its kinds of tokens are no labels of the configuration that is
 * saved. */
START_TEST(test_evaluated_and_saved)
{
    static const int32_t tokens[] = {1, 3, 5, 4, 1};
    const int64_t length = 5;
    pt_context_t *context = network_context(1, 2);
    pt_model_t *opened, *model = make(context, -1);
    pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
    pt_array_t values = {.name = "tokens",
                         .dtype = PT_INT32,
                         .rank = 1,
                         .shape = {PT_DIM_TOKENS},
                         .elements = 5,
                         .data = (void *)(uintptr_t)tokens,
                         .samples = 1,
                         .lengths = (int64_t *)(uintptr_t)&length};
    pt_dataset_t *dataset;
    char text[1024] = "";
    write_theirs(model, "trained");
    suite_write("trained/tokenizer.json", TOKENIZER("[MASK]", ""), strlen(TOKENIZER("[MASK]", "")));
    ck_ok(pt_model_open(context, suite_path("trained"), NULL, &opened));
    ck_ok(pt_dataset_create_from_arrays(context, &values, 1, sizeof values, 1, 0, &dataset));
    ck_fails(pt_evaluate(model, dataset, 1, &evaluation), PT_ERR_ARGUMENT, "mask_token is not given");
    ck_ok(pt_evaluate(opened, dataset, 1, &evaluation));
    ck_ok(pt_model_save(opened, suite_path("again"), &as_directory));
    FILE *file = fopen(suite_path("again/config.json"), "rb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_gt(fread(text, 1, sizeof text - 1, file), 0);
    fclose(file);
    ck_assert_ptr_nonnull(strstr(text, "BertForMaskedLM"));
    ck_assert_ptr_null(strstr(text, "LABEL"));
    ck_assert_ptr_null(strstr(text, "problem_type"));
    pt_dataset_free(dataset);
    pt_model_free(opened);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

static pt_status_t open_model(failing_allocator_t *allocator, const char *path)
{
    pt_context_options_t options;
    pt_context_t *context = NULL;
    pt_model_t *model = NULL;
    pt_status_t status;
    ck_ok(pt_context_options_init(&options, sizeof options));
    failing_allocator_hooks(allocator, &options);
    options.threads = 1;
    PT__TRY_OUT(pt_context_create(&options, &context));
    PT__TRY_OUT(pt_model_open(context, path, NULL, &model));
    ck_assert_int_eq(model->task.masking.mask_token, 3);
out:
    pt_model_free(model);
    pt_context_free(context);
    return status;
}

START_TEST(test_every_allocation_may_fail)
{
    failing_allocator_t allocator;
    pt_context_t *context = network_context(1, 2);
    pt_model_t *model = make(context, -1);
    char path[512];
    pt_status_t status;
    write_theirs(model, "memory");
    snprintf(path, sizeof path, "%s", suite_path("memory"));
    suite_write("memory/tokenizer.json", TOKENIZER("[MASK]", ""), strlen(TOKENIZER("[MASK]", "")));
    suite_write("memory/tokenizer_config.json", "{\"mask_token\": \"a\"}", 19);
    FOR_EACH_FAILING_ALLOCATION(allocator, status = open_model(&allocator, path), status);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

SUITE("directory_masks", 60, test_mask_token, test_evaluated_and_saved, test_every_allocation_may_fail)
