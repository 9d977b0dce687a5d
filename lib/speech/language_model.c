/* See language_model.h.
 *
 * An n-gram is the child of that of its words but the last one, by that word: so a table from (n-gram, word) to n-gram
 * holds all of them, and a history is walked from its oldest word on. */
#include "speech/language_model.h"

#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/number.h"
#include "base/sort.h"

enum { ROOT = 0, NONE = -1 };

typedef struct ngram {
    int32_t parent, word;
    float probability, backoff; /* natural logarithms; probability 1: it is only a part of longer ones */
} ngram_t;

struct pt__language_model {
    pt__memory_t *memory;
    int32_t order;
    char *characters; /* of the words, end to end */
    int64_t n_characters, characters_capacity;
    int64_t *begins; /* [n_words + 1] */
    int64_t n_words, begins_capacity;
    const void **sorted; /* [n_words] where each begins, in the order of their bytes */
    int32_t *word_slots; /* open addressing, NONE in free ones */
    int64_t word_mask;
    ngram_t *ngrams; /* the first is that of no word */
    int64_t n_ngrams, ngrams_capacity;
    int32_t *slots;
    int64_t mask;
    int32_t begin, end, unknown; /* words; NONE: not there */
};

void pt__language_model_free(pt__language_model_t *model)
{
    if (model == NULL)
        return;
    pt__release(model->memory, model->characters);
    pt__release(model->memory, model->begins);
    pt__release(model->memory, model->sorted);
    pt__release(model->memory, model->word_slots);
    pt__release(model->memory, model->ngrams);
    pt__release(model->memory, model->slots);
    pt__release(model->memory, model);
}

/* ---- Tables ---- */

static uint64_t hash_of(int32_t parent, int32_t word)
{
    uint64_t hash = ((uint64_t)(uint32_t)parent << 32 | (uint32_t)word) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ hash >> 29;
}

/* The slot of an n-gram, or the free one that it would take. */
static int64_t slot_of(const pt__language_model_t *model, int32_t parent, int32_t word)
{
    int64_t at = (int64_t)(hash_of(parent, word) & (uint64_t)model->mask);
    while (model->slots[at] != NONE &&
           (model->ngrams[model->slots[at]].parent != parent || model->ngrams[model->slots[at]].word != word))
        at = (at + 1) & model->mask;
    return at;
}

static int64_t word_slot_of(const pt__language_model_t *model, const char *word, int64_t length)
{
    int64_t at = (int64_t)(pt__hash_bytes(0, word, (size_t)length) & (uint64_t)model->word_mask);
    for (; model->word_slots[at] != NONE; at = (at + 1) & model->word_mask) {
        const int64_t *span = model->begins + model->word_slots[at];
        if (span[1] - span[0] == length && memcmp(model->characters + span[0], word, (size_t)length) == 0)
            break;
    }
    return at;
}

static pt_status_t make_slots(pt__memory_t *memory, int64_t entries, int32_t **slots, int64_t *mask)
{
    int64_t size = 16;
    while (size < 2 * entries)
        size *= 2;
    PT__TRY(pt__allocate_uninitialised(memory, (size_t)size, sizeof **slots, "language model", slots));
    for (int64_t i = 0; i < size; i++)
        (*slots)[i] = NONE;
    *mask = size - 1;
    return PT_OK;
}

/* Twice the slots once more than half of them are taken. */
static pt_status_t grow_slots(pt__language_model_t *model)
{
    if (2 * (model->n_ngrams + 1) <= model->mask)
        return PT_OK;
    int32_t *old = model->slots;
    pt_status_t status = make_slots(model->memory, 2 * (model->n_ngrams + 1), &model->slots, &model->mask);
    if (status != PT_OK)
        return status;
    pt__release(model->memory, old);
    for (int64_t i = 1; i < model->n_ngrams; i++)
        model->slots[slot_of(model, model->ngrams[i].parent, model->ngrams[i].word)] = (int32_t)i;
    return PT_OK;
}

