#include "json_scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const slice_t none = {NULL, NULL};

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
        at++;
    return at;
}

static const char *skip_string(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++) {
        if (*at == '\\')
            at++;
    }
    return at < end ? at + 1 : NULL;
}

/* Behind the value that begins here, NULL where it has no end. Brackets are only counted. */
static const char *skip_value(const char *at, const char *end)
{
    int64_t depth = 0;
    do {
        at = skip_blanks(at, end);
        if (at >= end)
            return NULL;
        if (*at == '"') {
            at = skip_string(at, end);
            if (!at)
                return NULL;
        } else if (*at == '{' || *at == '[') {
            depth++;
            at++;
        } else if (*at == '}' || *at == ']') {
            depth--;
            at++;
        } else if (depth > 0 && (*at == ',' || *at == ':')) {
            at++;
        } else {
            const char *begin = at;
            while (at < end && !strchr(" \t\r\n,:{}[]\"", *at))
                at++;
            if (at == begin)
                return NULL;
        }
    } while (depth > 0);
    return depth == 0 ? at : NULL;
}

slice_t json_whole_text(const char *text, size_t length)
{
    const char *end = text + length, *begin = skip_blanks(text, end), *behind = skip_value(begin, end);
    return behind && skip_blanks(behind, end) == end ? (slice_t){begin, behind} : none;
}

/* What stands behind `at` in a list: past a comma, or none at the end. */
static slice_t next(slice_t list, const char *at)
{
    const char *end = list.end - 1;
    at = skip_blanks(at, end);
    if (at < end && *at == ',')
        at = skip_blanks(at + 1, end);
    const char *behind = at < end ? skip_value(at, end) : NULL;
    return behind ? (slice_t){at, behind} : none;
}

/* The value behind a key and its colon. */
static slice_t value_of(slice_t object, slice_t key)
{
    const char *end = object.end - 1, *at = skip_blanks(key.end, end);
    const char *behind = at < end && *at == ':' ? skip_value(at + 1, end) : NULL;
    return behind ? (slice_t){skip_blanks(at + 1, end), behind} : none;
}

slice_t json_element(slice_t array, slice_t previous)
{
    if (!array.begin || *array.begin != '[')
        return none;
    return next(array, previous.begin ? previous.end : array.begin + 1);
}

slice_t json_key(slice_t object, slice_t previous)
{
    if (!object.begin || *object.begin != '{')
        return none;
    if (!previous.begin)
        return next(object, object.begin + 1);
    slice_t value = value_of(object, previous);
    return value.begin ? next(object, value.end) : none;
}

slice_t json_member(slice_t object, const char *key)
{
    size_t length = strlen(key);
    for (slice_t at = json_key(object, none); at.begin; at = json_key(object, at)) {
        if ((size_t)(at.end - at.begin) == length + 2 && memcmp(at.begin + 1, key, length) == 0)
            return value_of(object, at);
    }
    return none;
}

int64_t json_count(slice_t value)
{
    int64_t count = 0;
    for (slice_t at = json_element(value, none); at.begin; at = json_element(value, at))
        count++;
    for (slice_t at = json_key(value, none); at.begin; at = json_key(value, at))
        count++;
    return count;
}

int json_copy_string(slice_t value, char *buffer, size_t size)
{
    size_t length = 0;
    if (!value.begin || *value.begin != '"')
        return 0;
    for (const char *at = value.begin + 1; at < value.end - 1; at++) {
        if (*at == '\\' && !strchr("\"\\/", *++at))
            return 0;
        if (length + 1 >= size)
            return 0;
        buffer[length++] = *at;
    }
    buffer[length] = 0;
    return 1;
}

int json_integer(slice_t value, int64_t *number)
{
    char digits[32], *end;
    size_t length = value.begin ? (size_t)(value.end - value.begin) : 0;
    if (length == 0 || length >= sizeof digits)
        return 0;
    memcpy(digits, value.begin, length);
    digits[length] = 0;
    errno = 0;
    long long whole = strtoll(digits, &end, 10);
    if (*end != 0 || errno != 0)
        return 0;
    *number = whole;
    return 1;
}
