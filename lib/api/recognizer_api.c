/* Recognizers: logarithms of probabilities to text, for hosts. */
#include <math.h>
#include <string.h>

#include "api/api.h"
#include "api/arguments.h"
#include "api/recognizer.h"
#include "base/array.h"
#include "base/dtype.h"
#include "base/edit_distance.h"
#include "base/elements.h"

pt_status_t pt_recognizer_options_init(pt_recognizer_options_t *options, uint32_t struct_size)
{
    static const pt_recognizer_options_t defaults = {
        .blank = -1, .beam = 64, .threshold = -12, .language_weight = 0.5, .word_bonus = 1, .unknown = -10};
    PT__ENTER();
    return pt__options_init(options, struct_size, &defaults, (uint32_t)sizeof defaults, "pt_recognizer_options");
}

/* ---- Life ---- */

void pt_recognizer_free(pt_recognizer_t *recognizer)
{
    if (recognizer == NULL)
        return;
    pt_tokenizer_t *tokenizer = recognizer->tokenizer;
    pt__memory_t *memory = &tokenizer->context->memory;
    pt__beam_free(recognizer->beam);
    pt__language_model_free(recognizer->language);
    pt__recognizer_free_tokens(recognizer);
    pt__release(memory, recognizer->rows);
    pt__release(memory, recognizer->text);
    pt__release(memory, recognizer->words);
    pt__release(memory, recognizer);
    pt__tokenizer_free(tokenizer);
}

static pt_status_t check_number(const char *name, double value, double low, double high)
{
    if (value >= low && value <= high)
        return PT_OK;
    return pt__fail(PT_ERR_ARGUMENT, "pt_recognizer_options.%s is %g, expected %g to %g", name, value, low, high);
}

static pt_status_t read_options(const pt_recognizer_options_t *options, int32_t tokens, pt_recognizer_options_t *out)
{
    PT__TRY(pt_recognizer_options_init(out, (uint32_t)sizeof *out));
    PT__TRY(pt__options_read(options, out, (uint32_t)sizeof *out, "pt_recognizer_options"));
    if (out->flags != 0)
        return pt__fail(PT_ERR_ARGUMENT, "pt_recognizer_options.flags is 0x%lx, expected 0", (unsigned long)out->flags);
    if (out->blank < -1 || out->blank >= tokens)
        return pt__fail(PT_ERR_ARGUMENT,
                        "pt_recognizer_options.blank is %ld, expected one of the tokenizer's %ld tokens, or -1 for a "
                        "class behind them",
                        (long)out->blank, (long)tokens);
    if (out->beam < 0 || out->beam > 1 << 20)
        return pt__fail(PT_ERR_ARGUMENT, "pt_recognizer_options.beam is %ld, expected 0 to %d", (long)out->beam,
                        1 << 20);
    PT__TRY(check_number("threshold", out->threshold, -1e30, 0));
    PT__TRY(check_number("language_weight", out->language_weight, 0, 1e6));
    PT__TRY(check_number("word_bonus", out->word_bonus, -1e6, 1e6));
    PT__TRY(check_number("unknown", out->unknown, -1e6, 0));
    if (out->beam == 0 && (out->language_model != NULL || out->n_hot_words != 0))
        return pt__fail(PT_ERR_ARGUMENT, "pt_recognizer_options: %s is set, but beam is 0: greedy decoding has none",
                        out->language_model != NULL ? "language_model" : "n_hot_words");
    return PT_OK;
}

static pt_status_t fill(pt_recognizer_t *recognizer, const pt_recognizer_options_t *options)
{
    pt__memory_t *memory = &recognizer->tokenizer->context->memory;
    const int32_t tokens = (int32_t)recognizer->tokenizer->vocabulary.count;
    pt__beam_settings_t *settings = &recognizer->settings;
    *settings = (pt__beam_settings_t){.classes = options->blank < 0 ? tokens + 1 : tokens,
                                      .blank = options->blank < 0 ? tokens : options->blank,
                                      .width = options->beam,
                                      .threshold = options->threshold,
                                      .language_weight = options->language_weight,
                                      .unknown = options->unknown * log(10),
                                      .word_bonus = options->word_bonus};
    PT__TRY(pt__recognizer_make_tokens(recognizer));
    PT__TRY(pt__recognizer_make_hot_words(recognizer, options));
    if (options->language_model != NULL)
        PT__TRY(pt__recognizer_read_language(memory, options->language_model, &recognizer->language));
    settings->tokens = recognizer->tokens;
    settings->hot_words = recognizer->hot_words;
    settings->language = recognizer->language;
    return pt__beam_create(memory, settings, &recognizer->beam);
}

