/* What sample cases of pooling do not come to: NaN, equals, infinities, and windows that lie in the padding alone. */
#include "kernels/every_device.h"

enum { CHANNELS = 19, PLACES = 5 };

typedef struct pooling {
    pt__window_pool_t pool;
    const float *d_dst; /* NULL: forward */
} pooling_t;

/* Backward after forward, which says where the maxima come from. */
static void run_pool(pt__dev device, const void *argument, float *out)
{
    const pooling_t *c = argument;
    float dst[2 * CHANNELS];
    int32_t places[2 * CHANNELS];
    pt__window_pool_t pool = c->pool;
    pool.dst = c->d_dst == NULL ? out : dst;
    pool.places = c->d_dst == NULL ? NULL : places;
    device->kernels->window_pool(device, &pool);
    if (c->d_dst != NULL) {
        pt__window_pool_gradient_t gradient = {.pool = pool, .d_dst = c->d_dst, .d_src = out};
        device->kernels->window_pool_gradient(device, &gradient);
    }
}

/* A length of PLACES, every channel the same: the maxima, and where their gradients, 1 and 10, go. */
static void check_maxima(const char *what, const float values[PLACES], const pt__window_axis_t *axis,
                         const double maxima[2], const double gradient[PLACES])
{
    float src[PLACES * CHANNELS], d_dst[2 * CHANNELS];
    double expected[2 * CHANNELS], d_src[PLACES * CHANNELS];
    for (int i = 0; i < PLACES * CHANNELS; i++) {
        src[i] = values[i / CHANNELS];
        d_src[i] = gradient[i / CHANNELS];
    }
    for (int i = 0; i < 2 * CHANNELS; i++) {
        expected[i] = maxima[i / CHANNELS];
        d_dst[i] = i < CHANNELS ? 1 : 10;
    }
    pooling_t c = {.pool = {.reduce = PT__REDUCE_MAX,
                            .pictures = 1,
                            .channels = CHANNELS,
                            .rows = {.src = 1, .dst = 1, .size = 1, .stride = 1, .dilation = 1},
                            .columns = *axis,
                            .src = src}};
    on_every_device(what, run_pool, &c, 2 * CHANNELS, NULL, expected, 0);
    c.d_dst = d_dst;
    on_every_device(what, run_pool, &c, PLACES * CHANNELS, NULL, d_src, 0);
    c.pool.wide_places = 1;
    on_every_device(what, run_pool, &c, PLACES * CHANNELS, NULL, d_src, 0);
}

START_TEST(test_maxima)
{
    /* two windows of three places, which share the third */
    const pt__window_axis_t axis = {.src = PLACES, .dst = 2, .size = 3, .stride = 2, .dilation = 1};
    const float inf = INFINITY, nan = NAN;
    check_maxima("equals", (const float[]){2, 1, 2, 2, -1}, &axis, (const double[]){2, 2},
                 (const double[]){1, 0, 10, 0, 0});
    check_maxima("not a number", (const float[]){1, nan, 3, nan, nan}, &axis, (const double[]){NAN, NAN},
                 (const double[]){0, 1, 0, 10, 0});
    check_maxima("infinities", (const float[]){-inf, -inf, -inf, inf, inf}, &axis,
                 (const double[]){-INFINITY, INFINITY}, (const double[]){1, 0, 0, 10, 0});
}
END_TEST

/* The first window's places, -2 and 7, are both padding: no place has its maximum, and no gradient. */
START_TEST(test_padding_alone)
{
    const pt__window_axis_t axis = {
        .src = PLACES, .dst = 2, .size = 2, .stride = 3, .dilation = 9, .before = 2, .after = 9};
    check_maxima("padding", (const float[]){5, 4, 3, 2, 1}, &axis, (const double[]){-INFINITY, 4},
                 (const double[]){0, 10, 0, 0, 0});
}
END_TEST

SUITE("window pool", 20, test_maxima, test_padding_alone)
