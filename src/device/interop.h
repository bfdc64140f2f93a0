/* What the bridge to applications with OpenCL of their own needs (src/plan/opencl.c). */
#ifndef CLG_DEVICE_INTEROP_H
#define CLG_DEVICE_INTEROP_H

#ifdef __APPLE__
#include <OpenCL/cl.h>
#else
#include <CL/cl.h>
#endif
#include "device/device.h"

/* A buffer over the application's memory, which is retained until clg_buffer_destroy. Refused:
 * memory of another cl_context. */
struct clg_buffer *clg_buffer_wrap(struct clg_device *device, cl_mem mem);
/* The memory behind a buffer; not retained; changes with clg_buffer_resize. */
cl_mem clg_buffer_mem(const struct clg_buffer *buffer);

/* The queue that launches go to; not retained. */
cl_command_queue clg_device_queue(const struct clg_device *device);

/* Sets the error of a failed OpenCL call and marks the device lost where the code means that. call:
 * its name; what: a phrase after it, or NULL. */
clg_status clg_cl_fail(struct clg_device *device, cl_int code, const char *call, const char *what);

/* Whether this is a child, forked from a process that had used OpenCL: no call may be made. */
bool clg_opencl_left(void);
/* Releases an OpenCL object: CLG_RELEASE(MemObject, mem). NULL is accepted. */
#define CLG_RELEASE(kind, object)                                                                  \
    do {                                                                                           \
        if ((object) && !clg_opencl_left())                                                        \
            clRelease##kind(object);                                                               \
    } while (0)

/* What is enqueued from now on starts after the events. count 0: nothing happens. */
clg_status clg_device_wait_events(struct clg_device *device, cl_uint count, const cl_event *events);
/* An event (the caller releases it) that completes with everything enqueued so far; flushes, so
 * that other queues may wait for it. */
clg_status clg_device_mark(struct clg_device *device, cl_event *event);

#endif
