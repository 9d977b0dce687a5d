/* Text columns of tables with a tokenizer: the tokens that pt_tokenizer_encode gives, cut at max_length, whatever the
 * number of threads; and what is refused. */
#include <stdio.h>
#include <string.h>

#include "support/failing_allocator.h"
#include "support/suite.h"
#include "pretrain.h"

enum { ROWS = 5000, LONGEST = 8 };

/* [ and ] stand around a text; x and y are what is left of it. */
static const char *const file =
    "{\"pre_tokenizer\": {\"type\": \"BertPreTokenizer\"}, \"post_processor\": {\"type\": \"BertProcessing\", \"sep\": "
    "[\"]\", 1], \"cls\": [\"[\", 0]}, \"model\": {\"type\": \"WordPiece\", \"unk_token\": \"?\", \"vocab\": {\"[\": "
    "0, "
    "\"]\": 1, \"?\": 2, \"x\": 3, \"y\": 4, \"##y\": 5, \"##x\": 6}}}";

static const char *const without_template =
    "{\"pre_tokenizer\": {\"type\": \"BertPreTokenizer\"}, \"model\": {\"type\": \"WordPiece\", \"unk_token\": "
    "\"?\", \"vocab\": {\"?\": 0}}}";

static pt_context_t *context;

static pt_tokenizer_t *begin(int32_t threads)
{
    pt_context_options_t options;
    pt_tokenizer_t *tokenizer;
    const pt_load_options_t place = {.struct_size = sizeof place, .data = file, .bytes = (int64_t)strlen(file)};
    ck_ok(pt_context_options_init(&options, sizeof options));
    options.threads = threads;
    ck_ok(pt_context_create(&options, &context));
    ck_ok(pt_tokenizer_open(context, NULL, &place, &tokenizer));
    return tokenizer;
}

static pt_column_t column_of(pt_tokenizer_t *tokenizer)
{
    return (pt_column_t){
        .field = "tokens", .source = "text", .kind = PT_COLUMN_TEXT, .max_length = LONGEST, .tokenizer = tokenizer};
}

static int64_t read_row(pt_dataset_t *data, int64_t row, int32_t *ids)
{
    pt_array_t view = {.dtype = PT_INT32, .data = ids, .capacity = LONGEST};
    ck_ok(pt_dataset_read(data, &row, 1, "tokens", &view, sizeof view));
    return view.elements;
}

/* Row i has i % 7 words "xy" behind one "x". */
static const char *write_rows(const char *name, int32_t is_csv)
{
    static char text[ROWS * 64];
    size_t size = 0;
    if (is_csv)
        size += (size_t)sprintf(text, "text\n");
    for (int row = 0; row < ROWS; row++) {
        size += (size_t)sprintf(text + size, is_csv ? "x" : "{\"text\": \"x");
        for (int word = 0; word < row % 7; word++)
            size += (size_t)sprintf(text + size, " xy");
        size += (size_t)sprintf(text + size, is_csv ? "\n" : "\"}\n");
    }
    return suite_write(name, text, size);
}

static void check_rows(pt_dataset_t *data)
{
    ck_assert_int_eq(pt_dataset_length(data), ROWS);
    for (int64_t row = 0; row < ROWS; row += 13) {
        int32_t ids[LONGEST];
        int64_t words = 1 + 2 * (row % 7), count = read_row(data, row, ids);
        ck_assert_int_eq(count, words + 2 < LONGEST ? words + 2 : LONGEST);
        ck_assert_int_eq(ids[0], 0);
        ck_assert_int_eq(ids[1], 3);
        for (int64_t i = 2; i + 1 < count; i++)
            ck_assert_int_eq(ids[i], i % 2 == 0 ? 3 : 5);
        ck_assert_int_eq(ids[count - 1], 1); /* cut before it */
    }
}

