/* Byte-pair encoding (Sennrich 2016): a word begins as its characters, or its bytes; the pair of neighbours that was
 * learnt first becomes one, the leftmost where several are the same, until no pair is left that was learnt. */
#include <string.h>

#include "text/characters.h"
#include "text/token_model.h"

enum {
    NONE = -1,
    MOST_AFFIX = 128, /* bytes */
    FEW = 48,         /* symbols up to which scanning all pairs is faster than a heap */
};

typedef struct merge { /* of one slot of the table */
    uint64_t pair;     /* left << 32 | right; EMPTY: none */
    uint32_t rank;
    int32_t id;
} merge_t;

#define EMPTY UINT64_MAX
#define NEVER UINT32_MAX /* the rank of a pair that was not learnt */

typedef struct bpe {
    pt__memory_t *memory;
    const pt__vocabulary_t *vocabulary;
    merge_t *merges; /* [mask + 1] */
    uint64_t mask;
    const char *prefix, *suffix; /* of symbols that do not begin a word, of the one that ends it; NULL: none */
    int64_t prefix_length, suffix_length;
    int32_t unknown; /* the token of what has none; NONE: it is left out */
    int32_t fuse_unknown, byte_fallback, ignore_merges;
    int32_t bytes[256];      /* the token of a byte: byte-level, or of the fallback */
    int32_t plain[128];      /* the token of a character of ASCII, where there is neither prefix nor suffix */
    int32_t n_longest_token; /* bytes */
} bpe_t;

/* ---- The table of merges ---- */

static inline uint64_t slot_of(const bpe_t *bpe, uint64_t pair)
{
    uint64_t mixed = pair * 0x9E3779B97F4A7C15u;
    return (mixed ^ mixed >> 32) & bpe->mask;
}

static inline const merge_t *find_merge(const bpe_t *bpe, int32_t left, int32_t right)
{
    uint64_t pair = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    for (uint64_t slot = slot_of(bpe, pair);; slot = (slot + 1) & bpe->mask) {
        const merge_t *merge = &bpe->merges[slot];
        if (merge->pair == pair)
            return merge;
        if (merge->pair == EMPTY)
            return NULL;
    }
}

static pt_status_t make_table(bpe_t *bpe, int64_t merges)
{
    uint64_t slots = 16;
    while (slots < 2 * (uint64_t)merges)
        slots *= 2;
    PT__TRY(pt__allocate_uninitialised(bpe->memory, slots, sizeof *bpe->merges, "merges", &bpe->merges));
    bpe->mask = slots - 1;
    for (uint64_t i = 0; i < slots; i++)
        bpe->merges[i] = (merge_t){.pair = EMPTY, .rank = NEVER, .id = NONE};
    return PT_OK;
}

/* A pair that is listed twice has its last rank, as the reference's map has. */
static void add_merge(bpe_t *bpe, int32_t left, int32_t right, uint32_t rank, int32_t id)
{
    uint64_t pair = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    uint64_t slot = slot_of(bpe, pair);
    while (bpe->merges[slot].pair != EMPTY && bpe->merges[slot].pair != pair)
        slot = (slot + 1) & bpe->mask;
    bpe->merges[slot] = (merge_t){.pair = pair, .rank = rank, .id = id};
}

/* ---- Reading ---- */

static pt_status_t find_part(const bpe_t *bpe, const pt__json_t *merge, const char *content, int64_t length,
                             int32_t *id)
{
    *id = pt__vocabulary_find_content(bpe->vocabulary, content, length);
    if (*id < 0)
        return pt__json_fail(merge, PT_ERR_FORMAT, "\"%.*s\" is not in the vocabulary",
                             (int)(length < 99 ? length : 99), content);
    return PT_OK;
}

pt_status_t pt__merge_split(const pt__json_t *merge, const char *parts[2], int64_t lengths[2])
{
    if (merge->kind == PT__JSON_ARRAY && merge->length == 2 && merge->first->kind == PT__JSON_STRING &&
        merge->first->next->kind == PT__JSON_STRING) {
        parts[0] = merge->first->string;
        lengths[0] = merge->first->length;
        parts[1] = merge->first->next->string;
        lengths[1] = merge->first->next->length;
        return PT_OK;
    }
    const char *blank = merge->kind == PT__JSON_STRING ? memchr(merge->string, ' ', (size_t)merge->length) : NULL;
    if (blank == NULL || memchr(blank + 1, ' ', (size_t)(merge->string + merge->length - blank - 1)) != NULL)
        return pt__json_fail(merge, PT_ERR_FORMAT, "expected two tokens with a blank between them, or a list of two");
    parts[0] = merge->string;
    lengths[0] = blank - merge->string;
    parts[1] = blank + 1;
    lengths[1] = merge->length - lengths[0] - 1;
    return PT_OK;
}

