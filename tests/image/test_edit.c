/* Scaling, colors, filters and maps give Pillow's and torchvision's pixels (tests/golden/make_pictures.py). */
#include "image/edit.h"

#include <math.h>
#include <stdlib.h>

#include "image/image.h"
#include "image/pictures_golden.h"
#include "image/sample.h"

/* A copy of the picture that all edits begin with. */
static pt__picture_t copy_base(const golden_tensors_t *golden, uint8_t *pixels)
{
    const pt__entry_t *entry = pt__tensors_find(pt__file_tensors_table(golden->file), "base");
    pt__picture_t picture = golden_picture(entry);
    memcpy(pixels, entry->data, (size_t)entry->bytes);
    picture.pixels = pixels;
    return picture;
}

START_TEST(test_scale)
{
    static const struct {
        const char *name;
        pt__scaling_t scaling;
        int32_t width, height;
    } cases[] = {
        {"bilinear_7x9", {0, 0, 19, 14, 7, 9, 0, 0, PT_IMAGE_BILINEAR}, 7, 9},
        {"bilinear_30x5", {0, 0, 19, 14, 30, 5, 0, 0, PT_IMAGE_BILINEAR}, 30, 5},
        {"bilinear_19x3", {0, 0, 19, 14, 19, 3, 0, 0, PT_IMAGE_BILINEAR}, 19, 3},
        {"bilinear_45x40", {0, 0, 19, 14, 45, 40, 0, 0, PT_IMAGE_BILINEAR}, 45, 40},
        {"bilinear_1x1", {0, 0, 19, 14, 1, 1, 0, 0, PT_IMAGE_BILINEAR}, 1, 1},
        {"bicubic_7x9", {0, 0, 19, 14, 7, 9, 0, 0, PT_IMAGE_BICUBIC}, 7, 9},
        {"bicubic_30x5", {0, 0, 19, 14, 30, 5, 0, 0, PT_IMAGE_BICUBIC}, 30, 5},
        {"bicubic_19x3", {0, 0, 19, 14, 19, 3, 0, 0, PT_IMAGE_BICUBIC}, 19, 3},
        {"bicubic_45x40", {0, 0, 19, 14, 45, 40, 0, 0, PT_IMAGE_BICUBIC}, 45, 40},
        {"bicubic_1x1", {0, 0, 19, 14, 1, 1, 0, 0, PT_IMAGE_BICUBIC}, 1, 1},
    };
    golden_tensors_t golden = golden_pictures_open();
    static uint8_t from[4096], to[8192];
    const pt__picture_t base = copy_base(&golden, from);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const pt__picture_t out = {to, 3 * (int64_t)cases[i].width, cases[i].width, cases[i].height, 3};
        ck_ok(pt__picture_scale(&golden.context->memory, &base, &cases[i].scaling, &out));
        /* wider and less tall: there Pillow 13 goes down the columns first */
        golden_expect(&out, golden_entry(&golden, "edit", cases[i].name), cases[i].width == 30);
    }
    /* gray is what each channel is */
    pt__scaling_t scaling = {0, 0, 19, 14, 5, 6, 0, 0, PT_IMAGE_BICUBIC};
    const pt__picture_t colors = {to, 15, 5, 6, 3}, gray = {to + 200, 5, 5, 6, 1};
    static uint8_t red[19 * 14];
    for (int i = 0; i < 19 * 14; i++)
        red[i] = from[3 * i];
    ck_ok(pt__picture_scale(&golden.context->memory, &base, &scaling, &colors));
    ck_ok(pt__picture_scale(&golden.context->memory, &(const pt__picture_t){red, 19, 19, 14, 1}, &scaling, &gray));
    for (int i = 0; i < 30; i++)
        ck_assert_int_eq(to[3 * i], to[200 + i]);
    /* a part of the pixels' size is copied, whatever lies around it */
    scaling = (pt__scaling_t){2, 3, 5, 6, 5, 6, 0, 0, PT_IMAGE_BILINEAR};
    ck_ok(pt__picture_scale(&golden.context->memory, &base, &scaling, &colors));
    for (int y = 0; y < 6; y++)
        ck_assert_mem_eq(to + 15 * y, from + ((y + 3) * 19 + 2) * 3, 15);
    golden_tensors_close(&golden);
}
END_TEST

