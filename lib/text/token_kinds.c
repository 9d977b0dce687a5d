/* What a token is for those who hide words: special, or one that goes on with a word. */
#include "text/tokenizer.h"

/* Of models whose words begin with a blank, or with what stands for one: a letter or digit goes on. What is not ASCII
 * is taken as a letter, but for SentencePiece's sign of a blank. */
static int32_t begins_inside(const uint8_t *bytes, int64_t length)
{
    if (length == 0)
        return 0;
    if (bytes[0] >= 0x80)
        return !(length >= 3 && bytes[0] == 0xE2 && bytes[1] == 0x96 && bytes[2] == 0x81);
    return (bytes[0] >= '0' && bytes[0] <= '9') || (bytes[0] >= 'A' && bytes[0] <= 'Z') ||
           (bytes[0] >= 'a' && bytes[0] <= 'z');
}

int32_t pt__tokenizer_kind(const pt_tokenizer_t *tokenizer, int32_t id)
{
    const pt__token_t *token = &tokenizer->vocabulary.tokens[id];
    if (!token->is_there || token->is_special)
        return PT_TOKEN_SPECIAL;
    if (token->is_added || tokenizer->kind == &pt__token_model_wordlevel)
        return 0;
    const uint8_t *bytes = pt__token_bytes(&tokenizer->vocabulary, id);
    const int32_t inside = tokenizer->kind->continues != NULL
                               ? tokenizer->kind->continues(tokenizer->model, bytes, token->bytes_length)
                               : begins_inside(bytes, token->bytes_length);
    return inside ? PT_TOKEN_CONTINUES : 0;
}
