/* Leaves: inputs, store entries, constants; and assignments to the store. */
#include <stdio.h>
#include <string.h>
#include "base/text.h"
#include "ops/families.h"

static clg_tensor typed_leaf(clg_graph *g, const struct clg_op *op, const void *attr,
                             const char *name, clg_dtype type, clg_shape shape)
{
    struct clg_type out = {type, shape};
    return clg_leaf_add(g, op, &out, attr, name);
}

static bool check_name(clg_graph *g, const char *what, const char *name)
{
    if (name && *name)
        return true;
    clg_graph_fail(g, CLG_ERR_ARGUMENT, "%s: name is %s", what, name ? "empty" : "NULL");
    return false;
}

clg_tensor clg_input(clg_graph *graph, const char *name, clg_dtype type, clg_shape shape)
{
    struct clg_input_attr attr = {0};
    if (!graph || !check_name(graph, "input", name))
        return (clg_tensor){NULL, -1, 0};
    if (type != CLG_F32 && type != CLG_I32)
        return clg_graph_fail(graph, CLG_ERR_ARGUMENT,
                              "input '%s': its type must be CLG_F32 or CLG_I32", name);
    for (size_t i = 0; i < graph->nodes.count; i++) {
        const struct clg_node *node = graph->nodes.items[i];
        if (node->op != CLG_OP(input))
            continue;
        attr.index++;
        if (!strcmp(node->name, name))
            return clg_graph_fail(graph, CLG_ERR_ARGUMENT,
                                  "input '%s': the graph has an input of this name already", name);
    }
    return typed_leaf(graph, CLG_OP(input), &attr, name, type, shape);
}

clg_tensor clg_constant(clg_graph *graph, clg_dtype type, clg_shape shape, const void *data)
{
    if (!graph)
        return (clg_tensor){NULL, -1, 0};
    char text[CLG_SHAPE_TEXT];
    int64_t count = 1;
    if (shape.rank < 0 || shape.rank > CLG_MAX_RANK)
        return clg_graph_fail(graph, CLG_ERR_ARGUMENT, "constant: rank is %d, must be 0 to %d",
                              shape.rank, CLG_MAX_RANK);
    for (int i = 0; i < shape.rank; i++) {
        if (shape.dim[i] <= 0 || shape.dim[i] >= CLG_BATCH ||
            count * shape.dim[i] >= INT64_C(1) << 31)
            return clg_graph_fail(
                graph, CLG_ERR_ARGUMENT,
                "constant: shape %s must have positive dimensions, not the batch, and under "
                "2^31 elements",
                clg_shape_text(&shape, text));
        count *= shape.dim[i];
    }
    if (!data)
        return clg_graph_fail(graph, CLG_ERR_ARGUMENT, "constant: data is NULL");
    if (type != CLG_F32 && type != CLG_I32)
        return clg_graph_fail(graph, CLG_ERR_ARGUMENT,
                              "constant: its type must be CLG_F32 or CLG_I32");
    size_t bytes = (size_t)count * clg_dtype_size(type);
    void *copy = clg_new(graph->object.ctx, 1, bytes);
    void **slot = copy ? CLG_PUSH(graph->object.ctx, graph->blobs) : NULL;
    if (!slot) {
        clg_free(graph->object.ctx, copy);
        return clg_graph_fail(graph, CLG_ERR_MEMORY, "constant: no memory for its %zu bytes",
                              bytes);
    }
    *slot = memcpy(copy, data, bytes);
    struct clg_constant_attr attr = {copy, bytes};
    return typed_leaf(graph, CLG_OP(constant), &attr, NULL, type, shape);
}

clg_tensor clg_fill(clg_graph *graph, clg_shape shape, float value)
{
    struct clg_fill_attr attr = {value};
    return typed_leaf(graph, CLG_OP(fill), &attr, NULL, CLG_F32, shape);
}

static clg_tensor entry(clg_graph *graph, const char *what, const char *name,
                        enum clg_entry_kind kind, clg_shape shape, const clg_init *init)
{
    if (!graph || !check_name(graph, what, name))
        return (clg_tensor){NULL, -1, 0};
    struct clg_entry_attr attr = {clg_store_entry(graph->store, name, kind, shape, init)};
    if (attr.entry < 0) {
        char sentence[CLG_ERROR_MAX];
        snprintf(sentence, sizeof(sentence), "%s", graph->object.ctx->error);
        return clg_graph_fail(graph, clg_error_status(graph->object.ctx), "%s", sentence);
    }
    for (size_t i = 0; i < graph->nodes.count; i++) {
        const struct clg_node *node = graph->nodes.items[i];
        if (node->op == CLG_OP(entry) && ((struct clg_entry_attr *)node->attr)->entry == attr.entry)
            return (clg_tensor){graph, (int32_t)i, 0};
    }
    return typed_leaf(graph, CLG_OP(entry), &attr, name, CLG_F32, shape);
}

