/* Who computes a matrix product. */
#include "gemm/provider.h"

#include <stdint.h>

/* CLBlast adds up a sum in one run: not one so long that its error would be seen. */
enum { CLBLAST_LONGEST = 16384 };

static const struct clg_gemm_provider *choose(const struct clg_device *device,
                                              const struct clg_gemm *gemm)
{
    bool clblast = clg_gemm_has_clblast() && clg_device_machine(device)->gemm == CLG_GEMM_CLBLAST &&
                   gemm->K <= CLBLAST_LONGEST;

    return clblast ? &clg_gemm_clblast : &clg_gemm_native;
}

bool clg_gemm_has_clblast(void)
{
    return clg_gemm_clblast.name != NULL;
}

const char *clg_gemm_provider(const struct clg_device *device, const struct clg_gemm *gemm)
{
    return choose(device, gemm)->name;
}

bool clg_gemm_sums_rows(const struct clg_device *device, const struct clg_gemm *gemm)
{
    const struct clg_machine *machine = clg_device_machine(device);

    return choose(device, gemm) == &clg_gemm_native && machine->form == CLG_FORM_ITEM &&
           clg_gemm_in_one_range(machine, gemm);
}

size_t clg_gemm_workspace(const struct clg_device *device, const struct clg_gemm *gemm)
{
    return choose(device, gemm)->workspace(device, gemm);
}

void clg_gemm_lower(struct clg_launches *launches, const struct clg_gemm *gemm,
                    const struct clg_view *workspace, const char *label)
{
    if (launches->status == CLG_OK)
        choose(launches->device, gemm)->lower(launches, gemm, workspace, label);
}

uint64_t clg_gemm_flops(const struct clg_gemm *gemm)
{
    return 2 * (uint64_t)gemm->batch * (uint64_t)gemm->M * (uint64_t)gemm->N * (uint64_t)gemm->K;
}

uint64_t clg_gemm_bytes(const struct clg_gemm *gemm)
{
    uint64_t M = (uint64_t)gemm->M, N = (uint64_t)gemm->N, K = (uint64_t)gemm->K;
    uint64_t batch = (uint64_t)gemm->batch;
    uint64_t a = gemm->stride_a ? batch : 1, b = gemm->stride_b ? batch : 1;

    return sizeof(float) * (a * M * K + b * K * N + batch * M * N);
}
