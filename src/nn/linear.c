#include <clgrad/nn.h>

#include <inttypes.h>
#include <string.h>
#include "base/text.h"
#include "graph/graph.h"

clg_linear_params clg_linear_defaults(void)
{
    return (clg_linear_params){.bias = true};
}

/* "NAME.what"; to be freed. NULL: no memory, and the graph has failed. */
static char *parameter_name(clg_graph *graph, const char *name, const char *what)
{
    struct clg_ctx *ctx = graph->object.ctx;
    size_t a = strlen(name), b = strlen(what);
    char *out = clg_new(ctx, a + b + 2, 1);

    if (!out) {
        clg_graph_fail(graph, CLG_ERR_MEMORY, "linear '%s': out of host memory", name);
        return NULL;
    }
    memcpy(out, name, a);
    out[a] = '.';
    memcpy(out + a + 1, what, b);
    return out;
}

static clg_tensor parameter(clg_graph *graph, const char *layer, const char *what, clg_shape shape,
                            const clg_init *init)
{
    char *name = parameter_name(graph, layer, what);
    clg_tensor out;

    if (!name)
        return (clg_tensor){NULL, -1, 0};
    out = clg_parameter(graph, name, shape, init);
    clg_free(graph->object.ctx, name);
    return out;
}

/* A weight that is there already must fit; the general sentence would not name the layer. */
static bool check_weight(clg_graph *graph, const char *layer, int64_t in, int64_t out)
{
    char *name = parameter_name(graph, layer, "weight");
    int64_t index = name ? clg_store_find(graph->store, name) : -1;
    const struct clg_entry *entry = clg_store_get_entry(graph->store, index);
    char text[CLG_SHAPE_TEXT];

    clg_free(graph->object.ctx, name);
    if (!name)
        return false;
    if (!entry || entry->shape.rank != 2)
        return true; /* new, or for clg_parameter to refuse */
    clg_shape_text(&entry->shape, text);
    if (entry->shape.dim[1] != in) {
        clg_graph_fail(graph, CLG_ERR_ARGUMENT,
                       "linear '%s': input has %" PRId64 " columns, weight %s needs %" PRId64,
                       layer, in, text, entry->shape.dim[1]);
        return false;
    }
    if (entry->shape.dim[0] != out) {
        clg_graph_fail(graph, CLG_ERR_ARGUMENT,
                       "linear '%s': asked for %" PRId64 " outputs, weight %s gives %" PRId64,
                       layer, out, text, entry->shape.dim[0]);
        return false;
    }
    return true;
}

static bool check_arguments(clg_tensor x, const char *name, int64_t out)
{
    clg_graph *graph = x.graph;
    clg_shape shape = clg_tensor_shape(x);
    char text[CLG_SHAPE_TEXT];

    clg_shape_text(&shape, text);
    if (!name || !*name)
        clg_graph_fail(graph, CLG_ERR_ARGUMENT, "linear: name is %s", name ? "empty" : "NULL");
    else if (!clg_tensor_valid(x))
        clg_graph_fail(graph, CLG_ERR_ARGUMENT, "linear '%s': input is not a valid tensor", name);
    else if (out <= 0 || out > INT32_MAX)
        clg_graph_fail(graph, CLG_ERR_ARGUMENT,
                       "linear '%s': has %" PRId64 " outputs, must be 1 or more, and under 2^31",
                       name, out);
    else if (clg_tensor_dtype(x) != CLG_F32)
        clg_graph_fail(graph, CLG_ERR_ARGUMENT, "linear '%s': input must be float32", name);
    else if (shape.rank < 2)
        clg_graph_fail(graph, CLG_ERR_ARGUMENT,
                       "linear '%s': input has shape %s, must be (rows, columns) or more", name,
                       text);
    else if (shape.dim[shape.rank - 1] >= CLG_BATCH)
        clg_graph_fail(graph, CLG_ERR_ARGUMENT,
                       "linear '%s': input %s has the batch in its last dimension, must in another",
                       name, text);
    else
        return true;
    return false;
}

clg_tensor clg_linear(clg_tensor x, const char *name, int64_t out, const clg_linear_params *params)
{
    clg_linear_params p = params ? *params : clg_linear_defaults();
    clg_tensor invalid = {NULL, -1, 0}, weight, bias, y;
    clg_graph *graph = x.graph;
    int64_t in;

    if (!graph || clg_graph_status(graph) != CLG_OK || !check_arguments(x, name, out))
        return invalid;
    clg_shape shape = clg_tensor_shape(x);
    in = shape.dim[shape.rank - 1];
    const clg_init torch = {.scheme = CLG_INIT_FAN_IN, .fan_in = in};
    const clg_init zeros = {.scheme = CLG_INIT_ZEROS};
    if (!clg_graph_take_layer(graph, name) || !check_weight(graph, name, in, out))
        return invalid;
    weight = parameter(graph, name, "weight", clg_shape2(out, in),
                       p.weight_init ? p.weight_init : &torch);
    y = clg_matmul(x, weight, false, true);
    if (!p.bias || !clg_tensor_valid(y))
        return y;
    if (!p.bias_init)
        p.bias_init = p.weight_init ? &zeros : &torch;
    bias = parameter(graph, name, "bias", clg_shape1(out), p.bias_init);
    return clg_add(y, bias);
}
