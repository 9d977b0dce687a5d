/* Zip archives whose files are stored as they are, not compressed, as torch writes them: found in place, zip64
 * included. */
#ifndef PT__ZIP_H
#define PT__ZIP_H

#include "base/memory.h"

typedef struct pt__zip_file {
    const char *name; /* no 0 behind */
    int64_t name_length;
    const uint8_t *data;
    int64_t size;
} pt__zip_file_t;

typedef struct pt__zip {
    pt__zip_file_t *files; /* in the order of their names */
    int64_t count;
} pt__zip_t;

int32_t pt__zip_is(const uint8_t *bytes, int64_t size);
/* Checks the whole directory and each file's place; compressed and encrypted files are PT_ERR_UNSUPPORTED, two of one
 * name PT_ERR_FORMAT. Messages name the file within the archive. */
pt_status_t pt__zip_open(pt__memory_t *memory, const uint8_t *bytes, int64_t size, pt__zip_t *out);
void pt__zip_close(pt__memory_t *memory, pt__zip_t *zip);
/* The file "PREFIX" "NAME"; NULL: there is none. */
const pt__zip_file_t *pt__zip_find(const pt__zip_t *zip, const char *prefix, int64_t prefix_length, const char *name,
                                   int64_t name_length);

#endif
