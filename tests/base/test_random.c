/* Philox against the published vectors; distributions, sequences, fills and the permutation. The seeds are fixed, so that the
 * statistical bounds (about five standard deviations) hold always or never. */
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

START_TEST(test_permutations_are_permutations)
{
    static char seen[70000];
    static const int64_t sizes[] = {1, 2, 3, 5, 63, 64, 65, 66, 100, 127, 128, 129, 1000, 1024, 1025, 65537};
    for (int k = 0; k < 16; k++)
        for (uint64_t seed = 0; seed < 3; seed++) {
            memset(seen, 0, sizeof seen);
            for (int64_t i = 0; i < sizes[k]; i++) {
                int64_t place = pt__permute(seed, sizes[k], i);
                ck_assert(place >= 0 && place < sizes[k] && !seen[place]);
                seen[place] = 1;
            }
        }
    int64_t huge = INT64_MAX - 5;
    for (int64_t i = 0; i < 1000; i++) {
        int64_t place = pt__permute(9, huge, huge - 1 - i);
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
                int64_t place = pt__permute(seed, n, index), other = pt__permute(seed, n, (index + 1) % n);
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
    int64_t previous = pt__permute(3, N, 0), rises = 0;
    double products = 0;
    for (int64_t i = 1; i < N; i++) {
        int64_t place = pt__permute(3, N, i);
        rises += place > previous;
        products += ((double)place / N - 0.5) * ((double)previous / N - 0.5);
        previous = place;
    }
    ck_assert_double_lt(fabs((double)rises - N / 2.0), 5 * sqrt(N / 12.0));
    ck_assert_double_lt(fabs(products), 5 * sqrt(N) / 12);
}
END_TEST

SUITE("random", 120, test_known_blocks, test_sequence_resumes_anywhere, test_uniform_and_normal_moments,
      test_below_is_in_range_and_even, test_fills_do_not_depend_on_pieces, test_permutations_are_permutations,
      test_permutations_are_well_mixed, test_large_permutation_looks_shuffled)
