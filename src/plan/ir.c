#include <string.h>
#include "base/text.h"
#include "plan/ir.h"

void *clg_pool_new(struct clg_pool *pool, size_t count, size_t size)
{
    void *block = clg_new(pool->ctx, count ? count : 1, size ? size : 1);
    void **slot = block ? CLG_PUSH(pool->ctx, pool->blocks) : NULL;
    if (!slot) {
        clg_free(pool->ctx, block);
        pool->failed = true;
        return NULL;
    }
    return *slot = block;
}

void clg_pool_finish(struct clg_pool *pool)
{
    for (size_t i = 0; i < pool->blocks.count; i++)
        clg_free(pool->ctx, pool->blocks.items[i]);
    clg_free(pool->ctx, pool->blocks.items);
    memset(&pool->blocks, 0, sizeof(pool->blocks));
}

void clg_ir_finish(struct clg_ir *ir)
{
    clg_free(ir->pool.ctx, ir->nodes.items);
    clg_free(ir->pool.ctx, ir->roots.items);
    clg_pool_finish(&ir->pool);
}

struct clg_ir_node *clg_ir_node(const struct clg_ir *ir, uint32_t index)
{
    return ir->nodes.items[index];
}

const struct clg_type *clg_ir_type(const struct clg_ir *ir, struct clg_ref ref)
{
    return &ir->nodes.items[ref.node]->out[ref.output];
}

void clg_ir_numbers(const struct clg_ir *ir, const struct clg_ir_node *node, float p[4])
{
    if (node->op != CLG_OP(expand))
        return;
    double from = (double)clg_shape_count(&clg_ir_type(ir, node->in[0])->shape);
    bool mean = ((const struct clg_expand_attr *)node->attr)->mean;
    p[0] = mean ? (float)(from / (double)clg_shape_count(&node->out[0].shape)) : 1.0f;
}

void clg_ir_replace(struct clg_ir *ir, uint32_t from, struct clg_ref to)
{
    for (size_t i = 0; i < ir->nodes.count; i++) {
        struct clg_ir_node *node = ir->nodes.items[i];
        for (uint32_t k = 0; k < node->n_in; k++)
            if (node->in[k].node == from)
                node->in[k] = to;
    }
    for (size_t i = 0; i < ir->roots.count; i++)
        if (ir->roots.items[i].ref.node == from)
            ir->roots.items[i].ref = to;
}

uint32_t *clg_ir_uses(struct clg_ir *ir)
{
    uint32_t *uses = clg_pool_new(&ir->pool, ir->nodes.count, sizeof(*uses));
    if (!uses)
        return NULL;
    for (size_t i = 0; i < ir->nodes.count; i++) {
        const struct clg_ir_node *node = ir->nodes.items[i];
        for (uint32_t k = 0; k < node->n_in && !node->dead; k++)
            uses[node->in[k].node]++;
    }
    for (size_t i = 0; i < ir->roots.count; i++)
        uses[ir->roots.items[i].ref.node]++;
    return uses;
}

/* Puts a number for the batch. */
static clg_status resolve(struct clg_ir *ir, const struct clg_node *node,
                          const struct clg_type *from, struct clg_type *to)
{
    *to = *from;
    int64_t count = 1;
    for (int i = 0; i < to->shape.rank; i++) {
        if (to->shape.dim[i] >= CLG_BATCH)
            to->shape.dim[i] = to->shape.dim[i] / CLG_BATCH * ir->batch;
        count *= to->shape.dim[i];
        if (count >= INT64_C(1) << 31) {
            char text[CLG_SHAPE_TEXT];
            return clg_fail(ir->pool.ctx, CLG_ERR_LIMIT,
                            "compile: %s has shape %s with a batch of %lld: 2^31 elements or more",
                            node->name ? node->name : node->op->name,
                            clg_shape_text(&from->shape, text), (long long)ir->batch);
        }
    }
    return CLG_OK;
}

static clg_status copy_node(struct clg_ir *ir, const struct clg_node *node)
{
    struct clg_ir_node *copy = clg_pool_new(&ir->pool, 1, sizeof(*copy));
    struct clg_ir_node **slot = copy ? CLG_PUSH(ir->pool.ctx, ir->nodes) : NULL;
    if (!slot)
        return CLG_ERR_MEMORY;
    *slot = copy;
    *copy = (struct clg_ir_node){.op = node->op,
                                 .name = node->name,
                                 .n_in = node->n_in,
                                 .n_out = node->n_out,
                                 .attr = node->attr};
    copy->in = clg_pool_new(&ir->pool, node->n_in, sizeof(*copy->in));
    copy->out = clg_pool_new(&ir->pool, node->n_out, sizeof(*copy->out));
    if (!copy->in || !copy->out)
        return CLG_ERR_MEMORY;
    memcpy(copy->in, node->in, node->n_in * sizeof(*copy->in));
    for (uint32_t i = 0; i < node->n_out; i++)
        CLG_TRY(resolve(ir, node, &node->out[i], &copy->out[i]));
    return CLG_OK;
}

