/* Runs a fuzz target without a fuzzer: the seeds, and mutations of them drawn from a fixed seed. `fuzz_csv 100000`
 * says how many; `fuzz_csv FILE...` runs files, to look at what a fuzzer has found. A failure is a crash, or a
 * sanitizer's report. */
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <string.h>

#include "base/random.h"

enum { LARGEST = 4096, MUTATIONS = 6 };

static pt__random_t source;

static size_t below(size_t n)
{
    return n == 0 ? 0 : (size_t)pt__random_below(&source, (int64_t)n);
}

static size_t count(const fuzz_seed_t *list)
{
    size_t n = 0;
    while (list[n].size > 0)
        n++;
    return n;
}

/* Replaces `removed` bytes at `at` by others, as far as there is room; returns the new size. */
static size_t splice(uint8_t *bytes, size_t size, size_t at, size_t removed, const void *inserted, size_t length)
{
    if (size - removed + length > LARGEST)
        return size;
    memmove(bytes + at + length, bytes + at + removed, size - at - removed);
    memcpy(bytes + at, inserted, length);
    return size - removed + length;
}

static size_t mutate(uint8_t *bytes, size_t size)
{
    size_t at = below(size + 1), length = below(size - at + 1) % 32;
    const fuzz_seed_t *piece = &fuzz_pieces[below(count(fuzz_pieces))];
    uint8_t copy[32], byte = (uint8_t)below(256);
    switch (below(6)) {
    case 0:
        if (at < size)
            bytes[at] ^= (uint8_t)(1u << below(8));
        return size;
    case 1:
        if (at < size)
            bytes[at] = byte;
        return size;
    case 2:
        return splice(bytes, size, at, length, "", 0);
    case 3:
        memcpy(copy, bytes + at, length);
        return splice(bytes, size, below(size + 1), 0, copy, length);
    case 4:
        return splice(bytes, size, at, 0, piece->bytes, piece->size);
    default:
        return splice(bytes, size, at, length, piece->bytes, piece->size);
    }
}

static void run(const uint8_t *bytes, size_t size)
{
    uint8_t *exact = malloc(size > 0 ? size : 1); /* so that a read beyond the end is seen */
    if (!exact)
        exit(EXIT_FAILURE);
    memcpy(exact, bytes, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

static int run_file(const char *path)
{
    static uint8_t bytes[1 << 20];
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return EXIT_FAILURE;
    }
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    run(bytes, size);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    uint8_t bytes[LARGEST];
    long iterations = argc > 1 ? strtol(argv[1], NULL, 10) : 10000;
    for (int i = 1; i < argc && iterations == 0; i++)
        if (run_file(argv[i]) != EXIT_SUCCESS)
            return EXIT_FAILURE;
    source = pt__random_start(1);
    for (size_t i = 0; fuzz_seeds[i].size > 0; i++)
        run((const uint8_t *)fuzz_seeds[i].bytes, fuzz_seeds[i].size);
    for (long i = 0; i < iterations; i++) {
        const fuzz_seed_t *seed = &fuzz_seeds[below(count(fuzz_seeds))];
        size_t size = seed->size;
        memcpy(bytes, seed->bytes, size);
        for (size_t k = 1 + below(MUTATIONS); k > 0; k--)
            size = mutate(bytes, size);
        run(bytes, size);
    }
    return EXIT_SUCCESS;
}
