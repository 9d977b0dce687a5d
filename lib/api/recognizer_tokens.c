/* What a recognizer knows of its tokenizer's tokens: the text of each and where words begin; hot words in order; the
 * text of a hypothesis and its words. */
#include <string.h>

#include "api/recognizer.h"
#include "base/edit_distance.h"
#include "base/elements.h"
#include "base/sort.h"
#include "base/utf8.h"
#include "data/gunzip.h"

/* What these tokens decode to, a block of its own with a final 0. */
static pt_status_t decode(const pt_tokenizer_t *tokenizer, const int32_t *ids, int64_t count, char **out,
                          int64_t *length)
{
    pt__decoding_t decoding;
    pt__text_t text = pt__text_start(&tokenizer->context->memory);
    pt__decoding_start(&decoding, &tokenizer->decoders);
    pt_status_t status = pt__tokenizer_decode(tokenizer, ids, count, 0, 1, &decoding);
    if (status == PT_OK) {
        int64_t bytes;
        const uint8_t *decoded = pt__decoding_text(&decoding, &bytes);
        if (bytes > 0)
            pt__text_add_bytes(&text, (const char *)decoded, bytes);
        status = pt__text_take(&text, out, length);
    }
    pt__text_free(&text);
    pt__decoding_free(&decoding);
    return status;
}

/* ---- Tokens ---- */

static int32_t word_kind(int32_t kind, const char *text, int64_t length)
{
    if (kind & PT_TOKEN_SPECIAL)
        return PT__WORD_NO_TEXT;
    if (length == 0 || (length == 1 && text[0] == ' '))
        return PT__WORD_PARTS;
    return kind & PT_TOKEN_CONTINUES ? PT__WORD_GOES_ON : PT__WORD_BEGINS;
}

static pt_status_t make_token(const pt_tokenizer_t *tokenizer, int32_t id, pt__spoken_token_t *token)
{
    int64_t length, skipped = 0;
    if (!tokenizer->vocabulary.tokens[id].is_there) {
        token->kind = PT__WORD_NO_TEXT;
        return PT_OK;
    }
    PT__TRY(decode(tokenizer, &id, 1, &token->text, &length));
    token->kind = word_kind(pt__tokenizer_kind(tokenizer, id), token->text, length);
    if (token->text[0] == ' ')
        skipped = 1;
    else if (token->kind == PT__WORD_GOES_ON && length > 2 && memcmp(token->text, "##", 2) == 0)
        skipped = 2; /* a decoder leaves it where nothing stands before */
    memmove(token->text, token->text + skipped, (size_t)(length - skipped + 1));
    token->length = (int32_t)(length - skipped);
    return PT_OK;
}

pt_status_t pt__recognizer_make_tokens(pt_recognizer_t *recognizer)
{
    const pt_tokenizer_t *tokenizer = recognizer->tokenizer;
    PT__TRY(pt__allocate(&tokenizer->context->memory, (size_t)recognizer->settings.classes, sizeof *recognizer->tokens,
                         "recognizer", &recognizer->tokens));
    for (int32_t id = 0; id < tokenizer->vocabulary.count; id++)
        PT__TRY(make_token(tokenizer, id, &recognizer->tokens[id]));
    return PT_OK;
}

void pt__recognizer_free_tokens(pt_recognizer_t *recognizer)
{
    pt__memory_t *memory = &recognizer->tokenizer->context->memory;
    for (int32_t i = 0; recognizer->tokens != NULL && i < recognizer->settings.classes; i++)
        pt__release(memory, recognizer->tokens[i].text);
    for (int32_t i = 0; recognizer->hot_words != NULL && i < recognizer->settings.n_hot_words; i++)
        pt__release(memory, recognizer->hot_words[i].text);
    pt__release(memory, recognizer->tokens);
    pt__release(memory, recognizer->hot_words);
}

/* ---- Hot words ---- */

static int compare(const void *a, const void *b, void *user)
{
    (void)user;
    return strcmp(((const pt_hot_word_t *)a)->word, ((const pt_hot_word_t *)b)->word);
}

static pt_status_t check_hot_word(int64_t place, const pt_hot_word_t *word)
{
    if (word->word == NULL || word->word[0] == 0 || strchr(word->word, ' ') != NULL || !pt__utf8_is(word->word))
        return pt__fail(PT_ERR_ARGUMENT, "hot_words[%lld] is %s, expected one word, UTF-8", (long long)place,
                        word->word == NULL || !pt__utf8_is(word->word) ? "none" : word->word);
    if (!(word->weight >= -1e6 && word->weight <= 1e6))
        return pt__fail(PT_ERR_ARGUMENT, "hot_words[%lld], \"%.99s\": the weight is not a number from -1e6 to 1e6",
                        (long long)place, word->word);
    return PT_OK;
}

