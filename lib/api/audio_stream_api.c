/* Rows of a recording as it comes, for hosts. */
#include "api/api.h"
#include "api/audio_options.h"
#include "audio/audio_stream.h"
#include "base/array.h"
#include "base/context.h"
#include "base/dtype.h"

struct pt_audio_stream {
    pt_context_t *context;
    pt__audio_stream_t *stream;
    char message[PT__MESSAGE_SIZE]; /* of the last call on this handle that failed */
};

static pt_status_t create(pt_context_t *context, const pt_audio_options_t *options, double rate, int32_t channels,
                          pt_audio_stream_t **out)
{
    pt_audio_options_t known;
    pt_audio_stream_t *stream;
    PT__TRY(pt__audio_options_read(options, &known));
    PT__TRY(pt__allocate(&context->memory, 1, sizeof *stream, "stream of a recording", &stream));
    pt_status_t status = pt__audio_stream_create(&context->memory, &known, rate, channels, &stream->stream);
    if (status != PT_OK) {
        pt__release(&context->memory, stream);
        return status;
    }
    stream->context = pt__context_retain(context);
    *out = stream;
    return PT_OK;
}

pt_status_t pt_audio_stream_create(pt_context_t *context, const pt_audio_options_t *options, double rate,
                                   int32_t channels, pt_audio_stream_t **out)
{
    PT__ENTER();
    PT__NEED_OUT(out);
    PT__NEED(context);
    return pt__context_keep(context, create(context, options, rate, channels, out));
}

/* ---- Samples ---- */

/* Whole numbers are of PCM: what their range is to them, -1 to 1 is to floats. */
static pt_status_t scale(int32_t dtype, float *samples, int64_t count)
{
    const float middle = dtype == PT_UINT8 ? 128 : 0;
    const float factor = dtype == PT_UINT8   ? 1.0F / 128
                         : dtype == PT_INT16 ? 1.0F / 32768
                         : dtype == PT_INT32 ? 1.0F / 2147483648
                                             : 1;
    if (factor == 1 && dtype != PT_FLOAT32 && dtype != PT_FLOAT64)
        return pt__fail(PT_ERR_ARGUMENT,
                        "pt_audio_stream_push: samples are %s, expected float32, float64, int16, int32 or uint8",
                        pt__dtype_name(dtype));
    for (int64_t i = 0; i < count && factor != 1; i++)
        samples[i] = (samples[i] - middle) * factor;
    return PT_OK;
}

static pt_status_t push(pt_audio_stream_t *stream, const pt_array_t *given, uint32_t array_size)
{
    static const char what[] = "pt_audio_stream_push: samples";
    pt__memory_t *memory = &stream->context->memory;
    const int32_t channels = pt__audio_stream_channels(stream->stream);
    pt_array_t array;
    float *samples;
    pt_status_t status;
    PT__TRY(pt__array_read(given, array_size, what, &array));
    if (array.elements < 0 || array.elements % channels != 0)
        return pt__fail(PT_ERR_ARGUMENT, "%s: %lld elements, expected a multiple of the %ld channels", what,
                        (long long)array.elements, (long)channels);
    PT__TRY(pt__allocate_uninitialised(memory, (size_t)array.elements, sizeof *samples, "samples of a recording",
                                       &samples));
    PT__TRY_OUT(pt__dtype_convert(what, array.dtype, array.data, PT_FLOAT32, samples, array.elements));
    PT__TRY_OUT(scale(array.dtype, samples, array.elements));
    status = pt__audio_stream_push(stream->stream, samples, array.elements / channels, 0);
out:
    pt__release(memory, samples);
    return status;
}

pt_status_t pt_audio_stream_push(pt_audio_stream_t *stream, const pt_array_t *samples, uint32_t array_size)
{
    PT__ENTER();
    PT__NEED(stream);
    return pt__error_keep_on(stream->message, push(stream, samples, array_size));
}

pt_status_t pt_audio_stream_finish(pt_audio_stream_t *stream)
{
    static const float none;
    PT__ENTER();
    PT__NEED(stream);
    return pt__error_keep_on(stream->message, pt__audio_stream_push(stream->stream, &none, 0, 1));
}

/* ---- Rows ---- */

static pt_status_t take(pt_audio_stream_t *stream, int64_t count, pt__receiver_t *receiver)
{
    const int64_t elements = count * pt__audio_stream_bins(stream->stream);
    float *rows = pt__receiver_place(receiver), *copy = NULL;
    if (rows == NULL) {
        PT__TRY(pt__allocate_uninitialised(&stream->context->memory, (size_t)elements, sizeof *copy, "rows", &copy));
        rows = copy;
    }
    pt__audio_stream_take(stream->stream, count, rows);
    const pt_status_t status = pt__receiver_put(receiver, rows, elements);
    pt__release(&stream->context->memory, copy);
    return status;
}

static pt_status_t read_rows(pt_audio_stream_t *stream, int64_t most, pt__receiver_t *receiver)
{
    const int64_t ready = pt__audio_stream_ready(stream->stream), bins = pt__audio_stream_bins(stream->stream),
                  count = most > 0 && most < ready ? most : ready;
    if (most < 0)
        return pt__fail(PT_ERR_ARGUMENT,
                        "pt_audio_stream_read: most is %lld, expected 0 for all that are ready, or more",
                        (long long)most);
    pt__receiver_describe(receiver, PT_FLOAT32, 1, &bins, 0);
    if (count > 0 && pt__receiver_takes(receiver, count * bins, count))
        PT__TRY(take(stream, count, receiver));
    pt__receiver_count(receiver, count * bins, count);
    return pt__receiver_finish(receiver);
}

pt_status_t pt_audio_stream_read(pt_audio_stream_t *stream, int64_t most, pt_array_t *rows, uint32_t array_size)
{
    pt__receiver_t receiver;
    PT__ENTER();
    PT__NEED(stream);
    pt_status_t status = pt__receiver_open(rows, array_size, "pt_audio_stream_read: rows", &receiver);
    if (status == PT_OK)
        status = pt__receiver_close(&receiver, rows, array_size, read_rows(stream, most, &receiver));
    return pt__error_keep_on(stream->message, status);
}

void pt_audio_stream_free(pt_audio_stream_t *stream)
{
    if (stream == NULL)
        return;
    pt_context_t *context = stream->context;
    pt__audio_stream_free(stream->stream);
    pt__release(&context->memory, stream);
    pt__context_release(context);
}

const char *pt_audio_stream_last_error(const pt_audio_stream_t *stream)
{
    return stream == NULL ? "" : stream->message;
}
