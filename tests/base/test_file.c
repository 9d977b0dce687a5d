/* Reading, mapping, listing, and the promise of the writer: the name has a whole file, old or new, whatever fails. */
#define _XOPEN_SOURCE   700
#define _DEFAULT_SOURCE /* usleep */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utime.h>

#include "base/file.h"
#include "support/failing_allocator.h"
#include "support/failing_io.h"
#include "support/suite.h"

static pt__memory_t memory;

static void start(void)
{
    pt__memory_init(&memory, NULL, NULL, NULL);
}

static void assert_file(const char *path, const char *expected)
{
    char *bytes;
    int64_t size;
    ck_ok(pt__file_read(&memory, path, 0, &bytes, &size));
    ck_assert_str_eq(bytes, expected);
    ck_assert_int_eq(size, (int64_t)strlen(expected));
    pt__release(&memory, bytes);
}

/* What a listing of the test's directory gives, joined by blanks. */
static const char *listing(const char *path)
{
    static char joined[1000];
    char **names;
    int64_t count;
    ck_ok(pt__directory_list(&memory, path, &names, &count));
    joined[0] = 0;
    for (int64_t i = 0; i < count; i++) {
        strcat(joined, i ? " " : "");
        strcat(joined, names[i]);
    }
    pt__release(&memory, names);
    return joined;
}

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
        ck_ok(pt__file_read(&memory, path, limit, &bytes, &size));
        ck_assert_int_eq(size, sizeof large);
        ck_assert(memcmp(bytes, large, sizeof large) == 0 && bytes[size] == 0);
        pt__release(&memory, bytes);
    }
    ck_fails(pt__file_read(&memory, path, 299999, &bytes, &size), PT_ERR_FORMAT, "more than 299999 bytes");
    ck_assert_ptr_null(bytes);
    ck_ok(pt__file_size(path, &size));
    ck_assert_int_eq(size, sizeof large);
    ck_ok(pt__file_map(&memory, path, &mapping));
    ck_assert(mapping.size == sizeof large && memcmp(mapping.bytes, large, sizeof large) == 0 && !mapping.copy);
    pt__file_unmap(&mapping);
    pt__file_unmap(&mapping);
    ck_ok(pt__file_map(&memory, empty, &mapping));
    ck_assert(mapping.size == 0 && mapping.bytes);
    pt__file_unmap(&mapping);
    assert_file(empty, "");
    ck_assert_int_eq(atomic_load(&memory.bytes), 0);
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
            ck_ok(pt__file_map(&memory, path, &mapping));
            ck_assert_int_eq(mapping.size, 250000);
            ck_assert_int_eq(memcmp(mapping.bytes + 249995, "49999", 5), 0);
        } else {
            ck_ok(pt__file_read(&memory, path, 0, &bytes, &size));
            ck_assert_int_eq(size, 250000);
        }
        pt__file_unmap(&mapping);
        pt__release(&memory, bytes);
        waitpid(child, NULL, 0);
    }
    ck_assert_int_eq(atomic_load(&memory.bytes), 0);
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
    ck_fails(pt__file_read(&memory, missing, 0, &bytes, &size), PT_ERR_NOT_FOUND, "missing: cannot open: No such file");
    ck_fails(pt__file_map(&memory, missing, &mapping), PT_ERR_NOT_FOUND, "missing");
    ck_fails(pt__file_size(missing, &size), PT_ERR_NOT_FOUND, "missing");
    ck_fails(pt__directory_list(&memory, missing, &names, &size), PT_ERR_NOT_FOUND, "missing");
    ck_fails(pt__file_read(&memory, suite_directory(), 0, &bytes, &size), PT_ERR_IO, "cannot read: Is a directory");
    ck_fails(pt__file_map(&memory, suite_directory(), &mapping), PT_ERR_IO, "Is a directory");
    ck_fails(pt__writer_begin(&memory, suite_path("no/such/file"), &writer), PT_ERR_NOT_FOUND, "no/such/file");
    ck_assert_ptr_null(writer);
    ck_fails(pt__writer_begin(&memory, "", &writer), PT_ERR_ARGUMENT, "empty path");
    ck_fails(pt__writer_begin(&memory, "/tmp/", &writer), PT_ERR_ARGUMENT, "no name");
    ck_assert_int_eq(pt__file_exists(missing), 0);
    ck_assert_int_eq(pt__file_exists(suite_directory()), 1);
    ck_ok(pt__file_remove(missing));
    ck_fails(pt__file_remove(suite_directory()), PT_ERR_IO, "cannot remove");
    ck_assert_int_eq(atomic_load(&memory.bytes), 0);
}
END_TEST

