/* Graphs to plans: what the passes leave, that fusion changes nothing, memory, modes, metrics,
 * states. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <clgrad/clgrad.h>

struct bench {
    clg_ctx *ctx;
    clg_device *device;
    clg_store *store;
    clg_graph *graph;
};

static struct bench bench_open(clg_form form)
{
    struct bench b = {.ctx = test_context()};
    b.device = test_open(b.ctx, form);
    b.store = clg_store_create(b.device, 7);
    b.graph = clg_graph_create(b.store);
    cr_assert_not_null(b.graph, "%s", clg_error(b.ctx));
    return b;
}

static clg_plan *compile(struct bench *b, int64_t batch, clg_mode mode)
{
    clg_plan *plan = clg_compile(b->graph, batch, mode, NULL);
    cr_assert_not_null(plan, "%s", clg_error(b->ctx));
    return plan;
}

static uint32_t launches(struct bench *b, clg_plan *plan)
{
    clg_plan_report report;
    test_ok(b->ctx, clg_plan_get_report(plan, &report));
    return report.launches;
}

static void ramp(float *values, size_t count, float from, float step)
{
    for (size_t i = 0; i < count; i++)
        values[i] = from + step * (float)(i % 97);
}

static clg_tensor parameter(struct bench *b, const char *name, clg_shape shape)
{
    clg_init init = {.scheme = CLG_INIT_NORMAL, .a = 0.0f, .b = 1.0f};
    return clg_parameter(b->graph, name, shape, &init);
}

/* A chain with a broadcast and a number is one kernel; the second launch closes the step. */
static void chain_is_one_kernel(clg_form form)
{
    struct bench b = bench_open(form);
    float x[3 * 17], y[17], out[3 * 17];
    ramp(x, 51, -2.0f, 0.1f);
    ramp(y, 17, -1.0f, 0.2f);
    clg_tensor tx = clg_input(b.graph, "x", CLG_F32, clg_shape2(CLG_BATCH, 17));
    clg_tensor ty = clg_input(b.graph, "y", CLG_F32, clg_shape1(17));
    clg_tensor t = clg_affine(clg_relu(clg_add(clg_mul(tx, ty), ty)), 2.0f, 1.0f);
    clg_output(clg_mul(t, clg_fill(b.graph, clg_shape0(), 0.5f)), "out");
    clg_plan *plan = compile(&b, 3, CLG_INFER);
    cr_assert_eq(launches(&b, plan), 2);
    test_ok(b.ctx, clg_plan_write(plan, "x", x, sizeof(x)));
    test_refused(b.ctx, CLG_ERR_STATE, "'y'", clg_plan_step(plan));
    test_ok(b.ctx, clg_plan_write(plan, "y", y, sizeof(y)));
    test_ok(b.ctx, clg_plan_step(plan));
    test_ok(b.ctx, clg_plan_read(plan, "out", out, sizeof(out)));
    for (int i = 0; i < 51; i++) {
        float v = x[i] * y[i % 17] + y[i % 17];
        cr_assert_float_eq(out[i], 0.5f * (2.0f * (v > 0 ? v : 0) + 1.0f), 1e-6, "%d: %g", i,
                           (double)out[i]);
    }
    clg_ctx_destroy(&b.ctx);
}

TEST(plan, chain_is_one_kernel)
{
    for (size_t i = 0; i < TEST_FORMS; i++)
        chain_is_one_kernel(test_forms[i]);
}

