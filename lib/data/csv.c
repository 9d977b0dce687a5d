/* Datasets from CSV (RFC 4180), separated by commas or another byte. Everything is read and checked when the dataset is
 * made.
 *
 * Records end with LF or CRLF; a byte order mark at the begin is passed over, and so are empty lines at the end. A
 * field that begins with a quotation mark ends with one, may hold separators and line ends, and holds a quotation
 * mark as two; in any other field quotation marks are ordinary bytes. All records have as many fields as the first.
 * Numbers have a point whatever the locale, and may stand between blanks. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/number.h"
#include "data/sources.h"
#include "data/table.h"

typedef struct cell { /* one field of a record */
    const char *bytes;
    int64_t length;
    int64_t line;
    int32_t doubled; /* has quotation marks that are written as two */
} cell_t;

typedef struct reader {
    pt__memory_t *memory;
    const char *path, *at, *end;
    char separator;
    int64_t line;
    cell_t *cells; /* of the record read last */
    int64_t n_cells, capacity;
    char *plain; /* a cell without its doubled quotation marks */
    int64_t plain_capacity;
    cell_t *headings; /* of the first record; NULL without */
    int64_t n_headings;
    int64_t **places;    /* [table->n_columns][values a sample] of their cells */
    const char *missing; /* what stands for a missing number beside the empty cell; NULL: nothing */
} reader_t;

static int32_t at_line_end(const reader_t *reader)
{
    const char *at = reader->at;
    return at == reader->end || *at == '\n' || (*at == '\r' && reader->end - at >= 2 && at[1] == '\n');
}

static void pass_line_end(reader_t *reader)
{
    if (reader->at == reader->end)
        return;
    reader->at += *reader->at == '\r' ? 2 : 1;
    reader->line++;
}

/* A field in quotation marks, the cursor at the first of them. */
static pt_status_t read_quoted(reader_t *reader, cell_t *cell)
{
    const char *at = reader->at + 1;
    cell->bytes = at;
    for (;; at++) {
        if (at == reader->end)
            return pt__fail(PT_ERR_FORMAT,
                            "%s: line %lld, column %lld: the quotation mark that opens here is never closed",
                            reader->path, (long long)cell->line, (long long)reader->n_cells);
        if (*at == '\n')
            reader->line++;
        if (*at != '"')
            continue;
        if (reader->end - at < 2 || at[1] != '"')
            break;
        cell->doubled = 1;
        at++;
    }
    cell->length = at - cell->bytes;
    reader->at = at + 1;
    if (!at_line_end(reader) && *reader->at != reader->separator)
        return pt__fail(
            PT_ERR_FORMAT,
            "%s: line %lld, column %lld: expected a separator or a line's end after the closing quotation mark",
            reader->path, (long long)reader->line, (long long)reader->n_cells);
    return PT_OK;
}

static pt_status_t read_cell(reader_t *reader)
{
    PT__TRY(pt__grow(reader->memory, &reader->cells, &reader->capacity, reader->n_cells + 1, sizeof *reader->cells,
                     "fields of a record"));
    cell_t *cell = &reader->cells[reader->n_cells++];
    *cell = (cell_t){.bytes = reader->at, .line = reader->line};
    if (reader->at < reader->end && *reader->at == '"')
        return read_quoted(reader, cell);
    while (!at_line_end(reader) && *reader->at != reader->separator)
        reader->at++;
    cell->length = reader->at - cell->bytes;
    return PT_OK;
}

static pt_status_t read_record(reader_t *reader)
{
    reader->n_cells = 0;
    for (;;) {
        PT__TRY(read_cell(reader));
        if (at_line_end(reader))
            break;
        reader->at++; /* the separator */
    }
    pass_line_end(reader);
    return PT_OK;
}

/* Takes a line end at the end of the file for what it is, and more of them too. */
static int32_t is_at_end(const reader_t *reader)
{
    const char *at = reader->at;
    while (at < reader->end && (*at == '\n' || *at == '\r'))
        at++;
    return at == reader->end;
}

