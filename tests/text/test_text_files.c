/* Text files and directories of them through a tokenizer: the tokens that pt_tokenizer_encode gives, one file behind
 * the other; the file that keeps them; and what is refused. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pretrain.h"
#include "support/failing_allocator.h"
#include "support/failing_io.h"
#include "support/suite.h"

enum { X = 3, Y = 4, LONGEST = 1 << 20 };

/* Its template and its truncation are for single texts: neither is asked here. %s: one more token. */
static const char *const file =
    "{\"truncation\": {\"max_length\": 3, \"stride\": 0, \"strategy\": \"LongestFirst\", \"direction\": \"Right\"}, "
    "\"pre_tokenizer\": {\"type\": \"BertPreTokenizer\"}, \"post_processor\": {\"type\": \"BertProcessing\", \"sep\": "
    "[\"]\", 1], \"cls\": [\"[\", 0]}, \"model\": {\"type\": \"WordPiece\", \"unk_token\": \"?\", \"vocab\": {\"[\": "
    "0, \"]\": 1, \"?\": 2, \"x\": 3, \"y\": 4, \"##y\": 5, \"##x\": 6%s}}}";

static pt_context_t *context;

static pt_tokenizer_t *open_tokenizer(const char *more)
{
    char text[1024];
    pt_tokenizer_t *tokenizer;
    snprintf(text, sizeof text, file, more);
    const pt_load_options_t place = {.struct_size = sizeof place, .data = text, .bytes = (int64_t)strlen(text)};
    ck_ok(pt_tokenizer_open(context, NULL, &place, &tokenizer));
    return tokenizer;
}

static pt_tokenizer_t *begin(int32_t threads)
{
    pt_context_options_t options;
    ck_ok(pt_context_options_init(&options, sizeof options));
    options.threads = threads;
    ck_ok(pt_context_create(&options, &context));
    return open_tokenizer("");
}

static pt_window_options_t windows(pt_tokenizer_t *tokenizer)
{
    pt_window_options_t options;
    ck_ok(pt_window_options_init(&options, sizeof options));
    options.length = LONGEST;
    options.keep_partial = 1;
    options.tokenizer = tokenizer;
    return options;
}

/* All tokens of the text, of which there are fewer than two windows' length. */
static int64_t read_all(const char *path, const pt_window_options_t *options, int32_t *ids)
{
    pt_dataset_t *data;
    int64_t count = 0;
    ck_ok(pt_dataset_create_from_text(context, path, options, &data));
    for (int64_t i = 0; i < pt_dataset_length(data); i++) {
        pt_array_t tokens = {.dtype = PT_INT32, .data = ids + count, .capacity = LONGEST},
                   last = {.dtype = PT_INT32, .data = ids + count + 1, .capacity = LONGEST};
        ck_ok(pt_dataset_read(data, &i, 1, "tokens", &tokens, sizeof tokens));
        ck_ok(pt_dataset_read(data, &i, 1, "labels", &last, sizeof last));
        count += tokens.elements;
    }
    pt_dataset_free(data);
    return count + 1;
}

static void check(const char *path, const pt_window_options_t *options, const char *expected)
{
    static int32_t ids[LONGEST];
    const int64_t count = read_all(path, options, ids);
    ck_assert_int_eq(count, (int64_t)strlen(expected));
    for (int64_t i = 0; i < count; i++)
        ck_assert_int_eq(ids[i], expected[i] - '0');
}

static const char *make_directory(const char *name)
{
    const char *path = suite_path(name);
    ck_assert(mkdir(path, 0777) == 0 || errno == EEXIST);
    return path;
}

static const char *make_texts(void)
{
    make_directory("texts");
    make_directory("texts/b");
    make_directory("texts/b/empty");
    suite_write("texts/c", "yx", 2);
    suite_write("texts/b/2", "x x", 3);
    suite_write("texts/b/1", "y\ny\n", 4);
    suite_write("texts/b/nothing", "", 0);
    suite_write("texts/b/.hidden", "\xff", 1);
    suite_write("texts/a", "xyy z", 5);
    return suite_path("texts");
}

