/* Files: reading, mapping, and writing that never leaves a half-written file under its own name. Every failure is
 * PT_ERR_IO (PT_ERR_NOT_FOUND where the file does not exist) with the path and the system's reason. Paths are the
 * system's byte strings. Called by data, formats and train. */
#ifndef PT__FILE_H
#define PT__FILE_H

#include <stdint.h>

#include "base/memory.h"

enum { PT__PATH_SIZE = 4096 /* bytes of a path that is put together, with its 0 */ };

/* The whole file in *bytes, with a 0 behind that *size does not count. A file of more than `limit` bytes (0: no
 * limit) is PT_ERR_FORMAT. */
pt_status_t pt__file_read(pt__memory_t *memory, const char *path, int64_t limit, char **bytes, int64_t *size);
/* The same of the file `name` in a directory: *bytes is NULL where there is none. */
pt_status_t pt__file_read_within(pt__memory_t *memory, const char *directory, const char *name, int64_t limit,
                                 char **bytes, int64_t *size);

typedef struct pt__mapping { /* a file's bytes, read-only */
    const uint8_t *bytes;    /* never NULL, also for an empty file */
    int64_t size;
    pt__memory_t *memory;
    void *copy; /* where the system cannot map the file: it was read */
    int32_t is_watched;
    int file; /* watched: kept open; and when it was last written to */
    int64_t seconds, nanoseconds;
} pt__mapping_t;

pt_status_t pt__file_map(pt__memory_t *memory, const char *path, pt__mapping_t *out);
/* The same for bytes that are used for long: pt__file_check tells whether they are still those of the file that was
 * mapped. */
pt_status_t pt__file_map_watched(pt__memory_t *memory, const char *path, pt__mapping_t *out);
/* PT_ERR_IO where a watched file was shortened or written to since, by its size and time; another file that has
 * taken its name does no harm. Costs a system call. What happens between this and a use of the bytes is not noticed:
 * a file that loses its end just then still ends the process with SIGBUS. */
pt_status_t pt__file_check(const pt__mapping_t *mapping, const char *path);
/* Ends a mapping; one that is all zero is ignored, and it is all zero afterwards. */
void pt__file_unmap(pt__mapping_t *mapping);

typedef struct pt__file_about {
    int32_t is_regular, is_directory;
    int64_t size;
    int64_t seconds, nanoseconds; /* when it was last written to */
} pt__file_about_t;

pt_status_t pt__file_look(const char *path, pt__file_about_t *about);
int32_t pt__file_exists(const char *path);
int32_t pt__file_is_regular(const char *path);
pt_status_t pt__file_size(const char *path, int64_t *size);
/* A file that does not exist is not an error. */
pt_status_t pt__file_remove(const char *path);

/* DIRECTORY/NAME; PT_ERR_ARGUMENT where it is longer than the buffer. */
pt_status_t pt__path_join(const char *directory, const char *name, char *path, size_t size);

/* The names in a directory, sorted by bytes, without "." and "..": one block, freed with pt__release. */
pt_status_t pt__directory_list(pt__memory_t *memory, const char *path, char ***names, int64_t *count);
/* With its parents; one that exists is not an error. */
pt_status_t pt__directory_make(pt__memory_t *memory, const char *path);
/* Locks a directory against all others that lock it, of this process or another one: PT_ERR_BUSY where it is locked.
 * The lock is gone with pt__directory_unlock, or with the process, however that ends. *lock is -1 where the file system
 * has no locks. Where it locks files alone, as network file systems do, an empty file, PT__LOCK_NAME, stays there. */
#define PT__LOCK_NAME ".lock"
pt_status_t pt__directory_lock(pt__memory_t *memory, const char *path, int *lock);
/* Ignores -1, and sets it. */
void pt__directory_unlock(int *lock);

/* A file being written aside, beside its final name; commit syncs it, gives it its name and syncs the directory, so
 * that the name always has a whole file, old or new, at any moment, also when the process is killed or the power
 * fails. What a killed process left aside is cleared away by the next writer of the same path, or by
 * pt__writer_clear. Links, mode and owner of a file that is replaced stay; where something other than a file has the
 * name, begin gives PT_ERR_ARGUMENT (destination.c). */
typedef struct pt__writer pt__writer_t;

pt_status_t pt__writer_begin(pt__memory_t *memory, const char *path, pt__writer_t **out);
/* After a failure every further write and the commit fail with the same status. */
pt_status_t pt__writer_write(pt__writer_t *writer, const void *bytes, int64_t size);
/* Writes once more over bytes that have been written: what is known only at the end. */
pt_status_t pt__writer_rewrite(pt__writer_t *writer, int64_t position, const void *bytes, int64_t size);
/* Bytes written so far. */
int64_t pt__writer_position(const pt__writer_t *writer);
/* Both end the writer and set *writer to NULL (NULL inside is ignored by abandon). A commit that fails leaves the
 * old file. */
pt_status_t pt__writer_commit(pt__writer_t **writer);
void pt__writer_abandon(pt__writer_t **writer);
/* Whether the final name, `length` bytes, is one that is meant. */
typedef int32_t pt__is_name_fn(const void *user, const char *name, size_t length);
/* Clears away what killed processes left aside of these files of a directory, and nothing that is being written.
 * Failing here is no failure: it only tidies. */
void pt__writer_clear(const char *directory, pt__is_name_fn *is_name, const void *user);

#endif
