/* A schedule on an optimizer. */
#include "optim/schedule.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "optim/optim.h"

clg_schedule_params clg_schedule_defaults(void)
{
    return (clg_schedule_params){
        .lr = NAN,
        .gamma = 0.1,
        .T_mult = 1,
        .start_factor = 1.0 / 3,
        .end_factor = 1,
        .total_iters = 5,
        .power = 1,
        .pct_start = 0.3,
        .div_factor = 25,
        .final_div_factor = 1e4,
        .factor = 0.1,
        .patience = 10,
        .threshold = 1e-4,
        .eps = 1e-8,
    };
}

/* ---- checks ---- */

static clg_status check_limit(struct clg_ctx *ctx, const struct clg_schedule_kind *kind,
                              const struct clg_schedule_limit *limit,
                              const clg_schedule_params *params)
{
    const char *field = (const char *)params + limit->offset;
    double value = limit->whole ? (double)*(const int64_t *)field : *(const double *)field;

    if (value <= limit->high && isfinite(value) &&
        (limit->over ? value > limit->low : value >= limit->low))
        return CLG_OK;
    return clg_fail(ctx, CLG_ERR_ARGUMENT, "schedule '%s': %s is %g, but must be %s", kind->name,
                    limit->name, value, limit->must);
}

static clg_status check_milestones(struct clg_ctx *ctx, const clg_schedule_params *params)
{
    int64_t before = 0;

    if (params->milestone_count == 0 || !params->milestones)
        return clg_fail(ctx, CLG_ERR_ARGUMENT,
                        "schedule 'multistep': there are no milestones, but must be one or more");
    for (size_t i = 0; i < params->milestone_count; before = params->milestones[i++])
        if (params->milestones[i] <= before)
            return clg_fail(ctx, CLG_ERR_ARGUMENT,
                            "schedule 'multistep': milestone %" PRId64 " comes after %" PRId64
                            ", but must be larger",
                            params->milestones[i], before);
    return CLG_OK;
}

static clg_status check_params(struct clg_ctx *ctx, const struct clg_schedule_kind *kind,
                               const clg_schedule_params *params)
{
    for (const struct clg_schedule_limit *limit = kind->limits; limit->name; limit++)
        CLG_TRY(check_limit(ctx, kind, limit, params));
    if (params->warmup < 0)
        return clg_fail(ctx, CLG_ERR_ARGUMENT,
                        "schedule '%s': warmup is %" PRId64 ", but must be at least 0", kind->name,
                        params->warmup);
    if (!isnan(params->lr) && !(params->lr >= 0 && isfinite(params->lr)))
        return clg_fail(ctx, CLG_ERR_ARGUMENT,
                        "schedule '%s': lr is %g, but must be 0 or a positive number", kind->name,
                        params->lr);
    return strcmp(kind->name, "multistep") == 0 ? check_milestones(ctx, params) : CLG_OK;
}

/* ---- creation ---- */

static void schedule_finish(struct clg_object *object)
{
    struct clg_schedule *schedule = (struct clg_schedule *)object;

    clg_free(object->ctx, schedule->milestones);
    clg_free(object->ctx, schedule);
}

static clg_status copy_milestones(struct clg_schedule *schedule)
{
    const clg_schedule_params *params = &schedule->params;

    schedule->milestones =
        clg_new(schedule->object.ctx, params->milestone_count, sizeof(*schedule->milestones));
    if (!schedule->milestones)
        return CLG_ERR_MEMORY;
    if (params->milestone_count)
        memcpy(schedule->milestones, params->milestones,
               params->milestone_count * sizeof(*schedule->milestones));
    schedule->params.milestones = schedule->milestones;
    return CLG_OK;
}

static struct clg_schedule *create(struct clg_optimizer *optimizer,
                                   const struct clg_schedule_kind *kind,
                                   const clg_schedule_params *params)
{
    struct clg_schedule *schedule = clg_new(optimizer->object.ctx, 1, sizeof(*schedule));

    if (!schedule)
        return NULL;
    clg_object_init(&schedule->object, &optimizer->object, schedule_finish);
    schedule->optimizer = optimizer;
    schedule->kind = kind;
    schedule->params = *params;
    if (strcmp(kind->name, "onecycle") == 0)
        schedule->params.lr = params->max_lr / params->div_factor;
    else if (isnan(params->lr))
        schedule->params.lr = clg_decimal_of(clg_optimizer_get_lr(optimizer));
    schedule->state.lr = schedule->params.lr;
    schedule->state.best = params->maximize ? -HUGE_VAL : HUGE_VAL;
    if (copy_milestones(schedule) != CLG_OK || clg_schedule_seek(schedule, 0) != CLG_OK)
        clg_schedule_destroy(&schedule);
    return schedule;
}

