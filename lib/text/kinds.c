/* See kinds.h. */
#include "text/kinds.h"

#include <string.h>

/* A key that is passed over may have meant something. */
static pt_status_t check_keys(const pt__json_t *json, const char *type, const char *keys)
{
    for (const pt__json_t *member = json->first; member != NULL; member = member->next) {
        int32_t is_known = strcmp(member->key, "type") == 0 || member->kind == PT__JSON_NULL;
        for (const char *key = keys; *key != 0 && !is_known;) {
            const size_t length = strcspn(key, " ");
            is_known = strlen(member->key) == length && memcmp(member->key, key, length) == 0;
            key += length + (key[length] == ' ');
        }
        if (!is_known)
            return pt__json_fail(member, PT_ERR_UNSUPPORTED, "a \"%s\" with this key is not known here", type);
    }
    return PT_OK;
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
            return check_keys(json, type, texts[1]);
    }
    *index = -1;
    if (strcmp(type, "Sequence") != 0)
        return pt__json_fail(json, PT_ERR_UNSUPPORTED, "%s \"%s\" is not known here", what, type);
    PT__TRY(check_keys(json, type, members));
    return pt__json_get_array(json, members, PT__JSON_REQUIRED, list);
}
