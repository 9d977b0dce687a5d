/* What the files of base/ that talk to the file system share: how refusals are reported, calls that a signal may
 * interrupt, and what stands under a name that is about to be written. */
#ifndef PT__FILE_SYSTEM_H
#define PT__FILE_SYSTEM_H

#include <dirent.h>
#include <sys/stat.h>

#include "base/memory.h"

/* "PATH: cannot VERB: reason"; PT_ERR_NOT_FOUND where `error` (an errno) says that something does not exist, else
 * PT_ERR_IO. */
pt_status_t pt__file_fail(const char *verb, const char *path, int error);

/* ---- file.c ---- */
/* These give what the system's calls of like name do, with errno, and repeat what a signal interrupts. */
DIR *pt__directory_open(const char *path);
/* At once or not at all: EWOULDBLOCK where another has it. The lock belongs to the open file and its copies. */
int pt__file_lock(int file);
/* Some file systems have nothing to sync and say so; that is no failure. */
int pt__file_sync(int file);
/* So that what was made, renamed or removed in the directory last. One that may be written but not read cannot be
 * synced, which is no failure either: what stands in it is whole. `path` is for messages: what was changed. */
pt_status_t pt__directory_sync(const char *directory, const char *path);

/* ---- destination.c: what a new file takes the place of ---- */
typedef struct pt__destination {
    char *path; /* of the file itself: what the links under the name lead to, also where that does not exist yet */
    int32_t exists;
    struct stat about; /* where it exists */
} pt__destination_t;

/* PT_ERR_ARGUMENT where something other than a regular file stands under the name; PT_ERR_IO where the file may not be
 * written. The caller releases out->path. */
pt_status_t pt__destination_find(pt__memory_t *memory, const char *path, pt__destination_t *out);
/* With which mode the new file is made: nobody may open it who could not open the old one. */
mode_t pt__destination_first_mode(const pt__destination_t *destination);
/* Gives the new file, open, what the old one had: owner, group and mode. Where the system does not let the owner be
 * given away, the new file is the writer's; where the group cannot stay either, it may do no more than all others. */
pt_status_t pt__destination_keep(const pt__destination_t *destination, int file, const char *path);

#endif
