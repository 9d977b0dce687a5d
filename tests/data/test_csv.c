/* CSV: quoting, line ends, headings, numbers in any locale, classes, and a message with line and column for
 * everything that is wrong. */
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/data.h"
#include "support/samples.h"
#include "support/views.h"

static const pt_column_t columns[3] = {
    {.field = "text", .source = "text", .kind = PT_COLUMN_TEXT, .max_length = 40},
    {.field = "label", .source = "label", .kind = PT_COLUMN_CLASS},
    {.field = "x", .source = "x1", .kind = PT_COLUMN_NUMBER, .count = 2},
};

static const pt_table_options_t no_headings = {.struct_size = sizeof no_headings, .flags = PT_TABLE_NO_HEADINGS};

static pt_status_t open(pt_context_t *context, const char *text, const pt_column_t *wanted, int32_t n,
                        const pt_table_options_t *options, pt_dataset_t **out)
{
    return pt_dataset_create_from_csv(context, suite_write("table.csv", text, strlen(text)), wanted, n,
                                      sizeof(pt_column_t), options, out);
}

static void expect_text(pt_dataset_t *dataset, int64_t index, const char *expected)
{
    int32_t values[64];
    int64_t elements;
    ck_ok(read_field(dataset, &index, 1, "text", values, 64, &elements, NULL));
    ck_assert_int_eq(elements, (int64_t)strlen(expected));
    for (int64_t i = 0; i < elements; i++)
        ck_assert_int_eq(values[i], (unsigned char)expected[i]);
}

static float number(pt_dataset_t *dataset, int64_t index, int k)
{
    float values[2];
    int64_t elements;
    ck_ok(read_field(dataset, &index, 1, "x", values, 2, &elements, NULL));
    return values[k];
}

static int32_t label(pt_dataset_t *dataset, int64_t index)
{
    int32_t value;
    int64_t elements;
    ck_ok(read_field(dataset, &index, 1, "label", &value, 1, &elements, NULL));
    return value;
}

START_TEST(test_quoting_and_line_ends)
{
    pt_context_t *context = samples_context();
    pt_dataset_t *dataset;
    ck_ok(open(context,
               "\xEF\xBB\xBFlabel,\"text\",x1,\"x,2\"\r\n"
               "b,plain,1,2\r\n"
               "\"a\",\"with, comma\", 3.5 ,\"-4e-1\"\n"
               "b,\"two\r\nlines \"\"quoted\"\"\",5,6\n"
               "c,5'11\" tall,7,8\r\n"
               "b,\"\"\"\",.5,+2\n"
               "a, blanks ,0,0\n\r\n\n",
               columns, 3, NULL, &dataset));
    ck_assert_int_eq(pt_dataset_length(dataset), 6);
    const char *texts[] = {"plain", "with, comma", "two\r\nlines \"quoted\"", "5'11\" tall", "\"", " blanks "};
    for (int64_t i = 0; i < 6; i++)
        expect_text(dataset, i, texts[i]);
    ck_assert(number(dataset, 1, 0) == 3.5F && number(dataset, 1, 1) == -0.4F && number(dataset, 4, 0) == 0.5F &&
              number(dataset, 4, 1) == 2);
    ck_assert(label(dataset, 0) == 1 && label(dataset, 1) == 0 && label(dataset, 3) == 2);
    pt_dataset_free(dataset);
    ck_ok(open(context, "text\nlast line without end", columns, 1, NULL, &dataset));
    expect_text(dataset, 0, "last line without end");
    pt_dataset_free(dataset);
    pt_context_free(context);
}
END_TEST

START_TEST(test_tabs_and_no_headings)
{
    pt_context_t *context = samples_context();
    pt_dataset_t *dataset;
    const pt_column_t places[3] = {{.field = "label", .source = "#1", .kind = PT_COLUMN_CLASS},
                                   {.field = "x", .source = "#3", .kind = PT_COLUMN_NUMBER, .count = 2},
                                   {.field = "text", .source = "#2", .kind = PT_COLUMN_TEXT, .max_length = 5}};
    const pt_table_options_t tabs = {.struct_size = sizeof tabs, .flags = PT_TABLE_NO_HEADINGS, .separator = '\t'};
    ck_ok(open(context, "10\ta, b c\t1\t2\n9\tx\t3\t4\n010\ty\t5\t6\n", places, 3, &tabs, &dataset));
    ck_assert_int_eq(pt_dataset_length(dataset), 3);
    expect_text(dataset, 0, "a, b ");                              /* cut */
    ck_assert_int_eq(pt_dataset_class_count(dataset, "label"), 2); /* numbers: by value, 010 is 10 */
    ck_assert_str_eq(pt_dataset_class_name(dataset, "label", 0), "9");
    ck_assert_str_eq(pt_dataset_class_name(dataset, "label", 1), "10");
    ck_assert(label(dataset, 0) == 1 && label(dataset, 1) == 0 && label(dataset, 2) == 1);
    pt_dataset_free(dataset);
    ck_ok(open(context, "10,1\n9,2\nx,3\n", places, 1, &no_headings, &dataset));
    ck_assert_str_eq(pt_dataset_class_name(dataset, "label", 0), "10"); /* one is no number: by bytes */
    ck_assert_str_eq(pt_dataset_class_name(dataset, "label", 2), "x");
    pt_dataset_free(dataset);
    ck_ok(open(context, "#1,#1x\n5,6\n", places, 1, NULL, &dataset)); /* a heading goes first */
    ck_assert_str_eq(pt_dataset_class_name(dataset, "label", 0), "5");
    pt_dataset_free(dataset);
    pt_context_free(context);
}
END_TEST

