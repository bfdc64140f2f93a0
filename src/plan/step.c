/* What a client does with a plan: write, step, read. */
#include <math.h>
#include <string.h>
#include "plan/plan.h"

struct clg_plan_input *clg_plan_find_input(struct clg_plan *plan, const char *name)
{
    struct clg_text names = {.ctx = plan->object.ctx};
    for (size_t i = 0; i < plan->inputs.count; i++)
        if (!strcmp(plan->inputs.items[i].name, name))
            return &plan->inputs.items[i];
    for (size_t i = 0; i < plan->inputs.count; i++)
        clg_text_add(&names, "%s'%s'", i ? ", " : "", plan->inputs.items[i].name);
    clg_fail(plan->object.ctx, CLG_ERR_ARGUMENT, "the plan has no input '%s'; it has %s", name,
             names.data ? names.data : "none");
    clg_text_finish(&names);
    return NULL;
}

struct clg_root *clg_plan_find_output(struct clg_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->ir.roots.count; i++) {
        struct clg_root *root = &plan->ir.roots.items[i];
        if (root->kind == CLG_ROOT_OUTPUT && !strcmp(root->name, name))
            return root;
    }
    clg_fail(plan->object.ctx, CLG_ERR_ARGUMENT, "the plan has no output '%s'", name);
    return NULL;
}

static clg_status check_size(struct clg_plan *plan, const char *what, const char *name,
                             const struct clg_view *view, size_t bytes)
{
    size_t size = (size_t)clg_shape_count(&view->shape) * clg_dtype_size(view->dtype);
    char text[CLG_SHAPE_TEXT];
    if (bytes == size)
        return CLG_OK;
    return clg_fail(plan->object.ctx, CLG_ERR_ARGUMENT,
                    "%s '%s': %zu bytes were given, shape %s takes %zu", what, name, bytes,
                    clg_shape_text(&view->shape, text), size);
}

clg_status clg_plan_write(clg_plan *plan, const char *input, const void *data, size_t bytes)
{
    if (!plan || !CLG_GIVEN(plan, input) || !CLG_GIVEN(plan, data))
        return CLG_ERR_ARGUMENT;
    struct clg_plan_input *in = clg_plan_find_input(plan, input);
    if (!in)
        return CLG_ERR_ARGUMENT;
    const struct clg_view *place = &clg_plan_value(plan, (struct clg_ref){in->node, 0})->view;
    CLG_TRY(check_size(plan, "write", input, place, bytes));
    CLG_TRY(clg_device_check(plan->device));
    CLG_TRY(clg_plan_unbind(plan, in));
    struct clg_view view = *place;
    CLG_TRY(clg_buffer_write(view.buffer, view.offset * 4, data, bytes));
    in->ready = true;
    if (!in->array)
        return CLG_OK;
    clg_plan_unfeed(in);
    return clg_plan_lower_feeds(plan);
}

clg_status clg_plan_read(clg_plan *plan, const char *output, void *data, size_t bytes)
{
    if (!plan || !CLG_GIVEN(plan, output) || !CLG_GIVEN(plan, data))
        return CLG_ERR_ARGUMENT;
    const struct clg_root *root = clg_plan_find_output(plan, output);
    if (!root)
        return CLG_ERR_ARGUMENT;
    struct clg_view view = clg_plan_value(plan, root->ref)->view;
    CLG_TRY(check_size(plan, "read", output, &view, bytes));
    CLG_TRY(clg_device_check(plan->device));
    if (!plan->ran)
        return clg_fail(plan->object.ctx, CLG_ERR_STATE,
                        "read '%s': the plan has made no step, or its last one failed", output);
    return clg_buffer_read(view.buffer, view.offset * 4, data, bytes);
}

clg_status clg_plan_check_inputs(struct clg_plan *plan)
{
    for (size_t i = 0; i < plan->inputs.count; i++)
        if (!plan->inputs.items[i].ready && !plan->inputs.items[i].array)
            return clg_fail(plan->object.ctx, CLG_ERR_STATE,
                            "step: input '%s' was neither written nor fed",
                            plan->inputs.items[i].name);
    return clg_device_check(plan->device);
}

/* From here on the gradients of another plan are lost. */
static void claim_gradients(const struct clg_plan *plan)
{
    for (size_t i = 0; i < plan->ir.roots.count; i++)
        if (plan->ir.roots.items[i].kind == CLG_ROOT_GRADIENT)
            clg_store_set_gradient_of(plan->store, plan->ir.roots.items[i].entry, plan->serial);
}

