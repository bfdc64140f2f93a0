/* Inputs gathered on the device from an array's rows, before the forward. */
#include <string.h>
#include "plan/plan.h"

clg_feed_params clg_feed_defaults(void)
{
    return (clg_feed_params){.index = NULL, .mean = 0.0f, .std = 1.0f};
}

static void lower_feed(struct clg_plan *plan, const struct clg_plan_input *input)
{
    struct clg_view to = clg_plan_value(plan, (struct clg_ref){input->node, 0})->view;
    const struct clg_array *index = input->index;
    bool bytes = clg_array_type(input->array) == CLG_U8;
    struct clg_launch *k = clg_launch_kernel(
        &plan->phases[CLG_PHASE_FEED], "train", bytes ? "feed_bytes" : "feed_words", NULL, input->name);
    clg_launch_buffer(k, clg_array_buffer(input->array));
    clg_launch_view(k, &to);
    clg_launch_buffer(k, index ? clg_array_buffer(index) : plan->tally);
    clg_launch_buffer(k, plan->tally);
    clg_launch_int(k, clg_array_rows(input->array));
    clg_launch_int(k, index ? clg_array_rows(index) : 0);
    clg_launch_int(k, clg_array_cols(input->array));
    clg_launch_int(k, plan->ir.batch);
    clg_launch_float(k, input->mean);
    clg_launch_float(k, 1.0f / input->std);
    clg_launch_int(k, to.dtype == CLG_I32);
    clg_launch_rows(k, (size_t)plan->ir.batch);
    int64_t count = clg_shape_count(&to.shape);
    clg_launch_cost(k, (uint64_t)count * 2, (uint64_t)count * (bytes ? 5 : 8));
}

void clg_plan_unfeed(struct clg_plan_input *input)
{
    clg_array_release(input->array);
    clg_array_release(input->index);
    input->array = input->index = NULL;
}

clg_status clg_plan_lower_feeds(struct clg_plan *plan)
{
    struct clg_launches *launches = &plan->phases[CLG_PHASE_FEED];
    clg_launches_finish(launches);
    for (size_t i = 0; i < plan->inputs.count; i++)
        if (plan->inputs.items[i].array)
            lower_feed(plan, &plan->inputs.items[i]);
    return clg_launches_build(launches);
}

static clg_status check_feed(struct clg_plan *plan, const struct clg_plan_input *input,
                             const clg_array *array, const clg_feed_params *params)
{
    struct clg_ctx *ctx = plan->object.ctx;
    struct clg_view to = clg_plan_value(plan, (struct clg_ref){input->node, 0})->view;
    int64_t cols = clg_shape_count(&to.shape) / plan->ir.batch;
    clg_dtype type = clg_array_type(array);
    if (!clg_array_lies_on(array, plan->device) ||
        (params->index && !clg_array_lies_on(params->index, plan->device)))
        return clg_fail(ctx, CLG_ERR_ARGUMENT,
                        "feed '%s': the array lies on another device than the plan", input->name);
    if (clg_shape_count(&to.shape) % plan->ir.batch || clg_array_cols(array) != cols)
        return clg_fail(ctx, CLG_ERR_ARGUMENT,
                        "feed '%s': the array has %lld columns, the input takes %lld a sample",
                        input->name, (long long)clg_array_cols(array), (long long)cols);
    if (type != CLG_U8 && type != to.dtype)
        return clg_fail(ctx, CLG_ERR_ARGUMENT,
                        "feed '%s': the array's type must be the input's, or CLG_U8", input->name);
    if (!(params->std != 0.0f))
        return clg_fail(ctx, CLG_ERR_ARGUMENT, "feed '%s': std is %g, must not be 0", input->name,
                        (double)params->std);
    if (params->index &&
        (clg_array_type(params->index) != CLG_I32 || clg_array_cols(params->index) != 1))
        return clg_fail(ctx, CLG_ERR_ARGUMENT,
                        "feed '%s': the index must be an int32 array of 1 column", input->name);
    return CLG_OK;
}

clg_status clg_plan_feed(clg_plan *plan, const char *input, const clg_array *array,
                         const clg_feed_params *params)
{
    if (!CLG_GIVEN(array, plan) || !CLG_GIVEN(plan, input) || !CLG_GIVEN(plan, array))
        return CLG_ERR_ARGUMENT;
    struct clg_plan_input *in = clg_plan_find_input(plan, input);
    clg_feed_params feed = params ? *params : clg_feed_defaults();
    if (!in)
        return clg_error_status(plan->object.ctx);
    CLG_TRY(check_feed(plan, in, array, &feed));
    CLG_TRY(clg_plan_unbind(plan, in));
    struct clg_array *before[] = {in->array, in->index}; /* may be the same */
    in->array = clg_array_retain(array);
    in->index = clg_array_retain(feed.index);
    in->mean = feed.mean;
    in->std = feed.std;
    clg_array_release(before[0]);
    clg_array_release(before[1]);
    return clg_plan_lower_feeds(plan);
}

clg_status clg_plan_seek(clg_plan *plan, int64_t row)
{
    if (!plan)
        return CLG_ERR_ARGUMENT;
    if (row < 0 || row >= INT64_C(1) << 31)
        return clg_fail(plan->object.ctx, CLG_ERR_ARGUMENT,
                        "seek: row is %lld, must be 0 to 2^31 - 1", (long long)row);
    return clg_buffer_fill(plan->tally, 0, 4, (uint32_t)row);
}
