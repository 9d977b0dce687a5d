/* See prefix_beam.h. A prefix has two sums: of the ways to say it that end with a blank, and of those that end with its
 * last token, of which the next row may be more. */
#include "speech/prefix_beam.h"

#include <math.h>

#include "base/number.h"
#include "base/sort.h"
#include "speech/prefix_nodes.h"

typedef struct entry {
    int32_t prefix;
    int32_t number;      /* in the order in which they came */
    double blank, token; /* logarithms of the two sums */
    double score;
} entry_t;

struct pt__beam {
    pt__memory_t *memory;
    pt__beam_settings_t settings;
    pt__prefixes_t prefixes;
    entry_t *now, *next; /* now is in order */
    const void **order;
    int64_t count, n_next, now_capacity, next_capacity, order_capacity;
    int64_t row;
    int32_t last; /* greedy: the class of the row before */
    int32_t *tokens;
    int64_t *rows;
    int64_t tokens_capacity, rows_capacity;
};

static double add_logarithms(double a, double b)
{
    double most = a > b ? a : b;
    return most == -INFINITY ? most : most + log1p(exp((a > b ? b : a) - most));
}

/* ---- Life ---- */

void pt__beam_free(pt__beam_t *beam)
{
    if (beam == NULL)
        return;
    pt__prefixes_free(&beam->prefixes);
    pt__release(beam->memory, beam->now);
    pt__release(beam->memory, beam->next);
    pt__release(beam->memory, beam->order);
    pt__release(beam->memory, beam->tokens);
    pt__release(beam->memory, beam->rows);
    pt__release(beam->memory, beam);
}

void pt__beam_reset(pt__beam_t *beam)
{
    pt__prefixes_clear(&beam->prefixes);
    beam->now[0] = (entry_t){.prefix = PT__PREFIX_ROOT, .blank = 0, .token = -INFINITY};
    beam->prefixes.list[PT__PREFIX_ROOT].references++;
    beam->count = 1;
    beam->row = 0;
    beam->last = beam->settings.blank;
}

static pt_status_t start(pt__beam_t *beam)
{
    PT__TRY(pt__prefixes_start(&beam->prefixes, beam->memory, &beam->settings));
    PT__TRY(
        pt__grow(beam->memory, &beam->now, &beam->now_capacity, beam->settings.width + 1, sizeof *beam->now, "beam"));
    pt__beam_reset(beam);
    return PT_OK;
}

pt_status_t pt__beam_create(pt__memory_t *memory, const pt__beam_settings_t *settings, pt__beam_t **out)
{
    pt__beam_t *beam;
    *out = NULL;
    PT__TRY(pt__allocate(memory, 1, sizeof *beam, "beam", &beam));
    beam->memory = memory;
    beam->settings = *settings;
    beam->prefixes.memory = memory;
    pt_status_t status = start(beam);
    if (status == PT_OK)
        *out = beam;
    else
        pt__beam_free(beam);
    return status;
}

/* ---- A row ---- */

/* The entry of a prefix in the next row. */
static pt_status_t entry_of(pt__beam_t *beam, int32_t place, entry_t **out)
{
    pt__prefix_t *prefix = &beam->prefixes.list[place];
    if (prefix->stamp != beam->row) {
        PT__TRY(
            pt__grow(beam->memory, &beam->next, &beam->next_capacity, beam->n_next + 1, sizeof *beam->next, "beam"));
        prefix->stamp = beam->row;
        prefix->entry = (int32_t)beam->n_next;
        beam->next[beam->n_next] = (entry_t){
            .prefix = place, .number = (int32_t)beam->n_next, .blank = -INFINITY, .token = -INFINITY};
        beam->n_next++;
    }
    *out = &beam->next[prefix->entry];
    return PT_OK;
}

