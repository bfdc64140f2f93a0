/* From the ordered, placed nodes to launches. */
#include <stdio.h>
#include <string.h>
#include "plan/plan.h"

static void node_label(const struct clg_ir_node *node, char *buffer, size_t size)
{
    size_t used = 0;
    if (!node->fused) {
        snprintf(buffer, size, "%s%s%s", node->op->name, node->name ? " " : "",
                 node->name ? node->name : "");
        return;
    }
    for (uint32_t m = 0; m < node->fused->count && used < size; m++) {
        int n = snprintf(buffer + used, size - used, "%s%s", m ? "+" : "",
                         node->fused->members[m].op->name);
        used += n > 0 ? (size_t)n : 0;
    }
}

static clg_status lower_node(struct clg_plan *plan, uint32_t at)
{
    struct clg_ir *ir = &plan->ir;
    const struct clg_ir_node *node = clg_ir_node(ir, ir->order[at]);
    char label[128];
    if (!node->fused && !node->op->lower)
        return CLG_OK;
    struct clg_view *views = clg_new(plan->object.ctx, node->n_in + node->n_out, sizeof(*views));
    if (!views)
        return CLG_ERR_MEMORY;
    for (uint32_t k = 0; k < node->n_in; k++)
        views[k] = clg_plan_value(plan, node->in[k])->view;
    for (uint32_t o = 0; o < node->n_out; o++)
        views[node->n_in + o] = clg_plan_value(plan, (struct clg_ref){ir->order[at], o})->view;
    node_label(node, label, sizeof(label));
    struct clg_lower lower = {.device = plan->device,
                              .machine = clg_device_machine(plan->device),
                              .launches = &plan->phases[CLG_PHASE_COMPUTE],
                              .attr = node->attr,
                              .label = label,
                              .n_in = node->n_in,
                              .n_out = node->n_out,
                              .in = views,
                              .out = views + node->n_in,
                              .workspace = plan->places.workspace[at],
                              .block = plan->block};
    if (node->fused)
        clg_fused_lower(&lower, node->fused);
    else
        node->op->lower(&lower);
    clg_free(plan->object.ctx, views);
    return lower.launches->status;
}

static void lower_copies(struct clg_plan *plan, enum clg_phase phase,
                         const struct clg_copy *copies, size_t count)
{
    struct clg_launches *to = &plan->phases[phase];
    for (size_t i = 0; i < count; i++) {
        int64_t n = clg_shape_count(&copies[i].from.shape);
        struct clg_launch *k = clg_launch_kernel(to, "train", "assign", NULL, "assign");
        clg_launch_view(k, &copies[i].from);
        clg_launch_view(k, &copies[i].to);
        clg_launch_buffer(k, plan->block);
        clg_launch_int(k, n);
        clg_launch_int(k, copies[i].gated);
        clg_launch_items(k, n < 16384 ? (size_t)n : 16384);
        clg_launch_cost(k, 0, (uint64_t)n * 8);
    }
}

/* Places of losses and metrics in own memory, in the order the step kernel reads them. */
static clg_status collect_scalars(struct clg_plan *plan, uint32_t *slots)
{
    struct clg_ir *ir = &plan->ir;
    uint32_t n = 0;
    for (int metrics = 0; metrics < 2; metrics++)
        for (size_t i = 0; i < ir->roots.count; i++) {
            struct clg_root *root = &ir->roots.items[i];
            bool metric = root->kind == CLG_ROOT_OUTPUT && root->metric;
            if (metrics ? !metric : root->kind != CLG_ROOT_LOSS)
                continue;
            struct clg_view view = clg_plan_value(plan, root->ref)->view;
            if (view.buffer != plan->own)
                return clg_fail(
                    plan->object.ctx, CLG_ERR_UNSUPPORTED,
                    "compile: %s '%s' is a parameter or gradient itself, must be computed from it",
                    metrics ? "metric" : "loss", metrics ? root->name : "");
            if (view.offset > UINT32_MAX)
                return clg_fail(plan->object.ctx, CLG_ERR_LIMIT,
                                "compile: a loss or metric lies %llu floats into the memory of "
                                "inputs and outputs, must be below 2^32",
                                (unsigned long long)view.offset);
            slots[n++] = (uint32_t)view.offset;
        }
    return CLG_OK;
}

static uint32_t count_roots(const struct clg_plan *plan, bool metrics)
{
    uint32_t count = 0;
    for (size_t i = 0; i < plan->ir.roots.count; i++) {
        const struct clg_root *root = &plan->ir.roots.items[i];
        count += metrics ? root->kind == CLG_ROOT_OUTPUT && root->metric
                         : root->kind == CLG_ROOT_LOSS;
    }
    return count;
}

size_t clg_plan_tally_words(const struct clg_plan *plan)
{
    return 1 + count_roots(plan, false) + 5 * (size_t)count_roots(plan, true);
}

static clg_status make_tally(struct clg_plan *plan)
{
    struct clg_ctx *ctx = plan->object.ctx;
    plan->losses = count_roots(plan, false);
    plan->metrics = count_roots(plan, true);
    plan->first_sum = 1 + plan->losses + plan->metrics;
    size_t words = clg_plan_tally_words(plan);
    uint32_t *tally = clg_new(ctx, words, sizeof(*tally));
    if (!tally)
        return CLG_ERR_MEMORY;
    clg_status status = collect_scalars(plan, tally + 1);
    size_t first = plan->tally ? 1 : 0, end = plan->tally ? plan->first_sum : words;
    if (status == CLG_OK && !plan->tally &&
        !(plan->tally = clg_buffer_create(plan->device, words * 4)))
        status = clg_error_status(ctx);
    clg_buffer_count_as(plan->tally, CLG_MEMORY_OWN);
    if (status == CLG_OK && first < end) /* lowered again: cursor and sums go on */
        status = clg_buffer_write(plan->tally, first * 4, tally + first, (end - first) * 4);
    clg_free(ctx, tally);
    return status;
}

