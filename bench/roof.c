/* clgrad bench roof: the most arithmetic and memory traffic that a device shows. */
#include "cli/bench.h"
#include "cli/terminal.h"
#include "device/device.h"

#include <math.h>
#include <stdio.h>

#define CHAINS      48 /* multiply-adds of a lane in one round of cl/roof.cl */
#define LEAST_MS    5.0
#define ITEM_GROUPS 16 /* work-items (or groups) per compute unit */

static clg_status run_all(void *data)
{
    struct clg_launches *launches = data;

    return clg_launches_run(launches, 0, launches->list.count);
}

static clg_status wait_for(void *data)
{
    return clg_device_finish(((struct clg_launches *)data)->device);
}

static clg_status measure(struct clg_launches *launches, double seconds,
                          struct clg_bench_times *times)
{
    struct clg_bench_work work = {run_all, wait_for, launches};

    CLG_TRY(clg_launches_build(launches));
    return clg_bench_measure(&work, seconds, times);
}

/* ---- arithmetic ---- */

/* A kernel of multiply-adds: vectors by single work-items, or scalars by groups. */
struct fma {
    const char *kernel;
    size_t items, local, lanes;
};

static void lower_fma(struct clg_launches *launches, const struct fma *f, int rounds,
                      struct clg_buffer *out)
{
    struct clg_launch *launch = clg_launch_kernel(launches, "roof", f->kernel, NULL, "roof");
    struct clg_view view = {.buffer = out};

    clg_launch_int(launch, rounds);
    clg_launch_float(launch, 0.999999f);
    clg_launch_float(launch, 1e-6f);
    clg_launch_view(launch, &view);
    clg_launch_range(launch, (size_t[]){f->items, 1, 1}, (size_t[]){f->local, 1, 1});
}

/* Milliseconds of a launch; the first one, which may compile, does not count. */
static clg_status launch_ms(struct clg_launches *launches, double *ms)
{
    double start = 0;

    CLG_TRY(clg_launches_build(launches));
    for (int i = 0; i < 2; i++) {
        start = clg_bench_now();
        CLG_TRY(run_all(launches));
        CLG_TRY(clg_device_finish(launches->device));
    }
    *ms = 1e3 * (clg_bench_now() - start);
    return CLG_OK;
}

/* Rounds that make a launch take LEAST_MS, or more than that. */
static clg_status find_rounds(clg_device *device, const struct fma *f, struct clg_buffer *out,
                              int *rounds)
{
    clg_status status = CLG_OK;
    double ms = 0;

    for (*rounds = 64; status == CLG_OK && ms < LEAST_MS && *rounds < 1 << 24;) {
        struct clg_launches launches;

        *rounds *= 4;
        clg_launches_init(&launches, device);
        lower_fma(&launches, f, *rounds, out);
        status = launch_ms(&launches, &ms);
        clg_launches_finish(&launches);
    }
    return status;
}

static clg_status fma_gflops(clg_device *device, const struct fma *f, double seconds, double *best)
{
    struct clg_buffer *out = clg_buffer_create(device, f->items * f->lanes * sizeof(float));
    struct clg_launches launches;
    struct clg_bench_times times = {0};
    clg_status status = CLG_ERR_MEMORY;
    int rounds;

    if (!out)
        return status;
    clg_launches_init(&launches, device);
    status = find_rounds(device, f, out, &rounds);
    if (status == CLG_OK) {
        lower_fma(&launches, f, rounds, out);
        status = measure(&launches, seconds, &times);
    }
    if (status == CLG_OK)
        *best = 2e-6 * CHAINS * (double)rounds * (double)(f->items * f->lanes) / times.min;
    clg_bench_times_free(&times);
    clg_launches_finish(&launches);
    clg_buffer_destroy(out);
    return status;
}

clg_status clg_bench_roof_measure(struct clg_bench *bench)
{
    const struct clg_machine *m = clg_device_machine(bench->device);
    const struct fma kernels[] = {
        {"fma_vectors", (size_t)m->units * ITEM_GROUPS, 1, m->vector},
        {"fma_scalars", (size_t)m->units * ITEM_GROUPS * m->local, m->local, 1},
    };
    /* A CPU's form is better served by vectors, a GPU's by scalars; both are tried. */
    for (int i = 0; i < 2; i++) {
        double gflops = 0;

        CLG_TRY(fma_gflops(bench->device, &kernels[i], 0.5, &gflops));
        bench->roof = fmax(bench->roof, gflops);
    }
    return CLG_OK;
}

