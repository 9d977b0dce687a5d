/* Byte-pair encoding (Sennrich 2016), learnt: the most frequent pair of neighbours becomes a piece, of equally frequent
 * ones that of the first ids, and so on. Each pair has lists of the places where it came to be, and a place that is not
 * its any more is known by its cells; so a pair costs what it changes, however long words are.
 *
 * Which pair comes when is the reference's affair to the last detail, because ids depend on it. A pair stands in the
 * queue once for each time that it came to be, with the places of that time, under the count that it had then; a count
 * that has changed is put right when it is met at the top, and what stands there with its right count is joined at its
 * places and, in the words of these, at those of the pair's other entries. */
#include <string.h>

#include "text/pair_table.h"
#include "text/places.h"

enum { TOLD = 100 /* times, over all pieces */, CELLS = 16 /* for each of which the words before them are counted */ };

typedef struct entry { /* of the queue */
    uint64_t count;
    uint64_t pair;
    uint32_t list; /* the place itself, where there is one */
    uint32_t n;
} entry_t;

/* What a join changes for the pieces on one side of it. */
typedef struct neighbour {
    uint64_t lost, gained; /* pairs with the old piece, and with the new one */
    uint32_t n;            /* places of the new pair */
    uint32_t list, filled;
    uint32_t is_new; /* the new pair is put into the queue */
} neighbour_t;

typedef struct place {  /* of a new pair */
    uint32_t neighbour; /* * 2, + 1 on the right side */
    uint32_t place;
} place_t;

typedef struct learner {
    pt__training_t *training;
    pt__symbol_words_t words;
    uint32_t *before; /* for every CELLS cells: how many PT__BETWEEN come before them */
    pt__pair_table_t pairs;
    pt__places_t places;
    entry_t *queue; /* a heap */
    int64_t n_queue, queue_capacity;
    neighbour_t *sides[2]; /* by piece; all 0 between two joins */
    int64_t sides_capacity[2];
    uint32_t *touched; /* neighbour * 2 + side */
    int64_t n_touched, touched_capacity;
    place_t *made;
    int64_t n_made, made_capacity;
    pt__pair_table_t repeated; /* pairs that may stand in the queue several times */
    char *content;
    int64_t content_capacity;
} learner_t;

/* ---- Cells ---- */

static inline int32_t is_symbol(uint32_t cell)
{
    return !(cell & PT__INSIDE);
}

static inline uint32_t piece_of(uint32_t cell)
{
    return cell & ~PT__MANY;
}

/* How many first symbols the one at a place is made of. */
static inline uint32_t span_at(const uint32_t *cells, uint32_t place)
{
    return cells[place] & PT__MANY ? cells[place + 1] & ~PT__INSIDE : 1;
}

/* The symbol before the one at a place; the PT__BETWEEN where it is the word's first. */
static inline uint32_t place_before(const uint32_t *cells, uint32_t place)
{
    const uint32_t cell = cells[place - 1];
    return cell != PT__BETWEEN && !is_symbol(cell) ? place - (cell & ~PT__INSIDE) : place - 1;
}

/* How often the word is there that a place belongs to. */
static uint64_t count_at(const learner_t *learner, uint32_t place)
{
    uint32_t words = learner->before[place / CELLS];
    for (uint32_t i = place / CELLS * CELLS; i < place; i++)
        words += learner->words.cells[i] == PT__BETWEEN;
    return learner->words.counts[words - 1];
}

/* ---- The queue ---- */

static inline int32_t comes_first(const entry_t *a, const entry_t *b)
{
    return a->count != b->count ? a->count > b->count : a->pair < b->pair;
}

/* Puts an entry where it belongs below the place `at`, which is free. */
static void sift_down(learner_t *learner, int64_t at, entry_t entry)
{
    entry_t *queue = learner->queue;
    for (int64_t child = 2 * at + 1; child < learner->n_queue; child = 2 * at + 1) {
        child += child + 1 < learner->n_queue && comes_first(&queue[child + 1], &queue[child]);
        if (!comes_first(&queue[child], &entry))
            break;
        queue[at] = queue[child];
        at = child;
    }
    queue[at] = entry;
}

