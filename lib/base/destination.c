/* What stands under a name that is about to be written. Only regular files are replaced: a FIFO or a device that a
 * rename takes away is gone for everybody. Links stay, and the file that they lead to is replaced where it stands. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file_system.h"
#include "base/text.h"

enum {
    MOST_LINKS = 40, /* as Linux has it */
    LONGEST_LINK = 4096,
    ALL_BITS = 07777
};

static const char *kind_of(mode_t mode)
{
    return S_ISFIFO(mode) ? "a FIFO" : S_ISSOCK(mode) ? "a socket" : "a device";
}

static pt_status_t check_kind(const char *path, const struct stat *about)
{
    if (S_ISDIR(about->st_mode))
        return pt__file_fail("write", path, EISDIR);
    if (!S_ISREG(about->st_mode))
        return pt__fail(PT_ERR_ARGUMENT, "%s: is %s, expected a regular file or a name that is free", path,
                        kind_of(about->st_mode));
    return PT_OK;
}

/* *target, a link, becomes what it leads to. */
static pt_status_t follow(pt__memory_t *memory, const char *path, char **target)
{
    char next[LONGEST_LINK];
    ssize_t length = readlink(*target, next, sizeof next - 1);
    if (length < 0 || (size_t)length == sizeof next - 1)
        return pt__file_fail("follow the link", path, length < 0 ? errno : ENAMETOOLONG);
    next[length] = 0;
    const char *slash = strrchr(*target, '/');
    int directory = next[0] == '/' || slash == NULL ? 0 : (int)(slash - *target + 1);
    pt__text_t text = pt__text_start(memory);
    pt__text_add(&text, "%.*s%s", directory, *target, next);
    pt__release(memory, *target);
    *target = NULL;
    return pt__text_take(&text, target, NULL);
}

static pt_status_t follow_all(pt__memory_t *memory, const char *path, pt__destination_t *out, struct stat *last)
{
    for (int links = 0; lstat(out->path, last) == 0; links++) {
        if (!S_ISLNK(last->st_mode))
            return PT_OK;
        if (links == MOST_LINKS)
            return pt__file_fail("follow the link", path, ELOOP);
        PT__TRY(follow(memory, path, &out->path));
    }
    return errno == ENOENT ? PT_OK : pt__file_fail("write", path, errno);
}

static pt_status_t find(pt__memory_t *memory, const char *path, pt__destination_t *out)
{
    struct stat last;
    PT__TRY(pt__string_copy(memory, path, &out->path));
    out->exists = stat(path, &out->about) == 0;
    if (!out->exists && errno != ENOENT)
        return pt__file_fail("write", path, errno);
    if (out->exists)
        PT__TRY(check_kind(path, &out->about));
    PT__TRY(follow_all(memory, path, out, &last));
    if (!out->exists)
        return PT_OK;
    /* such as /proc/self/fd/1 where the file was removed since it was opened */
    if (lstat(out->path, &last) != 0 || last.st_dev != out->about.st_dev || last.st_ino != out->about.st_ino)
        return pt__fail(PT_ERR_ARGUMENT, "%s: leads to a file without a name, which cannot be replaced", path);
    if (faccessat(AT_FDCWD, out->path, W_OK, AT_EACCESS) != 0)
        return pt__file_fail("write", path, errno);
    return PT_OK;
}

pt_status_t pt__destination_find(pt__memory_t *memory, const char *path, pt__destination_t *out)
{
    *out = (pt__destination_t){0};
    pt_status_t status = find(memory, path, out);
    if (status != PT_OK) {
        pt__release(memory, out->path);
        out->path = NULL;
    }
    return status;
}

mode_t pt__destination_first_mode(const pt__destination_t *destination)
{
    return destination->exists ? S_IRUSR | S_IWUSR : S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH;
}

pt_status_t pt__destination_keep(const pt__destination_t *destination, int file, const char *path)
{
    const struct stat *old = &destination->about;
    struct stat own;
    if (!destination->exists)
        return PT_OK;
    if (fstat(file, &own) != 0)
        return pt__file_fail("look at the new file of", path, errno);
    mode_t mode = old->st_mode & ALL_BITS;
    if ((own.st_uid != old->st_uid || own.st_gid != old->st_gid) && fchown(file, old->st_uid, old->st_gid) != 0) {
        mode &= ~(mode_t)S_ISUID;
        if (own.st_gid != old->st_gid && fchown(file, (uid_t)-1, old->st_gid) != 0)
            mode = (mode & ~(mode_t)(S_ISGID | S_IRWXG)) | ((mode & S_IRWXO) << 3);
    }
    if ((own.st_mode & ALL_BITS) == mode) /* also where a file system has one mode for all */
        return PT_OK;
    return fchmod(file, mode) != 0 ? pt__file_fail("keep the mode of", path, errno) : PT_OK;
}
