/* Rows of recordings are those that librosa, torchaudio and torch.stft make (tests/golden/make_audio.py), and options
 * that mean nothing are refused. */
#include "audio/speech_features.h"

#include <stdlib.h>

#include "audio/audio_golden.h"
#include "audio/recording.h"
#include "support/failing_allocator.h"

static pt_status_t make(pt__memory_t *memory, const pt_audio_options_t *options, const pt__entry_t *signal,
                        float **rows, int64_t *count)
{
    const int64_t samples = signal->shape[0];
    pt__features_t *features = NULL;
    float *copy = NULL;
    pt_status_t status;
    *rows = NULL;
    PT__TRY_OUT(pt__features_create(memory, options, &features));
    PT__TRY_OUT(pt__allocate(memory, (size_t)samples, sizeof *copy, "samples", &copy));
    memcpy(copy, signal->data, (size_t)samples * sizeof *copy);
    *count = pt__features_rows(features, samples) * features->bins;
    PT__TRY_OUT(pt__allocate(memory, (size_t)*count, sizeof **rows, "rows", rows));
    status = pt__features_make(features, copy, samples, *rows);
out:
    pt__release(memory, copy);
    pt__features_free(features);
    return status;
}

/* As librosa has windows of 25 ms. */
static pt_audio_options_t wider(int32_t features, int32_t bands)
{
    pt_audio_options_t options = audio_options();
    options.features = features;
    options.window_seconds = 0.025;
    options.fft_size = 512;
    options.edges = PT_AUDIO_EDGES_ZEROS;
    options.mel_bands = bands;
    return options;
}

static void expect(const golden_tensors_t *golden, const char *name, const pt_audio_options_t *options, double within)
{
    float *rows;
    int64_t count;
    ck_ok(pt__recording_check(options));
    ck_ok(make(&golden->context->memory, options, golden_entry(golden, "signal", NULL), &rows, &count));
    golden_expect(rows, count, golden_entry(golden, "rows", name), within);
    pt__release(&golden->context->memory, rows);
}

START_TEST(test_spectrograms)
{
    golden_tensors_t golden = golden_audio_open();
    if (has_kissfft()) {
        pt_audio_options_t options = audio_options();
        expect(&golden, "deepspeech2", &options, 1e-4);
        options.window = PT_AUDIO_HAMMING;
        options.edges = PT_AUDIO_EDGES_REFLECT;
        expect(&golden, "hamming_reflect", &options, 1e-4);
        options = wider(PT_AUDIO_SPECTROGRAM, 80);
        options.power = 2;
        options.scale = PT_AUDIO_SCALE_LINEAR;
        expect(&golden, "linear_power", &options, 2e-2); /* of up to 1500 */
        options = audio_options();
        options.preemphasis = 0.97;
        options.normalization = PT_AUDIO_NORMALIZE_RECORDING;
        expect(&golden, "recording", &options, 1e-4);
        options.normalization = PT_AUDIO_NORMALIZE_BINS;
        expect(&golden, "bins", &options, 1e-3);
    }
    golden_tensors_close(&golden);
}
END_TEST

START_TEST(test_mel_bands)
{
    golden_tensors_t golden = golden_audio_open();
    if (has_kissfft()) {
        pt_audio_options_t options = wider(PT_AUDIO_MEL, 40);
        options.low_hertz = 20;
        options.high_hertz = 7600;
        expect(&golden, "mel_slaney", &options, 1e-3);
        options = wider(PT_AUDIO_MEL, 40);
        options.mel_scale = PT_AUDIO_MEL_HTK;
        options.scale = PT_AUDIO_SCALE_DECIBEL;
        options.range_decibels = 60;
        expect(&golden, "mel_htk", &options, 1e-3);
        options = audio_options();
        options.features = PT_AUDIO_MEL;
        options.mel_scale = PT_AUDIO_MEL_HTK;
        options.window_seconds = 0.025;
        options.edges = PT_AUDIO_EDGES_REFLECT;
        options.mel_bands = 64;
        expect(&golden, "mel_torchaudio", &options, 1e-3);
    }
    golden_tensors_close(&golden);
}
END_TEST

START_TEST(test_cepstra)
{
    golden_tensors_t golden = golden_audio_open();
    if (has_kissfft()) {
        pt_audio_options_t options = wider(PT_AUDIO_MFCC, 64);
        options.coefficients = 20;
        options.range_decibels = 80;
        expect(&golden, "mfcc_librosa", &options, 1e-3);
        options = audio_options();
        options.features = PT_AUDIO_MFCC;
        options.mel_scale = PT_AUDIO_MEL_HTK;
        options.window_seconds = 0.025;
        options.edges = PT_AUDIO_EDGES_REFLECT;
        options.mel_bands = 40;
        options.range_decibels = 80;
        expect(&golden, "mfcc_torchaudio", &options, 1e-3);
    }
    golden_tensors_close(&golden);
}
END_TEST

