/* All ways to cut words into pieces, side by side for parts of the words. Probabilities are summed as they are, raised
 * so that those of most words are near 1; where a word's still leaves what a double holds, their logarithms are. */
#include <math.h>
#include <string.h>

#include "text/training_unigram.h"

#define UNKNOWN_PENALTY 10.0 /* below the lowest score, as SentencePiece has it */
#define LEAST           1e-250
#define MOST            1e250

static int32_t characters_of(const uint8_t *bytes, int64_t length)
{
    int32_t count = 0;
    for (int64_t i = 0; i < length; i++)
        count += (bytes[i] & 0xC0) != 0x80;
    return count;
}

/* ---- What changes with the scores ---- */

static pt_status_t make_trie(pt__unigram_learner_t *learner)
{
    pt__memory_t *memory = &learner->training->context->memory;
    pt__byte_string_t *strings;
    pt__byte_trie_free(&learner->trie);
    PT__TRY(pt__training_reserve(learner->training, 64 * learner->n_pieces, "the trie of pieces"));
    PT__TRY(pt__allocate(memory, (size_t)learner->n_pieces, sizeof *strings, "pieces", &strings));
    for (int64_t i = 1; i < learner->n_pieces; i++)
        strings[i - 1] = (pt__byte_string_t){learner->characters + learner->pieces[i].begin, learner->pieces[i].length,
                                             (int32_t)i};
    pt_status_t status = pt__byte_trie_make(memory, strings, learner->n_pieces - 1, &learner->trie);
    pt__release(memory, strings);
    return status;
}

pt_status_t pt__unigram_prepare(pt__unigram_learner_t *learner)
{
    double least = INFINITY;
    for (int64_t i = 1; i < learner->n_pieces; i++) {
        const pt__scored_t *piece = &learner->pieces[i];
        const int32_t count = characters_of(learner->characters + piece->begin, piece->length);
        least = piece->score < least ? piece->score : least;
        learner->weights[i] = exp(piece->score + count * learner->shift);
    }
    learner->unknown_score = least - UNKNOWN_PENALTY;
    learner->unknown_weight = exp(learner->unknown_score + learner->shift);
    return make_trie(learner);
}

/* ---- Expectations ---- */

/* Goes through the pieces that begin at a place of a word: PIECE(id, after) for each, with the id 0 for the character
 * alone where it has no piece of its own. */
#define FOR_EACH_PIECE(learner, word, length, at, PIECE)                                 \
    do {                                                                                 \
        int32_t pt_step, pt_has_character = 0;                                           \
        uint32_t pt_unit = 0;                                                            \
        pt__character_at((word) + (at), &pt_step);                                       \
        for (int64_t pt_after = (at); pt_after < (length);) {                            \
            pt_unit = pt__byte_trie_next(&(learner)->trie, pt_unit, (word)[pt_after++]); \
            if (pt_unit == 0)                                                            \
                break;                                                                   \
            const int32_t pt_id = pt__byte_trie_number(&(learner)->trie, pt_unit);       \
            if (pt_id < 0)                                                               \
                continue;                                                                \
            pt_has_character |= pt_after - (at) == pt_step;                              \
            PIECE(pt_id, pt_after)                                                       \
        }                                                                                \
        if (!pt_has_character)                                                           \
            PIECE(PT__UNIGRAM_UNKNOWN, (at) + pt_step)                                   \
    } while (0)

static inline double weight_of(const pt__unigram_learner_t *learner, int32_t id)
{
    return id == PT__UNIGRAM_UNKNOWN ? learner->unknown_weight : learner->weights[id];
}

static inline double score_of(const pt__unigram_learner_t *learner, int32_t id)
{
    return id == PT__UNIGRAM_UNKNOWN ? learner->unknown_score : learner->pieces[id].score;
}

static inline int64_t after_character(const uint8_t *word, int64_t at)
{
    int32_t step;
    pt__character_at(word + at, &step);
    return at + step;
}

static inline int64_t before_character(const uint8_t *word, int64_t at)
{
    do
        at--;
    while ((word[at] & 0xC0) == 0x80);
    return at;
}

