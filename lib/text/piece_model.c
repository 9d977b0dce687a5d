/* See piece_model.h. The parts are those that make a tokenizer.json give the ids that SentencePiece itself gives: it
 * takes the longest string that its normalizer knows, puts a blank before all texts, those that begin with one too, and
 * merges by scores. */
#include "text/piece_model.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/sort.h"
#include "base/utf8.h"
#include "text/base64.h"
#include "text/foreign.h"
#include "text/vocabulary.h"

enum { LONGEST_PIECE = 1024 /* bytes: so many ways to cut it are looked at */ };

#define BLANK "\xE2\x96\x81"

static pt_status_t check(const pt__piece_model_t *model)
{
    for (int64_t i = 0; i < model->count; i++) {
        const pt__piece_t *piece = &model->pieces[i];
        if (piece->length <= 0 || pt__utf8_valid(piece->bytes, piece->length) < piece->length)
            return pt__fail(PT_ERR_FORMAT, "piece %lld is %s", (long long)i,
                            piece->length <= 0 ? "empty" : "not UTF-8");
        if (piece->length > LONGEST_PIECE)
            return pt__fail(PT_ERR_UNSUPPORTED, "piece %lld has %lld bytes, expected at most %d", (long long)i,
                            (long long)piece->length, LONGEST_PIECE);
        if (!isfinite(piece->score))
            return pt__fail(PT_ERR_FORMAT, "piece %lld, \"%.*s\", has a score that is no number", (long long)i,
                            (int)(piece->length < 99 ? piece->length : 99), piece->bytes);
        if (piece->kind < PT__PIECE_NORMAL || piece->kind > PT__PIECE_BYTE)
            return pt__fail(PT_ERR_FORMAT, "piece %lld is of kind %lld, expected 1 to 6", (long long)i,
                            (long long)piece->kind);
        if (piece->kind == PT__PIECE_UNUSED && model->is_unigram)
            return pt__fail(PT_ERR_UNSUPPORTED, "piece %lld, \"%.*s\", is not to be used", (long long)i,
                            (int)(piece->length < 99 ? piece->length : 99), piece->bytes);
    }
    return PT_OK;
}

/* Whether the blank before a text is a pre-tokenizer's matter, not a normalizer's. */
static int32_t cuts_words(const pt__piece_model_t *model)
{
    return model->escapes && model->is_unigram;
}

/* ---- Normalizers ---- */

static void add_replace(pt__text_t *json, int64_t *written, const char *kind, const char *pattern, const char *content)
{
    pt__text_add(json, "%s{\"type\": \"Replace\", \"pattern\": {\"%s\": \"%s\"}, \"content\": \"%s\"}",
                 (*written)++ > 0 ? ", " : "", kind, pattern, content);
}

static pt_status_t write_map(const pt__piece_model_t *model, pt__text_t *json, int64_t *written)
{
    const int64_t length = pt__base64_length(model->map_size);
    char *text;
    PT__TRY(pt__allocate_uninitialised(json->memory, (size_t)length, 1, "normalizer", &text));
    pt__base64_write(model->map, model->map_size, text);
    pt__text_add(json, "{\"type\": \"Precompiled\", \"precompiled_charsmap\": \"");
    pt__text_add_bytes(json, text, length);
    pt__text_add(json, "\", \"longest_match\": true}");
    pt__release(json->memory, text);
    ++*written;
    return PT_OK;
}

static pt_status_t write_normalizer(const pt__piece_model_t *model, pt__text_t *json)
{
    int64_t written = 0;
    pt__text_add(json, "\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [");
    if (model->map_size > 0)
        PT__TRY(write_map(model, json, &written));
    if (model->trims) {
        add_replace(json, &written, "Regex", "\\\\A +| +\\\\z", "");
        add_replace(json, &written, "Regex", " {2,}", " ");
    }
    if (model->escapes)
        add_replace(json, &written, "String", " ", BLANK);
    if (model->trims && model->escapes)
        add_replace(json, &written, "Regex", BLANK "+\\\\z", "");
    if (model->puts_blank && cuts_words(model)) /* and one more comes with the words */
        add_replace(json, &written, "Regex", "\\\\A" BLANK, BLANK BLANK);
    else if (model->puts_blank)
        pt__text_add(json, "%s{\"type\": \"Prepend\", \"prepend\": \"%s\"}", written > 0 ? ", " : "",
                     model->escapes ? BLANK : " ");
    pt__text_add(json, "]}, ");
    return PT_OK;
}

