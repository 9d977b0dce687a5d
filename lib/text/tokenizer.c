/* See tokenizer.h. */
#include "text/tokenizer.h"

pt_status_t pt__tokenizer_begin(pt_context_t *context, pt_tokenizer_t **out)
{
    pt_tokenizer_t *tokenizer;
    pt__memory_t *memory = &context->memory;
    *out = NULL;
    if (!pt__characters_known())
        return pt__fail(PT_ERR_UNSUPPORTED, "this library is built without utf8proc, which tokenizers need");
    PT__TRY(pt__allocate(memory, 1, sizeof *tokenizer, "tokenizer", &tokenizer));
    atomic_init(&tokenizer->references, 1);
    tokenizer->context = pt__context_retain(context);
    pt__vocabulary_start(&tokenizer->vocabulary, memory);
    for (int32_t i = 0; i < 2; i++) {
        tokenizer->added[i].memory = memory;
        tokenizer->stages[i].memory = memory;
    }
    tokenizer->decoders.memory = memory;
    pt_status_t status = pt__allocate(memory, (size_t)pt__pool_threads(context->pool), sizeof *tokenizer->encoders,
                                      "encoders", &tokenizer->encoders);
    if (status == PT_OK)
        *out = tokenizer;
    else
        pt__tokenizer_free(tokenizer);
    return status;
}

pt_tokenizer_t *pt__tokenizer_retain(pt_tokenizer_t *tokenizer)
{
    atomic_fetch_add_explicit(&tokenizer->references, 1, memory_order_relaxed);
    return tokenizer;
}

void pt__tokenizer_free(pt_tokenizer_t *tokenizer)
{
    if (tokenizer == NULL || atomic_fetch_sub_explicit(&tokenizer->references, 1, memory_order_acq_rel) > 1)
        return;
    pt_context_t *context = tokenizer->context;
    for (int32_t i = 0; tokenizer->encoders != NULL && i < pt__pool_threads(context->pool); i++)
        pt__encoder_free(tokenizer, tokenizer->encoders[i]);
    pt__release(&context->memory, tokenizer->encoders);
    pt__release(&context->memory, tokenizer->json);
    pt__release(&context->memory, tokenizer->path);
    pt__decoders_free(&tokenizer->decoders);
    pt__post_processor_free(&tokenizer->post_processor);
    for (int32_t i = 0; i < 2; i++) {
        pt__stages_free(&tokenizer->stages[i]);
        pt__added_tokens_free(&tokenizer->added[i]);
    }
    if (tokenizer->kind != NULL)
        tokenizer->kind->release(tokenizer->model);
    pt__vocabulary_free(&tokenizer->vocabulary);
    pt__release(&context->memory, tokenizer);
    pt__context_release(context);
}

/* ---- Back to text ---- */

/* The reference asks for the text that a token is decoded to, which is not always its content. */
static int32_t is_special(const pt__vocabulary_t *vocabulary, int32_t id)
{
    const pt__token_t *token = &vocabulary->tokens[id];
    if (token->is_restated)
        id = pt__vocabulary_find_content(vocabulary, (const char *)pt__token_bytes(vocabulary, id),
                                         token->bytes_length);
    return id >= 0 && vocabulary->tokens[id].is_special;
}

static pt_status_t append_tokens(const pt__vocabulary_t *vocabulary, const int32_t *ids, int64_t count,
                                 int32_t keeps_special, pt__pieces_t *pieces)
{
    for (int64_t i = 0; i < count; i++) {
        if (ids[i] < 0 || ids[i] >= vocabulary->count || !vocabulary->tokens[ids[i]].is_there)
            return pt__fail(PT_ERR_ARGUMENT, "id %d at place %lld is no token's, expected 0 to %lld", (int)ids[i],
                            (long long)i, (long long)vocabulary->count - 1);
        const pt__token_t *token = &vocabulary->tokens[ids[i]];
        if (!keeps_special && is_special(vocabulary, ids[i]))
            continue;
        PT__TRY(pt__pieces_begin(pieces));
        if (token->is_restated)
            PT__TRY(pt__pieces_append(pieces, pt__token_bytes(vocabulary, ids[i]), token->bytes_length));
        else
            PT__TRY(pt__pieces_append(pieces, pt__token_content(vocabulary, ids[i]), token->content_length));
    }
    return PT_OK;
}

pt_status_t pt__tokenizer_decode(const pt_tokenizer_t *tokenizer, const int32_t *ids, int64_t count,
                                 int32_t keeps_special, int32_t is_last, pt__decoding_t *text)
{
    pt__pieces_t *pieces = pt__decoding_begin(text);
    return pt__decoding_end(text, append_tokens(&tokenizer->vocabulary, ids, count, keeps_special, pieces), is_last);
}
