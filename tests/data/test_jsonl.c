/* JSON lines: every kind of column, order of classes, and a message with line and key for everything that is wrong. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/data.h"
#include "support/samples.h"
#include "support/views.h"

static const pt_column_t columns[4] = {
    {.field = "text", .source = "text", .kind = PT_COLUMN_TEXT, .max_length = 6},
    {.field = "label", .source = "class", .kind = PT_COLUMN_CLASS},
    {.field = "score", .source = "score", .kind = PT_COLUMN_NUMBER, .count = 2},
    {.field = "ids", .source = "ids", .kind = PT_COLUMN_TOKENS, .max_length = 3},
};

static pt_status_t open(pt_context_t *context, const char *text, const pt_column_t *wanted, int32_t n,
                        pt_dataset_t **out)
{
    return pt_dataset_create_from_jsonl(context, suite_write("lines.jsonl", text, strlen(text)), wanted, n,
                                        sizeof(pt_column_t), NULL, out);
}

static void read_one(pt_dataset_t *dataset, int64_t index, const char *field, void *values, int64_t expected)
{
    int64_t elements;
    ck_ok(read_field(dataset, &index, 1, field, values, 16, &elements, NULL));
    ck_assert_int_eq(elements, expected);
}

START_TEST(test_all_kinds)
{
    pt_context_t *context = samples_context();
    pt_dataset_t *dataset, *view;
    int32_t integers[16];
    float floats[16];
    ck_ok(
        open(context,
             "\xEF\xBB\xBF{\"text\": \"ab\\u00e9\\n\", \"class\": \"z\", \"score\": [1, -2.5e0], \"ids\": [5], "
             "\"more\": null}\r\n"
             "\n  \t\n"
             "{\"ids\": [1, 2, 3, -4], \"score\": [0.1, 1e-3], \"class\": \"a b\", \"text\": \"longer than six\"}\n"
             "{\"text\": \"\\ud83d\\ude00\", \"class\": \"z\", \"score\": [7, 8], \"ids\": [2147483647, -2147483648]}",
             columns, 4, &dataset));
    ck_assert_int_eq(pt_dataset_length(dataset), 3);
    read_one(dataset, 0, "text", integers, 5);
    ck_assert_mem_eq(integers, ((int32_t[]){'a', 'b', 0xC3, 0xA9, '\n'}), 20);
    read_one(dataset, 1, "text", integers, 6);
    ck_assert_mem_eq(integers, ((int32_t[]){'l', 'o', 'n', 'g', 'e', 'r'}), 24);
    read_one(dataset, 2, "text", integers, 4);
    ck_assert_mem_eq(integers, ((int32_t[]){0xF0, 0x9F, 0x98, 0x80}), 16);
    read_one(dataset, 0, "label", integers, 1);
    ck_assert_int_eq(integers[0], 1);
    read_one(dataset, 1, "label", integers, 1);
    ck_assert_int_eq(integers[0], 0);
    read_one(dataset, 1, "score", floats, 2);
    ck_assert(floats[0] == 0.1F && floats[1] == 1e-3F);
    read_one(dataset, 1, "ids", integers, 3); /* cut */
    read_one(dataset, 2, "ids", integers, 2);
    ck_assert(integers[0] == INT32_MAX && integers[1] == INT32_MIN);
    ck_ok(pt_dataset_subset(dataset, 1, 2, &view));
    ck_assert_int_eq(pt_dataset_class_count(view, "label"), 2);
    ck_assert_str_eq(pt_dataset_class_name(view, "label", 0), "a b");
    ck_assert_str_eq(pt_dataset_class_name(dataset, "label", 1), "z");
    ck_assert_ptr_null(pt_dataset_class_name(dataset, "label", 2));
    ck_assert_ptr_null(pt_dataset_class_name(dataset, "label", -1));
    ck_assert_int_eq(pt_dataset_class_count(dataset, "text"), 0);
    ck_assert_int_eq(pt_dataset_class_count(dataset, "nothing"), 0);
    pt_dataset_free(dataset);
    pt_dataset_free(view);
    pt_context_free(context);
}
END_TEST

