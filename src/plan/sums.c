/* The gradients of a linear layer's weight and bias read the same matrix: dW = dY^T X, db = the sums
 * of dY's columns. One node gives both, and a device whose product copies dY adds it up there. */
#include "plan/ir.h"

/* Whether a node needs `target`, over any number of others. */
static bool needs(struct clg_ir *ir, uint32_t index, uint32_t target, bool *seen)
{
    const struct clg_ir_node *node = clg_ir_node(ir, index);
    if (index == target)
        return true;
    if (seen[index])
        return false;
    seen[index] = true;
    for (uint32_t i = 0; i < node->n_in; i++)
        if (needs(ir, node->in[i].node, target, seen))
            return true;
    return false;
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
    for (uint32_t i = 0; i < ir->nodes.count; i++) {
        const struct clg_ir_node *node = clg_ir_node(ir, i);
        for (uint32_t k = 0; k < ir->nodes.count && is_candidate(ir, node); k++) {
            if (!adds_columns(clg_ir_node(ir, k), node->in[0]))
                continue;
            bool *seen = clg_pool_new(&ir->pool, ir->nodes.count, sizeof(*seen));
            if (!seen)
                return CLG_ERR_MEMORY;
            if (!needs(ir, node->in[1].node, k, seen))
                CLG_TRY(merge(ir, i, k));
        }
    }
    return CLG_OK;
}
