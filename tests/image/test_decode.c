/* Pictures' files: every kind gives the pixels that Pillow gives (tests/golden/make_pictures.py), and what is broken,
 * absurd or of another kind is refused, by name and before memory is taken. */
#include "image/image.h"

#include <stdlib.h>

#include "image/pictures_golden.h"

enum { LIMIT = 1 << 20 };

static pt_status_t decode(pt__memory_t *memory, const void *bytes, int64_t size, int32_t denominator, int32_t channels,
                          pt__picture_t *out)
{
    pt__picture_about_t about;
    *out = (pt__picture_t){0};
    PT__TRY(pt__picture_look(bytes, size, LIMIT, &about));
    return pt__picture_decode(memory, bytes, size, &about, denominator, channels, out);
}

static int is_built(const char *name)
{
    return pt__picture_named(name) == PT__PICTURE_NAMED;
}

START_TEST(test_pixels_are_pillow_s)
{
    static const char *const names[] = {
        "color.jpg",   "color444.jpg",  "progressive.jpg",  "larger.jpg",  "gray.jpg",      "cmyk.jpg",
        "turned.jpg",  "one.jpg",       "rgb.png",          "rgba.png",    "gray.png",      "gray_alpha.png",
        "palette.png", "gray_trns.png", "palette_trns.png", "bits.png",    "rgb16.png",     "gray16.png",
        "turned2.png", "turned3.png",   "turned4.png",      "turned5.png", "turned6.png",   "turned7.png",
        "turned8.png", "one.png",       "interlaced.png",   "lossy.webp",  "lossless.webp", "alpha.webp",
        "turned.webp"};
    golden_tensors_t golden = golden_pictures_open();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const pt__entry_t *file = golden_entry(&golden, "file", names[i]);
        pt__picture_t picture;
        if (!is_built(names[i]))
            continue;
        for (int32_t channels = 1; channels <= 3; channels += 2) {
            pt_status_t status = decode(&golden.context->memory, file->data, file->bytes, 1, channels, &picture);
            ck_assert_msg(status == PT_OK, "%s: %s", names[i], pt__error_message());
            golden_expect(&picture, golden_entry(&golden, channels == 1 ? "gray" : "rgb", names[i]), 0);
            pt__release(&golden.context->memory, picture.pixels);
        }
    }
    golden_tensors_close(&golden);
}
END_TEST

START_TEST(test_scales_while_decoding)
{
    golden_tensors_t golden = golden_pictures_open();
    pt__memory_t *memory = &golden.context->memory;
    pt__picture_about_t about;
    pt__picture_t picture;
    const pt__entry_t *jpeg = golden_entry(&golden, "file", "larger.jpg"),
                      *png = golden_entry(&golden, "file", "rgb.png");
    if (is_built("a.jpg")) {
        ck_ok(pt__picture_look(jpeg->data, jpeg->bytes, LIMIT, &about));
        ck_assert_int_eq(pt__picture_denominator(&about, 1), 1);
        ck_assert_int_eq(pt__picture_denominator(&about, 0.51), 1);
        ck_assert_int_eq(pt__picture_denominator(&about, 0.5), 2);
        ck_assert_int_eq(pt__picture_denominator(&about, 0.2), 4);
        ck_assert_int_eq(pt__picture_denominator(&about, 0.001), 8);
        ck_ok(decode(memory, jpeg->data, jpeg->bytes, 2, 3, &picture));
        golden_expect(&picture, golden_entry(&golden, "half", "larger.jpg"), 0);
        pt__release(memory, picture.pixels);
        ck_ok(decode(memory, jpeg->data, jpeg->bytes, 8, 1, &picture));
        ck_assert_int_eq(picture.width, 8); /* of 57 */
        pt__release(memory, picture.pixels);
    }
    if (is_built("a.png")) {
        ck_ok(pt__picture_look(png->data, png->bytes, LIMIT, &about));
        ck_assert_int_eq(pt__picture_denominator(&about, 0.1), 1);
    }
    golden_tensors_close(&golden);
}
END_TEST

