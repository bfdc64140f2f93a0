/* LSTM, GRU and RNN over whole sequences: the public functions, shapes and gradients. */
#include "ops/recurrent.h"
#include <inttypes.h>
#include "base/text.h"
#include "ops/families.h"

const struct clg_recurrent_cell *clg_recurrent_cell(uint32_t cell)
{
    static const struct clg_recurrent_cell cells[] = {
        {"lstm", CLG_OP(lstm), CLG_OP(lstm_grad), 4, 4, 2, "lstm_step", "lstm_grad_step"},
        {"gru", CLG_OP(gru), CLG_OP(gru_grad), 3, 4, 1, "gru_step", "gru_grad_step"},
        {"rnn", CLG_OP(rnn), CLG_OP(rnn_grad), 1, 1, 1, "rnn_step", "rnn_grad_step"},
    };
    return &cells[cell];
}

uint32_t clg_recurrent_fixed(uint32_t cell, bool grad)
{
    if (grad)
        return cell == CLG_CELL_RNN ? 2 : 3;
    return 2 + clg_recurrent_cell(cell)->states;
}

int clg_recurrent_input(const struct clg_recurrent_attr *attr, bool grad, uint32_t bit)
{
    uint32_t at = clg_recurrent_fixed(attr->cell, grad);
    for (uint32_t b = 1; b < bit; b <<= 1)
        at += (attr->given & b) != 0;
    return attr->given & bit ? (int)at : -1;
}

/* ---- shapes ---- */

static void check_shape(struct clg_infer *infer, int input, const char *what, clg_shape want)
{
    char a[CLG_SHAPE_TEXT], b[CLG_SHAPE_TEXT];
    if (input < 0 || infer->failed)
        return;
    const clg_shape *shape = &infer->in[input].shape;
    if (infer->in[input].dtype != CLG_F32)
        clg_infer_fail(infer, "%s must be float32", what);
    else if (!clg_same_shape(shape, &want))
        clg_infer_fail(infer, "%s has shape %s, must be %s", what, clg_shape_text(shape, a),
                       clg_shape_text(&want, b));
}

static void check_lengths(struct clg_infer *infer, int input, int64_t N)
{
    char a[CLG_SHAPE_TEXT], b[CLG_SHAPE_TEXT];
    clg_shape want = clg_shape1(N);
    if (input < 0 || infer->failed)
        return;
    const struct clg_type *type = &infer->in[input];
    if (type->dtype != CLG_I32 || !clg_same_shape(&type->shape, &want))
        clg_infer_fail(infer, "the lengths are %s of shape %s, must be int32 of shape %s",
                       type->dtype == CLG_I32 ? "int32" : "float32",
                       clg_shape_text(&type->shape, a), clg_shape_text(&want, b));
}

/* gx (T, N, G H) with T and H numbers. */
static bool check_product(struct clg_infer *infer, const struct clg_recurrent_cell *cell)
{
    char text[CLG_SHAPE_TEXT];
    const clg_shape *gx = &infer->in[0].shape;
    if (infer->in[0].dtype == CLG_F32 && gx->rank == 3 && gx->dim[0] < CLG_BATCH &&
        gx->dim[2] < CLG_BATCH && gx->dim[2] % cell->gates == 0)
        return true;
    clg_infer_fail(infer,
                   "the input's product has shape %s, must be float32 (T, N, %" PRId64
                   " H) with T and H numbers",
                   clg_shape_text(gx, text), cell->gates);
    return false;
}

void clg_shape_recurrent(struct clg_infer *infer)
{
    const struct clg_recurrent_attr *attr = infer->attr;
    const struct clg_recurrent_cell *cell = clg_recurrent_cell(attr->cell);
    if (!check_product(infer, cell))
        return;
    const int64_t *gx = infer->in[0].shape.dim;
    int64_t T = gx[0], N = gx[1], GH = gx[2], H = GH / cell->gates;
    check_shape(infer, 1, "weight_hh", clg_shape2(GH, H));
    check_shape(infer, 2, "h0", clg_shape2(N, H));
    check_shape(infer, cell->states > 1 ? 3 : -1, "c0", clg_shape2(N, H));
    check_shape(infer, clg_recurrent_input(attr, false, CLG_GIVEN_BIAS), "bias_hh", clg_shape1(GH));
    check_lengths(infer, clg_recurrent_input(attr, false, CLG_GIVEN_LENGTHS), N);
    infer->out[CLG_OUT_Y].shape = clg_shape3(N, T, H);
    infer->out[CLG_OUT_H].shape = clg_shape2(N, H);
    infer->out[CLG_OUT_STATES].shape = clg_shape3(T, N, H);
    infer->out[CLG_OUT_GATES].shape = clg_shape3(T, N, cell->saved * H);
    if (cell->states > 1) {
        infer->out[CLG_OUT_C].shape = clg_shape2(N, H);
        infer->out[CLG_OUT_CELLS].shape = clg_shape3(T, N, H);
    }
}

