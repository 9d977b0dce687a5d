/* A tokenizer.json as the metadata of a GGUF file (the keys tokenizer.ggml.*, as llama.cpp reads them): byte-level BPE
 * whose way to cut texts has a name there, and WordPiece as BERT has it. */
#include <string.h>

#include "base/gguf_metadata.h"
#include "base/json.h"
#include "text/gguf_splits.h"
#include "text/piece_model.h"
#include "text/tokenizer.h"
#include "text/tokenizer_config.h"
#include "text/vocabulary.h"

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
    for (int32_t i = 0; i < SPECIALS; i++) {
        const pt__json_t *id = source->config == NULL || specials[i].config == NULL
                                   ? NULL
                                   : pt__json_find(source->config, specials[i].config);
        const char *name = NULL;
        if (source->tokenizer_config != NULL)
            PT__TRY(pt__tokenizer_config_token(source->tokenizer_config, specials[i].name, &name));
        if (id != NULL && id->kind == PT__JSON_ARRAY) /* any of several may end a text */
            id = id->first;
        if (writing->specials[i] < 0)
            writing->specials[i] = find_token(writing, name);
        if (writing->specials[i] < 0 && id != NULL && id->kind == PT__JSON_NUMBER && id->is_integer &&
            id->integer >= 0 && id->integer < writing->count)
            writing->specials[i] = id->integer;
    }
    return PT_OK;
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

