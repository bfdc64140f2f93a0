/* What a step asks of the driver: with native matrix products steps 10 to 20 only enqueue, flush
 * and handle events; CLBlast makes calls of its own, listed here. */
#include "test.h"

#include "fault/mlp.h"

#include <string.h>

/* What CLBlast does in every call beside enqueuing: it looks its device up, makes a kernel and sets
 * its arguments. */
static const char *const of_clblast[] = {"clCreateKernel",
                                         "clReleaseKernel",
                                         "clSetKernelArg",
                                         "clGetCommandQueueInfo",
                                         "clGetContextInfo",
                                         "clGetDeviceInfo",
                                         "clGetPlatformInfo",
                                         "clGetMemObjectInfo",
                                         "clGetKernelInfo",
                                         "clGetKernelWorkGroupInfo",
                                         NULL};

static bool is_enqueue(const char *call)
{
    /* A blocking read or write would wait, and an upload is no part of a fed step. */
    return strncmp(call, "clEnqueue", 9) == 0 && !strstr(call, "Read") && !strstr(call, "Write") &&
           !strstr(call, "Map");
}

static bool is_listed(const char *call, const char *const *list)
{
    for (; list && *list; list++)
        if (strcmp(*list, call) == 0)
            return true;
    return false;
}

static bool is_allowed(const char *call, const char *const *also)
{
    static const char *const always[] = {"clFlush", "clRetainEvent", "clReleaseEvent", NULL};
    return is_enqueue(call) || is_listed(call, always) || is_listed(call, also);
}

static void check_calls(const struct layer *layer, const char *const *also)
{
    long count, all = 0;
    const char *name;
    for (size_t i = 0; (name = layer->calls(i, &count)) != NULL; i++) {
        cr_assert(count == 0 || is_allowed(name, also), "steps 10 to 20 call %s %ld times", name,
                  count);
        all += count;
    }
    cr_assert_gt(all, 11, "no calls were seen: is the layer loaded?");
}

static void check_steps(clg_form form, clg_gemm_choice gemm, const char *const *also)
{
    const struct layer *layer = test_layer();
    cr_assert_not_null(layer, "this test needs the layer: run it by `meson test`");
    struct mlp mlp;
    mlp_create(&mlp, form, gemm);
    for (int step = 1; step <= 20; step++) {
        if (step == 10)
            layer->mark();
        test_ok(mlp.ctx, clg_plan_step(mlp.plan));
    }
    check_calls(layer, also);
    test_ok(mlp.ctx, clg_device_finish(mlp.device));
    mlp_destroy(&mlp);
}

TEST(step_calls, native_item)
{
    check_steps(CLG_FORM_ITEM, CLG_GEMM_NATIVE, NULL);
}

TEST(step_calls, native_group)
{
    check_steps(CLG_FORM_GROUP, CLG_GEMM_NATIVE, NULL);
}

#if CLG_HAVE_CLBLAST
TEST(step_calls, clblast)
{
    check_steps(CLG_FORM_ITEM, CLG_GEMM_CLBLAST, of_clblast);
}
#endif

/* A learning rate that changes before each step builds nothing and waits for nothing. */
TEST(step_calls, schedule)
{
    const struct layer *layer = test_layer();
    struct mlp mlp;
    clg_schedule_params params = clg_schedule_defaults();
    clg_schedule *schedule;

    mlp_create(&mlp, CLG_FORM_ITEM, CLG_GEMM_NATIVE);
    params.T_max = 13;
    params.warmup = 5;
    schedule = clg_schedule_create(mlp.optimizer, "cosine", &params);
    cr_assert_not_null(schedule, "%s", clg_error(mlp.ctx));
    for (int step = 1; step <= 20; step++) {
        float before = clg_optimizer_get_lr(mlp.optimizer);

        if (step == 2)
            layer->mark();
        test_ok(mlp.ctx, clg_plan_step(mlp.plan));
        test_ok(mlp.ctx, clg_schedule_step(schedule));
        cr_assert_neq(clg_optimizer_get_lr(mlp.optimizer), before);
    }
    check_calls(layer, NULL);
    test_ok(mlp.ctx, clg_device_finish(mlp.device));
    mlp_destroy(&mlp);
}

/* A cold start compiles few kernels (examples/fashion-mnist/mlp.yaml). */
TEST(step_calls, kernels)
{
    for (size_t i = 0; i < TEST_FORMS; i++) {
        struct mlp mlp;
        clg_plan_report report;
        mlp_create(&mlp, test_forms[i], CLG_GEMM_NATIVE);
        test_ok(mlp.ctx, clg_plan_get_report(mlp.plan, &report));
        cr_assert_leq(report.gemm_kernels, 3, "%u matrix-product kernels", report.gemm_kernels);
        cr_assert_gt(report.gemm_kernels, 0);
        cr_assert_leq(report.kernels - report.gemm_kernels, 8, "%u other kernels",
                      report.kernels - report.gemm_kernels);
        mlp_destroy(&mlp);
    }
}
