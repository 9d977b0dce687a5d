/* See vocabulary.h. */
#include "text/vocabulary.h"

#include <string.h>

#include "base/hash.h"
#include "text/characters.h"

enum { MOST_CHARACTERS = INT32_MAX };

void pt__vocabulary_start(pt__vocabulary_t *vocabulary, pt__memory_t *memory)
{
    memset(vocabulary, 0, sizeof *vocabulary);
    vocabulary->memory = memory;
}

void pt__vocabulary_free(pt__vocabulary_t *vocabulary)
{
    if (vocabulary->memory == NULL)
        return;
    if (vocabulary->by_bytes.slots != vocabulary->by_content.slots)
        pt__release(vocabulary->memory, vocabulary->by_bytes.slots);
    pt__release(vocabulary->memory, vocabulary->by_content.slots);
    pt__release(vocabulary->memory, vocabulary->tokens);
    pt__release(vocabulary->memory, vocabulary->characters);
    memset(vocabulary, 0, sizeof *vocabulary);
}

static pt_status_t add_characters(pt__vocabulary_t *vocabulary, const void *bytes, int64_t length, uint32_t *place)
{
    int64_t needed = vocabulary->n_characters + length + 1; /* with a 0 behind */
    if (needed > MOST_CHARACTERS)
        return pt__fail(PT_ERR_FORMAT, "the vocabulary's tokens have over %d bytes", MOST_CHARACTERS);
    PT__TRY(pt__grow(vocabulary->memory, &vocabulary->characters, &vocabulary->characters_capacity, needed, 1,
                     "vocabulary"));
    *place = (uint32_t)vocabulary->n_characters;
    if (length > 0)
        memcpy(vocabulary->characters + *place, bytes, (size_t)length);
    vocabulary->characters[needed - 1] = 0;
    vocabulary->n_characters = needed;
    return PT_OK;
}

pt_status_t pt__vocabulary_add(pt__vocabulary_t *vocabulary, int64_t id, const char *content, int64_t length)
{
    if (id < 0 || id >= PT__TOKEN_MOST)
        return pt__fail(PT_ERR_FORMAT, "token \"%.*s\" has the id %lld, expected 0 to %d",
                        (int)(length < 99 ? length : 99), content, (long long)id, PT__TOKEN_MOST - 1);
    PT__TRY(pt__grow(vocabulary->memory, &vocabulary->tokens, &vocabulary->tokens_capacity, id + 1,
                     sizeof *vocabulary->tokens, "vocabulary"));
    pt__token_t *token = &vocabulary->tokens[id];
    if (token->is_there)
        return pt__fail(PT_ERR_FORMAT, "tokens \"%.99s\" and \"%.*s\" have the same id %lld",
                        vocabulary->characters + token->content, (int)(length < 99 ? length : 99), content,
                        (long long)id);
    PT__TRY(add_characters(vocabulary, content, length, &token->content));
    token->content_length = (uint32_t)length;
    token->bytes = token->content;
    token->bytes_length = token->content_length;
    token->is_there = 1;
    if (id >= vocabulary->count)
        vocabulary->count = id + 1;
    return PT_OK;
}

pt_status_t pt__vocabulary_restate(pt__vocabulary_t *vocabulary, int32_t id, const uint8_t *bytes, int64_t length)
{
    uint32_t place = 0;
    PT__TRY(add_characters(vocabulary, bytes, length, &place));
    vocabulary->tokens[id].bytes = place;
    vocabulary->tokens[id].bytes_length = (uint32_t)length;
    vocabulary->tokens[id].is_restated = 1;
    return PT_OK;
}

/* ---- Maps ---- */

static pt_status_t make_map(pt__vocabulary_t *vocabulary, pt__token_map_t *map)
{
    uint64_t slots = 16;
    while (slots < 2 * (uint64_t)vocabulary->count)
        slots *= 2;
    PT__TRY(pt__allocate_uninitialised(vocabulary->memory, slots, sizeof *map->slots, "vocabulary", &map->slots));
    memset(map->slots, 0xFF, slots * sizeof *map->slots);
    map->mask = slots - 1;
    return PT_OK;
}

/* The slot of these bytes, or the free one where they would stand. Both kinds of map read the place and the length of
 * what is compared at the same offset within a token. */
static uint64_t find_slot(const pt__vocabulary_t *vocabulary, const pt__token_map_t *map, int32_t of_bytes,
                          const void *bytes, uint32_t length)
{
    uint64_t slot = pt__hash_bytes(0, bytes, length) & map->mask;
    for (; map->slots[slot] >= 0; slot = (slot + 1) & map->mask) {
        const pt__token_t *token = &vocabulary->tokens[map->slots[slot]];
        uint32_t place = of_bytes ? token->bytes : token->content;
        if ((of_bytes ? token->bytes_length : token->content_length) == length &&
            memcmp(vocabulary->characters + place, bytes, length) == 0)
            break;
    }
    return slot;
}

static int32_t find(const pt__vocabulary_t *vocabulary, const pt__token_map_t *map, int32_t of_bytes, const void *bytes,
                    int64_t length)
{
    if (map->slots == NULL || length > MOST_CHARACTERS)
        return -1;
    return map->slots[find_slot(vocabulary, map, of_bytes, bytes, (uint32_t)length)];
}

int32_t pt__vocabulary_find_content(const pt__vocabulary_t *vocabulary, const char *content, int64_t length)
{
    return find(vocabulary, &vocabulary->by_content, 0, content, length);
}

