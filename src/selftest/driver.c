/* The driver itself: small kernels that drivers are known to compute wrong (docs/opencl.md).
 *
 * What clgrad's kernels rest on fails the trial. What they are written around is a fault of the driver
 * that the trial names, and passes: an application's own kernels on this device may meet it. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "selftest/trials.h"

/* Many groups: PoCL 3.1 is right by luck while one at a time is at work. */
enum { GROUPS = 257, FEW = 4, SUMMED = 64, LOOPS = 70000 };

/* All take y, zeros, and n. LOCAL is the machine's local size. */
static const char source[] =
    "#include \"common.clh\"\n"
    "INLINE int turn(local const int *x, const int by)\n"
    "{\n"
    "    return x[(get_local_id(0) + by) % LOCAL];\n"
    "}\n"
    "kernel void local_memory(global int *y, global const int *zero, const int n)\n"
    "{\n"
    "    local int x[LOCAL], z[LOCAL];\n"
    "    const int i = get_local_id(0), g = get_group_id(0);\n"
    "    x[i] = g * LOCAL + i;\n"
    "    barrier(CLK_LOCAL_MEM_FENCE);\n"
    "    z[i] = turn(x, 1);\n"
    "    barrier(CLK_LOCAL_MEM_FENCE);\n"
    "    y[g * LOCAL + i] = turn(z, LOCAL / 2);\n"
    "}\n"
    "static __attribute__((noinline)) int total(local const int *x, const int n)\n"
    "{\n"
    "    int sum = 0;\n"
    "    for (int i = 0; i < n; i++)\n"
    "        sum += x[i];\n"
    "    return sum;\n"
    "}\n"
    "kernel void local_pointer(global int *y, global const int *zero, const int n)\n"
    "{\n"
    "    local int x[64];\n"
    "    for (int i = 0; i < n; i++)\n"
    "        x[i] = i + 1;\n"
    "    y[0] = total(x, n);\n"
    "}\n"
    "kernel void long_loops(global int *y, global const int *zero, const int n)\n"
    "{\n"
    "    float s = 0;\n"
    "    int count = 0;\n"
    "    for (int i = 0; i < n; i++) {\n"
    "        s = 0.5f * s + zero[count & 7];\n"
    "        count++;\n"
    "    }\n"
    "    y[0] = count + (int)s;\n"
    "}\n"
    "kernel void repeated_code(global int *y, global const int *zero, const int n)\n"
    "{\n"
    "    y[0]++;\n"
    "    if (zero[0])\n"
    "        for (int i = 0; i < n; i++)\n"
    "            y[64 + i]++;\n"
    "}\n"
    "kernel void stale_id(global int *y, global const int *zero, const int n)\n"
    "{\n"
    "    local int x[4];\n"
    "    const int g = get_global_id(0);\n"
    "    x[get_local_id(0)] = 1;\n"
    "    barrier(CLK_LOCAL_MEM_FENCE);\n"
    "    y[g] += x[get_local_id(0)];\n"
    "    if (zero[0])\n"
    "        for (int i = 0; i < n; i++)\n"
    "            y[64 + i] = i;\n"
    "}\n"
    "kernel void repeated_load(global int *y, global const int *zero, const int n)\n"
    "{\n"
    "    local int x[4];\n"
    "    const int l = get_local_id(0);\n"
    "    x[l] = l;\n"
    "    barrier(CLK_LOCAL_MEM_FENCE);\n"
    "    const int v = x[(l + 1) % 4];\n"
    "    barrier(CLK_LOCAL_MEM_FENCE);\n"
    "    x[l] = v;\n"
    "    barrier(CLK_LOCAL_MEM_FENCE);\n"
    "    y[l] = x[l];\n"
    "}\n";

/* A kernel of the source, on `groups` groups of `local` work-items, and what y[i] must be for the
 * first `count`. */
struct probe {
    const char *kernel;
    int32_t groups, local, n, count;
    int32_t (*want)(const struct probe *probe, int32_t i);
    int32_t got, at; /* the first wrong element; at -1: none */
};

static int32_t turned(const struct probe *probe, int32_t i)
{
    int32_t local = probe->local;
    return i / local * local + (i % local + 1 + local / 2) % local;
}

static int32_t looped(const struct probe *probe, int32_t i)
{
    (void)i;
    return probe->n;
}

static int32_t summed(const struct probe *probe, int32_t i)
{
    (void)i;
    return probe->n * (probe->n + 1) / 2;
}

static int32_t once(const struct probe *probe, int32_t i)
{
    return i < probe->local;
}

static int32_t next(const struct probe *probe, int32_t i)
{
    return (i + 1) % probe->local;
}

/* ---- running ---- */

static void judge(struct probe *probe, const int32_t *y)
{
    probe->at = -1;
    for (int32_t i = 0; i < probe->count && probe->at < 0; i++)
        if (y[i] != probe->want(probe, i)) {
            probe->at = i;
            probe->got = y[i];
        }
}

