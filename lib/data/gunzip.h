#ifndef PT__GUNZIP_H
#define PT__GUNZIP_H

#include "base/memory.h"

/* The whole file, unpacked where gzip packed it. At most so many bytes: PT_ERR_FORMAT. */
pt_status_t pt__gunzip_file(pt__memory_t *memory, const char *path, int64_t limit, uint8_t **bytes, int64_t *size);

#endif
