/* What becomes of the tokens of a text or a pair: cut to the longest length, put into the template, spans trimmed. */
#include <string.h>

#include "base/utf8.h"
#include "text/characters.h"
#include "text/tokenizer.h"

/* ---- Truncation ---- */

pt_status_t pt__truncation_read(const pt__json_t *json, pt__truncation_t *truncation)
{
    const char *strategy = "LongestFirst", *direction = "Right";
    int64_t stride = 0;
    PT__TRY(pt__json_get_integer(json, "max_length", PT__JSON_REQUIRED, 0, INT32_MAX, &truncation->length));
    PT__TRY(pt__json_get_integer(json, "stride", PT__JSON_OPTIONAL, 0, INT32_MAX, &stride));
    PT__TRY(pt__json_get_string(json, "strategy", PT__JSON_OPTIONAL, &strategy));
    PT__TRY(pt__json_get_string(json, "direction", PT__JSON_OPTIONAL, &direction));
    truncation->is_asked = 1;
    truncation->strategy = strcmp(strategy, "LongestFirst") == 0 ? PT__TRUNCATE_LONGEST
                           : strcmp(strategy, "OnlyFirst") == 0  ? PT__TRUNCATE_FIRST
                           : strcmp(strategy, "OnlySecond") == 0 ? PT__TRUNCATE_SECOND
                                                                 : -1;
    truncation->from_left = strcmp(direction, "Left") == 0;
    if (truncation->strategy < 0)
        return pt__json_fail(json, PT_ERR_FORMAT, "strategy is \"%s\", expected LongestFirst, OnlyFirst or OnlySecond",
                             strategy);
    if (!truncation->from_left && strcmp(direction, "Right") != 0)
        return pt__json_fail(json, PT_ERR_FORMAT, "direction is \"%s\", expected Left or Right", direction);
    return PT_OK;
}

static void keep_tokens(pt__encoding_t *encoding, int64_t count, int32_t from_left)
{
    int64_t left_out = encoding->count - count;
    if (left_out <= 0)
        return;
    if (from_left) {
        memmove(encoding->ids, encoding->ids + left_out, (size_t)count * sizeof *encoding->ids);
        if (encoding->wants_spans)
            memmove(encoding->spans, encoding->spans + left_out, (size_t)count * sizeof *encoding->spans);
    }
    encoding->count = count;
}

/* How many tokens of each text stay where the longer one gives way first, as the reference divides them. */
static void divide(int64_t room, int64_t counts[2])
{
    int32_t longer = counts[0] > counts[1] ? 0 : 1;
    int64_t shorter = counts[1 - longer];
    if (shorter > room)
        counts[longer] = shorter;
    else
        counts[longer] = room - shorter > shorter ? room - shorter : shorter;
    if (counts[0] + counts[1] > room) {
        counts[1 - longer] = room / 2;
        counts[longer] = room / 2 + room % 2;
    }
}

