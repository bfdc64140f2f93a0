/* Gradients of LSTM, GRU and RNN by the chain rule, from the last step to the first. */
#include <math.h>
#include "ops/recurrent.h"
#include "selftest/cases.h"
#include "selftest/rounded.h"

struct back {
    const struct clg_oracle_call *call;
    const struct clg_recurrent_attr *attr;
    const struct clg_recurrent_cell *cell;
    int64_t T, N, H, GH;
    const struct clg_oracle_array *dy, *dh, *dc, *lengths;
};

static const struct clg_oracle_array *given(const struct clg_oracle_call *call, uint32_t bit)
{
    int input = clg_recurrent_input(call->attr, true, bit);
    return input < 0 ? NULL : &call->in[input];
}

static struct back back_of(const struct clg_oracle_call *call)
{
    const struct clg_recurrent_attr *attr = call->attr;
    const int64_t *w = call->in[0].shape.dim, *gates = call->in[1].shape.dim;
    return (struct back){.call = call,
                         .attr = attr,
                         .cell = clg_recurrent_cell(attr->cell),
                         .T = gates[0],
                         .N = gates[1],
                         .H = w[1],
                         .GH = w[0],
                         .dy = given(call, CLG_GIVEN_DY),
                         .dh = given(call, CLG_GIVEN_DH),
                         .dc = given(call, CLG_GIVEN_DC),
                         .lengths = given(call, CLG_GIVEN_LENGTHS)};
}

/* Unit j of one row: what reaches the states after the step to what reaches those before it. pass:
 * of h, around the gates. dg by the recurrent part of each gate, dx by the input's. */
struct unit {
    struct clg_rounded s[4], state, dh, dc, dg[4], dx[4], pass;
};

static struct clg_rounded one_minus(struct clg_rounded x)
{
    return clg_minus(clg_exactly(1), x);
}

static struct clg_rounded product3(struct clg_rounded a, struct clg_rounded b, struct clg_rounded c)
{
    return clg_times(clg_times(a, b), c);
}

/* a s (1 - s), or a (1 - s^2). */
static struct clg_rounded by_sigmoid(struct clg_rounded a, struct clg_rounded s)
{
    return product3(a, s, one_minus(s));
}

static struct clg_rounded by_tanh(struct clg_rounded a, struct clg_rounded s)
{
    return clg_times(a, one_minus(clg_times(s, s)));
}

static void lstm_unit(struct unit *u)
{
    const struct clg_rounded *s = u->s;
    struct clg_rounded t = clg_tanh_of(clg_plus(clg_times(s[1], u->state), clg_times(s[0], s[2])));
    struct clg_rounded cell = clg_plus(u->dc, by_tanh(clg_times(u->dh, s[3]), t));
    u->dg[0] = by_sigmoid(clg_times(cell, s[2]), s[0]);
    u->dg[1] = by_sigmoid(clg_times(cell, u->state), s[1]);
    u->dg[2] = by_tanh(clg_times(cell, s[0]), s[2]);
    u->dg[3] = by_sigmoid(clg_times(u->dh, t), s[3]);
    u->dc = clg_times(cell, s[1]);
}

static void gru_unit(struct unit *u)
{
    const struct clg_rounded *s = u->s;
    struct clg_rounded dn = by_tanh(clg_times(u->dh, one_minus(s[1])), s[2]);
    u->dx[0] = u->dg[0] = by_sigmoid(clg_times(dn, s[3]), s[0]);
    u->dx[1] = u->dg[1] = by_sigmoid(clg_times(u->dh, clg_minus(u->state, s[2])), s[1]);
    u->dx[2] = dn;
    u->dg[2] = clg_times(dn, s[0]);
    u->pass = clg_times(u->dh, s[1]);
}

static void rnn_unit(struct unit *u, bool relu)
{
    if (!relu)
        u->dg[0] = by_tanh(u->dh, u->s[0]);
    else
        u->dg[0] = u->s[0].v <= 0 ? clg_exactly(0) : u->dh;
}

static void step_unit(const struct back *k, struct unit *u)
{
    if (k->attr->cell == CLG_CELL_LSTM)
        lstm_unit(u);
    else if (k->attr->cell == CLG_CELL_GRU)
        gru_unit(u);
    else
        rnn_unit(u, k->attr->relu);
}

