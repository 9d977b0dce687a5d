/* Tokenizers in files of other kinds: ids and texts as the programs that such files are of give them
 * (tests/golden/make_foreign.py), saved and opened again; directories; what is refused; files cut anywhere, files with
 * wrong bytes, and failing allocations. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/file.h"
#include "base/json.h"
#include "support/failing_allocator.h"
#include "support/suite.h"

enum { MOST = 1024 };

static pt_context_t *context;

static const char *const files[] = {"unigram.model", "bpe.model", "llama.gguf",     "gpt2/vocab.json",
                                    "gpt2.tiktoken", "gpt2.gguf", "bert/vocab.txt", "bert_cased/vocab.txt",
                                    "bert.gguf"};
enum { FILES = sizeof files / sizeof files[0] };

static const char *golden(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "tests/golden/foreign/%s", name);
    return suite_source(path);
}

static void check_case(pt_tokenizer_t *tokenizer, const char *name, const pt__json_t *each)
{
    const pt__json_t *text = pt__json_find(each, "text"), *expected = pt__json_find(each, "ids"),
                     *decoded = pt__json_find(each, "decoded");
    static int32_t ids[MOST];
    static char back[8 * MOST];
    size_t length;
    const pt_text_t given = {.text = text->string, .bytes = text->length};
    const pt_tokenize_options_t options = {.struct_size = sizeof options, .flags = PT_TOKENIZE_PLAIN};
    pt_array_t view = {.dtype = PT_INT32, .data = ids, .capacity = MOST};
    ck_ok(pt_tokenizer_encode(tokenizer, &given, sizeof given, 1, &options, &view, NULL, NULL, sizeof view));
    ck_assert_msg(view.elements == expected->length, "%s: \"%s\" has %lld tokens, expected %lld", name, text->string,
                  (long long)view.elements, (long long)expected->length);
    int64_t i = 0;
    for (const pt__json_t *id = expected->first; id != NULL; id = id->next, i++)
        ck_assert_msg(ids[i] == id->integer, "%s: \"%s\": token %lld is %d, expected %lld", name, text->string,
                      (long long)i, (int)ids[i], (long long)id->integer);
    if (decoded->kind != PT__JSON_STRING)
        return;
    ck_ok(pt_tokenizer_decode(tokenizer, &view, sizeof view, 0, back, sizeof back, &length));
    ck_assert_msg((int64_t)length == decoded->length && memcmp(back, decoded->string, length) == 0,
                  "%s: \"%s\" comes back as \"%s\", expected \"%s\"", name, text->string, back, decoded->string);
}

/* As opened, and as opened again from what is saved. */
START_TEST(test_golden)
{
    pt__json_document_t *document;
    const pt__json_t *root;
    char *bytes;
    int64_t size, files_found = 0;
    ck_ok(pt_context_create(NULL, &context));
    ck_ok(pt__file_read(&context->memory, golden("cases.json"), 0, &bytes, &size));
    ck_ok(pt__json_parse(&context->memory, "cases.json", bytes, size, &document, &root));
    for (const pt__json_t *file = root->first; file != NULL; file = file->next, files_found++)
        for (int again = 0; again < 2; again++) {
            pt_tokenizer_t *tokenizer;
            const char *saved = suite_path("saved.json");
            ck_ok(pt_tokenizer_open(context, again ? saved : golden(file->key), NULL, &tokenizer));
            ck_assert_int_gt(file->length, 15);
            for (const pt__json_t *each = file->first; each != NULL; each = each->next)
                check_case(tokenizer, file->key, each);
            ck_ok(pt_tokenizer_save(tokenizer, saved, NULL));
            pt_tokenizer_free(tokenizer);
        }
    ck_assert_int_eq(files_found, FILES);
    pt__json_free(document);
    pt__release(&context->memory, bytes);
    pt_context_free(context);
}
END_TEST