static pt_status_t read_merge(bpe_t *bpe, const pt__json_t *merge, uint32_t rank, char *joined)
{
    const char *parts[2] = {NULL, NULL};
    int64_t lengths[2] = {0, 0};
    int32_t left, right, id;
    PT__TRY(pt__merge_split(merge, parts, lengths));
    PT__TRY(find_part(bpe, merge, parts[0], lengths[0], &left));
    PT__TRY(find_part(bpe, merge, parts[1], lengths[1], &right));
    if (bpe->prefix_length > 0) {
        if (lengths[1] < bpe->prefix_length || memcmp(parts[1], bpe->prefix, (size_t)bpe->prefix_length) != 0)
            return pt__json_fail(merge, PT_ERR_FORMAT, "\"%.99s\" does not begin with continuing_subword_prefix \"%s\"",
                                 parts[1], bpe->prefix);
        parts[1] += bpe->prefix_length;
        lengths[1] -= bpe->prefix_length;
    }
    memcpy(joined, parts[0], (size_t)lengths[0]);
    memcpy(joined + lengths[0], parts[1], (size_t)lengths[1]);
    PT__TRY(find_part(bpe, merge, joined, lengths[0] + lengths[1], &id));
    add_merge(bpe, left, right, rank, id);
    return PT_OK;
}

static pt_status_t read_merges(bpe_t *bpe, const pt__json_t *json)
{
    const pt__json_t *merges;
    char *joined;
    uint32_t rank = 0;
    pt_status_t status = PT_OK;
    PT__TRY(pt__json_get_array(json, "merges", PT__JSON_REQUIRED, &merges));
    PT__TRY(make_table(bpe, merges->length));
    PT__TRY(pt__allocate_uninitialised(bpe->memory, 2 * (size_t)bpe->n_longest_token + 1, 1, "merges", &joined));
    for (const pt__json_t *merge = merges->first; merge != NULL && status == PT_OK; merge = merge->next)
        status = read_merge(bpe, merge, rank++, joined);
    pt__release(bpe->memory, joined);
    return status;
}

static void find_bytes(bpe_t *bpe)
{
    for (int32_t byte = 0; byte < 256; byte++) {
        const uint8_t itself = (uint8_t)byte;
        if (bpe->vocabulary->is_byte_level)
            bpe->bytes[byte] = pt__vocabulary_find(bpe->vocabulary, &itself, 1);
        else
            bpe->bytes[byte] = bpe->byte_fallback ? pt__vocabulary_find_byte(bpe->vocabulary, itself) : NONE;
        if (byte < 128)
            bpe->plain[byte] = pt__vocabulary_find(bpe->vocabulary, &itself, 1);
    }
}

static pt_status_t read_affix(const pt__json_t *json, const char *key, const char **affix, int64_t *length)
{
    *affix = NULL;
    PT__TRY(pt__json_get_string(json, key, PT__JSON_OPTIONAL, affix));
    *length = *affix == NULL ? 0 : (int64_t)strlen(*affix);
    return *length <= MOST_AFFIX ? PT_OK
                                 : pt__json_fail(pt__json_find(json, key), PT_ERR_UNSUPPORTED,
                                                 "%lld bytes, expected at most %d", (long long)*length, MOST_AFFIX);
}

