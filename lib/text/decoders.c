/* The kinds of decoders: see decoders.h. */
#include "text/decoders.h"

#include <string.h>

#include "base/utf8.h"
#include "text/kinds.h"
#include "text/vocabulary.h"

/* ---- Kinds ---- */

/* Whether bytes that end here may be the begin of a character. */
static int32_t may_go_on(const uint8_t *bytes, int64_t length)
{
    return bytes[0] >= 0xC2 && bytes[0] <= 0xF4 && pt__utf8_broken_length((const char *)bytes, length) == length;
}

/* Appends bytes, with U+FFFD for what is not UTF-8; the begin of a character at their end waits in the state, unless
 * they are the last. */
static pt_status_t append_text(pt__pieces_t *out, pt__decode_state_t *state, const uint8_t *bytes, int64_t length,
                               int32_t is_last)
{
    state->held = 0;
    for (int64_t at = 0; at < length;) {
        int64_t good = at;
        for (int32_t step; good < length && (step = pt__utf8_length((const char *)bytes + good, length - good)) > 0;)
            good += step;
        PT__TRY(pt__pieces_append(out, bytes + at, good - at));
        if (good == length)
            break;
        if (!is_last && may_go_on(bytes + good, length - good)) {
            state->held = length - good;
            memcpy(state->bytes, bytes + good, (size_t)state->held);
            break;
        }
        PT__TRY(pt__pieces_append(out, "\xEF\xBF\xBD", 3));
        at = good + pt__utf8_broken_length((const char *)bytes + good, length - good);
    }
    return PT_OK;
}

/* The characters of all tokens back to the bytes that they stand for; a token with one that stands for none is its own
 * bytes. What is not UTF-8 then becomes U+FFFD. */
static pt_status_t decode_byte_level(const void *settings, pt__decode_state_t *state, pt__pieces_t *in, int32_t is_last,
                                     pt__pieces_t *out)
{
    const int64_t whole = pt__pieces_whole(in);
    uint8_t *bytes;
    (void)settings;
    if (state->seen++ == 0)
        PT__TRY(pt__pieces_begin(out));
    out->is_open = !is_last;
    if (in->first == whole && !is_last)
        return PT_OK;
    const int64_t begin = in->first < whole ? in->cuts[in->first].begin : in->n_bytes;
    int64_t length = state->held;
    PT__TRY(pt__allocate_uninitialised(in->memory, (size_t)(length + in->n_bytes - begin), 1, "text", &bytes));
    memcpy(bytes, state->bytes, (size_t)length);
    for (; in->first < whole; in->first++) {
        const uint8_t *token = in->bytes + in->cuts[in->first].begin;
        const int64_t size = in->cuts[in->first].end - in->cuts[in->first].begin;
        int64_t made = pt__byte_level_bytes((const char *)token, size, bytes + length);
        if (made < 0) {
            memcpy(bytes + length, token, (size_t)size);
            made = size;
        }
        length += made;
    }
    const pt_status_t status = append_text(out, state, bytes, length, is_last);
    pt__release(in->memory, bytes);
    return status;
}

static pt_status_t read_byte_level(const pt__json_t *json, pt__decoders_t *decoders)
{
    (void)json; /* what it holds concerns the pre-tokenizer of that name */
    return pt__decoders_add(decoders, decode_byte_level, NULL);
}

/* Pieces that go on with a word are joined to it, other tokens stand behind a blank; and, on request, the blanks go
 * that English has not, token by token. */
typedef struct wordpiece {
    int32_t cleans;
    int32_t length;
    char prefix[64];
} wordpiece_t;

/* Replaces all of `from` in the last piece, from its beginning. */
static void replace(pt__pieces_t *pieces, const char *from, const char *to)
{
    pt__cut_t *cut = &pieces->cuts[pieces->count - 1];
    const uint32_t length = (uint32_t)strlen(from), made = (uint32_t)strlen(to); /* made <= length */
    uint32_t kept = cut->begin;
    for (uint32_t at = cut->begin; at < cut->end;) {
        int32_t is_there = cut->end - at >= length && memcmp(pieces->bytes + at, from, length) == 0;
        memmove(pieces->bytes + kept, is_there ? (const void *)to : pieces->bytes + at, is_there ? made : 1);
        kept += is_there ? made : 1;
        at += is_there ? length : 1;
    }
    cut->end = kept;
    pieces->n_bytes = kept;
}

