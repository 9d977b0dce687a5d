/* tokenizer.json, the file of Hugging Face's tokenizers: its parts are read by the files of their kinds, and what it
 * holds that is not known here is refused. */
#include <string.h>

#include "base/hash.h"
#include "text/kinds.h"
#include "text/pre_tokenizers.h"
#include "text/tokenizer.h"

static const pt__token_model_t *const models[] = {&pt__token_model_alphabet, &pt__token_model_bpe,
                                                  &pt__token_model_unigram, &pt__token_model_wordlevel,
                                                  &pt__token_model_wordpiece};

/* ---- Vocabulary ---- */

static pt_status_t add_listed_tokens(pt_tokenizer_t *tokenizer, const pt__json_t *model)
{
    const pt__json_t *tokens = NULL;
    int64_t id = 0;
    PT__TRY(pt__json_get_array(model, "vocab", PT__JSON_REQUIRED, &tokens));
    for (const pt__json_t *pair = tokens->first; pair != NULL; pair = pair->next, id++) {
        if (pair->kind != PT__JSON_ARRAY || pair->length != 2 || pair->first->kind != PT__JSON_STRING)
            return pt__json_fail(pair, PT_ERR_FORMAT, "expected a token and its score");
        PT__TRY(pt__vocabulary_add(&tokenizer->vocabulary, id, pair->first->string, pair->first->length));
        tokenizer->vocabulary.tokens[id].is_model = 1;
    }
    return PT_OK;
}

static pt_status_t add_model_tokens(pt_tokenizer_t *tokenizer, const pt__json_t *model)
{
    const pt__json_t *tokens = NULL;
    if (tokenizer->kind->lists_tokens)
        return add_listed_tokens(tokenizer, model);
    PT__TRY(pt__json_get_object(model, "vocab", PT__JSON_REQUIRED, &tokens));
    for (const pt__json_t *token = tokens->first; token != NULL; token = token->next) {
        if (token->kind != PT__JSON_NUMBER || !token->is_integer)
            return pt__json_fail(token, PT_ERR_FORMAT, "expected a token's id");
        if (token->integer < 0 || token->integer >= PT__TOKEN_MOST)
            return pt__json_fail(token, PT_ERR_FORMAT, "the id is %lld, expected 0 to %d", (long long)token->integer,
                                 PT__TOKEN_MOST - 1);
        PT__TRY(pt__vocabulary_add(&tokenizer->vocabulary, token->integer, token->key, token->key_length));
        tokenizer->vocabulary.tokens[token->integer].is_model = 1;
    }
    return PT_OK;
}

/* An added token that the model has too keeps the model's id. */
static pt_status_t add_added_token(pt_tokenizer_t *tokenizer, const pt__json_t *json)
{
    pt__vocabulary_t *vocabulary = &tokenizer->vocabulary;
    const pt__json_t *content = pt__json_find(json, "content");
    int64_t id = 0;
    int32_t special = 0;
    PT__TRY(pt__keys_check(json, "added token", "id content single_word lstrip rstrip normalized special"));
    PT__TRY(pt__json_get_integer(json, "id", PT__JSON_REQUIRED, 0, PT__TOKEN_MOST - 1, &id));
    if (content == NULL || content->kind != PT__JSON_STRING || content->length == 0)
        return pt__json_fail(content == NULL ? json : content, PT_ERR_FORMAT,
                             "expected content, a string that is not \"\"");
    PT__TRY(pt__json_get_bool(json, "special", PT__JSON_OPTIONAL, &special));
    int32_t is_known = id < vocabulary->count && vocabulary->tokens[id].is_there;
    if (is_known && (vocabulary->tokens[id].content_length != content->length ||
                     memcmp(pt__token_content(vocabulary, (int32_t)id), content->string, (size_t)content->length) != 0))
        return pt__json_fail(json, PT_ERR_FORMAT, "id %lld is the model's token \"%.99s\", not \"%.99s\"",
                             (long long)id, pt__token_content(vocabulary, (int32_t)id), content->string);
    if (!is_known)
        PT__TRY(pt__vocabulary_add(vocabulary, id, content->string, content->length));
    vocabulary->tokens[id].is_added = 1;
    vocabulary->tokens[id].is_special = special != 0;
    return PT_OK;
}

