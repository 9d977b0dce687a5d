/* GGUF: a tensor of each type as the reference reads it (tests/golden/make_gguf.py), files made here value by value
 * that must be refused, and what the metadata say as a configuration. */
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "formats/tensors.h"
#include "support/golden.h"
#include "support/suite.h"

/* ---- A file, value by value ---- */

static pt_context_t *context;
static uint8_t made[1 << 14];
static size_t size, pairs, tensors;

static void put(const void *bytes, size_t length)
{
    ck_assert_uint_le(size + length, sizeof made);
    memcpy(made + size, bytes, length);
    size += length;
}

static void put_number(uint64_t number, size_t length)
{
    for (size_t i = 0; i < length; i++)
        put(&(uint8_t){(uint8_t)(number >> (8 * i))}, 1);
}

static void put_string(const char *text)
{
    put_number(strlen(text), 8);
    put(text, strlen(text));
}

static void begin(void)
{
    size = pairs = tensors = 0;
    put("GGUF\x03\0\0\0", 8);
    put_number(0, 8);
    put_number(0, 8);
}

static void put_key(const char *key)
{
    made[16] = (uint8_t)++pairs;
    put_string(key);
}

static void put_text(const char *key, const char *text)
{
    put_key(key);
    put_number(8, 4);
    put_string(text);
}

static void put_integer(const char *key, uint32_t number)
{
    put_key(key);
    put_number(4, 4);
    put_number(number, 4);
}

static void put_real(const char *key, float number)
{
    put_key(key);
    put_number(6, 4);
    put(&number, 4);
}

/* Of two dimensions, the inner one first. */
static void put_tensor(const char *name, uint64_t columns, uint64_t rows, uint32_t type, uint64_t offset)
{
    made[8] = (uint8_t)++tensors;
    put_string(name);
    put_number(2, 4);
    put_number(columns, 8);
    put_number(rows, 8);
    put_number(type, 4);
    put_number(offset, 8);
}

static void put_data(size_t bytes)
{
    while (size % 32 != 0)
        put("", 1);
    for (size_t i = 0; i < bytes; i++)
        put("", 1);
}

static pt_status_t parse(pt__file_tensors_t **out)
{
    uint8_t *exact = malloc(size); /* so that a byte too far is seen */
    ck_assert_ptr_nonnull(exact);
    memcpy(exact, made, size);
    pt_status_t status = pt__file_tensors_parse(context, NULL, "made.gguf", exact, (int64_t)size, out);
    if (status == PT_OK) {
        const pt__tensors_t *table = pt__file_tensors_table(*out);
        for (int64_t i = 0; i < table->n_entries; i++)
            if (table->entries[i].bytes > 0)
                ck_assert_ptr_null(memchr(table->entries[i].data, 1, (size_t)table->entries[i].bytes));
        pt__file_tensors_close(*out);
        *out = NULL;
    }
    free(exact);
    return status;
}

static void refuse(pt_status_t status, const char *part)
{
    pt__file_tensors_t *file;
    ck_fails(parse(&file), status, part);
    ck_assert_ptr_nonnull(strstr(pt_last_error(), "made.gguf"));
}

/* The configuration, or why there is none. */
static void check_config(const char *key, const char *expected)
{
    pt__file_tensors_t *file;
    ck_ok(pt__file_tensors_parse(context, NULL, "made.gguf", made, (int64_t)size, &file));
    const char *found = pt__tensors_value(pt__file_tensors_table(file), key);
    ck_assert_ptr_nonnull(found);
    ck_assert_msg(strstr(found, expected) != NULL, "found %s\nexpected %s", found, expected);
    pt__file_tensors_close(file);
}

/* ---- Tests ---- */

