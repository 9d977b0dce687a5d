/* See normalizers.h. */
#include "text/normalizers.h"

static const pt__stage_kind_t kinds[] = {
    {"BertNormalizer", "clean_text handle_chinese_chars strip_accents lowercase", pt__read_bert_normalizer},
    {"Precompiled", "precompiled_charsmap longest_match", pt__read_precompiled},
    {"Prepend", "prepend", pt__read_prepend},
    {"Replace", "pattern content", pt__read_replace},
    {"NFC", "", pt__read_nfc},
    {"NFD", "", pt__read_nfd},
    {"NFKC", "", pt__read_nfkc},
    {"NFKD", "", pt__read_nfkd},
    {"Lowercase", "", pt__read_lowercase},
    {"Strip", "strip_left strip_right", pt__read_strip},
    {"StripAccents", "", pt__read_strip_accents},
    {"Nmt", "", pt__read_nmt},
    {"ByteLevel", "", pt__read_bytes_normalizer},
};

pt_status_t pt__normalizer_read(const pt__json_t *json, pt__stages_t *stages)
{
    return pt__stages_read(json, kinds, sizeof kinds / sizeof *kinds, "a normalizer", "normalizers", stages);
}
