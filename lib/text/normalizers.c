/* See normalizers.h. */
#include "text/normalizers.h"

static const pt__stage_kind_t kinds[] = {
    {"BertNormalizer", pt__read_bert_normalizer},
    {"Precompiled", pt__read_precompiled},
    {"Prepend", pt__read_prepend},
    {"Replace", pt__read_replace},
};

pt_status_t pt__normalizer_read(const pt__json_t *json, pt__stages_t *stages)
{
    return pt__stages_read(json, kinds, sizeof kinds / sizeof *kinds, "a normalizer", "normalizers", stages);
}
