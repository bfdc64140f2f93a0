/* The functions that ops.def names, and what families share. */
#ifndef CLG_OPS_FAMILIES_H
#define CLG_OPS_FAMILIES_H

#include "ops/ops.h"

/* ---- functions of the entries: shape rule, gradient rule, workspace, lowering ---- */

#define SHAPE(name) void clg_shape_##name(struct clg_infer *infer)
#define GRAD(name)  void clg_grad_##name(struct clg_gradient *g)
#define WORK(name)  size_t clg_work_##name(const struct clg_lower *lower)
#define LOWER(name) void clg_lower_##name(struct clg_lower *lower)

/* elementwise.c */
SHAPE(elementwise);
GRAD(add);
GRAD(sub);
GRAD(mul);
GRAD(div);
GRAD(max);
GRAD(min);
GRAD(neg);
GRAD(square);
GRAD(sqrt);
GRAD(exp);
GRAD(log);
GRAD(abs);
GRAD(affine);
GRAD(keep);
GRAD(drop);

/* activation.c */
GRAD(relu);
GRAD(relu_grad);
GRAD(leaky_relu);
GRAD(leaky_relu_grad);
GRAD(sigmoid);
GRAD(tanh);
GRAD(hard_sigmoid);
GRAD(hard_sigmoid_grad);

/* functions.c */
GRAD(pow);
GRAD(rsqrt);
GRAD(log1p);
GRAD(expm1);
GRAD(sin);
GRAD(cos);
GRAD(erf);
GRAD(clip);
GRAD(clip_grad);

/* compare.c */
GRAD(where);

/* smooth.c */
GRAD(gelu);
GRAD(gelu_grad);
GRAD(softplus);

/* pieces.c */
enum { CLG_MAX_PARTS = 64 }; /* that concat takes */
SHAPE(slice);
GRAD(slice);
LOWER(slice);
GRAD(embed);
LOWER(embed);
SHAPE(concat);
GRAD(concat);
LOWER(concat);

/* along.c */
SHAPE(take_along);
GRAD(take_along);
LOWER(take_along);
SHAPE(add_along);
GRAD(add_along);
LOWER(add_along);
SHAPE(cumsum);
GRAD(cumsum);
WORK(cumsum);
LOWER(cumsum);
SHAPE(topk);
LOWER(topk);
LOWER(row_product);
LOWER(others_product);

/* extremes.c */
SHAPE(row_product);
GRAD(row_product);
SHAPE(others_product);

/* random.c */
GRAD(dropout);

/* shape.c */
SHAPE(reshape);
GRAD(reshape);
SHAPE(permute);
GRAD(permute);
LOWER(permute);
SHAPE(expand);
GRAD(expand);

/* reduce.c */
SHAPE(reduce);
GRAD(reduce);
WORK(reduce);
LOWER(reduce);

/* matmul.c */
SHAPE(matmul);
GRAD(matmul);
WORK(matmul);
LOWER(matmul);
SHAPE(matmul_sums);
WORK(matmul_sums);
LOWER(matmul_sums);

/* gather.c */
SHAPE(gather);
GRAD(gather);
LOWER(gather);
SHAPE(scatter_add);
GRAD(scatter_add);
WORK(scatter_add);
LOWER(scatter_add);

/* softmax.c */
SHAPE(rows);
GRAD(softmax);
LOWER(softmax);
SHAPE(masked_softmax);
GRAD(masked_softmax);
LOWER(masked_softmax);
GRAD(softmax_grad);
LOWER(softmax_grad);
GRAD(log_softmax);
LOWER(log_softmax);
GRAD(log_softmax_grad);
LOWER(log_softmax_grad);

/* loss.c */
SHAPE(cross_entropy);
GRAD(cross_entropy);
WORK(cross_entropy);
LOWER(cross_entropy);
SHAPE(argmax);
LOWER(argmax);
SHAPE(accuracy);
WORK(accuracy);
LOWER(accuracy);

