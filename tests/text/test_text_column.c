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

static pt_status_t whole_life(failing_allocator_t *allocator, const char *path)
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
    const char *path = suite_write("few.csv", "text\nx\ny xxx\nxy yy\n", 19);
    FOR_EACH_FAILING_ALLOCATION(allocator, { status = whole_life(&allocator, path); }, status);
}
END_TEST

SUITE("text_column", 60, test_tokens_of_rows, test_refusals, test_failing_allocations)
