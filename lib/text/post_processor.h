/* What is put around the tokens of a text, or of a pair: a template of sequences and special tokens, as
 * "TemplateProcessing", "BertProcessing" and "RobertaProcessing" of a tokenizer.json have it; and spans without the
 * blanks at their ends ("ByteLevel"). */
#ifndef PT__POST_PROCESSOR_H
#define PT__POST_PROCESSOR_H

#include "base/json.h"
#include "text/vocabulary.h"

typedef struct pt__template_item {
    int32_t sequence; /* 0, 1: the first text, the second; -1: a token */
    int32_t id;       /* of the token */
    uint8_t segment;
    uint8_t overflow_segment; /* of a text's parts behind its first, between the template's tokens */
} pt__template_item_t;

typedef struct pt__template {
    pt__template_item_t *items;
    int64_t count, capacity;
    int32_t is_given; /* or the texts stand alone */
} pt__template_t;

typedef struct pt__post_processor {
    pt__memory_t *memory;
    pt__template_t templates[2]; /* for a text, for a pair */
    int32_t trims;               /* spans leave out blanks at their ends */
    int32_t keeps_first;         /* but a single blank that begins the text */
} pt__post_processor_t;

void pt__post_processor_free(pt__post_processor_t *processor);
pt_status_t pt__post_processor_read(const pt__json_t *json, const pt__vocabulary_t *vocabulary,
                                    pt__post_processor_t *processor);
/* Tokens that the template adds to a text, or a pair. */
int64_t pt__template_tokens(const pt__post_processor_t *processor, int32_t is_pair);

#endif
