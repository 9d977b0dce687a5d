/* Networks of usual sizes by name: what they are, that given keys go first, that the whole configuration is kept, and
 * what is refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/failing_allocator.h"
#include "support/suite.h"

static pt_context_t *context;

static pt_status_t make(const char *json, pt_model_t **model)
{
    return pt_model_create_from_config(context, json, strlen(json), model);
}

/* Numbers in all parameters. */
static int64_t size_of(const pt_model_t *model)
{
    int64_t all = 0;
    for (int64_t i = 0; i < pt_model_parameter_count(model); i++) {
        pt_parameter_info_t info = {.struct_size = sizeof info};
        int64_t elements = 1;
        ck_ok(pt_model_parameter_info(model, i, &info));
        for (int32_t k = 0; k < info.rank; k++)
            elements *= info.shape[k];
        all += elements;
    }
    return all;
}

/* Of a layer of a GPT-2 or BERT: two norms, and products with biases: 4 of width by width, 2 of width by 4 widths. */
static int64_t layer_size(int64_t width)
{
    return 4 * width + 4 * (width * width + width) + 8 * width * width + 5 * width;
}

START_TEST(test_sizes)
{
    static const struct {
        const char *name;
        int64_t width, layers;
    } sizes[] = {{"tiny", 128, 2}, {"mini", 256, 4}, {"small", 512, 4}, {"medium", 512, 8}};
    ck_ok(pt_context_create(NULL, &context));
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const int64_t width = sizes[i].width, layers = sizes[i].layers;
        char json[128];
        pt_model_t *model;
        snprintf(json, sizeof json, "{\"vocab_size\": 10, \"preset\": \"gpt2-%s\", \"n_positions\": 8}", sizes[i].name);
        ck_ok(make(json, &model));
        ck_assert_int_eq(size_of(model), (10 + 8 + 2) * width + layers * layer_size(width));
        pt_model_free(model);
        snprintf(json, sizeof json, "{\"preset\": \"bert-%s\", \"vocab_size\": 10, \"max_position_embeddings\": 8}",
                 sizes[i].name);
        ck_ok(make(json, &model));
        ck_assert_int_eq(size_of(model), (10 + 8 + 2 + 2) * width + layers * layer_size(width));
        pt_model_free(model);
        snprintf(json, sizeof json, "{\"preset\": \"llama-%s\", \"vocab_size\": 10, \"tie_word_embeddings\": true}",
                 sizes[i].name);
        ck_ok(make(json, &model));
        /* keys and values have half the heads; three products with the inner rows, and no biases */
        const int64_t inner = width == 128 ? 384 : width == 256 ? 704 : 1408;
        ck_assert_int_eq(size_of(model),
                         (10 + 1) * width + layers * (2 * width + 3 * width * width + 3 * width * inner));
        pt_model_free(model);
    }
    pt_context_free(context);
}
END_TEST

/* What is kept has the preset's keys, those that are given in their place, and no name of a preset. */
START_TEST(test_what_is_kept)
{
    static const char given[] = "{\"preset\": \"bert-tiny\", \"num_hidden_layers\": 1, \"vocab_size\": 9, "
                                "\"model_type\": \"bert\", \"unknown\": {\"a\": [1, null]}}";
    char config[512];
    size_t length;
    pt_model_t *model, *again;
    ck_ok(pt_context_create(NULL, &context));
    ck_ok(make(given, &model));
    ck_ok(pt_model_describe(model, PT_DESCRIBE_CONFIG, config, sizeof config, &length));
    ck_assert_str_eq(config, "{\"hidden_size\": 128, \"num_attention_heads\": 2, \"intermediate_size\": 512, "
                             "\"max_position_embeddings\": 512, "
                             "\"num_hidden_layers\": 1, \"vocab_size\": 9, \"model_type\": \"bert\", "
                             "\"unknown\": {\"a\": [1, null]}}");
    ck_ok(make(config, &again));
    ck_assert_int_eq(size_of(model), size_of(again));
    pt_model_free(again);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

START_TEST(test_refusals)
{
    static const struct {
        const char *json;
        pt_status_t status;
        const char *part;
    } cases[] = {
        {"{\"preset\": \"bert-huge\"}", PT_ERR_UNSUPPORTED, "\"bert-huge\", expected bert, gpt2 or llama with -tiny"},
        {"{\"preset\": \"bert\"}", PT_ERR_UNSUPPORTED, "preset"},
        {"{\"preset\": 3}", PT_ERR_FORMAT, "preset"},
        {"{\"preset\": \"gpt2-tiny\", \"model_type\": \"bert\"}", PT_ERR_FORMAT, "model_type: expected \"gpt2\""},
        {"{\"preset\": \"gpt2-tiny\", \"model_type\": 1}", PT_ERR_FORMAT, "model_type"},
        {"{\"preset\": \"gpt2-tiny\", \"n_head\": 3}", PT_ERR_FORMAT, "a multiple of n_head"},
    };
    ck_ok(pt_context_create(NULL, &context));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pt_model_t *model;
        ck_fails(make(cases[i].json, &model), cases[i].status, cases[i].part);
        ck_assert_ptr_null(model);
    }
    pt_context_free(context);
}
END_TEST

START_TEST(test_every_allocation_may_fail)
{
    failing_allocator_t allocator;
    pt_context_options_t options;
    pt_status_t status;
    ck_ok(pt_context_options_init(&options, sizeof options));
    options.threads = 1;
    failing_allocator_hooks(&allocator, &options);
    FOR_EACH_FAILING_ALLOCATION(allocator, {
        pt_model_t *model = NULL;
        status = pt_context_create(&options, &context);
        if (status == PT_OK) {
            status = make("{\"preset\": \"llama-tiny\", \"vocab_size\": 3, \"num_hidden_layers\": 1}", &model);
            pt_model_free(model);
            pt_context_free(context);
        }
    }, status);
}
END_TEST

SUITE("presets", 60, test_sizes, test_what_is_kept, test_refusals, test_every_allocation_may_fail)
