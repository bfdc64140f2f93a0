#include <math.h>
#include <string.h>
#include "selftest/evaluate.h"
#include "selftest/table.h"

clg_shape clg_resolve(const clg_shape *shape, int64_t batch)
{
    clg_shape numbers = *shape;
    for (int i = 0; i < numbers.rank; i++)
        if (numbers.dim[i] >= CLG_BATCH)
            numbers.dim[i] = numbers.dim[i] / CLG_BATCH * batch;
    return numbers;
}

static void fill_leaf(const struct clg_node *node, double *to, int64_t count)
{
    const struct clg_constant_attr *constant = node->attr;
    const struct clg_fill_attr *fill = node->attr;
    for (int64_t i = 0; i < count; i++) {
        if (node->op == CLG_OP(fill))
            to[i] = fill->value;
        else if (node->op == CLG_OP(constant) && node->out->dtype == CLG_I32)
            to[i] = ((const int32_t *)constant->data)[i];
        else if (node->op == CLG_OP(constant))
            to[i] = ((const float *)constant->data)[i];
    }
}

static clg_status fill_entry(struct clg_evaluation *e, const struct clg_node *node, double *to,
                             int64_t count)
{
    const struct clg_entry_attr *attr = node->attr;
    const char *name = clg_store_get_entry(e->graph->store, attr->entry)->name;
    float *values = clg_new(e->ctx, (size_t)count, sizeof(*values));
    if (!values)
        return CLG_ERR_MEMORY;
    clg_status status =
        clg_store_get(e->graph->store, name, values, (size_t)count * sizeof(*values));
    for (int64_t i = 0; i < count; i++)
        to[i] = values[i];
    clg_free(e->ctx, values);
    return status;
}

static clg_status add_leaf(struct clg_evaluation *e, size_t index)
{
    const struct clg_node *node = e->graph->nodes.items[index];
    clg_shape shape = clg_resolve(&node->out->shape, e->batch);
    int64_t count = clg_extent(&shape, 0, shape.rank);
    e->leaf[index] = clg_new(e->ctx, (size_t)count, sizeof(double));
    if (!e->leaf[index])
        return CLG_ERR_MEMORY;
    if (node->op == CLG_OP(entry))
        return fill_entry(e, node, e->leaf[index], count);
    fill_leaf(node, e->leaf[index], count);
    return CLG_OK;
}

clg_status clg_evaluation_init(struct clg_evaluation *e, const clg_graph *graph, int64_t batch,
                               bool training)
{
    struct clg_ctx *ctx = graph->object.ctx;
    *e = (struct clg_evaluation){.graph = graph,
                                 .ctx = ctx,
                                 .batch = batch,
                                 .training = training,
                                 .seed = clg_store_seed(graph->store)};
    e->leaf = clg_new(ctx, graph->nodes.count + 1, sizeof(*e->leaf));
    e->out = clg_new(ctx, graph->nodes.count + 1, sizeof(*e->out));
    if (!e->leaf || !e->out)
        return CLG_ERR_MEMORY;
    for (size_t i = 0; i < graph->nodes.count; i++)
        if (graph->nodes.items[i]->op->flags & CLG_OP_LEAF)
            CLG_TRY(add_leaf(e, i));
    return CLG_OK;
}

void clg_evaluation_finish(struct clg_evaluation *e)
{
    if (!e->graph)
        return;
    for (size_t i = 0; i < e->graph->nodes.count; i++) {
        for (uint32_t o = 0; e->out && e->out[i] && o < e->graph->nodes.items[i]->n_out; o++) {
            clg_free(e->ctx, e->out[i][o].value);
            clg_free(e->ctx, e->out[i][o].error);
        }
        if (e->out)
            clg_free(e->ctx, e->out[i]);
        if (e->leaf)
            clg_free(e->ctx, e->leaf[i]);
    }
    clg_free(e->ctx, e->leaf);
    clg_free(e->ctx, e->out);
    *e = (struct clg_evaluation){0};
}

