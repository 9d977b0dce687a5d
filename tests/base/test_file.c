/* Reading, mapping, listing, and making directories. */
#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "support/failing_allocator.h"
#include "support/failing_io.h"

START_TEST(test_reading_and_mapping)
{
    static char large[300000];
    char *bytes;
    int64_t size;
    pt__mapping_t mapping;
    start();
    memset(large, 'x', sizeof large);
    const char *path = suite_write("large", large, sizeof large), *empty = suite_write("empty", "", 0);
    for (int64_t limit = 0; limit <= 300001; limit += limit ? 1 : 300000) {
        ck_ok(pt__file_read(&heap, path, limit, &bytes, &size));
        ck_assert_int_eq(size, sizeof large);
        ck_assert(memcmp(bytes, large, sizeof large) == 0 && bytes[size] == 0);
        pt__release(&heap, bytes);
    }
    ck_fails(pt__file_read(&heap, path, 299999, &bytes, &size), PT_ERR_FORMAT, "more than 299999 bytes");
    ck_assert_ptr_null(bytes);
    ck_ok(pt__file_size(path, &size));
    ck_assert_int_eq(size, sizeof large);
    ck_ok(pt__file_map(&heap, path, &mapping));
    ck_assert(mapping.size == sizeof large && memcmp(mapping.bytes, large, sizeof large) == 0 && !mapping.copy);
    pt__file_unmap(&mapping);
    pt__file_unmap(&mapping);
    ck_ok(pt__file_map(&heap, empty, &mapping));
    ck_assert(mapping.size == 0 && mapping.bytes);
    pt__file_unmap(&mapping);
    assert_file(empty, "");
    ck_assert_int_eq(atomic_load(&heap.bytes), 0);
}
END_TEST

START_TEST(test_pipes_can_be_read_and_mapped)
{
    start();
    for (int map = 0; map < 2; map++) {
        const char *path = suite_path(map ? "pipe1" : "pipe0");
        ck_assert_int_eq(mkfifo(path, 0600), 0);
        pid_t child = fork();
        if (child == 0) {
            FILE *file = fopen(path, "w");
            for (int i = 0; i < 50000; i++)
                fprintf(file, "%05d", i);
            fclose(file);
            _exit(0);
        }
        pt__mapping_t mapping = {0};
        char *bytes = NULL;
        int64_t size;
        if (map) {
            ck_ok(pt__file_map(&heap, path, &mapping));
            ck_assert_int_eq(mapping.size, 250000);
            ck_assert_int_eq(memcmp(mapping.bytes + 249995, "49999", 5), 0);
        } else {
            ck_ok(pt__file_read(&heap, path, 0, &bytes, &size));
            ck_assert_int_eq(size, 250000);
        }
        pt__file_unmap(&mapping);
        pt__release(&heap, bytes);
        waitpid(child, NULL, 0);
    }
    ck_assert_int_eq(atomic_load(&heap.bytes), 0);
}
END_TEST

START_TEST(test_errors_name_path_and_reason)
{
    char *bytes, **names;
    int64_t size;
    pt__mapping_t mapping;
    pt__writer_t *writer;
    start();
    const char *missing = suite_path("missing");
    ck_fails(pt__file_read(&heap, missing, 0, &bytes, &size), PT_ERR_NOT_FOUND, "missing: cannot open: No such file");
    ck_fails(pt__file_map(&heap, missing, &mapping), PT_ERR_NOT_FOUND, "missing");
    ck_fails(pt__file_size(missing, &size), PT_ERR_NOT_FOUND, "missing");
    ck_fails(pt__directory_list(&heap, missing, &names, &size), PT_ERR_NOT_FOUND, "missing");
    ck_fails(pt__file_read(&heap, suite_directory(), 0, &bytes, &size), PT_ERR_IO, "cannot read: Is a directory");
    ck_fails(pt__file_map(&heap, suite_directory(), &mapping), PT_ERR_IO, "Is a directory");
    ck_fails(pt__writer_begin(&heap, suite_path("no/such/file"), &writer), PT_ERR_NOT_FOUND, "no/such/file");
    ck_assert_ptr_null(writer);
    ck_fails(pt__writer_begin(&heap, "", &writer), PT_ERR_ARGUMENT, "empty path");
    ck_fails(pt__writer_begin(&heap, "/tmp/", &writer), PT_ERR_ARGUMENT, "no name");
    ck_assert_int_eq(pt__file_exists(missing), 0);
    ck_assert_int_eq(pt__file_exists(suite_directory()), 1);
    ck_ok(pt__file_remove(missing));
    ck_fails(pt__file_remove(suite_directory()), PT_ERR_IO, "cannot remove");
    ck_assert_int_eq(atomic_load(&heap.bytes), 0);
}
END_TEST

