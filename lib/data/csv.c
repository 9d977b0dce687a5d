/* Datasets from CSV (csv_records.h). Everything is read and checked when the dataset is made. All records have as many
 * fields as the first. Numbers have a point whatever the locale, and may stand between blanks. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/number.h"
#include "data/csv_records.h"
#include "data/sources.h"
#include "data/table.h"

typedef struct reader {
    pt__csv_t csv;
    pt__cell_t *headings; /* of the first record; NULL without */
    int64_t n_headings;
    int64_t **places;    /* [table->n_columns][values a sample] of their cells */
    const char *missing; /* what stands for a missing number beside the empty cell; NULL: nothing */
} reader_t;

/* ---- Columns ---- */

/* "#3": the third. */
static int64_t parse_place(const char *source)
{
    int64_t number;
    return source[0] == '#' && pt__number_parse_int64(source + 1, (int64_t)strlen(source + 1), &number) && number >= 1
               ? number - 1
               : -1;
}

static pt_status_t find_heading(reader_t *reader, const char *name, int64_t *place)
{
    *place = -1;
    for (int64_t i = 0; i < reader->n_headings; i++) {
        const char *bytes;
        int64_t length;
        PT__TRY(pt__csv_plain_bytes(&reader->csv, &reader->headings[i], &bytes, &length));
        if (length != (int64_t)strlen(name) || memcmp(bytes, name, (size_t)length) != 0)
            continue;
        if (*place >= 0)
            return pt__fail(PT_ERR_FORMAT,
                            "%s: columns %lld and %lld are both headed \"%s\"; \"#%lld\" names one of them",
                            reader->csv.path, (long long)*place + 1, (long long)i + 1, name, (long long)i + 1);
        *place = i;
    }
    return PT_OK;
}

/* The cell that a column named `name` begins with. */
static pt_status_t find_place(reader_t *reader, const char *name, int64_t count, int64_t *place)
{
    PT__TRY(find_heading(reader, name, place));
    if (*place < 0)
        *place = parse_place(name);
    if (*place < 0)
        return pt__fail(PT_ERR_NOT_FOUND, "%s: %s \"%s\"", reader->csv.path,
                        reader->headings != NULL ? "no column is headed"
                                                 : "without headings a column is named as \"#3\", not",
                        name);
    if (*place >= reader->csv.n_cells || count > reader->csv.n_cells - *place)
        return pt__fail(PT_ERR_NOT_FOUND, "%s: column \"%s\" ends at the %lldth, but there are %lld", reader->csv.path,
                        name, (long long)(*place > INT64_MAX - count ? INT64_MAX : *place + count),
                        (long long)reader->csv.n_cells);
    return PT_OK;
}

/* Cells of a column in a record. */
static int64_t count_cells(const pt__table_t *table, int32_t column)
{
    const pt_column_t *asked = pt__table_column(table, column);
    return asked->kind == PT_COLUMN_NUMBER ? pt__table_numbers(table, column) : asked->pair != NULL ? 2 : 1;
}

static pt_status_t find_column(reader_t *reader, const pt__table_t *table, int32_t column)
{
    const pt_column_t *asked = pt__table_column(table, column);
    int64_t count = count_cells(table, column), first = 0;
    if (asked->sources == NULL)
        PT__TRY(find_place(reader, asked->source, asked->pair != NULL ? 1 : count, &first));
    PT__TRY(pt__allocate(reader->csv.memory, (size_t)count, sizeof **reader->places, "columns of a table",
                         &reader->places[column]));
    for (int64_t i = 0; i < count; i++) {
        reader->places[column][i] = first + i;
        if (asked->sources != NULL)
            PT__TRY(find_place(reader, asked->sources[i], 1, &reader->places[column][i]));
    }
    if (asked->pair != NULL)
        PT__TRY(find_place(reader, asked->pair, 1, &reader->places[column][1]));
    return PT_OK;
}

/* The heading above a cell, or its number: "x1", "#3". */
static const char *name_cell(const reader_t *reader, int64_t place, char *buffer, size_t size)
{
    const pt__cell_t *heading = reader->headings == NULL ? NULL : &reader->headings[place];
    if (heading == NULL)
        snprintf(buffer, size, "#%lld", (long long)place + 1);
    else
        snprintf(buffer, size, "%.*s", (int)(heading->length < 80 ? heading->length : 80), heading->bytes);
    return buffer;
}

/* ---- Rows ---- */

static pt_status_t add_number(const reader_t *reader, pt__table_t *table, int32_t column, const char *bytes,
                              int64_t length)
{
    double value;
    while (length > 0 && (bytes[0] == ' ' || bytes[0] == '\t')) {
        bytes++;
        length--;
    }
    while (length > 0 && (bytes[length - 1] == ' ' || bytes[length - 1] == '\t'))
        length--;
    if (length == 0 || (reader->missing != NULL && length == (int64_t)strlen(reader->missing) &&
                        memcmp(bytes, reader->missing, (size_t)length) == 0))
        return pt__table_add_missing(table, column);
    if (!pt__number_parse(bytes, length, &value))
        return pt__fail(PT_ERR_FORMAT, "expected a number, found \"%.*s\"", (int)(length < 40 ? length : 40), bytes);
    return pt__table_add_number(table, column, value);
}

