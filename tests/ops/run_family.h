/* Runs the selftest's cases of a family of ops and fails with the first op that does not pass. */
#ifndef TEST_OPS_RUN_FAMILY_H
#define TEST_OPS_RUN_FAMILY_H

#include "test.h"
#include <string.h>
#include "device/device.h"
#include "selftest/selftest.h"

/* How many ops of the family there are; each is run on a device opened with params. */
static inline int run_family(const char *family, const clg_device_params *params)
{
    int ops = 0;
    clg_ctx *ctx = test_context();
    clg_device *device = test_open_with(ctx, params);
    for (int i = 0; i < CLG_OP_COUNT; i++) {
        struct clg_selftest_result result;
        if (strcmp(clg_ops[i].family, family))
            continue;
        clg_selftest_run(device, &clg_ops[i], false, &result);
        cr_assert(result.pass, "%s: %s", clg_ops[i].name, result.message);
        cr_assert_gt(result.cases, 0, "%s has no cases", clg_ops[i].name);
        ops++;
    }
    clg_ctx_destroy(&ctx);
    return ops;
}

#endif
