/* The kinds of pre-tokenizers, each in its file; pt__pre_tokenizer_read finds them by name. */
#ifndef PT__PRE_TOKENIZERS_H
#define PT__PRE_TOKENIZERS_H

#include "text/stages.h"

pt__stage_read_fn pt__read_byte_level;       /* "ByteLevel" */
pt__stage_read_fn pt__read_split;            /* "Split" */
pt__stage_read_fn pt__read_bert_words;       /* "BertPreTokenizer" */
pt__stage_read_fn pt__read_whitespace;       /* "Whitespace" */
pt__stage_read_fn pt__read_whitespace_split; /* "WhitespaceSplit" */
pt__stage_read_fn pt__read_digits;           /* "Digits" */
pt__stage_read_fn pt__read_punctuation;      /* "Punctuation" */
pt__stage_read_fn pt__read_delimiter;        /* "CharDelimiterSplit" */
pt__stage_read_fn pt__read_fixed_length;     /* "FixedLength" */
pt__stage_read_fn pt__read_scripts;          /* "UnicodeScripts" */
pt__stage_read_fn pt__read_metaspace;        /* "Metaspace" */

#endif