START_TEST(test_each_type)
{
    static const struct {
        const char *name;
        int32_t dtype, columns;
    } types[] = {{"F32", PT_FLOAT32, 5},        {"F16", PT_FLOAT16, 5},        {"BF16", PT_BFLOAT16, 5},
                 {"F64", PT_FLOAT64, 5},        {"I32", PT_INT32, 5},          {"Q8_0", PT__BLOCK_Q8_0, 256},
                 {"Q4_0", PT__BLOCK_Q4_0, 256}, {"Q4_1", PT__BLOCK_Q4_1, 256}, {"Q5_0", PT__BLOCK_Q5_0, 256},
                 {"Q5_1", PT__BLOCK_Q5_1, 256}, {"Q4_K", PT__BLOCK_Q4_K, 256}, {"Q5_K", PT__BLOCK_Q5_K, 256},
                 {"Q6_K", PT__BLOCK_Q6_K, 256}};
    enum { TYPES = sizeof types / sizeof types[0] };
    pt__file_tensors_t *file;
    float expected[256], found[3 * 256];
    ck_ok(pt_context_create(NULL, &context));
    golden_read("tests/golden/gguf.txt");
    ck_ok(pt__file_tensors_open(context, NULL, suite_source("tests/golden/gguf/types.gguf"), 0, &file));
    const pt__tensors_t *table = pt__file_tensors_table(file);
    ck_assert_int_eq(table->n_entries, TYPES);
    for (int i = 0; i < TYPES; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s.tensor", types[i].name);
        const pt__entry_t *entry = pt__tensors_find(table, name);
        ck_assert_ptr_nonnull(entry);
        ck_assert(entry->dtype == types[i].dtype && entry->rank == 2 && entry->shape[0] == 3 &&
                  entry->shape[1] == types[i].columns);
        ck_ok(pt__dtype_convert(name, entry->dtype, entry->data, PT_FLOAT32, found, 3 * entry->shape[1]));
        const int64_t count = golden_floats(types[i].name, expected, 256);
        ck_assert_int_eq(count, (3 * entry->shape[1] + 6) / 7);
        for (int64_t k = 0; k < count; k++)
            ck_assert_msg(found[7 * k] == expected[k], "%s: number %d is %g", name, (int)(7 * k), (double)found[7 * k]);
    }
    ck_assert_str_eq(pt__tensors_value(table, PT__CONFIG_FILE), "{\"model_type\": \"mine\"}");
    pt__file_tensors_close(file);
    pt_context_free(context);
}
END_TEST

