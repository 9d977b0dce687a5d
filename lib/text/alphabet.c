/* "Characters": each character is a token, a blank perhaps written as another one ("|"), and capitals and small letters
 * perhaps the same. A model of ours, for transcripts of speech: the reference has none that refuses a text. */
#include <string.h>

#include "base/json.h"
#include "base/sort.h"
#include "text/characters.h"
#include "text/token_model.h"

typedef struct entry { /* a token by its character in small letters */
    uint32_t code;
    int32_t id;
} entry_t;

typedef struct alphabet {
    const pt__vocabulary_t *vocabulary;
    entry_t *entries;
    const void **sorted; /* [count] entries by code, then id; none where case tells characters apart */
    int64_t count;
    int32_t blank;   /* the token of " "; -1: it is as any other character */
    int32_t unknown; /* -1: there is none */
    int32_t drops, folds;
} alphabet_t;

static void release(void *model)
{
    alphabet_t *alphabet = model;
    if (alphabet == NULL)
        return;
    pt__memory_t *memory = alphabet->vocabulary->memory;
    pt__release(memory, alphabet->entries);
    pt__release(memory, alphabet->sorted);
    pt__release(memory, alphabet);
}

static int compare(const void *a, const void *b, void *user)
{
    const entry_t *left = a, *right = b;
    (void)user;
    if (left->code != right->code)
        return left->code < right->code ? -1 : 1;
    return (left->id > right->id) - (left->id < right->id);
}

static int32_t find_folded(const alphabet_t *alphabet, uint32_t code)
{
    int64_t low = 0, high = alphabet->count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (((const entry_t *)alphabet->sorted[middle])->code < code)
            low = middle + 1;
        else
            high = middle;
    }
    const entry_t *found = low < alphabet->count ? alphabet->sorted[low] : NULL;
    return found != NULL && found->code == code ? found->id : -1;
}

/* In small letters; what becomes two characters stays. */
static uint32_t small(uint32_t code)
{
    uint32_t lower[2];
    if (code < 0x80)
        return code >= 'A' && code <= 'Z' ? code + ('a' - 'A') : code;
    return pt__character_lower(code, lower) == 1 ? lower[0] : code;
}

static int32_t is_character(const pt__vocabulary_t *vocabulary, int64_t id, uint32_t *code)
{
    int32_t length;
    const pt__token_t *token = &vocabulary->tokens[id];
    if (!token->is_there || !token->is_model || token->content_length == 0)
        return 0;
    *code = pt__character_at((const uint8_t *)pt__token_content(vocabulary, (int32_t)id), &length);
    return (uint32_t)length == token->content_length;
}

static pt_status_t add_entries(alphabet_t *alphabet, const pt__json_t *json)
{
    const pt__vocabulary_t *vocabulary = alphabet->vocabulary;
    uint32_t code;
    PT__TRY(pt__allocate(vocabulary->memory, (size_t)vocabulary->count, sizeof *alphabet->entries, "Characters",
                         &alphabet->entries));
    PT__TRY(pt__allocate(vocabulary->memory, (size_t)vocabulary->count, sizeof *alphabet->sorted, "Characters",
                         &alphabet->sorted));
    for (int64_t id = 0; id < vocabulary->count; id++) {
        if (!is_character(vocabulary, id, &code))
            continue;
        if (code >= 0x80 && !pt__characters_known())
            return pt__json_fail(pt__json_find(json, "fold_case"), PT_ERR_UNSUPPORTED,
                                 "capitals beyond ASCII are not known to this build, which is without utf8proc");
        alphabet->entries[alphabet->count] = (entry_t){small(code), (int32_t)id};
        alphabet->sorted[alphabet->count] = &alphabet->entries[alphabet->count];
        alphabet->count++;
    }
    pt__sort(alphabet->sorted, alphabet->count, compare, NULL);
    return PT_OK;
}