/* The cell's bytes as they are meant. */
static pt_status_t plain_bytes(reader_t *reader, const cell_t *cell, const char **bytes, int64_t *length)
{
    *bytes = cell->bytes;
    *length = cell->length;
    if (!cell->doubled)
        return PT_OK;
    PT__TRY(pt__grow(reader->memory, &reader->plain, &reader->plain_capacity, cell->length, 1, "field of a record"));
    int64_t written = 0;
    for (int64_t i = 0; i < cell->length; i++) {
        reader->plain[written++] = cell->bytes[i];
        i += cell->bytes[i] == '"';
    }
    *bytes = reader->plain;
    *length = written;
    return PT_OK;
}

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
        PT__TRY(plain_bytes(reader, &reader->headings[i], &bytes, &length));
        if (length != (int64_t)strlen(name) || memcmp(bytes, name, (size_t)length) != 0)
            continue;
        if (*place >= 0)
            return pt__fail(PT_ERR_FORMAT,
                            "%s: columns %lld and %lld are both headed \"%s\"; \"#%lld\" names one of them",
                            reader->path, (long long)*place + 1, (long long)i + 1, name, (long long)i + 1);
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
        return pt__fail(PT_ERR_NOT_FOUND, "%s: %s \"%s\"", reader->path,
                        reader->headings != NULL ? "no column is headed"
                                                 : "without headings a column is named as \"#3\", not",
                        name);
    if (*place >= reader->n_cells || count > reader->n_cells - *place)
        return pt__fail(PT_ERR_NOT_FOUND, "%s: column \"%s\" ends at the %lldth, but there are %lld", reader->path,
                        name, (long long)(*place > INT64_MAX - count ? INT64_MAX : *place + count),
                        (long long)reader->n_cells);
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
    PT__TRY(pt__allocate(reader->memory, (size_t)count, sizeof **reader->places, "columns of a table",
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
    const cell_t *heading = reader->headings == NULL ? NULL : &reader->headings[place];
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

static pt_status_t add_cell(reader_t *reader, pt__table_t *table, int32_t column, const cell_t *cell)
{
    const char *bytes;
    int64_t length;
    PT__TRY(plain_bytes(reader, cell, &bytes, &length));
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
    int64_t line = reader->cells[0].line;
    char name[96];
    for (int32_t i = 0; i < table->n_columns; i++) {
        const int32_t has_pair = pt__table_column(table, i)->pair != NULL;
        for (int64_t k = 0; k < count_cells(table, i); k++) {
            int64_t place = reader->places[i][k];
            if (has_pair && k == 1)
                PT__TRY(pt__table_begin_pair(table, i));
            pt_status_t status = add_cell(reader, table, i, &reader->cells[place]);
            if (status != PT_OK)
                return pt__fail_within(status, "%s: line %lld, column %lld (\"%s\")", reader->path,
                                       (long long)reader->cells[place].line, (long long)place + 1,
                                       name_cell(reader, place, name, sizeof name));
        }
    }
    pt_status_t status = pt__table_end_row(table);
    return status == PT_OK ? PT_OK : pt__fail_within(status, "%s: line %lld", reader->path, (long long)line);
}

static pt_status_t read_file(reader_t *reader, pt__table_t *table, int32_t has_headings)
{
    if (reader->end - reader->at >= 3 && memcmp(reader->at, "\xEF\xBB\xBF", 3) == 0)
        reader->at += 3;
    if (is_at_end(reader))
        return pt__fail(PT_ERR_FORMAT, "%s: expected records, found an empty file", reader->path);
    PT__TRY(read_record(reader));
    int64_t columns = reader->n_cells;
    if (has_headings) { /* kept aside: the record's array becomes the headings' */
        reader->headings = reader->cells;
        reader->n_headings = columns;
        reader->cells = NULL;
        reader->capacity = 0;
    }
    for (int32_t i = 0; i < table->n_columns; i++)
        PT__TRY(find_column(reader, table, i));
    if (!has_headings)
        PT__TRY(add_record(reader, table));
    while (!is_at_end(reader)) {
        PT__TRY(read_record(reader));
        if (reader->n_cells != columns)
            return pt__fail(PT_ERR_FORMAT, "%s: line %lld has %lld columns, expected %lld as the first line has",
                            reader->path, (long long)reader->cells[0].line, (long long)reader->n_cells,
                            (long long)columns);
        PT__TRY(add_record(reader, table));
    }
    return table->rows > 0
               ? PT_OK
               : pt__fail(PT_ERR_FORMAT, "%s: expected records after the headings, found none", reader->path);
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
    reader_t reader = {.memory = memory, .path = path, .line = 1, .missing = options->missing};
    pt__table_t *table;
    pt_status_t status;
    *out = NULL;
    PT__TRY(check_separator(options->separator == 0 ? ',' : options->separator));
    reader.separator = (char)(unsigned char)(options->separator == 0 ? ',' : options->separator);
    PT__TRY(pt__table_create(memory, columns, n_columns, 0, &table));
    PT__TRY_OUT(pt__allocate(memory, (size_t)n_columns, sizeof *reader.places, "columns of a table", &reader.places));
    PT__TRY_OUT(pt__file_map(memory, path, &mapping));
    reader.at = (const char *)mapping.bytes;
    reader.end = reader.at + mapping.size;
    PT__TRY_OUT(read_file(&reader, table, !(options->flags & PT_TABLE_NO_HEADINGS)));
    status = pt__table_finish(table, context, 1, encode, out);
    if (status != PT_OK)
        pt__fail_within(status, "%s", path);
out:
    pt__file_unmap(&mapping);
    pt__release(memory, reader.cells);
    pt__release(memory, reader.headings);
    pt__release(memory, reader.plain);
    for (int32_t i = 0; reader.places != NULL && i < n_columns; i++)
        pt__release(memory, reader.places[i]);
    pt__release(memory, reader.places);
    if (status != PT_OK)
        pt__table_free(table);
    return status;
}
