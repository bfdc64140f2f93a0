#include <inttypes.h>
#include "nn/layer.h"

clg_prelu_layer_params clg_prelu_layer_defaults(void)
{
    return (clg_prelu_layer_params){.count = 1, .init = 0.25f};
}

clg_tensor clg_prelu_layer(clg_tensor x, const char *name, const clg_prelu_layer_params *params)
{
    clg_prelu_layer_params p = params ? *params : clg_prelu_layer_defaults();
    clg_shape shape = clg_tensor_shape(x);
    const clg_init init = {.scheme = CLG_INIT_CONSTANT, .a = p.init};
    if (!clg_layer_begin(x, "prelu", name))
        return (clg_tensor){NULL, -1, 0};
    if (p.count != 1 && (shape.rank < 2 || shape.dim[1] != p.count || p.count >= CLG_BATCH))
        return clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                              "prelu '%s': %" PRId64 " slopes, must be 1 or one for each channel "
                              "(dimension 1 of the input)",
                              name, p.count);
    return clg_prelu(x, clg_layer_parameter(x.graph, name, "weight", clg_shape1(p.count), &init));
}
