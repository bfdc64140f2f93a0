/* Layers of convolution: PyTorch's parameters and first values. */
#include <inttypes.h>
#include "base/text.h"
#include "nn/layer.h"
#include "ops/conv.h"

static const clg_tensor invalid = {NULL, -1, 0};

/* A layer as it is asked for. kernel: one number for sequences, two for images. */
struct conv {
    const char *what, *must;
    int dims;
    int64_t out, kernel[2];
};

clg_conv_layer_params clg_conv_layer_defaults(void)
{
    return (clg_conv_layer_params){.conv = clg_conv_defaults(), .bias = true};
}

static bool possible(int64_t number)
{
    return number >= 1 && number <= INT32_MAX;
}

static bool check_arguments(clg_tensor x, const char *name, const struct conv *c, int32_t groups)
{
    clg_shape shape = clg_tensor_shape(x);
    char text[CLG_SHAPE_TEXT];
    if (shape.rank != 2 + c->dims || shape.dim[1] >= CLG_BATCH)
        clg_graph_fail(x.graph, CLG_ERR_ARGUMENT, "%s '%s': input has shape %s, must be %s",
                       c->what, name, clg_shape_text(&shape, text), c->must);
    else if (!possible(c->out) || !possible(c->kernel[0]) || !possible(c->kernel[1]))
        clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                       "%s '%s': %" PRId64 " outputs and a kernel of (%" PRId64 ", %" PRId64
                       "), must be 1 or more each, and under 2^31",
                       c->what, name, c->out, c->kernel[0], c->kernel[1]);
    else if (groups < 1 || shape.dim[1] % groups || c->out % groups)
        clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                       "%s '%s': %" PRId64 " input and %" PRId64 " output channels cannot be "
                       "split into %d groups",
                       c->what, name, shape.dim[1], c->out, groups);
    else
        return true;
    return false;
}

static const clg_init zeros = {.scheme = CLG_INIT_ZEROS};

/* (first, second, kernel...), second being what PyTorch takes for the fan in of both parameters. */
static clg_tensor make_weight(clg_tensor x, const char *name, const struct conv *c, int64_t first,
                              int64_t second, clg_conv_layer_params *p, clg_init *torch)
{
    clg_shape shape = clg_shape4(first, second, c->kernel[0], c->kernel[1]);
    shape.rank = 2 + c->dims;
    *torch = (clg_init){.scheme = CLG_INIT_FAN_IN,
                        .fan_in = second * c->kernel[0] * (c->dims > 1 ? c->kernel[1] : 1)};
    if (!p->bias_init)
        p->bias_init = p->weight_init ? &zeros : torch;
    return clg_layer_parameter(x.graph, name, "weight", shape,
                               p->weight_init ? p->weight_init : torch);
}

static clg_tensor add_bias(clg_tensor y, const char *name, const struct conv *c,
                           const clg_conv_layer_params *p)
{
    clg_shape shape = clg_shape3(c->out, 1, 1);
    if (!p->bias || !clg_tensor_valid(y))
        return y;
    shape.rank = 1 + c->dims;
    clg_tensor bias = clg_layer_parameter(y.graph, name, "bias", clg_shape1(c->out), p->bias_init);
    return clg_add(y, clg_reshape(bias, shape));
}

clg_tensor clg_conv2d_layer(clg_tensor x, const char *name, int64_t out, int64_t kh, int64_t kw,
                            const clg_conv_layer_params *params)
{
    clg_conv_layer_params p = params ? *params : clg_conv_layer_defaults();
    const struct conv c = {"conv2d", "(N, C, H, W)", 2, out, {kh, kw}};
    clg_init torch;
    if (!clg_layer_begin(x, c.what, name) || !check_arguments(x, name, &c, p.conv.groups))
        return invalid;
    int64_t in = clg_tensor_shape(x).dim[1] / p.conv.groups;
    clg_tensor weight = make_weight(x, name, &c, out, in, &p, &torch);
    return add_bias(clg_conv2d_named(x, weight, &p.conv, name), name, &c, &p);
}

clg_tensor clg_conv1d_layer(clg_tensor x, const char *name, int64_t out, int64_t kernel,
                            const clg_conv_layer_params *params)
{
    clg_conv_layer_params p = params ? *params : clg_conv_layer_defaults();
    const struct conv c = {"conv1d", "(N, C, L)", 1, out, {kernel, 1}};
    clg_init torch;
    if (!clg_layer_begin(x, c.what, name) || !check_arguments(x, name, &c, p.conv.groups))
        return invalid;
    int64_t in = clg_tensor_shape(x).dim[1] / p.conv.groups;
    clg_tensor weight = make_weight(x, name, &c, out, in, &p, &torch);
    return add_bias(clg_conv1d(x, weight, &p.conv), name, &c, &p);
}

clg_tensor clg_conv_transpose2d_layer(clg_tensor x, const char *name, int64_t out, int64_t kh,
                                      int64_t kw, const clg_conv_layer_params *params)
{
    clg_conv_layer_params p = params ? *params : clg_conv_layer_defaults();
    const struct conv c = {"conv_transpose2d", "(N, C, H, W)", 2, out, {kh, kw}};
    clg_init torch;
    if (!clg_layer_begin(x, c.what, name) || !check_arguments(x, name, &c, p.conv.groups))
        return invalid;
    int64_t in = clg_tensor_shape(x).dim[1];
    clg_tensor weight = make_weight(x, name, &c, in, out / p.conv.groups, &p, &torch);
    return add_bias(clg_conv_transpose2d(x, weight, &p.conv), name, &c, &p);
}
