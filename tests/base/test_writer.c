/* The promise of the writer: the name has a whole file, old or new, whatever fails; what stood under it keeps its kind,
 * its links, its mode and its owner; and what the dead left is cleared away. */
#define _XOPEN_SOURCE   700
#define _DEFAULT_SOURCE /* usleep */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "support/failing_io.h"

START_TEST(test_writing_replaces_as_a_whole)
{
    static const char *const first[] = {"old ", "content"}, *const second[] = {"new"};
    pt__writer_t *writer;
    struct stat about;
    start();
    const char *path = suite_path("file");
    ck_ok(write_parts(path, first, 2));
    assert_file(path, "old content");
    ck_ok(pt__writer_begin(&heap, path, &writer));
    ck_ok(pt__writer_write(writer, "half", 4));
    ck_ok(pt__writer_write(writer, NULL, 0));
    ck_assert_int_eq(pt__writer_position(writer), 4);
    assert_file(path, "old content");
    pt__writer_abandon(&writer);
    ck_assert_ptr_null(writer);
    pt__writer_abandon(&writer);
    assert_file(path, "old content");
    ck_assert_str_eq(suite_listing(suite_directory()), "file");
    ck_ok(write_parts(path, second, 1));
    assert_file(path, "new");
    ck_ok(write_parts(path, NULL, 0));
    assert_file(path, "");
    ck_assert_str_eq(suite_listing(suite_directory()), "file");
    mode_t mask = umask(0);
    umask(mask);
    stat(path, &about);
    ck_assert_int_eq(about.st_mode & 0777, 0666 & ~mask);
    ck_assert_int_eq(chdir(suite_directory()), 0);
    ck_ok(write_parts("bare", second, 1)); /* without a directory in its path */
    assert_file("bare", "new");
    ck_assert_int_eq(atomic_load(&heap.bytes), 0);
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
    ck_ok(pt__writer_begin(&heap, path, &one));
    ck_ok(pt__writer_begin(&heap, path, &two)); /* the last commit wins, and each file is whole */
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
    ck_ok(pt__file_map(&heap, path, &mapping));
    ck_assert_int_eq(mapping.size, total);
    const uint8_t *at = mapping.bytes;
    int64_t wrong = 0;
    for (int i = 0; i < PIECES; i++)
        for (int64_t k = (int64_t)i * 233 % (int64_t)sizeof piece; k > 0; k--)
            wrong += *at++ != (uint8_t)i;
    ck_assert_int_eq(wrong, 0);
    pt__file_unmap(&mapping);
    ck_assert_str_eq(suite_listing(suite_directory()), "large");
}
END_TEST

