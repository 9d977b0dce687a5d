/* Reading, mapping, listing. Writing is in writer.c. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file_system.h"
#include "base/sort.h"
#include "base/text.h"

/* PT_ERR_NOT_FOUND for what does not exist, PT_ERR_IO otherwise: "PATH: cannot VERB: reason". */
pt_status_t pt__file_fail(const char *verb, const char *path, int error)
{
    char reason[128];
    if (strerror_r(error, reason, sizeof reason) != 0)
        reason[0] = 0;
    pt_status_t status = error == ENOENT || error == ENOTDIR ? PT_ERR_NOT_FOUND : PT_ERR_IO;
    return pt__fail(status, "%s: cannot %s: %s", path, verb, reason);
}

static pt_status_t open_to_read(const char *path, int *file, struct stat *about)
{
    do
        *file = open(path, O_RDONLY | O_CLOEXEC);
    while (*file < 0 && errno == EINTR);
    if (*file < 0)
        return pt__file_fail("open", path, errno);
    int error = fstat(*file, about) != 0 ? errno : S_ISDIR(about->st_mode) ? EISDIR : 0;
    if (error) {
        close(*file);
        return pt__file_fail("read", path, error);
    }
    return PT_OK;
}

/* Reads to the end of the file, whatever its stated size: pipes state none, and files grow. */
static pt_status_t read_all(pt__memory_t *memory, int file, const char *path, int64_t expected, int64_t limit,
                            char **bytes, int64_t *size)
{
    int64_t capacity = 0, length = 0;
    ssize_t got;
    if (limit > 0 && expected > limit)
        expected = limit; /* the read below finds out that there is more */
    do {
        int64_t room = length <= expected ? expected + 1 : length + 65536; /* one more byte finds the end */
        PT__TRY(pt__grow(memory, bytes, &capacity, room + 1, 1, path));
        got = read(file, *bytes + length, (size_t)(capacity - 1 - length));
        if (got < 0 && errno != EINTR)
            return pt__file_fail("read", path, errno);
        length += got > 0 ? got : 0;
        if (limit > 0 && length > limit)
            return pt__fail(PT_ERR_FORMAT, "%s: more than %lld bytes, the most that is expected here", path,
                            (long long)limit);
    } while (got != 0);
    (*bytes)[length] = 0;
    *size = length;
    return PT_OK;
}

static pt_status_t read_and_close(pt__memory_t *memory, int file, const char *path, const struct stat *about,
                                  int64_t limit, char **bytes, int64_t *size)
{
    pt_status_t status = read_all(memory, file, path, S_ISREG(about->st_mode) ? about->st_size : 0, limit, bytes, size);
    close(file);
    if (status != PT_OK) {
        pt__release(memory, *bytes);
        *bytes = NULL;
    }
    return status;
}

pt_status_t pt__file_read(pt__memory_t *memory, const char *path, int64_t limit, char **bytes, int64_t *size)
{
    struct stat about;
    int file;
    *bytes = NULL;
    *size = 0;
    PT__TRY(open_to_read(path, &file, &about));
    return read_and_close(memory, file, path, &about, limit, bytes, size);
}

static void watch(pt__mapping_t *mapping, int file, const struct stat *about)
{
    mapping->is_watched = 1;
    mapping->file = file;
    mapping->seconds = about->st_mtim.tv_sec;
    mapping->nanoseconds = about->st_mtim.tv_nsec;
}

static pt_status_t map(pt__memory_t *memory, const char *path, int32_t watched, pt__mapping_t *out)
{
    struct stat about;
    int file;
    char *bytes = NULL;
    *out = (pt__mapping_t){0};
    PT__TRY(open_to_read(path, &file, &about));
    if (S_ISREG(about.st_mode) && about.st_size > 0 && (uint64_t)about.st_size <= SIZE_MAX) {
        void *mapped = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, file, 0);
        if (mapped != MAP_FAILED) {
            *out = (pt__mapping_t){.bytes = mapped, .size = about.st_size, .memory = memory};
            if (watched)
                watch(out, file, &about);
            else
                close(file);
            return PT_OK;
        }
    }
    PT__TRY(read_and_close(memory, file, path, &about, 0, &bytes, &out->size));
    *out = (pt__mapping_t){.bytes = (const uint8_t *)bytes, .size = out->size, .memory = memory, .copy = bytes};
    return PT_OK;
}

pt_status_t pt__file_map(pt__memory_t *memory, const char *path, pt__mapping_t *out)
{
    return map(memory, path, 0, out);
}

pt_status_t pt__file_map_watched(pt__memory_t *memory, const char *path, pt__mapping_t *out)
{
    return map(memory, path, 1, out);
}

