/* Schedules: PyTorch's learning rates, on the way to the optimizer and through a training. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fault/allocator.h"
#include "unit/schedule_values.h"

struct bench {
    clg_ctx *ctx;
    clg_store *store;
    clg_optimizer *optimizer;
};

static struct bench bench_open(float lr)
{
    struct bench b = {.ctx = test_context()};

    b.store = clg_store_create(test_open(b.ctx, CLG_FORM_AUTO), 1);
    b.optimizer = clg_sgd_create(b.store, lr, NULL);
    cr_assert_not_null(b.optimizer, "%s", clg_error(b.ctx));
    return b;
}

static clg_schedule *schedule_of(const struct bench *b, size_t i)
{
    clg_schedule_params params = clg_schedule_defaults();
    clg_schedule *schedule;

    schedules[i].set(&params);
    schedule = clg_schedule_create(b->optimizer, schedules[i].kind, &params);
    cr_assert_not_null(schedule, "%s", clg_error(b->ctx));
    return schedule;
}

/* As metric() of tools/pytorch_schedules.py has it. */
static double metric(int i)
{
    return 2.0 / (1 + i) + (i * 37 % 11) / 64.0;
}

static void expect(size_t i, int count, float got)
{
    cr_assert_eq(got, schedules[i].rates[count], "schedule %zu, %s, count %d: %.9g, PyTorch %.9g",
                 i, schedules[i].kind, count, (double)got, (double)schedules[i].rates[count]);
}

#define SCHEDULE_COUNT (sizeof(schedules) / sizeof(schedules[0]))

TEST(schedule, is_pytorchs)
{
    for (size_t i = 0; i < SCHEDULE_COUNT; i++) {
        struct bench b = bench_open(schedules[i].lr);
        clg_schedule *schedule = schedule_of(&b, i);

        for (int count = 0; count < COUNTS; count++) {
            expect(i, count, clg_optimizer_get_lr(b.optimizer));
            test_ok(b.ctx, clg_schedule_observe(schedule, metric(count)));
            if (count + 1 < COUNTS)
                test_ok(b.ctx, clg_schedule_step(schedule));
        }
        clg_ctx_destroy(&b.ctx);
    }
}

/* From the state in the middle another process goes on; what is no plateau may be entered anywhere. */
TEST(schedule, goes_on)
{
    for (size_t i = 0; i < SCHEDULE_COUNT; i++) {
        struct bench b = bench_open(schedules[i].lr), other = bench_open(schedules[i].lr);
        clg_schedule *schedule = schedule_of(&b, i), *next = schedule_of(&other, i);
        clg_schedule_state state;

        for (int count = 0; count < 41; count++) {
            test_ok(b.ctx, clg_schedule_observe(schedule, metric(count)));
            test_ok(b.ctx, clg_schedule_step(schedule));
        }
        state = clg_schedule_get_state(schedule);
        test_ok(other.ctx, clg_schedule_set_state(next, &state));
        for (int count = 41; count < COUNTS; count++) {
            expect(i, count, clg_optimizer_get_lr(other.optimizer));
            test_ok(other.ctx, clg_schedule_observe(next, metric(count)));
            if (count + 1 < COUNTS)
                test_ok(other.ctx, clg_schedule_step(next));
        }
        if (strcmp(schedules[i].kind, "plateau") != 0) {
            test_ok(other.ctx, clg_schedule_seek(next, 23));
            expect(i, 23, clg_optimizer_get_lr(other.optimizer));
        }
        clg_ctx_destroy(&b.ctx);
        clg_ctx_destroy(&other.ctx);
    }
}

TEST(schedule, warmed_up_plateau)
{
    struct bench b = bench_open(0.3f);
    clg_schedule_params params = clg_schedule_defaults();
    clg_schedule *schedule;
    const float wanted[] = {0.1f, 0.2f, 0.3f, 0.3f, 0.03f};

    params.warmup = 2;
    params.patience = 1;
    schedule = clg_schedule_create(b.optimizer, "plateau", &params);
    for (int i = 0; i < 5; i++) {
        float got = clg_optimizer_get_lr(b.optimizer);

        cr_assert_float_eq(got, wanted[i], 1e-8, "count %d: %g", i, (double)got);
        test_ok(b.ctx, clg_schedule_observe(schedule, i < 2 ? 0.5 : NAN));
        test_ok(b.ctx, clg_schedule_step(schedule));
    }
    clg_ctx_destroy(&b.ctx);
}

