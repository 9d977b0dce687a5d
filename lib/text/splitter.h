/* Cutting by matches: something finds matches in a text, and the behavior says what becomes of them and of what stands
 * between them. */
#ifndef PT__SPLITTER_H
#define PT__SPLITTER_H

#include "text/stages.h"

/* The first match in text[at .. end) of a text that begins at `begin`; it may be empty. *found is 1 or 0. *seconds
 * begins with 0 for a text, and grows by what hard matches take. */
typedef pt_status_t pt__match_fn(const void *settings, const uint8_t *text, int64_t begin, int64_t at, int64_t end,
                                 double *seconds, pt__cut_t *match, int32_t *found);

typedef struct pt__matcher {
    pt__match_fn *match;
    void *settings;                                        /* its own, or NULL */
    void (*release)(pt__memory_t *memory, void *settings); /* NULL: the settings are but a block */
} pt__matcher_t;

void pt__matcher_free(pt__memory_t *memory, const pt__matcher_t *matcher);

/* The next match of a text in cutting->match, where cutting->covered is the end of the one before. An empty match where
 * the last match ended is none: the search goes on behind the next character. */
pt_status_t pt__matcher_next(const pt__matcher_t *matcher, pt__cutting_t *cutting, int32_t *found);

typedef enum pt__behavior {
    PT__REMOVED = 0,
    PT__ISOLATED,
    PT__CONTIGUOUS, /* matches that touch are one piece */
    PT__MERGED_WITH_PREVIOUS,
    PT__MERGED_WITH_NEXT
} pt__behavior_t;

/* Reads "behavior", or leaves *out as it is where it may be absent and is. */
pt_status_t pt__behavior_read(const pt__json_t *json, int32_t need, pt__behavior_t *out);

/* Appends a stage that cuts so; the matcher is its own in any case. inverts: what stands between the matches counts as
 * matches, and they as what stands between. */
pt_status_t pt__stages_split(pt__stages_t *stages, const pt__matcher_t *matcher, pt__behavior_t behavior,
                             int32_t inverts);

/* Finds a string of at least one byte in text[at .. end). */
int32_t pt__find_string(const uint8_t *text, int64_t at, int64_t end, const uint8_t *string, int64_t length,
                        pt__cut_t *match);
/* A matcher of a string; an empty one is at each place. PT_ERR_UNSUPPORTED for a long one. */
pt_status_t pt__matcher_of_string(const pt__json_t *json, pt__memory_t *memory, const char *string, int64_t length,
                                  pt__matcher_t *out);

#endif
