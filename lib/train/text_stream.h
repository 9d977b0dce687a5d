/* The text of tokens that are generated, as they come: what is certain at once, up to a stop string. What may be the
 * begin of one waits until that is known. */
#ifndef PT__TEXT_STREAM_H
#define PT__TEXT_STREAM_H

#include "text/tokenizer.h"

typedef struct pt__stop_strings { /* copied from a host */
    char *bytes;                  /* end to end */
    int64_t *lengths;             /* [count] at least 1 each */
    int64_t count, longest;
} pt__stop_strings_t;

/* Non-empty UTF-8; `what` begins messages. Where it fails there is nothing to release. */
pt_status_t pt__stop_strings_read(pt__memory_t *memory, const char *const *given, int64_t count, const char *what,
                                  pt__stop_strings_t *out);
void pt__stop_strings_release(pt__memory_t *memory, pt__stop_strings_t *strings);

typedef struct pt__text_stream {
    const pt_tokenizer_t *tokenizer; /* which outlives it */
    pt__memory_t *memory;
    pt__decoding_t decoding;
    char *bytes; /* what is certain, ... */
    int64_t length, capacity;
    int64_t told; /* ... and so much of it cannot belong to a stop string */
} pt__text_stream_t;

/* A text that goes on behind these tokens, of which nothing is told. Where it fails there is nothing to release. */
pt_status_t pt__text_stream_start(pt__memory_t *memory, const pt_tokenizer_t *tokenizer, const int32_t *tokens,
                                  int64_t count, pt__text_stream_t *out);
void pt__text_stream_release(pt__text_stream_t *stream);
/* Goes on with a token, behind which the text ends where is_last. *stopped: it has come to a stop string, ends before
 * it, and is all told then, as it is where it ends. */
pt_status_t pt__text_stream_add(pt__text_stream_t *stream, int32_t token, int32_t is_last,
                                const pt__stop_strings_t *stops, int32_t *stopped);

#endif
