/* Parts of words that are there several times: the inner nodes of the tree of all words' ends (McCreight 1976), found
 * by sorting these by one character after the other. The tree itself is never made. */
#include <string.h>

#include "base/sort.h"
#include "text/training_unigram.h"

enum {
    SEEDS = 1000000, /* at most */
    SCORES = 1 << 16 /* told apart where the best are chosen; all above count as one */
};

typedef struct part { /* of words */
    uint32_t begin;   /* among the codes */
    uint32_t count;
    uint32_t length;
} part_t;

typedef struct seeds {
    pt__unigram_learner_t *learner;
    uint32_t *codes; /* the words' characters, a 0 behind each word */
    uint32_t *ends;  /* places in them, of ends of words with two characters and more, sorted */
    int64_t n_codes, n_ends;
    part_t *parts;
    int64_t n_parts, parts_capacity;
    const part_t **order;
} seeds_t;

pt_status_t pt__unigram_add_piece(pt__unigram_learner_t *learner, const uint8_t *bytes, int64_t length, double score)
{
    const pt__training_t *training = learner->training;
    PT__TRY(pt__training_grow(training, &learner->characters, &learner->characters_capacity,
                              learner->n_characters + length, 1, "pieces"));
    PT__TRY(pt__training_grow(training, &learner->pieces, &learner->pieces_capacity, learner->n_pieces + 1,
                              sizeof *learner->pieces, "pieces"));
    if (length > 0)
        memcpy(learner->characters + learner->n_characters, bytes, (size_t)length);
    learner->pieces[learner->n_pieces++] = (pt__scored_t){(uint32_t)learner->n_characters, (uint32_t)length, score};
    learner->n_characters += length;
    return PT_OK;
}

/* ---- Codes ---- */

static pt_status_t make_codes(seeds_t *seeds)
{
    const pt__unigram_learner_t *learner = seeds->learner;
    pt__memory_t *memory = &learner->training->context->memory;
    const int64_t bytes = learner->begins[learner->n_words];
    int64_t n = 0;
    int32_t step;
    for (int64_t i = 0; i < bytes; i++)
        n += (learner->words[i] & 0xC0) != 0x80;
    seeds->n_codes = n + learner->n_words;
    if (seeds->n_codes > UINT32_MAX)
        return pt__fail(PT_ERR_UNSUPPORTED, "the different words have over %lld characters", (long long)UINT32_MAX);
    PT__TRY(pt__training_reserve(learner->training, 8 * seeds->n_codes, "the ends of words"));
    PT__TRY(pt__allocate(memory, (size_t)seeds->n_codes, sizeof *seeds->codes, "ends of words", &seeds->codes));
    PT__TRY(
        pt__allocate_uninitialised(memory, (size_t)seeds->n_codes, sizeof *seeds->ends, "ends of words", &seeds->ends));
    n = 0;
    for (int64_t w = 0; w < learner->n_words; w++, n++)
        for (int64_t at = learner->begins[w]; at < learner->begins[w + 1]; at += step)
            seeds->codes[n++] = pt__character_at(learner->words + at, &step);
    for (int64_t i = 0; i + 1 < seeds->n_codes; i++)
        if (seeds->codes[i] != 0 && seeds->codes[i + 1] != 0)
            seeds->ends[seeds->n_ends++] = (uint32_t)i;
    return PT_OK;
}

/* ---- Sorting ---- */

static inline void swap(uint32_t *a, uint32_t *b)
{
    const uint32_t other = *a;
    *a = *b;
    *b = other;
}

/* Sorts ends[begin .. end) by the character at a depth (Hoare 1961, by thirds); of both sides the smaller one first, so
 * that little waits. */
