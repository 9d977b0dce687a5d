/* Rows of a table by index, and the sum of gradients back into the table. Called through the table of kernels. */
#include <string.h>

#include "kernels/cpu/chunks.h"
#include "kernels/cpu/kernels_cpu.h"

typedef struct gather {
    pt__widen_fn widen;
    int64_t columns, row_bytes;
    const char *table;
    const int32_t *index;
    float *dst;
} gather_t;

static void gather_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const gather_t *gather = argument;
    int64_t columns = gather->columns;
    (void)chunk, (void)worker;
    for (int64_t r = begin; r < end; r++)
        gather->widen(columns, gather->table + gather->index[r] * gather->row_bytes, 0, gather->dst + r * columns);
}

void pt__cpu_gather(pt__dev device, int64_t rows, int64_t columns, int32_t dtype, const void *table,
                    const int32_t *index, float *dst)
{
    gather_t gather = {.widen = pt__cpu(device)->widen[dtype],
                       .columns = columns,
                       .row_bytes = pt__dtype_bytes(dtype, columns),
                       .table = table,
                       .index = index,
                       .dst = dst};
    pt__chunks_run(device, rows, pt__chunks_rows(columns, PT__CHUNK_CHEAP), gather_chunk, &gather);
}

/* ---- the gradient
 *
 * Rows are sorted by the row of the table that they go to, so that tasks share out the table and each of its rows is
 * written once, cleared or not. Where very many rows go to one of the table's, that leaves too few tasks: then the
 * columns are shared out, and rows are added one after the other. Either way an element is a sum in the order of
 * rows. */

enum {
    DIGIT_BITS = 8,    /* of an index, when rows are sorted */
    MOST_PARTS = 64,   /* of the table */
    FEW_ROWS = 1024,   /* so many times more rows than the table has are not worth sorting */
    LEAST_COLUMNS = 32 /* two cache lines: more tasks would read rows in too small pieces */
};

typedef struct scatter {
    const pt__vector_reduce_t *reduce;
    int64_t rows, columns, table_rows;
    const float *d_dst;
    const int32_t *index;
    const int32_t *order; /* [rows]: by index, rows of equal index as they come */
    int32_t accumulate;
    float *d_table;
    int64_t units, parts; /* of rows, and of the table's rows where they are cleared */
} scatter_t;

/* Digit by digit, the lowest first; each pass keeps the order of equal digits. scratch [2 * rows] */
static const int32_t *sort_rows(int64_t rows, const int32_t *index, int64_t table_rows, int32_t *scratch)
{
    const uint32_t digits = 1u << DIGIT_BITS;
    int32_t *from = NULL, *to = scratch;
    int32_t shift = 0;
    do {
        int32_t place[1 << DIGIT_BITS] = {0}, next = 0;
        for (int64_t r = 0; r < rows; r++)
            place[((uint32_t)index[r] >> shift) % digits]++;
        for (uint32_t i = 0; i < digits; i++) {
            int32_t count = place[i];
            place[i] = next;
            next += count;
        }
        for (int64_t i = 0; i < rows; i++) {
            int32_t r = from != NULL ? from[i] : (int32_t)i;
            to[place[((uint32_t)index[r] >> shift) % digits]++] = r;
        }
        from = to;
        to = from == scratch ? scratch + rows : scratch;
        shift += DIGIT_BITS;
    } while (shift < 32 && (table_rows - 1) >> shift > 0);
    return from;
}

/* Index of the i-th row in order. */
static int64_t index_at(const scatter_t *scatter, int64_t i)
{
    return scatter->index[scatter->order[i]];
}

