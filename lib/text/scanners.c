/* The patterns of GPT-2 and of what came after it (cl100k of tiktoken, Llama 3, Qwen). All tell letters, numbers,
 * spaces and others apart, and each piece is decided by its first characters:
 *
 *   's 't 're 've 'm 'll 'd     contractions, in GPT-2 in small letters only
 *   LETTERS                     with a blank before them; later with any one character that is no letter, number or
 *                               end of line
 *   NUMBERS                     GPT-2: a blank and any number of them; later up to three, or one, and no blank
 *   OTHERS                      with a blank before them; later with the ends of lines behind them
 *   SPACES                      later: up to the last end of a line; then all but the last before what is no space */
#include "text/scanners.h"

#include <string.h>

#include "text/characters.h"

enum { NONE = 4 /* the class of what stands behind the end */ };

static inline uint8_t class_at(const uint8_t *text, int64_t at, int64_t end, int32_t *length)
{
    *length = 0;
    if (at >= end)
        return NONE;
    *length = 1;
    if (text[at] < 0x80)
        return pt__ascii_class[text[at]];
    return pt__character_class(pt__character_at(text + at, length));
}

/* The end of a run of characters of one class. */
static inline int64_t run_end(const uint8_t *text, int64_t at, int64_t end, uint8_t class)
{
    int32_t length;
    if (class == PT__CHAR_LETTER)
        at = pt__letters_end(text, at, end);
    for (;;) {
        while (at < end && text[at] < 0x80 && pt__ascii_class[text[at]] == class)
            at++;
        if (at >= end || text[at] < 0x80 || class_at(text, at, end, &length) != class)
            return at;
        at += length;
    }
}

/* 0 where none begins at the apostrophe. Without regard to case the long s (U+017F) is an s too. */
static int64_t contraction_end(const uint8_t *text, int64_t at, int64_t end, int32_t any_case)
{
    int64_t left = end - at - 1;
    const uint8_t bit = any_case ? 0x20 : 0;
    if (left < 1)
        return 0;
    uint8_t first = text[at + 1] | bit;
    if (first == 's' || first == 't' || first == 'm' || first == 'd')
        return at + 2;
    if (left < 2)
        return 0;
    uint8_t second = text[at + 2];
    if (any_case && text[at + 1] == 0xC5 && second == 0xBF)
        return at + 3;
    second |= bit;
    if ((first == 'r' && second == 'e') || (first == 'v' && second == 'e') || (first == 'l' && second == 'l'))
        return at + 3;
    return 0;
}

/* Spaces from `at` on, at least one: all at the end of the text, else all but the last one, or the only one. */
static int64_t spaces_end(const uint8_t *text, int64_t at, int64_t end)
{
    int64_t after = run_end(text, at, end, PT__CHAR_SPACE);
    int64_t last = after - 1;
    while ((text[last] & 0xC0) == 0x80)
        last--;
    return after == end || last == at ? after : last;
}

static inline int64_t next_gpt2(const uint8_t *text, int64_t at, int64_t end)
{
    int32_t length;
    if (text[at] == '\'') {
        int64_t after = contraction_end(text, at, end, 0);
        if (after)
            return after;
    }
    int64_t from = at + (text[at] == ' ' && at + 1 < end);
    uint8_t class = class_at(text, from, end, &length);
    if (class != PT__CHAR_SPACE)
        return run_end(text, from + length, end, class);
    return spaces_end(text, at, end);
}

static int64_t numbers_end(const uint8_t *text, int64_t at, int64_t end, int32_t most)
{
    int32_t length;
    for (int32_t i = 0; i < most && class_at(text, at, end, &length) == PT__CHAR_NUMBER; i++)
        at += length;
    return at;
}

static int64_t lines_end(const uint8_t *text, int64_t at, int64_t end)
{
    while (at < end && (text[at] == '\r' || text[at] == '\n'))
        at++;
    return at;
}

/* Behind the last end of a line among the spaces from `at` on; 0: there is none. */
static int64_t last_line_end(const uint8_t *text, int64_t at, int64_t end)
{
    int64_t after = run_end(text, at, end, PT__CHAR_SPACE);
    while (after > at && text[after - 1] != '\r' && text[after - 1] != '\n')
        after--;
    return after > at ? after : 0;
}

static inline int64_t next_lines(const uint8_t *text, int64_t at, int64_t end, int32_t numbers)
{
    int32_t length, next_length;
    uint8_t first = text[at];
    if (first == '\'') {
        int64_t after = contraction_end(text, at, end, 1);
        if (after)
            return after;
    }
    uint8_t class = class_at(text, at, end, &length);
    if (class == PT__CHAR_LETTER)
        return run_end(text, at + length, end, PT__CHAR_LETTER);
    if (class == PT__CHAR_NUMBER)
        return numbers_end(text, at, end, numbers);
    uint8_t next = class_at(text, at + length, end, &next_length);
    if (next == PT__CHAR_LETTER && first != '\r' && first != '\n')
        return run_end(text, at + length + next_length, end, PT__CHAR_LETTER);
    if (class == PT__CHAR_OTHER || (first == ' ' && next == PT__CHAR_OTHER))
        return lines_end(text, run_end(text, at + length, end, PT__CHAR_OTHER), end);
    int64_t line = last_line_end(text, at, end);
    return line ? line : spaces_end(text, at, end);
}

/* ---- GPT-2's pattern for many characters of ASCII at once ---- */

enum { BLOCK = 64 };

typedef struct block { /* a bit a character */
    uint64_t letters, numbers, spaces, blanks, apostrophes;
    int32_t count; /* of characters: those before the first one beyond ASCII */
} block_t;

