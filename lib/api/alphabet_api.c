/* Alphabets of characters, for hosts. */
#include "api/api.h"
#include "api/arguments.h"
#include "text/alphabet.h"
#include "text/tokenizer.h"

pt_status_t pt_alphabet_options_init(pt_alphabet_options_t *options, uint32_t struct_size)
{
    static const pt_alphabet_options_t defaults = {0};
    PT__ENTER();
    return pt__options_init(options, struct_size, &defaults, (uint32_t)sizeof defaults, "pt_alphabet_options");
}

static pt_status_t read_options(const pt_alphabet_options_t *options, pt_alphabet_options_t *out)
{
    PT__TRY(pt_alphabet_options_init(out, (uint32_t)sizeof *out));
    PT__TRY(pt__options_read(options, out, (uint32_t)sizeof *out, "pt_alphabet_options"));
    if ((out->flags & ~(uint32_t)PT_ALPHABET_FOLD_CASE) != 0)
        return pt__fail(PT_ERR_ARGUMENT, "pt_alphabet_options.flags is 0x%lx, expected PT_ALPHABET_FOLD_CASE or 0",
                        (unsigned long)out->flags);
    if (out->reserved != 0)
        return pt__fail(PT_ERR_ARGUMENT, "pt_alphabet_options.reserved is %ld, expected 0", (long)out->reserved);
    if (out->unknown < PT_ALPHABET_UNKNOWN_REFUSED || out->unknown > PT_ALPHABET_UNKNOWN_TOKEN)
        return pt__fail(PT_ERR_ARGUMENT, "pt_alphabet_options.unknown is %ld, expected one of PT_ALPHABET_UNKNOWN_...",
                        (long)out->unknown);
    return PT_OK;
}

static pt_status_t create(pt_context_t *context, const char *characters, const pt_alphabet_options_t *options,
                          pt_tokenizer_t **out)
{
    pt_alphabet_options_t effective;
    pt__text_t json = pt__text_start(&context->memory);
    char *text;
    int64_t length;
    PT__TRY(read_options(options, &effective));
    pt_status_t status = pt__alphabet_write(characters, &effective, &json);
    if (status != PT_OK) {
        pt__text_free(&json);
        return status;
    }
    PT__TRY(pt__text_take(&json, &text, &length));
    status = pt__tokenizer_read_json(context, "alphabet", text, length, out);
    pt__release(&context->memory, text);
    return status;
}

pt_status_t pt_tokenizer_from_characters(pt_context_t *context, const char *characters,
                                         const pt_alphabet_options_t *options, pt_tokenizer_t **out)
{
    PT__ENTER();
    PT__NEED_OUT(out);
    PT__NEED(context);
    PT__NEED(characters);
    return pt__context_keep(context, create(context, characters, options, out));
}