static pt_status_t push(learner_t *learner, entry_t entry)
{
    PT__TRY(pt__training_grow(learner->training, &learner->queue, &learner->queue_capacity, learner->n_queue + 1,
                              sizeof *learner->queue, "the queue of pairs"));
    int64_t at = learner->n_queue++;
    for (; at > 0 && comes_first(&entry, &learner->queue[(at - 1) / 2]); at = (at - 1) / 2)
        learner->queue[at] = learner->queue[(at - 1) / 2];
    learner->queue[at] = entry;
    return PT_OK;
}

static entry_t pop(learner_t *learner)
{
    const entry_t first = learner->queue[0], last = learner->queue[--learner->n_queue];
    if (learner->n_queue > 0)
        sift_down(learner, 0, last);
    return first;
}

/* ---- The first pairs ---- */

/* The first pairs' entries, whose numbers the table of counts holds meanwhile. */
static pt_status_t count_first(learner_t *learner)
{
    const uint32_t *cells = learner->words.cells;
    int64_t words = 0;
    for (int64_t i = 0; i < learner->words.n_cells; i++) {
        pt__pair_count_t *found;
        int32_t is_new;
        if (i % CELLS == 0)
            learner->before[i / CELLS] = (uint32_t)words;
        words += cells[i] == PT__BETWEEN;
        if (cells[i] == PT__BETWEEN || cells[i + 1] == PT__BETWEEN)
            continue;
        PT__TRY(pt__pair_get(learner->training, &learner->pairs, pt__pair(cells[i], cells[i + 1]), &found, &is_new));
        if (is_new) {
            PT__TRY(pt__training_grow(learner->training, &learner->queue, &learner->queue_capacity,
                                      learner->n_queue + 1, sizeof *learner->queue, "the queue of pairs"));
            learner->queue[learner->n_queue] = (entry_t){.pair = found->pair};
            found->count = learner->n_queue++;
        }
        learner->queue[found->count].count += learner->words.counts[words - 1];
        learner->queue[found->count].n++;
    }
    return PT_OK;
}

static pt_status_t list_first(learner_t *learner, uint32_t *filled)
{
    const uint32_t *cells = learner->words.cells;
    for (int64_t i = 0; i < learner->n_queue; i++)
        if (learner->queue[i].n > 1)
            PT__TRY(pt__places_make(learner->training, &learner->places, learner->queue[i].n, &learner->queue[i].list));
    for (int64_t i = 0; i + 1 < learner->words.n_cells; i++) {
        if (cells[i] == PT__BETWEEN || cells[i + 1] == PT__BETWEEN)
            continue;
        const int64_t number = pt__pair_find(&learner->pairs, pt__pair(cells[i], cells[i + 1]))->count;
        entry_t *entry = &learner->queue[number];
        if (entry->n == 1)
            entry->list = (uint32_t)i;
        else
            pt__places_at(&learner->places, entry->list)[filled[number]++] = (uint32_t)i;
    }
    return PT_OK;
}

static pt_status_t begin(learner_t *learner)
{
    pt__memory_t *memory = &learner->training->context->memory;
    const int64_t blocks = (learner->words.n_cells + CELLS - 1) / CELLS;
    uint32_t *filled;
    PT__TRY(pt__training_reserve(learner->training, 4 * blocks, "words as symbols"));
    PT__TRY(pt__allocate(memory, (size_t)blocks, sizeof *learner->before, "words as symbols", &learner->before));
    PT__TRY(count_first(learner));
    PT__TRY(pt__allocate(memory, (size_t)learner->n_queue, sizeof *filled, "places of pairs", &filled));
    pt_status_t status = list_first(learner, filled);
    pt__release(memory, filled);
    PT__TRY(status);
    for (int64_t i = 0; i < learner->n_queue; i++)
        pt__pair_find(&learner->pairs, learner->queue[i].pair)->count = (int64_t)learner->queue[i].count;
    for (int64_t i = learner->n_queue / 2; i-- > 0;)
        sift_down(learner, i, learner->queue[i]);
    return PT_OK;
}

