/* "Precompiled": a normalizer as SentencePiece compiles it (Kudo 2018): a double array of strings, each with the place
 * of what it becomes among strings that end with a 0. Whoever made the file may have written any numbers into it. */
#include "base/utf8.h"
#include "text/base64.h"
#include "text/characters.h"
#include "text/normalizers.h"

enum { LONGEST_LETTER = 5 /* bytes up to which characters that are one letter are looked up together */ };

typedef struct precompiled { /* one block */
    const uint32_t *units;
    const uint8_t *strings;
    int64_t n_units, n_strings /* bytes, the last of which is 0 */;
    int32_t takes_longest;
    int64_t ascii[128]; /* what one of these becomes by itself; NOT_THERE: it stays */
    uint32_t block[];   /* units, strings */
} precompiled_t;

enum { NOT_THERE = -1 };

/* ---- The double array (Yata's darts-clone) ---- */

static inline uint32_t offset_of(uint32_t unit)
{
    return (unit >> 10) << ((unit & (1u << 9)) >> 6);
}

/* The strings' place of what the first (or longest) of the strings in the array that text[at .. end) begins with
 * becomes, NOT_THERE where it begins with none; *length is that string's. */
static int64_t look_up(const precompiled_t *precompiled, const uint8_t *text, int64_t at, int64_t end, int64_t *length)
{
    int64_t found = NOT_THERE;
    uint32_t place = offset_of(precompiled->units[0]);
    for (int64_t i = at; i < end && text[i] != 0; i++) {
        place ^= text[i];
        if (place >= precompiled->n_units)
            break;
        const uint32_t unit = precompiled->units[place];
        if ((unit & (1u << 31 | 0xFF)) != text[i])
            break;
        place ^= offset_of(unit);
        if (!(unit >> 8 & 1))
            continue;
        if (place >= precompiled->n_units)
            break;
        const int64_t value = precompiled->units[place] & ~(1u << 31);
        if (value >= precompiled->n_strings || (precompiled->strings[value] & 0xC0) == 0x80)
            continue; /* no place of a character */
        found = value;
        *length = i + 1 - at;
        if (!precompiled->takes_longest)
            break;
    }
    return found;
}

/* ---- Editing ---- */

/* Character for character; what is more stands for the last one. */
static pt_status_t put(const precompiled_t *precompiled, int64_t string, const pt__passage_t *passage, int64_t begin,
                       int64_t end, pt__edited_t *edited)
{
    const uint8_t *to = precompiled->strings + string;
    int32_t length, step;
    pt__character_at(passage->bytes + begin, &length);
    for (int64_t at = begin; *to != 0; to += step) {
        const pt__cut_t origin = pt__passage_origin(passage, at, at + length);
        pt__character_at(to, &step);
        PT__TRY(pt__edited_add(edited, to, step, origin.begin, origin.end));
        if (at + length < end) {
            at += length;
            pt__character_at(passage->bytes + at, &length);
        }
    }
    return PT_OK;
}

/* One by one. */
static pt_status_t edit_characters(const precompiled_t *precompiled, const pt__passage_t *passage, int64_t at,
                                   int64_t end, pt__edited_t *edited)
{
    for (int32_t length; at < end; at += length) {
        int64_t found;
        pt__character_at(passage->bytes + at, &length);
        const int64_t string = look_up(precompiled, passage->bytes, at, at + length, &found);
        if (string >= 0)
            PT__TRY(put(precompiled, string, passage, at, at + length, edited));
        else
            PT__TRY(pt__edited_copy(edited, passage, at, at + length));
    }
    return PT_OK;
}

/* The end of the characters from `at` on that are one letter as a reader sees it. */
static int64_t end_of_letter(const uint8_t *text, int64_t at, int64_t end)
{
    int32_t length, state = 0;
    uint32_t code = pt__character_at(text + at, &length);
    for (at += length; at < end; at += length) {
        const uint32_t next = pt__character_at(text + at, &length);
        if ((code >= 0x80 || next >= 0x80 || code == '\r') && pt__characters_part(code, next, &state))
            break;
        if (code < 0x80 && next < 0x80 && code != '\r')
            break;
        code = next;
    }
    return at;
}

/* ASCII of which each character stays as it is. */
static int64_t end_of_plain(const precompiled_t *precompiled, const uint8_t *text, int64_t at, int64_t end)
{
    while (at < end && text[at] < 0x80 && precompiled->ascii[text[at]] == NOT_THERE)
        at++;
    return at;
}