static pt_status_t truncate(const pt__truncation_t *truncation, int64_t added, pt__encoding_t *const texts[2],
                            int32_t is_pair)
{
    int64_t room = truncation->length - added, counts[2] = {texts[0]->count, is_pair ? texts[1]->count : 0};
    int32_t which = truncation->strategy == PT__TRUNCATE_SECOND;
    if (room < 0)
        room = 0;
    if (counts[0] + counts[1] <= room)
        return PT_OK;
    if (room == 0)
        counts[0] = counts[1] = 0;
    else if (truncation->strategy == PT__TRUNCATE_LONGEST && is_pair)
        divide(room, counts);
    else if (truncation->strategy == PT__TRUNCATE_LONGEST)
        counts[0] = room;
    else if (which == 1 && !is_pair)
        return pt__fail(PT_ERR_ARGUMENT, "the tokenizer truncates the second text, and there is only one");
    else {
        int64_t kept = room - counts[1 - which];
        if (kept <= 0)
            return pt__fail(PT_ERR_ARGUMENT, "the text that is not truncated has %lld tokens, expected fewer than %lld",
                            (long long)counts[1 - which], (long long)room);
        counts[which] = kept;
    }
    for (int32_t i = 0; i <= is_pair; i++)
        keep_tokens(texts[i], counts[i], truncation->from_left);
    return PT_OK;
}

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
static void trim(const pt_tokenizer_t *tokenizer, const char *text, pt__encoding_t *encoding)
{
    const pt__vocabulary_t *vocabulary = &tokenizer->vocabulary;
    for (int64_t i = 0; i < encoding->count; i++) {
        const pt__token_t *token = &vocabulary->tokens[encoding->ids[i]];
        pt__cut_t *span = &encoding->spans[i];
        const char *from = token->is_added ? text + span->begin : pt__token_content(vocabulary, encoding->ids[i]);
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

static pt_status_t make_room(pt__encoding_t *to, int64_t count)
{
    const size_t size = (size_t)count;
    PT__TRY(pt__allocate_uninitialised(to->memory, size, sizeof *to->ids, "tokens", &to->ids));
    if (to->wants_segments)
        PT__TRY(pt__allocate_uninitialised(to->memory, size, 1, "segments of tokens", &to->segments));
    return to->wants_spans
               ? pt__allocate_uninitialised(to->memory, size, sizeof *to->spans, "spans of tokens", &to->spans)
               : PT_OK;
}

static void append(pt__encoding_t *to, const pt__encoding_t *from, uint8_t segment)
{
    const size_t count = (size_t)from->count;
    if (count == 0)
        return;
    memcpy(to->ids + to->count, from->ids, count * sizeof *to->ids);
    if (to->wants_segments)
        memset(to->segments + to->count, segment, count);
    if (to->wants_spans)
        memcpy(to->spans + to->count, from->spans, count * sizeof *to->spans);
    to->count += from->count;
}

/* is_plain: without the template's tokens, in its order and with its segments. */
static pt_status_t fill(const pt__template_t *template, int32_t is_plain, const pt__encoding_t *const texts[2],
                        pt__encoding_t *to)
{
    int64_t count = 0;
    for (int64_t i = 0; i < template->count; i++)
        count += template->items[i].sequence < 0 ? !is_plain : texts[template->items[i].sequence]->count;
    PT__TRY(make_room(to, count));
    for (int64_t i = 0; i < template->count; i++) {
        const pt__template_item_t *item = &template->items[i];
        if (item->sequence < 0 && is_plain)
            continue;
        int32_t id = item->id;
        pt__cut_t nowhere = {0, 0};
        const pt__encoding_t token = {.ids = &id, .spans = &nowhere, .count = 1};
        append(to, item->sequence < 0 ? &token : texts[item->sequence], item->segment);
    }
    return PT_OK;
}

pt_status_t pt__tokenizer_encode_whole(pt_tokenizer_t *tokenizer, int32_t thread, const char *const texts[2],
                                       const int64_t lengths[2], int32_t is_plain, int64_t most, pt__encoding_t *to)
{
    static const pt__template_item_t alone[2] = {{.sequence = 0, .segment = 0}, {.sequence = 1, .segment = 1}};
    const pt__post_processor_t *processor = &tokenizer->post_processor;
    const int32_t is_pair = texts[1] != NULL;
    const pt__template_t without = {.items = (pt__template_item_t *)(uintptr_t)alone, .count = 1 + is_pair};
    const pt__template_t *template = &processor->templates[is_pair];
    pt__encoder_t *encoder;
    pt__encoding_t *parts[2];
    to->memory = &tokenizer->context->memory;
    if (!template->is_given)
        template = &without;
    PT__TRY(pt__encoder_get(tokenizer, thread, &encoder));
    for (int32_t i = 0; i < 2; i++)
        parts[i] = pt__encoder_buffer(encoder, i);
    for (int32_t i = 0; i <= is_pair; i++)
        PT__TRY(pt__encoder_run(encoder, texts[i], lengths[i], to->wants_spans, parts[i]));
    pt__truncation_t truncation = tokenizer->truncation;
    if (most > 0 && (!truncation.is_asked || truncation.length > most)) {
        truncation.is_asked = 1;
        truncation.length = most;
    }
    if (truncation.is_asked && most != PT__UNCUT)
        PT__TRY(truncate(&truncation, is_plain ? 0 : pt__template_tokens(processor, is_pair), parts, is_pair));
    for (int32_t i = 0; i <= is_pair && processor->trims && to->wants_spans; i++)
        trim(tokenizer, texts[i], parts[i]);
    return fill(template, is_plain, (const pt__encoding_t *const *)parts, to);
}
