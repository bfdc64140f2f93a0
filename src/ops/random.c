/* Random ops. A mask is never stored: forward and backward nodes carry the same number, and draw
 * the same uniform numbers from it. */
#include <math.h>
#include "ops/families.h"

static const clg_tensor invalid = {NULL, -1, 0};

clg_tensor clg_dropout(clg_tensor x, float p)
{
    if (!clg_all_float("dropout", &x, 1))
        return invalid;
    if (!(p >= 0 && p <= 1))
        return clg_graph_fail(x.graph, CLG_ERR_ARGUMENT, "dropout: p is %g, must be in [0, 1]",
                              (double)p);
    struct clg_ew_attr attr = {.p = {p}, .number = x.graph->random_nodes++};
    return clg_node_add(x.graph, CLG_OP(dropout), &x, 1, &attr, NULL);
}

void clg_grad_dropout(struct clg_gradient *g)
{
    g->dx[0] = clg_node_add(g->graph, CLG_OP(dropout), &g->dy[0], 1, g->attr, NULL);
}

/* ---- uniform numbers, and what is made of them ---- */

clg_tensor clg_uniform_like(clg_tensor x)
{
    if (!clg_tensor_valid(x))
        return x;
    struct clg_ew_attr attr = {.number = x.graph->random_nodes++};
    return clg_node_add(x.graph, CLG_OP(uniform), &x, 1, &attr, NULL);
}

/* x's first dimensions as they are, 1 for the others; what is there is the number. */
static clg_tensor filled(clg_tensor x, int dims, float value)
{
    clg_shape shape = clg_tensor_shape(x);
    for (int i = dims; i < shape.rank; i++)
        shape.dim[i] = 1;
    return clg_fill(x.graph, shape, value);
}

static bool has_rank(const char *what, clg_tensor x, int least)
{
    int rank = clg_tensor_shape(x).rank;
    if (!clg_all_float(what, &x, 1))
        return false;
    if (rank < least)
        clg_graph_fail(x.graph, CLG_ERR_ARGUMENT, "%s: the input has %d dimensions, must have %d",
                       what, rank, least);
    return rank >= least;
}

clg_tensor clg_dropout2d(clg_tensor x, float p)
{
    return has_rank("dropout2d", x, 2) ? clg_mul(x, clg_dropout(filled(x, 2, 1), p)) : invalid;
}

clg_tensor clg_bernoulli(clg_tensor p)
{
    if (!clg_all_float("bernoulli", &p, 1))
        return invalid;
    return clg_by_mode(p, clg_lt(clg_uniform_like(p), p));
}

/* sqrt(-2 ln(1 - U)) cos(2 pi V) is a normal number (Box & Muller 1958); 1 - U is never 0. */
clg_tensor clg_gaussian_noise(clg_tensor x, float std)
{
    if (!clg_all_float("gaussian_noise", &x, 1))
        return invalid;
    if (!(std >= 0) || !isfinite(std))
        return clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                              "gaussian_noise: std is %g, must be 0 or a positive number",
                              (double)std);
    clg_tensor log_u = clg_log(clg_affine(clg_uniform_like(x), -1, 1));
    clg_tensor radius = clg_sqrt(clg_affine(log_u, -2 * std * std, 0));
    clg_tensor turn = clg_cos(clg_affine(clg_uniform_like(x), 6.28318531f, 0));
    return clg_by_mode(x, clg_add(x, clg_mul(radius, turn)));
}

clg_tensor clg_random_flip(clg_tensor x, int32_t axis, float p)
{
    if (!has_rank("random_flip", x, 2))
        return invalid;
    if (!(p >= 0 && p <= 1))
        return clg_graph_fail(x.graph, CLG_ERR_ARGUMENT, "random_flip: p is %g, must be in [0, 1]",
                              (double)p);
    clg_tensor flipped =
        clg_lt(clg_uniform_like(filled(x, 1, 1)), clg_fill(x.graph, clg_shape0(), p));
    return clg_by_mode(x, clg_where(flipped, clg_flip(x, axis), x));
}
