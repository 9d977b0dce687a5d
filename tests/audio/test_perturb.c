/* What is drawn for recordings: it stays within what was asked, and nothing is drawn where nothing is asked. */
#include "audio/perturb.h"

#include <math.h>
#include <stdlib.h>

#include "audio/audio_golden.h"
#include "audio/recording.h"

enum { COUNT = 1000, BINS = 7, ROWS = 50 };

static double power_of(const float *samples, const float *less)
{
    double sum = 0;
    for (int i = 0; i < COUNT; i++)
        sum += pow((double)samples[i] - (less == NULL ? 0 : (double)less[i]), 2);
    return sum / COUNT;
}

static void fill(float *samples)
{
    for (int i = 0; i < COUNT; i++)
        samples[i] = (float)sin(i * 0.1);
}

START_TEST(test_speed)
{
    pt_audio_options_t options = audio_options();
    pt__random_t random = pt__random_start(3);
    double least = 9, most = 0;
    ck_assert(pt__perturb_speed(&options, &random) == 1);
    ck_assert_int_eq((int)random.position, 0);
    ck_assert(!pt__perturb_draws(&options));
    options.speed_least = 0.9;
    options.speed_most = 1.1;
    ck_assert(pt__perturb_draws(&options));
    for (int i = 0; i < 2000; i++) {
        const double speed = pt__perturb_speed(&options, &random);
        ck_assert(speed >= 0.9 && speed <= 1.1);
        ck_assert(fabs(speed * 100 - rint(speed * 100)) < 1e-9);
        least = fmin(least, speed);
        most = fmax(most, speed);
    }
    ck_assert(least == 0.9 && most == 1.1);
}
END_TEST

START_TEST(test_gain)
{
    pt_audio_options_t options = audio_options();
    pt__random_t random = pt__random_start(3);
    float samples[COUNT], before[COUNT];
    fill(before);
    fill(samples);
    pt__perturb_gain(&options, &random, samples, COUNT);
    ck_assert_mem_eq(samples, before, sizeof samples);
    options.gain_least = options.gain_most = -20;
    pt__perturb_gain(&options, &random, samples, COUNT);
    ck_assert(fabs(power_of(samples, NULL) / power_of(before, NULL) - 0.01) < 1e-6);
    options.gain_least = -6;
    options.gain_most = 6;
    for (int i = 0; i < 200; i++) {
        fill(samples);
        pt__perturb_gain(&options, &random, samples, COUNT);
        const double decibel = 10 * log10(power_of(samples, NULL) / power_of(before, NULL));
        ck_assert(decibel >= -6.001 && decibel <= 6.001);
    }
}
END_TEST

START_TEST(test_noise)
{
    pt_context_t *context = samples_context();
    pt_audio_options_t options = audio_options();
    pt__random_t random = pt__random_start(3);
    const float noise[3] = {0.1F, -0.2F, 0.4F};
    float samples[COUNT], before[COUNT];
    int happened = 0;
    fill(before);
    ck_assert(!pt__perturb_has_noise(&options, &random));
    options.noise = 0.3;
    for (int i = 0; i < 2000; i++)
        happened += pt__perturb_has_noise(&options, &random);
    ck_assert(happened > 500 && happened < 700);
    options.noise_least = options.noise_most = 15;
    for (int kind = 0; kind < 2; kind++) {
        fill(samples);
        ck_ok(pt__perturb_noise(&context->memory, &options, &random, kind == 0 ? NULL : noise, 3, samples, COUNT));
        ck_assert(fabs(10 * log10(power_of(before, NULL) / power_of(samples, before)) - 15) < 1e-3);
    }
    const float scale = (samples[0] - before[0]) / (samples[3] - before[3]); /* it repeats */
    ck_assert(fabsf(scale - 1) < 1e-3F);
    memset(samples, 0, sizeof samples); /* silence stays silence */
    ck_ok(pt__perturb_noise(&context->memory, &options, &random, NULL, 0, samples, COUNT));
    ck_assert(power_of(samples, NULL) == 0);
    pt_context_free(context);
}
END_TEST

/* Rows and columns that are all of one number, which is the column's mean. */
static void count_masked(const float *rows, const float *before, int *columns, int *masked)
{
    *columns = *masked = 0;
    for (int k = 0; k < BINS; k++) {
        int same = 0;
        for (int i = 0; i < ROWS; i++)
            same += rows[i * BINS + k] != before[i * BINS + k];
        *columns += same == ROWS;
    }
    for (int i = 0; i < ROWS; i++) {
        int same = 0;
        for (int k = 0; k < BINS; k++)
            same += rows[i * BINS + k] != before[i * BINS + k];
        *masked += same == BINS;
    }
}

START_TEST(test_masks)
{
    pt_audio_options_t options = audio_options();
    pt__random_t random = pt__random_start(3);
    float rows[ROWS * BINS], before[ROWS * BINS];
    int columns, masked, most_columns = 0, most_masked = 0;
    for (int i = 0; i < ROWS * BINS; i++)
        before[i] = (float)(i * i % 1009);
    memcpy(rows, before, sizeof rows);
    pt__perturb_mask(&options, &random, rows, ROWS, BINS);
    ck_assert_mem_eq(rows, before, sizeof rows);
    options.frequency_masks = options.time_masks = 1;
    options.frequency_mask = 3;
    options.time_mask = 40;
    options.time_mask_part = 0.2;
    for (int i = 0; i < 1000; i++) {
        memcpy(rows, before, sizeof rows);
        pt__perturb_mask(&options, &random, rows, ROWS, BINS);
        count_masked(rows, before, &columns, &masked);
        most_columns = columns > most_columns ? columns : most_columns;
        most_masked = masked > most_masked ? masked : most_masked;
    }
    ck_assert_int_eq(most_columns, 3);
    ck_assert_int_eq(most_masked, 10); /* a fifth of 50 */
    double mean = 0;                   /* of the last column, before */
    for (int i = 0; i < ROWS; i++)
        mean += (double)before[i * BINS] / ROWS;
    options.time_masks = 0;
    options.frequency_mask = 100; /* more than there are */
    memcpy(rows, before, sizeof rows);
    while (rows[0] == before[0])
        pt__perturb_mask(&options, &random, rows, ROWS, BINS);
    ck_assert(fabs((double)rows[0] - mean) < 1e-2);
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
    REFUSED(speed_least, 0.1, "speed_least and _most are 0.1 and 1");
    REFUSED(speed_most, 0.9, "speed_least and _most are 1 and 0.9");
    REFUSED(gain_least, 1, "gain_least");
    REFUSED(noise, 1.5, "noise is 1.5");
    REFUSED(noise_most, 5, "noise_least and _most are 10 and 5");
    REFUSED(noise_path, "x", "noise_path is set, but noise, its probability, is 0");
    REFUSED(time_masks, -1, "time_masks is -1");
    REFUSED(time_masks, 1, "time_mask is 0, expected 1");
    REFUSED(frequency_masks, 1, "frequency_mask is 0, expected 1");
    REFUSED(time_mask_part, 2, "time_mask_part is 2");
    if (!has_soxr()) {
        pt_audio_options_t options = audio_options();
        options.speed_most = 1.1;
        ck_fails(pt__recording_check(&options), PT_ERR_UNSUPPORTED, "no libsoxr");
    }
}
END_TEST

SUITE("perturb", 20, test_speed, test_gain, test_noise, test_masks, test_options_are_checked)