/* Tokens around texts, and special ones within. */
START_TEST(test_ends)
{
    static const struct {
        const char *file, *text;
        int32_t count, first, last;
    } cases[] = {
        {"llama.gguf", "</s>", 3, 1, 2}, /* add_bos_token where the file does not say, add_eos_token */
        {"bert.gguf", "[MASK]", 3, 2, 3},
        {"bert/vocab.txt", "[MASK]", 3, 2, 3},
        {"gpt2/vocab.json", "<|endoftext|>", 1, 360, 360},
        {"unigram.model", "<s>", 1, 1, 1},
    };
    ck_ok(pt_context_create(NULL, &context));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pt_tokenizer_t *tokenizer;
        int32_t ids[8];
        const pt_text_t given = {.text = cases[i].text, .bytes = -1};
        pt_array_t view = {.dtype = PT_INT32, .data = ids, .capacity = 8};
        ck_ok(pt_tokenizer_open(context, golden(cases[i].file), NULL, &tokenizer));
        ck_ok(pt_tokenizer_encode(tokenizer, &given, sizeof given, 1, NULL, &view, NULL, NULL, sizeof view));
        ck_assert_msg(view.elements == cases[i].count && ids[0] == cases[i].first &&
                          ids[view.elements - 1] == cases[i].last,
                      "%s: %lld tokens from %d to %d", cases[i].file, (long long)view.elements, (int)ids[0],
                      (int)ids[view.elements - 1]);
        pt_tokenizer_free(tokenizer);
    }
    pt_context_free(context);
}
END_TEST

static pt_status_t open_bytes(const void *bytes, size_t size, pt_tokenizer_t **tokenizer)
{
    const pt_load_options_t place = {.struct_size = sizeof place, .data = bytes, .bytes = (int64_t)size};
    return pt_tokenizer_open(context, NULL, &place, tokenizer);
}

static void write_text(const char *name, const char *text)
{
    suite_write(name, text, strlen(text));
}

/* The first of the files that may be there. */
START_TEST(test_directories)
{
    pt_tokenizer_t *tokenizer;
    char *bytes;
    int64_t size;
    ck_ok(pt_context_create(NULL, &context));
    ck_fails(pt_tokenizer_open(context, suite_directory(), NULL, &tokenizer), PT_ERR_NOT_FOUND,
             "none of tokenizer.json, tokenizer.model, vocab.json, vocab.txt and *.tiktoken is there");
    ck_ok(pt__file_read(&context->memory, golden("gpt2.tiktoken"), 0, &bytes, &size));
    suite_write("gpt2.tiktoken", bytes, (size_t)size);
    pt__release(&context->memory, bytes);
    ck_ok(pt_tokenizer_open(context, suite_directory(), NULL, &tokenizer));
    ck_assert_int_eq(pt_tokenizer_size(tokenizer), 50257);
    pt_tokenizer_free(tokenizer);
    write_text("vocab.txt", "[UNK]\nsun\n\n##ny\r\n");
    write_text("tokenizer_config.json", "{\"unk_token\": {\"content\": \"sun\"}, \"strip_accents\": false}");
    ck_ok(pt_tokenizer_open(context, suite_directory(), NULL, &tokenizer));
    ck_assert_int_eq(pt_tokenizer_id(tokenizer, "##ny"), 3);
    ck_assert_int_eq(pt_tokenizer_size(tokenizer), 4);
    pt_tokenizer_free(tokenizer);
    write_text("vocab.json", "{\"a\": 0, \"b\": 1, \"ab\": 2, \"<s>\": 3, \"</s>\": 4}");
    ck_fails(pt_tokenizer_open(context, suite_directory(), NULL, &tokenizer), PT_ERR_NOT_FOUND, "merges.txt");
    write_text("merges.txt", "#version: 0.2\na b\n");
    write_text("tokenizer_config.json", "{\"tokenizer_class\": \"RobertaTokenizer\", \"eos_token\": \"</s>\"}");
    ck_ok(pt_tokenizer_open(context, suite_directory(), NULL, &tokenizer));
    const pt_text_t given = {.text = "ab", .bytes = -1};
    int32_t ids[8];
    pt_array_t view = {.dtype = PT_INT32, .data = ids, .capacity = 8};
    ck_ok(pt_tokenizer_encode(tokenizer, &given, sizeof given, 1, NULL, &view, NULL, NULL, sizeof view));
    ck_assert_int_eq(view.elements, 3);
    ck_assert_int_eq(ids[0], 3);
    ck_assert_int_eq(ids[1], 2);
    ck_assert_int_eq(ids[2], 4);
    pt_tokenizer_free(tokenizer);
    write_text("tokenizer_config.json", "{\"tokenizer_class\": \"OtherTokenizer\"}");
    ck_fails(pt_tokenizer_open(context, suite_directory(), NULL, &tokenizer), PT_ERR_UNSUPPORTED,
             "tokenizer_class \"OtherTokenizer\"");
    pt_context_free(context);
}
END_TEST