START_TEST(test_directories)
{
    start();
    const char *deep = suite_path("a/b//c/");
    ck_ok(pt__directory_make(&memory, deep));
    ck_ok(pt__directory_make(&memory, deep));
    ck_ok(pt__directory_make(&memory, suite_path("a")));
    ck_ok(pt__directory_make(&memory, "/"));
    suite_write("a/zebra", "", 0);
    suite_write("a/ant", "", 0);
    suite_write("a/Bee", "", 0);
    ck_assert_str_eq(listing(suite_path("a")), "Bee ant b zebra");
    ck_assert_str_eq(listing(deep), "");
    ck_fails(pt__directory_make(&memory, suite_path("a/ant")), PT_ERR_NOT_FOUND,
             "a/ant: cannot make the directory: Not a directory");
    ck_fails(pt__directory_make(&memory, suite_path("a/ant/x")), PT_ERR_NOT_FOUND, "Not a directory");
    ck_fails(pt__directory_make(&memory, ""), PT_ERR_ARGUMENT, "empty");
    ck_assert_int_eq(atomic_load(&memory.bytes), 0);
}
END_TEST

static pt_status_t write_parts(const char *path, const char *const *parts, int n)
{
    pt__writer_t *writer;
    pt_status_t status = pt__writer_begin(&memory, path, &writer);
    for (int i = 0; i < n && status == PT_OK; i++)
        status = pt__writer_write(writer, parts[i], (int64_t)strlen(parts[i]));
    if (status == PT_OK)
        return pt__writer_commit(&writer);
    pt__writer_abandon(&writer);
    return status;
}

START_TEST(test_writing_replaces_as_a_whole)
{
    static const char *const first[] = {"old ", "content"}, *const second[] = {"new"};
    pt__writer_t *writer;
    struct stat about;
    start();
    const char *path = suite_path("file");
    ck_ok(write_parts(path, first, 2));
    assert_file(path, "old content");
    ck_ok(pt__writer_begin(&memory, path, &writer));
    ck_ok(pt__writer_write(writer, "half", 4));
    ck_ok(pt__writer_write(writer, NULL, 0));
    ck_assert_int_eq(pt__writer_position(writer), 4);
    assert_file(path, "old content");
    pt__writer_abandon(&writer);
    ck_assert_ptr_null(writer);
    pt__writer_abandon(&writer);
    assert_file(path, "old content");
    ck_assert_str_eq(listing(suite_directory()), "file");
    ck_ok(write_parts(path, second, 1));
    assert_file(path, "new");
    ck_ok(write_parts(path, NULL, 0));
    assert_file(path, "");
    ck_assert_str_eq(listing(suite_directory()), "file");
    mode_t mask = umask(0);
    umask(mask);
    stat(path, &about);
    ck_assert_int_eq(about.st_mode & 0777, 0666 & ~mask);
    ck_assert_int_eq(chdir(suite_directory()), 0);
    ck_ok(write_parts("bare", second, 1)); /* without a directory in its path */
    assert_file("bare", "new");
    ck_assert_int_eq(atomic_load(&memory.bytes), 0);
}
END_TEST

