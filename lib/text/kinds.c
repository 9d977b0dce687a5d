/* See kinds.h. */
#include "text/kinds.h"

#include <string.h>

static int32_t is_listed(const pt__json_t *member, const char *keys)
{
    for (const char *key = keys; *key != 0;) {
        const size_t length = strcspn(key, " ");
        if (strlen(member->key) == length && memcmp(member->key, key, length) == 0)
            return 1;
        key += length + (key[length] == ' ');
    }
    return 0;
}

static pt_status_t check_keys(const pt__json_t *json, const char *what, const char *keys, const char *more)
{
    for (const pt__json_t *member = json->first; member != NULL; member = member->next)
        if (member->kind != PT__JSON_NULL && !is_listed(member, keys) && !is_listed(member, more))
            return pt__json_fail(member, PT_ERR_UNSUPPORTED, "a \"%s\" with this key is not known here", what);
    return PT_OK;
}

pt_status_t pt__keys_check(const pt__json_t *json, const char *what, const char *keys)
{
    return json->kind == PT__JSON_OBJECT ? check_keys(json, what, keys, "") : PT_OK;
}

pt_status_t pt__kind_find(const pt__json_t *json, const void *kinds, size_t size, int64_t count, const char *what,
                          const char *members, int64_t *index, const pt__json_t **list)
{
    const char *type = NULL, *texts[2];
    *list = NULL;
    PT__TRY(pt__json_get_string(json, "type", PT__JSON_REQUIRED, &type));
    for (*index = 0; *index < count; ++*index) {
        memcpy(texts, (const char *)kinds + (size_t)*index * size, sizeof texts);
        if (strcmp(texts[0], type) == 0)
            return check_keys(json, type, texts[1], "type");
    }
    *index = -1;
    if (strcmp(type, "Sequence") != 0)
        return pt__json_fail(json, PT_ERR_UNSUPPORTED, "%s \"%s\" is not known here", what, type);
    PT__TRY(check_keys(json, type, members, "type"));
    return pt__json_get_array(json, members, PT__JSON_REQUIRED, list);
}