static pt_status_t read_fields(bpe_t *bpe, const pt__json_t *json)
{
    const char *unknown = NULL;
    double dropout = 0;
    PT__TRY(pt__json_get_string(json, "unk_token", PT__JSON_OPTIONAL, &unknown));
    PT__TRY(pt__json_get_number(json, "dropout", PT__JSON_OPTIONAL, 0, 1, &dropout));
    if (dropout > 0)
        return pt__json_fail(pt__json_find(json, "dropout"), PT_ERR_UNSUPPORTED,
                             "merges are never left out at random here, expected null or 0");
    PT__TRY(pt__json_get_bool(json, "fuse_unk", PT__JSON_OPTIONAL, &bpe->fuse_unknown));
    PT__TRY(pt__json_get_bool(json, "byte_fallback", PT__JSON_OPTIONAL, &bpe->byte_fallback));
    PT__TRY(pt__json_get_bool(json, "ignore_merges", PT__JSON_OPTIONAL, &bpe->ignore_merges));
    if (bpe->byte_fallback && (bpe->prefix_length > 0 || bpe->suffix_length > 0))
        return pt__json_fail(json, PT_ERR_UNSUPPORTED, "byte_fallback together with a prefix or suffix of symbols");
    bpe->unknown = NONE;
    if (unknown != NULL) {
        bpe->unknown = pt__vocabulary_find_content(bpe->vocabulary, unknown, (int64_t)strlen(unknown));
        if (bpe->unknown < 0)
            return pt__json_fail(pt__json_find(json, "unk_token"), PT_ERR_FORMAT, "\"%s\" is not in the vocabulary",
                                 unknown);
    }
    return PT_OK;
}

static void release(void *model)
{
    bpe_t *bpe = model;
    if (bpe == NULL)
        return;
    pt__release(bpe->memory, (void *)(uintptr_t)bpe->prefix);
    pt__release(bpe->memory, (void *)(uintptr_t)bpe->suffix);
    pt__release(bpe->memory, bpe->merges);
    pt__release(bpe->memory, bpe);
}

static pt_status_t read(const pt__json_t *json, const pt__vocabulary_t *vocabulary, void **out)
{
    const char *prefix, *suffix;
    bpe_t *bpe;
    char *copy;
    pt_status_t status;
    *out = NULL;
    PT__TRY(pt__allocate(vocabulary->memory, 1, sizeof *bpe, "byte-pair encoding", &bpe));
    bpe->memory = vocabulary->memory;
    bpe->vocabulary = vocabulary;
    PT__TRY_OUT(read_affix(json, "continuing_subword_prefix", &prefix, &bpe->prefix_length));
    PT__TRY_OUT(pt__string_copy(bpe->memory, prefix, &copy));
    bpe->prefix = copy;
    PT__TRY_OUT(read_affix(json, "end_of_word_suffix", &suffix, &bpe->suffix_length));
    PT__TRY_OUT(pt__string_copy(bpe->memory, suffix, &copy));
    bpe->suffix = copy;
    PT__TRY_OUT(read_fields(bpe, json));
    for (int64_t id = 0; id < vocabulary->count; id++)
        if ((int32_t)vocabulary->tokens[id].content_length > bpe->n_longest_token)
            bpe->n_longest_token = (int32_t)vocabulary->tokens[id].content_length;
    PT__TRY_OUT(read_merges(bpe, json));
    find_bytes(bpe);
    *out = bpe;
    return PT_OK;
out:
    release(bpe);
    return status;
}

/* ---- A word's first symbols ---- */

typedef struct symbols {
    int32_t *ids;
    uint32_t *lengths;
    int64_t count;
} symbols_t;

static void add_symbol(symbols_t *symbols, int32_t id, uint32_t length)
{
    symbols->ids[symbols->count] = id;
    symbols->lengths[symbols->count++] = length;
}

/* The token of one character, with the prefix or suffix that its place asks for. */
static int32_t find_symbol(const bpe_t *bpe, const uint8_t *character, int32_t length, int32_t is_first,
                           int32_t is_last)
{
    char whole[2 * MOST_AFFIX + 4];
    int64_t count = 0, prefix = is_first ? 0 : bpe->prefix_length, suffix = is_last ? bpe->suffix_length : 0;
    if (prefix == 0 && suffix == 0)
        return pt__vocabulary_find(bpe->vocabulary, character, length);
    if (prefix > 0)
        memcpy(whole, bpe->prefix, (size_t)prefix);
    memcpy(whole + (count += prefix), character, (size_t)length);
    if (suffix > 0)
        memcpy(whole + count + length, bpe->suffix, (size_t)suffix);
    return pt__vocabulary_find(bpe->vocabulary, (const uint8_t *)whole, prefix + length + suffix);
}

/* All bytes of a character as tokens of their own, where each has one. */
static int32_t fall_back(const bpe_t *bpe, const uint8_t *character, int32_t length, symbols_t *symbols)
{
    if (!bpe->byte_fallback)
        return 0;
    for (int32_t i = 0; i < length; i++)
        if (bpe->bytes[character[i]] < 0)
            return 0;
    for (int32_t i = 0; i < length; i++)
        add_symbol(symbols, bpe->bytes[character[i]], 1);
    return 1;
}