static pt_status_t add_cell(reader_t *reader, pt__table_t *table, int32_t column, const pt__cell_t *cell)
{
    const char *bytes;
    int64_t length;
    PT__TRY(pt__csv_plain_bytes(&reader->csv, cell, &bytes, &length));
    switch (pt__table_column(table, column)->kind) {
    case PT_COLUMN_CLASS:
        return pt__table_add_class(table, column, bytes, length);
    case PT_COLUMN_NUMBER:
        return add_number(reader, table, column, bytes, length);
    default:
        return pt__table_add_text(table, column, bytes, length);
    }
}

static pt_status_t add_record(reader_t *reader, pt__table_t *table)
{
    int64_t line = reader->csv.cells[0].line;
    char name[96];
    for (int32_t i = 0; i < table->n_columns; i++) {
        const int32_t has_pair = pt__table_column(table, i)->pair != NULL;
        for (int64_t k = 0; k < count_cells(table, i); k++) {
            int64_t place = reader->places[i][k];
            if (has_pair && k == 1)
                PT__TRY(pt__table_begin_pair(table, i));
            pt_status_t status = add_cell(reader, table, i, &reader->csv.cells[place]);
            if (status != PT_OK)
                return pt__fail_within(status, "%s: line %lld, column %lld (\"%s\")", reader->csv.path,
                                       (long long)reader->csv.cells[place].line, (long long)place + 1,
                                       name_cell(reader, place, name, sizeof name));
        }
    }
    pt_status_t status = pt__table_end_row(table);
    return status == PT_OK ? PT_OK : pt__fail_within(status, "%s: line %lld", reader->csv.path, (long long)line);
}

static pt_status_t read_file(reader_t *reader, pt__table_t *table, int32_t has_headings)
{
    if (pt__csv_is_at_end(&reader->csv))
        return pt__fail(PT_ERR_FORMAT, "%s: expected records, found an empty file", reader->csv.path);
    PT__TRY(pt__csv_read_record(&reader->csv));
    int64_t columns = reader->csv.n_cells;
    if (has_headings) { /* kept aside: the record's array becomes the headings' */
        reader->headings = reader->csv.cells;
        reader->n_headings = columns;
        reader->csv.cells = NULL;
        reader->csv.capacity = 0;
    }
    for (int32_t i = 0; i < table->n_columns; i++)
        PT__TRY(find_column(reader, table, i));
    if (!has_headings)
        PT__TRY(add_record(reader, table));
    while (!pt__csv_is_at_end(&reader->csv)) {
        PT__TRY(pt__csv_read_record(&reader->csv));
        if (reader->csv.n_cells != columns)
            return pt__fail(PT_ERR_FORMAT, "%s: line %lld has %lld columns, expected %lld as the first line has",
                            reader->csv.path, (long long)reader->csv.cells[0].line, (long long)reader->csv.n_cells,
                            (long long)columns);
        PT__TRY(add_record(reader, table));
    }
    return table->rows > 0
               ? PT_OK
               : pt__fail(PT_ERR_FORMAT, "%s: expected records after the headings, found none", reader->csv.path);
}

static pt_status_t check_separator(int32_t separator)
{
    if (separator <= 0 || separator > 255 || separator == '"' || separator == '\n' || separator == '\r')
        return pt__fail(PT_ERR_ARGUMENT,
                        "pt_table_options_t: separator is %ld, expected a byte, 1 to 255, that is neither a quotation "
                        "mark nor a line's end",
                        (long)separator);
    return PT_OK;
}

pt_status_t pt__csv_create(pt_context_t *context, const char *path, const pt_column_t *columns, int32_t n_columns,
                           const pt_table_options_t *options, pt__encode_fn *encode, pt_dataset_t **out)
{
    pt__memory_t *memory = &context->memory;
    pt__mapping_t mapping = {0};
    reader_t reader = {.missing = options->missing};
    pt__table_t *table;
    pt_status_t status;
    *out = NULL;
    PT__TRY(check_separator(options->separator == 0 ? ',' : options->separator));
    PT__TRY(pt__table_create(memory, columns, n_columns, 0, &table));
    PT__TRY_OUT(pt__allocate(memory, (size_t)n_columns, sizeof *reader.places, "columns of a table", &reader.places));
    PT__TRY_OUT(pt__file_map(memory, path, &mapping));
    reader.csv = pt__csv_begin(memory, path, (const char *)mapping.bytes, mapping.size,
                               (char)(unsigned char)(options->separator == 0 ? ',' : options->separator));
    PT__TRY_OUT(read_file(&reader, table, !(options->flags & PT_TABLE_NO_HEADINGS)));
    status = pt__table_finish(table, context, 1, encode, out);
    if (status != PT_OK)
        pt__fail_within(status, "%s", path);
out:
    pt__file_unmap(&mapping);
    if (reader.csv.memory != NULL)
        pt__csv_free(&reader.csv);
    pt__release(memory, reader.headings);
    for (int32_t i = 0; reader.places != NULL && i < n_columns; i++)
        pt__release(memory, reader.places[i]);
    pt__release(memory, reader.places);
    if (status != PT_OK)
        pt__table_free(table);
    return status;
}