static pt_status_t create(pt_tokenizer_t *tokenizer, const pt_recognizer_options_t *options, pt_recognizer_t **out)
{
    pt_recognizer_options_t effective;
    pt_recognizer_t *recognizer;
    PT__TRY(read_options(options, (int32_t)tokenizer->vocabulary.count, &effective));
    PT__TRY(pt__allocate(&tokenizer->context->memory, 1, sizeof *recognizer, "recognizer", &recognizer));
    recognizer->tokenizer = pt__tokenizer_retain(tokenizer);
    pt_status_t status = fill(recognizer, &effective);
    if (status == PT_OK)
        *out = recognizer;
    else
        pt_recognizer_free(recognizer);
    return status;
}

pt_status_t pt_recognizer_create(pt_tokenizer_t *tokenizer, const pt_recognizer_options_t *options,
                                 pt_recognizer_t **out)
{
    PT__ENTER();
    PT__NEED_OUT(out);
    PT__NEED(tokenizer);
    return pt__error_keep_on(tokenizer->message, create(tokenizer, options, out));
}

const char *pt_recognizer_last_error(const pt_recognizer_t *recognizer)
{
    return recognizer == NULL ? "" : recognizer->message;
}

/* ---- Rows ---- */

pt_status_t pt__recognizer_push(pt_recognizer_t *recognizer, int64_t elements, const float *logarithms)
{
    const int32_t classes = recognizer->settings.classes;
    if (elements % classes != 0)
        return pt__fail(PT_ERR_SHAPE, "%lld numbers, expected rows of %ld, one a class", (long long)elements,
                        (long)classes);
    if (recognizer->has_ended)
        pt__beam_reset(recognizer->beam);
    recognizer->has_ended = 0;
    pt_status_t status = pt__beam_push(recognizer->beam, elements / classes, logarithms);
    if (status != PT_OK)
        pt__beam_reset(recognizer->beam);
    return status;
}

static pt_status_t push(pt_recognizer_t *recognizer, const pt_array_t *given, uint32_t array_size)
{
    static const char what[] = "pt_recognizer_push: rows";
    pt__memory_t *memory = &recognizer->tokenizer->context->memory;
    pt_array_t rows;
    PT__TRY(pt__array_read(given, array_size, what, &rows));
    PT__TRY(pt__grow(memory, &recognizer->rows, &recognizer->rows_capacity, rows.elements, sizeof *recognizer->rows,
                     "rows"));
    PT__TRY(pt__dtype_convert(what, rows.dtype, rows.data, PT_FLOAT32, recognizer->rows, rows.elements));
    return pt__recognizer_push(recognizer, rows.elements, recognizer->rows);
}

pt_status_t pt_recognizer_push(pt_recognizer_t *recognizer, const pt_array_t *rows, uint32_t array_size)
{
    PT__ENTER();
    PT__NEED(recognizer);
    PT__NEED(rows);
    return pt__error_keep_on(recognizer->message, push(recognizer, rows, array_size));
}

pt_status_t pt__recognizer_finish(pt_recognizer_t *recognizer)
{
    if (recognizer->has_ended)
        return PT_OK;
    PT__TRY(pt__beam_finish(recognizer->beam));
    recognizer->has_ended = 1;
    return PT_OK;
}

pt_status_t pt_recognizer_finish(pt_recognizer_t *recognizer)
{
    PT__ENTER();
    PT__NEED(recognizer);
    return pt__error_keep_on(recognizer->message, pt__recognizer_finish(recognizer));
}

/* ---- Results ---- */

int32_t pt_recognizer_count(const pt_recognizer_t *recognizer)
{
    return recognizer == NULL ? 0 : pt__beam_count(recognizer->beam);
}