START_TEST(test_refusals)
{
    pt__file_tensors_t *file;
    ck_ok(pt_context_create(NULL, &context));
    begin();
    put_tensor("a", 4, 2, 0, 0);
    put_tensor("b", 32, 2, 3, 32);
    put_data(32 + 40);
    ck_ok(parse(&file));
    size--;
    refuse(PT_ERR_FORMAT, "tensor \"b\": 40 bytes from 32 on, but the file has 71 bytes of data");
    size = 30;
    refuse(PT_ERR_FORMAT, "2 tensors, more than 6 bytes describe");
    size = 23;
    refuse(PT_ERR_FORMAT, "23 bytes, expected a header of 24");
    begin();
    put_tensor("a", 4, 2, 0, 0);
    put_tensor("b", 4, 1, 0, 32);
    put_tensor("a", 4, 1, 0, 64);
    put_data(80);
    refuse(PT_ERR_FORMAT, "tensor \"a\" is there twice");
    begin();
    put_tensor("a", 9, 1, 0, 0);
    put_tensor("b", 4, 1, 0, 32);
    put_data(80);
    refuse(PT_ERR_FORMAT, "tensors \"a\" and \"b\" overlap");
    begin();
    put_tensor("a", 4, 1, 0, 4);
    put_data(80);
    refuse(PT_ERR_FORMAT, "tensor \"a\": it begins at 4, expected a multiple of 32");
    begin();
    put_tensor("a", 4, 1, 0, UINT64_MAX - 31);
    put_data(80);
    refuse(PT_ERR_FORMAT, "tensor \"a\": 16 bytes from 18446744073709551584 on, but the file has 80 bytes of data");
    begin();
    put_tensor("a", 1ull << 40, 1ull << 40, 0, 0);
    refuse(PT_ERR_FORMAT, "tensor \"a\": shape: its shape: the shape has more elements than 64 bits can count");
    begin();
    put_tensor("a", 1ull << 61, 1, 0, 0);
    refuse(PT_ERR_FORMAT, "tensor \"a\": more bytes than 63 bits count");
    begin();
    put_tensor("a", UINT64_MAX, 1, 0, 0);
    refuse(PT_ERR_FORMAT, "tensor \"a\": size 0 is 18446744073709551615, more than 63 bits hold");
    begin();
    put_tensor("a", 48, 1, 3, 0);
    refuse(PT_ERR_FORMAT, "tensor \"a\": rows of 48 numbers, expected whole blocks of 32 (q4_1)");
    begin();
    put_tensor("a", 256, 1, 10, 0);
    refuse(PT_ERR_UNSUPPORTED, "tensor \"a\": of type Q2_K, which is not known here, expected F32, F16");
    begin();
    put_tensor("a", 256, 1, 77, 0);
    refuse(PT_ERR_UNSUPPORTED, "tensor \"a\": of type 77, expected F32, F16");
    begin();
    put_tensor("a", 4, 1, 0, 0);
    made[size - 33] = 0;
    put_data(80);
    refuse(PT_ERR_FORMAT, "a tensor's name has a byte 0 in it");
    begin();
    made[15] = 0x7f; /* so many tensors */
    refuse(PT_ERR_FORMAT, "9151314442816847872 tensors, more than 0 bytes describe");
    begin();
    made[4] = 4;
    refuse(PT_ERR_UNSUPPORTED, "GGUF of version 4, expected 2 or 3");
    pt_context_free(context);
}
END_TEST

START_TEST(test_refusals_of_metadata)
{
    pt__file_tensors_t *file;
    ck_ok(pt_context_create(NULL, &context));
    begin();
    put_integer("general.alignment", 24);
    refuse(PT_ERR_FORMAT, "general.alignment is 24, expected a power of two");
    begin();
    put_integer("general.alignment", 64);
    put_tensor("a", 4, 1, 0, 64);
    put_data(0);
    while (size % 64 != 0)
        put("", 1);
    put_data(64 + 16);
    ck_ok(parse(&file));
    begin();
    put_key("x");
    put_number(13, 4);
    put_number(0, 8);
    refuse(PT_ERR_FORMAT, "a value of kind 13, expected 0 to 12");
    begin();
    put_key("x"); /* arrays in arrays: one of two, of three bytes and of none */
    put_number(9, 4);
    put_number(9, 4);
    put_number(2, 8);
    put_number(0, 4);
    put_number(3, 8);
    put("abc", 3);
    put_number(8, 4);
    put_number(0, 8);
    ck_ok(parse(&file));
    begin();
    put_key("x");
    for (int i = 0; i < 8; i++) {
        put_number(9, 4);
        put_number(1, i == 0 ? 0 : 8);
    }
    refuse(PT_ERR_FORMAT, "arrays in at most 4 others");
    begin();
    put_key("x");
    put_number(9, 4);
    put_number(5, 4);
    put_number(1ull << 62, 8);
    refuse(PT_ERR_FORMAT, "an array takes 4611686018427387904 bytes, and 0 are left");
    pt_context_free(context);
}
END_TEST

static void put_llama(void)
{
    begin();
    put_text("general.architecture", "llama");
    put_integer("llama.block_count", 2);
    put_integer("llama.context_length", 512);
    put_integer("llama.embedding_length", 64);
    put_integer("llama.feed_forward_length", 96);
    put_integer("llama.attention.head_count", 4);
}

