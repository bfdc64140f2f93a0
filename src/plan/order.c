/* Producers first, otherwise in the order of building. Depth-first with a stack of our own: a graph
 * may be deeper than the C stack. */
#include "plan/ir.h"

struct frame {
    uint32_t node, next;
};

clg_status clg_pass_order(struct clg_ir *ir)
{
    size_t n = ir->nodes.count;
    ir->order = clg_pool_new(&ir->pool, n, sizeof(*ir->order));
    bool *done = clg_pool_new(&ir->pool, n, sizeof(*done));
    struct frame *stack = clg_pool_new(&ir->pool, n + 1, sizeof(*stack));
    if (!ir->order || !done || !stack)
        return CLG_ERR_MEMORY;
    ir->order_count = 0;
    for (uint32_t start = 0; start < n; start++) {
        size_t depth = 0;
        if (!done[start] && !clg_ir_node(ir, start)->dead)
            stack[depth++] = (struct frame){start, 0};
        while (depth) {
            struct frame *top = &stack[depth - 1];
            const struct clg_ir_node *node = clg_ir_node(ir, top->node);
            if (top->next < node->n_in) {
                uint32_t in = node->in[top->next++].node;
                if (!done[in])
                    stack[depth++] = (struct frame){in, 0};
                continue;
            }
            if (!done[top->node])
                ir->order[ir->order_count++] = top->node;
            done[top->node] = true;
            depth--;
        }
    }
    return CLG_OK;
}
