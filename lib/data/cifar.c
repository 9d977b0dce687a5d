/* CIFAR-10's and CIFAR-100's files: records of a label (CIFAR-100: a coarse and a fine one) and 32 x 32 pixels, a
 * channel after the other; or the same pickled. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "data/picture_readers.h"

enum { SIDE = 32, PIXELS = 3 * SIDE * SIDE };
#define MOST_BYTES ((int64_t)1 << 33)

static int32_t ends(const char *name, const char *ending)
{
    const size_t length = strlen(name), of_ending = strlen(ending);
    return length >= of_ending && strcmp(name + length - of_ending, ending) == 0;
}

static int32_t has(char *const *names, int64_t count, const char *name)
{
    for (int64_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return 1;
    return 0;
}

/* data_batch_1 to 9, with ".bin" or without. */
static int32_t is_batch(const char *name)
{
    return strncmp(name, "data_batch_", 11) == 0 && name[11] >= '1' && name[11] <= '9' &&
           (name[12] == 0 || strcmp(name + 12, ".bin") == 0);
}

/* CIFAR-100's, by the directory's other names. */
static const char *hundred(char *const *names, int64_t count)
{
    if (has(names, count, "train.bin") && has(names, count, "fine_label_names.txt"))
        return "train.bin";
    return has(names, count, "train") && has(names, count, "meta") ? "train" : NULL;
}

int32_t pt__cifar_named(char *const *names, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (is_batch(names[i]))
            return 1;
    return hundred(names, count) != NULL;
}

static int32_t is_pickle(const uint8_t *bytes, int64_t size)
{
    return size >= 2 && ((bytes[0] == 0x80 && bytes[1] <= 5) || (bytes[0] == '(' && bytes[1] == 'd'));
}

/* Bytes of a label and bytes of a record; CIFAR-100's files have names of their own. */
static int64_t record_labels(const char *path)
{
    const char *name = strrchr(path, '/');
    name = name == NULL ? path : name + 1;
    return strcmp(name, "train.bin") == 0 || strcmp(name, "test.bin") == 0 ? 2 : 1;
}

int32_t pt__cifar_is(const char *path, const uint8_t *bytes, int64_t size)
{
    return is_pickle(bytes, size) || ends(path, ".bin");
}

/* ---- Names of classes ---- */

/* Lines that are not empty. */
static pt_status_t add_lines(pt__file_set_t *set, char *text)
{
    for (char *line = text; line != NULL && *line != 0;) {
        char *end = strchr(line, '\n');
        if (end != NULL)
            *end++ = 0;
        const size_t length = strcspn(line, "\r");
        line[length] = 0;
        if (length > 0)
            PT__TRY(pt__file_set_add_class(set, line));
        line = end;
    }
    return PT_OK;
}

static pt_status_t add_pickled(pt__file_set_t *set, const pt__picture_calls_t *calls, const char *path,
                               const char *bytes, int64_t size)
{
    char *names;
    int64_t count;
    pt_status_t status = calls->pickled_names(set->memory, (const uint8_t *)bytes, size, &names, &count);
    if (status != PT_OK)
        return pt__fail_within(status, "%s", path);
    const char *name = names;
    for (int64_t i = 0; i < count && status == PT_OK; i++, name += strlen(name) + 1)
        status = pt__file_set_add_class(set, name);
    pt__release(set->memory, names);
    return status;
}

/* What stands beside a file tells the names; without one classes are called by their numbers. */
static pt_status_t read_names(pt__file_set_t *set, const pt__picture_calls_t *calls, const char *directory)
{
    static const char *const files[] = {"batches.meta.txt", "fine_label_names.txt", "batches.meta", "meta"};
    pt_status_t status = PT_OK;
    for (size_t i = 0; i < sizeof files / sizeof files[0] && status == PT_OK && set->n_classes == 0; i++) {
        char *bytes, path[PT__PATH_SIZE];
        int64_t size;
        PT__TRY(pt__path_join(directory, files[i], path, sizeof path));
        PT__TRY(pt__file_read_within(set->memory, directory, files[i], 1 << 20, &bytes, &size));
        if (bytes == NULL)
            continue;
        status = ends(files[i], ".txt") ? add_lines(set, bytes) : add_pickled(set, calls, path, bytes, size);
        pt__release(set->memory, bytes);
    }
    return status;
}