START_TEST(test_files_in_order)
{
    pt_tokenizer_t *tokenizer = begin(2);
    const char *path = make_texts();
    pt_window_options_t options = windows(tokenizer);
    check(path, &options, "3552" /* a */ "44" /* b/1 */ "33" /* b/2 */ "46" /* c */);
    options.separator = "]";
    check(path, &options,
          "35521"
          "441"
          "331"
          "461");
    check(suite_path("texts/c"), &options, "461");
    check(suite_path("texts/b/"), &options, "441331");
    options.start = 0.5; /* of the tokens */
    check(suite_path("texts/b"), &options, "331");
    options = windows(NULL);
    static int32_t bytes[LONGEST];
    ck_assert_int_eq(read_all(path, &options, bytes), 14);
    for (int i = 0; i < 14; i++)
        ck_assert_int_eq(bytes[i], "xyy zy\ny\nx xyx"[i]);
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
}
END_TEST

/* A file of several texts, cut where nothing is changed by it: behind a line, or between words. */
START_TEST(test_long_files)
{
    enum { SIZE = 5 << 19 };
    static char text[SIZE];
    static int32_t found[LONGEST], expected[LONGEST];
    static const char *const between[] = {"\n", " ", "\n\n", " \n"};
    for (int kind = 0; kind < 4; kind++) {
        pt_tokenizer_t *tokenizer = begin(kind % 3 + 1);
        int64_t size = 0;
        for (int i = 0; size + 200 < SIZE; i++) /* a word of over 100 characters is one token, "?" */
            size += i % 7 ? sprintf(text + size, "%.*s%s", 1 + i % 5, "xyxyxy", between[kind])
                          : sprintf(text + size, "%0150d%s", i, between[kind]);
        const pt_window_options_t options = windows(tokenizer);
        const int64_t count = read_all(suite_write("long", text, (size_t)size), &options, found);
        ck_assert_int_gt(count, 10000);
        int64_t made = 0;
        for (int64_t at = 0; at < size;) { /* word by word, in threes, as its file cuts texts there */
            const char *end = strpbrk(text + at, " \n");
            if (end == text + at) {
                at++;
                continue;
            }
            const pt_text_t word = {.text = text + at, .bytes = end == NULL ? size - at : end - (text + at)};
            const pt_tokenize_options_t plain = {.struct_size = sizeof plain, .flags = PT_TOKENIZE_PLAIN};
            for (int64_t letter = 0; word.bytes < 100 && letter < word.bytes; letter++)
                expected[made++] = text[at + letter] == 'x' ? (letter == 0 ? X : 6) : letter == 0 ? Y : 5;
            pt_array_t ids = {.dtype = PT_INT32, .data = expected + made, .capacity = 1};
            if (word.bytes >= 100) {
                ck_ok(pt_tokenizer_encode(tokenizer, &word, sizeof word, 1, &plain, &ids, NULL, NULL, sizeof ids));
                made++;
            }
            at += word.bytes;
        }
        ck_assert_int_eq(count, made);
        ck_assert_mem_eq(found, expected, (size_t)made * sizeof *found);
        pt_tokenizer_free(tokenizer);
        pt_context_free(context);
    }
}
END_TEST

/* Without a blank a text is cut between characters. */
START_TEST(test_no_place_to_cut)
{
    static char text[3 * (LONGEST / 2) + 3];
    pt_tokenizer_t *tokenizer = begin(1);
    const pt_window_options_t options = windows(tokenizer);
    for (size_t i = 0; i < sizeof text; i += 3)
        memcpy(text + i, "\xe4\xb8\x80", 3);
    static int32_t ids[LONGEST];
    ck_assert_int_eq(read_all(suite_write("cjk", text, sizeof text), &options, ids), 2); /* a word of too many each */
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
}
END_TEST

/* ---- The file that keeps them ---- */

static struct stat about(const char *path)
{
    struct stat found;
    ck_assert_int_eq(stat(path, &found), 0);
    return found;
}

START_TEST(test_cache)
{
    pt_tokenizer_t *tokenizer = begin(1);
    const char *path = make_texts();
    char cache[256];
    pt_window_options_t options = windows(tokenizer);
    snprintf(cache, sizeof cache, "%s/tokens", path); /* it may stand among the texts */
    options.cache = cache;
    check(path, &options, "3552443346");
    const struct stat first = about(cache);
    check(path, &options, "3552443346");
    ck_assert(about(cache).st_ino == first.st_ino); /* found again */
    suite_write("texts/d", "x", 1);
    check(path, &options, "35524433463");
    ck_assert(about(cache).st_ino != first.st_ino || about(cache).st_size != first.st_size);
    const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    suite_write("texts/d", "y", 1);
    ck_assert_int_eq(utimensat(AT_FDCWD, suite_path("texts/d"), times, 0), 0);
    check(path, &options, "35524433464");
    pt_dataset_t *data;
    options.separator = "]";
    ck_fails(pt_dataset_create_from_text(context, path, &options, &data), PT_ERR_FORMAT, "separator");
    options.separator = NULL;
    options.tokenizer = open_tokenizer(", \"z\": 7");
    ck_fails(pt_dataset_create_from_text(context, path, &options, &data), PT_ERR_FORMAT, "another tokenizer");
    pt_tokenizer_free(options.tokenizer);
    options.tokenizer = tokenizer;
    check(path, &options, "35524433464"); /* it was left as it is */
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
}
END_TEST

