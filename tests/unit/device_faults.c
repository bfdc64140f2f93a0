/* Everything the device floor does, with the N-th OpenCL call or the N-th allocation failing, for
 * every N: a status and a sentence, nothing lost, nothing called on a lost device but releases. */
#include <stdlib.h>
#include <string.h>
#include "device/interop.h"
#include "device/opencl.h"
#include "fault/allocator.h"
#include "test.h"

static clg_status run_launches(struct clg_device *device, struct clg_buffer *buffer)
{
    struct clg_launches launches;
    struct clg_launch *launch;
    cl_event event = NULL;
    clg_status status;

    clg_launches_init(&launches, device);
    launch = clg_launch_generated(&launches,
                                  "#include \"common.clh\"\n"
                                  "kernel void f(global int *a, const int b) { a[0] = b; }\n",
                                  "f", "-DX", "label");
    clg_launch_buffer(launch, buffer);
    clg_launch_int(launch, 7);
    clg_launch_items(launch, 1);
    status = clg_launches_build(&launches);
    for (int i = 0; i < 40 && status == CLG_OK; i++)
        status = clg_launches_run(&launches, 0, 1);
    if (status == CLG_OK)
        status = clg_buffer_resize(buffer, 128);
    if (status == CLG_OK)
        status = clg_launches_run(&launches, 0, 1);
    if (status == CLG_OK)
        status = clg_device_mark(device, &event);
    if (status == CLG_OK)
        status = clg_device_wait_events(device, 1, &event);
    if (event)
        clReleaseEvent(event);
    clg_launches_finish(&launches);
    return status;
}

static clg_status move_bytes(struct clg_device *device, struct clg_buffer *buffer)
{
    const int32_t data[4] = {1, 2, 3, 4};
    clg_array *array = clg_array_create(device, CLG_I32, 2, 2, data);
    struct clg_buffer *same;
    int32_t word;

    if (!array)
        return device->object.ctx->status;
    CLG_TRY(clg_array_write(array, data, 8));
    CLG_TRY(clg_buffer_fill(buffer, 0, 64, 0));
    CLG_TRY(clg_buffer_copy(clg_array_buffer(array), 0, buffer, 16, 16));
    CLG_TRY(clg_buffer_read(buffer, 16, &word, 4));
    same = clg_buffer_wrap(device, buffer->mem);
    if (!same)
        return device->object.ctx->status;
    clg_buffer_destroy(same);
    return clg_device_finish(device);
}

static clg_status use(clg_ctx *ctx)
{
    const clg_device_info *list;
    const char *why;
    size_t count;
    clg_device *device;
    struct clg_buffer *buffer;
    clg_status status;

    CLG_TRY(clg_device_list(ctx, true, &list, &count));
    CLG_TRY(clg_device_why(ctx, &why));
    device = clg_device_open(ctx, "cpu", NULL);
    if (!device)
        return clg_error_status(ctx);
    device->self.quirks &= ~(uint32_t)CLG_QUIRK_NO_BINARIES;
    buffer = clg_buffer_create(device, 64);
    if (!buffer)
        return clg_error_status(ctx);
    status = move_bytes(device, buffer);
    if (status == CLG_OK)
        status = run_launches(device, buffer);
    clg_buffer_destroy(buffer);
    return status;
}

/* One pass; whether it went well. Nothing may be left over in any case. */
static bool pass(struct allocator *allocator, const char *folder, long call, long allocation, int code)
{
    const struct layer *layer = test_layer();
    clg_ctx_params params = clg_ctx_defaults();
    clg_status status;
    clg_ctx *ctx;

    params.allocate = allocator_call;
    params.allocate_user = allocator;
    params.cache_dir = folder;
    ctx = clg_ctx_create(&params);
    cr_assert_not_null(ctx);
    allocator->fail_at = allocation ? allocator->requests + allocation : 0;
    layer->fail(call, code, false);
    status = use(ctx);
    if (status != CLG_OK) {
        cr_assert_gt(strlen(clg_error(ctx)), 20, "call %ld, allocation %ld, %s: '%s'", call,
                     allocation, layer->failed() ? layer->failed() : "", clg_error(ctx));
        cr_assert_eq(clg_error_status(ctx), status, "call %ld, allocation %ld: status %d", call,
                     allocation, (int)status);
    }
    clg_ctx_destroy(&ctx);
    if (status == CLG_ERR_DEVICE_LOST)
        cr_assert_eq(layer->calls_after(), 0, "%s: calls on a lost device", layer->failed());
    allocator->fail_at = 0;
    cr_assert_eq(allocator->live, 0, "call %ld, allocation %ld: %ld blocks are lost", call,
                 allocation, allocator->live);
    for (enum layer_kind kind = 0; kind < LAYER_KINDS; kind++)
        cr_assert_eq(layer->live(kind), 0, "call %ld (%s), allocation %ld: objects of kind %d",
                     call, layer->failed() ? layer->failed() : "", allocation, (int)kind);
    return status == CLG_OK && (call == 0 || !layer->failed());
}

TEST(device_faults, every_call)
{
    static const int codes[] = {CL_OUT_OF_RESOURCES, CL_OUT_OF_HOST_MEMORY, -9999};
    struct allocator allocator = {0};
    char folder[256];

    cr_assert_not_null(test_layer(), "runs under the layer of tests/fault");
    test_folder(folder);
    for (size_t c = 0; c < sizeof(codes) / sizeof(codes[0]); c++)
        for (long at = 1; !pass(&allocator, folder, at, 0, codes[c]); at++)
            cr_assert_lt(at, 1000);
    test_layer()->fail(0, 0, false);
    test_remove(folder);
}

TEST(device_faults, every_allocation)
{
    struct allocator allocator = {0};
    char folder[256];
    long good = 0;

    cr_assert_not_null(test_layer(), "runs under the layer of tests/fault");
    test_folder(folder);
    /* Where only the cache misses memory the run goes on: thirty good runs in a row are the end. */
    for (long at = 1; good < 30; at++) {
        cr_assert_lt(at, 1000);
        good = pass(&allocator, folder, 0, at, 0) ? good + 1 : 0;
    }
    test_remove(folder);
}