/* Labels beyond the names are wrong; where there are none, the largest one says how many there are. */
static pt_status_t check_labels(pt__file_set_t *set, const char *path, int64_t first)
{
    int32_t largest = 0;
    char name[16];
    for (int64_t i = first; i < set->samples; i++) {
        if (set->n_classes > 0 && set->labels[i] >= set->n_classes)
            return pt__fail(PT_ERR_FORMAT, "%s: picture %lld is of class %ld, expected 0 to %lld", path,
                            (long long)(i - first), (long)set->labels[i], (long long)set->n_classes - 1);
        largest = set->labels[i] > largest ? set->labels[i] : largest;
    }
    if (largest >= 1 << 16)
        return pt__fail(PT_ERR_FORMAT, "%s: a class %ld, expected at most %d", path, (long)largest, (1 << 16) - 1);
    for (int32_t i = 0; first == 0 && set->n_classes == i && i <= largest; i++) {
        snprintf(name, sizeof name, "%ld", (long)i);
        PT__TRY(pt__file_set_add_class(set, name));
    }
    return PT_OK;
}

/* ---- Pictures ---- */

static pt_status_t add_records(pt__file_set_t *set, const char *path, const uint8_t *bytes, int64_t size)
{
    const int64_t of_label = record_labels(path), record = of_label + PIXELS;
    if (size == 0 || size % record != 0)
        return pt__fail(PT_ERR_FORMAT, "%s: %lld bytes, expected a multiple of %lld, the bytes of a picture and its %s",
                        path, (long long)size, (long long)record, of_label == 2 ? "two labels" : "label");
    for (int64_t at = 0; at < size; at += record) {
        const int32_t label = bytes[at + of_label - 1];
        PT__TRY(pt__file_set_add_pixels(set, bytes + at + of_label, 1, 3, 1, &label));
    }
    return PT_OK;
}

static pt_status_t add_pickle(pt__file_set_t *set, const pt__picture_calls_t *calls, const char *path,
                              const uint8_t *bytes, int64_t size)
{
    uint8_t *rows;
    int32_t *labels;
    int64_t count;
    pt_status_t status = calls->pickled_rows(set->memory, bytes, size, PIXELS, &rows, &labels, &count);
    if (status != PT_OK)
        return pt__fail_within(status, "%s", path);
    status = pt__file_set_add_pixels(set, rows, count, 3, 1, labels);
    pt__release(set->memory, rows);
    pt__release(set->memory, labels);
    return status;
}

static pt_status_t add_file(pt__file_set_t *set, const pt__picture_calls_t *calls, const char *path)
{
    char *bytes;
    int64_t size;
    const int64_t first = set->samples;
    set->height = set->width = SIDE;
    set->channels = set->channels == 0 ? 3 : set->channels;
    PT__TRY(pt__file_read(set->memory, path, MOST_BYTES, &bytes, &size));
    pt_status_t status = is_pickle((uint8_t *)bytes, size) && !ends(path, ".bin")
                             ? add_pickle(set, calls, path, (uint8_t *)bytes, size)
                             : add_records(set, path, (uint8_t *)bytes, size);
    pt__release(set->memory, bytes);
    return status == PT_OK ? check_labels(set, path, first) : status;
}

pt_status_t pt__cifar_read_directory(pt__file_set_t *set, const pt__picture_calls_t *calls, const char *directory,
                                     char *const *names, int64_t count)
{
    const char *train = hundred(names, count);
    char path[PT__PATH_SIZE];
    PT__TRY(read_names(set, calls, directory));
    for (int64_t i = 0; i < count; i++) {
        if (train != NULL ? strcmp(names[i], train) != 0 : !is_batch(names[i]))
            continue;
        PT__TRY(pt__path_join(directory, names[i], path, sizeof path));
        PT__TRY(add_file(set, calls, path));
    }
    return PT_OK;
}

pt_status_t pt__cifar_read_file(pt__file_set_t *set, const pt__picture_calls_t *calls, const char *path)
{
    char directory[PT__PATH_SIZE];
    const char *name = strrchr(path, '/');
    if (name == NULL)
        memcpy(directory, ".", 2);
    else if (snprintf(directory, sizeof directory, "%.*s", (int)(name == path ? 1 : name - path), path) >=
             PT__PATH_SIZE)
        return pt__fail(PT_ERR_ARGUMENT, "%s: the path is too long", path);
    PT__TRY(read_names(set, calls, directory));
    return add_file(set, calls, path);
}