/* Every length of a file is refused but its own, and no byte of it matters to memory. */
START_TEST(test_truncated)
{
    static const char *const names[] = {"color.jpg", "progressive.jpg", "cmyk.jpg",      "rgb.png",
                                        "bits.png",  "interlaced.png",  "lossless.webp", "lossy.webp"};
    golden_tensors_t golden = golden_pictures_open();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const pt__entry_t *file = golden_entry(&golden, "file", names[i]);
        if (!is_built(names[i]))
            continue;
        for (int64_t size = 0; size < file->bytes; size += size < 600 ? 7 : 31) {
            pt__picture_t picture;
            void *copy = malloc(size > 0 ? (size_t)size : 1); /* of no more bytes than are told, for sanitizers */
            if (size > 0)
                memcpy(copy, file->data, (size_t)size);
            pt_status_t status = decode(&golden.context->memory, copy, size, 1, 3, &picture);
            free(copy);
            const int is_complete = strstr(names[i], ".jpg") != NULL && strcmp(names[i], "progressive.jpg") != 0 &&
                                    size >= file->bytes - 3; /* the end marker alone is missing */
            ck_assert_msg(status == PT_ERR_FORMAT || status == PT_ERR_UNSUPPORTED || is_complete,
                          "%s, %ld of %ld bytes: %s", names[i], (long)size, (long)file->bytes, pt__status_name(status));
            pt__release(&golden.context->memory, picture.pixels);
        }
    }
    golden_tensors_close(&golden);
}
END_TEST

static void set_number(uint8_t *bytes, uint32_t number)
{
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(number >> (24 - 8 * i));
}

START_TEST(test_absurd_sizes)
{
    golden_tensors_t golden = golden_pictures_open();
    pt__memory_t *memory = &golden.context->memory;
    pt__picture_about_t about;
    uint8_t bytes[4096];
    const pt__entry_t *png = golden_entry(&golden, "file", "rgb.png"),
                      *jpeg = golden_entry(&golden, "file", "gray.jpg");
    const int64_t held = pt_context_bytes(golden.context);
    ck_assert_int_le(png->bytes, (int64_t)sizeof bytes);
    if (is_built("a.png")) {
        memcpy(bytes, png->data, (size_t)png->bytes);
        set_number(bytes + 16, 60000);
        set_number(bytes + 20, 60000);
        ck_fails(pt__picture_look(bytes, png->bytes, LIMIT, &about), PT_ERR_FORMAT,
                 "PNG: 60000 x 60000 pixels are more than the limit of 1048576 (most_pixels)");
        ck_fails(pt__picture_look(bytes, png->bytes, INT64_MAX, &about), PT_ERR_FORMAT,
                 "60000 x 60000 pixels cannot be in");
        set_number(bytes + 16, 0x80000000);
        ck_fails(pt__picture_look(bytes, png->bytes, INT64_MAX, &about), PT_ERR_FORMAT, "which no PNG has");
        set_number(bytes + 16, 0);
        ck_fails(pt__picture_look(bytes, png->bytes, LIMIT, &about), PT_ERR_FORMAT, "expected at least 1 x 1");
        set_number(bytes + 16, 19);
        bytes[25] = 5;
        ck_fails(pt__picture_look(bytes, png->bytes, LIMIT, &about), PT_ERR_FORMAT, "of kind 5");
        bytes[25] = 2;
        set_number(bytes + 20, 14);
        bytes[29] ^= 1; /* the checksum */
        pt__picture_t picture;
        ck_fails(decode(memory, bytes, png->bytes, 1, 3, &picture), PT_ERR_FORMAT, "PNG: ");
    }
    if (is_built("a.jpg")) {
        memcpy(bytes, jpeg->data, (size_t)jpeg->bytes);
        int64_t at = 2; /* of the frame's segment */
        while (!(bytes[at] == 0xFF && bytes[at + 1] == 0xC0))
            at++;
        bytes[at + 5] = bytes[at + 7] = 60000 >> 8;
        bytes[at + 6] = bytes[at + 8] = 60000 & 255;
        ck_fails(pt__picture_look(bytes, jpeg->bytes, LIMIT, &about), PT_ERR_FORMAT, "60000 x 60000 pixels are more");
        ck_fails(pt__picture_look(bytes, jpeg->bytes, INT64_MAX, &about), PT_ERR_FORMAT, "cannot be in");
    }
    ck_assert_int_eq(pt_context_bytes(golden.context), held);
    golden_tensors_close(&golden);
}
END_TEST

