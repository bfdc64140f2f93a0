/* LSTM, GRU and RNN layers: several on top of each other, in one direction or both. */
#include <inttypes.h>
#include <stdio.h>
#include "base/text.h"
#include "nn/layer.h"
#include "ops/recurrent.h"

clg_recurrent_layer_params clg_recurrent_layer_defaults(void)
{
    const clg_tensor none = {NULL, -1, 0};
    return (clg_recurrent_layer_params){
        .num_layers = 1, .bias = true, .h0 = none, .c0 = none, .lengths = none};
}

static const clg_tensor invalid = {NULL, -1, 0};

/* A layer while it is built. */
struct stack {
    const struct clg_recurrent_cell *cell;
    uint32_t kind;
    const char *name;
    int64_t H;
    clg_recurrent_layer_params p;
    clg_tensor *h_n, *c_n; /* of each layer and direction, in PyTorch's order */
};

static int32_t directions(const struct stack *s)
{
    return s->p.bidirectional ? 2 : 1;
}

static bool fail_number(clg_tensor x, const struct stack *s, const char *what, double is,
                        const char *must)
{
    clg_graph_fail(x.graph, CLG_ERR_ARGUMENT, "%s '%s': %s is %g, must be %s", s->cell->name,
                   s->name, what, is, must);
    return false;
}

#define LAYERS_MAX 1000

static bool check_arguments(clg_tensor x, const struct stack *s)
{
    clg_shape shape = clg_tensor_shape(x);
    char text[CLG_SHAPE_TEXT];
    if (s->H < 1 || s->H > INT32_MAX / s->cell->gates)
        return fail_number(x, s, "hidden_size", (double)s->H, "1 or more, and its gates below 2^31");
    if (s->p.num_layers < 1 || s->p.num_layers > LAYERS_MAX)
        return fail_number(x, s, "num_layers", s->p.num_layers, "1 to 1000");
    if (!(s->p.dropout >= 0 && s->p.dropout <= 1))
        return fail_number(x, s, "dropout", (double)s->p.dropout, "0 to 1");
    if (clg_tensor_dtype(x) == CLG_F32 && shape.rank == 3 && shape.dim[1] < CLG_BATCH &&
        shape.dim[2] < CLG_BATCH)
        return true;
    clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                   "%s '%s': input has shape %s, must be float32 (N, T, in) with T and in numbers",
                   s->cell->name, s->name, clg_shape_text(&shape, text));
    return false;
}

static bool check_state(clg_tensor x, const struct stack *s, const char *what, clg_tensor state)
{
    clg_shape is = clg_tensor_shape(state);
    clg_shape must = clg_shape3(s->p.num_layers * directions(s), clg_tensor_shape(x).dim[0], s->H);
    char a[CLG_SHAPE_TEXT], b[CLG_SHAPE_TEXT];
    if (!state.graph || (is.rank == 3 && is.dim[0] == must.dim[0] && is.dim[1] == must.dim[1] &&
                         is.dim[2] == must.dim[2]))
        return true;
    clg_graph_fail(x.graph, CLG_ERR_ARGUMENT, "%s '%s': %s has shape %s, must be %s", s->cell->name,
                   s->name, what, clg_shape_text(&is, a), clg_shape_text(&must, b));
    return false;
}

/* NAME.what_l0, NAME.what_l0_reverse, ... */
static clg_tensor parameter(clg_tensor x, const struct stack *s, const char *what, int32_t layer,
                            bool reverse, clg_shape shape)
{
    const clg_init torch = {.scheme = CLG_INIT_FAN_IN, .fan_in = s->H};
    const clg_init zeros = {.scheme = CLG_INIT_ZEROS};
    const clg_init *init = s->p.weight_init ? s->p.weight_init : &torch;
    char full[64];
    if (shape.rank == 1)
        init = s->p.bias_init ? s->p.bias_init : s->p.weight_init ? &zeros : &torch;
    snprintf(full, sizeof(full), "%s_l%d%s", what, (int)layer, reverse ? "_reverse" : "");
    return clg_layer_parameter(x.graph, s->name, full, shape, init);
}

static clg_recurrent_weights weights_of(clg_tensor x, const struct stack *s, int32_t layer,
                                        bool reverse)
{
    int64_t in = clg_tensor_shape(x).dim[2], rows = s->cell->gates * s->H;
    clg_recurrent_weights w = {invalid, invalid, invalid, invalid};
    /* one after the other: that is their order in the store */
    w.weight_ih = parameter(x, s, "weight_ih", layer, reverse, clg_shape2(rows, in));
    w.weight_hh = parameter(x, s, "weight_hh", layer, reverse, clg_shape2(rows, s->H));
    if (s->p.bias) {
        w.bias_ih = parameter(x, s, "bias_ih", layer, reverse, clg_shape1(rows));
        w.bias_hh = parameter(x, s, "bias_hh", layer, reverse, clg_shape1(rows));
    }
    return w;
}

