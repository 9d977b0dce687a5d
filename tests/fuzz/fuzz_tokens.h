/* What the fuzz targets of tokenizers share: a text is encoded, which may fail with a message, and its tokens are those
 * of the tokenizer, of stretches of the text, and have a text. */
#ifndef FUZZ_TOKENS_H
#define FUZZ_TOKENS_H

#include <string.h>

#include "fuzz/fuzz.h"

enum { FUZZ_MOST_TOKENS = 512 };

static inline void fuzz_tokens(pt_tokenizer_t *tokenizer, const char *text)
{
    static int32_t ids[FUZZ_MOST_TOKENS];
    static uint32_t spans[2 * FUZZ_MOST_TOKENS];
    static char decoded[64 * FUZZ_MOST_TOKENS];
    const pt_text_t given = {.text = text, .bytes = -1};
    pt_array_t id_view = {.dtype = PT_INT32, .data = ids, .capacity = FUZZ_MOST_TOKENS},
               span_view = {.dtype = PT_UINT32, .data = spans, .capacity = 2 * FUZZ_MOST_TOKENS};
    if (pt_tokenizer_encode(tokenizer, &given, sizeof given, 1, NULL, &id_view, &span_view, NULL, sizeof id_view) !=
        PT_OK) {
        if (*pt_last_error() == 0)
            abort();
        return;
    }
    for (int64_t i = 0; i < id_view.elements; i++)
        if (ids[i] < 0 || ids[i] >= pt_tokenizer_size(tokenizer) || spans[2 * i] > spans[2 * i + 1] ||
            spans[2 * i + 1] > strlen(text))
            abort();
    if (pt_tokenizer_decode(tokenizer, &id_view, sizeof id_view, PT_DECODE_SPECIAL, decoded, sizeof decoded, NULL) !=
        PT_OK)
        abort();
}

#endif
