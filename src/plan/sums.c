/* The gradients of a linear layer's weight and bias read the same matrix: dW = dY^T X, db = the sums
 * of dY's columns. One node gives both, and a device whose product copies dY adds it up there. */
#include <string.h>
#include "plan/ir.h"

/* Room for a walk: a graph may be deeper than the C stack. */
struct walk {
    bool *seen;
    uint32_t *stack;
};

/* Whether a node needs `target`, over any number of others. */
static bool needs(const struct clg_ir *ir, uint32_t index, uint32_t target, struct walk *walk)
{
    size_t depth = 0;
    memset(walk->seen, 0, ir->nodes.count * sizeof(*walk->seen));
    walk->stack[depth++] = index;
    walk->seen[index] = true;
    while (depth > 0) {
        const struct clg_ir_node *node = clg_ir_node(ir, walk->stack[--depth]);
        for (uint32_t i = 0; i < node->n_in; i++) {
            uint32_t below = node->in[i].node;
            if (!walk->seen[below])
                walk->stack[depth++] = below;
            walk->seen[below] = true;
        }
    }
    return walk->seen[target];
}

static bool adds_columns(const struct clg_ir_node *node, struct clg_ref of)
{
    const struct clg_reduce_attr *attr = node->attr;
    return !node->dead && node->op == CLG_OP(reduce) && node->in[0].node == of.node &&
           node->in[0].output == of.output && attr->axes == 1 && !attr->mean && !attr->keep;
}

static bool is_candidate(const struct clg_ir *ir, const struct clg_ir_node *node)
{
    const struct clg_matmul_attr *attr = node->attr;
    return !node->dead && node->op == CLG_OP(matmul) && node->n_in == 2 && attr->transpose_a &&
           attr->activation == 0 && clg_ir_type(ir, node->in[0])->shape.rank == 2 &&
           clg_ir_type(ir, node->in[1])->shape.rank == 2;
}

static clg_status merge(struct clg_ir *ir, uint32_t product, uint32_t sum)
{
    struct clg_ir_node *node = clg_ir_node(ir, product), *old = clg_ir_node(ir, sum);
    struct clg_type *out = clg_pool_new(&ir->pool, 2, sizeof(*out));
    if (!out)
        return CLG_ERR_MEMORY;
    out[0] = node->out[0];
    out[1] = old->out[0];
    node->op = CLG_OP(matmul_sums);
    node->out = out;
    node->n_out = 2;
    clg_ir_replace(ir, sum, (struct clg_ref){product, 1});
    old->dead = true;
    return CLG_OK;
}

clg_status clg_pass_sums(struct clg_ir *ir)
{
    struct walk walk = {clg_pool_new(&ir->pool, ir->nodes.count, sizeof(*walk.seen)),
                        clg_pool_new(&ir->pool, ir->nodes.count, sizeof(*walk.stack))};
    if (!walk.seen || !walk.stack)
        return CLG_ERR_MEMORY;
    for (uint32_t i = 0; i < ir->nodes.count; i++) {
        const struct clg_ir_node *node = clg_ir_node(ir, i);
        for (uint32_t k = 0; k < ir->nodes.count && is_candidate(ir, node); k++)
            if (adds_columns(clg_ir_node(ir, k), node->in[0]) &&
                !needs(ir, node->in[1].node, k, &walk))
                CLG_TRY(merge(ir, i, k));
    }
    return CLG_OK;
}
