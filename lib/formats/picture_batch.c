/* See picture_batch.h. An array of numpy's is a call that makes an empty one, whose state is set: a version, the shape,
 * the dtype, whether columns come first, and the bytes. */
#include "formats/picture_batch.h"

#include <string.h>

#include "formats/pickle.h"

enum { RECONSTRUCT, RECONSTRUCT_NEWER, DTYPE, ARRAY };
static const pt__pickle_global_t globals[] = {{"numpy.core.multiarray._reconstruct", PT__PICKLE_CALLED},
                                              {"numpy._core.multiarray._reconstruct", PT__PICKLE_CALLED},
                                              {"numpy.dtype", PT__PICKLE_CALLED},
                                              {"numpy.ndarray", PT__PICKLE_NAMED}};

static int32_t is_text(const pt__pickle_t *value, const char *text)
{
    return (value->kind == PT__PICKLE_STRING || value->kind == PT__PICKLE_BYTES) &&
           value->length == (int64_t)strlen(text) && memcmp(value->bytes, text, (size_t)value->length) == 0;
}

/* The value of one of two keys, strings or bytes, as the versions of Python write them. */
static const pt__pickle_t *find(const pt__pickle_t *dict, const char *key, const char *other)
{
    for (int64_t i = 0; dict->kind == PT__PICKLE_DICT && i + 1 < dict->count; i += 2)
        if (is_text(dict->items[i], key) || is_text(dict->items[i], other))
            return dict->items[i + 1];
    return NULL;
}

static int32_t is_bytes_dtype(const pt__pickle_t *value)
{
    return value->kind == PT__PICKLE_CALL && value->global == DTYPE && value->of->count >= 1 &&
           is_text(value->of->items[0], "u1");
}

/* Of an array of bytes: where they are, how many rows, and whether columns come first. */
static pt_status_t read_array(const pt__pickle_t *value, int64_t width, const char **bytes, int64_t *count,
                              int32_t *by_columns)
{
    const pt__pickle_t *state = value->kind == PT__PICKLE_CALL && value->global <= RECONSTRUCT_NEWER ? value->state
                                                                                                     : NULL;
    if (state == NULL || state->kind != PT__PICKLE_TUPLE || state->count != 5 ||
        state->items[1]->kind != PT__PICKLE_TUPLE || state->items[1]->count != 2 ||
        state->items[1]->items[0]->kind != PT__PICKLE_INTEGER || state->items[1]->items[1]->kind != PT__PICKLE_INTEGER)
        return pt__fail(PT_ERR_FORMAT, "\"data\" is no array of rows of bytes");
    const int64_t rows = state->items[1]->items[0]->integer, columns = state->items[1]->items[1]->integer;
    const pt__pickle_t *order = state->items[3], *data = state->items[4];
    if (!is_bytes_dtype(state->items[2]) || (data->kind != PT__PICKLE_STRING && data->kind != PT__PICKLE_BYTES))
        return pt__fail(PT_ERR_FORMAT, "\"data\" is an array of something else than bytes");
    if (columns != width || rows < 1 || data->length / width != rows || data->length % width != 0)
        return pt__fail(PT_ERR_FORMAT, "\"data\" is an array of %lld x %lld in %lld bytes, expected rows of %lld",
                        (long long)rows, (long long)columns, (long long)data->length, (long long)width);
    *bytes = data->bytes;
    *count = rows;
    *by_columns = order->kind == PT__PICKLE_BOOL ? order->integer != 0 : 0;
    return PT_OK;
}

