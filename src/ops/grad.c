/* Reverse-mode differentiation from graph to graph: gradients are nodes like any other. */
#include <string.h>
#include <clgrad/ops.h>
#include "base/text.h"
#include "graph/op.h"

struct reverse {
    clg_graph *graph;
    struct clg_ctx *ctx;
    uint32_t count;  /* nodes that are walked: those up to the loss */
    clg_tensor **dy; /* per node: a gradient per output, or NULL */
    bool *wanted;    /* the node leads to one of wrt */
};

static void reverse_finish(struct reverse *r)
{
    for (uint32_t i = 0; r->dy && i < r->count; i++)
        clg_free(r->ctx, r->dy[i]);
    clg_free(r->ctx, r->dy);
    clg_free(r->ctx, r->wanted);
}

static clg_status reverse_init(struct reverse *r, clg_tensor loss, const clg_tensor *wrt,
                               size_t count)
{
    *r = (struct reverse){
        .graph = loss.graph, .ctx = loss.graph->object.ctx, .count = (uint32_t)loss.node + 1};
    r->dy = clg_new(r->ctx, r->count, sizeof(*r->dy));
    r->wanted = clg_new(r->ctx, r->count, sizeof(*r->wanted));
    if (!r->dy || !r->wanted)
        return CLG_ERR_MEMORY;
    for (size_t i = 0; i < count; i++)
        if (wrt[i].node < (int32_t)r->count)
            r->wanted[wrt[i].node] = true;
    for (uint32_t n = 0; n < r->count; n++) {
        const struct clg_node *node = r->graph->nodes.items[n];
        for (uint32_t i = 0; i < node->n_in && !(node->op->flags & CLG_OP_CONSTANT); i++)
            r->wanted[n] |= r->wanted[node->in[i].node];
    }
    return CLG_OK;
}

static bool same_shape(const clg_shape *a, const clg_shape *b)
{
    return a->rank == b->rank && !memcmp(a->dim, b->dim, (size_t)a->rank * sizeof(a->dim[0]));
}

/* Adds d to the gradient that reaches an output. */
static clg_status accumulate(struct reverse *r, struct clg_ref to, clg_tensor d,
                             const struct clg_op *from)
{
    const struct clg_node *node = r->graph->nodes.items[to.node];
    char a[CLG_SHAPE_TEXT], b[CLG_SHAPE_TEXT];
    if (!same_shape(&clg_tensor_type(d)->shape, &node->out[to.output].shape)) {
        clg_graph_fail(r->graph, CLG_ERR_STATE,
                       "%s: its gradient rule gave shape %s for an input of %s",
                       from ? from->name : "loss", clg_shape_text(&clg_tensor_type(d)->shape, a),
                       clg_shape_text(&node->out[to.output].shape, b));
        return CLG_ERR_STATE;
    }
    if (!r->dy[to.node]) {
        r->dy[to.node] = clg_new(r->ctx, node->n_out, sizeof(clg_tensor));
        if (!r->dy[to.node])
            return CLG_ERR_MEMORY;
    }
    clg_tensor *slot = &r->dy[to.node][to.output];
    *slot = clg_tensor_valid(*slot) ? clg_add(*slot, d) : d;
    return clg_tensor_valid(*slot) ? CLG_OK : clg_graph_status(r->graph);
}

static clg_status apply_rule(struct reverse *r, const struct clg_node *node, uint32_t index,
                             clg_tensor *in, clg_tensor *out, bool *need, clg_tensor *dx)
{
    for (uint32_t i = 0; i < node->n_in; i++) {
        in[i] = (clg_tensor){r->graph, (int32_t)node->in[i].node, (int32_t)node->in[i].output};
        need[i] = r->wanted[node->in[i].node];
        dx[i] = (clg_tensor){NULL, -1, 0};
    }
    for (uint32_t i = 0; i < node->n_out; i++)
        out[i] = (clg_tensor){r->graph, (int32_t)index, (int32_t)i};
    struct clg_gradient g = {.graph = r->graph,
                             .node = node,
                             .attr = node->attr,
                             .in = in,
                             .out = out,
                             .dy = r->dy[index],
                             .need = need,
                             .dx = dx};
    node->op->grad(&g);
    if (r->graph->status != CLG_OK)
        return r->graph->status;
    for (uint32_t i = 0; i < node->n_in; i++)
        if (need[i] && clg_tensor_valid(dx[i]))
            CLG_TRY(accumulate(r, node->in[i], dx[i], node->op));
    return CLG_OK;
}

/* Whether anything below the node is asked for. */
static bool leads_on(const struct reverse *r, const struct clg_node *node)
{
    for (uint32_t i = 0; i < node->n_in; i++)
        if (r->wanted[node->in[i].node])
            return true;
    return false;
}