static clg_status run(struct clg_plan *plan, enum clg_phase phase)
{
    struct clg_launches *launches = &plan->phases[phase];
    return clg_launches_run(launches, 0, launches->list.count);
}

clg_status clg_plan_backward(clg_plan *plan)
{
    if (!plan)
        return CLG_ERR_ARGUMENT;
    plan->ran = plan->pending = false;
    CLG_TRY(clg_plan_check_inputs(plan));
    claim_gradients(plan);
    CLG_TRY(run(plan, CLG_PHASE_FEED));
    CLG_TRY(run(plan, CLG_PHASE_COMPUTE));
    CLG_TRY(run(plan, CLG_PHASE_MEAN));
    CLG_TRY(run(plan, CLG_PHASE_NORM));
    CLG_TRY(run(plan, CLG_PHASE_CLOSE));
    plan->gradient_writes = clg_store_gradient_writes(plan->store);
    plan->ran = plan->pending = true;
    return CLG_OK;
}

static clg_status check_accumulates(const struct clg_plan *plan)
{
    const struct clg_update *updates = plan->graph->updates.items;
    if (plan->updates == 0)
        return clg_fail(plan->object.ctx, CLG_ERR_STATE, "accumulate: the plan trains nothing");
    for (size_t i = 0; i < plan->updates; i++)
        if (!updates[i].wants(updates[i].data, CLG_UPDATE_ADD))
            return clg_fail(plan->object.ctx, CLG_ERR_STATE,
                            "accumulate: optimizer '%s' keeps no sum of gradients; "
                            "clg_optimizer_accumulate() before clg_minimize() makes it",
                            updates[i].name);
    return CLG_OK;
}

clg_status clg_plan_accumulate(clg_plan *plan)
{
    if (!plan)
        return CLG_ERR_ARGUMENT;
    plan->ran = plan->pending = false;
    CLG_TRY(clg_plan_check_optimizers(plan));
    CLG_TRY(check_accumulates(plan));
    CLG_TRY(clg_plan_check_inputs(plan));
    claim_gradients(plan);
    CLG_TRY(run(plan, CLG_PHASE_FEED));
    CLG_TRY(run(plan, CLG_PHASE_COMPUTE));
    CLG_TRY(run(plan, CLG_PHASE_ADD));
    plan->ran = true;
    return CLG_OK;
}

/* What the application wrote since is clipped, too. */
static clg_status look_at_written_gradients(struct clg_plan *plan)
{
    if (plan->gradient_writes == clg_store_gradient_writes(plan->store))
        return CLG_OK;
    CLG_TRY(run(plan, CLG_PHASE_NORM));
    return run(plan, CLG_PHASE_RENORM);
}

/* An update applies what this plan's backward left. */
static clg_status check_backward(const struct clg_plan *plan)
{
    if (!plan->pending)
        return clg_fail(plan->object.ctx, CLG_ERR_STATE,
                        "update: no clg_plan_backward() of this plan has succeeded since its last "
                        "update; each update needs one of its own");
    for (size_t i = 0; i < plan->ir.roots.count; i++) {
        const struct clg_root *root = &plan->ir.roots.items[i];
        const struct clg_entry *entry;
        if (root->kind != CLG_ROOT_GRADIENT)
            continue;
        entry = clg_store_get_entry(plan->store, root->entry);
        if (entry->gradient_of != plan->serial)
            return clg_fail(plan->object.ctx, CLG_ERR_STATE,
                            "update: another plan has computed the gradient of '%s' since this "
                            "plan's clg_plan_backward(); call that again",
                            entry->name);
    }
    return CLG_OK;
}

/* Their states are what the update's launches write. */
clg_status clg_plan_check_optimizers(const struct clg_plan *plan)
{
    const struct clg_graph *g = plan->graph;
    for (size_t i = 0; i < plan->updates; i++)
        CLG_TRY(g->updates.items[i].check(g->updates.items[i].data));
    return CLG_OK;
}

/* Values that others wrote may be of any size. */
static clg_status look_at_foreign_values(const struct clg_plan *plan)
{
    const struct clg_graph *g = plan->graph;
    if (plan->writes == clg_store_writes(plan->store))
        return CLG_OK;
    for (size_t i = 0; i < plan->updates; i++)
        CLG_TRY(clg_store_look(plan->store, g->updates.items[i].part));
    return CLG_OK;
}

