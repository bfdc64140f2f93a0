/* Graphs: shapes that ops give and refuse, the batch as a symbol, errors that stick, gradients. */
#include "test.h"

#include <stdio.h>
#include <string.h>
#include "base/text.h"
#include "ops/ops.h"

#define B CLG_BATCH

struct bench {
    clg_ctx *ctx;
    clg_device *device;
    clg_store *store;
    clg_graph *graph;
    int inputs;
};

static struct bench bench_open(void)
{
    struct bench b = {.ctx = test_context()};
    b.device = test_open(b.ctx, CLG_FORM_AUTO);
    b.store = clg_store_create(b.device, 1);
    b.graph = clg_graph_create(b.store);
    cr_assert_not_null(b.graph, "%s", clg_error(b.ctx));
    return b;
}

static void bench_close(struct bench *b)
{
    clg_ctx_destroy(&b->ctx);
}

/* A new graph, for the next refusal. */
static void bench_renew(struct bench *b)
{
    clg_graph_destroy(&b->graph);
    b->graph = clg_graph_create(b->store);
    cr_assert_not_null(b->graph);
}

static clg_tensor input(struct bench *b, clg_dtype type, clg_shape shape)
{
    char name[16];
    snprintf(name, sizeof(name), "x%d", b->inputs++);
    return clg_input(b->graph, name, type, shape);
}

static clg_tensor x(struct bench *b, clg_shape shape)
{
    return input(b, CLG_F32, shape);
}

static void expect_shape(struct bench *b, const char *what, clg_tensor t, clg_shape want)
{
    char got_text[CLG_SHAPE_TEXT], want_text[CLG_SHAPE_TEXT];
    cr_assert(clg_tensor_valid(t), "%s: %s", what, clg_error(b->ctx));
    clg_shape got = clg_tensor_shape(t);
    clg_shape_text(&got, got_text);
    clg_shape_text(&want, want_text);
    cr_assert_str_eq(got_text, want_text, "%s: shape %s, must be %s", what, got_text, want_text);
}

/* The op was refused with these words, the graph remembers, and starts anew. */
static void expect_refused(struct bench *b, const char *what, clg_tensor t, const char *words)
{
    cr_assert(!clg_tensor_valid(t), "%s: was not refused", what);
    cr_assert_neq(clg_graph_status(b->graph), CLG_OK, "%s: the graph has no status", what);
    cr_assert_not_null(strstr(clg_error(b->ctx), words), "%s: no '%s' in: %s", what, words,
                       clg_error(b->ctx));
    bench_renew(b);
}

static clg_shape shape5(int64_t a, int64_t b, int64_t c, int64_t d, int64_t e)
{
    return clg_shape_make(5, (const int64_t[]){a, b, c, d, e});
}

TEST(graph, broadcasting)
{
    struct bench b = bench_open();
    const struct {
        clg_shape a, b, result;
    } list[] = {
        {clg_shape0(), clg_shape0(), clg_shape0()},
        {clg_shape0(), clg_shape1(7), clg_shape1(7)},
        {clg_shape1(1), clg_shape0(), clg_shape1(1)},
        {clg_shape2(4, 1), clg_shape3(3, 1, 5), clg_shape3(3, 4, 5)},
        {clg_shape2(5, 1), clg_shape1(33), clg_shape2(5, 33)},
        {clg_shape2(B, 10), clg_shape1(10), clg_shape2(B, 10)},
        {clg_shape2(B, 1), clg_shape2(1, 10), clg_shape2(B, 10)},
        {clg_shape1(1), clg_shape1(B), clg_shape1(B)},
        {clg_shape2(3 * B, 2), clg_shape2(3 * B, 1), clg_shape2(3 * B, 2)},
        {shape5(2, 3, 1, 5, 1), clg_shape4(1, 4, 1, 7), shape5(2, 3, 4, 5, 7)},
    };
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        expect_shape(&b, "add", clg_add(x(&b, list[i].a), x(&b, list[i].b)), list[i].result);
        expect_shape(&b, "mul", clg_mul(x(&b, list[i].b), x(&b, list[i].a)), list[i].result);
    }
    bench_close(&b);
}

