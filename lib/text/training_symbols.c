/* The first symbols of words: bytes in byte-level tokenizers, else characters, of which those that do not begin a word
 * have the prefix. */
#include <string.h>

#include "base/sort.h"
#include "text/training_state.h"

enum { LONGEST_WORD = 1 << 30 };

typedef struct alphabet {
    pt__training_t *training;
    uint32_t bytes[256]; /* byte-level: the piece of each */
    int64_t n;           /* characters up to the last one that is there */
    uint64_t *counts;    /* [n]; UINT64_MAX: in any case */
    uint8_t *continues;  /* [n] whether it stands behind another one in a word */
    uint32_t *first;     /* [n] the piece where it begins a word; NONE: it has none and is left out */
    uint32_t *other;     /* where it does not */
} alphabet_t;

#define NONE UINT32_MAX

/* ---- Which characters there are ---- */

static pt_status_t make_bytes(alphabet_t *alphabet)
{
    for (uint32_t code = 0; code < 0x200; code++) { /* in the order of the characters that stand for them */
        uint8_t content[4];
        const int32_t byte = pt__character_byte(code);
        if (byte < 0)
            continue;
        PT__TRY(pt__training_piece(alphabet->training, (const char *)content, pt__character_write(code, content),
                                   &alphabet->bytes[byte]));
    }
    return PT_OK;
}

static const uint8_t *initial_of(const alphabet_t *alphabet)
{
    const char *initial = alphabet->training->options.initial_alphabet;
    return (const uint8_t *)(initial == NULL ? "" : initial);
}

static void find_last_character(alphabet_t *alphabet)
{
    const pt__word_counts_t *counts = &alphabet->training->counts;
    uint32_t last = 0;
    int32_t step;
    for (int32_t s = 0; s < PT__WORD_SHARES; s++)
        for (int64_t i = 0; i < counts->shares[s].n_words; i++) {
            int64_t length;
            const uint8_t *word = pt__word_table_get(&counts->shares[s], i, &length);
            for (int64_t at = 0; at < length; at += step) {
                const uint32_t code = pt__character_at(word + at, &step);
                last = code > last ? code : last;
            }
        }
    for (const uint8_t *initial = initial_of(alphabet); *initial != 0; initial += step) {
        const uint32_t code = pt__character_at(initial, &step);
        last = code > last ? code : last;
    }
    alphabet->n = last + 1;
}

static void count_characters(alphabet_t *alphabet)
{
    const pt__word_counts_t *counts = &alphabet->training->counts;
    for (int32_t s = 0; s < PT__WORD_SHARES; s++)
        for (int64_t i = 0; i < counts->shares[s].n_words; i++) {
            int64_t length;
            int32_t step;
            const uint8_t *word = pt__word_table_get(&counts->shares[s], i, &length);
            for (int64_t at = 0; at < length; at += step) {
                const uint32_t code = pt__character_at(word + at, &step);
                alphabet->counts[code] += counts->shares[s].words[i].count;
                alphabet->continues[code] |= at > 0;
            }
        }
    int32_t step;
    for (const uint8_t *initial = initial_of(alphabet); *initial != 0; initial += step)
        alphabet->counts[pt__character_at(initial, &step)] = UINT64_MAX;
}

static int compare_counts(const void *a, const void *b, void *counts)
{
    const uint64_t *left = a, *right = b;
    (void)counts;
    if (*left != *right)
        return *left > *right ? -1 : 1;
    return left < right ? -1 : left > right; /* by code */
}

/* Leaves the most frequent ones. */
static pt_status_t limit_characters(alphabet_t *alphabet)
{
    pt__memory_t *memory = &alphabet->training->context->memory;
    const void **order;
    int64_t n = 0;
    for (int64_t code = 0; code < alphabet->n; code++)
        n += alphabet->counts[code] > 0;
    if (n <= alphabet->training->options.alphabet)
        return PT_OK;
    PT__TRY(pt__allocate(memory, (size_t)n, sizeof *order, "alphabet", &order));
    n = 0;
    for (int64_t code = 0; code < alphabet->n; code++)
        if (alphabet->counts[code] > 0)
            order[n++] = &alphabet->counts[code];
    pt__sort(order, n, compare_counts, NULL);
    for (int64_t i = alphabet->training->options.alphabet; i < n; i++)
        *(uint64_t *)(uintptr_t)order[i] = 0;
    pt__release(memory, order);
    return PT_OK;
}

static pt_status_t make_characters(alphabet_t *alphabet)
{
    const char *prefix = alphabet->training->options.prefix;
    const int64_t prefix_length = (int64_t)strlen(prefix);
    char content[PT__PREFIX_MOST + 4];
    count_characters(alphabet);
    PT__TRY(limit_characters(alphabet));
    memcpy(content, prefix, (size_t)prefix_length);
    for (uint32_t code = 0; code < (uint32_t)alphabet->n; code++) {
        alphabet->first[code] = alphabet->other[code] = NONE;
        if (alphabet->counts[code] == 0)
            continue;
        const int32_t length = pt__character_write(code, (uint8_t *)content + prefix_length);
        PT__TRY(pt__training_piece(alphabet->training, content + prefix_length, length, &alphabet->first[code]));
    }
    for (uint32_t code = 0; code < (uint32_t)alphabet->n; code++) {
        if (alphabet->first[code] == NONE || !alphabet->continues[code])
            continue;
        const int32_t length = pt__character_write(code, (uint8_t *)content + prefix_length);
        PT__TRY(pt__training_piece(alphabet->training, content, prefix_length + length, &alphabet->other[code]));
    }
    return PT_OK;
}

