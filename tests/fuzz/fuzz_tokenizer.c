/* A tokenizer.json of any content: what is opened encodes a text, its spans lie within it, and the ids are decoded; of
 * what is padded, and cut off, each encoding has a source and each token a mask. */
#include "fuzz/fuzz_tokens.h"

#include <string.h>

#define MODEL                                                                                             \
    "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"\xC4\xA0\":2,\"ab\":3,\"\xC4\xA0\x61\":4}," \
    "\"merges\":[\"a b\",[\"\xC4\xA0\",\"a\"]]}}"

const fuzz_seed_t fuzz_seeds[] = {
    FUZZ_SEED("{\"added_tokens\":[{\"id\":5,\"content\":\"<e>\",\"special\":true,\"lstrip\":true,\"rstrip\":true}],"
              "\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":true},\"post_processor\":{\"type\":"
              "\"RobertaProcessing\",\"sep\":[\"a\",0],\"cls\":[\"b\",1],\"trim_offsets\":true},\"decoder\":{\"type\":"
              "\"ByteLevel\"}," MODEL),
    FUZZ_SEED("{\"truncation\":{\"max_length\":5,\"direction\":\"Left\"},\"pre_tokenizer\":{\"type\":\"Sequence\","
              "\"pretokenizers\":[{\"type\":\"BertPreTokenizer\"}]},\"post_processor\":{\"type\":"
              "\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"x\",\"type_id\":0}},{\"Sequence\":{"
              "\"id\":\"A\",\"type_id\":0}}],\"pair\":[],\"special_tokens\":{\"x\":{\"ids\":[1,2]}}}," MODEL),
    FUZZ_SEED("{\"normalizer\":{\"type\":\"BertNormalizer\",\"strip_accents\":true},\"pre_tokenizer\":{\"type\":"
              "\"BertPreTokenizer\"},\"decoder\":{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":true},\"model\":"
              "{\"type\":\"WordPiece\",\"unk_token\":\"u\",\"vocab\":{\"u\":0,\"a\":1,\"##b\":2,\".\":3,\"\xC3\xA9\":4,"
              "\"##n't\":5},\"max_input_chars_per_word\":9}}"),
    FUZZ_SEED(
        "{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Precompiled\","
        "\"precompiled_charsmap\":\"DAAAAABsAQBaDQAAAAAAgHkA\",\"longest_match\":true},{\"type\":\"Replace\","
        "\"pattern\":{\"Regex\":\"\\\\A +| +\\\\z\"},\"content\":\"\"}]},\"pre_tokenizer\":{\"type\":\"Metaspace\","
        "\"replacement\":\"_\",\"prepend_scheme\":\"first\",\"split\":true},\"decoder\":{\"type\":\"Metaspace\","
        "\"replacement\":\"_\"},\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"byte_fallback\":true,\"vocab\":[["
        "\"?\",0.0],[\"_\",-2.5],[\"ab\",-4.5],[\"_a\",-4],[\"<0xC3>\",0],[\"<0xA9>\",0]]}}"),
    FUZZ_SEED(
        "{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\",\"prepend\":\"_\"},{"
        "\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"_\"}]},\"decoder\":{\"type\":"
        "\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":{\"String\":\"_\"},\"content\":\" \"},{"
        "\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"},{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":"
        "0}]},\"model\":{\"type\":\"BPE\",\"unk_token\":\"a\",\"byte_fallback\":true,\"vocab\":{\"a\":0,\"_\":1,"
        "\"b\":2,\"_a\":3,\"<0xC3>\":4,\"<0xA9>\":5},\"merges\":[\"_ a\"]}}"),
    FUZZ_SEED(
        "{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFKC\"},{\"type\":\"Lowercase\"},{"
        "\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":true},{\"type\":\"StripAccents\"},{\"type\":\"Nmt\"}]"
        "},\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Punctuation\",\"behavior\":"
        "\"MergedWithPrevious\"},{\"type\":\"Digits\",\"individual_digits\":true},{\"type\":\"UnicodeScripts\"},{"
        "\"type\":\"CharDelimiterSplit\",\"delimiter\":\"a\"},{\"type\":\"FixedLength\",\"length\":2}]},\"decoder\":{"
        "\"type\":\"CTC\",\"pad_token\":\"u\",\"word_delimiter_token\":\"a\",\"cleanup\":true},\"model\":{\"type\":"
        "\"WordLevel\",\"unk_token\":\"u\",\"vocab\":{\"u\":0,\"a\":1}}}"),
    FUZZ_SEED(
        "{\"normalizer\":{\"type\":\"ByteLevel\"},\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":"
        "\"(?i:a|[^\\\\W\\\\d]+)(?=b)|\\\\p{L}{1,2}?\"},\"behavior\":\"Contiguous\",\"invert\":true},\"decoder\":{"
        "\"type\":\"BPEDecoder\",\"suffix\":\"b\"}," MODEL),
    FUZZ_SEED(
        "{\"version\":\"1.0\",\"truncation\":{\"max_length\":5,\"stride\":1,\"direction\":\"Left\",\"strategy\":"
        "\"LongestFirst\"},\"padding\":{\"strategy\":{\"Fixed\":7},\"direction\":\"Left\",\"pad_to_multiple_of\":4,"
        "\"pad_id\":1,\"pad_type_id\":2,\"pad_token\":\"b\"}," MODEL),
    {NULL, 0},
};
const fuzz_seed_t fuzz_pieces[] = {
    FUZZ_SEED("{"),
    FUZZ_SEED("}"),
    FUZZ_SEED("["),
    FUZZ_SEED("]"),
    FUZZ_SEED("\""),
    FUZZ_SEED("\\u0000"),
    FUZZ_SEED("16777215"),
    FUZZ_SEED("-1"),
    FUZZ_SEED("null"),
    FUZZ_SEED("true"),
    FUZZ_SEED("\"byte_fallback\":true,"),
    FUZZ_SEED("\"unk_token\":\"a\",\"fuse_unk\":true,"),
    FUZZ_SEED("\"continuing_subword_prefix\":\"b\","),
    FUZZ_SEED("\"end_of_word_suffix\":\"b\","),
    FUZZ_SEED("\"ignore_merges\":true,"),
    FUZZ_SEED("\"normalized\":true,"),
    FUZZ_SEED("\"single_word\":true,"),
    FUZZ_SEED("\"a b\","),
    FUZZ_SEED("[^"),
    FUZZ_SEED("(?<="),
    FUZZ_SEED("{2,}"),
    FUZZ_SEED("\\\\p{"),
    FUZZ_SEED("+"),
    {NULL, 0},
};

