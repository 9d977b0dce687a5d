/* What BERT does to a text before its words are cut into pieces (Devlin 2018, its basic tokenizer): control characters
 * go, spaces become blanks, blanks stand around Chinese characters, accents go, capitals become small; then words are
 * cut at blanks, and at punctuation, each sign of which is a word. */
#include <string.h>

#include "text/characters.h"
#include "text/normalizers.h"
#include "text/pre_tokenizers.h"

typedef struct bert {
    int32_t cleans, parts_chinese, strips_accents, lowers;
    uint8_t ascii[128]; /* what such a character becomes; GONE: nothing */
} bert_t;

enum { GONE = 0xFF };

/* The blocks of CJK ideographs that BERT names. */
static int32_t is_chinese(uint32_t code)
{
    return (code >= 0x4E00 && code <= 0x9FFF) || (code >= 0x3400 && code <= 0x4DBF) ||
           (code >= 0x20000 && code <= 0x2A6DF) || (code >= 0x2A700 && code <= 0x2B73F) ||
           (code >= 0x2B740 && code <= 0x2B81F) || (code >= 0x2B920 && code <= 0x2CEAF) ||
           (code >= 0xF900 && code <= 0xFAFF) || (code >= 0x2F800 && code <= 0x2FA1F);
}

/* Writes a character in small letters, where they are asked for. */
static int32_t write_lower(const bert_t *bert, uint32_t code, uint8_t *bytes)
{
    uint32_t lower[2] = {code, 0};
    int32_t count = bert->lowers ? pt__character_lower(code, lower) : 1, length = 0;
    for (int32_t i = 0; i < count; i++)
        length += pt__character_write(lower[i], bytes + length);
    return length;
}

/* What one character becomes; returns its bytes, 0 where it goes. */
static int32_t convert(const bert_t *bert, uint32_t code, uint8_t bytes[8 * PT__DECOMPOSED_MOST + 2])
{
    uint32_t decomposed[PT__DECOMPOSED_MOST] = {code};
    int32_t length = 0, count = 1;
    const int32_t blanks = bert->parts_chinese && is_chinese(code);
    if (bert->cleans && pt__character_is_space(code) && code != 0x0B && code != 0x0C && code != 0x85)
        code = ' ';
    else if (bert->cleans && (code == 0xFFFD || pt__character_is_control(code)))
        return 0;
    decomposed[0] = code;
    if (bert->strips_accents)
        count = pt__character_decompose(code, 0, decomposed);
    if (blanks)
        bytes[length++] = ' ';
    for (int32_t i = 0; i < count; i++)
        if (!bert->strips_accents || !pt__character_is_nonspacing(decomposed[i]))
            length += write_lower(bert, decomposed[i], bytes + length);
    if (blanks)
        bytes[length++] = ' ';
    return length;
}

/* Eight characters of ASCII without a control character, in small letters where that is asked for; 0: they are others.
 */
static inline int32_t convert_eight(const bert_t *bert, const uint8_t *from, uint8_t *to)
{
    uint64_t bytes;
    memcpy(&bytes, from, 8);
    if ((bytes | (bytes + PT__EACH_BYTE) | ~((bytes | PT__UPPER_BITS) - PT__EACH_BYTE * 0x20)) & PT__UPPER_BITS)
        return 0;
    const uint64_t capitals = (bytes + PT__EACH_BYTE * (0x80 - 'A')) & ~(bytes + PT__EACH_BYTE * (0x7F - 'Z')) &
                              PT__UPPER_BITS;
    if (bert->lowers)
        bytes |= capitals >> 2;
    memcpy(to, &bytes, 8);
    return 1;
}

