/* The bridge to applications with OpenCL of their own. */
#include <clgrad/opencl.h>

#include "device/interop.h"
#include "device/opencl.h"

cl_command_queue clg_device_queue(const struct clg_device *device)
{
    return device->queue;
}

clg_status clg_device_wait_events(struct clg_device *device, cl_uint count, const cl_event *events)
{
    cl_int error;

    CLG_TRY(clg_device_check(device));
    if (count == 0)
        return CLG_OK;
    error = clEnqueueBarrierWithWaitList(device->queue, count, events, NULL);
    if (error != CL_SUCCESS)
        return clg_cl_fail(device, error, "clEnqueueBarrierWithWaitList", NULL);
    return CLG_OK;
}

clg_status clg_device_mark(struct clg_device *device, cl_event *event)
{
    cl_int error;

    *event = NULL;
    CLG_TRY(clg_device_check(device));
    error = clEnqueueMarkerWithWaitList(device->queue, 0, NULL, event);
    if (error != CL_SUCCESS) {
        *event = NULL;
        return clg_cl_fail(device, error, "clEnqueueMarkerWithWaitList", NULL);
    }
    device->unflushed = 0;
    error = clFlush(device->queue);
    if (error == CL_SUCCESS)
        return CLG_OK;
    clReleaseEvent(*event);
    *event = NULL;
    return clg_cl_fail(device, error, "clFlush", NULL);
}

static bool queue_has(cl_command_queue queue, cl_command_queue_info what, const void *wanted)
{
    const void *value = NULL;

    return clGetCommandQueueInfo(queue, what, sizeof(value), &value, NULL) == CL_SUCCESS &&
           value == wanted;
}

static clg_status check_queue(struct clg_ctx *ctx, cl_context context, cl_device_id device,
                              cl_command_queue queue)
{
    cl_command_queue_properties properties = 0;

    if (!queue_has(queue, CL_QUEUE_CONTEXT, context) || !queue_has(queue, CL_QUEUE_DEVICE, device))
        return clg_fail(ctx, CLG_ERR_ARGUMENT,
                        "clg_device_wrap: the queue must belong to the context and the device");
    if (clGetCommandQueueInfo(queue, CL_QUEUE_PROPERTIES, sizeof(properties), &properties, NULL) !=
            CL_SUCCESS ||
        (properties & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE))
        return clg_fail(ctx, CLG_ERR_ARGUMENT,
                        "clg_device_wrap: the queue is out-of-order, it must be in-order");
    return CLG_OK;
}

static clg_status retain(struct clg_device *device, cl_context context, cl_command_queue queue)
{
    cl_int error = clRetainContext(context);

    if (error != CL_SUCCESS)
        return clg_cl_fail(device, error, "clRetainContext", NULL);
    device->context = context;
    error = clRetainCommandQueue(queue);
    if (error != CL_SUCCESS)
        return clg_cl_fail(device, error, "clRetainCommandQueue", NULL);
    device->queue = queue;
    return CLG_OK;
}

clg_device *clg_device_wrap(clg_ctx *ctx, cl_context context, cl_device_id device,
                            cl_command_queue queue, const clg_device_params *params)
{
    clg_device_params p = params ? *params : clg_device_defaults();
    struct clg_candidate self;
    struct clg_device *made;
    cl_platform_id platform = NULL;

    if (!ctx || !CLG_GIVEN(ctx, context) || !CLG_GIVEN(ctx, device) || !CLG_GIVEN(ctx, queue))
        return NULL;
    if (clg_opencl_enter(ctx) != CLG_OK || check_queue(ctx, context, device, queue) != CLG_OK)
        return NULL;
    if (clGetDeviceInfo(device, CL_DEVICE_PLATFORM, sizeof(platform), &platform, NULL) != CL_SUCCESS) {
        clg_fail(ctx, CLG_ERR_DEVICE, "clg_device_wrap: the device does not tell its platform");
        return NULL;
    }
    if (clg_candidate_query(ctx, platform, device, &self) != CLG_OK)
        return NULL;
    made = clg_device_make(ctx, &self);
    if (!made)
        return NULL;
    made->wrapped = true;
    if (clg_device_configure(made, &p) != CLG_OK || retain(made, context, queue) != CLG_OK)
        clg_device_destroy(&made);
    return made;
}