/* Every way an operand may be repeated, over three dimensions. */
static void broadcasts(clg_form form)
{
    static const int64_t dims[][3] = {{5, 3, 19}, {1, 3, 19}, {5, 1, 19}, {5, 3, 1},
                                      {1, 1, 19}, {5, 1, 1},  {1, 3, 1}};
    enum { CASES = sizeof(dims) / sizeof(dims[0]), COUNT = 5 * 3 * 19 };
    struct bench b = bench_open(form);
    float value[CASES][COUNT], out[COUNT];
    for (int k = 0; k < CASES; k++) {
        clg_shape shape = clg_shape3(dims[k][0], dims[k][1], dims[k][2]);
        char name[2] = {(char)('a' + k), 0};
        ramp(value[k], COUNT, (float)k, 0.25f);
        clg_tensor full = clg_constant(b.graph, CLG_F32, clg_shape3(5, 3, 19), value[0]);
        clg_tensor part = clg_constant(b.graph, CLG_F32, shape, value[k]);
        clg_output(clg_sub(full, part), name);
    }
    clg_plan *plan = compile(&b, 1, CLG_INFER);
    test_ok(b.ctx, clg_plan_step(plan));
    for (int k = 0; k < CASES; k++) {
        char name[2] = {(char)('a' + k), 0};
        test_ok(b.ctx, clg_plan_read(plan, name, out, sizeof(out)));
        for (int64_t i = 0; i < COUNT; i++) {
            int64_t at[3] = {i / 57, i / 19 % 3, i % 19}, j = 0;
            for (int d = 0; d < 3; d++)
                j = j * dims[k][d] + (dims[k][d] == 1 ? 0 : at[d]);
            cr_assert_eq(out[i], value[0][i] - value[k][j], "case %d, element %lld", k,
                         (long long)i);
        }
    }
    clg_ctx_destroy(&b.ctx);
}

TEST(plan, broadcasts)
{
    for (size_t i = 0; i < TEST_FORMS; i++)
        broadcasts(test_forms[i]);
}

enum { NODES = 16 };

/* A random graph of elementwise ops and reductions: fused and unfused plans give the same bits. */
static clg_tensor random_graph(struct bench *b, unsigned seed)
{
    clg_tensor pool[NODES];
    pool[0] = parameter(b, "a", clg_shape2(13, 35));
    pool[1] = parameter(b, "b", clg_shape1(35));
    pool[2] = parameter(b, "c", clg_shape2(13, 1));
    for (int i = 3; i < NODES; i++) {
        seed = seed * 1664525u + 1013904223u;
        clg_tensor x = pool[(seed >> 8) % (unsigned)i], y = pool[(seed >> 16) % (unsigned)i];
        int32_t axis = 1;
        switch ((seed >> 24) % 7) {
        case 0:
            pool[i] = clg_add(x, y);
            break;
        case 1:
            pool[i] = clg_sub(x, y);
            break;
        case 2:
            pool[i] = clg_tanh(clg_mul(x, y));
            break;
        case 3:
            pool[i] = clg_sigmoid(x);
            break;
        case 4:
            pool[i] = clg_relu(clg_sub(x, y));
            break;
        case 5:
            pool[i] = clg_max(x, y);
            break;
        default:
            pool[i] = clg_tensor_shape(x).rank == 2 ? clg_mean(x, &axis, 1, true) : clg_abs(x);
        }
    }
    clg_tensor sum = clg_sum(pool[NODES - 1], NULL, 0, false);
    for (int i = NODES / 2; i < NODES - 1; i++)
        sum = clg_add(sum, clg_sum(pool[i], NULL, 0, false));
    return clg_output(sum, "sum");
}

static void fusion_keeps_values(clg_form form)
{
    for (unsigned seed = form == CLG_FORM_ITEM ? 1 : 3, end = seed + 2; seed < end; seed++) {
        struct bench b = bench_open(form);
        float gradient[2][13 * 35], value[2];
        clg_tensor loss = random_graph(&b, seed * 77u),
                   wrt = parameter(&b, "a", clg_shape2(13, 35)), d;
        test_ok(b.ctx, clg_grad(loss, &wrt, 1, &d));
        clg_output(d, "gradient");
        for (int fuse = 0; fuse < 2; fuse++) {
            clg_plan_params params = clg_plan_defaults();
            params.fuse = fuse;
            clg_plan *plan = clg_compile(b.graph, 1, CLG_INFER, &params);
            cr_assert_not_null(plan, "%s", clg_error(b.ctx));
            test_ok(b.ctx, clg_plan_step(plan));
            test_ok(b.ctx, clg_plan_read(plan, "sum", &value[fuse], sizeof(float)));
            test_ok(b.ctx, clg_plan_read(plan, "gradient", gradient[fuse], sizeof(gradient[0])));
        }
        /* -cl-mad-enable may contract inside a fused kernel what is rounded between unfused ones.
         */
        cr_assert(fabsf(value[0] - value[1]) <= 2e-5f * (1 + fabsf(value[0])),
                  "seed %u: %.9g and %.9g", seed, (double)value[0], (double)value[1]);
        for (int i = 0; i < 13 * 35; i++)
            cr_assert(fabsf(gradient[0][i] - gradient[1][i]) <= 2e-5f * (1 + fabsf(gradient[0][i])),
                      "seed %u, element %d: %.9g and %.9g", seed, i, (double)gradient[0][i],
                      (double)gradient[1][i]);
        clg_ctx_destroy(&b.ctx);
    }
}

