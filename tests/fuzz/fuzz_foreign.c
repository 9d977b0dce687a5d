/* Tokenizers in files of other kinds, of any content: SentencePiece's models and GGUF files as they come, and, behind a
 * first byte of their own, tiktoken's ranks, lists of words and vocabularies with merges. What is turned to the text of
 * a tokenizer.json and opens encodes a text. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "base/context.h"
#include "text/foreign.h"

const fuzz_seed_t fuzz_seeds[] = {
    FUZZ_SEED("a\x0A\x0E\x0A\x05<unk>\x15\x00\x00\x00\x00\x18\x02\x0A\x0C\x0A\x03<s>"
              "\x15\x00\x00\x00\x00\x18\x03\x0A\x0D\x0A\x04\xE2\x96\x81"
              "a\x15\x00\x00\x00\xC0\x18\x01\x0A\x0A"
              "\x0A\x01"
              "a\x15\x00\x00@\xC0\x18\x01\x0A\x0A\x0A\x01"
              "b\x15\x00\x00@\xC0\x18\x01\x0A\x0B"
              "\x0A\x02"
              "ab\x15\x00\x00\x80\xC0\x18\x01\x0A\x0C\x0A\x03[x]\x15\x00\x00\x00\x00\x18"
              "\x04\x12\x08\x18\x01\x98\x02\x00\xC0\x02\x00\x1A\x1D\x0A\x01n\x12\x12\x0C\x00\x00\x00\x00l"
              "\x01\x00Z\x0D\x00\x00\x00\x00\x00\x80y\x00\x18\x01 \x01(\x01"),
    FUZZ_SEED("a\x0A\x0E\x0A\x05<unk>\x15\x00\x00\x00\x00\x18\x02\x0A\x0D\x0A\x04</s"
              ">\x15\x00\x00\x00\x00\x18\x03\x0A\x0F\x0A\x06<0xC3>\x15\x00\x00\x00\x00\x18"
              "\x06\x0A\x0F\x0A\x06<0xA9>\x15\x00\x00\x00\x00\x18\x06\x0A\x0C\x0A\x03\xE2\x96"
              "\x81\x15\x00\x00\x10\xC1\x18\x01\x0A\x0A\x0A\x01"
              "a\x15\x00\x00\x00\xC1\x18\x01\x0A\x0A\x0A\x01"
              "b\x15\x00\x00\xE0\xC0\x18\x01\x0A\x0D\x0A\x04\xE2\x96\x81"
              "a\x15\x00\x00\x80\xBF\x18\x01\x0A"
              "\x0B\x0A\x02"
              "ab\x15\x00\x00\x00\xC0\x18\x01\x12\x05\x18\x02\x98\x02\x01\x1A\x04\x18\x01 "
              "\x00"),
    FUZZ_SEED("aGGUF\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00"
              "\x00\x14\x00\x00\x00\x00\x00\x00\x00tokenizer.ggml."
              "model\x08\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00llama\x15\x00"
              "\x00\x00\x00\x00\x00\x00tokenizer.ggml.tok"
              "ens\x09\x00\x00\x00\x08\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00"
              "\x00\x00\x00<unk>\x03\x00\x00\x00\x00\x00\x00\x00<s>\x06\x00\x00\x00\x00"
              "\x00\x00\x00<0xC3>\x03\x00\x00\x00\x00\x00\x00\x00\xE2\x96\x81\x01\x00\x00\x00"
              "\x00\x00\x00\x00"
              "a\x04\x00\x00\x00\x00\x00\x00\x00\xE2\x96\x81"
              "a\x15\x00\x00\x00\x00\x00\x00"
              "\x00tokenizer.ggml.scores\x09\x00"
              "\x00\x00\x06\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
              "\x00\x00\x00\x00@\xC0\x00\x00\x80\xC0\x00\x00\x80\xBF\x19\x00\x00\x00\x00\x00\x00\x00to"
              "kenizer.ggml.token_type\x09"
              "\x00\x00\x00\x05\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00\x06"
              "\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x1B\x00\x00\x00\x00\x00\x00\x00t"
              "okenizer.ggml.bos_token_"
              "id\x04\x00\x00\x00\x01\x00\x00\x00\x1C\x00\x00\x00\x00\x00\x00\x00tokeni"
              "zer.ggml.add_bos_token\x07\x00"
              "\x00\x00\x01"),
    FUZZ_SEED("aGGUF\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00"
              "\x00\x14\x00\x00\x00\x00\x00\x00\x00tokenizer.ggml."
              "model\x08\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00gpt2\x12\x00\x00"
              "\x00\x00\x00\x00\x00tokenizer.ggml.pre\x08"
              "\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00gpt-2\x15\x00\x00\x00\x00\x00\x00\x00"
              "tokenizer.ggml.tokens\x09\x00\x00"
              "\x00\x08\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00"
              "a\x01\x00"
              "\x00\x00\x00\x00\x00\x00"
              "b\x02\x00\x00\x00\x00\x00\x00\x00\xC4\xA0\x02\x00\x00\x00\x00\x00\x00"
              "\x00"
              "ab\x03\x00\x00\x00\x00\x00\x00\x00<e>\x19\x00\x00\x00\x00\x00\x00\x00to"
              "kenizer.ggml.token_type\x09"
              "\x00\x00\x00\x05\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01"
              "\x00\x00\x00\x01\x00\x00\x00\x03\x00\x00\x00\x15\x00\x00\x00\x00\x00\x00\x00token"
              "izer.ggml.merges\x09\x00\x00\x00\x08\x00\x00\x00"
              "\x01\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00"
              "a b\x1B\x00\x00\x00\x00"
              "\x00\x00\x00tokenizer.ggml.eos_to"
              "ken_id\x04\x00\x00\x00\x04\x00\x00\x00"),
    FUZZ_SEED("aGGUF\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00"
              "\x00\x14\x00\x00\x00\x00\x00\x00\x00tokenizer.ggml."
              "model\x08\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00"
              "bert\x15\x00\x00"
              "\x00\x00\x00\x00\x00tokenizer.ggml.toke"
              "ns\x09\x00\x00\x00\x08\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00"
              "\x00\x00[UNK]\x05\x00\x00\x00\x00\x00\x00\x00[CLS]\x05\x00\x00\x00"
              "\x00\x00\x00\x00[SEP]\x04\x00\x00\x00\x00\x00\x00\x00\xE2\x96\x81"
              "a\x01\x00\x00"
              "\x00\x00\x00\x00\x00"
              "b\x19\x00\x00\x00\x00\x00\x00\x00tokenizer."
              "ggml.token_type\x09\x00\x00\x00\x05\x00\x00\x00\x05"
              "\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x03\x00\x00\x00\x03\x00\x00\x00\x01\x00\x00\x00\x01"
              "\x00\x00\x00\x1B\x00\x00\x00\x00\x00\x00\x00tokenizer.ggm"
              "l.cls_token_id\x04\x00\x00\x00\x01\x00\x00\x00!\x00"
              "\x00\x00\x00\x00\x00\x00tokenizer.ggml.sep"
              "erator_token_id\x04\x00\x00\x00\x02\x00\x00\x00"),
    FUZZ_SEED("tYQ== 0\x0AYg== 1\x0AYWI= 2\x0AIA"
              "== 3\x0D\x0AIGE= 4\x0A"),
    FUZZ_SEED("w{\"unk_token\":{\"content\""
              ":\"[UNK]\"},\"do_lower_case"
              "\":false}\x00[UNK]\x0A[CLS]\x0A[SE"
              "P]\x0A"
              "a\x0A##b\x0A\x0A.\x0D\x0A"),
    FUZZ_SEED("p{\"a\":0,\"b\":1,\"ab\":2,\"<s"
              ">\":3,\"</s>\":4}\x00#version:"
              " 0.2\x0A"
              "a b\x0A\x00{\"tokenizer_cl"
              "ass\":\"RobertaTokenizer\","
              "\"add_prefix_space\":true,"
              "\"bos_token\":\"<s>\"}"),
    {NULL, 0},
};
const fuzz_seed_t fuzz_pieces[] = {
    FUZZ_SEED("\x0A\x05\x0A\x01q\x18\x01"),
    FUZZ_SEED("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F"),
    FUZZ_SEED("\x00\x00\xC0\x7F"),
    FUZZ_SEED("\x09\x00\x00\x00"),
    FUZZ_SEED("tokenizer.ggml.scores"),
    FUZZ_SEED("llama-bpe"),
    FUZZ_SEED("\xE2\x96\x81"),
    FUZZ_SEED("<0x0A>"),
    FUZZ_SEED("YWFh 9\n"),
    FUZZ_SEED("[UNK]\n"),
    FUZZ_SEED("a ab\n"),
    FUZZ_SEED("\"strip_accents\":true,"),
    FUZZ_SEED("null"),
    {NULL, 0},
};

enum { MOST = 512 };

static void check(pt_tokenizer_t *tokenizer, const char *text)
{
    static int32_t ids[MOST];
    static uint32_t spans[2 * MOST];
    const pt_text_t given = {.text = text, .bytes = -1};
    pt_array_t id_view = {.dtype = PT_INT32, .data = ids, .capacity = MOST},
               span_view = {.dtype = PT_UINT32, .data = spans, .capacity = 2 * MOST};
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
}

static void open_bytes(pt_context_t *context, const void *bytes, int64_t size)
{
    pt_tokenizer_t *tokenizer;
    const pt_load_options_t place = {.struct_size = sizeof place, .data = bytes, .bytes = size};
    if (pt_tokenizer_open(context, NULL, &place, &tokenizer) == PT_OK) {
        check(tokenizer, " ab a<e> b [x] Z  abab\n\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80 [UNK].");
        pt_tokenizer_free(tokenizer);
    } else if (*pt_last_error() == 0)
        abort();
}

/* The part that ends with a 0, or with everything. */
static const uint8_t *next_part(const uint8_t **at, const uint8_t *end, int64_t *size)
{
    const uint8_t *begin = *at, *zero = begin < end ? memchr(begin, 0, (size_t)(end - begin)) : NULL;
    *size = (zero == NULL ? end : zero) - begin;
    *at = zero == NULL ? end : zero + 1;
    return begin;
}

