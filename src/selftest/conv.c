/* Convolution and its gradients: every product of a pixel and a weight by the definition. Errors:
 * the length of the sum. */
#include <math.h>
#include <string.h>
#include "selftest/cases.h"
#include "selftest/oracle.h"

/* x (N, C, H, W), w (O, C / groups, kh, kw), y (N, O, OH, OW): the arrays of a call by their roles.
 */
struct convolution {
    const struct clg_oracle_array *a, *b; /* the two that are multiplied */
    struct clg_oracle_array *to;
    const struct clg_conv_attr *attr;
    const clg_shape *x, *w, *y;
    double *size; /* per element of the result: the sum of the products' absolute values */
    int64_t *terms;
};

/* Where a product of x[i] and w[j] for y[k] goes. */
typedef void product_at(struct convolution *c, int64_t x, int64_t w, int64_t y);

static void add_product(struct convolution *c, int64_t a, int64_t b, int64_t to)
{
    double u = c->a->value[a], v = c->b->value[b], eu = c->a->error[a], ev = c->b->error[b];
    c->to->value[to] += u * v;
    c->to->error[to] += fabs(u) * ev + fabs(v) * eu + eu * ev;
    c->size[to] += fabs(u * v);
    c->terms[to]++;
}

static void forward_at(struct convolution *c, int64_t x, int64_t w, int64_t y)
{
    add_product(c, x, w, y);
}

static void input_at(struct convolution *c, int64_t x, int64_t w, int64_t y)
{
    add_product(c, y, w, x);
}

static void weight_at(struct convolution *c, int64_t x, int64_t w, int64_t y)
{
    add_product(c, y, x, w);
}

/* All products for one place of y. */
static void each_at(struct convolution *c, int64_t y, const int64_t at[4], product_at *product)
{
    const struct clg_conv_attr *p = c->attr;
    const int64_t *W = c->w->dim, *X = c->x->dim;
    int64_t first = at[1] / (W[0] / p->groups) * W[1]; /* channel of the group */
    for (int64_t c1 = 0; c1 < W[1]; c1++)
        for (int64_t i = 0; i < W[2]; i++)
            for (int64_t j = 0; j < W[3]; j++) {
                int64_t h = at[2] * p->stride[0] - p->padding[0] + i * p->dilation[0];
                int64_t v = at[3] * p->stride[1] - p->padding[1] + j * p->dilation[1];
                if (h >= 0 && h < X[2] && v >= 0 && v < X[3])
                    product(c, ((at[0] * X[1] + first + c1) * X[2] + h) * X[3] + v,
                            ((at[1] * W[1] + c1) * W[2] + i) * W[3] + j, y);
            }
}

static void convolve(const struct clg_oracle_call *call, struct convolution c, product_at *product)
{
    size_t count = (size_t)call->out->count;
    c.a = &call->in[0];
    c.b = &call->in[1];
    c.to = call->out;
    c.attr = call->attr;
    c.size = clg_new(call->ctx, count, sizeof(*c.size));
    c.terms = clg_new(call->ctx, count, sizeof(*c.terms));
    memset(c.to->value, 0, count * sizeof(double));
    for (int64_t i = 0; c.size && c.terms && i < clg_extent(c.y, 0, 4); i++) {
        int64_t at[CLG_MAX_RANK];
        clg_unravel(c.y, i, at);
        each_at(&c, i, at, product);
    }
    for (size_t i = 0; i < count; i++)
        c.to->error[i] += c.size && c.terms ? clg_sum_error(c.terms[i]) * c.size[i] : NAN;
    clg_free(call->ctx, c.size);
    clg_free(call->ctx, c.terms);
}

void clg_oracle_conv2d(const struct clg_oracle_call *call)
{
    struct convolution c = {
        .x = &call->in[0].shape, .w = &call->in[1].shape, .y = &call->out->shape};
    convolve(call, c, forward_at);
}

void clg_oracle_conv2d_grad_input(const struct clg_oracle_call *call)
{
    struct convolution c = {
        .x = &call->out->shape, .w = &call->in[1].shape, .y = &call->in[0].shape};
    convolve(call, c, input_at);
}

void clg_oracle_conv2d_grad_weight(const struct clg_oracle_call *call)
{
    struct convolution c = {
        .x = &call->in[1].shape, .w = &call->out->shape, .y = &call->in[0].shape};
    convolve(call, c, weight_at);
}

/* ---- cases ---- */

