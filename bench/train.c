/* clgrad bench train: whole training steps, through the public API. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "cli/bench.h"
#include "cli/terminal.h"
#include "tensors.h"
#include "workloads.h"

#define WARM_STEPS 5

/* A workload being measured. */
struct training {
    const struct clg_workload *workload;
    clg_device *device;
    clg_store *store;
    clg_plan *plan;
    double first_step; /* seconds: compile, first step, wait */
    float loss;        /* that the fifth step computes */
};

/* ---- data: x normal-like, y classes or a linear function of x ---- */

static uint32_t next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Four uniform numbers add up to something near enough to a normal one of variance 1. */
static float normal(uint32_t *state)
{
    float sum = 0;

    for (int i = 0; i < 4; i++)
        sum += (float)next(state) / (float)(1 << 24) - 0.5f;
    return sum * 1.7320508f;
}

static clg_status write_random(struct training *t)
{
    const struct clg_workload *w = t->workload;
    size_t nx = (size_t)(w->batch * w->in), ny = (size_t)w->batch;
    float *x = calloc(nx, sizeof(*x));
    union {
        float number;
        int32_t class;
    } *y = calloc(ny, sizeof(*y));
    uint32_t state = 1;
    clg_status status = CLG_ERR_MEMORY;

    for (size_t i = 0; x && i < nx; i++)
        x[i] = normal(&state);
    for (size_t i = 0; x && y && i < ny; i++)
        if (clg_workload_classifies(w))
            y[i].class = (int32_t)(next(&state) % 10);
        else
            for (size_t k = 0; k < (size_t)w->in; k++)
                y[i].number += 0.01f * x[i * (size_t)w->in + k];
    if (x && y)
        status = clg_plan_write(t->plan, "x", x, nx * sizeof(*x));
    if (status == CLG_OK)
        status = clg_plan_write(t->plan, "y", y, ny * sizeof(*y));
    free(x);
    free(y);
    return status;
}

/* ---- weights and data from a file ---- */

static clg_status set_parameter(struct training *t, const struct clg_tensors *file, size_t layer,
                                const char *ours, const char *theirs, int64_t count)
{
    size_t bytes = (size_t)count * sizeof(float);
    char name[32], tensor[32];
    const void *data;

    snprintf(name, sizeof(name), "l%zu.%s", layer, ours);
    snprintf(tensor, sizeof(tensor), "p.l%zu.%s", layer, theirs);
    data = clg_tensors_find(file, tensor, bytes);
    return data ? clg_store_set(t->store, name, data, bytes) : CLG_ERR_FORMAT;
}

static clg_status write_input(struct training *t, const struct clg_tensors *file, const char *input,
                              int64_t count)
{
    size_t bytes = (size_t)count * 4;
    char tensor[8];
    const void *data;

    snprintf(tensor, sizeof(tensor), "d.%s", input);
    data = clg_tensors_find(file, tensor, bytes);
    return data ? clg_plan_write(t->plan, input, data, bytes) : CLG_ERR_FORMAT;
}

static clg_status write_from_file(struct training *t, clg_ctx *ctx, const char *path)
{
    const struct clg_workload *w = t->workload;
    struct clg_tensors file;
    clg_status status = clg_tensors_open(&file, ctx, path);
    int64_t in = w->in;

    if (status != CLG_OK)
        return status;
    for (size_t i = 0; i < clg_workload_depth(w) && status == CLG_OK; in = w->out[i++]) {
        status = set_parameter(t, &file, i, "weight", "w", w->out[i] * in);
        if (status == CLG_OK)
            status = set_parameter(t, &file, i, "bias", "b", w->out[i]);
    }
    if (status == CLG_OK)
        status = write_input(t, &file, "x", w->batch * w->in);
    if (status == CLG_OK)
        status = write_input(t, &file, "y", w->batch);
    clg_tensors_close(&file);
    return status;
}

/* ---- measuring ---- */

static clg_status step(void *data)
{
    return clg_plan_step(((struct training *)data)->plan);
}

static clg_status wait_for(void *data)
{
    return clg_device_finish(((struct training *)data)->device);
}

/* From the graph to the end of the first step is the cold start; then the steps that warm up. */
static clg_status begin(struct training *t, const struct clg_bench *bench)
{
    clg_status status;
    double start, written;
    clg_graph *graph;

    t->store = clg_store_create(bench->device, 1);
    graph = clg_workload_build(t->workload, t->store);
    start = clg_bench_now();
    t->plan = clg_compile(graph, t->workload->batch, CLG_TRAIN, NULL);
    if (!t->plan)
        return clg_error_status(bench->cli->ctx);
    written = clg_bench_now();
    status = bench->init ? write_from_file(t, bench->cli->ctx, bench->init) : write_random(t);
    start += clg_bench_now() - written; /* the data are not part of it */
    for (int i = 0; i < WARM_STEPS && status == CLG_OK; i++) {
        status = clg_plan_step(t->plan);
        if (i == 0 && status == CLG_OK)
            status = clg_device_finish(bench->device);
        if (i == 0)
            t->first_step = clg_bench_now() - start;
    }
    return status == CLG_OK ? clg_plan_read(t->plan, "loss", &t->loss, sizeof(t->loss)) : status;
}

