/* The length that texts are cut to, and what becomes of the rest. */
#ifndef PT__TRUNCATION_H
#define PT__TRUNCATION_H

#include "base/json.h"

enum { PT__TRUNCATE_LONGEST = 0, PT__TRUNCATE_FIRST = 1, PT__TRUNCATE_SECOND = 2 };

typedef struct pt__truncation {
    int32_t is_asked;
    int32_t strategy;  /* of a pair: which text gives way */
    int32_t from_left; /* the end stays */
    int64_t length;    /* tokens, those of the template included */
    int64_t stride;    /* tokens that the next part of a text has of the one before */
} pt__truncation_t;

/* Parts of a text's tokens: the first is what stays of it, the others what is cut off. */
typedef struct pt__windows {
    int64_t total, kept; /* tokens of the text, and of its first part */
    int64_t step;        /* tokens between the beginnings of parts, or their ends where they are taken from the left */
    int64_t count;
    int32_t from_left;
} pt__windows_t;

pt_status_t pt__truncation_read(const pt__json_t *json, pt__truncation_t *truncation);
/* The parts of two texts of totals[0] and totals[1] tokens, around which `added` are put; one each unless
 * wants_overflow. PT_ERR_ARGUMENT: they cannot be cut as the file asks. */
pt_status_t pt__truncate(const pt__truncation_t *truncation, int64_t added, const int64_t totals[2], int32_t is_pair,
                         int32_t wants_overflow, pt__windows_t windows[2]);
/* Tokens [*begin, *end) of the text. */
void pt__window(const pt__windows_t *windows, int64_t index, int64_t *begin, int64_t *end);

#endif
