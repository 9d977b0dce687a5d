/* Learning a tokenizer: options that cannot be, callbacks that fail, stop or never return, texts that are none,
 * budgets, and allocations of which each fails once. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/failing_allocator.h"
#include "support/suite.h"

static pt_context_t *context;
static pt_tokenizer_t *tokenizer;
static pt_tokenizer_train_options_t options;

static void begin(int32_t kind)
{
    ck_ok(pt_context_create(NULL, &context));
    ck_ok(pt_tokenizer_train_options_init(&options, sizeof options));
    options.kind = kind;
    options.vocabulary = 300;
    tokenizer = (pt_tokenizer_t *)&options; /* every failure has to take it away */
}

static void end(void)
{
    const int64_t bytes = pt_context_bytes(context);
    pt_context_t *other;
    ck_ok(pt_context_create(NULL, &other));
    ck_assert_int_eq(bytes, pt_context_bytes(other)); /* nothing is left of a training */
    pt_context_free(other);
    pt_context_free(context);
}

/* What the callback does. */
typedef struct script {
    const char *text;
    int64_t bytes, repeat; /* of the text, in one batch; 0: once */
    int32_t status;
    int64_t user_code;
    pt_text_t batch[512];
    jmp_buf *leave;
    int32_t calls;
} script_t;

static void play(void *user, pt_text_batch_t *batch)
{
    script_t *script = user;
    script->calls++;
    if (script->leave != NULL)
        longjmp(*script->leave, 1);
    batch->count = script->repeat > 0 ? script->repeat : 1;
    for (int64_t i = 0; i < batch->count; i++)
        script->batch[i] = (pt_text_t){.text = script->text, .bytes = script->bytes};
    batch->texts = script->batch;
    batch->user_code = script->user_code;
    batch->status = script->status;
}

static pt_status_t train(script_t *script)
{
    return pt_tokenizer_train(context, play, script, &options, &tokenizer);
}

static script_t words = {.text = "the theory of the thing, the other thing", .bytes = -1, .status = PT_END};

#define ck_refuses(part)                                                  \
    do {                                                                  \
        ck_fails(train(&words), PT_ERR_ARGUMENT, part);                   \
        ck_assert_ptr_null(tokenizer);                                    \
        ck_ok(pt_tokenizer_train_options_init(&options, sizeof options)); \
    } while (0)