/* ---- A join ---- */

typedef struct join {
    uint32_t left, right, piece;
} join_t;

static pt_status_t note(learner_t *learner, int32_t side, uint32_t neighbour, uint64_t lost, uint64_t gained,
                        uint32_t place)
{
    neighbour_t *noted = &learner->sides[side][neighbour];
    if (noted->lost == 0 && noted->gained == 0) {
        PT__TRY(pt__grow(&learner->training->context->memory, &learner->touched, &learner->touched_capacity,
                         learner->n_touched + 1, sizeof *learner->touched, "changes of a join"));
        learner->touched[learner->n_touched++] = 2 * neighbour + (uint32_t)side;
    }
    noted->lost += lost;
    noted->gained += gained;
    if (gained == 0)
        return PT_OK;
    noted->n++;
    PT__TRY(pt__grow(&learner->training->context->memory, &learner->made, &learner->made_capacity, learner->n_made + 1,
                     sizeof *learner->made, "changes of a join"));
    learner->made[learner->n_made++] = (place_t){2 * neighbour + (uint32_t)side, place};
    return PT_OK;
}

/* Joins the pair at a place, which has it, and notes what that changes. */
static pt_status_t join_at(learner_t *learner, join_t join, uint32_t place)
{
    uint32_t *cells = learner->words.cells;
    const uint32_t first = span_at(cells, place), middle = place + first, span = first + span_at(cells, middle);
    const uint32_t before = place_before(cells, place), after = place + span;
    const uint64_t count = count_at(learner, place);
    const int64_t longest = learner->training->options.longest > 0 ? learner->training->options.longest : INT64_MAX;
    cells[middle] = PT__INSIDE;
    cells[place] = join.piece | PT__MANY;
    cells[place + 1] = cells[place + span - 1] = span | PT__INSIDE;
    if (cells[before] != PT__BETWEEN) {
        const int32_t gains = (int64_t)span_at(cells, before) + span < longest;
        PT__TRY(note(learner, 0, piece_of(cells[before]), count, gains ? count : 0, before));
    }
    if (cells[after] != PT__BETWEEN) {
        const uint32_t next = piece_of(cells[after]);
        const int32_t gains = (int64_t)span_at(cells, after) + span < longest;
        /* (new piece, new piece) is noted once, on the left */
        const int32_t is_twice = gains && next == join.piece;
        PT__TRY(note(learner, 1, next, count, gains && !is_twice ? count : 0, place));
        if (is_twice)
            PT__TRY(note(learner, 0, next, 0, count, place));
    }
    return PT_OK;
}

static inline int32_t has_pair(const uint32_t *cells, join_t join, uint32_t place)
{
    if (!is_symbol(cells[place]) || piece_of(cells[place]) != join.left)
        return 0;
    const uint32_t next = cells[place + span_at(cells, place)];
    return is_symbol(next) && piece_of(next) == join.right;
}

/* Joins the pair in the whole word that has the place; *end: behind it. */
static pt_status_t join_word(learner_t *learner, join_t join, uint32_t place, uint32_t *end)
{
    const uint32_t *cells = learner->words.cells;
    while (cells[place - 1] != PT__BETWEEN)
        place--;
    for (; cells[place] != PT__BETWEEN; place += span_at(cells, place))
        if (has_pair(cells, join, place))
            PT__TRY(join_at(learner, join, place));
    *end = place;
    return PT_OK;
}

static pt_status_t join_all(learner_t *learner, join_t join, const entry_t *entry)
{
    const uint32_t *places = entry->n == 1 ? &entry->list : pt__places_at(&learner->places, entry->list);
    const int32_t is_repeated = pt__pair_find(&learner->repeated, entry->pair) != NULL;
    uint32_t end = 0;
    for (uint32_t i = 0; i < entry->n; i++) {
        if (is_repeated && places[i] >= end)
            PT__TRY(join_word(learner, join, places[i], &end));
        else if (!is_repeated && has_pair(learner->words.cells, join, places[i]))
            PT__TRY(join_at(learner, join, places[i]));
    }
    return PT_OK;
}

