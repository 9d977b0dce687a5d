/* A tokenizer.json as the metadata of a GGUF file (the keys tokenizer.ggml.*, as llama.cpp reads them): byte-level BPE
 * whose way to cut texts has a name there, and WordPiece as BERT has it. */
#include <string.h>

#include "base/gguf_metadata.h"
#include "base/json.h"
#include "text/gguf_splits.h"
#include "text/piece_model.h"
#include "text/tokenizer.h"
#include "text/tokenizer_config.h"

#define KEY(name) "tokenizer.ggml." name

typedef struct token {
    const char *bytes; /* NULL: no token has this id */
    int64_t length;
    int32_t kind; /* PT__PIECE_... */
} token_t;

/* Tokens that have a part to play: by key of the metadata, of a tokenizer_config.json, and of a network's
 * configuration, NULL where that says nothing. */
enum { BEGIN, END, UNKNOWN, SEPARATOR, PADDING, CLASS, MASK, SPECIALS };
static const struct {
    const char *metadata, *name, *config;
} specials[SPECIALS] = {{KEY("bos_token_id"), "bos_token", "bos_token_id"},
                        {KEY("eos_token_id"), "eos_token", "eos_token_id"},
                        {KEY("unknown_token_id"), "unk_token", NULL},
                        {KEY("seperator_token_id"), "sep_token", NULL}, /* so it is spelt */
                        {KEY("padding_token_id"), "pad_token", "pad_token_id"},
                        {KEY("cls_token_id"), "cls_token", NULL},
                        {KEY("mask_token_id"), "mask_token", NULL}};

typedef struct writing {
    pt__memory_t *memory;
    const pt__json_t *root, *model;
    pt__gguf_metadata_t *metadata;
    token_t *tokens;
    int64_t count;
    int64_t specials[SPECIALS]; /* ids; -1: none */
} writing_t;

/* ---- Tokens ---- */

static pt_status_t note(writing_t *writing, const char *bytes, int64_t length, const pt__json_t *id, int32_t kind)
{
    if (id == NULL || id->kind != PT__JSON_NUMBER || !id->is_integer || id->integer < 0 ||
        id->integer >= PT__TOKEN_MOST)
        return pt__fail(PT_ERR_FORMAT, "token \"%.40s\", expected an id", bytes);
    if (writing->tokens != NULL)
        writing->tokens[id->integer] = (token_t){bytes, length, kind};
    if (id->integer >= writing->count)
        writing->count = id->integer + 1;
    return PT_OK;
}

/* How an added token is looked for, of which a GGUF file says nothing. */
static pt_status_t check_added(const pt__json_t *token, const char *content, int32_t changes_texts)
{
    static const char *const ways[] = {"single_word", "lstrip", "rstrip", "normalized"};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        const int32_t is_normalized = strcmp(ways[i], "normalized") == 0;
        int32_t is_set = 0;
        PT__TRY(pt__json_get_bool(token, ways[i], PT__JSON_OPTIONAL, &is_set));
        if (is_set && (!is_normalized || changes_texts))
            return pt__fail(PT_ERR_UNSUPPORTED,
                            "the added token \"%.40s\" has \"%s\": true, which a GGUF file cannot say", content,
                            ways[i]);
    }
    return PT_OK;
}

/* Those of the model, and over them those that were added. The first time they are counted. */
static pt_status_t note_all(writing_t *writing)
{
    const pt__json_t *vocabulary = NULL, *added = NULL, *normalizer = pt__json_find(writing->root, "normalizer");
    const int32_t changes_texts = normalizer != NULL && normalizer->kind == PT__JSON_OBJECT;
    PT__TRY(pt__json_get_object(writing->model, "vocab", PT__JSON_REQUIRED, &vocabulary));
    for (const pt__json_t *token = vocabulary->first; token != NULL; token = token->next)
        PT__TRY(note(writing, token->key, token->key_length, token, PT__PIECE_NORMAL));
    PT__TRY(pt__json_get_array(writing->root, "added_tokens", PT__JSON_OPTIONAL, &added));
    for (const pt__json_t *token = added == NULL ? NULL : added->first; token != NULL; token = token->next) {
        const pt__json_t *content = pt__json_find(token, "content");
        int32_t is_special = 0;
        PT__TRY(pt__json_get_bool(token, "special", PT__JSON_OPTIONAL, &is_special));
        if (content == NULL || content->kind != PT__JSON_STRING)
            return pt__fail(PT_ERR_FORMAT, "an added token without \"content\"");
        PT__TRY(check_added(token, content->string, changes_texts));
        PT__TRY(note(writing, content->string, content->length, pt__json_find(token, "id"),
                     is_special ? PT__PIECE_CONTROL : PT__PIECE_USER));
    }
    return PT_OK;
}

