/* Tokens to text: decoders one after the other, each of which makes pieces of text of pieces of text. The first has a
 * piece a token; what the last one gives is joined. */
#ifndef PT__DECODERS_H
#define PT__DECODERS_H

#include "base/json.h"
#include "text/scanners.h"

typedef struct pt__pieces {
    pt__memory_t *memory;
    uint8_t *bytes;
    pt__cut_t *cuts;
    int64_t n_bytes, count, bytes_capacity, cuts_capacity;
} pt__pieces_t;

/* Appends to the last piece; begins a piece. */
pt_status_t pt__pieces_append(pt__pieces_t *pieces, const void *bytes, int64_t length);
pt_status_t pt__pieces_begin(pt__pieces_t *pieces);
void pt__pieces_free(pt__pieces_t *pieces);

typedef pt_status_t pt__decode_fn(const void *settings, const pt__pieces_t *in, pt__pieces_t *out);

enum { PT__DECODERS_MOST = 16 };

typedef struct pt__decoders {
    pt__memory_t *memory;
    struct {
        pt__decode_fn *decode;
        void *settings; /* its own block, or NULL */
    } list[PT__DECODERS_MOST];
    int32_t count; /* 0: blanks between the tokens */
} pt__decoders_t;

void pt__decoders_free(pt__decoders_t *decoders);
pt_status_t pt__decoders_add(pt__decoders_t *decoders, pt__decode_fn *decode, void *settings);
/* The kinds that have files of their own. */
typedef pt_status_t pt__decoder_read_fn(const pt__json_t *json, pt__decoders_t *decoders);
pt__decoder_read_fn pt__read_byte_fallback;     /* "ByteFallback" */
pt__decoder_read_fn pt__read_fuse;              /* "Fuse" */
pt__decoder_read_fn pt__read_metaspace_decoder; /* "Metaspace" */
pt__decoder_read_fn pt__read_replace_decoder;   /* "Replace" */
pt__decoder_read_fn pt__read_strip_decoder;     /* "Strip" */
/* Appends what a "decoder" of a tokenizer.json asks for. */
pt_status_t pt__decoder_read(const pt__json_t *json, pt__decoders_t *decoders);
/* Makes `pieces`, one a token, to their text, in place: what is left is joined without anything between. */
pt_status_t pt__decoders_run(const pt__decoders_t *decoders, pt__pieces_t *pieces);

#endif
