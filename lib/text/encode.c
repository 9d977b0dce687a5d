/* A text's way through a tokenizer: cut at added tokens, normalised, cut again, cut into words, and each word into
 * tokens, depth first: nothing of the text is copied but where a stage edits it. */
#include <string.h>

#include "base/utf8.h"
#include "text/tokenizer.h"

enum {
    CUTS = 64, /* pieces that are cut before the first of them is encoded, so that the cache is asked for all of them */
    ROOM = CUTS * PT__SHORT_TOKENS,
    STEPS = 2 * PT__STAGES_MOST + 2 /* added tokens, normalizers, added tokens, pre-tokenizers */
};

struct pt__encoder {
    pt_tokenizer_t *tokenizer;
    pt__encoding_t *encoding;
    pt__piece_cache_t cache;
    pt__word_tokens_t word;
    pt__encoding_t buffers[2];
    pt__edited_t edited[STEPS]; /* of the steps that edit */
    pt__word_fn *tell;          /* words go here in place of the model */
    void *told;
};

pt_status_t pt__word_tokens_add(pt__word_tokens_t *tokens, int32_t id, uint32_t length)
{
    PT__TRY(pt__grow(tokens->memory, &tokens->ids, &tokens->ids_capacity, tokens->count + 1, sizeof *tokens->ids,
                     "tokens"));
    PT__TRY(pt__grow(tokens->memory, &tokens->lengths, &tokens->lengths_capacity, tokens->count + 1,
                     sizeof *tokens->lengths, "tokens"));
    tokens->ids[tokens->count] = id;
    tokens->lengths[tokens->count++] = length;
    return PT_OK;
}

/* ---- What comes out ---- */

static pt_status_t make_room(pt__encoding_t *encoding, int64_t tokens)
{
    PT__TRY(pt__grow(encoding->memory, &encoding->ids, &encoding->ids_capacity, encoding->count + tokens,
                     sizeof *encoding->ids, "tokens"));
    return encoding->wants_spans ? pt__grow(encoding->memory, &encoding->spans, &encoding->spans_capacity,
                                            encoding->count + tokens, sizeof *encoding->spans, "spans of tokens")
                                 : PT_OK;
}

pt_status_t pt__encoding_add(pt__encoding_t *encoding, int32_t id, pt__cut_t span)
{
    PT__TRY(make_room(encoding, 1));
    encoding->ids[encoding->count] = id;
    if (encoding->wants_spans)
        encoding->spans[encoding->count] = span;
    encoding->count++;
    return PT_OK;
}

void pt__encoding_free(pt__encoding_t *encoding)
{
    if (encoding->memory == NULL)
        return;
    pt__release(encoding->memory, encoding->ends);
    pt__release(encoding->memory, encoding->segments);
    pt__release(encoding->memory, encoding->spans);
    pt__release(encoding->memory, encoding->ids);
    memset(encoding, 0, sizeof *encoding);
}

/* ---- Words ---- */

/* Puts a token of the word at *at. */
static inline void put(pt__encoding_t *encoding, const pt__passage_t *passage, int64_t *at, int32_t id, uint32_t length)
{
    encoding->ids[encoding->count] = id;
    if (encoding->wants_spans)
        encoding->spans[encoding->count] = pt__passage_origin(passage, *at, *at + length);
    encoding->count++;
    *at += length;
}

/* The ids of a short word where no spans are wanted, all four, as a processor cannot foresee how many there are:
 * returns that number. */
static inline int64_t put_short_ids(int32_t *ids, const uint32_t packed[PT__SHORT_TOKENS])
{
    const uint64_t of_both = (uint64_t)PT__PACKED_ID << 32 | PT__PACKED_ID;
    uint64_t pairs[2];
    memcpy(pairs, packed, sizeof pairs);
    pairs[0] &= of_both;
    pairs[1] &= of_both;
    memcpy(ids, pairs, sizeof pairs);
    return 1 + (packed[0] >> PT__SHORT_COUNT_AT);
}

/* There is room. */
static inline void put_short(pt__encoding_t *encoding, const pt__passage_t *passage, int64_t at,
                             const uint32_t packed[PT__SHORT_TOKENS])
{
    for (uint32_t i = 0; i <= packed[0] >> PT__SHORT_COUNT_AT; i++)
        put(encoding, passage, &at, (int32_t)(packed[i] & PT__PACKED_ID),
            packed[i] >> PT__PACKED_LENGTH_AT & PT__SHORT_LENGTH);
}

