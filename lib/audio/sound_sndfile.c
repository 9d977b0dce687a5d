/* WAV, FLAC, OGG and what else libsndfile reads; its memory is its own. It is never handed MPEG's, for which it has
 * libmpg123, in a way that prints what is broken in them. */
#include "audio/sound_decoder.h"

#ifdef PT__SNDFILE
#include <sndfile.h>

static sf_count_t input_size(void *user)
{
    return ((const pt__sound_input_t *)user)->size;
}

static sf_count_t input_seek(sf_count_t offset, int whence, void *user)
{
    return pt__sound_input_seek(user, offset, whence);
}

static sf_count_t input_read(void *to, sf_count_t count, void *user)
{
    const int64_t got = pt__sound_input_read(user, to, count);
    return got < 0 ? 0 : got;
}

static sf_count_t input_write(const void *from, sf_count_t count, void *user)
{
    (void)from;
    (void)count;
    (void)user;
    return 0;
}

static sf_count_t input_tell(void *user)
{
    return ((const pt__sound_input_t *)user)->at;
}

static pt_status_t open_sound(pt__sound_input_t *input, pt__sound_about_t *about, void **handle)
{
    SF_VIRTUAL_IO calls = {
        .get_filelen = input_size, .seek = input_seek, .read = input_read, .write = input_write, .tell = input_tell};
    SF_INFO info = {0};
    SNDFILE *file = sf_open_virtual(&calls, SFM_READ, &info, input);
    if (file == NULL) {
        const int error = sf_error(NULL);
        const int32_t is_other = error == SF_ERR_UNRECOGNISED_FORMAT || error == SF_ERR_UNSUPPORTED_ENCODING;
        return pt__fail(is_other ? PT_ERR_UNSUPPORTED : PT_ERR_FORMAT, "no recording that libsndfile reads: %s",
                        sf_strerror(NULL));
    }
    *about = (pt__sound_about_t){.samples = info.frames < 0 || info.frames == SF_COUNT_MAX ? -1 : info.frames,
                                 .rate = info.samplerate,
                                 .channels = info.channels};
    *handle = file;
    return PT_OK;
}

static void close_sound(void *handle)
{
    sf_close(handle);
}

static pt_status_t seek_sample(void *handle, int64_t sample)
{
    return sf_seek(handle, sample, SEEK_SET) == sample
               ? PT_OK
               : pt__fail(PT_ERR_FORMAT, "sample %lld cannot be gone to: %s", (long long)sample, sf_strerror(handle));
}

static pt_status_t read_samples(void *handle, float *to, int64_t samples, int32_t channels, int64_t *got)
{
    (void)channels;
    *got = sf_readf_float(handle, to, samples);
    if (*got > 0)
        return PT_OK;
    *got = 0;
    return sf_error(handle) == SF_ERR_NO_ERROR ? PT_OK : pt__fail(PT_ERR_FORMAT, "%s", sf_strerror(handle));
}

#endif

/* Whatever nobody else is for. */
static int32_t is_any(pt__sound_input_t *input)
{
    (void)input;
    return 1;
}

const pt__sound_decoder_t pt__sound_sndfile = {
    .kind = "a WAV, FLAC or OGG recording, or no recording",
    .is = is_any,
#ifdef PT__SNDFILE
    .library = "libsndfile",
    .open = open_sound,
    .close = close_sound,
    .seek = seek_sample,
    .read = read_samples,
#endif
};
