/* Convolution and its two gradients: three bilinear ops, each the derivative of the others. */
#include <inttypes.h>
#include <string.h>
#include "base/text.h"
#include "ops/conv.h"

clg_conv_params clg_conv_defaults(void)
{
    return (clg_conv_params){.stride = {1, 1}, .dilation = {1, 1}, .groups = 1};
}

int64_t clg_conv_places(int64_t extent, int64_t size, int32_t stride, int32_t padding,
                        int32_t dilation)
{
    int64_t room = extent + 2 * (int64_t)padding - (int64_t)dilation * (size - 1) - 1;
    return room < 0 ? 0 : room / stride + 1;
}

/* ---- shapes ---- */

/* float32 of rank 4, with numbers from dimension `first` on. */
static bool check_tensor(struct clg_infer *infer, uint32_t i, const char *what, int first)
{
    const clg_shape *shape = &infer->in[i].shape;
    char text[CLG_SHAPE_TEXT];
    bool numbers = shape->rank == 4;
    for (int k = first; numbers && k < 4; k++)
        numbers = shape->dim[k] < CLG_BATCH;
    if (infer->in[i].dtype != CLG_F32)
        clg_infer_fail(infer, "%s must be float32", what);
    else if (shape->rank != 4)
        clg_infer_fail(infer, "%s %s must have 4 dimensions", what, clg_shape_text(shape, text));
    else if (!numbers)
        clg_infer_fail(infer, "%s %s may have the batch in its first dimension only", what,
                       clg_shape_text(shape, text));
    return !infer->failed;
}

static bool check_params(struct clg_infer *infer)
{
    const struct clg_conv_attr *a = infer->attr;
    for (int i = 0; i < 2; i++)
        if (a->stride[i] < 1 || a->dilation[i] < 1 || a->padding[i] < 0) {
            clg_infer_fail(infer,
                           "stride %d, padding %d and dilation %d must be at least 1, 0 and 1",
                           a->stride[i], a->padding[i], a->dilation[i]);
            return false;
        }
    if (a->groups < 1)
        clg_infer_fail(infer, "groups is %d, must be at least 1", a->groups);
    return !infer->failed;
}

/* Kernel and image fit together; gives OH and OW. */
static bool find_places(struct clg_infer *infer, const int64_t image[2], const int64_t kernel[2],
                        int64_t out[2])
{
    const struct clg_conv_attr *a = infer->attr;
    for (int i = 0; i < 2; i++) {
        out[i] = kernel[i] < 1 || image[i] < 1 ? 0
                                               : clg_conv_places(image[i], kernel[i], a->stride[i],
                                                                 a->padding[i], a->dilation[i]);
        if (out[i] < 1) {
            clg_infer_fail(infer,
                           "kernel (%" PRId64 ", %" PRId64 ") with dilation (%d, %d) is larger "
                           "than the image (%" PRId64 ", %" PRId64 ") with padding (%d, %d)",
                           kernel[0], kernel[1], a->dilation[0], a->dilation[1], image[0], image[1],
                           a->padding[0], a->padding[1]);
            return false;
        }
    }
    return true;
}

void clg_shape_conv2d(struct clg_infer *infer)
{
    const struct clg_conv_attr *a = infer->attr;
    const clg_shape *x = &infer->in[0].shape, *w = &infer->in[1].shape;
    char tx[CLG_SHAPE_TEXT], tw[CLG_SHAPE_TEXT];
    int64_t out[2];
    if (!check_tensor(infer, 0, "input", 1) || !check_tensor(infer, 1, "weight", 0) ||
        !check_params(infer))
        return;
    if (x->dim[1] != w->dim[1] * a->groups)
        clg_infer_fail(infer, "weight %s needs %" PRId64 " input channels%s, input %s has %" PRId64,
                       clg_shape_text(w, tw), w->dim[1] * a->groups,
                       a->groups > 1 ? " in all groups" : "", clg_shape_text(x, tx), x->dim[1]);
    else if (w->dim[0] % a->groups)
        clg_infer_fail(infer, "%" PRId64 " output channels cannot be split into %d groups",
                       w->dim[0], a->groups);
    else if (find_places(infer, x->dim + 2, w->dim + 2, out))
        infer->out[0].shape = clg_shape4(x->dim[0], w->dim[0], out[0], out[1]);
}

