#define _XOPEN_SOURCE 700 /* nftw */
#include "support/suite.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static char directory[256];
static pid_t directory_owner; /* Check runs each test in a child; each has its own directory */

static int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *place)
{
    (void)about;
    (void)kind;
    (void)place;
    return remove(path);
}

static void remove_directory(void)
{
    if (directory_owner != getpid())
        return;
    chmod(directory, 0700);
    nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Before each test: where Check runs them all in one process (CK_FORK=no), the next one finds no files of the one
 * before. */
static void forget_directory(void)
{
    remove_directory();
    directory_owner = 0;
}

const char *suite_directory(void)
{
    static int registered;
    if (directory_owner != getpid()) {
        const char *root = getenv("TMPDIR");
        snprintf(directory, sizeof directory, "%s/pretrain-test-XXXXXX", root && *root ? root : "/tmp");
        if (!mkdtemp(directory)) {
            perror(directory);
            exit(EXIT_FAILURE);
        }
        directory_owner = getpid();
        if (!registered)
            registered = atexit(remove_directory) == 0;
    }
    return directory;
}

const char *suite_path(const char *name)
{
    static char paths[8][512];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", suite_directory(), name);
    return path;
}

const char *suite_source(const char *path)
{
    static char paths[8][512];
    static int next;
    const char *root = getenv("PT_TEST_SOURCE");
    char *whole = paths[next++ % 8];
    snprintf(whole, sizeof paths[0], "%s/%s", root ? root : ".", path);
    return whole;
}

const char *suite_listing(const char *path)
{
    static char joined[4000];
    pt__memory_t memory;
    char **names;
    int64_t count;
    size_t used = 0;
    pt__memory_init(&memory, NULL, NULL, NULL);
    ck_ok(pt__directory_list(&memory, path, &names, &count));
    joined[0] = 0;
    for (int64_t i = 0; i < count && used < sizeof joined; i++)
        used += (size_t)snprintf(joined + used, sizeof joined - used, "%s%s", i > 0 ? " " : "", names[i]);
    pt__release(&memory, names);
    return joined;
}

const char *suite_write(const char *name, const void *bytes, size_t size)
{
    const char *path = suite_path(name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    return path;
}

/* PT_TEST_LEAVE_OUT holds names of tests between blanks: those that a machine, or an emulator, cannot run or not in
 * reasonable time. */
static int is_left_out(const char *name)
{
    const char *list = getenv("PT_TEST_LEAVE_OUT"), *at;
    size_t length = strlen(name);
    for (at = list; at != NULL && (at = strstr(at, name)) != NULL; at += length)
        if ((at == list || at[-1] == ' ') && (at[length] == 0 || at[length] == ' '))
            return 1;
    return 0;
}

int suite_run(const char *name, double seconds, const TTest *const *tests, int n_tests)
{
    Suite *suite = suite_create(name);
    TCase *group = tcase_create(name);
    tcase_set_timeout(group, seconds);
    tcase_add_checked_fixture(group, forget_directory, NULL);
    for (int i = 0; i < n_tests; i++) {
        if (is_left_out(tests[i]->name))
            printf("left out: %s\n", tests[i]->name);
        else
            tcase_add_test(group, tests[i]);
    }
    suite_add_tcase(suite, group);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV); /* CK_VERBOSITY=verbose names every test; CK_FORK=no runs under a debugger */
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
