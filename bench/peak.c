/* A loop of fused multiply-adds on registers, and one that streams through memory, on as many threads as are asked for.
 * Compiled for the processor it is built on (-march=native), so that they use the widest vectors there; called by
 * bench_case and by whoever prints shares of the peak. The rate is the best of short windows: other load on the
 * machine, and the time a core takes to reach its clock, cost nothing. */
#include "peak.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#if defined(__AVX512F__) || (defined(__AVX2__) && defined(__FMA__))
#include <immintrin.h>
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(__AVX512F__)
typedef __m512 lanes_t;
enum { LANES = 16 };
#define SPREAD(x)             _mm512_set1_ps(x)
#define MULTIPLY_ADD(a, b, c) _mm512_fmadd_ps(a, b, c)
#define STORE(to, x)          _mm512_storeu_ps(to, x)
#define LOAD(from)            _mm512_loadu_ps(from)
#elif defined(__AVX2__) && defined(__FMA__)
typedef __m256 lanes_t;
enum { LANES = 8 };
#define SPREAD(x)             _mm256_set1_ps(x)
#define MULTIPLY_ADD(a, b, c) _mm256_fmadd_ps(a, b, c)
#define STORE(to, x)          _mm256_storeu_ps(to, x)
#define LOAD(from)            _mm256_loadu_ps(from)
#elif defined(__ARM_NEON) && defined(__aarch64__)
typedef float32x4_t lanes_t;
enum { LANES = 4 };
#define SPREAD(x)             vdupq_n_f32(x)
#define MULTIPLY_ADD(a, b, c) vfmaq_f32(c, a, b)
#define STORE(to, x)          vst1q_f32(to, x)
#define LOAD(from)            vld1q_f32(from)
#else
typedef float lanes_t;
enum { LANES = 1 };
#define SPREAD(x)             (x)
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#define STORE(to, x)          (*(to) = (x))
#define LOAD(from)            (*(from))
#endif

enum { CHAINS = 12, ROUNDS = 200000 }; /* chains in flight cover latency × units; rounds: a few milliseconds */

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Operations done; *sum keeps the compiler from leaving them out. */
static double burn(float *sum)
{
    lanes_t factor = SPREAD(0.999f), term = SPREAD(0.001f);
    lanes_t c0 = SPREAD(0.0f), c1 = SPREAD(0.1f), c2 = SPREAD(0.2f),
            c3 = SPREAD(0.3f); /* equal chains would become one */
    lanes_t c4 = SPREAD(0.4f), c5 = SPREAD(0.5f), c6 = SPREAD(0.6f), c7 = SPREAD(0.7f);
    lanes_t c8 = SPREAD(0.8f), c9 = SPREAD(0.9f), c10 = SPREAD(1.1f), c11 = SPREAD(1.2f);
    for (int i = 0; i < ROUNDS; i++) {
        c0 = MULTIPLY_ADD(c0, factor, term);
        c1 = MULTIPLY_ADD(c1, factor, term);
        c2 = MULTIPLY_ADD(c2, factor, term);
        c3 = MULTIPLY_ADD(c3, factor, term);
        c4 = MULTIPLY_ADD(c4, factor, term);
        c5 = MULTIPLY_ADD(c5, factor, term);
        c6 = MULTIPLY_ADD(c6, factor, term);
        c7 = MULTIPLY_ADD(c7, factor, term);
        c8 = MULTIPLY_ADD(c8, factor, term);
        c9 = MULTIPLY_ADD(c9, factor, term);
        c10 = MULTIPLY_ADD(c10, factor, term);
        c11 = MULTIPLY_ADD(c11, factor, term);
    }
    const lanes_t all[CHAINS] = {c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11};
    float values[LANES];
    for (int i = 0; i < CHAINS; i++) {
        STORE(values, all[i]);
        *sum += values[0];
    }
    return 2.0 * LANES * CHAINS * ROUNDS;
}

/* a = a * factor + b, over n floats, a multiple of LANES: two reads and a write into a line that was read, so that no
 * line comes from memory that is not counted. */
static void stream(float *a, const float *b, size_t n)
{
    lanes_t factor = SPREAD(0.5f);
    for (size_t i = 0; i < n; i += LANES)
        STORE(a + i, MULTIPLY_ADD(LOAD(a + i), factor, LOAD(b + i)));
}

typedef struct worker {
    double seconds;
    size_t floats; /* of each array; 0: no memory, the peak */
    double rate;   /* the best window's */
    float sum;
} worker_t;

static void *run_peak(void *argument)
{
    worker_t *worker = argument;
    double end = now() + worker->seconds;
    for (double begin = now(), stop; begin < end; begin = stop) {
        double operations = burn(&worker->sum);
        stop = now();
        if (operations / (stop - begin) > worker->rate)
            worker->rate = operations / (stop - begin);
    }
    return NULL;
}

/* A window is 4 MB of traffic or more: a piece of large arrays, passes over small ones. */
static void *run_stream(void *argument)
{
    enum { WINDOW = 1 << 20 }; /* floats */
    worker_t *worker = argument;
    size_t n = worker->floats, piece = n < WINDOW ? n : WINDOW;
    float *a = aligned_alloc(64, n * sizeof(float)), *b = aligned_alloc(64, n * sizeof(float));
    if (!a || !b) {
        free(a);
        free(b);
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        a[i] = b[i] = 1.0f;
    double end = now() + worker->seconds;
    size_t at = 0;
    for (double begin = now(), stop; begin < end; begin = stop) {
        size_t done = 0;
        for (; done < WINDOW; done += piece) {
            at = at + piece <= n ? at : 0;
            stream(a + at, b + at, piece);
            at += piece;
        }
        stop = now();
        double rate = 3.0 * sizeof(float) * (double)done / (stop - begin);
        worker->rate = rate > worker->rate ? rate : worker->rate;
    }
    worker->sum = a[0];
    free(a);
    free(b);
    return NULL;
}

/* The sum of the threads' rates. */
static double measure(int threads, double seconds, size_t floats)
{
    enum { MOST = 256 };
    pthread_t handles[MOST];
    worker_t workers[MOST];
    double total = 0;
    int started = 0, failed = 0;
    for (; started < threads && started < MOST; started++) {
        workers[started] = (worker_t){.seconds = seconds, .floats = floats};
        if (pthread_create(&handles[started], NULL, floats ? run_stream : run_peak, &workers[started]) != 0)
            break;
    }
    for (int i = 0; i < started; i++) {
        pthread_join(handles[i], NULL);
        total += workers[i].rate;
        failed |= workers[i].rate == 0;
    }
    return started == threads && !failed ? total : 0;
}

double peak_measure(int threads, double seconds)
{
    return measure(threads, seconds, 0);
}

double bandwidth_measure(int threads, double bytes, double seconds)
{
    const size_t least = 64; /* floats: whole lines, and whole vectors at any level */
    size_t floats = (size_t)(bytes / (2 * sizeof(float)) / threads) / least * least;
    return measure(threads, seconds, floats > least ? floats : least);
}
