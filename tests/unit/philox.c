#include <math.h>
#include "base/philox.h"
#include "test.h"

/* Known answers of Random123 (tests/kat_vectors, philox4x32 with 10 rounds). */
TEST(philox, known_answers)
{
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } cases[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t out[4];

        clg_philox(cases[i].counter, cases[i].key, out);
        for (int k = 0; k < 4; k++)
            cr_expect_eq(out[k], cases[i].out[k], "case %zu word %d: %08x, expected %08x", i, k,
                         out[k], cases[i].out[k]);
    }
}

TEST(philox, uniform_stays_below_one)
{
    cr_expect_eq(clg_uniform(0), 0.0f);
    cr_expect_lt(clg_uniform(UINT32_MAX), 1.0f);
    cr_expect_eq(clg_uniform(UINT32_C(1) << 31), 0.5f);
}

/* Mean, variance and fourth moment of n values lie within 5 standard errors of 0, 1 and 3. */
TEST(philox, normal_moments)
{
    enum { PAIRS = 50000 };
    const uint32_t key[2] = {7, 0};
    double sum[5] = {0}, n = 2.0 * PAIRS;

    for (uint32_t i = 0; i < PAIRS; i++) {
        uint32_t words[4];
        float pair[2];

        clg_philox((const uint32_t[]){i, 0, 0, 0}, key, words);
        clg_normal_pair(words[0], words[1], pair);
        for (int k = 0; k < 2; k++)
            for (int p = 1; p <= 4; p++)
                sum[p] += pow(pair[k], p);
    }
    cr_expect_lt(fabs(sum[1] / n), 5 / sqrt(n));
    cr_expect_lt(fabs(sum[2] / n - 1), 5 * sqrt(2 / n));
    cr_expect_lt(fabs(sum[4] / n - 3), 5 * sqrt(96 / n));
}

TEST(philox, normal_is_finite_at_the_ends)
{
    static const uint32_t ends[] = {0, 1, UINT32_MAX};

    for (int a = 0; a < 3; a++)
        for (int b = 0; b < 3; b++) {
            float pair[2];

            clg_normal_pair(ends[a], ends[b], pair);
            cr_expect(isfinite(pair[0]) && isfinite(pair[1]), "words %x %x", ends[a], ends[b]);
        }
}

TEST(philox, permutation_is_one)
{
    enum { N = 1025 };
    int32_t order[N], again[N];
    bool seen[N] = {false};
    int moved = 0;

    clg_permutation(3, 9, order, N);
    clg_permutation(3, 9, again, N);
    cr_expect_arr_eq(order, again, sizeof(order));
    for (int i = 0; i < N; i++) {
        cr_assert(order[i] >= 0 && order[i] < N && !seen[order[i]], "item %d: %d", i, order[i]);
        seen[order[i]] = true;
        moved += order[i] != i;
    }
    cr_expect_gt(moved, N - 20);
    clg_permutation(3, 10, again, N);
    cr_expect_arr_neq(order, again, sizeof(order));
    clg_permutation(4, 9, again, N);
    cr_expect_arr_neq(order, again, sizeof(order));
    order[0] = -1;
    clg_permutation(1, 1, order, 1);
    cr_expect_eq(order[0], 0);
}

/* All 24 orders of 4 items come about equally often: chi-square of 23 degrees of freedom is
 * over 49.7 once in a thousand. */
TEST(philox, permutation_is_fair)
{
    enum { TRIALS = 24000 };
    int count[256] = {0};
    double chi = 0;

    for (int i = 0; i < TRIALS; i++) {
        int32_t order[4];

        clg_permutation(11, (uint64_t)i, order, 4);
        count[order[0] * 64 + order[1] * 16 + order[2] * 4 + order[3]]++;
    }
    for (int i = 0; i < 256; i++)
        if (count[i])
            chi += (count[i] - 1000.0) * (count[i] - 1000.0) / 1000.0;
    cr_expect_lt(chi, 49.7);
}