static pt_status_t grow_words(pt__language_model_t *model)
{
    if (2 * (model->n_words + 1) <= model->word_mask)
        return PT_OK;
    int32_t *old = model->word_slots;
    pt_status_t status = make_slots(model->memory, 2 * (model->n_words + 1), &model->word_slots, &model->word_mask);
    if (status != PT_OK)
        return status;
    pt__release(model->memory, old);
    for (int64_t i = 0; i < model->n_words; i++) {
        const int64_t *span = model->begins + i;
        model->word_slots[word_slot_of(model, model->characters + span[0], span[1] - span[0])] = (int32_t)i;
    }
    return PT_OK;
}

/* The word's place, made where it is new. */
static pt_status_t add_word(pt__language_model_t *model, const char *word, int64_t length, int32_t *out)
{
    PT__TRY(grow_words(model));
    int64_t slot = word_slot_of(model, word, length);
    if (model->word_slots[slot] == NONE) {
        PT__TRY(pt__grow(model->memory, &model->characters, &model->characters_capacity, model->n_characters + length,
                         1, "language model"));
        PT__TRY(pt__grow(model->memory, &model->begins, &model->begins_capacity, model->n_words + 2,
                         sizeof *model->begins, "language model"));
        memcpy(model->characters + model->n_characters, word, (size_t)length);
        model->begins[model->n_words] = model->n_characters;
        model->n_characters += length;
        model->begins[model->n_words + 1] = model->n_characters;
        model->word_slots[slot] = (int32_t)model->n_words++;
    }
    *out = model->word_slots[slot];
    return PT_OK;
}

static pt_status_t add_ngram(pt__language_model_t *model, int32_t parent, int32_t word, int32_t *out)
{
    PT__TRY(grow_slots(model));
    int64_t slot = slot_of(model, parent, word);
    if (model->slots[slot] == NONE) {
        PT__TRY(pt__grow(model->memory, &model->ngrams, &model->ngrams_capacity, model->n_ngrams + 1,
                         sizeof *model->ngrams, "language model"));
        model->ngrams[model->n_ngrams] = (ngram_t){parent, word, 1, 0};
        model->slots[slot] = (int32_t)model->n_ngrams++;
    }
    *out = model->slots[slot];
    return PT_OK;
}

/* ---- The file ---- */

typedef struct reader {
    pt__language_model_t *model;
    const char *text;
    int64_t size, at, line; /* where the next line begins; the number of the one that was read */
    const char *now;        /* it, without blanks at its ends */
    int64_t length;
} reader_t;

static int32_t is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The next line that is not empty; 0: there is none. */
static int32_t next_line(reader_t *r)
{
    while (r->at < r->size) {
        const char *end = memchr(r->text + r->at, '\n', (size_t)(r->size - r->at));
        r->now = r->text + r->at;
        r->length = (end != NULL ? end - r->text : r->size) - r->at;
        r->at += r->length + 1;
        r->line++;
        while (r->length > 0 && is_blank(r->now[r->length - 1]))
            r->length--;
        while (r->length > 0 && is_blank(*r->now))
            r->now++, r->length--;
        if (r->length > 0)
            return 1;
    }
    return 0;
}

static pt_status_t fail(const reader_t *r, const char *expected)
{
    return pt__fail(PT_ERR_FORMAT, "line %lld: \"%.*s\", expected %s", (long long)r->line,
                    (int)(r->length < 60 ? r->length : 60), r->now, expected);
}

static int32_t is_line(const reader_t *r, const char *text)
{
    return r->length == (int64_t)strlen(text) && memcmp(r->now, text, (size_t)r->length) == 0;
}

/* Takes a part of the line up to a blank; length 0: there is none. */
static const char *take(reader_t *r, int64_t *length)
{
    const char *part = r->now;
    *length = 0;
    while (*length < r->length && !is_blank(part[*length]))
        ++*length;
    r->now += *length;
    r->length -= *length;
    while (r->length > 0 && is_blank(*r->now))
        r->now++, r->length--;
    return part;
}

/* A logarithm to base 10 as one to base e. */
static int32_t read_logarithm(const char *part, int64_t length, float *out)
{
    double value;
    if (!pt__number_parse(part, length, &value) || value > 1e30)
        return 0;
    value = value < -1e6 ? -1e6 : value;
    *out = (float)(value * 2.302585092994046);
    return 1;
}

