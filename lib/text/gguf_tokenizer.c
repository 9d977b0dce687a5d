/* The tokenizer among a GGUF file's metadata (the keys tokenizer.ggml.*, as llama.cpp reads them). */
#include <string.h>

#include "base/gguf_container.h"
#include "base/json.h"
#include "base/utf8.h"
#include "text/foreign.h"
#include "text/gguf_splits.h"
#include "text/piece_model.h"
#include "text/vocabulary.h"

#define KEY(name) "tokenizer.ggml." name

typedef struct source {
    pt__gguf_t gguf;
    pt__piece_t *pieces;
    int64_t count;
    int64_t first, last; /* -1: none */
} source_t;

/* ---- What all have ---- */

static pt_status_t read_kinds(source_t *source)
{
    pt__gguf_value_t scores, kinds;
    PT__TRY(pt__gguf_get_array(&source->gguf, KEY("scores"), 0, &scores));
    PT__TRY(pt__gguf_get_array(&source->gguf, KEY("token_type"), 0, &kinds));
    if ((scores.count != 0 && scores.count != (uint64_t)source->count) ||
        (kinds.count != 0 && kinds.count != (uint64_t)source->count))
        return pt__fail(PT_ERR_FORMAT, "%llu scores and %llu token types, expected 0 or %lld, as there are tokens",
                        (unsigned long long)scores.count, (unsigned long long)kinds.count, (long long)source->count);
    for (int64_t i = 0; i < source->count; i++) {
        const double kind = kinds.count == 0 ? PT__PIECE_NORMAL : pt__gguf_number(&kinds, i);
        source->pieces[i].score = scores.count == 0 ? 0 : pt__gguf_number(&scores, i);
        source->pieces[i].kind = kind >= 0 && kind <= PT__PIECE_BYTE ? (int64_t)kind : 0;
    }
    return PT_OK;
}

static pt_status_t read_tokens(pt__memory_t *memory, source_t *source)
{
    pt__gguf_value_t tokens;
    PT__TRY(pt__gguf_get_array(&source->gguf, KEY("tokens"), 1, &tokens));
    if (tokens.count == 0 || tokens.count > PT__TOKEN_MOST)
        return pt__fail(PT_ERR_FORMAT, "%llu tokens (" KEY("tokens") "), expected 1 to %d",
                        (unsigned long long)tokens.count, PT__TOKEN_MOST);
    source->count = (int64_t)tokens.count;
    PT__TRY(pt__allocate(memory, (size_t)source->count, sizeof *source->pieces, "tokens", &source->pieces));
    for (int64_t i = 0; i < source->count; i++) {
        const pt__gguf_string_t token = pt__gguf_next_string(&tokens);
        if (pt__utf8_valid(token.bytes, token.length) < token.length)
            return pt__fail(PT_ERR_FORMAT, "token %lld is not UTF-8", (long long)i);
        source->pieces[i].bytes = token.bytes;
        source->pieces[i].length = token.length;
    }
    return read_kinds(source);
}

/* Whether a token is put at an end of texts, and which. */
static pt_status_t read_end(source_t *source, const char *adds, int64_t is_added, const char *key, const char *other,
                            int64_t *id)
{
    int64_t found = -1;
    PT__TRY(pt__gguf_get_integer(&source->gguf, adds, 0, 1, &is_added));
    PT__TRY(pt__gguf_get_integer(&source->gguf, key, 0, source->count - 1, &found));
    if (found < 0 && other != NULL)
        PT__TRY(pt__gguf_get_integer(&source->gguf, other, 0, source->count - 1, &found));
    *id = is_added ? found : -1;
    return PT_OK;
}

static pt_status_t read_ends(source_t *source, int64_t adds_first, int64_t adds_last)
{
    PT__TRY(
        read_end(source, KEY("add_bos_token"), adds_first, KEY("bos_token_id"), KEY("cls_token_id"), &source->first));
    return read_end(source, KEY("add_eos_token"), adds_last, KEY("eos_token_id"), KEY("seperator_token_id"),
                    &source->last);
}

