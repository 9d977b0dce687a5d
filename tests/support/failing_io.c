#include "support/failing_io.h"

#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/types.h>

static struct {
    atomic_long fail_at, calls;
    atomic_int error;
} states[FAILING_IO_COUNT];

static atomic_int skips_fsync;

void failing_io_arm(failing_io_t kind, long n, int error)
{
    atomic_store(&states[kind].calls, 0);
    atomic_store(&states[kind].error, error);
    atomic_store(&states[kind].fail_at, n);
}

void failing_io_disarm(void)
{
    for (int kind = 0; kind < FAILING_IO_COUNT; kind++)
        failing_io_arm((failing_io_t)kind, 0, 0);
}

void failing_io_skip_fsync(void)
{
    atomic_store(&skips_fsync, 1);
}

long failing_io_calls(failing_io_t kind)
{
    return atomic_load(&states[kind].calls);
}

static int fails(failing_io_t kind)
{
    long call = atomic_fetch_add(&states[kind].calls, 1) + 1, fail_at = atomic_load(&states[kind].fail_at);
    int error = atomic_load(&states[kind].error);
    if (fail_at == 0 || (error == EINTR ? call != fail_at : call < fail_at))
        return 0;
    errno = error;
    return 1;
}

ssize_t __real_write(int file, const void *bytes, size_t size);
ssize_t __wrap_write(int file, const void *bytes, size_t size);
ssize_t __wrap_write(int file, const void *bytes, size_t size)
{
    return fails(FAILING_WRITE) ? -1 : __real_write(file, bytes, size);
}

int __real_fsync(int file);
int __wrap_fsync(int file);
int __wrap_fsync(int file)
{
    return fails(FAILING_FSYNC) ? -1 : atomic_load(&skips_fsync) ? 0 : __real_fsync(file);
}

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to)
{
    return fails(FAILING_RENAME) ? -1 : __real_rename(from, to);
}

int __real_close(int file);
int __wrap_close(int file);
int __wrap_close(int file)
{
    int result = __real_close(file);
    return fails(FAILING_CLOSE) ? -1 : result;
}

DIR *__real_opendir(const char *path);
DIR *__wrap_opendir(const char *path);
DIR *__wrap_opendir(const char *path)
{
    return fails(FAILING_OPENDIR) ? NULL : __real_opendir(path);
}

int __real_flock(int file, int operation);
int __wrap_flock(int file, int operation);
int __wrap_flock(int file, int operation)
{
    return fails(FAILING_FLOCK) ? -1 : __real_flock(file, operation);
}