static pt_status_t collect(writing_t *writing, int64_t vocabulary)
{
    PT__TRY(note_all(writing));
    if (writing->count > vocabulary)
        return pt__fail(PT_ERR_UNSUPPORTED, "%lld tokens, but the network's vocabulary is %lld",
                        (long long)writing->count, (long long)vocabulary);
    writing->count = vocabulary;
    PT__TRY(pt__allocate(writing->memory, (size_t)writing->count, sizeof *writing->tokens, "tokens", &writing->tokens));
    return note_all(writing);
}

static int64_t find_token(const writing_t *writing, const char *text)
{
    for (int64_t i = 0; text != NULL && i < writing->count; i++)
        if (writing->tokens[i].bytes != NULL && (int64_t)strlen(text) == writing->tokens[i].length &&
            memcmp(writing->tokens[i].bytes, text, (size_t)writing->tokens[i].length) == 0)
            return i;
    return -1;
}

static void put_kinds(const writing_t *writing)
{
    pt__gguf_put_int32s(writing->metadata, KEY("token_type"), (uint64_t)writing->count);
    for (int64_t i = 0; i < writing->count; i++)
        pt__gguf_add_int32(writing->metadata,
                           writing->tokens[i].bytes == NULL ? PT__PIECE_UNUSED : writing->tokens[i].kind);
}

/* A place that no token has needs a name that nothing else has. */
static void add_name(const writing_t *writing, int64_t id)
{
    pt__text_t name = pt__text_start(writing->memory);
    if (writing->tokens[id].bytes == NULL) {
        pt__text_add(&name, "[PAD%lld]", (long long)id);
        pt__gguf_add_string(writing->metadata, name.data == NULL ? "" : name.data, name.length);
    } else
        pt__gguf_add_string(writing->metadata, writing->tokens[id].bytes, writing->tokens[id].length);
    if (name.status != PT_OK)
        writing->metadata->text.status = name.status;
    pt__text_free(&name);
}

/* ---- The ends of texts ---- */

static const pt__json_t *find_template(const pt__json_t *processor)
{
    const pt__json_t *type = processor == NULL ? NULL : pt__json_find(processor, "type");
    const pt__json_t *list = type == NULL ? NULL : pt__json_find(processor, "processors");
    if (type == NULL || type->kind != PT__JSON_STRING)
        return NULL;
    for (const pt__json_t *inner = list == NULL ? NULL : list->first; inner != NULL; inner = inner->next)
        if (find_template(inner) != NULL)
            return find_template(inner);
    return strcmp(type->string, "Sequence") == 0 || strcmp(type->string, "ByteLevel") == 0 ? NULL : processor;
}

/* The token of a piece of a template; NULL: it is no token. */
static const char *special_of(const pt__json_t *piece)
{
    const pt__json_t *special = piece == NULL ? NULL : pt__json_find(piece, "SpecialToken");
    const pt__json_t *id = special == NULL ? NULL : pt__json_find(special, "id");
    return id != NULL && id->kind == PT__JSON_STRING ? id->string : NULL;
}

/* The token of ["[CLS]", 101], as BERT's and RoBERTa's post-processors have it under this key; NULL: they have none. */
static const char *named_at(const pt__json_t *processor, const char *key)
{
    const pt__json_t *pair = processor == NULL ? NULL : pt__json_find(processor, key);
    const pt__json_t *name = pair != NULL && pair->kind == PT__JSON_ARRAY ? pair->first : NULL;
    return name != NULL && name->kind == PT__JSON_STRING ? name->string : NULL;
}

