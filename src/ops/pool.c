/* Pooling: the largest or the mean of windows, and the gradients. Largest numbers are remembered by
 * their place, so that each derivative is a choice by the same places. */
#include <inttypes.h>
#include <string.h>
#include "base/text.h"
#include "ops/conv.h"

/* ---- shapes ---- */

static bool check_planes(struct clg_infer *infer, uint32_t i)
{
    const clg_shape *shape = &infer->in[i].shape;
    char text[CLG_SHAPE_TEXT];
    if (shape->rank != 4)
        clg_infer_fail(infer, "input %s must have 4 dimensions (N, C, H, W)",
                       clg_shape_text(shape, text));
    else if (shape->dim[2] >= CLG_BATCH || shape->dim[3] >= CLG_BATCH)
        clg_infer_fail(infer, "input %s may not have the batch in its last two dimensions",
                       clg_shape_text(shape, text));
    else if (infer->in[i].dtype != CLG_F32)
        clg_infer_fail(infer, "the input must be float32");
    return !infer->failed;
}

/* Kernel, stride and padding are possible for planes of (H, W). */
static bool check_windows(struct clg_infer *infer, const int64_t plane[2], int64_t places[2])
{
    const struct clg_pool_attr *a = infer->attr;
    for (int i = 0; i < 2; i++) {
        if (a->kernel[i] < 1 || a->stride[i] < 1 || a->dilation[i] < 1)
            clg_infer_fail(infer, "kernel %d, stride %d and dilation %d must be at least 1",
                           a->kernel[i], a->stride[i], a->dilation[i]);
        else if (a->padding[i] < 0 || 2 * (int64_t)a->padding[i] > a->kernel[i])
            clg_infer_fail(infer, "padding is %d, must be from 0 to half of the kernel %d",
                           a->padding[i], a->kernel[i]);
        if (infer->failed)
            return false;
        places[i] =
            clg_conv_places(plane[i], a->kernel[i], a->stride[i], a->padding[i], a->dilation[i]);
        if (places[i] < 1) {
            clg_infer_fail(infer,
                           "kernel (%d, %d) is larger than the input (%" PRId64 ", %" PRId64
                           ") with padding (%d, %d)",
                           a->kernel[0], a->kernel[1], plane[0], plane[1], a->padding[0],
                           a->padding[1]);
            return false;
        }
    }
    return true;
}

/* The size of the result, where the attribute gives it. */
static bool check_size(struct clg_infer *infer)
{
    const struct clg_pool_attr *a = infer->attr;
    if (a->size[0] < 1 || a->size[1] < 1)
        clg_infer_fail(infer, "the result is (%d, %d), must be at least (1, 1)", a->size[0],
                       a->size[1]);
    return !infer->failed;
}

static clg_shape with_planes(const clg_shape *like, int64_t height, int64_t width)
{
    return clg_shape4(like->dim[0], like->dim[1], height, width);
}

void clg_shape_max_pool2d(struct clg_infer *infer)
{
    const clg_shape *x = &infer->in[0].shape;
    const struct clg_pool_attr *a = infer->attr;
    int64_t places[2] = {a->size[0], a->size[1]};
    if (!check_planes(infer, 0))
        return;
    if (a->flags & CLG_POOL_ADAPTIVE ? !check_size(infer)
                                     : !check_windows(infer, x->dim + 2, places))
        return;
    infer->out[0].shape = with_planes(x, places[0], places[1]);
    infer->out[1] = (struct clg_type){CLG_I32, infer->out[0].shape};
}

static bool check_index(struct clg_infer *infer)
{
    if (infer->in[1].dtype != CLG_I32 || infer->in[1].shape.rank != 4)
        clg_infer_fail(infer, "the indices must be int32 with 4 dimensions");
    return !infer->failed;
}

void clg_shape_max_pool2d_grad(struct clg_infer *infer)
{
    const struct clg_pool_attr *a = infer->attr;
    if (!check_planes(infer, 0) || !check_index(infer))
        return;
    if (!clg_same_shape(&infer->in[0].shape, &infer->in[1].shape))
        clg_infer_fail(infer, "gradient and indices must have one shape");
    infer->out[0].shape = with_planes(&infer->in[0].shape, a->size[0], a->size[1]);
}

