/* Tokens to text, for hosts: all at once, and as they come. */
#include <string.h>

#include "api/api.h"
#include "base/array.h"
#include "base/dtype.h"
#include "base/text.h"
#include "text/tokenizer.h"

/* ---- At once ---- */

static pt_status_t check_flags(const char *function, uint32_t flags)
{
    if (flags & ~(uint32_t)PT_DECODE_SPECIAL)
        return pt__fail(PT_ERR_ARGUMENT, "%s: flags is %u, expected PT_DECODE_SPECIAL or 0", function, (unsigned)flags);
    return PT_OK;
}

/* The host's ids behind the text that is under way. `what` begins messages. */
static pt_status_t add_ids(const pt_tokenizer_t *tokenizer, const pt_array_t *given, uint32_t array_size,
                           const char *what, uint32_t flags, int32_t is_last, pt__decoding_t *text)
{
    pt__memory_t *memory = &tokenizer->context->memory;
    pt_array_t array;
    int32_t *ids = NULL;
    pt_status_t status;
    PT__TRY(pt__array_read(given, array_size, what, &array));
    PT__TRY(pt__allocate(memory, (size_t)array.elements, sizeof *ids, "ids", &ids));
    PT__TRY_OUT(pt__dtype_convert(what, array.dtype, array.data, PT_INT32, ids, array.elements));
    PT__TRY_OUT(pt__tokenizer_decode(tokenizer, ids, array.elements, (flags & PT_DECODE_SPECIAL) != 0, is_last, text));
out:
    pt__release(memory, ids);
    return status;
}

static pt_status_t decode(pt_tokenizer_t *tokenizer, const pt_array_t *given, uint32_t array_size, uint32_t flags,
                          char *buffer, size_t size, size_t *length)
{
    pt__decoding_t decoding;
    PT__TRY(check_flags("pt_tokenizer_decode", flags));
    pt__decoding_start(&decoding, &tokenizer->decoders);
    pt_status_t status = add_ids(tokenizer, given, array_size, "pt_tokenizer_decode: ids", flags, 1, &decoding);
    if (status == PT_OK) {
        int64_t bytes;
        const uint8_t *decoded = pt__decoding_text(&decoding, &bytes);
        pt__text_t text = pt__text_start(&tokenizer->context->memory);
        if (bytes > 0)
            pt__text_add_bytes(&text, (const char *)decoded, bytes);
        status = pt__text_give(&text, buffer, size, length);
    }
    pt__decoding_free(&decoding);
    return status;
}

pt_status_t pt_tokenizer_decode(pt_tokenizer_t *tokenizer, const pt_array_t *ids, uint32_t array_size, uint32_t flags,
                                char *buffer, size_t size, size_t *length)
{
    PT__ENTER();
    PT__NEED(tokenizer);
    return pt__error_keep_on(tokenizer->message, decode(tokenizer, ids, array_size, flags, buffer, size, length));
}

/* ---- As they come ---- */

struct pt_decoder {
    pt_tokenizer_t *tokenizer; /* retained */
    uint32_t flags;
    pt__decoding_t text;
    char message[PT__MESSAGE_SIZE];
};

static pt_status_t create(pt_tokenizer_t *tokenizer, uint32_t flags, pt_decoder_t **out)
{
    pt_decoder_t *decoder;
    PT__TRY(check_flags("pt_decoder_create", flags));
    PT__TRY(pt__allocate(&tokenizer->context->memory, 1, sizeof *decoder, "decoder", &decoder));
    decoder->tokenizer = pt__tokenizer_retain(tokenizer);
    decoder->flags = flags;
    pt__decoding_start(&decoder->text, &tokenizer->decoders);
    *out = decoder;
    return PT_OK;
}

pt_status_t pt_decoder_create(pt_tokenizer_t *tokenizer, uint32_t flags, pt_decoder_t **out)
{
    PT__ENTER();
    PT__NEED_OUT(out);
    PT__NEED(tokenizer);
    return pt__error_keep_on(tokenizer->message, create(tokenizer, flags, out));
}

/* All that is certain, where there is room for it; else nothing, and it waits. */
static void give(pt_decoder_t *decoder, char *buffer, size_t size, size_t *length)
{
    int64_t bytes;
    const uint8_t *text = pt__decoding_text(&decoder->text, &bytes);
    *length = (size_t)bytes;
    if (buffer == NULL || size == 0)
        return;
    const int32_t fits = *length < size;
    if (fits && bytes > 0)
        memcpy(buffer, text, *length);
    buffer[fits ? *length : 0] = 0;
    if (fits)
        pt__decoding_take(&decoder->text);
}

pt_status_t pt_decoder_add(pt_decoder_t *decoder, const pt_array_t *ids, uint32_t array_size, char *buffer, size_t size,
                           size_t *length)
{
    PT__ENTER();
    PT__NEED(decoder);
    pt_status_t status = PT_OK;
    if (length == NULL)
        status = pt__fail(PT_ERR_ARGUMENT, "pt_decoder_add: length is NULL");
    else if (ids != NULL)
        status = add_ids(decoder->tokenizer, ids, array_size, "pt_decoder_add: ids", decoder->flags, 0, &decoder->text);
    if (status == PT_OK)
        give(decoder, buffer, size, length);
    return pt__error_keep_on(decoder->message, status);
}

pt_status_t pt_decoder_finish(pt_decoder_t *decoder, char *buffer, size_t size, size_t *length)
{
    PT__ENTER();
    PT__NEED(decoder);
    pt_status_t status = PT_OK;
    if (length == NULL)
        status = pt__fail(PT_ERR_ARGUMENT, "pt_decoder_finish: length is NULL");
    else
        status = pt__tokenizer_decode(decoder->tokenizer, NULL, 0, 0, 1, &decoder->text);
    if (status == PT_OK)
        give(decoder, buffer, size, length);
    return pt__error_keep_on(decoder->message, status);
}

const char *pt_decoder_last_error(const pt_decoder_t *decoder)
{
    return decoder == NULL ? "" : decoder->message;
}

void pt_decoder_free(pt_decoder_t *decoder)
{
    if (decoder == NULL)
        return;
    pt_tokenizer_t *tokenizer = decoder->tokenizer;
    pt__decoding_free(&decoder->text);
    pt__release(&tokenizer->context->memory, decoder);
    pt__tokenizer_free(tokenizer);
}
