/* Changes of colors, as Pillow's ImageEnhance and ImageOps make them; see edit.h. */
#include <math.h>
#include <string.h>

#include "image/edit.h"
#include "image/image.h"

enum { LEVELS = 256 };

/* ---- What a table of bytes does ---- */

static void apply(const pt__picture_t *picture, const uint8_t table[LEVELS])
{
    for (int32_t y = 0; y < picture->height; y++) {
        uint8_t *row = pt__picture_row(picture, y);
        for (int32_t x = 0; x < picture->width * picture->channels; x++)
            row[x] = table[row[x]];
    }
}

static void blend_from(const pt__picture_t *picture, int32_t plain, float factor)
{
    uint8_t table[LEVELS];
    for (int32_t i = 0; i < LEVELS; i++)
        table[i] = pt__picture_blend(plain, i, factor);
    apply(picture, table);
}

void pt__picture_brightness(const pt__picture_t *picture, float factor)
{
    blend_from(picture, 0, factor);
}

static uint8_t gray_of(const pt__picture_t *picture, const uint8_t *pixel)
{
    return picture->channels == 1 ? *pixel : pt__picture_gray(pixel);
}

void pt__picture_contrast(const pt__picture_t *picture, float factor)
{
    int64_t sum = 0;
    for (int32_t y = 0; y < picture->height; y++) {
        const uint8_t *pixel = pt__picture_row(picture, y);
        for (int32_t x = 0; x < picture->width; x++, pixel += picture->channels)
            sum += gray_of(picture, pixel);
    }
    blend_from(picture, (int32_t)((double)sum / ((double)picture->width * picture->height) + 0.5), factor);
}

void pt__picture_posterize(const pt__picture_t *picture, int32_t bits)
{
    uint8_t table[LEVELS];
    for (int32_t i = 0; i < LEVELS; i++)
        table[i] = (uint8_t)(i & ~(0xFF >> bits));
    apply(picture, table);
}

void pt__picture_solarize(const pt__picture_t *picture, double threshold)
{
    uint8_t table[LEVELS];
    for (int32_t i = 0; i < LEVELS; i++)
        table[i] = (uint8_t)(i < threshold ? i : 255 - i);
    apply(picture, table);
}

/* ---- What a table for each channel does ---- */

static void count_levels(const pt__picture_t *picture, int32_t channel, int64_t counts[LEVELS])
{
    memset(counts, 0, LEVELS * sizeof counts[0]);
    for (int32_t y = 0; y < picture->height; y++) {
        const uint8_t *pixel = pt__picture_row(picture, y) + channel;
        for (int32_t x = 0; x < picture->width; x++, pixel += picture->channels)
            counts[*pixel]++;
    }
}

static void apply_to(const pt__picture_t *picture, int32_t channel, const uint8_t table[LEVELS])
{
    for (int32_t y = 0; y < picture->height; y++) {
        uint8_t *pixel = pt__picture_row(picture, y) + channel;
        for (int32_t x = 0; x < picture->width; x++, pixel += picture->channels)
            *pixel = table[*pixel];
    }
}

void pt__picture_autocontrast(const pt__picture_t *picture)
{
    int64_t counts[LEVELS];
    uint8_t table[LEVELS];
    for (int32_t channel = 0; channel < picture->channels; channel++) {
        int32_t low = 0, high = LEVELS - 1;
        count_levels(picture, channel, counts);
        while (low < LEVELS - 1 && counts[low] == 0)
            low++;
        while (high > 0 && counts[high] == 0)
            high--;
        if (high <= low)
            continue;
        const double scale = 255.0 / (high - low), offset = -low * scale;
        for (int32_t i = 0; i < LEVELS; i++) {
            const int32_t level = (int32_t)(i * scale + offset);
            table[i] = (uint8_t)(level < 0 ? 0 : level > 255 ? 255 : level);
        }
        apply_to(picture, channel, table);
    }
}