/* Rows of n samples. */
static int64_t rows_of(pt_context_t *context, int32_t edges, int64_t samples)
{
    pt_audio_options_t options = audio_options();
    pt__features_t *features;
    options.edges = edges;
    ck_ok(pt__features_create(&context->memory, &options, &features));
    const int64_t rows = pt__features_rows(features, samples);
    pt__features_free(features);
    return rows;
}

START_TEST(test_row_counts)
{
    pt_context_t *context = samples_context();
    if (has_kissfft()) {
        ck_assert_int_eq(rows_of(context, PT_AUDIO_EDGES_INSIDE, 0), 0);
        ck_assert_int_eq(rows_of(context, PT_AUDIO_EDGES_INSIDE, 319), 0);
        ck_assert_int_eq(rows_of(context, PT_AUDIO_EDGES_INSIDE, 320), 1);
        ck_assert_int_eq(rows_of(context, PT_AUDIO_EDGES_INSIDE, 479), 1);
        ck_assert_int_eq(rows_of(context, PT_AUDIO_EDGES_INSIDE, 480), 2);
        ck_assert_int_eq(rows_of(context, PT_AUDIO_EDGES_ZEROS, 0), 0);
        ck_assert_int_eq(rows_of(context, PT_AUDIO_EDGES_ZEROS, 1), 1);
        ck_assert_int_eq(rows_of(context, PT_AUDIO_EDGES_ZEROS, 160), 2);
        ck_assert_int_eq(rows_of(context, PT_AUDIO_EDGES_REFLECT, 160), 0);
        ck_assert_int_eq(rows_of(context, PT_AUDIO_EDGES_REFLECT, 161), 2);
    }
    pt_context_free(context);
}
END_TEST

#define REFUSED(field, value, words)                                     \
    do {                                                                 \
        pt_audio_options_t refused = audio_options();                    \
        refused.field = value;                                           \
        ck_fails(pt__recording_check(&refused), PT_ERR_ARGUMENT, words); \
    } while (0)

START_TEST(test_options_are_checked)
{
    pt_context_t *context = samples_context();
    REFUSED(flags, 64, "flags has 0x40");
    REFUSED(flags, PT_AUDIO_CUT, "PT_AUDIO_CUT needs longest_seconds");
    REFUSED(rate, 999, "rate is 999, expected 1000 to 384000");
    REFUSED(features, 3, "features is 3");
    REFUSED(window, -1, "window is -1");
    REFUSED(edges, 3, "edges is 3");
    REFUSED(fft_size, 318, "fft_size is 318");
    REFUSED(fft_size, 322, "fft_size is 322"); /* 7 */
    REFUSED(fft_size, 405, "fft_size is 405");
    REFUSED(mel_bands, 0, "mel_bands is 0");
    REFUSED(coefficients, 0, "coefficients is 0");
    REFUSED(mel_scale, 2, "mel_scale is 2");
    REFUSED(mel_area, 3, "mel_area is 3");
    REFUSED(power, 3, "power is 3");
    REFUSED(scale, 5, "scale is 5");
    REFUSED(normalization, 3, "normalization is 3");
    REFUSED(window_seconds, 0, "window_seconds is 0");
    REFUSED(window_seconds, 100, "window_seconds is 100");
    REFUSED(step_seconds, 0, "step_seconds is 0");
    REFUSED(low_hertz, 8000, "low_hertz is 8000, expected at least 0 and below 8000");
    REFUSED(high_hertz, 8001, "high_hertz is 8001");
    REFUSED(floor, 0, "floor is 0");
    REFUSED(range_decibels, 80, "range_decibels is 80, which is for PT_AUDIO_SCALE_DECIBEL");
    REFUSED(preemphasis, 2, "preemphasis is 2");
    REFUSED(longest_seconds, -1, "longest_seconds is -1");
    REFUSED(most_samples, 0, "most_samples is 0");
    pt_audio_options_t options = audio_options();
    options.features = PT_AUDIO_MFCC;
    options.coefficients = 81;
    ck_fails(pt__recording_check(&options), PT_ERR_ARGUMENT, "coefficients is 81, expected at most mel_bands, 80");
    if (!has_kissfft()) {
        pt__features_t *features;
        options.coefficients = 13;
        ck_fails(pt__features_create(&context->memory, &options, &features), PT_ERR_UNSUPPORTED, "KISS FFT");
    }
    pt_context_free(context);
}
END_TEST

START_TEST(test_failing_memory)
{
    golden_tensors_t golden = golden_audio_open();
    pt_audio_options_t options = wider(PT_AUDIO_MFCC, 20);
    failing_allocator_t allocator;
    pt_status_t status = PT_OK;
    options.range_decibels = 80;
    if (has_kissfft())
        FOR_EACH_FAILING_ALLOCATION(allocator, {
            pt__memory_t memory;
            float *rows;
            int64_t count;
            failing_allocator_memory(&allocator, &memory);
            status = make(&memory, &options, golden_entry(&golden, "signal", NULL), &rows, &count);
            pt__release(&memory, rows);
        }, status);
    golden_tensors_close(&golden);
}
END_TEST

SUITE("speech_features", 20, test_spectrograms, test_mel_bands, test_cepstra, test_row_counts, test_options_are_checked,
      test_failing_memory)
