/* Patterns of parameter names: * stands for any run of characters, ? for any one character (of UTF-8). Used by
 * parameter groups and by pt_model_set_trainable. Linear memory-free matching: after a mismatch only the last * is
 * tried again, one character further. */
#include "optim/optim.h"

static const char *next_character(const char *text)
{
    text++;
    while (((unsigned char)*text & 0xC0u) == 0x80u)
        text++;
    return text;
}

int32_t pt__pattern_match(const char *pattern, const char *name)
{
    const char *star = NULL, *retry = NULL; /* the last *, and where its run would end next */
    while (*name != 0) {
        if (*pattern == '*') {
            star = ++pattern;
            retry = name;
        } else if (*pattern == '?') {
            pattern++;
            name = next_character(name);
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (star != NULL) {
            pattern = star;
            name = retry = next_character(retry);
        } else {
            return 0;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == 0;
}
