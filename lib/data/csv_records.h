/* Records of CSV (RFC 4180), separated by commas or another byte.
 *
 * Records end with LF or CRLF; a byte order mark at the begin is passed over, and so are empty lines at the end. A
 * field that begins with a quotation mark ends with one, may hold separators and line ends, and holds a quotation
 * mark as two; in any other field quotation marks are ordinary bytes. */
#ifndef PT__CSV_RECORDS_H
#define PT__CSV_RECORDS_H

#include "base/memory.h"

typedef struct pt__cell { /* one field of a record */
    const char *bytes;
    int64_t length;
    int64_t line;
    int32_t doubled; /* has quotation marks that are written as two */
} pt__cell_t;

typedef struct pt__csv {
    pt__memory_t *memory;
    const char *path, *at, *end;
    char separator;
    int32_t is_unquoted; /* quotation marks are bytes like others everywhere */
    int64_t line;
    pt__cell_t *cells; /* of the record read last */
    int64_t n_cells, capacity;
    char *plain; /* a cell without its doubled quotation marks */
    int64_t plain_capacity;
} pt__csv_t;

/* The bytes stay the caller's, and are needed until the end. */
pt__csv_t pt__csv_begin(pt__memory_t *memory, const char *path, const char *bytes, int64_t size, char separator);
void pt__csv_free(pt__csv_t *csv);
/* Takes a line end at the end of the file for what it is, and more of them too. */
int32_t pt__csv_is_at_end(const pt__csv_t *csv);
pt_status_t pt__csv_read_record(pt__csv_t *csv);
/* The cell's bytes as they are meant, until the next call. */
pt_status_t pt__csv_plain_bytes(pt__csv_t *csv, const pt__cell_t *cell, const char **bytes, int64_t *length);

#endif
