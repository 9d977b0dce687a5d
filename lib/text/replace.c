/* Normalizers that put a string before a text ("Prepend") or in the place of others ("Replace"), with strings and with
 * the few patterns that files made of SentencePiece's models have. */
#include <string.h>

#include "text/characters.h"
#include "text/normalizers.h"
#include "text/regex.h"
#include "text/replace.h"
#include "text/splitter.h"

/* ---- What is looked for ---- */

static int32_t find_string(const pt__replace_t *replace, const uint8_t *text, int64_t begin, int64_t at, int64_t end,
                           pt__cut_t *match)
{
    (void)begin;
    return pt__find_string(text, at, end, replace->from, replace->from_length, match);
}

static int64_t end_of_blanks(const uint8_t *text, int64_t at, int64_t end)
{
    while (at < end && text[at] == ' ')
        at++;
    return at;
}

/* " {2,}" */
static int32_t find_blanks(const pt__replace_t *replace, const uint8_t *text, int64_t begin, int64_t at, int64_t end,
                           pt__cut_t *match)
{
    (void)replace;
    (void)begin;
    while (at < end) {
        const uint8_t *first = memchr(text + at, ' ', (size_t)(end - at));
        if (first == NULL)
            return 0;
        const int64_t from = first - text;
        at = end_of_blanks(text, from, end);
        *match = (pt__cut_t){(uint32_t)from, (uint32_t)at};
        if (at - from >= 2)
            return 1;
    }
    return 0;
}

/* "\A +| +\z" */
static int32_t find_outer_blanks(const pt__replace_t *replace, const uint8_t *text, int64_t begin, int64_t at,
                                 int64_t end, pt__cut_t *match)
{
    int64_t from = end;
    (void)replace;
    if (at == begin && text[at] == ' ') {
        *match = (pt__cut_t){(uint32_t)at, (uint32_t)end_of_blanks(text, at, end)};
        return 1;
    }
    while (from > at && text[from - 1] == ' ')
        from--;
    *match = (pt__cut_t){(uint32_t)from, (uint32_t)end};
    return from < end;
}

/* A string, and "+\z" */
static int32_t find_at_end(const pt__replace_t *replace, const uint8_t *text, int64_t begin, int64_t at, int64_t end,
                           pt__cut_t *match)
{
    const int64_t length = replace->from_length;
    int64_t from = end;
    (void)begin;
    while (from - at >= length && memcmp(text + from - length, replace->from, (size_t)length) == 0)
        from -= length;
    *match = (pt__cut_t){(uint32_t)from, (uint32_t)end};
    return from < end;
}

/* "\A" and a string */
static int32_t find_at_begin(const pt__replace_t *replace, const uint8_t *text, int64_t begin, int64_t at, int64_t end,
                             pt__cut_t *match)
{
    *match = (pt__cut_t){(uint32_t)at, (uint32_t)(at + replace->from_length)};
    return at == begin && end - at >= replace->from_length &&
           memcmp(text + at, replace->from, (size_t)replace->from_length) == 0;
}

static const struct {
    const char *pattern;
    pt__find_fn *find;
    const char *from;
} patterns[] = {
    {" {2,}", find_blanks, ""},
    {"\\A +| +\\z", find_outer_blanks, ""},
    {"\\A\xE2\x96\x81", find_at_begin, "\xE2\x96\x81"},
    {"\xE2\x96\x81+\\z", find_at_end, "\xE2\x96\x81"},
};

/* ---- Reading ---- */

pt_status_t pt__replace_make(pt__memory_t *memory, pt__find_fn *find, const char *from, int64_t from_length,
                             const char *to, int64_t to_length, pt__replace_t **out)
{
    pt__replace_t *replace;
    const size_t size = sizeof *replace + (size_t)(from_length + to_length);
    PT__TRY(pt__allocate(memory, 1, size, "what is replaced", &replace));
    replace->find = find;
    replace->from_length = from_length;
    replace->to_length = to_length;
    memcpy(replace->from, from, (size_t)from_length);
    memcpy(replace->from + from_length, to, (size_t)to_length);
    *out = replace;
    return PT_OK;
}

pt_status_t pt__replace_read(const pt__json_t *json, pt__memory_t *memory, pt__replace_t **out)
{
    const pt__json_t *object = NULL, *text, *regex, *pattern, *content = pt__json_find(json, "content");
    PT__TRY(pt__json_get_object(json, "pattern", PT__JSON_REQUIRED, &object));
    text = pt__json_find(object, "String");
    regex = pt__json_find(object, "Regex");
    pattern = text != NULL ? text : regex;
    if (pattern == NULL || pattern->kind != PT__JSON_STRING || (text != NULL && regex != NULL))
        return pt__json_fail(object, PT_ERR_FORMAT, "expected a \"String\" or a \"Regex\"");
    if (content == NULL || content->kind != PT__JSON_STRING)
        return pt__json_fail(content == NULL ? json : content, PT_ERR_FORMAT, "expected content, a string");
    if (text != NULL && text->length > 0)
        return pt__replace_make(memory, find_string, text->string, text->length, content->string, content->length, out);
    for (size_t i = 0; text == NULL && i < sizeof patterns / sizeof *patterns; i++)
        if (strcmp(patterns[i].pattern, regex->string) == 0)
            return pt__replace_make(memory, patterns[i].find, patterns[i].from, (int64_t)strlen(patterns[i].from),
                                    content->string, content->length, out);
    return pt__json_fail(json, PT_ERR_UNSUPPORTED, "the pattern \"%.200s\" is not known here", pattern->string);
}

/* ---- Normalizers ---- */