START_TEST(test_messages_name_line_and_column)
{
    static const struct {
        const char *text;
        const char *part;
    } cases[] = {
        {"", "empty file"},
        {"\r\n\n", "empty file"},
        {"text,label,x1,x2\n", "found none"},
        {"text,label,x1,x2\na,b,1,2\na,b,1\n", "table.csv: line 3 has 3 columns, expected 4"},
        {"text,label,x1,x2\na,b,1,2,3\n", "line 2 has 5 columns"},
        {"text,label,x1,x2\na,b,1,2\n\na,b,1,2\n", "line 3 has 1 columns"},
        {"text,label,x1,x2\n\"a\nb\",b,1,2\na,b,one,2\n",
         "line 4, column 3 (\"x1\"): expected a number, found \"one\""},
        {"text,label,x1,x2\na,b,1,\n", "line 2, column 4 (\"x2\"): expected a number, found none"},
        {"text,label,x1,x2\na,b,1,nan\n", "found \"nan\""},
        {"text,label,x1,x2\na,b,1,inf\n", "found \"inf\""},
        {"text,label,x1,x2\na,b,1,0x10\n", "found \"0x10\""},
        {"text,label,x1,x2\na,b,1,1e39\n", "range of float32"},
        {"text,label,x1,x2\na,b,1,2;5\n", "found \"2;5\""},
        {"text,label,x1,x2\n,b,1,2\n", "line 2: \"text\" is empty"},
        {"text,label,x1,x2\na,,1,2\n", "line 2, column 2 (\"label\"): expected a class, found nothing"},
        {"text,label,x1,x2\na,\"b,1,2\n", "line 2, column 2: the quotation mark that opens here is never closed"},
        {"text,label,x1,x2\na,\"b\"c,1,2\n", "line 2, column 2: expected a separator or a line's end"},
        {"text,label,x1,text\na,b,1,2\n", "columns 1 and 4 are both headed \"text\""},
    };
    pt_context_t *context = samples_context();
    pt_dataset_t *dataset = (pt_dataset_t *)1;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_fails(open(context, cases[i].text, columns, 3, NULL, &dataset), PT_ERR_FORMAT, cases[i].part);
        ck_assert_ptr_null(dataset);
    }
    ck_fails(open(context, "text,label,x2\na,b,1\n", columns, 3, NULL, &dataset), PT_ERR_NOT_FOUND,
             "no column is headed \"x1\"");
    ck_fails(open(context, "text,label,x1\na,b,1\n", columns, 3, NULL, &dataset), PT_ERR_NOT_FOUND,
             "ends at the 4th, but there are 3");
    ck_fails(open(context, "a,b\n", columns, 1, &no_headings, &dataset), PT_ERR_NOT_FOUND, "\"#3\", not \"text\"");
    const pt_column_t last = {.field = "x", .source = "#9223372036854775807", .kind = PT_COLUMN_NUMBER, .count = 2};
    ck_fails(open(context, "1,2\n", &last, 1, &no_headings, &dataset), PT_ERR_NOT_FOUND, "there are 2");
    const pt_column_t tokens = {.field = "t", .source = "t", .kind = PT_COLUMN_TOKENS, .max_length = 3},
                      third = {.field = "t", .source = "#3", .kind = PT_COLUMN_CLASS};
    ck_fails(open(context, "t\n1\n", &tokens, 1, NULL, &dataset), PT_ERR_ARGUMENT, "JSON lines only");
    ck_fails(open(context, "1,2\n", &third, 1, &no_headings, &dataset), PT_ERR_NOT_FOUND, "there are 2");
    const pt_table_options_t strange = {.struct_size = sizeof strange, .flags = 16};
    ck_fails(open(context, "1,2\n", &third, 1, &strange, &dataset), PT_ERR_ARGUMENT, "0x10");
    pt_context_free(context);
}
END_TEST