/* A run of ASCII, which most of most texts is. */
static pt_status_t edit_ascii(const bert_t *bert, const pt__passage_t *passage, int64_t *begin, int64_t end,
                              pt__edited_t *edited)
{
    int64_t at = *begin, size = edited->size;
    while (end > at && passage->bytes[at] < 0x80)
        at++;
    PT__TRY(pt__edited_make_room(edited, at - *begin));
    for (int64_t i = *begin; i < at; i++) {
        while (!edited->wants_spans && i + 8 <= at && convert_eight(bert, passage->bytes + i, edited->bytes + size)) {
            i += 8;
            size += 8;
        }
        if (i == at)
            break;
        const uint8_t byte = bert->ascii[passage->bytes[i]];
        edited->bytes[size] = byte;
        if (edited->wants_spans) {
            pt__cut_t origin = pt__passage_origin(passage, i, i + 1);
            edited->begins[size] = origin.begin;
            edited->ends[size] = origin.end;
        }
        size += byte != GONE;
    }
    edited->size = size;
    *begin = at;
    return PT_OK;
}

static pt_status_t edit(const void *settings, const pt__passage_t *passage, int64_t begin, int64_t end,
                        pt__edited_t *edited)
{
    const bert_t *bert = settings;
    uint8_t bytes[8 * PT__DECOMPOSED_MOST + 2];
    while (begin < end) {
        int32_t length;
        if (passage->bytes[begin] < 0x80) {
            PT__TRY(edit_ascii(bert, passage, &begin, end, edited));
            continue;
        }
        uint32_t code = pt__character_at(passage->bytes + begin, &length);
        pt__cut_t origin = pt__passage_origin(passage, begin, begin + length);
        PT__TRY(pt__edited_add(edited, bytes, convert(bert, code, bytes), origin.begin, origin.end));
        begin += length;
    }
    return PT_OK;
}

pt_status_t pt__read_bert_normalizer(const pt__json_t *json, pt__stages_t *stages)
{
    bert_t *bert;
    PT__TRY(pt__allocate(stages->memory, 1, sizeof *bert, "normalizer", &bert));
    bert->cleans = bert->parts_chinese = bert->lowers = 1;
    pt_status_t status = pt__json_get_bool(json, "clean_text", PT__JSON_OPTIONAL, &bert->cleans);
    if (status == PT_OK)
        status = pt__json_get_bool(json, "handle_chinese_chars", PT__JSON_OPTIONAL, &bert->parts_chinese);
    if (status == PT_OK)
        status = pt__json_get_bool(json, "lowercase", PT__JSON_OPTIONAL, &bert->lowers);
    bert->strips_accents = bert->lowers; /* where the file does not say */
    if (status == PT_OK)
        status = pt__json_get_bool(json, "strip_accents", PT__JSON_OPTIONAL, &bert->strips_accents);
    for (uint32_t code = 0; code < 128; code++) {
        uint8_t bytes[8 * PT__DECOMPOSED_MOST + 2];
        bert->ascii[code] = convert(bert, code, bytes) == 1 ? bytes[0] : GONE;
    }
    if (status == PT_OK)
        return pt__stages_add(stages, edit, NULL, bert);
    pt__release(stages->memory, bert);
    return status;
}

/* ---- Words ---- */

enum { WORD, BLANK, SIGN };

static inline int32_t kind_at(const uint8_t *text, int64_t at, int32_t *length)
{
    uint32_t code = pt__character_at(text + at, length);
    if (code > ' ' && code < 0x7F)
        return pt__ascii_class[code] == PT__CHAR_OTHER ? SIGN : WORD;
    if (code == ' ')
        return BLANK;
    if (pt__character_is_space(code))
        return BLANK;
    return pt__character_is_punctuation(code) ? SIGN : WORD;
}

static int32_t scan(const void *settings, const uint8_t *text, int64_t *from, int64_t end, pt__cut_t *cuts,
                    int32_t most)
{
    int32_t count = 0;
    int64_t at = *from;
    (void)settings;
    while (count < most && at < end) {
        int32_t length, kind = kind_at(text, at, &length);
        int64_t begin = at;
        at += length;
        if (kind == BLANK)
            continue;
        if (kind == WORD)
            at = pt__letters_end(text, at, end);
        while (kind == WORD && at < end && kind_at(text, at, &length) == WORD)
            at += length;
        cuts[count++] = (pt__cut_t){(uint32_t)begin, (uint32_t)at};
    }
    *from = at;
    return count;
}

pt_status_t pt__read_bert_words(const pt__json_t *json, pt__stages_t *stages)
{
    (void)json;
    return pt__stages_add(stages, NULL, scan, NULL);
}
