/* What no root needs is left out. */
#include "plan/ir.h"

clg_status clg_pass_dead(struct clg_ir *ir)
{
    uint32_t *stack = clg_pool_new(&ir->pool, ir->nodes.count, sizeof(*stack)), depth = 0;
    if (!stack)
        return CLG_ERR_MEMORY;
    for (size_t i = 0; i < ir->nodes.count; i++)
        ir->nodes.items[i]->dead = true;
    for (size_t i = 0; i < ir->roots.count; i++) {
        uint32_t root = ir->roots.items[i].ref.node;
        if (clg_ir_node(ir, root)->dead)
            stack[depth++] = root;
        clg_ir_node(ir, root)->dead = false;
    }
    while (depth) {
        const struct clg_ir_node *node = clg_ir_node(ir, stack[--depth]);
        for (uint32_t k = 0; k < node->n_in; k++) {
            struct clg_ir_node *in = clg_ir_node(ir, node->in[k].node);
            if (in->dead)
                stack[depth++] = node->in[k].node;
            in->dead = false;
        }
    }
    return CLG_OK;
}
