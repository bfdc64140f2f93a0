/* Matrix products behind one interface: who computes them is decided here. */
#ifndef CLG_GEMM_GEMM_H
#define CLG_GEMM_GEMM_H

#include "device/device.h"

enum clg_activation {
    CLG_ACT_NONE,
    CLG_ACT_RELU,
    CLG_ACT_SIGMOID,
    CLG_ACT_TANH,
    CLG_ACT_GATE /* 0 where gate <= 0: the gradient of relu */
};

/* C = act(op(A) op(B) + bias), row-major: op(A) (M, K), op(B) (K, N), C (M, N); A is stored (K, M)
 * with transpose_a and B (N, K) with transpose_b; all dense. batch products lie stride_x elements
 * apart; a stride of 0 repeats the operand (not C). C never overlaps A or B. */
struct clg_gemm {
    int64_t M, N, K, batch;
    bool transpose_a, transpose_b;
    int64_t stride_a, stride_b, stride_c;
    struct clg_view a, b, c;
    struct clg_view bias; /* (N); buffer NULL: none; not with a gate */
    struct clg_view gate; /* like C, with CLG_ACT_GATE */
    struct clg_view sums; /* (M), gets the sums of op(A)'s rows; buffer NULL: not wanted. Where
                           * clg_gemm_sums_rows says so, with transpose_a and batch 1. */
    enum clg_activation activation;
};

/* "native" or "clblast": a pure function of the device's machine and the shape. */
const char *clg_gemm_provider(const struct clg_device *device, const struct clg_gemm *gemm);
/* Whether this build has CLBlast. */
bool clg_gemm_has_clblast(void);
/* Whether the product can add up op(A)'s rows on its way. */
bool clg_gemm_sums_rows(const struct clg_device *device, const struct clg_gemm *gemm);
/* Bytes of scratch memory the product needs, 0 for none. Views need not be placed yet. */
size_t clg_gemm_workspace(const struct clg_device *device, const struct clg_gemm *gemm);
/* Appends its launches. workspace.buffer NULL when none is needed. Failures stick in launches. */
void clg_gemm_lower(struct clg_launches *launches, const struct clg_gemm *gemm,
                    const struct clg_view *workspace, const char *label);

#endif
