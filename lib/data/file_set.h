/* Samples as readers of files find them: names of files to be decoded, or the pixels of pictures; their classes; and
 * what was passed over. */
#ifndef PT__FILE_SET_H
#define PT__FILE_SET_H

#include <pthread.h>

#include "base/context.h"

struct pt__classes;

typedef struct pt__skipped {
    int64_t sample; /* -1: no sample was made of it */
    char *text;     /* "PATH: REASON" */
} pt__skipped_t;

typedef struct pt__file_set {
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
} pt__file_set_t;

pt_status_t pt__file_set_init(pt__file_set_t *set, pt__memory_t *memory, const char *root, int32_t is_strict);
void pt__file_set_free(pt__file_set_t *set);
pt_status_t pt__file_set_add_class(pt__file_set_t *set, const char *name);
/* Classes that readers of a list have numbered by appearance: their names in order, and labels that count them so. */
pt_status_t pt__file_set_order_classes(pt__file_set_t *set, struct pt__classes *classes, int32_t names_are_numbers);
/* Numbers the classes by these names, which become the set's; path is for messages. */
pt_status_t pt__file_set_number(pt__file_set_t *set, const char *path, const char *const *names, int64_t count);
/* label -1: pictures without classes. */
pt_status_t pt__file_set_add_file(pt__file_set_t *set, const char *name, int32_t label);
/* `count` pictures of set->height x width and `channels` (1 or 3): made set->channels, which is 1 or 3, each. planes: a
 * channel's pixels lie together. labels NULL: there are none. */
pt_status_t pt__file_set_add_pixels(pt__file_set_t *set, const uint8_t *pixels, int64_t count, int32_t channels,
                                    int32_t planes, const int32_t *labels);
/* The directory that the root is in becomes the root: names of a list are from there. */
void pt__file_set_root_above(pt__file_set_t *set);
/* The path of a sample's file, within PT__PATH_SIZE bytes. */
pt_status_t pt__file_set_path(const pt__file_set_t *set, int64_t sample, char *path);

/* Whether a file is one of those meant, by the ending of its name: 0: no; 1: yes; else one that this build cannot
 * decode. */
typedef int32_t pt__file_named_fn(const char *name);
/* file_folders.c: a directory with a directory a class, or without classes. */
pt_status_t pt__file_folders_read(pt__file_set_t *set, pt__file_named_fn *named, const char *path);

/* Notes that a file (sample -1) or a sample is passed over; where that is not to be, it fails. status: what is wrong,
 * with the thread's message. Any thread. */
pt_status_t pt__file_set_skip(pt__file_set_t *set, int64_t sample, const char *path, pt_status_t status);
/* Whether a sample is known to be broken. Any thread. */
int32_t pt__file_set_is_skipped(pt__file_set_t *set, int64_t sample);
int64_t pt__file_set_skipped_count(pt__file_set_t *set);
const char *pt__file_set_skipped(pt__file_set_t *set, int64_t index);

#endif
