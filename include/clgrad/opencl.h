/* clgrad/opencl.h: the bridge for applications that use OpenCL themselves. */
#ifndef CLGRAD_OPENCL_H
#define CLGRAD_OPENCL_H

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120
#endif
#ifdef __APPLE__
#include <OpenCL/cl.h>
#else
#include <CL/cl.h>
#endif
#include <clgrad/plan.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A device over the application's objects, which are retained until it is destroyed. The queue must
 * be in-order and belong to the context and the device; it is never finished unasked (reads wait for
 * their own command). NULL on failure. */
CLG_API clg_device *clg_device_wrap(clg_ctx *ctx, cl_context context, cl_device_id device,
                                    cl_command_queue queue, const clg_device_params *params);

/* Uses the application's buffer as an input from now on (retained): its content is read at every
 * step and never written; clg_plan_write() and clg_plan_feed() on the input end that. offset and the
 * input's size in bytes must lie inside it; offset a multiple of 4. */
CLG_API clg_status clg_plan_bind(clg_plan *plan, const char *input, cl_mem buffer, size_t offset);

/* The buffer an output lies in and its offset in bytes. Valid until the plan is destroyed; not
 * retained. */
CLG_API clg_status clg_plan_output_mem(clg_plan *plan, const char *output, cl_mem *buffer,
                                       size_t *offset);

/* A step that starts after the events in the list and, when event is not NULL, gives one (the caller
 * releases it) that completes with the step. */
CLG_API clg_status clg_plan_step_events(clg_plan *plan, cl_uint count, const cl_event *wait_list,
                                        cl_event *event);

#ifdef __cplusplus
}
#endif
#endif
