/* How a text or a pair is cut to the longest length, and into which windows where all of it is to be given. */
#include "text/truncation.h"

#include <string.h>

#include "text/kinds.h"

enum { MOST_OF_A_PAIR = 1 << 16 /* encodings of a pair, both texts of which are cut */ };

pt_status_t pt__truncation_read(const pt__json_t *json, pt__truncation_t *truncation)
{
    static const char keys[] = "direction max_length strategy stride";
    const char *strategy = "LongestFirst", *direction = "Right";
    PT__TRY(pt__keys_check(json, "truncation", keys));
    PT__TRY(pt__json_get_integer(json, "max_length", PT__JSON_REQUIRED, 0, INT32_MAX, &truncation->length));
    PT__TRY(pt__json_get_integer(json, "stride", PT__JSON_OPTIONAL, 0, INT32_MAX, &truncation->stride));
    PT__TRY(pt__json_get_string(json, "strategy", PT__JSON_OPTIONAL, &strategy));
    PT__TRY(pt__json_get_string(json, "direction", PT__JSON_OPTIONAL, &direction));
    truncation->is_asked = 1;
    truncation->strategy = strcmp(strategy, "LongestFirst") == 0 ? PT__TRUNCATE_LONGEST
                           : strcmp(strategy, "OnlyFirst") == 0  ? PT__TRUNCATE_FIRST
                           : strcmp(strategy, "OnlySecond") == 0 ? PT__TRUNCATE_SECOND
                                                                 : -1;
    truncation->from_left = strcmp(direction, "Left") == 0;
    if (truncation->strategy < 0)
        return pt__json_fail(json, PT_ERR_FORMAT, "strategy is \"%s\", expected LongestFirst, OnlyFirst or OnlySecond",
                             strategy);
    if (!truncation->from_left && strcmp(direction, "Right") != 0)
        return pt__json_fail(json, PT_ERR_FORMAT, "direction is \"%s\", expected Left or Right", direction);
    return PT_OK;
}

/* How many tokens of each text stay where the longer one gives way first, as the reference divides them. */
static void divide(int64_t room, int64_t counts[2])
{
    int32_t longer = counts[0] > counts[1] ? 0 : 1;
    int64_t shorter = counts[1 - longer];
    if (shorter > room)
        counts[longer] = shorter;
    else
        counts[longer] = room - shorter > shorter ? room - shorter : shorter;
    if (counts[0] + counts[1] > room) {
        counts[1 - longer] = room / 2;
        counts[longer] = room / 2 + room % 2;
    }
}

/* The windows of `kept` of `total` tokens, each of which but the first has `stride` of the one before. Where none are
 * kept, the second has all. */
static pt_status_t cut(int64_t total, int64_t kept, const pt__truncation_t *truncation, int32_t wants_overflow,
                       pt__windows_t *windows)
{
    *windows = (pt__windows_t){.total = total, .kept = kept, .count = 1, .from_left = truncation->from_left};
    if (kept >= total || !wants_overflow)
        return PT_OK;
    windows->step = kept - truncation->stride;
    windows->count = 2;
    if (kept > 0 && windows->step <= 0)
        return pt__fail(PT_ERR_ARGUMENT, "truncation.stride is %lld, expected fewer than the %lld tokens that are kept",
                        (long long)truncation->stride, (long long)kept);
    if (kept > 0)
        windows->count = 1 + (total - kept + windows->step - 1) / windows->step;
    return PT_OK;
}

/* counts: of the texts, which have more than `room` together; then of what stays of them. */
static pt_status_t shorten(const pt__truncation_t *truncation, int64_t room, int32_t is_pair, int64_t counts[2])
{
    const int32_t which = truncation->strategy == PT__TRUNCATE_SECOND;
    if (room == 0)
        counts[0] = counts[1] = 0;
    else if (truncation->strategy == PT__TRUNCATE_LONGEST && is_pair)
        divide(room, counts);
    else if (truncation->strategy == PT__TRUNCATE_LONGEST)
        counts[0] = room;
    else if (which == 1 && !is_pair)
        return pt__fail(PT_ERR_ARGUMENT, "the tokenizer truncates the second text, and there is only one");
    else {
        int64_t kept = room - counts[1 - which];
        if (kept <= 0)
            return pt__fail(PT_ERR_ARGUMENT, "the text that is not truncated has %lld tokens, expected fewer than %lld",
                            (long long)counts[1 - which], (long long)room);
        counts[which] = kept;
    }
    return PT_OK;
}

pt_status_t pt__truncate(const pt__truncation_t *truncation, int64_t added, const int64_t totals[2], int32_t is_pair,
                         int32_t wants_overflow, pt__windows_t windows[2])
{
    const int64_t room = truncation->length > added ? truncation->length - added : 0;
    int64_t counts[2] = {totals[0], totals[1]};
    if (truncation->is_asked && counts[0] + counts[1] > room)
        PT__TRY(shorten(truncation, room, is_pair, counts));
    for (int32_t i = 0; i < 2; i++)
        PT__TRY(cut(totals[i], counts[i], truncation, wants_overflow, &windows[i]));
    if (windows[0].count > 1 && windows[1].count > 1 && windows[0].count > MOST_OF_A_PAIR / windows[1].count)
        return pt__fail(PT_ERR_ARGUMENT,
                        "%lld parts of the text, each with %lld of the pair, expected at most %d encodings",
                        (long long)windows[0].count, (long long)windows[1].count, MOST_OF_A_PAIR);
    return PT_OK;
}

void pt__window(const pt__windows_t *windows, int64_t index, int64_t *begin, int64_t *end)
{
    const int64_t kept = windows->kept == 0 && index > 0 ? windows->total : windows->kept,
                  past = windows->kept == 0 ? 0 : index * windows->step;
    *begin = windows->from_left ? windows->total - past - kept : past;
    *end = *begin + kept;
    if (*begin < 0)
        *begin = 0;
    if (*end > windows->total)
        *end = windows->total;
}