pt_status_t pt__file_check(const pt__mapping_t *mapping, const char *path)
{
    struct stat about;
    if (!mapping->is_watched)
        return PT_OK;
    if (fstat(mapping->file, &about) != 0)
        return pt__file_fail("look at", path, errno);
    if (about.st_size != mapping->size)
        return pt__fail(PT_ERR_IO, "%s: changed while in use: the file has %lld bytes, and had %lld when it was opened",
                        path, (long long)about.st_size, (long long)mapping->size);
    if (about.st_mtim.tv_sec != mapping->seconds || about.st_mtim.tv_nsec != mapping->nanoseconds)
        return pt__fail(PT_ERR_IO, "%s: changed while in use: the file was written to since it was opened", path);
    return PT_OK;
}

void pt__file_unmap(pt__mapping_t *mapping)
{
    if (mapping->is_watched)
        close(mapping->file);
    if (mapping->copy)
        pt__release(mapping->memory, mapping->copy);
    else if (mapping->bytes)
        munmap((void *)(uintptr_t)mapping->bytes, (size_t)mapping->size);
    *mapping = (pt__mapping_t){0};
}

pt_status_t pt__file_look(const char *path, pt__file_about_t *out)
{
    struct stat about;
    if (stat(path, &about) != 0)
        return pt__file_fail("look at", path, errno);
    *out = (pt__file_about_t){.is_regular = S_ISREG(about.st_mode),
                              .is_directory = S_ISDIR(about.st_mode),
                              .size = about.st_size,
                              .seconds = about.st_mtim.tv_sec,
                              .nanoseconds = about.st_mtim.tv_nsec};
    return PT_OK;
}

int32_t pt__file_exists(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0;
}

int32_t pt__file_is_regular(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISREG(about.st_mode);
}

pt_status_t pt__file_size(const char *path, int64_t *size)
{
    struct stat about;
    if (stat(path, &about) != 0)
        return pt__file_fail("find the size", path, errno);
    *size = about.st_size;
    return PT_OK;
}

pt_status_t pt__file_remove(const char *path)
{
    if (unlink(path) != 0 && errno != ENOENT)
        return pt__file_fail("remove", path, errno);
    return PT_OK;
}

/* ---- Directories ---- */

DIR *pt__directory_open(const char *path)
{
    DIR *directory;
    do
        directory = opendir(path);
    while (directory == NULL && errno == EINTR);
    return directory;
}

int pt__file_sync(int file)
{
    int result;
    do
        result = fsync(file);
    while (result != 0 && errno == EINTR);
    return result != 0 && (errno == EINVAL || errno == ENOTSUP) ? 0 : result;
}

pt_status_t pt__directory_sync(const char *directory, const char *path)
{
    DIR *open = pt__directory_open(directory);
    int error = open == NULL ? errno : pt__file_sync(dirfd(open)) != 0 ? errno : 0;
    if (open != NULL)
        closedir(open);
    return error && error != EACCES ? pt__file_fail("sync the directory of", path, error) : PT_OK;
}

static int compare_names(const void *a, const void *b, void *user)
{
    (void)user;
    return strcmp(a, b);
}

/* The names one after the other, each with its 0, into *all. */
static pt_status_t read_names(pt__memory_t *memory, DIR *directory, const char *path, char **all, int64_t *length,
                              int64_t *count)
{
    int64_t capacity = 0;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(directory);
        if (!entry)
            return errno ? pt__file_fail("list", path, errno) : PT_OK;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        int64_t size = (int64_t)strlen(entry->d_name) + 1;
        PT__TRY(pt__grow(memory, all, &capacity, *length + size, 1, path));
        memcpy(*all + *length, entry->d_name, (size_t)size);
        *length += size;
        ++*count;
    }
}

pt_status_t pt__directory_list(pt__memory_t *memory, const char *path, char ***names, int64_t *count)
{
    char *all = NULL, **list;
    int64_t length = 0;
    *names = NULL;
    *count = 0;
    DIR *directory = pt__directory_open(path);
    if (!directory)
        return pt__file_fail("list", path, errno);
    pt_status_t status = read_names(memory, directory, path, &all, &length, count);
    closedir(directory);
    size_t table = (size_t)*count * sizeof *list;
    if (status == PT_OK)
        status = pt__allocate_uninitialised(memory, table + (size_t)length, 1, path, &list);
    if (status == PT_OK) {
        char *name = (char *)list + table;
        if (length > 0)
            memcpy(name, all, (size_t)length);
        for (int64_t i = 0; i < *count; i++, name += strlen(name) + 1)
            list[i] = name;
        pt__sort((const void **)list, *count, compare_names, NULL);
        *names = list;
    } else {
        *count = 0;
    }
    pt__release(memory, all);
    return status;
}