static pt_status_t find(pt_recognizer_t *recognizer, int32_t rank, pt__hypothesis_t *hypothesis)
{
    const int32_t count = pt__beam_count(recognizer->beam);
    if (rank < 0 || rank >= count)
        return pt__fail(PT_ERR_ARGUMENT, "rank is %ld, expected 0 to %ld", (long)rank, (long)count - 1);
    return pt__beam_hypothesis(recognizer->beam, rank, hypothesis);
}

static pt_status_t give_text(pt_recognizer_t *recognizer, int32_t rank, char *buffer, size_t size, size_t *length,
                             double *score)
{
    pt__hypothesis_t hypothesis;
    pt__text_t text = pt__text_start(&recognizer->tokenizer->context->memory);
    PT__TRY(find(recognizer, rank, &hypothesis));
    PT__TRY(pt__recognizer_decode(recognizer, &hypothesis));
    pt__text_add_bytes(&text, recognizer->text, recognizer->text_length);
    if (score != NULL)
        *score = hypothesis.score;
    return pt__text_give(&text, buffer, size, length);
}

pt_status_t pt_recognizer_text(pt_recognizer_t *recognizer, int32_t rank, char *buffer, size_t size, size_t *length,
                               double *score)
{
    PT__ENTER();
    PT__NEED(recognizer);
    return pt__error_keep_on(recognizer->message, give_text(recognizer, rank, buffer, size, length, score));
}

static pt_status_t give_words(pt_recognizer_t *recognizer, int32_t rank, pt_spoken_word_t *words, uint32_t word_size,
                              int64_t room, int64_t *count)
{
    pt__hypothesis_t hypothesis;
    PT__TRY(find(recognizer, rank, &hypothesis));
    PT__TRY(pt__recognizer_decode(recognizer, &hypothesis));
    PT__TRY(pt__recognizer_find_words(recognizer, &hypothesis, count));
    for (int64_t i = 0; words != NULL && i < *count && i < room; i++)
        PT__TRY(pt__element_write((char *)words + i * (int64_t)word_size, word_size, &recognizer->words[i],
                                  (uint32_t)sizeof *words, "pt_spoken_word_t"));
    return PT_OK;
}

pt_status_t pt_recognizer_words(pt_recognizer_t *recognizer, int32_t rank, pt_spoken_word_t *words, uint32_t word_size,
                                int64_t room, int64_t *count)
{
    PT__ENTER();
    PT__NEED(recognizer);
    PT__NEED(count);
    pt_status_t status = room < 0 || (room > 0 && words == NULL) || word_size == 0
                             ? pt__fail(PT_ERR_ARGUMENT,
                                        "pt_recognizer_words: room is %lld and word_size %lu, expected "
                                        "words for them",
                                        (long long)room, (unsigned long)word_size)
                             : give_words(recognizer, rank, words, word_size, room, count);
    return pt__error_keep_on(recognizer->message, status);
}

/* ---- With a model ---- */

static pt_status_t recognize(pt_model_t *model, pt_recognizer_t *recognizer, const pt_array_t *values, int32_t n_values,
                             uint32_t array_size)
{
    pt__memory_t *memory = &recognizer->tokenizer->context->memory;
    pt_array_t rows = {.dtype = PT_FLOAT32};
    PT__TRY(pt_forward(model, values, n_values, array_size, 1, "log_probabilities", &rows));
    PT__TRY(pt__grow(memory, &recognizer->rows, &recognizer->rows_capacity, rows.elements, sizeof *recognizer->rows,
                     "rows"));
    rows.data = recognizer->rows;
    rows.capacity = rows.elements;
    PT__TRY(pt_forward(model, values, n_values, array_size, 1, "log_probabilities", &rows));
    recognizer->has_ended = 1; /* whatever came before */
    PT__TRY(pt__recognizer_push(recognizer, rows.elements, recognizer->rows));
    return pt__recognizer_finish(recognizer);
}

pt_status_t pt_recognize(pt_model_t *model, pt_recognizer_t *recognizer, const pt_array_t *values, int32_t n_values,
                         uint32_t array_size)
{
    PT__ENTER();
    PT__NEED(model);
    PT__NEED(recognizer);
    return pt__error_keep_on(recognizer->message, recognize(model, recognizer, values, n_values, array_size));
}