/* What is said already goes on: with a blank, or with its last token still. */
static pt_status_t keep(pt__beam_t *beam, const entry_t *from, double all, const float *row)
{
    entry_t *entry;
    PT__TRY(entry_of(beam, from->prefix, &entry));
    entry->blank = add_logarithms(entry->blank, all + (double)row[beam->settings.blank]);
    pt__prefix_t *prefix = &beam->prefixes.list[from->prefix];
    if (from->prefix == PT__PREFIX_ROOT)
        return PT_OK;
    entry->token = add_logarithms(entry->token, from->token + (double)row[prefix->token]);
    if (row[prefix->token] > prefix->best && from->token >= from->blank) {
        prefix->best = row[prefix->token];
        prefix->row = beam->row;
    }
    return PT_OK;
}

static pt_status_t extend(pt__beam_t *beam, const entry_t *from, double all, int32_t token, float logarithm)
{
    int32_t child, is_new;
    entry_t *entry;
    /* the same token again is another one only behind a blank */
    double more = (beam->prefixes.list[from->prefix].token == token ? from->blank : all) + (double)logarithm;
    if (more == -INFINITY)
        return PT_OK;
    PT__TRY(pt__prefixes_extend(&beam->prefixes, from->prefix, token, &child, &is_new));
    pt_status_t status = entry_of(beam, child, &entry);
    if (status != PT_OK) {
        pt__prefixes_let_go(&beam->prefixes, child);
        return status;
    }
    pt__prefix_t *prefix = &beam->prefixes.list[child];
    if (is_new || more > add_logarithms(entry->blank, entry->token)) {
        prefix->best = logarithm;
        prefix->row = beam->row;
    }
    entry->token = add_logarithms(entry->token, more);
    return PT_OK;
}

/* Better ones first; of equals the earlier. */
static int compare(const void *a, const void *b, void *user)
{
    const entry_t *left = a, *right = b;
    (void)user;
    if (left->score != right->score)
        return left->score > right->score ? -1 : 1;
    return (left->number > right->number) - (left->number < right->number);
}

/* The best of `next` become `now`; what nothing needs any more goes. */
static pt_status_t choose(pt__beam_t *beam)
{
    pt__prefixes_t *prefixes = &beam->prefixes;
    PT__TRY(pt__grow(beam->memory, &beam->order, &beam->order_capacity, beam->n_next, sizeof *beam->order, "beam"));
    for (int64_t i = 0; i < beam->n_next; i++) {
        entry_t *entry = &beam->next[i];
        const pt__prefix_t *prefix = &prefixes->list[entry->prefix];
        entry->score = add_logarithms(entry->blank, entry->token) + prefix->words + prefix->partial;
        beam->order[i] = entry;
    }
    pt__sort(beam->order, beam->n_next, compare, NULL);
    const int64_t kept = beam->n_next < beam->settings.width ? beam->n_next : beam->settings.width;
    for (int64_t i = 0; i < kept; i++)
        prefixes->list[((const entry_t *)beam->order[i])->prefix].references++;
    for (int64_t i = 0; i < beam->count; i++)
        prefixes->list[beam->now[i].prefix].references--;
    for (int64_t i = 0; i < beam->n_next; i++) /* those of `now` are among them */
        pt__prefixes_let_go(prefixes, beam->next[i].prefix);
    for (int64_t i = 0; i < kept; i++)
        beam->now[i] = *(const entry_t *)beam->order[i];
    beam->count = kept;
    return PT_OK;
}

static int32_t largest(const float *row, int32_t classes)
{
    int32_t best = 0;
    for (int32_t c = 1; c < classes; c++)
        best = row[c] > row[best] ? c : best;
    return best;
}

static pt_status_t push_row(pt__beam_t *beam, const float *row)
{
    const pt__beam_settings_t *settings = &beam->settings;
    const int32_t best = largest(row, settings->classes);
    beam->n_next = 0;
    for (int64_t i = 0; i < beam->count; i++) {
        const entry_t *from = &beam->now[i];
        const double all = add_logarithms(from->blank, from->token);
        PT__TRY(keep(beam, from, all, row));
        for (int32_t c = 0; c < settings->classes; c++)
            if (c != settings->blank && ((double)row[c] >= settings->threshold || c == best))
                PT__TRY(extend(beam, from, all, c, row[c]));
    }
    return choose(beam);
}

