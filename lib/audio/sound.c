/* Recordings, whatever decodes them; see sound.h. */
#include "audio/sound.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "audio/sound_decoder.h"
#include "base/file_system.h"

static const pt__sound_decoder_t *const decoders[] = {&pt__sound_mpg123, &pt__sound_sndfile}; /* the last is for any */
enum { DECODERS = sizeof decoders / sizeof decoders[0], AT_ONCE = 16384 /* numbers that are decoded together */ };

struct pt__sound {
    pt__memory_t *memory;
    pt__sound_input_t input;
    const pt__sound_decoder_t *decoder;
    void *handle; /* NULL: not opened */
    pt__sound_about_t about;
};

pt__sound_named_t pt__sound_named(const char *name)
{
    static const struct {
        const char *ending;
        const pt__sound_decoder_t *decoder;
    } endings[] = {{".wav", &pt__sound_sndfile}, {".wave", &pt__sound_sndfile}, {".flac", &pt__sound_sndfile},
                   {".ogg", &pt__sound_sndfile}, {".oga", &pt__sound_sndfile},  {".opus", &pt__sound_sndfile},
                   {".aif", &pt__sound_sndfile}, {".aiff", &pt__sound_sndfile}, {".au", &pt__sound_sndfile},
                   {".snd", &pt__sound_sndfile}, {".w64", &pt__sound_sndfile},  {".rf64", &pt__sound_sndfile},
                   {".caf", &pt__sound_sndfile}, {".sph", &pt__sound_sndfile},  {".mp3", &pt__sound_mpg123},
                   {".mp2", &pt__sound_mpg123}};
    const char *ending = strrchr(name, '.');
    for (size_t i = 0; ending != NULL && i < sizeof endings / sizeof endings[0]; i++)
        if (strcasecmp(ending, endings[i].ending) == 0)
            return endings[i].decoder->library != NULL ? PT__SOUND_NAMED : PT__SOUND_NOT_BUILT;
    return PT__SOUND_NOT_NAMED;
}

/* ---- What is read from ---- */

int64_t pt__sound_input_read(pt__sound_input_t *input, void *to, int64_t count)
{
    const int64_t left = input->size - input->at, now = count < left ? count : left;
    int64_t got = now > 0 ? now : 0;
    if (input->file != NULL && got > 0)
        got = (int64_t)fread(to, 1, (size_t)got, input->file);
    else if (got > 0)
        memcpy(to, input->bytes + input->at, (size_t)got);
    input->at += got;
    return got == 0 && input->file != NULL && ferror(input->file) ? -1 : got;
}

int64_t pt__sound_input_seek(pt__sound_input_t *input, int64_t offset, int whence)
{
    const int64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? input->at : input->size;
    if (offset < -from || offset > input->size - from)
        return -1;
    if (input->file != NULL && from + offset != input->at && fseeko(input->file, (off_t)(from + offset), SEEK_SET) != 0)
        return -1;
    input->at = from + offset;
    return input->at;
}

/* ---- Opening ---- */

/* The input is this sound's in any case. */
static pt_status_t begin(pt__sound_t *sound)
{
    for (int32_t i = 0; i < DECODERS && sound->decoder == NULL; i++)
        if (decoders[i]->is(&sound->input))
            sound->decoder = decoders[i];
    if (sound->decoder->library == NULL)
        return pt__fail(PT_ERR_UNSUPPORTED, "%s, and this build has no library that decodes it", sound->decoder->kind);
    if (pt__sound_input_seek(&sound->input, 0, SEEK_SET) != 0)
        return pt__fail(PT_ERR_IO, "the file cannot be read");
    PT__TRY(sound->decoder->open(&sound->input, &sound->about, &sound->handle));
    const pt__sound_about_t *about = &sound->about;
    if (about->rate < 1 || about->rate > PT__SOUND_MOST_RATE || about->channels < 1 ||
        about->channels > PT__SOUND_MOST_CHANNELS)
        return pt__fail(PT_ERR_FORMAT, "%ld Hz and %ld channels, expected 1 to %ld Hz and 1 to %ld channels",
                        (long)about->rate, (long)about->channels, (long)PT__SOUND_MOST_RATE,
                        (long)PT__SOUND_MOST_CHANNELS);
    return PT_OK;
}

static pt_status_t create(pt__memory_t *memory, const pt__sound_input_t *input, pt__sound_t **out)
{
    pt__sound_t *sound;
    *out = NULL;
    pt_status_t status = pt__allocate(memory, 1, sizeof *sound, "recording", &sound);
    if (status != PT_OK) {
        if (input->file != NULL)
            fclose(input->file);
        return status;
    }
    *sound = (pt__sound_t){.memory = memory, .input = *input};
    status = begin(sound);
    if (status == PT_OK)
        *out = sound;
    else
        pt__sound_close(sound);
    return status;
}

