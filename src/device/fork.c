/* OpenCL after fork(): a driver's threads and queues belong to the parent, and a call that needs them
 * never returns. So none is made in a child, not even releases. */
#include <stdatomic.h>

#include "base/fork.h"
#include "device/opencl.h"

static atomic_uint first_use; /* forks before OpenCL was first used, and 1; 0: not used */

bool clg_opencl_left(void)
{
    unsigned first = atomic_load(&first_use);

    return first != 0 && first != clg_fork_count() + 1;
}

clg_status clg_opencl_check(struct clg_ctx *ctx)
{
    if (!clg_opencl_left())
        return CLG_OK;
    return clg_fail(ctx, CLG_ERR_STATE,
                    "this process was forked from one that had used OpenCL, whose drivers do not "
                    "work in a child: fork before the first device is listed or opened, or start "
                    "another program in the child");
}

clg_status clg_opencl_enter(struct clg_ctx *ctx)
{
    unsigned unused = 0;

    if (!clg_fork_watch())
        return clg_fail(ctx, CLG_ERR_MEMORY, "out of host memory: forks cannot be watched for");
    atomic_compare_exchange_strong(&first_use, &unused, clg_fork_count() + 1);
    return clg_opencl_check(ctx);
}
