/* Patterns of parameter names. */
#include <string.h>

#include "optim/optim.h"
#include "support/suite.h"

START_TEST(test_match)
{
    static const struct {
        const char *pattern, *name;
        int32_t matches;
    } cases[] = {
        {"a", "a", 1},
        {"a", "b", 0},
        {"a", "", 0},
        {"", "", 1},
        {"", "a", 0},
        {"*", "", 1},
        {"*", "anything", 1},
        {"**", "a", 1},
        {"?", "a", 1},
        {"?", "", 0},
        {"?", "ab", 0},
        {"*.bias", "h.0.bias", 1},
        {"*.bias", "h.0.bias.x", 0},
        {"*.bias", ".bias", 1},
        {"*.bias", "bias", 0},
        {"h.*.weight", "h.11.attn.weight", 1},
        {"h.?.weight", "h.11.weight", 0},
        {"*a*b*c", "xaxxbxbxc", 1},
        {"*a*b*c", "xaxxcxb", 0},
        {"*ab", "aab", 1},
        {"*aab", "aaaab", 1},
        {"a*a", "a", 0},
        {"?*", "a", 1},
        {"?*", "", 0},
        {"[ab]", "a", 0},
        {"*.*", "weight", 0},
        {"?", "\xc3\xa9", 1},
        {"??", "\xc3\xa9", 0},
        {"*?", "\xc3\xa9", 1},
        {"caf?.weight", "caf\xc3\xa9.weight", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ck_assert_msg(pt__pattern_match(cases[i].pattern, cases[i].name) == cases[i].matches, "\"%s\" and \"%s\"",
                      cases[i].pattern, cases[i].name);
}
END_TEST

/* A pattern that would make a recursive matcher try a number of ways that grows exponentially. */
START_TEST(test_hostile)
{
    char pattern[201], name[1001];
    for (size_t i = 0; i < 200; i += 2)
        memcpy(pattern + i, "*a", 2);
    pattern[199] = 'b';
    pattern[200] = 0;
    memset(name, 'a', 1000);
    name[1000] = 0;
    ck_assert_int_eq(pt__pattern_match(pattern, name), 0);
}
END_TEST

SUITE("pattern", 10, test_match, test_hostile)
