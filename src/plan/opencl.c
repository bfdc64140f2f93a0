/* The bridge for applications with OpenCL of their own: their memory as inputs, our outputs as
 * theirs. */
#include <clgrad/opencl.h>
#include "device/interop.h"
#include "plan/plan.h"

/* Moves an input, and all that is derived from its place. */
static clg_status move_input(struct clg_plan *plan, const struct clg_plan_input *input,
                             struct clg_buffer *buffer, uint64_t offset)
{
    struct clg_view *view = &clg_plan_value(plan, (struct clg_ref){input->node, 0})->view;
    view->buffer = buffer;
    view->offset = offset;
    CLG_TRY(clg_plan_follow(plan));
    CLG_TRY(clg_plan_lower_feeds(plan));
    return clg_plan_lower(plan);
}

clg_status clg_plan_unbind(struct clg_plan *plan, struct clg_plan_input *input)
{
    struct clg_buffer *before = input->bound;
    if (!before)
        return CLG_OK;
    input->bound = NULL;
    input->ready = false;
    clg_status status = move_input(plan, input, plan->own, input->own_offset);
    clg_buffer_destroy(before);
    return status;
}

clg_status clg_plan_bind(clg_plan *plan, const char *input, cl_mem buffer, size_t offset)
{
    if (!plan || !CLG_GIVEN(plan, input) || !CLG_GIVEN(plan, buffer))
        return CLG_ERR_ARGUMENT;
    struct clg_plan_input *in = clg_plan_find_input(plan, input);
    if (!in)
        return CLG_ERR_ARGUMENT;
    const struct clg_view *view = &clg_plan_value(plan, (struct clg_ref){in->node, 0})->view;
    size_t bytes = (size_t)clg_shape_count(&view->shape) * 4;
    struct clg_buffer *wrapped = clg_buffer_wrap(plan->device, buffer);
    if (!wrapped)
        return clg_error_status(plan->object.ctx);
    if (offset % 4 || offset > clg_buffer_size(wrapped) ||
        clg_buffer_size(wrapped) - offset < bytes) {
        clg_fail(plan->object.ctx, CLG_ERR_ARGUMENT,
                 "bind '%s': %zu bytes at offset %zu must lie inside the buffer of %zu bytes, at a "
                 "multiple of 4",
                 input, bytes, offset, clg_buffer_size(wrapped));
        clg_buffer_destroy(wrapped);
        return CLG_ERR_ARGUMENT;
    }
    struct clg_buffer *before = in->bound;
    if (!before)
        in->own_offset = view->offset;
    in->bound = wrapped;
    clg_plan_unfeed(in);
    in->ready = true;
    clg_status status = move_input(plan, in, wrapped, offset / 4);
    clg_buffer_destroy(before);
    return status;
}

clg_status clg_plan_output_mem(clg_plan *plan, const char *output, cl_mem *buffer, size_t *offset)
{
    if (!plan || !CLG_GIVEN(plan, output) || !CLG_GIVEN(plan, buffer) ||
        !CLG_GIVEN(plan, offset))
        return CLG_ERR_ARGUMENT;
    const struct clg_root *root = clg_plan_find_output(plan, output);
    if (!root)
        return CLG_ERR_ARGUMENT;
    struct clg_view view = clg_plan_value(plan, root->ref)->view;
    *buffer = clg_buffer_mem(view.buffer);
    *offset = (size_t)view.offset * clg_dtype_size(view.dtype);
    return CLG_OK;
}

clg_status clg_plan_step_events(clg_plan *plan, cl_uint count, const cl_event *wait_list,
                                cl_event *event)
{
    if (!plan)
        return CLG_ERR_ARGUMENT;
    if (count > 0 && !CLG_GIVEN(plan, wait_list))
        return CLG_ERR_ARGUMENT;
    CLG_TRY(clg_plan_check_inputs(plan));
    CLG_TRY(clg_device_wait_events(plan->device, count, wait_list));
    CLG_TRY(clg_plan_step(plan));
    return event ? clg_device_mark(plan->device, event) : CLG_OK;
}
