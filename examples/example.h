/* What the examples of the course share: random numbers that are the same everywhere, and figures that
 * are printed and must come out. */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <clgrad/clgrad.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t example_state = 1;
static int example_missed;
static clg_ctx *example_context; /* owns all that an example makes */

/* Uniform in [0, 1): splitmix64 (Steele, Lea & Flood 2014). */
static inline double example_uniform(void)
{
    uint64_t z = example_state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

/* Normal with mean 0 and deviation 1 (Box & Muller 1958). */
static inline double example_normal(void)
{
    double r = sqrt(-2 * log(1 - example_uniform()));
    return r * cos(6.283185307179586 * example_uniform());
}

/* Prints a figure; it must lie from low to high. */
static inline void example_expect(const char *what, double value, double low, double high)
{
    int good = value >= low && value <= high;
    printf("%-48s %10.4g  (from %g to %g)%s\n", what, value, low, high, good ? "" : "  MISSED");
    example_missed += !good;
}

/* Ends the program with the sentence of a call that failed. */
static inline void example_ok(clg_status status)
{
    if (status == CLG_OK)
        return;
    fprintf(stderr, "%s\n", clg_error(example_context));
    clg_ctx_destroy(&example_context);
    exit(EXIT_FAILURE);
}

/* The device that CLGRAD_DEVICE names, or the best. */
static inline clg_device *example_begin(void)
{
    example_context = clg_ctx_create(NULL);
    clg_device *device = clg_device_open(example_context, NULL, NULL);
    example_ok(device ? CLG_OK : clg_error_status(example_context));
    return device;
}

/* A plan for training with batches of so many samples. */
static inline clg_plan *example_compile(clg_graph *graph, int64_t batch)
{
    clg_plan *plan = clg_compile(graph, batch, CLG_TRAIN, NULL);
    example_ok(plan ? CLG_OK : clg_error_status(example_context));
    return plan;
}

/* For main(): the exit status says whether all figures came out. */
static inline int example_end(void)
{
    clg_ctx_destroy(&example_context);
    return example_missed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
