#include "train/text_stream.h"

#include <string.h>

#include "base/utf8.h"

pt_status_t pt__stop_strings_read(pt__memory_t *memory, const char *const *given, int64_t count, const char *what,
                                  pt__stop_strings_t *out)
{
    size_t bytes = 0;
    pt_status_t status;
    *out = (pt__stop_strings_t){0};
    if (count < 0 || (count > 0 && given == NULL))
        return pt__fail(PT_ERR_ARGUMENT, "%s is NULL or their number, %lld, is negative", what, (long long)count);
    for (int64_t i = 0; i < count; i++) {
        if (given[i] == NULL || *given[i] == 0 || !pt__utf8_is(given[i]))
            return pt__fail(PT_ERR_ARGUMENT, "%s[%lld] is %s, expected at least one character of UTF-8", what,
                            (long long)i,
                            given[i] == NULL ? "NULL"
                            : *given[i] == 0 ? "empty"
                                             : "not UTF-8");
        bytes += strlen(given[i]);
    }
    PT__TRY_OUT(pt__allocate(memory, bytes, 1, what, &out->bytes));
    PT__TRY_OUT(pt__allocate(memory, (size_t)count, sizeof *out->lengths, what, &out->lengths));
    out->count = count;
    bytes = 0;
    for (int64_t i = 0; i < count; i++) {
        const size_t length = strlen(given[i]);
        memcpy(out->bytes + bytes, given[i], length);
        bytes += length;
        out->lengths[i] = (int64_t)length;
        out->longest = (int64_t)length > out->longest ? (int64_t)length : out->longest;
    }
    return PT_OK;
out:
    pt__stop_strings_release(memory, out);
    return status;
}

void pt__stop_strings_release(pt__memory_t *memory, pt__stop_strings_t *strings)
{
    pt__release(memory, strings->bytes);
    pt__release(memory, strings->lengths);
    *strings = (pt__stop_strings_t){0};
}

/* What the decoders have become certain of, behind the rest. */
static pt_status_t take(pt__text_stream_t *stream)
{
    int64_t length;
    const uint8_t *text = pt__decoding_text(&stream->decoding, &length);
    PT__TRY(pt__grow(stream->memory, &stream->bytes, &stream->capacity, stream->length + length + 1, 1, "text"));
    if (length > 0)
        memcpy(stream->bytes + stream->length, text, (size_t)length);
    stream->length += length;
    pt__decoding_take(&stream->decoding);
    return PT_OK;
}

pt_status_t pt__text_stream_start(pt__memory_t *memory, const pt_tokenizer_t *tokenizer, const int32_t *tokens,
                                  int64_t count, pt__text_stream_t *out)
{
    *out = (pt__text_stream_t){.tokenizer = tokenizer, .memory = memory};
    pt__decoding_start(&out->decoding, &tokenizer->decoders);
    pt_status_t status = pt__tokenizer_decode(tokenizer, tokens, count, 0, 0, &out->decoding);
    if (status == PT_OK)
        pt__decoding_take(&out->decoding);
    else
        pt__text_stream_release(out);
    return status;
}

void pt__text_stream_release(pt__text_stream_t *stream)
{
    if (stream->tokenizer == NULL)
        return;
    pt__decoding_free(&stream->decoding);
    pt__release(stream->memory, stream->bytes);
    *stream = (pt__text_stream_t){0};
}

/* Where the first stop string begins, at `from` or behind it; the length of the text where there is none. */
static int64_t find_stop(const pt__text_stream_t *stream, int64_t from, const pt__stop_strings_t *stops)
{
    for (int64_t at = from; at < stream->length; at++) {
        const char *stop = stops->bytes;
        for (int64_t i = 0; i < stops->count; stop += stops->lengths[i++])
            if (stops->lengths[i] <= stream->length - at &&
                memcmp(stream->bytes + at, stop, (size_t)stops->lengths[i]) == 0)
                return at;
    }
    return stream->length;
}

/* Whether the text from there on may be the begin of a stop string. */
static int32_t may_stop(const pt__text_stream_t *stream, int64_t at, const pt__stop_strings_t *stops)
{
    const char *stop = stops->bytes;
    for (int64_t i = 0; i < stops->count; stop += stops->lengths[i++])
        if (stream->length - at < stops->lengths[i] &&
            memcmp(stream->bytes + at, stop, (size_t)(stream->length - at)) == 0)
            return 1;
    return 0;
}

pt_status_t pt__text_stream_add(pt__text_stream_t *stream, int32_t token, int32_t is_last,
                                const pt__stop_strings_t *stops, int32_t *stopped)
{
    PT__TRY(pt__tokenizer_decode(stream->tokenizer, &token, 1, 0, is_last, &stream->decoding));
    PT__TRY(take(stream));
    /* what is told holds no begin of a stop string that the rest could complete */
    const int64_t found = find_stop(stream, stream->told, stops);
    *stopped = found < stream->length;
    stream->length = found;
    if (!is_last && !*stopped)
        while (stream->told < stream->length && !may_stop(stream, stream->told, stops))
            stream->told++;
    else
        stream->told = stream->length;
    return PT_OK;
}
