/* An OpenCL program that lends clgrad its context, its queue and its buffers: a kernel of the
 * program makes the samples, clgrad learns from them where they lie, and another kernel reads the
 * network's answers. Nothing is copied through the host but the figures that are printed.
 *
 *     cc own-context.c $(pkg-config --cflags --libs clgrad) -o own-context && ./own-context
 *
 * On PoCL, POCL_AFFINITY=1 in the environment doubles the speed of small sizes. */
#include <clgrad/clgrad.h>
#include <clgrad/opencl.h>

#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 256, STEPS = 500 };

/* y = sin(3 x) over [-1, 1), points spread by the golden ratio. */
static const char source[] =
    "kernel void samples(global float *x, global float *y, const uint first)\n"
    "{\n"
    "    size_t i = get_global_id(0);\n"
    "    float t = (first + (uint)i) * 0.618033989f;\n"
    "    x[i] = 2 * (t - floor(t)) - 1;\n"
    "    y[i] = sin(3 * x[i]);\n"
    "}\n"
    "kernel void errors(global const float *got, const uint offset, global const float *y,\n"
    "                   global float *error)\n"
    "{\n"
    "    size_t i = get_global_id(0);\n"
    "    error[i] = fabs(got[offset + i] - y[i]);\n"
    "}\n";

/* What an application with OpenCL of its own has anyway. */
struct application {
    cl_device_id device;
    cl_context context;
    cl_command_queue queue;
    cl_program program;
    cl_kernel samples, errors;
    cl_mem x, y, error;
};

static void check(cl_int status, const char *what)
{
    if (status == CL_SUCCESS)
        return;
    fprintf(stderr, "%s failed with status %d\n", what, (int)status);
    exit(EXIT_FAILURE);
}

static cl_mem buffer_create(const struct application *app)
{
    cl_int status;
    cl_mem buffer =
        clCreateBuffer(app->context, CL_MEM_READ_WRITE, BATCH * sizeof(float), NULL, &status);
    check(status, "clCreateBuffer");
    return buffer;
}

/* The first device of the first platform that has one. */
static void find_device(struct application *app)
{
    cl_platform_id platforms[16];
    cl_uint count = 0;
    cl_int status = clGetPlatformIDs(16, platforms, &count);
    for (cl_uint i = 0; status == CL_SUCCESS && i < count && i < 16; i++)
        if (clGetDeviceIDs(platforms[i], CL_DEVICE_TYPE_ALL, 1, &app->device, NULL) == CL_SUCCESS)
            return;
    check(CL_DEVICE_NOT_FOUND, "looking for a device");
}

static void application_create(struct application *app)
{
    const char *text = source;
    cl_int status;
    find_device(app);
    app->context = clCreateContext(NULL, 1, &app->device, NULL, NULL, &status);
    check(status, "clCreateContext");
    app->queue = clCreateCommandQueue(app->context, app->device, 0, &status);
    check(status, "clCreateCommandQueue");
    app->program = clCreateProgramWithSource(app->context, 1, &text, NULL, &status);
    check(status, "clCreateProgramWithSource");
    check(clBuildProgram(app->program, 1, &app->device, "", NULL, NULL), "clBuildProgram");
    app->samples = clCreateKernel(app->program, "samples", &status);
    check(status, "clCreateKernel");
    app->errors = clCreateKernel(app->program, "errors", &status);
    check(status, "clCreateKernel");
    app->x = buffer_create(app);
    app->y = buffer_create(app);
    app->error = buffer_create(app);
}

static void application_destroy(struct application *app)
{
    clReleaseMemObject(app->error);
    clReleaseMemObject(app->y);
    clReleaseMemObject(app->x);
    clReleaseKernel(app->errors);
    clReleaseKernel(app->samples);
    clReleaseProgram(app->program);
    clReleaseCommandQueue(app->queue);
    clReleaseContext(app->context);
}