/* Columns from anywhere, in any order, by heading or by number, beside others. */
START_TEST(test_columns_by_list)
{
    static const char *const some[3] = {"z", "#1", "x y"}, *const twice[2] = {"z", "z"};
    const pt_column_t list[2] = {{.field = "x", .sources = some, .kind = PT_COLUMN_NUMBER, .count = 3},
                                 {.field = "text", .source = "name", .kind = PT_COLUMN_TEXT, .max_length = 9}};
    pt_column_t wrong = list[0];
    pt_context_t *context = samples_context();
    pt_dataset_t *dataset;
    float values[6];
    const char *text = "x y,name,z,w\r\n1,a,2,3\r\n4,b,5,no number\r\n";
    ck_ok(open(context, text, list, 2, NULL, &dataset));
    pt_field_spec_t spec;
    ck_ok(pt_dataset_field(dataset, 0, &spec, sizeof spec));
    ck_assert(spec.rank == 1 && spec.shape[0] == 3 && spec.dtype == PT_FLOAT32);
    ck_ok(read_field(dataset, (const int64_t[]){0, 1}, 2, "x", values, 6, NULL, NULL));
    ck_assert(values[0] == 2 && values[1] == 1 && values[2] == 1 && values[3] == 5 && values[4] == 4 && values[5] == 4);
    pt_dataset_free(dataset);
    wrong.sources = twice;
    wrong.count = 2;
    ck_ok(open(context, text, &wrong, 1, NULL, &dataset));
    pt_dataset_free(dataset);
    wrong.sources = (const char *const[]){"z", "w"};
    ck_fails(open(context, text, &wrong, 1, NULL, &dataset), PT_ERR_FORMAT,
             "table.csv: line 3, column 4 (\"w\"): expected a number, found \"no number\"");
    wrong.sources = (const char *const[]){"z", "v"};
    ck_fails(open(context, text, &wrong, 1, NULL, &dataset), PT_ERR_NOT_FOUND, "no column is headed \"v\"");
    wrong.sources = (const char *const[]){"z", "#5"};
    ck_fails(open(context, text, &wrong, 1, NULL, &dataset), PT_ERR_NOT_FOUND,
             "\"#5\" ends at the 5th, but there are 4");
    wrong.sources = twice;
    ck_fails(open(context, "z,y,z\n1,2,3\n", &wrong, 1, NULL, &dataset), PT_ERR_FORMAT,
             "columns 1 and 3 are both headed \"z\"; \"#3\" names one of them");
    wrong.sources = (const char *const[]){"#3", "#1"};
    ck_ok(open(context, "z,y,z\n1,2,3\n", &wrong, 1, NULL, &dataset));
    ck_assert(number(dataset, 0, 0) == 3 && number(dataset, 0, 1) == 1);
    pt_dataset_free(dataset);
    ck_fails(open(context, "1,2,?\n", &wrong, 1, &no_headings, &dataset), PT_ERR_FORMAT, "line 1, column 3 (\"#3\")");
    pt_context_free(context);
}
END_TEST

/* In the first, a middle and the last column, first and last row; by an empty cell, one in quotation marks, a word. */
START_TEST(test_missing_numbers)
{
    const char *text = "a,b,c\n,1,2\n3, ,\"\"\nNA,NA , NA\n4,5,\n";
    const float expected[4][3] = {{-9, 1, 2}, {3, -9, -9}, {-9, -9, -9}, {4, 5, -9}};
    pt_column_t column = {
        .field = "x", .source = "a", .kind = PT_COLUMN_NUMBER, .count = 3, .flags = PT_COLUMN_FILL, .missing = -9};
    const pt_table_options_t words = {.struct_size = sizeof words, .missing = "NA"};
    pt_context_t *context = samples_context();
    pt_dataset_t *dataset;
    float values[3];
    ck_ok(open(context, text, &column, 1, &words, &dataset));
    for (int64_t row = 0; row < 4; row++) {
        ck_ok(read_field(dataset, &row, 1, "x", values, 3, NULL, NULL));
        for (int k = 0; k < 3; k++)
            ck_assert_msg(values[k] == expected[row][k], "row %d, column %d: %g", (int)row, k, (double)values[k]);
    }
    pt_dataset_free(dataset);
    ck_fails(open(context, text, &column, 1, NULL, &dataset), PT_ERR_FORMAT,
             "table.csv: line 4, column 1 (\"a\"): expected a number, found \"NA\"");
    column.missing = (double)NAN;
    ck_ok(open(context, text, &column, 1, &words, &dataset));
    ck_ok(read_field(dataset, &(const int64_t){1}, 1, "x", values, 3, NULL, NULL));
    ck_assert(values[0] == 3 && isnan(values[1]) && isnan(values[2]));
    pt_dataset_free(dataset);
    column.flags = 0;
    column.missing = 0;
    ck_fails(open(context, text, &column, 1, &words, &dataset), PT_ERR_FORMAT,
             "table.csv: line 2, column 1 (\"a\"): expected a number, found none; PT_COLUMN_FILL");
    ck_fails(open(context, "a,b,c\n1,,2\n", &column, 1, &words, &dataset), PT_ERR_FORMAT, "line 2, column 2 (\"b\")");
    ck_fails(open(context, "a,b,c\n1,2,NA\n", &column, 1, &words, &dataset), PT_ERR_FORMAT,
             "line 2, column 3 (\"c\"): expected a number, found none");
    pt_context_free(context);
}
END_TEST

