/* Writing aside: PATH.partial-PROCESS-NUMBER beside the final name, so that the rename stays within one file system.
 *
 *   open aside, exclusively -> write -> fsync -> close -> rename over the final name -> fsync the directory
 *
 * Until the rename the final name has the old file, after it the new one. What was written aside is removed on any
 * failure; a process that is killed leaves it, and the next writer of the path clears it away. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/file_error.h"
#include "base/text.h"

enum {
    BUFFER_SIZE = 1 << 16,
    LARGEST_WRITE = 1 << 30, /* Linux takes at most 2 GiB at a time */
    STALE_SECONDS = 60,      /* a leftover untouched for so long, of a process that is gone */
    MOST_NAMES = 1000
};

static const char PARTIAL[] = ".partial-";

struct pt__writer {
    pt__memory_t *memory;
    char *path, *directory, *aside;
    int file; /* -1: not open */
    pt_status_t status;
    int64_t position;
    int64_t buffered;
    char buffer[BUFFER_SIZE];
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Names of ours for this path whose process no longer exists. Failing here is no failure: it only tidies. */
static void clear_leftovers(const pt__writer_t *writer)
{
    const char *name = base_name(writer->path);
    size_t length = strlen(name), mark = sizeof PARTIAL - 1;
    DIR *directory = opendir(writer->directory);
    struct stat about;
    if (!directory)
        return;
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        const char *found = entry->d_name;
        if (strncmp(found, name, length) != 0 || strncmp(found + length, PARTIAL, mark) != 0)
            continue;
        long process = strtol(found + length + mark, NULL, 10);
        if (process <= 0 || kill((pid_t)process, 0) == 0 || errno != ESRCH)
            continue;
        if (fstatat(dirfd(directory), found, &about, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(about.st_mode) &&
            about.st_mtime + STALE_SECONDS < time(NULL))
            unlinkat(dirfd(directory), found, 0);
    }
    closedir(directory);
}

static pt_status_t name_directory(pt__writer_t *writer)
{
    const char *name = base_name(writer->path);
    PT__TRY(pt__string_copy(writer->memory, name == writer->path ? "." : writer->path, &writer->directory));
    if (name == writer->path + 1)
        writer->directory[1] = 0; /* "/" */
    else if (name != writer->path)
        writer->directory[name - writer->path - 1] = 0;
    return *name ? PT_OK
                 : pt__fail(PT_ERR_ARGUMENT, "%s: no name of a file", *writer->path ? writer->path : "an empty path");
}

static pt_status_t open_aside(pt__writer_t *writer)
{
    for (int number = 0; number < MOST_NAMES; number++) {
        pt__text_t text = pt__text_start(writer->memory);
        pt__text_add(&text, "%s%s%ld-%d", writer->path, PARTIAL, (long)getpid(), number);
        pt__release(writer->memory, writer->aside);
        PT__TRY(pt__text_take(&text, &writer->aside, NULL));
        do
            writer->file = open(writer->aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        while (writer->file < 0 && errno == EINTR);
        if (writer->file >= 0)
            return PT_OK;
        if (errno != EEXIST)
            return pt__file_fail("create a file beside it", writer->path, errno);
    }
    return pt__file_fail("create a file beside it", writer->path, EEXIST);
}

static void close_file(pt__writer_t *writer)
{
    if (writer->file >= 0)
        close(writer->file);
    writer->file = -1;
}

static void free_writer(pt__writer_t *writer)
{
    close_file(writer);
    pt__release(writer->memory, writer->aside);
    pt__release(writer->memory, writer->directory);
    pt__release(writer->memory, writer->path);
    pt__release(writer->memory, writer);
}

pt_status_t pt__writer_begin(pt__memory_t *memory, const char *path, pt__writer_t **out)
{
    pt__writer_t *writer;
    pt_status_t status;
    *out = NULL;
    PT__TRY(pt__allocate_uninitialised(memory, 1, sizeof *writer, path, &writer));
    memset(writer, 0, offsetof(pt__writer_t, buffer));
    writer->memory = memory;
    writer->file = -1;
    PT__TRY_OUT(pt__string_copy(memory, path, &writer->path));
    PT__TRY_OUT(name_directory(writer));
    clear_leftovers(writer);
    PT__TRY_OUT(open_aside(writer));
    *out = writer;
    return PT_OK;
out:
    free_writer(writer);
    return status;
}

/* To the system, all of it. */
static pt_status_t write_through(pt__writer_t *writer, const char *bytes, int64_t size)
{
    while (size > 0) {
        ssize_t wrote = write(writer->file, bytes, (size_t)(size < LARGEST_WRITE ? size : LARGEST_WRITE));
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return pt__file_fail("write", writer->path, wrote < 0 ? errno : ENOSPC);
        bytes += wrote;
        size -= wrote;
    }
    return PT_OK;
}

static pt_status_t flush(pt__writer_t *writer)
{
    int64_t size = writer->buffered;
    writer->buffered = 0;
    return write_through(writer, writer->buffer, size);
}

/* A failure sticks, with its message kept for the calls that follow. */
static pt_status_t keep_failure(pt__writer_t *writer, pt_status_t status)
{
    writer->status = status;
    writer->buffered = 0;
    snprintf(writer->buffer, sizeof writer->buffer, "%s", pt__error_message());
    return status;
}

static pt_status_t repeat_failure(const pt__writer_t *writer)
{
    return pt__fail(writer->status, "%s", writer->buffer);
}

pt_status_t pt__writer_write(pt__writer_t *writer, const void *bytes, int64_t size)
{
    if (writer->status != PT_OK)
        return repeat_failure(writer);
    pt_status_t status = PT_OK;
    if (writer->buffered + size > BUFFER_SIZE)
        status = flush(writer);
    if (status == PT_OK && size > BUFFER_SIZE)
        status = write_through(writer, bytes, size);
    else if (status == PT_OK && size > 0) {
        memcpy(writer->buffer + writer->buffered, bytes, (size_t)size);
        writer->buffered += size;
    }
    if (status != PT_OK)
        return keep_failure(writer, status);
    writer->position += size;
    return PT_OK;
}

int64_t pt__writer_position(const pt__writer_t *writer)
{
    return writer->position;
}

/* Some file systems have nothing to sync and say so; that is no failure. */
static int sync_file(int file)
{
    int result;
    do
        result = fsync(file);
    while (result != 0 && errno == EINTR);
    return result != 0 && (errno == EINVAL || errno == ENOTSUP) ? 0 : result;
}

static pt_status_t sync_directory(const pt__writer_t *writer)
{
    int directory = open(writer->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = directory < 0 ? errno : sync_file(directory) != 0 ? errno : 0;
    if (directory >= 0)
        close(directory);
    /* a directory that may be written but not read cannot be synced; the file itself is whole */
    return error && error != EACCES ? pt__file_fail("sync the directory of", writer->path, error) : PT_OK;
}

static pt_status_t finish(pt__writer_t *writer)
{
    PT__TRY(flush(writer));
    if (sync_file(writer->file) != 0)
        return pt__file_fail("sync", writer->path, errno);
    int closed = close(writer->file);
    writer->file = -1;
    if (closed != 0 && errno != EINTR) /* network file systems report late */
        return pt__file_fail("close", writer->path, errno);
    if (rename(writer->aside, writer->path) != 0)
        return pt__file_fail("put the new file in place of", writer->path, errno);
    pt__release(writer->memory, writer->aside); /* nothing aside any more */
    writer->aside = NULL;
    return sync_directory(writer);
}

pt_status_t pt__writer_commit(pt__writer_t **writer)
{
    pt_status_t status = (*writer)->status != PT_OK ? repeat_failure(*writer) : finish(*writer);
    pt__writer_abandon(writer);
    return status;
}

void pt__writer_abandon(pt__writer_t **writer)
{
    if (!*writer)
        return;
    close_file(*writer);
    if ((*writer)->aside)
        unlink((*writer)->aside);
    free_writer(*writer);
    *writer = NULL;
}
