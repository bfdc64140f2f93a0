/* Planes in another size, and windows of them. Each op and its gradient are linear and each other's
 * adjoint, so that both can be differentiated any number of times. */
#include <inttypes.h>
#include "base/text.h"
#include "ops/families.h"

/* ---- shapes ---- */

static bool check_planes(struct clg_infer *infer)
{
    const clg_shape *shape = &infer->in[0].shape;
    const struct clg_resize_attr *a = infer->attr;
    char text[CLG_SHAPE_TEXT];
    if (shape->rank != 4)
        clg_infer_fail(infer, "input %s must have 4 dimensions (N, C, H, W)",
                       clg_shape_text(shape, text));
    else if (shape->dim[2] >= CLG_BATCH || shape->dim[3] >= CLG_BATCH)
        clg_infer_fail(infer, "input %s may not have the batch in its last two dimensions",
                       clg_shape_text(shape, text));
    else if (infer->in[0].dtype != CLG_F32)
        clg_infer_fail(infer, "the input must be float32");
    else if (a->size[0] < 1 || a->size[1] < 1)
        clg_infer_fail(infer, "the result is (%" PRId32 ", %" PRId32 "), must be at least (1, 1)",
                       a->size[0], a->size[1]);
    infer->out[0].shape =
        clg_shape4(shape->dim[0], shape->dim[1], (int64_t)a->size[0], (int64_t)a->size[1]);
    return !infer->failed;
}

void clg_shape_upsample2d(struct clg_infer *infer)
{
    check_planes(infer);
}

/* crop2d and its gradient: one of result and input is the other's window. */
void clg_shape_crop2d(struct clg_infer *infer)
{
    const struct clg_resize_attr *a = infer->attr;
    const clg_shape *x = &infer->in[0].shape, *place = &infer->in[1].shape;
    bool larger = infer->op == CLG_OP(crop2d_grad);
    if (!check_planes(infer))
        return;
    if (infer->in[1].dtype != CLG_F32 || place->rank != 2 || place->dim[0] != x->dim[0] ||
        place->dim[1] != 2)
        clg_infer_fail(infer, "the windows' places must be float32 of shape (N, 2)");
    else if (larger ? a->size[0] < x->dim[2] || a->size[1] < x->dim[3]
                    : a->size[0] > x->dim[2] || a->size[1] > x->dim[3])
        clg_infer_fail(infer,
                       "the window (%" PRId64 ", %" PRId64 ") is larger than the image (%" PRId64
                       ", %" PRId64 ")",
                       larger ? x->dim[2] : a->size[0], larger ? x->dim[3] : a->size[1],
                       larger ? a->size[0] : x->dim[2], larger ? a->size[1] : x->dim[3]);
}

/* ---- upsampling ---- */

static clg_tensor resized(const struct clg_op *op, const clg_tensor *in, int64_t height,
                          int64_t width, uint32_t nearest)
{
    struct clg_resize_attr attr = {{(int32_t)height, (int32_t)width}, nearest, 0};
    return clg_node_add(in[0].graph, op, in, op->min_in, &attr, NULL);
}

clg_tensor clg_upsample_nearest2d(clg_tensor x, int32_t height, int32_t width)
{
    return resized(CLG_OP(upsample2d), &x, height, width, true);
}

clg_tensor clg_upsample_bilinear2d(clg_tensor x, int32_t height, int32_t width)
{
    return resized(CLG_OP(upsample2d), &x, height, width, false);
}

/* The other op on what reaches the result, in the size of the input. */
static void give_adjoint(struct clg_gradient *g, const struct clg_op *op)
{
    const struct clg_resize_attr *attr = g->attr;
    clg_shape shape = clg_tensor_shape(g->in[0]);
    clg_tensor in[2] = {g->dy[0]};
    if (op->min_in == 2)
        in[1] = g->in[1];
    if (g->need[0])
        g->dx[0] = resized(op, in, shape.dim[2], shape.dim[3], attr->nearest);
}

void clg_grad_upsample2d(struct clg_gradient *g)
{
    give_adjoint(g, CLG_OP(upsample2d_grad));
}

void clg_grad_upsample2d_grad(struct clg_gradient *g)
{
    give_adjoint(g, CLG_OP(upsample2d));
}

/* ---- crops ---- */

/* Two numbers a sample: in training uniform in [0, 1), in inference 1/2. */
clg_tensor clg_random_crop2d(clg_tensor x, int32_t height, int32_t width)
{
    clg_shape shape = clg_tensor_shape(x);
    if (!clg_tensor_valid(x))
        return x;
    clg_shape places = clg_shape2(shape.rank > 0 ? shape.dim[0] : 1, 2);
    clg_tensor in[2] = {x, clg_uniform_like(clg_fill(x.graph, places, 0.5f))};
    return resized(CLG_OP(crop2d), in, height, width, 0);
}

void clg_grad_crop2d(struct clg_gradient *g)
{
    give_adjoint(g, CLG_OP(crop2d_grad));
}

void clg_grad_crop2d_grad(struct clg_gradient *g)
{
    give_adjoint(g, CLG_OP(crop2d));
}

/* ---- lowering ---- */

/* A kernel of cl/resize.cl between planes `whole` and `part`, an element of the result at a time.
 */
static struct clg_launch *launch(struct clg_lower *lower, const char *kernel)
{
    struct clg_launch *l = clg_launch_kernel(lower->launches, "resize", kernel, NULL, lower->label);
    uint64_t count = (uint64_t)clg_shape_count(&lower->out[0].shape);
    for (uint32_t i = 0; i < lower->n_in; i++)
        clg_launch_view(l, &lower->in[i]);
    clg_launch_view(l, &lower->out[0]);
    clg_launch_int(l, lower->in[0].shape.dim[0] * lower->in[0].shape.dim[1]);
    clg_launch_items(l, (size_t)count);
    clg_launch_cost(l, 8 * count, 4 * (count + (uint64_t)clg_shape_count(&lower->in[0].shape)));
    return l;
}

static void add_sizes(struct clg_launch *l, const clg_shape *x, const clg_shape *y)
{
    for (int i = 2; i < 4; i++)
        clg_launch_int(l, x->dim[i]);
    for (int i = 2; i < 4; i++)
        clg_launch_int(l, y->dim[i]);
}

void clg_lower_upsample2d(struct clg_lower *lower)
{
    struct clg_launch *l = launch(lower, "upsample2d");
    add_sizes(l, &lower->in[0].shape, &lower->out[0].shape);
    clg_launch_int(l, ((const struct clg_resize_attr *)lower->attr)->nearest);
}

void clg_lower_upsample2d_grad(struct clg_lower *lower)
{
    struct clg_launch *l = launch(lower, "upsample2d_grad");
    add_sizes(l, &lower->out[0].shape, &lower->in[0].shape);
    clg_launch_int(l, ((const struct clg_resize_attr *)lower->attr)->nearest);
}

void clg_lower_crop2d(struct clg_lower *lower)
{
    struct clg_launch *l = launch(lower, "crop2d");
    clg_launch_int(l, lower->in[0].shape.dim[1]);
    add_sizes(l, &lower->in[0].shape, &lower->out[0].shape);
}

void clg_lower_crop2d_grad(struct clg_lower *lower)
{
    struct clg_launch *l = launch(lower, "crop2d_grad");
    clg_launch_int(l, lower->in[0].shape.dim[1]);
    add_sizes(l, &lower->out[0].shape, &lower->in[0].shape);
}
