/* Texts of tokens as they come: however they are cut, all parts together are what pt_tokenizer_decode makes of all of
 * them, each part is whole characters, what is certain comes at once, and a token costs the same at every place. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/context.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "base/utf8.h"
#include "support/failing_allocator.h"
#include "support/suite.h"
#include "text/decoders.h"

#define STRIP(content, start, stop) \
    "{\"type\": \"Strip\", \"content\": \"" content "\", \"start\": " start ", \"stop\": " stop "}"
#define REPLACE(from, to) "{\"type\": \"Replace\", \"pattern\": {\"String\": \"" from "\"}, \"content\": \"" to "\"}"

#define FALLBACK "{\"type\": \"ByteFallback\"}"
#define FUSE     "{\"type\": \"Fuse\"}"
#define BYTES    "{\"type\": \"ByteLevel\"}"
#define SOUNDS   "{\"type\": \"CTC\", \"pad_token\": \"a\", \"word_delimiter_token\": \"|\", \"cleanup\": true}"
#define PIECES   "{\"type\": \"WordPiece\", \"prefix\": \"##\", \"cleanup\": true}"
#define ENDS     "{\"type\": \"BPEDecoder\", \"suffix\": \"b\"}"
#define BLANKS   "{\"type\": \"Metaspace\", \"replacement\": \"_\"}"

/* Decoders one after the other, as files have them and as nobody would. */
static const char *const chains[] = {
    "",
    BYTES,
    REPLACE("_", " ") ", " FALLBACK ", " FUSE ", " STRIP(" ", "1", "0"),
    REPLACE("_", " ") ", " FALLBACK ", " FUSE ", " STRIP(" ", "2", "3"),
    FALLBACK ", " FUSE ", " REPLACE("_a", " ") ", " STRIP(" ", "1", "1"),
    FUSE ", " STRIP("\xC3\xA9", "2", "1") ", " STRIP(" ", "0", "2147483647"),
    FUSE ", " STRIP("a", "1", "2") ", " STRIP("a", "1", "1") ", " FUSE,
    STRIP("a", "1", "1") ", " FALLBACK ", " FALLBACK,
    BYTES ", " STRIP(" ", "1", "1") ", " BYTES,
    FUSE ", " BYTES ", " SOUNDS,
    FUSE ", " PIECES ", " BLANKS ", " ENDS,
    SOUNDS,
    SOUNDS ", " ENDS ", " PIECES,
    PIECES,
    ENDS,
    ENDS ", " BYTES,
    BLANKS,
    BLANKS ", " FALLBACK ", " BYTES,
};
enum { CHAINS = sizeof chains / sizeof chains[0], MOST = 400, TEXT = 1 << 16 };

#define VOCABULARY                                                                                      \
    "\"a\": 0, \"b\": 1, \" \": 2, \"  \": 3, \"_a\": 4, \"<0xC3>\": 5, \"<0xA9>\": 6, \"<0xE4>\": 7, " \
    "\"<0x41>\": 8, \"##b\": 9, \"##\": 10, \".\": 11, \"|\": 12, \"\xC3\x83\": 13, "                   \
    "\"\xC2\xA9\": 14, \"\xC4\xA0\": 15, \"\xC3\xA9\": 16, \"\xC3\xB0\": 17, \"\xC5\x81\": 18, "        \
    "\"\xE4\xB8\xAD\": 19, \"ab\": 20, \"'m\": 21, \"_\": 22, \"\xC4\xA2\": 23, \"n't\": 24, "          \
    "\"\xC3\xA4\": 25"
enum { TOKENS = 28 }; /* a special one and an added one among them */

static void open_chain(pt_context_t *context, const char *chain, pt_tokenizer_t **tokenizer)
{
    char file[2048];
    snprintf(
        file, sizeof file,
        "{\"added_tokens\": [{\"id\": 26, \"content\": \"<s>\", \"special\": true}, {\"id\": 27, \"content\": \" x "
        "\", \"normalized\": false}]%s%s%s, \"model\": {\"type\": \"WordLevel\", \"unk_token\": \"a\", \"vocab\": "
        "{" VOCABULARY "}}}",
        *chain ? ", \"decoder\": {\"type\": \"Sequence\", \"decoders\": [" : "", chain, *chain ? "]}" : "");
    const pt_load_options_t place = {.struct_size = sizeof place, .data = file, .bytes = (int64_t)strlen(file)};
    ck_ok(pt_tokenizer_open(context, NULL, &place, tokenizer));
}

