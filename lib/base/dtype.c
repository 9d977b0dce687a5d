/* Conversion goes through a chunk of int64 (integers to integers) or double (everything else) on the stack; the
 * pairs that datasets and weights are made of have loops of their own. */
#include "base/dtype.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/blocks.h"
#include "base/number.h"
#include "base/portability.h"

enum { CHUNK = 256 };

static const struct dtype {
    const char *name;
    int32_t size, is_float;
    int64_t low, high; /* of the integer types; uint64 as far as int64 reaches */
} dtypes[] = {
    [PT_FLOAT32] = {"float32", 4, 1, 0, 0},
    [PT_FLOAT64] = {"float64", 8, 1, 0, 0},
    [PT_FLOAT16] = {"float16", 2, 1, 0, 0},
    [PT_BFLOAT16] = {"bfloat16", 2, 1, 0, 0},
    [PT_INT8] = {"int8", 1, 0, INT8_MIN, INT8_MAX},
    [PT_INT16] = {"int16", 2, 0, INT16_MIN, INT16_MAX},
    [PT_INT32] = {"int32", 4, 0, INT32_MIN, INT32_MAX},
    [PT_INT64] = {"int64", 8, 0, INT64_MIN, INT64_MAX},
    [PT_UINT8] = {"uint8", 1, 0, 0, UINT8_MAX},
    [PT_UINT16] = {"uint16", 2, 0, 0, UINT16_MAX},
    [PT_UINT32] = {"uint32", 4, 0, 0, UINT32_MAX},
    [PT_UINT64] = {"uint64", 8, 0, 0, INT64_MAX},
    [PT_BOOL] = {"bool", 1, 0, 0, 1},
};

enum { DTYPES = sizeof dtypes / sizeof dtypes[0] };

static const struct dtype *find(int32_t dtype)
{
    return dtype > 0 && dtype < DTYPES ? &dtypes[dtype] : NULL;
}

pt__dtype_unit_t pt__dtype_unit(int32_t dtype)
{
    const pt__block_format_t *format = pt__block_format(dtype);
    if (format != NULL)
        return (pt__dtype_unit_t){format->elements, format->bytes};
    return find(dtype) ? (pt__dtype_unit_t){1, find(dtype)->size} : (pt__dtype_unit_t){0, 0};
}

int64_t pt__dtype_bytes(int32_t dtype, int64_t n)
{
    pt__dtype_unit_t unit = pt__dtype_unit(dtype);
    return unit.elements > 0 ? n / unit.elements * unit.bytes : 0;
}

int32_t pt__dtype_is_narrow(int32_t dtype)
{
    return dtype == PT_FLOAT16 || dtype == PT_BFLOAT16 || pt__block_format(dtype) != NULL;
}

int32_t pt__dtype_is_weight(int32_t dtype)
{
    return pt__dtype_is_float(dtype) || pt__block_format(dtype) != NULL;
}

int64_t pt__dtype_size(int32_t dtype)
{
    return find(dtype) ? find(dtype)->size : 0;
}

const char *pt__dtype_name(int32_t dtype)
{
    if (pt__block_format(dtype))
        return pt__block_format(dtype)->name;
    return find(dtype) ? find(dtype)->name : "unknown dtype";
}

int32_t pt__dtype_is_float(int32_t dtype)
{
    return find(dtype) && find(dtype)->is_float;
}

int32_t pt__dtype_find(const char *name)
{
    for (int32_t dtype = 1; name && dtype < DTYPES; dtype++)
        if (strcmp(dtypes[dtype].name, name) == 0)
            return dtype;
    return 0;
}

pt_status_t pt__sizes_elements(const char *what, int32_t rank, const int64_t *shape, int64_t *elements)
{
    int64_t product = 1;
    int empty = 0;
    if (rank < 0 || rank > PT_MAX_RANK)
        return pt__fail(PT_ERR_SHAPE, "%s: rank %d; expected 0 to %d", what, (int)rank, PT_MAX_RANK);
    for (int32_t i = 0; i < rank; i++) {
        if (shape[i] < 0)
            return pt__fail(PT_ERR_SHAPE, "%s: dimension %d is %" PRId64 "; expected 0 or more", what, (int)i,
                            shape[i]);
        empty |= shape[i] == 0;
    }
    for (int32_t i = 0; i < rank && !empty; i++) {
        if (shape[i] > INT64_MAX / product)
            return pt__fail(PT_ERR_SHAPE, "%s: the shape has more elements than 64 bits can count", what);
        product *= shape[i];
    }
    *elements = empty ? 0 : product;
    return PT_OK;
}

