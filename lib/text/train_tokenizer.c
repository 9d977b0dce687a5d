/* Learning a tokenizer: what is asked for, the way from texts to a file, and its end in any case. */
#include "text/training_state.h"

#include <string.h>

#include "base/options.h"
#include "base/unfinished.h"
#include "base/utf8.h"

enum { VOCABULARY = 30000, UNIGRAM_VOCABULARY = 8000, UNIGRAM_LONGEST = 16, MIN_FREQUENCY = 2, ALPHABET = 1000 };

/* ---- Options ---- */

static pt_status_t fail_range(const char *field, int64_t value, const char *expected)
{
    return pt__fail(PT_ERR_ARGUMENT, "pt_tokenizer_train_options.%s is %lld, expected %s", field, (long long)value,
                    expected);
}

static pt_status_t check_string(const char *field, const char *string)
{
    if (string != NULL && !pt__utf8_is(string))
        return pt__fail(PT_ERR_ARGUMENT, "pt_tokenizer_train_options.%s is not UTF-8", field);
    return PT_OK;
}

static int32_t has_special(const pt_tokenizer_train_options_t *options, const char *token)
{
    for (int32_t i = 0; i < options->n_special_tokens; i++)
        if (strcmp(options->special_tokens[i], token) == 0)
            return 1;
    return 0;
}

static pt_status_t check_special(const pt_tokenizer_train_options_t *options)
{
    if (options->n_special_tokens < 0 || (options->n_special_tokens > 0 && options->special_tokens == NULL))
        return fail_range("n_special_tokens", options->n_special_tokens, "0 or as many as special_tokens has");
    for (int32_t i = 0; i < options->n_special_tokens; i++)
        if (options->special_tokens[i] == NULL || options->special_tokens[i][0] == 0 ||
            !pt__utf8_is(options->special_tokens[i]))
            return pt__fail(PT_ERR_ARGUMENT,
                            "pt_tokenizer_train_options.special_tokens[%d] is %s, expected a text in UTF-8", (int)i,
                            options->special_tokens[i] == NULL ? "NULL"
                            : options->special_tokens[i][0]    ? "not UTF-8"
                                                               : "\"\"");
    if (options->kind == PT_TOKENIZER_WORDPIECE && options->n_special_tokens > 0 && !has_special(options, "[UNK]"))
        return pt__fail(PT_ERR_ARGUMENT, "pt_tokenizer_train_options.special_tokens lack \"[UNK]\", which stands for "
                                         "words that have no pieces");
    return PT_OK;
}

static pt_status_t check_texts(const pt_tokenizer_train_options_t *options)
{
    PT__TRY(check_special(options));
    PT__TRY(check_string("initial_alphabet", options->initial_alphabet));
    PT__TRY(check_string("prefix", options->prefix));
    if (options->prefix != NULL && (options->prefix[0] == 0 || strlen(options->prefix) > PT__PREFIX_MOST))
        return fail_range("prefix", (int64_t)strlen(options->prefix), "1 to 128 bytes");
    if (options->pattern != NULL && !pt__training_knows_pattern(options->pattern))
        return pt__fail(PT_ERR_ARGUMENT,
                        "pt_tokenizer_train_options.pattern is \"%.99s\", expected \"gpt2\", \"cl100k\", \"llama3\" or "
                        "\"qwen2\"",
                        options->pattern);
    return PT_OK;
}

