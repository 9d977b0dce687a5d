/* Names by rules: what runs stand for, what does not match, what a buffer cuts. */
#include "base/renaming.h"

#include <string.h>

#include "support/suite.h"

START_TEST(test_rules)
{
    static const struct {
        const char *from, *to, *name, *expected; /* NULL: no match */
    } cases[] = {
        {"blk.*.attn_q.weight", "model.layers.*.self_attn.q_proj.weight", "blk.11.attn_q.weight",
         "model.layers.11.self_attn.q_proj.weight"},
        {"blk.*.attn_q.weight", "x.*", "blk.11.attn_k.weight", NULL},
        {"*.gamma", "*.weight", "a.LayerNorm.gamma", "a.LayerNorm.weight"},
        {"*.gamma", "*.weight", "a.gamma.gamma", "a.gamma.weight"},
        {"*.gamma", "*.weight", "a.gamma.weight", NULL},
        {"*.gamma", "*.weight", ".gamma", ".weight"},
        {"token_embd.weight", "wte.weight", "token_embd.weight", "wte.weight"},
        {"token_embd.weight", "wte.weight", "token_embd.weights", NULL},
        {"token_embd.weight", "wte.weight", "token_embd", NULL},
        {"*a*b", "*-*", "xaaybb", "x-ayb"}, /* the last run grows */
        {"a.*.b.*.c", "*/*", "a.1.b.22.c", "1/22"},
        {"a.*.b.*.c", "*/*", "a.1.b.22.d", NULL},
        {"*", "<*>", "", "<>"},
        {"", "x", "", "x"},
        {"", "x", "y", NULL},
    };
    char out[64];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int32_t matches = pt__renaming_apply(cases[i].from, cases[i].to, cases[i].name, out, sizeof out);
        ck_assert_int_eq(matches, cases[i].expected != NULL);
        if (matches)
            ck_assert_str_eq(out, cases[i].expected);
    }
}
END_TEST

START_TEST(test_small_buffers)
{
    char out[8] = "unused";
    ck_assert_int_eq(pt__renaming_apply("*", "model.*", "abc", out, 0), 0);
    ck_assert_str_eq(out, "unused");
    ck_assert_int_eq(pt__renaming_apply("*", "model.*", "abc", out, sizeof out), 1);
    ck_assert_str_eq(out, "model.a");
    ck_assert_int_eq(pt__renaming_apply("*", "*", "abcdefgh", out, sizeof out), 1);
    ck_assert_str_eq(out, "abcdefg");
}
END_TEST

SUITE("renaming", 10, test_rules, test_small_buffers)
