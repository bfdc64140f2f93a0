/* Where values lie: parameters and gradients in the store, inputs and outputs in the plan's own
 * memory, everything else in the scratch arena, at offsets chosen by lifetime. */
#include <stdlib.h>
#include <string.h>
#include "plan/plan.h"

struct clg_value *clg_plan_value(const struct clg_plan *plan, struct clg_ref ref)
{
    return &plan->places.values[plan->places.first[ref.node] + ref.output];
}

static struct clg_value *base_of(const struct clg_plan *plan, struct clg_ref ref)
{
    return clg_plan_value(plan, clg_plan_value(plan, ref)->base);
}

static uint64_t view_bytes(const struct clg_view *view)
{
    return (uint64_t)clg_shape_count(&view->shape) * clg_dtype_size(view->dtype);
}

static uint64_t aligned(const struct clg_plan *plan, uint64_t bytes)
{
    uint64_t align = clg_device_machine(plan->device)->align;
    return (bytes + align - 1) / align * align;
}

/* ---- values and lifetimes ---- */

static clg_status make_values(struct clg_plan *plan)
{
    struct clg_ir *ir = &plan->ir;
    struct clg_places *p = &plan->places;
    p->first = clg_pool_new(&ir->pool, ir->nodes.count, sizeof(*p->first));
    if (!p->first)
        return CLG_ERR_MEMORY;
    for (uint32_t at = 0; at < ir->order_count; at++) {
        p->first[ir->order[at]] = p->count;
        p->count += clg_ir_node(ir, ir->order[at])->n_out;
    }
    p->values = clg_pool_new(&ir->pool, p->count, sizeof(*p->values));
    p->workspace = clg_pool_new(&ir->pool, ir->order_count, sizeof(*p->workspace));
    return p->values && p->workspace ? CLG_OK : CLG_ERR_MEMORY;
}

static bool is_view(const struct clg_ir_node *node)
{
    return node->op && (node->op->flags & CLG_OP_VIEW);
}

static void find_lifetimes(struct clg_plan *plan)
{
    struct clg_ir *ir = &plan->ir;
    for (uint32_t at = 0; at < ir->order_count; at++) {
        uint32_t index = ir->order[at];
        const struct clg_ir_node *node = clg_ir_node(ir, index);
        for (uint32_t o = 0; o < node->n_out; o++) {
            struct clg_ref self = {index, o};
            struct clg_value *v = clg_plan_value(plan, self);
            v->view.dtype = node->out[o].dtype;
            v->view.shape = node->out[o].shape;
            v->base = is_view(node) ? clg_plan_value(plan, node->in[0])->base : self;
            v->begin = v->end = at;
        }
        for (uint32_t k = 0; k < node->n_in; k++) {
            struct clg_value *base = base_of(plan, node->in[k]);
            base->end = at;
            base->read |= !is_view(node);
        }
    }
    for (size_t i = 0; i < ir->roots.count; i++) {
        struct clg_value *base = base_of(plan, ir->roots.items[i].ref);
        base->end = ir->order_count;
        base->read = true;
    }
}

/* ---- the plan's own memory ---- */

static void place_own(struct clg_plan *plan, struct clg_value *v)
{
    v->placed = true;
    v->view.buffer = plan->own;
    v->view.offset = plan->places.own_bytes / clg_dtype_size(v->view.dtype);
    plan->places.own_bytes += aligned(plan, view_bytes(&v->view));
}

static void place_leaves(struct clg_plan *plan)
{
    struct clg_ir *ir = &plan->ir;
    for (uint32_t at = 0; at < ir->order_count; at++) {
        const struct clg_ir_node *node = clg_ir_node(ir, ir->order[at]);
        struct clg_value *v = clg_plan_value(plan, (struct clg_ref){ir->order[at], 0});
        if (!node->op || !(node->op->flags & CLG_OP_LEAF))
            continue;
        if (node->op == CLG_OP(entry)) {
            v->placed = true;
        } else if (v->read) {
            place_own(plan, v);
        }
    }
}