/* What a kind knows nothing of may not be asked of it. */
static pt_status_t check_kind(const pt_tokenizer_train_options_t *options)
{
    static const struct {
        const char *name;
        uint32_t flags;
        int32_t has_min_frequency, has_alphabet, has_initial_alphabet, has_pattern, has_prefix;
    } kinds[] = {{"PT_TOKENIZER_BPE", PT_TOKENIZER_PREFIX_SPACE, 1, 0, 0, 1, 0},
                 {"PT_TOKENIZER_WORDPIECE", PT_TOKENIZER_CASED, 1, 1, 1, 0, 1},
                 {"PT_TOKENIZER_UNIGRAM", 0, 0, 0, 1, 0, 0}};
    if (options->kind < 0 || options->kind > PT_TOKENIZER_UNIGRAM)
        return fail_range("kind", options->kind, "PT_TOKENIZER_BPE, PT_TOKENIZER_WORDPIECE or PT_TOKENIZER_UNIGRAM");
    const char *unknown = options->flags & ~kinds[options->kind].flags                             ? "one of the flags"
                          : options->min_frequency != 0 && !kinds[options->kind].has_min_frequency ? "min_frequency"
                          : options->alphabet != 0 && !kinds[options->kind].has_alphabet           ? "alphabet"
                          : options->initial_alphabet != NULL && !kinds[options->kind].has_initial_alphabet
                              ? "initial_alphabet"
                          : options->pattern != NULL && !kinds[options->kind].has_pattern ? "pattern"
                          : options->prefix != NULL && !kinds[options->kind].has_prefix   ? "prefix"
                                                                                          : NULL;
    if (unknown != NULL)
        return pt__fail(PT_ERR_ARGUMENT, "pt_tokenizer_train_options: %s, which %s does not have", unknown,
                        kinds[options->kind].name);
    return PT_OK;
}

static pt_status_t check_numbers(const pt_tokenizer_train_options_t *options)
{
    if (options->vocabulary < 0 || options->vocabulary > PT__TOKEN_MOST)
        return fail_range("vocabulary", options->vocabulary, "0 to 4194304");
    if (options->min_frequency < 0)
        return fail_range("min_frequency", options->min_frequency, "at least 0");
    if (options->longest < 0)
        return fail_range("longest", options->longest, "at least 0");
    if (options->kind == PT_TOKENIZER_UNIGRAM && options->longest > PT__UNIGRAM_LONGEST)
        return fail_range("longest", options->longest, "at most 128 for PT_TOKENIZER_UNIGRAM");
    if (options->alphabet < 0)
        return fail_range("alphabet", options->alphabet, "at least 0");
    return options->memory_budget >= 0 ? PT_OK : fail_range("memory_budget", options->memory_budget, "at least 0");
}

