/* Softmax and its logarithm over the last dimension. */
#include "base/text.h"
#include "ops/families.h"

/* All inputs and the result have one shape, of at least one dimension. */
void clg_shape_rows(struct clg_infer *infer)
{
    char a[CLG_SHAPE_TEXT], b[CLG_SHAPE_TEXT];
    const clg_shape *shape = &infer->in[0].shape;
    if (shape->rank < 1)
        clg_infer_fail(infer, "the input is a scalar, must have at least 1 dimension");
    for (uint32_t i = 0; i < infer->n_in && !infer->failed; i++)
        if (infer->in[i].dtype != CLG_F32)
            clg_infer_fail(infer, "input %u must be float32", i);
        else if (!clg_same_shape(shape, &infer->in[i].shape))
            clg_infer_fail(infer, "shapes %s and %s must be equal", clg_shape_text(shape, a),
                           clg_shape_text(&infer->in[i].shape, b));
    infer->out[0].shape = *shape;
}

/* A kernel of cl/softmax.cl: its inputs, its output, rows, columns. */
static void launch_rows(struct clg_lower *lower, const char *kernel, uint64_t flops_each)
{
    const clg_shape *shape = &lower->in[0].shape;
    uint64_t count = (uint64_t)clg_shape_count(shape);
    struct clg_launch *launch =
        clg_launch_over_rows(lower, "softmax", kernel, clg_rows_of(shape), clg_cols_of(shape));
    for (uint32_t i = 0; i < lower->n_in; i++)
        clg_launch_view(launch, &lower->in[i]);
    clg_launch_view(launch, &lower->out[0]);
    clg_launch_int(launch, clg_rows_of(shape));
    clg_launch_int(launch, clg_cols_of(shape));
    clg_launch_cost(launch, flops_each * count, 4 * count * (lower->n_in + 1));
}

/* The sum over the last dimension, which stays as 1. */
static clg_tensor row_sum(clg_tensor x)
{
    return clg_sum(x, (const int32_t[]){-1}, 1, true);
}

clg_tensor clg_softmax(clg_tensor x)
{
    return clg_plain(CLG_OP(softmax), x, x);
}

void clg_grad_softmax(struct clg_gradient *g)
{
    g->dx[0] = clg_plain(CLG_OP(softmax_grad), g->out[0], g->dy[0]);
}

void clg_lower_softmax(struct clg_lower *lower)
{
    launch_rows(lower, "softmax", 4);
}

/* ---- behind a mask ---- */

clg_tensor clg_masked_softmax(clg_tensor x, clg_tensor lengths, bool causal)
{
    struct clg_mask_attr attr = {.causal = causal};
    return clg_node_add(x.graph, CLG_OP(masked_softmax), (clg_tensor[]){x, lengths},
                        lengths.graph ? 2 : 1, &attr, NULL);
}

void clg_shape_masked_softmax(struct clg_infer *infer)
{
    char a[CLG_SHAPE_TEXT], b[CLG_SHAPE_TEXT];
    const clg_shape *x = &infer->in[0].shape, *lengths = &infer->in[1].shape;
    if (infer->in[0].dtype != CLG_F32 || x->rank < 2)
        clg_infer_fail(infer, "the input has shape %s, must be float32 (..., T, S)",
                       clg_shape_text(x, a));
    else if (infer->n_in > 1 &&
             (infer->in[1].dtype != CLG_I32 || lengths->rank != 1 || lengths->dim[0] != x->dim[0]))
        clg_infer_fail(infer, "the lengths of shape %s must be int32, one for each of %s",
                       clg_shape_text(lengths, a), clg_shape_text(x, b));
    infer->out[0].shape = *x;
}

/* What is masked is 0, so that its gradient is. */
void clg_grad_masked_softmax(struct clg_gradient *g)
{
    clg_grad_softmax(g);
}

void clg_lower_masked_softmax(struct clg_lower *lower)
{
    const struct clg_mask_attr *attr = lower->attr;
    const clg_shape *shape = &lower->in[0].shape;
    const struct clg_view none = {.buffer = NULL};
    int64_t rows = clg_rows_of(shape), cols = clg_cols_of(shape);
    struct clg_launch *launch =
        clg_launch_over_rows(lower, "softmax", "masked_softmax", rows, cols);
    clg_launch_view(launch, &lower->in[0]);
    clg_launch_view(launch, lower->n_in > 1 ? &lower->in[1] : &none);
    clg_launch_view(launch, &lower->out[0]);
    clg_launch_int(launch, rows);
    clg_launch_int(launch, cols);
    clg_launch_int(launch, shape->dim[shape->rank - 2]);
    clg_launch_int(launch, rows / shape->dim[0]);
    clg_launch_int(launch, attr->causal);
    clg_launch_int(launch, lower->n_in > 1);
    clg_launch_cost(launch, 4 * (uint64_t)(rows * cols), 8 * (uint64_t)(rows * cols));
}

/* z = y (d - sum(y d)), with u reaching z: by d again y (u - sum(y u)); by y
 * u (d - sum(y d)) - d sum(y u). */
void clg_grad_softmax_grad(struct clg_gradient *g)
{
    clg_tensor y = g->in[0], d = g->in[1], u = g->dy[0];
    if (g->need[0])
        g->dx[0] = clg_sub(clg_mul(u, clg_sub(d, row_sum(clg_mul(y, d)))),
                           clg_mul(d, row_sum(clg_mul(y, u))));
    if (g->need[1])
        g->dx[1] = clg_plain(CLG_OP(softmax_grad), y, u);
}

void clg_lower_softmax_grad(struct clg_lower *lower)
{
    launch_rows(lower, "softmax_grad", 4);
}

clg_tensor clg_log_softmax(clg_tensor x)
{
    return clg_plain(CLG_OP(log_softmax), x, x);
}

void clg_grad_log_softmax(struct clg_gradient *g)
{
    g->dx[0] = clg_plain(CLG_OP(log_softmax_grad), g->out[0], g->dy[0]);
}

void clg_lower_log_softmax(struct clg_lower *lower)
{
    launch_rows(lower, "log_softmax", 4);
}

/* z = d - e^y sum(d), with u reaching z: by d u - sum(u e^y); by y -u e^y sum(d). */
void clg_grad_log_softmax_grad(struct clg_gradient *g)
{
    clg_tensor y = g->in[0], d = g->in[1], ue = clg_mul(g->dy[0], clg_exp(y));
    if (g->need[0])
        g->dx[0] = clg_neg(clg_mul(ue, row_sum(d)));
    if (g->need[1])
        g->dx[1] = clg_sub(g->dy[0], row_sum(ue));
}

void clg_lower_log_softmax_grad(struct clg_lower *lower)
{
    launch_rows(lower, "log_softmax_grad", 4);
}