TEST(graph, broadcasting_refused)
{
    struct bench b = bench_open();
    const struct {
        clg_shape a, b;
    } list[] = {
        {clg_shape1(3), clg_shape1(4)},          {clg_shape2(3, 4), clg_shape1(3)},
        {clg_shape2(B, 4), clg_shape2(3, 4)},    {clg_shape1(B), clg_shape1(2 * B)},
        {clg_shape3(2, 1, 3), clg_shape2(2, 2)},
    };
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
        expect_refused(&b, "sub", clg_sub(x(&b, list[i].a), x(&b, list[i].b)), "sub: shapes (");
    bench_close(&b);
}

TEST(graph, shapes)
{
    struct bench b = bench_open();
    const int32_t first = 0, last = -1, ends[2] = {0, 2}, order[3] = {2, 0, 1};
    clg_tensor t = x(&b, clg_shape3(4, 5, 6)), m = x(&b, clg_shape2(B, 7));
    expect_shape(&b, "sum", clg_sum(t, NULL, 0, false), clg_shape0());
    expect_shape(&b, "sum kept", clg_sum(t, NULL, 0, true), clg_shape3(1, 1, 1));
    expect_shape(&b, "sum ends", clg_sum(t, ends, 2, false), clg_shape1(5));
    expect_shape(&b, "mean last", clg_mean(t, &last, 1, true), clg_shape3(4, 5, 1));
    expect_shape(&b, "mean batch", clg_mean(m, &first, 1, false), clg_shape1(7));
    expect_shape(&b, "permute", clg_permute(t, order), clg_shape3(6, 4, 5));
    expect_shape(&b, "transpose", clg_transpose(t), clg_shape3(4, 6, 5));
    expect_shape(&b, "transpose batch", clg_transpose(m), clg_shape2(7, B));
    expect_shape(&b, "reshape", clg_reshape(t, clg_shape2(-1, 8)), clg_shape2(15, 8));
    expect_shape(&b, "reshape batch", clg_reshape(m, clg_shape1(-1)), clg_shape1(7 * B));
    expect_shape(&b, "reshape to batch", clg_reshape(m, clg_shape3(-1, 7, 1)), clg_shape3(B, 7, 1));
    expect_shape(&b, "broadcast", clg_broadcast(x(&b, clg_shape1(7)), clg_shape2(B, 7)),
                 clg_shape2(B, 7));
    expect_shape(&b, "softmax", clg_softmax(m), clg_shape2(B, 7));
    expect_shape(&b, "argmax", clg_argmax(m), clg_shape1(B));
    cr_assert_eq(clg_tensor_dtype(clg_argmax(m)), CLG_I32);
    bench_close(&b);
}

TEST(graph, products)
{
    struct bench b = bench_open();
    const struct {
        clg_shape a, b;
        bool ta, tb;
        clg_shape result;
    } list[] = {
        {clg_shape2(3, 4), clg_shape2(4, 5), false, false, clg_shape2(3, 5)},
        {clg_shape2(4, 3), clg_shape2(5, 4), true, true, clg_shape2(3, 5)},
        {clg_shape2(B, 784), clg_shape2(256, 784), false, true, clg_shape2(B, 256)},
        {clg_shape2(B, 7), clg_shape2(B, 5), true, false, clg_shape2(7, 5)},
        {clg_shape3(B, 2, 3), clg_shape2(3, 4), false, false, clg_shape3(B, 2, 4)},
        {clg_shape3(B, 2, 3), clg_shape3(B, 3, 4), false, false, clg_shape3(B, 2, 4)},
        {clg_shape2(2, 3), clg_shape3(6, 3, 4), false, false, clg_shape3(6, 2, 4)},
        {clg_shape2(2 * B, 3), clg_shape2(3, 1), false, false, clg_shape2(2 * B, 1)},
    };
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
        expect_shape(&b, "matmul",
                     clg_matmul(x(&b, list[i].a), x(&b, list[i].b), list[i].ta, list[i].tb),
                     list[i].result);
    expect_refused(&b, "inner", clg_matmul(x(&b, clg_shape2(3, 4)), x(&b, clg_shape2(3, 4)), 0, 0),
                   "(3, 4)");
    expect_refused(&b, "rank 1", clg_matmul(x(&b, clg_shape1(4)), x(&b, clg_shape2(4, 4)), 0, 0),
                   "at least 2 dimensions");
    expect_refused(&b, "leading",
                   clg_matmul(x(&b, clg_shape3(2, 3, 4)), x(&b, clg_shape3(3, 4, 5)), 0, 0),
                   "leading dimensions");
    expect_refused(&b, "batch and number",
                   clg_matmul(x(&b, clg_shape2(3, B)), x(&b, clg_shape2(8, 2)), 0, 0), "batch");
    expect_refused(&b, "batch twice",
                   clg_matmul(x(&b, clg_shape2(B, 3)), x(&b, clg_shape2(3, B)), 0, 0),
                   "at most one may");
    bench_close(&b);
}

