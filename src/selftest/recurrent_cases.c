/* Cases of LSTM, GRU and RNN: through the public functions, with and without biases, states,
 * lengths; both directions. What is checked holds y and the last states side by side. */
#include "ops/recurrent.h"
#include "selftest/cases.h"

static const clg_tensor none = {NULL, -1, 0};

enum { BIAS = 1, STATES = 2, LENGTHS = 4, REVERSE = 8, LAST = 16, RELU = 32 };

static const struct example {
    const char *what;
    int64_t N, T, in, H;
    int with;
} examples[] = {
    {"one of everything", 1, 1, 1, 1, BIAS},
    {"(7, 3, 2) to 5", 7, 3, 2, 5, BIAS | STATES},
    {"(batch, 3, 4) to 5, reversed", CLG_BATCH, 3, 4, 5, BIAS | REVERSE},
    {"the last state alone", CLG_BATCH, 3, 3, 4, LAST},
    {"(7, 3, 1) to 5 with lengths", 7, 3, 1, 5, STATES | LENGTHS},
    {"reversed, with lengths", 7, 3, 1, 5, BIAS | STATES | LENGTHS | REVERSE},
    {"(7, 17, 3) to 33", 7, 17, 3, 33, BIAS | STATES},
    {"(1, 17, 5) to 33", 1, 17, 5, 33, LENGTHS | LAST},
    {"relu", 7, 3, 2, 17, BIAS | RELU},
};
enum { EXAMPLES = sizeof(examples) / sizeof(examples[0]) };

static clg_tensor input(struct clg_cases *cases, clg_shape shape)
{
    return clg_case_uniform(cases, shape, -0.5, 0.5);
}

/* The state's weight: rows of about 1 at most, so that bounds of errors do not grow over the steps.
 */
static clg_tensor state_weight(struct clg_cases *cases, int64_t GH, int64_t H)
{
    double most = H < 4 ? 0.5 : 2 / (double)H;
    return clg_case_uniform(cases, clg_shape2(GH, H), -most, most);
}

static clg_recurrent_weights weights_of(struct clg_cases *cases, const struct example *e, int64_t G)
{
    clg_recurrent_weights w = {input(cases, clg_shape2(G * e->H, e->in)),
                               state_weight(cases, G * e->H, e->H), none, none};
    if (e->with & BIAS) {
        w.bias_ih = input(cases, clg_shape1(G * e->H));
        w.bias_hh = input(cases, clg_shape1(G * e->H));
    }
    return w;
}

static clg_recurrent_params params_of(struct clg_cases *cases, const struct example *e, bool lstm)
{
    static const int32_t lengths[7] = {2, 3, 1, 0, 3, 9, -1};
    clg_recurrent_params p = clg_recurrent_defaults();
    p.reverse = (e->with & REVERSE) != 0;
    p.relu = (e->with & RELU) != 0;
    if (e->with & STATES)
        p.h0 = input(cases, clg_shape2(e->N, e->H));
    if (e->with & STATES && lstm)
        p.c0 = input(cases, clg_shape2(e->N, e->H));
    if (e->with & LENGTHS)
        p.lengths = clg_case_labels(cases, clg_shape1(e->N), lengths);
    return p;
}

static clg_tensor run(struct clg_cases *cases, uint32_t cell, const struct example *e,
                      clg_tensor last[2])
{
    clg_tensor x = input(cases, clg_shape3(e->N, e->T, e->in));
    clg_recurrent_weights w = weights_of(cases, e, clg_recurrent_cell(cell)->gates);
    clg_recurrent_params p = params_of(cases, e, cell == CLG_CELL_LSTM);
    last[1] = none;
    return cell == CLG_CELL_LSTM  ? clg_lstm(x, &w, &p, &last[0], &last[1])
           : cell == CLG_CELL_GRU ? clg_gru(x, &w, &p, &last[0])
                                  : clg_rnn(x, &w, &p, &last[0]);
}

