/* A safetensors file with a workload's weights (p.NAME) and data (d.NAME). */
#ifndef CLG_BENCH_TENSORS_H
#define CLG_BENCH_TENSORS_H

#include "store/safetensors.h"

struct clg_tensors {
    char *data;
    struct clg_safetensors file;
};
clg_status clg_tensors_open(struct clg_tensors *t, clg_ctx *ctx, const char *path);
void clg_tensors_close(struct clg_tensors *t);
/* The bytes of a tensor of this size, or NULL after clg_fail. */
const void *clg_tensors_find(const struct clg_tensors *t, const char *name, size_t bytes);

#endif