/* conv.c, conv_lower.c */
SHAPE(conv2d);
GRAD(conv2d);
WORK(conv2d);
LOWER(conv2d);
SHAPE(conv2d_grad_input);
GRAD(conv2d_grad_input);
WORK(conv2d_grad_input);
LOWER(conv2d_grad_input);
SHAPE(conv2d_grad_weight);
GRAD(conv2d_grad_weight);
WORK(conv2d_grad_weight);
LOWER(conv2d_grad_weight);

/* pool.c */
SHAPE(max_pool2d);
GRAD(max_pool2d);
LOWER(max_pool2d);
SHAPE(max_pool2d_grad);
GRAD(max_pool2d_grad);
LOWER(max_pool2d_grad);
SHAPE(max_pool2d_pick);
GRAD(max_pool2d_pick);
LOWER(max_pool2d_pick);
SHAPE(avg_pool2d);
GRAD(avg_pool2d);
LOWER(avg_pool2d);
GRAD(avg_pool2d_grad);
LOWER(avg_pool2d_grad);

/* recurrent.c, recurrent_lower.c */
SHAPE(recurrent);
GRAD(recurrent);
WORK(recurrent);
LOWER(recurrent);
SHAPE(recurrent_grad);
WORK(recurrent_grad);
LOWER(recurrent_grad);

/* resize.c */
SHAPE(upsample2d);
GRAD(upsample2d);
LOWER(upsample2d);
GRAD(upsample2d_grad);
LOWER(upsample2d_grad);
SHAPE(crop2d);
GRAD(crop2d);
LOWER(crop2d);
GRAD(crop2d_grad);
LOWER(crop2d_grad);

/* norm.c */
SHAPE(by_mode);
GRAD(by_mode);
SHAPE(unbiased);
LOWER(unbiased);

/* ---- nodes in short: build.c ---- */

/* An elementwise op of one or two tensors, with its number p0. */
/* Whether all are tensors; else the graph of the first that has one fails, if it has not before. */
bool clg_all_valid(const char *what, const clg_tensor *in, size_t count);
/* The same, and of float32: for what is composed of ops that would take int32. */
bool clg_all_float(const char *what, const clg_tensor *in, size_t count);
clg_tensor clg_unary(const struct clg_op *op, clg_tensor a, float p0);
clg_tensor clg_binary(const struct clg_op *op, clg_tensor a, clg_tensor b, float p0);
/* A value for inference and one of the same shape for training. */
clg_tensor clg_by_mode(clg_tensor inference, clg_tensor training);
/* What the graph assigns to a state at the end of a step, or the state itself. */
clg_tensor clg_assigned(clg_tensor state);
/* clg_assign(), in the place of what was assigned before. */
clg_status clg_reassign(clg_tensor state, clg_tensor value, clg_when when);
/* Uniform numbers in [0, 1) for x's elements; in inference x: random.c. */
clg_tensor clg_uniform_like(clg_tensor x);
/* An op without attributes. */
clg_tensor clg_plain(const struct clg_op *op, clg_tensor a, clg_tensor b);
/* Softmax over the first columns of each row of x (..., T, S), 0 behind them: those up to the row's own
 * index where causal, and below lengths (N) of int32, a number for each index of the first dimension;
 * graph NULL: none. A row that sees no column, or -infinity alone, is 0, and so is its gradient. */
clg_tensor clg_masked_softmax(clg_tensor x, clg_tensor lengths, bool causal);
/* The mask of these axes of x (count 0: all), or false and a sentence that begins with what. */
bool clg_axes_mask(clg_tensor x, const char *what, const int32_t *axes, size_t count,
                   uint32_t *mask);
/* x - mean(x), less the mean of that: the mean is rounded to a float32, and far from 0 what it is off is
 * not small beside the differences. The second mean's derivative is 0, as itself but for rounding. */
clg_tensor clg_centre_again(clg_tensor centred, const int32_t *axes, size_t count);
/* Sum or mean over the axes of a mask. */
clg_tensor clg_reduce_axes(clg_tensor x, uint32_t axes, bool keep, bool mean);
/* x repeated to a shape; with mean divided by the number of repeats. */
clg_tensor clg_repeat(clg_tensor x, clg_shape shape, bool mean);
/* t summed over the axes along which broadcasting had repeated a tensor of this shape; with mean
 * the mean of them. */