/* What the normalizers make of a content, in *bytes; a block of its own, also where there are none. */
static pt_status_t normalize(const pt__stages_t *stages, const char *content, int64_t length, uint8_t **bytes,
                             int64_t *made)
{
    pt__edited_t now = {.memory = stages->memory}, next = {.memory = stages->memory};
    pt_status_t status = pt__edited_add(&now, content, length, 0, 0);
    for (int32_t i = 0; i < stages->count && status == PT_OK; i++) {
        const pt__passage_t passage = {.bytes = now.bytes, .size = now.size};
        next.size = 0;
        status = now.size == 0 ? PT_OK : stages->list[i].edit(stages->list[i].settings, &passage, 0, now.size, &next);
        pt__edited_t other = now;
        now = next;
        next = other;
    }
    pt__edited_free(&next);
    *made = now.size;
    *bytes = status == PT_OK ? now.bytes : NULL;
    if (status != PT_OK)
        pt__edited_free(&now);
    return status;
}

/* Once the vocabulary stands still. */
static pt_status_t look_for_added_token(pt_tokenizer_t *tokenizer, const pt__json_t *json)
{
    const pt__json_t *content = pt__json_find(json, "content");
    int64_t id = 0;
    int32_t single_word = 0, left = 0, right = 0, normalized = 0;
    pt__stages_t stages = {.count = 0};
    PT__TRY(pt__json_get_integer(json, "id", PT__JSON_REQUIRED, 0, PT__TOKEN_MOST - 1, &id));
    PT__TRY(pt__json_get_bool(json, "single_word", PT__JSON_OPTIONAL, &single_word));
    PT__TRY(pt__json_get_bool(json, "lstrip", PT__JSON_OPTIONAL, &left));
    PT__TRY(pt__json_get_bool(json, "rstrip", PT__JSON_OPTIONAL, &right));
    PT__TRY(pt__json_get_bool(json, "normalized", PT__JSON_OPTIONAL, &normalized));
    if (normalized)
        stages = tokenizer->stages[0];
    stages.memory = tokenizer->vocabulary.memory;
    pt__added_token_t token = {
        .id = (int32_t)id, .is_single_word = single_word != 0, .takes_left = left != 0, .takes_right = right != 0};
    PT__TRY(normalize(&stages, content->string, content->length, &token.bytes, &token.length));
    pt_status_t status = stages.count == 0 || tokenizer->vocabulary.tokens[id].is_model
                             ? PT_OK
                             : pt__vocabulary_restate(&tokenizer->vocabulary, (int32_t)id, token.bytes, token.length);
    if (status == PT_OK && token.length > 0 && token.length <= PT__ADDED_MOST)
        return pt__added_tokens_add(&tokenizer->added[normalized], &token);
    pt__release(stages.memory, token.bytes);
    if (status != PT_OK)
        return status;
    return token.length == 0
               ? PT_OK /* nothing is left of it to be found */
               : pt__json_fail(json, PT_ERR_UNSUPPORTED, "an added token of %lld bytes, expected at most %d",
                               (long long)token.length, PT__ADDED_MOST);
}

/* ---- Parts ---- */

/* NULL where the file has null, or nothing. */
static pt_status_t find_part(const pt__json_t *root, const char *key, const pt__json_t **part)
{
    *part = NULL;
    return pt__json_get_object(root, key, PT__JSON_OPTIONAL, part);
}

/* A model that falls back to the bytes of a character means those of the characters that stand for bytes. */
static pt_status_t read_stages(pt_tokenizer_t *tokenizer, const pt__json_t *root, const pt__json_t *model)
{
    const pt__json_t *part;
    int32_t falls_back = 0;
    PT__TRY(pt__json_get_bool(model, "byte_fallback", PT__JSON_OPTIONAL, &falls_back));
    PT__TRY(find_part(root, "normalizer", &part));
    if (part != NULL)
        PT__TRY(pt__normalizer_read(part, &tokenizer->stages[0]));
    PT__TRY(find_part(root, "pre_tokenizer", &part));
    if (part != NULL)
        PT__TRY(pt__pre_tokenizer_read(part, &tokenizer->stages[1]));
    if (falls_back && tokenizer->stages[1].is_byte_level)
        PT__TRY(pt__write_byte_characters(&tokenizer->stages[1]));
    for (int32_t i = 0; i < tokenizer->stages[1].count; i++)
        if (tokenizer->stages[1].list[i].wants_origins)
            tokenizer->origin_steps = 2 + tokenizer->stages[0].count + i;
    return PT_OK;
}