START_TEST(test_large_files_and_two_writers)
{
    enum { PIECES = 300 };
    static char piece[70001];
    pt__writer_t *one, *two;
    pt__mapping_t mapping;
    start();
    const char *path = suite_path("large");
    ck_ok(pt__writer_begin(&memory, path, &one));
    ck_ok(pt__writer_begin(&memory, path, &two)); /* the last commit wins, and each file is whole */
    int64_t total = 0;
    for (int i = 0; i < PIECES; i++) {
        int64_t size = (int64_t)i * 233 % (int64_t)sizeof piece;
        memset(piece, i, (size_t)size);
        ck_ok(pt__writer_write(one, piece, size));
        total += size;
    }
    ck_ok(pt__writer_write(two, "two", 3));
    ck_ok(pt__writer_commit(&two));
    assert_file(path, "two");
    ck_assert_int_eq(pt__writer_position(one), total);
    ck_ok(pt__writer_commit(&one));
    ck_ok(pt__file_map(&memory, path, &mapping));
    ck_assert_int_eq(mapping.size, total);
    const uint8_t *at = mapping.bytes;
    int64_t wrong = 0;
    for (int i = 0; i < PIECES; i++)
        for (int64_t k = (int64_t)i * 233 % (int64_t)sizeof piece; k > 0; k--)
            wrong += *at++ != (uint8_t)i;
    ck_assert_int_eq(wrong, 0);
    pt__file_unmap(&mapping);
    ck_assert_str_eq(listing(suite_directory()), "large");
}
END_TEST

START_TEST(test_every_write_sync_and_rename_may_fail)
{
    static const char *const old[] = {"old"};
    static const int errors[] = {ENOSPC, EIO, EROFS};
    static char large[200000];
    static const char *const parts[] = {"new", large, "new", large, "end"};
    start();
    memset(large, 'y', sizeof large - 1);
    const char *path = suite_path("file");
    for (int kind = 0; kind < FAILING_IO_COUNT; kind++)
        for (long n = 1;; n++) {
            int error = errors[n % 3];
            ck_ok(write_parts(path, old, 1));
            failing_io_arm((failing_io_t)kind, n, error);
            pt_status_t status = write_parts(path, parts, 5);
            long calls = failing_io_calls((failing_io_t)kind);
            failing_io_disarm();
            if (calls < n) {
                ck_assert_int_eq(status, PT_OK);
                ck_assert_int_ge(n, kind == FAILING_RENAME ? 2 : 3);
                break;
            }
            ck_assert_int_eq(status, PT_ERR_IO);
            ck_assert_ptr_nonnull(strstr(pt__error_message(), path));
            ck_assert_ptr_nonnull(strstr(pt__error_message(), strerror(error)));
            if (kind == FAILING_FSYNC && n == 2) { /* the directory's: the new file is whole in its place */
                int64_t size;
                ck_ok(pt__file_size(path, &size));
                ck_assert_int_eq(size, 2 * 199999 + 9);
            } else {
                assert_file(path, "old");
            }
            ck_assert_str_eq(listing(suite_directory()), "file");
            ck_assert_int_eq(atomic_load(&memory.bytes), 0);
        }
}
END_TEST

START_TEST(test_a_failure_sticks)
{
    static char large[100000];
    pt__writer_t *writer;
    start();
    ck_ok(pt__writer_begin(&memory, suite_path("file"), &writer));
    failing_io_arm(FAILING_WRITE, 1, ENOSPC);
    ck_fails(pt__writer_write(writer, large, sizeof large), PT_ERR_IO, "No space left");
    failing_io_disarm();
    pt__error_clear();
    ck_fails(pt__writer_write(writer, "x", 1), PT_ERR_IO, "No space left");
    pt__error_clear();
    ck_fails(pt__writer_commit(&writer), PT_ERR_IO, "No space left");
    ck_assert_ptr_null(writer);
    ck_assert_str_eq(listing(suite_directory()), "");
}
END_TEST

