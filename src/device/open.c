/* Opening a device: its context and queue, and what kernels are written for on it. */
#include "device/opencl.h"

#include <string.h>

clg_device_params clg_device_defaults(void)
{
    return (clg_device_params){.form = CLG_FORM_AUTO, .gemm = CLG_GEMM_AUTO};
}

static uint32_t power_of_two_below(uint32_t n)
{
    uint32_t p = 1;

    while (p <= n / 2)
        p *= 2;
    return p;
}

static clg_status choose_local(struct clg_device *device, const clg_device_params *params)
{
    const clg_device_info *info = &device->self.info;
    uint32_t local = params->local_size, most = info->type == CLG_DEVICE_GPU ? 256 : 64;

    if (local == 0) {
        device->machine.local = power_of_two_below(info->max_group < most ? info->max_group : most);
        return CLG_OK;
    }
    if (local > info->max_group || (local & (local - 1)) != 0)
        return clg_fail(device->object.ctx, CLG_ERR_ARGUMENT,
                        "%s: local_size is %u, it must be a power of two up to %u", info->name,
                        local, info->max_group);
    device->machine.local = local;
    return CLG_OK;
}

static clg_status choose_gemm(struct clg_device *device, clg_gemm_choice wanted)
{
#if defined(CLG_HAVE_CLBLAST) && CLG_HAVE_CLBLAST
    const bool have = true;
#else
    const bool have = false;
#endif
    struct clg_machine *machine = &device->machine;

    if (wanted == CLG_GEMM_CLBLAST && !have)
        return clg_fail(device->object.ctx, CLG_ERR_UNSUPPORTED,
                        "matrix products by CLBlast: this clgrad was built without it "
                        "(-Dclblast=enabled builds it in)");
    machine->gemm = wanted;
    if (wanted == CLG_GEMM_AUTO)
        machine->gemm =
            have && machine->form == CLG_FORM_GROUP ? CLG_GEMM_CLBLAST : CLG_GEMM_NATIVE;
    return CLG_OK;
}

/* A multiple of 64 floats: the store looks its segments up per block of that many. */
static uint32_t alignment(uint32_t device_align)
{
    const uint32_t segment = 256;

    return device_align <= segment ? segment : (device_align + segment - 1) / segment * segment;
}

static clg_status check_params(struct clg_ctx *ctx, const clg_device_params *params)
{
    if (params->form < CLG_FORM_AUTO || params->form > CLG_FORM_ITEM)
        return clg_fail(ctx, CLG_ERR_ARGUMENT,
                        "the kernel form is %d, it must be auto, group or item", (int)params->form);
    if (params->gemm < CLG_GEMM_AUTO || params->gemm > CLG_GEMM_CLBLAST)
        return clg_fail(ctx, CLG_ERR_ARGUMENT,
                        "the choice of matrix products is %d, it must be auto, native or clblast",
                        (int)params->gemm);
    return CLG_OK;
}

clg_status clg_device_configure(struct clg_device *device, const clg_device_params *params)
{
    const clg_device_info *info = &device->self.info;
    uint32_t lanes = info->vector_floats;

    CLG_TRY(check_params(device->object.ctx, params));
    if (info->wrong)
        clg_log_line(device->object.ctx, CLG_LOG_WARNING, "%s: %s", info->name, info->wrong);
    device->machine = (struct clg_machine){
        .form = params->form == CLG_FORM_AUTO ? info->form : params->form,
        .vector = lanes >= 16  ? 16
                  : lanes >= 8 ? 8
                               : 4,
        .units = info->units,
        .loops = device->self.quirks & CLG_QUIRK_SHORT_LOOPS ? 65535 : 0,
        .align = alignment(info->align),
        .max_alloc = info->max_alloc,
        .memory = info->memory,
        .local_memory = info->local_memory,
    };
    CLG_TRY(choose_local(device, params));
    return choose_gemm(device, params->gemm);
}

/* What is destroyed next may still be in use. Nobody can be told of a failure here but the log. */
static void wait_idle(struct clg_device *device)
{
    cl_int error;

    if (!device->queue || device->lost || device->wrapped || device->idle || clg_opencl_left())
        return;
    device->idle = true;
    error = clFinish(device->queue);
    if (error == CL_SUCCESS)
        return;
    clg_cl_fail(device, error, "clFinish", "at the end");
    clg_log_line(device->object.ctx, CLG_LOG_ERROR, "%s", device->object.ctx->error);
}

