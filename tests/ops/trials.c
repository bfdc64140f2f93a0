/* What the selftest checks between the ops: every trial of trials.def, and of the optimizers. */
#include "test.h"

#include <stdio.h>
#include <string.h>
#include "selftest/selftest.h"

static void run(clg_form form)
{
    clg_ctx *ctx = test_context();
    clg_device *device = test_open(ctx, form);
    for (int i = 0; i < CLG_TRIAL_COUNT; i++) {
        struct clg_selftest_result result;
        clg_selftest_trial(device, &clg_trials[i], &result);
        cr_expect(result.pass, "%s: %s", result.op, result.message);
        cr_expect_gt(result.cases, 0, "%s has no case", result.op);
    }
    clg_ctx_destroy(&ctx);
}

TEST(trials, group)
{
    run(CLG_FORM_GROUP);
}

TEST(trials, item)
{
    run(CLG_FORM_ITEM);
}

/* --op finds them by their names, and none hides behind another. */
TEST(trials, names)
{
    for (int i = 0; i < CLG_TRIAL_COUNT; i++)
        cr_assert_eq(clg_trial_find(clg_trials[i].name), &clg_trials[i], "%s is there twice",
                     clg_trials[i].name);
    cr_assert_null(clg_trial_find("step"));
}
