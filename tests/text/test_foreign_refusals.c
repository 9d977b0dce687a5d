/* Tokenizers' files of other kinds that contradict themselves, or ask for what is not known: GGUF files made here value
 * by value, and files by the path and the name that they need. */
#include <stdio.h>
#include <string.h>

#include "support/suite.h"

static pt_context_t *context;

/* ---- A GGUF file, value by value ---- */

static char made[1 << 14];
static size_t size;

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

static void put_key(const char *name)
{
    char key[64];
    snprintf(key, sizeof key, "tokenizer.ggml.%s", name);
    made[16]++;
    put_string(key);
}

static void begin(const char *model)
{
    size = 0;
    put("GGUF", 4);
    put_number(3, 4);
    put_number(0, 8);
    put_number(0, 8);
    put_key("model");
    put_number(8, 4);
    put_string(model);
}

/* Words between blanks. */
static void put_strings(const char *name, const char *words)
{
    char copy[256];
    uint64_t count = 0;
    snprintf(copy, sizeof copy, "%s", words);
    for (const char *at = copy; at != NULL; at = strchr(at, ' '), at = at == NULL ? NULL : at + 1)
        count++;
    put_key(name);
    put_number(9, 4);
    put_number(8, 4);
    put_number(count, 8);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " "))
        put_string(word);
}

static void put_numbers(const char *name, uint32_t kind, const void *numbers, uint64_t count, size_t each)
{
    put_key(name);
    put_number(9, 4);
    put_number(kind, 4);
    put_number(count, 8);
    put(numbers, count * each);
}

static void put_integer(const char *name, uint32_t kind, uint64_t number, size_t length)
{
    put_key(name);
    put_number(kind, 4);
    put_number(number, length);
}

static pt_status_t open_made(pt_tokenizer_t **tokenizer)
{
    const pt_load_options_t place = {.struct_size = sizeof place, .data = made, .bytes = (int64_t)size};
    return pt_tokenizer_open(context, NULL, &place, tokenizer);
}

static void refuse(pt_status_t status, const char *part)
{
    pt_tokenizer_t *tokenizer;
    ck_fails(open_made(&tokenizer), status, part);
    ck_assert_ptr_null(tokenizer);
}

START_TEST(test_gguf)
{
    const float scores[3] = {0, -1, -2};
    const int32_t kinds[3] = {2, 1, 1};
    ck_ok(pt_context_create(NULL, &context));
    begin("other");
    put_strings("tokens", "a b");
    refuse(PT_ERR_UNSUPPORTED, "tokenizer.ggml.model is \"other\", expected gpt2, llama, t5 or bert");
    begin("gpt2");
    put_strings("tokens", "a b");
    refuse(PT_ERR_UNSUPPORTED, "tokenizer.ggml.pre is \"\", which is not known here");
    begin("gpt2");
    put_strings("tokens", "a b");
    put_key("pre");
    put_number(8, 4);
    put_string("gpt-2");
    put_strings("merges", "a\xFF");
    refuse(PT_ERR_FORMAT, "merge 0 is not UTF-8");
    begin("gpt2");
    put_strings("tokens", "a b\xC3");
    refuse(PT_ERR_FORMAT, "token 1 is not UTF-8");
    begin("bert");
    put_strings("tokens", "a b");
    refuse(PT_ERR_FORMAT, "no token is [UNK], and tokenizer.ggml.unknown_token_id is missing");
    begin("bert");
    put_strings("tokens", "a b");
    put_integer("unknown_token_id", 5, (uint64_t)-1, 4);
    refuse(PT_ERR_FORMAT, "tokenizer.ggml.unknown_token_id is");
    begin("llama");
    put_strings("tokens", "<unk> a b");
    put_numbers("scores", 6, scores, 2, 4);
    refuse(PT_ERR_FORMAT, "2 scores and 0 token types, expected 0 or 3");
    begin("llama");
    put_strings("tokens", "<unk> a b");
    put_numbers("token_type", 5, (const int32_t[]){2, 1, 9}, 3, 4);
    refuse(PT_ERR_FORMAT, "piece 2 is of kind 0, expected 1 to 6");
    begin("llama");
    put_strings("tokens", "<unk> a b");
    put_integer("add_bos_token", 7, 1, 1);
    put_integer("bos_token_id", 4, 3, 4);
    refuse(PT_ERR_FORMAT, "tokenizer.ggml.bos_token_id is 3, expected 0 to 2");
    begin("llama");
    put_strings("tokens", "<unk> a b");
    put_integer("add_space_prefix", 6, 0, 4);
    refuse(PT_ERR_FORMAT, "tokenizer.ggml.add_space_prefix is a value of kind 6, expected a whole number");
    begin("t5");
    put_strings("tokens", "<unk> a b");
    put_numbers("scores", 6, scores, 3, 4);
    put_numbers("token_type", 5, kinds, 3, 4);
    put_numbers("precompiled_charsmap", 5, kinds, 3, 4);
    refuse(PT_ERR_FORMAT, "precompiled_charsmap is of kind 5, expected an array of bytes");
    pt_context_free(context);
}
END_TEST

