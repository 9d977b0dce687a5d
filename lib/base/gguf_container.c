/* See gguf_container.h. */
#include "base/gguf_container.h"

#include <string.h>

enum { UINT8, INT8, UINT16, INT16, UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY, UINT64, INT64, FLOAT64, KINDS };

enum { DEEPEST = 4 };

static const int64_t sizes[KINDS] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

typedef struct cursor {
    const uint8_t *whole, *at, *end;
} cursor_t;

static uint64_t number_at(const uint8_t *at, int64_t size)
{
    uint64_t value = 0;
    for (int64_t i = 0; i < size; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

static pt_status_t fail_short(const cursor_t *cursor, const char *what, uint64_t wanted)
{
    return pt__fail(PT_ERR_FORMAT, "byte %lld: %s takes %llu bytes, and %lld are left",
                    (long long)(cursor->at - cursor->whole), what, (unsigned long long)wanted,
                    (long long)(cursor->end - cursor->at));
}

static pt_status_t read_number(cursor_t *cursor, int64_t size, const char *what, uint64_t *value)
{
    if (cursor->end - cursor->at < size)
        return fail_short(cursor, what, (uint64_t)size);
    *value = number_at(cursor->at, size);
    cursor->at += size;
    return PT_OK;
}

static pt_status_t read_string(cursor_t *cursor, const char *what, pt__gguf_string_t *string)
{
    uint64_t length = 0;
    PT__TRY(read_number(cursor, 8, what, &length));
    if (length > (uint64_t)(cursor->end - cursor->at))
        return fail_short(cursor, what, length);
    *string = (pt__gguf_string_t){(const char *)cursor->at, (int64_t)length};
    cursor->at += length;
    return PT_OK;
}

static pt_status_t read_array(cursor_t *cursor, uint64_t *kind, uint64_t *count)
{
    PT__TRY(read_number(cursor, 4, "a kind", kind));
    return read_number(cursor, 8, "a number of elements", count);
}

/* Elements of one kind; arrays of arrays down to a depth. */
static pt_status_t skip(cursor_t *cursor, uint64_t kind, uint64_t count, int32_t depth)
{
    pt__gguf_string_t string;
    if (kind >= KINDS || depth > DEEPEST)
        return pt__fail(PT_ERR_FORMAT, "byte %lld: a value of kind %llu, expected 0 to 12, arrays in at most %d others",
                        (long long)(cursor->at - cursor->whole), (unsigned long long)kind, DEEPEST);
    if (kind == ARRAY) {
        for (uint64_t i = 0; i < count; i++) {
            uint64_t inner = 0, inner_count = 0;
            PT__TRY(read_array(cursor, &inner, &inner_count));
            PT__TRY(skip(cursor, inner, inner_count, depth + 1));
        }
        return PT_OK;
    }
    if (kind == STRING) {
        for (uint64_t i = 0; i < count; i++)
            PT__TRY(read_string(cursor, "a string", &string));
        return PT_OK;
    }
    if (count > (uint64_t)(cursor->end - cursor->at) / (uint64_t)sizes[kind])
        return fail_short(cursor, "an array", count);
    cursor->at += count * (uint64_t)sizes[kind];
    return PT_OK;
}

static pt_status_t read_value(cursor_t *cursor, pt__gguf_value_t *value)
{
    uint64_t kind = 0;
    PT__TRY(read_number(cursor, 4, "a kind", &kind));
    value->is_array = kind == ARRAY;
    value->count = 1;
    if (value->is_array)
        PT__TRY(read_array(cursor, &kind, &value->count));
    value->kind = (uint32_t)kind;
    value->at = cursor->at;
    PT__TRY(skip(cursor, kind, value->count, 0));
    value->end = cursor->at;
    return PT_OK;
}

enum { HEADER = 4 + 4 + 8 + 8 /* magic, version, tensors, pairs */ };

int32_t pt__gguf_is(const uint8_t *bytes, int64_t size)
{
    return size >= 4 && memcmp(bytes, "GGUF", 4) == 0;
}

int32_t pt__gguf_equals(const pt__gguf_string_t *string, const char *text)
{
    return string->length == (int64_t)strlen(text) && memcmp(string->bytes, text, (size_t)string->length) == 0;
}

static pt_status_t read_pair(cursor_t *cursor, pt__gguf_string_t *key, pt__gguf_value_t *value)
{
    PT__TRY(read_string(cursor, "a key", key));
    return read_value(cursor, value);
}

int32_t pt__gguf_next_pair(const pt__gguf_t *gguf, int64_t *at, pt__gguf_string_t *key, pt__gguf_value_t *value)
{
    const int64_t from = *at == 0 ? HEADER : *at;
    cursor_t cursor = {gguf->bytes, gguf->bytes + from, gguf->bytes + gguf->size};
    if (from >= gguf->tensors_at || read_pair(&cursor, key, value) != PT_OK)
        return 0;
    *at = cursor.at - cursor.whole;
    return 1;
}

pt_status_t pt__gguf_next_tensor(const pt__gguf_t *gguf, int64_t *at, pt__gguf_tensor_t *tensor)
{
    enum { DIMENSIONS = sizeof tensor->sizes / sizeof *tensor->sizes };
    cursor_t cursor = {gguf->bytes, gguf->bytes + *at, gguf->bytes + gguf->size};
    uint64_t rank = 0, type = 0;
    PT__TRY(read_string(&cursor, "a tensor's name", &tensor->name));
    PT__TRY(read_number(&cursor, 4, "a number of dimensions", &rank));
    if (rank > DIMENSIONS)
        return pt__fail(PT_ERR_FORMAT, "byte %lld: a tensor of %llu dimensions, expected at most %d",
                        (long long)(cursor.at - cursor.whole), (unsigned long long)rank, DIMENSIONS);
    tensor->rank = (int32_t)rank;
    for (uint64_t i = 0; i < rank; i++)
        PT__TRY(read_number(&cursor, 8, "a tensor's size", &tensor->sizes[i]));
    PT__TRY(read_number(&cursor, 4, "a tensor's type", &type));
    PT__TRY(read_number(&cursor, 8, "a tensor's place", &tensor->offset));
    tensor->type = (uint32_t)type;
    *at = cursor.at - cursor.whole;
    return PT_OK;
}

/* All pairs, and where they end. */
static pt_status_t check_pairs(pt__gguf_t *gguf)
{
    cursor_t cursor = {gguf->bytes, gguf->bytes + HEADER, gguf->bytes + gguf->size};
    const uint64_t pairs = number_at(gguf->bytes + 16, 8);
    for (uint64_t i = 0; i < pairs; i++) {
        pt__gguf_string_t key;
        pt__gguf_value_t value;
        PT__TRY(read_pair(&cursor, &key, &value));
    }
    gguf->tensors_at = cursor.at - cursor.whole;
    return PT_OK;
}

pt_status_t pt__gguf_open(pt__gguf_t *gguf, const uint8_t *bytes, int64_t size)
{
    *gguf = (pt__gguf_t){.bytes = bytes, .size = size};
    if (size < HEADER)
        return pt__fail(PT_ERR_FORMAT, "%lld bytes, expected a header of %d", (long long)size, HEADER);
    const uint64_t version = number_at(bytes + 4, 4);
    if (version < 2 || version > 3)
        return pt__fail(PT_ERR_UNSUPPORTED, "GGUF of version %llu, expected 2 or 3", (unsigned long long)version);
    gguf->n_tensors = number_at(bytes + 8, 8);
    return check_pairs(gguf);
}

int32_t pt__gguf_find(const pt__gguf_t *gguf, const char *key, pt__gguf_value_t *value)
{
    pt__gguf_string_t name;
    int64_t at = 0;
    while (pt__gguf_next_pair(gguf, &at, &name, value))
        if (pt__gguf_equals(&name, key))
            return 1;
    return 0;
}

static pt_status_t fail_kind(const char *key, const pt__gguf_value_t *value, const char *expected)
{
    return pt__fail(PT_ERR_FORMAT, "%s is %s of kind %u, expected %s", key, value->is_array ? "an array" : "a value",
                    (unsigned)value->kind, expected);
}

pt_status_t pt__gguf_get_string(const pt__gguf_t *gguf, const char *key, pt__gguf_string_t *out)
{
    pt__gguf_value_t value;
    if (!pt__gguf_find(gguf, key, &value))
        return PT_OK;
    if (value.is_array || value.kind != STRING)
        return fail_kind(key, &value, "a string");
    *out = pt__gguf_next_string(&value);
    return PT_OK;
}

pt_status_t pt__gguf_get_integer(const pt__gguf_t *gguf, const char *key, int64_t low, int64_t high, int64_t *out)
{
    pt__gguf_value_t value;
    if (!pt__gguf_find(gguf, key, &value))
        return PT_OK;
    if (value.is_array || value.kind == FLOAT32 || value.kind == FLOAT64 || value.kind == STRING)
        return fail_kind(key, &value, "a whole number");
    uint64_t number = number_at(value.at, sizes[value.kind]);
    if (value.kind == INT32)
        number = (uint64_t)(int64_t)(int32_t)(uint32_t)number;
    if (number > INT64_MAX || (int64_t)number < low || (int64_t)number > high)
        return pt__fail(PT_ERR_FORMAT, "%s is %llu, expected %lld to %lld", key, (unsigned long long)number,
                        (long long)low, (long long)high);
    *out = (int64_t)number;
    return PT_OK;
}

pt_status_t pt__gguf_get_number(const pt__gguf_t *gguf, const char *key, double *out)
{
    pt__gguf_value_t value;
    float single;
    int64_t whole = 0;
    if (!pt__gguf_find(gguf, key, &value))
        return PT_OK;
    if (value.is_array || (value.kind != FLOAT32 && value.kind != FLOAT64)) {
        PT__TRY(pt__gguf_get_integer(gguf, key, 0, INT64_MAX, &whole));
        *out = (double)whole;
    } else if (value.kind == FLOAT32) {
        memcpy(&single, value.at, sizeof single);
        *out = (double)single;
    } else {
        memcpy(out, value.at, sizeof *out);
    }
    return PT_OK;
}

pt_status_t pt__gguf_get_array(const pt__gguf_t *gguf, const char *key, int32_t is_strings, pt__gguf_value_t *value)
{
    if (!pt__gguf_find(gguf, key, value)) {
        *value = (pt__gguf_value_t){.kind = UINT8};
        return PT_OK;
    }
    const int32_t is_number = value->kind == UINT32 || value->kind == INT32 || value->kind == FLOAT32;
    if (!value->is_array || (is_strings ? value->kind != STRING : !is_number))
        return fail_kind(key, value, is_strings ? "an array of strings" : "an array of numbers of 32 bits");
    return PT_OK;
}

pt__gguf_string_t pt__gguf_next_string(pt__gguf_value_t *value)
{
    const int64_t length = (int64_t)number_at(value->at, 8);
    const pt__gguf_string_t string = {(const char *)value->at + 8, length};
    value->at += 8 + length;
    return string;
}

double pt__gguf_number(const pt__gguf_value_t *value, int64_t index)
{
    const uint32_t bits = (uint32_t)number_at(value->at + 4 * index, 4);
    float number;
    if (value->kind == INT32)
        return (int32_t)bits;
    if (value->kind == UINT32)
        return bits;
    memcpy(&number, &bits, sizeof number);
    return (double)number;
}
