/* What the cases of an op say about it. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "selftest/suite.h"
#include "selftest/table.h"

/* The op's first node in the graph of its cases, or NULL. */
static const struct clg_node *first_node(const struct clg_cases *cases, clg_tensor *out)
{
    for (size_t i = 0; i < cases->graph->nodes.count; i++)
        if (cases->graph->nodes.items[i]->op == cases->op) {
            *out = (clg_tensor){cases->graph, (int32_t)i, 0};
            return cases->graph->nodes.items[i];
        }
    return NULL;
}

static void add(struct clg_selftest_description *out, const char *between, const clg_shape *shape)
{
    size_t at = strlen(out->shapes);
    char text[CLG_SHAPE_TEXT];

    snprintf(out->shapes + at, sizeof(out->shapes) - at, "%s%s", between,
             shape->rank ? clg_shape_text(shape, text) : "()");
}

static void describe_shapes(const struct clg_node *node, const clg_graph *graph,
                            struct clg_selftest_description *out)
{
    for (uint32_t i = 0; i < node->n_in; i++) {
        const struct clg_node *from = graph->nodes.items[node->in[i].node];
        add(out, i ? ", " : "", &from->out[node->in[i].output].shape);
    }
    for (uint32_t i = 0; i < node->n_out; i++)
        add(out, i ? ", " : node->n_in ? " -> " : "", &node->out[i].shape);
}

static double tolerance_of(const struct clg_oracle_array *array)
{
    double error = 0, value = 0;

    for (int64_t i = 0; i < array->count; i++)
        if (isfinite(array->value[i]) && isfinite(array->error[i])) {
            error = fmax(error, array->error[i]);
            value = fmax(value, fabs(array->value[i]));
        }
    return value > 0 ? error / value / 0x1p-23 : 0;
}

static clg_status describe(struct clg_cases *cases, struct clg_selftest_description *out)
{
    struct clg_evaluation values = {0};
    clg_tensor t;
    const struct clg_node *node = first_node(cases, &t);
    clg_status status;

    out->cases = (uint32_t)cases->list.count;
    if (!node)
        return clg_fail(cases->ctx, CLG_ERR_STATE, "no case of '%s' has it", cases->op->name);
    describe_shapes(node, cases->graph, out);
    status = clg_suite_evaluate(cases, true, &values);
    if (status == CLG_OK)
        out->ulps = tolerance_of(clg_evaluated(&values, t));
    clg_evaluation_finish(&values);
    return status;
}

clg_status clg_selftest_describe(clg_device *device, const struct clg_op *op,
                                 struct clg_selftest_description *out)
{
    struct clg_selftest_result result = {.op = op->name, .pass = true};
    struct clg_cases cases = clg_suite_of(device, op, false, &result);
    clg_store *store;
    clg_status status = clg_suite_make(&cases, &store, clg_selftest_entry(op)->cases);

    *out = (struct clg_selftest_description){.gradient = "twice"};
    if (!op->grad || op->flags & CLG_OP_CONSTANT)
        out->gradient = "none";
    else if (op->flags & CLG_OP_ONCE)
        out->gradient = "once";
    if (status == CLG_OK)
        status = describe(&cases, out);
    clg_suite_free(&cases);
    clg_store_destroy(&store);
    return status;
}
