/* Inner loops of convolution, over channels that lie side by side.
 *
 * Winograd's F(4x4, 3x3) (Lavin 2015): 4x4 elements of a result come from 6x6 of what is read, d, and the kernel g as
 *   Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A,
 * 36 multiplications for 144, summed over channels as 36 matrix products. The gradient by the weight is its transpose,
 *   Gᵀ [(Bᵀ d B) ⊙ (A y Aᵀ)] G. */
#include "kernels/cpu/level/rows.h"
#include "kernels/cpu/vector.h"

INLINE void transform_tile(const floats_t *d, floats_t *to) /* Bᵀ: 6 to 6 */
{
    floats_t even = d[4] - 4.0f * d[2], odd = d[3] - 4.0f * d[1], near = d[4] - d[2], far = 2.0f * (d[3] - d[1]);
    to[0] = 4.0f * d[0] - 5.0f * d[2] + d[4];
    to[1] = even + odd;
    to[2] = even - odd;
    to[3] = near + far;
    to[4] = near - far;
    to[5] = 4.0f * d[1] - 5.0f * d[3] + d[5];
}

INLINE void transform_result(const floats_t *m, floats_t *to) /* Aᵀ: 6 to 4 */
{
    floats_t near = m[1] + m[2], odd = m[1] - m[2], far = m[3] + m[4], wide = m[3] - m[4];
    to[0] = m[0] + near + far;
    to[1] = odd + 2.0f * wide;
    to[2] = near + 4.0f * far;
    to[3] = odd + 8.0f * wide + m[5];
}

INLINE void transform_gradient(const floats_t *y, floats_t *to) /* A: 4 to 6 */
{
    floats_t even = y[0] + y[2], odd = y[1] + y[3], far = y[0] + 4.0f * y[2], wide = 2.0f * y[1] + 8.0f * y[3];
    to[0] = y[0];
    to[1] = even + odd;
    to[2] = even - odd;
    to[3] = far + wide;
    to[4] = far - wide;
    to[5] = y[3];
}

INLINE void transform_kernel(const floats_t *g, floats_t *to) /* G: 3 to 6 */
{
    const float sixth = 1.0f / 6.0f, twelfth = 1.0f / 12.0f;
    floats_t even = -sixth * (g[0] + g[2]), odd = sixth * g[1];
    floats_t far = 0.5f * twelfth * g[0] + sixth * g[2], wide = twelfth * g[1];
    to[0] = 0.25f * g[0];
    to[1] = even - odd;
    to[2] = even + odd;
    to[3] = far + wide;
    to[4] = far - wide;
    to[5] = g[2];
}

INLINE void transform_sum(const floats_t *p, floats_t *to) /* Gᵀ: 6 to 3 */
{
    const float sixth = 1.0f / 6.0f, twelfth = 1.0f / 12.0f;
    floats_t near = sixth * (p[1] + p[2]), far = p[3] + p[4];
    to[0] = 0.25f * p[0] - near + 0.5f * twelfth * far;
    to[1] = sixth * (p[2] - p[1]) + twelfth * (p[3] - p[4]);
    to[2] = sixth * far - near + p[5];
}

/* `of` along both axes of a square of FROM x FROM, of LANES channels, or of the few that are left. */
#define TRANSFORM(name, of, FROM, TO)                                                                        \
    INLINE void name##_square(int64_t few, const float *src, int64_t row, int64_t element, float *dst,       \
                              int64_t dst_row, int64_t dst_element)                                          \
    {                                                                                                        \
        floats_t half[TO][FROM], in[FROM], out[TO];                                                          \
        _Pragma("GCC unroll 6") for (int j = 0; j < FROM; j++)                                               \
        {                                                                                                    \
            _Pragma("GCC unroll 6") for (int i = 0; i < FROM; i++)                                           \
                in[i] = few == LANES ? load(src + i * row + j * element)                                     \
                                     : load_part(src + i * row + j * element, few, 0.0f);                    \
            of(in, out);                                                                                     \
            _Pragma("GCC unroll 6") for (int i = 0; i < TO; i++) half[i][j] = out[i];                        \
        }                                                                                                    \
        _Pragma("GCC unroll 6") for (int i = 0; i < TO; i++)                                                 \
        {                                                                                                    \
            of(half[i], out);                                                                                \
            _Pragma("GCC unroll 6") for (int j = 0; j < TO; j++) if (few == LANES)                           \
                store(dst + i * dst_row + j * dst_element, out[j]);                                          \
            else store_part(dst + i * dst_row + j * dst_element, out[j], few);                               \
        }                                                                                                    \
    }                                                                                                        \
    static void name(int64_t n, const float *src, int64_t row, int64_t element, float *dst, int64_t dst_row, \
                     int64_t dst_element)                                                                    \
    {                                                                                                        \
        int64_t c = 0;                                                                                       \
        for (; c + LANES <= n; c += LANES)                                                                   \
            name##_square(LANES, src + c, row, element, dst + c, dst_row, dst_element);                      \
        if (c < n)                                                                                           \
            name##_square(n - c, src + c, row, element, dst + c, dst_row, dst_element);                      \
    }

TRANSFORM(tile, transform_tile, 6, 6)
TRANSFORM(result, transform_result, 6, 4)
TRANSFORM(gradient, transform_gradient, 4, 6)
TRANSFORM(kernel, transform_kernel, 3, 6)
TRANSFORM(sum, transform_sum, 6, 3)

/* ---- Each channel by itself ---- */

enum { STRETCH = 16 }; /* elements from where a weight's sums are in memory to where they are again */