/* Files of before 2021 do not name the model's kind: what it has tells it. */
static pt_status_t find_kind(pt_tokenizer_t *tokenizer, const pt__json_t *model)
{
    const char *name = NULL;
    PT__TRY(pt__json_get_string(model, "type", PT__JSON_OPTIONAL, &name));
    if (name == NULL && pt__json_find(model, "merges") != NULL)
        name = "BPE";
    if (name == NULL && pt__json_find(model, "max_input_chars_per_word") != NULL)
        name = "WordPiece";
    if (name == NULL && pt__json_find(model, "unk_id") != NULL)
        name = "Unigram";
    if (name == NULL && pt__json_find(model, "unk_token") != NULL)
        name = "WordLevel";
    for (size_t i = 0; name != NULL && i < sizeof models / sizeof *models; i++)
        if (strcmp(models[i]->name, name) == 0)
            tokenizer->kind = models[i];
    if (tokenizer->kind == NULL)
        return pt__json_fail(model, PT_ERR_UNSUPPORTED, "a model \"%s\" is not known here",
                             name == NULL ? "without a type" : name);
    return pt__keys_check(model, tokenizer->kind->name, tokenizer->kind->keys);
}

static pt_status_t read_tokens(pt_tokenizer_t *tokenizer, const pt__json_t *root, const pt__json_t *model)
{
    const pt__json_t *added = NULL;
    PT__TRY(add_model_tokens(tokenizer, model));
    PT__TRY(pt__json_get_array(root, "added_tokens", PT__JSON_OPTIONAL, &added));
    for (const pt__json_t *token = added == NULL ? NULL : added->first; token != NULL; token = token->next)
        PT__TRY(add_added_token(tokenizer, token));
    PT__TRY(pt__vocabulary_finish(&tokenizer->vocabulary, tokenizer->stages[1].is_byte_level));
    for (const pt__json_t *token = added == NULL ? NULL : added->first; token != NULL; token = token->next)
        PT__TRY(look_for_added_token(tokenizer, token));
    pt__added_tokens_finish(&tokenizer->added[0]);
    pt__added_tokens_finish(&tokenizer->added[1]);
    return PT_OK;
}

static pt_status_t read(pt_tokenizer_t *tokenizer, const pt__json_t *root)
{
    static const char keys[] =
        "version truncation padding added_tokens normalizer pre_tokenizer post_processor decoder model";
    const pt__json_t *model = NULL, *part;
    if (root->kind != PT__JSON_OBJECT)
        return pt__fail(PT_ERR_FORMAT, "found %s, expected an object", pt__json_kind_name(root->kind));
    PT__TRY(pt__keys_check(root, "tokenizer", keys));
    PT__TRY(pt__json_get_object(root, "model", PT__JSON_REQUIRED, &model));
    PT__TRY(find_kind(tokenizer, model));
    PT__TRY(read_stages(tokenizer, root, model));
    PT__TRY(read_tokens(tokenizer, root, model));
    PT__TRY(tokenizer->kind->read(model, &tokenizer->vocabulary, &tokenizer->model));
    PT__TRY(find_part(root, "post_processor", &part));
    if (part != NULL)
        PT__TRY(pt__post_processor_read(part, &tokenizer->vocabulary, &tokenizer->post_processor));
    PT__TRY(find_part(root, "decoder", &part));
    if (part != NULL)
        PT__TRY(pt__decoder_read(part, &tokenizer->decoders));
    PT__TRY(find_part(root, "truncation", &part));
    if (part != NULL)
        PT__TRY(pt__truncation_read(part, &tokenizer->truncation));
    PT__TRY(find_part(root, "padding", &part));
    return part == NULL ? PT_OK : pt__padding_read(part, &tokenizer->vocabulary, &tokenizer->padding);
}

static pt_status_t keep(pt_tokenizer_t *tokenizer, const char *text, int64_t size)
{
    PT__TRY(
        pt__allocate_uninitialised(&tokenizer->context->memory, (size_t)size, 1, "tokenizer's file", &tokenizer->json));
    memcpy(tokenizer->json, text, (size_t)size);
    tokenizer->json_size = size;
    return PT_OK;
}

pt_status_t pt__tokenizer_read_json(pt_context_t *context, const char *name, const char *text, int64_t size,
                                    pt_tokenizer_t **out)
{
    pt__json_document_t *document;
    const pt__json_t *root;
    pt_tokenizer_t *tokenizer;
    *out = NULL;
    PT__TRY(pt__json_parse(&context->memory, name, text, size, &document, &root));
    pt_status_t status = pt__tokenizer_begin(context, &tokenizer);
    if (status == PT_OK) {
        status = read(tokenizer, root);
        tokenizer->fingerprint = pt__hash_bytes(0, text, (size_t)size);
        if (status == PT_OK)
            status = keep(tokenizer, text, size);
        if (status == PT_OK)
            *out = tokenizer;
        else {
            pt__tokenizer_free(tokenizer);
            pt__fail_within(status, "%s", name);
        }
    }
    pt__json_free(document);
    return status;
}