/* The gradient rule alone builds this op, from what fits. */
void clg_shape_recurrent_grad(struct clg_infer *infer)
{
    const struct clg_recurrent_attr *attr = infer->attr;
    const int64_t *w = infer->in[0].shape.dim, *gates = infer->in[1].shape.dim;
    clg_shape state = clg_shape2(gates[1], w[1]), product = clg_shape3(gates[0], gates[1], w[0]);
    infer->out[CLG_OUT_DG].shape = product;
    infer->out[CLG_OUT_DH0].shape = state;
    if (attr->cell == CLG_CELL_LSTM)
        infer->out[CLG_OUT_DC0].shape = state;
    if (attr->cell == CLG_CELL_GRU)
        infer->out[CLG_OUT_DX].shape = product;
}

/* ---- gradients ---- */

static clg_tensor as_rows(clg_tensor x)
{
    clg_shape shape = clg_tensor_shape(x);
    return clg_reshape(x, clg_shape2(-1, clg_cols_of(&shape)));
}

static clg_tensor gradient_node(struct clg_gradient *g, const struct clg_recurrent_cell *cell)
{
    const struct clg_recurrent_attr *from = g->attr;
    struct clg_recurrent_attr attr = *from;
    bool lstm = from->cell == CLG_CELL_LSTM;
    clg_tensor in[8] = {g->in[1], g->out[CLG_OUT_GATES]};
    uint32_t n = 2;
    if (from->cell != CLG_CELL_RNN)
        in[n++] = g->out[lstm ? CLG_OUT_CELLS : CLG_OUT_STATES];
    attr.given &= CLG_GIVEN_LENGTHS;
    const struct {
        uint32_t bit;
        clg_tensor d;
    } reaching[] = {{CLG_GIVEN_DY, g->dy[CLG_OUT_Y]},
                    {CLG_GIVEN_DH, g->dy[CLG_OUT_H]},
                    {CLG_GIVEN_DC, lstm ? g->dy[CLG_OUT_C] : (clg_tensor){NULL, -1, 0}}};
    for (int i = 0; i < 3; i++)
        if (clg_tensor_valid(reaching[i].d)) {
            attr.given |= reaching[i].bit;
            in[n++] = reaching[i].d;
        }
    int lengths = clg_recurrent_input(from, false, CLG_GIVEN_LENGTHS);
    if (lengths >= 0)
        in[n++] = g->in[lengths];
    return clg_node_add(g->graph, cell->grad, in, n, &attr, NULL);
}

/* One product gives the weight's gradient: over all steps and rows at once. */
void clg_grad_recurrent(struct clg_gradient *g)
{
    const struct clg_recurrent_attr *attr = g->attr;
    const struct clg_recurrent_cell *cell = clg_recurrent_cell(attr->cell);
    clg_tensor dg = gradient_node(g, cell);
    int bias = clg_recurrent_input(attr, false, CLG_GIVEN_BIAS);
    if (g->need[0])
        g->dx[0] = attr->cell == CLG_CELL_GRU ? clg_tensor_output(dg, CLG_OUT_DX) : dg;
    if (g->need[1])
        g->dx[1] = clg_matmul(as_rows(dg), as_rows(g->out[CLG_OUT_STATES]), true, false);
    if (g->need[2])
        g->dx[2] = clg_tensor_output(dg, CLG_OUT_DH0);
    if (cell->states > 1 && g->need[3])
        g->dx[3] = clg_tensor_output(dg, CLG_OUT_DC0);
    if (bias >= 0 && g->need[bias])
        g->dx[bias] = clg_reduce_axes(as_rows(dg), 1, false, false);
}

/* ---- the public functions ---- */

clg_recurrent_params clg_recurrent_defaults(void)
{
    const clg_tensor none = {NULL, -1, 0};
    return (clg_recurrent_params){.h0 = none, .c0 = none, .lengths = none};
}

static bool check_input(const struct clg_recurrent_cell *cell, clg_tensor x)
{
    clg_shape shape = clg_tensor_shape(x);
    char text[CLG_SHAPE_TEXT];
    if (!clg_tensor_valid(x))
        return false;
    if (clg_tensor_dtype(x) == CLG_F32 && shape.rank == 3 && shape.dim[1] < CLG_BATCH &&
        shape.dim[2] < CLG_BATCH)
        return true;
    clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                   "%s: input has shape %s, must be float32 (N, T, in) with T and in numbers",
                   cell->name, clg_shape_text(&shape, text));
    return false;
}

