/* A device over OpenCL objects of the application's own. */
#include <string.h>
#include <clgrad/opencl.h>
#include "device/interop.h"
#include "test.h"

struct own {
    cl_platform_id platform;
    cl_device_id device;
    cl_context context;
    cl_command_queue queue;
};

static struct own make(cl_command_queue_properties properties)
{
    struct own own = {0};

    cr_assert_eq(clGetPlatformIDs(1, &own.platform, NULL), CL_SUCCESS);
    cr_assert_eq(clGetDeviceIDs(own.platform, CL_DEVICE_TYPE_ALL, 1, &own.device, NULL),
                 CL_SUCCESS);
    own.context = clCreateContext(NULL, 1, &own.device, NULL, NULL, NULL);
    own.queue = clCreateCommandQueue(own.context, own.device, properties, NULL);
    cr_assert(own.context && own.queue);
    return own;
}

static void finish(struct own *own)
{
    clReleaseCommandQueue(own->queue);
    clReleaseContext(own->context);
}

static long calls(const char *wanted)
{
    const char *name;
    long count;

    for (size_t i = 0; (name = test_layer()->calls(i, &count)); i++)
        if (strcmp(name, wanted) == 0)
            return count;
    return 0;
}

static const char *const source = "kernel void twice(global const int *a, global int *b)\n"
                                  "{\n"
                                  "    b[get_global_id(0)] = 2 * a[get_global_id(0)];\n"
                                  "}\n";

/* A kernel over the application's memory, between two events; the queue is never finished. */
TEST(wrap, memory_and_events)
{
    struct own own = make(0);
    const int32_t in[4] = {1, 2, 3, 4};
    int32_t out[4];
    cl_mem mem = clCreateBuffer(own.context, CL_MEM_READ_WRITE, sizeof(in), NULL, NULL);
    cl_event start, end;
    clg_ctx *ctx = test_context();
    clg_device *dev = clg_device_wrap(ctx, own.context, own.device, own.queue, NULL);
    struct clg_buffer *a, *b;
    struct clg_launches launches;
    struct clg_launch *launch;

    cr_assert_not_null(test_layer(), "runs under the layer of tests/fault");
    cr_assert_not_null(dev, "%s", clg_error(ctx));
    cr_expect_eq(clg_device_get_info(dev)->index, -1);
    test_layer()->mark();
    a = clg_buffer_wrap(dev, mem);
    cr_assert_not_null(a, "%s", clg_error(ctx));
    cr_expect(clg_buffer_mem(a) == mem && clg_buffer_size(a) == sizeof(in));
    b = clg_buffer_create(dev, sizeof(in));
    clg_launches_init(&launches, dev);
    launch = clg_launch_generated(&launches, source, "twice", NULL, "twice");
    clg_launch_buffer(launch, a);
    clg_launch_buffer(launch, b);
    clg_launch_range(launch, (size_t[]){4, 1, 1}, (size_t[]){1, 1, 1});
    test_ok(ctx, clg_launches_build(&launches));
    cr_assert_eq(clEnqueueWriteBuffer(own.queue, mem, CL_FALSE, 0, sizeof(in), in, 0, NULL, &start),
                 0);
    test_ok(ctx, clg_device_wait_events(dev, 1, &start));
    test_ok(ctx, clg_device_wait_events(dev, 0, NULL));
    test_ok(ctx, clg_launches_run(&launches, 0, 1));
    test_ok(ctx, clg_device_mark(dev, &end));
    cr_assert_eq(clWaitForEvents(1, &end), CL_SUCCESS);
    test_ok(ctx, clg_buffer_read(b, 0, out, sizeof(out)));
    for (int i = 0; i < 4; i++)
        cr_expect_eq(out[i], 2 * in[i]);
    clg_launches_finish(&launches);
    clg_buffer_destroy(a);
    clg_buffer_destroy(b);
    clg_ctx_destroy(&ctx);
    cr_expect_eq(calls("clFinish"), 0, "the application's queue was finished");
    clReleaseEvent(start);
    clReleaseEvent(end);
    clReleaseMemObject(mem);
    finish(&own);
}

TEST(wrap, refusals)
{
    struct own own = make(0), other = make(CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE);
    cl_mem mem = clCreateBuffer(other.context, CL_MEM_READ_WRITE, 16, NULL, NULL);
    clg_ctx *ctx = test_context();
    clg_device *dev;

    cr_expect_null(clg_device_wrap(NULL, own.context, own.device, own.queue, NULL));
    cr_expect_null(clg_device_wrap(ctx, own.context, own.device, NULL, NULL));
    test_refused(ctx, CLG_ERR_ARGUMENT, "clg_device_wrap: queue is NULL", clg_error_status(ctx));
    cr_expect_null(clg_device_wrap(ctx, other.context, other.device, other.queue, NULL));
    test_refused(ctx, CLG_ERR_ARGUMENT, "in-order", clg_error_status(ctx));
    cr_expect_null(clg_device_wrap(ctx, other.context, own.device, own.queue, NULL));
    test_refused(ctx, CLG_ERR_ARGUMENT, "must belong", clg_error_status(ctx));
    dev = clg_device_wrap(ctx, own.context, own.device, own.queue, NULL);
    cr_assert_not_null(dev, "%s", clg_error(ctx));
    cr_expect_null(clg_buffer_wrap(dev, mem));
    test_refused(ctx, CLG_ERR_ARGUMENT, "another cl_context", clg_error_status(ctx));
    clg_device_destroy(&dev);
    clg_ctx_destroy(&ctx);
    clReleaseMemObject(mem);
    finish(&own);
    finish(&other);
}

