/* GPT-2's pattern for many characters at once cuts as it does one piece after the other, which the golden files compare
 * with the reference. */
#include <string.h>

#include "base/random.h"
#include "support/suite.h"
#include "text/scanners.h"

enum { TEXTS = 4000, LONGEST = 400, NEAR = 63 /* bytes: fewer than are looked at together */ };

static const char *const parts[] = {
    "'s", "'t", "'re",      "'ve",          "'ll",      "'d",           "'m",   "'",   " '", "''",
    "a",  "Z",  "word",     "longer-words", " ",        "  ",           "\n",   "\t",  "1",  "42",
    ".",  "!?", "\xc3\xa9", "\xe3\x80\x80", "\xc2\xa0", "\xe4\xb8\xad", "\x01", "\x7f"};

static int64_t make_text(pt__random_t *random, uint8_t *text)
{
    const int64_t wanted = 70 + (int64_t)(pt__random_u32(random) % 250);
    int64_t size = 0;
    while (size < wanted) {
        const char *part = parts[pt__random_u32(random) % (sizeof parts / sizeof *parts)];
        for (uint32_t times = pt__random_u32(random) % 8 == 0 ? 1 + pt__random_u32(random) % 5 : 1; times > 0;
             times--) {
            memcpy(text + size, part, strlen(part));
            size += (int64_t)strlen(part);
        }
    }
    return size;
}

START_TEST(test_blocks_cut_as_pieces)
{
    pt__scan_fn *scan = pt__scanner_gpt2();
    pt__random_t random = pt__random_start(7);
    for (int text_number = 0; text_number < TEXTS; text_number++) {
        uint8_t text[LONGEST + 64];
        pt__cut_t cuts[LONGEST + 64];
        int64_t from = 0;
        const int64_t size = make_text(&random, text);
        const int32_t count = scan(NULL, text, &from, size, cuts, LONGEST);
        ck_assert_int_eq(from, size);
        int64_t at = 0;
        for (int32_t i = 0; i < count; i++) {
            pt__cut_t alone;
            int64_t next = at;
            const int64_t end = at + NEAR < size ? at + NEAR : size;
            ck_assert_int_eq(scan(NULL, text, &next, end, &alone, 1), 1);
            ck_assert_int_eq(cuts[i].begin, at);
            if (end == size || next + 4 <= end) /* what comes behind `end` has no part in it */
                ck_assert_msg(cuts[i].end == next, "text %d: a piece from %d to %d, expected to %d: \"%.*s\"",
                              text_number, (int)at, (int)cuts[i].end, (int)next, (int)size, (const char *)text);
            at = cuts[i].end;
        }
        ck_assert_int_eq(at, size);
    }
}
END_TEST

/* With room for a few pieces only, the next call goes on where they end. */
START_TEST(test_a_few_at_a_time)
{
    pt__scan_fn *scan = pt__scanner_gpt2();
    pt__random_t random = pt__random_start(8);
    uint8_t text[LONGEST + 64];
    pt__cut_t all[LONGEST + 64], some[8];
    const int64_t size = make_text(&random, text);
    int64_t from = 0;
    const int32_t count = scan(NULL, text, &from, size, all, LONGEST);
    for (int32_t most = 1; most <= 8; most++) {
        int32_t found = 0, now;
        from = 0;
        while ((now = scan(NULL, text, &from, size, some, most)) > 0) {
            ck_assert_int_le(now, most);
            for (int32_t i = 0; i < now; i++, found++)
                ck_assert(some[i].begin == all[found].begin && some[i].end == all[found].end);
        }
        ck_assert_int_eq(found, count);
    }
}
END_TEST

SUITE("scanners", 60, test_blocks_cut_as_pieces, test_a_few_at_a_time)
