/* Preloaded before Oclgrind's library for its check of uninitialised values: that keeps for a
 * buffer only what was last written by the host, as if the rest had never been. So every write and
 * fill becomes one of the whole buffer. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <CL/cl.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef cl_int(CL_API_CALL *write_function)(cl_command_queue, cl_mem, cl_bool, size_t, size_t,
                                            const void *, cl_uint, const cl_event *, cl_event *);

/* Writes the buffer as it is with data at offset; repeat: data is a pattern of that many bytes. */
static cl_int write_whole(cl_command_queue queue, cl_mem buffer, size_t offset, size_t size,
                          const void *data, size_t repeat, cl_event *event)
{
    write_function next;
    *(void **)&next = dlsym(RTLD_NEXT, "clEnqueueWriteBuffer"); /* as POSIX says */
    size_t total = 0;
    cl_int status = clGetMemObjectInfo(buffer, CL_MEM_SIZE, sizeof(total), &total, NULL);
    if (status != CL_SUCCESS || offset + size > total)
        return status != CL_SUCCESS ? status : CL_INVALID_VALUE;
    char *whole = malloc(total);
    if (!whole)
        return CL_OUT_OF_HOST_MEMORY;
    status = clEnqueueReadBuffer(queue, buffer, CL_TRUE, 0, total, whole, 0, NULL, NULL);
    for (size_t at = 0; at < size; at += repeat)
        memcpy(whole + offset + at, data, repeat);
    if (status == CL_SUCCESS)
        status = next(queue, buffer, CL_TRUE, 0, total, whole, 0, NULL, event);
    free(whole);
    return status;
}

EXPORT CL_API_ENTRY cl_int CL_API_CALL clEnqueueWriteBuffer(cl_command_queue queue, cl_mem buffer,
                                                            cl_bool blocking, size_t offset,
                                                            size_t size, const void *data,
                                                            cl_uint n_wait, const cl_event *wait,
                                                            cl_event *event)
{
    (void)blocking, (void)n_wait, (void)wait; /* the queue is in order */
    return write_whole(queue, buffer, offset, size, data, size, event);
}

EXPORT CL_API_ENTRY cl_int CL_API_CALL clEnqueueFillBuffer(cl_command_queue queue, cl_mem buffer,
                                                           const void *pattern, size_t pattern_size,
                                                           size_t offset, size_t size,
                                                           cl_uint n_wait, const cl_event *wait,
                                                           cl_event *event)
{
    (void)n_wait, (void)wait;
    return write_whole(queue, buffer, offset, size, pattern, pattern_size, event);
}

EXPORT CL_API_ENTRY cl_int CL_API_CALL clEnqueueCopyBuffer(cl_command_queue queue, cl_mem from,
                                                           cl_mem to, size_t from_offset,
                                                           size_t to_offset, size_t size,
                                                           cl_uint n_wait, const cl_event *wait,
                                                           cl_event *event)
{
    (void)n_wait, (void)wait;
    char *data = malloc(size);
    if (!data)
        return CL_OUT_OF_HOST_MEMORY;
    cl_int status =
        clEnqueueReadBuffer(queue, from, CL_TRUE, from_offset, size, data, 0, NULL, NULL);
    if (status == CL_SUCCESS)
        status = write_whole(queue, to, to_offset, size, data, size, event);
    free(data);
    return status;
}