/* Or a power cut takes the new directory away with all that stands in it, however well that was synced. */
static pt_status_t sync_parent(pt__memory_t *memory, const char *path)
{
    pt__text_t text = pt__text_start(memory);
    char *parent;
    pt__text_add(&text, "%s/..", path);
    PT__TRY(pt__text_take(&text, &parent, NULL));
    pt_status_t status = pt__directory_sync(parent, path);
    pt__release(memory, parent);
    return status;
}

static pt_status_t make_one(pt__memory_t *memory, const char *path)
{
    struct stat about;
    if (mkdir(path, 0777) == 0)
        return sync_parent(memory, path);
    int error = errno;
    if (error == EEXIST && (stat(path, &about) != 0 || !S_ISDIR(about.st_mode)))
        error = ENOTDIR;
    return error == EEXIST ? PT_OK : pt__file_fail("make the directory", path, error);
}

pt_status_t pt__directory_make(pt__memory_t *memory, const char *path)
{
    char *copy;
    pt_status_t status = PT_OK;
    if (!*path)
        return pt__fail(PT_ERR_ARGUMENT, "a directory's path is empty");
    PT__TRY(pt__string_copy(memory, path, &copy));
    for (char *slash = strchr(copy + 1, '/'); slash && status == PT_OK; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (!pt__file_exists(copy)) /* a parent that exists may lie on a file system that refuses mkdir */
            status = make_one(memory, copy);
        *slash = '/';
    }
    if (status == PT_OK)
        status = make_one(memory, copy);
    pt__release(memory, copy);
    return status;
}

int pt__file_lock(int file)
{
    int result;
    do
        result = flock(file, LOCK_EX | LOCK_NB);
    while (result != 0 && errno == EINTR);
    return result;
}

/* A copy of the directory's own descriptor, whose lock stays when the other is closed. -1: not locked; see errno. */
static int lock_itself(const char *path)
{
    DIR *directory = pt__directory_open(path);
    int file = directory == NULL ? -1 : fcntl(dirfd(directory), F_DUPFD_CLOEXEC, 0);
    int error = file < 0 || pt__file_lock(file) != 0 ? errno : 0;
    if (directory != NULL)
        closedir(directory);
    if (error && file >= 0) {
        close(file);
        file = -1;
    }
    errno = error;
    return file;
}

static pt_status_t lock_within(pt__memory_t *memory, const char *path, int *lock)
{
    pt__text_t text = pt__text_start(memory);
    char *name;
    pt__text_add(&text, "%s/" PT__LOCK_NAME, path);
    PT__TRY(pt__text_take(&text, &name, NULL));
    do
        *lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    while (*lock < 0 && errno == EINTR);
    pt__release(memory, name);
    int error = *lock < 0 || pt__file_lock(*lock) != 0 ? errno : 0;
    if (error && *lock >= 0) {
        close(*lock);
        *lock = -1;
    }
    errno = error;
    return PT_OK;
}

pt_status_t pt__directory_lock(pt__memory_t *memory, const char *path, int *lock)
{
    *lock = lock_itself(path);
    if (*lock < 0 && errno != EWOULDBLOCK)
        PT__TRY(lock_within(memory, path, lock));
    if (*lock < 0 && errno == EWOULDBLOCK)
        return pt__fail(PT_ERR_BUSY, "%s: locked: another stage, of this process or another one, writes there", path);
    return PT_OK;
}

/* By name, since a child that the host forked meanwhile may hold a copy. */
void pt__directory_unlock(int *lock)
{
    if (*lock >= 0) {
        flock(*lock, LOCK_UN);
        close(*lock);
    }
    *lock = -1;
}

pt_status_t pt__path_join(const char *directory, const char *name, char *path, size_t size)
{
    const size_t length = strlen(directory);
    const char *between = length > 0 && directory[length - 1] == '/' ? "" : "/";
    if (snprintf(path, size, "%s%s%s", directory, between, name) < (int)size)
        return PT_OK;
    return pt__fail(PT_ERR_ARGUMENT, "the path is too long: %.80s...", directory);
}

pt_status_t pt__file_read_within(pt__memory_t *memory, const char *directory, const char *name, int64_t limit,
                                 char **bytes, int64_t *size)
{
    char path[PT__PATH_SIZE];
    *bytes = NULL;
    *size = 0;
    PT__TRY(pt__path_join(directory, name, path, sizeof path));
    return pt__file_is_regular(path) ? pt__file_read(memory, path, limit, bytes, size) : PT_OK;
}