static void sort_by(const seeds_t *seeds, int64_t begin, int64_t end, uint32_t depth)
{
    const uint32_t *codes = seeds->codes + depth;
    uint32_t *ends = seeds->ends;
    uint64_t state = (uint64_t)(end - begin);
    while (end - begin > 1) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        const uint32_t middle = codes[ends[begin + (int64_t)((state >> 33) % (uint64_t)(end - begin))]];
        int64_t less = begin, more = end;
        for (int64_t i = begin; i < more;) {
            const uint32_t code = codes[ends[i]];
            if (code < middle)
                swap(&ends[i++], &ends[less++]);
            else if (code > middle)
                swap(&ends[i], &ends[--more]);
            else
                i++;
        }
        if (less - begin < end - more) {
            sort_by(seeds, begin, less, depth);
            begin = more;
        } else {
            sort_by(seeds, more, end, depth);
            end = less;
        }
    }
}

static pt_status_t note_part(seeds_t *seeds, int64_t begin, int64_t end, uint32_t depth)
{
    PT__TRY(pt__training_grow(seeds->learner->training, &seeds->parts, &seeds->parts_capacity, seeds->n_parts + 1,
                              sizeof *seeds->parts, "parts of words"));
    seeds->parts[seeds->n_parts++] = (part_t){seeds->ends[begin], (uint32_t)(end - begin), depth};
    return PT_OK;
}

/* All of ends[begin .. end) have the same first `depth` characters. */
static pt_status_t find_parts(seeds_t *seeds, int64_t begin, int64_t end, uint32_t depth)
{
    const uint32_t longest = (uint32_t)seeds->learner->training->options.longest;
    const uint32_t *codes = seeds->codes;
    for (; depth <= longest; depth++) {
        int32_t is_forked = 0;
        if (depth > 0 && codes[seeds->ends[begin] + depth - 1] == 0)
            return PT_OK;
        for (int64_t i = begin + 1; i < end && !is_forked; i++)
            is_forked = codes[seeds->ends[i] + depth] != codes[seeds->ends[begin] + depth];
        if (is_forked)
            break;
    }
    if (depth > longest)
        return PT_OK;
    if (depth > 1)
        PT__TRY(note_part(seeds, begin, end, depth));
    sort_by(seeds, begin, end, depth);
    for (int64_t from = begin, to; from < end; from = to) {
        const uint32_t code = codes[seeds->ends[from] + depth];
        for (to = from + 1; to < end && codes[seeds->ends[to] + depth] == code;)
            to++;
        if (to - from > 1 && code != 0)
            PT__TRY(find_parts(seeds, from, to, depth + 1));
    }
    return PT_OK;
}

/* ---- The best ---- */

static inline uint64_t score_of(const part_t *part)
{
    return (uint64_t)part->count * part->length;
}

static int compare_parts(const void *a, const void *b, void *user)
{
    const part_t *left = a, *right = b;
    const uint32_t *codes = user;
    if (score_of(left) != score_of(right))
        return score_of(left) > score_of(right) ? -1 : 1;
    for (uint32_t i = 0; i < left->length && i < right->length; i++)
        if (codes[left->begin + i] != codes[right->begin + i])
            return codes[left->begin + i] > codes[right->begin + i] ? -1 : 1;
    return left->length > right->length ? -1 : left->length < right->length;
}

/* The lowest score that is still needed for `wanted` parts. */
static uint64_t lowest_score(const seeds_t *seeds, int64_t wanted, uint32_t *counts)
{
    uint64_t score = SCORES - 1;
    for (int64_t i = 0; i < seeds->n_parts; i++)
        counts[score_of(&seeds->parts[i]) < SCORES ? score_of(&seeds->parts[i]) : SCORES - 1]++;
    for (int64_t found = counts[score]; score > 0 && found < wanted; found += counts[score])
        score--;
    return score;
}

static pt_status_t add_part(seeds_t *seeds, const part_t *part)
{
    uint8_t bytes[4 * PT__UNIGRAM_LONGEST];
    int64_t length = 0;
    for (uint32_t i = 0; i < part->length; i++)
        length += pt__character_write(seeds->codes[part->begin + i], bytes + length);
    return pt__unigram_add_piece(seeds->learner, bytes, length, (double)score_of(part));
}

