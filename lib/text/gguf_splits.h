/* How texts are cut before byte-level BPE, by the names that llama.cpp gives to the ways, and what else it does to
 * texts before their tokens. */
#ifndef PT__GGUF_SPLITS_H
#define PT__GGUF_SPLITS_H

#include "base/gguf_container.h"
#include "base/memory.h"

typedef struct pt__gguf_split {
    const char *name;
    const char *pattern; /* NULL: GPT-2's */
    int32_t adds_first, ignores_merges;
    int32_t single_digits; /* each by itself, before */
} pt__gguf_split_t;

/* NULL: unknown. */
const pt__gguf_split_t *pt__gguf_split_find(const pt__gguf_string_t *name);
/* That of a tokenizer.json, whose model this is. PT_ERR_UNSUPPORTED: it has no name. */
struct pt__json;
pt_status_t pt__gguf_split_of(pt__memory_t *memory, const struct pt__json *tokenizer, const struct pt__json *model,
                              const pt__gguf_split_t **out);
/* Whether a tokenizer.json of SentencePiece's pairs puts a blank before all texts; blanks are written as U+2581, by
 * normalizers, and nothing is cut. PT_ERR_UNSUPPORTED: it does something else. */
pt_status_t pt__gguf_blank_of(const struct pt__json *tokenizer, int32_t *puts_blank);

#endif
