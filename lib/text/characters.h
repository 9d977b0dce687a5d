/* Characters of UTF-8 text and what Unicode says of them (utf8proc; in a build without it nothing of this is asked). */
#ifndef PT__CHARACTERS_H
#define PT__CHARACTERS_H

#include <stdint.h>
#include <string.h>

#include "base/portability.h"

/* What split patterns tell apart: \p{L}, \p{N}, \s and all others. */
enum { PT__CHAR_OTHER = 0, PT__CHAR_LETTER = 1, PT__CHAR_NUMBER = 2, PT__CHAR_SPACE = 3 };

/* By character, for the 128 of ASCII. */
extern const uint8_t pt__ascii_class[128];

/* Whether this build knows Unicode. */
int32_t pt__characters_known(void);
/* The class of a character beyond ASCII. */
uint8_t pt__character_class(uint32_t code);

/* Of any character, by general category: P*, and the signs of ASCII that are no letters, digits or blanks; Mn; Cc, Cf,
 * Co and Cs. */
int32_t pt__character_is_punctuation(uint32_t code);
int32_t pt__character_is_nonspacing(uint32_t code);
int32_t pt__character_is_mark(uint32_t code); /* M* */
int32_t pt__character_is_control(uint32_t code);
int32_t pt__character_is_space(uint32_t code);
/* In small letters: one character, or two of U+0130. */
int32_t pt__character_lower(uint32_t code, uint32_t lower[2]);
/* What \w takes: letters, marks, decimal and letter numbers, circled letters, connecting punctuation and joiners (UTS
 * 18, annex C). */
int32_t pt__character_is_word(uint32_t code);
enum { PT__DECOMPOSED_MOST = 20 /* characters that one is decomposed to */ };
/* The canonical decomposition, or the one by compatibility: how many characters. */
int32_t pt__character_decompose(uint32_t code, int32_t compatible, uint32_t decomposed[PT__DECOMPOSED_MOST]);
/* The canonical combining class: 0 of what begins anew. */
uint8_t pt__character_combining_class(uint32_t code);
/* How many characters it is without regard to case: 2 of U+00DF, "ss". */
int32_t pt__character_folds(uint32_t code);
/* The one character that is canonically equivalent to two; 0: there is none. */
uint32_t pt__character_compose(uint32_t first, uint32_t second);
/* The character that begins at `at`, in text that is known to be UTF-8, and how many bytes it has. */
static inline uint32_t pt__character_at(const uint8_t *at, int32_t *length)
{
    if (at[0] < 0x80) {
        *length = 1;
        return at[0];
    }
    if (at[0] < 0xE0) {
        *length = 2;
        return (uint32_t)(at[0] & 0x1F) << 6 | (at[1] & 0x3Fu);
    }
    if (at[0] < 0xF0) {
        *length = 3;
        return (uint32_t)(at[0] & 0x0F) << 12 | (uint32_t)(at[1] & 0x3F) << 6 | (at[2] & 0x3Fu);
    }
    *length = 4;
    return (uint32_t)(at[0] & 0x07) << 18 | (uint32_t)(at[1] & 0x3F) << 12 | (uint32_t)(at[2] & 0x3F) << 6 |
           (at[3] & 0x3Fu);
}

/* Whether two characters, one behind the other, belong to two letters as a reader sees them (UAX 29). *state is what
 * was before them in the same text, 0 at first. */
int32_t pt__characters_part(uint32_t first, uint32_t second, int32_t *state);

/* Whether the first byte in memory is the lowest of a word. */
static inline int32_t pt__is_little_endian(void)
{
    const uint16_t one = 1;
    uint8_t first;
    memcpy(&first, &one, 1);
    return first == 1;
}

#define PT__EACH_BYTE  UINT64_C(0x0101010101010101)
#define PT__UPPER_BITS UINT64_C(0x8080808080808080)

/* Behind the letters of ASCII from `at` on, eight at a time: as far as is easily told, so there may be one more. The
 * upper bit of each byte of `none` says that it is below 'a' or above 'z', once capitals are small; bytes beyond ASCII
 * count as none. */
static inline int64_t pt__letters_end(const uint8_t *text, int64_t at, int64_t end)
{
    for (uint64_t bytes; pt__is_little_endian() && at + 8 <= end; at += 8) {
        memcpy(&bytes, text + at, 8);
        const uint64_t small = (bytes | PT__EACH_BYTE * 0x20) & ~PT__UPPER_BITS;
        const uint64_t none = (~(small + PT__EACH_BYTE * (0x80 - 'a')) | (small + PT__EACH_BYTE * (0x7F - 'z')) |
                               bytes) &
                              PT__UPPER_BITS;
        if (none != 0)
            return at + pt__trailing_zeros(none) / 8;
    }
    return at;
}

/* Writes a character as UTF-8; returns its length, 1 to 4. */
int32_t pt__character_write(uint32_t code, uint8_t bytes[4]);

#endif