/* At most one token at either end. */
static pt_status_t find_ends(writing_t *writing, int64_t *first, int64_t *last)
{
    const pt__json_t *processor = find_template(pt__json_find(writing->root, "post_processor"));
    const pt__json_t *single = processor == NULL ? NULL : pt__json_find(processor, "single");
    const char *begin = named_at(processor, "cls"), *end = named_at(processor, "sep");
    if (processor != NULL && begin == NULL && (single == NULL || single->kind != PT__JSON_ARRAY || single->length > 3))
        return pt__fail(PT_ERR_UNSUPPORTED, "a post_processor that is no template of at most one token at either end");
    if (single != NULL && single->first != NULL) {
        const pt__json_t *piece = single->first;
        while (piece->next != NULL)
            piece = piece->next;
        begin = special_of(single->first);
        end = piece != single->first ? special_of(piece) : NULL;
        if (single->length != 1 + (begin != NULL) + (end != NULL))
            return pt__fail(PT_ERR_UNSUPPORTED,
                            "a post_processor that is no template of at most one token at either end");
    }
    *first = find_token(writing, begin);
    *last = find_token(writing, end);
    if ((begin != NULL && *first < 0) || (end != NULL && *last < 0))
        return pt__fail(PT_ERR_FORMAT, "the post_processor's token \"%.40s\" is none of the tokens",
                        begin != NULL && *first < 0 ? begin : end);
    return PT_OK;
}

/* What nothing was said of before: the one at an end of texts is what is put there. */
static pt_status_t find_specials(writing_t *writing, const pt__tokenizer_source_t *source)
{
    pt__tokenizer_config_t config = {0};
    pt_status_t status = PT_OK;
    if (source->tokenizer_config != NULL)
        PT__TRY(pt__tokenizer_config_open(writing->memory, source->tokenizer_config, source->tokenizer_config_size,
                                          &config));
    for (int32_t i = 0; i < SPECIALS && status == PT_OK; i++) {
        const pt__json_t *id = source->config == NULL || specials[i].config == NULL
                                   ? NULL
                                   : pt__json_find(source->config, specials[i].config);
        const char *name = NULL;
        if (config.document != NULL)
            status = pt__tokenizer_config_token(&config, specials[i].name, &name);
        if (id != NULL && id->kind == PT__JSON_ARRAY) /* any of several may end a text */
            id = id->first;
        if (writing->specials[i] < 0)
            writing->specials[i] = find_token(writing, name);
        if (writing->specials[i] < 0 && id != NULL && id->kind == PT__JSON_NUMBER && id->is_integer &&
            id->integer >= 0 && id->integer < writing->count)
            writing->specials[i] = id->integer;
    }
    pt__tokenizer_config_close(&config);
    return status;
}

/* first and last are the tokens at the ends of texts; -1: there is none. */
static pt_status_t put_specials(writing_t *writing, const pt__tokenizer_source_t *source, int64_t first, int64_t last)
{
    PT__TRY(find_specials(writing, source));
    pt__gguf_put_bool(writing->metadata, KEY("add_bos_token"), first >= 0);
    pt__gguf_put_bool(writing->metadata, KEY("add_eos_token"), last >= 0);
    for (int32_t i = 0; i < SPECIALS; i++)
        if (writing->specials[i] >= 0)
            pt__gguf_put_uint32(writing->metadata, specials[i].metadata, (uint32_t)writing->specials[i]);
    return PT_OK;
}

/* ---- GPT-2's ---- */

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

static pt_status_t find_split(const writing_t *writing, const pt__gguf_split_t **out)
{
    const pt__json_t *stage = pt__json_find(writing->root, "pre_tokenizer");
    cutting_t cutting = {0};
    int32_t ignores_merges = 0;
    *out = NULL;
    PT__TRY(pt__json_get_bool(writing->model, "ignore_merges", PT__JSON_OPTIONAL, &ignores_merges));
    if (stage != NULL)
        read_cutting(stage, &cutting);
    if (!cutting.is_bytes || cutting.is_other)
        return pt__fail(PT_ERR_UNSUPPORTED, "a pre_tokenizer that llama.cpp has no name for");
    for (int32_t i = 0; *out == NULL && pt__gguf_split_at(i) != NULL; i++) {
        const pt__gguf_split_t *split = pt__gguf_split_at(i);
        int32_t is_same = split->pattern == NULL && cutting.pattern == NULL && cutting.cuts;
        if (split->pattern != NULL && cutting.pattern != NULL)
            PT__TRY(has_pattern(writing->memory, split, cutting.pattern, &is_same));
        if (is_same && split->single_digits == cutting.single_digits && split->ignores_merges == ignores_merges)
            *out = split;
    }
    return *out != NULL ? PT_OK
                        : pt__fail(PT_ERR_UNSUPPORTED,
                                   "a pre_tokenizer with the pattern \"%.60s\", which llama.cpp "
                                   "has no name for",
                                   cutting.pattern == NULL ? "" : cutting.pattern);
}

