/* Attention, positions, embeddings: PyTorch's values, the memory they take, what they refuse. */
#include "bench.h"

#include <float.h>
#include <math.h>
#include <string.h>
#include "unit/attention_values.h"

static clg_tensor input(struct bench *b, const char *name, clg_shape shape)
{
    return clg_input(b->graph, name, CLG_F32, shape);
}

/* ---- attention ---- */

static void set_parameters(struct bench *b)
{
    static const char *const names[4] = {"a.in_proj_weight", "a.in_proj_bias", "a.out_proj.weight",
                                         "a.out_proj.bias"};
    static const size_t counts[4] = {48, 12, 16, 4};
    float values[48];
    for (int i = 0; i < 4; i++) {
        bench_numbers(values, counts[i], i + 1);
        test_ok(b->ctx, clg_store_set(b->store, names[i], values, counts[i] * sizeof(float)));
    }
}

/* Three sums of 4 products of numbers below 2 behind each other, and a softmax of differences
 * below 4. */
static void check_torch(struct bench *b, clg_tensor y, const char *what, const double *want)
{
    float got[24];
    set_parameters(b);
    test_ok(b->ctx, clg_eval(y, got, sizeof(got)));
    test_close(what, got, want, 24, 3 * 5 * 8 * (double)FLT_EPSILON, 0,
               "three products of 5 roundings of numbers below 8");
}

TEST(attention, as_torch)
{
    struct bench b = bench_open();
    static const int32_t lengths[2] = {2, 3};
    clg_attention_layer_params p = clg_attention_layer_defaults();
    clg_tensor x = bench_constant(&b, clg_shape3(2, 3, 4), 0);
    p.attention.causal = true;
    check_torch(&b, clg_attention_layer(x, x, x, "a", 2, &p), "causal", causal_y);
    test_ok(b.ctx, clg_layer_share(b.graph, "a"));
    p.attention.causal = false;
    p.attention.lengths = clg_constant(b.graph, CLG_I32, clg_shape1(2), lengths);
    check_torch(&b, clg_attention_layer(x, x, x, "a", 2, &p), "padded", padded_y);
    test_ok(b.ctx, clg_layer_share(b.graph, "a"));
    clg_tensor k = bench_constant(&b, clg_shape3(2, 5, 4), 5),
               v = bench_constant(&b, clg_shape3(2, 5, 4), 6);
    check_torch(&b, clg_attention_layer(x, k, v, "a", 2, NULL), "another key and value", cross_y);
    cr_assert_eq(clg_store_count(b.store), 4);
    clg_ctx_destroy(&b.ctx);
}

/* A mask that is added says the same as the causal one. */
TEST(attention, added_mask)
{
    struct bench b = bench_open();
    const float low = -INFINITY, mask[9] = {0, low, low, 0, 0, low, 0, 0, 0};
    float want[12], got[12];
    clg_attention_params p = clg_attention_defaults();
    clg_tensor q = bench_constant(&b, clg_shape2(3, 4), 1),
               k = bench_constant(&b, clg_shape2(3, 4), 2);
    clg_tensor v = bench_constant(&b, clg_shape2(3, 4), 3);
    p.causal = true;
    test_ok(b.ctx, clg_eval(clg_attention(q, k, v, &p), want, sizeof(want)));
    p.causal = false;
    p.mask = clg_constant(b.graph, CLG_F32, clg_shape2(3, 3), mask);
    test_ok(b.ctx, clg_eval(clg_attention(q, k, v, &p), got, sizeof(got)));
    cr_assert_arr_eq(got, want, sizeof(want));
    clg_ctx_destroy(&b.ctx);
}

/* A query that sees no key, by an added mask or by the lengths, is 0 and gives no gradient; the
 * others are as without it. */