static clg_status add_copy(struct clg_plan *plan, struct clg_view from, struct clg_view to,
                           bool update, bool gated)
{
    struct clg_ctx *ctx = plan->object.ctx;
    struct clg_copy *slot =
        update ? CLG_PUSH(ctx, plan->update_copies) : CLG_PUSH(ctx, plan->compute_copies);
    if (!slot)
        return CLG_ERR_MEMORY;
    *slot = (struct clg_copy){from, to, gated};
    return CLG_OK;
}

/* Outputs, losses and what goes into states (the scratch memory may be another plan's before the
 * update) are written straight into the plan's own memory, gradients into the store. */
static void place_roots(struct clg_plan *plan)
{
    struct clg_ir *ir = &plan->ir;
    for (size_t i = 0; i < ir->roots.count; i++) {
        struct clg_root *root = &ir->roots.items[i];
        struct clg_value *base = base_of(plan, root->ref);
        if (base->placed)
            continue;
        if (root->kind != CLG_ROOT_GRADIENT) {
            place_own(plan, base);
        } else {
            base->gradient = (uint32_t)i + 1;
            base->placed = true;
        }
    }
}

static void point_at(struct clg_value *v, struct clg_view place)
{
    v->view.buffer = place.buffer;
    v->view.offset = place.offset;
}

static void point_into_store(struct clg_plan *plan)
{
    struct clg_ir *ir = &plan->ir;
    for (uint32_t at = 0; at < ir->order_count; at++) {
        const struct clg_ir_node *node = clg_ir_node(ir, ir->order[at]);
        if (node->op == CLG_OP(entry))
            point_at(clg_plan_value(plan, (struct clg_ref){ir->order[at], 0}),
                     clg_store_value(plan->store,
                                     ((const struct clg_entry_attr *)node->attr)->entry));
    }
    for (uint32_t i = 0; i < plan->places.count; i++) {
        struct clg_value *v = &plan->places.values[i];
        if (v->gradient)
            point_at(v, clg_store_gradient(plan->store, ir->roots.items[v->gradient - 1].entry));
    }
}

static bool same_place(const struct clg_view *a, const struct clg_view *b)
{
    return a->buffer == b->buffer && a->offset == b->offset;
}

/* What could not be written in place is copied: after the views are known. */
static clg_status copy_roots(struct clg_plan *plan)
{
    struct clg_ir *ir = &plan->ir;
    plan->compute_copies.count = plan->update_copies.count = 0;
    for (size_t i = 0; i < ir->roots.count; i++) {
        struct clg_root *root = &ir->roots.items[i];
        struct clg_view from = clg_plan_value(plan, root->ref)->view;
        if (root->kind == CLG_ROOT_GRADIENT) {
            struct clg_view to = clg_store_gradient(plan->store, root->entry);
            if (!same_place(&from, &to))
                CLG_TRY(add_copy(plan, from, to, false, false));
        } else if (root->kind == CLG_ROOT_STATE) {
            bool training = ir->mode == CLG_TRAIN;
            CLG_TRY(
                add_copy(plan, from, clg_store_value(plan->store, root->entry), true, training));
        }
    }
    return CLG_OK;
}

/* ---- the arena ---- */

static clg_status add_scratch(struct clg_plan *plan, struct clg_scratch *list, uint32_t *count,
                              uint32_t at)
{
    struct clg_ir *ir = &plan->ir;
    const struct clg_ir_node *node = clg_ir_node(ir, ir->order[at]);
    for (uint32_t o = 0; o < node->n_out; o++) {
        struct clg_value *v = clg_plan_value(plan, (struct clg_ref){ir->order[at], o});
        if (v->placed || !v->read || clg_plan_value(plan, v->base) != v)
            continue;
        list[(*count)++] = (struct clg_scratch){.bytes = aligned(plan, view_bytes(&v->view)),
                                                .begin = v->begin,
                                                .end = v->end,
                                                .value = v};
    }
    if (!node->op || !node->op->workspace)
        return CLG_OK;
    struct clg_lower lower = {.device = plan->device,
                              .machine = clg_device_machine(plan->device),
                              .attr = node->attr,
                              .n_in = node->n_in,
                              .n_out = node->n_out};
    struct clg_view *views = clg_pool_new(&ir->pool, node->n_in + node->n_out, sizeof(*views));
    if (!views)
        return CLG_ERR_MEMORY;
    for (uint32_t k = 0; k < node->n_in; k++)
        views[k] = clg_plan_value(plan, node->in[k])->view;
    for (uint32_t o = 0; o < node->n_out; o++)
        views[node->n_in + o] = clg_plan_value(plan, (struct clg_ref){ir->order[at], o})->view;
    lower.in = views;
    lower.out = views + node->n_in;
    size_t bytes = node->op->workspace(&lower);
    if (bytes)
        list[(*count)++] =
            (struct clg_scratch){.bytes = aligned(plan, bytes), .begin = at, .end = at};
    return CLG_OK;
}

