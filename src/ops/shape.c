/* Shapes: reshape, permute, broadcast. */
#include <string.h>
#include "base/text.h"
#include "ops/families.h"

/* ---- reshape ---- */

/* A number of elements: count times the batch to a power. */
struct extent {
    int64_t count;
    int batches;
};

static struct extent extent_of(const clg_shape *shape)
{
    struct extent e = {1, 0};
    for (int i = 0; i < shape->rank; i++) {
        int64_t d = shape->dim[i];
        bool batch = d >= CLG_BATCH;
        e.batches += batch;
        d = batch ? d / CLG_BATCH : d;
        if (d > 0 && e.count < INT64_C(1) << 31)
            e.count *= d;
    }
    return e;
}

/* Puts a number for the one -1; false where there is none that fits. */
static bool infer_dimension(const clg_shape *from, clg_shape *to)
{
    int unknown = -1;
    for (int i = 0; i < to->rank; i++)
        if (to->dim[i] == -1) {
            if (unknown >= 0)
                return false;
            unknown = i;
        }
    struct extent want = extent_of(from), have = extent_of(to);
    if (unknown < 0)
        return want.count == have.count && want.batches == have.batches;
    int batches = want.batches - have.batches;
    if (want.count % have.count || batches < 0 || batches > 1)
        return false;
    to->dim[unknown] = want.count / have.count * (batches ? CLG_BATCH : 1);
    return true;
}

clg_tensor clg_reshape(clg_tensor x, clg_shape shape)
{
    char a[CLG_SHAPE_TEXT], b[CLG_SHAPE_TEXT];
    clg_shape from = clg_tensor_shape(x), to = clg_clean_shape(shape);
    if (!clg_tensor_valid(x))
        return clg_node_add(x.graph, CLG_OP(reshape), &x, 1, NULL, NULL);
    if (shape.rank < 0 || shape.rank > CLG_MAX_RANK)
        return clg_graph_fail(x.graph, CLG_ERR_ARGUMENT, "reshape: rank is %d, must be 0 to %d",
                              shape.rank, CLG_MAX_RANK);
    if (!infer_dimension(&from, &to))
        return clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                              "reshape: shape %s cannot become %s: the numbers of elements must be "
                              "equal, and one dimension at most may be -1",
                              clg_shape_text(&from, a), clg_shape_text(&shape, b));
    if (clg_same_shape(&from, &to))
        return x;
    struct clg_reshape_attr attr;
    memset(&attr, 0, sizeof(attr));
    attr.shape = to;
    return clg_node_add(x.graph, CLG_OP(reshape), &x, 1, &attr, NULL);
}

void clg_shape_reshape(struct clg_infer *infer)
{
    infer->out[0] = (struct clg_type){infer->in[0].dtype,
                                      ((const struct clg_reshape_attr *)infer->attr)->shape};
}

void clg_grad_reshape(struct clg_gradient *g)
{
    g->dx[0] = clg_reshape(g->dy[0], clg_tensor_shape(g->in[0]));
}

/* ---- permute ---- */

clg_tensor clg_permute(clg_tensor x, const int32_t *order)
{
    struct clg_permute_attr attr = {{0}};
    bool same = clg_tensor_valid(x);
    if (same && !order)
        return clg_graph_fail(x.graph, CLG_ERR_ARGUMENT, "permute: order is NULL");
    for (int i = 0; i < clg_tensor_shape(x).rank; i++) {
        attr.order[i] = order[i];
        same = same && order[i] == i;
    }
    return same ? x : clg_node_add(x.graph, CLG_OP(permute), &x, 1, &attr, NULL);
}

clg_tensor clg_transpose(clg_tensor x)
{
    int rank = clg_tensor_shape(x).rank;
    if (clg_tensor_valid(x) && rank < 2)
        return clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                              "transpose: rank is %d, must be at least 2", rank);
    int32_t order[CLG_MAX_RANK];
    for (int i = 0; i < rank; i++)
        order[i] = i < rank - 2 ? i : 2 * rank - 3 - i;
    return clg_permute(x, order);
}

void clg_shape_permute(struct clg_infer *infer)
{
    const struct clg_permute_attr *attr = infer->attr;
    const clg_shape *from = &infer->in[0].shape;
    clg_shape *to = &infer->out[0].shape;
    uint32_t seen = 0;
    infer->out[0] = infer->in[0];
    for (int i = 0; i < from->rank; i++) {
        int32_t k = attr->order[i];
        if (k < 0 || k >= from->rank || (seen >> k & 1)) {
            clg_infer_fail(infer, "order must name each of the %d dimensions once", from->rank);
            return;
        }
        seen |= UINT32_C(1) << k;
        to->dim[i] = from->dim[k];
    }
}

void clg_grad_permute(struct clg_gradient *g)
{
    const struct clg_permute_attr *attr = g->attr;
    int32_t inverse[CLG_MAX_RANK] = {0};
    for (int i = 0; i < clg_tensor_shape(g->in[0]).rank; i++)
        inverse[attr->order[i]] = i;
    g->dx[0] = clg_permute(g->dy[0], inverse);
}

void clg_lower_permute(struct clg_lower *lower)
{
    const struct clg_permute_attr *attr = lower->attr;
    const clg_shape *from = &lower->in[0].shape;
    struct clg_strided copy = {.from = lower->in[0], .to = lower->out[0]};
    int64_t stride[CLG_MAX_RANK], step = 1;
    for (int i = from->rank - 1; i >= 0; i--) {
        stride[i] = step;
        step *= from->dim[i];
    }
    step = 1;
    for (int i = from->rank - 1; i >= 0; i--) {
        copy.dim[i] = lower->out[0].shape.dim[i];
        copy.from_stride[i] = stride[attr->order[i]];
        copy.to_stride[i] = step;
        step *= copy.dim[i];
    }
    copy.rank = from->rank;
    clg_strided_copy(lower, &copy);
}

/* ---- expand ---- */

clg_tensor clg_broadcast(clg_tensor x, clg_shape shape)
{
    if (clg_tensor_valid(x) && (shape.rank < 0 || shape.rank > CLG_MAX_RANK))
        return clg_graph_fail(x.graph, CLG_ERR_ARGUMENT, "broadcast: rank is %d, must be 0 to %d",
                              shape.rank, CLG_MAX_RANK);
    return clg_repeat(x, shape, false);
}

void clg_shape_expand(struct clg_infer *infer)
{
    const struct clg_expand_attr *attr = infer->attr;
    clg_shape both;
    char a[CLG_SHAPE_TEXT], b[CLG_SHAPE_TEXT];
    if (!clg_shape_broadcast(&infer->in[0].shape, &attr->shape, &both) ||
        !clg_same_shape(&both, &attr->shape))
        clg_infer_fail(infer, "shape %s does not broadcast to %s",
                       clg_shape_text(&infer->in[0].shape, a), clg_shape_text(&attr->shape, b));
    infer->out[0].shape = attr->shape;
}

void clg_grad_expand(struct clg_gradient *g)
{
    const struct clg_expand_attr *attr = g->attr;
    g->dx[0] = clg_unrepeat(g->dy[0], clg_tensor_shape(g->in[0]), attr->mean);
}