static bool check_weights(const struct clg_recurrent_cell *cell, clg_tensor x,
                          const clg_recurrent_weights *w)
{
    clg_shape ih = clg_tensor_shape(w->weight_ih), hh = clg_tensor_shape(w->weight_hh);
    int64_t in = clg_tensor_shape(x).dim[2];
    char a[CLG_SHAPE_TEXT], b[CLG_SHAPE_TEXT];
    if (!clg_tensor_valid(w->weight_ih) || !clg_tensor_valid(w->weight_hh))
        clg_graph_fail(x.graph, CLG_ERR_ARGUMENT, "%s: needs weight_ih and weight_hh", cell->name);
    else if (ih.rank != 2 || ih.dim[1] != in || hh.rank != 2 || hh.dim[0] != ih.dim[0] ||
             hh.dim[0] != cell->gates * hh.dim[1])
        clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                       "%s: weight_ih %s and weight_hh %s must be (%" PRId64 " H, %" PRId64
                       ") and (%" PRId64 " H, H)",
                       cell->name, clg_shape_text(&ih, a), clg_shape_text(&hh, b), cell->gates, in,
                       cell->gates);
    else
        return true;
    return false;
}

/* x W_ih^T + b_ih of all steps in one product: (T, N, G H). */
static clg_tensor input_product(clg_tensor x, const clg_recurrent_weights *w)
{
    clg_shape shape = clg_tensor_shape(x);
    int64_t GH = clg_tensor_shape(w->weight_ih).dim[0];
    clg_tensor by_step = clg_permute(x, (const int32_t[]){1, 0, 2});
    clg_tensor y = clg_matmul(as_rows(by_step), w->weight_ih, false, true);
    if (w->bias_ih.graph)
        y = clg_add(y, w->bias_ih);
    return clg_reshape(y, clg_shape3(shape.dim[1], shape.dim[0], GH));
}

static clg_tensor state_or_zeros(clg_tensor given, clg_tensor x, int64_t H)
{
    clg_shape shape = clg_shape2(clg_tensor_shape(x).dim[0], H);
    return given.graph ? given : clg_fill(x.graph, shape, 0);
}

static void give_output(clg_tensor y, uint32_t output, clg_tensor *to)
{
    if (to)
        *to = clg_tensor_output(y, output);
}

static clg_tensor recurrent(uint32_t kind, clg_tensor x, const clg_recurrent_weights *w,
                            const clg_recurrent_params *params)
{
    const struct clg_recurrent_cell *cell = clg_recurrent_cell(kind);
    clg_recurrent_params p = params ? *params : clg_recurrent_defaults();
    if (!w && clg_tensor_valid(x))
        clg_graph_fail(x.graph, CLG_ERR_ARGUMENT, "%s: weights is NULL", cell->name);
    if (!w || !check_input(cell, x) || !check_weights(cell, x, w))
        return (clg_tensor){NULL, -1, 0};
    struct clg_recurrent_attr attr = {kind, p.reverse, p.relu && kind == CLG_CELL_RNN, 0};
    int64_t H = clg_tensor_shape(w->weight_hh).dim[1];
    clg_tensor in[6] = {input_product(x, w), w->weight_hh, state_or_zeros(p.h0, x, H)};
    uint32_t n = 3;
    if (cell->states > 1)
        in[n++] = state_or_zeros(p.c0, x, H);
    if (w->bias_hh.graph) {
        attr.given |= CLG_GIVEN_BIAS;
        in[n++] = w->bias_hh;
    }
    if (p.lengths.graph) {
        attr.given |= CLG_GIVEN_LENGTHS;
        in[n++] = p.lengths;
    }
    return clg_node_add(x.graph, cell->op, in, n, &attr, NULL);
}

clg_tensor clg_lstm(clg_tensor x, const clg_recurrent_weights *weights,
                    const clg_recurrent_params *params, clg_tensor *h_n, clg_tensor *c_n)
{
    clg_tensor y = recurrent(CLG_CELL_LSTM, x, weights, params);
    give_output(y, CLG_OUT_H, h_n);
    give_output(y, CLG_OUT_C, c_n);
    return y;
}

clg_tensor clg_gru(clg_tensor x, const clg_recurrent_weights *weights,
                   const clg_recurrent_params *params, clg_tensor *h_n)
{
    clg_tensor y = recurrent(CLG_CELL_GRU, x, weights, params);
    give_output(y, CLG_OUT_H, h_n);
    return y;
}

clg_tensor clg_rnn(clg_tensor x, const clg_recurrent_weights *weights,
                   const clg_recurrent_params *params, clg_tensor *h_n)
{
    clg_tensor y = recurrent(CLG_CELL_RNN, x, weights, params);
    give_output(y, CLG_OUT_H, h_n);
    return y;
}
