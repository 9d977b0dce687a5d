/* What is put beside shorter texts, so that all of a batch have one length. */
#ifndef PT__PADDING_H
#define PT__PADDING_H

#include "base/json.h"
#include "text/vocabulary.h"

typedef struct pt__padding {
    int32_t is_given;
    int32_t is_left;  /* in front of a text's tokens */
    int32_t is_fixed; /* to `length`; or to the length of the batch's longest */
    int64_t length;
    int64_t multiple; /* lengths are rounded up to one of it; 0: they are not */
    int32_t id;
    uint8_t segment;
} pt__padding_t;

pt_status_t pt__padding_read(const pt__json_t *json, const pt__vocabulary_t *vocabulary, pt__padding_t *padding);
/* The length that encodings are brought to, the longest of which has `longest` tokens. */
int64_t pt__padding_length(const pt__padding_t *padding, int64_t longest);

#endif