static pt_status_t add_best(seeds_t *seeds, int64_t wanted)
{
    pt__memory_t *memory = &seeds->learner->training->context->memory;
    uint32_t *counts;
    int64_t n = 0;
    PT__TRY(pt__allocate(memory, SCORES, sizeof *counts, "scores of parts of words", &counts));
    const uint64_t lowest = lowest_score(seeds, wanted, counts);
    pt__release(memory, counts);
    for (int64_t i = 0; i < seeds->n_parts; i++)
        if (score_of(&seeds->parts[i]) >= lowest)
            seeds->parts[n++] = seeds->parts[i];
    PT__TRY(pt__training_reserve(seeds->learner->training, 8 * n, "parts of words"));
    PT__TRY(pt__allocate(memory, (size_t)n, sizeof *seeds->order, "parts of words", &seeds->order));
    for (int64_t i = 0; i < n; i++)
        seeds->order[i] = &seeds->parts[i];
    pt__sort((const void **)seeds->order, n, compare_parts, seeds->codes);
    for (int64_t i = 0; i < n && i < wanted; i++)
        PT__TRY(add_part(seeds, seeds->order[i]));
    return PT_OK;
}

/* ---- Characters ---- */

typedef struct character {
    uint64_t count;
    uint32_t code;
} character_t;

static int compare_characters(const void *a, const void *b, void *user)
{
    const character_t *left = a, *right = b;
    (void)user;
    if (left->count != right->count)
        return left->count > right->count ? -1 : 1;
    return left->code > right->code ? -1 : left->code < right->code;
}

static pt_status_t add_characters(seeds_t *seeds, int64_t codes, character_t *characters, const void **order)
{
    const pt__unigram_learner_t *learner = seeds->learner;
    int64_t n = 0;
    uint8_t bytes[4];
    int32_t step;
    for (int64_t w = 0; w < learner->n_words; w++)
        for (int64_t at = learner->begins[w]; at < learner->begins[w + 1]; at += step) {
            const uint32_t code = pt__character_at(learner->words + at, &step);
            characters[code].count += learner->counts[w];
            characters[code].code = code;
        }
    for (int64_t code = 1; code < codes; code++)
        if (characters[code].count > 0)
            order[n++] = &characters[code];
    pt__sort(order, n, compare_characters, NULL);
    for (int64_t i = 0; i < n; i++) {
        const character_t *character = order[i];
        PT__TRY(pt__unigram_add_piece(seeds->learner, bytes, pt__character_write(character->code, bytes),
                                      (double)character->count));
    }
    return PT_OK;
}

static pt_status_t find_characters(seeds_t *seeds)
{
    pt__memory_t *memory = &seeds->learner->training->context->memory;
    character_t *characters = NULL;
    const void **order = NULL;
    int64_t codes = 0; /* up to the last one that is there */
    pt_status_t status;
    for (int64_t i = 0; i < seeds->n_codes; i++)
        codes = seeds->codes[i] >= codes ? seeds->codes[i] + (int64_t)1 : codes;
    PT__TRY_OUT(pt__training_reserve(seeds->learner->training, 24 * codes, "characters"));
    PT__TRY_OUT(pt__allocate(memory, (size_t)codes, sizeof *characters, "characters", &characters));
    PT__TRY_OUT(pt__allocate(memory, (size_t)codes, sizeof *order, "characters", &order));
    status = add_characters(seeds, codes, characters, order);
out:
    pt__release(memory, order);
    pt__release(memory, characters);
    return status;
}

static pt_status_t find_seeds(seeds_t *seeds)
{
    PT__TRY(make_codes(seeds));
    PT__TRY(find_characters(seeds));
    const int64_t wanted = SEEDS - (seeds->learner->n_pieces - 1);
    if (seeds->n_ends > 1)
        PT__TRY(find_parts(seeds, 0, seeds->n_ends, 0));
    return wanted > 0 && seeds->n_parts > 0 ? add_best(seeds, wanted) : PT_OK;
}

pt_status_t pt__unigram_seeds(pt__unigram_learner_t *learner)
{
    pt__memory_t *memory = &learner->training->context->memory;
    seeds_t seeds = {.learner = learner};
    pt_status_t status = find_seeds(&seeds);
    pt__release(memory, seeds.order);
    pt__release(memory, seeds.parts);
    pt__release(memory, seeds.ends);
    pt__release(memory, seeds.codes);
    return status;
}
