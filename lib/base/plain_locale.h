/* For the C library's own printing and reading of a double: the thread uses the "C" locale, rounds to nearest and traps
 * nothing for the moment. None of it touches other threads. */
#ifndef PT__PLAIN_LOCALE_H
#define PT__PLAIN_LOCALE_H

#include <fenv.h>
#include <locale.h>

typedef struct pt__plain_locale { /* what the host had */
    locale_t plain, before;
    fenv_t float_mode;
} pt__plain_locale_t;

pt__plain_locale_t pt__plain_locale_enter(void);
void pt__plain_locale_leave(pt__plain_locale_t state);

#endif
