/* Normalizers: what a text becomes before it is cut. */
#include <string.h>

#include "text/stages.h"

pt_status_t pt__normalizer_read(const pt__json_t *json, pt__stages_t *stages)
{
    const char *name = NULL;
    const pt__json_t *list = NULL;
    PT__TRY(pt__json_get_string(json, "type", PT__JSON_REQUIRED, &name));
    if (strcmp(name, "Sequence") != 0)
        return pt__json_fail(json, PT_ERR_UNSUPPORTED, "a normalizer \"%s\" is not known here", name);
    PT__TRY(pt__json_get_array(json, "normalizers", PT__JSON_REQUIRED, &list));
    for (const pt__json_t *member = list->first; member != NULL; member = member->next)
        PT__TRY(pt__normalizer_read(member, stages));
    return PT_OK;
}
