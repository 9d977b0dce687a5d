/* Writing aside: PATH.partial-PROCESS-NUMBER beside the final name, so that the rename stays within one file system.
 *
 *   open aside, exclusively, and lock -> write -> fsync -> close -> rename over the final name -> fsync the directory
 *
 * Until the rename the final name has the old file, after it the new one. What was written aside is removed on any
 * failure. A process that is killed leaves it, and its lock is gone: so the next writer of the path, or whoever tidies
 * the directory, knows it from what is still being written, here or on another machine. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/file_system.h"
#include "base/text.h"

enum {
    BUFFER_SIZE = 1 << 16,
    LARGEST_WRITE = 1 << 30, /* Linux takes at most 2 GiB at a time */
    MOST_NAMES = 1000
};

static const char PARTIAL[] = ".partial-";

struct pt__writer {
    pt__memory_t *memory;
    char *path; /* as the caller has it, for messages */
    pt__destination_t destination;
    char *directory, *aside; /* of the destination */
    int file;                /* -1: not open */
    int lock;                /* the same file once more, which keeps its lock until it has its name; -1: not open */
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

/* ---- What was left ---- */

static const char *skip_digits(const char *at)
{
    while (*at >= '0' && *at <= '9')
        at++;
    return at;
}

/* The length of the final name in that of a file written aside; 0: it is some other file. */
static size_t final_length(const char *name)
{
    const char *mark = NULL;
    for (const char *at = strstr(name, PARTIAL); at != NULL; at = strstr(at + 1, PARTIAL))
        mark = at;
    if (mark == NULL)
        return 0;
    const char *process = mark + sizeof PARTIAL - 1, *dash = skip_digits(process);
    if (dash == process || *dash != '-' || skip_digits(dash + 1) == dash + 1 || *skip_digits(dash + 1) != 0)
        return 0;
    return (size_t)(mark - name);
}

/* Unless it is being written, or a file system without locks does not let it be known. */
static void clear_one(int directory, const char *name)
{
    int file = openat(directory, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC); /* some lock what is writable */
    struct stat about;
    if (file < 0)
        return;
    /* only who holds the lock removes it: once that is ours, the name still is this file's */
    if (pt__file_lock(file) == 0 && fstat(file, &about) == 0 && S_ISREG(about.st_mode) && about.st_nlink > 0)
        unlinkat(directory, name, 0);
    close(file);
}

void pt__writer_clear(const char *path, pt__is_name_fn *is_name, const void *user)
{
    DIR *directory = pt__directory_open(path);
    if (directory == NULL)
        return;
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        size_t length = final_length(entry->d_name);
        if (length > 0 && is_name(user, entry->d_name, length))
            clear_one(dirfd(directory), entry->d_name);
    }
    closedir(directory);
}

static int32_t is_same(const void *user, const char *name, size_t length)
{
    return strlen(user) == length && memcmp(user, name, length) == 0;
}

/* ---- Beginning ---- */

static pt_status_t name_directory(pt__writer_t *writer, const char *path)
{
    const char *name = base_name(path);
    pt__release(writer->memory, writer->directory);
    PT__TRY(pt__string_copy(writer->memory, name == path ? "." : path, &writer->directory));
    if (name == path + 1)
        writer->directory[1] = 0; /* "/" */
    else if (name != path)
        writer->directory[name - path - 1] = 0;
    return *name ? PT_OK
                 : pt__fail(PT_ERR_ARGUMENT, "%s: no name of a file", *writer->path ? writer->path : "an empty path");
}

static void close_file(int *file)
{
    if (*file >= 0)
        close(*file);
    *file = -1;
}

/* 0 where the file just made was taken for one that a killed process left, before it was locked. A file system without
 * locks keeps none, and nobody clears away what stands there. */
static int lock_aside(const pt__writer_t *writer)
{
    struct stat about;
    if (pt__file_lock(writer->file) != 0 && errno == EWOULDBLOCK)
        return 0;
    return fstat(writer->file, &about) == 0 && about.st_nlink > 0;
}

