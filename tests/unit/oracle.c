/* The oracle against values that anybody can check by hand or in a textbook. */
#include "test.h"

#include <math.h>
#include "selftest/evaluate.h"

struct bench {
    clg_ctx *ctx;
    clg_graph *graph;
};

static struct bench bench_open(void)
{
    struct bench b = {.ctx = test_context()};
    clg_device *device = test_open(b.ctx, CLG_FORM_AUTO);
    b.graph = clg_graph_create(clg_store_create(device, 1));
    cr_assert_not_null(b.graph, "%s", clg_error(b.ctx));
    return b;
}

static clg_tensor row(struct bench *b, int64_t n, const float *values)
{
    return clg_constant(b->graph, CLG_F32, clg_shape2(1, n), values);
}

/* The first `count` values that the oracle gives for the tensor. */
static void value_of(struct bench *b, clg_tensor t, double *values, int64_t count)
{
    struct clg_evaluation e;
    bool need[64] = {false};
    cr_assert(clg_tensor_valid(t), "%s", clg_error(b->ctx));
    cr_assert_lt(b->graph->nodes.count, 64);
    test_ok(b->ctx, clg_evaluation_init(&e, b->graph, 1, true));
    clg_evaluation_need(b->graph, (struct clg_ref){(uint32_t)t.node, (uint32_t)t.output}, need);
    test_ok(b->ctx, clg_evaluation_run(&e, need));
    cr_assert_eq(clg_evaluated(&e, t)->count, count);
    for (int64_t i = 0; i < count; i++)
        values[i] = clg_evaluated(&e, t)->value[i];
    clg_evaluation_finish(&e);
}

static void expect(struct bench *b, const char *what, clg_tensor t, int64_t count,
                   const double *want)
{
    double got[16];
    value_of(b, t, got, count);
    for (int64_t i = 0; i < count; i++)
        cr_assert(fabs(got[i] - want[i]) <= 1e-12, "%s[%d]: %.15g, must be %.15g", what, (int)i,
                  got[i], want[i]);
}

TEST(oracle, squared_errors)
{
    struct bench b = bench_open();
    const float x[2] = {1, 2}, y[2] = {1.5f, 1.5f};
    clg_loss_params each = {.reduction = CLG_REDUCE_NONE};
    expect(&b, "mse", clg_mse(row(&b, 2, x), row(&b, 2, y), NULL), 1, (double[]){0.25});
    expect(&b, "half mse", clg_half_mse(row(&b, 2, x), row(&b, 2, y), &each), 2,
           (double[]){0.125, 0.125});
    clg_ctx_destroy(&b.ctx);
}

TEST(oracle, softmax_sums_to_one)
{
    struct bench b = bench_open();
    const float x[4] = {1, 2, 3, 1000}, ln[3] = {0, 0.6931471805599453f, 0};
    double p[4];
    value_of(&b, clg_softmax(row(&b, 4, x)), p, 4);
    cr_assert(fabs(p[0] + p[1] + p[2] + p[3] - 1) < 1e-15);
    value_of(&b, clg_softmax(row(&b, 3, ln)), p, 3);
    cr_assert(fabs(p[1] - 0.5) < 1e-7 && fabs(p[0] - 0.25) < 1e-7, "of (0, ln 2, 0)");
    value_of(&b, clg_sum(clg_exp(clg_log_softmax(row(&b, 3, x))), NULL, 0, false), p, 1);
    cr_assert(fabs(p[0] - 1) < 1e-15);
    clg_ctx_destroy(&b.ctx);
}

/* Of equal logits the loss is ln C, and the gradient (1/C - [j = label]) / rows. */
TEST(oracle, cross_entropy)
{
    struct bench b = bench_open();
    const float x[8] = {3, 3, 3, 3, -1, -1, -1, -1};
    const int32_t y[2] = {2, 0};
    clg_tensor logits = clg_constant(b.graph, CLG_F32, clg_shape2(2, 4), x);
    clg_tensor labels = clg_constant(b.graph, CLG_I32, clg_shape1(2), y);
    clg_tensor loss = clg_cross_entropy(logits, labels, NULL);
    expect(&b, "loss", loss, 1, (double[]){log(4)});
    expect(&b, "gradient", clg_tensor_output(loss, 1), 8,
           (double[]){0.125, 0.125, -0.375, 0.125, -0.375, 0.125, 0.125, 0.125});
    expect(&b, "accuracy", clg_accuracy(logits, labels), 1, (double[]){0.5});
    clg_ctx_destroy(&b.ctx);
}

/* H(p, q) = H(p) + KL(p || q), with sums of logarithms. */
TEST(oracle, cross_entropy_is_entropy_plus_divergence)
{
    struct bench b = bench_open();
    const float p_data[3] = {0.5f, 0.25f, 0.25f}, z[3] = {0.3f, -1, 2};
    clg_tensor p = row(&b, 3, p_data), q = clg_softmax(row(&b, 3, z));
    clg_tensor cross = clg_neg(clg_sum(clg_mul(p, clg_log(q)), NULL, 0, false));
    clg_tensor kl = clg_sum(clg_mul(p, clg_log(clg_div(p, q))), NULL, 0, false);
    clg_tensor entropy = clg_neg(clg_sum(clg_mul(p, clg_log(p)), NULL, 0, false));
    expect(&b, "H(p, q) - H(p) - KL", clg_sub(clg_sub(cross, entropy), kl), 1, (double[]){0});
    expect(&b, "entropy", entropy, 1, (double[]){1.5 * log(2)});
    clg_ctx_destroy(&b.ctx);
}