START_TEST(test_options)
{
    const char *tokens[] = {"[CLS]", NULL}, *empty[] = {""}, *broken[] = {"\xFF"};
    char prefix[200] = {0};
    begin(PT_TOKENIZER_BPE);
    options.kind = 7;
    ck_refuses("kind is 7");
    options.flags = PT_TOKENIZER_CASED;
    ck_refuses("one of the flags, which PT_TOKENIZER_BPE does not have");
    options.kind = PT_TOKENIZER_WORDPIECE;
    options.flags = PT_TOKENIZER_PREFIX_SPACE;
    ck_refuses("one of the flags, which PT_TOKENIZER_WORDPIECE does not have");
    options.kind = PT_TOKENIZER_UNIGRAM;
    options.min_frequency = 2;
    ck_refuses("min_frequency, which PT_TOKENIZER_UNIGRAM does not have");
    options.alphabet = 5;
    ck_refuses("alphabet, which PT_TOKENIZER_BPE does not have");
    options.initial_alphabet = "ab";
    ck_refuses("initial_alphabet, which PT_TOKENIZER_BPE does not have");
    options.kind = PT_TOKENIZER_UNIGRAM;
    options.longest = 129;
    ck_refuses("longest is 129");
    options.vocabulary = -1;
    ck_refuses("vocabulary is -1");
    options.vocabulary = 1 << 23;
    ck_refuses("vocabulary is 8388608");
    options.min_frequency = -2;
    ck_refuses("min_frequency is -2");
    options.longest = -3;
    ck_refuses("longest is -3");
    options.kind = PT_TOKENIZER_WORDPIECE;
    options.alphabet = -4;
    ck_refuses("alphabet is -4");
    options.memory_budget = -5;
    ck_refuses("memory_budget is -5");
    options.n_special_tokens = 2;
    ck_refuses("n_special_tokens is 2");
    options.n_special_tokens = -1;
    ck_refuses("n_special_tokens is -1");
    options.special_tokens = tokens;
    options.n_special_tokens = 2;
    ck_refuses("special_tokens[1] is NULL");
    options.special_tokens = empty;
    options.n_special_tokens = 1;
    ck_refuses("special_tokens[0] is \"\"");
    options.special_tokens = broken;
    options.n_special_tokens = 1;
    ck_refuses("special_tokens[0] is not UTF-8");
    options.kind = PT_TOKENIZER_WORDPIECE;
    options.special_tokens = tokens;
    options.n_special_tokens = 1;
    ck_refuses("lack \"[UNK]\"");
    options.pattern = "gpt7";
    ck_refuses("pattern is \"gpt7\"");
    options.kind = PT_TOKENIZER_WORDPIECE;
    options.pattern = "gpt2";
    ck_refuses("pattern, which PT_TOKENIZER_WORDPIECE does not have");
    options.prefix = "##";
    ck_refuses("prefix, which PT_TOKENIZER_BPE does not have");
    options.kind = PT_TOKENIZER_WORDPIECE;
    options.prefix = "";
    ck_refuses("prefix is 0");
    options.kind = PT_TOKENIZER_WORDPIECE;
    options.prefix = memset(prefix, '#', 150);
    ck_refuses("prefix is 150");
    options.kind = PT_TOKENIZER_WORDPIECE;
    options.prefix = "\xC3";
    ck_refuses("prefix is not UTF-8");
    options.kind = PT_TOKENIZER_WORDPIECE;
    options.initial_alphabet = "\xE4\xB8";
    ck_refuses("initial_alphabet is not UTF-8");
    end();
}
END_TEST

START_TEST(test_arguments)
{
    const char *paths[] = {"/no/such/file", NULL};
    begin(PT_TOKENIZER_BPE);
    ck_fails(pt_tokenizer_train_options_init(NULL, 8), PT_ERR_ARGUMENT, "is NULL");
    ck_fails(pt_tokenizer_train(NULL, play, &words, &options, &tokenizer), PT_ERR_ARGUMENT, "context is NULL");
    ck_fails(pt_tokenizer_train(context, NULL, &words, &options, &tokenizer), PT_ERR_ARGUMENT, "next is NULL");
    ck_fails(pt_tokenizer_train(context, play, &words, &options, NULL), PT_ERR_ARGUMENT, "out is NULL");
    ck_fails(pt_tokenizer_train_files(NULL, paths, 1, &options, &tokenizer), PT_ERR_ARGUMENT, "context is NULL");
    ck_fails(pt_tokenizer_train_files(context, NULL, 1, &options, &tokenizer), PT_ERR_ARGUMENT, "paths is NULL");
    ck_fails(pt_tokenizer_train_files(context, paths, 1, &options, NULL), PT_ERR_ARGUMENT, "out is NULL");
    ck_fails(pt_tokenizer_train_files(context, paths, 0, &options, &tokenizer), PT_ERR_ARGUMENT, "count is 0");
    ck_fails(pt_tokenizer_train_files(context, paths, 2, &options, &tokenizer), PT_ERR_ARGUMENT, "paths[1] is NULL");
    ck_fails(pt_tokenizer_train_files(context, paths, 1, &options, &tokenizer), PT_ERR_NOT_FOUND, "/no/such/file");
    paths[0] = suite_directory();
    ck_fails(pt_tokenizer_train_files(context, paths, 1, &options, &tokenizer), PT_ERR_IO, "cannot read");
    ck_assert_ptr_null(tokenizer);
    end();
}
END_TEST

