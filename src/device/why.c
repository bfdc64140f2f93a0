/* The report of `clgrad devices --why`: what was looked at on the way to a device, from the driver
 * files to the platforms, and what to install. It reads the machine and changes nothing. */
#include "device/why.h"

#include <string.h>

#include "device/opencl.h"

/* The text lives in a child of the context, replaced by the next call. */
struct report {
    struct clg_object object;
    struct clg_text text;
};

static void report_finish(struct clg_object *object)
{
    struct report *report = (struct report *)object;

    clg_text_finish(&report->text);
    clg_free(object->ctx, report);
}

static void forget_earlier(struct clg_ctx *ctx)
{
    struct clg_object *object = ctx->object.first;

    while (object && object->finish != report_finish)
        object = object->next;
    if (object)
        clg_object_destroy(object);
}

/* Platforms that are often there without a device. */
static const struct {
    const char *platform, *hint;
} empty_hints[] = {
    {"rusticl",
     "it shows devices only when RUSTICL_ENABLE names drivers: radeonsi for AMD, iris for "
     "Intel, nouveau for NVIDIA, llvmpipe for the CPU"},
    {"Clover", "Mesa's older OpenCL; it drives no device of this machine, which is usual"},
    {"AMD Accelerated Parallel Processing",
     "the driver sees no GPU: is the amdgpu kernel module loaded, and may you use /dev/kfd (group "
     "render)?"},
    {"Intel(R) OpenCL", "the driver sees no GPU: may you use /dev/dri/renderD* (group render)?"},
    {"NVIDIA CUDA", "the driver sees no GPU: does nvidia-smi list one?"},
};

static void add_hint(struct clg_text *out, const char *platform)
{
    char why[512];

    if (clg_pocl_is(platform) && clg_pocl_cache_fails(out->ctx, why, sizeof(why)))
        clg_text_add(out, "      %s\n", why);
    for (size_t i = 0; i < sizeof(empty_hints) / sizeof(empty_hints[0]); i++)
        if (strstr(platform, empty_hints[i].platform)) {
            clg_text_add(out, "      %s\n", empty_hints[i].hint);
            return;
        }
}

static cl_uint add_platform(struct clg_text *out, cl_platform_id platform, cl_uint number)
{
    char name[256] = "", version[256] = "";
    cl_uint devices = 0;

    clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof(name) - 1, name, NULL);
    clGetPlatformInfo(platform, CL_PLATFORM_VERSION, sizeof(version) - 1, version, NULL);
    if (clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, NULL, &devices) != CL_SUCCESS)
        devices = 0;
    clg_text_add(out, "  %u: %s (%s): ", number, name, version);
    if (devices > 0) {
        clg_text_add(out, "%u device%s\n", devices, devices > 1 ? "s" : "");
    } else {
        clg_text_add(out, "no device\n");
        add_hint(out, name);
    }
    return devices;
}

static cl_uint add_platforms(struct clg_text *out)
{
    cl_platform_id platforms[32];
    cl_uint count = 0, devices = 0;

    clg_text_add(out, "platforms\n");
    if (clGetPlatformIDs(32, platforms, &count) != CL_SUCCESS || count == 0) {
        clg_text_add(out, "  none: the loader found no driver that works\n");
        return 0;
    }
    for (cl_uint i = 0; i < count && i < 32; i++)
        devices += add_platform(out, platforms[i], i);
    return devices;
}

static void add_advice(struct clg_text *out, cl_uint devices)
{
    clg_text_add(out, "%s", devices > 0 ? "if a device is missing\n" : "no device: what to do\n");
    clg_text_add(
        out, "  AMD GPU:    apt install mesa-opencl-icd, and RUSTICL_ENABLE=radeonsi in the "
             "environment; or AMD's ROCm (rocm-opencl-icd)\n"
             "  Intel GPU:  apt install intel-opencl-icd\n"
             "  NVIDIA GPU: apt install nvidia-opencl-icd (with NVIDIA's own driver)\n"
             "  CPU:        apt install pocl-opencl-icd\n"
             "  a device that root sees and you do not: sudo usermod -aG render,video $USER, and "
             "log in again\n");
}

static clg_status fill(struct clg_text *out)
{
    cl_uint devices;

    clg_why_drivers(out);
    devices = add_platforms(out);
    clg_why_hardware(out);
    add_advice(out, devices);
    return out->failed ? CLG_ERR_MEMORY : CLG_OK;
}

clg_status clg_device_why(clg_ctx *ctx, const char **text)
{
    struct report *report;

    if (!ctx || !CLG_GIVEN(ctx, text))
        return CLG_ERR_ARGUMENT;
    *text = "";
    CLG_TRY(clg_opencl_enter(ctx));
    forget_earlier(ctx);
    report = clg_new(ctx, 1, sizeof(*report));
    if (!report)
        return CLG_ERR_MEMORY;
    clg_object_init(&report->object, &ctx->object, report_finish);
    report->text.ctx = ctx;
    if (fill(&report->text) != CLG_OK) {
        clg_object_destroy(&report->object);
        return CLG_ERR_MEMORY;
    }
    *text = report->text.data;
    return CLG_OK;
}