clg_status clg_plan_update(clg_plan *plan)
{
    if (!plan)
        return CLG_ERR_ARGUMENT;
    CLG_TRY(clg_device_check(plan->device));
    CLG_TRY(clg_plan_check_optimizers(plan));
    CLG_TRY(check_backward(plan));
    plan->pending = false;
    CLG_TRY(look_at_foreign_values(plan));
    CLG_TRY(look_at_written_gradients(plan));
    if (plan->phases[CLG_PHASE_UPDATE].list.count)
        clg_store_written(plan->store);
    CLG_TRY(run(plan, CLG_PHASE_UPDATE));
    plan->writes = clg_store_writes(plan->store);
    return CLG_OK;
}

clg_status clg_plan_step(clg_plan *plan)
{
    CLG_TRY(clg_plan_backward(plan));
    return clg_plan_update(plan);
}

/* ---- metrics ---- */

/* Where a metric's four words lie in the tally, in bytes. */
static clg_status find_metric(struct clg_plan *plan, const char *metric, uint64_t *offset)
{
    uint64_t index = 0;
    for (size_t i = 0; i < plan->ir.roots.count; i++) {
        const struct clg_root *root = &plan->ir.roots.items[i];
        if (root->kind != CLG_ROOT_OUTPUT || !root->metric)
            continue;
        *offset = (plan->first_sum + 4 * index) * 4;
        if (!strcmp(root->name, metric))
            return clg_device_check(plan->device);
        index++;
    }
    return clg_fail(plan->object.ctx, CLG_ERR_ARGUMENT, "the plan has no metric '%s'", metric);
}

/* In inference a bad index is found out when somebody looks. */
static clg_status check_flags(struct clg_plan *plan)
{
    uint32_t raised = 0;
    CLG_TRY(clg_device_check(plan->device));
    if (plan->ir.mode == CLG_TRAIN)
        return CLG_OK;
    CLG_TRY(clg_buffer_read(plan->block, CLG_BLOCK_RAISED * 4, &raised, sizeof(raised)));
    if (raised & CLG_RAISED_INDEX)
        return clg_fail(plan->object.ctx, CLG_ERR_ARGUMENT, "an index or a label was out of range");
    return CLG_OK;
}

clg_status clg_plan_get_metric(clg_plan *plan, const char *metric, clg_metric_sum *out)
{
    uint32_t words[4];
    uint64_t offset = 0;
    if (!plan || !CLG_GIVEN(plan, metric) || !CLG_GIVEN(plan, out))
        return CLG_ERR_ARGUMENT;
    CLG_TRY(find_metric(plan, metric, &offset));
    CLG_TRY(clg_buffer_read(plan->tally, offset, words, sizeof(words)));
    memcpy(&out->sum, &words[0], sizeof(out->sum));
    memcpy(&out->carry, &words[1], sizeof(out->carry));
    out->count = words[2] | (uint64_t)words[3] << 32;
    return CLG_OK;
}

clg_status clg_plan_set_metric(clg_plan *plan, const char *metric, const clg_metric_sum *sum)
{
    uint32_t words[4];
    uint64_t offset = 0;
    if (!plan || !CLG_GIVEN(plan, metric) || !CLG_GIVEN(plan, sum))
        return CLG_ERR_ARGUMENT;
    CLG_TRY(find_metric(plan, metric, &offset));
    memcpy(&words[0], &sum->sum, sizeof(sum->sum));
    memcpy(&words[1], &sum->carry, sizeof(sum->carry));
    words[2] = (uint32_t)sum->count;
    words[3] = (uint32_t)(sum->count >> 32);
    return clg_buffer_write(plan->tally, offset, words, sizeof(words));
}

clg_status clg_plan_metric(clg_plan *plan, const char *metric, double *sum, double *count)
{
    clg_metric_sum all;
    if (!plan || !CLG_GIVEN(plan, metric))
        return CLG_ERR_ARGUMENT;
    CLG_TRY(check_flags(plan));
    CLG_TRY(clg_plan_get_metric(plan, metric, &all));
    if (sum)
        *sum = (double)all.sum - (double)all.carry;
    if (count)
        *count = (double)all.count;
    return CLG_OK;
}

clg_status clg_plan_reset_metrics(clg_plan *plan)
{
    if (!plan)
        return CLG_ERR_ARGUMENT;
    CLG_TRY(clg_device_check(plan->device));
    return plan->metrics
               ? clg_buffer_fill(plan->tally, plan->first_sum * 4, 16 * (size_t)plan->metrics, 0)
               : CLG_OK;
}
