/* GGUF files (ggml's docs/gguf.md, versions 2 and 3): the metadata, values by key, and what is said of each tensor,
 * read in place. */
#ifndef PT__GGUF_CONTAINER_H
#define PT__GGUF_CONTAINER_H

#include "base/memory.h"

typedef struct pt__gguf {
    const uint8_t *bytes;
    int64_t size;
    uint64_t n_tensors;
    int64_t tensors_at; /* byte at which the tensors' descriptions begin */
} pt__gguf_t;

typedef struct pt__gguf_value {
    uint32_t kind; /* of the elements, of an array */
    int32_t is_array;
    uint64_t count; /* 1, or of the array's elements */
    const uint8_t *at, *end;
} pt__gguf_value_t;

typedef struct pt__gguf_string {
    const char *bytes;
    int64_t length;
} pt__gguf_string_t;

typedef struct pt__gguf_tensor {
    pt__gguf_string_t name;
    int32_t rank;
    uint64_t sizes[4]; /* the innermost first */
    uint32_t type;     /* ggml's number */
    uint64_t offset;   /* bytes behind the beginning of the data */
} pt__gguf_tensor_t;

/* Whether the bytes are of a GGUF file, be it damaged. */
int32_t pt__gguf_is(const uint8_t *bytes, int64_t size);
/* Checks all of the metadata; then values are found. */
pt_status_t pt__gguf_open(pt__gguf_t *gguf, const uint8_t *bytes, int64_t size);
/* 0: there is no such key. */
int32_t pt__gguf_find(const pt__gguf_t *gguf, const char *key, pt__gguf_value_t *value);

/* PT_ERR_FORMAT for a value of another kind; *out stays as it is where the key is missing. */
pt_status_t pt__gguf_get_string(const pt__gguf_t *gguf, const char *key, pt__gguf_string_t *out);
pt_status_t pt__gguf_get_integer(const pt__gguf_t *gguf, const char *key, int64_t low, int64_t high, int64_t *out);
/* A number of any kind. */
pt_status_t pt__gguf_get_number(const pt__gguf_t *gguf, const char *key, double *out);
/* An array of strings, or of 32-bit numbers; value->count is 0 where the key is missing. */
pt_status_t pt__gguf_get_array(const pt__gguf_t *gguf, const char *key, int32_t is_strings, pt__gguf_value_t *value);
/* The next string of an array of them, whose count the caller knows. */
pt__gguf_string_t pt__gguf_next_string(pt__gguf_value_t *value);
/* Key and value after those that end at byte *at, 0 first. 0: there are no more. */
int32_t pt__gguf_next_pair(const pt__gguf_t *gguf, int64_t *at, pt__gguf_string_t *key, pt__gguf_value_t *value);
/* The tensor described at byte *at, tensors_at first; then *at is where the next is. */
pt_status_t pt__gguf_next_tensor(const pt__gguf_t *gguf, int64_t *at, pt__gguf_tensor_t *tensor);
/* Whether the string has these bytes. */
int32_t pt__gguf_equals(const pt__gguf_string_t *string, const char *text);
/* Element `index` of an array of 32-bit numbers. */
double pt__gguf_number(const pt__gguf_value_t *value, int64_t index);

#endif
