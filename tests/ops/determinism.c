/* Every op's cases twice, forward and gradient: the same bits. */
#include "test.h"

#include "selftest/selftest.h"

static void run(clg_form form)
{
    clg_device_params params = clg_device_defaults();
    params.form = form;
    params.gemm = CLG_GEMM_NATIVE;
    clg_ctx *ctx = test_context();
    clg_device *device = test_open_with(ctx, &params);
    for (int i = 0; i < CLG_OP_COUNT; i++) {
        struct clg_selftest_result result;
        clg_selftest_repeat(device, &clg_ops[i], false, &result);
        cr_assert(result.pass, "%s: %s", clg_ops[i].name, result.message);
        cr_assert_gt(result.cases, 0, "%s has no cases", clg_ops[i].name);
    }
    clg_ctx_destroy(&ctx);
}

TEST(determinism, item)
{
    run(CLG_FORM_ITEM);
}

TEST(determinism, group)
{
    run(CLG_FORM_GROUP);
}
