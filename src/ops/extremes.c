/* Reductions other than sum and mean: the reduced axes go last, and rows are reduced. */
#include <math.h>
#include "ops/families.h"

static const clg_tensor invalid = {NULL, -1, 0};

/* x reduced over the axes of a mask: as rows (kept ..., R), and the result's shape. */
struct rows {
    clg_tensor x;
    clg_shape result;
};

static bool make_rows(clg_tensor x, const char *what, const int32_t *axes, size_t count, bool keep,
                      struct rows *out)
{
    uint32_t mask;
    clg_shape from = clg_tensor_shape(x), to = {0};
    int32_t order[CLG_MAX_RANK], n = 0;
    if (!clg_tensor_valid(x) || !clg_axes_mask(x, what, axes, count, &mask))
        return false;
    out->result = (clg_shape){0};
    for (int i = 0; i < from.rank; i++) {
        if (mask >> i & 1 ? keep : true)
            out->result.dim[out->result.rank++] = mask >> i & 1 ? 1 : from.dim[i];
        if (!(mask >> i & 1)) {
            to.dim[to.rank++] = from.dim[i];
            order[n++] = i;
        }
    }
    for (int i = 0; i < from.rank; i++)
        if (mask >> i & 1)
            order[n++] = i;
    to.dim[to.rank++] = -1;
    out->x = clg_reshape(clg_permute(x, order), to);
    return clg_tensor_valid(out->x);
}

static clg_tensor extreme(clg_tensor x, const char *what, const int32_t *axes, size_t count,
                          bool keep, bool least)
{
    struct rows rows;
    if (!make_rows(x, what, axes, count, keep, &rows))
        return invalid;
    clg_tensor index = least ? clg_argmin(rows.x) : clg_argmax(rows.x);
    return clg_reshape(clg_take_along(rows.x, clg_unsqueeze(index, -1)), rows.result);
}

clg_tensor clg_reduce_max(clg_tensor x, const int32_t *axes, size_t count, bool keep)
{
    return extreme(x, "reduce_max", axes, count, keep, false);
}

clg_tensor clg_reduce_min(clg_tensor x, const int32_t *axes, size_t count, bool keep)
{
    return extreme(x, "reduce_min", axes, count, keep, true);
}

clg_tensor clg_argmin(clg_tensor x)
{
    return clg_all_float("argmin", &x, 1) ? clg_argmax(clg_neg(x)) : invalid;
}

static clg_tensor index_along(clg_tensor x, const char *what, int32_t axis, bool keep, bool least)
{
    struct rows rows;
    if (!clg_all_float(what, &x, 1) || !make_rows(x, what, &axis, 1, keep, &rows))
        return invalid;
    return clg_reshape(least ? clg_argmin(rows.x) : clg_argmax(rows.x), rows.result);
}

clg_tensor clg_argmin_along(clg_tensor x, int32_t axis, bool keep)
{
    return index_along(x, "argmin_along", axis, keep, true);
}

clg_tensor clg_argmax_along(clg_tensor x, int32_t axis, bool keep)
{
    return index_along(x, "argmax_along", axis, keep, false);
}

/* ---- product ---- */

clg_tensor clg_product(clg_tensor x, const int32_t *axes, size_t count, bool keep)
{
    struct rows rows;
    if (!make_rows(x, "product", axes, count, keep, &rows))
        return invalid;
    return clg_reshape(clg_plain(CLG_OP(row_product), rows.x, rows.x), rows.result);
}

void clg_shape_row_product(struct clg_infer *infer)
{
    if (infer->in[0].dtype != CLG_F32 || infer->in[0].shape.rank < 1)
        clg_infer_fail(infer, "the input must be float32 with at least 1 dimension");
    else
        infer->out[0].shape = clg_shape_without_last(&infer->in[0].shape);
}

void clg_grad_row_product(struct clg_gradient *g)
{
    g->dx[0] = clg_plain(CLG_OP(others_product), g->in[0], g->dy[0]);
}

void clg_shape_others_product(struct clg_infer *infer)
{
    infer->out[0].shape = infer->in[0].shape;
}

/* ---- compositions of sums ---- */

/* How many elements are reduced, or 0 where the batch is among them. */
static int64_t reduced(clg_tensor x, uint32_t mask)
{
    clg_shape shape = clg_tensor_shape(x);
    int64_t n = 1;
    for (int i = 0; i < shape.rank; i++)
        if (mask >> i & 1)
            n = shape.dim[i] >= CLG_BATCH ? 0 : n * shape.dim[i];
    return n;
}

clg_tensor clg_variance(clg_tensor x, const int32_t *axes, size_t count, bool keep,
                        int32_t correction)
{
    uint32_t mask;
    if (!clg_tensor_valid(x) || !clg_axes_mask(x, "variance", axes, count, &mask))
        return invalid;
    if (correction != 0 && correction != 1)
        return clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                              "variance: correction is %d, must be 0 or 1", correction);
    int64_t n = reduced(x, mask);
    clg_tensor off = clg_sub(x, clg_reduce_axes(x, mask, true, true));
    off = clg_centre_again(off, axes, count);
    clg_tensor variance = clg_reduce_axes(clg_square(off), mask, keep, true);
    if (correction == 0)
        return variance;
    if (n <= correction)
        return clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                              "variance: a correction of %d needs more elements than that, and a "
                              "number of them that does not depend on the batch",
                              correction);
    return clg_affine(variance, (float)((double)n / (double)(n - correction)), 0);
}

clg_tensor clg_norm1(clg_tensor x, const int32_t *axes, size_t count, bool keep)
{
    return clg_all_float("norm1", &x, 1) ? clg_sum(clg_abs(x), axes, count, keep) : invalid;
}

/* Where the sum of squares is 0, its root's gradient is infinite: it is cut off there. */
clg_tensor clg_norm2(clg_tensor x, const int32_t *axes, size_t count, bool keep)
{
    if (!clg_all_float("norm2", &x, 1))
        return invalid;
    clg_tensor s = clg_sum(clg_square(x), axes, count, keep);
    clg_tensor safe = clg_add(s, clg_not(s));
    return clg_binary(CLG_OP(keep), s, clg_sqrt(safe), 0);
}

/* With the largest element, as a constant, taken off where it is finite. Where every x is -infinity
 * the sum is 0: its logarithm's gradient is infinite, and cut off, as in PyTorch. */
clg_tensor clg_logsumexp(clg_tensor x, const int32_t *axes, size_t count, bool keep)
{
    uint32_t mask;
    if (!clg_tensor_valid(x) || !clg_axes_mask(x, "logsumexp", axes, count, &mask))
        return invalid;
    clg_tensor m = clg_detach(clg_reduce_max(x, axes, count, true));
    m = clg_binary(CLG_OP(keep), clg_lt(clg_abs(m), clg_fill(x.graph, clg_shape0(), INFINITY)), m,
                   0);
    clg_tensor s = clg_reduce_axes(clg_exp(clg_sub(x, m)), mask, keep, false);
    clg_tensor nothing = clg_fill(x.graph, clg_shape0(), -INFINITY);
    clg_tensor ln = clg_where(s, clg_log(clg_add(s, clg_not(s))), nothing);
    return clg_add(ln, clg_reshape(m, clg_tensor_shape(s)));
}