TEST(plan, fusion_keeps_values)
{
    for (size_t i = 0; i < TEST_FORMS; i++)
        fusion_keeps_values(test_forms[i]);
}

TEST(plan, equal_nodes_become_one)
{
    struct bench b = bench_open(CLG_FORM_ITEM);
    clg_tensor x = parameter(&b, "x", clg_shape2(4, 4));
    int32_t axis = 0;
    clg_output(clg_sum(clg_exp(x), &axis, 1, false), "once");
    clg_output(clg_add(clg_sum(clg_exp(x), &axis, 1, false), clg_sum(clg_exp(x), &axis, 1, false)),
               "twice");
    cr_assert_eq(launches(&b, compile(&b, 1, CLG_INFER)), 4); /* exp, sum, add, step */
    clg_ctx_destroy(&b.ctx);
}

TEST(plan, transposes_bias_and_activation_join_the_product)
{
    struct bench b = bench_open(CLG_FORM_ITEM);
    clg_tensor x = parameter(&b, "x", clg_shape2(6, 4)), w = parameter(&b, "w", clg_shape2(5, 6));
    clg_tensor bias = parameter(&b, "b", clg_shape1(5));
    clg_tensor y =
        clg_relu(clg_add(clg_matmul(clg_transpose(x), clg_transpose(w), false, false), bias));
    clg_output(y, "y");
    clg_plan *plan = compile(&b, 1, CLG_INFER);
    cr_assert_eq(launches(&b, plan), 2);
    float vx[24], vw[30], vb[5], out[20];
    test_ok(b.ctx, clg_store_get(b.store, "x", vx, sizeof(vx)));
    test_ok(b.ctx, clg_store_get(b.store, "w", vw, sizeof(vw)));
    test_ok(b.ctx, clg_store_get(b.store, "b", vb, sizeof(vb)));
    test_ok(b.ctx, clg_plan_step(plan));
    test_ok(b.ctx, clg_plan_read(plan, "y", out, sizeof(out)));
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 5; j++) {
            double sum = (double)vb[j];
            for (int k = 0; k < 6; k++)
                sum += (double)vx[k * 4 + i] * (double)vw[j * 6 + k];
            cr_assert_float_eq(out[i * 5 + j], sum > 0 ? sum : 0, 1e-5);
        }
    clg_ctx_destroy(&b.ctx);
}

/* A layer an epoch of training might have, deep enough for the arena to matter. */
static clg_tensor deep_net(struct bench *b, int layers, int64_t width)
{
    clg_tensor h = clg_input(b->graph, "x", CLG_F32, clg_shape2(CLG_BATCH, width));
    clg_tensor y = clg_input(b->graph, "y", CLG_I32, clg_shape1(CLG_BATCH));
    for (int i = 0; i < layers; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%d", i);
        h = clg_dropout(clg_relu(clg_linear(h, name, i == layers - 1 ? 10 : width, NULL)), 0.3f);
    }
    return clg_metric(clg_cross_entropy(h, y, NULL), "loss");
}

TEST(plan, arena_is_near_its_bound)
{
    struct bench b = bench_open(CLG_FORM_ITEM);
    clg_tensor loss = deep_net(&b, 7, 300);
    test_ok(b.ctx, clg_minimize(clg_sgd_create(b.store, 0.1f, NULL), loss));
    for (int64_t batch = 100; batch <= 700; batch += 300) {
        clg_plan_report report;
        test_ok(b.ctx, clg_plan_get_report(compile(&b, batch, CLG_TRAIN), &report));
        cr_assert_gt(report.arena_bytes, 1 << 20);
        cr_assert_leq((double)report.arena_bytes, 1.1 * (double)report.arena_bound,
                      "batch %d: %llu of %llu", (int)batch, (unsigned long long)report.arena_bytes,
                      (unsigned long long)report.arena_bound);
        cr_assert_geq(report.arena_bytes, report.arena_bound);
    }
    clg_ctx_destroy(&b.ctx);
}