void pt__picture_equalize(const pt__picture_t *picture)
{
    int64_t counts[LEVELS];
    uint8_t table[LEVELS];
    for (int32_t channel = 0; channel < picture->channels; channel++) {
        int32_t last = LEVELS - 1;
        count_levels(picture, channel, counts);
        while (counts[last] == 0)
            last--;
        const int64_t step = ((int64_t)picture->width * picture->height - counts[last]) / 255;
        int64_t below = step / 2;
        if (step == 0) /* one level alone, or too few pixels */
            continue;
        for (int32_t i = 0; i < LEVELS; i++) {
            const int64_t level = below / step;
            table[i] = (uint8_t)(level > 255 ? 255 : level);
            below += counts[i];
        }
        apply_to(picture, channel, table);
    }
}

/* ---- What a pixel's channels do to each other ---- */

void pt__picture_saturation(const pt__picture_t *picture, float factor)
{
    if (picture->channels == 1)
        return;
    for (int32_t y = 0; y < picture->height; y++) {
        uint8_t *pixel = pt__picture_row(picture, y);
        for (int32_t x = 0; x < picture->width; x++, pixel += 3) {
            const int32_t gray = pt__picture_gray(pixel);
            for (int32_t c = 0; c < 3; c++)
                pixel[c] = pt__picture_blend(gray, pixel[c], factor);
        }
    }
}

void pt__picture_make_gray(const pt__picture_t *picture)
{
    if (picture->channels == 1)
        return;
    for (int32_t y = 0; y < picture->height; y++) {
        uint8_t *pixel = pt__picture_row(picture, y);
        for (int32_t x = 0; x < picture->width; x++, pixel += 3)
            pixel[0] = pixel[1] = pixel[2] = pt__picture_gray(pixel);
    }
}

typedef struct hsv { /* 0 to 255 each */
    uint8_t hue, saturation, value;
} hsv_t;

static hsv_t to_hsv(const uint8_t *pixel)
{
    const uint8_t r = pixel[0], g = pixel[1], b = pixel[2];
    const uint8_t most = r > g ? (r > b ? r : b) : (g > b ? g : b), least = r < g ? (r < b ? r : b) : (g < b ? g : b);
    if (most == least)
        return (hsv_t){.value = most};
    const float range = (float)(most - least), red = (float)(most - r) / range, green = (float)(most - g) / range,
                blue = (float)(most - b) / range;
    float hue = r == most ? blue - green : g == most ? (float)(2.0 + red - blue) : (float)(4.0 + green - red);
    const double turned = hue / 6.0 + 1.0;
    hue = (float)(turned >= 1 ? turned - 1 : turned); /* turned is from 5/6 to 11/6 */
    return (hsv_t){(uint8_t)(hue * 255.0), (uint8_t)(range / (float)most * 255.0), most};
}

static uint8_t rounded(double value)
{
    return (uint8_t)floor(value + 0.5);
}

static void from_hsv(hsv_t color, uint8_t *pixel)
{
    const float sixth = (float)(color.hue * 6.0 / 255.0);
    const int32_t part = (int32_t)sixth;
    const float f = sixth - (float)part, s = (float)(color.saturation / 255.0), v = color.value;
    const uint8_t value = color.value, p = rounded(v * (1.0 - s)), q = rounded(v * (1.0 - s * f)),
                  t = rounded(v * (1.0 - s * (1.0 - f)));
    const uint8_t ways[6][3] = {{value, t, p}, {q, value, p}, {p, value, t},
                                {p, q, value}, {t, p, value}, {value, p, q}};
    memcpy(pixel, color.saturation == 0 ? (const uint8_t[3]){value, value, value} : ways[part % 6], 3);
}

void pt__picture_hue(const pt__picture_t *picture, double turn)
{
    const uint8_t added = (uint8_t)(int32_t)(turn * 255);
    if (picture->channels == 1)
        return;
    for (int32_t y = 0; y < picture->height; y++) {
        uint8_t *pixel = pt__picture_row(picture, y);
        for (int32_t x = 0; x < picture->width; x++, pixel += 3) {
            hsv_t color = to_hsv(pixel);
            color.hue = (uint8_t)(color.hue + added);
            from_hsv(color, pixel);
        }
    }
}
