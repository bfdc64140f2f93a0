/* Building a list of launches, and enqueuing it again and again. A run makes no other OpenCL calls
 * than clEnqueue* and clFlush, but where a buffer was resized. */
#include <stdio.h>

#include "device/launch.h"

#define FLUSH_EVERY 32

static clg_status set_arg(struct clg_launch *launch, cl_uint index, struct clg_arg *arg)
{
    const void *value = &arg->value;
    char what[160];
    cl_int error;

    if (arg->kind == CLG_ARG_BUFFER) {
        value = arg->buffer ? &arg->buffer->mem : NULL;
        arg->generation = arg->buffer ? arg->buffer->generation : 0;
    }
    error = clSetKernelArg(launch->kernel, index, arg->size, value);
    if (error == CL_SUCCESS)
        return CLG_OK;
    snprintf(what, sizeof(what), "%u of kernel %s (%s)", index, launch->kernel_name, launch->label);
    return clg_cl_fail(launch->owner->device, error, "clSetKernelArg", what);
}

static clg_status ask(const struct clg_launch *launch, cl_kernel_work_group_info what, size_t size,
                      void *out)
{
    struct clg_device *device = launch->owner->device;
    cl_int error =
        clGetKernelWorkGroupInfo(launch->kernel, device->self.device, what, size, out, NULL);

    if (error == CL_SUCCESS)
        return CLG_OK;
    return clg_cl_fail(device, error, "clGetKernelWorkGroupInfo", launch->kernel_name);
}

/* Registers limit the size of a group, kernel by kernel. */
static clg_status check_group(const struct clg_launch *launch)
{
    struct clg_device *device = launch->owner->device;
    size_t most = device->self.info.max_group;
    size_t local = launch->local[0] * launch->local[1] * launch->local[2];

    if (!(device->self.quirks & CLG_QUIRK_GROUP_UNKNOWN))
        CLG_TRY(ask(launch, CL_KERNEL_WORK_GROUP_SIZE, sizeof(most), &most));
    if (local <= most)
        return CLG_OK;
    return clg_fail(device->object.ctx, CLG_ERR_LIMIT,
                    "%s: kernel %s (%s) runs in groups of at most %zu work-items here, it needs "
                    "%zu; open the device with a smaller local_size",
                    device->self.info.name, launch->kernel_name, launch->label, most, local);
}

static clg_status check_local_memory(const struct clg_launch *launch)
{
    struct clg_device *device = launch->owner->device;
    cl_ulong need = 0;

    CLG_TRY(ask(launch, CL_KERNEL_LOCAL_MEM_SIZE, sizeof(need), &need));
    if (need <= device->machine.local_memory)
        return CLG_OK;
    return clg_fail(device->object.ctx, CLG_ERR_LIMIT,
                    "%s: kernel %s (%s) needs %llu bytes of local memory, the device has %llu",
                    device->self.info.name, launch->kernel_name, launch->label,
                    (unsigned long long)need, (unsigned long long)device->machine.local_memory);
}

static clg_status make_kernel(struct clg_launch *launch)
{
    struct clg_device *device = launch->owner->device;
    char what[160];
    cl_int error;

    launch->kernel = clCreateKernel(device->programs.items[launch->program].program,
                                    launch->kernel_name, &error);
    if (!launch->kernel) {
        snprintf(what, sizeof(what), "%s of '%s'", launch->kernel_name, launch->source);
        return clg_cl_fail(device, error, "clCreateKernel", what);
    }
    CLG_TRY(check_group(launch));
    CLG_TRY(check_local_memory(launch));
    for (size_t i = 0; i < launch->args.count; i++)
        CLG_TRY(set_arg(launch, (cl_uint)i, &launch->args.items[i]));
    return CLG_OK;
}

static clg_status build_programs(struct clg_launches *launches)
{
    struct clg_device *device = launches->device;
    clg_status status = CLG_OK;

    for (size_t i = 0; i < launches->list.count && status == CLG_OK; i++) {
        struct clg_launch *launch = launches->list.items[i];

        if (!launch->built && !launch->call)
            status = clg_program_want(device, launch->source, launch->text, launch->options,
                                      &launch->program);
    }
    if (status == CLG_OK)
        return clg_programs_build(device);
    clg_programs_forget(device);
    return status;
}

static clg_status make_ready(struct clg_launch *launch)
{
    if (launch->built)
        return CLG_OK;
    if (!launch->call)
        CLG_TRY(make_kernel(launch));
    else if (launch->prepare)
        CLG_TRY(launch->prepare(launch->data, launch->owner->device->queue));
    launch->built = true;
    return CLG_OK;
}

clg_status clg_launches_build(struct clg_launches *launches)
{
    CLG_TRY(launches->status);
    launches->status = clg_device_check(launches->device);
    if (launches->status == CLG_OK)
        launches->status = build_programs(launches);
    for (size_t i = 0; i < launches->list.count && launches->status == CLG_OK; i++)
        launches->status = make_ready(launches->list.items[i]);
    launches->generation = launches->device->generation;
    return launches->status;
}

/* Buffers that were resized have other memory behind them. */
static clg_status rebind(struct clg_launches *launches)
{
    for (size_t i = 0; i < launches->list.count; i++) {
        struct clg_launch *launch = launches->list.items[i];

        for (size_t k = 0; k < launch->args.count; k++) {
            struct clg_arg *arg = &launch->args.items[k];

            if (arg->buffer && arg->generation != arg->buffer->generation)
                CLG_TRY(set_arg(launch, (cl_uint)k, arg));
        }
    }
    launches->generation = launches->device->generation;
    return CLG_OK;
}

static clg_status enqueue(struct clg_device *device, const struct clg_launch *launch)
{
    cl_int error;
    char what[160];

    if (launch->call)
        return launch->call(launch->data, device->queue);
    error = clEnqueueNDRangeKernel(device->queue, launch->kernel, 3, NULL, launch->global,
                                   launch->local, 0, NULL, NULL);
    if (error == CL_SUCCESS)
        return CLG_OK;
    snprintf(what, sizeof(what), "of kernel %s (%s)", launch->kernel_name, launch->label);
    return clg_cl_fail(device, error, "clEnqueueNDRangeKernel", what);
}

static clg_status flush_now_and_then(struct clg_device *device)
{
    cl_int error;

    if (++device->unflushed < FLUSH_EVERY)
        return CLG_OK;
    device->unflushed = 0;
    error = clFlush(device->queue);
    return error == CL_SUCCESS ? CLG_OK : clg_cl_fail(device, error, "clFlush", NULL);
}

clg_status clg_launches_run(struct clg_launches *launches, size_t first, size_t end)
{
    struct clg_device *device = launches->device;

    CLG_TRY(launches->status);
    CLG_TRY(clg_device_check(device));
    if (launches->generation != device->generation)
        CLG_TRY(rebind(launches));
    for (size_t i = first; i < end; i++) {
        CLG_TRY(enqueue(device, launches->list.items[i]));
        CLG_TRY(flush_now_and_then(device));
    }
    if (device->mailbox)
        clg_mailbox_empty(device->object.ctx, device->mailbox);
    return CLG_OK;
}
