/* Objects that are destroyed while others still refer to them. */
#include "test.h"

struct fed {
    clg_ctx *ctx;
    clg_device *device;
    clg_plan *plan;
};

/* A plan with the input x (CLG_BATCH, 2) and the output y = x, for two samples a step. */
static struct fed make_fed(void)
{
    struct fed f = {.ctx = test_context()};
    f.device = test_open(f.ctx, CLG_FORM_AUTO);
    clg_graph *graph = clg_graph_create(clg_store_create(f.device, 1));
    clg_tensor x = clg_input(graph, "x", CLG_F32, clg_shape2(CLG_BATCH, 2));
    clg_output(clg_affine(x, 1, 0), "y");
    f.plan = clg_compile(graph, 2, CLG_INFER, NULL);
    cr_assert_not_null(f.plan, "%s", clg_error(f.ctx));
    return f;
}

static void expect_rows(struct fed *f, float a, float b)
{
    float y[4];
    test_ok(f->ctx, clg_plan_step(f->plan));
    test_ok(f->ctx, clg_plan_read(f->plan, "y", y, sizeof(y)));
    cr_expect(y[0] == a && y[1] == a && y[2] == b && y[3] == b, "%g %g %g %g", (double)y[0],
              (double)y[1], (double)y[2], (double)y[3]);
}

TEST(lifetime, arrays_outlive_their_handles_in_a_feed)
{
    const float rows[8] = {0, 0, 1, 1, 2, 2, 3, 3};
    const int32_t order[4] = {3, 1, 0, 2};
    struct fed f = make_fed();
    clg_array *array = clg_array_create(f.device, CLG_F32, 4, 2, rows);
    clg_array *index = clg_array_create(f.device, CLG_I32, 4, 1, order);
    clg_feed_params params = clg_feed_defaults();
    params.index = index;
    test_ok(f.ctx, clg_plan_feed(f.plan, "x", array, &params));
    clg_array_destroy(&array);
    clg_array_destroy(&index);
    expect_rows(&f, 3, 1);
    expect_rows(&f, 0, 2);
    clg_ctx_destroy(&f.ctx);
}

TEST(lifetime, arrays_of_another_device)
{
    const float rows[4] = {0};
    const int32_t order[2] = {1, 0};
    struct fed f = make_fed();
    clg_device *other = test_open(f.ctx, CLG_FORM_AUTO);
    clg_array *here = clg_array_create(f.device, CLG_F32, 2, 2, rows);
    clg_array *there = clg_array_create(other, CLG_F32, 2, 2, rows);
    clg_feed_params params = {clg_array_create(other, CLG_I32, 2, 1, order), 0, 1};
    test_refused(f.ctx, CLG_ERR_ARGUMENT, "feed 'x': the array lies on another device",
                 clg_plan_feed(f.plan, "x", there, NULL));
    test_refused(f.ctx, CLG_ERR_ARGUMENT, "feed 'x': the array lies on another device",
                 clg_plan_feed(f.plan, "x", here, &params));
    test_ok(f.ctx, clg_plan_feed(f.plan, "x", here, NULL));
    clg_device_destroy(&other);
    expect_rows(&f, 0, 0);
    clg_ctx_destroy(&f.ctx);
}

TEST(lifetime, a_feed_lets_go_of_its_arrays)
{
    const float rows[4] = {5, 5, 6, 6}, written[4] = {7, 7, 8, 8};
    struct fed f = make_fed();
    const struct layer *layer = test_layer();
    long before = layer->live(LAYER_MEM);
    clg_array *array = clg_array_create(f.device, CLG_F32, 2, 2, rows);
    test_ok(f.ctx, clg_plan_feed(f.plan, "x", array, NULL));
    test_ok(f.ctx, clg_plan_feed(f.plan, "x", array, NULL));
    clg_array_destroy(&array);
    expect_rows(&f, 5, 6);
    test_ok(f.ctx, clg_plan_write(f.plan, "x", written, sizeof(written)));
    expect_rows(&f, 7, 8);
    test_ok(f.ctx, clg_device_finish(f.device));
    cr_expect_eq(layer->live(LAYER_MEM), before, "the array's memory is still held");
    array = clg_array_create(f.device, CLG_F32, 2, 2, rows);
    test_ok(f.ctx, clg_plan_feed(f.plan, "x", array, NULL));
    clg_array_destroy(&array);
    clg_plan_destroy(&f.plan);
    clg_ctx_destroy(&f.ctx);
}

TEST(lifetime, an_optimizer_destroyed_before_its_graph)
{
    clg_ctx *ctx = test_context();
    clg_store *store = clg_store_create(test_open(ctx, CLG_FORM_AUTO), 1);
    clg_graph *graph = clg_graph_create(store);
    clg_tensor w = clg_parameter(graph, "w", clg_shape1(3), NULL);
    clg_tensor loss = clg_output(clg_sum(clg_square(w), NULL, 0, false), "loss");
    clg_optimizer *first = clg_sgd_create(store, 0.1f, NULL);
    test_ok(ctx, clg_minimize(first, loss));
    clg_plan *plan = clg_compile(graph, 1, CLG_TRAIN, NULL);
    cr_assert_not_null(plan, "%s", clg_error(ctx));
    test_ok(ctx, clg_plan_step(plan));
    clg_optimizer_destroy(&first);
    test_refused(ctx, CLG_ERR_STATE, "optimizer of this graph was destroyed", clg_plan_step(plan));
    test_refused(ctx, CLG_ERR_ARGUMENT, "by optimizer 'sgd' and by optimizer 'adam'",
                 clg_minimize(clg_adam_create(store, 0.1f, NULL), loss));
    clg_ctx_destroy(&ctx);
}