static pt_status_t make_alphabet(alphabet_t *alphabet)
{
    pt__memory_t *memory = &alphabet->training->context->memory;
    if (alphabet->training->options.kind == PT_TOKENIZER_BPE)
        return make_bytes(alphabet);
    find_last_character(alphabet);
    PT__TRY(pt__training_reserve(alphabet->training, 17 * alphabet->n, "the alphabet"));
    PT__TRY(pt__allocate(memory, (size_t)alphabet->n, sizeof *alphabet->counts, "alphabet", &alphabet->counts));
    PT__TRY(pt__allocate(memory, (size_t)alphabet->n, sizeof *alphabet->continues, "alphabet", &alphabet->continues));
    PT__TRY(pt__allocate(memory, (size_t)alphabet->n, sizeof *alphabet->first, "alphabet", &alphabet->first));
    PT__TRY(pt__allocate(memory, (size_t)alphabet->n, sizeof *alphabet->other, "alphabet", &alphabet->other));
    return make_characters(alphabet);
}

/* ---- Words ---- */

/* Writes a word's symbols, where cells are given; how many there are. */
static int64_t write_symbols(const alphabet_t *alphabet, const uint8_t *word, int64_t length, uint32_t *cells)
{
    int64_t count = 0;
    int32_t step = 1;
    if (alphabet->first == NULL) {
        for (; cells != NULL && count < length; count++)
            cells[count] = alphabet->bytes[word[count]];
        return length;
    }
    for (int64_t at = 0; at < length; at += step) {
        const uint32_t code = pt__character_at(word + at, &step);
        const uint32_t piece = (at == 0 ? alphabet->first : alphabet->other)[code];
        if (piece == NONE)
            continue;
        if (cells != NULL)
            cells[count] = piece;
        count++;
    }
    return count;
}

/* Words of one symbol have no pair. */
static pt_status_t measure(const alphabet_t *alphabet, pt__symbol_words_t *words)
{
    const pt__word_counts_t *counts = &alphabet->training->counts;
    words->n_cells = 1;
    words->n_words = 0;
    for (int32_t s = 0; s < PT__WORD_SHARES; s++)
        for (int64_t i = 0; i < counts->shares[s].n_words; i++) {
            int64_t length;
            const uint8_t *word = pt__word_table_get(&counts->shares[s], i, &length);
            const int64_t symbols = write_symbols(alphabet, word, length, NULL);
            if (symbols < 2)
                continue;
            words->n_words++;
            words->n_cells += symbols + 1;
            if (symbols >= LONGEST_WORD)
                return pt__fail(PT_ERR_UNSUPPORTED, "a word of %lld characters, expected fewer than %d",
                                (long long)symbols, LONGEST_WORD);
        }
    if (words->n_cells > UINT32_MAX)
        return pt__fail(PT_ERR_UNSUPPORTED, "the different words have %lld characters, expected at most %lld",
                        (long long)words->n_cells, (long long)UINT32_MAX);
    return PT_OK;
}

static pt_status_t fill(const alphabet_t *alphabet, pt__symbol_words_t *words)
{
    pt__training_t *training = alphabet->training;
    pt__memory_t *memory = &training->context->memory;
    int64_t at = 1, n = 0;
    PT__TRY(pt__training_reserve(training, words->n_cells * 4 + words->n_words * 8, "words as symbols"));
    PT__TRY(pt__allocate_uninitialised(memory, (size_t)words->n_cells, sizeof *words->cells, "words", &words->cells));
    PT__TRY(pt__allocate_uninitialised(memory, (size_t)words->n_words, sizeof *words->counts, "words", &words->counts));
    words->cells[0] = PT__BETWEEN;
    for (int32_t s = 0; s < PT__WORD_SHARES; s++) {
        pt__word_table_t *share = &training->counts.shares[s];
        for (int64_t i = 0; i < share->n_words; i++) {
            int64_t length;
            const uint8_t *word = pt__word_table_get(share, i, &length);
            const int64_t symbols = write_symbols(alphabet, word, length, NULL);
            if (symbols < 2)
                continue;
            write_symbols(alphabet, word, length, words->cells + at);
            at += symbols;
            words->cells[at++] = PT__BETWEEN;
            words->counts[n++] = share->words[i].count;
        }
        pt__word_table_free(share);
    }
    return PT_OK;
}

pt_status_t pt__training_symbols(pt__training_t *training, pt__symbol_words_t *words)
{
    pt__memory_t *memory = &training->context->memory;
    alphabet_t alphabet = {.training = training};
    pt_status_t status = make_alphabet(&alphabet);
    if (status == PT_OK)
        status = measure(&alphabet, words);
    if (status == PT_OK)
        status = fill(&alphabet, words);
    pt__release(memory, alphabet.other);
    pt__release(memory, alphabet.first);
    pt__release(memory, alphabet.continues);
    pt__release(memory, alphabet.counts);
    return status;
}
