/* The N-th OpenCL call of a program that trains and saves fails, for a sample of all N: a status
 * and a sentence, nothing held, and a whole file on disk. */
#include "test.h"

#include "fault/disk.h"
#include "fault/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Statuses of OpenCL; the tests see no CL header. */
enum { NOT_AVAILABLE = -2, OUT_OF_RESOURCES = -5, OUT_OF_HOST_MEMORY = -6 };

/* The call that had failed before the program began to destroy, or NULL. */
struct watch {
    const struct layer *layer;
    const char *before_end;
};

static void look(void *user)
{
    struct watch *watch = user;
    watch->before_end = watch->layer->failed();
}

/* Calls whose failure a program may survive: they only ask, or wait while a device is destroyed,
 * and destroying returns nothing. */
static bool may_be_survived(const char *call)
{
    return strncmp(call, "clGet", 5) == 0 || strcmp(call, "clFinish") == 0;
}

/* A lost device is left alone: releases are all that follows. */
static void check_left_alone(const struct layer *layer, long at, const char *call,
                             clg_status status)
{
    if (status == CLG_ERR_DEVICE_LOST)
        cr_assert_eq(layer->calls_after(), 0, "call %ld (%s): %ld calls to a lost device", at, call,
                     layer->calls_after());
}

static void check_nothing_held(const struct layer *layer, long at, const char *call)
{
    for (enum layer_kind kind = 0; kind < LAYER_KINDS; kind++)
        cr_assert_eq(layer->live(kind), 0, "call %ld (%s) failed: %ld objects of kind %d are held",
                     at, call, layer->live(kind), (int)kind);
}

static void check_outcome(const struct watch *watch, long at, const char *call, clg_status status,
                          const char *message)
{
    if (status == CLG_OK) {
        cr_assert(!watch->before_end || may_be_survived(call),
                  "call %ld (%s) failed and nobody noticed", at, call);
        return;
    }
    cr_assert_gt(strlen(message), 10, "call %ld (%s) failed: '%s' without a sentence: '%s'", at,
                 call, clg_status_string(status), message);
}

/* true: the run passed untouched. */
static bool run_with_fault(struct watch *watch, const struct program *program,
                           const struct disk *disk, long at, int status, bool sticky)
{
    const struct layer *layer = watch->layer;
    char message[1024];
    disk_reset(disk);
    layer->fail(at, status, sticky);
    clg_status result = program_run(program, message);
    const char *call = layer->failed();
    if (!call) {
        layer->fail(0, 0, false);
        cr_assert_eq(result, CLG_OK, "without a fault: %s", message);
        disk_check_new(disk);
        return true;
    }
    check_outcome(watch, at, call, result, message);
    check_left_alone(layer, at, call, result);
    check_nothing_held(layer, at, call);
    layer->fail(0, 0, false);
    disk_check_whole(disk);
    return false;
}

/* The calls that an untouched run makes, in order; NULL at the end, free() it. */
static const char **list_calls(const struct layer *layer, const struct program *program)
{
    char message[1024];
    layer->fail(0, 0, false);
    cr_assert_eq(program_run(program, message), CLG_OK, "%s", message);
    long count = layer->made();
    const char **calls = calloc((size_t)count + 1, sizeof(*calls));
    cr_assert_not_null(calls);
    cr_assert_gt(count, 100, "only %ld calls were made: is the layer loaded?", count);
    for (long at = 1; at <= count; at++)
        calls[at - 1] = layer->made_at(at);
    return calls;
}

/* A run takes PoCL a quarter of a second, so calls are a sample: of each function the first, and
 * each stride-th of all. */
static bool is_sampled(const char *const *calls, long at, long stride)
{
    bool first = stride > 1;
    for (long i = 0; first && i < at - 1; i++)
        first = strcmp(calls[i], calls[at - 1]) != 0;
    return first || (at - 1) % stride == 0;
}

/* The fault at the sampled calls, and past the last. stride 0: at ten calls. */
static void run_all(const clg_device_params *device, int status, bool sticky, long stride)
{
    struct watch watch = {.layer = test_layer()};
    cr_assert_not_null(watch.layer, "this test needs the layer: run it by `meson test`");
    struct disk disk;
    struct program program = {.ctx = clg_ctx_defaults(),
                              .device = *device,
                              .path = disk_path(&disk),
                              .before_end = look,
                              .user = &watch};
    disk_prepare(&disk, &program);
    const char **calls = list_calls(watch.layer, &program);
    long count = 0;
    while (calls[count])
        count++;
    for (long at = 1; at <= count; at++)
        if (stride ? is_sampled(calls, at, stride) : at % (count / 10) == 1)
            cr_assert_not(run_with_fault(&watch, &program, &disk, at, status, sticky),
                          "a run passed untouched at call %ld of %ld", at, count);
    cr_assert(run_with_fault(&watch, &program, &disk, count + 1, status, sticky));
    free(calls);
    disk_finish(&disk);
}

static clg_device_params native(clg_form form)
{
    clg_device_params params = clg_device_defaults();
    params.form = form;
    params.gemm = CLG_GEMM_NATIVE;
    return params;
}

TEST(calls_fail, out_of_resources)
{
    clg_device_params params = native(CLG_FORM_ITEM);
    run_all(&params, OUT_OF_RESOURCES, false, 5);
}

TEST(calls_fail, out_of_host_memory_in_the_group_form)
{
    clg_device_params params = native(CLG_FORM_GROUP);
    run_all(&params, OUT_OF_HOST_MEMORY, false, 19);
}

/* The device goes away and stays away. */
TEST(calls_fail, device_lost)
{
    clg_device_params params = native(CLG_FORM_ITEM);
    run_all(&params, NOT_AVAILABLE, true, 19);
}

#if CLG_HAVE_CLBLAST
/* CLBlast asks for the binary of each program, which takes PoCL long: ten calls of a run. */
TEST(calls_fail, clblast)
{
    clg_device_params params = native(CLG_FORM_ITEM);
    params.gemm = CLG_GEMM_CLBLAST;
    run_all(&params, OUT_OF_RESOURCES, false, 0);
}
#endif