static pt_status_t put_merges(const writing_t *writing)
{
    const pt__json_t *merges = NULL;
    const char *parts[2];
    int64_t lengths[2];
    PT__TRY(pt__json_get_array(writing->model, "merges", PT__JSON_REQUIRED, &merges));
    pt__gguf_put_strings(writing->metadata, KEY("merges"), (uint64_t)merges->length);
    for (const pt__json_t *merge = merges->first; merge != NULL; merge = merge->next) {
        PT__TRY(pt__merge_split(merge, parts, lengths));
        pt__gguf_add_number(&writing->metadata->text, (uint64_t)(lengths[0] + 1 + lengths[1]), 8);
        pt__text_add_bytes(&writing->metadata->text, parts[0], lengths[0]);
        pt__text_add_bytes(&writing->metadata->text, " ", 1);
        pt__text_add_bytes(&writing->metadata->text, parts[1], lengths[1]);
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
    PT__TRY(pt__gguf_split_of(writing->memory, writing->root, writing->model, &split));
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

/* ---- SentencePiece's, of pairs ---- */

/* What a merge makes; -1: no token. */
static pt_status_t find_made(const writing_t *writing, const pt__vocabulary_t *vocabulary, const pt__json_t *merge,
                             int64_t *id)
{
    const char *parts[2];
    int64_t lengths[2];
    pt__text_t whole = pt__text_start(writing->memory);
    PT__TRY(pt__merge_split(merge, parts, lengths));
    pt__text_add_bytes(&whole, parts[0], lengths[0]);
    pt__text_add_bytes(&whole, parts[1], lengths[1]);
    *id = whole.status == PT_OK ? pt__vocabulary_find_content(vocabulary, whole.data, whole.length) : -1;
    const pt_status_t status = whole.status;
    pt__text_free(&whole);
    return status;
}

/* There pieces have scores in place of merges, and any two that make a third are merged, by its score: so all merges
 * must be there, and a piece's score is the place of the first that makes it. */
static pt_status_t score(const writing_t *writing, pt__piece_t *pieces)
{
    pt__piece_model_t model = {.pieces = pieces, .count = writing->count};
    pt__vocabulary_t vocabulary;
    const pt__json_t *merges = NULL;
    int64_t place = 0, pairs = 0, id = -1;
    pt_status_t status;
    pt__vocabulary_start(&vocabulary, writing->memory);
    PT__TRY_OUT(pt__json_get_array(writing->model, "merges", PT__JSON_REQUIRED, &merges));
    for (int64_t i = 0; i < writing->count; i++)
        if (pieces[i].length > 0)
            PT__TRY_OUT(pt__vocabulary_add(&vocabulary, i, pieces[i].bytes, pieces[i].length));
    PT__TRY_OUT(pt__vocabulary_finish(&vocabulary, 0));
    for (int64_t i = 0; i < writing->count; i++)
        pieces[i].score = pieces[i].kind == PT__PIECE_NORMAL ? -(double)merges->length - 1 : 0;
    for (const pt__json_t *merge = merges->first; merge != NULL; merge = merge->next, place++) {
        PT__TRY_OUT(find_made(writing, &vocabulary, merge, &id));
        if (id >= 0 && pieces[id].score < -(double)merges->length)
            pieces[id].score = -(double)place;
    }
    PT__TRY_OUT(pt__piece_model_pairs(&model, &vocabulary, &pairs));
    if (pairs != merges->length)
        status = pt__fail(PT_ERR_UNSUPPORTED,
                          "%lld merges with byte_fallback, expected all %lld pairs of tokens that make a third, as "
                          "llama.cpp merges them",
                          (long long)merges->length, (long long)pairs);
out:
    pt__vocabulary_free(&vocabulary);
    return status;
}

static int64_t kind_of(const token_t *token, const char *unknown)
{
    if (token->bytes == NULL)
        return PT__PIECE_UNUSED;
    if (unknown != NULL && strcmp(token->bytes, unknown) == 0)
        return PT__PIECE_UNKNOWN;
    if (token->kind == PT__PIECE_NORMAL && token->length == 6 && memcmp(token->bytes, "<0x", 3) == 0 &&
        token->bytes[5] == '>')
        return PT__PIECE_BYTE;
    return token->kind;
}

static pt_status_t put_scored(writing_t *writing, const pt__piece_t *pieces, int32_t puts_blank)
{
    pt__gguf_put_string(writing->metadata, KEY("model"), "llama", 5);
    pt__gguf_put_string(writing->metadata, KEY("pre"), "default", 7);
    pt__gguf_put_strings(writing->metadata, KEY("tokens"), (uint64_t)writing->count);
    for (int64_t i = 0; i < writing->count; i++)
        add_name(writing, i);
    pt__gguf_put_float32s(writing->metadata, KEY("scores"), (uint64_t)writing->count);
    for (int64_t i = 0; i < writing->count; i++)
        pt__gguf_add_float32(writing->metadata, (float)pieces[i].score);
    pt__gguf_put_int32s(writing->metadata, KEY("token_type"), (uint64_t)writing->count);
    for (int64_t i = 0; i < writing->count; i++)
        pt__gguf_add_int32(writing->metadata, (int32_t)pieces[i].kind);
    pt__gguf_put_bool(writing->metadata, KEY("add_space_prefix"), puts_blank);
    return PT_OK;
}

static pt_status_t put_pieces(writing_t *writing, const pt__tokenizer_source_t *source)
{
    const char *unknown = NULL;
    pt__piece_t *pieces;
    int64_t first, last;
    int32_t puts_blank = 0;
    PT__TRY(pt__gguf_blank_of(writing->root, &puts_blank));
    PT__TRY(pt__json_get_string(writing->model, "unk_token", PT__JSON_OPTIONAL, &unknown));
    PT__TRY(pt__allocate(writing->memory, (size_t)writing->count, sizeof *pieces, "tokens", &pieces));
    for (int64_t i = 0; i < writing->count; i++)
        pieces[i] = (pt__piece_t){.bytes = writing->tokens[i].bytes,
                                  .length = writing->tokens[i].length,
                                  .kind = kind_of(&writing->tokens[i], unknown)};
    pt_status_t status = score(writing, pieces);
    if (status == PT_OK)
        status = put_scored(writing, pieces, puts_blank);
    pt__release(writing->memory, pieces);
    PT__TRY(status);
    PT__TRY(find_ends(writing, &first, &last));
    writing->specials[BEGIN] = first;
    writing->specials[END] = last;
    writing->specials[UNKNOWN] = find_token(writing, unknown);
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
    int32_t lowers = 0, strips = 1, parts = 1, cleans = 1;
    PT__TRY(pt__json_get_object(writing->root, "normalizer", PT__JSON_OPTIONAL, &normalizer));
    PT__TRY(pt__json_get_object(writing->root, "pre_tokenizer", PT__JSON_OPTIONAL, &words));
    if (normalizer != NULL) {
        PT__TRY(pt__json_get_bool(normalizer, "clean_text", PT__JSON_OPTIONAL, &cleans));
        PT__TRY(pt__json_get_bool(normalizer, "lowercase", PT__JSON_OPTIONAL, &lowers));
        PT__TRY(pt__json_get_bool(normalizer, "strip_accents", PT__JSON_OPTIONAL, &strips));
        PT__TRY(pt__json_get_bool(normalizer, "handle_chinese_chars", PT__JSON_OPTIONAL, &parts));
    }
    if (words != NULL)
        PT__TRY(pt__json_get_string(words, "type", PT__JSON_OPTIONAL, &type));
    PT__TRY(pt__json_get_string(writing->model, "continuing_subword_prefix", PT__JSON_OPTIONAL, &prefix));
    if (!lowers || !cleans || !strips || !parts || strcmp(type, "BertPreTokenizer") != 0 || strcmp(prefix, "##") != 0)
        return pt__fail(PT_ERR_UNSUPPORTED, "WordPiece %s, expected BERT's of lower case, as llama.cpp has it",
                        !lowers                                 ? "without lower case"
                        : !cleans                               ? "with \"clean_text\": false"
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

/* Pieces that stand in a word or at its end have a mark there. */
static pt_status_t check_pairs(const pt__json_t *model)
{
    static const char *const marks[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        const char *mark = "";
        PT__TRY(pt__json_get_string(model, marks[i], PT__JSON_OPTIONAL, &mark));
        if (*mark != 0)
            return pt__fail(PT_ERR_UNSUPPORTED, "\"%s\" with BPE, expected none in a GGUF file", marks[i]);
    }
    return PT_OK;
}

static pt_status_t put_all(writing_t *writing, const pt__tokenizer_source_t *source)
{
    const char *type = NULL;
    int32_t falls_back = 0;
    PT__TRY(pt__json_get_object(writing->root, "model", PT__JSON_REQUIRED, &writing->model));
    PT__TRY(pt__json_get_string(writing->model, "type", PT__JSON_REQUIRED, &type));
    if (strcmp(type, "BPE") != 0 && strcmp(type, "WordPiece") != 0)
        return pt__fail(PT_ERR_UNSUPPORTED, "a tokenizer of the kind %.40s, expected BPE or WordPiece in a GGUF file",
                        type);
    PT__TRY(collect(writing, source->vocabulary));
    if (strcmp(type, "WordPiece") == 0)
        return put_words(writing, source);
    PT__TRY(check_pairs(writing->model));
    PT__TRY(pt__json_get_bool(writing->model, "byte_fallback", PT__JSON_OPTIONAL, &falls_back));
    return falls_back ? put_pieces(writing, source) : put_bytes(writing, source);
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
