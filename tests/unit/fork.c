/* fork() and OpenCL: a child is told what does not work there, and nothing in it waits for ever. */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "test.h"

struct world {
    clg_ctx *ctx;
    clg_device *device;
    clg_store *store;
    clg_graph *graph;
    clg_plan *plan;
    clg_array *array;
};

static struct world make_world(void)
{
    struct world w = {.ctx = test_context()};
    clg_device_params params = clg_device_defaults();
    params.gemm = CLG_GEMM_CLBLAST; /* which has a cache of its own to let go of */
    w.device = test_open_with(w.ctx, &params);
    w.store = clg_store_create(w.device, 1);
    w.graph = clg_graph_create(w.store);
    clg_tensor x = clg_input(w.graph, "x", CLG_F32, clg_shape2(CLG_BATCH, 2));
    clg_tensor y = clg_output(clg_linear(x, "fc", 3, NULL), "y");
    test_ok(w.ctx, clg_minimize(clg_sgd_create(w.store, 0.1f, NULL),
                                clg_mean(clg_square(y), NULL, 0, false)));
    w.plan = clg_compile(w.graph, 2, CLG_TRAIN, NULL);
    w.array = clg_array_create(w.device, CLG_F32, 4, 2, (const float[8]){0});
    cr_assert(w.plan && w.array, "%s", clg_error(w.ctx));
    test_ok(w.ctx, clg_plan_feed(w.plan, "x", w.array, NULL));
    return w;
}

static void expect_step(struct world *w)
{
    float y[6];
    test_ok(w->ctx, clg_plan_step(w->plan));
    test_ok(w->ctx, clg_plan_read(w->plan, "y", y, sizeof(y)));
}

static bool refused(const clg_ctx *ctx, clg_status status)
{
    return status == CLG_ERR_STATE && clg_error_status(ctx) == CLG_ERR_STATE &&
           strstr(clg_error(ctx), "forked");
}

/* How many of the calls that need the driver were not refused. */
static int count_passed(struct world *w)
{
    float value[6];
    clg_progress progress;
    const clg_status all[] = {
        clg_device_finish(w->device),
        clg_plan_step(w->plan),
        clg_plan_backward(w->plan),
        clg_plan_update(w->plan),
        clg_plan_write(w->plan, "x", value, 16),
        clg_plan_feed(w->plan, "x", w->array, NULL),
        clg_plan_seek(w->plan, 0),
        clg_plan_read(w->plan, "y", value, sizeof(value)),
        clg_array_write(w->array, value, 8),
        clg_store_get(w->store, "fc.bias", value, 12),
        clg_store_set(w->store, "fc.bias", value, 12),
        clg_store_progress(w->store, &progress),
        clg_eval(clg_fill(w->graph, clg_shape0(), 1), value, 4),
    };
    int passed = 0;
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        passed += !refused(w->ctx, all[i]);
    passed += clg_compile(w->graph, 3, CLG_TRAIN, NULL) != NULL;
    passed += clg_array_create(w->device, CLG_F32, 1, 1, NULL) != NULL;
    return passed;
}

/* The same in a context of the child's own. */
static int count_passed_anew(void)
{
    clg_ctx *ctx = clg_ctx_create(NULL);
    const clg_device_info *list;
    const char *text;
    size_t count;
    int passed = clg_device_open(ctx, NULL, NULL) || !refused(ctx, CLG_ERR_STATE);
    passed += !refused(ctx, clg_device_list(ctx, true, &list, &count));
    passed += !refused(ctx, clg_device_why(ctx, &text));
    clg_ctx_destroy(&ctx);
    return passed;
}

static int status_of(pid_t child)
{
    int status = -1;
    cr_assert_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

TEST(fork, a_child_is_refused_and_does_not_hang)
{
    struct world w = make_world();
    expect_step(&w);
    pid_t child = fork();
    if (child == 0) {
        int passed = count_passed(&w) + count_passed_anew();
        clg_plan_destroy(&w.plan);
        clg_array_destroy(&w.array);
        clg_ctx_destroy(&w.ctx);
        _exit(passed);
    }
    cr_expect_eq(status_of(child), 0, "that many calls passed in the child");
    expect_step(&w);
    clg_ctx_destroy(&w.ctx);
}

TEST(fork, a_child_may_end_in_the_usual_way)
{
    struct world w = make_world();
    clg_device_list(w.ctx, false, &(const clg_device_info *){NULL}, &(size_t){0});
    pid_t child = fork();
    if (child == 0) {
        clg_ctx_destroy(&w.ctx);
        execl("/bin/true", "true", (char *)NULL);
        _exit(127);
    }
    cr_expect_eq(status_of(child), 0);
    expect_step(&w);
    clg_ctx_destroy(&w.ctx);
}

TEST(fork, before_the_first_device_is_well)
{
    clg_ctx *ctx = clg_ctx_create(NULL); /* touches no driver */
    pid_t child = fork();
    if (child == 0) {
        clg_device *device = clg_device_open(ctx, "cpu", NULL);
        clg_status status = clg_device_finish(device);
        clg_ctx_destroy(&ctx);
        _exit(device && status == CLG_OK ? 0 : 1);
    }
    cr_expect_eq(status_of(child), 0);
    clg_device_destroy(&(clg_device *){test_open(ctx, CLG_FORM_AUTO)});
    clg_ctx_destroy(&ctx);
}
