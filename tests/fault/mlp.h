/* The network of examples/fashion-mnist/mlp.yaml as the trainer builds it, over made-up data. */
#ifndef MLP_H
#define MLP_H

#include <clgrad/clgrad.h>

struct mlp {
    clg_ctx *ctx;
    clg_device *device;
    clg_optimizer *optimizer;
    clg_plan *plan; /* fed: steps need nothing */
};

void mlp_create(struct mlp *mlp, clg_form form, clg_gemm_choice gemm);
void mlp_destroy(struct mlp *mlp);

#endif