void clg_shape_conv2d_grad_input(struct clg_infer *infer)
{
    const struct clg_conv_attr *a = infer->attr;
    const clg_shape *dy = &infer->in[0].shape, *w = &infer->in[1].shape;
    char td[CLG_SHAPE_TEXT], tw[CLG_SHAPE_TEXT];
    int64_t out[2], image[2] = {a->size[0], a->size[1]};
    if (!check_tensor(infer, 0, "input", 1) || !check_tensor(infer, 1, "weight", 0) ||
        !check_params(infer))
        return;
    if (dy->dim[1] != w->dim[0])
        clg_infer_fail(infer, "weight %s needs %" PRId64 " input channels, input %s has %" PRId64,
                       clg_shape_text(w, tw), w->dim[0], clg_shape_text(dy, td), dy->dim[1]);
    else if (w->dim[0] % a->groups)
        clg_infer_fail(infer, "%" PRId64 " input channels cannot be split into %d groups",
                       w->dim[0], a->groups);
    else if (find_places(infer, image, w->dim + 2, out)) {
        if (out[0] != dy->dim[2] || out[1] != dy->dim[3])
            clg_infer_fail(infer,
                           "an image of (%" PRId64 ", %" PRId64 ") has (%" PRId64 ", %" PRId64
                           ") places, input %s has others",
                           image[0], image[1], out[0], out[1], clg_shape_text(dy, td));
        infer->out[0].shape = clg_shape4(dy->dim[0], w->dim[1] * a->groups, image[0], image[1]);
    }
}

void clg_shape_conv2d_grad_weight(struct clg_infer *infer)
{
    const struct clg_conv_attr *a = infer->attr;
    const clg_shape *dy = &infer->in[0].shape, *x = &infer->in[1].shape;
    char td[CLG_SHAPE_TEXT], tx[CLG_SHAPE_TEXT];
    int64_t out[2], kernel[2] = {a->size[0], a->size[1]};
    if (!check_tensor(infer, 0, "gradient", 1) || !check_tensor(infer, 1, "input", 1) ||
        !check_params(infer))
        return;
    if (dy->dim[0] != x->dim[0] || dy->dim[1] % a->groups || x->dim[1] % a->groups)
        clg_infer_fail(infer,
                       "gradient %s and input %s must have as many images, and channels of %d "
                       "groups",
                       clg_shape_text(dy, td), clg_shape_text(x, tx), a->groups);
    else if (find_places(infer, x->dim + 2, kernel, out)) {
        if (out[0] != dy->dim[2] || out[1] != dy->dim[3])
            clg_infer_fail(infer, "gradient %s does not belong to input %s and this kernel",
                           clg_shape_text(dy, td), clg_shape_text(x, tx));
        infer->out[0].shape = clg_shape4(dy->dim[1], x->dim[1] / a->groups, kernel[0], kernel[1]);
    }
}

/* ---- builders ---- */

static struct clg_conv_attr attribute_of(const clg_conv_params *params)
{
    clg_conv_params p = params ? *params : clg_conv_defaults();
    struct clg_conv_attr attr = {{0}, {0}, {0}, {0}, p.groups, 0};
    memcpy(attr.stride, p.stride, sizeof(attr.stride));
    memcpy(attr.padding, p.padding, sizeof(attr.padding));
    memcpy(attr.dilation, p.dilation, sizeof(attr.dilation));
    return attr;
}

static clg_tensor bilinear(const struct clg_op *op, clg_tensor a, clg_tensor b,
                           const struct clg_conv_attr *attr, const char *name)
{
    clg_graph *graph = a.graph ? a.graph : b.graph;
    return clg_node_add(graph, op, (clg_tensor[]){a, b}, 2, attr, name);
}

clg_tensor clg_conv2d_named(clg_tensor x, clg_tensor weight, const clg_conv_params *params,
                            const char *name)
{
    struct clg_conv_attr attr = attribute_of(params);
    return bilinear(CLG_OP(conv2d), x, weight, &attr, name);
}

clg_tensor clg_conv2d(clg_tensor x, clg_tensor weight, const clg_conv_params *params)
{
    return clg_conv2d_named(x, weight, params, NULL);
}

/* The image that conv2d makes (h, w) of: what it leaves out at the end is output_padding. */
static clg_status transposed_size(clg_tensor x, clg_tensor weight, const clg_conv_params *p,
                                  int32_t size[2])
{
    clg_shape sx = clg_tensor_shape(x), sw = clg_tensor_shape(weight);
    for (int i = 0; i < 2; i++) {
        if (p->output_padding[i] < 0 || p->output_padding[i] >= p->stride[i]) {
            clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                           "conv_transpose2d: output_padding is %d, must be from 0 to under the "
                           "stride %d",
                           p->output_padding[i], p->stride[i]);
            return CLG_ERR_ARGUMENT;
        }
        int64_t n = (sx.dim[2 + i] - 1) * p->stride[i] - 2 * (int64_t)p->padding[i] +
                    p->dilation[i] * (sw.dim[2 + i] - 1) + p->output_padding[i] + 1;
        size[i] = n > 0 && n < INT32_MAX ? (int32_t)n : 0;
    }
    return CLG_OK;
}