/* What is put in the place of a match stands for its last character, as the reference has it. */
static pt_status_t edit(const void *settings, const pt__passage_t *passage, int64_t begin, int64_t end,
                        pt__edited_t *edited)
{
    const pt__replace_t *replace = settings;
    pt__cut_t match;
    int64_t at = begin;
    for (; at < end && replace->find(replace, passage->bytes, begin, at, end, &match); at = match.end) {
        const pt__cut_t origin = pt__passage_origin(passage, match.end - 1, match.end);
        int64_t last = match.end - 1;
        while (passage->begins == NULL && last > match.begin && (passage->bytes[last] & 0xC0) == 0x80)
            last--;
        PT__TRY(pt__edited_copy(edited, passage, at, match.begin));
        PT__TRY(pt__edited_add(edited, pt__replace_to(replace), replace->to_length,
                               passage->begins == NULL ? (uint32_t)last : origin.begin, origin.end));
    }
    return pt__edited_copy(edited, passage, at, end);
}

/* A pattern that no code here knows, and what takes the place of its matches. */
typedef struct substitution {
    pt__matcher_t matcher;
    int64_t length;
    uint8_t content[];
} substitution_t;

/* What is put in the place of nothing stands for the character before it. */
static pt__cut_t origin_of(const pt__passage_t *passage, int64_t begin, pt__cut_t match)
{
    int64_t end = match.end, last = end;
    if (end == begin) {
        const uint32_t place = pt__passage_origin(passage, begin, begin + 1).begin;
        return (pt__cut_t){place, place};
    }
    do
        last--;
    while (last > begin && (passage->bytes[last] & 0xC0) == 0x80);
    return pt__passage_origin(passage, last, end);
}

static pt_status_t substitute(const void *settings, const pt__passage_t *passage, int64_t begin, int64_t end,
                              pt__edited_t *edited)
{
    const substitution_t *substitution = settings;
    pt__cutting_t cutting = {.text = passage->bytes, .begin = begin, .end = end, .at = begin, .covered = begin};
    for (;;) {
        int32_t found = 0;
        PT__TRY(pt__matcher_next(&substitution->matcher, &cutting, &found));
        if (!found)
            return pt__edited_copy(edited, passage, cutting.covered, end);
        const pt__cut_t origin = origin_of(passage, begin, cutting.match);
        PT__TRY(pt__edited_copy(edited, passage, cutting.covered, cutting.match.begin));
        PT__TRY(pt__edited_add(edited, substitution->content, substitution->length, origin.begin, origin.end));
        cutting.covered = cutting.match.end;
    }
}

static void release_substitution(pt__memory_t *memory, void *settings)
{
    substitution_t *substitution = settings;
    pt__matcher_free(memory, &substitution->matcher);
    pt__release(memory, substitution);
}

/* NULL: the code here knows it, or it is none. */
static const pt__json_t *other_pattern(const pt__json_t *json)
{
    const pt__json_t *object = pt__json_find(json, "pattern"), *content = pt__json_find(json, "content");
    const pt__json_t *regex = object == NULL ? NULL : pt__json_find(object, "Regex");
    if (regex == NULL || regex->kind != PT__JSON_STRING || pt__json_find(object, "String") != NULL || content == NULL ||
        content->kind != PT__JSON_STRING)
        return NULL;
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        if (strcmp(patterns[i].pattern, regex->string) == 0)
            return NULL;
    return regex;
}

static pt_status_t read_substitution(const pt__json_t *json, const pt__json_t *regex, pt__stages_t *stages)
{
    const pt__json_t *content = pt__json_find(json, "content");
    substitution_t *substitution;
    PT__TRY(
        pt__allocate(stages->memory, 1, sizeof *substitution + (size_t)content->length, "normalizer", &substitution));
    const pt_status_t status = pt__matcher_of_regex(regex, stages->memory, regex->string, regex->length,
                                                    &substitution->matcher);
    if (status != PT_OK) {
        pt__release(stages->memory, substitution);
        return status;
    }
    substitution->length = content->length;
    memcpy(substitution->content, content->string, (size_t)content->length);
    const pt__stage_t stage = {.edit = substitute, .settings = substitution, .release = release_substitution};
    return pt__stages_append(stages, &stage);
}

pt_status_t pt__read_replace(const pt__json_t *json, pt__stages_t *stages)
{
    const pt__json_t *other = other_pattern(json);
    pt__replace_t *replace;
    if (other != NULL)
        return read_substitution(json, other, stages);
    PT__TRY(pt__replace_read(json, stages->memory, &replace));
    return pt__stages_add(stages, edit, NULL, replace);
}

static pt_status_t prepend(const void *settings, const pt__passage_t *passage, int64_t begin, int64_t end,
                           pt__edited_t *edited)
{
    const pt__replace_t *replace = settings;
    int32_t length;
    pt__character_at(passage->bytes + begin, &length);
    const pt__cut_t origin = pt__passage_origin(passage, begin, begin + length); /* as the reference has it */
    PT__TRY(pt__edited_add(edited, pt__replace_to(replace), replace->to_length, origin.begin, origin.end));
    return pt__edited_copy(edited, passage, begin, end);
}

pt_status_t pt__read_prepend(const pt__json_t *json, pt__stages_t *stages)
{
    const pt__json_t *text = pt__json_find(json, "prepend");
    pt__replace_t *replace;
    if (text == NULL || text->kind != PT__JSON_STRING)
        return pt__json_fail(text == NULL ? json : text, PT_ERR_FORMAT, "expected prepend, a string");
    PT__TRY(pt__replace_make(stages->memory, find_string, "", 0, text->string, text->length, &replace));
    return pt__stages_add(stages, prepend, NULL, replace);
}
