/* A parsed value as text again: for configurations of which a part is replaced. Numbers keep their values. */
#include "base/json.h"

#include <math.h>

#include "base/text.h"

void pt__json_print(const pt__json_t *value, pt__text_t *text)
{
    const int32_t is_object = value->kind == PT__JSON_OBJECT;
    switch (value->kind) {
    case PT__JSON_NULL: pt__text_add(text, "null"); break;
    case PT__JSON_BOOL: pt__text_add(text, value->integer ? "true" : "false"); break;
    case PT__JSON_STRING: pt__text_add_json_string(text, value->string, value->length); break;
    case PT__JSON_NUMBER:
        if (value->is_integer)
            pt__text_add(text, "%lld", (long long)value->integer);
        else if (isinf(value->number)) /* what was beyond the range of double still is */
            pt__text_add(text, value->number < 0 ? "-1e999" : "1e999");
        else
            pt__text_add_number(text, value->number);
        break;
    case PT__JSON_ARRAY:
    case PT__JSON_OBJECT:
        pt__text_add(text, is_object ? "{" : "[");
        for (const pt__json_t *one = value->first; one != NULL; one = one->next) {
            pt__text_add(text, one == value->first ? "" : ", ");
            if (is_object) {
                pt__text_add_json_string(text, one->key, one->key_length);
                pt__text_add(text, ": ");
            }
            pt__json_print(one, text);
        }
        pt__text_add(text, is_object ? "}" : "]");
        break;
    }
}
