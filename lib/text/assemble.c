/* What becomes of the tokens of a text or a pair: cut into windows, put into the template, spans trimmed. */
#include <string.h>

#include "base/utf8.h"
#include "text/characters.h"
#include "text/tokenizer.h"

/* ---- Spans ---- */

/* Blanks at an end of a token: spaces, and what stands for the byte of a blank. text[0 .. length) may begin and end
 * within a character. */
static uint32_t blanks(const uint8_t *text, int64_t length, int32_t at_end)
{
    uint32_t count = 0;
    int32_t step;
    for (int64_t from = 0, to = length; from < to; count++) {
        int64_t at = at_end ? to - 1 : from;
        while (at_end && at > from && (text[at] & 0xC0) == 0x80)
            at--;
        if (pt__utf8_length((const char *)text + at, to - at) == 0)
            break;
        uint32_t character = pt__character_at(text + at, &step);
        if (!pt__character_is_space(character) && character != pt__byte_character(' '))
            break;
        from += at_end ? 0 : step;
        to = at_end ? at : to;
    }
    return count;
}

/* A token is looked at as its file writes it; an added one as it stands in the text, with the spaces that it takes.
 * Blanks count as characters of the text: one that a stage has put there stands for the character behind it. */
static void trim(const pt_tokenizer_t *tokenizer, const char *text, const int32_t *ids, pt__cut_t *spans, int64_t count)
{
    const pt__vocabulary_t *vocabulary = &tokenizer->vocabulary;
    for (int64_t i = 0; i < count; i++) {
        const pt__token_t *token = &vocabulary->tokens[ids[i]];
        pt__cut_t *span = &spans[i];
        const char *from = token->is_added ? text + span->begin : pt__token_content(vocabulary, ids[i]);
        const int64_t length = token->is_added ? span->end - span->begin : token->content_length;
        uint32_t leading = blanks((const uint8_t *)from, length, 0),
                 trailing = blanks((const uint8_t *)from, length, 1);
        if (leading == 1 && tokenizer->post_processor.keeps_first && (i == 0 || span->begin == 0))
            leading = 0;
        for (; leading > 0 && span->begin < span->end; leading--)
            do
                span->begin++;
            while (span->begin < span->end && (text[span->begin] & 0xC0) == 0x80);
        for (; trailing > 0 && span->begin < span->end; trailing--)
            do
                span->end--;
            while (span->begin < span->end && (text[span->end] & 0xC0) == 0x80);
    }
}

/* ---- Templates ---- */

/* What stands in the template's places. */
typedef struct contents {
    int32_t is_plain; /* without the template's tokens, in its order and with its segments */
    const char *const *texts;
    const pt__encoding_t *tokens[2];
    pt__windows_t windows[2];
} contents_t;

static pt_status_t make_room(pt__encoding_t *to, int64_t count, int64_t parts)
{
    to->count = 0;
    to->parts = parts;
    PT__TRY(pt__grow(to->memory, &to->ids, &to->ids_capacity, count, sizeof *to->ids, "tokens"));
    if (to->wants_segments)
        PT__TRY(pt__grow(to->memory, &to->segments, &to->segments_capacity, count, 1, "segments of tokens"));
    if (to->wants_spans)
        PT__TRY(pt__grow(to->memory, &to->spans, &to->spans_capacity, count, sizeof *to->spans, "spans of tokens"));
    return parts == 1 ? PT_OK
                      : pt__grow(to->memory, &to->ends, &to->ends_capacity, parts, sizeof *to->ends, "parts of a text");
}

/* count > 0 */
static void append(pt__encoding_t *to, const int32_t *ids, const pt__cut_t *spans, int64_t count, uint8_t segment)
{
    memcpy(to->ids + to->count, ids, (size_t)count * sizeof *ids);
    if (to->wants_segments)
        memset(to->segments + to->count, segment, (size_t)count);
    if (to->wants_spans)
        memcpy(to->spans + to->count, spans, (size_t)count * sizeof *spans);
    to->count += count;
}

/* A window of a text. Those behind the first have segments of their own, as the reference gives them: only RoBERTa's
 * template changes what a text begins with. */
static void append_window(const pt_tokenizer_t *tokenizer, const pt__template_item_t *item, const contents_t *contents,
                          int64_t index, pt__encoding_t *to)
{
    const pt__encoding_t *tokens = contents->tokens[item->sequence];
    const int64_t before = to->count;
    int64_t begin, end;
    pt__window(&contents->windows[item->sequence], index, &begin, &end);
    if (begin == end)
        return;
    append(to, tokens->ids + begin, to->wants_spans ? tokens->spans + begin : NULL, end - begin,
           index == 0           ? item->segment
           : contents->is_plain ? (uint8_t)item->sequence
                                : item->overflow_segment);
    if (to->wants_spans && tokenizer->post_processor.trims)
        trim(tokenizer, contents->texts[item->sequence], to->ids + before, to->spans + before, end - begin);
}