static int larger_first(const void *a, const void *b)
{
    const struct clg_scratch *x = *(struct clg_scratch *const *)a,
                             *y = *(struct clg_scratch *const *)b;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    return x->begin != y->begin ? (x->begin < y->begin ? -1 : 1) : x < y ? -1 : x > y;
}

/* The lowest gap, among those placed that live at the same time, that is large enough. `by_offset`
 * holds the placed ones in the order of their offsets. */
static uint64_t lowest_gap(struct clg_scratch *const *by_offset, uint32_t placed,
                           const struct clg_scratch *s)
{
    uint64_t end = 0;
    for (uint32_t i = 0; i < placed; i++) {
        const struct clg_scratch *other = by_offset[i];
        if (other->begin > s->end || s->begin > other->end)
            continue;
        if (other->offset >= end + s->bytes)
            return end;
        if (other->offset + other->bytes > end)
            end = other->offset + other->bytes;
    }
    return end;
}

static void assign_offsets(struct clg_scratch **sorted, struct clg_scratch **by_offset,
                           uint32_t count, uint64_t *total)
{
    for (uint32_t i = 0; i < count; i++) {
        struct clg_scratch *s = sorted[i];
        s->offset = lowest_gap(by_offset, i, s);
        uint32_t at = i;
        for (; at > 0 && by_offset[at - 1]->offset > s->offset; at--)
            by_offset[at] = by_offset[at - 1];
        by_offset[at] = s;
        if (s->offset + s->bytes > *total)
            *total = s->offset + s->bytes;
    }
}

static uint64_t largest_live_sum(const struct clg_scratch *list, uint32_t count, uint64_t *live,
                                 uint32_t positions)
{
    uint64_t sum = 0, most = 0;
    for (uint32_t i = 0; i < count; i++) {
        live[list[i].begin] += list[i].bytes;
        live[list[i].end + 1] -= list[i].bytes;
    }
    for (uint32_t at = 0; at <= positions; at++) {
        sum += live[at];
        most = sum > most ? sum : most;
    }
    return most;
}

static clg_status plan_arena(struct clg_plan *plan)
{
    struct clg_ir *ir = &plan->ir;
    struct clg_places *p = &plan->places;
    uint32_t count = 0, most = p->count + ir->order_count;
    struct clg_scratch *list = clg_pool_new(&ir->pool, most, sizeof(*list));
    struct clg_scratch **sorted = clg_pool_new(&ir->pool, 2 * (size_t)most, sizeof(*sorted));
    uint64_t *live = clg_pool_new(&ir->pool, ir->order_count + 2, sizeof(*live));
    if (!list || !sorted || !live)
        return CLG_ERR_MEMORY;
    for (uint32_t at = 0; at < ir->order_count; at++)
        CLG_TRY(add_scratch(plan, list, &count, at));
    for (uint32_t i = 0; i < count; i++)
        sorted[i] = &list[i];
    qsort(sorted, count, sizeof(*sorted), larger_first);
    assign_offsets(sorted, sorted + most, count, &p->arena_bytes);
    p->arena_bound = largest_live_sum(list, count, live, ir->order_count);
    p->scratch = list;
    p->scratch_count = count;
    return CLG_OK;
}