START_TEST(test_samples_in_the_middle)
{
    golden_tensors_t golden = golden_pictures_open();
    static uint8_t from[4096], to[4096];
    const pt__picture_t base = copy_base(&golden, from);
    pt_image_options_t options;
    ck_ok(pt_image_options_init(&options, sizeof options));
    options.width = 9;
    options.height = 8;
    options.channels = 3;
    options.shorter_side = 11;
    ck_ok(pt__sample_from_picture(&golden.context->memory, &options, &base, 1, to));
    golden_expect(&(const pt__picture_t){to, 27, 9, 8, 3}, golden_entry(&golden, "edit", "center"), 0);
    options.crop = PT_IMAGE_CROP_STRETCH;
    options.filter = PT_IMAGE_BICUBIC;
    options.width = 7;
    options.height = 9;
    ck_ok(pt__sample_from_picture(&golden.context->memory, &options, &base, 1, to));
    golden_expect(&(const pt__picture_t){to, 21, 7, 9, 3}, golden_entry(&golden, "edit", "bicubic_7x9"), 0);
    const pt__picture_t part = pt__picture_part(&base, 2, 3, 13, 9);
    const pt__picture_t crop = {to, 18, 6, 8, 3};
    ck_ok(pt__picture_scale(&golden.context->memory, &part,
                            &(const pt__scaling_t){0, 0, 13, 9, 6, 8, 0, 0, PT_IMAGE_BILINEAR}, &crop));
    golden_expect(&crop, golden_entry(&golden, "edit", "crop"), 0);
    golden_tensors_close(&golden);
}
END_TEST

START_TEST(test_colors_and_filters)
{
    golden_tensors_t golden = golden_pictures_open();
    pt__memory_t *memory = &golden.context->memory;
    static uint8_t pixels[4096];
    pt__picture_t base;
#define EXPECT(name, within, change)                                       \
    do {                                                                   \
        base = copy_base(&golden, pixels);                                 \
        change;                                                            \
        golden_expect(&base, golden_entry(&golden, "edit", name), within); \
    } while (0)
    EXPECT("brightness", 0, pt__picture_brightness(&base, 1.7F));
    EXPECT("darkness", 0, pt__picture_brightness(&base, 0.3F));
    EXPECT("contrast", 0, pt__picture_contrast(&base, 1.6F));
    EXPECT("flatness", 0, pt__picture_contrast(&base, 0.4F));
    EXPECT("saturation", 0, pt__picture_saturation(&base, 1.9F));
    EXPECT("paleness", 0, pt__picture_saturation(&base, 0.2F));
    EXPECT("hue_forth", 0, pt__picture_hue(&base, 0.23));
    EXPECT("hue_back", 0, pt__picture_hue(&base, -0.4));
    EXPECT("gray", 0, pt__picture_make_gray(&base));
    EXPECT("sharpness", 0, ck_ok(pt__picture_sharpness(memory, &base, 1.8F)));
    EXPECT("smoothness", 0, ck_ok(pt__picture_sharpness(memory, &base, 0.1F)));
    EXPECT("blur", 1, ck_ok(pt__picture_blur(memory, &base, 5, 1.3)));
    EXPECT("blur_wide", 1, ck_ok(pt__picture_blur(memory, &base, 23, 3)));
    EXPECT("mirror", 0, pt__picture_flip_horizontally(&base));
    EXPECT("flip", 0, pt__picture_flip_vertically(&base));
    golden_tensors_close(&golden);
}
END_TEST

START_TEST(test_randaugment)
{
    golden_tensors_t golden = golden_pictures_open();
    static uint8_t pixels[4096];
    char name[32];
    for (int32_t change = 0; change < PT__RANDAUGMENT_CHANGES; change++)
        for (int32_t strength = 9; strength <= 30; strength += 21)
            for (int32_t sign = 1; sign >= -1; sign -= 2) {
                if (sign == -1 && (change == 0 || change >= 10))
                    continue;
                const pt__picture_t base = copy_base(&golden, pixels);
                snprintf(name, sizeof name, "%d_%d_%d", (int)change, (int)strength, (int)sign);
                ck_ok(pt__randaugment_change(&golden.context->memory, change, strength, sign, &base));
                golden_expect(&base, golden_entry(&golden, "edit", name), 0);
            }
    golden_tensors_close(&golden);
}
END_TEST

