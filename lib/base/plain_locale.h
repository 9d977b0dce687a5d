/* For the C library's own printing and reading of a double: the thread uses the "C" locale, rounds to nearest and traps
 * nothing for the moment. None of it touches other threads. */
#ifndef PT__PLAIN_LOCALE_H
#define PT__PLAIN_LOCALE_H

#include <fenv.h>
#include <locale.h>
#include <stdarg.h>
#include <stddef.h>

#include "base/portability.h"

typedef struct pt__plain_locale { /* what the host had */
    locale_t plain, before;
    fenv_t float_mode;
} pt__plain_locale_t;

pt__plain_locale_t pt__plain_locale_enter(void);
void pt__plain_locale_leave(pt__plain_locale_t state);
/* vsnprintf in that locale: for every text with numbers in it. */
int pt__plain_print(char *buffer, size_t size, const char *format, va_list arguments) PT__PRINTF(3, 0);

#endif