/* `packed` ends with a 0 or with its last. There is room. */
static inline void put_long(pt__encoding_t *encoding, const pt__passage_t *passage, int64_t at,
                            const uint32_t packed[PT__LONG_TOKENS])
{
    for (int32_t i = 0; i < PT__LONG_TOKENS && packed[i] != 0; i++)
        put(encoding, passage, &at, (int32_t)(packed[i] & PT__PACKED_ID), packed[i] >> PT__PACKED_LENGTH_AT);
}

static pt_status_t encode_anew(pt__encoder_t *encoder, const pt__passage_t *passage, pt__cut_t cut)
{
    const pt_tokenizer_t *tokenizer = encoder->tokenizer;
    pt__encoding_t *encoding = encoder->encoding;
    int64_t at = cut.begin;
    encoder->word.count = 0;
    PT__TRY(tokenizer->kind->encode(tokenizer->model, passage->bytes + cut.begin, cut.end - cut.begin, &encoder->word));
    PT__TRY(make_room(encoding, encoder->word.count));
    for (int64_t i = 0; i < encoder->word.count; i++)
        put(encoding, passage, &at, encoder->word.ids[i], encoder->word.lengths[i]);
    return PT_OK;
}

/* A word that is too long, or has too many tokens, for other entries. */
static pt_status_t encode_huge(pt__encoder_t *encoder, const pt__passage_t *passage, pt__cut_t cut)
{
    const uint8_t *word = passage->bytes + cut.begin;
    const int64_t length = cut.end - cut.begin;
    pt__encoding_t *encoding = encoder->encoding;
    uint64_t hash;
    int64_t at = cut.begin;
    if (length > PT__HUGE_PIECE)
        return encode_anew(encoder, passage, cut);
    const pt__huge_piece_t *known = pt__huge_find(&encoder->cache, word, length, &hash);
    if (known == NULL) {
        PT__TRY(encode_anew(encoder, passage, cut));
        return length > PT__LONG_PIECE || encoder->word.count > PT__LONG_TOKENS
                   ? pt__huge_keep(&encoder->cache, hash, word, length, &encoder->word)
                   : PT_OK;
    }
    PT__TRY(make_room(encoding, known->count));
    const int32_t *ids = pt__huge_ids(&encoder->cache, known);
    const uint16_t *lengths = pt__huge_lengths(&encoder->cache, known);
    if (!encoding->wants_spans) {
        memcpy(encoding->ids + encoding->count, ids, known->count * sizeof *ids);
        encoding->count += known->count;
        return PT_OK;
    }
    for (int32_t i = 0; i < known->count; i++)
        put(encoding, passage, &at, ids[i], lengths[i]);
    return PT_OK;
}

/* A word that is too long, or has too many tokens, for the entries of short ones. */
static pt_status_t encode_long(pt__encoder_t *encoder, const pt__passage_t *passage, pt__cut_t cut)
{
    uint64_t key[8];
    if (cut.end - cut.begin > PT__LONG_PIECE)
        return encode_huge(encoder, passage, cut);
    const pt__long_piece_t *known = pt__long_find(&encoder->cache, passage->bytes + cut.begin, cut.end - cut.begin,
                                                  key);
    if (known != NULL) {
        PT__TRY(make_room(encoder->encoding, PT__LONG_TOKENS));
        put_long(encoder->encoding, passage, cut.begin, known->tokens);
        return PT_OK;
    }
    PT__TRY(cut.end - cut.begin > PT__LONG_TOKENS ? encode_huge(encoder, passage, cut)
                                                  : encode_anew(encoder, passage, cut));
    return cut.end - cut.begin > PT__SHORT_PIECE || encoder->word.count > PT__SHORT_TOKENS
               ? pt__long_keep(&encoder->cache, key, &encoder->word)
               : PT_OK;
}

/* A word, and in which set of the cache it is looked for first. */
typedef struct sought {
    uint64_t key[2];
    uint32_t set;
} sought_t;

/* The keys of all words, so that the processor fetches their entries side by side. No short word has a long one's. */
static void seek(const pt__piece_cache_t *cache, const pt__passage_t *passage, const pt__cut_t *cuts, int32_t count,
                 sought_t *sought)
{
    uint8_t last[16] = {0}; /* a word's bytes at the text's end */
    for (int32_t i = 0; i < count; i++) {
        const uint32_t begin = cuts[i].begin, length = cuts[i].end - begin;
        const uint8_t *word = passage->bytes + begin;
        if (length > PT__SHORT_PIECE) {
            sought[i] = (sought_t){.key = {UINT64_MAX, UINT64_MAX}};
            continue;
        }
        if (begin + (int64_t)sizeof last > passage->size)
            word = memcpy(last, word, length);
        pt__short_key(word, length, sought[i].key);
        sought[i].set = pt__short_set(cache, pt__short_hash(sought[i].key), 0);
        PT__PREFETCH(cache->shorts[sought[i].set]);
    }
}

