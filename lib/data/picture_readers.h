/* What fills a set of files with pictures: directories, IDX and CIFAR files, lists. */
#ifndef PT__PICTURE_READERS_H
#define PT__PICTURE_READERS_H

#include "base/bitmap.h"
#include "data/file_set.h"

/* How files are read that other layers know; see lib/api/image_api.c. */
typedef struct pt__picture_calls {
    /* lib/image/: see sample.h and image.h there */
    pt_status_t (*check)(const pt_image_options_t *options);
    pt_status_t (*from_file)(pt__memory_t *memory, const pt_image_options_t *options, const uint8_t *bytes,
                             int64_t size, uint64_t key, uint8_t *sample);
    pt_status_t (*from_picture)(pt__memory_t *memory, const pt_image_options_t *options, const pt__picture_t *picture,
                                uint64_t key, uint8_t *sample);
    pt__file_named_fn *named;
    /* lib/formats/: a pickled dict of an array of bytes and a list of whole numbers, found by their keys, into blocks
     * of memory; rows [count, width]. Or a list of strings, end to end with a 0 behind each. */
    pt_status_t (*pickled_rows)(pt__memory_t *memory, const uint8_t *bytes, int64_t size, int64_t width, uint8_t **rows,
                                int32_t **labels, int64_t *count);
    pt_status_t (*pickled_names)(pt__memory_t *memory, const uint8_t *bytes, int64_t size, char **names,
                                 int64_t *count);
} pt__picture_calls_t;

/* idx.c: whether the name is one of pictures in IDX's format. The set's channels 0 become 1. */
int32_t pt__idx_named(const char *name);
int32_t pt__idx_is(const uint8_t *bytes, int64_t size);
pt_status_t pt__idx_read(pt__file_set_t *set, const char *path);
/* cifar.c: whether a directory that holds these names is CIFAR's; one of its files. The set's channels 0 become 3. */
int32_t pt__cifar_named(char *const *names, int64_t count);
pt_status_t pt__cifar_read_directory(pt__file_set_t *set, const pt__picture_calls_t *calls, const char *path,
                                     char *const *names, int64_t count);
int32_t pt__cifar_is(const char *path, const uint8_t *bytes, int64_t size);
pt_status_t pt__cifar_read_file(pt__file_set_t *set, const pt__picture_calls_t *calls, const char *path);

/* picture_list.c */
pt_status_t pt__picture_list_read(pt__file_set_t *set, const char *path);

#endif