START_TEST(test_tokens_of_rows)
{
    for (int32_t threads = 1; threads <= 3; threads += 2) {
        pt_tokenizer_t *tokenizer = begin(threads);
        pt_column_t column = column_of(tokenizer);
        pt_dataset_t *lines, *table;
        ck_ok(pt_dataset_create_from_jsonl(context, write_rows("rows.jsonl", 0), &column, 1, sizeof column, NULL,
                                           &lines));
        ck_ok(pt_dataset_create_from_csv(context, write_rows("rows.csv", 1), &column, 1, sizeof column, NULL, &table));
        pt_tokenizer_free(tokenizer);
        check_rows(lines);
        check_rows(table);
        pt_dataset_free(lines);
        pt_dataset_free(table);
        pt_context_free(context);
    }
}
END_TEST

START_TEST(test_refusals)
{
    pt_context_t *other;
    pt_dataset_t *data;
    pt_tokenizer_t *tokenizer = begin(1);
    pt_column_t column = column_of(tokenizer);
    const char *rows = suite_write("some.csv", "text\nx\nx\xFF\n", 11),
               *empty = suite_write("empty.csv", "text\n \n", 7);
    const char *good = suite_write("good.csv", "text\nx\n", 7);
    ck_fails(pt_dataset_create_from_csv(context, rows, &column, 1, sizeof column, NULL, &data), PT_ERR_FORMAT,
             "row 1: the text is not UTF-8 at byte 1 (0xff)");
    ck_assert_ptr_nonnull(strstr(pt_last_error(), "some.csv"));
    column.max_length = 2;
    ck_fails(pt_dataset_create_from_csv(context, good, &column, 1, sizeof column, NULL, &data), PT_ERR_ARGUMENT,
             "column \"text\": max_length is 2, expected more than the 2 tokens around a text");
    column = column_of(tokenizer);
    column.kind = PT_COLUMN_CLASS;
    column.max_length = 0;
    ck_fails(pt_dataset_create_from_csv(context, good, &column, 1, sizeof column, NULL, &data), PT_ERR_ARGUMENT,
             "tokenizer is set, which is for PT_COLUMN_TEXT");
    column = column_of(tokenizer);
    ck_ok(pt_context_create(NULL, &other));
    ck_fails(pt_dataset_create_from_csv(other, good, &column, 1, sizeof column, NULL, &data), PT_ERR_ARGUMENT,
             "the tokenizer is of another context");
    pt_context_free(other);
    ck_ok(pt_dataset_create_from_csv(context, empty, &column, 1, sizeof column, NULL, &data)); /* [ and ] alone */
    pt_dataset_free(data);
    pt_tokenizer_free(tokenizer);
    const pt_load_options_t plain = {
        .struct_size = sizeof plain, .data = without_template, .bytes = (int64_t)strlen(without_template)};
    ck_ok(pt_tokenizer_open(context, NULL, &plain, &tokenizer));
    column = column_of(tokenizer);
    ck_fails(pt_dataset_create_from_csv(context, empty, &column, 1, sizeof column, NULL, &data), PT_ERR_FORMAT,
             "row 0: the text has no token, expected at least one");
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
}
END_TEST

/* ---- Pairs and answers ---- */

static void check_field(pt_dataset_t *data, int64_t row, const char *field, int64_t count, const int32_t *expected)
{
    int32_t found[LONGEST];
    int64_t length = 0;
    pt_array_t view = {
        .dtype = PT_INT32, .data = found, .capacity = LONGEST, .lengths = &length, .lengths_capacity = 1};
    ck_ok(pt_dataset_read(data, &row, 1, field, &view, sizeof view));
    ck_assert_int_eq(view.elements, count);
    ck_assert_int_eq(length, count);
    for (int64_t i = 0; i < count; i++)
        ck_assert_int_eq(found[i], expected[i]);
}

static void check_both(const char *lines, const char *table, const pt_column_t *column,
                       void (*check)(pt_dataset_t *data))
{
    pt_dataset_t *data;
    ck_ok(pt_dataset_create_from_jsonl(context, suite_write("two.jsonl", lines, strlen(lines)), column, 1,
                                       sizeof *column, NULL, &data));
    check(data);
    pt_dataset_free(data);
    ck_ok(pt_dataset_create_from_csv(context, suite_write("two.csv", table, strlen(table)), column, 1, sizeof *column,
                                     NULL, &data));
    check(data);
    pt_dataset_free(data);
}