/* ---- memory ---- */

/* A kernel that moves `bytes` as vectors of `width` floats. */
struct mover {
    const char *kernel;
    size_t items, local, width;
};

static clg_status move_ms(clg_device *device, const struct mover *m, struct clg_buffer *const b[2],
                          double seconds, double *least)
{
    struct clg_view to = {.buffer = b[0]}, from = {.buffer = b[1]};
    struct clg_bench_times times = {0};
    struct clg_launches launches;
    struct clg_launch *launch;
    clg_status status;

    clg_launches_init(&launches, device);
    launch = clg_launch_kernel(&launches, "roof", m->kernel, NULL, m->kernel);
    clg_launch_uint(launch, (uint32_t)(clg_buffer_size(b[0]) / sizeof(float) / m->width));
    clg_launch_view(launch, &to);
    clg_launch_view(launch, &from);
    clg_launch_range(launch, (size_t[]){m->items, 1, 1}, (size_t[]){m->local, 1, 1});
    status = measure(&launches, seconds, &times);
    if (status == CLG_OK)
        *least = times.min;
    clg_bench_times_free(&times);
    clg_launches_finish(&launches);
    return status;
}

/* GB/s of a kernel and of its counterpart for the other kind of device, whichever is more. */
static clg_status memory_gbs(struct clg_bench *bench, const char *vectors, const char *scalars,
                             size_t bytes, struct clg_buffer *const b[2], double *best)
{
    const struct clg_machine *m = clg_device_machine(bench->device);
    const struct mover movers[] = {
        {vectors, (size_t)m->units * 4, 1, 16},
        {scalars, (size_t)m->units * ITEM_GROUPS * m->local, m->local, 4},
    };

    *best = 0;
    for (int i = 0; i < 2; i++) {
        double ms = 0;

        CLG_TRY(move_ms(bench->device, &movers[i], b, bench->seconds / 2, &ms));
        *best = fmax(*best, 1e-6 * (double)bytes / ms);
    }
    return CLG_OK;
}

static clg_status memory(struct clg_bench *bench, size_t bytes, double *copy, double *read)
{
    struct clg_buffer *b[2] = {clg_buffer_create(bench->device, bytes),
                               clg_buffer_create(bench->device, bytes)};
    clg_status status = CLG_ERR_MEMORY;

    if (b[0] && b[1])
        status = clg_buffer_fill(b[1], 0, bytes, 0x3f800000);
    if (status == CLG_OK)
        status = memory_gbs(bench, "copy_vectors", "copy_scalars", 2 * bytes, b, copy);
    if (status == CLG_OK)
        status = memory_gbs(bench, "read_vectors", "read_scalars", bytes, b, read);
    clg_buffer_destroy(b[0]);
    clg_buffer_destroy(b[1]);
    return status;
}

int clg_bench_roof(struct clg_bench *bench)
{
    const struct clg_machine *m = clg_device_machine(bench->device);
    uint64_t bytes = 256 << 20;
    double copy, read;

    while (bytes > m->max_alloc / 2 || bytes > m->memory / 8)
        bytes /= 2;
    if (clg_bench_roof_measure(bench) != CLG_OK ||
        memory(bench, (size_t)bytes, &copy, &read) != CLG_OK)
        return clg_cli_fail_ctx(bench->cli);
    if (bench->cli->json)
        clg_bench_print("roof",
                        json_pack("{s:s, s:f, s:f, s:f, s:I}", "device",
                                  clg_device_get_info(bench->device)->name, "gflops", bench->roof,
                                  "copy_gbs", copy, "read_gbs", read, "bytes", (json_int_t)bytes));
    else
        clg_say_wrapped(stdout, "%s: %.1f GFLOPS, copy %.1f GB/s, read %.1f GB/s (%llu MiB arrays)",
                        clg_device_get_info(bench->device)->name, bench->roof, copy, read,
                        (unsigned long long)(bytes >> 20));
    return CLG_EXIT_OK;
}