#define BYTES(literal)    literal, sizeof literal - 1
#define GGUF(pairs)       "GGUF\3\0\0\0\0\0\0\0\0\0\0\0" pairs "\0\0\0\0\0\0\0"
#define KEY(name, length) length "\0\0\0\0\0\0\0tokenizer.ggml." name
#define GPT2              KEY("model", "\x14") "\x08\0\0\0\4\0\0\0\0\0\0\0gpt2"

START_TEST(test_what_is_refused)
{
    static const struct {
        const char *bytes;
        size_t size;
        pt_status_t status;
        const char *part;
    } cases[] = {
        {BYTES("nothing known"), PT_ERR_FORMAT, "it begins like none of them"},
        {BYTES("{\"ab\": 0}"), PT_ERR_UNSUPPORTED, "needs the merges.txt beside it"},
        {BYTES("[PAD]\n[UNK]\n"), PT_ERR_UNSUPPORTED, "needs the tokenizer_config.json"},
        {BYTES("YQ== 0\nYg== 1\n"), PT_ERR_UNSUPPORTED, "2 ranks, and a name that is none of"},
        {BYTES("YQ== 0\nYg 1\n"), PT_ERR_FORMAT, "line 2: expected a token in base64"},
        {BYTES("YQ== 0\nYg== 99999999999\n"), PT_ERR_FORMAT, "line 2"},
        {BYTES("YQ== 0\nYg==\n"), PT_ERR_FORMAT, "line 2"},
        {BYTES("YQ== 0\nYg== 0\n"), PT_ERR_FORMAT, "have the same id 0"},
        {BYTES("YQ== 0\nYQ== 1\n"), PT_ERR_FORMAT, "has the ids 0 and 1"},
        {BYTES("GGUF"), PT_ERR_FORMAT, "4 bytes, expected a header of 24"},
        {BYTES("GGUF\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), PT_ERR_UNSUPPORTED, "GGUF of version 1"},
        {BYTES(GGUF("\0")), PT_ERR_NOT_FOUND, "there is no tokenizer in it"},
        {BYTES(GGUF("\1")), PT_ERR_FORMAT, "byte 24: a key takes 8 bytes, and 0 are left"},
        {BYTES(GGUF("\1") "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F"), PT_ERR_FORMAT, "a key takes 9223372036854775807 bytes"},
        {BYTES(GGUF("\1") "\1\0\0\0\0\0\0\0a\x0D\0\0\0"), PT_ERR_FORMAT, "a value of kind 13"},
        {BYTES(GGUF("\1") "\1\0\0\0\0\0\0\0a\x09\0\0\0\x09\0\0\0\1\0\0\0\0\0\0\0"), PT_ERR_FORMAT,
         "a kind takes 4 bytes, and 0 are left"},
        {BYTES(GGUF("\1") "\1\0\0\0\0\0\0\0a\x09\0\0\0\x04\0\0\0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), PT_ERR_FORMAT,
         "an array takes 18446744073709551615"},
        {BYTES(GGUF("\1") GPT2), PT_ERR_FORMAT, "0 tokens"},
        {BYTES(GGUF("\2") GPT2 KEY("tokens", "\x15") "\x04\0\0\0\1\0\0\0"), PT_ERR_FORMAT,
         "expected an array of strings"},
        {BYTES(GGUF("\1") KEY("model", "\x14") "\x04\0\0\0\1\0\0\0"), PT_ERR_FORMAT, "expected a string"},
        {BYTES("\x0A\x04\x0A\x02\xFF\xFE"), PT_ERR_FORMAT, "piece 0 is not UTF-8"},
        {BYTES("\x0A\x02\x0A\x00"), PT_ERR_FORMAT, "piece 0 is empty"},
        {BYTES("\x0A\x08\x0A\x01\x61\x15\0\0\xC0\x7F"), PT_ERR_FORMAT, "has a score that is no number"},
        {BYTES("\x0A\x05\x0A\x01\x61\x18\x07"), PT_ERR_FORMAT, "piece 0 is of kind 7"},
        {BYTES("\x0A\x05\x0A\x01\x61\x18\x05"), PT_ERR_UNSUPPORTED, "is not to be used"},
        {BYTES("\x0A\x03\x0A\x01\x61\x12\x02\x18\x03"), PT_ERR_UNSUPPORTED, "a model of type 3"},
        {BYTES("\x0A\x03\x0A\x01\x61\x12\x03\xC0\x01\x01"), PT_ERR_UNSUPPORTED, "treat_whitespace_as_suffix"},
        {BYTES("\x0A\x03\x0A\x01\x61\x12\x02\x1A\x00"), PT_ERR_FORMAT, "is of wire type 2, expected 0"},
        {BYTES("\x0A\x03\x0A\x01\x61\x1A\x05\x12\x03\x61\x62\x63"), PT_ERR_FORMAT, "expected a double array"},
        {BYTES("\x0A\x03\x0A\x01\x61\x0B"), PT_ERR_FORMAT, "byte 6: a field of a kind that is not known"},
        {BYTES("\x0A\x03\x0A\x01\x61\x02\x00"), PT_ERR_FORMAT, "a field without a number"},
        {BYTES("\x0A\x03\x0A\x01\x61\x22\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F"), PT_ERR_FORMAT,
         "field 4 has 9223372036854775807 bytes, and 0 are left"},
        {BYTES("\x0A\x03\x0A\x01\x61\x20\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"), PT_ERR_FORMAT,
         "a number of over 10 bytes"},
        {BYTES("\x0A\x03\x0A\x01\x61\x0A\x03\x0A\x01\x61"), PT_ERR_FORMAT, "has the ids 0 and 1"},
    };
    ck_ok(pt_context_create(NULL, &context));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pt_tokenizer_t *tokenizer;
        ck_fails(open_bytes(cases[i].bytes, cases[i].size, &tokenizer), cases[i].status, cases[i].part);
        ck_assert_ptr_null(tokenizer);
        ck_assert_msg(strncmp(pt_last_error(), "memory: ", 8) == 0, "%s", pt_last_error());
    }
    pt_context_free(context);
}
END_TEST

static int32_t is_refusal(pt_status_t status)
{
    return status == PT_ERR_FORMAT || status == PT_ERR_NOT_FOUND || status == PT_ERR_UNSUPPORTED;
}

/* Those that need a file beside them are opened by a path. */
static void open_damaged(const char *file, const char *bytes, int64_t size, long *refused)
{
    pt_tokenizer_t *tokenizer;
    const char *slash = strrchr(file, '/');
    pt_status_t status = slash == NULL ? open_bytes(bytes, (size_t)size, &tokenizer)
                                       : pt_tokenizer_open(context, suite_write(slash + 1, bytes, (size_t)size), NULL,
                                                           &tokenizer);
    ck_assert_msg(status == PT_OK || is_refusal(status), "%s: %s", pt__status_name(status), pt_last_error());
    ck_assert_msg(status == PT_OK || strncmp(pt_last_error(), slash == NULL ? "memory: " : suite_directory(), 8) == 0,
                  "%s", pt_last_error());
    pt_tokenizer_free(tokenizer);
    *refused += status != PT_OK;
}

/* Each file cut at many places, and with another byte there: it opens, or is refused with a message that names it. */
START_TEST(test_damaged_files)
{
    long refused = 0;
    pt_context_options_t options;
    ck_ok(pt_context_options_init(&options, sizeof options));
    options.threads = 1;
    ck_ok(pt_context_create(&options, &context));
    write_text("merges.txt", "a b\n");
    for (int i = 0; i < FILES; i++) {
        char *bytes;
        int64_t size;
        ck_ok(pt__file_read(&context->memory, golden(files[i]), 0, &bytes, &size));
        for (int64_t at = 0; at < size; at += 1 + at / 97) {
            const char before = bytes[at];
            open_damaged(files[i], bytes, at, &refused);
            bytes[at] = (char)(before ^ (at % 7 == 0 ? 0xFF : 1 << at % 8));
            open_damaged(files[i], bytes, size, &refused);
            bytes[at] = before;
        }
        pt__release(&context->memory, bytes);
    }
    ck_assert_int_gt(refused, 500);
    pt_context_free(context);
}
END_TEST

static pt_status_t live(failing_allocator_t *allocator, const char *path)
{
    pt_context_options_t options;
    pt_tokenizer_t *tokenizer = NULL;
    ck_ok(pt_context_options_init(&options, sizeof options));
    options.threads = 1;
    failing_allocator_hooks(allocator, &options);
    PT__TRY(pt_context_create(&options, &context));
    pt_status_t status = pt_tokenizer_open(context, path, NULL, &tokenizer);
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
    return status;
}

START_TEST(test_failing_allocations)
{
    failing_allocator_t allocator;
    pt_status_t status;
    for (int i = 0; i < FILES; i++)
        FOR_EACH_FAILING_ALLOCATION(allocator, { status = live(&allocator, golden(files[i])); }, status);
}
END_TEST

SUITE("foreign_files", 120, test_golden, test_ends, test_directories, test_what_is_refused, test_damaged_files,
      test_failing_allocations)
