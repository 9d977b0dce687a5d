/* Typed reading of members, with messages that name the key's path, the expected and the found. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/plain_locale.h"

enum { PATH_SIZE = 256 };

const char *pt__json_kind_name(pt__json_kind_t kind)
{
    static const char *const names[] = {"null", "true or false", "a number", "a string", "an array", "an object"};
    return (size_t)kind < sizeof names / sizeof names[0] ? names[kind] : "nothing";
}

/* Appends the value's path; returns its length. Deep paths are cut at the end. */
static size_t write_path(const pt__json_t *value, char *buffer, size_t size)
{
    size_t length = 0;
    int written;
    if (!value || !value->parent) {
        buffer[0] = 0;
        return 0;
    }
    length = write_path(value->parent, buffer, size);
    if (value->key) {
        written = snprintf(buffer + length, size - length, "%s%s", length ? "." : "", value->key);
    } else {
        int64_t index = 0;
        for (const pt__json_t *before = value->parent->first; before != value; before = before->next)
            index++;
        written = snprintf(buffer + length, size - length, "[%" PRId64 "]", index);
    }
    length += written > 0 ? (size_t)written : 0;
    return length < size ? length : size - 1;
}

pt_status_t pt__json_fail(const pt__json_t *value, pt_status_t status, const char *format, ...)
{
    char path[PATH_SIZE], message[PT__MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    if (pt__plain_print(message, sizeof message, format, arguments) < 0)
        message[0] = 0;
    va_end(arguments);
    if (write_path(value, path, sizeof path) == 0)
        return pt__fail(status, "%s", message);
    return pt__fail(status, "%s: %s", path, message);
}

/* The member, or NULL in *out where it is missing or null and may be. */
static pt_status_t member_of(const pt__json_t *object, const char *key, int32_t need, const pt__json_t **out)
{
    *out = NULL;
    if (object->kind != PT__JSON_OBJECT)
        return pt__json_fail(object, PT_ERR_FORMAT, "expected an object with the key \"%s\", found %s", key,
                             pt__json_kind_name(object->kind));
    const pt__json_t *member = pt__json_find(object, key);
    if (member && member->kind != PT__JSON_NULL)
        *out = member;
    else if (need == PT__JSON_REQUIRED)
        return pt__json_fail(object, PT_ERR_NOT_FOUND, "the key \"%s\" is %s", key, member ? "null" : "missing");
    return PT_OK;
}

/* The same, and of this kind. */
static pt_status_t member_of_kind(const pt__json_t *object, const char *key, int32_t need, pt__json_kind_t kind,
                                  const pt__json_t **out)
{
    PT__TRY(member_of(object, key, need, out));
    if (*out && (*out)->kind != kind)
        return pt__json_fail(*out, PT_ERR_FORMAT, "expected %s, found %s", pt__json_kind_name(kind),
                             pt__json_kind_name((*out)->kind));
    return PT_OK;
}

pt_status_t pt__json_get_integer(const pt__json_t *object, const char *key, int32_t need, int64_t low, int64_t high,
                                 int64_t *out)
{
    const pt__json_t *member;
    PT__TRY(member_of_kind(object, key, need, PT__JSON_NUMBER, &member));
    if (!member)
        return PT_OK;
    int64_t value = member->integer;
    if (!member->is_integer) {
        int fits = member->number >= -0x1p63 && member->number < 0x1p63;
        value = fits ? (int64_t)member->number : 0;
        if (!fits || (double)value != member->number)
            return pt__json_fail(member, PT_ERR_FORMAT,
                                 "expected a whole number from %" PRId64 " to %" PRId64 ", found %.17g", low, high,
                                 member->number);
    }
    if (value < low || value > high)
        return pt__json_fail(member, PT_ERR_FORMAT,
                             "expected a whole number from %" PRId64 " to %" PRId64 ", found %" PRId64, low, high,
                             value);
    *out = value;
    return PT_OK;
}

pt_status_t pt__json_get_number(const pt__json_t *object, const char *key, int32_t need, double low, double high,
                                double *out)
{
    const pt__json_t *member;
    PT__TRY(member_of_kind(object, key, need, PT__JSON_NUMBER, &member));
    if (!member)
        return PT_OK;
    if (!(member->number >= low && member->number <= high))
        return pt__json_fail(member, PT_ERR_FORMAT, "expected a number from %g to %g, found %.17g", low, high,
                             member->number);
    *out = member->number;
    return PT_OK;
}

pt_status_t pt__json_get_bool(const pt__json_t *object, const char *key, int32_t need, int32_t *out)
{
    const pt__json_t *member;
    PT__TRY(member_of_kind(object, key, need, PT__JSON_BOOL, &member));
    if (member)
        *out = (int32_t)member->integer;
    return PT_OK;
}

pt_status_t pt__json_get_string(const pt__json_t *object, const char *key, int32_t need, const char **out)
{
    const pt__json_t *member;
    PT__TRY(member_of_kind(object, key, need, PT__JSON_STRING, &member));
    if (!member)
        return PT_OK;
    if (strlen(member->string) != (size_t)member->length)
        return pt__json_fail(member, PT_ERR_FORMAT, "expected a string without the character 0");
    *out = member->string;
    return PT_OK;
}

pt_status_t pt__json_get_array(const pt__json_t *object, const char *key, int32_t need, const pt__json_t **out)
{
    const pt__json_t *member;
    PT__TRY(member_of_kind(object, key, need, PT__JSON_ARRAY, &member));
    if (member)
        *out = member;
    return PT_OK;
}

pt_status_t pt__json_get_object(const pt__json_t *object, const char *key, int32_t need, const pt__json_t **out)
{
    const pt__json_t *member;
    PT__TRY(member_of_kind(object, key, need, PT__JSON_OBJECT, &member));
    if (member)
        *out = member;
    return PT_OK;
}
