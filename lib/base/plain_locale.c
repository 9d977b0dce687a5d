/* See plain_locale.h. */
#include "base/plain_locale.h"

#include <stdio.h>

pt__plain_locale_t pt__plain_locale_enter(void)
{
    pt__plain_locale_t state;
    feholdexcept(&state.float_mode);
    fesetround(FE_TONEAREST);
    state.plain = newlocale(LC_ALL_MASK, "C", (locale_t)0); /* all of "C": constant, so nothing is loaded */
    state.before = state.plain ? uselocale(state.plain) : (locale_t)0;
    return state;
}

void pt__plain_locale_leave(pt__plain_locale_t state)
{
    fesetenv(&state.float_mode);
    if (!state.plain)
        return;
    uselocale(state.before);
    freelocale(state.plain);
}

int pt__plain_print(char *buffer, size_t size, const char *format, va_list arguments)
{
    pt__plain_locale_t locale = pt__plain_locale_enter();
    int length = vsnprintf(buffer, size, format, arguments);
    pt__plain_locale_leave(locale);
    return length;
}
