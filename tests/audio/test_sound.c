/* Recordings' files: every kind gives the samples that libsndfile's own binding reads (tests/golden/make_audio.py), and
 * what is broken, absurd or of another kind is refused, by name. */
#include "audio/sound.h"

#include <math.h>
#include <stdlib.h>

#include "audio/audio_golden.h"
#include "support/failing_allocator.h"

enum { LIMIT = 1 << 20 };

static pt_status_t read_bytes(pt__memory_t *memory, const void *bytes, int64_t size, int64_t first, int64_t count,
                              int64_t most, float **samples, int64_t *read)
{
    pt__sound_t *sound;
    *samples = NULL;
    PT__TRY(pt__sound_open_bytes(memory, bytes, size, &sound));
    pt_status_t status = pt__sound_read(sound, first, count, most, samples, read);
    pt__sound_close(sound);
    return status;
}

START_TEST(test_samples_are_libsndfile_s)
{
    static const struct {
        const char *name;
        int32_t rate, channels;
        double within; /* of lossy kinds versions differ */
    } files[] = {{"pcm8.wav", 8000, 1, 0},      {"pcm16.wav", 8000, 1, 0},    {"pcm24.wav", 8000, 1, 0},
                 {"pcm32.wav", 8000, 1, 0},     {"float.wav", 8000, 1, 0},    {"double.wav", 8000, 1, 0},
                 {"ulaw.wav", 8000, 1, 0},      {"seven.wav", 8000, 7, 0},    {"fast.wav", 192000, 1, 0},
                 {"pcm16.flac", 16000, 1, 0},   {"stereo.flac", 22050, 2, 0}, {"vorbis.ogg", 16000, 1, 1e-4},
                 {"layer3.mp3", 16000, 1, 1e-3}};
    golden_tensors_t golden = golden_audio_open();
    pt__memory_t *memory = &golden.context->memory;
    for (size_t i = 0; has_sndfile() && i < sizeof files / sizeof files[0]; i++) {
        const pt__entry_t *file = golden_entry(&golden, "file", files[i].name),
                          *expected = golden_entry(&golden, "samples", files[i].name);
        pt__sound_t *sound;
        float *samples;
        int64_t read, counted;
        if (strstr(files[i].name, ".mp3") != NULL && !has_mpg123()) {
            ck_fails(pt__sound_open_bytes(memory, file->data, file->bytes, &sound), PT_ERR_UNSUPPORTED,
                     "an MP3 recording, and this build has no library");
            continue;
        }
        ck_assert_msg(pt__sound_open_bytes(memory, file->data, file->bytes, &sound) == PT_OK, "%s: %s", files[i].name,
                      pt__error_message());
        ck_assert_int_eq(pt__sound_about(sound)->rate, files[i].rate);
        ck_assert_int_eq(pt__sound_about(sound)->channels, files[i].channels);
        ck_assert_int_eq(pt__sound_about(sound)->samples, expected->shape[0]);
        ck_ok(pt__sound_count(sound, LIMIT, &counted));
        ck_assert_int_eq(counted, expected->shape[0]);
        pt__sound_close(sound);
        ck_ok(read_bytes(memory, file->data, file->bytes, 0, -1, LIMIT, &samples, &read));
        golden_expect(samples, read, expected, files[i].within);
        pt__release(memory, samples);
        if (files[i].within == 0) { /* a part of it */
            ck_ok(read_bytes(memory, file->data, file->bytes, 100, 50, LIMIT, &samples, &read));
            ck_assert_int_eq(read, 50);
            ck_assert_mem_eq(samples, (const float *)expected->data + 100, 50 * sizeof *samples);
            pt__release(memory, samples);
        }
    }
    golden_tensors_close(&golden);
}
END_TEST

/* Fails, with the status and these words in the message. */
static void refuse(pt__memory_t *memory, const void *bytes, int64_t size, int64_t count, int64_t most,
                   pt_status_t expected, const char *words)
{
    float *samples;
    int64_t read;
    const pt_status_t status = read_bytes(memory, bytes, size, 0, count, most, &samples, &read);
    ck_assert_msg(status == expected && strstr(pt__error_message(), words) != NULL, "%s: %s, expected %s in it",
                  pt_status_name(status), pt__error_message(), words);
    ck_assert_ptr_null(samples);
}

START_TEST(test_what_is_broken_is_refused)
{
    golden_tensors_t golden = golden_audio_open();
    pt__memory_t *memory = &golden.context->memory;
    const pt__entry_t *flac = golden_entry(&golden, "file", "pcm16.flac"),
                      *wav = golden_entry(&golden, "file", "float.wav"),
                      *samples = golden_entry(&golden, "samples", "pcm16.flac");
    uint8_t *copy = malloc((size_t)wav->bytes);
    const float bad[] = {NAN, INFINITY};
    ck_assert(copy != NULL);
    if (has_sndfile()) {
        refuse(memory, "", 0, -1, LIMIT, PT_ERR_UNSUPPORTED, "no recording");
        refuse(memory, "no recording at all", 19, -1, LIMIT, PT_ERR_UNSUPPORTED, "no recording");
        refuse(memory, flac->data, flac->bytes, -1, 100, PT_ERR_FORMAT, "most_samples");
        refuse(memory, flac->data, flac->bytes, samples->shape[0] + 1, LIMIT, PT_ERR_FORMAT, "ends early");
        refuse(memory, flac->data, flac->bytes * 2 / 3, samples->shape[0], LIMIT, PT_ERR_FORMAT, "");
        for (int i = 0; i < 2; i++) {
            memcpy(copy, wav->data, (size_t)wav->bytes);
            memcpy(copy + wav->bytes - 40, &bad[i], sizeof bad[i]);
            refuse(memory, copy, wav->bytes, -1, LIMIT, PT_ERR_FORMAT, i == 0 ? "is NaN" : "is infinite");
        }
    } else {
        refuse(memory, flac->data, flac->bytes, -1, LIMIT, PT_ERR_UNSUPPORTED, "no library that decodes it");
    }
    free(copy);
    golden_tensors_close(&golden);
}
END_TEST

