/* The benchmark: what src/cli/bench.c and the files of bench/ share. */
#ifndef CLG_CLI_BENCH_H
#define CLG_CLI_BENCH_H

#include <jansson.h>

#include "cli/cli.h"

struct clg_bench {
    struct clg_cli *cli;
    clg_device *device;
    double seconds;   /* that the timed blocks of a figure take together */
    const char *init; /* bench train: a safetensors file with weights and data; NULL: random */
    const char **workloads; /* bench train: names, NULL at the end */
    double roof;            /* GFLOPS; 0: not measured yet */
};

/* The flag that sets seconds. */
#define CLG_BENCH_SECONDS(bench)                                                                   \
    {                                                                                              \
        "--seconds", "S", "time for each figure (default 2)", .real = &(bench)->seconds            \
    }

/* One thing to time: step enqueues it, wait waits for all. */
struct clg_bench_work {
    clg_status (*step)(void *data);
    clg_status (*wait)(void *data);
    void *data;
};

/* A block is as many steps as take 50 ms, ended by one wait. Milliseconds of a step. */
struct clg_bench_times {
    double *blocks; /* free() */
    size_t count;
    double min, median;
    double synced; /* median of single steps with a wait after each */
};
clg_status clg_bench_measure(const struct clg_bench_work *work, double seconds,
                             struct clg_bench_times *out);
void clg_bench_times_free(struct clg_bench_times *times);

/* Seconds by the monotonic clock. */
double clg_bench_now(void);

/* Prints an object as a JSON line, and releases it. */
void clg_bench_print(const char *kind, json_t *object);

/* Most GFLOPS of multiply-adds, by the better of two kernels; measured once. */
clg_status clg_bench_roof_measure(struct clg_bench *bench);

/* Subcommands; exit statuses. */
int clg_bench_roof(struct clg_bench *bench);
int clg_bench_gemm(struct clg_bench *bench);
int clg_bench_train(struct clg_bench *bench);
/* A part of it: whether the workloads exist. */
int clg_bench_check_workloads(const struct clg_bench *bench);
int clg_bench_compare(struct clg_cli *cli, const char *a, const char *b);

#endif