START_TEST(test_wide_tokens_in_a_cache)
{
    pt_tokenizer_t *tokenizer = begin(1), *wide = open_tokenizer(", \"w\": 70000");
    pt_window_options_t options = windows(wide);
    static int32_t ids[LONGEST];
    options.cache = suite_path("wide.tokens");
    ck_assert_int_eq(read_all(suite_write("wide", "w x w", 5), &options, ids), 3);
    ck_assert(ids[0] == 70000 && ids[1] == X && ids[2] == 70000);
    pt_tokenizer_free(wide);
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
}
END_TEST

START_TEST(test_damaged_cache)
{
    pt_tokenizer_t *tokenizer = begin(1);
    const char *path = suite_write("text", "x y x y", 7);
    static char whole[4096], now[4096];
    pt_window_options_t options = windows(tokenizer);
    pt_dataset_t *data;
    options.cache = suite_path("damaged");
    check(path, &options, "3434");
    FILE *stream = fopen(options.cache, "rb");
    const size_t size = fread(whole, 1, sizeof whole, stream);
    fclose(stream);
    for (size_t length = 0; length < size; length += length + 9 < size ? 7 : 1) { /* cut short */
        suite_write("damaged", whole, length);
        ck_fails(pt_dataset_create_from_text(context, path, &options, &data), PT_ERR_FORMAT, "damaged");
        stream = fopen(options.cache, "rb");
        ck_assert_uint_eq(fread(now, 1, sizeof now, stream), length);
        fclose(stream);
    }
    suite_write("damaged", "not ours, and longer than eight bytes", 37);
    ck_fails(pt_dataset_create_from_text(context, path, &options, &data), PT_ERR_FORMAT, "damaged");
    char other[128] = {59};
    memcpy(other + 8, "{\"tokens\":{\"dtype\":\"U16\",\"shape\":[1],\"data_offsets\":[0,2]}}xy", 61);
    suite_write("damaged", other, 8 + 61);
    ck_fails(pt_dataset_create_from_text(context, path, &options, &data), PT_ERR_FORMAT, "no token file");
    make_directory("place");
    options.cache = suite_path("place");
    ck_fails(pt_dataset_create_from_text(context, path, &options, &data), PT_ERR_IO, "place");
    options.cache = suite_path("no/such/place");
    ck_fails(pt_dataset_create_from_text(context, path, &options, &data), PT_ERR_NOT_FOUND, "no/such/place");
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
}
END_TEST

/* ---- What fails ---- */

START_TEST(test_wrong_options)
{
    pt_tokenizer_t *tokenizer = begin(1);
    const char *path = make_texts();
    pt_window_options_t options = windows(NULL);
    pt_dataset_t *data;
    options.separator = "]";
    ck_fails(pt_dataset_create_from_text(context, path, &options, &data), PT_ERR_ARGUMENT, "separator needs");
    options = windows(NULL);
    options.cache = suite_path("none");
    ck_fails(pt_dataset_create_from_text(context, path, &options, &data), PT_ERR_ARGUMENT, "cache needs");
    ck_fails(pt_dataset_create_from_tokens(context, path, &options, &data), PT_ERR_ARGUMENT, "cache means nothing");
    options = windows(tokenizer);
    ck_fails(pt_dataset_create_from_tokens(context, path, &options, &data), PT_ERR_ARGUMENT, "tokenizer means");
    options.separator = "z";
    ck_fails(pt_dataset_create_from_text(context, path, &options, &data), PT_ERR_NOT_FOUND, "separator \"z\"");
    options.tokenizer = NULL;
    ck_fails(pt_dataset_create_from_tokens(context, path, &options, &data), PT_ERR_ARGUMENT, "separator means");
    options = windows(tokenizer);
    ck_fails(pt_dataset_create_from_text(context, suite_path("nowhere"), &options, &data), PT_ERR_NOT_FOUND, "nowhere");
    make_directory("nothing");
    ck_fails(pt_dataset_create_from_text(context, suite_path("nothing"), &options, &data), PT_ERR_NOT_FOUND,
             "expected text");
    ck_fails(pt_dataset_create_from_text(context, "/dev/null", &options, &data), PT_ERR_FORMAT, "/dev/null");
    suite_write("texts/b/3", "x \xe4\xb8 y", 6);
    ck_fails(pt_dataset_create_from_text(context, path, &options, &data), PT_ERR_FORMAT, "b/3: not UTF-8 at byte 2");
    ck_assert_int_eq(unlink(suite_path("texts/b/3")), 0);
    ck_assert_int_eq(symlink(path, suite_path("texts/loop")), 0);
    ck_fails(pt_dataset_create_from_text(context, path, &options, &data), PT_ERR_FORMAT, "directories 32 deep");
    ck_assert_int_eq(unlink(suite_path("texts/loop")), 0);
    pt_context_t *other = context;
    pt_tokenizer_t *others = begin(1);
    options.tokenizer = tokenizer;
    ck_fails(pt_dataset_create_from_text(context, path, &options, &data), PT_ERR_ARGUMENT, "another context");
    pt_tokenizer_free(others);
    pt_context_free(context);
    pt_tokenizer_free(tokenizer);
    pt_context_free(other);
}
END_TEST