/* Words may be cut before blanks where no piece reaches over one. */
static int32_t may_split(const pt__piece_model_t *model)
{
    const int64_t blank = (int64_t)strlen(BLANK);
    for (int64_t i = 0; i < model->count; i++)
        for (int64_t at = 1; at + blank <= model->pieces[i].length; at++)
            if (memcmp(model->pieces[i].bytes + at, BLANK, (size_t)blank) == 0)
                return 0;
    return 1;
}

static void write_words(const pt__piece_model_t *model, pt__text_t *json)
{
    if (cuts_words(model))
        pt__text_add(json,
                     "\"pre_tokenizer\": {\"type\": \"Metaspace\", \"replacement\": \"" BLANK
                     "\", \"prepend_scheme\": \"%s\", \"split\": %s}, ",
                     model->puts_blank ? "always" : "never", may_split(model) ? "true" : "false");
    else
        pt__text_add(json, "\"pre_tokenizer\": null, ");
}

static void write_decoder(const pt__piece_model_t *model, pt__text_t *json)
{
    pt__text_add(json, "\"decoder\": {\"type\": \"Sequence\", \"decoders\": [{\"type\": \"Replace\", \"pattern\": "
                       "{\"String\": \"" BLANK "\"}, \"content\": \" \"}, ");
    if (model->falls_back)
        pt__text_add(json, "{\"type\": \"ByteFallback\"}, ");
    pt__text_add(json, "{\"type\": \"Fuse\"}");
    if (model->puts_blank || model->trims)
        pt__text_add(json, ", {\"type\": \"Strip\", \"content\": \" \", \"start\": %d, \"stop\": 0}",
                     model->trims ? INT32_MAX : 1);
    pt__text_add(json, "]}, ");
}

/* ---- Unigram ---- */

/* -1: there is none. */
static int64_t find_unknown(const pt__piece_model_t *model)
{
    for (int64_t i = 0; i < model->count; i++)
        if (model->pieces[i].kind == PT__PIECE_UNKNOWN)
            return i;
    return -1;
}

static void write_unigram(const pt__piece_model_t *model, pt__text_t *json)
{
    const int64_t unknown = find_unknown(model);
    pt__text_add(json, "{\"type\": \"Unigram\", \"unk_id\": ");
    if (unknown >= 0)
        pt__text_add(json, "%lld", (long long)unknown);
    else
        pt__text_add(json, "null");
    pt__text_add(json, ", \"byte_fallback\": %s, \"vocab\": [", model->falls_back ? "true" : "false");
    for (int64_t i = 0; i < model->count; i++) {
        pt__text_add(json, i > 0 ? ", [" : "[");
        pt__json_add_string(json, model->pieces[i].bytes, model->pieces[i].length);
        pt__text_add(json, ", ");
        pt__json_add_number(json, model->pieces[i].score);
        pt__text_add(json, "]");
    }
    pt__text_add(json, "]}");
}

/* ---- Byte-pair encoding ---- */

typedef struct merge {
    double score;
    int32_t piece, left; /* its number, and the bytes of its left part */
} merge_t;

typedef struct merges {
    pt__memory_t *memory;
    merge_t *list;
    int64_t count, capacity;
} merges_t;

static int32_t is_normal(const pt__piece_model_t *model, const pt__vocabulary_t *vocabulary, const char *bytes,
                         int64_t length)
{
    const int32_t id = pt__vocabulary_find_content(vocabulary, bytes, length);
    return id >= 0 && model->pieces[id].kind == PT__PIECE_NORMAL;
}

/* All two pieces that make a third one. */
static pt_status_t find_merges(const pt__piece_model_t *model, const pt__vocabulary_t *vocabulary, merges_t *merges)
{
    for (int64_t i = 0; i < model->count; i++) {
        const pt__piece_t *piece = &model->pieces[i];
        for (int64_t left = 1; piece->kind == PT__PIECE_NORMAL && left < piece->length; left++) {
            if ((piece->bytes[left] & 0xC0) == 0x80 || !is_normal(model, vocabulary, piece->bytes, left) ||
                !is_normal(model, vocabulary, piece->bytes + left, piece->length - left))
                continue;
            PT__TRY(pt__grow(merges->memory, &merges->list, &merges->capacity, merges->count + 1, sizeof *merges->list,
                             "merges"));
            merges->list[merges->count++] = (merge_t){piece->score, (int32_t)i, (int32_t)left};
        }
    }
    return PT_OK;
}