const char *pt__sizes_print(int32_t rank, const int64_t *shape, char *buffer, size_t size)
{
    size_t length = 0;
    for (int32_t i = 0; i < rank && length < size; i++) {
        const char *before = i ? ", " : "[";
        if (shape[i] == PT_DIM_BATCH || shape[i] == PT_DIM_TOKENS)
            length += (size_t)snprintf(buffer + length, size - length, "%s%s", before,
                                       shape[i] == PT_DIM_BATCH ? "batch" : "tokens");
        else
            length += (size_t)snprintf(buffer + length, size - length, "%s%" PRId64, before, shape[i]);
    }
    if (length < size)
        snprintf(buffer + length, size - length, rank > 0 ? "]" : "[]");
    return buffer;
}

/* Rounded to odd: the result can be rounded once more, to fewer bits, without rounding twice. */
static float to_odd_float(double value)
{
    float rounded = (float)value;
    uint32_t bits;
    if ((double)rounded == value || isnan(value))
        return rounded;
    memcpy(&bits, &rounded, sizeof bits);
    if (fabs((double)rounded) > fabs(value))
        bits--;
    bits |= 1;
    memcpy(&rounded, &bits, sizeof rounded);
    return rounded;
}

/* src[0..n) of any integer type; uint64 beyond int64 sets *index to its place and is left to the caller. */
static void load_integers(int32_t dtype, const unsigned char *src, int64_t n, int64_t *dst, int64_t *index)
{
#define LOAD(type)                                                    \
    for (int64_t i = 0; i < n; i++) {                                 \
        type value;                                                   \
        memcpy(&value, src + (size_t)i * sizeof value, sizeof value); \
        dst[i] = (int64_t)value;                                      \
    }                                                                 \
    break
    switch (dtype) {
    case PT_INT8:
        LOAD(int8_t);
    case PT_INT16:
        LOAD(int16_t);
    case PT_INT32:
        LOAD(int32_t);
    case PT_INT64:
        LOAD(int64_t);
    case PT_UINT16:
        LOAD(uint16_t);
    case PT_UINT32:
        LOAD(uint32_t);
    case PT_UINT64:
        LOAD(uint64_t);
    default: /* uint8, bool */
        LOAD(uint8_t);
    }
#undef LOAD
    for (int64_t i = n; dtype == PT_UINT64 && i-- > 0;)
        if (dst[i] < 0)
            *index = i;
}

static void load_doubles(int32_t dtype, const unsigned char *src, int64_t n, double *dst)
{
    int64_t integers[CHUNK], beyond;
    if (!dtypes[dtype].is_float) {
        load_integers(dtype, src, n, integers, &beyond);
        for (int64_t i = 0; i < n; i++)
            dst[i] = dtype == PT_UINT64 ? (double)(uint64_t)integers[i] : (double)integers[i];
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        float single;
        uint16_t half;
        switch (dtype) {
        case PT_FLOAT32:
            memcpy(&single, src + (size_t)i * 4, 4);
            dst[i] = (double)single;
            break;
        case PT_FLOAT64:
            memcpy(&dst[i], src + (size_t)i * 8, 8);
            break;
        default:
            memcpy(&half, src + (size_t)i * 2, 2);
            dst[i] = (double)(dtype == PT_FLOAT16 ? pt__half_to_float(half) : pt__bfloat_to_float(half));
        }
    }
}

/* Returns the first element that does not fit, or -1. */
static int64_t store_doubles(int32_t dtype, const double *src, int64_t n, unsigned char *dst)
{
    for (int64_t i = 0; i < n; i++) {
        float single = (float)src[i];
        uint16_t half = 0;
        int infinite = isinf(single);
        switch (dtype) {
        case PT_FLOAT64:
            infinite = 0;
            memcpy(dst + (size_t)i * 8, &src[i], 8);
            break;
        case PT_FLOAT32:
            memcpy(dst + (size_t)i * 4, &single, 4);
            break;
        default:
            half = dtype == PT_FLOAT16 ? pt__float_to_half(to_odd_float(src[i]))
                                       : pt__float_to_bfloat(to_odd_float(src[i]));
            infinite = (half & 0x7FFF) == (dtype == PT_FLOAT16 ? 0x7C00 : 0x7F80);
            memcpy(dst + (size_t)i * 2, &half, 2);
        }
        if (infinite && !isinf(src[i]))
            return i;
    }
    return -1;
}

static int64_t store_integers(int32_t dtype, const int64_t *src, int64_t n, unsigned char *dst)
{
    int64_t low = dtypes[dtype].low, high = dtypes[dtype].high;
    for (int64_t i = 0; i < n; i++)
        if (src[i] < low || src[i] > high)
            return i;
    for (int64_t i = 0; i < n; i++) {
        int8_t value8 = (int8_t)src[i];
        int16_t value16 = (int16_t)src[i];
        int32_t value32 = (int32_t)src[i];
        switch (dtypes[dtype].size) { /* two's complement: signed and unsigned have the same bits */
        case 1:
            memcpy(dst + i, &value8, 1);
            break;
        case 2:
            memcpy(dst + 2 * i, &value16, 2);
            break;
        case 4:
            memcpy(dst + 4 * i, &value32, 4);
            break;
        default:
            memcpy(dst + 8 * i, &src[i], 8);
        }
    }
    return -1;
}

