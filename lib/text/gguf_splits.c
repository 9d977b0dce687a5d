/* See gguf_splits.h. */
#include "text/gguf_splits.h"

#include <stddef.h>

#define LINES(numbers)                                                                      \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}" numbers \
    "| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"

/* How texts are cut, by the names that llama.cpp gives. */
static const pt__gguf_split_t splits[] = {
    {"gpt-2", NULL, 0, 0, 0},
    {"phi-2", NULL, 0, 0, 0},
    {"roberta-bpe", NULL, 1, 0, 0},
    {"olmo", NULL, 0, 0, 0},
    {"jina-es", NULL, 1, 0, 0},
    {"jina-de", NULL, 1, 0, 0},
    {"jina-v2-es", NULL, 1, 0, 0},
    {"jina-v2-de", NULL, 1, 0, 0},
    {"llama3", LINES("{1,3}"), 1, 1, 0},
    {"llama-v3", LINES("{1,3}"), 1, 1, 0},
    {"llama-bpe", LINES("{1,3}"), 1, 1, 0},
    {"dbrx", LINES("{1,3}"), 0, 0, 0},
    {"smaug-bpe", LINES("{1,3}"), 0, 0, 0},
    {"smollm", NULL, 0, 0, 1},
    {"qwen2", LINES(""), 0, 0, 0},
    {"deepseek-r1-qwen", LINES(""), 0, 0, 0},
};
enum { SPLITS = sizeof splits / sizeof *splits };

const pt__gguf_split_t *pt__gguf_split_find(const pt__gguf_string_t *name)
{
    for (int32_t i = 0; i < SPLITS; i++)
        if (pt__gguf_equals(name, splits[i].name))
            return &splits[i];
    return NULL;
}

const pt__gguf_split_t *pt__gguf_split_at(int32_t index)
{
    return index < SPLITS ? &splits[index] : NULL;
}