TEST(graph, dimensions_refused)
{
    struct bench b = bench_open();
    const struct {
        clg_shape shape;
        const char *words;
    } list[] = {
        {clg_shape1(0), "must be positive"},
        {clg_shape2(B, -3), "must be positive"},
        {clg_shape2(B, B), "at most one may"},
        {clg_shape1(B + 1), "multiple of"},
        {clg_shape2(65536, 32768), "2^31"},
        {clg_shape4(1 << 20, 1 << 20, 1 << 20, 1 << 20), "2^31"},
        {clg_shape_make(9, (const int64_t[]){1, 1, 1, 1, 1, 1, 1, 1, 1}), "rank"},
    };
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        expect_refused(&b, "input", x(&b, list[i].shape), list[i].words);
        expect_refused(&b, "fill", clg_fill(b.graph, list[i].shape, 1), list[i].words);
    }
    float one = 1;
    expect_refused(&b, "constant", clg_constant(b.graph, CLG_F32, clg_shape1(B), &one), "constant");
    expect_refused(&b, "constant", clg_constant(b.graph, CLG_F32, clg_shape1(1), NULL), "data");
    expect_refused(&b, "bytes", clg_input(b.graph, "u8", CLG_U8, clg_shape1(1)), "input 'u8'");
    bench_close(&b);
}

TEST(graph, axes_and_orders_refused)
{
    struct bench b = bench_open();
    const int32_t three = 3, minus = -4, twice[2] = {1, -2}, order[3] = {0, 1, 1};
    clg_shape s = clg_shape3(2, 3, 4);
    expect_refused(&b, "axis 3", clg_sum(x(&b, s), &three, 1, false), "axis 3");
    expect_refused(&b, "axis -4", clg_mean(x(&b, s), &minus, 1, false), "axis -4");
    expect_refused(&b, "axis twice", clg_sum(x(&b, s), twice, 2, false), "twice");
    expect_refused(&b, "order", clg_permute(x(&b, s), order), "order");
    expect_refused(&b, "transpose", clg_transpose(x(&b, clg_shape1(4))), "rank");
    expect_refused(&b, "reshape", clg_reshape(x(&b, s), clg_shape2(5, 5)), "(2, 3, 4)");
    expect_refused(&b, "reshape", clg_reshape(x(&b, s), clg_shape2(-1, -1)), "-1");
    expect_refused(&b, "reshape", clg_reshape(x(&b, s), clg_shape2(-1, 7)), "(2, 3, 4)");
    expect_refused(&b, "reshape", clg_reshape(x(&b, clg_shape2(B, 6)), clg_shape1(6)), "6");
    expect_refused(&b, "broadcast", clg_broadcast(x(&b, clg_shape1(2)), clg_shape1(3)), "(2)");
    expect_refused(&b, "dropout", clg_dropout(x(&b, s), 1.5f), "must be in [0, 1]");
    bench_close(&b);
}

