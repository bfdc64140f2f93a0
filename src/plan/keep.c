/* A step changes parameters and states at its end. An output or an assignment that is one of them
 * itself means the value the step began with: it becomes a copy. So does an input that is assigned: it
 * may be written anew before the update. */
#include "plan/ir.h"

static bool may_change(const struct clg_ir *ir, const struct clg_root *root)
{
    const struct clg_ir_node *node = clg_ir_node(ir, root->ref.node);
    while (node->op->flags & CLG_OP_VIEW)
        node = clg_ir_node(ir, node->in[0].node);
    return node->op == CLG_OP(entry) ||
           (root->kind == CLG_ROOT_STATE && node->op == CLG_OP(input));
}

static bool changes_entries(const struct clg_ir *ir)
{
    for (size_t i = 0; i < ir->roots.count; i++)
        if (ir->roots.items[i].kind == CLG_ROOT_STATE)
            return true;
    return ir->mode == CLG_TRAIN;
}

static clg_status copy_of(struct clg_ir *ir, struct clg_ref *ref)
{
    static const struct clg_expand_attr once; /* repeats nothing: the shape is the node's */
    struct clg_ir_node *copy = clg_pool_new(&ir->pool, 1, sizeof(*copy));
    if (!copy)
        return CLG_ERR_MEMORY;
    *copy = (struct clg_ir_node){.op = CLG_OP(expand), .n_in = 1, .n_out = 1, .attr = &once};
    copy->in = clg_pool_new(&ir->pool, 1, sizeof(*copy->in));
    copy->out = clg_pool_new(&ir->pool, 1, sizeof(*copy->out));
    struct clg_ir_node **slot = copy->in && copy->out ? CLG_PUSH(ir->pool.ctx, ir->nodes) : NULL;
    if (!slot)
        return CLG_ERR_MEMORY;
    *slot = copy;
    *copy->in = *ref;
    *copy->out = *clg_ir_type(ir, *ref);
    *ref = (struct clg_ref){(uint32_t)ir->nodes.count - 1, 0};
    return CLG_OK;
}

clg_status clg_pass_keep(struct clg_ir *ir)
{
    bool changes = changes_entries(ir);
    for (size_t i = 0; changes && i < ir->roots.count; i++) {
        struct clg_root *root = &ir->roots.items[i];
        if (root->kind != CLG_ROOT_GRADIENT && may_change(ir, root))
            CLG_TRY(copy_of(ir, &root->ref));
    }
    return CLG_OK;
}
