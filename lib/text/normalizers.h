/* The kinds of normalizers, each in its file; pt__normalizer_read finds them by name. */
#ifndef PT__NORMALIZERS_H
#define PT__NORMALIZERS_H

#include "text/stages.h"

typedef pt_status_t pt__normalizer_read_fn(const pt__json_t *json, pt__stages_t *stages);

pt__normalizer_read_fn pt__read_bert_normalizer; /* "BertNormalizer" */

#endif
