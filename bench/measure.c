/* How a figure is taken. */
#include "cli/bench.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#define BLOCK_SECONDS                                                                              \
    0.055 /* blocks of at least 50 ms, with some room for those that run faster                    \
           */
#define MIN_BLOCKS   5
#define SYNCED_STEPS 200

double clg_bench_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void clg_bench_print(const char *kind, json_t *object)
{
    char *text = object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;

    if (text)
        clg_cli_print_line(kind, text);
    free(text);
    json_decref(object);
}

/* Seconds that n steps and a wait take. */
static clg_status block(const struct clg_bench_work *work, size_t n, double *seconds)
{
    clg_status status = CLG_OK;
    double start = clg_bench_now();

    for (size_t i = 0; i < n && status == CLG_OK; i++)
        status = work->step(work->data);
    if (status == CLG_OK)
        status = work->wait(work->data);
    *seconds = clg_bench_now() - start;
    return status;
}

/* Steps of a block. */
static clg_status calibrate(const struct clg_bench_work *work, size_t *n)
{
    double seconds = 0;

    for (*n = 1;;) {
        clg_status status = block(work, *n, &seconds);

        if (status != CLG_OK || seconds >= BLOCK_SECONDS)
            return status;
        double wanted = ceil((double)*n * BLOCK_SECONDS / seconds);
        *n = wanted < 16.0 * (double)*n ? (size_t)wanted : 16 * *n;
    }
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* Of a sorted copy. NaN when memory is short. */
static double median_of(const double *values, size_t count, double *min)
{
    double *sorted = malloc(count * sizeof(*sorted)), median;

    if (!sorted)
        return NAN;
    for (size_t i = 0; i < count; i++)
        sorted[i] = values[i];
    qsort(sorted, count, sizeof(*sorted), ascending);
    median = count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
    if (min)
        *min = sorted[0];
    free(sorted);
    return median;
}

static clg_status time_synced(const struct clg_bench_work *work, double seconds, double *median)
{
    double samples[SYNCED_STEPS], end = clg_bench_now() + seconds;
    clg_status status = CLG_OK;
    size_t count = 0;

    while (status == CLG_OK && count < SYNCED_STEPS && (count < 3 || clg_bench_now() < end))
        status = block(work, 1, &samples[count++]);
    *median = 1e3 * median_of(samples, count, NULL);
    return status;
}

clg_status clg_bench_measure(const struct clg_bench_work *work, double seconds,
                             struct clg_bench_times *out)
{
    double least, end;
    size_t n, most = (size_t)(seconds / 0.02) + MIN_BLOCKS;
    clg_status status = calibrate(work, &n);

    *out = (struct clg_bench_times){.blocks = malloc(most * sizeof(double))};
    if (!out->blocks)
        return CLG_ERR_MEMORY;
    for (end = clg_bench_now() + seconds; status == CLG_OK && out->count < most &&
                                          (out->count < MIN_BLOCKS || clg_bench_now() < end);) {
        status = block(work, n, &out->blocks[out->count]);
        out->blocks[out->count++] *= 1e3 / (double)n;
    }
    if (status == CLG_OK)
        status = time_synced(work, seconds / 4, &out->synced);
    out->median = median_of(out->blocks, out->count, &least);
    out->min = least;
    return status;
}

void clg_bench_times_free(struct clg_bench_times *times)
{
    free(times->blocks);
    times->blocks = NULL;
}
