/* See gguf_metadata.h. */
#include "base/gguf_metadata.h"

#include <string.h>

enum { UINT32 = 4, INT32 = 5, FLOAT32 = 6, BOOL = 7, STRING = 8, ARRAY = 9 };

void pt__gguf_add_number(pt__text_t *text, uint64_t number, int32_t size)
{
    char bytes[8];
    for (int32_t i = 0; i < size; i++)
        bytes[i] = (char)(unsigned char)(number >> (8 * i));
    pt__text_add_bytes(text, bytes, size);
}

void pt__gguf_add_string(pt__gguf_metadata_t *metadata, const char *bytes, int64_t length)
{
    pt__gguf_add_number(&metadata->text, (uint64_t)length, 8);
    pt__text_add_bytes(&metadata->text, bytes, length);
}

void pt__gguf_add_float32(pt__gguf_metadata_t *metadata, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    pt__gguf_add_number(&metadata->text, bits, 4);
}

void pt__gguf_add_int32(pt__gguf_metadata_t *metadata, int32_t value)
{
    pt__gguf_add_number(&metadata->text, (uint32_t)value, 4);
}

static void put_key(pt__gguf_metadata_t *metadata, const char *key, uint32_t kind)
{
    pt__gguf_add_string(metadata, key, (int64_t)strlen(key));
    pt__gguf_add_number(&metadata->text, kind, 4);
    metadata->pairs++;
}

void pt__gguf_put_value(pt__gguf_metadata_t *metadata, const pt__gguf_string_t *key, const pt__gguf_value_t *value)
{
    pt__gguf_add_string(metadata, key->bytes, key->length);
    if (value->is_array)
        pt__gguf_add_number(&metadata->text, ARRAY, 4);
    pt__gguf_add_number(&metadata->text, value->kind, 4);
    if (value->is_array)
        pt__gguf_add_number(&metadata->text, value->count, 8);
    pt__text_add_bytes(&metadata->text, (const char *)value->at, value->end - value->at);
    metadata->pairs++;
}

static void put_array(pt__gguf_metadata_t *metadata, const char *key, uint32_t kind, uint64_t count)
{
    put_key(metadata, key, ARRAY);
    pt__gguf_add_number(&metadata->text, kind, 4);
    pt__gguf_add_number(&metadata->text, count, 8);
}

void pt__gguf_put_string(pt__gguf_metadata_t *metadata, const char *key, const char *bytes, int64_t length)
{
    put_key(metadata, key, STRING);
    pt__gguf_add_string(metadata, bytes, length);
}

void pt__gguf_put_uint32(pt__gguf_metadata_t *metadata, const char *key, uint32_t value)
{
    put_key(metadata, key, UINT32);
    pt__gguf_add_number(&metadata->text, value, 4);
}

void pt__gguf_put_float32(pt__gguf_metadata_t *metadata, const char *key, float value)
{
    put_key(metadata, key, FLOAT32);
    pt__gguf_add_float32(metadata, value);
}

void pt__gguf_put_bool(pt__gguf_metadata_t *metadata, const char *key, int32_t value)
{
    put_key(metadata, key, BOOL);
    pt__gguf_add_number(&metadata->text, value != 0, 1);
}

void pt__gguf_put_strings(pt__gguf_metadata_t *metadata, const char *key, uint64_t count)
{
    put_array(metadata, key, STRING, count);
}

void pt__gguf_put_float32s(pt__gguf_metadata_t *metadata, const char *key, uint64_t count)
{
    put_array(metadata, key, FLOAT32, count);
}

void pt__gguf_put_int32s(pt__gguf_metadata_t *metadata, const char *key, uint64_t count)
{
    put_array(metadata, key, INT32, count);
}
