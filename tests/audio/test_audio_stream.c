/* Rows of a recording that comes in pieces are to the bit those of the whole, whatever the pieces, in memory that does
 * not grow. */
#include <math.h>
#include <stdlib.h>

#include "audio/audio_golden.h"
#include "audio/resample.h"
#include "audio/speech_features.h"
#include "support/failing_allocator.h"

enum { MOST = 1 << 20 };

static const double pi = 3.14159265358979323846;

static float *tones(double rate, int64_t count, int32_t channels)
{
    float *samples = malloc((size_t)(count * channels) * sizeof *samples);
    ck_assert(samples != NULL);
    for (int64_t i = 0; i < count; i++)
        for (int32_t c = 0; c < channels; c++)
            samples[i * channels + c] = (float)(0.3 * sin(2 * pi * 440 * (c + 1) * (double)i / rate) +
                                                0.01 * (double)(i * 7919 % 101 - 50) / 50);
    return samples;
}

static pt_status_t push(pt_audio_stream_t *stream, const float *samples, int64_t elements)
{
    const pt_array_t array = {.dtype = PT_FLOAT32, .data = view_data(samples), .elements = elements};
    return pt_audio_stream_push(stream, &array, sizeof array);
}

static int64_t take(pt_audio_stream_t *stream, int64_t most, float *rows, int64_t room)
{
    pt_array_t array = {.dtype = PT_FLOAT32, .data = rows, .capacity = room};
    ck_ok(pt_audio_stream_read(stream, most, &array, sizeof array));
    ck_assert(array.samples == 0 || array.elements % array.samples == 0);
    return array.elements;
}

/* The rows of the whole, by what datasets make them with. */
static int64_t make_whole(pt_context_t *context, const pt_audio_options_t *options, double rate, const float *samples,
                          int64_t count, float *rows)
{
    pt__memory_t *memory = &context->memory;
    float *changed = NULL;
    int64_t used = 0, capacity = 0;
    pt__features_t *features;
    if (rate != options->rate) {
        pt__resampler_t *resampler;
        ck_ok(pt__resampler_create(memory, rate, options->rate, &resampler));
        ck_ok(pt__resampler_push(resampler, samples, count, 1, &changed, &used, &capacity));
        pt__resampler_free(resampler);
    } else {
        ck_ok(pt__grow(memory, &changed, &capacity, count, sizeof *changed, "samples"));
        memcpy(changed, samples, (size_t)count * sizeof *changed);
        used = count;
    }
    ck_ok(pt__features_create(memory, options, &features));
    const int64_t elements = pt__features_rows(features, used) * features->bins;
    ck_assert_int_le(elements, MOST);
    if (elements > 0)
        ck_ok(pt__features_make(features, changed, used, rows));
    pt__features_free(features);
    pt__release(memory, changed);
    return elements;
}

static void expect_same(pt_context_t *context, const pt_audio_options_t *options, double rate, int64_t count)
{
    static float whole[MOST], pieces[MOST];
    float *samples = tones(rate, count, 1);
    const int64_t expected = make_whole(context, options, rate, samples, count, whole);
    for (int64_t piece = 1; piece <= 4000; piece = piece * 7 + 3) {
        pt_audio_stream_t *stream;
        int64_t elements = 0;
        ck_ok(pt_audio_stream_create(context, options, rate, 1, &stream));
        for (int64_t at = 0; at < count; at += piece) {
            ck_ok(push(stream, samples + at, count - at < piece ? count - at : piece));
            elements += take(stream, piece % 2 == 0 ? 0 : 1, pieces + elements, MOST - elements);
        }
        ck_ok(pt_audio_stream_finish(stream));
        elements += take(stream, 0, pieces + elements, MOST - elements);
        ck_assert_msg(elements == expected, "pieces of %lld: %lld elements, expected %lld", (long long)piece,
                      (long long)elements, (long long)expected);
        ck_assert_mem_eq(pieces, whole, (size_t)expected * sizeof *whole);
        pt_audio_stream_free(stream);
    }
    free(samples);
}

START_TEST(test_pieces_give_the_whole)
{
    pt_context_t *context = samples_context();
    static const double steps[] = {0.01, 0.025, 0.001};
    for (int32_t edges = 0; has_kissfft() && edges < 3; edges++)
        for (int32_t kind = 0; kind < 3; kind++)
            for (size_t step = 0; step < 3; step++) {
                pt_audio_options_t options = audio_options();
                options.edges = edges;
                options.features = kind;
                options.step_seconds = steps[step];
                options.preemphasis = kind == 1 ? 0.97 : 0;
                expect_same(context, &options, 16000, step == 0 ? 1003 : 2 * 1603);
                if (has_soxr() && kind == 0 && step == 0) {
                    expect_same(context, &options, 22050, 4001);
                    expect_same(context, &options, 8000, 2000);
                    expect_same(context, &options, 192000, 9001);
                }
            }
    pt_context_free(context);
}
END_TEST

