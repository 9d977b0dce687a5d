/* Continuing texts token by token with a language model: prompts in a batch, each with its own random numbers, until
 * each has come to a stop sequence or has its count. */
#ifndef PT__GENERATION_H
#define PT__GENERATION_H

#include "base/random.h"
#include "train/cache.h"
#include "train/sequences.h"
#include "train/text_stream.h"

typedef struct pt__continued { /* one prompt */
    int32_t *tokens; /* [prompt + new] */
    float *scores;   /* [new] */
    int64_t prompt, made;
    int32_t reason;  /* PT_GENERATED_..., 0: it goes on */
    int64_t start;   /* of the window that the network reads */
    /* in the cache: the rows that are this text's, and how many of the window's are there, from the window's start
     * on */
    int64_t first, room, kept;
    pt__random_t random;
    pt__text_stream_t text; /* where there is a tokenizer */
    int64_t passed_on;      /* of what it tells, to the host */
} pt__continued_t;

typedef struct pt__generation {
    pt_model_t *model;
    pt_generate_options_t options; /* but for the stops, which are copied: */
    pt__sequences_t stops;
    pt__stop_strings_t stop_strings;
    pt_tokenizer_t *tokenizer; /* retained; or NULL */
    pt__continued_t *texts; /* [count] */
    int64_t count;
    pt_tensor_t output; /* the task's scores of the next token */
    const pt__requests_t *requests;
    pt__cache_t *cache; /* NULL: windows are read anew in each step */
    int64_t limit;   /* rows that the network reads of a text at most */
    int64_t classes;
    int32_t *rows;         /* the tokens that a run reads ... */
    int32_t *offsets;      /* [group + 1] ... and where each text's begin */
    int32_t *first, *past; /* [group] where they go in the cache */
    float *logits;    /* [group, classes] */
    float *weights;   /* [classes] of one text, which sampling changes */
    int32_t *order;   /* [classes] */
} pt__generation_t;

/* options are complete; stop sequences are copied, and checked against the model's tokens. A model that does not
 * generate is PT_ERR_STATE. The model must stay as it is until the release. */
pt_status_t pt__generation_create(pt_model_t *model, const pt_generate_options_t *options, pt__generation_t *out);
void pt__generation_release(pt__generation_t *self);
/* Takes up a host's prompts, copied; on failure there are none. `what` begins messages. */
pt_status_t pt__generation_begin(pt__generation_t *self, const pt_array_t *prompts, uint32_t size, const char *what);
/* A token for each text that goes on; where that fails some may have theirs. Each is told to `tell` (NULL: not), which
 * says whether generation goes on: all texts are over where it does not. */
typedef int32_t (*pt__tell_fn)(void *user, const pt__generation_t *self, int64_t text);
pt_status_t pt__generation_step(pt__generation_t *self, pt__tell_fn tell, void *user, int64_t *live);

#endif