/* Plans of one store take turns: a larger one moves the arena under a smaller one. */
TEST(plan, plans_share_the_arena)
{
    struct bench b = bench_open(CLG_FORM_ITEM);
    clg_tensor loss = deep_net(&b, 2, 64);
    test_ok(b.ctx, clg_minimize(clg_sgd_create(b.store, 0.1f, NULL), loss));
    float x[128 * 64], first, second;
    int32_t y[128];
    ramp(x, 128 * 64, -1.0f, 0.02f);
    for (int i = 0; i < 128; i++)
        y[i] = i % 10;
    clg_plan *small = compile(&b, 4, CLG_INFER);
    test_ok(b.ctx, clg_plan_write(small, "x", x, 4 * 64 * 4));
    test_ok(b.ctx, clg_plan_write(small, "y", y, 4 * 4));
    test_ok(b.ctx, clg_plan_step(small));
    test_ok(b.ctx, clg_plan_read(small, "loss", &first, 4));
    clg_plan *large = compile(&b, 128, CLG_INFER);
    test_ok(b.ctx, clg_plan_write(large, "x", x, sizeof(x)));
    test_ok(b.ctx, clg_plan_write(large, "y", y, sizeof(y)));
    test_ok(b.ctx, clg_plan_step(large));
    test_ok(b.ctx, clg_plan_step(small));
    test_ok(b.ctx, clg_plan_read(small, "loss", &second, 4));
    cr_assert_eq(first, second);
    clg_ctx_destroy(&b.ctx);
}

TEST(plan, metrics_add_up_on_the_device)
{
    struct bench b = bench_open(CLG_FORM_ITEM);
    clg_tensor x = clg_input(b.graph, "x", CLG_F32, clg_shape1(CLG_BATCH));
    clg_metric(clg_mean(x, NULL, 0, false), "mean");
    float four[4] = {1, 2, 3, 4}, two[2] = {10, 20};
    clg_plan *full = compile(&b, 4, CLG_INFER), *rest = compile(&b, 2, CLG_INFER);
    double sum, count;
    for (int i = 0; i < 3; i++) {
        test_ok(b.ctx, clg_plan_write(full, "x", four, sizeof(four)));
        test_ok(b.ctx, clg_plan_step(full));
    }
    test_ok(b.ctx, clg_plan_write(rest, "x", two, sizeof(two)));
    test_ok(b.ctx, clg_plan_step(rest));
    test_ok(b.ctx, clg_plan_metric(full, "mean", &sum, &count));
    cr_assert(sum == 30 && count == 12);
    test_ok(b.ctx, clg_plan_metric(rest, "mean", &sum, &count));
    cr_assert(sum == 30 && count == 2);
    test_ok(b.ctx, clg_plan_reset_metrics(full));
    test_ok(b.ctx, clg_plan_metric(full, "mean", &sum, &count));
    cr_assert(sum == 0 && count == 0);
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "'men'", clg_plan_metric(full, "men", &sum, NULL));
    clg_ctx_destroy(&b.ctx);
}

/* Numbers that float32 does not hold add up to the same bits when another plan goes on in the middle:
 * the second metric is the one that is told from others. */
TEST(plan, metrics_go_on)
{
    struct bench b = bench_open(CLG_FORM_ITEM);
    clg_tensor x = clg_input(b.graph, "x", CLG_F32, clg_shape1(CLG_BATCH));
    clg_metric_sum sum[2], none;
    clg_plan *one, *two;
    float value[3] = {0.1f, 16777.3f, 3e-5f};

    clg_metric(clg_sum(x, NULL, 0, false), "other");
    clg_metric(clg_mean(x, NULL, 0, false), "mean");
    one = compile(&b, 3, CLG_INFER);
    two = compile(&b, 3, CLG_INFER);
    for (int i = 0; i < 40; i++) {
        value[0] += 0.37f;
        test_ok(b.ctx, clg_plan_write(one, "x", value, sizeof(value)));
        test_ok(b.ctx, clg_plan_step(one));
        if (i == 20) {
            test_ok(b.ctx, clg_plan_get_metric(one, "mean", sum));
            cr_assert_neq(sum->carry, 0, "the numbers leave nothing to carry");
            test_ok(b.ctx, clg_plan_set_metric(two, "mean", sum));
        }
        test_ok(b.ctx, clg_plan_write(two, "x", value, sizeof(value)));
        if (i > 20)
            test_ok(b.ctx, clg_plan_step(two));
    }
    for (int i = 0; i < 2; i++)
        test_ok(b.ctx, clg_plan_get_metric(i ? two : one, "mean", &sum[i]));
    cr_assert(sum[0].sum == sum[1].sum && sum[0].carry == sum[1].carry);
    cr_assert(sum[0].count == 120 && sum[1].count == 120);
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "no metric 'men'", clg_plan_get_metric(one, "men", &none));
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "no metric 'men'", clg_plan_set_metric(one, "men", sum));
    clg_ctx_destroy(&b.ctx);
}