static void begin_word(const bpe_t *bpe, const uint8_t *word, int64_t length, symbols_t *symbols)
{
    const int32_t affixed = bpe->prefix_length > 0 || bpe->suffix_length > 0;
    int32_t step;
    uint32_t left_out = 0; /* bytes of characters that have no token, before the first symbol */
    uint32_t unknown = 0;  /* bytes of an unknown token that is put before the next character that has one */
    symbols->count = 0;
    for (int64_t at = 0; at < length; at += step) {
        int32_t id;
        if (bpe->vocabulary->is_byte_level)
            step = 1;
        else
            pt__character_at(word + at, &step);
        if (affixed)
            id = find_symbol(bpe, word + at, step, at == 0, at + step == length);
        else if (bpe->vocabulary->is_byte_level)
            id = bpe->bytes[word[at]];
        else
            id = step == 1 ? bpe->plain[word[at]] : pt__vocabulary_find(bpe->vocabulary, word + at, step);
        if (id < 0 && fall_back(bpe, word + at, step, symbols))
            continue;
        if (unknown > 0 && (id >= 0 || !bpe->fuse_unknown)) {
            add_symbol(symbols, bpe->unknown, unknown);
            unknown = 0;
        }
        if (id >= 0)
            add_symbol(symbols, id, (uint32_t)step);
        else if (bpe->unknown >= 0)
            unknown += (uint32_t)step;
        else if (symbols->count > 0)
            symbols->lengths[symbols->count - 1] += (uint32_t)step;
        else
            left_out += (uint32_t)step;
    }
    if (unknown > 0)
        add_symbol(symbols, bpe->unknown, unknown);
    if (symbols->count > 0)
        symbols->lengths[0] += left_out;
}

/* ---- Merging ---- */

static inline void look_up(const bpe_t *bpe, const symbols_t *symbols, int64_t i, uint32_t *ranks, int32_t *merged)
{
    const merge_t *merge = find_merge(bpe, symbols->ids[i], symbols->ids[i + 1]);
    ranks[i] = merge == NULL ? NEVER : merge->rank;
    merged[i] = merge == NULL ? NONE : merge->id;
}

static void merge_few(const bpe_t *bpe, symbols_t *symbols)
{
    uint32_t ranks[FEW];
    int32_t merged[FEW];
    for (int64_t i = 0; i + 1 < symbols->count; i++)
        look_up(bpe, symbols, i, ranks, merged);
    while (symbols->count > 1) {
        int64_t best = 0, pairs = symbols->count - 1;
        for (int64_t i = 1; i < pairs; i++)
            best = ranks[i] < ranks[best] ? i : best;
        if (ranks[best] == NEVER)
            return;
        symbols->ids[best] = merged[best];
        symbols->lengths[best] += symbols->lengths[best + 1];
        symbols->count--;
        for (int64_t i = best + 1; i < symbols->count; i++) {
            symbols->ids[i] = symbols->ids[i + 1];
            symbols->lengths[i] = symbols->lengths[i + 1];
            ranks[i] = ranks[i + 1 < pairs ? i + 1 : i];
            merged[i] = merged[i + 1 < pairs ? i + 1 : i];
        }
        if (best > 0)
            look_up(bpe, symbols, best - 1, ranks, merged);
        if (best + 1 < symbols->count)
            look_up(bpe, symbols, best, ranks, merged);
    }
}

/* A long word: a linked list of symbols, and a heap of pairs by rank and place. A pair that has changed since it was
 * put into the heap is known by its rank. */
typedef struct many {
    int32_t *next, *previous; /* [symbols] */
    uint64_t *heap;           /* rank << 32 | place */
    int64_t n_heap;
} many_t;

static void heap_push(many_t *many, uint64_t value)
{
    int64_t i = many->n_heap++;
    for (; i > 0 && many->heap[(i - 1) / 2] > value; i = (i - 1) / 2)
        many->heap[i] = many->heap[(i - 1) / 2];
    many->heap[i] = value;
}

static uint64_t heap_pop(many_t *many)
{
    uint64_t least = many->heap[0], last = many->heap[--many->n_heap];
    int64_t i = 0;
    for (int64_t child = 1; child < many->n_heap; child = 2 * i + 1) {
        if (child + 1 < many->n_heap && many->heap[child + 1] < many->heap[child])
            child++;
        if (many->heap[child] >= last)
            break;
        many->heap[i] = many->heap[child];
        i = child;
    }
    many->heap[i] = last;
    return least;
}

