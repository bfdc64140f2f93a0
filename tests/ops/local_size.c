/* Kernels over rows and sums in the group form, with the local sizes that devices choose; 64, which
 * CPU devices take, is in families.c too. */
#include "ops/run_family.h"

static void run(uint32_t local)
{
    static const char *const families[] = {"shape",   "reduce", "gather",
                                           "softmax", "loss",   "matmul"};
    clg_device_params params = clg_device_defaults();
    params.form = CLG_FORM_GROUP;
    params.gemm = CLG_GEMM_NATIVE;
    params.local_size = local;
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
        run_family(families[i], &params);
}

TEST(local_size, of_32)
{
    run(32);
}

TEST(local_size, of_64)
{
    run(64);
}

TEST(local_size, of_256)
{
    run(256);
}

TEST(local_size, inlined_functions_see_their_local_memory)
{
    for (uint32_t local = 1; local <= 256; local *= 4) {
        struct clg_selftest_result result;
        clg_device_params params = clg_device_defaults();
        params.form = CLG_FORM_GROUP;
        params.local_size = local;
        clg_ctx *ctx = test_context();
        clg_device *device = test_open_with(ctx, &params);
        clg_selftest_trial(device, clg_trial_find("driver.local_memory"), &result);
        cr_assert(result.pass, "groups of %u: %s", local, result.message);
        clg_ctx_destroy(&ctx);
    }
}