START_TEST(test_classes_are_in_order)
{
    pt_context_t *context = samples_context();
    pt_dataset_t *dataset;
    const char *numbers[] = {"-3", "0", "9", "10", "100"}, *strings[] = {"10", "9", "A", "AB", "B", "a", "\xC3\xA9"};
    ck_ok(open(context,
               "{\"class\":100}\n{\"class\":9}\n{\"class\":-3}\n{\"class\":10}\n{\"class\":0}\n{\"class\":9}\n",
               columns + 1, 1, &dataset));
    ck_assert_int_eq(pt_dataset_class_count(dataset, "label"), 5);
    for (int i = 0; i < 5; i++)
        ck_assert_str_eq(pt_dataset_class_name(dataset, "label", i), numbers[i]);
    int32_t label;
    read_one(dataset, 5, "label", &label, 1);
    ck_assert_int_eq(label, 2);
    pt_dataset_free(dataset);
    ck_ok(open(context,
               "{\"class\":\"a\"}\n{\"class\":\"9\"}\n{\"class\":\"10\"}\n{\"class\":\"\xC3\xA9\"}\n{\"class\":\"AB\"}"
               "\n{\"class\":\"A\"}\n{\"class\":\"B\"}\n",
               columns + 1, 1, &dataset));
    ck_assert_int_eq(pt_dataset_class_count(dataset, "label"), 7);
    for (int i = 0; i < 7; i++)
        ck_assert_str_eq(pt_dataset_class_name(dataset, "label", i), strings[i]);
    pt_dataset_free(dataset);
    enum { MANY = 3000 };
    static char text[MANY * 32];
    size_t length = 0;
    for (int i = 0; i < MANY; i++)
        length += (size_t)sprintf(text + length, "{\"class\": %d}\n", (i * 1009) % MANY - 1000);
    ck_ok(open(context, text, columns + 1, 1, &dataset));
    ck_assert_int_eq(pt_dataset_class_count(dataset, "label"), MANY);
    for (int64_t i = 0; i < MANY; i++) {
        read_one(dataset, i, "label", &label, 1);
        ck_assert_int_eq(label, i * 1009 % MANY);
    }
    pt_dataset_free(dataset);
    pt_context_free(context);
}
END_TEST

/* Sets of classes: rows of 0 and 1, in the order of the classes, whatever the order within a row. */
START_TEST(test_sets_of_classes)
{
    static const pt_column_t sets[] = {{.field = "label", .source = "class", .kind = PT_COLUMN_CLASSES},
                                       {.field = "one", .source = "one", .kind = PT_COLUMN_CLASS}};
    static const struct {
        const char *text, *part;
    } refused[] = {
        {"{\"class\": \"a\"}", "key \"class\": expected an array of strings or whole numbers, found a string"},
        {"{\"class\": [1]}\n{\"class\": [\"a\"]}", "line 2: key \"class\": expected a whole number"},
        {"{\"class\": [1.5]}", "expected a string or a whole number"},
        {"{\"class\": []}\n{\"class\": []}", "no row has a class"},
        {"{}", "no key \"class\""}};
    pt_context_t *context = samples_context();
    pt_dataset_t *dataset, *view;
    float values[16];
    int32_t one;
    ck_ok(open(context,
               "{\"class\": [\"dog\", \"cat\"], \"one\": 7}\n{\"class\": [], \"one\": 8}\n"
               "{\"class\": [\"bee\", \"bee\"], \"one\": 7}",
               sets, 2, &dataset));
    ck_assert_int_eq(pt_dataset_class_count(dataset, "label"), 3);
    ck_assert_str_eq(pt_dataset_class_name(dataset, "label", 2), "dog");
    read_one(dataset, 0, "label", values, 3);
    ck_assert_mem_eq(values, ((float[]){0, 1, 1}), 12);
    read_one(dataset, 1, "label", values, 3);
    ck_assert_mem_eq(values, ((float[]){0, 0, 0}), 12);
    ck_ok(pt_dataset_subset(dataset, 2, 1, &view));
    read_one(view, 0, "label", values, 3);
    ck_assert_mem_eq(values, ((float[]){1, 0, 0}), 12);
    read_one(view, 0, "one", &one, 1);
    ck_assert_int_eq(one, 0);
    pt_dataset_free(view);
    pt_dataset_free(dataset);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        ck_fails(open(context, refused[i].text, sets, 1, &dataset), PT_ERR_FORMAT, refused[i].part);
    ck_fails(pt_dataset_create_from_csv(context, suite_write("a.csv", "class\na\n", 8), sets, 1, sizeof sets[0], NULL,
                                        &dataset),
             PT_ERR_ARGUMENT, "PT_COLUMN_CLASSES is for JSON lines only");
    pt_context_free(context);
}
END_TEST

