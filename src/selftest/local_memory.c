/* Local memory handed to inlined functions: the promise that all kernels of the group form rest on.
 * PoCL 3.1 computes on the wrong memory when such a function is not inlined, and is right by luck
 * when one group at a time is at work; so many groups run, through two call sites. */
#include <math.h>
#include <stdio.h>
#include "base/context.h"
#include "device/device.h"
#include "selftest/selftest.h"

enum { GROUPS = 257 };

static const char source[] = "#include \"common.clh\"\n"
                             "INLINE int turn(local const int *x, const int by)\n"
                             "{\n"
                             "    return x[(get_local_id(0) + by) % LOCAL];\n"
                             "}\n"
                             "kernel void local_memory(TENSOR(int, y))\n"
                             "{\n"
                             "    OPEN(int, y);\n"
                             "    local int x[LOCAL], z[LOCAL];\n"
                             "    int i = get_local_id(0), g = get_group_id(0);\n"
                             "    x[i] = g * LOCAL + i;\n"
                             "    barrier(CLK_LOCAL_MEM_FENCE);\n"
                             "    z[i] = turn(x, 1);\n"
                             "    barrier(CLK_LOCAL_MEM_FENCE);\n"
                             "    y[g * LOCAL + i] = turn(z, LOCAL / 2);\n"
                             "}\n";

static void judge(const int32_t *y, int32_t local, struct clg_selftest_result *result)
{
    for (int32_t i = 0; i < GROUPS * local; i++) {
        int32_t want = i / local * local + (i % local + 1 + local / 2) % local;
        if (y[i] == want)
            continue;
        result->pass = false;
        result->worst_forward = INFINITY;
        snprintf(result->message, sizeof(result->message),
                 "work-item %d of group %d found %d in local memory, must find %d", i % local,
                 i / local, y[i], want);
        return;
    }
}

static clg_status launch(clg_device *device, struct clg_buffer *buffer, int32_t *y, int32_t local)
{
    size_t count = (size_t)GROUPS * (size_t)local;
    struct clg_launches launches;
    struct clg_view view = {buffer, 0, CLG_I32, clg_shape1((int64_t)count)};
    clg_launches_init(&launches, device);
    struct clg_launch *one =
        clg_launch_generated(&launches, source, "local_memory", NULL, "local memory");
    clg_launch_view(one, &view);
    clg_launch_range(one, (const size_t[]){count, 1, 1}, (const size_t[]){(size_t)local, 1, 1});
    clg_status status = clg_launches_build(&launches);
    if (status == CLG_OK)
        status = clg_launches_run(&launches, 0, launches.list.count);
    if (status == CLG_OK)
        status = clg_buffer_read(buffer, 0, y, count * sizeof(*y));
    clg_launches_finish(&launches);
    return status;
}

clg_status clg_selftest_local_memory(clg_device *device, struct clg_selftest_result *result)
{
    struct clg_ctx *ctx = clg_device_object(device)->ctx;
    int32_t local = (int32_t)clg_device_machine(device)->local;
    size_t bytes = GROUPS * (size_t)local * sizeof(int32_t);
    *result = (struct clg_selftest_result){.op = "local_memory", .cases = 1, .pass = true};
    int32_t *y = clg_new(ctx, 1, bytes);
    struct clg_buffer *buffer = y ? clg_buffer_create(device, bytes) : NULL;
    clg_status status = buffer ? launch(device, buffer, y, local) : clg_error_status(ctx);
    if (status == CLG_OK)
        judge(y, local, result);
    else
        result->pass = false;
    if (status != CLG_OK)
        snprintf(result->message, sizeof(result->message), "%s", clg_error(ctx));
    clg_buffer_destroy(buffer);
    clg_free(ctx, y);
    return status;
}