/* The word's probability, raised; 0 where it leaves what a double holds. */
static double expect_word(const pt__unigram_learner_t *learner, const pt__ways_t *ways, const uint8_t *word,
                          int64_t length, double count, double *sums)
{
    double *alpha = ways->alpha, *beta = ways->beta;
    memset(alpha, 0, (size_t)(length + 1) * sizeof *alpha);
    alpha[0] = 1;
#define PIECE(id, after) alpha[after] += alpha[at] * weight_of(learner, id);
    for (int64_t at = 0; at < length; at = after_character(word, at))
        FOR_EACH_PIECE(learner, word, length, at, PIECE);
#undef PIECE
    const double whole = alpha[length];
    if (!(whole > LEAST && whole < MOST))
        return 0;
    const double share = count / whole;
    beta[length] = 1;
#define PIECE(id, after)                                          \
    {                                                             \
        const double rest = weight_of(learner, id) * beta[after]; \
        sum += rest;                                              \
        sums[id] += alpha[at] * rest * share;                     \
    }
    for (int64_t at = length; at > 0;) {
        double sum = 0;
        at = before_character(word, at);
        FOR_EACH_PIECE(learner, word, length, at, PIECE);
        beta[at] = sum;
    }
#undef PIECE
    return whole;
}

/* The same of a word of up to PT__UNIGRAM_KEPT bytes, whose pieces are looked for once: most of the time goes there. */
static double expect_short_word(const pt__unigram_learner_t *learner, const pt__ways_t *ways, const uint8_t *word,
                                int64_t length, double count, double *sums)
{
    double *alpha = ways->alpha, *beta = ways->beta;
    pt__placed_t *placed = ways->placed;
    int64_t n = 0;
    memset(alpha, 0, (size_t)(length + 1) * sizeof *alpha);
    alpha[0] = 1;
#define PIECE(id, end)                                                           \
    {                                                                            \
        placed[n] = (pt__placed_t){weight_of(learner, id), id, (uint32_t)(end)}; \
        alpha[end] += alpha[at] * placed[n++].weight;                            \
    }
    for (int64_t at = 0; at < length; at = after_character(word, at)) {
        const int64_t before = n;
        FOR_EACH_PIECE(learner, word, length, at, PIECE);
        ways->lengths[at] = (uint32_t)(n - before);
    }
#undef PIECE
    const double whole = alpha[length];
    if (!(whole > LEAST && whole < MOST))
        return 0;
    const double share = count / whole;
    beta[length] = 1;
    for (int64_t at = length; at > 0;) {
        double sum = 0;
        at = before_character(word, at);
        n -= ways->lengths[at];
        for (const pt__placed_t *piece = placed + n, *end = piece + ways->lengths[at]; piece < end; piece++) {
            const double rest = piece->weight * beta[piece->after];
            sum += rest;
            sums[piece->id] += alpha[at] * rest * share;
        }
        beta[at] = sum;
    }
    return whole;
}

static inline double add_logs(double a, double b)
{
    const double less = a < b ? a : b, more = a < b ? b : a;
    return more > less + 50 ? more : more + log1p(exp(less - more));
}

/* The same with logarithms; returns the word's. */
static double expect_word_in_logs(const pt__unigram_learner_t *learner, const pt__ways_t *ways, const uint8_t *word,
                                  int64_t length, double count, double *sums)
{
    double *alpha = ways->alpha, *beta = ways->beta;
    for (int64_t i = 0; i <= length; i++)
        alpha[i] = -INFINITY;
    alpha[0] = beta[length] = 0;
#define PIECE(id, after) alpha[after] = add_logs(alpha[after], alpha[at] + score_of(learner, id));
    for (int64_t at = 0; at < length; at = after_character(word, at))
        FOR_EACH_PIECE(learner, word, length, at, PIECE);
#undef PIECE
    const double whole = alpha[length];
#define PIECE(id, after)                                         \
    {                                                            \
        const double rest = score_of(learner, id) + beta[after]; \
        sum = add_logs(sum, rest);                               \
        sums[id] += count * exp(alpha[at] + rest - whole);       \
    }
    for (int64_t at = length; at > 0;) {
        double sum = -INFINITY;
        at = before_character(word, at);
        FOR_EACH_PIECE(learner, word, length, at, PIECE);
        beta[at] = sum;
    }
#undef PIECE
    return whole;
}

/* ---- The best way ---- */

