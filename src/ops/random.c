/* Random ops. A mask is never stored: forward and backward nodes carry the same number, and draw
 * the same uniform numbers from it. */
#include "ops/families.h"

clg_tensor clg_dropout(clg_tensor x, float p)
{
    if (!x.graph)
        return x;
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
