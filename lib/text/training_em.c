/* A unigram model (Kudo 2018), learnt: many pieces to begin with; how often each is expected, and scores from that, by
 * turns; then those go whose words lose least without them, a quarter at a time, until there are as many as are wanted.
 *
 * Scores are those of the reference up to rounding, since sums over words have an order here and none there. */
#include <math.h>
#include <string.h>

#include "base/sort.h"
#include "text/training_unigram.h"

enum { ROUNDS = 2 /* of expectation between two prunings */ };

#define STAYS        0.75 /* of the pieces, at a pruning */
#define LEAST_OFTEN  0.5  /* what is expected less often goes */
#define MISSING_STEP 0.0001

/* ---- Words ---- */

static const uint8_t *bytes_of(const pt__word_counts_t *counts, const pt__counted_word_t *word, int64_t *length)
{
    const pt__word_table_t *share = &counts->shares[pt__word_share(word->hash)];
    return pt__word_table_get(share, word - share->words, length);
}

static int compare_words(const void *a, const void *b, void *counts)
{
    int64_t left_length, right_length;
    const uint8_t *left = bytes_of(counts, a, &left_length), *right = bytes_of(counts, b, &right_length);
    const int order = memcmp(left, right, (size_t)(left_length < right_length ? left_length : right_length));
    return order != 0 ? order : left_length < right_length ? -1 : left_length > right_length;
}

static pt_status_t copy_words(pt__unigram_learner_t *learner, const void **order, int64_t n)
{
    pt__training_t *training = learner->training;
    pt__memory_t *memory = &training->context->memory;
    int64_t bytes = 0, length;
    for (int64_t i = 0; i < n; i++) {
        bytes_of(&training->counts, order[i], &length);
        bytes += length;
        learner->longest = length > learner->longest ? length : learner->longest;
    }
    if (bytes > UINT32_MAX)
        return pt__fail(PT_ERR_UNSUPPORTED, "over 4 GB of different words");
    PT__TRY(pt__training_reserve(training, bytes + 12 * n, "words"));
    PT__TRY(pt__allocate_uninitialised(memory, (size_t)bytes, 1, "words", &learner->words));
    PT__TRY(pt__allocate(memory, (size_t)n + 1, sizeof *learner->begins, "words", &learner->begins));
    PT__TRY(pt__allocate(memory, (size_t)n, sizeof *learner->counts, "words", &learner->counts));
    learner->n_words = n;
    for (int64_t i = 0; i < n; i++) {
        const uint8_t *word = bytes_of(&training->counts, order[i], &length);
        memcpy(learner->words + learner->begins[i], word, (size_t)length);
        learner->begins[i + 1] = learner->begins[i] + (uint32_t)length;
        learner->counts[i] = ((const pt__counted_word_t *)order[i])->count;
    }
    for (int32_t s = 0; s < PT__WORD_SHARES; s++)
        pt__word_table_free(&training->counts.shares[s]);
    return PT_OK;
}

static pt_status_t take_words(pt__unigram_learner_t *learner)
{
    pt__training_t *training = learner->training;
    pt__memory_t *memory = &training->context->memory;
    const void **order;
    int64_t n = 0;
    for (int32_t s = 0; s < PT__WORD_SHARES; s++)
        n += training->counts.shares[s].n_words;
    PT__TRY(pt__training_reserve(training, 8 * n, "words"));
    PT__TRY(pt__allocate(memory, (size_t)n, sizeof *order, "words", &order));
    n = 0;
    for (int32_t s = 0; s < PT__WORD_SHARES; s++)
        for (int64_t i = 0; i < training->counts.shares[s].n_words; i++)
            order[n++] = &training->counts.shares[s].words[i];
    pt__sort(order, n, compare_words, &training->counts);
    pt_status_t status = copy_words(learner, order, n);
    pt__release(memory, order);
    return status;
}

/* ---- Rounds ---- */

