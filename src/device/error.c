/* OpenCL's error codes as sentences, and which of them mean that the device is gone. */
#include "device/opencl.h"

#include <stdio.h>
#include <string.h>

#define ERROR_LIST(X)                                                                              \
    X(CL_DEVICE_NOT_FOUND)                                                                         \
    X(CL_DEVICE_NOT_AVAILABLE)                                                                     \
    X(CL_COMPILER_NOT_AVAILABLE)                                                                   \
    X(CL_MEM_OBJECT_ALLOCATION_FAILURE)                                                            \
    X(CL_OUT_OF_RESOURCES)                                                                         \
    X(CL_OUT_OF_HOST_MEMORY)                                                                       \
    X(CL_PROFILING_INFO_NOT_AVAILABLE)                                                             \
    X(CL_MEM_COPY_OVERLAP)                                                                         \
    X(CL_BUILD_PROGRAM_FAILURE)                                                                    \
    X(CL_MISALIGNED_SUB_BUFFER_OFFSET)                                                             \
    X(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST)                                                \
    X(CL_COMPILE_PROGRAM_FAILURE)                                                                  \
    X(CL_LINKER_NOT_AVAILABLE)                                                                     \
    X(CL_LINK_PROGRAM_FAILURE)                                                                     \
    X(CL_KERNEL_ARG_INFO_NOT_AVAILABLE)                                                            \
    X(CL_INVALID_VALUE)                                                                            \
    X(CL_INVALID_DEVICE_TYPE)                                                                      \
    X(CL_INVALID_PLATFORM)                                                                         \
    X(CL_INVALID_DEVICE)                                                                           \
    X(CL_INVALID_CONTEXT)                                                                          \
    X(CL_INVALID_QUEUE_PROPERTIES)                                                                 \
    X(CL_INVALID_COMMAND_QUEUE)                                                                    \
    X(CL_INVALID_HOST_PTR)                                                                         \
    X(CL_INVALID_MEM_OBJECT)                                                                       \
    X(CL_INVALID_BINARY)                                                                           \
    X(CL_INVALID_BUILD_OPTIONS)                                                                    \
    X(CL_INVALID_PROGRAM)                                                                          \
    X(CL_INVALID_PROGRAM_EXECUTABLE)                                                               \
    X(CL_INVALID_KERNEL_NAME)                                                                      \
    X(CL_INVALID_KERNEL_DEFINITION)                                                                \
    X(CL_INVALID_KERNEL)                                                                           \
    X(CL_INVALID_ARG_INDEX)                                                                        \
    X(CL_INVALID_ARG_VALUE)                                                                        \
    X(CL_INVALID_ARG_SIZE)                                                                         \
    X(CL_INVALID_KERNEL_ARGS)                                                                      \
    X(CL_INVALID_WORK_DIMENSION)                                                                   \
    X(CL_INVALID_WORK_GROUP_SIZE)                                                                  \
    X(CL_INVALID_WORK_ITEM_SIZE)                                                                   \
    X(CL_INVALID_GLOBAL_OFFSET)                                                                    \
    X(CL_INVALID_EVENT_WAIT_LIST)                                                                  \
    X(CL_INVALID_EVENT)                                                                            \
    X(CL_INVALID_OPERATION)                                                                        \
    X(CL_INVALID_BUFFER_SIZE)                                                                      \
    X(CL_INVALID_GLOBAL_WORK_SIZE)                                                                 \
    X(CL_INVALID_PROPERTY)                                                                         \
    X(CL_INVALID_COMPILER_OPTIONS)                                                                 \
    X(CL_INVALID_LINKER_OPTIONS)

const char *clg_cl_error_name(cl_int code, char buffer[32])
{
#define ERROR_CASE(name)                                                                           \
    case name:                                                                                     \
        return #name;
    switch (code) {
    case CL_SUCCESS:
        return "CL_SUCCESS";
        ERROR_LIST(ERROR_CASE)
    default:
        snprintf(buffer, 32, "error %d", code);
        return buffer;
    }
#undef ERROR_CASE
}

/* A call that hands work to the device or waits for it: drivers report there, and there alone, that
 * a kernel crashed or the device fell off the bus. */
static bool touches_device(const char *call)
{
    return strncmp(call, "clEnqueue", 9) == 0 || strcmp(call, "clFinish") == 0 ||
           strcmp(call, "clFlush") == 0 || strcmp(call, "clWaitForEvents") == 0;
}

static bool means_lost(cl_int code)
{
    switch (code) {
    case CL_DEVICE_NOT_AVAILABLE:
    case CL_OUT_OF_RESOURCES:
    case CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST:
    case CL_INVALID_COMMAND_QUEUE: /* NVIDIA after a fault in a kernel */
        return true;
    default:
        return code < -1000; /* NVIDIA's -9999: a fault in a kernel */
    }
}

static clg_status status_of(cl_int code)
{
    switch (code) {
    case CL_OUT_OF_HOST_MEMORY:
        return CLG_ERR_MEMORY;
    case CL_MEM_OBJECT_ALLOCATION_FAILURE:
    case CL_INVALID_BUFFER_SIZE:
        return CLG_ERR_LIMIT;
    case CL_BUILD_PROGRAM_FAILURE:
        return CLG_ERR_BUILD;
    default:
        return CLG_ERR_DEVICE;
    }
}

clg_status clg_cl_fail(struct clg_device *device, cl_int code, const char *call, const char *what)
{
    struct clg_ctx *ctx = device->object.ctx;
    const char *name, *space = what ? " " : "";
    char buffer[32];

    name = clg_cl_error_name(code, buffer);
    if (device->mailbox)
        clg_mailbox_empty(ctx, device->mailbox);
    if (!what)
        what = "";
    if (!touches_device(call) || !means_lost(code))
        return clg_fail(ctx, status_of(code), "%s: %s%s%s failed: %s", device->self.info.name, call,
                        space, what, name);
    device->lost = true;
    return clg_fail(
        ctx, CLG_ERR_DEVICE_LOST,
        "%s: the device is lost: %s%s%s failed: %s; what it held is gone, open it again "
        "after the driver has recovered",
        device->self.info.name, call, space, what, name);
}

clg_status clg_device_check(struct clg_device *device)
{
    CLG_TRY(clg_opencl_check(device->object.ctx));
    if (!device->lost)
        return CLG_OK;
    return clg_fail(device->object.ctx, CLG_ERR_DEVICE_LOST,
                    "%s: the device was lost earlier; destroy it and open it again",
                    device->self.info.name);
}
