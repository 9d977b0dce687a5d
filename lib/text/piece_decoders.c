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

/* Bytes one after the other, which stand in out's last piece, are one piece where they are text, or each is U+FFFD. */
static pt_status_t end_bytes(pt__pieces_t *out)
{
    const pt__cut_t cut = out->cuts[out->count - 1];
    if (is_text(out->bytes + cut.begin, cut.end - cut.begin))
        return PT_OK;
    out->n_bytes = cut.begin;
    out->cuts[out->count - 1].end = cut.begin;
    for (uint32_t i = cut.begin; i < cut.end; i++)
        PT__TRY(pt__pieces_append(out, "\xEF\xBF\xBD", 3));
    return PT_OK;
}

static pt_status_t decode_bytes(const void *settings, const pt__pieces_t *in, pt__pieces_t *out)
{
    int32_t is_within = 0;
    (void)settings;
    for (int64_t i = 0; i < in->count; i++) {
        const uint8_t *token = in->bytes + in->cuts[i].begin;
        const int64_t length = in->cuts[i].end - in->cuts[i].begin;
        const int32_t value = byte_of(token, length);
        const uint8_t byte = (uint8_t)value;
        if (value >= 0) {
            if (!is_within)
                PT__TRY(pt__pieces_begin(out));
            PT__TRY(pt__pieces_append(out, &byte, 1));
        } else {
            if (is_within)
                PT__TRY(end_bytes(out));
            PT__TRY(append_piece(out, token, length));
        }
        is_within = value >= 0;
    }
    return is_within ? end_bytes(out) : PT_OK;
}

pt_status_t pt__read_byte_fallback(const pt__json_t *json, pt__decoders_t *decoders)
{
    (void)json;
    return pt__decoders_add(decoders, decode_bytes, NULL);
}

/* ---- Fuse ---- */

static pt_status_t decode_fuse(const void *settings, const pt__pieces_t *in, pt__pieces_t *out)
{
    (void)settings;
    PT__TRY(pt__pieces_begin(out));
    for (int64_t i = 0; i < in->count; i++)
        PT__TRY(pt__pieces_append(out, in->bytes + in->cuts[i].begin, in->cuts[i].end - in->cuts[i].begin));
    return PT_OK;
}

pt_status_t pt__read_fuse(const pt__json_t *json, pt__decoders_t *decoders)
{
    (void)json;
    return pt__decoders_add(decoders, decode_fuse, NULL);
}

/* ---- Replace ---- */

static pt_status_t decode_replace(const void *settings, const pt__pieces_t *in, pt__pieces_t *out)
{
    const pt__replace_t *replace = settings;
    for (int64_t i = 0; i < in->count; i++) {
        const int64_t begin = in->cuts[i].begin, end = in->cuts[i].end;
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

static pt_status_t decode_strip(const void *settings, const pt__pieces_t *in, pt__pieces_t *out)
{
    const strip_t *strip = settings;
    for (int64_t i = 0; i < in->count; i++) {
        int64_t begin = in->cuts[i].begin, end = in->cuts[i].end;
        for (int64_t k = 0; k < strip->start && end - begin >= strip->length && is_content(strip, in->bytes + begin);
             k++)
            begin += strip->length;
        for (int64_t k = 0;
             k < strip->stop && end - begin >= strip->length && is_content(strip, in->bytes + end - strip->length); k++)
            end -= strip->length;
        PT__TRY(append_piece(out, in->bytes + begin, end - begin));
    }
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
