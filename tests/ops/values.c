/* Ops that are composed of others, against formulas and against numbers worked out by hand. */
#include "test.h"
#include <math.h>
#include <string.h>

static clg_ctx *ctx;
static clg_store *store;
static clg_graph *graph;

static void open_graph(void)
{
    ctx = test_context();
    store = clg_store_create(test_open(ctx, CLG_FORM_ITEM), 1);
    graph = clg_graph_create(store);
    cr_assert_not_null(graph);
}

static clg_tensor numbers(clg_shape shape, const float *values)
{
    return clg_constant(graph, CLG_F32, shape, values);
}

static void expect(const char *what, clg_tensor t, const double *want, size_t count)
{
    float got[16];
    cr_assert_leq(count, 16);
    test_ok(ctx, clg_eval(t, got, count * sizeof(*got)));
    test_close(what, got, want, count, 1e-6, 1e-5, "a few float32 operations");
}

static const float xs[7] = {-5, -1.5f, -0.25f, 0, 0.5f, 2, 7};

static double relu6(double x)
{
    return fmin(fmax(x, 0), 6);
}
static double elu(double x)
{
    return x > 0 ? x : 0.5 * (exp(x) - 1);
}
static double selu(double x)
{
    return 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * (exp(x) - 1));
}
static double gelu(double x)
{
    return x / 2 * (1 + erf(x / sqrt(2)));
}
static double gelu_tanh(double x)
{
    return x / 2 * (1 + tanh(sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x)));
}
static double silu(double x)
{
    return x / (1 + exp(-x));
}
static double mish(double x)
{
    return x * tanh(log(1 + exp(x)));
}
static double softsign(double x)
{
    return x / (1 + fabs(x));
}
static double hard_swish(double x)
{
    return x * fmin(fmax(x + 3, 0), 6) / 6;
}
static double hard_tanh(double x)
{
    return fmin(fmax(x, -1), 1);
}
static double prelu(double x)
{
    return x > 0 ? x : 0.25 * x;
}

static void activation(const char *what, clg_tensor y, double formula(double))
{
    double want[7];
    for (int i = 0; i < 7; i++)
        want[i] = formula(xs[i]);
    expect(what, y, want, 7);
}

TEST(values, of_activations)
{
    open_graph();
    clg_tensor x = numbers(clg_shape1(7), xs);
    activation("relu6", clg_relu6(x), relu6);
    activation("elu", clg_elu(x, 0.5f), elu);
    activation("selu", clg_selu(x), selu);
    activation("gelu", clg_gelu(x), gelu);
    activation("gelu_tanh", clg_gelu_tanh(x), gelu_tanh);
    activation("silu", clg_silu(x), silu);
    activation("mish", clg_mish(x), mish);
    activation("softsign", clg_softsign(x), softsign);
    activation("hard_swish", clg_hard_swish(x), hard_swish);
    activation("hard_tanh", clg_hard_tanh(x, -1, 1), hard_tanh);
    activation("prelu", clg_prelu(x, clg_fill(graph, clg_shape1(1), 0.25f)), prelu);
    clg_ctx_destroy(&ctx);
}

static const float ones_to_six[6] = {1, 2, 3, 4, 5, 6};

TEST(values, of_reductions)
{
    open_graph();
    const int32_t rows[1] = {1}, columns[1] = {0};
    clg_tensor x = numbers(clg_shape2(2, 3), ones_to_six);
    expect("variance", clg_variance(x, rows, 1, false, 1), (double[]){1, 1}, 2);
    expect("variance over n", clg_variance(x, columns, 1, true, 0), (double[]){2.25, 2.25, 2.25},
           3);
    expect("norm1", clg_norm1(clg_neg(x), rows, 1, false), (double[]){6, 15}, 2);
    expect("norm2", clg_norm2(x, NULL, 0, false), (double[]){sqrt(91)}, 1);
    expect("logsumexp", clg_logsumexp(clg_affine(x, 0, 90), rows, 1, false),
           (double[]){90 + log(3), 90 + log(3)}, 2);
    expect("max", clg_reduce_max(x, columns, 1, false), (double[]){4, 5, 6}, 3);
    expect("min", clg_reduce_min(x, rows, 1, true), (double[]){1, 4}, 2);
    expect("product", clg_product(x, rows, 1, false), (double[]){6, 120}, 2);
    clg_ctx_destroy(&ctx);
}