clg_schedule *clg_schedule_create(clg_optimizer *optimizer, const char *kind,
                                  const clg_schedule_params *params)
{
    const struct clg_schedule_kind *found = clg_schedule_find(kind);
    clg_schedule_params p = params ? *params : clg_schedule_defaults();
    struct clg_ctx *ctx;
    char names[256];

    if (!optimizer || !CLG_GIVEN(optimizer, kind))
        return NULL;
    ctx = optimizer->object.ctx;
    if (!found) {
        clg_schedule_names(names, sizeof(names));
        clg_fail(ctx, CLG_ERR_ARGUMENT, "schedule '%s' is not one: there are %s", kind, names);
        return NULL;
    }
    return check_params(ctx, found, &p) == CLG_OK ? create(optimizer, found, &p) : NULL;
}

void clg_schedule_destroy(clg_schedule **schedule)
{
    if (!schedule || !*schedule)
        return;
    clg_object_destroy(&(*schedule)->object);
    *schedule = NULL;
}

/* ---- the rate ---- */

/* SequentialLR begins with LinearLR's default, a third. */
static double rate_at(const struct clg_schedule *schedule, int64_t count)
{
    int64_t warmup = schedule->params.warmup;

    if (count >= warmup)
        return schedule->kind->rate(schedule, count - warmup);
    return schedule->params.lr * (1 + 2 * (double)count / (double)warmup) / 3;
}

static clg_status check_count(const struct clg_schedule *schedule, int64_t count)
{
    const clg_schedule_params *p = &schedule->params;
    struct clg_ctx *ctx = schedule->object.ctx;

    if (count < 0)
        return clg_fail(ctx, CLG_ERR_ARGUMENT,
                        "schedule '%s': the count is %" PRId64 ", but must be at least 0",
                        schedule->kind->name, count);
    if (strcmp(schedule->kind->name, "onecycle") == 0 && count - p->warmup >= p->total_steps)
        return clg_fail(ctx, CLG_ERR_ARGUMENT,
                        "schedule 'onecycle': the count is %" PRId64 ", but must be under %" PRId64
                        ": a warm-up of %" PRId64 " and total_steps of %" PRId64,
                        count, p->warmup + p->total_steps, p->warmup, p->total_steps);
    return CLG_OK;
}

clg_status clg_schedule_seek(clg_schedule *schedule, int64_t count)
{
    if (!schedule)
        return CLG_ERR_ARGUMENT;
    CLG_TRY(check_count(schedule, count));
    schedule->state.count = count;
    return clg_optimizer_set_lr(schedule->optimizer, (float)rate_at(schedule, count));
}

clg_status clg_schedule_step(clg_schedule *schedule)
{
    return schedule ? clg_schedule_seek(schedule, schedule->state.count + 1) : CLG_ERR_ARGUMENT;
}

/* ---- plateau ---- */

static bool is_better(const struct clg_schedule *schedule, double metric)
{
    const clg_schedule_params *p = &schedule->params;
    double best = schedule->state.best, share = p->absolute ? 0 : p->threshold;
    double difference = p->absolute ? p->threshold : 0;

    return p->maximize ? metric > best * (1 + share) + difference
                       : metric < best * (1 - share) - difference;
}

static void reduce(struct clg_schedule *schedule)
{
    const clg_schedule_params *p = &schedule->params;
    double lr = fmax(schedule->state.lr * p->factor, p->min_lr);

    if (schedule->state.lr - lr > p->eps)
        schedule->state.lr = lr;
    schedule->state.cooldown = p->cooldown;
    schedule->state.bad = 0;
}

clg_status clg_schedule_observe(clg_schedule *schedule, double metric)
{
    clg_schedule_state *state = schedule ? &schedule->state : NULL;

    if (!schedule)
        return CLG_ERR_ARGUMENT;
    if (strcmp(schedule->kind->name, "plateau") != 0 || state->count < schedule->params.warmup)
        return CLG_OK;
    if (is_better(schedule, metric)) {
        state->best = metric;
        state->bad = 0;
    } else {
        state->bad++;
    }
    if (state->cooldown > 0) {
        state->cooldown--;
        state->bad = 0;
    }
    if (state->bad > schedule->params.patience)
        reduce(schedule);
    return CLG_OK;
}

/* ---- where it stands ---- */

clg_schedule_state clg_schedule_get_state(const clg_schedule *schedule)
{
    return schedule ? schedule->state : (clg_schedule_state){0};
}

clg_status clg_schedule_set_state(clg_schedule *schedule, const clg_schedule_state *state)
{
    if (!schedule || !CLG_GIVEN(schedule, state))
        return CLG_ERR_ARGUMENT;
    CLG_TRY(check_count(schedule, state->count));
    schedule->state = *state;
    return clg_schedule_seek(schedule, state->count);
}