static uint32_t random_state = 1;

static int32_t draw(int32_t below)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (int32_t)((random_state >> 8) % (uint32_t)below);
}

static pt_array_t view_of(const int32_t *ids, int64_t count)
{
    return (pt_array_t){.dtype = PT_INT32, .data = (void *)(uintptr_t)ids, .elements = count};
}

static void check_characters(const char *name, const char *part, size_t length)
{
    for (size_t at = 0; at < length;) {
        const int32_t step = pt__utf8_length(part + at, (int64_t)(length - at));
        ck_assert_msg(step > 0, "%s: a part is \"%.*s\", which is cut at byte %lld", name, (int)length, part,
                      (long long)at);
        at += (size_t)step;
    }
}

/* Puts a part behind the others. */
static void gather(const char *name, const char *part, size_t length, char *text, size_t *written)
{
    check_characters(name, part, length);
    ck_assert_int_eq(part[length], 0);
    ck_assert_uint_lt(*written + length, TEXT);
    memcpy(text + *written, part, length);
    *written += length;
}

/* At most `most` tokens a call; the buffers are too small now and then, where `stints`. */
static void decode_in_parts(const char *name, pt_decoder_t *decoder, const int32_t *ids, int64_t count, int32_t most,
                            int32_t stints, char *text, size_t *written)
{
    static char part[TEXT];
    size_t length;
    *written = 0;
    for (int64_t at = 0; at < count;) {
        int64_t some = most == 1 ? 1 : draw(most + 1);
        some = some < count - at ? some : count - at;
        const pt_array_t view = view_of(ids + at, some);
        const size_t size = stints ? (size_t)draw(6) : sizeof part;
        at += some;
        memset(part, 'x', 8);
        ck_ok(pt_decoder_add(decoder, &view, sizeof view, size == 0 ? NULL : part, size, &length));
        if (length < size)
            gather(name, part, length, text, written);
        else
            ck_assert_msg(size == 0 || *part == 0, "%s: a part of what has no room", name);
        if (length >= size && draw(2)) { /* else it comes with the next ones */
            const size_t need = length;
            ck_ok(pt_decoder_add(decoder, NULL, 0, part, need + 1, &length));
            ck_assert_uint_eq(length, need);
            gather(name, part, length, text, written);
        }
    }
    ck_ok(pt_decoder_finish(decoder, NULL, 0, &length));
    const size_t need = length;
    ck_ok(pt_decoder_finish(decoder, part, need + 1, &length));
    ck_assert_uint_eq(length, need);
    gather(name, part, length, text, written);
    ck_ok(pt_decoder_finish(decoder, part, sizeof part, &length));
    ck_assert_uint_eq(length, 0);
}

static void check_ids(const char *name, pt_tokenizer_t *tokenizer, pt_decoder_t *decoder, uint32_t flags,
                      const int32_t *ids, int64_t count)
{
    static char expected[TEXT], text[TEXT];
    static const int32_t ways[][2] = {{1, 0}, {5, 0}, {3, 1}};
    size_t length, written;
    const pt_array_t view = view_of(ids, count);
    ck_ok(pt_tokenizer_decode(tokenizer, &view, sizeof view, flags, expected, sizeof expected, &length));
    ck_assert_uint_lt(length, TEXT);
    for (size_t way = 0; way < sizeof ways / sizeof ways[0]; way++) {
        decode_in_parts(name, decoder, ids, count, ways[way][0], ways[way][1], text, &written);
        ck_assert_msg(written == length && memcmp(text, expected, length) == 0,
                      "%s: %lld tokens from %d on: \"%.*s\", expected \"%s\"", name, (long long)count, (int)ids[0],
                      (int)written, text, expected);
    }
}