/* A state is written after the step; in inference only when it always is. */
TEST(plan, states_are_assigned)
{
    struct bench b = bench_open(CLG_FORM_ITEM);
    clg_tensor always = clg_state(b.graph, "always", clg_shape1(3), NULL);
    clg_tensor training = clg_state(b.graph, "training", clg_shape1(3), NULL);
    test_ok(b.ctx, clg_assign(always, clg_affine(always, 1.0f, 1.0f), CLG_WHEN_ALWAYS));
    test_ok(b.ctx, clg_assign(training, clg_affine(training, 1.0f, 1.0f), CLG_WHEN_TRAINING));
    clg_output(clg_add(always, training), "sum");
    clg_plan *infer = compile(&b, 1, CLG_INFER), *train = compile(&b, 1, CLG_TRAIN);
    float a[3], t[3];
    for (int i = 0; i < 2; i++) {
        test_ok(b.ctx, clg_plan_step(infer));
        test_ok(b.ctx, clg_plan_step(train));
    }
    test_ok(b.ctx, clg_store_get(b.store, "always", a, sizeof(a)));
    test_ok(b.ctx, clg_store_get(b.store, "training", t, sizeof(t)));
    cr_assert(a[0] == 4 && a[2] == 4 && t[0] == 2 && t[2] == 2);
    clg_ctx_destroy(&b.ctx);
}

/* What a step changes at its end is read as it was: by outputs, and by other assignments. */
TEST(plan, outputs_and_assignments_see_old_values)
{
    struct bench b = bench_open(CLG_FORM_AUTO);
    clg_init one = {.scheme = CLG_INIT_CONSTANT, .a = 1},
             two = {.scheme = CLG_INIT_CONSTANT, .a = 2};
    clg_tensor s = clg_state(b.graph, "s", clg_shape1(3), &one);
    clg_tensor t = clg_state(b.graph, "t", clg_shape1(3), &two);
    clg_tensor w = clg_parameter(b.graph, "w", clg_shape1(3), &two);
    test_ok(b.ctx, clg_assign(s, t, CLG_WHEN_ALWAYS));
    test_ok(b.ctx, clg_assign(t, s, CLG_WHEN_ALWAYS));
    clg_output(s, "s");
    clg_output(clg_reshape(w, clg_shape2(3, 1)), "w");
    test_ok(b.ctx, clg_minimize(clg_sgd_create(b.store, 0.25f, NULL),
                                clg_sum(clg_square(w), NULL, 0, false)));
    clg_plan *plan = compile(&b, 1, CLG_TRAIN);
    test_ok(b.ctx, clg_plan_step(plan));
    float v[3];
    test_ok(b.ctx, clg_plan_read(plan, "s", v, sizeof(v)));
    cr_expect_eq(v[2], 1.0f);
    test_ok(b.ctx, clg_plan_read(plan, "w", v, sizeof(v)));
    cr_expect_eq(v[2], 2.0f);
    test_ok(b.ctx, clg_store_get(b.store, "w", v, sizeof(v)));
    cr_expect_eq(v[2], 1.0f);
    test_ok(b.ctx, clg_store_get(b.store, "s", v, sizeof(v)));
    cr_expect_eq(v[2], 2.0f);
    test_ok(b.ctx, clg_store_get(b.store, "t", v, sizeof(v)));
    cr_expect_eq(v[2], 1.0f, "t is %g: the states did not change places", (double)v[2]);
    clg_ctx_destroy(&b.ctx);
}

