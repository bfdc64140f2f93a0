/* An OpenCL layer that breaks kernels on purpose: every BREAK_FROM in a program's source becomes
 * BREAK_TO on its way to the driver. Tests that must go red run under it. */
#include <CL/cl_layer.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

static const cl_icd_dispatch *next;

static char *joined(cl_uint count, const char **strings, const size_t *lengths)
{
    size_t size = 1;
    for (cl_uint i = 0; i < count; i++)
        size += lengths && lengths[i] ? lengths[i] : strlen(strings[i]);
    char *text = calloc(1, size), *end = text;
    for (cl_uint i = 0; text && i < count; i++) {
        size_t length = lengths && lengths[i] ? lengths[i] : strlen(strings[i]);
        memcpy(end, strings[i], length);
        end += length;
    }
    return text;
}

static char *broken(const char *text, const char *from, const char *to)
{
    size_t times = 0;
    for (const char *at = strstr(text, from); at; at = strstr(at + strlen(from), from))
        times++;
    char *result = calloc(1, strlen(text) + times * strlen(to) + 1), *end = result;
    for (const char *at = strstr(text, from); result && at; at = strstr(text, from)) {
        memcpy(end, text, (size_t)(at - text));
        end += at - text;
        end = strcpy(end, to) + strlen(to);
        text = at + strlen(from);
    }
    if (result)
        strcpy(end, text);
    return result;
}

static CL_API_ENTRY cl_program CL_API_CALL create_program(cl_context context, cl_uint count,
                                                          const char **strings,
                                                          const size_t *lengths, cl_int *error)
{
    const char *from = getenv("BREAK_FROM"), *to = getenv("BREAK_TO");
    char *text = from && to ? joined(count, strings, lengths) : NULL;
    char *other = text ? broken(text, from, to) : NULL;
    const char *sources[1] = {other};
    cl_program program =
        other ? next->clCreateProgramWithSource(context, 1, sources, NULL, error)
              : next->clCreateProgramWithSource(context, count, strings, lengths, error);
    free(text);
    free(other);
    return program;
}

EXPORT CL_API_ENTRY cl_int CL_API_CALL clGetLayerInfo(cl_layer_info name, size_t size, void *value,
                                                      size_t *size_ret)
{
    const cl_layer_api_version version = CL_LAYER_API_VERSION_100;
    if (name != CL_LAYER_API_VERSION)
        return CL_INVALID_VALUE;
    if (value && size < sizeof(version))
        return CL_INVALID_VALUE;
    if (value)
        memcpy(value, &version, sizeof(version));
    if (size_ret)
        *size_ret = sizeof(version);
    return CL_SUCCESS;
}

EXPORT CL_API_ENTRY cl_int CL_API_CALL clInitLayer(cl_uint num_entries,
                                                   const cl_icd_dispatch *target,
                                                   cl_uint *num_entries_ret,
                                                   const cl_icd_dispatch **layer_dispatch)
{
    static cl_icd_dispatch dispatch;
    const cl_uint entries = sizeof(dispatch) / sizeof(void *);
    if (!target || !num_entries_ret || !layer_dispatch)
        return CL_INVALID_VALUE;
    next = target;
    dispatch.clCreateProgramWithSource = create_program;
    *num_entries_ret = num_entries < entries ? num_entries : entries;
    *layer_dispatch = &dispatch;
    return CL_SUCCESS;
}