static inline void read_sixteen(const uint8_t *text, int32_t at, block_t *block, uint64_t *beyond)
{
    const pt__sixteen_t bytes = pt__sixteen_load(text + at);
    block->letters |= pt__sixteen_within(pt__sixteen_small(bytes), 'a', 'z') << at;
    block->numbers |= pt__sixteen_within(bytes, '0', '9') << at;
    block->spaces |= pt__sixteen_within(bytes, '\t', '\r') << at;
    block->blanks |= pt__sixteen_equal(bytes, ' ') << at;
    block->apostrophes |= pt__sixteen_equal(bytes, '\'') << at;
    *beyond |= pt__sixteen_beyond(bytes) << at;
}

static inline block_t read_block(const uint8_t *text)
{
    block_t block = {.count = BLOCK};
    uint64_t beyond = 0;
    read_sixteen(text, 0, &block, &beyond);
    read_sixteen(text, 16, &block, &beyond);
    read_sixteen(text, 32, &block, &beyond);
    read_sixteen(text, 48, &block, &beyond);
    block.spaces |= block.blanks;
    if (beyond != 0)
        block.count = pt__trailing_zeros(beyond);
    return block;
}

/* Bits of characters that are of the class where the one before is not, or the other way. */
static inline uint64_t changes(uint64_t class)
{
    return class ^ class << 1;
}

/* The bits of characters that a piece begins with, the first among them. The last one is where the next block begins:
 * what comes behind the block may part it. */
static inline uint64_t block_starts(const uint8_t *text, block_t block)
{
    uint64_t starts = changes(block.letters) | changes(block.numbers) | changes(block.spaces) | 1;
    if (block.count < BLOCK)
        starts &= (UINT64_C(1) << block.count) - 1;
    /* of spaces before what is none the last stands alone, or with that where it is a blank */
    const uint64_t behind = starts & ~block.spaces & block.spaces << 1;
    starts = (starts | behind >> 1) & ~(behind & block.blanks << 1);
    for (uint64_t left = starts & block.apostrophes; left != 0; left &= left - 1) {
        const int32_t at = pt__trailing_zeros(left);
        if (at + 3 >= block.count)
            return starts & ((UINT64_C(2) << at) - 1);
        const int64_t after = contraction_end(text, at, block.count, 0);
        if (after > 0) {
            starts &= ~(UINT64_C(2) << at);
            starts |= UINT64_C(1) << after;
            left &= ~(UINT64_C(2) << at);
        }
    }
    return starts;
}

/* Cuts what the block at *at has, at most `most` pieces, and moves *at; 0: nothing is parted within it. */
static inline int32_t cut_block(const uint8_t *text, int64_t *at, pt__cut_t *cuts, int32_t most)
{
    const block_t block = read_block(text + *at);
    if (block.count == 0)
        return 0;
    const uint32_t base = (uint32_t)*at;
    uint32_t begin = 0;
    int32_t count = 0;
    for (uint64_t left = block_starts(text + *at, block) & ~UINT64_C(1); left != 0 && count < most; left &= left - 1) {
        const uint32_t next = (uint32_t)pt__trailing_zeros(left);
        cuts[count++] = (pt__cut_t){base + begin, base + next};
        begin = next;
    }
    *at += begin;
    return count;
}

static int32_t scan_gpt2(const void *settings, const uint8_t *text, int64_t *from, int64_t end, pt__cut_t *cuts,
                         int32_t most)
{
    int32_t count = 0;
    int64_t at = *from;
    (void)settings;
    while (count < most && at < end) {
        const int32_t made = end - at >= BLOCK ? cut_block(text, &at, cuts + count, most - count) : 0;
        count += made;
        if (made > 0)
            continue;
        cuts[count].begin = (uint32_t)at;
        at = next_gpt2(text, at, end);
        cuts[count++].end = (uint32_t)at;
    }
    *from = at;
    return count;
}

/* ---- Scanners ---- */

#define SCAN(name, next)                                                                                        \
    static int32_t name(const void *settings, const uint8_t *text, int64_t *from, int64_t end, pt__cut_t *cuts, \
                        int32_t most)                                                                           \
    {                                                                                                           \
        int32_t count = 0;                                                                                      \
        int64_t at = *from;                                                                                     \
        (void)settings;                                                                                         \
        for (; count < most && at < end; count++) {                                                             \
            cuts[count].begin = (uint32_t)at;                                                                   \
            at = next;                                                                                          \
            cuts[count].end = (uint32_t)at;                                                                     \
        }                                                                                                       \
        *from = at;                                                                                             \
        return count;                                                                                           \
    }
SCAN(scan_three_numbers, next_lines(text, at, end, 3))
SCAN(scan_one_number, next_lines(text, at, end, 1))

#define LINES(contractions, numbers)                             \
    contractions "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}" numbers \
                 "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

static const struct {
    const char *pattern;
    pt__scan_fn *scan;
} scanners[] = {
    {"'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+", scan_gpt2},
    {"'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+", scan_gpt2},
    {LINES("(?i:'s|'t|'re|'ve|'m|'ll|'d)", "{1,3}"), scan_three_numbers},
    {LINES("'(?i:[sdmt]|ll|ve|re)", "{1,3}"), scan_three_numbers},
    {LINES("(?i:'s|'t|'re|'ve|'m|'ll|'d)", ""), scan_one_number},
};

pt__scan_fn *pt__scanner_gpt2(void)
{
    return scan_gpt2;
}

pt__scan_fn *pt__scanner_find(const char *pattern, int64_t length)
{
    for (size_t i = 0; i < sizeof scanners / sizeof *scanners; i++)
        if ((int64_t)strlen(scanners[i].pattern) == length && memcmp(scanners[i].pattern, pattern, (size_t)length) == 0)
            return scanners[i].scan;
    return NULL;
}