void clg_shape_max_pool2d_pick(struct clg_infer *infer)
{
    const clg_shape *x = &infer->in[0].shape, *index = &infer->in[1].shape;
    if (!check_planes(infer, 0) || !check_index(infer))
        return;
    if (x->dim[0] != index->dim[0] || x->dim[1] != index->dim[1])
        clg_infer_fail(infer, "input and indices must have as many planes");
    infer->out[0].shape = *index;
}

/* avg_pool2d and its gradient: the size of the result is the attribute's. */
void clg_shape_avg_pool2d(struct clg_infer *infer)
{
    const struct clg_pool_attr *a = infer->attr;
    if (!check_planes(infer, 0) || !check_size(infer))
        return;
    infer->out[0].shape = with_planes(&infer->in[0].shape, a->size[0], a->size[1]);
}

/* ---- builders ---- */

clg_pool_params clg_pool_defaults(void)
{
    return (clg_pool_params){.dilation = {1, 1}, .count_include_pad = true};
}

static struct clg_pool_attr attribute_of(int32_t kh, int32_t kw, const clg_pool_params *params)
{
    clg_pool_params p = params ? *params : clg_pool_defaults();
    struct clg_pool_attr attr;
    memset(&attr, 0, sizeof(attr));
    attr.kernel[0] = kh;
    attr.kernel[1] = kw;
    for (int i = 0; i < 2; i++) {
        attr.stride[i] = p.stride[i] ? p.stride[i] : attr.kernel[i];
        attr.padding[i] = p.padding[i];
        attr.dilation[i] = p.dilation[i];
    }
    attr.flags = p.count_include_pad ? CLG_POOL_COUNT_PADDING : 0;
    return attr;
}

static clg_tensor pool(const struct clg_op *op, clg_tensor a, clg_tensor b,
                       const struct clg_pool_attr *attr)
{
    return clg_node_add(a.graph ? a.graph : b.graph, op, (clg_tensor[]){a, b}, op->min_in, attr,
                        NULL);
}

clg_tensor clg_max_pool2d(clg_tensor x, int32_t kh, int32_t kw, const clg_pool_params *params)
{
    struct clg_pool_attr attr = attribute_of(kh, kw, params);
    attr.flags = 0;
    return pool(CLG_OP(max_pool2d), x, x, &attr);
}

/* Checks what the shape rule cannot: it sees the size of the result alone. */
static bool average_size(clg_tensor x, struct clg_pool_attr *attr)
{
    clg_shape shape = clg_tensor_shape(x);
    struct clg_type type = {CLG_F32, shape}, out;
    struct clg_infer infer = {.graph = x.graph,
                              .op = CLG_OP(avg_pool2d),
                              .n_in = 1,
                              .in = &type,
                              .attr = attr,
                              .out = &out};
    int64_t places[2];
    if (!clg_tensor_valid(x) || !check_planes(&infer, 0) ||
        !check_windows(&infer, shape.dim + 2, places))
        return false;
    attr->size[0] = (int32_t)places[0];
    attr->size[1] = (int32_t)places[1];
    return true;
}

clg_tensor clg_avg_pool2d(clg_tensor x, int32_t kh, int32_t kw, const clg_pool_params *params)
{
    struct clg_pool_attr attr = attribute_of(kh, kw, params);
    attr.dilation[0] = attr.dilation[1] = 1;
    if (!average_size(x, &attr))
        return (clg_tensor){NULL, -1, 0};
    return pool(CLG_OP(avg_pool2d), x, x, &attr);
}

/* ---- gradients ---- */

static struct clg_pool_attr resized(const struct clg_gradient *g, clg_tensor like)
{
    struct clg_pool_attr attr = *(const struct clg_pool_attr *)g->attr;
    clg_shape shape = clg_tensor_shape(like);
    attr.size[0] = (int32_t)shape.dim[2];
    attr.size[1] = (int32_t)shape.dim[3];
    return attr;
}

