/* The list of devices that an application sees. */
#include "device/opencl.h"

/* Child of the context, found again by its finish function and replaced by the next call. */
struct list {
    struct clg_object object;
    struct clg_candidates found;
    clg_device_info *infos;
};

static void list_finish(struct clg_object *object)
{
    struct list *list = (struct list *)object;

    clg_candidates_finish(&list->found);
    clg_free(object->ctx, list->infos);
    clg_free(object->ctx, list);
}

static void forget_earlier(struct clg_ctx *ctx)
{
    struct clg_object *object = ctx->object.first;

    while (object && object->finish != list_finish)
        object = object->next;
    if (object)
        clg_object_destroy(object);
}

static clg_status fill(struct list *list, bool probe)
{
    struct clg_ctx *ctx = list->object.ctx;

    CLG_TRY(clg_candidates_find(ctx, &list->found));
    list->infos = clg_new(ctx, list->found.list.count, sizeof(*list->infos));
    if (!list->infos)
        return CLG_ERR_MEMORY;
    for (size_t i = 0; i < list->found.list.count; i++) {
        struct clg_candidate *candidate = &list->found.list.items[i];

        if (probe)
            candidate->info.fp16 = clg_probe_half(candidate);
        list->infos[i] = candidate->info;
    }
    return CLG_OK;
}

clg_status clg_device_list(clg_ctx *ctx, bool probe, const clg_device_info **list, size_t *count)
{
    struct list *made;
    clg_status status;

    if (!ctx || !CLG_GIVEN(ctx, list) || !CLG_GIVEN(ctx, count))
        return CLG_ERR_ARGUMENT;
    *list = NULL;
    *count = 0;
    forget_earlier(ctx);
    made = clg_new(ctx, 1, sizeof(*made));
    if (!made)
        return CLG_ERR_MEMORY;
    clg_object_init(&made->object, &ctx->object, list_finish);
    made->found.ctx = ctx;
    status = fill(made, probe);
    if (status != CLG_OK) {
        clg_object_destroy(&made->object);
        return status;
    }
    *list = made->infos;
    *count = made->found.list.count;
    return CLG_OK;
}

/* ---- half arithmetic ---- */

static bool builds(cl_context context, cl_device_id device, const char *source)
{
    cl_program program = clCreateProgramWithSource(context, 1, &source, NULL, NULL);
    bool good;

    if (!program)
        return false;
    good = clBuildProgram(program, 1, &device, "-cl-std=CL1.2", NULL, NULL) == CL_SUCCESS;
    clReleaseProgram(program);
    return good;
}

/* Drivers that have it without the extension (NVIDIA) take the kernel without the pragma. */
bool clg_probe_half(const struct clg_candidate *candidate)
{
#define HALF_KERNEL "kernel void probe(global half *x) { x[0] = x[0] * x[1] + x[0]; }\n"
    const bool listed = clg_device_lists(candidate->device, "cl_khr_fp16");
    const char *source =
        listed ? "#pragma OPENCL EXTENSION cl_khr_fp16 : enable\n" HALF_KERNEL : HALF_KERNEL;
#undef HALF_KERNEL
    cl_context_properties properties[] = {CL_CONTEXT_PLATFORM,
                                          (cl_context_properties)candidate->platform, 0};
    cl_context context;
    bool good;

    if (!listed && (candidate->quirks & CLG_QUIRK_HALF_LISTED))
        return false;
    context = clCreateContext(properties, 1, &candidate->device, NULL, NULL, NULL);
    if (!context)
        return false;
    good = builds(context, candidate->device, source);
    clReleaseContext(context);
    return good;
}
