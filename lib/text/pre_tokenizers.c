/* See pre_tokenizers.h. */
#include "text/pre_tokenizers.h"

static const pt__stage_kind_t kinds[] = {
    {"ByteLevel", pt__read_byte_level},
    {"Split", pt__read_split},
    {"BertPreTokenizer", pt__read_bert_words},
    {"Metaspace", pt__read_metaspace},
    {"Whitespace", pt__read_whitespace},
    {"WhitespaceSplit", pt__read_whitespace_split},
    {"Digits", pt__read_digits},
    {"Punctuation", pt__read_punctuation},
    {"CharDelimiterSplit", pt__read_delimiter},
    {"FixedLength", pt__read_fixed_length},
    {"UnicodeScripts", pt__read_scripts},
};

pt_status_t pt__pre_tokenizer_read(const pt__json_t *json, pt__stages_t *stages)
{
    return pt__stages_read(json, kinds, sizeof kinds / sizeof *kinds, "a pre-tokenizer", "pretokenizers", stages);
}