START_TEST(test_every_write_sync_rename_and_close_may_fail)
{
    static const char *const old[] = {"old"};
    static const int errors[] = {ENOSPC, EIO, EROFS};
    static char large[200000];
    static const char *const parts[] = {"new", large, "new", large, "end"};
    start();
    memset(large, 'y', sizeof large - 1);
    const char *path = suite_path("file");
    for (failing_io_t kind = FAILING_WRITE; kind <= FAILING_CLOSE; kind++)
        for (long n = 1;; n++) {
            int error = errors[n % 3];
            ck_ok(write_parts(path, old, 1));
            failing_io_arm(kind, n, error);
            pt_status_t status = write_parts(path, parts, 5);
            long calls = failing_io_calls(kind);
            failing_io_disarm();
            if (calls < n || (kind == FAILING_CLOSE && n > 1)) { /* the lock's, when all is done */
                ck_assert_int_eq(status, PT_OK);
                ck_assert_int_ge(n, kind >= FAILING_RENAME ? 2 : 3);
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
            ck_assert_str_eq(suite_listing(suite_directory()), "file");
            ck_assert_int_eq(atomic_load(&heap.bytes), 0);
        }
}
END_TEST

/* What a signal interrupts is made again; close alone is not, since the file is closed. */
START_TEST(test_interrupted_calls_are_made_again)
{
    static char large[200000];
    static const char *const parts[] = {"a", large, "b", large};
    char path[600];
    start();
    snprintf(path, sizeof path, "%s", suite_path("file"));
    memset(large, 'z', sizeof large - 1);
    for (failing_io_t kind = FAILING_WRITE; kind <= FAILING_FLOCK; kind++)
        for (long n = 1, calls = 1; n <= calls && kind != FAILING_RENAME; n++) {
            int64_t size;
            char made[32];
            snprintf(made, sizeof made, "made%d-%ld", (int)kind, n);
            failing_io_arm(kind, n, EINTR);
            ck_ok(write_parts(path, parts, 4));
            ck_ok(pt__directory_make(&heap, suite_path(made)));
            const char *found = suite_listing(suite_path(made));
            calls = failing_io_calls(kind);
            failing_io_disarm();
            ck_assert_str_eq(found, "");
            ck_assert_int_ge(calls, 1);
            ck_ok(pt__file_size(path, &size));
            ck_assert_int_eq(size, 2 * 199999 + 2);
        }
    ck_assert_int_eq(atomic_load(&heap.bytes), 0);
}
END_TEST

START_TEST(test_a_failure_sticks)
{
    static char large[100000];
    pt__writer_t *writer;
    start();
    ck_ok(pt__writer_begin(&heap, suite_path("file"), &writer));
    failing_io_arm(FAILING_WRITE, 1, ENOSPC);
    ck_fails(pt__writer_write(writer, large, sizeof large), PT_ERR_IO, "No space left");
    failing_io_disarm();
    pt__error_clear();
    ck_fails(pt__writer_write(writer, "x", 1), PT_ERR_IO, "No space left");
    pt__error_clear();
    ck_fails(pt__writer_commit(&writer), PT_ERR_IO, "No space left");
    ck_assert_ptr_null(writer);
    ck_assert_str_eq(suite_listing(suite_directory()), "");
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
        int denied = chdir("/") == 0 && pt__writer_begin(&heap, "/denied", &writer) == PT_ERR_IO &&
                     strstr(pt__error_message(), "/denied: cannot create a file beside it: ") != NULL;
        _exit(!ok || !denied || writer != NULL);
    }
    int status;
    waitpid(child, &status, 0);
    ck_assert_int_eq(status, 0);
}
END_TEST

