/* Pre-tokenizers that tell pieces by their characters: "Whitespace", "WhitespaceSplit", "Digits", "FixedLength",
 * "UnicodeScripts" by scanning; "Punctuation" and "CharDelimiterSplit" by matches. */
#include "base/utf8.h"
#include "text/characters.h"
#include "text/pre_tokenizers.h"
#include "text/scripts.h"
#include "text/splitter.h"

/* Of a character: SKIPPED is in no piece, a run of the same class is one, and ALONE is one by itself. */
enum { SKIPPED = 0, ALONE = 1, FIRST_RUN = 2 };
typedef int32_t class_fn(uint32_t code);

static inline int32_t scan_runs(class_fn class_of, const uint8_t *text, int64_t *from, int64_t end, pt__cut_t *cuts,
                                int32_t most)
{
    int32_t count = 0, length;
    int64_t at = *from;
    while (count < most && at < end) {
        const int64_t begin = at;
        const int32_t class = class_of(pt__character_at(text + at, &length));
        at += length;
        if (class == SKIPPED)
            continue;
        while (class != ALONE && at < end && class_of(pt__character_at(text + at, &length)) == class)
            at += length;
        cuts[count++] = (pt__cut_t){(uint32_t)begin, (uint32_t)at};
    }
    *from = at;
    return count;
}

#define RUNS(name, class_of)                                                                                  \
    static int32_t name(const void *settings, const uint8_t *text, int64_t *at, int64_t end, pt__cut_t *cuts, \
                        int32_t most)                                                                         \
    {                                                                                                         \
        (void)settings;                                                                                       \
        return scan_runs(class_of, text, at, end, cuts, most);                                                \
    }

/* \w+|[^\w\s]+ */
static inline int32_t class_of_word(uint32_t code)
{
    if (pt__character_is_word(code))
        return FIRST_RUN;
    return pt__character_is_space(code) ? SKIPPED : FIRST_RUN + 1;
}

static inline int32_t class_of_no_space(uint32_t code)
{
    return pt__character_is_space(code) ? SKIPPED : FIRST_RUN;
}

static inline int32_t is_number(uint32_t code)
{
    return (code < 0x80 ? pt__ascii_class[code] : pt__character_class(code)) == PT__CHAR_NUMBER;
}

static inline int32_t class_of_numbers(uint32_t code)
{
    return is_number(code) ? FIRST_RUN : FIRST_RUN + 1;
}

static inline int32_t class_of_each_number(uint32_t code)
{
    return is_number(code) ? ALONE : FIRST_RUN;
}

RUNS(scan_words, class_of_word)
RUNS(scan_no_spaces, class_of_no_space)
RUNS(scan_numbers, class_of_numbers)
RUNS(scan_each_number, class_of_each_number)

pt_status_t pt__read_whitespace(const pt__json_t *json, pt__stages_t *stages)
{
    (void)json;
    return pt__stages_add(stages, NULL, scan_words, NULL);
}

pt_status_t pt__read_whitespace_split(const pt__json_t *json, pt__stages_t *stages)
{
    (void)json;
    return pt__stages_add(stages, NULL, scan_no_spaces, NULL);
}

pt_status_t pt__read_digits(const pt__json_t *json, pt__stages_t *stages)
{
    int32_t individual = 0;
    PT__TRY(pt__json_get_bool(json, "individual_digits", PT__JSON_OPTIONAL, &individual));
    return pt__stages_add(stages, NULL, individual ? scan_each_number : scan_numbers, NULL);
}

/* ---- So many characters ---- */

static int32_t scan_length(const void *settings, const uint8_t *text, int64_t *from, int64_t end, pt__cut_t *cuts,
                           int32_t most)
{
    const int64_t *characters = settings;
    int32_t count = 0, length;
    int64_t at = *from;
    for (; count < most && at < end; count++) {
        cuts[count].begin = (uint32_t)at;
        for (int64_t i = 0; i < *characters && at < end; i++, at += length)
            pt__character_at(text + at, &length);
        cuts[count].end = (uint32_t)at;
    }
    *from = at;
    return count;
}

pt_status_t pt__read_fixed_length(const pt__json_t *json, pt__stages_t *stages)
{
    int64_t length = 5, *own;
    PT__TRY(pt__json_get_integer(json, "length", PT__JSON_OPTIONAL, 1, INT64_MAX, &length));
    PT__TRY(pt__allocate(stages->memory, 1, sizeof *own, "pre-tokenizer", &own));
    *own = length;
    return pt__stages_add(stages, NULL, scan_length, own);
}

/* ---- Scripts ---- */

/* A character of no script belongs to the piece that it stands in; those before the first that has one are in none. */
static int32_t scan_scripts(const void *settings, const uint8_t *text, int64_t *from, int64_t end, pt__cut_t *cuts,
                            int32_t most)
{
    int32_t count = 0, length;
    int64_t at = *from;
    (void)settings;
    while (count < most && at < end) {
        const int64_t begin = at;
        const int32_t script = pt__script(pt__character_at(text + at, &length));
        at += length;
        if (script == 0)
            continue;
        for (; at < end; at += length) {
            const int32_t next = pt__script(pt__character_at(text + at, &length));
            if (next != 0 && next != script)
                break;
        }
        cuts[count++] = (pt__cut_t){(uint32_t)begin, (uint32_t)at};
    }
    *from = at;
    return count;
}

pt_status_t pt__read_scripts(const pt__json_t *json, pt__stages_t *stages)
{
    (void)json;
    return pt__stages_add(stages, NULL, scan_scripts, NULL);
}

/* ---- Matches ---- */

static pt_status_t match_punctuation(const void *settings, const uint8_t *text, int64_t begin, int64_t at, int64_t end,
                                     double *seconds, pt__cut_t *match, int32_t *found)
{
    int32_t length;
    (void)settings;
    (void)begin;
    (void)seconds;
    for (*found = 0; at < end && !*found; at += length) {
        *found = pt__character_is_punctuation(pt__character_at(text + at, &length));
        *match = (pt__cut_t){(uint32_t)at, (uint32_t)(at + length)};
    }
    return PT_OK;
}

pt_status_t pt__read_punctuation(const pt__json_t *json, pt__stages_t *stages)
{
    const pt__matcher_t matcher = {.match = match_punctuation};
    pt__behavior_t behavior = PT__ISOLATED;
    PT__TRY(pt__behavior_read(json, PT__JSON_OPTIONAL, &behavior));
    return pt__stages_split(stages, &matcher, behavior, 0);
}

pt_status_t pt__read_delimiter(const pt__json_t *json, pt__stages_t *stages)
{
    const pt__json_t *delimiter = pt__json_find(json, "delimiter");
    pt__matcher_t matcher;
    if (delimiter == NULL || delimiter->kind != PT__JSON_STRING ||
        delimiter->length != pt__utf8_length(delimiter->string, delimiter->length) || delimiter->length == 0)
        return pt__json_fail(delimiter == NULL ? json : delimiter, PT_ERR_FORMAT, "expected a delimiter, a character");
    PT__TRY(pt__matcher_of_string(json, stages->memory, delimiter->string, delimiter->length, &matcher));
    return pt__stages_split(stages, &matcher, PT__REMOVED, 0);
}
