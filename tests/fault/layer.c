/* An OpenCL layer for tests (OPENCL_LAYERS of the ICD loader): counts objects and calls, and lets a
 * chosen call fail without reaching the driver.
 *
 * For programs that are not tests: LAYER_FAIL_AT=N, LAYER_FAIL_STATUS=CODE and LAYER_FAIL_STICKY=1
 * in the environment do what fail() does. */
#include "layer.h"

#undef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 200 /* CLBlast and drivers may make calls of 2.0 */
#include <CL/cl_layer.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

/* A number for every watched function, and their names. */
enum call {
#define STATUS(name, parameters, arguments)             CALL_##name,
#define COMMAND(name, parameters, arguments)            CALL_##name,
#define CREATE(type, kind, name, parameters, arguments) CALL_##name,
#define COUNT(name, type, kind, what)                   CALL_##name,
#include "calls.def"
#undef STATUS
#undef COMMAND
#undef CREATE
#undef COUNT
    CALL_clEnqueueMapBuffer,
    CALLS
};
static const char *const names[CALLS] = {
#define STATUS(name, parameters, arguments)             #name,
#define COMMAND(name, parameters, arguments)            #name,
#define CREATE(type, kind, name, parameters, arguments) #name,
#define COUNT(name, type, kind, what)                   #name,
#include "calls.def"
#undef STATUS
#undef COMMAND
#undef CREATE
#undef COUNT
    "clEnqueueMapBuffer",
};

static const cl_icd_dispatch *next;
static atomic_long counts[CALLS];
static atomic_long created[LAYER_KINDS], retained[LAYER_KINDS], released[LAYER_KINDS];
static atomic_long fallible, after;
enum { MADE_MAX = 16384 };
static unsigned char made_calls[MADE_MAX];
static long fail_at;
static cl_int fail_status;
static bool fail_sticky;
static atomic_int failed_call = -1;

/* Counts a call; the status it is to fail with, or CL_SUCCESS. */
static cl_int enter(enum call call)
{
    atomic_fetch_add(&counts[call], 1);
    long number = atomic_fetch_add(&fallible, 1) + 1;
    if (number <= MADE_MAX)
        made_calls[number - 1] = (unsigned char)call;
    if (fail_at == 0)
        return CL_SUCCESS;
    if (number > fail_at)
        atomic_fetch_add(&after, 1);
    if (number != fail_at && !(fail_sticky && number > fail_at))
        return CL_SUCCESS;
    int none = -1;
    atomic_compare_exchange_strong(&failed_call, &none, (int)call);
    return fail_status;
}