/* Where a piece of a word is cut, the piece itself is no way. */
static double find_best(const pt__unigram_learner_t *learner, const pt__ways_t *ways, const uint8_t *word,
                        int64_t length, int32_t without)
{
    double *best = ways->alpha;
    for (int64_t i = 0; i <= length; i++)
        best[i] = -INFINITY;
    best[0] = 0;
#define PIECE(id, after)                                       \
    {                                                          \
        const double score = best[at] + score_of(learner, id); \
        if (score > best[after] && id != without) {            \
            best[after] = score;                               \
            ways->lengths[after] = (uint32_t)((after)-at);     \
            ways->ids[after] = id;                             \
        }                                                      \
    }
    for (int64_t at = 0; at < length; at = after_character(word, at))
        FOR_EACH_PIECE(learner, word, length, at, PIECE);
#undef PIECE
    return best[length];
}

int64_t pt__unigram_cut_piece(pt__unigram_learner_t *learner, int64_t piece, int32_t *ids, double *score)
{
    const pt__ways_t *ways = &learner->ways[0];
    const int64_t length = learner->pieces[piece].length;
    int64_t count = 0;
    *score = find_best(learner, ways, learner->characters + learner->pieces[piece].begin, length, (int32_t)piece);
    if (!(*score > -INFINITY))
        return 0;
    for (int64_t at = length; at > 0; at -= ways->lengths[at])
        ids[count++] = ways->ids[at];
    return count;
}

/* ---- Parts of the words ---- */

/* The first word of a part: parts have as many bytes as each other. */
static int64_t first_of(const pt__unigram_learner_t *learner, int64_t part)
{
    const double at = (double)learner->begins[learner->n_words] * (double)part / PT__UNIGRAM_PARTS;
    int64_t low = 0, high = learner->n_words;
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        if (learner->begins[middle] < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void expect_part(void *argument, int64_t part, int32_t worker)
{
    pt__unigram_learner_t *learner = argument;
    double *sums = learner->sums + part * learner->n_pieces, logs = 0;
    for (int64_t w = first_of(learner, part), end = first_of(learner, part + 1); w < end; w++) {
        const uint8_t *word = learner->words + learner->begins[w];
        const int64_t length = learner->begins[w + 1] - learner->begins[w];
        const double count = (double)learner->counts[w];
        const double whole = (length <= PT__UNIGRAM_KEPT ? expect_short_word : expect_word)(
            learner, &learner->ways[worker], word, length, count, sums);
        logs += count * (whole > 0 ? log(whole) - learner->shift * characters_of(word, length)
                                   : expect_word_in_logs(learner, &learner->ways[worker], word, length, count, sums));
    }
    learner->logs[part] = logs;
}

static void count_best_part(void *argument, int64_t part, int32_t worker)
{
    pt__unigram_learner_t *learner = argument;
    const pt__ways_t *ways = &learner->ways[worker];
    double *sums = learner->sums + part * learner->n_pieces;
    for (int64_t w = first_of(learner, part), end = first_of(learner, part + 1); w < end; w++) {
        const int64_t length = learner->begins[w + 1] - learner->begins[w];
        find_best(learner, ways, learner->words + learner->begins[w], length, -1);
        for (int64_t at = length; at > 0; at -= ways->lengths[at])
            sums[ways->ids[at]] += (double)learner->counts[w];
    }
}

static void run_parts(pt__unigram_learner_t *learner, pt__task_fn task)
{
    memset(learner->sums, 0, (size_t)learner->n_pieces * PT__UNIGRAM_PARTS * sizeof *learner->sums);
    pt__pool_run(learner->training->context->pool, PT__UNIGRAM_PARTS, task, learner);
    for (int64_t part = 1; part < PT__UNIGRAM_PARTS; part++)
        for (int64_t i = 0; i < learner->n_pieces; i++)
            learner->sums[i] += learner->sums[part * learner->n_pieces + i];
}

void pt__unigram_expect(pt__unigram_learner_t *learner)
{
    double logs = 0, characters = 0;
    run_parts(learner, expect_part);
    for (int64_t part = 0; part < PT__UNIGRAM_PARTS; part++)
        logs += learner->logs[part];
    for (int64_t w = 0; w < learner->n_words; w++)
        characters += (double)learner->counts[w] *
                      characters_of(learner->words + learner->begins[w], learner->begins[w + 1] - learner->begins[w]);
    learner->shift = characters > 0 ? -logs / characters : 0;
}

void pt__unigram_count_best(pt__unigram_learner_t *learner)
{
    run_parts(learner, count_best_part);
}
