/* The JSON reader: what is valid, what is not and where, hostile input, typed getters with paths. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/random.h"
#include "base/text.h"
#include "support/failing_allocator.h"
#include "support/suite.h"

static pt__memory_t memory;
static pt__json_document_t *document;

static pt_status_t parse_bytes(const char *text, int64_t length, const pt__json_t **root)
{
    pt__memory_init(&memory, NULL, NULL, NULL);
    return pt__json_parse(&memory, "test.json", text, length, &document, root);
}

static const pt__json_t *parse(const char *text)
{
    const pt__json_t *root;
    ck_ok(parse_bytes(text, (int64_t)strlen(text), &root));
    return root;
}

static void done(void)
{
    pt__json_free(document);
    ck_assert_int_eq(atomic_load(&memory.bytes), 0);
}

START_TEST(test_values)
{
    const pt__json_t *root = parse(" {\"a\": [1, -2.5e1, true, false, null, \"x\"], \"b\": {}, \"c\": []}\n");
    ck_assert_int_eq(root->kind, PT__JSON_OBJECT);
    ck_assert_int_eq(root->length, 3);
    const pt__json_t *a = pt__json_find(root, "a"), *item = a->first;
    ck_assert_int_eq(a->length, 6);
    ck_assert(item->kind == PT__JSON_NUMBER && item->is_integer && item->integer == 1 && item->number == 1);
    item = item->next;
    ck_assert(item->kind == PT__JSON_NUMBER && !item->is_integer && item->number == -25);
    item = item->next;
    ck_assert(item->kind == PT__JSON_BOOL && item->integer == 1);
    item = item->next;
    ck_assert(item->kind == PT__JSON_BOOL && item->integer == 0);
    item = item->next;
    ck_assert(item->kind == PT__JSON_NULL);
    item = item->next;
    ck_assert(item->kind == PT__JSON_STRING && strcmp(item->string, "x") == 0 && !item->next);
    ck_assert_int_eq(pt__json_find(root, "b")->kind, PT__JSON_OBJECT);
    ck_assert_int_eq(pt__json_find(root, "c")->length, 0);
    ck_assert_ptr_null(pt__json_find(root, "d"));
    ck_assert_ptr_null(pt__json_find(a, "d"));
    ck_assert_ptr_null(pt__json_find(NULL, "d"));
    done();
    pt__json_free(NULL);
}
END_TEST

/* Printed and read again it prints the same. */
START_TEST(test_print)
{
    static const char *const cases[][2] = {
        {" {\"a\":[1,-2.5e1,0.1,true,false,null],\"b\":{\"c\":{},\"d\":[]},\"\\u0000\\n\":\"\\\"\\u00e4\"}",
         "{\"a\": [1, -25, 0.1, true, false, null], \"b\": {\"c\": {}, \"d\": []}, \"\\u0000\\n\": \"\\\"\xc3\xa4\"}"},
        {"[9223372036854775807,-9223372036854775808,1e999,-1e999]",
         "[9223372036854775807, -9223372036854775808, 1e999, -1e999]"},
        {"\"x\"", "\"x\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int again = 0; again < 2; again++) {
            char *printed;
            const pt__json_t *root = parse(cases[i][again]);
            pt__text_t text = pt__text_start(&memory);
            pt__json_print(root, &text);
            ck_ok(pt__text_take(&text, &printed, NULL));
            ck_assert_str_eq(printed, cases[i][1]);
            pt__release(&memory, printed);
            done();
        }
}
END_TEST

START_TEST(test_printed_strings)
{
    static const struct {
        const char *bytes;
        int64_t length;
        const char *expected;
    } cases[] = {
        {"", 0, "\"\""},
        {"plain", 5, "\"plain\""},
        {"a\"b\\c/d", 7, "\"a\\\"b\\\\c/d\""},
        {"\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\""},
        {"\0\x01\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\x7f\""},
        {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", 9, "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\""},
        {"a\xFFz", 3, "\"a\xEF\xBF\xBDz\""},
        {"\xED\xA0\x80", 3, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""}, /* a surrogate */
        {"\xC3", 1, "\"\xEF\xBF\xBD\""},                                 /* cut short */
    };
    pt__memory_init(&memory, NULL, NULL, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pt__text_t text = pt__text_start(&memory);
        pt__json_add_string(&text, cases[i].bytes, cases[i].length);
        ck_assert_str_eq(text.data, cases[i].expected);
        pt__text_free(&text);
    }
}
END_TEST

START_TEST(test_printed_numbers)
{
    pt__memory_init(&memory, NULL, NULL, NULL);
    pt__text_t text = pt__text_start(&memory);
    pt__json_add_number(&text, 0.5);
    pt__json_add_number(&text, (double)NAN);
    pt__json_add_number(&text, (double)INFINITY);
    pt__json_add_number(&text, 100000);
    ck_assert_str_eq(text.data, "0.5nullnull100000");
    pt__text_free(&text);
    ck_assert_int_eq(atomic_load(&memory.bytes), 0);
}
END_TEST

START_TEST(test_numbers_are_exact)
{
    const pt__json_t *item =
        parse("[9223372036854775807,-9223372036854775808,9223372036854775808,1e400,-0,0.1]")->first;
    ck_assert(item->is_integer && item->integer == INT64_MAX);
    item = item->next;
    ck_assert(item->is_integer && item->integer == INT64_MIN);
    item = item->next;
    ck_assert(!item->is_integer && item->number == 0x1p63);
    item = item->next;
    ck_assert(!item->is_integer && isinf(item->number));
    item = item->next;
    ck_assert(item->is_integer && item->integer == 0 && signbit(item->number));
    item = item->next;
    ck_assert(item->number == 0.1);
    done();
}
END_TEST

START_TEST(test_strings)
{
    const pt__json_t *item = parse("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\", \"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\", "
                                   "\"a\\u0000b\", \"\xE2\x82\xAC\"]")
                                 ->first;
    ck_assert_str_eq(item->string, "\"\\/\b\f\n\r\t");
    item = item->next;
    ck_assert_str_eq(item->string, "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
    item = item->next;
    ck_assert(item->length == 3 && memcmp(item->string, "a\0b", 4) == 0);
    item = item->next;
    ck_assert_str_eq(item->string, "\xE2\x82\xAC");
    done();
}
END_TEST

START_TEST(test_many_keys_are_found)
{
    static char text[400000];
    size_t length = 0;
    text[length++] = '{';
    for (int i = 0; i < 20000; i++)
        length += (size_t)sprintf(text + length, "%s\"k%d\":%d", i ? "," : "", i * 7919 % 20000, i);
    strcpy(text + length, "}");
    const pt__json_t *root = parse(text);
    for (int i = 0; i < 20000; i++) {
        char key[16];
        sprintf(key, "k%d", i * 7919 % 20000);
        ck_assert_int_eq(pt__json_find(root, key)->integer, i);
    }
    ck_assert_ptr_null(pt__json_find(root, "k20000"));
    ck_assert_ptr_null(pt__json_find(root, ""));
    done();
}
END_TEST

START_TEST(test_errors_name_the_byte)
{
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"", "byte 0: expected a value, found the end"},
        {"  ", "byte 2: expected a value"},
        {"[1,]", "byte 3: expected a value, found ']'"},
        {"[1 2]", "byte 3: expected ',' or ']', found '2'"},
        {"[1", "byte 2: expected ',' or ']', found the end"},
        {"{\"a\":1,}", "byte 7: expected '\"' before a key, found '}'"},
        {"{\"a\" 1}", "byte 5: expected ':' after a key, found '1'"},
        {"{a:1}", "byte 1: expected '\"' before a key"},
        {"{\"a\":1 \"b\":2}", "byte 7: expected ',' or '}'"},
        {"1 2", "byte 2: expected nothing after the value"},
        {"01", "byte 1: expected nothing after the value"},
        {"-", "byte 1: expected a digit"},
        {"1.", "byte 2: expected a digit"},
        {".5", "byte 0: expected a value"},
        {"+1", "byte 0: expected a value"},
        {"1e", "byte 2: expected a digit"},
        {"tru", "byte 0: expected a value"},
        {"NaN", "byte 0: expected a value"},
        {"'a'", "byte 0: expected a value"},
        {"\"abc", "byte 4: expected '\"' at the end of a string"},
        {"\"abc\\", "expected '\"' at the end of a string"},
        {"\"a\nb\"", "byte 2: expected no bare control character in a string, found byte 0x0A"},
        {"\"\\x\"", "byte 2: expected one of"},
        {"\"\\u12g4\"", "byte 3: expected four hexadecimal digits"},
        {"\"\\ud800\"", "low surrogate of a pair"},
        {"\"\\ud800\\u0041\"", "low surrogate of a pair"},
        {"\"\\udc00\"", "low surrogate alone"},
        {"\"\xFF\"", "byte 1: expected UTF-8, found byte 0xFF"},
        {"\"\xC0\x80\"", "expected UTF-8"},
        {"\xEF\xBB\xBF{}", "byte 0: expected a value, found byte 0xEF"},
        {"{\"a\":1,\"a\":2}", "the key \"a\" twice"},
        {"{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"b\":2}", "the key \"b\" twice"},
        {"{\"\\u0061\":1,\"a\":2}", "twice"},
        {"[1]]", "byte 3: expected nothing after"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const pt__json_t *root = (const pt__json_t *)1;
        ck_fails(parse_bytes(cases[i].text, (int64_t)strlen(cases[i].text), &root), PT_ERR_FORMAT, cases[i].part);
        ck_assert(strncmp(pt__error_message(), "test.json: ", 11) == 0);
        ck_assert(root == NULL && document == NULL);
        ck_assert_int_eq(atomic_load(&memory.bytes), 0);
    }
    const pt__json_t *root;
    ck_fails(parse_bytes("[1,\0]", 5, &root), PT_ERR_FORMAT, "byte 3: expected a value, found byte 0x00");
    ck_fails(parse_bytes("1\0", 2, &root), PT_ERR_FORMAT, "byte 1: expected nothing");
}
END_TEST

START_TEST(test_depth_is_limited)
{
    static char text[200001];
    const pt__json_t *root;
    memset(text, '[', 100000);
    memset(text + 100000, ']', 100000);
    ck_fails(parse_bytes(text, 200000, &root), PT_ERR_FORMAT, "128 levels");
    ck_fails(parse_bytes(text, 100000, &root), PT_ERR_FORMAT, "128 levels");
    ck_ok(parse_bytes(text + 100000 - 128, 256, &root));
    done();
    ck_fails(parse_bytes(text + 100000 - 129, 258, &root), PT_ERR_FORMAT, "byte 128: expected at most 128");
}
END_TEST

static const char sample[] =
    "{\"a\":[1,2.5,{\"b\":\"x\\u00e9\\ud83d\\ude00\\n\"},[],{}],\"c\":true,\"d\":null,\"e\":-1e-3,\"f\":\"\xC3\xA9\","
    "\"g\":1,\"h\":2,\"i\":3,\"j\":{\"k\":[[[0]]]}}";

/* Cut anywhere, any byte changed, and random edits: an answer, never a crash (run under ASan and UBSan too). */
START_TEST(test_damaged_input)
{
    int64_t length = (int64_t)strlen(sample);
    const pt__json_t *root;
    pt__random_t random = pt__random_start(5);
    for (int64_t cut = 0; cut < length; cut++) {
        char *copy = malloc((size_t)cut ? (size_t)cut : 1); /* exactly as long, so that reading behind it shows */
        memcpy(copy, sample, (size_t)cut);
        ck_assert_int_eq(parse_bytes(copy, cut, &root), PT_ERR_FORMAT);
        free(copy);
    }
    for (int round = 0; round < 60000; round++) {
        char *copy = malloc((size_t)length);
        memcpy(copy, sample, (size_t)length);
        for (int edits = 1 + (int)pt__random_below(&random, 3); edits > 0; edits--)
            copy[pt__random_below(&random, length)] = pt__random_below(&random, 2)
                                                          ? (char)pt__random_u32(&random)
                                                          : "[]{}\",:\\u0e-."[pt__random_below(&random, 13)];
        pt_status_t status = parse_bytes(copy, length, &root);
        ck_assert(status == PT_OK || status == PT_ERR_FORMAT);
        done();
        free(copy);
    }
}
END_TEST

START_TEST(test_failing_allocations)
{
    failing_allocator_t allocator;
    pt_status_t status;
    static char text[40000];
    size_t length = 0;
    text[length++] = '[';
    for (int i = 0; i < 100; i++)
        length += (size_t)sprintf(text + length, "%s%s", i ? "," : "", sample);
    text[length++] = ']';
    FOR_EACH_FAILING_ALLOCATION(allocator, {
        const pt__json_t *root;
        failing_allocator_memory(&allocator, &memory);
        status = pt__json_parse(&memory, "test.json", text, (int64_t)length, &document, &root);
        ck_assert((status == PT_OK) == (document != NULL));
        pt__json_free(document);
    }, status);
}
END_TEST

START_TEST(test_getters)
{
    const pt__json_t *root = parse("{\"size\": 12, \"rate\": 1e-3, \"whole\": 2.0, \"half\": 0.5, \"huge\": 1e300, "
                                   "\"on\": true, \"name\": \"gpt2\","
                                   " \"nothing\": null, \"list\": [1, {\"deep\": \"x\"}], \"rope\": {\"factor\": "
                                   "\"two\"}, \"zero\": \"a\\u0000b\"}");
    const pt__json_t *list, *rope;
    const char *string = "unset";
    int64_t integer = -1;
    double number = -1;
    int32_t on = 0;
    ck_ok(pt__json_get_integer(root, "size", PT__JSON_REQUIRED, 1, 12, &integer));
    ck_assert_int_eq(integer, 12);
    ck_ok(pt__json_get_integer(root, "whole", PT__JSON_REQUIRED, 0, 10, &integer));
    ck_assert_int_eq(integer, 2);
    ck_ok(pt__json_get_integer(root, "missing", PT__JSON_OPTIONAL, 0, 10, &integer));
    ck_ok(pt__json_get_integer(root, "nothing", PT__JSON_OPTIONAL, 0, 10, &integer));
    ck_assert_int_eq(integer, 2);
    ck_ok(pt__json_get_number(root, "size", PT__JSON_REQUIRED, 0, 100, &number));
    ck_assert(number == 12);
    ck_ok(pt__json_get_bool(root, "on", PT__JSON_REQUIRED, &on));
    ck_assert_int_eq(on, 1);
    ck_ok(pt__json_get_string(root, "name", PT__JSON_REQUIRED, &string));
    ck_assert_str_eq(string, "gpt2");
    ck_ok(pt__json_get_array(root, "list", PT__JSON_REQUIRED, &list));
    ck_ok(pt__json_get_object(root, "rope", PT__JSON_REQUIRED, &rope));
    ck_fails(pt__json_get_integer(root, "size", PT__JSON_REQUIRED, 13, 20, &integer), PT_ERR_FORMAT,
             "size: expected a whole number from 13 to 20, found 12");
    ck_fails(pt__json_get_integer(root, "half", PT__JSON_REQUIRED, 0, 20, &integer), PT_ERR_FORMAT,
             "half: expected a whole number");
    ck_fails(pt__json_get_integer(root, "huge", PT__JSON_REQUIRED, 0, 20, &integer), PT_ERR_FORMAT,
             "huge: expected a whole number");
    ck_fails(pt__json_get_integer(root, "name", PT__JSON_REQUIRED, 0, 20, &integer), PT_ERR_FORMAT,
             "name: expected a number, found a string");
    ck_fails(pt__json_get_number(root, "rate", PT__JSON_REQUIRED, 0.5, 1, &number), PT_ERR_FORMAT,
             "rate: expected a number from 0.5 to 1");
    ck_fails(pt__json_get_string(root, "missing", PT__JSON_REQUIRED, &string), PT_ERR_NOT_FOUND,
             "\"missing\" is missing");
    ck_fails(pt__json_get_string(root, "nothing", PT__JSON_REQUIRED, &string), PT_ERR_NOT_FOUND, "\"nothing\" is null");
    ck_fails(pt__json_get_string(root, "zero", PT__JSON_REQUIRED, &string), PT_ERR_FORMAT, "zero: ");
    ck_fails(pt__json_get_number(rope, "factor", PT__JSON_REQUIRED, 0, 1, &number), PT_ERR_FORMAT,
             "rope.factor: expected a number, found a string");
    ck_fails(pt__json_get_bool(list->first->next, "deep", PT__JSON_REQUIRED, &on), PT_ERR_FORMAT,
             "list[1].deep: expected true or false");
    ck_fails(pt__json_get_bool(list->first, "deep", PT__JSON_REQUIRED, &on), PT_ERR_FORMAT,
             "list[0]: expected an object");
    ck_assert_str_eq(string, "gpt2");
    done();
}
END_TEST

SUITE("json", 120, test_print, test_printed_strings, test_printed_numbers, test_values, test_numbers_are_exact,
      test_strings, test_many_keys_are_found, test_errors_name_the_byte, test_depth_is_limited, test_damaged_input,
      test_failing_allocations, test_getters)
