/* Numbers as text and back, whatever locale and rounding the host has set: the decimal point is always a point. */
#ifndef PT__NUMBER_H
#define PT__NUMBER_H

#include <math.h>
#include <stdint.h>

/* What messages print: a NaN has no sign there, which is chance and differs between processors and C libraries. */
static inline double pt__number_shown(double number)
{
    return isnan(number) ? fabs(number) : number;
}

enum { PT__NUMBER_SIZE = 40 };
/* The shortest digits that read back as the same double, which is finite; returns their length. */
int32_t pt__number_print(double number, char digits[PT__NUMBER_SIZE]);
/* A decimal number that takes up all of `length` bytes: sign, digits with a point, exponent; no blanks, no
 * hexadecimal, no "inf" or "nan". Correctly rounded; beyond the range of double it gives infinity or 0. Returns 0
 * where it is not a number. */
int32_t pt__number_parse(const char *bytes, int64_t length, double *out);
/* A whole number in int64's range: sign and digits. */
int32_t pt__number_parse_int64(const char *bytes, int64_t length, int64_t *out);

#endif
