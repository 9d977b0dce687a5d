/* See pre_tokenizers.h. */
#include "text/pre_tokenizers.h"

static const pt__stage_kind_t kinds[] = {
    {"ByteLevel", "add_prefix_space trim_offsets use_regex", pt__read_byte_level},
    {"Split", "pattern behavior invert", pt__read_split},
    {"BertPreTokenizer", "", pt__read_bert_words},
    {"Metaspace", "replacement prepend_scheme split add_prefix_space str_rep", pt__read_metaspace},
    {"Whitespace", "", pt__read_whitespace},
    {"WhitespaceSplit", "", pt__read_whitespace_split},
    {"Digits", "individual_digits", pt__read_digits},
    {"Punctuation", "behavior", pt__read_punctuation},
    {"CharDelimiterSplit", "delimiter", pt__read_delimiter},
    {"FixedLength", "length", pt__read_fixed_length},
    {"UnicodeScripts", "", pt__read_scripts},
};

pt_status_t pt__pre_tokenizer_read(const pt__json_t *json, pt__stages_t *stages)
{
    return pt__stages_read(json, kinds, sizeof kinds / sizeof *kinds, "a pre-tokenizer", "pretokenizers", stages);
}
