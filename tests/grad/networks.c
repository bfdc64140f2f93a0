/* Whole networks: every node alone, and their plans, against the oracle; their gradients against
 * central differences. What single ops do not meet is met here: chains, diamonds, shared tensors,
 * several kinds of kernels in one plan. */
#include "test.h"

#include <math.h>
#include "selftest/cases.h"
#include "selftest/selftest.h"

static void run(const char *name, void make(struct clg_cases *))
{
    for (size_t i = 0; i < TEST_FORMS; i++) {
        struct clg_selftest_result result;
        clg_device_params params = clg_device_defaults();
        params.form = test_forms[i];
        params.gemm = CLG_GEMM_NATIVE;
        clg_ctx *ctx = test_context();
        clg_device *device = test_open_with(ctx, &params);
        clg_selftest_cases(device, name, make, &result);
        cr_assert(result.pass, "%s, form %d: %s", name, (int)test_forms[i], result.message);
        cr_assert_gt(result.cases, 0);
        clg_ctx_destroy(&ctx);
    }
}

static clg_tensor uniform(struct clg_cases *cases, int64_t rows, int64_t cols)
{
    return clg_case_uniform(cases, clg_shape2(rows, cols), -1, 1);
}

/* x W^T + b with W (out, in). */
static clg_tensor linear(struct clg_cases *cases, clg_tensor x, int64_t out)
{
    clg_shape shape = clg_tensor_shape(x);
    clg_tensor w = uniform(cases, out, shape.dim[shape.rank - 1]);
    clg_tensor b = clg_case_uniform(cases, clg_shape1(out), -1, 1);
    return clg_add(clg_matmul(x, w, false, true), b);
}

static void classifiers(struct clg_cases *cases)
{
    clg_tensor x = uniform(cases, 5 * CLG_BATCH, 9);
    clg_tensor h = clg_relu(linear(cases, x, 17));
    clg_tensor y = clg_case_integers(cases, clg_shape1(5 * CLG_BATCH), 4);
    clg_check(cases, "relu, cross-entropy", clg_cross_entropy(linear(cases, h, 4), y, NULL));
    x = uniform(cases, CLG_BATCH, 6);
    h = clg_dropout(clg_relu(linear(cases, x, 11)), 0.5f);
    h = clg_dropout(clg_tanh(linear(cases, h, 7)), 0.2f);
    y = clg_case_integers(cases, clg_shape1(CLG_BATCH), 3);
    clg_check(cases, "two dropouts, cross-entropy",
              clg_cross_entropy(linear(cases, h, 3), y, NULL));
}

static void regressions(struct clg_cases *cases)
{
    clg_tensor x = uniform(cases, 7, 5), target = uniform(cases, 7, 2);
    clg_tensor h = clg_sigmoid(linear(cases, x, 6));
    clg_check_twice(cases, "sigmoid, squared error", clg_mse(linear(cases, h, 2), target, NULL));
    x = uniform(cases, CLG_BATCH, 3);
    target = uniform(cases, CLG_BATCH, 1);
    clg_check(cases, "linear, half squared error", clg_half_mse(linear(cases, x, 1), target, NULL));
    x = uniform(cases, 4, 3);
    h = clg_leaky_relu(linear(cases, x, 8), 0.1f);
    clg_check(
        cases, "leaky relu, absolute error",
        clg_mean(clg_abs(clg_sub(linear(cases, h, 2), uniform(cases, 4, 2))), NULL, 0, false));
}

TEST(networks, classifiers)
{
    run("classifiers", classifiers);
}

TEST(networks, regressions)
{
    run("regressions", regressions);
}

/* (x - mean) / sqrt(variance + eps) over the last axis, by hand. */
static clg_tensor normalise(clg_tensor x)
{
    const int32_t last = -1;
    clg_tensor d = clg_sub(x, clg_mean(x, &last, 1, true));
    clg_tensor variance = clg_mean(clg_square(d), &last, 1, true);
    return clg_div(d, clg_sqrt(clg_affine(variance, 1, 1e-3f)));
}

