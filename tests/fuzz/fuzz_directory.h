/* A directory of a fuzz target's own, made at its first file and removed when the process ends as it should. */
#ifndef FUZZ_DIRECTORY_H
#define FUZZ_DIRECTORY_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FUZZ_MOST_FILES = 4 };

static char fuzz_directory[64];
/* literals, of the files that are in it */
static const char *fuzz_directory_files[FUZZ_MOST_FILES];

static inline void fuzz_directory_path(const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", fuzz_directory, name);
}

static inline void fuzz_directory_remove(void)
{
    char path[128];
    for (int i = 0; i < FUZZ_MOST_FILES && fuzz_directory_files[i] != NULL; i++) {
        fuzz_directory_path(fuzz_directory_files[i], path);
        remove(path);
    }
    rmdir(fuzz_directory);
}

/* name: a literal. Returns 1 for a file that was not there. */
static inline int fuzz_directory_write(const char *name, const void *bytes, size_t size)
{
    const char *within = getenv("TMPDIR");
    char path[128];
    int i = 0;
    if (!*fuzz_directory) {
        snprintf(fuzz_directory, sizeof fuzz_directory, "%.40s/fuzz-XXXXXX", within == NULL ? "/tmp" : within);
        if (mkdtemp(fuzz_directory) == NULL)
            abort();
        atexit(fuzz_directory_remove);
    }
    fuzz_directory_path(name, path);
    remove(path); /* some file systems write out at once what takes the place of what is cut off */
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
        abort();
    while (i < FUZZ_MOST_FILES && fuzz_directory_files[i] != NULL && strcmp(fuzz_directory_files[i], name) != 0)
        i++;
    if (i == FUZZ_MOST_FILES)
        abort();
    const int is_new = fuzz_directory_files[i] == NULL;
    fuzz_directory_files[i] = name;
    return is_new;
}

#endif
