/* Philox against the published vectors; distributions, sequences, fills and the permutation. The seeds are fixed, so
 * that the statistical bounds (about five standard deviations) hold always or never. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "support/suite.h"

START_TEST(test_known_blocks)
{ /* Random123, known answers of philox4x32-10 */
    uint32_t words[4];
    pt__random_bits(0, 0, words);
    ck_assert_uint_eq(words[0], 0x6627e8d5u);
    ck_assert_uint_eq(words[1], 0xe169c58du);
    ck_assert_uint_eq(words[2], 0xbc57ac4cu);
    ck_assert_uint_eq(words[3], 0x9b00dbd8u);
}
END_TEST

START_TEST(test_sequence_resumes_anywhere)
{
    pt__random_t whole = pt__random_start(42);
    uint32_t drawn[50];
    for (int i = 0; i < 50; i++)
        drawn[i] = pt__random_u32(&whole);
    for (uint64_t position = 0; position < 50; position++) {
        pt__random_t resumed = pt__random_resume(42, position);
        for (uint64_t i = position; i < 50; i++)
            ck_assert_uint_eq(pt__random_u32(&resumed), drawn[i]);
        ck_assert_uint_eq(resumed.position, whole.position);
    }
    ck_assert_uint_ne(pt__random_key(1, 2), pt__random_key(2, 1));
    ck_assert_uint_ne(pt__random_key(1, 2), pt__random_key(1, 3));
    ck_assert_uint_eq(pt__random_key(1, 2), pt__random_key(1, 2));
}
END_TEST

START_TEST(test_uniform_and_normal_moments)
{
    enum { N = 400000 };
    pt__random_t random = pt__random_start(7);
    double sum = 0, squares = 0, least = 1, most = 0;
    int bins[20] = {0};
    for (int i = 0; i < N; i++) {
        double u = pt__random_uniform(&random);
        ck_assert(u >= 0 && u < 1);
        bins[(int)(u * 20)]++;
        least = u < least ? u : least;
        most = u > most ? u : most;
    }
    ck_assert(least < 1e-4 && most > 1 - 1e-4);
    double chi = 0;
    for (int i = 0; i < 20; i++)
        chi += (bins[i] - N / 20.0) * (bins[i] - N / 20.0) / (N / 20.0);
    ck_assert_double_lt(chi, 50); /* 19 degrees of freedom */
    int beyond2 = 0;
    for (int i = 0; i < N; i++) {
        double z = pt__random_normal(&random);
        sum += z;
        squares += z * z;
        beyond2 += fabs(z) > 2;
    }
    ck_assert_double_lt(fabs(sum / N), 5 / sqrt(N));
    ck_assert_double_lt(fabs(squares / N - 1), 5 * sqrt(2.0 / N));
    ck_assert_double_lt(fabs(beyond2 / (double)N - 0.0455), 5 * sqrt(0.0455 / N));
}
END_TEST

START_TEST(test_below_is_in_range_and_even)
{
    static const int64_t limits[] = {1, 2, 3, 7, 10, 1000, INT64_C(1) << 32, (INT64_C(1) << 32) + 1, INT64_MAX};
    pt__random_t random = pt__random_start(11);
    for (int k = 0; k < 9; k++) {
        int64_t low_half = 0;
        for (int i = 0; i < 20000; i++) {
            int64_t value = pt__random_below(&random, limits[k]);
            ck_assert(value >= 0 && value < limits[k]);
            low_half += value < limits[k] / 2;
        }
        if (limits[k] > 1)
            ck_assert_double_lt(fabs((double)low_half / 20000 - (double)(limits[k] / 2) / (double)limits[k]),
                                5 * 0.5 / sqrt(20000));
    }
    int counts[6] = {0};
    for (int i = 0; i < 60000; i++)
        counts[pt__random_below(&random, 6)]++;
    for (int i = 0; i < 6; i++)
        ck_assert_int_lt(abs(counts[i] - 10000), 460);
}
END_TEST