static pt_status_t make_room(pt__unigram_learner_t *learner)
{
    pt__training_t *training = learner->training;
    pt__memory_t *memory = &training->context->memory;
    const int64_t places = (learner->longest > 4 * PT__UNIGRAM_LONGEST ? learner->longest : 4 * PT__UNIGRAM_LONGEST) +
                           1;
    const size_t n = (size_t)learner->n_pieces;
    learner->threads = pt__pool_threads(training->context->pool);
    PT__TRY(pt__training_reserve(training,
                                 learner->threads * (places * 24 + PT__UNIGRAM_PLACED * (int64_t)sizeof(pt__placed_t)),
                                 "the ways to cut words"));
    PT__TRY(pt__training_reserve(training, 8 * (PT__UNIGRAM_PARTS + 1) * learner->n_pieces, "sums of pieces"));
    PT__TRY(pt__allocate(memory, n, sizeof *learner->weights, "weights of pieces", &learner->weights));
    PT__TRY(pt__allocate(memory, n * PT__UNIGRAM_PARTS, sizeof *learner->sums, "sums of pieces", &learner->sums));
    PT__TRY(pt__allocate(memory, (size_t)learner->threads, sizeof *learner->ways, "threads", &learner->ways));
    for (int32_t i = 0; i < learner->threads; i++) {
        pt__ways_t *ways = &learner->ways[i];
        PT__TRY(pt__allocate_uninitialised(memory, (size_t)places, sizeof *ways->alpha, "cuts", &ways->alpha));
        PT__TRY(pt__allocate_uninitialised(memory, (size_t)places, sizeof *ways->beta, "cuts", &ways->beta));
        PT__TRY(pt__allocate_uninitialised(memory, (size_t)places, sizeof *ways->lengths, "cuts", &ways->lengths));
        PT__TRY(pt__allocate_uninitialised(memory, (size_t)places, sizeof *ways->ids, "cuts", &ways->ids));
        PT__TRY(pt__allocate_uninitialised(memory, PT__UNIGRAM_PLACED, sizeof *ways->placed, "cuts", &ways->placed));
    }
    return PT_OK;
}

static double digamma(double x)
{
    double result = 0;
    for (; x < 7; x += 1)
        result -= 1 / x;
    x -= 0.5;
    const double inverse = 1 / x, square = inverse * inverse, fourth = square * square;
    return result + log(x) + square / 24 - 7.0 / 960 * fourth + 31.0 / 8064 * fourth * square -
           127.0 / 30720 * fourth * fourth;
}

/* Scores from what is expected, with a prior that few pieces have much (Liang 2007). */
static void maximise(pt__unigram_learner_t *learner)
{
    double sum = 0;
    int64_t n = 1;
    for (int64_t i = 1; i < learner->n_pieces; i++) {
        if (learner->sums[i] < LEAST_OFTEN)
            continue;
        learner->pieces[n] = learner->pieces[i];
        learner->pieces[n++].score = learner->sums[i];
        sum += learner->sums[i];
    }
    learner->n_pieces = n;
    const double log_sum = digamma(sum);
    for (int64_t i = 1; i < n; i++)
        learner->pieces[i].score = digamma(learner->pieces[i].score) - log_sum;
}

/* ---- Pruning ---- */

typedef struct candidate {
    double loss; /* of the words' probability, where its place is taken by other pieces */
    int64_t piece;
} candidate_t;

static int compare_losses(const void *a, const void *b, void *user)
{
    const candidate_t *left = a, *right = b;
    (void)user;
    if (left->loss != right->loss)
        return left->loss > right->loss ? -1 : 1;
    return left->piece < right->piece ? -1 : left->piece > right->piece;
}

enum { GOES, STAYS_ON, MAY_GO };

