/* Comparisons, logic and choice. Truth is 1 and falsehood 0; what is not 0 counts as true. */
#include "ops/families.h"

clg_tensor clg_sign(clg_tensor x)
{
    return clg_unary(CLG_OP(sign), x, 0);
}

clg_tensor clg_eq(clg_tensor a, clg_tensor b)
{
    return clg_binary(CLG_OP(eq), a, b, 0);
}

clg_tensor clg_lt(clg_tensor a, clg_tensor b)
{
    return clg_binary(CLG_OP(lt), a, b, 0);
}

clg_tensor clg_gt(clg_tensor a, clg_tensor b)
{
    return clg_binary(CLG_OP(gt), a, b, 0);
}

clg_tensor clg_le(clg_tensor a, clg_tensor b)
{
    return clg_binary(CLG_OP(le), a, b, 0);
}

clg_tensor clg_ge(clg_tensor a, clg_tensor b)
{
    return clg_binary(CLG_OP(ge), a, b, 0);
}

clg_tensor clg_and(clg_tensor a, clg_tensor b)
{
    return clg_binary(CLG_OP(and), a, b, 0);
}

clg_tensor clg_or(clg_tensor a, clg_tensor b)
{
    return clg_binary(CLG_OP(or), a, b, 0);
}

clg_tensor clg_not(clg_tensor a)
{
    return clg_unary(CLG_OP(not ), a, 0);
}

clg_tensor clg_where(clg_tensor condition, clg_tensor a, clg_tensor b)
{
    clg_graph *graph = condition.graph ? condition.graph : a.graph ? a.graph : b.graph;
    return clg_node_add(graph, CLG_OP(where), (clg_tensor[]){condition, a, b}, 3, NULL, NULL);
}

void clg_grad_where(struct clg_gradient *g)
{
    if (g->need[1])
        clg_give(g, 1, clg_binary(CLG_OP(keep), g->in[0], g->dy[0], 0));
    if (g->need[2])
        clg_give(g, 2, clg_binary(CLG_OP(drop), g->in[0], g->dy[0], 0));
}