/* Random tokens, half of them from a few: runs of what is alike, and of bytes. */
static void check_random(const char *name, pt_tokenizer_t *tokenizer, const int32_t *tokens, int32_t count,
                         int32_t rounds)
{
    int32_t ids[MOST];
    for (uint32_t flags = 0; flags <= PT_DECODE_SPECIAL; flags += PT_DECODE_SPECIAL) {
        pt_decoder_t *decoder;
        ck_ok(pt_decoder_create(tokenizer, flags, &decoder));
        for (int32_t round = 0; round < rounds; round++) {
            const int32_t length = 1 + draw(round % 8 == 0 ? MOST : 12), few = 1 + draw(4), base = draw(count);
            for (int32_t i = 0; i < length; i++)
                ids[i] = tokens[draw(3) ? (base + draw(few)) % count : draw(count)];
            check_ids(name, tokenizer, decoder, flags, ids, length);
        }
        pt_decoder_free(decoder);
    }
}

START_TEST(test_parts_are_the_whole)
{
    pt_context_t *context;
    int32_t tokens[TOKENS];
    for (int32_t i = 0; i < TOKENS; i++)
        tokens[i] = i;
    ck_ok(pt_context_create(NULL, &context));
    for (int i = 0; i < CHAINS; i++) {
        pt_tokenizer_t *tokenizer;
        open_chain(context, chains[i], &tokenizer);
        check_random(chains[i], tokenizer, tokens, TOKENS, 600);
        pt_tokenizer_free(tokenizer);
    }
    pt_context_free(context);
}
END_TEST

static void check_golden(const char *name)
{
    pt_context_t *context;
    pt_tokenizer_t *tokenizer;
    pt__json_document_t *document;
    const pt__json_t *root;
    char path[128], *bytes, *described;
    int64_t size;
    ck_ok(pt_context_create(NULL, &context));
    snprintf(path, sizeof path, "tests/golden/tokenizer_%s.json", name);
    ck_ok(pt__file_read(&context->memory, suite_source(path), 0, &bytes, &size));
    ck_ok(pt__json_parse(&context->memory, name, bytes, size, &document, &root));
    pt__text_t text = pt__text_start(&context->memory);
    pt__json_print(pt__json_find(root, "tokenizer"), &text);
    ck_ok(pt__text_take(&text, &described, &size));
    const pt_load_options_t place = {.struct_size = sizeof place, .data = described, .bytes = size};
    ck_ok(pt_tokenizer_open(context, NULL, &place, &tokenizer));
    const int32_t all = pt_tokenizer_size(tokenizer);
    int32_t *tokens = calloc((size_t)all, sizeof *tokens), count = 0;
    for (int32_t id = 0; id < all; id++)
        if (pt_tokenizer_token(tokenizer, id) != NULL)
            tokens[count++] = id;
    check_random(name, tokenizer, tokens, count, 150);
    free(tokens);
    pt_tokenizer_free(tokenizer);
    pt__release(&context->memory, described);
    pt__json_free(document);
    pt__release(&context->memory, bytes);
    pt_context_free(context);
}