#define GOOD "{\"text\": \"a\", \"class\": \"b\", \"score\": [1, 2], \"ids\": [1]}\n"

START_TEST(test_messages_name_line_and_key)
{
    static const struct {
        const char *text;
        const char *part;
    } cases[] = {
        {"", "no line with anything"},
        {"\n \n", "no line with anything"},
        {GOOD "[1]\n", "lines.jsonl: line 2: expected an object, found an array"},
        {GOOD GOOD "{\"text\": \"a\"\n", "line 3: JSON: byte "},
        {GOOD "\n{\"text\": \"a\", \"class\": 1}\n",
         "line 3: key \"class\": expected a string like those before it, found a number"},
        {GOOD "{\"text\": 5}", "line 2: key \"text\": expected a string, found a number"},
        {GOOD "{\"text\": \"\", \"class\": \"b\", \"score\": [1, 2], \"ids\": [1]}", "line 2: \"text\" is empty"},
        {GOOD "{\"class\": \"b\"}", "line 2: the object has no key \"text\""},
        {"{\"text\": \"a\", \"class\": 1.5}",
         "line 1: key \"class\": expected a string or a whole number, found another number"},
        {"{\"text\": \"a\", \"class\": true}", "key \"class\""},
        {"{\"text\": \"a\", \"class\": \"\"}", "expected a class, found nothing"},
        {"{\"text\": \"a\", \"class\": \"x\\u0000y\"}", "zero byte"},
        {"{\"text\": \"a\", \"class\": \"b\", \"score\": 1}",
         "key \"score\": expected an array of numbers, found a number"},
        {"{\"text\": \"a\", \"class\": \"b\", \"score\": [1]}", "expected an array of 2 numbers, found 1 elements"},
        {"{\"text\": \"a\", \"class\": \"b\", \"score\": [1, \"2\"]}", "found a string in it"},
        {"{\"text\": \"a\", \"class\": \"b\", \"score\": [1, 1e39]}", "range of float32"},
        {"{\"text\": \"a\", \"class\": \"b\", \"score\": [1, 1e999]}", "range of float32"},
        {"{\"text\": \"a\", \"class\": \"b\", \"score\": [1, NaN]}", "line 1: JSON"},
        {"{\"text\": \"a\", \"class\": \"b\", \"score\": [1, 2], \"ids\": 5}",
         "key \"ids\": expected an array of whole numbers, found a number"},
        {"{\"text\": \"a\", \"class\": \"b\", \"score\": [1, 2], \"ids\": [1.5]}", "found another number in it"},
        {"{\"text\": \"a\", \"class\": \"b\", \"score\": [1, 2], \"ids\": [2147483648]}",
         "range of int32, found 2147483648"},
        {"{\"text\": \"a\", \"class\": \"b\", \"score\": [1, 2], \"ids\": []}", "\"ids\" is empty"},
        {"{\"text\": \"a\", \"text\": \"b\"}", "twice"},
        {"{\"text\": \"a\x80\"}", "UTF-8"},
        {GOOD "{} {}", "line 2"},
    };
    pt_context_t *context = samples_context();
    pt_dataset_t *dataset = (pt_dataset_t *)1;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_fails(open(context, cases[i].text, columns, 4, &dataset), PT_ERR_FORMAT, cases[i].part);
        ck_assert_ptr_null(dataset);
    }
    static char deep[4000];
    memset(deep, '[', sizeof deep - 1);
    ck_fails(open(context, deep, columns, 4, &dataset), PT_ERR_FORMAT, "nesting");
    pt_context_free(context);
}
END_TEST

