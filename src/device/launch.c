/* Writing down what a plan will enqueue. */
#include "device/launch.h"

#include <inttypes.h>
#include <string.h>

/* PoCL compiles a kernel again above 65535 work-items, and a work-item per core is enough. */
#define ITEMS_MAX 4096

void clg_launches_init(struct clg_launches *launches, struct clg_device *device)
{
    *launches = (struct clg_launches){.device = device};
}

static void launch_destroy(struct clg_ctx *ctx, struct clg_launch *launch)
{
    CLG_RELEASE(Kernel, launch->kernel);
    if (launch->finish)
        launch->finish(ctx, launch->data);
    clg_free(ctx, launch->label);
    clg_free(ctx, launch->source);
    clg_free(ctx, launch->kernel_name);
    clg_free(ctx, launch->options);
    clg_free(ctx, launch->text);
    clg_free(ctx, launch->args.items);
    clg_free(ctx, launch);
}

void clg_launches_finish(struct clg_launches *launches)
{
    struct clg_ctx *ctx;

    if (!launches->device)
        return;
    ctx = launches->device->object.ctx;
    for (size_t i = 0; i < launches->list.count; i++)
        launch_destroy(ctx, launches->list.items[i]);
    clg_free(ctx, launches->list.items);
    *launches = (struct clg_launches){.device = launches->device};
}

static struct clg_launch *append(struct clg_launches *launches, const char *label)
{
    struct clg_ctx *ctx = launches->device->object.ctx;
    struct clg_launch *launch, **slot;

    if (launches->status != CLG_OK)
        return NULL;
    launches->status = CLG_ERR_MEMORY;
    launch = clg_new(ctx, 1, sizeof(*launch));
    if (!launch)
        return NULL;
    slot = CLG_PUSH(ctx, launches->list);
    if (!slot) {
        clg_free(ctx, launch);
        return NULL;
    }
    *slot = launch;
    *launch = (struct clg_launch){
        .owner = launches,
        .label = clg_strdup(ctx, label ? label : ""),
        .global = {1, 1, 1},
        .local = {1, 1, 1},
    };
    if (!launch->label)
        return NULL;
    launches->status = CLG_OK;
    return launch;
}

static struct clg_launch *append_kernel(struct clg_launches *launches, const char *source,
                                        const char *text, const char *kernel, const char *options,
                                        const char *label)
{
    struct clg_launch *launch = append(launches, label);
    struct clg_ctx *ctx = launches->device->object.ctx;

    if (!launch)
        return NULL;
    launch->source = clg_strdup(ctx, source);
    launch->kernel_name = clg_strdup(ctx, kernel);
    launch->options = clg_strdup(ctx, options ? options : "");
    launch->text = text ? clg_strdup(ctx, text) : NULL;
    if (launch->source && launch->kernel_name && launch->options && (launch->text || !text))
        return launch;
    launches->status = CLG_ERR_MEMORY;
    return NULL;
}

struct clg_launch *clg_launch_kernel(struct clg_launches *launches, const char *source,
                                     const char *kernel, const char *options, const char *label)
{
    return append_kernel(launches, source, NULL, kernel, options, label);
}

struct clg_launch *clg_launch_generated(struct clg_launches *launches, const char *text,
                                        const char *kernel, const char *options, const char *label)
{
    return append_kernel(launches, "generated", text, kernel, options, label);
}

struct clg_launch *clg_launch_foreign(struct clg_launches *launches, const char *label, void *data,
                                      clg_status (*prepare)(void *data, void *queue),
                                      clg_status (*call)(void *data, void *queue),
                                      void (*finish)(struct clg_ctx *ctx, void *data))
{
    struct clg_launch *launch = append(launches, label);

    if (!launch) {
        if (finish)
            finish(launches->device->object.ctx, data);
        return NULL;
    }
    launch->data = data;
    launch->prepare = prepare;
    launch->call = call;
    launch->finish = finish;
    return launch;
}

/* ---- arguments ---- */

static struct clg_arg *add_arg(struct clg_launch *launch, size_t size)
{
    struct clg_arg *arg;

    if (!launch || launch->owner->status != CLG_OK)
        return NULL;
    arg = CLG_PUSH(launch->owner->device->object.ctx, launch->args);
    if (!arg) {
        launch->owner->status = CLG_ERR_MEMORY;
        return NULL;
    }
    *arg = (struct clg_arg){.kind = CLG_ARG_VALUE, .size = size};
    return arg;
}

