/* The model that a command was given, as people have models: a directory, a file, or a configuration for a fresh one;
 * and the tokenizer that lies beside it. */
#ifndef OPENED_MODEL_H
#define OPENED_MODEL_H

#include <pretrain.h>

#include "settings.h"

enum { PATH_SIZE = 4096 };

typedef struct opened_model {
    pt_model_t *model;
    /* NULL: bytes are the tokens, or there are no texts */
    pt_tokenizer_t *tokenizer;
    /* NULL: there is none */
    char *tokenizer_path;
    /* "gpt2": what kind of network it is */
    char family[64];
    /* texts are read, not numbers */
    int32_t reads_tokens;
    /* pictures are read: their size, and 1 or 3 channels; 0: none are */
    int64_t height, width, channels;
    /* read from a file, not drawn */
    int32_t has_weights;
    /* tokens that the network knows, and how many of them at once; 0: not told */
    int64_t vocabulary, positions;
    /* the file that the weights or the configuration came from */
    char path[PATH_SIZE];
} opened_model_t;

/* What opened_model_open takes. */
enum {
    /* a configuration is enough */
    OPEN_FRESH = 1,
    /* weights stay in their file, in its dtypes: where nothing is to learn */
    OPEN_MAPPED = 2,
    /* a tokenizer beside it that cannot be read is no reason not to look at the model */
    OPEN_ANYHOW = 4,
};
/* Opens what `given` names. EXIT_DONE, or the status of a failure after its message. */
int opened_model_open(pt_context_t *context, const settings_t *settings, const char *given, uint32_t flags,
                      opened_model_t *opened);
/* Opens --tokenizer, or the one beside what `given` names, or in --out. None found is no failure. */
int opened_model_tokenizer(pt_context_t *context, const settings_t *settings, const char *given,
                           opened_model_t *opened);
/* What a model of tokens learns from texts alone: masked_lm, where a token's row sees those behind it, or causal_lm. */
const char *opened_model_language_task(const opened_model_t *opened);
void opened_model_close(opened_model_t *opened);
/* pt_model_describe's text, to be freed; NULL after a message. */
char *model_text(const pt_model_t *model, int32_t what);
/* A path that joins two; cut to nothing where it is too long. */
void path_join(char path[PATH_SIZE], const char *directory, const char *name);
/* The directory that a file is in. */
void path_of_directory(char directory[PATH_SIZE], const char *path);
/* The checkpoint of the most steps in a directory; 0 where it has none. */
int newest_checkpoint(char path[PATH_SIZE], const char *directory);
int path_is_directory(const char *path);
int path_exists(const char *path);

#endif
