/* clgrad bench gemm: matrix products of the sizes that training meets, by the device's provider. */
#include "cli/bench.h"
#include "cli/terminal.h"
#include "gemm/gemm.h"

#include <stdio.h>

/* Small ones, those of a 784-256-10 network at batch 256, and large ones. */
static const int64_t shapes[][3] = {
    {256, 256, 784},    {256, 784, 256},    {784, 256, 256},    {256, 10, 256},    {256, 256, 10},
    {10, 256, 256},     {256, 10, 784},     {1, 256, 784},      {256, 2048, 2048}, {512, 512, 512},
    {1024, 1024, 1024}, {1025, 1025, 1025}, {2048, 2048, 2048},
};
static const char *const cases[] = {"NN", "NT", "TN"};

struct product {
    struct clg_gemm gemm;
    struct clg_launches launches;
    struct clg_view workspace;
};

static struct clg_view matrix(clg_device *device, int64_t count)
{
    struct clg_view view = {.buffer = clg_buffer_create(device, (size_t)count * sizeof(float)),
                            .dtype = CLG_F32};

    if (view.buffer) /* 0.1 */
        clg_buffer_fill(view.buffer, 0, (size_t)count * sizeof(float), 0x3dcccccd);
    return view;
}

static clg_status prepare(struct product *p, clg_device *device)
{
    struct clg_gemm *g = &p->gemm;
    size_t work = clg_gemm_workspace(device, g);

    clg_launches_init(&p->launches, device);
    g->a = matrix(device, g->M * g->K);
    g->b = matrix(device, g->K * g->N);
    g->c = matrix(device, g->M * g->N);
    if (work)
        p->workspace.buffer = clg_buffer_create(device, work);
    if (!g->a.buffer || !g->b.buffer || !g->c.buffer || (work && !p->workspace.buffer))
        return CLG_ERR_MEMORY;
    clg_gemm_lower(&p->launches, g, &p->workspace, "gemm");
    return clg_launches_build(&p->launches);
}

static void finish(struct product *p)
{
    clg_launches_finish(&p->launches);
    clg_buffer_destroy(p->gemm.a.buffer);
    clg_buffer_destroy(p->gemm.b.buffer);
    clg_buffer_destroy(p->gemm.c.buffer);
    clg_buffer_destroy(p->workspace.buffer);
}

static clg_status step(void *data)
{
    struct clg_launches *launches = &((struct product *)data)->launches;

    return clg_launches_run(launches, 0, launches->list.count);
}

static clg_status wait_for(void *data)
{
    return clg_device_finish(((struct product *)data)->launches.device);
}

/* Where the columns of the table end. */
static const int ends[] = {16, 21, 30, 40, 50, 60, 71, 0};

static void report(const struct clg_bench *bench, const struct product *p, const char *transposes,
                   const struct clg_bench_times *times)
{
    const struct clg_gemm *g = &p->gemm;
    double flops = 2e-6 * (double)g->M * (double)g->N * (double)g->K;
    const char *provider = clg_gemm_provider(bench->device, g);
    char shape[64];

    snprintf(shape, sizeof(shape), "%dx%dx%d", (int)g->M, (int)g->N, (int)g->K);
    if (bench->cli->json)
        clg_bench_print("gemm",
                        json_pack("{s:s, s:s, s:s, s:f, s:f, s:f, s:f, s:f}", "shape", shape,
                                  "case", transposes, "provider", provider, "us_min",
                                  1e3 * times->min, "us_synced", 1e3 * times->synced, "gflops_best",
                                  flops / times->min, "gflops_median", flops / times->median,
                                  "share_of_roof", flops / times->min / bench->roof));
    else
        clg_say_cut(stdout, ends, "%-16s %-4s %-8s %9.1f %9.1f %9.1f %8.1f %%", shape, transposes,
                    provider, flops / times->min, flops / times->median, 1e3 * times->min,
                    1e2 * flops / times->min / bench->roof);
    fflush(stdout);
}

static clg_status run_shape(struct clg_bench *bench, const int64_t shape[3], const char *transposes)
{
    struct product p = {.gemm = {.M = shape[0],
                                 .N = shape[1],
                                 .K = shape[2],
                                 .batch = 1,
                                 .transpose_a = transposes[0] == 'T',
                                 .transpose_b = transposes[1] == 'T'}};
    struct clg_bench_work work = {step, wait_for, &p};
    struct clg_bench_times times = {0};
    clg_status status = prepare(&p, bench->device);

    if (status == CLG_OK)
        status = clg_bench_measure(&work, bench->seconds, &times);
    if (status == CLG_OK)
        report(bench, &p, transposes, &times);
    clg_bench_times_free(&times);
    finish(&p);
    return status;
}

int clg_bench_gemm(struct clg_bench *bench)
{
    if (clg_bench_roof_measure(bench) != CLG_OK)
        return clg_cli_fail_ctx(bench->cli);
    if (!bench->cli->json) {
        clg_say_wrapped(stdout, "%s, roof %.1f GFLOPS", clg_device_get_info(bench->device)->name,
                        bench->roof);
        clg_say_cut(stdout, ends, "%-16s %-4s %-8s %9s %9s %9s %10s", "MxNxK", "case", "by", "best",
                    "median", "us", "of roof");
    }
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++)
            if (run_shape(bench, shapes[i], cases[k]) != CLG_OK)
                return clg_cli_fail_ctx(bench->cli);
    return CLG_EXIT_OK;
}
