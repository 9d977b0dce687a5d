/* See text.h. Where the C library's own printing or reading of a double is needed, the thread uses the "C" locale,
 * rounds to nearest and traps nothing for the moment: none of it touches other threads. */
#include "base/text.h"

#include <fenv.h>
#include <float.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/portability.h"
#include "base/utf8.h"

typedef struct plain_locale {
    locale_t plain, before;
    fenv_t float_mode;
} plain_locale_t;

static plain_locale_t enter_plain_locale(void)
{
    plain_locale_t state;
    feholdexcept(&state.float_mode);
    fesetround(FE_TONEAREST);
    state.plain = newlocale(LC_ALL_MASK, "C", (locale_t)0); /* all of "C": constant, so nothing is loaded */
    state.before = state.plain ? uselocale(state.plain) : (locale_t)0;
    return state;
}

static void leave_plain_locale(plain_locale_t state)
{
    fesetenv(&state.float_mode);
    if (!state.plain)
        return;
    uselocale(state.before);
    freelocale(state.plain);
}

pt__text_t pt__text_start(pt__memory_t *memory)
{
    return (pt__text_t){.memory = memory, .status = PT_OK};
}

/* Room for `more` bytes and the final 0; NULL once the text has failed. */
static char *reserve(pt__text_t *text, int64_t more)
{
    if (text->status == PT_OK)
        text->status = pt__grow(text->memory, &text->data, &text->capacity, text->length + more + 1, 1, "text");
    return text->status == PT_OK ? text->data + text->length : NULL;
}

void pt__text_add_bytes(pt__text_t *text, const char *bytes, int64_t length)
{
    char *end = reserve(text, length);
    if (!end || length <= 0)
        return;
    memcpy(end, bytes, (size_t)length);
    end[length] = 0;
    text->length += length;
}

/* Prints behind the text, as far as there is room; the host's allocator is never called in another mode than the
 * host's. */
static int print_plainly(pt__text_t *text, const char *format, va_list arguments)
{
    plain_locale_t locale = enter_plain_locale();
    int length = vsnprintf(text->data + text->length, (size_t)(text->capacity - text->length), format, arguments);
    leave_plain_locale(locale);
    return length;
}

void pt__text_add(pt__text_t *text, const char *format, ...)
{
    va_list arguments, again;
    if (!reserve(text, 64))
        return;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = print_plainly(text, format, arguments);
    if (length >= text->capacity - text->length && reserve(text, length))
        print_plainly(text, format, again);
    va_end(again);
    va_end(arguments);
    if (length < 0 && text->status == PT_OK)
        text->status = pt__fail(PT_ERR_INTERNAL, "a text could not be formatted by \"%s\"", format);
    if (text->status == PT_OK)
        text->length += length;
}

static void add_escaped(pt__text_t *text, char byte)
{
    static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *place = byte ? strchr(plain, byte) : NULL;
    if (place) {
        char pair[2] = {'\\', letters[place - plain]};
        pt__text_add_bytes(text, pair, 2);
    } else {
        pt__text_add(text, "\\u%04x", (unsigned)(unsigned char)byte);
    }
}

void pt__text_add_json_string(pt__text_t *text, const char *bytes, int64_t length)
{
    int64_t begin = 0, at = 0; /* [begin, at) goes over as it is */
    pt__text_add_bytes(text, "\"", 1);
    while (at < length) {
        int32_t n = pt__utf8_length(bytes + at, length - at);
        int plain = n > 1 || (n == 1 && (unsigned char)bytes[at] >= 0x20 && bytes[at] != '"' && bytes[at] != '\\');
        if (plain) {
            at += n;
            continue;
        }
        pt__text_add_bytes(text, bytes + begin, at - begin);
        if (n == 1)
            add_escaped(text, bytes[at]);
        else
            pt__text_add_bytes(text, "\xEF\xBF\xBD", 3);
        begin = ++at;
    }
    pt__text_add_bytes(text, bytes + begin, at - begin);
    pt__text_add_bytes(text, "\"", 1);
}

void pt__text_add_number(pt__text_t *text, double number)
{
    char digits[40];
    int length = 0;
    if (!isfinite(number)) {
        pt__text_add_bytes(text, "null", 4);
        return;
    }
    plain_locale_t locale = enter_plain_locale();
    for (int precision = 15; precision <= 17; precision++) {
        length = snprintf(digits, sizeof digits, "%.*g", precision, number);
        double back = strtod(digits, NULL);
        if (memcmp(&back, &number, sizeof back) == 0)
            break;
    }
    leave_plain_locale(locale);
    pt__text_add_bytes(text, digits, length);
}

pt_status_t pt__text_take(pt__text_t *text, char **out, int64_t *length)
{
    *out = NULL;
    if (reserve(text, 0) && text->length == 0)
        text->data[0] = 0;
    pt_status_t status = text->status;
    if (status == PT_OK) {
        *out = text->data;
        if (length)
            *length = text->length;
        text->data = NULL;
    }
    pt__text_free(text);
    return status;
}

void pt__text_free(pt__text_t *text)
{
    pt__release(text->memory, text->data);
    *text = pt__text_start(text->memory);
}

pt_status_t pt__text_give(pt__text_t *text, char *buffer, size_t size, size_t *length)
{
    pt_status_t status = text->status;
    if (status == PT_OK && buffer && size > 0) {
        size_t copied = (size_t)text->length < size ? (size_t)text->length : size - 1;
        if (copied > 0)
            memcpy(buffer, text->data, copied);
        buffer[copied] = 0;
    }
    if (status == PT_OK && length)
        *length = (size_t)text->length;
    pt__text_free(text);
    return status;
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
    plain_locale_t locale = enter_plain_locale();
    double value = strtod(copy, NULL);
    leave_plain_locale(locale);
    return value;
}

int32_t pt__parse_double(const char *bytes, int64_t length, double *out)
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

int32_t pt__parse_int64(const char *bytes, int64_t length, int64_t *out)
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