/* What becomes of a piece; of one that may go, its loss. */
static int32_t judge(pt__unigram_learner_t *learner, int64_t piece, double sum, double words, double *loss)
{
    int32_t ids[4 * PT__UNIGRAM_LONGEST];
    const double *often = learner->sums;
    double score, others = 0;
    const int64_t count = pt__unigram_cut_piece(learner, piece, ids, &score);
    if (count == 0)
        return STAYS_ON;
    if (score > learner->pieces[piece].score)
        return often[piece] == 0 ? GOES : STAYS_ON;
    if (often[piece] == 0)
        return GOES;
    /* not those of this piece, as one would think, but of all: so the reference has it, and SentencePiece too */
    const double log_sum = log(sum + often[piece] * (double)(learner->n_pieces - 1));
    for (int64_t i = count; i-- > 0;)
        others += log(often[ids[i]] + often[piece]) - log_sum;
    *loss = often[piece] / words * (log(often[piece]) - log(sum) - others);
    return MAY_GO;
}

static void choose(pt__unigram_learner_t *learner, int64_t wanted, candidate_t *candidates, const void **order,
                   pt__scored_t *pieces)
{
    double sum = 0, words = 0;
    int64_t n = 1, n_candidates = 0;
    for (int64_t i = 0; i < learner->n_pieces; i++)
        sum += learner->sums[i];
    for (int64_t w = 0; w < learner->n_words; w++)
        words += (double)learner->counts[w];
    pieces[0] = learner->pieces[0];
    for (int64_t i = 1; i < learner->n_pieces; i++) {
        double loss = 0;
        const int32_t verdict = judge(learner, i, sum, words, &loss);
        if (verdict == STAYS_ON)
            pieces[n++] = learner->pieces[i];
        else if (verdict == MAY_GO) {
            candidates[n_candidates] = (candidate_t){loss, i};
            order[n_candidates] = &candidates[n_candidates];
            n_candidates++;
        }
    }
    pt__sort(order, n_candidates, compare_losses, NULL);
    for (int64_t i = 0; i < n_candidates && n != wanted; i++)
        pieces[n++] = learner->pieces[((const candidate_t *)order[i])->piece];
    memcpy(learner->pieces, pieces, (size_t)n * sizeof *pieces);
    learner->n_pieces = n;
}

static pt_status_t prune(pt__unigram_learner_t *learner, int64_t desired)
{
    pt__memory_t *memory = &learner->training->context->memory;
    const size_t n = (size_t)learner->n_pieces;
    int64_t wanted = (int64_t)((double)learner->n_pieces * STAYS);
    candidate_t *candidates = NULL;
    const void **order = NULL;
    pt__scored_t *pieces = NULL;
    pt_status_t status;
    wanted = wanted > desired ? wanted : desired;
    pt__unigram_count_best(learner);
    PT__TRY_OUT(pt__training_reserve(learner->training, 40 * learner->n_pieces, "pieces"));
    PT__TRY_OUT(pt__allocate(memory, n, sizeof *candidates, "pieces", &candidates));
    PT__TRY_OUT(pt__allocate(memory, n, sizeof *order, "pieces", &order));
    PT__TRY_OUT(pt__allocate(memory, n, sizeof *pieces, "pieces", &pieces));
    choose(learner, wanted, candidates, order, pieces);
out:
    pt__release(memory, pieces);
    pt__release(memory, order);
    pt__release(memory, candidates);
    return status;
}

static void take_logs(pt__unigram_learner_t *learner)
{
    double sum = 0;
    for (int64_t i = 1; i < learner->n_pieces; i++)
        sum += learner->pieces[i].score;
    for (int64_t i = 1; i < learner->n_pieces; i++)
        learner->pieces[i].score = log(learner->pieces[i].score) - log(sum);
}