static void write_added(const source_t *source, pt__text_t *json)
{
    int64_t written = 0;
    pt__text_add(json, "{\"version\": \"1.0\", \"added_tokens\": [");
    for (int64_t i = 0; i < source->count; i++) {
        const pt__piece_t *piece = &source->pieces[i];
        if (piece->length > 0 && piece->kind >= PT__PIECE_UNKNOWN && piece->kind <= PT__PIECE_USER)
            pt__added_token_write(json, &written, i, piece->bytes, piece->length,
                                  piece->kind == PT__PIECE_USER ? PT__ADDED_PLAIN : PT__ADDED_SPECIAL);
    }
    pt__text_add(json, "], ");
}

static void write_ends(const source_t *source, pt__text_t *json)
{
    pt__text_add(json, "\"post_processor\": ");
    if (source->first >= 0 || source->last >= 0)
        pt__template_write(json, source->first, source->last, 1);
    else
        pt__text_add(json, "null");
    pt__text_add(json, ", ");
}

/* ---- SentencePiece's ---- */

static pt_status_t write_pieces(source_t *source, int32_t is_unigram, pt__text_t *json)
{
    int64_t puts_blank = 1, trims = 0;
    pt__gguf_value_t map = {.count = 0};
    pt__piece_model_t model = {
        .pieces = source->pieces, .count = source->count, .is_unigram = is_unigram, .escapes = 1};
    PT__TRY(pt__gguf_get_integer(&source->gguf, KEY("add_space_prefix"), 0, 1, &puts_blank));
    PT__TRY(pt__gguf_get_integer(&source->gguf, KEY("remove_extra_whitespaces"), 0, 1, &trims));
    PT__TRY(read_ends(source, !is_unigram, is_unigram));
    if (pt__gguf_find(&source->gguf, KEY("precompiled_charsmap"), &map) && (!map.is_array || map.kind > 1))
        return pt__fail(PT_ERR_FORMAT, KEY("precompiled_charsmap") " is of kind %u, expected an array of bytes",
                        (unsigned)map.kind);
    model.puts_blank = puts_blank != 0;
    model.trims = trims != 0;
    if (map.is_array) {
        model.map = map.at;
        model.map_size = (int64_t)map.count;
    }
    model.first = source->first;
    model.last = source->last;
    for (int64_t i = 0; i < source->count && !model.falls_back; i++)
        model.falls_back = source->pieces[i].kind == PT__PIECE_BYTE;
    return pt__piece_model_write(&model, json);
}

/* ---- GPT-2's ---- */

static pt_status_t write_merges(const source_t *source, pt__text_t *json)
{
    pt__gguf_value_t merges;
    PT__TRY(pt__gguf_get_array(&source->gguf, KEY("merges"), 1, &merges));
    pt__text_add(json, "}, \"merges\": [");
    for (uint64_t i = 0; i < merges.count; i++) {
        const pt__gguf_string_t merge = pt__gguf_next_string(&merges);
        if (pt__utf8_valid(merge.bytes, merge.length) < merge.length)
            return pt__fail(PT_ERR_FORMAT, "merge %llu is not UTF-8", (unsigned long long)i);
        pt__text_add(json, i > 0 ? ", " : "");
        pt__json_add_string(json, merge.bytes, merge.length);
    }
    pt__text_add(json, "]}}\n");
    return PT_OK;
}

