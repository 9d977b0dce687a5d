/* The kinds of normalizers, each in its file; pt__normalizer_read finds them by name. */
#ifndef PT__NORMALIZERS_H
#define PT__NORMALIZERS_H

#include "text/stages.h"

pt__stage_read_fn pt__read_bert_normalizer;  /* "BertNormalizer" */
pt__stage_read_fn pt__read_nfc;              /* "NFC" */
pt__stage_read_fn pt__read_nfd;              /* "NFD" */
pt__stage_read_fn pt__read_nfkc;             /* "NFKC" */
pt__stage_read_fn pt__read_nfkd;             /* "NFKD" */
pt__stage_read_fn pt__read_lowercase;        /* "Lowercase" */
pt__stage_read_fn pt__read_strip;            /* "Strip" */
pt__stage_read_fn pt__read_strip_accents;    /* "StripAccents" */
pt__stage_read_fn pt__read_nmt;              /* "Nmt" */
pt__stage_read_fn pt__read_bytes_normalizer; /* "ByteLevel" */
pt__stage_read_fn pt__read_precompiled;      /* "Precompiled" */
pt__stage_read_fn pt__read_prepend;          /* "Prepend" */
pt__stage_read_fn pt__read_replace;          /* "Replace" */

#endif