clg_tensor clg_conv_transpose2d(clg_tensor x, clg_tensor weight, const clg_conv_params *params)
{
    clg_conv_params p = params ? *params : clg_conv_defaults();
    struct clg_conv_attr attr = attribute_of(&p);
    if (clg_tensor_valid(x) && clg_tensor_valid(weight) && clg_tensor_shape(x).rank == 4 &&
        clg_tensor_shape(weight).rank == 4 && transposed_size(x, weight, &p, attr.size) != CLG_OK)
        return (clg_tensor){NULL, -1, 0};
    return bilinear(CLG_OP(conv2d_grad_input), x, weight, &attr, NULL);
}

/* (N, C, L) as (N, C, 1, L). */
static clg_tensor with_height(clg_tensor t)
{
    clg_shape s = clg_tensor_shape(t);
    return s.rank == 3 ? clg_reshape(t, clg_shape4(s.dim[0], s.dim[1], 1, s.dim[2])) : t;
}

clg_tensor clg_conv1d(clg_tensor x, clg_tensor weight, const clg_conv_params *params)
{
    clg_conv_params p = params ? *params : clg_conv_defaults();
    struct clg_conv_attr attr = {
        {1, p.stride[0]}, {0, p.padding[0]}, {1, p.dilation[0]}, {0}, p.groups, 0};
    if (clg_tensor_valid(x) && clg_tensor_valid(weight) &&
        (clg_tensor_shape(x).rank != 3 || clg_tensor_shape(weight).rank != 3))
        return clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                              "conv1d: input and weight have %d and %d dimensions, must have 3: "
                              "(N, C, L) and (O, C / groups, K)",
                              clg_tensor_shape(x).rank, clg_tensor_shape(weight).rank);
    clg_tensor y = bilinear(CLG_OP(conv2d), with_height(x), with_height(weight), &attr, NULL);
    clg_shape s = clg_tensor_shape(y);
    return clg_tensor_valid(y) ? clg_reshape(y, clg_shape3(s.dim[0], s.dim[1], s.dim[3])) : y;
}

/* ---- gradients: y = x * w; d x = dy *' w; d w = dy *'' x ---- */

static clg_tensor image_from(const struct clg_gradient *g, clg_tensor dy, clg_tensor w,
                             clg_shape like)
{
    struct clg_conv_attr attr = *(const struct clg_conv_attr *)g->attr;
    attr.size[0] = (int32_t)like.dim[2];
    attr.size[1] = (int32_t)like.dim[3];
    return bilinear(CLG_OP(conv2d_grad_input), dy, w, &attr, NULL);
}

static clg_tensor weight_from(const struct clg_gradient *g, clg_tensor dy, clg_tensor x,
                              clg_shape like)
{
    struct clg_conv_attr attr = *(const struct clg_conv_attr *)g->attr;
    attr.size[0] = (int32_t)like.dim[2];
    attr.size[1] = (int32_t)like.dim[3];
    return bilinear(CLG_OP(conv2d_grad_weight), dy, x, &attr, NULL);
}

static clg_tensor result_of(const struct clg_gradient *g, clg_tensor x, clg_tensor w)
{
    struct clg_conv_attr attr = *(const struct clg_conv_attr *)g->attr;
    attr.size[0] = attr.size[1] = 0;
    return bilinear(CLG_OP(conv2d), x, w, &attr, NULL);
}

void clg_grad_conv2d(struct clg_gradient *g)
{
    clg_tensor x = g->in[0], w = g->in[1], dy = g->dy[0];
    if (g->need[0])
        g->dx[0] = image_from(g, dy, w, clg_tensor_shape(x));
    if (g->need[1])
        g->dx[1] = weight_from(g, dy, x, clg_tensor_shape(w));
}

void clg_grad_conv2d_grad_input(struct clg_gradient *g)
{
    clg_tensor dy = g->in[0], w = g->in[1], u = g->dy[0];
    if (g->need[0])
        g->dx[0] = result_of(g, u, w);
    if (g->need[1])
        g->dx[1] = weight_from(g, dy, u, clg_tensor_shape(w));
}

void clg_grad_conv2d_grad_weight(struct clg_gradient *g)
{
    clg_tensor dy = g->in[0], x = g->in[1], u = g->dy[0];
    if (g->need[0])
        g->dx[0] = result_of(g, x, u);
    if (g->need[1])
        g->dx[1] = image_from(g, dy, u, clg_tensor_shape(x));
}