enum { MOST = FUZZ_MOST_TOKENS };

/* What the file does not have is refused; so is what there is no room for. */
static void check_batch(pt_tokenizer_t *tokenizer, const char *text, const char *pair)
{
    static int64_t sources[MOST];
    static uint8_t mask[4 * MOST];
    const pt_text_t given[2] = {{.text = "a", .bytes = -1},
                                {.text = text, .bytes = -1, .pair = pair, .pair_bytes = -1}};
    for (uint32_t flags = PT_TOKENIZE_PAD; flags <= (PT_TOKENIZE_PAD | PT_TOKENIZE_OVERFLOW); flags += 2) {
        pt_array_t mask_view = {.dtype = PT_UINT8, .data = mask, .capacity = 4 * MOST},
                   source_view = {.dtype = PT_INT64, .data = sources, .capacity = MOST};
        const pt_tokenize_options_t options = {
            .struct_size = sizeof options, .flags = flags, .mask = &mask_view, .sources = &source_view};
        pt_status_t status = pt_tokenizer_encode(tokenizer, given, sizeof *given, 2, &options, NULL, NULL, NULL,
                                                 sizeof mask_view);
        if (status != PT_OK) {
            if (*pt_last_error() == 0)
                abort();
            continue;
        }
        if (mask_view.samples != source_view.elements || sources[0] != 0 || source_view.elements < 2)
            abort();
        for (int64_t i = 1; i < source_view.elements; i++)
            if (sources[i] < sources[i - 1] || sources[i] > 1)
                abort();
        for (int64_t i = 0; i < mask_view.elements; i++)
            if (mask[i] > 1)
                abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pt_context_t *context = fuzz_context();
    pt_tokenizer_t *tokenizer;
    const pt_load_options_t place = {.struct_size = sizeof place, .data = data, .bytes = (int64_t)size};
    int64_t held = pt_context_bytes(context);
    if (pt_tokenizer_open(context, NULL, &place, &tokenizer) == PT_OK) {
        fuzz_tokens(tokenizer, "ab a<e> b  abab\n <e>\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80 it's n't.");
        fuzz_tokens(tokenizer, "");
        check_batch(tokenizer, "ab a<e> b  abab", "abaabb a");
        check_batch(tokenizer, "ab ab ab ab abba aba", NULL);
        pt_tokenizer_free(tokenizer);
    } else if (*pt_last_error() == 0)
        abort();
    if (pt_context_bytes(context) != held)
        abort();
    return 0;
}