static pt_status_t open_aside(pt__writer_t *writer)
{
    const mode_t mode = pt__destination_first_mode(&writer->destination);
    for (int number = 0; number < MOST_NAMES; number++) {
        pt__text_t text = pt__text_start(writer->memory);
        pt__text_add(&text, "%s%s%ld-%d", writer->destination.path, PARTIAL, (long)getpid(), number);
        pt__release(writer->memory, writer->aside);
        writer->aside = NULL;
        PT__TRY(pt__text_take(&text, &writer->aside, NULL));
        do
            writer->file = open(writer->aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        while (writer->file < 0 && errno == EINTR);
        if (writer->file < 0 && errno != EEXIST)
            return pt__file_fail("create a file beside it", writer->path, errno);
        if (writer->file < 0)
            continue;
        if (lock_aside(writer))
            return PT_OK;
        close_file(&writer->file);
    }
    return pt__file_fail("create a file beside it", writer->path, EEXIST);
}

static void free_writer(pt__writer_t *writer)
{
    close_file(&writer->file);
    close_file(&writer->lock);
    pt__release(writer->memory, writer->aside);
    pt__release(writer->memory, writer->directory);
    pt__release(writer->memory, writer->destination.path);
    pt__release(writer->memory, writer->path);
    pt__release(writer->memory, writer);
}

static pt_status_t begin(pt__writer_t *writer, const char *path)
{
    PT__TRY(pt__string_copy(writer->memory, path, &writer->path));
    PT__TRY(name_directory(writer, path));
    PT__TRY(pt__destination_find(writer->memory, path, &writer->destination));
    PT__TRY(name_directory(writer, writer->destination.path));
    pt__writer_clear(writer->directory, is_same, base_name(writer->destination.path));
    return open_aside(writer);
}

/* What was made aside, and not renamed. */
static void remove_aside(pt__writer_t *writer)
{
    if (writer->file >= 0 || writer->lock >= 0)
        unlink(writer->aside);
    free_writer(writer);
}

pt_status_t pt__writer_begin(pt__memory_t *memory, const char *path, pt__writer_t **out)
{
    pt__writer_t *writer;
    *out = NULL;
    PT__TRY(pt__allocate_uninitialised(memory, 1, sizeof *writer, path, &writer));
    memset(writer, 0, offsetof(pt__writer_t, buffer));
    writer->memory = memory;
    writer->file = writer->lock = -1;
    pt_status_t status = begin(writer, path);
    if (status == PT_OK)
        status = pt__destination_keep(&writer->destination, writer->file, path);
    if (status == PT_OK && (writer->lock = fcntl(writer->file, F_DUPFD_CLOEXEC, 0)) < 0)
        status = pt__file_fail("create a file beside it", path, errno);
    if (status == PT_OK)
        *out = writer;
    else
        remove_aside(writer);
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

pt_status_t pt__writer_rewrite(pt__writer_t *writer, int64_t position, const void *bytes, int64_t size)
{
    if (writer->status != PT_OK)
        return repeat_failure(writer);
    const int64_t end = writer->position;
    pt_status_t status = flush(writer);
    if (status == PT_OK && lseek(writer->file, (off_t)position, SEEK_SET) < 0)
        status = pt__file_fail("write", writer->path, errno);
    if (status == PT_OK)
        status = write_through(writer, bytes, size);
    if (status == PT_OK && lseek(writer->file, (off_t)end, SEEK_SET) < 0)
        status = pt__file_fail("write", writer->path, errno);
    return status == PT_OK ? PT_OK : keep_failure(writer, status);
}

int64_t pt__writer_position(const pt__writer_t *writer)
{
    return writer->position;
}

static pt_status_t finish(pt__writer_t *writer)
{
    PT__TRY(flush(writer));
    if (pt__file_sync(writer->file) != 0)
        return pt__file_fail("sync", writer->path, errno);
    int closed = close(writer->file);
    writer->file = -1;
    if (closed != 0 && errno != EINTR) /* network file systems report late */
        return pt__file_fail("close", writer->path, errno);
    if (rename(writer->aside, writer->destination.path) != 0)
        return pt__file_fail("put the new file in place of", writer->path, errno);
    close_file(&writer->lock); /* nothing aside any more */
    return pt__directory_sync(writer->directory, writer->path);
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
    remove_aside(*writer);
    *writer = NULL;
}