static void blind_query(clg_form form, bool by_lengths)
{
    const float low = -INFINITY, mask[6] = {0, 0, low, low, low, 0};
    const int32_t lengths[3] = {2, 0, 2};
    float y[6], dx[3][6];
    clg_ctx *ctx = test_context();
    clg_store *store = clg_store_create(test_open(ctx, form), 1);
    struct bench b = {.ctx = ctx, .store = store, .graph = clg_graph_create(store)};
    clg_attention_params p = clg_attention_defaults();
    clg_tensor in[3], out[3];
    for (int i = 0; i < 3; i++)
        in[i] = bench_constant(&b, by_lengths ? clg_shape3(3, 1, 2) : clg_shape2(i ? 2 : 3, 2), i);
    if (by_lengths)
        p.lengths = clg_constant(b.graph, CLG_I32, clg_shape1(3), lengths);
    else
        p.mask = clg_constant(b.graph, CLG_F32, clg_shape2(3, 2), mask);
    clg_tensor t = clg_attention(in[0], in[1], in[2], &p);
    test_ok(ctx, clg_eval(t, y, sizeof(y)));
    cr_assert(y[2] == 0 && y[3] == 0, "%g %g, must be 0", (double)y[2], (double)y[3]);
    test_ok(ctx, clg_grad(clg_sum(clg_square(t), NULL, 0, false), in, 3, out));
    for (int i = 0; i < 3; i++) {
        size_t count = i && !by_lengths ? 4 : 6;
        test_ok(ctx, clg_eval(out[i], dx[i], count * sizeof(float)));
        for (size_t k = 0; k < count; k++)
            cr_assert(isfinite(dx[i][k]), "gradient %d[%zu] is %g", i, k, (double)dx[i][k]);
    }
    cr_assert(dx[0][2] == 0 && dx[0][3] == 0);
    cr_assert(dx[2][0] != 0 && y[0] != 0, "the others see their keys");
    clg_ctx_destroy(&ctx);
}

TEST(attention, sees_nothing)
{
    for (size_t i = 0; i < TEST_FORMS; i++) {
        blind_query(test_forms[i], false);
        blind_query(test_forms[i], true);
    }
}

/* What PyTorch gives where every number is -infinity. */
TEST(attention, softmax_of_nothing)
{
    const float low[4] = {-INFINITY, -INFINITY, -INFINITY, -INFINITY};
    for (size_t i = 0; i < TEST_FORMS; i++) {
        float y[4];
        clg_ctx *ctx = test_context();
        clg_store *store = clg_store_create(test_open(ctx, test_forms[i]), 1);
        clg_graph *graph = clg_graph_create(store);
        clg_tensor x = clg_constant(graph, CLG_F32, clg_shape2(1, 4), low), dx;
        test_ok(ctx, clg_eval(clg_softmax(x), y, sizeof(y)));
        cr_assert(isnan(y[0]) && isnan(y[3]));
        test_ok(ctx, clg_eval(clg_log_softmax(x), y, sizeof(y)));
        cr_assert(isnan(y[0]) && isnan(y[3]));
        clg_tensor s = clg_logsumexp(x, NULL, 0, false);
        test_ok(ctx, clg_eval(s, y, sizeof(y[0])));
        cr_assert_eq(y[0], -INFINITY);
        test_ok(ctx, clg_grad(s, &x, 1, &dx));
        test_ok(ctx, clg_eval(dx, y, sizeof(y)));
        for (int k = 0; k < 4; k++)
            cr_assert_eq(y[k], 0, "%g", (double)y[k]);
        clg_ctx_destroy(&ctx);
    }
}

/* Bytes of the arena over those of one (T, T) matrix. */
static double matrices(struct bench *b, clg_mode mode, int64_t T)
{
    clg_plan_report report;
    clg_plan *plan = clg_compile(b->graph, 1, mode, NULL);
    cr_assert_not_null(plan, "%s", clg_error(b->ctx));
    test_ok(b->ctx, clg_plan_get_report(plan, &report));
    return (double)report.arena_bytes / (double)(T * T * 4);
}

/* The softmax lies where the scores did; its gradient where what reaches it did. */
TEST(attention, stores_the_matrix_once)
{
    struct bench b = bench_open();
    enum { T = 256, D = 4 };
    clg_attention_params p = clg_attention_defaults();
    clg_tensor in[3], d[3];
    for (int i = 0; i < 3; i++)
        in[i] = input(&b, (const char *const[]){"q", "k", "v"}[i], clg_shape2(T, D));
    p.causal = true;
    p.mask = input(&b, "mask", clg_shape2(T, 1));
    clg_tensor y = clg_attention(in[0], in[1], in[2], &p);
    clg_output(y, "y");
    double forward = matrices(&b, CLG_INFER, T);
    cr_assert(forward >= 1 && forward < 1.5, "forward takes %g matrices", forward);
    test_ok(b.ctx, clg_grad(clg_sum(clg_square(y), NULL, 0, false), in, 3, d));
    for (int i = 0; i < 3; i++)
        clg_output(d[i], (const char *const[]){"dq", "dk", "dv"}[i]);
    double backward = matrices(&b, CLG_TRAIN, T);
    cr_assert(backward >= 2 && backward < 2.5, "with gradients %g matrices", backward);
    clg_ctx_destroy(&b.ctx);
}

