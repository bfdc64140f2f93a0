#include <inttypes.h>
#include "base/text.h"
#include "nn/layer.h"
#include "ops/families.h"

clg_attention_layer_params clg_attention_layer_defaults(void)
{
    return (clg_attention_layer_params){.attention = clg_attention_defaults(), .bias = true};
}

static const clg_tensor invalid = {NULL, -1, 0};

/* (N, T, E) with the same N and E for all, T the same for key and value. */
static bool check_inputs(const clg_tensor in[3], const char *name, int64_t heads)
{
    clg_shape q = clg_tensor_shape(in[0]), k = clg_tensor_shape(in[1]), v = clg_tensor_shape(in[2]);
    char a[CLG_SHAPE_TEXT], b[CLG_SHAPE_TEXT], c[CLG_SHAPE_TEXT];
    clg_graph *graph = in[0].graph;
    bool fit = q.rank == 3 && k.rank == 3 && v.rank == 3 && q.dim[0] == k.dim[0] &&
               k.dim[0] == v.dim[0] && k.dim[1] == v.dim[1] && q.dim[2] == k.dim[2] &&
               k.dim[2] == v.dim[2] && q.dim[2] < CLG_BATCH;
    if (!fit)
        clg_graph_fail(graph, CLG_ERR_ARGUMENT,
                       "multihead_attention '%s': query %s, key %s and value %s must be (N, T, E), "
                       "(N, S, E) and (N, S, E)",
                       name, clg_shape_text(&q, a), clg_shape_text(&k, b), clg_shape_text(&v, c));
    else if (heads < 1 || q.dim[2] % heads)
        clg_graph_fail(graph, CLG_ERR_ARGUMENT,
                       "multihead_attention '%s': %" PRId64 " columns cannot be split into %" PRId64
                       " heads",
                       name, q.dim[2], heads);
    else
        return true;
    return false;
}

static clg_tensor parameter(clg_graph *graph, const char *name, const char *what, clg_shape shape,
                            const clg_init *given, clg_init fallback)
{
    return clg_layer_parameter(graph, name, what, shape, given ? given : &fallback);
}

/* x (N, T, E) by rows part E to (part + 1) E of the weight, as (N, heads, T, d). */
static clg_tensor project(clg_tensor x, clg_tensor weight, clg_tensor bias, int part, int64_t heads)
{
    clg_shape s = clg_tensor_shape(x);
    int64_t E = s.dim[2], first = part * E;
    clg_tensor y = clg_matmul(x, clg_slice(weight, 0, first, first + E, 1), false, true);
    if (bias.graph)
        y = clg_add(y, clg_slice(bias, 0, first, first + E, 1));
    y = clg_reshape(y, clg_shape4(s.dim[0], s.dim[1], heads, E / heads));
    return clg_permute(y, (const int32_t[]){0, 2, 1, 3});
}

clg_tensor clg_attention_layer(clg_tensor query, clg_tensor key, clg_tensor value, const char *name,
                               int64_t heads, const clg_attention_layer_params *params)
{
    clg_attention_layer_params p = params ? *params : clg_attention_layer_defaults();
    const clg_tensor in[3] = {query, key, value};
    const clg_init zeros = {.scheme = CLG_INIT_ZEROS};
    if (!clg_all_valid("multihead_attention", in, 3) || !clg_layer_begin(query, "multihead_attention", name) || !check_inputs(in, name, heads))
        return invalid;
    clg_graph *graph = query.graph;
    clg_shape shape = clg_tensor_shape(query);
    int64_t E = shape.dim[2];
    clg_tensor weight = parameter(graph, name, "in_proj_weight", clg_shape2(3 * E, E),
                                  p.weight_init, (clg_init){.scheme = CLG_INIT_XAVIER_UNIFORM});
    clg_tensor bias = invalid, each[3];
    if (p.bias)
        bias = parameter(graph, name, "in_proj_bias", clg_shape1(3 * E), p.bias_init, zeros);
    for (int i = 0; i < 3; i++)
        each[i] = project(in[i], weight, bias, i, heads);
    for (int i = 0; i < 2 && p.rotary; i++)
        each[i] = clg_rotary_positions(each[i]);
    clg_tensor y = clg_attention(each[0], each[1], each[2], &p.attention);
    y = clg_reshape(clg_permute(y, (const int32_t[]){0, 2, 1, 3}), shape);
    weight = parameter(graph, name, "out_proj.weight", clg_shape2(E, E), p.weight_init,
                       (clg_init){.scheme = CLG_INIT_FAN_IN, .fan_in = E});
    y = clg_matmul(y, weight, false, true);
    if (!p.bias || !clg_tensor_valid(y))
        return y;
    return clg_add(y, parameter(graph, name, "out_proj.bias", clg_shape1(E), p.bias_init, zeros));
}
