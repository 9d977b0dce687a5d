/* "Metaspace": blanks are written as a character of their own, "\u2581" in all files that people have, one is put
 * before a text, and words are cut before each (SentencePiece's way; Kudo 2018). And back. */
#include <string.h>

#include "text/characters.h"
#include "text/decoders.h"
#include "text/pre_tokenizers.h"

enum { PREPEND_ALWAYS, PREPEND_FIRST, PREPEND_NEVER };

typedef struct metaspace {
    int32_t scheme, splits;
    int32_t length; /* of the replacement */
    uint8_t replacement[4];
} metaspace_t;

static pt_status_t read_scheme(const pt__json_t *json, int32_t *scheme)
{
    static const char *const names[] = {"always", "first", "never"};
    const char *name = "always";
    int32_t prefix = 1; /* what files of before 2024 have in its place */
    PT__TRY(pt__json_get_string(json, "prepend_scheme", PT__JSON_OPTIONAL, &name));
    PT__TRY(pt__json_get_bool(json, "add_prefix_space", PT__JSON_OPTIONAL, &prefix));
    for (*scheme = 0; *scheme < 3 && strcmp(names[*scheme], name) != 0;)
        ++*scheme;
    if (*scheme == 3)
        return pt__json_fail(json, PT_ERR_FORMAT, "prepend_scheme is \"%.99s\", expected always, first or never", name);
    if (!prefix && *scheme != PREPEND_NEVER && pt__json_find(json, "prepend_scheme") != NULL)
        return pt__json_fail(json, PT_ERR_FORMAT, "add_prefix_space is false, but prepend_scheme \"%.99s\"", name);
    if (!prefix)
        *scheme = PREPEND_NEVER;
    return PT_OK;
}

static pt_status_t read(const pt__json_t *json, metaspace_t *metaspace)
{
    const pt__json_t *text = pt__json_find(json, "replacement");
    int32_t length = 0;
    if (text != NULL && text->kind == PT__JSON_STRING && text->length > 0)
        pt__character_at((const uint8_t *)text->string, &length);
    if (length == 0 || length != text->length)
        return pt__json_fail(text == NULL ? json : text, PT_ERR_FORMAT, "expected replacement, one character");
    metaspace->length = length;
    memcpy(metaspace->replacement, text->string, (size_t)length);
    metaspace->splits = 1;
    PT__TRY(pt__json_get_bool(json, "split", PT__JSON_OPTIONAL, &metaspace->splits));
    return read_scheme(json, &metaspace->scheme);
}

static inline int32_t is_there(const metaspace_t *metaspace, const uint8_t *text, int64_t at, int64_t end)
{
    return text[at] == metaspace->replacement[0] && end - at >= metaspace->length &&
           memcmp(text + at, metaspace->replacement, (size_t)metaspace->length) == 0;
}

/* ---- To words ---- */

static pt_status_t write(const metaspace_t *metaspace, const pt__passage_t *passage, int64_t begin, int64_t end,
                         pt__edited_t *edited)
{
    const uint8_t *text = passage->bytes;
    if (edited->wants_spans) {
        for (int64_t at = begin; at < end;) {
            int64_t next = at;
            while (next < end && text[next] != ' ')
                next++;
            PT__TRY(pt__edited_copy(edited, passage, at, next));
            if (next < end) {
                const pt__cut_t origin = pt__passage_origin(passage, next, next + 1);
                PT__TRY(pt__edited_add(edited, metaspace->replacement, metaspace->length, origin.begin, origin.end));
            }
            at = next + 1;
        }
        return PT_OK;
    }
    int64_t blanks = 0;
    for (int64_t at = begin; at < end; at++)
        blanks += text[at] == ' ';
    PT__TRY(pt__edited_make_room(edited, end - begin + blanks * (metaspace->length - 1)));
    uint8_t *to = edited->bytes + edited->size;
    for (int64_t at = begin; at < end; at++) {
        if (text[at] != ' ') {
            *to++ = text[at];
            continue;
        }
        for (int32_t i = 0; i < metaspace->length; i++)
            *to++ = metaspace->replacement[i];
    }
    edited->size = to - edited->bytes;
    return PT_OK;
}

