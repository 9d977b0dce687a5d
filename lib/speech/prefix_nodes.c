/* See prefix_nodes.h. A prefix' score of words is known when it is made, from its parent's: a word is scored once it
 * ends, and until then what it may become as a hot word is lent to it, so that it stays in the beam; and what an
 * unknown word costs is taken from it as soon as it can be no other. */
#include "speech/prefix_nodes.h"

#include <string.h>

#include "base/edit_distance.h"

enum { FIRST_BUCKETS = 1024, LONGEST_WORD = 512 };

static int64_t bucket_of(const pt__prefixes_t *prefixes, int32_t parent, int32_t token)
{
    uint64_t key = ((uint64_t)(uint32_t)parent << 32 | (uint32_t)token) * UINT64_C(0x9E3779B97F4A7C15);
    return (int64_t)((key ^ key >> 31) & (uint64_t)(prefixes->n_buckets - 1));
}

static pt_status_t make_buckets(pt__memory_t *memory, int64_t count, int32_t **buckets)
{
    PT__TRY(pt__allocate_uninitialised(memory, (size_t)count, sizeof **buckets, "beam", buckets));
    for (int64_t i = 0; i < count; i++)
        (*buckets)[i] = PT__PREFIX_NONE;
    return PT_OK;
}

/* Twice the buckets once there is a prefix for each. */
static pt_status_t grow_buckets(pt__prefixes_t *prefixes)
{
    int32_t *buckets;
    if (prefixes->taken < prefixes->n_buckets)
        return PT_OK;
    PT__TRY(make_buckets(prefixes->memory, 2 * prefixes->n_buckets, &buckets));
    pt__release(prefixes->memory, prefixes->buckets);
    prefixes->buckets = buckets;
    prefixes->n_buckets *= 2;
    for (int32_t i = 1; i < prefixes->count; i++) {
        pt__prefix_t *prefix = &prefixes->list[i];
        if (prefix->references == PT__PREFIX_NONE)
            continue;
        int32_t *bucket = &buckets[bucket_of(prefixes, prefix->parent, prefix->token)];
        prefix->next = *bucket;
        *bucket = i;
    }
    return PT_OK;
}

void pt__prefixes_clear(pt__prefixes_t *prefixes)
{
    const pt__beam_settings_t *settings = prefixes->settings;
    for (int64_t i = 0; i < prefixes->n_buckets; i++)
        prefixes->buckets[i] = PT__PREFIX_NONE;
    prefixes->list[PT__PREFIX_ROOT] = (pt__prefix_t){.parent = PT__PREFIX_NONE,
                                                     .token = PT__PREFIX_NONE,
                                                     .references = 1,
                                                     .hot_high = settings->n_hot_words,
                                                     .stamp = -1};
    if (settings->language != NULL) {
        prefixes->list[PT__PREFIX_ROOT].history = pt__language_model_begin(settings->language);
        prefixes->list[PT__PREFIX_ROOT].high = pt__language_model_words(settings->language);
    }
    prefixes->count = 1;
    prefixes->taken = 0;
    prefixes->free = PT__PREFIX_NONE;
}

pt_status_t pt__prefixes_start(pt__prefixes_t *prefixes, pt__memory_t *memory, const pt__beam_settings_t *settings)
{
    *prefixes = (pt__prefixes_t){.memory = memory, .settings = settings, .n_buckets = FIRST_BUCKETS};
    PT__TRY(make_buckets(memory, FIRST_BUCKETS, &prefixes->buckets));
    PT__TRY(pt__grow(memory, &prefixes->list, &prefixes->capacity, 1, sizeof *prefixes->list, "beam"));
    pt__prefixes_clear(prefixes);
    return PT_OK;
}

void pt__prefixes_free(pt__prefixes_t *prefixes)
{
    pt__release(prefixes->memory, prefixes->buckets);
    pt__release(prefixes->memory, prefixes->list);
}

/* ---- Words ---- */

/* The open word's bytes into `word`, of LONGEST_WORD; 0: it is longer. */
static int64_t write_word(const pt__prefixes_t *prefixes, int32_t prefix, char *word)
{
    const pt__prefix_t *last = &prefixes->list[prefix];
    int64_t length = last->word_bytes, at = length;
    if (length > LONGEST_WORD)
        return 0;
    for (const pt__prefix_t *now = last; at > 0; now = &prefixes->list[now->parent]) {
        const pt__spoken_token_t *token = &prefixes->settings->tokens[now->token];
        if (token->kind == PT__WORD_NO_TEXT)
            continue;
        at -= token->length;
        memcpy(word + at, token->text, (size_t)token->length);
    }
    return length;
}

/* Of the open word of `prefix` once it has ended; 0 where none is open. Moves the history on. */
static double end_word(const pt__prefixes_t *prefixes, int32_t prefix, pt__word_history_t *history)
{
    const pt__beam_settings_t *settings = prefixes->settings;
    const pt__prefix_t *last = &prefixes->list[prefix];
    char word[LONGEST_WORD];
    double score = settings->word_bonus;
    if (last->in_word == 0)
        return 0;
    int64_t length = write_word(prefixes, prefix, word);
    if (settings->language != NULL) {
        int32_t known = length > 0 ? pt__language_model_word(settings->language, word, length) : -1;
        score += settings->language_weight *
                 pt__language_model_score(settings->language, history, known, settings->unknown, history);
    }
    for (int32_t i = last->hot_low; i < last->hot_high && settings->hot_words[i].length == length; i++)
        score += settings->hot_words[i].weight; /* the first that begins with it is it, or none is */
    return score;
}