/* A value of another kind than the key's. */
START_TEST(test_gguf_kinds)
{
    static const struct {
        const char *model, *key; /* a number of this key and kind */
        uint32_t kind;
        size_t length;
        const char *part;
    } cases[] = {{"llama", "scores", 4, 4, "tokenizer.ggml.scores is"},
                 {"llama", "token_type", 4, 4, "tokenizer.ggml.token_type is"},
                 {"llama", "tokens", 4, 4, "tokenizer.ggml.tokens is"},
                 {"llama", "add_bos_token", 6, 4, "tokenizer.ggml.add_bos_token is"},
                 {"llama", "remove_extra_whitespaces", 6, 4, "tokenizer.ggml.remove_extra_whitespaces is"},
                 {"llama", "precompiled_charsmap", 4, 4, "precompiled_charsmap is of kind 4"},
                 {"gpt2", "pre", 4, 4, "tokenizer.ggml.pre is"},
                 {"gpt2", "merges", 4, 4, "tokenizer.ggml.merges is"},
                 {"bert", "cls_token_id", 6, 4, "tokenizer.ggml.cls_token_id is"}};
    ck_ok(pt_context_create(NULL, &context));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin(cases[i].model);
        if (strcmp(cases[i].key, "tokens") != 0)
            put_strings("tokens", "[UNK] a b");
        if (strcmp(cases[i].key, "merges") == 0) {
            put_key("pre");
            put_number(8, 4);
            put_string("gpt-2");
        }
        put_integer(cases[i].key, cases[i].kind, 1, cases[i].length);
        refuse(PT_ERR_FORMAT, cases[i].part);
    }
    begin("llama");
    put_key("tokens");
    put_number(9, 4);
    put_number(8, 4);
    put_number(0, 8);
    refuse(PT_ERR_FORMAT, "0 tokens (tokenizer.ggml.tokens), expected 1 to");
    begin("llama");
    put_strings("tokens", "<unk> a b");
    put_numbers("token_type", 5, (const int32_t[]){2, 1}, 2, 4);
    refuse(PT_ERR_FORMAT, "0 scores and 2 token types, expected 0 or 3");
    pt_context_free(context);
}
END_TEST

/* T5's: unigram, a token behind texts, no blank before them where the file says so. */
START_TEST(test_t5)
{
    const float scores[3] = {0, -1, -2};
    const int32_t kinds[3] = {2, 1, 3};
    pt_tokenizer_t *tokenizer;
    int32_t ids[8];
    const pt_text_t text = {.text = "  aa", .bytes = -1};
    pt_array_t view = {.dtype = PT_INT32, .data = ids, .capacity = 8};
    ck_ok(pt_context_create(NULL, &context));
    begin("t5");
    put_strings("tokens", "<unk> a </s>");
    put_numbers("scores", 6, scores, 3, 4);
    put_numbers("token_type", 5, kinds, 3, 4);
    put_integer("add_space_prefix", 7, 0, 1);
    put_integer("remove_extra_whitespaces", 7, 1, 1);
    put_integer("eos_token_id", 10, 2, 8);
    ck_ok(open_made(&tokenizer));
    ck_ok(pt_tokenizer_encode(tokenizer, &text, sizeof text, 1, NULL, &view, NULL, NULL, sizeof view));
    ck_assert_int_eq(view.elements, 3);
    ck_assert_int_eq(ids[0], 1);
    ck_assert_int_eq(ids[1], 1);
    ck_assert_int_eq(ids[2], 2);
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
}
END_TEST

static void refuse_file(const char *name, const char *text, pt_status_t status, const char *part)
{
    pt_tokenizer_t *tokenizer;
    ck_fails(pt_tokenizer_open(context, suite_write(name, text, strlen(text)), NULL, &tokenizer), status, part);
    ck_assert_msg(strstr(pt_last_error(), name) != NULL, "%s", pt_last_error());
}