pt_status_t pt__piece_model_pairs(const pt__piece_model_t *model, const pt__vocabulary_t *vocabulary, int64_t *pairs)
{
    merges_t merges = {.memory = vocabulary->memory};
    const pt_status_t status = find_merges(model, vocabulary, &merges);
    *pairs = merges.count;
    pt__release(merges.memory, merges.list);
    return status;
}

static int compare(const void *a, const void *b, void *user)
{
    const merge_t *first = a, *second = b;
    (void)user;
    if (first->score != second->score)
        return first->score > second->score ? -1 : 1;
    if (first->piece != second->piece)
        return first->piece < second->piece ? -1 : 1;
    return (first->left > second->left) - (first->left < second->left);
}

static pt_status_t write_merges(const pt__piece_model_t *model, const merges_t *merges, pt__text_t *json)
{
    const merge_t **sorted;
    PT__TRY(pt__allocate(merges->memory, (size_t)merges->count, sizeof *sorted, "merges", (void *)&sorted));
    for (int64_t i = 0; i < merges->count; i++)
        sorted[i] = &merges->list[i];
    pt__sort((const void **)sorted, merges->count, compare, NULL);
    pt__text_add(json, "}, \"merges\": [");
    for (int64_t i = 0; i < merges->count; i++) {
        const pt__piece_t *piece = &model->pieces[sorted[i]->piece];
        pt__text_add(json, i > 0 ? ", [" : "[");
        pt__json_add_string(json, piece->bytes, sorted[i]->left);
        pt__text_add(json, ", ");
        pt__json_add_string(json, piece->bytes + sorted[i]->left, piece->length - sorted[i]->left);
        pt__text_add(json, "]");
    }
    pt__text_add(json, "]}");
    pt__release(merges->memory, (void *)sorted);
    return PT_OK;
}

static pt_status_t write_pairs(const pt__piece_model_t *model, pt__text_t *json)
{
    pt__vocabulary_t vocabulary;
    merges_t merges = {.memory = json->memory};
    const int64_t unknown = find_unknown(model);
    pt_status_t status = PT_OK;
    pt__vocabulary_start(&vocabulary, json->memory);
    pt__text_add(json, "{\"type\": \"BPE\", \"fuse_unk\": true, \"byte_fallback\": %s, \"unk_token\": ",
                 model->falls_back ? "true" : "false");
    if (unknown >= 0)
        pt__json_add_string(json, model->pieces[unknown].bytes, model->pieces[unknown].length);
    else
        pt__text_add(json, "null");
    pt__text_add(json, ", \"vocab\": {");
    for (int64_t i = 0; i < model->count; i++) {
        const pt__piece_t *piece = &model->pieces[i];
        PT__TRY_OUT(pt__vocabulary_add(&vocabulary, i, piece->bytes, piece->length));
        pt__text_add(json, i > 0 ? ", " : "");
        pt__json_add_string(json, piece->bytes, piece->length);
        pt__text_add(json, ": %lld", (long long)i);
    }
    PT__TRY_OUT(pt__vocabulary_finish(&vocabulary, 0));
    PT__TRY_OUT(find_merges(model, &vocabulary, &merges));
    PT__TRY_OUT(write_merges(model, &merges, json));
out:
    pt__release(json->memory, merges.list);
    pt__vocabulary_free(&vocabulary);
    return status;
}

/* ---- All ---- */

pt_status_t pt__piece_model_write(const pt__piece_model_t *model, pt__text_t *json)
{
    int64_t written = 0;
    PT__TRY(check(model));
    pt__text_add(json, "{\"version\": \"1.0\", \"truncation\": null, \"padding\": null, \"added_tokens\": [");
    for (int64_t i = 0; i < model->count; i++) {
        const pt__piece_t *piece = &model->pieces[i];
        if (piece->kind >= PT__PIECE_UNKNOWN && piece->kind <= PT__PIECE_USER)
            pt__added_token_write(json, &written, i, piece->bytes, piece->length,
                                  piece->kind == PT__PIECE_USER ? PT__ADDED_PLAIN : PT__ADDED_SPECIAL);
    }
    pt__text_add(json, "], ");
    PT__TRY(write_normalizer(model, json));
    write_words(model, json);
    pt__text_add(json, "\"post_processor\": ");
    if (model->first >= 0 || model->last >= 0)
        pt__template_write(json, model->first, model->last, 1);
    else
        pt__text_add(json, "null");
    pt__text_add(json, ", ");
    write_decoder(model, json);
    pt__text_add(json, "\"model\": ");
    if (model->is_unigram)
        write_unigram(model, json);
    else
        PT__TRY(write_pairs(model, json));
    pt__text_add(json, "}\n");
    return json->status;
}