static void check_pairs(pt_dataset_t *data)
{
    ck_assert_int_eq(pt_dataset_field_count(data), 2);
    check_field(data, 0, "tokens", 6, (int32_t[]){0, 3, 5, 1, 4, 1});
    check_field(data, 0, "segments", 6, (int32_t[]){0, 0, 0, 0, 1, 1});
    check_field(data, 1, "tokens", 8, (int32_t[]){0, 3, 3, 1, 4, 4, 4, 1}); /* the longest of the two gives way */
    check_field(data, 1, "segments", 8, (int32_t[]){0, 0, 0, 0, 1, 1, 1, 1});
    check_field(data, 2, "tokens", 4, (int32_t[]){0, 4, 1, 1});
    check_field(data, 2, "segments", 4, (int32_t[]){0, 0, 0, 1});
}

START_TEST(test_pairs)
{
    pt_tokenizer_t *tokenizer = begin(1);
    pt_column_t column = column_of(tokenizer);
    column.pair = "other";
    column.pair_field = "segments";
    check_both("{\"text\": \"xy\", \"other\": \"y\"}\n{\"other\": \"y y y y y\", \"text\": \"x x\"}\n"
               "{\"text\": \"y\", \"other\": \"\"}\n",
               "other,text\ny,xy\ny y y y y,x x\n,y\n", &column, check_pairs);
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
}
END_TEST

enum { NONE = PT_IGNORE_INDEX };

static void check_answers(pt_dataset_t *data)
{
    check_field(data, 0, "tokens", 5, (int32_t[]){0, 3, 5, 4, 1});
    check_field(data, 0, "labels", 5, (int32_t[]){NONE, NONE, 4, 1, NONE}); /* the file's last token is learnt too */
    check_field(data, 1, "tokens", 3, (int32_t[]){0, 4, 1});
    check_field(data, 1, "labels", 3, (int32_t[]){4, 1, NONE});
    check_field(data, 2, "tokens", 8, (int32_t[]){0, 3, 3, 3, 3, 3, 4, 1});
    check_field(data, 2, "labels", 8, (int32_t[]){NONE, NONE, NONE, NONE, NONE, 4, 1, NONE});
}

static void check_bytes(pt_dataset_t *data)
{
    check_field(data, 0, "tokens", 4, (int32_t[]){'x', 'y', ' ', 'y'});
    check_field(data, 0, "labels", 4, (int32_t[]){NONE, ' ', 'y', NONE});
    check_field(data, 1, "tokens", 1, (int32_t[]){'y'});
    check_field(data, 1, "labels", 1, (int32_t[]){NONE});
    check_field(data, 2, "labels", 8, (int32_t[]){NONE, NONE, NONE, NONE, NONE, NONE, 'y', NONE});
}

START_TEST(test_answers)
{
    static const char lines[] = "{\"text\": \"xy\", \"other\": \" y\"}\n{\"text\": \"\", \"other\": \"y\"}\n"
                                "{\"text\": \"x x x x x\", \"other\": \" y y\"}\n",
                      bytes[] = "{\"text\": \"xy\", \"other\": \" y\"}\n{\"text\": \"\", \"other\": \"y\"}\n"
                                "{\"text\": \"x x xxx\", \"other\": \"yyy\"}\n";
    pt_tokenizer_t *tokenizer = begin(1);
    pt_column_t column = column_of(tokenizer);
    column.flags = PT_COLUMN_ANSWER;
    column.pair = "other";
    column.pair_field = "labels";
    check_both(lines, "text,other\nxy, y\n,y\nx x x x x, y y\n", &column, check_answers);
    column.tokenizer = NULL;
    check_both(bytes, "text,other\nxy, y\n,y\nx x xxx,yyy\n", &column, check_bytes);
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
}
END_TEST

