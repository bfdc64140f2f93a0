/* Counters go on where 32 bits end: steps, an optimizer's steps, samples of a metric, the cursor. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include "plan/plan.h"

#define FULL (UINT64_C(1) << 32)

struct bench {
    clg_ctx *ctx;
    clg_device *device;
    clg_store *store;
    clg_graph *graph;
    clg_plan *plan;
};

static struct bench bench_open(clg_form form)
{
    struct bench b = {.ctx = test_context()};
    b.device = test_open(b.ctx, form);
    return b;
}

static void bench_store(struct bench *b)
{
    clg_store_destroy(&b->store);
    b->store = clg_store_create(b->device, 3);
    b->graph = clg_graph_create(b->store);
}

static clg_plan *compile(struct bench *b, int64_t batch, clg_mode mode)
{
    clg_plan *plan = clg_compile(b->graph, batch, mode, NULL);
    cr_assert_not_null(plan, "%s", clg_error(b->ctx));
    return plan;
}

/* ---- steps ---- */

/* sum(sqrt(w)), whose first 1,000 steps cannot reach 0. */
static void build_training(struct bench *b)
{
    const clg_init one = {.scheme = CLG_INIT_CONSTANT, .a = 1};
    bench_store(b);
    clg_tensor w = clg_parameter(b->graph, "w", clg_shape1(5), &one);
    test_ok(b->ctx, clg_minimize(clg_adam_create(b->store, 1e-3f, NULL),
                                 clg_sum(clg_sqrt(w), NULL, 0, false)));
    b->plan = compile(b, 1, CLG_TRAIN);
}

static void set_steps(struct bench *b, uint64_t steps)
{
    const uint32_t words[2] = {(uint32_t)steps, (uint32_t)(steps >> 32)};
    struct clg_buffer *block = clg_store_block(b->store);
    test_ok(b->ctx, clg_buffer_write(block, CLG_BLOCK_STEP * 4, words, 8));
    test_ok(b->ctx, clg_buffer_write(block, (CLG_PART(0) + CLG_PART_STEPS) * 4, words, 8));
}

static uint64_t optimizer_steps(struct bench *b)
{
    uint32_t words[2];
    test_ok(b->ctx, clg_buffer_read(clg_store_block(b->store),
                                    (CLG_PART(0) + CLG_PART_STEPS) * 4, words, 8));
    return words[0] | (uint64_t)words[1] << 32;
}

static clg_progress progress(struct bench *b)
{
    clg_progress now;
    test_ok(b->ctx, clg_store_progress(b->store, &now));
    return now;
}

TEST(counters, of_steps)
{
    for (size_t f = 0; f < TEST_FORMS; f++) {
        struct bench b = bench_open(test_forms[f]);
        build_training(&b);
        set_steps(&b, FULL - 2);
        for (uint64_t step = FULL - 1; step <= FULL + 1; step++) {
            test_ok(b.ctx, clg_plan_step(b.plan));
            cr_assert_eq(progress(&b).steps, step);
            cr_assert_eq(optimizer_steps(&b), step);
        }
        clg_ctx_destroy(&b.ctx);
    }
}

/* The bad step may be the one whose low word is 0: what follows is gated all the same. */
TEST(counters, of_a_bad_step)
{
    struct bench b = bench_open(CLG_FORM_AUTO);
    float good[5] = {1, 1, 1, 1, 1}, bad[5] = {1, 0, 1, 1, 1}, now[5];
    build_training(&b);
    set_steps(&b, FULL - 1);
    test_ok(b.ctx, clg_store_set(b.store, "w", bad, sizeof(bad)));
    test_ok(b.ctx, clg_plan_step(b.plan));
    cr_assert_eq(progress(&b).first_bad_step, FULL);
    test_ok(b.ctx, clg_store_set(b.store, "w", good, sizeof(good)));
    test_ok(b.ctx, clg_plan_step(b.plan));
    test_ok(b.ctx, clg_store_get(b.store, "w", now, sizeof(now)));
    cr_assert_arr_eq(now, good, sizeof(good), "a gated step changed something");
    cr_assert(progress(&b).first_bad_step == FULL && progress(&b).steps == FULL - 1);
    clg_ctx_destroy(&b.ctx);
}

