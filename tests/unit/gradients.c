/* Gradients that belong to the application: given, written, clipped, added up; refusals and launches. */
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

static struct bench bench_open(void)
{
    struct bench b = {.ctx = test_context()};
    b.device = test_open(b.ctx, CLG_FORM_AUTO);
    b.store = clg_store_create(b.device, 1);
    b.graph = clg_graph_create(b.store);
    return b;
}

static void bench_close(struct bench *b)
{
    clg_ctx_destroy(&b->ctx);
}

static clg_optimizer *sgd(struct bench *b, const char *name, const char *match)
{
    clg_optimizer_params p = clg_optimizer_defaults("sgd");
    p.name = name;
    p.match = match;
    clg_optimizer *o = clg_optimizer_create(b->store, "sgd", 0.5f, &p);
    cr_assert_not_null(o, "%s", clg_error(b->ctx));
    return o;
}

static clg_tensor sum(clg_tensor t)
{
    return clg_sum(t, NULL, 0, false);
}

/* ---- given ---- */

/* What clg_minimize_gradients() refuses: made by one function from a new graph. */
struct pair {
    clg_tensor parameters[2], gradients[2];
};

static clg_tensor parameter(clg_graph *graph, const char *name)
{
    return clg_parameter(graph, name, clg_shape1(3), NULL);
}

static struct pair good(clg_graph *graph)
{
    clg_tensor g = clg_fill(graph, clg_shape1(3), 1);
    return (struct pair){{parameter(graph, "a"), parameter(graph, "b")}, {g, g}};
}

static struct pair computed(clg_graph *graph)
{
    struct pair pair = good(graph);
    pair.parameters[1] = clg_neg(pair.parameters[1]);
    return pair;
}

static struct pair state(clg_graph *graph)
{
    struct pair pair = good(graph);
    pair.parameters[1] = clg_state(graph, "s", clg_shape1(3), NULL);
    return pair;
}

static struct pair unmatched(clg_graph *graph)
{
    struct pair pair = good(graph);
    pair.parameters[1] = parameter(graph, "other");
    return pair;
}

static struct pair frozen(clg_graph *graph)
{
    struct pair pair = good(graph);
    pair.parameters[1] = parameter(graph, "c");
    return pair;
}

static struct pair twice(clg_graph *graph)
{
    struct pair pair = good(graph);
    pair.parameters[1] = pair.parameters[0];
    return pair;
}

static struct pair shaped(clg_graph *graph)
{
    struct pair pair = good(graph);
    pair.gradients[1] = clg_fill(graph, clg_shape1(4), 1);
    return pair;
}

static struct pair integer(clg_graph *graph)
{
    const int32_t values[3] = {1, 2, 3};
    struct pair pair = good(graph);
    pair.gradients[1] = clg_constant(graph, CLG_I32, clg_shape1(3), values);
    return pair;
}

static struct pair absent(clg_graph *graph)
{
    struct pair pair = good(graph);
    pair.gradients[1] = (clg_tensor){NULL, -1, 0};
    return pair;
}

static struct pair assigned(clg_graph *graph)
{
    struct pair pair = good(graph);
    clg_assign(pair.parameters[1], pair.gradients[1], CLG_WHEN_TRAINING);
    return pair;
}

TEST(gradients, refused)
{
    static const struct {
        const char *words;
        struct pair (*make)(clg_graph *graph);
    } tried[] = {
        {"parameter 1 is no parameter, but computed", computed},
        {"parameter 1 is a state", state},
        {"parameter 1 is none that the optimizer's pattern matches", unmatched},
        {"parameter 1 is frozen", frozen},
        {"parameter 'a' is given twice", twice},
        {"the gradient of 'b' (number 1) must be float32 and have the parameter's shape", shaped},
        {"the gradient of 'b' (number 1) must be float32", integer},
        {"the gradient of 'b' (number 1) is not a valid tensor", absent},
        {"assigned by clg_assign()", assigned},
    };
    struct bench b = bench_open();
    clg_optimizer *o = sgd(&b, "sgd", "?");
    parameter(b.graph, "c");
    test_ok(b.ctx, clg_optimizer_freeze(o, "c"));
    for (size_t i = 0; i < sizeof(tried) / sizeof(*tried); i++) {
        clg_graph *graph = clg_graph_create(b.store);
        struct pair pair = tried[i].make(graph);
        test_refused(b.ctx, CLG_ERR_ARGUMENT, tried[i].words,
                     clg_minimize_gradients(o, pair.parameters, pair.gradients, 2));
        cr_assert_null(clg_compile(graph, 1, CLG_TRAIN, NULL));
    }
    bench_close(&b);
}