static void give_strange(void *user, pt_text_batch_t *batch)
{
    static const pt_text_t none = {.text = NULL}, negative = {.text = "a", .bytes = -2};
    const int32_t which = *(int32_t *)user;
    batch->count = which == 1 ? -1 : 1;
    batch->texts = which == 2 ? NULL : which == 3 ? &none : &negative;
    batch->text_size = which == 4 ? 8 : batch->text_size;
    batch->status = PT_OK;
}

START_TEST(test_callbacks)
{
    static const char *const messages[] = {"-1 texts", "1 texts at NULL", "text 0 is NULL", "text_size 8",
                                           "text 0 is one of -2 bytes"};
    script_t script = words;
    begin(PT_TOKENIZER_WORDPIECE);
    script.status = PT_ERR_CALLBACK;
    script.user_code = 41;
    ck_fails(train(&script), PT_ERR_CALLBACK, "user_code 41");
    script.status = PT_ERR_IO;
    ck_fails(train(&script), PT_ERR_IO, "PT_ERR_IO");
    script.status = 3;
    ck_fails(train(&script), PT_ERR_CALLBACK, "status 3");
    for (int32_t which = 1; which <= 5; which++)
        ck_fails(pt_tokenizer_train(context, give_strange, &which, &options, &tokenizer), PT_ERR_ARGUMENT,
                 messages[which - 1]);
    ck_assert_ptr_null(tokenizer);
    end();
}
END_TEST

START_TEST(test_texts_that_are_none)
{
    static const char lines[] = "one\ntwo\nth\xFFree\n";
    script_t script = {.text = "", .bytes = -1, .status = PT_END};
    const char *path = suite_write("empty.txt", "", 0);
    begin(PT_TOKENIZER_WORDPIECE);
    ck_fails(train(&script), PT_ERR_FORMAT, "no word");
    ck_fails(pt_tokenizer_train_files(context, &path, 1, &options, &tokenizer), PT_ERR_FORMAT, "no word");
    script.text = " \n\t";
    ck_fails(train(&script), PT_ERR_FORMAT, "no word");
    script.text = "ab\xC3(";
    ck_fails(train(&script), PT_ERR_FORMAT, "text 0: the text is not UTF-8 at byte 2 (0xc3)");
    path = suite_write("broken.txt", lines, sizeof lines - 1);
    ck_fails(pt_tokenizer_train_files(context, &path, 1, &options, &tokenizer), PT_ERR_FORMAT,
             "broken.txt: line 3: the text is not UTF-8 at byte 2 (0xff)");
    ck_assert_ptr_null(tokenizer);
    end();
}
END_TEST

/* ---- Events ---- */

typedef struct seen {
    int64_t counted, learnt, stop_at;
    int32_t events;
} seen_t;

static void on_event(void *user, pt_event_t *event)
{
    seen_t *seen = user;
    ck_assert_int_eq(event->kind, PT_EVENT_STEP);
    ck_assert(event->seconds >= 0 && event->bytes > 0 && event->step >= 0);
    *(event->total_steps == 0 ? &seen->counted : &seen->learnt) = event->step;
    ck_assert(event->total_steps == 0 || event->total_steps == options.vocabulary);
    if (++seen->events != seen->stop_at)
        event->action = PT_ACTION_GO_ON;
}

START_TEST(test_events)
{
    static char lines[20000];
    seen_t seen = {0};
    int64_t length = 0;
    for (int i = 0; length < (int64_t)sizeof lines - 64; i++)
        length += snprintf(lines + length, 64, "line %d of the %d lines\n", i, i * i % 97);
    const char *paths[2] = {suite_write("one.txt", lines, (size_t)length), suite_write("two.txt", "last", 4)};
    begin(PT_TOKENIZER_BPE);
    options.vocabulary = 330;
    options.event = on_event;
    options.event_user = &seen;
    ck_ok(pt_tokenizer_train_files(context, paths, 2, &options, &tokenizer));
    pt_tokenizer_free(tokenizer);
    int64_t n = 1;
    for (int64_t i = 0; i < length; i++)
        n += lines[i] == '\n';
    ck_assert_int_eq(seen.counted, n);
    ck_assert_int_eq(seen.learnt, 328);
    const int32_t events = seen.events;
    ck_assert_int_gt(events, 10);
    for (int32_t i = 1; i <= events; i++) {
        seen = (seen_t){.stop_at = i};
        ck_fails(pt_tokenizer_train_files(context, paths, 2, &options, &tokenizer), PT_ERR_CANCELLED, "asked to stop");
        ck_assert_int_eq(seen.events, i);
        ck_assert_ptr_null(tokenizer);
    }
    end();
}
END_TEST