/* As the reference does it: by letters, and what the shortest string at a letter's begin becomes stands for it all. */
static pt_status_t edit_letters(const void *settings, const pt__passage_t *passage, int64_t begin, int64_t end,
                                pt__edited_t *edited)
{
    const precompiled_t *precompiled = settings;
    const uint8_t *text = passage->bytes;
    for (int64_t at = begin; at < end;) {
        int64_t found, after = end_of_plain(precompiled, text, at, end);
        if (after < end && after > at && text[after] >= 0x80)
            after--; /* the last one may begin a letter with what follows */
        if (after > at && text[after - 1] == '\r')
            after--;
        PT__TRY(pt__edited_copy(edited, passage, at, after));
        at = after;
        if (at == end)
            break;
        after = end_of_letter(text, at, end);
        const int64_t string = after - at <= LONGEST_LETTER ? look_up(precompiled, text, at, after, &found) : NOT_THERE;
        if (string >= 0)
            PT__TRY(put(precompiled, string, passage, at, after, edited));
        else
            PT__TRY(edit_characters(precompiled, passage, at, after, edited));
        at = after;
    }
    return PT_OK;
}

/* As SentencePiece does it: the longest string, wherever it ends. */
static pt_status_t edit_longest(const void *settings, const pt__passage_t *passage, int64_t begin, int64_t end,
                                pt__edited_t *edited)
{
    const precompiled_t *precompiled = settings;
    for (int64_t at = begin, length; at < end; at += length) {
        int32_t step;
        const int64_t string = look_up(precompiled, passage->bytes, at, end, &length);
        if (string >= 0) {
            PT__TRY(put(precompiled, string, passage, at, at + length, edited));
            continue;
        }
        pt__character_at(passage->bytes + at, &step);
        PT__TRY(pt__edited_copy(edited, passage, at, at + step));
        length = step;
    }
    return PT_OK;
}

/* ---- Reading ---- */

/* The size of the array, the array, the strings. */
static pt_status_t check(const pt__json_t *json, precompiled_t *precompiled, uint8_t *bytes, int64_t size)
{
    uint32_t array;
    if (size < 8)
        return pt__json_fail(json, PT_ERR_FORMAT, "%lld bytes, expected a double array of strings", (long long)size);
    array = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    if (array < 4 || array % 4 != 0 || array > size - 4)
        return pt__json_fail(json, PT_ERR_FORMAT, "a double array of %lld bytes, expected 4 to %lld, whole units",
                             (long long)array, (long long)size - 4);
    precompiled->n_units = array / 4;
    precompiled->n_strings = size - 4 - array + 1;
    precompiled->strings = bytes + 4 + array;
    bytes[size] = 0;
    if (pt__utf8_valid((const char *)precompiled->strings, precompiled->n_strings) < precompiled->n_strings)
        return pt__json_fail(json, PT_ERR_FORMAT, "the strings behind its double array are not UTF-8");
    for (int64_t i = 0; i < precompiled->n_units; i++) {
        const uint8_t *unit = bytes + 4 + 4 * i;
        precompiled->block[1 + i] = (uint32_t)unit[0] | (uint32_t)unit[1] << 8 | (uint32_t)unit[2] << 16 |
                                    (uint32_t)unit[3] << 24;
    }
    precompiled->units = precompiled->block + 1;
    return PT_OK;
}

pt_status_t pt__read_precompiled(const pt__json_t *json, pt__stages_t *stages)
{
    const pt__json_t *map = pt__json_find(json, "precompiled_charsmap");
    precompiled_t *precompiled;
    int64_t found;
    if (map == NULL || map->kind != PT__JSON_STRING)
        return pt__json_fail(map == NULL ? json : map, PT_ERR_FORMAT, "expected precompiled_charsmap, a string");
    const size_t room = sizeof *precompiled + (size_t)pt__base64_room(map->length) + 1;
    PT__TRY(pt__allocate(stages->memory, 1, room, "normalizer", &precompiled));
    const int64_t size = pt__base64_read(map->string, map->length, (uint8_t *)precompiled->block);
    pt_status_t status = size < 0 ? pt__json_fail(map, PT_ERR_FORMAT, "not base64")
                                  : check(map, precompiled, (uint8_t *)precompiled->block, size);
    if (status == PT_OK)
        status = pt__json_get_bool(json, "longest_match", PT__JSON_OPTIONAL, &precompiled->takes_longest);
    if (status != PT_OK) {
        pt__release(stages->memory, precompiled);
        return status;
    }
    for (uint32_t i = 0; i < 128; i++) {
        const uint8_t byte = (uint8_t)i;
        precompiled->ascii[i] = look_up(precompiled, &byte, 0, 1, &found);
    }
    return pt__stages_add(stages, precompiled->takes_longest ? edit_longest : edit_letters, NULL, precompiled);
}
