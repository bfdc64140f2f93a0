/* Philox 4x32-10 (Salmon et al., SC 2011): random numbers as a pure function of counter and key. */
#ifndef CLG_BASE_PHILOX_H
#define CLG_BASE_PHILOX_H

#include <stdint.h>

void clg_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);
/* [0, 1) with 24 bits; (0, 1] for a logarithm; standard normal pair by Box-Muller. */
float clg_uniform(uint32_t word);
void clg_normal_pair(uint32_t a, uint32_t b, float out[2]);
/* Fisher-Yates with Philox of (seed, stream): order of n items into out. */
void clg_permutation(uint64_t seed, uint64_t stream, int32_t *out, int64_t n);

#endif
