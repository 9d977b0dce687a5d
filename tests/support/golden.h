/* Reads the text files of tests/golden/: lines "key: number number ...". */
#ifndef SUPPORT_GOLDEN_H
#define SUPPORT_GOLDEN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/suite.h"

enum { GOLDEN_SIZE = 1 << 20 };

static char golden_bytes[GOLDEN_SIZE]; /* of the file last read */

static inline void golden_read(const char *path)
{
    FILE *file = fopen(suite_source(path), "rb");
    ck_assert_msg(file != NULL, "cannot open %s", suite_source(path));
    size_t length = fread(golden_bytes, 1, GOLDEN_SIZE - 1, file);
    fclose(file);
    ck_assert_uint_lt(length, GOLDEN_SIZE - 1);
    golden_bytes[length] = 0;
}

/* The line's numbers, at most `room`; returns how many. A line that is not there is an error. */
static inline int64_t golden_numbers(const char *key, double *values, int64_t room)
{
    size_t length = strlen(key);
    const char *line = golden_bytes;
    while (line != NULL && !(strncmp(line, key, length) == 0 && line[length] == ':')) {
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    ck_assert_msg(line != NULL, "no line \"%s\"", key);
    int64_t count = 0;
    for (line += length + 1; *line == ' '; count++) {
        char *end;
        ck_assert_int_lt(count, room);
        values[count] = strtod(line, &end);
        ck_assert_msg(end != line, "not a number in \"%s\"", key);
        line = end;
    }
    return count;
}

static inline int64_t golden_floats(const char *key, float *values, int64_t room)
{
    double *numbers = calloc((size_t)room, sizeof *numbers);
    ck_assert(numbers != NULL);
    int64_t count = golden_numbers(key, numbers, room);
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)numbers[i];
    free(numbers);
    return count;
}

#endif