static pt_status_t write_bytes(source_t *source, pt__text_t *json)
{
    pt__gguf_string_t name = {"", 0};
    PT__TRY(pt__gguf_get_string(&source->gguf, KEY("pre"), &name));
    const pt__gguf_split_t *split = pt__gguf_split_find(&name);
    if (split == NULL)
        return pt__fail(PT_ERR_UNSUPPORTED, KEY("pre") " is \"%.*s\", which is not known here",
                        (int)(name.length < 99 ? name.length : 99), name.bytes);
    PT__TRY(read_ends(source, split->adds_first, 0));
    write_added(source, json);
    if (split->pattern != NULL)
        pt__text_add(
            json,
            "\"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Split\", \"pattern\": "
            "{\"Regex\": \"%s\"}, \"behavior\": \"Isolated\", \"invert\": false}, {\"type\": \"ByteLevel\", "
            "\"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": false}]}, ",
            split->pattern);
    else
        pt__text_add(json,
                     "\"pre_tokenizer\": %s{\"type\": \"ByteLevel\", \"add_prefix_space\": false, "
                     "\"trim_offsets\": true, \"use_regex\": true}%s, ",
                     split->single_digits ? "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Digits\", "
                                            "\"individual_digits\": true}, "
                                          : "",
                     split->single_digits ? "]}" : "");
    write_ends(source, json);
    pt__text_add(json,
                 "\"decoder\": {\"type\": \"ByteLevel\", \"add_prefix_space\": true, \"trim_offsets\": true, "
                 "\"use_regex\": true}, \"model\": {\"type\": \"BPE\", \"fuse_unk\": false, \"byte_fallback\": false, "
                 "\"ignore_merges\": %s, \"vocab\": {",
                 split->ignores_merges ? "true" : "false");
    for (int64_t i = 0; i < source->count; i++) {
        pt__text_add(json, i > 0 ? ", " : "");
        pt__json_add_string(json, source->pieces[i].bytes, source->pieces[i].length);
        pt__text_add(json, ": %lld", (long long)i);
    }
    return write_merges(source, json);
}

/* ---- BERT's ---- */

/* Words begin with U+2581 there, and what goes on with one is bare; in brackets stand tokens of no text. */
static void write_word(const pt__piece_t *piece, pt__text_t *json)
{
    const int64_t mark = 3;
    const char *bytes = piece->bytes;
    int64_t length = piece->length;
    pt__text_t whole = pt__text_start(json->memory);
    if (length >= mark && memcmp(bytes, "\xE2\x96\x81", (size_t)mark) == 0) {
        bytes += mark;
        length -= mark;
    } else if (piece->kind == PT__PIECE_NORMAL && !(length > 2 && bytes[0] == '[' && bytes[length - 1] == ']'))
        pt__text_add(&whole, "##");
    pt__text_add_bytes(&whole, bytes, length);
    if (whole.status == PT_OK)
        pt__json_add_string(json, whole.data == NULL ? "" : whole.data, whole.length);
    else
        json->status = whole.status;
    pt__text_free(&whole);
}

static pt_status_t write_words(source_t *source, pt__text_t *json)
{
    int64_t unknown = -1;
    PT__TRY(pt__gguf_get_integer(&source->gguf, KEY("unknown_token_id"), 0, source->count - 1, &unknown));
    for (int64_t i = 0; i < source->count && unknown < 0; i++)
        if (source->pieces[i].length == 5 && memcmp(source->pieces[i].bytes, "[UNK]", 5) == 0)
            unknown = i;
    if (unknown < 0)
        return pt__fail(PT_ERR_FORMAT, "no token is [UNK], and " KEY("unknown_token_id") " is missing");
    PT__TRY(read_ends(source, 1, 1));
    write_added(source, json);
    pt__text_add(json, "\"normalizer\": {\"type\": \"BertNormalizer\", \"clean_text\": true, \"handle_chinese_chars\": "
                       "true, \"strip_accents\": null, \"lowercase\": true}, \"pre_tokenizer\": {\"type\": "
                       "\"BertPreTokenizer\"}, ");
    write_ends(source, json);
    pt__text_add(json, "\"decoder\": {\"type\": \"WordPiece\", \"prefix\": \"##\", \"cleanup\": true}, \"model\": "
                       "{\"type\": \"WordPiece\", \"unk_token\": ");
    write_word(&source->pieces[unknown], json);
    pt__text_add(json, ", \"continuing_subword_prefix\": \"##\", \"max_input_chars_per_word\": 100, \"vocab\": {");
    for (int64_t i = 0; i < source->count; i++) {
        pt__text_add(json, i > 0 ? ", " : "");
        write_word(&source->pieces[i], json);
        pt__text_add(json, ": %lld", (long long)i);
    }
    pt__text_add(json, "}}}\n");
    return PT_OK;
}

