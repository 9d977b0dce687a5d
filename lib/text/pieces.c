/* Pieces of text, and the chain of decoders that are run over them: see decoders.h. */
#include <string.h>

#include "text/decoders.h"

/* ---- Pieces ---- */

pt_status_t pt__pieces_append(pt__pieces_t *pieces, const void *bytes, int64_t length)
{
    if (pieces->n_bytes + length > UINT32_MAX)
        return pt__fail(PT_ERR_UNSUPPORTED, "the text has over %lld bytes", (long long)UINT32_MAX);
    PT__TRY(pt__grow(pieces->memory, &pieces->bytes, &pieces->bytes_capacity, pieces->n_bytes + length, 1, "text"));
    if (length > 0)
        memcpy(pieces->bytes + pieces->n_bytes, bytes, (size_t)length);
    pieces->n_bytes += length;
    pieces->cuts[pieces->count - 1].end = (uint32_t)pieces->n_bytes;
    return PT_OK;
}

pt_status_t pt__pieces_begin(pt__pieces_t *pieces)
{
    PT__TRY(pt__grow(pieces->memory, &pieces->cuts, &pieces->cuts_capacity, pieces->count + 1, sizeof *pieces->cuts,
                     "text"));
    /* a piece without bytes has an address too: decoders count from it */
    PT__TRY(pt__grow(pieces->memory, &pieces->bytes, &pieces->bytes_capacity, pieces->n_bytes + 1, 1, "text"));
    pieces->cuts[pieces->count++] = (pt__cut_t){(uint32_t)pieces->n_bytes, (uint32_t)pieces->n_bytes};
    return PT_OK;
}

void pt__pieces_free(pt__pieces_t *pieces)
{
    pt__release(pieces->memory, pieces->cuts);
    pt__release(pieces->memory, pieces->bytes);
}

static int64_t begin_of(const pt__pieces_t *pieces)
{
    return pieces->first < pieces->count ? pieces->cuts[pieces->first].begin : pieces->n_bytes;
}

/* Moves what is left to the front, where that is less than what it is moved over: so each byte is moved once or so. */
static void settle(pt__pieces_t *pieces)
{
    const int64_t left = pieces->count - pieces->first, begin = begin_of(pieces);
    if (left > pieces->first + 1 || pieces->n_bytes - begin > begin)
        return;
    if (pieces->n_bytes > begin)
        memmove(pieces->bytes, pieces->bytes + begin, (size_t)(pieces->n_bytes - begin));
    for (int64_t i = 0; i < left; i++) {
        const pt__cut_t cut = pieces->cuts[pieces->first + i];
        pieces->cuts[i] = (pt__cut_t){cut.begin - (uint32_t)begin, cut.end - (uint32_t)begin};
    }
    pieces->n_bytes -= begin;
    pieces->count = left;
    pieces->first = 0;
}

static void empty(pt__pieces_t *pieces)
{
    pieces->n_bytes = pieces->count = pieces->first = 0;
    pieces->is_open = 0;
}

/* ---- Decoders ---- */

void pt__decoders_free(pt__decoders_t *decoders)
{
    for (int32_t i = 0; i < decoders->count; i++)
        pt__release(decoders->memory, decoders->list[i].settings);
    decoders->count = 0;
}

pt_status_t pt__decoders_add(pt__decoders_t *decoders, pt__decode_fn *decode, void *settings)
{
    if (decoders->count == PT__DECODERS_MOST) {
        pt__release(decoders->memory, settings);
        return pt__fail(PT_ERR_UNSUPPORTED, "over %d decoders", PT__DECODERS_MOST);
    }
    decoders->list[decoders->count].decode = decode;
    decoders->list[decoders->count++].settings = settings;
    return PT_OK;
}

