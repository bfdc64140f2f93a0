#include "nn/layer.h"

#include <string.h>

bool clg_layer_begin(clg_tensor x, const char *what, const char *name)
{
    if (!x.graph || clg_graph_status(x.graph) != CLG_OK)
        return false;
    if (!name || !*name)
        clg_graph_fail(x.graph, CLG_ERR_ARGUMENT, "%s: name is %s", what, name ? "empty" : "NULL");
    else if (!clg_tensor_valid(x))
        clg_graph_fail(x.graph, CLG_ERR_ARGUMENT, "%s '%s': input is not a valid tensor", what,
                       name);
    else
        return clg_graph_take_layer(x.graph, name);
    return false;
}

clg_status clg_layer_share(clg_graph *graph, const char *name)
{
    return graph ? clg_graph_share_layer(graph, name) : CLG_ERR_ARGUMENT;
}

static clg_tensor entry(clg_graph *graph, const char *name, const char *what, clg_shape shape,
                        const clg_init *init,
                        clg_tensor make(clg_graph *, const char *, clg_shape, const clg_init *))
{
    struct clg_ctx *ctx = graph->object.ctx;
    size_t a = strlen(name), b = strlen(what);
    char *full = clg_new(ctx, a + b + 2, 1);
    if (!full)
        return clg_graph_fail(graph, CLG_ERR_MEMORY, "layer '%s': out of host memory", name);
    memcpy(full, name, a);
    full[a] = '.';
    memcpy(full + a + 1, what, b);
    clg_tensor out = make(graph, full, shape, init);
    clg_free(ctx, full);
    return out;
}

clg_tensor clg_layer_parameter(clg_graph *graph, const char *name, const char *what,
                               clg_shape shape, const clg_init *init)
{
    return entry(graph, name, what, shape, init, clg_parameter);
}

clg_tensor clg_layer_state(clg_graph *graph, const char *name, const char *what, clg_shape shape,
                           const clg_init *init)
{
    return entry(graph, name, what, shape, init, clg_state);
}
