/* RandAugment (Cubuk, Zoph, Shlens, Le 2020), with torchvision's list of changes and what their strengths mean. */
#include <math.h>

#include "image/edit.h"
#include "image/sample.h"

enum { STRONGEST = 30 };

static pt_status_t move(pt__memory_t *memory, const pt__picture_t *picture, double right, double down)
{
    return pt__picture_warp(memory, picture, (const double[6]){1, 0, -trunc(right), 0, 1, -trunc(down)});
}

static pt_status_t rotate(pt__memory_t *memory, const pt__picture_t *picture, double degrees)
{
    const double angle = -degrees * 3.14159265358979323846 / 180, c = cos(angle), s = sin(angle);
    const double x = picture->width / 2.0, y = picture->height / 2.0;
    return pt__picture_warp(memory, picture, (const double[6]){c, s, x - c * x - s * y, -s, c, y + s * x - c * y});
}

pt_status_t pt__randaugment_change(pt__memory_t *memory, int32_t change, int32_t strength, int32_t sign,
                                   const pt__picture_t *picture)
{
    const double part = (double)strength / STRONGEST, sheared = 0.3 * part * sign;
    const float changed = (float)(1 + 0.9 * part * sign);
    switch (change) {
    case 1:
        return pt__picture_warp(memory, picture, (const double[6]){1, sheared, 0, 0, 1, 0});
    case 2:
        return pt__picture_warp(memory, picture, (const double[6]){1, 0, 0, sheared, 1, 0});
    case 3:
        return move(memory, picture, sign * part * 150 / 331 * picture->width, 0);
    case 4:
        return move(memory, picture, 0, sign * part * 150 / 331 * picture->height);
    case 5:
        return rotate(memory, picture, sign * 30 * part);
    case 6:
        pt__picture_brightness(picture, changed);
        break;
    case 7:
        pt__picture_saturation(picture, changed);
        break;
    case 8:
        pt__picture_contrast(picture, changed);
        break;
    case 9:
        return pt__picture_sharpness(memory, picture, changed);
    case 10:
        pt__picture_posterize(picture, 8 - (int32_t)rint(4 * part));
        break;
    case 11:
        pt__picture_solarize(picture, 255 - 255 * part);
        break;
    case 12:
        pt__picture_autocontrast(picture);
        break;
    case 13:
        pt__picture_equalize(picture);
        break;
    default: /* nothing changes */
        break;
    }
    return PT_OK;
}

pt_status_t pt__randaugment(pt__memory_t *memory, int32_t strength, pt__random_t *random, const pt__picture_t *picture)
{
    const int32_t change = (int32_t)pt__random_below(random, PT__RANDAUGMENT_CHANGES);
    return pt__randaugment_change(memory, change, strength, pt__random_below(random, 2) == 0 ? 1 : -1, picture);
}
