/* A matrix product that reads a transposed matrix takes the matrix itself and sets its flag. */
#include "plan/ir.h"

static bool swaps_last_two(const struct clg_ir_node *node)
{
    if (node->op != CLG_OP(permute))
        return false;
    const struct clg_permute_attr *attr = node->attr;
    int rank = node->out[0].shape.rank;
    for (int i = 0; i < rank - 2; i++)
        if (attr->order[i] != i)
            return false;
    return rank >= 2 && attr->order[rank - 1] == rank - 2 && attr->order[rank - 2] == rank - 1;
}

clg_status clg_pass_transpose(struct clg_ir *ir)
{
    for (uint32_t i = 0; i < ir->nodes.count; i++) {
        struct clg_ir_node *node = clg_ir_node(ir, i);
        if (node->dead || node->op != CLG_OP(matmul))
            continue;
        struct clg_matmul_attr *attr = clg_pool_new(&ir->pool, 1, sizeof(*attr));
        if (!attr)
            return CLG_ERR_MEMORY;
        *attr = *(const struct clg_matmul_attr *)node->attr;
        for (int side = 0; side < 2; side++)
            while (swaps_last_two(clg_ir_node(ir, node->in[side].node))) {
                node->in[side] = clg_ir_node(ir, node->in[side].node)->in[0];
                *(side ? &attr->transpose_b : &attr->transpose_a) ^= 1;
            }
        node->attr = attr;
    }
    return clg_pass_dead(ir);
}
