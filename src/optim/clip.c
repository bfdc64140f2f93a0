/* What is done with gradients before an update: they are added up, and clipped. */
#include <math.h>
#include <string.h>
#include "optim/optim.h"

static clg_status send(const struct clg_optimizer *optimizer, enum clg_part_word word, float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return clg_buffer_fill(clg_store_block(optimizer->store),
                           (uint64_t)(CLG_PART(optimizer->part) + word) * sizeof(bits),
                           sizeof(bits), bits);
}

clg_status clg_optimizer_send_clip(struct clg_optimizer *optimizer)
{
    if (!clg_store_block(optimizer->store))
        return CLG_OK; /* sent when the first plan is compiled */
    if (!optimizer->clips)
        CLG_TRY(send(optimizer, CLG_PART_CLIP, 1));
    CLG_TRY(send(optimizer, CLG_PART_MAX_NORM, optimizer->max_norm));
    return send(optimizer, CLG_PART_MOST, optimizer->most);
}

/* What adds launches to a step is said before the optimizer is in a graph. */
static clg_status check_unused(const struct clg_optimizer *optimizer, const char *what)
{
    if (optimizer->updates.count == 0)
        return CLG_OK;
    return clg_fail(optimizer->object.ctx, CLG_ERR_STATE,
                    "%s: optimizer '%s' is in a graph already, must not be in one yet", what,
                    optimizer->params.name);
}

static clg_status check_limit(const struct clg_optimizer *optimizer, const char *what, float limit)
{
    if (limit > 0)
        return CLG_OK;
    return clg_fail(optimizer->object.ctx, CLG_ERR_ARGUMENT,
                    "%s of optimizer '%s': the limit is %g, must be above 0", what,
                    optimizer->params.name, (double)limit);
}

clg_status clg_optimizer_clip_norm(clg_optimizer *optimizer, float max_norm)
{
    if (!optimizer)
        return CLG_ERR_ARGUMENT;
    CLG_TRY(check_limit(optimizer, "clip_norm", max_norm));
    if (!optimizer->clips)
        CLG_TRY(check_unused(optimizer, "clip_norm"));
    optimizer->clips = true;
    optimizer->max_norm = max_norm;
    return clg_optimizer_send_clip(optimizer);
}

clg_status clg_optimizer_clip_value(clg_optimizer *optimizer, float clip_value)
{
    if (!optimizer)
        return CLG_ERR_ARGUMENT;
    CLG_TRY(check_limit(optimizer, "clip_value", clip_value));
    optimizer->most = clip_value;
    return clg_optimizer_send_clip(optimizer);
}

clg_status clg_optimizer_grad_norm(clg_optimizer *optimizer, float *norm)
{
    struct clg_buffer *block;

    if (!optimizer || !CLG_GIVEN(optimizer, norm))
        return CLG_ERR_ARGUMENT;
    block = clg_store_block(optimizer->store);
    if (!optimizer->clips || !block)
        return clg_fail(optimizer->object.ctx, CLG_ERR_STATE,
                        "grad_norm: optimizer '%s' measures no norm; clg_optimizer_clip_norm() "
                        "before a plan is compiled makes it",
                        optimizer->params.name);
    return clg_buffer_read(block, (uint64_t)(CLG_PART(optimizer->part) + CLG_PART_NORM) * 4, norm,
                           sizeof(*norm));
}

clg_status clg_optimizer_accumulate(clg_optimizer *optimizer)
{
    if (!optimizer)
        return CLG_ERR_ARGUMENT;
    if (!optimizer->accumulates)
        CLG_TRY(check_unused(optimizer, "accumulate"));
    optimizer->accumulates = true;
    return CLG_OK;
}
