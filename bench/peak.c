/* A loop of fused multiply-adds on registers, on as many threads as are asked for. Compiled for the processor it is
 * built on (-march=native), so that it uses the widest vectors there; called by bench_case and by whoever prints
 * shares of the peak. The rate is the best of short windows: other load on the machine, and the time a core takes to
 * reach its clock, cost nothing. */
#include "peak.h"

#include <pthread.h>
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
#elif defined(__AVX2__) && defined(__FMA__)
typedef __m256 lanes_t;
enum { LANES = 8 };
#define SPREAD(x)             _mm256_set1_ps(x)
#define MULTIPLY_ADD(a, b, c) _mm256_fmadd_ps(a, b, c)
#define STORE(to, x)          _mm256_storeu_ps(to, x)
#elif defined(__ARM_NEON) && defined(__aarch64__)
typedef float32x4_t lanes_t;
enum { LANES = 4 };
#define SPREAD(x)             vdupq_n_f32(x)
#define MULTIPLY_ADD(a, b, c) vfmaq_f32(c, a, b)
#define STORE(to, x)          vst1q_f32(to, x)
#else
typedef float lanes_t;
enum { LANES = 1 };
#define SPREAD(x)             (x)
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#define STORE(to, x)          (*(to) = (x))
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

typedef struct burner {
    double seconds;
    double rate; /* the best window's */
    float sum;
} burner_t;

static void *run(void *argument)
{
    burner_t *burner = argument;
    double end = now() + burner->seconds;
    for (double begin = now(), stop; begin < end; begin = stop) {
        double operations = burn(&burner->sum);
        stop = now();
        if (operations / (stop - begin) > burner->rate)
            burner->rate = operations / (stop - begin);
    }
    return NULL;
}

double peak_measure(int threads, double seconds)
{
    enum { MOST = 256 };
    pthread_t handles[MOST];
    burner_t burners[MOST];
    double total = 0;
    int started = 0;
    for (; started < threads && started < MOST; started++) {
        burners[started] = (burner_t){.seconds = seconds};
        if (pthread_create(&handles[started], NULL, run, &burners[started]) != 0)
            break;
    }
    for (int i = 0; i < started; i++) {
        pthread_join(handles[i], NULL);
        total += burners[i].rate;
    }
    return started == threads ? total : 0;
}
