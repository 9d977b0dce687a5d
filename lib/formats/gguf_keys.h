/* The architectures of GGUF files that have a model family here, and their metadata's keys beside those of Hugging
 * Face's configurations: read both ways (gguf_config.c, gguf_config_write.c). */
#ifndef PT__GGUF_KEYS_H
#define PT__GGUF_KEYS_H

#include <stdint.h>

enum { PT__GGUF_KEY = 128 /* bytes of a whole key */ };

typedef enum pt__gguf_kind { PT__GGUF_INTEGER, PT__GGUF_NUMBER, PT__GGUF_APART } pt__gguf_kind_t;

typedef struct pt__gguf_key {
    const char *metadata; /* behind "ARCHITECTURE."; NULL ends a list */
    const char *key;      /* of the configuration; NULL: changes nothing, or is read and written by itself */
    pt__gguf_kind_t kind; /* APART: by itself */
    int32_t is_needed;    /* no file is without it, and it is written as it stands */
} pt__gguf_key_t;

typedef struct pt__gguf_architecture {
    const char *name;               /* as the metadata have it */
    const char *model_type, *class; /* as a configuration has them */
    const pt__gguf_key_t *keys;
    const char *activation_key; /* of the configuration */
    const char *activations[4]; /* its values that llama.cpp computes; the first where it is missing. NULL ends them */
    int32_t turns;              /* has rotary positions */
    int32_t side_by_side;       /* their planes stand so in queries and keys */
    int32_t has_biases;         /* where the configuration asks for them */
    int32_t unturned_interval;  /* of layers without rotary positions; 0: there are none */
    int32_t has_types;          /* a table of kinds of tokens, and no head */
    /* What the family has where the configuration does not say; 0: as many as heads, the heads' share of the width, no
     * window. */
    int64_t kv_heads, head_width, window;
    double base, epsilon;
} pt__gguf_architecture_t;

/* "ARCHITECTURE.METADATA", in `key`. */
const char *pt__gguf_full_key(const pt__gguf_architecture_t *of, const char *metadata, char key[PT__GGUF_KEY]);
/* By the metadata's name, `length` bytes; a llama whose keys are seen through a window is a Mistral. NULL: unknown. */
const pt__gguf_architecture_t *pt__gguf_architecture_named(const char *name, int64_t length, int32_t has_window);
/* By the configuration's "model_type". NULL: llama.cpp has none that is a family here. */
const pt__gguf_architecture_t *pt__gguf_architecture_of(const char *model_type);

#endif