static void point_into_arena(struct clg_plan *plan)
{
    struct clg_buffer *arena = clg_store_arena(plan->store);
    const struct clg_scratch *list = plan->places.scratch;
    for (uint32_t i = 0; i < plan->places.scratch_count; i++) {
        struct clg_value *v = list[i].value;
        if (v) {
            v->view.buffer = arena;
            v->view.offset = list[i].offset / clg_dtype_size(v->view.dtype);
            v->placed = true;
        } else {
            plan->places.workspace[list[i].begin] =
                (struct clg_view){.buffer = arena,
                                  .offset = list[i].offset / 4,
                                  .dtype = CLG_F32,
                                  .shape = clg_shape1((int64_t)(list[i].bytes / 4))};
        }
    }
}

clg_status clg_plan_follow(struct clg_plan *plan)
{
    for (uint32_t i = 0; i < plan->places.count; i++) {
        struct clg_value *v = &plan->places.values[i], *base = clg_plan_value(plan, v->base);
        if (v != base) {
            v->view.buffer = base->view.buffer;
            v->view.offset = base->view.offset;
        }
    }
    return copy_roots(plan);
}

/* A driver that promises more memory than it has fails here, not in epoch 3. */
static clg_status touch(struct clg_buffer *buffer)
{
    uint32_t word;
    CLG_TRY(clg_buffer_fill(buffer, 0, clg_buffer_size(buffer) / 4 * 4, 0));
    return clg_buffer_read(buffer, 0, &word, sizeof(word));
}

/* Kernels take buffers also where a plan needs no memory of the kind. */
static uint64_t own_size(const struct clg_plan *plan)
{
    return plan->places.own_bytes ? plan->places.own_bytes : 64;
}

static uint64_t arena_size(const struct clg_plan *plan)
{
    return plan->places.arena_bytes ? plan->places.arena_bytes : 64;
}

static size_t arena_now(const struct clg_plan *plan)
{
    const struct clg_buffer *arena = clg_store_arena(plan->store);
    return arena ? clg_buffer_size(arena) : 0;
}

static clg_status allocate(struct clg_plan *plan)
{
    size_t before = arena_now(plan);
    CLG_TRY(clg_buffer_resize(plan->own, own_size(plan)));
    CLG_TRY(clg_store_reserve(plan->store, arena_size(plan)));
    CLG_TRY(touch(plan->own));
    return arena_now(plan) > before ? touch(clg_store_arena(plan->store)) : CLG_OK;
}

static void measure_updates(const struct clg_plan *plan, clg_memory *sum)
{
    const struct clg_update *updates = plan->graph->updates.items;
    for (size_t i = 0; i < plan->updates; i++) {
        bool first = true;
        for (size_t k = 0; k < i; k++)
            first = first && updates[k].part != updates[i].part;
        updates[i].measure(updates[i].data, first, sum);
    }
}

void clg_plan_add_memory(const struct clg_plan *plan, clg_memory *sum)
{
    size_t before = arena_now(plan);
    clg_store_measure(plan->store, clg_plan_has_gradients(plan), sum);
    measure_updates(plan, sum);
    sum->own += own_size(plan) + clg_plan_tally_words(plan) * 4;
    sum->scratch += arena_size(plan) > before ? arena_size(plan) - before : 0;
    if (plan->ir.mode != CLG_TRAIN)
        sum->own += CLG_BLOCK_BYTES;
}

clg_status clg_plan_measure(struct clg_plan *plan)
{
    plan->own = clg_buffer_empty(plan->device);
    if (!plan->own)
        return CLG_ERR_MEMORY;
    clg_buffer_count_as(plan->own, CLG_MEMORY_OWN);
    CLG_TRY(make_values(plan));
    find_lifetimes(plan);
    place_leaves(plan);
    place_roots(plan);
    clg_plan_share(plan);
    return plan_arena(plan);
}

clg_status clg_plan_place(struct clg_plan *plan)
{
    CLG_TRY(allocate(plan));
    point_into_store(plan);
    point_into_arena(plan);
    return clg_plan_follow(plan);
}