pt_status_t pt__training_options(const pt_tokenizer_train_options_t *given, pt_tokenizer_train_options_t *options)
{
    static const char *const of_bert[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
    memset(options, 0, sizeof *options);
    PT__TRY(pt__options_read(given, options, (uint32_t)sizeof *options, "pt_tokenizer_train_options"));
    PT__TRY(check_kind(options));
    PT__TRY(check_numbers(options));
    PT__TRY(check_texts(options));
    const int32_t is_unigram = options->kind == PT_TOKENIZER_UNIGRAM;
    if (options->vocabulary == 0)
        options->vocabulary = is_unigram ? UNIGRAM_VOCABULARY : VOCABULARY;
    if (is_unigram) {
        options->longest = options->longest > 0 ? options->longest : UNIGRAM_LONGEST;
        return PT_OK;
    }
    options->min_frequency = options->min_frequency > 0 ? options->min_frequency : MIN_FREQUENCY;
    if (options->kind == PT_TOKENIZER_BPE) {
        options->pattern = options->pattern == NULL ? "gpt2" : options->pattern;
        return PT_OK;
    }
    options->alphabet = options->alphabet > 0 ? options->alphabet : ALPHABET;
    options->prefix = options->prefix == NULL ? "##" : options->prefix;
    if (options->n_special_tokens == 0) {
        options->special_tokens = of_bert;
        options->n_special_tokens = (int32_t)(sizeof of_bert / sizeof *of_bert);
    }
    return PT_OK;
}

/* ---- The training ---- */

static void free_training(pt__training_t *training)
{
    pt_context_t *context = training->context;
    if (training->source_free != NULL)
        training->source_free(training, training->source);
    if (training->learner_free != NULL)
        training->learner_free(training, training->learner);
    pt__release(&context->memory, training->scores);
    pt__release(&context->memory, training->merges);
    pt__word_table_free(&training->pieces);
    pt__word_counts_free(&training->counts);
    pt__tokenizer_free(training->cutter);
    pt__release(&context->memory, training);
    pt__context_release(context);
}

static pt_status_t end_unfinished(void *training)
{
    free_training(training);
    return PT_OK;
}

static pt_status_t open_json(pt__training_t *training, int32_t with_pieces, pt_tokenizer_t **out)
{
    char *text;
    int64_t length;
    PT__TRY(pt__training_json(training, with_pieces, &text, &length));
    pt_status_t status = pt__tokenizer_read_json(training->context, "the tokenizer that was learnt", text, length, out);
    pt__release(&training->context->memory, text);
    return status;
}

static pt_status_t count(pt__training_t *training, pt__feed_fn *feed)
{
    int64_t words = 0;
    PT__TRY(open_json(training, 0, &training->cutter));
    PT__TRY(pt__word_counts_make(training->cutter, &training->counts));
    for (int32_t is_over = 0; !is_over;) {
        PT__TRY(feed(training, training->source, &is_over));
        PT__TRY(pt__training_reserve(training, 0, "the words of the texts"));
    }
    PT__TRY(pt__word_counts_finish(&training->counts));
    for (int32_t i = 0; i < PT__WORD_SHARES; i++)
        words += training->counts.shares[i].n_words;
    return words > 0 ? PT_OK : pt__fail(PT_ERR_FORMAT, "the texts have no word to learn from");
}

static pt_status_t add_special(pt__training_t *training)
{
    const pt_tokenizer_train_options_t *options = &training->options;
    uint32_t id;
    if (options->kind == PT_TOKENIZER_UNIGRAM && !has_special(options, PT__UNIGRAM_TOKEN)) {
        PT__TRY(pt__training_piece(training, PT__UNIGRAM_TOKEN, (int64_t)strlen(PT__UNIGRAM_TOKEN), &id));
        training->first_special = 1;
    }
    for (int32_t i = 0; i < options->n_special_tokens; i++)
        PT__TRY(
            pt__training_piece(training, options->special_tokens[i], (int64_t)strlen(options->special_tokens[i]), &id));
    training->n_special = training->pieces.n_words - training->first_special;
    return pt__training_grow(training, &training->scores, &training->scores_capacity, training->pieces.n_words,
                             sizeof *training->scores, "scores");
}

static pt_status_t train(pt__training_t *training, pt__feed_fn *feed, pt_tokenizer_t **out)
{
    PT__TRY(count(training, feed));
    PT__TRY(add_special(training));
    PT__TRY(training->options.kind == PT_TOKENIZER_UNIGRAM ? pt__training_unigram(training)
                                                           : pt__training_pairs(training));
    training->learner_free(training, training->learner);
    training->learner_free = NULL;
    return open_json(training, 1, out);
}

pt_status_t pt__train_tokenizer(pt_context_t *context, const pt_tokenizer_train_options_t *options, pt__feed_fn *feed,
                                void *source, void (*source_free)(pt__training_t *training, void *source),
                                pt_tokenizer_t **out)
{
    pt__training_t *training;
    const int64_t held = atomic_load(&context->memory.bytes);
    *out = NULL;
    pt_status_t status = pt__allocate(&context->memory, 1, sizeof *training, "training of a tokenizer", &training);
    if (status != PT_OK) {
        pt__training_t none = {.context = context};
        if (source_free != NULL)
            source_free(&none, source);
        return status;
    }
    training->context = pt__context_retain(context);
    training->options = *options;
    training->held_before = held;
    training->started = pt__clock_seconds();
    training->pieces.memory = &context->memory;
    training->source = source;
    training->source_free = source_free;
    pt__unfinished_push(end_unfinished, training);
    status = train(training, feed, out);
    pt__unfinished_pop();
    free_training(training);
    return status;
}
