/* Functions of one number, and powers. */
#include "ops/families.h"

static clg_tensor times(clg_tensor x, float factor)
{
    return clg_affine(x, factor, 0);
}

clg_tensor clg_pow(clg_tensor a, clg_tensor b)
{
    return clg_binary(CLG_OP(pow), a, b, 0);
}

/* b a^(b - 1) dy, and y ln(a) dy; 0 where b, or a, is 0, as in PyTorch. */
void clg_grad_pow(struct clg_gradient *g)
{
    clg_tensor a = g->in[0], b = g->in[1], dy = g->dy[0];
    if (g->need[0]) {
        clg_tensor slope = clg_mul(b, clg_pow(a, clg_affine(b, 1, -1)));
        clg_give(g, 0, clg_binary(CLG_OP(keep), b, clg_mul(dy, slope), 0));
    }
    if (g->need[1]) {
        clg_tensor slope = clg_mul(g->out[0], clg_log(a));
        clg_give(g, 1, clg_binary(CLG_OP(keep), a, clg_mul(dy, slope), 0));
    }
}

clg_tensor clg_rsqrt(clg_tensor x)
{
    return clg_unary(CLG_OP(rsqrt), x, 0);
}

/* -y^3 / 2 */
void clg_grad_rsqrt(struct clg_gradient *g)
{
    clg_tensor y = g->out[0];
    clg_give(g, 0, times(clg_mul(g->dy[0], clg_mul(y, clg_square(y))), -0.5f));
}

clg_tensor clg_log1p(clg_tensor x)
{
    return clg_unary(CLG_OP(log1p), x, 0);
}

void clg_grad_log1p(struct clg_gradient *g)
{
    clg_give(g, 0, clg_div(g->dy[0], clg_affine(g->in[0], 1, 1)));
}

clg_tensor clg_expm1(clg_tensor x)
{
    return clg_unary(CLG_OP(expm1), x, 0);
}

void clg_grad_expm1(struct clg_gradient *g)
{
    clg_give(g, 0, clg_mul(g->dy[0], clg_exp(g->in[0])));
}

clg_tensor clg_sin(clg_tensor x)
{
    return clg_unary(CLG_OP(sin), x, 0);
}

void clg_grad_sin(struct clg_gradient *g)
{
    clg_give(g, 0, clg_mul(g->dy[0], clg_cos(g->in[0])));
}

clg_tensor clg_cos(clg_tensor x)
{
    return clg_unary(CLG_OP(cos), x, 0);
}

void clg_grad_cos(struct clg_gradient *g)
{
    clg_give(g, 0, clg_neg(clg_mul(g->dy[0], clg_sin(g->in[0]))));
}

clg_tensor clg_erf(clg_tensor x)
{
    return clg_unary(CLG_OP(erf), x, 0);
}

/* 2 / sqrt(pi) e^(-x^2) */
void clg_grad_erf(struct clg_gradient *g)
{
    clg_tensor bell = clg_exp(clg_neg(clg_square(g->in[0])));
    clg_give(g, 0, times(clg_mul(g->dy[0], bell), 1.12837917f));
}

clg_tensor clg_floor(clg_tensor x)
{
    return clg_unary(CLG_OP(floor), x, 0);
}

clg_tensor clg_round(clg_tensor x)
{
    return clg_unary(CLG_OP(round), x, 0);
}

clg_tensor clg_detach(clg_tensor x)
{
    return clg_unary(CLG_OP(detach), x, 0);
}

/* ---- clip ---- */

clg_tensor clg_clip(clg_tensor x, float low, float high)
{
    if (clg_tensor_valid(x) && !(low <= high))
        return clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                              "clip: the lower end is %g, must be at most the upper end %g",
                              (double)low, (double)high);
    struct clg_ew_attr attr = {.p = {low, high}};
    return clg_node_add(x.graph, CLG_OP(clip), &x, 1, &attr, NULL);
}

/* What flows where x is within the ends. */
static clg_tensor clip_gate(const struct clg_gradient *g, clg_tensor dy)
{
    return clg_node_add(g->graph, CLG_OP(clip_grad), (clg_tensor[]){g->in[0], dy}, 2, g->attr,
                        NULL);
}

void clg_grad_clip(struct clg_gradient *g)
{
    clg_give(g, 0, clip_gate(g, g->dy[0]));
}

void clg_grad_clip_grad(struct clg_gradient *g)
{
    if (g->need[1])
        clg_give(g, 1, clip_gate(g, g->dy[0]));
}

/* ---- cast ---- */

clg_tensor clg_cast(clg_tensor x, clg_dtype type)
{
    if (!clg_tensor_valid(x) || clg_tensor_dtype(x) == type)
        return x;
    if (type != CLG_F32 && type != CLG_I32)
        return clg_graph_fail(x.graph, CLG_ERR_ARGUMENT, "cast: type %d, must be float32 or int32",
                              (int)type);
    struct clg_ew_attr attr = {.dtype = (uint32_t)type};
    return clg_node_add(x.graph, CLG_OP(cast), &x, 1, &attr, NULL);
}