static clg_status launch(struct clg_launches *launches, const struct probe *probe,
                         struct clg_buffer *y, struct clg_buffer *zero)
{
    size_t local = (size_t)probe->local;
    struct clg_launch *one =
        clg_launch_generated(launches, source, probe->kernel, NULL, probe->kernel);
    clg_launch_buffer(one, y);
    clg_launch_buffer(one, zero);
    clg_launch_int(one, probe->n);
    clg_launch_range(one, (const size_t[]){(size_t)probe->groups * local, 1, 1},
                     (const size_t[]){local, 1, 1});
    CLG_TRY(clg_launches_build(launches));
    return clg_launches_run(launches, 0, launches->list.count);
}

static clg_status run_with(struct clg_trial *trial, struct probe *probe, int32_t *values,
                           size_t bytes, struct clg_buffer *y, struct clg_buffer *zero)
{
    struct clg_launches launches;
    CLG_TRY(clg_buffer_write(y, 0, values, bytes));
    CLG_TRY(clg_buffer_write(zero, 0, values, 8 * sizeof(*values)));
    clg_launches_init(&launches, trial->device);
    clg_status status = launch(&launches, probe, y, zero);
    if (status == CLG_OK)
        status = clg_buffer_read(y, 0, values, bytes);
    if (status == CLG_OK)
        judge(probe, values);
    clg_launches_finish(&launches);
    return status;
}

/* y has room behind what is right: faults write there. */
static clg_status run(struct clg_trial *trial, struct probe *probe)
{
    size_t bytes = ((size_t)probe->groups * (size_t)probe->local + 128) * sizeof(int32_t);
    int32_t *values = clg_new(trial->ctx, 1, bytes);
    struct clg_buffer *y = values ? clg_buffer_create(trial->device, bytes) : NULL;
    struct clg_buffer *zero = y ? clg_buffer_create(trial->device, 8 * sizeof(*values)) : NULL;
    clg_status status = zero ? run_with(trial, probe, values, bytes, y, zero)
                             : clg_error_status(trial->ctx);
    trial->result->cases++;
    clg_buffer_destroy(zero);
    clg_buffer_destroy(y);
    clg_free(trial->ctx, values);
    return status;
}

/* ---- what clgrad's kernels rest on ---- */

clg_status clg_trial_driver_local_memory(struct clg_trial *trial)
{
    int32_t local = (int32_t)clg_device_machine(trial->device)->local;
    struct probe probe = {"local_memory", GROUPS, local, 0, GROUPS * local, turned, 0, 0};
    CLG_TRY(run(trial, &probe));
    if (probe.at >= 0)
        clg_trial_fail(trial, "work-item %d of group %d found %d in local memory, must find %d",
                       probe.at % local, probe.at / local, probe.got, turned(&probe, probe.at));
    return CLG_OK;
}

static void tell(struct clg_trial *trial, const struct probe *probe, const char *fault)
{
    trial->result->fault = true;
    snprintf(trial->result->message, sizeof(trial->result->message),
             "the driver %s (element %d is %d, must be %d); clgrad's kernels are written around it",
             fault, probe->at, probe->got, probe->want(probe, probe->at));
}

/* The quirk SHORT_LOOPS is such a bound, and tiles are cut by it. */
clg_status clg_trial_driver_long_loops(struct clg_trial *trial)
{
    uint32_t known = clg_device_machine(trial->device)->loops;
    struct probe probe = {"long_loops", 1, 1, LOOPS, 1, looped, 0, 0};
    CLG_TRY(run(trial, &probe));
    if (probe.at >= 0 && known > 0 && (int64_t)known <= probe.got)
        tell(trial, &probe, "ends long loops early");
    else if (probe.at >= 0)
        clg_trial_fail(trial, "a loop of %d iterations ended after %d", LOOPS, probe.got);
    return CLG_OK;
}

/* ---- what they are written around ---- */

static clg_status look(struct clg_trial *trial, struct probe probe, const char *fault)
{
    CLG_TRY(run(trial, &probe));
    if (probe.at >= 0)
        tell(trial, &probe, fault);
    return CLG_OK;
}

clg_status clg_trial_driver_local_pointer(struct clg_trial *trial)
{
    return look(trial, (struct probe){"local_pointer", 1, 1, SUMMED, 1, summed, 0, 0},
                "gives a function that is not inlined the wrong local memory");
}

clg_status clg_trial_driver_repeated_code(struct clg_trial *trial)
{
    return look(trial, (struct probe){"repeated_code", 1, 1, 3, 2, once, 0, 0},
                "runs what stands before a branch with a loop behind it twice");
}

clg_status clg_trial_driver_stale_id(struct clg_trial *trial)
{
    return look(trial, (struct probe){"stale_id", 1, FEW, 3, FEW + 1, once, 0, 0},
                "changes a work-item's global id after a barrier");
}

clg_status clg_trial_driver_repeated_load(struct clg_trial *trial)
{
    return look(trial, (struct probe){"repeated_load", 1, FEW, 3, FEW, next, 0, 0},
                "repeats a load from before a barrier after it");
}
