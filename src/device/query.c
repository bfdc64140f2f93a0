/* Asking a device what it is. */
#include "device/opencl.h"

#include <string.h>

#define DEVICE_UUID 0x106A /* cl_khr_device_uuid; older headers lack these names */
#define DEVICE_PCI  0x410F /* cl_khr_pci_bus_info: four cl_uint */
#define ICD_SUFFIX  0x0920

struct source {
    struct clg_ctx *ctx;
    cl_platform_id platform;
    cl_device_id device; /* NULL: ask the platform */
    cl_int error; /* of the first question that every driver must answer and this one did not */
};

static cl_int get(const struct source *from, cl_uint what, size_t size, void *value, size_t *need)
{
    if (from->device)
        return clGetDeviceInfo(from->device, what, size, value, need);
    return clGetPlatformInfo(from->platform, what, size, value, need);
}

/* A text without spaces at its ends; "" when the driver does not say. NULL: no memory. */
static char *get_text(struct source *from, cl_uint what, bool optional)
{
    size_t size = 0, start;
    char *text;
    cl_int error = get(from, what, 0, NULL, &size);

    text = clg_new(from->ctx, size + 1, 1);
    if (text && error == CL_SUCCESS && size > 0)
        error = get(from, what, size, text, NULL);
    if (error != CL_SUCCESS && !optional && from->error == CL_SUCCESS)
        from->error = error;
    if (!text || error != CL_SUCCESS)
        return text;
    size = strlen(text);
    while (size > 0 && text[size - 1] == ' ')
        text[--size] = '\0';
    start = strspn(text, " ");
    memmove(text, text + start, size - start + 1);
    return text;
}

static uint64_t get_number(struct source *from, cl_uint what, size_t size)
{
    uint64_t wide = 0;
    uint32_t narrow = 0;
    cl_int error = get(from, what, size, size == 4 ? (void *)&narrow : &wide, NULL);

    if (error != CL_SUCCESS && from->error == CL_SUCCESS)
        from->error = error;
    return size == 4 ? narrow : wide;
}

static uint32_t get_uint(struct source *from, cl_uint what)
{
    return (uint32_t)get_number(from, what, sizeof(cl_uint));
}

static bool get_strings(struct source *device, struct clg_candidate *out)
{
    struct source platform = {.ctx = device->ctx, .platform = device->platform};
    clg_device_info *info = &out->info;

    info->platform = get_text(&platform, CL_PLATFORM_NAME, false);
    out->platform_version = get_text(&platform, CL_PLATFORM_VERSION, false);
    out->suffix = get_text(&platform, ICD_SUFFIX, true);
    info->name = get_text(device, CL_DEVICE_NAME, false);
    info->vendor = get_text(device, CL_DEVICE_VENDOR, false);
    info->driver = get_text(device, CL_DRIVER_VERSION, false);
    info->version = get_text(device, CL_DEVICE_VERSION, false);
    if (device->error == CL_SUCCESS)
        device->error = platform.error;
    return info->platform && out->platform_version && out->suffix && info->name && info->vendor &&
           info->driver && info->version;
}

static void get_numbers(struct source *from, struct clg_candidate *out)
{
    clg_device_info *info = &out->info;

    info->units = get_uint(from, CL_DEVICE_MAX_COMPUTE_UNITS);
    info->memory = get_number(from, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof(cl_ulong));
    info->max_alloc = get_number(from, CL_DEVICE_MAX_MEM_ALLOC_SIZE, sizeof(cl_ulong));
    info->local_memory = get_number(from, CL_DEVICE_LOCAL_MEM_SIZE, sizeof(cl_ulong));
    info->max_group = (uint32_t)get_number(from, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof(size_t));
    info->vector_floats = get_uint(from, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT);
    info->align = get_uint(from, CL_DEVICE_MEM_BASE_ADDR_ALIGN) / 8; /* it is in bits */
}

bool clg_device_lists(cl_device_id device, const char *extension)
{
    char list[16384]; /* longer than any that is known; what is beyond counts as absent */
    size_t size = 0;

    if (clGetDeviceInfo(device, CL_DEVICE_EXTENSIONS, 0, NULL, &size) != CL_SUCCESS || size == 0 ||
        size > sizeof(list) ||
        clGetDeviceInfo(device, CL_DEVICE_EXTENSIONS, size, list, NULL) != CL_SUCCESS)
        return false;
    list[size - 1] = '\0';
    return strstr(list, extension);
}