START_TEST(test_callback_that_never_returns)
{
    static jmp_buf outside;
    script_t script = words;
    script.leave = &outside;
    begin(PT_TOKENIZER_BPE);
    const int32_t depth = pt_call_depth();
    if (setjmp(outside) == 0) {
        (void)train(&script);
        ck_abort_msg("it came back");
    }
    ck_ok(pt_recover(depth));
    script.leave = NULL;
    ck_ok(train(&script));
    pt_tokenizer_free(tokenizer);
    end();
}
END_TEST

/* ---- Budgets and long words ---- */

START_TEST(test_budget)
{
    static char text[400000];
    script_t script = {.text = text, .bytes = sizeof text, .status = PT_END};
    uint32_t state = 1;
    for (size_t i = 0; i < sizeof text; i++) {
        state = state * 1664525 + 1013904223;
        text[i] = i % 9 == 0 ? ' ' : (char)('a' + (state >> 24) % 26);
    }
    begin(PT_TOKENIZER_BPE);
    int64_t refused = 0;
    for (options.memory_budget = 1 << 17;; options.memory_budget += options.memory_budget / 4) {
        pt_status_t status = train(&script);
        if (status == PT_OK)
            break;
        ck_fails(status, PT_ERR_BUDGET, "memory_budget is");
        ck_assert_ptr_null(tokenizer);
        refused++;
    }
    ck_assert_int_gt(refused, 5);
    ck_assert_int_lt(options.memory_budget, 1 << 25);
    pt_tokenizer_free(tokenizer);
    end();
}
END_TEST

/* A line that is longer than a piece of a file, and one letter over and over: in time that grows linearly. */
START_TEST(test_one_long_word)
{
    const size_t size = 5000000;
    char *text = malloc(size);
    ck_assert_ptr_nonnull(text);
    memset(text, 'a', size);
    const char *path = suite_write("long.txt", text, size);
    for (int32_t kind = PT_TOKENIZER_BPE; kind <= PT_TOKENIZER_UNIGRAM; kind++) {
        begin(kind);
        options.min_frequency = kind != PT_TOKENIZER_UNIGRAM;
        ck_ok(pt_tokenizer_train_files(context, &path, 1, &options, &tokenizer));
        ck_assert_int_ge(pt_tokenizer_id(tokenizer, kind == PT_TOKENIZER_WORDPIECE ? "##aaaaaaaa" : "aaaaaaaa"), 0);
        pt_tokenizer_free(tokenizer);
        end();
    }
    free(text);
}
END_TEST

/* ---- What comes out ---- */

START_TEST(test_pairs_and_batches)
{
    static const pt_text_t pair = {.text = "abcdabcd", .bytes = 4, .pair = "abcd", .pair_bytes = -1};
    const pt_tokenize_options_t plain = {.struct_size = sizeof plain, .flags = PT_TOKENIZE_PLAIN};
    int32_t ids[8];
    pt_array_t view = {.dtype = PT_INT32, .data = ids, .capacity = 8};
    script_t script = {.text = "abcd abcd", .bytes = -1, .status = PT_END, .repeat = 500};
    begin(PT_TOKENIZER_WORDPIECE);
    ck_ok(train(&script));
    ck_assert_int_eq(pt_tokenizer_id(tokenizer, "[UNK]"), 1);
    ck_assert_int_eq(pt_tokenizer_id(tokenizer, "a"), 5);
    ck_assert_int_eq(pt_tokenizer_id(tokenizer, "##d"), 11);
    ck_ok(pt_tokenizer_encode(tokenizer, &pair, sizeof pair, 1, &plain, &view, NULL, NULL, sizeof view));
    ck_assert_int_eq(view.elements, 2);
    ck_assert_int_eq(ids[0], pt_tokenizer_id(tokenizer, "abcd"));
    view.elements = 0;
    ck_ok(pt_tokenizer_encode(tokenizer, &pair, sizeof pair, 1, NULL, &view, NULL, NULL, sizeof view));
    ck_assert_int_eq(ids[0], pt_tokenizer_id(tokenizer, "[CLS]"));
    pt_tokenizer_free(tokenizer);
    end();
}
END_TEST

