/* Tokens to text: decoders one after the other, each of which makes pieces of text of pieces of text. The first has a
 * piece a token; what the last one gives is joined. Tokens come all at once or a few at a time, and each decoder gives
 * at once what later ones cannot change. */
#ifndef PT__DECODERS_H
#define PT__DECODERS_H

#include "base/json.h"
#include "text/scanners.h"

typedef struct pt__pieces {
    pt__memory_t *memory;
    uint8_t *bytes;
    pt__cut_t *cuts;
    int64_t n_bytes, count, bytes_capacity, cuts_capacity;
    int64_t first;   /* those before it are done with */
    int32_t is_open; /* the last piece grows still: it is the only one of its text, whose end has not come */
} pt__pieces_t;

/* Appends to the last piece; begins a piece. */
pt_status_t pt__pieces_append(pt__pieces_t *pieces, const void *bytes, int64_t length);
pt_status_t pt__pieces_begin(pt__pieces_t *pieces);
void pt__pieces_free(pt__pieces_t *pieces);
/* How many there are but for one that grows still. */
static inline int64_t pt__pieces_whole(const pt__pieces_t *pieces)
{
    return pieces->count - pieces->is_open;
}

/* What a decoder knows of the pieces before; zeros at the beginning of a text. Its own to use as it likes. */
typedef struct pt__decode_state {
    int64_t seen;  /* pieces */
    int64_t taken; /* signs at the begin of a piece */
    int64_t held;  /* pieces, signs or bytes that wait */
    uint8_t bytes[4];
} pt__decode_state_t;

/* Makes pieces of those from in->first on, and moves it behind those that it is done with; what it leaves it is given
 * again, with more behind. is_last: no more will come. A decoder that can do nothing with a part of a piece leaves one
 * that is open until it is whole; one that can moves that piece's begin. What follows from later pieces must wait. */
typedef pt_status_t pt__decode_fn(const void *settings, pt__decode_state_t *state, pt__pieces_t *in, int32_t is_last,
                                  pt__pieces_t *out);

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

/* What can be undone of pieces to which others were appended. */
typedef struct pt__pieces_mark {
    int64_t n_bytes, count, first;
    int32_t is_open;
    pt__cut_t last;
} pt__pieces_mark_t;

/* A text under way. */
typedef struct pt__decoding {
    const pt__decoders_t *decoders;
    pt__pieces_t pieces[PT__DECODERS_MOST + 1]; /* that each decoder is given, and behind the last one the text */
    pt__decode_state_t states[PT__DECODERS_MOST];
    pt__pieces_mark_t marks[PT__DECODERS_MOST + 1]; /* where they were before a call */
    pt__decode_state_t marked_states[PT__DECODERS_MOST];
} pt__decoding_t;

/* The decoders must outlive it. */
void pt__decoding_start(pt__decoding_t *decoding, const pt__decoders_t *decoders);
void pt__decoding_free(pt__decoding_t *decoding);
/* Where the pieces of the next tokens are to be appended, one a token. */
pt__pieces_t *pt__decoding_begin(pt__decoding_t *decoding);
/* After that: runs the decoders over them, unless status is a failure; is_last: the text ends with them, and the next
 * tokens begin another. After a failure, which it returns, all is as before pt__decoding_begin. */
pt_status_t pt__decoding_end(pt__decoding_t *decoding, pt_status_t status, int32_t is_last);
/* The text that is certain and was not taken yet: whole characters, `length` bytes. */
const uint8_t *pt__decoding_text(const pt__decoding_t *decoding, int64_t *length);
void pt__decoding_take(pt__decoding_t *decoding);

#endif
