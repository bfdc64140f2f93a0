/* Sums of very many terms, and means far from 0, in both forms: in float32 as good as PyTorch's. */
#include "test.h"

#include <math.h>
#include <stdlib.h>

#define MANY 1000000

struct graph {
    clg_ctx *ctx;
    clg_store *store;
    clg_graph *graph;
};

static struct graph open_graph(clg_form form)
{
    struct graph g = {.ctx = test_context()};
    g.store = clg_store_create(test_open(g.ctx, form), 1);
    g.graph = clg_graph_create(g.store);
    cr_assert_not_null(g.graph, "%s", clg_error(g.ctx));
    return g;
}

/* ---- long sums ---- */

static clg_tensor tenths(struct graph *g, clg_shape shape)
{
    size_t count = 1;
    for (int i = 0; i < shape.rank; i++)
        count *= (size_t)shape.dim[i];
    float *values = malloc(count * sizeof(*values));
    cr_assert_not_null(values);
    for (size_t i = 0; i < count; i++)
        values[i] = 0.1f;
    clg_tensor t = clg_constant(g->graph, CLG_F32, shape, values);
    free(values);
    return t;
}

/* The last element of t, relative to what it must be. */
static double relative_error(struct graph *g, clg_tensor t, double want)
{
    clg_shape shape = clg_tensor_shape(t);
    size_t count = 1;
    for (int i = 0; i < shape.rank; i++)
        count *= (size_t)shape.dim[i];
    float *got = malloc(count * sizeof(*got));
    cr_assert_not_null(got);
    test_ok(g->ctx, clg_eval(t, got, count * sizeof(*got)));
    double error = fabs((double)got[count - 1] - want) / want;
    free(got);
    return error;
}

/* The promise of docs/architecture.md for a million terms: through 256 + 256 + 16 additions. */
static const double promised = 528 * 0x1p-24;

static void expect(const char *what, double error, double most)
{
    cr_assert(error <= most, "%s is %.3g off, relatively; must be %.3g at most", what, error, most);
}

#define IN_BOTH_FORMS(name)                                                                        \
    static void name(struct graph *g);                                                             \
    TEST(sums, name)                                                                               \
    {                                                                                              \
        for (size_t i = 0; i < TEST_FORMS; i++) {                                                  \
            struct graph g = open_graph(test_forms[i]);                                            \
            name(&g);                                                                              \
            clg_ctx_destroy(&g.ctx);                                                               \
        }                                                                                          \
    }                                                                                              \
    static void name(struct graph *g)

IN_BOTH_FORMS(of_ten_million)
{
    clg_tensor x = tenths(g, clg_shape1(10 * MANY));
    const double want = 10.0 * MANY * (double)0.1f;
    expect("the sum", relative_error(g, clg_sum(x, NULL, 0, false), want), 5.7e-7 /* PyTorch's */);
}

IN_BOTH_FORMS(running)
{
    clg_tensor x = tenths(g, clg_shape1(MANY));
    expect("a running sum", relative_error(g, clg_cumsum(x, 0), MANY * (double)0.1f), promised);
    x = tenths(g, clg_shape2(MANY / 10, 3));
    expect("along columns", relative_error(g, clg_cumsum(x, 0), MANY / 10 * (double)0.1f),
           promised);
}

IN_BOTH_FORMS(of_products)
{
    clg_tensor a = tenths(g, clg_shape2(1, MANY)), b = tenths(g, clg_shape2(MANY, 1));
    const double want = MANY * (double)0.1f * (double)0.1f;
    expect("a product", relative_error(g, clg_matmul(a, b, false, false), want), promised);
    clg_tensor v = tenths(g, clg_shape1(MANY));
    expect("a dot product", relative_error(g, clg_dot(v, v), want), promised);
}