static void normalisation(struct clg_cases *cases)
{
    clg_tensor x = uniform(cases, 3, 7);
    clg_tensor gain = clg_case_uniform(cases, clg_shape1(7), 0.5, 1.5);
    clg_tensor shift = clg_case_uniform(cases, clg_shape1(7), -1, 1);
    clg_check_twice(cases, "of rows", clg_add(clg_mul(normalise(x), gain), shift));
    x = uniform(cases, 13 * CLG_BATCH, 5);
    clg_check(cases, "of columns", clg_transpose(normalise(clg_transpose(x))));
}

/* softmax(Q K^T / sqrt(d)) V for a batch of sequences. */
static void attention(struct clg_cases *cases)
{
    clg_tensor q = clg_case_uniform(cases, clg_shape3(CLG_BATCH, 5, 4), -1, 1);
    clg_tensor k = clg_case_uniform(cases, clg_shape3(CLG_BATCH, 6, 4), -1, 1);
    clg_tensor v = clg_case_uniform(cases, clg_shape3(CLG_BATCH, 6, 3), -1, 1);
    clg_tensor scores = clg_affine(clg_matmul(q, k, false, true), 0.5f, 0);
    clg_check(cases, "attention", clg_matmul(clg_softmax(scores), v, false, false));
}

TEST(networks, normalisation)
{
    run("normalisation", normalisation);
}

TEST(networks, attention)
{
    run("attention", attention);
}

/* One table for rows in and scores out. */
static void tied_embedding(struct clg_cases *cases)
{
    clg_tensor table = uniform(cases, 11, 6);
    clg_tensor words = clg_case_integers(cases, clg_shape2(CLG_BATCH, 4), 11);
    const int32_t second = 1;
    clg_tensor mean = clg_mean(clg_gather(table, words), &second, 1, false);
    clg_tensor logits = clg_matmul(mean, table, false, true);
    clg_tensor y = clg_case_integers(cases, clg_shape1(CLG_BATCH), 11);
    clg_check(cases, "a table used twice", clg_cross_entropy(logits, y, NULL));
}

TEST(networks, tied_embedding)
{
    run("tied embedding", tied_embedding);
}

/* ---- what fusing, merging and ordering could get wrong ---- */

static void long_chain(struct clg_cases *cases)
{
    clg_tensor x = uniform(cases, CLG_BATCH, 19), y = x;
    for (int i = 0; i < 50; i++)
        y = clg_affine(clg_tanh(y), i % 2 ? 1.25f : -0.75f, 0.125f);
    clg_check(cases, "100 ops", y);
    x = clg_case_uniform(cases, clg_shape2(3, 5), 0.5, 1);
    clg_tensor sum = x;
    for (int i = 0; i < 14; i++)
        sum = clg_add(clg_mul(sum, clg_case_uniform(cases, clg_shape2(3, 5), 0.5, 1)), x);
    clg_check(cases, "15 operands", sum);
}

/* A sum between two elementwise ops of one shape: they must not become one kernel. */
static void detours(struct clg_cases *cases)
{
    const int32_t last = -1;
    clg_tensor x = uniform(cases, 4, 9);
    clg_tensor a = clg_exp(x), b = clg_div(a, clg_sum(a, &last, 1, true));
    clg_check_twice(cases, "a softmax by hand", clg_mul(clg_add(a, b), b));
    x = uniform(cases, 5, 5);
    a = clg_tanh(x);
    b = clg_mul(a, clg_matmul(a, a, false, true));
    clg_check(cases, "through a product and back", clg_add(clg_sub(b, a), clg_transpose(b)));
    x = uniform(cases, 3, 8);
    a = clg_square(x);
    b = clg_reshape(clg_sigmoid(a), clg_shape2(6, 4));
    clg_check(cases, "through a view", clg_add(clg_reshape(clg_neg(b), clg_shape2(3, 8)), a));
}

static void merging(struct clg_cases *cases)
{
    clg_tensor x = uniform(cases, CLG_BATCH, 33);
    clg_check(cases, "equal expressions",
              clg_mul(clg_tanh(clg_neg(x)), clg_add(clg_tanh(clg_neg(x)), x)));
    x = uniform(cases, 9, 30);
    clg_check(cases, "two dropouts of one tensor differ",
              clg_sub(clg_dropout(x, 0.5f), clg_dropout(x, 0.5f)));
    x = uniform(cases, 6, 10);
    clg_check(cases, "a dropout used twice",
              clg_add(clg_square(clg_dropout(x, 0.25f)), clg_dropout(clg_square(x), 0.75f)));
    x = uniform(cases, 7, 3);
    clg_check(cases, "different numbers are no equal expressions",
              clg_mul(clg_affine(x, 2, 0), clg_affine(x, 2, 1)));
}

