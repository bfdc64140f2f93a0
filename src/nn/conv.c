#include <inttypes.h>
#include "base/text.h"
#include "nn/layer.h"
#include "ops/conv.h"

clg_conv_layer_params clg_conv_layer_defaults(void)
{
    return (clg_conv_layer_params){.conv = clg_conv_defaults(), .bias = true};
}

static bool check_arguments(clg_tensor x, const char *name, int64_t out, int64_t kh, int64_t kw,
                            int32_t groups)
{
    clg_shape shape = clg_tensor_shape(x);
    char text[CLG_SHAPE_TEXT];
    if (shape.rank != 4 || shape.dim[1] >= CLG_BATCH)
        clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                       "conv2d '%s': input has shape %s, must be (N, C, H, W)", name,
                       clg_shape_text(&shape, text));
    else if (out < 1 || kh < 1 || kw < 1 || out >= CLG_BATCH || kh >= CLG_BATCH || kw >= CLG_BATCH)
        clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                       "conv2d '%s': %" PRId64 " outputs and a kernel of (%" PRId64 ", %" PRId64
                       "), must be 1 or more each",
                       name, out, kh, kw);
    else if (groups < 1 || shape.dim[1] % groups || out % groups)
        clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                       "conv2d '%s': %" PRId64 " input and %" PRId64 " output channels cannot be "
                       "split into %d groups",
                       name, shape.dim[1], out, groups);
    else
        return true;
    return false;
}

clg_tensor clg_conv2d_layer(clg_tensor x, const char *name, int64_t out, int64_t kh, int64_t kw,
                            const clg_conv_layer_params *params)
{
    clg_conv_layer_params p = params ? *params : clg_conv_layer_defaults();
    if (!clg_layer_begin(x, "conv2d", name) ||
        !check_arguments(x, name, out, kh, kw, p.conv.groups))
        return (clg_tensor){NULL, -1, 0};
    int64_t in = clg_tensor_shape(x).dim[1] / p.conv.groups;
    const clg_init torch = {.scheme = CLG_INIT_FAN_IN, .fan_in = in * kh * kw};
    const clg_init zeros = {.scheme = CLG_INIT_ZEROS};
    clg_tensor weight = clg_layer_parameter(x.graph, name, "weight", clg_shape4(out, in, kh, kw),
                                            p.weight_init ? p.weight_init : &torch);
    clg_tensor y = clg_conv2d_named(x, weight, &p.conv, name);
    if (!p.bias || !clg_tensor_valid(y))
        return y;
    if (!p.bias_init)
        p.bias_init = p.weight_init ? &zeros : &torch;
    clg_tensor bias = clg_layer_parameter(x.graph, name, "bias", clg_shape1(out), p.bias_init);
    return clg_add(y, clg_reshape(bias, clg_shape3(out, 1, 1)));
}