/* A header may claim what it likes: no memory is taken for it. */
START_TEST(test_headers_that_lie)
{
    golden_tensors_t golden = golden_audio_open();
    pt__memory_t *memory = &golden.context->memory;
    const pt__entry_t *wav = golden_entry(&golden, "file", "pcm16.wav");
    uint8_t *copy = malloc((size_t)wav->bytes);
    ck_assert(copy != NULL && wav->bytes > 44);
    for (int64_t at = 4; has_sndfile() && at < 44; at++) {
        float *samples;
        int64_t read;
        memcpy(copy, wav->data, (size_t)wav->bytes);
        memset(copy + at, 0xFF, at % 4 == 0 ? 4 : 1);
        const int64_t before = pt_context_bytes(golden.context);
        if (read_bytes(memory, copy, wav->bytes, 0, -1, LIMIT, &samples, &read) == PT_OK)
            ck_assert(read <= wav->bytes);
        pt__release(memory, samples);
        ck_assert_int_eq(pt_context_bytes(golden.context), before);
    }
    ck_assert_int_lt(atomic_load(&memory->peak_bytes), 16 << 20);
    free(copy);
    golden_tensors_close(&golden);
}
END_TEST

START_TEST(test_names)
{
    const pt__sound_named_t built = has_sndfile() ? PT__SOUND_NAMED : PT__SOUND_NOT_BUILT;
    ck_assert_int_eq(pt__sound_named("a.wav"), built);
    ck_assert_int_eq(pt__sound_named("a.b.FLAC"), built);
    ck_assert_int_eq(pt__sound_named("a.mp3"), has_mpg123() ? PT__SOUND_NAMED : PT__SOUND_NOT_BUILT);
    ck_assert_int_eq(pt__sound_named("wav"), PT__SOUND_NOT_NAMED);
    ck_assert_int_eq(pt__sound_named("a.wav.txt"), PT__SOUND_NOT_NAMED);
}
END_TEST

/* Tags and rubbish before and within MPEG's frames; nothing is printed of it. */
START_TEST(test_broken_mp3)
{
    golden_tensors_t golden = golden_audio_open();
    pt__memory_t *memory = &golden.context->memory;
    const pt__entry_t *file = golden_entry(&golden, "file", "layer3.mp3");
    static uint8_t bytes[1 << 16];
    float *samples;
    int64_t read;
    if (has_mpg123()) {
        memset(bytes, 0, 30);
        memcpy(bytes, "ID3\4\0\0\0\0\0\24", 10); /* 20 bytes of a tag */
        memcpy(bytes + 30, file->data, (size_t)file->bytes);
        ck_ok(read_bytes(memory, bytes, file->bytes + 30, 0, -1, LIMIT, &samples, &read));
        golden_expect(samples, read, golden_entry(&golden, "samples", "layer3.mp3"), 1e-3);
        pt__release(memory, samples);
        refuse(memory, "ID3\4\0\0\0\0\0\0", 10, -1, LIMIT, PT_ERR_FORMAT, "MPEG: ");
        refuse(memory, "\xFF\xFBrubbish", 9, -1, LIMIT, PT_ERR_FORMAT, "MPEG: ");
        for (int64_t at = 4; at < file->bytes; at += 97) {
            memcpy(bytes, file->data, (size_t)file->bytes);
            memset(bytes + at, 0xA5, 60);
            const int64_t before = pt_context_bytes(golden.context);
            if (read_bytes(memory, bytes, file->bytes, 0, -1, LIMIT, &samples, &read) == PT_OK)
                pt__release(memory, samples);
            ck_assert_int_eq(pt_context_bytes(golden.context), before);
        }
    }
    golden_tensors_close(&golden);
}
END_TEST

START_TEST(test_failing_memory)
{
    golden_tensors_t golden = golden_audio_open();
    const pt__entry_t *file = golden_entry(&golden, "file", "seven.wav");
    failing_allocator_t allocator;
    pt_status_t status = PT_OK;
    if (has_sndfile())
        FOR_EACH_FAILING_ALLOCATION(allocator, {
            pt__memory_t memory;
            float *samples;
            int64_t read;
            failing_allocator_memory(&allocator, &memory);
            status = read_bytes(&memory, file->data, file->bytes, 0, -1, LIMIT, &samples, &read);
            pt__release(&memory, samples);
        }, status);
    golden_tensors_close(&golden);
}
END_TEST

SUITE("sound", 20, test_samples_are_libsndfile_s, test_what_is_broken_is_refused, test_headers_that_lie, test_names,
      test_broken_mp3, test_failing_memory)
