/* WAV, FLAC, OGG, MP3 and what else libsndfile reads; its memory is its own. See sound.h. */
#include "audio/sound.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#ifdef PT__SNDFILE
#include <sndfile.h>
#endif

pt__sound_named_t pt__sound_named(const char *name)
{
    static const char *const endings[] = {".wav", ".flac", ".ogg", ".oga",  ".opus", ".mp3", ".aif", ".aiff",
                                          ".au",  ".snd",  ".w64", ".rf64", ".caf",  ".sph", ".wave"};
    const char *ending = strrchr(name, '.');
    for (size_t i = 0; ending != NULL && i < sizeof endings / sizeof endings[0]; i++)
        if (strcasecmp(ending, endings[i]) == 0)
#ifdef PT__SNDFILE
            return PT__SOUND_NAMED;
#else
            return PT__SOUND_NOT_BUILT;
#endif
    return PT__SOUND_NOT_NAMED;
}

#ifdef PT__SNDFILE

enum { AT_ONCE = 16384 /* numbers that are decoded together */, MOST_CHANNELS = 1024, MOST_RATE = 4000000 };

struct pt__sound {
    pt__memory_t *memory;
    SNDFILE *file;
    pt__sound_about_t about;
    const uint8_t *bytes; /* of one in memory */
    int64_t size, at;
};

/* ---- Bytes in memory ---- */

static sf_count_t bytes_size(void *user)
{
    return ((const pt__sound_t *)user)->size;
}

static sf_count_t bytes_seek(sf_count_t offset, int whence, void *user)
{
    pt__sound_t *sound = user;
    const int64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? sound->at : sound->size;
    if (offset < -from || offset > sound->size - from)
        return -1;
    sound->at = from + offset;
    return sound->at;
}

static sf_count_t bytes_read(void *to, sf_count_t count, void *user)
{
    pt__sound_t *sound = user;
    const int64_t left = sound->size - sound->at, now = count < left ? count : left;
    if (now <= 0)
        return 0;
    memcpy(to, sound->bytes + sound->at, (size_t)now);
    sound->at += now;
    return now;
}

static sf_count_t bytes_write(const void *from, sf_count_t count, void *user)
{
    (void)from;
    (void)count;
    (void)user;
    return 0;
}

static sf_count_t bytes_tell(void *user)
{
    return ((const pt__sound_t *)user)->at;
}

/* ---- Opening ---- */

static pt_status_t accept(pt__sound_t *sound, const SF_INFO *info)
{
    if (sound->file == NULL) {
        const int error = sf_error(NULL);
        return pt__fail(error == SF_ERR_UNRECOGNISED_FORMAT || error == SF_ERR_UNSUPPORTED_ENCODING ? PT_ERR_UNSUPPORTED
                                                                                                    : PT_ERR_FORMAT,
                        "no recording that libsndfile reads: %s", sf_strerror(NULL));
    }
    if (info->samplerate < 1 || info->samplerate > MOST_RATE || info->channels < 1 || info->channels > MOST_CHANNELS)
        return pt__fail(PT_ERR_FORMAT, "%ld Hz and %ld channels, expected 1 to %ld Hz and 1 to %ld channels",
                        (long)info->samplerate, (long)info->channels, (long)MOST_RATE, (long)MOST_CHANNELS);
    sound->about = (pt__sound_about_t){.samples = info->frames < 0 || info->frames == SF_COUNT_MAX ? -1 : info->frames,
                                       .rate = info->samplerate,
                                       .channels = info->channels};
    return PT_OK;
}

static pt_status_t finish(pt__sound_t *sound, const SF_INFO *info, pt__sound_t **out)
{
    pt_status_t status = accept(sound, info);
    if (status == PT_OK)
        *out = sound;
    else
        pt__sound_close(sound);
    return status;
}

pt_status_t pt__sound_open(pt__memory_t *memory, const char *path, pt__sound_t **out)
{
    SF_INFO info = {0};
    pt__sound_t *sound;
    *out = NULL;
    PT__TRY(pt__allocate(memory, 1, sizeof *sound, "recording", &sound));
    sound->memory = memory;
    sound->file = sf_open(path, SFM_READ, &info);
    return finish(sound, &info, out);
}

pt_status_t pt__sound_open_bytes(pt__memory_t *memory, const uint8_t *bytes, int64_t size, pt__sound_t **out)
{
    SF_VIRTUAL_IO calls = {
        .get_filelen = bytes_size, .seek = bytes_seek, .read = bytes_read, .write = bytes_write, .tell = bytes_tell};
    SF_INFO info = {0};
    pt__sound_t *sound;
    *out = NULL;
    PT__TRY(pt__allocate(memory, 1, sizeof *sound, "recording", &sound));
    sound->memory = memory;
    sound->bytes = bytes;
    sound->size = size;
    sound->file = sf_open_virtual(&calls, SFM_READ, &info, sound);
    return finish(sound, &info, out);
}

void pt__sound_close(pt__sound_t *sound)
{
    if (sound == NULL)
        return;
    if (sound->file != NULL)
        sf_close(sound->file);
    pt__release(sound->memory, sound);
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
    *got = sf_readf_float(sound->file, scratch, now);
    if (*got <= 0) {
        *got = 0;
        return sf_error(sound->file) == SF_ERR_NO_ERROR ? PT_OK
                                                        : pt__fail(PT_ERR_FORMAT, "broken behind sample %lld: %s",
                                                                   (long long)reading->count, sf_strerror(sound->file));
    }
    if (*got > most - reading->count)
        return pt__fail(PT_ERR_FORMAT, "more than the limit of %lld samples (most_samples)", (long long)most);
    if (keeps) {
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
    if (first > 0 && sf_seek(sound->file, first, SEEK_SET) != first)
        return pt__fail(PT_ERR_FORMAT, "sample %lld cannot be gone to: %s", (long long)first, sf_strerror(sound->file));
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

const pt__sound_about_t *pt__sound_about(const pt__sound_t *sound)
{
    return &sound->about;
}

#else

static pt_status_t refuse(pt__sound_t **out)
{
    *out = NULL;
    return pt__fail(PT_ERR_UNSUPPORTED, "this build has no libsndfile, which reads recordings");
}

pt_status_t pt__sound_open(pt__memory_t *memory, const char *path, pt__sound_t **out)
{
    (void)memory;
    (void)path;
    return refuse(out);
}

pt_status_t pt__sound_open_bytes(pt__memory_t *memory, const uint8_t *bytes, int64_t size, pt__sound_t **out)
{
    (void)memory;
    (void)bytes;
    (void)size;
    return refuse(out);
}

void pt__sound_close(pt__sound_t *sound)
{
    (void)sound;
}

/* No handle is ever made. */
pt_status_t pt__sound_read(pt__sound_t *sound, int64_t first, int64_t count, int64_t most, float **out, int64_t *read)
{
    (void)sound;
    (void)first;
    (void)count;
    (void)most;
    *out = NULL;
    *read = 0;
    return PT_ERR_UNSUPPORTED;
}

pt_status_t pt__sound_count(pt__sound_t *sound, int64_t most, int64_t *count)
{
    (void)sound;
    (void)most;
    *count = 0;
    return PT_ERR_UNSUPPORTED;
}

const pt__sound_about_t *pt__sound_about(const pt__sound_t *sound)
{
    (void)sound;
    return NULL;
}

#endif