void clg_evaluation_need(const clg_graph *graph, struct clg_ref ref, bool *need)
{
    need[ref.node] = true;
    for (uint32_t n = ref.node + 1; n-- > 0;)
        for (uint32_t i = 0; need[n] && i < graph->nodes.items[n]->n_in; i++)
            need[graph->nodes.items[n]->in[i].node] = true;
}

static clg_status make_outputs(struct clg_evaluation *e, size_t index)
{
    const struct clg_node *node = e->graph->nodes.items[index];
    if (e->out[index])
        return CLG_OK;
    e->out[index] = clg_new(e->ctx, node->n_out, sizeof(struct clg_oracle_array));
    for (uint32_t o = 0; e->out[index] && o < node->n_out; o++) {
        struct clg_oracle_array *array = &e->out[index][o];
        array->dtype = node->out[o].dtype;
        array->shape = clg_resolve(&node->out[o].shape, e->batch);
        array->count = clg_extent(&array->shape, 0, array->shape.rank);
        array->value = clg_new(e->ctx, (size_t)array->count, sizeof(double));
        array->error = clg_new(e->ctx, (size_t)array->count, sizeof(double));
        if (!array->value || !array->error)
            return CLG_ERR_MEMORY;
    }
    return e->out[index] ? CLG_OK : CLG_ERR_MEMORY;
}

static bool is_identity(const struct clg_evaluation *e, const struct clg_op *op)
{
    return op->flags & CLG_OP_TRAINING && !e->training;
}

static void copy_input(const struct clg_oracle_call *call)
{
    size_t bytes = (size_t)call->out->count * sizeof(double);
    memcpy(call->out->value, call->in->value, bytes);
    memcpy(call->out->error, call->in->error, bytes);
}

static void saturate(struct clg_oracle_array *array)
{
    for (int64_t i = 0; i < array->count; i++) {
        double *v = &array->value[i];
        if (array->dtype == CLG_F32 && fabs(*v) >= 0x1.ffffffp127) /* rounds to infinity */
            *v = copysign(INFINITY, *v);
        if (!isfinite(*v))
            array->error[i] = 0;
    }
}

void clg_run_oracle(struct clg_oracle_call *call)
{
    for (uint32_t o = 0; o < call->n_out; o++)
        memset(call->out[o].error, 0, (size_t)call->out[o].count * sizeof(double));
    clg_selftest_entry(call->op)->oracle(call);
    for (uint32_t o = 0; o < call->n_out; o++)
        saturate(&call->out[o]);
}

static clg_status run_node(struct clg_evaluation *e, size_t index)
{
    const struct clg_node *node = e->graph->nodes.items[index];
    struct clg_oracle_array *in = clg_new(e->ctx, node->n_in + 1u, sizeof(*in));
    if (!in)
        return CLG_ERR_MEMORY;
    for (uint32_t i = 0; i < node->n_in; i++)
        in[i] = e->out[node->in[i].node][node->in[i].output];
    struct clg_oracle_call call = {.ctx = e->ctx,
                                   .op = node->op,
                                   .attr = node->attr,
                                   .n_in = node->n_in,
                                   .n_out = node->n_out,
                                   .in = in,
                                   .out = e->out[index],
                                   .leaf = e->leaf[index],
                                   .seed = e->seed,
                                   .draw = e->draw};
    if (is_identity(e, node->op))
        copy_input(&call);
    else
        clg_run_oracle(&call);
    for (uint32_t o = 0; e->exact && o < node->n_out; o++)
        memset(call.out[o].error, 0, (size_t)call.out[o].count * sizeof(double));
    clg_free(e->ctx, in);
    return CLG_OK;
}

clg_status clg_evaluation_run(struct clg_evaluation *e, const bool *need)
{
    for (size_t i = 0; i < e->graph->nodes.count; i++) {
        if (!need[i])
            continue;
        CLG_TRY(make_outputs(e, i));
        CLG_TRY(run_node(e, i));
    }
    return CLG_OK;
}

const struct clg_oracle_array *clg_evaluated(const struct clg_evaluation *e, clg_tensor t)
{
    return &e->out[t.node][t.output];
}
