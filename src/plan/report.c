/* What a plan says of itself. */
#include <string.h>
#include "gemm/gemm.h"
#include "plan/plan.h"

static void add_costs(const struct clg_launches *launches, clg_plan_report *out)
{
    for (size_t i = 0; i < launches->list.count; i++) {
        struct clg_launch_info info = clg_launch_get_info(launches->list.items[i]);
        out->flops += info.flops;
        out->bytes += info.bytes;
    }
    out->launches += (uint32_t)launches->list.count;
}

static const char *choices(struct clg_plan *plan)
{
    const struct clg_machine *m = clg_device_machine(plan->device);
    if (!plan->choices.data)
        clg_text_add(&plan->choices,
                     "{\"form\": \"%s\", \"gemm\": \"%s\", \"local\": %u, \"vector\": %u}",
                     m->form == CLG_FORM_ITEM ? "item" : "group",
                     m->gemm == CLG_GEMM_CLBLAST ? "clblast" : "native",
                     m->form == CLG_FORM_ITEM ? 1 : m->local, m->vector);
    return plan->choices.data ? plan->choices.data : "{}";
}

clg_status clg_plan_get_report(const clg_plan *plan, clg_plan_report *out)
{
    if (!plan || !out)
        return CLG_ERR_ARGUMENT;
    *out = (clg_plan_report){.arena_bytes = plan->places.arena_bytes,
                             .arena_bound = plan->places.arena_bound,
                             .own_bytes = plan->places.own_bytes,
                             .choices = choices((struct clg_plan *)plan)};
    const struct clg_launches *lists[] = {&plan->feed, &plan->forward, &plan->update};
    for (size_t i = 0; i < 3; i++)
        add_costs(lists[i], out);
    clg_launches_count_kernels(lists, 3, &out->kernels, &out->gemm_kernels);
    return CLG_OK;
}

/* ---- DOT ---- */

static void add_quoted(struct clg_text *t, const char *s)
{
    for (; *s; s++)
        clg_text_add(t, *s == '"' || *s == '\\' ? "\\%c" : "%c", *s);
}

static const char *node_color(const struct clg_ir_node *node)
{
    if (!node->op)
        return "#fff2cc";
    if (node->op->flags & CLG_OP_LEAF)
        return node->op == CLG_OP(entry) ? "#d5e8d4" : "#dae8fc";
    return node->op == CLG_OP(matmul) ? "#f8cecc" : "#ffffff";
}

static void draw_node(struct clg_plan *plan, uint32_t index)
{
    const struct clg_ir_node *node = clg_ir_node(&plan->ir, index);
    struct clg_text *t = &plan->dot;
    char shape[CLG_SHAPE_TEXT];
    clg_text_add(t, "  n%u [shape=box, style=filled, fillcolor=\"%s\", label=\"", index,
                 node_color(node));
    for (uint32_t m = 0; node->fused && m < node->fused->count; m++)
        clg_text_add(t, "%s%s", m ? "+" : "", node->fused->members[m].op->name);
    if (!node->fused)
        clg_text_add(t, "%s", node->op->name);
    if (node->name) {
        clg_text_add(t, " ");
        add_quoted(t, node->name);
    }
    for (uint32_t o = 0; o < node->n_out; o++)
        if (clg_plan_value(plan, (struct clg_ref){index, o})->read)
            clg_text_add(t, "\\n%s %lld KiB", clg_shape_text(&node->out[o].shape, shape),
                         (long long)(clg_shape_count(&node->out[o].shape) * 4 + 1023) / 1024);
    clg_text_add(t, "\"];\n");
    for (uint32_t k = 0; k < node->n_in; k++)
        clg_text_add(t, "  n%u -> n%u;\n", node->in[k].node, index);
}

static void draw_root(struct clg_plan *plan, size_t i)
{
    const struct clg_root *root = &plan->ir.roots.items[i];
    struct clg_text *t = &plan->dot;
    if (root->kind == CLG_ROOT_LOSS)
        return;
    clg_text_add(t, "  r%zu [shape=ellipse, label=\"", i);
    if (root->kind == CLG_ROOT_OUTPUT) {
        add_quoted(t, root->name);
    } else {
        clg_text_add(t, "%s", root->kind == CLG_ROOT_GRADIENT ? "d " : "");
        add_quoted(t, clg_store_get_entry(plan->store, root->entry)->name);
    }
    clg_text_add(t, "\"];\n  n%u -> r%zu;\n", root->ref.node, i);
}

clg_status clg_plan_dot(clg_plan *plan, const char **text)
{
    if (!plan || !text)
        return CLG_ERR_ARGUMENT;
    clg_plan_report r;
    CLG_TRY(clg_plan_get_report(plan, &r));
    clg_text_finish(&plan->dot);
    plan->dot = (struct clg_text){.ctx = plan->object.ctx};
    clg_text_add(&plan->dot,
                 "digraph plan {\n  rankdir=TB;\n  labelloc=t;\n  label=\"batch %lld: %u launches, "
                 "%.3f GFLOP, scratch %llu "
                 "bytes (bound %llu)\";\n",
                 (long long)plan->ir.batch, r.launches, (double)r.flops * 1e-9,
                 (unsigned long long)r.arena_bytes, (unsigned long long)r.arena_bound);
    for (uint32_t at = 0; at < plan->ir.order_count; at++)
        draw_node(plan, plan->ir.order[at]);
    for (size_t i = 0; i < plan->ir.roots.count; i++)
        draw_root(plan, i);
    clg_text_add(&plan->dot, "}\n");
    if (plan->dot.failed)
        return CLG_ERR_MEMORY;
    *text = plan->dot.data;
    return CLG_OK;
}