static pt_status_t find_token(const pt__json_t *json, const char *key, const pt__vocabulary_t *vocabulary, int32_t *id)
{
    const char *content = NULL;
    *id = -1;
    PT__TRY(pt__json_get_string(json, key, PT__JSON_OPTIONAL, &content));
    if (content == NULL)
        return PT_OK;
    *id = pt__vocabulary_find_content(vocabulary, content, (int64_t)strlen(content));
    return *id >= 0
               ? PT_OK
               : pt__json_fail(pt__json_find(json, key), PT_ERR_FORMAT, "\"%.99s\" is not in the vocabulary", content);
}

static pt_status_t fill(alphabet_t *alphabet, const pt__json_t *json)
{
    const pt__vocabulary_t *vocabulary = alphabet->vocabulary;
    PT__TRY(find_token(json, "delimiter", vocabulary, &alphabet->blank));
    PT__TRY(find_token(json, "unk_token", vocabulary, &alphabet->unknown));
    PT__TRY(pt__json_get_bool(json, "drop_unknown", PT__JSON_OPTIONAL, &alphabet->drops));
    PT__TRY(pt__json_get_bool(json, "fold_case", PT__JSON_OPTIONAL, &alphabet->folds));
    if (alphabet->drops && alphabet->unknown >= 0)
        return pt__json_fail(pt__json_find(json, "drop_unknown"), PT_ERR_FORMAT,
                             "an unk_token is there too: expected one of the two");
    return alphabet->folds ? add_entries(alphabet, json) : PT_OK;
}

static pt_status_t read(const pt__json_t *json, const pt__vocabulary_t *vocabulary, void **out)
{
    alphabet_t *alphabet;
    *out = NULL;
    PT__TRY(pt__allocate(vocabulary->memory, 1, sizeof *alphabet, "Characters", &alphabet));
    alphabet->vocabulary = vocabulary;
    pt_status_t status = fill(alphabet, json);
    if (status == PT_OK)
        *out = alphabet;
    else
        release(alphabet);
    return status;
}

/* -1: the character has no token. */
static int32_t id_of(const alphabet_t *alphabet, const uint8_t *bytes, int32_t length, uint32_t code)
{
    if (code == ' ' && alphabet->blank >= 0)
        return alphabet->blank;
    int32_t id = pt__vocabulary_find(alphabet->vocabulary, bytes, length);
    if (id < 0 && alphabet->folds)
        id = find_folded(alphabet, small(code));
    return id >= 0 ? id : alphabet->unknown;
}

static pt_status_t encode(const void *model, const uint8_t *word, int64_t length, pt__word_tokens_t *tokens)
{
    const alphabet_t *alphabet = model;
    uint32_t left_out = 0; /* bytes before the first token */
    int32_t step;
    for (int64_t at = 0; at < length; at += step) {
        uint32_t code = pt__character_at(word + at, &step);
        int32_t id = id_of(alphabet, word + at, step, code);
        if (id >= 0) {
            PT__TRY(pt__word_tokens_add(tokens, id, left_out + (uint32_t)step));
            left_out = 0;
        } else if (!alphabet->drops) {
            return pt__fail(PT_ERR_FORMAT,
                            "the character \"%.*s\" (U+%04lX), byte %lld of \"%.*s\", is not in the "
                            "alphabet",
                            (int)step, (const char *)word + at, (unsigned long)code, (long long)at,
                            (int)(length < 99 ? length : 99), (const char *)word);
        } else if (tokens->count > 0) {
            tokens->lengths[tokens->count - 1] += (uint32_t)step;
        } else {
            left_out += (uint32_t)step;
        }
    }
    return PT_OK;
}

/* All but the blank go on with a word. */
static int32_t continues(const void *model, const uint8_t *token, int64_t length)
{
    const alphabet_t *alphabet = model;
    const int32_t is_blank = length == 1 && token[0] == ' ';
    return !is_blank &&
           (alphabet->blank < 0 || pt__vocabulary_find(alphabet->vocabulary, token, length) != alphabet->blank);
}

const pt__token_model_t pt__token_model_alphabet = {.name = "Characters",
                                                    .keys = "type vocab delimiter unk_token drop_unknown fold_case",
                                                    .read = read,
                                                    .release = release,
                                                    .encode = encode,
                                                    .continues = continues};
