/* Sum and mean over axes. */
#include "base/text.h"
#include "ops/families.h"

bool clg_axes_mask(clg_tensor x, const char *what, const int32_t *axes, size_t count,
                   uint32_t *mask)
{
    int rank = clg_tensor_shape(x).rank;
    *mask = count ? 0 : (UINT32_C(1) << rank) - 1;
    if (count && !axes) {
        clg_graph_fail(x.graph, CLG_ERR_ARGUMENT, "%s: axes is NULL", what);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        int32_t axis;
        if (!clg_axis_index(axes[i], rank, &axis)) {
            clg_graph_fail(x.graph, CLG_ERR_ARGUMENT, "%s: axis %d of a tensor with %d dimensions",
                           what, axes[i], rank);
            return false;
        }
        if (*mask >> axis & 1) {
            clg_graph_fail(x.graph, CLG_ERR_ARGUMENT, "%s: axis %d is named twice", what, axes[i]);
            return false;
        }
        *mask |= UINT32_C(1) << axis;
    }
    return true;
}

static clg_tensor reduce_public(clg_tensor x, const int32_t *axes, size_t count, bool keep,
                                bool mean)
{
    uint32_t mask;
    if (!clg_tensor_valid(x))
        return clg_node_add(x.graph, CLG_OP(reduce), &x, 1, NULL, NULL);
    return clg_axes_mask(x, mean ? "mean" : "sum", axes, count, &mask)
               ? clg_reduce_axes(x, mask, keep, mean)
               : (clg_tensor){NULL, -1, 0};
}

clg_tensor clg_sum(clg_tensor x, const int32_t *axes, size_t count, bool keep)
{
    return reduce_public(x, axes, count, keep, false);
}

clg_tensor clg_mean(clg_tensor x, const int32_t *axes, size_t count, bool keep)
{
    return reduce_public(x, axes, count, keep, true);
}

/* The shape with 1 for every reduced dimension. */
static clg_shape kept_shape(const clg_shape *from, uint32_t axes)
{
    clg_shape shape = clg_clean_shape(*from);
    for (int i = 0; i < shape.rank; i++)
        if (axes >> i & 1)
            shape.dim[i] = 1;
    return shape;
}

void clg_shape_reduce(struct clg_infer *infer)
{
    const struct clg_reduce_attr *attr = infer->attr;
    const clg_shape *from = &infer->in[0].shape;
    clg_shape shape = {0};
    if (infer->in[0].dtype != CLG_F32) {
        clg_infer_fail(infer, "the input must be float32");
        return;
    }
    for (int i = 0; i < from->rank; i++)
        if (!(attr->axes >> i & 1))
            shape.dim[shape.rank++] = from->dim[i];
    infer->out[0].shape = attr->keep ? kept_shape(from, attr->axes) : shape;
}

/* Each summand gets what the sum got; of a mean its share. */
void clg_grad_reduce(struct clg_gradient *g)
{
    const struct clg_reduce_attr *attr = g->attr;
    clg_shape from = clg_tensor_shape(g->in[0]);
    clg_tensor dy = clg_reshape(g->dy[0], kept_shape(&from, attr->axes));
    g->dx[0] = clg_repeat(dy, from, attr->mean);
}

/* The dimensions as groups of neighbours that are all reduced or all kept. */
struct groups {
    int count;
    int64_t size[CLG_MAX_RANK];
    bool reduced[CLG_MAX_RANK];
};

static struct groups group_dimensions(const clg_shape *shape, uint32_t axes)
{
    struct groups g = {0};
    for (int i = 0; i < shape->rank; i++) {
        bool reduced = axes >> i & 1;
        if (shape->dim[i] == 1)
            continue;
        if (!g.count || g.reduced[g.count - 1] != reduced) {
            g.size[g.count] = 1;
            g.reduced[g.count++] = reduced;
        }
        g.size[g.count - 1] *= shape->dim[i];
    }
    return g;
}

static int64_t product(const struct groups *g, int first, int end)
{
    int64_t size = 1;
    for (int i = first; i < end; i++)
        size *= g->size[i];
    return size;
}

/* A pass for each reduced group, the innermost first: most of the data goes in the first pass. */
static void reduce_groups(struct clg_sum *sum, uint32_t axes, float count)
{
    struct clg_lower *lower = sum->lower;
    struct groups g = group_dimensions(&lower->in[0].shape, axes);
    struct clg_view x = lower->in[0];
    int first = 0;
    while (first < g.count && !g.reduced[first])
        first++;
    if (first == g.count) {
        clg_sum_middle(sum, &x, &lower->out[0], product(&g, 0, g.count), 1, 1, count);
        return;
    }
    for (int i = g.count - 1; i >= first; i--) {
        if (!g.reduced[i])
            continue;
        int64_t A = product(&g, 0, i), C = product(&g, i + 1, g.count);
        struct clg_view y = i == first ? lower->out[0] : clg_sum_take(sum, A * C);
        clg_sum_middle(sum, &x, &y, A, g.size[i], C, i == first ? count : 1);
        g.size[i] = 1;
        x = y;
    }
}

size_t clg_work_reduce(const struct clg_lower *lower)
{
    struct clg_lower copy = *lower;
    struct clg_sum sum = {&copy, true, 0};
    reduce_groups(&sum, ((const struct clg_reduce_attr *)lower->attr)->axes, 1);
    return sum.used * sizeof(float);
}

void clg_lower_reduce(struct clg_lower *lower)
{
    const struct clg_reduce_attr *attr = lower->attr;
    struct clg_sum sum = {lower, false, 0};
    double repeats = (double)clg_shape_count(&lower->in[0].shape) /
                     (double)clg_shape_count(&lower->out[0].shape);
    reduce_groups(&sum, attr->axes, attr->mean ? (float)repeats : 1);
}
