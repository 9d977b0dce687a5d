/* See splitter.h. */
#include "text/splitter.h"

#include <string.h>

#include "text/characters.h"

typedef struct splitter {
    pt__matcher_t matcher;
    pt__behavior_t behavior;
    int32_t inverts;
} splitter_t;

void pt__matcher_free(pt__memory_t *memory, const pt__matcher_t *matcher)
{
    if (matcher->release != NULL)
        matcher->release(memory, matcher->settings);
    else
        pt__release(memory, matcher->settings);
}

pt_status_t pt__behavior_read(const pt__json_t *json, int32_t need, pt__behavior_t *out)
{
    static const char *const names[] = {"Removed", "Isolated", "Contiguous", "MergedWithPrevious", "MergedWithNext"};
    const char *name = NULL;
    PT__TRY(pt__json_get_string(json, "behavior", need, &name));
    for (int32_t i = 0; name != NULL && i < (int32_t)(sizeof names / sizeof *names); i++)
        if (strcmp(names[i], name) == 0) {
            *out = (pt__behavior_t)i;
            return PT_OK;
        }
    return name == NULL ? PT_OK
                        : pt__json_fail(json, PT_ERR_FORMAT,
                                        "behavior is \"%.99s\", expected Removed, Isolated, Contiguous, "
                                        "MergedWithPrevious or MergedWithNext",
                                        name);
}

/* ---- Segments: matches, and what stands between them ---- */

pt_status_t pt__matcher_next(const pt__matcher_t *matcher, pt__cutting_t *cutting, int32_t *found)
{
    for (*found = 0; cutting->at <= cutting->end;) {
        PT__TRY(matcher->match(matcher->settings, cutting->text, cutting->begin, cutting->at, cutting->end,
                               &cutting->seconds, &cutting->match, found));
        if (!*found)
            return PT_OK;
        if (cutting->match.end > cutting->match.begin || !cutting->has_found || cutting->match.end != cutting->covered)
            break;
        int32_t length = 1;
        *found = 0;
        if (cutting->at < cutting->end)
            pt__character_at(cutting->text + cutting->at, &length);
        cutting->at += length;
    }
    if (*found) {
        cutting->at = cutting->match.end;
        cutting->has_found = 1;
    }
    return PT_OK;
}

/* *there becomes 0 when the text is over. */
static pt_status_t next_segment(const splitter_t *splitter, pt__cutting_t *cutting, pt__cut_t *segment,
                                int32_t *is_match, int32_t *there)
{
    *there = 1;
    *is_match = !splitter->inverts;
    if (!cutting->has_match && !cutting->is_over) {
        PT__TRY(pt__matcher_next(&splitter->matcher, cutting, &cutting->has_match));
        cutting->is_over = !cutting->has_match;
    }
    const int64_t next = cutting->has_match ? cutting->match.begin : cutting->end;
    if (cutting->covered < next) {
        *segment = (pt__cut_t){(uint32_t)cutting->covered, (uint32_t)next};
        *is_match = splitter->inverts;
    } else if (cutting->has_match) {
        *segment = cutting->match;
        cutting->has_match = 0;
    } else
        *there = 0;
    if (*there)
        cutting->covered = segment->end;
    return PT_OK;
}

/* ---- Pieces ---- */

/* Whether a segment belongs to the piece before it. */
static int32_t joins(pt__behavior_t behavior, int32_t before_is_match, int32_t is_match)
{
    switch (behavior) {
    case PT__CONTIGUOUS:
        return before_is_match == is_match;
    case PT__MERGED_WITH_PREVIOUS:
        return is_match && !before_is_match;
    case PT__MERGED_WITH_NEXT:
        return before_is_match && !is_match;
    default:
        return 0;
    }
}

static pt_status_t cut(const void *settings, pt__cutting_t *cutting, pt__cut_t *cuts, int32_t most, int32_t *count)
{
    const splitter_t *splitter = settings;
    int32_t there = 1;
    *count = 0;
    while (*count < most && there) {
        pt__cut_t segment = {0, 0};
        int32_t is_match = 0;
        PT__TRY(next_segment(splitter, cutting, &segment, &is_match, &there));
        if (there && cutting->has_held && joins(splitter->behavior, cutting->held_is_match, is_match)) {
            cutting->held.end = segment.end;
            cutting->held_is_match = is_match;
            continue;
        }
        const int32_t stays = splitter->behavior != PT__REMOVED || !cutting->held_is_match;
        if (cutting->has_held && cutting->held.begin < cutting->held.end && stays)
            cuts[(*count)++] = cutting->held;
        cutting->has_held = there;
        cutting->held = segment;
        cutting->held_is_match = is_match;
    }
    return PT_OK;
}

static void release(pt__memory_t *memory, void *settings)
{
    splitter_t *splitter = settings;
    pt__matcher_free(memory, &splitter->matcher);
    pt__release(memory, splitter);
}

pt_status_t pt__stages_split(pt__stages_t *stages, const pt__matcher_t *matcher, pt__behavior_t behavior,
                             int32_t inverts)
{
    splitter_t *splitter;
    pt_status_t status = pt__allocate(stages->memory, 1, sizeof *splitter, "pre-tokenizer", &splitter);
    if (status != PT_OK) {
        pt__matcher_free(stages->memory, matcher);
        return status;
    }
    *splitter = (splitter_t){.matcher = *matcher, .behavior = behavior, .inverts = inverts};
    const pt__stage_t stage = {.cut = cut, .settings = splitter, .release = release};
    return pt__stages_append(stages, &stage);
}

/* ---- Strings ---- */

enum { LONGEST_STRING = 1024 /* bytes, which each place of a text may be compared with */ };

typedef struct string {
    int64_t length;
    uint8_t bytes[];
} string_t;

int32_t pt__find_string(const uint8_t *text, int64_t at, int64_t end, const uint8_t *string, int64_t length,
                        pt__cut_t *match)
{
    while (end - at >= length) {
        const uint8_t *first = memchr(text + at, string[0], (size_t)(end - at - length + 1));
        if (first == NULL)
            return 0;
        at = first - text;
        *match = (pt__cut_t){(uint32_t)at, (uint32_t)(at + length)};
        if (memcmp(first, string, (size_t)length) == 0)
            return 1;
        at++;
    }
    return 0;
}

static pt_status_t match_string(const void *settings, const uint8_t *text, int64_t begin, int64_t at, int64_t end,
                                double *seconds, pt__cut_t *match, int32_t *found)
{
    const string_t *string = settings;
    (void)begin;
    (void)seconds;
    *found = 0;
    if (string->length == 0) { /* it is everywhere, as an empty pattern */
        *match = (pt__cut_t){(uint32_t)at, (uint32_t)at};
        *found = 1;
        return PT_OK;
    }
    *found = pt__find_string(text, at, end, string->bytes, string->length, match);
    return PT_OK;
}

pt_status_t pt__matcher_of_string(const pt__json_t *json, pt__memory_t *memory, const char *string, int64_t length,
                                  pt__matcher_t *out)
{
    string_t *own;
    if (length > LONGEST_STRING)
        return pt__json_fail(json, PT_ERR_UNSUPPORTED, "a pattern of %lld bytes, expected at most %d",
                             (long long)length, LONGEST_STRING);
    PT__TRY(pt__allocate(memory, 1, sizeof *own + (size_t)length, "pattern", &own));
    own->length = length;
    memcpy(own->bytes, string, (size_t)length);
    *out = (pt__matcher_t){.match = match_string, .settings = own};
    return PT_OK;
}
