/* From a graph to a plan: the passes, from top to bottom. */
#include <stdio.h>
#include <string.h>
#include "plan/plan.h"

static const struct clg_pass passes[] = {
    {"simplify", clg_pass_simplify},
    {"dead code", clg_pass_dead},
    {"common subexpressions", clg_pass_common},
    {"copies of entries", clg_pass_keep},
    {"transposes", clg_pass_transpose},
    {"epilogues", clg_pass_epilogue},
    {"sums of operands", clg_pass_sums},
    {"fusion", clg_pass_fuse},
    {"dead code", clg_pass_dead},
    {"order", clg_pass_order},
};

clg_plan_params clg_plan_defaults(void)
{
    return (clg_plan_params){.outputs = NULL, .fuse = true};
}

static void plan_finish(struct clg_object *object)
{
    struct clg_plan *plan = (struct clg_plan *)object;
    struct clg_ctx *ctx = object->ctx;
    for (size_t i = 0; i < CLG_PHASES; i++)
        clg_launches_finish(&plan->phases[i]);
    for (size_t i = 0; i < plan->inputs.count; i++) {
        clg_buffer_destroy(plan->inputs.items[i].bound);
        clg_plan_unfeed(&plan->inputs.items[i]);
    }
    clg_buffer_destroy(plan->own);
    clg_buffer_destroy(plan->tally);
    if (plan->block != clg_store_block(plan->store))
        clg_buffer_destroy(plan->block);
    clg_text_finish(&plan->dot);
    clg_text_finish(&plan->choices);
    clg_free(ctx, plan->inputs.items);
    clg_free(ctx, plan->compute_copies.items);
    clg_free(ctx, plan->update_copies.items);
    clg_ir_finish(&plan->ir);
    clg_free(ctx, plan);
}

void clg_plan_destroy(clg_plan **plan)
{
    if (!plan || !*plan)
        return;
    clg_object_destroy(&(*plan)->object);
    *plan = NULL;
}

struct clg_plan *clg_plan_create(clg_graph *graph)
{
    struct clg_ctx *ctx = graph->object.ctx;
    struct clg_plan *plan = clg_new(ctx, 1, sizeof(*plan));
    if (!plan)
        return NULL;
    plan->graph = graph;
    plan->store = graph->store;
    plan->device = clg_store_device(graph->store);
    plan->writes = UINT64_MAX;
    plan->serial = clg_store_next_serial(graph->store);
    plan->dot.ctx = plan->choices.ctx = ctx;
    for (size_t i = 0; i < CLG_PHASES; i++)
        clg_launches_init(&plan->phases[i], plan->device);
    clg_object_init(&plan->object, &graph->object, plan_finish);
    return plan;
}

static clg_status find_inputs(struct clg_plan *plan)
{
    struct clg_ir *ir = &plan->ir;
    for (uint32_t at = 0; at < ir->order_count; at++) {
        const struct clg_ir_node *node = clg_ir_node(ir, ir->order[at]);
        if (node->op != CLG_OP(input))
            continue;
        struct clg_plan_input *slot = CLG_PUSH(plan->object.ctx, plan->inputs);
        if (!slot)
            return CLG_ERR_MEMORY;
        *slot = (struct clg_plan_input){.name = node->name, .node = ir->order[at]};
    }
    return CLG_OK;
}

/* Inference must not touch the training's counters and flags. */
static clg_status find_block(struct clg_plan *plan)
{
    if (plan->ir.mode == CLG_TRAIN) {
        plan->block = clg_store_block(plan->store);
        return CLG_OK;
    }
    plan->block = clg_buffer_create(plan->device, CLG_BLOCK_BYTES);
    clg_buffer_count_as(plan->block, CLG_MEMORY_OWN);
    if (!plan->block)
        return clg_error_status(plan->object.ctx);
    return clg_buffer_fill(plan->block, 0, CLG_BLOCK_BYTES, 0);
}

bool clg_plan_has_gradients(const struct clg_plan *plan)
{
    for (size_t i = 0; i < plan->ir.roots.count; i++)
        if (plan->ir.roots.items[i].kind == CLG_ROOT_GRADIENT)
            return true;
    return false;
}

/* All that is decided without device memory. */
static clg_status analyse(struct clg_plan *plan)
{
    struct clg_ir *ir = &plan->ir;
    for (size_t i = 0; i < sizeof(passes) / sizeof(*passes); i++)
        CLG_TRY(passes[i].run(ir));
    if (ir->pool.failed)
        return CLG_ERR_MEMORY;
    CLG_TRY(clg_device_check(plan->device));
    CLG_TRY(clg_plan_check_optimizers(plan));
    CLG_TRY(clg_store_place(plan->store));
    CLG_TRY(find_inputs(plan));
    return clg_plan_measure(plan);
}

/* What does not fit is said before anything is allocated. */
static clg_status check_memory(const struct clg_plan *plan)
{
    uint64_t arena = plan->places.arena_bytes, own = plan->places.own_bytes;
    uint64_t most = clg_device_machine(plan->device)->max_alloc;
    clg_memory planned = clg_memory_now(plan->device);
    char what[64];
    if (arena > most || own > most)
        return clg_fail(plan->object.ctx, CLG_ERR_LIMIT,
                        "compile: a batch of %lld needs %.1f MiB of scratch and %.1f MiB for "
                        "inputs and outputs; the device allows buffers of %.1f MiB",
                        (long long)plan->ir.batch, (double)arena / 0x1p20, (double)own / 0x1p20,
                        (double)most / 0x1p20);
    clg_plan_add_memory(plan, &planned);
    snprintf(what, sizeof(what), "compile: a batch of %lld", (long long)plan->ir.batch);
    return clg_memory_check(plan->device, what, &planned);
}

