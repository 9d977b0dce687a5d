/* Small files that have every kind of part: each opens, encodes and decodes; each of its values is put in another's
 * place, or loses its key, and is refused with a message or still makes a tokenizer; and each allocation fails once. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/failing_allocator.h"
#include "support/suite.h"

/* Written by hand. */
static const char *const files[] = {
    /* bytes, split as GPT-2 does, and a pair between its tokens */
    "{\"truncation\": {\"max_length\": 9, \"stride\": 1, \"strategy\": \"LongestFirst\", \"direction\": \"Left\"},"
    " \"added_tokens\": [{\"id\": 9, \"content\": \"<s>\", \"special\": true, \"single_word\": true, \"lstrip\": true,"
    " \"rstrip\": true, \"normalized\": false}, {\"id\": 10, \"content\": \"</s>\", \"special\": true}],"
    " \"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Split\", \"pattern\": {\"Regex\":"
    " \"'(?:[sdmt]|ll|ve|re)| ?\\\\p{L}+| ?\\\\p{N}+| ?[^\\\\s\\\\p{L}\\\\p{N}]+|\\\\s+(?!\\\\S)|\\\\s+\"},"
    " \"behavior\": \"Removed\", \"invert\": true}, {\"type\": \"ByteLevel\", \"add_prefix_space\": true,"
    " \"use_regex\": false}]},"
    " \"post_processor\": {\"type\": \"Sequence\", \"processors\": [{\"type\": \"RobertaProcessing\", \"sep\":"
    " [\"</s>\", 10], \"cls\": [\"<s>\", 9], \"trim_offsets\": true, \"add_prefix_space\": true}]},"
    " \"decoder\": {\"type\": \"Sequence\", \"decoders\": [{\"type\": \"ByteLevel\"}]},"
    " \"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"b\": 1, \"c\": 2, \"\xC4\xA0\": 3, \"ab\": 4, "
    "\"\xC4\xA0\x61\":"
    " 5}, \"merges\": [\"a b\", [\"\xC4\xA0\", \"a\"]], \"ignore_merges\": true}}",
    /* characters with marks at the begin and the end of words, unknown ones; a template */
    "{\"added_tokens\": [{\"id\": 20, \"content\": \"[X]\", \"special\": true}], \"post_processor\": {\"type\":"
    " \"TemplateProcessing\", \"single\": [{\"SpecialToken\": {\"id\": \"[X]\", \"type_id\": 0}}, {\"Sequence\": "
    "{\"id\":"
    " \"A\", \"type_id\": 0}}], \"pair\": [{\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}, {\"Sequence\": {\"id\": "
    "\"B\","
    " \"type_id\": 1}}], \"special_tokens\": {\"[X]\": {\"id\": \"[X]\", \"ids\": [20], \"tokens\": [\"[X]\"]}}},"
    " \"model\": {\"unk_token\": \"?\", \"continuing_subword_prefix\": \"#\", \"end_of_word_suffix\": \".\","
    " \"fuse_unk\": true, \"vocab\": {\"?\": 0, \"a\": 1, \"#b\": 2, \"#c.\": 3, \"ab\": 4,"
    " \"abc.\": 5, \"#c\": 6, \"c.\": 7, \"#a\": 8, \"a.\": 9}, \"merges\": [\"a #b\", \"ab #c.\"]}}",
    /* no pre-tokenizer, bytes of what is unknown, and no decoder: tokens between blanks */
    "{\"truncation\": {\"max_length\": 60, \"strategy\": \"OnlySecond\"}, \"model\": {\"type\": \"BPE\", \"unk_token\":"
    " \"u\", \"fuse_unk\": false, \"byte_fallback\": true, \"vocab\": {\"a\": 0, \"b\": 1, \"ab\": 2, \"u\": 3,"
    " \" \": 4, \"<0xC3>\": 6, \"<0xA9>\": 7}, \"merges\":"
    " [\"a b\"]}}",
    /* BERT's */
    "{\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"BertNormalizer\", \"clean_text\": true,"
    " \"handle_chinese_chars\": true, \"strip_accents\": true, \"lowercase\": true}]}, \"added_tokens\": [{\"id\": 0,"
    " \"content\": \"[CLS]\", \"special\": true}, {\"id\": 1, \"content\": \"[SEP]\", \"special\": true, "
    "\"normalized\":"
    " true}, {\"id\": 9, \"content\": \"New\", \"normalized\": true}],"
    " \"pre_tokenizer\": {\"type\": \"BertPreTokenizer\"}, \"post_processor\": {\"type\": \"BertProcessing\","
    " \"sep\": [\"[SEP]\", 1], \"cls\": [\"[CLS]\", 0]}, \"decoder\": {\"type\": \"WordPiece\", \"prefix\": \"##\","
    " \"cleanup\": true}, \"model\": {\"type\": \"WordPiece\", \"unk_token\": \"[UNK]\","
    " \"continuing_subword_prefix\": \"##\", \"max_input_chars_per_word\": 40, \"vocab\": {\"[CLS]\": 0, \"[SEP]\": 1,"
    " \"[UNK]\": 2, \"a\": 3, \"##b\": 4, \"##c\": 5, \"e\": 6, \".\": 7}}}",
    /* SentencePiece's: the double array turns Z to y */
    "{\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Precompiled\", \"precompiled_charsmap\":"
    " \"DAAAAABsAQBaDQAAAAAAgHkA\", \"longest_match\": true}, {\"type\": \"Replace\", \"pattern\": {\"Regex\": \" "
    "{2,}\"},"
    " \"content\": \" \"}]}, \"pre_tokenizer\": {\"type\": \"Metaspace\", \"replacement\": \"_\", \"prepend_scheme\":"
    " \"first\", \"split\": true, \"add_prefix_space\": true}, \"decoder\": {\"type\": \"Metaspace\", \"replacement\":"
    " \"_\"}, \"model\": {\"type\": \"Unigram\", \"unk_id\": 0, \"byte_fallback\": true, \"vocab\": [[\"?\", 0.0],"
    " [\"_\", -2.5], [\"a\", -3], [\"ab\", -4.5], [\"_a\", -4], [\"b\", -3], [\"<0xC3>\", 0], [\"<0xA9>\", 0]]}}",
    /* as files of Llama's are */
    "{\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Prepend\", \"prepend\": \"_\"},"
    " {\"type\": \"Replace\", \"pattern\": {\"String\": \" \"}, \"content\": \"_\"}]}, \"decoder\": {\"type\":"
    " \"Sequence\", \"decoders\": [{\"type\": \"Replace\", \"pattern\": {\"String\": \"_\"}, \"content\": \" \"},"
    " {\"type\": \"ByteFallback\"}, {\"type\": \"Fuse\"}, {\"type\": \"Strip\", \"content\": \" \", \"start\": 1,"
    " \"stop\": 0}]}, \"model\": {\"type\": \"BPE\", \"unk_token\": \"?\", \"byte_fallback\": true, \"vocab\": {\"?\":"
    " 0, \"_\": 1, \"a\": 2, \"b\": 3, \"_a\": 4, \"<0xC3>\": 5, \"<0xA9>\": 6}, \"merges\": [\"_ a\"]}}",
    /* normal forms and simple normalizers; words by their characters */
    "{\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Nmt\"}, {\"type\": \"Strip\","
    " \"strip_left\": true, \"strip_right\": true}, {\"type\": \"Strip\", \"strip_left\": true, \"strip_right\":"
    " false}, {\"type\": \"NFKD\"}, {\"type\": \"NFC\"}, {\"type\": \"StripAccents\"}, {\"type\": \"Lowercase\"}]},"
    " \"added_tokens\": [{\"id\": 9, \"content\": \"\xC3\x89\", \"special\": true, \"normalized\": true}],"
    " \"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"CharDelimiterSplit\","
    " \"delimiter\": \"|\"}, {\"type\": \"UnicodeScripts\"}, {\"type\": \"WhitespaceSplit\"}, {\"type\":"
    " \"Whitespace\"}, {\"type\": \"Digits\", \"individual_digits\": true}, {\"type\": \"Punctuation\","
    " \"behavior\": \"Contiguous\"}, {\"type\": \"Split\", \"pattern\": {\"String\": \"bc\"}, \"behavior\":"
    " \"MergedWithNext\", \"invert\": true}, {\"type\": \"FixedLength\", \"length\": 4}]},"
    " \"model\": {\"type\": \"WordLevel\", \"unk_token\": \"?\", \"vocab\": {\"?\": 0, \"a\": 1, \"ab\": 2}}}",
    /* bytes written as characters, as something looks at them; a pattern's matches that touch are one piece */
    "{\"normalizer\": {\"type\": \"ByteLevel\"}, \"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\":"
    " [{\"type\": \"ByteLevel\", \"add_prefix_space\": false}, {\"type\": \"Split\", \"pattern\": {\"Regex\":"
    " \"'(?:[sdmt]|ll|ve|re)| ?\\\\p{L}+| ?\\\\p{N}+| ?[^\\\\s\\\\p{L}\\\\p{N}]+|\\\\s+(?!\\\\S)|\\\\s+\"},"
    " \"behavior\": \"Contiguous\"}]}, \"model\": {\"vocab\": {\"[UNK]\": 0, \"a\": 1}, \"unk_token\": \"[UNK]\"}}",
    /* decoders of models of speech, and of words with marks at their ends */
    "{\"decoder\": {\"type\": \"Sequence\", \"decoders\": [{\"type\": \"CTC\", \"pad_token\": \"?\","
    " \"word_delimiter_token\": \"|\", \"cleanup\": true}, {\"type\": \"CTC\", \"pad_token\": \"?\","
    " \"word_delimiter_token\": \"|\", \"cleanup\": false}, {\"type\": \"BPEDecoder\", \"suffix\": \"b\"}]},"
    " \"pre_tokenizer\": {\"type\": \"FixedLength\", \"length\": 1}, \"model\": {\"type\": \"WordLevel\","
    " \"unk_token\": \"?\", \"vocab\": {\"?\": 0, \"a\": 1, \"b\": 2, \"|\": 3, \"c\": 4}}}",
    /* all of a text in parts, and padding */
    "{\"version\": \"1.0\", \"truncation\": {\"max_length\": 7, \"stride\": 1, \"strategy\": \"LongestFirst\","
    " \"direction\": \"Right\"}, \"padding\": {\"strategy\": {\"Fixed\": 3}, \"direction\": \"Left\","
    " \"pad_to_multiple_of\": 8, \"pad_id\": 1, \"pad_type_id\": 2, \"pad_token\": \"a\"}, \"post_processor\":"
    " {\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": {\"id\": \"?\", \"type_id\": 1}},"
    " {\"Sequence\": {\"id\": \"A\", \"type_id\": 1}}], \"pair\": [{\"Sequence\": {\"id\": \"B\", \"type_id\": 0}},"
    " {\"Sequence\": {\"id\": \"A\", \"type_id\": 1}}], \"special_tokens\": {\"?\": {\"id\": \"?\", \"ids\": [0],"
    " \"tokens\": [\"?\"]}}}, \"pre_tokenizer\": {\"type\": \"FixedLength\", \"length\": 1}, \"model\": {\"type\":"
    " \"WordLevel\", \"unk_token\": \"?\", \"vocab\": {\"?\": 0, \"a\": 1, \"b\": 2, \"c\": 3}}}",
};
enum { FILES = sizeof files / sizeof files[0] };

static const pt_text_t texts[] = {
    {.text = "ab ab<s> abc c\xC3\xA9 b's  \n", .bytes = -1, .pair = "a [X] ab[CLS] e.", .pair_bytes = -1},
    {.text = "aababababab a b, \xE4\xB8\xAD \xC3\x89\x61\x62", .bytes = -1, .pair = "abc", .pair_bytes = 3},
    {.text = "", .bytes = 0, .pair = "abc", .pair_bytes = -1},
    {.text = "ab", .bytes = 2},
    {.text = " a|bc1\xCC\x81\xCC\xA3\xE3\x81\x8B\xE3\x82\x99\xEA\xB0\x80\xE1\x86\xA8\xC3\xA9\xCC\xA3!? ", .bytes = -1},
};
enum { TEXTS = sizeof texts / sizeof texts[0], MOST = 400 };

/* Whatever comes of it has a status that a host may expect. */
static int32_t is_refusal(pt_status_t status)
{
    return status == PT_ERR_FORMAT || status == PT_ERR_NOT_FOUND || status == PT_ERR_UNSUPPORTED ||
           status == PT_ERR_ARGUMENT;
}

/* With padding, and all parts of a text; where the file has none of them it is refused. */
static pt_status_t pad(pt_tokenizer_t *tokenizer, const pt_text_t *text)
{
    int64_t ids[MOST], sources[MOST];
    uint8_t mask[MOST];
    pt_array_t id_view = {.dtype = PT_INT64, .data = ids, .capacity = MOST},
               mask_view = {.dtype = PT_UINT8, .data = mask, .capacity = MOST},
               source_view = {.dtype = PT_INT64, .data = sources, .capacity = MOST};
    const pt_tokenize_options_t options = {.struct_size = sizeof options,
                                           .flags = PT_TOKENIZE_PAD | PT_TOKENIZE_OVERFLOW,
                                           .mask = &mask_view,
                                           .sources = &source_view};
    pt_status_t status = pt_tokenizer_encode(tokenizer, text, sizeof *text, 1, &options, &id_view, NULL, NULL,
                                             sizeof id_view);
    return is_refusal(status) ? PT_OK : status;
}

static pt_status_t use(pt_tokenizer_t *tokenizer)
{
    static const uint32_t size = sizeof(pt_array_t);
    int32_t ids[MOST];
    uint32_t spans[2 * MOST];
    uint8_t segments[MOST];
    char text[MOST];
    for (int i = 0; i < TEXTS; i++) {
        pt_array_t id_view = {.dtype = PT_INT32, .data = ids, .capacity = MOST},
                   span_view = {.dtype = PT_UINT32, .data = spans, .capacity = 2 * MOST},
                   segment_view = {.dtype = PT_UINT8, .data = segments, .capacity = MOST};
        pt_status_t status = pt_tokenizer_encode(tokenizer, &texts[i], sizeof texts[i], 1, NULL, &id_view,
                                                 i % 2 ? &span_view : NULL, i < 2 ? &segment_view : NULL, size);
        if (is_refusal(status)) /* such as a second text that is to be truncated, and is not there */
            continue;
        PT__TRY(status);
        PT__TRY(pt_tokenizer_decode(tokenizer, &id_view, size, PT_DECODE_SPECIAL, text, sizeof text, NULL));
        PT__TRY(pad(tokenizer, &texts[i]));
        id_view.dtype = PT_INT64; /* half as many of them */
        id_view.elements /= 2;
        if (id_view.elements > 0)
            status = pt_tokenizer_decode(tokenizer, &id_view, size, 0, text, sizeof text, NULL);
        if (!is_refusal(status))
            PT__TRY(status);
    }
    return PT_OK;
}

static pt_status_t live(failing_allocator_t *allocator, const char *text)
{
    const pt_load_options_t place = {.struct_size = sizeof place, .data = text, .bytes = (int64_t)strlen(text)};
    pt_context_options_t options;
    pt_context_t *context;
    pt_tokenizer_t *tokenizer = NULL;
    ck_ok(pt_context_options_init(&options, sizeof options));
    options.threads = 1;
    failing_allocator_hooks(allocator, &options);
    PT__TRY(pt_context_create(&options, &context));
    pt_status_t status = pt_tokenizer_open(context, NULL, &place, &tokenizer);
    ck_assert((status == PT_OK) == (tokenizer != NULL));
    if (status == PT_OK)
        status = use(tokenizer);
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
    return status;
}

START_TEST(test_all_are_sound)
{
    failing_allocator_t allocator;
    for (int i = 0; i < FILES; i++) {
        failing_allocator_start(&allocator, 0);
        ck_ok(live(&allocator, files[i]));
        ck_assert_int_eq(atomic_load(&allocator.live), 0);
    }
}
END_TEST

/* The end of the value that begins at `at`; that of the text, where it is none but a part of a string. */
static size_t end_of(const char *text, size_t at)
{
    int depth = 0, quoted = 0;
    for (size_t i = at; text[i] != 0; i++) {
        if (quoted) {
            if (text[i] == '\\' && text[i + 1] != 0)
                i++;
            else if (text[i] == '"')
                quoted = 0;
        } else if (text[i] == '"')
            quoted = 1;
        else if (text[i] == '{' || text[i] == '[')
            depth++;
        else if (depth > 0 && (text[i] == '}' || text[i] == ']'))
            depth--;
        else if (depth == 0 && strchr(",:]} ", text[i]) != NULL)
            return i;
        if (depth == 0 && !quoted && strchr("\"]}", text[i]) != NULL)
            return i + 1;
    }
    return strlen(text);
}

static long try_in_place(const char *file, size_t at, size_t end, const char *value)
{
    static char altered[8192];
    failing_allocator_t allocator;
    snprintf(altered, sizeof altered, "%.*s%s%s", (int)at, file, value, file + end);
    failing_allocator_start(&allocator, 0);
    pt_status_t status = live(&allocator, altered);
    ck_assert_msg(status == PT_OK || is_refusal(status), "%s: %s: %s", altered, pt__status_name(status),
                  pt_last_error());
    ck_assert_msg(status == PT_OK || *pt_last_error() != 0, "%s: no message", altered);
    ck_assert_msg(atomic_load(&allocator.live) == 0, "%s: blocks are left", altered);
    return status != PT_OK;
}

START_TEST(test_every_value_in_anothers_place)
{
    static const char *const others[] = {
        "1",   "-1",           "1.5", "99999999999",      "\"x\"", "\"\"", "true", "null", "[]",
        "[1]", "[\"x\", 1.5]", "{}",  "{\"type\": \"x\"}"};
    long tried = 0, refused = 0;
    for (int f = 0; f < FILES; f++)
        for (size_t at = 1; at < strlen(files[f]); at++) {
            const char before = files[f][at - 1];
            if (files[f][at] == ' ' || (before != ' ' && before != '[' && before != '{') ||
                strchr("]}", files[f][at]) != NULL)
                continue;
            size_t end = end_of(files[f], at);
            if (files[f][end] == ':') { /* a key: it goes */
                refused += try_in_place(files[f], at, end, "\"no such key\"");
                tried++;
                continue;
            }
            for (size_t i = 0; i < sizeof others / sizeof others[0]; i++, tried++)
                refused += try_in_place(files[f], at, end, others[i]);
        }
    ck_assert_int_gt(tried, 2000);
    ck_assert_int_gt(refused, tried / 2);
}
END_TEST

START_TEST(test_every_allocation_may_fail)
{
    failing_allocator_t allocator;
    pt_status_t status;
    for (int i = 0; i < FILES; i++)
        FOR_EACH_FAILING_ALLOCATION(allocator, { status = live(&allocator, files[i]); }, status);
}
END_TEST

SUITE("tokenizer_files", 120, test_all_are_sound, test_every_value_in_anothers_place, test_every_allocation_may_fail)
