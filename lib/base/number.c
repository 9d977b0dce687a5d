/* See number.h. */
#include "base/number.h"

#include <float.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/plain_locale.h"
#include "base/portability.h"

int32_t pt__number_print(double number, char digits[PT__NUMBER_SIZE])
{
    int length = 0;
    pt__plain_locale_t locale = pt__plain_locale_enter();
    for (int precision = 15; precision <= 17; precision++) {
        length = snprintf(digits, PT__NUMBER_SIZE, "%.*g", precision, number);
        double back = strtod(digits, NULL);
        if (memcmp(&back, &number, sizeof back) == 0)
            break;
    }
    pt__plain_locale_leave(locale);
    return length;
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* What a decimal number consists of. */
typedef struct decimal {
    uint64_t digits;  /* all of them as a whole number, where there are at most 19 */
    int64_t n_digits; /* without leading zeros */
    int64_t exponent; /* of ten, with the point behind the last digit; kept within +-100000 */
    int negative;
} decimal_t;

static int32_t scan_decimal(const char *s, int64_t length, decimal_t *out)
{
    int64_t at = 0, seen = 0, exponent = 0;
    *out = (decimal_t){0};
    if (at < length && (s[at] == '-' || s[at] == '+'))
        out->negative = s[at++] == '-';
    for (int point = 0; at < length && (is_digit(s[at]) || (s[at] == '.' && !point)); at++) {
        if (s[at] == '.') {
            point = 1;
            continue;
        }
        seen++;
        out->exponent -= point;
        if (out->n_digits > 0 || s[at] != '0') {
            if (out->n_digits++ < 19)
                out->digits = out->digits * 10 + (uint64_t)(s[at] - '0');
        }
    }
    if (seen == 0)
        return 0;
    if (at < length && (s[at] == 'e' || s[at] == 'E')) {
        int negative = 0;
        at++;
        if (at < length && (s[at] == '-' || s[at] == '+'))
            negative = s[at++] == '-';
        if (at == length)
            return 0;
        for (; at < length && is_digit(s[at]); at++)
            exponent = exponent < 100000 ? exponent * 10 + (s[at] - '0') : exponent;
        out->exponent += negative ? -exponent : exponent;
    }
    return at == length;
}

/* The C library's reading, in the "C" locale; it wants a final 0. Digits beyond the 800th cannot change the result
 * other than by being there at all (at most 767 significant ones decide), so the text is cut to one "1" for all that
 * follow. */
static double read_slowly(const char *s, const decimal_t *decimal)
{
    enum { KEPT = 800 };
    char copy[KEPT + 40];
    int64_t length = 0, kept = 0, dropped = 0;
    int dropped_any = 0;
    for (; *s == '+' || *s == '-' || *s == '0' || *s == '.'; s++)
        continue;
    for (int64_t left = decimal->n_digits; left > 0; s++) {
        if (*s == '.')
            continue;
        left--;
        if (kept < KEPT) {
            copy[length++] = *s;
            kept++;
        } else {
            dropped++;
            dropped_any |= *s != '0';
        }
    }
    if (dropped_any) {
        copy[length++] = '1';
        dropped--;
    }
    snprintf(copy + length, sizeof copy - (size_t)length, "e%" PRId64, decimal->exponent + dropped);
    pt__plain_locale_t locale = pt__plain_locale_enter();
    double value = strtod(copy, NULL);
    pt__plain_locale_leave(locale);
    return value;
}

int32_t pt__number_parse(const char *bytes, int64_t length, double *out)
{
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    decimal_t decimal;
    double value;
    if (!scan_decimal(bytes, length, &decimal))
        return 0;
    /* digits and power of ten both exact in a double: one operation rounds correctly (Clinger 1990), where the host
     * lets it */
    int exact = FLT_EVAL_METHOD == 0 && decimal.n_digits <= 19 && decimal.digits <= (uint64_t)1 << 53 &&
                (pt__float_mode_get() & PT__FLOAT_MODE_ROUNDING) == PT__FLOAT_MODE_EXACT;
    if (decimal.n_digits == 0)
        value = 0;
    else if (exact && decimal.exponent >= 0 && decimal.exponent <= 22)
        value = (double)decimal.digits * tens[decimal.exponent];
    else if (exact && decimal.exponent < 0 && decimal.exponent >= -22)
        value = (double)decimal.digits / tens[-decimal.exponent];
    else
        value = read_slowly(bytes, &decimal);
    *out = decimal.negative ? -value : value;
    return 1;
}

int32_t pt__number_parse_int64(const char *bytes, int64_t length, int64_t *out)
{
    int64_t at = 0, value = 0;
    int negative = 0;
    if (at < length && (bytes[at] == '-' || bytes[at] == '+'))
        negative = bytes[at++] == '-';
    if (at == length)
        return 0;
    for (; at < length; at++) { /* counted downwards: the least value has no positive twin */
        int64_t digit = bytes[at] - '0';
        if (!is_digit(bytes[at]) || value < (INT64_MIN + digit) / 10)
            return 0;
        value = value * 10 - digit;
    }
    if (!negative && value == INT64_MIN)
        return 0;
    *out = negative ? value : -value;
    return 1;
}