/* Enqueues the making of the next samples; *done completes with it. */
static void make_samples(struct application *app, cl_uint first, cl_event *done)
{
    const size_t global = BATCH, local = 64;
    clSetKernelArg(app->samples, 0, sizeof(cl_mem), &app->x);
    clSetKernelArg(app->samples, 1, sizeof(cl_mem), &app->y);
    clSetKernelArg(app->samples, 2, sizeof first, &first);
    check(clEnqueueNDRangeKernel(app->queue, app->samples, 1, NULL, &global, &local, 0, NULL, done),
          "clEnqueueNDRangeKernel");
}

/* The largest error of the network's answers, which lie in clgrad's buffer. */
static float largest_error(struct application *app, cl_mem got, size_t offset, cl_event after)
{
    const size_t global = BATCH, local = 64;
    cl_uint elements = (cl_uint)(offset / sizeof(float));
    float error[BATCH], largest = 0;
    clSetKernelArg(app->errors, 0, sizeof(cl_mem), &got);
    clSetKernelArg(app->errors, 1, sizeof elements, &elements);
    clSetKernelArg(app->errors, 2, sizeof(cl_mem), &app->y);
    clSetKernelArg(app->errors, 3, sizeof(cl_mem), &app->error);
    check(
        clEnqueueNDRangeKernel(app->queue, app->errors, 1, NULL, &global, &local, 1, &after, NULL),
        "clEnqueueNDRangeKernel");
    check(
        clEnqueueReadBuffer(app->queue, app->error, CL_TRUE, 0, sizeof error, error, 0, NULL, NULL),
        "clEnqueueReadBuffer");
    for (int i = 0; i < BATCH; i++)
        largest = error[i] > largest ? error[i] : largest;
    return largest;
}

/* A network 1-64-64-1 that learns y from x; its answers are the output "answer". */
static clg_plan *build(clg_device *device)
{
    clg_store *store = clg_store_create(device, 1);
    clg_graph *graph = clg_graph_create(store);
    clg_tensor x = clg_input(graph, "x", CLG_F32, clg_shape2(CLG_BATCH, 1));
    clg_tensor y = clg_input(graph, "y", CLG_F32, clg_shape2(CLG_BATCH, 1));
    clg_tensor h = clg_tanh(clg_linear(x, "fc1", 64, NULL));
    h = clg_tanh(clg_linear(h, "fc2", 64, NULL));
    clg_tensor answer = clg_output(clg_linear(h, "fc3", 1, NULL), "answer");
    clg_minimize(clg_adam_create(store, 3e-3f, NULL), clg_mse(answer, y, NULL));
    return clg_compile(graph, BATCH, CLG_TRAIN, NULL);
}

static clg_status train(clg_plan *plan, struct application *app)
{
    cl_mem answer;
    size_t offset;
    clg_status status = clg_plan_bind(plan, "x", app->x, 0);
    if (status == CLG_OK)
        status = clg_plan_bind(plan, "y", app->y, 0);
    if (status == CLG_OK)
        status = clg_plan_output_mem(plan, "answer", &answer, &offset);
    for (cl_uint step = 0; step < STEPS && status == CLG_OK; step++) {
        cl_event made, learned;
        make_samples(app, step * BATCH, &made);
        status = clg_plan_step_events(plan, 1, &made, &learned);
        clReleaseEvent(made);
        if (status != CLG_OK)
            break;
        if (step % 100 == 99)
            printf("step %u: largest error %.3f\n", step + 1,
                   (double)largest_error(app, answer, offset, learned));
        clReleaseEvent(learned);
    }
    return status;
}

int main(void)
{
    struct application app;
    application_create(&app);
    clg_ctx *ctx = clg_ctx_create(NULL);
    clg_device *device = clg_device_wrap(ctx, app.context, app.device, app.queue, NULL);
    clg_plan *plan = build(device);
    clg_status status = plan ? train(plan, &app) : clg_error_status(ctx);
    if (status != CLG_OK)
        fprintf(stderr, "%s\n", clg_error(ctx));
    clg_ctx_destroy(&ctx); /* the application's objects are its own again */
    application_destroy(&app);
    return status == CLG_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
