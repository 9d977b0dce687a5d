/* JSON lines: one value a line, UTF-8, lines ended by LF or CRLF; lines of blanks and a byte order mark at the begin
 * are passed over. */
#ifndef PT__JSON_LINES_H
#define PT__JSON_LINES_H

#include "base/json.h"

typedef pt_status_t pt__json_line_fn(void *user, const pt__json_t *value);
/* Calls `take` for each line of the file, which has at least one with anything in it. Messages name file and line. */
pt_status_t pt__json_lines_read(pt__memory_t *memory, const char *path, pt__json_line_fn *take, void *user);
/* Whether the bytes that a file begins with, a mark of byte order left aside, are an object's. */
int32_t pt__json_lines_are(const uint8_t *bytes, int64_t size);

#endif