TEST(gradients, refused_of_no_graph)
{
    struct bench b = bench_open();
    struct pair pair = good(b.graph);
    const clg_tensor nothing = {NULL, -1, 0};
    clg_store *other = clg_store_create(b.device, 1);
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "0 parameters were given",
                 clg_minimize_gradients(sgd(&b, "a", "*"), pair.parameters, pair.gradients, 0));
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "parameter 0 is not a valid tensor",
                 clg_minimize_gradients(sgd(&b, "b", "*"), &nothing, pair.gradients, 1));
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "no optimizer",
                 clg_minimize_gradients(NULL, pair.parameters, pair.gradients, 2));
    pair = good(clg_graph_create(b.store));
    b.store = other;
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "another store",
                 clg_minimize_gradients(sgd(&b, "c", "*"), pair.parameters, pair.gradients, 2));
    bench_close(&b);
}

/* ---- written ---- */

TEST(gradients, written_to_what_nothing_trains)
{
    struct bench b = bench_open();
    const float g[3] = {1, 2, 3};
    clg_tensor loss = sum(parameter(b.graph, "w"));
    test_refused(b.ctx, CLG_ERR_STATE, "has no gradient",
                 clg_store_set_gradient(b.store, "w", g, sizeof(g)));
    test_ok(b.ctx, clg_minimize(sgd(&b, "sgd", "*"), loss));
    cr_assert_not_null(clg_compile(b.graph, 1, CLG_TRAIN, NULL), "%s", clg_error(b.ctx));
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "has 12 bytes",
                 clg_store_set_gradient(b.store, "w", g, sizeof(g) - 4));
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "no parameter 'v'",
                 clg_store_set_gradient(b.store, "v", g, sizeof(g)));
    test_ok(b.ctx, clg_store_set_gradient(b.store, "w", g, sizeof(g)));
    bench_close(&b);
}

/* ---- clipped and added up ---- */

/* A network of two layers, and its plan. */
static clg_plan *network(struct bench *b, clg_optimizer *o)
{
    clg_tensor x = clg_input(b->graph, "x", CLG_F32, clg_shape2(CLG_BATCH, 5));
    clg_tensor h = clg_relu(clg_linear(x, "fc1", 7, NULL));
    clg_tensor y = clg_linear(h, "fc2", 3, NULL);
    test_ok(b->ctx, clg_minimize(o, clg_mean(clg_square(y), NULL, 0, false)));
    clg_plan *plan = clg_compile(b->graph, 4, CLG_TRAIN, NULL);
    cr_assert_not_null(plan, "%s", clg_error(b->ctx));
    return plan;
}

static uint32_t launches(struct bench *b, clg_plan *plan)
{
    clg_plan_report report;
    test_ok(b->ctx, clg_plan_get_report(plan, &report));
    return report.launches;
}

TEST(gradients, clipped_by_one_launch_more)
{
    uint32_t count[3];
    for (int i = 0; i < 3; i++) {
        struct bench b = bench_open();
        clg_optimizer *o = sgd(&b, "sgd", "*");
        if (i == 1)
            test_ok(b.ctx, clg_optimizer_clip_value(o, 1));
        if (i == 2)
            test_ok(b.ctx, clg_optimizer_clip_norm(o, 1));
        count[i] = launches(&b, network(&b, o));
        bench_close(&b);
    }
    cr_assert_eq(count[1], count[0]);
    cr_assert_eq(count[2], count[0] + 1);
}

