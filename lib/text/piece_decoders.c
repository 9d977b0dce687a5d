/* The decoders of files that come from SentencePiece: tokens of bytes become text ("ByteFallback"), strings take the
 * place of others ("Replace"), all becomes one piece ("Fuse"), and characters go at the ends of pieces ("Strip"). */
#include <string.h>

#include "base/utf8.h"
#include "text/characters.h"
#include "text/decoders.h"
#include "text/replace.h"

static pt_status_t append_piece(pt__pieces_t *out, const void *bytes, int64_t length)
{
    PT__TRY(pt__pieces_begin(out));
    return pt__pieces_append(out, bytes, length);
}

/* ---- Bytes ---- */

static int32_t digit(uint8_t character)
{
    return character >= '0' && character <= '9'   ? character - '0'
           : character >= 'A' && character <= 'F' ? character - 'A' + 10
           : character >= 'a' && character <= 'f' ? character - 'a' + 10
                                                  : -1;
}

/* Of "<0x0A>"; -1 of what is no such token. */
static int32_t byte_of(const uint8_t *token, int64_t length)
{
    if (length != 6 || memcmp(token, "<0x", 3) != 0 || token[5] != '>')
        return -1;
    const int32_t high = token[3] == '+' ? 0 : digit(token[3]), low = digit(token[4]); /* the reference takes a sign */
    return high < 0 || low < 0 ? -1 : 16 * high + low;
}

static int32_t is_text(const uint8_t *bytes, int64_t length)
{
    int32_t step = 1;
    for (int64_t at = 0; at < length && step > 0; at += step)
        step = pt__utf8_length((const char *)bytes + at, length - at);
    return step > 0;
}

/* The bytes that wait are one piece where they are text, or each is U+FFFD. */
static pt_status_t end_bytes(pt__decode_state_t *state, pt__pieces_t *in, pt__pieces_t *out)
{
    if (state->held == 0)
        return PT_OK;
    PT__TRY(pt__pieces_begin(out));
    const int64_t begin = out->n_bytes;
    for (const int64_t end = in->first + state->held; in->first < end; in->first++) {
        const uint8_t byte = (uint8_t)byte_of(in->bytes + in->cuts[in->first].begin, 6);
        PT__TRY(pt__pieces_append(out, &byte, 1));
    }
    const int64_t count = state->held;
    state->held = 0;
    if (is_text(out->bytes + begin, count))
        return PT_OK;
    out->n_bytes = begin;
    for (int64_t i = 0; i < count; i++)
        PT__TRY(pt__pieces_append(out, "\xEF\xBF\xBD", 3));
    return PT_OK;
}

/* Bytes one after the other wait for their end: one that does not fit makes U+FFFD of each of them, also of those that
 * were characters. */
static pt_status_t decode_bytes(const void *settings, pt__decode_state_t *state, pt__pieces_t *in, int32_t is_last,
                                pt__pieces_t *out)
{
    (void)settings;
    for (int64_t i = in->first + state->held; i < pt__pieces_whole(in); i++) {
        const uint8_t *token = in->bytes + in->cuts[i].begin;
        const int64_t length = in->cuts[i].end - in->cuts[i].begin;
        if (byte_of(token, length) >= 0) {
            state->held++;
            continue;
        }
        PT__TRY(end_bytes(state, in, out));
        PT__TRY(append_piece(out, token, length));
        in->first = i + 1;
    }
    return is_last ? end_bytes(state, in, out) : PT_OK;
}

pt_status_t pt__read_byte_fallback(const pt__json_t *json, pt__decoders_t *decoders)
{
    (void)json;
    return pt__decoders_add(decoders, decode_bytes, NULL);
}

/* ---- Fuse ---- */

static pt_status_t decode_fuse(const void *settings, pt__decode_state_t *state, pt__pieces_t *in, int32_t is_last,
                               pt__pieces_t *out)
{
    (void)settings;
    if (state->seen++ == 0)
        PT__TRY(pt__pieces_begin(out));
    out->is_open = !is_last;
    for (int64_t i = in->first; i < in->count; i++) {
        PT__TRY(pt__pieces_append(out, in->bytes + in->cuts[i].begin, in->cuts[i].end - in->cuts[i].begin));
        in->cuts[i].begin = in->cuts[i].end;
    }
    in->first = pt__pieces_whole(in);
    return PT_OK;
}