/* "a b", or [a, b] in newer files. */
static pt_status_t put_merges(const writing_t *writing)
{
    const pt__json_t *merges = NULL;
    PT__TRY(pt__json_get_array(writing->model, "merges", PT__JSON_REQUIRED, &merges));
    pt__gguf_put_strings(writing->metadata, KEY("merges"), (uint64_t)merges->length);
    for (const pt__json_t *merge = merges->first; merge != NULL; merge = merge->next) {
        pt__text_t pair = pt__text_start(writing->memory);
        if (merge->kind == PT__JSON_STRING)
            pt__text_add_bytes(&pair, merge->string, merge->length);
        else if (merge->kind == PT__JSON_ARRAY && merge->length == 2 && merge->first->kind == PT__JSON_STRING &&
                 merge->first->next->kind == PT__JSON_STRING) {
            pt__text_add_bytes(&pair, merge->first->string, merge->first->length);
            pt__text_add_bytes(&pair, " ", 1);
            pt__text_add_bytes(&pair, merge->first->next->string, merge->first->next->length);
        } else
            return pt__fail(PT_ERR_FORMAT, "a merge that is no pair");
        pt__gguf_add_string(writing->metadata, pair.data == NULL ? "" : pair.data, pair.length);
        if (pair.status != PT_OK)
            writing->metadata->text.status = pair.status;
        pt__text_free(&pair);
    }
    return PT_OK;
}

static pt_status_t put_bytes(writing_t *writing, const pt__tokenizer_source_t *source)
{
    int64_t first, last;
    const pt__gguf_split_t *split;
    const pt__json_t *normalizer = pt__json_find(writing->root, "normalizer");
    const pt__json_t *type = normalizer == NULL ? NULL : pt__json_find(normalizer, "type");
    if (type != NULL && type->kind == PT__JSON_STRING && strcmp(type->string, "NFC") != 0) /* as Qwen's, left out */
        return pt__fail(PT_ERR_UNSUPPORTED, "the normalizer %.40s with BPE, expected none", type->string);
    PT__TRY(find_split(writing, &split));
    pt__gguf_put_string(writing->metadata, KEY("model"), "gpt2", 4);
    pt__gguf_put_string(writing->metadata, KEY("pre"), split->name, (int64_t)strlen(split->name));
    pt__gguf_put_strings(writing->metadata, KEY("tokens"), (uint64_t)writing->count);
    for (int64_t i = 0; i < writing->count; i++)
        add_name(writing, i);
    put_kinds(writing);
    PT__TRY(put_merges(writing));
    PT__TRY(find_ends(writing, &first, &last));
    writing->specials[BEGIN] = first;
    writing->specials[END] = last;
    return put_specials(writing, source, first, last);
}

/* ---- BERT's ---- */

/* What goes on with a word is bare there, and a word begins with U+2581; tokens of no text stay. */
static void add_word(const writing_t *writing, int64_t id)
{
    const token_t *token = &writing->tokens[id];
    pt__text_t word = pt__text_start(writing->memory);
    if (token->bytes == NULL || token->kind != PT__PIECE_NORMAL) {
        add_name(writing, id);
        return;
    }
    const int32_t goes_on = token->length > 2 && memcmp(token->bytes, "##", 2) == 0;
    if (!goes_on && !(token->bytes[0] == '[' && token->bytes[token->length - 1] == ']'))
        pt__text_add(&word, "\xE2\x96\x81");
    pt__text_add_bytes(&word, token->bytes + (goes_on ? 2 : 0), token->length - (goes_on ? 2 : 0));
    pt__gguf_add_string(writing->metadata, word.data == NULL ? "" : word.data, word.length);
    if (word.status != PT_OK)
        writing->metadata->text.status = word.status;
    pt__text_free(&word);
}