static void views(struct clg_cases *cases)
{
    const int32_t order[3] = {1, 2, 0};
    clg_tensor x = clg_case_uniform(cases, clg_shape3(CLG_BATCH, 4, 6), -1, 1);
    clg_tensor y = clg_permute(clg_reshape(x, clg_shape3(CLG_BATCH, 8, 3)), order);
    clg_check(cases, "reshape, permute, square", clg_square(y));
    x = uniform(cases, 4, 6);
    clg_check(cases, "transposed operands of a product",
              clg_matmul(clg_transpose(x), clg_transpose(uniform(cases, 5, 4)), false, false));
    x = uniform(cases, 4, 6);
    clg_check(cases, "transposed twice",
              clg_matmul(clg_transpose(x), clg_transpose(uniform(cases, 6, 5)), true, true));
    x = uniform(cases, 1, 12);
    clg_check(cases, "broadcast, then reshaped",
              clg_reshape(clg_broadcast(x, clg_shape2(CLG_BATCH, 12)), clg_shape2(-1, 4)));
}

TEST(plans, long_chain)
{
    run("long chain", long_chain);
}

TEST(plans, detours)
{
    run("detours", detours);
}

TEST(plans, merging)
{
    run("merging", merging);
}

TEST(plans, views)
{
    run("views", views);
}

static const clg_tensor none = {NULL, -1, 0};

static void sequences(struct clg_cases *cases)
{
    static const int32_t lengths[CLG_CASE_BATCH] = {5, 2, 1};
    clg_tensor x = clg_case_uniform(cases, clg_shape3(CLG_BATCH, 5, 3), -1, 1);
    clg_recurrent_weights w[3];
    for (int i = 0; i < 3; i++)
        w[i] = (clg_recurrent_weights){
            uniform(cases, i < 2 ? 16 : 12, i < 2 ? 3 : 8), uniform(cases, i < 2 ? 16 : 12, 4),
            clg_case_uniform(cases, clg_shape1(i < 2 ? 16 : 12), -1, 1), none};
    clg_recurrent_params p = clg_recurrent_defaults();
    p.lengths = clg_case_labels(cases, clg_shape1(CLG_BATCH), lengths);
    clg_tensor y[2] = {clg_lstm(x, &w[0], &p, NULL, NULL), none}, last;
    p.reverse = true;
    y[1] = clg_lstm(x, &w[1], &p, NULL, NULL);
    x = clg_dropout(clg_concat(y, 2, 2), 0.3f);
    clg_gru(x, &w[2], &p, &last);
    clg_check(cases, "both directions, dropout, gru", last);
}

static void attentions(struct clg_cases *cases)
{
    static const int32_t lengths[CLG_CASE_BATCH] = {5, 2, 1};
    clg_attention_params p = clg_attention_defaults();
    clg_tensor in[3];
    for (int i = 0; i < 3; i++)
        in[i] = clg_case_uniform(cases, clg_shape4(CLG_BATCH, 2, 17, 6), -1, 1);
    p.causal = true;
    clg_check(cases, "causal", clg_attention(in[0], in[1], in[2], &p));
    for (int i = 0; i < 3; i++)
        in[i] = clg_case_uniform(cases, clg_shape3(CLG_BATCH, i ? 5 : 3, 4), -1, 1);
    p.causal = false;
    p.lengths = clg_case_labels(cases, clg_shape1(CLG_BATCH), lengths);
    p.dropout = 0.25f;
    clg_check(cases, "padded, with dropout", clg_attention(in[0], in[1], in[2], &p));
    for (int i = 0; i < 2; i++)
        in[i] = clg_rotary_positions(clg_case_uniform(cases, clg_shape3(2, 3, 4), -1, 1));
    clg_check_twice(cases, "rotary", clg_attention(in[0], in[1], in[1], NULL));
}

TEST(networks, sequences)
{
    run("sequences", sequences);
}

TEST(networks, attentions)
{
    run("attentions", attentions);
}