/* Where the columns of the table end. */
static const int ends[] = {12, 22, 32, 42, 51, 61, 70, 78, 87, 97, 108, 0};

static json_t *samples(const struct clg_bench_times *times)
{
    json_t *list = json_array();

    for (size_t i = 0; i < times->count; i++)
        json_array_append_new(list, json_real(times->blocks[i]));
    return list;
}

/* A number, or null where JSON has none for it. */
static json_t *number(double value)
{
    json_t *real = json_real(value);

    return real ? real : json_null();
}

static void report(const struct clg_bench *bench, const struct training *t,
                   const struct clg_bench_times *times)
{
    const struct clg_workload *w = t->workload;
    clg_plan_report plan = {0};
    struct rusage usage = {0};
    double gflop, share;

    clg_plan_get_report(t->plan, &plan);
    getrusage(RUSAGE_SELF, &usage);
    gflop = 1e-9 * (double)plan.flops;
    share = gflop / (1e-3 * times->min) / bench->roof;
    if (bench->cli->json)
        clg_bench_print(
            "train",
            json_pack("{s:s, s:I, s:f, s:f, s:f, s:f, s:I, s:I, s:I, s:f, s:f, s:o, s:f, s:s, s:o}",
                      "workload", w->name, "batch", (json_int_t)w->batch, "ms_per_step_median",
                      times->median, "ms_per_step_min", times->min, "ms_per_step_synced",
                      times->synced, "first_step_s", t->first_step, "launches",
                      (json_int_t)plan.launches, "arena_bytes", (json_int_t)plan.arena_bytes,
                      "peak_rss_mb", (json_int_t)(usage.ru_maxrss / 1024), "gflop_per_step", gflop,
                      "share_of_roof", share, "loss_step5", number(t->loss), "roof_gflops",
                      bench->roof, "device", clg_device_get_info(bench->device)->name, "samples_ms",
                      samples(times)));
    else
        clg_say_cut(stdout, ends,
                    "%-12s %9.4f %9.4f %9.4f %8.2f %9u %8.1f %7ld %8.4f %7.1f %% %10.5f", w->name,
                    times->min, times->median, times->synced, t->first_step, plan.launches,
                    1e-6 * (double)plan.arena_bytes, usage.ru_maxrss / 1024, gflop, 1e2 * share,
                    (double)t->loss);
    fflush(stdout);
}

static clg_status run(struct clg_bench *bench, const struct clg_workload *workload)
{
    struct training training = {.workload = workload, .device = bench->device};
    struct clg_bench_work work = {step, wait_for, &training};
    struct clg_bench_times times = {0};
    clg_status status = begin(&training, bench);

    if (status == CLG_OK && bench->roof <= 0) /* after the first step: its figure stays cold */
        status = clg_bench_roof_measure(bench);
    if (status == CLG_OK)
        status = clg_bench_measure(&work, bench->seconds, &times);
    if (status == CLG_OK)
        report(bench, &training, &times);
    clg_bench_times_free(&times);
    clg_store_destroy(&training.store);
    return status;
}

int clg_bench_check_workloads(const struct clg_bench *bench)
{
    for (const char **name = bench->workloads; *name; name++) {
        struct clg_cli_nearest nearest = clg_cli_nearest_to(*name, strlen(*name));

        for (size_t i = 0; i < clg_workload_count; i++)
            clg_cli_nearest_try(&nearest, clg_workloads[i].name);
        if (!clg_workload_find(*name))
            return clg_cli_fail_unknown(&nearest, "help bench",
                                        "bench train: there is no workload '%s'", *name);
    }
    return CLG_EXIT_OK;
}

int clg_bench_train(struct clg_bench *bench)
{
    if (!bench->cli->json)
        clg_say_cut(stdout, ends, "%-12s %9s %9s %9s %8s %9s %8s %7s %8s %9s %10s", "workload",
                    "ms best", "median", "synced", "first s", "launches", "arena MB", "RSS MB",
                    "GFLOP", "of roof", "loss 5");
    for (const char **name = bench->workloads; *name; name++)
        if (run(bench, clg_workload_find(*name)) != CLG_OK)
            return clg_cli_fail_ctx(bench->cli);
    return CLG_EXIT_OK;
}