/* A bias and a table that a million rows share. */
IN_BOTH_FORMS(of_gradients)
{
    clg_tensor in[2] = {tenths(g, clg_shape1(3)), tenths(g, clg_shape2(2, 3))}, out[2];
    clg_tensor x = tenths(g, clg_shape2(MANY, 3));
    int32_t *index = calloc(MANY, sizeof(*index));
    cr_assert_not_null(index);
    for (size_t i = 0; i < MANY; i += 2)
        index[i] = 1;
    clg_tensor rows = clg_constant(g->graph, CLG_I32, clg_shape1(MANY), index);
    free(index);
    clg_tensor y = clg_mul(clg_add(x, clg_add(in[0], clg_gather(in[1], rows))), x);
    test_ok(g->ctx, clg_grad(clg_sum(y, NULL, 0, false), in, 2, out));
    expect("a bias's gradient", relative_error(g, out[0], MANY * (double)0.1f), promised);
    expect("a table's gradient", relative_error(g, out[1], MANY / 2 * (double)0.1f), promised);
}

/* A number that a million windows are of. */
IN_BOTH_FORMS(of_windows)
{
    clg_tensor x = tenths(g, clg_shape3(1, 1, 1)), dx;
    clg_tensor dy = tenths(g, clg_shape3(1, 1, MANY));
    const clg_tensor y[2] = {clg_adaptive_avg_pool1d(x, MANY), clg_adaptive_max_pool1d(x, MANY)};
    for (int i = 0; i < 2; i++) {
        test_ok(g->ctx, clg_grad(clg_sum(clg_mul(y[i], dy), NULL, 0, false), &x, 1, &dx));
        expect(i ? "a maximum's gradient" : "an average's gradient",
               relative_error(g, dx, MANY * (double)0.1f), promised);
    }
}

/* So many blocks of images that their products are added up in runs. */
TEST(sums, of_images)
{
    struct graph g = open_graph(CLG_FORM_ITEM);
    const int64_t N = 67, k = 64, places = 8 * 16;
    clg_tensor x = tenths(&g, clg_shape4(N, 1, k + 7, k + 15)), dw;
    clg_tensor w = tenths(&g, clg_shape4(1, 1, k, k));
    clg_tensor y = clg_conv2d(x, w, NULL);
    test_ok(g.ctx, clg_grad(clg_affine(clg_sum(y, NULL, 0, false), 0.3f, 0), &w, 1, &dw));
    expect("a kernel's gradient",
           relative_error(&g, dw, (double)(N * places) * (double)0.1f * (double)0.3f), promised);
    clg_ctx_destroy(&g.ctx);
}

/* ---- means far from 0 ---- */

#define ROWS    64
#define COLUMNS 7

/* Number i of a fixed sequence in [-1, 1). */
static double number(int i)
{
    return (double)((i * 7919 + 104729) % 20011) / 10005.5 - 1;
}

static clg_tensor far_from_zero(struct graph *g, clg_shape shape, double mean, double width,
                                float *values)
{
    for (int i = 0; i < ROWS * COLUMNS; i++)
        values[i] = (float)(mean + width * number(i));
    return clg_constant(g->graph, CLG_F32, shape, values);
}

static const float constants[4] = {2015, 1e6f / 3, -16777215, 1e9f};

/* Equal numbers are all 0 after a norm: what is left of the mean's rounding is a rounding of that.
 */