START_TEST(test_fills_do_not_depend_on_pieces)
{
    enum { N = 1003 };
    float whole[N], pieces[N];
    for (int uniform = 0; uniform < 2; uniform++) {
        double sum = 0;
        if (uniform)
            pt__random_fill_uniform(5, 0, N, -0.5, 0.25, whole);
        else
            pt__random_fill_normal(5, 0, N, 1, 0.02, whole);
        for (int64_t first = 0; first < N; first += 36) {
            int64_t count = N - first < 36 ? N - first : 36;
            if (uniform)
                pt__random_fill_uniform(5, first, count, -0.5, 0.25, pieces + first);
            else
                pt__random_fill_normal(5, first, count, 1, 0.02, pieces + first);
        }
        ck_assert_int_eq(memcmp(whole, pieces, sizeof whole), 0);
        for (int i = 0; i < N; i++) {
            sum += (double)whole[i];
            ck_assert(!uniform || (whole[i] >= -0.5f && whole[i] < 0.25f));
        }
        ck_assert_double_lt(fabs(sum / N - (uniform ? -0.125 : 1)), uniform ? 0.035 : 0.0035);
    }
    pt__random_fill_uniform(5, 0, N, 1.0, 1.0 + 1e-7, whole); /* rounds to the next float more often than not */
    for (int i = 0; i < N; i++)
        ck_assert(whole[i] == 1.0f);
}
END_TEST

/* The normal number of these two words. */
static double normal_of(uint32_t first, uint32_t second)
{
    pt__random_t random = {.key = 1, .position = 2, .words = {0, 0, first, second}};
    return pt__random_normal(&random);
}

/* sqrt(-2 ln u) cos angle by libm, the angle taken from the nearest quarter of a turn, where cosine and sine keep
 * all their digits. */
static double expected_normal(uint32_t first, uint32_t second)
{
    const long double turn = 6.283185307179586476925286766559L;
    long double radius = sqrtl(-2 * logl(((long double)first + 0.5L) / 4294967296.0L));
    uint32_t turned = second + (UINT32_C(1) << 29);
    long double x = ((long double)(turned % (UINT32_C(1) << 30)) - 536870912.0L) / 4294967296.0L * turn;
    switch (turned >> 30) {
    case 0:
        return (double)(radius * cosl(x));
    case 1:
        return (double)(-radius * sinl(x));
    case 2:
        return (double)(-radius * cosl(x));
    default:
        return (double)(radius * sinl(x));
    }
}

static void check_normal(uint32_t first, uint32_t second)
{
    double found = normal_of(first, second), expected = expected_normal(first, second);
    ck_assert_msg(fabs(found - expected) <= 1e-15 * fabs(expected), "words %#lx, %#lx: %.17g, expected %.17g",
                  (unsigned long)first, (unsigned long)second, found, expected);
}

START_TEST(test_normals_are_those_of_libm)
{
    uint32_t edges[200];
    int n_edges = 0;
    for (uint32_t bit = 0; bit < 32; bit++)
        for (uint32_t off = 0; off < 3; off++)
            edges[n_edges++] = (UINT32_C(1) << bit) - 1 + off;
    for (uint32_t octant = 0; octant < 8; octant++)
        for (uint32_t off = 0; off < 3; off++)
            edges[n_edges++] = (octant << 29) - 1 + off;
    for (uint32_t off = 0; off < 5; off++)
        edges[n_edges++] = 0xb504f333u - 2 + off; /* where the logarithm's reduction takes the next power of two */
    for (int i = 0; i < n_edges; i++)
        for (int j = 0; j < n_edges; j++)
            check_normal(edges[i], edges[j]);
    for (uint64_t i = 0; i < 200000; i++) {
        uint32_t words[4];
        pt__random_bits(17, i, words);
        check_normal(words[0], words[1]);
        check_normal(words[2] >> words[3] % 32, words[3]);
    }
}
END_TEST

/* Pinned: initial weights are the same on every processor and from every compiler. */
START_TEST(test_normals_have_the_same_bits_everywhere)
{
    enum { N = 5003 };
    static float filled[2 * N];
    uint64_t hash = 14695981039346656037u;
    pt__random_t random = pt__random_start(23);
    pt__random_fill_normal(23, 0, 2 * N, 0, 1, filled);
    for (int i = 0; i < N; i++) {
        double normal = pt__random_normal(&random);
        uint64_t bits;
        memcpy(&bits, &normal, sizeof bits);
        hash = (hash ^ bits) * 1099511628211u;
        ck_assert_float_eq((float)normal, filled[2 * i]);
    }
    for (int i = 0; i < 2 * N; i++) {
        uint32_t bits;
        memcpy(&bits, &filled[i], sizeof bits);
        hash = (hash ^ bits) * 1099511628211u;
    }
    ck_assert_msg(hash == 0x2b25e17a54330b4u, "hash %#llx", (unsigned long long)hash);
}
END_TEST

