#include <stdio.h>
#include <string.h>
#include "base/text.h"
#include "graph/op.h"

static const clg_tensor invalid = {NULL, -1, 0};

static void node_free(struct clg_ctx *ctx, struct clg_node *node)
{
    if (!node)
        return;
    clg_free(ctx, node->in);
    clg_free(ctx, node->out);
    clg_free(ctx, node->attr);
    clg_free(ctx, node->name);
    clg_free(ctx, node);
}

static void graph_finish(struct clg_object *object)
{
    struct clg_graph *g = (struct clg_graph *)object;
    struct clg_ctx *ctx = object->ctx;
    for (size_t i = 0; i < g->nodes.count; i++)
        node_free(ctx, g->nodes.items[i]);
    for (size_t i = 0; i < g->outputs.count; i++)
        clg_free(ctx, g->outputs.items[i].name);
    for (size_t i = 0; i < g->updates.count; i++) {
        clg_free(ctx, g->updates.items[i].entries);
        clg_free(ctx, g->updates.items[i].name);
    }
    for (size_t i = 0; i < g->layers.count; i++)
        clg_free(ctx, g->layers.items[i]);
    for (size_t i = 0; i < g->shared.count; i++)
        clg_free(ctx, g->shared.items[i]);
    for (size_t i = 0; i < g->blobs.count; i++)
        clg_free(ctx, g->blobs.items[i]);
    clg_free(ctx, g->nodes.items);
    clg_free(ctx, g->outputs.items);
    clg_free(ctx, g->assigns.items);
    clg_free(ctx, g->updates.items);
    clg_free(ctx, g->losses.items);
    clg_free(ctx, g->layers.items);
    clg_free(ctx, g->shared.items);
    clg_free(ctx, g->blobs.items);
    clg_free(ctx, g->error);
    clg_free(ctx, g);
}

clg_graph *clg_graph_create(clg_store *store)
{
    if (!store)
        return NULL;
    struct clg_object *parent = clg_store_object(store);
    struct clg_graph *g = clg_new(parent->ctx, 1, sizeof(*g));
    if (!g)
        return NULL;
    g->store = store;
    clg_object_init(&g->object, parent, graph_finish);
    return g;
}

void clg_graph_destroy(clg_graph **graph)
{
    if (!graph || !*graph)
        return;
    clg_object_destroy(&(*graph)->object);
    *graph = NULL;
}

clg_status clg_graph_status(const clg_graph *graph)
{
    return graph ? graph->status : CLG_ERR_ARGUMENT;
}

static void keep_first(clg_graph *g, clg_status status)
{
    if (g->status != CLG_OK)
        return;
    g->status = status;
    g->error = clg_strdup(g->object.ctx, g->object.ctx->error);
}

