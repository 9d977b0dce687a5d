#include "support/failing_io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
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

int __real_fchown(int file, uid_t user, gid_t group);
int __wrap_fchown(int file, uid_t user, gid_t group);
int __wrap_fchown(int file, uid_t user, gid_t group)
{
    return fails(FAILING_FCHOWN) ? -1 : __real_fchown(file, user, group);
}

int __real_fchmod(int file, mode_t mode);
int __wrap_fchmod(int file, mode_t mode);
int __wrap_fchmod(int file, mode_t mode)
{
    return fails(FAILING_FCHMOD) ? -1 : __real_fchmod(file, mode);
}

int __real_faccessat(int directory, const char *path, int mode, int flags);
int __wrap_faccessat(int directory, const char *path, int mode, int flags);
int __wrap_faccessat(int directory, const char *path, int mode, int flags)
{
    return fails(FAILING_ACCESS) ? -1 : __real_faccessat(directory, path, mode, flags);
}

ssize_t __real_read(int file, void *bytes, size_t size);
ssize_t __wrap_read(int file, void *bytes, size_t size);
ssize_t __wrap_read(int file, void *bytes, size_t size)
{
    return fails(FAILING_READ) ? -1 : __real_read(file, bytes, size);
}

int __real_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *how);
int __wrap_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *how);
int __wrap_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *how)
{
    return fails(FAILING_MUTEX) ? errno : __real_pthread_mutex_init(mutex, how);
}

int __real_pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *how);
int __wrap_pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *how);
int __wrap_pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *how)
{
    return fails(FAILING_CONDITION) ? errno : __real_pthread_cond_init(condition, how);
}

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *), void *user);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *), void *user);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *), void *user)
{
    return fails(FAILING_THREAD) ? errno : __real_pthread_create(thread, how, run, user);
}

/* These have a second name where files may be large, which is what the library is built for. */
#define WRAP_FILE_CALLS(suffix)                                                                                   \
    int __real_open##suffix(const char *path, int flags, ...);                                                    \
    int __wrap_open##suffix(const char *path, int flags, ...);                                                    \
    int __wrap_open##suffix(const char *path, int flags, ...)                                                     \
    {                                                                                                             \
        va_list arguments;                                                                                        \
        va_start(arguments, flags);                                                                               \
        unsigned mode = flags & O_CREAT ? va_arg(arguments, unsigned) : 0;                                        \
        va_end(arguments);                                                                                        \
        return fails(FAILING_OPEN) ? -1 : __real_open##suffix(path, flags, mode);                                 \
    }                                                                                                             \
    int __real_fstat##suffix(int file, void *about);                                                              \
    int __wrap_fstat##suffix(int file, void *about);                                                              \
    int __wrap_fstat##suffix(int file, void *about)                                                               \
    {                                                                                                             \
        return fails(FAILING_FSTAT) ? -1 : __real_fstat##suffix(file, about);                                     \
    }                                                                                                             \
    void *__real_mmap##suffix(void *at, size_t size, int protection, int flags, int file, int64_t offset);        \
    void *__wrap_mmap##suffix(void *at, size_t size, int protection, int flags, int file, int64_t offset);        \
    void *__wrap_mmap##suffix(void *at, size_t size, int protection, int flags, int file, int64_t offset)         \
    {                                                                                                             \
        return fails(FAILING_MMAP) ? MAP_FAILED : __real_mmap##suffix(at, size, protection, flags, file, offset); \
    }                                                                                                             \
    void *__real_readdir##suffix(DIR *directory);                                                                 \
    void *__wrap_readdir##suffix(DIR *directory);                                                                 \
    void *__wrap_readdir##suffix(DIR *directory)                                                                  \
    {                                                                                                             \
        return fails(FAILING_READDIR) ? NULL : __real_readdir##suffix(directory);                                 \
    }

WRAP_FILE_CALLS()
WRAP_FILE_CALLS(64)
