/* How one sequence becomes another with the fewest substitutions, deletions and insertions (Levenshtein 1966). */
#ifndef PT__EDIT_DISTANCE_H
#define PT__EDIT_DISTANCE_H

#include <stdint.h>

typedef struct pt__edits {
    int64_t substitutions, deletions, insertions, hits;
} pt__edits_t;

typedef struct pt__edit_cell {
    int32_t distance, substitutions, deletions, insertions;
} pt__edit_cell_t;

/* cells: room for 2 (n + 1). Of alignments with as few edits the one that jiwer counts: once equal beginnings and ends
 * are taken off, from the end on a deletion comes before an insertion, and an insertion, where leaving out the
 * hypothesis' last would make the reference's last one superfluous, before a substitution. */
pt__edits_t pt__edit_distance(int64_t n, const int32_t *reference, int64_t m, const int32_t *hypothesis,
                              pt__edit_cell_t *cells);

/* What a token is in a text, where words are to be found in it. */
enum {
    PT__WORD_GOES_ON = 0, /* with a word, or begins the first one */
    PT__WORD_BEGINS,      /* a word */
    PT__WORD_PARTS,       /* words, and belongs to none */
    PT__WORD_NO_TEXT      /* it is left out */
};

/* Words as numbers, so that they can be compared: word i of `count` has lengths[i] elements from begins[i] on; ids[i]
 * becomes that of the first word that is equal, those of `others` first, whose ids are known, or else its own number
 * behind them. */
typedef struct pt__word_spans {
    const int32_t *values;
    const int32_t *begins, *lengths;
    int64_t count;
    int32_t *ids;
} pt__word_spans_t;
void pt__words_number(const pt__word_spans_t *words, const pt__word_spans_t *others);

#endif