START_TEST(test_files_by_name)
{
    static char line[4096];
    ck_ok(pt_context_create(NULL, &context));
    refuse_file("vocab.txt", "a\nb\n", PT_ERR_FORMAT, "no line is the unknown token \"[UNK]\"");
    refuse_file("vocab.txt", "a\n\xFF\n", PT_ERR_FORMAT, "line 2 is not UTF-8");
    refuse_file("vocab.txt", "[UNK]\na\na\n", PT_ERR_FORMAT, "\"a\" has the ids 1 and 2");
    suite_write("tokenizer_config.json", "[]", 2);
    refuse_file("vocab.txt", "[UNK]\na\n", PT_ERR_FORMAT, "tokenizer_config.json: expected an object");
    suite_write("tokenizer_config.json", "{\"do_lower_case\": 3}", 20);
    refuse_file("vocab.txt", "[UNK]\na\n", PT_ERR_FORMAT, "tokenizer_config.json: do_lower_case");
    suite_write("tokenizer_config.json", "{\"tokenizer_class\": \"BartTokenizer\"}", 36);
    suite_write("merges.txt", "a b\n", 4);
    refuse_file("vocab.json", "{\"a\": 0, \"b\": 1, \"ab\": 2}", PT_ERR_NOT_FOUND, "<s>");
    suite_write("tokenizer_config.json", "{}", 2);
    suite_write("merges.txt", "a b\nab\n", 7);
    refuse_file("vocab.json", "{\"a\": 0, \"b\": 1, \"ab\": 2}", PT_ERR_FORMAT,
                "merges.txt: line 2: expected two tokens with a blank between them");
    suite_write("merges.txt", "a c\n", 4);
    refuse_file("vocab.json", "{\"a\": 0, \"b\": 1, \"ab\": 2}", PT_ERR_FORMAT, "\"c\" is not in the vocabulary");
    refuse_file("vocab.json", "{\"a\": 0, \"b\": 1", PT_ERR_FORMAT, "vocab.json");
    strcpy(line, "YQ== 1\n");
    memset(line + 7, 'Y', 2000);
    strcpy(line + 2007, " 0\n");
    refuse_file("cl100k.tiktoken", line, PT_ERR_UNSUPPORTED, "line 2: a token of 1500 bytes, expected at most 1024");
    pt_context_free(context);
}
END_TEST

/* A piece that is too long, in a SentencePiece model; and pieces that the user has named, which are found whole. */
START_TEST(test_pieces)
{
    static const char user[] = "\x0A\x0A\x0A\x01?\x15\0\0\0\0\x18\x02"
                               "\x0A\x0C\x0A\x03[x]\x15\0\0\0\0\x18\x04"
                               "\x0A\x08\x0A\x01"
                               "a\x15\0\0\x80\xBF"
                               "\x12\x02\x18\x02\x1A\x04\x18\x00\x20\x00";
    pt_tokenizer_t *tokenizer;
    int32_t ids[8];
    const pt_text_t text = {.text = "a[x]a", .bytes = -1};
    pt_array_t view = {.dtype = PT_INT32, .data = ids, .capacity = 8};
    const pt_load_options_t place = {.struct_size = sizeof place, .data = user, .bytes = sizeof user - 1};
    ck_ok(pt_context_create(NULL, &context));
    ck_ok(pt_tokenizer_open(context, NULL, &place, &tokenizer));
    ck_ok(pt_tokenizer_encode(tokenizer, &text, sizeof text, 1, NULL, &view, NULL, NULL, sizeof view));
    ck_assert_int_eq(view.elements, 3);
    ck_assert_int_eq(ids[0], 2);
    ck_assert_int_eq(ids[1], 1);
    pt_tokenizer_free(tokenizer);
    size = 0;
    put("\x0A\xD3\x0F\x0A\xD0\x0F", 6); /* 2003 bytes, of which 2000 of the piece */
    for (int i = 0; i < 2000; i++)
        put("a", 1);
    refuse(PT_ERR_UNSUPPORTED, "piece 0 has 2000 bytes, expected at most 1024");
    pt_context_free(context);
}
END_TEST

SUITE("foreign_refusals", 60, test_gguf, test_gguf_kinds, test_t5, test_files_by_name, test_pieces)
