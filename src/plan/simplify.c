/* Arithmetic that needs no kernel: x * 1, x + 0, a broadcast of one number. */
#include <string.h>
#include "plan/ir.h"

static bool is_fill(const struct clg_ir *ir, struct clg_ref ref, float *value)
{
    const struct clg_ir_node *node = clg_ir_node(ir, ref.node);
    if (node->op != CLG_OP(fill))
        return false;
    *value = ((const struct clg_fill_attr *)node->attr)->value;
    return true;
}

static bool same_type(const struct clg_type *a, const struct clg_type *b)
{
    return a->dtype == b->dtype && a->shape.rank == b->shape.rank &&
           !memcmp(a->shape.dim, b->shape.dim, (size_t)a->shape.rank * sizeof(a->shape.dim[0]));
}

/* x * 1 and x + 0, where the result has x's shape. */
static void drop_neutral(struct clg_ir *ir, uint32_t index)
{
    const struct clg_ir_node *node = clg_ir_node(ir, index);
    float neutral = node->op == CLG_OP(mul) ? 1.0f : 0.0f, value;
    if (node->op != CLG_OP(mul) && node->op != CLG_OP(add))
        return;
    for (int side = 0; side < 2; side++)
        if (is_fill(ir, node->in[1 - side], &value) && value == neutral &&
            same_type(clg_ir_type(ir, node->in[side]), &node->out[0])) {
            clg_ir_replace(ir, index, node->in[side]);
            return;
        }
}

/* A broadcast or reshape of one number is that number in another shape. */
static clg_status spread_number(struct clg_ir *ir, uint32_t index)
{
    struct clg_ir_node *node = clg_ir_node(ir, index);
    float value;
    if ((node->op != CLG_OP(expand) && node->op != CLG_OP(reshape)) ||
        !is_fill(ir, node->in[0], &value))
        return CLG_OK;
    struct clg_fill_attr *attr = clg_pool_new(&ir->pool, 1, sizeof(*attr));
    if (!attr)
        return CLG_ERR_MEMORY;
    attr->value = value;
    if (node->op == CLG_OP(expand)) {
        float p[4] = {1.0f};
        clg_ir_numbers(ir, node, p);
        attr->value = value * p[0];
    }
    node->op = CLG_OP(fill);
    node->attr = attr;
    node->n_in = 0;
    return CLG_OK;
}

clg_status clg_pass_simplify(struct clg_ir *ir)
{
    for (uint32_t i = 0; i < ir->nodes.count; i++) {
        CLG_TRY(spread_number(ir, i));
        drop_neutral(ir, i);
    }
    return CLG_OK;
}
