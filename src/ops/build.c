/* Nodes and shapes in short, for gradient rules and composed ops. */
#include <string.h>
#include "ops/families.h"

static clg_tensor node_of(const struct clg_op *op, const clg_tensor *in, uint32_t n,
                          const void *attr)
{
    clg_graph *graph = NULL;
    for (uint32_t i = 0; i < n && !graph; i++)
        graph = in[i].graph;
    return clg_node_add(graph, op, in, n, attr, NULL);
}

bool clg_all_valid(const char *what, const clg_tensor *in, size_t count)
{
    clg_graph *graph = NULL;
    size_t wrong = count;
    for (size_t i = count; i-- > 0;) {
        graph = in[i].graph ? in[i].graph : graph;
        wrong = clg_tensor_valid(in[i]) ? wrong : i;
    }
    if (wrong < count && clg_graph_status(graph) == CLG_OK)
        clg_graph_fail(graph, CLG_ERR_ARGUMENT, "%s: input %zu is not a valid tensor", what, wrong);
    return wrong == count;
}

bool clg_all_float(const char *what, const clg_tensor *in, size_t count)
{
    if (!clg_all_valid(what, in, count))
        return false;
    for (size_t i = 0; i < count; i++)
        if (clg_tensor_dtype(in[i]) != CLG_F32) {
            clg_graph_fail(in[i].graph, CLG_ERR_ARGUMENT,
                           "%s: input %zu is int32, must be float32 (clg_cast converts)", what, i);
            return false;
        }
    return true;
}

clg_tensor clg_unary(const struct clg_op *op, clg_tensor a, float p0)
{
    struct clg_ew_attr attr = {.p = {p0}};
    return node_of(op, &a, 1, &attr);
}

clg_tensor clg_binary(const struct clg_op *op, clg_tensor a, clg_tensor b, float p0)
{
    struct clg_ew_attr attr = {.p = {p0}};
    return node_of(op, (clg_tensor[]){a, b}, 2, &attr);
}

clg_tensor clg_plain(const struct clg_op *op, clg_tensor a, clg_tensor b)
{
    return node_of(op, (clg_tensor[]){a, b}, op->min_in, NULL);
}

clg_tensor clg_reduce_axes(clg_tensor x, uint32_t axes, bool keep, bool mean)
{
    struct clg_reduce_attr attr = {axes, keep, mean};
    return axes ? node_of(CLG_OP(reduce), &x, 1, &attr) : x;
}

clg_tensor clg_repeat(clg_tensor x, clg_shape shape, bool mean)
{
    clg_shape from = clg_tensor_shape(x);
    if (clg_tensor_valid(x) && clg_same_shape(&from, &shape))
        return x;
    struct clg_expand_attr attr;
    memset(&attr, 0, sizeof(attr));
    attr.shape = clg_clean_shape(shape);
    attr.mean = mean;
    return node_of(CLG_OP(expand), &x, 1, &attr);
}

clg_tensor clg_unrepeat(clg_tensor t, clg_shape shape, bool mean)
{
    clg_shape from = clg_tensor_shape(t);
    int extra = from.rank - shape.rank;
    if (!clg_tensor_valid(t))
        return t;
    uint32_t axes = 0, leading = (UINT32_C(1) << extra) - 1;
    for (int i = extra; i < from.rank; i++)
        if (from.dim[i] != 1 && shape.dim[i - extra] == 1)
            axes |= UINT32_C(1) << i;
    if (!axes)
        return clg_reduce_axes(t, leading, false, mean);
    return clg_reshape(clg_reduce_axes(t, axes | leading, true, mean), shape);
}

void clg_give(struct clg_gradient *g, uint32_t i, clg_tensor d)
{
    if (g->need[i])
        g->dx[i] = clg_unrepeat(d, clg_tensor_shape(g->in[i]), false);
}

bool clg_same_shape(const clg_shape *a, const clg_shape *b)
{
    return a->rank == b->rank && !memcmp(a->dim, b->dim, (size_t)a->rank * sizeof(a->dim[0]));
}

clg_shape clg_clean_shape(clg_shape shape)
{
    clg_shape clean;
    memset(&clean, 0, sizeof(clean));
    clean.rank = shape.rank;
    for (int i = 0; i < shape.rank && i < CLG_MAX_RANK; i++)
        clean.dim[i] = shape.dim[i];
    return clean;
}

clg_shape clg_shape_without_last(const clg_shape *shape)
{
    return clg_shape_make(shape->rank - 1, shape->dim);
}

bool clg_shape_broadcast(const clg_shape *a, const clg_shape *b, clg_shape *out)
{
    *out = clg_clean_shape(a->rank > b->rank ? *a : *b);
    for (int i = 0; i < out->rank; i++) {
        int ia = i - (out->rank - a->rank), ib = i - (out->rank - b->rank);
        int64_t da = ia < 0 ? 1 : a->dim[ia], db = ib < 0 ? 1 : b->dim[ib];
        if (da != db && da != 1 && db != 1)
            return false;
        out->dim[i] = da == 1 ? db : da;
    }
    return true;
}

bool clg_axis_index(int32_t axis, int32_t rank, int32_t *out)
{
    *out = axis < 0 ? axis + rank : axis;
    return *out >= 0 && *out < rank;
}