static pt_status_t read_ngram(reader_t *r, int32_t order)
{
    pt__language_model_t *model = r->model;
    const reader_t whole = *r;
    int64_t length;
    int32_t at = ROOT, word, words[PT__NGRAM_MOST];
    ngram_t read = {0};
    const char *part = take(r, &length);
    if (!read_logarithm(part, length, &read.probability) || read.probability > 0)
        return fail(&whole, "the logarithm of a probability, and words");
    for (int32_t i = 0; i < order; i++) {
        part = take(r, &length);
        if (length == 0)
            return fail(&whole, "more words");
        PT__TRY(add_word(model, part, length, &words[i]));
    }
    part = take(r, &length);
    if (length > 0 && (!read_logarithm(part, length, &read.backoff) || r->length > 0))
        return fail(&whole, "nothing behind the words but the weight of backing off");
    for (int32_t i = 0; i < order; i++) {
        word = words[i];
        PT__TRY(add_ngram(model, at, word, &at));
    }
    model->ngrams[at].probability = read.probability;
    model->ngrams[at].backoff = read.backoff;
    return PT_OK;
}

/* "\3-grams:"; 0: the line is something else. */
static int32_t order_of(const reader_t *r)
{
    if (r->length != 9 || r->now[0] != '\\' || r->now[1] < '1' || r->now[1] > '9' ||
        memcmp(r->now + 2, "-grams:", 7) != 0)
        return 0;
    return r->now[1] - '0';
}

static pt_status_t read(reader_t *r)
{
    int32_t order = 0, found;
    while (next_line(r) && !is_line(r, "\\data\\"))
        continue;
    if (r->at >= r->size)
        return pt__fail(PT_ERR_FORMAT, "it has no line \"\\data\\\", which an ARPA file begins with");
    while (next_line(r) && order_of(r) == 0)
        if (r->length < 6 || memcmp(r->now, "ngram ", 6) != 0)
            return fail(r, "a number of n-grams, or \"\\1-grams:\"");
    for (int32_t more = r->length > 0 && order_of(r) != 0; more; more = next_line(r)) {
        if (is_line(r, "\\end\\"))
            break;
        found = order_of(r);
        if (found > PT__NGRAM_MOST || (found > 0 && found != order + 1))
            return fail(r, "n-grams of one word, then of one more each time, up to 8");
        if (found > 0)
            order = found;
        else
            PT__TRY(read_ngram(r, order));
    }
    if (!is_line(r, "\\end\\"))
        return pt__fail(PT_ERR_FORMAT, "it ends before \"\\end\\\"");
    r->model->order = order;
    return order > 0 ? PT_OK : pt__fail(PT_ERR_FORMAT, "it has no n-grams");
}

/* The first `most` bytes of a word against others. */
static int compare_bytes(const char *word, int64_t length, const char *bytes, int64_t most)
{
    int order = memcmp(word, bytes, (size_t)(length < most ? length : most));
    return order != 0 ? order : (length > most) - (length < most);
}

static int compare(const void *a, const void *b, void *user)
{
    const int64_t *left = a, *right = b;
    const char *characters = user;
    return compare_bytes(characters + left[0], left[1] - left[0], characters + right[0], right[1] - right[0]);
}

static pt_status_t sort_words(pt__language_model_t *model)
{
    PT__TRY(
        pt__allocate(model->memory, (size_t)model->n_words, sizeof *model->sorted, "language model", &model->sorted));
    for (int64_t i = 0; i < model->n_words; i++)
        model->sorted[i] = &model->begins[i];
    pt__sort(model->sorted, model->n_words, compare, model->characters);
    return PT_OK;
}

static pt_status_t fill(pt__language_model_t *model, const char *text, int64_t size)
{
    reader_t reader = {.model = model, .text = text, .size = size, .now = text};
    PT__TRY(make_slots(model->memory, 16, &model->slots, &model->mask));
    PT__TRY(make_slots(model->memory, 16, &model->word_slots, &model->word_mask));
    PT__TRY(
        pt__grow(model->memory, &model->ngrams, &model->ngrams_capacity, 1, sizeof *model->ngrams, "language model"));
    model->ngrams[ROOT] = (ngram_t){NONE, NONE, 1, 0};
    model->n_ngrams = 1;
    PT__TRY(read(&reader));
    PT__TRY(sort_words(model));
    model->begin = pt__language_model_word(model, "<s>", 3);
    model->end = pt__language_model_word(model, "</s>", 4);
    model->unknown = pt__language_model_word(model, "<unk>", 5);
    return PT_OK;
}