clg_tensor clg_unrepeat(clg_tensor t, clg_shape shape, bool mean);
/* Gives input i the gradient d, summed over what broadcasting repeated. */
void clg_give(struct clg_gradient *g, uint32_t i, clg_tensor d);

/* ---- losses ---- */

/* Of int32 labels, one pass: loss.c. */
clg_tensor clg_plain_cross_entropy(clg_tensor logits, clg_tensor labels, clg_reduction reduction);

/* Fields of clg_loss_params that a loss takes beside reduction and weight. */
enum {
    CLG_TAKES_CLASS_WEIGHT = 1,
    CLG_TAKES_IGNORE = 2,
    CLG_TAKES_SMOOTHING = 4,
    CLG_TAKES_POS_WEIGHT = 8
};
/* The params or their defaults in *out, or false and a sentence that begins with what:
 * loss_values.c. */
bool clg_loss_params_of(const char *what, clg_graph *graph, const clg_loss_params *params,
                        int takes, clg_loss_params *out);
/* Losses times their weight, reduced. */
clg_tensor clg_loss_reduce(const char *what, clg_tensor losses, const clg_loss_params *params);

/* ---- shapes: build.c ---- */

bool clg_same_shape(const clg_shape *a, const clg_shape *b);
/* The shape with zeros past its rank, for attributes, which are compared bytewise. */
clg_shape clg_clean_shape(clg_shape shape);
/* The first rank dimensions; a shape of rank 1 or more without its last dimension. */
clg_shape clg_shape_without_last(const clg_shape *shape);
/* NumPy's rule: false where two dimensions differ and neither is 1. */
bool clg_shape_broadcast(const clg_shape *a, const clg_shape *b, clg_shape *out);
/* A number's -1 counts from the end; false outside the rank. */
bool clg_axis_index(int32_t axis, int32_t rank, int32_t *out);

/* ---- launches that families share: launch.c ---- */

/* Product of the dimensions but the last; the last one, or 1 for a scalar. */
int64_t clg_rows_of(const clg_shape *shape);
int64_t clg_cols_of(const clg_shape *shape);

/* The launch of a kernel over cl/row.clh, for rows of this many columns: the way they are walked and
 * the number of work-items are chosen here; the kernel's arguments are the caller's. */
struct clg_launch *clg_launch_over_rows(struct clg_lower *lower, const char *source,
                                        const char *kernel, int64_t rows, int64_t cols);

/* to[i . to_stride] = from[i . from_stride] for every index i below dim. Strides in elements. */
struct clg_strided {
    struct clg_view from, to;
    int rank;
    int64_t dim[CLG_MAX_RANK], from_stride[CLG_MAX_RANK], to_stride[CLG_MAX_RANK];
};
void clg_strided_copy(struct clg_lower *lower, const struct clg_strided *copy);

/* ---- sums: sum.c ---- */

/* Sums of one op: dry only counts the workspace they take, which depends on sizes alone. */
struct clg_sum {
    struct clg_lower *lower;
    bool dry;
    uint64_t used; /* floats of the workspace */
};
/* count floats of the workspace. */
struct clg_view clg_sum_take(struct clg_sum *sum, int64_t count);
/* y (A, C) = the sum over r of x (A, R, C), in an order that A, R and C alone decide, divided by
 * count: the mean of equal numbers is that number, which a product with 1 / R does not give. */
void clg_sum_middle(struct clg_sum *sum, const struct clg_view *x, const struct clg_view *y,
                    int64_t A, int64_t R, int64_t C, float count);
/* y (A, parts, C), part p the sum over the chunk of R that begins at p chunk. */
void clg_sum_chunks(struct clg_sum *sum, const struct clg_view *x, const struct clg_view *y,
                    int64_t A, int64_t R, int64_t C, int64_t chunk);

#endif