/* What is minimised after a compile is no part of that plan, also where an input moves. */
static void minimize_later(clg_ctx *ctx, clg_store *store, clg_graph *graph)
{
    const clg_init ones = {.scheme = CLG_INIT_CONSTANT, .a = 1};
    clg_optimizer_params p = clg_optimizer_defaults("sgd");
    clg_tensor late = clg_parameter(graph, "late", clg_shape1(2), &ones);

    p.name = "late";
    p.match = "late";
    p.weight_decay = 0.5f;
    test_ok(ctx, clg_minimize(clg_sgd_create(store, 0.5f, &p), clg_sum(late, NULL, 0, false)));
}

/* The application's buffer as an input: gradients and states that are the input itself follow it,
 * and a later write or feed leaves the buffer alone. */
TEST(wrap, bound_inputs)
{
    struct own own = make(0);
    const float mine[4] = {0, 5, 6, 0}, host[2] = {1, 2};
    const uint8_t bytes[2] = {8, 9};
    float v[4];
    cl_mem mem = clCreateBuffer(own.context, CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR, sizeof(mine),
                                (void *)mine, NULL);
    clg_ctx *ctx = test_context();
    clg_device *dev = clg_device_wrap(ctx, own.context, own.device, own.queue, NULL);
    clg_store *store = clg_store_create(dev, 1);
    clg_graph *graph = clg_graph_create(store);
    clg_tensor x = clg_input(graph, "x", CLG_F32, clg_shape1(2));
    clg_tensor w = clg_parameter(graph, "w", clg_shape1(2), NULL);
    clg_tensor s = clg_state(graph, "s", clg_shape1(2), NULL);
    clg_plan *plan;
    double sum, count;

    clg_metric(clg_sum(x, NULL, 0, false), "sum");
    test_ok(ctx, clg_assign(s, x, CLG_WHEN_TRAINING));
    test_ok(ctx, clg_minimize(clg_sgd_create(store, 0.1f, NULL),
                              clg_sum(clg_mul(w, x), NULL, 0, false)));
    plan = clg_compile(graph, 1, CLG_TRAIN, NULL);
    cr_assert_not_null(plan, "%s", clg_error(ctx));
    minimize_later(ctx, store, graph);
    test_ok(ctx, clg_plan_bind(plan, "x", mem, 4));
    test_ok(ctx, clg_plan_step(plan));
    test_ok(ctx, clg_store_get(store, "late", v, 8));
    cr_expect(v[0] == 1 && v[1] == 1, "late is (%g, %g)", (double)v[0], (double)v[1]);
    test_ok(ctx, clg_store_get_gradient(store, "w", v, 8));
    cr_expect(v[0] == 5 && v[1] == 6, "the gradient is (%g, %g)", (double)v[0], (double)v[1]);
    test_ok(ctx, clg_store_get(store, "s", v, 8));
    cr_expect(v[0] == 5 && v[1] == 6, "the state is (%g, %g)", (double)v[0], (double)v[1]);
    test_ok(ctx, clg_plan_write(plan, "x", host, sizeof(host)));
    test_ok(ctx, clg_plan_step(plan));
    test_ok(ctx, clg_store_get(store, "s", v, 8));
    cr_expect(v[0] == 1 && v[1] == 2, "the state is (%g, %g)", (double)v[0], (double)v[1]);
    test_ok(ctx, clg_plan_bind(plan, "x", mem, 4));
    clg_array *array = clg_array_create(dev, CLG_U8, 1, 2, bytes);
    test_ok(ctx, clg_plan_feed(plan, "x", array, NULL));
    test_ok(ctx, clg_plan_step(plan));
    test_ok(ctx, clg_store_get(store, "s", v, 8));
    cr_expect(v[0] == 8 && v[1] == 9, "the state is (%g, %g)", (double)v[0], (double)v[1]);
    test_ok(ctx, clg_plan_metric(plan, "sum", &sum, &count));
    cr_expect(sum == 11 + 3 + 17 && count == 3, "metrics began anew: %g of %g", sum, count);
    cr_assert_eq(clEnqueueReadBuffer(own.queue, mem, CL_TRUE, 0, sizeof(v), v, 0, NULL, NULL), 0);
    cr_expect(!memcmp(v, mine, sizeof(v)), "the application's buffer was written");
    clg_ctx_destroy(&ctx);
    clReleaseMemObject(mem);
    finish(&own);
}