START_TEST(test_lists_of_keys_and_missing_numbers)
{
    static const char *const keys[2] = {"b", "a"};
    pt_column_t list = {.field = "x", .sources = keys, .kind = PT_COLUMN_NUMBER, .count = 2},
                array = {.field = "y", .source = "y", .kind = PT_COLUMN_NUMBER, .count = 2};
    pt_context_t *context = samples_context();
    pt_dataset_t *dataset;
    float values[2];
    ck_ok(open(context, "{\"a\": 1, \"c\": [], \"b\": 2}\n", &list, 1, &dataset));
    read_one(dataset, 0, "x", values, 2);
    ck_assert(values[0] == 2 && values[1] == 1);
    pt_dataset_free(dataset);
    ck_fails(open(context, "{\"a\": 1, \"b\": 2}\n{\"a\": 1}\n", &list, 1, &dataset), PT_ERR_FORMAT,
             "lines.jsonl: line 2: the object has no key \"b\"");
    ck_fails(open(context, "{\"a\": null, \"b\": 2}\n", &list, 1, &dataset), PT_ERR_FORMAT,
             "line 1: key \"a\": expected a number, found none; PT_COLUMN_FILL");
    ck_fails(open(context, "{\"a\": [1], \"b\": 2}\n", &list, 1, &dataset), PT_ERR_FORMAT,
             "line 1: key \"a\": expected a number, found an array");
    ck_fails(open(context, "{\"y\": [1, null]}\n", &array, 1, &dataset), PT_ERR_FORMAT,
             "line 1: key \"y\": expected a number, found none");
    const pt_column_t text = {.field = "t", .source = "t", .kind = PT_COLUMN_TEXT, .max_length = 4};
    ck_fails(open(context, "{\"t\": null}\n", &text, 1, &dataset), PT_ERR_FORMAT, "expected a string, found null");
    list.flags = array.flags = PT_COLUMN_FILL;
    list.missing = 0.5;
    array.missing = (double)NAN;
    const pt_column_t both[2] = {list, array};
    ck_ok(open(context, "{\"a\": null, \"y\": [7, null]}\n{\"b\": 3, \"y\": null}\n{\"a\": 4, \"b\": 5}\n", both, 2,
               &dataset));
    const float expected[3][4] = {{0.5F, 0.5F, 7, NAN}, {3, 0.5F, NAN, NAN}, {5, 4, NAN, NAN}};
    for (int64_t row = 0; row < 3; row++)
        for (int k = 0; k < 4; k += 2) {
            read_one(dataset, row, k == 0 ? "x" : "y", values, 2);
            for (int i = 0; i < 2; i++)
                ck_assert(isnan(expected[row][k + i]) ? isnan(values[i]) : values[i] == expected[row][k + i]);
        }
    pt_dataset_free(dataset);
    pt_context_free(context);
}
END_TEST

