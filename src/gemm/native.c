/* Our own matrix product: cl/gemm.cl in both kernel forms. */
#include "gemm/provider.h"

#include <stdio.h>

/* The flags of cl/gemm.cl. */
enum { TRANSPOSE_A = 1, TRANSPOSE_B = 2, HAS_BIAS = 4, WANT_SUMS = 8 };

/* The item form adds up ranges of K in a matrix like C. */
static size_t workspace(const struct clg_device *device, const struct clg_gemm *gemm)
{
    const struct clg_machine *machine = clg_device_machine(device);

    if (machine->form != CLG_FORM_ITEM || clg_gemm_in_one_range(machine, gemm))
        return 0;
    return (size_t)gemm->batch * (size_t)gemm->M * (size_t)gemm->N * sizeof(float);
}

static void add_operands(struct clg_launch *launch, const struct clg_gemm *gemm)
{
    clg_launch_int(launch, (gemm->transpose_a ? TRANSPOSE_A : 0) |
                               (gemm->transpose_b ? TRANSPOSE_B : 0) |
                               (gemm->bias.buffer ? HAS_BIAS : 0) |
                               (gemm->sums.buffer ? WANT_SUMS : 0));
    clg_launch_int(launch, gemm->activation);
    clg_launch_int(launch, gemm->stride_a);
    clg_launch_int(launch, gemm->stride_b);
    clg_launch_int(launch, gemm->stride_c);
    clg_launch_view(launch, &gemm->a);
    clg_launch_view(launch, &gemm->b);
    clg_launch_view(launch, &gemm->c);
    clg_launch_view(launch, gemm->activation == CLG_ACT_GATE ? &gemm->gate : &gemm->bias);
}

static struct clg_launch *start(struct clg_launches *launches, const struct clg_gemm *gemm,
                                const char *options, const char *label)
{
    struct clg_launch *launch = clg_launch_kernel(launches, "gemm", "gemm", options, label);

    clg_launch_int(launch, gemm->M);
    clg_launch_int(launch, gemm->N);
    clg_launch_int(launch, gemm->K);
    clg_launch_int(launch, gemm->batch);
    clg_launch_cost(launch, clg_gemm_flops(gemm), clg_gemm_bytes(gemm));
    return launch;
}

static void lower_items(struct clg_launches *launches, const struct clg_gemm *gemm,
                        const struct clg_view *total, const char *label)
{
    const struct clg_machine *machine = clg_device_machine(launches->device);
    struct clg_gemm_blocks b = clg_gemm_blocks(machine);
    struct clg_gemm_tiling t = clg_gemm_tiling(machine, gemm);
    int64_t items = t.tiles < CLG_GEMM_ITEMS_MAX ? t.tiles : CLG_GEMM_ITEMS_MAX;
    struct clg_launch *launch;
    char options[64];

    if (t.tiles == 0 && launches->status == CLG_OK) {
        launches->status = clg_fail(
            clg_device_object(launches->device)->ctx, CLG_ERR_UNSUPPORTED,
            "%s: a product over K = %lld needs longer loops than this device's driver runs (%u)",
            label, (long long)gemm->K, machine->loops);
        return;
    }
    snprintf(options, sizeof(options), "-DKC=%d -DMC=%d", (int)b.KC, (int)b.MC);
    launch = start(launches, gemm, options, label);
    clg_launch_int(launch, t.rows);
    clg_launch_int(launch, t.cols);
    clg_launch_int(launch, t.depth);
    add_operands(launch, gemm);
    clg_launch_view(launch, &gemm->sums);
    clg_launch_view(launch, total);
    clg_launch_range(launch, (size_t[]){(size_t)items, 1, 1},
                     (size_t[]){1, 1, 1});
}

/* Of LOCAL = TX * TY work-items, as in cl/gemm_group.clh. */
static size_t rows_of_items(uint32_t local)
{
    size_t ty = 1;

    while (4 * ty * ty <= local && ty < 32)
        ty *= 2;
    return ty;
}

static void lower_groups(struct clg_launches *launches, const struct clg_gemm *gemm,
                         const char *label)
{
    const size_t most = 65535;
    size_t local = clg_device_machine(launches->device)->local;
    size_t ty = rows_of_items((uint32_t)local), tm = 4 * ty, tn = 4 * (local / ty);
    struct clg_launch *launch = start(launches, gemm, NULL, label);

    add_operands(launch, gemm);
    clg_launch_range(launch,
                     (size_t[]){((size_t)gemm->N + tn - 1) / tn * local,
                                ((size_t)gemm->M + tm - 1) / tm,
                                (size_t)gemm->batch < most ? (size_t)gemm->batch : most},
                     (size_t[]){local, 1, 1});
}

static void lower(struct clg_launches *launches, const struct clg_gemm *gemm,
                  const struct clg_view *workspace_view, const char *label)
{
    if (clg_device_machine(launches->device)->form == CLG_FORM_ITEM)
        lower_items(launches, gemm, workspace_view, label);
    else
        lower_groups(launches, gemm, label);
}

const struct clg_gemm_provider clg_gemm_native = {"native", workspace, lower};