int32_t pt__vocabulary_find(const pt__vocabulary_t *vocabulary, const uint8_t *bytes, int64_t length)
{
    int32_t id = find(vocabulary, &vocabulary->by_bytes, vocabulary->is_byte_level, bytes, length);
    return id >= 0 && vocabulary->tokens[id].is_model ? id : -1;
}

int32_t pt__vocabulary_find_byte(const pt__vocabulary_t *vocabulary, uint8_t byte)
{
    static const char digits[] = "0123456789ABCDEF";
    const char name[] = {'<', '0', 'x', digits[byte >> 4], digits[byte & 15], '>'};
    return pt__vocabulary_find_content(vocabulary, name, (int64_t)sizeof name);
}

/* ---- Bytes as characters ---- */

/* Bytes that are visible characters of Latin-1 stand for themselves, the others, in their order, are U+0100 and on. */
static int32_t is_visible(uint32_t byte)
{
    return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
}

uint32_t pt__byte_character(uint8_t byte)
{
    if (is_visible(byte))
        return byte;
    return byte <= 32 ? 0x100u + byte : byte <= 0xA0 ? 0x121u + byte - 0x7F : 0x143u;
}

int32_t pt__character_byte(uint32_t character)
{
    if (character < 0x100)
        return is_visible(character) ? (int32_t)character : -1;
    if (character <= 0x120)
        return (int32_t)character - 0x100;
    if (character <= 0x142)
        return (int32_t)character - 0x121 + 0x7F;
    return character == 0x143 ? 0xAD : -1;
}

int64_t pt__byte_level_bytes(const char *content, int64_t length, uint8_t *bytes)
{
    int64_t count = 0;
    int32_t step;
    for (int64_t i = 0; i < length; i += step) {
        int32_t byte = pt__character_byte(pt__character_at((const uint8_t *)content + i, &step));
        if (byte < 0)
            return -1;
        bytes[count++] = (uint8_t)byte;
    }
    return count;
}

static pt_status_t make_bytes(pt__vocabulary_t *vocabulary, pt__token_t *token)
{
    uint8_t *bytes;
    pt_status_t status = PT_OK;
    PT__TRY(pt__allocate_uninitialised(vocabulary->memory, token->content_length, 1, "vocabulary", &bytes));
    int64_t length = pt__byte_level_bytes(vocabulary->characters + token->content, token->content_length, bytes);
    if (length < 0)
        token->is_model = 0; /* nothing that the model is given reads so */
    else {
        status = add_characters(vocabulary, bytes, length, &token->bytes);
        token->bytes_length = (uint32_t)length;
    }
    pt__release(vocabulary->memory, bytes);
    return status;
}

pt_status_t pt__vocabulary_finish(pt__vocabulary_t *vocabulary, int32_t is_byte_level)
{
    vocabulary->is_byte_level = is_byte_level;
    PT__TRY(make_map(vocabulary, &vocabulary->by_content));
    if (is_byte_level)
        PT__TRY(make_map(vocabulary, &vocabulary->by_bytes));
    else
        vocabulary->by_bytes = vocabulary->by_content;
    for (int32_t id = 0; id < vocabulary->count; id++) {
        pt__token_t *token = &vocabulary->tokens[id];
        if (!token->is_there)
            continue;
        uint64_t slot = find_slot(vocabulary, &vocabulary->by_content, 0, pt__token_content(vocabulary, id),
                                  token->content_length);
        if (vocabulary->by_content.slots[slot] >= 0)
            return pt__fail(PT_ERR_FORMAT, "token \"%.99s\" has the ids %d and %d", pt__token_content(vocabulary, id),
                            (int)vocabulary->by_content.slots[slot], (int)id);
        vocabulary->by_content.slots[slot] = id;
        if (!is_byte_level)
            continue;
        PT__TRY(make_bytes(vocabulary, token));
        if (!token->is_model)
            continue;
        slot = find_slot(vocabulary, &vocabulary->by_bytes, 1, pt__token_bytes(vocabulary, id), token->bytes_length);
        vocabulary->by_bytes.slots[slot] = id;
    }
    return PT_OK;
}

pt_status_t pt__vocabulary_trie(const pt__vocabulary_t *vocabulary, const pt__json_t *json, int64_t longest,
                                int64_t findable, pt__byte_trie_t *trie)
{
    pt__byte_string_t *strings;
    int64_t count = 0;
    pt_status_t status = PT_OK;
    PT__TRY(pt__allocate(vocabulary->memory, (size_t)vocabulary->count, sizeof *strings, "vocabulary", &strings));
    for (int32_t id = 0; id < vocabulary->count && status == PT_OK; id++) {
        const pt__token_t *token = &vocabulary->tokens[id];
        if (!token->is_model || token->bytes_length == 0 || token->bytes_length > findable)
            continue;
        if (token->bytes_length > longest)
            status = pt__json_fail(json, PT_ERR_UNSUPPORTED, "token %d has %u bytes, expected at most %lld", (int)id,
                                   (unsigned)token->bytes_length, (long long)longest);
        strings[count++] = (pt__byte_string_t){pt__token_bytes(vocabulary, id), token->bytes_length, id};
    }
    if (status == PT_OK)
        status = pt__byte_trie_make(vocabulary->memory, strings, count, trie);
    pt__release(vocabulary->memory, strings);
    return status;
}