START_TEST(test_wrong_columns)
{
    pt_context_t *context = samples_context();
    pt_dataset_t *dataset;
    pt_column_t column = columns[0];
#define REFUSED(part) ck_fails(open(context, GOOD, &column, 1, &dataset), PT_ERR_ARGUMENT, part)
    column.max_length = 0;
    REFUSED("max_length is 0");
    column.count = 3;
    column.max_length = 4;
    REFUSED("count is 3");
    column = columns[1];
    column.max_length = 4;
    REFUSED("max_length is 4");
    column = columns[2];
    column.count = -1;
    REFUSED("count is -1");
    column.kind = 9;
    REFUSED("9 is no");
    column = columns[0];
    column.field = NULL;
    REFUSED("NULL");
    column.field = "";
    REFUSED("no name");
    column = columns[0];
    column.flags = PT_COLUMN_FILL;
    REFUSED("flags is 0x1, expected 0 or, of a number, PT_COLUMN_FILL");
    column = columns[2];
    column.flags = 2;
    REFUSED("flags is 0x2");
    column.flags = 0;
    column.missing = 1;
    REFUSED("missing is 1, expected 0 without PT_COLUMN_FILL");
    column.flags = PT_COLUMN_FILL;
    column.missing = 1e39;
    REFUSED("missing is 1e+39, expected a number within the range of float32");
    column = columns[2];
    column.sources = (const char *const[]){"a", NULL};
    REFUSED("field \"score\": source is \"score\", expected NULL beside sources");
    column.source = NULL;
    REFUSED("field \"score\": sources[1] is NULL");
    column.count = 0;
    REFUSED("sources is set, which is for PT_COLUMN_NUMBER with a count");
    column.kind = PT_COLUMN_TEXT;
    column.count = 2;
    REFUSED("sources is set");
    ck_fails(open(context, GOOD, columns, 0, &dataset), PT_ERR_ARGUMENT, "0 columns");
    ck_fails(pt_dataset_create_from_jsonl(context, suite_path("none"), columns, 4, sizeof(pt_column_t), NULL, &dataset),
             PT_ERR_NOT_FOUND, "none");
    pt_table_options_t options;
#define OPTIONS_REFUSED(status, part)                                                                             \
    ck_fails(pt_dataset_create_from_jsonl(context, suite_path("none"), columns, 4, sizeof(pt_column_t), &options, \
                                          &dataset),                                                              \
             status, part);                                                                                       \
    ck_ok(pt_table_options_init(&options, sizeof options))
    ck_ok(pt_table_options_init(&options, sizeof options));
    options.flags = PT_TABLE_NO_HEADINGS;
    OPTIONS_REFUSED(PT_ERR_ARGUMENT, "0x4");
    options.separator = ';';
    OPTIONS_REFUSED(PT_ERR_ARGUMENT, "separator and missing are for CSV");
    options.missing = "NA";
    OPTIONS_REFUSED(PT_ERR_ARGUMENT, "separator and missing are for CSV");
    options.reserved = 2;
    OPTIONS_REFUSED(PT_ERR_VERSION, "reserved is 2");
    OPTIONS_REFUSED(PT_ERR_NOT_FOUND, "none");
#undef OPTIONS_REFUSED
    ck_fails(pt_dataset_create_from_jsonl(context, suite_path("none"), NULL, 4, sizeof(pt_column_t), NULL, &dataset),
             PT_ERR_ARGUMENT, "columns is NULL");
#undef REFUSED
    pt_context_free(context);
}
END_TEST

static pt_status_t open_failing(failing_allocator_t *allocator, const char *path)
{
    pt_context_t *context = NULL;
    pt_dataset_t *dataset = NULL;
    pt_status_t status = samples_failing_context(allocator, &context);
    if (status == PT_OK)
        status = pt_dataset_create_from_jsonl(context, path, columns, 4, sizeof(pt_column_t), NULL, &dataset);
    pt_dataset_free(dataset);
    pt_context_free(context);
    return status;
}

START_TEST(test_every_allocation_may_fail)
{
    failing_allocator_t allocator;
    pt_status_t status;
    const char *path = suite_write("good.jsonl", GOOD GOOD, strlen(GOOD GOOD));
    FOR_EACH_FAILING_ALLOCATION(allocator, status = open_failing(&allocator, path), status);
}
END_TEST

SUITE("jsonl", 60, test_all_kinds, test_classes_are_in_order, test_sets_of_classes, test_messages_name_line_and_key,
      test_lists_of_keys_and_missing_numbers, test_wrong_columns, test_every_allocation_may_fail)