/* ---- All ---- */

static pt_status_t write(source_t *source, pt__text_t *json)
{
    pt__gguf_string_t model = {"", 0};
    PT__TRY(pt__gguf_get_string(&source->gguf, KEY("model"), &model));
    if (model.length == 0)
        return pt__fail(PT_ERR_NOT_FOUND, "no \"" KEY("model") "\" in its metadata: there is no tokenizer in it");
    PT__TRY(read_tokens(json->memory, source));
    if (pt__gguf_equals(&model, "llama") || pt__gguf_equals(&model, "t5"))
        return write_pieces(source, pt__gguf_equals(&model, "t5"), json);
    if (pt__gguf_equals(&model, "gpt2"))
        return write_bytes(source, json);
    if (pt__gguf_equals(&model, "bert"))
        return write_words(source, json);
    return pt__fail(PT_ERR_UNSUPPORTED, KEY("model") " is \"%.*s\", expected gpt2, llama, t5 or bert",
                    (int)(model.length < 99 ? model.length : 99), model.bytes);
}

pt_status_t pt__gguf_to_json(const uint8_t *bytes, int64_t size, pt__text_t *json)
{
    source_t source = {.first = -1, .last = -1};
    pt_status_t status = pt__gguf_open(&source.gguf, bytes, size);
    if (status == PT_OK)
        status = write(&source, json);
    pt__release(json->memory, source.pieces);
    return status == PT_OK ? json->status : status;
}

/* ---- What a tokenizer_config.json says ---- */

static pt_status_t write_config(source_t *source, pt__text_t *json)
{
    static const char *const tokens[][2] = {
        {KEY("bos_token_id"), "bos_token"},     {KEY("eos_token_id"), "eos_token"},
        {KEY("unknown_token_id"), "unk_token"}, {KEY("padding_token_id"), "pad_token"},
        {KEY("cls_token_id"), "cls_token"},     {KEY("seperator_token_id"), "sep_token"},
        {KEY("mask_token_id"), "mask_token"}};
    pt__gguf_string_t chat = {NULL, 0};
    pt__text_add(json,
                 "{\n  \"tokenizer_class\": \"PreTrainedTokenizerFast\",\n  \"clean_up_tokenization_spaces\": false");
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        int64_t id = -1;
        PT__TRY(pt__gguf_get_integer(&source->gguf, tokens[i][0], 0, source->count - 1, &id));
        if (id < 0)
            continue;
        pt__text_add(json, ",\n  \"%s\": ", tokens[i][1]);
        pt__json_add_string(json, source->pieces[id].bytes, source->pieces[id].length);
    }
    PT__TRY(pt__gguf_get_string(&source->gguf, "tokenizer.chat_template", &chat));
    if (chat.bytes != NULL && pt__utf8_valid(chat.bytes, chat.length) < chat.length)
        return pt__fail(PT_ERR_FORMAT, "tokenizer.chat_template is not UTF-8");
    if (chat.bytes != NULL) {
        pt__text_add(json, ",\n  \"chat_template\": ");
        pt__json_add_string(json, chat.bytes, chat.length);
    }
    pt__text_add(json, "\n}\n");
    return json->status;
}

pt_status_t pt__gguf_to_tokenizer_config(const uint8_t *bytes, int64_t size, pt__text_t *json)
{
    source_t source = {.first = -1, .last = -1};
    pt_status_t status = pt__gguf_open(&source.gguf, bytes, size);
    if (status == PT_OK)
        status = read_tokens(json->memory, &source);
    if (status == PT_OK)
        status = write_config(&source, json);
    pt__release(json->memory, source.pieces);
    return status;
}

int32_t pt__gguf_has_tokenizer(const uint8_t *bytes, int64_t size)
{
    pt__gguf_t gguf;
    pt__gguf_value_t value;
    return pt__gguf_open(&gguf, bytes, size) == PT_OK && pt__gguf_find(&gguf, KEY("model"), &value);
}
