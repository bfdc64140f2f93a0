/* Layers of sequences: names, PyTorch's values, and what they refuse. */
#include "bench.h"

#include <float.h>
#include <stdio.h>
#include <string.h>
#include "unit/recurrent_values.h"

static void set_parameters(struct bench *b, int64_t gates)
{
    static const char *const what[4] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
    float values[128];
    char name[64];
    for (int i = 0; i < 16; i++) {
        int64_t in = i % 4 == 0 ? (i < 8 ? 2 : 6) : i % 4 == 1 ? 3 : 1;
        size_t count = (size_t)(gates * 3 * in);
        bench_numbers(values, count, i + 1);
        snprintf(name, sizeof(name), "r.%s_l%d%s", what[i % 4], i / 8, i / 4 % 2 ? "_reverse" : "");
        test_ok(b->ctx, clg_store_set(b->store, name, values, count * sizeof(float)));
    }
}

/* Four cells on top and behind each other at most lie between a number and the result: 3 steps of 2
 * layers, each of about 10 operations on numbers below 4, whose slopes are below 1. */
static const char *const source = "6 cells of 10 roundings";
#define TOLERANCE (6 * 10 * 4 * (double)FLT_EPSILON)

static void check(clg_tensor t, const char *what, const double *want, size_t count)
{
    float got[64];
    cr_assert(clg_tensor_valid(t), "%s", what);
    clg_status status = clg_eval(t, got, count * sizeof(float));
    cr_assert_eq(status, CLG_OK, "%s", what);
    test_close(what, got, want, count, TOLERANCE, 0, source);
}

static clg_recurrent_layer_params torch_params(struct bench *b)
{
    static const int32_t lengths[2] = {3, 1};
    clg_recurrent_layer_params p = clg_recurrent_layer_defaults();
    p.num_layers = 2;
    p.bidirectional = true;
    p.h0 = bench_constant(b, clg_shape3(4, 2, 3), 50);
    p.lengths = clg_constant(b->graph, CLG_I32, clg_shape1(2), lengths);
    return p;
}

TEST(sequence, lstm_as_torch)
{
    struct bench b = bench_open();
    clg_recurrent_layer_params p = torch_params(&b);
    clg_tensor h, c, x = bench_constant(&b, clg_shape3(2, 3, 2), 0);
    p.c0 = bench_constant(&b, clg_shape3(4, 2, 3), 51);
    clg_tensor y = clg_lstm_layer(x, "r", 3, &p, &h, &c);
    set_parameters(&b, 4);
    cr_assert_eq(clg_store_count(b.store), 16);
    check(y, "y", lstm_y, 36);
    check(h, "h_n", lstm_h, 24);
    check(c, "c_n", lstm_c, 24);
    clg_ctx_destroy(&b.ctx);
}

TEST(sequence, gru_as_torch)
{
    struct bench b = bench_open();
    clg_recurrent_layer_params p = torch_params(&b);
    clg_tensor h, y = clg_gru_layer(bench_constant(&b, clg_shape3(2, 3, 2), 0), "r", 3, &p, &h);
    set_parameters(&b, 3);
    check(y, "y", gru_y, 36);
    check(h, "h_n", gru_h, 24);
    clg_ctx_destroy(&b.ctx);
}

TEST(sequence, rnn_as_torch)
{
    struct bench b = bench_open();
    clg_recurrent_layer_params p = torch_params(&b);
    clg_tensor h, y = clg_rnn_layer(bench_constant(&b, clg_shape3(2, 3, 2), 0), "r", 3, &p, &h);
    set_parameters(&b, 1);
    check(y, "y", rnn_y, 36);
    check(h, "h_n", rnn_h, 24);
    clg_ctx_destroy(&b.ctx);
}

/* Dropout acts between layers: in training alone, and not behind the last. */
TEST(sequence, dropout_between_layers)
{
    struct bench b = bench_open();
    clg_recurrent_layer_params p = clg_recurrent_layer_defaults();
    p.num_layers = 2;
    p.dropout = 1;
    clg_tensor x = clg_input(b.graph, "x", CLG_F32, clg_shape3(CLG_BATCH, 2, 3));
    clg_tensor y = clg_rnn_layer(x, "r", 4, &p, NULL);
    cr_assert(clg_tensor_valid(y), "%s", clg_error(b.ctx));
    clg_output(y, "y");
    float in[2][6] = {{1, 2, 3, 4, 5, 6}, {0}}, got[2][8];
    clg_plan *plan = clg_compile(b.graph, 1, CLG_TRAIN, NULL);
    cr_assert_not_null(plan, "%s", clg_error(b.ctx));
    for (int i = 0; i < 2; i++) {
        test_ok(b.ctx, clg_plan_write(plan, "x", in[i], sizeof(in[i])));
        test_ok(b.ctx, clg_plan_step(plan));
        test_ok(b.ctx, clg_plan_read(plan, "y", got[i], sizeof(got[i])));
    }
    cr_assert_arr_eq(got[0], got[1], sizeof(got[0]), "all of the first layer is dropped");
    cr_assert(got[0][0] != 0, "the second layer's own output is not");
    clg_ctx_destroy(&b.ctx);
}

