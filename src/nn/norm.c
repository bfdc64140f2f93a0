#include "nn/layer.h"

clg_norm_layer_params clg_norm_layer_defaults(void)
{
    return (clg_norm_layer_params){.eps = 1e-5f, .momentum = 0.1f, .affine = true, .running = true};
}

static const clg_init zeros = {.scheme = CLG_INIT_ZEROS};
static const clg_init ones = {.scheme = CLG_INIT_CONSTANT, .a = 1};

static clg_norm_params make_parameters(clg_tensor x, const char *name, clg_shape shape,
                                       const clg_norm_layer_params *layer)
{
    clg_norm_params p = clg_norm_defaults();
    p.eps = layer->eps;
    p.momentum = layer->momentum;
    if (layer->affine) {
        p.weight = clg_layer_parameter(x.graph, name, "weight", shape, &ones);
        p.bias = clg_layer_parameter(x.graph, name, "bias", shape, &zeros);
    }
    return p;
}

/* x (N, C, ...) with a number of channels. */
static bool begin_channels(clg_tensor x, const char *what, const char *name)
{
    clg_shape shape = clg_tensor_shape(x);
    if (!clg_layer_begin(x, what, name))
        return false;
    if (shape.rank >= 2 && shape.dim[1] < CLG_BATCH)
        return true;
    clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                   "%s '%s': input has %d dimensions, must be (N, C, ...) with C a number", what,
                   name, shape.rank);
    return false;
}

/* The shape of the last dimensions. */
static bool begin_last(clg_tensor x, const char *what, const char *name, int32_t dims,
                       clg_shape *last)
{
    clg_shape shape = clg_tensor_shape(x);
    if (!clg_layer_begin(x, what, name))
        return false;
    if (dims < 1 || dims > shape.rank) {
        clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                       "%s '%s': is over the last %d dimensions, the input has %d", what, name,
                       dims, shape.rank);
        return false;
    }
    *last = clg_shape_make(dims, shape.dim + shape.rank - dims);
    return true;
}

clg_tensor clg_batch_norm_layer(clg_tensor x, const char *name, const clg_norm_layer_params *params)
{
    clg_norm_layer_params layer = params ? *params : clg_norm_layer_defaults();
    if (!begin_channels(x, "batch_norm", name))
        return (clg_tensor){NULL, -1, 0};
    clg_shape shape = clg_shape1(clg_tensor_shape(x).dim[1]);
    clg_norm_params p = make_parameters(x, name, shape, &layer);
    if (layer.running) {
        p.running_mean = clg_layer_state(x.graph, name, "running_mean", shape, &zeros);
        p.running_var = clg_layer_state(x.graph, name, "running_var", shape, &ones);
    }
    return clg_graph_status(x.graph) == CLG_OK ? clg_batch_norm(x, &p) : (clg_tensor){NULL, -1, 0};
}

clg_tensor clg_group_norm_layer(clg_tensor x, const char *name, int32_t groups,
                                const clg_norm_layer_params *params)
{
    clg_norm_layer_params layer = params ? *params : clg_norm_layer_defaults();
    if (!begin_channels(x, "group_norm", name))
        return (clg_tensor){NULL, -1, 0};
    clg_norm_params p = make_parameters(x, name, clg_shape1(clg_tensor_shape(x).dim[1]), &layer);
    return clg_group_norm(x, groups, &p);
}

clg_tensor clg_instance_norm_layer(clg_tensor x, const char *name,
                                   const clg_norm_layer_params *params)
{
    clg_norm_layer_params layer = params ? *params : clg_norm_layer_defaults();
    if (!begin_channels(x, "instance_norm", name))
        return (clg_tensor){NULL, -1, 0};
    clg_norm_params p = make_parameters(x, name, clg_shape1(clg_tensor_shape(x).dim[1]), &layer);
    return clg_instance_norm(x, &p);
}

clg_tensor clg_layer_norm_layer(clg_tensor x, const char *name, int32_t dims,
                                const clg_norm_layer_params *params)
{
    clg_norm_layer_params layer = params ? *params : clg_norm_layer_defaults();
    clg_shape shape;
    if (!begin_last(x, "layer_norm", name, dims, &shape))
        return (clg_tensor){NULL, -1, 0};
    clg_norm_params p = make_parameters(x, name, shape, &layer);
    return clg_layer_norm(x, dims, &p);
}

clg_tensor clg_rms_norm_layer(clg_tensor x, const char *name, int32_t dims,
                              const clg_norm_layer_params *params)
{
    clg_norm_layer_params layer = params ? *params : clg_norm_layer_defaults();
    clg_norm_params p = clg_norm_defaults();
    clg_shape shape;
    if (!begin_last(x, "rms_norm", name, dims, &shape))
        return (clg_tensor){NULL, -1, 0};
    p.eps = layer.eps;
    if (layer.affine)
        p.weight = clg_layer_parameter(x.graph, name, "weight", shape, &ones);
    return clg_rms_norm(x, dims, &p);
}