START_TEST(test_directories)
{
    start();
    const char *deep = suite_path("a/b//c/");
    ck_ok(pt__directory_make(&heap, deep));
    ck_ok(pt__directory_make(&heap, deep));
    ck_ok(pt__directory_make(&heap, suite_path("a")));
    ck_ok(pt__directory_make(&heap, "/"));
    suite_write("a/zebra", "", 0);
    suite_write("a/ant", "", 0);
    suite_write("a/Bee", "", 0);
    ck_assert_str_eq(suite_listing(suite_path("a")), "Bee ant b zebra");
    ck_assert_str_eq(suite_listing(deep), "");
    ck_fails(pt__directory_make(&heap, suite_path("a/ant")), PT_ERR_NOT_FOUND,
             "a/ant: cannot make the directory: Not a directory");
    ck_fails(pt__directory_make(&heap, suite_path("a/ant/x")), PT_ERR_NOT_FOUND, "Not a directory");
    ck_fails(pt__directory_make(&heap, ""), PT_ERR_ARGUMENT, "empty");
    ck_assert_int_eq(atomic_load(&heap.bytes), 0);
}
END_TEST

/* Each directory that is made is synced with the one that it stands in, and no other. */
START_TEST(test_new_directories_are_synced)
{
    static const struct {
        const char *path;
        long syncs;
    } made[] = {{"a", 1}, {"a", 0}, {"a/b/c", 2}, {"a/b//c/", 0}, {"d/e/", 2}};
    char path[600];
    start();
    for (int i = 0; i < 5; i++) {
        snprintf(path, sizeof path, "%s/%s", suite_directory(), made[i].path);
        failing_io_disarm();
        ck_ok(pt__directory_make(&heap, path));
        ck_assert_int_eq(failing_io_calls(FAILING_FSYNC), made[i].syncs);
    }
    ck_assert_int_eq(chdir(suite_directory()), 0);
    failing_io_disarm();
    ck_ok(pt__directory_make(&heap, "bare"));
    ck_assert_int_eq(failing_io_calls(FAILING_FSYNC), 1);
    failing_io_arm(FAILING_FSYNC, 1, EIO);
    ck_fails(pt__directory_make(&heap, "lost"), PT_ERR_IO, "lost: cannot sync the directory of: ");
    failing_io_arm(FAILING_FSYNC, 1, EINVAL); /* nothing to sync there */
    ck_ok(pt__directory_make(&heap, "unsynced"));
    failing_io_disarm();
    ck_assert_int_eq(atomic_load(&heap.bytes), 0);
}
END_TEST

