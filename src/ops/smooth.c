/* Activations beyond those of activation.c. Most are compositions, which the fuser makes one
 * kernel; those that would lose digits that way are ops. */
#include "ops/families.h"

/* One number everywhere, beside x. */
static clg_tensor number(clg_tensor x, float value)
{
    return clg_tensor_valid(x) ? clg_fill(x.graph, clg_shape0(), value) : x;
}

/* The gradient at an end goes to the number: 0, as in PyTorch. */
clg_tensor clg_hard_tanh(clg_tensor x, float low, float high)
{
    if (clg_tensor_valid(x) && !(low < high))
        return clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                              "hard_tanh: the lower end is %g, must be below the upper end %g",
                              (double)low, (double)high);
    return clg_max(number(x, low), clg_min(number(x, high), x));
}

clg_tensor clg_relu6(clg_tensor x)
{
    return clg_hard_tanh(x, 0, 6);
}

/* The slopes (C) against x (N, C, ...): with a 1 for every dimension after the second. */
static clg_tensor slope_like(clg_tensor x, clg_tensor slope)
{
    clg_shape of = clg_tensor_shape(x), shape = clg_tensor_shape(slope);
    if (shape.rank == 0 || (shape.rank == 1 && shape.dim[0] == 1))
        return clg_reshape(slope, clg_shape0());
    if (shape.rank != 1 || of.rank < 2 || shape.dim[0] != of.dim[1])
        return clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                              "prelu: the slopes must be one number, or one for each channel "
                              "(dimension 1 of the input)");
    for (int i = 2; i < of.rank; i++)
        shape.dim[shape.rank++] = 1;
    return clg_reshape(slope, shape);
}

clg_tensor clg_prelu(clg_tensor x, clg_tensor slope)
{
    if (!clg_tensor_valid(x) || !clg_tensor_valid(slope))
        return clg_mul(x, slope);
    clg_tensor below = clg_mul(x, slope_like(x, slope));
    return clg_where(clg_gt(x, number(x, 0)), x, below);
}

/* The minimum keeps e^x finite where it is not chosen. */
clg_tensor clg_elu(clg_tensor x, float alpha)
{
    clg_tensor zero = number(x, 0);
    clg_tensor below = clg_affine(clg_expm1(clg_min(x, zero)), alpha, 0);
    return clg_where(clg_gt(x, zero), x, below);
}

/* Klambauer et al. 2017 */
clg_tensor clg_selu(clg_tensor x)
{
    return clg_affine(clg_elu(x, 1.67326324f), 1.05070099f, 0);
}

clg_tensor clg_celu(clg_tensor x, float alpha)
{
    if (clg_tensor_valid(x) && !(alpha > 0))
        return clg_graph_fail(x.graph, CLG_ERR_ARGUMENT, "celu: alpha is %g, must be over 0",
                              (double)alpha);
    return clg_affine(clg_elu(clg_affine(x, 1 / alpha, 0), 1), alpha, 0);
}

clg_tensor clg_gelu(clg_tensor x)
{
    return clg_unary(CLG_OP(gelu), x, 0);
}

void clg_grad_gelu(struct clg_gradient *g)
{
    clg_give(g, 0, clg_binary(CLG_OP(gelu_grad), g->in[0], g->dy[0], 0));
}

/* By x: the bell e^(-x^2 / 2) / sqrt(2 pi) times 2 - x^2. */
void clg_grad_gelu_grad(struct clg_gradient *g)
{
    clg_tensor x = g->in[0], square = clg_square(x);
    if (g->need[0]) {
        clg_tensor bell = clg_affine(clg_exp(clg_affine(square, -0.5f, 0)), 0.398942280f, 0);
        clg_tensor slope = clg_mul(bell, clg_affine(square, -1, 2));
        clg_give(g, 0, clg_mul(clg_mul(g->dy[0], g->in[1]), slope));
    }
    if (g->need[1])
        clg_give(g, 1, clg_binary(CLG_OP(gelu_grad), x, g->dy[0], 0));
}

/* (1 + tanh(u)) / 2 is sigmoid(2 u). */
clg_tensor clg_gelu_tanh(clg_tensor x)
{
    clg_tensor cubic = clg_affine(clg_square(x), 0.044715f, 1);
    clg_tensor u2 = clg_mul(clg_affine(x, 1.59576912f, 0), cubic);
    return clg_mul(x, clg_sigmoid(u2));
}

clg_tensor clg_silu(clg_tensor x)
{
    return clg_mul(x, clg_sigmoid(x));
}

clg_tensor clg_softplus(clg_tensor x)
{
    return clg_unary(CLG_OP(softplus), x, 0);
}

/* The op itself is x over 20, where the difference is below its last digit: a larger threshold need
 * not be looked for. */
clg_tensor clg_softplus_with(clg_tensor x, float beta, float threshold)
{
    if (clg_tensor_valid(x) && !(beta > 0))
        return clg_graph_fail(x.graph, CLG_ERR_ARGUMENT, "softplus: beta is %g, must be over 0",
                              (double)beta);
    clg_tensor scaled = clg_affine(x, beta, 0);
    clg_tensor y = clg_affine(clg_softplus(scaled), 1 / beta, 0);
    if (threshold >= 20)
        return y;
    return clg_where(clg_gt(scaled, number(x, threshold)), x, y);
}

/* Over the threshold, 20, the sigmoid is 1 to all digits. */
void clg_grad_softplus(struct clg_gradient *g)
{
    clg_give(g, 0, clg_mul(g->dy[0], clg_sigmoid(g->in[0])));
}

clg_tensor clg_log_sigmoid(clg_tensor x)
{
    return clg_neg(clg_softplus(clg_neg(x)));
}

clg_tensor clg_mish(clg_tensor x)
{
    return clg_mul(x, clg_tanh(clg_softplus(x)));
}

clg_tensor clg_softsign(clg_tensor x)
{
    return clg_div(x, clg_affine(clg_abs(x), 1, 1));
}

clg_tensor clg_hard_swish(clg_tensor x)
{
    return clg_mul(x, clg_hard_sigmoid(x));
}