TEST(counters, in_files)
{
    struct bench b = bench_open(CLG_FORM_AUTO);
    char folder[256], path[300];
    test_folder(folder);
    snprintf(path, sizeof(path), "%s/weights", folder);
    for (int late = 0; late < 2; late++) /* the optimizer's memory, before the load and after it */
        for (uint64_t steps = FULL - 1; steps <= FULL + 1; steps++) {
            build_training(&b);
            set_steps(&b, steps);
            test_ok(b.ctx, clg_store_save(b.store, path, NULL));
            build_training(&b);
            test_ok(b.ctx, clg_plan_step(b.plan));
            if (late) {
                bench_store(&b);
                clg_parameter(b.graph, "w", clg_shape1(5), NULL);
            }
            test_ok(b.ctx, clg_store_load(b.store, path));
            if (late) {
                clg_tensor w = clg_parameter(b.graph, "w", clg_shape1(5), NULL);
                test_ok(b.ctx, clg_minimize(clg_adam_create(b.store, 1e-3f, NULL),
                                            clg_sum(clg_sqrt(w), NULL, 0, false)));
                compile(&b, 1, CLG_TRAIN);
            }
            cr_assert_eq(progress(&b).steps, steps);
            cr_assert_eq(optimizer_steps(&b), steps);
        }
    clg_ctx_destroy(&b.ctx);
    test_remove(folder);
}

/* ---- samples ---- */

TEST(counters, of_a_metric)
{
    struct bench b = bench_open(CLG_FORM_AUTO);
    const uint32_t near[1] = {UINT32_MAX - 2};
    double sum, count;
    bench_store(&b);
    clg_metric(clg_fill(b.graph, clg_shape0(), 1), "one");
    b.plan = compile(&b, 5, CLG_INFER);
    test_ok(b.ctx, clg_buffer_write(b.plan->tally, (b.plan->first_sum + 2) * 4, near, 4));
    for (int i = 0; i < 2; i++)
        test_ok(b.ctx, clg_plan_step(b.plan));
    test_ok(b.ctx, clg_plan_metric(b.plan, "one", &sum, &count));
    cr_assert_eq(count, 0x1p32 - 3 + 10, "%.0f", count);
    test_ok(b.ctx, clg_plan_reset_metrics(b.plan));
    test_ok(b.ctx, clg_plan_metric(b.plan, "one", NULL, &count));
    cr_assert_eq(count, 0);
    clg_ctx_destroy(&b.ctx);
}

/* ---- the cursor ---- */

/* Past the end every row is the last one, however far. */
static void last_rows(struct bench *b, bool indexed)
{
    const int32_t order[3] = {2, 0, 1}, rows[3] = {10, 20, 30};
    clg_feed_params feed = clg_feed_defaults();
    clg_array *array = clg_array_create(b->device, CLG_I32, 3, 1, rows);
    clg_array *index = clg_array_create(b->device, CLG_I32, 3, 1, order);
    int32_t want = indexed ? 20 : 30, got[4];
    bench_store(b);
    clg_output(clg_input(b->graph, "x", CLG_I32, clg_shape1(CLG_BATCH)), "y");
    b->plan = compile(b, 4, CLG_INFER);
    feed.index = indexed ? index : NULL;
    test_ok(b->ctx, clg_plan_feed(b->plan, "x", array, &feed));
    test_ok(b->ctx, clg_plan_seek(b->plan, INT32_MAX - 2));
    for (int step = 0; step < 4; step++) {
        test_ok(b->ctx, clg_plan_step(b->plan));
        test_ok(b->ctx, clg_plan_read(b->plan, "y", got, sizeof(got)));
        for (int i = 0; i < 4; i++)
            cr_assert_eq(got[i], want, "step %d, row %d: %d", step, i, got[i]);
    }
    clg_array_destroy(&array);
    clg_array_destroy(&index);
}

TEST(counters, of_rows)
{
    for (size_t f = 0; f < TEST_FORMS; f++) {
        struct bench b = bench_open(test_forms[f]);
        last_rows(&b, false);
        last_rows(&b, true);
        clg_ctx_destroy(&b.ctx);
    }
}