/* A word that is not where it was looked for first. Then there is room for CUTS words more. */
static pt_status_t encode_other(pt__encoder_t *encoder, const pt__passage_t *passage, pt__cut_t cut,
                                const uint64_t key[2])
{
    const int32_t is_short = cut.end - cut.begin <= PT__SHORT_PIECE;
    const pt__short_piece_t *known = is_short ? pt__short_find(&encoder->cache, key) : NULL;
    if (known != NULL) {
        put_short(encoder->encoding, passage, cut.begin, known->tokens);
        return PT_OK;
    }
    encoder->word.count = 0;
    PT__TRY(encode_long(encoder, passage, cut));
    if (is_short)
        PT__TRY(pt__short_keep(&encoder->cache, key, &encoder->word));
    return make_room(encoder->encoding, ROOM);
}

/* At most CUTS words. */
static pt_status_t encode_words(pt__encoder_t *encoder, const pt__passage_t *passage, const pt__cut_t *cuts,
                                int32_t count)
{
    sought_t sought[CUTS];
    pt__encoding_t *encoding = encoder->encoding;
    for (int32_t i = 0; encoder->tell != NULL && i < count; i++)
        PT__TRY(encoder->tell(encoder->told, passage->bytes + cuts[i].begin, cuts[i].end - cuts[i].begin));
    if (encoder->tell != NULL)
        return PT_OK;
    seek(&encoder->cache, passage, cuts, count, sought);
    PT__TRY(make_room(encoding, ROOM));
    int32_t *to = encoding->ids + encoding->count;
    const int32_t wants_spans = encoding->wants_spans;
    for (int32_t i = 0; i < count; i++) {
        const pt__short_piece_t *known = pt__short_find_in(encoder->cache.shorts[sought[i].set], sought[i].key);
        if (known != NULL && !wants_spans) {
            to += put_short_ids(to, known->tokens);
            continue;
        }
        encoding->count = to - encoding->ids;
        if (known != NULL)
            put_short(encoding, passage, cuts[i].begin, known->tokens);
        else
            PT__TRY(encode_other(encoder, passage, cuts[i], sought[i].key));
        to = encoding->ids + encoding->count;
    }
    encoding->count = to - encoding->ids;
    return PT_OK;
}

/* ---- Steps ---- */

static pt_status_t run(pt__encoder_t *encoder, int32_t step, const pt__passage_t *passage, int64_t begin, int64_t end);

static pt_status_t run_added(pt__encoder_t *encoder, int32_t step, const pt__added_tokens_t *added,
                             const pt__passage_t *passage, int64_t begin, int64_t end)
{
    for (int64_t at = begin; at < end;) {
        pt__added_match_t match = pt__added_tokens_find(added, passage->bytes, begin, at, end);
        if (match.begin > at)
            PT__TRY(run(encoder, step + 1, passage, at, match.begin));
        if (match.token != NULL)
            PT__TRY(pt__encoding_add(encoder->encoding, match.token->id,
                                     pt__passage_origin(passage, match.begin, match.end)));
        at = match.end;
    }
    return PT_OK;
}

static pt_status_t run_edit(pt__encoder_t *encoder, int32_t step, const pt__stage_t *stage,
                            const pt__passage_t *passage, int64_t begin, int64_t end)
{
    pt__edited_t *edited = &encoder->edited[step];
    edited->memory = &encoder->tokenizer->context->memory;
    edited->wants_spans = encoder->encoding->wants_spans || step < encoder->tokenizer->origin_steps;
    edited->size = 0;
    PT__TRY(stage->edit(stage->settings, passage, begin, end, edited));
    pt__passage_t after = {.bytes = edited->bytes,
                           .size = edited->size,
                           .begins = edited->wants_spans ? edited->begins : NULL,
                           .ends = edited->wants_spans ? edited->ends : NULL};
    return edited->size > 0 ? run(encoder, step + 1, &after, 0, edited->size) : PT_OK;
}

static pt_status_t run_scan(pt__encoder_t *encoder, int32_t step, int32_t is_last, const pt__stage_t *stage,
                            const pt__passage_t *passage, int64_t begin, int64_t end)
{
    pt__cut_t cuts[CUTS];
    pt__cutting_t cutting = {.text = passage->bytes, .begin = begin, .end = end, .at = begin, .covered = begin};
    for (int64_t at = begin;;) {
        int32_t count = 0;
        if (stage->cut != NULL)
            PT__TRY(stage->cut(stage->settings, &cutting, cuts, CUTS, &count));
        else
            count = stage->scan(stage->settings, passage->bytes, &at, end, cuts, CUTS);
        if (count == 0)
            return PT_OK;
        if (is_last)
            PT__TRY(encode_words(encoder, passage, cuts, count));
        for (int32_t i = 0; i < count && !is_last; i++)
            PT__TRY(run(encoder, step + 1, passage, cuts[i].begin, cuts[i].end));
    }
}