static pt_status_t learn(pt__unigram_learner_t *learner)
{
    const int64_t desired = (int64_t)learner->training->options.vocabulary * 11 / 10;
    const double quarters = (log((double)desired) - log((double)learner->n_pieces)) / log(STAYS);
    const int64_t rounds = ROUNDS * ((quarters > 0 ? (int64_t)quarters : 0) + 1);
    take_logs(learner);
    PT__TRY(pt__unigram_prepare(learner));
    for (int64_t done = 0;;) {
        for (int32_t i = 0; i < ROUNDS; i++) {
            pt__unigram_expect(learner);
            maximise(learner);
            PT__TRY(pt__unigram_prepare(learner));
            done++;
            PT__TRY(pt__training_tell(learner->training, done, done > rounds ? done : rounds));
        }
        if (learner->n_pieces <= desired)
            return PT_OK;
        PT__TRY(prune(learner, desired));
        PT__TRY(pt__unigram_prepare(learner));
    }
}

/* ---- What stays ---- */

typedef struct last {
    pt__scored_t *pieces; /* [capacity] */
    const void **order;
    uint8_t *is_needed; /* [0x110000] characters that have a piece in any case */
    uint8_t *is_in;     /* [n_pieces] */
    int64_t n;
} last_t;

static int64_t mark_characters(const uint8_t *bytes, const uint8_t *end, uint8_t *is_needed)
{
    int64_t added = 0;
    int32_t step;
    for (; bytes < end; bytes += step) {
        uint8_t *needed = &is_needed[pt__character_at(bytes, &step)];
        added += !*needed;
        *needed = 1;
    }
    return added;
}

static int64_t find_needed(const pt__unigram_learner_t *learner, uint8_t *is_needed)
{
    const uint8_t *initial = (const uint8_t *)learner->training->options.initial_alphabet;
    int64_t n = mark_characters(learner->words, learner->words + learner->begins[learner->n_words], is_needed);
    return initial == NULL ? n : n + mark_characters(initial, initial + strlen((const char *)initial), is_needed);
}

static int32_t find_piece(const pt__unigram_learner_t *learner, const uint8_t *bytes, int32_t length)
{
    uint32_t unit = 0;
    for (int32_t i = 0; i < length; i++) {
        unit = pt__byte_trie_next(&learner->trie, unit, bytes[i]);
        if (unit == 0)
            return -1;
    }
    return pt__byte_trie_number(&learner->trie, unit);
}

static int compare_scores(const void *a, const void *b, void *user)
{
    const pt__scored_t *left = a, *right = b;
    (void)user;
    if (left->score != right->score)
        return left->score > right->score ? -1 : 1;
    return left < right ? -1 : left > right;
}

/* All characters, and pieces in their order until there are enough. */
static pt_status_t fill_last(pt__unigram_learner_t *learner, int64_t wanted, last_t *last)
{
    double missing = learner->unknown_score + 10;
    for (uint32_t code = 0; code < 0x110000; code++) {
        uint8_t bytes[4];
        if (!last->is_needed[code])
            continue;
        const int32_t length = pt__character_write(code, bytes), id = find_piece(learner, bytes, length);
        if (id >= 0) {
            last->pieces[last->n++] = learner->pieces[id];
            last->is_in[id] = 1;
            continue;
        }
        PT__TRY(pt__unigram_add_piece(learner, bytes, length, missing));
        last->pieces[last->n++] = learner->pieces[--learner->n_pieces];
        missing += MISSING_STEP;
    }
    for (int64_t i = 1; i < learner->n_pieces; i++) {
        if (last->is_in[i])
            continue;
        last->pieces[last->n++] = learner->pieces[i];
        if (last->n == wanted)
            break;
    }
    return PT_OK;
}

