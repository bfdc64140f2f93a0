/* In place: a result takes the memory of an operand that this node is the last to read. Generated
 * kernels load all operands of an element before they store its results, and ops may say the same
 * of theirs (CLG_OP_IN_PLACE). */
#include <string.h>
#include "plan/plan.h"

/* Whether the value in `base` is scratch memory that node `at` reads as the last one. */
static bool is_free_after(const struct clg_plan *plan, const struct clg_value *base, uint32_t at)
{
    const struct clg_ir_node *node = clg_ir_node(&plan->ir, plan->ir.order[base->begin]);
    return !base->placed && base->end == at && !(node->op && node->op->flags & CLG_OP_LEAF);
}

static bool same_ref(struct clg_ref a, struct clg_ref b)
{
    return a.node == b.node && a.output == b.output;
}

static bool same_type(const struct clg_view *a, const struct clg_view *b)
{
    return a->dtype == b->dtype && a->shape.rank == b->shape.rank &&
           !memcmp(a->shape.dim, b->shape.dim, (size_t)a->shape.rank * sizeof(a->shape.dim[0]));
}

/* What had its memory in `from` has it in `to`. */
static void move_base(struct clg_plan *plan, struct clg_ref from, struct clg_ref to)
{
    struct clg_value *old = clg_plan_value(plan, from), *new = clg_plan_value(plan, to);
    for (uint32_t i = 0; i < plan->places.count; i++)
        if (same_ref(plan->places.values[i].base, from))
            plan->places.values[i].base = to;
    new->end = old->end;
    new->read |= old->read;
}

static void put_in_place(struct clg_plan *plan, uint32_t at, uint32_t output)
{
    struct clg_ref self = {plan->ir.order[at], output};
    const struct clg_ir_node *node = clg_ir_node(&plan->ir, self.node);
    const struct clg_value *out = clg_plan_value(plan, self);
    if (out->placed || !out->read)
        return;
    for (uint32_t k = 0; k < node->n_in; k++) {
        const struct clg_value *in = clg_plan_value(plan, node->in[k]);
        if (same_type(&in->view, &out->view) &&
            is_free_after(plan, clg_plan_value(plan, in->base), at)) {
            move_base(plan, self, in->base);
            return;
        }
    }
}

void clg_plan_share(struct clg_plan *plan)
{
    for (uint32_t at = 0; at < plan->ir.order_count; at++) {
        const struct clg_ir_node *node = clg_ir_node(&plan->ir, plan->ir.order[at]);
        bool one = node->op && node->op->flags & CLG_OP_IN_PLACE;
        for (uint32_t o = 0; o < (node->fused ? node->n_out : one); o++)
            put_in_place(plan, at, o);
    }
}