clg_tensor clg_parameter(clg_graph *graph, const char *name, clg_shape shape, const clg_init *init)
{
    return entry(graph, "parameter", name, CLG_ENTRY_PARAMETER, shape, init);
}

clg_tensor clg_state(clg_graph *graph, const char *name, clg_shape shape, const clg_init *init)
{
    return entry(graph, "state", name, CLG_ENTRY_STATE, shape, init);
}

static clg_status check_assign(clg_tensor state, clg_tensor value)
{
    clg_graph *g = state.graph ? state.graph : value.graph;
    const struct clg_node *node = clg_tensor_node(state);
    if (!node || node->op != CLG_OP(entry)) {
        clg_graph_fail(g, CLG_ERR_ARGUMENT, "assign: state is no tensor of clg_state or clg_parameter");
        return CLG_ERR_ARGUMENT;
    }
    if (!clg_tensor_valid(value) || value.graph != g || clg_tensor_type(value)->dtype != CLG_F32) {
        clg_graph_fail(g, CLG_ERR_ARGUMENT,
                       "assign '%s': the value is not a float32 tensor of the same graph",
                       node->name);
        return CLG_ERR_ARGUMENT;
    }
    clg_shape a = clg_tensor_shape(state), b = clg_tensor_shape(value);
    char ta[CLG_SHAPE_TEXT], tb[CLG_SHAPE_TEXT];
    if (a.rank != b.rank || memcmp(a.dim, b.dim, (size_t)a.rank * sizeof(a.dim[0]))) {
        clg_graph_fail(g, CLG_ERR_ARGUMENT, "assign '%s': the value has shape %s, the state %s",
                       node->name, clg_shape_text(&b, tb), clg_shape_text(&a, ta));
        return CLG_ERR_ARGUMENT;
    }
    return CLG_OK;
}

static struct clg_assignment *find_assignment(clg_tensor state)
{
    const struct clg_node *node = clg_tensor_node(state);
    if (!node || node->op != CLG_OP(entry))
        return NULL;
    return clg_graph_find_assignment(state.graph, ((struct clg_entry_attr *)node->attr)->entry);
}

/* Of two that write a state at the end of a step, one would be lost. */
static clg_status check_assigned_once(clg_tensor state)
{
    const struct clg_node *node = clg_tensor_node(state);
    const struct clg_update *update =
        clg_graph_find_update(state.graph, ((struct clg_entry_attr *)node->attr)->entry);
    if (update)
        clg_graph_fail(state.graph, CLG_ERR_ARGUMENT,
                       "assign '%s': optimizer '%s' updates it in this graph, one of the two would "
                       "be lost",
                       node->name, update->name);
    else if (find_assignment(state))
        clg_graph_fail(state.graph, CLG_ERR_ARGUMENT,
                       "assign '%s': the graph assigns to it already, one of the two would be lost",
                       node->name);
    return clg_graph_status(state.graph);
}

clg_status clg_assign(clg_tensor state, clg_tensor value, clg_when when)
{
    clg_graph *g = state.graph ? state.graph : value.graph;
    if (!g)
        return CLG_ERR_ARGUMENT;
    CLG_TRY(check_assign(state, value));
    CLG_TRY(check_assigned_once(state));
    const struct clg_node *node = clg_tensor_node(state);
    struct clg_assignment *slot = CLG_PUSH(g->object.ctx, g->assigns);
    if (!slot) {
        clg_graph_fail(g, CLG_ERR_MEMORY, "assign '%s': no memory", node->name);
        return CLG_ERR_MEMORY;
    }
    *slot = (struct clg_assignment){.entry = ((struct clg_entry_attr *)node->attr)->entry,
                                    .when = when,
                                    .value = {(uint32_t)value.node, (uint32_t)value.output}};
    return CLG_OK;
}

clg_tensor clg_assigned(clg_tensor state)
{
    const struct clg_assignment *found = find_assignment(state);
    return found ? (clg_tensor){state.graph, (int32_t)found->value.node,
                                (int32_t)found->value.output}
                 : state;
}

clg_status clg_reassign(clg_tensor state, clg_tensor value, clg_when when)
{
    struct clg_assignment *found = find_assignment(state);
    if (!found)
        return clg_assign(state, value, when);
    CLG_TRY(check_assign(state, value));
    found->value = (struct clg_ref){(uint32_t)value.node, (uint32_t)value.output};
    return CLG_OK;
}
