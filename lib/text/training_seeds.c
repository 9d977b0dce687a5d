/* Parts of words that are there several times: the inner nodes of the tree of all words' ends (McCreight 1976), found
 * by sorting these by one byte after the other, which orders them by their characters. The tree itself is never
 * made. */
#include <string.h>

#include "base/sort.h"
#include "text/training_unigram.h"

enum {
    SEEDS = 1000000, /* at most */
    SCORES = 1 << 16 /* told apart where the best are chosen; all above count as one */
};

enum {
    MOST_PARTS = 4 * SEEDS, /* that are held before only the best of them are kept */
    MOST_ENDS = 1 << 23     /* that are sorted together, unless more begin with the same two bytes */
};

typedef struct part { /* of words */
    uint32_t begin;   /* in the text */
    uint32_t count;
    uint16_t length, bytes; /* in characters, in bytes */
} part_t;

typedef struct seeds {
    pt__unigram_learner_t *learner;
    uint8_t *text; /* the words, a 0 behind each */
    int64_t n_text;
    uint32_t *ends; /* places in it, of some ends of words with two characters and more, sorted */
    int64_t n_ends, ends_capacity;
    part_t *parts;
    int64_t n_parts, parts_capacity, most_parts, wanted;
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

/* ---- Ends of words ---- */

static pt_status_t make_text(seeds_t *seeds)
{
    const pt__unigram_learner_t *learner = seeds->learner;
    seeds->n_text = learner->begins[learner->n_words] + learner->n_words;
    if (seeds->n_text > UINT32_MAX)
        return pt__fail(PT_ERR_UNSUPPORTED, "the different words have over %lld bytes", (long long)UINT32_MAX);
    PT__TRY(pt__training_reserve(learner->training, seeds->n_text, "the ends of words"));
    PT__TRY(pt__allocate_uninitialised(&learner->training->context->memory, (size_t)seeds->n_text, 1, "ends of words",
                                       &seeds->text));
    uint8_t *to = seeds->text;
    for (int64_t w = 0; w < learner->n_words; w++) {
        const size_t length = learner->begins[w + 1] - learner->begins[w];
        memcpy(to, learner->words + learner->begins[w], length);
        to[length] = 0;
        to += length + 1;
    }
    return PT_OK;
}

/* The number that the end at a place is sorted into by its first two bytes; 0: none begins there, or it is but one
 * character. */
static inline uint32_t bucket_of(const seeds_t *seeds, int64_t at)
{
    const uint8_t *text = seeds->text + at;
    int32_t step;
    if (text[0] == 0 || (text[0] & 0xC0) == 0x80)
        return 0;
    pt__character_at(text, &step);
    return text[step] == 0 ? 0 : (uint32_t)text[0] << 8 | text[1];
}

static pt_status_t take_ends(seeds_t *seeds, uint32_t first, uint32_t last, int64_t count)
{
    if (count > seeds->ends_capacity) {
        pt__memory_t *memory = &seeds->learner->training->context->memory;
        pt__release(memory, seeds->ends);
        seeds->ends = NULL;
        seeds->ends_capacity = 0;
        PT__TRY(
            pt__training_reserve(seeds->learner->training, count * (int64_t)sizeof *seeds->ends, "the ends of words"));
        PT__TRY(pt__allocate_uninitialised(memory, (size_t)count, sizeof *seeds->ends, "ends of words", &seeds->ends));
        seeds->ends_capacity = count;
    }
    seeds->n_ends = 0;
    for (int64_t at = 0; at < seeds->n_text; at++) {
        const uint32_t bucket = bucket_of(seeds, at);
        if (bucket >= first && bucket <= last && bucket > 0)
            seeds->ends[seeds->n_ends++] = (uint32_t)at;
    }
    return PT_OK;
}

/* ---- Sorting ---- */

static inline void swap(uint32_t *a, uint32_t *b)
{
    const uint32_t other = *a;
    *a = *b;
    *b = other;
}

/* Sorts ends[begin .. end) by the byte at a depth (Hoare 1961, by thirds); of both sides the smaller one first, so
 * that little waits. */
static void sort_by(const seeds_t *seeds, int64_t begin, int64_t end, uint32_t depth)
{
    const uint8_t *text = seeds->text + depth;
    uint32_t *ends = seeds->ends;
    uint64_t state = (uint64_t)(end - begin);
    while (end - begin > 1) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        const uint8_t middle = text[ends[begin + (int64_t)((state >> 33) % (uint64_t)(end - begin))]];
        int64_t less = begin, more = end;
        for (int64_t i = begin; i < more;) {
            const uint8_t byte = text[ends[i]];
            if (byte < middle)
                swap(&ends[i++], &ends[less++]);
            else if (byte > middle)
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

/* Where ends of words have come together on their way from their beginning. */
typedef struct depth {
    uint32_t bytes;      /* that they share */
    uint32_t characters; /* that end among these, */
    uint32_t border;     /* and where the last of them does */
    uint32_t left;       /* bytes of a character that is not at its end */
    uint32_t noted;      /* the border of the part that was noted last; 0: none */
} depth_t;

static inline void go_on(depth_t *depth, uint8_t byte)
{
    depth->left = depth->left > 0 ? depth->left - 1 : byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : byte >= 0xC0 ? 1 : 0;
    depth->bytes++;
    if (depth->left > 0)
        return;
    depth->characters++;
    depth->border = depth->bytes;
}

static pt_status_t keep_best(seeds_t *seeds);

static pt_status_t note_part(seeds_t *seeds, int64_t begin, int64_t end, const depth_t *depth)
{
    if (seeds->n_parts >= seeds->most_parts) {
        PT__TRY(keep_best(seeds));
        seeds->most_parts = 2 * seeds->n_parts > MOST_PARTS ? 2 * seeds->n_parts : MOST_PARTS;
    }
    PT__TRY(pt__training_grow(seeds->learner->training, &seeds->parts, &seeds->parts_capacity, seeds->n_parts + 1,
                              sizeof *seeds->parts, "parts of words"));
    seeds->parts[seeds->n_parts++] = (part_t){seeds->ends[begin], (uint32_t)(end - begin), (uint16_t)depth->characters,
                                              (uint16_t)depth->border};
    return PT_OK;
}

/* All of ends[begin .. end) have the same bytes up to the depth. Where bytes part within a character, the part of a
 * word ends before it, and it has been noted if others parted there before. */
static pt_status_t find_parts(seeds_t *seeds, int64_t begin, int64_t end, depth_t depth)
{
    const uint32_t longest = (uint32_t)seeds->learner->training->options.longest;
    const uint8_t *text = seeds->text;
    for (;; go_on(&depth, text[seeds->ends[begin] + depth.bytes])) {
        const uint8_t byte = text[seeds->ends[begin] + depth.bytes];
        int32_t is_forked = 0;
        if (depth.characters > longest)
            return PT_OK;
        for (int64_t i = begin + 1; i < end && !is_forked; i++)
            is_forked = text[seeds->ends[i] + depth.bytes] != byte;
        if (is_forked)
            break;
        if (byte == 0)
            return PT_OK;
    }
    if (depth.characters > 1 && depth.noted != depth.border) {
        PT__TRY(note_part(seeds, begin, end, &depth));
        depth.noted = depth.border;
    }
    sort_by(seeds, begin, end, depth.bytes);
    for (int64_t from = begin, to; from < end; from = to) {
        const uint8_t byte = text[seeds->ends[from] + depth.bytes];
        for (to = from + 1; to < end && text[seeds->ends[to] + depth.bytes] == byte;)
            to++;
        if (to - from > 1 && byte != 0) {
            depth_t deeper = depth;
            go_on(&deeper, byte);
            PT__TRY(find_parts(seeds, from, to, deeper));
        }
    }
    return PT_OK;
}

/* The parts of all words: of some ends at a time, those with the same two first bytes together, so that little memory
 * is taken. A part of two characters has no less. */
static pt_status_t find_all_parts(seeds_t *seeds, uint32_t *counts)
{
    for (int64_t at = 0; at < seeds->n_text; at++)
        counts[bucket_of(seeds, at)]++;
    for (uint32_t first = 1, next; first < 1 << 16; first = next) {
        int64_t count = counts[first];
        for (next = first + 1; next < 1 << 16 && count + counts[next] <= MOST_ENDS; next++)
            count += counts[next];
        if (count < 2)
            continue;
        PT__TRY(take_ends(seeds, first, next - 1, count));
        PT__TRY(find_parts(seeds, 0, seeds->n_ends, (depth_t){0}));
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
    const uint8_t *text = user;
    if (score_of(left) != score_of(right))
        return score_of(left) > score_of(right) ? -1 : 1;
    const int order = memcmp(text + left->begin, text + right->begin,
                             left->bytes < right->bytes ? left->bytes : right->bytes);
    if (order != 0)
        return order > 0 ? -1 : 1;
    return left->bytes > right->bytes ? -1 : left->bytes < right->bytes;
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

/* Forgets parts that are not among the best, whatever comes. */
static pt_status_t keep_best(seeds_t *seeds)
{
    pt__memory_t *memory = &seeds->learner->training->context->memory;
    uint32_t *counts;
    int64_t n = 0;
    PT__TRY(pt__allocate(memory, SCORES, sizeof *counts, "scores of parts of words", &counts));
    const uint64_t lowest = lowest_score(seeds, seeds->wanted, counts);
    pt__release(memory, counts);
    for (int64_t i = 0; i < seeds->n_parts; i++)
        if (score_of(&seeds->parts[i]) >= lowest)
            seeds->parts[n++] = seeds->parts[i];
    seeds->n_parts = n;
    return PT_OK;
}

static pt_status_t add_best(seeds_t *seeds)
{
    pt__unigram_learner_t *learner = seeds->learner;
    PT__TRY(keep_best(seeds));
    PT__TRY(pt__training_reserve(learner->training, 8 * seeds->n_parts, "parts of words"));
    PT__TRY(pt__allocate(&learner->training->context->memory, (size_t)seeds->n_parts, sizeof *seeds->order,
                         "parts of words", &seeds->order));
    for (int64_t i = 0; i < seeds->n_parts; i++)
        seeds->order[i] = &seeds->parts[i];
    pt__sort((const void **)seeds->order, seeds->n_parts, compare_parts, seeds->text);
    for (int64_t i = 0; i < seeds->n_parts && i < seeds->wanted; i++) {
        const part_t *part = seeds->order[i];
        PT__TRY(pt__unigram_add_piece(learner, seeds->text + part->begin, part->bytes, (double)score_of(part)));
    }
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
    int32_t step;
    pt_status_t status;
    for (int64_t at = 0; at < seeds->n_text; at += step) {
        const int64_t code = pt__character_at(seeds->text + at, &step);
        codes = code >= codes ? code + 1 : codes;
    }
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
    pt__memory_t *memory = &seeds->learner->training->context->memory;
    uint32_t *counts;
    PT__TRY(make_text(seeds));
    PT__TRY(find_characters(seeds));
    seeds->wanted = SEEDS - (seeds->learner->n_pieces - 1);
    PT__TRY(pt__allocate(memory, 1 << 16, sizeof *counts, "ends of words", &counts));
    pt_status_t status = find_all_parts(seeds, counts);
    pt__release(memory, counts);
    PT__TRY(status);
    return seeds->wanted > 0 && seeds->n_parts > 0 ? add_best(seeds) : PT_OK;
}

pt_status_t pt__unigram_seeds(pt__unigram_learner_t *learner)
{
    pt__memory_t *memory = &learner->training->context->memory;
    seeds_t seeds = {.learner = learner, .most_parts = MOST_PARTS};
    pt_status_t status = find_seeds(&seeds);
    pt__release(memory, seeds.order);
    pt__release(memory, seeds.parts);
    pt__release(memory, seeds.ends);
    pt__release(memory, seeds.text);
    return status;
}