TEST(graph, rows_and_labels_refused)
{
    struct bench b = bench_open();
    clg_shape s = clg_shape2(B, 10);
    expect_refused(&b, "softmax", clg_softmax(x(&b, clg_shape0())), "scalar");
    expect_refused(&b, "float labels", clg_cross_entropy(x(&b, s), x(&b, clg_shape1(B)), NULL),
                   "int32");
    expect_refused(&b, "labels",
                   clg_cross_entropy(x(&b, s), input(&b, CLG_I32, clg_shape1(10)), NULL), "labels");
    expect_refused(&b, "accuracy", clg_accuracy(x(&b, s), input(&b, CLG_I32, clg_shape2(B, 1))),
                   "labels");
    expect_refused(&b, "mse", clg_mse(x(&b, s), x(&b, clg_shape1(10)), NULL), "must be equal");
    expect_refused(&b, "gather", clg_gather(x(&b, s), x(&b, clg_shape1(3))), "int32");
    expect_refused(&b, "integers", clg_softmax(input(&b, CLG_I32, s)), "float32");
    bench_close(&b);
}

TEST(graph, errors_stick)
{
    struct bench b = bench_open();
    char first[256];
    clg_tensor bad = clg_add(x(&b, clg_shape1(3)), x(&b, clg_shape1(4)));
    snprintf(first, sizeof(first), "%s", clg_error(b.ctx));
    clg_tensor later = clg_relu(clg_matmul(bad, x(&b, clg_shape2(2, 2)), false, false));
    cr_assert(!clg_tensor_valid(later));
    cr_assert(!clg_tensor_valid(clg_output(later, "y")));
    cr_assert_null(clg_compile(b.graph, 1, CLG_INFER, NULL));
    cr_assert_str_eq(clg_error(b.ctx), first, "the first sentence is lost: %s", clg_error(b.ctx));
    cr_assert_eq(clg_graph_status(b.graph), CLG_ERR_ARGUMENT);
    bench_close(&b);
}

TEST(graph, nothing_in_gives_nothing_out)
{
    const clg_tensor none = {NULL, -1, 0};
    clg_graph *graph = NULL;
    cr_assert_null(clg_graph_create(NULL));
    clg_graph_destroy(NULL);
    clg_graph_destroy(&graph);
    cr_assert_eq(clg_graph_status(NULL), CLG_ERR_ARGUMENT);
    cr_assert(!clg_tensor_valid(none));
    cr_assert_eq(clg_tensor_shape(none).rank, 0);
    cr_assert(!clg_tensor_valid(clg_input(NULL, "x", CLG_F32, clg_shape0())));
    cr_assert(!clg_tensor_valid(clg_add(none, none)));
    cr_assert(!clg_tensor_valid(clg_sum(clg_relu(none), NULL, 0, false)));
    cr_assert(!clg_tensor_valid(clg_softmax(clg_reshape(none, clg_shape0()))));
    cr_assert(!clg_tensor_valid(clg_cross_entropy(none, none, NULL)));
    cr_assert(!clg_tensor_valid(clg_mse(clg_dropout(none, 0.5f), none, NULL)));
    cr_assert(!clg_tensor_valid(clg_gather(clg_transpose(none), clg_argmax(none))));
    cr_assert(!clg_tensor_valid(clg_output(none, "y")));
    cr_assert_neq(clg_grad(none, &none, 1, NULL), CLG_OK);
    cr_assert_neq(clg_eval(none, NULL, 0), CLG_OK);
}

TEST(graph, eval_has_no_batch)
{
    struct bench b = bench_open();
    float out[3]; /* as many as a batch of one has */
    clg_tensor t = clg_fill(b.graph, clg_shape2(CLG_BATCH, 3), 1);

    test_refused(b.ctx, CLG_ERR_ARGUMENT, "eval: the tensor's shape is",
                 clg_eval(t, out, sizeof(out)));
    clg_ctx_destroy(&b.ctx);
}

