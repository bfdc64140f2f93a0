/* A graph on the device under test, for tests of ops and layers through the public API. */
#ifndef BENCH_H
#define BENCH_H

#include "test.h"

struct bench {
    clg_ctx *ctx; /* owns the rest: clg_ctx_destroy(&b.ctx) */
    clg_device *device;
    clg_store *store;
    clg_graph *graph;
};

struct bench bench_open(void);

/* Fails unless y is an invalid tensor whose graph was refused with these words; then gives the bench
 * a new graph. */
void bench_refused(struct bench *b, const char *words, clg_tensor y);

/* Numbers that are exact in float32, others for each k; and a constant of them, 64 at most. */
void bench_numbers(float *values, size_t count, int k);
clg_tensor bench_constant(struct bench *b, clg_shape shape, int k);

#endif