static pt_status_t turn(uint8_t kind, const uint8_t *at, const uint8_t *end, pt__text_t *json)
{
    const uint8_t *parts[3];
    int64_t sizes[3];
    if (kind == 't')
        return pt__tiktoken_to_json("cl100k", at, end - at, json);
    for (int i = 0; i < 3; i++)
        parts[i] = next_part(&at, end, &sizes[i]);
    if (kind == 'w')
        return pt__word_list_to_json(parts[1], sizes[1], sizes[0] > 0 ? (const char *)parts[0] : NULL, sizes[0], json);
    return pt__pair_list_to_json((const char *)parts[0], sizes[0], (const char *)parts[1], sizes[1],
                                 sizes[2] > 0 ? (const char *)parts[2] : NULL, sizes[2], json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pt_context_t *context = fuzz_context();
    const int64_t held = pt_context_bytes(context);
    pt__text_t json = pt__text_start(&context->memory);
    if (size == 0)
        return 0;
    if (data[0] != 't' && data[0] != 'w' && data[0] != 'p')
        open_bytes(context, data + 1, (int64_t)size - 1);
    else if (turn(data[0], data + 1, data + size, &json) == PT_OK)
        open_bytes(context, json.data, json.length);
    else if (*pt__error_message() == 0)
        abort();
    pt__text_free(&json);
    if (pt_context_bytes(context) != held)
        abort();
    return 0;
}
