/* The unigram model (Kudo 2018): of all ways to cut a word into tokens the one whose tokens' scores have the largest
 * sum (Viterbi 1967). A character without a token of its own may also be unknown; unknown ones side by side are one. */
#include <math.h>
#include <string.h>

#include "text/byte_trie.h"
#include "text/characters.h"
#include "text/token_model.h"

enum {
    NONE = -1,
    UNKNOWN = -2,        /* a character without a token, in place of the last one of a way */
    LONGEST_TOKEN = 512, /* bytes: so far a text is looked at from each place */
    RING = 1024,         /* scores that are kept: more places than a token reaches over */
    SHORT = 128          /* bytes up to which a word needs no memory of its own */
};

#define UNKNOWN_PENALTY 10.0 /* below the lowest score, as SentencePiece has it */

typedef struct unigram {
    pt__memory_t *memory;
    const pt__vocabulary_t *vocabulary;
    pt__byte_trie_t trie;
    double *scores; /* [vocabulary's count] */
    double unknown_score;
    int32_t unknown;    /* NONE: there is none */
    int32_t falls_back; /* to bytes, all of which then have tokens */
    int32_t bytes[256]; /* their tokens */
} unigram_t;

/* ---- Reading ---- */

static void release(void *model)
{
    unigram_t *unigram = model;
    if (unigram == NULL)
        return;
    pt__byte_trie_free(&unigram->trie);
    pt__release(unigram->memory, unigram->scores);
    pt__release(unigram->memory, unigram);
}

static pt_status_t read_scores(unigram_t *unigram, const pt__json_t *json)
{
    const pt__json_t *tokens = NULL;
    double least = INFINITY;
    int64_t id = 0;
    PT__TRY(pt__json_get_array(json, "vocab", PT__JSON_REQUIRED, &tokens));
    PT__TRY(pt__allocate(unigram->memory, (size_t)unigram->vocabulary->count, sizeof *unigram->scores,
                         "scores of tokens", &unigram->scores));
    for (const pt__json_t *token = tokens->first; token != NULL; token = token->next, id++) {
        const pt__json_t *score = token->first->next;
        if (score->kind != PT__JSON_NUMBER || !isfinite(score->number))
            return pt__json_fail(score, PT_ERR_FORMAT, "expected a token's score");
        unigram->scores[id] = score->number;
        least = score->number < least ? score->number : least;
    }
    unigram->unknown_score = (tokens->length > 0 ? least : 0) - UNKNOWN_PENALTY;
    return PT_OK;
}

static pt_status_t read_unknown(unigram_t *unigram, const pt__json_t *json)
{
    const pt__json_t *tokens = pt__json_find(json, "vocab");
    int64_t unknown = NONE;
    int32_t falls_back = 0;
    PT__TRY(pt__json_get_integer(json, "unk_id", PT__JSON_OPTIONAL, 0, PT__TOKEN_MOST - 1, &unknown));
    PT__TRY(pt__json_get_bool(json, "byte_fallback", PT__JSON_OPTIONAL, &falls_back));
    if (unknown >= tokens->length)
        return pt__json_fail(json, PT_ERR_FORMAT, "unk_id is %lld, expected one of the %lld tokens", (long long)unknown,
                             (long long)tokens->length);
    unigram->unknown = (int32_t)unknown;
    unigram->falls_back = falls_back;
    for (int32_t byte = 0; byte < 256 && falls_back; byte++)
        unigram->bytes[byte] = pt__vocabulary_find_byte(unigram->vocabulary, (uint8_t)byte);
    return PT_OK;
}

static pt_status_t read(const pt__json_t *json, const pt__vocabulary_t *vocabulary, void **out)
{
    unigram_t *unigram;
    *out = NULL;
    PT__TRY(pt__allocate(vocabulary->memory, 1, sizeof *unigram, "unigram model", &unigram));
    unigram->memory = vocabulary->memory;
    unigram->vocabulary = vocabulary;
    pt_status_t status = read_scores(unigram, json);
    if (status == PT_OK)
        status = read_unknown(unigram, json);
    if (status == PT_OK)
        status = pt__vocabulary_trie(unigram->vocabulary, json, LONGEST_TOKEN, INT64_MAX, &unigram->trie);
    if (status == PT_OK)
        *out = unigram;
    else
        release(unigram);
    return status;
}

/* ---- The best way ---- */

typedef struct way { /* to the place that it stands at */
    double score;
    int32_t id; /* of the last token; NONE: no way leads there */
} way_t;

