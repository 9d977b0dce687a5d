/* MPEG's recordings (MP3 and the layers before it), by libmpg123; its memory is its own. Lengths are those of all
 * frames that are there, whatever the header says. */
#include <string.h>

#include "audio/sound_decoder.h"

#ifdef PT__MPG123
#include <mpg123.h>
#endif

enum { TAG = 10 /* bytes of the header of ID3's second version */ };

/* Eleven bits set, as libsndfile asks for too: whatever it would take for MPEG's is not to come to it. */
static int32_t is_frame(const uint8_t *bytes)
{
    return bytes[0] == 0xFF && (bytes[1] & 0xE0) == 0xE0;
}

static int32_t is_mpeg(pt__sound_input_t *input)
{
    int64_t size = 0;
    for (;;) {
        uint8_t head[TAG] = {0};
        if (pt__sound_input_seek(input, size, SEEK_SET) != size || pt__sound_input_read(input, head, TAG) < 2)
            return size > 0; /* a tag and nothing behind it */
        if (is_frame(head))
            return 1;
        if (memcmp(head, "ID3", 3) != 0)
            return 0;
        size += TAG + ((int64_t)(head[6] & 0x7F) << 21 | (int64_t)(head[7] & 0x7F) << 14 |
                       (int64_t)(head[8] & 0x7F) << 7 | (int64_t)(head[9] & 0x7F));
    }
}

#ifdef PT__MPG123

static ssize_t input_read(void *user, void *to, size_t count)
{
    return (ssize_t)pt__sound_input_read(user, to, (int64_t)count);
}

static off_t input_seek(void *user, off_t offset, int whence)
{
    return (off_t)pt__sound_input_seek(user, offset, whence);
}

static pt_status_t fail(mpg123_handle *handle)
{
    return pt__fail(mpg123_errcode(handle) == MPG123_OUT_OF_MEM ? PT_ERR_MEMORY : PT_ERR_FORMAT, "MPEG: %s",
                    mpg123_strerror(handle));
}

/* What was opened, and all of it looked through. */
static pt_status_t begin(mpg123_handle *handle, pt__sound_input_t *input, pt__sound_about_t *about)
{
    long rate;
    int channels, encoding;
    if (mpg123_param(handle, MPG123_ADD_FLAGS,
                     MPG123_QUIET | MPG123_FORCE_FLOAT | MPG123_GAPLESS | MPG123_NO_FRANKENSTEIN, 0) != MPG123_OK ||
        mpg123_param(handle, MPG123_REMOVE_FLAGS, MPG123_AUTO_RESAMPLE, 0) != MPG123_OK ||
        mpg123_replace_reader_handle(handle, input_read, input_seek, NULL) != MPG123_OK ||
        mpg123_open_handle(handle, input) != MPG123_OK ||
        mpg123_getformat(handle, &rate, &channels, &encoding) != MPG123_OK || mpg123_format_none(handle) != MPG123_OK ||
        mpg123_format(handle, rate, channels, MPG123_ENC_FLOAT_32) != MPG123_OK || mpg123_scan(handle) != MPG123_OK)
        return fail(handle);
    const off_t samples = mpg123_length(handle);
    *about = (pt__sound_about_t){.samples = samples < 0 ? -1 : samples, .rate = (int32_t)rate, .channels = channels};
    return PT_OK;
}

static void close_sound(void *handle)
{
    mpg123_close(handle);
    mpg123_delete(handle);
}

static pt_status_t open_sound(pt__sound_input_t *input, pt__sound_about_t *about, void **handle)
{
    int error;
    mpg123_handle *made = mpg123_new(NULL, &error);
    if (made == NULL)
        return pt__fail(PT_ERR_MEMORY, "libmpg123: %s", mpg123_plain_strerror(error));
    pt_status_t status = begin(made, input, about);
    if (status == PT_OK)
        *handle = made;
    else
        close_sound(made);
    return status;
}

static pt_status_t seek_sample(void *handle, int64_t sample)
{
    return mpg123_seek(handle, (off_t)sample, SEEK_SET) == (off_t)sample ? PT_OK : fail(handle);
}

static pt_status_t read_samples(void *handle, float *to, int64_t samples, int32_t channels, int64_t *got)
{
    size_t bytes = 0;
    int code = MPG123_OK;
    *got = 0;
    while (bytes == 0 && (code == MPG123_OK || code == MPG123_NEW_FORMAT)) {
        long rate;
        int now, encoding;
        if (code == MPG123_NEW_FORMAT && mpg123_getformat(handle, &rate, &now, &encoding) == MPG123_OK &&
            now != channels)
            return pt__fail(PT_ERR_FORMAT, "MPEG: from %ld channels to %ld in the middle", (long)channels, (long)now);
        code = mpg123_read(handle, (unsigned char *)to, (size_t)(samples * channels) * sizeof *to, &bytes);
    }
    *got = (int64_t)(bytes / sizeof *to) / channels;
    return code == MPG123_OK || code == MPG123_DONE || code == MPG123_NEW_FORMAT ? PT_OK : fail(handle);
}

#endif

const pt__sound_decoder_t pt__sound_mpg123 = {
    .kind = "an MP3 recording",
    .is = is_mpeg,
#ifdef PT__MPG123
    .library = "libmpg123",
    .open = open_sound,
    .close = close_sound,
    .seek = seek_sample,
    .read = read_samples,
#endif
};