static pt_status_t join_with_blanks(const void *settings, pt__decode_state_t *state, pt__pieces_t *in, int32_t is_last,
                                    pt__pieces_t *out)
{
    (void)settings;
    (void)is_last;
    for (; in->first < in->count; in->first++) {
        const pt__cut_t cut = in->cuts[in->first];
        PT__TRY(pt__pieces_begin(out));
        if (state->seen++ > 0)
            PT__TRY(pt__pieces_append(out, " ", 1));
        PT__TRY(pt__pieces_append(out, in->bytes + cut.begin, cut.end - cut.begin));
    }
    return PT_OK;
}

/* ---- A text under way ---- */

static int32_t stages_of(const pt__decoding_t *decoding)
{
    return decoding->decoders->count > 0 ? decoding->decoders->count : 1;
}

void pt__decoding_start(pt__decoding_t *decoding, const pt__decoders_t *decoders)
{
    memset(decoding, 0, sizeof *decoding);
    decoding->decoders = decoders;
    for (int32_t i = 0; i <= stages_of(decoding); i++)
        decoding->pieces[i].memory = decoders->memory;
}

void pt__decoding_free(pt__decoding_t *decoding)
{
    for (int32_t i = 0; i <= stages_of(decoding); i++)
        pt__pieces_free(&decoding->pieces[i]);
}

pt__pieces_t *pt__decoding_begin(pt__decoding_t *decoding)
{
    for (int32_t i = 0; i <= stages_of(decoding); i++) {
        const pt__pieces_t *pieces = &decoding->pieces[i];
        decoding->marks[i] = (pt__pieces_mark_t){pieces->n_bytes, pieces->count, pieces->first, pieces->is_open,
                                                 pieces->count > 0 ? pieces->cuts[pieces->count - 1] : (pt__cut_t){0}};
    }
    memcpy(decoding->marked_states, decoding->states, sizeof decoding->states);
    return &decoding->pieces[0];
}

/* Decoders append, and of what there was before they move only the last begin. */
static void undo(pt__decoding_t *decoding)
{
    for (int32_t i = 0; i <= stages_of(decoding); i++) {
        const pt__pieces_mark_t *mark = &decoding->marks[i];
        pt__pieces_t *pieces = &decoding->pieces[i];
        pieces->n_bytes = mark->n_bytes;
        pieces->count = mark->count;
        pieces->first = mark->first;
        pieces->is_open = mark->is_open;
        if (mark->count > 0)
            pieces->cuts[mark->count - 1] = mark->last;
    }
    memcpy(decoding->states, decoding->marked_states, sizeof decoding->states);
}

pt_status_t pt__decoding_end(pt__decoding_t *decoding, pt_status_t status, int32_t is_last)
{
    const pt__decoders_t *decoders = decoding->decoders;
    const int32_t stages = stages_of(decoding);
    for (int32_t i = 0; i < stages && status == PT_OK; i++) {
        pt__decode_fn *decode = decoders->count == 0 ? join_with_blanks : decoders->list[i].decode;
        status = decode(decoders->list[i].settings, &decoding->states[i], &decoding->pieces[i], is_last,
                        &decoding->pieces[i + 1]);
    }
    if (status != PT_OK) {
        undo(decoding);
        return status;
    }
    for (int32_t i = 0; i < stages; i++) {
        settle(&decoding->pieces[i]);
        if (is_last)
            empty(&decoding->pieces[i]);
    }
    if (is_last)
        memset(decoding->states, 0, sizeof decoding->states);
    return PT_OK;
}

const uint8_t *pt__decoding_text(const pt__decoding_t *decoding, int64_t *length)
{
    const pt__pieces_t *text = &decoding->pieces[stages_of(decoding)];
    const int64_t begin = begin_of(text);
    *length = text->n_bytes - begin;
    return *length == 0 ? NULL : text->bytes + begin;
}

void pt__decoding_take(pt__decoding_t *decoding)
{
    pt__pieces_t *text = &decoding->pieces[stages_of(decoding)];
    text->first = pt__pieces_whole(text);
    if (text->is_open)
        text->cuts[text->first].begin = (uint32_t)text->n_bytes;
    settle(text);
}