TEST(gradients, clipped_by_refused_limits)
{
    struct bench b = bench_open();
    clg_optimizer *o = sgd(&b, "sgd", "*");
    float norm;
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "above 0", clg_optimizer_clip_norm(o, 0));
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "above 0", clg_optimizer_clip_norm(o, NAN));
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "above 0", clg_optimizer_clip_value(o, -1));
    clg_plan *plan = network(&b, o);
    test_refused(b.ctx, CLG_ERR_STATE, "measures no norm", clg_optimizer_grad_norm(o, &norm));
    test_refused(b.ctx, CLG_ERR_STATE, "in a graph already", clg_optimizer_clip_norm(o, 1));
    test_refused(b.ctx, CLG_ERR_STATE, "in a graph already", clg_optimizer_accumulate(o));
    test_refused(b.ctx, CLG_ERR_STATE, "keeps no sum of gradients", clg_plan_accumulate(plan));
    test_ok(b.ctx, clg_optimizer_clip_value(o, 1));
    bench_close(&b);
}

/* 2^66 squared is over FLT_MAX: nothing moves, and the step is said to be bad. */
TEST(gradients, of_a_norm_that_is_not_finite)
{
    struct bench b = bench_open();
    clg_optimizer *o = sgd(&b, "sgd", "*");
    clg_progress progress;
    float before[105], after[105], x[20];
    test_ok(b.ctx, clg_optimizer_clip_norm(o, 1));
    clg_plan *plan = network(&b, o);
    for (int i = 0; i < 20; i++)
        x[i] = 0x1p30f;
    for (int i = 0; i < 35; i++)
        before[i] = 0x1p4f;
    test_ok(b.ctx, clg_store_set(b.store, "fc1.weight", before, 35 * 4));
    test_ok(b.ctx, clg_plan_write(plan, "x", x, sizeof(x)));
    test_ok(b.ctx, clg_plan_step(plan));
    test_ok(b.ctx, clg_store_progress(b.store, &progress));
    cr_assert(progress.first_bad_step == 1 && progress.bad_update && !progress.bad_loss);
    test_ok(b.ctx, clg_store_get(b.store, "fc1.weight", after, 35 * 4));
    cr_assert_arr_eq(before, after, 35 * 4);
    bench_close(&b);
}

/* The batches that wait are forgotten with a file: the step after it is over its own batch alone. */
TEST(gradients, forgotten_by_a_load)
{
    struct bench b = bench_open();
    char folder[256], path[300];
    const float large[3] = {8, 8, 8}, one[3] = {1, 1, 1};
    float w[3], after[3];
    snprintf(path, sizeof(path), "%s/weights", test_folder(folder));
    clg_tensor slope = clg_input(b.graph, "slope", CLG_F32, clg_shape1(3));
    clg_optimizer *o = sgd(&b, "sgd", "*");
    test_ok(b.ctx, clg_optimizer_accumulate(o));
    test_ok(b.ctx, clg_minimize(o, sum(clg_mul(parameter(b.graph, "w"), slope))));
    clg_plan *plan = clg_compile(b.graph, 1, CLG_TRAIN, NULL);
    cr_assert_not_null(plan, "%s", clg_error(b.ctx));
    test_ok(b.ctx, clg_store_save(b.store, path, NULL));
    test_ok(b.ctx, clg_store_get(b.store, "w", w, sizeof(w)));
    test_ok(b.ctx, clg_plan_write(plan, "slope", large, sizeof(large)));
    test_ok(b.ctx, clg_plan_accumulate(plan));
    test_refused(b.ctx, CLG_ERR_STATE, "no clg_plan_backward()", clg_plan_update(plan));
    test_ok(b.ctx, clg_store_load(b.store, path));
    test_ok(b.ctx, clg_plan_write(plan, "slope", one, sizeof(one)));
    test_ok(b.ctx, clg_plan_step(plan));
    test_ok(b.ctx, clg_store_get(b.store, "w", after, sizeof(after)));
    for (int i = 0; i < 3; i++)
        cr_assert_float_eq(after[i], w[i] - 0.5f, 1e-7f, "%g %g", (double)after[i], (double)w[i]);
    bench_close(&b);
    test_remove(folder);
}