/* The gradient of the largest goes to the first of equals; that of a norm of zeros is 0. */
TEST(values, of_gradients)
{
    open_graph();
    clg_tensor dx, x = numbers(clg_shape1(3), (float[]){1, 2, 2});
    test_ok(ctx, clg_grad(clg_reduce_max(x, NULL, 0, false), &x, 1, &dx));
    expect("of max", dx, (double[]){0, 1, 0}, 3);
    x = numbers(clg_shape1(2), (float[]){0, 0});
    test_ok(ctx, clg_grad(clg_norm2(x, NULL, 0, false), &x, 1, &dx));
    expect("of norm2", dx, (double[]){0, 0}, 2);
    clg_ctx_destroy(&ctx);
}

TEST(values, of_pieces)
{
    open_graph();
    const int32_t chosen[3] = {2, 0, 2};
    clg_tensor x = numbers(clg_shape2(2, 3), ones_to_six);
    clg_tensor index = clg_constant(graph, CLG_I32, clg_shape1(3), chosen);
    expect("index_select", clg_index_select(x, 1, index), (double[]){3, 1, 3, 6, 4, 6}, 6);
    expect("one_hot", clg_one_hot(index, 3), (double[]){0, 0, 1, 1, 0, 0, 0, 0, 1}, 9);
    expect("tril", clg_tril(x, 0), (double[]){1, 0, 0, 4, 5, 0}, 6);
    expect("triu", clg_triu(x, 1), (double[]){0, 2, 3, 0, 0, 6}, 6);
    expect("flip", clg_flip(x, 0), (double[]){4, 5, 6, 1, 2, 3}, 6);
    expect("slice", clg_slice(x, 1, -1, INT64_MIN, -2), (double[]){3, 1, 6, 4}, 4);
    expect("pad", clg_pad(x, 1, 2, 1, CLG_PAD_REFLECT, 0),
           (double[]){3, 2, 1, 2, 3, 2, 6, 5, 4, 5, 6, 5}, 12);
    expect("replicate", clg_pad(x, 0, 1, 0, CLG_PAD_REPLICATE, 0),
           (double[]){1, 2, 3, 1, 2, 3, 4, 5, 6}, 9);
    expect("tile", clg_tile(x, 1, 2), (double[]){1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6}, 12);
    expect("cumsum", clg_cumsum(x, 0), (double[]){1, 2, 3, 5, 7, 9}, 6);
    expect("topk", clg_topk(x, 2, NULL), (double[]){3, 2, 6, 5}, 4);
    expect("flatten", clg_flatten(clg_unsqueeze(x, 0), 0, -1), (double[]){1, 2, 3, 4, 5, 6}, 6);
    clg_ctx_destroy(&ctx);
}

TEST(values, of_vectors)
{
    open_graph();
    const int32_t rows[3] = {1, 1, 0};
    float first[2];
    clg_tensor a = numbers(clg_shape1(2), (float[]){2, -1});
    clg_tensor b = numbers(clg_shape1(3), (float[]){1, 3, 0.5f});
    clg_tensor x = numbers(clg_shape2(3, 2), ones_to_six);
    expect("outer", clg_outer(a, b), (double[]){2, 6, 1, -1, -3, -0.5}, 6);
    expect("dot", clg_dot(a, a), (double[]){5}, 1);
    clg_tensor index = clg_constant(graph, CLG_I32, clg_shape1(3), rows);
    expect("scatter_add", clg_scatter_add(x, index, 3), (double[]){5, 6, 4, 6, 0, 0}, 6);
    clg_tensor least = clg_argmin_along(clg_mul(x, a), 0, false);
    test_ok(ctx, clg_eval(clg_cast(least, CLG_F32), first, sizeof(first)));
    cr_assert(first[0] == 0 && first[1] == 2, "argmin is %g, %g", (double)first[0],
              (double)first[1]);
    cr_assert_eq(clg_tensor_shape(clg_argmax_along(x, 0, true)).rank, 2);
    clg_ctx_destroy(&ctx);
}

