/* What recurrent ops are made of, for their rules, their lowering and their oracle.
 *
 * Forward, lstm, gru, rnn: inputs gx (T, N, G H), W (G H, H), h0 (N, H)[, c0 (N, H) of an LSTM]
 * [, b (G H)][, lengths (N)]; outputs as in enum clg_recurrent_out.
 * Gradient: inputs W, gates[, c before each step of an LSTM, or h of a GRU (T, N, H)][, dy (N, T,
 * H)]
 * [, dh_n (N, H)][, dc_n (N, H)][, lengths]; outputs as in enum clg_recurrent_grad_out. */
#ifndef CLG_OPS_RECURRENT_H
#define CLG_OPS_RECURRENT_H

#include "ops/ops.h"

enum clg_cell { CLG_CELL_LSTM, CLG_CELL_GRU, CLG_CELL_RNN };

/* Inputs that may be left out, in their order. */
enum clg_recurrent_given {
    CLG_GIVEN_BIAS = 1,
    CLG_GIVEN_DY = 2,
    CLG_GIVEN_DH = 4,
    CLG_GIVEN_DC = 8,
    CLG_GIVEN_LENGTHS = 16,
};

enum clg_recurrent_out {
    CLG_OUT_Y,      /* (N, T, H) */
    CLG_OUT_H,      /* (N, H) after the last step */
    CLG_OUT_STATES, /* (T, N, H): h before each step */
    CLG_OUT_GATES,  /* (T, N, S H): cl/recurrent.cl says which */
    CLG_OUT_C,      /* LSTM: (N, H) after the last step */
    CLG_OUT_CELLS,  /* LSTM: (T, N, H): c before each step */
};
enum clg_recurrent_grad_out {
    CLG_OUT_DG,     /* (T, N, G H): by h W^T + b */
    CLG_OUT_DH0,    /* (N, H) */
    CLG_OUT_DC0,    /* LSTM: (N, H) */
    CLG_OUT_DX = 2, /* GRU: (T, N, G H), by gx; the others' is DG */
};

struct clg_recurrent_cell {
    const char *name;
    const struct clg_op *op, *grad;
    int64_t gates, saved;         /* G and S */
    uint32_t states;              /* inputs h0, c0: 1 or 2 */
    const char *step, *grad_step; /* kernels */
};
const struct clg_recurrent_cell *clg_recurrent_cell(uint32_t cell);

/* How many inputs there always are, of an op and of its gradient; and where the input of one bit of
 * `given` is, -1 when it is left out. */
uint32_t clg_recurrent_fixed(uint32_t cell, bool grad);
int clg_recurrent_input(const struct clg_recurrent_attr *attr, bool grad, uint32_t bit);

#endif
