/* See csv_records.h. */
#include "data/csv_records.h"

#include <string.h>

pt__csv_t pt__csv_begin(pt__memory_t *memory, const char *path, const char *bytes, int64_t size, char separator)
{
    pt__csv_t csv = {.memory = memory, .path = path, .at = bytes, .end = bytes + size, .line = 1};
    csv.separator = separator;
    if (size >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0)
        csv.at += 3;
    return csv;
}

void pt__csv_free(pt__csv_t *csv)
{
    pt__release(csv->memory, csv->cells);
    pt__release(csv->memory, csv->plain);
}

static int32_t at_line_end(const pt__csv_t *csv)
{
    const char *at = csv->at;
    return at == csv->end || *at == '\n' || (*at == '\r' && csv->end - at >= 2 && at[1] == '\n');
}

static void pass_line_end(pt__csv_t *csv)
{
    if (csv->at == csv->end)
        return;
    csv->at += *csv->at == '\r' ? 2 : 1;
    csv->line++;
}

/* A field in quotation marks, the cursor at the first of them. */
static pt_status_t read_quoted(pt__csv_t *csv, pt__cell_t *cell)
{
    const char *at = csv->at + 1;
    cell->bytes = at;
    for (;; at++) {
        if (at == csv->end)
            return pt__fail(PT_ERR_FORMAT,
                            "%s: line %lld, column %lld: the quotation mark that opens here is never closed", csv->path,
                            (long long)cell->line, (long long)csv->n_cells);
        if (*at == '\n')
            csv->line++;
        if (*at != '"')
            continue;
        if (csv->end - at < 2 || at[1] != '"')
            break;
        cell->doubled = 1;
        at++;
    }
    cell->length = at - cell->bytes;
    csv->at = at + 1;
    if (!at_line_end(csv) && *csv->at != csv->separator)
        return pt__fail(
            PT_ERR_FORMAT,
            "%s: line %lld, column %lld: expected a separator or a line's end after the closing quotation mark",
            csv->path, (long long)csv->line, (long long)csv->n_cells);
    return PT_OK;
}

static pt_status_t read_cell(pt__csv_t *csv)
{
    PT__TRY(
        pt__grow(csv->memory, &csv->cells, &csv->capacity, csv->n_cells + 1, sizeof *csv->cells, "fields of a record"));
    pt__cell_t *cell = &csv->cells[csv->n_cells++];
    *cell = (pt__cell_t){.bytes = csv->at, .line = csv->line};
    if (csv->at < csv->end && *csv->at == '"' && !csv->is_unquoted)
        return read_quoted(csv, cell);
    while (!at_line_end(csv) && *csv->at != csv->separator)
        csv->at++;
    cell->length = csv->at - cell->bytes;
    return PT_OK;
}

pt_status_t pt__csv_read_record(pt__csv_t *csv)
{
    csv->n_cells = 0;
    for (;;) {
        PT__TRY(read_cell(csv));
        if (at_line_end(csv))
            break;
        csv->at++; /* the separator */
    }
    pass_line_end(csv);
    return PT_OK;
}

int32_t pt__csv_is_at_end(const pt__csv_t *csv)
{
    const char *at = csv->at;
    while (at < csv->end && (*at == '\n' || *at == '\r'))
        at++;
    return at == csv->end;
}

pt_status_t pt__csv_plain_bytes(pt__csv_t *csv, const pt__cell_t *cell, const char **bytes, int64_t *length)
{
    *bytes = cell->bytes;
    *length = cell->length;
    if (!cell->doubled)
        return PT_OK;
    PT__TRY(pt__grow(csv->memory, &csv->plain, &csv->plain_capacity, cell->length, 1, "field of a record"));
    int64_t written = 0;
    for (int64_t i = 0; i < cell->length; i++) {
        csv->plain[written++] = cell->bytes[i];
        i += cell->bytes[i] == '"';
    }
    *bytes = csv->plain;
    *length = written;
    return PT_OK;
}