/* The parts of a step that cl/step.cl closes. */
enum { END_INFERENCE, END_BACKWARD, END_CHECK, END_ADD, END_NORM };

/* updated, clipped: a bit for each optimizer's part of the step block. */
static void lower_step_end(struct clg_plan *plan, enum clg_phase phase, int part, uint32_t updated,
                           uint32_t clipped)
{
    struct clg_launch *k =
        clg_launch_kernel(&plan->phases[phase], "train", "step_end", NULL, "step");
    clg_launch_buffer(k, plan->block);
    clg_launch_buffer(k, plan->own);
    clg_launch_buffer(k, plan->tally);
    clg_launch_int(k, plan->losses);
    clg_launch_int(k, plan->metrics);
    clg_launch_int(k, plan->first_sum);
    clg_launch_int(k, plan->ir.batch);
    clg_launch_int(k, part);
    clg_launch_uint(k, updated);
    clg_launch_uint(k, clipped);
    clg_launch_range(k, (size_t[3]){1, 1, 1}, (size_t[3]){1, 1, 1});
}

/* Returns a bit for each optimizer that has launches in the pass. */
static uint32_t lower_pass(struct clg_plan *plan, enum clg_phase phase, enum clg_update_pass pass)
{
    uint32_t parts = 0;
    for (size_t i = 0; i < plan->updates; i++) {
        const struct clg_update *update = &plan->graph->updates.items[i];
        if (!update->wants(update->data, pass))
            continue;
        update->lower(update->data, &plan->phases[phase], pass);
        parts |= 1u << update->part;
    }
    return parts;
}

/* What closes forward and backward, when the gradients of this step are known. */
static void lower_close(struct clg_plan *plan)
{
    if (plan->ir.mode != CLG_TRAIN) {
        lower_step_end(plan, CLG_PHASE_CLOSE, END_INFERENCE, 0, 0);
        return;
    }
    uint32_t added = lower_pass(plan, CLG_PHASE_ADD, CLG_UPDATE_ADD);
    if (added)
        lower_step_end(plan, CLG_PHASE_ADD, END_ADD, added, 0);
    lower_pass(plan, CLG_PHASE_MEAN, CLG_UPDATE_MEAN);
    uint32_t clipped = lower_pass(plan, CLG_PHASE_NORM, CLG_UPDATE_NORM);
    lower_step_end(plan, CLG_PHASE_CLOSE, END_BACKWARD, 0, clipped);
    if (clipped)
        lower_step_end(plan, CLG_PHASE_RENORM, END_NORM, 0, clipped);
}

/* All or nothing: what is written comes after every check, and after the end of the step that makes a
 * flag count. */
static void lower_updates(struct clg_plan *plan)
{
    uint32_t updated = lower_pass(plan, CLG_PHASE_UPDATE, CLG_UPDATE_CHECK);
    if (plan->ir.mode == CLG_TRAIN)
        lower_step_end(plan, CLG_PHASE_UPDATE, END_CHECK, updated, 0);
    lower_copies(plan, CLG_PHASE_UPDATE, plan->update_copies.items, plan->update_copies.count);
    lower_pass(plan, CLG_PHASE_UPDATE, CLG_UPDATE_APPLY);
}

static clg_status prepare_updates(struct clg_plan *plan)
{
    for (size_t i = 0; i < plan->updates; i++) {
        const struct clg_update *update = &plan->graph->updates.items[i];
        CLG_TRY(update->prepare(update->data));
    }
    return CLG_OK;
}

/* Inputs that are one number, and constants, are written once. */
static clg_status write_constants(struct clg_plan *plan)
{
    struct clg_ir *ir = &plan->ir;
    for (uint32_t at = 0; at < ir->order_count; at++) {
        const struct clg_ir_node *node = clg_ir_node(ir, ir->order[at]);
        const struct clg_value *v = clg_plan_value(plan, (struct clg_ref){ir->order[at], 0});
        uint64_t offset = v->view.offset * 4, bytes = (uint64_t)clg_shape_count(&v->view.shape) * 4;
        if (!v->read)
            continue;
        if (node->op == CLG_OP(fill)) {
            uint32_t word;
            memcpy(&word, &((const struct clg_fill_attr *)node->attr)->value, 4);
            CLG_TRY(clg_buffer_fill(plan->own, offset, bytes, word));
        } else if (node->op == CLG_OP(constant)) {
            CLG_TRY(clg_buffer_write(plan->own, offset,
                                     ((const struct clg_constant_attr *)node->attr)->data, bytes));
        }
    }
    return CLG_OK;
}

clg_status clg_plan_lower(struct clg_plan *plan)
{
    for (int phase = CLG_PHASE_COMPUTE; phase < CLG_PHASES; phase++)
        clg_launches_finish(&plan->phases[phase]);
    CLG_TRY(write_constants(plan));
    CLG_TRY(make_tally(plan));
    for (uint32_t at = 0; at < plan->ir.order_count; at++)
        CLG_TRY(lower_node(plan, at));
    lower_copies(plan, CLG_PHASE_COMPUTE, plan->compute_copies.items, plan->compute_copies.count);
    CLG_TRY(prepare_updates(plan));
    lower_close(plan);
    lower_updates(plan);
    for (int phase = CLG_PHASE_COMPUTE; phase < CLG_PHASES; phase++)
        CLG_TRY(clg_launches_build(&plan->phases[phase]));
    return CLG_OK;
}