/* Tokens of all windows of a text, each of which stands in `times` encodings. */
static int64_t count_tokens(const pt__windows_t *windows, int64_t times)
{
    int64_t count = 0, begin, end;
    for (int64_t i = 0; i < windows->count; i++) {
        pt__window(windows, i, &begin, &end);
        count += end - begin;
    }
    return count * times;
}

/* Every window of the text that stands first comes with each of the other's; its own first one with the other's later
 * ones at the end, as in the reference. */
static pt_status_t fill(const pt_tokenizer_t *tokenizer, const pt__template_t *template, contents_t *contents,
                        pt__encoding_t *to)
{
    const pt__cut_t nowhere = {0, 0};
    int32_t places[2] = {0, 0}, first = -1;
    int64_t count = 0;
    for (int64_t i = 0; i < template->count; i++) {
        const int32_t sequence = template->items[i].sequence;
        if (sequence >= 0 && first < 0)
            first = sequence;
        if (sequence >= 0 && places[sequence]++ > 0 && contents->windows[sequence].count > 1)
            return pt__fail(PT_ERR_UNSUPPORTED, "what is cut off of a text that the template has twice");
    }
    first = first < 0 ? 0 : first;
    pt__windows_t *outer = &contents->windows[first], *inner = &contents->windows[1 - first];
    outer->count = places[first] > 0 ? outer->count : 1;
    inner->count = places[1 - first] > 0 ? inner->count : 1;
    const int64_t parts = outer->count * inner->count;
    for (int64_t i = 0; i < template->count; i++) {
        const int32_t sequence = template->items[i].sequence;
        if (sequence >= 0)
            count += count_tokens(&contents->windows[sequence], parts / contents->windows[sequence].count);
        else
            count += contents->is_plain ? 0 : parts;
    }
    PT__TRY(make_room(to, count, parts));
    for (int64_t part = 0; part < parts; part++) {
        const int64_t rest = part - (outer->count - 1) * inner->count; /* of the outer one's first window */
        int64_t windows[2];
        windows[first] = part == 0 || rest > 0 ? 0 : 1 + (part - 1) / inner->count;
        windows[1 - first] = part == 0 ? 0 : rest > 0 ? rest : (part - 1) % inner->count;
        for (int64_t i = 0; i < template->count; i++) {
            const pt__template_item_t *item = &template->items[i];
            if (item->sequence >= 0)
                append_window(tokenizer, item, contents, windows[item->sequence], to);
            else if (!contents->is_plain)
                append(to, &item->id, &nowhere, 1, item->segment);
        }
        if (parts > 1)
            to->ends[part] = to->count;
    }
    return PT_OK;
}

pt_status_t pt__tokenizer_encode_whole(pt_tokenizer_t *tokenizer, int32_t thread, const char *const texts[2],
                                       const int64_t lengths[2], int32_t is_plain, int64_t most, pt__encoding_t *to)
{
    static const pt__template_item_t alone[2] = {{.sequence = 0}, {.sequence = 1, .segment = 1, .overflow_segment = 1}};
    const pt__post_processor_t *processor = &tokenizer->post_processor;
    const int32_t is_pair = texts[1] != NULL;
    const pt__template_t without = {.items = (pt__template_item_t *)(uintptr_t)alone, .count = 1 + is_pair};
    const pt__template_t *template = &processor->templates[is_pair];
    pt__encoder_t *encoder;
    int64_t totals[2] = {0, 0};
    contents_t contents = {.is_plain = is_plain, .texts = texts};
    to->memory = &tokenizer->context->memory;
    if (!template->is_given)
        template = &without;
    PT__TRY(pt__encoder_get(tokenizer, thread, &encoder));
    for (int32_t i = 0; i <= is_pair; i++) {
        pt__encoding_t *buffer = pt__encoder_buffer(encoder, i);
        contents.tokens[i] = buffer;
        PT__TRY(pt__encoder_run(encoder, texts[i], lengths[i], to->wants_spans, buffer));
        totals[i] = buffer->count;
    }
    pt__truncation_t truncation = tokenizer->truncation;
    if (most > 0 && (!truncation.is_asked || truncation.length > most)) {
        truncation.is_asked = 1;
        truncation.length = most;
    }
    if (most == PT__UNCUT)
        truncation.is_asked = 0;
    PT__TRY(pt__truncate(&truncation, is_plain ? 0 : pt__template_tokens(processor, is_pair), totals, is_pair,
                         to->wants_overflow, contents.windows));
    return fill(tokenizer, template, &contents, to);
}