static void clean(pt__pieces_t *pieces)
{
    static const char *const changes[][2] = {{" .", "."},   {" ?", "?"},     {" !", "!"},    {" ,", ","},
                                             {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},  {" do not", " don't"},
                                             {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        replace(pieces, changes[i][0], changes[i][1]);
}

/* Appends a text to the last piece, with `to` in the place of all of `from`, which is not empty. */
static pt_status_t append_replaced(pt__pieces_t *out, const uint8_t *text, int64_t length, const char *from,
                                   int64_t from_length, const char *to)
{
    int64_t kept = 0;
    for (int64_t at = 0; at + from_length <= length;) {
        if (memcmp(text + at, from, (size_t)from_length) != 0) {
            at++;
            continue;
        }
        PT__TRY(pt__pieces_append(out, text + kept, at - kept));
        PT__TRY(pt__pieces_append(out, to, (int64_t)strlen(to)));
        kept = at += from_length;
    }
    return pt__pieces_append(out, text + kept, length - kept);
}

static pt_status_t decode_wordpiece(const void *settings, pt__decode_state_t *state, pt__pieces_t *in, int32_t is_last,
                                    pt__pieces_t *out)
{
    const wordpiece_t *wordpiece = settings;
    (void)is_last;
    for (; in->first < pt__pieces_whole(in); in->first++) {
        const uint8_t *token = in->bytes + in->cuts[in->first].begin;
        const int64_t size = in->cuts[in->first].end - in->cuts[in->first].begin;
        const int32_t is_later = state->seen++ > 0;
        const int32_t goes_on = is_later && size >= wordpiece->length &&
                                memcmp(token, wordpiece->prefix, (size_t)wordpiece->length) == 0;
        PT__TRY(pt__pieces_begin(out));
        if (is_later && !goes_on)
            PT__TRY(pt__pieces_append(out, " ", 1));
        PT__TRY(pt__pieces_append(out, token + (goes_on ? wordpiece->length : 0),
                                  size - (goes_on ? wordpiece->length : 0)));
        if (wordpiece->cleans)
            clean(out);
    }
    return PT_OK;
}

static pt_status_t read_wordpiece(const pt__json_t *json, pt__decoders_t *decoders)
{
    const char *prefix = "##";
    int32_t cleans = 1;
    wordpiece_t *wordpiece;
    PT__TRY(pt__json_get_string(json, "prefix", PT__JSON_OPTIONAL, &prefix));
    PT__TRY(pt__json_get_bool(json, "cleanup", PT__JSON_OPTIONAL, &cleans));
    if (strlen(prefix) >= sizeof wordpiece->prefix)
        return pt__json_fail(json, PT_ERR_UNSUPPORTED, "a prefix of %lld bytes, expected fewer than %lld",
                             (long long)strlen(prefix), (long long)sizeof wordpiece->prefix);
    PT__TRY(pt__allocate(decoders->memory, 1, sizeof *wordpiece, "decoder", &wordpiece));
    wordpiece->cleans = cleans;
    wordpiece->length = (int32_t)strlen(prefix);
    memcpy(wordpiece->prefix, prefix, strlen(prefix));
    return pt__decoders_add(decoders, decode_wordpiece, wordpiece);
}

/* ---- BPEDecoder ---- */

/* What ends a word becomes a blank, and nothing in the last token. */
typedef struct suffix {
    int64_t length;
    char bytes[];
} suffix_t;

/* One token waits: it may be the last. */
static pt_status_t decode_suffix(const void *settings, pt__decode_state_t *state, pt__pieces_t *in, int32_t is_last,
                                 pt__pieces_t *out)
{
    const suffix_t *suffix = settings;
    const int64_t whole = pt__pieces_whole(in);
    (void)state;
    for (; in->first + (is_last ? 0 : 1) < whole; in->first++) {
        const pt__cut_t cut = in->cuts[in->first];
        PT__TRY(pt__pieces_begin(out));
        PT__TRY(append_replaced(out, in->bytes + cut.begin, cut.end - cut.begin, suffix->bytes, suffix->length,
                                in->first + 1 < whole ? " " : ""));
    }
    return PT_OK;
}

static pt_status_t read_suffix(const pt__json_t *json, pt__decoders_t *decoders)
{
    const char *text = NULL;
    suffix_t *suffix;
    PT__TRY(pt__json_get_string(json, "suffix", PT__JSON_REQUIRED, &text));
    if (*text == 0)
        return pt__json_fail(json, PT_ERR_UNSUPPORTED, "an empty suffix");
    PT__TRY(pt__allocate(decoders->memory, 1, sizeof *suffix + strlen(text), "decoder", &suffix));
    suffix->length = (int64_t)strlen(text);
    memcpy(suffix->bytes, text, strlen(text));
    return pt__decoders_add(decoders, decode_suffix, suffix);
}

/* ---- CTC ---- */

/* What a model of sounds gives (Graves 2006): a token again and again while it lasts, and one for nothing. */
typedef struct ctc {
    int32_t cleans;
    int64_t pad_length, word_length;
    char texts[]; /* for nothing, and between words */
} ctc_t;

static int32_t equals(const pt__pieces_t *in, int64_t first, int64_t second)
{
    const pt__cut_t a = in->cuts[first], b = in->cuts[second];
    return a.end - a.begin == b.end - b.begin && memcmp(in->bytes + a.begin, in->bytes + b.begin, a.end - a.begin) == 0;
}

/* The last piece stays, to be compared with the next one. */
static pt_status_t decode_ctc(const void *settings, pt__decode_state_t *state, pt__pieces_t *in, int32_t is_last,
                              pt__pieces_t *out)
{
    const ctc_t *ctc = settings;
    const int64_t first = in->first;
    pt__pieces_t cleaned = {.memory = in->memory};
    pt_status_t status = PT_OK;
    (void)is_last;
    for (int64_t i = first + state->held; i < pt__pieces_whole(in); i++) {
        in->first = i;
        state->held = 1;
        if (i > first && equals(in, i, i - 1))
            continue;
        pt__pieces_t *to = ctc->cleans ? &cleaned : out;
        PT__TRY_OUT(pt__pieces_begin(to));
        PT__TRY_OUT(append_replaced(to, in->bytes + in->cuts[i].begin, in->cuts[i].end - in->cuts[i].begin, ctc->texts,
                                    ctc->pad_length, ""));
        if (ctc->cleans) {
            clean(&cleaned);
            const pt__cut_t cut = cleaned.cuts[cleaned.count - 1];
            PT__TRY_OUT(pt__pieces_begin(out));
            PT__TRY_OUT(append_replaced(out, cleaned.bytes + cut.begin, cut.end - cut.begin,
                                        ctc->texts + ctc->pad_length, ctc->word_length, " "));
        }
        if (out->cuts[out->count - 1].begin == out->cuts[out->count - 1].end)
            out->count--; /* nothing is no piece */
    }
out:
    pt__pieces_free(&cleaned);
    return status;
}

static pt_status_t read_ctc(const pt__json_t *json, pt__decoders_t *decoders)
{
    const char *pad = NULL, *word = NULL;
    int32_t cleans = 1;
    ctc_t *ctc;
    PT__TRY(pt__json_get_string(json, "pad_token", PT__JSON_REQUIRED, &pad));
    PT__TRY(pt__json_get_string(json, "word_delimiter_token", PT__JSON_REQUIRED, &word));
    PT__TRY(pt__json_get_bool(json, "cleanup", PT__JSON_REQUIRED, &cleans));
    if (*pad == 0 || *word == 0)
        return pt__json_fail(json, PT_ERR_UNSUPPORTED, "an empty token");
    PT__TRY(pt__allocate(decoders->memory, 1, sizeof *ctc + strlen(pad) + strlen(word), "decoder", &ctc));
    *ctc = (ctc_t){.cleans = cleans, .pad_length = (int64_t)strlen(pad), .word_length = (int64_t)strlen(word)};
    memcpy(ctc->texts, pad, strlen(pad));
    memcpy(ctc->texts + strlen(pad), word, strlen(word));
    return pt__decoders_add(decoders, decode_ctc, ctc);
}

/* ---- All ---- */

static const struct {
    const char *name, *keys;
    pt__decoder_read_fn *read;
} kinds[] = {
    {"BPEDecoder", "suffix", read_suffix},
    {"ByteFallback", "", pt__read_byte_fallback},
    {"ByteLevel", "add_prefix_space trim_offsets use_regex", read_byte_level},
    {"CTC", "pad_token word_delimiter_token cleanup", read_ctc},
    {"Fuse", "", pt__read_fuse},
    {"Metaspace", "replacement prepend_scheme split add_prefix_space str_rep", pt__read_metaspace_decoder},
    {"Replace", "pattern content", pt__read_replace_decoder},
    {"Strip", "content start stop", pt__read_strip_decoder},
    {"WordPiece", "prefix cleanup", read_wordpiece},
};

pt_status_t pt__decoder_read(const pt__json_t *json, pt__decoders_t *decoders)
{
    const pt__json_t *list;
    int64_t kind;
    PT__TRY(
        pt__kind_find(json, kinds, sizeof *kinds, sizeof kinds / sizeof *kinds, "a decoder", "decoders", &kind, &list));
    if (kind >= 0)
        return kinds[kind].read(json, decoders);
    for (const pt__json_t *member = list->first; member != NULL; member = member->next)
        PT__TRY(pt__decoder_read(member, decoders));
    return PT_OK;
}