static void push_pair(const bpe_t *bpe, const symbols_t *symbols, many_t *many, int32_t place)
{
    if (place < 0 || many->next[place] < 0)
        return;
    const merge_t *merge = find_merge(bpe, symbols->ids[place], symbols->ids[many->next[place]]);
    if (merge != NULL)
        heap_push(many, (uint64_t)merge->rank << 32 | (uint32_t)place);
}

static void merge_heap(const bpe_t *bpe, symbols_t *symbols, many_t *many)
{
    int32_t count = (int32_t)symbols->count;
    for (int32_t i = 0; i < count; i++) {
        many->next[i] = i + 1 < count ? i + 1 : NONE;
        many->previous[i] = i - 1;
    }
    for (int32_t i = 0; i + 1 < count; i++)
        push_pair(bpe, symbols, many, i);
    while (many->n_heap > 0) {
        uint64_t least = heap_pop(many);
        int32_t left = (int32_t)(uint32_t)least, right = many->next[left];
        if (symbols->lengths[left] == 0 || right < 0)
            continue;
        const merge_t *merge = find_merge(bpe, symbols->ids[left], symbols->ids[right]);
        if (merge == NULL || merge->rank != (uint32_t)(least >> 32))
            continue;
        symbols->ids[left] = merge->id;
        symbols->lengths[left] += symbols->lengths[right];
        symbols->lengths[right] = 0;
        many->next[left] = many->next[right];
        if (many->next[right] >= 0)
            many->previous[many->next[right]] = left;
        push_pair(bpe, symbols, many, many->previous[left]);
        push_pair(bpe, symbols, many, left);
    }
    int64_t kept = 0;
    for (int32_t i = 0; i >= 0 && i < count; i = many->next[i], kept++) {
        symbols->ids[kept] = symbols->ids[i];
        symbols->lengths[kept] = symbols->lengths[i];
    }
    symbols->count = kept;
}

static pt_status_t merge_many(const bpe_t *bpe, symbols_t *symbols)
{
    many_t many = {.n_heap = 0};
    pt_status_t status;
    size_t count = (size_t)symbols->count;
    PT__TRY_OUT(pt__allocate_uninitialised(bpe->memory, count, sizeof *many.next, "a long word", &many.next));
    PT__TRY_OUT(pt__allocate_uninitialised(bpe->memory, count, sizeof *many.previous, "a long word", &many.previous));
    PT__TRY_OUT(pt__allocate_uninitialised(bpe->memory, 3 * count, sizeof *many.heap, "a long word", &many.heap));
    merge_heap(bpe, symbols, &many);
out:
    pt__release(bpe->memory, many.heap);
    pt__release(bpe->memory, many.previous);
    pt__release(bpe->memory, many.next);
    return status;
}

static pt_status_t encode(const void *model, const uint8_t *word, int64_t length, pt__word_tokens_t *tokens)
{
    const bpe_t *bpe = model;
    if (length > INT32_MAX)
        return pt__fail(PT_ERR_UNSUPPORTED, "a word of %lld bytes, expected at most %d", (long long)length, INT32_MAX);
    if (bpe->ignore_merges) {
        int32_t whole = pt__vocabulary_find(bpe->vocabulary, word, length);
        if (whole >= 0)
            return pt__word_tokens_add(tokens, whole, (uint32_t)length);
    }
    PT__TRY(pt__grow(tokens->memory, &tokens->ids, &tokens->ids_capacity, tokens->count + length, sizeof *tokens->ids,
                     "tokens"));
    PT__TRY(pt__grow(tokens->memory, &tokens->lengths, &tokens->lengths_capacity, tokens->count + length,
                     sizeof *tokens->lengths, "tokens"));
    symbols_t symbols = {.ids = tokens->ids + tokens->count, .lengths = tokens->lengths + tokens->count};
    begin_word(bpe, word, length, &symbols);
    if (symbols.count <= FEW)
        merge_few(bpe, &symbols);
    else
        PT__TRY(merge_many(bpe, &symbols));
    tokens->count += symbols.count;
    return PT_OK;
}

const pt__token_model_t pt__token_model_bpe = {
    .name = "BPE",
    .keys = "type dropout unk_token continuing_subword_prefix end_of_word_suffix fuse_unk byte_fallback "
            "ignore_merges vocab merges",
    .read = read,
    .release = release,
    .encode = encode};
