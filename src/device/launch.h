/* The inside of a launch: filled by launch.c, built and run by replay.c. */
#ifndef CLG_DEVICE_LAUNCH_H
#define CLG_DEVICE_LAUNCH_H

#include "device/opencl.h"

enum clg_arg_kind { CLG_ARG_BUFFER, CLG_ARG_VALUE };

struct clg_arg {
    enum clg_arg_kind kind;
    struct clg_buffer *buffer; /* NULL: a null pointer in the kernel */
    uint32_t generation;       /* of the memory that was set */
    size_t size;
    union {
        cl_int i;
        cl_uint u;
        cl_ulong at;
        cl_float f;
    } value;
};

struct clg_launch {
    struct clg_launches *owner;
    char *label, *source, *kernel_name, *options;
    char *text;     /* of a generated source, else NULL */
    size_t program; /* index among the device's, while the list is being built */
    cl_kernel kernel;
    bool built; /* kernel and arguments are there; foreign code is prepared */
    size_t global[3], local[3];
    uint64_t flops, bytes;
    CLG_VEC(struct clg_arg) args;
    /* foreign code; call is NULL for a kernel */
    void *data;
    clg_status (*prepare)(void *data, void *queue);
    clg_status (*call)(void *data, void *queue);
    void (*finish)(struct clg_ctx *ctx, void *data);
};

#endif