static pt_status_t live(failing_allocator_t *allocator, const char *path, const char *cache, int32_t is_encoded)
{
    pt_context_options_t options;
    pt_tokenizer_t *tokenizer = NULL;
    pt_dataset_t *data = NULL;
    char text[1024];
    snprintf(text, sizeof text, file, "");
    const pt_load_options_t place = {.struct_size = sizeof place, .data = text, .bytes = (int64_t)strlen(text)};
    pt_status_t status = pt_context_options_init(&options, sizeof options);
    context = NULL;
    options.threads = 1;
    failing_allocator_hooks(allocator, &options);
    if (status == PT_OK)
        status = pt_context_create(&options, &context);
    if (status == PT_OK && is_encoded)
        status = pt_tokenizer_open(context, NULL, &place, &tokenizer);
    if (status == PT_OK) {
        pt_window_options_t window = windows(tokenizer);
        window.cache = cache;
        status = pt_dataset_create_from_text(context, path, &window, &data);
    }
    pt_dataset_free(data);
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
    return status;
}

START_TEST(test_every_allocation_may_fail)
{
    failing_allocator_t allocator;
    char path[256];
    snprintf(path, sizeof path, "%s", make_texts());
    pt_status_t status;
    failing_io_skip_fsync();
    FOR_EACH_FAILING_ALLOCATION(allocator, status = live(&allocator, path, NULL, 0), status);
    FOR_EACH_FAILING_ALLOCATION(allocator, status = live(&allocator, path, NULL, 1), status);
    FOR_EACH_FAILING_ALLOCATION(allocator, status = live(&allocator, path, suite_path("allocated"), 1), status);
}
END_TEST

/* Whatever call of the system fails: a status, nothing left aside, and the next call comes through. */
START_TEST(test_every_call_of_the_system_may_fail)
{
    static const failing_io_t kinds[] = {FAILING_WRITE,   FAILING_FSYNC,   FAILING_RENAME, FAILING_CLOSE,
                                         FAILING_OPENDIR, FAILING_READDIR, FAILING_OPEN};
    char path[256];
    snprintf(path, sizeof path, "%s", make_texts());
    make_directory("made");
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++)
        for (long n = 1;; n++) {
            failing_allocator_t allocator;
            failing_allocator_start(&allocator, 0);
            unlink(suite_path("made/tokens"));
            failing_io_arm(kinds[kind], n, EIO);
            const pt_status_t status = live(&allocator, path, suite_path("made/tokens"), 1);
            const long calls = failing_io_calls(kinds[kind]);
            failing_io_disarm();
            ck_assert_int_eq(atomic_load(&allocator.live), 0);
            if (calls < n)
                break;
            ck_assert(status == PT_OK || status == PT_ERR_IO);
            const char *listing = suite_listing(suite_path("made"));
            ck_assert_msg(strcmp(listing, "") == 0 || strcmp(listing, "tokens") == 0, "left: %s", listing);
        }
}
END_TEST

SUITE("text_files", 120, test_files_in_order, test_long_files, test_no_place_to_cut, test_cache,
      test_wide_tokens_in_a_cache, test_damaged_cache, test_wrong_options, test_every_allocation_may_fail,
      test_every_call_of_the_system_may_fail)
