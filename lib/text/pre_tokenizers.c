/* See pre_tokenizers.h. */
#include "text/pre_tokenizers.h"

#include <string.h>

static pt__stage_read_fn read_sequence;

static const struct {
    const char *name;
    pt__stage_read_fn *read;
} kinds[] = {
    {"Sequence", read_sequence},
    {"ByteLevel", pt__read_byte_level},
    {"Split", pt__read_split},
    {"BertPreTokenizer", pt__read_bert_words},
};

pt_status_t pt__pre_tokenizer_read(const pt__json_t *json, pt__stages_t *stages)
{
    const char *name = NULL;
    PT__TRY(pt__json_get_string(json, "type", PT__JSON_REQUIRED, &name));
    if (stages->is_byte_level)
        return pt__json_fail(json, PT_ERR_UNSUPPORTED,
                             "\"%s\" stands behind \"ByteLevel\", after which there are no characters here", name);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return kinds[i].read(json, stages);
    return pt__json_fail(json, PT_ERR_UNSUPPORTED, "a pre-tokenizer \"%s\" is not known here", name);
}

static pt_status_t read_sequence(const pt__json_t *json, pt__stages_t *stages)
{
    const pt__json_t *list;
    PT__TRY(pt__json_get_array(json, "pretokenizers", PT__JSON_REQUIRED, &list));
    for (const pt__json_t *member = list->first; member != NULL; member = member->next)
        PT__TRY(pt__pre_tokenizer_read(member, stages));
    return PT_OK;
}