static clg_tensor input(struct bench *b, clg_shape shape)
{
    return clg_input(b->graph, "x", CLG_F32, shape);
}

TEST(sequence, recurrent_layers_refuse)
{
    struct bench b = bench_open();
    clg_shape rows = clg_shape3(CLG_BATCH, 7, 5);
    clg_recurrent_layer_params p = clg_recurrent_layer_defaults();
    bench_refused(&b, "lstm 'a': input has shape (batch, 5), must be float32 (N, T, in)",
                  clg_lstm_layer(input(&b, clg_shape2(CLG_BATCH, 5)), "a", 3, NULL, NULL, NULL));
    bench_refused(&b, "gru 'a': hidden_size is 0",
                  clg_gru_layer(input(&b, rows), "a", 0, NULL, NULL));
    p.num_layers = 0;
    bench_refused(&b, "rnn 'a': num_layers is 0", clg_rnn_layer(input(&b, rows), "a", 3, &p, NULL));
    p.num_layers = 2000000000;
    p.bidirectional = true;
    bench_refused(&b, "gru 'a': num_layers is 2e+09, must be 1 to 1000",
                  clg_gru_layer(input(&b, rows), "a", 3, &p, NULL));
    p = clg_recurrent_layer_defaults();
    bench_refused(&b, "lstm 'a': hidden_size is",
                  clg_lstm_layer(input(&b, rows), "a", INT64_C(1) << 30, &p, NULL, NULL));
    p.c0 = clg_fill(b.graph, clg_shape3(1, 2, 3), 0);
    bench_refused(&b, "gru 'a': has no c0, an LSTM has",
                  clg_gru_layer(input(&b, rows), "a", 3, &p, NULL));
    p = clg_recurrent_layer_defaults();
    bench_refused(&b, "lstm: weights is NULL", clg_lstm(input(&b, rows), NULL, NULL, NULL, NULL));
    p.dropout = 1.5f;
    bench_refused(&b, "dropout is 1.5, must be 0 to 1",
                  clg_rnn_layer(input(&b, rows), "a", 3, &p, NULL));
    p.dropout = 0;
    p.h0 = bench_constant(&b, clg_shape3(2, 2, 3), 1);
    bench_refused(&b, "lstm 'a': h0 has shape (2, 2, 3), must be (1, batch, 3)",
                  clg_lstm_layer(input(&b, rows), "a", 3, &p, NULL, NULL));
    p.h0.graph = NULL;
    p.lengths = bench_constant(&b, clg_shape1(2), 1);
    bench_refused(&b, "the lengths are float32 of shape (2), must be int32 of shape (batch)",
                  clg_lstm_layer(input(&b, rows), "b", 3, &p, NULL, NULL));
    clg_ctx_destroy(&b.ctx);
}

TEST(sequence, recurrent_ops_refuse)
{
    struct bench b = bench_open();
    clg_recurrent_params p = clg_recurrent_defaults();
    clg_tensor x = input(&b, clg_shape3(2, 3, 2)), none = {NULL, -1, 0};
    clg_recurrent_weights w = {bench_constant(&b, clg_shape2(12, 2), 1), none, none, none};
    bench_refused(&b, "lstm: needs weight_ih and weight_hh", clg_lstm(x, &w, NULL, NULL, NULL));
    x = input(&b, clg_shape3(2, 3, 2));
    w.weight_ih = bench_constant(&b, clg_shape2(12, 2), 1);
    w.weight_hh = bench_constant(&b, clg_shape2(12, 4), 1);
    bench_refused(&b, "lstm: weight_ih (12, 2) and weight_hh (12, 4) must be (4 H, 2) and (4 H, H)",
                  clg_lstm(x, &w, NULL, NULL, NULL));
    x = input(&b, clg_shape3(2, 3, 2));
    w.weight_ih = bench_constant(&b, clg_shape2(12, 2), 1);
    w.weight_hh = bench_constant(&b, clg_shape2(12, 4), 1);
    p.h0 = bench_constant(&b, clg_shape2(2, 3), 1);
    bench_refused(&b, "gru: h0 has shape (2, 3), must be (2, 4)", clg_gru(x, &w, &p, NULL));
    clg_ctx_destroy(&b.ctx);
}

/* The gradient of a gradient is refused by name. */
TEST(sequence, once)
{
    struct bench b = bench_open();
    clg_tensor x = input(&b, clg_shape3(2, 3, 2)), none = {NULL, -1, 0};
    clg_recurrent_weights w = {bench_constant(&b, clg_shape2(4, 2), 1),
                               bench_constant(&b, clg_shape2(4, 1), 1), none, none};
    clg_tensor loss = clg_sum(clg_lstm(x, &w, NULL, NULL, NULL), NULL, 0, false), dx, ddx;
    test_ok(b.ctx, clg_grad(loss, &x, 1, &dx));
    test_refused(b.ctx, CLG_ERR_UNSUPPORTED, "lstm_grad cannot be differentiated a second time",
                 clg_grad(clg_sum(dx, NULL, 0, false), &x, 1, &ddx));
    clg_ctx_destroy(&b.ctx);
}