/* A process that writes `path` until it is killed, and is in the middle of it when this returns. */
static pid_t write_for_ever(const char *path)
{
    int ready[2];
    char byte;
    ck_assert_int_eq(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        pt__writer_t *writer;
        if (pt__writer_begin(&heap, path, &writer) != PT_OK || write(ready[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return child;
}

static int32_t begins_with_f(const void *user, const char *name, size_t length)
{
    return length == *(const size_t *)user && name[0] == 'f';
}

/* Told by a lock, not by age or by the number of a process that may be another's by now. */
START_TEST(test_leftovers_of_the_dead_are_cleared)
{
    static const char *const parts[] = {"x"}, *const foreign[] = {"file.partial-x", "file.partial-1-", "file.partial-",
                                                                  "file.partial-1-0x", "other.partial-1-0"};
    char alive[64], dead[64], own[64];
    start();
    pid_t child = write_for_ever(suite_path("file")), killed = write_for_ever(suite_path("file"));
    kill(killed, SIGKILL);
    waitpid(killed, NULL, 0);
    snprintf(alive, sizeof alive, "file.partial-%ld-0", (long)child);
    snprintf(dead, sizeof dead, "file.partial-%ld-0", (long)killed);
    snprintf(own, sizeof own, "file.partial-%ld-0", (long)getpid()); /* of a process that had our number */
    suite_write(own, "left", 4);
    for (int i = 0; i < 5; i++)
        suite_write(foreign[i], "mine", 4);
    ck_assert_int_eq(pt__file_exists(suite_path(dead)), 1);
    ck_ok(write_parts(suite_path("file"), parts, 1));
    ck_assert_int_eq(pt__file_exists(suite_path(dead)), 0);
    ck_assert_int_eq(pt__file_exists(suite_path(own)), 0);
    ck_assert_int_eq(pt__file_exists(suite_path(alive)), 1);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(pt__file_exists(suite_path(foreign[i])), 1);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    /* a whole directory's */
    suite_write("fort.partial-1-0", "left", 4);
    suite_write("fort.partial-9.partial-1-0", "left", 4);
    ck_assert_int_eq(mkdir(suite_path("fire.partial-1-0"), 0700), 0);
    ck_assert_int_eq(symlink("file", suite_path("fire.partial-1-1")), 0);
    ck_assert_int_eq(mkfifo(suite_path("fire.partial-1-2"), 0600), 0);
    pt__writer_clear(suite_directory(), begins_with_f, &(size_t){4});
    ck_assert_str_eq(suite_listing(suite_directory()),
                     "file file.partial- file.partial-1- file.partial-1-0x file.partial-x fire.partial-1-0 "
                     "fire.partial-1-1 fire.partial-1-2 fort.partial-9.partial-1-0 other.partial-1-0");
    pt__writer_clear(suite_path("nowhere"), begins_with_f, &(size_t){4});
}
END_TEST

/* A file system without locks: all is written as ever, and nothing is taken for a leftover. */
START_TEST(test_without_locks)
{
    static const char *const parts[] = {"x"};
    start();
    suite_write("file.partial-1-0", "left", 4);
    failing_io_arm(FAILING_FLOCK, 1, ENOLCK);
    ck_ok(write_parts(suite_path("file"), parts, 1));
    failing_io_disarm();
    assert_file(suite_path("file"), "x");
    ck_assert_str_eq(suite_listing(suite_directory()), "file file.partial-1-0");
    /* somebody who tidies holds the lock of what was just made: the next name is taken */
    failing_io_arm(FAILING_FLOCK, 1, EWOULDBLOCK);
    ck_fails(write_parts(suite_path("file"), parts, 1), PT_ERR_IO, "cannot create a file beside it: File exists");
    failing_io_disarm();
}
END_TEST

/* ---- What stands under the name ---- */

START_TEST(test_only_files_are_replaced)
{
    static const char *const parts[] = {"new"};
    const char *fifo = suite_path("fifo"), *link_to_fifo = suite_path("link"), *directory = suite_path("directory");
    struct stat about;
    start();
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    ck_assert_int_eq(symlink("fifo", link_to_fifo), 0);
    ck_assert_int_eq(mkdir(directory, 0700), 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int socket_file = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", suite_path("socket"));
    ck_assert_int_eq(bind(socket_file, (const struct sockaddr *)&address, sizeof address), 0);
    close(socket_file);
    ck_fails(write_parts(address.sun_path, parts, 1), PT_ERR_ARGUMENT, "socket: is a socket");
    ck_fails(write_parts(fifo, parts, 1), PT_ERR_ARGUMENT, "fifo: is a FIFO, expected a regular file");
    ck_fails(write_parts(link_to_fifo, parts, 1), PT_ERR_ARGUMENT, "link: is a FIFO");
    ck_fails(write_parts(directory, parts, 1), PT_ERR_IO, "directory: cannot write: Is a directory");
    ck_fails(write_parts("/dev/null", parts, 1), PT_ERR_ARGUMENT, "/dev/null: is a device, expected a regular file");
    ck_assert(stat(fifo, &about) == 0 && S_ISFIFO(about.st_mode));
    ck_assert(stat("/dev/null", &about) == 0 && S_ISCHR(about.st_mode));
    ck_assert_str_eq(suite_listing(suite_directory()), "directory fifo link socket");
    ck_assert_int_eq(atomic_load(&heap.bytes), 0);
}
END_TEST

START_TEST(test_links_stay)
{
    static const char *const parts[] = {"new"};
    static const struct {
        const char *name, *leads_to;
    } links[] = {{"beside", "real"},
                 {"upwards", "sub/../real"},
                 {"chain", "beside"},
                 {"dangling", "sub/made"},
                 {"chain2", "dangling"}};
    char absolute[600];
    struct stat about;
    start();
    ck_ok(pt__directory_make(&heap, suite_path("sub")));
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(symlink(links[i].leads_to, suite_path(links[i].name)), 0);
    snprintf(absolute, sizeof absolute, "%s/real", suite_directory());
    ck_assert_int_eq(symlink(absolute, suite_path("absolute")), 0);
    ck_assert_int_eq(symlink("loop", suite_path("loop")), 0);
    ck_assert_int_eq(symlink("no/such/place", suite_path("lost")), 0);
    static const char *const names[] = {"beside", "upwards", "chain", "absolute", "dangling", "chain2"};
    for (int i = 0; i < 6; i++) {
        const char *path = suite_path(names[i]), *file = suite_path(i < 4 ? "real" : "sub/made");
        suite_write("real", "old", 3);
        ck_ok(write_parts(path, parts, 1));
        ck_assert(lstat(path, &about) == 0 && S_ISLNK(about.st_mode));
        ck_assert(lstat(file, &about) == 0 && S_ISREG(about.st_mode));
        assert_file(file, "new");
    }
    ck_fails(write_parts(suite_path("loop"), parts, 1), PT_ERR_IO, "loop: cannot write: Too many levels");
    ck_fails(write_parts(suite_path("lost"), parts, 1), PT_ERR_NOT_FOUND, "lost: cannot create a file beside it");
    ck_assert_str_eq(suite_listing(suite_path("sub")), "made");
    ck_assert_str_eq(suite_listing(suite_directory()),
                     "absolute beside chain chain2 dangling loop lost real sub upwards");
    /* a link that the system makes to a file without a name */
    int file = open(suite_path("real"), O_RDONLY);
    ck_assert_int_ge(file, 0);
    unlink(suite_path("real"));
    snprintf(absolute, sizeof absolute, "/proc/self/fd/%d", file);
    if (pt__file_exists(absolute))
        ck_fails(write_parts(absolute, parts, 1), PT_ERR_ARGUMENT, "a file without a name");
    close(file);
    ck_assert_int_eq(atomic_load(&heap.bytes), 0);
}
END_TEST

START_TEST(test_mode_and_owner_stay)
{
    static const char *const parts[] = {"new"};
    static const mode_t modes[] = {0600, 0640, 0644, 0660, 0606, 0200, 0755};
    const char *path = suite_path("file");
    struct stat about;
    start();
    umask(022);
    for (int i = 0; i < 7; i++)
        for (int owner = 0; owner < (geteuid() == 0 ? 3 : 1); owner++) {
            suite_write("file", "old", 3);
            ck_assert_int_eq(chmod(path, modes[i]), 0);
            if (owner > 0)
                ck_assert_int_eq(chown(path, owner == 1 ? 1234 : (uid_t)-1, 4321), 0);
            ino_t before = stat(path, &about) == 0 ? about.st_ino : 0;
            uid_t user = about.st_uid;
            gid_t group = about.st_gid;
            ck_ok(write_parts(path, parts, 1));
            ck_assert_int_eq(stat(path, &about), 0);
            ck_assert_uint_eq(about.st_mode & 07777, modes[i]);
            ck_assert(about.st_uid == user && about.st_gid == group && about.st_ino != before);
            unlink(path);
        }
}
END_TEST

/* As somebody who may not give files away. */
START_TEST(test_owner_that_cannot_stay)
{
    static const char *const parts[] = {"new"};
    const char *path = suite_path("file"), *closed = suite_path("closed");
    struct stat about;
    start();
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(chmod(suite_directory(), 0777), 0);
    suite_write("file", "old", 3);
    suite_write("closed", "old", 3);
    ck_assert(chmod(path, 0666) == 0 && chmod(closed, 0444) == 0);
    pid_t child = fork();
    if (child == 0) {
        if (setgid(65534) != 0 || setuid(65534) != 0)
            _exit(2);
        if (write_parts(path, parts, 1) != PT_OK)
            _exit(3);
        if (write_parts(closed, parts, 1) != PT_ERR_IO ||
            strstr(pt__error_message(), "closed: cannot write: Permission denied") == NULL)
            _exit(4);
        _exit(chmod(path, 0646) != 0 || write_parts(path, parts, 1) != PT_OK);
    }
    int status;
    waitpid(child, &status, 0);
    ck_assert_int_eq(status, 0);
    assert_file(path, "new");
    assert_file(closed, "old");
    ck_assert_int_eq(stat(path, &about), 0);
    ck_assert(about.st_uid == 65534 && (about.st_mode & 0777) == 0646);
}
END_TEST

/* What the system refuses beside. */
START_TEST(test_destinations_that_are_refused)
{
    static const char *const parts[] = {"new"};
    static const struct {
        failing_io_t kind;
        long n;
        const char *message;
    } refused[] = {{FAILING_ACCESS, 1, "file: cannot write: Permission denied"},
                   {FAILING_FSTAT, 2, "file: cannot look at the new file of: Permission denied"},
                   {FAILING_FCHMOD, 1, "file: cannot keep the mode of: Permission denied"},
                   {FAILING_FSTAT, 1, "file: cannot create a file beside it: File exists"}};
    const char *path = suite_write("file", "old", 3), *link = suite_path("link");
    char target[4096];
    struct stat about;
    start();
    umask(022);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(chmod(path, 0666), 0);
        failing_io_arm(refused[i].kind, refused[i].n, EACCES);
        ck_fails(write_parts(path, parts, 1), PT_ERR_IO, refused[i].message);
        failing_io_disarm();
        assert_file(path, "old");
    }
    /* a link as long as the system has them: there and back again */
    memset(target, '.', sizeof target);
    for (size_t i = 1; i < sizeof target; i += 2)
        target[i] = '/';
    memcpy(target + sizeof target - 6, "/file", 6);
    ck_assert_int_eq(symlink(target, link), 0);
    ck_fails(write_parts(link, parts, 1), PT_ERR_IO, "link: cannot follow the link: File name too long");
    assert_file(path, "old");
    for (int n = 1; geteuid() == 0 && n <= 2; n++) { /* neither owner nor group may stay; the owner alone */
        ck_assert(chmod(path, 04765) == 0 && chown(path, 1234, 4321) == 0 && chmod(path, 06765) == 0);
        failing_io_arm(FAILING_FCHOWN, 1, n == 1 ? EPERM : EINTR);
        ck_ok(write_parts(path, parts, 1));
        failing_io_disarm();
        ck_assert_int_eq(stat(path, &about), 0);
        ck_assert_uint_eq(about.st_uid, geteuid());
        ck_assert_uint_eq(about.st_gid, n == 1 ? getegid() : 4321);
        ck_assert_uint_eq(about.st_mode & 07777, n == 1 ? 0755 : 02765);
    }
    ck_assert_int_eq(atomic_load(&heap.bytes), 0);
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
        ck_ok(pt__file_read(&heap, path, 0, &bytes, &size));
        ck_assert_int_eq(size, 399999);
        int64_t same = 0;
        while (same < size && bytes[same] == bytes[0])
            same++;
        ck_assert_int_eq(same, size);
        pt__release(&heap, bytes);
    }
    static const char *const last[] = {"last"};
    ck_ok(write_parts(path, last, 1));
    ck_assert_str_eq(suite_listing(suite_directory()), "file");
}
END_TEST

SUITE("writer", 120, test_writing_replaces_as_a_whole, test_large_files_and_two_writers,
      test_every_write_sync_rename_and_close_may_fail, test_interrupted_calls_are_made_again, test_a_failure_sticks,
      test_read_only_directory, test_leftovers_of_the_dead_are_cleared, test_without_locks,
      test_only_files_are_replaced, test_links_stay, test_mode_and_owner_stay, test_owner_that_cannot_stay,
      test_destinations_that_are_refused, test_killed_writers_leave_whole_files)