/* The hot words of the range that have these bytes from `at` on; they are in order, and alike up to there. */
static void narrow(const pt__beam_settings_t *settings, const pt__spoken_token_t *token, pt__prefix_t *prefix)
{
    const int32_t at = prefix->word_bytes;
    int32_t low = prefix->hot_low, high = prefix->hot_high;
    for (; low < high; low++) {
        const pt__hot_word_t *word = &settings->hot_words[low];
        if (word->length >= at + token->length && memcmp(word->text + at, token->text, (size_t)token->length) == 0)
            break;
    }
    prefix->hot_low = low;
    for (; low < high; low++) {
        const pt__hot_word_t *word = &settings->hot_words[low];
        if (word->length < at + token->length || memcmp(word->text + at, token->text, (size_t)token->length) != 0)
            break;
    }
    prefix->hot_high = low;
}

static void lend(const pt__beam_settings_t *settings, pt__prefix_t *prefix)
{
    prefix->partial = 0;
    for (int32_t i = prefix->hot_low; i < prefix->hot_high; i++) {
        double share = settings->hot_words[i].weight * prefix->word_bytes / settings->hot_words[i].length;
        prefix->partial = share > prefix->partial ? share : prefix->partial;
    }
    if (settings->language != NULL && prefix->low == prefix->high)
        prefix->partial += settings->language_weight * settings->unknown;
}

/* Fills what follows from the parent. */
static void begin(const pt__prefixes_t *prefixes, int32_t parent, int32_t token, pt__prefix_t *prefix)
{
    const pt__beam_settings_t *settings = prefixes->settings;
    const pt__spoken_token_t *spoken = &settings->tokens[token];
    *prefix = prefixes->list[parent];
    prefix->parent = parent;
    prefix->token = token;
    prefix->references = 0;
    prefix->stamp = -1;
    if (spoken->kind == PT__WORD_NO_TEXT)
        return;
    if (spoken->kind == PT__WORD_PARTS || spoken->kind == PT__WORD_BEGINS) {
        prefix->words += end_word(prefixes, parent, &prefix->history);
        prefix->in_word = prefix->word_bytes = 0;
        prefix->partial = 0;
        prefix->hot_low = 0;
        prefix->hot_high = settings->n_hot_words;
        prefix->low = 0;
        prefix->high = settings->language != NULL ? pt__language_model_words(settings->language) : 0;
    }
    if (spoken->kind == PT__WORD_PARTS)
        return;
    prefix->in_word++;
    narrow(settings, spoken, prefix);
    if (settings->language != NULL)
        pt__language_model_narrow(settings->language, prefix->word_bytes, spoken->text, spoken->length, &prefix->low,
                                  &prefix->high);
    prefix->word_bytes += spoken->length;
    lend(settings, prefix);
}

double pt__prefixes_end(const pt__prefixes_t *prefixes, int32_t prefix)
{
    const pt__beam_settings_t *settings = prefixes->settings;
    pt__word_history_t history = prefixes->list[prefix].history;
    double score = prefixes->list[prefix].words + end_word(prefixes, prefix, &history);
    if (settings->language != NULL)
        score += settings->language_weight * pt__language_model_end(settings->language, &history);
    return score;
}

/* ---- The tree ---- */

static pt_status_t take_place(pt__prefixes_t *prefixes, int32_t *place)
{
    *place = prefixes->free;
    if (*place != PT__PREFIX_NONE) {
        prefixes->free = prefixes->list[*place].next;
        return PT_OK;
    }
    if (prefixes->count == INT32_MAX)
        return pt__fail(PT_ERR_MEMORY, "a beam of more than %d prefixes", INT32_MAX);
    PT__TRY(pt__grow(prefixes->memory, &prefixes->list, &prefixes->capacity, prefixes->count + 1,
                     sizeof *prefixes->list, "beam"));
    *place = (int32_t)prefixes->count++;
    prefixes->list[*place].references = PT__PREFIX_NONE;
    return PT_OK;
}

pt_status_t pt__prefixes_extend(pt__prefixes_t *prefixes, int32_t parent, int32_t token, int32_t *child,
                                int32_t *is_new)
{
    *is_new = 0;
    *child = prefixes->buckets[bucket_of(prefixes, parent, token)];
    while (*child != PT__PREFIX_NONE &&
           (prefixes->list[*child].parent != parent || prefixes->list[*child].token != token))
        *child = prefixes->list[*child].next;
    if (*child != PT__PREFIX_NONE)
        return PT_OK;
    PT__TRY(grow_buckets(prefixes));
    PT__TRY(take_place(prefixes, child));
    int32_t *bucket = &prefixes->buckets[bucket_of(prefixes, parent, token)];
    begin(prefixes, parent, token, &prefixes->list[*child]);
    prefixes->list[*child].next = *bucket;
    *bucket = *child;
    prefixes->list[parent].references++;
    prefixes->taken++;
    *is_new = 1;
    return PT_OK;
}

void pt__prefixes_let_go(pt__prefixes_t *prefixes, int32_t place)
{
    while (place != PT__PREFIX_NONE && prefixes->list[place].references == 0) {
        pt__prefix_t *prefix = &prefixes->list[place];
        int32_t *link = &prefixes->buckets[bucket_of(prefixes, prefix->parent, prefix->token)];
        while (*link != place)
            link = &prefixes->list[*link].next;
        *link = prefix->next;
        prefix->references = PT__PREFIX_NONE;
        prefix->next = prefixes->free;
        prefixes->free = place;
        prefixes->taken--;
        place = prefix->parent;
        prefixes->list[place].references--;
    }
}
