/* Agreement with the package `tokenizers` on what is learnt: pieces, their ids, and texts encoded with them, that
 * tests/golden/make_trained.py has written down. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "support/suite.h"
#include "text/tokenizer.h"

enum { MOST = 256 };

static pt_context_t *context;
static const char *case_name;

typedef struct texts { /* of one case: given in batches of one, two, three... */
    const pt__json_t *next;
    int64_t given, batch;
    pt_text_t buffer[MOST];
} texts_t;

static void give_texts(void *user, pt_text_batch_t *batch)
{
    texts_t *texts = user;
    ck_assert_int_eq(batch->position, texts->given);
    texts->batch++;
    for (batch->count = 0; batch->count < texts->batch && texts->next != NULL; texts->next = texts->next->next) {
        texts->buffer[batch->count++] = (pt_text_t){.text = texts->next->string, .bytes = texts->next->length};
        texts->given++;
    }
    batch->texts = texts->buffer;
    batch->status = texts->next == NULL ? PT_END : PT_OK;
}

static int64_t number(const pt__json_t *described, const char *key)
{
    const pt__json_t *value = pt__json_find(described, key);
    return value == NULL ? 0 : value->integer;
}

static const char *string(const pt__json_t *described, const char *key)
{
    const pt__json_t *value = pt__json_find(described, key);
    return value == NULL ? NULL : value->string;
}

static pt_status_t train(const pt__json_t *described, pt_tokenizer_t **out)
{
    static const char *special[MOST], *const kinds[] = {"bpe", "wordpiece", "unigram"};
    pt_tokenizer_train_options_t options;
    const pt__json_t *tokens = pt__json_find(described, "special_tokens"), *given = pt__json_find(described, "texts");
    const char *path = suite_source("COPYING");
    ck_ok(pt_tokenizer_train_options_init(&options, sizeof options));
    for (options.kind = 0; strcmp(string(described, "kind"), kinds[options.kind]) != 0;)
        options.kind++;
    options.flags = (number(described, "cased") ? (uint32_t)PT_TOKENIZER_CASED : 0) |
                    (number(described, "prefix_space") ? (uint32_t)PT_TOKENIZER_PREFIX_SPACE : 0);
    options.vocabulary = (int32_t)number(described, "vocabulary");
    options.min_frequency = number(described, "min_frequency");
    options.longest = (int32_t)number(described, "longest");
    options.alphabet = (int32_t)number(described, "alphabet");
    options.initial_alphabet = string(described, "initial_alphabet");
    options.pattern = string(described, "pattern");
    options.prefix = string(described, "prefix");
    options.special_tokens = special;
    for (const pt__json_t *token = tokens == NULL ? NULL : tokens->first; token != NULL; token = token->next)
        special[options.n_special_tokens++] = token->string;
    if (given->kind == PT__JSON_NULL)
        return pt_tokenizer_train_files(context, &path, 1, &options, out);
    texts_t texts = {.next = given->first};
    return pt_tokenizer_train(context, give_texts, &texts, &options, out);
}

static void check_pieces(const pt__json_t *expected, const pt_tokenizer_t *tokenizer)
{
    int32_t id = 0;
    for (const pt__json_t *piece = expected->first; piece != NULL; piece = piece->next, id++) {
        const char *found = pt_tokenizer_token(tokenizer, id);
        ck_assert_msg(found != NULL && strcmp(found, piece->string) == 0, "%s: piece %d is \"%s\", expected \"%s\"",
                      case_name, id, found == NULL ? "NULL" : found, piece->string);
    }
    ck_assert_msg(pt_tokenizer_size(tokenizer) == id, "%s: %d pieces, expected %d", case_name,
                  pt_tokenizer_size(tokenizer), id);
}

static void check_encoded(const pt__json_t *expected, pt_tokenizer_t *tokenizer)
{
    const pt_tokenize_options_t plain = {.struct_size = sizeof plain, .flags = PT_TOKENIZE_PLAIN};
    int64_t ids[MOST], i = 0;
    pt_array_t view = {.dtype = PT_INT64, .data = ids, .capacity = MOST};
    const pt_text_t text = {.text = expected->first->string, .bytes = expected->first->length};
    ck_ok(pt_tokenizer_encode(tokenizer, &text, sizeof text, 1, &plain, &view, NULL, NULL, sizeof view));
    for (const pt__json_t *id = expected->first->next->first; id != NULL; id = id->next, i++)
        ck_assert_msg(i < view.elements && ids[i] == id->integer, "%s: token %lld of \"%s\" is not %lld", case_name,
                      (long long)i, text.text, (long long)id->integer);
    ck_assert_int_eq(i, view.elements);
}

/* The pieces of a unigram model, and their scores. That of characters that were lost hangs on the order of a table of
 * the reference, and others on the order in which it sums: so they are near, not the same. */
static void check_scores(const pt__json_t *expected, const pt_tokenizer_t *tokenizer)
{
    pt__json_document_t *document;
    const pt__json_t *root;
    int64_t same = 0;
    ck_ok(pt__json_parse(&context->memory, "saved", tokenizer->json, tokenizer->json_size, &document, &root));
    const pt__json_t *found = pt__json_find(pt__json_find(root, "model"), "vocab");
    ck_assert_int_eq(found->length, expected->length);
    for (const pt__json_t *piece = found->first; piece != NULL; piece = piece->next)
        for (const pt__json_t *other = expected->first; other != NULL; other = other->next)
            if (strcmp(piece->first->string, other->first->string) == 0) {
                const double score = piece->first->next->number, wanted = other->first->next->number;
                ck_assert_msg(fabs(score - wanted) < 0.01, "%s: \"%s\" has %g, expected %g", case_name,
                              piece->first->string, score, wanted);
                same++;
            }
    ck_assert_msg(same == expected->length, "%s: %lld of %lld pieces", case_name, (long long)same,
                  (long long)expected->length);
    pt__json_free(document);
}

static void check_all(int32_t threads)
{
    pt__json_document_t *document;
    const pt__json_t *root;
    pt_context_options_t options;
    char *bytes;
    int64_t size, cases = 0;
    ck_ok(pt_context_options_init(&options, sizeof options));
    options.threads = threads;
    ck_ok(pt_context_create(&options, &context));
    ck_ok(pt__file_read(&context->memory, suite_source("tests/golden/trained_tokenizers.json"), 0, &bytes, &size));
    ck_ok(pt__json_parse(&context->memory, "trained_tokenizers.json", bytes, size, &document, &root));
    for (const pt__json_t *each = root->first; each != NULL; each = each->next, cases++) {
        pt_tokenizer_t *tokenizer;
        case_name = string(each, "name");
        ck_ok(train(each, &tokenizer));
        if (pt__json_find(each, "scores") != NULL)
            check_scores(pt__json_find(each, "scores"), tokenizer);
        else
            check_pieces(pt__json_find(each, "pieces"), tokenizer);
        const pt__json_t *encoded = pt__json_find(each, "encoded");
        for (const pt__json_t *text = encoded == NULL ? NULL : encoded->first; text != NULL; text = text->next)
            check_encoded(text, tokenizer);
        pt_tokenizer_free(tokenizer);
    }
    ck_assert_int_eq(cases, 18);
    pt__json_free(document);
    pt__release(&context->memory, bytes);
    pt_context_free(context);
}

START_TEST(test_one_thread)
{
    check_all(1);
}
END_TEST

START_TEST(test_five_threads)
{
    check_all(5);
}
END_TEST

SUITE("golden_training", 120, test_one_thread, test_five_threads)
