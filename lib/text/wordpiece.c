/* WordPiece (Schuster 2012; as BERT applies it): the longest token that begins a word, then the longest that goes on
 * with it, written with a prefix in the vocabulary, and so on; a word of which a part has no token is unknown as a
 * whole. */
#include <string.h>

#include "text/byte_trie.h"
#include "text/characters.h"
#include "text/token_model.h"

enum { LONGEST_TOKEN = 512 /* bytes: so far a word is looked at from each place */ };

typedef struct wordpiece {
    pt__memory_t *memory;
    const pt__vocabulary_t *vocabulary;
    pt__byte_trie_t trie;
    uint32_t inside; /* where the trie stands behind the prefix; 0: no token has it, or there is none */
    int64_t prefix_length, longest_word /* characters */;
    int32_t unknown;
} wordpiece_t;

static void release(void *model)
{
    wordpiece_t *wordpiece = model;
    if (wordpiece == NULL)
        return;
    pt__byte_trie_free(&wordpiece->trie);
    pt__release(wordpiece->memory, wordpiece);
}

static pt_status_t read_fields(wordpiece_t *wordpiece, const pt__json_t *json)
{
    const char *unknown = "[UNK]", *prefix = "##";
    wordpiece->longest_word = 100;
    PT__TRY(pt__json_get_string(json, "unk_token", PT__JSON_OPTIONAL, &unknown));
    PT__TRY(pt__json_get_string(json, "continuing_subword_prefix", PT__JSON_OPTIONAL, &prefix));
    PT__TRY(pt__json_get_integer(json, "max_input_chars_per_word", PT__JSON_OPTIONAL, 0, INT32_MAX,
                                 &wordpiece->longest_word));
    wordpiece->prefix_length = (int64_t)strlen(prefix);
    wordpiece->unknown = pt__vocabulary_find_content(wordpiece->vocabulary, unknown, (int64_t)strlen(unknown));
    if (wordpiece->unknown < 0)
        return pt__json_fail(json, PT_ERR_FORMAT, "unk_token \"%s\" is not in the vocabulary", unknown);
    const int64_t findable = 4 * wordpiece->longest_word + wordpiece->prefix_length; /* longer words are unknown */
    PT__TRY(pt__vocabulary_trie(wordpiece->vocabulary, json, LONGEST_TOKEN, findable, &wordpiece->trie));
    for (; *prefix != 0; prefix++) {
        wordpiece->inside = pt__byte_trie_next(&wordpiece->trie, wordpiece->inside, (uint8_t)*prefix);
        if (wordpiece->inside == 0)
            break;
    }
    return PT_OK;
}

static pt_status_t read(const pt__json_t *json, const pt__vocabulary_t *vocabulary, void **out)
{
    wordpiece_t *wordpiece;
    *out = NULL;
    PT__TRY(pt__allocate(vocabulary->memory, 1, sizeof *wordpiece, "WordPiece", &wordpiece));
    wordpiece->memory = vocabulary->memory;
    wordpiece->vocabulary = vocabulary;
    pt_status_t status = read_fields(wordpiece, json);
    if (status == PT_OK)
        *out = wordpiece;
    else
        release(wordpiece);
    return status;
}

static int64_t count_characters(const uint8_t *word, int64_t length)
{
    int64_t count = 0;
    for (int64_t i = 0; i < length; i++)
        count += (word[i] & 0xC0) != 0x80;
    return count;
}

static int32_t continues(const void *model, const uint8_t *token, int64_t length)
{
    const wordpiece_t *wordpiece = model;
    uint32_t unit = 0;
    for (int64_t i = 0; i < wordpiece->prefix_length && i < length; i++) {
        unit = pt__byte_trie_next(&wordpiece->trie, unit, token[i]);
        if (unit == 0)
            return 0;
    }
    return wordpiece->inside != 0 && unit == wordpiece->inside && length > wordpiece->prefix_length;
}

/* The longest token that word[at ..] begins with; *length is its part of the word. -1: none. */
static int32_t longest(const wordpiece_t *wordpiece, const uint8_t *word, int64_t at, int64_t end, int64_t *length)
{
    uint32_t unit = at > 0 ? wordpiece->inside : 0;
    int32_t found = -1;
    if (at > 0 && wordpiece->prefix_length > 0 && unit == 0)
        return -1;
    for (int64_t next = at; next < end;) {
        unit = pt__byte_trie_next(&wordpiece->trie, unit, word[next++]);
        if (unit == 0)
            break;
        const int32_t id = pt__byte_trie_number(&wordpiece->trie, unit);
        if (id < 0 || (!wordpiece->vocabulary->is_byte_level && next < end && (word[next] & 0xC0) == 0x80))
            continue; /* none, or not the end of a character */
        found = id;
        *length = next - at;
    }
    return found;
}

static pt_status_t encode(const void *model, const uint8_t *word, int64_t length, pt__word_tokens_t *tokens)
{
    const wordpiece_t *wordpiece = model;
    const int64_t before = tokens->count;
    const int64_t size = wordpiece->vocabulary->is_byte_level ? length : count_characters(word, length);
    int32_t is_unknown = size > wordpiece->longest_word;
    for (int64_t at = 0, step; at < length && !is_unknown; at += step) {
        int32_t id = longest(wordpiece, word, at, length, &step);
        is_unknown = id < 0;
        if (id >= 0)
            PT__TRY(pt__word_tokens_add(tokens, id, (uint32_t)step));
    }
    if (!is_unknown)
        return PT_OK;
    tokens->count = before;
    return pt__word_tokens_add(tokens, wordpiece->unknown, (uint32_t)length);
}

const pt__token_model_t pt__token_model_wordpiece = {
    .name = "WordPiece",
    .keys = "type unk_token continuing_subword_prefix max_input_chars_per_word vocab",
    .read = read,
    .release = release,
    .encode = encode,
    .continues = continues};