/* Entry i of states (layers and directions, N, H), as (N, H). */
static clg_tensor state_of(clg_tensor states, int32_t i)
{
    clg_shape shape = clg_tensor_shape(states);
    if (!states.graph)
        return invalid;
    clg_tensor one = shape.dim[0] == 1 ? states : clg_slice(states, 0, i, i + 1, 1);
    return clg_reshape(one, clg_shape2(shape.dim[1], shape.dim[2]));
}

static clg_tensor one_direction(clg_tensor x, const struct stack *s, int32_t layer, bool reverse)
{
    int32_t i = layer * directions(s) + reverse;
    clg_recurrent_weights w = weights_of(x, s, layer, reverse);
    clg_recurrent_params p = {.h0 = state_of(s->p.h0, i),
                              .c0 = state_of(s->p.c0, i),
                              .lengths = s->p.lengths,
                              .reverse = reverse,
                              .relu = s->p.relu};
    if (clg_graph_status(x.graph) != CLG_OK)
        return invalid;
    switch (s->kind) {
    case CLG_CELL_LSTM:
        return clg_lstm(x, &w, &p, &s->h_n[i], &s->c_n[i]);
    case CLG_CELL_GRU:
        return clg_gru(x, &w, &p, &s->h_n[i]);
    default:
        return clg_rnn(x, &w, &p, &s->h_n[i]);
    }
}

static clg_tensor all_layers(clg_tensor x, const struct stack *s)
{
    for (int32_t layer = 0; layer < s->p.num_layers && clg_tensor_valid(x); layer++) {
        if (layer > 0 && s->p.dropout > 0)
            x = clg_dropout(x, s->p.dropout);
        clg_tensor y[2] = {one_direction(x, s, layer, false), invalid};
        if (s->p.bidirectional)
            y[1] = one_direction(x, s, layer, true);
        x = s->p.bidirectional ? clg_concat(y, 2, 2) : y[0];
    }
    return x;
}

/* (count, N, H) of what each layer and direction ends with. */
static clg_tensor together(const clg_tensor *states, int32_t count)
{
    return count == 1 ? clg_unsqueeze(states[0], 0) : clg_stack(states, (size_t)count, 0);
}

static clg_tensor build(struct stack *s, clg_tensor x, clg_tensor *h_n, clg_tensor *c_n)
{
    struct clg_ctx *ctx = x.graph->object.ctx;
    int32_t count = s->p.num_layers * directions(s);
    clg_tensor y = invalid;
    s->h_n = clg_new(ctx, 2 * (size_t)count, sizeof(*s->h_n));
    if (!s->h_n)
        return clg_graph_fail(x.graph, CLG_ERR_MEMORY, "%s '%s': out of host memory", s->cell->name,
                              s->name);
    s->c_n = s->h_n + count;
    y = all_layers(x, s);
    if (clg_tensor_valid(y) && h_n)
        *h_n = together(s->h_n, count);
    if (clg_tensor_valid(y) && c_n)
        *c_n = together(s->c_n, count);
    clg_free(ctx, s->h_n);
    return y;
}

static clg_tensor layer(uint32_t kind, clg_tensor x, const char *name, int64_t hidden,
                        const clg_recurrent_layer_params *params, clg_tensor *h_n, clg_tensor *c_n)
{
    struct stack s = {.cell = clg_recurrent_cell(kind),
                      .kind = kind,
                      .name = name,
                      .H = hidden,
                      .p = params ? *params : clg_recurrent_layer_defaults()};
    if (h_n)
        *h_n = invalid;
    if (c_n)
        *c_n = invalid;
    if (!clg_layer_begin(x, s.cell->name, name) || !check_arguments(x, &s) ||
        !check_state(x, &s, "h0", s.p.h0) ||
        (kind == CLG_CELL_LSTM && !check_state(x, &s, "c0", s.p.c0)))
        return invalid;
    if (kind != CLG_CELL_LSTM && s.p.c0.graph)
        return clg_graph_fail(x.graph, CLG_ERR_ARGUMENT, "%s '%s': has no c0, an LSTM has",
                              s.cell->name, name);
    return build(&s, x, h_n, c_n);
}

clg_tensor clg_lstm_layer(clg_tensor x, const char *name, int64_t hidden,
                          const clg_recurrent_layer_params *params, clg_tensor *h_n,
                          clg_tensor *c_n)
{
    return layer(CLG_CELL_LSTM, x, name, hidden, params, h_n, c_n);
}

clg_tensor clg_gru_layer(clg_tensor x, const char *name, int64_t hidden,
                         const clg_recurrent_layer_params *params, clg_tensor *h_n)
{
    return layer(CLG_CELL_GRU, x, name, hidden, params, h_n, NULL);
}

clg_tensor clg_rnn_layer(clg_tensor x, const char *name, int64_t hidden,
                         const clg_recurrent_layer_params *params, clg_tensor *h_n)
{
    return layer(CLG_CELL_RNN, x, name, hidden, params, h_n, NULL);
}