/* ---- What a join changes ---- */

static inline uint64_t new_pair(join_t join, uint32_t touched)
{
    return touched & 1 ? pt__pair(join.piece, touched >> 1) : pt__pair(touched >> 1, join.piece);
}

/* Brings the counts to what they are now. */
static pt_status_t change_counts(learner_t *learner, join_t join)
{
    for (int64_t i = 0; i < learner->n_touched; i++) {
        const uint32_t touched = learner->touched[i];
        const neighbour_t *noted = &learner->sides[touched & 1][touched >> 1];
        pt__pair_count_t *found;
        int32_t is_new;
        if (noted->n == 0)
            continue;
        PT__TRY(pt__pair_get(learner->training, &learner->pairs, new_pair(join, touched), &found, &is_new));
        found->count += (int64_t)noted->gained;
        if (!is_new)
            PT__TRY(pt__pair_get(learner->training, &learner->repeated, new_pair(join, touched), &found, &is_new));
    }
    for (int64_t i = 0; i < learner->n_touched; i++) {
        const uint32_t touched = learner->touched[i], other = touched >> 1;
        pt__pair_count_t *found = pt__pair_find(&learner->pairs,
                                                touched & 1 ? pt__pair(join.right, other) : pt__pair(other, join.left));
        if (found != NULL) /* else it was too long to be counted */
            found->count -= (int64_t)learner->sides[touched & 1][other].lost;
    }
    return PT_OK;
}

/* Puts the new pairs into the queue. */
static pt_status_t queue_pairs(learner_t *learner, join_t join)
{
    for (int64_t i = 0; i < learner->n_touched; i++) {
        const uint32_t touched = learner->touched[i];
        neighbour_t *noted = &learner->sides[touched & 1][touched >> 1];
        if (noted->n == 0)
            continue;
        noted->is_new = pt__pair_find(&learner->pairs, new_pair(join, touched))->count > 0;
        if (noted->is_new && noted->n > 1)
            PT__TRY(pt__places_make(learner->training, &learner->places, noted->n, &noted->list));
    }
    for (int64_t i = 0; i < learner->n_made; i++) {
        neighbour_t *noted = &learner->sides[learner->made[i].neighbour & 1][learner->made[i].neighbour >> 1];
        if (noted->is_new && noted->n > 1)
            pt__places_at(&learner->places, noted->list)[noted->filled++] = learner->made[i].place;
        else
            noted->list = learner->made[i].place;
    }
    for (int64_t i = 0; i < learner->n_touched; i++) {
        const uint32_t touched = learner->touched[i];
        neighbour_t *noted = &learner->sides[touched & 1][touched >> 1];
        if (noted->is_new) {
            const uint64_t pair = new_pair(join, touched);
            PT__TRY(push(learner, (entry_t){.count = (uint64_t)pt__pair_find(&learner->pairs, pair)->count,
                                            .pair = pair,
                                            .list = noted->list,
                                            .n = noted->n}));
        }
        memset(noted, 0, sizeof *noted);
    }
    learner->n_touched = learner->n_made = 0;
    return PT_OK;
}

/* ---- Pieces ---- */

/* The piece of both: one that is there already where it reads the same. */
static pt_status_t make_piece(learner_t *learner, join_t *join)
{
    pt__training_t *training = learner->training;
    const char *prefix = training->options.prefix;
    int64_t left_length, right_length, prefix_length = prefix == NULL ? 0 : (int64_t)strlen(prefix);
    const uint8_t *left = pt__word_table_get(&training->pieces, join->left, &left_length);
    const uint8_t *right = pt__word_table_get(&training->pieces, join->right, &right_length);
    if (right_length < prefix_length || memcmp(right, prefix == NULL ? "" : prefix, (size_t)prefix_length) != 0)
        prefix_length = 0;
    const int64_t length = left_length + right_length - prefix_length;
    PT__TRY(pt__training_grow(training, &learner->content, &learner->content_capacity, length, 1, "a piece"));
    memcpy(learner->content, left, (size_t)left_length);
    memcpy(learner->content + left_length, right + prefix_length, (size_t)(right_length - prefix_length));
    return pt__training_piece(training, learner->content, length, &join->piece);
}