pt_status_t pt__read_fuse(const pt__json_t *json, pt__decoders_t *decoders)
{
    (void)json;
    return pt__decoders_add(decoders, decode_fuse, NULL);
}

/* ---- Replace ---- */

static pt_status_t decode_replace(const void *settings, pt__decode_state_t *state, pt__pieces_t *in, int32_t is_last,
                                  pt__pieces_t *out)
{
    const pt__replace_t *replace = settings;
    (void)state;
    (void)is_last;
    for (; in->first < pt__pieces_whole(in); in->first++) {
        const int64_t begin = in->cuts[in->first].begin, end = in->cuts[in->first].end;
        int64_t at = begin;
        pt__cut_t match;
        PT__TRY(pt__pieces_begin(out));
        for (; at < end && replace->find(replace, in->bytes, begin, at, end, &match); at = match.end) {
            PT__TRY(pt__pieces_append(out, in->bytes + at, match.begin - at));
            PT__TRY(pt__pieces_append(out, pt__replace_to(replace), replace->to_length));
        }
        PT__TRY(pt__pieces_append(out, in->bytes + at, end - at));
    }
    return PT_OK;
}

pt_status_t pt__read_replace_decoder(const pt__json_t *json, pt__decoders_t *decoders)
{
    pt__replace_t *replace;
    PT__TRY(pt__replace_read(json, decoders->memory, &replace));
    return pt__decoders_add(decoders, decode_replace, replace);
}

/* ---- Strip ---- */

typedef struct strip {
    int64_t start, stop; /* so many characters at most */
    int32_t length;
    uint8_t content[4];
} strip_t;

static int32_t is_content(const strip_t *strip, const uint8_t *bytes)
{
    return memcmp(bytes, strip->content, (size_t)strip->length) == 0;
}

/* Of a piece that grows still, what may go at its end waits: state->held of the content, known to be that. */
static pt_status_t strip_piece(const strip_t *strip, pt__decode_state_t *state, pt__pieces_t *in, pt__pieces_t *out)
{
    pt__cut_t *cut = &in->cuts[in->first];
    int64_t begin = cut->begin, end = cut->end;
    for (; state->taken < strip->start && end - begin >= strip->length && is_content(strip, in->bytes + begin);
         state->taken++)
        begin += strip->length;
    if (begin < end)
        state->taken = strip->start;
    const int64_t known = begin + state->held * strip->length;
    int64_t from = end;
    while (from - known >= strip->length && is_content(strip, in->bytes + from - strip->length))
        from -= strip->length;
    state->held = (end - (from == known ? begin : from)) / strip->length;
    state->held = state->held < strip->stop ? state->held : strip->stop;
    end -= state->held * strip->length;
    PT__TRY(pt__pieces_append(out, in->bytes + begin, end - begin));
    cut->begin = (uint32_t)end;
    return PT_OK;
}

static pt_status_t decode_strip(const void *settings, pt__decode_state_t *state, pt__pieces_t *in, int32_t is_last,
                                pt__pieces_t *out)
{
    (void)is_last;
    for (int64_t i = in->first; i < in->count; i++) {
        if (state->seen++ == 0)
            PT__TRY(pt__pieces_begin(out));
        PT__TRY(strip_piece(settings, state, in, out));
        if (in->is_open)
            break;
        in->first++;
        *state = (pt__decode_state_t){0};
    }
    out->is_open = in->is_open;
    return PT_OK;
}

pt_status_t pt__read_strip_decoder(const pt__json_t *json, pt__decoders_t *decoders)
{
    const pt__json_t *content = pt__json_find(json, "content");
    strip_t strip = {0}, *copy;
    if (content != NULL && content->kind == PT__JSON_STRING && content->length > 0)
        pt__character_at((const uint8_t *)content->string, &strip.length);
    if (strip.length == 0 || strip.length != content->length)
        return pt__json_fail(content == NULL ? json : content, PT_ERR_FORMAT, "expected content, one character");
    memcpy(strip.content, content->string, (size_t)strip.length);
    PT__TRY(pt__json_get_integer(json, "start", PT__JSON_REQUIRED, 0, INT32_MAX, &strip.start));
    PT__TRY(pt__json_get_integer(json, "stop", PT__JSON_REQUIRED, 0, INT32_MAX, &strip.stop));
    PT__TRY(pt__allocate(decoders->memory, 1, sizeof *copy, "decoder", &copy));
    *copy = strip;
    return pt__decoders_add(decoders, decode_strip, copy);
}