static clg_status visit(struct reverse *r, uint32_t index)
{
    const struct clg_node *node = r->graph->nodes.items[index];
    if (!r->dy[index] || (node->op->flags & CLG_OP_CONSTANT) || !leads_on(r, node))
        return CLG_OK;
    if (!node->op->grad) {
        clg_graph_fail(r->graph, CLG_ERR_UNSUPPORTED, "grad: %s cannot be differentiated%s",
                       node->op->name, node->op->flags & CLG_OP_ONCE ? " a second time" : "");
        return CLG_ERR_UNSUPPORTED;
    }
    size_t n = node->n_in + 0u, each = sizeof(clg_tensor);
    clg_tensor *tensors = clg_new(r->ctx, 2 * n + node->n_out, each);
    bool *need = clg_new(r->ctx, n, sizeof(*need));
    clg_status status =
        tensors && need ? apply_rule(r, node, index, tensors, tensors + 2 * n, need, tensors + n)
                        : CLG_ERR_MEMORY;
    clg_free(r->ctx, tensors);
    clg_free(r->ctx, need);
    return status;
}

static clg_status collect(struct reverse *r, const clg_tensor *wrt, size_t count, clg_tensor *out)
{
    for (size_t i = 0; i < count; i++) {
        bool reached = wrt[i].node < (int32_t)r->count && r->dy[wrt[i].node] &&
                       clg_tensor_valid(r->dy[wrt[i].node][wrt[i].output]);
        out[i] = reached ? r->dy[wrt[i].node][wrt[i].output]
                         : clg_fill(r->graph, clg_tensor_shape(wrt[i]), 0.0f);
        if (!clg_tensor_valid(out[i]))
            return clg_graph_status(r->graph);
    }
    return CLG_OK;
}

static clg_status check_arguments(clg_tensor loss, const clg_tensor *wrt, size_t count)
{
    clg_graph *g = loss.graph;
    if (!clg_tensor_valid(loss)) {
        clg_graph_fail(g, CLG_ERR_ARGUMENT, "grad: the loss is not a valid tensor");
        return CLG_ERR_ARGUMENT;
    }
    if (clg_tensor_type(loss)->shape.rank != 0) {
        char text[CLG_SHAPE_TEXT];
        clg_graph_fail(g, CLG_ERR_ARGUMENT, "grad: the loss has shape %s, must be a scalar",
                       clg_shape_text(&clg_tensor_type(loss)->shape, text));
        return CLG_ERR_ARGUMENT;
    }
    for (size_t i = 0; i < count; i++)
        if (!clg_tensor_valid(wrt[i]) || wrt[i].graph != g ||
            clg_tensor_type(wrt[i])->dtype != CLG_F32) {
            clg_graph_fail(g, CLG_ERR_ARGUMENT,
                           "grad: tensor %zu is not a float32 tensor of the loss's graph", i);
            return CLG_ERR_ARGUMENT;
        }
    return clg_graph_status(g);
}

clg_status clg_grad(clg_tensor loss, const clg_tensor *wrt, size_t count, clg_tensor *out)
{
    if (!CLG_GIVEN(loss.graph, out))
        return CLG_ERR_ARGUMENT;
    if (count > INT32_MAX) {
        clg_graph_fail(loss.graph, CLG_ERR_ARGUMENT,
                       "grad: with respect to %zu tensors, must be under 2^31", count);
        return CLG_ERR_ARGUMENT;
    }
    for (size_t i = 0; i < count; i++)
        out[i] = (clg_tensor){NULL, -1, 0};
    if (!loss.graph || (count && !CLG_GIVEN(loss.graph, wrt)))
        return CLG_ERR_ARGUMENT;
    CLG_TRY(check_arguments(loss, wrt, count));
    struct reverse r;
    clg_status status = reverse_init(&r, loss, wrt, count);
    if (status == CLG_OK) {
        clg_tensor one = clg_fill(loss.graph, clg_shape0(), 1.0f);
        struct clg_ref ref = {(uint32_t)loss.node, (uint32_t)loss.output};
        status =
            clg_tensor_valid(one) ? accumulate(&r, ref, one, NULL) : clg_graph_status(loss.graph);
    }
    for (uint32_t n = r.count; status == CLG_OK && n-- > 0;)
        status = visit(&r, n);
    if (status == CLG_OK)
        status = collect(&r, wrt, count, out);
    reverse_finish(&r);
    for (size_t i = 0; status != CLG_OK && i < count; i++)
        out[i] = (clg_tensor){NULL, -1, 0};
    return status;
}
