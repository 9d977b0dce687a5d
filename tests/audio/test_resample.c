/* Rates: a tone stays the tone, pieces give the bits of the whole, lengths are known beforehand. */
#include "audio/resample.h"

#include <math.h>
#include <stdlib.h>

#include "audio/audio_golden.h"
#include "support/failing_allocator.h"

static float *tone(double rate, double hertz, int64_t count)
{
    float *samples = malloc((size_t)count * sizeof *samples);
    ck_assert(samples != NULL);
    for (int64_t i = 0; i < count; i++)
        samples[i] = (float)(0.5 * sin(2 * 3.14159265358979323846 * hertz * (double)i / rate));
    return samples;
}

static pt_status_t change(pt__memory_t *memory, double from, double to, const float *samples, int64_t count,
                          int64_t piece, float **out, int64_t *used)
{
    pt__resampler_t *resampler;
    int64_t capacity = 0;
    pt_status_t status = PT_OK;
    *out = NULL;
    *used = 0;
    PT__TRY(pt__resampler_create(memory, from, to, &resampler));
    for (int64_t at = 0; at < count && status == PT_OK; at += piece)
        status = pt__resampler_push(resampler, samples + at, count - at < piece ? count - at : piece,
                                    at + piece >= count, out, used, &capacity);
    pt__resampler_free(resampler);
    return status;
}

START_TEST(test_tones)
{
    static const double rates[][2] = {{8000, 16000},  {16000, 8000},   {44100, 16000},       {22050, 16000},
                                      {48000, 16000}, {192000, 16000}, {16000 * 1.1, 16000}, {11025, 16000}};
    pt_context_t *context = samples_context();
    pt__memory_t *memory = &context->memory;
    for (size_t i = 0; has_soxr() && i < sizeof rates / sizeof rates[0]; i++) {
        const double from = rates[i][0], to = rates[i][1];
        const int64_t count = (int64_t)from / 2;
        float *samples = tone(from, 1000, count), *out, *pieces;
        int64_t used, used_too;
        ck_ok(change(memory, from, to, samples, count, count, &out, &used));
        ck_assert_int_eq(used, pt__resampled(count, from, to));
        float *expected = tone(to, 1000, used);
        for (int64_t k = used / 4; k < used * 3 / 4; k++)
            ck_assert_msg(fabsf(out[k] - expected[k]) < 2e-4F, "%g to %g, sample %lld: %g, expected %g", from, to,
                          (long long)k, (double)out[k], (double)expected[k]);
        ck_ok(change(memory, from, to, samples, count, 777, &pieces, &used_too));
        ck_assert_int_eq(used_too, used);
        ck_assert_mem_eq(pieces, out, (size_t)used * sizeof *out);
        pt__release(memory, out);
        pt__release(memory, pieces);
        free(samples);
        free(expected);
    }
    pt_context_free(context);
}
END_TEST

/* What lies above half of the new rate is gone, and does not come back as another tone. */
START_TEST(test_nothing_is_folded)
{
    pt_context_t *context = samples_context();
    float *samples = tone(48000, 11000, 24000), *out;
    int64_t used;
    if (has_soxr()) {
        ck_ok(change(&context->memory, 48000, 16000, samples, 24000, 24000, &out, &used));
        for (int64_t i = used / 4; i < used * 3 / 4; i++)
            ck_assert(fabsf(out[i]) < 1e-4F);
        pt__release(&context->memory, out);
    } else {
        ck_fails(change(&context->memory, 48000, 16000, samples, 24000, 24000, &out, &used), PT_ERR_UNSUPPORTED,
                 "this build has no libsoxr");
    }
    free(samples);
    pt_context_free(context);
}
END_TEST

START_TEST(test_lengths)
{
    ck_assert_int_eq(pt__resampled(0, 8000, 16000), 0);
    ck_assert_int_eq(pt__resampled(1, 192000, 16000), 1);
    ck_assert_int_eq(pt__resampled(12, 192000, 16000), 1);
    ck_assert_int_eq(pt__resampled(13, 192000, 16000), 2);
    ck_assert_int_eq(pt__resampled(22050, 22050, 16000), 16000);
    pt_context_t *context = samples_context();
    for (int64_t count = 1; has_soxr() && count < 40; count++) {
        float *samples = tone(22050, 100, count), *out;
        int64_t used;
        ck_ok(change(&context->memory, 22050, 16000, samples, count, 7, &out, &used));
        ck_assert_int_eq(used, pt__resampled(count, 22050, 16000));
        pt__release(&context->memory, out);
        free(samples);
    }
    pt_context_free(context);
}
END_TEST

START_TEST(test_failing_memory)
{
    float *samples = tone(8000, 100, 400);
    failing_allocator_t allocator;
    pt_status_t status = PT_OK;
    if (has_soxr())
        FOR_EACH_FAILING_ALLOCATION(allocator, {
            pt__memory_t memory;
            float *out;
            int64_t used;
            failing_allocator_memory(&allocator, &memory);
            status = change(&memory, 8000, 16000, samples, 400, 100, &out, &used);
            pt__release(&memory, out);
        }, status);
    free(samples);
}
END_TEST

SUITE("resample", 20, test_tones, test_nothing_is_folded, test_lengths, test_failing_memory)