/* Doubles that are whole and within int64; uint64 beyond int64 counts as out of range here. */
static int64_t doubles_to_integers(const double *src, int64_t n, int64_t *dst)
{
    for (int64_t i = 0; i < n; i++) {
        if (!(src[i] >= -0x1p63 && src[i] < 0x1p63) || src[i] != floor(src[i]))
            return i;
        dst[i] = (int64_t)src[i];
    }
    return -1;
}

static pt_status_t misfit(const char *what, int64_t index, int32_t src_dtype, const unsigned char *src,
                          int32_t dst_dtype)
{
    double value;
    load_doubles(src_dtype, src + index * dtypes[src_dtype].size, 1, &value);
    return pt__fail(PT_ERR_ARGUMENT, "%s: element %" PRId64 " is %.17g (%s), which does not fit %s", what, index,
                    pt__number_shown(value), dtypes[src_dtype].name, dtypes[dst_dtype].name);
}

/* One chunk; returns the first element that does not fit, or -1. */
static int64_t convert_chunk(int32_t src_dtype, const unsigned char *src, int32_t dst_dtype, unsigned char *dst,
                             int64_t n)
{
    double doubles[CHUNK];
    int64_t integers[CHUNK], bad = -1;
    if (dtypes[dst_dtype].is_float) {
        load_doubles(src_dtype, src, n, doubles);
        return store_doubles(dst_dtype, doubles, n, dst);
    }
    if (dtypes[src_dtype].is_float) {
        load_doubles(src_dtype, src, n, doubles);
        bad = doubles_to_integers(doubles, n, integers);
    } else {
        load_integers(src_dtype, src, n, integers, &bad);
    }
    /* what precedes a bad element is checked first, so that the first one is named */
    int64_t worse = store_integers(dst_dtype, integers, bad < 0 ? n : bad, dst);
    return worse >= 0 ? worse : bad;
}

static int convert_directly(int32_t src_dtype, const void *src, int32_t dst_dtype, void *dst, int64_t n)
{
    float value;
    uint16_t half;
    if (src_dtype == dst_dtype && dst_dtype != PT_BOOL) {
        if (n > 0)
            memcpy(dst, src, (size_t)(n * dtypes[dst_dtype].size));
        return 1;
    }
    if (dst_dtype != PT_FLOAT32 || (src_dtype != PT_UINT8 && src_dtype != PT_BFLOAT16 && src_dtype != PT_FLOAT16))
        return 0;
    for (int64_t i = 0; i < n; i++) {
        if (src_dtype == PT_UINT8) {
            value = (float)((const uint8_t *)src)[i];
        } else {
            memcpy(&half, (const char *)src + 2 * i, 2);
            value = src_dtype == PT_BFLOAT16 ? pt__bfloat_to_float(half) : pt__half_to_float(half);
        }
        memcpy((char *)dst + 4 * i, &value, 4);
    }
    return 1;
}

pt_status_t pt__dtype_convert(const char *what, int32_t src_dtype, const void *src, int32_t dst_dtype, void *dst,
                              int64_t n)
{
    if (pt__block_format(src_dtype) && dst_dtype == PT_FLOAT32) {
        uint64_t mode = pt__float_mode_get();
        pt__float_mode_set(PT__FLOAT_MODE_EXACT);
        pt__blocks_to_floats(src_dtype, src, n, dst);
        pt__float_mode_set(mode);
        return PT_OK;
    }
    if (!find(src_dtype) || !find(dst_dtype))
        return pt__fail(PT_ERR_ARGUMENT, "%s: %d is no dtype", what, (int)(find(src_dtype) ? dst_dtype : src_dtype));
    if (convert_directly(src_dtype, src, dst_dtype, dst, n))
        return PT_OK;
    int64_t bad = -1;
    uint64_t mode = pt__float_mode_get();
    pt__float_mode_set(PT__FLOAT_MODE_EXACT); /* not the host's rounding and traps */
    for (int64_t first = 0; first < n && bad < 0; first += CHUNK) {
        int64_t count = n - first < CHUNK ? n - first : CHUNK;
        bad = convert_chunk(src_dtype, (const unsigned char *)src + first * dtypes[src_dtype].size, dst_dtype,
                            (unsigned char *)dst + first * dtypes[dst_dtype].size, count);
        bad += bad < 0 ? 0 : first;
    }
    pt__float_mode_set(mode);
    return bad < 0 ? PT_OK : misfit(what, bad, src_dtype, src, dst_dtype);
}