static pt_status_t copy_rows(pt__memory_t *memory, const pt__pickle_t *root, int64_t width, uint8_t **rows,
                             int64_t *count)
{
    const pt__pickle_t *data = find(root, "data", "data");
    const char *bytes = NULL;
    int32_t by_columns = 0;
    if (data == NULL)
        return pt__fail(PT_ERR_FORMAT, "the pickle has no dict with a key \"data\"");
    PT__TRY(read_array(data, width, &bytes, count, &by_columns));
    PT__TRY(pt__allocate_uninitialised(memory, (size_t)*count, (size_t)width, "pixels of pictures", rows));
    if (!by_columns)
        memcpy(*rows, bytes, (size_t)(*count * width));
    for (int64_t i = 0; by_columns && i < *count; i++)
        for (int64_t k = 0; k < width; k++)
            (*rows)[i * width + k] = (uint8_t)bytes[k * *count + i];
    return PT_OK;
}

static pt_status_t copy_labels(pt__memory_t *memory, const pt__pickle_t *root, int64_t count, int32_t **labels)
{
    const pt__pickle_t *list = find(root, "labels", "fine_labels");
    if (list == NULL || list->kind != PT__PICKLE_LIST || list->count != count)
        return pt__fail(PT_ERR_FORMAT, "\"labels\" or \"fine_labels\" is no list of %lld", (long long)count);
    PT__TRY(pt__allocate_uninitialised(memory, (size_t)count, sizeof **labels, "labels of pictures", labels));
    for (int64_t i = 0; i < count; i++) {
        const pt__pickle_t *label = list->items[i];
        if (label->kind != PT__PICKLE_INTEGER || label->integer < 0 || label->integer >= INT32_MAX)
            return pt__fail(PT_ERR_FORMAT, "label %lld is no whole number from 0 on", (long long)i);
        (*labels)[i] = (int32_t)label->integer;
    }
    return PT_OK;
}

pt_status_t pt__picture_batch_rows(pt__memory_t *memory, const uint8_t *bytes, int64_t size, int64_t width,
                                   uint8_t **rows, int32_t **labels, int64_t *count)
{
    pt__pickled_t pickled;
    *rows = NULL;
    *labels = NULL;
    PT__TRY(pt__pickle_read(memory, bytes, size, globals, sizeof globals / sizeof globals[0], &pickled));
    pt_status_t status = copy_rows(memory, pickled.root, width, rows, count);
    if (status == PT_OK)
        status = copy_labels(memory, pickled.root, *count, labels);
    pt__pickle_free(&pickled);
    if (status != PT_OK) {
        pt__release(memory, *rows);
        pt__release(memory, *labels);
        *rows = NULL;
        *labels = NULL;
    }
    return status;
}

static pt_status_t copy_names(pt__memory_t *memory, const pt__pickle_t *root, char **names, int64_t *count)
{
    const pt__pickle_t *list = find(root, "label_names", "fine_label_names");
    int64_t length = 0;
    if (list == NULL || list->kind != PT__PICKLE_LIST)
        return pt__fail(PT_ERR_FORMAT, "the pickle has no list \"label_names\" or \"fine_label_names\"");
    for (int64_t i = 0; i < list->count; i++) {
        const pt__pickle_t *name = list->items[i];
        if ((name->kind != PT__PICKLE_STRING && name->kind != PT__PICKLE_BYTES) || name->length == 0 ||
            memchr(name->bytes, 0, (size_t)name->length) != NULL)
            return pt__fail(PT_ERR_FORMAT, "name %lld is no string", (long long)i);
        length += name->length + 1;
    }
    PT__TRY(pt__allocate(memory, (size_t)length, 1, "names of classes", names));
    char *at = *names;
    for (int64_t i = 0; i < list->count; i++, at++) {
        memcpy(at, list->items[i]->bytes, (size_t)list->items[i]->length);
        at += list->items[i]->length;
    }
    *count = list->count;
    return PT_OK;
}

pt_status_t pt__picture_batch_names(pt__memory_t *memory, const uint8_t *bytes, int64_t size, char **names,
                                    int64_t *count)
{
    pt__pickled_t pickled;
    *names = NULL;
    PT__TRY(pt__pickle_read(memory, bytes, size, globals, sizeof globals / sizeof globals[0], &pickled));
    pt_status_t status = copy_names(memory, pickled.root, names, count);
    pt__pickle_free(&pickled);
    return status;
}