struct example {
    const char *what;
    int64_t x[4], w[4];
    int32_t stride[2], padding[2], dilation[2], groups;
    enum { ONCE, TWICE, VALUES } check; /* VALUES: large, the oracle takes its time */
};
static const struct example examples[] = {
    {"5×5 on (batch, 3, 9, 8)",
     {CLG_BATCH, 3, 9, 8},
     {4, 3, 5, 5},
     {1, 1},
     {0, 0},
     {1, 1},
     1,
     TWICE},
    {"3×3 padded, 17×19", {2, 3, 17, 19}, {7, 3, 3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, ONCE},
    {"1×1", {5, 7, 3, 3}, {3, 7, 1, 1}, {1, 1}, {0, 0}, {1, 1}, 1, ONCE},
    {"1×1, stride 2, 11×13", {1, 2, 11, 13}, {1, 2, 1, 1}, {2, 2}, {0, 0}, {1, 1}, 1, ONCE},
    {"stride (2, 3), padding (1, 2)",
     {CLG_BATCH, 2, 9, 11},
     {3, 2, 3, 4},
     {2, 3},
     {1, 2},
     {1, 1},
     1,
     TWICE},
    {"stride over the kernel", {2, 2, 13, 12}, {3, 2, 2, 3}, {5, 4}, {0, 1}, {1, 1}, 1, ONCE},
    {"dilation (2, 3)", {2, 2, 11, 12}, {3, 2, 3, 3}, {1, 2}, {2, 0}, {2, 3}, 1, TWICE},
    {"2 groups", {3, 4, 6, 5}, {6, 2, 3, 2}, {1, 1}, {1, 0}, {1, 1}, 2, TWICE},
    {"depthwise, two of each",
     {CLG_BATCH, 5, 7, 6},
     {10, 1, 3, 3},
     {2, 1},
     {1, 1},
     {1, 1},
     5,
     ONCE},
    {"one image, one place", {1, 3, 5, 4}, {2, 3, 5, 4}, {1, 1}, {0, 0}, {1, 1}, 1, ONCE},
    {"more padding than image", {2, 1, 1, 2}, {2, 1, 3, 3}, {1, 1}, {3, 2}, {1, 1}, 1, ONCE},
    {"blocks of images", {3, 2, 20, 20}, {2, 2, 16, 16}, {1, 1}, {8, 8}, {1, 1}, 1, VALUES},
    {"blocks of 2 groups", {3, 2, 40, 41}, {2, 1, 21, 21}, {1, 1}, {10, 10}, {1, 1}, 2, VALUES},
};
enum { EXAMPLES = sizeof(examples) / sizeof(examples[0]) };

static struct clg_conv_attr attribute(const struct example *e)
{
    struct clg_conv_attr attr = {{0}, {0}, {0}, {0}, e->groups, 0};
    memcpy(attr.stride, e->stride, sizeof(attr.stride));
    memcpy(attr.padding, e->padding, sizeof(attr.padding));
    memcpy(attr.dilation, e->dilation, sizeof(attr.dilation));
    return attr;
}

static clg_shape result_shape(const struct example *e)
{
    int64_t out[2];
    for (int i = 0; i < 2; i++)
        out[i] = (e->x[2 + i] + 2 * e->padding[i] - e->dilation[i] * (e->w[2 + i] - 1) - 1) /
                     e->stride[i] +
                 1;
    return clg_shape4(e->x[0], e->w[0], out[0], out[1]);
}

static void end(struct clg_cases *cases, const struct example *e, clg_tensor y)
{
    if (e->check == TWICE)
        clg_check_twice(cases, e->what, y);
    else if (e->check == VALUES)
        clg_check_forward(cases, e->what, y);
    else
        clg_check(cases, e->what, y);
}

static void try_op(struct clg_cases *cases, const struct example *e, const struct clg_op *op,
                   clg_shape a, clg_shape b, int64_t height, int64_t width)
{
    if (e->check == VALUES && !clg_case_large(cases))
        return;
    struct clg_conv_attr attr = attribute(e);
    attr.size[0] = (int32_t)height;
    attr.size[1] = (int32_t)width;
    clg_tensor in[2] = {clg_case_uniform(cases, a, -1, 1), clg_case_uniform(cases, b, -1, 1)};
    end(cases, e, clg_node_add(in[0].graph, op, in, 2, &attr, NULL));
}

void clg_cases_conv2d(struct clg_cases *cases)
{
    for (int i = 0; i < EXAMPLES; i++) {
        const struct example *e = &examples[i];
        try_op(cases, e, CLG_OP(conv2d), clg_shape_make(4, e->x), clg_shape_make(4, e->w), 0, 0);
    }
    clg_conv_params p = clg_conv_defaults();
    p.stride[0] = 2;
    p.padding[0] = 1;
    clg_tensor x = clg_case_uniform(cases, clg_shape3(CLG_BATCH, 3, 11), -1, 1);
    clg_check(cases, "conv1d",
              clg_conv1d(x, clg_case_uniform(cases, clg_shape3(4, 3, 4), -1, 1), &p));
    x = clg_case_uniform(cases, clg_shape4(CLG_BATCH, 2, 5, 6), -1, 1);
    clg_tensor w = clg_case_uniform(cases, clg_shape4(3, 2, 3, 3), -1, 1);
    clg_tensor b = clg_case_uniform(cases, clg_shape3(3, 1, 1), -1, 1);
    clg_check(cases, "with bias and activation", clg_tanh(clg_add(clg_conv2d(x, w, NULL), b)));
}

void clg_cases_conv2d_grad_input(struct clg_cases *cases)
{
    for (int i = 0; i < EXAMPLES; i++) {
        const struct example *e = &examples[i];
        try_op(cases, e, CLG_OP(conv2d_grad_input), result_shape(e), clg_shape_make(4, e->w),
               e->x[2], e->x[3]);
    }
    clg_conv_params p = clg_conv_defaults();
    p.stride[0] = 3;
    p.stride[1] = 2;
    p.output_padding[0] = p.padding[0] = p.padding[1] = 1;
    clg_tensor x = clg_case_uniform(cases, clg_shape4(CLG_BATCH, 3, 4, 5), -1, 1);
    clg_tensor w = clg_case_uniform(cases, clg_shape4(3, 2, 3, 4), -1, 1);
    clg_check(cases, "transposed, with output padding", clg_conv_transpose2d(x, w, &p));
}

void clg_cases_conv2d_grad_weight(struct clg_cases *cases)
{
    for (int i = 0; i < EXAMPLES; i++) {
        const struct example *e = &examples[i];
        try_op(cases, e, CLG_OP(conv2d_grad_weight), result_shape(e), clg_shape_make(4, e->x),
               e->w[2], e->w[3]);
    }
}
