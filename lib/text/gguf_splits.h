/* How texts are cut before byte-level BPE, by the names that llama.cpp gives to the ways. */
#ifndef PT__GGUF_SPLITS_H
#define PT__GGUF_SPLITS_H

#include "base/gguf_container.h"

typedef struct pt__gguf_split {
    const char *name;
    const char *pattern; /* NULL: GPT-2's */
    int32_t adds_first, ignores_merges;
    int32_t single_digits; /* each by itself, before */
} pt__gguf_split_t;

/* NULL: unknown. */
const pt__gguf_split_t *pt__gguf_split_find(const pt__gguf_string_t *name);
/* NULL past the last. */
const pt__gguf_split_t *pt__gguf_split_at(int32_t index);

#endif