static pt_status_t give(pt__unigram_learner_t *learner, const last_t *last)
{
    pt__training_t *training = learner->training;
    for (int64_t i = 0; i < last->n; i++)
        last->order[i] = &last->pieces[i];
    pt__sort(last->order, last->n, compare_scores, NULL);
    for (int64_t i = 0; i < last->n; i++) {
        const pt__scored_t *piece = last->order[i];
        const int64_t before = training->pieces.n_words;
        uint32_t id;
        PT__TRY(pt__training_piece(training, (const char *)learner->characters + piece->begin, piece->length, &id));
        if (training->pieces.n_words == before)
            continue; /* it is a special token */
        PT__TRY(pt__training_grow(training, &training->scores, &training->scores_capacity, before + 1,
                                  sizeof *training->scores, "scores"));
        training->scores[before] = piece->score;
    }
    return PT_OK;
}

/* Before anything is learnt in vain. */
static pt_status_t check_characters(const pt__unigram_learner_t *learner)
{
    pt__memory_t *memory = &learner->training->context->memory;
    uint8_t *is_needed;
    PT__TRY(pt__allocate(memory, 0x110000, 1, "characters", &is_needed));
    const int64_t needed = find_needed(learner, is_needed);
    pt__release(memory, is_needed);
    if (needed <= learner->training->options.vocabulary)
        return PT_OK;
    return pt__fail(PT_ERR_ARGUMENT,
                    "pt_tokenizer_train_options.vocabulary is %d, expected at least the %lld characters of the texts",
                    (int)learner->training->options.vocabulary, (long long)needed);
}

static pt_status_t finish(pt__unigram_learner_t *learner)
{
    pt__memory_t *memory = &learner->training->context->memory;
    const int64_t wanted = learner->training->options.vocabulary - learner->training->pieces.n_words;
    last_t last = {.n = 0};
    pt_status_t status;
    PT__TRY_OUT(pt__allocate(memory, 0x110000, 1, "characters", &last.is_needed));
    const int64_t needed = find_needed(learner, last.is_needed);
    const size_t most = (size_t)(learner->n_pieces + needed);
    PT__TRY_OUT(pt__allocate(memory, most, 1, "pieces", &last.is_in));
    PT__TRY_OUT(pt__allocate(memory, most, sizeof *last.pieces, "pieces", &last.pieces));
    PT__TRY_OUT(pt__allocate(memory, most, sizeof *last.order, "pieces", &last.order));
    PT__TRY_OUT(fill_last(learner, wanted, &last));
    status = give(learner, &last);
out:
    pt__release(memory, last.order);
    pt__release(memory, last.pieces);
    pt__release(memory, last.is_in);
    pt__release(memory, last.is_needed);
    return status;
}

static void free_learner(pt__training_t *training, void *object)
{
    pt__memory_t *memory = &training->context->memory;
    pt__unigram_learner_t *learner = object;
    for (int32_t i = 0; learner->ways != NULL && i < learner->threads; i++) {
        pt__release(memory, learner->ways[i].placed);
        pt__release(memory, learner->ways[i].ids);
        pt__release(memory, learner->ways[i].lengths);
        pt__release(memory, learner->ways[i].beta);
        pt__release(memory, learner->ways[i].alpha);
    }
    pt__release(memory, learner->ways);
    pt__release(memory, learner->sums);
    pt__byte_trie_free(&learner->trie);
    pt__release(memory, learner->weights);
    pt__release(memory, learner->pieces);
    pt__release(memory, learner->characters);
    pt__release(memory, learner->counts);
    pt__release(memory, learner->begins);
    pt__release(memory, learner->words);
    pt__release(memory, learner);
}

pt_status_t pt__training_unigram(pt__training_t *training)
{
    pt__unigram_learner_t *learner;
    PT__TRY(pt__allocate(&training->context->memory, 1, sizeof *learner, "learning of a unigram model", &learner));
    learner->training = training;
    training->learner = learner;
    training->learner_free = free_learner;
    PT__TRY(take_words(learner));
    PT__TRY(check_characters(learner));
    PT__TRY(pt__unigram_add_piece(learner, NULL, 0, 0));
    PT__TRY(pt__unigram_seeds(learner));
    PT__TRY(make_room(learner));
    PT__TRY(learn(learner));
    return finish(learner);
}
