/* What is read of the tokenizer_config.json beside older files, and the one that is written. */
#ifndef PT__TOKENIZER_CONFIG_H
#define PT__TOKENIZER_CONFIG_H

#include "base/json.h"

typedef struct pt__tokenizer_config {
    pt__json_document_t *document; /* NULL: there is no such file */
    const pt__json_t *root;
} pt__tokenizer_config_t;

/* text NULL: none; its messages begin with the file's name. */
pt_status_t pt__tokenizer_config_open(pt__memory_t *memory, const char *text, int64_t size,
                                      pt__tokenizer_config_t *config);
void pt__tokenizer_config_close(pt__tokenizer_config_t *config);
/* Keep *out where the file says nothing; a null is nothing. */
pt_status_t pt__tokenizer_config_bool(const pt__tokenizer_config_t *config, const char *key, int32_t *out);
/* A token's content, written as a string or as an object; lives as long as the config. */
pt_status_t pt__tokenizer_config_token(const pt__tokenizer_config_t *config, const char *key, const char **out);
/* The chat template: the only one, or, of a list of them by name, "default". Lives as long as the config; *out is kept
 * where there is none. */
pt_status_t pt__tokenizer_config_chat(const pt__tokenizer_config_t *config, const char **out);

/* The text of that which stands beside a directory's tokenizer.json (tokenizer_directory.c); freed with pt__release. */
pt_status_t pt__tokenizer_config_write(const pt_tokenizer_t *tokenizer, char **out, int64_t *length);

#endif
