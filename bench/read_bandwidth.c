/* How fast threads read memory that no cache holds, as generation reads weights, once a token:
 *
 *   read_bandwidth THREADS [MEGABYTES]     (512)
 *
 * Two lines on standard output, bytes a second with small pages, as a mapped file has, and with large ones, as the
 * library asks for its own memory: the most of some rounds, which begin and end together. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, madvise */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { MOST_THREADS = 256, ROUNDS = 8, STREAMS = 8, LINE = 64 };

typedef struct part {
    const char *begin;
    size_t bytes;
    uint64_t sum;
} part_t;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* A number of each line, in sums that do not wait for each other. */
static void *read_part(void *argument)
{
    part_t *part = argument;
    uint64_t sums[STREAMS] = {0};
    for (size_t at = 0; at + STREAMS * LINE <= part->bytes; at += STREAMS * LINE)
        for (size_t i = 0; i < STREAMS; i++) {
            uint64_t number;
            memcpy(&number, part->begin + at + i * LINE, sizeof number);
            sums[i] += number;
        }
    for (size_t i = 0; i < STREAMS; i++)
        part->sum += sums[i];
    return NULL;
}

/* Seconds that all take together; 0 where threads cannot be made. */
static double read_all(const char *memory, size_t bytes, int threads)
{
    pthread_t handles[MOST_THREADS];
    part_t parts[MOST_THREADS];
    const size_t each = bytes / (size_t)threads / LINE * LINE;
    int started = 0;
    double begin = now();
    for (; started < threads; started++) {
        parts[started] = (part_t){.begin = memory + each * (size_t)started, .bytes = each};
        if (pthread_create(&handles[started], NULL, read_part, &parts[started]) != 0)
            break;
    }
    for (int i = 0; i < started; i++)
        pthread_join(handles[i], NULL);
    return started == threads ? now() - begin : 0;
}

static double measure(size_t bytes, int threads, int large)
{
    double best = 0;
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return 0;
#if defined(MADV_HUGEPAGE)
    (void)madvise(memory, bytes, large ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
#else
    (void)large;
#endif
    memset(memory, 1, bytes);
    for (int round = 0; round < ROUNDS; round++) {
        double seconds = read_all(memory, bytes, threads);
        if (seconds > 0 && (double)bytes / seconds > best)
            best = (double)bytes / seconds;
    }
    munmap(memory, bytes);
    return best;
}

int main(int count, char **arguments)
{
    int threads = count > 1 ? atoi(arguments[1]) : 0;
    double megabytes = count > 2 ? atof(arguments[2]) : 512;
    if (threads < 1 || threads > MOST_THREADS || !(megabytes >= 1 && megabytes <= 1 << 20)) {
        fprintf(stderr, "usage: read_bandwidth THREADS [MEGABYTES]\n");
        return EXIT_FAILURE;
    }
    for (int large = 0; large < 2; large++)
        printf("%.4g\n", measure((size_t)megabytes << 20, threads, large));
    return EXIT_SUCCESS;
}