/* Every byte separates but those that quote, end lines or end the text of C; quotation marks keep it in a cell. */
START_TEST(test_any_separator)
{
    pt_table_options_t options;
    pt_context_t *context = samples_context();
    pt_dataset_t *dataset;
    char text[80];
    ck_ok(pt_table_options_init(&options, sizeof options));
    ck_assert(options.separator == 0 && options.missing == NULL && options.flags == 0);
    for (int32_t separator = -1; separator <= 256; separator++) {
        const int s = separator, is_refused = s < 0 || s > 255 || s == '"' || s == '\n' || s == '\r';
        const int is_wanted = s == 0 ? ',' : s;
        if (strchr("texlab0123456789.+-", s == 0 || is_refused ? '#' : s) != NULL)
            continue; /* of the cells themselves */
        options.separator = separator;
        snprintf(text, sizeof text, "text%clabel%cx1%cx2\n\"e%ct\"%ca%c1%c2\r\n", is_wanted, is_wanted, is_wanted,
                 is_wanted, is_wanted, is_wanted, is_wanted);
        if (is_refused) {
            ck_fails(open(context, "text\na\n", columns, 1, &options, &dataset), PT_ERR_ARGUMENT, "separator is");
            ck_assert_ptr_null(dataset);
            continue;
        }
        ck_ok(open(context, text, columns, 3, &options, &dataset));
        const char cell[4] = {'e', (char)(unsigned char)is_wanted, 't', 0};
        expect_text(dataset, 0, cell);
        ck_assert(number(dataset, 0, 0) == 1 && number(dataset, 0, 1) == 2);
        pt_dataset_free(dataset);
    }
    options.separator = ';';
    options.reserved = 1;
    ck_fails(open(context, "text\na\n", columns, 1, &options, &dataset), PT_ERR_VERSION, "reserved is 1");
    pt_context_free(context);
}
END_TEST

START_TEST(test_numbers_in_any_locale)
{
    pt_context_t *context = samples_context();
    pt_dataset_t *dataset;
    const char *names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "C.UTF-8"};
    for (int i = 0; i < 4 && !setlocale(LC_ALL, names[i]); i++)
        ;
    ck_ok(open(context, "x1,x2\n0.5,1.25\n", columns + 2, 1, NULL, &dataset));
    ck_assert(number(dataset, 0, 0) == 0.5F && number(dataset, 0, 1) == 1.25F);
    pt_dataset_free(dataset);
    pt_context_free(context);
}
END_TEST

static pt_status_t open_failing(failing_allocator_t *allocator, const char *path)
{
    pt_context_t *context = NULL;
    pt_dataset_t *dataset = NULL;
    static const char *const names[2] = {"x2", "x1"};
    const pt_column_t wanted[3] = {
        columns[0], columns[1], {.field = "x", .sources = names, .kind = PT_COLUMN_NUMBER, .count = 2}};
    pt_status_t status = samples_failing_context(allocator, &context);
    if (status == PT_OK)
        status = pt_dataset_create_from_csv(context, path, wanted, 3, sizeof wanted[0], NULL, &dataset);
    pt_dataset_free(dataset);
    pt_context_free(context);
    return status;
}

START_TEST(test_every_allocation_may_fail)
{
    failing_allocator_t allocator;
    pt_status_t status;
    char text[2000] = "text,label,x1,x2\n\"a\"\"b\",5,1,2\n";
    for (int i = 6; i < 50; i++) /* classes enough for their table to grow */
        snprintf(text + strlen(text), sizeof text - strlen(text), "c,%d,1,2\n", i);
    const char *path = suite_write("good.csv", text, strlen(text));
    FOR_EACH_FAILING_ALLOCATION(allocator, status = open_failing(&allocator, path), status);
}
END_TEST

SUITE("csv", 60, test_quoting_and_line_ends, test_tabs_and_no_headings, test_messages_name_line_and_column,
      test_columns_by_list, test_missing_numbers, test_any_separator, test_numbers_in_any_locale,
      test_every_allocation_may_fail)