START_TEST(test_unigram)
{
    const char *special[] = {"<pad>", "<s>"};
    script_t script = words;
    begin(PT_TOKENIZER_UNIGRAM);
    options.vocabulary = 11;
    ck_fails(train(&script), PT_ERR_ARGUMENT, "at least the 12 characters");
    options.vocabulary = 40;
    options.special_tokens = special;
    options.n_special_tokens = 2;
    options.initial_alphabet = "z";
    ck_ok(train(&script));
    ck_assert_int_eq(pt_tokenizer_id(tokenizer, "<unk>"), 0);
    ck_assert_int_eq(pt_tokenizer_id(tokenizer, "<pad>"), 1);
    ck_assert_int_ge(pt_tokenizer_id(tokenizer, "z"), 3);
    ck_assert_int_ge(pt_tokenizer_id(tokenizer, "\xE2\x96\x81the"), 3);
    pt_tokenizer_free(tokenizer);
    end();
}
END_TEST

static pt_status_t live(failing_allocator_t *allocator, int32_t kind, const char *path)
{
    const pt_text_t text = {.text = "the other theory", .bytes = -1};
    pt_context_options_t settings;
    pt_context_t *own;
    int32_t ids[64];
    pt_array_t view = {.dtype = PT_INT32, .data = ids, .capacity = 64};
    pt_tokenizer_t *made = NULL;
    ck_ok(pt_context_options_init(&settings, sizeof settings));
    settings.threads = 1;
    failing_allocator_hooks(allocator, &settings);
    ck_ok(pt_tokenizer_train_options_init(&options, sizeof options));
    options.kind = kind;
    options.alphabet = kind == PT_TOKENIZER_WORDPIECE ? 6 : 0;
    options.vocabulary = kind == PT_TOKENIZER_UNIGRAM ? 16 : 270;
    PT__TRY(pt_context_create(&settings, &own));
    pt_status_t status = path != NULL ? pt_tokenizer_train_files(own, &path, 1, &options, &made)
                                      : pt_tokenizer_train(own, play, &words, &options, &made);
    ck_assert((status == PT_OK) == (made != NULL));
    if (status == PT_OK)
        status = pt_tokenizer_encode(made, &text, sizeof text, 1, NULL, &view, NULL, NULL, sizeof view);
    pt_tokenizer_free(made);
    pt_context_free(own);
    return status;
}

START_TEST(test_every_allocation_may_fail)
{
    failing_allocator_t allocator;
    const char *path = suite_write("words.txt", words.text, strlen(words.text));
    pt_status_t status;
    for (int32_t kind = PT_TOKENIZER_BPE; kind <= PT_TOKENIZER_UNIGRAM; kind++) {
        FOR_EACH_FAILING_ALLOCATION(allocator, { status = live(&allocator, kind, NULL); }, status);
        FOR_EACH_FAILING_ALLOCATION(allocator, { status = live(&allocator, kind, path); }, status);
    }
}
END_TEST

SUITE("training", 120, test_options, test_arguments, test_callbacks, test_texts_that_are_none, test_events,
      test_callback_that_never_returns, test_budget, test_one_long_word, test_pairs_and_batches, test_unigram,
      test_every_allocation_may_fail)