clg_tensor clg_graph_fail(clg_graph *graph, clg_status status, const char *format, ...)
{
    if (!graph || graph->status != CLG_OK)
        return invalid; /* what fails after the first failure follows from it */
    char sentence[CLG_ERROR_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    clg_fail(graph->object.ctx, status, "%s", sentence);
    keep_first(graph, status);
    return invalid;
}

void clg_infer_fail(struct clg_infer *infer, const char *format, ...)
{
    char sentence[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    infer->failed = true;
    if (infer->name)
        clg_graph_fail(infer->graph, CLG_ERR_ARGUMENT, "%s '%s': %s", infer->op->name, infer->name,
                       sentence);
    else
        clg_graph_fail(infer->graph, CLG_ERR_ARGUMENT, "%s: %s", infer->op->name, sentence);
}

bool clg_tensor_valid(clg_tensor t)
{
    return t.graph && t.node >= 0 && (size_t)t.node < t.graph->nodes.count &&
           (uint32_t)t.output < t.graph->nodes.items[t.node]->n_out;
}

struct clg_node *clg_tensor_node(clg_tensor t)
{
    return clg_tensor_valid(t) ? t.graph->nodes.items[t.node] : NULL;
}

const struct clg_type *clg_tensor_type(clg_tensor t)
{
    struct clg_node *node = clg_tensor_node(t);
    return node ? &node->out[t.output] : NULL;
}

clg_shape clg_tensor_shape(clg_tensor t)
{
    const struct clg_type *type = clg_tensor_type(t);
    return type ? type->shape : clg_shape0();
}

clg_dtype clg_tensor_dtype(clg_tensor t)
{
    const struct clg_type *type = clg_tensor_type(t);
    return type ? type->dtype : CLG_F32;
}

clg_tensor clg_tensor_output(clg_tensor t, uint32_t output)
{
    clg_tensor other = {t.graph, t.node, (int32_t)output};
    return clg_tensor_valid(other) ? other : invalid;
}

/* Dimensions are positive, at most one is a multiple of the batch, and what is known of the size is
 * under 2^31 elements. */
static void check_outputs(struct clg_infer *infer)
{
    for (uint32_t i = 0; i < infer->op->n_out && !infer->failed; i++) {
        const clg_shape *s = &infer->out[i].shape;
        char text[CLG_SHAPE_TEXT];
        int64_t count = 1, batched = 0;
        bool too_large = false;
        if (s->rank < 0 || s->rank > CLG_MAX_RANK) {
            clg_infer_fail(infer, "rank is %d, must be 0 to %d", s->rank, CLG_MAX_RANK);
            return;
        }
        for (int k = 0; k < s->rank && !infer->failed; k++) {
            int64_t d = s->dim[k];
            bool batch = d >= CLG_BATCH;
            if (d <= 0 || (batch && d % CLG_BATCH))
                clg_infer_fail(infer,
                               "dimension %d of shape %s must be positive, or a multiple of "
                               "CLG_BATCH",
                               k, clg_shape_text(s, text));
            batched += batch;
            d = batch ? d / CLG_BATCH : d;
            too_large |= d >= (INT64_C(1) << 31) || count * d >= (INT64_C(1) << 31);
            count = too_large ? 1 : count * d;
        }
        if (!infer->failed && batched > 1)
            clg_infer_fail(infer, "shape %s has the batch in %d dimensions, at most one may",
                           clg_shape_text(s, text), (int)batched);
        else if (!infer->failed && too_large)
            clg_infer_fail(infer, "shape %s has 2^31 elements or more", clg_shape_text(s, text));
    }
}

/* The inputs of one node, checked and with their types; the first sentence is the caller's
 * business. */
static bool collect(clg_graph *graph, const struct clg_op *op, const clg_tensor *in, uint32_t n_in,
                    struct clg_node *node, struct clg_type *types)
{
    if (n_in < op->min_in || n_in > op->max_in) {
        clg_graph_fail(graph, CLG_ERR_ARGUMENT, "%s: has %u inputs, takes %u to %u", op->name, n_in,
                       op->min_in, op->max_in);
        return false;
    }
    for (uint32_t i = 0; i < n_in; i++) {
        if (!clg_tensor_valid(in[i])) {
            if (graph->status == CLG_OK)
                clg_graph_fail(graph, CLG_ERR_ARGUMENT, "%s: input %u is not a valid tensor",
                               op->name, i);
            return false;
        }
        if (in[i].graph != graph) {
            clg_graph_fail(graph, CLG_ERR_ARGUMENT, "%s: input %u belongs to another graph",
                           op->name, i);
            return false;
        }
        node->in[i] = (struct clg_ref){(uint32_t)in[i].node, (uint32_t)in[i].output};
        types[i] = *clg_tensor_type(in[i]);
    }
    return true;
}

static struct clg_node *node_alloc(struct clg_ctx *ctx, const struct clg_op *op, uint32_t n_in,
                                   const void *attr, const char *name)
{
    struct clg_node *node = clg_new(ctx, 1, sizeof(*node));
    if (!node)
        return NULL;
    *node = (struct clg_node){.op = op, .n_in = n_in, .n_out = op->n_out};
    node->in = clg_new(ctx, n_in ? n_in : 1, sizeof(*node->in));
    node->out = clg_new(ctx, op->n_out, sizeof(*node->out));
    node->attr = clg_new(ctx, 1, op->attr_size ? op->attr_size : 1);
    node->name = name ? clg_strdup(ctx, name) : NULL;
    if (!node->in || !node->out || !node->attr || (name && !node->name)) {
        node_free(ctx, node);
        return NULL;
    }
    if (attr)
        memcpy(node->attr, attr, op->attr_size);
    for (uint32_t i = 0; i < op->n_out; i++)
        node->out[i].dtype = CLG_F32;
    return node;
}

static clg_tensor add(clg_graph *graph, const struct clg_op *op, const clg_tensor *in,
                      uint32_t n_in, const struct clg_type *preset, const void *attr,
                      const char *name)
{
    if (!graph)
        return invalid;
    struct clg_ctx *ctx = graph->object.ctx;
    struct clg_node *node = node_alloc(ctx, op, n_in, attr, name);
    struct clg_type *types = clg_new(ctx, n_in ? n_in : 1, sizeof(*types));
    if (!node || !types) {
        keep_first(graph, CLG_ERR_MEMORY);
        goto fail;
    }
    if (!collect(graph, op, in, n_in, node, types))
        goto fail;
    struct clg_infer infer = {.graph = graph,
                              .op = op,
                              .name = name,
                              .n_in = n_in,
                              .in = types,
                              .attr = node->attr,
                              .out = node->out};
    if (preset)
        *node->out = *preset;
    else
        op->shape(&infer);
    if (!infer.failed)
        check_outputs(&infer);
    struct clg_node **slot = infer.failed ? NULL : CLG_PUSH(ctx, graph->nodes);
    if (!slot) {
        if (!infer.failed)
            keep_first(graph, CLG_ERR_MEMORY);
        goto fail;
    }
    *slot = node;
    clg_free(ctx, types);
    return (clg_tensor){graph, (int32_t)graph->nodes.count - 1, 0};
fail:
    clg_free(ctx, types);
    node_free(ctx, node);
    return invalid;
}

clg_tensor clg_node_add(clg_graph *graph, const struct clg_op *op, const clg_tensor *in,
                        uint32_t n_in, const void *attr, const char *name)
{
    return add(graph, op, in, n_in, NULL, attr, name);
}

clg_tensor clg_leaf_add(clg_graph *graph, const struct clg_op *op, const struct clg_type *type,
                        const void *attr, const char *name)
{
    return add(graph, op, NULL, 0, type, attr, name);
}

struct clg_assignment *clg_graph_find_assignment(const clg_graph *graph, int64_t entry)
{
    for (size_t i = 0; i < graph->assigns.count; i++)
        if (graph->assigns.items[i].entry == entry && !graph->assigns.items[i].gradient)
            return &graph->assigns.items[i];
    return NULL;
}

const struct clg_update *clg_graph_find_update(const clg_graph *graph, int64_t entry)
{
    for (size_t u = 0; u < graph->updates.count; u++)
        for (size_t i = 0; i < graph->updates.items[u].count; i++)
            if (graph->updates.items[u].entries[i] == entry)
                return &graph->updates.items[u];
    return NULL;
}

static bool is_taken(const clg_graph *graph, const char *name)
{
    for (size_t i = 0; i < graph->layers.count; i++)
        if (!strcmp(graph->layers.items[i], name))
            return true;
    return false;
}

static void forget_shared(clg_graph *graph)
{
    for (size_t i = 0; i < graph->shared.count; i++)
        clg_free(graph->object.ctx, graph->shared.items[i]);
    graph->shared.count = 0;
}

static clg_status add_name(clg_graph *graph, struct clg_names *names, const char *name)
{
    struct clg_ctx *ctx = graph->object.ctx;
    char *copy = clg_strdup(ctx, name), **slot = copy ? CLG_PUSH(ctx, *names) : NULL;
    if (!slot) {
        clg_free(ctx, copy);
        return CLG_ERR_MEMORY;
    }
    *slot = copy;
    return CLG_OK;
}

clg_status clg_graph_share_layer(clg_graph *graph, const char *name)
{
    if (!name) {
        forget_shared(graph);
        return CLG_OK;
    }
    if (!is_taken(graph, name))
        return clg_fail(graph->object.ctx, CLG_ERR_ARGUMENT,
                        "share layer '%s': the graph has no layer of this name", name);
    return add_name(graph, &graph->shared, name);
}

/* Uses up one permission to share the name. */
static bool use_shared(clg_graph *graph, const char *name)
{
    struct clg_names *shared = &graph->shared;
    for (size_t i = 0; i < shared->count; i++) {
        if (strcmp(shared->items[i], name))
            continue;
        clg_free(graph->object.ctx, shared->items[i]);
        shared->items[i] = shared->items[--shared->count];
        return true;
    }
    return false;
}

bool clg_graph_take_layer(clg_graph *graph, const char *name)
{
    if (!graph)
        return false;
    if (is_taken(graph, name)) {
        bool shared = use_shared(graph, name);
        if (!shared)
            clg_graph_fail(graph, CLG_ERR_ARGUMENT,
                           "layer '%s': the graph has a layer of this name already", name);
        return shared;
    }
    if (add_name(graph, &graph->layers, name) == CLG_OK)
        return true;
    keep_first(graph, CLG_ERR_MEMORY);
    return false;
}

static clg_tensor mark(clg_tensor t, const char *name, bool metric)
{
    const char *what = metric ? "metric" : "output";
    clg_graph *g = t.graph;
    if (!clg_tensor_valid(t))
        return clg_graph_fail(g, CLG_ERR_ARGUMENT, "%s: not a valid tensor", what);
    if (!name || !*name)
        return clg_graph_fail(g, CLG_ERR_ARGUMENT, "%s: name is %s", what, name ? "empty" : "NULL");
    const struct clg_type *type = clg_tensor_type(t);
    char text[CLG_SHAPE_TEXT];
    if (metric && (type->shape.rank != 0 || type->dtype != CLG_F32))
        return clg_graph_fail(
            g, CLG_ERR_ARGUMENT, "metric '%s': is %s of shape %s, must be a float32 scalar", name,
            type->dtype == CLG_F32 ? "float32" : "int32", clg_shape_text(&type->shape, text));
    for (size_t i = 0; i < g->outputs.count; i++)
        if (!strcmp(g->outputs.items[i].name, name))
            return clg_graph_fail(g, CLG_ERR_ARGUMENT,
                                  "output '%s': the graph has an output of this name already",
                                  name);
    char *copy = clg_strdup(g->object.ctx, name);
    struct clg_named *slot = copy ? CLG_PUSH(g->object.ctx, g->outputs) : NULL;
    if (!slot) {
        clg_free(g->object.ctx, copy);
        keep_first(g, CLG_ERR_MEMORY);
        return invalid;
    }
    *slot = (struct clg_named){copy, {(uint32_t)t.node, (uint32_t)t.output}, metric};
    return t;
}

clg_tensor clg_output(clg_tensor t, const char *name)
{
    return mark(t, name, false);
}

clg_tensor clg_metric(clg_tensor t, const char *name)
{
    return mark(t, name, true);
}