/* Element i of dg W, dg of one row. */
static struct clg_rounded through_weight(const struct back *k, const struct clg_oracle_array *dg,
                                         int64_t row, int64_t i)
{
    const struct clg_oracle_array *w = &k->call->in[0];
    double sum = 0, size = 0, e = 0;
    for (int64_t g = 0; g < k->GH; g++) {
        double a = dg->value[row * k->GH + g], ea = dg->error[row * k->GH + g];
        double b = w->value[g * k->H + i], eb = w->error[g * k->H + i];
        sum += a * b;
        size += fabs(a * b);
        e += fabs(a) * eb + fabs(b) * ea + ea * eb;
    }
    return (struct clg_rounded){sum, e + clg_sum_error(k->GH + 1) * size};
}

static struct unit read_unit(const struct back *k, int64_t n, int64_t t, int64_t j,
                             struct clg_rounded dh, struct clg_rounded dc)
{
    int64_t row = t * k->N + n, each = k->cell->saved;
    struct unit u = {.dc = dc};
    u.dh = k->dy ? clg_plus(dh, clg_element(k->dy, (n * k->T + t) * k->H + j)) : dh;
    for (int64_t g = 0; g < each; g++)
        u.s[g] = clg_element(&k->call->in[1], (row * each + g) * k->H + j);
    if (k->attr->cell != CLG_CELL_RNN)
        u.state = clg_element(&k->call->in[2], row * k->H + j);
    return u;
}

static void put_unit(const struct back *k, int64_t row, int64_t j, const struct unit *u)
{
    for (int64_t g = 0; g < k->cell->gates; g++) {
        int64_t at = row * k->GH + g * k->H + j;
        clg_put_element(&k->call->out[CLG_OUT_DG], at, u->dg[g]);
        if (k->attr->cell == CLG_CELL_GRU)
            clg_put_element(&k->call->out[CLG_OUT_DX], at, u->dx[g]);
    }
}

/* Row n at time t: dh and dc of the states after the step become those before it. */
static void step_row(const struct back *k, int64_t n, int64_t t, struct clg_rounded *dh,
                     struct clg_rounded *dc)
{
    int64_t row = t * k->N + n;
    if (k->lengths && (double)t >= k->lengths->value[n]) {
        const struct unit nothing = {0};
        for (int64_t j = 0; j < k->H; j++)
            put_unit(k, row, j, &nothing);
        return;
    }
    for (int64_t j = 0; j < k->H; j++) {
        struct unit u = read_unit(k, n, t, j, dh[j], dc[j]);
        step_unit(k, &u);
        put_unit(k, row, j, &u);
        dh[j] = u.pass;
        dc[j] = u.dc;
    }
    for (int64_t j = 0; j < k->H; j++)
        dh[j] = clg_plus(through_weight(k, &k->call->out[CLG_OUT_DG], row, j), dh[j]);
}

static struct clg_rounded reaching(const struct clg_oracle_array *array, int64_t i)
{
    return array ? clg_element(array, i) : clg_exactly(0);
}

static void backward_row(const struct back *k, int64_t n, struct clg_rounded *dh)
{
    struct clg_rounded *dc = dh + k->H;
    bool lstm = k->attr->cell == CLG_CELL_LSTM;
    for (int64_t j = 0; j < k->H; j++) {
        dh[j] = reaching(k->dh, n * k->H + j);
        dc[j] = reaching(k->dc, n * k->H + j);
    }
    for (int64_t step = k->T; step-- > 0;)
        step_row(k, n, k->attr->reverse ? k->T - 1 - step : step, dh, dc);
    for (int64_t j = 0; j < k->H; j++) {
        clg_put_element(&k->call->out[CLG_OUT_DH0], n * k->H + j, dh[j]);
        if (lstm)
            clg_put_element(&k->call->out[CLG_OUT_DC0], n * k->H + j, dc[j]);
    }
}

static void backward(const struct clg_oracle_call *call)
{
    struct back k = back_of(call);
    struct clg_rounded *memory = clg_new(call->ctx, (size_t)(2 * k.H), sizeof(*memory));
    for (int64_t n = 0; memory && n < k.N; n++)
        backward_row(&k, n, memory);
    clg_free(call->ctx, memory);
}

void clg_oracle_lstm_grad(const struct clg_oracle_call *call)
{
    backward(call);
}

void clg_oracle_gru_grad(const struct clg_oracle_call *call)
{
    backward(call);
}

void clg_oracle_rnn_grad(const struct clg_oracle_call *call)
{
    backward(call);
}