TEST(graph, names)
{
    struct bench b = bench_open();
    clg_shape s = clg_shape1(3);
    clg_tensor a = clg_input(b.graph, "a", CLG_F32, s);
    expect_refused(&b, "input twice", clg_input(b.graph, "a", CLG_F32, s), "input 'a'");
    a = x(&b, s);
    clg_output(a, "y");
    expect_refused(&b, "output twice", clg_output(clg_relu(a), "y"), "output 'y'");
    expect_refused(&b, "no name", clg_output(x(&b, s), ""), "name");
    expect_refused(&b, "no name", clg_input(b.graph, NULL, CLG_F32, s), "name");
    expect_refused(&b, "metric", clg_metric(x(&b, s), "m"), "scalar");
    expect_refused(&b, "integer metric", clg_metric(input(&b, CLG_I32, clg_shape0()), "m"),
                   "float32");
    expect_refused(&b, "no axes", clg_sum(x(&b, s), NULL, 1, false), "axes");
    expect_refused(&b, "no order", clg_permute(x(&b, s), NULL), "order");
    clg_shape huge = {1000, {1, 1}};
    expect_refused(&b, "rank", clg_constant(b.graph, CLG_F32, huge, &huge), "rank is 1000");
    clg_loss_params unknown = {.reduction = (clg_reduction)9};
    expect_refused(&b, "reduction", clg_mse(x(&b, s), x(&b, s), &unknown), "reduction is 9");
    a = x(&b, s);
    clg_graph *other = clg_graph_create(b.store);
    clg_tensor foreign = clg_input(other, "a", CLG_F32, s);
    expect_refused(&b, "two graphs", clg_add(a, foreign), "another graph");
    bench_close(&b);
}

/* ---- gradients ---- */

static clg_status grad(struct bench *b, clg_tensor loss, clg_tensor wrt, const char *words)
{
    clg_tensor d = {b->graph, 0, 0};
    clg_status status = clg_grad(loss, &wrt, 1, &d);
    cr_assert(status != CLG_OK || clg_tensor_valid(d));
    cr_assert(status == CLG_OK || !clg_tensor_valid(d), "a tensor is left after a failure");
    if (words) {
        cr_assert_neq(status, CLG_OK, "expected '%s'", words);
        cr_assert_not_null(strstr(clg_error(b->ctx), words), "no '%s' in: %s", words,
                           clg_error(b->ctx));
        bench_renew(b);
    }
    return status;
}

TEST(graph, gradients_refused)
{
    struct bench b = bench_open();
    clg_tensor a = x(&b, clg_shape2(B, 3));
    grad(&b, clg_relu(a), a, "must be a scalar");
    a = input(&b, CLG_I32, clg_shape1(3));
    grad(&b, clg_sum(clg_affine(a, 1, 0), NULL, 0, false), a, "float32");
    a = x(&b, clg_shape2(B, 3));
    clg_tensor y = input(&b, CLG_I32, clg_shape1(B)), d;
    clg_tensor loss = clg_cross_entropy(a, y, NULL);
    test_ok(b.ctx, clg_grad(loss, &a, 1, &d));
    grad(&b, clg_sum(clg_square(d), NULL, 0, false), a, "cross_entropy");
    bench_close(&b);
}

TEST(graph, gradients_that_nothing_reaches_are_zeros)
{
    struct bench b = bench_open();
    clg_tensor a = x(&b, clg_shape2(B, 3)), c = x(&b, clg_shape1(5));
    clg_tensor wrt[4] = {c, a, c, a}, d[4];
    clg_tensor loss = clg_sum(clg_square(a), NULL, 0, false);
    test_ok(b.ctx, clg_grad(loss, wrt, 4, d));
    expect_shape(&b, "of another", d[0], clg_shape1(5));
    expect_shape(&b, "of the loss", d[1], clg_shape2(B, 3));
    cr_assert_eq(clg_tensor_node(d[0])->op, CLG_OP(fill));
    cr_assert_eq(d[1].node, d[3].node, "the same gradient, asked for twice");
    wrt[0] = loss;
    test_ok(b.ctx, clg_grad(loss, wrt, 1, d));
    expect_shape(&b, "by itself", d[0], clg_shape0());
    test_ok(b.ctx, clg_grad(loss, NULL, 0, d));
    clg_tensor later = x(&b, clg_shape1(2));
    test_ok(b.ctx, clg_grad(loss, &later, 1, d));
    expect_shape(&b, "of a later node", d[0], clg_shape1(2));
    bench_close(&b);
}

