/* Device memory behind handles, and moving bytes. */
#include "device/opencl.h"

#include <stdio.h>

#include "device/interop.h"

#define MEM_ALLOW_UNRESTRICTED_SIZE (1u << 23) /* Intel's; Debian's headers lack the name */

static bool is_big(const struct clg_device *device, size_t bytes)
{
    return (device->self.quirks & CLG_QUIRK_BIG_BUFFERS) && bytes > UINT32_MAX;
}

/* instead: bytes that are given back for it. */
static clg_status allocate(struct clg_device *device, enum clg_memory_part part, size_t bytes,
                           size_t instead, cl_mem *out)
{
    cl_mem_flags flags = CL_MEM_READ_WRITE;
    char what[64];
    cl_int error;

    CLG_TRY(clg_device_check(device));
    if (bytes > device->machine.max_alloc)
        return clg_fail(device->object.ctx, CLG_ERR_LIMIT,
                        "%s: a buffer of %zu bytes is over the device's largest allocation of %llu",
                        device->self.info.name, bytes,
                        (unsigned long long)device->machine.max_alloc);
    if (bytes > instead)
        CLG_TRY(clg_memory_make_room(device, "a buffer", part, bytes - instead));
    if (is_big(device, bytes))
        flags |= MEM_ALLOW_UNRESTRICTED_SIZE;
    *out = clCreateBuffer(device->context, flags, bytes < 4 ? 4 : bytes, NULL, &error);
    if (*out)
        return CLG_OK;
    snprintf(what, sizeof(what), "of %zu bytes", bytes);
    return clg_cl_fail(device, error, "clCreateBuffer", what);
}

/* Takes over mem, also on failure. */
static struct clg_buffer *make(struct clg_device *device, cl_mem mem, size_t bytes)
{
    struct clg_buffer *buffer = clg_new(device->object.ctx, 1, sizeof(*buffer));

    if (!buffer) {
        CLG_RELEASE(MemObject, mem);
        return NULL;
    }
    *buffer = (struct clg_buffer){.device = device, .mem = mem, .bytes = bytes};
    return buffer;
}

static void count(struct clg_buffer *buffer, enum clg_memory_part part, size_t bytes)
{
    *clg_memory_part(&buffer->device->memory, buffer->part) -= buffer->counted;
    buffer->part = part;
    buffer->counted = bytes;
    *clg_memory_part(&buffer->device->memory, part) += bytes;
}

void clg_buffer_count_as(struct clg_buffer *buffer, enum clg_memory_part part)
{
    if (buffer)
        count(buffer, part, buffer->counted);
}

struct clg_buffer *clg_buffer_create(struct clg_device *device, size_t bytes)
{
    struct clg_buffer *buffer;
    cl_mem mem;

    if (allocate(device, CLG_MEMORY_OTHER, bytes, 0, &mem) != CLG_OK)
        return NULL;
    buffer = make(device, mem, bytes);
    if (buffer)
        count(buffer, CLG_MEMORY_OTHER, bytes);
    return buffer;
}

struct clg_buffer *clg_buffer_empty(struct clg_device *device)
{
    return make(device, NULL, 0);
}

struct clg_buffer *clg_buffer_wrap(struct clg_device *device, cl_mem mem)
{
    cl_context context = NULL;
    size_t bytes = 0;
    cl_int error;

    if (clg_device_check(device) != CLG_OK)
        return NULL;
    error = clGetMemObjectInfo(mem, CL_MEM_SIZE, sizeof(bytes), &bytes, NULL);
    if (error == CL_SUCCESS)
        error = clGetMemObjectInfo(mem, CL_MEM_CONTEXT, sizeof(context), &context, NULL);
    if (error != CL_SUCCESS) {
        clg_cl_fail(device, error, "clGetMemObjectInfo", NULL);
        return NULL;
    }
    if (context != device->context) {
        clg_fail(device->object.ctx, CLG_ERR_ARGUMENT,
                 "the buffer belongs to another cl_context than the device");
        return NULL;
    }
    error = clRetainMemObject(mem);
    if (error != CL_SUCCESS) {
        clg_cl_fail(device, error, "clRetainMemObject", NULL);
        return NULL;
    }
    return make(device, mem, bytes);
}

cl_mem clg_buffer_mem(const struct clg_buffer *buffer)
{
    return buffer->mem;
}

void clg_buffer_destroy(struct clg_buffer *buffer)
{
    if (!buffer)
        return;
    CLG_RELEASE(MemObject, buffer->mem);
    count(buffer, buffer->part, 0);
    clg_free(buffer->device->object.ctx, buffer);
}

size_t clg_buffer_size(const struct clg_buffer *buffer)
{
    return buffer->bytes;
}

clg_status clg_buffer_resize(struct clg_buffer *buffer, size_t bytes)
{
    cl_mem mem;

    CLG_TRY(allocate(buffer->device, buffer->part, bytes, buffer->counted, &mem));
    count(buffer, buffer->part, bytes);
    CLG_RELEASE(MemObject, buffer->mem); /* kernels in the queue keep it until they are done */
    buffer->mem = mem;
    buffer->bytes = bytes;
    buffer->generation = ++buffer->device->generation;
    return CLG_OK;
}

/* Waits for everything before it: the queue is in order. */
static clg_status moved(struct clg_device *device, cl_int error, const char *call)
{
    if (error != CL_SUCCESS)
        return clg_cl_fail(device, error, call, NULL);
    return CLG_OK;
}

clg_status clg_buffer_write(struct clg_buffer *buffer, uint64_t offset, const void *data,
                            size_t bytes)
{
    struct clg_device *device = buffer->device;

    CLG_TRY(clg_device_check(device));
    if (bytes == 0)
        return CLG_OK;
    device->unflushed = 0; /* a blocking command flushes */
    return moved(device,
                 clEnqueueWriteBuffer(device->queue, buffer->mem, CL_TRUE, offset, bytes, data, 0,
                                      NULL, NULL),
                 "clEnqueueWriteBuffer");
}

clg_status clg_buffer_read(struct clg_buffer *buffer, uint64_t offset, void *data, size_t bytes)
{
    struct clg_device *device = buffer->device;

    CLG_TRY(clg_device_check(device));
    if (bytes == 0)
        return CLG_OK;
    device->unflushed = 0;
    return moved(device,
                 clEnqueueReadBuffer(device->queue, buffer->mem, CL_TRUE, offset, bytes, data, 0,
                                     NULL, NULL),
                 "clEnqueueReadBuffer");
}

clg_status clg_buffer_fill(struct clg_buffer *buffer, uint64_t offset, size_t bytes, uint32_t word)
{
    struct clg_device *device = buffer->device;

    CLG_TRY(clg_device_check(device));
    if (bytes == 0)
        return CLG_OK;
    return moved(device,
                 clEnqueueFillBuffer(device->queue, buffer->mem, &word, sizeof(word), offset, bytes,
                                     0, NULL, NULL),
                 "clEnqueueFillBuffer");
}

clg_status clg_buffer_copy(struct clg_buffer *from, uint64_t from_offset, struct clg_buffer *to,
                           uint64_t to_offset, size_t bytes)
{
    struct clg_device *device = from->device;

    CLG_TRY(clg_device_check(device));
    if (bytes == 0)
        return CLG_OK;
    return moved(device,
                 clEnqueueCopyBuffer(device->queue, from->mem, to->mem, from_offset, to_offset,
                                     bytes, 0, NULL, NULL),
                 "clEnqueueCopyBuffer");
}
