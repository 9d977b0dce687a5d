/* Columns of a matrix, for batch norm and its relatives: their means and squares, rows moved and scaled by them, and
 * the gradient of that. A level's part of pt__vector_t.
 *
 * Floats are added up over a block of ROWS rows and join a longer sum as doubles. Squares are of distances from the
 * block's own mean, taken from the first cache, where the block lies by then: neither a large mean nor many rows cost
 * digits, and memory is read once. */
#include "kernels/cpu/level/rows.h"
#include "kernels/cpu/vector.h"

enum { ROWS = 32, VECTORS = 4 };

/* Adds `rows` values of this mean and these squares to `before` of others. */
INLINE void join(int64_t before, int64_t rows, double mean, double squares, double *all_mean, double *all_squares)
{
    double distance = mean - *all_mean, share = (double)rows / (double)(before + rows);
    *all_mean += distance * share;
    *all_squares += squares + distance * distance * share * (double)before;
}

INLINE void store_doubles(double *p, floats_t v, int64_t n)
{
    float part[LANES];
    store(part, v);
    for (int64_t i = 0; i < n; i++)
        p[i] = (double)part[i];
}

/* `count` vectors of columns, n of the last one, of rows that are ROWS at most: their means, and their squares. Numbers
 * are counted from the first row's, which takes a large mean away before anything is added up. */
INLINE void block_moments(int64_t rows, const float *src, int64_t stride, int64_t n, double *mean, double *squares,
                          int count)
{
    floats_t base[VECTORS], sum[VECTORS], square[VECTORS];
    for (int j = 0; j < count; j++) {
        base[j] = load_some(src + j * LANES, n);
        sum[j] = square[j] = (floats_t){0};
    }
    for (int64_t r = 1; r < rows; r++)
        for (int j = 0; j < count; j++)
            sum[j] += load_some(src + r * stride + j * LANES, n) - base[j];
    for (int j = 0; j < count; j++)
        sum[j] = sum[j] / (float)rows;
    for (int64_t r = 0; r < rows; r++)
        for (int j = 0; j < count; j++) {
            floats_t distance = load_some(src + r * stride + j * LANES, n) - base[j] - sum[j];
            square[j] += distance * distance;
        }
    for (int j = 0; j < count; j++) {
        int64_t width = n < LANES ? n : LANES;
        double first[LANES];
        store_doubles(first, base[j], width);
        store_doubles(mean + j * LANES, sum[j], width);
        store_doubles(squares + j * LANES, square[j], width);
        for (int64_t i = 0; i < width; i++)
            mean[j * LANES + i] += first[i];
    }
}

static void moments(int64_t rows, int64_t columns, const float *src, int64_t stride, double *mean, double *squares)
{
    for (int64_t c = 0; c < columns; c++)
        mean[c] = squares[c] = 0;
    for (int64_t r = 0; r < rows; r += ROWS) {
        int64_t height = rows - r < ROWS ? rows - r : ROWS;
        for (int64_t c = 0; c < columns;) {
            double block_mean[VECTORS * LANES], block_squares[VECTORS * LANES];
            const float *from = src + r * stride + c;
            int64_t width = columns - c >= VECTORS * LANES ? VECTORS * LANES
                            : columns - c >= LANES         ? LANES
                                                           : columns - c;
            if (width == VECTORS * LANES)
                block_moments(height, from, stride, LANES, block_mean, block_squares, VECTORS);
            else if (width == LANES)
                block_moments(height, from, stride, LANES, block_mean, block_squares, 1);
            else
                block_moments(height, from, stride, width, block_mean, block_squares, 1);
            for (int64_t i = 0; i < width; i++)
                join(r, height, block_mean[i], block_squares[i], mean + c + i, squares + c + i);
            c += width;
        }
    }
}

static void normalize(int64_t rows, int64_t columns, const float *src, int64_t stride, const float *mean,
                      const float *inverse, const float *weight, const float *bias, float *dst)
{
    for (int64_t r = 0; r < rows; r++, src += stride, dst += stride)
        for (int64_t c = 0; c < columns; c += LANES) {
            int64_t n = columns - c;
            floats_t h = (load_some(src + c, n) - load_some(mean + c, n)) * load_some(inverse + c, n);
            if (weight != NULL)
                h = h * load_some(weight + c, n);
            if (bias != NULL)
                h = h + load_some(bias + c, n);
            store_some(dst + c, h, n);
        }
}

INLINE void block_sums(int64_t rows, const float *src, const float *d_dst, int64_t stride, const float *mean, int64_t n,
                       double *sums, double *products, int count)
{
    floats_t sum[VECTORS], product[VECTORS], middle[VECTORS];
    for (int j = 0; j < count; j++) {
        sum[j] = product[j] = (floats_t){0};
        middle[j] = load_some(mean + j * LANES, n);
    }
    for (int64_t r = 0; r < rows; r++)
        for (int j = 0; j < count; j++) {
            floats_t d = load_some(d_dst + r * stride + j * LANES, n);
            sum[j] += d;
            product[j] += d * (load_some(src + r * stride + j * LANES, n) - middle[j]);
        }
    for (int j = 0; j < count; j++) {
        store_doubles(sums + j * LANES, sum[j], n < LANES ? n : LANES);
        store_doubles(products + j * LANES, product[j], n < LANES ? n : LANES);
    }
}

static void gradient_sums(int64_t rows, int64_t columns, const float *src, const float *d_dst, int64_t stride,
                          const float *mean, double *sums, double *products)
{
    for (int64_t c = 0; c < columns; c++)
        sums[c] = products[c] = 0;
    for (int64_t r = 0; r < rows; r += ROWS) {
        int64_t height = rows - r < ROWS ? rows - r : ROWS;
        for (int64_t c = 0; c < columns;) {
            double block_sum[VECTORS * LANES], block_product[VECTORS * LANES];
            int64_t at = r * stride + c;
            int64_t width = columns - c >= VECTORS * LANES ? VECTORS * LANES
                            : columns - c >= LANES         ? LANES
                                                           : columns - c;
            if (width == VECTORS * LANES)
                block_sums(height, src + at, d_dst + at, stride, mean + c, LANES, block_sum, block_product, VECTORS);
            else if (width == LANES)
                block_sums(height, src + at, d_dst + at, stride, mean + c, LANES, block_sum, block_product, 1);
            else
                block_sums(height, src + at, d_dst + at, stride, mean + c, width, block_sum, block_product, 1);
            for (int64_t i = 0; i < width; i++) {
                sums[c + i] += block_sum[i];
                products[c + i] += block_product[i];
            }
            c += width;
        }
    }
}

static void gradient(int64_t rows, int64_t columns, const float *src, const float *d_dst, int64_t stride,
                     const float *mean, const float *scale, const float *constant, const float *slope, float *d_src)
{
    for (int64_t r = 0; r < rows; r++, src += stride, d_dst += stride, d_src += stride)
        for (int64_t c = 0; c < columns; c += LANES) {
            int64_t n = columns - c;
            floats_t d = load_some(d_dst + c, n) * load_some(scale + c, n);
            if (slope != NULL)
                d = d - load_some(constant + c, n) -
                    (load_some(src + c, n) - load_some(mean + c, n)) * load_some(slope + c, n);
            store_some(d_src + c, d, n);
        }
}

extern const pt__vector_columns_t PT__LEVEL(pt__vector_columns);
const pt__vector_columns_t PT__LEVEL(pt__vector_columns) = {
    .moments = moments,
    .normalize = normalize,
    .gradient_sums = gradient_sums,
    .gradient = gradient,
};
