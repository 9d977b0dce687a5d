/* The metadata of a GGUF file that is being written: keys with values, one after the other. */
#ifndef PT__GGUF_METADATA_H
#define PT__GGUF_METADATA_H

#include "base/gguf_container.h"
#include "base/text.h"

typedef struct pt__gguf_metadata { /* text.status: the first failure */
    pt__text_t text;
    uint64_t pairs;
} pt__gguf_metadata_t;

void pt__gguf_put_string(pt__gguf_metadata_t *metadata, const char *key, const char *bytes, int64_t length);
void pt__gguf_put_uint32(pt__gguf_metadata_t *metadata, const char *key, uint32_t value);
void pt__gguf_put_float32(pt__gguf_metadata_t *metadata, const char *key, float value);
void pt__gguf_put_bool(pt__gguf_metadata_t *metadata, const char *key, int32_t value);
/* What another file has, as it stands there. */
void pt__gguf_put_value(pt__gguf_metadata_t *metadata, const pt__gguf_string_t *key, const pt__gguf_value_t *value);
/* An array of so many elements, which follow, each by one of these. */
void pt__gguf_put_strings(pt__gguf_metadata_t *metadata, const char *key, uint64_t count);
void pt__gguf_put_float32s(pt__gguf_metadata_t *metadata, const char *key, uint64_t count);
void pt__gguf_put_int32s(pt__gguf_metadata_t *metadata, const char *key, uint64_t count);
void pt__gguf_add_string(pt__gguf_metadata_t *metadata, const char *bytes, int64_t length);
void pt__gguf_add_float32(pt__gguf_metadata_t *metadata, float value);
void pt__gguf_add_int32(pt__gguf_metadata_t *metadata, int32_t value);
/* `size` bytes of a number, the lowest first. */
void pt__gguf_add_number(pt__text_t *text, uint64_t number, int32_t size);

#endif