pt_status_t pt__sound_open(pt__memory_t *memory, const char *path, pt__sound_t **out)
{
    pt__sound_input_t input = {.file = fopen(path, "rbe")};
    *out = NULL;
    if (input.file == NULL)
        return pt__file_fail("open", path, errno);
    if (fseeko(input.file, 0, SEEK_END) != 0 || (input.size = (int64_t)ftello(input.file)) < 0) {
        const pt_status_t status = pt__file_fail("read", path, errno);
        fclose(input.file);
        return status;
    }
    input.at = input.size;
    return create(memory, &input, out);
}

pt_status_t pt__sound_open_bytes(pt__memory_t *memory, const uint8_t *bytes, int64_t size, pt__sound_t **out)
{
    const pt__sound_input_t input = {.bytes = bytes, .size = size};
    return create(memory, &input, out);
}

void pt__sound_close(pt__sound_t *sound)
{
    if (sound == NULL)
        return;
    if (sound->handle != NULL)
        sound->decoder->close(sound->handle);
    if (sound->input.file != NULL)
        fclose(sound->input.file);
    pt__release(sound->memory, sound);
}

const pt__sound_about_t *pt__sound_about(const pt__sound_t *sound)
{
    return &sound->about;
}

/* ---- Decoding ---- */

static void mix(const float *from, int64_t count, int32_t channels, float *to)
{
    for (int64_t i = 0; i < count; i++, from += channels) {
        double sum = 0;
        for (int32_t c = 0; c < channels; c++)
            sum += (double)from[c];
        to[i] = (float)(sum / channels);
    }
}

static pt_status_t check(const float *samples, int64_t count, int64_t before)
{
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(samples[i]))
            return pt__fail(PT_ERR_FORMAT, "sample %lld is %s, expected a finite number", (long long)(before + i),
                            isnan(samples[i]) ? "NaN" : "infinite");
    return PT_OK;
}

/* Samples decoded so far, and where they go; NULL: they are only counted. */
typedef struct reading {
    float *samples;
    int64_t count, capacity;
} reading_t;

/* `now` samples at most; *got 0 at the end. */
static pt_status_t read_some(pt__sound_t *sound, reading_t *reading, float *scratch, int64_t now, int64_t most,
                             int32_t keeps, int64_t *got)
{
    const pt_status_t status = sound->decoder->read(sound->handle, scratch, now, sound->about.channels, got);
    if (status != PT_OK)
        return pt__fail_within(status, "broken behind sample %lld", (long long)reading->count);
    if (*got > most - reading->count)
        return pt__fail(PT_ERR_FORMAT, "more than the limit of %lld samples (most_samples)", (long long)most);
    if (keeps && *got > 0) {
        PT__TRY(pt__grow(sound->memory, &reading->samples, &reading->capacity, reading->count + *got,
                         sizeof *reading->samples, "samples of a recording"));
        mix(scratch, *got, sound->about.channels, reading->samples + reading->count);
        PT__TRY(check(reading->samples + reading->count, *got, reading->count));
    }
    reading->count += *got;
    return PT_OK;
}

static pt_status_t decode(pt__sound_t *sound, int64_t count, int64_t most, int32_t keeps, reading_t *reading)
{
    const int64_t block = AT_ONCE / sound->about.channels; /* 16 at least */
    float *scratch;
    pt_status_t status;
    int64_t got = 1;
    PT__TRY(pt__allocate_uninitialised(sound->memory, (size_t)(block * sound->about.channels), sizeof *scratch,
                                       "samples of a recording", &scratch));
    while (got > 0 && (count < 0 || reading->count < count)) {
        const int64_t left = count < 0 ? block : count - reading->count;
        PT__TRY_OUT(read_some(sound, reading, scratch, left < block ? left : block, most, keeps, &got));
    }
    status = PT_OK;
    if (count >= 0 && reading->count < count)
        status = pt__fail(PT_ERR_FORMAT, "the file ends early, after %lld of %lld samples", (long long)reading->count,
                          (long long)count);
out:
    pt__release(sound->memory, scratch);
    return status;
}

pt_status_t pt__sound_read(pt__sound_t *sound, int64_t first, int64_t count, int64_t most, float **out, int64_t *read)
{
    reading_t reading = {0};
    *out = NULL;
    *read = 0;
    if (first > 0)
        PT__TRY(sound->decoder->seek(sound->handle, first));
    pt_status_t status = decode(sound, count, most, 1, &reading);
    if (status != PT_OK) {
        pt__release(sound->memory, reading.samples);
        return status;
    }
    *out = reading.samples;
    *read = reading.count;
    return PT_OK;
}

pt_status_t pt__sound_count(pt__sound_t *sound, int64_t most, int64_t *count)
{
    reading_t reading = {0};
    pt_status_t status = decode(sound, -1, most, 0, &reading);
    *count = reading.count;
    return status;
}