static clg_status add_root(struct clg_ir *ir, struct clg_root root)
{
    struct clg_root *slot = CLG_PUSH(ir->pool.ctx, ir->roots);
    if (!slot)
        return CLG_ERR_MEMORY;
    *slot = root;
    return CLG_OK;
}

static bool listed(const char *const *names, const char *name)
{
    for (; names && *names; names++)
        if (!strcmp(*names, name))
            return true;
    return false;
}

static clg_status check_names(struct clg_graph *g, const char *const *names)
{
    for (; names && *names; names++) {
        bool found = false;
        for (size_t i = 0; i < g->outputs.count; i++)
            found |= !strcmp(g->outputs.items[i].name, *names);
        if (!found)
            return clg_fail(g->object.ctx, CLG_ERR_ARGUMENT,
                            "compile: the graph has no output '%s'", *names);
    }
    return CLG_OK;
}

static clg_status add_roots(struct clg_ir *ir, const char *const *outputs)
{
    struct clg_graph *g = ir->graph;
    bool training = ir->mode == CLG_TRAIN;
    for (size_t i = 0; i < g->outputs.count; i++) {
        struct clg_named *o = &g->outputs.items[i];
        if (!outputs || listed(outputs, o->name))
            CLG_TRY(add_root(ir, (struct clg_root){.kind = CLG_ROOT_OUTPUT,
                                                   .name = o->name,
                                                   .metric = o->metric,
                                                   .ref = o->ref}));
    }
    for (size_t i = 0; training && i < g->losses.count; i++)
        CLG_TRY(add_root(ir, (struct clg_root){.kind = CLG_ROOT_LOSS, .ref = g->losses.items[i]}));
    for (size_t i = 0; i < g->assigns.count; i++) {
        struct clg_assignment *a = &g->assigns.items[i];
        if (training || a->when == CLG_WHEN_ALWAYS)
            CLG_TRY(add_root(
                ir, (struct clg_root){.kind = a->gradient ? CLG_ROOT_GRADIENT : CLG_ROOT_STATE,
                                      .entry = a->entry,
                                      .ref = a->value}));
    }
    return CLG_OK;
}

static clg_status copy_nodes(struct clg_ir *ir)
{
    for (size_t i = 0; i < ir->graph->nodes.count; i++)
        CLG_TRY(copy_node(ir, ir->graph->nodes.items[i]));
    return CLG_OK;
}

/* In inference a training-only op is its first input; one that chooses by mode is its second in
 * training. */
static void drop_training_ops(struct clg_ir *ir)
{
    bool training = ir->mode == CLG_TRAIN;
    for (uint32_t i = 0; i < ir->nodes.count; i++) {
        const struct clg_ir_node *node = ir->nodes.items[i];
        if (node->op->flags & (training ? CLG_OP_BY_MODE : CLG_OP_TRAINING))
            clg_ir_replace(ir, i, node->in[training]);
    }
}

clg_status clg_ir_build(struct clg_ir *ir, clg_graph *graph, int64_t batch, clg_mode mode,
                        const char *const *outputs)
{
    *ir = (struct clg_ir){.pool = {.ctx = graph->object.ctx},
                          .graph = graph,
                          .mode = mode,
                          .batch = batch,
                          .fuse = true};
    CLG_TRY(check_names(graph, outputs));
    CLG_TRY(copy_nodes(ir));
    CLG_TRY(add_roots(ir, outputs));
    drop_training_ops(ir);
    return CLG_OK;
}

clg_status clg_ir_build_tensor(struct clg_ir *ir, clg_tensor t)
{
    *ir = (struct clg_ir){.pool = {.ctx = t.graph->object.ctx},
                          .graph = t.graph,
                          .mode = CLG_INFER,
                          .batch = 1,
                          .fuse = true};
    CLG_TRY(copy_nodes(ir));
    struct clg_ref ref = {(uint32_t)t.node, (uint32_t)t.output};
    CLG_TRY(add_root(ir, (struct clg_root){.kind = CLG_ROOT_OUTPUT, .name = "value", .ref = ref}));
    drop_training_ops(ir);
    return CLG_OK;
}