/* (N, T H + H[ + H]): y and the last states. */
static clg_tensor together(const struct example *e, clg_tensor y, const clg_tensor last[2])
{
    clg_tensor parts[3] = {clg_reshape(y, clg_shape2(e->N, e->T * e->H)), last[0], last[1]};
    return clg_concat(parts, last[1].graph ? 3 : 2, 1);
}

static void check_examples(struct clg_cases *cases, uint32_t cell)
{
    for (int i = 0; i < EXAMPLES; i++) {
        const struct example *e = &examples[i];
        clg_tensor last[2];
        if ((e->with & RELU && cell != CLG_CELL_RNN) ||
            (e->T * e->H > 500 && !clg_case_large(cases)))
            continue;
        if (e->T > 3 && !clg_case_large(cases))
            continue;
        clg_tensor y = run(cases, cell, e, last);
        if (i == 0)
            clg_check(cases, "y alone", y);
        else
            clg_check(cases, e->what, e->with & LAST ? last[0] : together(e, y, last));
    }
}

/* A gradient op of its own accord, with everything that may reach it. */
static void check_gradients(struct clg_cases *cases, uint32_t kind)
{
    const struct clg_recurrent_cell *cell = clg_recurrent_cell(kind);
    static const uint32_t given[4] = {CLG_GIVEN_DY, CLG_GIVEN_DH,
                                      CLG_GIVEN_DY | CLG_GIVEN_LENGTHS | CLG_GIVEN_DH,
                                      CLG_GIVEN_DY | CLG_GIVEN_DH | CLG_GIVEN_DC};
    static const int32_t lengths[7] = {2, 3, 1, 0, 3, 9, -1};
    const int64_t T = 3, N = 7, sizes[4] = {1, 5, 17, 33};
    const int count = kind == CLG_CELL_LSTM ? 4 : 3;
    for (int i = 0; i < (clg_case_large(cases) ? count : count - 1); i++) {
        int64_t H = sizes[i];
        if (H > 5 && !clg_case_large(cases))
            continue;
        struct clg_recurrent_attr attr = {kind, (uint32_t)i % 2, 0, given[i]};
        clg_tensor in[7] = {state_weight(cases, cell->gates * H, H),
                            clg_case_uniform(cases, clg_shape3(T, N, cell->saved * H), 0.1, 0.9)};
        uint32_t n = 2;
        if (kind != CLG_CELL_RNN)
            in[n++] = input(cases, clg_shape3(T, N, H));
        if (given[i] & CLG_GIVEN_DY)
            in[n++] = input(cases, clg_shape3(N, T, H));
        for (uint32_t bit = CLG_GIVEN_DH; bit <= CLG_GIVEN_DC; bit <<= 1)
            if (given[i] & bit)
                in[n++] = input(cases, clg_shape2(N, H));
        if (given[i] & CLG_GIVEN_LENGTHS)
            in[n++] = clg_case_labels(cases, clg_shape1(N), lengths);
        clg_check_forward(cases, "alone",
                          clg_node_add(in[0].graph, cell->grad, in, n, &attr, NULL));
    }
}

void clg_cases_lstm(struct clg_cases *cases)
{
    check_examples(cases, CLG_CELL_LSTM);
}

void clg_cases_gru(struct clg_cases *cases)
{
    check_examples(cases, CLG_CELL_GRU);
}

void clg_cases_rnn(struct clg_cases *cases)
{
    check_examples(cases, CLG_CELL_RNN);
}

void clg_cases_lstm_grad(struct clg_cases *cases)
{
    check_gradients(cases, CLG_CELL_LSTM);
}

void clg_cases_gru_grad(struct clg_cases *cases)
{
    check_gradients(cases, CLG_CELL_GRU);
}

void clg_cases_rnn_grad(struct clg_cases *cases)
{
    check_gradients(cases, CLG_CELL_RNN);
}