pt_status_t pt__language_model_read(pt__memory_t *memory, const char *text, int64_t size, pt__language_model_t **out)
{
    pt__language_model_t *model;
    *out = NULL;
    if (size > (int64_t)1 << 33)
        return pt__fail(PT_ERR_UNSUPPORTED, "%lld bytes, expected at most 8 GB", (long long)size);
    PT__TRY(pt__allocate(memory, 1, sizeof *model, "language model", &model));
    model->memory = memory;
    pt_status_t status = fill(model, text, size);
    if (status == PT_OK)
        *out = model;
    else
        pt__language_model_free(model);
    return status;
}

/* ---- Asking ---- */

int32_t pt__language_model_word(const pt__language_model_t *model, const char *word, int64_t length)
{
    return model->word_slots[word_slot_of(model, word, length)];
}

int32_t pt__language_model_words(const pt__language_model_t *model)
{
    return (int32_t)model->n_words;
}

/* The first of the range that is not before the bytes, or, where is_behind, that is behind all that begin with them. */
static int32_t bound(const pt__language_model_t *model, int64_t at, const char *bytes, int64_t length, int32_t low,
                     int32_t high, int32_t is_behind)
{
    while (low < high) {
        const int32_t middle = low + (high - low) / 2;
        const int64_t *span = model->sorted[middle], rest = span[1] - span[0] - at;
        int order = compare_bytes(model->characters + span[0] + at, rest < length ? rest : length, bytes, length);
        if (is_behind ? order <= 0 : order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void pt__language_model_narrow(const pt__language_model_t *model, int64_t at, const char *bytes, int64_t length,
                               int32_t *low, int32_t *high)
{
    const int32_t first = bound(model, at, bytes, length, *low, *high, 0);
    *high = bound(model, at, bytes, length, first, *high, 1);
    *low = first;
}

pt__word_history_t pt__language_model_begin(const pt__language_model_t *model)
{
    pt__word_history_t history = {.count = 0};
    if (model->begin != NONE && model->order > 1)
        history.words[history.count++] = model->begin;
    return history;
}

/* The n-gram of the history's words from `first` on; NONE: it is not there. */
static int32_t find(const pt__language_model_t *model, const pt__word_history_t *history, int32_t first)
{
    int32_t at = ROOT;
    for (int32_t i = first; i < history->count && at != NONE; i++)
        at = model->slots[slot_of(model, at, history->words[i])];
    return at;
}

static double score(const pt__language_model_t *model, const pt__word_history_t *history, int32_t word, double unknown)
{
    double backoff = 0;
    for (int32_t first = 0; first <= history->count; first++) {
        int32_t context = find(model, history, first);
        if (context == NONE)
            continue;
        int32_t at = model->slots[slot_of(model, context, word)];
        if (at != NONE && model->ngrams[at].probability <= 0)
            return backoff + (double)model->ngrams[at].probability;
        backoff += (double)model->ngrams[context].backoff;
    }
    return unknown;
}

double pt__language_model_score(const pt__language_model_t *model, const pt__word_history_t *history, int32_t word,
                                double unknown, pt__word_history_t *next)
{
    const int32_t known = word >= 0 ? word : model->unknown;
    double found = known >= 0 ? score(model, history, known, unknown) : unknown;
    if (next == NULL)
        return found;
    pt__word_history_t longer = {.count = 0};
    for (int32_t i = 0; i < history->count; i++)
        if (known >= 0 && history->count - i < model->order - 1)
            longer.words[longer.count++] = history->words[i];
    if (known >= 0 && model->order > 1)
        longer.words[longer.count++] = known;
    *next = longer; /* behind a word that is none, all begins anew */
    return found;
}

double pt__language_model_end(const pt__language_model_t *model, const pt__word_history_t *history)
{
    return model->end == NONE ? 0 : score(model, history, model->end, 0);
}