/* How many rows in order have less than `least`, where each has its index and `each` for every row before it. */
static int64_t rows_below(const scatter_t *scatter, int64_t each, int64_t least)
{
    int64_t low = 0, high = scatter->rows;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (index_at(scatter, middle) + each * middle < least)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The row of the table that part `part` begins with. A row of the table is one unit of work where it is cleared, and
 * each row that is added to it another: parts have equal work wherever the indices lie. */
static int64_t part_begin(const scatter_t *scatter, int64_t part)
{
    int64_t unit = scatter->units * part / scatter->parts;
    if (part == 0 || part == scatter->parts)
        return part == 0 ? 0 : scatter->table_rows;
    if (scatter->accumulate)
        return index_at(scatter, unit - 1) + 1;
    /* those that, with the table's rows up to their own, lie before the unit */
    int64_t before = rows_below(scatter, 1, unit);
    int64_t row = unit - before;
    return before > 0 && index_at(scatter, before - 1) == row ? row + 1 : row;
}

static void add_part(void *argument, int64_t part, int32_t worker)
{
    const scatter_t *scatter = argument;
    int64_t row = part_begin(scatter, part), end = part_begin(scatter, part + 1), columns = scatter->columns;
    (void)worker;
    for (int64_t i = rows_below(scatter, 0, row), first = i; row < end; row++, first = i) {
        int64_t next = i < scatter->rows && index_at(scatter, i) < end ? index_at(scatter, i) : end;
        if (!scatter->accumulate)
            memset(scatter->d_table + row * columns, 0, (size_t)((next - row) * columns) * sizeof(float));
        if (next == end)
            break;
        row = next;
        while (i < scatter->rows && index_at(scatter, i) == row)
            i++;
        scatter->reduce->sum_chosen_rows(i - first, columns, scatter->d_dst, columns, scatter->order + first,
                                         scatter->accumulate, scatter->d_table + row * columns);
    }
}

/* Whether many rows have one index. A quarter of them is always found. */
static int is_uneven(const scatter_t *scatter)
{
    int64_t step = scatter->rows / 8;
    for (int64_t i = 0; step > 0 && i + step < scatter->rows; i += step)
        if (index_at(scatter, i) == index_at(scatter, i + step))
            return 1;
    return 0;
}

static void add_columns(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const scatter_t *scatter = argument;
    (void)chunk, (void)worker;
    scatter->reduce->add_to_rows(scatter->rows, end - begin, scatter->d_dst + begin, scatter->columns, scatter->index,
                                 scatter->d_table + begin, scatter->columns);
}

static void scatter_rows(pt__dev device, scatter_t *scatter, int32_t *scratch)
{
    int64_t columns = scatter->columns, size = pt__chunks_rows(columns, PT__CHUNK_CHEAP);
    int few = scatter->rows / FEW_ROWS >= scatter->table_rows;
    scatter->units = scatter->rows + (scatter->accumulate ? 0 : scatter->table_rows);
    scatter->parts = pt__chunks_count(scatter->units, size);
    if (scatter->parts > MOST_PARTS)
        scatter->parts = MOST_PARTS;
    if (!few)
        scatter->order = sort_rows(scatter->rows, scatter->index, scatter->table_rows, scratch);
    if (!few && (scatter->parts <= 1 || !is_uneven(scatter))) {
        pt__pool_run(pt__cpu(device)->pool, scatter->parts, add_part, scatter);
        return;
    }
    if (!scatter->accumulate)
        pt__cpu_fill(device, scatter->table_rows * columns, 0.0f, scatter->d_table);
    size = (columns / 8 + 15) / 16 * 16;
    pt__chunks_run(device, columns, size < LEAST_COLUMNS ? LEAST_COLUMNS : size, add_columns, scatter);
}

void pt__cpu_gather_gradient(pt__dev device, int64_t rows, int64_t columns, int64_t table_rows, const float *d_dst,
                             const int32_t *index, int32_t accumulate, float *d_table, int32_t *scratch)
{
    int64_t done = 0;
    do { /* once at least: without rows the table is cleared */
        int64_t count = rows - done < PT__GATHER_ROWS ? rows - done : PT__GATHER_ROWS;
        scatter_t scatter = {.reduce = pt__cpu(device)->vector->reduce,
                             .rows = count,
                             .columns = columns,
                             .table_rows = table_rows,
                             .d_dst = d_dst + done * columns,
                             .index = index + done,
                             .accumulate = accumulate || done > 0,
                             .d_table = d_table};
        scatter_rows(device, &scatter, scratch);
        done += count;
    } while (done < rows);
}