/* The last token of the best way to each place, in ids[1 .. length]. */
static pt_status_t find_best(const unigram_t *unigram, const uint8_t *word, int64_t length, int32_t *ids)
{
    way_t ring[RING];
    const int64_t first = length < RING ? length + 1 : RING;
    for (int64_t i = 0; i < first; i++)
        ring[i] = (way_t){0, NONE};
    for (int64_t at = 0, step; at < length; at += step) {
        const double before = ring[at & (RING - 1)].score;
        int32_t has_token = 0, size = 1;
        uint32_t unit = 0;
        if (!unigram->vocabulary->is_byte_level)
            pt__character_at(word + at, &size);
        step = size;
        const int64_t most = length - at < LONGEST_TOKEN ? length - at : LONGEST_TOKEN;
        for (int64_t i = 0; i < most; i++) {
            unit = pt__byte_trie_next(&unigram->trie, unit, word[at + i]);
            if (unit == 0)
                break;
            const int32_t id = pt__byte_trie_number(&unigram->trie, unit);
            if (id < 0)
                continue;
            way_t *way = &ring[(at + i + 1) & (RING - 1)];
            const double score = unigram->scores[id] + before;
            if (way->id == NONE || score > way->score)
                *way = (way_t){score, id};
            has_token |= i + 1 == step;
        }
        way_t *way = &ring[(at + step) & (RING - 1)];
        const double score = unigram->unknown_score + before;
        if (!has_token && (way->id == NONE || score > way->score)) {
            if (unigram->unknown < 0)
                return pt__fail(PT_ERR_FORMAT, "a character of %d bytes has no token, and the tokenizer no unk_id",
                                (int)step);
            *way = (way_t){score, UNKNOWN};
        }
        for (int64_t i = 0; i < step; i++) { /* these places are left behind: others take theirs */
            ids[at + i] = ring[(at + i) & (RING - 1)].id;
            ring[(at + i) & (RING - 1)].id = NONE;
        }
    }
    ids[length] = ring[length & (RING - 1)].id;
    return PT_OK;
}

/* Bytes without a token, one character or several. */
static pt_status_t add_unknown(const unigram_t *unigram, const uint8_t *bytes, int64_t length,
                               pt__word_tokens_t *tokens)
{
    const int32_t whole = pt__vocabulary_find(unigram->vocabulary, bytes, length);
    int32_t falls_back = unigram->falls_back && whole < 0;
    for (int64_t i = 0; i < length && falls_back; i++)
        falls_back = unigram->bytes[bytes[i]] >= 0;
    if (!falls_back)
        return pt__word_tokens_add(tokens, whole >= 0 ? whole : unigram->unknown, (uint32_t)length);
    for (int64_t i = 0; i < length; i++)
        PT__TRY(pt__word_tokens_add(tokens, unigram->bytes[bytes[i]], 1));
    return PT_OK;
}

/* How many bytes the last token of the way to word[.. end) has. */
static int64_t length_of(const unigram_t *unigram, const uint8_t *word, int64_t end, int32_t id)
{
    int64_t length = 1;
    if (id != UNKNOWN)
        return unigram->vocabulary->tokens[id].bytes_length;
    while (!unigram->vocabulary->is_byte_level && (word[end - length] & 0xC0) == 0x80)
        length++;
    return length;
}

/* ids[i] becomes the token that begins at i where one does, else NONE. */
static void turn(const unigram_t *unigram, const uint8_t *word, int64_t length, int32_t *ids)
{
    int32_t id = ids[length];
    for (int64_t at = length; at > 0;) {
        const int64_t begin = at - length_of(unigram, word, at, id);
        const int32_t before = ids[begin];
        for (int64_t i = begin + 1; i < at; i++)
            ids[i] = NONE;
        ids[begin] = id;
        id = before;
        at = begin;
    }
}

static pt_status_t add_tokens(const unigram_t *unigram, const uint8_t *word, int64_t length, int32_t *ids,
                              pt__word_tokens_t *tokens)
{
    turn(unigram, word, length, ids);
    for (int64_t at = 0, end; at < length; at = end) {
        const int32_t is_unknown = ids[at] == UNKNOWN || ids[at] == unigram->unknown;
        for (end = at + 1; end < length; end++)
            if (ids[end] != NONE && !(is_unknown && (ids[end] == UNKNOWN || ids[end] == unigram->unknown)))
                break;
        if (is_unknown)
            PT__TRY(add_unknown(unigram, word + at, end - at, tokens));
        else
            PT__TRY(pt__word_tokens_add(tokens, ids[at], (uint32_t)(end - at)));
    }
    return PT_OK;
}

static pt_status_t encode(const void *model, const uint8_t *word, int64_t length, pt__word_tokens_t *tokens)
{
    const unigram_t *unigram = model;
    int32_t few[SHORT + 1], *ids = few;
    if (length > SHORT)
        PT__TRY(pt__allocate_uninitialised(unigram->memory, (size_t)length + 1, sizeof *ids, "a long word", &ids));
    pt_status_t status = find_best(unigram, word, length, ids);
    if (status == PT_OK)
        status = add_tokens(unigram, word, length, ids, tokens);
    if (ids != few)
        pt__release(unigram->memory, ids);
    return status;
}

const pt__token_model_t pt__token_model_unigram = {.name = "Unigram",
                                                   .keys = "type unk_id vocab byte_fallback",
                                                   .lists_tokens = 1,
                                                   .read = read,
                                                   .release = release,
                                                   .encode = encode};
