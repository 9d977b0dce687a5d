/* For tests of files: what stands in them, and writing them in parts. */
#ifndef BASE_FILES_H
#define BASE_FILES_H

#include <string.h>

#include "base/file.h"
#include "support/suite.h"

static pt__memory_t heap;

static inline void start(void)
{
    pt__memory_init(&heap, NULL, NULL, NULL);
}

static inline void assert_file(const char *path, const char *expected)
{
    char *bytes;
    int64_t size;
    ck_ok(pt__file_read(&heap, path, 0, &bytes, &size));
    ck_assert_str_eq(bytes, expected);
    ck_assert_int_eq(size, (int64_t)strlen(expected));
    pt__release(&heap, bytes);
}

static inline pt_status_t write_parts(const char *path, const char *const *parts, int n)
{
    pt__writer_t *writer;
    pt_status_t status = pt__writer_begin(&heap, path, &writer);
    for (int i = 0; i < n && status == PT_OK; i++)
        status = pt__writer_write(writer, parts[i], (int64_t)strlen(parts[i]));
    if (status == PT_OK)
        return pt__writer_commit(&writer);
    pt__writer_abandon(&writer);
    return status;
}

#endif