/* What is read again later, and what is an output, is not overwritten. */
TEST(attention, softmax_keeps_what_is_read_later)
{
    struct bench b = bench_open();
    enum { N = 33 * 70 };
    static float x[N], doubled[N], sum[N];
    clg_tensor t = input(&b, "x", clg_shape2(33, 70));
    clg_tensor two = clg_permute(clg_affine(t, 2, 0), (const int32_t[]){1, 0});
    clg_tensor soft = clg_softmax(two);
    clg_output(clg_sub(clg_permute(soft, (const int32_t[]){1, 0}),
                       clg_permute(two, (const int32_t[]){1, 0})),
               "difference");
    clg_output(clg_sum(soft, (const int32_t[]){1}, 1, false), "sum");
    for (int i = 0; i < N; i++)
        x[i] = (float)(i % 13) / 4;
    clg_plan *plan = clg_compile(b.graph, 1, CLG_INFER, NULL);
    cr_assert_not_null(plan, "%s", clg_error(b.ctx));
    test_ok(b.ctx, clg_plan_write(plan, "x", x, sizeof(x)));
    test_ok(b.ctx, clg_plan_step(plan));
    test_ok(b.ctx, clg_plan_read(plan, "difference", doubled, sizeof(doubled)));
    test_ok(b.ctx, clg_plan_read(plan, "sum", sum, 70 * sizeof(float)));
    for (int i = 0; i < N; i++)
        cr_assert(doubled[i] + 2 * x[i] >= -1e-5f && doubled[i] + 2 * x[i] <= 1, "%d: %g", i,
                  (double)doubled[i]);
    clg_ctx_destroy(&b.ctx);
}

TEST(attention, refuses)
{
    struct bench b = bench_open();
    clg_attention_params p = clg_attention_defaults();
    clg_shape rows = clg_shape3(CLG_BATCH, 3, 6);
    clg_tensor q = input(&b, "q", rows), k = input(&b, "k", clg_shape3(CLG_BATCH, 5, 4));
    bench_refused(&b, "attention: q (batch, 3, 6), k (batch, 5, 4) and v (batch, 5, 4) must be",
                  clg_attention(q, k, k, NULL));
    q = input(&b, "q", rows);
    p.dropout = 2;
    bench_refused(&b, "dropout is 2, must be 0 to 1", clg_attention(q, q, q, &p));
    q = input(&b, "q", rows);
    p = clg_attention_defaults();
    p.scale = -1;
    bench_refused(&b, "scale is -1, must be positive", clg_attention(q, q, q, &p));
    q = input(&b, "q", rows);
    p = clg_attention_defaults();
    p.lengths = clg_input(b.graph, "lengths", CLG_I32, clg_shape1(7));
    bench_refused(&b, "the lengths of shape (7) must be int32, one for each of (batch, 3, 3)",
                  clg_attention(q, q, q, &p));
    q = input(&b, "q", rows);
    bench_refused(&b, "multihead_attention 'a': 6 columns cannot be split into 4 heads",
                  clg_attention_layer(q, q, q, "a", 4, NULL));
    q = input(&b, "q", clg_shape2(3, 6));
    bench_refused(&b, "multihead_attention 'a': query (3, 6)",
                  clg_attention_layer(q, q, q, "a", 2, NULL));
    clg_ctx_destroy(&b.ctx);
}

/* ---- positions ---- */

TEST(positions, sinusoidal_values)
{
    struct bench b = bench_open();
    float got[5 * 3];
    test_ok(b.ctx, clg_eval(clg_sinusoidal_positions(b.graph, 5, 3), got, sizeof(got)));
    for (int t = 0; t < 5; t++) {
        const double want[3] = {sin(t), cos(t), sin(t / pow(10000, 2.0 / 3))};
        test_close("positions", got + 3L * t, want, 3, (double)FLT_EPSILON, 0, "one rounding");
    }
    bench_refused(&b, "sinusoidal_positions: (0, 3) must be positive",
                  clg_sinusoidal_positions(b.graph, 0, 3));
    clg_ctx_destroy(&b.ctx);
}