#define STATUS(name, parameters, arguments)                                                        \
    static CL_API_ENTRY cl_int CL_API_CALL layer_##name parameters                                 \
    {                                                                                              \
        cl_int status = enter(CALL_##name);                                                        \
        return status != CL_SUCCESS ? status : next->name arguments;                               \
    }
#define COMMAND(name, parameters, arguments)                                                       \
    static CL_API_ENTRY cl_int CL_API_CALL layer_##name parameters                                 \
    {                                                                                              \
        cl_int status = enter(CALL_##name);                                                        \
        if (status == CL_SUCCESS)                                                                  \
            status = next->name arguments;                                                         \
        if (status == CL_SUCCESS && event)                                                         \
            atomic_fetch_add(&created[LAYER_EVENT], 1);                                            \
        return status;                                                                             \
    }
#define CREATE(type, kind, name, parameters, arguments)                                            \
    static CL_API_ENTRY type CL_API_CALL layer_##name parameters                                   \
    {                                                                                              \
        cl_int status = enter(CALL_##name);                                                        \
        if (status != CL_SUCCESS) {                                                                \
            if (error)                                                                             \
                *error = status;                                                                   \
            return NULL;                                                                           \
        }                                                                                          \
        type object = next->name arguments;                                                        \
        if (object)                                                                                \
            atomic_fetch_add(&created[LAYER_##kind], 1);                                           \
        return object;                                                                             \
    }
#define COUNT(name, type, kind, what)                                                              \
    static CL_API_ENTRY cl_int CL_API_CALL layer_##name(type object)                               \
    {                                                                                              \
        atomic_fetch_add(&counts[CALL_##name], 1);                                                 \
        cl_int status = next->name(object);                                                        \
        if (status == CL_SUCCESS)                                                                  \
            atomic_fetch_add(&what[LAYER_##kind], 1);                                              \
        return status;                                                                             \
    }
#include "calls.def"
#undef STATUS
#undef COMMAND
#undef CREATE
#undef COUNT

/* Gives an event and a status: the one call that fits no pattern above. */
static CL_API_ENTRY void *CL_API_CALL layer_clEnqueueMapBuffer(
    cl_command_queue queue, cl_mem buffer, cl_bool blocking, cl_map_flags flags, size_t offset,
    size_t size, cl_uint n_wait, const cl_event *wait, cl_event *event, cl_int *error)
{
    cl_int status = enter(CALL_clEnqueueMapBuffer);
    if (status != CL_SUCCESS) {
        if (error)
            *error = status;
        return NULL;
    }
    void *mapped = next->clEnqueueMapBuffer(queue, buffer, blocking, flags, offset, size, n_wait,
                                            wait, event, error);
    if (mapped && event)
        atomic_fetch_add(&created[LAYER_EVENT], 1);
    return mapped;
}

static struct _cl_icd_dispatch dispatch = {
#define STATUS(name, parameters, arguments)             .name = layer_##name,
#define COMMAND(name, parameters, arguments)            .name = layer_##name,
#define CREATE(type, kind, name, parameters, arguments) .name = layer_##name,
#define COUNT(name, type, kind, what)                   .name = layer_##name,
#include "calls.def"
    .clEnqueueMapBuffer = layer_clEnqueueMapBuffer,
};

/* ---- what tests ask ---- */

static long live(enum layer_kind kind)
{
    return atomic_load(&created[kind]) + atomic_load(&retained[kind]) -
           atomic_load(&released[kind]);
}

static void mark(void)
{
    for (size_t i = 0; i < CALLS; i++)
        atomic_store(&counts[i], 0);
}

static const char *calls(size_t i, long *count)
{
    *count = i < CALLS ? atomic_load(&counts[i]) : 0;
    return i < CALLS ? names[i] : NULL;
}

static void fail(long at, int status, bool sticky)
{
    atomic_store(&fallible, 0);
    atomic_store(&after, 0);
    atomic_store(&failed_call, -1);
    fail_at = at;
    fail_status = status;
    fail_sticky = sticky;
}

static const char *failed(void)
{
    int call = atomic_load(&failed_call);
    return call < 0 ? NULL : names[call];
}

static const char *made_at(long at)
{
    return at >= 1 && at <= MADE_MAX && at <= atomic_load(&fallible) ? names[made_calls[at - 1]]
                                                                     : NULL;
}

static long made(void)
{
    return atomic_load(&fallible);
}

static long calls_after(void)
{
    return atomic_load(&after);
}

EXPORT extern const struct layer layer;
const struct layer layer = {live, mark, calls, fail, failed, made_at, made, calls_after};

/* ---- what the loader asks ---- */

EXPORT CL_API_ENTRY cl_int CL_API_CALL clGetLayerInfo(cl_layer_info what, size_t size, void *value,
                                                      size_t *size_ret)
{
    static const char name[] = "clgrad test layer";
    static const cl_layer_api_version version = CL_LAYER_API_VERSION_100;
    if (what != CL_LAYER_API_VERSION && what != CL_LAYER_NAME)
        return CL_INVALID_VALUE;
    const void *answer = what == CL_LAYER_NAME ? (const void *)name : &version;
    size_t needed = what == CL_LAYER_NAME ? sizeof(name) : sizeof(version);
    if (size_ret)
        *size_ret = needed;
    if (value && size < needed)
        return CL_INVALID_VALUE;
    if (value)
        memcpy(value, answer, needed);
    return CL_SUCCESS;
}

extern char **environ;

/* The environment as drivers find it. */
static void write_environment(const char *path)
{
    FILE *file = path ? fopen(path, "w") : NULL;
    for (char **entry = environ; file && *entry; entry++)
        fprintf(file, "%s\n", *entry);
    if (file)
        fclose(file);
}

EXPORT CL_API_ENTRY cl_int CL_API_CALL clInitLayer(cl_uint num_entries,
                                                   const cl_icd_dispatch *target,
                                                   cl_uint *num_entries_ret,
                                                   const cl_icd_dispatch **layer_dispatch)
{
    const cl_uint entries = sizeof(dispatch) / sizeof(void *);
    if (!target || !num_entries_ret || !layer_dispatch)
        return CL_INVALID_VALUE;
    next = target;
    *num_entries_ret = num_entries < entries ? num_entries : entries;
    *layer_dispatch = &dispatch;
    write_environment(getenv("LAYER_ENVIRONMENT"));
    const char *at = getenv("LAYER_FAIL_AT");
    const char *status = getenv("LAYER_FAIL_STATUS");
    if (at)
        fail(atol(at), status ? atoi(status) : CL_OUT_OF_RESOURCES,
             getenv("LAYER_FAIL_STICKY") != NULL);
    return CL_SUCCESS;
}
