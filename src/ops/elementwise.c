/* Arithmetic, comparison and choice: an element of the result from the elements at its place. */
#include "base/text.h"
#include "ops/families.h"

void clg_shape_elementwise(struct clg_infer *infer)
{
    clg_shape *out = &infer->out[0].shape;
    *out = infer->in[0].shape;
    for (uint32_t i = 0; i < infer->n_in; i++) {
        char a[CLG_SHAPE_TEXT], b[CLG_SHAPE_TEXT];
        clg_shape before = *out;
        if (infer->in[i].dtype != CLG_F32 && infer->in[i].dtype != CLG_I32)
            clg_infer_fail(infer, "input %u must be float32 or int32", i);
        else if (!clg_shape_broadcast(&before, &infer->in[i].shape, out))
            clg_infer_fail(infer,
                           "shapes %s and %s do not broadcast: aligned at the end, "
                           "dimensions must be equal or 1",
                           clg_shape_text(&before, a), clg_shape_text(&infer->in[i].shape, b));
        if (infer->failed)
            return;
    }
    uint32_t dtype = ((const struct clg_ew_attr *)infer->attr)->dtype;
    infer->out[0].dtype = dtype ? (clg_dtype)dtype : CLG_F32;
}

clg_tensor clg_add(clg_tensor a, clg_tensor b)
{
    return clg_binary(CLG_OP(add), a, b, 0);
}

void clg_grad_add(struct clg_gradient *g)
{
    clg_give(g, 0, g->dy[0]);
    clg_give(g, 1, g->dy[0]);
}

clg_tensor clg_sub(clg_tensor a, clg_tensor b)
{
    return clg_binary(CLG_OP(sub), a, b, 0);
}

void clg_grad_sub(struct clg_gradient *g)
{
    clg_give(g, 0, g->dy[0]);
    if (g->need[1])
        clg_give(g, 1, clg_neg(g->dy[0]));
}

clg_tensor clg_mul(clg_tensor a, clg_tensor b)
{
    return clg_binary(CLG_OP(mul), a, b, 0);
}

void clg_grad_mul(struct clg_gradient *g)
{
    for (uint32_t i = 0; i < 2; i++)
        if (g->need[i])
            clg_give(g, i, clg_mul(g->dy[0], g->in[1 - i]));
}

clg_tensor clg_div(clg_tensor a, clg_tensor b)
{
    return clg_binary(CLG_OP(div), a, b, 0);
}

/* y = a / b: dy / b, and -a / b^2 dy = -y dy / b. */
void clg_grad_div(struct clg_gradient *g)
{
    if (g->need[0])
        clg_give(g, 0, clg_div(g->dy[0], g->in[1]));
    if (g->need[1])
        clg_give(g, 1, clg_neg(clg_div(clg_mul(g->dy[0], g->out[0]), g->in[1])));
}

clg_tensor clg_max(clg_tensor a, clg_tensor b)
{
    return clg_binary(CLG_OP(max), a, b, 0);
}

clg_tensor clg_min(clg_tensor a, clg_tensor b)
{
    return clg_binary(CLG_OP(min), a, b, 0);
}

/* The gradient goes to a where the mask is 1, to b elsewhere. */
static void give_by_mask(struct clg_gradient *g, const struct clg_op *compare)
{
    clg_tensor mask = clg_binary(compare, g->in[0], g->in[1], 0);
    if (g->need[0])
        clg_give(g, 0, clg_binary(CLG_OP(keep), mask, g->dy[0], 0));
    if (g->need[1])
        clg_give(g, 1, clg_binary(CLG_OP(drop), mask, g->dy[0], 0));
}

void clg_grad_max(struct clg_gradient *g)
{
    give_by_mask(g, CLG_OP(ge));
}

void clg_grad_min(struct clg_gradient *g)
{
    give_by_mask(g, CLG_OP(le));
}

void clg_grad_keep(struct clg_gradient *g)
{
    if (g->need[1])
        clg_give(g, 1, clg_binary(CLG_OP(keep), g->in[0], g->dy[0], 0));
}

void clg_grad_drop(struct clg_gradient *g)
{
    if (g->need[1])
        clg_give(g, 1, clg_binary(CLG_OP(drop), g->in[0], g->dy[0], 0));
}

clg_tensor clg_neg(clg_tensor x)
{
    return clg_unary(CLG_OP(neg), x, 0);
}

void clg_grad_neg(struct clg_gradient *g)
{
    clg_give(g, 0, clg_neg(g->dy[0]));
}

clg_tensor clg_square(clg_tensor x)
{
    return clg_unary(CLG_OP(square), x, 0);
}

void clg_grad_square(struct clg_gradient *g)
{
    clg_give(g, 0, clg_affine(clg_mul(g->dy[0], g->in[0]), 2, 0));
}

clg_tensor clg_sqrt(clg_tensor x)
{
    return clg_unary(CLG_OP(sqrt), x, 0);
}

void clg_grad_sqrt(struct clg_gradient *g)
{
    clg_give(g, 0, clg_div(clg_affine(g->dy[0], 0.5f, 0), g->out[0]));
}

clg_tensor clg_exp(clg_tensor x)
{
    return clg_unary(CLG_OP(exp), x, 0);
}

void clg_grad_exp(struct clg_gradient *g)
{
    clg_give(g, 0, clg_mul(g->dy[0], g->out[0]));
}

clg_tensor clg_log(clg_tensor x)
{
    return clg_unary(CLG_OP(log), x, 0);
}

void clg_grad_log(struct clg_gradient *g)
{
    clg_give(g, 0, clg_div(g->dy[0], g->in[0]));
}

clg_tensor clg_abs(clg_tensor x)
{
    return clg_unary(CLG_OP(abs), x, 0);
}

void clg_grad_abs(struct clg_gradient *g)
{
    clg_give(g, 0, clg_mul(g->dy[0], clg_unary(CLG_OP(sign), g->in[0], 0)));
}

clg_tensor clg_affine(clg_tensor x, float a, float b)
{
    struct clg_ew_attr attr = {.p = {a, b}};
    return clg_node_add(x.graph, CLG_OP(affine), &x, 1, &attr, NULL);
}

void clg_grad_affine(struct clg_gradient *g)
{
    const struct clg_ew_attr *attr = g->attr;
    clg_give(g, 0, clg_affine(g->dy[0], attr->p[0], 0));
}