static pt_status_t put_words(writing_t *writing, const pt__tokenizer_source_t *source)
{
    int64_t first, last;
    const char *unknown = NULL, *prefix = "##", *type = "";
    const pt__json_t *normalizer = NULL, *words = NULL;
    int32_t lowers = 0, strips = 1, parts = 1;
    PT__TRY(pt__json_get_object(writing->root, "normalizer", PT__JSON_OPTIONAL, &normalizer));
    PT__TRY(pt__json_get_object(writing->root, "pre_tokenizer", PT__JSON_OPTIONAL, &words));
    if (normalizer != NULL) {
        PT__TRY(pt__json_get_bool(normalizer, "lowercase", PT__JSON_OPTIONAL, &lowers));
        PT__TRY(pt__json_get_bool(normalizer, "strip_accents", PT__JSON_OPTIONAL, &strips));
        PT__TRY(pt__json_get_bool(normalizer, "handle_chinese_chars", PT__JSON_OPTIONAL, &parts));
    }
    if (words != NULL)
        PT__TRY(pt__json_get_string(words, "type", PT__JSON_OPTIONAL, &type));
    PT__TRY(pt__json_get_string(writing->model, "continuing_subword_prefix", PT__JSON_OPTIONAL, &prefix));
    if (!lowers || !strips || !parts || strcmp(type, "BertPreTokenizer") != 0 || strcmp(prefix, "##") != 0)
        return pt__fail(PT_ERR_UNSUPPORTED, "WordPiece %s, expected BERT's of lower case, as llama.cpp has it",
                        !lowers                                 ? "without lower case"
                        : !strips                               ? "with \"strip_accents\": false"
                        : !parts                                ? "with \"handle_chinese_chars\": false"
                        : strcmp(type, "BertPreTokenizer") != 0 ? "with another pre_tokenizer"
                                                                : "with another prefix than ##");
    PT__TRY(pt__json_get_string(writing->model, "unk_token", PT__JSON_REQUIRED, &unknown));
    pt__gguf_put_string(writing->metadata, KEY("model"), "bert", 4);
    pt__gguf_put_string(writing->metadata, KEY("pre"), "jina-v2-en", 10);
    pt__gguf_put_strings(writing->metadata, KEY("tokens"), (uint64_t)writing->count);
    for (int64_t i = 0; i < writing->count; i++)
        add_word(writing, i);
    put_kinds(writing);
    PT__TRY(find_ends(writing, &first, &last));
    writing->specials[BEGIN] = writing->specials[CLASS] = first;
    writing->specials[END] = writing->specials[SEPARATOR] = last;
    writing->specials[UNKNOWN] = find_token(writing, unknown);
    return put_specials(writing, source, first, last);
}

static pt_status_t put_all(writing_t *writing, const pt__tokenizer_source_t *source)
{
    const char *type = NULL;
    int32_t falls_back = 0;
    PT__TRY(pt__json_get_object(writing->root, "model", PT__JSON_REQUIRED, &writing->model));
    PT__TRY(pt__json_get_string(writing->model, "type", PT__JSON_REQUIRED, &type));
    if (strcmp(type, "BPE") == 0)
        PT__TRY(pt__json_get_bool(writing->model, "byte_fallback", PT__JSON_OPTIONAL, &falls_back));
    if ((strcmp(type, "BPE") != 0 && strcmp(type, "WordPiece") != 0) || falls_back)
        return pt__fail(PT_ERR_UNSUPPORTED,
                        "a tokenizer of the kind %.40s%s, expected byte-level BPE or WordPiece in "
                        "a GGUF file",
                        type, falls_back ? " with byte_fallback" : "");
    PT__TRY(collect(writing, source->vocabulary));
    return strcmp(type, "BPE") == 0 ? put_bytes(writing, source) : put_words(writing, source);
}

pt_status_t pt__tokenizer_put_gguf(pt__memory_t *memory, const pt__tokenizer_source_t *source,
                                   pt__gguf_metadata_t *metadata)
{
    writing_t writing = {.memory = memory, .metadata = metadata};
    pt__json_document_t *document;
    for (int32_t i = 0; i < SPECIALS; i++)
        writing.specials[i] = -1;
    PT__TRY(pt__json_parse(memory, "tokenizer.json", source->json, source->size, &document, &writing.root));
    const pt_status_t status = put_all(&writing, source);
    pt__release(memory, writing.tokens);
    pt__json_free(document);
    return status;
}
