/* See normalizers.h. */
#include "text/normalizers.h"

#include <string.h>

static pt__normalizer_read_fn read_sequence;

static const struct {
    const char *name;
    pt__normalizer_read_fn *read;
} kinds[] = {
    {"Sequence", read_sequence},
    {"BertNormalizer", pt__read_bert_normalizer},
};

pt_status_t pt__normalizer_read(const pt__json_t *json, pt__stages_t *stages)
{
    const char *name = NULL;
    PT__TRY(pt__json_get_string(json, "type", PT__JSON_REQUIRED, &name));
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return kinds[i].read(json, stages);
    return pt__json_fail(json, PT_ERR_UNSUPPORTED, "a normalizer \"%s\" is not known here", name);
}

static pt_status_t read_sequence(const pt__json_t *json, pt__stages_t *stages)
{
    const pt__json_t *list = NULL;
    PT__TRY(pt__json_get_array(json, "normalizers", PT__JSON_REQUIRED, &list));
    for (const pt__json_t *member = list->first; member != NULL; member = member->next)
        PT__TRY(pt__normalizer_read(member, stages));
    return PT_OK;
}