/* PyTorch 2's softplus with beta 2 and threshold 1, and interpolate with align_corners false. */
TEST(values, as_pytorch)
{
    open_graph();
    clg_tensor x = numbers(clg_shape1(4), (float[]){-1, 0, 0.4f, 3});
    expect("softplus", clg_softplus_with(x, 2, 1),
           (double[]){0.063464001, 0.34657359, 0.58555031, 3}, 4);
    x = numbers(clg_shape4(1, 1, 2, 3), (float[]){1, 2, 4, 3, 0, -2});
    expect("bilinear", clg_upsample_bilinear2d(x, 3, 5),
           (double[]){1, 1.4, 2, 3.2, 4, 2, 1.6, 1, 1, 1, 3, 1.8, 0, -1.2, -2}, 15);
    expect("nearest", clg_upsample_nearest2d(x, 3, 5),
           (double[]){1, 1, 2, 2, 4, 1, 1, 2, 2, 4, 3, 3, 0, 0, -2}, 15);
    expect("smaller", clg_upsample_bilinear2d(x, 1, 2), (double[]){1.75, 1}, 2);
    clg_ctx_destroy(&ctx);
}

static void refused(clg_tensor t, const char *words)
{
    cr_assert(!clg_tensor_valid(t), "not refused: %s", words);
    cr_assert_not_null(strstr(clg_error(ctx), words), "no '%s' in: %s", words, clg_error(ctx));
    clg_graph_destroy(&graph);
    graph = clg_graph_create(store);
}

TEST(values, refusals_of_vectors)
{
    open_graph();
    refused(clg_dot(clg_fill(graph, clg_shape1(2), 1), clg_fill(graph, clg_shape1(3), 1)),
            "dot: shapes (2) and (3) must be vectors of one length");
    refused(clg_outer(clg_fill(graph, clg_shape0(), 1), clg_fill(graph, clg_shape1(3), 1)),
            "outer: shapes () and (3) must be vectors");
    refused(clg_softplus_with(clg_fill(graph, clg_shape1(2), 1), 0, 20),
            "beta is 0, must be over 0");
    refused(clg_argmax_along(clg_fill(graph, clg_shape1(2), 1), 1, false),
            "argmax_along: axis 1 of a tensor with 1 dimensions");
    refused(clg_upsample_nearest2d(clg_fill(graph, clg_shape1(2), 1), 2, 2),
            "input (2) must have 4 dimensions");
    refused(clg_upsample_bilinear2d(clg_fill(graph, clg_shape4(1, 1, 2, 2), 1), 0, 2),
            "the result is (0, 2), must be at least (1, 1)");
    refused(
        clg_scatter_add(clg_fill(graph, clg_shape1(2), 1), clg_fill(graph, clg_shape1(2), 1), 0),
        "the result has 0 rows, must have 1");
    clg_ctx_destroy(&ctx);
}

TEST(values, refusals)
{
    open_graph();
    clg_tensor x = clg_input(graph, "x", CLG_F32, clg_shape2(CLG_BATCH, 3));
    cr_assert_not(clg_tensor_valid(clg_slice(x, 0, 0, 1, 1)));
    cr_assert_not_null(strstr(clg_error(ctx), "multiple of the batch"));
    clg_ctx_destroy(&ctx);
}
