/* IDX, the format of MNIST's files: a number that says bytes and how many dimensions, their sizes, and the bytes. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "data/gunzip.h"
#include "data/picture_readers.h"

enum { PICTURES = 0x0803, LABELS = 0x0801, MOST_SIDE = 1 << 16 };
#define MOST_BYTES ((int64_t)1 << 33)

int32_t pt__idx_named(const char *name)
{
    return strstr(name, "images") != NULL && strstr(name, "idx3") != NULL;
}

static int64_t number(const uint8_t *bytes)
{
    return (int64_t)bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
}

int32_t pt__idx_is(const uint8_t *bytes, int64_t size)
{
    return size >= 4 && (number(bytes) == PICTURES || number(bytes) == LABELS);
}

/* The bytes behind the sizes, which are checked: they fill the file. */
static pt_status_t open_idx(pt__memory_t *memory, const char *path, int64_t kind, int32_t dimensions, uint8_t **bytes,
                            int64_t sizes[3])
{
    int64_t size, expected = 1;
    PT__TRY(pt__gunzip_file(memory, path, MOST_BYTES, bytes, &size));
    const int64_t header = 4 + 4 * dimensions;
    pt_status_t status = PT_OK;
    if (size < header || number(*bytes) != kind)
        status = pt__fail(PT_ERR_FORMAT, "%s: no IDX file of %s: expected the number %lld at its begin, found %lld",
                          path, kind == PICTURES ? "pictures" : "labels", (long long)kind,
                          size < 4 ? -1LL : (long long)number(*bytes));
    for (int32_t i = 0; i < dimensions && status == PT_OK; i++) {
        sizes[i] = number(*bytes + 4 + 4 * i);
        if (sizes[i] < 1 || (i > 0 && sizes[i] > MOST_SIDE))
            status = pt__fail(PT_ERR_FORMAT, "%s: size %ld is %lld, expected at least 1%s", path, (long)i,
                              (long long)sizes[i], i > 0 ? " and at most 65536" : "");
        else
            expected *= sizes[i]; /* at most 2^32 * 2^16 * 2^16 / 2 */
        if (status == PT_OK && expected > MOST_BYTES)
            status = pt__fail(PT_ERR_FORMAT, "%s: more than %lld bytes of pictures", path, (long long)MOST_BYTES);
    }
    if (status == PT_OK && size - header != expected)
        status = pt__fail(PT_ERR_FORMAT, "%s: %lld bytes behind its header, expected %lld", path,
                          (long long)(size - header), (long long)expected);
    if (status == PT_OK)
        return PT_OK;
    pt__release(memory, *bytes);
    *bytes = NULL;
    return status;
}

/* Puts `with` in the place of the last `part` of a path's last name; 0: it is not in there, or there is no room. */
static int32_t replace(char path[PT__PATH_SIZE], const char *part, const char *with)
{
    char *name = strrchr(path, '/'), *found = NULL;
    const size_t length = strlen(part), new_length = strlen(with);
    for (char *at = strstr(name == NULL ? path : name, part); at != NULL; at = strstr(at + 1, part))
        found = at;
    if (found == NULL || strlen(path) + new_length - length >= PT__PATH_SIZE)
        return 0;
    memmove(found + new_length, found + length, strlen(found + length) + 1);
    memcpy(found, with, new_length);
    return 1;
}

/* The labels' file beside: of the same name but for what it says to be, packed or not. 0: there is none. */
static int32_t find_labels(const char *path, char labels[PT__PATH_SIZE])
{
    if (snprintf(labels, PT__PATH_SIZE, "%s", path) >= PT__PATH_SIZE || !replace(labels, "images", "labels") ||
        !replace(labels, "idx3", "idx1"))
        return 0;
    if (pt__file_exists(labels))
        return 1;
    const size_t length = strlen(labels);
    if (length > 3 && strcmp(labels + length - 3, ".gz") == 0)
        labels[length - 3] = 0;
    else if (length + 3 < PT__PATH_SIZE)
        memcpy(labels + length, ".gz", 4);
    return pt__file_exists(labels);
}

/* Into labels [count]; classes are 0 to the largest. */
static pt_status_t read_labels(pt__file_set_t *set, const char *path, int64_t count, int32_t **out)
{
    uint8_t *bytes;
    int64_t sizes[3], classes = 0;
    char name[8];
    PT__TRY(open_idx(set->memory, path, LABELS, 1, &bytes, sizes));
    pt_status_t status = sizes[0] == count ? PT_OK
                                           : pt__fail(PT_ERR_FORMAT,
                                                      "%s: %lld labels, expected one for each of %lld "
                                                      "pictures",
                                                      path, (long long)sizes[0], (long long)count);
    if (status == PT_OK)
        status = pt__allocate_uninitialised(set->memory, (size_t)count, sizeof **out, "labels of pictures", out);
    for (int64_t i = 0; i < count && status == PT_OK; i++) {
        (*out)[i] = bytes[8 + i];
        classes = (*out)[i] >= classes ? (*out)[i] + 1 : classes;
    }
    for (int64_t i = 0; i < classes && status == PT_OK; i++) {
        snprintf(name, sizeof name, "%d", (int)i);
        status = pt__file_set_add_class(set, name);
    }
    pt__release(set->memory, bytes);
    return status;
}

pt_status_t pt__idx_read(pt__file_set_t *set, const char *path)
{
    char other[PT__PATH_SIZE];
    uint8_t *bytes;
    int32_t *labels = NULL;
    int64_t sizes[3];
    pt_status_t status;
    PT__TRY(open_idx(set->memory, path, PICTURES, 3, &bytes, sizes));
    if (find_labels(path, other))
        PT__TRY_OUT(read_labels(set, other, sizes[0], &labels));
    set->height = (int32_t)sizes[1];
    set->width = (int32_t)sizes[2];
    set->channels = set->channels == 0 ? 1 : set->channels;
    PT__TRY_OUT(pt__file_set_add_pixels(set, bytes + 16, sizes[0], 1, 0, labels));
out:
    pt__release(set->memory, labels);
    pt__release(set->memory, bytes);
    return status;
}