static void check_refused(const pt_column_t *column, const char *line, pt_status_t status, const char *words)
{
    pt_dataset_t *data;
    ck_fails(pt_dataset_create_from_jsonl(context, suite_write("one.jsonl", line, strlen(line)), column, 1,
                                          sizeof *column, NULL, &data),
             status, words);
}

START_TEST(test_refused_pairs)
{
    static const char line[] = "{\"text\": \"x x x x x x x\", \"other\": \"y\"}",
                      empty[] = "{\"text\": \"x\", \"other\": \"\"}";
    pt_tokenizer_t *tokenizer = begin(1);
    pt_column_t column = column_of(tokenizer);
    column.pair = "another";
    check_refused(&column, line, PT_ERR_FORMAT, "no key \"another\"");
    column.pair = "other";
    column.max_length = 3;
    check_refused(&column, line, PT_ERR_ARGUMENT, "expected more than the 3 tokens around a pair");
    column.max_length = LONGEST;
    column.tokenizer = NULL;
    check_refused(&column, line, PT_ERR_ARGUMENT, "pair is \"other\", which needs a tokenizer");
    column.flags = PT_COLUMN_ANSWER;
    check_refused(&column, line, PT_ERR_FORMAT, "\"other\" has no byte within max_length");
    check_refused(&column, empty, PT_ERR_FORMAT, "\"other\" has no byte, expected at least one");
    column.tokenizer = tokenizer;
    check_refused(&column, line, PT_ERR_FORMAT, "row 0: no token of the answer is within max_length, 8 tokens");
    column.pair = NULL;
    check_refused(&column, line, PT_ERR_ARGUMENT, "PT_COLUMN_ANSWER is set, but no pair");
    column.flags = PT_COLUMN_FILL;
    check_refused(&column, line, PT_ERR_ARGUMENT, "flags is 0x1");
    column.flags = 0;
    column.pair_field = "segments";
    check_refused(&column, line, PT_ERR_ARGUMENT, "pair_field is set, but no pair");
    column = (pt_column_t){.field = "label", .source = "text", .kind = PT_COLUMN_CLASS, .pair = "other"};
    check_refused(&column, line, PT_ERR_ARGUMENT, "pair is \"other\", which is for PT_COLUMN_TEXT");
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
}
END_TEST

static pt_status_t whole_life(failing_allocator_t *allocator, const char *path, uint32_t flags)
{
    const pt_load_options_t place = {.struct_size = sizeof place, .data = file, .bytes = (int64_t)strlen(file)};
    pt_context_options_t options;
    pt_tokenizer_t *tokenizer = NULL;
    pt_dataset_t *data = NULL;
    ck_ok(pt_context_options_init(&options, sizeof options));
    options.threads = 1;
    failing_allocator_hooks(allocator, &options);
    PT__TRY(pt_context_create(&options, &context));
    pt_status_t status = pt_tokenizer_open(context, NULL, &place, &tokenizer);
    if (status == PT_OK) {
        pt_column_t column = column_of(tokenizer);
        column.flags = flags;
        column.pair = "other";
        column.pair_field = "marks";
        status = pt_dataset_create_from_csv(context, path, &column, 1, sizeof column, NULL, &data);
    }
    pt_dataset_free(data);
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
    return status;
}

START_TEST(test_failing_allocations)
{
    failing_allocator_t allocator;
    pt_status_t status;
    const char *path = suite_write("few.csv", "text,other\nx,y\ny xxx,x\nxy yy,y\n", 31);
    FOR_EACH_FAILING_ALLOCATION(allocator, { status = whole_life(&allocator, path, 0); }, status);
    FOR_EACH_FAILING_ALLOCATION(allocator, { status = whole_life(&allocator, path, PT_COLUMN_ANSWER); }, status);
}
END_TEST

SUITE("text_column", 60, test_tokens_of_rows, test_refusals, test_pairs, test_answers, test_refused_pairs,
      test_failing_allocations)
