/* Batches that are padded, and what is cut off of texts, as tests/golden/make_batches.py has written down what the
 * package `tokenizers` makes of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "support/suite.h"
#include "text/tokenizer.h"

enum { MOST = 4096, VIEWS = 4, ENCODINGS = 256 };

static pt_context_t *context;
static int64_t tokenizer_number, batch_number;

/* The results that are compared, in the order of an encoding's members behind its source. */
static const char *const names[VIEWS] = {"ids", "spans", "segments", "mask"};
static int64_t values[VIEWS][2 * MOST], sources[ENCODINGS], lengths[ENCODINGS];

static void encode(pt_tokenizer_t *tokenizer, const pt__json_t *batch, uint32_t flags, pt_array_t views[VIEWS],
                   pt_array_t *source_view)
{
    const pt__json_t *texts = pt__json_find(batch, "texts");
    pt_text_t given[16];
    int64_t count = 0;
    for (const pt__json_t *text = texts->first; text != NULL; text = text->next, count++) {
        const pt__json_t *pair = text->first->next;
        ck_assert_int_lt(count, 16);
        given[count] = (pt_text_t){.text = text->first->string, .bytes = text->first->length, .pair_bytes = -1};
        given[count].pair = pair->kind == PT__JSON_STRING ? pair->string : NULL;
    }
    for (int32_t i = 0; i < VIEWS; i++)
        views[i] = (pt_array_t){.dtype = PT_INT64, .data = values[i], .capacity = 2 * MOST};
    views[0].lengths = lengths;
    views[0].lengths_capacity = ENCODINGS;
    *source_view = (pt_array_t){.dtype = PT_INT64, .data = sources, .capacity = ENCODINGS};
    const pt_tokenize_options_t options = {
        .struct_size = sizeof options,
        .flags = flags | (pt__json_find(batch, "plain")->integer ? (uint32_t)PT_TOKENIZE_PLAIN : 0),
        .mask = &views[3],
        .sources = source_view};
    ck_ok(pt_tokenizer_encode(tokenizer, given, sizeof *given, count, &options, &views[0], &views[1], &views[2],
                              sizeof *views));
}

static void check_value(const char *what, int64_t encoding, int64_t at, int64_t found, const pt__json_t *expected)
{
    ck_assert_msg(expected->integer == found, "tokenizer %lld, batch %lld, encoding %lld: %s[%lld] is %lld, not %lld",
                  (long long)tokenizer_number, (long long)batch_number, (long long)encoding, what, (long long)at,
                  (long long)found, (long long)expected->integer);
}

static void check_batch(pt_tokenizer_t *tokenizer, const pt__json_t *batch, uint32_t flags)
{
    const pt__json_t *encodings = pt__json_find(batch, "encodings");
    pt_array_t views[VIEWS], source_view;
    int64_t at = 0, number = 0, longest = 0;
    encode(tokenizer, batch, flags, views, &source_view);
    ck_assert_int_eq(views[0].samples, encodings->length);
    ck_assert_int_eq(source_view.elements, encodings->length);
    for (const pt__json_t *encoding = encodings->first; encoding != NULL; encoding = encoding->next, number++) {
        const pt__json_t *member = encoding->first;
        check_value("source", number, 0, sources[number], member);
        for (int32_t i = 0; i < VIEWS; i++) {
            int64_t place = 0;
            member = member->next;
            ck_assert_msg(member->length == lengths[number], "tokenizer %lld, batch %lld: %lld tokens, not %lld",
                          (long long)tokenizer_number, (long long)batch_number, (long long)lengths[number],
                          (long long)member->length);
            for (const pt__json_t *value = member->first; value != NULL; value = value->next, place++)
                if (i == 1) {
                    check_value("begin", number, place, values[1][2 * (at + place)], value->first);
                    check_value("end", number, place, values[1][2 * (at + place) + 1], value->first->next);
                } else
                    check_value(names[i], number, place, values[i][at + place], value);
        }
        at += lengths[number];
        longest = lengths[number] > longest ? lengths[number] : longest;
    }
    ck_assert_int_eq(views[0].elements, at);
    ck_assert_int_eq(views[0].max_length, longest);
    ck_assert_int_eq(views[1].elements, 2 * at);
}

START_TEST(test_batches)
{
    pt__json_document_t *document;
    const pt__json_t *root;
    char *bytes;
    int64_t size;
    ck_ok(pt_context_create(NULL, &context));
    ck_ok(pt__file_read(&context->memory, suite_source("tests/golden/tokenizer_batches.json"), 0, &bytes, &size));
    ck_ok(pt__json_parse(&context->memory, "batches", bytes, size, &document, &root));
    ck_assert_int_eq(root->length, 15);
    tokenizer_number = 0;
    for (const pt__json_t *each = root->first; each != NULL; each = each->next, tokenizer_number++) {
        const pt__json_t *described = pt__json_find(each, "tokenizer");
        pt__text_t text = pt__text_start(&context->memory);
        pt_tokenizer_t *tokenizer;
        char *file;
        uint32_t flags = 0;
        if (pt__json_find(described, "padding")->kind != PT__JSON_NULL)
            flags |= PT_TOKENIZE_PAD;
        if (pt__json_find(described, "truncation")->kind != PT__JSON_NULL)
            flags |= PT_TOKENIZE_OVERFLOW;
        pt__json_print(described, &text);
        ck_ok(pt__text_take(&text, &file, &size));
        const pt_load_options_t place = {.struct_size = sizeof place, .data = file, .bytes = size};
        ck_ok(pt_tokenizer_open(context, NULL, &place, &tokenizer));
        batch_number = 0;
        for (const pt__json_t *batch = pt__json_find(each, "batches")->first; batch != NULL; batch = batch->next) {
            check_batch(tokenizer, batch, flags);
            batch_number++;
        }
        pt_tokenizer_free(tokenizer);
        pt__release(&context->memory, file);
    }
    pt__json_free(document);
    pt__release(&context->memory, bytes);
    pt_context_free(context);
}
END_TEST

SUITE("golden_batches", 60, test_batches)