/* Area, shape and place of what is cut out are spread as torchvision's are, whose means and deviations of 20,000 the
 * golden file has. */
START_TEST(test_crops_are_drawn_as_torchvision_s)
{
    enum { DRAWS = 20000, NUMBERS = 4 };
    golden_tensors_t golden = golden_pictures_open();
    const float *expected = pt__tensors_find(pt__file_tensors_table(golden.file), "draws")->data;
    double sums[NUMBERS] = {0}, squares[NUMBERS] = {0};
    pt__random_t random = pt__random_start(3);
    pt_image_options_t options;
    ck_ok(pt_image_options_init(&options, sizeof options));
    for (int i = 0; i < DRAWS; i++) {
        const pt__crop_t crop = pt__draw_crop(&options, &random, 640, 480);
        const double numbers[NUMBERS] = {(double)crop.width * crop.height / (640 * 480),
                                         log((double)crop.width / crop.height), crop.top / 480.0, crop.left / 640.0};
        ck_assert(crop.left >= 0 && crop.left + crop.width <= 640 && crop.top >= 0 && crop.top + crop.height <= 480);
        for (int k = 0; k < NUMBERS; k++) {
            sums[k] += numbers[k];
            squares[k] += numbers[k] * numbers[k];
        }
    }
    for (int k = 0; k < NUMBERS; k++) {
        const double mean = sums[k] / DRAWS, deviation = sqrt(squares[k] / DRAWS - mean * mean);
        const double error = expected[2 * k + 1] * sqrt(2.0 / DRAWS); /* of the difference of two means */
        ck_assert_msg(fabs(mean - expected[2 * k]) < 4 * error, "%d: mean %g, expected %g", k, mean, expected[2 * k]);
        ck_assert_msg(fabs(deviation - expected[2 * k + 1]) < 4 * error, "%d: deviation %g, expected %g", k, deviation,
                      expected[2 * k + 1]);
    }
    /* what no draw fits in: the middle */
    const int32_t sizes[3][6] = {{1000, 10, 13, 10, 493, 0}, {10, 1000, 10, 13, 0, 493}, {1, 1, 1, 1, 0, 0}};
    options.scale_least = 1;
    for (int i = 0; i < 3; i++) {
        const pt__crop_t crop = pt__draw_crop(&options, &random, sizes[i][0], sizes[i][1]);
        ck_assert(crop.width == sizes[i][2] && crop.height == sizes[i][3]);
        ck_assert(crop.left == sizes[i][4] && crop.top == sizes[i][5]);
    }
    golden_tensors_close(&golden);
}
END_TEST

/* A file that is decoded smaller gives nearly the sample of the whole picture. */
START_TEST(test_samples_of_smaller_pictures)
{
    golden_tensors_t golden = golden_pictures_open();
    pt__memory_t *memory = &golden.context->memory;
    static uint8_t whole[3 * 14 * 12], smaller[3 * 14 * 12];
    const pt__entry_t *file = golden_entry(&golden, "file", "larger.jpg");
    const pt__picture_t picture = golden_picture(golden_entry(&golden, "rgb", "larger.jpg"));
    pt_image_options_t options;
    ck_ok(pt_image_options_init(&options, sizeof options));
    options.width = 14;
    options.height = 12;
    options.channels = 3;
    options.scale_least = 0.5;
    for (int32_t crop = 0; crop <= PT_IMAGE_CROP_PADDED && pt__picture_named("a.jpg") == PT__PICTURE_NAMED; crop++)
        for (uint64_t key = 0; key < 8; key++) {
            double difference = 0;
            options.crop = crop;
            ck_ok(pt__sample_from_picture(memory, &options, &picture, key, whole));
            ck_ok(pt__sample_from_file(memory, &options, file->data, file->bytes, key, smaller));
            for (size_t i = 0; i < sizeof whole; i++)
                difference += abs(whole[i] - smaller[i]) / (double)sizeof whole;
            ck_assert_msg(difference < 12, "crop %d, key %d: %g apart", (int)crop, (int)key, difference);
        }
    golden_tensors_close(&golden);
}
END_TEST