/* One prefix, with the largest of each row. */
static pt_status_t push_greedy(pt__beam_t *beam, const float *row)
{
    entry_t *now = &beam->now[0];
    const int32_t best = largest(row, beam->settings.classes);
    int32_t child, is_new;
    now->blank += (double)row[best];
    if (best != beam->last && best != beam->settings.blank) {
        PT__TRY(pt__prefixes_extend(&beam->prefixes, now->prefix, best, &child, &is_new));
        beam->prefixes.list[child].references++;
        beam->prefixes.list[now->prefix].references--;
        beam->prefixes.list[child].row = beam->row;
        beam->prefixes.list[child].best = row[best];
        now->prefix = child;
    } else if (best != beam->settings.blank && row[best] > beam->prefixes.list[now->prefix].best) {
        beam->prefixes.list[now->prefix].row = beam->row;
        beam->prefixes.list[now->prefix].best = row[best];
    }
    now->score = now->blank;
    beam->last = best;
    return PT_OK;
}

static pt_status_t check_row(const pt__beam_t *beam, const float *row)
{
    for (int32_t c = 0; c < beam->settings.classes; c++)
        if (!(row[c] <= 1e-3f))
            return pt__fail(PT_ERR_ARGUMENT,
                            "row %lld: the number of class %d is %g, expected the logarithm of a probability",
                            (long long)beam->row, (int)c, pt__number_shown((double)row[c]));
    return PT_OK;
}

pt_status_t pt__beam_push(pt__beam_t *beam, int64_t rows, const float *logarithms)
{
    for (int64_t i = 0; i < rows; i++, beam->row++) {
        const float *row = logarithms + i * beam->settings.classes;
        PT__TRY(check_row(beam, row));
        PT__TRY(beam->settings.width > 0 ? push_row(beam, row) : push_greedy(beam, row));
    }
    return PT_OK;
}

/* ---- What was said ---- */

pt_status_t pt__beam_finish(pt__beam_t *beam)
{
    if (beam->settings.width == 0)
        return PT_OK;
    PT__TRY(pt__grow(beam->memory, &beam->order, &beam->order_capacity, beam->count, sizeof *beam->order, "beam"));
    PT__TRY(pt__grow(beam->memory, &beam->next, &beam->next_capacity, beam->count, sizeof *beam->next, "beam"));
    for (int64_t i = 0; i < beam->count; i++) {
        beam->next[i] = beam->now[i];
        beam->next[i].number = (int32_t)i;
        beam->next[i].score = add_logarithms(beam->now[i].blank, beam->now[i].token) +
                              pt__prefixes_end(&beam->prefixes, beam->now[i].prefix);
        beam->order[i] = &beam->next[i];
    }
    pt__sort(beam->order, beam->count, compare, NULL);
    for (int64_t i = 0; i < beam->count; i++)
        beam->now[i] = *(const entry_t *)beam->order[i];
    return PT_OK;
}

int32_t pt__beam_count(const pt__beam_t *beam)
{
    return (int32_t)beam->count;
}

pt_status_t pt__beam_hypothesis(pt__beam_t *beam, int32_t rank, pt__hypothesis_t *out)
{
    const pt__prefix_t *list = beam->prefixes.list;
    int64_t count = 0;
    for (int32_t at = beam->now[rank].prefix; at != PT__PREFIX_ROOT; at = list[at].parent)
        count++;
    PT__TRY(pt__grow(beam->memory, &beam->tokens, &beam->tokens_capacity, count, sizeof *beam->tokens, "beam"));
    PT__TRY(pt__grow(beam->memory, &beam->rows, &beam->rows_capacity, count, sizeof *beam->rows, "beam"));
    *out = (pt__hypothesis_t){
        .score = beam->now[rank].score, .tokens = beam->tokens, .rows = beam->rows, .count = count};
    for (int32_t at = beam->now[rank].prefix; at != PT__PREFIX_ROOT; at = list[at].parent) {
        beam->tokens[--count] = list[at].token;
        beam->rows[count] = list[at].row;
    }
    return PT_OK;
}
