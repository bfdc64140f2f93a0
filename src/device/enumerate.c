/* Finding the devices of all platforms. */
#include "device/opencl.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define PLATFORM_NOT_FOUND -1001 /* of the loader (cl_khr_icd): there is no driver at all */

static clg_status no_device(struct clg_ctx *ctx, const char *what)
{
    return clg_fail(ctx, CLG_ERR_NO_DEVICE,
                    "%s; install the driver of your GPU, or PoCL for the CPU (Debian, Ubuntu: apt "
                    "install pocl-opencl-icd); `clgrad devices --why` shows what was looked at",
                    what);
}

/* A broken driver must not hide the others: it is left out, and mentioned when nothing else is
 * there. */
static void leave_out(struct clg_candidates *out, const char *why)
{
    clg_log_line(out->ctx, CLG_LOG_WARNING, "%s; it is left out", why);
    if (out->left_out[0] == '\0')
        snprintf(out->left_out, sizeof(out->left_out), "%.511s", why);
}

static clg_status add_device(struct clg_candidates *out, cl_platform_id platform,
                             cl_device_id device, uint32_t platform_number, uint32_t device_number)
{
    struct clg_candidate found, *slot;
    clg_status status = clg_candidate_query(out->ctx, platform, device, &found);

    if (status != CLG_OK && status != CLG_ERR_MEMORY) {
        leave_out(out, out->ctx->error);
        return CLG_OK;
    }
    CLG_TRY(status);
    slot = CLG_PUSH(out->ctx, out->list);
    if (!slot) {
        clg_candidate_finish(out->ctx, &found);
        return CLG_ERR_MEMORY;
    }
    *slot = found;
    slot->platform_number = platform_number;
    slot->device_number = device_number;
    slot->info.index = (int)out->list.count - 1;
    return CLG_OK;
}

static clg_status platform_failed(struct clg_candidates *out, uint32_t number, cl_int error)
{
    char name[32], text[96];

    snprintf(text, sizeof(text), "platform %u: clGetDeviceIDs failed: %s", number,
             clg_cl_error_name(error, name));
    leave_out(out, text);
    return CLG_OK;
}

/* PoCL has no device where it cannot keep what it compiles. */
static void consider_cache(struct clg_candidates *out, cl_platform_id platform)
{
    char name[256] = "";

    clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof(name) - 1, name, NULL);
    if (!out->left_out[0] && clg_pocl_is(name))
        out->no_cache = clg_pocl_cache_fails(out->ctx, out->left_out, sizeof(out->left_out));
}

static clg_status add_platform(struct clg_candidates *out, cl_platform_id platform, uint32_t number)
{
    clg_status status = CLG_OK;
    cl_device_id *devices;
    cl_uint count = 0;
    cl_int error = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, NULL, &count);

    if (error != CL_SUCCESS || count == 0)
        consider_cache(out, platform);
    if (error == CL_DEVICE_NOT_FOUND || (error == CL_SUCCESS && count == 0))
        return CLG_OK; /* Clover, or rusticl without RUSTICL_ENABLE */
    if (error != CL_SUCCESS)
        return platform_failed(out, number, error);
    devices = clg_new(out->ctx, count, sizeof(*devices));
    if (!devices)
        return CLG_ERR_MEMORY;
    error = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, count, devices, NULL);
    if (error != CL_SUCCESS)
        status = platform_failed(out, number, error);
    for (cl_uint i = 0; i < count && error == CL_SUCCESS && status == CLG_OK; i++)
        status = add_device(out, platform, devices[i], number, i);
    clg_free(out->ctx, devices);
    return status;
}

static clg_status get_platforms(struct clg_ctx *ctx, cl_platform_id **out, cl_uint *count)
{
    cl_platform_id *platforms;
    char buffer[32];
    cl_int error;

    *count = 0;
    error = clGetPlatformIDs(0, NULL, count);
    if (error == PLATFORM_NOT_FOUND || (error == CL_SUCCESS && *count == 0))
        return no_device(ctx, "there is no OpenCL driver (no ICD) on this machine");
    if (error != CL_SUCCESS)
        return clg_fail(ctx, CLG_ERR_DEVICE, "clGetPlatformIDs failed: %s",
                        clg_cl_error_name(error, buffer));
    platforms = clg_new(ctx, *count, sizeof(*platforms));
    if (!platforms)
        return CLG_ERR_MEMORY;
    error = clGetPlatformIDs(*count, platforms, NULL);
    if (error != CL_SUCCESS) {
        clg_free(ctx, platforms);
        return clg_fail(ctx, CLG_ERR_DEVICE, "clGetPlatformIDs failed: %s",
                        clg_cl_error_name(error, buffer));
    }
    *out = platforms;
    return CLG_OK;
}

/* Drivers set themselves up in the first call that reaches them, and PoCL (3.1) lets a second
 * thread see devices that are half made. */
static pthread_mutex_t first_calls = PTHREAD_MUTEX_INITIALIZER;

static clg_status add_platforms(struct clg_candidates *out)
{
    cl_platform_id *platforms = NULL;
    cl_uint count;

    CLG_TRY(get_platforms(out->ctx, &platforms, &count));
    clg_status status = CLG_OK;
    for (cl_uint i = 0; i < count && status == CLG_OK; i++)
        status = add_platform(out, platforms[i], i);
    clg_free(out->ctx, platforms);
    return status;
}

clg_status clg_candidates_find(struct clg_ctx *ctx, struct clg_candidates *out)
{
    *out = (struct clg_candidates){.ctx = ctx};
    CLG_TRY(clg_opencl_enter(ctx));
    pthread_mutex_lock(&first_calls);
    clg_status status = add_platforms(out);
    pthread_mutex_unlock(&first_calls);
    if (status == CLG_OK && out->no_cache && out->list.count == 0)
        status = clg_fail(ctx, CLG_ERR_NO_DEVICE, "there is no device: %s", out->left_out);
    if (status == CLG_OK && out->no_cache)
        clg_log_line(ctx, CLG_LOG_WARNING, "%s", out->left_out);
    if (status == CLG_OK && out->list.count == 0)
        status =
            no_device(ctx, out->left_out[0] ? out->left_out : "no OpenCL platform has a device");
    if (status == CLG_OK)
        clg_candidates_rank(out->list.items, out->list.count);
    else
        clg_candidates_finish(out);
    return status;
}

void clg_candidates_finish(struct clg_candidates *candidates)
{
    for (size_t i = 0; i < candidates->list.count; i++)
        clg_candidate_finish(candidates->ctx, &candidates->list.items[i]);
    clg_free(candidates->ctx, candidates->list.items);
    *candidates = (struct clg_candidates){.ctx = candidates->ctx};
}
