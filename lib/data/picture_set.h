/* Pictures as readers of files find them: names of files to be decoded, or pixels; their classes; and what was passed
 * over. */
#ifndef PT__PICTURE_SET_H
#define PT__PICTURE_SET_H

#include <pthread.h>

#include "base/context.h"
#include "base/bitmap.h"

typedef struct pt__skipped {
    int64_t sample; /* -1: no sample was made of it */
    char *text;     /* "PATH: REASON" */
} pt__skipped_t;

typedef struct pt__picture_set {
    pt__memory_t *memory;
    char *root;                 /* what names are within */
    const char *noun, *options; /* in messages: what the files are, and the struct that names classes */
    int32_t is_strict;
    int64_t samples;
    char *names; /* of files: end to end, a 0 behind each */
    int64_t names_length, names_capacity;
    int64_t *begins; /* [samples] of names */
    int64_t begins_capacity;
    uint8_t *pixels; /* [samples, height, width, channels]; NULL: files */
    int64_t pixels_capacity;
    int32_t height, width, channels;
    int32_t *labels; /* [samples]; NULL: there are none */
    int64_t labels_capacity;
    char **classes; /* [n_classes] names */
    int64_t n_classes, classes_capacity;
    pthread_mutex_t lock;   /* of skipped, once samples are asked for */
    pt__skipped_t *skipped; /* in the order of samples */
    int64_t n_skipped, skipped_capacity;
} pt__picture_set_t;

/* How files are read that other layers know; see lib/api/dataset_api.c. */
typedef struct pt__picture_calls {
    /* lib/image/: see sample.h and image.h there */
    pt_status_t (*check)(const pt_image_options_t *options);
    pt_status_t (*from_file)(pt__memory_t *memory, const pt_image_options_t *options, const uint8_t *bytes,
                             int64_t size, uint64_t key, uint8_t *sample);
    pt_status_t (*from_picture)(pt__memory_t *memory, const pt_image_options_t *options, const pt__picture_t *picture,
                                uint64_t key, uint8_t *sample);
    /* 0: no picture by the ending of its name; 1: one; else one that this build cannot decode */
    int32_t (*named)(const char *name);
    /* lib/formats/: a pickled dict of an array of bytes and a list of whole numbers, found by their keys, into blocks
     * of memory; rows [count, width]. Or a list of strings, end to end with a 0 behind each. */
    pt_status_t (*pickled_rows)(pt__memory_t *memory, const uint8_t *bytes, int64_t size, int64_t width, uint8_t **rows,
                                int32_t **labels, int64_t *count);
    pt_status_t (*pickled_names)(pt__memory_t *memory, const uint8_t *bytes, int64_t size, char **names,
                                 int64_t *count);
} pt__picture_calls_t;

pt_status_t pt__picture_set_init(pt__picture_set_t *set, pt__memory_t *memory, const char *root, int32_t is_strict);
void pt__picture_set_free(pt__picture_set_t *set);
pt_status_t pt__picture_set_add_class(pt__picture_set_t *set, const char *name);
/* Numbers the classes by these names, which become the set's; path is for messages. */
pt_status_t pt__picture_set_number(pt__picture_set_t *set, const char *path, const char *const *names, int64_t count);
/* label -1: pictures without classes. */
pt_status_t pt__picture_set_add_file(pt__picture_set_t *set, const char *name, int32_t label);
/* `count` pictures of set->height x width and `channels` (1 or 3): made set->channels, which is 1 or 3, each. planes: a
 * channel's pixels lie together. labels NULL: there are none. */
pt_status_t pt__picture_set_add_pixels(pt__picture_set_t *set, const uint8_t *pixels, int64_t count, int32_t channels,
                                       int32_t planes, const int32_t *labels);
/* The path of a sample's file, within PT__PATH_SIZE bytes. */
pt_status_t pt__picture_set_path(const pt__picture_set_t *set, int64_t sample, char *path);

/* Notes that a file (sample -1) or a sample is passed over; where that is not to be, it fails. status: what is wrong,
 * with the thread's message. Any thread. */
pt_status_t pt__picture_set_skip(pt__picture_set_t *set, int64_t sample, const char *path, pt_status_t status);
/* Whether a sample is known to be broken. Any thread. */
int32_t pt__picture_set_is_skipped(pt__picture_set_t *set, int64_t sample);
int64_t pt__picture_set_skipped_count(pt__picture_set_t *set);
const char *pt__picture_set_skipped(pt__picture_set_t *set, int64_t index);

/* ---- The readers ---- */

/* picture_folders.c */
pt_status_t pt__picture_folders_read(pt__picture_set_t *set, const pt__picture_calls_t *calls, const char *path);
/* idx.c: whether the name is one of pictures in IDX's format. The set's channels 0 become 1. */
int32_t pt__idx_named(const char *name);
int32_t pt__idx_is(const uint8_t *bytes, int64_t size);
pt_status_t pt__idx_read(pt__picture_set_t *set, const char *path);
/* cifar.c: whether a directory that holds these names is CIFAR's; one of its files. The set's channels 0 become 3. */
int32_t pt__cifar_named(char *const *names, int64_t count);
pt_status_t pt__cifar_read_directory(pt__picture_set_t *set, const pt__picture_calls_t *calls, const char *path,
                                     char *const *names, int64_t count);
int32_t pt__cifar_is(const char *path, const uint8_t *bytes, int64_t size);
pt_status_t pt__cifar_read_file(pt__picture_set_t *set, const pt__picture_calls_t *calls, const char *path);

/* picture_list.c */
int32_t pt__picture_list_is(const uint8_t *bytes, int64_t size);
pt_status_t pt__picture_list_read(pt__picture_set_t *set, const char *path);

/* gunzip.c: the whole file, unpacked where gzip packed it. At most so many bytes: PT_ERR_FORMAT. */
pt_status_t pt__gunzip_file(pt__memory_t *memory, const char *path, int64_t limit, uint8_t **bytes, int64_t *size);

#endif