clg_status clg_plan_compile(struct clg_plan *plan)
{
    CLG_TRY(analyse(plan));
    CLG_TRY(check_memory(plan));
    CLG_TRY(clg_store_allocate(plan->store));
    if (clg_plan_has_gradients(plan))
        CLG_TRY(clg_store_allocate_gradients(plan->store));
    CLG_TRY(find_block(plan));
    CLG_TRY(clg_plan_place(plan));
    return clg_plan_lower(plan);
}

static clg_status check_arguments(clg_graph *graph, int64_t batch, clg_mode mode)
{
    struct clg_ctx *ctx = graph->object.ctx;
    if (graph->status != CLG_OK)
        return clg_fail(ctx, graph->status, "%s",
                        graph->error ? graph->error : "out of host memory");
    if (batch < 1 || batch >= INT64_C(1) << 31)
        return clg_fail(ctx, CLG_ERR_ARGUMENT, "compile: batch is %lld, must be 1 to 2^31 - 1",
                        (long long)batch);
    if (mode != CLG_TRAIN && mode != CLG_INFER)
        return clg_fail(ctx, CLG_ERR_ARGUMENT, "compile: mode must be CLG_TRAIN or CLG_INFER");
    if (!graph->outputs.count && !graph->assigns.count)
        return clg_fail(ctx, CLG_ERR_STATE, "compile: the graph has no output and trains nothing");
    return CLG_OK;
}

/* A plan that has its copy of the graph. */
static struct clg_plan *begin(clg_graph *graph, int64_t batch, clg_mode mode,
                              const clg_plan_params *params)
{
    clg_plan_params p = params ? *params : clg_plan_defaults();
    if (check_arguments(graph, batch, mode) != CLG_OK)
        return NULL;
    struct clg_plan *plan = clg_plan_create(graph);
    if (!plan)
        return NULL;
    clg_status status = clg_ir_build(&plan->ir, graph, batch, mode, p.outputs);
    plan->ir.fuse = p.fuse;
    plan->updates = mode == CLG_TRAIN ? graph->updates.count : 0;
    if (status != CLG_OK)
        clg_plan_destroy(&plan);
    return plan;
}

clg_plan *clg_compile(clg_graph *graph, int64_t batch, clg_mode mode, const clg_plan_params *params)
{
    struct clg_plan *plan = graph ? begin(graph, batch, mode, params) : NULL;
    if (plan && clg_plan_compile(plan) != CLG_OK)
        clg_plan_destroy(&plan);
    return plan;
}

clg_status clg_plan_estimate(clg_graph *graph, int64_t batch, clg_mode mode,
                             const clg_plan_params *params, clg_memory *out)
{
    if (!graph || !CLG_GIVEN(graph, out))
        return CLG_ERR_ARGUMENT;
    struct clg_plan *plan = begin(graph, batch, mode, params);
    if (!plan)
        return clg_error_status(graph->object.ctx);
    clg_status status = analyse(plan);
    if (status == CLG_OK) {
        *out = clg_memory_now(plan->device);
        clg_plan_add_memory(plan, out);
    }
    clg_plan_destroy(&plan);
    return status;
}

/* ---- clg_eval ---- */

static clg_status check_eval(struct clg_plan *plan, size_t size)
{
    struct clg_ir *ir = &plan->ir;
    struct clg_ctx *ctx = plan->object.ctx;
    const struct clg_type *type = clg_ir_type(ir, ir->roots.items[0].ref);
    size_t bytes = (size_t)clg_shape_count(&type->shape) * clg_dtype_size(type->dtype);
    if (plan->inputs.count)
        return clg_fail(
            ctx, CLG_ERR_ARGUMENT,
            "eval: the tensor depends on input '%s', must on constants and parameters alone",
            plan->inputs.items[0].name);
    if (bytes != size)
        return clg_fail(ctx, CLG_ERR_ARGUMENT, "eval: out has %zu bytes, the tensor %zu", size,
                        bytes);
    return CLG_OK;
}

static clg_status check_eval_shape(clg_tensor t)
{
    clg_shape shape = clg_tensor_shape(t);
    char text[CLG_SHAPE_TEXT];
    for (int32_t i = 0; i < shape.rank; i++)
        if (shape.dim[i] >= CLG_BATCH)
            return clg_fail(t.graph->object.ctx, CLG_ERR_ARGUMENT,
                            "eval: the tensor's shape is %s, no dimension may be one of the batch",
                            clg_shape_text(&shape, text));
    return CLG_OK;
}

clg_status clg_eval(clg_tensor t, void *out, size_t size)
{
    if (!t.graph || !CLG_GIVEN(t.graph, out))
        return CLG_ERR_ARGUMENT;
    if (t.graph->status != CLG_OK)
        return clg_fail(t.graph->object.ctx, t.graph->status, "%s",
                        t.graph->error ? t.graph->error : "");
    if (!clg_tensor_valid(t))
        return clg_fail(t.graph->object.ctx, CLG_ERR_ARGUMENT, "eval: not a valid tensor");
    struct clg_plan *plan = clg_plan_create(t.graph);
    if (!plan)
        return CLG_ERR_MEMORY;
    clg_status status = clg_ir_build_tensor(&plan->ir, t);
    if (status == CLG_OK)
        status = clg_plan_compile(plan);
    if (status == CLG_OK)
        status = check_eval(plan, size);
    if (status == CLG_OK)
        status = check_eval_shape(t);
    if (status == CLG_OK)
        status = clg_plan_step(plan);
    if (status == CLG_OK)
        status = clg_plan_read(plan, "value", out, size);
    clg_plan_destroy(&plan);
    return status;
}
