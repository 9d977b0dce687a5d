/* See normalizers.h. */
#include "text/normalizers.h"

static const pt__stage_kind_t kinds[] = {
    {"BertNormalizer", pt__read_bert_normalizer},
    {"Precompiled", pt__read_precompiled},
    {"Prepend", pt__read_prepend},
    {"Replace", pt__read_replace},
    {"NFC", pt__read_nfc},
    {"NFD", pt__read_nfd},
    {"NFKC", pt__read_nfkc},
    {"NFKD", pt__read_nfkd},
    {"Lowercase", pt__read_lowercase},
    {"Strip", pt__read_strip},
    {"StripAccents", pt__read_strip_accents},
    {"Nmt", pt__read_nmt},
    {"ByteLevel", pt__read_bytes_normalizer},
};

pt_status_t pt__normalizer_read(const pt__json_t *json, pt__stages_t *stages)
{
    return pt__stages_read(json, kinds, sizeof kinds / sizeof *kinds, "a normalizer", "normalizers", stages);
}