TEST(graph, no_gradient_through_argmax)
{
    struct bench b = bench_open();
    clg_tensor a = x(&b, clg_shape2(4, 3)), d;
    clg_tensor loss =
        clg_sum(clg_mul(clg_affine(clg_argmax(a), 1, 0), x(&b, clg_shape1(4))), NULL, 0, false);
    test_ok(b.ctx, clg_grad(loss, &a, 1, &d));
    cr_assert_eq(clg_tensor_node(d)->op, CLG_OP(fill));
    bench_close(&b);
}

TEST(graph, assignments_refused)
{
    struct bench b = bench_open();
    clg_init zeros = {.scheme = CLG_INIT_ZEROS};
    clg_tensor s = clg_state(b.graph, "s", clg_shape1(3), &zeros);
    clg_tensor a = x(&b, clg_shape1(4));
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "assign 's'", clg_assign(s, a, CLG_WHEN_ALWAYS));
    bench_renew(&b);
    a = x(&b, clg_shape1(3));
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "clg_state", clg_assign(a, a, CLG_WHEN_ALWAYS));
    bench_renew(&b);
    s = clg_state(b.graph, "s", clg_shape1(3), &zeros);
    test_ok(b.ctx, clg_assign(s, x(&b, clg_shape1(3)), CLG_WHEN_TRAINING));
    expect_refused(&b, "another shape", clg_state(b.graph, "s", clg_shape1(4), &zeros), "'s'");
    expect_refused(&b, "another kind", clg_parameter(b.graph, "s", clg_shape1(3), &zeros), "'s'");
    bench_close(&b);
}

/* Numbers that no block is as large as, and lists that are not there. */
TEST(graph, hostile_lists)
{
    struct bench b = bench_open();
    clg_tensor parts[3] = {x(&b, clg_shape1(6)), x(&b, clg_shape1(6)), {b.graph, 7, 7}}, out[6] = {0};
    cr_expect(!clg_tensor_valid(clg_stack(NULL, 2, 0)) && !clg_tensor_valid(clg_concat(NULL, 2, 0)));
    cr_expect(!clg_tensor_valid(clg_stack(parts, 0, 0)) && !clg_tensor_valid(clg_concat(parts, 0, 0)));
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "split: 6 elements",
                 clg_split(parts[0], 0, SIZE_MAX, parts + 2));
    cr_expect_eq(parts[2].node, 7, "something was written");
    cr_expect_eq(clg_split((clg_tensor){NULL, -1, 0}, 0, SIZE_MAX, parts + 2), CLG_ERR_ARGUMENT);
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "split: 6 elements", clg_split(parts[0], 0, 4, out));
    cr_expect_eq(out[3].node, -1, "the parts of a split that was refused are invalid");
    bench_renew(&b);
    parts[2] = (clg_tensor){b.graph, 7, 7};
    parts[0] = x(&b, clg_shape1(6));
    expect_refused(&b, "concat", clg_concat(parts, (size_t)UINT32_MAX + 3, 0), "4294967298 parts");
    parts[0] = x(&b, clg_shape1(6));
    expect_refused(&b, "stack", clg_stack(parts, SIZE_MAX, 0), "parts");
    parts[0] = x(&b, clg_shape0());
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "must be under 2^31",
                 clg_grad(parts[0], NULL, SIZE_MAX, parts + 2));
    bench_renew(&b);
    parts[2] = (clg_tensor){b.graph, 7, 7};
    expect_refused(&b, "a mean", clg_mse(parts[2], x(&b, clg_shape0()), NULL), "not a valid tensor");
    bench_close(&b);
}