static pt_status_t keep_hot_words(pt_recognizer_t *recognizer, const pt_hot_word_t *words, int32_t count)
{
    pt__memory_t *memory = &recognizer->tokenizer->context->memory;
    const void **order = NULL;
    pt_status_t status;
    for (int32_t i = 0; i < count; i++)
        PT__TRY(check_hot_word(i, &words[i]));
    PT__TRY(pt__allocate(memory, (size_t)count, sizeof *recognizer->hot_words, "hot words", &recognizer->hot_words));
    recognizer->settings.n_hot_words = count;
    PT__TRY(pt__allocate(memory, (size_t)count, sizeof *order, "hot words", &order));
    for (int32_t i = 0; i < count; i++)
        order[i] = &words[i];
    pt__sort(order, count, compare, NULL);
    for (int32_t i = 0; i < count; i++) {
        const pt_hot_word_t *word = order[i];
        PT__TRY_OUT(pt__string_copy(memory, word->word, &recognizer->hot_words[i].text));
        recognizer->hot_words[i].length = (int32_t)strlen(word->word);
        recognizer->hot_words[i].weight = word->weight;
    }
    status = PT_OK;
out:
    pt__release(memory, order);
    return status;
}

pt_status_t pt__recognizer_make_hot_words(pt_recognizer_t *recognizer, const pt_recognizer_options_t *options)
{
    pt__memory_t *memory = &recognizer->tokenizer->context->memory;
    pt_hot_word_t *words;
    if (options->n_hot_words == 0)
        return PT_OK;
    if (options->n_hot_words < 0 || options->hot_words == NULL)
        return pt__fail(PT_ERR_ARGUMENT, "pt_recognizer_options: n_hot_words is %ld, hot_words %s",
                        (long)options->n_hot_words, options->hot_words == NULL ? "NULL" : "is there");
    PT__TRY(pt__elements_copy(memory, options->hot_words, options->n_hot_words, options->hot_word_size,
                              (uint32_t)sizeof *words, "pt_hot_word_t", &words));
    pt_status_t status = keep_hot_words(recognizer, words, options->n_hot_words);
    pt__release(memory, words);
    return status;
}

pt_status_t pt__recognizer_read_language(pt__memory_t *memory, const char *path, pt__language_model_t **out)
{
    uint8_t *bytes;
    int64_t size;
    PT__TRY(pt__gunzip_file(memory, path, (int64_t)1 << 33, &bytes, &size));
    pt_status_t status = pt__language_model_read(memory, (const char *)bytes, size, out);
    pt__release(memory, bytes);
    return status == PT_OK ? PT_OK : pt__fail_within(status, "%s", path);
}

/* ---- Hypotheses ---- */

pt_status_t pt__recognizer_decode(pt_recognizer_t *recognizer, const pt__hypothesis_t *hypothesis)
{
    char *text;
    int64_t length;
    PT__TRY(decode(recognizer->tokenizer, hypothesis->tokens, hypothesis->count, &text, &length));
    pt__release(&recognizer->tokenizer->context->memory, recognizer->text);
    recognizer->text = text;
    recognizer->text_length = length;
    return PT_OK;
}

/* The next word of the text from *at on, without its blanks; 0: there is none. */
static int32_t next_span(const pt_recognizer_t *recognizer, int64_t *at, pt_spoken_word_t *word)
{
    while (*at < recognizer->text_length && recognizer->text[*at] == ' ')
        ++*at;
    word->begin = *at;
    while (*at < recognizer->text_length && recognizer->text[*at] != ' ')
        ++*at;
    word->end = *at;
    return word->end > word->begin;
}

pt_status_t pt__recognizer_find_words(pt_recognizer_t *recognizer, const pt__hypothesis_t *hypothesis, int64_t *count)
{
    pt__memory_t *memory = &recognizer->tokenizer->context->memory;
    int64_t words = 0, at = 0;
    int32_t is_open = 0;
    for (int64_t i = 0; i < hypothesis->count; i++) {
        const int32_t kind = recognizer->tokens[hypothesis->tokens[i]].kind;
        if (kind == PT__WORD_NO_TEXT)
            continue;
        is_open = is_open && kind == PT__WORD_GOES_ON;
        if (kind == PT__WORD_PARTS)
            continue;
        if (!is_open) {
            PT__TRY(pt__grow(memory, &recognizer->words, &recognizer->words_capacity, words + 1,
                             sizeof *recognizer->words, "words"));
            if (!next_span(recognizer, &at, &recognizer->words[words]))
                break; /* a decoder that joins words */
            recognizer->words[words++].first_row = hypothesis->rows[i];
            is_open = 1;
        }
        recognizer->words[words - 1].end_row = hypothesis->rows[i] + 1;
    }
    *count = words;
    return PT_OK;
}