void clg_grad_max_pool2d(struct clg_gradient *g)
{
    struct clg_pool_attr attr = resized(g, g->in[0]);
    g->dx[0] = pool(CLG_OP(max_pool2d_grad), g->dy[0], g->out[1], &attr);
}

void clg_grad_max_pool2d_grad(struct clg_gradient *g)
{
    struct clg_pool_attr attr = resized(g, g->in[0]);
    if (g->need[0])
        g->dx[0] = pool(CLG_OP(max_pool2d_pick), g->dy[0], g->in[1], &attr);
}

void clg_grad_max_pool2d_pick(struct clg_gradient *g)
{
    struct clg_pool_attr attr = resized(g, g->in[0]);
    if (g->need[0])
        g->dx[0] = pool(CLG_OP(max_pool2d_grad), g->dy[0], g->in[1], &attr);
}

void clg_grad_avg_pool2d(struct clg_gradient *g)
{
    struct clg_pool_attr attr = resized(g, g->in[0]);
    g->dx[0] = pool(CLG_OP(avg_pool2d_grad), g->dy[0], g->dy[0], &attr);
}

void clg_grad_avg_pool2d_grad(struct clg_gradient *g)
{
    struct clg_pool_attr attr = resized(g, g->in[0]);
    g->dx[0] = pool(CLG_OP(avg_pool2d), g->dy[0], g->dy[0], &attr);
}

/* ---- lowering ---- */

/* A kernel of cl/pool.cl between planes x and windows y, an element of `each` at a time. */
static void launch_pool(struct clg_lower *lower, const char *kernel, const clg_shape *x,
                        const clg_shape *y, const clg_shape *each)
{
    const struct clg_pool_attr *a = lower->attr;
    struct clg_launch *launch =
        clg_launch_kernel(lower->launches, "pool", kernel, NULL, lower->label);
    for (uint32_t i = 0; i < lower->n_in; i++)
        clg_launch_view(launch, &lower->in[i]);
    for (uint32_t i = 0; i < lower->n_out; i++)
        clg_launch_view(launch, &lower->out[i]);
    const int64_t numbers[] = {
        x->dim[0] * x->dim[1], x->dim[2],      x->dim[3],      y->dim[2],    y->dim[3],
        a->kernel[0],          a->kernel[1],   a->stride[0],   a->stride[1], a->padding[0],
        a->padding[1],         a->dilation[0], a->dilation[1], a->flags};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        clg_launch_int(launch, numbers[i]);
    uint64_t nx = (uint64_t)clg_shape_count(x), ny = (uint64_t)clg_shape_count(y);
    clg_launch_items(launch, (size_t)clg_shape_count(each));
    clg_launch_cost(launch, ny * (uint64_t)a->kernel[0] * (uint64_t)a->kernel[1],
                    4 * (nx + ny * (lower->n_in + lower->n_out - 1)));
}

void clg_lower_max_pool2d(struct clg_lower *lower)
{
    launch_pool(lower, "max_pool2d", &lower->in[0].shape, &lower->out[0].shape,
                &lower->out[0].shape);
}

void clg_lower_max_pool2d_grad(struct clg_lower *lower)
{
    launch_pool(lower, "max_pool2d_grad", &lower->out[0].shape, &lower->in[0].shape,
                &lower->out[0].shape);
}

void clg_lower_max_pool2d_pick(struct clg_lower *lower)
{
    launch_pool(lower, "max_pool2d_pick", &lower->in[0].shape, &lower->out[0].shape,
                &lower->out[0].shape);
}

void clg_lower_avg_pool2d(struct clg_lower *lower)
{
    launch_pool(lower, "avg_pool2d", &lower->in[0].shape, &lower->out[0].shape,
                &lower->out[0].shape);
}

void clg_lower_avg_pool2d_grad(struct clg_lower *lower)
{
    launch_pool(lower, "avg_pool2d_grad", &lower->out[0].shape, &lower->in[0].shape,
                &lower->out[0].shape);
}