IN_BOTH_FORMS(norms_of_equal_numbers)
{
    for (int i = 0; i < 4; i++) {
        float values[ROWS * COLUMNS];
        const float c = constants[i];
        clg_tensor x = far_from_zero(g, clg_shape2(ROWS, COLUMNS), c, 0, values);
        clg_tensor image = clg_reshape(x, clg_shape4(8, 8, COLUMNS, 1));
        const clg_tensor norms[4] = {
            clg_layer_norm(x, 1, NULL), clg_batch_norm(x, NULL),
            clg_reshape(clg_group_norm(image, 2, NULL), clg_shape2(ROWS, COLUMNS)),
            clg_reshape(clg_instance_norm(image, NULL), clg_shape2(ROWS, COLUMNS))};
        double zeros[ROWS * COLUMNS] = {0};
        /* of an ulp of c; over sqrt(1e-5), the root of the default eps */
        double off = ROWS * 0x1p-24 * fabs((double)c) * 0x1p-23 / sqrt(1e-5);
        for (int k = 0; k < 4; k++) {
            test_ok(g->ctx, clg_eval(norms[k], values, sizeof(values)));
            test_close("a norm", values, zeros, ROWS * COLUMNS, off, 0, "a rounding of an ulp");
        }
        float v;
        clg_tensor variance = clg_variance(x, NULL, 0, false, 0);
        test_ok(g->ctx, clg_eval(variance, &v, sizeof(v)));
        cr_assert((double)v <= off * off * 1e-5, "the variance of %g is %g", (double)c, (double)v);
    }
}

/* Column c of (ROWS, COLUMNS): y = (x - mean) r, r = 1 / sqrt(variance + eps), and with g reaching
 * y dx = r (g - mean(g) - y mean(g y)) (Ioffe & Szegedy 2015). */
static void standardised(const float *x, const float *g, int c, double *y, double *dx)
{
    double mean = 0, variance = 0, sum_g = 0, sum_gy = 0;
    for (int i = c; i < ROWS * COLUMNS; i += COLUMNS)
        mean += (double)x[i] / ROWS;
    for (int i = c; i < ROWS * COLUMNS; i += COLUMNS)
        variance += pow((double)x[i] - mean, 2) / ROWS;
    double r = 1 / sqrt(variance + (double)1e-5f);
    for (int i = c; i < ROWS * COLUMNS; i += COLUMNS) {
        y[i] = ((double)x[i] - mean) * r;
        sum_g += (double)g[i] / ROWS;
        sum_gy += (double)g[i] * y[i] / ROWS;
    }
    for (int i = c; i < ROWS * COLUMNS; i += COLUMNS)
        dx[i] = r * ((double)g[i] - sum_g - y[i] * sum_gy);
}

/* Mean 10,000, deviation 0.06: x is exact, so nothing is lost that was not lost before. */
IN_BOTH_FORMS(norms_far_from_zero)
{
    float x[ROWS * COLUMNS], w[ROWS * COLUMNS], got[ROWS * COLUMNS];
    double y[ROWS * COLUMNS], dx[ROWS * COLUMNS];
    const clg_shape shape = clg_shape2(ROWS, COLUMNS);
    clg_tensor t = far_from_zero(g, shape, 1e4, 0.1, x), by;
    for (int i = 0; i < ROWS * COLUMNS; i++)
        w[i] = (float)number(31 * i + 7);
    clg_tensor weights = clg_constant(g->graph, CLG_F32, shape, w);
    for (int c = 0; c < COLUMNS; c++)
        standardised(x, w, c, y, dx);
    clg_tensor rows = clg_transpose(clg_layer_norm(clg_transpose(t), 1, NULL));
    const clg_tensor norms[2] = {clg_batch_norm(t, NULL), rows};
    for (int i = 0; i < 2; i++) {
        test_ok(g->ctx, clg_eval(norms[i], got, sizeof(got)));
        /* sums of 64 terms, half of which reaches the root, and 8 roundings */
        test_close("a norm", got, y, ROWS * COLUMNS, 0x1p-24, 40 * 0x1p-24, "40 roundings");
        test_ok(g->ctx, clg_grad(clg_sum(clg_mul(norms[i], weights), NULL, 0, false), &t, 1, &by));
        test_ok(g->ctx, clg_eval(by, got, sizeof(got)));
        /* three terms of up to 2 r, r about 17, that cancel */
        test_close("its gradient", got, dx, ROWS * COLUMNS, 3 * 2 * 17 * 40 * 0x1p-24, 0,
                   "40 roundings of three terms");
    }
}