START_TEST(test_read_only_directory)
{
    start();
    suite_directory();
    pid_t child = fork();
    if (child == 0) { /* root may write anywhere: become somebody else */
        pt__writer_t *writer;
        int ok = geteuid() != 0 || (chmod(suite_directory(), 0755) == 0 && setuid(65534) == 0);
        int denied = chdir("/") == 0 && pt__writer_begin(&memory, "/denied", &writer) == PT_ERR_IO &&
                     strstr(pt__error_message(), "/denied: cannot create a file beside it: ") != NULL;
        _exit(!ok || !denied || writer != NULL);
    }
    int status;
    waitpid(child, &status, 0);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(test_full_device)
{
    char *bytes;
    int64_t size;
    start();
    ck_ok(
        pt__file_read(&memory, "/dev/null", 0, &bytes, &size)); /* devices have no size; reading ends where they say */
    ck_assert_int_eq(size, 0);
    pt__release(&memory, bytes);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGXFSZ, &ignore, NULL);
    ck_fails(pt__file_read(&memory, "/dev/zero", 1 << 20, &bytes, &size), PT_ERR_FORMAT, "/dev/zero");
}
END_TEST

START_TEST(test_leftovers_of_the_dead_are_cleared)
{
    static const char *const parts[] = {"x"};
    char name[64];
    start();
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    waitpid(child, NULL, 0); /* its number is free now */
    struct utimbuf long_ago = {1000000000, 1000000000};
    snprintf(name, sizeof name, "file.partial-%ld-0", (long)child);
    utime(suite_write(name, "left", 4), &long_ago);
    snprintf(name, sizeof name, "file.partial-%ld-1", (long)child); /* touched just now: perhaps another machine's */
    suite_write(name, "left", 4);
    char fresh[64];
    strcpy(fresh, name);
    snprintf(name, sizeof name, "file.partial-%ld-7", (long)getpid()); /* alive */
    utime(suite_write(name, "left", 4), &long_ago);
    utime(suite_write("file.partial-x", "mine", 4), &long_ago);
    utime(suite_write("other.partial-1-0", "mine", 4), &long_ago);
    ck_ok(write_parts(suite_path("file"), parts, 1));
    ck_assert_int_eq(pt__file_exists(suite_path(name)), 1);
    ck_assert_int_eq(pt__file_exists(suite_path(fresh)), 1);
    ck_assert_int_eq(pt__file_exists(suite_path("file.partial-x")), 1);
    ck_assert_int_eq(pt__file_exists(suite_path("other.partial-1-0")), 1);
    snprintf(name, sizeof name, "file.partial-%ld-0", (long)child);
    ck_assert_int_eq(pt__file_exists(suite_path(name)), 0);
}
END_TEST

START_TEST(test_killed_writers_leave_whole_files)
{
    start();
    const char *path = suite_path("file");
    for (int round = 0; round < 30; round++) {
        pid_t child = fork();
        if (child == 0) {
            static char large[400000];
            for (int i = 0;; i++) {
                static const char *parts[] = {large};
                memset(large, 'a' + i % 26, sizeof large - 1);
                if (write_parts(path, parts, 1) != PT_OK)
                    _exit(1);
            }
        }
        usleep((useconds_t)(500 + round * 700));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        if (!pt__file_exists(path))
            continue;
        char *bytes;
        int64_t size;
        ck_ok(pt__file_read(&memory, path, 0, &bytes, &size));
        ck_assert_int_eq(size, 399999);
        int64_t same = 0;
        while (same < size && bytes[same] == bytes[0])
            same++;
        ck_assert_int_eq(same, size);
        pt__release(&memory, bytes);
    }
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
        failing_allocator_memory(&allocator, &memory);
        status = write_parts(path, parts, 2);
        if (status == PT_OK)
            status = pt__directory_make(&memory, deep);
        if (status == PT_OK)
            status = pt__directory_list(&memory, suite_directory(), &names, &size);
        if (status == PT_OK)
            status = pt__file_read(&memory, path, 0, &bytes, &size);
        pt__release(&memory, names);
        pt__release(&memory, bytes);
    }, status);
    start();
    ck_assert_str_eq(listing(suite_directory()), "file x");
}
END_TEST

SUITE("file", 120, test_reading_and_mapping, test_pipes_can_be_read_and_mapped, test_errors_name_path_and_reason,
      test_directories, test_writing_replaces_as_a_whole, test_large_files_and_two_writers,
      test_every_write_sync_and_rename_may_fail, test_a_failure_sticks, test_read_only_directory, test_full_device,
      test_leftovers_of_the_dead_are_cleared, test_killed_writers_leave_whole_files, test_failing_allocations)
