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
    pieces->cuts[pieces->count++] = (pt__cut_t){(uint32_t)pieces->n_bytes, (uint32_t)pieces->n_bytes};
    return PT_OK;
}

void pt__pieces_free(pt__pieces_t *pieces)
{
    if (pieces->memory == NULL)
        return;
    pt__release(pieces->memory, pieces->cuts);
    pt__release(pieces->memory, pieces->bytes);
    memset(pieces, 0, sizeof *pieces);
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

static pt_status_t join_with_blanks(const void *settings, const pt__pieces_t *in, pt__pieces_t *out)
{
    (void)settings;
    for (int64_t i = 0; i < in->count; i++) {
        PT__TRY(pt__pieces_begin(out));
        if (i > 0)
            PT__TRY(pt__pieces_append(out, " ", 1));
        PT__TRY(pt__pieces_append(out, in->bytes + in->cuts[i].begin, in->cuts[i].end - in->cuts[i].begin));
    }
    return PT_OK;
}

pt_status_t pt__decoders_run(const pt__decoders_t *decoders, pt__pieces_t *pieces)
{
    for (int32_t i = 0; i < decoders->count || (i == 0 && decoders->count == 0); i++) {
        pt__decode_fn *decode = decoders->count == 0 ? join_with_blanks : decoders->list[i].decode;
        pt__pieces_t made = {.memory = pieces->memory};
        pt_status_t status = decode(decoders->list[i].settings, pieces, &made);
        if (status != PT_OK) {
            pt__pieces_free(&made);
            return status;
        }
        pt__pieces_free(pieces);
        *pieces = made;
    }
    return PT_OK;
}
