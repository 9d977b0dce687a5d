/* See padding.h. */
#include "text/padding.h"

#include <string.h>

#include "text/kinds.h"

enum { MOST_SEGMENT = 255 };

/* "BatchLongest", or {"Fixed": 128} */
static pt_status_t read_strategy(const pt__json_t *json, pt__padding_t *padding)
{
    const pt__json_t *strategy = pt__json_find(json, "strategy");
    padding->is_fixed = strategy != NULL && strategy->kind == PT__JSON_OBJECT;
    if (padding->is_fixed) {
        PT__TRY(pt__keys_check(strategy, "strategy of padding", "Fixed"));
        return pt__json_get_integer(strategy, "Fixed", PT__JSON_REQUIRED, 0, INT32_MAX, &padding->length);
    }
    if (strategy == NULL || strategy->kind != PT__JSON_STRING || strcmp(strategy->string, "BatchLongest") != 0)
        return pt__json_fail(strategy == NULL ? json : strategy, PT_ERR_FORMAT,
                             "expected a strategy, \"BatchLongest\" or {\"Fixed\": a length}");
    return PT_OK;
}

/* A token that the vocabulary does not have is only a name, as the reference writes one where none was given. */
static pt_status_t check_token(const pt__json_t *json, const pt__vocabulary_t *vocabulary, const char *token,
                               int64_t id)
{
    const int32_t known = pt__vocabulary_find_content(vocabulary, token, (int64_t)strlen(token));
    if (id >= vocabulary->count || !vocabulary->tokens[id].is_there)
        return pt__json_fail(pt__json_find(json, "pad_id"), PT_ERR_FORMAT, "no token has the id %lld", (long long)id);
    if (known >= 0 && known != id)
        return pt__json_fail(json, PT_ERR_FORMAT, "pad_id is %lld, but pad_token \"%.99s\" has the id %ld",
                             (long long)id, token, (long)known);
    return PT_OK;
}

pt_status_t pt__padding_read(const pt__json_t *json, const pt__vocabulary_t *vocabulary, pt__padding_t *padding)
{
    static const char keys[] = "strategy direction pad_to_multiple_of pad_id pad_type_id pad_token";
    const char *direction = NULL, *token = NULL;
    int64_t id = 0, segment = 0;
    PT__TRY(pt__keys_check(json, "padding", keys));
    PT__TRY(read_strategy(json, padding));
    PT__TRY(pt__json_get_string(json, "direction", PT__JSON_REQUIRED, &direction));
    PT__TRY(pt__json_get_integer(json, "pad_to_multiple_of", PT__JSON_OPTIONAL, 0, INT32_MAX, &padding->multiple));
    PT__TRY(pt__json_get_integer(json, "pad_id", PT__JSON_REQUIRED, 0, INT32_MAX, &id));
    PT__TRY(pt__json_get_integer(json, "pad_type_id", PT__JSON_REQUIRED, 0, MOST_SEGMENT, &segment));
    PT__TRY(pt__json_get_string(json, "pad_token", PT__JSON_REQUIRED, &token));
    PT__TRY(check_token(json, vocabulary, token, id));
    padding->is_given = 1;
    padding->is_left = strcmp(direction, "Left") == 0;
    padding->id = (int32_t)id;
    padding->segment = (uint8_t)segment;
    if (!padding->is_left && strcmp(direction, "Right") != 0)
        return pt__json_fail(json, PT_ERR_FORMAT, "direction is \"%s\", expected Left or Right", direction);
    return PT_OK;
}

int64_t pt__padding_length(const pt__padding_t *padding, int64_t longest)
{
    const int64_t length = padding->is_fixed ? padding->length : longest,
                  past = padding->multiple > 0 ? length % padding->multiple : 0;
    return past > 0 ? length + padding->multiple - past : length;
}
