/* Matrix products by CLBlast: the same cases as the native ones. */
#include "ops/run_family.h"

#include "gemm/gemm.h"

TEST(clblast, matrix_products)
{
    if (!clg_gemm_has_clblast())
        cr_skip_test("this build has no CLBlast: install libclblast-dev, configure again");
    clg_device_params params = clg_device_defaults();
    params.form = CLG_FORM_GROUP;
    params.gemm = CLG_GEMM_CLBLAST;
    cr_assert_gt(run_family("matmul", &params), 0);
}
