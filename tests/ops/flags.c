/* An index or label out of range is clamped, and flags the training step; inference tells nobody.
 */
#include "test.h"

typedef clg_tensor build(clg_graph *graph, clg_tensor index);

static clg_tensor gathered(clg_graph *graph, clg_tensor index)
{
    return clg_gather(clg_fill(graph, clg_shape2(4, 3), 1), index);
}

static clg_tensor scattered(clg_graph *graph, clg_tensor index)
{
    return clg_scatter_add(clg_fill(graph, clg_shape2(3, 2), 1), index, 4);
}

static clg_tensor cross_entropy(clg_graph *graph, clg_tensor index)
{
    return clg_cross_entropy(clg_fill(graph, clg_shape2(3, 4), 1), index, NULL);
}

/* One step with these indices, of which 4 numbers can be right. */
static clg_progress step(clg_form form, build *make, clg_mode mode, const int32_t index[3])
{
    clg_progress progress;
    clg_ctx *ctx = test_context();
    clg_store *store = clg_store_create(test_open(ctx, form), 1);
    clg_graph *graph = clg_graph_create(store);
    clg_tensor i = clg_input(graph, "index", CLG_I32, clg_shape1(3));
    clg_output(make(graph, i), "y");
    clg_plan *plan = clg_compile(graph, 1, mode, NULL);
    cr_assert_not_null(plan, "%s", clg_error(ctx));
    test_ok(ctx, clg_plan_write(plan, "index", index, 3 * sizeof(*index)));
    test_ok(ctx, clg_plan_step(plan));
    test_ok(ctx, clg_store_progress(store, &progress));
    clg_ctx_destroy(&ctx);
    return progress;
}

static void check(build *make)
{
    static const int32_t right[3] = {0, 3, 2}, wrong[2][3] = {{0, 4, 1}, {1, 2, -1}};
    for (size_t f = 0; f < TEST_FORMS; f++) {
        clg_progress p = step(test_forms[f], make, CLG_TRAIN, right);
        cr_assert(!p.bad_index && p.first_bad_step == 0, "flagged although all are in range");
        for (int w = 0; w < 2; w++) {
            p = step(test_forms[f], make, CLG_TRAIN, wrong[w]);
            cr_assert(p.bad_index && p.first_bad_step == 1, "form %d, indices %d", (int)f, w);
            p = step(test_forms[f], make, CLG_INFER, wrong[w]);
            cr_assert(!p.bad_index && p.first_bad_step == 0, "inference raised the flag");
        }
    }
}

TEST(flags, gather)
{
    check(gathered);
}

TEST(flags, scatter_add)
{
    check(scattered);
}

TEST(flags, cross_entropy)
{
    check(cross_entropy);
}