TEST(oracle, products_and_sums)
{
    struct bench b = bench_open();
    const float a[6] = {1, 2, 3, 4, 5, 6}, c[6] = {7, 8, 9, 10, 11, 12};
    const int32_t first[1] = {0};
    clg_tensor x = clg_constant(b.graph, CLG_F32, clg_shape2(2, 3), a);
    clg_tensor y = clg_constant(b.graph, CLG_F32, clg_shape2(3, 2), c);
    clg_tensor z = clg_constant(b.graph, CLG_F32, clg_shape2(2, 3), c);
    expect(&b, "A B", clg_matmul(x, y, false, false), 4, (double[]){58, 64, 139, 154});
    expect(&b, "A C^T", clg_matmul(x, z, false, true), 4, (double[]){50, 68, 122, 167});
    expect(&b, "A^T C", clg_matmul(x, z, true, false), 9,
           (double[]){47, 52, 57, 64, 71, 78, 81, 90, 99});
    expect(&b, "A^T B^T", clg_matmul(x, y, true, true), 9,
           (double[]){39, 49, 59, 54, 68, 82, 69, 87, 105});
    expect(&b, "columns", clg_sum(x, first, 1, false), 3, (double[]){5, 7, 9});
    expect(&b, "mean", clg_mean(x, NULL, 0, false), 1, (double[]){3.5});
    expect(&b, "transpose", clg_transpose(x), 6, (double[]){1, 4, 2, 5, 3, 6});
    clg_ctx_destroy(&b.ctx);
}

TEST(oracle, elementwise)
{
    struct bench b = bench_open();
    const float x[3] = {-1, 0, 4}, y[3] = {2, 2, 2};
    clg_tensor a = row(&b, 3, x), c = row(&b, 3, y);
    expect(&b, "sub", clg_sub(a, c), 3, (double[]){-3, -2, 2});
    expect(&b, "div", clg_div(a, c), 3, (double[]){-0.5, 0, 2});
    expect(&b, "max", clg_max(a, c), 3, (double[]){2, 2, 4});
    expect(&b, "min", clg_min(a, c), 3, (double[]){-1, 0, 2});
    expect(&b, "affine", clg_affine(a, 3, -1), 3, (double[]){-4, -1, 11});
    expect(&b, "relu", clg_relu(a), 3, (double[]){0, 0, 4});
    expect(&b, "leaky", clg_leaky_relu(a, 0.5f), 3, (double[]){-0.5, 0, 4});
    expect(&b, "sigmoid", clg_sigmoid(a), 3, (double[]){1 / (1 + exp(1)), 0.5, 1 / (1 + exp(-4))});
    expect(&b, "tanh", clg_tanh(a), 3, (double[]){tanh(-1), 0, tanh(4)});
    expect(&b, "hard sigmoid", clg_hard_sigmoid(a), 3, (double[]){1.0 / 3, 0.5, 1});
    expect(&b, "square", clg_square(a), 3, (double[]){1, 0, 16});
    expect(&b, "abs", clg_abs(a), 3, (double[]){1, 0, 4});
    clg_ctx_destroy(&b.ctx);
}

/* A gradient graph, evaluated: d/dx of sum(x^2 y) is 2 x y. */
TEST(oracle, gradient_graphs)
{
    struct bench b = bench_open();
    const float x[3] = {-1, 0, 4}, y[3] = {2, 3, 5};
    clg_tensor a = row(&b, 3, x), c = row(&b, 3, y), d[2], wrt[2] = {a, c};
    clg_tensor loss = clg_sum(clg_mul(clg_square(a), c), NULL, 0, false);
    test_ok(b.ctx, clg_grad(loss, wrt, 2, d));
    expect(&b, "by x", d[0], 3, (double[]){-4, 0, 40});
    expect(&b, "by y", d[1], 3, (double[]){1, 0, 16});
    clg_ctx_destroy(&b.ctx);
}

/* Dropout keeps about 1 - p, and scales what it keeps. */
TEST(oracle, dropout)
{
    struct bench b = bench_open();
    double y[4000], sum = 0;
    clg_tensor x = clg_fill(b.graph, clg_shape1(4000), 3);
    value_of(&b, clg_dropout(x, 0.25f), y, 4000);
    for (int i = 0; i < 4000; i++) {
        cr_assert(y[i] == 0 || y[i] == 4, "element %d is %g", i, y[i]);
        sum += y[i] / 4;
    }
    /* standard deviation sqrt(4000 0.25 0.75) = 27.4; five of them */
    cr_assert(fabs(sum - 3000) < 137, "%g of 4000 are kept", sum);
    clg_ctx_destroy(&b.ctx);
}

TEST(oracle, errors_are_bounds_of_rounding)
{
    cr_assert_eq(clg_ulp(1), 0x1p-23);
    cr_assert_eq(clg_ulp(-1.999), 0x1p-23);
    cr_assert_eq(clg_ulp(2), 0x1p-22);
    cr_assert_eq(clg_ulp(0.75), 0x1p-24);
    cr_assert_eq(clg_ulp(0), 0x1p-149);
    for (int64_t n = 1; n < 100000; n = n * 3 + 1) {
        float sum = 0;
        double exact = 0;
        for (int64_t i = 0; i < n; i++) {
            float x = (float)(((i * 7919) % 1000) * 0.001);
            sum += x;
            exact += x;
        }
        cr_assert(fabs(sum - exact) <= clg_sum_error(n) * exact, "%d terms", (int)n);
    }
}
