/* See kinds.h. */
#include "text/kinds.h"

#include <string.h>

pt_status_t pt__kind_find(const pt__json_t *json, const void *kinds, size_t size, int64_t count, const char *what,
                          const char *members, int64_t *index, const pt__json_t **list)
{
    const char *type = NULL, *name;
    *list = NULL;
    PT__TRY(pt__json_get_string(json, "type", PT__JSON_REQUIRED, &type));
    for (*index = 0; *index < count; ++*index) {
        memcpy(&name, (const char *)kinds + (size_t)*index * size, sizeof name);
        if (strcmp(name, type) == 0)
            return PT_OK;
    }
    *index = -1;
    if (strcmp(type, "Sequence") != 0)
        return pt__json_fail(json, PT_ERR_UNSUPPORTED, "%s \"%s\" is not known here", what, type);
    return pt__json_get_array(json, members, PT__JSON_REQUIRED, list);
}