START_TEST(test_filled_normals_have_the_moments)
{
    enum { N = 400000 };
    static float normal[N];
    double sum = 0, squares = 0, fourths = 0, neighbours = 0;
    int bins[20] = {0};
    pt__random_fill_normal(29, 4, N, 0, 1, normal);
    for (int i = 0; i < N; i++) {
        double z = (double)normal[i];
        sum += z;
        squares += z * z;
        fourths += z * z * z * z;
        neighbours += i > 0 ? z * (double)normal[i - 1] : 0;
        int bin = (int)(10 * erfc(-z * 0.7071067811865476));
        bins[bin < 20 ? bin : 19]++;
    }
    ck_assert_double_lt(fabs(sum / N), 5 / sqrt(N));
    ck_assert_double_lt(fabs(squares / N - 1), 5 * sqrt(2.0 / N));
    ck_assert_double_lt(fabs(fourths / N - 3), 5 * sqrt(96.0 / N));
    ck_assert_double_lt(fabs(neighbours / N), 5 / sqrt(N));
    double chi = 0;
    for (int i = 0; i < 20; i++)
        chi += (bins[i] - N / 20.0) * (bins[i] - N / 20.0) / (N / 20.0);
    ck_assert_double_lt(chi, 50); /* 19 degrees of freedom */
}
END_TEST

static int64_t permute(uint64_t seed, int64_t n, int64_t index)
{
    pt__permutation_t permutation;
    pt__permutation_make(seed, n, &permutation);
    pt__permutation_apply(&permutation, &index, 1);
    return index;
}

START_TEST(test_permutations_are_permutations)
{
    static char seen[70000];
    static const int64_t sizes[] = {1, 2, 3, 5, 63, 64, 65, 66, 100, 127, 128, 129, 1000, 1024, 1025, 65537};
    for (int k = 0; k < 16; k++)
        for (uint64_t seed = 0; seed < 3; seed++) {
            memset(seen, 0, sizeof seen);
            for (int64_t i = 0; i < sizes[k]; i++) {
                int64_t place = permute(seed, sizes[k], i);
                ck_assert(place >= 0 && place < sizes[k] && !seen[place]);
                seen[place] = 1;
            }
        }
    int64_t huge = INT64_MAX - 5;
    for (int64_t i = 0; i < 1000; i++) {
        int64_t place = permute(9, huge, huge - 1 - i);
        ck_assert(place >= 0 && place < huge);
    }
}
END_TEST

/* Over many seeds: where each index lands, and where pairs of neighbours land relative to each other. */
START_TEST(test_permutations_are_well_mixed)
{
    static const int64_t sizes[] = {5, 64, 70, 200};
    enum { SEEDS = 40000 };
    for (int k = 0; k < 4; k++) {
        int64_t n = sizes[k];
        static int landed[200], distance[200];
        for (int64_t index = 0; index < n; index += n / 3 + 1) {
            memset(landed, 0, sizeof landed);
            memset(distance, 0, sizeof distance);
            for (uint64_t seed = 0; seed < SEEDS; seed++) {
                int64_t place = permute(seed, n, index), other = permute(seed, n, (index + 1) % n);
                landed[place]++;
                distance[(other - place + n) % n]++;
            }
            double chi = 0, chi_distance = 0, even = SEEDS / (double)n, even_distance = SEEDS / (double)(n - 1);
            for (int64_t i = 0; i < n; i++) {
                chi += (landed[i] - even) * (landed[i] - even) / even;
                if (i > 0)
                    chi_distance += (distance[i] - even_distance) * (distance[i] - even_distance) / even_distance;
            }
            double degrees = (double)(n - 1);
            ck_assert_double_lt(chi, degrees + 5 * sqrt(2 * degrees));
            ck_assert_double_lt(chi_distance, degrees - 1 + 5 * sqrt(2 * degrees));
            ck_assert_int_eq(distance[0], 0);
        }
    }
}
END_TEST

/* One large permutation: order statistics that a shuffle has and a structured map has not. */
START_TEST(test_large_permutation_looks_shuffled)
{
    enum { N = 100003 };
    int64_t previous = permute(3, N, 0), rises = 0;
    double products = 0;
    for (int64_t i = 1; i < N; i++) {
        int64_t place = permute(3, N, i);
        rises += place > previous;
        products += ((double)place / N - 0.5) * ((double)previous / N - 0.5);
        previous = place;
    }
    ck_assert_double_lt(fabs((double)rises - N / 2.0), 5 * sqrt(N / 12.0));
    ck_assert_double_lt(fabs(products), 5 * sqrt(N) / 12);
}
END_TEST

SUITE("random", 120, test_known_blocks, test_sequence_resumes_anywhere, test_uniform_and_normal_moments,
      test_below_is_in_range_and_even, test_fills_do_not_depend_on_pieces, test_normals_are_those_of_libm,
      test_normals_have_the_same_bits_everywhere, test_filled_normals_have_the_moments,
      test_permutations_are_permutations, test_permutations_are_well_mixed, test_large_permutation_looks_shuffled)