/* Some elements of dst, of LANES channels, or of the few that are left. */
#define DEPTHWISE(elements)                                                                                            \
    INLINE void depthwise_##elements(int64_t few, int64_t taps, const float *const *src, int64_t at, int64_t src_step, \
                                     const float *const *weight, int64_t c, float *dst, int64_t dst_step)              \
    {                                                                                                                  \
        floats_t sum[elements] = {{0}};                                                                                \
        for (int64_t t = 0; t < taps; t++) {                                                                           \
            const floats_t w = load_some(weight[t] + c, few);                                                          \
            const float *from = src[t] + at + c;                                                                       \
            _Pragma("GCC unroll 8") for (int x = 0; x < elements; x++)                                                 \
                sum[x] += load_some(from + x * src_step, few) * w;                                                     \
        }                                                                                                              \
        _Pragma("GCC unroll 8") for (int x = 0; x < elements; x++) store_some(dst + x * dst_step + c, sum[x], few);    \
    }                                                                                                                  \
    static void depthwise_row_##elements(int64_t channels, int64_t taps, const float *const *src, int64_t at,          \
                                         int64_t src_step, const float *const *weight, float *dst, int64_t dst_step)   \
    {                                                                                                                  \
        int64_t c = 0;                                                                                                 \
        for (; c + LANES <= channels; c += LANES)                                                                      \
            depthwise_##elements(LANES, taps, src, at, src_step, weight, c, dst, dst_step);                            \
        if (c < channels)                                                                                              \
            depthwise_##elements(channels - c, taps, src, at, src_step, weight, c, dst, dst_step);                     \
    }

DEPTHWISE(8)
DEPTHWISE(4)
DEPTHWISE(1)

static void depthwise(int64_t count, int64_t channels, int64_t taps, const float *const *src, int64_t src_step,
                      const float *const *weight, float *dst, int64_t dst_step)
{
    int64_t x = 0;
    for (; x + 8 <= count; x += 8)
        depthwise_row_8(channels, taps, src, x * src_step, src_step, weight, dst + x * dst_step, dst_step);
    for (; x + 4 <= count; x += 4)
        depthwise_row_4(channels, taps, src, x * src_step, src_step, weight, dst + x * dst_step, dst_step);
    for (; x < count; x++)
        depthwise_row_1(channels, taps, src, x * src_step, src_step, weight, dst + x * dst_step, dst_step);
}

/* Some taps' sums over a stretch of elements. */
#define DEPTHWISE_WEIGHT(taps)                                                                                    \
    INLINE void depthwise_weight_##taps(int64_t few, int64_t count, const float *const *src, int64_t at,          \
                                        int64_t src_step, const float *d_dst, int64_t d_step, float *const *sums, \
                                        int64_t c)                                                                \
    {                                                                                                             \
        floats_t sum[taps];                                                                                       \
        const float *from[taps];                                                                                  \
        _Pragma("GCC unroll 9") for (int t = 0; t < taps; t++) sum[t] = load_some(sums[t] + c, few);              \
        _Pragma("GCC unroll 9") for (int t = 0; t < taps; t++) from[t] = src[t] + at + c;                         \
        for (int64_t x = 0; x < count; x++) {                                                                     \
            const floats_t d = load_some(d_dst + x * d_step + c, few);                                            \
            _Pragma("GCC unroll 9") for (int t = 0; t < taps; t++)                                                \
                sum[t] += load_some(from[t] + x * src_step, few) * d;                                             \
        }                                                                                                         \
        _Pragma("GCC unroll 9") for (int t = 0; t < taps; t++) store_some(sums[t] + c, sum[t], few);              \
    }                                                                                                             \
    static void depthwise_sums_##taps(int64_t count, int64_t channels, const float *const *src, int64_t at,       \
                                      int64_t src_step, const float *d_dst, float *const *sums)                   \
    {                                                                                                             \
        int64_t c = 0;                                                                                            \
        for (; c + LANES <= channels; c += LANES)                                                                 \
            depthwise_weight_##taps(LANES, count, src, at, src_step, d_dst, channels, sums, c);                   \
        if (c < channels)                                                                                         \
            depthwise_weight_##taps(channels - c, count, src, at, src_step, d_dst, channels, sums, c);            \
    }

DEPTHWISE_WEIGHT(9)
DEPTHWISE_WEIGHT(6)
DEPTHWISE_WEIGHT(1)

static void depthwise_weight(int64_t count, int64_t channels, int64_t taps, const float *const *src, int64_t src_step,
                             const float *d_dst, float *const *sums)
{
    for (int64_t x = 0; x < count; x += STRETCH) {
        const int64_t stretch = count - x < STRETCH ? count - x : STRETCH, at = x * src_step;
        const float *d = d_dst + x * channels;
        int64_t t = 0;
        for (; t + 9 <= taps; t += 9)
            depthwise_sums_9(stretch, channels, src + t, at, src_step, d, sums + t);
        for (; t + 6 <= taps; t += 6)
            depthwise_sums_6(stretch, channels, src + t, at, src_step, d, sums + t);
        for (; t < taps; t++)
            depthwise_sums_1(stretch, channels, src + t, at, src_step, d, sums + t);
    }
}

const pt__vector_convolution_t PT__LEVEL(pt__vector_convolution) = {
    .depthwise = depthwise,
    .depthwise_weight = depthwise_weight,
    .tile = tile,
    .result = result,
    .gradient = gradient,
    .kernel = kernel,
    .sum = sum,
};