void clg_launch_buffer(struct clg_launch *launch, struct clg_buffer *buffer)
{
    struct clg_arg *arg = add_arg(launch, sizeof(cl_mem));

    if (!arg)
        return;
    arg->kind = CLG_ARG_BUFFER;
    arg->buffer = buffer;
}

void clg_launch_view(struct clg_launch *launch, const struct clg_view *view)
{
    struct clg_arg *arg;

    clg_launch_buffer(launch, view->buffer);
    arg = add_arg(launch, sizeof(cl_ulong));
    if (arg)
        arg->value.at = view->offset;
}

void clg_launch_int(struct clg_launch *launch, int64_t value)
{
    struct clg_arg *arg = add_arg(launch, sizeof(cl_int));

    if (!arg)
        return;
    if (value < INT32_MIN || value > INT32_MAX)
        launch->owner->status =
            clg_fail(launch->owner->device->object.ctx, CLG_ERR_LIMIT,
                     "%s: %" PRId64 " does not fit the 31 bits that kernels index with",
                     launch->label, value);
    arg->value.i = (cl_int)value;
}

void clg_launch_uint(struct clg_launch *launch, uint32_t value)
{
    struct clg_arg *arg = add_arg(launch, sizeof(cl_uint));

    if (arg)
        arg->value.u = value;
}

void clg_launch_float(struct clg_launch *launch, float value)
{
    struct clg_arg *arg = add_arg(launch, sizeof(cl_float));

    if (arg)
        arg->value.f = value;
}

/* ---- sizes ---- */

void clg_launch_range(struct clg_launch *launch, const size_t global[3], const size_t local[3])
{
    if (!launch)
        return;
    for (int i = 0; i < 3; i++) {
        size_t l = local[i] ? local[i] : 1, groups = (global[i] + l - 1) / l;

        launch->local[i] = l;
        launch->global[i] = (groups ? groups : 1) * l;
    }
}

void clg_launch_items(struct clg_launch *launch, size_t items)
{
    const struct clg_machine *m;

    if (!launch)
        return;
    m = &launch->owner->device->machine;
    if (m->form == CLG_FORM_ITEM && items > ITEMS_MAX)
        items = ITEMS_MAX;
    clg_launch_range(launch, (const size_t[]){items, 1, 1},
                     (const size_t[]){m->form == CLG_FORM_ITEM ? 1 : m->local, 1, 1});
}

void clg_launch_rows(struct clg_launch *launch, size_t groups)
{
    if (!launch)
        return;
    if (launch->owner->device->machine.form == CLG_FORM_GROUP)
        groups *= launch->owner->device->machine.local;
    clg_launch_items(launch, groups);
}

/* ---- reports ---- */

void clg_launch_cost(struct clg_launch *launch, uint64_t flops, uint64_t bytes)
{
    if (!launch)
        return;
    launch->flops = flops;
    launch->bytes = bytes;
}

struct clg_launch_info clg_launch_get_info(const struct clg_launch *launch)
{
    return (struct clg_launch_info){
        .label = launch->label,
        .kernel = launch->kernel_name ? launch->kernel_name : "",
        .source = launch->source ? launch->source : "",
        .flops = launch->flops,
        .bytes = launch->bytes,
    };
}

static bool same_kernel(const struct clg_launch *a, const struct clg_launch *b)
{
    if (a->call || b->call || strcmp(a->kernel_name, b->kernel_name) != 0 ||
        strcmp(a->source, b->source) != 0 || strcmp(a->options, b->options) != 0)
        return false;
    return a->text ? strcmp(a->text, b->text) == 0 : true;
}

/* Whether a launch before this one has the same kernel; this one is in one of the lists. */
static bool counted(const struct clg_launches *const *lists, const struct clg_launch *launch)
{
    for (;; lists++)
        for (size_t i = 0; i < (*lists)->list.count; i++) {
            if ((*lists)->list.items[i] == launch)
                return false;
            if (same_kernel((*lists)->list.items[i], launch))
                return true;
        }
}

void clg_launches_count_kernels(const struct clg_launches *const *lists, size_t count,
                                uint32_t *all, uint32_t *gemm)
{
    *all = *gemm = 0;
    for (size_t k = 0; k < count; k++)
        for (size_t i = 0; i < lists[k]->list.count; i++) {
            const struct clg_launch *launch = lists[k]->list.items[i];

            if (launch->call || counted(lists, launch)) /* foreign code brings kernels of its own */
                continue;
            (*all)++;
            *gemm += strcmp(launch->source, "gemm") == 0;
        }
}
