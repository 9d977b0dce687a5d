/* Rotary positions: each row's cosines and sines, from the tables or, where its sample has frequencies of its own, from
 * these; and the rotation of its heads. Cut over the pool by rows. Called through the table. */
#include <math.h>
#include <string.h>

#include "kernels/cpu/chunks.h"
#include "kernels/cpu/kernels_cpu.h"

enum { WIDEST = 256 };

typedef struct sample { /* that a row lies in */
    int64_t number, first, rows;
    int64_t start;      /* the first row's position */
    const float *table; /* NULL: by its own frequencies */
    double frequency[WIDEST / 2];
} sample_t;

static int64_t first_row(const pt__rotary_t *rotary, int64_t sample)
{
    return rotary->offsets != NULL ? rotary->offsets[sample] : sample * rotary->length;
}

static void enter_sample(const pt__rotary_t *rotary, int64_t number, sample_t *sample)
{
    sample->number = number;
    sample->first = first_row(rotary, number);
    sample->rows = first_row(rotary, number + 1) - sample->first;
    sample->start = rotary->starts != NULL ? rotary->starts[number] : 0;
    int64_t length = sample->start + sample->rows, half = rotary->width / 2;
    int32_t is_long = rotary->original > 0 && length > rotary->original;
    sample->table = rotary->table;
    if (!is_long)
        return;
    if (rotary->factor <= 0) {
        sample->table += rotary->table_rows * rotary->width;
        return;
    }
    double width = (double)rotary->width;
    double stretch = rotary->factor * (double)length / (double)rotary->original - (rotary->factor - 1);
    double base = rotary->base * pow(stretch, width / (width - 2));
    for (int64_t i = 0; i < half; i++)
        sample->frequency[i] = pow(base, -2 * (double)i / width);
    sample->table = NULL;
}

/* The sample of a row, by halving. */
static void find_sample(const pt__rotary_t *rotary, int64_t row, sample_t *sample)
{
    int64_t low = 0, high = rotary->samples - 1;
    while (low < high) {
        int64_t middle = (low + high + 1) / 2;
        if (first_row(rotary, middle) <= row)
            low = middle;
        else
            high = middle - 1;
    }
    enter_sample(rotary, low, sample);
}

/* row: the cosines, then the sines, [width / 2] each. */
static void turn_of(const pt__rotary_t *rotary, const pt__vector_rotary_t *vector, const sample_t *sample,
                    int64_t position, float *row)
{
    int64_t half = rotary->width / 2, lows = (int64_t)1 << rotary->shift;
    if (sample->table != NULL)
        vector->combine(half, sample->table + (position & (lows - 1)) * rotary->width,
                        sample->table + (lows + (position >> rotary->shift)) * rotary->width, row);
    else
        for (int64_t i = 0; i < half; i++) {
            row[i] = (float)(rotary->scale * cos((double)position * sample->frequency[i]));
            row[half + i] = (float)(rotary->scale * sin((double)position * sample->frequency[i]));
        }
    if (rotary->inverse)
        for (int64_t i = half; i < rotary->width; i++)
            row[i] = -row[i];
}

/* For pairs: what a number is multiplied with, then what its neighbour is, [width] each. */
static void spread(int64_t half, const float *row, float *both)
{
    for (int64_t i = 0; i < half; i++) {
        both[2 * i] = both[2 * i + 1] = row[i];
        both[2 * (half + i)] = -row[half + i];
        both[2 * (half + i) + 1] = row[half + i];
    }
}

/* What is not rotated. */
static void copy_rest(const pt__rotary_t *rotary, const float *src, float *dst)
{
    int64_t rest = rotary->head_width - rotary->width, rotated = rotary->rotated_heads * rotary->head_width;
    for (int64_t h = 0; rest > 0 && h < rotary->rotated_heads; h++)
        memcpy(dst + h * rotary->head_width + rotary->width, src + h * rotary->head_width + rotary->width,
               (size_t)rest * sizeof(float));
    memcpy(dst + rotated, src + rotated, (size_t)(rotary->heads * rotary->head_width - rotated) * sizeof(float));
}

typedef struct rotation {
    const pt__rotary_t *rotary;
    const pt__vector_rotary_t *vector;
} rotation_t;

static void rotate_rows(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const rotation_t *rotation = argument;
    const pt__rotary_t *rotary = rotation->rotary;
    const pt__vector_rotary_t *vector = rotation->vector;
    int64_t half = rotary->width / 2, columns = rotary->heads * rotary->head_width;
    float row[WIDEST], both[2 * WIDEST];
    sample_t sample;
    (void)chunk, (void)worker;
    find_sample(rotary, begin, &sample);
    for (int64_t r = begin; r < end; r++) {
        const float *src = rotary->src + r * columns;
        float *dst = rotary->dst + r * columns;
        while (r >= sample.first + sample.rows)
            enter_sample(rotary, sample.number + 1, &sample);
        turn_of(rotary, vector, &sample, sample.start + r - sample.first, row);
        if (rotary->interleaved) {
            spread(half, row, both);
            vector->pairs(rotary->rotated_heads, rotary->head_width, half, both, src, dst);
        } else
            vector->halves(rotary->rotated_heads, rotary->head_width, half, row, src, dst);
        if (src != dst)
            copy_rest(rotary, src, dst);
    }
}

void pt__cpu_rotary(pt__dev device, const pt__rotary_t *rotary)
{
    rotation_t rotation = {.rotary = rotary, .vector = pt__cpu(device)->vector->rotary};
    int64_t columns = rotary->heads * rotary->head_width;
    pt__chunks_run(device, first_row(rotary, rotary->samples), pt__chunks_rows(columns, PT__CHUNK_CHEAP), rotate_rows,
                   &rotation);
}