START_TEST(test_refusals)
{
    golden_tensors_t golden = golden_pictures_open();
    pt__memory_t *memory = &golden.context->memory;
    pt__picture_about_t about;
    pt__picture_t picture;
    ck_fails(pt__picture_look((const uint8_t *)"GIF89a", 6, LIMIT, &about), PT_ERR_UNSUPPORTED,
             "no JPEG, PNG or WebP picture");
    ck_fails(pt__picture_look((const uint8_t *)"", 0, LIMIT, &about), PT_ERR_UNSUPPORTED, "empty");
    if (is_built("a.jpg")) {
        static const uint8_t scan[] = {0xFF, 0xD8, 0xFF, 0x01, 0xFF, 0xDA, 0, 2};
        ck_fails(pt__picture_look(scan, sizeof scan, LIMIT, &about), PT_ERR_FORMAT, "JPEG: a scan without a frame");
        uint8_t bytes[4096];
        const pt__entry_t *color = golden_entry(&golden, "file", "color.jpg");
        ck_assert_int_le(color->bytes + 2, (int64_t)sizeof bytes);
        memcpy(bytes, color->data, (size_t)color->bytes);
        int64_t at = color->bytes / 2 + 200;
        memset(bytes + at, 0xA5, 40); /* codes that mean nothing, or other blocks: whichever it is nothing breaks */
        (void)decode(memory, bytes, color->bytes, 1, 3, &picture);
        pt__release(memory, picture.pixels);
        at = 2;
        while (!(bytes[at] == 0xFF && bytes[at + 1] == 0xC0))
            at++;
        bytes[at + 4] = 12; /* bits a sample */
        ck_fails(decode(memory, bytes, color->bytes, 1, 3, &picture), PT_ERR_FORMAT, "JPEG: ");
    }
    if (is_built("a.webp")) {
        const pt__entry_t *animation = golden_entry(&golden, "file", "animation.webp"),
                          *webp = golden_entry(&golden, "file", "lossless.webp");
        ck_fails(pt__picture_look(animation->data, animation->bytes, LIMIT, &about), PT_ERR_UNSUPPORTED,
                 "WebP: the file is an animation");
        ck_fails(pt__picture_look(webp->data, 14, LIMIT, &about), PT_ERR_FORMAT, "WebP: the file ends early");
    }
    golden_tensors_close(&golden);
}
END_TEST

START_TEST(test_names)
{
    ck_assert_int_eq(pt__picture_named("a.JPG"), pt__picture_named("b/c.jpeg"));
    ck_assert_int_eq(pt__picture_named("a.txt"), PT__PICTURE_NOT_NAMED);
    ck_assert_int_eq(pt__picture_named("jpg"), PT__PICTURE_NOT_NAMED);
    ck_assert_int_ne(pt__picture_named("a.webp"), PT__PICTURE_NOT_NAMED);
}
END_TEST

START_TEST(test_exif)
{
    static const uint8_t little[] = {'I', 'I', 42, 0, 8, 0,    0, 0, 2, 0, 1, 1, 3, 0, 1, 0, 0,
                                     0,   9,   0,  0, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0};
    uint8_t bytes[sizeof little];
    ck_assert_int_eq(pt__exif_orientation(little, sizeof little), 6);
    for (int64_t size = 0; size < (int64_t)sizeof little; size++)
        ck_assert_int_eq(pt__exif_orientation(little, size), 1);
    memcpy(bytes, little, sizeof little);
    bytes[30] = 9;
    ck_assert_int_eq(pt__exif_orientation(bytes, sizeof bytes), 1);
    bytes[30] = 6;
    bytes[24] = 4; /* another type */
    ck_assert_int_eq(pt__exif_orientation(bytes, sizeof bytes), 1);
    memcpy(bytes, little, sizeof little);
    bytes[2] = 43;
    ck_assert_int_eq(pt__exif_orientation(bytes, sizeof bytes), 1);
    memcpy(bytes, little, sizeof little);
    bytes[7] = 0xFF; /* the list lies beyond */
    ck_assert_int_eq(pt__exif_orientation(bytes, sizeof bytes), 1);
    bytes[0] = bytes[1] = 'X';
    ck_assert_int_eq(pt__exif_orientation(bytes, sizeof bytes), 1);
}
END_TEST

START_TEST(test_failing_memory)
{
    static const char *const names[] = {"cmyk.jpg", "rgb.png", "turned5.png", "lossless.webp"};
    golden_tensors_t golden = golden_pictures_open();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const pt__entry_t *file = golden_entry(&golden, "file", names[i]);
        failing_allocator_t allocator;
        pt_status_t status = PT_OK;
        if (!is_built(names[i]))
            continue;
        FOR_EACH_FAILING_ALLOCATION(allocator, {
            pt__memory_t memory;
            pt__picture_t picture;
            failing_allocator_memory(&allocator, &memory);
            status = decode(&memory, file->data, file->bytes, 1, 1, &picture);
            pt__release(&memory, picture.pixels);
        }, status);
    }
    golden_tensors_close(&golden);
}
END_TEST

SUITE("decode", 20, test_pixels_are_pillow_s, test_scales_while_decoding, test_truncated, test_absurd_sizes,
      test_refusals, test_names, test_exif, test_failing_memory)
