/* JPEG, PNG and WebP of any content: decoded at each scale, and made a sample of by what the first byte asks for. */
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "fuzz/fuzz.h"
#include "fuzz/picture_seeds.h"
#include "image/image.h"
#include "image/sample.h"

const fuzz_seed_t fuzz_seeds[] = {
    FUZZ_SEED("0" SEED_BASELINE), FUZZ_SEED("7" SEED_PROGRESSIVE), FUZZ_SEED("2" SEED_CMYK),
    FUZZ_SEED("3" SEED_PALETTE),  FUZZ_SEED("5" SEED_INTERLACED),  FUZZ_SEED("9" SEED_ALPHA),
    FUZZ_SEED("\xF0" SEED_LOSSY), FUZZ_SEED("\x20" SEED_LOSSLESS), {NULL, 0},
};
const fuzz_seed_t fuzz_pieces[] = {
    FUZZ_SEED("\xFF\xD8"),
    FUZZ_SEED("\xFF\xC2"),
    FUZZ_SEED("\xFF\xDA"),
    FUZZ_SEED("\xFF\xD9"),
    FUZZ_SEED("IHDR"),
    FUZZ_SEED("\0\0\0\0IDAT"),
    FUZZ_SEED("PLTE"),
    FUZZ_SEED("\0\0\0\0IEND\xAE\x42\x60\x82"),
    FUZZ_SEED("VP8L"),
    FUZZ_SEED("Exif\0\0II*\0"),
    FUZZ_SEED("\xFF\xFF\xFF\xFF"),
    FUZZ_SEED("\0\0\0\1"),
    {NULL, 0},
};

enum { LIMIT = 1 << 20 };

static void check(pt_status_t status)
{
    if (status != PT_OK && *pt__error_message() == 0)
        abort();
}

static void decode(pt_context_t *context, const uint8_t *bytes, int64_t size, int32_t channels)
{
    pt__picture_about_t about;
    pt__picture_t picture;
    pt_status_t status = pt__picture_look(bytes, size, LIMIT, &about);
    check(status);
    for (int32_t denominator = 1; status == PT_OK && denominator <= (about.format->scales ? 8 : 1); denominator *= 2) {
        status = pt__picture_decode(&context->memory, bytes, size, &about, denominator, channels, &picture);
        check(status);
        if (status != PT_OK)
            return;
        volatile uint8_t last = pt__picture_row(&picture, picture.height - 1)[picture.width * channels - 1];
        (void)last;
        pt__release(&context->memory, picture.pixels);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t sample[24 * 20 * 3];
    pt_context_t *context = fuzz_context();
    pt_image_options_t options;
    if (size == 0)
        return 0;
    const int64_t held = pt_context_bytes(context);
    pt__error_clear();
    decode(context, data + 1, (int64_t)size - 1, data[0] & 1 ? 1 : 3);
    pt_image_options_init(&options, sizeof options);
    options.width = 24;
    options.height = 20;
    options.channels = data[0] & 1 ? 1 : 3;
    options.crop = data[0] >> 1 & 3;
    options.filter = data[0] >> 3 & 1;
    options.randaugment = data[0] >> 4 & 3;
    options.blur = data[0] >> 6 & 1;
    options.saturation = options.hue = data[0] >> 7 & 1 ? 0.4 : 0;
    options.most_pixels = LIMIT;
    check(pt__sample_from_file(&context->memory, &options, data + 1, (int64_t)size - 1, size, sample));
    if (pt_context_bytes(context) != held)
        abort();
    return 0;
}