START_TEST(test_configurations)
{
    ck_ok(pt_context_create(NULL, &context));
    put_llama();
    put_integer("llama.attention.head_count_kv", 2);
    put_real("llama.attention.layer_norm_rms_epsilon", 0.5f);
    put_integer("llama.expert_count", 0);
    check_config(PT__CONFIG_FILE,
                 "{\"model_type\": \"llama\", \"architectures\": [\"LlamaForCausalLM\"], \"num_hidden_layers\": 2, "
                 "\"max_position_embeddings\": 512, \"hidden_size\": 64, \"intermediate_size\": 96, "
                 "\"num_attention_heads\": 4, \"num_key_value_heads\": 2, \"rms_norm_eps\": 0.5, "
                 "\"rope_interleaved\": true, \"tie_word_embeddings\": true, \"attention_bias\": false, \"mlp_bias\": "
                 "false}");
    put_llama();
    put_text("llama.rope.scaling.type", "yarn");
    put_real("llama.rope.scaling.factor", 4);
    put_integer("llama.rope.scaling.original_context_length", 128);
    check_config(PT__CONFIG_FILE, "\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 4, "
                                  "\"original_max_position_embeddings\": 128}");
    put_llama();
    put_integer("llama.attention.sliding_window", 100);
    check_config(PT__CONFIG_FILE, "\"model_type\": \"mistral\"");
    put_llama();
    put_text("llama.rope.scaling.type", "longrope");
    check_config(PT__CONFIG_REFUSED, "\"llama.rope.scaling.type\" is \"longrope\", expected none, linear or yarn");
    put_llama();
    put_integer("llama.expert_count", 8);
    check_config(PT__CONFIG_REFUSED, "\"llama.expert_count\" is 8, which is not known here");
    put_llama();
    put_text("llama.more", "x");
    check_config(PT__CONFIG_REFUSED, "\"llama.more\" is set, which is not known here");
    put_llama();
    put_integer("llama.rope.dimension_count", 8);
    check_config(PT__CONFIG_REFUSED, "\"llama.rope.dimension_count\" is 8, expected 16, the width of a head's keys");
    begin();
    check_config(PT__CONFIG_REFUSED, "no \"general.architecture\" in its metadata");
    begin();
    put_text("general.architecture", "mamba");
    put_integer("mamba.ssm.state_size", 16);
    check_config(PT__CONFIG_FILE, "{\"model_type\": \"mamba\"}");
    pt_context_free(context);
}
END_TEST

/* Llama 3.1's factors, of 4 planes with the base 10000: turns in 8192 positions 1303.8, 130.4, 13.04, 1.304. */
static void put_factors(float last)
{
    const float factors[4] = {1, 1, 1, last};
    put_llama();
    made[8] = (uint8_t)++tensors;
    put_string("rope_freqs.weight");
    put_number(1, 4);
    put_number(4, 8);
    put_number(0, 4);
    put_number(0, 8);
    put_data(0);
    put(factors, sizeof factors);
}

START_TEST(test_factors_of_frequencies)
{
    ck_ok(pt_context_create(NULL, &context));
    put_factors(1.5f); /* other than Llama 3.1's */
    check_config(PT__CONFIG_FILE, "\"rope_scaling\": {\"rope_type\": \"longrope\", \"factor\": 1.0, "
                                  "\"attention_factor\": 1.0, \"short_factor\": [1, 1, 1, 1.5], \"long_factor\": "
                                  "[1, 1, 1, 1.5]}");
    put_factors(0);
    refuse(PT_ERR_FORMAT, "tensor \"rope_freqs.weight\": factor 3 is 0, expected a finite one above 0");
    put_factors(1);
    check_config(PT__CONFIG_FILE, "\"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 1,");
    pt_context_free(context);
}
END_TEST

SUITE("gguf", 60, test_each_type, test_refusals, test_refusals_of_metadata, test_configurations,
      test_factors_of_frequencies)
