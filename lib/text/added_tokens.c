/* See added_tokens.h. */
#include "text/added_tokens.h"

#include <string.h>

#include "base/sort.h"
#include "text/characters.h"

void pt__added_tokens_free(pt__added_tokens_t *tokens)
{
    for (int64_t i = 0; i < tokens->count; i++) {
        pt__release(tokens->memory, tokens->list[i]->bytes);
        pt__release(tokens->memory, tokens->list[i]);
    }
    if (tokens->memory != NULL)
        pt__release(tokens->memory, tokens->list);
    memset(tokens, 0, sizeof *tokens);
}

pt_status_t pt__added_tokens_add(pt__added_tokens_t *tokens, const pt__added_token_t *token)
{
    pt__added_token_t *own = NULL;
    pt_status_t status = pt__grow(tokens->memory, &tokens->list, &tokens->capacity, tokens->count + 1,
                                  sizeof *tokens->list, "added tokens");
    if (status == PT_OK)
        status = pt__allocate(tokens->memory, 1, sizeof *own, "added token", &own);
    if (status != PT_OK) {
        pt__release(tokens->memory, token->bytes);
        return status;
    }
    *own = *token;
    tokens->list[tokens->count++] = own;
    return PT_OK;
}

static int compare(const void *a, const void *b, void *user)
{
    const pt__added_token_t *first = a, *second = b;
    int64_t shorter = first->length < second->length ? first->length : second->length;
    int order = memcmp(first->bytes, second->bytes, (size_t)shorter);
    (void)user;
    return order != 0 ? order : first->length < second->length ? -1 : first->length > second->length;
}

void pt__added_tokens_finish(pt__added_tokens_t *tokens)
{
    pt__sort((const void **)(void *)tokens->list, tokens->count, compare, NULL);
    for (int64_t i = 0; i < tokens->count; i++)
        tokens->begins[tokens->list[i]->bytes[0]] = 1;
    if (tokens->count == 0)
        return;
    const pt__added_token_t *first = tokens->list[0], *last = tokens->list[tokens->count - 1];
    while (tokens->n_shared < first->length && tokens->n_shared < last->length &&
           first->bytes[tokens->n_shared] == last->bytes[tokens->n_shared])
        tokens->n_shared++;
}

/* Narrows [*low, *high), tokens that agree up to `depth`, to those with this byte there. */
static void narrow(const pt__added_tokens_t *tokens, int64_t depth, int32_t byte, int64_t *low, int64_t *high)
{
    int64_t bounds[2];
    for (int32_t side = 0; side < 2; side++) {
        int64_t first = *low, last = *high;
        while (first < last) {
            int64_t middle = first + (last - first) / 2;
            const pt__added_token_t *token = tokens->list[middle];
            int32_t found = token->length > depth ? token->bytes[depth] : -1;
            if (found < byte + side)
                first = middle + 1;
            else
                last = middle;
        }
        bounds[side] = first;
    }
    *low = bounds[0];
    *high = bounds[1];
}

static int64_t previous(const uint8_t *text, int64_t at)
{
    do
        at--;
    while ((text[at] & 0xC0) == 0x80);
    return at;
}

static int32_t stands_alone(const uint8_t *text, int64_t from, int64_t begin, int64_t after, int64_t end)
{
    int32_t length;
    if (begin > from && pt__character_is_word(pt__character_at(text + previous(text, begin), &length)))
        return 0;
    return after >= end || !pt__character_is_word(pt__character_at(text + after, &length));
}

static int32_t is_space(const uint8_t *text, int64_t at, int32_t *length)
{
    return pt__character_is_space(pt__character_at(text + at, length));
}

static void take_spaces(const uint8_t *text, int64_t from, int64_t end, pt__added_match_t *match)
{
    int32_t length;
    while (match->token->takes_left && match->begin > from && is_space(text, previous(text, match->begin), &length))
        match->begin = previous(text, match->begin);
    while (match->token->takes_right && match->end < end && is_space(text, match->end, &length))
        match->end += length;
}

static int64_t next_byte(const uint8_t *text, int64_t at, int64_t end, uint8_t byte)
{
    const uint8_t *next = at < end ? memchr(text + at, byte, (size_t)(end - at)) : NULL;
    return next == NULL ? end : next - text;
}

/* The first place from `at` on of two bytes, one behind the other, or, near the end, of the first of them; `end`: there
 * is none. Of HTML each tenth byte is a "<", but not with a "|" behind it. */
static int64_t next_pair(const uint8_t *text, int64_t at, int64_t end, const uint8_t bytes[2])
{
    for (; end - at > 16 && bytes[0] < 0x80 && bytes[1] < 0x80; at += 16) {
        const uint64_t found = pt__sixteen_equal(pt__sixteen_load(text + at), (signed char)bytes[0]) &
                               pt__sixteen_equal(pt__sixteen_load(text + at + 1), (signed char)bytes[1]);
        if (found != 0)
            return at + pt__trailing_zeros(found);
    }
    return next_byte(text, at, end, bytes[0]);
}

/* The first place from `at` on where a token may begin; `end`: there is none. */
static int64_t next_begin(const pt__added_tokens_t *tokens, const uint8_t *text, int64_t at, int64_t end)
{
    const int64_t shared = tokens->n_shared;
    if (shared == 0) {
        while (at < end && !tokens->begins[text[at]])
            at++;
        return at;
    }
    for (const uint8_t *bytes = tokens->list[0]->bytes; end - at >= shared; at++) {
        at = shared > 1 ? next_pair(text, at, end, bytes) : next_byte(text, at, end, bytes[0]);
        if (end - at >= shared && memcmp(text + at, bytes, (size_t)shared) == 0)
            return at;
    }
    return end;
}

pt__added_match_t pt__added_tokens_find(const pt__added_tokens_t *tokens, const uint8_t *text, int64_t from, int64_t at,
                                        int64_t end)
{
    pt__added_match_t match = {NULL, end, end};
    const int64_t start = at;
    for (; tokens->count > 0; at++) {
        at = next_begin(tokens, text, at, end);
        if (at >= end)
            break;
        int64_t low = 0, high = tokens->count;
        const pt__added_token_t *longest = NULL;
        for (int64_t depth = 0; at + depth < end; depth++) {
            narrow(tokens, depth, text[at + depth], &low, &high);
            if (low == high)
                break;
            if (tokens->list[low]->length == depth + 1)
                longest = tokens->list[low];
        }
        if (longest == NULL)
            continue;
        if (longest->is_single_word && !stands_alone(text, from, at, at + longest->length, end)) {
            at += longest->length - 1; /* the reference goes on behind it too */
            continue;
        }
        match = (pt__added_match_t){longest, at, at + longest->length};
        take_spaces(text, start, end, &match);
        return match;
    }
    return match;
}