START_TEST(test_golden_tokenizers)
{
    static const char *const names[] = {"gpt2",     "roberta",    "llama3",     "qwen2",         "clip",
                                        "fallback", "bert",       "bert_cased", "llama",         "words",
                                        "scripts",  "characters", "unigram",    "unigram_bytes", "sounds"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        check_golden(names[i]);
}
END_TEST

/* What is certain after each token, and at the end. */
static void check_steps(pt_context_t *context, const char *chain, const int32_t *ids, const char *const *parts,
                        int32_t count)
{
    pt_tokenizer_t *tokenizer;
    pt_decoder_t *decoder;
    char part[64];
    size_t length;
    open_chain(context, chain, &tokenizer);
    ck_ok(pt_decoder_create(tokenizer, 0, &decoder));
    for (int32_t i = 0; i < count; i++) {
        const pt_array_t view = view_of(&ids[i], 1);
        ck_ok(pt_decoder_add(decoder, &view, sizeof view, part, sizeof part, &length));
        ck_assert_msg(strcmp(part, parts[i]) == 0, "%s, token %d: \"%s\", expected \"%s\"", chain, (int)i, part,
                      parts[i]);
    }
    ck_ok(pt_decoder_finish(decoder, part, sizeof part, &length));
    ck_assert_msg(strcmp(part, parts[count]) == 0, "%s, the end: \"%s\", expected \"%s\"", chain, part, parts[count]);
    pt_decoder_free(decoder);
    pt_tokenizer_free(tokenizer);
}

#define STEPS(chain, ...)                                           \
    do {                                                            \
        static const struct {                                       \
            int32_t ids[6];                                         \
            const char *parts[7];                                   \
        } steps = __VA_ARGS__;                                      \
        int32_t count = 0;                                          \
        while (count < 6 && steps.parts[count + 1] != NULL)         \
            count++;                                                \
        check_steps(context, chain, steps.ids, steps.parts, count); \
    } while (0)

START_TEST(test_what_is_certain_comes_at_once)
{
    pt_context_t *context;
    ck_ok(pt_context_create(NULL, &context));
    STEPS("", {{0, 1, 26, 1}, {"a", " b", "", " b", ""}});
    /* C3 A9 are a character, C3 before a blank is none, and 0xA9 alone is none at once */
    STEPS(BYTES, {{0, 13, 14, 13, 15, 14}, {"a", "", "\xC3\xA9", "", "\xEF\xBF\xBD ", "\xEF\xBF\xBD", ""}});
    STEPS(BYTES, {{25, 13}, {"", "\xEF\xBF\xBD", "\xEF\xBF\xBD"}});
    STEPS(BYTES, {{17}, {"", "\xEF\xBF\xBD"}});
    /* a run of bytes ends, once as text and once not */
    STEPS(chains[2], {{4, 5, 6, 0, 8, 7},
                      {"a", "", "",
                       "\xC3\xA9"
                       "a",
                       "", "", "\xEF\xBF\xBD\xEF\xBF\xBD"}});
    /* one blank goes at the begin, up to three at the end */
    STEPS(chains[3], {{3, 2, 0, 3, 3, 1}, {"", "", " a", "", " ", "   b", ""}});
    STEPS(chains[3], {{2, 0, 3}, {"", "a", "", ""}});
    STEPS(SOUNDS, {{1, 1, 0, 1, 12, 0}, {"b", "", "", "b", " ", "", ""}});
    STEPS(PIECES, {{1, 9, 1}, {"b", "b", " b", ""}});
    STEPS(ENDS, {{20, 20}, {"", "a ", "a"}});
    STEPS(BLANKS, {{4, 4}, {"a", " a", ""}});
    STEPS(chains[4], {{0, 4, 0}, {"", "", "", "a a"}}); /* changes what is joined: late */
    pt_context_free(context);
}
END_TEST

/* Adds as often as memory is lacking. */
static void add_all(pt_decoder_t *decoder, const int32_t *ids, int64_t count, char *text, size_t *written,
                    int *failures)
{
    size_t length;
    for (int64_t at = 0; at <= count; at += 3) {
        const pt_array_t view = view_of(ids + at, count - at < 3 ? count - at : 3);
        pt_status_t status = PT_ERR_MEMORY;
        while (status != PT_OK) {
            status = at < count ? pt_decoder_add(decoder, &view, sizeof view, text + *written, TEXT - *written, &length)
                                : pt_decoder_finish(decoder, text + *written, TEXT - *written, &length);
            if (status != PT_OK) {
                ck_assert_int_eq(status, PT_ERR_MEMORY);
                ck_assert_int_ne(*pt_decoder_last_error(decoder), 0);
                ++*failures;
            }
        }
        *written += length;
    }
}

START_TEST(test_every_allocation_may_fail)
{
    static char expected[TEXT], text[TEXT];
    enum { COUNT = 60 };
    for (int i = 0; i < CHAINS; i++) {
        failing_allocator_t allocator;
        pt_context_options_t options;
        pt_context_t *context;
        pt_tokenizer_t *tokenizer;
        pt_decoder_t *decoder;
        int32_t ids[COUNT];
        size_t length, written;
        for (int k = 0; k < COUNT; k++)
            ids[k] = draw(TOKENS);
        failing_allocator_start(&allocator, 0);
        ck_ok(pt_context_options_init(&options, sizeof options));
        options.threads = 1;
        failing_allocator_hooks(&allocator, &options);
        ck_ok(pt_context_create(&options, &context));
        open_chain(context, chains[i], &tokenizer);
        const pt_array_t view = view_of(ids, COUNT);
        ck_ok(pt_tokenizer_decode(tokenizer, &view, sizeof view, 0, expected, sizeof expected, &length));
        for (long n = 1;; n++) {
            int failures = 0;
            written = 0;
            atomic_store(&allocator.calls, 0);
            allocator.fail_at = n;
            pt_status_t status = pt_decoder_create(tokenizer, 0, &decoder);
            if (status != PT_OK) {
                ck_assert_int_eq(status, PT_ERR_MEMORY);
                ck_assert_ptr_null(decoder);
                continue;
            }
            add_all(decoder, ids, COUNT, text, &written, &failures);
            ck_assert_msg(written == length && memcmp(text, expected, length) == 0,
                          "%s, allocation %ld failing: \"%.*s\", expected \"%s\"", chains[i], n, (int)written, text,
                          expected);
            pt_decoder_free(decoder);
            if (failures == 0)
                break;
            ck_assert_int_eq(failures, 1);
        }
        pt_tokenizer_free(tokenizer);
        pt_context_free(context);
        ck_assert_int_eq(atomic_load(&allocator.live), 0);
        ck_assert_int_eq(atomic_load(&allocator.wrong), 0);
    }
}
END_TEST

START_TEST(test_refusals)
{
    static const int32_t ids[] = {13, 14, 28, -1, 0};
    pt_context_t *context;
    pt_tokenizer_t *tokenizer;
    pt_decoder_t *decoder = (pt_decoder_t *)&context;
    char part[16];
    size_t length = 77;
    pt_array_t view = view_of(ids, 1);
    ck_ok(pt_context_create(NULL, &context));
    open_chain(context, BYTES, &tokenizer);
    ck_fails(pt_decoder_create(tokenizer, 2, &decoder), PT_ERR_ARGUMENT, "pt_decoder_create: flags is 2");
    ck_assert_ptr_null(decoder);
    ck_assert_str_eq(pt_tokenizer_last_error(tokenizer), pt_last_error());
    ck_fails(pt_decoder_create(NULL, 0, &decoder), PT_ERR_ARGUMENT, "tokenizer is NULL");
    ck_fails(pt_decoder_create(tokenizer, 0, NULL), PT_ERR_ARGUMENT, "out is NULL");
    ck_ok(pt_decoder_create(tokenizer, 0, &decoder));
    pt_tokenizer_free(tokenizer); /* retained, and with it the context */
    pt_context_free(context);
    ck_assert_str_eq(pt_decoder_last_error(decoder), "");
    ck_ok(pt_decoder_add(decoder, &view, sizeof view, part, sizeof part, &length));
    ck_assert_uint_eq(length, 0);
    view = view_of(ids + 1, 2);
    ck_fails(pt_decoder_add(decoder, &view, sizeof view, part, sizeof part, &length), PT_ERR_ARGUMENT,
             "id 28 at place 1 is no token's, expected 0 to 27");
    ck_assert_str_eq(pt_decoder_last_error(decoder), pt_last_error());
    view = view_of(ids + 3, 2);
    ck_fails(pt_decoder_add(decoder, &view, sizeof view, part, sizeof part, &length), PT_ERR_ARGUMENT, "id -1");
    view = view_of(ids + 1, 1);
    view.dtype = 99;
    ck_fails(pt_decoder_add(decoder, &view, sizeof view, part, sizeof part, &length), PT_ERR_ARGUMENT,
             "pt_decoder_add: ids: dtype is 99");
    view.dtype = PT_INT32;
    ck_fails(pt_decoder_add(decoder, &view, sizeof view, part, sizeof part, NULL), PT_ERR_ARGUMENT, "length is NULL");
    ck_fails(pt_decoder_finish(decoder, part, sizeof part, NULL), PT_ERR_ARGUMENT, "length is NULL");
    ck_fails(pt_decoder_add(NULL, &view, sizeof view, part, sizeof part, &length), PT_ERR_ARGUMENT, "decoder is NULL");
    ck_fails(pt_decoder_finish(NULL, part, sizeof part, &length), PT_ERR_ARGUMENT, "decoder is NULL");
    ck_ok(pt_decoder_add(decoder, &view, sizeof view, part, 2, &length)); /* none of it was added before */
    ck_assert_uint_eq(length, 2);
    ck_assert_str_eq(part, "");
    ck_ok(pt_decoder_add(decoder, NULL, 0, part, 3, &length));
    ck_assert_str_eq(part, "\xC3\xA9");
    ck_ok(pt_decoder_add(decoder, NULL, 0, part, 1, &length));
    ck_assert_uint_eq(length, 0);
    pt_decoder_free(decoder);
    pt_decoder_free(NULL);
    ck_assert_str_eq(pt_decoder_last_error(NULL), "");
}
END_TEST

/* Decoders count from where a piece begins, also where nothing has come before it. */
START_TEST(test_a_piece_without_bytes_has_an_address)
{
    pt__memory_t memory;
    pt__pieces_t pieces = {.memory = &memory};
    pt__memory_init(&memory, NULL, NULL, NULL);
    ck_ok(pt__pieces_begin(&pieces));
    ck_assert_ptr_nonnull(pieces.bytes);
    pt__pieces_free(&pieces);
    ck_assert_int_eq(atomic_load(&memory.bytes), 0);
}
END_TEST

/* Seconds of the processor that `count` tokens take, one a call, and bytes of memory before the end. */
static double time_of(pt_context_t *context, pt_decoder_t *decoder, const int32_t *ids, int32_t period, int64_t count,
                      int64_t *bytes)
{
    static char part[1 << 22];
    size_t length;
    const clock_t begin = clock();
    for (int64_t i = 0; i < count; i++) {
        const pt_array_t view = view_of(&ids[i % period], 1);
        ck_ok(pt_decoder_add(decoder, &view, sizeof view, part, sizeof part, &length));
    }
    *bytes = pt_context_bytes(context);
    ck_ok(pt_decoder_finish(decoder, part, sizeof part, &length));
    ck_assert_uint_lt(length, sizeof part);
    return (double)(clock() - begin) / CLOCKS_PER_SEC;
}

START_TEST(test_time_is_linear)
{
    static const int32_t mixed[] = {4, 5, 6, 0, 13, 14, 3, 16, 26}, bytes[] = {5, 6}, blanks[] = {2}, alike[] = {1};
    static const struct {
        const int32_t *ids;
        int32_t period;
    } streams[] = {{mixed, 9}, {bytes, 2}, {blanks, 1}, {alike, 1}};
    static const struct {
        int32_t chain, waits; /* for the end, so that memory grows */
    } cases[] = {{0, 0}, {1, 0}, {2, 0}, {3, 0}, {4, 1}, {5, 0}, {9, 1}, {11, 0}, {14, 0}};
    pt_context_t *context;
    ck_ok(pt_context_create(NULL, &context));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *chain = chains[cases[i].chain];
        pt_tokenizer_t *tokenizer;
        pt_decoder_t *decoder;
        open_chain(context, chain, &tokenizer);
        ck_ok(pt_decoder_create(tokenizer, 0, &decoder));
        for (size_t k = 0; k < sizeof streams / sizeof streams[0]; k++) {
            int64_t at_first, later;
            const double few = time_of(context, decoder, streams[k].ids, streams[k].period, 20000, &at_first);
            const double many = time_of(context, decoder, streams[k].ids, streams[k].period, 200000, &later);
            ck_assert_msg(many < 40 * few + 0.2, "%s: %g s for ten times the tokens of %g s", chain, many, few);
            if (k == 0 && !cases[i].waits)
                ck_assert_msg(later == at_first, "%s: %lld bytes, then %lld", chain, (long long)at_first,
                              (long long)later);
        }
        pt_decoder_free(decoder);
        pt_tokenizer_free(tokenizer);
    }
    pt_context_free(context);
}
END_TEST

SUITE("decoder", 120, test_parts_are_the_whole, test_golden_tokenizers, test_what_is_certain_comes_at_once,
      test_every_allocation_may_fail, test_refusals, test_time_is_linear, test_a_piece_without_bytes_has_an_address)