static pt_status_t edit(const void *settings, const pt__passage_t *passage, int64_t begin, int64_t end,
                        pt__edited_t *edited)
{
    const metaspace_t *metaspace = settings;
    int32_t length;
    pt__character_at(passage->bytes + begin, &length);
    const pt__cut_t origin = pt__passage_origin(passage, begin, begin + length);
    if (passage->bytes[begin] != ' ' && !is_there(metaspace, passage->bytes, begin, end) &&
        (metaspace->scheme == PREPEND_ALWAYS || (metaspace->scheme == PREPEND_FIRST && origin.begin == 0)))
        PT__TRY(pt__edited_add(edited, metaspace->replacement, metaspace->length, origin.begin, origin.end));
    return write(metaspace, passage, begin, end, edited);
}

/* A word begins with each replacement. */
static int32_t scan(const void *settings, const uint8_t *text, int64_t *from, int64_t end, pt__cut_t *cuts,
                    int32_t most)
{
    const metaspace_t *metaspace = settings;
    int32_t count = 0;
    int64_t at = *from;
    while (count < most && at < end) {
        const int64_t begin = at++;
        while (at < end && !is_there(metaspace, text, at, end))
            at++;
        cuts[count++] = (pt__cut_t){(uint32_t)begin, (uint32_t)at};
    }
    *from = at;
    return count;
}

static pt_status_t add(pt__stages_t *stages, const metaspace_t *metaspace, pt__edit_fn *edits, pt__scan_fn *scans)
{
    metaspace_t *copy;
    PT__TRY(pt__allocate(stages->memory, 1, sizeof *copy, "pre-tokenizer", &copy));
    *copy = *metaspace;
    PT__TRY(pt__stages_add(stages, edits, scans, copy));
    if (edits != NULL && metaspace->scheme == PREPEND_FIRST)
        stages->list[stages->count - 1].wants_origins = 1;
    return PT_OK;
}

pt_status_t pt__read_metaspace(const pt__json_t *json, pt__stages_t *stages)
{
    metaspace_t metaspace = {0};
    PT__TRY(read(json, &metaspace));
    PT__TRY(add(stages, &metaspace, edit, NULL));
    return metaspace.splits ? add(stages, &metaspace, NULL, scan) : PT_OK;
}

/* ---- Back to text ---- */

static pt_status_t decode(const void *settings, pt__decode_state_t *state, pt__pieces_t *in, int32_t is_last,
                          pt__pieces_t *out)
{
    const metaspace_t *metaspace = settings;
    (void)is_last;
    for (; in->first < pt__pieces_whole(in); in->first++) {
        const int64_t end = in->cuts[in->first].end;
        int64_t from = in->cuts[in->first].begin;
        const int32_t is_later = state->seen++ > 0;
        PT__TRY(pt__pieces_begin(out));
        for (int64_t at = from; at < end;) {
            if (!is_there(metaspace, in->bytes, at, end)) {
                at++;
                continue;
            }
            PT__TRY(pt__pieces_append(out, in->bytes + from, at - from));
            if (is_later || metaspace->scheme == PREPEND_NEVER)
                PT__TRY(pt__pieces_append(out, " ", 1));
            from = at += metaspace->length;
        }
        PT__TRY(pt__pieces_append(out, in->bytes + from, end - from));
    }
    return PT_OK;
}

pt_status_t pt__read_metaspace_decoder(const pt__json_t *json, pt__decoders_t *decoders)
{
    metaspace_t metaspace = {0}, *copy;
    PT__TRY(read(json, &metaspace));
    PT__TRY(pt__allocate(decoders->memory, 1, sizeof *copy, "decoder", &copy));
    *copy = metaspace;
    return pt__decoders_add(decoders, decode, copy);
}