/* What only serves the choice between devices: a driver that does not say is none the worse. */
static void get_extras(struct source *from, struct clg_candidate *out)
{
    cl_uint mhz = 0;
    cl_bool unified = CL_FALSE;

    get(from, CL_DEVICE_MAX_CLOCK_FREQUENCY, sizeof(mhz), &mhz, NULL);
    get(from, CL_DEVICE_HOST_UNIFIED_MEMORY, sizeof(unified), &unified, NULL);
    out->speed = (uint64_t)out->info.units * mhz;
    out->unified = unified != CL_FALSE;
    if (clg_device_lists(from->device, "cl_khr_pci_bus_info") &&
        get(from, DEVICE_PCI, 16, out->address, NULL) == CL_SUCCESS)
        out->address_kind = DEVICE_PCI;
    else if (clg_device_lists(from->device, "cl_khr_device_uuid") &&
             get(from, DEVICE_UUID, 16, out->address, NULL) == CL_SUCCESS)
        out->address_kind = DEVICE_UUID;
}

static void classify(struct source *from, struct clg_candidate *out)
{
    uint64_t type = get_number(from, CL_DEVICE_TYPE, sizeof(cl_device_type));
    clg_device_info *info = &out->info;

    out->quirks = clg_quirks_of(info, &info->wrong);
    info->form = (type & CL_DEVICE_TYPE_CPU) && !(type & CL_DEVICE_TYPE_GPU) ? CLG_FORM_ITEM
                                                                             : CLG_FORM_GROUP;
    if (out->quirks & CLG_QUIRK_SOFTWARE)
        info->type = CLG_DEVICE_SOFTWARE;
    else if (type & CL_DEVICE_TYPE_GPU)
        info->type = CLG_DEVICE_GPU;
    else
        info->type = type & CL_DEVICE_TYPE_CPU ? CLG_DEVICE_CPU : CLG_DEVICE_OTHER;
}

/* "OpenCL 1.1 Mesa 22.3.6": below 1.2 the driver lacks functions that are called here. */
static bool too_old(const char *version)
{
    const char *dot = strchr(version, '.');

    return !dot || dot == version || dot[-1] < '1' || (dot[-1] == '1' && dot[1] < '2');
}

static clg_status check(struct source *from, const struct clg_candidate *c)
{
    cl_bool compiler = (cl_bool)get_uint(from, CL_DEVICE_COMPILER_AVAILABLE);
    char buffer[32];

    if (from->error != CL_SUCCESS || c->info.max_group == 0 || c->info.max_alloc == 0)
        return clg_fail(from->ctx, CLG_ERR_DEVICE,
                        "device '%s': the driver does not say what it is: %s", c->info.name,
                        clg_cl_error_name(from->error, buffer));
    if (too_old(c->info.version))
        return clg_fail(from->ctx, CLG_ERR_UNSUPPORTED,
                        "device '%s' of platform %s has '%s', clgrad needs OpenCL 1.2",
                        c->info.name, c->info.platform, c->info.version);
    if (!compiler)
        return clg_fail(from->ctx, CLG_ERR_UNSUPPORTED,
                        "device '%s': its driver has no compiler for kernels", c->info.name);
    return CLG_OK;
}

clg_status clg_candidate_query(struct clg_ctx *ctx, cl_platform_id platform, cl_device_id device,
                               struct clg_candidate *out)
{
    struct source from = {.ctx = ctx, .platform = platform, .device = device};
    clg_status status;

    *out = (struct clg_candidate){
        .platform = platform,
        .device = device,
        .info = {.index = -1, .same_as = -1},
    };
    if (!get_strings(&from, out)) {
        clg_candidate_finish(ctx, out);
        return CLG_ERR_MEMORY;
    }
    get_numbers(&from, out);
    get_extras(&from, out);
    classify(&from, out);
    status = check(&from, out);
    if (status != CLG_OK)
        clg_candidate_finish(ctx, out);
    return status;
}

void clg_candidate_finish(struct clg_ctx *ctx, struct clg_candidate *candidate)
{
    clg_free(ctx, (char *)candidate->info.platform);
    clg_free(ctx, (char *)candidate->info.name);
    clg_free(ctx, (char *)candidate->info.vendor);
    clg_free(ctx, (char *)candidate->info.driver);
    clg_free(ctx, (char *)candidate->info.version);
    clg_free(ctx, candidate->platform_version);
    clg_free(ctx, candidate->suffix);
    *candidate = (struct clg_candidate){0};
}