START_TEST(test_short_ones)
{
    pt_context_t *context = samples_context();
    for (int32_t edges = 0; has_kissfft() && edges < 3; edges++) {
        pt_audio_options_t options = audio_options();
        options.edges = edges;
        for (int64_t count = 1; count < 700; count = count * 2 + 1)
            expect_same(context, &options, 16000, count);
        expect_same(context, &options, 16000, 160);
        expect_same(context, &options, 16000, 161);
        expect_same(context, &options, 16000, 320);
        pt_audio_stream_t *stream; /* nothing at all */
        float row[161];
        ck_ok(pt_audio_stream_create(context, &options, 16000, 1, &stream));
        ck_ok(pt_audio_stream_finish(stream));
        ck_assert_int_eq(take(stream, 0, row, 161), 0);
        pt_audio_stream_free(stream);
    }
    pt_context_free(context);
}
END_TEST

/* Ten minutes take no more than seconds do. */
START_TEST(test_constant_memory)
{
    enum { SECONDS = 600, RATE = 8000 };
    static float rows[MOST];
    pt_context_t *context = samples_context();
    pt_audio_options_t options = audio_options();
    pt_audio_stream_t *stream;
    float *second = tones(RATE, RATE, 2);
    int64_t held = 0;
    options.rate = has_soxr() ? 16000 : RATE;
    options.step_seconds = 0.1;
    if (has_kissfft()) {
        ck_ok(pt_audio_stream_create(context, &options, RATE, 2, &stream));
        for (int i = 0; i < SECONDS; i++) {
            ck_ok(push(stream, second, 2 * RATE));
            take(stream, 0, rows, MOST);
            if (i == 3)
                held = pt_context_bytes(context);
        }
        ck_assert_int_eq(pt_context_bytes(context), held);
        pt_audio_stream_free(stream);
    }
    free(second);
    pt_context_free(context);
}
END_TEST

/* PCM of any width is the floats that libsndfile makes of it, and channels are mixed. */
START_TEST(test_pcm)
{
    static float expected[MOST], rows[MOST];
    static const int16_t narrow[] = {0, 16384, -32768, 8192};
    static const int32_t wide[] = {0, 1 << 30, INT32_MIN, 1 << 29};
    static const uint8_t bytes[] = {128, 192, 0, 160};
    static const double doubles[] = {0, 0.5, -1, 0.25};
    pt_context_t *context = samples_context();
    pt_audio_options_t options = audio_options();
    float samples[320];
    const struct {
        int32_t dtype;
        const void *values;
        size_t size;
    } kinds[] = {{PT_INT16, narrow, 2}, {PT_INT32, wide, 4}, {PT_UINT8, bytes, 1}, {PT_FLOAT64, doubles, 8}};
    for (int i = 0; i < 320; i++)
        samples[i] = i % 4 < 2 ? (i % 2 == 0 ? 0.25F : -0.375F) : (i % 2 == 0 ? 0.25F : -0.375F);
    for (int i = 0; has_kissfft() && i < 4; i++) {
        pt_audio_stream_t *stream;
        char buffer[320 * 2 * 8];
        for (int k = 0; k < 320; k++) /* 0 and 0.5, then -1 and 0.25 */
            memcpy(buffer + (size_t)k * 2 * kinds[i].size,
                   (const char *)kinds[i].values + (size_t)(k % 2) * 2 * kinds[i].size, 2 * kinds[i].size);
        const pt_array_t array = {.dtype = kinds[i].dtype, .data = buffer, .elements = 640};
        make_whole(context, &options, 16000, samples, 320, expected);
        ck_ok(pt_audio_stream_create(context, &options, 16000, 2, &stream));
        ck_ok(pt_audio_stream_push(stream, &array, sizeof array));
        ck_assert_int_eq(take(stream, 0, rows, MOST), 161);
        ck_assert_mem_eq(rows, expected, 161 * sizeof *rows);
        pt_audio_stream_free(stream);
    }
    pt_context_free(context);
}
END_TEST