/* The scratch memory belongs to another plan between the halves of a step. */
TEST(plan, another_plan_between_the_halves)
{
    struct bench b = bench_open(CLG_FORM_AUTO);
    clg_init two = {.scheme = CLG_INIT_CONSTANT, .a = 2};
    clg_tensor w = clg_parameter(b.graph, "w", clg_shape1(3), &two);
    clg_tensor s = clg_state(b.graph, "s", clg_shape1(3), NULL);
    test_ok(b.ctx, clg_assign(s, clg_exp(w), CLG_WHEN_TRAINING));
    test_ok(b.ctx, clg_minimize(clg_sgd_create(b.store, 0.25f, NULL),
                                clg_sum(clg_square(w), NULL, 0, false)));
    clg_plan *plan = compile(&b, 1, CLG_TRAIN);
    test_ok(b.ctx, clg_plan_backward(plan));
    float v[3];
    clg_tensor other =
        clg_reshape(clg_sum(clg_matmul(clg_softmax(clg_fill(b.graph, clg_shape2(9, 9), 3)),
                                       clg_fill(b.graph, clg_shape2(9, 3), 7), 0, 0),
                            (int32_t[]){0}, 1, false),
                    clg_shape1(3));
    test_ok(b.ctx, clg_eval(other, v, sizeof(v)));
    test_ok(b.ctx, clg_plan_update(plan));
    test_ok(b.ctx, clg_store_get(b.store, "s", v, sizeof(v)));
    cr_expect(fabsf(v[1] - expf(2)) < 1e-5f, "s is %g, must be e^2", (double)v[1]);
    clg_ctx_destroy(&b.ctx);
}

/* A step with an infinite loss changes nothing, and the store says which it was. */
TEST(plan, a_bad_step_changes_nothing)
{
    struct bench b = bench_open(CLG_FORM_ITEM);
    clg_tensor x = clg_input(b.graph, "x", CLG_F32, clg_shape2(CLG_BATCH, 3));
    clg_tensor loss =
        clg_output(clg_mean(clg_square(clg_linear(x, "l", 2, NULL)), NULL, 0, false), "loss");
    test_ok(b.ctx, clg_minimize(clg_sgd_create(b.store, 0.1f, NULL), loss));
    clg_plan *plan = compile(&b, 2, CLG_TRAIN);
    float good[6] = {1, 2, 3, 4, 5, 6}, bad[6] = {1, 2, 3, 4, INFINITY, 6}, before[6], after[6];
    clg_progress progress;
    test_ok(b.ctx, clg_plan_write(plan, "x", good, sizeof(good)));
    test_ok(b.ctx, clg_plan_step(plan));
    test_ok(b.ctx, clg_store_get(b.store, "l.weight", before, sizeof(before)));
    test_ok(b.ctx, clg_plan_write(plan, "x", bad, sizeof(bad)));
    test_ok(b.ctx, clg_plan_step(plan));
    test_ok(b.ctx, clg_plan_write(plan, "x", good, sizeof(good)));
    test_ok(b.ctx, clg_plan_step(plan));
    test_ok(b.ctx, clg_store_get(b.store, "l.weight", after, sizeof(after)));
    cr_assert_arr_eq(before, after, sizeof(before));
    test_ok(b.ctx, clg_store_progress(b.store, &progress));
    cr_assert(progress.steps == 1 && progress.first_bad_step == 2 && progress.bad_loss);
    test_ok(b.ctx, clg_store_clear_bad(b.store));
    test_ok(b.ctx, clg_plan_step(plan));
    test_ok(b.ctx, clg_store_progress(b.store, &progress));
    cr_assert(progress.steps == 2 && progress.first_bad_step == 0);
    clg_ctx_destroy(&b.ctx);
}

TEST(plan, eval)
{
    struct bench b = bench_open(CLG_FORM_ITEM);
    float v[2] = {3, 4}, out;
    clg_tensor x = clg_constant(b.graph, CLG_F32, clg_shape1(2), v);
    clg_tensor norm = clg_sqrt(clg_sum(clg_square(x), NULL, 0, false));
    test_ok(b.ctx, clg_eval(norm, &out, sizeof(out)));
    cr_assert_float_eq(out, 5, 1e-6);
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "8 bytes", clg_eval(norm, v, sizeof(v)));
    clg_tensor input = clg_input(b.graph, "x", CLG_F32, clg_shape1(CLG_BATCH));
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "input 'x'", clg_eval(input, &out, sizeof(out)));
    clg_ctx_destroy(&b.ctx);
}