static void device_finish(struct clg_object *object)
{
    struct clg_device *device = (struct clg_device *)object;
    struct clg_ctx *ctx = object->ctx;

    wait_idle(device);
    clg_programs_finish(device);
    CLG_RELEASE(CommandQueue, device->queue);
    CLG_RELEASE(Context, device->context);
    if (device->mailbox)
        clg_mailbox_empty(ctx, device->mailbox);
    clg_free(ctx, device->mailbox);
    clg_candidate_finish(ctx, &device->self);
    clg_free(ctx, device);
}

static clg_status make_context(struct clg_device *device)
{
    cl_context_properties properties[] = {CL_CONTEXT_PLATFORM,
                                          (cl_context_properties)device->self.platform, 0};
    cl_int error;

    device->mailbox = clg_mailbox_create(device->object.ctx);
    if (!device->mailbox)
        return CLG_ERR_MEMORY;
    device->context = clCreateContext(properties, 1, &device->self.device, clg_mailbox_notify,
                                      device->mailbox, &error);
    if (device->context)
        return CLG_OK;
    return clg_cl_fail(device, error, "clCreateContext", NULL);
}

static clg_status make_queue(struct clg_device *device, bool profiling)
{
    cl_int error;

    device->queue = clCreateCommandQueue(device->context, device->self.device,
                                         profiling ? CL_QUEUE_PROFILING_ENABLE : 0, &error);
    if (device->queue)
        return CLG_OK;
    return clg_cl_fail(device, error, "clCreateCommandQueue", NULL);
}

struct clg_device *clg_device_make(struct clg_ctx *ctx, struct clg_candidate *candidate)
{
    struct clg_device *device = clg_new(ctx, 1, sizeof(*device));

    if (!device) {
        clg_candidate_finish(ctx, candidate);
        return NULL;
    }
    clg_object_init(&device->object, &ctx->object, device_finish);
    device->self = *candidate;
    *candidate = (struct clg_candidate){0};
    return device;
}

/* The device that spec means, or the environment, or the best one. */
static struct clg_device *choose(struct clg_ctx *ctx, const char *spec)
{
    const char *variable = spec ? NULL : clg_environment("CLGRAD_DEVICE");
    struct clg_device *device = NULL;
    struct clg_candidates found;
    int chosen;

    if (clg_candidates_find(ctx, &found) != CLG_OK)
        return NULL;
    if (!spec)
        spec = variable ? variable : "best";
    chosen = clg_candidates_select(ctx, found.list.items, found.list.count, spec);
    if (chosen >= 0)
        device = clg_device_make(ctx, &found.list.items[chosen]);
    else if (variable)
        clg_fail(ctx, ctx->status, "CLGRAD_DEVICE: %s", ctx->error);
    clg_candidates_finish(&found);
    return device;
}

clg_device *clg_device_open(clg_ctx *ctx, const char *spec, const clg_device_params *params)
{
    clg_device_params p = params ? *params : clg_device_defaults();
    struct clg_device *device;

    if (!ctx)
        return NULL;
    device = choose(ctx, spec);
    if (!device)
        return NULL;
    if (clg_device_configure(device, &p) != CLG_OK || make_context(device) != CLG_OK ||
        make_queue(device, p.profiling) != CLG_OK)
        clg_device_destroy(&device);
    else
        clg_log_line(ctx, CLG_LOG_INFO, "%s (%s), %s form, groups of %u, vectors of %u",
                     device->self.info.name, device->self.info.platform,
                     device->machine.form == CLG_FORM_ITEM ? "item" : "group",
                     device->machine.local, device->machine.vector);
    return device;
}

void clg_device_destroy(clg_device **device)
{
    if (!device || !*device)
        return;
    wait_idle(*device);
    clg_object_destroy(&(*device)->object);
    *device = NULL;
}

const clg_device_info *clg_device_get_info(const clg_device *device)
{
    return device ? &device->self.info : NULL;
}

clg_form clg_device_get_form(const clg_device *device)
{
    return device ? device->machine.form : CLG_FORM_AUTO;
}

const struct clg_machine *clg_device_machine(const struct clg_device *device)
{
    return &device->machine;
}

struct clg_object *clg_device_object(struct clg_device *device)
{
    return &device->object;
}

clg_status clg_device_finish(clg_device *device)
{
    cl_int error;

    if (!device)
        return CLG_ERR_ARGUMENT;
    CLG_TRY(clg_device_check(device));
    error = clFinish(device->queue);
    device->unflushed = 0;
    if (device->mailbox)
        clg_mailbox_empty(device->object.ctx, device->mailbox);
    return error == CL_SUCCESS ? CLG_OK : clg_cl_fail(device, error, "clFinish", NULL);
}
