/* See edit_distance.h. */
#include "base/edit_distance.h"

#include <string.h>

/* A cell with the edits of its own. */
static pt__edit_cell_t follow(pt__edit_cell_t from, int32_t substitutions, int32_t deletions, int32_t insertions)
{
    from.distance += substitutions + deletions + insertions;
    from.substitutions += substitutions;
    from.deletions += deletions;
    from.insertions += insertions;
    return from;
}

static pt__edit_cell_t cell(const pt__edit_cell_t *before, const pt__edit_cell_t *now, int64_t i, int32_t is_equal,
                            int32_t is_first)
{
    int32_t least = before[i - 1].distance + !is_equal;
    least = now[i - 1].distance + 1 < least ? now[i - 1].distance + 1 : least;
    least = before[i].distance + 1 < least ? before[i].distance + 1 : least;
    if (least == now[i - 1].distance + 1)
        return follow(now[i - 1], 0, 1, 0);
    if (!is_first && before[i].distance == before[i - 1].distance - 1)
        return follow(before[i], 0, 0, 1);
    return follow(before[i - 1], !is_equal, 0, 0);
}

pt__edits_t pt__edit_distance(int64_t n, const int32_t *reference, int64_t m, const int32_t *hypothesis,
                              pt__edit_cell_t *cells)
{
    const int64_t all = n;
    pt__edit_cell_t *before = cells, *now = cells + n + 1;
    while (n > 0 && m > 0 && reference[0] == hypothesis[0])
        reference++, hypothesis++, n--, m--;
    while (n > 0 && m > 0 && reference[n - 1] == hypothesis[m - 1])
        n--, m--;
    for (int64_t i = 0; i <= n; i++)
        before[i] = (pt__edit_cell_t){(int32_t)i, 0, (int32_t)i, 0};
    for (int64_t j = 0; j < m; j++) {
        now[0] = follow(before[0], 0, 0, 1);
        for (int64_t i = 1; i <= n; i++)
            now[i] = cell(before, now, i, reference[i - 1] == hypothesis[j], j == 0);
        pt__edit_cell_t *swap = before;
        before = now;
        now = swap;
    }
    const pt__edit_cell_t *last = &before[n];
    return (pt__edits_t){.substitutions = last->substitutions,
                         .deletions = last->deletions,
                         .insertions = last->insertions,
                         .hits = all - last->substitutions - last->deletions};
}

static int32_t is_equal(const pt__word_spans_t *a, int64_t i, const pt__word_spans_t *b, int64_t k)
{
    return a->lengths[i] == b->lengths[k] &&
           memcmp(a->values + a->begins[i], b->values + b->begins[k], (size_t)a->lengths[i] * sizeof *a->values) == 0;
}

void pt__words_number(const pt__word_spans_t *words, const pt__word_spans_t *others)
{
    const int64_t before = others != NULL ? others->count : 0;
    for (int64_t i = 0; i < words->count; i++) {
        int32_t id = -1;
        for (int64_t k = 0; k < before && id < 0; k++)
            if (is_equal(words, i, others, k))
                id = others->ids[k];
        for (int64_t k = 0; k < i && id < 0; k++)
            if (is_equal(words, i, words, k))
                id = words->ids[k];
        words->ids[i] = id >= 0 ? id : (int32_t)(before + i);
    }
}
