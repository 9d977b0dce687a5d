/* See gguf_splits.h. */
#include "text/gguf_splits.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"

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

/* ---- Of a tokenizer.json ---- */

typedef struct cutting {
    const char *pattern; /* of a Split; NULL: none */
    int32_t single_digits, is_bytes, is_other;
    int32_t cuts; /* bytes are cut as GPT-2 does it */
} cutting_t;

static void read_cutting(const pt__json_t *stage, cutting_t *cutting)
{
    const pt__json_t *type = pt__json_find(stage, "type"), *inner = pt__json_find(stage, "pretokenizers");
    const pt__json_t *pattern = pt__json_find(stage, "pattern");
    const pt__json_t *regex = pattern == NULL ? NULL : pt__json_find(pattern, "Regex");
    const char *name = type != NULL && type->kind == PT__JSON_STRING ? type->string : "";
    int32_t flag = 0;
    if (strcmp(name, "ByteLevel") == 0) {
        cutting->cuts = 1;
        if (pt__json_get_bool(stage, "use_regex", PT__JSON_OPTIONAL, &cutting->cuts) != PT_OK)
            cutting->is_other = 1;
    }
    if (strcmp(name, "Sequence") == 0)
        for (const pt__json_t *part = inner == NULL ? NULL : inner->first; part != NULL; part = part->next)
            read_cutting(part, cutting);
    else if (strcmp(name, "Split") == 0 && regex != NULL && regex->kind == PT__JSON_STRING && cutting->pattern == NULL)
        cutting->pattern = regex->string;
    else if (strcmp(name, "Digits") == 0 &&
             pt__json_get_bool(stage, "individual_digits", PT__JSON_OPTIONAL, &flag) == PT_OK && flag)
        cutting->single_digits = 1;
    else if (strcmp(name, "ByteLevel") == 0 &&
             pt__json_get_bool(stage, "add_prefix_space", PT__JSON_OPTIONAL, &flag) == PT_OK && !flag)
        cutting->is_bytes = 1;
    else
        cutting->is_other = 1;
}

/* The name's pattern is written as JSON has it. */
static pt_status_t has_pattern(pt__memory_t *memory, const pt__gguf_split_t *split, const char *pattern, int32_t *has)
{
    pt__text_t text = pt__text_start(memory);
    pt__json_document_t *document;
    const pt__json_t *root;
    pt__text_add(&text, "[\"%s\"]", split->pattern);
    pt_status_t status = text.status == PT_OK ? pt__json_parse(memory, "", text.data, text.length, &document, &root)
                                              : text.status;
    if (status == PT_OK) {
        *has = strcmp(root->first->string, pattern) == 0;
        pt__json_free(document);
    }
    pt__text_free(&text);
    return status;
}

pt_status_t pt__gguf_split_of(pt__memory_t *memory, const pt__json_t *tokenizer, const pt__json_t *model,
                              const pt__gguf_split_t **out)
{
    const pt__json_t *stage = pt__json_find(tokenizer, "pre_tokenizer");
    cutting_t cutting = {0};
    int32_t ignores_merges = 0;
    *out = NULL;
    PT__TRY(pt__json_get_bool(model, "ignore_merges", PT__JSON_OPTIONAL, &ignores_merges));
    if (stage != NULL)
        read_cutting(stage, &cutting);
    if (!cutting.is_bytes || cutting.is_other)
        return pt__fail(PT_ERR_UNSUPPORTED, "a pre_tokenizer that llama.cpp has no name for");
    for (int32_t i = 0; *out == NULL && i < SPLITS; i++) {
        const pt__gguf_split_t *split = &splits[i];
        int32_t is_same = split->pattern == NULL && cutting.pattern == NULL && cutting.cuts;
        if (split->pattern != NULL && cutting.pattern != NULL)
            PT__TRY(has_pattern(memory, split, cutting.pattern, &is_same));
        if (is_same && split->single_digits == cutting.single_digits && split->ignores_merges == ignores_merges)
            *out = split;
    }
    return *out != NULL ? PT_OK
                        : pt__fail(PT_ERR_UNSUPPORTED,
                                   "a pre_tokenizer with the pattern \"%.60s\", which llama.cpp "
                                   "has no name for",
                                   cutting.pattern == NULL ? "" : cutting.pattern);
}

#define BLANK "\xE2\x96\x81"

static int32_t is_replace(const pt__json_t *normalizer)
{
    const pt__json_t *type = pt__json_find(normalizer, "type"), *pattern = pt__json_find(normalizer, "pattern");
    const pt__json_t *string = pattern == NULL ? NULL : pt__json_find(pattern, "String");
    const pt__json_t *content = pt__json_find(normalizer, "content");
    return type != NULL && type->kind == PT__JSON_STRING && strcmp(type->string, "Replace") == 0 && string != NULL &&
           string->kind == PT__JSON_STRING && strcmp(string->string, " ") == 0 && content != NULL &&
           content->kind == PT__JSON_STRING && strcmp(content->string, BLANK) == 0;
}

static int32_t is_prepend(const pt__json_t *normalizer)
{
    const pt__json_t *type = pt__json_find(normalizer, "type"), *prepended = pt__json_find(normalizer, "prepend");
    return type != NULL && type->kind == PT__JSON_STRING && strcmp(type->string, "Prepend") == 0 && prepended != NULL &&
           prepended->kind == PT__JSON_STRING && strcmp(prepended->string, BLANK) == 0;
}

pt_status_t pt__gguf_blank_of(const pt__json_t *tokenizer, int32_t *puts_blank)
{
    const pt__json_t *normalizer = NULL, *words = NULL, *list = NULL;
    PT__TRY(pt__json_get_object(tokenizer, "normalizer", PT__JSON_OPTIONAL, &normalizer));
    PT__TRY(pt__json_get_object(tokenizer, "pre_tokenizer", PT__JSON_OPTIONAL, &words));
    if (normalizer != NULL)
        PT__TRY(pt__json_get_array(normalizer, "normalizers", PT__JSON_OPTIONAL, &list));
    const pt__json_t *first = list != NULL && list->length == 2 ? list->first : NULL; /* in either order */
    *puts_blank = first != NULL &&
                  ((is_prepend(first) && is_replace(first->next)) || (is_replace(first) && is_prepend(first->next)));
    const int32_t replaces = *puts_blank || (list != NULL && list->length == 1 && is_replace(list->first)) ||
                             (list == NULL && normalizer != NULL && is_replace(normalizer));
    if (words == NULL && replaces)
        return PT_OK;
    return pt__fail(PT_ERR_UNSUPPORTED,
                    "BPE with byte_fallback and a %s other than Llama's, of blanks that become U+2581",
                    words != NULL ? "pre_tokenizer" : "normalizer");
}
