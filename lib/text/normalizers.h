/* The kinds of normalizers, each in its file; pt__normalizer_read finds them by name. */
#ifndef PT__NORMALIZERS_H
#define PT__NORMALIZERS_H

#include "text/stages.h"

pt__stage_read_fn pt__read_bert_normalizer; /* "BertNormalizer" */
pt__stage_read_fn pt__read_precompiled;     /* "Precompiled" */
pt__stage_read_fn pt__read_prepend;         /* "Prepend" */
pt__stage_read_fn pt__read_replace;         /* "Replace" */

#endif
