#include "base/philox.h"

#include <math.h>

#define PHILOX_M0 UINT32_C(0xD2511F53)
#define PHILOX_M1 UINT32_C(0xCD9E8D57)
#define PHILOX_W0 UINT32_C(0x9E3779B9)
#define PHILOX_W1 UINT32_C(0xBB67AE85)

void clg_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];

    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)PHILOX_M0 * c0, p1 = (uint64_t)PHILOX_M1 * c2;

        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += PHILOX_W0;
        k1 += PHILOX_W1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

float clg_uniform(uint32_t word)
{
    return (float)(word >> 8) * 0x1p-24f;
}

void clg_normal_pair(uint32_t a, uint32_t b, float out[2])
{
    const double two_pi = 6.283185307179586476925;
    double radius = sqrt(-2.0 * log(((double)a + 1.0) * 0x1p-32)); /* (0, 1] */
    double angle = two_pi * ((double)b * 0x1p-32);

    out[0] = (float)(radius * cos(angle));
    out[1] = (float)(radius * sin(angle));
}

/* floor(m * w / 2^64) of a 64-bit random w for m < 2^32: each value's probability is off by less
 * than 2^-64. */
static uint32_t below(uint32_t m, uint32_t high, uint32_t low)
{
    return (uint32_t)(((uint64_t)high * m + (((uint64_t)low * m) >> 32)) >> 32);
}

void clg_permutation(uint64_t seed, uint64_t stream, int32_t *out, int64_t n)
{
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t counter[4] = {0, 0x7065726d, (uint32_t)stream, (uint32_t)(stream >> 32)};
    uint32_t words[4] = {0};

    for (int64_t i = 0; i < n; i++)
        out[i] = (int32_t)i;
    for (int64_t i = n - 1, draw = 0; i > 0; i--, draw++) {
        int32_t swap = out[i];
        uint32_t j;

        if (draw % 2 == 0) {
            counter[0] = (uint32_t)(draw / 2);
            clg_philox(counter, key, words);
        }
        j = below((uint32_t)i + 1, words[draw % 2 * 2], words[draw % 2 * 2 + 1]);
        out[i] = out[j];
        out[j] = swap;
    }
}