/* The product of two turned rows depends on their distance alone. */
TEST(positions, rotary_values)
{
    struct bench b = bench_open();
    float x[5][4], got[5][4];
    for (int i = 0; i < 20; i++)
        x[i / 4][i % 4] = (float)(i % 4 + 1) / 4;
    clg_tensor t = clg_constant(b.graph, CLG_F32, clg_shape2(5, 4), x);
    test_ok(b.ctx, clg_eval(clg_rotary_positions(t), got, sizeof(got)));
    for (int i = 0; i < 5; i++) {
        double a = i, c = i / 100.0;
        const double want[4] = {0.25 * cos(a) - 0.5 * sin(a), 0.5 * cos(a) + 0.25 * sin(a),
                                0.75 * cos(c) - sin(c), cos(c) + 0.75 * sin(c)};
        test_close("turned", got[i], want, 4, 4 * (double)FLT_EPSILON, 0, "four roundings");
    }
    bench_refused(&b, "rotary_positions: the input has shape (5, 3)",
                  clg_rotary_positions(input(&b, "x", clg_shape2(5, 3))));
    clg_ctx_destroy(&b.ctx);
}

/* ---- embedding ---- */

TEST(embedding, first_values)
{
    struct bench b = bench_open();
    float table[40 * 25];
    double mean = 0, square = 0;
    clg_embedding_params p = clg_embedding_defaults();
    p.padding_idx = 3;
    clg_embedding(clg_input(b.graph, "i", CLG_I32, clg_shape1(CLG_BATCH)), "e", 40, 25, &p);
    test_ok(b.ctx, clg_store_get(b.store, "e.weight", table, sizeof(table)));
    for (int i = 0; i < 1000; i++) {
        cr_assert(i / 25 == 3 ? table[i] == 0 : table[i] != 0, "%d: %g", i, (double)table[i]);
        mean += (double)table[i] / 975;
        square += (double)(table[i] * table[i]) / 975;
    }
    /* of 975 numbers from N(0, 1): 5 standard deviations, 1 / sqrt(975) and sqrt(2 / 975) */
    cr_assert(fabs(mean) < 0.16 && fabs(square - 1) < 0.23, "%g, %g", mean, square);
    clg_ctx_destroy(&b.ctx);
}

/* Rows that were read learn; the padding row does not. */
TEST(embedding, padding_is_not_trained)
{
    struct bench b = bench_open();
    const int32_t index[4] = {2, 0, 1, 2};
    float rows[8], after[8], loss;
    clg_embedding_params p = clg_embedding_defaults();
    p.padding_idx = 1;
    clg_tensor i = clg_input(b.graph, "i", CLG_I32, clg_shape1(CLG_BATCH));
    clg_tensor y = clg_embedding(i, "e", 4, 2, &p);
    clg_tensor sum = clg_metric(clg_sum(y, NULL, 0, false), "loss");
    test_ok(b.ctx, clg_store_get(b.store, "e.weight", rows, sizeof(rows)));
    clg_optimizer *sgd = clg_sgd_create(b.store, 0.25f, NULL);
    test_ok(b.ctx, clg_minimize(sgd, sum));
    clg_plan *plan = clg_compile(b.graph, 4, CLG_TRAIN, NULL);
    cr_assert_not_null(plan, "%s", clg_error(b.ctx));
    test_ok(b.ctx, clg_plan_write(plan, "i", index, sizeof(index)));
    test_ok(b.ctx, clg_plan_step(plan));
    test_ok(b.ctx, clg_plan_read(plan, "loss", &loss, sizeof(loss)));
    test_ok(b.ctx, clg_store_get(b.store, "e.weight", after, sizeof(after)));
    static const float times[4] = {1, 0, 2, 0};
    for (int k = 0; k < 8; k++)
        cr_assert_eq(after[k], rows[k] - 0.25f * times[k / 2], "%d", k);
    clg_ctx_destroy(&b.ctx);
}

TEST(embedding, refuses)
{
    struct bench b = bench_open();
    clg_embedding_params p = clg_embedding_defaults();
    bench_refused(&b, "embedding 'e': indices must be int32",
                  clg_embedding(input(&b, "x", clg_shape1(3)), "e", 4, 2, NULL));
    clg_tensor i = clg_input(b.graph, "i", CLG_I32, clg_shape1(3));
    bench_refused(&b, "embedding 'e': a table of (0, 2)", clg_embedding(i, "e", 0, 2, NULL));
    p.padding_idx = 4;
    i = clg_input(b.graph, "i", CLG_I32, clg_shape1(3));
    bench_refused(&b, "padding_idx is 4, must be below 4, or -1 for none",
                  clg_embedding(i, "e", 4, 2, &p));
    clg_ctx_destroy(&b.ctx);
}
