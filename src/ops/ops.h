/* The list of ops: src/ops/ops.def as an enum and a table. */
#ifndef CLG_OPS_OPS_H
#define CLG_OPS_OPS_H

#include <clgrad/ops.h>
#include "graph/op.h"

enum clg_op_id {
#define OP(name, ...) CLG_OP_##name,
#include "ops/ops.def"
#undef OP
    CLG_OP_COUNT
};

extern const struct clg_op clg_ops[CLG_OP_COUNT];
#define CLG_OP(name) (&clg_ops[CLG_OP_##name])

/* Attributes of the ops that passes look into. */
struct clg_input_attr {
    uint32_t index; /* order in which the graph's inputs were made; the node's name is the input's */
};
struct clg_entry_attr {
    int64_t entry; /* of the store */
};
struct clg_constant_attr {
    void *data; /* owned by the graph (freed with it) */
    uint64_t bytes;
};
struct clg_fill_attr {
    float value;
};
/* in: a, b[, bias or gate]; bias (N), gate (like the product) and activation are set by the epilogue
 * pass of the plan alone. */
struct clg_matmul_attr {
    uint32_t transpose_a, transpose_b;
    uint32_t bias;       /* in[2] is one */
    uint32_t activation; /* enum clg_activation; with CLG_ACT_GATE in[2] is the gate */
};
struct clg_permute_attr {
    int32_t order[CLG_MAX_RANK]; /* 0 past the rank */
};
struct clg_reshape_attr {
    clg_shape shape; /* clean: see clg_clean_shape; no -1 */
};
/* An elementwise op: p0 (set at lowering) is 1, or 1 / repeats for a mean. */
struct clg_expand_attr {
    struct clg_ew_attr ew;
    clg_shape shape;
    uint32_t mean, unused;
};
struct clg_reduce_attr {
    uint32_t axes; /* bit i: dimension i is summed */
    uint32_t keep; /* reduced dimensions stay as 1 */
    uint32_t mean;
};
struct clg_scatter_attr {
    int64_t rows; /* of the result */
};
struct clg_loss_attr {
    uint32_t reduction; /* enum clg_reduction */
};
/* Convolution and its gradients; pairs are of height and width. */
struct clg_conv_attr {
    int32_t stride[2], padding[2], dilation[2];
    int32_t size[2]; /* of the result where inputs do not tell: an image, a kernel; else 0 */
    int32_t groups, unused;
};
/* Pooling and its gradients; the flags are those of cl/pool.cl. */
enum { CLG_POOL_COUNT_PADDING = 1, CLG_POOL_ADAPTIVE = 2 };
struct clg_pool_attr {
    int32_t kernel[2], stride[2], padding[2], dilation[2];
    int32_t size[2]; /* of the result where the windows do not tell; else 0 */
    uint32_t flags, unused;
};
/* slice: element i is x[begin + i step]; embed: x[i] is element begin + i step, the others value.
 * shape: the result's, clean. */
struct clg_slice_attr {
    clg_shape shape;
    int32_t begin[CLG_MAX_RANK], step[CLG_MAX_RANK];
    float value;
    uint32_t unused;
};
struct clg_axis_attr {
    int32_t axis;
    uint32_t reverse;
};
struct clg_count_attr {
    int64_t count; /* columns of the result */
};
struct clg_mask_attr {
    uint32_t causal; /* row t of T sees columns 0 to t */
    uint32_t unused;
};
/* Recurrent ops and their gradients: see ops/recurrent.h. */
struct clg_recurrent_attr {
    uint32_t cell; /* enum clg_cell */
    uint32_t reverse, relu;
    uint32_t given; /* enum clg_recurrent_given: inputs that may be left out */
};
/* Planes (H, W) of the result. */
struct clg_resize_attr {
    int32_t size[2];
    uint32_t nearest, unused;
};
struct clg_none_attr {
    uint32_t unused;
};

#endif