START_TEST(test_what_is_refused)
{
    pt_context_t *context = samples_context();
    pt_audio_options_t options = audio_options();
    pt_audio_stream_t *stream;
    float row[161];
    const float bad[2] = {0, NAN};
    if (has_kissfft()) {
        ck_fails(pt_audio_stream_create(context, NULL, 0, 1, &stream), PT_ERR_ARGUMENT, "rate is 0");
        ck_fails(pt_audio_stream_create(context, NULL, 16000, 0, &stream), PT_ERR_ARGUMENT, "channels is 0");
        options.normalization = PT_AUDIO_NORMALIZE_BINS;
        ck_fails(pt_audio_stream_create(context, &options, 16000, 1, &stream), PT_ERR_ARGUMENT, "normalization is set");
        options = audio_options();
        options.time_masks = options.time_mask = 1;
        ck_fails(pt_audio_stream_create(context, &options, 16000, 1, &stream), PT_ERR_ARGUMENT, "a mask is set");
        options = audio_options();
        options.scale = PT_AUDIO_SCALE_DECIBEL;
        options.range_decibels = 80;
        ck_fails(pt_audio_stream_create(context, &options, 16000, 1, &stream), PT_ERR_ARGUMENT, "range_decibels is");
        ck_assert_ptr_null(stream);
        ck_ok(pt_audio_stream_create(context, NULL, 16000, 2, &stream));
        ck_fails(push(stream, bad, 1), PT_ERR_ARGUMENT, "1 elements, expected a multiple of the 2 channels");
        ck_fails(push(stream, bad, 2), PT_ERR_NONFINITE, "number 1 is nan");
        ck_assert(strstr(pt_audio_stream_last_error(stream), "number 1 is nan") != NULL);
        const pt_array_t halves = {.dtype = PT_FLOAT16, .data = row, .elements = 2};
        ck_fails(pt_audio_stream_push(stream, &halves, sizeof halves), PT_ERR_ARGUMENT, "samples are float16");
        float *samples = tones(16000, 400, 2);
        ck_ok(push(stream, samples, 800));
        pt_array_t array = {.dtype = PT_FLOAT32, .data = row, .capacity = 160};
        ck_fails(pt_audio_stream_read(stream, 0, &array, sizeof array), PT_ERR_ARGUMENT, "161");
        ck_assert(array.elements == 161 && array.samples == 1);
        ck_fails(pt_audio_stream_read(stream, -1, &array, sizeof array), PT_ERR_ARGUMENT, "most is -1");
        array = (pt_array_t){0}; /* only asked */
        ck_ok(pt_audio_stream_read(stream, 0, &array, sizeof array));
        ck_assert_int_eq(array.samples, 1);
        ck_assert_int_eq(take(stream, 0, row, 161), 161);
        ck_ok(pt_audio_stream_finish(stream));
        ck_fails(push(stream, samples, 2), PT_ERR_STATE, "the stream has ended");
        ck_fails(pt_audio_stream_finish(stream), PT_ERR_STATE, "the stream has ended");
        free(samples);
        pt_audio_stream_free(stream);
    } else {
        ck_fails(pt_audio_stream_create(context, NULL, 16000, 1, &stream), PT_ERR_UNSUPPORTED, "KISS FFT");
    }
    pt_audio_stream_free(NULL);
    ck_assert_str_eq(pt_audio_stream_last_error(NULL), "");
    pt_context_free(context);
}
END_TEST

static pt_status_t run(pt_context_t *context, const pt_audio_options_t *options, const float *samples)
{
    static float rows[MOST];
    pt_array_t array = {.dtype = PT_FLOAT64, .data = rows, .capacity = MOST / 2};
    pt_audio_stream_t *stream;
    PT__TRY(pt_audio_stream_create(context, options, has_soxr() ? 8000 : 16000, 1, &stream));
    pt_status_t status = push(stream, samples, 900);
    if (status == PT_OK)
        status = pt_audio_stream_finish(stream);
    if (status == PT_OK)
        status = pt_audio_stream_read(stream, 0, &array, sizeof array);
    pt_audio_stream_free(stream);
    return status;
}

START_TEST(test_failing_memory)
{
    failing_allocator_t allocator;
    pt_audio_options_t options = audio_options();
    pt_status_t status = PT_OK;
    float *samples = tones(8000, 900, 1);
    options.edges = PT_AUDIO_EDGES_REFLECT;
    options.features = PT_AUDIO_MFCC;
    if (has_kissfft())
        FOR_EACH_FAILING_ALLOCATION(allocator, {
            pt_context_t *context = NULL;
            status = samples_failing_context(&allocator, &context);
            if (status == PT_OK)
                status = run(context, &options, samples);
            pt_context_free(context);
        }, status);
    free(samples);
}
END_TEST

SUITE("audio_stream", 60, test_pieces_give_the_whole, test_short_ones, test_constant_memory, test_pcm,
      test_what_is_refused, test_failing_memory)
