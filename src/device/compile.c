/* Compiling the programs that are not ready, several at a time where the driver can. The threads
 * make one OpenCL call each and touch nothing of the context: its memory, log and error belong to
 * the caller's thread. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "device/opencl.h"

#define THREADS_MAX 8
#define TRIES       4 /* to build a program whose failure has no reason */

/* The programs of a device as a queue of work. */
struct work {
    struct clg_device *device;
    atomic_size_t next;
};

static void *compile_all(void *user)
{
    struct work *work = user;
    struct clg_device *device = work->device;
    size_t i;

    while ((i = atomic_fetch_add(&work->next, 1)) < device->programs.count) {
        struct clg_program *p = &device->programs.items[i];

        if (!p->ready)
            p->result = clBuildProgram(p->program, 1, &device->self.device, p->options, NULL, NULL);
    }
    return NULL;
}

static size_t count_threads(const struct clg_device *device, size_t programs)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t most = cores < 1 ? 1 : cores > THREADS_MAX ? THREADS_MAX : (size_t)cores;

    if (device->self.quirks & CLG_QUIRK_ONE_COMPILER)
        return 1;
    return programs < most ? programs : most;
}

/* This thread works too: where no thread can be made, it does everything. */
static void compile_in_threads(struct clg_device *device, size_t programs)
{
    struct work work = {.device = device};
    pthread_t threads[THREADS_MAX];
    size_t started = 0, wanted = count_threads(device, programs);

    atomic_init(&work.next, 0);
    while (started + 1 < wanted && pthread_create(&threads[started], NULL, compile_all, &work) == 0)
        started++;
    compile_all(&work);
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
}

/* What the compiler said; NULL when it said nothing or memory is short. */
static char *build_log(struct clg_device *device, cl_program program)
{
    size_t size = 0;
    char *log;

    if (clGetProgramBuildInfo(program, device->self.device, CL_PROGRAM_BUILD_LOG, 0, NULL, &size) !=
            CL_SUCCESS ||
        size < 2)
        return NULL;
    log = clg_new(device->object.ctx, size + 1, 1);
    if (!log)
        return NULL;
    if (clGetProgramBuildInfo(program, device->self.device, CL_PROGRAM_BUILD_LOG, size, log,
                              NULL) != CL_SUCCESS)
        log[0] = '\0';
    return log;
}

static clg_status build_failed(struct clg_device *device, const struct clg_program *p)
{
    struct clg_ctx *ctx = device->object.ctx;
    char buffer[32], why[512], *log;

    if (p->result == CL_OUT_OF_HOST_MEMORY)
        return clg_cl_fail(device, p->result, "clBuildProgram", p->name);
    if (clg_pocl_is(device->self.info.platform) && clg_pocl_cache_fails(ctx, why, sizeof(why)))
        return clg_fail(ctx, CLG_ERR_BUILD, "%s: the kernels of '%s' do not build: %s",
                        device->self.info.name, p->name, why);
    log = build_log(device, p->program);
    clg_fail(ctx, CLG_ERR_BUILD, "%s: the kernels of '%s' do not build (%s) with options '%s'%s%s",
             device->self.info.name, p->name, clg_cl_error_name(p->result, buffer), p->options,
             log ? ":\n" : "", log ? log : "");
    clg_free(ctx, log);
    return CLG_ERR_BUILD;
}

static void built(struct clg_device *device, struct clg_program *p)
{
    struct clg_ctx *ctx = device->object.ctx;
    struct clg_cache_key key = {.options = p->options, .source = p->source};

    p->ready = true;
    clg_log_line(ctx, CLG_LOG_DEBUG, "compiled '%s' %s", p->name, p->options);
    clg_cache_store(device, &key, p->program);
    clg_free(ctx, p->name);
    clg_free(ctx, p->options);
    clg_free(ctx, p->source);
    p->name = p->options = p->source = NULL;
}

/* A compiler that fails names an error. PoCL (3.1) fails with no log, or just that it failed, when
 * another process fills its cache at the same time; the next try finds what that one wrote. */
static void build_again(struct clg_device *device, struct clg_program *p)
{
    for (int tries = 1; tries < TRIES && p->result == CL_BUILD_PROGRAM_FAILURE; tries++) {
        cl_program again;
        char *log = build_log(device, p->program);
        bool silent = !log || !strstr(log, "error");

        clg_free(device->object.ctx, log);
        if (!silent)
            return;
        again =
            clCreateProgramWithSource(device->context, 1, (const char **)&p->source, NULL, NULL);
        if (!again)
            return;
        clReleaseProgram(p->program);
        p->program = again;
        p->result = clBuildProgram(again, 1, &device->self.device, p->options, NULL, NULL);
    }
}

clg_status clg_programs_build(struct clg_device *device)
{
    clg_status status = CLG_OK;
    size_t count = 0;

    for (size_t i = 0; i < device->programs.count; i++)
        count += !device->programs.items[i].ready;
    if (count == 0)
        return CLG_OK;
    compile_in_threads(device, count);
    for (size_t i = 0; i < device->programs.count; i++) {
        struct clg_program *p = &device->programs.items[i];

        if (p->ready)
            continue;
        build_again(device, p);
        if (p->result == CL_SUCCESS)
            built(device, p);
        else if (status == CLG_OK)
            status = build_failed(device, p);
    }
    clg_programs_forget(device);
    return status;
}