/* passage[begin .. end), at least one byte, from step on: 0 is added tokens, then come normalizers, added tokens,
 * pre-tokenizers, and the model. */
static pt_status_t run(pt__encoder_t *encoder, int32_t step, const pt__passage_t *passage, int64_t begin, int64_t end)
{
    const pt_tokenizer_t *tokenizer = encoder->tokenizer;
    int32_t index = step;
    for (int32_t part = 0; part < 2; part++) {
        const pt__stages_t *stages = &tokenizer->stages[part];
        if (index == 0)
            return run_added(encoder, step, &tokenizer->added[part], passage, begin, end);
        index--;
        if (index < stages->count) {
            const pt__stage_t *stage = &stages->list[index];
            return stage->edit != NULL
                       ? run_edit(encoder, step, stage, passage, begin, end)
                       : run_scan(encoder, step, part == 1 && index + 1 == stages->count, stage, passage, begin, end);
        }
        index -= stages->count;
    }
    const pt__cut_t whole = {(uint32_t)begin, (uint32_t)end};
    return encode_words(encoder, passage, &whole, 1);
}

/* ---- Encoders ---- */

void pt__encoder_free(pt_tokenizer_t *tokenizer, pt__encoder_t *encoder)
{
    pt__memory_t *memory = &tokenizer->context->memory;
    if (encoder == NULL)
        return;
    for (int32_t i = 0; i < STEPS; i++)
        pt__edited_free(&encoder->edited[i]);
    for (int32_t i = 0; i < 2; i++)
        pt__encoding_free(&encoder->buffers[i]);
    pt__release(memory, encoder->word.lengths);
    pt__release(memory, encoder->word.ids);
    pt__piece_cache_free(&encoder->cache);
    pt__release(memory, encoder);
}

pt_status_t pt__encoder_get(pt_tokenizer_t *tokenizer, int32_t thread, pt__encoder_t **out)
{
    pt__memory_t *memory = &tokenizer->context->memory;
    pt__encoder_t *encoder;
    *out = tokenizer->encoders[thread];
    if (*out != NULL)
        return PT_OK;
    PT__TRY(pt__allocate(memory, 1, sizeof *encoder, "encoder", &encoder));
    encoder->tokenizer = tokenizer;
    encoder->word.memory = memory;
    pt_status_t status = pt__piece_cache_make(memory, &encoder->cache);
    if (status == PT_OK)
        *out = tokenizer->encoders[thread] = encoder;
    else
        pt__release(memory, encoder);
    return status;
}

pt__encoding_t *pt__encoder_buffer(pt__encoder_t *encoder, int32_t which)
{
    return &encoder->buffers[which];
}

static pt_status_t check_text(const char *text, int64_t length)
{
    if (length >= UINT32_MAX)
        return pt__fail(PT_ERR_UNSUPPORTED, "the text has %lld bytes, expected fewer than %lld", (long long)length,
                        (long long)UINT32_MAX);
    const int64_t valid = pt__utf8_valid(text, length);
    return valid == length ? PT_OK
                           : pt__fail(PT_ERR_FORMAT, "the text is not UTF-8 at byte %lld (0x%02x)", (long long)valid,
                                      (unsigned)(unsigned char)text[valid]);
}

pt_status_t pt__encoder_run(pt__encoder_t *encoder, const char *text, int64_t length, int32_t wants_spans,
                            pt__encoding_t *buffer)
{
    const pt__passage_t passage = {.bytes = (const uint8_t *)text, .size = length};
    buffer->memory = &encoder->tokenizer->context->memory;
    buffer->count = 0;
    buffer->wants_spans = wants_spans;
    encoder->encoding = buffer;
    PT__TRY(check_text(text, length));
    return length > 0 ? run(encoder, 0, &passage, 0, length) : PT_OK;
}

pt_status_t pt__encoder_words(pt__encoder_t *encoder, const char *text, int64_t length, pt__word_fn *tell, void *user)
{
    encoder->tell = tell;
    encoder->told = user;
    pt_status_t status = pt__encoder_run(encoder, text, length, 0, &encoder->buffers[0]);
    encoder->tell = NULL;
    return status;
}
