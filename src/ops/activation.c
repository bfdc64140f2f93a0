/* Activations. Gradients are written with the result where that is cheaper than the input, and with
 * ops that have gradients themselves, so that each can be differentiated any number of times. */
#include "ops/families.h"

static float slope_of(const struct clg_gradient *g)
{
    return ((const struct clg_ew_attr *)g->attr)->p[0];
}

clg_tensor clg_relu(clg_tensor x)
{
    return clg_unary(CLG_OP(relu), x, 0);
}

void clg_grad_relu(struct clg_gradient *g)
{
    clg_give(g, 0, clg_binary(CLG_OP(relu_grad), g->out[0], g->dy[0], 0));
}

void clg_grad_relu_grad(struct clg_gradient *g)
{
    if (g->need[1])
        clg_give(g, 1, clg_binary(CLG_OP(relu_grad), g->in[0], g->dy[0], 0));
}

clg_tensor clg_leaky_relu(clg_tensor x, float slope)
{
    return clg_unary(CLG_OP(leaky_relu), x, slope);
}

void clg_grad_leaky_relu(struct clg_gradient *g)
{
    clg_give(g, 0, clg_binary(CLG_OP(leaky_relu_grad), g->in[0], g->dy[0], slope_of(g)));
}

void clg_grad_leaky_relu_grad(struct clg_gradient *g)
{
    if (g->need[1])
        clg_give(g, 1, clg_binary(CLG_OP(leaky_relu_grad), g->in[0], g->dy[0], slope_of(g)));
}

clg_tensor clg_sigmoid(clg_tensor x)
{
    return clg_unary(CLG_OP(sigmoid), x, 0);
}

/* y' = y (1 - y) */
void clg_grad_sigmoid(struct clg_gradient *g)
{
    clg_tensor y = g->out[0];
    clg_give(g, 0, clg_mul(g->dy[0], clg_mul(y, clg_affine(y, -1, 1))));
}

clg_tensor clg_tanh(clg_tensor x)
{
    return clg_unary(CLG_OP(tanh), x, 0);
}

/* y' = 1 - y^2 */
void clg_grad_tanh(struct clg_gradient *g)
{
    clg_give(g, 0, clg_mul(g->dy[0], clg_affine(clg_square(g->out[0]), -1, 1)));
}

clg_tensor clg_hard_sigmoid(clg_tensor x)
{
    return clg_unary(CLG_OP(hard_sigmoid), x, 0);
}

void clg_grad_hard_sigmoid(struct clg_gradient *g)
{
    clg_give(g, 0, clg_binary(CLG_OP(hard_sigmoid_grad), g->in[0], g->dy[0], 0));
}

void clg_grad_hard_sigmoid_grad(struct clg_gradient *g)
{
    if (g->need[1])
        clg_give(g, 1, clg_binary(CLG_OP(hard_sigmoid_grad), g->in[0], g->dy[0], 0));
}
