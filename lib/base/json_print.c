/* JSON as text: its strings and numbers, and a parsed value again, for configurations of which a part is replaced. */
#include "base/json.h"

#include <math.h>
#include <string.h>

#include "base/number.h"
#include "base/text.h"
#include "base/utf8.h"

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

void pt__json_add_string(pt__text_t *text, const char *bytes, int64_t length)
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

void pt__json_add_number(pt__text_t *text, double number)
{
    char digits[PT__NUMBER_SIZE];
    if (isfinite(number))
        pt__text_add_bytes(text, digits, pt__number_print(number, digits));
    else
        pt__text_add_bytes(text, "null", 4);
}

void pt__json_print_member(const pt__json_t *member, pt__text_t *text)
{
    pt__json_add_string(text, member->key, member->key_length);
    pt__text_add(text, ": ");
    pt__json_print(member, text);
}

void pt__json_print(const pt__json_t *value, pt__text_t *text)
{
    const int32_t is_object = value->kind == PT__JSON_OBJECT;
    switch (value->kind) {
    case PT__JSON_NULL:
        pt__text_add(text, "null");
        break;
    case PT__JSON_BOOL:
        pt__text_add(text, value->integer ? "true" : "false");
        break;
    case PT__JSON_STRING:
        pt__json_add_string(text, value->string, value->length);
        break;
    case PT__JSON_NUMBER:
        if (value->is_integer)
            pt__text_add(text, "%lld", (long long)value->integer);
        else if (isinf(value->number)) /* what was beyond the range of double still is */
            pt__text_add(text, value->number < 0 ? "-1e999" : "1e999");
        else
            pt__json_add_number(text, value->number);
        break;
    case PT__JSON_ARRAY:
    case PT__JSON_OBJECT:
        pt__text_add(text, is_object ? "{" : "[");
        for (const pt__json_t *one = value->first; one != NULL; one = one->next) {
            pt__text_add(text, one == value->first ? "" : ", ");
            (is_object ? pt__json_print_member : pt__json_print)(one, text);
        }
        pt__text_add(text, is_object ? "}" : "]");
        break;
    }
}