/* A pair that is joined once more counts as learnt now, as the reference's map has it. */
static pt_status_t note_merge(pt__training_t *training, join_t join, int32_t is_known)
{
    const uint64_t pair = pt__pair(join.left, join.right);
    for (int64_t i = 0; is_known && i < training->n_merges; i++)
        if (training->merges[i] == pair) {
            training->n_merges--;
            memmove(&training->merges[i], &training->merges[i + 1],
                    (size_t)(training->n_merges - i) * sizeof *training->merges);
            break;
        }
    PT__TRY(pt__training_grow(training, &training->merges, &training->merges_capacity, training->n_merges + 1,
                              sizeof *training->merges, "merges"));
    training->merges[training->n_merges++] = pair;
    return PT_OK;
}

static pt_status_t make_sides(learner_t *learner)
{
    for (int32_t side = 0; side < 2; side++)
        PT__TRY(pt__training_grow(learner->training, &learner->sides[side], &learner->sides_capacity[side],
                                  learner->training->pieces.n_words, sizeof *learner->sides[side],
                                  "changes of a join"));
    return PT_OK;
}

static pt_status_t learn(learner_t *learner)
{
    pt__training_t *training = learner->training;
    const int64_t wanted = training->options.vocabulary, every = wanted / TOLD + 1;
    while (training->pieces.n_words < wanted && learner->n_queue > 0) {
        entry_t top = pop(learner);
        const int64_t now = pt__pair_find(&learner->pairs, top.pair)->count, pieces = training->pieces.n_words;
        if (top.count != (uint64_t)now) {
            top.count = (uint64_t)now;
            PT__TRY(push(learner, top));
            continue;
        }
        if (now < 1 || now < training->options.min_frequency)
            return PT_OK;
        join_t join = {.left = (uint32_t)(top.pair >> 32), .right = (uint32_t)top.pair};
        PT__TRY(make_piece(learner, &join));
        PT__TRY(note_merge(training, join, training->pieces.n_words == pieces));
        PT__TRY(make_sides(learner));
        PT__TRY(join_all(learner, join, &top));
        if (top.n > 1)
            pt__places_drop(&learner->places, top.list, top.n);
        PT__TRY(change_counts(learner, join));
        PT__TRY(queue_pairs(learner, join));
        if (training->pieces.n_words % every == 0)
            PT__TRY(pt__training_tell(training, training->pieces.n_words, wanted));
    }
    return PT_OK;
}

static void free_learner(pt__training_t *training, void *object)
{
    pt__memory_t *memory = &training->context->memory;
    learner_t *learner = object;
    if (learner == NULL)
        return;
    pt__release(memory, learner->content);
    pt__release(memory, learner->made);
    pt__release(memory, learner->touched);
    pt__release(memory, learner->sides[1]);
    pt__release(memory, learner->sides[0]);
    pt__release(memory, learner->queue);
    pt__places_free(memory, &learner->places);
    pt__pair_table_free(memory, &learner->repeated);
    pt__pair_table_free(memory, &learner->pairs);
    pt__release(memory, learner->before);
    pt__release(memory, learner->words.counts);
    pt__release(memory, learner->words.cells);
    pt__release(memory, learner);
}

pt_status_t pt__training_pairs(pt__training_t *training)
{
    learner_t *learner;
    PT__TRY(pt__allocate(&training->context->memory, 1, sizeof *learner, "learning of pairs", &learner));
    learner->training = training;
    training->learner = learner;
    training->learner_free = free_learner;
    PT__TRY(pt__training_symbols(training, &learner->words));
    PT__TRY(begin(learner));
    return learn(learner);
}