/* All that may be drawn, and that it is the same each time. */
START_TEST(test_augment_depends_on_the_key)
{
    golden_tensors_t golden = golden_pictures_open();
    pt__memory_t *memory = &golden.context->memory;
    static uint8_t from[4096], once[3 * 14 * 12], again[3 * 14 * 12], other[3 * 14 * 12];
    const pt__picture_t base = copy_base(&golden, from);
    pt_image_options_t options;
    ck_ok(pt_image_options_init(&options, sizeof options));
    options.width = 14;
    options.height = 12;
    options.channels = 3;
    options.crop = PT_IMAGE_CROP_RANDOM_RESIZED;
    options.flip_horizontally = options.flip_vertically = options.grayscale = options.blur = options.jitter = 0.5;
    options.brightness = options.contrast = options.saturation = 1.5;
    options.hue = 0.5;
    options.blur_size = 3;
    options.randaugment = 3;
    int same = 0;
    for (uint64_t key = 0; key < 200; key++) {
        ck_ok(pt__sample_from_picture(memory, &options, &base, key, once));
        ck_ok(pt__sample_from_picture(memory, &options, &base, key, again));
        ck_ok(pt__sample_from_picture(memory, &options, &base, key + 1, other));
        ck_assert_mem_eq(once, again, sizeof once);
        same += memcmp(once, other, sizeof once) == 0;
    }
    ck_assert_int_eq(same, 0);
    golden_tensors_close(&golden);
}
END_TEST

/* One channel, one pixel, one level: what has nothing to tell apart stays, and nothing is divided by zero. */
START_TEST(test_small_and_gray)
{
    golden_tensors_t golden = golden_pictures_open();
    pt__memory_t *memory = &golden.context->memory;
    uint8_t pixels[12] = {7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7}, one[3] = {10, 200, 30};
    const pt__picture_t gray = {pixels, 4, 4, 3, 1}, single = {one, 3, 1, 1, 3};
    pt__picture_saturation(&gray, 2);
    pt__picture_hue(&gray, 0.3);
    pt__picture_make_gray(&gray);
    pt__picture_autocontrast(&gray);
    pt__picture_equalize(&gray);
    ck_ok(pt__picture_sharpness(memory, &gray, 2));
    ck_ok(pt__picture_blur(memory, &gray, 7, 2));
    pt__picture_contrast(&gray, 3);
    for (int i = 0; i < 12; i++)
        ck_assert_int_eq(pixels[i], 7);
    for (int32_t change = 0; change <= 2; change++)
        ck_ok(pt__randaugment_change(memory, change, 30, 1, &single));
    pt__picture_equalize(&single);
    pt__picture_flip_horizontally(&single);
    ck_ok(pt__picture_blur(memory, &single, 5, 1));
    ck_assert_mem_eq(one, ((uint8_t[]){10, 200, 30}), 3);
    golden_tensors_close(&golden);
}
END_TEST

START_TEST(test_failing_memory)
{
    uint8_t pixels[300] = {0}, to[300];
    const pt__picture_t picture = {pixels, 30, 10, 10, 3}, out = {to, 15, 5, 5, 3};
    failing_allocator_t allocator;
    pt_status_t status;
    FOR_EACH_FAILING_ALLOCATION(allocator, {
        pt__memory_t memory;
        failing_allocator_memory(&allocator, &memory);
        status = pt__picture_scale(&memory, &picture, &(const pt__scaling_t){0, 0, 10, 10, 5, 5, 0, 0, 0}, &out);
        if (status == PT_OK)
            status = pt__picture_blur(&memory, &picture, 3, 1);
        if (status == PT_OK)
            status = pt__picture_sharpness(&memory, &picture, 2);
        if (status == PT_OK)
            status = pt__picture_warp(&memory, &picture, (const double[6]){1, 0, 0, 0, 1, 0});
    }, status);
}
END_TEST

SUITE("edit", 20, test_scale, test_samples_in_the_middle, test_colors_and_filters, test_randaugment,
      test_crops_are_drawn_as_torchvision_s, test_samples_of_smaller_pictures, test_augment_depends_on_the_key,
      test_small_and_gray, test_failing_memory)