/* By a process that is killed while it holds the lock, and a child of its own that lives on. */
START_TEST(test_directories_are_locked)
{
    int one, two, ready[2];
    char byte;
    const char *path = suite_directory();
    start();
    ck_ok(pt__directory_lock(&heap, path, &one));
    ck_assert_int_ge(one, 0);
    ck_fails(pt__directory_lock(&heap, path, &two), PT_ERR_BUSY, "locked: another stage");
    ck_assert_int_eq(two, -1);
    pid_t copy = fork();
    if (copy == 0)
        for (;;)
            pause();
    pt__directory_unlock(&one);
    pt__directory_unlock(&one);
    ck_ok(pt__directory_lock(&heap, path, &two));
    pt__directory_unlock(&two);
    kill(copy, SIGKILL);
    waitpid(copy, NULL, 0);
    ck_assert_int_eq(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        if (pt__directory_lock(&heap, path, &one) != PT_OK || write(ready[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    ck_fails(pt__directory_lock(&heap, path, &two), PT_ERR_BUSY, path);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    ck_ok(pt__directory_lock(&heap, path, &two));
    pt__directory_unlock(&two);
    ck_assert_str_eq(suite_listing(path), "");
    ck_assert_int_eq(atomic_load(&heap.bytes), 0);
}
END_TEST

/* As on a network file system, and on one without locks. */
START_TEST(test_directories_that_cannot_be_locked)
{
    int one, two;
    const char *path = suite_directory();
    start();
    failing_io_arm(FAILING_OPENDIR, 1, EACCES);
    ck_ok(pt__directory_lock(&heap, path, &one));
    ck_assert_int_ge(one, 0);
    ck_fails(pt__directory_lock(&heap, path, &two), PT_ERR_BUSY, "locked");
    pt__directory_unlock(&one);
    ck_assert_str_eq((failing_io_disarm(), suite_listing(path)), PT__LOCK_NAME);
    failing_io_arm(FAILING_FLOCK, 1, ENOLCK);
    ck_ok(pt__directory_lock(&heap, path, &one));
    ck_assert_int_eq(one, -1);
    pt__directory_unlock(&one);
    failing_io_disarm();
    failing_io_arm(FAILING_OPENDIR, 1, EACCES);
    failing_io_arm(FAILING_OPEN, 1, EROFS);
    ck_ok(pt__directory_lock(&heap, path, &one));
    ck_assert_int_eq(one, -1);
    failing_io_arm(FAILING_OPEN, 1, EINTR);
    ck_ok(pt__directory_lock(&heap, path, &one));
    ck_assert_int_ge(one, 0);
    pt__directory_unlock(&one);
    failing_io_disarm();
    ck_assert_int_eq(atomic_load(&heap.bytes), 0);
}
END_TEST

/* Each of the system's calls may be refused, and what a signal interrupts is done again. */
START_TEST(test_refusals_of_the_system)
{
    char *bytes, **names;
    int64_t size;
    pt__mapping_t mapping;
    start();
    const char *path = suite_write("file", "abc", 3), *link = suite_path("link");
    failing_io_arm(FAILING_OPEN, 1, EINTR);
    assert_file(path, "abc");
    failing_io_arm(FAILING_OPEN, 1, EACCES);
    ck_fails(pt__file_read(&heap, path, 0, &bytes, &size), PT_ERR_IO, "file: cannot open: Permission denied");
    failing_io_arm(FAILING_OPEN, 1, 99999); /* no number that the system knows */
    ck_fails(pt__file_read(&heap, path, 0, &bytes, &size), PT_ERR_IO, "file: cannot open: ");
    failing_io_disarm();
    failing_io_arm(FAILING_FSTAT, 1, EIO);
    ck_fails(pt__file_read(&heap, path, 0, &bytes, &size), PT_ERR_IO, "file: cannot read: Input/output error");
    failing_io_disarm();
    failing_io_arm(FAILING_READ, 1, EINTR);
    assert_file(path, "abc");
    failing_io_arm(FAILING_READ, 1, EIO);
    ck_fails(pt__file_read(&heap, path, 0, &bytes, &size), PT_ERR_IO, "file: cannot read: Input/output error");
    failing_io_arm(FAILING_MMAP, 1, ENODEV);
    ck_fails(pt__file_map(&heap, path, &mapping), PT_ERR_IO, "file: cannot read: Input/output error");
    failing_io_arm(FAILING_READ, 0, 0);
    ck_ok(pt__file_map(&heap, path, &mapping)); /* what cannot be mapped is read */
    ck_assert(mapping.size == 3 && mapping.copy != NULL);
    pt__file_unmap(&mapping);
    failing_io_disarm();
    ck_ok(pt__file_map_watched(&heap, path, &mapping));
    ck_ok(pt__file_check(&mapping, path));
    failing_io_arm(FAILING_FSTAT, 1, EIO);
    ck_fails(pt__file_check(&mapping, path), PT_ERR_IO, "file: cannot look at: Input/output error");
    failing_io_disarm();
    for (int part = 0; part < 2; part++) {
        struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {mapping.seconds, mapping.nanoseconds}};
        ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
        ck_ok(pt__file_check(&mapping, path));
        times[1].tv_sec += part;
        times[1].tv_nsec = (times[1].tv_nsec + !part) % 1000000000;
        ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
        ck_fails(pt__file_check(&mapping, path), PT_ERR_IO, "written to since it was opened");
    }
    pt__file_unmap(&mapping);
    failing_io_arm(FAILING_READDIR, 1, EIO);
    ck_fails(pt__directory_list(&heap, suite_directory(), &names, &size), PT_ERR_IO, "cannot list: Input/output error");
    failing_io_disarm();
    failing_io_arm(FAILING_OPENDIR, 1, EACCES); /* it may be written, but not read: nothing to sync it by */
    ck_ok(pt__directory_make(&heap, suite_path("closed")));
    failing_io_disarm();
    ck_assert_int_eq(symlink("nowhere", link), 0);
    ck_fails(pt__directory_make(&heap, link), PT_ERR_NOT_FOUND, "link: cannot make the directory: Not a directory");
    ck_fails(pt__directory_make(&heap, suite_path("file/x/y")), PT_ERR_NOT_FOUND, "file/x: cannot make the directory");
    ck_assert_int_eq(atomic_load(&heap.bytes), 0);
}
END_TEST

START_TEST(test_full_device)
{
    char *bytes;
    int64_t size;
    start();
    ck_ok(pt__file_read(&heap, "/dev/null", 0, &bytes, &size)); /* devices have no size; reading ends where they say */
    ck_assert_int_eq(size, 0);
    pt__release(&heap, bytes);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGXFSZ, &ignore, NULL);
    ck_fails(pt__file_read(&heap, "/dev/zero", 1 << 20, &bytes, &size), PT_ERR_FORMAT, "/dev/zero");
}
END_TEST

START_TEST(test_failing_allocations)
{
    failing_allocator_t allocator;
    pt_status_t status;
    static const char *const parts[] = {"part", "part"};
    const char *path = suite_path("file"), *deep = suite_path("x/y");
    FOR_EACH_FAILING_ALLOCATION(allocator, {
        char **names = NULL;
        char *bytes = NULL;
        int64_t size;
        failing_allocator_memory(&allocator, &heap);
        status = write_parts(path, parts, 2);
        if (status == PT_OK)
            status = pt__directory_make(&heap, deep);
        if (status == PT_OK)
            status = pt__directory_list(&heap, suite_directory(), &names, &size);
        if (status == PT_OK)
            status = pt__file_read(&heap, path, 0, &bytes, &size);
        pt__release(&heap, names);
        pt__release(&heap, bytes);
    }, status);
    FOR_EACH_FAILING_ALLOCATION(allocator, {
        int lock;
        failing_allocator_memory(&allocator, &heap);
        failing_io_arm(FAILING_OPENDIR, 1, EACCES);
        status = pt__directory_lock(&heap, suite_directory(), &lock);
        ck_assert((status == PT_OK) == (lock >= 0));
        pt__directory_unlock(&lock);
        failing_io_disarm();
    }, status);
    start();
    ck_assert_str_eq(suite_listing(suite_directory()), ".lock file x");
}
END_TEST

SUITE("file", 120, test_reading_and_mapping, test_pipes_can_be_read_and_mapped, test_errors_name_path_and_reason,
      test_directories, test_new_directories_are_synced, test_directories_are_locked,
      test_directories_that_cannot_be_locked, test_refusals_of_the_system, test_full_device, test_failing_allocations)
