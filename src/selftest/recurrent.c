/* LSTM, GRU and RNN by their formulas, a step and a row at a time. Errors: sigmoid and tanh as in
 * activation.c, the length of the products, and what the steps before were off. */
#include <math.h>
#include <string.h>
#include "ops/recurrent.h"
#include "selftest/cases.h"
#include "selftest/rounded.h"

struct walk {
    const struct clg_oracle_call *call;
    const struct clg_recurrent_attr *attr;
    const struct clg_recurrent_cell *cell;
    int64_t T, N, H, GH;
    const struct clg_oracle_array *w, *bias, *lengths;
};

static const struct clg_oracle_array *given(const struct clg_oracle_call *call, bool grad,
                                            uint32_t bit)
{
    int input = clg_recurrent_input(call->attr, grad, bit);
    return input < 0 ? NULL : &call->in[input];
}

static struct walk walk_of(const struct clg_oracle_call *call, bool grad)
{
    const struct clg_recurrent_attr *attr = call->attr;
    const struct clg_oracle_array *w = &call->in[grad ? 0 : 1];
    const int64_t *steps = call->in[grad ? 1 : 0].shape.dim;
    return (struct walk){.call = call,
                         .attr = attr,
                         .cell = clg_recurrent_cell(attr->cell),
                         .T = steps[0],
                         .N = steps[1],
                         .H = w->shape.dim[1],
                         .GH = w->shape.dim[0],
                         .w = w,
                         .bias = given(call, grad, CLG_GIVEN_BIAS),
                         .lengths = given(call, grad, CLG_GIVEN_LENGTHS)};
}

static int64_t time_of(const struct walk *k, int64_t step)
{
    return k->attr->reverse ? k->T - 1 - step : step;
}

static bool is_live(const struct walk *k, int64_t n, int64_t t)
{
    return !k->lengths || (double)t < k->lengths->value[n];
}

/* ---- forward ---- */

/* Element g of h W^T + b; h has H numbers. */
static struct clg_rounded recurrent_part(const struct walk *k, const struct clg_rounded *h,
                                         int64_t g)
{
    double sum = k->bias ? k->bias->value[g] : 0, size = fabs(sum), e = 0;
    e += k->bias ? k->bias->error[g] : 0;
    for (int64_t i = 0; i < k->H; i++) {
        double w = k->w->value[g * k->H + i], ew = k->w->error[g * k->H + i];
        sum += w * h[i].v;
        size += fabs(w * h[i].v);
        e += fabs(w) * h[i].e + fabs(h[i].v) * ew + h[i].e * ew;
    }
    return (struct clg_rounded){sum, e + clg_sum_error(k->H + 2) * size};
}

/* Unit j of one row: states before the step to those after it. */
struct unit {
    struct clg_rounded gx[4], rec[4], h, c, saved[4], h_next, c_next;
};

static void lstm_unit(struct unit *u)
{
    struct clg_rounded *s = u->saved;
    for (int g = 0; g < 4; g++) {
        struct clg_rounded pre = clg_plus(u->gx[g], u->rec[g]);
        s[g] = g == 2 ? clg_tanh_of(pre) : clg_sigmoid_of(pre);
    }
    u->c_next = clg_plus(clg_times(s[1], u->c), clg_times(s[0], s[2]));
    u->h_next = clg_times(s[3], clg_tanh_of(u->c_next));
}

static void gru_unit(struct unit *u)
{
    struct clg_rounded *s = u->saved;
    s[0] = clg_sigmoid_of(clg_plus(u->gx[0], u->rec[0]));
    s[1] = clg_sigmoid_of(clg_plus(u->gx[1], u->rec[1]));
    s[2] = clg_tanh_of(clg_plus(u->gx[2], clg_times(s[0], u->rec[2])));
    s[3] = u->rec[2];
    u->h_next = clg_plus(clg_times(clg_minus(clg_exactly(1), s[1]), s[2]), clg_times(s[1], u->h));
}

static void rnn_unit(struct unit *u, bool relu)
{
    struct clg_rounded pre = clg_plus(u->gx[0], u->rec[0]);
    u->saved[0] = !relu ? clg_tanh_of(pre) : pre.v <= 0 ? (struct clg_rounded){0, pre.e} : pre;
    u->h_next = u->saved[0];
}

static void step_unit(const struct walk *k, struct unit *u)
{
    if (k->attr->cell == CLG_CELL_LSTM)
        lstm_unit(u);
    else if (k->attr->cell == CLG_CELL_GRU)
        gru_unit(u);
    else
        rnn_unit(u, k->attr->relu);
}

/* Row n at time t: states of row n in h and c, replaced by those after the step in next. */
static void step_row(const struct walk *k, int64_t n, int64_t t, struct clg_rounded *h,
                     struct clg_rounded *c, struct clg_rounded *next)
{
    const struct clg_oracle_array *out = k->call->out;
    bool live = is_live(k, n, t), lstm = k->attr->cell == CLG_CELL_LSTM;
    int64_t row = t * k->N + n;
    for (int64_t j = 0; j < k->H; j++) {
        struct unit u = {.h = h[j], .c = c[j]};
        for (int64_t g = 0; g < k->cell->gates; g++) {
            u.gx[g] = clg_element(&k->call->in[0], row * k->GH + g * k->H + j);
            u.rec[g] = recurrent_part(k, h, g * k->H + j);
        }
        step_unit(k, &u);
        clg_put_element(&out[CLG_OUT_STATES], row * k->H + j, h[j]);
        if (lstm)
            clg_put_element(&out[CLG_OUT_CELLS], row * k->H + j, c[j]);
        for (int64_t g = 0; g < k->cell->saved; g++)
            clg_put_element(&out[CLG_OUT_GATES], (row * k->cell->saved + g) * k->H + j, u.saved[g]);
        clg_put_element(&out[CLG_OUT_Y], (n * k->T + t) * k->H + j,
                        live ? u.h_next : clg_exactly(0));
        next[j] = live ? u.h_next : h[j];
        c[j] = live ? u.c_next : c[j];
    }
    memcpy(h, next, (size_t)k->H * sizeof(*h));
}

static void forward_row(const struct walk *k, int64_t n, struct clg_rounded *memory)
{
    struct clg_rounded *h = memory, *c = h + k->H, *next = c + k->H;
    bool lstm = k->attr->cell == CLG_CELL_LSTM;
    for (int64_t j = 0; j < k->H; j++) {
        h[j] = clg_element(&k->call->in[2], n * k->H + j);
        c[j] = lstm ? clg_element(&k->call->in[3], n * k->H + j) : clg_exactly(0);
    }
    for (int64_t step = 0; step < k->T; step++)
        step_row(k, n, time_of(k, step), h, c, next);
    for (int64_t j = 0; j < k->H; j++) {
        clg_put_element(&k->call->out[CLG_OUT_H], n * k->H + j, h[j]);
        if (lstm)
            clg_put_element(&k->call->out[CLG_OUT_C], n * k->H + j, c[j]);
    }
}

static void forward(const struct clg_oracle_call *call)
{
    struct walk k = walk_of(call, false);
    struct clg_rounded *memory = clg_new(call->ctx, (size_t)(3 * k.H), sizeof(*memory));
    for (int64_t n = 0; memory && n < k.N; n++)
        forward_row(&k, n, memory);
    clg_free(call->ctx, memory);
}

void clg_oracle_lstm(const struct clg_oracle_call *call)
{
    forward(call);
}

void clg_oracle_gru(const struct clg_oracle_call *call)
{
    forward(call);
}

void clg_oracle_rnn(const struct clg_oracle_call *call)
{
    forward(call);
}
