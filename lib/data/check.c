/* The checks that values pass before a kernel reads them: indices within their table, floats finite. Called for
 * every batch, so the loops over good values have no branch and vectorise; only a failure looks for the value to
 * name. */
#include <string.h>

#include "data/data.h"

/* Tells whether any of `count` values is neither within [0, limit) nor `ignore`; INT32_MIN ignores none, itself
 * neither. */
static int32_t has_bad_index(const int32_t *values, int64_t count, uint32_t limit, int32_t ignore)
{
    uint32_t bad = 0, none = ignore == INT32_MIN;
    for (int64_t i = 0; i < count; i++)
        bad |= (uint32_t)((uint32_t)values[i] >= limit) & ((uint32_t)(values[i] != ignore) | none);
    return bad != 0;
}

pt_status_t pt__check_index(const char *field, int64_t first_sample, const int32_t *values, int64_t count,
                            int64_t limit, int32_t ignore)
{
    uint32_t bound = limit > INT32_MAX ? (uint32_t)INT32_MAX + 1 : (uint32_t)limit;
    if (limit <= 0 || !has_bad_index(values, count, bound, ignore))
        return PT_OK;
    int64_t i = 0;
    while (!has_bad_index(values + i, 1, bound, ignore))
        i++;
    if (ignore == INT32_MIN)
        return pt__fail(PT_ERR_ARGUMENT, "field \"%s\": element %lld is %ld, expected 0 to %lld", field,
                        (long long)(first_sample + i), (long)values[i], (long long)limit - 1);
    return pt__fail(PT_ERR_ARGUMENT,
                    "field \"%s\": element %lld is %ld, expected 0 to %lld, or %ld for one that does not count", field,
                    (long long)(first_sample + i), (long)values[i], (long long)limit - 1, (long)ignore);
}

/* A float is NaN or infinite where all bits of its exponent are set: one more in the last of them then reaches the sign
 * bit, which is clear before. */
static uint32_t carry_of(const float *value)
{
    uint32_t bits;
    memcpy(&bits, value, sizeof bits);
    return (bits & 0x7fffffffu) + 0x00800000u;
}

/* From four places side by side, so that there is more to do than to count. */
static int32_t has_nonfinite(const float *values, int64_t count)
{
    const int64_t quarter = count / 4;
    uint32_t carries = 0;
    for (int64_t i = 0; i < quarter; i++)
        carries |= carry_of(values + i) | carry_of(values + quarter + i) | carry_of(values + 2 * quarter + i) |
                   carry_of(values + 3 * quarter + i);
    for (int64_t i = 4 * quarter; i < count; i++)
        carries |= carry_of(values + i);
    return (carries & 0x80000000u) != 0;
}

pt_status_t pt__check_finite(const char *field, const float *values, int64_t count)
{
    if (!has_nonfinite(values, count))
        return PT_OK;
    int64_t i = 0;
    while (!has_nonfinite(values + i, 1))
        i++;
    return pt__fail(PT_ERR_NONFINITE, "field \"%s\": element %lld is %s, expected a finite number", field, (long long)i,
                    values[i] > 0   ? "infinity"
                    : values[i] < 0 ? "-infinity"
                                    : "NaN");
}
