/* A tokenizer: text to tokens and back. Its parts are read from a file once and only read then; what encoding changes
 * stands in encoders, one a thread. Texts are bytes on all ways: nothing is written out as characters that stand for
 * bytes, and spans count the bytes of the text that came in. */
#ifndef PT__TOKENIZER_H
#define PT__TOKENIZER_H

#include "base/context.h"
#include "base/text_rows.h"
#include "text/added_tokens.h"
#include "text/characters.h"
#include "text/decoders.h"
#include "text/padding.h"
#include "text/piece_cache.h"
#include "text/post_processor.h"
#include "text/stages.h"
#include "text/truncation.h"

typedef struct pt__encoder pt__encoder_t;

struct pt_tokenizer {
    atomic_int references;
    pt_context_t *context; /* retained */
    pt__vocabulary_t vocabulary;
    const pt__token_model_t *kind;
    void *model;
    pt__added_tokens_t added[2]; /* looked for before the normalizers, and after them */
    pt__stages_t stages[2];      /* normalizers, pre-tokenizers */
    int32_t origin_steps; /* the steps before this one (encode.c) keep origins, also where spans are not wanted */
    pt__post_processor_t post_processor;
    pt__decoders_t decoders;
    pt__truncation_t truncation;
    pt__padding_t padding;
    uint64_t fingerprint;     /* of its file's bytes */
    pt__encoder_t **encoders; /* [threads], made when first needed */
    char *json;               /* the file that all this was read from */
    int64_t json_size;
    char *path; /* of the file that it was opened from; NULL: from elsewhere */
    char message[PT__MESSAGE_SIZE];
};

/* Reads a tokenizer.json, of which the tokenizer keeps a copy; name is for messages. */
pt_status_t pt__tokenizer_read_json(pt_context_t *context, const char *name, const char *text, int64_t size,
                                    pt_tokenizer_t **out);
/* Reads a tokenizer of any kind of file (foreign.h), which its content tells; path is NULL where it is none: then no
 * file is read beside it. */
pt_status_t pt__tokenizer_read(pt_context_t *context, const char *path, const char *name, const void *bytes,
                               int64_t size, pt_tokenizer_t **out);
/* The text of the tokenizer.json that a file, or a directory's, is or stands for; released by the caller. */
pt_status_t pt__tokenizer_load_json(pt__memory_t *memory, const char *path, char **json, int64_t *size);
/* What a GGUF file's metadata say of a tokenizer. */
struct pt__gguf_metadata;
typedef struct pt__tokenizer_source {
    const char *json; /* the text of a tokenizer.json */
    int64_t size;
    const struct pt__json *config;                       /* that of the network: which tokens end texts; NULL: none */
    const struct pt__tokenizer_config *tokenizer_config; /* which has the same; NULL: none */
    int64_t vocabulary; /* rows of the network's table, as many tokens as the file then has */
} pt__tokenizer_source_t;
/* As llama.cpp reads them. PT_ERR_UNSUPPORTED: something that it has no name for. Lengths that texts are cut or filled
 * to are left out. */
pt_status_t pt__tokenizer_put_gguf(pt__memory_t *memory, const pt__tokenizer_source_t *source,
                                   struct pt__gguf_metadata *metadata);
/* The path itself, or, of a directory, that of the tokenizer's file in it; freed with pt__release. PT_ERR_NOT_FOUND
 * names those that were looked for. */
pt_status_t pt__tokenizer_find(pt__memory_t *memory, const char *path, char **out);
/* The file `name` beside the file `path`: *bytes is NULL where there is none, which is an error if it is needed. */
pt_status_t pt__tokenizer_read_beside(pt__memory_t *memory, const char *path, const char *name, int32_t is_needed,
                                      char **bytes, int64_t *size);
/* An empty one, to be filled. PT_ERR_UNSUPPORTED in a build that does not know Unicode. */
pt_status_t pt__tokenizer_begin(pt_context_t *context, pt_tokenizer_t **out);
/* PT_TOKEN_... of an id below the vocabulary's count; one that is no token's is special. */
int32_t pt__tokenizer_kind(const pt_tokenizer_t *tokenizer, int32_t id);
pt_tokenizer_t *pt__tokenizer_retain(pt_tokenizer_t *tokenizer);
/* NULL is ignored. It ends when the last reference is released. */
void pt__tokenizer_free(pt_tokenizer_t *tokenizer);

