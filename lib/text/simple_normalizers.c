/* Normalizers that take characters one by one: "Lowercase", "StripAccents" and "Nmt"; and "Strip", which leaves out
 * blanks at the ends. */
#include "text/characters.h"
#include "text/normalizers.h"

/* What a character becomes: how many of `made`, 0 where it goes. */
typedef int32_t convert_fn(uint32_t code, uint32_t made[2]);

static pt_status_t edit_each(convert_fn *convert, const pt__passage_t *passage, int64_t at, int64_t end,
                             pt__edited_t *edited)
{
    uint8_t table[128];
    uint32_t made[2];
    for (uint32_t code = 0; code < 128; code++)
        table[code] = convert(code, made) == 1 ? (uint8_t)made[0] : PT__BYTE_GONE;
    while (at < end) {
        int32_t length;
        if (passage->bytes[at] < 0x80) {
            PT__TRY(pt__edited_convert(edited, table, passage, &at, end));
            continue;
        }
        const int32_t count = convert(pt__character_at(passage->bytes + at, &length), made);
        const pt__cut_t origin = pt__passage_origin(passage, at, at + length);
        for (int32_t i = 0; i < count; i++) {
            uint8_t bytes[4];
            PT__TRY(pt__edited_add(edited, bytes, pt__character_write(made[i], bytes), origin.begin, origin.end));
        }
        at += length;
    }
    return PT_OK;
}

#define EACH(name, convert)                                                                                 \
    static pt_status_t name(const void *settings, const pt__passage_t *passage, int64_t begin, int64_t end, \
                            pt__edited_t *edited)                                                           \
    {                                                                                                       \
        (void)settings;                                                                                     \
        return edit_each(convert, passage, begin, end, edited);                                             \
    }

static int32_t convert_accent(uint32_t code, uint32_t made[2])
{
    made[0] = code;
    return !pt__character_is_mark(code);
}

/* What the data of Google's machine translation knows no other way (SentencePiece's nmt_nfkc). */
static int32_t convert_nmt(uint32_t code, uint32_t made[2])
{
    const int32_t is_control = (code >= 0x01 && code <= 0x08) || code == 0x0B || (code >= 0x0E && code <= 0x1F) ||
                               code == 0x7F || code == 0x8F || code == 0x9F;
    const int32_t is_blank = code == '\t' || code == '\n' || code == '\f' || code == '\r' || code == 0x1680 ||
                             (code >= 0x200B && code <= 0x200F) || code == 0x2028 || code == 0x2029 || code == 0x2581 ||
                             code == 0xFEFF || code == 0xFFFD;
    made[0] = is_blank ? ' ' : code;
    return !is_control;
}

EACH(edit_lowercase, pt__character_lower)
EACH(edit_accents, convert_accent)
EACH(edit_nmt, convert_nmt)

pt_status_t pt__read_lowercase(const pt__json_t *json, pt__stages_t *stages)
{
    (void)json;
    return pt__stages_add(stages, edit_lowercase, NULL, NULL);
}

pt_status_t pt__read_strip_accents(const pt__json_t *json, pt__stages_t *stages)
{
    (void)json;
    return pt__stages_add(stages, edit_accents, NULL, NULL);
}

pt_status_t pt__read_nmt(const pt__json_t *json, pt__stages_t *stages)
{
    (void)json;
    return pt__stages_add(stages, edit_nmt, NULL, NULL);
}

/* ---- Ends ---- */

static pt_status_t strip(const pt__passage_t *passage, int64_t begin, int64_t end, int32_t left, int32_t right,
                         pt__edited_t *edited)
{
    int32_t length;
    while (left && begin < end && pt__character_is_space(pt__character_at(passage->bytes + begin, &length)))
        begin += length;
    while (right && begin < end) {
        int64_t last = end - 1;
        while (last > begin && (passage->bytes[last] & 0xC0) == 0x80)
            last--;
        if (!pt__character_is_space(pt__character_at(passage->bytes + last, &length)))
            break;
        end = last;
    }
    return pt__edited_copy(edited, passage, begin, end);
}

#define STRIP(name, left, right)                                                                            \
    static pt_status_t name(const void *settings, const pt__passage_t *passage, int64_t begin, int64_t end, \
                            pt__edited_t *edited)                                                           \
    {                                                                                                       \
        (void)settings;                                                                                     \
        return strip(passage, begin, end, left, right, edited);                                             \
    }
STRIP(strip_left, 1, 0)
STRIP(strip_right, 0, 1)
STRIP(strip_both, 1, 1)

pt_status_t pt__read_strip(const pt__json_t *json, pt__stages_t *stages)
{
    int32_t left = 0, right = 0;
    PT__TRY(pt__json_get_bool(json, "strip_left", PT__JSON_REQUIRED, &left));
    PT__TRY(pt__json_get_bool(json, "strip_right", PT__JSON_REQUIRED, &right));
    if (!left && !right)
        return PT_OK;
    return pt__stages_add(stages, left && right ? strip_both : left ? strip_left : strip_right, NULL, NULL);
}