/* The rates of groups keep their proportion. */
TEST(schedule, groups)
{
    struct bench b = bench_open(0.5f);
    clg_graph *graph = clg_graph_create(b.store);
    clg_schedule_params params = clg_schedule_defaults();
    clg_optimizer_group group = clg_optimizer_group_defaults(b.optimizer, "a");
    clg_init zeros = {.scheme = CLG_INIT_ZEROS};
    clg_tensor loss, both[2];
    clg_schedule *schedule;
    clg_plan *plan;
    float value;

    group.lr = 2.0f;
    test_ok(b.ctx, clg_optimizer_add_group(b.optimizer, &group));
    both[0] = clg_parameter(graph, "a", clg_shape1(1), &zeros);
    both[1] = clg_parameter(graph, "b", clg_shape1(1), &zeros);
    loss = clg_mean(clg_add(both[0], both[1]), NULL, 0, false); /* gradients of 1 */
    test_ok(b.ctx, clg_minimize(b.optimizer, loss));
    params.gamma = 0.5;
    schedule = clg_schedule_create(b.optimizer, "exponential", &params);
    plan = clg_compile(graph, 1, CLG_TRAIN, NULL);
    cr_assert_not_null(plan, "%s", clg_error(b.ctx));
    test_ok(b.ctx, clg_plan_step(plan));
    test_ok(b.ctx, clg_schedule_step(schedule));
    test_ok(b.ctx, clg_plan_step(plan));
    test_ok(b.ctx, clg_store_get(b.store, "a", &value, sizeof(value)));
    cr_assert_eq(value, -3.0f, "%g", (double)value);
    test_ok(b.ctx, clg_store_get(b.store, "b", &value, sizeof(value)));
    cr_assert_eq(value, -0.75f, "%g", (double)value);
    clg_ctx_destroy(&b.ctx);
}

TEST(schedule, allocations)
{
    static const int64_t milestones[] = {3, 5};
    struct allocator a = {0};
    clg_ctx_params params = clg_ctx_defaults();
    clg_schedule_params set = clg_schedule_defaults();
    clg_optimizer *optimizer;
    clg_schedule *schedule;
    clg_device *device;
    clg_ctx *ctx;
    long n = 0;

    params.allocate = allocator_call;
    params.allocate_user = &a;
    ctx = clg_ctx_create(&params);
    device = test_open(ctx, CLG_FORM_AUTO);
    optimizer = clg_sgd_create(clg_store_create(device, 1), 0.5f, NULL);
    set.milestones = milestones;
    set.milestone_count = 2;
    do {
        a = (struct allocator){.fail_at = ++n};
        schedule = clg_schedule_create(optimizer, "multistep", &set);
        cr_assert_eq(!schedule, a.failed, "allocation %ld: %s", n, clg_error(ctx));
    } while (a.failed);
    cr_assert_gt(n, 2);
    clg_ctx_destroy(&ctx);
}

/* ---- what is refused ---- */

static void set_nothing(clg_schedule_params *p)
{
    (void)p;
}
static void set_gamma(clg_schedule_params *p)
{
    p->step_size = 1;
    p->gamma = NAN;
}
static void set_order(clg_schedule_params *p)
{
    static const int64_t milestones[] = {3, 3};

    p->milestones = milestones;
    p->milestone_count = 2;
}
static void set_factor(clg_schedule_params *p)
{
    p->factor = 1;
}
static void set_start(clg_schedule_params *p)
{
    p->start_factor = 0;
}
static void set_warmup(clg_schedule_params *p)
{
    p->warmup = -1;
}
static void set_lr(clg_schedule_params *p)
{
    p->lr = HUGE_VAL;
}

TEST(schedule, refuses)
{
    static const struct {
        const char *kind, *words;
        void (*set)(clg_schedule_params *p);
    } cases[] = {
        {"cosin", "schedule 'cosin' is not one: there are step, multistep, ", set_nothing},
        {"step", "schedule 'step': step_size is 0, but must be at least 1", set_nothing},
        {"step", "schedule 'step': gamma is nan, but must be over 0", set_gamma},
        {"multistep", "there are no milestones", set_nothing},
        {"multistep", "milestone 3 comes after 3, but must be larger", set_order},
        {"cosine", "schedule 'cosine': T_max is 0, but must be at least 1", set_nothing},
        {"onecycle", "max_lr is 0, but must be over 0", set_nothing},
        {"plateau", "factor is 1, but must be over 0 and under 1", set_factor},
        {"linear", "start_factor is 0, but must be over 0 and at most 1", set_start},
        {"exponential", "warmup is -1, but must be at least 0", set_warmup},
        {"exponential", "lr is inf, but must be 0 or a positive number", set_lr},
    };
    struct bench b = bench_open(0.1f);

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        clg_schedule_params params = clg_schedule_defaults();

        cases[i].set(&params);
        cr_assert_null(clg_schedule_create(b.optimizer, cases[i].kind, &params));
        cr_assert(strstr(clg_error(b.ctx), cases[i].words), "case %zu: %s", i, clg_error(b.ctx));
    }
    clg_ctx_destroy(&b.ctx);
}

TEST(schedule, refuses_counts)
{
    struct bench b = bench_open(0.1f);
    clg_schedule_params params = clg_schedule_defaults();
    clg_schedule *schedule;

    params.max_lr = 1;
    params.total_steps = 4;
    params.warmup = 3;
    schedule = clg_schedule_create(b.optimizer, "onecycle", &params);
    test_ok(b.ctx, clg_schedule_seek(schedule, 6));
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "the count is 7, but must be under 7",
                 clg_schedule_step(schedule));
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "the count is -1, but must be at least 0",
                 clg_schedule_seek(schedule, -1));
    clg_ctx_destroy(&b.ctx);
}