/* The tokens of one text or pair of texts; where wanted, behind them those of the encodings of what is cut off. */
typedef struct pt__encoding {
    pt__memory_t *memory;
    int32_t *ids;
    pt__cut_t *spans;  /* in the text that the token is of; kept where wanted. (0, 0): a token that is of none */
    uint8_t *segments; /* 0 and 1, as the post-processor numbers them; made where wanted */
    int64_t count, ids_capacity, spans_capacity, segments_capacity;
    int64_t *ends; /* [parts]: where each encoding ends; unless there is one */
    int64_t parts, ends_capacity;
    int32_t wants_spans, wants_segments, wants_overflow;
} pt__encoding_t;

void pt__encoding_free(pt__encoding_t *encoding);
pt_status_t pt__encoding_add(pt__encoding_t *encoding, int32_t id, pt__cut_t span);

/* The thread's encoder, made where there is none yet; `thread` is below the number of the context's threads. */
pt_status_t pt__encoder_get(pt_tokenizer_t *tokenizer, int32_t thread, pt__encoder_t **out);
void pt__encoder_free(pt_tokenizer_t *tokenizer, pt__encoder_t *encoder);
/* Encodes a text of `length` bytes, which must be UTF-8 (PT_ERR_FORMAT names the byte), without the tokens of the
 * post-processor, into one of the two buffers of the encoder, which keep their memory from text to text. */
pt_status_t pt__encoder_run(pt__encoder_t *encoder, const char *text, int64_t length, int32_t wants_spans,
                            pt__encoding_t *buffer);
pt__encoding_t *pt__encoder_buffer(pt__encoder_t *encoder, int32_t which);
/* The words that the model would be given, in place of their tokens: those between the text's added tokens. */
typedef pt_status_t pt__word_fn(void *user, const uint8_t *word, int64_t length);
pt_status_t pt__encoder_words(pt__encoder_t *encoder, const char *text, int64_t length, pt__word_fn *tell, void *user);

/* Encodes a text, or a pair (texts[1] not NULL), with all that belongs to it: truncated as the file asks and to at most
 * `most` tokens (0: any number; PT__UNCUT: whatever the file asks), and in the template unless is_plain. *to begins
 * anew, in the memory that it has; its wants_... are read. */
pt_status_t pt__tokenizer_encode_whole(pt_tokenizer_t *tokenizer, int32_t thread, const char *const texts[2],
                                       const int64_t lengths[2], int32_t is_plain, int64_t most, pt__encoding_t *to);

enum { PT__UNCUT = -1 };

/* PT__ENCODE_PLAIN: without the template's tokens. PT__ENCODE_SOME: a text without a token is PT_ERR_FORMAT. */
enum { PT__ENCODE_PLAIN = 1, PT__ENCODE_SOME = 2 };
/* Encodes texts, whose fields are checked, on the pool's threads, each into its own of `encodings`, as
 * pt__tokenizer_encode_whole does. The message of the first that failed begins with `what` and its number, counted from
 * `first`. */
pt_status_t pt__tokenizer_encode_many(pt_tokenizer_t *tokenizer, const pt_text_t *texts, int64_t count, uint32_t flags,
                                      int64_t most, pt__encoding_t *encodings, const char *what, int64_t first);
/* Encodes texts on the pool's threads as pt__encode_fn of data/data.h says; template and all, within max_length. */
pt_status_t pt__tokenizer_encode_rows(pt_tokenizer_t *tokenizer, const pt__text_rows_t *texts,
                                      pt__token_rows_t *tokens);

/* Goes on with a text, which pt__decoding_start has begun with this tokenizer's decoders, by tokens, the last ones
 * where is_last. PT_ERR_ARGUMENT names an id that is no token's; after a failure the text is as it was. Special tokens
 * are left out unless keeps_special. */
pt_status_t pt__tokenizer_decode(const pt_tokenizer_t *tokenizer, const int32_t *ids, int64_t count,
                                 int32_t keeps_special, int32_t is_last, pt__decoding_t *text);

#endif
