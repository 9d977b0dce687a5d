/* Recordings of any content, by libsndfile: looked at, decoded whole and in part, and made rows. */
#include <stdlib.h>

#include "audio/resample.h"
#include "audio/sound.h"
#include "audio/speech_features.h"
#include "base/context.h"
#include "fuzz/fuzz.h"
#include "fuzz/sound_seeds.h"

const fuzz_seed_t fuzz_seeds[] = {
    FUZZ_SEED("0" SEED_PCM16),
    FUZZ_SEED("1" SEED_FLOAT),
    FUZZ_SEED("2" SEED_ULAW),
    FUZZ_SEED("3" SEED_FLAC),
    FUZZ_SEED("4" SEED_AIFF),
    FUZZ_SEED("5" SEED_MP3),
    {NULL, 0},
};
const fuzz_seed_t fuzz_pieces[] = {
    FUZZ_SEED("fmt \x10\0\0\0"),
    FUZZ_SEED("data\xFF\xFF\xFF\x7F"),
    FUZZ_SEED("RF64\xFF\xFF\xFF\xFF"),
    FUZZ_SEED("\xFF\xFF\xFF\xFF"),
    FUZZ_SEED("\xFF\xFB\x90\x44"),
    FUZZ_SEED("\0\0\xC0\x7F"),
    FUZZ_SEED("fLaC"),
    FUZZ_SEED("OggS"),
    {NULL, 0},
};

enum { LIMIT = 1 << 18 };

static void check(pt_status_t status)
{
    if (status != PT_OK && *pt__error_message() == 0)
        abort();
}

/* Rows of what was decoded, of the kind that the first byte asks for. */
static void make_rows(pt__memory_t *memory, uint8_t byte, float *samples, int64_t count)
{
    pt_audio_options_t options;
    pt__features_t *features;
    float *rows;
    pt_audio_options_init(&options, sizeof options);
    options.features = byte % 3;
    options.edges = byte / 4 % 3;
    options.normalization = byte / 16 % 3;
    pt_status_t status = pt__features_create(memory, &options, &features);
    check(status);
    if (status != PT_OK)
        return;
    const int64_t n = pt__features_rows(features, count);
    if (n > 0 && pt__allocate(memory, (size_t)(n * features->bins), sizeof *rows, "rows", &rows) == PT_OK) {
        check(pt__features_make(features, samples, count, rows));
        pt__release(memory, rows);
    }
    pt__features_free(features);
}

static void decode(pt__memory_t *memory, uint8_t byte, const uint8_t *bytes, int64_t size)
{
    pt__sound_t *sound;
    float *samples;
    int64_t count, counted;
    pt_status_t status = pt__sound_open_bytes(memory, bytes, size, &sound);
    check(status);
    if (status != PT_OK)
        return;
    status = pt__sound_read(sound, byte % 5, byte % 7 == 0 ? byte : -1, LIMIT, &samples, &count);
    check(status);
    if (status == PT_OK)
        make_rows(memory, byte, samples, count);
    pt__release(memory, samples);
    pt__sound_close(sound);
    if (pt__sound_open_bytes(memory, bytes, size, &sound) == PT_OK) {
        check(pt__sound_count(sound, LIMIT, &counted));
        pt__sound_close(sound);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pt_context_t *context = fuzz_context();
    if (size == 0)
        return 0;
    const int64_t held = pt_context_bytes(context);
    pt__error_clear();
    decode(&context->memory, data[0], data + 1, (int64_t)size - 1);
    if (pt_context_bytes(context) != held)
        abort();
    return 0;
}
